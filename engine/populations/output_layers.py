"""Networks that differ in their output layer alone: every other layer is evaluated once for all.

The output layer is linear in its weights, so its sums for the weights x + z are those for x plus
the product of the features (the layer's inputs) with z. A chain of tries therefore costs one
product a try, and the products of many tries are one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..kernels.chunking import FLOATS_AT_ONCE
from .base import Answer, Population
from .chunks import rounded, samples_at_once

if TYPE_CHECKING:
    from ..networks.base import Network
    from .layerwise import ActivationCache


@dataclass(frozen=True, eq=False)
class Features:
    """What the output layer reads on one batch.

    Attributes:
        x: (B, *shape) the batch.
        values: (in, B).
    """

    x: Tensor
    values: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, network: Network, theta: Tensor, x: Tensor) -> Features:
        """Evaluate all layers but the last of one network (D,), some samples at a time."""
        step = samples_at_once(network, x)
        parts = [
            network.features(
                rounded(theta), network.prepare(rounded(x[first : first + step]))
            ).clone()
            for first in range(0, len(x), step)
        ]
        return cls(x, torch.cat(parts, 1).to(theta.dtype).contiguous())


@dataclass(eq=False)
class OutputLayers(Population):
    """P networks that are one but for the output layer.

    Attributes:
        theta: (D,) the network.
        blocks: (P, n) the output layers, which are its last n weights.
        features: of that network on the batch; None where it cannot be split there, and every
            member is evaluated as a whole.
    """

    theta: Tensor
    blocks: Tensor
    features: Features | None = None

    @property
    def like(self) -> Tensor:
        return self.theta

    def __len__(self) -> int:
        return len(self.blocks)

    def members(self, rows: Tensor) -> Tensor:
        whole = self.theta.repeat(len(rows), 1)
        whole[:, -self.blocks.shape[1] :] = self.blocks[rows]
        return whole

    def evaluated(self, network: Network) -> int:
        return network.flops if self.features is None else network.readout_flops

    def answers(self, network: Network, x: Tensor, cache: ActivationCache) -> Iterator[Answer]:
        """Evaluate the members on samples, from the features where there are any."""
        if self.features is None:
            yield from super().answers(network, x, cache)
            return
        assert self.features.x is x, "features of another batch"
        cache.flops = len(self) * len(x) * network.readout_flops
        outputs = network.layers[-1].shape[0]
        samples = max(1, FLOATS_AT_ONCE // outputs)
        for first in range(0, len(x), samples):
            part = self.features.values[:, first : first + samples]
            size = max(1, FLOATS_AT_ONCE // (outputs * part.shape[1]))
            for start in range(0, len(self), size):
                sums = network.readout(self.blocks[start : start + size], part)
                yield (
                    slice(start, start + size),
                    slice(first, first + samples),
                    network.finish(sums),
                )


@dataclass(eq=False)
class OutputWalk:
    """Chains that walk through output layers, all from the same one.

    Attributes:
        theta: (D,) the network.
        x: (P, n) the chains' output layers.
        energy: (P,) their losses, infinite where they are not finite.
        features: of the network on the batch, or None where it cannot be split.
        sums: (P, K, B) of the chains' output layers, or None where they are not kept: every try
            is then evaluated from the features, or as a whole.
        before: ``x`` before the last tries.
    """

    theta: Tensor
    x: Tensor
    energy: Tensor
    features: Features | None
    sums: Tensor | None
    before: Tensor | None = None

    def advance(self, moves: Tensor, kept: Tensor) -> None:
        """Move the chains by the tries they kept: (b, P, n), (b, P) bool."""
        self.x = self.x + (kept.unsqueeze(2).to(moves) * moves).sum(0)


@dataclass(eq=False)
class Tries(Population):
    """The networks that such chains tried, one after the other.

    Attributes:
        theta: (D,) the network.
        start: (P, n) the chains' output layers before the first try.
        moves: (b, P, n) each try's difference from where its chain stood.
        kept: (b, P) bool, which of them their chains kept.
    """

    theta: Tensor
    start: Tensor
    moves: Tensor
    kept: Tensor

    @property
    def like(self) -> Tensor:
        return self.theta

    def __len__(self) -> int:
        return self.kept.numel()

    def members(self, rows: Tensor) -> Tensor:
        before = torch.where(self.kept.unsqueeze(2), self.moves, 0.0).cumsum(0)
        tried = self.start + self.moves
        tried[1:] += before[:-1]
        whole = self.theta.repeat(len(rows), 1)
        whole[:, -tried.shape[2] :] = tried.flatten(0, 1)[rows]
        return whole
