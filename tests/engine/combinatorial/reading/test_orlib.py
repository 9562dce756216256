"""Files of the OR-Library: read by the letter, odd ones too, broken ones refused with the line."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from engine.combinatorial.landing_instance import LandingInstance
from engine.combinatorial.pairing_instance import PairingInstance
from engine.combinatorial.reading.cities import read_cities
from engine.combinatorial.reading.kept import keep, kept
from engine.combinatorial.reading.orlib import is_orlib
from engine.errors import BadInput

SPP = "3 4\n5 2 1 2\n6 1 3\n7 2 2 3\n8 1 1\n"


def read(text: str | bytes, name: str = "small.txt") -> PairingInstance:
    found = read_cities(text if isinstance(text, bytes) else text.encode(), name)
    assert isinstance(found, PairingInstance)
    return found


def test_a_set_partitioning_problem_is_read(tmp_path: Path) -> None:
    one = read(SPP)
    assert (one.name, one.rows, one.columns, one.scale) == ("small", 3, 4, 1.0)
    assert [one.rows_of(column).tolist() for column in range(4)] == [[0, 1], [2], [1, 2], [0]]
    assert one.costs.tolist() == [5, 6, 7, 8]
    keep(one, tmp_path)
    again = kept(tmp_path)
    assert isinstance(again, PairingInstance)
    assert np.array_equal(again.entries, one.entries)
    assert np.array_equal(again.costs, one.costs)
    assert (again.name, again.label, again.rows, again.places) == (one.name, one.label, 3, None)


@pytest.mark.parametrize(
    "text",
    [
        SPP.rstrip(),
        SPP.replace("\n", "\r\n"),
        SPP.replace("\n", "\r"),
        "\ufeff" + SPP,
        SPP.replace(" ", "\t"),
        SPP.replace(" ", "   ").replace("\n", "  \n\n"),
        "3 4\n5 2\n1 2 6 1 3 7\n2 2 3 8 1 1",
        "3 4 5 2 1 2 6 1 3 7 2 2 3 8 1 1",
        " 3  4 \n5 2 1 2\n6.0 1 3\n7 2 2 3\n8e0 1 1\n",
        SPP.replace("5 2 1 2", "5 2 2 1"),
    ],
)
def test_odd_files_are_read(text: str) -> None:
    one = read(text)
    assert (one.rows, one.columns) == (3, 4)
    assert one.costs.tolist() == [5, 6, 7, 8]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (SPP.replace("6 1 3", "6 1 4"), "rows from 1 to 3 (line 3 has 4 in column 2 of 4)"),
        (SPP.replace("6 1 3", "6 1 0"), "rows from 1 to 3 (line 3 has 0 in column 2 of 4)"),
        (SPP.replace("6 1 3", "6 1 1.5"), "rows from 1 to 3 (line 3 has 1.5"),
        (SPP.replace("6 1 3", "6 -1 3"), "how many rows column 2 of 4 covers, a whole number from 0 to 3 (line 3 has -1)"),
        (SPP.replace("6 1 3", "6 9 3"), "from 0 to 3 (line 3 has 9)"),
        (SPP.replace("6 1 3", "-6 1 3"), "costs of at least 0 (line 3 has -6 for column 2 of 4)"),
        (SPP.replace("5 2 1 2", "5 2 1 1"), "every row once in a column (line 2: column 1 of 4 has one twice)"),
        (SPP.replace("6 1 3", "6 1 2").replace("7 2 2 3", "7 1 2"), "a column for every row (none covers row 3)"),
        (SPP + "1\n", "no more numbers (1 are left, from line 6 on)"),
        (SPP.replace("8 1 1\n", ""), "the cost of column 4 of 4 (the file ends before)"),
        (SPP.replace("8 1 1\n", "8 1"), "1 rows of column 4 of 4 (the file ends before)"),
        (SPP.replace("8 1 1\n", "8"), "how many rows column 4 of 4 covers (the file ends before)"),
        (SPP.replace("6 1 3", "six 1 3"), "numbers of at most 1,000,000,000 (line 3 has “six”)"),
        (SPP.replace("6 1 3", "nan 1 3"), "(line 3 has “nan”)"),
        (SPP.replace("6 1 3", "inf 1 3"), "(line 3 has “inf”)"),
        (SPP.replace("6 1 3", "1e400 1 3"), "(line 3 has “1e400”)"),
        (SPP.replace("6 1 3", "1_0 1 3"), "(line 3 has “1_0”)"),
        (SPP.replace("6 1 3", "٣ 1 3"), "(line 3 has “٣”)"),
        (SPP.replace("6 1 3", "9999999999 1 3"), "(line 3 has “9999999999”)"),
        (SPP.replace("6 1 3", "6.1234567 1 3"), "at most 6 decimals"),
        (SPP.replace("3 4", "0 4"), "a number of rows, a whole number from 1"),
        (SPP.replace("3 4", "30000 4"), "a number of rows, a whole number from 1 to 20,000 (line 1 has 30000)"),
        (SPP.replace("3 4", "3 0"), "a number of columns"),
        ("3 4\n", "columns separated by commas"),
        ("3 3\n-1 1 1\n1 1 2\n1000 1 3\n", "costs of at least 0 (line 2 has -1 for column 1 of 3)"),
        ("3 3\n1 1 4\n1 1 2\n1000 1 3\n", "rows from 1 to 3 (line 2 has 4 in column 1 of 3)"),
        ("3 3\n1 1 1.5\n1 1 2\n1000 1 3\n", "rows from 1 to 3 (line 2 has 1.5 in column 1 of 3)"),
    ],
)  # fmt: skip
def test_broken_files_are_refused_in_one_line(text: str, why: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(text)
    message = str(caught.value)
    assert message.startswith("file: 'small.txt' is not allowed; expected ")
    assert why in message
    assert "\n" not in message


def test_costs_whose_sum_is_no_number_of_64_bits_are_refused() -> None:
    rows = "".join(f"999999999.123456 1 {row + 1}\n" for row in range(2000))
    with pytest.raises(BadInput, match=r"costs whose sum can be counted.* large"):
        read("2000 2000\n" + rows)


@pytest.mark.parametrize(
    "text", ["0 0\n3 4\n", "0\t0\n3\t4\n6\t7\n", "1 0 0\n2 3 4\n", "0,0\n3,4\n"]
)
def test_tables_are_still_tables(text: str) -> None:
    assert not is_orlib(text)


def mutated(text: str, rng: random.Random) -> bytes:
    """A file with a few signs changed, left out, doubled or put in."""
    data = bytearray(text.encode())
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1) if data else 0
        match rng.randrange(5):
            case 0:
                data[at:at] = rng.choice(
                    [b" ", b"\n", b"-", b".", b"9", b"e", b"\x00", b"\xff", b","]
                )
            case 1:
                del data[at : at + rng.randint(1, 6)]
            case 2:
                data[at:at] = data[at : at + rng.randint(1, 12)]
            case 3 if at < len(data):
                data[at] = rng.randrange(256)
            case _:
                del data[at:]
    return bytes(data)


def quick(text: str, count: int, seed: int) -> None:
    """Read mutants: each is read or refused in one line, and what is read has no fault."""
    rng = random.Random(seed)
    for _ in range(count):
        data = mutated(text, rng)
        try:
            one = read_cities(data, "mutant.txt")
        except BadInput as error:
            refused = str(error)
        else:
            refused = ""
        if refused:
            assert "\n" not in refused
            assert refused.startswith("file: ")
            continue
        if one.kind == "pairing":
            assert len(one.costs) == len(one.starts) - 1
            assert one.starts[-1] == len(one.entries)
            assert set(one.entries.tolist()) == set(range(one.rows))
        if one.kind == "landing":
            assert (one.earliest <= one.target).all()
            assert (one.target <= one.latest).all()
            assert (one.separation >= 0).all()


def test_ten_thousand_mutants_of_a_set_partitioning_problem() -> None:
    quick(SPP, 10_000, 0)


LANDING = "2 10\n0 5 9 20 1.50 2\n99999 3\n0 6 8 30 1 1\n4 99999\n"
FIRST = "2 10\n0 5 9 20 1.50 2\n0 6 8 30 1 1\n\n99999 3\n4 99999\n"


@pytest.mark.parametrize(
    "text",
    [
        LANDING,
        FIRST,
        LANDING.replace("\n", " \n "),
        FIRST.rstrip(),
        LANDING.replace("2 10", "2 10.5"),
        FIRST.replace("2 10", "2 10."),
    ],
)
def test_planes_are_read_in_both_layouts(text: str, tmp_path: Path) -> None:
    one = read_cities(text.encode(), "planes.txt")
    assert isinstance(one, LandingInstance)
    assert (one.size, one.runways, one.scale, one.time_scale) == (2, 1, 0.1, 1.0)
    assert [one.earliest.tolist(), one.target.tolist(), one.latest.tolist()] == [
        [5, 6],
        [9, 8],
        [20, 30],
    ]
    assert [one.before.tolist(), one.after.tolist()] == [[15, 10], [20, 10]]
    assert one.separation.tolist() == [[0, 3], [4, 0]]
    keep(one, tmp_path)
    again = kept(tmp_path)
    assert isinstance(again, LandingInstance)
    assert np.array_equal(again.separation, one.separation)
    assert again.on(3).runways == 3


def test_times_with_decimals_are_counted_in_their_smallest_unit() -> None:
    one = read_cities(LANDING.replace("5 9 20", "5 9.25 20").encode(), "planes.txt")
    assert one.target.tolist() == [925, 800]
    assert one.separation.tolist() == [[0, 300], [400, 0]]
    assert (one.time_scale, round(one.scale, 6)) == (0.01, 0.001)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (LANDING.replace("5 9 20", "10 9 20"), "earliest ≤ target ≤ latest (line 2 has 10, 9, 20 for plane 1)"),
        (LANDING.replace("6 8 30", "6 31 30"), "(line 4 has 6, 31, 30 for plane 2)"),
        (LANDING.replace("1.50 2", "1.50 -2"), "penalties of at least 0 (line 2 has -2 for plane 1)"),
        (LANDING.replace("4 99999", "-4 99999"), "separations of at least 0 (line 5 has -4)"),
        (LANDING.replace("4 99999", "4"), "(the file ends before)"),
        (LANDING + "7\n", "no more numbers (1 are left, from line 6 on)"),
        (LANDING.replace("9 20", "nan 20"), "(line 2 has “nan”)"),
        (LANDING.replace("9 20", "1e400 20"), "(line 2 has “1e400”)"),
        (LANDING.replace("1.50", "1.5000001"), "at most 6 decimals"),
        (LANDING.replace("9 20", "900000000 900000001"), "times of at most 100,000,000"),
        (LANDING.replace("2 10", "2 10.5").replace("5 9 20", "10 9 20"), "(line 2 has 10, 9, 20 for plane 1)"),
        (FIRST.replace("6 8 30", "6 8 7"), "earliest ≤ target ≤ latest (line 3 has 6, 8, 7"),
    ],
)  # fmt: skip
def test_broken_files_of_planes_are_refused_in_one_line(text: str, why: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_cities(text.encode(), "planes.txt")
    message = str(caught.value)
    assert message.startswith("file: 'planes.txt' is not allowed; expected ")
    assert why in message
    assert "\n" not in message


def test_ten_thousand_mutants_of_planes() -> None:
    quick(LANDING, 5_000, 1)
    quick(FIRST, 5_000, 2)
