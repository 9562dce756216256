"""Read a file of a combinatorial problem of any kind, told apart by what is in it: cities of TSPLIB
or of a table, customers of CVRPLIB, a problem of the OR-Library.
"""

from __future__ import annotations

import re
from typing import Any

from ...uploads.archive import archive_kind, no_pictures
from ...uploads.limits import refuse
from ...uploads.text_encoding import text_of
from .orlib import is_orlib, read_orlib
from .table import read_table
from .tsplib import TOUR, read_tour, read_tsplib
from .vrplib import ROUTES, read_solution, read_vrplib, section_of

WANTED = (
    "a file of TSPLIB (.tsp, .atsp), CVRPLIB (.vrp) or the OR-Library, or a CSV table of cities"
)
TSPLIB = re.compile(
    r"^[ \t]*(?:DIMENSION|EDGE_WEIGHT_TYPE|NAME|TYPE|COMMENT)[ \t]*:"
    r"|^[ \t]*[A-Z_]{1,40}_SECTION[ \t]*:?[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)
CUSTOMERS = re.compile(
    r"^[ \t]*(?:TYPE[ \t]*:[ \t]*CVRP\b|DEMAND_SECTION\b)", re.MULTILINE | re.IGNORECASE
)
END = re.compile(r"^[ \t]*EOF\b.*", re.MULTILINE | re.IGNORECASE | re.DOTALL)


def read_cities(data: bytes, name: str, notes: list[str] | None = None) -> Any:
    """Read a file of cities, or of another problem.

    Args:
        data: the file.
        name: its name.
        notes: gets what was left out or had to be guessed, one sentence each.

    Raises:
        BadInput: it is no such file, or something in it cannot be used; the field is ``file``.
    """
    notes = [] if notes is None else notes
    text = _text(data, name, notes)
    if is_vrplib(text, name):
        return read_vrplib(text, name)
    if is_tsplib(text, name):
        return read_tsplib(text, name)
    if is_orlib(text):
        return read_orlib(text, name)
    return read_table(text, name, notes)


def is_vrplib(text: str, name: str) -> bool:
    """Return whether a text is meant to be a file of CVRPLIB."""
    return name.lower().endswith(".vrp") or CUSTOMERS.search(text) is not None


def is_tsplib(text: str, name: str) -> bool:
    """Return whether a text is meant to be a file of TSPLIB."""
    if name.lower().endswith((".tsp", ".atsp", ".tour")):
        return True
    return TSPLIB.search(text[:10_000]) is not None


def with_tour(data: bytes, name: str, tour: bytes, tour_name: str) -> bytes:
    """Return a file of cities with a tour from another file in it, as a section of its own.

    Raises:
        BadInput: one of the two cannot be read, or the tour is of other cities; the field is
            ``file``.
    """
    text = _text(data, name, [])
    size = int(read_cities(data, name).size)
    order = read_tour(_text(tour, tour_name, []), size, tour_name)
    if TOUR in text:
        return data
    lines = [END.sub("", text).rstrip(), TOUR, *(str(city + 1) for city in order.tolist())]
    return "\n".join([*lines, "-1", "EOF", ""]).encode()


def with_solution(data: bytes, name: str, solution: bytes, solution_name: str) -> bytes:
    """Return a file of customers with routes from another file in it, as a section of its own.

    Raises:
        BadInput: one of the two cannot be read, or the routes are of other customers; the field is
            ``file``.
    """
    text = _text(data, name, [])
    routes = read_solution(
        _text(solution, solution_name, []), read_vrplib(text, name), solution_name
    )
    if ROUTES in text:
        return data
    lines = [END.sub("", text).rstrip(), *section_of(routes.tolist())]
    return "\n".join([*lines, "EOF", ""]).encode()


def _text(data: bytes, name: str, notes: list[str]) -> str:
    if archive_kind(data):
        raise refuse(name, f"{WANTED}, not {no_pictures(data) or 'an archive: unpack it first'}")
    return text_of(data, name, notes, WANTED)
