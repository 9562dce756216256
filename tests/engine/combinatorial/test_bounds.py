"""Bounds of tours: never above the optimum, close to it, and stated with every result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.combinatorial import bounds
from engine.combinatorial.bounds import lower_bound
from engine.combinatorial.instance import METRICS, Metric
from engine.combinatorial.instances import of_path
from engine.combinatorial.kernels import one_tree
from engine.combinatorial.reading.tsplib import read_tsplib
from engine.combinatorial.tour_problem import TourProblem
from tests.there import there

from .support import instance, one_way_instance, race, shortest


def one_tree_by_kruskal(problem: TourProblem, prices: list[int], scale: int) -> int:
    """The length of the minimum 1-tree, less twice the prices, edge by edge (Kruskal 1956)."""
    n = problem.size

    def cost(a: int, b: int) -> int:
        return scale * problem.distance(a, b) + prices[a] + prices[b]

    parent = list(range(n))

    def root(city: int) -> int:
        while parent[city] != city:
            city = parent[city]
        return city

    total = sum(sorted(cost(0, city) for city in range(1, n))[:2])
    pairs = [(a, b) for a in range(1, n) for b in range(1, a)]
    for a, b in sorted(pairs, key=lambda pair: cost(*pair)):
        if root(a) != root(b):
            parent[root(a)] = root(b)
            total += cost(a, b)
    return total - 2 * sum(prices)


@pytest.mark.parametrize("size", [4, 5, 12, 40])
def test_a_1_tree_is_the_least_for_any_prices(size: int) -> None:
    problem = TourProblem(instance(size, size))
    rng = np.random.default_rng(size)
    for scale in (1, 16):
        prices = rng.integers(-3000, 3000, size)
        parent, degree = np.zeros((2, size), np.int32)
        found = one_tree.least_one_tree(
            problem.metric, problem.points, problem.matrix, prices, scale,
            np.zeros(size, np.int32), np.zeros(size, np.int64), parent, degree,
        )  # fmt: skip
        assert found == one_tree_by_kruskal(problem, prices.tolist(), scale)
        assert degree.sum() == 2 * size
        assert degree[0] == 2
        assert degree.min() >= 1


@pytest.mark.parametrize("metric", [one for one in METRICS if one.endswith("2D") or one == "ATT"])
def test_it_is_never_above_the_shortest_of_few_tours(metric: Metric) -> None:
    exact = 0
    for seed in range(12):
        for size in (1, 2, 3, 4, 5, 7, 8):
            side = (1000, 4, 10**6)[seed % 3]  # with a side of 4 many cities coincide
            problem = TourProblem(instance(size, 10 * seed + size, side, metric))
            best = shortest(problem) if size > 1 else 0
            bound = lower_bound(problem)
            assert bound is not None
            assert bound <= best
            assert bound >= 0.85 * best
            exact += bound == best
    assert exact > 40


def test_cities_at_one_place_have_a_bound_of_zero() -> None:
    assert lower_bound(TourProblem(instance(20, side=1))) == 0


def test_it_is_about_a_hundredth_below_the_optimum_of_random_cities() -> None:
    """What the genetic algorithm finds is the optimum or close to it."""
    for cities in (120, 200):
        one = race(["genetic"], cities=cities, amount=2e7)
        for _ in one:
            pass
        row = one.results()[0]
        assert row["known"] is None
        assert there(row["bound"]) <= there(row["best"])
        assert row["proved_gap"] == pytest.approx(there(row["best"]) / there(row["bound"]) - 1)
        assert there(row["proved_gap"]) < 0.013


@pytest.mark.parametrize(
    "name",
    ["a280", "att48", "att532", "bays29", "berlin52", "burma14", "ch150", "eil51", "gr17", "gr666",
     "kroA100", "pcb442", "pr1002", "ulysses22"],
)  # fmt: skip
def test_it_is_just_below_published_optima(kelvin_data: Path, name: str) -> None:
    file = kelvin_data / "combinatorial" / "tsplib" / f"{name}.tsp"
    if not file.is_file():
        pytest.skip(f"no {name} here")
    problem = TourProblem(read_tsplib(file.read_text(), name))
    known = problem.instance.known
    bound = lower_bound(problem)
    assert known is not None
    assert bound is not None
    assert 0.98 * known.value < bound <= known.value


def test_it_is_the_same_every_time() -> None:
    one = instance(150, 3)
    assert lower_bound(TourProblem(one)) == lower_bound(TourProblem(one))


def test_there_is_none_where_directions_differ_or_cities_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert lower_bound(TourProblem(one_way_instance(10))) is None
    monkeypatch.setattr(bounds, "MOST_CITIES", 20)
    assert lower_bound(TourProblem(instance(21))) is None


def test_a_race_states_it_at_no_lanes_cost_and_forgets_it_with_its_cities() -> None:
    one = race(["annealing"], cities=40, amount=1e9)
    bound = one.stage()["data"]["bound"]
    assert bound == lower_bound(one.problem)
    assert one.lanes[0].meter.seconds == 0
    one.advance()
    one.set_cities([], list(range(20)), [])
    after = one.results()[0]
    assert after["bound"] == lower_bound(one.problem) < bound
    assert there(after["proved_gap"]) > 0


def test_the_stage_of_many_cities_does_not_wait_for_it() -> None:
    one = race(["annealing"], cities=1001, amount=1e7)
    assert one.stage()["data"]["bound"] is None
    assert one.results()[0]["bound"] == lower_bound(one.problem)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_tours_of_three_cities_are_both_looked_at(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KELVIN_UPLOADS", str(tmp_path / "uploads"))
    path = tmp_path / "few.atsp"
    rows = ["0 10 1", "1 0 10", "10 1 0"][:size]
    matrix = "\n".join(" ".join(row.split()[:size]) for row in rows)
    path.write_text(
        f"NAME: few\nTYPE: ATSP\nDIMENSION: {size}\nEDGE_WEIGHT_TYPE: EXPLICIT\n"
        f"EDGE_WEIGHT_FORMAT: FULL_MATRIX\nEDGE_WEIGHT_SECTION\n{matrix}\nEOF\n"
    )
    shown = []
    for seed in range(4):
        instance = {"name": "file", "token": of_path(str(path)).token}
        one = race(["annealing"], seed=seed, instance=instance)
        assert one.finished
        (row,) = one.results()
        assert row["best"] == row["bound"] == {1: 0, 2: 11, 3: 3}[size]
        shown.append(row["note"])
    assert set(shown) == {
        "There are only two tours, of which this is the shorter one."
        if size == 3
        else "There is only one tour: nothing to search."
    }
