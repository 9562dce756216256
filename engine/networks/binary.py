"""A multilayer perceptron of ±1 weights and ±1 neurons, with whole numbers for sums.

Binarized networks (Courbariaux, Hubara, Soudry, El-Yaniv and Bengio 2016,
https://arxiv.org/abs/1602.02830): of every weight only the sign counts, so a network of D weights
is D bits. Here there are no biases, no normalisation and no scales either: a neuron adds and
subtracts its inputs, and answers +1 where the sum is at least 0, else −1. A flip of a weight is the
smallest change there is, and the derivative is zero wherever it exists.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ..kernels.scratch import scratch_buffer
from .base import NETWORKS, Network, NetworkConfig, pack


class BinaryNetwork(Network):
    """Dense layers of ±1 weights, with sign neurons between them.

    Weights are packed as real numbers, of which the sign counts and 0 counts as +1. Their natural
    size is 1, so that what methods add to them can change a sign.

    Args:
        sizes: inputs, hidden layers, outputs.
        levels: inputs are multiplied by this and rounded.
        centre: is subtracted from them before.
        straight_through: whether gradients pass the signs of weights and neurons.
    """

    binary = True

    def __init__(
        self, sizes: tuple[int, ...], levels: int, centre: float, straight_through: bool = False
    ) -> None:
        self.sizes, self.levels, self.middle = sizes, levels, centre
        self.straight_through = straight_through
        pairs = list(pairwise(sizes))
        self.layers = pack([(f"{i}.weight", (b, a), 1.0) for i, (a, b) in enumerate(pairs)])
        self.flops = sum(2 * a * b for a, b in pairs)
        self.entering = 2 * sizes[0] * sizes[1]
        self.peak_activations = max(sizes[1:])

    @property
    def activations(self) -> int:
        return sum(self.sizes[1:])

    def forward(self, population: Tensor, x: Tensor) -> Tensor:
        tensors, h = self.unpack(self._signs(population)), self.prepare(x)
        for i, weight in enumerate(tensors):
            if i:
                h = self._neurons(h, self.sizes[i - 1] ** 0.5 * (1 if i > 1 else self.levels / 2))
            h = torch.matmul(weight, h)
        return h.transpose(1, 2)

    def prepare(self, x: Tensor) -> Tensor:
        """Return the whole numbers that the first layer reads: (B, *shape) → (in, B)."""
        return ((x.flatten(1) - self.middle) * self.levels).round().T.contiguous()

    def evaluate(self, population: Tensor, ready: Tensor) -> Tensor:
        return self.sums(population, ready)[-1]

    def sums(self, population: Tensor, ready: Tensor) -> list[Tensor]:
        """Return the sums of every layer, without gradients: (P, D) and the result of `prepare` →
        (P, out, B) each, in buffers that the next call overwrites.
        """
        found: list[Tensor] = []
        h = ready.expand(len(population), *ready.shape)
        for i, weight in enumerate(self.unpack(signs(population))):
            if i:
                h = signs(h)
            shape = (len(h), weight.shape[1], h.shape[2])
            found.append(torch.bmm(weight, h, out=scratch_buffer(f"layer {i}", shape, h)))
            h = found[-1]
        return found

    def _signs(self, weights: Tensor) -> Tensor:
        """Return the signs; a gradient passes as if they were the weights themselves."""
        found = signs(weights)
        return (
            found + (weights - weights.detach()) if self.straight_through else found + 0 * weights
        )

    def _neurons(self, sums: Tensor, window: float) -> Tensor:
        """Return the signs; a gradient passes those no further from their threshold than the
        window, the natural size of such sums.
        """
        found = signs(sums)
        if not self.straight_through:
            return found + 0 * sums
        through = (sums / window).clamp(-1, 1)
        return found + (through - through.detach())

    def init(self, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return random signs (D,)."""
        theta = torch.empty(self.dimension, device=generator.device, dtype=dtype)
        return theta.random_(0, 2, generator=generator).mul_(2).sub_(1)


def signs(x: Tensor) -> Tensor:
    """Return +1 where x ≥ 0, else −1."""
    return (x >= 0).to(x.dtype).mul_(2).sub_(1)


@NETWORKS.add
class Binary(NetworkConfig):
    """Perceptron of ±1 weights: 0 to 6 hidden layers, no biases."""

    name = "binary"
    label = "Binary network (±1 weights)"
    kinds = ("images", "table")

    hidden: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field(
        (32,),
        max_length=6,
        description="Neurons in each hidden layer; each answers +1 or −1.",
    )
    levels: int = Field(
        16,
        ge=2,
        le=255,
        description=(
            "Inputs become whole numbers: they are multiplied by this and rounded. 16 gives the "
            "17 shades that the 8×8 digits were scanned in; 2 black, grey and white."
        ),
        json_schema_extra={"scale": "log", "label": "Levels of the inputs"},
    )
    centre: float = Field(
        0.5,
        ge=-10,
        le=10,
        description=(
            "Subtracted from the inputs before: with 0.5 dark pixels are negative and bright ones "
            "positive, with 0 columns of a table stay as they are."
        ),
        json_schema_extra={"step": 0.1, "label": "Middle of the inputs"},
    )
    straight_through: bool = Field(
        False,
        description=(
            "Signs give no gradient: use that of a straight line instead, for all weights and for "
            "neurons near their threshold."
        ),
        json_schema_extra={"label": "Gradient straight through", "advanced": True},
    )

    def build(self, shape: tuple[int, ...], classes: int) -> BinaryNetwork:
        return BinaryNetwork(
            (prod(shape), *self.hidden, classes), self.levels, self.centre, self.straight_through
        )
