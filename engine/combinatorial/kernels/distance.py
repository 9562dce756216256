"""Distances between cities, as TSPLIB defines them (Reinelt 1995, "TSPLIB 95", section 2)."""

from __future__ import annotations

import math

import numpy as np

from ..instance import Floats, Integers, Metric, TourInstance
from .jit import inner, kernel

EARTH_RADIUS = 6_371_008.8
"""Mean radius of the Earth in metres (IUGG), for GREAT_CIRCLE."""
GEO_RADIUS = 6378.388
"""Radius in kilometres that TSPLIB's GEO takes."""
GEO_PI = 3.141592
"""What GEO takes for π."""

CODES: dict[Metric, int] = {
    "EXPLICIT": 0,
    "EUC_2D": 1,
    "CEIL_2D": 2,
    "ATT": 3,
    "MAN_2D": 4,
    "MAX_2D": 5,
    "GEO": 6,
    "GREAT_CIRCLE": 7,
    "EUC_3D": 8,
    "MAN_3D": 9,
    "MAX_3D": 10,
}


@inner
def rare_distance(i, j, metric, points):
    """Return the distance in a metric that is neither EXPLICIT nor EUC_2D."""
    dx = points[i, 0] - points[j, 0]
    dy = points[i, 1] - points[j, 1]
    if metric == 2:
        return np.int64(math.ceil(math.sqrt(dx * dx + dy * dy)))
    if metric == 3:
        exact = math.sqrt((dx * dx + dy * dy) / 10.0)
        nearest = np.int64(exact + 0.5)
        return nearest + 1 if nearest < exact else nearest
    if metric == 4:
        return np.int64(abs(dx) + abs(dy) + 0.5)
    if metric == 5:
        return max(np.int64(abs(dx) + 0.5), np.int64(abs(dy) + 0.5))
    if metric == 6:
        if i == j:
            return np.int64(0)
        q1, q2, q3 = math.cos(dy), math.cos(dx), math.cos(points[i, 0] + points[j, 0])
        arc = 0.5 * ((1.0 + q1) * q2 - (1.0 - q1) * q3)
        return np.int64(GEO_RADIUS * math.acos(max(-1.0, min(1.0, arc))) + 1.0)
    if metric == 7:
        half = (
            math.sin(dy / 2) ** 2
            + math.cos(points[i, 1]) * math.cos(points[j, 1]) * math.sin(dx / 2) ** 2
        )
        return np.int64(2 * EARTH_RADIUS * math.asin(min(1.0, math.sqrt(half))) + 0.5)
    dz = points[i, 2] - points[j, 2]
    if metric == 8:
        return np.int64(math.sqrt(dx * dx + dy * dy + dz * dz) + 0.5)
    if metric == 9:
        return np.int64(abs(dx) + abs(dy) + abs(dz) + 0.5)
    return max(np.int64(abs(dx) + 0.5), max(np.int64(abs(dy) + 0.5), np.int64(abs(dz) + 0.5)))


@inner
def distance(i, j, metric, points, matrix):
    """Return the distance from city i to city j.

    Only the two usual cases stand here, so that it is small enough to become a part of each loop.

    Args:
        i, j: numbers of the cities.
        metric: one of `CODES`.
        points: (n, 3) float64 coordinates, see `coordinates`.
        matrix: (n, n) int32, used where the metric is EXPLICIT.
    """
    i, j = np.uint64(i), np.uint64(j)  # else Numba asks whether they are counted from the end
    if metric == 0:
        return np.int64(matrix[i, j])
    if metric == 1:
        dx = points[i, 0] - points[j, 0]
        dy = points[i, 1] - points[j, 1]
        return np.int64(math.sqrt(dx * dx + dy * dy) + 0.5)
    return rare_distance(i, j, metric, points)


@kernel("void(int64, float64[:,::1], int32[:,::1])")
def fill(metric, points, matrix):
    """Write the distances of all pairs into ``matrix`` (n, n)."""
    n = len(matrix)
    for i in range(n):
        matrix[i, i] = 0
        for j in range(i):
            matrix[i, j] = matrix[j, i] = distance(i, j, metric, points, matrix)


@kernel("int64(int32[::1], int64, float64[:,::1], int32[:,::1])")
def tour_length(tour, metric, points, matrix):
    """Return the length of a round trip through the cities in that order."""
    n = len(tour)
    total = distance(tour[n - 1], tour[0], metric, points, matrix) if n > 1 else np.int64(0)
    for k in range(n - 1):
        total += distance(tour[k], tour[k + 1], metric, points, matrix)
    return total


@kernel("void(int32[:,::1], int64, float64[:,::1], int32[:,::1], int64[::1])")
def measure(pairs, metric, points, matrix, lengths):
    """Write the distance of each pair of cities (m, 2) into ``lengths`` (m,)."""
    for k in range(len(pairs)):
        lengths[k] = distance(pairs[k, 0], pairs[k, 1], metric, points, matrix)


def coordinates(instance: TourInstance) -> Floats:
    """Return (n, 3) coordinates as `distance` takes them: radians for GEO (latitude, longitude) and
    GREAT_CIRCLE (longitude, latitude), zeros where there is none.
    """
    points = np.zeros((instance.size, 3))
    points[:, : instance.points.shape[1]] = instance.points
    if instance.metric == "GEO":
        degrees = np.trunc(points)  # DDD.MM: the decimals are minutes
        points = GEO_PI * (degrees + 5.0 * (points - degrees) / 3.0) / 180.0
    elif instance.metric == "GREAT_CIRCLE":
        points = np.radians(points)
    return points


def full_matrix(instance: TourInstance) -> Integers:
    """Return all distances (n, n)."""
    if instance.matrix is not None:
        return np.ascontiguousarray(instance.matrix, dtype=np.int32)
    matrix = np.empty((instance.size, instance.size), dtype=np.int32)
    fill(CODES[instance.metric], coordinates(instance), matrix)
    return matrix
