"""OR-Tools' routing solver (Perron and Furnon, https://developers.google.com/optimization, Apache
2.0): guided local search (Voudouris and Tsang 1999).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..instance import TourInstance
from ..routes_instance import RoutesInstance
from .process import PATIENCE

NEWS_SECONDS = 0.05
"""Seconds between two solutions that it reports."""


def prepare(instance: TourInstance | RoutesInstance) -> None:
    """Load the library."""
    from ortools.constraint_solver import pywrapcp  # noqa: F401


def solve(
    instance: TourInstance | RoutesInstance,
    seconds: float,
    found: Callable[[Any], None],
    left: Callable[[], float],
) -> str:
    """Search until the time is spent, and report tours or routes as they become shorter.

    Args:
        instance: at most 3,000 cities or customers.
        seconds: processor time.
        found: called with each solution.
        left: processor time that is left.

    Returns:
        Nothing to remark.
    """
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2

    from ..kernels.distance import full_matrix

    routes = instance if isinstance(instance, RoutesInstance) else None
    cities = instance.map if isinstance(instance, RoutesInstance) else instance
    vehicles = 1 if routes is None else routes.most
    manager = pywrapcp.RoutingIndexManager(instance.size, vehicles, 0)
    routing = pywrapcp.RoutingModel(manager)
    rows = full_matrix(cities).tolist()
    routing.SetArcCostEvaluatorOfAllVehicles(routing.RegisterTransitMatrix(rows))
    if routes is not None:
        demands = routing.RegisterUnaryTransitVector(routes.demand.tolist())
        routing.AddDimension(demands, 0, routes.capacity, True, "load")
    best = [float("inf"), 0.0]

    def stops(following: Callable[[int], int]) -> list[int]:
        """Return a tour, or routes without the depot and with −1 between them."""
        row: list[int] = []
        for vehicle in range(vehicles):
            index = routing.Start(vehicle)
            if routes is not None:
                index = following(index)
                row += [-1] if row and not routing.IsEnd(index) else []
            while not routing.IsEnd(index):
                row.append(manager.IndexToNode(index))
                index = following(index)
        return row

    def tell(force: bool = False) -> None:
        cost, now = float(routing.CostVar().Value()), time.monotonic()
        if cost >= best[0] or (not force and now - best[1] < NEWS_SECONDS):
            return
        best[:] = cost, now
        found(stops(lambda index: routing.NextVar(index).Value()))

    routing.AddAtSolutionCallback(tell)
    settings = pywrapcp.DefaultRoutingSearchParameters()
    settings.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PATH_CHEAPEST_ARC
    settings.local_search_metaheuristic = (
        routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    )
    # It looks at the clock, which goes on while it is stopped; it is ended from outside.
    settings.time_limit.FromMilliseconds(int(max(0.05, seconds) * PATIENCE * 1000))
    answer = routing.SolveWithParameters(settings)
    if answer is not None:
        found(stops(lambda index: answer.Value(routing.NextVar(index))))
    return ""
