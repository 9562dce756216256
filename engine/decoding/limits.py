"""How much of anything is read, and how names that strangers chose are written."""

from __future__ import annotations

from typing import Any

from engine.errors import BadInput

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
"""Of all pictures of a dataset together, once they are squares: bytes, which become four times as many as numbers."""
COLUMNS, ROWS_LEAST = 1000, 20
CATEGORIES = 50
"""Of one column of a table, and classes of a dataset."""
FEW_NUMBERS = 20
"""Up to so many different numbers in a column are taken for classes, if it is what is to be learned."""
NAME = 60
"""Characters of a name of a column, a class or a file."""


def refuse(name: str, allowed: str) -> BadInput:
    """The refusal of a file of that name."""
    return BadInput("file", named(name), allowed)


def named(value: Any) -> str:
    """A name as it may be shown: one line, no control characters, no angle brackets (nothing that could be taken for markup), not longer than `NAME`."""
    text = "".join(character if character.isprintable() else " " for character in str(value)).replace("<", "‹").replace(">", "›")
    text = " ".join(text.split())
    return text if len(text) <= NAME else text[: NAME - 1] + "…"
