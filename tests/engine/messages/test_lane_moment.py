"""A frame's lanes, with types."""

from __future__ import annotations

from dataclasses import fields

from engine import Experiment, Race
from engine.combinatorial.experiment import CombinatorialExperiment
from engine.combinatorial.race import CombinatorialRace
from engine.messages.lane_moment import LaneMoment


def test_a_frame_tells_of_every_lane_what_its_metrics_do() -> None:
    budget = {"currency": "evaluations", "amount": 20_000}
    race = Race(
        Experiment.parse({"dataset": "moons", "lanes": ["annealing", "adam"], "budget": budget}),
        marks=3,
        pictures=False,
    )
    for frame in race:
        assert len(frame.lanes) == 2
        for lane, row in zip(frame.lanes, frame.metrics["lanes"], strict=True):
            for one in fields(LaneMoment):
                if one.name in row:
                    assert getattr(lane, one.name) == row[one.name]
    annealing, adam = frame.lanes
    assert annealing.finished
    assert isinstance(annealing.temperature, float)
    assert adam.temperature is None
    assert adam.gap is None


def test_of_a_tour_it_tells_the_gap_and_the_moves() -> None:
    value = {
        "instance": {"name": "random", "cities": 12},
        "lanes": ["annealing"],
        "budget": {"currency": "evaluations", "amount": 20_000},
    }
    race = CombinatorialRace(CombinatorialExperiment.parse(value), marks=2)
    for frame in race:
        (lane,) = frame.lanes
    assert lane.loss == frame.metrics["lanes"][0]["loss"]
    assert lane.moves is not None
    assert lane.moves > 0
