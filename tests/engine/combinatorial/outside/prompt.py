"""A stand-in for a solver: it works a moment, and proves its answer before it says how long."""

from __future__ import annotations

import time
from typing import Any

from engine.combinatorial.instance import TourInstance

SECONDS = 0.008
"""Processor time that it takes at least: less than what systems count the time of others in."""


def prepare(instance: TourInstance) -> None:
    """Load nothing."""


def solve(instance: TourInstance, seconds: float, found: Any, left: Any) -> str:
    """Give an answer and prove it."""
    until = time.process_time() + SECONDS
    while time.process_time() < until:
        pass
    found(range(instance.size))
    found.bound(2**40)
    while True:
        time.sleep(1)
