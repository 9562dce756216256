"""Run the compiled loops on a problem: those that turn paths round where distances are the same in
both directions, else those that keep every direction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from . import kernels
from .instance import Integers
from .kernels.counters import CURRENT, MOVES, READS

if TYPE_CHECKING:
    from .tour_problem import TourProblem

ALL_RECORDS = 12_000
"""Up to this many cities every new shortest tour is kept; with more, the one at the end of a step:
copying it would take longer than the moves in between."""
LONGEST_PATH = 50_000
"""Paths of more cities than this are not turned round. (Measured on 100,000 cities, 20 s from a
greedy tour: with 1,000 annealing ends 7.6 % over the expected optimum, with 10,000 at 5.4 %, with
50,000, which is no bound there, at 2.3 %.)"""
FEWEST_KICKED = 8
"""Fewest cities of a tour that is kicked."""
NOTHING = np.empty((0, 4), np.int32)

Whole = NDArray[np.int64]


def anneal(
    problem: TourProblem,
    tour: Integers,
    pos: Integers,
    near: Integers,
    rule: tuple[float, float],
    count: int,
    best: Integers,
    numbers: Whole,
    sums: NDArray[np.float64],
    state: NDArray[np.uint64],
) -> None:
    """Propose ``count`` moves of a tour at one temperature; see `kernels.tours.anneal`.

    Args:
        problem: the instance.
        tour: (n,) changed in place.
        pos: (n,) where every city stands in it; changed in place.
        near: (n, K) near cities.
        rule: temperature and shape of the acceptance rule.
        count: how many moves.
        best: (n,) the shortest tour; changed in place.
        numbers: counters.
        sums: (2,) gets sums over the lengths.
        state: (1,) of the random numbers.
    """
    size = problem.size
    measure = problem.metric, problem.points, problem.matrix
    if problem.symmetric:
        kernels.tours.anneal(
            tour,
            pos,
            *measure,
            near,
            *rule,
            count,
            LONGEST_PATH,
            size <= ALL_RECORDS,
            best,
            numbers,
            sums,
            state,
        )
    else:
        kernels.one_way.anneal(
            tour, pos, *measure, near, *rule, count, problem.room, best, numbers, sums, state
        )


def descend(
    problem: TourProblem,
    tour: Integers,
    pos: Integers,
    near: Integers,
    queue: tuple[Integers, NDArray[np.bool_], Whole],
    count: int,
    numbers: Whole,
) -> bool:
    """Make improving moves, and return whether none is left; see `kernels.tours.descend`.

    Args:
        problem: the instance.
        tour: (n,) changed in place.
        pos: (n,) where every city stands in it; changed in place.
        near: (n, K) near cities.
        queue: the cities to look at next.
        count: how many moves to judge, approximately.
        numbers: counters.
    """
    measure = problem.metric, problem.points, problem.matrix
    if problem.symmetric:
        return bool(
            kernels.tours.descend(tour, pos, *measure, near, *queue, NOTHING, count, numbers)
        )
    return bool(
        kernels.one_way.descend(
            tour, pos, *measure, near, *queue, NOTHING, problem.room, count, numbers
        )
    )


def iterate(
    problem: TourProblem,
    tour: Integers,
    pos: Integers,
    near: Integers,
    queue: tuple[Integers, NDArray[np.bool_], Whole],
    journal: Integers,
    count: int,
    temperature: float,
    best: Integers,
    numbers: Whole,
    state: NDArray[np.uint64],
) -> None:
    """Kick, mend, keep or undo, until so many moves are judged; see `kernels.tours.iterate`.

    Args:
        problem: the instance.
        tour: (n,) a local optimum; changed in place.
        pos: (n,) where every city stands in it; changed in place.
        near: (n, K) near cities.
        queue: empty.
        journal: (m, 4) room for the moves of one kick.
        count: how many moves to judge, approximately.
        temperature: at which longer tours are kept by chance; 0 keeps none.
        best: (n,) the shortest tour; changed in place.
        numbers: counters.
        state: (1,) of the random numbers.
    """
    measure = problem.metric, problem.points, problem.matrix
    rest = count, temperature, best, numbers, state
    if problem.symmetric:
        kernels.tours.iterate(tour, pos, *measure, near, *queue, journal, *rest)
    else:
        kernels.one_way.iterate(tour, pos, *measure, near, *queue, journal, problem.room, *rest)


def kick(problem: TourProblem, tour: Integers, pos: Integers, numbers: Whole, seed: int) -> bool:
    """Make one random double bridge, or where distances depend on the direction let two stretches
    next to one another change places. Returns False, and changes nothing, where there are fewer
    than `FEWEST_KICKED` cities.
    """
    if problem.size < FEWEST_KICKED:
        return False
    if not problem.symmetric:
        cuts = np.random.default_rng(seed).choice(problem.size, 3, replace=False)
        one, two, three = sorted(cuts.tolist())
        swapped = np.concatenate([tour[two:three], tour[one:two]])
        tour[one:three] = swapped
        pos[tour] = np.arange(problem.size, dtype=np.int32)
        numbers[CURRENT] = problem.length(tour)
        numbers[READS] += problem.size
        numbers[MOVES] += 1
        return True
    kernels.tours.kick(
        tour,
        pos,
        problem.metric,
        problem.points,
        problem.matrix,
        numbers,
        np.array([seed | 1], np.uint64),
    )
    return True
