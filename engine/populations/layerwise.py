"""Chains of which each moves one layer at a time, and what their hidden layers answered, remembered
from move to move.

Below the layer that moves nothing changes, so a proposal is judged from there upward. What is
remembered belongs to one population and one batch: another tensor of either, and it is worth
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..kernels.chunking import MOST_BYTES
from .lazy import Unwritten


@dataclass
class Move:
    """What the chains that drew one layer propose for it.

    Attributes:
        layer: its number; weights and biases together are one.
        weights: the slice of the packed vector.
        rows: (m,) int64, the chains.
        block: (m, size) what these weights become.
        hidden: what the layers from this one on answer with it, (m, width, B) each, where that was
            found; the output layer's answers are not kept.
    """

    layer: int
    weights: slice
    rows: Tensor
    block: Tensor
    hidden: list[Tensor] = field(default_factory=list)


@dataclass
class Memory:
    """What the hidden layers of a population answered on a batch.

    Attributes:
        population: (P, D), None where nothing is remembered.
        x: (B, *shape).
        hidden: (P, width, B) for each hidden layer, after its activation.
        version: of the population's numbers, which whoever writes to them moves on.
        missed: a population and a batch that were asked for in vain, lately.
        flops: operations inside the network that the last question took.
    """

    population: Tensor | None = None
    x: Tensor | None = None
    hidden: list[Tensor] = field(default_factory=list)
    version: int = -1
    missed: tuple[Tensor, Tensor] | None = None
    flops: int = 0

    def holds(self, population: Tensor, x: Tensor) -> bool:
        """Whether it is of this very population, not written to since, and batch."""
        return self.population is population and self.x is x and self.version == population._version

    def begin(self, population: Tensor, x: Tensor, widths: Sequence[int]) -> list[Tensor]:
        """Forget, and make room for the answers of another population or batch."""
        shapes = [(len(population), width, len(x)) for width in widths]
        if (
            [tuple(one.shape) for one in self.hidden] != shapes
            or self.hidden[0].dtype != population.dtype
            or self.hidden[0].device != population.device
        ):
            self.hidden = [
                torch.empty(shape, dtype=population.dtype, device=population.device)
                for shape in shapes
            ]
        self.population, self.x, self.version, self.missed = (
            population,
            x,
            population._version,
            None,
        )
        return self.hidden

    def missing(self, population: Tensor, x: Tensor) -> bool:
        """Told of a question it could not help with. Whether it was asked so twice in a row: then
        the answers are worth finding.
        """
        again = self.missed is not None and self.missed[0] is population and self.missed[1] is x
        self.missed = (population, x)
        return again

    @staticmethod
    def fits(population: Tensor, samples: int, widths: Sequence[int]) -> bool:
        """Whether that much may be remembered: half of what evaluating may take, for proposals need
        as much again.
        """
        return (
            0
            < 2 * len(population) * sum(widths) * samples * population.element_size()
            <= MOST_BYTES // 2
        )


@dataclass(eq=False)
class Chains(Unwritten):
    """P chains, each with at most one move.

    Attributes:
        population: (P, D) where they stand. Not changed before `settle`.
        moves: what is proposed, no chain in two of them; none at all when they are judged where
            they stand.
        memory: that of the moves' answers, once they were judged with its help.
    """

    population: Tensor
    moves: list[Move] = field(default_factory=list)
    memory: Memory | None = None

    def __len__(self) -> int:
        return len(self.population)

    @property
    def like(self) -> Tensor:
        return self.population

    def members(self, rows: Tensor) -> Tensor:
        chosen = self.population[rows]
        for move in self.moves:
            place = torch.full((len(self),), -1, device=self.device)
            place[move.rows] = torch.arange(len(move.rows), device=self.device)
            moved = place[rows]
            chosen[:, move.weights] = torch.where(
                (moved >= 0).unsqueeze(1), move.block[moved.clamp(min=0)], chosen[:, move.weights]
            )
        return chosen

    def settle(self, keep: Tensor) -> Tensor:
        """Make the moves of the chains chosen, (P,) bool, in place; the population after that. What
        is remembered follows. To be called once.
        """
        for move in self.moves:
            kept = keep[move.rows]
            rows = move.rows[kept]
            self.population[rows, move.weights] = move.block[kept]
            if self.memory is not None:
                for before, after in zip(
                    self.memory.hidden[move.layer :], move.hidden, strict=True
                ):
                    before[rows] = after[kept]
        if self.memory is not None:
            self.memory.version = self.population._version
        return self.population
