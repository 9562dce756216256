"""How far a population is spread out: the members' root mean square distance from their mean, which
most methods show.

Σ_i ‖x_i − x̄‖² = Σ_i ‖x_i − c‖² − P ‖x̄ − c‖² for any place c, so a large population is read once.
c has to lie near the members, as any of them does, or the difference of the two sums loses its
digits.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...kernels import compiled
from ...kernels.compiled import COLUMNS, Array, kernel

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
    departures(len(about), x, about, total, squares, grain=COLUMNS)
    mean = total.double() / len(x)
    return (
        (squares.sum(dtype=torch.float64) / len(x) - mean.square().sum()).clamp(min=0).sqrt().to(x)
    )


@kernel("T[:, ::1], T[::1], T[::1], T[::1]", "total", "squares")
def departures(first: int, last: int, x: Array, about: Array, total: Array, squares: Array) -> None:
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
