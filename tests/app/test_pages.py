"""Every page runs; the controls draw every knob and name the experiment they show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import link
from app.text import plain, t
from engine.datasets import DATASETS
from engine.experiment.model import Experiment
from engine.experiment.query_string import from_flat, to_flat
from engine.optimizers import OPTIMIZERS
from engine.registry import fields
from engine.workers.pool import cores

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path.name for path in (ROOT / "app" / "pages").glob("*.py") if path.name != "__init__.py"
)


def open_app(query: dict[str, str] | None = None) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=300)
    for key, text in (query or {}).items():
        app.query_params[key] = text
    return app.run()


def shown(app: AppTest) -> Experiment:
    assert not app.exception, app.exception
    experiment: Experiment = app.session_state["experiment"]
    return experiment


def test_the_app_opens_on_the_explorer_with_the_default_experiment() -> None:
    assert {"explore.py", "landscapes.py"} <= set(PAGES)
    app = open_app()
    assert shown(app) == Experiment()
    assert not app.warning


@pytest.mark.parametrize(
    "dataset", [cls.name for cls in DATASETS if cls.kind != "function" and not cls.needs_file]
)
def test_every_dataset_can_be_shown(dataset: str) -> None:
    app = open_app({"dataset": dataset})
    assert shown(app) == Experiment.parse({"dataset": dataset})


@pytest.mark.parametrize("optimizer", OPTIMIZERS.names())
def test_every_optimizer_has_all_its_knobs_drawn_from_its_fields(optimizer: str) -> None:
    app = open_app({"lanes": optimizer})
    assert shown(app) == Experiment.parse({"lanes": [optimizer]})
    widgets = [*app.slider, *app.select_slider, *app.selectbox, *app.number_input, *app.toggle]
    keys = {widget.key for widget in widgets}
    for field in fields(OPTIMIZERS.get(optimizer)):
        assert f"control lane1.{optimizer}.{field['name']}" in keys
        widget = next(
            widget
            for widget in widgets
            if widget.key == f"control lane1.{optimizer}.{field['name']}"
        )
        assert field["label"] in widget.label
        assert widget.help == field["help"]


LINKS: list[dict[str, Any]] = [
    {
        "dataset": {"name": "circles", "points": 123, "noise": 0.37},
        "lanes": [
            {
                "name": "annealing",
                "population_size": 77,
                "schedule": "linear",
                "initial_temperature": 0.123,
            }
        ],
    },
    {"network": {"name": "mlp", "hidden": []}, "lanes": ["adam", "adam"], "seed": 5},
    {
        "network": {"name": "mlp", "hidden": [3, 70, 5, 9, 2, 1], "activation": "relu"},
        "loss": "squared-error",
    },
    {
        "dataset": "digits",
        "network": {"name": "cnn", "channels_1": 3},
        "lanes": ["sgd", "eki", "pso", "annealing"],
        "budget": {"currency": "flops", "amount": 12345678901},
    },
    {
        "dataset": "digits",
        "network": {"name": "binary", "hidden": [7, 9], "levels": 4},
        "lanes": ["annealing", {"name": "annealing", "proposal": "sparse"}],
    },
]


@pytest.mark.parametrize("value", LINKS)
def test_a_link_sets_every_control_so_that_they_name_the_same_experiment(
    value: dict[str, Any],
) -> None:
    experiment = Experiment.parse(value)
    app = open_app(to_flat(experiment))
    assert shown(app) == experiment
    assert shown(app.run()) == experiment  # and still do in the next run
    assert {
        key: text[0] if isinstance(text, list) else text for key, text in app.query_params.items()
    } == to_flat(experiment)


def test_chains_flip_while_the_network_has_weights_of_one_bit() -> None:
    app = open_app({"dataset": "digits", "lanes": "annealing"})
    for network, proposal, loss in (
        ("binary", "flip", "margin"),
        ("mlp", "sparse", "cross-entropy"),
        ("binary", "flip", "margin"),
    ):
        app.selectbox(key="control network").set_value(network).run()
        found = shown(app)
        assert found.network.name == network
        assert found.loss == loss
        assert found.lanes[0].proposal == proposal  # type: ignore[attr-defined]


def told_of(app: AppTest) -> str:
    """What the page says of its link, with what is folded."""
    return "\n".join(str(one.value) for kind in (app.warning, app.markdown) for one in kind)


def test_a_broken_link_opens_with_one_friendly_line_and_the_default() -> None:
    app = open_app({"dataset": "mnits"})
    assert shown(app) == Experiment()
    assert len(app.warning) == 1
    assert app.warning[0].value == t("pages.bad-address")
    assert plain("dataset: 'mnits' is not allowed") in told_of(app)


@pytest.mark.parametrize(
    ("query", "kept", "told"),
    [
        (
            {"dataset": "moons", "annealing.population_size": "0", "seconds": "5"},
            {"dataset": "moons", "seconds": "5"},
            ["annealing.population_size: '0' is not allowed; expected at least 1"],
        ),
        (
            {"dataset": "moons", "lanes": "annealing,adam,eki,pso,snes", "seed": "4"},
            {"dataset": "moons", "lanes": "annealing,adam,eki,pso", "seed": "4"},
            ["at most 4 lanes"],
        ),
        (
            {
                "lanes": "pso,nope,adam",
                "nope.rate": "1",
                "adam.learning_rate": "0.5",
                "seconds": "x",
            },
            {"lanes": "pso,adam", "adam.learning_rate": "0.5"},
            ["lanes: 'nope' is not allowed; expected the name of a method", "seconds: 'x'"],
        ),
        (
            {"dataset": "nope", "dataset.noise": "0.3", "seed": "7"},
            {"seed": "7"},
            ["dataset: 'nope' is not allowed"],
        ),
        (
            {"dataset": "moons", "seconds": "5", "evaluations": "100", "what": "1"},
            {"dataset": "moons", "seconds": "5"},
            ["evaluations: '100' is not allowed; expected one budget only", "what: '1'"],
        ),
        (
            {"dataset": "moons", "network.hidden": "0,4", "network.activation": "relu"},
            {"dataset": "moons", "network.activation": "relu"},
            ["network.hidden"],
        ),
        ({"lanes.x": "1", "seed": "7"}, {"seed": "7"}, ["lanes.x: '1'"]),
        ({"dataset.points": "9" * 500, "seed": "7"}, {"seed": "7"}, ["dataset.points"]),
    ],
)
def test_of_a_link_with_something_wrong_the_rest_is_kept_and_what_is_wrong_is_named(
    query: dict[str, str], kept: dict[str, str], told: list[str]
) -> None:
    app = open_app(query)
    assert shown(app) == from_flat(kept)
    assert len(app.warning) == 1
    assert "\n" not in app.warning[0].value
    assert len(app.warning[0].value) <= link.ONE_LINE
    said = told_of(app)
    for one in told:
        assert plain(one) in said
    assert said.count("is not allowed") == len(told)
    assert "[" not in said.replace("\\[", ""), "no list as Python writes it"
    app.button(key="close notice").click().run()
    assert not app.warning
    assert shown(app) == from_flat(kept)


def test_the_button_says_of_stop_rules_what_its_popover_holds() -> None:
    for query in ({"dataset": "moons", "seed": "3"}, {}):
        app = open_app(query)
        for _ in range(2):
            assert "Stop early" in popovers(app)
            assert not any(label.startswith("Stop early:") for label in popovers(app))
            app.run()
        app.select_slider(key="control stop patience").set_value(0.1).run()
        assert "Stop early: patience" in popovers(app), "in the very run in which it was set"
        app.number_input(key="control stop target").set_value(0.05).run()
        assert "Stop early: target and patience" in popovers(app)
        app.select_slider(key="control stop patience").set_value("auto").run()
        assert "Stop early: target" in popovers(app)
        assert shown(app).stop.patience is None


def popovers(app: AppTest) -> list[str]:
    """The labels of all popovers on the page."""
    found: list[str] = []

    def look(block: Any) -> None:
        for child in getattr(block, "children", {}).values():
            proto: Any = getattr(child, "proto", None)
            if getattr(child, "type", "") == "popover" or (
                proto is not None and hasattr(proto, "popover") and proto.HasField("popover")
            ):
                found.append(proto.popover.label if hasattr(proto, "popover") else proto.label)
            look(child)

    look(app.main)
    look(app.sidebar)
    return found


def test_lanes_are_added_and_removed_and_keep_their_knobs() -> None:
    app = open_app({"lanes": "annealing,adam,sgd", "sgd.learning_rate": "0.5"})
    app.button(key="remove 1").click().run()
    assert [lane.name for lane in shown(app).lanes] == ["annealing", "sgd"]
    assert shown(app).lanes[1].learning_rate == 0.5  # type: ignore[attr-defined]
    app.button(key="add lane").click().run()
    assert len(shown(app).lanes) == 3
    app.button(key="add lane").click().run()
    assert len(shown(app).lanes) == 4
    assert "add lane" not in {button.key for button in app.button}


def test_what_was_set_for_a_method_is_still_set_after_a_look_at_another() -> None:
    app = open_app({"annealing.population_size": "99"})
    app.button_group(key="control lane 0").set_value("pso").run()
    assert shown(app).lanes[0].name == "pso"
    app.button_group(key="control lane 0").set_value("annealing").run()
    assert shown(app).lanes[0].population_size == 99  # type: ignore[attr-defined]


def test_the_page_keys_of_an_address_are_left_alone() -> None:
    experiment, complaint = link.read_link({"embed": "true", "seed": "4"})
    assert complaint is None
    assert experiment.seed == 4


def test_addresses_of_any_length_are_survived() -> None:
    assert link.read_link({f"k{i}": "x" for i in range(1000)})[1] is not None
    assert link.read_link({"dataset": "x" * 100_000})[1] is not None


def test_the_page_says_where_backprop_sees_nothing() -> None:
    said = " ".join(
        caption.value
        for caption in open_app({"dataset": "moons", "network.activation": "heaviside"}).caption
    )
    assert "the gradient through them is exactly zero" in said
    said = " ".join(
        caption.value
        for caption in open_app(
            {"dataset": "moons", "network.activation": "sign", "network.straight_through": "true"}
        ).caption
    )
    assert "exactly zero" not in said
    said = " ".join(
        caption.value for caption in open_app({"dataset": "digits", "network": "binary"}).caption
    )
    assert "Only the signs of these weights count" in said
    said = " ".join(
        caption.value for caption in open_app({"dataset": "moons", "loss": "zero-one"}).caption
    )
    assert "backprop cannot move" in said


def test_a_link_gets_as_many_threads_as_the_server_allows_and_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KELVIN_THREADS", "2")
    app = open_app({"threads": "200", "seed": "3"})
    assert (shown(app).threads, shown(app).seed) == (2, 3)
    assert "200 processor threads were requested; a race may use 2 here" in app.warning[0].value
    assert app.query_params["threads"] == "2"
    assert app.session_state["opened_by_link"], "it is a link all the same"
    app = open_app({"dataset": "landscape", "threads": "3"})
    assert "3 processor threads were requested; a race may use 2 here" in app.warning[0].value


@pytest.mark.parametrize("threads", ["1", "2"])
def test_threads_that_are_allowed_are_taken_without_a_word(
    threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KELVIN_THREADS", "2")
    experiment, said = link.read_link({"threads": threads})
    assert (experiment.threads, said) == (int(threads), None)


def test_without_a_setting_the_cores_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KELVIN_THREADS", raising=False)
    assert link.read_link({"threads": "256"})[0].threads == min(256, cores())


def test_a_recording_taken_up_gets_as_many_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KELVIN_THREADS", "1")
    value = Experiment.parse({"threads": 4}).to_json()
    page = "from app import controls\nimport streamlit as st\n"
    page += f"st.write(controls.take_up({value!r}))"
    app = AppTest.from_string(page, default_timeout=300).run()
    assert "4 processor threads were requested; a race may use 1 here" in app.markdown[0].value
