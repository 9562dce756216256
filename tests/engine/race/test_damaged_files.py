"""Files that were damaged or edited are refused in a line, whichever bit it was."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.messages.encoding import encode
from engine.messages.recording import Recording
from engine.race import checkpoint
from engine.race.race import Race
from engine.system import settings
from tests.engine.support.command_line import run

MOONS = {
    "dataset": {"name": "moons", "points": 60},
    "network": {"name": "mlp", "hidden": [4]},
    "budget": {"currency": "evaluations", "amount": 1e5},
}


def race_of(*lanes: str) -> Race:
    race = Race(Experiment.parse({**MOONS, "lanes": lanes}))
    for _ in range(4):
        race.advance()
    return race


def test_a_checkpoint_with_a_bit_turned_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    whole = checkpoint.save(race_of("adam"), tmp_path / "race").read_bytes()
    for _ in range(40):
        data, at = bytearray(whole), random.randrange(len(whole))
        data[at] ^= 1 << random.randrange(8)
        (tmp_path / "bad").write_bytes(data)
        with pytest.raises(BadInput, match="a snapshot of a race"):
            checkpoint.load(tmp_path / "bad")
    code, out, err = run(capsys, "run", "--dataset", "moons", "--checkpoint", str(tmp_path / "bad"))
    assert (code, out, len(err.strip().splitlines())) == (2, "", 1)
    assert err.startswith("--checkpoint: ")


EDITS: dict[str, Any] = {
    "a missing key": lambda kept: kept["lanes"][0].pop("evaluations"),
    "an extra key": lambda kept: kept["lanes"][0].update(more=1),
    "a count below 0": lambda kept: kept["lanes"][0].update(flops=-1),
    "a count that is a text": lambda kept: kept["lanes"][0].update(step="4"),
    "seconds without end": lambda kept: kept["lanes"][0].update(seconds=float("inf")),
    "weights of another shape": lambda kept: kept["lanes"][0]["state"].update(
        estimate=torch.zeros(3)
    ),
    "moments of another kind": lambda kept: kept["lanes"][0]["state"].update(
        m=kept["lanes"][0]["state"]["m"].double()
    ),
    "moments of another shape": lambda kept: kept["lanes"][0]["state"].update(m=torch.zeros(1)),
    "no moments": lambda kept: kept["lanes"][0]["state"].pop("v"),
    "a good moment of another shape": lambda kept: kept["lanes"][0]["good"].update(
        estimate=torch.zeros(2)
    ),
    "a frame before the first": lambda kept: kept["frames"].update(k=-7),
    "a plane of another shape": lambda kept: kept["frames"]["view"]["plane"].update(
        axes=torch.zeros(2, 2)
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_checkpoint_that_does_not_fit_its_race_is_refused(tmp_path: Path, edit: str) -> None:
    kept = {
        **checkpoint.take(race_of("adam")),
        "version": 2,
    }  # without a checksum, so that it is read at all
    torch.save(kept, tmp_path / "race")
    checkpoint.load(tmp_path / "race")
    EDITS[edit](kept)
    torch.save(kept, tmp_path / "race")
    with pytest.raises(BadInput, match="a snapshot of a race by this version of Kelvin"):
        checkpoint.load(tmp_path / "race")


def test_an_older_checkpoint_opens_without_what_came_later(tmp_path: Path) -> None:
    kept = {**checkpoint.take(race_of("spsa")), "version": 2}
    for name in ("undone", "pace"):
        del kept["lanes"][0]["state"][name]
    torch.save(kept, tmp_path / "race")
    state = checkpoint.load(tmp_path / "race").lanes[0].state
    assert (state.undone, state.pace) == (0, 1.0)


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "of another kind"), (b"hello", "of another kind"), (b"PK\x03\x04half", "cut off")],
)
def test_a_file_that_is_no_checkpoint_is_told_from_one_that_is_cut(
    tmp_path: Path, content: bytes, why: str
) -> None:
    (tmp_path / "race").write_bytes(content)
    with pytest.raises(BadInput, match=rf"a snapshot of a race \(this file is {why}"):
        checkpoint.load(tmp_path / "race")


def test_what_follows_a_recordings_end_is_told(tmp_path: Path) -> None:
    path = Recording([encode({"type": "stage"})]).write(tmp_path / "race.kelvin")
    path.write_bytes(path.read_bytes() + b"junk")
    with pytest.raises(BadInput, match="something else follows its end"):
        Recording.read(path)
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        Recording.read(tmp_path / "none.kelvin")


def test_a_recording_with_a_bit_turned_is_told_damaged(tmp_path: Path) -> None:
    messages = [
        encode({"type": "stage"}),
        *(encode({"type": "metrics", "k": k, "x": random.random()}) for k in range(50)),
    ]
    whole = Recording(messages).write(tmp_path / "race.kelvin").read_bytes()
    for at in range(len(whole) - 8, len(whole) - 4):  # the checksum itself
        data = bytearray(whole)
        data[at] ^= 1 << random.randrange(8)
        (tmp_path / "bad.kelvin").write_bytes(data)
        with pytest.raises(BadInput, match="the file is damaged"):
            Recording.read(tmp_path / "bad.kelvin")


def test_a_bit_turned_anywhere_in_a_recording_is_not_told_cut_off(tmp_path: Path) -> None:
    """Some bits hide the end of the packed data, so that it seems to go on beyond the file."""
    texts = [str(random.random()) for _ in range(400)]
    rows = [encode({"type": "metrics", "k": k, "x": text}) for k, text in enumerate(texts)]
    whole = Recording([encode({"type": "stage"}), *rows]).write(tmp_path / "race").read_bytes()
    told = []
    for at in range(10, len(whole) - 9, 7):  # the last bits of the packed data mean nothing
        data = bytearray(whole)
        data[at] ^= 1 << (at % 8)
        (tmp_path / "bad.kelvin").write_bytes(data)
        with pytest.raises(BadInput) as refused:
            Recording.read(tmp_path / "bad.kelvin")
        told.append("the file is damaged" in str(refused.value))
    assert all(told), f"{told.count(False)} of {len(told)} are told cut off"
    for length in range(20, len(whole) - 1, 97):
        (tmp_path / "bad.kelvin").write_bytes(whole[:length])
        with pytest.raises(BadInput, match="it is cut off"):
            Recording.read(tmp_path / "bad.kelvin")


def test_variables_that_are_not_known_are_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KELVIN_FOO", "1")
    settings.check()
    err = capsys.readouterr().err
    assert len(err.strip().splitlines()) == 1
    assert err.startswith("KELVIN_FOO: not known")
    assert "KELVIN_CACHE" in err


@pytest.mark.parametrize("formula", ["10^30 * 10^30 * (x + 6)", "-(10^30) * 10^30 * (x + 6)"])
def test_a_landscape_without_a_height_in_single_precision_is_refused(formula: str) -> None:
    with pytest.raises(BadInput, match="expected a formula with a value somewhere"):
        Experiment.parse(
            {
                "dataset": {"name": "landscape", "function": "formula", "formula": formula},
                "lanes": ["sgd"],
            }
        )


def test_a_budget_that_is_spent_before_the_first_step_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = run(
        capsys, "run", "--dataset", "moons", "--optimizer", "annealing", "--evaluations", "1e3"
    )
    assert code == 0, err
    assert "took no step: the whole budget went into preparing" in out
