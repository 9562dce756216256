"""Draw the thumbnails of the datasets from the data themselves.

    KELVIN_DATA=/folder/with/cifar-10/… python -m tests.tools.thumbnails

Drawings are SVG, which looks otherwise behind the address ``…#dark``; images are PNG.
"""

from __future__ import annotations

import html
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from app.palette import CLASS_POINTS, CLASS_POINTS_ON_DARK
from app.thumbnails import FOLDER, OWN
from engine.datasets import DATASETS, DatasetConfig
from engine.errors import NotFetched

SIDE = 128
"""Side of a drawing, in its own units."""
MARGIN = 13
MOST_POINTS = 260
INK, INK_ON_DARK = "#1a1a1a", "#f2ede6"
FAINT, FAINT_ON_DARK = "#8b8379", "#8f867c"
MOST_BYTES, MOST_BYTES_IN_ALL = 4096, 80 * 1024
COLOURS = 56
"""Colours of a thumbnail of photographs."""
BLANK, WORD, LINES, LETTERS = "␣", "light", 4, 9
"""How texts write a blank, a word of the piece that is shown, its lines, and how long they are."""
SHOWN = {
    "mnist": (9, 2, 5, 0),
    "fashion-mnist": (1, 3, 7, 8),
    "cifar-10": (7, 8, 0, 1),
    "digits": (7,),
}
"""Classes of which a sample is shown, one or four; the first four if a dataset is not named."""
GLYPHS = {
    OWN: (
        '<path class="i" d="M64 86V30M42 50l22-22 22 22"/>'
        '<path class="f" d="M24 80v20q0 8 8 8h64q8 0 8-8V80"/>'
    ),
    "own-table": (
        '<path class="f" d="M20 48h88M20 74h88M20 100h88M52 24v80M80 24v80"/>'
        '<path class="i" d="M20 24h88"/>'
    ),
    "own-images": (
        '<path class="f" d="M20 28h88v72H20z"/>'
        '<path class="i" d="M26 92l26-30 18 20 12-12 20 22"/><path class="a" d="M86 46h0"/>'
    ),
}
"""Drawings for data that are not there yet."""


def style() -> str:
    """Return the colours of a drawing, by day and by night."""
    lines = ["path{fill:none;stroke-width:6;stroke-linejoin:round;stroke-linecap:round}"]
    lines.append(".b{stroke-linecap:square}.f{stroke-width:4}.p{stroke-width:5}")
    for where, classes, ink, faint in (
        ("", CLASS_POINTS, INK, FAINT),
        (":target ", CLASS_POINTS_ON_DARK, INK_ON_DARK, FAINT_ON_DARK),
    ):
        for name, colour in zip("abc", classes, strict=True):
            lines.append(f"{where}.{name}{{stroke:{colour}}}")
        lines.append(f"{where}.i{{stroke:{ink}}}{where}.f{{stroke:{faint}}}")
        lines.append(f"{where}text{{fill:{ink}}}")
    return "".join(lines)


def drawing(inside: str) -> bytes:
    """Return an SVG file."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="dark" viewBox="0 0 {SIDE} {SIDE}">'
        f"<style>{style()}</style>{inside}</svg>\n"
    ).encode()


def placed(values: np.ndarray) -> np.ndarray:
    """Return coordinates within the drawing: (N,) → (N,), from margin to margin."""
    low, high = values.min(), values.max()
    return MARGIN + (values - low) / (high - low) * (SIDE - 2 * MARGIN)


def path(x: Iterable[float], y: Iterable[float]) -> str:
    """Return a line through points, y upwards."""
    spots = [f"{a:.0f} {SIDE - b:.0f}" for a, b in zip(x, y, strict=True)]
    return "M" + "L".join(spots)


def dots(x: np.ndarray, y: np.ndarray) -> str:
    """Return points: lines of no length, whose round or square ends are all that is seen."""
    return "".join(f"{path([a], [b])}h0" for a, b in zip(x, y, strict=True))


def scattered(x: np.ndarray, y: np.ndarray, labels: np.ndarray) -> str:
    """Return points in the colours of their classes."""
    kept = np.linspace(0, len(x) - 1, min(len(x), MOST_POINTS)).astype(int)
    x, y, labels = placed(x)[kept], placed(y)[kept], labels[kept]
    return "".join(
        f'<path class="p {"abc"[label]}" d="{dots(x[labels == label], y[labels == label])}"/>'
        for label in np.unique(labels)
    )


def curve(x: np.ndarray, y: np.ndarray) -> str:
    """Return a curve over an axis."""
    order = np.argsort(x)
    axis = f'<path class="f" d="M{MARGIN} {SIDE - MARGIN}h{SIDE - 2 * MARGIN}"/>'
    return f'{axis}<path class="a" d="{path(placed(x)[order], placed(y)[order])}"/>'


def lettered(text: str) -> str:
    """Return whole words of a text in four lines; nothing if they are fewer, or do not tell of
    light.
    """
    lines: list[str] = [""]
    for word in text.replace(BLANK, " ").split(" ")[1:-1]:
        if len(lines[-1]) + len(word) < LETTERS:
            lines[-1] = f"{lines[-1]} {word}".strip()
        else:
            lines.append(word)
    if len(lines) < LINES or WORD not in lines[:LINES]:
        return ""
    return "".join(
        f'<text x="10" y="{32 + 29 * i}" font-family="Georgia,serif" font-size="29">'
        f"{html.escape(line)}</text>"
        for i, line in enumerate(lines[:LINES])
    )


def pictured(images: np.ndarray, labels: np.ndarray, classes: Iterable[int]) -> bytes:
    """Return one sample of one class, or of each of four: (N, C, H, W) from 0 to 1."""
    chosen = [images[np.flatnonzero(labels == one)[0]] for one in classes]
    square = chosen[0]
    if len(chosen) == 4:
        square = np.concatenate([np.concatenate(chosen[:2], 2), np.concatenate(chosen[2:], 2)], 1)
    pixels = (square * 255).round().astype(np.uint8)
    image = (
        Image.fromarray(pixels[0])
        if len(pixels) == 1
        else Image.fromarray(pixels.transpose(1, 2, 0)).quantize(COLOURS)
    )
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def thumbnail(name: str, dataset: DatasetConfig | None) -> tuple[str, bytes]:
    """Return the ending of a thumbnail's file, and its bytes."""
    if dataset is None or dataset.needs_file:
        return "svg", drawing(GLYPHS[name])
    data = dataset.load(0)
    x, y = data.x_train.numpy(), data.y_train.numpy()
    if data.kind == "images":
        return "png", pictured(x, y, SHOWN.get(name, range(4)))
    if data.kind == "text":
        pieces = ("".join(data.classes[int(one)] for one in piece) for piece in x)
        return "svg", drawing(next(filter(None, map(lettered, pieces))))
    if data.kind == "curve" and x.shape[1] == 1:
        return "svg", drawing(curve(x[:, 0], y))
    if data.kind == "curve":  # of several numbers: the first one tells where
        return "svg", drawing(scattered(x[:, 0], y, np.zeros(len(y), int)))
    # Of a table the last two columns: for Iris those that tell most.
    return "svg", drawing(scattered(x[:, -2], x[:, -1], y))


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    names: dict[str, DatasetConfig | None] = {OWN: None}
    names |= {cls.name: cls() for cls in DATASETS if cls.kind != "function"}
    total = 0
    for name, dataset in names.items():
        try:
            ending, content = thumbnail(name, dataset)
        except NotFetched as error:
            print(f"{name} stays as it is: {error}")
            continue
        assert len(content) <= MOST_BYTES, f"{name}: {len(content):,} bytes"
        total += len(content)
        file = Path(FOLDER / f"{name}.{ending}")
        file.write_bytes(content)
        print(f"{file.name}: {len(content):,} bytes")
    assert total <= MOST_BYTES_IN_ALL, f"{total:,} bytes in all"


if __name__ == "__main__":
    main()
