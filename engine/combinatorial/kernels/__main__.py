"""Compile all loops for this machine: `python -m engine.combinatorial.kernels`. Where they are
compiled already it takes a second.
"""

import contextlib
import fcntl
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from . import INSIDE, compile_all

SILENT_SECONDS = 4.0


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Let one process at a time compile: the next ones find what it has kept."""
    path = Path(tempfile.gettempdir()) / f"kelvin-loops-{os.getuid()}.lock"
    # Anybody may put a link there, whose target must not be touched.
    flags = os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)
    try:
        file = os.open(path, flags, 0o600)
    except OSError:  # a link, or no folder may be written to
        yield
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def main() -> None:
    """Compile, and say so if it takes a while."""
    os.environ[INSIDE] = "1"
    text = "Compiling loops for this machine, once; half a minute …"
    told = threading.Timer(SILENT_SECONDS, lambda: print(text, file=sys.stderr, flush=True))
    told.daemon = True
    told.start()
    with alone():
        compile_all()
    told.cancel()


if __name__ == "__main__":
    main()
