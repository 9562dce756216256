"""Lines of slow motion in the words of a landscape."""

from __future__ import annotations

import re

import pytest

from engine import Experiment, Race
from engine.observation.phase_words import on_landscape
from engine.optimizers import OPTIMIZERS


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_no_line_speaks_of_networks_or_batches(name: str) -> None:
    for phase in OPTIMIZERS.get(name).phases:
        line = on_landscape(phase.line)
        assert not re.search(r"network|mini-batch|\bloss", line, re.IGNORECASE), line
        assert "\0" not in line


def test_weights_of_a_mean_stay_weights() -> None:
    line = "The losses are put in order; the better half gets weights, the best the largest."
    assert on_landscape(line) == line.replace("losses", "heights")
    mean = "The mean moves to the weighted mean of the better half."
    assert on_landscape(mean) == mean


def test_a_landscape_has_the_lines_of_points_and_a_network_its_own() -> None:
    for dataset, word in (("landscape", "height"), ("moons", "loss")):
        race = Race(Experiment.parse({"dataset": dataset, "lanes": ["annealing"]}))
        lines = " ".join(stage["line"] for stage in race.observer.stage()["lanes"][0]["stages"])
        assert word in lines
