"""Pictures in folders: every folder a class; each picture made a small square of bytes.

A class is the folder a picture lies in. Where folders named ``train`` and ``test`` (or ``training``, ``val``, ``validation``) stand above, they say what is held out.
"""

from __future__ import annotations

import io
import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from engine.decoding.archive import entries
from engine.decoding.limits import CATEGORIES, PIXELS, SIDES, named, refuse

FORMATS = ("PNG", "JPEG")
ENDINGS = (".png", ".jpg", ".jpeg")
HELD_OUT = {"test": True, "testing": True, "val": True, "valid": True, "validation": True, "train": False, "training": False}
LEAST = 2
"""Pictures of a class."""

Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
Image.MAX_IMAGE_PIXELS = None  # sizes are checked here, before anything is decoded


class Unreadable(ValueError):
    """A picture that is left out; the message says why, as in "Left out, …: 3 files."."""


@dataclass
class Pictures:
    """What was found in an archive.

    Attributes:
        classes: names, in alphabetical order.
        squares: (N, C, side, side) uint8, classes (N,) and whether each is held out (N,), in the archive's order.
        split: whether the archive itself says which are held out.
        notes: what was left out or changed, a sentence each.
    """

    classes: tuple[str, ...]
    squares: Pixels
    labels: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
    held_out: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    split: bool
    notes: list[str] = field(default_factory=list)

    def counts(self) -> list[list[int]]:
        """[training, held out] pictures of every class; all of them are training where the archive does not say."""
        return [[int(((self.labels == k) & (self.held_out == out)).sum()) for out in (False, True)] for k in range(len(self.classes))]


def read_pictures(data: bytes, name: str, side: int, colour: str) -> Pictures:
    """All pictures of an archive as squares.

    Args:
        data: of the archive.
        name: of the archive.
        side: pixels of the squares.
        colour: "rgb" or "grey".

    Raises:
        BadInput: the archive is refused (see `archive`), or does not hold at least two folders with at least two pictures each.
    """
    assert SIDES[0] <= side <= SIDES[1]
    squares: list[Pixels] = []
    folders: list[str] = []
    held_out: list[bool | None] = []
    changed: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    for entry in entries(data, name):
        *above, file = entry.parts or ("",)
        if file.startswith(".") or "__MACOSX" in above:
            continue
        if not file.lower().endswith(ENDINGS):
            left_out["neither PNG nor JPEG"] += 1
        elif not above or above[-1].lower() in HELD_OUT:
            left_out["in no folder of a class"] += 1
        else:
            try:
                squares.append(square(entry.data, side, colour, changed))
                folders.append(named(above[-1]))
                held_out.append(next((HELD_OUT[part.lower()] for part in above[:-1] if part.lower() in HELD_OUT), None))
            except Unreadable as error:
                left_out[str(error)] += 1
    notes = [f"Left out, {why}: {_many(count, 'file')}." for why, count in left_out.items()] + [
        f"{how}: {_many(count, 'picture')}." for how, count in changed.items()
    ]
    sizes = Counter(folders)
    small = sorted(one for one in sizes if sizes[one] < LEAST)
    if small:
        notes.append(f"Left out with fewer than {LEAST} pictures: {', '.join(small[:5])}{' …' if len(small) > 5 else ''}.")
    classes = tuple(sorted(one for one in sizes if sizes[one] >= LEAST))
    if len(classes) < 2:
        raise refuse(name, f"an archive with a folder for every class, at least two of them, and at least {LEAST} PNG or JPEG pictures in each{_why(left_out)}")
    if len(classes) > CATEGORIES:
        raise refuse(name, f"at most {CATEGORIES} classes (it has {len(classes)} folders of pictures)")
    kept = [i for i, folder in enumerate(folders) if folder in classes]
    said = [held_out[i] for i in kept]
    labels = np.array([classes.index(folders[i]) for i in kept], np.int64)
    out = np.array([one is True for one in said])
    split = bool(out.any()) and all(bool((~out & (labels == k)).any()) for k in range(len(classes)))
    return Pictures(classes, np.stack([squares[i] for i in kept]), labels, out if split else np.zeros_like(out), split, notes)


def square(data: bytes, side: int, colour: str, changed: Counter[str]) -> Pixels:
    """One picture as a square: turned as its camera says, cut to its middle, made smaller or larger: (3 or 1, side, side).

    Args:
        data: of the file.
        side: as above.
        colour: as above.
        changed: counts what was done to a picture that one may want to know, as the beginning of "…: 3 pictures."

    Raises:
        Unreadable: it is damaged, too large, or no PNG or JPEG.
    """
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            warnings.simplefilter("ignore")
            if picture.width * picture.height > PIXELS:
                raise Unreadable(f"more than {PIXELS // 1_000_000} million pixels")
            if getattr(picture, "n_frames", 1) > 1:
                changed["Taken by the first of several pictures in the file"] += 1
            picture.draft(picture.mode, (2 * side, 2 * side))
            picture.load()
            upright = _plain(picture, colour, changed)
            upright = ImageOps.exif_transpose(upright) or upright
            edge = min(upright.size)
            if max(upright.size) > edge:
                changed["Cut to the square in the middle"] += 1
            x, y = (upright.width - edge) // 2, (upright.height - edge) // 2
            upright = upright.resize((side, side), Image.Resampling.BILINEAR, box=(x, y, x + edge, y + edge))
    except Unreadable:
        raise
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        MemoryError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        OverflowError,
    ):  # what Pillow raises on damaged files
        raise Unreadable("damaged or cut off") from None
    pixels = np.asarray(upright, np.uint8)
    return pixels[None] if colour == "grey" else pixels.transpose(2, 0, 1)


def _plain(picture: Image.Image, colour: str, changed: Counter[str]) -> Image.Image:
    """Any picture as 8-bit grey or RGB on white, its orientation still as it was written."""
    exif = picture.getexif()
    if picture.mode.startswith("I"):  # 16 bits of grey, which Pillow would clip instead of scaling
        changed["Taken with the upper 8 of 16 bits of grey"] += 1
        picture = Image.fromarray((np.asarray(picture, np.int64).clip(0, 65535) >> 8).astype(np.uint8))
    elif picture.mode == "CMYK":
        changed["Turned from the colours of print (CMYK) into RGB"] += 1
    elif "A" in picture.mode or "transparency" in picture.info:
        changed["Laid on white, being see-through"] += 1
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))
    plain = picture.convert("L" if colour == "grey" else "RGB")
    plain.info["exif"] = exif.tobytes()
    return plain


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _why(left_out: Counter[str]) -> str:
    return "".join(f"; {_many(count, 'file')}: {why}" for why, count in left_out.most_common(2))


def summary(found: Pictures) -> dict[str, Any]:
    """What is kept of a look at an archive, as JSON values."""
    return {"kind": "images", "rows": len(found.labels), "classes": list(found.classes), "counts": found.counts(), "split": found.split, "notes": found.notes}
