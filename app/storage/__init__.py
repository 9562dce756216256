"""Races that a server keeps on its disk: an index, and a file of frames for each."""
