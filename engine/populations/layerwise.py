"""Chains that change one layer at a time, with a cache of their hidden layers' outputs.

Below the changed layer nothing changes, so a proposal is evaluated from there upward. The cache is
valid for one population and one batch: it is discarded if either is another tensor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..kernels.chunking import MOST_BYTES
from ..kernels.scratch import scratch_buffer
from .base import Answer, Population
from .chunks import chunk_members, chunk_samples, is_bf16

if TYPE_CHECKING:
    from ..networks.base import Network


@dataclass
class LayerMove:
    """The proposals of the chains that change one layer.

    Attributes:
        layer: its number; weights and biases together are one layer.
        weights: the slice of the packed vector.
        rows: (m,) int64, the chains.
        block: (m, size) the proposed values of these weights.
        hidden: outputs of the layers from this one on, (m, width, B) each, if they were computed;
            those of the output layer are not kept.
    """

    layer: int
    weights: slice
    rows: Tensor
    block: Tensor
    hidden: list[Tensor] = field(default_factory=list)


@dataclass
class ActivationCache:
    """The hidden layers' outputs of a population on a batch.

    Attributes:
        population: (P, D), None if nothing is cached.
        x: (B, *shape).
        hidden: (P, width, B) for each hidden layer, after its activation.
        version: of the population's values; code that writes to them must increase it.
        missed: the population and batch of the last cache miss.
        flops: operations inside the network for the last evaluation.
    """

    population: Tensor | None = None
    x: Tensor | None = None
    hidden: list[Tensor] = field(default_factory=list)
    version: int = -1
    missed: tuple[Tensor, Tensor] | None = None
    flops: int = 0

    def holds(self, population: Tensor | Population | None, x: Tensor) -> bool:
        """Return whether the cache is for exactly this population, unchanged since, and
        this batch.
        """
        return (
            self.population is not None
            and self.population is population
            and self.x is x
            and self.version == self.population._version
        )

    def begin(self, population: Tensor, x: Tensor, widths: Sequence[int]) -> list[Tensor]:
        """Clear the cache, and allocate it for another population or batch."""
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

    def note_miss(self, population: Tensor, x: Tensor) -> bool:
        """Record a cache miss. Returns True on the second consecutive miss for the same population
        and batch, when filling the cache pays off.
        """
        again = self.missed is not None and self.missed[0] is population and self.missed[1] is x
        self.missed = (population, x)
        return again

    @staticmethod
    def fits(population: Tensor, samples: int, widths: Sequence[int]) -> bool:
        """Return whether a cache of that size is allowed: half of the memory for an evaluation,
        because proposals need as much again.
        """
        return (
            0
            < 2 * len(population) * sum(widths) * samples * population.element_size()
            <= MOST_BYTES // 2
        )


@dataclass(eq=False)
class LayerwisePopulation(Population):
    """P chains, each with at most one move.

    Attributes:
        population: (P, D) their present weights. Not changed before `settle`.
        moves: the proposals, no chain in two of them; empty to evaluate the chains at their present
            weights.
        cache: the activations below, with the moves' outputs once they were evaluated with it.
    """

    population: Tensor
    moves: list[LayerMove] = field(default_factory=list)
    cache: ActivationCache | None = None

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

    def answers(self, network: Network, x: Tensor, cache: ActivationCache) -> Iterator[Answer]:
        """Evaluate chains that change one layer each: from there upward if the activations
        below are cached. The cache notes the operations.
        """
        population = self.population
        cacheable = len(x) <= chunk_samples(network, x.device) and cache.fits(
            population, len(x), network.hidden
        )
        if is_bf16() or not cacheable:
            yield from super().answers(network, x, cache)
        elif not self.moves:
            yield from self._fill(network, x, cache)
        elif cache.holds(population, x):
            cache.flops = 0
            yield from self._moved(network, x, cache)
        elif cache.note_miss(population, x):
            for _ in self._fill(network, x, cache):  # once, so that it holds from now on
                pass
            yield from self._moved(network, x, cache)
        else:
            yield from super().answers(network, x, cache)

    def _fill(self, network: Network, x: Tensor, cache: ActivationCache) -> Iterator[Answer]:
        """Evaluate the chains at their present weights, and cache their activations."""
        ready, size = network.prepare(x), chunk_members(network, len(x), x.device)
        cache.flops = len(self) * len(x) * network.flops
        hidden = cache.begin(self.population, x, network.hidden)
        for start in range(0, len(self), size):
            part = self.population[start : start + size]
            keep = [one[start : start + size] for one in hidden]
            inputs = ready.expand(len(part), *ready.shape)
            answer = network.forward_from(network.unpack(part), inputs, 0, keep)
            yield slice(start, start + size), slice(0, len(x)), answer

    def _moved(self, network: Network, x: Tensor, cache: ActivationCache) -> Iterator[Answer]:
        """Evaluate each proposal from the layer it changes upward, from the cached activations."""
        population, self.cache = self.population, cache
        ready, size = network.prepare(x), chunk_members(network, len(x), x.device)
        for move in self.moves:
            cache.flops += len(move.rows) * len(x) * network.flops_from(move.layer)
            move.hidden = [
                scratch_buffer(
                    f"moved {move.layer} {i}", (len(move.rows), width, len(x)), population
                )
                for i, width in enumerate(network.hidden[move.layer :])
            ]
            first, end = move.weights.start, move.weights.stop
            moving = [layer for layer in network.layers if first <= layer.start < end]
            above = [layer for layer in network.layers if layer.start >= end]
            for start in range(0, len(move.rows), size):
                rows, block = move.rows[start : start + size], move.block[start : start + size]
                tensors = [
                    block[:, layer.start - first : layer.stop - first].unflatten(1, layer.shape)
                    for layer in moving
                ]
                tensors += [
                    population[rows, layer.start : layer.stop].unflatten(1, layer.shape)
                    for layer in above
                ]
                inputs = (
                    cache.hidden[move.layer - 1][rows]
                    if move.layer
                    else ready.expand(len(rows), *ready.shape)
                )
                keep = [one[start : start + size] for one in move.hidden]
                answer = network.forward_from(tensors, inputs, move.layer, keep)
                yield rows, slice(0, len(x)), answer

    def settle(self, keep: Tensor) -> Tensor:
        """Apply the moves of the chosen chains, (P,) bool, in place, and return the population. The
        cache is updated too. To be called once.
        """
        for move in self.moves:
            kept = keep[move.rows]
            rows = move.rows[kept]
            self.population[rows, move.weights] = move.block[kept]
            if self.cache is not None:
                for before, after in zip(self.cache.hidden[move.layer :], move.hidden, strict=True):
                    before[rows] = after[kept]
        if self.cache is not None:
            self.cache.version = self.population._version
        return self.population
