"""Aircraft landing: times against linear programs, moves against recomputation, all orders, checks,
races.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.combinatorial import checks
from engine.combinatorial.answers import written
from engine.combinatorial.experiment import CombinatorialExperiment
from engine.combinatorial.instances import INSTANCES, of_path
from engine.combinatorial.kernels.counters import ACCEPTED, CURRENT, LOWEST, MOVES, READS
from engine.combinatorial.landing_instance import LandingInstance
from engine.combinatorial.landing_problem import LandingProblem, obeys_triangle
from engine.combinatorial.meter import Budget, Meter
from engine.combinatorial.problem import NOTHING
from engine.combinatorial.race import CombinatorialRace
from engine.errors import BadInput, CannotRun
from tests.engine.combinatorial.landing_support import (
    by_integers,
    by_program,
    cheapest,
    instance,
)
from tests.there import there


def chain_of(one: LandingInstance, seed: int = 0, start: str = "random") -> Any:
    problem = LandingProblem(one)
    return problem.chain(problem.first(start, seed)[0], 8, Meter(Budget()))


def orders_of(chain: Any) -> list[list[int]]:
    return [chain.order[r, :count].tolist() for r, count in enumerate(chain.sizes.tolist())]


def walk(chain: Any, count: int, temperature: float, seed: int, shape: float = 1.0) -> Any:
    sums = np.zeros(2)
    chain.walk((temperature, shape), count, sums, np.array([2 * seed + 1], np.uint64))
    return sums


@pytest.mark.parametrize("triangle", [True, False])
@pytest.mark.parametrize("runways", [1, 2])
def test_times_cost_what_a_linear_program_says(triangle: bool, runways: int) -> None:
    for seed in range(40):
        one = instance(1 + seed % 13, seed, triangle, runways, wide=seed % 3 == 0)
        chain = chain_of(one, seed)
        late = float(chain.problem.law[0])
        assert obeys_triangle(chain.problem.separation) or not triangle
        exact = by_program(one, orders_of(chain), late)
        assert chain.numbers[CURRENT] == pytest.approx(exact, abs=1e-6)
        if triangle:  # neighbours alone are enough
            assert by_program(one, orders_of(chain), late, pairs=False) == pytest.approx(exact)


def test_pairs_that_are_no_neighbours_count() -> None:
    """As in airland8: neighbours are far enough apart, the first and the last plane are not."""
    apart = np.array([[0, 1, 15], [1, 0, 1], [15, 1, 0]], np.int32)
    times = np.array([100, 101, 102])
    ones = np.ones(3, np.int64)
    one = LandingInstance("l", "l", times - 50, times, times + 50, ones, ones, apart)
    chain = chain_of(one, start="greedy")
    assert not chain.problem.triangle
    assert by_program(one, orders_of(chain), 12, pairs=False) == 0
    assert chain.numbers[CURRENT] == 13
    walk(chain, 2_000, 3.0, 0)
    assert chain.numbers[LOWEST] == 13
    assert checks.length(one, chain.problem.outward(chain.best)) == 13


@pytest.mark.parametrize("triangle", [True, False])
@pytest.mark.parametrize("runways", [1, 2, 3])
def test_every_move_changes_the_energy_by_what_it_counts(triangle: bool, runways: int) -> None:
    for planes in (2, 3, 15):
        one = instance(planes, planes, triangle, runways, wide=planes == 3)
        chain = chain_of(one)
        problem, lowest = chain.problem, int(chain.numbers[LOWEST])
        for step in range(700):
            before, accepted = int(chain.numbers[CURRENT]), int(chain.numbers[ACCEPTED])
            shape = 0.5 if step % 4 == 0 else 1.0
            walk(chain, 1, problem.unit * (0.05 + 0.3 * (step % 5)), step, shape)
            again = problem.chain(chain.present, 8, Meter(Budget()))
            assert chain.numbers[CURRENT] == again.numbers[CURRENT]
            assert np.array_equal(chain.prices, again.prices)
            assert sorted(chain.present[:planes].tolist()) == list(range(planes))
            if chain.numbers[ACCEPTED] == accepted:
                assert chain.numbers[CURRENT] == before
            if chain.violation == 0:
                lowest = min(lowest, int(chain.numbers[CURRENT]))
            assert chain.numbers[LOWEST] == lowest
        if lowest < NOTHING:
            found = problem.outward(chain.best)
            assert checks.length(one, found) == lowest
            assert problem.price(problem.inward(found)) == lowest


def test_a_hundred_thousand_moves_add_up() -> None:
    for one in (instance(50, 1, wide=True), instance(40, 2, triangle=False, runways=2)):
        chain = chain_of(one, start="greedy")
        for step in range(100):
            walk(chain, 1_000, chain.problem.unit * (1.0 - step / 101), step)
            assert chain.numbers[CURRENT] == chain.problem.price(chain.present)
        assert chain.numbers[MOVES] == 100_000
        assert chain.numbers[READS] > 100_000
        if chain.numbers[LOWEST] < NOTHING:
            found = chain.problem.outward(chain.best)
            assert checks.length(one, found) == chain.numbers[LOWEST]


@pytest.mark.parametrize(
    ("planes", "runways", "triangle"), [(5, 1, True), (5, 1, False), (4, 2, True), (4, 2, False)]
)
def test_the_best_of_all_orders_is_found(planes: int, runways: int, triangle: bool) -> None:
    for seed in range(2):
        one = instance(planes, seed, triangle, runways, wide=True)
        chain = chain_of(one, seed)
        best = cheapest(one, float(chain.problem.law[0]))
        for step, temperature in enumerate(np.geomspace(1.0, 0.02, 20)):
            walk(chain, 1_000, float(temperature) * chain.problem.unit, step)
        assert chain.numbers[LOWEST] == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_the_optimum_is_found_where_all_pairs_count_and_never_undercut(seed: int) -> None:
    """As in airland8, where it is not enough that neighbours are far enough apart."""
    rng = np.random.default_rng(seed)
    one = instance(9, seed, wide=True)
    apart = one.separation.copy()
    for _ in range(12):
        ahead, behind = rng.choice(9, 2, replace=False)
        apart[ahead, behind] += 20
    target = np.sort(rng.integers(0, 40, 9))
    one = replace(one, separation=apart, target=target, earliest=target - 30, latest=target + 400)
    assert not LandingProblem(one).triangle
    best = by_integers(one)
    chain = chain_of(one, seed)
    for step, temperature in enumerate(np.geomspace(2.0, 0.02, 40)):
        walk(chain, 2_000, float(temperature) * chain.problem.unit, step)
        assert chain.numbers[LOWEST] >= best
    assert chain.numbers[LOWEST] == best
    assert checks.length(one, chain.problem.outward(chain.best)) == best


def test_long_rows_of_planes_wait_for_each_other() -> None:
    """More breakpoints than are kept: all planes want to land at once."""
    n = 150
    rng = np.random.default_rng(0)
    one = LandingInstance(
        "l",
        "l",
        np.full(n, -10_000),
        rng.integers(0, 3_000, n),
        np.full(n, 10**6),
        rng.integers(1, 9, n),
        rng.integers(1, 9, n),
        np.full((n, n), 40, np.int32),
    )
    chain = chain_of(one, start="greedy")
    assert chain.numbers[CURRENT] == pytest.approx(
        by_program(one, orders_of(chain), float(chain.problem.law[0]), pairs=False)
    )
    for step in range(300):
        walk(chain, 20, chain.problem.unit * 3, step)
        assert chain.numbers[CURRENT] == chain.problem.price(chain.present)


def test_the_check_refuses_mutants() -> None:
    one = instance(6, 3, runways=2, wide=True)
    chain = chain_of(one, start="greedy")
    walk(chain, 5_000, chain.problem.unit * 0.2, 0)
    good = chain.problem.outward(chain.best)
    assert checks.check(one, good) == []

    def mutant(**changes: int) -> Any:
        found = good.copy()
        for place, value in changes.items():
            found[int(place[1:])] = value
        return found

    for wrong, why in (
        (mutant(p0=int(one.earliest[0]) - 1), "before its earliest time: plane 0"),
        (mutant(p3=int(one.latest[3]) + 1), "after its latest time: plane 3"),
        (mutant(p6=2), "on no runway: plane 0"),
        (mutant(p6=-1), "on no runway: plane 0"),
        (good[:-1], "not a list of 6 times and 6 runways"),
        (good.astype(float), "whole numbers"),
    ):
        assert why in "; ".join(checks.check(one, wrong))
        with pytest.raises(ValueError, match="no landings of l"):
            checks.length(one, wrong)
    # a pair too close, whoever is between
    apart = np.array([[0, 1, 15], [1, 0, 1], [15, 1, 0]], np.int32)
    times = np.array([100, 101, 102])
    close = LandingInstance("l", "l", times, times, times + 50, times, times, apart)
    assert checks.check(close, [100, 101, 102, 0, 0, 0]) == ["too close: planes 0 and 2"]
    assert checks.check(close, [100, 101, 114, 0, 0, 0]) == ["too close: planes 0 and 2"]
    assert checks.check(close, [100, 101, 115, 0, 0, 0]) == []


def test_separations_may_depend_on_who_is_first() -> None:
    apart = np.array([[0, 5], [50, 0]], np.int32)
    times = np.array([100, 100])
    one = LandingInstance("l", "l", times - 99, times, times + 99, times, times, apart)
    chain = chain_of(one)
    walk(chain, 500, 1_000.0, 0)
    assert chain.numbers[LOWEST] == 500
    assert checks.check(one, [100, 105, 0, 0]) == []
    assert checks.check(one, [105, 100, 0, 0]) == ["too close: planes 0 and 1"]


@pytest.mark.parametrize("planes", [2, 40, 300])
def test_a_stream_of_planes_is_what_it_says(planes: int) -> None:
    one = INSTANCES.build({"name": "landings", "planes": planes, "runways": 2}).load()
    assert (one.size, one.runways) == (planes, 2)
    assert obeys_triangle(one.separation)
    assert (one.earliest <= one.target).all()
    assert (one.target <= one.latest).all()
    again = INSTANCES.build({"name": "landings", "planes": planes, "runways": 1}).load()
    assert np.array_equal(again.separation, one.separation)


def test_a_stream_stays_the_same_for_ever() -> None:
    one = INSTANCES.build("landings").load()
    assert one.target[:5].tolist() == TARGETS


TARGETS = [711, 836, 949, 977, 1048]


def race(lanes: list[Any], amount: float = 2e6, **more: Any) -> CombinatorialRace:
    value = {
        "instance": {"name": "landings", "planes": 25, "runways": 2},
        "lanes": lanes,
        "budget": {"currency": "evaluations", "amount": amount},
    }
    return CombinatorialRace(CombinatorialExperiment.parse(value | more), marks=5)


def test_a_race_is_the_same_twice_and_its_answers_hold() -> None:
    runs = []
    for _ in range(2):
        one = race(["annealing", "tempering"])
        frames = list(one)
        for lane, row in zip(one.lanes, one.results(), strict=True):
            found = one.best(lane)
            assert found is not None
            assert row["feasible"]
            assert row["best"] == checks.length(one.instance, found[0])
        runs.append([[row | {"seconds": 0} for row in frame.metrics["lanes"]] for frame in frames])
    assert repr(runs[0]) == repr(runs[1])


def test_events_are_repeated_and_the_stage_tells_of_planes() -> None:
    from engine.combinatorial.interventions import parse_events

    one = race(["tempering"])
    data = one.stage()["data"]
    assert (data["kind"], data["size"], data["runways"]) == ("landing", 25, 2)
    assert data["windows"].shape == (25, 3)
    for _ in range(5):
        one.advance()
    one.kick(0)
    one.reheat(0, 3.0)
    for _ in one:
        pass
    again = CombinatorialRace(one.began, events=parse_events(one.done))
    for _ in again:
        pass
    assert again.results()[0]["best"] == one.results()[0]["best"]
    picture = one.picture(0)["lanes"][0]
    assert checks.check(one.instance, picture["best"]) == []
    assert len(picture["current"]) == 50


def test_planes_that_cannot_all_land_have_no_price() -> None:
    times = np.full(5, 100)
    apart = np.full((5, 5), 30, np.int32)
    one = LandingInstance("l", "l", times, times, times + 60, times, times, apart)
    chain = chain_of(one)
    walk(chain, 5_000, chain.problem.unit, 0)
    assert chain.numbers[LOWEST] == NOTHING
    assert chain.violation > 0


def test_one_plane_lands_on_time() -> None:
    chain = chain_of(instance(1, 0))
    walk(chain, 1_000, 1.0, 0)
    assert chain.numbers[LOWEST] == 0
    assert not chain.kick(0)


def test_methods_for_tours_are_refused() -> None:
    for name in ("iterated", "random-search", "highs", "fast-tsp"):
        with pytest.raises(CannotRun, match="annealing, tempering"):
            race([name], 1.0, budget={"currency": "seconds", "amount": 1.0})


def test_landings_are_written_as_a_table() -> None:
    one = instance(6, 3, runways=2, wide=True)
    chain = chain_of(one, start="greedy")
    found = chain.problem.outward(chain.best)
    suffix, text = written(one, found, "x", checks.length(one, found))
    lines = [line.split(",") for line in text.splitlines()]
    assert suffix == ".csv"
    assert lines[0] == ["plane", "runway", "time", "target", "cost"]
    assert sum(int(line[4]) for line in lines[1:]) == checks.length(one, found)


@pytest.fixture
def airland(kelvin_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = kelvin_data / "combinatorial" / "aircraft-landing"
    if not folder.is_dir():
        pytest.skip("no files of the OR-Library here")
    monkeypatch.setenv("KELVIN_UPLOADS", str(tmp_path))
    return folder


@pytest.mark.parametrize(
    ("name", "runways", "price"),
    [
        ("airland1", 1, 700),
        ("airland1-planes-first", 1, 700),
        ("airland1", 2, 90),
        ("airland1", 3, 0),
        ("airland2", 1, 1480),
        ("airland3", 1, 820),
        ("airland4", 1, 2520),
        ("airland5", 1, 3100),
        ("airland6", 1, 24442),
        ("airland7", 1, 1550),
        ("airland9", 1, 561170),
    ],
)
def test_known_prices_are_reached_and_never_undercut(
    airland: Path, name: str, runways: int, price: int
) -> None:
    token = of_path(str(airland / f"{name}.txt")).token
    value = {
        "instance": {"name": "file", "token": token, "runways": runways},
        "lanes": ["annealing"],
        "budget": {"currency": "evaluations", "amount": 4e6 if name != "airland9" else 6e7},
    }
    one = CombinatorialRace(CombinatorialExperiment.parse(value), marks=1)
    for _ in one:
        pass
    row = one.results()[0]
    assert row["known"] == price
    assert there(row["best"]) >= price
    assert there(row["best"]) <= price * (1.0001 if name == "airland9" else 1)


def test_runways_are_for_planes_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KELVIN_UPLOADS", str(tmp_path / "uploads"))
    path = tmp_path / "a.csv"
    path.write_text("x,y\n0,0\n1,0\n1,1\n0,1\n")
    config = INSTANCES.build({"name": "file", "token": of_path(str(path)).token, "runways": 2})
    with pytest.raises(BadInput, match=r"^instance\.runways: 2"):
        config.load()
