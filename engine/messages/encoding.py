"""Messages of a race and their bytes.

A message is a dict with a ``type``; ARCHITECTURE.md lists them. Arrays become ``{"d": dtype, "s":
shape, "b": bytes}``, little-endian. The same bytes go over the wire and into a recording.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import msgpack
import numpy as np
import torch

Message = dict[str, Any]
VERSION = 1
SIMPLE = (str, bool, type(None), bytes)
SMALLEST, LARGEST = -(2**63), 2**64 - 1
"""Whole numbers that MessagePack has room for."""
KINDS = ("stage", "metrics", "picture", "detail", "weights")
"""Types of the messages that a recording holds."""


@dataclass(frozen=True)
class Frame:
    """One moment of a race: metrics always, a picture where one was asked for."""

    k: int
    metrics: Message
    picture: Message | None


def pack_array(array: np.ndarray[Any, Any]) -> dict[str, Any]:
    """An array as a map of its dtype, shape and bytes: floats become float32, whole numbers int32,
    bytes stay.

    Raises:
        ValueError: whole numbers beyond 32 bits, or entries that are no numbers.
    """
    kind = array.dtype.kind
    if kind == "f":
        name, dtype = "f4", "<f4"
    elif array.dtype == np.uint8 or kind == "b":
        name, dtype = "u1", "u1"
    elif kind in "iu":
        name, dtype = "i4", "<i4"
        if (
            array.dtype.itemsize >= 4
            and array.size
            and not -(2**31) <= int(array.min()) <= int(array.max()) < 2**31
        ):
            raise ValueError(
                f"an array of a message holds whole numbers of 32 bits, not {array.min()} to "
                f"{array.max()}"
            )
    else:
        raise ValueError(f"an array of a message holds numbers, not {array.dtype}")
    with np.errstate(over="ignore"):  # beyond float32 is infinite there
        return {
            "d": name,
            "s": list(array.shape),
            "b": np.ascontiguousarray(array, dtype=dtype).tobytes(),
        }


def unpack_array(value: Message) -> np.ndarray[Any, Any]:
    """The array that `pack_array` packed."""
    dtype = {"f4": "<f4", "u1": "u1", "i4": "<i4"}[value["d"]]
    return np.frombuffer(value["b"], dtype=dtype).reshape(value["s"])


def _plain(value: Any) -> Any:
    """Numbers that do not exist become null, arrays become maps; the rest stays."""
    kind = type(value)
    if kind is float:  # most of them: asked for first, for a message is packed while training waits
        return value if math.isfinite(value) else None
    if kind is int:
        return value if SMALLEST <= value <= LARGEST else _rounded(value)
    if kind in SIMPLE:
        return value
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, torch.Tensor):
        return pack_array(value.detach().cpu().numpy())
    if isinstance(value, np.ndarray):
        return pack_array(value)
    return value


def _rounded(value: int) -> float | None:
    """A whole number too large for MessagePack, as near as a float is; None where there is none."""
    try:
        return float(value)
    except OverflowError:
        return None


def encode(message: Message) -> bytes:
    """MessagePack bytes of a message. Characters that UTF-8 has no bytes for become question marks:
    such a text is refused where it comes in, and must not end a race here.
    """
    return bytes(msgpack.packb(_plain(message), use_bin_type=True, unicode_errors="replace"))


def decode(data: bytes) -> Message:
    """A message from its bytes; arrays come back as NumPy arrays.

    Raises:
        ValueError: these bytes are no message.
    """

    def arrays(value: dict[str, Any]) -> Any:
        return unpack_array(value) if value.keys() == {"d", "s", "b"} else value

    try:
        message = msgpack.unpackb(data, object_hook=arrays)
    except Exception as error:
        raise ValueError(f"not a message: {error}") from None
    if not isinstance(message, dict) or "type" not in message:
        raise ValueError("not a message: it has no type")
    return message
