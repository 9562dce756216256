"""What people read in the page, in one place: one JSON file per area in a folder per language, shared by Python and the browser.

A text is named ``area.key``; ``{name}`` in it is filled in. The engine has its own words (labels and descriptions of its fields), which stand beside what they describe.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
LANGUAGE = "en"


@lru_cache(maxsize=4)
def catalogue(language: str = LANGUAGE) -> dict[str, str]:
    """All texts of a language by ``area.key``."""
    return {f"{path.stem}.{key}": text for path in sorted((FOLDER / language).glob("*.json")) for key, text in json.loads(path.read_text("utf-8")).items()}


def t(key: str, **values: object) -> str:
    """The text of that name, filled in.

    Raises:
        KeyError: there is no such text, or a value is missing: a defect.
    """
    return catalogue()[key].format(**values) if values else catalogue()[key]
