"""Check routes of vehicles and price them again, straight from the instance, for whoever wants to
be sure. Nothing here is shared with the methods' kernels.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import ArrayLike

from ..routes_instance import RoutesInstance
from .tour import distances

SHOWN = 5
"""How many customers or routes a sentence names."""


def check(instance: RoutesInstance, solution: ArrayLike) -> list[str]:
    """Return what is wrong with some routes, a phrase each; nothing if they are feasible.

    Args:
        instance: who is visited, and what a vehicle holds.
        solution: (m,) customers by their number from 1, with −1 between two routes.
    """
    given = np.asarray(solution)
    if given.ndim != 1 or not (given.dtype.kind in "iu" or given.size == 0):
        return ["it is not a list of whole numbers"]
    stops = [int(stop) for stop in given]
    customers = range(1, instance.size)
    wrong = []
    strangers = sorted({stop for stop in stops if stop != -1 and stop not in customers})
    if strangers:
        wrong.append(
            f"there is no customer {_listed(strangers)}: they are numbered 1 to "
            f"{instance.size - 1}, and -1 parts two routes"
        )
    visits = Counter(stops)
    twice = [customer for customer in customers if visits[customer] > 1]
    if twice:
        wrong.append(f"visited more than once: customer {_listed(twice)}")
    missed = [customer for customer in customers if visits[customer] == 0]
    if missed:
        wrong.append(f"not visited: customer {_listed(missed)}")
    routes = routes_of(stops)
    most = instance.vehicles
    if most is not None and len(routes) > most:
        wrong.append(f"it has {len(routes)} routes, and there are {most} vehicles")
    if not strangers:
        wrong += _overloads(instance, routes)
    return wrong


def _overloads(instance: RoutesInstance, routes: list[list[int]]) -> list[str]:
    loads = [sum(int(instance.demand[customer]) for customer in route) for route in routes]
    capacity = instance.capacity
    over = [(k, load) for k, load in enumerate(loads, 1) if load > capacity]
    if not over:
        return []
    excess = sum(load - capacity for _, load in over)
    return [
        f"over the capacity of {capacity:,} by {excess:,} in all: route "
        f"{_listed([k for k, _ in over])}"
    ]


def length(instance: RoutesInstance, solution: ArrayLike) -> int:
    """Return the length of all routes together, each from the depot and back.

    Raises:
        ValueError: they are not feasible.
    """
    wrong = check(instance, solution)
    if wrong:
        raise ValueError(f"no routes of {instance.name}: {'; '.join(wrong)}")
    total = 0
    for route in routes_of([int(stop) for stop in np.asarray(solution)]):
        total += int(distances(instance.map, [0, *route], [*route, 0]).sum())
    return total


def routes_of(stops: list[int]) -> list[list[int]]:
    """Return the routes that visit somebody."""
    routes: list[list[int]] = [[]]
    for stop in stops:
        if stop == -1:
            routes.append([])
        else:
            routes[-1].append(stop)
    return [route for route in routes if route]


def _listed(numbers: list[int]) -> str:
    rest = len(numbers) - SHOWN
    shown = ", ".join(map(str, numbers[:SHOWN]))
    return f"{shown} and {rest:,} more" if rest > 0 else shown
