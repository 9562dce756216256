"""A population of mirrored pairs θ ± ρ s⊙ε_i that is evaluated without being written out.

A layer's products with θ are computed once for all members; those with ε_i once for both members of
a pair, whose sums are then base + noise and base − noise. As a tensor it is (2n, D), first all of θ
+ ρ s⊙ε, then all of θ − ρ s⊙ε.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..kernels import chunking
from .base import Answer, Population
from .chunks import chunk_members, is_bf16, own_rows, rounded, samples_at_once
from .noise import Noise

if TYPE_CHECKING:
    from ..networks.base import Network
    from .layerwise import ActivationCache


@dataclass(eq=False)
class AntitheticPopulation(Population):
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
    spreads = True

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

    def answers(self, network: Network, x: Tensor, cache: ActivationCache) -> Iterator[Answer]:
        """Evaluate the pairs; what both members of a pair, or all pairs, share is computed once."""
        step, exact, at_once = samples_at_once(network, x), not is_bf16(), self.noise.together
        cache.flops = (
            network.antithetic_flops(self, len(x)) if exact else len(self) * len(x) * network.flops
        )
        for first in range(0, len(x), step):
            part = x[first : first + step]
            ready = network.prepare(rounded(part))
            centre = network.centre(self.theta, ready) if exact else None
            # Rows of noise written out at a time; twice as many members.
            most = max(1, chunking.MOST_BYTES // 16 // self.theta.nbytes)
            size = max(
                at_once,
                min(most, chunk_members(network, len(part), self.device)) // at_once * at_once,
            )
            for start, stop in own_rows(self.noise.rows, size, at_once):
                answer = (
                    network.mirrored(self, centre, start, stop, ready)
                    if exact
                    else network.evaluate(rounded(self.pairs(start, stop)), ready)
                )
                rows = torch.arange(start, stop, device=self.device)
                yield (
                    torch.cat([rows, rows + self.noise.rows]),
                    slice(first, first + step),
                    answer.to(self.dtype),
                )

    def moved(self, index: int, difference: float) -> AntitheticPopulation:
        """Return the same population with a difference added to one weight of every member."""
        theta = self.theta.clone()
        theta[index] += difference
        return replace(self, theta=theta)
