"""Datasets. Importing this package registers them all, in the order people see."""

from engine.datasets import toy  # noqa: F401  (registers the 2-D sets first)
from engine.datasets import images  # noqa: F401  isort: skip
from engine.datasets.base import DATASETS, Dataset, DatasetChoice

__all__ = ["DATASETS", "Dataset", "DatasetChoice"]
