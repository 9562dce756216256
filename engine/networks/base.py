"""The interface of networks: functions of packed weights.

A network holds no weights. It knows how many there are and where each layer's weights are in the
packed vector, and evaluates a whole population of them in one call.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from ..datasets.base import DatasetConfig
from ..registry import Config, Registry
from .activation import ActivationFunction

if TYPE_CHECKING:
    from ..populations.antithetic import AntitheticPopulation


@dataclass(frozen=True)
class Layer:
    """The place of one weight tensor in the packed vector.

    Attributes:
        name: such as "1.weight".
        start, stop: the slice of the packed vector.
        shape: the tensor's own shape, outputs first.
        fan_in: number of inputs of one output; sets the scale of the initial weights.
    """

    name: str
    start: int
    stop: int
    shape: tuple[int, ...]
    fan_in: float


class Network(ABC):
    """A network on packed weights.

    Attributes:
        dimension: D, the number of weights.
        flops: floating-point operations of one sample through one network, forward (a multiply-add
            is 2): those of its matrix products and convolutions.
        entering: those of them that read the sample itself, whose derivative is not needed.
        layers: the tensors of the packed vector, in order.
        peak_activations: the most activations of one sample held at once in a layer; sizes the
            chunks of a population.
        activations: about how many numbers one sample stores in a forward pass, for its gradient.
        hidden: widths of the hidden layers whose outputs may be cached; for those `forward_from`
            continues from any layer.
        readout_flops: those operations that the output layer takes, for networks that can be
            evaluated in two parts, `features` and `readout`; 0 for others.
        output_activation: the function applied to the outputs' sums.
    """

    layers: tuple[Layer, ...]
    flops: int
    entering: int = 0
    peak_activations: int
    hidden: tuple[int, ...] = ()
    readout_flops: int = 0
    output_activation: ActivationFunction | None = None
    batch_dependent: bool = False
    """Whether outputs depend on the other samples of the batch, which must then be evaluated
    together.
    """

    binary: bool = False
    """Whether only the signs of weights count, so that chains can walk by single flips, see
    `engine.networks.binary`.
    """

    partial: bool = False
    """Whether there are finite weights at which its output is not finite."""

    @property
    def dimension(self) -> int:
        return self.layers[-1].stop

    @property
    def activations(self) -> int:
        return self.peak_activations * sum(len(layer.shape) > 1 for layer in self.layers)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Return where each layer begins in the packed vector; its weights and its biases,
        "0.weight" and "0.bias", are one layer.
        """
        return tuple(
            next(group).start
            for _, group in groupby(self.layers, key=lambda layer: layer.name.rpartition(".")[0])
        )

    @abstractmethod
    def forward(self, population: Tensor, x: Tensor) -> Tensor:
        """Return the outputs of every member on every sample: (P, D), (B, *shape) → (P, B, K)."""

    def prepare(self, x: Tensor) -> Any:
        """Prepare samples (B, *shape) for `evaluate`. Made once for many calls."""
        return x

    def evaluate(self, population: Tensor, ready: Any) -> Tensor:
        """Return the same outputs as fast as possible, feature-major, without gradients: (P, D) and
        the result of `prepare` → (P, K, B).

        They may be in a buffer that the next call overwrites.
        """
        return self.forward(population, ready).transpose(1, 2)

    def features(self, theta: Tensor, ready: Any) -> Tensor:
        """Return the inputs of the output layer, without gradients: (D,) and the result of
        `prepare` → (in, B). They may be in a buffer that the next call overwrites.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot be split at its output layer")

    def readout(self, blocks: Tensor, features: Tensor) -> Tensor:
        """Return the sums of output layers on the same features; they are linear in the layers'
        weights. With `finish` they are the network's outputs.

        Args:
            blocks: (m, n) packed weights of the output layer, its matrix and then its biases.
            features: (in, B), from `features`.

        Returns:
            (m, K, B).
        """
        inputs, batch = features.shape
        weights = self.layers[-1].shape[0] * inputs
        sums = blocks[:, :weights].reshape(-1, inputs) @ features
        sums = sums.view(len(blocks), -1, batch)
        if weights < blocks.shape[1]:
            sums += blocks[:, weights:, None]
        return sums

    def finish(self, sums: Tensor) -> Tensor:
        """Return the outputs for the sums of the output layer, in place: (m, K, B)."""
        return sums if self.output_activation is None else self.output_activation.in_place(sums)

    def centre(self, theta: Tensor, ready: Any) -> Tensor | None:
        """Return what `mirrored` can reuse for all pairs about one network (D,), or None."""
        return None

    def mirrored(
        self, asked: AntitheticPopulation, centre: Tensor | None, start: int, stop: int, ready: Any
    ) -> Tensor:
        """Run `evaluate` for the pairs from start to stop: (2·(stop − start), K, B), first the
        members θ + …, then the members θ − …
        """
        return self.evaluate(asked.pairs(start, stop), ready)

    @property
    def backward(self) -> int:
        """Return the operations of the backward pass: products for the derivatives of weights and
        of inputs.
        """
        return 2 * self.flops - self.entering

    def antithetic_flops(self, asked: AntitheticPopulation, samples: int) -> int:
        """Return the operations of `mirrored` on all pairs and ``samples`` samples, with the result
        of `centre`.
        """
        return len(asked) * samples * self.flops

    def flops_from(self, first: int) -> int:
        """Return the operations of one sample from a layer upward."""
        raise NotImplementedError(f"{type(self).__name__} has no layers to go on from")

    def forward_from(
        self, tensors: list[Tensor], h: Tensor, first: int, keep: list[Tensor] | None = None
    ) -> Tensor:
        """Run `evaluate` from a layer upward.

        Args:
            tensors: weights and biases of that layer and of all above, as from `unpack`.
            h: the layer's input, (m, in, B).
            first: its number.
            keep: where to write the outputs of the hidden layers from there on; buffers by default.
        """
        raise NotImplementedError(f"{type(self).__name__} has no layers to go on from")

    def unpack(self, population: Tensor) -> list[Tensor]:
        """Return views of the packed weights, layer by layer: (P, D) → [(P, *shape), …]."""
        return [
            population[:, layer.start : layer.stop].unflatten(1, layer.shape)
            for layer in self.layers
        ]

    def init(self, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return initial weights (D,): U(±1/√fan_in) for weights and biases, as in
        ``torch.nn.Linear`` and ``Conv2d``.
        """
        theta = torch.empty(self.dimension, device=generator.device, dtype=dtype)
        for layer in self.layers:
            theta[layer.start : layer.stop].uniform_(
                -(layer.fan_in**-0.5), layer.fan_in**-0.5, generator=generator
            )
        return theta


def pack(tensors: Sequence[tuple[str, tuple[int, ...], float]]) -> tuple[Layer, ...]:
    """Place tensors (name, shape, fan_in) one after the other in the packed vector."""
    layers, start = [], 0
    for name, shape, fan_in in tensors:
        stop = start + torch.Size(shape).numel()
        layers.append(Layer(name, start, stop, shape, fan_in))
        start = stop
    return tuple(layers)


class NetworkConfig(Config):
    """A network by name, with its settings; built for the data's shape."""

    kinds: ClassVar[tuple[str, ...]] = ("points", "table", "curve", "images")
    """Kinds of data it can learn; the page offers it for these."""
    between: ClassVar[str] = "convolutions"
    """What is between inputs and outputs, in a word or two, for networks without a list of hidden
    layers.
    """

    @abstractmethod
    def build(self, shape: tuple[int, ...], classes: int) -> Network:
        """Build the network for samples of that shape.

        Raises:
            BadInput: the settings do not fit the data (an image network on 2-D points, for
                example).
        """

    def build_for(self, dataset: DatasetConfig) -> Network:
        """Build the network for a dataset.

        Raises:
            BadInput: as in `build`.
        """
        return self.build(dataset.shape, len(dataset.classes))


NETWORKS: Registry[NetworkConfig] = Registry("network")
