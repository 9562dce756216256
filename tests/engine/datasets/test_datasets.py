"""Datasets: drawn ones follow their seed, shipped ones are what they claim, broken files are
refused in a sentence.
"""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.datasets import DATASETS
from engine.datasets.idx import read_idx
from engine.errors import BadInput

TOY = ["spirals", "moons", "circles", "xor", "checkerboard"]
SHIPPED = ["digits", "mnist-small", "fashion-mnist-small"]


@pytest.mark.parametrize("name", TOY)
def test_drawn_datasets_follow_their_seed(name: str) -> None:
    choice = DATASETS.build({"name": name, "points": 400})
    one, same, other = choice.load(1), choice.load(1), choice.load(2)
    assert torch.equal(one.x_train, same.x_train)
    assert torch.equal(one.y_test, same.y_test)
    assert not torch.equal(one.x_train, other.x_train)
    assert not torch.equal(one.x_train, one.x_test)
    assert one.x_train.shape == (400, 2)
    assert one.x_train.dtype == torch.float32
    assert (len(one.y_train), len(one.y_test)) == choice.sizes()
    assert one.y_train.bincount().tolist() == [200, 200]
    assert one.x_train.abs().max() < 1.6


@pytest.mark.parametrize("name", TOY)
def test_without_noise_the_classes_are_apart(name: str) -> None:
    data = DATASETS.build({"name": name, "points": 1000, "noise": 0}).load(0)
    nearest = torch.cdist(data.x_test, data.x_train).argmin(1)
    assert float((data.y_train[nearest] == data.y_test).float().mean()) >= 0.97


def test_noise_is_noise() -> None:
    clean, noisy = (
        DATASETS.build({"name": "circles", "points": 2000, "noise": noise}).load(0)
        for noise in (0.0, 0.1)
    )
    assert float((noisy.x_train - clean.x_train).std()) == pytest.approx(0.1, rel=0.05)


def test_spirals_need_more_than_a_line() -> None:
    data = DATASETS.build("spirals").load(0)
    x = torch.cat([data.x_train, torch.ones(len(data.x_train), 1)], 1)
    line = torch.linalg.lstsq(x, data.y_train.float().unsqueeze(1) * 2 - 1).solution
    assert float(((x @ line).squeeze() > 0).long().eq(data.y_train).float().mean()) < 0.75


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_datasets_are_what_they_claim(name: str) -> None:
    choice = DATASETS.build(name)
    data = choice.load(0)
    assert data.shape == choice.shape
    assert (len(data.y_train), len(data.y_test)) == choice.sizes()
    assert (len(data.x_train), len(data.x_test)) == choice.sizes()
    assert float(data.x_train.min()) == 0
    assert float(data.x_train.max()) == 1
    assert data.y_train.unique().tolist() == list(range(10))
    assert len(data.classes) == 10
    if name != "digits":
        assert data.y_train.bincount().tolist() == [500] * 10
        assert data.y_test.bincount().tolist() == [100] * 10
    # No test image is among the training images.
    train = {row.tobytes() for row in data.x_train.numpy()}
    shared = sum(row.tobytes() in train for row in data.x_test.numpy())
    assert shared == 0


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_full_sets_are_found_where_they_lie_and_the_subsets_come_from_them(
    name: str, kelvin_data: Path
) -> None:
    full, small = DATASETS.build(name), DATASETS.build(f"{name}-small")
    data, part = full.load(0), small.load(0)
    assert (len(data.y_train), len(data.y_test)) == full.sizes() == (60_000, 10_000)
    everything = {
        (row.tobytes(), int(label))
        for row, label in zip(data.x_train.numpy(), data.y_train, strict=True)
    }
    assert all(
        (row.tobytes(), int(label)) in everything
        for row, label in zip(part.x_train.numpy(), part.y_train, strict=True)
    )


def idx(shape: tuple[int, ...], body: bytes, kind: int = 8) -> bytes:
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + body


def test_idx_files_packed_or_not(tmp_path: Path) -> None:
    data = idx((2, 3), bytes(range(6)))
    (tmp_path / "plain").write_bytes(data)
    (tmp_path / "packed.gz").write_bytes(gzip.compress(data))
    for name in ("plain", "packed.gz"):
        np.testing.assert_array_equal(read_idx(tmp_path / name), np.arange(6).reshape(2, 3))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "first bytes"),
        (b"hello", "first bytes"),
        (idx((2, 3), bytes(6), kind=13), "first bytes"),
        (idx((2, 3), bytes(5)), "holds 5 values where its head says 6"),
        (idx((2, 3), bytes(7)), "holds 7 values where its head says 6"),
        (idx((2**31, 2**31), b""), "it claims to hold"),
        (idx((1, 1, 1, 1), b"\0"), "it claims to hold"),
        (b"\0\0\x08\x03\0\0", "unpack"),
        (gzip.compress(idx((2,), bytes(2)), mtime=0)[:-6], "whole idx file"),
        (b"\x1f\x8b" + bytes(30), "whole idx file"),
    ],
)
def test_broken_idx_files_are_refused_in_a_sentence(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(BadInput, match=why) as caught:
        read_idx(path)
    assert "\n" not in str(caught.value)


def test_labels_that_do_not_fit_their_images_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mnist"
    folder.mkdir()
    images, labels = idx((3, 28, 28), bytes(3 * 784)), idx((2,), bytes(2))
    for stem in ("train", "t10k"):
        (folder / f"{stem}-images-idx3-ubyte").write_bytes(images)
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(labels)
    monkeypatch.setenv("KELVIN_DATA", str(tmp_path))
    with pytest.raises(BadInput, match="as many labels"):
        DATASETS.build("mnist").load(0)
