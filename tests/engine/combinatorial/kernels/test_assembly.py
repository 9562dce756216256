"""Edge assembly and the order crossover, held to plain Python: AB-cycles, children, their lengths,
what they cost, and which of them is chosen.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from engine.combinatorial import checks
from engine.combinatorial.instance import Integers, TourInstance
from engine.combinatorial.kernels import assembly
from engine.combinatorial.kernels.counters import MOVES, READS
from engine.combinatorial.methods.genetic import Room, links_of, tour_of
from engine.combinatorial.tour_problem import TourProblem

Edge = frozenset[int]


def cities(n: int, seed: int, kind: str = "random") -> TourInstance:
    """Cities whose distances differ, so that no choice is a matter of order; or few places."""
    rng = np.random.default_rng(seed)
    if kind == "clustered":  # some clusters are larger than a list of near cities
        points = rng.normal(0, 1e6, (n, 2)).round() + 3e8 * rng.integers(0, 3, (n, 1))
    elif kind == "places":
        points = rng.integers(0, 3, (n, 2)).astype(float)
    else:
        points = rng.integers(0, 10**6, (n, 2)).astype(float)
    return TourInstance("some", "some", "EUC_2D", points, points)


def table(instance: TourInstance) -> list[list[int]]:
    n = instance.size
    return checks.distances(instance, *np.indices((n, n)).reshape(2, -1)).reshape(n, n).tolist()


def edges(tour: Any) -> set[Edge]:
    order = [int(city) for city in tour]
    return {frozenset(pair) for pair in zip(order, order[1:] + order[:1], strict=True)}


def total(some: set[Edge], apart: list[list[int]]) -> int:
    return sum(apart[a][b] for a, b in map(tuple, some))


def parts(n: int, some: set[Edge]) -> list[set[int]]:
    """The round trips that edges form, in the order of their first cities."""
    links = beside(n, some)
    assert all(len(both) == 2 for both in links)
    found, seen = [], set()
    for city in range(n):
        if city in seen:
            continue
        part, waiting = set(), [city]
        while waiting:
            one = waiting.pop()
            if one not in part:
                part.add(one)
                waiting += links[one]
        seen |= part
        found.append(part)
    return found


def pair(n: int, rng: np.random.Generator, alike: bool) -> tuple[Integers, Integers]:
    """Two tours; the second differs from the first in some 2-opt moves, or entirely."""
    a = rng.permutation(n).astype(np.int32)
    if not alike:
        return a, rng.permutation(n).astype(np.int32)
    b = a.copy()
    for _ in range(rng.integers(1, 6)):
        i, j = sorted(rng.integers(0, n, 2))
        b[i : j + 1] = b[i : j + 1][::-1].copy()
    return a, b


def divided(a: Integers, b: Integers, seed: int) -> list[list[int]]:
    """The AB-cycles of two tours, as the kernel finds them."""
    room = Room(len(a))
    state = np.array([2 * seed + 1], np.uint64)
    count = assembly.ab_cycles(
        links_of(a), links_of(b), room.rest, room.left, room.seen, room.active, room.place,
        room.path, room.cycles, room.starts, state,
    )  # fmt: skip
    assert (room.seen == -1).all()
    cuts = room.starts[: count + 1].tolist()
    return [room.cycles[i:j].tolist() for i, j in itertools.pairwise(cuts)]


def sides(cycle: list[int]) -> tuple[list[Edge], list[Edge]]:
    """The edges of A and of B in an AB-cycle."""
    around = list(zip(cycle, cycle[1:] + cycle[:1], strict=True))
    return [frozenset(e) for e in around[::2]], [frozenset(e) for e in around[1::2]]


def beside(n: int, some: set[Edge]) -> list[list[int]]:
    """The two cities beside every city."""
    found: list[list[int]] = [[] for _ in range(n)]
    for a, b in map(tuple, some):
        found[a].append(b)
        found[b].append(a)
    return found


class Join:
    """The best way found so far to join a sub-tour to others.

    Args:
        small: its cities.
        links: the two cities beside every city.
        apart: all distances.
    """

    def __init__(self, small: set[int], links: list[list[int]], apart: list[list[int]]) -> None:
        self.small, self.links, self.apart = small, links, apart
        self.gain, self.reads = -(10**18), 0
        self.gone: list[tuple[int, int]] = []
        self.come: list[tuple[int, int]] = []

    def look(self, x: int, others: list[int]) -> None:
        """Try all edges at a city with all edges at some others, both ways round."""
        outside = [c for c in others if c not in self.small]
        self.reads += 2 * bool(outside) + 11 * len(outside)
        for c in outside:
            for b, d in itertools.product(self.links[x], self.links[c]):
                gone = [(x, b), (c, d)]
                for come in ([(x, c), (b, d)], [(x, d), (b, c)]):
                    gain = sum(self.apart[i][j] for i, j in gone)
                    gain -= sum(self.apart[i][j] for i, j in come)
                    if gain > self.gain:
                        self.gain, self.gone, self.come = gain, gone, come


def child_of(
    tour: Integers, cycle: list[int], apart: list[list[int]], near: list[list[int]]
) -> tuple[set[Edge], int]:
    """The child of one AB-cycle, step by step as in the paper, and the distances it looks at."""
    n = len(tour)
    pos = {int(city): k for k, city in enumerate(tour)}
    gone, come = sides(cycle)
    child = (edges(tour) - set(gone)) | set(come)
    reads = len(cycle)
    found = sorted(parts(n, child), key=lambda part: min(pos[city] for city in part))
    while sum(map(bool, found)) > 1:
        small = min((part for part in found if part), key=len)
        join = Join(small, beside(n, child), apart)
        for x in small:
            join.look(x, near[x])
        if not join.gone:  # the cities that the parent has beside the stretches of the sub-tour
            for stretch in segments(tour, gone):
                ends = int(tour[pos[stretch[0]] - 1]), int(tour[(pos[stretch[-1]] + 1) % n])
                for x in stretch if stretch[0] in small else ():
                    join.look(x, list(ends))
        reads += join.reads
        child -= {frozenset(pair) for pair in join.gone}
        child |= {frozenset(pair) for pair in join.come}
        other = next(part for part in found if join.gone[1][0] in part)
        other |= small
        small.clear()  # its place in the list stays, empty
    return child, reads


def segments(tour: Integers, gone: list[Edge]) -> list[list[int]]:
    """The stretches of a tour between the edges that go."""
    order, n = [int(c) for c in tour], len(tour)
    starts = [k for k in range(n) if frozenset((order[k - 1], order[k])) in gone]
    found = []
    for i, start in enumerate(starts):
        end = starts[(i + 1) % len(starts)]
        found.append([order[(start + j) % n] for j in range((end - start) % n)])
    return found


class Couple:
    """Everything the kernel needs to cross two tours of an instance.

    Args:
        instance: the cities.
        tours: of the population; the first is A, the second B.
    """

    def __init__(self, instance: TourInstance, tours: list[Integers]) -> None:
        self.problem = TourProblem(instance)
        n = self.n = instance.size
        self.near = self.problem.neighbours(10)
        self.room = Room(n)
        self.counts = np.zeros((n, n), np.int16)
        share = np.arange(1, len(tours) + 1) / len(tours)
        self.entropies = np.concatenate([[0.0], -share * np.log(share)])
        self.entropy = 0.0
        for tour in tours:
            self.entropy += assembly.enter(tour, 1, self.counts, self.entropies)
        self.a, self.numbers = links_of(tours[0]), np.zeros(5, np.int64)
        self.tour, self.pos = np.empty((2, n), np.int32)
        assembly.walk(self.a, self.tour, self.pos)

    def assemble(self, cycles: list[list[int]], children: int, diverse: bool) -> int:
        room, problem = self.room, self.problem
        room.starts[: len(cycles) + 1] = np.cumsum([0, *map(len, cycles)])
        room.cycles[: room.starts[len(cycles)]] = np.concatenate(cycles)
        gain = assembly.assemble(
            self.a, self.tour, self.pos, problem.metric, problem.points, problem.matrix,
            self.near, room.cycles, room.starts, len(cycles), children, self.counts,
            self.entropies, diverse, room.rows, room.edges, room.flags, room.sums,
            self.numbers, np.array([7], np.uint64),
        )  # fmt: skip
        return int(gain)


@pytest.mark.parametrize("alike", [True, False])
def test_ab_cycles_partition_the_edges_that_two_tours_do_not_share(alike: bool) -> None:
    rng = np.random.default_rng(int(alike))
    for trial in range(200):
        a, b = pair(int(rng.integers(8, 80)), rng, alike)
        cycles = divided(a, b, trial)
        of_a = [e for cycle in cycles for e in sides(cycle)[0]]
        of_b = [e for cycle in cycles for e in sides(cycle)[1]]
        assert all(len(cycle) % 2 == 0 and len(cycle) >= 4 for cycle in cycles)
        assert len(of_a) == len(set(of_a))
        assert len(of_b) == len(set(of_b))
        assert set(of_a) == edges(a) - edges(b)
        assert set(of_b) == edges(b) - edges(a)


def test_tours_that_are_the_same_have_no_ab_cycles() -> None:
    a = np.arange(20, dtype=np.int32)
    assert divided(a, np.roll(a[::-1], 3).copy(), 1) == []


@pytest.mark.parametrize("kind", ["random", "clustered"])
@pytest.mark.parametrize("alike", [True, False])
def test_a_child_is_the_one_of_the_paper(kind: str, alike: bool) -> None:
    """One AB-cycle, sub-tours joined smallest first: edges, ΔL and distances read, exactly."""
    rng = np.random.default_rng(5)
    better = several = 0
    for trial in range(60):
        n = int(rng.integers(12, 60))
        instance = cities(n, trial, kind)
        apart = table(instance)
        if len({d for row in apart for d in row}) < n * (n - 1) // 2:
            continue  # equal distances: which of two equal joins is made is a matter of order
        a, b = pair(n, rng, alike)
        near = TourProblem(instance).neighbours(10).tolist()
        for cycle in divided(a, b, trial)[:6]:
            couple = Couple(instance, [a, b])
            start = couple.tour.copy()
            child, reads = child_of(start, cycle, apart, near)
            assert len(parts(n, child)) == 1
            gain = couple.assemble([cycle], 30, False)
            expected = total(edges(a), apart) - total(child, apart)
            assert gain == max(0, expected)
            assert int(couple.numbers[READS]) == reads
            assert int(couple.numbers[MOVES]) == 1
            assert edges(tour_of(couple.a)) == (child if expected > 0 else edges(a))
            gone, come = sides(cycle)
            several += len(parts(n, (edges(a) - set(gone)) | set(come))) > 1
            better += expected > 0
    assert better > 5
    assert several > 20


def test_a_sub_tour_without_near_cities_outside_is_joined_beside_its_stretches() -> None:
    """Two clusters larger than a list of near cities, each a sub-tour of its own."""
    better = 0
    for trial in range(40):
        rng = np.random.default_rng(trial)
        points = rng.normal(0, 1e6, (26, 2)).round()
        points[13:] += 1e8
        instance = TourInstance("some", "some", "EUC_2D", points, points)
        apart = table(instance)
        a = np.concatenate([rng.permutation(13), 13 + rng.permutation(13)]).astype(np.int32)
        near = TourProblem(instance).neighbours(10).tolist()
        cycle = [int(a[k]) for k in (12, 13, 25, 0)]
        couple = Couple(instance, [a, a])
        child, reads = child_of(couple.tour.copy(), cycle, apart, near)
        assert len(parts(26, child)) == 1
        gain = couple.assemble([cycle], 1, False)
        assert gain == max(0, total(edges(a), apart) - total(child, apart))
        assert int(couple.numbers[READS]) == reads
        assert edges(tour_of(couple.a)) == (child if gain > 0 else edges(a))
        better += gain > 0
    assert better > 5


def test_the_chosen_child_gains_most_for_the_entropy_that_it_costs() -> None:
    """Equation 4, by the definition of the entropy, over all children of a pair."""
    rng = np.random.default_rng(3)
    differ = 0
    for trial in range(40):
        n = 40
        instance = cities(n, trial)
        apart = table(instance)
        a = rng.permutation(n).astype(np.int32)
        tours = [a]
        for _ in range(5):
            tours.append(pair(n, rng, False)[0])
            tours.append(tours[-1].copy())
        cycles = divided(a, tours[1], trial)
        near = TourProblem(instance).neighbours(10).tolist()

        def entropy(all_tours: list[set[Edge]]) -> float:
            count: dict[Edge, int] = {}
            for one in all_tours:
                for e in one:
                    count[e] = count.get(e, 0) + 1
            size = len(all_tours)
            return -sum(f / size * math.log(f / size) for f in count.values())

        rest = [edges(one) for one in tours[1:]]
        before = entropy([edges(a), *rest])
        couple = Couple(instance, tours)
        assert couple.entropy == pytest.approx(before)
        values: list[tuple[float, int, set[Edge]]] = []
        for cycle in cycles:
            child, _ = child_of(couple.tour.copy(), cycle, apart, near)
            gain = total(edges(a), apart) - total(child, apart)
            lost = before - entropy([child, *rest])
            values.append((gain / max(lost, 1e-9) if gain > 0 else 0.0, gain, child))
        best = max(values, key=lambda one: one[0])
        shortest = max(values, key=lambda one: one[1])
        gain = couple.assemble(cycles, len(cycles), True)
        made = edges(tour_of(couple.a))
        assert gain == max(0, best[1])
        assert made == (best[2] if gain > 0 else edges(a))
        after = couple.entropy + float(couple.room.sums[0])
        assert after == pytest.approx(entropy([made, *rest]))
        other = Couple(instance, tours)
        assert other.assemble(cycles, len(cycles), False) == max(0, shortest[1])
        differ += best[1] != shortest[1]
    assert differ > 3


def test_order_crossover_gives_the_child_of_the_textbook() -> None:
    """Michalewicz 1996, "Genetic Algorithms + Data Structures", section 10.2, both children."""
    one = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9]) - 1
    other = np.array([4, 5, 2, 1, 8, 7, 6, 9, 3]) - 1
    child, taken = np.zeros(9, int), np.zeros(9, bool)
    cross = assembly.cross_in_order.py_func  # type: ignore[attr-defined]
    cross(one, other, 3, 6, taken, child)
    assert (child + 1).tolist() == [2, 1, 8, 4, 5, 6, 7, 9, 3]
    cross(other, one, 3, 6, taken, child)
    assert (child + 1).tolist() == [3, 4, 5, 1, 8, 7, 6, 9, 2]
    assert not taken.any()


def test_a_child_of_the_order_crossover_costs_a_whole_tour() -> None:
    instance = cities(40, 2)
    problem = TourProblem(instance)
    rng = np.random.default_rng(0)
    a, b = rng.permutation(40).astype(np.int32), rng.permutation(40).astype(np.int32)
    couple = Couple(instance, [a, b])
    before, after, gains = edges(a), a.copy(), 0
    for seed in range(20):
        length = checks.length(instance, after)
        couple.numbers[:] = 0
        gain = assembly.order_crossover(
            after, b, length, problem.metric, problem.points, problem.matrix, 30, couple.counts,
            couple.entropies, bool(seed % 2), couple.room.tours, couple.room.flags,
            couple.room.sums, couple.numbers, np.array([2 * seed + 1], np.uint64),
        )  # fmt: skip
        assert couple.numbers[READS] == 30 * 40
        assert couple.numbers[MOVES] == 30
        assert checks.length(instance, after) == length - gain
        gains += gain > 0
    assert gains > 3
    assert edges(after) != before
    counts = np.zeros((40, 40), int)
    for i, j in (tuple(e) for tour in (after, b) for e in edges(tour)):
        counts[i, j] += 1
        counts[j, i] += 1
    assert (counts == couple.counts).all()
