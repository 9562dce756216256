"""The noise that a method adds to one set of weights: rows ε_i that are stored, regenerated, or
products of low-rank factors. (n, D), but mostly never in memory as a whole.

Evaluations and weighted sums read it layer by layer and a few rows at a time, in its own form.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..kernels.scratch import scratch_buffer
from ..random import noise_table

if TYPE_CHECKING:
    from ..networks.base import Layer

KEPT_BYTES = 2**26
"""Noise of at most this size, 64 MiB, is stored until it is summed; larger noise is drawn a second
time instead.
"""

Part = tuple[Tensor, ...]
"""The noise of some rows on one weight tensor: itself, (m, *shape); or its factors (m, outputs, r)
and (m, inputs, r), whose product must be divided by √r.
"""


class Noise(ABC):
    """n rows of D numbers.

    Attributes:
        rows: n.
    """

    rows: int
    together: int = 1
    """The number of rows that are best read at once, from a multiple of that number on."""

    @abstractmethod
    def parts(self, start: int, stop: int, layers: Sequence[Layer]) -> list[Part]:
        """Return the rows from start to stop, tensor by tensor. They may be in a buffer that the
        next call overwrites.
        """

    @abstractmethod
    def chosen(self, rows: Tensor) -> Tensor:
        """Return those rows written out: (m,) → (m, D)."""

    @abstractmethod
    def combine(self, weights: Tensor) -> Tensor:
        """Return Σ_i w_i ε_i: (n,) → (D,)."""


@dataclass
class DenseNoise(Noise):
    """Stored rows, (n, D)."""

    numbers: Tensor

    def __post_init__(self) -> None:
        self.rows = len(self.numbers)

    def parts(self, start: int, stop: int, layers: Sequence[Layer]) -> list[Part]:
        return cut(self.numbers[start:stop], layers)

    def chosen(self, rows: Tensor) -> Tensor:
        return self.numbers[rows]

    def combine(self, weights: Tensor) -> Tensor:
        return weights @ self.numbers


@dataclass
class SeededNoise(Noise):
    """Rows that are not stored: each belongs to a block of rows, which is drawn from its own seed
    whenever needed.

    Attributes:
        seed: of all blocks.
        rows: n.
        like: (D,) a tensor with the size D, the type and the device.
    """

    seed: int
    rows: int
    like: Tensor

    def __post_init__(self) -> None:
        # Rows in a block.
        self.together = max(1, min(8, noise_table.block_of(self.like.device) // self.like.numel()))

    def drawn(self, start: int, stop: int) -> Tensor:
        """Return the rows from start to stop, (stop − start, D), in a buffer."""
        first = start // self.together
        begin, end = (
            first * self.together,
            min(self.rows, -(-stop // self.together) * self.together),
        )
        numbers = scratch_buffer("noise rows", (end - begin, self.like.numel()), self.like)
        noise_table.fill(numbers, self.seed, "normal", first, self.together * self.like.numel())
        return numbers[start - begin : stop - begin]

    def pieces(self) -> Iterator[tuple[int, int]]:
        """Return ranges of rows that are small and quick to draw at once."""
        step = max(1, KEPT_BYTES // 16 // self.like.nbytes // self.together) * self.together
        for start in range(0, self.rows, step):
            yield start, min(self.rows, start + step)

    def parts(self, start: int, stop: int, layers: Sequence[Layer]) -> list[Part]:
        return cut(self.drawn(start, stop), layers)

    def chosen(self, rows: Tensor) -> Tensor:
        return torch.cat([self.drawn(row, row + 1).clone() for row in rows.tolist()])

    def combine(self, weights: Tensor) -> Tensor:
        total = torch.zeros_like(self.like)
        for start, stop in self.pieces():
            total.addmv_(self.drawn(start, stop).T, weights[start:stop])
        return total


@dataclass
class LowRankNoise(Noise):
    """Rows whose part on a weight matrix is A Bᵀ/√r; on a bias the noise has full rank.

    Attributes:
        tensors: for each layer A (n, outputs, r) and B (n, inputs, r), or only the noise (n, size).
        rank: r.
    """

    tensors: list[Part]
    rank: int

    def __post_init__(self) -> None:
        self.rows = len(self.tensors[0][0])

    def parts(self, start: int, stop: int, layers: Sequence[Layer]) -> list[Part]:
        return [tuple(tensor[start:stop] for tensor in part) for part in self.tensors]

    def chosen(self, rows: Tensor) -> Tensor:
        return torch.cat(
            [
                part[0][rows]
                if len(part) == 1
                else (part[0][rows] @ part[1][rows].mT).flatten(1) * self.rank**-0.5
                for part in self.tensors
            ],
            1,
        )

    def combine(self, weights: Tensor) -> Tensor:
        return torch.cat(
            [
                weights @ part[0] if len(part) == 1 else self._product(weights, *part)
                for part in self.tensors
            ]
        )

    def _product(self, weights: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """Return Σ_i w_i A_i B_iᵀ / √r, flat: one product of (outputs, n r) and (n r, inputs)."""
        wide = (weights[:, None, None] * a).transpose(0, 1).flatten(1)
        return (wide @ b.mT.flatten(0, 1)).flatten() * self.rank**-0.5


def cut(rows: Tensor, layers: Sequence[Layer]) -> list[Part]:
    """Return views of rows (m, D), tensor by tensor."""
    return [(rows[:, layer.start : layer.stop].unflatten(1, layer.shape),) for layer in layers]
