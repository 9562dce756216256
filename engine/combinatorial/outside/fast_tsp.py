"""fast-tsp (Mulder 2026, https://github.com/shmulvad/fast-tsp, MIT): local search with Or-opt in
Rust. It looks at the clock alone, and gives one answer at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..instance import TourInstance

LARGEST = 65_535
"""The largest distance that it takes."""


def prepare(instance: TourInstance) -> None:
    """Load the library."""
    import fast_tsp  # noqa: F401


def solve(
    instance: TourInstance,
    seconds: float,
    found: Callable[[Any], None],
    left: Callable[[], float],
) -> str:
    """Search for so many seconds of the clock, and report the tour.

    Args:
        instance: at most 5,000 cities.
        seconds: how long.
        found: called with the tour.
        left: processor time that is left.

    Returns:
        A remark, or nothing.
    """
    import fast_tsp

    from ..kernels.distance import full_matrix

    matrix = full_matrix(instance).astype(np.int64)
    largest, note = int(matrix.max()), ""
    if largest > LARGEST:
        factor = largest / LARGEST
        matrix = np.floor(matrix / factor).astype(np.int64)
        note = (
            f"fast-tsp takes distances up to {LARGEST:,}, so it was given them divided by "
            f"{factor:.3g} and rounded."
        )
    found(fast_tsp.find_tour(matrix, duration_seconds=max(0.05, left())))
    return note
