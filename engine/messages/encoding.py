"""Encode and decode the messages of a race.

A message is a dict with a ``type``; ARCHITECTURE.md lists them. Arrays become ``{"d": dtype, "s":
shape, "b": bytes}``, little-endian. The same bytes are sent to the browser and written to a
recording.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any

import msgpack
import numpy as np

from .lane_moment import LaneMoment

Message = dict[str, Any]
VERSION = 1
"""The version of the stage of a race of networks."""
NEWEST = 2
"""The newest version that is read: 2 is a race on a combinatorial problem."""
SIMPLE = (str, bool, type(None), bytes)
SMALLEST, LARGEST = -(2**63), 2**64 - 1
"""The range of whole numbers in MessagePack."""
KINDS = ("stage", "metrics", "picture", "detail", "weights", "seed")
"""Types of the messages in a recording."""


@dataclass(frozen=True)
class Frame:
    """One moment of a race: metrics, and a picture if requested."""

    k: int
    metrics: Message
    picture: Message | None

    @property
    def lanes(self) -> tuple[LaneMoment, ...]:
        """Return what it tells of every lane; of several seeds, of the one that is followed."""
        return tuple(LaneMoment.of(row) for row in self.metrics["lanes"])


def pack_array(array: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Encode an array as a map of its dtype, shape and bytes: floats become float32, whole numbers
    int32, bytes stay.

    Raises:
        ValueError: whole numbers beyond 32 bits, or entries that are not numbers.
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
    with np.errstate(over="ignore"):  # values beyond the range of float32 become infinite
        return {
            "d": name,
            "s": list(array.shape),
            "b": np.ascontiguousarray(array, dtype=dtype).tobytes(),
        }


def unpack_array(value: Message) -> np.ndarray[Any, Any]:
    """Return the array that `pack_array` encoded."""
    dtype = {"f4": "<f4", "u1": "u1", "i4": "<i4"}[value["d"]]
    return np.frombuffer(value["b"], dtype=dtype).reshape(value["s"])


def _plain(value: Any) -> Any:
    """Replace NaN and ±inf by null, and arrays by maps; everything else is unchanged."""
    kind = type(value)
    # the most frequent case first, because training waits while a message is packed
    if kind is float:
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
    torch = sys.modules.get("torch")  # a race without networks never loads it
    if torch is not None and isinstance(value, torch.Tensor):
        return pack_array(value.detach().cpu().numpy())
    if isinstance(value, np.ndarray):
        return pack_array(value)
    return value


def _rounded(value: int) -> float | None:
    """Return the nearest float of a whole number too large for MessagePack; None if there
    is none.
    """
    try:
        return float(value)
    except OverflowError:
        return None


def encode(message: Message) -> bytes:
    """Return the MessagePack bytes of a message. Characters that UTF-8 cannot encode become
    question marks: such a text is rejected on input, and must not end a race here.
    """
    return bytes(msgpack.packb(_plain(message), use_bin_type=True, unicode_errors="replace"))


def decode(data: bytes) -> Message:
    """Return a message from its bytes; arrays come back as NumPy arrays.

    Raises:
        ValueError: these bytes are not a message.
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
