"""Iterated local search (Martin, Otto and Felten 1991; Johnson and McGeoch 1997; Lourenço, Martin
and Stützle 2003, https://doi.org/10.1007/0-306-48056-5_11).

A locally optimal tour is kicked by a double bridge of short segments, mended by 2-opt and Or-opt
moves around the kick, and kept if it is not longer; otherwise all is undone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from .. import moves
from ..instance import Integers
from ..meter import Meter
from .base import METHODS, OverNeighbours, Phase, Repair, Stream, keep, proposals
from .local_search import SearchState, beginning, descend

if TYPE_CHECKING:
    from ..tour_problem import TourProblem

JOURNAL = 10_000
"""Moves of one kick that can be undone; one kick makes a few dozen."""


@dataclass(kw_only=True)
class IteratedState(SearchState):
    """A tour that is kicked.

    Attributes:
        journal: room for the moves of one kick.
        settled: whether the tour is a local optimum, so that it can be kicked.
    """

    journal: NDArray[np.int32]
    settled: bool = False


@METHODS.add
class Iterated(OverNeighbours[IteratedState]):
    """Local search of a tour that is kicked again and again."""

    name = "iterated"
    label = "Iterated local search"
    family = "Local search"
    paper = (
        "Martin, Otto and Felten 1991; Johnson and McGeoch 1997, "
        "https://doi.org/10.1007/0-306-48056-5_11"
    )
    sentence = (
        "The simplest method that stays near the optimum as cities become more; it never accepts "
        "a longer tour, so in the end it waits for the right kick."
    )
    phases = (
        Phase("Kick", "Four edges near each other are replaced: a double bridge."),
        Phase("Mend", "Local search repairs the tour around the kick."),
        Phase("Keep or undo", "A tour that is not longer is kept; otherwise all is undone."),
    )
    least = 8

    temperature: float = Field(
        0.0,
        ge=0,
        le=10,
        description=(
            "Longer tours are kept by chance at this temperature, in mean distances to the five "
            "nearest cities; 0 keeps none."
        ),
        json_schema_extra={"live": True, "step": 0.01, "advanced": True},
    )

    def begin(
        self, problem: TourProblem, tour: Integers, meter: Meter, stream: Stream
    ) -> IteratedState:
        meter.read(problem.size)
        search = beginning(problem, tour, self.near(problem, meter))
        return IteratedState(
            **{name: getattr(search, name) for name in ("numbers", "queue", "waiting", "ends")},
            tour=search.tour,
            pos=search.pos,
            best=search.best,
            near=search.near,
            journal=np.empty((JOURNAL, 4), np.int32),
        )

    def step(
        self,
        state: IteratedState,
        problem: TourProblem,
        meter: Meter,
        stream: Stream,
        number: int,
    ) -> None:
        if not state.settled:
            state.settled = descend(state, problem, state.only or proposals(problem.size))
        else:
            moves.iterate(
                problem,
                state.tour,
                state.pos,
                state.near,
                (state.queue, state.waiting, state.ends),
                state.journal,
                state.only or proposals(problem.size),
                self.temperature * problem.spacing if self.temperature else 0.0,
                state.best,
                state.numbers,
                stream.state(number),
            )
        meter.take(state.numbers)

    def edited(
        self,
        state: IteratedState,
        problem: TourProblem,
        repair: Repair,
        meter: Meter,
        stream: Stream,
    ) -> IteratedState:
        present, best = repair([state.tour, state.best])
        after = self.begin(problem, present, meter, stream)
        keep(problem, best, after.best, after.numbers, meter)
        return after

    def kick(self, state: IteratedState, problem: TourProblem, stream: Stream, number: int) -> bool:
        before, seed = state.tour.copy(), stream.at(number, "kick")
        if not moves.kick(problem, state.tour, state.pos, state.numbers, seed):
            return False
        state.settled = False
        state.ends[:] = 0, problem.size, problem.size
        state.waiting[:] = True
        state.queue[:] = before
        return True
