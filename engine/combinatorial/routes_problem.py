"""Prepare an instance of the capacitated vehicle routing problem for the methods: distances, near
customers, first routes, and what overload costs.
"""

from __future__ import annotations

import heapq
import math

import numpy as np
from numpy.typing import NDArray

from . import kernels
from .instance import Integers
from .kernels.counters import CURRENT, LOWEST, READS
from .meter import Meter
from .problem import NOTHING
from .routes_instance import DEPOT, RoutesInstance
from .tour_problem import TourProblem

GRADES = 1024
"""A price of overload is a whole number of these parts of a unit of distance, as in
`kernels.moves_routes.PARTS`."""
FIRST_PRICE = 5.0
"""What overload of the median demand costs at first, in mean distances to the five nearest: with
1 of them annealing found nothing feasible among 200 customers."""
WINDOW = 5_000
"""Proposals between two looks at how many of them met feasible routes; with more customers 20 for
each."""
AIM = (0.2, 0.4)
"""Share of proposals that should meet feasible routes (Vidal, Crainic, Gendreau, Lahrichi and Rei
2012, section 4.4, aim at a share too)."""
RAISE, LOWER = 1.2, 0.85
"""Factors on the price of overload below and above that share, as in HGS-CVRP (Vidal 2022)."""
LEAST, MOST = 0.02, 50.0
"""Smallest and largest price of overload, in first prices."""
SAVED = 40
"""Near customers of which the savings of larger instances are computed."""
DISTANCE, OVERLOAD, FEASIBLE, TURN = range(4)
"""Places in the books of a chain, as in `kernels.moves_routes`."""
ALL_PAIRS = 300
"""With at most this many customers the savings of all pairs are."""
KICKED = 8
"""Customers that a kick moves."""


class RoutesProblem:
    """An instance as the methods see it. Its solutions have −1 between the vehicles, used or not.

    Args:
        instance: the instance.

    Attributes:
        cooling, ladder: see `problem.Problem`.
        ground: the distances.
        vehicles: routes that there are; where any number is allowed, more than are ever needed.
        toll: price of a unit of overload at first, in units of 1/1024.
    """

    cooling = (0.5, 0.05)
    ladder = (0.5, 0.05)

    def __init__(self, instance: RoutesInstance) -> None:
        self.instance = instance
        self.size = instance.size
        self.ground = TourProblem(instance.map, renumber=False)
        self.demand = instance.demand.astype(np.int64)
        self.capacity = instance.capacity
        self.vehicles = max(1, instance.most)
        taken = self.demand[self.demand > 0]
        median = float(np.median(taken)) if len(taken) else 1.0
        self.toll = math.ceil(FIRST_PRICE * self.unit / median * GRADES)
        self._roof = 2**61 // max(1, int(self.demand.sum()))

    @property
    def unit(self) -> float:
        """Return the unit of temperatures: the mean distance to the five nearest places."""
        return self.ground.spacing

    def outward(self, solution: Integers) -> Integers:
        """Return routes without those that visit nobody, as a new array."""
        keep = np.ones(len(solution), bool)
        gap = solution < 0
        keep[gap] = False
        # one −1 stays before every route but the first: it ends where the next begins
        begins = np.flatnonzero(~gap & np.concatenate([[False], gap[:-1]]))
        visited = np.flatnonzero(~gap)
        begins = begins[begins > visited[0]] if len(visited) else begins
        keep[begins - 1] = True
        return solution[keep].astype(np.int32)

    def inward(self, solution: Integers) -> Integers:
        """Return routes with −1 between all vehicles, used or not, as a new array."""
        spare = self.size - 2 + self.vehicles - len(solution)
        return np.concatenate([solution, np.full(max(0, spare), -1)]).astype(np.int32)

    def first(self, start: str, seed: int) -> tuple[Integers, int]:
        """Return the first routes, and how many distances they cost to find."""
        return (self.random_routes(seed), 0) if start == "random" else self.savings()

    def random_routes(self, seed: int) -> Integers:
        """Return customers in a random order, of which every vehicle takes as many as fit."""
        order = np.random.default_rng(seed).permutation(self.size - 1) + 1
        routes: list[list[int]] = [[]]
        load, left = 0, []
        for customer in order.tolist():
            load += int(self.demand[customer])
            if load > self.capacity and routes[-1]:
                if len(routes) == self.vehicles:
                    left.append(customer)
                    continue
                routes.append([])
                load = int(self.demand[customer])
            routes[-1].append(customer)
        return self._given_to(routes, left)

    def _given_to(self, routes: list[list[int]], left: list[int]) -> Integers:
        """Return routes with the customers that are left, each in that of the smallest load."""
        loads = [int(self.demand[route].sum()) for route in routes]
        for customer in left:
            at = min(range(len(routes)), key=loads.__getitem__)
            routes[at].append(customer)
            loads[at] += int(self.demand[customer])
        return self.inward(np.array([stop for one in routes for stop in (*one, -1)][:-1]))

    def savings(self) -> tuple[Integers, int]:
        """Return routes that begin as one for each customer and are joined at their ends, the pair
        first that saves the most (Clarke and Wright 1964), and how many distances that cost.
        """
        n = self.size
        near = self.ground.neighbours(n - 1 if n - 1 <= ALL_PAIRS else SAVED)
        pairs = sorted(
            {(min(i, j), max(i, j)) for i in range(1, n) for j in near[i].tolist() if j != DEPOT}
        )
        distance = self.ground.distance
        home = [distance(DEPOT, customer) for customer in range(n)]
        queue = [(distance(i, j) - home[i] - home[j], i, j) for i, j in pairs]
        heapq.heapify(queue)
        route = {customer: [customer] for customer in range(1, n)}
        loads = self.demand.tolist()
        while queue:
            saved, i, j = heapq.heappop(queue)
            one, other = route[i], route[j]
            if saved > 0 or one is other or loads[one[0]] + loads[other[0]] > self.capacity:
                continue
            if i not in (one[0], one[-1]) or j not in (other[0], other[-1]):
                continue
            load = loads[one[0]] + loads[other[0]]
            joined = (one if one[-1] == i else one[::-1]) + (
                other if other[0] == j else other[::-1]
            )
            for customer in joined:
                route[customer] = joined
            loads[joined[0]] = load
        found = {route[customer][0]: route[customer] for customer in range(1, n)}
        routes = sorted(found.values(), key=lambda one: -loads[one[0]])
        left = [customer for one in routes[self.vehicles :] for customer in one]
        return self._given_to(routes[: self.vehicles], left), n + len(pairs)

    def price(self, solution: Integers) -> int:
        """Return the length of all routes, and what their overload costs at first."""
        return self.length(solution) + charge(self.overload(solution), self.toll)

    def chain(self, solution: Integers, neighbours: int, meter: Meter) -> RoutesChain:
        """Return a chain that begins at some routes."""
        near = self.ground.neighbours(neighbours)
        meter.read(self.size + self.vehicles + near.size)
        depots = np.full((self.size, 1), DEPOT, np.int32)
        return RoutesChain(self, solution, np.ascontiguousarray(np.hstack([near, depots])))

    def length(self, solution: Integers) -> int:
        """Return the length of all routes together."""
        ground = self.ground
        return int(
            kernels.moves_routes.routes_length(
                solution, ground.metric, ground.points, ground.matrix
            )
        )

    def overload(self, solution: Integers) -> int:
        """Return by how much routes exceed the capacity, all together."""
        if not len(solution):
            return 0
        load = np.where(solution > 0, self.demand[np.maximum(solution, 0)], 0)
        which = np.cumsum(solution < 0)
        loads = np.bincount(which, weights=load).astype(np.int64)
        return int(np.maximum(loads - self.capacity, 0).sum())

    def toll_of(self, factor: float) -> int:
        """Return so many first prices of overload as one, within what can be computed with."""
        return max(1, min(math.ceil(self.toll * factor), self._roof))


class RoutesChain:
    """Routes that are changed by relocations, exchanges, 2-opt and 2-opt*; see `problem.Chain`.

    Routes may be overloaded, at a price. It follows the share of proposals that meet feasible
    routes: a chain that never meets overload would have to go round it, and one that always does
    finds nothing.

    Args:
        problem: the instance.
        solution: that it begins at, with −1 between all vehicles.
        near: (n, K) places that a customer may be joined to; 0 is the depot of any vehicle.

    Attributes:
        toll: price of a unit of overload, in units of 1/1024.
        fixed: whether that price stays as it is.
    """

    def __init__(self, problem: RoutesProblem, solution: Integers, near: Integers) -> None:
        self.problem, self.near = problem, near
        nodes = problem.size + problem.vehicles
        self.links = np.zeros((nodes, 4), np.int32)
        self.carried = np.zeros(nodes, np.int64)
        self.loads = np.zeros(problem.vehicles, np.int64)
        self.flat, self.best = solution.astype(np.int32), solution.astype(np.int32)
        self.toll = problem.toll
        self.factor, self.since, self.fixed = 1.0, 0, False
        self.books = np.zeros(TURN + 1, np.int64)
        self.numbers = np.zeros(5, np.int64)
        self._lay()
        self.numbers[LOWEST] = NOTHING if self.violation else self.books[DISTANCE]

    @property
    def present(self) -> Integers:
        """Return the present routes."""
        return self.flat

    @property
    def violation(self) -> int:
        """Return by how much the present routes exceed the capacity, all together."""
        return int(self.books[OVERLOAD])

    def walk(
        self,
        rule: tuple[float, float],
        count: int,
        sums: NDArray[np.float64],
        state: NDArray[np.uint64],
    ) -> None:
        """Propose ``count`` moves; see `problem.Chain.walk`."""
        problem, ground = self.problem, self.problem.ground
        kernels.moves_routes.anneal(
            self.links,
            self.carried,
            self.loads,
            problem.demand,
            problem.capacity,
            ground.metric,
            ground.points,
            ground.matrix,
            self.near,
            self.toll,
            *rule,
            count,
            self.best,
            self.numbers,
            self.books,
            sums,
            state,
        )
        kernels.moves_routes.written(self.links, self.loads, self.flat)
        self.since += count
        if self.since >= max(WINDOW, 20 * problem.size):
            self._follow(float(self.books[FEASIBLE]) / self.since)
            self.since = self.books[FEASIBLE] = 0

    def fix(self, factor: float) -> None:
        """Charge so many first prices of overload from now on, whatever the routes are like."""
        self.factor, self.fixed = factor, True
        self.toll = self.problem.toll_of(factor)
        self.numbers[CURRENT] = self.books[DISTANCE] + charge(self.violation, self.toll)

    def _follow(self, share: float) -> None:
        """Adapt the price of overload to the share of proposals that met feasible routes."""
        if self.fixed or AIM[0] <= share <= AIM[1]:
            return
        factor = self.factor * (RAISE if share < AIM[0] else LOWER)
        self.factor = min(max(factor, LEAST), MOST)
        self.toll = self.problem.toll_of(self.factor)
        self.numbers[CURRENT] = self.books[DISTANCE] + charge(self.violation, self.toll)

    def kick(self, seed: int) -> bool:
        """Move a customer and those nearest to it, each to a random place. Always returns True."""
        rng, problem = np.random.default_rng(seed), self.problem
        centre = int(rng.integers(1, problem.size))
        chosen = [centre, *(stop for stop in self.near[centre].tolist() if stop != DEPOT)][:KICKED]
        stops = [stop for stop in self.flat.tolist() if stop not in chosen]
        for customer in chosen:
            stops.insert(int(rng.integers(len(stops) + 1)), customer)
        self.flat[:] = stops
        self._lay()
        self.numbers[READS] += problem.size + problem.vehicles
        return True

    def _lay(self) -> None:
        """Link the routes as they are written in ``flat``, and measure them."""
        problem = self.problem
        kernels.moves_routes.laid(self.flat, problem.demand, self.links, self.carried, self.loads)
        self.books[: OVERLOAD + 1] = problem.length(self.flat), problem.overload(self.flat)
        self.numbers[CURRENT] = self.books[DISTANCE] + charge(self.violation, self.toll)


def charge(overload: int, toll: int) -> int:
    """Return what overload costs, rounded up."""
    return -(-overload * toll // GRADES)
