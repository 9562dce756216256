"""Files that strangers might give: whole ones, and broken or wicked ones."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping

import numpy as np
from PIL import Image


def picture(
    seed: int = 0, size: tuple[int, int] = (20, 20), mode: str = "RGB", kind: str = "PNG"
) -> bytes:
    """A picture of noise."""
    channels = {"L": (), "RGB": (3,), "RGBA": (4,), "CMYK": (4,)}[mode]
    pixels = (
        np.random.default_rng(seed)
        .integers(256, size=(size[1], size[0], *channels))
        .astype(np.uint8)
    )
    buffer = io.BytesIO()
    Image.fromarray(pixels, mode).save(buffer, kind)
    return buffer.getvalue()


def plain_picture(colour: tuple[int, ...], size: tuple[int, int] = (20, 20)) -> bytes:
    """A PNG of one colour."""
    buffer = io.BytesIO()
    Image.new("RGBA" if len(colour) == 4 else "RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def zipped(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(
    files: Mapping[str, bytes], mode: str = "w:gz", extra: tuple[tarfile.TarInfo, ...] = ()
) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        for entry in extra:
            archive.addfile(entry)
    return buffer.getvalue()


def class_folders(count: int = 6, classes: tuple[str, ...] = ("cats", "dogs")) -> dict[str, bytes]:
    """So many pictures in a folder for every class."""
    return {
        f"pets/{name}/{i}.png": picture(100 * k + i)
        for k, name in enumerate(classes)
        for i in range(count)
    }


def flowers(rows: int = 60) -> str:
    """A table with numbers, categories, holes and a column of classes."""
    rng = np.random.default_rng(0)
    lines = ["length,width,colour,kind,price"]
    for i in range(rows):
        kind = i % 3
        length = "" if i == 7 else f"{rng.normal(kind, 0.3):.3f}"
        colour = "" if i == 9 else ["red", "blue"][int(rng.integers(2))]
        lines.append(
            f"{length},{rng.normal(2 * kind, 0.5):.3f},{colour},{['rose', 'lily', 'iris'][kind]},{10 + 5 * kind + rng.normal():.4f}"
        )
    return "\n".join(lines) + "\n"
