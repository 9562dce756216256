"""Descend to a tour that no 2-opt or Or-opt move shortens; what restarts and iterated local search
share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .. import moves
from ..instance import Integers
from ..kernels.counters import CURRENT, LOWEST
from .base import State, places, started

if TYPE_CHECKING:
    from ..tour_problem import TourProblem


@dataclass(kw_only=True)
class SearchState(State):
    """A tour on its way to a local optimum.

    Attributes:
        tour, pos: the present tour, and where every city stands in it.
        best: the shortest so far.
        near: (n, K) near cities.
        queue, waiting, ends: the cities to look at next, see `kernels.tours`.
    """

    tour: Integers
    pos: Integers
    best: Integers
    near: Integers
    queue: Integers
    waiting: NDArray[np.bool_]
    ends: NDArray[np.int64]


def beginning(problem: TourProblem, tour: Integers, near: Integers) -> SearchState:
    """Return the state before the first move."""
    state = SearchState(
        tour=tour.copy(),
        pos=places(tour),
        best=tour.copy(),
        near=near,
        queue=tour.copy(),
        waiting=np.ones(len(tour), np.bool_),
        ends=np.array([0, len(tour), len(tour)], np.int64),
    )
    started(state.numbers, problem.length(tour))
    return state


def restart(state: SearchState, problem: TourProblem, tour: Integers) -> None:
    """Go on from another tour; the shortest so far stays."""
    state.tour[:] = tour
    state.pos[:] = places(tour)
    state.queue[:] = tour
    state.waiting[:] = True
    state.ends[:] = 0, len(tour), len(tour)
    state.numbers[CURRENT] = problem.length(tour)


def descend(state: SearchState, problem: TourProblem, looks: int) -> bool:
    """Make improving moves, and keep the tour if it is the shortest so far.

    Args:
        state: changed in place.
        problem: the instance.
        looks: how many moves to judge, approximately.

    Returns:
        Whether the tour is a local optimum.
    """
    queue = state.queue, state.waiting, state.ends
    done = moves.descend(problem, state.tour, state.pos, state.near, queue, looks, state.numbers)
    if state.numbers[CURRENT] < state.numbers[LOWEST]:
        state.numbers[LOWEST] = state.numbers[CURRENT]
        state.best[:] = state.tour
    return done
