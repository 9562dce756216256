"""Read and write the files of TSPLIB (Reinelt, 1991): .tsp, .atsp and .tour.

A file is a list of keywords with values, and of sections of numbers, in any order. What real files
do is read: no EOF, blanks or none around the colon, a colon after the name of a section, tabs, line
ends of any kind, keywords after the data. What contradicts itself is refused with the number of the
line, since a city too few or a wrong distance would not be noticed.
"""

from __future__ import annotations

import math
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from ...errors import BadInput
from ...uploads.limits import faults_told, named, refuse
from .. import checks
from ..instance import METRICS, Floats, Integers, Known, Metric, TourInstance
from ..known import published
from ..places import EARTHLY, MAX_DISTANCE, eastward, off_the_earth, on_earth, plain, widest
from .scaling import classical_scaling

MAX_CITIES = 250_000
"""Largest number of cities of an instance; the sum of as many distances fits int64."""
MAX_MATRIX = 3_000
"""Largest number of cities whose distances are all listed: (n, n) int32 of 36 MB."""
MAX_COORDINATE = 1e12
"""Largest coordinate: beyond, float64 has no three decimals for the differences."""

KEYWORDS = (
    "NAME",
    "TYPE",
    "COMMENT",
    "DIMENSION",
    "EDGE_WEIGHT_TYPE",
    "EDGE_WEIGHT_FORMAT",
    "NODE_COORD_TYPE",
    "DISPLAY_DATA_TYPE",
)
COORDINATES, DISPLAY, WEIGHTS, TOUR = (
    "NODE_COORD_SECTION",
    "DISPLAY_DATA_SECTION",
    "EDGE_WEIGHT_SECTION",
    "TOUR_SECTION",
)
SECTIONS = (COORDINATES, DISPLAY, WEIGHTS, TOUR)
OTHER_PROBLEMS = {
    "FIXED_EDGES_SECTION": "edges that every tour must have",
    "EDGE_DATA_SECTION": "roads between some cities only",
    "EDGE_DATA_FORMAT": "roads between some cities only",
    "DEMAND_SECTION": "demands of customers",
    "DEPOT_SECTION": "depots",
    "CAPACITY": "a capacity of vehicles",
}
"""Keywords of TSPLIB of problems that are not read, and what they mean."""
TRIANGLES = {
    "UPPER_ROW": (True, 1),
    "LOWER_COL": (True, 1),
    "UPPER_DIAG_ROW": (True, 0),
    "LOWER_DIAG_COL": (True, 0),
    "LOWER_ROW": (False, 1),
    "UPPER_COL": (False, 1),
    "LOWER_DIAG_ROW": (False, 0),
    "UPPER_DIAG_COL": (False, 0),
}
"""Format → whether its numbers are in the order of an upper triangle's rows, and where it begins:
at the diagonal (0) or beside it (1). The columns of one triangle are the rows of the other.
"""
FORMATS = ("FULL_MATRIX", *TRIANGLES)
KEYWORD = re.compile(r"([A-Za-z]\w*)\s*[:=]?\s*(.*)", re.ASCII | re.DOTALL)
LINES = re.compile(r"\r\n|\r|\n")


@dataclass
class Section:
    """The numbers of a section: all in one row, with the line and the end of every row."""

    line: int
    values: array[float] = field(default_factory=lambda: array("d"))
    lines: array[int] = field(default_factory=lambda: array("q"))
    ends: array[int] = field(default_factory=lambda: array("q"))

    def add(self, line: int, row: Iterable[float]) -> None:
        """Append the numbers of a line."""
        self.values.extend(row)
        self.lines.append(line)
        self.ends.append(len(self.values))

    def at(self, place: int) -> int:
        """Return the line of one of the numbers."""
        return self.lines[bisect_right(self.ends, place)]

    @property
    def last(self) -> int:
        """Return the last line."""
        return self.lines[-1] if self.lines else self.line


class SectionFile:
    """A file taken apart: keywords and sections, whatever they say.

    Args:
        text: the file.
        name: its name, for messages.

    Raises:
        BadInput: a line is neither a keyword nor numbers, or something is said twice.
    """

    what: ClassVar[str] = "a file of TSPLIB"
    words: ClassVar[tuple[str, ...]] = KEYWORDS
    headings: ClassVar[tuple[str, ...]] = SECTIONS
    others: ClassVar[Mapping[str, str]] = OTHER_PROBLEMS
    """Keywords of problems that are not read, and what they mean."""

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self.keywords: dict[str, tuple[str, int]] = {}
        self.sections: dict[str, Section] = {}
        within: Section | None = None
        for line, raw in enumerate(LINES.split(text.removeprefix("\ufeff").rstrip("\x1a")), 1):
            given = raw.strip()
            if not given:
                continue
            found = KEYWORD.match(given)
            word = found[1].upper() if found else ""
            if word == "EOF":
                break
            if found and word.endswith("_SECTION"):
                within = self._begin(word, found[2], line)
            elif found and (word in self.words or word in self.others):
                self._say(word, found[2], line)
                within = None
            elif within is not None:
                within.add(line, self._numbers(given, line))
            else:
                raise self.refused(
                    f"{self.what}, with the keywords {', '.join(self.words)} and the sections "
                    f"{', '.join(self.headings)}",
                    f"line {line:,} is “{named(given)}”",
                )

    def refused(self, wanted: str, found: str) -> BadInput:
        """Return the error for this file: what is wanted instead, and what was found."""
        return refuse(self.name, f"{wanted} ({found})")

    def _begin(self, word: str, rest: str, line: int) -> Section:
        if word in self.sections:
            raise self.refused(f"one {word}", f"another begins in line {line:,}")
        if word not in self.headings and word not in self.others:
            raise self.refused(
                f"the sections {', '.join(self.headings)} only", f"line {line:,} is “{named(word)}”"
            )
        if rest:
            raise self.refused(
                f"the numbers of {word} in lines of their own",
                f"line {line:,} has “{named(rest)}” after it",
            )
        self.sections[word] = Section(line)
        return self.sections[word]

    def _say(self, word: str, value: str, line: int) -> None:
        if word in self.keywords:
            if word == "COMMENT":
                return
            before = self.keywords[word][1]
            raise self.refused(f"{word} once", f"it is in the lines {before:,} and {line:,}")
        self.keywords[word] = value, line

    def _numbers(self, text: str, line: int) -> list[float]:
        entries = text.split()
        try:
            row = [float(entry) for entry in entries]
            # Python reads more than other programs: 1_000, digits of other scripts, "inf", "nan".
            if text.isascii() and "_" not in text and all(map(math.isfinite, row)):
                return row
        except ValueError:
            pass
        # Blanks that only Unicode knows part numbers for Python, and for no other program.
        wrong = next((entry for entry in entries if not _is_number(entry)), text)
        raise self.refused("numbers in its sections", f"line {line:,} has “{named(wrong)}”")

    def refuse_others(self) -> None:
        """Refuse the file if it is of a problem that is not read."""
        for keyword, what in self.others.items():
            section, (_, line) = self.sections.get(keyword), self.said(keyword)
            if section is not None or line:
                line = line if section is None else section.line
                raise self.refused(f"a problem without {what}", f"line {line:,} is {keyword}")

    def said(self, word: str) -> tuple[str, int]:
        """Return the value of a keyword and its line; "" and 0 if it is not there."""
        return self.keywords.get(word, ("", 0))

    def dimension(self) -> int:
        """Return the number of cities."""
        value, line = self.said("DIMENSION")
        if not line:
            raise self.refused("the number of cities as DIMENSION", "there is no such line")
        wanted = f"a whole number from 1 to {MAX_CITIES:,} as DIMENSION"
        if not re.fullmatch(r"0*\d{1,9}", value, re.ASCII) or not 1 <= int(value) <= MAX_CITIES:
            raise self.refused(wanted, f"line {line:,} has “{named(value)}”")
        return int(value)

    def word(self, keyword: str, allowed: Iterable[str]) -> str:
        """Return the value of a keyword that is one of a few words."""
        value, line = self.said(keyword)
        words = list(allowed)
        if not line:
            raise self.refused(f"a line {keyword}: one of {', '.join(words)}", "there is none")
        if value.upper() not in words:
            raise self.refused(
                f"one of {', '.join(words)} as {keyword}", f"line {line:,} has “{named(value)}”"
            )
        return value.upper()


def _is_number(entry: str) -> bool:
    try:
        value = float(entry)
    except ValueError:
        return False
    return entry.isascii() and "_" not in entry and math.isfinite(value)


def read_tsplib(text: str, name: str = "file") -> TourInstance:
    """Read a travelling salesman problem.

    Args:
        text: the file.
        name: its name, such as "berlin52.tsp"; for messages, and for an instance without a NAME.

    Returns:
        The instance, with its optimal length if it is one of TSPLIB's, and with the tour if the
            file has one.

    Raises:
        BadInput: it is not such a file, contradicts itself, or is of a problem that is not read;
            the field is ``file``.
    """
    file = SectionFile(text, name)
    type_ = _type_of(file)
    file.refuse_others()
    instance = ground(file, type_)
    length = checks.length(instance, np.arange(instance.size))
    known = published(instance.name, instance.size, instance.metric, length)
    instance = replace(instance, known=known)
    if TOUR in file.sections:
        return with_answer(instance, _order(file, instance.size), "the tour in its file")
    return instance


def ground(file: SectionFile, type_: str) -> TourInstance:
    """Return the cities of a file and their distances.

    Args:
        file: of TSPLIB, or of a library that describes them in the same way.
        type_: of the problem; distances depend on the direction in an ATSP only.
    """
    size = file.dimension()
    metric = cast(Metric, file.word("EDGE_WEIGHT_TYPE", METRICS))
    title = re.sub(r"\.(?:a?tsp|vrp)$", "", file.said("NAME")[0], flags=re.IGNORECASE)
    title = named(title) or named(PurePath(file.name).stem) or "cities"
    label = named(file.said("COMMENT")[0]) or title
    display = rows_of(file, DISPLAY, size, (2,)) if DISPLAY in file.sections else None
    if metric == "EXPLICIT":
        return _explicit(file, size, type_, title, label, display)
    return _measured(file, size, metric, title, label, display)


def with_answer(instance: TourInstance, tour: Integers, by: str) -> TourInstance:
    """Return the instance with a tour that somebody has found.

    It is the answer if no better price is published. A tour that is shorter than the optimum of
    TSPLIB shows that this is another problem of the same name.

    Args:
        instance: without an answer.
        tour: (n,) of it.
        by: who says so.
    """
    length = checks.length(instance, tour)
    known = instance.known
    if known is not None and known.value < length:
        return instance
    if known is None or known.value > length:
        known = Known(length, False, by)
    return replace(instance, known=known, answer=tour)


def _type_of(file: SectionFile) -> str:
    """Return TSP or ATSP."""
    value, line = file.said("TYPE")
    word = next(iter(value.upper().split()), "" if line else "TSP")
    if word == "TOUR":
        raise file.refused("a file of cities", f"line {line:,} says that it is a tour")
    if word not in ("TSP", "ATSP"):
        raise file.refused("TSP or ATSP as TYPE", f"line {line:,} has “{named(value)}”")
    return word


def rows_of(
    file: SectionFile,
    section: str,
    size: int,
    widths: tuple[int, ...],
    what: str = "coordinates",
) -> Floats:
    """Return what a section says of every city, in the order of their numbers.

    Args:
        file: with the section.
        section: its name; each of its lines has the number of a city first.
        size: how many cities there are.
        widths: how many numbers of a city there may be.
        what: they are, in words.
    """
    found = file.sections[section]
    ends = np.frombuffer(found.ends, np.int64) if found.ends else np.zeros(0, np.int64)
    lines = np.frombuffer(found.lines, np.int64) if found.lines else np.zeros(0, np.int64)
    given = np.diff(ends, prepend=0) - 1
    width = int(given[0]) if len(given) and int(given[0]) in widths else widths[0]
    odd = np.flatnonzero(given != width)
    if odd.size:
        raise file.refused(
            f"the number of a city and {' or '.join(map(str, widths))} {what} in every line of "
            f"{section}",
            f"line {lines[odd[0]]:,} has {given[odd[0]] + 1:,} numbers",
        )
    rows = np.frombuffer(found.values, np.float64).reshape(-1, width + 1) if len(given) else None
    if rows is None or len(rows) < size:
        raise file.refused(
            f"{size:,} cities in {section}, as DIMENSION says",
            f"there are {len(given):,}, the last in line {found.last:,}",
        )
    numbers = rows[:, 0]
    outside = np.flatnonzero((numbers != np.floor(numbers)) | (numbers < 1) | (numbers > size))
    if outside.size:
        raise file.refused(
            f"cities numbered 1 to {size:,} in {section}, as DIMENSION says",
            f"line {lines[outside[0]]:,} has {plain(numbers[outside[0]])}",
        )
    cities = numbers.astype(np.int64) - 1
    order = np.argsort(cities, kind="stable")
    twice = order[1:][cities[order][1:] == cities[order][:-1]]
    if twice.size:
        first = int(twice.min())
        raise file.refused(
            f"every city once in {section}",
            f"line {lines[first]:,} has number {cities[first] + 1:,} again",
        )
    points = np.empty((size, width))
    points[cities] = rows[:, 1:]
    large = np.argwhere(np.abs(points) > MAX_COORDINATE)
    if large.size:
        city, axis = large[0].tolist()
        row = int(np.flatnonzero(cities == city)[0])
        raise file.refused(
            f"{what} up to {MAX_COORDINATE:,.0f} in size",
            f"line {lines[row]:,} has {plain(points[city, axis])}",
        )
    return points


def _measured(
    file: SectionFile, size: int, metric: Metric, name: str, label: str, display: Floats | None
) -> TourInstance:
    """Return an instance whose distances follow from coordinates."""
    if WEIGHTS in file.sections:
        raise file.refused(
            "either coordinates or distances",
            f"EDGE_WEIGHT_TYPE is {metric}, and line {file.sections[WEIGHTS].line:,} is {WEIGHTS}",
        )
    if COORDINATES not in file.sections:
        raise file.refused(f"a {COORDINATES} for {metric}", "there is none")
    points = rows_of(file, COORDINATES, size, (3,) if metric.endswith("3D") else (2,))
    if metric in ("GEO", "GREAT_CIRCLE"):
        wrong = off_the_earth(points[:, ::-1] if metric == "GEO" else points)
        if wrong:
            told = [
                f"line {line_of(file.sections[COORDINATES], city):,} has {why}"
                for city, why in wrong
            ]
            raise file.refused(EARTHLY, faults_told(told))
        if metric == "GREAT_CIRCLE":
            return on_earth(name, label, points)
        places = eastward(_degrees(points))
        return TourInstance(name, label, metric, points, places, geographic=True, unit="km")
    if widest(points, metric) > MAX_DISTANCE:
        raise file.refused(
            f"distances up to {MAX_DISTANCE:,}",
            f"the cities lie in a box across which it is {widest(points, metric):,.0f}",
        )
    flat = points.shape[1] == 2
    places = points if flat or display is None else display
    return TourInstance(name, label, metric, points, np.ascontiguousarray(places[:, :2]))


def line_of(section: Section, city: int) -> int:
    """Return the line of a city's coordinates."""
    starts = [0, *section.ends[:-1]]
    return next(
        line
        for line, start in zip(section.lines, starts, strict=True)
        if section.values[start] == city + 1
    )


def _degrees(points: Floats) -> Floats:
    """Return longitudes and latitudes in degrees from TSPLIB's latitudes and longitudes, DDD.MM."""
    whole = np.trunc(points)
    return (whole + (points - whole) * 5.0 / 3.0)[:, ::-1]


def _explicit(
    file: SectionFile, size: int, type_: str, name: str, label: str, display: Floats | None
) -> TourInstance:
    """Return an instance whose distances are all listed."""
    if size > MAX_MATRIX:
        raise file.refused(
            f"at most {MAX_MATRIX:,} cities whose distances are listed",
            f"DIMENSION in line {file.said('DIMENSION')[1]:,} is {size:,}",
        )
    format_ = file.word("EDGE_WEIGHT_FORMAT", FORMATS)
    if WEIGHTS not in file.sections:
        raise file.refused(f"an {WEIGHTS} for EXPLICIT", "there is none")
    matrix = _matrix(file, size, format_)
    if type_ != "ATSP" and format_ == "FULL_MATRIX":
        unlike = np.argwhere(matrix != matrix.T)
        if unlike.size:
            i, j = unlike[0].tolist()
            line = file.sections[WEIGHTS].at(j * size + i)
            raise file.refused(
                "the same distance in both directions" + (type_ == "TSP") * ", or TYPE: ATSP",
                f"from city {i + 1:,} to {j + 1:,} it is {matrix[i, j]:,} and back, in line "
                f"{line:,}, {matrix[j, i]:,}",
            )
    places = display
    if COORDINATES in file.sections:
        points = rows_of(file, COORDINATES, size, (2, 3))
        places = np.ascontiguousarray(points[:, :2]) if places is None else places
    return TourInstance(
        name,
        label,
        "EXPLICIT",
        np.zeros((size, 0)),
        classical_scaling(matrix) if places is None else places,
        matrix=matrix,
        guessed=places is None,
    )


def _matrix(file: SectionFile, size: int, format_: str) -> Integers:
    """Return the distances (n, n) of a section; none from a city to itself."""
    section = file.sections[WEIGHTS]
    beside = TRIANGLES[format_][1] if format_ in TRIANGLES else 0
    full = format_ == "FULL_MATRIX"
    count = size * size if full else size * (size + 1 - 2 * beside) // 2
    if len(section.values) != count:
        found = (
            f"there are {len(section.values):,}, the last in line {section.last:,}"
            if len(section.values) < count
            else f"number {count + 1:,} is in line {section.at(count):,}"
        )
        raise file.refused(
            f"{count:,} numbers in {WEIGHTS}, as DIMENSION {size:,} and {format_} say", found
        )
    given = np.frombuffer(section.values, np.float64) if count else np.zeros(0)
    if full:
        row, column = np.divmod(np.arange(count), size)
    elif TRIANGLES[format_][0]:
        row, column = np.triu_indices(size, beside)
    else:
        row, column = np.tril_indices(size, -beside)
    # On the diagonal there may be anything, such as a number that forbids to stay.
    wrong = (given != np.floor(given)) | (given < 0) | (given > MAX_DISTANCE)
    bad = np.flatnonzero(wrong & (row != column))
    if bad.size:
        raise file.refused(
            f"whole numbers from 0 to {MAX_DISTANCE:,} as distances",
            f"line {section.at(int(bad[0])):,} has {plain(given[bad[0]])}",
        )
    matrix = np.zeros((size, size), np.int32)
    values = np.where(row != column, given, 0).astype(np.int32)
    matrix[row, column] = values
    if not full:
        matrix[column, row] = values
    return matrix


def read_tour(text: str, size: int, name: str = "tour") -> Integers:
    """Read a tour.

    Args:
        text: the file.
        size: how many cities the instance has.
        name: of the file, for messages.

    Returns:
        (n,) the cities in order, numbered from 0.

    Raises:
        BadInput: it is not such a file, or not a tour of as many cities; the field is ``file``.
    """
    file = SectionFile(text, name)
    value, line = file.said("TYPE")
    if line and value.upper().split()[:1] != ["TOUR"]:
        raise file.refused("TOUR as TYPE", f"line {line:,} has “{named(value)}”")
    if TOUR not in file.sections:
        raise file.refused(f"a {TOUR}", "there is none")
    if file.said("DIMENSION")[1] and file.dimension() != size:
        raise file.refused(
            f"a tour of {size:,} cities",
            f"DIMENSION in line {file.said('DIMENSION')[1]:,} is {file.dimension():,}",
        )
    return _order(file, size)


def _order(file: SectionFile, size: int) -> Integers:
    """Return the cities of the tour in a file."""
    section = file.sections[TOUR]
    given = np.array(section.values, np.float64)
    ends = np.flatnonzero(given == -1)
    count = int(ends[0]) if ends.size else len(given)
    rest = np.flatnonzero(given[count:] != -1)
    if rest.size:
        line = section.at(count + int(rest[0]))
        raise file.refused("one tour that ends with −1", f"line {line:,} goes on after it")
    cities = given[:count]
    outside = np.flatnonzero((cities != np.floor(cities)) | (cities < 1) | (cities > size))
    if outside.size:
        line = section.at(int(outside[0]))
        raise file.refused(
            f"a tour of the cities 1 to {size:,}", f"line {line:,} has {plain(cities[outside[0]])}"
        )
    tour: NDArray[np.int32] = cities.astype(np.int32) - 1
    seen: dict[int, int] = {}
    for place, city in enumerate(tour.tolist()):
        if city in seen:
            raise file.refused(
                "a tour with every city once", f"line {section.at(place):,} has {city + 1:,} again"
            )
        seen[city] = place
    if count < size:
        missing = int(np.setdiff1d(np.arange(size), tour)[0]) + 1
        raise file.refused(
            f"a tour of {size:,} cities", f"there are {count:,}; {missing:,} is missing"
        )
    return tour


def write_tour(tour: Integers, name: str, length: int | None = None) -> str:
    """Write a tour as a .tour file.

    Args:
        tour: (n,) the cities in order, numbered from 0.
        name: of the instance.
        length: of the tour, for the comment.
    """
    head = [f"NAME : {named(name)}.tour"]
    if length is not None:
        head.append(f"COMMENT : Length {length}")
    head += ["TYPE : TOUR", f"DIMENSION : {len(tour)}", TOUR]
    return "\n".join([*head, *(str(int(city) + 1) for city in tour), "-1", "EOF", ""])


def write_tsplib(instance: TourInstance) -> str:
    """Write an instance as a .tsp or .atsp file, from which `read_tsplib` makes the same one again,
    but for names of cities, for which there is no place.

    GREAT_CIRCLE (longitude, latitude) is not TSPLIB's: other programs do not know it.
    """
    explicit = instance.matrix is not None
    head = [f"NAME : {named(instance.name)}"]
    if instance.label != instance.name:
        head.append(f"COMMENT : {named(instance.label)}")
    head += [
        f"TYPE : {'TSP' if instance.symmetric else 'ATSP'}",
        f"DIMENSION : {instance.size}",
        f"EDGE_WEIGHT_TYPE : {instance.metric}",
    ]
    if instance.matrix is None:
        body = [COORDINATES, *_rows(instance.points)]
    else:
        head.append("EDGE_WEIGHT_FORMAT : FULL_MATRIX")
        body = [WEIGHTS, *(" ".join(map(str, row)) for row in instance.matrix.tolist())]
    drawn = not instance.guessed if explicit else instance.metric.endswith("3D")
    if drawn:
        head.append("DISPLAY_DATA_TYPE : TWOD_DISPLAY")
        body += [DISPLAY, *_rows(instance.places)]
    return "\n".join([*head, *body, "EOF", ""])


def _rows(points: Floats) -> list[str]:
    """Return coordinates as lines, each with the number of its city."""
    return [
        " ".join([str(city), *(plain(x) for x in point)])
        for city, point in enumerate(points.tolist(), 1)
    ]
