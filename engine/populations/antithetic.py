"""A population of mirrored pairs θ ± ρ s⊙ε_i that is evaluated without being written out.

A layer's products with θ are computed once for all members; those with ε_i once for both members of
a pair, whose sums are then base + noise and base − noise. As a tensor it is (2n, D), first all of θ
+ ρ s⊙ε, then all of θ − ρ s⊙ε.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .lazy import Unwritten
from .noise import Noise


@dataclass(eq=False)
class Mirrored(Unwritten):
    """2n mirrored members.

    Attributes:
        theta: (D,) the centre of the pairs.
        noise: ε, n rows.
        reach: ρ.
        scale: s (D,), each weight's natural scale 1/√fan_in; None for 1 everywhere.
    """

    theta: Tensor
    noise: Noise
    reach: float
    scale: Tensor | None = None

    def __len__(self) -> int:
        return 2 * self.noise.rows

    @property
    def like(self) -> Tensor:
        return self.theta

    def members(self, rows: Tensor) -> Tensor:
        noise = self.noise.chosen(rows % self.noise.rows).mul(self.reach)
        if self.scale is not None:
            noise.mul_(self.scale)
        return noise.mul_(torch.where(rows < self.noise.rows, 1, -1).to(noise).unsqueeze(1)).add_(
            self.theta
        )

    def finite(self) -> Tensor:
        return torch.isfinite(self.theta).expand(self.shape)  # noise is always finite

    def pairs(self, start: int, stop: int) -> Tensor:
        """Return the pairs from start to stop: (2·(stop − start), D), first θ + …, then θ − …"""
        rows = torch.arange(start, stop, device=self.device)
        return self.members(torch.cat([rows, rows + self.noise.rows]))

    def moved(self, index: int, difference: float) -> Mirrored:
        """Return the same population with a difference added to one weight of every member."""
        theta = self.theta.clone()
        theta[index] += difference
        return replace(self, theta=theta)
