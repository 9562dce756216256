"""Make instances of cities that somebody has typed, drawn or listed: in the plane, or on the
Earth.
"""

from __future__ import annotations

import numpy as np

from .instance import Floats, Metric, TourInstance

MAX_DISTANCE = 2**31 - 1
"""Largest distance, since they are kept as int32."""
FINEST = 1000
"""A distance of 1 is this share of the unit of coordinates, unless distances were too large, or
cities lie in less than one unit."""
FINE = 100_000
"""How far apart cities that lie in less than one unit are at least made."""
SMALLEST = 1e-9
"""Cities in less than this are taken for one."""


def planar(
    name: str,
    label: str,
    coordinates: Floats,
    names: tuple[str, ...] | None = None,
    finest: int = FINEST,
) -> TourInstance | None:
    """Return an instance of cities in the plane.

    Distances are whole numbers: coordinates are multiplied by a power of ten first, so that little
    is lost. It is the same one for all cities that are not very near to one another, so that links
    and recordings keep their numbers.

    Args:
        name: short.
        label: as people read it.
        coordinates: (n, 2).
        names: of the cities.
        finest: the largest factor to multiply by where cities lie in one unit or more.

    Returns:
        The instance; None if distances are too large even without a factor.
    """
    factor = finest
    across = widest(coordinates, "EUC_2D") - 1
    if SMALLEST <= across < 1 < finest:
        while across * factor < FINE:
            factor *= 10
    while factor >= 1 and widest(coordinates * factor, "EUC_2D") > MAX_DISTANCE:
        factor //= 10
    if factor < 1:
        return None
    points = np.round(coordinates * factor, 6)  # 0.07 × 1000 is 70, not 70.00000000000001
    return TourInstance(name, label, "EUC_2D", points, points, names=names, scale=1 / factor)


def on_earth(
    name: str, label: str, degrees: Floats, names: tuple[str, ...] | None = None
) -> TourInstance:
    """Return an instance of places on the Earth, with distances in metres, shown in kilometres.

    Args:
        name: short.
        label: as people read it.
        degrees: (n, 2) longitudes, of which those beyond 180 are west, and latitudes.
        names: of the cities.
    """
    places = eastward(degrees)
    return TourInstance(
        name,
        label,
        "GREAT_CIRCLE",
        places,
        places,
        geographic=True,
        names=names,
        unit="km",
        scale=0.001,
    )


def eastward(degrees: Floats) -> Floats:
    """Return longitudes and latitudes (n, 2) with longitudes from −180 to 180."""
    east = degrees[:, 0]
    return np.column_stack([np.where(east > 180, east - 360, east), degrees[:, 1]])


def off_the_earth(degrees: Floats) -> list[tuple[int, str]]:
    """Return those of some places that are not on the Earth, and what they have.

    Args:
        degrees: (n, 2) longitudes and latitudes.
    """
    east, north = degrees.T
    beyond_north, beyond_east = np.abs(north) > 90, (east < -180) | (east > 360)
    wrong: list[int] = np.flatnonzero(beyond_north | beyond_east).tolist()
    told = [
        (i, f"latitude {plain(north[i])}" if beyond_north[i] else f"longitude {plain(east[i])}")
        for i in wrong
    ]
    if told and beyond_north.any() and (np.abs(east) <= 90).all():
        first, said = told[0]
        return [(first, f"{said}; perhaps latitude and longitude are swapped")]  # what ails all
    return told


EARTHLY = "latitudes from −90 to 90 and longitudes from −180 to 360 degrees"
"""What `off_the_earth` asks for."""


def widest(points: Floats, metric: Metric) -> float:
    """Return a number that no distance of some points exceeds: that across the box around them."""
    sides = np.ptp(points, axis=0) if len(points) else np.zeros(2)
    if metric.startswith("MAN"):
        return float(sides.sum()) + 1
    if metric.startswith("MAX"):
        return float(sides.max()) + 1
    return float(np.hypot.reduce(sides)) / (np.sqrt(10.0) if metric == "ATT" else 1.0) + 1


def plain(value: float) -> str:
    """Return a number with all its digits, without a point if it is whole."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
