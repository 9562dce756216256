"""One weight for every sample of the dataset `bowl`, which its output is."""

from __future__ import annotations

import torch
from torch import Tensor

from ..datasets.base import DatasetConfig
from ..datasets.synthetic import Bowl
from ..errors import BadInput
from .base import NETWORKS, Network, NetworkConfig, pack


class BowlNetwork(Network):
    """The output for sample i is weight i.

    Args:
        weights: D.
    """

    def __init__(self, weights: int) -> None:
        self.layers = pack([("weights", (weights,), 1.0)])
        self.flops, self.peak_activations = 2, 1  # 2 stands for the difference and its square

    def forward(self, population: Tensor, x: Tensor) -> Tensor:
        last = self.dimension - 1
        chosen = x[:, 0].round().long().clamp(0, last)
        return population[:, chosen].unsqueeze(-1)

    def init(self, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.zeros(self.dimension, dtype=dtype, device=generator.device)


@NETWORKS.add
class BowlWeights(NetworkConfig):
    """One weight a sample."""

    name = "bowl"
    label = "One weight a sample"
    kinds = ()

    def build(self, shape: tuple[int, ...], classes: int) -> Network:
        raise BadInput("network", self.name, "a network with inputs; bowl belongs to dataset bowl")

    def build_for(self, dataset: DatasetConfig) -> Network:
        if not isinstance(dataset, Bowl):
            raise BadInput(
                "network",
                self.name,
                f"a network with inputs on {dataset.name}; bowl belongs to the dataset bowl alone",
            )
        return BowlNetwork(dataset.weights)
