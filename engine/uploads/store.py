"""Uploaded files: kept for a while on this machine, under a token, until newer ones need the space.

A file is read once when it arrives, in a separate process (`engine.uploads`), and the result is
written beside it. The store is the folder in ``KELVIN_UPLOADS``, by default one of this user's in
the system's folder for temporary files.

The token of a visitor's file is a hash of its bytes, of the visitor and of a secret of this store:
the same visitor gets the same token for the same file, and another one who has the same file learns
nothing. The token of a file of this machine is a hash of its bytes only, so that a recording can be
run again wherever the file is.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import hmac
import json
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import BadInput
from ..system import settings
from .limits import FILE_BYTES, MIB, NotNow, named, refuse
from .sandbox import Told, decode

Purpose = Literal["data", "cities"]
"""What a file is read as: samples to train on, or cities to travel to. A table may be either, and
is kept apart for each.
"""
PROCESSES: dict[Purpose, str] = {"data": "uploads", "cities": "combinatorial.reading"}
"""The package that reads a file in a process of its own."""

TOKEN = re.compile(r"[0-9a-f]{32}")
MOST_FILES, MOST_BYTES = 256, 1024 * MIB
"""Limits of the store, including everything made from the files."""
VISITOR_FILES, VISITOR_BYTES = 8, 256 * MIB
"""Limits for one visitor; the files that were not used for longest are deleted first."""
AGE = 24 * 3600
"""Seconds after its last use for which a visitor's file is kept. Files of this machine have no such
limit.
"""
FILE, INFO, OWNER, SECRET = "file", "info.json", "owner", ".secret"
READER = 5
"""Version of the reader. It increases when files are read differently; files read by an older
version are read again.
"""
FULL = (errno.ENOSPC, errno.EDQUOT)
ABANDONED = 3600
"""Seconds after which a file without a token was left behind by a process that ended."""


@dataclass(frozen=True)
class Column:
    """A column of a table, as read by `engine.uploads.tables`, with its first entries only."""

    name: str
    type: Literal["number", "category", "left out"]
    missing: int
    distinct: int
    levels: tuple[str, ...]
    counts: tuple[int, ...]
    why: str
    head: tuple[str, ...] = ()


@dataclass(frozen=True)
class UploadInfo:
    """The description of an uploaded file.

    Attributes:
        token: its identifier.
        name: its name.
        kind: a table, an archive of images, or a file of cities.
        rows: rows of the table, or number of images or cities.
        notes: what was left out or changed, one sentence each.
        columns: of a table.
        classes: of images: their names.
        counts: of images: [training, test] of every class; all training if the archive does not
            specify.
        split: of images: whether the archive specifies the test images.
    """

    token: str
    name: str
    kind: Literal["table", "images", "cities"]
    rows: int
    notes: tuple[str, ...]
    columns: tuple[Column, ...] = ()
    classes: tuple[str, ...] = ()
    counts: tuple[tuple[int, int], ...] = ()
    split: bool = False

    @property
    def targets(self) -> tuple[Column, ...]:
        """Return the columns that can be predicted."""
        return tuple(column for column in self.columns if column.type != "left out")


def store_folder() -> Path:
    """Return the folder of the files; created if necessary, accessible only to this user.

    Raises:
        BadInput: it cannot be created, or belongs to another user.
    """
    given = settings.uploads()
    owner = os.getuid() if hasattr(os, "getuid") else None
    folder = (
        given
        if given
        else Path(tempfile.gettempdir())
        / f"kelvin-uploads-{owner if owner is not None else 'files'}"
    )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat() if not given else folder.stat()
    except OSError as error:
        raise BadInput(
            "KELVIN_UPLOADS", str(folder), f"a folder that can be written ({error.strerror})"
        ) from None
    if not stat.S_ISDIR(found.st_mode) or (
        not given and owner is not None and found.st_uid != owner
    ):
        raise BadInput("KELVIN_UPLOADS", str(folder), "a folder of this user's own")
    return folder


def store(
    data: bytes,
    name: str,
    visitor: str = "",
    told: Told | None = None,
    purpose: Purpose = "data",
) -> UploadInfo:
    """Read a file, store it, and return its description.

    Args:
        data: its bytes.
        name: its name, only for people.
        visitor: identifies who uploaded it; empty for a file of this machine.
        told: called with its place in the queue while others are read.
        purpose: what it is read as.

    Raises:
        BadInput: it is too large, or is nothing of that purpose that can be read; the field is
            ``file``.
        NotNow: the disk is full, or too many files wait to be read.
    """
    name = named(Path(name.replace("\\", "/")).name) or "file"
    if len(data) > FILE_BYTES:
        raise refuse(
            name, f"a file of at most {FILE_BYTES // MIB} MiB (it has {len(data) / MIB:.1f})"
        )
    if not data.strip():
        raise refuse(name, "a file that is not empty")
    folder = store_folder()
    with room(name):
        token = token_of(data, visitor, folder, purpose)
        if _expired(folder / token):
            shutil.rmtree(folder / token, ignore_errors=True)
        if (folder / token / INFO).exists():
            return find(token)
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=folder))
        try:
            (part / FILE).write_bytes(data)
            if visitor:
                (part / OWNER).write_text(visitor, "utf-8")
            _look(part / FILE, name, part, purpose, told)
            try:
                os.replace(part, folder / token)
            except OSError:  # the same file was uploaded twice at the same time
                if not (folder / token / INFO).exists():
                    raise
        finally:
            shutil.rmtree(part, ignore_errors=True)
    make_room(folder, token)
    return find(token)


def _look(file: Path, name: str, part: Path, purpose: Purpose, told: Told | None = None) -> None:
    """Write the description of a file into a folder."""
    package = f"{str(__package__).rpartition('.')[0]}.{PROCESSES[purpose]}"
    found = decode("look", file, name, part, told=told, package=package)
    (part / INFO).write_text(json.dumps({"name": name, "reader": READER, **found}), "utf-8")


@contextlib.contextmanager
def room(name: str) -> Iterator[None]:
    """Raise an error for a full disk that says the file itself is fine."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise NotNow(name, "the disk of the machine Kelvin runs on is full") from None


def token_of(data: bytes, visitor: str, folder: Path, purpose: Purpose = "data") -> str:
    """Return the token for these bytes, uploaded by that visitor for that purpose."""
    if purpose != "data":
        data = purpose.encode() + b"\0" + data
    if not visitor:
        return hashlib.sha256(data).hexdigest()[:32]
    return hmac.new(_secret(folder), visitor.encode() + b"\0" + data, hashlib.sha256).hexdigest()[
        :32
    ]


def _secret(folder: Path) -> bytes:
    """Return the secret of this store; created if necessary, by one process for all."""
    path = folder / SECRET
    for _ in range(2):
        try:
            kept = path.read_bytes()
            if len(kept) == 32:
                return kept
        except FileNotFoundError:
            pass
        fresh, name = tempfile.mkstemp(prefix=".part-", dir=folder)
        with os.fdopen(fresh, "wb") as file:
            file.write(secrets.token_bytes(32))
        try:
            os.link(name, path)  # only the first process succeeds
        except FileExistsError:
            if path.stat().st_size != 32:  # incomplete because of a full disk
                os.replace(name, path)
        except OSError:  # a file system without links
            os.replace(name, path)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
    return path.read_bytes()


@dataclass(frozen=True)
class _Kept:
    """A file in the store: its path, its owner, its last use, and its size with everything made
    from it.
    """

    place: Path
    owner: str
    used: float
    size: int


def _owner(place: Path) -> str:
    try:
        return (place / OWNER).read_text("utf-8")
    except (OSError, ValueError):
        return ""


def _expired(place: Path) -> bool:
    """Return whether a visitor's file was not used for longer than it is kept."""
    try:
        return bool(_owner(place)) and time.time() - (place / INFO).stat().st_mtime > AGE
    except OSError:
        return False


def make_room(folder: Path, keep: str) -> None:
    """Delete files until the store is within its limits, but never the newest one.

    First those that are too old; then other files of the visitor who uploaded the newest, those not
    used for longest first; only then, if there are still too many, files of the visitor with the
    most.
    """
    kept: list[_Kept] = []
    for place in folder.iterdir():
        try:
            if TOKEN.fullmatch(place.name):
                if place.name != keep and _expired(place):
                    shutil.rmtree(place, ignore_errors=True)
                    continue
                size = sum(file.stat().st_size for file in place.iterdir())
                kept.append(_Kept(place, _owner(place), (place / INFO).stat().st_mtime, size))
            elif (
                place.name.startswith(".part-") and time.time() - place.stat().st_mtime > ABANDONED
            ):
                shutil.rmtree(place, ignore_errors=True)
                place.unlink(missing_ok=True)
        except OSError:  # another process is deleting it at this moment
            continue
    giver = next((one.owner for one in kept if one.place.name == keep), "")
    kept.sort(key=lambda one: one.used)

    def drop(one: _Kept) -> None:
        shutil.rmtree(one.place, ignore_errors=True)
        kept.remove(one)

    def held(owner: str) -> tuple[int, int]:
        return sum(one.owner == owner for one in kept), sum(
            one.size for one in kept if one.owner == owner
        )

    def oldest(owner: str) -> _Kept | None:
        return next((one for one in kept if one.owner == owner and one.place.name != keep), None)

    while (
        giver
        and (held(giver)[0] > VISITOR_FILES or held(giver)[1] > VISITOR_BYTES)
        and (mine := oldest(giver))
    ):
        drop(mine)
    while len(kept) > MOST_FILES or sum(one.size for one in kept) > MOST_BYTES:
        what = 0 if len(kept) > MOST_FILES else 1
        most = max(
            (owner for owner in {one.owner for one in kept} if oldest(owner)),
            key=lambda owner: held(owner)[what],
            default=None,
        )
        goes = oldest(giver) or (oldest(most) if most is not None else None)
        if goes is None:
            return
        drop(goes)


def find(token: str, field: str = "dataset.token") -> UploadInfo:
    """Return the description of the file with that token.

    Raises:
        BadInput: it is not in the store (any more).
    """
    place = store_folder() / token if TOKEN.fullmatch(token) else None
    try:
        if place is None or _expired(place):
            raise FileNotFoundError
        path = place / INFO
        text = path.read_text("utf-8")
        if json.loads(text).get("reader", 1) != READER:
            text = _read_again(place, json.loads(text))
        os.utime(path)
        return _info(token, path.stat().st_ino, text)
    except NotNow as error:
        raise BadInput(field, token, f"a later try: {error.why}") from None
    except BadInput as error:
        raise BadInput(
            field, token, f"a file that can still be read; expected {error.allowed}"
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(
            field,
            token,
            (
                "the token of a stored file; upload the file again (the oldest are "
                "deleted when there are many)"
            ),
        ) from None


def _read_again(place: Path, before: dict[str, Any]) -> str:
    """Read a file again that an older version of the reader read, which may have interpreted parts
    of it differently.

    Args:
        place: its folder.
        before: the description by that version.
    """
    name = str(before["name"])
    purpose: Purpose = "cities" if before["kind"] == "cities" else "data"
    with room(name), tempfile.TemporaryDirectory(prefix=".part-", dir=place.parent) as folder:
        part = Path(folder)
        _look(place / FILE, name, part, purpose)
        for stale in place.glob("squares-*.npz"):
            stale.unlink(missing_ok=True)
        text = (part / INFO).read_text("utf-8")
        for file in sorted(part.iterdir(), reverse=True):
            os.replace(file, place / file.name)
    return text


@lru_cache(maxsize=16)
def _info(token: str, _inode: int, text: str) -> UploadInfo:
    value: dict[str, Any] = json.loads(text)
    columns = tuple(
        Column(**{**column, **{key: tuple(column[key]) for key in ("levels", "counts", "head")}})
        for column in value.get("columns", ())
    )
    counts = tuple((int(one), int(other)) for one, other in value.get("counts", ()))
    return UploadInfo(
        token,
        value["name"],
        value["kind"],
        value["rows"],
        tuple(value["notes"]),
        columns,
        tuple(value.get("classes", ())),
        counts,
        value.get("split", False),
    )


def of_path(path: str, field: str = "dataset.file") -> UploadInfo:
    """Store a file of this machine: for the command line and notebooks, never for input from a
    page.

    Raises:
        BadInput: it cannot be read, or is rejected by `store`.
    """
    return of_bytes(bytes_of(path, field), path, field)


def bytes_of(path: str, field: str) -> bytes:
    """Return the bytes of a file of this machine.

    Raises:
        BadInput: it cannot be read, or is too large.
    """
    place = Path(path).expanduser()
    try:
        if place.stat().st_size > FILE_BYTES:
            raise BadInput(field, path, f"a file of at most {FILE_BYTES // MIB} MiB")
        return place.read_bytes()
    except OSError as error:
        raise BadInput(field, path, f"a readable file ({error.strerror})") from None


def of_bytes(data: bytes, path: str, field: str, purpose: Purpose = "data") -> UploadInfo:
    """Store the bytes of a file of this machine; see `of_path`."""
    try:
        return store(data, Path(path).name, purpose=purpose)
    except NotNow:
        raise
    except BadInput as error:
        raise BadInput(
            field if error.field == "file" else error.field, path, error.allowed
        ) from None


def table_columns(info: UploadInfo) -> dict[str, np.ndarray[Any, Any]]:
    """Return the entries of a table's columns by name: (N,) float64 with NaN, or (N,) int32 with
    −1, for missing ones.
    """
    try:
        with np.load(store_folder() / info.token / "table.npz", allow_pickle=False) as file:
            return {
                column.name: file[f"c{i}"]
                for i, column in enumerate(info.columns)
                if column.type != "left out"
            }
    except (OSError, ValueError, KeyError):
        raise BadInput(
            "dataset.token",
            info.token,
            "the token of a stored file; upload the file again",
        ) from None


def first_pictures(info: UploadInfo) -> tuple[np.ndarray[Any, Any], list[str]]:
    """Return a few of an archive's images, (N, 3, side, side) uint8, and the class of each."""
    try:
        with np.load(store_folder() / info.token / "first.npz", allow_pickle=False) as file:
            return file["squares"], [info.classes[label] for label in file["labels"].tolist()]
    except (OSError, ValueError, KeyError):
        raise BadInput(
            "dataset.token",
            info.token,
            "the token of a stored file; upload the file again",
        ) from None


def squares(info: UploadInfo, side: int, colour: str) -> dict[str, np.ndarray[Any, Any]]:
    """Return an archive's images as squares: ``squares`` (N, C, side, side) uint8, ``labels`` (N,)
    int64, ``held_out`` (N,) bool. Decoded once, then kept beside the archive.
    """
    folder = store_folder() / info.token
    kept = folder / f"squares-{side}-{colour}.npz"
    try:
        if not kept.exists():
            with (
                room(info.name),
                tempfile.TemporaryDirectory(prefix=".part-", dir=store_folder()) as part,
            ):
                decode("squares", folder / FILE, info.name, Path(part), str(side), colour)
                for other in folder.glob("squares-*.npz"):  # one at a time: they are large
                    other.unlink(missing_ok=True)
                os.replace(Path(part) / "squares.npz", kept)
            make_room(store_folder(), info.token)
        with np.load(kept, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(
            "dataset.token",
            info.token,
            "the token of a stored file; upload the file again",
        ) from None
