"""Recordings: a stage and its frames in one file.

The file is gzip; inside, each record is a little-endian uint32 length and the MessagePack bytes of one message: the stage first, then metrics and pictures in order. They are
the bytes that went over the wire, so a replay is the run.
"""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.errors import BadInput
from engine.frames import Message, decode

SUFFIX = ".kelvin"
MAX_MESSAGE = 64 * 2**20


class Recording:
    """A race that was run.

    Args:
        messages: encoded messages, the stage first.

    Raises:
        ValueError: the first message is no stage.
    """

    def __init__(self, messages: Iterable[bytes]) -> None:
        self.messages = list(messages)
        if not self.messages or decode(self.messages[0])["type"] != "stage":
            raise ValueError("a recording begins with a stage")

    def __iter__(self) -> Iterator[Message]:
        return (decode(data) for data in self.messages)

    @property
    def stage(self) -> Message:
        return decode(self.messages[0])

    def write(self, path: Path) -> Path:
        """Write the file; it appears whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        with open(part, "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=9, mtime=0, filename="") as file:
            for data in self.messages:
                file.write(struct.pack("<I", len(data)) + data)
        part.replace(path)
        return path

    @classmethod
    def read(cls, path: Path) -> Recording:
        """Read a file.

        Raises:
            BadInput: it is not there, cut off or not a recording.
        """
        try:
            with gzip.open(path, "rb") as file:
                messages = []
                while head := file.read(4):
                    (length,) = struct.unpack("<I", head)
                    if length > MAX_MESSAGE:
                        raise ValueError("a message is too long")
                    data = file.read(length)
                    if len(data) < length:
                        raise ValueError("it is cut off")
                    messages.append(data)
            return cls(messages)
        except (OSError, EOFError, ValueError, struct.error) as error:
            raise BadInput("recording", str(path), f"a whole Kelvin recording ({error})") from None
