"""Characters of all scripts that mean the same in a number as the ASCII ones."""

from __future__ import annotations

import unicodedata

MINUS = "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"
BLANKS = (
    "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005"
    "\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
)
APOSTROPHES = "\u2018\u2019\u02bc\u00b4`\uff07"
WIDE = {
    "\uff0c": ",",
    "\uff0e": ".",
    "\uff05": "%",
    "\uff0b": "+",
    "\u066a": "%",
    "\uff08": "(",
    "\uff09": ")",
}
"""Characters of East Asian and Arabic scripts with the same meaning as ASCII ones."""


class _Signs(dict[int, str]):
    """A table for `str.translate`: digits of all scripts, and minus signs, blanks and apostrophes
    of all kinds, to ASCII.
    """

    def __missing__(self, point: int) -> str:
        sign = chr(point)
        if point > 127 and unicodedata.category(sign) == "Nd":
            sign = str(unicodedata.digit(sign))
        for signs, meant in ((MINUS, "-"), (BLANKS, " "), (APOSTROPHES, "'")):
            sign = meant if sign in signs else sign
        return WIDE.get(sign, sign)


SIGNS = _Signs()
