"""Bars of combinatorial problems, one module for each kind of problem, each with `rows`."""
