"""Tables of cities: columns in any order, numbers as people write them, and what is missing said
with its line.
"""

from __future__ import annotations

import pytest

from engine.combinatorial import checks
from engine.combinatorial.reading.table import read_table
from engine.errors import BadInput

EARTH = "name,lat,lon\nBerlin,52.52,13.405\nParis,48.8566,2.3522\nOslo,59.91,10.75\n"
PLANE = "name,x,y\nA,0,0\nB,3,4\nC,1.5,-2\n"


def test_places_on_the_earth_are_read() -> None:
    found = read_table(EARTH, "capitals.csv")
    assert (found.name, found.label, found.metric) == ("capitals", "capitals", "GREAT_CIRCLE")
    assert found.names == ("Berlin", "Paris", "Oslo")
    assert found.places.tolist() == [[13.405, 52.52], [2.3522, 48.8566], [10.75, 59.91]]
    assert (found.unit, found.scale, found.geographic, found.editable) == ("km", 0.001, True, True)
    assert checks.distances(found, [0], [1])[0] * found.scale == pytest.approx(878, abs=2)


def test_places_in_the_plane_are_measured_to_a_thousandth() -> None:
    found = read_table(PLANE, "three.csv")
    assert (found.metric, found.scale, found.unit, found.geographic) == ("EUC_2D", 0.001, "", False)
    assert found.points.tolist() == [[0, 0], [3000, 4000], [1500, -2000]]
    assert checks.distances(found, [0, 1], [1, 2]).tolist() == [5000, 6185]
    assert found.names == ("A", "B", "C")


SAME = {
    "another order": "lon,name,lat\n13.405,Berlin,52.52\n2.3522,Paris,48.8566\n10.75,Oslo,59.91\n",
    "other columns": (
        "country,lat,city,people,lon\nDE,52.52,Berlin,3700000,13.405\nFR,48.8566,Paris,2100000,2.3522\n"
        "NO,59.91,Oslo,700000,10.75\n"
    ),
    "tabs": EARTH.replace(",", "\t"),
    "semicolons and decimal commas": EARTH.replace(",", ";").replace(".", ","),
    "long names": EARTH.replace("lat", "Latitude (deg)").replace("lon", "Longitude (deg)"),
    "Spanish": EARTH.replace("name,lat,lon", "ciudad;latitud;longitud").replace(",", ";"),
    "capitals": EARTH.upper().replace("BERLIN", "Berlin").replace("PARIS", "Paris").replace("OSLO", "Oslo"),
    "lng": EARTH.replace("lon", "lng"),
    "blanks": EARTH.replace(",", " , "),
    "quotation marks": EARTH.replace("Berlin", '"Berlin"').replace("52.52", '"52.52"'),
    "comments": "# capitals\n" + EARTH.replace("Paris", "# not Rome\nParis"),
    "empty rows": EARTH.replace("\n", "\n\n").replace("Paris", ",,\nParis"),
    "a separator that is declared": "sep=,\n" + EARTH,
    "no end of the last line": EARTH.rstrip("\n"),
    "signs": EARTH.replace("52.52", "+52.52"),
}  # fmt: skip


@pytest.mark.parametrize("case", SAME)
def test_the_same_cities_are_read_however_they_are_written(case: str) -> None:
    found = read_table(SAME[case], "capitals.csv")
    assert found.places.tolist() == [[13.405, 52.52], [2.3522, 48.8566], [10.75, 59.91]]
    assert found.names == ("Berlin", "Paris", "Oslo")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("0,0\n3,4\n1.5,-2\n", None),
        ("A,0,0\nB,3,4\nC,1.5,-2\n", ("A", "B", "C")),
        ("0\t0\tA\n3\t4\tB\n1.5\t-2\tC\n", ("A", "B", "C")),
        ("1,0,0\n2,3,4\n3,1.5,-2\n", None),
        ("0;0;0\n1;3;4\n2;1,5;-2\n", None),
        ("x,y\n0,0\n3,4\n1.5,-2\n", None),
        ("y,x\n0,0\n4,3\n-2,1.5\n", None),
        ("id,x,y\n7,0,0\n8,3,4\n9,1.5,-2\n", ("7", "8", "9")),
        ("X_coord;Y_coord\n0;0\n3;4\n1,5;-2\n", None),
        ("Easting,Northing,Remark\n0,0,here\n3,4,\n1.5,-2,there\n", ("here", "", "there")),
    ],
)  # fmt: skip
def test_columns_without_names_are_x_and_y(text: str, names: tuple[str, ...] | None) -> None:
    notes: list[str] = []
    found = read_table(text, "three.csv", notes)
    assert found.points.tolist() == [[0, 0], [3000, 4000], [1500, -2000]]
    assert found.names == names
    named = any(word in text.lower() for word in ("x", "easting"))
    assert len(notes) == (0 if named else 1)


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ("name,x,y,demand", ["The column “demand” is not used: this is one round trip."]),
        ("name,x,y,Capacity ", ["The column “Capacity” is not used: this is one round trip."]),
        ("name,x,y,people", ["The column “people” is not used."]),
        ("name,x,y,city", ["The column “city” is not used."]),
        ("remark,x,y,", []),
    ],
)
def test_columns_that_nothing_is_made_of_are_told(head: str, told: list[str]) -> None:
    notes: list[str] = []
    found = read_table(f"{head}\nA,0,0,3\nB,3,4,5\n", "a.csv", notes)
    assert found.names == ("A", "B")
    assert [note[: len(start)] for note, start in zip(notes, told, strict=True)] == told


def test_of_many_unused_columns_some_are_named() -> None:
    notes: list[str] = []
    head = ",".join(f"c{i}" for i in range(9))
    read_table(f"x,y,demand,{head}\n" + "1,2,3,0,0,0,0,0,0,0,0,0\n" * 2, "a.csv", notes)
    assert len(notes) == 2
    assert notes[0].startswith("The column “demand” is not used: this is one round trip. Routes")
    assert notes[1] == ("The columns “c0”, “c1”, “c2”, “c3”, “c4”, “c5” and 3 more are not used.")


def test_one_city_is_enough() -> None:
    assert read_table("x,y\n3,4\n", "one.csv").size == 1
    assert read_table("3,4\n", "one.csv").size == 1


def test_cities_far_apart_are_measured_less_finely() -> None:
    found = read_table("x,y\n0,0\n20000000,0\n", "far.csv")
    assert found.scale == 0.01
    assert checks.distances(found, [0], [1])[0] * found.scale == 2e7
    metres = read_table("x,y\n500000.25,5400000.5\n500003.25,5400004.5\n", "metres.csv")
    assert metres.scale == 0.001
    assert checks.distances(metres, [0], [1])[0] == 5000


def test_longitudes_beyond_180_are_west() -> None:
    assert read_table("lat,lon\n0,190\n1,2\n", "a.csv").places.tolist() == [[-170, 0], [2, 1]]


def test_names_are_shown_on_one_line_without_markup() -> None:
    found = read_table('name,x,y\n"a\nb",1,2\n<b>,3,4\n', "a <1>.csv")
    assert found.names == ("a b", "‹b›")
    assert found.name == "a ‹1›"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hello", "a table with columns separated by commas, semicolons, tabs or bars"),
        ("x y\n1 2\n3 4\n5 6\n", "this one seems to be separated by blanks"),
        ("x,y\n", "and a row for every city (it has the names only)"),
        ("a,b\n1,2\n", "x and y, or lat and lon (there is none for x; the first row is “a”, “b”)"),
        ("x,z\n1,2\n", "(there is none for y; the first row is “x”, “z”)"),
        ("x,y,X\n1,2,3\n", "(there are two for x;"),
        ("lat,y\n1,2\n", "(there is none for x; the first row is “lat”, “y”)"),
        ("1,2,5\n3,4,6\n", "(the first row holds 3 numbers and no such names)"),
        ("A,1\nB,2\n", "(the first row holds 1 numbers and no such names)"),
        ("x,y\n1,2\n3\n", "as many entries in every row (line 3 has 1, the first row 2)"),
        ("x,y\n1,2\n3,4,5\n", "(line 3 has 3, the first row 2)"),
        ("x,y\n1,2\n3,\n", "a number as coordinate (line 3 has “”)"),
        ("x,y\n1,2\n\n3,four\n", "a number as coordinate (line 4 has “four”)"),
        ("x,y\n1,2\n3,nan\n", "(line 3 has “nan”)"),
        ("x,y\n1,2\n3,inf\n", "(line 3 has “inf”)"),
        ("x,y\n1,2\n3,1e400\n", "(line 3 has “1e400”"),
        ("x,y\n1,2\n3,1e200\n", "has “"),
        ("x,y\n1,2\n3,1e12\n", "cities at most 2,147,483,646 apart (these are farther)"),
        ('x,y\n1,2\n"3,4\n', "quotation marks are in order (a quotation mark is opened and never closed)"),
        ("lat,lon\n52,13\n90.5,2\n", "(line 3 has latitude 90.5; perhaps"),
        ("lat,lon\n52,13\n-91,120\n", "from −180 to 360 degrees (line 3 has latitude -91)"),
        ("lat,lon\n52,-181\n", "(line 2 has longitude -181)"),
        ("lat,lon\n139.7,35.7\n151.2,-33.9\n", "(line 2 has latitude 139.7; perhaps latitude and longitude are swapped)"),
        ("a;b;c\n1;2;3\n", "there is none for x; the first row is “a”, “b”, “c”"),
        ("x;y\n1,000;2\n3,000;4\n", "1,000"),
        ("x,y\n1,a\nb,2\n3\n", "as many entries in every row and a number as coordinate (line 2 has “a”; line 3 has “b”; line 4 has 1, the first row 2)"),
        ("x,y\n" + "1,2\n" + "1,?\n" * 7, "line 6 has “?”; line 7 has “?”; and 2 more)"),
        ("lat,lon\n52,200\n91,200\n52,400\n", "(line 3 has latitude 91; line 4 has longitude 400)"),
    ],
)  # fmt: skip
def test_what_is_no_table_of_cities_is_refused_in_one_line(text: str, why: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_table(text, "given.csv")
    said = str(caught.value)
    assert why in said
    assert said.startswith("file: 'given.csv' is not allowed; expected ")
    assert said.isprintable()


def test_places_within_metres_are_told_to_be_measured_in_whole_metres() -> None:
    notes: list[str] = []
    read_table("lat,lon\n52.5200,13.4050\n52.5201,13.4051\n52.5199,13.4050\n", "a.csv", notes)
    assert len(notes) == 1
    assert "whole metres" in notes[0]
