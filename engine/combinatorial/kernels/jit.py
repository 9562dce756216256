"""Compile loops for the processor, once for a machine.

A kernel is compiled when its module is imported, for the types that its signature names, and kept
on disk. Nothing is compiled while a lane's seconds are counted. What this machine has not compiled
yet is compiled by a process of its own: it goes on if this one is ended meanwhile, as a worker is
whose visitor has left.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

from . import INSIDE, WAITING, all_wanted

F = TypeVar("F", bound=Callable[..., Any])


def _sources() -> tuple[str, int]:
    """Return a stamp of all kernels' sources. Numba compares only the file that a kernel stands in,
    and would go on using a kept kernel after a change in another file that it calls.
    """
    digest = hashlib.blake2b(digest_size=8)
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest(), 0


SOURCES = _sources()
_apart = False


OPTIONS: dict[str, Any] = {"nogil": True, "_nrt": False}
"""Kernels release Python's lock, and allocate nothing: without Numba's runtime no array is counted
as used again at every call, which made a loop of small functions twice as slow."""


def inner(function: F) -> F:
    """Mark a short function that kernels call. It is compiled into every place that calls it."""
    compiled: F = numba.njit(**OPTIONS, forceinline=True)(function)
    return compiled


def called(function: F) -> F:
    """Mark a long function that kernels call. It stays one function: copied into every place that
    calls it, it would make compiling several times as slow.
    """
    compiled: F = numba.njit(**OPTIONS)(function)
    return compiled


def kernel(signature: str) -> Callable[[F], F]:
    """Compile a function for the types of a signature, in Numba's notation. It releases Python's
    lock while it runs.
    """

    def made(function: F) -> F:
        dispatcher = numba.njit(**OPTIONS)(function)
        try:
            dispatcher.enable_caching()
            dispatcher._cache._cache_file._source_stamp = SOURCES
            ours = function.__module__.startswith(f"{__package__}.")
            if ours and all_wanted() and not dispatcher._cache._cache_file._load_index():
                _compile_apart()
        except RuntimeError:  # no folder may be written to
            dispatcher = numba.njit(**OPTIONS)(function)
        dispatcher.compile(signature)
        dispatcher.disable_compile()
        return dispatcher

    return made


def _compile_apart() -> None:
    """Let another process compile all kernels, once, and wait for it. What it could not keep is
    compiled here.
    """
    global _apart
    if _apart or INSIDE in os.environ:
        return
    _apart = True
    for tell in WAITING:
        tell()
    subprocess.Popen(
        [sys.executable, "-m", str(__package__)],
        cwd=Path(__file__).resolve().parents[3],
        env={**os.environ, INSIDE: "1"},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    ).wait()
