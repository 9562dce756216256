"""A population worked through a few members at a time: all that a method does to a strip of it is
done while the cores' caches hold that strip, in memory used again.

Written out for the whole population at once, every operation of an update reads and writes all of
it, and a fresh result costs page faults besides: for a hundred networks of fifty thousand weights
that takes longer than to evaluate them. On a GPU, where starting an operation is what costs, a
strip is large.

Cores share the work of one operation, and each should find in its own cache what it wrote there by
the one before: to fetch it from another core takes up to ten times as long. An elementwise
operation gives each core some rows. A sum over rows, or a product with a vector, gives it some
columns instead, and so does copying long rows: hence `Sum` and `gather_rows`.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from . import compiled
from .compiled import MIN_NUMEL, Array, kernel
from .scratch import scratch_buffer

STRIP = {"cpu": 2**19}
"""Numbers in a strip, per kind of device: 2 MiB in float32, so that the three or four arrays of an
update lie in a shared cache together."""
ELSEWHERE = 2**24
"""On a GPU, where starting an operation is what costs: 64 MiB."""
NARROW = 2**15 - 64
"""Weights of a member that are copied at a time: of longer rows (32,768 numbers) PyTorch copies one
after the other, each by all cores."""


def rows_of(width: int, device: torch.device) -> int:
    """Return how many members of that many weights make a strip."""
    return max(1, numbers_of(device.type) // width)


def numbers_of(kind: str) -> int:
    """Return how many numbers a strip has on that kind of device."""
    return STRIP.get(kind, ELSEWHERE)


def row_blocks(x: Tensor, rows: slice | None = None) -> Iterator[slice]:
    """Return the strips of a population (P, D), or of some rows of it, first to last, as slices of
    its rows.
    """
    first, last = (0, len(x)) if rows is None else (rows.start, rows.stop)
    step = rows_of(x.shape[1], x.device)
    for start in range(first, last, step):
        yield slice(start, min(start + step, last))


def again(x: Tensor | None, shape: tuple[int, int], like: Tensor) -> Tensor:
    """Return memory (P, D) for a population whose numbers are all new: that of the last one, where
    it fits.

    Args:
        x: the last one, of no use any more.
        shape: of the new one.
        like: tells the type and the device.
    """
    fits = (
        isinstance(x, Tensor)
        and x.shape == shape
        and x.dtype == like.dtype
        and x.device == like.device
        and x.is_contiguous()
    )
    return x if fits and x is not None else torch.empty(shape, dtype=like.dtype, device=like.device)


def gather_rows(x: Tensor, rows: Tensor, name: str) -> Tensor:
    """Return those members of a population (P, D) in the buffer of that name, (m, D)."""
    out = scratch_buffer(name, (len(rows), x.shape[1]), x)
    for start in range(0, x.shape[1], NARROW):
        torch.index_select(
            x[:, start : start + NARROW], 0, rows, out=out[:, start : start + NARROW]
        )
    return out


def replace(x: Tensor, chosen: Tensor, by: Tensor, origin: Tensor | None = None) -> None:
    """Take some rows of a population from another one, in place.

    Args:
        x: (P, D) the population.
        chosen: (P,) bool, which rows.
        by: (n, D) the other one.
        origin: (P,) int64, which of its rows for each; the same one if not given.
    """
    # On a GPU to know how many there are would be a wait for it.
    if x.device.type != "cpu" or x.numel() < MIN_NUMEL:
        torch.where(chosen.unsqueeze(1), by if origin is None else by[origin], x, out=x)
        return
    rows = chosen.nonzero().squeeze(1)
    origin = rows if origin is None else origin[rows]
    if compiled.fit(x, by):
        copy_rows(len(rows), x, by, rows, origin)
        return
    for some, theirs in zip(
        *(one.split(rows_of(x.shape[1], x.device)) for one in (rows, origin)), strict=True
    ):
        x.index_copy_(0, some, gather_rows(by, theirs, "replacing"))


@kernel("T[:, ::1], T[:, ::1], int64[::1], int64[::1]", "x")
def copy_rows(first: int, last: int, x: Array, by: Array, rows: Array, origin: Array) -> None:
    """Copy rows (n,) of one population (P, D) into another."""
    for i in range(first, last):
        x[rows[i]] = by[origin[i]]


class Sum:
    """Σ_i w_i x_i over the members of a population, (D,), from its strips.

    Every row of a strip is added to a row of its own, and these are added up once, at the end.

    Args:
        name: of the buffer; two sums at a time need two names.
        count: members there are, P.
        like: (…, D) tells D, the type and the device.
    """

    def __init__(self, name: str, count: int, like: Tensor) -> None:
        width = like.shape[-1]
        self.rows = scratch_buffer(
            f"sum of {name}", (min(count, rows_of(width, like.device)), width), like
        ).zero_()

    def add(self, strip: Tensor, weights: Tensor | None = None) -> None:
        """Add a strip of members (m, D), with weights (m,) or all with weight 1."""
        rows = self.rows[: len(strip)]
        rows.add_(strip) if weights is None else rows.addcmul_(strip, weights.unsqueeze(1))

    def value(self) -> Tensor:
        """Return what they add up to, (D,)."""
        return self.rows.sum(0)
