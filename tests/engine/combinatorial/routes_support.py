"""Small vehicle routing problems, and plain code that says what is right."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from engine.combinatorial import checks
from engine.combinatorial.instance import Metric
from engine.combinatorial.routes_instance import RoutesInstance


def routes_instance(
    customers: int,
    seed: int = 0,
    capacity: int = 30,
    side: int = 1000,
    vehicles: int | None = None,
    metric: Metric = "EUC_2D",
    **more: Any,
) -> RoutesInstance:
    """Random customers; with a small side many of them coincide and many distances tie."""
    rng = np.random.default_rng(seed)
    points = rng.integers(0, side, (customers + 1, 2)).astype(float)
    demand = rng.integers(0, 11, customers + 1).astype(np.int32)
    demand[0] = 0
    return RoutesInstance(
        f"r{customers}", "test", metric, points, points, demand, capacity, vehicles, **more
    )


def measured(instance: RoutesInstance, stops: Any) -> tuple[int, int]:
    """The length of routes and by how much they are overloaded, all of them again."""
    length = overload = 0
    for used, group in itertools.groupby(list(stops), lambda stop: stop >= 0):
        if not used:
            continue
        route = [0, *map(int, group), 0]
        overload += max(0, int(instance.demand[route].sum()) - instance.capacity)
        for one, other in itertools.pairwise(route):
            length += int(checks.distances(instance.map, [one], [other])[0])
    return length, overload


def partitions(items: list[int]) -> Iterator[list[list[int]]]:
    """All ways to put items into groups."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for groups in partitions(rest):
        yield [[first], *groups]
        for k in range(len(groups)):
            yield [*groups[:k], [first, *groups[k]], *groups[k + 1 :]]


def shortest(instance: RoutesInstance) -> int:
    """The length of the shortest feasible routes, by trying all."""
    best: dict[tuple[int, ...], int] = {}

    def length(group: list[int]) -> int:
        key = tuple(sorted(group))
        if key not in best:
            best[key] = min(measured(instance, order)[0] for order in itertools.permutations(key))
        return best[key]

    def fits(group: list[int]) -> bool:
        return int(instance.demand[group].sum()) <= instance.capacity

    most = instance.vehicles or instance.size
    return min(
        sum(map(length, groups))
        for groups in partitions(list(range(1, instance.size)))
        if len(groups) <= most and all(map(fits, groups))
    )
