"""First come, first served: planes land in the order of their target times (the order that
controllers keep to; Beasley et al. 2000, https://doi.org/10.1287/trsc.34.2.180.12302, begin from
it).

Every plane in turn goes to the runway on which it can land earliest after those that are there;
then all times are the best that the orders allow, as for every method.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..instance import Integers
from ..kernels.counters import CURRENT
from ..landing_instance import LandingInstance
from ..meter import Meter
from ..problem import NOTHING
from .base import METHODS, Method, Phase, Repair, State, Stream

if TYPE_CHECKING:
    from ..problem import Problem


@METHODS.add
class FirstCome(Method[State]):
    """Planes in the order of their targets."""

    name = "first-come"
    label = "First come, first served"
    family = "Rule"
    sees = "model"
    paper = "Beasley et al. 2000, https://doi.org/10.1287/trsc.34.2.180.12302"
    sentence = (
        "What a tower does without a computer: fair and at once, and dear when planes that need "
        "much room between them come in turn."
    )
    phases = (
        Phase("Sort", "Planes are put in the order of their targets."),
        Phase("Land", "Each goes to the runway that is free first, and lands as best it can."),
    )
    solves = ("landing",)
    least = 1

    def begin(self, problem: Problem, tour: Integers, meter: Meter, stream: Stream) -> State:
        state = State()
        self._serve(state, problem, meter)
        return state

    def step(
        self, state: State, problem: Problem, meter: Meter, stream: Stream, number: int
    ) -> None:
        """Do nothing: there is one such order, and it stands from the start."""
        state.over = True

    def _serve(self, state: State, problem: Any, meter: Meter) -> None:
        chain = problem.chain(problem.inward(served(problem.instance)), 0, meter)
        state.tour, state.violation = chain.present, chain.violation
        state.numbers[CURRENT] = chain.numbers[CURRENT]
        if not chain.violation:
            assert chain.numbers[CURRENT] < NOTHING
            state.numbers[:] = chain.numbers
            state.best = state.tour
        else:
            state.note = "In this order not all planes can land in time."

    def edited(
        self, state: State, problem: Problem, repair: Repair, meter: Meter, stream: Stream
    ) -> State:
        """Begin anew; planes are not edited while a race runs."""
        return self.begin(problem, np.empty(0, np.int32), meter, stream)


def served(instance: LandingInstance) -> Integers:
    """Return the times of all planes, then their runways, where each lands in the order of targets
    as early as its target and those before it on its runway allow.
    """
    n = instance.size
    times, runways = np.zeros(n, np.int64), np.zeros(n, np.int64)
    landed: list[list[int]] = [[] for _ in range(instance.runways)]
    for plane in np.lexsort((np.arange(n), instance.target)).tolist():
        free = [
            max(
                (int(times[one]) + int(instance.separation[one, plane]) for one in before),
                default=int(instance.earliest[plane]),
            )
            for before in landed
        ]
        runway = min(range(instance.runways), key=lambda one: (free[one], len(landed[one])))
        times[plane] = max(int(instance.target[plane]), free[runway])
        runways[plane] = runway
        landed[runway].append(plane)
    return np.concatenate([times, runways]).astype(np.int32)
