"""The command line keeps its contract: one JSON object on stdout, one line and exit status 2 for
bad input.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from engine.cli.main import cli
from engine.messages.recording import Recording
from engine.optimizers import OPTIMIZERS
from tests.engine.support.command_line import run
from tests.engine.support.listening import PATIENCE

CLOCKS = ("seconds", "core_seconds")
"""Results that a clock measures."""


def test_list_prints_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "list", "--json")
    catalogue = json.loads(out)
    assert code == 0
    assert set(catalogue) == {"datasets", "networks", "losses", "optimizers", "schedules"}
    assert [entry["name"] for entry in catalogue["optimizers"]] == OPTIMIZERS.names()
    for entry in catalogue["optimizers"]:
        assert entry["sees"] in ("loss", "outputs", "jvp", "gradient", "jacobian")
        assert entry["paper"]
        assert entry["sentence"].endswith(".")
        for field in entry["fields"]:
            assert field["help"], f"{entry['name']}.{field['name']} has no help"
    code, out, _ = run(capsys, "list")
    assert code == 0
    assert "annealing" in out


def test_run_prints_one_json_object(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = run(
        capsys,
        "run",
        "--dataset",
        "moons",
        "--network",
        "mlp",
        "--optimizer",
        "annealing",
        "--versus",
        "adam",
        "--evaluations",
        "2e5",
        "--seed",
        "3",
        "--set",
        "annealing.population_size=8",
        "--set",
        "dataset.points=100",
        "--record",
        str(tmp_path),
        "--json",
    )
    assert code == 0, err
    result = json.loads(out)
    assert [lane["optimizer"] for lane in result["lanes"]] == ["annealing", "adam"]
    for lane in result["lanes"]:
        assert {
            "loss",
            "accuracy",
            "test_loss",
            "test_accuracy",
            "evaluations",
            "flops",
            "seconds",
            "steps",
        } <= set(lane)
        assert lane["evaluations"] >= 2e5
    assert result["experiment"]["lanes"][0]["population_size"] == 8
    assert result["experiment"]["dataset"]["points"] == 100
    recording = list(Recording.read(Path(result["recording"])))
    assert recording[0]["type"] == "stage"
    assert [message["type"] for message in recording[-4:]] == [
        "metrics",
        "picture",
        "detail",
        "weights",
    ]
    assert recording[-4]["lanes"][0]["evaluations"] == result["lanes"][0]["evaluations"]
    assert "annealing" in err  # the progress bar


def test_run_from_a_file_gives_what_the_options_give(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "race.json"
    file.write_text(
        json.dumps(
            {
                "dataset": "moons",
                "lanes": [{"name": "sgd", "learning_rate": 0.2}],
                "budget": {"currency": "evaluations", "amount": 5e4},
                "seed": 4,
            }
        )
    )
    _, first, _ = run(capsys, "run", str(file), "--json")
    _, second, _ = run(
        capsys,
        "run",
        "--dataset",
        "moons",
        "--optimizer",
        "sgd",
        "--set",
        "sgd.learning_rate=0.2",
        "--evaluations",
        "50000",
        "--seed",
        "4",
        "--json",
    )
    one, two = json.loads(first), json.loads(second)
    assert one["experiment"] == two["experiment"]
    assert {k: v for k, v in one["lanes"][0].items() if k not in CLOCKS} == {
        k: v for k, v in two["lanes"][0].items() if k not in CLOCKS
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("run", "--dataset", "mnits"), "dataset: 'mnits' is not allowed; expected one of"),
        (
            ("run", "--optimizer", "magic"),
            "lanes: 'magic' is not allowed; expected one of annealing",
        ),
        (("run", "--seconds", "-1"), "budget.amount: -1.0 is not allowed; expected more than 0"),
        (
            ("run", "--set", "population_size"),
            "--set: 'population_size' is not allowed; expected KEY=VALUE",
        ),
        (
            ("run", "--set", "annealing.population_size=0"),
            "annealing.population_size: '0' is not allowed; expected at least",
        ),
        (
            ("run", "no-such-file.json"),
            "FILE: 'no-such-file.json' is not allowed; expected a readable JSON file",
        ),
        (("run", "--record", "/dev/null/x"), "--record: '/dev/null/x' is not allowed"),
        (("run", "--nonsense"), "No such option"),
        (("dance",), "No such command"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str
) -> None:
    code, out, err = run(capsys, *arguments)
    assert code == 2
    assert out == ""
    assert err.strip().startswith(sentence)
    assert len(err.strip().splitlines()) == 1


def test_a_file_that_is_no_json_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name, text in {
        "a": "{",
        "b": "[1]",
        "c": "\x00",
        "d": '{"dataset": NaN}',
        "e": "[" * 100_000,
    }.items():
        file = tmp_path / name
        file.write_text(text)
        code, _, err = run(capsys, "run", str(file))
        assert code == 2
        assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize("command", ["run", "compare", "list"])
def test_an_option_given_twice_is_refused(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    listed = {"versus", "settings"}
    for option in cli.commands[command].params:
        if not isinstance(option, click.Option) or option.name in listed:
            continue
        once = [option.opts[-1]] if option.is_flag else [option.opts[-1], "1"]
        code, out, err = run(capsys, command, *once, *once)
        assert (code, out) == (2, "")
        assert err == f"{once[0]}: given 2 times; expected once only\n"


@pytest.mark.parametrize("command", [["route", "list"], ["list"]])
def test_letters_that_the_locale_lacks_are_no_error(command: list[str]) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "engine", *command],
        env={**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert found.returncode == 0, found.stderr[-400:]
    assert b"\\u" in found.stdout
