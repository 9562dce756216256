"""Methods for combinatorial problems, one file each, found by itself."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from .base import METHODS, Method, State

ORDER = ("Annealing", "Local search", "Population", "Relaxation", "Outside", "Rule", "Random")
"""The order of the families in pickers."""

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
METHODS.sort(lambda cls: ORDER.index(cls.family))

__all__ = ["METHODS", "Method", "State"]
