"""What a lane does before the clock starts."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

from torch import Tensor

from ..optimizers import Optimizer
from ..oracle import Oracle
from ..random.rng import Rng

STEPS, SECONDS = 3, 0.05
"""A lane is warmed by one step, and by more of them while they are quick: some things are first
done in a later one."""
LONGEST = 1.0
"""Seconds after which a warming step is left at its next question: by then it has done everything
once."""


class Warm(Exception):
    """A step has warmed the lane, though it is not over."""


def warm_up(
    optimizer: Optimizer,
    theta: Tensor,
    rng: Rng,
    oracle_of: Callable[[], Oracle],
    precision: Callable[[], AbstractContextManager[None]],
) -> None:
    """Begin a lane and take a step or more of it, all of which is thrown away: what is imported,
    compiled, tabled and allocated only once is then charged to no lane.

    Without it the lane that moves first pays for all: two alike with a second each took fourteen
    steps and one.

    Args:
        optimizer: of the lane.
        theta: (D,) the first weights.
        rng: like the lane's own, at step 0.
        oracle_of: makes one like the lane's own.
        precision: that of the experiment, inside.
    """
    since = time.perf_counter()
    with suppress(Exception):  # it will come again, in a step that tells of it
        oracle = oracle_of()
        oracle.heard = lambda: _enough(since)
        with precision(), oracle.working():
            state = optimizer.init(theta, rng, oracle)
            for step in range(1, STEPS + 1):
                oracle.draw(step)
                state = optimizer.step(state, rng.at(step), oracle)
                if time.perf_counter() - since > SECONDS:
                    break


def _enough(since: float) -> None:
    if time.perf_counter() - since > LONGEST:
        raise Warm
