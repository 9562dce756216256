"""What a command is to write is tried before it works, and what cannot be written afterwards costs
no results.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.messages.recording import Recording
from engine.race import comparison
from engine.race.race import Race
from tests.engine.support.command_line import run

ASKED = (
    "run",
    "--dataset",
    "moons",
    "--set",
    "dataset.points=60",
    "--optimizer",
    "sgd",
    "--evaluations",
    "2e3",
    "--json",
)
COMPARED = ("compare", "--dataset", "moons", "--methods", "sgd", "--evaluations", "2e3", "--json")


def never(*_: Any, **__: Any) -> None:
    raise AssertionError("a race was begun")


@pytest.mark.parametrize("option", ["--weights", "--checkpoint", "--keep", "--record"])
@pytest.mark.parametrize(
    "kind", ["pipe", "folder", "slash", "long", "below a file", "empty", "blank", "dangling"]
)
def test_what_cannot_be_written_is_refused_before_the_race(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    option: str,
    kind: str,
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    name = {"long": "x" * 300, "below a file": "file/x", "slash": "new/", "dangling": "loop"}.get(
        kind, kind
    )
    value = {"empty": "", "blank": " "}.get(kind, f"{tmp_path}/{name}")
    if option == "--record" and kind in ("folder", "slash"):
        pytest.skip("a folder is what is wanted")
    monkeypatch.setattr(Race, "__init__", never)
    before = sorted(tmp_path.rglob("*"))
    code, out, err = run(capsys, *(COMPARED if option == "--keep" else ASKED), option, value)
    assert (code, out, len(err.strip().splitlines())) == (2, "", 1)
    assert err.startswith(f"{option}: ")
    assert "expected" in err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("option", ["--optimizer", "--events", "--versus", "--loss", "--target"])
def test_an_option_without_a_value_is_refused(
    capsys: pytest.CaptureFixture[str], option: str
) -> None:
    code, out, err = run(capsys, "run", "--dataset", "moons", "--evaluations", "1e3", option, "")
    assert (code, out, len(err.strip().splitlines())) == (2, "", 1)
    assert err.startswith(f"{option}: '' is not allowed; expected a value")


def test_the_longest_names_are_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The temporary file beside one must not have a longer name."""
    name = tmp_path / ("w" * 255)
    code, out, err = run(
        capsys,
        *ASKED,
        "--weights",
        str(name),
        "--checkpoint",
        str(tmp_path / ("c" * 255)),
        "--record",
        str(tmp_path / ("r" * 255)),
    )
    assert code == 0, err
    assert json.loads(out)["weights"] == str(name)
    assert name.stat().st_size > 0


def test_two_purposes_want_two_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "race.json"
    file.write_text(
        '{"dataset": "moons", "lanes": ["sgd"], "budget": {"currency": "evaluations", '
        '"amount": 1000}}'
    )
    for other, more in (
        ("FILE", ("--weights", str(file))),
        ("--weights", ("--weights", str(tmp_path / "x"), "--checkpoint", f"{tmp_path}/./x")),
    ):
        code, out, err = run(capsys, "run", str(file), *more)
        assert (code, out, len(err.strip().splitlines())) == (2, "", 1)
        assert f"another file than that of {other}" in err


@pytest.mark.parametrize("option", ["--weights", "--record"])
def test_what_cannot_be_written_afterwards_costs_no_results(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    folder, results = tmp_path / "out", Race.results

    def results_and_no_folder(race: Race) -> Any:
        shutil.rmtree(folder)
        folder.touch()
        return results(race)

    monkeypatch.setattr(Race, "results", results_and_no_folder)
    kept = tmp_path / "race"
    code, out, err = run(
        capsys,
        *ASKED,
        option,
        str(folder / "file" if option == "--weights" else folder),
        "--checkpoint",
        str(kept),
    )
    assert code == 4
    assert json.loads(out)["lanes"][0]["steps"] > 0
    assert option.removeprefix("--").replace("record", "recording") not in json.loads(out)
    assert err.strip().splitlines()[-1].startswith(f"{option}: '{folder}")


def test_rows_that_cannot_be_kept_cost_no_comparison(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, one = tmp_path / "out" / "rows", comparison._run

    def one_and_no_folder(*given: Any) -> Any:
        shutil.rmtree(kept.parent, ignore_errors=True)
        return one(*given)

    monkeypatch.setattr(comparison, "_run", one_and_no_folder)
    code, out, err = run(
        capsys,
        *COMPARED[:3],
        "--evaluations",
        "2e3",
        "--methods",
        "sgd,adam",
        "--json",
        "--keep",
        str(kept),
    )
    assert code == 4
    assert len(json.loads(out)["rows"]) == 2
    assert err.strip().splitlines()[-1].startswith("--keep: ")


def test_a_recording_never_takes_the_place_of_another(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked, found = (*ASKED[:-1], "--record", str(tmp_path / "runs")), []
    for rate in ("0.1", "0.2", "0.3"):
        code, out, err = run(capsys, *asked, "--set", f"sgd.learning_rate={rate}")
        assert code == 0, err
        found.append(Path(out.strip().splitlines()[-1].removeprefix("recording: ")))
    assert [path.name for path in found] == [
        "moons-sgd-seed0.kelvin",
        "moons-sgd-seed0-2.kelvin",
        "moons-sgd-seed0-3.kelvin",
    ]
    assert [Recording.read(path).experiment["lanes"][0]["learning_rate"] for path in found] == [
        0.1,
        0.2,
        0.3,
    ]
    assert sorted((tmp_path / "runs").iterdir()) == sorted(found)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--dataset", "moons", "--set", "dataset=spirals"),
            (
                "--set: 'dataset=spirals' is not allowed; expected dataset once only (--dataset "
                "moons is given too)"
            ),
        ),
        (
            ("--optimizer", "annealing", "--set", "lanes=sgd"),
            (
                "--set: 'lanes=sgd' is not allowed; expected lanes once only (--optimizer "
                "annealing is given too)"
            ),
        ),
        (
            ("--versus", "adam", "--set", "lanes=sgd"),
            (
                "--set: 'lanes=sgd' is not allowed; expected lanes once only (--versus adam is "
                "given too)"
            ),
        ),
        (
            ("--seed", "1", "--set", "seed=2"),
            "--set: 'seed=2' is not allowed; expected seed once only (--seed 1 is given too)",
        ),
        (
            ("--target", "1", "--set", "stop.target=2"),
            (
                "--set: 'stop.target=2' is not allowed; expected stop.target once only (--target "
                "1 is given too)"
            ),
        ),
        (
            ("--set", "seed=1", "--set", " seed = 1"),
            (
                "--set: ' seed = 1' is not allowed; expected seed once only (--set seed=1 is "
                "given too)"
            ),
        ),
        (
            ("--set", "lane1.population_size=8", "--set", "annealing.population_size=9"),
            (
                "annealing.population_size: '9' is not allowed; expected one value only (lane1.population_size is "
                "given too"
            ),
        ),
        (("--set", "=1"), "--set: '=1' is not allowed; expected KEY=VALUE"),
        (
            ("--set", "annealing.population_size=1_000"),
            "annealing.population_size: '1_000' is not allowed; expected a whole number",
        ),
        (
            ("--set", "annealing.population_size=1,000"),
            "annealing.population_size: '1,000' is not allowed; expected a whole number",
        ),
        (
            ("--set", "annealing.population_size=1.5e0"),
            "annealing.population_size: '1.5e0' is not allowed; expected a whole number",
        ),
        (
            ("--set", "annealing.population_size=1e999999999"),
            "annealing.population_size: '1e999999999' is not allowed; expected a whole number",
        ),
        (
            ("--set", "network.hidden=1_0,4"),
            "network.hidden: '1_0' is not allowed; expected a whole number",
        ),
        (("--seed", "1_000"), "seed: '1_000' is not allowed; expected a whole number"),
        (("--evaluations", "1_000"), "evaluations: '1_000' is not allowed; expected a number"),
        (
            ("--set", "dataset.noise=0.0_1"),
            "dataset.noise: '0.0_1' is not allowed; expected a number",
        ),
    ],
)
def test_nothing_given_twice_or_in_another_way_is_dropped(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.setattr(Race, "__init__", never)
    code, out, err = run(capsys, "run", *arguments)
    assert (code, out, len(err.strip().splitlines())) == (2, "", 1)
    assert err.startswith(said)


def test_whole_numbers_may_be_written_as_powers_of_ten(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = (
        "--optimizer",
        "annealing",
        "--set",
        "annealing.population_size=1e1",
        "--seed",
        "2e1",
        "--set",
        "network.hidden=1e1,4.0",
    )
    code, out, err = run(
        capsys, "run", "--dataset", "moons", "--evaluations", "1e4", *arguments, "--json"
    )
    assert code == 0, err
    told = json.loads(out)["experiment"]
    assert (told["lanes"][0]["population_size"], told["seed"], told["network"]["hidden"]) == (
        10,
        20,
        [10, 4],
    )


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ('{"dataset": "moons", "dataset": "spirals"}', "'dataset' is given twice"),
        ('{"dataset": {"name": "moons", "points": 60, "points": 80}}', "'points' is given twice"),
    ],
)
def test_json_with_a_key_given_twice_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, file: str, said: str
) -> None:
    (tmp_path / "race.json").write_text(file)
    for arguments in ((str(tmp_path / "race.json"),), ("--events", str(tmp_path / "race.json"))):
        code, out, err = run(capsys, "run", *arguments)
        assert (code, out, len(err.strip().splitlines())) == (2, "", 1)
        assert said in err


@pytest.mark.parametrize("event", [{}, 7, {"kind": "dance"}, {"kind": []}])
def test_what_is_no_event_is_told_which_there_are(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, event: Any
) -> None:
    (tmp_path / "events.json").write_text(json.dumps([event]))
    code, out, err = run(capsys, "run", "--events", str(tmp_path / "events.json"))
    assert (code, out, len(err.strip().splitlines())) == (2, "", 1)
    assert err.startswith("events[0]: ")
    assert err.strip().endswith("expected an event with kind: reheat, turn, weight or points")
