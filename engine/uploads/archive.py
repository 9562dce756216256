"""Read the files in a zip or tar archive, one after the other, in memory. Nothing is written to the
disk.

These archives are rejected as a whole: names that lead out of the archive's folder, links and
devices, encrypted entries, too many entries or bytes, and archives that unpack to far more than
their own size. Sizes that an archive states are only used to reject it early: the unpacked bytes
are counted.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import re
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, cast

from ..errors import BadInput
from .limits import ENTRIES, MIB, RATIO, UNPACKED_BYTES, named, refuse

HEADERS = 1024
"""Bytes per entry in a tar archive besides the file itself."""
MAGIC = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\x1f\x8b": "gz",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
}

UNPACK: dict[str, Callable[[IO[bytes]], Any]] = {
    "gz": lambda stream: gzip.GzipFile(fileobj=stream),
    "bz2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
}


@dataclass(frozen=True)
class Entry:
    """A file in an archive: the parts of its name, and its bytes."""

    parts: tuple[str, ...]
    data: bytes


def archive_kind(data: bytes) -> str | None:
    """Return the kind of archive that these bytes begin like: "zip", "tar", "gz", "bz2" or "xz";
    None for anything else.
    """
    if data[257:262] == b"ustar":
        return "tar"
    return next((kind for magic, kind in MAGIC.items() if data.startswith(magic)), None)


def entries(data: bytes, name: str, notes: list[str] | None = None) -> Iterator[Entry]:
    """Yield the files of an archive in its own order.

    Args:
        data: of the archive.
        name: of the archive.
        notes: gets a sentence if the encoding of names had to be guessed.

    Raises:
        BadInput: it is not an archive, is damaged or encrypted, or is rejected as described above.
    """
    kind = archive_kind(data)
    try:
        if kind == "zip":
            yield from _zip(data, name, notes)
        elif kind is not None:
            yield from _tar(data, kind, name, notes)
        else:
            raise refuse(name, "a zip or tar archive")
    except BadInput:
        raise
    except MemoryError:
        raise refuse(name, "an archive that unpacks to less") from None
    except (
        OSError,
        EOFError,
        ValueError,
        RuntimeError,
        NotImplementedError,
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        lzma.LZMAError,
    ) as error:
        raise refuse(
            name,
            (
                f"a whole, readable zip or tar archive "
                f"({' '.join(str(error).split())[:80] or type(error).__name__})"
            ),
        ) from None


def no_pictures(data: bytes) -> str | None:
    """Return what an archive without images is, and what to do with it; None if it may contain
    images.
    """
    if archive_kind(data) == "zip":
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                names = [entry.filename for entry in archive.infolist()[:ENTRIES]]
        except (
            zipfile.BadZipFile,
            ValueError,
            OSError,
            NotImplementedError,
            EOFError,
            RuntimeError,
        ):
            names = ["[Content_Types].xml"] if b"[Content_Types].xml" in data[:4096] else []
        opendocument = (
            names[:1] == ["mimetype"] and b"application/vnd.oasis.opendocument" in data[:200]
        )
        if opendocument or "[Content_Types].xml" in names:
            what = (
                "an OpenDocument file"
                if opendocument
                else "an Excel file"
                if any(name.startswith("xl/") for name in names)
                else "an Excel or Word file"
            )
            return f"{what}: open it and save the table as CSV"
        if any(name.endswith(".iwa") for name in names):
            return "a Numbers file: open it and export the table as CSV"
        return _only_tables(names)
    if archive_kind(data) in UNPACK:
        try:
            start = UNPACK[str(archive_kind(data))](io.BytesIO(data)).read(512)
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
            return None
        if (
            start
            and start[257:262] != b"ustar"
            and start.isascii()
            and b"\0" not in start
            and b"\n" in start
        ):
            return "a packed text: unpack it first, and give the table in it"
    return None


def _only_tables(names: list[str]) -> str | None:
    """Return the same for a zip whose files are tables of numbers."""
    endings = {
        name.rpartition(".")[2].lower()
        for name in names
        if not name.endswith("/") and "__MACOSX" not in name
    }
    if endings == {"npy"}:
        return "a NumPy file: save the table as CSV"
    if endings & {"csv", "tsv", "xlsx", "xls", "ods", "parquet", "json"} and not endings & {
        "png",
        "jpg",
        "jpeg",
        "jpe",
        "jfif",
    }:
        return "an archive of tables: unpack it first, and give one table as CSV"
    return None


def most(size: int) -> int:
    """Return how many bytes an archive of that size may unpack to."""
    return min(UNPACKED_BYTES, max(MIB, RATIO * size))


def _zip(data: bytes, name: str, notes: list[str] | None) -> Iterator[Entry]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        listed = archive.infolist()
        if len(listed) > ENTRIES:
            raise refuse(name, f"an archive of at most {ENTRIES:,} files (it has {len(listed):,})")
        if sum(entry.file_size for entry in listed) > most(len(data)):
            raise _too_much(name, len(data))
        left = most(len(data))
        # Without this flag a name is in the encoding of the system where it was written; zipfile
        # reads it as cp437.
        old = [
            _raw(entry.filename)
            for entry in listed
            if not entry.flag_bits & 0x800 and not entry.filename.isascii()
        ]
        encoding = _encoding(old, notes)
        for entry in listed:
            known = entry.filename.isascii() or entry.flag_bits & 0x800
            parts = _parts(
                entry.filename if known else _raw(entry.filename).decode(encoding, "replace"), name
            )
            mode = entry.external_attr >> 16
            if stat.S_ISLNK(mode) or (
                stat.S_IFMT(mode) and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
            ):
                raise refuse(name, "an archive without links or devices")
            if entry.flag_bits & 1:
                raise refuse(name, "an archive without a password")
            if entry.is_dir():
                continue
            with archive.open(entry) as file:
                content = file.read(left + 1)
            left -= len(content)
            if left < 0:
                raise _too_much(name, len(data))
            yield Entry(parts, content)


def _tar(data: bytes, kind: str, name: str, notes: list[str] | None) -> Iterator[Entry]:
    packed: IO[bytes] = io.BytesIO(data)
    packed = UNPACK[kind](packed) if kind in UNPACK else packed
    # A plain tar is as large as its content.
    limit = UNPACKED_BYTES if kind == "tar" else most(len(data))
    stream = _Counted(packed, limit + ENTRIES * HEADERS, _too_much(name, len(data)))
    count, encoding = 0, ""
    with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r|") as archive:
        for entry in archive:
            count += 1
            if count > ENTRIES:
                raise refuse(name, f"an archive of at most {ENTRIES:,} files")
            raw = entry.name.encode("utf-8", "surrogateescape")
            if any("\udc80" <= sign <= "\udcff" for sign in entry.name):
                encoding = encoding or _encoding([raw], notes)
                parts = _parts(raw.decode(encoding, "replace"), name)
            else:
                parts = _parts(entry.name, name)
            if entry.isdir():
                continue
            if not entry.isreg() or entry.issparse():
                raise refuse(name, "an archive without links or devices")
            if entry.size > limit:
                raise _too_much(name, len(data))
            file = archive.extractfile(entry)
            assert file is not None
            content = file.read(limit + 1)
            if len(content) != entry.size:
                raise refuse(name, "a whole archive (it is cut off)")
            yield Entry(parts, content)


def _raw(name: str) -> bytes:
    """Return a name of a zip as bytes, as they were before zipfile read them as cp437."""
    try:
        return name.encode("cp437")
    except UnicodeEncodeError:
        return name.encode()


def _encoding(names: list[bytes], notes: list[str] | None) -> str:
    """Return the encoding of names for which the archive specifies none: UTF-8, if they are valid;
    else that of Windows in Japan or in the West.
    """
    try:
        for one in names:
            one.decode()
        return "utf-8"
    except UnicodeDecodeError:
        pass
    parts = [
        part.partition(b".")[0] for one in names for part in one.split(b"/") if not part.isascii()
    ]
    joined = b" ".join(parts)
    letters, others = (
        sum(bytes([sign]).isalpha() for sign in joined),
        sum(sign > 127 for sign in joined),
    )
    encoding = "cp437"
    if letters <= others:
        with contextlib.suppress(UnicodeDecodeError):
            strange = [sign for sign in joined.decode("cp932") if not sign.isascii()]
            if all(
                unicodedata.name(sign, "").startswith(
                    ("CJK", "HIRAGANA", "KATAKANA", "FULLWIDTH", "IDEOGRAPHIC")
                )
                for sign in strange
            ):
                encoding = "cp932"
    if notes is not None:
        example = max(parts, key=len).decode(encoding, "replace")
        how = "Japanese Windows" if encoding == "cp932" else "Western Windows"
        notes.append(
            f"The archive does not say how its names are written; they were read as those of "
            f"{how} ({encoding}). Check that “{named(example)}” is right."
        )
    return encoding


class _Counted(io.RawIOBase):
    """A stream that raises an error once too many bytes were read from it; skipping counts too."""

    def __init__(self, stream: IO[bytes], left: int, refusal: BadInput) -> None:
        self.stream, self.left, self.refusal = stream, left, refusal

    def read(self, size: int = -1) -> bytes:
        block = self.stream.read(min(size, self.left + 1) if size >= 0 else self.left + 1)
        self.left -= len(block)
        if self.left < 0:
            raise self.refusal
        return block

    def readable(self) -> bool:
        return True


def _parts(path: str, name: str) -> tuple[str, ...]:
    """Return the parts of an entry's name; absolute names and names that lead upwards are rejected,
    in the notation of any system.
    """
    parts = tuple(part for part in re.split(r"[/\\]", path) if part not in ("", "."))
    if (
        path.startswith(("/", "\\"))
        or ".." in parts
        or re.match(r"[A-Za-z]:", path)
        or "\0" in path
    ):
        raise refuse(name, "an archive whose names stay inside it (one leads out of it)")
    return parts


def _too_much(name: str, size: int) -> BadInput:
    return refuse(name, f"an archive that unpacks to at most {most(size) // MIB} MiB")
