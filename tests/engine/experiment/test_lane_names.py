"""What lanes are called: no two alike, in stages, results, sentences and tables."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from engine.experiment import lane_names
from engine.experiment.model import Experiment
from engine.optimizers import OPTIMIZERS
from engine.race.race import Race
from tests.engine.support.command_line import run

CASES = json.loads(
    (Path(__file__).resolve().parents[2] / "app" / "lane_names.json").read_text("utf-8")
)


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
def test_lanes_of_one_method_are_told_apart_as_the_browser_does_it(case: dict[str, Any]) -> None:
    stage = {
        "lanes": [
            {"label": label, "knobs": [{"name": "rate", "label": "Step size"}]}
            for label, _ in case["lanes"]
        ],
        "experiment": {"lanes": [{"name": label, **settings} for label, settings in case["lanes"]]},
    }
    assert lane_names.stage_names(stage) == case["names"]


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_no_two_lanes_are_called_alike_whatever_is_set(name: str) -> None:
    cls = OPTIMIZERS.get(name)
    rng = random.Random(name)
    whole = [
        field
        for field, info in cls.model_fields.items()
        if isinstance(info.default, int) and not isinstance(info.default, bool)
    ]
    lanes = []
    for _ in range(4):
        field = rng.choice(whole)
        value = cls.model_fields[field].default + rng.choice([0, 1])
        lanes.append(cls.model_validate({field: value}))
    found = lane_names.lane_names(lanes)
    assert len(set(found)) == len(found)
    assert all(one.startswith(cls.label) for one in found)
    assert lane_names.lane_names(lanes[:1]) == [cls.label]


def test_two_lanes_of_one_method_have_two_names_in_stage_results_and_sentences() -> None:
    lanes = [{"name": "sgd", "learning_rate": 0.7}, {"name": "sgd", "learning_rate": 0.002}, "adam"]
    race = Race(
        Experiment.parse(
            {
                "dataset": "moons",
                "lanes": lanes,
                "budget": {"currency": "evaluations", "amount": 2000},
                "stop": {"target": 100.0},
            }
        ),
        marks=2,
    )
    frames = list(race)
    expected = ["SGD with momentum, step size 0.7", "SGD with momentum, step size 0.002", "Adam"]
    stage = race.stage()
    assert [lane["label"] for lane in stage["lanes"]] == expected
    assert [lane["method"] for lane in stage["lanes"]] == [
        "SGD with momentum",
        "SGD with momentum",
        "Adam",
    ]
    assert [row["label"] for row in race.results()] == expected
    stopped = [row["stopped"] for row in frames[-1].metrics["lanes"]]
    assert all(label in sentence for label, sentence in zip(expected, stopped, strict=True))


def test_tables_of_the_command_line_tell_lanes_of_one_method_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = tmp_path / "twins.json"
    lanes = [{"name": "sgd", "learning_rate": 0.7}, {"name": "sgd", "learning_rate": 0.002}]
    experiment.write_text(
        json.dumps(
            {
                "dataset": "moons",
                "lanes": lanes,
                "budget": {"currency": "evaluations", "amount": 2000},
            }
        )
    )
    table = [
        line
        for line in run(capsys, "run", str(experiment))[1].splitlines()
        if not line.startswith("  ")
    ]  # what is told of a lane is indented
    assert table[1].startswith("sgd learning_rate=0.7 ")
    assert table[2].startswith("sgd learning_rate=0.002 ")
    assert table[0].index("loss") + len("loss") == table[1].index(table[1].split()[2]) + len(
        table[1].split()[2]
    )
    rows = run(
        capsys, "compare", "--dataset", "moons", "--methods", "adam,adam", "--evaluations", "2000"
    )[1].splitlines()
    rows = [line for line in rows if not line.startswith("  ")]
    assert rows[1].startswith("adam 1 ")
    assert rows[2].startswith("adam 2 ")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5"),
        (0.002, "0.002"),
        (1e-6, "10⁻⁶"),
        (2.5e-7, "2.5×10⁻⁷"),
        (-1e-6, "−10⁻⁶"),
        (0, "0"),
        (0.0, "0"),
        (12.345, "12.3"),
        (41300, "41300"),
        (1e6, "10⁶"),
    ],
)
def test_settings_are_written_as_people_write_numbers(value: float, text: str) -> None:
    assert lane_names.plain(value) == text
