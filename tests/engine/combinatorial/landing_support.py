"""Small problems of aircraft landing, and linear programs that say what is right."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from engine.combinatorial.landing_instance import LandingInstance

WAKES = np.array([[3, 15, 15, 12], [9, 8, 9, 8], [15, 8, 8, 10], [7, 9, 10, 8]])


def instance(
    planes: int, seed: int = 0, triangle: bool = True, runways: int = 1, wide: bool = False
) -> LandingInstance:
    """Random planes; windows may be too narrow for all of them unless they are wide."""
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 12 * planes, planes)
    kinds = rng.integers(0, 4, planes)
    apart = WAKES[kinds][:, kinds] if triangle else rng.integers(0, 25, (planes, planes))
    return LandingInstance(
        "l",
        "test",
        target - rng.integers(0, 40, planes),
        target,
        target + (10_000 if wide else rng.integers(0, 200, planes)),
        rng.integers(0, 30, planes),
        rng.integers(0, 30, planes),
        apart.astype(np.int32),
        runways,
    )


def by_program(
    one: LandingInstance, orders: Sequence[Sequence[int]], late: float, pairs: bool = True
) -> float:
    """The least energy of planes in given orders, by a linear program of all pairs or of
    neighbours alone.
    """
    n = one.size
    none = np.zeros(n)
    left, right = [], []

    def row(bound: float, *entries: tuple[int, float]) -> None:
        line = np.zeros(4 * n)
        for place, value in entries:
            line[place] += value
        left.append(line)
        right.append(bound)

    for plane in range(n):
        row(-one.target[plane], (plane, -1), (n + plane, -1))
        row(one.target[plane], (plane, 1), (2 * n + plane, -1))
        row(one.latest[plane], (plane, 1), (3 * n + plane, -1))
    for order in orders:
        for i, j in itertools.combinations(range(len(order)), 2):
            if pairs or j == i + 1:
                ahead, behind = order[i], order[j]
                row(-one.separation[ahead, behind], (ahead, 1), (behind, -1))
    found = linprog(
        np.concatenate([none, one.before, one.after, np.full(n, late)]),
        A_ub=np.array(left),
        b_ub=right,
        bounds=[(int(earliest), None) for earliest in one.earliest] + [(0, None)] * (3 * n),
    )
    assert found.success
    return float(found.fun)


def by_integers(one: LandingInstance) -> int:
    """The least price of planes on one runway that all keep their windows, by an integer program:
    of every two planes either is first.
    """
    n = one.size
    pairs = list(itertools.permutations(range(n), 2))
    count = 3 * n + len(pairs)  # times, how early, how late, who is first
    left, low, high = [], [], []

    def row(least: float, most: float, *entries: tuple[int, float]) -> None:
        line = np.zeros(count)
        for place, value in entries:
            line[place] = value
        left.append(line)
        low.append(least)
        high.append(most)

    for plane in range(n):
        target = float(one.target[plane])
        row(target, np.inf, (plane, 1), (n + plane, 1))
        row(-np.inf, target, (plane, 1), (2 * n + plane, -1))
    span = float(one.latest.max() - one.earliest.min() + one.separation.max())
    first = {pair: 3 * n + k for k, pair in enumerate(pairs)}
    for i, j in pairs:
        row(
            float(one.separation[i, j]) - span,
            np.inf,
            (j, 1),
            (i, -1),
            (first[i, j], -span),
        )
        if i < j:
            row(1, 1, (first[i, j], 1), (first[j, i], 1))
    found = milp(
        np.concatenate([np.zeros(n), one.before, one.after, np.zeros(len(pairs))]),
        constraints=LinearConstraint(np.array(left), np.array(low), np.array(high)),
        integrality=np.repeat([0, 1], [3 * n, len(pairs)]),
        bounds=Bounds(
            np.concatenate([one.earliest, np.zeros(2 * n + len(pairs))]),
            np.concatenate([one.latest, np.full(2 * n, np.inf), np.ones(len(pairs))]),
        ),
    )
    assert found.success, found.message
    return round(found.fun)


def cheapest(one: LandingInstance, late: float) -> float:
    """The least energy of all orders on all runways."""
    best = float("inf")
    for order in itertools.permutations(range(one.size)):
        for cuts in itertools.combinations_with_replacement(range(one.size + 1), one.runways - 1):
            ends = (0, *cuts, one.size)
            orders = [order[a:b] for a, b in itertools.pairwise(ends)]
            best = min(best, by_program(one, orders, late))
    return best
