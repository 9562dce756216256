"""Places in ``numbers``, the int64 counters that the loops read and write."""

CURRENT, LOWEST, READS, MOVES, ACCEPTED = range(5)
"""The length of the present solution, the shortest so far, distances looked at, moves proposed,
moves made."""
