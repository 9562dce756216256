"""Two-dimensional datasets, drawn from a seed.

Each is two classes of points in about [−1, 1]², half and half. Training and test points are from
independent streams of the same seed.
"""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from pydantic import Field
from torch import Tensor

from ..random.rng import Rng
from .base import DATASETS, Dataset, DatasetConfig


class Points(DatasetConfig):
    """The base of the 2-D datasets: a number of points, noise, two classes."""

    kind = "points"
    shape = (2,)
    classes = ("A", "B")

    points: int = Field(
        400,
        ge=20,
        le=5000,
        description="Training points; as many again are held out for testing.",
        json_schema_extra={"scale": "log"},
    )
    noise: float = Field(
        0.08,
        ge=0,
        le=1,
        description="Standard deviation of the noise on every point.",
        json_schema_extra={"step": 0.01},
    )

    @abstractmethod
    def place(self, label: Tensor, rng: Rng) -> Tensor:
        """Return noise-free points for labels: (N,) of 0 and 1 → (N, 2)."""

    def draw(self, rng: Rng) -> tuple[Tensor, Tensor]:
        """Draw ``points`` points in random order: (N, 2) float32 and (N,) int64."""
        label = (torch.arange(self.points) % 2)[rng.permutation(self.points)]
        return self.place(label, rng) + self.noise * rng.normal(self.points, 2), label

    def load(self, seed: int) -> Dataset:
        x_train, y_train = self.draw(Rng(seed, f"{self.name} train"))
        x_test, y_test = self.draw(Rng(seed, f"{self.name} test"))
        return Dataset(x_train, y_train, x_test, y_test, self.classes, self.kind)

    def sizes(self) -> tuple[int, int]:
        return self.points, self.points


@DATASETS.add
class Spirals(Points):
    """Two interleaved Archimedean spirals of one and a half turns (after Lang and Witbrock
    1988).
    """

    name = "spirals"
    label = "Two spirals"
    sentence = "Two arms wound into each other: no straight line can separate them."
    about = (
        "Two interleaved spirals, 1½ turns each; drawn from the seed. A classic: no straight line "
        "can separate them."
    )

    noise: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Standard deviation of the noise on every point.",
        json_schema_extra={"step": 0.01},
    )

    def place(self, label: Tensor, rng: Rng) -> Tensor:
        # Even spacing along the radius would give a dense centre; the square root evens the density
        # along the arm.
        radius = 0.12 + 0.88 * rng.uniform(len(label)).sqrt()
        angle = 3 * math.pi * radius + math.pi * label
        return radius.unsqueeze(1) * torch.stack([angle.cos(), angle.sin()], 1)


@DATASETS.add
class Moons(Points):
    """Two interleaved half circles."""

    name = "moons"
    label = "Moons"
    sentence = "Two half circles that reach into each other: easy, but not with a straight line."
    about = "Two interleaved half circles; drawn from the seed. Easy, but not linear."

    def place(self, label: Tensor, rng: Rng) -> Tensor:
        angle = math.pi * rng.uniform(len(label))
        x = torch.where(label == 0, angle.cos(), 1 - angle.cos()) - 0.5
        y = torch.where(label == 0, angle.sin(), 0.5 - angle.sin()) - 0.25
        return torch.stack([x, y], 1) / 1.5


@DATASETS.add
class Circles(Points):
    """A ring inside a ring."""

    name = "circles"
    label = "Circles"
    sentence = "A ring around a ring: the boundary has to close."
    about = "A ring around a ring; drawn from the seed. Needs a closed boundary."

    def place(self, label: Tensor, rng: Rng) -> Tensor:
        angle = 2 * math.pi * rng.uniform(len(label))
        radius = torch.where(label == 0, 0.9, 0.45)
        return radius.unsqueeze(1) * torch.stack([angle.cos(), angle.sin()], 1)


@DATASETS.add
class Xor(Points):
    """Opposite quadrants share a class."""

    name = "xor"
    label = "XOR"
    sentence = "Opposite corners belong together, which a single neuron cannot learn."
    about = (
        "Opposite quadrants share a class; drawn from the seed. The problem that stopped the "
        "perceptron (Minsky and Papert 1969)."
    )

    noise: float = Field(
        0.03,
        ge=0,
        le=1,
        description="Standard deviation of the noise on every point.",
        json_schema_extra={"step": 0.01},
    )

    def place(self, label: Tensor, rng: Rng) -> Tensor:
        sign = (rng.integers(2, len(label)) * 2 - 1).to(torch.float32)
        corner = torch.stack([sign, torch.where(label == 0, sign, -sign)], 1)
        return corner * (0.08 + 0.87 * rng.uniform(len(label), 2))


@DATASETS.add
class Checkerboard(Points):
    """A board of four by four squares."""

    name = "checkerboard"
    label = "Checkerboard"
    sentence = "Sixteen squares by turns: many regions, hard for small networks."
    about = "A board of 4 × 4 squares; drawn from the seed. Many regions: hard for small networks."

    points: int = Field(
        800,
        ge=20,
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

    def place(self, label: Tensor, rng: Rng) -> Tensor:
        row = rng.integers(4, len(label))
        column = 2 * rng.integers(2, len(label)) + (row + label) % 2
        cell = torch.stack([column, row], 1).to(torch.float32)
        return (cell + 0.04 + 0.92 * rng.uniform(len(label), 2)) / 2 - 1
