"""Split a text into columns: find its separator, its column names, and rows that are too short or
too long.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import dropwhile, pairwise

from .limits import COLUMNS, FAULTS, named, one_form, refuse
from .numerals import written

SEPARATORS = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas"}
"""In the order of preference, if several are possible: a comma is also part of numbers
and names.
"""
SAMPLE_ROWS, SAMPLE_CHARACTERS = 200, 2**18
"""The part of a table used to find its separator and whether its first line holds names."""
BEFORE = 40
"""Rows among which a title and comments before the names are looked for."""
REMARKS = ("%", "//")
"""Beginnings of comments in files of other programs. Names may begin like this too: “% fat”."""
SHORT_ROWS = 0.1
"""Share of the rows that may be left out for having too few entries; beyond it a table fails."""


def grid(text: str, name: str, notes: list[str]) -> tuple[str, list[str], list[list[str]]]:
    """Return the separator, the names in the first line, and the entries of every column."""
    text, skipped, comments, comment, declared = _head(text)
    separator = declared or _separator(text)
    if separator is None:
        raise refuse(
            name,
            (
                f"a table with at least two columns, separated by commas, semicolons, tabs or "
                f"bars, and their names in the first line{_blanks(text)}"
            ),
        )
    before, titles = _before(text, separator)
    start = 0
    for _ in range(before):
        start = text.index("\n", start) + 1
    text = text[start:]
    skipped += before
    rows = _rows(text, separator, name, skipped)
    names = [one_form(entry) for entry in next(rows, (0, [""]))[1]]
    # As in "#id,kind": the line of names may be a comment.
    if comments and _data(text, separator, names):
        reader = csv.reader([comment.lstrip("# ")], delimiter=separator, skipinitialspace=True)
        last = [one_form(entry) for entry in next(reader, [])]
        if len(last) == len(names) and not any(written(entry) for entry in last):
            names, rows = last, _rows(text, separator, name, skipped)
            comments -= 1
    unnamed = len(names)
    while len(names) > 1 and not names[-1]:
        names.pop()
    unnamed -= len(names)
    if len(names) < 2:
        raise refuse(
            name,
            f"a table with at least two columns and their names in the first line (line "
            f"{skipped + 1:,} names one, “{named(names[0])}”)",
        )
    if len(names) > COLUMNS:
        raise refuse(name, f"a table of at most {COLUMNS:,} columns (it has {len(names):,})")
    width, most = len(names), len(names) + unnamed + 1
    clean = str.strip if text.isascii() else one_form
    columns: list[list[str]] = [[] for _ in range(most)]
    short: list[int] = []
    long: list[tuple[int, int]] = []
    empty = inside = beyond = 0
    for line, row in rows:
        if len(row) != width and row[0].startswith("#"):
            inside += 1
            continue
        if len(row) < width or len(row) > most:
            if not any(entry.strip() for entry in row):
                empty += 1
                continue
            if len(row) < width:
                short.append(line)
                continue
            if any(entry.strip() for entry in row[most:]):
                long.append((line, len(row)))
                beyond += 1
                continue
            row = row[:most]
        elif not row[0] and not any(entry.strip() for entry in row):
            empty += 1
            continue
        if len(row) == most and row[-1].strip():
            long.append((line, most))
        for entries, entry in zip(columns, row, strict=False):
            entries.append(clean(entry))
        for entries in columns[len(row) :]:
            entries.append("")
    names, columns = _extra(
        names, columns, unnamed, short, long, beyond, '\n"' in text[:SAMPLE_CHARACTERS], name, notes
    )
    count = len(columns[0])
    if len(short) > SHORT_ROWS * (count + len(short)):
        raise refuse(
            name,
            (
                f"a table with as many entries in every row as there are names "
                f"({_rows_said(short)} fewer than {width})"
            ),
        )
    if short:
        notes.append(f"Left out: {_rows_said(short)} fewer entries than the {width} columns.")
    if empty:
        notes.append(f"Left out: {many(empty, 'row')} without any entry.")
    if titles:
        shown = ", ".join(f"“{named(one)}”" for one in titles[:FAULTS])
        more = ", …" if len(titles) > FAULTS else ""
        notes.append(
            f"Left out: {many(len(titles), 'line')} before the names of the columns: {shown}{more}."
        )
    if comments or inside:
        notes.append(
            f"Left out: {many(comments + inside, 'line')} that "
            f"{'begins' if comments + inside == 1 else 'begin'} with #, as comments."
        )
    return separator, names, columns


def _extra(
    names: list[str],
    columns: list[list[str]],
    unnamed: int,
    short: list[int],
    long: list[tuple[int, int]],
    beyond: int,
    quoted: bool,
    name: str,
    notes: list[str],
) -> tuple[list[str], list[list[str]]]:
    """Decide what the columns beyond the names are: nothing, columns without a name, or R's row
    names.

    Args:
        names: in the first line, without empty ones at its end.
        columns: one for each name, for each empty one after them, and one more.
        unnamed: how many empty names there were.
        short: lines with fewer entries than there are names.
        long: rows with more entries than there are names: line and number of entries.
        beyond: how many of them have more than there are columns here.
        quoted: whether rows begin with a quotation mark, as R writes row names.
        name: of the file.
        notes: gets the sentences for the user.
    """
    width = len(names)
    last = next(i for i in range(len(columns), 0, -1) if i <= width or any(columns[i - 1]))
    if long:
        every = not beyond and not unnamed and len(long) == len(columns[0])
        # Otherwise 12,5 and 1,000, whose marks are separators here, would be cut in two.
        cut = not quoted and any(
            all(written(entry) for entry in one) and all(entry.isdigit() for entry in other)
            for one, other in pairwise(columns)
        )
        if every and not cut and len(set(columns[0])) == len(columns[0]):
            notes.append(
                f"The first line has one name fewer than there are columns: the first column "
                f"(“{named(columns[0][0])}”, …) holds names of rows and is left out."
            )
            return names, columns[1:]
        told = ", ".join(f"line {line:,} has {saw}" for line, saw in long[:FAULTS])
        beyond_those = len(long) - FAULTS
        more = (
            f", and {beyond_those:,} more {'has' if beyond_those == 1 else 'have'} too many"
            if beyond_those > 0
            else ""
        )
        also = f"; {_rows_said(short)} too few" if short else ""
        raise refuse(
            name,
            f"a table with as many entries in every row as there are names ({told} where there "
            f"are {width + unnamed}{more}{also}; an entry with the separator in it needs "
            "quotation marks around it)",
        )
    if last > width:
        beside = last - width
        notes.append(
            f"{many(beside, 'column')} at the end {'has' if beside == 1 else 'have'} no name and "
            f"entries: check that no entry holds a separator, such as a decimal comma."
        )
        return names + [""] * (last - width), columns[:last]
    if unnamed:
        notes.append(
            f"Left out: {many(unnamed, 'column')} at the end without a name and without entries."
        )
    return names, columns[:width]


def _data(text: str, separator: str, first: Sequence[str]) -> bool:
    """Return whether the first row is no row of names: it has a number, or an entry that is in its
    column again.
    """
    reader = csv.reader(
        io.StringIO(text[:SAMPLE_CHARACTERS]), delimiter=separator, skipinitialspace=True
    )
    try:
        rows = [row for row, _ in zip(reader, range(SAMPLE_ROWS), strict=False) if any(row)][1:]
    except csv.Error:
        rows = []
    return any(written(entry) for entry in first) or any(
        entry and i < len(row) and entry == one_form(row[i])
        for row in rows
        for i, entry in enumerate(first)
    )


def _before(text: str, separator: str) -> tuple[int, list[str]]:
    """Return how many lines before the names are a title or comments, and what they say.

    Such a line has one entry, or has fewer entries than the table and is followed by names: by a
    row without numbers before one with numbers. A line that begins like a comment is one wherever
    it is unlike the table or is followed by names.
    """
    rows: list[tuple[int, list[str]]] = []
    reader = csv.reader(
        io.StringIO(text[:SAMPLE_CHARACTERS]), delimiter=separator, skipinitialspace=True
    )
    try:
        for row in reader:
            if any(entry.strip() for entry in row):
                rows.append((reader.line_num, [entry.strip() for entry in row]))
            if len(rows) > BEFORE:
                break
    except csv.Error:
        return 0, []
    titles: list[str] = []
    for at, (_, row) in enumerate(rows[:-2]):
        following = [
            one for _, one in dropwhile(lambda one: one[1][0].startswith(REMARKS), rows[at + 1 :])
        ]
        if not following:
            break
        width = Counter(map(len, following)).most_common(1)[0][0]
        named_next = _names(following)
        alone = sum(map(bool, row)) == 1
        remark = row[0].startswith(REMARKS) and (len(row) != width or named_next)
        if not (
            remark
            or (alone and (len(row) == 1 < width or named_next))
            or (len(row) < width and named_next)
        ):
            return rows[at - 1][0] if at else 0, titles
        titles.append(f"{separator} ".join(filter(None, row)))
    return 0, []


def _names(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first of these rows looks like names: all different, none a number, and
    there is a number below.
    """
    names, below = rows[0], rows[1:]
    return (
        len(names) > 1
        and len(below) > 0
        and all(names)
        and "NA" not in names
        and len(set(names)) == len(names)
        and not any(written(entry) for entry in names)
        and len(below[0]) == len(names)
        and any(written(entry) for entry in below[0])
    )


def table_rows(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Return the rows of a table that is read row by row, each with the number of its line; empty
    lines, and comments before the first row, are left out.

    Raises:
        BadInput: it has one column only, or its quotation marks are not in order.
    """
    text, skipped, _, _, declared = _head(text)
    separator = declared or _separator(text)
    if separator is None:
        raise refuse(
            name,
            f"a table with columns separated by commas, semicolons, tabs or bars{_blanks(text)}",
        )
    return _rows(text, separator, name, skipped)


def _head(text: str) -> tuple[str, int, int, str, str | None]:
    """Return the text from its first line of data on, the number of lines before it and of comments
    among them, the last comment, and the separator they declare.
    """
    at = skipped = comments = 0
    last, declared = "", None
    first: tuple[int, int] | None = None
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        head = text[at : min(end, at + 1000)]
        line = head.strip(" \t\ufeff\v\f")
        if line[:1] == line[-1:] == '"' and line[1:5].lower() == "sep=":
            head = line = line[1:-1]
        if line[:4].lower() == "sep=" and len(line) <= 5 and declared is None:
            declared = line[4:] or ("\t" if head.rstrip("\v\f").endswith("=\t") else None)
        elif line.startswith("#") and not (declared and line.count(declared)):
            first = first or (at, skipped)
            comments, last = comments + 1, line
        elif line:
            break
        at, skipped = end + 1, skipped + 1
    if first and at >= len(text):  # every row begins so
        return text[first[0] :], first[1], 0, "", declared
    return text[at:], skipped, comments, last, declared


def _rows(text: str, separator: str, name: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """Return the rows that are not empty lines, each with the number of the line where it ends."""
    reader = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True, strict=True)
    try:
        for row in reader:
            if len(row) > 1 or (row and row[0].strip()):
                yield reader.line_num + skipped, row
    except csv.Error as error:
        line = reader.line_num + skipped
        if "field larger" in str(error):
            why = (
                f"the entry that ends in line {line:,} is longer than {csv.field_size_limit():,} "
                f"characters; perhaps a quotation mark is not closed"
            )
        elif "unexpected end" in str(error):
            why = "a quotation mark is opened and never closed"
        else:
            why = (
                f"in line {line:,} a quotation mark is in the middle of an entry; inside an "
                f"entry it is written twice"
            )
        raise refuse(name, f"a table whose quotation marks are in order ({why})") from None


def _separator(text: str) -> str | None:
    """Return the separator: the one that gives the same number of entries in nearly all of the
    first rows.
    """
    cut = len(text) > SAMPLE_CHARACTERS
    sample = text[:SAMPLE_CHARACTERS]
    best, most = None, 0.0
    for separator in SEPARATORS:
        widths: list[int] = []
        try:
            for row in csv.reader(io.StringIO(sample), delimiter=separator, skipinitialspace=True):
                if len(widths) > SAMPLE_ROWS:
                    break
                if len(row) > 1 or (row and row[0].strip()):
                    widths.append(len(row))
        except csv.Error:
            pass
        if cut and len(widths) <= SAMPLE_ROWS:
            widths = widths[:-1]
        if not widths or max(widths) < 2:
            continue
        width, rows = Counter(widths[1:] or widths).most_common(1)[0]
        alike = rows / max(1, len(widths) - 1) if width > 1 else 0.0
        fits = abs(widths[0] - width) <= 1 and widths[0] > 1
        worth = (alike if fits else alike / 3) if width > 1 else 0.01
        if worth > most + 0.05:
            best, most = separator, worth
    return best


def _blanks(text: str) -> str:
    """Return a hint that a table seems to be separated by blanks, if so."""
    lines = [line.split() for line in text[:5000].split("\n")[:20] if line.strip()]
    alike = len(lines) > 2 and len(lines[0]) > 1 and len({len(line) for line in lines[:-1]}) == 1
    return "; this one seems to be separated by blanks" if alike else ""


def many(count: int, what: str) -> str:
    return (
        f"{count:,} {what}"
        if count == 1
        else f"{count:,} {what[:-1]}ies"
        if what.endswith("y")
        else f"{count:,} {what}s"
    )


def _rows_said(lines: Sequence[int]) -> str:
    shown = ", ".join(f"{line:,}" for line in lines[:3])
    more = f"{'line' if len(lines) == 1 else 'lines'} {shown}{' …' if len(lines) > 3 else ''}"
    return f"{many(len(lines), 'row')} ({more}) {'has' if len(lines) == 1 else 'have'}"
