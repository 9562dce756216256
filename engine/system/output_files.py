"""Output files of a command: checked before it starts, so that no work is lost, and written
completely or not at all.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import BadInput

STEM_BYTES = 200
"""Longest name of a file without what tells it from others: systems take 255 bytes in all."""


def file_stem(text: str) -> str:
    """Return a text as every system takes it for the name of a file: without what separates
    folders, signs that some systems reserve, and dots and blanks at its ends.
    """
    plain = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]+', " ", text)
    plain = " ".join(plain.split()).strip(". ")
    plain = plain.encode("utf-8", "ignore")[:STEM_BYTES].decode("utf-8", "ignore")
    return plain.strip(". ") or "kelvin"


def beside(path: Path) -> Path:
    """Return a short name for the temporary file that will become ``path``: a file's own name may
    already have the maximal length.
    """
    return path.with_name(f".{secrets.token_hex(6)}.part")


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """Yield a temporary file to write to. It replaces ``path`` once everything is written, and is
    removed if that fails.
    """
    part = beside(path)
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def file_target(option: str, name: str) -> Path:
    """Return a file that can be written: a new one, or an existing regular one.

    Raises:
        BadInput: it is something else, or cannot be written.
    """
    if not name.strip() or name.endswith((os.sep, os.curdir)):
        raise BadInput(option, name, "the name of a file")
    path = Path(name)
    try:
        if path.is_dir():
            raise BadInput(option, name, "a file; this is a folder")
        if path.exists() and not path.is_file():
            raise BadInput(
                option, name, "a regular file or a new one; this is a device, a pipe or a socket"
            )
        if path.exists() and not os.access(path, os.W_OK):
            raise BadInput(option, name, "a file that can be written (it is read-only)")
        if path.is_symlink() and not path.exists():
            raise BadInput(option, name, "a file; this is a link that leads nowhere")
        _try(path.parent, path)
    except OSError as error:
        raise BadInput(option, name, f"a file that can be written ({error.strerror})") from None
    return path


def folder_target(option: str, name: str) -> Path:
    """Return a folder that can be written to; it is created if it does not exist.

    Raises:
        BadInput: it is something else, or cannot be written.
    """
    if not name.strip():
        raise BadInput(option, name, "the name of a folder")
    folder = Path(name)
    try:
        _try(folder)
    except OSError as error:
        raise BadInput(option, name, f"a folder that can be written ({error.strerror})") from None
    return folder


def apart(read: dict[str, str | None], written: dict[str, str | None]) -> None:
    """Reject commands that overwrite their input, or write two outputs to one file.

    Args:
        read: names of input files by option; None if not given.
        written: likewise for output files.

    Raises:
        BadInput: an option names the file of another one.
    """
    seen = {os.path.realpath(name): option for option, name in read.items() if name}
    for option, name in written.items():
        if name and (other := seen.setdefault(os.path.realpath(name), option)) != option:
            raise BadInput(option, name, f"another file than that of {other}")


def free(folder: Path, stem: str, suffix: str) -> Path:
    """Return an unused name in a folder: ``stem``, else ``stem-2`` and so on. An empty file is
    created at once, so that no other process gets the same name.
    """
    number = 1
    while True:
        path = folder / f"{stem}{'' if number == 1 else f'-{number}'}{suffix}"
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            number += 1
        else:
            return path


def _try(folder: Path, wanted: Path | None = None) -> None:
    """Create the folder if necessary, and a file in it, and remove that again."""
    folder.mkdir(parents=True, exist_ok=True)
    probe = beside(folder / "probe")
    probe.touch()
    probe.unlink()
    # Only a test shows whether the name itself is allowed here.
    if wanted is not None and not wanted.exists():
        wanted.touch(exist_ok=False)
        wanted.unlink()
