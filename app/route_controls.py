"""The controls of the routes page: the cities, the methods, the budget."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, get_args

import streamlit as st

from app import controls, link, uploads, widgets
from app.text import plain, t
from app.widgets import current, kept, put, scoped
from engine.combinatorial.experiment import CombinatorialExperiment, StopRules
from engine.combinatorial.instance import MAX_EDITABLE
from engine.combinatorial.instances import INSTANCES, InstanceConfig, OwnCities
from engine.combinatorial.methods import METHODS
from engine.errors import BadInput
from engine.experiment.model import MAX_SEED
from engine.oracle import Currency
from engine.registry import fields

FAVOURITES = ("annealing", "tempering", "iterated", "restarts")
CURRENCIES: tuple[Currency, ...] = ("seconds", "evaluations")
AMOUNTS: dict[str, list[float]] = {
    "seconds": [1, 2, 5, 10, 20, 30, 60, 120, 300],
    "evaluations": [1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9, 3e9, 1e10],
}
DEFAULT_AMOUNT: dict[Currency, float] = {"seconds": 10, "evaluations": 3e8}
READS = {"evaluations": "reads"}
"""What the texts of currencies are called here."""
OWN = OwnCities.name
START = "1,1;4,0;8,1;9,4;7,5;9,8;6,9;5,6;2,9;0,7;3,4;1,4"
"""The first cities of one's own: enough for every method."""
SHOWN = "tour"
"""The kind of problems that the page draws; others are raced from the command line."""
MOST_SHOWN = 4000
"""Cities of a preview that are sent; of more an even choice."""
PLACES = 7
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


def take_cities(instance: Mapping[str, Any]) -> None:
    """Set the controls to cities that were changed on the map. Call it before they are drawn."""
    try:
        own = OwnCities(cities=str(instance["cities"]), geographic=bool(instance["geographic"]))
    except (BadInput, ValueError, KeyError):  # nothing that the map sends
        return
    put("instance", OWN)
    put(f"instance.{OWN}.cities", own.cities)
    put(f"instance.{OWN}.geographic", own.geographic)
    put("lines", lines_of(own.cities))


def draw(shown: CombinatorialExperiment) -> dict[str, Any]:
    """Draw all controls and return their experiment as JSON values (not yet validated).

    Args:
        shown: the experiment on the page.
    """
    value: dict[str, Any] = {"instance": _instance(shown)}
    value["lanes"] = controls.draw_lanes(
        [cls for cls in METHODS if SHOWN in cls.solves],
        favourites=FAVOURITES,
        stepwise=False,
        opening=t("controls.method-tour"),
    )
    value["budget"] = controls.draw_budget(CURRENCIES, AMOUNTS, DEFAULT_AMOUNT, READS)
    value["stop"] = _stop()
    info = CombinatorialExperiment.model_fields["start"]
    value["start"] = widgets.select(
        "start",
        {name: t(f"controls.start-{name}") for name in get_args(info.annotation)},
        t("controls.start-tour"),
        info.description or "",
    )
    value["seed"] = widgets.number(
        "seed", t("controls.seed"), 0, 0, MAX_SEED, t("controls.seed-hint-routes")
    )
    return value


def _stop() -> dict[str, Any]:
    """Draw the stop rules, and return them as JSON values."""
    described = fields(StopRules)
    active = any(current(f"stop {rule['name']}") is not None for rule in described)
    said = t("controls.stop-target" if active else "controls.stop")
    with st.popover(said, icon=":material/flag:", width="stretch", key="route stop early"):
        return {
            rule["name"]: widgets.number(
                f"stop {rule['name']}",
                t("controls.target", label=rule["label"]),
                None,
                rule["minimum"] if rule["type"] == "integer" else float(rule["minimum"]),
                rule["maximum"] if rule["type"] == "integer" else float(rule["maximum"]),
                rule["help"],
            )
            for rule in described
        }


def _instance(shown: CombinatorialExperiment) -> dict[str, Any]:
    """Draw the choice of the cities and their settings, and return them as JSON values."""
    offered = {cls.name: cls.label for cls in INSTANCES if cls.problem == SHOWN}
    name = widgets.select("instance", offered, t("controls.instance"), t("controls.instance-hint"))
    cls = INSTANCES.get(name)
    if cls.needs_file:
        return _file(shown.instance)
    if name == OWN:
        return _own()
    st.caption(cls.sentence)
    return {"name": name, **(widgets.knobs("instance", cls) if cls.model_fields else {})}


def _file(shown: InstanceConfig) -> dict[str, Any]:
    """Draw the choice of a file of cities; while there is none, the earlier instance stays."""
    given = uploads.draw_cities(kept().get("given"))
    if given is not None:
        kept()["given"] = given
        return given
    st.caption(t("uploads.cities-none-yet", instance=plain(shown.title)))
    return shown.to_json()


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


@lru_cache(maxsize=16)
def _previewed(instance: InstanceConfig) -> dict[str, Any] | None:
    loaded = _loaded(instance)
    if loaded.kind != SHOWN:
        return None
    stride = -(-loaded.size // MOST_SHOWN)
    places = loaded.places[::stride]
    names = loaded.names
    return {
        "label": loaded.label,
        "size": loaded.size,
        "geographic": loaded.geographic,
        "guessed": loaded.guessed,
        "editable": loaded.editable and stride == 1,
        "scale": loaded.scale,
        "points": [[float(f"{value:.{PLACES}g}") for value in place] for place in places],
        "names": None if names is None else list(names[::stride]),
    }


def preview(experiment: CombinatorialExperiment) -> dict[str, Any] | None:
    """Return the cities of an experiment, for a map before its race; None if it has none, or
    their file is no longer there.
    """
    try:
        return _previewed(experiment.instance)
    except BadInput:
        return None
