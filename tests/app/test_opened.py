"""A recording on the screen: the controls name its race, and what of it they cannot name is
told.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.controls import fitting
from engine.datasets import DATASETS
from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.optimizers import OPTIMIZERS

ROOT = Path(__file__).resolve().parents[2]
GONE = {"name": "own-table", "token": "0" * 32, "target": "price"}


@pytest.mark.parametrize(
    "name", [cls.name for cls in DATASETS if cls.kind != "function" and not cls.needs_file]
)
def test_a_race_that_can_be_repeated_is_taken_whole(name: str) -> None:
    experiment = Experiment.parse(
        {
            "dataset": name,
            "lanes": ["adam", "snes"],
            "seed": 7,
            "stop": {"target": 0.1},
            "precision": "bf16",
        }
    )
    assert fitting(experiment.to_json()) == (experiment, [])


@pytest.mark.parametrize("method", OPTIMIZERS.names())
def test_so_is_every_methods(method: str) -> None:
    experiment = Experiment.parse({"dataset": "moons", "lanes": [method, method]})
    assert fitting(experiment.to_json())[0] == experiment


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"dataset": GONE}, "dataset.token"),
        ({"dataset": {"name": "of-a-later-version"}}, "dataset.name"),
        ({"network": {"name": "of-a-later-version"}}, "network.name"),
        ({"network": {"name": "mlp", "later": 1}}, "network.later"),
        ({"loss": "of-a-later-version"}, "loss"),
        ({"budget": {"currency": "joules", "amount": 3}}, "budget.currency"),
        ({"precision": "float8"}, "precision"),
        ({"seed": -1}, "seed"),
        ({"later": {"a": 1}}, "later"),
    ],
)
def test_what_cannot_be_taken_is_told_and_all_else_is_taken(
    change: dict[str, Any], field: str
) -> None:
    whole = Experiment.parse(
        {
            "dataset": "moons",
            "network": {"name": "mlp", "hidden": [7]},
            "lanes": ["snes", "adam"],
            "seed": 7,
            "budget": {"currency": "evaluations", "amount": 1e5},
        }
    )
    taken, refused = fitting({**whole.to_json(), **change})
    assert [error.field for error in refused] == [field]
    left = next(iter(change))
    for part in ("dataset", "network", "loss", "lanes", "budget", "seed", "precision"):
        if part != left:
            assert getattr(taken, part) == getattr(whole, part), part


def test_one_unknown_method_leaves_the_others() -> None:
    whole = Experiment.parse({"dataset": "moons", "lanes": ["snes", "adam", "pso"]}).to_json()
    whole["lanes"][1] = {"name": "of-a-later-version"}
    taken, refused = fitting(whole)
    assert [lane.name for lane in taken.lanes] == ["snes", "pso"]
    assert len(refused) == 1
    assert isinstance(refused[0], BadInput)


def opened(value: dict[str, Any], page: str = "", query: dict[str, str] | None = None) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=300)
    for key, text in (query or {"recording": "own:0123456789abcdef"}).items():
        app.query_params[key] = text
    app.run()
    if page:
        app.session_state["landscapes"]["opened"] = value
    else:
        app.session_state["opened"] = value
    app.run()
    assert not app.exception
    return app


def test_the_page_takes_a_recordings_race() -> None:
    experiment = Experiment.parse(
        {
            "dataset": "moons",
            "lanes": ["pso"],
            "seed": 3,
            "budget": {"currency": "evaluations", "amount": 1e5},
        }
    )
    app = opened(experiment.to_json())
    assert app.session_state["experiment"] == experiment
    assert not app.warning
    assert app.query_params["recording"] == "own:0123456789abcdef"
    assert app.query_params["dataset"] == "moons"


def test_the_page_says_what_it_could_not_take() -> None:
    experiment = Experiment.parse({"dataset": "moons", "lanes": ["pso"], "seed": 3})
    app = opened({**experiment.to_json(), "dataset": GONE})
    assert "pso" in app.query_params["lanes"]
    assert "to upload it again" in app.warning[0].value
    assert "closest" in app.warning[0].value


def test_so_does_the_page_of_landscapes() -> None:
    experiment = Experiment.parse(
        {
            "dataset": {"name": "landscape", "function": "beale"},
            "lanes": ["pso", "adam"],
            "budget": {"currency": "evaluations", "amount": 1e4},
        }
    )
    query = {"recording": "own:0123456789abcdef", "dataset": "landscape"}
    app = opened(experiment.to_json(), "landscapes", query)
    assert app.session_state["landscapes"]["experiment"] == experiment
    app = opened({**experiment.to_json(), "later": 1}, "landscapes", query)
    assert "closest" in app.warning[0].value
