"""The landscapes page: its controls name the experiment it shows, its links come back, a formula
that cannot be read does no harm.
"""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import landscape_controls, link
from app.text import plain
from engine.datasets.landscape import Landscapes
from engine.experiment.model import Experiment
from engine.experiment.query_string import to_flat
from engine.landscapes.benchmark_functions import FUNCTIONS
from engine.optimizers import OPTIMIZERS
from tests.app.test_pages import ROOT, open_app
from tests.app.test_pages import shown as explored

FUNCTION, FORMULA = (
    "landscape control dataset.landscape.function",
    "landscape control dataset.landscape.formula",
)


def open_page(query: dict[str, str] | None = None) -> AppTest:
    """The page as its entry in the navigation opens it."""
    app = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=300)
    app.run()
    app.query_params.clear()
    for key, text in (query or {}).items():
        app.query_params[key] = text
    return app.switch_page("pages/landscapes.py").run()


def shown(app: AppTest) -> Experiment:
    assert not app.exception, app.exception
    experiment: Experiment = app.session_state["landscapes"]["experiment"]
    return experiment


def address(app: AppTest) -> dict[str, str]:
    return {
        key: text[0] if isinstance(text, list) else text for key, text in app.query_params.items()
    }


def test_it_opens_with_a_race_between_kinds_of_methods() -> None:
    app = open_page()
    assert shown(app) == landscape_controls.usual()
    assert {lane.family for lane in shown(app).lanes} >= {"Annealing", "Gradient"}
    assert not app.warning
    assert address(app) == to_flat(landscape_controls.usual())


LINKS: list[dict[str, Any]] = [
    {
        "dataset": {"name": "landscape", "function": "himmelblau"},
        "lanes": ["pso", "sgd", "annealing", "adam"],
        "seed": 3,
    },
    {
        "dataset": {"name": "landscape", "function": "schwefel", "start_x": 100, "start_y": -250.5},
        "budget": {"currency": "seconds", "amount": 0.25},
    },
    {
        "dataset": {
            "name": "landscape",
            "function": "formula",
            "formula": "x^2 + |y| - 3",
            "reach": 7,
        },
        "lanes": [{"name": "sgd", "learning_rate": 0.123}],
    },
]


@pytest.mark.parametrize("value", LINKS)
def test_a_link_typed_anywhere_opens_here_and_sets_every_control(value: dict[str, Any]) -> None:
    experiment = Experiment.parse(value)
    app = open_app(to_flat(experiment))
    assert shown(app) == experiment
    assert shown(app.run()) == experiment
    assert address(app) == to_flat(experiment)
    assert "experiment" not in app.session_state  # the explorer was never drawn


def test_links_know_their_page() -> None:
    assert link.page_of({"dataset": "landscape", "seed": "3"}) == link.LANDSCAPES
    assert link.page_of({"dataset": "moons"}) == link.page_of({}) == link.EXPLORE


def test_both_pages_keep_what_was_set_on_them() -> None:
    app = open_page({"dataset": "landscape", "dataset.function": "ackley", "seed": "7"})
    assert shown(app).seed == 7
    app.query_params.clear()
    app.switch_page("pages/explore.py").run()
    assert explored(app) == Experiment()
    app.query_params.clear()
    app.switch_page("pages/landscapes.py").run()
    assert shown(app).seed == 7
    assert shown(app).dataset == Landscapes(function="ackley")


def test_every_landscape_can_be_picked() -> None:
    app = open_page()
    for name in FUNCTIONS:
        app.selectbox(key=FUNCTION).set_value(name).run()
        assert shown(app).dataset == Landscapes(function=name)
        assert not app.warning


def test_a_formula_is_drawn_and_one_that_cannot_be_read_is_told_in_one_line() -> None:
    app = open_page()
    app.selectbox(key=FUNCTION).set_value("formula").run()
    assert shown(app).dataset.formula == landscape_controls.EXAMPLE  # type: ignore[attr-defined]
    app.text_input(key=FORMULA).set_value("x^2 + 3*y^2").run()
    assert shown(app).dataset.formula == "x^2 + 3*y^2"  # type: ignore[attr-defined]
    for hostile in ("x^2 +", "__import__('os').system('true')", "x.__class__", "9^9^9^9*x"):
        app.text_input(key=FORMULA).set_value(hostile).run()
        assert shown(app).dataset.formula == "x^2 + 3*y^2"  # type: ignore[attr-defined]
        assert len(app.warning) == 1
        assert app.warning[0].value.startswith("This formula cannot be drawn. Expected: ")
        assert "\n" not in app.warning[0].value
    app.text_input(key=FORMULA).set_value("x^2 + y").run()
    assert not app.warning


def test_knobs_follow_the_landscape_until_they_are_set_by_hand() -> None:
    app = open_page({"dataset": "landscape", "dataset.function": "sphere", "lanes": "sgd,adam"})
    bowl = shown(app).lanes[0].learning_rate  # type: ignore[attr-defined]
    app.selectbox(key=FUNCTION).set_value("rosenbrock").run()
    valley = shown(app).lanes[0].learning_rate  # type: ignore[attr-defined]
    assert valley < bowl / 10
    app.select_slider(key="landscape control lane1.sgd.learning_rate").set_value(0.01).run()
    app.selectbox(key=FUNCTION).set_value("sphere").run()
    assert shown(app).lanes[0].learning_rate == 0.01  # type: ignore[attr-defined]
    assert (
        shown(app).lanes[1]
        == Experiment.parse({"dataset": shown(app).dataset.to_json(), "lanes": ["adam"]}).lanes[0]
    )


def test_what_is_pressed_in_the_live_view_sets_the_controls() -> None:
    app = open_page()
    for pressed, check in (
        ({"start": [1.5, -2.0]}, lambda e: e.dataset.start == (1.5, -2.0)),
        ({"seed": 12}, lambda e: e.seed == 12 and e.dataset.start == (1.5, -2.0)),
        ({"site": "ackley"}, lambda e: e.dataset == Landscapes(function="ackley")),
        ({"site": "nowhere"}, lambda e: e.dataset == Landscapes(function="ackley")),
        ({"site": "formula"}, lambda e: e.dataset.function == "formula"),
    ):
        for name, value in pressed.items():
            app.session_state["landscapes"][f"told {name}"] = value
        assert check(shown(app.run())), pressed


def test_a_start_chosen_by_hand_can_be_given_up() -> None:
    app = open_page({"dataset": "landscape", "dataset.start_x": "1", "dataset.start_y": "2"})
    button = next(button for button in app.button if button.label.startswith("Start at"))
    button.click().run()
    assert shown(app).dataset.start is None  # type: ignore[attr-defined]


def test_methods_that_cannot_walk_are_not_offered() -> None:
    app = open_page()
    offered = set(app.selectbox(key="landscape control lane 1").options)
    walking = {cls.label for cls in OPTIMIZERS if landscape_controls.can_walk(Landscapes(), cls)}
    assert offered == walking


def test_a_broken_link_opens_with_one_friendly_line_and_the_usual_race() -> None:
    app = open_app(
        {"dataset": "landscape", "dataset.function": "formula", "dataset.formula": "sin("}
    )
    assert shown(app) == landscape_controls.usual()
    assert len(app.warning) == 1
    assert plain("dataset.formula: 'sin(' is not allowed") in app.warning[0].value
