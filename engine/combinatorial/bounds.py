"""Bounds that no tour can be below: how far a tour is from the optimum at most, also where nobody
knows the optimum.

Held and Karp's bound (1970, 1971) is that of minimum 1-trees, see `kernels.one_tree`. Prices are
sought on the edges to near cities, where a step is quick; a bound counts only after a 1-tree over
all pairs of cities has confirmed it, in whole numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import kernels
from .instance import Integers
from .tour_problem import TourProblem

MOST_CITIES = 10_000
"""With more cities there is no bound: a 1-tree over all pairs would take a second and more."""
NEAR = 8
"""Near cities to which edges are considered while prices are sought."""
WORK, FEWEST, MOST = 600_000, 100, 1000
"""Steps of the ascent times cities, and the fewest and the most steps: less than a second."""
ROUNDS = 3
"""Ascents at most, each on the graph with the edges that the last 1-tree over all pairs had."""
LATER = 0.1
"""The first step of later ascents, in those of the first one."""
SCALE = 2**14
"""When a bound is confirmed, prices are whole numbers of one 16,384th of a distance: sums for
10,000 cities and distances below 2³¹ stay below 2⁶²."""


def lower_bound(problem: TourProblem) -> int | None:
    """Return a length that no tour is below, usually within 1 % of the shortest; None where
    distances depend on the direction, or there are more than `MOST_CITIES` cities.

    It is the same every time, and takes a quarter of a second for 1,000 cities, about a second for
    10,000.
    """
    n = problem.size
    if n <= 3:
        order = np.arange(n, dtype=np.int32)  # of three cities there are two, one way and the other
        return min(problem.length(order), problem.length(order[::-1].copy()))
    if not problem.symmetric or n > MOST_CITIES:
        return None
    prices = np.zeros(n)
    highest, tree = _confirmed(problem, prices)
    near = problem.neighbours(NEAR)
    edges = np.stack([np.repeat(np.arange(n), near.shape[1]), near.ravel()], 1)
    first = max(1.0, highest / SCALE) / (2 * n)
    for _ in range(ROUNDS):
        edges = np.concatenate([edges, tree])
        found, prices = _ascended(problem, edges, prices, first)
        bound, tree = _confirmed(problem, prices)
        highest = max(highest, bound)
        if bound >= SCALE * (found - 0.5):  # the graph lacks no edge that would matter
            break
        first *= LATER
    return -(-highest // SCALE)  # tours have whole lengths


def _confirmed(problem: TourProblem, prices: NDArray[np.float64]) -> tuple[int, Integers]:
    """Return the bound at some prices, times `SCALE`, and the edges of its 1-tree (n − 2, 2) that
    are not at the first city.
    """
    n = problem.size
    parent, degree = np.zeros(n, np.int32), np.zeros(n, np.int32)
    bound = kernels.one_tree.least_one_tree(
        problem.metric,
        problem.points,
        problem.matrix,
        np.round(prices * SCALE).astype(np.int64),
        SCALE,
        np.zeros(n, np.int32),
        np.zeros(n, np.int64),
        parent,
        degree,
    )
    cities = np.arange(2, n, dtype=np.int32)
    return int(bound), np.stack([cities, parent[2:]], 1)


def _ascended(
    problem: TourProblem, edges: Integers, prices: NDArray[np.float64], first: float
) -> tuple[float, NDArray[np.float64]]:
    """Return the highest bound over some edges, and its prices."""
    n = problem.size
    pairs = np.unique(np.sort(edges, 1), axis=0).astype(np.int32)
    lengths = problem.lengths(pairs)
    both = np.concatenate([pairs, pairs[:, ::-1]])
    order = np.argsort(both[:, 0], kind="stable")
    starts = np.searchsorted(both[order, 0], np.arange(n + 1))
    best = np.empty(n)
    found = kernels.one_tree.ascend(
        starts,
        np.ascontiguousarray(both[order, 1]),
        np.concatenate([lengths, lengths])[order].astype(np.float64),
        prices.copy(),
        best,
        int(np.clip(WORK // n, FEWEST, MOST)),
        first,
        np.empty(n),
        np.empty(n, np.int32),
        np.empty(n, np.int32),
        np.zeros(n, np.int32),
        np.zeros((2, n), np.int32),
    )
    return float(found), best
