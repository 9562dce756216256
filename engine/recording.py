"""Recordings: a stage and its frames in one file.

The file is gzip; inside, each record is a little-endian uint32 length and the MessagePack bytes of one message: the stage first, then metrics and pictures in order. They are
the bytes that went over the wire, so a replay is the run.
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.errors import BadInput, shorten
from engine.frames import KINDS, VERSION, Message, decode

SUFFIX = ".kelvin"
MAX_MESSAGE = 64 * 2**20
MAX_TOTAL = 512 * 2**20
"""What all messages of a file may have together, unpacked."""


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

    @property
    def experiment(self) -> Message:
        """What was run, as JSON values.

        Raises:
            BadInput: it does not say.
        """
        found = self.stage.get("experiment")
        if not isinstance(found, dict):
            raise BadInput("recording.experiment", found, "the experiment that was run, as an object")
        return found

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
        """Read a file. All that is in it is looked at: a recording is whole and understood, or it is refused.

        Raises:
            BadInput: it is not there, cut off, made by a newer Kelvin, or not a recording.
        """
        messages: list[bytes] = []
        try:
            with gzip.open(path, "rb") as file:
                total = 0
                while head := file.read(4):
                    if len(head) < 4:
                        raise EOFError
                    (length,) = struct.unpack("<I", head)
                    total += length
                    if length > MAX_MESSAGE or total > MAX_TOTAL:
                        raise ValueError(f"a message has at most {MAX_MESSAGE // 2**20} MiB, all of them {MAX_TOTAL // 2**20}")
                    data = file.read(length)
                    if len(data) < length:
                        raise EOFError
                    messages.append(data)
            found = cls(messages)
            _check(found, path)
        except EOFError:
            raise BadInput("recording", str(path), f"a whole Kelvin recording ({_cut(len(messages))})") from None
        except BadInput:
            raise
        except (OSError, ValueError, zlib.error) as error:
            raise BadInput("recording", str(path), f"a whole Kelvin recording ({error})") from None
        return found


def _cut(count: int) -> str:
    if not count:
        return "it is cut off within its first message"
    return f"it is cut off: {count:,} of its messages could be read, the rest is missing"


def _check(recording: Recording, path: Path) -> None:
    """Refuse what this Kelvin would misread: other versions, kinds of messages it does not know, moments of other lanes.

    Raises:
        BadInput: it was made by a newer Kelvin.
        ValueError: it is broken.
    """
    stage = recording.stage
    version = stage.get("version", VERSION)
    if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version <= VERSION:
        newer = isinstance(version, int) and version > VERSION
        raise BadInput("recording.version", version, f"{VERSION}" + (f" (a newer Kelvin made {path.name})" if newer else ""))
    for number, message in enumerate(recording):
        kind = message["type"]
        if kind not in KINDS:
            raise BadInput(
                "recording", str(path), f"messages of the kinds {', '.join(KINDS)}; it holds one of the kind {shorten(kind)}, as if made by a newer Kelvin"
            )
        if kind == "stage" and number:
            raise ValueError("a second race begins in it")
        if kind != "stage" and (isinstance(message.get("k"), bool) or not isinstance(message.get("k"), int)):
            raise ValueError(f"message {number:,} belongs to no frame")
        if kind == "metrics" and not isinstance(message.get("events", []), list):
            raise ValueError(f"message {number:,} tells of no events that are a list")
