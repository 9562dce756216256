"""Optimizers, one file per method. Importing this package registers them all, in the order people see."""

from engine.optimizers import annealing, eki, pso, sgd, adam  # noqa: F401, I001  (the order is the picker's)
from engine.optimizers.base import OPTIMIZERS, Optimizer, State

__all__ = ["OPTIMIZERS", "Optimizer", "State"]
