"""The thumbnails of the datasets: small files that `tests/tools/thumbnails.py` draws from the data
themselves.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "assets" / "thumbnails"
OWN = "own"
"""The thumbnail of data that a visitor has not given yet."""


@lru_cache(maxsize=1)
def thumbnails() -> dict[str, str]:
    """Return the names of the files, by dataset."""
    return {path.stem: path.name for path in sorted(FOLDER.iterdir())}


@lru_cache(maxsize=1)
def version() -> str:
    """Return the version of all files, eight digits: part of their URLs, so that a browser may
    cache them for ever.
    """
    digest = hashlib.sha256()
    for path in sorted(FOLDER.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:8]


def address(name: str) -> str:
    """Return the URL of a dataset's thumbnail, below the server's base path; that of data of one's
    own for a dataset without one.
    """
    return f"/kelvin/thumbnails/{thumbnails().get(name, f'{OWN}.svg')}?v={version()}"
