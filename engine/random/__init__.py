"""Random numbers: addressed by (seed, lane, step), and many of them from a table."""
