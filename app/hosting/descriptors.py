"""File descriptors: an open page takes some five, and the usual limit is 1024."""

from __future__ import annotations

import contextlib

import psutil

try:
    import resource
except ImportError:  # Windows, which has no such limit
    resource = None  # type: ignore[assignment]

WANTED = 65_536
FEW = 4_096
"""With fewer a server holds some 700 pages at most, which its log says."""


def raise_limit(wanted: int = WANTED) -> int:
    """Raise the limit as far as this process may, to at most what is wanted; return the limit."""
    if resource is None:
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    aim = wanted if hard == unlimited else min(wanted, hard)
    if soft != unlimited and soft < aim:
        with contextlib.suppress(OSError, ValueError):  # macOS allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (aim, hard))
    return most()


def most() -> int:
    """Return how many may be open."""
    if resource is None:
        return WANTED
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return WANTED if soft == resource.RLIM_INFINITY else soft


def used() -> int:
    """Return how many are open."""
    process = psutil.Process()
    return process.num_fds() if hasattr(process, "num_fds") else len(process.open_files())
