"""What ends a lane does not depend on how often a race is looked at."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch

from engine import Experiment, Race
from engine.race.lane import Lane
from engine.race.race import CHECKS, check_due

STOPPED = {
    "dataset": "moons",
    "lanes": ["annealing", "adam"],
    "budget": {"currency": "evaluations", "amount": 100_000},
    "stop": {"target": 0.45, "patience": 0.2},
    "device": "cpu",
}
DIVERGING = {
    "dataset": "moons",
    "lanes": [{"name": "sgd", "learning_rate": 100, "momentum": 0.99}, "adam"],
    "network": {"name": "mlp", "hidden": [8], "activation": "relu"},
    "loss": "squared-error",
    "budget": {"currency": "evaluations", "amount": 100_000},
    "device": "cpu",
}


def ended(value: dict[str, Any], every: int | None) -> list[dict[str, Any]]:
    """Run a race, look at it after every so many steps, and return how each lane ended."""
    race = Race(Experiment.parse(value))
    while not race.finished:
        race.advance()
        steps = sum(lane.step for lane in race.lanes)
        if every is not None and steps % every == 0:
            race.frame(steps)
    return [fate(lane) for lane in race.lanes]


def fate(lane: Lane) -> dict[str, Any]:
    return {
        "step": lane.step,
        "stopped": lane.stopped,
        "trouble": lane.trouble,
        "note": lane.note,
        "estimate": lane.state.estimate.tolist(),
    }


@pytest.mark.parametrize("value", [STOPPED, DIVERGING], ids=["stopped", "diverging"])
def test_a_lane_ends_at_the_same_step_however_often_it_is_looked_at(value: dict[str, Any]) -> None:
    alone = ended(value, None)
    assert alone[0]["stopped"] or alone[0]["trouble"], "nothing ended it early"
    assert ended(value, 1) == alone
    assert ended(value, 7) == alone


def test_a_lane_stops_at_the_first_check_that_a_rule_applies_to() -> None:
    race = Race(Experiment.parse(STOPPED))
    adam, checks = race.lanes[1], 0
    while not adam.finished:
        before = race.score(adam)[0]
        checked = math.floor(adam.oracle.progress * CHECKS)
        race.advance_lane(adam)
        if math.floor(adam.oracle.progress * CHECKS) > checked or check_due(adam.step):
            checks += 1
            assert adam.finished == (race.score(adam)[0] <= 0.45), f"step {adam.step}"
    assert adam.stopped is not None
    assert race.score(adam)[0] <= 0.45 < before
    assert checks > 5


@pytest.mark.parametrize("amount", [1e5, 1e10])
def test_a_lane_is_checked_often_whatever_its_budget(amount: float) -> None:
    """At the latest after an eighth more steps than it has taken."""
    due = [step for step in range(1, 5000) if check_due(step)]
    assert due[:20] == [*range(1, 17), 18, 20, 22, 24]
    assert all(later <= max(first + 1, 1.125 * first) for first, later in pairwise(due))
    value = {**DIVERGING, "budget": {"currency": "evaluations", "amount": amount}}
    race = Race(Experiment.parse(value))
    lane = race.lanes[0]
    while not lane.finished:
        race.advance_lane(lane)
    assert lane.divergence is not None
    assert lane.step <= 1.125 * lane.divergence.step + 1


def test_what_was_set_by_hand_is_what_later_losses_are_compared_with() -> None:
    value = {
        "dataset": {"name": "landscape", "function": "sphere"},
        "lanes": ["adam"],
        "budget": {"currency": "evaluations", "amount": 1e6},
    }
    race = Race(Experiment.parse(value))
    (lane,) = race.lanes
    for _ in range(1001):
        race.advance()
    for index in range(2):
        race.put_weight(0, index, 1000.0)
    assert lane.start is not None
    assert (lane.start.step, lane.start.loss) == (1001, race.score(lane)[0])
    assert lane.best is not None
    assert lane.best.step == 1001
    race.put_weight(0, 0, 3e38)
    assert lane.trouble is not None, "its loss is infinite there, and that is told at once"


def test_a_lane_that_is_never_looked_at_gets_back_its_last_finite_weights() -> None:
    race = Race(Experiment.parse(DIVERGING))
    while not race.lanes[0].finished:
        race.advance_lane(race.lanes[0])
    lane = race.lanes[0]
    assert lane.trouble is not None
    assert "diverged" in lane.trouble
    assert torch.isfinite(lane.state.estimate).all()
    assert torch.equal(lane.state.estimate, lane.good.estimate)
