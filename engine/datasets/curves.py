"""Curves for regression: a number from a number, drawn from a seed."""

from __future__ import annotations

from abc import abstractmethod

import torch
from pydantic import Field
from torch import Tensor

from ..random.rng import Rng
from .base import DATASETS, Dataset, DatasetConfig


class Curve(DatasetConfig):
    """The base of curves: evenly spaced points in [−1, 1] and a little noise; the test samples are
    between them, without noise.
    """

    kind = "curve"
    shape = (1,)
    classes = ("y",)

    points: int = Field(
        100,
        ge=10,
        le=5000,
        description="Training points; as many again are held out for testing.",
        json_schema_extra={"scale": "log"},
    )
    noise: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Standard deviation of the noise on every point.",
        json_schema_extra={"step": 0.01},
    )

    @abstractmethod
    def height(self, x: Tensor) -> Tensor:
        """Return the values of the curve: (N,) → (N,)."""

    def load(self, seed: int) -> Dataset:
        x_train, x_test = (
            torch.linspace(-1, 1, self.points),
            torch.linspace(-1, 1, 2 * self.points + 1)[1::2],
        )
        y_train = self.height(x_train) + self.noise * Rng(seed, f"{self.name} train").normal(
            self.points
        )
        return Dataset(
            x_train.unsqueeze(1),
            y_train,
            x_test.unsqueeze(1),
            self.height(x_test),
            self.classes,
            self.kind,
        )

    def sizes(self) -> tuple[int, int]:
        return self.points, self.points


@DATASETS.add
class Sinc(Curve):
    """sin(10x)/(10x)."""

    name = "sinc"
    label = "Sinc curve"
    sentence = "A curve with one high wave, so smooth that it can be fitted to many digits."
    about = (
        "The curve sin(10x)/(10x) from 100 points. Smooth: second-order methods fit it to many "
        "digits."
    )

    def height(self, x: Tensor) -> Tensor:
        return torch.sinc(10 * x / torch.pi)


@DATASETS.add
class Step(Curve):
    """−1 left of zero, 1 right of it."""

    name = "step"
    label = "Step"
    sentence = "A jump from −1 to 1, which no smooth network fits exactly."
    about = (
        "A step from −1 to 1 at zero. No smooth network fits it exactly; one with hard "
        "thresholds can."
    )

    def height(self, x: Tensor) -> Tensor:
        return torch.where(x < 0, -1.0, 1.0).to(x)
