"""How much of anything is read, and how names that strangers chose are written."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..errors import BadInput

MIB = 2**20
FILE_BYTES = 20 * MIB
"""Of one file as it is given."""
UNPACKED_BYTES = 200 * MIB
"""Of all that comes out of an archive."""
ENTRIES = 20_000
"""Files and folders in an archive."""
RATIO = 200
"""How many times larger than itself an archive may unpack; real pictures hardly grow at all."""
PIXELS = 40_000_000
"""Of one picture."""
SIDES = (8, 64)
"""Of the squares pictures are made, from and to."""
PICTURE_BYTES = 100_000_000
"""Of all pictures of a dataset together, once they are squares: bytes, which become four times as
many as numbers."""
COLUMNS, ROWS_LEAST = 1000, 20
CATEGORIES = 50
"""Of one column of a table, and classes of a dataset."""
FEW_NUMBERS = 20
"""Up to so many different numbers in a column are taken for classes, if it is what is to be
learned."""
BLANKS = "\u00a0\u2002\u2003\u2007\u2009\u202f\u3000"
"""Blanks of other widths than the usual one, which are shown as that one."""
NAME = 60
"""Characters of a name of a column, a class or a file."""


MEMORY = 2**30
"""Bytes the process that reads a file may take."""
CPU_SECONDS = 60
"""Its own time for one file; not wall time, so that a busy machine refuses nothing it would read on
another day."""


class NotNow(BadInput):
    """A file that cannot be taken in at the moment, through no fault of its own.

    Args:
        name: of the file.
        why: a sentence without its full stop.
    """

    def __init__(self, name: str, why: str) -> None:
        super().__init__("file", named(name), "a later try")
        self.why = why
        self.args = (f"file: {named(name)!r} cannot be taken in now: {why}; try again later",)


def refuse(name: str, allowed: str) -> BadInput:
    """The refusal of a file of that name."""
    return BadInput("file", named(name), allowed)


def named(value: Any) -> str:
    """A name as it may be shown: one line, no control characters, no angle brackets (nothing that
    could be taken for markup), not longer than `NAME`.
    """
    text = _shown(str(value))
    return text if len(text) <= NAME else text[: NAME - 1] + "…"


def replaced(value: str) -> bool:
    """Tell whether a name is shown with blanks in place of line breaks and control characters."""
    return not one_form(value[: 4 * NAME]).isprintable() and any(
        not sign.isprintable() and sign not in BLANKS for sign in value.strip()
    )


def one_form(text: str) -> str:
    """A text without blanks around it, and with ä as one character, not as a and two dots (NFC).

    Long texts stay as they are: to put many accents into order takes steps in proportion to the
    square
    of their number.
    """
    text = text.strip()
    return text if len(text) > 4 * NAME or text.isascii() else unicodedata.normalize("NFC", text)


def _shown(text: str) -> str:
    text = "".join(
        character if character.isprintable() else " " for character in one_form(text[: 4 * NAME])
    )
    return " ".join(text.replace("<", "‹").replace(">", "›").split())


def distinct_names(values: Sequence[str]) -> list[str]:
    """Names as they may be shown, each once: those that would look alike are numbered.

    The number of the next one is remembered for every beginning of a name, so that thousands of
    equal
    names do not take millions of steps.
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
