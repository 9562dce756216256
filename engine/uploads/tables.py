"""Read tables: a text with one row per line and the column names in the first, as written by
spreadsheets (CSV).

Everything that is changed or left out is reported in a sentence. Every loop here takes time
proportional to the size of the file, and patterns are only tried on entries of bounded length.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from .delimited_text import SAMPLE_ROWS, grid, many
from .limits import (
    CATEGORIES,
    FEW_NUMBERS,
    ROWS_LEAST,
    distinct_names,
    named,
    refuse,
    replaced,
)
from .numerals import Mark, Reading, read_numbers, written
from .part_names import part_of
from .signs import full_width
from .text_encoding import text_of


def _both_widths(marks: frozenset[str]) -> frozenset[str]:
    return marks | {full_width(mark) for mark in marks}


# fmt: off
MISSING = _both_widths(frozenset({
    "", "?", "-", "–", "—", ".", "NA", "N/A", "n/a", "na", "N.A.", "n.a.", "<NA>", "NaN", "nan",
    "-nan", "NAN", "NaT", "null", "NULL", "Null", "missing", "#N/A", "#NA", "#DIV/0!",
    "#VALUE!", "#REF!", "#NUM!", "#NULL!", "#NAME?",
}))
# fmt: on
SIGNS = _both_widths(frozenset({"-", "–", "—", ".", "?"}))
"""Those marks that are signs: beside others, such as “+”, they are categories."""
STROKES = SIGNS - {"?", full_width("?")}
OFTEN = 0.1
"""As a share of the rows: a dash or point as frequent as this, among categories, is a category
itself.
"""
SPLITS = frozenset({"split", "fold", "kfold", "partition", "subset"})
"""Names, in lower case, of columns that may only split the rows."""
ASKS = frozenset({"is", "in", "for"})
"""Words in the names of such columns beside those for training and testing: “is_train”."""
NO_NUMBER = _both_widths(frozenset({"None", "none", "NONE"}))
"""Means missing in a column of numbers; among other texts it may be a category."""
# fmt: off
INDEX_NAMES = frozenset({
    "id", "index", "idx", "row", "rowid", "rownames", "rownum", "rownumber", "no", "no.", "nr",
    "nr.", "number", "#", "key", "unnamed:0",
})
# fmt: on

HEAD_ROWS = 5
"""First rows that are kept for people to look at."""
ROW_TOO = "that line is a row too."


@dataclass
class Column:
    """A column of a table.

    Attributes:
        name: as it is shown.
        type: "number", "category", or "left out".
        missing: rows without an entry.
        distinct: how many different entries.
        levels: the categories, or the different numbers if there are few; how often each, in
            `counts`.
        values: (N,) float64 with NaN for missing entries, or (N,) int32 indices of the levels with
            −1; None for a column left out.
        why: for a column left out.
        notes: what was changed, as the end of a sentence that begins with the column's name.
        marks: how often which mark means a missing entry; "" for an empty one.
        head: the first entries, for people: numbers as they were read, "" for missing ones.
    """

    name: str
    type: str
    missing: int
    distinct: int
    levels: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    values: np.ndarray[Any, Any] | None = None
    why: str = ""
    notes: list[str] = field(default_factory=list)
    marks: Counter[str] = field(default_factory=Counter)
    head: list[str] = field(default_factory=list)


@dataclass
class Sheet:
    """A table: its columns, the number of rows, and what was changed, one sentence each."""

    columns: list[Column]
    rows: int
    notes: list[str]


def read_table(data: bytes, name: str) -> Sheet:
    """Read the table in a file.

    Raises:
        BadInput: it is not such a text, or a row has more entries than there are names, or there
            are too few rows or columns, or too many columns.
    """
    notes: list[str] = []
    text = text_of(data, name, notes)
    separator, names, columns = grid(text, name, notes)
    del text
    told = _nameless(names, columns)
    notes += [told] if told else []
    nameless = told.endswith(ROW_TOO)
    if nameless:
        for entry, entries in zip(names, columns, strict=True):
            entries.insert(0, entry)
    else:
        _leave_out_repeated(names, columns, notes)
    titles = _titles([""] * len(names) if nameless else names, notes)
    rows = len(columns[0])
    if rows < ROWS_LEAST:
        raise refuse(name, f"a table of at least {ROWS_LEAST} rows (it has {rows:,})")
    sheet = Sheet(_columns(titles, columns, separator), rows, notes)
    _leave_out_row_numbers(sheet, titles if nameless else names)
    _leave_out_splits(sheet, titles)
    for column, entries in zip(sheet.columns, columns, strict=True):
        column.head = _head(column, entries[:HEAD_ROWS])
    usable = [column for column in sheet.columns if column.type != "left out"]
    if len(usable) < 2:
        why = "; ".join(
            f"{column.name}: {column.why}" for column in sheet.columns[:3] if column.why
        )
        raise refuse(name, f"a table with at least two columns that tell rows apart ({why})")
    sheet.notes += _changes(sheet.columns)
    return sheet


def _head(column: Column, entries: Sequence[str]) -> list[str]:
    """Return the first entries of a column as they are shown; those of a column that is left out as
    they were written.
    """
    if column.values is None:
        return [named(entry) for entry in entries]
    if column.type == "number":
        return [
            "" if np.isnan(value) else _exactly(value)
            for value in column.values[: len(entries)].tolist()
        ]
    return [
        column.levels[level] if level >= 0 else ""
        for level in column.values[: len(entries)].tolist()
    ]


def _nameless(names: Sequence[str], columns: Sequence[Sequence[str]]) -> str:
    """Return the note that the first line holds data instead of names, or that it may; empty if it
    clearly holds names.
    """
    samples = [
        [entry for entry in entries[:SAMPLE_ROWS] if entry not in MISSING] for entries in columns
    ]
    numeric = [
        bool(sample) and sum(written(entry) is not None for entry in sample) >= 0.9 * len(sample)
        for sample in samples
    ]
    if all(written(entry) for entry in names):
        return f"The first line holds numbers, not names, so the columns are numbered and {ROW_TOO}"
    of_numbers = [i for i, number in enumerate(numeric) if number]
    of_texts = [i for i, number in enumerate(numeric) if not number and samples[i]]
    as_number = [i for i in of_numbers if written(names[i])]
    seen = [i for i in of_texts if names[i] and names[i] in samples[i]]
    told = (
        f"The first line looks like the others, not like names, so the columns are numbered and "
        f"{ROW_TOO}"
    )
    if (
        of_numbers
        and len(as_number) == len(of_numbers)
        and (not of_texts or len(seen) > len(of_texts) / 2)
    ):
        return told
    blank = any(not name and samples[i] for i, name in enumerate(names))
    if (
        of_numbers
        and len(as_number) == len(of_numbers)
        and not blank
        and not _counted([names[i] for i in as_number], samples[as_number[0]])
    ):
        return told
    if not of_numbers and len(of_texts) > 1 and len(seen) == len(of_texts):
        return told
    missing = [name for name in names if name and name in MISSING]
    if as_number or missing:
        what = "numbers" if as_number else "marks of missing entries"
        which = _listed(named(names[i]) for i in as_number) or _listed(map(named, missing))
        return (
            f"Some columns are named by {what}: {which}. If the first line is data, add a line "
            f"of names before it."
        )
    return ""


def _leave_out_repeated(
    names: Sequence[str], columns: Sequence[list[str]], notes: list[str]
) -> None:
    """Leave out rows that repeat the names, as in several tables that were joined to one."""
    if any(written(name) for name in names):
        return
    again = [
        i
        for i, entry in enumerate(columns[0])
        if entry == names[0]
        and all(entries[i] == name for entries, name in zip(columns, names, strict=True))
    ]
    if again:
        gone = set(again)
        for entries in columns:
            entries[:] = [entry for i, entry in enumerate(entries) if i not in gone]
        notes.append(f"Left out: {many(len(again), 'row')} with the names of the columns again.")


def _counted(names: Sequence[str], below: Sequence[str]) -> bool:
    """Return whether numbers look like names: years, or 0, 1, 2, …; a single one, if it is unlike
    the entries below.
    """
    if not all(re.fullmatch(r"\d{1,4}", name, re.ASCII) for name in names):
        return False
    values = [int(name) for name in names]
    if len(values) > 1:
        steps = {after - before for before, after in pairwise(values)}
        years = all(1800 <= value <= 2100 for value in values)
        return steps == {1} or (years and len(steps) == 1 and min(steps) > 0)
    numbers = [one.point for entry in below if (one := written(entry)) and one.point is not None]
    return not numbers or not min(numbers) <= values[0] <= max(numbers)


def _titles(names: Sequence[str], notes: list[str]) -> list[str]:
    """Return names as they are shown, all different."""
    whole = [
        f"column {i + 1}" if not name or re.fullmatch(r"Unnamed: \d{1,4}", name) else name
        for i, name in enumerate(names)
    ]
    titles = distinct_names(whole)
    broken = [title for title, name in zip(titles, whole, strict=True) if replaced(name)]
    if broken:
        notes.append(
            f"Names with line breaks or control characters, which became blanks: {_listed(broken)}."
        )
    twice = [one for one, count in Counter(whole).items() if count > 1]
    if twice:
        notes.append(
            f"Names that stand for several columns are numbered: "
            f"{_listed(named(one) for one in twice)}."
        )
    return titles


# ---- the type of a column ----


def _columns(titles: Sequence[str], columns: Sequence[list[str]], separator: str) -> list[Column]:
    """Find the type of every column."""
    counts = [Counter(entries) for entries in columns]
    present = [_present(count) for count in counts]
    numbers = [{entry: n for entry, n in one.items() if entry not in NO_NUMBER} for one in present]
    readings = [read_numbers(one) for one in numbers]
    marks = {reading.decided for reading in readings if reading.values}
    elsewhere: Mark | None = (
        "comma" if "comma" in marks or (separator == ";" and "point" not in marks) else None
    )
    found = []
    for title, entries, count, texts, numeric, reading in zip(
        titles, columns, counts, present, numbers, readings, strict=True
    ):
        if reading.assumed and elsewhere:
            reading = read_numbers(numeric, elsewhere)
        found.append(_column(title, entries, count, texts, numeric, reading))
    return found


def _present(count: Counter[str]) -> dict[str, int]:
    """Return the entries of a column that do not mean missing, and how often each occurs.

    "-" may be the opposite of "+", and NA the code of a country: a mark that looks like the other
    entries, or is frequent among texts, is kept as an entry.
    """
    texts = {entry: n for entry, n in count.items() if entry not in MISSING}
    marks = [mark for mark in count if mark in MISSING and mark]
    if not texts or not marks:
        return texts
    sample = list(texts)[:SAMPLE_ROWS]
    numeric = sum(written(entry) is not None for entry in sample) >= len(sample) / 2
    signs = any(not any(sign.isalnum() for sign in entry) for entry in sample)
    codes = len(sample) > 1 and all(re.fullmatch("[A-Z]{2}", entry) for entry in sample)
    rows = sum(count.values())
    for mark in marks:
        frequent = mark in STROKES and count[mark] >= OFTEN * rows
        if not numeric and ((mark in SIGNS and (signs or frequent)) or (mark == "NA" and codes)):
            texts[mark] = count[mark]
    return texts


def _column(
    title: str,
    entries: list[str],
    count: Counter[str],
    texts: dict[str, int],
    numeric: dict[str, int],
    reading: Reading,
) -> Column:
    """Read one column."""
    rows = len(entries)
    if not texts:
        return Column(title, "left out", rows, 0, why=f"it is empty{_holes(count)}")
    if reading.values:
        values = np.fromiter(
            (reading.values.get(entry, np.nan) for entry in entries), np.float64, rows
        )
        different, often = np.unique(values[np.isfinite(values)], return_counts=True)
        column = Column(title, "number", int(np.isnan(values).sum()), len(different), values=values)
        column.marks = Counter(
            {entry: n for entry, n in count.items() if entry in MISSING or entry in NO_NUMBER}
        )
        if len(different) <= FEW_NUMBERS:
            column.levels, column.counts = (
                [_exactly(float(value)) for value in different],
                often.tolist(),
            )
        if len(different) < 2:
            return _left_out(
                column,
                (
                    f"the same number in every row, "
                    f"{_exactly(float(different[0]))}{_holes(column.marks)}"
                ),
            )
        if reading.done:
            value = _exactly(reading.values[reading.example])
            column.notes.append(
                f"read as numbers: “{named(reading.example)}” as {value} "
                f"({', '.join(reading.done)})"
            )
        if reading.assumed:
            value = _exactly(reading.values[reading.doubtful])
            column.notes.append(
                f"read with a decimal point: “{reading.doubtful}” as {value}. If the points "
                f"stand between thousands, write the numbers without them"
            )
        strays = {entry: n for entry, n in numeric.items() if entry not in reading.values}
        if strays:
            told = " and ".join(f"“{named(entry)[:30]}”" for entry in list(strays)[:3])
            total = sum(strays.values())
            column.notes.append(
                f"a column of numbers; {many(total, 'entry')} that "
                f"{'is' if total == 1 else 'are'} not a number ({told}) "
                f"{'counts' if total == 1 else 'count'} as missing"
            )
        return column
    levels = sorted(texts)
    column = Column(title, "category", rows - sum(texts.values()), len(levels))
    column.marks = Counter({entry: n for entry, n in count.items() if entry not in texts})
    reason = f"; {reading.why_not}" if reading.why_not else ""
    if len(levels) < 2:
        return _left_out(
            column, f"the same in every row, “{named(levels[0])[:30]}”{_holes(column.marks)}"
        )
    if len(levels) > CATEGORIES:
        return _left_out(
            column,
            (
                f"{len(levels):,} different texts, more than "
                f"{CATEGORIES}{reason}{_holes(column.marks)}"
            ),
        )
    if max(texts.values()) == 1:
        return _left_out(
            column,
            (
                f"a different text in every row, such as "
                f"{_no_number(levels)}{reason}{_holes(column.marks)}"
            ),
        )
    kept = [f"“{mark}” ({texts[mark]:,})" for mark in levels if mark in MISSING]
    if kept:
        which = _listed(kept)
        column.notes.append(
            f"read as a category, not as missing: {which}. Leave missing entries empty"
        )
    if reading.why_not:
        column.notes.append(f"read as {len(levels)} categories, not as numbers: {reading.why_not}")
    elif sum(not level[0].isalpha() for level in levels) > len(levels) / 2:
        column.notes.append(
            f"read as {len(levels)} categories, not as numbers, such as {_no_number(levels)}"
        )
    alike: dict[str, list[str]] = {}
    for level in levels:
        alike.setdefault(level.casefold(), []).append(level)
    for same in (one for one in alike.values() if len(one) > 1):
        which = " and ".join(f"“{named(one)}”" for one in same)
        column.notes.append(
            f"{which} are {len(same)} categories, which differ only in capital letters"
        )
    shown = distinct_names(levels)
    broken = [f"“{one}”" for one, level in zip(shown, levels, strict=True) if replaced(level)]
    if broken:
        column.notes.append(
            f"line breaks or control characters in categories became blanks: {_listed(broken)}"
        )
    place = {level: i for i, level in enumerate(levels)}
    column.values = np.fromiter((place.get(entry, -1) for entry in entries), np.int32, rows)
    column.levels, column.counts = shown, [texts[level] for level in levels]
    return column


def _no_number(levels: Sequence[str]) -> str:
    """Return one text of a column, to be quoted: if possible one that is no number."""
    example = next((level for level in levels if written(level) is None), levels[0])
    return f"“{named(example)[:30]}”"


def _holes(marks: Mapping[str, int]) -> str:
    """Return what was read as missing in a column, as the end of the reason why it is left out;
    empty if nothing was.
    """
    told = [
        f"“{mark}” ({n:,})"
        for mark, n in marks.items()
        if mark and (mark in MISSING or mark in NO_NUMBER)
    ]
    return f"; {_listed(told)} read as missing" if told else ""


def _left_out(column: Column, why: str) -> Column:
    return Column(column.name, "left out", column.missing, column.distinct, why=why)


def _leave_out_row_numbers(sheet: Sheet, names: Sequence[str]) -> None:
    """Leave out columns that only number the rows; report those that may."""
    for i, (name, column) in enumerate(zip(names, sheet.columns, strict=True)):
        if column.type != "number" or column.values is None or column.missing:
            continue
        steps = np.diff(column.values)
        numbered = bool((steps == 1).all()) and column.values[0] in (0, 1)
        bare = re.sub(r"[\s_-]", "", name.lower())
        is_id = bare in INDEX_NAMES or bool(re.search(r"(?:^|[a-z]| |_)(?:ID|Id)$|[_ -]id$", name))
        unlike = column.distinct == sheet.rows and bool(
            (column.values == np.floor(column.values)).all()
        )
        if numbered and (not name or re.fullmatch(r"Unnamed: \d{1,4}", name) or is_id):
            sheet.columns[i] = _left_out(column, "it numbers the rows")
        elif unlike and (is_id or not name or re.fullmatch(r"Unnamed: \d{1,4}", name)):
            sheet.columns[i] = _left_out(
                column, "a different whole number in every row, which names the row"
            )
        elif numbered and sheet.rows > ROWS_LEAST:
            column.notes.append(
                "it counts the rows. If it means nothing else, remove it from the file: the "
                "network is shown it"
            )


def _leave_out_splits(sheet: Sheet, names: Sequence[str]) -> None:
    """Leave out columns that specify which rows are for training and which for testing; report
    those that may by their names.
    """
    for i, (name, column) in enumerate(zip(names, sheet.columns, strict=True)):
        parts = [part_of(level) for level in column.levels] if column.type == "category" else []
        kinds = {part.kind if part and not part.rest else None for part in parts}
        if "train" in kinds and None not in kinds:
            sheet.columns[i] = _left_out(
                column,
                "it divides the rows into training and testing; the test rows are drawn from the "
                "seed instead",
            )
        elif column.levels and _splits(name, len(column.levels)):
            column.notes.append(
                "by its name it may divide the rows into training and testing. If so, remove it "
                "from the file: the network is shown it, and the test rows are drawn from the seed"
            )


def _splits(name: str, levels: int) -> bool:
    """Return whether a column may divide the rows by its name: is_train, in_test, fold."""
    part = part_of(name)
    if not part or levels != 2:
        return name.lower() in SPLITS
    return set(part.words) <= ASKS and (bool(part.words) or part.kind == "train")


def _exactly(value: float) -> str:
    """Return a number with all its digits."""
    return str(int(value)) if value == int(value) and abs(value) < 1e16 else repr(value)


# ---- the report ----


def _changes(columns: Sequence[Column]) -> list[str]:
    """Return what was changed or left out in columns, one sentence each; equal changes of several
    columns share one.
    """
    notes = []
    out: dict[str, list[str]] = {}
    changed: dict[str, list[str]] = {}
    for column in columns:
        if column.type == "left out":
            out.setdefault(column.why, []).append(column.name)
        for note in column.notes:
            changed.setdefault(note, []).append(column.name)
    notes += [f"{_listed(names)}: {note}." for note, names in changed.items()]
    notes += [f"Left out: {_listed(names)} ({why})." for why, names in out.items()]
    holes = [column for column in columns if column.missing and column.type != "left out"]
    if holes:
        share = _listed(f"{column.name} ({column.missing:,})" for column in holes)
        marks: Counter[str] = Counter()
        for column in holes:
            marks.update(column.marks)
        written_out = [f"“{mark}” ({count:,})" for mark, count in marks.most_common() if mark]
        told = f" Read as missing: {', '.join(written_out)}." if written_out else ""
        notes.append(
            f"Missing: {share}. A missing number is replaced by the column's mean; a missing "
            f"category is left blank.{told}"
        )
    return notes


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def summary(sheet: Sheet) -> dict[str, Any]:
    """Return the description of a table as JSON values."""
    columns = [
        {
            "name": c.name,
            "type": c.type,
            "missing": c.missing,
            "distinct": c.distinct,
            "levels": c.levels,
            "counts": c.counts,
            "why": c.why,
            "head": c.head,
        }
        for c in sheet.columns
    ]
    return {"kind": "table", "rows": sheet.rows, "columns": columns, "notes": sheet.notes}
