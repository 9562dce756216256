"""Datasets. Importing this package registers them all, in the order people see: points in the
plane, then curves, tables, pictures and texts.
"""

# isort: off
from engine.datasets import toy  # first: the 2-D ones
from engine.datasets import drawn, curves, iris, digits, images, cifar, text, own, functions

# isort: on
from engine.datasets.base import DATASETS, Dataset, DatasetChoice

__all__ = [
    "DATASETS",
    "Dataset",
    "DatasetChoice",
    "cifar",
    "curves",
    "digits",
    "drawn",
    "functions",
    "images",
    "iris",
    "own",
    "text",
    "toy",
]
