"""What takes long can be stopped and taken up again."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.race import comparison
from engine.race.race import Race
from tests.engine.support.command_line import run

UNSEEDED = (
    "run",
    "--dataset",
    "moons",
    "--optimizer",
    "sgd",
    "--versus",
    "adam",
    "--evaluations",
    "1e5",
    "--json",
)
ASKED = (*UNSEEDED, "--seed", "4")


def stop_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """Ctrl-C after so many steps."""
    advance, taken = Race.advance, iter(range(steps))

    def advance_or_stop(race: Race) -> int:
        if next(taken, None) is None:
            raise KeyboardInterrupt
        return advance(race)

    monkeypatch.setattr(Race, "advance", advance_or_stop)


def lanes(out: str) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in lane.items() if key not in ("seconds", "core_seconds")}
        for lane in json.loads(out)["lanes"]
    ]


@pytest.mark.slow
def test_a_stopped_race_goes_on_where_it_was(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kept = tmp_path / "race"
    _, whole, _ = run(capsys, *ASKED)
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, 300)
        code, half, _ = run(capsys, *ASKED, "--checkpoint", str(kept))
    assert code == 130
    assert json.loads(half)["stopped"]
    assert 0 < lanes(half)[0]["evaluations"] < 1e5
    code, again, _ = run(capsys, *ASKED, "--checkpoint", str(kept))
    assert code == 0
    assert lanes(again) == lanes(whole)
    assert not kept.exists()


def test_a_checkpoint_of_another_race_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kept = tmp_path / "race"
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, 5)
        run(capsys, *ASKED, "--checkpoint", str(kept))
    code, _, err = run(capsys, *UNSEEDED, "--seed", "5", "--checkpoint", str(kept))
    assert code == 2
    assert err.strip().startswith("--checkpoint: ")
    kept.write_text("nonsense")
    code, _, err = run(capsys, *ASKED, "--checkpoint", str(kept))
    assert (code, len(err.strip().splitlines())) == (2, 1)


COMPARED = ("compare", "--dataset", "moons", "--evaluations", "3e4", "--methods", "sgd,adam,pso")


def test_compare_ranks_methods_and_runs_no_row_twice(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "rows"
    code, out, _ = run(capsys, *COMPARED, "--keep", str(kept), "--json")
    result = json.loads(out)
    assert code == 0
    losses = [row["loss"] for row in result["rows"]]
    assert losses == sorted(losses)
    assert {row["optimizer"] for row in result["rows"]} == {"sgd", "adam", "pso"}
    assert all(row["sentence"] and row["family"] for row in result["rows"])
    half_a_step = 192 / 2  # of SGD and Adam, 64 samples at 3 evaluations each
    assert all(
        abs(row["evaluations"] - 3e4) <= half_a_step
        for row in result["rows"]
        if row["optimizer"] != "pso"
    )
    assert all(
        abs(row["evaluations"] - 3e4) < 1000 for row in result["rows"]
    )  # PSO's unit is one member on all samples
    monkeypatch.setattr(comparison, "_run", lambda name, base: pytest.fail(f"{name} was run again"))
    assert json.loads(run(capsys, *COMPARED, "--keep", str(kept), "--json")[1]) == result
    code, _, err = run(
        capsys, "compare", "--dataset", "circles", "--methods", "sgd", "--keep", str(kept)
    )
    assert code == 2
    assert err.strip().startswith("--keep: ")


def test_the_file_of_rows_is_tried_before_the_first_method(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "_run", lambda name, base: pytest.fail(f"{name} was run"))
    (tmp_path / "file").write_text("")
    for bad in (tmp_path / "file" / "rows.jsonl", tmp_path, Path("/dev/null/rows.jsonl")):
        code, out, err = run(capsys, *COMPARED, "--keep", str(bad))
        assert (code, out) == (2, "")
        assert err.strip().startswith("--keep: ")
        assert len(err.strip().splitlines()) == 1


def test_a_folder_for_the_file_of_rows_is_made(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kept = tmp_path / "nosuch" / "rows.jsonl"
    assert run(capsys, *COMPARED, "--keep", str(kept))[0] == 0
    assert len(kept.read_text().splitlines()) == 3


def kept_rows(capsys: pytest.CaptureFixture[str], path: Path) -> list[str]:
    """The lines of a comparison's file."""
    assert run(capsys, *COMPARED, "--keep", str(path))[0] == 0
    return path.read_text("utf-8").splitlines()


def test_a_last_row_that_was_cut_off_is_told_and_run_again(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kept = tmp_path / "rows"
    lines = kept_rows(capsys, kept)
    for cut in (10, len(lines[2]) // 2, len(lines[2]) - 1):
        kept.write_text("\n".join([*lines[:2], lines[2][:cut]]), "utf-8")
        code, out, err = run(capsys, *COMPARED, "--keep", str(kept), "--json")
        assert code == 0
        assert f"--keep: the last line of {kept} was cut off; its method is run again" in err
        assert len(json.loads(out)["rows"]) == 3
        again = kept.read_text("utf-8").splitlines()
        assert again[:2] == lines[:2]
        assert json.loads(again[2])["row"]["optimizer"] == "pso"
    kept.write_text("\n".join(lines), "utf-8")  # whole, but for its line's end
    code, _, err = run(capsys, *COMPARED, "--keep", str(kept), "--json")
    assert (code, "cut off" in err) == (0, False)
    assert kept.read_text("utf-8").splitlines() == lines


def test_rows_that_are_not_of_this_comparison_are_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "rows"
    lines = kept_rows(capsys, kept)
    monkeypatch.setattr(comparison, "_run", lambda name, base: pytest.fail(f"{name} was run"))

    def changed(**what: Any) -> str:
        return json.dumps({**json.loads(lines[0]), **what})

    experiment = json.loads(lines[0])["experiment"]
    for line, said in {
        "garbled": "line 1 is not a row",
        "[1]": "line 1 is not a row",
        changed(row={"optimizer": "sgd"}): "line 1 is not a row",
        changed(row={"optimizer": 7, "refused": "x"}): "line 1 is not a row",
        changed(version=2): "a newer Kelvin wrote line 1: version 2",
        changed(experiment={**experiment, "seed": 5}): "its seed is another one",
        changed(experiment={**experiment, "dataset": "xor"}): "its dataset is another one",
        changed(experiment={**experiment, "hologram": 1}): "its hologram is another one",
    }.items():
        text = "\n".join([line, *lines[1:]]) + "\n"
        kept.write_text(text, "utf-8")
        code, out, err = run(capsys, *COMPARED, "--keep", str(kept))
        assert (code, out) == (2, ""), line
        assert said in err
        assert len(err.strip().splitlines()) == 1
        assert kept.read_text("utf-8") == text, "left as it was"


def test_rows_from_before_a_field_was_known_are_taken(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "rows"
    lines = kept_rows(capsys, kept)
    monkeypatch.setattr(comparison, "_run", lambda name, base: pytest.fail(f"{name} was run"))
    for line in lines:
        assert json.loads(line)["experiment"].pop("stop") == {"target": None, "patience": None}
    older = [json.loads(line) for line in lines]
    for one in older:
        del one["experiment"]["stop"], one["experiment"]["precision"], one["version"]
    kept.write_text("".join(json.dumps(one) + "\n" for one in older), "utf-8")
    assert run(capsys, *COMPARED, "--keep", str(kept))[0] == 0


def test_compare_tells_what_does_not_beat_random_search_and_what_cannot_run() -> None:
    table: list[dict[str, Any]] = [
        {"optimizer": "random-search", "loss": 0.5},
        {"optimizer": "a", "loss": 0.1},
        {"optimizer": "b", "loss": None},
        {"optimizer": "c", "refused": "at most 10 weights"},
        {"optimizer": "d", "loss": 0.7},
    ]
    said = {row["optimizer"]: row["beats_random_search"] for row in comparison.ranked(table)}
    assert said == {"a": True, "random-search": True, "d": False, "b": False, "c": None}
    assert [row["optimizer"] for row in comparison.ranked(table)] == [
        "a",
        "random-search",
        "d",
        "b",
        "c",
    ]
