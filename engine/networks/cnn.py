"""A small convolutional network for a whole population at once."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from engine.errors import BadInput
from engine.networks.base import NETWORKS, Network, NetworkChoice, pack
from engine.networks.mlp import ACTIVATIONS, Activation


class CNNNetwork(Network):
    """Two convolutions, each with an activation and 2×2 max-pooling, then one dense layer.

    Args:
        shape: (C, H, W) of a sample.
        classes: K outputs.
        channels: feature maps of the two convolutions.
        kernel: side of both kernels; "same" padding.
        activation: a name in `ACTIVATIONS`.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, channels: tuple[int, int], kernel: int, activation: Activation) -> None:
        c, height, width = shape
        c1, c2 = channels
        self.kernel, self.activation = kernel, ACTIVATIONS[activation]
        rows, columns = height // 2 // 2, width // 2 // 2
        self.shape, self.features = shape, c2 * rows * columns
        f1, f2 = c * kernel**2, c1 * kernel**2
        self.layers = pack(
            [
                ("0.weight", (c1, c, kernel, kernel), f1),
                ("0.bias", (c1,), f1),
                ("1.weight", (c2, c1, kernel, kernel), f2),
                ("1.bias", (c2,), f2),
                ("2.weight", (classes, self.features), self.features),
                ("2.bias", (classes,), self.features),
            ]
        )
        self.flops = 2 * (height * width * c1 * f1 + (height // 2) * (width // 2) * c2 * f2 + self.features * classes)
        self.widest = height * width * c1 + f1 * height * width // 4

    def forward(self, population: Tensor, x: Tensor) -> Tensor:
        size, batch = population.shape[0], x.shape[0]
        w0, b0, w1, b1, w2, b2 = self.unpack(population)
        pad = self.kernel // 2
        # All members read the same samples, so the first convolution is one with P·c1 feature maps; from then on each member is a group of its own.
        h = functional.conv2d(x, w0.flatten(0, 1), b0.flatten(), padding=pad)
        h = functional.max_pool2d(self.activation(h), 2)
        h = functional.conv2d(h, w1.flatten(0, 1), b1.flatten(), padding=pad, groups=size)
        h = functional.max_pool2d(self.activation(h), 2)
        h = h.reshape(batch, size, self.features).permute(1, 2, 0)
        return torch.baddbmm(b2.unsqueeze(-1), w2, h).transpose(1, 2)


@NETWORKS.add
class CNN(NetworkChoice):
    """A small convolutional network for images."""

    name = "cnn"
    label = "Convolutional (CNN)"
    kinds = ("images",)

    channels_1: int = Field(8, ge=1, le=64, description="Feature maps of the first convolution.", json_schema_extra={"label": "First maps"})
    channels_2: int = Field(16, ge=1, le=64, description="Feature maps of the second convolution.", json_schema_extra={"label": "Second maps"})
    kernel: int = Field(3, ge=3, le=5, multiple_of=1, description="Side of the kernels, 3 or 5.", json_schema_extra={"step": 2})
    activation: Activation = Field("relu", description="What each neuron does with its sum.")

    def build(self, shape: tuple[int, ...], classes: int) -> CNNNetwork:
        if len(shape) != 3 or min(shape[1:]) < 4:
            raise BadInput("network", self.name, "an image dataset for this network, or the network mlp")
        if self.kernel % 2 == 0:
            raise BadInput("network.kernel", self.kernel, "3 or 5")
        return CNNNetwork((shape[0], shape[1], shape[2]), classes, (self.channels_1, self.channels_2), self.kernel, self.activation)
