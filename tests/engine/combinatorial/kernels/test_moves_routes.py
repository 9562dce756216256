"""Moves of vehicle routes against the whole length and load computed again, after every move."""

from __future__ import annotations

import numpy as np
import pytest

from engine.combinatorial import kernels
from engine.combinatorial.instance import Metric
from engine.combinatorial.kernels.counters import ACCEPTED, CURRENT, LOWEST, MOVES, READS
from engine.combinatorial.meter import Budget, Meter
from engine.combinatorial.problem import NOTHING
from engine.combinatorial.routes_problem import (
    DISTANCE,
    OVERLOAD,
    TURN,
    RoutesChain,
    RoutesProblem,
    charge,
)

from ..routes_support import measured, routes_instance

HOT = (1e6, 1.0)


def chain_of(problem: RoutesProblem, seed: int = 0, neighbours: int = 8) -> RoutesChain:
    meter = Meter(Budget(currency="evaluations", amount=1e15))
    return problem.chain(problem.random_routes(seed), neighbours, meter)


def whole(chain: RoutesChain) -> None:
    """The rings say the same as the row, forward and back, and every count in them is right."""
    n, links = chain.problem.size, chain.links
    stops: list[int] = []
    for v in range(chain.problem.vehicles):
        node, place, load = int(links[n + v, 1]), 1, 0
        stops += [-1] if v else []
        assert links[n + v].tolist()[2:] == [v, 0]
        assert links[node, 0] == n + v
        while node != n + v:
            load += int(chain.problem.demand[node])
            assert links[node].tolist()[2:] == [v, place]
            assert chain.carried[node] == load
            assert links[links[node, 1], 0] == node
            stops.append(node)
            node, place = int(links[node, 1]), place + 1
        assert chain.loads[v] == load
    assert stops == chain.flat.tolist()
    assert sorted(stop for stop in stops if stop > 0) == list(range(1, n))


@pytest.mark.parametrize(
    ("customers", "side", "capacity", "vehicles", "metric"),
    [
        (1, 1000, 30, None, "EUC_2D"),
        (2, 1000, 10, None, "EUC_2D"),
        (3, 10, 12, 3, "MAN_2D"),
        (5, 4, 15, None, "EUC_2D"),
        (8, 3, 20, 4, "MAX_2D"),
        (12, 1000, 12, None, "CEIL_2D"),
        (25, 30, 200, 1, "EUC_2D"),
        (40, 1000, 40, None, "ATT"),
        pytest.param(60, 5, 25, None, "EUC_2D", marks=pytest.mark.slow),
    ],
)
def test_every_move_counts_what_it_changes(
    customers: int, side: int, capacity: int, vehicles: int | None, metric: Metric
) -> None:
    """5 · 10⁴ moves in all, at a heat that keeps nearly all of them."""
    instance = routes_instance(customers, customers, capacity, side, vehicles, metric)
    problem = RoutesProblem(instance)
    chain = chain_of(problem)
    sums = np.zeros(2)
    state = np.array([12345], np.uint64)
    made = 0
    for _ in range(6_000):
        before = int(chain.numbers[ACCEPTED])
        chain.walk(HOT, 1, sums, state)
        length, overload = measured(instance, chain.flat)
        assert chain.books[[DISTANCE, OVERLOAD]].tolist() == [length, overload]
        assert chain.numbers[CURRENT] == length + charge(overload, chain.toll)
        if chain.numbers[ACCEPTED] > before:
            made += 1
            whole(chain)
    assert made >= 500 * (customers > 1)
    assert chain.numbers[MOVES] == 6_000
    if chain.numbers[LOWEST] < NOTHING:
        assert measured(instance, chain.best) == (chain.numbers[LOWEST], 0)


def test_reads_are_counted_by_kind() -> None:
    """A proposal of each kind costs 6, 4, 6 or 8 distances, or none if it is no move."""
    chain = chain_of(RoutesProblem(routes_instance(30, 1)))
    seen: list[set[int]] = [set(), set(), set(), set()]
    sums, state = np.zeros(2), np.array([5], np.uint64)
    for _ in range(4000):
        before, kind = int(chain.numbers[READS]), int(chain.books[TURN])
        chain.walk((50.0, 1.0), 1, sums, state)
        seen[kind].add(int(chain.numbers[READS]) - before)
    assert seen == [{0, 6}, {0, 4}, {0, 6}, {0, 8}]


def test_every_move_can_be_reached_from_any_routes() -> None:
    """From one solution of four customers the chain meets all others: 34 ways to part and order
    them, up to direction and the order of routes.
    """
    problem = RoutesProblem(routes_instance(4, 2, capacity=100, vehicles=4))
    chain = chain_of(problem)
    sums, state = np.zeros(2), np.array([7], np.uint64)
    met = set()
    for _ in range(30_000):
        chain.walk(HOT, 1, sums, state)
        text = ",".join(map(str, chain.flat.tolist()))
        routes = [
            tuple(map(int, part.strip(",").split(",")))
            for part in text.split("-1")
            if part.strip(",")
        ]
        met.add(frozenset(min(route, route[::-1]) for route in routes))
    assert len(met) == 34


def test_a_walk_in_one_go_is_the_same_as_in_pieces() -> None:
    problem = RoutesProblem(routes_instance(50, 3))
    told = []
    for pieces in ([4000], [4] * 1000):
        chain, state = chain_of(problem), np.array([99], np.uint64)
        for count in pieces:
            chain.walk((200.0, 1.0), count, np.zeros(2), state)
        told.append((chain.flat.tolist(), chain.best.tolist(), chain.numbers.tolist()))
    assert told[0] == told[1]


def test_rows_and_rings_are_the_same() -> None:
    problem = RoutesProblem(routes_instance(20, 4, vehicles=9))
    chain = chain_of(problem)
    flat = np.full(len(chain.flat), -5, np.int32)
    kernels.moves_routes.written(chain.links, chain.loads, flat)
    assert flat.tolist() == chain.flat.tolist()
    whole(chain)


def test_a_kick_moves_customers_and_stays_counted() -> None:
    instance = routes_instance(30, 5)
    chain = chain_of(RoutesProblem(instance))
    before = chain.flat.tolist()
    assert chain.kick(3)
    assert chain.flat.tolist() != before
    whole(chain)
    assert chain.books[:2].tolist() == list(measured(instance, chain.flat))
