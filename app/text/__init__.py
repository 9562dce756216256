"""All texts of the page, in one place: one JSON file per area in a folder per language, shared by
Python and the browser.

A text is identified by ``area.key``; ``{name}`` in it is a placeholder. The engine has its own
texts (labels and descriptions of its fields), next to the code that they describe.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
LANGUAGE = "en"
JOINER = "\u2060"
"""An invisible character of zero width."""
_SIGNS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$:<>&^=])")
# Streamlit looks for these after it has processed Markdown, where backslashes are already gone:
# URLs, icons and emoji by name, arrows and dashes.
_FOUND_LATER = re.compile(r"(?<=:)(?=\S)|(?<=www)(?=\.)|(?=@)|(?<=[-<>=])(?=[-<>=])", re.IGNORECASE)


@lru_cache(maxsize=4)
def catalogue(language: str = LANGUAGE) -> dict[str, str]:
    """Return all texts of a language by ``area.key``."""
    return {
        f"{path.stem}.{key}": text
        for path in sorted((FOLDER / language).glob("*.json"))
        for key, text in json.loads(path.read_text("utf-8")).items()
    }


def t(key: str, **values: object) -> str:
    """Return the text of that key, with its placeholders filled in.

    Raises:
        KeyError: there is no such text, or a value is missing: an error in the program.
    """
    return catalogue()[key].format(**values) if values else catalogue()[key]


def plain(text: str) -> str:
    """Escape untrusted text, such as a value from a link or a name from a file, so that Streamlit's
    Markdown shows every character as it is.
    """
    return _SIGNS.sub(r"\\\1", _FOUND_LATER.sub(JOINER, " ".join(text.split())))
