"""Make a stream of planes that want to land."""

from __future__ import annotations

import random

import numpy as np

from .landing_instance import LandingInstance

SHARES = (0.25, 0.55, 0.2)
"""How often heavy, medium and light planes come."""
SEPARATION = ((96, 138, 240), (60, 72, 162), (60, 60, 72))
"""Seconds that a plane of one weight (row) must be ahead of another (column). The numbers are near
those that controllers keep; they obey the triangle inequality."""
EARLY, LATE = 60, 1800
"""Seconds by which a plane can land before its target, and must have landed after it."""
BUSY = 0.75
"""Seconds between two targets, as a share of the mean separation on one runway: too few."""
PENALTIES = ((10, 30), (5, 20), (2, 10))
"""Prices of a second before and after the target, by weight."""


def landing_stream(name: str, label: str, planes: int, runways: int, seed: int) -> LandingInstance:
    """Return planes that come faster than the runways can take them, so that somebody must wait.

    Args:
        name: of the instance.
        label: of the instance.
        planes: how many there are.
        runways: how many there are.
        seed: of the random numbers. Python's own generator promises the same in all versions.
    """
    draw = random.Random(f"landings\x1f{planes}\x1f{seed}").random
    weights = []
    for _ in range(planes):
        u = draw()
        weights.append(0 if u < SHARES[0] else 1 if u < SHARES[0] + SHARES[1] else 2)
    apart = np.array(SEPARATION, np.int32)
    mean = float(np.array(SHARES) @ apart @ np.array(SHARES))
    between = BUSY * mean / runways
    targets, now = [], 600.0
    for _ in range(planes):
        now += between * 2 * draw()
        targets.append(round(now))
    target = np.array(targets, np.int64)
    before, after = np.array(PENALTIES, np.int64)[weights].T
    return LandingInstance(
        name,
        label,
        target - EARLY,
        target,
        target + LATE,
        np.ascontiguousarray(before),
        np.ascontiguousarray(after),
        np.ascontiguousarray(apart[weights][:, weights]),
        runways,
        time_unit="s",
    )
