"""The base of datasets: a configuration that can load itself, and the tensors it loads."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from ..registry import Config, Registry

Kind = Literal["points", "images", "curve", "table", "text", "function"]


@dataclass(frozen=True)
class Dataset:
    """Training and test samples.

    Attributes:
        x_train: (N, *shape) float32.
        y_train: (N,) int64 class numbers, or (N,) float32 regression targets.
        x_test, y_test: the same for samples that are never trained on.
        classes: names of the network's outputs, in order: the classes, or the one regression
            target.
        kind: "points" (2-D, can be drawn as a plane), "images" (C, H, W), "curve" (a number from
            one number or several), "table" (a class from several numbers), "text" (the next
            character from indices of characters, each of them a class) or "function" (a landscape,
            without data).
        x_valid, y_valid: training samples that were set aside to choose settings by; often none.
    """

    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor
    classes: tuple[str, ...]
    kind: Kind
    x_valid: Tensor = field(default_factory=lambda: torch.empty(0))
    y_valid: Tensor = field(default_factory=lambda: torch.empty(0))

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.x_train.shape[1:])

    def to(self, device: torch.device | str) -> Dataset:
        """Return the same samples on another device."""
        return replace(
            self,
            x_train=self.x_train.to(device),
            y_train=self.y_train.to(device),
            x_test=self.x_test.to(device),
            y_test=self.y_test.to(device),
            x_valid=self.x_valid.to(device),
            y_valid=self.y_valid.to(device),
        )


class config_property:
    """Descriptor: on an instance, computed from its settings; on the class, the default.

    Args:
        of: computes the attribute of an instance.
        usual: the attribute of the class.
    """

    def __init__(self, of: Callable[[Any], Any], usual: Any) -> None:
        self.of, self.usual = of, usual

    def __get__(self, choice: Any, kind: type) -> Any:
        return self.usual if choice is None else self.of(choice)


class DatasetConfig(Config):
    """A dataset by name, with its settings. Everything except the samples is known
    without loading.
    """

    kind: ClassVar[Kind]
    shape: ClassVar[tuple[int, ...]]
    classes: ClassVar[tuple[str, ...]]
    sentence: ClassVar[str] = ""
    """What it is, in one plain sentence, for a list to choose from."""
    about: ClassVar[str]
    """One line: what it is and where it is from."""
    listed: ClassVar[bool] = True
    """Whether the page offers it; otherwise it can be opened by a link or a file."""
    only_network: ClassVar[str | None] = None
    """The only network that can be used with it, if there is just one."""
    needs_file: ClassVar[bool] = False
    """Whether it needs an uploaded file: then it is left out where datasets are listed to choose
    from.
    """

    @property
    def title(self) -> str:
        """Return the label of the dataset with its settings: its own label, and the name of its
        file.
        """
        return self.label

    @abstractmethod
    def load(self, seed: int) -> Dataset:
        """Load the samples. The seed matters only to datasets that are drawn at random (the 2-D
        ones).

        Raises:
            BadInput: the samples are not on this machine and cannot be downloaded; the message says
                what to do.
        """

    def check(self) -> None:
        """Check settings that depend on each other; each one by itself is already valid.

        Raises:
            BadInput: they do not fit together; the field named is one of them.
        """

    def notes(self) -> tuple[str, ...]:
        """Return what was left out of the samples or changed in them, one sentence each."""
        return ()

    def unused(self) -> list[str]:
        """Return which settings do nothing beside the others, one sentence each."""
        return []

    @abstractmethod
    def sizes(self) -> tuple[int, int]:
        """Return (training samples, test samples), known before loading."""


DATASETS: Registry[DatasetConfig] = Registry("dataset")
