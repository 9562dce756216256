"""Local search from one random tour after another (Lin 1965, https://doi.org/10.1002/j.1538-7305.1965.tb04146.x).

Each tour is shortened by 2-opt and Or-opt moves until none of them helps; then a new random one is
begun. It is what any better method has to beat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..instance import Integers
from ..meter import Meter
from .base import METHODS, OverNeighbours, Phase, Repair, Stream, proposals, shortest
from .local_search import SearchState, beginning, descend, restart

if TYPE_CHECKING:
    from ..tour_problem import TourProblem


@METHODS.add
class Restarts(OverNeighbours[SearchState]):
    """Local search, again and again from random tours."""

    name = "restarts"
    label = "Restarts of local search"
    family = "Local search"
    paper = "Lin 1965, https://doi.org/10.1002/j.1538-7305.1965.tb04146.x"
    sentence = (
        "A few per cent above the optimum at once; it learns nothing from one start for the next, "
        "so with many cities it hardly improves."
    )
    phases = (
        Phase("Look", "A city is asked whether another of its near cities beside it helps."),
        Phase("Move", "The first move that shortens the tour is made."),
        Phase("Restart", "If no move helps, the search begins again with a random tour."),
    )

    def begin(
        self, problem: TourProblem, tour: Integers, meter: Meter, stream: Stream
    ) -> SearchState:
        meter.read(problem.size)
        state = beginning(problem, tour, self.near(problem, meter))
        state.metrics["restarts"] = 0.0
        return state

    def step(
        self, state: SearchState, problem: TourProblem, meter: Meter, stream: Stream, number: int
    ) -> None:
        if descend(state, problem, state.only or proposals(problem.size)):
            restart(state, problem, problem.random_tour(stream.at(number)))
            meter.read(problem.size)
            state.metrics["restarts"] += 1
        meter.take(state.numbers)

    def edited(
        self,
        state: SearchState,
        problem: TourProblem,
        repair: Repair,
        meter: Meter,
        stream: Stream,
    ) -> SearchState:
        tour = shortest(problem, repair([state.best, state.tour]), meter)
        after = self.begin(problem, tour, meter, stream)
        after.metrics = state.metrics
        return after
