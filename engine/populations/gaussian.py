"""Samples of a Gaussian that are drawn when they are evaluated: each process of a race that several
share draws its own, and none holds the population.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor

from ..kernels.gaussian_sampling import sampled, sampled_part
from ..kernels.row_blocks import again
from ..kernels.scratch import scratch_buffer
from ..random.random_rows import RandomRows
from ..random.rng import LARGE
from .base import Population


@dataclass(eq=False)
class GaussianPopulation(Population):
    """The samples μ + σ ⊙ z_k, as `engine.kernels.gaussian_sampling.sampled` writes them. On the
    CPU: on a GPU numbers depend on which rows are drawn together.

    Attributes:
        z: rows of D standard normal numbers.
        mean: (D,) μ.
        deviation: (D,) σ.
        count: samples.
        half: from this sample on they mirror the first ones; the count if they do not.
    """

    z: RandomRows
    mean: Tensor
    deviation: Tensor
    count: int
    half: int
    spreads = True

    @property
    def like(self) -> Tensor:
        return self.mean

    def __len__(self) -> int:
        return self.count

    def beginning(self, count: int) -> GaussianPopulation:
        return replace(self, count=count, half=min(count, self.half))

    def finite(self) -> Tensor:
        # The numbers themselves are always finite.
        return (torch.isfinite(self.mean) & torch.isfinite(self.deviation)).expand(self.shape)

    def members(self, rows: Tensor) -> Tensor:
        out = torch.empty(len(rows), len(self.mean), dtype=self.dtype)
        for place, row in enumerate(rows.tolist()):
            self._write(out[place : place + 1], row)
        return out

    def dense(self) -> Tensor:
        out = torch.empty(self.shape, dtype=self.dtype)
        self._write(out, 0)
        return out

    def __getitem__(self, rows: Any) -> Tensor:
        """Return rows as for a tensor; consecutive members are in a buffer that the next evaluation
        overwrites.
        """
        if isinstance(rows, slice) and rows.step in (None, 1):
            start, stop, _ = rows.indices(self.count)
            out = scratch_buffer("sampled", (max(0, stop - start), len(self.mean)), self.mean)
            self._write(out, start)
            return out
        if isinstance(rows, int) or (isinstance(rows, Tensor) and rows.ndim == 0):
            return self.members(torch.tensor([int(rows)]))[0]
        return super().__getitem__(rows)

    def _write(self, out: Tensor, start: int) -> None:
        """Write the members from ``start`` on, as many as there is room for."""
        plain = max(0, min(len(out), self.half - start))
        if plain:
            sampled_part(out[:plain], self.z, self.mean, self.deviation, start)
        if plain < len(out):
            row = start + plain - self.half
            sampled_part(out[plain:], self.z, self.mean, -self.deviation, row)


def drawn(
    last: Tensor | None,
    z: RandomRows,
    mean: Tensor,
    deviation: Tensor,
    count: int,
    mirrored: bool = False,
    spread: bool = False,
) -> Tensor:
    """Return samples of a Gaussian, written out; or, where several processes share a race, as a
    population that each of them draws its part of.

    Args:
        last: the population before, of no use any more.
        z: see `GaussianPopulation`.
        mean: (D,); may change afterwards.
        deviation: (D,).
        count: samples.
        mirrored: whether the second half mirrors the first.
        spread: whether several processes share the race.
    """
    if spread and mean.device.type == "cpu" and count * len(mean) >= LARGE:
        half = (count + 1) // 2 if mirrored else count
        samples = GaussianPopulation(z, mean.clone(), deviation.clone(), count, half)
        return cast(Tensor, samples)
    return sampled(again(last, (count, len(mean)), mean), z, mean, deviation, mirrored)
