"""Problems in which only the number of weights changes: for studies of what a weight costs."""

from __future__ import annotations

import math
from typing import cast

import torch
from pydantic import Field
from torch import Tensor

from ..random.rng import Rng
from .base import DATASETS, Dataset, DatasetConfig, config_property

INPUTS = 4
"""Numbers that the function of random features is of."""


@DATASETS.add
class Bowl(DatasetConfig):
    """Sample i asks for one value of weight i: L = ½ mean (θ_i − y_i)²."""

    name = "bowl"
    label = "Bowl"
    kind = "curve"
    shape = (1,)
    classes = ("y",)
    sentence = "Every weight matters alike: only their number changes."
    about = (
        "A bowl in which every weight matters alike: sample i asks for one value of weight i. Only "
        "the number of weights changes."
    )
    listed = False
    only_network = "bowl"

    weights: int = Field(
        100,
        ge=2,
        le=1_000_000,
        description="Weights, and as many samples.",
        json_schema_extra={"scale": "log"},
    )

    def load(self, seed: int) -> Dataset:
        x = torch.arange(self.weights, dtype=torch.float32).unsqueeze(1)
        y = Rng(seed, "bowl").normal(self.weights)
        return Dataset(x, y, x, y, self.classes, self.kind)

    def sizes(self) -> tuple[int, int]:
        return self.weights, self.weights


@DATASETS.add
class RandomFeatures(DatasetConfig):
    """A smooth function of four numbers, to be fitted by random cosine features (Rahimi and Recht
    2007): more features are more weights, while the curvature keeps its few large directions.
    """

    name = "features"
    label = "Random features"
    kind = "curve"
    classes = ("y",)
    sentence = "A smooth function of four numbers, seen through random waves."
    about = (
        "A smooth function of four numbers seen through random cosine features. However many "
        "features there are, the loss bends in few directions."
    )
    listed = False

    features: int = Field(
        100,
        ge=2,
        le=1_000_000,
        description="Random features, each with a weight of its own in a linear model.",
        json_schema_extra={"scale": "log"},
    )
    points: int = Field(
        256,
        ge=10,
        le=5000,
        description="Training samples; as many again are held out for testing.",
        json_schema_extra={"scale": "log"},
    )
    shape = cast(tuple[int, ...], config_property(lambda config: (config.features,), (100,)))

    def load(self, seed: int) -> Dataset:
        rng = Rng(seed, "random features")
        inputs = rng.normal(2 * self.points, INPUTS)
        y = torch.sin(inputs @ rng.normal(INPUTS, 1)).squeeze(1) + 0.5 * torch.cos(
            inputs.square().sum(1)
        )
        # √(2/D) cos(w·u + b) with w ~ N(0, 1): a sample's features have length 1 on average, and
        # their products approach a Gaussian kernel, whatever their number D.
        weights, phases = self._projections(seed)
        x = math.sqrt(2 / self.features) * torch.cos(inputs @ weights.T + phases)
        n = self.points
        return Dataset(x[:n], y[:n], x[n:], y[n:], self.classes, self.kind)

    def _projections(self, seed: int) -> tuple[Tensor, Tensor]:
        generator = Rng(seed, "projections")
        return (
            generator.normal(self.features, INPUTS),
            2 * math.pi * Rng(seed, "phases").uniform(self.features),
        )

    def sizes(self) -> tuple[int, int]:
        return self.points, self.points
