"""A point on a landscape with the interface of a network: its two weights are its coordinates, its
one output is the function value there, for any sample.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..datasets.base import DatasetConfig
from ..datasets.landscape import Landscapes
from ..errors import BadInput
from ..landscapes.benchmark_functions import Landscape
from .base import NETWORKS, Network, NetworkConfig, pack

UNIT = 0.1
"""The natural size of a step, as a share of the rectangle."""
SCATTER = 0.02
"""The standard deviation of initial weights about the landscape's start, as a share of the
rectangle.
"""


class PointNetwork(Network):
    """Function values of points.

    Args:
        landscape: the function.
        start: the exact initial weights; None scatters them a little about the landscape's own
            start.
    """

    def __init__(self, landscape: Landscape, start: tuple[float, float] | None = None) -> None:
        self.landscape, self.start = landscape, start
        # A layer for each coordinate; its nominal fan-in gives it its natural size 1/√fan_in.
        self.layers = pack(
            [
                (name, (1,), (UNIT * size) ** -2)
                for name, size in zip("xy", landscape.size, strict=True)
            ]
        )
        self.flops, self.partial = landscape.flops, landscape.partial
        self.peak_activations = 4

    def forward(self, population: Tensor, x: Tensor) -> Tensor:
        return self.landscape(population)[:, None, None].expand(-1, x.shape[0], 1)

    def init(self, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
        stray = torch.randn(2, generator=generator, device=generator.device, dtype=dtype)
        if self.start is not None:
            return torch.tensor(self.start, device=generator.device, dtype=dtype)
        start = torch.tensor(self.landscape.start, device=generator.device, dtype=dtype)
        return (
            start
            + SCATTER
            * torch.tensor(self.landscape.size, device=generator.device, dtype=dtype)
            * stray
        )


@NETWORKS.add
class Point(NetworkConfig):
    """A point on a landscape."""

    name = "point"
    label = "Point"
    kinds = ("function",)

    def build(self, shape: tuple[int, ...], classes: int) -> Network:
        raise BadInput(
            "network",
            self.name,
            "a network with inputs; a point belongs to the dataset landscape alone",
        )

    def build_for(self, dataset: DatasetConfig) -> Network:
        if not isinstance(dataset, Landscapes):
            raise BadInput(
                "network",
                self.name,
                (
                    f"a network with inputs on {dataset.name}; a point belongs to the dataset "
                    f"landscape alone"
                ),
            )
        return PointNetwork(dataset.landscape(), dataset.start)
