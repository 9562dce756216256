"""Races for tests: on a formula and on moons, and their ends looked at."""

from typing import Any

import torch

from engine.experiment.model import Experiment
from engine.race.race import Race
from tests.engine.race.test_failures import sound


def on_formula(
    formula: str,
    lane: Any,
    x: float = 1,
    y: float = 1,
    amount: float = 600,
    marks: int = 10,
    **rest: Any,
) -> Race:
    dataset = {
        "name": "landscape",
        "function": "formula",
        "formula": formula,
        "start_x": x,
        "start_y": y,
    }
    return Race(
        Experiment.parse(
            {
                "dataset": dataset,
                "lanes": [lane],
                "budget": {"currency": "evaluations", "amount": amount},
            }
            | rest
        ),
        marks=marks,
    )


def on_moons(lane: Any, amount: float = 4e3) -> Race:
    value = {
        "dataset": {"name": "moons", "points": 20},
        "network": {"name": "mlp", "hidden": [3]},
        "lanes": [lane],
    }
    return Race(
        Experiment.parse(value | {"budget": {"currency": "evaluations", "amount": amount}}),
        marks=40,
    )


def ends_well(race: Race) -> None:
    """Run a race to its end; whatever happened, nothing but numbers is left and no sentence speaks
    of a defect.
    """
    for frame in race:
        assert frame.picture is not None
        assert all(sound(lane) for lane in frame.picture["lanes"])
    for lane, result in zip(race.lanes, race.results(), strict=True):
        assert torch.isfinite(lane.state.estimate).all()
        if lane.trouble is not None:
            assert "inside Kelvin" not in lane.trouble
            assert "step" in lane.trouble
        assert result["loss"] is not None or lane.good.loss is None
