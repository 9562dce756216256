"""CIFAR-10 (Krizhevsky 2009), from the standard binary files.

It is searched in ``KELVIN_DATA`` and in the cache, as the folder ``cifar-10-batches-bin`` or as the
archive ``cifar-10-binary.tar.gz``, which is read without being unpacked; it is downloaded into the
cache if it is in neither. A record is one byte of class and 3 × 32 × 32 bytes of red, green and
blue.
"""

from __future__ import annotations

import tarfile
import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ..errors import BadInput, NotFetched
from ..system import settings
from .base import DATASETS, Dataset, DatasetConfig
from .download import DownloadFailed, fetch, why_not
from .mnist import cache_folder

FOLDER, ARCHIVE = "cifar-10-batches-bin", "cifar-10-binary.tar.gz"
MIRRORS = ("https://www.cs.toronto.edu/~kriz",)
CHECKSUM = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
"""sha256 of the archive."""
TRAINING, TEST = tuple(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"
RECORD, PER_FILE = 1 + 3 * 32 * 32, 10_000

Record = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


def records(data: bytes, name: str) -> Record:
    """Return the records of a file: (10,000, 3073) bytes.

    Raises:
        BadInput: it holds something else.
    """
    found = np.frombuffer(data, np.uint8)
    if len(found) != PER_FILE * RECORD:
        raise BadInput(
            "dataset",
            name,
            f"a whole CIFAR-10 file of {PER_FILE * RECORD:,} bytes (it has {len(found):,})",
        )
    found = found.reshape(PER_FILE, RECORD)
    if found[:, 0].max() > 9:
        raise BadInput("dataset", name, "a CIFAR-10 file, with classes from 0 to 9")
    return found


def from_folder(folder: Path, names: tuple[str, ...]) -> list[Record]:
    """Return the files of that name in the unpacked folder."""
    try:
        return [records((folder / name).read_bytes(), str(folder / name)) for name in names]
    except OSError as error:
        raise BadInput(
            "dataset", str(folder), f"the folder of CIFAR-10's binary files ({error.strerror})"
        ) from None


def from_archive(path: Path, names: tuple[str, ...]) -> list[Record]:
    """Return the files of that name in the archive. It is read through once, and no file is
    written.
    """
    found: dict[str, Record] = {}
    try:
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if name in names and member.isfile() and member.size == PER_FILE * RECORD:
                    file = archive.extractfile(member)
                    assert file is not None
                    found[name] = records(file.read(), f"{path}: {name}")
                    if len(found) == len(names):
                        break
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise BadInput(
            "dataset", str(path), f"the archive of CIFAR-10's binary files ({error})"
        ) from None
    missing = [name for name in names if name not in found]
    if missing:
        raise BadInput(
            "dataset",
            str(path),
            f"the archive of CIFAR-10's binary files, whole (there is no {missing[0]} in it)",
        )
    return [found[name] for name in names]


def places() -> list[Path]:
    """Return the folders that may hold CIFAR-10; the last one is for downloads."""
    data = settings.data()
    return ([data, data / "cifar-10"] if data else []) + [cache_folder() / "cifar-10"]


def read(training: int, test: int) -> tuple[Record, Record]:
    """Return the first records of the training files, in their order, and of the test file.

    Raises:
        BadInput: the files are not here and could not be downloaded, or are damaged.
    """
    names = (*TRAINING[: -(-training // PER_FILE)], TEST)
    for place in places():
        if (place / FOLDER).is_dir():
            *parts, held_out = from_folder(place / FOLDER, names)
            break
        if (place / ARCHIVE).exists():
            *parts, held_out = from_archive(place / ARCHIVE, names)
            break
    else:
        try:
            path = fetch(MIRRORS, ARCHIVE, CHECKSUM, places()[-1], packed=True)
        except (DownloadFailed, OSError) as error:
            raise NotFetched(
                Cifar10.name,
                Cifar10.label,
                why_not(error),
                f"the folder {FOLDER} or the file {ARCHIVE}",
                "mnist-small",
                DATASETS.get("mnist-small").label,
            ) from None
        *parts, held_out = from_archive(path, names)
    return np.concatenate(parts)[:training], held_out[:test]


@lru_cache(maxsize=1)
def _load(training: int, test: int) -> Dataset:
    (x_train, y_train), (x_test, y_test) = (_tensors(part) for part in read(training, test))
    return Dataset(x_train, y_train, x_test, y_test, Cifar10.classes, Cifar10.kind)


def _tensors(part: Record) -> tuple[Tensor, Tensor]:
    """Return images (N, 3, 32, 32) float32 in [0, 1] and classes (N,) int64."""
    return torch.from_numpy(part[:, 1:].astype(np.float32)).div_(255).view(
        -1, 3, 32, 32
    ), torch.from_numpy(part[:, 0].astype(np.int64))


@DATASETS.add
class Cifar10(DatasetConfig):
    """Small colour photographs of ten kinds of objects."""

    name = "cifar-10"
    label = "CIFAR-10"
    kind = "images"
    shape = (3, 32, 32)
    classes = (
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    )
    sentence = "60,000 colour photographs of ten kinds; downloaded on first use (170 MB)."
    about = (
        "Colour photographs of 32 × 32 pixels of ten kinds of objects (Krizhevsky 2009). "
        "Downloaded on first use (170 MB)."
    )

    samples: int = Field(
        10_000,
        ge=1000,
        le=50_000,
        description=(
            "Training images, the first of all 50,000; a fifth as many are held out for testing."
        ),
        json_schema_extra={"scale": "log"},
    )

    def load(self, seed: int) -> Dataset:
        return _load(*self.sizes())

    def sizes(self) -> tuple[int, int]:
        return self.samples, self.samples // 5
