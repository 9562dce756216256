"""What a dataset is: a choice that loads itself, and the tensors it loads."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from ..registry import Choice, Registry

Kind = Literal["points", "images", "curve", "table", "text", "function"]


@dataclass(frozen=True)
class Dataset:
    """Training and test samples.

    Attributes:
        x_train: (N, *shape) float32.
        y_train: (N,) int64 class numbers, or (N,) float32 numbers to be met.
        x_test, y_test: the same for samples never trained on.
        classes: names of the network's outputs, in order: the classes, or the one number to be met.
        kind: "points" (2-D, can be drawn as a plane), "images" (C, H, W), "curve" (a number from
            one number or several), "table" (a class from several numbers), "text" (the next
            character from numbers of characters, each of them a class) or "function" (a landscape:
            no data at all).
    """

    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor
    classes: tuple[str, ...]
    kind: Kind

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.x_train.shape[1:])

    def to(self, device: torch.device | str) -> Dataset:
        """The same samples on another device."""
        return replace(
            self,
            x_train=self.x_train.to(device),
            y_train=self.y_train.to(device),
            x_test=self.x_test.to(device),
            y_test=self.y_test.to(device),
        )


class Settled:
    """An attribute of a choice that hangs on its settings: of the dataset what they make it, of the
    kind of dataset what it is before anything is set.

    Args:
        of: the attribute of a dataset.
        usual: the attribute of the class.
    """

    def __init__(self, of: Callable[[Any], Any], usual: Any) -> None:
        self.of, self.usual = of, usual

    def __get__(self, choice: Any, kind: type) -> Any:
        return self.usual if choice is None else self.of(choice)


class DatasetChoice(Choice):
    """A dataset by name, with its settings. Everything but the samples is known without loading."""

    kind: ClassVar[Kind]
    shape: ClassVar[tuple[int, ...]]
    classes: ClassVar[tuple[str, ...]]
    about: ClassVar[str]
    """One line: what it is and where it is from."""
    needs_file: ClassVar[bool] = False
    """Whether there is nothing to learn before somebody gave a file: left out where datasets are
    listed to pick from."""

    @property
    def title(self) -> str:
        """What it is called with its settings: its label, and the name of the file it is made
        of.
        """
        return self.label

    @abstractmethod
    def load(self, seed: int) -> Dataset:
        """The samples. The seed matters only to datasets that are drawn (the 2-D ones).

        Raises:
            BadInput: the samples are not on this machine and cannot be fetched; the message says
                what to do.
        """

    def check(self) -> None:
        """Whether the settings go together; every one by itself does already.

        Raises:
            BadInput: they do not; the field named is one of them.
        """

    def notes(self) -> tuple[str, ...]:
        """Return what was left out of the samples or changed in them, a sentence each."""
        return ()

    @abstractmethod
    def sizes(self) -> tuple[int, int]:
        """(training samples, test samples), known before loading."""


DATASETS: Registry[DatasetChoice] = Registry("dataset")
