"""Describe an instance of the capacitated vehicle routing problem (Dantzig and Ramser 1959)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from .instance import Floats, Integers, Known, Metric, TourInstance, bytes_of_map

DEPOT = 0
"""The depot's number; customers have those above."""


@dataclass(frozen=True, eq=False)
class RoutesInstance:
    """A capacitated vehicle routing problem: the shortest routes from a depot that visit every
    customer once and carry no more than a vehicle holds.

    A solution is a row of customers with −1 between two routes; the depot is not written.

    Attributes:
        name, label, metric, points, matrix, places, geographic, guessed, names, known, answer,
            unit, scale: as in `TourInstance`; the depot is the first place. Distances are the same
            in both directions.
        demand: (n,) int32 what every customer takes; 0 for the depot.
        capacity: what a vehicle holds.
        vehicles: the most routes there may be, or None for any number.
    """

    name: str
    label: str
    metric: Metric
    points: Floats
    places: Floats
    demand: Integers
    capacity: int
    vehicles: int | None = None
    matrix: Integers | None = None
    geographic: bool = False
    guessed: bool = False
    names: tuple[str, ...] | None = None
    known: Known | None = None
    answer: Integers | None = None
    unit: str = ""
    scale: float = 1.0
    kind: Literal["routes"] = field(default="routes", init=False)

    things = "places"
    """What its size counts."""
    symmetric = True
    editable = False

    @property
    def size(self) -> int:
        """Return the number of places: customers and the depot."""
        return len(self.places)

    @property
    def fewest(self) -> int:
        """Return how many vehicles the sum of demands fills; fewer cannot do."""
        return max(1, -(-int(self.demand.sum(dtype=np.int64)) // self.capacity))

    @property
    def most(self) -> int:
        """Return how many routes there may be; where any number is allowed, how many the shortest
        routes can need.

        Two routes that fit into one vehicle can be joined. Where that makes no detour longer, all
        but one are more than half full, and they are at most 2k − 1 if k vehicles can be filled.
        """
        if self.vehicles is not None:
            return min(self.vehicles, self.size - 1)
        return min(self.size - 1, 2 * self.fewest) if self._joinable else self.size - 1

    @property
    def _joinable(self) -> bool:
        """Return whether no way between two customers is longer than that by way of the depot.
        Between places with coordinates none is, but for the rounding.
        """
        if self.matrix is None:
            return True
        home = self.matrix[DEPOT].astype(np.int64)
        rows = range(1, self.size)
        return all((self.matrix[i, 1:] <= home[i] + home[1:]).all() for i in rows)

    @property
    def map(self) -> TourInstance:
        """Return the places alone, for what only needs distances."""
        return TourInstance(
            self.name, self.label, self.metric, self.points, self.places, self.matrix
        )

    def footprint(self) -> int:
        """Return the bytes that its distances and near customers take while it is worked on,
        approximately.
        """
        return bytes_of_map(self.size, self.metric == "EXPLICIT")

    def stage(self) -> dict[str, Any]:
        """Return what the page is told of the instance, before the race begins."""
        return {
            "kind": self.kind,
            "name": self.name,
            "label": self.label,
            "size": self.size,
            "points": self.places.astype(np.float32),
            "names": None if self.names is None else list(self.names),
            "geographic": self.geographic,
            "guessed": self.guessed,
            "editable": self.editable,
            "demand": self.demand,
            "capacity": self.capacity,
            "vehicles": self.vehicles,
            "depot": DEPOT,
            "answer": self.answer,
            "unit": self.unit,
            "scale": self.scale,
        }
