"""The process and the machine: threads, settings, checks of input, output files."""
