"""One lane at geometric checkpoints: what it spent, when it reached its targets, averaged weights."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch

from engine.experiment.model import Experiment
from engine.race.race import Race
from engine.race.trajectory import Target, Trajectory


def course(lane: dict[str, Any] | str, amount: float = 20_000, **more: Any) -> Trajectory:
    value = {
        "dataset": {"name": "bowl", "weights": 20},
        "start": {"law": "zeros"},
        "lanes": [lane],
        "budget": {"currency": "evaluations", "amount": amount},
    }
    return Trajectory(Race(Experiment.parse(value), pictures=False), **more)


def test_checkpoints_are_a_constant_factor_apart() -> None:
    found = course({"name": "adam", "batch": 0}, 60_000, ratio=1.5)
    rows = list(found.run())
    assert found.outcome == "budget"
    looks = [row["evaluations"] for row in rows]
    assert looks[0] == 0
    assert looks[-1] == pytest.approx(60_000, abs=30)
    for before, after in pairwise(looks[1:-1]):
        assert 1.5 * before <= after < 1.5 * before + 2 * 60  # the first step beyond


def test_what_is_measured_is_so() -> None:
    found = course({"name": "sgd", "batch": 0, "learning_rate": 0.1, "momentum": 0.0})
    rows = list(found.run())
    data, lane = found.race.dataset, found.race.lanes[0]
    last = rows[-1]
    assert rows[0]["loss"] == pytest.approx(float((data.y_train**2).mean() / 2), rel=1e-5)
    assert last["loss"] == pytest.approx(
        float(((lane.state.estimate - data.y_train) ** 2).mean() / 2), rel=1e-4, abs=1e-9
    )
    assert last["distance"] == pytest.approx(float(lane.state.estimate.norm()), rel=1e-5)
    assert last["density"] == 1.0
    assert last["rounds"] == last["step"] == last["evaluations"] / (3 * 20)
    assert last["core_seconds"] == lane.oracle.core_seconds > 0


def test_a_target_is_met_at_the_first_checkpoint_at_which_it_holds() -> None:
    targets = [
        Target(share_of_first=0.5),
        Target(share_of_first=0.01),
        Target(on="accuracy", value=0.5),
    ]
    found = course({"name": "adam", "batch": 0}, targets=targets[:2], stop=True)
    rows = list(found.run())
    assert found.outcome == "target"
    for target, hit in zip(targets, found.hits, strict=False):
        goal = target.share_of_first * rows[0]["loss"]
        assert hit is next(row for row in rows if row["loss"] <= goal)
    assert rows[-1] is found.hits[-1]
    assert not targets[2].met(float("nan"), 0)  # a curve has no accuracy
    assert targets[2].met(0.5, 0)
    assert not targets[2].met(None, 0)


def test_averaged_weights_are_scored_beside_the_others_and_cost_nothing() -> None:
    lane = {"name": "sgd", "batch": 0, "learning_rate": 0.5, "momentum": 0.0}
    plain, averaged = course(lane, 3000), course(lane, 3000, average=0.9)
    rows, others = list(plain.run()), list(averaged.run())
    assert [row["loss"] for row in rows] == [row["loss"] for row in others]
    assert [row["evaluations"] for row in rows] == [row["evaluations"] for row in others]
    again = course(lane, 3000)
    race, mean = again.race, again.race.theta.clone()
    while not race.finished:
        race.advance()
        mean = 0.9 * mean + 0.1 * race.lanes[0].state.estimate
    torch.testing.assert_close(averaged.mean, mean, rtol=1e-4, atol=1e-6)
    data = race.dataset
    assert others[-1]["averaged_loss"] == pytest.approx(
        float(((mean - data.y_train) ** 2).mean() / 2), rel=1e-3
    )


def test_a_lane_that_diverges_says_so() -> None:
    found = course({"name": "sgd", "batch": 0, "learning_rate": 1000.0}, 200_000)
    rows = list(found.run())
    assert found.outcome == "diverged"
    assert len(rows) > 1


def test_it_takes_one_lane() -> None:
    race = Race(Experiment.parse({"lanes": ["adam", "sgd"]}), pictures=False)
    with pytest.raises(ValueError, match="one lane"):
        Trajectory(race)
