"""Download a gzip file from a public mirror: checked, with progress, and stored completely or not
at all.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests
from tqdm import tqdm
from urllib3.exceptions import HTTPError, ProtocolError
from urllib3.exceptions import TimeoutError as Stalled

CONNECT_SECONDS, READ_SECONDS = 10, 30
_BLOCK = 2**16


class DownloadFailed(OSError):
    """No mirror delivered the file; the message has the reason for each."""


def why_not(error: OSError) -> str:
    """Return why a file could not be downloaded, for a reader who may be a visitor: paths on this
    machine are left out.
    """
    return (
        str(error)
        if isinstance(error, DownloadFailed)
        else (error.strerror or type(error).__name__)
    )


def fetch(
    mirrors: Sequence[str], name: str, sha256: str, folder: Path, packed: bool = False
) -> Path:
    """Download a gzip file into a folder, unless it is there already.

    The bytes are written to a temporary file of the same folder, checked, and only then renamed
    atomically, so a reader never sees half a file, even if several processes download it at the
    same time.

    Args:
        mirrors: base URLs, tried in order.
        name: the file's name on the mirrors and in the folder.
        sha256: the hash of its unpacked bytes, in hex (mirrors pack the same bytes in different
            ways).
        folder: the target; created if necessary.
        packed: the checksum is of the packed file, for a file that all mirrors pack in the same
            way.

    Raises:
        DownloadFailed: every mirror failed.
    """
    target = folder / name
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    failures = []
    for mirror in mirrors:
        address = f"{mirror.rstrip('/')}/{name}"
        try:
            _fetch_one(address, sha256, target, packed)
            return target
        except (requests.RequestException, HTTPError, OSError) as error:
            failures.append(f"{address}: {_reason(error)}")
    raise DownloadFailed("; ".join(failures) or f"no mirror is known for {name}")


def _fetch_one(address: str, sha256: str, target: Path, packed: bool) -> None:
    handle, part = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    try:
        with (
            os.fdopen(handle, "wb") as file,
            requests.get(address, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)) as answer,
        ):
            answer.raise_for_status()
            length = answer.headers.get("Content-Length")
            total = int(length) if length and length.isdigit() else None
            digest, unpacker, received = (
                hashlib.sha256(),
                zlib.decompressobj(zlib.MAX_WBITS | 16),
                0,
            )
            with tqdm(
                total=total,
                unit="B",
                unit_scale=True,
                desc=target.name,
                file=sys.stderr,
                leave=False,
            ) as bar:
                # The raw stream: the file is gzip itself and must not be unpacked on the way.
                while block := answer.raw.read(_BLOCK, decode_content=False):
                    file.write(block)
                    unpacked = _unpack(unpacker, block)
                    digest.update(block if packed else unpacked)
                    received += len(block)
                    bar.update(len(block))
            if total is not None and received != total:
                raise OSError(f"it was cut off after {received:,} of {total:,} bytes")
            if not unpacker.eof or digest.hexdigest() != sha256:
                raise OSError(f"its checksum is wrong ({received:,} bytes)")
        os.chmod(part, 0o644)
        os.replace(part, target)
    finally:
        Path(part).unlink(missing_ok=True)


def _unpack(unpacker: Any, block: bytes) -> bytes:
    try:
        unpacked = bytes(unpacker.decompress(block))
    except zlib.error:
        raise OSError("it is no gzip file, or a damaged one") from None
    # The checksum is of the unpacked bytes and would not find them, but every later read would fail
    if unpacker.unused_data:
        raise OSError("it goes on after the end of the gzip file")
    return unpacked


def _reason(error: Exception) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the mirror answered {error.response.status_code}"
    if isinstance(error, requests.Timeout | Stalled):
        return "the mirror did not answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    if isinstance(error, ProtocolError):
        return "it was cut off"
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
