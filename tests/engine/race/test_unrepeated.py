"""Recorded interventions that do not fit the race that is to repeat them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from engine import Experiment, Race
from engine.datasets.hand_drawn import encode_points
from engine.errors import BadInput
from engine.race.interventions import parse_events


def race_of(*events: dict[str, Any], **more: Any) -> Race:
    """A race of Adam and SGD on moons, with interventions to repeat."""
    budget = {"currency": "evaluations", "amount": 20_000}
    value = {"dataset": "moons", "lanes": ["adam", "sgd"], "budget": budget, **more}
    return Race(Experiment.parse(value), marks=2, pictures=False, events=parse_events(events))


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"kind": "turn", "field": "nonsense", "value": 1}, "nonsense"),
        ({"kind": "turn", "field": "learning_rate", "value": 1e9}, "learning_rate"),
        ({"kind": "weight", "index": 10**6, "value": 1.0}, "index"),
    ],
)
def test_one_that_does_not_fit_is_left_out_and_told(event: dict[str, Any], said: str) -> None:
    race = race_of({"lane": 0, "step": 5, "steps": [5, 5], **event})
    for _ in race:
        pass
    assert all(lane.finished and lane.trouble is None for lane in race.lanes)
    (sentence,) = race.unrepeated()
    assert sentence.startswith(f"{event['kind']} of lane 0 at step 5: ")
    assert said in sentence


def test_one_that_never_comes_due_is_told() -> None:
    late = {"kind": "turn", "lane": 1, "step": 10**9, "steps": [10**9, 10**9]}
    race = race_of({**late, "field": "learning_rate", "value": 0.1})
    assert race.unrepeated() == []
    for _ in race:
        pass
    assert race.unrepeated() == ["turn of lane 1 at step 1,000,000,000: the race was over before"]


@pytest.mark.parametrize("lane", [-1, 2, True])
def test_there_is_no_such_lane_to_reheat(lane: int) -> None:
    with pytest.raises(BadInput, match="lane"):
        race_of().reheat(lane, 2.0)


def test_new_points_are_trained_on_as_the_experiment_says() -> None:
    training = {"samples": 10, "label_noise": 0.5, "validation": 0.2}
    race = race_of(training=training)
    race.advance()
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(60, 2, generator=generator), torch.arange(60) % 2
    race.set_points(encode_points(x, y))
    asked = race.experiment.load()
    assert race.lanes[0].oracle.batch == 10  # all of them
    assert len(race.dataset.x_train) == 10
    assert torch.equal(race.dataset.y_train, asked.y_train)
    for _ in race:
        pass
    assert race.finished


def test_new_points_too_few_for_the_experiment_are_refused() -> None:
    race = race_of(training={"samples": 50})
    race.advance()
    before = len(race.dataset.x_train)
    x, y = torch.randn(20, 2, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 2
    with pytest.raises(BadInput, match="samples"):
        race.set_points(encode_points(x, y))
    assert len(race.dataset.x_train) == before
