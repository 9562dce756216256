"""Characters of all scripts that mean the same in a number as the ASCII ones."""

from __future__ import annotations

import unicodedata

MINUS = "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"
BLANKS = (
    "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005"
    "\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
)
APOSTROPHES = "\u2018\u2019\u02bc\u00b4`\uff07"
ARABIC_PERCENT = "\u066a"
FORMS = (range(0xFE50, 0xFE70), range(0xFF01, 0xFF5F), range(0xFFE0, 0xFFE7))
"""The small and the full-width forms of signs, letters and digits in East Asian scripts."""


class _Signs(dict[int, str]):
    """A table for `str.translate`: digits of all scripts, full-width forms, and minus signs, blanks
    and apostrophes of all kinds, to ASCII.
    """

    def __missing__(self, point: int) -> str:
        sign = chr(point)
        if any(point in forms for forms in FORMS):
            plain = unicodedata.normalize("NFKC", sign)
            sign = plain if len(plain) == 1 else sign
        if not sign.isascii() and unicodedata.category(sign) == "Nd":
            sign = str(unicodedata.digit(sign))
        for signs, meant in (
            (MINUS, "-"),
            (BLANKS, " "),
            (APOSTROPHES, "'"),
            (ARABIC_PERCENT, "%"),
        ):
            sign = meant if sign in signs else sign
        self[point] = sign
        return sign


SIGNS = _Signs()


def in_ascii(text: str) -> str:
    """Return a text with the ASCII signs that mean the same in a number."""
    return text if text.isascii() else text.translate(SIGNS)


def full_width(text: str) -> str:
    """Return a text with the full-width forms of its ASCII signs."""
    return "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text)
