"""Populations that are evaluated without being written out, such as antithetic pairs."""
