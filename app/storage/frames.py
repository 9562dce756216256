"""The file of a race's messages: records are only ever added, each with a checksum.

After a crash the last record may be torn; reading stops before it and cuts it off, so what is added
next follows a whole one. A record that was damaged later is left out, and those after it are read
all the same; before anything is cut off that may be more than a torn end, a copy of the file is
kept beside it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgpack

from app.text import t
from engine.errors import BadInput
from engine.system.output_files import appearing

log = logging.getLogger(__name__)

HEAD = b"Kelvin frames\r\n"
VERSION = 1
START = len(HEAD) + 1
RECORD = struct.Struct("<II")
"""Before each message: its length and the CRC-32 of its bytes."""
MAX_MESSAGE = 64 * 2**20
FIRST = msgpack.packb("type")
DAMAGED = ".damaged"
"""What a copy of a damaged file is called, after the file's own name without its end."""


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
    if data[: len(HEAD)] == HEAD and len(data) >= START and data[len(HEAD)] > VERSION:
        newer = t("hosting.frames-newer", most=VERSION)
        raise BadInput("recording.version", data[len(HEAD)], newer)
    found = list(_records(data))
    whole = [record for record in found if record.message is not None]
    headed = len(data) >= START and data.startswith(HEAD)
    if not headed and not whole:
        if len(data) >= START:
            _put_aside(path, data)
        os.truncate(path, 0)  # torn in its first bytes
        return []
    end = whole[-1].end if whole else START
    # What is torn is the last record, and nothing follows it.
    damaged = not headed or len(found) > len(whole)
    try:
        if damaged:
            _put_aside(path, data)
            write(path, [record.message for record in whole if record.message is not None])
        elif end < len(data):
            os.truncate(path, end)
    except OSError as error:  # a full disk; what was read is whole all the same
        log.warning("a file of frames was not mended: %s", error)
    return [record.message for record in whole if record.message is not None]


def _put_aside(path: Path, data: bytes) -> None:
    """Keep a copy of a damaged file, which nothing of it is read from any more."""
    log.warning("a file of frames was damaged; a copy is kept")
    with contextlib.suppress(OSError):  # a full disk
        path.with_suffix(DAMAGED).write_bytes(data)


class Record(NamedTuple):
    """A record of a file.

    Attributes:
        message: what it holds; None if that is damaged.
        end: where it ends.
    """

    message: bytes | None
    end: int


def _records(data: bytes) -> Iterator[Record]:
    """Yield every whole record, and one without a message for what was damaged before the next."""
    at = START
    while at < len(data):
        record = _record(data, at)
        if record is None:
            # What is damaged may be a length, which does not lead on to the next record.
            after = _next(data, at)
            if after is None:
                return
            record = Record(None, after)
        yield record
        at = record.end


def _next(data: bytes, at: int) -> int | None:
    """Return where the next whole record after a place begins: messages are maps that begin with
    their type.
    """
    found = at
    while (found := data.find(FIRST, found + 1)) >= 0:
        for head in (1, 3):  # bytes of a map's own, before its first key
            start = found - head - RECORD.size
            if start > at and _record(data, start) is not None:
                return start
    return None


def _record(data: bytes, at: int) -> Record | None:
    """Return the record that begins there, or None if there is none."""
    if at + RECORD.size > len(data):
        return None
    length, checksum = RECORD.unpack_from(data, at)
    end = at + RECORD.size + length
    # No message is empty: such a record is of a disk that was given zeros when it lost power.
    if not 0 < length <= MAX_MESSAGE or end > len(data):
        return None
    message = data[at + RECORD.size : end]
    return Record(message, end) if zlib.crc32(message) == checksum else None
