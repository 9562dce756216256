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

Activation = Literal["tanh", "relu", "sigmoid"]
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}


class MLPNetwork(Network):
    """Dense layers with one activation between them.

    Args:
        sizes: inputs, hidden layers, outputs.
        activation: a name in `ACTIVATIONS`.
    """

    def __init__(self, sizes: tuple[int, ...], activation: Activation) -> None:
        self.sizes, self.activation = sizes, ACTIVATIONS[activation]
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
    activation: Activation = Field("tanh", description="What each hidden neuron does with its sum.")

    def build(self, shape: tuple[int, ...], classes: int) -> MLPNetwork:
        return MLPNetwork((prod(shape), *self.hidden, classes), self.activation)
