"""Datasets. Importing this package registers them all, in the order people see: drawn ones, then pictures."""

from engine.datasets import toy

from engine.datasets import curves, iris, digits, images, functions  # isort: skip  (after the drawn ones)
from engine.datasets.base import DATASETS, Dataset, DatasetChoice

__all__ = ["DATASETS", "Dataset", "DatasetChoice", "curves", "digits", "functions", "images", "iris", "toy"]
