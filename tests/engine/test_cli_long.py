"""What takes long can be stopped and taken up again."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine import compare
from engine.race import Race
from tests.engine.command_line import run

ASKED = ("run", "--dataset", "moons", "--optimizer", "sgd", "--versus", "adam", "--evaluations", "1e5", "--seed", "4", "--json")


def stop_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """Ctrl-C after so many steps."""
    advance, taken = Race.advance, iter(range(steps))

    def advance_or_stop(race: Race) -> int:
        if next(taken, None) is None:
            raise KeyboardInterrupt
        return advance(race)

    monkeypatch.setattr(Race, "advance", advance_or_stop)


def lanes(out: str) -> list[dict[str, Any]]:
    return [{key: value for key, value in lane.items() if key != "seconds"} for lane in json.loads(out)["lanes"]]


def test_a_stopped_race_goes_on_where_it_was(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
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


def test_a_checkpoint_of_another_race_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    kept = tmp_path / "race"
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, 5)
        run(capsys, *ASKED, "--checkpoint", str(kept))
    code, _, err = run(capsys, *ASKED, "--seed", "5", "--checkpoint", str(kept))
    assert code == 2
    assert err.strip().startswith("--checkpoint: ")
    kept.write_text("nonsense")
    code, _, err = run(capsys, *ASKED, "--checkpoint", str(kept))
    assert (code, len(err.strip().splitlines())) == (2, 1)


COMPARED = ("compare", "--dataset", "moons", "--evaluations", "3e4", "--methods", "sgd,adam,pso")


def test_compare_ranks_methods_and_runs_no_row_twice(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "rows"
    code, out, _ = run(capsys, *COMPARED, "--keep", str(kept), "--json")
    result = json.loads(out)
    assert code == 0
    losses = [row["loss"] for row in result["rows"]]
    assert losses == sorted(losses)
    assert {row["optimizer"] for row in result["rows"]} == {"sgd", "adam", "pso"}
    assert all(row["evaluations"] >= 3e4 and row["sentence"] and row["family"] for row in result["rows"])
    monkeypatch.setattr(compare, "_run", lambda name, base: pytest.fail(f"{name} was run again"))
    assert json.loads(run(capsys, *COMPARED, "--keep", str(kept), "--json")[1]) == result
    code, _, err = run(capsys, "compare", "--dataset", "circles", "--methods", "sgd", "--keep", str(kept))
    assert code == 2
    assert err.strip().startswith("--keep: ")


def test_compare_tells_what_does_not_beat_random_search_and_what_cannot_run() -> None:
    table = [
        {"optimizer": "random-search", "loss": 0.5},
        {"optimizer": "a", "loss": 0.1},
        {"optimizer": "b", "loss": None},
        {"optimizer": "c", "refused": "at most 10 weights"},
        {"optimizer": "d", "loss": 0.7},
    ]
    said = {row["optimizer"]: row["beats_random_search"] for row in compare.ranked(table)}
    assert said == {"a": True, "random-search": True, "d": False, "b": False, "c": None}
    assert [row["optimizer"] for row in compare.ranked(table)] == ["a", "random-search", "d", "b", "c"]
