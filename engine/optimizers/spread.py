"""How far a population is spread out: the members' root mean square distance from their mean, which most methods show.

√(Σ_i ‖x_i − x̄‖² / P), and Σ_i ‖x_i − x̄‖² = Σ_i ‖x_i − c‖² − P ‖x̄ − c‖² for any place c. So many numbers are read once, strip by strip, best while the cache still holds what
an update has just written. c has to lie near the members, as any of them does, or the difference of the two sums loses its digits.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.evaluator.strips import MANY, Sum, strips
from engine.evaluator.workspace import buffer

ABOUT = 8
"""Members whose mean is c where no better place is known."""


class Spread:
    """The sums of one population, strip by strip.

    Args:
        x: the population (P, D), whose numbers may still change; nothing is added up where they are few.
        about: (D,) c, a place near the members.
    """

    def __init__(self, x: Tensor, about: Tensor) -> None:
        self.x, self.about = x, about
        self.many = x.numel() >= MANY and x.device.type == "cpu"
        self.rows = 0
        self.squares, self.sum = torch.zeros((), dtype=torch.float64) if self.many else None, Sum("departures", len(x), about) if self.many else None

    def add(self, members: Tensor) -> None:
        """Add some members as they will be, (m, D)."""
        if self.sum is None or self.squares is None:
            return
        apart = torch.sub(members, self.about, out=buffer("apart", tuple(members.shape), members))
        self.squares += torch.dot(apart.view(-1), apart.view(-1))
        self.sum.add(apart)
        self.rows += len(members)

    def value(self) -> Tensor:
        """√(Σ_i ‖x_i − x̄‖² / P), (), once every member is in."""
        if self.sum is None or self.squares is None:
            return self.x.var(0, correction=0).sum().sqrt()
        assert self.rows == len(self.x), "members were left out, or counted twice"
        mean = self.sum.value().double() / self.rows
        return (self.squares / self.rows - mean.square().sum()).clamp(min=0).sqrt().to(self.x)


def distance(x: Tensor) -> Tensor:
    """Root mean square distance of the members (P, D) from their mean: ()."""
    spread = Spread(x, x[:ABOUT].mean(0) if x.numel() >= MANY else x[0])
    for strip in strips(x):
        spread.add(x[strip])
    return spread.value()
