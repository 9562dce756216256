"""Numbers written in the ways of many countries and programs: read as what they are, or not as
numbers, and never as others.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.uploads.numerals import Reading, read_numbers, written
from engine.uploads.signs import full_width, in_ascii
from engine.uploads.tables import Column, Sheet, read_table

ASSUMED = "If the points stand between thousands"


def read(columns: dict[str, list[str]], separator: str = "\t") -> Sheet:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=separator, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return read_table(buffer.getvalue().encode(), "t.csv")


def column(entries: list[str], rows: int = 30) -> tuple[Column, str]:
    """The column with these entries again and again, and the notes that begin with its name."""
    sheet = read(
        {
            "x": [entries[i % len(entries)] for i in range(rows)],
            "kind": [["p", "q"][i % 2] for i in range(rows)],
        }
    )
    notes = [note for note in sheet.notes if note.startswith(("x: ", "Left out: x", "Missing: x"))]
    return sheet.columns[0], " ".join(notes)


READ: dict[str, tuple[list[str], list[float], str]] = {
    "commas between thousands": (
        ["960", "1,000", "1,040"],
        [960, 1000, 1040],
        "commas between thousands",
    ),
    "points between thousands": (
        ["960", "1.000", "1.040"],
        [960, 1000, 1040],
        "points between thousands",
    ),
    "both marks": (["1.417,44", "960"], [1417.44, 960], "a decimal comma"),
    "both marks, English": (["1,417.44", "960"], [1417.44, 960], "commas between thousands"),
    "millions": (["1,234,567", "2,000"], [1234567, 2000], "commas between thousands"),
    "lakhs": (["12,34,567", "2,000"], [1234567, 2000], "commas between thousands"),
    "decimal commas": (["1,5", "1,000"], [1.5, 1], "a decimal comma"),
    "nought before the comma": (["0,123", "1,234"], [0.123, 1.234], "a decimal comma"),
    "percent": (["14.2%", "3 %"], [14.2, 3], "% removed"),
    "dollars": (["$12.50", "-$3"], [12.5, -3], "$ removed"),
    "euros behind": (["12,50 €", "3 €"], [12.5, 3], "€ removed"),
    "a code": (["EUR 3.5", "EUR 4"], [3.5, 4], "EUR removed"),
    "pounds and none": (["£3.25", "4"], [3.25, 4], "£ removed"),
    "thin blanks": (["1\u2009000", "2\u202f500,5"], [1000, 2500.5], "blanks between thousands"),
    "hard blanks": (["1\u00a0000", "20"], [1000, 20], "blanks between thousands"),
    "apostrophes": (["1'000", "1’500.5"], [1000, 1500.5], "apostrophes between thousands"),
    "a real minus": (["−3.5", "\u20133", "4"], [-3.5, -3, 4], "minus sign"),
    "a minus behind": (["12.5-", "3"], [-12.5, 3], "the minus sign behind"),
    "brackets": (["(12.5)", "$(3)", "4"], [-12.5, -3, 4], "brackets mean minus"),
    "powers of ten": (["1,5e3", "2"], [1500, 2], "a decimal comma"),
    "a leading nought among many": (
        [*map(str, range(10, 130)), "007"],
        [float(i) for i in range(10, 130)],
        "leading zeros dropped",
    ),
    "an E alone": (
        ["2E2", "1E1", "3e1"],
        [200, 10, 30],
        "x: read as numbers: “2E2” as 200 (E means a power of ten; if these are codes",
    ),
    "a few of too many digits": (
        ["0.1", "0.10000000000000001", *map(str, range(20))],
        [0.1, 0.1],
        "too many digits: “0.1” and “0.10000000000000001” become equal",
    ),
    "Arabic": (["١٬٢٣٤٫٥", "٣"], [1234.5, 3], "digits of another script"),
    "full width": (["１，２３４．５", "３"], [1234.5, 3], "digits of another script"),
    "full-width commas between thousands": (
        ["1，000", "960", "2，040"],
        [1000, 960, 2040],
        "commas between thousands)",
    ),
    "all of full width": (
        ["９６０", "１，０００", "１，０４０"],
        [960, 1000, 1040],
        "commas between thousands)",
    ),
    "full-width decimal commas": (["0，123", "1，234"], [0.123, 1.234], "(a decimal comma)"),
    "a full-width comma, one digit": (["1，5", "2，5"], [1.5, 2.5], "(a decimal comma)"),
    "both marks of full width": (
        ["1，234．5", "960"],
        [1234.5, 960],
        "(commas between thousands)",
    ),
    "full-width points between thousands": (
        ["960", "1．000"],
        [960, 1000],
        "(points between thousands)",
    ),
    "full-width missing": (["1", "2", "－", "Ｎ／Ａ"], [1, 2], "Read as missing: “－” (7)"),
    "a point in a unit": (["kr. 960", "kr. 1,000"], [960, 1000], "(kr. removed, commas between"),
    "a point in a unit alone": (
        ["kr. 1,5", "kr. 2,5"],
        [1.5, 2.5],
        "(kr. removed, a decimal comma)",
    ),
    "scientific": (["1.234e+05", "2.345E-1"], [123400, 0.2345], ""),
    "blanks around": ([" 3.5", "4 ", "\u00a05"], [3.5, 4, 5], ""),
    "points only": (["1.234", "2.345"], [1.234, 2.345], ASSUMED),
}


@pytest.mark.parametrize("name", READ)
def test_numbers_are_read_as_what_they_are_and_it_is_told(name: str) -> None:
    entries, values, told = READ[name]
    found, notes = column(entries, max(30, len(entries)))
    assert found.type == "number"
    assert found.values is not None
    assert found.values[: len(values)].tolist() == values
    assert not np.isnan(found.values[: len(values)]).any()
    assert told in notes
    assert (ASSUMED in notes) == (told == ASSUMED)


KEPT: dict[str, tuple[list[str], str]] = {
    "may be either": (["1,000", "2,500"], "“1,000” may be 1000 or 1"),
    "may be either, of full width": (["1，000", "2，500"], "“1，000” may be 1000 or 1"),
    "dates of full width": (["２０２４－０１－３１", "２０２４－０２－０１"], "dates or times"),
    "no nought at the end": (["960", "1,234", "1,041"], "may be"),
    "two conventions": (["1.417,44", "1,417.44"], "points and commas are used in two ways"),
    "two currencies": (["$12.50", "€3"], "numbers in different units"),
    "percent and none": (["14.2%", "0.142"], "some with % and some without"),
    "hexadecimal": (["0x10", "0x1f"], "not as numbers, such as “0x10”"),
    "units": (["12 kg", "3 kg"], "such as “12 kg”"),
    "dates": (["2024-01-31", "2024-02-01"], "dates or times"),
    "German dates": (["31.01.2024", "01.02.2024"], "dates or times"),
    "times": (["12:30", "13:45"], "dates or times"),
    "many strays": (["1", "2", "3", "x"], "are not numbers, such as “x”"),
    "too large": (["1e200", "2e200"], "too large or too small"),
    "too small": (["1e-200", "2e-200"], "too large or too small"),
    "too many digits": ([str(2**60 + i) for i in range(15)], "too long to stay different"),
    "too many digits and a point": (
        [f"{2**60 + i}.0" for i in range(15)],
        "too long to stay different",
    ),
    "too many digits behind the point": (
        [f"1000000000000000.{i:04}" for i in range(40)],
        "too long to stay different",
    ),
    "the same with a comma": (
        [f"1.000.000.000.000.000,{i:04}" for i in range(15)],
        "too long to stay different",
    ),
    "a small one of too many digits": (
        [f"0.12345678901234567{i}" for i in range(10, 25)],
        "too long to stay different",
    ),
    "codes with an E": (["2E2", "1E1", *["3E3"] * 20, "1A1"], "codes such as “2E2” and “1A1”"),
    "codes": (["1A1", "2E2", "3B1"], "not as numbers"),
    "telephones": (
        ["0301234", "0405678"],
        "leading zeros, as in codes and dates, such as “0301234”",
    ),
    "one code in ten": ([*map(str, range(11, 20)), "007"], "such as “007”"),
    "days and months": (["05.03", "17.11"], "such as “05.03”"),
    "padded and grouped": (["00,5", "12,5"], "such as “00,5”"),
    "versions": (["1.0.0", "1.2.0"], "version numbers, such as “1.0.0”"),
    "versions or dates": (["1.1.1", "1.2.3"], "dates or version numbers"),
    "short dates": (["31.01.24", "01.02.24"], "dates or times"),
    "superscripts": (["5²", "6²"], "such as “5²”"),
    "addresses": (["192.168.1.20", "10.0.0.1"], "such as “10.0.0.1”"),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_is_no_number_or_may_be_two_stays_a_text_and_it_is_told(name: str) -> None:
    entries, told = KEPT[name]
    found, notes = column(entries, max(30, 2 * len(entries)))
    assert found.type == "category"
    assert len(found.levels) == len(set(entries))
    assert told in notes


def test_what_is_not_finite_or_a_stray_is_missing_and_told() -> None:
    found, notes = column(["inf", *map(str, range(14))])
    assert (found.type, found.missing) == ("number", 2)
    assert "2 entries that are not a number (“inf”) count as missing" in notes
    found, notes = column(["NaN", "NA", "-", "?", "1", "2"])
    assert (found.type, found.missing) == ("number", 20)
    assert all(f"“{mark}” (5)" in notes for mark in ("NaN", "NA", "-", "?"))


def test_points_are_not_taken_for_decimal_ones_where_other_columns_write_commas() -> None:
    rows = range(30)
    columns = {
        "x": [f"{i % 9 + 1}.234" for i in rows],
        "y": [f"{i},5" for i in rows],
        "z": ["p", "q"] * 15,
    }
    sheet = read(columns)
    assert [one.type for one in sheet.columns] == ["category", "number", "category"]
    assert any(note.startswith("x: read as 9 categories") for note in sheet.notes)
    del columns["y"]
    assert read(columns, ";").columns[0].type == "category"
    assert read(columns, ",").columns[0].type == "number"


def test_more_than_float64_can_hold_is_no_number() -> None:
    for entry in ("1e400", "-1e400", "1e-400", "1" * 65, "1e99999"):
        assert written(entry) is None
    assert written("0e-400") is not None


def test_classes_of_numbers_have_all_their_digits() -> None:
    found, _ = column(["1000001", "1000002", "0.1234567891"])
    assert found.levels == ["0.1234567891", "1000001", "1000002"]


# ---- every convention, mixed ----


def grouped(digits: str, mark: str) -> str:
    return f"{int(digits):,}".replace(",", mark)


def style(
    decimal: str, group: str, before: str = "", after: str = "", minus: str = "-"
) -> Callable[[float, int], str]:
    def write(value: float, digits: int) -> str:
        whole, _, fraction = f"{abs(value):.{digits}f}".partition(".")
        text = (
            before
            + (grouped(whole, group) if group else whole)
            + (decimal + fraction if fraction else "")
            + after
        )
        negative = value < 0 and round(value, digits) != 0
        return text if not negative else f"({text})" if minus == "(" else minus + text

    return write


STYLES = {
    "plain": style(".", ""),
    "comma": style(",", ""),
    "English": style(".", ","),
    "German": style(",", "."),
    "Swiss": style(".", "'"),
    "French": style(",", "\u202f"),
    "Swedish": style(",", "\u00a0", after=" kr", minus="−"),
    "dollars": style(".", ",", before="$"),
    "accounts": style(".", ",", minus="("),
    "euros": style(",", ".", after=" €"),
    "percent": style(".", "", after="%"),
    "percent, comma": style(",", "", after=" %"),
    "code": style(".", ",", before="EUR "),
    "thin": style(".", "\u2009", minus="\u2212"),
}


@st.composite
def tables(draw: st.DrawFn) -> tuple[dict[str, list[str]], dict[str, list[float]], str]:
    """Columns of numbers, each in a style of its own; what they mean; and a separator."""
    rows = draw(st.integers(20, 25))
    texts: dict[str, list[str]] = {"kind": [["p", "q"][i % 2] for i in range(rows)]}
    meant: dict[str, list[float]] = {}
    for i in range(draw(st.integers(1, 4))):
        write = STYLES[draw(st.sampled_from(sorted(STYLES)))]
        digits = draw(st.sampled_from([0, 0, 1, 2, 3, 3, 4]))
        most = draw(st.sampled_from([1, 10, 1e3, 1e4, 1e7]))
        pool = draw(
            st.lists(
                st.floats(-most, most).map(partial(round, ndigits=digits)),
                min_size=3,
                max_size=8,
            )
        )
        few = [pool[row % len(pool)] for row in range(rows)]
        texts[f"c{i}"], meant[f"c{i}"] = [write(value, digits) for value in few], few
    return texts, meant, draw(st.sampled_from([",", ";", "\t", "|"]))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(tables())
def test_a_number_of_any_style_comes_back_or_is_refused_and_is_never_another(
    table: tuple[dict[str, list[str]], dict[str, list[float]], str],
) -> None:
    texts, meant, separator = table
    try:
        sheet = read(texts, separator)
    except ValueError:
        return
    for found in sheet.columns:
        if found.type == "number" and found.values is not None:
            told = any(found.name in note and ASSUMED in note for note in sheet.notes)
            for got, value, text in zip(
                found.values.tolist(), meant[found.name], texts[found.name], strict=True
            ):
                assert told or math.isclose(got, value, rel_tol=1e-12, abs_tol=1e-12), (
                    f"{text} was read as {got}"
                )
            plain = all(
                text.removeprefix("-").replace(".", "", 1).isdigit() for text in texts[found.name]
            )
            assert plain or any(found.name in note for note in sheet.notes), (
                "something was done and not told"
            )


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.lists(st.text("0123456789.,'-+()%$€eE \u2212\u00a0x", max_size=12), min_size=1, max_size=8)
)
def test_no_text_at_all_raises_and_plain_ones_are_what_python_says(entries: list[str]) -> None:
    reading = read_numbers({entry.strip(): 1 for entry in entries})
    for entry, value in reading.values.items():
        if (
            entry.isascii()
            and not any(sign in entry for sign in ",'()%$ ")
            and not entry.endswith("-")
            and entry.count(".") < 2
        ):
            plain = float(entry)
            assert value == plain or "points between thousands" in reading.done


# ---- full-width signs ----

NAMED = {"digits of another script", "a typographic minus sign"}
"""What is said of the signs themselves."""


def in_one_form(reading: Reading) -> tuple[object, ...]:
    return (
        {in_ascii(entry): value for entry, value in reading.values.items()},
        reading.decided,
        reading.assumed,
        set(reading.done) - NAMED,
        in_ascii(reading.doubtful),
        reading.why_not.translate({ord(w): a for a, w in WIDENED.items()}),
    )


WIDENED = {sign: full_width(sign) for sign in "0123456789.,'-+()%$eExA"}


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    st.lists(
        st.one_of(
            st.from_regex(r"[1-9][0-9]{0,2}([.,' ][0-9]{3}){0,2}([.,][0-9]{1,3})?", fullmatch=True),
            st.from_regex(r"[$(+-]{0,2}[0-9]{1,4}[.,]?[0-9]{0,3}[)%-]?", fullmatch=True),
            st.text("0123456789.,'-+()%$eExA", min_size=1, max_size=8),
        ),
        min_size=1,
        max_size=6,
        unique=True,
    ),
    st.sets(st.sampled_from(sorted(WIDENED))),
)
def test_full_width_signs_change_neither_values_nor_what_is_told(
    entries: list[str], signs: set[str]
) -> None:
    table = str.maketrans({sign: WIDENED[sign] for sign in signs})
    wide = [entry.translate(table) for entry in entries]
    plain, other = (read_numbers(dict.fromkeys(column, 1)) for column in (entries, wide))
    assert in_one_form(other) == in_one_form(plain)
    if not signs & set("0123456789-"):
        assert other.done == plain.done
        assert in_ascii(other.example) == plain.example
