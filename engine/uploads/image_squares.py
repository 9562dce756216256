"""Convert one image to a square of bytes: rotated as its camera says, cropped to its middle,
resized.
"""

from __future__ import annotations

import io
import warnings
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from .limits import PIXELS

FORMATS = ("PNG", "JPEG")
ORIENTATION = 0x0112
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)

Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
Image.MAX_IMAGE_PIXELS = None  # sizes are checked here, before anything is decoded


class Unreadable(ValueError):
    """An image that is left out; the message says why, as in "Left out, …: 3 files."."""


@dataclass(frozen=True)
class Decoded:
    """An image as a square.

    Attributes:
        square: (C, side, side) uint8; uint16 for an image with 16 bits per channel.
        peak: for such an image: its largest value before resizing.
        grey: whether it has no colours.
    """

    square: np.ndarray[tuple[int, ...], np.dtype[Any]]
    peak: int = 0
    grey: bool = False


def scaled(decoded: list[Decoded], changed: Counter[str]) -> Pixels:
    """Convert images of 16 bits to 8, all with the same factor, by the range of their values."""
    peak = max((one.peak for one in decoded), default=0)
    top = 2 ** max(1, peak.bit_length()) - 1
    deep = sum(one.square.dtype == np.uint16 for one in decoded)
    if deep:
        changed[
            f"Of 16 bits with numbers up to {peak:,}, brought to 8 bits ({top:,} is white)"
        ] += deep
    squares = np.empty((len(decoded), *decoded[0].square.shape), np.uint8)
    for place, one in enumerate(decoded):
        if one.square.dtype == np.uint16:
            squares[place] = np.rint(one.square.astype(np.float32) * (255 / top)).clip(0, 255)
        else:
            squares[place] = one.square
    return squares


def square(data: bytes, side: int, colour: str, changed: Counter[str]) -> Pixels:
    """Return one image by itself as a square of bytes; see `decode`."""
    return scaled([decode(data, side, colour, changed)], changed)[0]


def decode(data: bytes, side: int, colour: str, changed: Counter[str]) -> Decoded:
    """Return one image as a square: rotated as its camera says, cropped to its middle, resized.

    Args:
        data: of the file.
        side: of the square, in pixels.
        colour: "rgb" or "grey".
        changed: counts the changes that a user may want to know, each as the beginning of "…: 3
            pictures."

    Raises:
        Unreadable: it is damaged, too large, or not a PNG or JPEG.
    """
    done: Counter[str] = Counter()
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            warnings.simplefilter("ignore")
            if picture.width * picture.height > PIXELS:
                raise Unreadable(f"more than {PIXELS // 1_000_000} million pixels")
            if getattr(picture, "n_frames", 1) > 1:
                done["Files with several images, of which the first is used"] += 1
            picture.draft(picture.mode, (2 * side, 2 * side))
            low = _low_bytes(data)
            picture.load()
            found = (
                _deep(picture, low, side, colour, done)
                if low is not None or picture.mode.startswith("I")
                else _plain(picture, side, colour, done)
            )
    except Unreadable:
        raise
    except MemoryError:
        raise Unreadable("too large for the memory that reading may take") from None
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        OverflowError,
    ):
        # Pillow raises these on damaged files.
        raise Unreadable("damaged or cut off") from None
    changed.update(done)
    return found


def _middle(picture: Image.Image, side: int, done: Counter[str]) -> Image.Image:
    """Return the square in the middle of an image, of ``side`` × ``side`` pixels."""
    edge = min(picture.size)
    if max(picture.size) > edge:
        done["Cropped to the square in the middle"] = 1
    x, y = (picture.width - edge) // 2, (picture.height - edge) // 2
    return picture.resize((side, side), Image.Resampling.BILINEAR, box=(x, y, x + edge, y + edge))


def _turned(picture: Image.Image, orientation: int, done: Counter[str]) -> Image.Image:
    """Rotate a square to the orientation given by its camera."""
    how = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(orientation)
    if how is None:
        return picture
    done["Rotated to the orientation of the camera"] = 1
    return picture.transpose(how)


def _plain(picture: Image.Image, side: int, colour: str, done: Counter[str]) -> Decoded:
    """Return any image of 8 bits as a square of grey or RGB, with transparent pixels on white."""
    orientation = picture.getexif().get(ORIENTATION, 1)
    grey = picture.mode in ("1", "L", "LA", "La")
    if picture.info.get("transparency") is not None or picture.mode in ("PA", "LA", "La"):
        picture = picture.convert("RGBA")
    elif picture.mode in ("1", "P"):
        picture = picture.convert("L" if picture.mode == "1" else "RGB")
    small = _middle(picture, side, done)
    if small.mode == "CMYK":
        done["Converted from CMYK to RGB"] += 1
    elif "A" in small.mode:
        small = small.convert("RGBA")
        lowest = small.getchannel("A").getextrema()[0]
        if isinstance(lowest, int | float) and lowest < 255:
            done["Transparent background replaced by white"] += 1
            small = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small)
    small = _turned(small.convert("L" if colour == "grey" else "RGB"), orientation, done)
    pixels = np.asarray(small, np.uint8)
    return Decoded(pixels[None] if colour == "grey" else pixels.transpose(2, 0, 1), grey=grey)


def _low_bytes(data: bytes) -> list[Image.Image] | None:
    """Return the lower 8 bits of a PNG with 16 bits per channel, of which Pillow reads the upper 8;
    None for any other image.

    Pillow cannot do this for grey with alpha. Its upper and lower bytes are stored like the four
    channels of an image of 8 bits, so it is read as one; the second channel is the lower byte of
    grey.
    """
    if (
        data[:8] != b"\x89PNG\r\n\x1a\n"
        or data[24:25] != b"\x10"
        or data[25:26] not in (b"\2", b"\4", b"\6")
    ):
        return None
    grey = data[25:26] == b"\4"
    if grey:
        head = data[12:24] + b"\x08\6" + data[26:29]
        data = data[:12] + head + zlib.crc32(head).to_bytes(4, "big") + data[33:]
    low = Image.open(io.BytesIO(data), formats=("PNG",))
    if low.width * low.height > PIXELS // 2:
        raise Unreadable(f"of 16 bits and more than {PIXELS // 2_000_000} million pixels")
    if not grey:
        low.tile = [tile._replace(args=str(tile.args).replace("16B", "16L")) for tile in low.tile]
    low.load()
    return [low.getchannel(k) for k in ((1,) if grey else range(3))]


def _deep(
    picture: Image.Image, low: list[Image.Image] | None, side: int, colour: str, done: Counter[str]
) -> Decoded:
    """Return an image of 16 bits as a square of 16 bits."""
    orientation = picture.getexif().get(ORIENTATION, 1)
    if picture.info.get("transparency") is not None:
        done["16 bits with a transparent colour, which is kept as it is"] += 1
    if low is None:
        bands = [np.asarray(picture)]
        peak = int(bands[0].max())
    else:
        opaque = "A" not in picture.mode or picture.getchannel("A").getextrema()[0] == 255
        if not opaque:
            done["16 bits with transparency, of which the upper 8 bits are used"] += 1
            return _plain(picture, side, colour, done)
        bands = [
            np.asarray(picture.getchannel(k)).astype(np.uint16) * 256 + np.asarray(one)
            for k, one in enumerate(low)
        ]
        peak = max(int(band.max()) for band in bands)
    small = []
    for band in bands:
        one = _middle(Image.fromarray(band.clip(0, 65535).astype(np.float32)), side, done)
        small.append(np.asarray(_turned(one, orientation, done)))
    pixels = np.stack(small)
    if colour == "grey" and len(small) == 3:
        pixels = np.tensordot(LUMINANCE, pixels, 1)[None]
    elif colour == "rgb" and len(small) == 1:
        pixels = np.repeat(pixels, 3, 0)
    return Decoded(
        np.rint(pixels).clip(0, 65535).astype(np.uint16), min(peak, 65535), len(bands) == 1
    )
