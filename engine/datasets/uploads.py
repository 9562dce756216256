"""Files of one's own: kept for a while on this machine, under a token, until newer ones need the room.

A file is read once when it comes, in a process of its own (`engine.decoding`), and what was found is written beside it. The token is made of the file's own bytes, so the same
file has the same token, and nobody guesses one. The store is the folder ``KELVIN_UPLOADS`` names, else one of this user's in the system's folder for temporary files.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from engine import settings
from engine.decoding.limits import FILE_BYTES, MIB, named, refuse
from engine.decoding.process import decode
from engine.errors import BadInput

TOKEN = re.compile(r"[0-9a-f]{32}")
MOST_FILES, MOST_BYTES = 64, 1024 * MIB
"""What the store keeps; the files that were not used for longest go first."""
FILE, INFO = "file", "info.json"
ABANDONED = 3600
"""Seconds after which a file that never got its token was left behind by a process that ended."""


@dataclass(frozen=True)
class Column:
    """A column of a table, as `engine.decoding.tables` found it; without its entries."""

    name: str
    type: Literal["number", "category", "left out"]
    missing: int
    distinct: int
    levels: tuple[str, ...]
    counts: tuple[int, ...]
    why: str


@dataclass(frozen=True)
class UploadInfo:
    """What is known of a file.

    Attributes:
        token: names it.
        name: what it was called.
        kind: a table, or an archive of pictures.
        rows: of the table, or how many pictures.
        notes: what was left out or changed, a sentence each.
        columns: of a table.
        classes: of pictures: their names.
        counts: of pictures: [training, held out] of every class; all training where the archive did not say.
        split: of pictures: whether the archive said which are held out.
    """

    token: str
    name: str
    kind: Literal["table", "images"]
    rows: int
    notes: tuple[str, ...]
    columns: tuple[Column, ...] = ()
    classes: tuple[str, ...] = ()
    counts: tuple[tuple[int, int], ...] = ()
    split: bool = False

    @property
    def targets(self) -> tuple[Column, ...]:
        """Columns that may be learned."""
        return tuple(column for column in self.columns if column.type != "left out")


def store_folder() -> Path:
    """Where files are kept; made if need be, for this user's eyes only.

    Raises:
        BadInput: it cannot be made, or is somebody else's.
    """
    given = settings.uploads()
    owner = os.getuid() if hasattr(os, "getuid") else None
    folder = given if given else Path(tempfile.gettempdir()) / f"kelvin-uploads-{owner if owner is not None else 'files'}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat() if not given else folder.stat()
    except OSError as error:
        raise BadInput("KELVIN_UPLOADS", str(folder), f"a folder that can be written ({error.strerror})") from None
    if not stat.S_ISDIR(found.st_mode) or (not given and owner is not None and found.st_uid != owner):
        raise BadInput("KELVIN_UPLOADS", str(folder), "a folder of this user's own")
    return folder


def store(data: bytes, name: str) -> UploadInfo:
    """Take a file in: look at it, keep it, and tell what is in it.

    Args:
        data: its bytes.
        name: what it is called; for people only.

    Raises:
        BadInput: it is too large, or is neither a table nor an archive of pictures that can be read; the field is ``file``.
    """
    name = named(Path(name.replace("\\", "/")).name) or "file"
    if len(data) > FILE_BYTES:
        raise refuse(name, f"a file of at most {FILE_BYTES // MIB} MiB (it has {len(data) / MIB:.1f})")
    if not data.strip():
        raise refuse(name, "a file with something in it")
    token, folder = hashlib.sha256(data).hexdigest()[:32], store_folder()
    if (folder / token / INFO).exists():
        return find(token)
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=folder))
    try:
        (part / FILE).write_bytes(data)
        found = decode("look", part / FILE, name, part)
        (part / INFO).write_text(json.dumps({"name": name, **found}), "utf-8")
        try:
            os.replace(part, folder / token)
        except OSError:  # somebody else brought the same file at the same time
            if not (folder / token / INFO).exists():
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    make_room(folder, token)
    return find(token)


def make_room(folder: Path, keep: str) -> None:
    """Drop what was not used for longest, but never the file just taken in, until no more is kept than may be."""
    found = []
    for place in folder.iterdir():
        try:
            if TOKEN.fullmatch(place.name):
                found.append((place.name == keep, (place / INFO).stat().st_mtime, sum(file.stat().st_size for file in place.iterdir()), place))
            elif place.name.startswith(".part-") and time.time() - place.stat().st_mtime > ABANDONED:
                shutil.rmtree(place, ignore_errors=True)
        except OSError:  # another process drops it at this moment
            continue
    found.sort(reverse=True)
    size = 0
    for place_number, (kept, _used, taken, place) in enumerate(found):
        size += taken
        if not kept and (place_number >= MOST_FILES or size > MOST_BYTES):
            shutil.rmtree(place, ignore_errors=True)


def find(token: str, field: str = "dataset.token") -> UploadInfo:
    """What is known of the file of that token.

    Raises:
        BadInput: it is not here (any more).
    """
    path = store_folder() / token / INFO if TOKEN.fullmatch(token) else None
    try:
        if path is None:
            raise FileNotFoundError
        os.utime(path)
        return _info(token, path.stat().st_ino, path.read_text("utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(field, token, "the token of a file that is still here; give the file again (the oldest are dropped when there are many)") from None


@lru_cache(maxsize=16)
def _info(token: str, _inode: int, text: str) -> UploadInfo:
    value: dict[str, Any] = json.loads(text)
    columns = tuple(Column(**{**column, "levels": tuple(column["levels"]), "counts": tuple(column["counts"])}) for column in value.get("columns", ()))
    counts = tuple((int(one), int(other)) for one, other in value.get("counts", ()))
    return UploadInfo(
        token, value["name"], value["kind"], value["rows"], tuple(value["notes"]), columns, tuple(value.get("classes", ())), counts, value.get("split", False)
    )


def of_path(path: str, field: str = "dataset.file") -> UploadInfo:
    """Take in a file of this machine: for the command line and notebooks, never for what comes from a page.

    Raises:
        BadInput: it cannot be read, or is refused by `store`.
    """
    place = Path(path).expanduser()
    try:
        if place.stat().st_size > FILE_BYTES:
            raise BadInput(field, path, f"a file of at most {FILE_BYTES // MIB} MiB")
        data = place.read_bytes()
    except OSError as error:
        raise BadInput(field, path, f"a readable file ({error.strerror})") from None
    try:
        return store(data, place.name)
    except BadInput as error:
        raise BadInput(field if error.field == "file" else error.field, path, error.allowed) from None


def table_columns(info: UploadInfo) -> dict[str, np.ndarray[Any, Any]]:
    """The entries of a table's columns by name: (N,) float64 with NaN, or (N,) int32 with −1, where missing."""
    try:
        with np.load(store_folder() / info.token / "table.npz", allow_pickle=False) as file:
            return {column.name: file[f"c{i}"] for i, column in enumerate(info.columns) if column.type != "left out"}
    except (OSError, ValueError, KeyError):
        raise BadInput("dataset.token", info.token, "the token of a file that is still here; give the file again") from None


def squares(info: UploadInfo, side: int, colour: str) -> dict[str, np.ndarray[Any, Any]]:
    """An archive's pictures as squares: ``squares`` (N, C, side, side) uint8, ``labels`` (N,) int64, ``held_out`` (N,) bool. Decoded once, then kept beside the archive."""
    folder = store_folder() / info.token
    kept = folder / f"squares-{side}-{colour}.npz"
    try:
        if not kept.exists():
            with tempfile.TemporaryDirectory(prefix=".part-", dir=store_folder()) as part:
                decode("squares", folder / FILE, info.name, Path(part), str(side), colour)
                for other in folder.glob("squares-*.npz"):  # one at a time: they are large
                    other.unlink(missing_ok=True)
                os.replace(Path(part) / "squares.npz", kept)
        with np.load(kept, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput("dataset.token", info.token, "the token of a file that is still here; give the file again") from None
