"""Messages survive their bytes; recordings survive the disk, and broken ones are refused in a sentence."""

import math
from pathlib import Path

import msgpack
import numpy as np
import pytest
import torch

from engine.errors import BadInput
from engine.frames import decode, encode
from engine.recording import Recording


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
    np.testing.assert_array_equal(back["floats"], (np.arange(6).reshape(2, 3) / 7).astype(np.float32))
    np.testing.assert_array_equal(back["bytes"], [[0, 255]])
    np.testing.assert_array_equal(back["whole"], [1, -2])
    assert back["nested"][0]["x"].shape == (0, 2)
    assert back["none"] is None
    assert back["nan"] is None
    assert back["infinite"] is None


def test_the_wire_form_is_the_one_the_browser_reads() -> None:
    raw = msgpack.unpackb(encode({"type": "x", "a": torch.tensor([1.0, 2.0])}))
    assert raw == {"type": "x", "a": {"d": "f4", "s": [2], "b": b"\x00\x00\x80?\x00\x00\x00@"}}


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x01", b"\x80", encode({"type": "x"})[:-1]])
def test_bytes_that_are_no_message_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a message"):
        decode(data)


def test_a_recording_is_the_same_bytes_after_the_disk(tmp_path: Path) -> None:
    messages = [encode({"type": "stage"}), encode({"type": "metrics", "k": 0}), encode({"type": "picture", "k": 0, "z": torch.randn(5, 5)})]
    path = Recording(messages).write(tmp_path / "a" / "race.kelvin")
    assert Recording.read(path).messages == messages
    assert [p.name for p in path.parent.iterdir()] == ["race.kelvin"]
    assert Recording(messages).write(tmp_path / "b.kelvin").read_bytes() == path.read_bytes()


def test_broken_recordings_are_refused_in_a_sentence(tmp_path: Path) -> None:
    whole = Recording([encode({"type": "stage"}), encode({"type": "metrics", "k": 0})]).write(tmp_path / "whole.kelvin").read_bytes()
    for name, data in {"cut": whole[:-12], "empty": b"", "text": b"hello", "gone": None}.items():
        path = tmp_path / f"{name}.kelvin"
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(BadInput, match="a whole Kelvin recording"):
            Recording.read(path)
    with pytest.raises(ValueError, match="begins with a stage"):
        Recording([encode({"type": "metrics"})])
