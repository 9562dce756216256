"""Tables: a text with one row a line and the names of the columns in the first, as spreadsheets write it (CSV)."""

from __future__ import annotations

import csv
import io
import re
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from engine.decoding.limits import CATEGORIES, COLUMNS, FEW_NUMBERS, ROWS_LEAST, named, refuse

SEPARATORS = (",", ";", "\t", "|")
MOSTLY = 0.9
"""A column is one of numbers if so many of its entries are."""
MISSING = ("", "?", "-", "–", ".", "NA", "N/A", "n/a", "na", "NaN", "nan", "null", "NULL", "None", "none", "missing", "#N/A", "#DIV/0!", "#VALUE!")
OTHERS = {
    b"PAR1": "a Parquet file: save the table as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file: save the table as CSV",
    b"SQLite": "a database: save the table as CSV",
    b"%PDF": "a PDF: copy the table into a spreadsheet and save it as CSV",
}


@dataclass
class Column:
    """A column of a table.

    Attributes:
        name: as it is shown.
        type: "number", "category", or "left out".
        missing: rows without an entry.
        distinct: how many different entries.
        levels: the categories, or the different numbers where there are few; how often each, in `counts`.
        values: (N,) float64 with NaN where missing, or (N,) int32 places in the levels with −1; none of a column left out.
        why: of a column left out.
    """

    name: str
    type: str
    missing: int
    distinct: int
    levels: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    values: np.ndarray[Any, Any] | None = None
    why: str = ""


@dataclass
class Sheet:
    """A table: its columns, the number of rows, and what was changed, a sentence each."""

    columns: list[Column]
    rows: int
    notes: list[str]


def read_table(data: bytes, name: str) -> Sheet:
    """The table in a file.

    Raises:
        BadInput: it is no such text, or a row has more entries than there are names, or there are too few rows or columns, or too many columns.
    """
    notes: list[str] = []
    text = _text(data, name, notes)
    first = next((line for line in io.StringIO(text) if line.strip()), "")
    separator = max(SEPARATORS, key=first.count)
    names = next(csv.reader([first], delimiter=separator, skipinitialspace=True), [])
    if len(names) < 2:
        raise refuse(name, "a table with at least two columns, separated by commas, semicolons, tabs or bars, and their names in the first line")
    if len(names) > COLUMNS:
        raise refuse(name, f"a table of at most {COLUMNS:,} columns (it has {len(names):,})")
    nameless = all(_is_number(entry) for entry in names)
    if nameless:
        notes.append("The first line holds numbers, not names, so the columns are numbered.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # rows longer than the first line, which would be cut
            frame = pd.read_csv(
                io.StringIO(text), sep=separator, header=None if nameless else 0, skipinitialspace=True, skip_blank_lines=True, dtype=str,
                keep_default_na=False, na_filter=False, index_col=False, on_bad_lines="error", encoding_errors="strict",
            )  # fmt: skip
    except (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError, ValueError, OverflowError, MemoryError) as error:
        raise refuse(name, f"a table with as many entries in every row as there are names ({_plainly(error)})") from None
    if len(frame) < ROWS_LEAST:
        raise refuse(name, f"a table of at least {ROWS_LEAST} rows (it has {len(frame):,})")
    titles = _titles(list(frame.columns), nameless)
    comma = separator != "," and bool(re.search(r"(?:^|[;\t|\n])\s*-?\d+,\d+\s*(?:$|[;\t|\r\n])", text[:100_000], re.MULTILINE))
    if comma:
        notes.append("Numbers are written with a decimal comma.")
    columns = [_column(title, frame.iloc[:, i], comma) for i, title in enumerate(titles)]
    usable = [column for column in columns if column.type != "left out"]
    if len(usable) < 2:
        raise refuse(
            name,
            f"a table with at least two columns that tell rows apart ({'; '.join(f'{column.name}: {column.why}' for column in columns[:3] if column.why)})",
        )
    notes += [f"Left out: {column.name} ({column.why})." for column in columns if column.type == "left out"][:8]
    holes = [column for column in usable if column.missing]
    if holes:
        share = ", ".join(f"{column.name} ({column.missing:,})" for column in holes[:6])
        notes.append(f"Missing: {share}{' …' if len(holes) > 6 else ''}. A missing number is taken for the column's mean, a missing category for none of them.")
    return Sheet(columns, len(frame), notes)


def _text(data: bytes, name: str, notes: list[str]) -> str:
    for magic, what in OTHERS.items():
        if data.startswith(magic):
            raise refuse(name, f"a CSV table or an archive of pictures, not {what}")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError:
            pass
    if b"\0" in data:
        raise refuse(name, "a CSV table, which is a text, or a zip or tar archive of PNG or JPEG pictures")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        notes.append("It is not written in UTF-8; read as Windows text.")
        return data.decode("cp1252", "replace")


def _column(title: str, entries: pd.Series[str], comma: bool) -> Column:
    """One column with its type found out."""
    texts = entries.str.strip()
    missing = texts.isin(MISSING)
    numbers = pd.to_numeric(texts.str.replace(",", ".", regex=False) if comma else texts, errors="coerce").to_numpy(np.float64, copy=True)
    numbers[missing.to_numpy() | ~np.isfinite(numbers)] = np.nan
    present = int((~missing).sum())
    if not present:
        return Column(title, "left out", len(texts), 0, why="it is empty")
    if np.isfinite(numbers).sum() >= MOSTLY * present and float(np.nanmax(np.abs(numbers))) < 1e100:
        different, counts = np.unique(numbers[np.isfinite(numbers)], return_counts=True)
        few = len(different) <= FEW_NUMBERS
        column = Column(title, "number", int(np.isnan(numbers).sum()), len(different), values=numbers)
        if few:
            column.levels, column.counts = [f"{value:g}" for value in different], counts.tolist()
        return column if len(different) > 1 else _left_out(column, "the same number in every row")
    labels = texts[~missing].map(named)
    levels = sorted(labels.unique())
    column = Column(title, "category", len(texts) - present, len(levels))
    if len(levels) < 2:
        return _left_out(column, "the same in every row")
    if len(levels) > CATEGORIES:
        return _left_out(column, f"{len(levels):,} different texts, more than {CATEGORIES}")
    place = {level: i for i, level in enumerate(levels)}
    values = np.full(len(texts), -1, np.int32)
    values[(~missing).to_numpy()] = labels.map(place).to_numpy(np.int32)
    column.values, column.levels, column.counts = values, levels, np.bincount(values[values >= 0], minlength=len(levels)).tolist()
    return column


def _left_out(column: Column, why: str) -> Column:
    return Column(column.name, "left out", column.missing, column.distinct, why=why)


def _titles(names: list[Any], nameless: bool) -> list[str]:
    """Names as they are shown, each once."""
    titles: list[str] = []
    for i, name in enumerate(names):
        title = named(name) if not nameless and not str(name).startswith("Unnamed:") else ""
        title = title or f"column {i + 1}"
        while title in titles:
            title = f"{title[:50]} ({i + 1})"
        titles.append(title)
    return titles


def _is_number(text: str) -> bool:
    try:
        float(text)
        return True
    except ValueError:
        return False


def _plainly(error: Exception) -> str:
    """What pandas says of a broken row, in plain words."""
    found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
    if found:
        return f"line {found[2]} has {found[3]} where there are {found[1]}"
    return " ".join(str(error).split())[:80] or type(error).__name__


def summary(sheet: Sheet) -> dict[str, Any]:
    """What is kept of a look at a table, as JSON values."""
    columns = [
        {"name": c.name, "type": c.type, "missing": c.missing, "distinct": c.distinct, "levels": c.levels, "counts": c.counts, "why": c.why}
        for c in sheet.columns
    ]
    return {"kind": "table", "rows": sheet.rows, "columns": columns, "notes": sheet.notes}
