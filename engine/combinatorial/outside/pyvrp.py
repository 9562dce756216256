"""PyVRP (Wouda, Lan and Kool 2024, https://doi.org/10.1287/ijoc.2023.0055, MIT): iterated local
search of vehicle routes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..routes_instance import RoutesInstance

SEEDED = True
"""Whether `solve` takes a seed."""


def prepare(instance: RoutesInstance) -> None:
    """Load the library."""
    import pyvrp  # noqa: F401


def solve(
    instance: RoutesInstance,
    seconds: float,
    found: Callable[[Any], None],
    left: Callable[[], float],
    seed: int = 0,
) -> str:
    """Search until the time is spent, and report routes as they become shorter.

    Args:
        instance: what is visited.
        seconds: processor time.
        found: called with each solution.
        left: processor time that is left.
        seed: of its random numbers.

    Returns:
        Nothing to remark.
    """
    import pyvrp

    from ..kernels.distance import full_matrix

    distances: Any = full_matrix(instance.map).astype(np.int64)
    durations: Any = np.zeros_like(distances)
    demand = instance.demand.tolist()
    data = pyvrp.ProblemData(
        [pyvrp.Location(float(x), float(y)) for x, y in instance.places],
        [pyvrp.Client(place, [demand[place]]) for place in range(1, instance.size)],
        [pyvrp.Depot(0)],
        [pyvrp.VehicleType(instance.vehicles or instance.size - 1, [instance.capacity])],
        [distances],
        [durations],
    )

    class Told(pyvrp.IteratedLocalSearchCallbacks):
        """Report every new best solution."""

        def on_start(self, ils: Any) -> None:
            self.on_best(ils.initial_solution)

        def on_best(self, best: Any) -> None:
            if best.is_feasible():
                found(stops_of(best))

    told = pyvrp.SolveParams(ils=pyvrp.IteratedLocalSearchParams(callbacks=Told()))
    result = pyvrp.solve(
        data, lambda cost: left() <= 0, seed=seed, collect_stats=False, params=told
    )
    if result.best.is_feasible():
        found(stops_of(result.best))
    return ""


def stops_of(solution: Any) -> list[int]:
    """Return the customers of a solution, with −1 between two routes."""
    stops: list[int] = []
    for route in solution.routes():
        stops += [-1] if stops else []
        stops += [stop.idx + 1 for stop in route if stop.is_client()]
    return stops
