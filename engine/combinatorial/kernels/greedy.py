"""A first tour of short edges, for where a random one would take too long to untangle."""

from __future__ import annotations

import numpy as np

from .distance import distance
from .jit import inner, kernel


@inner
def root(city, parent):
    """Return the representative of the path that a city is on."""
    while parent[city] != city:
        parent[city] = parent[parent[city]]
        city = parent[city]
    return city


@kernel("void(int32[:,::1], int32[:,::1], int32[::1], int8[::1])")
def join_shortest(edges, links, parent, degree):
    """Take edges, shortest first, that leave every city at most two and close no round trip.

    Args:
        edges: (m, 2) from the shortest to the longest.
        links: (n, 2) the neighbours of every city on its path, −1 where there is none yet.
        parent: (n,) of the union-find forest, each city its own at first.
        degree: (n,) zeros at first.
    """
    for k in range(len(edges)):
        a, b = edges[k, 0], edges[k, 1]
        if degree[a] > 1 or degree[b] > 1:
            continue
        one, other = root(a, parent), root(b, parent)
        if one == other:
            continue
        parent[one] = other
        links[a, degree[a]] = b
        links[b, degree[b]] = a
        degree[a] += 1
        degree[b] += 1


@kernel(
    "void(int32[:,::1], int32[::1], int32[::1], int64, float64[:,::1], int32[:,::1], int32[::1])"
)
def string_together(links, ends, other_end, metric, points, matrix, tour):
    """Walk the paths one after the other, each time on to the nearest end of a path that is left.

    Args:
        links: (n, 2) see `join_shortest`.
        ends: (m,) the ends of all paths; a city alone is both ends of its path and listed once.
        other_end: (n,) the other end of the path, for cities that are ends.
        tour: (n,) the result.
    """
    left = len(ends)
    city = ends[0]
    written = 0
    while True:
        # remove both ends of this path
        far = other_end[city]
        k = 0
        while k < left:
            if ends[k] == city or ends[k] == far:
                left -= 1
                ends[k] = ends[left]
            else:
                k += 1
        came = np.int32(-1)
        while True:
            tour[written] = city
            written += 1
            onward = links[city, 0]
            if onward == came or onward < 0:
                onward = links[city, 1] if links[city, 1] != came else np.int32(-1)
            if onward < 0:
                break
            came, city = city, onward
        if left == 0:
            return
        nearest = ends[0]
        lowest = distance(city, nearest, metric, points, matrix)
        for k in range(1, left):
            there = distance(city, ends[k], metric, points, matrix)
            if there < lowest:
                nearest, lowest = ends[k], there
        city = nearest


@kernel("void(int64, int32[:,::1], boolean[::1], int32[::1])")
def nearest_neighbour(start, matrix, seen, tour):
    """Go on to the nearest city that is left, for distances that depend on the direction.

    Args:
        start: the first city.
        matrix: (n, n) distances.
        seen: (n,) False at first.
        tour: (n,) the result.
    """
    n = len(tour)
    city = np.int32(start)
    for k in range(n):
        tour[k] = city
        seen[city] = True
        nearest = np.int32(-1)
        for other in range(n):
            if not seen[other] and (nearest < 0 or matrix[city, other] < matrix[city, nearest]):
                nearest = np.int32(other)
        city = nearest
