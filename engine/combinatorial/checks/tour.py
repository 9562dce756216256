"""Check a tour and price it again, straight from the instance, for whoever wants to be sure.

Nothing here is shared with the methods' kernels. Distances follow the document of TSPLIB (Reinelt,
1991), with one correction: in GEO, degrees are cut off and not rounded, as in the program that the
published lengths are from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..instance import TourInstance

EARTH_KM = 6378.388
"""Radius in GEO, in kilometres."""
EARTH_METRES = 6371008.8
"""Mean radius of the Earth, for GREAT_CIRCLE."""
PI = 3.141592
"""As the document has it; with more digits some distances are others."""
SHOWN = 5
"""How many cities a sentence names."""

Whole = NDArray[np.int64]


def distances(instance: TourInstance, start: ArrayLike, end: ArrayLike) -> Whole:
    """Return the distances from some cities to as many others.

    Args:
        instance: what the cities are of.
        start: (m,) city numbers from 0.
        end: (m,) city numbers from 0.
    """
    a, b = np.asarray(start, np.int64), np.asarray(end, np.int64)
    if instance.matrix is not None:
        found = instance.matrix[a, b].astype(np.int64)
    elif instance.metric in ("GEO", "GREAT_CIRCLE"):
        law = _geo if instance.metric == "GEO" else _great_circle
        points = instance.points.tolist()
        pairs = zip(a.tolist(), b.tolist(), strict=True)
        found = np.array([law(points[i], points[j]) for i, j in pairs], np.int64)
    else:
        found = _planar(instance.metric, np.abs(instance.points[a] - instance.points[b]))
    found[a == b] = 0  # GEO adds 1 to every distance before it cuts it off
    return found


def _planar(metric: str, apart: NDArray[np.float64]) -> Whole:
    """Return distances from the differences (m, 2) or (m, 3) of coordinates."""
    if metric.startswith("MAN"):
        return _nearest(apart.sum(1))
    if metric.startswith("MAX"):
        return _nearest(apart).max(1, initial=0)
    squares = (apart**2).sum(1)
    if metric == "ATT":
        real = np.sqrt(squares / 10.0)
        rounded = _nearest(real)
        return rounded + (rounded < real)
    if metric == "CEIL_2D":
        return np.ceil(np.sqrt(squares)).astype(np.int64)
    return _nearest(np.sqrt(squares))


def _nearest(values: NDArray[np.float64]) -> Whole:
    """Return C's int(x + 0.5) of numbers that are not negative."""
    return (values + 0.5).astype(np.int64)


def _geo(one: Sequence[float], other: Sequence[float]) -> int:
    """Return kilometres between two places (latitude, longitude) in degrees and minutes, DDD.MM."""
    (latitude, longitude), (latitude_2, longitude_2) = (
        [PI * (math.trunc(x) + 5.0 * (x - math.trunc(x)) / 3.0) / 180.0 for x in place]
        for place in (one, other)
    )
    q1 = math.cos(longitude - longitude_2)
    q2 = math.cos(latitude - latitude_2)
    q3 = math.cos(latitude + latitude_2)
    cosine = 0.5 * ((1.0 + q1) * q2 - (1.0 - q1) * q3)
    return int(EARTH_KM * math.acos(min(1.0, max(-1.0, cosine))) + 1.0)


def _great_circle(one: Sequence[float], other: Sequence[float]) -> int:
    """Return metres between two places (longitude, latitude) in degrees, by the haversine."""
    longitude, latitude = (math.radians(x) for x in one)
    longitude_2, latitude_2 = (math.radians(x) for x in other)
    half = (
        math.sin((latitude - latitude_2) / 2) ** 2
        + math.cos(latitude) * math.cos(latitude_2) * math.sin((longitude - longitude_2) / 2) ** 2
    )
    return int(2 * EARTH_METRES * math.asin(min(1.0, math.sqrt(half))) + 0.5)


def length(instance: TourInstance, tour: ArrayLike) -> int:
    """Return the length of a round trip.

    Args:
        instance: what is travelled.
        tour: (n,) every city once, by its number from 0.

    Raises:
        ValueError: it is no such round trip.
    """
    wrong = check(instance, tour)
    if wrong:
        raise ValueError(f"no tour of {instance.name}: {'; '.join(wrong)}")
    cities = np.asarray(tour, np.int64)
    return int(distances(instance, cities, np.roll(cities, -1)).sum())


def check(instance: TourInstance, tour: ArrayLike) -> list[str]:
    """Return what is wrong with a round trip, a phrase each; nothing if every city is in it once.

    Args:
        instance: what is travelled.
        tour: (n,) city numbers from 0.
    """
    given = np.asarray(tour)
    if given.ndim != 1 or not (given.dtype.kind in "iu" or given.size == 0):
        return ["it is not a list of whole numbers"]
    size, wrong = instance.size, []
    outside = given[(given < 0) | (given >= size)]
    if outside.size:
        wrong.append(f"there is no city {_listed(outside)}: they are numbered 0 to {size - 1}")
    visits = np.bincount(given[(given >= 0) & (given < size)].astype(np.int64), minlength=size)
    if (visits > 1).any():
        wrong.append(f"visited more than once: city {_listed(np.flatnonzero(visits > 1))}")
    if (visits == 0).any():
        wrong.append(f"not visited: city {_listed(np.flatnonzero(visits == 0))}")
    return wrong


def _listed(cities: NDArray[np.int64]) -> str:
    rest = len(cities) - SHOWN
    shown = ", ".join(str(city) for city in cities[:SHOWN].tolist())
    return f"{shown} and {rest:,} more" if rest > 0 else shown
