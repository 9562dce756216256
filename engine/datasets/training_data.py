"""Which of a dataset's samples are trained on, and how they are altered.

Every dataset can be cut to fewer training samples, have a validation set split off, some classes
left out, its pictures rotated, or labels replaced by wrong ones. The test samples are never cut and
their labels never changed; classes and rotation apply to them as well, for they belong to the task.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from ..errors import BadInput
from ..random.rng import Rng
from ..registry import Fields
from .base import Dataset


class TrainingData(Fields):
    """The training samples to use. The defaults use all, as they are."""

    samples: int | None = Field(
        None,
        ge=2,
        le=10_000_000,
        description="Training samples to use, drawn with the seed; empty uses all.",
    )
    validation: float = Field(
        0.0,
        ge=0,
        le=0.9,
        description=(
            "Share of the training samples that is set aside to choose settings by, drawn with "
            "the seed."
        ),
    )
    label_noise: float = Field(
        0.0,
        ge=0,
        le=1,
        description=(
            "Share of the training samples whose class is replaced by another one, drawn with the "
            "seed. Validation and test labels stay right."
        ),
    )
    classes: tuple[int, ...] = Field(
        (),
        max_length=1000,
        description="Numbers of the classes to use, from 0; none uses all. For tasks in sequence.",
    )
    rotation: float = Field(
        0.0, ge=-180, le=180, description="Degrees by which all pictures are rotated."
    )

    @property
    def usual(self) -> bool:
        """Return whether all samples are used as they are."""
        return self == type(self)()

    def size(self, samples: int, classes: int) -> int:
        """Return about how many training samples are left of ``samples``, before loading them."""
        if self.classes and classes:
            samples = max(1, round(samples * len(set(self.classes)) / classes))
        samples -= self._held_out(samples)
        return samples if self.samples is None else min(self.samples, samples)

    def _held_out(self, samples: int) -> int:
        return math.floor(samples * self.validation)

    def apply(self, data: Dataset, seed: int) -> Dataset:
        """Return the dataset with these samples.

        Raises:
            BadInput: the options do not fit the dataset.
        """
        if self.usual:
            return data
        if data.kind == "function":
            raise BadInput("training", "options for samples", "none on a landscape: it has no data")
        if self.classes:
            data = self._chosen_classes(data)
        if self.rotation:
            data = self._rotated(data)
        rng = Rng(seed, "training samples")
        order = rng.permutation(len(data.y_train))
        held = self._held_out(len(order))
        valid, order = order[:held].sort().values, order[held:]
        if self.samples is not None:
            if self.samples > len(order):
                raise BadInput(
                    "training.samples",
                    self.samples,
                    f"at most {len(order):,}, the training samples that there are",
                )
            order = order[: self.samples]
        order = order.sort().values
        x, y = data.x_train[order], data.y_train[order]
        if self.label_noise:
            y = self._wrong(y, data, Rng(seed, "wrong labels"))
        return replace(
            data,
            x_train=x,
            y_train=y,
            x_valid=data.x_train[valid],
            y_valid=data.y_train[valid],
        )

    def _chosen_classes(self, data: Dataset) -> Dataset:
        classes = len(data.classes)
        if data.y_train.is_floating_point() or not set(self.classes) <= set(range(classes)):
            raise BadInput(
                "training.classes",
                ",".join(map(str, self.classes)),
                f"numbers from 0 to {classes - 1} on a dataset of classes",
            )
        wanted = torch.tensor(sorted(set(self.classes)))
        train, test = torch.isin(data.y_train, wanted), torch.isin(data.y_test, wanted)
        return replace(
            data,
            x_train=data.x_train[train],
            y_train=data.y_train[train],
            x_test=data.x_test[test],
            y_test=data.y_test[test],
        )

    def _rotated(self, data: Dataset) -> Dataset:
        if data.kind != "images":
            raise BadInput("training.rotation", self.rotation, "0, unless the samples are pictures")
        return replace(
            data,
            x_train=rotated(data.x_train, self.rotation),
            x_test=rotated(data.x_test, self.rotation),
        )

    def _wrong(self, y: Tensor, data: Dataset, rng: Rng) -> Tensor:
        """Replace the classes of a share of the samples by others, all equally likely."""
        if y.is_floating_point():
            raise BadInput("training.label_noise", self.label_noise, "0, unless there are classes")
        allowed = torch.tensor(sorted(set(self.classes)) or range(len(data.classes)))
        if len(allowed) < 2:
            raise BadInput("training.label_noise", self.label_noise, "0 with a single class")
        place = torch.searchsorted(allowed, y)
        chosen = rng.permutation(len(y))[: round(self.label_noise * len(y))]
        shift = 1 + rng.integers(len(allowed) - 1, len(chosen))
        y = y.clone()
        y[chosen] = allowed[(place[chosen] + shift) % len(allowed)]
        return y


def rotated(pictures: Tensor, degrees: float) -> Tensor:
    """Rotate pictures (N, C, H, W) counter-clockwise about their centre, bilinearly; corners that
    come from outside are 0.
    """
    angle = math.radians(degrees)
    turn = torch.tensor(
        [[math.cos(angle), -math.sin(angle), 0.0], [math.sin(angle), math.cos(angle), 0.0]]
    )
    result = torch.empty_like(pictures)
    for start in range(0, len(pictures), 4096):
        part = pictures[start : start + 4096]
        grid = functional.affine_grid(
            turn.expand(len(part), 2, 3), list(part.shape), align_corners=False
        )
        result[start : start + 4096] = functional.grid_sample(part, grid, align_corners=False)
    return result
