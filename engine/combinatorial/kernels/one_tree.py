"""Minimum 1-trees (Held and Karp 1970), and the ascent of the bound that they give (1971).

https://doi.org/10.1287/opre.18.6.1138, https://doi.org/10.1007/BF01584070. A 1-tree is a spanning
tree of all cities but the first, and two edges at the first; every tour is one. A price for each
end of an edge at a city makes all tours longer by the same, twice the sum of the prices. So for
any prices the minimum 1-tree, less that, is no longer than the shortest tour.
"""

from __future__ import annotations

import numpy as np

from .distance import distance
from .jit import inner, kernel

MOST = 2**62


@kernel(
    "int64(int64, float64[:,::1], int32[:,::1], int64[::1], int64, int32[::1], int64[::1],"
    " int32[::1], int32[::1])"
)
def least_one_tree(metric, points, matrix, prices, scale, left, costs, parent, degree):
    """Find the minimum 1-tree over all pairs of cities (Prim 1957), in whole numbers.

    Args:
        prices: (n,) of each city, in the unit of ``scale`` to a distance of 1.
        scale: how many units a distance of 1 is.
        left, costs: (n,) room: cities that are not in the tree, and what joining each costs.
        parent: (n,) gets the city that each one but the first was joined to; itself for the second.
        degree: (n,) gets how many edges of the 1-tree each city has.

    Returns:
        the length of the 1-tree at these prices, less twice their sum.
    """
    n = len(prices)
    one = other = np.int64(MOST)
    near = far = np.int64(0)
    for city in range(1, n):
        cost = scale * distance(0, city, metric, points, matrix) + prices[0] + prices[city]
        if cost < one:
            other, far = one, near
            one, near = cost, np.int64(city)
        elif cost < other:
            other, far = cost, np.int64(city)
        degree[city] = 0
    total = one + other - 2 * prices[0]
    degree[0] = 2
    degree[near] += 1
    degree[far] += 1
    waiting = n - 2
    for k in range(waiting):
        left[k] = k + 2
        costs[k] = MOST
        parent[k + 2] = 1
    joined = np.int64(1)
    parent[1] = 1
    total -= 2 * prices[1]
    while waiting > 0:
        lowest, at = np.int64(MOST), np.int64(0)
        for k in range(waiting):
            to = np.int64(left[k])
            cost = (
                scale * distance(joined, to, metric, points, matrix) + prices[joined] + prices[to]
            )
            if cost < costs[k]:
                costs[k] = cost
                parent[to] = joined
            if costs[k] < lowest:
                lowest, at = np.int64(costs[k]), np.int64(k)
        joined = np.int64(left[at])
        waiting -= 1
        left[at], costs[at] = left[waiting], costs[waiting]
        degree[joined] += 1
        degree[parent[joined]] += 1
        total += lowest - 2 * prices[joined]
    return total


@inner
def rise_to(place, key, city, keys, heap, places):
    """Put a city into the heap at a place or above, as its key wants it."""
    while place > 0:
        above = (place - 1) >> 1
        if keys[heap[above]] <= key:
            break
        heap[place] = heap[above]
        places[heap[place]] = place
        place = above
    heap[place] = city
    places[city] = place


@inner
def sink_from_top(city, size, keys, heap, places):
    """Put a city into the heap at the top or below, as its key wants it."""
    key, place = keys[city], 0
    while True:
        below = 2 * place + 1
        if below >= size:
            break
        if below + 1 < size and keys[heap[below + 1]] < keys[heap[below]]:
            below += 1
        if keys[heap[below]] >= key:
            break
        heap[place] = heap[below]
        places[heap[place]] = place
        place = below
    heap[place] = city
    places[city] = place


@kernel(
    "float64(int64[::1], int32[::1], float64[::1], float64[::1], float64[::1], int64, float64,"
    " float64[::1], int32[::1], int32[::1], int32[::1], int32[:,::1])"
)
def ascend(starts, ends, lengths, prices, best, steps, first, keys, heap, places, parent, degree):
    """Raise the bound over the edges of a graph by moving prices along subgradients: cities with
    more than two edges in the 1-tree become dearer, those with one cheaper.

    The steps are those of Volgenant and Jonker (1982, https://doi.org/10.1016/0377-2217(82)90015-7):
    0.6 of this subgradient and 0.4 of the last, times a length that falls to zero as a parabola.

    Args:
        starts, ends, lengths: the graph: city c has edges to ``ends[starts[c]:starts[c + 1]]``. It
            is connected without the first city, which has at least two.
        prices: (n,) to begin with; changed in place.
        best: (n,) gets the prices of the highest bound.
        steps: how many, at least 3.
        first: length of the first step.
        keys, heap, places, parent: (n,) room.
        degree: (2, n) room.

    Returns:
        the highest bound, valid for this graph alone.
    """
    n = len(prices)
    highest = -np.inf
    for city in range(n):
        best[city] = prices[city]
    for m in range(1, steps + 1):
        now, last = degree[m & 1], degree[1 - (m & 1)]
        total = 0.0
        for city in range(n):
            keys[city] = np.inf
            places[city] = -1
            now[city] = 0
            total -= 2.0 * prices[city]
        one = other = np.inf
        near = far = 0
        for k in range(starts[0], starts[1]):
            cost = lengths[k] + prices[0] + prices[ends[k]]
            if cost < one:
                other, far = one, near
                one, near = cost, ends[k]
            elif cost < other:
                other, far = cost, ends[k]
        total += one + other
        now[0] = 2
        now[near] += 1
        now[far] += 1
        size = 0
        city = 1
        places[city] = n  # in the tree
        while True:
            for k in range(starts[city], starts[city + 1]):
                to = ends[k]
                if to == 0 or places[to] == n:
                    continue
                cost = lengths[k] + prices[city] + prices[to]
                if cost < keys[to]:
                    keys[to] = cost
                    parent[to] = city
                    if places[to] < 0:
                        places[to] = size
                        size += 1
                    rise_to(places[to], cost, to, keys, heap, places)
            if size == 0:
                break
            city = heap[0]
            size -= 1
            if size > 0:
                sink_from_top(heap[size], size, keys, heap, places)
            places[city] = n
            total += keys[city]
            now[city] += 1
            now[parent[city]] += 1
        if total > highest:
            highest = total
            for city in range(n):
                best[city] = prices[city]
        whole = True
        length = first * (
            (m - 1) * (2.0 * steps - 5.0) / (2.0 * (steps - 1))
            - (m - 2)
            + 0.5 * (m - 1) * (m - 2.0) / ((steps - 1) * (steps - 2.0))
        )
        for city in range(n):
            away = now[city] - 2
            if away != 0:
                whole = False
            before = last[city] - 2 if m > 1 else away
            prices[city] += length * (0.6 * away + 0.4 * before)
        if whole:
            break  # it is a tour: the shortest
    return highest
