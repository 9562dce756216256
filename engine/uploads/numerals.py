"""Read numbers as people write them: 1,417.44 and 1.417,44, $12.50, 14.2%, (12.5), 1 000 and −3,
with the notation found column by column.

One entry can often be read in two ways: "1,000" is a thousand with commas between thousands, and
one with a decimal comma. Every entry is therefore read in both ways, and the entries of the column
that allow only one of them decide. If they contradict each other, or none of them decides, the
column is not read as numbers, and the reason is reported: a wrong number would not be noticed.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple

from .limits import named
from .signs import MINUS, in_ascii

LONGEST = 64
"""Longest entry that can be a number; no pattern below is tried on a longer one."""
MOSTLY = 0.9
"""A column is numeric if at least this share of its entries is."""
SAMPLE = 2000
"""Number of different entries that are enough to recognise a column of texts."""
LARGEST, SMALLEST = 1e100, 1e-100
"""Beyond these the mean and deviation of a column cannot be computed."""
EXACT = 2**53
"""Whole numbers up to this are exact in float64."""

DIGITS = 15
"""Numbers with at most this many digits are all different in float64."""
MERGED = 0.1
"""A column is not read as numbers if more than this share of its different numbers become equal in
float64.
"""
PADDED = 0.01
"""A column in which this share of entries begins with a 0 before other digits holds codes."""
POWER = "E means a power of ten; if these are codes, write them with a letter in front"

PLAIN = re.compile(r"[+-]?(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:[eE][+-]?\d{1,4})?", re.ASCII)
CORE = re.compile(r"([\d.,' ]+)(?:[eE]([+-]?\d{1,4}))?", re.ASCII)
GROUPS = re.compile(r"[1-9]\d{0,2}(?:([.,' ])\d{3})(?:\1\d{3})*", re.ASCII)
LAKHS = re.compile(r"[1-9]\d?(?:,\d{2})+,\d{3}", re.ASCII)
CODE = re.compile(r"\d+[A-Za-z]+\d+", re.ASCII)
VERSION = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{1,2})", re.ASCII)
DATES = re.compile(
    r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}(?:[T ].{1,20})?|\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: "
    r"?[AaPp][Mm])?"
    r"|\d{1,2}[-. ][A-Za-z]{3,9}[-., ]{1,2}\d{2,4}",
    re.ASCII,
)

ARABIC_POINT, ARABIC_GROUP = "\u066b", "\u066c"

# fmt: off
CODES = frozenset({
    "AED", "ARS", "AUD", "BGN", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "EGP",
    "EUR", "GBP", "HKD", "HUF", "IDR", "ILS", "INR", "ISK", "JPY", "KES", "KRW", "MAD", "MXN",
    "MYR", "NGN", "NOK", "NZD", "PEN", "PHP", "PKR", "PLN", "RON", "RSD", "RUB", "SAR", "SEK",
    "SGD", "THB", "TRY", "TWD", "UAH", "USD", "VND", "XAF", "ZAR", "kr", "kr.", "zł", "Kč",
    "Ft", "Fr.", "Rs", "Rs.", "US$", "A$", "C$", "R$", "S$", "HK$", "NZ$",
})
# fmt: on
PER = {"%": "percent", "‰": "per mille"}

Mark = Literal["point", "comma"]


class Written(NamedTuple):
    """The possible readings of one entry.

    Attributes:
        point: its value with a decimal point and commas between thousands; None if it cannot be
            read so.
        comma: its value with a decimal comma and points between thousands; None likewise.
        done: what was changed, each a phrase as in "… is read as 1417.44 ($ removed)".
        unit: currency or percent sign that was removed.
        inexact: it is a whole number that float64 cannot hold.
        digits: both readings, in Python's notation, of a number with more than `DIGITS` digits.
        padded: it begins with a 0 before other digits, as codes do and numbers seldom.
        core: its digits and the marks between them, in ASCII.
    """

    point: float | None
    comma: float | None
    done: tuple[str, ...] = ()
    unit: str = ""
    inexact: bool = False
    digits: tuple[str | None, str | None] = (None, None)
    padded: bool = False
    core: str = ""

    @property
    def decides(self) -> Mark | None:
        """Return the decimal mark, if only one of the two is possible."""
        if self.point is None:
            return "comma"
        return "point" if self.comma is None else None

    @property
    def ambiguous(self) -> bool:
        """Return whether both marks are possible and give different numbers."""
        return self.point is not None and self.comma is not None and self.point != self.comma


@dataclass(frozen=True)
class Reading:
    """The entries of a column read as numbers.

    Attributes:
        values: of every different entry that is a number.
        decided: the decimal mark that the column's own entries show; None if none does.
        assumed: the mark that was chosen although no entry shows it.
        done: what was changed, in order of frequency, and an entry of each kind with its value.
        example: an entry that shows most of the changes.
        doubtful: an entry whose mark was assumed.
        why_not: for a column that looks numeric and is not read as numbers: the reason.
    """

    values: Mapping[str, float]
    decided: Mark | None = None
    assumed: Mark | None = None
    done: tuple[str, ...] = ()
    example: str = ""
    doubtful: str = ""
    why_not: str = ""


def written(entry: str) -> Written | None:
    """Read one entry, without blanks around it; None if it is not a number.

    Takes a bounded number of steps: what is longer than `LONGEST` is not a number.
    """
    if len(entry) > LONGEST:
        return None
    if len(entry) < 16 and entry.isascii() and entry.isdigit() and entry[0] != "0":
        return Written(float(entry), float(entry), core=entry)
    text, done = in_ascii(entry), _of_script(entry)
    plain = PLAIN.fullmatch(text)
    if plain:
        whole, fraction = plain[1] or "", plain[2] if plain[2] is not None else plain[3]
        if not fraction:
            power = (POWER,) if CODE.fullmatch(text) else ()
            comma = text if not plain[0].count(".") else None
            return _numbers(text, comma, whole, (*done, *power), core=text)
        grouped = text[-4:-3] == "." and 1 <= len(whole) <= 3 and whole[0] != "0"
        comma = text.replace(".", "") if grouped else None
        return _numbers(text, comma, whole, done, core=text)
    return _decorated(text, list(done))


def _of_script(entry: str) -> tuple[str, ...]:
    """Return which signs of an entry are not those of ASCII, as text."""
    if entry.isascii():
        return ()
    done = []
    if any(unicodedata.category(sign) == "Nd" for sign in entry if not sign.isascii()):
        done.append("digits of another script")
    if any(sign in MINUS for sign in entry):
        done.append("a typographic minus sign")
    return tuple(done)


def _decorated(text: str, done: list[str]) -> Written | None:
    """Read an entry, in ASCII, that is more than plain digits with a point."""
    arabic = ARABIC_POINT in text or ARABIC_GROUP in text
    if arabic:
        if "." in text or "," in text:
            return None
        text = text.replace(ARABIC_GROUP, ",").replace(ARABIC_POINT, ".")
    found = re.search(r"[.,]?\d", text)
    if not found:
        return None
    last = max(i for i, sign in enumerate(text) if "0" <= sign <= "9")
    front, core, back = (
        text[: found.start()].replace(" ", ""),
        text[found.start() : last + 1],
        text[last + 1 :].replace(" ", ""),
    )
    negative = False
    if back.startswith(".") and back != ".":  # "12.%" and the like are not usual notation
        return None
    back = "" if back == "." else back
    if (
        front.count("(") == 1
        and back.count(")") == 1
        and (front[0] == "(" or front[-1] == "(")
        and (back[0] == ")" or back[-1] == ")")
    ):
        front, back, negative = front.replace("(", ""), back.replace(")", ""), True
        done.append("brackets mean minus")
    sign = ""
    for place in (0, -1):
        if front and front[place] in "+-" and not sign:
            sign = front[place]
            front = front[1:] if place == 0 else front[:-1]
    if back and back[-1] == "-" and not sign and not negative:
        back, sign = back[:-1], "-"
        done.append("the minus sign behind")
    if sign and negative:
        return None
    negative = negative or sign == "-"
    unit = ""
    for affix in (front, back):
        if affix:
            if unit or not (
                affix in PER
                or affix in CODES
                or affix.upper() in CODES
                or (len(affix) == 1 and unicodedata.category(affix) == "Sc")
            ):
                return None
            unit = affix if affix in PER or affix in CODES else affix.upper()
            done.append(f"{unit} removed")
    matched = CORE.fullmatch(core)
    if not matched:
        return None
    exponent = f"e{matched[2]}" if matched[2] else ""
    # A mantissa is never grouped.
    marks = ((".", ","), (",", ".")) if not exponent else ((".", ""), (",", ""))
    readings = [_read(matched[1], point, group) for point, group in marks]
    if arabic:
        readings[1] = None
    texts = [
        None if one is None else f"{'-' if negative else ''}{one}{exponent}" for one in readings
    ]
    if texts == [None, None]:
        return None
    whole = next(one for one in readings if one is not None).partition(".")[0]
    if " " in matched[1]:
        done.append("blanks between thousands")
    if "'" in matched[1]:
        done.append("apostrophes between thousands")
    return _numbers(texts[0], texts[1], whole, tuple(done), unit, core=matched[1])


def _read(text: str, point: str, group: str) -> str | None:
    """Return digits with those marks in Python's notation, or None."""
    whole, mark, fraction = text.partition(point)
    if (
        mark
        and not (fraction.isascii() and fraction.isdigit())
        and not (point == "." and not fraction and whole)
    ):
        return None
    if not (whole.isascii() and whole.isdigit()) and (whole or not fraction):
        groups = GROUPS.fullmatch(whole)
        if groups and groups[1] in (group, "'", " "):
            whole = whole.replace(groups[1], "")
        elif group == "," and LAKHS.fullmatch(whole):
            whole = whole.replace(",", "")
        else:
            return None
    return f"{whole or '0'}.{fraction}" if fraction else whole


def _numbers(
    point: str | None,
    comma: str | None,
    whole: str,
    done: tuple[str, ...],
    unit: str = "",
    *,
    core: str,
) -> Written | None:
    """Return both readings as numbers; None where float64 would silently give 0 or infinity."""
    values = [None if text is None else float(text) for text in (point, comma)]
    for text, value in zip((point, comma), values, strict=True):
        if value is not None and (
            value in (float("inf"), float("-inf"))
            or (value == 0 and re.search("[1-9]", re.split("[eE]", text or "")[0]))
        ):
            return None
    padded = len(whole) > 1 and whole[0] == "0"
    done = (*done, "leading zeros dropped") if padded else done
    long = any(text is not None and len(text) > DIGITS for text in (point, comma))
    inexact = len(whole) > 15 and int(whole) > EXACT and int(float(whole)) != int(whole)
    digits = (point, comma) if long else (None, None)
    return Written(values[0], values[1], done, unit, inexact, digits, padded, core)


def read_numbers(entries: Mapping[str, int], elsewhere: Mark | None = None) -> Reading:
    """Read the entries of one column.

    Args:
        entries: how often each different one occurs; none that means missing.
        elsewhere: a decimal mark that other columns of the table show, or that its separator
            suggests: with "comma", points are not read as decimal points without evidence.
    """
    sample = dict(itertools.islice(entries.items(), SAMPLE))
    read = sum(written(entry) is not None for entry in sample)
    if read < len(sample) / 2:  # texts: most columns of a large file need not be read to their end
        return Reading(
            {}, why_not=_mostly(sample, {entry: one for entry in sample if (one := written(entry))})
        )
    found = {entry: one for entry in entries if (one := written(entry)) is not None}
    total, known = sum(entries.values()), sum(entries[entry] for entry in found)
    if not known or known < MOSTLY * total:
        return Reading({}, why_not=_mostly(entries, found))
    units = Counter(one.unit for one in found.values())
    used = [unit for unit in units if unit]
    if len(used) > 1:
        return Reading(
            {},
            why_not=(
                f"numbers in different units: "
                f"{_quoted(_of_unit(found, used[0]), _of_unit(found, used[1]))}"
            ),
        )
    if used and used[0] in PER and "" in units:
        return Reading(
            {},
            why_not=(
                f"some with {used[0]} and some without: "
                f"{_quoted(_of_unit(found, used[0]), _of_unit(found, ''))}"
            ),
        )
    inexact = next((entry for entry, one in found.items() if one.inexact), None)
    if inexact is not None:
        return Reading(
            {},
            why_not=(
                f"whole numbers too long to stay different as numbers, such as {_quoted(inexact)}"
            ),
        )
    padded = [entry for entry, one in found.items() if one.padded]
    if sum(entries[entry] for entry in padded) >= PADDED * total:
        return Reading(
            {},
            why_not=f"leading zeros, as in codes and dates, such as {_quoted(padded[0])}",
        )
    power = next((entry for entry, one in found.items() if POWER in one.done), None)
    code = next(
        (
            entry
            for entry in entries
            if entry not in found and CODE.fullmatch(in_ascii(entry[:LONGEST]))
        ),
        None,
    )
    if power is not None and code is not None:
        return Reading({}, why_not=f"codes such as {_quoted(power, code)}")
    point = next((entry for entry, one in found.items() if one.decides == "point"), None)
    comma = next((entry for entry, one in found.items() if one.decides == "comma"), None)
    if point is not None and comma is not None:
        return Reading(
            {}, why_not=f"points and commas are used in two ways: {_quoted(point, comma)}"
        )
    decided: Mark | None = "point" if point is not None else "comma" if comma is not None else None
    assumed: Mark | None = None
    doubtful = [entry for entry, one in found.items() if one.ambiguous]
    if doubtful and decided is None:
        decided = _by_thousands(found, doubtful)
    if doubtful and decided is None:
        both = (
            f"{_quoted(doubtful[0])} may be {_plainly(found[doubtful[0]].point)} or "
            f"{_plainly(found[doubtful[0]].comma)}"
        )
        if any("," in found[entry].core for entry in doubtful) or used or elsewhere == "comma":
            return Reading(
                {},
                why_not=(
                    f"{both}; write thousands without a mark, or decimals with a point and "
                    f"another number of digits"
                ),
            )
        assumed = "point"
    mark = decided or assumed or "point"
    values: dict[str, float] = {}
    done: Counter[str] = Counter()
    best, example = -1, ""
    for entry, one in found.items():
        value = one.point if mark == "point" else one.comma
        value = value if value is not None else one.point if one.point is not None else one.comma
        assert value is not None
        values[entry] = value
        steps = _steps(one, mark)
        done.update(dict.fromkeys(steps, entries[entry]))
        if len(steps) > best:
            best, example = len(steps), entry
    merged = _merged(found, values, mark)
    if len(merged) > MERGED * (len(set(values.values())) + len(merged)):
        return Reading(
            {},
            why_not=f"numbers too long to stay different as numbers, such as {_quoted(*merged[0])}",
        )
    if merged:
        done[f"too many digits: {_quoted(*merged[0])} become equal"] = 0
    largest = max(abs(value) for value in values.values())
    if largest >= LARGEST or 0 < largest < SMALLEST:
        return Reading(
            {}, why_not=f"numbers too large or too small to compute with, such as {largest:g}"
        )
    return Reading(
        values,
        decided,
        assumed,
        tuple(step for step, _ in done.most_common()),
        example,
        doubtful[0] if assumed else "",
    )


def _merged(
    found: Mapping[str, Written], values: Mapping[str, float], mark: Mark
) -> list[tuple[str, str]]:
    """Return entries that are different numbers but equal in float64, each with one that it is
    equal to.
    """
    long = {values[entry] for entry, one in found.items() if any(one.digits)}
    seen: dict[float, dict[Decimal, str]] = {}
    pairs = []
    for entry, one in found.items() if long else ():
        value = values[entry]
        if value not in long:
            continue
        text = one.digits[0 if mark == "point" else 1] or one.digits[0] or one.digits[1]
        exact = Decimal(text if text is not None else repr(value))
        others = seen.setdefault(value, {})
        if others and exact not in others:
            pairs.append((next(iter(others.values())), entry))
        others.setdefault(exact, entry)
    return pairs


def _by_thousands(found: Mapping[str, Written], doubtful: list[str]) -> Mark | None:
    """Return the decimal mark of a column such as 960, 1,000, 1,040, or None.

    The mark separates thousands if numbers below 1000 have none, no number above has none, and a
    number with it ends in 0: a writer of decimals either keeps that 0 and writes 960,000, or drops
    it and writes 1,04.
    """
    cores = [found[entry].core for entry in doubtful]
    sign = "," if any("," in core for core in cores) else "."
    if any(("." if sign == "," else ",") in core for core in cores):
        return None
    small = [one.point for one in found.values() if not one.ambiguous and one.point is not None]
    kept = any(core.rstrip(".,").endswith("0") for core in cores)
    if not small or not kept or any(abs(value) >= 1000 or value != int(value) for value in small):
        return None
    return "point" if sign == "," else "comma"


def _steps(one: Written, mark: Mark) -> list[str]:
    """Return what was changed in an entry, as text."""
    steps = list(one.done)
    group, decimal = (",", ".") if mark == "point" else (".", ",")
    if group in one.core:
        steps.append("commas between thousands" if mark == "point" else "points between thousands")
    if mark == "comma" and decimal in one.core:
        steps.append("a decimal comma")
    return steps


def _mostly(entries: Mapping[str, int], found: Mapping[str, Written]) -> str:
    """Return why a column is not read as numbers although many of its entries are, or are dates."""
    total, known = sum(entries.values()), sum(entries[entry] for entry in found)
    others = [entry for entry in entries if entry not in found]
    if known > total / 2:
        examples = _quoted(*others[:2])
        return f"{total - known:,} of {total:,} entries are not numbers, such as {examples}"
    dates = [
        entry
        for entry in others[:1000]
        if len(entry) <= LONGEST and DATES.fullmatch(in_ascii(entry))
    ]
    if others and len(dates) > min(len(others), 1000) / 2:
        return f"{_dates(dates)}, such as {_quoted(dates[0])}, which Kelvin does not compute with"
    return ""


def _dates(entries: list[str]) -> str:
    """Return what entries of three parts are: 31.01.24 is a date, 1.0.0 a version, and 1.10.2 may
    be either.
    """
    versions = [VERSION.fullmatch(in_ascii(entry)) for entry in entries]
    parts = [[int(part) for part in one.groups()] for one in versions if one]
    if len(parts) < len(entries):
        return (
            "dates or times" if len(parts) < len(entries) / 2 else "dates, times or version numbers"
        )
    days = [0 < a <= 31 and 0 < b <= 31 and min(a, b) <= 12 for a, b, _ in parts]
    two = all(one is not None and len(one[3]) == 2 for one in versions)
    return (
        "version numbers"
        if not all(days)
        else "dates or times"
        if two
        else "dates or version numbers"
    )


def _of_unit(found: Mapping[str, Written], unit: str) -> str:
    return next(entry for entry, one in found.items() if one.unit == unit)


def _quoted(*entries: str) -> str:
    return " and ".join(f"“{named(entry)[:30]}”" for entry in entries)


def _plainly(value: float | None) -> str:
    """Return a number with all its digits, without marks between thousands."""
    assert value is not None
    return str(int(value)) if value == int(value) and abs(value) < 1e16 else repr(value)
