"""The notes of harmony search, fused: `engine.optimizers.harmony_search.improvise`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from . import compiled
from .compiled import MIN_NUMEL, Array, kernel
from .row_blocks import row_blocks
from .scratch import scratch_buffer

if TYPE_CHECKING:
    from ..random.rng import Rng

NOTES = 256
"""Weights of a harmony that are taken at a time."""
MOST_REMEMBERED = 1024
"""Harmonies from which one uniform number can both choose and still say, in 14 of its 24 bits, how
far the note is moved."""


def new_harmonies(
    rule: Callable[..., Tensor],
    memory: Tensor,
    count: int,
    rng: Rng,
    *,
    hmcr: float,
    par: float,
    bw: Tensor,
    low: Tensor,
    high: Tensor,
) -> Tensor:
    """Improvise harmonies by the rule, if they are many in a buffer: (Q, D).

    Args:
        rule: `engine.optimizers.harmony_search.improvise`.
        memory: (H, D).
        count: Q.
        rng: where notes and numbers are drawn.
        hmcr: memory considering rate.
        par: pitch adjusting rate.
        bw: (D,) bandwidth.
        low: (D,) lowest weights.
        high: (D,) highest weights.
    """
    new = scratch_buffer("improvised", (count, memory.shape[1]), memory)
    if compiled.fit(new, memory) and len(memory) <= MOST_REMEMBERED:
        bounds = bw.contiguous(), low.contiguous(), high.contiguous()
        _many(new, memory, rng, hmcr, par, *bounds)
        return new
    for rows in row_blocks(new):
        shape = rows.stop - rows.start, memory.shape[1]
        m = memory.gather(0, rng.integers(len(memory), *shape).to(memory.device))
        choice, u = rng.uniform(*shape).to(memory), rng.uniform(*shape).to(memory)
        new[rows] = rule(m, choice, u, hmcr=hmcr, par=par, bw=bw, low=low, high=high)
    return new


def _many(
    new: Tensor,
    memory: Tensor,
    rng: Rng,
    hmcr: float,
    par: float,
    bw: Tensor,
    low: Tensor,
    high: Tensor,
) -> None:
    """Improvise harmonies by the same law with fewer random numbers.

    One uniform number v gives for each note which row it is from, ⌊v H⌋, and with the rest
    u = v H − ⌊v H⌋, which is uniform as well, whether it is adjusted, u < PAR, and how far,
    1 − 2u/PAR. The positions that are drawn from the whole range (rate 1 − HMCR) are found by
    sampling the geometric gaps between them. A note from outside the bounds, which a visitor may
    have made narrower, is brought back into them.
    """
    count, dimension = new.shape
    keys = rng.integers(2**32, count, 2).cpu().to(torch.uint32)
    scale = 2 / par if par > 0 else 0.0
    hs_improvise(dimension, new, memory, keys, par, scale, bw, low, high, grain=NOTES)
    rare = 1 - hmcr
    for rows in torch.arange(count).split(1 + int(MIN_NUMEL / (rare * dimension + 1))):
        drawn = sparse(len(rows) * dimension, rare, rng)
        row, column = drawn // dimension + rows[0], drawn % dimension
        u = rng.uniform(len(drawn)).to(memory)
        new[row, column] = low[column] + (high - low)[column] * u


@kernel(
    "T[:, ::1], T[:, ::1], uint32[:, ::1], T, T, T[::1], T[::1], T[::1]",
    "new",
)
def hs_improvise(
    first: int,
    last: int,
    new: Array,
    memory: Array,
    keys: Array,
    share: Array,
    scale: Array,
    width: Array,
    low: Array,
    high: Array,
) -> None:
    """Improvise notes from the memory, some columns at a time: a core's own cache then holds them
    of all harmonies remembered.

    The uniform number of a note is computed from its column and the two keys of its harmony: its
    bits are mixed twice, with constants for which every bit of the column changes every bit of the
    number in about half of all cases (https://github.com/skeeto/hash-prospector). To read it from a
    table that fits no core's own cache would take longer than all else here.

    Three loops, for the second, which jumps about, cannot be done eight numbers at a time, and the
    others can.
    """
    size, nothing = memory.dtype.type(len(memory)), memory.dtype.type(0)
    unit = size * memory.dtype.type(2.0**-24)
    known, index = np.empty(len(memory) * NOTES, memory.dtype), np.empty(NOTES, np.int32)
    moved, last_row = np.empty(NOTES, memory.dtype), np.int32(len(memory) - 1)
    for start in range(first, last, NOTES):
        stop = min(start + NOTES, last)
        most, least, greatest = width[start:stop], low[start:stop], high[start:stop]
        for i in range(len(memory)):
            row, copy = memory[i, start:stop], known[i * NOTES : (i + 1) * NOTES]
            for j in range(len(row)):
                copy[j] = row[j]
        for i in range(len(new)):
            notes = new[i, start:stop]
            for j in range(len(notes)):
                x = np.uint32(np.uint32(start + j) + keys[i, 0])
                x = np.uint32((x ^ (x >> np.uint32(16))) * np.uint32(0x21F0AAAD))
                x = np.uint32(x ^ keys[i, 1])
                x = np.uint32((x ^ (x >> np.uint32(15))) * np.uint32(0x735A2D97))
                x = np.uint32(x ^ (x >> np.uint32(15)))
                v = memory.dtype.type(np.int32(x >> np.uint32(8))) * unit
                pick = min(np.int32(v), last_row)  # a product may be rounded up to H
                u = v - memory.dtype.type(pick)
                index[j] = pick * np.int32(NOTES) + np.int32(j)
                moved[j] = most[j] - most[j] * (scale * u) if u < share else nothing
            for j in range(len(notes)):
                notes[j] = known[index[j]]
            for j in range(len(notes)):
                note = notes[j] + moved[j]
                note = least[j] if note < least[j] else note
                notes[j] = greatest[j] if note > greatest[j] else note


def sparse(count: int, share: float, rng: Rng) -> Tensor:
    """Return which of so many independent events of that probability happen, as their numbers in
    order, int64: the gaps between them are geometric.
    """
    if share <= 0:
        return torch.empty(0, dtype=torch.long)
    most = math.ceil(count * share + 8 * math.sqrt(count * share)) + 16
    u = rng.uniform(most).double()
    gaps = (
        torch.ones_like(u)
        if share >= 1
        else (torch.log1p(-u) / math.log1p(-share)).floor_().add_(1)
    )
    numbers = gaps.cumsum(0).long() - 1
    return numbers[numbers < count]
