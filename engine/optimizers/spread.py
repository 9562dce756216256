"""How far a population is spread out: the members' root mean square distance from their mean, which most methods show.

√(Σ_i ‖x_i − x̄‖² / P), and Σ_i ‖x_i − x̄‖² = Σ_i ‖x_i − c‖² − P ‖x̄ − c‖² for any place c. So many numbers are read once, best while the cache still holds what an update
has just written. c has to lie near the members, as any of them does, or the difference of the two sums loses its digits.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.evaluator import kernels
from engine.evaluator.kernels import COLUMNS, Array, kernel

ABOUT = 8
"""Members whose mean is c where no better place is known."""


class Spread:
    """The sums of one population, some members after the other.

    Args:
        x: the population (P, D), whose numbers may still change; nothing is added up where they are few.
        about: (D,) c, a place near the members.

    Attributes:
        total: (D,) Σ_i (x_i − c) of the members added.
        squares: (D,) Σ_i (x_i − c)².
        rows: how many were added.
    """

    def __init__(self, x: Tensor, about: Tensor) -> None:
        self.x, self.about, self.rows = x, about.contiguous(), 0
        self.many = kernels.fit(x)
        self.total, self.squares = torch.zeros_like(self.about) if self.many else about, torch.zeros_like(self.about) if self.many else about

    def add(self, members: Tensor) -> None:
        """Add some members as they will be, (m, D)."""
        if self.many:
            departures(members.shape[1], members, self.about, self.total, self.squares, grain=COLUMNS)
            self.rows += len(members)

    def value(self) -> Tensor:
        """√(Σ_i ‖x_i − x̄‖² / P), (), once every member is in."""
        if not self.many:
            return self.x.var(0, correction=0).sum().sqrt()
        assert self.rows == len(self.x), "members were left out, or counted twice"
        mean = self.total.double() / self.rows
        return (self.squares.sum(dtype=torch.float64) / self.rows - mean.square().sum()).clamp(min=0).sqrt().to(self.x)


def distance(x: Tensor) -> Tensor:
    """Root mean square distance of the members (P, D) from their mean: ()."""
    spread = Spread(x, x[:ABOUT].mean(0) if kernels.fit(x) else x[0])
    spread.add(x)
    return spread.value()


@kernel("T[:, ::1], T[::1], T[::1], T[::1]", "total", "squares")
def departures(first: int, last: int, x: Array, about: Array, total: Array, squares: Array) -> None:
    """`Spread.add` of members x (m, D), column by column."""
    for start in range(first, last, COLUMNS):
        stop = min(start + COLUMNS, last)
        middle, sums, sums_of_squares = about[start:stop], total[start:stop], squares[start:stop]
        for i in range(len(x)):
            place = x[i, start:stop]
            for j in range(len(place)):
                apart = place[j] - middle[j]
                sums[j] += apart
                sums_of_squares[j] += apart * apart
