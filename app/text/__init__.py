"""What people read in the page, in one place: one JSON file per area in a folder per language,
shared by Python and the browser.

A text is named ``area.key``; ``{name}`` in it is filled in. The engine has its own words (labels
and descriptions of its fields), which stand beside what they describe.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
LANGUAGE = "en"
JOINER = "\u2060"
"""Takes no room and is not seen."""
_SIGNS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$:<>&^=])")
# Streamlit looks for these in what Markdown has already made of a text, where a backslash is no
# longer seen: addresses, icons and emoji by name, arrows and dashes.
_FOUND_LATER = re.compile(r"(?<=:)(?=\S)|(?<=www)(?=\.)|(?=@)|(?<=[-<>=])(?=[-<>=])", re.IGNORECASE)


@lru_cache(maxsize=4)
def catalogue(language: str = LANGUAGE) -> dict[str, str]:
    """All texts of a language by ``area.key``."""
    return {
        f"{path.stem}.{key}": text
        for path in sorted((FOLDER / language).glob("*.json"))
        for key, text in json.loads(path.read_text("utf-8")).items()
    }


def t(key: str, **values: object) -> str:
    """The text of that name, filled in.

    Raises:
        KeyError: there is no such text, or a value is missing: a defect.
    """
    return catalogue()[key].format(**values) if values else catalogue()[key]


def plain(text: str) -> str:
    """Somebody else's words, such as a value from a link or a name from a file, so that no sign in
    them means anything to Streamlit's Markdown.
    """
    return _SIGNS.sub(r"\\\1", _FOUND_LATER.sub(JOINER, " ".join(text.split())))
