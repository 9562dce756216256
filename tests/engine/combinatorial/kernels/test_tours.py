"""Moves of tours: every change of length is what measuring the whole tour anew gives, nothing is
lost or doubled, and at a fixed temperature tours follow Boltzmann's law.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest

from engine.combinatorial.instance import TourInstance
from engine.combinatorial.kernels import one_way, tours
from engine.combinatorial.moves import NOTHING
from engine.combinatorial.tour_problem import TourProblem

from ..support import (
    counters,
    instance,
    is_tour,
    measured,
    one_way_instance,
    random_tour,
    shortest,
)

SIZES = [4, 5, 6, 7, 8, 9, 13, 30, 60]


def annealed(problem: TourProblem, temperature: float, count: int, seed: int, near: int):  # type: ignore[no-untyped-def]
    """A tour after so many proposals, with the shortest on the way and the counters."""
    tour, pos = random_tour(problem.size, seed)
    best, numbers = tour.copy(), counters(measured(problem, tour))
    sums, state = np.zeros(2), np.array([2 * seed + 1], np.uint64)
    measure = problem.metric, problem.points, problem.matrix
    lists = problem.neighbours(near)
    if problem.symmetric:
        tours.anneal(
            tour,
            pos,
            *measure,
            lists,
            temperature,
            1.0,
            count,
            problem.size,
            True,
            best,
            numbers,
            sums,
            state,
        )
    else:
        one_way.anneal(
            tour,
            pos,
            *measure,
            lists,
            temperature,
            1.0,
            count,
            problem.room,
            best,
            numbers,
            sums,
            state,
        )
    return tour, pos, best, numbers, sums


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("side", [3, 12, 1_000_000], ids=["ties", "few ties", "no ties"])
@pytest.mark.parametrize("made", [instance, one_way_instance], ids=["both ways", "one way"])
def test_what_moves_add_up_to_is_the_length(size: int, side: int, made: object) -> None:
    problem = TourProblem(
        instance(size, size, side) if made is instance else one_way_instance(size, size + side)
    )
    for temperature in (0.5, problem.spacing, 1e9):
        for near in (3, size - 1):
            tour, pos, best, numbers, _ = annealed(problem, temperature, 4000, side + near, near)
            assert is_tour(tour, pos)
            assert measured(problem, tour) == numbers[0]
            assert measured(problem, best) == numbers[1] <= numbers[0]
            assert numbers[3] == 4000


def test_the_sums_are_those_of_the_lengths_on_the_way() -> None:
    """One proposal at a time, added up in Python."""
    problem = TourProblem(instance(20, 3))
    tour, pos = random_tour(20, 5)
    best, numbers = tour.copy(), counters(measured(problem, tour))
    state, lists = np.array([11], np.uint64), problem.neighbours(8)
    measure = problem.metric, problem.points, problem.matrix
    _, _, _, _, sums = annealed(problem, 200.0, 1, 5, 8)
    first, away = numbers[0], []
    again = tour.copy(), pos.copy(), best.copy(), numbers.copy(), state.copy()
    # two at a time, since 2-opt and Or-opt take turns within a call
    for _ in range(150):
        before = int(numbers[0])
        tours.anneal(
            tour, pos, *measure, lists, 200.0, 1.0, 2, 20, True, best, numbers, sums, state
        )
        away.append((before, sums.copy()))
    whole = np.zeros(2)
    tour, pos, best, numbers, state = again
    tours.anneal(tour, pos, *measure, lists, 200.0, 1.0, 300, 20, True, best, numbers, whole, state)
    total = sum(part[0] + 2 * (before - first) for before, part in away)
    squares = sum(
        part[1] + 2 * (before - first) * part[0] + 2 * (before - first) ** 2
        for before, part in away
    )
    assert whole == pytest.approx([total, squares], rel=1e-9)


@pytest.mark.parametrize("kind", ["both ways", "one way"])
def test_at_a_fixed_temperature_tours_follow_boltzmanns_law(kind: str) -> None:
    """All tours of six or seven cities, with all cities as near ones: exp(−E/T)/Z."""
    if kind == "one way":
        problem = TourProblem(one_way_instance(6, 4))
    else:
        problem = TourProblem(instance(7, 2, 100))
    n, temperature = problem.size, 0.6 * problem.spacing

    def named(order: tuple[int, ...]) -> tuple[int, ...]:
        """A tour by its cities from 0 on, the same in both directions where they do not matter."""
        at = order.index(0)
        order = order[at:] + order[:at]
        back = (order[0], *order[:0:-1])
        return order if kind == "one way" else min(order, back)

    everything = {named((0, *rest)) for rest in itertools.permutations(range(1, n))}
    law = {order: math.exp(-measured(problem, order) / temperature) for order in everything}
    total = sum(law.values())
    tour, pos = random_tour(n, 1)
    best, numbers = tour.copy(), counters(measured(problem, tour))
    sums, state = np.zeros(2), np.array([77], np.uint64)
    measure, lists = (problem.metric, problem.points, problem.matrix), problem.neighbours(n - 1)
    seen: Counter[tuple[int, ...]] = Counter()
    draws = 30_000
    for _ in range(draws):
        if problem.symmetric:
            tours.anneal(
                tour,
                pos,
                *measure,
                lists,
                temperature,
                1.0,
                60,
                n,
                True,
                best,
                numbers,
                sums,
                state,
            )
        else:
            one_way.anneal(
                tour,
                pos,
                *measure,
                lists,
                temperature,
                1.0,
                60,
                problem.room,
                best,
                numbers,
                sums,
                state,
            )
        seen[named(tuple(tour.tolist()))] += 1
    chi = sum(
        (seen[order] - draws * weight / total) ** 2 / (draws * weight / total)
        for order, weight in law.items()
        if draws * weight / total >= 5
    )
    cells = sum(draws * weight / total >= 5 for weight in law.values())
    assert cells > 30
    assert chi / cells < 1.35, "too far from the law"
    assert chi / cells > 0.5, "closer than chance allows: draws are not independent"


@pytest.mark.parametrize("size", [5, 6, 7, 8, 9])
def test_local_search_leaves_no_move_that_helps(size: int) -> None:
    """Every 2-opt and Or-opt move of the result, tried one by one."""
    for seed in range(25):
        problem = TourProblem(instance(size, seed, 15 if seed % 2 else 10_000))
        tour, pos = random_tour(size, seed + 100)
        queue, waiting = tour.copy(), np.ones(size, np.bool_)
        ends, numbers = np.array([0, size, size]), counters(measured(problem, tour))
        measure = problem.metric, problem.points, problem.matrix
        lists = problem.neighbours(size - 1)
        assert tours.descend(
            tour, pos, *measure, lists, queue, waiting, ends, NOTHING, 10**9, numbers
        )
        assert is_tour(tour, pos)
        length = measured(problem, tour)
        assert length == numbers[0]
        order = tour.tolist()
        for i in range(size):
            turned = order[i:] + order[:i]
            for j in range(2, size):
                other = turned[:1] + turned[j:0:-1] + turned[j + 1 :]
                assert measured(problem, other) >= length, "2-opt helps"
            for count in range(1, min(3, size - 3) + 1):
                segment, rest = turned[:count], turned[count:]
                for k in range(1, len(rest)):
                    for part in (segment, segment[::-1]):
                        other = rest[:k] + part + rest[k:]
                        assert measured(problem, other) >= length, "Or-opt helps"


@pytest.mark.parametrize("made", [instance, one_way_instance], ids=["both ways", "one way"])
@pytest.mark.parametrize("temperature", [0.0, 30.0])
def test_a_kick_that_does_not_help_is_undone(made: object, temperature: float) -> None:
    for size in (8, 9, 12, 40):
        problem = TourProblem(
            instance(size, size) if made is instance else one_way_instance(size, size)
        )
        tour, pos = random_tour(size, size)
        queue, waiting = tour.copy(), np.ones(size, np.bool_)
        ends, numbers = np.array([0, size, size]), counters(measured(problem, tour))
        measure = problem.metric, problem.points, problem.matrix
        lists, journal = problem.neighbours(8), np.empty((1000, 4), np.int32)
        room = () if problem.symmetric else (problem.room,)
        module = tours if problem.symmetric else one_way
        module.descend(
            tour, pos, *measure, lists, queue, waiting, ends, NOTHING, *room, 10**9, numbers
        )
        numbers[1] = numbers[0]
        best, state = tour.copy(), np.array([5], np.uint64)
        for _ in range(200):
            before = int(numbers[0])
            module.iterate(
                tour,
                pos,
                *measure,
                lists,
                queue,
                waiting,
                ends,
                journal,
                *room,
                1,
                temperature,
                best,
                numbers,
                state,
            )
            assert is_tour(tour, pos)
            assert measured(problem, tour) == numbers[0]
            assert measured(problem, best) == numbers[1]
            assert temperature > 0 or numbers[0] <= before
            assert ends[1] == 0
            assert not waiting.any()


def test_a_journal_without_room_loses_nothing() -> None:
    problem = TourProblem(instance(200, 1))
    tour, pos = random_tour(200, 1)
    numbers = counters(measured(problem, tour))
    measure = problem.metric, problem.points, problem.matrix
    queue, waiting, ends = tour.copy(), np.zeros(200, np.bool_), np.array([0, 0, 0])
    best, state = tour.copy(), np.array([9], np.uint64)
    # a random tour is mended by far more moves than this journal holds
    tours.iterate(
        tour,
        pos,
        *measure,
        problem.neighbours(8),
        queue,
        waiting,
        ends,
        np.empty((12, 4), np.int32),
        5000,
        0.0,
        best,
        numbers,
        state,
    )
    assert is_tour(tour, pos)
    assert measured(problem, tour) == numbers[0]
    assert measured(problem, best) == numbers[1]


def test_a_double_bridge_replaces_four_edges_and_turns_nothing_round() -> None:
    def edges(tour: np.ndarray) -> set[tuple[int, int]]:
        return {(int(tour[k - 1]), int(tour[k])) for k in range(len(tour))}

    for seed in range(40):
        problem = TourProblem(instance(30, seed))
        tour, pos = random_tour(30, seed)
        before, numbers = tour.copy(), counters(measured(problem, tour))
        tours.kick(
            tour,
            pos,
            problem.metric,
            problem.points,
            problem.matrix,
            numbers,
            np.array([seed * 2 + 1], np.uint64),
        )
        assert is_tour(tour, pos)
        assert measured(problem, tour) == numbers[0]
        same = min(len(edges(before) - edges(tour)), len(edges(before) - edges(tour[::-1])))
        assert same <= 4
        assert same >= 2


def test_counted_distances_are_those_looked_at() -> None:
    """Four for a 2-opt proposal, six for an Or-opt proposal; proposals of nothing cost nothing."""
    problem = TourProblem(instance(100, 1))
    _, _, _, numbers, _ = annealed(problem, 1e9, 10_000, 1, 99)
    assert 4.8 * 10_000 < numbers[2] <= 5 * 10_000


def test_paths_that_are_too_long_are_left_alone() -> None:
    problem = TourProblem(instance(400, 1))
    tour, pos = random_tour(400, 3)
    best, numbers = tour.copy(), counters(measured(problem, tour))
    edges = {frozenset((int(tour[k - 1]), int(tour[k]))) for k in range(400)}
    where = pos.copy()
    tours.anneal(
        tour,
        pos,
        problem.metric,
        problem.points,
        problem.matrix,
        problem.neighbours(8),
        1e9,
        1.0,
        1,
        10,
        True,
        best,
        numbers,
        np.zeros(2),
        np.array([3], np.uint64),
    )
    new = list(
        {*map(frozenset, zip(tour.tolist(), np.roll(tour, -1).tolist(), strict=True))} - edges
    )
    for a, b in map(tuple, new):
        apart = abs(int(where[a]) - int(where[b]))
        assert min(apart, 400 - apart) <= 11


def test_instances_of_few_cities_are_solved() -> None:
    for size in (4, 5, 6, 7, 8):
        for made in (instance(size, size), one_way_instance(size, size)):
            problem = TourProblem(made)
            _, _, _, numbers, _ = annealed(problem, problem.spacing, 20_000, size, size - 1)
            assert numbers[1] == shortest(problem)


def test_two_cities_in_one_place_are_each_others_neighbours() -> None:
    points = np.array([[0, 0], [5, 5], [0, 0], [9, 9], [0, 0], [5, 5], [7, 1]], float)
    problem = TourProblem(TourInstance("d", "d", "EUC_2D", points, points))
    for count in range(1, 7):
        near = problem.neighbours(count)
        assert near.shape == (7, count)
        for city, row in enumerate(near.tolist()):
            assert city not in row
            assert len(set(row)) == count
    assert set(problem.neighbours(2)[0].tolist()) == {2, 4}
