"""Prepare an instance of the travelling salesman problem for the methods: distances, near cities,
first tours.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from . import kernels, moves
from .instance import FULL_MATRIX, Floats, Integers, TourInstance
from .kernels import greedy
from .kernels.counters import CURRENT
from .kernels.distance import CODES, coordinates, full_matrix, measure, tour_length
from .meter import Meter

SMALL = 400
"""Rounded Euclidean distances of more cities than this are computed when they are asked for: the
coordinates stay in a core's own cache, where the distances of all pairs would not."""
RENUMBERED = 3000
"""Instances of more cities are numbered along a curve, so that near cities are near in memory."""
CANDIDATES = 8
"""Near cities of which the greedy tour takes its edges."""
NEAREST = 5
"""Near cities that the unit of temperatures is averaged over."""
CURVE = 16
"""Bits of a coordinate along the curve."""


class TourProblem:
    """An instance as the methods see it.

    Cities may be numbered otherwise than in the instance: `outward` and `inward` translate tours.

    Args:
        instance: the instance.
        renumber: whether cities may be numbered otherwise.

    Attributes:
        cooling, ladder: see `problem.Problem`.
        metric, points, matrix: as `kernels.distance` takes them.
        order: (n,) the instance's number of every city, or None if they are the same.
        symmetric: whether distances are the same in both directions.
        room: (n,) for loops to write in.
    """

    cooling = (0.7, 0.04)
    ladder = (0.5, 0.05)

    def __init__(self, instance: TourInstance, renumber: bool = True) -> None:
        kernels.compile_all()
        self.instance = instance
        self.size = instance.size
        self.symmetric = instance.symmetric
        self.order: Integers | None = None
        self.points = coordinates(instance)
        explicit = instance.metric == "EXPLICIT"
        euclidean = instance.metric == "EUC_2D" and self.size > SMALL
        if explicit or (self.size <= FULL_MATRIX and not euclidean):
            self.metric, self.matrix = CODES["EXPLICIT"], full_matrix(instance)
        else:
            self.metric, self.matrix = CODES[instance.metric], np.zeros((1, 1), np.int32)
            if renumber and self.size > RENUMBERED:
                self.order = along_curve(instance.places)
                self.points = np.ascontiguousarray(self.points[self.order])
        self.room: Integers = np.empty(self.size, np.int32)
        self._nearest: Integers = np.empty((self.size, 0), np.int32)

    def outward(self, tour: Integers) -> Integers:
        """Return a tour in the instance's numbers, as a new array."""
        return tour.copy() if self.order is None else self.order[tour]

    def inward(self, tour: Integers) -> Integers:
        """Return a tour of the instance's numbers in the problem's own, as a new array."""
        if self.order is None:
            return tour.astype(np.int32)
        back = np.empty(self.size, np.int32)
        back[self.order] = np.arange(self.size, dtype=np.int32)
        return back[tour]

    @property
    def unit(self) -> float:
        """Return the unit of temperatures."""
        return self.spacing

    def first(self, start: str, seed: int) -> tuple[Integers, int]:
        """Return the first tour, and how many distances it cost to find."""
        return (self.random_tour(seed), 0) if start == "random" else self.greedy_tour()

    def price(self, solution: Integers) -> int:
        """Return the length of a round trip."""
        return self.length(solution)

    def chain(self, solution: Integers, neighbours: int, meter: Meter) -> TourChain:
        """Return a chain that begins at a tour."""
        near = self.neighbours(neighbours)
        meter.read(self.size + near.size)
        return TourChain(self, solution, near)

    def length(self, tour: Integers) -> int:
        """Return the length of a round trip."""
        return int(tour_length(tour, self.metric, self.points, self.matrix))

    def distance(self, one: int, other: int) -> int:
        """Return the distance from one city to another; both directions count alike here."""
        if self.metric == CODES["EXPLICIT"]:
            return int(self.matrix[one, other])
        return (
            int(
                tour_length(np.array([one, other], np.int32), self.metric, self.points, self.matrix)
            )
            // 2
        )

    def lengths(self, pairs: Integers) -> NDArray[np.int64]:
        """Return the distances of pairs of cities (m, 2)."""
        lengths = np.empty(len(pairs), np.int64)
        measure(pairs, self.metric, self.points, self.matrix, lengths)
        return lengths

    def neighbours(self, count: int) -> Integers:
        """Return the nearest cities of every city, (n, K) with K at most ``count`` and n − 1,
        nearest first: where distances depend on the direction, those from which it is near.
        """
        count = max(0, min(count, self.size - 1))
        if self._nearest.shape[1] < count:
            self._nearest = self._found(count)
        return np.ascontiguousarray(self._nearest[:, :count])

    def _found(self, count: int) -> Integers:
        metric = self.instance.metric
        if metric == "EXPLICIT" or count == self.size - 1:
            matrix = self.matrix if len(self.matrix) == self.size else full_matrix(self.instance)
            return nearest_of_matrix(matrix.T, count)
        points, power = self.points, 2.0
        if metric == "GEO":
            points = on_sphere(points[:, 1], points[:, 0])
        elif metric == "GREAT_CIRCLE":
            points = on_sphere(points[:, 0], points[:, 1])
        elif metric.startswith("MAN"):
            power = 1.0
        elif metric.startswith("MAX"):
            power = np.inf
        found = cKDTree(points).query(points, count + 1, p=power)[1]
        return without_self(np.asarray(found))

    @property
    def spacing(self) -> float:
        """Return the mean distance to the five nearest cities, the unit of temperatures; at
        least 1.
        """
        near = self.neighbours(NEAREST)
        if near.size == 0:
            return 1.0
        rows = np.arange(0, self.size, max(1, self.size // 2000))  # a sample of large instances
        pairs = [self._distances(int(city), near[city]) for city in rows]
        return max(1.0, float(np.mean(np.concatenate(pairs))))

    def _distances(self, city: int, others: Integers) -> Floats:
        there = np.empty(len(others))
        pair = np.empty(2, np.int32)
        for k, other in enumerate(others):
            pair[0], pair[1] = city, other
            # a round trip of two cities goes there and back
            there[k] = self.length(pair) / 2
        return there

    def random_tour(self, seed: int) -> Integers:
        """Return a random order of the cities."""
        return np.random.default_rng(seed).permutation(self.size).astype(np.int32)

    def greedy_tour(self) -> tuple[Integers, int]:
        """Return a tour of short edges, and how many distances were read to find it."""
        n = self.size
        tour = np.arange(n, dtype=np.int32)
        if n < 4:
            return tour, 0
        if not self.symmetric:
            greedy.nearest_neighbour(0, self.matrix, np.zeros(n, np.bool_), tour)
            return tour, n * (n - 1) // 2
        near = self.neighbours(CANDIDATES)
        edges = np.stack([np.repeat(tour, near.shape[1]), near.ravel()], 1)
        edges = edges[(edges[:, 0] < edges[:, 1]) | ~_mutual(near).ravel()]
        lengths = np.array([self._pair(edges)]).ravel()
        edges = np.ascontiguousarray(edges[np.argsort(lengths, kind="stable")], dtype=np.int32)
        links = np.full((n, 2), -1, np.int32)
        parent = np.arange(n, dtype=np.int32)
        degree = np.zeros(n, np.int8)
        greedy.join_shortest(edges, links, parent, degree)
        ends = np.flatnonzero(degree < 2).astype(np.int32)
        if len(ends) == 0:  # cannot be: no round trip is closed
            return tour, len(edges)
        roots = _roots(parent)
        other_end = np.arange(n, dtype=np.int32)
        first: dict[int, int] = {}
        for end in ends.tolist():
            one = first.setdefault(int(roots[end]), end)
            other_end[one], other_end[end] = end, one
        greedy.string_together(
            links, ends.copy(), other_end, self.metric, self.points, self.matrix, tour
        )
        return tour, len(edges)

    def _pair(self, edges: Integers) -> Floats:
        """Return a number for each edge that orders them by length: exact distances are not needed
        to begin with the shortest.
        """
        if self.metric == CODES["EXPLICIT"]:
            return self.matrix[edges[:, 0], edges[:, 1]].astype(np.float64)
        points = self.points
        if self.instance.metric == "GEO":
            points = on_sphere(points[:, 1], points[:, 0])
        elif self.instance.metric == "GREAT_CIRCLE":
            points = on_sphere(points[:, 0], points[:, 1])
        apart = points[edges[:, 0]] - points[edges[:, 1]]
        return cast(Floats, np.einsum("ij,ij->i", apart, apart))


class TourChain:
    """A tour that is changed by 2-opt and Or-opt moves; see `problem.Chain`.

    Args:
        problem: the instance.
        tour: (n,) that it begins at.
        near: (n, K) near cities.
    """

    violation = 0

    def __init__(self, problem: TourProblem, tour: Integers, near: Integers) -> None:
        self.problem, self.near = problem, near
        self.tour, self.best = tour.astype(np.int32), tour.astype(np.int32)
        self.pos = np.empty(len(tour), np.int32)
        self.pos[tour] = np.arange(len(tour), dtype=np.int32)
        length = problem.length(self.tour)
        self.numbers = np.array([length, length, 0, 0, 0], np.int64)

    @property
    def present(self) -> Integers:
        """Return the present tour."""
        return self.tour

    def walk(
        self,
        rule: tuple[float, float],
        count: int,
        sums: NDArray[np.float64],
        state: NDArray[np.uint64],
    ) -> None:
        """Propose ``count`` moves; see `problem.Chain.walk`."""
        moves.anneal(
            self.problem,
            self.tour,
            self.pos,
            self.near,
            rule,
            count,
            self.best,
            self.numbers,
            sums,
            state,
        )

    def proposed(
        self, rule: tuple[float, float], state: NDArray[np.uint64]
    ) -> tuple[Integers, int]:
        """Return the tour after the move that is proposed next, and how much longer it is, by
        making it on copies.

        Args:
            rule: one that accepts every move.
            state: of the random numbers that the move will be proposed with.
        """
        tour, pos, numbers = self.tour.copy(), self.pos.copy(), self.numbers.copy()
        best, sums = self.best.copy(), np.zeros(2)
        moves.anneal(self.problem, tour, pos, self.near, rule, 1, best, numbers, sums, state)
        return tour, int(numbers[CURRENT] - self.numbers[CURRENT])

    def kick(self, seed: int) -> bool:
        """Make one random double bridge."""
        return moves.kick(self.problem, self.tour, self.pos, self.numbers, seed)


def on_sphere(longitude: Floats, latitude: Floats) -> Floats:
    """Return points (n, 3) on the unit sphere of angles in radians."""
    return np.stack(
        [
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        ],
        1,
    )


def without_self(found: NDArray[np.int64]) -> Integers:
    """Return the nearest cities without the city itself: (n, k + 1) → (n, k). Of cities at one
    place any may come first, or the city itself not at all.
    """
    n, count = found.shape
    own = found == np.arange(n)[:, None]
    own[~own.any(1), -1] = True  # it is not among them: the farthest is dropped
    return np.ascontiguousarray(found[~own].reshape(n, count - 1), dtype=np.int32)


def nearest_of_matrix(matrix: Integers, count: int) -> Integers:
    """Return the nearest cities by a matrix of distances, (n, count), nearest first."""
    n = len(matrix)
    found = np.empty((n, count), np.int32)
    for city in range(n):
        row = matrix[city].astype(np.int64)
        row[city] = np.iinfo(np.int64).max
        if count < n - 1:
            near = np.argpartition(row, count)[:count]
        else:
            near = np.delete(np.arange(n), city)
        found[city] = near[np.lexsort((near, row[near]))]
    return found


def along_curve(places: Floats) -> Integers:
    """Return the order of places (n, 2) along Hilbert's curve (Hilbert 1891)."""
    low = places.min(0)
    side = float((places.max(0) - low).max()) or 1.0
    grid = ((places - low) / side * (2**CURVE - 1)).astype(np.int64)
    x, y = grid[:, 0].copy(), grid[:, 1].copy()
    along = np.zeros(len(places), np.int64)
    bit = 2 ** (CURVE - 1)
    while bit:
        right, upper = (x & bit) > 0, (y & bit) > 0
        along += bit * bit * ((3 * right) ^ upper)
        # turn the quarter, so that the curve enters and leaves it where its neighbours do
        flip = ~upper & right
        x[flip], y[flip] = bit - 1 - x[flip], bit - 1 - y[flip]
        swap = ~upper
        x[swap], y[swap] = y[swap].copy(), x[swap].copy()
        x &= bit - 1
        y &= bit - 1
        bit //= 2
    return np.argsort(along, kind="stable").astype(np.int32)


def _mutual(near: Integers) -> NDArray[np.bool_]:
    """Return of every entry of (n, K) near cities whether its city is near that one too."""
    return cast(NDArray[np.bool_], (near[near] == np.arange(len(near))[:, None, None]).any(2))


def _roots(parent: Integers) -> Integers:
    """Return the representative of every city's path."""
    roots = parent
    while True:
        further = parent[roots]
        if (further == roots).all():
            return roots
        roots = further
