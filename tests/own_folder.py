"""A run's own folder for files, and those that killed runs have left."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX, LOCK = "kelvin-tests-", "in-use"


def own_folder(root: Path | None = None) -> str:
    """Make a folder that `sweep` leaves alone as long as this process lives."""
    folder = tempfile.mkdtemp(prefix=PREFIX, dir=root)
    held = os.open(f"{folder}/{LOCK}", os.O_CREAT | os.O_RDWR)  # closed when the process ends
    fcntl.flock(held, fcntl.LOCK_EX)
    return folder


def sweep(root: Path | None = None) -> None:
    """Remove the folders whose process is gone. What others own is left."""
    for folder in Path(root or tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            held = os.open(folder / LOCK, os.O_RDWR)
        except OSError:
            continue
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # its process lives
            pass
        finally:
            os.close(held)
