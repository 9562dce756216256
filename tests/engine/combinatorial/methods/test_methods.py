"""Methods for tours: each finds the shortest tour of few cities, repeats itself exactly, and is
ahead of chance; temperatures follow their schedules.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from engine.combinatorial import checks
from engine.combinatorial.meter import Budget, Meter
from engine.combinatorial.methods import METHODS
from engine.combinatorial.methods.base import Stream
from engine.combinatorial.methods.cooling import Cooling
from engine.combinatorial.methods.tempering import Tempering, TemperingState
from engine.combinatorial.race import CombinatorialRace
from engine.combinatorial.tour_problem import TourProblem
from engine.errors import BadInput
from engine.messages.encoding import encode
from engine.schedules import PLANNED, SCHEDULES
from tests.there import there

from ..support import instance, measured, one_way_instance, race, shortest

OURS = [cls.name for cls in METHODS if not cls.outside and "tour" in cls.solves]
SEARCHING = [name for name in OURS if METHODS.get(name).family in ("Annealing", "Local search")]


def finished(one: CombinatorialRace) -> CombinatorialRace:
    for _ in one:
        pass
    return one


@pytest.mark.parametrize("name", SEARCHING)
@pytest.mark.parametrize("size", [4, 5, 7, 8])
def test_few_cities_are_solved(name: str, size: int) -> None:
    if size < METHODS.get(name).least:
        pytest.skip("it needs more cities, and says so")
    one = finished(race([name], cities=size, amount=2e6))
    row = one.results()[0]
    assert row["feasible"]
    assert row["best"] == shortest(one.problem)


@pytest.mark.parametrize("name", OURS)
def test_a_lane_repeats_itself_in_any_place(name: str) -> None:
    """First or second, against whom ever: the same tours after the same steps."""
    alone = finished(race([name], amount=4e5))
    other = "random-search" if name != "random-search" else "annealing"
    second = finished(race([other, name], amount=4e5))
    assert alone.results()[0]["steps"] > 1
    left, right = alone.results()[0], second.results()[1]
    for key in ("best", "moves", "evaluations", "steps"):
        assert left[key] == right[key], key
    one, two = alone.best(alone.lanes[0]), second.best(second.lanes[1])
    assert one is not None
    assert two is not None
    assert np.array_equal(one[0], two[0])


@pytest.mark.parametrize("name", OURS)
def test_the_same_race_has_the_same_bytes(name: str) -> None:
    def told() -> list[bytes]:
        one = race([name, name], amount=3e5)
        messages = [encode(one.stage())]
        for frame in one:
            rows = [{**row, "seconds": 0} for row in frame.metrics["lanes"]]
            messages.append(encode({**frame.metrics, "clock": 0, "lanes": rows}))
            messages.append(encode(frame.picture or {}))
        return messages

    assert told() == told()


@pytest.mark.parametrize("name", OURS)
def test_the_tours_shown_are_as_long_as_is_said(name: str) -> None:
    more: dict[str, Any] = {"population": 4} if name == "genetic" else {}
    one = race([{"name": name, **more}], cities=40, amount=4e5)
    lane = one.lanes[0]
    for step in range(600):
        if one.finished:
            break
        one.advance()
        for tour, length in (
            (one.present(lane), lane.state and lane.state.current),
            one.best(lane) or (None, None),
        ):
            if tour is not None:
                assert checks.length(one.instance, tour) == length, f"step {step + 1}"


def test_another_seed_is_another_race() -> None:
    results = {
        finished(race(["annealing"], cities=200, amount=2e5, seed=seed)).results()[0]["best"]
        for seed in range(4)
    }
    assert len(results) > 1


@pytest.mark.parametrize("name", SEARCHING)
def test_a_search_is_far_ahead_of_chance(name: str) -> None:
    one = finished(race([name, "random-search"], cities=100, amount=4e6))
    ours, chance = one.results()
    assert there(ours["best"]) < 0.35 * there(chance["best"])


@pytest.mark.parametrize("schedule", list(SCHEDULES))
def test_every_schedule_cools_and_finds_good_tours(schedule: str) -> None:
    """Within 6 % of the best that any of them finds; the coldest moment is late."""
    one = race([{"name": "annealing", "schedule": schedule}], cities=100, amount=2e7, marks=50)
    temperatures = [frame.metrics["lanes"][0]["temperature"] for frame in one]
    state = one.lanes[0].state
    assert state is not None
    assert min(temperatures) == pytest.approx(min(temperatures[-25:]))
    best = there(one.results()[0]["best"])
    found = finished(race(["iterated"], cities=100, amount=2e7)).results()[0]["best"]
    reference = there(found)
    assert best <= 1.06 * reference


@pytest.mark.parametrize("schedule", list(PLANNED))
def test_a_plan_begins_and_ends_where_it_says(schedule: Any) -> None:
    cooling = Cooling(50.0, 2.0, 50.0)
    assert cooling.cool(schedule, 0.0) == pytest.approx(50.0)
    middle = cooling.cool(schedule, 0.5)
    assert 2.0 < middle < 50.0
    assert cooling.cool(schedule, 1.0) == pytest.approx(2.0)


def test_heat_fades_within_a_tenth_of_the_budget() -> None:
    cooling = Cooling(50.0, 2.0, 50.0)
    cooling.cool("geometric", 0.5)
    plan = cooling.temperature
    cooling.reheat("geometric", 10.0)
    assert cooling.temperature == pytest.approx(10 * plan)
    later = cooling.cool("geometric", 0.6)
    assert later == pytest.approx((cooling.plan or 0) * 10**0.1)


def test_a_step_of_cooling_listens_to_mean_and_spread() -> None:
    """Against NumPy on the lengths themselves."""
    lengths = np.array([100.0, 104.0, 98.0, 98.0])
    cooling = Cooling(5.0, 1.0, 5.0)
    away = lengths - 100
    cooling.listen(100, 4, 2, np.array([away.sum(), (away**2).sum()]))
    assert cooling.mean == pytest.approx(lengths.mean())
    assert cooling.length_std == pytest.approx(lengths.std())
    assert cooling.recent_acceptance == 0.5


def test_neighbours_on_the_ladder_swap_as_often_as_they_should() -> None:
    """Two rungs with fixed lengths: the share of swaps is min(1, exp(Δβ ΔE))."""
    problem = TourProblem(instance(20, 1))
    method = Tempering(replicas=2)
    meter = Meter(Budget(currency="evaluations", amount=1e9))
    state = method.begin(problem, problem.random_tour(1), meter, Stream(0, "x"))
    ladder = np.array([10.0, 30.0])
    rng = np.random.default_rng(3)
    for energies in ((100, 105), (100, 140), (120, 100)):
        swaps, rounds = 0, 4000
        for _ in range(rounds):
            for chain, energy in zip(state.chains, energies, strict=True):
                chain.numbers[0] = energy
            state.rung[:], state.rounds = (0, 1), 0
            method.swap(state, ladder, rng)
            swaps += int(state.rung[0] == 1)
        expected = min(1.0, math.exp((1 / 10 - 1 / 30) * (energies[0] - energies[1])))
        assert swaps / rounds == pytest.approx(expected, abs=0.03)


def test_the_rungs_keep_their_law_together() -> None:
    """The lengths on every rung of tempering have the mean that Boltzmann's law gives there."""
    one = race(
        [
            {
                "name": "tempering",
                "replicas": 3,
                "neighbours": 5,
                "hottest_temperature": 1.0,
                "coldest_temperature": 0.3,
            }
        ],
        cities=6,
        amount=1e8,
    )
    import itertools

    problem = one.problem
    everything = np.array(
        [measured(problem, (0, *rest)) for rest in itertools.permutations(range(1, 6))], np.float64
    )
    lane, total, count = one.lanes[0], np.zeros(3), 0
    while lane.step < 6000:
        one.advance()
        state = lane.state
        assert isinstance(state, TemperingState)
        if state.turn == 0 and lane.step > 30:
            total += state.vectors["energies"]
            count += 1
    assert isinstance(lane.state, TemperingState)
    assert isinstance(lane.method, Tempering)
    for rung, temperature in enumerate(lane.method.ladder(lane.state)):
        weights = np.exp(-(everything - everything.min()) / temperature)
        mean = (weights * everything).sum() / weights.sum()
        spread = math.sqrt((weights * (everything - mean) ** 2).sum() / weights.sum())
        assert total[rung] / count == pytest.approx(mean, abs=6 * spread / math.sqrt(count))


@pytest.mark.parametrize("name", OURS)
def test_budgets_in_evaluations_are_kept(name: str) -> None:
    one = finished(race([name], cities=100, amount=1e6))
    row = one.results()[0]
    step = there(row["evaluations"]) / row["steps"]
    assert there(row["evaluations"]) >= 1e6
    assert there(row["evaluations"]) <= 1e6 + 3 * step + 2000


@pytest.mark.parametrize("name", OURS)
def test_every_method_says_what_it_is(name: str) -> None:
    cls = METHODS.get(name)
    assert cls.sentence.endswith(".")
    assert cls.paper
    assert 2 <= len(cls.phases) <= 5
    assert cls.sees in ("price", "delta", "map", "model", "relaxation")


def one_way_problem(size: int) -> tuple[TourProblem, Any, Meter, Stream]:
    problem = TourProblem(one_way_instance(size, 1))
    tour, _ = problem.first("random", 0)
    meter = Meter(Budget(currency="evaluations", amount=1e6))
    return problem, tour, meter, Stream(0, "kick")


@pytest.mark.parametrize("name", ["annealing", "tempering", "iterated"])
def test_a_kick_where_distances_depend_on_the_direction(name: str) -> None:
    problem, tour, meter, stream = one_way_problem(12)
    lane = METHODS.build(name)
    state = lane.begin(problem, tour, meter, stream)
    for step in range(1, 40):
        lane.step(state, problem, meter, stream, step)
    before = state.tour.copy()
    assert lane.kicks
    assert lane.kick(state, problem, stream, 40)
    assert not np.array_equal(state.tour, before)
    assert sorted(state.tour.tolist()) == list(range(12))
    assert state.current == measured(problem, state.tour)
    for step in range(41, 60):
        lane.step(state, problem, meter, stream, step)
        assert state.current == measured(problem, state.tour)
        assert state.lowest == measured(problem, state.best)


@pytest.mark.parametrize("name", OURS)
def test_a_kick_that_is_refused_changes_nothing(name: str) -> None:
    runs = []
    for kicked in (False, True):
        one = race([name], cities=7 if METHODS.get(name).least <= 7 else 40, amount=4e5)
        shown = one.stage()["lanes"][0]["kicks"]
        one.advance()
        if kicked and not shown:
            with pytest.raises(BadInput, match="a lane that changes one tour, of at least 8"):
                one.kick(0)
            assert one.done == []
        finished(one)
        runs.append(one.results()[0] | {"seconds": 0})
    assert runs[0] == runs[1]
