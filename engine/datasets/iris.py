"""Iris (Fisher 1936), which ships with Kelvin."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from .base import DATASETS, Dataset, DatasetConfig
from .bundled import DATA


@lru_cache(maxsize=1)
def _load() -> Dataset:
    with np.load(DATA / "iris.npz") as file:
        x_train, x_test = (
            torch.from_numpy(file[name].astype(np.float32)) for name in ("x_train", "x_test")
        )
        y_train, y_test = (
            torch.from_numpy(file[name].astype(np.int64)) for name in ("y_train", "y_test")
        )
    mean, deviation = x_train.mean(0), x_train.std(0)
    return Dataset(
        (x_train - mean) / deviation,
        y_train,
        (x_test - mean) / deviation,
        y_test,
        Iris.classes,
        Iris.kind,
    )


@DATASETS.add
class Iris(DatasetConfig):
    """Three species from four measures of a flower, 100 for training and 50 for testing, with a
    fixed split; every measure is standardised.
    """

    name = "iris"
    label = "Iris"
    kind = "table"
    shape = (4,)
    classes = ("setosa", "versicolor", "virginica")
    sentence = "150 flowers of three species, described by four measures."
    about = (
        "150 flowers of three species, four measures each (Fisher 1936, UCI; CC BY 4.0). The map "
        "shows the plane along which the flowers differ most."
    )

    def load(self, seed: int) -> Dataset:
        return _load()

    def sizes(self) -> tuple[int, int]:
        return 100, 50
