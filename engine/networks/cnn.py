"""Small convolutional networks for a whole population at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from ..errors import BadInput
from ..kernels.scratch import scratch_buffer
from .activation import STRAIGHT_THROUGH, Activation, ActivationFunction
from .base import NETWORKS, Network, NetworkConfig, pack
from .row_convolution import bent_and_pooled, convolved, matrices, shifted

POOLS: dict[str, Callable[..., Tensor]] = {
    "max": functional.max_pool2d,
    "mean": functional.avg_pool2d,
}
FEW = 8
"""Number of samples up to which PyTorch's own convolution is faster on the CPU."""


@dataclass(frozen=True)
class Ready:
    """Samples as given, (B, C, H, W), and `shifted` copies where they are used."""

    x: Tensor
    copies: Tensor | None


class CNNNetwork(Network):
    """Two convolutions, each with an activation and pooling, then one dense layer.

    Args:
        shape: (C, H, W) of a sample.
        classes: K outputs.
        channels: feature maps of the two convolutions.
        kernel: side of both kernels.
        activation: after each convolution.
        padded: whether convolutions are padded with zeros (the image keeps its size) or not.
        pool: how a square of pixels is reduced to one.
        pools: sides of these squares after the two convolutions; 1 means no pooling.
        bias: whether every layer has biases.
        output_activation: the function applied to the outputs.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        channels: tuple[int, int],
        kernel: int,
        activation: ActivationFunction,
        padded: bool = True,
        pool: Literal["max", "mean"] = "max",
        pools: tuple[int, int] = (2, 2),
        bias: bool = True,
        output_activation: ActivationFunction | None = None,
    ) -> None:
        c, *image = shape
        c1, c2 = channels
        self.activation, self.output_activation, self.bias = activation, output_activation, bias
        self.kernel, self.pad, self.pool, self.pools = (
            kernel,
            kernel // 2 if padded else 0,
            pool,
            pools,
        )
        lost = kernel - 1 - 2 * self.pad
        # Sides (H, W) after the first convolution and after the second.
        first = [side - lost for side in image]
        second = [side // pools[0] - lost for side in first]
        self.shape, self.sides, self.width = (
            shape,
            (first, second),
            c2 * (second[0] // pools[1]) * (second[1] // pools[1]),
        )
        f1, f2 = c * kernel**2, c1 * kernel**2
        weights: list[tuple[tuple[int, ...], int]] = [
            ((c1, c, kernel, kernel), f1),
            ((c2, c1, kernel, kernel), f2),
            ((classes, self.width), self.width),
        ]
        packed: list[tuple[str, tuple[int, ...], int]] = []
        for i, (tensor, fan_in) in enumerate(weights):
            packed += (
                [(f"{i}.weight", tensor, fan_in), (f"{i}.bias", tensor[:1], fan_in)]
                if bias
                else [(f"{i}.weight", tensor, fan_in)]
            )
        self.layers = pack(packed)
        self.flops = 2 * (
            first[0] * first[1] * c1 * f1 + second[0] * second[1] * c2 * f2 + self.width * classes
        )
        self.readout_flops = 2 * self.width * classes
        self.entering = 2 * first[0] * first[1] * c1 * f1
        self.peak_activations = first[0] * first[1] * c1 + f1 * first[0] * first[1] // 4

    def forward(self, population: Tensor, x: Tensor) -> Tensor:
        w2, b2 = self._output(population)
        h = self._maps(population, x)
        h = torch.bmm(w2, h) if b2 is None else torch.baddbmm(b2.unsqueeze(-1), w2, h)
        return (h if self.output_activation is None else self.output_activation(h)).transpose(1, 2)

    def _output(self, population: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the dense layers' weights (P, K, in) and biases (P, K)."""
        tensors = self.unpack(population)
        return (tensors[-2], tensors[-1]) if self.bias else (tensors[-1], None)

    def _convolutions(self, population: Tensor) -> list[tuple[Tensor, Tensor | None]]:
        """Return kernels and biases of the two convolutions."""
        tensors = self.unpack(population)
        if self.bias:
            return [(tensors[0], tensors[1]), (tensors[2], tensors[3])]
        return [(tensors[0], None), (tensors[1], None)]

    def _maps(self, population: Tensor, x: Tensor) -> Tensor:
        """Return the inputs of the dense layers: (P, D), (B, C, H, W) → (P, in, B)."""
        size, batch = population.shape[0], x.shape[0]
        (w0, b0), (w1, b1) = self._convolutions(population)
        # All members read the same samples, so the first convolution is one with P·c1 feature maps;
        # from then on each member is a group of its own.
        h = functional.conv2d(
            x, w0.flatten(0, 1), b0 if b0 is None else b0.flatten(), padding=self.pad
        )
        h = self.pooled(self.activation(h), self.pools[0])
        h = functional.conv2d(
            h, w1.flatten(0, 1), b1 if b1 is None else b1.flatten(), padding=self.pad, groups=size
        )
        h = self.pooled(self.activation(h), self.pools[1])
        return h.reshape(batch, size, self.width).permute(1, 2, 0)

    def pooled(self, h: Tensor, side: int) -> Tensor:
        """Reduce every square of that side to one pixel."""
        return h if side == 1 else POOLS[self.pool](h, side)

    def prepare(self, x: Tensor) -> Ready:
        if x.device.type != "cpu" or len(x) <= FEW:
            return Ready(x, None)
        return Ready(
            x, shifted(x.permute(2, 1, 3, 0).unsqueeze(0), self.kernel, self.pad, "images")[0]
        )

    def evaluate(self, population: Tensor, ready: Ready) -> Tensor:
        # Only shapes decide: a choice by timing would differ on a busy machine, and with it the
        # last digits. With 1, 4 and 8 samples the library's convolution with channels innermost
        # takes 0.6 to 0.7 of the time of products row by row (1.4 with many maps); from 16 on they
        # take 0.1 to 0.4 of its plain convolution's.
        if population.device.type != "cpu":
            return self.forward(population, ready.x).transpose(1, 2)
        if ready.copies is None:
            return self.forward(
                population, ready.x.to(memory_format=torch.channels_last)
            ).transpose(1, 2)
        return self.by_rows(population, ready.copies)

    def by_rows(self, population: Tensor, copies: Tensor) -> Tensor:
        """Return outputs (P, K, B) by the products of `engine.networks.row_convolution`: one for
        all members' first convolutions, which share their input, then one for each member.
        """
        size, batch = len(population), copies.shape[-1]
        w2, b2 = self._output(population)
        h = self._maps_by_rows(population, copies)
        # The maps are in row order now; the weights, which are fewer, are reordered to match.
        w2 = w2.unflatten(2, (h.shape[2], h.shape[1], h.shape[3])).transpose(2, 3).flatten(2)
        h = torch.bmm(
            w2,
            h.reshape(size, self.width, batch),
            out=scratch_buffer("outputs", (size, w2.shape[1], batch), copies),
        )
        if b2 is not None:
            h.add_(b2.unsqueeze(-1))
        return self.finish(h)

    def _maps_by_rows(self, population: Tensor, copies: Tensor) -> Tensor:
        """Return the maps behind the second convolution, in row order: (P, Y, maps, X, B)."""
        size, batch = len(population), copies.shape[-1]
        (w0, b0), (w1, b1) = self._convolutions(population)
        (y0, x0), (y1, x1), c0, c1 = *self.sides, w0.shape[1], w1.shape[1]
        sums = convolved(
            copies,
            matrices(w0).flatten(0, 1),
            self.kernel,
            scratch_buffer("first", (y0, size * c0, x0 * batch), copies),
        )
        h = bent_and_pooled(
            sums.view(y0, size, c0, x0, batch).transpose(0, 1),
            b0,
            self.activation,
            self.pool,
            self.pools[0],
        )
        copies = shifted(h, self.kernel, self.pad, "between")
        sums = scratch_buffer("second", (size, y1, c1, x1 * batch), copies)
        for images, weights, out in zip(copies, matrices(w1), sums, strict=True):
            convolved(images, weights, self.kernel, out)
        return bent_and_pooled(
            sums.view(size, y1, c1, x1, batch), b1, self.activation, self.pool, self.pools[1]
        )

    def features(self, theta: Tensor, ready: Ready) -> Tensor:
        alone = theta.unsqueeze(0)
        if ready.copies is None:
            return self._maps(alone, ready.x)[0]
        maps = self._maps_by_rows(alone, ready.copies)[0]
        return maps.transpose(0, 1).reshape(self.width, -1)


def image_shape(name: str, shape: tuple[int, ...], least: int) -> tuple[int, int, int]:
    """Return the shape (C, H, W) of an image.

    Raises:
        BadInput: the shape is not an image's, or too small for the network of that name.
    """
    if len(shape) != 3:
        raise BadInput("network", name, "an image dataset for this network, or the network mlp")
    if min(shape[1:]) < least:
        raise BadInput(
            "network",
            name,
            (
                f"an image dataset of at least {least}×{least} pixels for this network, or the "
                f"network mlp or cnn"
            ),
        )
    return shape[0], shape[1], shape[2]


@NETWORKS.add
class CNN(NetworkConfig):
    """A small convolutional network for images."""

    name = "cnn"
    label = "Convolutional (CNN)"
    kinds = ("images",)

    channels_1: int = Field(
        8,
        ge=1,
        le=64,
        description="Feature maps of the first convolution.",
        json_schema_extra={"label": "First maps"},
    )
    channels_2: int = Field(
        16,
        ge=1,
        le=64,
        description="Feature maps of the second convolution.",
        json_schema_extra={"label": "Second maps"},
    )
    kernel: int = Field(
        3,
        ge=3,
        le=5,
        multiple_of=1,
        description="Side of the kernels, 3 or 5.",
        json_schema_extra={"step": 2},
    )
    activation: Activation = Field(
        "relu",
        description=(
            "Activation function of the neurons; heaviside and sign are steps and give no gradient."
        ),
    )
    straight_through: bool = STRAIGHT_THROUGH

    def build(self, shape: tuple[int, ...], classes: int) -> CNNNetwork:
        if len(shape) != 3 or min(shape[1:]) < 4:
            raise BadInput(
                "network", self.name, "an image dataset for this network, or the network mlp"
            )
        if self.kernel % 2 == 0:
            raise BadInput("network.kernel", self.kernel, "3 or 5")
        activation = ActivationFunction(self.activation, self.straight_through)
        return CNNNetwork(
            (shape[0], shape[1], shape[2]),
            classes,
            (self.channels_1, self.channels_2),
            self.kernel,
            activation,
        )
