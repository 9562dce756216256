"""Warm up a lane before its clock starts."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

from torch import Tensor

from ..kernels import compiled
from ..optimizers import Optimizer
from ..oracle import Oracle
from ..random.rng import Rng

STEPS, SECONDS = 3, 0.05
"""A lane is warmed up by one step, and by more while they are quick: some things are first done in
a later step.
"""
LONGEST = 1.0
"""Seconds after which a warm-up step is left at its next evaluation: by then it has done everything
once.
"""


class Warm(Exception):
    """Ends a warm-up step early: the lane is warm."""


def warm_up(
    optimizer: Optimizer,
    theta: Tensor,
    rng: Rng,
    oracle_of: Callable[[], Oracle],
    precision: Callable[[], AbstractContextManager[None]],
) -> None:
    """Take a step or more of a lane and discard it, so that one-time costs (imports, compilation,
    tables, allocation) are not counted for any lane.

    Without it the lane that moves first pays for all: of two equal lanes with a second each, one
    took fourteen steps and the other one.

    Args:
        optimizer: of the lane.
        theta: (D,) the initial weights.
        rng: like the lane's own, at step 0.
        oracle_of: makes one like the lane's own.
        precision: that of the experiment, inside.
    """
    since = _clock()
    with suppress(Exception):  # it will be raised again, in a step that reports it
        oracle = oracle_of()
        if oracle.ranks is not None:  # each rank is warm at a time of its own
            oracle.ranks = oracle.ranks.alone()
        oracle.before_evaluation = lambda: _enough(since)
        with precision(), oracle.timed():
            state = optimizer.init(theta, rng, oracle)
            for step in range(1, STEPS + 1):
                oracle.next_batch(step)
                state = optimizer.step(state, rng.at(step), oracle)
                if _clock() - since > SECONDS:
                    break


def _enough(since: float) -> None:
    if _clock() - since > LONGEST:
        raise Warm


def _clock() -> float:
    """Return the time without that spent on compiling, which would leave none for a step."""
    return time.perf_counter() - compiled.seconds()
