"""Files of checkpoints: nested values with arrays in them, as safetensors with a checksum.

Nothing in such a file is run when it is read. The structure (dicts, lists, tuples, numbers, texts)
is JSON in the metadata; the memory of arrays and tensors, and byte strings, are the tensors. Memory
that several arrays are views of is stored once, and they are views of it again when it is read.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from .output_files import appearing

HEAD = b"Kelvin race\r\n"
"""First bytes of a file. The SHA-256 of all that follows comes next."""
START = len(HEAD) + hashlib.sha256().digest_size
NAME = "kelvin"
"""The entry of the metadata that holds the structure."""
KINDS = "biuf"
"""Kinds of arrays that are stored: booleans, whole numbers, numbers."""


class _Arrays:
    """The arrays of a value, each once, while its structure is written."""

    def __init__(self) -> None:
        self.found: list[np.ndarray[Any, Any]] = []
        self._numbers: dict[int, int] = {}
        self._memory: dict[int, int] = {}
        self._alive: list[Any] = []  # so that no other object gets the same id meanwhile

    def add(self, owner: Any, array: np.ndarray[Any, Any]) -> int:
        if id(owner) not in self._numbers:
            if array.dtype.kind not in KINDS:
                raise ValueError(f"a checkpoint holds no arrays of {array.dtype}")
            self._numbers[id(owner)] = len(self.found)
            self._alive.append(owner)
            self.found.append(np.ascontiguousarray(array).reshape(array.shape))
        return self._numbers[id(owner)]

    def array(self, array: np.ndarray[Any, Any]) -> dict[str, Any]:
        """Add the memory that an array is a view of, once for all views, and return the view. The
        order of the axes is kept: the last bits of a product depend on it.
        """
        if array.dtype.kind not in KINDS:
            raise ValueError(f"a checkpoint holds no arrays of {array.dtype}")
        memory: Any = array
        while isinstance(memory.base, np.ndarray):
            memory = memory.base
        if not (memory.flags.c_contiguous or memory.flags.f_contiguous) or memory.dtype.hasobject:
            array = memory = np.ascontiguousarray(array).reshape(array.shape)
        flat = memory.ravel(order="K").view(np.uint8) if memory.size else np.empty(0, np.uint8)
        return {
            "memory": self.add(memory, flat),
            "dtype": array.dtype.str,
            "shape": list(array.shape),
            "stride": list(array.strides),
            "offset": address(array) - address(memory) if memory.size else 0,
        }

    def tensor(self, tensor: Any) -> dict[str, Any]:
        """Add the memory that a tensor is a view of, once for all views, and return the view."""
        if tensor.device.type != "cpu":
            tensor = tensor.cpu()
        memory = tensor.untyped_storage()
        place = memory.data_ptr()
        if place not in self._memory or not place:
            flat = tensor.new_empty(0, dtype=sys.modules["torch"].uint8).set_(memory).numpy()
            self._memory[place] = self.add(memory, flat)
        return {
            "memory": self._memory[place],
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "shape": list(tensor.shape),
            "stride": list(tensor.stride()),
            "offset": tensor.storage_offset(),
        }

    def plain(self, value: Any) -> Any:
        """Return a value as JSON, with every array as its number."""
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.Tensor):
            return {"tensor": self.tensor(value.detach())}
        if isinstance(value, np.ndarray):
            return {"array": self.array(value)}
        if isinstance(value, bytes):
            return {"bytes": self.add(value, np.frombuffer(value, np.uint8))}
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, tuple):
            return {"tuple": [self.plain(one) for one in value]}
        if isinstance(value, list):
            return [self.plain(one) for one in value]
        if isinstance(value, dict):
            return {"items": [[self.plain(key), self.plain(one)] for key, one in value.items()]}
        if value is None or isinstance(value, str | bool | int | float):
            return value
        raise ValueError(f"a checkpoint holds no {type(value).__name__}")


def write(path: Path, value: Any) -> Path:
    """Write a value. The file is written completely or not at all.

    Args:
        path: the file.
        value: dicts, lists, tuples, numbers, texts, bytes, None, NumPy arrays and tensors.

    Raises:
        OSError: it cannot be written.
        ValueError: something else is in it.
    """
    arrays = _Arrays()
    structure = json.dumps(arrays.plain(value), separators=(",", ":"))
    with appearing(path) as part, part.open("wb") as file:
        file.write(bytes(START))
        digest = _safetensors(file, arrays.found, {NAME: structure})
        file.seek(0)
        file.write(HEAD + digest)
    return path


def _safetensors(
    file: BinaryIO, arrays: list[np.ndarray[Any, Any]], metadata: dict[str, str]
) -> bytes:
    """Write byte arrays, named by their number, as safetensors.

    The package's own `save` first makes one more copy of everything in memory, and a race may have
    taken half of that.

    Returns:
        The SHA-256 of what was written.
    """
    ends = list(itertools.accumulate((array.nbytes for array in arrays), initial=0))
    entries: dict[str, Any] = {
        str(number): {"dtype": "U8", "shape": [last - first], "data_offsets": [first, last]}
        for number, (first, last) in enumerate(itertools.pairwise(ends))
    }
    header = json.dumps({"__metadata__": metadata, **entries}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    digest = hashlib.sha256()
    pieces: list[bytes | memoryview] = [len(header).to_bytes(8, "little"), header]
    for piece in [*pieces, *(array.data for array in arrays)]:
        digest.update(piece)
        file.write(piece)
    return digest.digest()


def is_checkpoint(data: bytes) -> bool:
    """Return whether a file of this kind, of any version, begins like this."""
    return data.startswith(HEAD)


def content(data: bytes) -> bytes:
    """Return what follows the checksum.

    Raises:
        ValueError: it does not match.
    """
    body = memoryview(data)[START:]
    if hashlib.sha256(body).digest() != data[len(HEAD) : START]:
        raise ValueError("the file is damaged or cut off")
    return bytes(body)


def parse(body: bytes) -> Any:
    """Return the value in the content of a file.

    Raises:
        ValueError: it is of another kind.
    """
    try:
        length = int.from_bytes(body[:8], "little")
        structure = json.loads(body[8 : 8 + length])["__metadata__"][NAME]
        return _value(json.loads(structure), load(body), {})
    except (SafetensorError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"not a checkpoint: {error}") from None


def _value(found: Any, arrays: dict[str, np.ndarray[Any, Any]], made: dict[int, Any]) -> Any:
    """Return the value of a structure."""
    if isinstance(found, list):
        return [_value(one, arrays, made) for one in found]
    if not isinstance(found, dict):
        return found
    ((kind, inside),) = found.items()
    match kind:
        case "items":
            return {_value(key, arrays, made): _value(one, arrays, made) for key, one in inside}
        case "tuple":
            return tuple(_value(one, arrays, made) for one in inside)
        case "array":
            return _array(inside, arrays)
        case "tensor":
            return _tensor(inside, arrays, made)
        case "bytes":
            return arrays[str(inside)].tobytes()
    raise ValueError(f"a value of an unknown kind, {kind}")


def _array(view: dict[str, Any], arrays: dict[str, np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """Return an array as it was: a view of its memory."""
    dtype = np.dtype(view["dtype"])
    if dtype.kind not in KINDS:
        raise ValueError(f"no type of arrays: {dtype}")
    shape, memory = tuple(view["shape"]), arrays[str(view["memory"])]
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.ndarray(shape, dtype, memory.data, view["offset"], tuple(view["stride"]))


def address(array: np.ndarray[Any, Any]) -> int:
    """Return where the first entry of an array lies in memory."""
    return int(array.__array_interface__["data"][0])


def _tensor(
    view: dict[str, Any], arrays: dict[str, np.ndarray[Any, Any]], made: dict[int, Any]
) -> Any:
    """Return a tensor as it was: a view of memory that PyTorch has aligned, for the last bits of a
    sum depend on that, too.
    """
    import torch

    number = view["memory"]
    if number not in made:
        made[number] = torch.from_numpy(arrays[str(number)]).clone().untyped_storage()
    dtype = getattr(torch, view["dtype"])
    if not isinstance(dtype, torch.dtype):
        raise ValueError(f"no type of tensors: {dtype}")
    empty = torch.empty(0, dtype=dtype)
    return empty.set_(made[number], view["offset"], view["shape"], view["stride"])
