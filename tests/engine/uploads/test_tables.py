"""Tables from strangers: what kind of column is which, what is missing, and what cannot be read."""

from __future__ import annotations

import contextlib
import pickle

import numpy as np
import pytest

from engine.errors import BadInput
from engine.uploads.tables import Sheet, read_table
from tests.engine.support.files import flowers


def read(text: str | bytes) -> Sheet:
    return read_table(text if isinstance(text, bytes) else text.encode(), "table.csv")


def numbered(*columns: list[object], names: str = "a,b", separator: str = ",") -> str:
    return "\n".join(
        [names, *(separator.join(map(str, row)) for row in zip(*columns, strict=True))]
    )


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
    assert sheet.notes == [
        (
            "Missing: length (1), colour (1). A missing number is replaced by the column's mean; "
            "a missing category is left blank."
        )
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_every_usual_separator(separator: str) -> None:
    sheet = read(flowers().replace(",", separator))
    assert [c.type for c in sheet.columns] == ["number", "number", "category", "category", "number"]


def test_a_decimal_comma_is_understood_and_told() -> None:
    sheet = read(
        numbered([f"{i},5" for i in range(30)], ["x", "y", "z"] * 10, names="a;b", separator=";")
    )
    assert sheet.columns[0].type == "number"
    assert sheet.columns[0].values is not None
    assert sheet.columns[0].values[3] == 3.5
    assert "a: read as numbers: “0,5” as 0.5 (a decimal comma)." in sheet.notes


@pytest.mark.parametrize(
    ("data", "note"),
    [
        (b"\xef\xbb\xbf" + flowers().encode(), None),
        (flowers().encode("utf-16"), None),
        (
            flowers().replace("red", "größe").encode("cp1252"),
            (
                "The text is not UTF-8 and was read as Windows text (cp1252). Check that “größe” "
                "is right."
            ),
        ),
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
    sheet = read(
        numbered(
            [i % 3 + 0.5 for i in range(30)],
            list(range(30)),
            [i % 20 for i in range(30)],
            [i % 21 for i in range(30)],
            names="a,b,c,d",
        )
    )
    assert sheet.columns[0].levels == ["0.5", "1.5", "2.5"]
    assert sheet.columns[0].counts == [10, 10, 10]
    assert [len(c.levels) for c in sheet.columns] == [3, 0, 20, 0]


def test_what_tells_nothing_is_left_out_and_told() -> None:
    table = numbered(
        [i * i for i in range(60)],
        [f"text {i}" for i in range(60)],
        [7] * 60,
        [""] * 60,
        ["same"] * 60,
        ["p", "q"] * 30,
        names="a,id,seven,empty,same,b",
    )
    sheet = read(table)
    assert [c.type for c in sheet.columns] == [
        "number",
        "left out",
        "left out",
        "left out",
        "left out",
        "category",
    ]
    assert sheet.notes == [
        "Left out: id (60 different texts, more than 50).", "Left out: seven (the same number in every row, 7).",
        "Left out: empty (it is empty).", "Left out: same (the same in every row, “same”).",
    ]  # fmt: skip


def test_names_are_shown_once_each_and_cannot_be_markup() -> None:
    sheet = read(
        numbered(
            list(range(30)),
            list(range(30)),
            list(range(30)),
            list(range(30)),
            names="a,a,,<b onclick=x>",
        )
    )
    names = [c.name for c in sheet.columns]
    assert len(set(names)) == 4
    assert names[0] == "a"
    assert names[2] == "column 3"
    assert names[3] == "‹b onclick=x›"


def test_a_table_without_names_gets_numbers() -> None:
    sheet = read("\n".join(f"{i},{i * i}" for i in range(25)))
    assert [c.name for c in sheet.columns] == ["column 1", "column 2"]
    assert sheet.rows == 25
    assert (
        "The first line holds numbers, not names, so the columns are numbered and that line "
        "is a row too."
    ) in sheet.notes


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


ROWS = [(i * 1.5, "pq"[i % 2]) for i in range(30)]
BODY = "".join(f"{x},{kind}\n" for x, kind in ROWS)

LAYOUTS: dict[str, tuple[str | bytes, str]] = {
    "plain": ("x,kind\n" + BODY, ""),
    "a separator declared": ("sep=;\nx;kind\n" + BODY.replace(",", ";"), ""),
    "a separator declared in quotation marks": ('"sep=;"\nx;kind\n' + BODY.replace(",", ";"), ""),
    "a comma declared in quotation marks": ('"sep=,"\nx,kind\n' + BODY, ""),
    "a tab declared in quotation marks": ('"sep=\t"\nx\tkind\n' + BODY.replace(",", "\t"), ""),
    "a comment with a percent sign": ("% made by me\nx,kind\n" + BODY, "1 line before the names of the columns: “% made by me”."),
    "a comment with strokes": ("// made by me\n//\nx,kind\n" + BODY, "2 lines before the names of the columns: “// made by me”, “//”."),
    "comments with separators": ("% made in May, of 2020\n// a, b, c\nx,kind\n" + BODY, "2 lines before the names"),
    "a title": ("Sales of 2020\n\nx,kind\n" + BODY, "1 line before the names of the columns: “Sales of 2020”."),
    "a title of a spreadsheet": ("Sales of 2020,\nx,kind\n" + BODY, "“Sales of 2020”"),
    "a title in quotation marks": ('"Sales, 2020\nby me"\nx,kind\n' + BODY, "“Sales, 2020 by me”"),
    "a title and a comment": ("# made by me\nSales\nx,kind\n" + BODY, "Left out: 1 line before the names of the columns: “Sales”. Left out: 1 line that begins with #"),
    "a tab declared": ("sep=\t\nx\tkind\n" + BODY.replace(",", "\t"), ""),
    "old Macintosh lines": (("x,kind\n" + BODY).replace("\n", "\r"), ""),
    "Windows lines": (("x,kind\n" + BODY).replace("\n", "\r\n"), ""),
    "blank lines before and between": ("\n \n\nx,kind\n\n" + BODY.replace("\n", "\n\n"), ""),
    "separators at the end of rows": ("x,kind\n" + BODY.replace("\n", ",\n"), ""),
    "separators at all ends": (("x,kind\n" + BODY).replace("\n", ",,\n"), "2 columns at the end without a name and without entries"),
    "one at the end of the names": ("x,kind,\n" + BODY, "1 column at the end without a name"),
    "names of rows, as R writes": ('"x","kind"\n' + "".join(f'"{i}",{x},"{kind}"\n' for i, (x, kind) in enumerate(ROWS)), "holds names of rows and is left out"),
    "comments": ("# made in May, of 2020\n#\nx,kind\n" + BODY + "# end, of, it\n#\n", "4 lines that begin with #, as comments"),
    "names after a hash": ("#x,kind\n" + BODY, ""),
    "names after a hash and comments": ("# from us\n# x,kind\n" + BODY, "1 line that begins with #"),
    "the names again": ("x,kind\n" + BODY.replace("15.0,", "x, kind\n15.0,") + "x,kind\n", "Left out: 2 rows with the names of the columns again."),
    "UTF-16": (("x,kind\n" + BODY).encode("utf-16"), ""),
    "UTF-16, not marked": (("x,kind\n" + BODY).encode("utf-16-le"), "Read as UTF-16"),
    "UTF-16 of the other kind, not marked": (("x,kind\n" + BODY).encode("utf-16-be"), "Read as UTF-16"),
    "UTF-32": (("x,kind\n" + BODY).encode("utf-32"), ""),
    "UTF-8 with a mark": (b"\xef\xbb\xbf" + ("x,kind\n" + BODY).encode(), ""),
    "a row too short, and one of nothing": ("x,kind\n" + BODY + "Total\n,\n", "1 row (line 32) has fewer entries than the 2 columns"),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_tables_of_many_programs_are_read_as_the_same(name: str) -> None:
    data, told = LAYOUTS[name]
    sheet = read(data)
    assert [(column.name, column.type) for column in sheet.columns] == [
        ("x", "number"),
        ("kind", "category"),
    ]
    assert sheet.rows == 30
    assert sheet.columns[0].values is not None
    assert sheet.columns[0].values.tolist() == [x for x, _ in ROWS]
    assert sheet.columns[1].levels == ["p", "q"]
    assert told in " ".join(sheet.notes)
    assert bool(sheet.notes) == bool(told)


def test_names_may_hold_separators_and_line_ends() -> None:
    sheet = read(
        "Price, EUR;Kind, or not\n" + "".join(f"{i},5;{kind}\n" for i, (_, kind) in enumerate(ROWS))
    )
    assert [column.name for column in sheet.columns] == ["Price, EUR", "Kind, or not"]
    assert sheet.columns[0].values is not None
    assert sheet.columns[0].values[3] == 3.5
    sheet = read('"Price\nin EUR","a ""kind"""\n' + BODY)
    assert [column.name for column in sheet.columns] == ["Price in EUR", 'a "kind"']


@pytest.mark.parametrize(
    "words",
    [
        ("train", "test"),
        ("Training", "validation", "TEST"),
        ("Train Set", "Test Set"),
        ("training_set", "hold-out"),
        ("train", "unseen"),
    ],
)
def test_a_column_that_divides_the_rows_is_left_out_and_told(words: tuple[str, ...]) -> None:
    rows = "".join(f"{x},{words[i % len(words)]},{kind}\n" for i, (x, kind) in enumerate(ROWS))
    sheet = read("x,set,kind\n" + rows)
    assert [column.type for column in sheet.columns] == ["number", "left out", "category"]
    assert sheet.notes == [
        "Left out: set (it divides the rows into training and testing; the test rows are drawn "
        "from the seed instead)."
    ]
    other = read("x,set,kind\n" + rows.replace(words[0], "bus"))
    assert other.columns[1].type == "category", "without rows for training it is a column like any"


@pytest.mark.parametrize(
    ("name", "levels"),
    [("is_train", "10"), ("train", "TF"), ("in_test", "10"), ("isTrain", "yn"), ("fold", "12345")],
)
def test_a_column_that_may_divide_the_rows_by_its_name_is_told(name: str, levels: str) -> None:
    rows = "".join(
        f"{x},{levels[i % 7 % len(levels)]},{kind}\n" for i, (x, kind) in enumerate(ROWS)
    )
    sheet = read(f"x,{name},kind\n" + rows)
    assert [column.type for column in sheet.columns][::2] == ["number", "category"]
    assert sheet.notes == [
        f"{name}: by its name it may divide the rows into training and testing. If so, remove it "
        "from the file: the network is shown it, and the test rows are drawn from the seed."
    ]
    for other in ("test", "valid", "train_station", "kind of test"):
        assert read(f"x,{other},kind\n" + rows).notes == []


def test_columns_that_number_or_name_the_rows_are_left_out_and_told() -> None:
    for name in ("", "Unnamed: 0", "id", "Index", "row_id", "customer_id", "sampleID"):
        sheet = read(
            f"{name},x,kind\n" + "".join(f"{i},{x},{kind}\n" for i, (x, kind) in enumerate(ROWS))
        )
        assert [column.type for column in sheet.columns] == ["left out", "number", "category"], name
        assert sheet.notes == [f"Left out: {sheet.columns[0].name} (it numbers the rows)."]
    sheet = read(
        "user_id,x,kind\n"
        + "".join(f"{i * i + 17},{x},{kind}\n" for i, (x, kind) in enumerate(ROWS))
    )
    assert sheet.notes == [
        "Left out: user_id (a different whole number in every row, which names the row)."
    ]
    for name in ("", "Unnamed: 0"):
        sheet = read(
            f"{name},x,kind\n"
            + "".join(f"{i * 7 % 31},{x},{kind}\n" for i, (x, kind) in enumerate(ROWS))
        )
        assert sheet.notes == [
            "Left out: column 1 (a different whole number in every row, which names the row)."
        ]
    sheet = read("t,x,kind\n" + "".join(f"{i},{x},{kind}\n" for i, (x, kind) in enumerate(ROWS)))
    assert sheet.columns[0].type == "number"
    assert sheet.notes == [
        (
            "t: it counts the rows. If it means nothing else, remove it from the file: the "
            "network is shown it."
        )
    ]
    sheet = read(
        "code,x,kind\n" + "".join(f"A{i},{x},{kind}\n" for i, (x, kind) in enumerate(ROWS))
    )
    assert sheet.notes == ["Left out: code (a different text in every row, such as “A0”)."]


def test_whole_numbers_that_float64_would_merge_stay_apart() -> None:
    sheet = read(
        "key,x,kind\n"
        + "".join(f"{2**53 + i % 15},{x},{kind}\n" for i, (x, kind) in enumerate(ROWS))
    )
    assert (sheet.columns[0].type, sheet.columns[0].distinct) == ("category", 15)
    assert len(set(sheet.columns[0].levels)) == 15


@pytest.mark.parametrize(
    "first",
    ["", "rose,4.5\n", "lily,.25\n"],
)
def test_a_first_line_of_data_is_a_row(first: str) -> None:
    sheet = read(
        first + "".join(f"{['rose', 'lily', 'iris'][i % 3]},{i * 0.75}\n" for i in range(30))
    )
    assert [column.name for column in sheet.columns] == ["column 1", "column 2"]
    assert sheet.rows == 30 + bool(first)
    assert "that line is a row too" in sheet.notes[0]
    texts = "".join(f"{'ab'[i % 2]},{'cd'[i % 3 % 2]}\n" for i in range(30))
    assert read(texts).rows == 30
    years = read(
        "country,1990,1991\n" + "".join(f"{'ab'[i % 2]},{i * 0.75},{i % 7}\n" for i in range(30))
    )
    assert [column.name for column in years.columns] == ["country", "1990", "1991"]


@pytest.mark.parametrize(
    ("first", "row"),
    [
        ("Alice,34,5", True),  # whole numbers in no order
        ("Alice,34.5,5", True),
        ("Alice,2019,2020", False),  # years
        (",0,1", False),  # as pandas writes them
    ],
)
def test_names_that_are_numbers_are_told_from_data(first: str, row: bool) -> None:
    sheet = read(first + "\n" + "".join(f"{'ab'[i % 2]},{i * 7 % 40},{i % 9}\n" for i in range(30)))
    assert sheet.rows == 30 + row
    assert (
        "that line is a row too" if row else "If the first line is data, add a line of names"
    ) in sheet.notes[0]
    one = read("name,7\n" + "".join(f"{'ab'[i % 2]},{i % 9}\n" for i in range(30)))
    assert one.rows == 31
    other = read("name,2020\n" + "".join(f"{'ab'[i % 2]},{i % 9}\n" for i in range(30)))
    assert [column.name for column in other.columns] == ["name", "2020"]


def test_categories_that_differ_in_capitals_are_told() -> None:
    sheet = read(
        "x,kind\n"
        + "".join(f"{x},{['yes', 'Yes', 'no'][i % 3]}\n" for i, (x, _) in enumerate(ROWS))
    )
    assert sheet.columns[1].levels == ["Yes", "no", "yes"]
    assert sheet.notes == [
        "kind: “Yes” and “yes” are 2 categories, which differ only in capital letters."
    ]


def test_long_names_and_categories_stay_apart() -> None:
    long = "y" * 70
    sheet = read(
        f"x,{long}1,{long}2,{long}1\n"
        + "".join(f"{x},{i % 3},{long}{kind},{i % 4}\n" for i, (x, kind) in enumerate(ROWS))
    )
    assert len({column.name for column in sheet.columns}) == 4
    assert len(set(sheet.columns[2].levels)) == 2
    assert any("numbered" in note for note in sheet.notes)
    kinds = ["Käse", "Ka\u0308se", "Brot"]
    accents = read("x,kind\n" + "".join(f"{x},{kinds[i % 3]}\n" for i, (x, _) in enumerate(ROWS)))
    assert accents.columns[1].levels == ["Brot", "Käse"]


def test_none_may_be_a_category() -> None:
    sheet = read(
        "x,pain\n"
        + "".join(f"{x},{['none', 'mild', 'NA'][i % 3]}\n" for i, (x, _) in enumerate(ROWS))
    )
    assert sheet.columns[1].levels == ["mild", "none"]
    assert "Read as missing: “NA” (10)." in sheet.notes[-1]


def test_long_numbers_are_not_called_the_same_in_every_row() -> None:
    sheet = read(
        numbered(
            [f"1000000000000000.{i:04}" for i in range(40)],
            list(range(5, 45)),
            ["p", "q"] * 20,
            names="a,b,c",
        )
    )
    assert sheet.columns[0].why.startswith("a different text in every row")
    assert sheet.columns[0].why.endswith("“1000000000000000.0000” and “1000000000000000.0001”")
    assert "too long to stay different as numbers" in sheet.columns[0].why


def test_line_breaks_and_control_characters_become_blanks_and_it_is_told() -> None:
    kinds = ["a b", '"a\nb"', "a\tb", "c"]
    rows = "".join(f"{x},{kinds[i % 4]}\n" for i, (x, _) in enumerate(ROWS))
    sheet = read(f'x\x07y,"kind\nof"\n{rows}')
    assert [column.name for column in sheet.columns] == ["x y", "kind of"]
    assert len(set(sheet.columns[1].levels)) == 4
    assert (
        "Names with line breaks or control characters, which became blanks: x y, kind of."
        in sheet.notes
    )
    assert any(
        "line breaks or control characters in categories became blanks: “a b" in note
        for note in sheet.notes
    )
    assert not any("blanks" in note for note in read(f"x,kind\u00a0of\n{BODY}").notes)


MARKS: dict[str, tuple[list[str], list[str], str]] = {
    "plus and minus": (["+", "-"], ["+", "-"], "kind: read as a category, not as missing: “-” (20)."),
    "a frequent stroke": (["a", "b", "-"], ["-", "a", "b"], "not as missing: “-” (13)."),
    "signs": (["?", "!"], ["!", "?"], "not as missing: “?” (20)."),
    "a dash": (["+", "–", "±"], ["+", "±", "–"], "not as missing: “–” (13)."),
    "countries": (["NA", "DE", "FR"], ["DE", "FR", "NA"], "not as missing: “NA” (14)."),
    "a rare stroke": ([*["a", "b"] * 9, "c", "-"], ["a", "b", "c"], "Read as missing: “-” (2)."),
    "a question": (["a", "b", "?"], ["a", "b"], "Read as missing: “?” (13)."),
    "null": (["null", "a", "nan", "b"], ["a", "b"], "Read as missing: “null” (10), “nan” (10)."),
    "one and NA": (["yes", "NA"], [], "Left out: kind (the same in every row, “yes”; “NA” (20) read as missing)."),
    "a number and none": (["7", "none"], [], "(the same number in every row, 7; “none” (20) read as missing)."),
    "nothing": (["?", "-"], [], "Left out: kind (it is empty; “?” (20), “-” (20) read as missing)."),
}  # fmt: skip


@pytest.mark.parametrize("name", MARKS)
def test_marks_of_missing_entries_are_categories_or_told(name: str) -> None:
    entries, levels, told = MARKS[name]
    sheet = read(
        numbered(
            list(range(5, 45)),
            [entries[i % len(entries)] for i in range(40)],
            ["p", "q"] * 20,
            names="x,kind,y",
        )
    )
    column = sheet.columns[1]
    assert column.levels == levels
    assert column.type == ("category" if levels else "left out")
    assert told in " ".join(sheet.notes)
    if levels:
        assert column.values is not None
        assert column.missing == int((column.values == -1).sum()) == 40 - sum(column.counts)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'[{"a": 1}]', "not JSON: save the table as CSV"),
        (b'{"a": [1, 2]}', "not JSON: save the table as CSV"),
        (b"<!DOCTYPE html><table>", "not a web page or XML"),
        (b"@RELATION iris\n", "not ARFF"),
        (b"ARROW1" + bytes(50), "an Arrow or Feather file: save the table as CSV"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "not one PNG picture"),
        ("a b\n" + "1 2\n" * 30, "seems to be separated by blanks"),
        ("a,b,c\n" + "1,2\n" * 30, r"30 rows \(lines 2, 3, 4 …\) have fewer than 3"),
        (
            "a,b\n" + "1,2\n" * 25 + "1,2,3\n1,2,3,4\n",
            "line 27 has 3, line 28 has 4 where there are 2;",
        ),
        (
            "a,b\n" + "1,2\n" * 25 + "1\n" + "1,2,3\n" * 7,
            r"line 32 has 3 where there are 2, and 2 more have too many; 1 row \(line 27\) has "
            r"too few",
        ),
        (
            "a,b\n" + "".join(f"{i},000,{i}\n" for i in range(1, 30)),
            "needs quotation marks around it",
        ),
        (
            "a,b\n" + "".join(f"{i},5,rose\n" for i in range(1, 30)),
            "needs quotation marks around it",
        ),
        (
            "a,b\n" + "".join(f"rose{i},{i},25\n" for i in range(1, 30)),
            "needs quotation marks around it",
        ),
        ('a,b\n1,"x"y"\n' + "1,2\n" * 30, "in line 2 a quotation mark is in the middle"),
        ('a,b\n1,"x\n' + "1,2\n" * 30, "a quotation mark is opened and never closed"),
        ("a,b\n" + '1,"' + "x" * 200_000 + '"\n', "longer than 131,072 characters"),
        (b"a,b\n" + b"\x81\x8d,2\n" * 30, "neither UTF-8 nor Windows text"),
        (b"\xff\xfea,b\n1", "begins as UTF-16"),
    ],
)
def test_what_cannot_be_read_is_named_in_one_line(data: str | bytes, why: str) -> None:
    with pytest.raises(BadInput, match=why) as caught:
        read(data)
    assert "\n" not in str(caught.value)


HEAVY: dict[str, str] = {
    "names that end in a number": f"{'x' * 50} (3),{'x' * 50} (3),{'x' * 50}  (3)\n"
    + "1,2,3\n" * 30,
    "a thousand equal names": ",".join(["x" * 70] * 1000)
    + "\n"
    + (",".join(["1"] * 1000) + "\n") * 20,
    "blank lines": "\n" * 1_000_000 + "a;b\n" + "1;2\n3;4\n" * 15,
    "lines of blanks": "  \t \n" * 800_000 + "a;b\n" + "1;2\n3;4\n" * 15,
    "a title of many lines": '"' + "x\n" * 130_000 + '"\n' + "a;b\n" + "1;2\n3;4\n" * 3_000_000,
    "comments": "#\n" * 500_000 + "a;b\n" + "1;2\n3;4\n" * 15,
    "a long first line": "a" * 5_000_000 + "\n1",
    "blanks in an entry": "a;b\n" + "1;2\n3;4\n" * 15 + "1;" + " " * 130_000 + "x\n",
    "digits in an entry": "a;b\n" + "1;2\n3;4\n" * 15 + f"1;{'1' * 130_000}x\n",
    "groups in an entry": "a;b\n" + "1;2\n3;4\n" * 15 + f"1;{'1,000' * 26_000}\n",
    "quotation marks": '"' * 4_000_000,
    "brackets": "[" * 4_000_000,
    "blanks before brackets": " " * 4_000_000 + "[",
    "accents out of order": "a,b\n" + "e" + "\u0301" * 1_000_000 + "\u0316" * 1_000_000,
    "accents in a name": "a" + "\u0301" * 60_000 + "\u0316" * 60_000 + ",b\n" + "1,2\n3,4\n" * 15,
    "accents in entries": "a,b\n" + ("e" + "\u0301" * 50_000 + "\u0316" * 50_000 + ",1\n") * 40,
}


@pytest.mark.timeout(100)
@pytest.mark.parametrize("name", HEAVY)
def test_no_text_takes_more_steps_than_in_proportion_to_its_size(name: str) -> None:
    """A loop or a pattern that is quadratic would run for hours."""
    with contextlib.suppress(BadInput):
        read(HEAVY[name])


def test_the_example_of_a_text_among_numbers_is_no_number() -> None:
    entries = ["~3", "~4", "5"]
    rows = "".join(f"{x},{entries[i % 3]},{kind}\n" for i, (x, kind) in enumerate(ROWS))
    assert read("x,y,kind\n" + rows).notes == [
        "y: read as 3 categories, not as numbers, such as “~3”."
    ]
    rows = "".join(f"{x},{'~' * (i % 3)}{i + 9},{kind}\n" for i, (x, kind) in enumerate(ROWS))
    assert read("x,y,kind\n" + rows).notes == [
        "Left out: y (a different text in every row, such as “~10”)."
    ]


def test_a_title_with_the_separator_in_it_is_no_row_of_names() -> None:
    sheet = read("Sales, 2020\nx,kind,y\n" + BODY.replace("\n", ",1.5\n").replace("9", "8"))
    assert [column.name for column in sheet.columns] == ["x", "kind", "y"]
    assert sheet.notes[0] == ("Left out: 1 line before the names of the columns: “Sales, 2020”.")


def test_names_may_begin_like_a_comment() -> None:
    sheet = read("% fat,kind\n" + BODY)
    assert [column.name for column in sheet.columns] == ["% fat", "kind"]
    assert sheet.notes == []


@pytest.mark.parametrize("first", ["x,,", "x, ,"])
def test_a_line_that_names_one_column_is_named(first: str) -> None:
    with pytest.raises(BadInput, match="line 1 names one, “x”"):
        read(f"{first}\n" + "p,q,\n" * 30)


@pytest.mark.parametrize("first", ["", "# from us, in 2020\n"])
def test_names_after_a_hash_are_names_where_all_entries_are_texts(first: str) -> None:
    rows = "".join(f"n{i},{'cde'[i % 3]},{'cd'[i % 2]}\n" for i in range(30))
    sheet = read(f"{first}#name,kind,z\n" + rows)
    assert [column.name for column in sheet.columns] == ["name", "kind", "z"]
    assert sheet.rows == 30
    rows = "".join(f"#{'ab'[i % 2]},{'cde'[i % 3]}\n" for i in range(30))
    sheet = read("#colour,kind\n" + rows)
    assert [column.name for column in sheet.columns] == ["#colour", "kind"]
    assert (sheet.rows, sheet.columns[0].levels) == (30, ["#a", "#b"])


def test_a_first_line_with_marks_of_missing_entries_is_told() -> None:
    sheet = read("Alice,NA\n" + "".join(f"{'ab'[i % 2]},{i * 7 % 40}\n" for i in range(30)))
    assert sheet.notes == [
        "Some columns are named by marks of missing entries: NA. If the first line is data, add "
        "a line of names before it."
    ]


def test_entries_in_notes_are_on_one_line() -> None:
    entries = ['"a\nb"', "1", "2", "3"]
    rows = "".join(f"{x},{entries[i % 4]},{kind}\n" for i, (x, kind) in enumerate(ROWS))
    sheet = read("x,y,kind\n" + rows)
    assert "8 of 30 entries are not numbers, such as “a b”" in sheet.notes[0]
    assert all(note.isprintable() for note in sheet.notes)


def test_a_row_of_the_numbers_that_are_names_stays_a_row() -> None:
    sheet = read("0,1\n" + "".join(f"{i % 3 / 2},{i % 4}\n" for i in range(30)) + "0,1\n")
    assert sheet.rows == 32
    sheet = read("name,0,1\n" + "".join(f"{'ab'[i % 2]},{i % 3},{i % 4}\n" for i in range(30)))
    assert (sheet.rows, sheet.columns[0].levels) == (30, ["a", "b"])


def test_columns_without_a_name_at_the_end_are_told() -> None:
    sheet = read("price,kind,\n" + "".join(f"{i},5,{kind},\n" for i, (_, kind) in enumerate(ROWS)))
    assert (
        "1 column at the end has no name and entries: check that no entry holds a separator, such "
        "as a decimal comma."
    ) in sheet.notes
