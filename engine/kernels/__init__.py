"""Loops compiled for the CPU, and how the work on a large population is cut up. Knows no method."""
