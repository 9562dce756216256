"""CIFAR-10: read from its folder or its archive, never unpacked onto the disk; what is damaged is
refused in a sentence.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.datasets import DATASETS, cifar
from engine.errors import BadInput

FEW = 40


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, bytes]]:
    """The six files, with fewer records, and nothing to be found or downloaded anywhere."""
    monkeypatch.setattr(cifar, "PER_FILE", FEW)
    monkeypatch.setattr(cifar, "MIRRORS", ())
    monkeypatch.setenv("KELVIN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("KELVIN_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    cifar._load.cache_clear()
    made = {}
    for name in (*cifar.TRAINING, cifar.TEST):
        made[name] = (
            np.concatenate(
                [rng.integers(10, size=(FEW, 1)), rng.integers(256, size=(FEW, 3072))], 1
            )
            .astype(np.uint8)
            .tobytes()
        )
    yield made
    cifar._load.cache_clear()


def lay(files: dict[str, bytes], folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def pack(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in {"readme.html": b"<html>", **files}.items():
            entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def test_pixels_and_classes_are_where_the_format_says(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    lay(files, tmp_path / "data" / cifar.FOLDER)
    training, test = cifar.read(2 * FEW + 5, 7)
    data = b"".join(files[name] for name in cifar.TRAINING)
    assert training.tobytes() == data[: (2 * FEW + 5) * 3073]
    assert test.tobytes() == files[cifar.TEST][: 7 * 3073]
    x, y = cifar._tensors(training)
    assert x.shape == (2 * FEW + 5, 3, 32, 32)
    assert int(y[3]) == data[3 * 3073]
    assert float(x[3, 2, 5, 7]) == pytest.approx(data[3 * 3073 + 1 + 2 * 1024 + 5 * 32 + 7] / 255)


def test_the_archive_gives_the_same_and_nothing_is_unpacked(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    place = tmp_path / "cache" / "cifar-10"
    place.mkdir(parents=True)
    (place / cifar.ARCHIVE).write_bytes(pack(files))
    training, test = cifar.read(5 * FEW, FEW)
    assert training.tobytes() == b"".join(files[name] for name in cifar.TRAINING)
    assert test.tobytes() == files[cifar.TEST]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [cifar.ARCHIVE]


def test_the_choice_tells_what_it_loads() -> None:
    choice = DATASETS.build({"name": "cifar-10", "samples": 5000})
    assert choice.sizes() == (5000, 1000)
    assert len(choice.classes) == 10
    assert DATASETS.build({"name": "cifar-10", "samples": 50_000}).sizes() == (50_000, 10_000)


def damage(files: dict[str, bytes], how: str, folder: Path) -> None:
    name = cifar.TRAINING[0]
    if how == "short":
        lay({**files, name: files[name][:-1]}, folder / cifar.FOLDER)
    elif how == "class":
        lay({**files, name: b"\x0a" + files[name][1:]}, folder / cifar.FOLDER)
    elif how == "missing":
        lay({other: data for other, data in files.items() if other != name}, folder / cifar.FOLDER)
    else:
        folder.mkdir(parents=True)
        whole = pack(
            {other: data for other, data in files.items() if how != "incomplete" or other != name}
        )
        (folder / cifar.ARCHIVE).write_bytes(
            {
                "cut": whole[: len(whole) // 2],
                "nonsense": b"hello",
                "gzip": gzip.compress(b"hello"),
            }.get(how, whole)
        )


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("short", "a whole CIFAR-10 file of 122,920 bytes"),
        ("class", "classes from 0 to 9"),
        ("missing", "the folder of CIFAR-10's binary files"),
        ("cut", "the archive of CIFAR-10's binary files"),
        ("nonsense", "the archive of CIFAR-10's binary files"),
        ("gzip", "the archive of CIFAR-10's binary files"),
        ("incomplete", "there is no data_batch_1.bin in it"),
    ],
)
def test_damaged_files_are_refused_in_a_sentence(
    files: dict[str, bytes], tmp_path: Path, how: str, why: str
) -> None:
    damage(files, how, tmp_path / "data")
    with pytest.raises(BadInput, match=why) as caught:
        cifar.read(FEW, FEW)
    assert "\n" not in str(caught.value)


def test_where_it_is_not_here_and_cannot_be_downloaded_one_line_says_what_to_do(
    files: dict[str, bytes],
) -> None:
    with pytest.raises(
        BadInput,
        match=r"cifar-10-binary\.tar\.gz in .* could not be downloaded .*mnist-small works",
    ) as caught:
        DATASETS.build("cifar-10").load(0)
    assert "\n" not in str(caught.value)
    assert not any(str(place) in str(caught.value) for place in cifar.places()), (
        "a visitor is told nothing of the machine's folders"
    )


class Handler(BaseHTTPRequestHandler):
    body = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.mark.parametrize("right", [True, False])
def test_a_download_is_checked_as_it_comes(
    files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: bool
) -> None:
    Handler.body = pack(files)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        monkeypatch.setattr(cifar, "MIRRORS", (f"http://127.0.0.1:{server.server_address[1]}",))
        monkeypatch.setattr(
            cifar, "CHECKSUM", hashlib.sha256(Handler.body).hexdigest() if right else "0" * 64
        )
        if right:
            assert cifar.read(FEW, FEW)[1].tobytes() == files[cifar.TEST]
            assert (tmp_path / "cache" / "cifar-10" / cifar.ARCHIVE).read_bytes() == Handler.body
        else:
            with pytest.raises(BadInput, match="its checksum is wrong"):
                cifar.read(FEW, FEW)
            assert list((tmp_path / "cache" / "cifar-10").iterdir()) == []
    finally:
        server.shutdown()
        server.server_close()


def test_colour_images_are_classified_and_their_wall_is_grey() -> None:
    from engine.datasets import Dataset
    from engine.networks import NETWORKS
    from engine.observation.predictions import Predictions

    x, y = torch.rand(60, 3, 32, 32), torch.arange(60) % 10
    network = NETWORKS.build("cnn").build((3, 32, 32), 10)
    answers = Predictions(network, Dataset(x, y, x, y, cifar.Cifar10.classes, "images"))
    assert answers.stage()["wall"]["images"].shape == (40, 32, 32)
    assert answers.of(network.init(torch.Generator()).unsqueeze(0))[0]["wall"][
        "predicted"
    ].shape == (40,)
