"""Solvers of others: on their own processor time, ended with their lane, and believed only after a
check.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec

import psutil
import pytest

from engine.combinatorial import checks
from engine.combinatorial.experiment import CombinatorialExperiment
from engine.combinatorial.methods.outside import FastTsp, OutsideState
from engine.combinatorial.race import CombinatorialRace
from engine.errors import CannotRun
from tests.engine.combinatorial.outside import prompt
from tests.engine.support.listening import PATIENCE
from tests.there import there

HERE = "tests.engine.combinatorial.outside"


def race(lanes: list[str], seconds: float = 1.0) -> CombinatorialRace:
    return CombinatorialRace(
        CombinatorialExperiment.parse(
            {
                "instance": {"name": "random", "cities": 60},
                "lanes": lanes,
                "budget": {"currency": "seconds", "amount": seconds},
            }
        )
    )


def finished(one: CombinatorialRace) -> CombinatorialRace:
    until = time.monotonic() + PATIENCE
    while not one.finished:
        one.advance()
        assert time.monotonic() < until
    return one


@pytest.mark.parametrize("name", ["fast-tsp", "or-tools"])
def test_a_solver_is_a_lane(name: str) -> None:
    if name == "or-tools" and find_spec("ortools") is None:
        pytest.skip("OR-Tools is not installed")
    one = finished(race([name, "annealing"]))
    solver, ours = one.results()
    assert solver["feasible"]
    assert there(solver["best"]) <= 1.1 * there(ours["best"])
    assert solver["moves"] is None, "its moves cannot be counted"
    assert solver["seconds"] > 0
    one.close()


def test_large_distances_are_made_small_for_fast_tsp_and_said() -> None:
    one = finished(race(["fast-tsp"], 0.3))
    assert "divided by" in (one.results()[0]["note"] or "")


def test_a_solver_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FastTsp, "package", "not_there")
    with pytest.raises(CannotRun, match="not installed: pip install fast-tsp"):
        race(["fast-tsp"])


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def set_up(name: str) -> None:
        monkeypatch.setattr(FastTsp, "module", f"{HERE}.{name}")
        monkeypatch.setattr(FastTsp, "streams", True)

    return set_up


def test_a_solver_is_believed_after_a_check_and_ended_with_its_budget(
    stand_in: Callable[[str], None],
) -> None:
    stand_in("endless")
    one = race(["fast-tsp", "annealing"], 0.4)
    state = one.lanes[0].state
    assert isinstance(state, OutsideState)
    pid = state.solver.pid
    finished(one)
    solver, _ = one.results()
    assert solver["feasible"]
    assert solver["best"] == checks.length(one.instance, range(60))
    assert "a tour that is none" in (solver["note"] or "")
    assert solver["seconds"] >= 0.4
    gone(pid)


def test_a_solver_that_fails_ends_its_lane_alone(stand_in: Callable[[str], None]) -> None:
    for name, words in (("broken", "it cannot"), ("silent", "without an answer")):
        stand_in(name)
        one = finished(race(["fast-tsp", "annealing"], 0.2))
        solver, ours = one.results()
        assert words in there(solver["trouble"])
        assert solver["best"] is None
        assert ours["feasible"]


def test_a_solver_waits_while_the_race_is_paused(stand_in: Callable[[str], None]) -> None:
    stand_in("endless")
    one = race(["fast-tsp"], 300.0)
    state = one.lanes[0].state
    assert isinstance(state, OutsideState)
    until = time.monotonic() + PATIENCE
    while state.best is None and time.monotonic() < until:
        one.advance()
    one.hold(True)
    while psutil.Process(state.solver.pid).status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < until
    before = state.solver.seconds
    time.sleep(0.2)
    assert state.solver.seconds == before
    one.hold(False)
    while state.solver.seconds == before:
        assert time.monotonic() < until
        time.sleep(0.01)
    one.close()
    gone(state.solver.pid)


def answered(one: CombinatorialRace) -> OutsideState:
    """The state of the first lane, a solver's, once it has an answer."""
    until = time.monotonic() + PATIENCE
    while True:
        one.advance_lane(one.lanes[0])
        state = one.lanes[0].state
        assert isinstance(state, OutsideState)
        if state.best is not None and state.solver.ready:
            return state
        assert time.monotonic() < until


def test_the_seconds_of_an_answer_that_is_proved_at_once_are_exact(
    stand_in: Callable[[str], None],
) -> None:
    stand_in("prompt")
    for _ in range(3):
        one = finished(race(["fast-tsp"], 5.0))
        (row,) = one.results()
        assert there(row["stopped"]).endswith(" optimal.")
        assert prompt.SECONDS <= row["seconds"] < 1
        one.close()


def test_an_edit_does_not_hide_what_a_solver_has_spent(stand_in: Callable[[str], None]) -> None:
    stand_in("endless")
    one = race(["fast-tsp"], 300.0)
    first = answered(one)
    lane = one.lanes[0]
    while lane.meter.seconds < 0.2:
        one.advance()
    one.set_cities(move=[[0, 5e5, 5e5]])
    spent = lane.meter.seconds
    assert spent >= first.solver.seconds
    gone(first.solver.pid)
    second = lane.state
    assert isinstance(second, OutsideState)
    until = time.monotonic() + PATIENCE
    while second.solver.seconds < 0.05:
        one.advance()
        assert time.monotonic() < until
    assert lane.meter.seconds >= spent + 0.05 - 0.01
    one.close()


def test_a_solver_begun_while_the_race_is_paused_waits(stand_in: Callable[[str], None]) -> None:
    stand_in("endless")
    one = race(["fast-tsp"], 300.0)
    answered(one)
    one.hold(True)
    one.set_cities(move=[[0, 5e5, 5e5]])
    state = one.lanes[0].state
    assert isinstance(state, OutsideState)
    until = time.monotonic() + PATIENCE
    while psutil.Process(state.solver.pid).status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < until
    one.close()
    gone(state.solver.pid)


def test_a_lane_that_fails_ends_its_solver(
    stand_in: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in("endless")
    one = race(["fast-tsp"], 300.0)
    pid = answered(one).solver.pid

    def fail(*_: object) -> None:
        raise ArithmeticError("it fails")

    monkeypatch.setattr(FastTsp, "step", fail)
    one.advance()
    assert "it fails" in (one.results()[0]["trouble"] or "")
    gone(pid)


def gone(pid: int | None) -> None:
    """Wait until there is no such process."""
    assert pid is not None
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.01)
    pytest.fail("the solver outlives its lane")
