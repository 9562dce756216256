"""A race saved in the middle and taken up again goes on as if nothing had been."""

from pathlib import Path
from typing import Any

import pytest
import torch

from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.optimizers import OPTIMIZERS
from engine.race import checkpoint
from engine.race.race import Race

STEPS = 6


def experiment(*lanes: Any) -> Experiment:
    return Experiment.parse(
        {
            "dataset": {"name": "moons", "points": 60},
            "network": {"name": "mlp", "hidden": [4]},
            "lanes": lanes,
            "budget": {"currency": "evaluations", "amount": 1e9},
        }
    )


def advance(race: Race, steps: int) -> None:
    for _ in range(steps):
        for lane in race.lanes:
            race.advance_lane(lane)


def standing(race: Race) -> list[tuple[Any, ...]]:
    return [
        (
            lane.step,
            lane.oracle.evaluations,
            lane.oracle.flops,
            lane.state.estimate.tolist(),
            lane.state.metrics,
        )
        for lane in race.lanes
    ]


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_every_method_goes_on_as_if_uninterrupted(name: str, tmp_path: Path) -> None:
    whole, first = (
        Race(experiment({"name": name, "batch": 20})),
        Race(experiment({"name": name, "batch": 20})),
    )
    advance(whole, 2 * STEPS)
    advance(first, STEPS)
    again = checkpoint.load(checkpoint.save(first, tmp_path / "race.snapshot"))
    assert standing(again) == standing(first)
    advance(again, STEPS)
    assert standing(again) == standing(whole)


def test_earlier_names_of_a_state_are_read() -> None:
    whole, first = (Race(experiment({"name": "annealing", "schedule": "adaptive"})) for _ in "ab")
    advance(whole, 2 * STEPS)
    advance(first, STEPS)
    snapshot = checkpoint.take(first)
    state = snapshot["lanes"][0]["state"]
    for old, new in checkpoint.STATE_RENAMED.items():
        state[old] = state.pop(new)
    again = checkpoint.restored(snapshot)
    assert isinstance(again, Race)
    advance(again, STEPS)
    assert standing(again) == standing(whole)


def test_nothing_but_plain_values_is_read(tmp_path: Path) -> None:
    for bad, content in (("text", b"not a snapshot"), ("empty", b"")):
        (tmp_path / bad).write_bytes(content)
        with pytest.raises(BadInput, match="expected a snapshot of a race"):
            checkpoint.load(tmp_path / bad)
    torch.save(
        {"version": 1, "experiment": Path("/")}, tmp_path / "object"
    )  # an object that would have to be unpickled
    with pytest.raises(BadInput, match="expected a snapshot of a race"):
        checkpoint.load(tmp_path / "object")
    with pytest.raises(BadInput, match="expected a readable file"):
        checkpoint.load(tmp_path / "nowhere")
    torch.save({"version": 99, "experiment": {}}, tmp_path / "future")
    with pytest.raises(
        BadInput,
        match=(
            r"^snapshot.version: 99 is not allowed; expected 1 to 5 \(a newer Kelvin made this "
            r"one\)$"
        ),
    ):
        checkpoint.load(tmp_path / "future")
