"""Loops compiled for the CPU: all that an update does to a number is done while it is in a
register.

Written with PyTorch, an update of several arrays is a dozen operations, of which each reads and
writes whole arrays; even strip by strip that takes as long as to evaluate the population. Numba
(Lam, Pitrou and Seibert, 2015, https://doi.org/10.1145/2833157.2833162) compiles the same update,
written as a plain loop, into one pass. A kernel is such a loop over some rows, or over some
columns, of large arrays; the cores take shares of them. Small populations and other devices do
without: there PyTorch's operations are as quick, and they are what each kernel is tested against.
"""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import Any

import torch
from torch import Tensor

MIN_NUMEL = 2**18
"""Numbers of a population from which on it is worth to look at it strip by strip, or only where it
changed, or to start the threads of a kernel."""
TYPES = {torch.float32: "float32", torch.float64: "float64"}
FASTMATH = {"reassoc", "contract", "nsz", "arcp"}
"""What the compiler may assume of arithmetic: sums in any order, fused products. That no number is
NaN it may not: a network that diverges has to be seen to."""
Array = Any
"""An array of NumPy's inside a loop, where Numba knows its type."""
SHARES = 4
"""Shares of a loop for every thread: one that the machine keeps waiting leaves the rest of its work
to the others."""
COLUMNS = 1024
"""Columns that a loop over columns takes at a time: 4 KiB of a row, so that some hundred rows of
them lie in a core's own cache."""


ALL: dict[str, list[Kernel]] = {}
"""Kernels by module, which is a method's."""
_spent: list[float] = []
COMMON = f"{__package__}.row_blocks"
"""The module of kernels that many methods use."""


class Kernel:
    """One such loop.

    Args:
        function: in Numba's subset of Python. Its first two arguments are the first row, or column,
            that is its share, and the one after the last.
        signature: the types of the other arguments, in Numba's notation; T stands for the numbers'
            type.
        writes: names of the arrays it writes to.
    """

    def __init__(
        self, function: Callable[..., None], signature: str, writes: Sequence[str]
    ) -> None:
        self.function, self.signature = function, signature
        names = list(inspect.signature(function).parameters)[2:]
        self.written = [names.index(name) for name in writes]
        self.lock = Lock()
        self.loops: dict[torch.dtype, Callable[..., None]] = {}

    def compiled(self, dtype: torch.dtype) -> Callable[..., None]:
        """Return the loop for numbers of that type; it takes about a second the first time on a
        machine, and is kept on disk.
        """
        with self.lock:
            if dtype not in self.loops:
                began = time.perf_counter()
                import numba  # takes half a second, and small races never need it

                types = f"void(int64, int64, {self.signature.replace('T', TYPES[dtype])})"
                try:
                    self.loops[dtype] = numba.njit(
                        types, nogil=True, cache=True, fastmath=FASTMATH
                    )(self.function)
                except RuntimeError:  # no folder may be written to
                    self.loops[dtype] = numba.njit(types, nogil=True, fastmath=FASTMATH)(
                        self.function
                    )
                _spent.append(time.perf_counter() - began)
            return self.loops[dtype]

    def __call__(self, count: int, x: Tensor, *others: Tensor | float, grain: int = 1) -> None:
        """Run it over so many rows or columns.

        Args:
            count: how many there are.
            x: its first array, whose type is the numbers' type; on the CPU like all of them.
            others: what else it takes.
            grain: shares are multiples of that many.
        """
        if x.dtype not in self.loops:
            # All that the method may need: the step that warms a lane up calls one of them, and
            # none is left for a step that the lane is charged for.
            for module in (self.function.__module__, COMMON):
                for sibling in ALL.get(module, ()):
                    sibling.compiled(x.dtype)
        loop, arguments = self.compiled(x.dtype), (x, *others)
        given = [one.detach().numpy() if isinstance(one, Tensor) else one for one in arguments]
        threads = torch.get_num_threads()
        step = -(-count // (threads * (SHARES if threads > 1 else 1) * grain)) * grain
        shares = (
            [(first, min(first + step, count)) for first in range(0, count, step)]
            if count
            else [(0, 0)]
        )
        left = iter(shares)  # one for all threads: whichever is free takes the next

        def work() -> None:
            for ends in left:
                loop(*ends, *given)

        waiting = [_pool().submit(work) for _ in range(min(threads, len(shares)) - 1)]
        work()
        for other in waiting:
            if not other.cancel():  # one that has not begun has nothing left to do
                other.result()
        for written in self.written:  # NumPy does not tell PyTorch
            one = arguments[written]
            assert isinstance(one, Tensor), "a number was written to"
            torch.autograd.graph.increment_version(one)


def kernel(signature: str, *writes: str) -> Callable[[Callable[..., None]], Kernel]:
    """Make a loop a kernel; see `Kernel`."""

    def made(function: Callable[..., None]) -> Kernel:
        ALL.setdefault(function.__module__, []).append(one := Kernel(function, signature, writes))
        return one

    return made


def seconds() -> float:
    """Return how long this process has compiled loops, or loaded compiled ones."""
    return sum(_spent)


def fit(*arrays: Tensor) -> bool:
    """Return whether kernels are for such arrays, the first of which is the population: many
    numbers, on the CPU, row after row.
    """
    return (
        arrays[0].numel() >= MIN_NUMEL
        and arrays[0].dtype in TYPES
        and all(
            one.device.type == "cpu" and one.dtype == arrays[0].dtype and one.is_contiguous()
            for one in arrays
        )
    )


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count(), "kernel")
