"""ResNet-20 (He, Zhang, Ren and Sun 2016, https://arxiv.org/abs/1512.03385, section 4.2) for a
whole population at once.

A 3×3 convolution, three stages of three blocks with 16, 32 and 64 maps, the mean of every map, one
dense layer: 19 convolutions and 1. A block is

    h ← relu(skip(h) + norm(conv(relu(norm(conv(h))))))

and where a stage halves the image the skip takes every second pixel and fills new maps with zeros
(the paper's option A, which has no weights): 269,722 weights on CIFAR-10.

The paper normalises over the batch. Then the outputs of a sample depend on the other samples, so
the default here is group normalisation (Wu and He 2018, https://arxiv.org/abs/1803.08494), which
uses one sample alone; it has exactly the same weights.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from .base import NETWORKS, Network, NetworkConfig, pack
from .cnn import image_shape

STAGES, BLOCKS = 3, 3
GROUPS = 8
"""Number of groups of one member's maps that are normalised together."""
EPSILON = 1e-5

Norm = Literal["group", "batch"]


class ResNetNetwork(Network):
    """The network above.

    Args:
        shape: (C, H, W) of a sample.
        classes: K outputs.
        width: maps of the first stage, a multiple of `GROUPS`; each later stage has twice as many.
        normalisation: over groups of maps of one sample, or over the batch, for every member by
            itself. There are no running means: the statistics are always those of the current
            batch.
    """

    def __init__(
        self, shape: tuple[int, int, int], classes: int, width: int, normalisation: Norm
    ) -> None:
        self.normalisation, self.batch_dependent = normalisation, normalisation == "batch"
        c, rows, columns = shape
        self.blocks: list[tuple[int, int]] = []  # (stride, maps) of every block
        packed: list[tuple[str, tuple[int, ...], float]] = []
        pixels, flops = rows * columns, 0

        def convolution(name: str, before: int, after: int) -> None:
            nonlocal flops
            packed.extend(
                [
                    (f"{name}.weight", (after, before, 3, 3), 9 * before),
                    (f"{name}.norm.weight", (after,), after),
                    (f"{name}.norm.bias", (after,), after),
                ]
            )
            flops += 2 * pixels * after * before * 9

        convolution("0", c, width)
        self.peak_activations = 3 * pixels * width
        before = width
        for stage in range(STAGES):
            maps = width * 2**stage
            for block in range(BLOCKS):
                stride = 2 if stage and not block else 1
                if stride == 2:
                    rows, columns = (rows + 1) // 2, (columns + 1) // 2
                    pixels = rows * columns
                self.blocks.append((stride, maps))
                convolution(f"{stage}.{block}.0", before, maps)
                convolution(f"{stage}.{block}.1", maps, maps)
                before = maps
        packed += [("out.weight", (classes, before), before), ("out.bias", (classes,), before)]
        self.layers = pack(packed)
        self.flops, self.entering = (
            flops + 2 * before * classes,
            2 * shape[1] * shape[2] * width * c * 9,
        )
        self.readout_flops = 2 * before * classes

    def init(self, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return initial weights (D,): convolutions U(±√(6/fan_in)), which keeps the variance
        behind a relu (He et al. 2015); norms 1 and 0; the dense layer U(±1/√fan_in).
        """
        theta = super().init(generator, dtype)
        for layer in self.layers:
            if len(layer.shape) == 4:
                theta[layer.start : layer.stop] *= 6**0.5
            elif "norm" in layer.name:
                theta[layer.start : layer.stop] = float(layer.name.endswith("weight"))
        return theta

    def forward(self, population: Tensor, x: Tensor) -> Tensor:
        *_, w_out, b_out = self.unpack(population)
        return torch.baddbmm(b_out.unsqueeze(-1), w_out, self._means(population, x)).transpose(1, 2)

    def features(self, theta: Tensor, ready: Tensor) -> Tensor:
        return self._means(theta.unsqueeze(0), ready)[0]

    def _means(self, population: Tensor, x: Tensor) -> Tensor:
        """Return the mean of every map, the dense layer's inputs: (P, D), (B, C, H, W) → (P, in,
        B).
        """
        size, batch = len(population), len(x)
        tensors = self.unpack(population)
        # All members read the same samples, so the first convolution is one with P·maps feature
        # maps; from then on each member is a group of its own.
        h = torch.relu(
            self._norm(functional.conv2d(x, tensors[0].flatten(0, 1), padding=1), *tensors[1:3])
        )
        for i, (stride, maps) in enumerate(self.blocks):
            w_1, a_1, b_1, w_2, a_2, b_2 = tensors[3 + 6 * i : 9 + 6 * i]
            inner = torch.relu(
                self._norm(
                    functional.conv2d(h, w_1.flatten(0, 1), stride=stride, padding=1, groups=size),
                    a_1,
                    b_1,
                )
            )
            inner = self._norm(
                functional.conv2d(inner, w_2.flatten(0, 1), padding=1, groups=size), a_2, b_2
            )
            h = torch.relu(inner + (h if stride == 1 else skip(h, size, maps)))
        return h.mean((2, 3)).view(batch, size, -1).permute(1, 2, 0)

    def _norm(self, h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Normalise (B, P·maps, H, W) for each member by itself, then apply its own scale and shift
        (P, maps).
        """
        if self.normalisation == "batch":
            return functional.batch_norm(
                h, None, None, weight.flatten(), bias.flatten(), training=True, eps=EPSILON
            )
        return functional.group_norm(
            h, len(weight) * GROUPS, weight.flatten(), bias.flatten(), EPSILON
        )


def skip(h: Tensor, size: int, maps: int) -> Tensor:
    """Return every second pixel, with maps of zeros before and after each member's own: (B, P·maps
    before, H, W) → (B, P·maps, ⌈H/2⌉, ⌈W/2⌉).
    """
    h = h[:, :, ::2, ::2].unflatten(1, (size, -1))
    new = maps - h.shape[2]
    return functional.pad(h, (0, 0, 0, 0, new // 2, new - new // 2)).flatten(1, 2)


@NETWORKS.add
class ResNet(NetworkConfig):
    """A deep convolutional network with skips."""

    name = "resnet20"
    label = "ResNet-20"
    kinds = ("images",)
    between = "20 layers"

    width: int = Field(
        16,
        ge=GROUPS,
        le=64,
        multiple_of=GROUPS,
        description=(
            "Feature maps of the first stage, twice and four times as many in the next two; 16 "
            "in the paper."
        ),
        json_schema_extra={"step": GROUPS},
    )
    normalisation: Norm = Field(
        "group",
        description=(
            "How activations are normalised: for each sample alone (group), or over the current "
            "batch as in the paper; then outputs depend on the batch."
        ),
    )

    def build(self, shape: tuple[int, ...], classes: int) -> ResNetNetwork:
        return ResNetNetwork(
            image_shape(self.name, shape, 16), classes, self.width, self.normalisation
        )
