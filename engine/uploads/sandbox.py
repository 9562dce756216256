"""Start the process that reads an untrusted file, a few at a time, with a time limit."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from .limits import CPU_SECONDS, NotNow, refuse

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 900.0
"""Wall-clock time after which a reader is killed even on a busy machine; its CPU time has its own
limit, `CPU_SECONDS`.
"""
READERS = 2
"""How many files are read at once on this machine, by all processes of a user together."""
MOST_WAITING = 16
"""How many files of one server may wait for their turn."""
LOOK = 0.1
"""Seconds between two checks for a free reader."""
KEPT = (
    "PATH",
    "SYSTEMROOT",
    "TMPDIR",
    "TEMP",
    "TMP",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "VIRTUAL_ENV",
)
"""The environment variables that the process gets: no secrets."""

Told = Callable[[int], None]
_waiting: list[object] = []
_guard = threading.Lock()
_seats = threading.BoundedSemaphore(READERS)


def decode(
    task: str,
    file: Path,
    name: str,
    folder: Path,
    *rest: str,
    told: Told | None = None,
    package: str = str(__package__),
) -> dict[str, Any]:
    """Run the process and return its result; its output files are in the folder.

    Args:
        task: "look" or "squares".
        file: the path of the bytes.
        name: the file's name.
        folder: where it may write.
        rest: for "squares": side and colour.
        told: called with the place in the queue, repeatedly, while others are read.
        package: whose `__main__` is run.

    Raises:
        BadInput: the file is rejected, or took too long, or more memory than allowed.
        NotNow: too many files wait, or the disk is full.
    """
    environment = {key: os.environ[key] for key in KEPT if key in os.environ}
    environment |= {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [
        sys.executable,
        "-m",
        package,
        task,
        str(file.resolve()),
        name,
        str(folder.resolve()),
        *rest,
    ]
    with turn(name, told):
        try:
            done = subprocess.run(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise refuse(name, f"a file that can be read within {SECONDS:g} seconds") from None
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        if done.returncode == -getattr(signal, "SIGXCPU", 0):
            raise refuse(
                name, f"a file that can be read within {CPU_SECONDS} seconds of computing"
            ) from None
        why = (
            "it took too much memory or time" if done.returncode < 0 else "the reader gave up on it"
        )
        raise refuse(name, f"a smaller or simpler file ({why})") from None
    if "full" in answer:
        raise NotNow(name, "the disk of the machine Kelvin runs on is full")
    if "refused" in answer:
        raise refuse(name, answer["refused"])
    return answer


@contextlib.contextmanager
def turn(name: str, told: Told | None = None) -> Iterator[None]:
    """Wait until fewer than `READERS` files are read, first come, first served within this process.

    Raises:
        NotNow: too many wait already.
    """
    ticket = object()
    with _guard:
        if len(_waiting) >= MOST_WAITING:
            raise NotNow(name, f"{MOST_WAITING} files are waiting to be read")
        _waiting.append(ticket)
    seat = None
    try:
        while seat is None:
            with _guard:
                place = _waiting.index(ticket)
            seat = _seat() if place == 0 else None
            if seat is None:
                if told is not None:
                    told(place + 1)
                time.sleep(LOOK)
    finally:
        with _guard:
            _waiting.remove(ticket)
    try:
        yield
    finally:
        seat()


def _seat() -> Callable[[], None] | None:
    """Reserve one of the readers; returns a function that releases it, or None if all are in use.

    A reader is reserved by a file lock, which is released if the process that holds it dies.
    """
    if not _seats.acquire(blocking=False):
        return None
    files = _lock_files()
    if files is None:  # no such locks here: only this process is counted
        return _seats.release
    for number, file in enumerate(files):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        for other in files[:number] + files[number + 1 :]:
            other.close()

        def free(file: IO[bytes] = file) -> None:
            file.close()
            _seats.release()

        return free
    for file in files:
        file.close()
    _seats.release()
    return None


def _lock_files() -> list[IO[bytes]] | None:
    """Open the files for the locks, in a folder of this user alone."""
    if fcntl is None:
        return None
    folder = Path(tempfile.gettempdir()) / f"kelvin-readers-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            return None
        return [(folder / str(number)).open("ab") for number in range(READERS)]
    except OSError:
        return None
