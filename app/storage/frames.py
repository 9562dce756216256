"""The file of a race's messages: records are only ever added, each with a checksum.

After a crash the last record may be torn; reading stops before it and cuts it off, so what is added
next follows a whole one.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from app.text import t
from engine.errors import BadInput
from engine.system.output_files import appearing

HEAD = b"Kelvin frames\r\n"
VERSION = 1
START = len(HEAD) + 1
RECORD = struct.Struct("<II")
"""Before each message: its length and the CRC-32 of its bytes."""
MAX_MESSAGE = 64 * 2**20


def packed(data: bytes) -> bytes:
    """Return the record of a message."""
    return RECORD.pack(len(data), zlib.crc32(data)) + data


class FrameFile:
    """A file that messages are added to.

    Args:
        path: the file; it is made if it is not there.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.size = os.fstat(self._file).st_size
        if not self.size:
            self._write(HEAD + bytes([VERSION]))

    def add(self, messages: Iterable[bytes]) -> None:
        """Add messages, all in one piece.

        Raises:
            OSError: the disk is full. What was written of them is cut off by whoever reads.
        """
        self._write(b"".join(map(packed, messages)))

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.write(self._file, view)
            self.size += written
            view = view[written:]

    def close(self) -> None:
        os.close(self._file)


def write(path: Path, messages: Iterable[bytes]) -> int:
    """Replace a file by one with these messages, and return its size. It is written completely or
    not at all.

    Raises:
        OSError: it cannot be written.
    """
    with appearing(path) as part:
        file = FrameFile(part)
        try:
            for message in messages:
                file.add([message])
        finally:
            file.close()
    return file.size


def read(path: Path) -> list[bytes]:
    """Return the messages of a file, and cut off what follows the last whole one.

    Raises:
        BadInput: it was written by a newer Kelvin.
        OSError: it cannot be read.
    """
    data = path.read_bytes()
    if len(data) < START or not data.startswith(HEAD):
        os.truncate(path, 0)  # torn in its first bytes
        return []
    if data[len(HEAD)] > VERSION:
        newer = t("hosting.frames-newer", most=VERSION)
        raise BadInput("recording.version", data[len(HEAD)], newer)
    records = list(_records(data))
    end = records[-1][1] if records else START
    if end < len(data):
        os.truncate(path, end)
    return [message for message, _ in records]


def _records(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield every whole record's message and where it ends."""
    at = START
    while at + RECORD.size <= len(data):
        length, checksum = RECORD.unpack_from(data, at)
        at += RECORD.size
        message = data[at : at + length]
        at += length
        if length > MAX_MESSAGE or len(message) < length or zlib.crc32(message) != checksum:
            return
        yield message, at
