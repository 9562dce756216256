"""Random numbers addressed by (seed, lane, step).

A race must be repeatable from any step, so there is no hidden generator state: before every step
the one generator is reseeded from a hash of (seed, lane, step). Draws within a step come in a fixed
order. PyTorch promises the same stream only on the same kind of device, so that is all Kelvin
promises.
"""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor

from ..kernels.row_blocks import ELSEWHERE
from . import noise_table
from .hashed_seed import hashed_seed
from .random_rows import RandomRows

LARGE = 2**18
"""From this many numbers on, a draw is made block by block, on all cores."""


class Rng:
    """The random number generator of one lane.

    Args:
        seed: the experiment's seed.
        stream: the purpose of these numbers, such as ``"lane 0"``; streams never overlap.
        device: where the numbers are made.
        dtype: the floating type of the numbers.
    """

    def __init__(
        self,
        seed: int,
        stream: str,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.seed, self.stream, self.dtype = seed, stream, dtype
        self.device = torch.device(device)
        self.generator = torch.Generator(self.device)
        self.at(0)

    def at(self, step: int) -> Rng:
        """Go to the start of a step. The same step always gives the same numbers."""
        self.generator.manual_seed(hashed_seed(self.seed, self.stream, step))
        return self

    def normal(self, *shape: int) -> Tensor:
        """Return standard normal numbers."""
        return self._drawn("normal", shape)

    def uniform(self, *shape: int) -> Tensor:
        """Return uniform numbers in [0, 1)."""
        return self._drawn("uniform", shape)

    def rows(self, law: noise_table.Law, count: int, width: int) -> RandomRows:
        """Return such numbers for every weight of a population (count, width), drawn in blocks of
        rows, so that never many are in memory at a time.
        """
        few = (
            count * width < (LARGE if self.device.type == "cpu" else ELSEWHERE)
            or self.device.type == "mps"
        )
        if few:
            whole = self.normal(count, width) if law == "normal" else self.uniform(count, width)
            return RandomRows(law, 0, count, width, whole, whole)
        return RandomRows(
            law, self.key(), count, width, torch.empty(0, dtype=self.dtype, device=self.device)
        )

    def _drawn(self, law: noise_table.Law, shape: tuple[int, ...]) -> Tensor:
        if prod(shape) >= LARGE and self.device.type == "cpu":
            return noise_table.fill(torch.empty(shape, dtype=self.dtype), self.key(), law)
        draw = torch.randn if law == "normal" else torch.rand
        return draw(shape, generator=self.generator, device=self.device, dtype=self.dtype)

    def key(self) -> int:
        """Return a seed of 63 bits for numbers that are drawn elsewhere."""
        return int(torch.randint(2**63 - 1, (), generator=self.generator, device=self.device))

    def integers(self, high: int, *shape: int) -> Tensor:
        """Return whole numbers in [0, high), int64."""
        return torch.randint(high, shape, generator=self.generator, device=self.device)

    def permutation(self, n: int) -> Tensor:
        """Return the numbers 0…n−1 in random order, int64."""
        return torch.randperm(n, generator=self.generator, device=self.device)
