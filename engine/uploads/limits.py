"""Limits on what is read, and the form in which names from uploaded files are shown."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..errors import BadInput

MIB = 2**20
FILE_BYTES = 20 * MIB
"""Size of an uploaded file."""
UNPACKED_BYTES = 200 * MIB
"""Size of everything unpacked from an archive."""
ENTRIES = 20_000
"""Files and folders in an archive."""
RATIO = 200
"""Largest ratio of unpacked to packed size; real images hardly grow at all."""
PIXELS = 40_000_000
"""Pixels of one image."""
SIDES = (8, 64)
"""Range of the side of the squares."""
PICTURE_BYTES = 100_000_000
"""Size of all images of a dataset together, as squares of bytes; as floats they take four times as
much.
"""
COLUMNS, ROWS_LEAST = 1000, 20
CATEGORIES = 50
"""Categories of one column of a table, and classes of a dataset."""
FEW_NUMBERS = 20
"""A column to predict with at most this many different numbers is treated as classes."""
BLANKS = "\u00a0\u2002\u2003\u2007\u2009\u202f\u3000"
"""Spaces of other widths, which are shown as the usual one."""
FAULTS = 5
"""Faults of a file that are told one by one."""
NAME = 60
"""Characters in the name of a column, a class or a file."""


MEMORY = 2**30
"""Memory of the process that reads a file."""
CPU_SECONDS = 60
"""Its CPU time for one file; not wall-clock time, so that a busy machine rejects nothing that it
would otherwise read.
"""


class NotNow(BadInput):
    """A file that cannot be read at the moment; the file itself is fine.

    Args:
        name: of the file.
        why: a sentence without its full stop.
    """

    def __init__(self, name: str, why: str) -> None:
        super().__init__("file", named(name), "a later try")
        self.why = why
        self.args = (f"file: {named(name)!r} cannot be taken in now: {why}; try again later",)


def refuse(name: str, allowed: str) -> BadInput:
    """Return the error for a file of that name."""
    return BadInput("file", named(name), allowed)


def faults_told(faults: Sequence[str]) -> str:
    """Return what is wrong with a file, the first `FAULTS` of it, so that it is mended at once."""
    more = f"; and {len(faults) - FAULTS:,} more" if len(faults) > FAULTS else ""
    return "; ".join(faults[:FAULTS]) + more


def named(value: Any) -> str:
    """Return a name in a form that can be shown: one line, no control characters, no angle brackets
    (no markup), at most `NAME` characters.
    """
    text = _shown(str(value))
    return text if len(text) <= NAME else text[: NAME - 1] + "…"


def replaced(value: str) -> bool:
    """Return whether a name is shown with blanks in place of line breaks and control characters."""
    return not one_form(value[: 4 * NAME]).isprintable() and any(
        not sign.isprintable() and sign not in BLANKS for sign in value.strip()
    )


def one_form(text: str) -> str:
    """Return a text without blanks around it, and with ä as one character, not as a and two dots
    (NFC).

    Long texts stay unchanged: ordering many accents takes time proportional to the square of their
    number.
    """
    text = text.strip()
    return text if len(text) > 4 * NAME or text.isascii() else unicodedata.normalize("NFC", text)


def _shown(text: str) -> str:
    text = "".join(
        character if character.isprintable() else " " for character in one_form(text[: 4 * NAME])
    )
    return " ".join(text.replace("<", "‹").replace(">", "›").split())


def distinct_names(values: Sequence[str]) -> list[str]:
    """Return names that can be shown, all different: those that would look alike are numbered.

    The next number is remembered for every beginning of a name, so that thousands of equal names do
    not take millions of steps.
    """
    shown = [named(value) or "(blank)" for value in values]
    taken = set(shown)
    first: set[str] = set()
    following: Counter[str] = Counter()
    names = []
    for name in shown:
        if name in first:
            beginning = name.rstrip("…")[: NAME - 8]
            while True:
                following[beginning] += 1
                numbered = f"{beginning} ({following[beginning] + 1})"
                if numbered not in taken:
                    break
            taken.add(numbered)
            name = numbered
        first.add(name)
        names.append(name)
    return names
