"""Describe an instance of a combinatorial problem, as it was read or made.

An instance is data alone: nothing here computes a price. `kernels` do that for the methods, and
`checks` does it again, sharing no code, for whoever wants to be sure.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Metric = Literal[
    "EUC_2D",
    "EUC_3D",
    "CEIL_2D",
    "MAN_2D",
    "MAN_3D",
    "MAX_2D",
    "MAX_3D",
    "GEO",
    "ATT",
    "GREAT_CIRCLE",
    "EXPLICIT",
]
"""How the distance of two cities follows from their coordinates, by TSPLIB's names. GREAT_CIRCLE is
ours: metres on a sphere between degrees of longitude and latitude."""
METRICS: tuple[Metric, ...] = get_args(Metric)
PLANAR: tuple[Metric, ...] = ("EUC_2D", "CEIL_2D", "MAN_2D", "MAX_2D", "ATT")
"""Metrics of two coordinates in which the map is drawn as it is measured."""
FULL_MATRIX = 3000
"""Instances of at most this many cities may keep the distances of all pairs: 36 MB at most."""
MAX_EDITABLE = 2000
"""Largest number of cities that may be moved, added and dropped while a race runs."""
FAR = 100
"""From how many times farther from 0 than from one another cities are told beside an origin."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int32]


def bytes_of_map(size: int, whole: bool = False) -> int:
    """Return the bytes that places, their distances and near places take while they are worked on,
    approximately.

    Args:
        size: how many places there are.
        whole: whether the distances of all pairs are kept however many they are.
    """
    return (4 * size * size if whole or size <= FULL_MATRIX else 0) + 400 * size


def told(values: NDArray[np.int64]) -> Any:
    """Return whole numbers as a message can hold them: an array where all have at most 32 bits,
    else lists.
    """
    if values.size == 0 or -(2**31) <= int(values.min()) <= int(values.max()) < 2**31:
        return values.astype(np.int32)
    return values.tolist()


@dataclass(frozen=True)
class Known:
    """The best price that is known of an instance.

    Attributes:
        value: that price.
        proven: whether it was proved to be the optimum.
        by: who says so, as people read it: "TSPLIB", "its .opt.tour file", "fast-tsp".
    """

    value: int
    proven: bool
    by: str

    def to_json(self) -> dict[str, object]:
        """Return the fields as JSON values."""
        return {"value": self.value, "proven": self.proven, "by": self.by}


@dataclass(frozen=True, eq=False)
class TourInstance:
    """A travelling salesman problem: the shortest round trip through n cities.

    Attributes:
        name: short, such as "berlin52".
        label: as people read it, such as "52 locations in Berlin".
        metric: how distances follow from ``points``; all of them are whole numbers.
        points: (n, 2) or (n, 3) coordinates as the metric takes them: x, y (, z); for GEO TSPLIB's
            DDD.MM latitude and longitude, as in the file; for GREAT_CIRCLE degrees of longitude and
            latitude. (n, 0) for EXPLICIT.
        matrix: (n, n) int32 distances of EXPLICIT, from row to column; otherwise None.
        places: (n, 2) where the map draws the cities: x to the right, y up; degrees of longitude
            and latitude if ``geographic``.
        geographic: whether ``places`` are degrees on the Earth.
        guessed: whether ``places`` were computed from the distances, since the file has none.
        names: of the cities, or None.
        known: the best price that is known, or None.
        answer: (n,) int32 a tour of that price, or None.
        unit: of a distance times ``scale``, such as "km"; "" without one.
        scale: what a distance of 1 is worth in that unit.
    """

    name: str
    label: str
    metric: Metric
    points: Floats
    places: Floats
    matrix: Integers | None = None
    geographic: bool = False
    guessed: bool = False
    names: tuple[str, ...] | None = None
    known: Known | None = None
    answer: Integers | None = None
    unit: str = ""
    scale: float = 1.0
    kind: Literal["tour"] = field(default="tour", init=False)

    things = "cities"
    """What its size counts."""

    @property
    def size(self) -> int:
        """Return the number of cities."""
        return len(self.places)

    @property
    def symmetric(self) -> bool:
        """Return whether every distance is the same in both directions."""
        return self.matrix is None or bool((self.matrix == self.matrix.T).all())

    @property
    def editable(self) -> bool:
        """Return whether cities may be moved, added and dropped: they have coordinates, which the
        map shows, and are few enough.
        """
        return self.size <= MAX_EDITABLE and self.metric in (*PLANAR, "GREAT_CIRCLE")

    def footprint(self) -> int:
        """Return the bytes that its cities, their distances and near cities take while it is
        worked on, approximately.
        """
        return bytes_of_map(self.size, self.metric == "EXPLICIT")

    def stage(self) -> dict[str, Any]:
        """Return what the page is told of the instance, before the race begins."""
        origin = self.origin
        return {
            "kind": self.kind,
            "name": self.name,
            "label": self.label,
            "size": self.size,
            "points": (self.places - np.array(origin or [0, 0])).astype(np.float32),
            **({"origin": origin} if origin else {}),
            "names": None if self.names is None else list(self.names),
            "geographic": self.geographic,
            "guessed": self.guessed,
            "editable": self.editable,
            "answer": self.answer,
            "unit": self.unit,
            "scale": self.scale,
        }

    @property
    def origin(self) -> list[float] | None:
        """Return where the page counts places from: whole numbers beside cities that are much
        nearer to one another than to 0, whose last digits 32 bits would not hold; else None.
        """
        across = float(np.ptp(self.places, axis=0).max())
        if np.abs(self.places).max() <= FAR * across:
            return None
        corner: list[float] = np.floor(self.places.min(0)).tolist()
        return corner

    def at(self, places: Floats, names: tuple[str, ...] | None = None) -> TourInstance:
        """Return the instance with other cities, of which nothing is known.

        Args:
            places: (n, 2) of the new cities, as the map draws them.
            names: of the new cities.

        Raises:
            ValueError: the instance is not editable.
        """
        if not self.editable:
            raise ValueError(f"the cities of {self.name} cannot be edited")
        return replace(self, points=places, places=places, names=names, known=None, answer=None)
