"""Read tables of cities: a text with a row for each, as spreadsheets write it (CSV, TSV).

Columns named x and y are places in the plane, those named lat and lon are places on the Earth, in
any order and beside any others; a column of texts holds the names of the cities. A table whose
first row is a city has no names of columns: then its two columns of numbers are x and y.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

import numpy as np

from ...uploads.delimited_text import table_rows
from ...uploads.limits import faults_told, named, one_form, refuse
from ...uploads.numerals import read_numbers, written
from ..instance import Floats, TourInstance
from ..places import EARTHLY, off_the_earth, on_earth, planar
from .tsplib import MAX_CITIES

NAMES = frozenset({"name", "city", "place", "label", "airport", "station", "iata", "code", "id"})
"""Names of columns, in lower case, that hold names of cities, the likeliest of several first in the
table.
"""
DEMANDS = frozenset({"demand", "demands", "capacity"})
"""Names of columns, in lower case, that belong to routes of vehicles."""
NEAR = 100
"""Metres across places on the Earth, below which whole metres are coarse."""
METRES_A_DEGREE = 111_195
MOST_NAMED = 6
"""Columns that a message names at most."""
PLANE, EARTH = ("x", "y"), ("longitude", "latitude")
EXPECTED = "a table with columns named x and y, or lat and lon"


def read_table(text: str, name: str, notes: list[str] | None = None) -> TourInstance:
    """Read a table of cities.

    Args:
        text: the file, with line ends of one kind.
        name: its name, from which the instance has its own.
        notes: gets what was left out or had to be guessed, one sentence each.

    Raises:
        BadInput: it is no such table, or a coordinate is missing, no number or too large; the field
            is ``file``.
    """
    notes = [] if notes is None else notes
    rows = [
        (line, [one_form(entry) for entry in row])
        for line, row in table_rows(text, name)
        if not row[0].lstrip().startswith("#") and any(entry.strip() for entry in row)
    ]
    if not rows:
        raise refuse(name, f"{EXPECTED} (it has no row)")
    first = rows[0][1]
    roles = [_role(entry) for entry in first]
    headed = not any(written(entry) for entry in first)
    if headed:
        rows = rows[1:]
    else:
        roles = _roles_of_data(rows[0][1], rows, name, notes)
    if not rows:
        raise refuse(name, f"{EXPECTED}, and a row for every city (it has the names only)")
    if len(rows) > MAX_CITIES:
        raise refuse(name, f"at most {MAX_CITIES:,} cities (it has {len(rows):,})")
    wanted = EARTH if set(EARTH) <= set(roles) else PLANE
    for role in wanted:
        if roles.count(role) != 1:
            found = "there are two" if roles.count(role) > 1 else "there is none"
            listed = ", ".join(f"“{named(entry)}”" for entry in first[:MOST_NAMED])
            raise refuse(name, f"{EXPECTED} ({found} for {role}; the first row is {listed})")
    at = _places(rows, [roles.index(role) for role in wanted], len(roles), name)
    called = _title_column(rows, roles)
    titles = tuple(named(row[called]) for _, row in rows) if called is not None else None
    if headed:
        used = {called, *(roles.index(role) for role in wanted)}
        _tell_unused([one for i, one in enumerate(first) if i not in used and one.strip()], notes)
    title = named(PurePath(name).stem) or "cities"
    if wanted == PLANE:
        instance = planar(title, title, at, titles)
        if instance is None:
            raise refuse(name, "cities at most 2,147,483,646 apart (these are farther)")
        return instance
    wrong = off_the_earth(at)
    if wrong:
        told = [f"line {rows[city][0]:,} has {why}" for city, why in wrong]
        raise refuse(name, f"{EARTHLY} ({faults_told(told)})")
    if _metres_across(at) < NEAR:
        notes.append(
            "These places lie within a few steps of one another, and distances on the Earth are "
            "whole metres. Columns named x and y, in metres, are measured more finely."
        )
    return on_earth(title, title, at, titles)


def _metres_across(degrees: Floats) -> float:
    """Return how wide the box around places on the Earth is, where it is small."""
    east, north = np.ptp(degrees, axis=0)
    return METRES_A_DEGREE * math.hypot(north, east * math.cos(math.radians(degrees[0, 1])))


def _role(entry: str) -> str:
    """Return what a column of that name holds: x, y, longitude, latitude, name, or "" for others.

    Languages differ in the ends of latitude and longitude; units may stand beside them.
    """
    word = re.sub(r"[^a-z]", "", entry.split("(")[0].split("[")[0].casefold())
    word = re.sub(r"(deg|degree|degrees|coord|coordinate)$", "", word)
    if word == "lat" or word.startswith("latitud"):
        return EARTH[1]
    if word in ("lon", "lng", "long") or word.startswith("longitud"):
        return EARTH[0]
    if word in ("x", "easting"):
        return PLANE[0]
    if word in ("y", "northing"):
        return PLANE[1]
    return "name" if word in NAMES else ""


def _roles_of_data(
    first: Sequence[str], rows: Sequence[tuple[int, Sequence[str]]], name: str, notes: list[str]
) -> list[str]:
    """Return what the columns hold if their names are missing: x and y in two of numbers, or in the
    last two of three, of which the first counts the cities.
    """
    numeric = [i for i, entry in enumerate(first) if written(entry)]
    if len(numeric) == 3:
        counted = [row[numeric[0]] if numeric[0] < len(row) else "" for _, row in rows]
        if any(counted == [str(i + start) for i in range(len(rows))] for start in (0, 1)):
            numeric = numeric[1:]
    if len(numeric) != 2:
        raise refuse(
            name, f"{EXPECTED} (the first row holds {len(numeric)} numbers and no such names)"
        )
    notes.append(
        "The first row is a city, so the columns have no names: its numbers are taken as x and y "
        "in the plane. A row “name,lat,lon” before it makes them places on the Earth."
    )
    roles = [""] * len(first)
    roles[numeric[0]], roles[numeric[1]] = PLANE
    return roles


def _places(
    rows: Sequence[tuple[int, Sequence[str]]], columns: Sequence[int], width: int, name: str
) -> Floats:
    """Return the coordinates (n, 2) of all rows.

    Raises:
        BadInput: rows of another width, or entries that are no numbers: all that are wrong.
    """
    fits = [(line, row) for line, row in rows if len(row) >= width and not any(row[width:])]
    whole = {line for line, _ in fits}
    wide = [
        (line, f"line {line:,} has {len(row)}, the first row {width}")
        for line, row in rows
        if line not in whole
    ]
    found, bad = [], []
    for column in columns:
        values, wrong = _numbers(fits, column)
        found.append(values)
        bad += wrong
    if not wide and not bad:
        return np.column_stack(found)
    wanted = ["as many entries in every row"] * bool(wide) + ["a number as coordinate"] * bool(bad)
    # by line: an entry that is twice in a row is told once
    told = [said for _, said in sorted(dict.fromkeys([*wide, *bad]))]
    raise refuse(name, f"{' and '.join(wanted)} ({faults_told(told)})")


def _numbers(
    rows: Sequence[tuple[int, Sequence[str]]], column: int
) -> tuple[list[float], list[tuple[int, str]]]:
    """Return a column of coordinates, and what is wrong with it by line."""
    entries = [row[column] for _, row in rows]
    reading = read_numbers(Counter(entries))
    found = [reading.values.get(entry, math.nan) for entry in entries]
    if all(map(math.isfinite, found)):
        return found, []
    # An entry may be a number by itself that cannot be told from another one in its column.
    bad, why = [i for i, entry in enumerate(entries) if not _is_number(entry)], ""
    if not bad:
        bad = [next(i for i, value in enumerate(found) if not math.isfinite(value))]
        why = f"; {reading.why_not}" if reading.why_not else ""
    return found, [(rows[i][0], f"line {rows[i][0]:,} has “{named(entries[i])}”{why}") for i in bad]


def _is_number(entry: str) -> bool:
    one = written(entry)
    return one is not None and math.isfinite(one.point or one.comma or 0.0)


def _title_column(rows: Sequence[tuple[int, Sequence[str]]], roles: Sequence[str]) -> int | None:
    """Return which column has the names of the cities: the first one for them, else the first one
    of texts; None if there is none.
    """
    if "name" in roles:
        return roles.index("name")
    texts = (
        i
        for i, role in enumerate(roles)
        if not role and any(row[i] and not written(row[i]) for _, row in rows)
    )
    return next(texts, None)


def _tell_unused(columns: Sequence[str], notes: list[str]) -> None:
    """Tell of columns, by their names, that nothing was made of."""
    demands = [one for one in columns if one.strip().casefold() in DEMANDS]
    others = [one for one in columns if one not in demands]
    if demands:
        notes.append(
            f"{_listed(demands)}: this is one round trip. Routes of vehicles that hold only so "
            "much are read from a file of CVRPLIB (.vrp), which says what a vehicle holds."
        )
    if others:
        notes.append(f"{_listed(others)}.")


def _listed(columns: Sequence[str]) -> str:
    shown = [f"“{named(one.strip())}”" for one in columns[:MOST_NAMED]]
    more = f" and {len(columns) - len(shown):,} more" if len(columns) > len(shown) else ""
    one = len(columns) == 1
    return (
        f"The column{'' if one else 's'} {', '.join(shown)}{more} {'is' if one else 'are'} not used"
    )
