"""A recording that is written is one that can be read: what is too large for any reader is left out
and told, or refused.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.messages import recorder, recording
from engine.messages.recorder import Recorder
from engine.messages.recording import Recording
from engine.race.seed_races import race_of
from tests.engine.support.command_line import run

VALUE: dict[str, Any] = {
    "dataset": "moons",
    "network": {"name": "mlp", "hidden": [256, 256]},
    "lanes": ["sgd"],
    "budget": {"currency": "evaluations", "amount": 2000},
    "device": "cpu",
}


def limited(monkeypatch: pytest.MonkeyPatch, message: int, total: int = 2**29) -> None:
    for module in (recorder, recording):
        monkeypatch.setattr(module, "MAX_MESSAGE", message)
        monkeypatch.setattr(module, "MAX_TOTAL", total)


@pytest.mark.parametrize("seeds", [1, 2])
def test_weights_that_no_reader_takes_are_left_out_and_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seeds: int
) -> None:
    limited(monkeypatch, 2**18)
    race = race_of(Experiment.parse({**VALUE, "seeds": seeds}), marks=4)
    kept = Recorder(race)
    for frame in race:
        kept.add(frame)
    path = kept.recording().write(tmp_path / "one.kelvin")
    messages = list(Recording.read(path))
    assert not any(one["type"] == "weights" for one in messages)
    ends = [one["last"] for one in messages if one["type"] == "seed"]
    assert len(ends) == (seeds if seeds > 1 else 0)
    assert all(one["weights"] is None and one["picture"] is not None for one in ends)
    wanted = ["the weights"] + [f"the final weights of seed {seed}" for seed in range(len(ends))]
    for what in wanted:
        assert any(f"is without {what}, " in line for line in kept.left_out)
    assert len(kept.left_out) == len(wanted)


def test_a_recording_too_large_for_any_reader_is_not_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    race = race_of(Experiment.parse(VALUE), marks=4)
    kept = Recorder(race)
    for frame in race:
        kept.add(frame)
    limited(monkeypatch, 2**26, total=1000)
    with pytest.raises(BadInput, match="fewer seeds, or a smaller network"):
        kept.recording()


def test_the_command_line_says_what_its_recording_is_without(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    limited(monkeypatch, 2**18)
    code, out, err = run(
        capsys,
        "run",
        *("--dataset", "moons", "--set", "network.hidden=256,256", "--optimizer", "sgd"),
        *("--evaluations", "2000", "--record", str(tmp_path), "--json"),
    )
    assert code == 0
    assert "the recording is without the weights" in err
    assert "--weights keeps them" in err
    assert Recording.read(Path(json.loads(out)["recording"])).messages
