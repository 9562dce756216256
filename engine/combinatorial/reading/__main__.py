"""The process that reads an untrusted file of cities: `python -m engine.combinatorial.reading look
FILE NAME FOLDER`.

Prints one JSON object and writes the instance into the folder; see `engine.uploads.__main__`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ...uploads.__main__ import main


def work(task: str, file: Path, name: str, folder: Path) -> dict[str, Any]:
    """Read the file and return what people need to know of it."""
    from .cities import read_cities
    from .kept import keep

    notes: list[str] = []
    instance = read_cities(file.read_bytes(), name, notes)
    if instance.kind == "tour" and instance.guessed:
        notes.append("The file has no coordinates: the map shows a guess, made from the distances.")
    keep(instance, folder)
    return {"kind": "cities", "rows": instance.size, "notes": notes}


if __name__ == "__main__":
    main(sys.argv[1:], work)
