"""How far a population is spread out: what most methods show, and no step needs.

Σ_i ‖x_i − x̄‖² = Σ_i ‖x_i − c‖² − P ‖x̄ − c‖² for any place c, so a large population is read once.
c has to lie near the members, as any of them does, or the difference of the two sums loses its
digits.
"""

from __future__ import annotations

import torch
from torch import Tensor

from . import compiled
from .compiled import COLUMNS, Array, kernel
from .row_blocks import row_blocks
from .scratch import scratch_buffer

ABOUT = 8
"""Members whose mean is c."""


def distance(x: Tensor) -> Tensor:
    """Measure the root mean square distance of the members (P, D) from their mean, √(Σ_i ‖x_i −
    x̄‖² / P): ().
    """
    if not compiled.fit(x):
        return x.var(0, correction=0).sum().sqrt()
    about = x[:ABOUT].mean(0)
    total, squares = torch.zeros_like(about), torch.zeros_like(about)
    add_deviations(len(about), x, about, total, squares, grain=COLUMNS)
    mean = total.double() / len(x)
    return (
        (squares.sum(dtype=torch.float64) / len(x) - mean.square().sum()).clamp(min=0).sqrt().to(x)
    )


def diameter(x: Tensor) -> Tensor:
    """Measure the distance across the members (P, D), (): from the one farthest from their centre
    to the one farthest from it.

    It is at least half the true diameter and at most all of it.
    """
    return distances(x, x[distances(x, x.mean(0)).argmax()]).max()


def distances(x: Tensor, place: Tensor) -> Tensor:
    """Measure how far members (P, D) are from a place (D,): (P,)."""
    if compiled.fit(x, place):
        apart = x.new_empty(len(x))
        row_distances(len(x), x, place, apart)
        return apart
    return torch.cat(
        [
            torch.linalg.vector_norm(
                torch.sub(x[rows], place, out=scratch_buffer("pull", tuple(x[rows].shape), x)),
                dim=1,
            )
            for rows in row_blocks(x)
        ]
    )


@kernel("T[:, ::1], T[::1], T[::1], T[::1]", "total", "squares")
def add_deviations(
    first: int, last: int, x: Array, about: Array, total: Array, squares: Array
) -> None:
    """Add Σ_i (x_i − c) and Σ_i (x_i − c)² of members x (m, D) and a place c (D,) to two rows (D,),
    column by column.
    """
    for start in range(first, last, COLUMNS):
        stop = min(start + COLUMNS, last)
        middle, sums, sums_of_squares = about[start:stop], total[start:stop], squares[start:stop]
        for i in range(len(x)):
            place = x[i, start:stop]
            for j in range(len(place)):
                apart = place[j] - middle[j]
                sums[j] += apart
                sums_of_squares[j] += apart * apart


@kernel("T[:, ::1], T[::1], T[::1]", "apart")
def row_distances(first: int, last: int, x: Array, place: Array, apart: Array) -> None:
    """Measure how far members (m, D) are from a place (D,)."""
    for i in range(first, last):
        total = x.dtype.type(0)
        for j in range(x.shape[1]):
            deviation = x[i, j] - place[j]
            total += deviation * deviation
        apart[i] = total ** x.dtype.type(0.5)
