"""Images that ship with Kelvin, as npz files in ``data``, and the conversion from arrays of bytes
to a dataset.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .base import Dataset

DATA = Path(str(files(__package__) / "data"))
"""Files that ship with the package."""


def image_dataset(arrays: dict[str, np.ndarray], classes: tuple[str, ...]) -> Dataset:
    """Return a dataset from bytes.

    Args:
        arrays: ``x_train`` and ``x_test``, (N, H, W) uint8; ``y_train`` and ``y_test``, (N,) uint8.
        classes: names of the classes, in order.

    Returns:
        Images of (N, 1, H, W) float32 in [0, 1] and labels of (N,) int64.
    """
    labels = {key: torch.from_numpy(arrays[key].astype(np.int64)) for key in ("y_train", "y_test")}
    return Dataset(
        _tensor(arrays["x_train"]),
        labels["y_train"],
        _tensor(arrays["x_test"]),
        labels["y_test"],
        classes,
        "images",
    )


@lru_cache(maxsize=4)
def shipped(name: str, classes: tuple[str, ...]) -> Dataset:
    """Return the dataset in ``data/NAME.npz``. Every caller in this process gets the same tensors
    and must not write to them.
    """
    with np.load(DATA / f"{name}.npz") as file:
        return image_dataset(dict(file), classes)


def _tensor(images: np.ndarray) -> Tensor:
    return torch.from_numpy(images.astype(np.float32) / 255).unsqueeze(1)
