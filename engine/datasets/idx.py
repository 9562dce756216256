"""The idx format of the MNIST family: a magic number, the sizes, the bytes."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from ..errors import BadInput

_UNSIGNED_BYTE = 0x08
_MOST = 2**30


def read_idx(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return the uint8 array in an idx file, gzipped or not.

    Raises:
        BadInput: the file does not exist, is cut off, or is something else.
    """
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        if len(data) < 4 or data[:2] != b"\0\0" or data[2] != _UNSIGNED_BYTE:
            raise ValueError("its first bytes are not those of an idx file of bytes")
        dimensions = data[3]
        shape = struct.unpack(f">{dimensions}I", data[4 : 4 + 4 * dimensions])
        wanted = int(np.prod(shape, dtype=object))
        if not 1 <= dimensions <= 3 or wanted > _MOST:
            raise ValueError(f"it claims to hold {'×'.join(map(str, shape)) or 'no'} values")
        body = data[4 + 4 * dimensions :]
        if len(body) != wanted:
            raise ValueError(f"it holds {len(body):,} values where its head says {wanted:,}")
        return np.frombuffer(body, np.uint8).reshape(shape)
    except (OSError, EOFError, ValueError, zlib.error, struct.error) as error:
        raise BadInput("dataset", str(path), f"a whole idx file ({error})") from None
