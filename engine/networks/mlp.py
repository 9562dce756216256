"""A multilayer perceptron for a whole population at once."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ..kernels.scratch import scratch_buffer
from ..populations.antithetic import AntitheticPopulation
from ..populations.noise import LowRankNoise, Part
from .activation import STEPS, STRAIGHT_THROUGH, Activation, ActivationFunction
from .base import NETWORKS, Network, NetworkConfig, pack

__all__ = ["MLP", "STEPS", "MLPNetwork"]


class MLPNetwork(Network):
    """Dense layers with one activation between them.

    Args:
        sizes: inputs, hidden layers, outputs.
        activation: a name in `ACTIVATIONS`.
        straight_through: whether gradients pass a step activation.
    """

    def __init__(
        self, sizes: tuple[int, ...], activation: Activation, straight_through: bool = False
    ) -> None:
        self.sizes, self.activation = sizes, ActivationFunction(activation, straight_through)
        pairs = list(pairwise(sizes))
        self.layers = pack(
            [
                entry
                for i, (a, b) in enumerate(pairs)
                for entry in ((f"{i}.weight", (b, a), a), (f"{i}.bias", (b,), a))
            ]
        )
        self.products = tuple(2 * a * b for a, b in pairs)
        self.flops, self.entering = sum(self.products), self.products[0]
        self.readout_flops = self.products[-1]
        self.peak_activations = max(sizes[1:])
        self.hidden = sizes[1:-1]

    @property
    def activations(self) -> int:
        return sum(self.sizes[1:])

    def forward(self, population: Tensor, x: Tensor) -> Tensor:
        # Activations are kept feature-major (P, features, B): every layer is then one batched
        # product W·h with no transpose in between, and the first layer, whose input all members
        # share, is one product with a common right-hand side.
        tensors = self.unpack(population)
        h = x.flatten(1).T
        for i in range(0, len(tensors), 2):
            weight, bias = tensors[i], tensors[i + 1]
            if i == 0:
                h = torch.matmul(weight, h) + bias.unsqueeze(-1)
            else:
                h = torch.baddbmm(bias.unsqueeze(-1), weight, self.activation(h))
        return h.transpose(1, 2)

    def prepare(self, x: Tensor) -> Tensor:
        return x.flatten(1).T.contiguous()

    def evaluate(self, population: Tensor, ready: Tensor) -> Tensor:
        return self.forward_from(
            self.unpack(population), ready.expand(len(population), *ready.shape), 0
        )

    def features(self, theta: Tensor, ready: Tensor) -> Tensor:
        tensors, h = self.unpack(theta.unsqueeze(0)), ready
        for i in range(0, len(tensors) - 2, 2):
            h = self.activation.in_place(torch.addmm(tensors[i + 1][0, :, None], tensors[i][0], h))
        return h

    def flops_from(self, first: int) -> int:
        return sum(self.products[first:])

    def antithetic_flops(self, asked: AntitheticPopulation, samples: int) -> int:
        first, *rest = self.products
        members = len(asked)
        # the first layer's noise is used for both members of a pair
        if not isinstance(asked.noise, LowRankNoise):
            return samples * (first + asked.noise.rows * first + members * sum(rest))
        thin, *thinner = (2 * asked.noise.rank * (a + b) for a, b in pairwise(self.sizes))
        return samples * (first + asked.noise.rows * thin + members * (sum(rest) + sum(thinner)))

    def forward_from(
        self, tensors: list[Tensor], h: Tensor, first: int, keep: list[Tensor] | None = None
    ) -> Tensor:
        # As `forward`, in reused buffers: bias and activation are applied while the product is
        # still in the cache.
        for i in range(0, len(tensors), 2):
            last = i + 2 == len(tensors)
            shape = (len(h), tensors[i].shape[1], h.shape[2])
            h = torch.bmm(
                tensors[i],
                h,
                out=scratch_buffer(f"layer {first + i // 2}", shape, h)
                if last or keep is None
                else keep[i // 2],
            )
            h.add_(tensors[i + 1].unsqueeze(-1))
            if not last:
                self.activation.in_place(h)
        return h

    def centre(self, theta: Tensor, ready: Tensor) -> Tensor:
        weight, bias = self.unpack(theta.unsqueeze(0))[:2]
        return torch.addmm(bias[0].unsqueeze(-1), weight[0], ready)

    def mirrored(
        self,
        asked: AntitheticPopulation,
        centre: Tensor | None,
        start: int,
        stop: int,
        ready: Tensor,
    ) -> Tensor:
        # The first layer, most of the work, is linear in its weights: one product with the noise
        # serves both members of a pair, W x ± E x. Further layers read inputs of their own; there a
        # product with low-rank factors is still cheaper than one with the matrix they represent.
        assert centre is not None
        size, batch, tensors = stop - start, ready.shape[1], self.unpack(asked.theta.unsqueeze(0))
        parts = asked.noise.parts(start, stop, self.layers)
        h = centre
        for i in range(0, len(tensors), 2):
            weight, bias, outputs = tensors[i][0], tensors[i + 1][0], tensors[i].shape[1]
            reach = asked.reach * (1.0 if asked.scale is None else self.layers[i].fan_in ** -0.5)
            shift = parts[i + 1][0].unsqueeze(-1) * reach
            sums = scratch_buffer(f"mirrored {i}", (2 * size, outputs, batch), ready)
            plus, minus = sums.chunk(2)
            if i == 0:
                noise = times(
                    parts[0],
                    ready.expand(size, *ready.shape),
                    reach,
                    scratch_buffer("noise", (size, outputs, batch), ready),
                ).add_(shift)
                torch.add(centre, noise, out=plus)
                torch.sub(centre, noise, out=minus)
            elif len(parts[i]) == 1:
                weights = scratch_buffer("weights", (2 * size, *weight.shape), ready)
                torch.add(weight, parts[i][0], alpha=reach, out=weights[:size])
                torch.sub(weight, parts[i][0], alpha=reach, out=weights[size:])
                torch.bmm(weights, h, out=sums)
                plus.add_(bias.unsqueeze(-1) + shift)
                minus.add_(bias.unsqueeze(-1) - shift)
            else:
                torch.bmm(weight.expand(2 * size, *weight.shape), h, out=sums)
                for half, inputs, sign in ((plus, h[:size], 1), (minus, h[size:], -1)):
                    half.add_(
                        times(
                            parts[i],
                            inputs,
                            sign * reach,
                            scratch_buffer("noise", (size, outputs, batch), ready),
                        )
                    ).add_(bias.unsqueeze(-1) + sign * shift)
            h = self.activation.in_place(sums) if i + 2 < len(tensors) else sums
        return h


def times(part: Part, inputs: Tensor, reach: float, out: Tensor) -> Tensor:
    """Write noise on a matrix times the inputs (m, in, B), times ``reach``, to ``out`` (m, outputs,
    B).
    """
    if len(part) == 1:
        return torch.bmm(part[0], inputs, out=out).mul_(reach)
    a, b = part
    size, rank, batch = len(a), a.shape[2], inputs.shape[2]
    middle = scratch_buffer("middle", (size, rank, batch), inputs)
    if inputs.stride(0) == 0:  # the same input for all: one product
        torch.mm(b.mT.reshape(size * rank, -1), inputs[0], out=middle.view(size * rank, batch))
    else:
        torch.bmm(b.mT, inputs, out=middle)
    a = a * (reach * rank**-0.5)
    return torch.mul(a, middle, out=out) if rank == 1 else torch.bmm(a, middle, out=out)


@NETWORKS.add
class MLP(NetworkConfig):
    """Multilayer perceptron: 0 to 6 hidden layers."""

    name = "mlp"
    label = "Perceptron (MLP)"

    hidden: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field(
        (16, 16),
        max_length=6,
        description="Neurons in each hidden layer; none makes it a linear model.",
    )
    activation: Activation = Field(
        "tanh",
        description=(
            "Activation function of the hidden neurons; heaviside and sign are steps, so they "
            "give no gradient."
        ),
    )
    straight_through: bool = STRAIGHT_THROUGH

    def build(self, shape: tuple[int, ...], classes: int) -> MLPNetwork:
        return MLPNetwork(
            (prod(shape), *self.hidden, classes), self.activation, self.straight_through
        )
