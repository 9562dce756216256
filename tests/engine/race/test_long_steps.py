"""A step may be as long as its settings allow: it ends with the budget, and is told of before."""

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from engine.cli import run as commands
from engine.experiment.model import Experiment
from engine.optimizers import hybrid
from engine.oracle import Oracle
from engine.race import warm_up
from engine.race.race import Race
from tests.engine.support.command_line import run
from tests.engine.support.repeating import MLP, drive, outcome, race_of

SAMPLES = 20
LONGEST: list[dict[str, Any]] = [
    {
        "name": "hybrid",
        "output_optimizer": search,
        "rounds": 10_000,
        "moves_per_temperature": 1000,
        "batch": 0,
    }
    for search in ("annealing", "differential-evolution", "harmony-search")
] + [
    {"name": "population-annealing", "population_size": 4, "moves": 1000},
    {"name": "mezo", "directions": 1024},
    {"name": "enkf", "population_size": 8, "repeats": 1000, "batch": 0},
    {"name": "lbfgs", "max_line_search_steps": 60},
    {"name": "levenberg-marquardt", "damping_increase": 1.01, "batch": 0},
]
"""Methods that ask many questions in one step, one after the other."""
HYBRID = ("--set", "dataset.points=20", "--optimizer", "hybrid", "--set", "hybrid.rounds=10000")


@pytest.fixture(autouse=True)
def ctrl_c_is_heard() -> Iterator[None]:
    """As in a program that was started in the foreground."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def race_with(lane: dict[str, Any], amount: float) -> Race:
    value = {
        "dataset": {"name": "moons", "points": SAMPLES},
        "network": {"name": "mlp", "hidden": [3]},
        "lanes": [lane],
        "budget": {"currency": "evaluations", "amount": amount},
    }
    return Race(Experiment.parse(value), marks=3, pictures=False)


@pytest.mark.parametrize(
    "lane", LONGEST, ids=lambda lane: f"{lane['name']} {lane.get('search', '')}"
)
def test_a_step_ends_with_the_budget(lane: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    largest = 0
    charge = Oracle._charge

    def charged(oracle: Oracle, *question: Any) -> None:
        nonlocal largest
        before = oracle.evaluations
        charge(oracle, *question)
        largest = max(largest, oracle.evaluations - before)

    monkeypatch.setattr(Oracle, "_charge", charged)
    race = race_with(lane, amount=3000)
    list(race)
    assert race.lanes[0].trouble is None
    assert race.lanes[0].oracle.evaluations <= 3000 + 2 * largest


def test_warming_leaves_a_long_step(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    charge = Oracle._charge

    def charged(oracle: Oracle, *question: Any) -> None:
        nonlocal asked
        asked += 1
        charge(oracle, *question)

    monkeypatch.setattr(Oracle, "_charge", charged)
    monkeypatch.setattr(warm_up, "LONGEST", -1.0)
    race = race_with(LONGEST[0], amount=1e15)
    assert asked == 1
    assert race.lanes[0].oracle.evaluations == 0


@pytest.mark.parametrize("method", ["hybrid", "annealing", "eki"])
def test_a_warming_that_was_left_changes_nothing(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = outcome(drive(race_of(MLP, [{"name": method}]), 2), 0)
    monkeypatch.setattr(warm_up, "LONGEST", -1.0)
    assert outcome(drive(race_of(MLP, [{"name": method}]), 2), 0) == expected


@pytest.fixture
def try_by_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that asks about each try by itself."""
    monkeypatch.setattr(hybrid, "BLOCK", 1)


@pytest.mark.slow
@pytest.mark.usefixtures("try_by_try")
def test_the_bar_moves_within_a_step_and_says_which(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "LONG_STEP_SECONDS", 0.0)
    code, out, err = run(capsys, "run", "--dataset", "moons", *HYBRID, "--evaluations", "20000")
    assert code == 0
    assert "hybrid in step 1, 1" in err, "with thousands of evaluations"
    assert " 50%|" in err
    assert "Ctrl-C" not in err
    assert out.splitlines()[1].endswith(" 1"), "one step"


@pytest.mark.slow
@pytest.mark.usefixtures("try_by_try")
def test_ctrl_c_in_a_long_step_is_answered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "LONG_STEP_SECONDS", 0.0)
    asked, presses = 0, {300: True}
    charge = Oracle._charge

    def charged(oracle: Oracle, *question: Any) -> None:
        nonlocal asked
        asked += 1
        if asked in presses:
            signal.raise_signal(signal.SIGINT)
        charge(oracle, *question)

    monkeypatch.setattr(Oracle, "_charge", charged)
    monkeypatch.setattr(warm_up, "LONGEST", -1.0)
    arguments = ("run", "--dataset", "moons", *HYBRID, "--evaluations")
    code, _, err = run(capsys, *arguments, "40000")
    assert "ends after it, Ctrl-C again ends at once" in err
    assert code in (0, 130)
    asked, presses = 0, {300: True, 400: True}
    code, _, err = run(capsys, *arguments, "1e15")
    assert code == 130
    assert "stopped at once" in err
