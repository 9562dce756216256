"""`route`: files and names of instances, results that are checked again, bad input in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.combinatorial import checks
from engine.combinatorial.reading.tsplib import read_tour, read_tsplib
from tests.engine.support.command_line import run

SQUARE = """NAME: square
TYPE: TSP
DIMENSION: 9
EDGE_WEIGHT_TYPE: EUC_2D
NODE_COORD_SECTION
1 0 0
2 100 0
3 200 0
4 200 100
5 200 200
6 100 200
7 0 200
8 0 100
9 90 110
EOF
"""
KEYS = {"method", "best", "gap", "known", "bound", "feasible", "moves", "evaluations", "seconds"}


@pytest.fixture
def square(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KELVIN_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "square.tsp"
    file.write_text(SQUARE)
    return file


def test_a_file_is_raced_and_its_tours_are_written(
    square: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--method", "annealing", "--versus", "iterated", "--evaluations", "3e5"]
    out = tmp_path / "out"
    code, text, _ = run(
        capsys,
        "route",
        str(square),
        *arguments,
        "--seed",
        "3",
        "--json",
        "--write",
        str(out),
        "--record",
        str(out),
    )
    assert code == 0
    result = json.loads(text)
    assert [lane["method"] for lane in result["lanes"]] == ["annealing", "iterated"]
    instance = read_tsplib(SQUARE, "square")
    for lane, path in zip(result["lanes"], result["tours"], strict=True):
        assert lane.keys() >= KEYS
        assert lane["feasible"]
        tour = read_tour(Path(path).read_text(), 9)
        assert checks.length(instance, tour) == lane["best"]
    assert result["size"] == 9
    # the recording is run again, with the same end
    code, text, _ = run(capsys, "route", result["recording"], "--json")
    assert code == 0
    again = json.loads(text)["lanes"]
    assert [lane["best"] for lane in again] == [lane["best"] for lane in result["lanes"]]
    assert [lane["moves"] for lane in again] == [lane["moves"] for lane in result["lanes"]]


def test_a_name_is_raced_and_shown_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    code, text, _ = run(
        capsys,
        "route",
        "circle",
        "--set",
        "instance.cities=12",
        "--method",
        "annealing",
        "--set",
        "annealing.schedule=cosine",
        "--evaluations",
        "2e5",
    )
    assert code == 0
    assert "12 cities" in text
    assert "optimum" in text
    assert "Simulated annealing" in text
    assert "0.000%" in text


def test_interventions_are_repeated(
    square: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = tmp_path / "events.json"
    move = {"kind": "cities", "steps": [5], "move": [[8, 300, 300]], "drop": [], "add": []}
    events.write_text(json.dumps([move]))
    code, text, _ = run(
        capsys,
        "route",
        str(square),
        "--method",
        "annealing",
        "--evaluations",
        "3e5",
        "--json",
        "--events",
        str(events),
    )
    assert code == 0
    result = json.loads(text)
    assert result["events"][0]["move"] == [[8, 300.0, 300.0]]
    assert result["lanes"][0]["best"] > 880
    # and again from what was printed
    printed = tmp_path / "result.json"
    printed.write_text(json.dumps(result))
    code, again, _ = run(capsys, "route", str(printed), "--json")
    assert code == 0
    assert json.loads(again)["events"] == result["events"]


def test_the_list_has_instances_and_methods(capsys: pytest.CaptureFixture[str]) -> None:
    code, text, _ = run(capsys, "route", "list")
    assert code == 0
    assert "airports" in text
    assert "annealing" in text
    code, text, _ = run(capsys, "route", "list", "--json")
    assert {"instances", "methods"} == json.loads(text).keys()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "FILE: 'nowhere'"),
        (["airports", "--method", "adam"], "lanes: 'adam'"),
        (["airports", "--seconds", "0"], "budget.amount"),
        (["airports", "--seconds", "x"], "seconds: 'x'"),
        (["airports", "--seconds", "1", "--evaluations", "2"], "one budget only"),
        (["airports", "--start", "middle"], "start"),
        (["airports", "--set", "instance.cities=1e9"], "instance.cities"),
        (["airports", "--set", "annealing.nothing=1"], "annealing.nothing"),
        (["airports", "--set", "nothing"], "--set: 'nothing'"),
        (["random", "--set", "instance.cities=6", "--method", "iterated"], "at least 8 cities"),
        (["airports", "--seed", "-1"], "seed"),
        (["airports", "--method", ""], "--method"),
        (["airports", *["--versus", "annealing"] * 4], "at most 4 lanes"),
        (["airports", "--method", "fast-tsp", "--evaluations", "1e5"], "budget in seconds"),
        (["airports", "--events", "nowhere.json"], "--events"),
        (["nowhere.json"], "FILE"),
        (["nowhere.kelvin"], "nowhere.kelvin"),
    ],
)
def test_bad_input_gets_one_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "route", *arguments)
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert words in err


def test_a_broken_file_is_refused_with_its_line(
    square: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    square.write_text(SQUARE.replace("4 200 100", "4 200 x"))
    code, out, err = run(capsys, "route", str(square))
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert "line 9" in err


@pytest.mark.parametrize(
    "name", ["../../outside", "/tmp/outside", "..", "a/b\\c:d", "x" * 60 + "/../y", "ü" * 60]
)
def test_a_name_in_a_file_leads_out_of_no_folder(
    name: str, square: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    square.write_text(SQUARE.replace("NAME: square", f"NAME: {name}"))
    out = tmp_path / "deep" / "er" / "out"
    before = {path for path in tmp_path.rglob("*") if path.is_file() and "cache" not in path.parts}
    code, text, _ = run(
        capsys,
        *("route", str(square), "--method", "annealing", "--evaluations", "1e4", "--json"),
        *("--write", str(out), "--record", str(out)),
    )
    assert code == 0
    result = json.loads(text)
    written = [Path(result["recording"]), *map(Path, result["tours"])]
    assert all(path.parent == out and path.is_file() for path in written)
    after = {path for path in tmp_path.rglob("*") if path.is_file() and "cache" not in path.parts}
    assert after - before == set(written)


SMALL = {
    "instance": {"name": "random", "cities": 8},
    "lanes": ["annealing"],
    "budget": {"currency": "evaluations", "amount": 1000},
}


@pytest.mark.parametrize(
    ("value", "arguments", "words"),
    [
        ({"experiment": 5}, [], "experiment: 5 is not allowed"),
        ({"experiment": None}, [], "experiment: None is not allowed"),
        ({**SMALL, "lanes": 5}, [], "lanes: 5 is not allowed"),
        ({**SMALL, "lanes": None}, [], "lanes: None is not allowed"),
        ({**SMALL, "lanes": 5}, ["--versus", "iterated"], "lanes: 5 is not allowed"),
        ({**SMALL, "lanes": {"a": 1}}, ["--versus", "iterated"], "lanes: "),
        ({**SMALL, "lanes": [5]}, ["--versus", "iterated"], "is not allowed"),
        ({**SMALL, "stop": 5}, ["--gap", "0.1"], "stop: 5 is not allowed"),
        ({**SMALL, "stop": [1]}, ["--gap", "0.1"], "stop: "),
        ({**SMALL, "instance": 5}, ["--set", "instance.cities=9"], "is not allowed"),
    ],
)
def test_odd_experiments_get_one_line(
    value: object,
    arguments: list[str],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "odd.json"
    file.write_text(json.dumps(value))
    code, _, error = run(capsys, "route", str(file), *arguments)
    assert code == 2
    assert words in error
    assert "expected" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[[", "--events: "),
        ("", "--events: "),
        ('{"a": 1, "a": 2}', "--events: "),
        ("5", "events: 5 is not allowed"),
        ('{"events": 5}', "events: 5 is not allowed"),
    ],
)
def test_odd_events_get_one_line(
    text: str, words: str, square: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "events.json"
    file.write_text(text)
    code, _, error = run(capsys, "route", str(square), "--events", str(file))
    assert code == 2
    assert words in error
    assert "expected" in error
    assert error.count("\n") == 1
