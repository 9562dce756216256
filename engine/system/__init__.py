"""The process and the machine: threads, settings, checks of input, files that are written."""
