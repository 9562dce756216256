"""The routes page: its controls name the experiment it shows, its links come back, cities changed on
the map are the next race's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import link, route_controls
from app.route_controls import cities_of, lines_of
from engine.combinatorial.experiment import CombinatorialExperiment
from engine.combinatorial.instances import INSTANCES, OwnCities
from engine.combinatorial.methods import METHODS
from engine.experiment.model import Experiment
from engine.registry import fields
from engine.uploads import store
from tests.app.test_pages import ROOT, open_app
from tests.app.test_pages import shown as explored

INSTANCE, LINES = "route control instance", "route control lines"
PROBLEM = "route control problem"
SHIPPED = [cls.name for cls in INSTANCES if not cls.needs_file and cls.problem == "tour"]
PENTAGON = "0,0;4,0;6,3.5;4,6;0,6"


def open_page(query: dict[str, str] | None = None) -> AppTest:
    """The page as its entry in the navigation opens it."""
    app = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=300)
    app.run()
    app.query_params.clear()
    for key, text in (query or {}).items():
        app.query_params[key] = text
    return app.switch_page("pages/routes.py").run()


def shown(app: AppTest) -> CombinatorialExperiment:
    assert not app.exception, app.exception
    experiment: CombinatorialExperiment = app.session_state["routes"]["experiment"]
    return experiment


def address(app: AppTest) -> dict[str, str]:
    return {
        key: text[0] if isinstance(text, list) else text for key, text in app.query_params.items()
    }


def test_it_opens_on_its_default_race() -> None:
    app = open_page()
    assert shown(app) == route_controls.usual()
    assert len(shown(app).lanes) >= 2
    assert not app.warning
    assert address(app) == link.write_link(route_controls.usual())


LINKS: list[dict[str, Any]] = [
    {"instance": {"name": "random", "cities": 321, "seed": 5}, "lanes": ["annealing"], "seed": 3},
    {
        "instance": {"name": "own", "cities": PENTAGON, "geographic": False},
        "lanes": ["tempering", "annealing", "restarts", "iterated"],
        "budget": {"currency": "evaluations", "amount": 123_456},
    },
    {"instance": "circle", "lanes": ["annealing", "annealing"]},
]


@pytest.mark.parametrize("value", LINKS)
def test_a_link_typed_anywhere_opens_here_and_sets_every_control(value: dict[str, Any]) -> None:
    experiment = CombinatorialExperiment.parse(value)
    app = open_app(link.write_link(experiment))
    assert shown(app) == experiment
    assert shown(app.run()) == experiment
    assert address(app) == link.write_link(experiment)
    assert "experiment" not in app.session_state  # the explorer was never drawn


def test_links_know_their_page() -> None:
    assert link.page_of({"instance": "random", "seed": "3"}) == link.ROUTES
    assert link.page_of({"dataset": "moons"}) == link.page_of({}) == link.EXPLORE


def test_a_link_of_networks_typed_here_opens_where_it_belongs() -> None:
    app = open_page()
    assert "experiment" in app.session_state
    assert explored(app) == Experiment()


@pytest.mark.parametrize("name", SHIPPED)
def test_every_instance_can_be_picked_and_has_its_settings_drawn(name: str) -> None:
    app = open_page({"instance": "grid" if name != "grid" else "circle"})
    app.selectbox(key=INSTANCE).set_value(name).run()
    own = {"name": "own", "cities": route_controls.START}
    assert shown(app).instance == INSTANCES.build(own if name == "own" else name)
    assert not app.warning
    widgets = [*app.slider, *app.select_slider, *app.number_input, *app.toggle]
    keys = {widget.key for widget in widgets}
    drawn = {field["name"] for field in fields(INSTANCES.get(name))} - {"cities"}
    assert {f"route control instance.{name}.{field}" for field in drawn} <= keys


@pytest.mark.parametrize("method", [cls.name for cls in METHODS if "tour" in cls.solves])
def test_every_method_has_all_its_knobs_drawn_from_its_fields(method: str) -> None:
    app = open_page({"instance": "random", "lanes": method})
    assert [lane.name for lane in shown(app).lanes] == [method]
    widgets = [*app.slider, *app.select_slider, *app.selectbox, *app.number_input, *app.toggle]
    keys = {widget.key for widget in widgets}
    mine = {one["name"] for one in fields(METHODS.get(method))} - {"overload"}  # of routes only
    for field in [one for one in fields(METHODS.get(method)) if one["name"] in mine]:
        assert f"route control lane1.{method}.{field['name']}" in keys


def test_cities_typed_as_lines_are_the_instance_and_a_bad_line_is_told_in_one() -> None:
    app = open_page({"instance": "own", "lanes": "annealing"})
    app.text_area(key=LINES).set_value("1, 2\n3 4\n\n 5,6; 7,8\n9\t10").run()
    assert shown(app).instance == OwnCities(cities="1,2;3,4;5,6;7,8;9,10")
    for hostile in ("1, 2\nnorth, 3", "1", "nan, 1\n2, 3", "1e999, 0\n1, 1", "=1+1, 2\n3, 4"):
        app.text_area(key=LINES).set_value(hostile).run()
        assert shown(app).instance == OwnCities(cities="1,2;3,4;5,6;7,8;9,10"), hostile
        assert len(app.warning) == 1
        assert "\n" not in app.warning[0].value
    app.text_area(key=LINES).set_value("0, 0\n1, 1\n2, 0\n1, -1").run()
    assert not app.warning


def test_a_method_that_cannot_run_on_the_cities_is_told_before_run() -> None:
    app = open_page({"instance": "own", "instance.cities": PENTAGON, "lanes": "annealing,iterated"})
    assert shown(app).instance == OwnCities(cities=PENTAGON)
    assert len(app.warning) == 1
    assert "at least 8 cities" in app.warning[0].value
    app.text_area(key=LINES).set_value(lines_of(route_controls.START)).run()
    assert not app.warning


def test_lines_and_texts_of_cities_are_the_same_cities() -> None:
    assert lines_of("1,2;3.5,-4") == "1, 2\n3.5, -4"
    assert cities_of(lines_of(PENTAGON)) == PENTAGON


def test_cities_changed_on_the_map_set_the_controls_and_the_link() -> None:
    app = open_page()
    told = {"name": "own", "cities": PENTAGON, "geographic": False}
    app.session_state["routes"]["told cities"] = told
    app.run()
    assert shown(app).instance == OwnCities(cities=PENTAGON)
    assert app.selectbox(key=INSTANCE).value == "own"
    assert app.text_area(key=LINES).value == lines_of(PENTAGON)
    assert address(app)["instance.cities"] == PENTAGON
    app.session_state["routes"]["told seed"] = 12
    assert shown(app.run()).seed == 12
    for nothing in ({}, {"cities": "x"}, {"cities": None, "geographic": 1}):
        app.session_state["routes"]["told cities"] = nothing
        assert shown(app.run()).instance == OwnCities(cities=PENTAGON)


def test_changes_that_were_taken_back_set_the_controls_to_what_was_there() -> None:
    app = open_page()
    told = {"name": "own", "cities": PENTAGON, "geographic": False}
    app.session_state["routes"]["told cities"] = told
    assert shown(app.run()).instance.name == "own"
    app.session_state["routes"]["told cities"] = {"name": "airports", "cities": 40}
    assert shown(app.run()).instance.to_json() == {"name": "airports", "cities": 40}
    assert not app.exception
    for nothing in ({"name": "nowhere"}, {"name": "airports", "cities": "many"}):
        app.session_state["routes"]["told cities"] = nothing
        assert shown(app.run()).instance.name == "airports"


def test_cities_too_many_for_a_link_are_left_out_of_it() -> None:
    many = ";".join(f"{i}.25,{i}.75" for i in range(1500))
    app = open_page()
    app.session_state["routes"]["told cities"] = {"cities": many, "geographic": False}
    app.run()
    assert shown(app).instance == OwnCities(cities=many)
    assert "instance.cities" not in address(app)


def test_a_preview_has_the_cities_and_of_very_many_an_even_choice() -> None:
    few = route_controls.preview(CombinatorialExperiment.parse({"instance": "airports"}))
    assert few is not None
    assert few["size"] == len(few["points"]) == len(few["names"]) == 100
    assert few["geographic"]
    assert few["editable"]
    assert not few["guessed"]
    value = {"instance": {"name": "random", "cities": 100_000}, "lanes": ["annealing"]}
    many = route_controls.preview(CombinatorialExperiment.parse(value))
    assert many is not None
    assert len(many["points"]) <= route_controls.MOST_SHOWN < many["size"]
    assert not many["editable"]


def test_a_broken_link_opens_with_a_line_and_what_is_left_of_it() -> None:
    app = open_app({"instance": "random", "instance.cities": "many", "seed": "4"})
    assert shown(app).instance.name == "random"
    assert shown(app).seed == 4
    assert len(app.warning) == 1
    assert "\n" not in app.warning[0].value


def test_pages_keep_what_was_set_on_them() -> None:
    app = open_page({"instance": "circle", "seed": "7"})
    assert shown(app).seed == 7
    app.query_params.clear()
    app.switch_page("pages/explore.py").run()
    assert explored(app) == Experiment()
    app.query_params.clear()
    app.switch_page("pages/routes.py").run()
    assert shown(app).seed == 7
    assert shown(app).instance == INSTANCES.build("circle")


def test_a_recording_that_cannot_be_raced_here_is_told() -> None:
    app = open_page()
    app.session_state["routes"]["opened"] = {"instance": {"name": "elsewhere"}, "lanes": []}
    app.run()
    assert shown(app) == route_controls.usual()
    assert len(app.warning) == 1


def offered(app: AppTest) -> set[str]:
    """The methods that a further lane may be."""
    return set(app.selectbox(key="route control lane 1").options)


@pytest.mark.parametrize("problem", ["routes", "pairing", "landing"])
def test_another_problem_brings_an_instance_and_methods_that_solve_it(problem: str) -> None:
    app = open_page()
    app.selectbox(key=PROBLEM).set_value(problem).run()
    experiment = shown(app)
    assert not app.warning
    assert experiment.instance.problem == problem
    assert all(problem in lane.solves for lane in experiment.lanes)
    assert len(experiment.lanes) == 2
    labels = {cls.label for cls in METHODS if problem in cls.solves}
    assert offered(app) <= labels
    assert {"Simulated annealing", "Parallel tempering"} <= offered(app)
    assert "cities" not in " ".join(widget.label.lower() for widget in [*app.selectbox])
    keys = {widget.key or "" for widget in [*app.select_slider, *app.slider, *app.number_input]}
    assert any(key.endswith(".overload") for key in keys) == (problem == "routes")
    app.selectbox(key=PROBLEM).set_value("tour").run()
    assert shown(app) == route_controls.usual()


def test_lanes_that_were_chosen_stay_where_they_solve_the_other_problem() -> None:
    app = open_page({"instance": "deliveries", "lanes": "tempering,tempering"})
    app.selectbox(key=PROBLEM).set_value("landing").run()
    assert [lane.name for lane in shown(app).lanes] == ["tempering", "tempering"]
    app = open_page({"instance": "random", "lanes": "tempering,genetic"})
    app.selectbox(key=PROBLEM).set_value("pairing").run()
    assert [lane.name for lane in shown(app).lanes] == list(route_controls.LANES["pairing"])


@pytest.mark.parametrize("name", ["deliveries", "timetable", "landings"])
def test_a_link_to_another_problem_opens_here_with_its_controls(name: str) -> None:
    experiment = CombinatorialExperiment.parse({"instance": name, "lanes": ["annealing"]})
    app = open_app(link.write_link(experiment))
    assert shown(app) == experiment
    assert shown(app.run()) == experiment
    assert app.selectbox(key=PROBLEM).value == experiment.instance.problem


def test_a_method_for_another_problem_is_told_and_not_exchanged() -> None:
    app = open_page({"instance": "deliveries", "lanes": "annealing,genetic"})
    assert [lane.name for lane in shown(app).lanes] == ["annealing", "genetic"]
    assert len(app.warning) == 1
    assert "a method for this kind of problem" in app.warning[0].value
    assert "\n" not in app.warning[0].value


VRP = """NAME : three
TYPE : CVRP
DIMENSION : 4
EDGE_WEIGHT_TYPE : EUC_2D
CAPACITY : 10
NODE_COORD_SECTION
1 0 0
2 10 0
3 0 10
4 10 10
DEMAND_SECTION
1 0
2 6
3 4
4 6
DEPOT_SECTION
1
-1
EOF
"""
PARTITION = "3 4\n5 1 1\n4 1 2\n3 1 3\n7 2 1 2\n"
PLANES = """2 10
0 10 20 40 5.0 5.0
99999 5
0 12 25 40 5.0 5.0
5 99999
"""


@pytest.mark.parametrize(
    ("file", "text", "kind"),
    [
        ("three.vrp", VRP, "routes"),
        ("three.txt", PARTITION, "pairing"),
        ("air.txt", PLANES, "landing"),
    ],
)
def test_what_is_in_a_file_decides_which_problem_it_is(
    file: str, text: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KELVIN_UPLOADS", str(tmp_path))
    token = store.of_bytes(text.encode(), file, "instance.file", "cities").token
    query = {"instance": "file", "instance.token": token, "lanes": "annealing,tempering"}
    if kind == "landing":
        query["instance.runways"] = "3"
    app = open_page(query)
    assert shown(app).instance.name == "file"
    assert app.selectbox(key=PROBLEM).value == kind
    assert not app.warning
    told = " ".join(markdown.value for markdown in app.markdown)
    assert {"routes": "3 customers", "pairing": "3 rows", "landing": "2 planes"}[kind] in told
    preview = route_controls.preview(shown(app))
    assert preview is not None
    assert preview["kind"] == kind
    if kind == "landing":
        assert shown(app).instance.load().runways == 3
        app.slider(key="route control runways").set_value(2).run()
        assert shown(app).instance.load().runways == 2


@pytest.mark.parametrize("name", ["deliveries", "timetable", "landings"])
def test_a_preview_of_another_problem_is_plain_json(name: str) -> None:
    experiment = CombinatorialExperiment.parse({"instance": name, "lanes": ["annealing"]})
    told = route_controls.preview(experiment)
    assert told is not None
    assert json.loads(json.dumps(told)) == told
    assert told["kind"] == experiment.instance.problem
    assert len(json.dumps(told)) < 100_000
