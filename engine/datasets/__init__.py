"""Datasets. Importing this package registers them all, in the order people see: points in the
plane, then curves, tables, images and texts.
"""

from importlib import import_module

from .base import DATASETS, Dataset, DatasetConfig

MODULES = (
    "toy",
    "hand_drawn",
    "curves",
    "iris",
    "digits",
    "mnist",
    "cifar",
    "opticks",
    "synthetic",
    "user",
    "landscape",
)
"""Modules of this package that register datasets."""

for _module in MODULES:
    import_module(f"{__name__}.{_module}")

__all__ = ["DATASETS", "MODULES", "Dataset", "DatasetConfig"]
