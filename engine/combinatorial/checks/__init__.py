"""Check a solution and price it again, straight from its instance, sharing no code with kernels."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from numpy.typing import ArrayLike

from .tour import distances

__all__ = ["check", "distances", "length"]


def check(instance: Any, solution: ArrayLike) -> list[str]:
    """Return what is wrong with a solution, a phrase each; nothing if it is feasible."""
    found: list[str] = _module(instance).check(instance, solution)
    return found


def length(instance: Any, solution: ArrayLike) -> int:
    """Return the price of a feasible solution: of a round trip, its length.

    Raises:
        ValueError: it is not feasible.
    """
    return int(_module(instance).length(instance, solution))


def _module(instance: Any) -> Any:
    """Return the module for a kind of instance, named after it."""
    return import_module(f".{instance.kind}", __name__)
