"""Random search: the shortest of many random tours (Brooks 1958,
https://doi.org/10.1287/opre.6.2.244). What a method is worth that looks at whole solutions alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..instance import Integers
from ..kernels.counters import CURRENT, LOWEST, MOVES
from ..meter import Meter
from .base import METHODS, Method, Phase, Repair, State, Stream, shortest, started

if TYPE_CHECKING:
    from ..tour_problem import TourProblem

READS = 50_000
"""Distances looked at in one step, approximately."""


@METHODS.add
class RandomSearch(Method[State]):
    """Random tours, the shortest of which counts."""

    name = "random-search"
    label = "Random search"
    family = "Random"
    sees = "price"
    paper = "Brooks 1958, https://doi.org/10.1287/opre.6.2.244"
    sentence = "Learns nothing from one tour for the next: hopeless beyond a dozen cities."
    phases = (
        Phase("Draw", "The cities are put in a random order."),
        Phase("Measure", "The whole tour is measured: n distances."),
    )
    directed = True

    def begin(self, problem: TourProblem, tour: Integers, meter: Meter, stream: Stream) -> State:
        state = State(tour=tour.copy(), best=tour.copy())
        started(state.numbers, problem.length(tour))
        meter.read(problem.size)
        return state

    def step(
        self, state: State, problem: TourProblem, meter: Meter, stream: Stream, number: int
    ) -> None:
        assert state.best is not None
        count = max(1, READS // problem.size)
        rng = np.random.default_rng(stream.at(number))
        for _ in range(count):
            tour = rng.permutation(problem.size).astype(np.int32)
            length = problem.length(tour)
            if length < state.numbers[LOWEST]:
                state.numbers[LOWEST], state.best = length, tour
        state.tour, state.numbers[CURRENT], state.numbers[MOVES] = tour, length, count
        meter.read(count * problem.size)
        meter.take(state.numbers)

    def edited(
        self, state: State, problem: TourProblem, repair: Repair, meter: Meter, stream: Stream
    ) -> State:
        assert state.best is not None
        assert state.tour is not None
        tour = shortest(problem, repair([state.best, state.tour]), meter)
        return self.begin(problem, tour, meter, stream)
