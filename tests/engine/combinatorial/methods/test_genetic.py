"""The genetic algorithm: it finds optima, keeps its books exactly, and says when it is done."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.combinatorial import checks
from engine.combinatorial.instance import TourInstance
from engine.combinatorial.meter import Budget, Meter
from engine.combinatorial.methods.base import Stream
from engine.combinatorial.methods.genetic import Genetic, distinct, tour_of
from engine.combinatorial.race import CombinatorialRace
from engine.combinatorial.reading.tsplib import read_tsplib
from engine.combinatorial.tour_problem import TourProblem
from engine.errors import CannotRun
from tests.there import there

from ..support import instance, one_way_instance, race, shortest


def test_many_pairs_leave_tours_counts_and_lengths_exact() -> None:
    """Whole generations, with several cities at one place too: nothing drifts."""
    for n, side in ((8, 1000), (30, 3), (60, 10), (200, 1000)):
        cities = instance(n, n, side)
        problem = TourProblem(cities)
        method = Genetic(population=12)
        meter, stream = Meter(Budget()), Stream(4, "lane")
        state = method.begin(problem, problem.random_tour(1), meter, stream)
        lowest, number = state.lowest, 0
        while not state.over and number < 1500:
            number += 1
            method.step(state, problem, meter, stream, number)
            assert state.lowest is not None
            assert lowest is not None
            assert state.lowest <= lowest
            lowest = state.lowest
        tours = [tour_of(one) for one in state.links]
        assert [checks.length(cities, tour) for tour in tours] == state.lengths.tolist()
        assert checks.length(cities, state.best) == lowest == state.lengths.min()
        counts = np.zeros((n, n), int)
        for tour in tours:
            counts[tour, np.roll(tour, 1)] += 1
            counts[tour, np.roll(tour, -1)] += 1
        assert (counts == state.counts).all()
        share = counts[np.triu_indices(n)] / 12
        share = share[share > 0]
        assert state.entropy == pytest.approx(-(share * np.log(share)).sum(), abs=1e-9)


def test_tours_begun_elsewhere_or_turned_round_are_the_same() -> None:
    a = np.array([0, 3, 1, 4, 2, 5], np.int32)
    others = [np.roll(a, 2), a[::-1].copy(), np.roll(a[::-1], 4), np.array([0, 1, 2, 3, 4, 5])]
    assert [one.tolist() for one in distinct([a, *others])] == [a.tolist(), [0, 1, 2, 3, 4, 5]]


def run(one: CombinatorialRace) -> CombinatorialRace:
    while not one.finished:
        one.advance()
    return one


@pytest.mark.parametrize("crossover", ["eax", "ox"])
@pytest.mark.parametrize("selection", ["entropy", "greedy"])
def test_the_optimum_of_eight_and_nine_cities_is_found(crossover: str, selection: str) -> None:
    for n in (8, 9):
        lane = {"name": "genetic", "population": 8, "crossover": crossover, "selection": selection}
        one = run(race([lane], cities=n, seed=n))
        assert one.results()[0]["best"] == shortest(one.problem)
        assert "converged" in there(one.results()[0]["note"])


def test_it_goes_on_after_cities_were_moved_dropped_and_added() -> None:
    one = race([{"name": "genetic", "population": 20}], cities=60, amount=1e9)
    for at in (3, 30, 90):  # while the population grows, and when it is crossed
        while one.lanes[0].step < at:
            one.advance()
        one.set_cities([(0, 5e5, 5e5)], [7, 9], [(1e5, 1e5), (2e5, 9e5)])
        assert one.instance.size == 60
        state = one.lanes[0].state
        assert state is not None
        assert state.best is not None
        assert checks.length(one.instance, one.problem.outward(state.best)) == state.lowest
    result = run(one).results()[0]
    assert result["feasible"]
    assert result["trouble"] is None
    metrics = one.lanes[0].state.metrics if one.lanes[0].state else {}
    assert metrics["tours"] == 20


def test_it_refuses_what_it_cannot_cross() -> None:
    with pytest.raises(CannotRun, match="at least 8 cities"):
        race(["genetic"], cities=7)
    with pytest.raises(CannotRun, match=r"at most 5,000 cities.*iterated"):
        race(["genetic"], cities=5001)
    assert "direction" in (Genetic().refusal(one_way_instance(10)) or "")


def test_settings_turned_while_it_runs_count_from_the_next_pair_on() -> None:
    one = race([{"name": "genetic", "population": 10}], cities=50, amount=1e9)
    lane = one.lanes[0]
    while not lane.state or lane.state.metrics["generation"] < 1:
        one.advance()
    one.set_hyperparameter(0, "crossover", "ox")
    one.set_hyperparameter(0, "children", 7)
    before = lane.meter.evaluations, lane.meter.moves
    one.advance()
    assert (lane.meter.evaluations - before[0], lane.meter.moves - before[1]) == (7 * 50, 7)


def published(folder: Path, name: str) -> TourInstance:
    file = folder / "combinatorial" / "tsplib" / f"{name}.tsp"
    if not file.is_file():
        pytest.skip(f"no {name} here")
    return read_tsplib(file.read_text(), name)


@pytest.mark.parametrize(
    ("name", "population", "evaluations"),
    [
        ("berlin52", 100, 3e7),
        ("eil51", 100, 3e7),
        ("kroA100", 100, 3e7),
        ("ch150", 100, 3e7),
        ("a280", 100, 3e7),
        ("pcb442", 100, 6e7),
        pytest.param("pr1002", 300, 1e9, marks=pytest.mark.slow),
    ],
)
def test_it_finds_published_optima(
    kelvin_data: Path, name: str, population: int, evaluations: float
) -> None:
    problem = TourProblem(published(kelvin_data, name))
    known = problem.instance.known
    assert known is not None
    method, meter, stream = Genetic(population=population), Meter(Budget()), Stream(0, "lane")
    state = method.begin(problem, problem.random_tour(0), meter, stream)
    number = 0
    while meter.evaluations < evaluations and not state.over and state.lowest != known.value:
        number += 1
        method.step(state, problem, meter, stream, number)
    assert state.lowest == known.value
    assert checks.length(problem.instance, state.best) == known.value


def test_the_order_crossover_is_the_wrong_one(kelvin_data: Path) -> None:
    """At equal reads, all else alike, it stays far behind edge assembly."""
    problem = TourProblem(published(kelvin_data, "pcb442"))
    found = {}
    for crossover in ("eax", "ox"):
        method, meter = Genetic.model_validate({"crossover": crossover}), Meter(Budget())
        stream = Stream(0, "lane")
        state = method.begin(problem, problem.random_tour(0), meter, stream)
        number = 0
        while meter.evaluations < 4e7 and not state.over:
            number += 1
            method.step(state, problem, meter, stream, number)
        found[crossover] = state.lowest or 0
    assert found["eax"] == 50778
    assert found["ox"] > 50778 * 1.01
