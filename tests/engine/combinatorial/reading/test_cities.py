"""Files of cities of any kind: told apart, refused in one line if they are neither, kept as they
were read, and ten thousand broken ones.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from engine.combinatorial import checks
from engine.combinatorial.instance import Known, TourInstance
from engine.combinatorial.instances import INSTANCES
from engine.combinatorial.reading.cities import read_cities, with_tour
from engine.combinatorial.reading.kept import keep, kept
from engine.combinatorial.reading.tsplib import read_tour, write_tour, write_tsplib
from engine.errors import BadInput
from tests.engine.combinatorial.reading.test_table import EARTH, PLANE
from tests.engine.combinatorial.reading.test_tsplib import (
    SQUARE,
    TOUR,
    TRIANGLES,
    coordinates,
    explicit,
)
from tests.engine.support.files import picture, zipped


@pytest.mark.parametrize("name", ["a.tsp", "a.atsp", "a.txt", "a.csv", "a", "a.TSP"])
def test_files_of_tsplib_are_known_by_what_is_in_them(name: str) -> None:
    assert read_cities(SQUARE.encode(), name).label == "four corners"


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.txt", "a"])
@pytest.mark.parametrize("text", [EARTH, PLANE, "NAME;X;Y\nA;1;2\n", "type,x,y\nhub,1,2\n"])
def test_tables_are_known_by_what_is_in_them(text: str, name: str) -> None:
    assert read_cities(text.encode(), name).names


@pytest.mark.parametrize(
    "data",
    [
        SQUARE.encode("utf-16"),
        b"\xef\xbb\xbf" + SQUARE.encode(),
        SQUARE.replace("corners", "Städte").encode("cp1252"),
        SQUARE.replace("\n", "\r\n").encode("utf-16-le"),
    ],
)
def test_texts_are_read_in_any_usual_encoding(data: bytes) -> None:
    assert read_cities(data, "square.tsp").size == 4


T = TypeVar("T")
KIND = "a file of TSPLIB (.tsp, .atsp), CVRPLIB (.vrp) or the OR-Library, or a CSV table of cities"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (bytes(100), f"{KIND}, which is a text"),
        (picture(), f"{KIND}, not one PNG picture"),
        (b"%PDF-1.7", f"{KIND}, not a PDF: save the table as CSV"),
        (
            zipped({"[Content_Types].xml": b"x", "xl/a.xml": b"y"}),
            f"{KIND}, not an Excel file: open it and save the table as CSV",
        ),
        (zipped({"a/b.png": picture()}), f"{KIND}, not an archive: unpack it first"),
        (gzip.compress(SQUARE.encode()), f"{KIND}, not a packed text: unpack it first"),
        (b"<!doctype html><p>no", "not a web page or XML"),
        (b'[{"x": 1}]', "not JSON"),
        (TOUR.encode(), "a file of cities (line 2 says that it is a tour)"),
        (b"hello", "a table with columns separated by"),
    ],
)
def test_other_files_are_refused_in_one_line(data: bytes, why: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_cities(data, "given")
    assert why in str(caught.value)
    assert str(caught.value).isprintable()


def same(one: TourInstance, two: TourInstance) -> None:
    for field in fields(TourInstance):
        a, b = getattr(one, field.name), getattr(two, field.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            assert np.array_equal(a, b), field.name
        else:
            assert a == b, field.name


@pytest.mark.parametrize(
    "data",
    [
        SQUARE,
        EARTH,
        PLANE,
        explicit("UPPER_ROW", 3, "1 2 3"),
        SQUARE.replace("EOF", "TOUR_SECTION\n1 2 3 4 -1\nEOF"),
        coordinates("GEO", "1 1 2", "2 3 4"),
    ],
)
def test_what_was_read_is_kept(data: str, tmp_path: Path) -> None:
    found = read_cities(data.encode(), "given")
    keep(found, tmp_path)
    same(kept(tmp_path), found)


def test_a_tour_from_another_file_becomes_a_part_of_the_file() -> None:
    for text in (SQUARE, SQUARE.replace("EOF\n", ""), SQUARE.replace("\n", "\r\n").strip()):
        data = with_tour(text.encode(), "a.tsp", TOUR.encode(), "a.opt.tour")
        found = read_cities(data, "a.tsp")
        assert found.answer is not None
        assert found.answer.tolist() == [0, 2, 1, 3]
        assert found.known == Known(48, False, "the tour in its file")
        assert with_tour(data, "a.tsp", TOUR.encode(), "a.opt.tour") == data
    with pytest.raises(BadInput, match=r"'a.opt.tour' is not allowed; expected a tour of 4 cities"):
        with_tour(SQUARE.encode(), "a.tsp", TOUR.replace("2\n", "").encode(), "a.opt.tour")


NASTY = [
    "", " ", "nan", "inf", "-inf", "1e400", "-1", "0", "1.5", "99999999999", "1e9", "2147483648",
    "-0.0", "1_0", "٣", "\x00", "\x1a", "\ufeff", "\u2028", "\x0b", "\ud7ff", "EOF", "TYPE: ATSP",
    "TYPE: CVRP", "DIMENSION: 3", "DIMENSION: 5", "DIMENSION: 0", "NODE_COORD_SECTION",
    "EDGE_WEIGHT_SECTION", "DISPLAY_DATA_SECTION", "TOUR_SECTION", "FIXED_EDGES_SECTION",
    "EDGE_WEIGHT_TYPE: GEO", "EDGE_WEIGHT_TYPE: EXPLICIT", "EDGE_WEIGHT_FORMAT: FULL_MATRIX",
    "EDGE_WEIGHT_TYPE: CEIL_2D", "EDGE_WEIGHT_FORMAT: LOWER_COL", "NAME:", "COMMENT: \x1b[31m",
    ":", "=", ",", ";", "\t", '"', "'", "x,y", "lat,lon", "1,2", "1e5", "#", "<b>", "x" * 500,
]  # fmt: skip
WHOLE = [
    SQUARE,
    EARTH,
    PLANE,
    "0,0\n3,4\n1.5,-2\n",
    *(explicit(format_, 4, *rows) for format_, rows in TRIANGLES.items()),
    explicit("FULL_MATRIX", 3, "0 1 2", "3 0 4", "5 6 0", type_="ATSP"),
    explicit("UPPER_ROW", 2, "7", more="DISPLAY_DATA_SECTION\n1 1 2\n2 3 4\n"),
    *(coordinates(metric, "1 3 4", "2 50.3 8.4", "3 -12 77") for metric in ("GEO", "ATT", "CEIL_2D")),
    coordinates("EUC_3D", "1 3 4 5", "2 50.3 8.4 6", "3 -12 77 7"),
    SQUARE.replace("EOF", "TOUR_SECTION\n1 2 3 4 -1\nEOF"),
    write_tsplib(INSTANCES.build({"name": "airports", "cities": 5}).load()),
]  # fmt: skip


def mutant(whole: str, rng: random.Random) -> str:
    """A file with one to four changes: characters, entries or lines dropped, doubled, replaced,
    exchanged or cut off.
    """
    text = whole
    for _ in range(rng.randint(1, 4)):
        lines = text.split("\n")
        at = rng.randrange(len(lines))
        match rng.randrange(9):
            case 0:
                place = rng.randrange(len(text) + 1)
                text = text[:place] + rng.choice(NASTY) + text[place:]
                continue
            case 1:
                place = rng.randrange(len(text) + 1)
                text = text[:place] + chr(rng.randrange(1, 0x250)) + text[place + 1 :]
                continue
            case 2:
                text = text[: rng.randrange(len(text) + 1)]
                continue
            case 3:
                del lines[at]
            case 4:
                lines.insert(rng.randrange(len(lines)), lines[at])
            case 5:
                lines.insert(at, rng.choice(NASTY))
            case 6:
                other = rng.randrange(len(lines))
                lines[at], lines[other] = lines[other], lines[at]
            case _:
                entries = lines[at].split(" ")
                entries[rng.randrange(len(entries))] = rng.choice(NASTY)
                lines[at] = " ".join(entries)
        text = "\n".join(lines)
    return text


def is_sound(found: TourInstance) -> None:
    """An instance that no later part can stumble over."""
    size = found.size
    assert size >= 1
    assert found.places.shape == (size, 2)
    assert np.isfinite(found.places).all()
    assert np.isfinite(found.points).all()
    assert found.name
    assert found.name.isprintable()
    assert found.label.isprintable()
    between = np.indices((size, size)).reshape(2, -1)
    apart = checks.distances(found, *between)
    assert (apart >= 0).all()
    assert (apart < 2**31).all()
    if found.answer is not None:
        assert found.known is not None
        assert checks.length(found, found.answer) == found.known.value


def outcome(read: Callable[[], T]) -> tuple[T | None, str]:
    """What was read, or why not; anything else that goes wrong is raised."""
    try:
        return read(), ""
    except BadInput as error:
        return None, str(error)


def torture(count: int, seed: int) -> None:
    rng = random.Random(seed)
    read = 0
    for _ in range(count):
        whole = rng.choice(WHOLE)
        data = mutant(whole, rng).encode("utf-8", "surrogatepass")
        name = rng.choice(["a.tsp", "a.atsp", "a.csv", "a", "\x1b<b>\n.tsp"])
        found, said = outcome(partial(read_cities, data, name))
        assert said.isprintable()
        assert len(said) < 1000
        if found is not None:
            is_sound(found)
            read += 1
    assert 0.05 * count < read < 0.7 * count


def test_ten_thousand_broken_files_are_read_or_refused() -> None:
    torture(10_000, 1)


def test_a_thousand_broken_tours_are_read_or_refused() -> None:
    rng = random.Random(2)
    for _ in range(1000):
        text = mutant(write_tour(np.arange(6, dtype=np.int32), "six", 7), rng)
        tour, said = outcome(partial(read_tour, text, 6))
        assert said.isprintable()
        assert len(said) < 1000
        assert tour is None or sorted(tour.tolist()) == list(range(6))
