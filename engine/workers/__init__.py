"""Processes that run races for the page, and the pool that manages them."""
