"""Tables from strangers: what kind of column is which, what is missing, and what cannot be read."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from engine.decoding.tables import Sheet, read_table
from engine.errors import BadInput
from tests.engine.files import flowers


def read(text: str | bytes) -> Sheet:
    return read_table(text if isinstance(text, bytes) else text.encode(), "table.csv")


def numbered(*columns: list[object], names: str = "a,b", separator: str = ",") -> str:
    return "\n".join([names, *(separator.join(map(str, row)) for row in zip(*columns, strict=True))])


def test_columns_are_told_apart() -> None:
    sheet = read(flowers())
    assert sheet.rows == 60
    assert [(c.name, c.type, c.missing) for c in sheet.columns] == [
        ("length", "number", 1), ("width", "number", 0), ("colour", "category", 1), ("kind", "category", 0), ("price", "number", 0),
    ]  # fmt: skip
    assert sheet.columns[3].levels == ["iris", "lily", "rose"]
    assert sheet.columns[3].counts == [20, 20, 20]
    assert sheet.columns[3].values is not None
    assert sheet.columns[3].values[:4].tolist() == [2, 1, 0, 2]
    assert sheet.columns[2].values is not None
    assert sheet.columns[2].values[9] == -1
    assert sheet.columns[0].values is not None
    assert np.isnan(sheet.columns[0].values[7])
    assert sheet.notes == ["Missing: length (1), colour (1). A missing number is taken for the column's mean, a missing category for none of them."]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_every_usual_separator(separator: str) -> None:
    sheet = read(flowers().replace(",", separator))
    assert [c.type for c in sheet.columns] == ["number", "number", "category", "category", "number"]


def test_a_decimal_comma_is_understood_and_told() -> None:
    sheet = read(numbered([f"{i},5" for i in range(30)], ["x", "y", "z"] * 10, names="a;b", separator=";"))
    assert sheet.columns[0].type == "number"
    assert sheet.columns[0].values is not None
    assert sheet.columns[0].values[3] == 3.5
    assert "Numbers are written with a decimal comma." in sheet.notes


@pytest.mark.parametrize(
    ("data", "note"),
    [
        (b"\xef\xbb\xbf" + flowers().encode(), None),
        (flowers().encode("utf-16"), None),
        (flowers().replace("red", "größe").encode("cp1252"), "It is not written in UTF-8; read as Windows text."),
    ],
)
def test_every_usual_encoding(data: bytes, note: str | None) -> None:
    sheet = read(data)
    assert sheet.columns[0].name == "length"
    assert len(sheet.columns) == 5
    assert note is None or note in sheet.notes


def test_missing_is_written_in_many_ways_and_a_few_strays_are_missing_too() -> None:
    values: list[object] = ["?", "NA", "", "n/a", "null", *range(50), "oops"]
    column = read(numbered(values, ["p", "q"] * 28)).columns[0]
    assert (column.type, column.missing, column.distinct) == ("number", 6, 50)
    infinite = read(numbered([*range(29), "inf"], ["p", "q"] * 15)).columns[0]
    assert infinite.missing == 1


def test_few_different_numbers_may_be_classes_and_many_may_not() -> None:
    sheet = read(numbered([i % 3 + 0.5 for i in range(30)], list(range(30)), [i % 20 for i in range(30)], [i % 21 for i in range(30)], names="a,b,c,d"))
    assert sheet.columns[0].levels == ["0.5", "1.5", "2.5"]
    assert sheet.columns[0].counts == [10, 10, 10]
    assert [len(c.levels) for c in sheet.columns] == [3, 0, 20, 0]


def test_what_tells_nothing_is_left_out_and_told() -> None:
    table = numbered(list(range(60)), [f"text {i}" for i in range(60)], [7] * 60, [""] * 60, ["same"] * 60, ["p", "q"] * 30, names="a,id,seven,empty,same,b")
    sheet = read(table)
    assert [c.type for c in sheet.columns] == ["number", "left out", "left out", "left out", "left out", "category"]
    assert sheet.notes == [
        "Left out: id (60 different texts, more than 50).", "Left out: seven (the same number in every row).",
        "Left out: empty (it is empty).", "Left out: same (the same in every row).",
    ]  # fmt: skip


def test_names_are_shown_once_each_and_cannot_be_markup() -> None:
    sheet = read(numbered(list(range(30)), list(range(30)), list(range(30)), list(range(30)), names="a,a,,<b onclick=x>"))
    names = [c.name for c in sheet.columns]
    assert len(set(names)) == 4
    assert names[0] == "a"
    assert names[2] == "column 3"
    assert names[3] == "‹b onclick=x›"


def test_a_table_without_names_gets_numbers() -> None:
    sheet = read("\n".join(f"{i},{i * i}" for i in range(25)))
    assert [c.name for c in sheet.columns] == ["column 1", "column 2"]
    assert sheet.rows == 25
    assert "The first line holds numbers, not names, so the columns are numbered." in sheet.notes


def test_quoted_entries_may_hold_separators_and_line_ends() -> None:
    rows = "\n".join(f'{i},"x, y {i % 3}\nz"' for i in range(30))
    sheet = read(f"a,b\n{rows}\n")
    assert sheet.rows == 30
    assert sheet.columns[1].levels == ["x, y 0 z", "x, y 1 z", "x, y 2 z"]


class Wicked:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('it was unpickled')",)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("a\n1\n2\n", "at least two columns"),
        ("a,b\n" + "1,2\n" * 19, "at least 20 rows \\(it has 19\\)"),
        ("a,b\n" + "1,2\n" * 25 + "1,2,3\n", "line 27 has 3 where there are 2"),
        ("a,b\n" + "1,2,3\n" * 25, "as many entries in every row as there are names"),
        ("a,b\n" + "same,1\n" * 25, "at least two columns that tell rows apart"),
        (",".join(f"c{i}" for i in range(1001)) + "\n", "at most 1,000 columns"),
        (b"\0\1\2" * 100, "which is a text"),
        (pickle.dumps([Wicked()] * 30), "table.csv"),
        (b"PAR1" + bytes(50), "a Parquet file: save the table as CSV"),
        (b"SQLite format 3\0", "a database"),
        (b"%PDF-1.7", "a PDF"),
        ('a,b\n1,"' + "x\n" * 30, "table.csv"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(data: str | bytes, why: str) -> None:
    with pytest.raises(BadInput, match=why) as caught:
        read(data)
    assert "\n" not in str(caught.value)
