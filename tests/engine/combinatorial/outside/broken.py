"""A stand-in for a solver: it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.combinatorial.instance import TourInstance


def prepare(instance: TourInstance) -> None:
    """Load nothing."""


def solve(
    instance: TourInstance, seconds: float, found: Callable[[Any], None], left: Callable[[], float]
) -> str:
    """Fail."""
    raise RuntimeError("it cannot")
