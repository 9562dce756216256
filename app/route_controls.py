"""The controls of the routes page: the problem and its instance, the methods, the budget."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, get_args

import numpy as np
import streamlit as st

from app import controls, link, uploads, widgets
from app.text import plain, t
from app.widgets import current, forget, kept, put, scoped
from engine.combinatorial.experiment import CombinatorialExperiment, StopRules
from engine.combinatorial.instance import MAX_EDITABLE
from engine.combinatorial.instances import INSTANCES, MOST_RUNWAYS, InstanceConfig, OwnCities
from engine.combinatorial.methods import METHODS
from engine.errors import BadInput
from engine.experiment.lanes import MAX_LANES, MAX_SEED
from engine.oracle import Currency
from engine.registry import fields

PROBLEMS = ("tour", "routes", "pairing", "landing")
"""Kinds of problems, in the order in which they are offered."""
FAVOURITES = {
    "tour": ("annealing", "tempering", "iterated", "restarts"),
    "routes": ("annealing", "tempering", "pyvrp"),
    "pairing": ("annealing", "tempering", "highs"),
    "landing": ("annealing", "tempering", "first-come"),
}
"""Methods of the first lane that are offered at once."""
LANES = {
    "tour": ("annealing", "iterated"),
    "routes": ("annealing", "tempering"),
    "pairing": ("annealing", "highs"),
    "landing": ("annealing", "first-come"),
}
"""The lanes once another kind of problem is chosen."""
FIRST = {
    "tour": "airports",
    "routes": "deliveries",
    "pairing": "timetable",
    "landing": "landings",
}
"""The instance once another kind of problem is chosen."""
ONLY = {"overload": ("routes",), "neighbours": ("tour", "routes")}
"""Settings of methods that mean nothing for other kinds of problems."""
CURRENCIES: tuple[Currency, ...] = ("seconds", "evaluations")
AMOUNTS: dict[str, list[float]] = {
    "seconds": [1, 2, 3, 5, 10, 20, 30, 60, 120, 300],
    "evaluations": [1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9, 3e9, 1e10],
}
DEFAULT_AMOUNT: dict[Currency, float] = {"seconds": 10, "evaluations": 3e8}
OWN = OwnCities.name
START = "1,1;4,0;8,1;9,4;7,5;9,8;6,9;5,6;2,9;0,7;3,4;1,4"
"""The first cities of one's own: enough for every method."""
MOST_SHOWN = 4000
"""Cities of a preview that are sent; of more an even choice."""
PLACES = 10
"""Digits of a coordinate that are sent."""


def usual() -> CombinatorialExperiment:
    """Return the default experiment of the page."""
    return CombinatorialExperiment.parse({"instance": "airports"})


def load(experiment: CombinatorialExperiment) -> None:
    """Set every control from an experiment (from a link, for example)."""
    values: dict[str, Any] = {
        "instance": experiment.instance.name,
        "currency": experiment.budget.currency,
        f"amount {experiment.budget.currency}": experiment.budget.amount,
        "seed": experiment.seed,
        "start": experiment.start,
        "lanes": [lane.name for lane in experiment.lanes],
        "given": experiment.instance.to_json() if experiment.instance.needs_file else None,
        "problem": problem_of(experiment.instance),
    }
    for name in StopRules.model_fields:
        values[f"stop {name}"] = getattr(experiment.stop, name)
    owners = {"instance": experiment.instance} | {
        f"lane{i + 1}": lane for i, lane in enumerate(experiment.lanes)
    }
    for owner, choice in owners.items():
        for name in type(choice).model_fields:
            values[f"{owner}.{choice.name}.{name}"] = getattr(choice, name)
    st.session_state[scoped(widgets.KEPT)] = values
    for key in [key for key in st.session_state if str(key).startswith(scoped("control "))]:
        del st.session_state[key]


def problem_of(instance: InstanceConfig) -> str:
    """Return the kind of problem that an instance is; of a file that is no longer there, a tour."""
    if not instance.needs_file:
        return instance.problem
    try:
        return str(_loaded(instance).kind)
    except BadInput:
        return instance.problem


def offered(problem: str) -> list[type[Any]]:
    """Return the methods for a kind of problem: programs of others only where they are installed;
    and what a link names in any case, for the page to say why it cannot run.
    """
    named = kept().get("lanes", ())
    return [
        cls for cls in METHODS if cls.name in named or (problem in cls.solves and _installed(cls))
    ]


def _installed(method: type[Any]) -> bool:
    """Return whether the program that does a method's work is there, if it needs one."""
    package = getattr(method, "package", None)
    return package is None or find_spec(package) is not None


def _other_problem() -> None:
    """Choose an instance and lanes that fit, once another kind of problem is chosen."""
    problem = str(current("problem"))
    # Set from outside it has not changed, though Streamlit takes that for a hand.
    if problem == kept().get("problem"):
        return
    put("instance", FIRST[problem])
    if tuple(kept().get("lanes", ())) in LANES.values():  # nobody chose them
        _set_lanes(problem)
    _line_up(problem)


def _line_up(problem: str) -> None:
    """Keep the lanes if they run on a kind of problem, else take the usual ones."""
    able = [cls.name for cls in METHODS if problem in cls.solves]
    if all(name in able for name in kept().get("lanes", ())):
        return
    _set_lanes(problem)


def _set_lanes(problem: str) -> None:
    """Choose the usual lanes of a kind of problem."""
    kept()["lanes"] = list(LANES[problem])
    for i in range(MAX_LANES):
        forget(f"lane {i}")


def take_cities(instance: Mapping[str, Any]) -> None:
    """Set the controls to cities that were changed on the map, or to what they were before such
    changes. Call it before they are drawn.
    """
    if instance.get("name", OWN) != OWN:
        _restore(instance)
        return
    try:
        own = OwnCities(cities=str(instance["cities"]), geographic=bool(instance["geographic"]))
    except (BadInput, ValueError, KeyError):  # nothing that the map sends
        return
    put("problem", "tour")
    put("instance", OWN)
    put(f"instance.{OWN}.cities", own.cities)
    put(f"instance.{OWN}.geographic", own.geographic)
    put("lines", lines_of(own.cities))


def _restore(instance: Mapping[str, Any]) -> None:
    """Set the controls to an instance of another kind than one's own cities."""
    try:
        was = INSTANCES.build(dict(instance))
    except BadInput:  # nothing that the map sends
        return
    put("problem", problem_of(was))
    put("instance", was.name)
    for name in type(was).model_fields:
        put(f"instance.{was.name}.{name}", getattr(was, name))
    if was.needs_file:
        kept()["given"] = was.to_json()


def draw(shown: CombinatorialExperiment) -> dict[str, Any]:
    """Draw all controls and return their experiment as JSON values (not yet validated).

    Args:
        shown: the experiment on the page.
    """
    problem, value = _problem(shown)
    value["lanes"] = controls.draw_lanes(
        offered(problem),
        leave_out=tuple(name for name, kinds in ONLY.items() if problem not in kinds),
        favourites=FAVOURITES[problem],
        stepwise=problem == "tour",
        opening=t("controls.method-search"),
    )
    reads = {"evaluations": "reads" if problem in ("tour", "routes") else f"reads-{problem}"}
    value["budget"] = controls.draw_budget(CURRENCIES, AMOUNTS, DEFAULT_AMOUNT, reads)
    value["stop"] = _stop(problem)
    info = CombinatorialExperiment.model_fields["start"]
    value["start"] = widgets.select(
        "start",
        {name: t(f"controls.start-{name}") for name in get_args(info.annotation)},
        t("controls.start-tour" if problem == "tour" else "controls.start-answer"),
        t(f"controls.start-{problem}-hint"),
    )
    value["seed"] = widgets.number(
        "seed", t("controls.seed"), 0, 0, MAX_SEED, t("controls.seed-hint-routes")
    )
    return value


def _stop(problem: str) -> dict[str, Any]:
    """Draw the stop rules, and return them as JSON values."""
    described = fields(StopRules)
    active = any(current(f"stop {rule['name']}") is not None for rule in described)
    said = t("controls.stop-target" if active else "controls.stop")
    with st.popover(said, icon=":material/flag:", width="stretch", key="route stop early"):
        return {
            rule["name"]: widgets.number(
                f"stop {rule['name']}",
                t(
                    "controls.target",
                    label=t("controls.target-cost")
                    if rule["name"] == "length" and problem in ("pairing", "landing")
                    else rule["label"],
                ),
                None,
                rule["minimum"] if rule["type"] == "integer" else float(rule["minimum"]),
                rule["maximum"] if rule["type"] == "integer" else float(rule["maximum"]),
                rule["help"],
            )
            for rule in described
        }


def _problem(shown: CombinatorialExperiment) -> tuple[str, dict[str, Any]]:
    """Draw the choice of the kind of problem, and of its instance.

    Returns:
        The kind that the lanes have to solve, and the instance as JSON values, as ``instance``.
    """
    problem = widgets.select(
        "problem",
        {kind: t(f"controls.problem-{kind}") for kind in PROBLEMS},
        t("controls.problem"),
        t("controls.problem-hint"),
        on_change=_other_problem,
    )
    choices = {cls.name: cls.label for cls in INSTANCES if cls.problem == problem}
    choices |= {cls.name: cls.label for cls in INSTANCES if cls.needs_file}
    called = "instance" if problem == "tour" else f"instance-{problem}"
    name = widgets.select(
        "instance", choices, t(f"controls.{called}"), t(f"controls.{called}-hint")
    )
    cls = INSTANCES.get(name)
    if cls.needs_file:
        value = _file(shown.instance)
        inside = problem_of(INSTANCES.build(value))
        if value["name"] == name and inside != problem:  # what is in a file decides
            put("problem", inside)
            _line_up(inside)
            st.rerun()
        return problem, {"instance": value}
    if name == OWN:
        return problem, {"instance": _own()}
    st.caption(cls.sentence)
    knobs = widgets.knobs("instance", cls) if cls.model_fields else {}
    return problem, {"instance": {"name": name, **knobs}}


def _file(shown: InstanceConfig) -> dict[str, Any]:
    """Draw the choice of a file; while there is none, the earlier instance stays."""
    was = kept().get("given") or {}
    given = uploads.draw_cities(was)
    if given is None:
        st.caption(t("uploads.cities-none-yet", instance=plain(shown.title)))
        return shown.to_json()
    if was.get("token") == given["token"]:  # what a link says of it besides
        given = {**was, **given}
    kept()["given"] = given
    kind = problem_of(INSTANCES.build(given))
    if kind == "landing":
        given["runways"] = int(
            widgets.widget(
                st.slider,
                "runways",
                t("controls.runways"),
                int(given.get("runways") or 1),
                "",
                min_value=1,
                max_value=MOST_RUNWAYS,
            )
        )
    return given


def _own() -> dict[str, Any]:
    """Draw one's own cities, as lines that can be typed or pasted."""
    geographic = bool(
        widgets.widget(
            st.toggle,
            f"instance.{OWN}.geographic",
            t("controls.own-earth"),
            False,
            OwnCities.model_fields["geographic"].description or "",
        )
    )
    st.caption(t("controls.own-draw"))
    text = kept().get(f"instance.{OWN}.cities", START)
    kept().setdefault("lines", lines_of(text))
    typed = widgets.widget(
        st.text_area,
        "lines",
        t("controls.own-cities-earth" if geographic else "controls.own-cities"),
        lines_of(text),
        t("controls.own-cities-hint", most=f"{MAX_EDITABLE:,}"),
        height=160,
    )
    cities = cities_of(typed)
    kept()[f"instance.{OWN}.cities"] = cities
    if len(cities) > link.MOST_CITY_CHARACTERS:
        st.caption(f":material/info: {t('controls.too-many-for-link')}")
    return {"name": OWN, "cities": cities, "geographic": geographic}


def lines_of(cities: str) -> str:
    """Return the text of cities with each on a line of its own: "x, y"."""
    return "\n".join(one.replace(",", ", ") for one in cities.split(";"))


def cities_of(lines: str) -> str:
    """Return lines of cities as an instance holds them: "x,y;x,y"."""
    rows = [line.strip().strip(",;") for part in lines.splitlines() for line in part.split(";")]
    cells = [row.replace(",", " ").split() for row in rows if row]
    return ";".join(",".join(row) for row in cells)


def take_up(value: Mapping[str, Any]) -> str | None:
    """Set every control to the experiment of a recording. Call it before the controls are drawn.

    Returns:
        Why it cannot be raced here, as a sentence for the page, or None.
    """
    try:
        experiment = CombinatorialExperiment.parse(value)
    except BadInput as error:
        return t("pages.not-taken", why=plain(str(error)))
    load(experiment)
    return None


@lru_cache(maxsize=4)
def _loaded(instance: InstanceConfig) -> Any:
    return instance.load()


def refusal(experiment: CombinatorialExperiment) -> BadInput | None:
    """Return why an experiment cannot be raced although its settings are valid: a method that does
    not run on these cities, too little memory, or a file that is no longer there. None if it can.
    """
    try:
        experiment.fits(_loaded(experiment.instance))
    except BadInput as error:
        return error
    return None


def unraceable(experiment: CombinatorialExperiment) -> str | None:
    """Return the same as a sentence for the page."""
    refused = refusal(experiment)
    return None if refused is None else uploads.why(refused)


def _values(value: Any) -> Any:
    """Return arrays as lists, for JSON."""
    if isinstance(value, dict):
        return {name: _values(one) for name, one in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value


@lru_cache(maxsize=16)
def _previewed(instance: InstanceConfig) -> dict[str, Any] | None:
    loaded = _loaded(instance)
    if loaded.kind != "tour":
        told = loaded.stage()
        # What only an answer needs may be large.
        left_out = {"columns", "separation", "answer"}
        return {key: _values(one) for key, one in told.items() if key not in left_out}
    stride = -(-loaded.size // MOST_SHOWN)
    places = loaded.places[::stride]
    names = loaded.names
    return {
        "kind": loaded.kind,
        "label": loaded.label,
        "size": loaded.size,
        "geographic": loaded.geographic,
        "guessed": loaded.guessed,
        "editable": loaded.editable and stride == 1,
        "scale": loaded.scale,
        "origin": loaded.origin,
        "points": [[float(f"{value:.{PLACES}g}") for value in place] for place in places],
        "names": None if names is None else list(names[::stride]),
    }


def preview(experiment: CombinatorialExperiment) -> dict[str, Any] | None:
    """Return what an experiment is about, for a picture before its race: cities, customers,
    flights or planes; None if its file is no longer there.
    """
    try:
        return _previewed(experiment.instance)
    except BadInput:
        return None
