"""Files of checkpoints: what is written comes back, bit for bit and with its aliases; what is
damaged or foreign is refused.
"""

from __future__ import annotations

import math
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.system import checkpoint_file


def there_and_back(value: Any, folder: Path) -> Any:
    data = checkpoint_file.write(folder / "one", value).read_bytes()
    assert checkpoint_file.is_checkpoint(data)
    return checkpoint_file.parse(checkpoint_file.content(data))


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.dictionaries(st.text() | st.integers(), inside, max_size=4)
        | st.lists(inside, max_size=3).map(tuple)
    ),
    max_leaves=12,
)


@given(PLAIN)
def test_plain_values_come_back_as_they_were(tmp_path_factory: Any, value: Any) -> None:
    folder = tmp_path_factory.getbasetemp()
    try:
        found = there_and_back(value, folder)
    except UnicodeEncodeError:  # a lone surrogate, which no text of a race has
        return
    assert found == value
    assert repr(found) == repr(value), "of the same kinds"


def test_arrays_keep_type_shape_order_and_aliases(tmp_path: Path) -> None:
    one = np.arange(12, dtype=np.int32)
    tall = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    rows = np.arange(12, dtype=np.int64).reshape(3, 4)
    value = {
        "rows": rows,
        "row": rows[1],
        "odd": rows[:, 1::2],
        "one": one,
        "again": one,
        "tall": tall,
        "none": np.zeros((0, 4), bool),
        "single": np.array(3.5),
        "state": np.array([2**64 - 1], np.uint64),
    }
    found = there_and_back(value, tmp_path)
    for name, array in value.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array)
    assert found["tall"].strides == tall.strides
    found["one"][0] = 7  # kernels write in place
    assert found["again"][0] == 7
    found["rows"][1] = 5
    assert found["row"].tolist() == [5] * 4
    assert found["odd"].tolist() == [[1, 3], [5, 5], [9, 11]]


def test_tensors_keep_memory_views_and_strides(tmp_path: Path) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    value = {
        "base": base,
        "row": base[1],
        "turned": base.T,
        "wide": torch.tensor([1.0, math.nan]).expand(3, 2),
        "half": torch.tensor([0.5], dtype=torch.bfloat16),
        "empty": torch.zeros(0, 3),
    }
    found = there_and_back(value, tmp_path)
    for name, tensor in value.items():
        assert found[name].dtype == tensor.dtype
        assert found[name].stride() == tensor.stride()
        assert torch.equal(found[name].nan_to_num(9), tensor.nan_to_num(9))
    found["base"][1] = 5.0
    assert found["row"].tolist() == [5.0] * 4
    assert found["wide"].untyped_storage().nbytes() == 8


@pytest.mark.parametrize("at", [0, 5, 30, 60, 200, -1])
def test_a_changed_byte_is_noticed(tmp_path: Path, at: int) -> None:
    data = bytearray(checkpoint_file.write(tmp_path / "one", {"x": np.arange(99)}).read_bytes())
    data[at] ^= 1
    if not checkpoint_file.is_checkpoint(bytes(data)):
        return
    with pytest.raises(ValueError, match="damaged or cut off"):
        checkpoint_file.content(bytes(data))


@pytest.mark.parametrize("body", [b"", b"hello", b"\x08\0\0\0\0\0\0\0{}      ", bytes(1000)])
def test_foreign_content_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="not a checkpoint"):
        checkpoint_file.parse(body)


def test_what_is_no_plain_value_is_not_written(tmp_path: Path) -> None:
    for value in (object(), {1, 2}, np.array([object()])):
        with pytest.raises(ValueError, match="a checkpoint holds no"):
            checkpoint_file.write(tmp_path / "one", value)
    assert not list(tmp_path.iterdir())


def test_writing_takes_no_copy_of_the_arrays(tmp_path: Path) -> None:
    """A race may have taken most of the memory there is."""
    value = {
        "array": np.arange(2**20, dtype=np.float64),
        "tensor": torch.arange(2**20, dtype=torch.float64),
        "bytes": bytes(2**20),
    }
    checkpoint_file.write(tmp_path / "warm", {"tensor": torch.ones(3)})
    tracemalloc.start()
    try:
        path = checkpoint_file.write(tmp_path / "one", value)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 17 * 2**20
    assert peak < 2**20


def test_what_is_written_is_safetensors(tmp_path: Path) -> None:
    path = checkpoint_file.write(tmp_path / "one", {"a": np.arange(5, dtype=np.uint8), "b": b"xyz"})
    found = safetensors.numpy.load(checkpoint_file.content(path.read_bytes()))
    assert {name: one.tolist() for name, one in found.items()} == {
        "0": [0, 1, 2, 3, 4],
        "1": list(b"xyz"),
    }
