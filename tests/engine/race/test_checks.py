"""What ends a lane does not depend on how often a race is looked at."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from engine import Experiment, Race
from engine.race.lane import Lane

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


def test_a_lane_that_stops_by_a_rule_did_so_within_a_check_of_it() -> None:
    race = Race(Experiment.parse(STOPPED))
    adam = race.lanes[1]
    while not adam.finished:
        before = race.score(adam)[0]
        checked = math.floor(adam.oracle.progress * 200)
        race.advance_lane(adam)
    assert adam.stopped is not None
    assert race.score(adam)[0] <= 0.45 < before or math.floor(adam.oracle.progress * 200) > checked


def test_a_lane_that_is_never_looked_at_gets_back_its_last_finite_weights() -> None:
    race = Race(Experiment.parse(DIVERGING))
    while not race.lanes[0].finished:
        race.advance_lane(race.lanes[0])
    lane = race.lanes[0]
    assert lane.trouble is not None
    assert "diverged" in lane.trouble
    assert torch.isfinite(lane.state.estimate).all()
    assert torch.equal(lane.state.estimate, lane.good.estimate)
