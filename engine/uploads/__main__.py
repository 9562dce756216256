"""The process that reads an untrusted file: `python -m engine.uploads look FILE NAME FOLDER` and `…
squares FILE NAME FOLDER SIDE COLOUR`.

Prints one JSON object on stdout: the result, or ``{"refused": what would have been accepted}``.
Writes into the folder and nowhere else.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import BadInput
from .limits import CPU_SECONDS, MEMORY

FULL = (errno.ENOSPC, errno.EDQUOT)


def limit() -> None:
    """Limit memory and time to what one file can need, lower the priority below that of races, and
    forbid large output files, where the system supports it.
    """
    if hasattr(os, "nice"):
        os.nice(10)
    try:
        import resource
    except ImportError:  # Windows: only the parent's time limit applies
        return
    # Between the soft and the hard CPU limit the process ends by a signal that tells the reason.
    for what, most, last in (
        (resource.RLIMIT_AS, MEMORY, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS, CPU_SECONDS + 5),
        (resource.RLIMIT_FSIZE, 2**30, 2**30),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        _soft, hard = resource.getrlimit(what)
        bounds = (
            (most, last) if hard == resource.RLIM_INFINITY else (min(most, hard), min(last, hard))
        )
        try:
            resource.setrlimit(what, bounds)
        except (ValueError, OSError):  # macOS rejects some
            continue


def work(task: str, file: Path, name: str, folder: Path, *rest: str) -> dict[str, Any]:
    """Do the requested task and print the result."""
    import numpy as np

    from . import archive, images, tables

    data = file.read_bytes()
    if task == "squares":
        side, colour = rest
        found = images.read_pictures(data, name, int(side), colour)
        np.savez(
            folder / "squares.npz",
            squares=found.squares,
            labels=found.labels,
            held_out=found.held_out,
        )
        return images.summary(found)
    if archive.archive_kind(data):
        other = archive.no_pictures(data)
        if other:
            raise BadInput("file", name, f"a CSV table or an archive of pictures, not {other}")
        found = images.read_pictures(data, name, 8, "rgb")
        squares, labels = images.first_pictures(data, name, found)
        np.savez(folder / "first.npz", squares=squares, labels=np.array(labels, np.int64))
        return images.summary(found)
    sheet = tables.read_table(data, name)
    arrays: dict[str, Any] = {
        f"c{i}": column.values
        for i, column in enumerate(sheet.columns)
        if column.values is not None
    }
    np.savez(folder / "table.npz", allow_pickle=False, **arrays)
    return tables.summary(sheet)


def main(arguments: list[str], work: Callable[..., dict[str, Any]] = work) -> None:
    """Do a task within the limits and print the answer.

    Args:
        arguments: the task, the file, its name, the folder to write into, and more.
        work: does it.
    """
    limit()
    task, file, name, folder, *rest = arguments
    try:
        answer = work(task, Path(file), name, Path(folder), *rest)
    except BadInput as error:
        answer = {"refused": error.allowed}
    except MemoryError:
        answer = {
            "refused": (
                f"a smaller file: to read this one takes more than {MEMORY // 2**30} GiB of memory"
            )
        }
    except OSError as error:
        if error.errno not in FULL:
            raise
        answer = {"full": True}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1:])
