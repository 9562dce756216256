"""OR-Tools' routing solver (Perron and Furnon, https://developers.google.com/optimization, Apache
2.0): guided local search (Voudouris and Tsang 1999).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..instance import TourInstance
from .process import PATIENCE

NEWS_SECONDS = 0.05
"""Seconds between two tours that it reports."""


def prepare(instance: TourInstance) -> None:
    """Load the library."""
    from ortools.constraint_solver import pywrapcp  # noqa: F401


def solve(
    instance: TourInstance,
    seconds: float,
    found: Callable[[Any], None],
    left: Callable[[], float],
) -> str:
    """Search until the time is spent, and report tours as they become shorter.

    Args:
        instance: at most 3,000 cities.
        seconds: processor time.
        found: called with each tour.
        left: processor time that is left.

    Returns:
        Nothing to remark.
    """
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2

    from ..kernels.distance import full_matrix

    manager = pywrapcp.RoutingIndexManager(instance.size, 1, 0)
    routing = pywrapcp.RoutingModel(manager)
    rows = full_matrix(instance).tolist()
    routing.SetArcCostEvaluatorOfAllVehicles(routing.RegisterTransitMatrix(rows))
    best = [float("inf"), 0.0]

    def tell(force: bool = False) -> None:
        cost, now = float(routing.CostVar().Value()), time.monotonic()
        if cost >= best[0] or (not force and now - best[1] < NEWS_SECONDS):
            return
        best[:] = cost, now
        index, tour = routing.Start(0), []
        while not routing.IsEnd(index):
            tour.append(manager.IndexToNode(index))
            index = routing.NextVar(index).Value()
        found(tour)

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
        index, tour = routing.Start(0), []
        while not routing.IsEnd(index):
            tour.append(manager.IndexToNode(index))
            index = answer.Value(routing.NextVar(index))
        found(tour)
    return ""
