"""Messages survive their bytes; recordings survive the disk, and broken ones are refused in a
sentence.
"""

import gzip
import math
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
import torch

from app import replay
from engine.errors import BadInput
from engine.messages.encoding import decode, encode
from engine.messages.recording import Recording
from tests.engine.support.command_line import run


def test_arrays_and_numbers_survive() -> None:
    message = {
        "type": "picture",
        "floats": torch.arange(6, dtype=torch.float64).reshape(2, 3) / 7,
        "bytes": np.array([[0, 255]], dtype=np.uint8),
        "whole": torch.tensor([1, -2]),
        "nested": [{"x": torch.zeros(0, 2)}],
        "none": None,
        "nan": math.nan,
        "infinite": -math.inf,
    }
    back = decode(encode(message))
    np.testing.assert_array_equal(
        back["floats"], (np.arange(6).reshape(2, 3) / 7).astype(np.float32)
    )
    np.testing.assert_array_equal(back["bytes"], [[0, 255]])
    np.testing.assert_array_equal(back["whole"], [1, -2])
    assert back["nested"][0]["x"].shape == (0, 2)
    assert back["none"] is None
    assert back["nan"] is None
    assert back["infinite"] is None


def test_the_wire_form_is_the_one_the_browser_reads() -> None:
    raw = msgpack.unpackb(encode({"type": "x", "a": torch.tensor([1.0, 2.0])}))
    assert raw == {"type": "x", "a": {"d": "f4", "s": [2], "b": b"\x00\x00\x80?\x00\x00\x00@"}}


@pytest.mark.parametrize(
    "kind",
    [
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "int8",
        "int16",
        "int32",
        "int64",
        "bool",
        "float16",
        "float64",
    ],
)
def test_an_array_of_any_kind_keeps_its_numbers_or_is_refused(kind: str) -> None:
    def back(array: Any) -> Any:
        return decode(encode({"type": "x", "a": array}))["a"]

    array = np.array([0, 1, 100, 1]).astype(kind)
    np.testing.assert_array_equal(back(array), array)
    np.testing.assert_array_equal(back(array[::2]), array[::2])
    assert back(array[:0]).shape == (0,)
    if kind.startswith(("int", "uint")):
        limits = np.iinfo(kind)
        extremes = np.array([limits.min, limits.max], dtype=kind)
        if limits.max < 2**31:
            np.testing.assert_array_equal(back(extremes), extremes)
        else:
            with pytest.raises(ValueError, match="32 bits"):
                encode({"type": "x", "a": extremes})


def test_what_is_no_array_of_numbers_is_refused() -> None:
    for array in (np.array(["a"]), np.array([1j]), np.array([None])):
        with pytest.raises(ValueError, match="holds numbers"):
            encode({"type": "x", "a": array})


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x01", b"\x80", encode({"type": "x"})[:-1]])
def test_bytes_that_are_no_message_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a message"):
        decode(data)


def test_a_recording_is_the_same_bytes_after_the_disk(tmp_path: Path) -> None:
    messages = [
        encode({"type": "stage"}),
        encode({"type": "metrics", "k": 0}),
        encode({"type": "picture", "k": 0, "z": torch.randn(5, 5)}),
    ]
    path = Recording(messages).write(tmp_path / "a" / "race.kelvin")
    assert Recording.read(path).messages == messages
    assert [p.name for p in path.parent.iterdir()] == ["race.kelvin"]
    assert Recording(messages).write(tmp_path / "b.kelvin").read_bytes() == path.read_bytes()


def test_broken_recordings_are_refused_in_a_sentence(tmp_path: Path) -> None:
    whole = (
        Recording([encode({"type": "stage"}), encode({"type": "metrics", "k": 0})])
        .write(tmp_path / "whole.kelvin")
        .read_bytes()
    )
    for name, data in {"cut": whole[:-12], "empty": b"", "text": b"hello", "gone": None}.items():
        path = tmp_path / f"{name}.kelvin"
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(BadInput, match="a whole Kelvin recording"):
            Recording.read(path)
    with pytest.raises(ValueError, match="begins with a stage"):
        Recording([encode({"type": "metrics"})])


def test_a_recording_cut_anywhere_tells_how_much_of_it_could_be_read(tmp_path: Path) -> None:
    messages = [
        encode({"type": "stage"}),
        *(encode({"type": "metrics", "k": k, "x": "y" * k}) for k in range(20)),
    ]
    raw = gzip.decompress(Recording(messages).write(tmp_path / "whole").read_bytes())
    ends = [0]
    for message in messages:
        ends.append(ends[-1] + 4 + len(message))
    for length in range(1, len(raw)):
        if length in ends:
            continue
        (tmp_path / "cut").write_bytes(gzip.compress(raw[:length]))
        count = sum(end <= length for end in ends) - 1
        said = (
            f"it is cut off: {count} of its messages could be read, the rest is missing"
            if count
            else "within its first message"
        )
        with pytest.raises(BadInput, match=said):
            Recording.read(tmp_path / "cut")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"version": 99},
            (
                r"^recording.version: 99 is not allowed; expected 1 to 2 \(a newer Kelvin made "
                r"race.kelvin\)$"
            ),
        ),
        ({"version": 0}, r"^recording.version: 0 is not allowed; expected 1 to 2$"),
        ({"version": "1"}, "^recording.version: '1' is not allowed; expected 1 to 2$"),
        ({"version": True}, "^recording.version: True is not allowed; expected 1 to 2$"),
        ({"type": "hologram", "k": 1}, "one of the kind 'hologram', as if made by a newer Kelvin$"),
        ({"type": "stage"}, "a second race begins in it"),
        ({"type": "metrics"}, "belongs to no frame"),
        ({"type": "picture", "k": "1"}, "belongs to no frame"),
        ({"type": "metrics", "k": 1, "events": 7}, "no events that are a list"),
    ],
)
def test_what_this_version_would_misread_is_refused_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], said: str
) -> None:
    stage = {"type": "stage", "version": 1, **({} if "type" in change else change)}
    more = [encode(change)] if "type" in change else []
    path = Recording([encode(stage), encode({"type": "metrics", "k": 0}), *more]).write(
        tmp_path / "race.kelvin"
    )
    with pytest.raises(BadInput, match=said):
        Recording.read(path)
    for arguments in (("run", str(path)), ("run", "--events", str(path))):
        code, out, err = run(capsys, *arguments)
        assert (code, out) == (2, "")
        assert len(err.strip().splitlines()) == 1


def test_a_recording_that_says_nothing_of_its_race_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for stage in ({}, {"experiment": 7}, {"experiment": {"dataset": "nowhere"}}):
        path = Recording(
            [encode({"type": "stage", **stage}), encode({"type": "metrics", "k": 0})]
        ).write(tmp_path / "race.kelvin")
        code, out, err = run(capsys, "run", str(path))
        assert (code, out, len(err.strip().splitlines())) == (2, "", 1)
        with pytest.raises(BadInput, match="says what was raced"):
            replay.write(path, tmp_path / "race.html")
