"""Recordings: a stage and its frames in one file.

The file is gzip; inside, each record is a little-endian uint32 length and the MessagePack bytes of
one message: the stage first, then metrics and pictures in order. They are the bytes that were sent
to the browser, so a replay shows exactly the race.
"""

from __future__ import annotations

import glob
import gzip
import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from ..errors import BadInput, shorten
from ..system.output_files import appearing, file_stem, free
from .encoding import KINDS, NEWEST, VERSION, Message, decode

SUFFIX = ".kelvin"
MAX_MESSAGE = 64 * 2**20
MAX_TOTAL = 512 * 2**20
"""Limit on the size of all messages of a file together, unpacked."""
_PIECE = 2**20


class Recording:
    """The recording of a race.

    Args:
        messages: encoded messages, the stage first.

    Raises:
        ValueError: the first message is not a stage.
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
        """Return the experiment that was run, as JSON values.

        Raises:
            BadInput: the recording does not contain it.
        """
        found = self.stage.get("experiment")
        if not isinstance(found, dict):
            raise BadInput(
                "recording.experiment", found, "the experiment that was run, as an object"
            )
        return found

    def write(self, path: Path) -> Path:
        """Write the file. It is written completely or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with appearing(path) as part, open(part, "wb") as raw:
            self._pack(raw, 9)
        return path

    def packed(self) -> bytes:
        """Return what the file holds, for a visitor who waits for it: less tightly packed."""
        raw = io.BytesIO()
        self._pack(raw, 6)
        return raw.getvalue()

    def _pack(self, raw: BinaryIO, level: int) -> None:
        with gzip.GzipFile(
            fileobj=raw, mode="wb", compresslevel=level, mtime=0, filename=""
        ) as file:
            for data in self.messages:
                file.write(struct.pack("<I", len(data)) + data)

    def write_new(self, folder: Path, stem: str, resumed: bool = False) -> Path:
        """Write the file under a name that no other recording has: ``stem``, else ``stem-2`` and so
        on.

        Args:
            folder: for the file.
            stem: its name without the suffix; what no file may be called is left out.
            resumed: whether the race was resumed, so that the first part of this same recording may
                already exist; that file is replaced.
        """
        stem = file_stem(stem)
        known = sorted(folder.glob(f"{glob.escape(stem)}*{SUFFIX}")) if resumed else []
        begun = next((path for path in known if self._continues(path)), None)
        if begun is not None:
            return self.write(begun)
        folder.mkdir(parents=True, exist_ok=True)
        path = free(folder, stem, SUFFIX)
        try:
            return self.write(path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def _continues(self, path: Path) -> bool:
        """Return whether a file holds this recording's first messages, followed by nothing but the
        final weights of that part.
        """
        try:
            first = Recording.read(path).messages[:-1]
        except BadInput:
            return False
        return bool(first) and first == self.messages[: len(first)]

    @classmethod
    def read(cls, path: Path) -> Recording:
        """Read a file and check all of it: a recording that is incomplete or unknown is rejected.

        Raises:
            BadInput: it does not exist, is cut off, made by a newer Kelvin, or not a recording.
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
                        raise ValueError(
                            f"a message has at most {MAX_MESSAGE // 2**20} MiB, all of them "
                            f"{MAX_TOTAL // 2**20}"
                        )
                    data = file.read(length)
                    if len(data) < length:
                        raise EOFError
                    messages.append(data)
            found = cls(messages)
            _check(found, path)
        except EOFError:
            raise BadInput(
                "recording",
                str(path),
                (
                    f"a whole Kelvin recording "
                    f"({'the file is damaged' if _damaged(path) else _cut(len(messages))})"
                ),
            ) from None
        except BadInput:
            raise
        except (OSError, ValueError, zlib.error) as error:
            raise BadInput(
                "recording",
                str(path),
                f"a whole Kelvin recording ({_why_not(path, error)})",
            ) from None
        return found


def _why_not(path: Path, error: Exception) -> str:
    """Return why a file is not a complete recording, as a clause."""
    if isinstance(error, OSError) and error.strerror:
        return f"the file cannot be read: {error.strerror}"
    if _damaged(path):
        return "the file is damaged"
    return "something else follows its end" if isinstance(error, gzip.BadGzipFile) else str(error)


def _damaged(path: Path) -> bool:
    """Return whether a file was compressed but is damaged, according to its checksum, even if its
    content could be read as messages.
    """
    length = 0
    try:
        with gzip.open(path, "rb") as file:
            for _ in range(MAX_TOTAL // _PIECE + 2):
                piece = file.read1(_PIECE)
                length += len(piece)
                if not piece:
                    break
    except EOFError:  # it ends too early, or a wrong bit hid its end
        return _has_trailer(path, length)
    except (zlib.error, ValueError):
        return True
    # gzip raises this for a wrong checksum, and for a file that is not gzip
    except OSError as error:
        return error.errno is None and not str(error).startswith("Not a gzipped file")
    return False


def _has_trailer(path: Path, length: int) -> bool:
    """Return whether a file ends with the length of its content, as a complete gzip file does.

    Args:
        path: of the file.
        length: of the unpacked data. A wrong bit changes it, but not by much, while a file that is
            cut off ends in arbitrary bytes.
    """
    written = int.from_bytes(path.read_bytes()[-4:], "little")
    return length / 2 <= written <= 2 * length


def _cut(count: int) -> str:
    if not count:
        return "it is cut off within its first message"
    return f"it is cut off: {count:,} of its messages could be read, the rest is missing"


def _check(recording: Recording, path: Path) -> None:
    """Reject what this Kelvin would misread: other versions, unknown kinds of messages, frames of
    other lanes.

    Raises:
        BadInput: it was made by a newer Kelvin.
        ValueError: it is damaged.
    """
    stage = recording.stage
    version = stage.get("version", VERSION)
    if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version <= NEWEST:
        newer = isinstance(version, int) and version > NEWEST
        raise BadInput(
            "recording.version",
            version,
            f"1 to {NEWEST}" + (f" (a newer Kelvin made {path.name})" if newer else ""),
        )
    for number, message in enumerate(recording):
        kind = message["type"]
        if kind not in KINDS:
            raise BadInput(
                "recording",
                str(path),
                (
                    f"messages of the kinds {', '.join(KINDS)}; it holds one of the kind "
                    f"{shorten(kind)}, as if made by a newer Kelvin"
                ),
            )
        if kind == "stage" and number:
            raise ValueError("a second race begins in it")
        if kind != "stage" and (
            isinstance(message.get("k"), bool) or not isinstance(message.get("k"), int)
        ):
            raise ValueError(f"message {number:,} belongs to no frame")
        if kind == "metrics" and not isinstance(message.get("events", []), list):
            raise ValueError(f"message {number:,} tells of no events that are a list")
