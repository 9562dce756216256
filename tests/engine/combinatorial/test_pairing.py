"""Crew pairing: what a move changes, the cheapest covers, checks, races, the timetable."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.combinatorial import checks
from engine.combinatorial.answers import written
from engine.combinatorial.experiment import CombinatorialExperiment
from engine.combinatorial.instance import Known
from engine.combinatorial.instances import INSTANCES, of_path
from engine.combinatorial.kernels.counters import ACCEPTED, CURRENT, LOWEST, MOVES, READS
from engine.combinatorial.meter import Budget, Meter
from engine.combinatorial.methods import METHODS
from engine.combinatorial.methods.base import Stream
from engine.combinatorial.outside import highs
from engine.combinatorial.pairing_instance import PairingInstance
from engine.combinatorial.pairing_problem import PairingProblem
from engine.combinatorial.problem import NOTHING
from engine.combinatorial.race import CombinatorialRace
from engine.combinatorial.timetable import BRIEFING, CONNECTION, DUTY
from engine.errors import CannotRun
from tests.engine.combinatorial.pairing_support import (
    cheapest,
    energy,
    instance,
    of_columns,
    optimum,
    with_a_dear_part,
    with_dear_columns,
)
from tests.there import there


def chain_of(one: PairingInstance, seed: int = 0) -> Any:
    problem = PairingProblem(one)
    first, _ = problem.first("random", seed)
    return problem.chain(first, 8, Meter(Budget()))


def walk(chain: Any, count: int, temperature: float, seed: int, shape: float = 1.0) -> Any:
    sums, state = np.zeros(2), np.array([2 * seed + 1], np.uint64)
    chain.walk((temperature, shape), count, sums, state)
    return sums


@pytest.mark.parametrize("rows", [1, 2, 5, 17, 60])
@pytest.mark.parametrize("ties", [False, True])
def test_every_move_changes_the_energy_by_what_it_counts(rows: int, ties: bool) -> None:
    one = instance(rows, 3 * rows + 2, rows, ties)
    chain = chain_of(one)
    penalty, lowest = chain.penalty, int(chain.numbers[LOWEST])
    for step in range(2_000):
        before, accepted = int(chain.numbers[CURRENT]), int(chain.numbers[ACCEPTED])
        walk(chain, 1, (0.2 + step % 7) * chain.problem.unit, step, 0.5 if step % 3 == 0 else 1.0)
        now, charged = energy(one, chain.present, chain.penalty), penalty
        penalty = chain.penalty
        assert chain.numbers[CURRENT] == now
        if chain.numbers[ACCEPTED] == accepted and penalty == charged:
            assert now == before
        bare = set(np.flatnonzero(chain.present < 0).tolist())
        assert set(chain.bare[: chain.violation].tolist()) == bare
        assert all(chain.place[row] < 0 for row in range(rows) if row not in bare)
        if not bare:
            lowest = min(lowest, now)
        assert chain.numbers[LOWEST] == lowest
        if lowest < NOTHING:
            assert energy(one, chain.best, 0) == lowest
            assert (chain.best >= 0).all()


def test_a_hundred_thousand_moves_add_up() -> None:
    one = instance(40, 300, 3)
    chain = chain_of(one)
    for step in range(1_000):
        walk(chain, 100, chain.problem.unit * 2.0, step)
        assert chain.numbers[CURRENT] == energy(one, chain.present, chain.penalty)
    assert chain.numbers[MOVES] == 100_000
    assert chain.numbers[READS] > 100_000


def test_sums_are_those_of_the_energies() -> None:
    one = instance(12, 60, 5)
    chain, again = chain_of(one), chain_of(one)
    first, state = int(chain.numbers[CURRENT]), np.array([7], np.uint64)
    sums, away = np.zeros(2), []
    chain.walk((200.0, 1.0), 500, sums, state)
    state = np.array([7], np.uint64)
    for _ in range(500):
        away.append(int(again.numbers[CURRENT]) - first)
        again.walk((200.0, 1.0), 1, np.zeros(2), state)
    assert sums.tolist() == [sum(away), sum(x * x for x in away)]


@pytest.mark.parametrize("seed", range(12))
def test_the_cheapest_cover_is_found(seed: int) -> None:
    one = instance(7, 18, seed, ties=seed % 2 == 1)
    best = cheapest(one)
    chain = chain_of(one)
    for step, temperature in enumerate(np.linspace(2.5, 0.3, 30)):
        walk(chain, 2_000, float(temperature) * chain.problem.unit, step)
    if best is None:
        assert chain.numbers[LOWEST] == NOTHING
    else:
        assert chain.numbers[LOWEST] == best
        found = chain.problem.outward(chain.best)
        assert checks.length(one, found) == best
        assert np.array_equal(chain.problem.inward(found), chain.best)


def raced(one: PairingInstance, method: str, evaluations: float, seed: int) -> Any:
    """The state of a method after a whole budget on an instance."""
    budget = Budget(currency="evaluations", amount=evaluations)
    problem: Any = PairingProblem(one)
    meter, stream, lane = Meter(budget), Stream(seed, method), METHODS.build(method)
    state = lane.begin(problem, problem.first("random", seed)[0], meter, stream)
    step = 0
    while meter.progress < 1:
        step += 1
        lane.step(state, problem, meter, stream, step)
    return state


@pytest.mark.parametrize("method", ["annealing", "tempering"])
@pytest.mark.parametrize("dear", [60, 120, 1000, 100_000])
def test_a_cover_is_found_that_needs_a_dear_column(method: str, dear: int) -> None:
    one = with_dear_columns(dear, 1)
    best = optimum(one)
    for seed in range(3):
        state = raced(one, method, 2e7, seed)
        assert state.best is not None, "rows stayed bare"
        found = np.unique(state.best)
        assert checks.length(one, found) == state.lowest >= best
        assert state.lowest <= 1.02 * best


@pytest.mark.parametrize("method", ["annealing", "tempering"])
def test_a_cover_is_found_with_many_dear_columns(method: str) -> None:
    one = with_a_dear_part(0)
    state = raced(one, method, 1e7, 0)
    assert state.best is not None, "rows stayed bare"
    assert optimum(one) <= state.lowest <= 1.1 * optimum(one)


@pytest.mark.parametrize("seed", range(6))
def test_a_row_that_one_dear_column_covers_is_covered(seed: int) -> None:
    rows = [[0, 1], [2, 3], [1, 2], [4, 5], [4], [0, 1]]
    one = of_columns(6, rows, [1, 1000, 2, 2, 1, 1])
    assert raced(one, "annealing", 2e6, seed).lowest == optimum(one)


def test_bare_rows_are_no_cheaper_than_at_first_and_cost_no_more_than_the_roof() -> None:
    one = with_dear_columns(1000, 1)
    chain, seen = chain_of(one), set()
    for step in range(600):
        walk(chain, 2_000, 0.5 * chain.problem.unit, step)
        seen.add(chain.penalty)
        assert chain.numbers[CURRENT] == energy(one, chain.present, chain.penalty)
    assert min(seen) >= chain.problem.penalty
    assert 800 < max(seen) <= 1.2 * chain.problem.roof


def test_a_kick_charges_bare_rows_what_they_cost_now() -> None:
    one = with_dear_columns(1000, 1)
    chain = chain_of(one)
    for step in range(60):
        walk(chain, 2_000, 0.5 * chain.problem.unit, step)
    assert chain.penalty > chain.problem.penalty
    chain.kick(3)
    assert chain.numbers[CURRENT] == energy(one, chain.present, chain.penalty)


@pytest.mark.parametrize("start", ["random", "greedy"])
def test_first_packings_have_no_room_left(start: str) -> None:
    one = instance(30, 200, 1)
    problem = PairingProblem(one)
    owner, reads = problem.first(start, 4)
    assert reads == len(one.entries)
    assert energy(one, owner, problem.penalty) == problem.price(owner)
    for column in range(one.columns):
        assert (owner[one.rows_of(column)] >= 0).any()


def test_the_check_refuses_mutants() -> None:
    one = of_columns(4, [[0, 1], [2, 3], [1, 2], [0], [3]], [5, 6, 1, 1, 1])
    assert checks.check(one, [0, 1]) == []
    assert checks.length(one, np.array([2, 3, 4])) == 3
    for columns, why in (
        ([0, 1, 2], "covered more than once: row 1, 2"),  # two crews on a leg
        ([0, 0, 1], "covered more than once: row 0, 1"),
        ([0], "not covered: row 2, 3"),
        ([], "not covered: row 0, 1, 2, 3"),
        ([0, 1, 5], "there is no column 5: they are numbered 0 to 4"),
        ([-1, 0, 1], "there is no column -1"),
        ([0.0, 1.0], "not a list of whole numbers"),
        ([[0, 1]], "not a list of whole numbers"),
    ):
        assert why in "; ".join(checks.check(one, columns))
        with pytest.raises(ValueError, match="no cover of p"):
            checks.length(one, columns)


def race(lanes: list[Any], amount: float = 3e6, currency: str = "evaluations", **more: Any) -> Any:
    value = {
        "instance": {"name": "timetable", "legs": 60},
        "lanes": lanes,
        "budget": {"currency": currency, "amount": amount},
    }
    return CombinatorialRace(CombinatorialExperiment.parse(value | more), marks=5)


def test_a_race_is_the_same_twice_and_its_answers_hold() -> None:
    runs = []
    for _ in range(2):
        one = race(["annealing", "tempering"])
        runs.append([frame.metrics | {"clock": 0} for frame in one])
        for lane, row in zip(one.lanes, one.results(), strict=True):
            found = one.best(lane)
            assert found is not None
            assert row["feasible"]
            assert row["best"] == checks.length(one.instance, found[0])
            assert row["violation"] == 0
        for frame in runs[-1]:
            for row in frame["lanes"]:
                row["seconds"] = 0
    assert repr(runs[0]) == repr(runs[1])


def test_events_are_repeated() -> None:
    one = race(["annealing"])
    for _ in range(10):
        one.advance()
    one.kick(0)
    one.reheat(0, 3.0)
    one.set_hyperparameter(0, "final_temperature", 0.2)
    for _ in one:
        pass
    from engine.combinatorial.interventions import parse_events

    again = CombinatorialRace(one.began, events=parse_events(one.done))
    for _ in again:
        pass
    assert again.results()[0]["best"] == one.results()[0]["best"]
    assert again.lanes[0].meter.evaluations == one.lanes[0].meter.evaluations


def test_the_stage_tells_of_legs_and_columns() -> None:
    one = race(["annealing"])
    data = one.stage()["data"]
    assert (data["kind"], data["size"], data["rows"]) == ("pairing", 60, 60)
    assert {len(data["legs"][key]) for key in ("start", "end", "from", "to")} == {60}
    assert len(data["columns"]["costs"]) == one.instance.columns
    assert data["places"][0] == "Hub"
    for _ in one:
        pass
    picture = one.picture(0)["lanes"][0]
    assert checks.check(one.instance, picture["best"]) == []
    now = picture["current"]
    move = one.observer.move_message(one.lanes[0], now, now, 0, 0)
    assert move["rise"] == 0


def test_slow_motion_makes_one_move() -> None:
    one = race(["annealing"])
    message = one.step_in_phases(one.lanes[0], 0)
    assert one.lanes[0].meter.accepted == 1
    assert message["type"] == "move"


def test_highs_proves_its_answer_and_others_learn_it() -> None:
    one = race(["highs", "annealing"], 2.0, "seconds")
    for _ in one:
        pass
    highs, annealing = one.results()
    assert highs["best"] == highs["bound"] == highs["known"]
    assert highs["stopped"].startswith("HiGHS proved ")
    assert highs["stopped"].endswith(" optimal.")
    assert annealing["best"] >= highs["best"]
    assert annealing["gap"] >= 0
    assert one.metrics(0)["bound"] == highs["best"]
    one.close()


class Told:
    """What a solver reports, in order."""

    def __init__(self) -> None:
        self.bounds: list[int] = []

    def __call__(self, columns: Any) -> None:
        """Take a cover."""

    def bound(self, price: int) -> None:
        """Take a bound."""
        self.bounds.append(price)

    def infeasible(self) -> None:
        """Take that there is no cover."""
        raise AssertionError("there is a cover")


def test_highs_tells_its_bound_as_it_rises() -> None:
    one, told = with_a_dear_part(0), Told()
    highs.solve(one, 60.0, told, lambda: 60.0)  # type: ignore[arg-type]
    assert len(told.bounds) > 1
    assert told.bounds == sorted(set(told.bounds))
    assert told.bounds[-1] == optimum(one)


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KELVIN_UPLOADS", str(tmp_path / "uploads"))
    return tmp_path


def of_text(folder: Path, text: str, lanes: list[str], seconds: float = 0.3) -> CombinatorialRace:
    path = folder / "problem.txt"
    path.write_text(text)
    value = {
        "instance": {"name": "file", "token": of_path(str(path)).token},
        "lanes": lanes,
        "budget": {"currency": "seconds", "amount": seconds},
    }
    one = CombinatorialRace(CombinatorialExperiment.parse(value), marks=1)
    for _ in one:
        pass
    one.close()
    return one


def test_highs_proves_what_others_know_already() -> None:
    first = race(["highs"], 2.0, "seconds")
    for _ in first:
        pass
    price = first.results()[0]["best"]
    again = race(["highs"], 2.0, "seconds")
    again.best_known = Known(price, True, "somebody")
    for _ in again:
        pass
    (found,) = again.results()
    assert found["best"] == found["bound"] == price
    assert found["stopped"].startswith("HiGHS proved ")


def test_where_no_answer_exists_highs_says_so_and_others_have_no_price(uploads: Path) -> None:
    one = of_text(uploads, "3 3\n5 2 1 2\n5 2 2 3\n5 2 1 3\n", ["annealing", "tempering", "highs"])
    *ours, highs = one.results()
    for row in ours:
        assert (row["best"], row["feasible"], row["gap"]) == (None, False, None)
        assert row["violation"] > 0
        assert there(row["note"]).startswith("not covered: row ")
    assert highs["best"] is None
    assert highs["trouble"] is None
    assert highs["note"] == "HiGHS proved that no answer exists."


def test_decimal_costs_are_counted_in_their_smallest_unit(uploads: Path) -> None:
    one = of_text(uploads, "2 3\n1.25 1 1\n0.5 1 2\n2 2 1 2\n", ["annealing", "highs"])
    assert one.instance.scale == 0.01
    assert [row["best"] for row in one.results()] == [175, 175]


def test_methods_for_tours_are_refused() -> None:
    able = {cls.name for cls in METHODS if "pairing" in cls.solves}
    assert able == {"annealing", "tempering", "highs"}
    for cls in METHODS:
        if cls.name not in able:
            with pytest.raises(CannotRun, match="annealing, tempering, highs"):
                race([cls.name], 1.0, "seconds")
    with pytest.raises(CannotRun, match="fast-tsp"):
        CombinatorialExperiment.parse({"lanes": ["highs"]}).fits(INSTANCES.build("random").load())


@pytest.mark.parametrize(("legs", "spokes", "seed"), [(60, 2, 0), (100, 6, 1), (200, 12, 2)])
def test_a_timetable_keeps_its_rules(legs: int, spokes: int, seed: int) -> None:
    one = INSTANCES.build(
        {"name": "timetable", "legs": legs, "spokes": spokes, "seed": seed}
    ).load()
    assert one.leg_start is not None
    assert one.leg_end is not None
    assert one.leg_from is not None
    assert one.leg_to is not None
    assert one.rows == legs == len(one.leg_start)
    assert set(one.leg_from.tolist()) == set(range(spokes + 1))
    assert (np.diff(one.leg_start) >= 0).all()
    alone = np.zeros(legs, np.int64)
    for column in range(one.columns):
        crew = one.rows_of(column).tolist()
        assert one.leg_from[crew[0]] == one.leg_to[crew[-1]] == 0
        assert one.leg_end[crew[-1]] - one.leg_start[crew[0]] <= DUTY
        for leg, following in itertools.pairwise(crew):
            assert one.leg_to[leg] == one.leg_from[following]
            assert one.leg_start[following] - one.leg_end[leg] >= CONNECTION
        hours = one.leg_end[crew[-1]] - one.leg_start[crew[0]] + BRIEFING
        assert one.costs[column] == hours
        if len(crew) == 2:
            alone[crew] += 1
    assert (alone > 0).all()
    columns = [tuple(one.rows_of(column).tolist()) for column in range(one.columns)]
    assert len(set(columns)) == len(columns)


def test_a_timetable_stays_the_same_for_ever() -> None:
    one = INSTANCES.build("timetable").load()
    assert (one.rows, one.columns, int(one.costs.sum())) == TIMETABLE
    assert one.leg_start is not None
    assert one.leg_start[:6].tolist() == STARTS


TIMETABLE = (100, 416, 221_580)
STARTS = [360, 375, 405, 415, 430, 445]


def test_rosters_are_written_as_tables(uploads: Path) -> None:
    one = INSTANCES.build({"name": "timetable", "legs": 60}).load()
    problem = PairingProblem(one)
    chain = problem.chain(problem.first("greedy", 0)[0], 8, Meter(Budget()))
    walk(chain, 200_000, problem.unit, 0)
    columns = problem.outward(chain.best)
    suffix, text = written(one, columns, "roster", checks.length(one, columns))
    lines = [line.split(",") for line in text.splitlines()]
    assert suffix == ".csv"
    assert lines[0] == ["crew", "leg", "from", "to", "start", "end"]
    assert sorted(int(line[1]) for line in lines[1:]) == list(range(1, 61))
    plain = of_columns(3, [[0, 2], [1]], [7, 8])
    _, text = written(plain, np.array([0, 1], np.int32), "x", 15)
    assert text == "column,cost,rows\n1,7,1 3\n2,8,2\n"


@pytest.mark.parametrize(
    ("name", "method", "price", "evaluations"),
    [("sppnw41", "annealing", 11307, 2e7), ("sppnw43", "tempering", 8904, 6e8)],
)
def test_known_optima_are_reached_and_never_undercut(
    kelvin_data: Path, uploads: Path, name: str, method: str, price: int, evaluations: float
) -> None:
    file = kelvin_data / "combinatorial" / "set-partitioning" / f"{name}.txt"
    if not file.is_file():
        pytest.skip("no files of the OR-Library here")
    value = {
        "instance": {"name": "file", "token": of_path(str(file)).token},
        "lanes": [method],
        "budget": {"currency": "evaluations", "amount": evaluations},
    }
    one = CombinatorialRace(CombinatorialExperiment.parse(value), marks=1)
    for _ in one:
        pass
    assert one.instance.known is not None
    row = one.results()[0]
    assert row["best"] == row["known"] == price
