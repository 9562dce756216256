"""Datasets at their edges: settings out of range, what a network can learn, assets against their
sources, downloads that end wrongly.
"""

import gzip
import hashlib
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from engine.datasets import DATASETS, DatasetConfig, download, mnist
from engine.datasets.base import Dataset
from engine.datasets.download import DownloadFailed, fetch
from engine.datasets.idx import read_idx
from engine.errors import BadInput

TOY = ["spirals", "moons", "circles", "xor", "checkerboard"]


def test_people_see_them_in_this_order() -> None:
    assert [(cls.name, cls.label) for cls in DATASETS] == [
        ("spirals", "Two spirals"),
        ("moons", "Moons"),
        ("circles", "Circles"),
        ("xor", "XOR"),
        ("checkerboard", "Checkerboard"),
        ("drawn", "Your own points"),
        ("sinc", "Sinc curve"),
        ("step", "Step"),
        ("iris", "Iris"),
        ("digits", "Digits 8×8"),
        ("mnist-small", "MNIST (5,000)"),
        ("fashion-mnist-small", "Fashion-MNIST (5,000)"),
        ("mnist", "MNIST"),
        ("fashion-mnist", "Fashion-MNIST"),
        ("cifar-10", "CIFAR-10"),
        ("opticks", "Newton's Opticks (text)"),
        ("bowl", "Bowl"),
        ("features", "Random features"),
        ("own-table", "Your own table"),
        ("own-images", "Your own pictures"),
        ("landscape", "Landscape"),
    ]
    for cls in DATASETS:
        assert cls.about
        assert "\n" not in cls.about


def test_a_dataset_must_say_its_sizes() -> None:
    class Sizeless(DatasetConfig):
        name = "sizeless"

        def load(self, seed: int) -> Dataset:
            raise NotImplementedError

    with pytest.raises(TypeError, match="sizes"):
        Sizeless()  # type: ignore[abstract]


@pytest.mark.parametrize("name", TOY)
@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("points", 19, "at least 20"),
        ("points", 5001, "at most 5000"),
        ("points", 2.5, "a whole number"),
        ("noise", -0.1, "at least 0.0"),
        ("noise", 1.1, "at most 1.0"),
        ("noise", float("nan"), "a finite number"),
        ("turns", 3, "no such field here"),
    ],
)
def test_settings_out_of_range_are_refused_in_a_sentence(
    name: str, field: str, value: float, allowed: str
) -> None:
    with pytest.raises(BadInput) as caught:
        DATASETS.build({"name": name, field: value})
    assert str(caught.value) == f"dataset.{field}: {value!r} is not allowed; expected {allowed}"


@pytest.mark.parametrize("name", TOY)
def test_the_ends_of_the_ranges_are_allowed_and_balanced(name: str) -> None:
    for points, noise in ((20, 0.0), (21, 1.0), (5000, 0.0)):
        data = DATASETS.build({"name": name, "points": points, "noise": noise}).load(3)
        for x, y in ((data.x_train, data.y_train), (data.x_test, data.y_test)):
            assert x.shape == (points, 2)
            assert y.bincount().tolist() == [points - points // 2, points // 2]
            assert noise or float(x.abs().max()) <= 1.01


@pytest.mark.parametrize("name", TOY)
def test_training_and_test_points_are_independent(name: str) -> None:
    data = DATASETS.build({"name": name, "points": 5000}).load(0)
    assert not {row.tobytes() for row in data.x_train.numpy()} & {
        row.tobytes() for row in data.x_test.numpy()
    }
    together = torch.cat([data.x_train, data.x_test], 1).T.corrcoef()
    assert float(together[:2, 2:].abs().max()) < 0.06  # four standard errors of no correlation
    assert abs(float((data.y_train == data.y_test).float().mean()) - 0.5) < 0.03


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_clean_spirals_are_two_separate_arms(seed: int) -> None:
    data = DATASETS.build({"name": "spirals", "noise": 0}).load(seed)
    nearest = torch.cdist(data.x_test, data.x_train).argmin(1)
    assert float((data.y_train[nearest] == data.y_test).float().mean()) >= 0.99
    # One and a half turns: along an arm the angle goes with the radius, from 0.12 · 3π to 3π.
    radius = data.x_train.norm(dim=1)
    angle = 3 * torch.pi * radius + torch.pi * data.y_train
    torch.testing.assert_close(
        data.x_train,
        radius.unsqueeze(1) * torch.stack([angle.cos(), angle.sin()], 1),
        atol=1e-5,
        rtol=0,
    )
    assert float(radius.min()) >= 0.12
    assert float(radius.max()) <= 1.0001


def test_a_small_network_learns_the_spirals() -> None:
    data = DATASETS.build("spirals").load(0)
    net = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 2))
    adam = torch.optim.Adam(net.parameters(), 0.02)
    for _ in range(800):
        adam.zero_grad()
        nn.functional.cross_entropy(net(data.x_train), data.y_train).backward()
        adam.step()
    assert float((net(data.x_test).argmax(1) == data.y_test).float().mean()) >= 0.9


@pytest.mark.parametrize("name", ["digits", "mnist-small", "fashion-mnist-small"])
def test_shipped_sets_are_read_once_and_do_not_follow_the_seed(name: str) -> None:
    assert DATASETS.build(name).load(0) is DATASETS.build(name).load(9)


def test_the_digits_are_scikit_learns() -> None:
    x, y = pytest.importorskip("sklearn.datasets").load_digits(return_X_y=True)
    data = DATASETS.build("digits").load(0)
    ours = np.rint(np.concatenate([data.x_train, data.x_test]).reshape(-1, 64) * 16).astype(
        np.uint8
    )
    labels = np.concatenate([data.y_train, data.y_test])
    assert ours.max() == 16
    assert sorted((row.tobytes(), int(c)) for row, c in zip(ours, labels, strict=True)) == sorted(
        (row.tobytes(), int(c)) for row, c in zip(x.astype(np.uint8), y, strict=True)
    )


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_both_halves_of_a_subset_come_from_the_same_halves_of_the_full_set(
    name: str, kelvin_data: Path
) -> None:
    small = DATASETS.build(f"{name}-small").load(0)
    for part, x, y in (
        ("train", small.x_train, small.y_train),
        ("test", small.x_test, small.y_test),
    ):
        pictures = read_idx(kelvin_data / name / f"{mnist.FILES[f'x_{part}']}.gz")
        labels = read_idx(kelvin_data / name / f"{mnist.FILES[f'y_{part}']}.gz")
        everything = {
            (row.tobytes(), int(label)) for row, label in zip(pictures, labels, strict=True)
        }
        bytes_again = (x.squeeze(1) * 255).round().to(torch.uint8).numpy()
        assert all(
            (row.tobytes(), int(label)) in everything
            for row, label in zip(bytes_again, y, strict=True)
        )


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_checksums_are_those_of_the_standard_files(name: str, kelvin_data: Path) -> None:
    checksums = DATASETS.get(name).checksums  # type: ignore[attr-defined]
    for key, stem in mnist.FILES.items():
        assert (
            hashlib.sha256(
                gzip.decompress((kelvin_data / name / f"{stem}.gz").read_bytes())
            ).hexdigest()
            == checksums[key]
        )


def idx(shape: tuple[int, ...], body: bytes) -> bytes:
    return bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + body


def test_an_idx_file_of_no_dimensions_or_with_bytes_after_its_gzip_is_refused(
    tmp_path: Path,
) -> None:
    for data, why in (
        (bytes([0, 0, 8, 0, 1]), "claims to hold no values"),
        (gzip.compress(idx((2,), b"ab")) + b"junk", "a whole idx file"),
    ):
        (tmp_path / "file").write_bytes(data)
        with pytest.raises(BadInput, match=why):
            read_idx(tmp_path / "file")


def test_a_set_without_samples_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mnist"
    folder.mkdir()
    for key, stem in mnist.FILES.items():
        (folder / stem).write_bytes(idx((0, 28, 28) if key.startswith("x") else (0,), b""))
    monkeypatch.setenv("KELVIN_DATA", str(tmp_path))
    with pytest.raises(BadInput, match="at least one"):
        DATASETS.build("mnist").load(0)


BODY = bytes(range(256)) * 1000
PACKED = gzip.compress(BODY)
SHA = hashlib.sha256(BODY).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves PACKED whole, then goes wrong in the way the first part of the path says."""

    def do_GET(self) -> None:
        way = self.path.split("/")[1]
        body = {"trailing": PACKED + b"<!-- served by -->", "twice": PACKED + PACKED}.get(
            way, PACKED
        )
        self.send_response(200)
        if way != "unsized":
            self.send_header("Content-Length", str(len(body)))
        if way == "encoded":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        if way == "stalled":
            self.wfile.write(body[:100])
            self.wfile.flush()
            self.server.over.wait()  # type: ignore[attr-defined]
            return
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def base() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.over = threading.Event()  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.over.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("way", "why"),
    [
        ("trailing", "goes on after the end"),
        ("twice", "goes on after the end"),
        ("stalled", "the mirror did not answer in time$"),
    ],
)
def test_a_file_that_could_not_be_read_later_is_never_kept(
    base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, why: str
) -> None:
    if way == "stalled":
        monkeypatch.setattr(download, "READ_SECONDS", 0.3)
    with pytest.raises(DownloadFailed, match=why):
        fetch([f"{base}/{way}"], "file.gz", SHA, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("way", ["unsized", "encoded"])
def test_unusual_but_whole_answers_are_kept_as_they_are(
    base: str, tmp_path: Path, way: str
) -> None:
    assert fetch([f"{base}/{way}"], "file.gz", SHA, tmp_path).read_bytes() == PACKED
