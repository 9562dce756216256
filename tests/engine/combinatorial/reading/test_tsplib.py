"""Files of TSPLIB: what real ones do is read, what contradicts itself is refused in one line with
the number of the line.
"""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.combinatorial import checks
from engine.combinatorial.instance import METRICS, Known, Metric, TourInstance
from engine.combinatorial.places import eastward
from engine.combinatorial.reading.scaling import WHOLE, classical_scaling
from engine.combinatorial.reading.tsplib import (
    FORMATS,
    MAX_CITIES,
    read_tour,
    read_tsplib,
    with_answer,
    write_tour,
    write_tsplib,
)
from engine.errors import BadInput

SQUARE = """NAME: square
COMMENT: four corners
TYPE: TSP
DIMENSION: 4
EDGE_WEIGHT_TYPE: EUC_2D
NODE_COORD_SECTION
1 0 0
2 10 0
3 10 10
4 0 10
EOF
"""


def coordinates(metric: str, *rows: str, size: int | None = None) -> str:
    """A file with coordinates; the first row is in line 4."""
    return (
        f"DIMENSION: {len(rows) if size is None else size}\nEDGE_WEIGHT_TYPE: {metric}\n"
        "NODE_COORD_SECTION\n" + "\n".join(rows) + "\nEOF\n"
    )


def explicit(format_: str, size: int, *rows: str, type_: str = "TSP", more: str = "") -> str:
    """A file with distances; the first row is in line 6."""
    return (
        f"TYPE: {type_}\nDIMENSION: {size}\nEDGE_WEIGHT_TYPE: EXPLICIT\n"
        f"EDGE_WEIGHT_FORMAT: {format_}\nEDGE_WEIGHT_SECTION\n" + "\n".join(rows) + f"\n{more}EOF\n"
    )


def test_a_plain_file_is_read() -> None:
    found = read_tsplib(SQUARE, "other.tsp")
    assert (found.name, found.label, found.metric) == ("square", "four corners", "EUC_2D")
    assert found.points.tolist() == [[0, 0], [10, 0], [10, 10], [0, 10]]
    assert np.array_equal(found.places, found.points)
    assert (found.matrix, found.known, found.answer, found.names) == (None, None, None, None)
    assert (found.geographic, found.guessed) == (False, False)
    assert found.symmetric
    assert found.editable
    assert checks.length(found, [0, 1, 2, 3]) == 40


ODD = {
    "no EOF": SQUARE.replace("EOF\n", ""),
    "no EOF and no end of the last line": SQUARE.replace("\nEOF\n", ""),
    "blanks before the colons": SQUARE.replace(":", " :"),
    "no blanks": SQUARE.replace(": ", ":"),
    "no colons": SQUARE.replace(":", ""),
    "equals signs": SQUARE.replace(":", "="),
    "a colon after a section": SQUARE.replace("SECTION", "SECTION:"),
    "a colon and blanks after a section": SQUARE.replace("SECTION", "SECTION : "),
    "tabs": SQUARE.replace(" ", "\t").replace("four\tcorners", "four corners"),
    "blanks around all lines": SQUARE.replace("\n", "  \n \t "),
    "empty lines": SQUARE.replace("\n", "\n\n\n"),
    "CRLF": SQUARE.replace("\n", "\r\n"),
    "CR": SQUARE.replace("\n", "\r"),
    "a byte-order mark": "\ufeff" + SQUARE,
    "the end of a file of DOS": SQUARE + "\x1a",
    "keywords after the data": "\n".join(
        [*SQUARE.splitlines()[5:10], *SQUARE.splitlines()[:5], "EOF"]
    ),
    "a dimension after the data": SQUARE.replace("DIMENSION: 4\n", "").replace(
        "EOF", "DIMENSION: 4\nEOF"
    ),
    "small letters": SQUARE.lower(),
    "a remark after the type": SQUARE.replace("TYPE: TSP\n", "TYPE: TSP (Nobody)\n"),
    "a tab after the type": SQUARE.replace("TYPE: TSP\n", "TYPE: TSP\t(Nobody)\n"),
    "anything after EOF": SQUARE + "this is\nnot read\n1 2 3\n",
    "no type": SQUARE.replace("TYPE: TSP\n", ""),
    "two comments": SQUARE.replace("TYPE: TSP\n", "TYPE: TSP\nCOMMENT: and more\n"),
    "keywords that say what is known": SQUARE.replace(
        "NODE_COORD_S", "NODE_COORD_TYPE: TWOD_COORDS\nDISPLAY_DATA_TYPE: COORD_DISPLAY\nNODE_COORD_S"
    ),
    "cities in another order": SQUARE.replace("1 0 0\n2 10 0\n", "2 10 0\n1 0 0\n"),
    "numbers with zeros in front": SQUARE.replace("\n1 ", "\n0001 "),
    "powers of ten": SQUARE.replace("10 0", "1.0e+01 0.00000e+00"),
    "signs": SQUARE.replace("\n1 0 0", "\n1 +0 -0.0"),
    "a name with its ending": SQUARE.replace("NAME: square", "NAME: square.tsp"),
    "a format that says nothing": SQUARE.replace(
        "NODE_COORD_S", "EDGE_WEIGHT_FORMAT: FUNCTION\nNODE_COORD_S"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ODD)
def test_what_real_files_do_is_read(case: str) -> None:
    found = read_tsplib(ODD[case], "square.tsp")
    assert (found.name, found.label) == ("square", "four corners")
    assert found.points.tolist() == [[0, 0], [10, 0], [10, 10], [0, 10]]
    assert found.metric == "EUC_2D"


def test_a_file_without_a_name_is_called_as_it_is_stored() -> None:
    text = SQUARE.replace("NAME: square\n", "").replace("COMMENT: four corners\n", "")
    assert read_tsplib(text, "folder/corners.tsp").name == "corners"
    assert read_tsplib(text, "folder/corners.tsp").label == "corners"


TRIANGLES = {
    "FULL_MATRIX": ["0 1 2 3", "1 0 4 5", "2 4 0 6", "3 5 6 0"],
    "UPPER_ROW": ["1 2 3", "4 5", "6"],
    "UPPER_DIAG_ROW": ["0 1 2 3", "0 4 5", "0 6", "0"],
    "LOWER_ROW": ["1", "2 4", "3 5 6"],
    "LOWER_DIAG_ROW": ["0", "1 0", "2 4 0", "3 5 6 0"],
    "LOWER_COL": ["1 2 3", "4 5", "6"],
    "LOWER_DIAG_COL": ["0 1 2 3", "0 4 5", "0 6", "0"],
    "UPPER_COL": ["1", "2 4", "3 5 6"],
    "UPPER_DIAG_COL": ["0", "1 0", "2 4 0", "3 5 6 0"],
}


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("lines", ["as they are", "all in one", "one each"])
def test_listed_distances_are_read_in_every_format(format_: str, lines: str) -> None:
    rows = TRIANGLES[format_]
    if lines == "all in one":
        rows = [" ".join(rows)]
    elif lines == "one each":
        rows = " ".join(rows).split()
    found = read_tsplib(explicit(format_, 4, *rows), "four.tsp")
    assert found.matrix is not None
    assert found.matrix.dtype == np.int32
    assert found.matrix.tolist() == [[0, 1, 2, 3], [1, 0, 4, 5], [2, 4, 0, 6], [3, 5, 6, 0]]
    assert found.points.shape == (4, 0)
    assert (found.places.shape, found.guessed, found.editable) == ((4, 2), True, False)


def test_what_stands_on_the_diagonal_is_nothing() -> None:
    text = explicit("FULL_MATRIX", 2, "9999 1", "2 -1", type_="ATSP")
    found = read_tsplib(text, "two.atsp")
    assert found.matrix is not None
    assert found.matrix.tolist() == [[0, 1], [2, 0]]
    assert not found.symmetric


def test_places_to_draw_are_taken_from_the_file() -> None:
    display = "DISPLAY_DATA_TYPE: TWOD_DISPLAY\nDISPLAY_DATA_SECTION\n2 3 4\n1 1 2\n"
    found = read_tsplib(explicit("UPPER_ROW", 2, "7", more=display), "two.tsp")
    assert (found.places.tolist(), found.guessed) == ([[1, 2], [3, 4]], False)
    nodes = "NODE_COORD_SECTION\n1 5 6 1\n2 7 8 1\n"
    found = read_tsplib(explicit("UPPER_ROW", 2, "7", more=nodes), "two.tsp")
    assert (found.places.tolist(), found.guessed) == ([[5, 6], [7, 8]], False)
    solid = coordinates("EUC_3D", "1 0 0 3", "2 4 0 0").replace("EOF", f"{display}EOF")
    found = read_tsplib(solid, "two.tsp")
    assert (found.places.tolist(), found.points.shape) == ([[1, 2], [3, 4]], (2, 3))
    assert checks.distances(found, [0], [1])[0] == 5


def test_the_plane_is_not_drawn_otherwise_than_it_is_measured() -> None:
    text = SQUARE.replace("EOF", "DISPLAY_DATA_SECTION\n1 9 9\n2 9 8\n3 9 7\n4 9 6\nEOF")
    found = read_tsplib(text, "square.tsp")
    assert np.array_equal(found.places, found.points)


def test_geo_has_places_in_degrees_with_east_to_the_right() -> None:
    found = read_tsplib(coordinates("GEO", "1 -16.30 96.15", "2 90.00 190.30"), "geo.tsp")
    assert found.points.tolist() == [[-16.30, 96.15], [90, 190.30]]
    assert np.allclose(found.places, [[96.25, -16.5], [-169.5, 90]])
    assert (found.geographic, found.unit, found.scale) == (True, "km", 1.0)


def test_great_circles_are_read_as_they_are_written() -> None:
    found = read_tsplib(coordinates("GREAT_CIRCLE", "1 13.4 52.5", "2 350 48.9"), "two.tsp")
    assert found.points.tolist() == found.places.tolist() == [[13.4, 52.5], [-10, 48.9]]
    assert (found.geographic, found.unit, found.scale) == (True, "km", 0.001)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("metric", METRICS)
def test_one_two_and_three_cities_are_read(metric: Metric, size: int) -> None:
    if metric == "EXPLICIT":
        found = read_tsplib(explicit("UPPER_ROW", size, *["5 5", "5"][3 - size :]), "few.tsp")
        assert np.isfinite(found.places).all()
    else:
        rows = [f"{i + 1} {3 * i} {4 * i}{' 0' * metric.endswith('3D')}" for i in range(size)]
        found = read_tsplib(coordinates(metric, *rows), "few.tsp")
    assert found.size == size
    tours = {checks.length(found, tour) for tour in itertools.permutations(range(size))}
    assert len(tours) == 1
    if metric == "EXPLICIT":
        assert tours == {5 * size if size > 1 else 0}


def test_cities_in_one_place_are_allowed() -> None:
    found = read_tsplib(coordinates("EUC_2D", *(f"{i} 7 7" for i in range(1, 6))), "same.tsp")
    assert checks.length(found, range(5)) == 0
    found = read_tsplib(explicit("UPPER_ROW", 3, "0 0 0"), "same.tsp")
    assert found.places.tolist() == [[0, 0]] * 3


def test_large_coordinates_are_read_while_distances_fit() -> None:
    found = read_tsplib(coordinates("EUC_2D", "1 1e9 1e9", "2 0 0", "3 1e9 0"), "large.tsp")
    assert checks.length(found, [0, 1, 2]) == 1_414_213_562 + 2 * 10**9
    far = read_tsplib(coordinates("EUC_2D", "1 5000000000 0", "2 5000000003 4"), "far.tsp")
    assert checks.length(far, [0, 1]) == 10


REFUSED: dict[str, tuple[str, str]] = {
    "empty": ("", "the number of cities as DIMENSION (there is no such line)"),
    "a letter": ("Dear all,\nthis is no file\n", "(line 1 is “Dear all,”)"),
    "numbers alone": ("1 2 3\n", "(line 1 is “1 2 3”)"),
    "a row too few": (
        SQUARE.replace("4 0 10\n", ""),
        "expected 4 cities in NODE_COORD_SECTION, as DIMENSION says (there are 3, the last in line 9)",
    ),
    "no row": (
        coordinates("EUC_2D", size=1),
        "cities in NODE_COORD_SECTION, as DIMENSION says (there are 0, the last in line 3)",
    ),
    "a row too many": (
        SQUARE.replace("EOF", "5 1 1\nEOF"),
        "cities numbered 1 to 4 in NODE_COORD_SECTION, as DIMENSION says (line 11 has 5)",
    ),
    "a number twice": (
        SQUARE.replace("3 10 10", "2 10 10"),
        "every city once in NODE_COORD_SECTION (line 9 has number 2 again)",
    ),
    "a number twice and one missing": (
        SQUARE.replace("1 0 0\n", "4 0 0\n"),
        "every city once in NODE_COORD_SECTION (line 10 has number 4 again)",
    ),
    "numbered from 0": (
        coordinates("EUC_2D", "0 1 1", "1 2 2"),
        "cities numbered 1 to 2 in NODE_COORD_SECTION, as DIMENSION says (line 4 has 0)",
    ),
    "half a number": (
        coordinates("EUC_2D", "1 1 1", "1.5 2 2"),
        "as DIMENSION says (line 5 has 1.5)",
    ),
    "a coordinate missing": (
        coordinates("EUC_2D", "1 1 1", "2 2"),
        "the number of a city and 2 coordinates in every line of NODE_COORD_SECTION (line 5 has 2 numbers)",
    ),
    "a coordinate too many": (coordinates("EUC_2D", "1 1 1", "2 2 2 2"), "(line 5 has 4 numbers)"),
    "three coordinates": (coordinates("EUC_2D", "1 1 1 1", "2 2 2 2"), "(line 4 has 4 numbers)"),
    "two coordinates": (
        coordinates("EUC_3D", "1 1 1", "2 2 2"),
        "the number of a city and 3 coordinates in every line",
    ),
    "a text as coordinate": (
        SQUARE.replace("3 10 10", "3 ten 10"),
        "expected numbers in its sections (line 9 has “ten”)",
    ),
    "a decimal comma": (SQUARE.replace("3 10 10", "3 10,5 10"), "(line 9 has “10,5”)"),
    "not a number": (SQUARE.replace("3 10 10", "3 nan 10"), "(line 9 has “nan”)"),
    "infinity": (SQUARE.replace("3 10 10", "3 -inf 10"), "(line 9 has “-inf”)"),
    "a number too large": (SQUARE.replace("3 10 10", "3 1e400 10"), "(line 9 has “1e400”)"),
    "a number of Python": (SQUARE.replace("3 10 10", "3 1_0 10"), "(line 9 has “1_0”)"),
    "other digits": (SQUARE.replace("3 10 10", "3 ١٠ 10"), "(line 9 has “١٠”)"),
    "a hexadecimal number": (SQUARE.replace("3 10 10", "3 0x10 10"), "(line 9 has “0x10”)"),
    "a row that begins with a word": (SQUARE.replace("3 10 10", "three 10 10"), "(line 9 has “three”)"),
    "no dimension": (SQUARE.replace("DIMENSION: 4\n", ""), "DIMENSION (there is no such line)"),
    "an empty dimension": (SQUARE.replace("DIMENSION: 4", "DIMENSION:"), "(line 4 has “”)"),
    "a dimension of 0": (SQUARE.replace("DIMENSION: 4", "DIMENSION: 0"), "(line 4 has “0”)"),
    "a negative dimension": (SQUARE.replace("DIMENSION: 4", "DIMENSION: -4"), "(line 4 has “-4”)"),
    "a dimension in words": (SQUARE.replace("DIMENSION: 4", "DIMENSION: four"), "(line 4 has “four”)"),
    "a dimension with a point": (SQUARE.replace("DIMENSION: 4", "DIMENSION: 4.0"), "(line 4 has “4.0”)"),
    "too many cities": (
        SQUARE.replace("DIMENSION: 4", f"DIMENSION: {MAX_CITIES + 1}"),
        f"a whole number from 1 to 250,000 as DIMENSION (line 4 has “{MAX_CITIES + 1}”)",
    ),
    "a dimension of many digits": (SQUARE.replace("DIMENSION: 4", "DIMENSION: " + "9" * 5000), "(line 4 has “999"),
    "a dimension twice": (
        SQUARE.replace("TYPE: TSP\n", "TYPE: TSP\nDIMENSION: 4\n"),
        "DIMENSION once (it is in the lines 4 and 5)",
    ),
    "a section twice": (
        SQUARE.replace("EOF", "NODE_COORD_SECTION\n1 2 3\nEOF"),
        "one NODE_COORD_SECTION (another begins in line 11)",
    ),
    "numbers beside a section": (
        SQUARE.replace("NODE_COORD_SECTION\n", "NODE_COORD_SECTION "),
        "(line 6 has “1 0 0” after it)",
    ),
    "an unknown keyword": (SQUARE.replace("COMMENT", "SALESMEN"), "(line 2 is “SALESMEN: four corners”)"),
    "an unknown section": (SQUARE.replace("NODE_COORD_SECTION", "NODE_SECTION"), "(line 6 is “NODE_SECTION”)"),
    "no type of distances": (
        SQUARE.replace("EDGE_WEIGHT_TYPE: EUC_2D\n", ""),
        "a line EDGE_WEIGHT_TYPE: one of EUC_2D, EUC_3D, CEIL_2D, MAN_2D, MAN_3D, MAX_2D, MAX_3D, GEO, ATT, GREAT_CIRCLE, EXPLICIT (there is none)",
    ),
    "distances of crystals": (
        coordinates("XRAY1", "1 1 1"),
        "one of EUC_2D, EUC_3D, CEIL_2D, MAN_2D, MAN_3D, MAX_2D, MAX_3D, GEO, ATT, GREAT_CIRCLE, EXPLICIT as EDGE_WEIGHT_TYPE (line 2 has “XRAY1”)",
    ),
    "special distances": (coordinates("SPECIAL", "1 1 1"), "(line 2 has “SPECIAL”)"),
    "no coordinates": ("DIMENSION: 1\nEDGE_WEIGHT_TYPE: ATT\n", "a NODE_COORD_SECTION for ATT (there is none)"),
    "routes": (SQUARE.replace("TYPE: TSP", "TYPE: CVRP"), "TSP or ATSP as TYPE (line 3 has “CVRP”)"),
    "an order to keep": (SQUARE.replace("TYPE: TSP", "TYPE: SOP"), "TSP or ATSP as TYPE (line 3 has “SOP”)"),
    "a tour": (SQUARE.replace("TYPE: TSP", "TYPE: TOUR"), "a file of cities (line 3 says that it is a tour)"),
    "an empty type": (SQUARE.replace("TYPE: TSP", "TYPE:"), "TSP or ATSP as TYPE (line 3 has “”)"),
    "edges that are fixed": (
        SQUARE.replace("EOF", "FIXED_EDGES_SECTION\n1 2\n-1\nEOF"),
        "a problem without edges that every tour must have (line 11 is FIXED_EDGES_SECTION)",
    ),
    "some roads only": (
        SQUARE.replace("EOF", "EDGE_DATA_FORMAT: EDGE_LIST\nEOF"),
        "a problem without roads between some cities only (line 11 is EDGE_DATA_FORMAT)",
    ),
    "customers": (SQUARE.replace("EOF", "DEMAND_SECTION\n1 2\nEOF"), "without demands of customers (line 11 is"),
    "vehicles": (SQUARE.replace("TYPE: TSP", "CAPACITY: 3"), "a capacity of vehicles (line 3 is CAPACITY)"),
    "distances beside coordinates": (
        SQUARE.replace("EOF", "EDGE_WEIGHT_SECTION\n1 2 3 4 5 6\nEOF"),
        "either coordinates or distances (EDGE_WEIGHT_TYPE is EUC_2D, and line 11 is EDGE_WEIGHT_SECTION)",
    ),
    "no distances": (
        "DIMENSION: 2\nEDGE_WEIGHT_TYPE: EXPLICIT\nEDGE_WEIGHT_FORMAT: UPPER_ROW\n",
        "an EDGE_WEIGHT_SECTION for EXPLICIT (there is none)",
    ),
    "no format": (
        "DIMENSION: 2\nEDGE_WEIGHT_TYPE: EXPLICIT\nEDGE_WEIGHT_SECTION\n1\n",
        "a line EDGE_WEIGHT_FORMAT: one of FULL_MATRIX, UPPER_ROW",
    ),
    "a function as format": (
        "DIMENSION: 2\nEDGE_WEIGHT_TYPE: EXPLICIT\nEDGE_WEIGHT_FORMAT: FUNCTION\nEDGE_WEIGHT_SECTION\n1\n",
        "as EDGE_WEIGHT_FORMAT (line 3 has “FUNCTION”)",
    ),
    "a distance too few": (
        explicit("UPPER_ROW", 4, "1 2 3", "4 5"),
        "6 numbers in EDGE_WEIGHT_SECTION, as DIMENSION 4 and UPPER_ROW say (there are 5, the last in line 7)",
    ),
    "a distance too many": (
        explicit("LOWER_DIAG_ROW", 2, "0", "1 0", "3"),
        "3 numbers in EDGE_WEIGHT_SECTION, as DIMENSION 2 and LOWER_DIAG_ROW say (number 4 is in line 8)",
    ),
    "half a distance": (
        explicit("UPPER_ROW", 3, "1 2", "", "2.5"),
        "whole numbers from 0 to 2,147,483,647 as distances (line 8 has 2.5)",
    ),
    "a negative distance": (explicit("UPPER_ROW", 3, "1 -2", "3"), "as distances (line 6 has -2)"),
    "a distance beyond 32 bits": (
        explicit("UPPER_ROW", 3, "1 2", "2147483648"),
        "as distances (line 7 has 2147483648)",
    ),
    "a distance of one direction": (
        explicit("FULL_MATRIX", 3, "0 1 2", "1 0 3", "2 4 0"),
        "the same distance in both directions, or TYPE: ATSP (from city 2 to 3 it is 3 and back, in line 8, 4)",
    ),
    "too many listed distances": (
        explicit("FULL_MATRIX", 3001, "0"),
        "at most 3,000 cities whose distances are listed (DIMENSION in line 2 is 3,001)",
    ),
    "distances beyond 32 bits": (
        coordinates("EUC_2D", "1 0 0", "2 3e9 0"),
        "distances up to 2,147,483,647 (the cities lie in a box across which it is 3,000,000,001)",
    ),
    "sums beyond 32 bits": (coordinates("MAN_2D", "1 0 0", "2 2e9 2e9"), "across which it is 4,000,000,001"),
    "a coordinate too large": (
        coordinates("EUC_2D", "1 0 0", "2 0 1e13"),
        "coordinates up to 1,000,000,000,000 in size (line 5 has 10000000000000)",
    ),
    "a coordinate far too large": (coordinates("EUC_2D", "1 0 0", "2 0 -1e300"), "(line 5 has -1e+300)"),
    "a latitude too large": (
        coordinates("GEO", "1 50 8", "2 90.5 120"),
        "expected latitudes from −90 to 90 and longitudes from −180 to 360 degrees (line 5 has latitude 90.5)",
    ),
    "a longitude too small": (coordinates("GEO", "2 50 8", "1 50 -181"), "(line 5 has longitude -181)"),
    "a longitude too large": (coordinates("GREAT_CIRCLE", "1 360.5 0"), "(line 4 has longitude 360.5)"),
    "latitude and longitude swapped": (
        coordinates("GEO", "1 8 50", "2 139.4 35.4", "3 -122 37"),
        "(line 5 has latitude 139.4; perhaps latitude and longitude are swapped)",
    ),
    "places to draw missing": (
        explicit("UPPER_ROW", 2, "1", more="DISPLAY_DATA_SECTION\n1 1 1\n"),
        "2 cities in DISPLAY_DATA_SECTION, as DIMENSION says (there are 1, the last in line 8)",
    ),
    "a tour of too few cities": (
        SQUARE.replace("EOF", "TOUR_SECTION\n1 2 3\n-1\nEOF"),
        "a tour of 4 cities (there are 3; 4 is missing)",
    ),
    "control characters": (SQUARE.replace("DIMENSION: 4", "DIMENSION: a\x0bb\x1b"), "(line 4 has “a b"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_contradicts_itself_is_refused_with_its_line(case: str) -> None:
    text, why = REFUSED[case]
    for given_ in (text, text.replace("\n", "\r\n"), "\ufeff" + text):
        with pytest.raises(BadInput) as caught:
            read_tsplib(given_, "given.tsp")
        said = str(caught.value)
        assert why in said
        assert said.startswith("file: 'given.tsp' is not allowed; expected ")
        assert said.isprintable()
        assert len(said) < 600


def test_a_tour_in_the_file_is_its_answer() -> None:
    found = read_tsplib(SQUARE.replace("EOF", "TOUR_SECTION\n1 2 3 4 -1\nEOF"), "square.tsp")
    assert found.answer is not None
    assert found.answer.tolist() == [0, 1, 2, 3]
    assert found.known == Known(40, False, "the tour in its file")


def test_an_answer_is_judged_by_what_is_published(kelvin_data: Path) -> None:
    folder = kelvin_data / "combinatorial" / "tsplib"
    found = read_tsplib((folder / "berlin52.tsp").read_text(), "berlin52.tsp")
    best = read_tour((folder / "berlin52.opt.tour").read_text(), 52)
    assert found.known == Known(7542, True, "TSPLIB")
    assert with_answer(found, best, "me").known == found.known
    assert with_answer(found, best, "me").answer is best
    worse = with_answer(found, np.arange(52, dtype=np.int32), "me")
    assert (worse.known, worse.answer) == (found.known, None)
    # Another problem under the same name.
    text = (folder / "berlin52.tsp").read_text().replace("1740.0 245.0", "1640.0 245.0")
    other = with_answer(read_tsplib(text, "berlin52.tsp"), best, "me")
    assert other.known is not None
    assert other.known == Known(checks.length(other, best), False, "me")
    assert other.known.value < 7542
    assert other.answer is best


TOUR = "NAME : square.opt.tour\nTYPE : TOUR\nDIMENSION : 4\nTOUR_SECTION\n1\n3\n2\n4\n-1\nEOF\n"


@pytest.mark.parametrize(
    "text",
    [
        TOUR,
        TOUR.replace("EOF\n", ""),
        TOUR.replace("-1\nEOF\n", ""),
        TOUR.replace("-1\n", "-1\n-1\n"),
        TOUR.replace("1\n3\n2\n4\n-1", "1 3 2 4 -1"),
        TOUR.replace("\n", "\r\n"),
        TOUR.replace("DIMENSION : 4\n", ""),
        TOUR.replace("TYPE : TOUR\n", ""),
        TOUR.replace("NAME : square.opt.tour\n", "COMMENT : Length = 48\nCOMMENT : found by hand\n"),
    ],
)  # fmt: skip
def test_a_tour_is_read(text: str) -> None:
    found = read_tour(text, 4)
    assert found.dtype == np.int32
    assert found.tolist() == [0, 2, 1, 3]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "a TOUR_SECTION (there is none)"),
        ("1\n2\n3\n4\n", "(line 1 is “1”)"),
        (TOUR.replace("TOUR\n", "TSP\n"), "TOUR as TYPE (line 2 has “TSP”)"),
        (TOUR.replace(": 4", ": 5"), "a tour of 4 cities (DIMENSION in line 3 is 5)"),
        (TOUR.replace("\n2\n", "\n"), "a tour of 4 cities (there are 3; 2 is missing)"),
        (TOUR.replace("\n2\n", "\n3\n"), "a tour with every city once (line 7 has 3 again)"),
        (TOUR.replace("\n2\n", "\n5\n"), "a tour of the cities 1 to 4 (line 7 has 5)"),
        (TOUR.replace("\n2\n", "\n0\n"), "a tour of the cities 1 to 4 (line 7 has 0)"),
        (TOUR.replace("\n2\n", "\n2.5\n"), "a tour of the cities 1 to 4 (line 7 has 2.5)"),
        (TOUR.replace("\n2\n", "\n1e99\n"), "a tour of the cities 1 to 4 (line 7 has 1e+99)"),
        (TOUR.replace("\n2\n", "\ntwo\n"), "numbers in its sections (line 7 has “two”)"),
        (TOUR.replace("-1", "-1 1 2 3 4 -1"), "one tour that ends with −1 (line 9 goes on after it)"),
        (TOUR.replace("-1\n", "1\n"), "a tour with every city once (line 9 has 1 again)"),
    ],
)  # fmt: skip
def test_what_is_no_tour_is_refused_with_its_line(text: str, why: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_tour(text, 4, "given.tour")
    assert why in str(caught.value)
    assert str(caught.value).startswith("file: 'given.tour' is not allowed; expected ")


def same(one: TourInstance, two: TourInstance) -> None:
    for field in ("name", "label", "metric", "geographic", "guessed", "known", "unit", "scale"):
        assert getattr(one, field) == getattr(two, field), field
    for field in ("points", "places"):
        assert np.array_equal(getattr(one, field), getattr(two, field)), field
    if one.matrix is None or two.matrix is None:
        assert one.matrix is two.matrix
    else:
        assert np.array_equal(one.matrix, two.matrix)


words = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20).filter(
    lambda name: not name.endswith("tsp")
)
labels = st.one_of(words, st.just("of “two” words: a, b = c"))


def rows(
    size: int, width: int, numbers: st.SearchStrategy[float]
) -> st.SearchStrategy[list[list[float]]]:
    row = st.lists(numbers, min_size=width, max_size=width)
    return st.lists(row, min_size=size, max_size=size)


@st.composite
def instances(draw: st.DrawFn) -> TourInstance:
    """Any instance without names, answer and known price, which files cannot hold."""
    metric: Metric = draw(st.sampled_from(METRICS))
    size = draw(st.integers(1, 12))
    name, label = draw(words), draw(labels)
    if metric == "EXPLICIT":
        flat = draw(st.lists(st.integers(0, 2**31 - 1), min_size=size**2, max_size=size**2))
        matrix = np.array(flat, np.int32).reshape(size, size)
        np.fill_diagonal(matrix, 0)
        if draw(st.booleans()):
            matrix = np.triu(matrix) + np.triu(matrix).T
        guessed = draw(st.booleans())
        drawn = draw(rows(size, 2, st.floats(-1e12, 1e12)))
        places = classical_scaling(matrix) if guessed else np.array(drawn)
        nowhere = np.zeros((size, 0))
        return TourInstance(name, label, metric, nowhere, places, matrix, guessed=guessed)
    if metric in ("GEO", "GREAT_CIRCLE"):
        place = st.tuples(st.floats(-180, 180), st.floats(-90, 90))
        degrees = np.array(draw(st.lists(place, min_size=size, max_size=size)))
        if metric == "GREAT_CIRCLE":
            return TourInstance(
                name, label, metric, degrees, degrees, geographic=True, unit="km", scale=0.001
            )
        whole = np.trunc(degrees)
        places = eastward(whole + (degrees - whole) * 5.0 / 3.0)
        points = degrees[:, ::-1].copy()
        return TourInstance(name, label, metric, points, places, geographic=True, unit="km")
    width = 3 if metric.endswith("3D") else 2
    points = np.array(draw(rows(size, width, st.floats(-3e8, 3e8))))
    return TourInstance(name, label, metric, points, points[:, :2].copy())


@given(instances())
@settings(deadline=None, max_examples=200)
def test_what_is_written_is_read_again(found: TourInstance) -> None:
    same(read_tsplib(write_tsplib(found), "again.tsp"), found)


@given(st.permutations(range(30)), words)
@settings(deadline=None)
def test_a_tour_that_is_written_is_read_again(order: list[int], name: str) -> None:
    tour = np.array(order, np.int32)
    text = write_tour(tour, name, 1234)
    assert "COMMENT : Length 1234\n" in text
    assert np.array_equal(read_tour(text, 30), tour)
    assert np.array_equal(read_tour(write_tour(tour, name), 30), tour)


def test_real_files_are_written_and_read_again(kelvin_data: Path) -> None:
    paths = sorted((kelvin_data / "combinatorial" / "tsplib").glob("*.tsp"))
    assert len(paths) >= 14
    for path in paths:
        found = read_tsplib(path.read_text(), path.name)
        assert found.known is not None
        assert found.known.proven
        same(read_tsplib(write_tsplib(found), path.name), found)


def test_vrplib_reads_the_same(kelvin_data: Path, tmp_path: Path) -> None:
    """Another reader, of what both can read: it knows no GEO, no ATT and few triangles, and rounds
    nothing.
    """
    vrplib = pytest.importorskip("vrplib")
    compared = []
    folder = kelvin_data / "combinatorial" / "tsplib"
    written = tmp_path / "asymmetric.atsp"
    text = explicit("FULL_MATRIX", 3, "0 1 2", "3 0 4", "5 6 0", type_="ATSP")
    written.write_text(text.replace("TYPE:", "NAME: three\nTYPE:", 1))
    for path in [*sorted(folder.glob("*.tsp")), written]:
        found = read_tsplib(path.read_text(), path.name)
        try:
            other = vrplib.read_instance(path)
        except Exception:  # it gives up in many ways on what it does not know
            continue
        assert int(other["dimension"]) == found.size
        if "node_coord" in other:
            assert np.array_equal(other["node_coord"], found.points)
        if "edge_weight" not in other:
            continue
        between = np.indices((found.size, found.size)).reshape(2, -1)
        ours = checks.distances(found, *between).reshape(found.size, found.size)
        theirs = np.asarray(other["edge_weight"], np.float64)
        if found.metric == "EUC_2D":
            theirs = np.floor(theirs + 0.5)
        assert np.array_equal(ours, theirs), path.name
        compared.append(found.name)
    assert {"berlin52", "pcb442", "pr1002", "a280", "three"} <= {*compared}


def test_scaling_finds_places_that_are_there() -> None:
    rng = np.random.default_rng(0)
    for size in (2, 3, 30, WHOLE + 50):
        places = rng.uniform(0, 1e6, (size, 2))
        between = np.linalg.norm(places[:, None] - places, axis=2).round().astype(np.int32)
        found = classical_scaling(between)
        again = np.linalg.norm(found[:, None] - found, axis=2)
        assert np.abs(again - between).max() < 10
        assert np.array_equal(found, classical_scaling(between))


def test_scaling_bears_distances_of_no_plane() -> None:
    rng = np.random.default_rng(0)
    for size in (1, 2, 40, WHOLE + 50):
        matrix = rng.integers(0, 2**31 - 1, (size, size)).astype(np.int32)
        found = classical_scaling(matrix)
        assert found.shape == (size, 2)
        assert np.isfinite(found).all()
    line = np.abs(np.arange(6)[:, None] - np.arange(6)).astype(np.int32)
    along, across = classical_scaling(line).T
    assert np.allclose(np.abs(np.diff(along)), 1)
    assert np.allclose(across, 0, atol=1e-6)


@pytest.mark.slow
def test_the_largest_files_are_read_in_seconds() -> None:
    rng = np.random.default_rng(0)
    points = rng.integers(0, 10**6, (MAX_CITIES, 2)).tolist()
    cities = coordinates("EUC_2D", *(f"{i} {x} {y}" for i, (x, y) in enumerate(points, 1)))
    matrix = rng.integers(0, 99, (3000, 3000)).tolist()
    full = explicit("FULL_MATRIX", 3000, *(" ".join(map(str, row)) for row in matrix), type_="ATSP")
    began = time.process_time()
    assert read_tsplib(cities, "large.tsp").size == MAX_CITIES
    assert read_tsplib(full, "full.atsp").size == 3000
    assert time.process_time() - began < 60
