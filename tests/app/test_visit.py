"""Where a visitor came from: back and forward, and the question a race was picked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from app import link, route_controls, visit
from app.presets import PICKED, presets
from engine.experiment.model import Experiment
from engine.experiment.query_string import to_flat

ROOT = Path(__file__).resolve().parents[2]


def opened(query: dict[str, str]) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=300)
    for key, text in query.items():
        app.query_params[key] = text
    app.run()
    assert not app.exception
    return app


def go(app: AppTest, address: dict[str, str], state: Any = None) -> None:
    """As the browser does: the address is another one, and the live view tells of it."""
    app.query_params.clear()
    for key, text in address.items():
        app.query_params[key] = text
    (app.session_state if state is None else state)["went_to"] = "?" + "&".join(
        f"{key}={text}" for key, text in address.items()
    )
    app.run()
    assert not app.exception


def test_going_back_takes_the_addresss_experiment_and_leaves_the_address_alone() -> None:
    first = Experiment.parse({"dataset": "moons", "lanes": ["snes"], "seed": 3})
    app = opened(to_flat(first))
    app.number_input(key="control seed").set_value(8).run()
    assert app.session_state["experiment"].seed == 8
    assert app.query_params["seed"] == "8"
    go(app, to_flat(first))
    assert app.session_state["experiment"] == first
    assert app.number_input(key="control seed").value == 3
    assert app.query_params["seed"] == "3"
    app.run()
    assert app.query_params["seed"] == "3"
    go(app, {})
    assert app.session_state["experiment"] == Experiment()
    assert dict(app.query_params) == {}, "an address that was gone back to bars no way"


def test_going_back_from_a_question_lets_go_of_it_and_going_forward_takes_it_up() -> None:
    first = Experiment.parse({"dataset": "moons", "lanes": ["snes"], "seed": 3})
    asked = next(preset for preset in presets() if preset.page == link.EXPLORE)
    app = opened(to_flat(first))
    app.session_state[PICKED] = asked.id
    app.run()
    assert app.session_state[visit.ASKED] == asked.id
    assert app.session_state["experiment"] == asked.experiment()
    go(app, to_flat(first))
    assert visit.ASKED not in app.session_state
    go(app, link.write_link(asked.experiment().model_copy(update={"seed": 5})))
    assert app.session_state[visit.ASKED] == asked.id


def test_a_run_before_the_page_has_followed_does_not_write_over_the_address() -> None:
    first = Experiment.parse({"dataset": "moons", "lanes": ["snes"], "seed": 3})
    app = opened(to_flat(first))
    app.number_input(key="control seed").set_value(8).run()
    app.query_params["seed"] = "3"
    app.run()
    assert app.query_params["seed"] == "3"
    app.number_input(key="control seed").set_value(9).run()
    assert app.query_params["seed"] == "9"


def test_so_it_is_on_the_page_of_landscapes() -> None:
    first = {"dataset": "landscape", "dataset.function": "beale", "lanes": "adam", "seed": "4"}
    app = opened(first)
    page = app.session_state["landscapes"]
    app.number_input(
        key="control landscape seed"
        if "control landscape seed" in [one.key for one in app.number_input]
        else "landscape control seed"
    ).set_value(8).run()
    assert page["experiment"].seed == 8
    go(app, first, page)
    assert app.session_state["landscapes"]["experiment"].seed == 4
    assert app.session_state["landscapes"]["experiment"].dataset.function == "beale"


def test_an_address_of_another_page_changes_nothing() -> None:
    app = opened({"dataset": "moons", "seed": "3"})
    go(app, {"dataset": "landscape"})
    assert app.session_state["experiment"].dataset.name == "moons"


def ask(name: str, page: str, other: str) -> None:
    import streamlit as st

    from app import visit

    state = {visit.ASKED: name}
    st.session_state.told = [visit.question(page, state), visit.question(other, state)]
    visit.close(state)
    st.session_state.closed = visit.question(page, state)


def test_every_questions_explanation_is_for_the_page_its_race_is_on() -> None:
    for preset in presets():
        experiment = preset.experiment()
        others = {link.EXPLORE, link.LANDSCAPES, link.ROUTES} - {preset.page}

        app = AppTest.from_function(
            ask,
            kwargs={"name": preset.id, "page": preset.page, "other": min(others)},
            default_timeout=300,
        ).run()
        told, elsewhere = app.session_state["told"]
        assert (told["title"], told["why"], told["experiment"]) == (
            preset.title,
            preset.why,
            experiment.to_json(),
        )
        assert elsewhere is None
        assert app.session_state["closed"] is None


def test_what_would_be_raced_is_told_in_a_line() -> None:
    line = visit.about(Experiment.parse({"dataset": "moons", "lanes": ["snes", "adam", "pso"]}))
    assert line == "Moons · Perceptron (MLP) · SNES against Adam against Particle swarm"
    line = visit.about(
        Experiment.parse({"dataset": {"name": "landscape", "function": "beale"}, "lanes": ["adam"]})
    )
    assert "MLP" not in line
    assert line.endswith("Adam")


def test_the_address_is_read_as_it_was_written() -> None:
    assert visit.parameters("?dataset=moons&lanes=annealing%2Cadam&a=") == {
        "dataset": "moons",
        "lanes": "annealing,adam",
        "a": "",
    }
    assert visit.parameters("") == visit.parameters("?") == {}


def test_a_first_visit_is_asked_the_first_question_and_a_link_is_not() -> None:
    first = presets()[0]
    app = opened({})
    assert app.session_state[visit.ASKED] == first.id
    assert first.experiment().to_json() == Experiment().to_json(), "its race is the one that plays"
    app = opened({"dataset": "moons"})
    assert visit.ASKED not in app.session_state


def test_so_is_a_first_visit_of_the_routes_whatever_was_asked_before() -> None:
    app = opened({})
    app.switch_page("pages/routes.py").run()
    assert not app.exception
    state = app.session_state["routes"]
    shown = visit.question(link.ROUTES, state)
    assert shown is not None
    assert shown["experiment"] == route_controls.usual().to_json(), "its race is the one that plays"
    app.switch_page("pages/explore.py").run()
    assert app.session_state[visit.ASKED] == presets()[0].id, "each page keeps its own"


def test_questions_lead_on_from_one_to_the_next_across_pages() -> None:
    everything = presets()
    app = opened({})
    started = 0
    for number, preset in enumerate(everything[:6], 1):
        app.session_state[PICKED] = preset.id
        app.run()
        assert not app.exception
        assert app.session_state[visit.ASKED] == preset.id
        if preset.page == link.EXPLORE:
            assert app.session_state["experiment"] == preset.experiment()
            assert app.session_state["starts"] > started
            started = app.session_state["starts"]
        following = everything[number].id
        shown = visit_question(preset.id, preset.page)
        assert (shown["number"], shown["next"]) == (number, following)
        assert shown["watch"]
        assert shown["lesson"]
        assert len(shown["lanes"]) == len(preset.experiment().lanes)


def visit_question(name: str, page: str) -> dict[str, Any]:
    """Return what the story bar is given of a question."""
    app = AppTest.from_function(_ask, kwargs={"name": name, "page": page}).run()
    assert not app.exception
    return dict(app.session_state["shown"])


def _ask(name: str, page: str) -> None:
    import streamlit as st

    from app import visit as page_visit

    st.session_state["shown"] = page_visit.question(page, {page_visit.ASKED: name})
