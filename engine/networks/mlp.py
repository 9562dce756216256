"""A multilayer perceptron for a whole population at once."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import prod
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from engine.networks.base import NETWORKS, Network, NetworkChoice, pack

Activation = Literal["tanh", "relu", "sigmoid", "heaviside", "sign"]
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "heaviside": lambda h: (h > 0).to(h.dtype),
    "sign": torch.sign,
}
STEPS = ("heaviside", "sign")
"""Activations that are flat wherever they have a derivative: backpropagation sees a gradient of exactly zero behind them."""


def activation_of(name: str, straight_through: bool) -> Callable[[Tensor], Tensor]:
    """The activation of that name; a step may pass the gradient straight through.

    The straight-through estimator (Bengio, Léonard and Courville 2013, https://arxiv.org/abs/1308.3432) goes backward as if the step were the identity, here where |h| ≤ 1
    only: a neuron that is far from its threshold should not be pushed on. Forward nothing changes, not by a rounding: what is added is exactly zero.
    """
    step = ACTIVATIONS[name]
    if not (straight_through and name in STEPS):
        return step

    def through(h: Tensor) -> Tensor:
        window = h.clamp(-1, 1)
        return step(h) + (window - window.detach())

    return through


STRAIGHT_THROUGH = Field(
    False,
    description="Only for heaviside and sign, which give no gradient: let it pass them as if they were straight lines near their threshold.",
    json_schema_extra={"label": "Gradient straight through", "advanced": True},
)


class MLPNetwork(Network):
    """Dense layers with one activation between them.

    Args:
        sizes: inputs, hidden layers, outputs.
        activation: a name in `ACTIVATIONS`.
        straight_through: whether gradients pass a step activation.
    """

    def __init__(self, sizes: tuple[int, ...], activation: Activation, straight_through: bool = False) -> None:
        self.sizes, self.activation = sizes, activation_of(activation, straight_through)
        pairs = list(pairwise(sizes))
        self.layers = pack([entry for i, (a, b) in enumerate(pairs) for entry in ((f"{i}.weight", (b, a), a), (f"{i}.bias", (b,), a))])
        self.flops = sum(2 * a * b for a, b in pairs)
        self.widest = max(sizes[1:])

    def forward(self, population: Tensor, x: Tensor) -> Tensor:
        # Activations are kept feature-major (P, features, B): every layer is then one batched product W·h with no transpose in between,
        # and the first layer, whose input all members share, is one product with a common right-hand side.
        tensors = self.unpack(population)
        h = x.flatten(1).T
        for i in range(0, len(tensors), 2):
            weight, bias = tensors[i], tensors[i + 1]
            if i == 0:
                h = torch.matmul(weight, h) + bias.unsqueeze(-1)
            else:
                h = torch.baddbmm(bias.unsqueeze(-1), weight, self.activation(h))
        return h.transpose(1, 2)


@NETWORKS.add
class MLP(NetworkChoice):
    """Multilayer perceptron: 0 to 6 hidden layers."""

    name = "mlp"
    label = "Perceptron (MLP)"

    hidden: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field(
        (16, 16), max_length=6, description="Neurons in each hidden layer; none makes it a linear model."
    )
    activation: Activation = Field("tanh", description="What each hidden neuron does with its sum; heaviside and sign jump, so they give no gradient.")
    straight_through: bool = STRAIGHT_THROUGH

    def build(self, shape: tuple[int, ...], classes: int) -> MLPNetwork:
        return MLPNetwork((prod(shape), *self.hidden, classes), self.activation, self.straight_through)
