"""Studies on the command line: what is refused in one line, whose tables are shown, what is made of
damaged rows.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.studies import runner, tables
from engine.studies.plan import Run
from engine.studies.runner import first_runs
from engine.studies.study import Study, read
from tests.app import made_up_studies
from tests.engine.studies.conftest import TEXT
from tests.engine.support.command_line import run

WITHOUT_TUNING = TEXT.replace("tune = { learning_rate = { log = [0.01, 1.0] } }\n", "")
STUDY = Study.model_validate(tomllib.loads(WITHOUT_TUNING))
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `study …` and returns (exit status, stdout, stderr)."""
    return lambda *arguments: run(capsys, "study", *map(str, arguments))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A study file without tuning."""
    path = tmp_path / "tiny.toml"
    path.write_text(WITHOUT_TUNING, encoding="utf-8")
    return path


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Makes results up instead of running; the keys of the runs whose results were made up."""
    begun: list[str] = []

    def run_all(out: Path, runs: list[Run], *_: Any) -> Iterator[tuple[Run, str, float, int, int]]:
        for number, one in enumerate({each.key: each for each in runs}.values(), 1):
            if runner.result(out, one) is None:
                begun.append(one.key)
                write(out, one)
            yield one, "budget", 0.0, number, len(runs)

    monkeypatch.setattr(runner, "run_all", run_all)
    monkeypatch.setattr("engine.studies.check.run_all", run_all)
    return begun


def write(out: Path, one: Run) -> None:
    """Write made-up rows of a run."""
    runner.row_file(out, one.key).unlink(missing_ok=True)
    lane = next(lane for lane in STUDY.lane if lane.id == one.lane)
    made_up_studies.keep(out, one, lane, frozenset())


def refused(done: tuple[int, str, str], *said: str) -> None:
    """Check that a command ended with status 2 and one line that has these texts."""
    code, out, err = done
    assert (code, out) == (2, "")
    assert err.count("\n") == 1, err
    for text in said:
        assert text in err


def test_without_out_the_tables_that_ship_are_shown_and_a_line_says_so(command: Command) -> None:
    code, out, err = command("show", "span")
    assert code == 0
    assert out.count("\n") > 4
    assert err == "these tables ship with Kelvin; --out FOLDER reads your own\n"


def test_a_results_folder_without_results_is_named(command: Command, tmp_path: Path) -> None:
    nowhere = tmp_path / "x"
    for arguments in (
        ("show", "span"),
        ("show", "all"),
        ("export", "span", "--ioh", tmp_path / "ioh"),
        ("export", "span", "--csv", tmp_path / "a.csv"),
    ):
        code, out, err = command(*arguments, "--out", nowhere)
        assert (code, out) == (2, "")
        assert err.splitlines()[-1].endswith(f"study run {arguments[1]} --out {nowhere}")
        assert "Traceback" not in err
    assert not (tmp_path / "ioh").exists()
    assert not nowhere.exists()


def test_a_results_folder_that_cannot_be_written_is_refused_before_the_first_run(
    command: Command, tmp_path: Path, file: Path, made_up: list[str]
) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    for place in (plain, plain / "below", "/proc/kelvin"):
        refused(command("run", file, "--out", place), "--out: ", "a folder that can be written")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "tiny").touch()
    refused(command("run", file, "--out", tmp_path / "out"), "a folder that can be written")
    assert made_up == []


def test_an_export_that_cannot_be_written_is_one_line(
    command: Command, tmp_path: Path, file: Path, made_up: list[str]
) -> None:
    out, plain = tmp_path / "out", tmp_path / "plain"
    plain.touch()
    assert command("run", file, "--out", out)[0] == 0
    for place in (plain, plain / "below", "/proc/kelvin"):
        refused(command("export", file, "--out", out, "--ioh", place), "--ioh: ")
        refused(command("export", file, "--out", out, "--csv", f"{place}/x"), "--csv: ")
    code, said, _ = command("export", file, "--out", out, "--ioh", tmp_path / "ioh")
    assert (code, said) == (0, f"tiny: 8 descriptions in {tmp_path / 'ioh'}\n")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"rows": 3}', "\x00"])
def test_a_damaged_file_of_rows_is_written_again_and_named(
    command: Command, tmp_path: Path, file: Path, made_up: list[str], text: str
) -> None:
    out = tmp_path / "out"
    assert command("run", file, "--out", out)[0] == 0
    broken = sorted((out / "tiny" / "rows").glob("*.json"))[2]
    whole = broken.read_text(encoding="utf-8")
    made_up.clear()
    broken.write_text(text, encoding="utf-8")
    assert command("run", file, "--out", out, "--dry")[0] == 0
    code, _, err = command("run", file, "--out", out)
    assert code == 0
    assert made_up == [broken.stem]
    assert f"{broken}: it is damaged; its run is run again\n" in err
    assert broken.read_text(encoding="utf-8") == whole


def test_damaged_tables_are_one_line(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "span" / "tables"
    folder.mkdir(parents=True)
    (folder / "summary.parquet").write_text("PAR1 and no more", encoding="utf-8")
    refused(command("show", "span", "--out", tmp_path), "a table as `study run` wrote it")


@pytest.mark.parametrize(
    ("only", "said"),
    [
        (["lane=nope"], "lane= and one of adam, spsa, annealing"),
        (["case=nope"], "case= and one of bowl"),
        (["seed=3"], "lane=ID or case=ID"),
        (["lane="], "lane=ID or case=ID"),
        (["lane=adam", "lane=spsa"], "one lane only"),
    ],
)
def test_parts_that_a_study_does_not_have_are_refused(
    command: Command, file: Path, made_up: list[str], only: list[str], said: str
) -> None:
    options = [part for text in only for part in ("--only", text)]
    refused(command("run", file, *options, "--dry"), "--only: ", said)


def test_a_lane_that_does_not_run_on_the_case_is_refused(command: Command) -> None:
    done = command("run", "label-noise", "--only", "case=batch", "--only", "lane=adam", "--dry")
    refused(done, "for the case batch one of the lanes adam-batch")


@pytest.mark.parametrize("minutes", ["-1", "0", "nan"])
def test_minutes_are_more_than_none(command: Command, file: Path, minutes: str) -> None:
    refused(command("run", file, "--minutes", minutes, "--dry"), "--minutes: ", "more than 0")


def test_a_wrong_rule_is_found_before_the_first_run(
    command: Command, tmp_path: Path, file: Path, made_up: list[str]
) -> None:
    file.write_text(WITHOUT_TUNING.replace("cost('bowl/4'", "cost('bowl/5'"), encoding="utf-8")
    for more in ([], ["--dry"]):
        done = command("run", file, "--out", tmp_path / "out", *more)
        refused(done, "verdict[0].say: cost: 'bowl/5'", "one of bowl/4, bowl/16")
    assert made_up == []


def test_partial_results_are_shown_with_what_is_missing(
    command: Command, tmp_path: Path, file: Path, made_up: list[str]
) -> None:
    out = tmp_path / "out"
    assert command("run", file, "--out", out, "--only", "lane=spsa")[0] == 0
    code, said, err = command("show", file, "--out", out)
    assert code == 0
    assert "bowl/16" in said
    again = f"python -m engine study run {file} --out {out}"
    assert err == f"tiny: no results yet for case bowl/16, lane adam; run {again}\n"
    code, said, err = command("show", file, "--out", out, "--json")
    assert json.loads(said)["verdict"] is None


def test_the_tables_are_of_all_rows_whatever_was_run_last(
    command: Command, tmp_path: Path, file: Path, made_up: list[str]
) -> None:
    out = tmp_path / "out"
    for lane, seeds in (("spsa", 2), ("adam", 1)):
        done = command("run", file, "--out", out, "--only", f"lane={lane}", "--seeds", seeds)
        assert done[0] == 0
    rows = tables.read(out / "tiny" / "tables", "runs")
    assert sorted((row["lane"], row["case"], row["seed"]) for row in rows) == [
        ("adam", "bowl/16", 0),
        ("adam", "bowl/4", 0),
        *(("spsa", case, seed) for case in ("bowl/16", "bowl/4") for seed in (0, 1)),
    ]


def test_a_study_file_is_checked_against_its_own_tables(
    command: Command, tmp_path: Path, file: Path, made_up: list[str]
) -> None:
    out = tmp_path / "out"
    code, _, err = command("check", file, "--out", out)
    assert code == 2
    assert "a table that `study run` has written" in err
    assert made_up == []  # it is found before anything is run
    assert command("run", file, "--out", out)[0] == 0
    made_up.clear()
    code, said, _ = command("check", file, "--out", out, "--seed", "1")
    assert (code, said) == (0, f"tiny: agrees with the tables in {out}\n")
    again = {
        one.key
        for one in first_runs(read(file), "small", None, {})
        if one.seed == 1 and not one.variant.startswith("trial")
    }
    assert set(made_up) == again  # rows that the tables are of are no second measurement
