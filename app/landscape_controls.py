"""The controls of the landscapes page: the landscape, the start, the methods."""

from __future__ import annotations

from typing import Any

import streamlit as st
from pydantic import ValidationError

from app import controls, widgets
from app.text import plain, t
from engine.datasets.landscape import Landscapes
from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.experiment.suggestions import suggested_settings
from engine.landscapes.benchmark_functions import FUNCTIONS
from engine.landscapes.expression import Misread
from engine.networks import Point
from engine.optimizers import OPTIMIZERS, Optimizer
from engine.optimizers.base import Problem
from engine.oracle import Currency
from engine.registry import fields

OWNER = "dataset.landscape"
EXAMPLE = "x^2 + y^2 + 12 sin(2x) cos(2y)"
NAMES = {name: landscape.label for name, landscape in FUNCTIONS.items()} | {
    "formula": t("controls.formula")
}
CURRENCIES: tuple[Currency, ...] = ("evaluations", "seconds")
AMOUNTS: dict[str, list[float]] = {
    "evaluations": [100, 200, 500, 1000, 2000, 3000, 5000, 10_000, 20_000, 50_000, 100_000],
    "seconds": [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30],
}
DEFAULT_AMOUNT: dict[Currency, float] = {"evaluations": 3000, "seconds": 0.5}


def usual() -> Experiment:
    """Return the default experiment of the page: a landscape that shows at a glance how the kinds
    of methods differ.
    """
    crowd = "cma-es" if "cma-es" in OPTIMIZERS else "pso"
    budget = {"currency": "evaluations", "amount": DEFAULT_AMOUNT["evaluations"]}
    return Experiment.parse(
        {
            "dataset": {"name": Landscapes.name, "function": "rastrigin"},
            "lanes": ["annealing", "adam", crowd],
            "budget": budget,
        }
    )


def take(
    seed: int | None = None, site: str | None = None, start: list[float] | None = None
) -> None:
    """Set the controls to a choice made in the live view: a seed, a landscape, or a start."""
    if seed is not None:
        widgets.put("seed", int(seed))
    if site in NAMES:
        widgets.put(f"{OWNER}.function", site)
        _set_start(None)
    if start is not None and len(start) == 2:
        _set_start((float(start[0]), float(start[1])))


def draw(shown: Experiment) -> tuple[dict[str, Any], str | None]:
    """Draw all controls.

    Args:
        shown: the experiment on the page, used for what the controls cannot provide while a formula
            cannot be parsed.

    Returns:
        The experiment as JSON values (not yet validated), and a sentence on what is wrong with the
            landscape (empty if it is shown beside the field), or None.
    """
    dataset, complaint = _landscape(shown.dataset)
    lanes = _lanes(dataset)
    value = {
        "dataset": dataset.to_json(),
        "lanes": lanes,
        "budget": controls.draw_budget(CURRENCIES, AMOUNTS, DEFAULT_AMOUNT),
        "stop": controls.draw_stop(),
        **controls.draw_seeds(t("controls.seed-hint-landscape")),
        "device": shown.device,
        "precision": shown.precision,
        "threads": shown.threads,
    }
    return value, complaint


def _landscape(shown: Any) -> tuple[Landscapes, str | None]:
    """Return the chosen landscape, or the one shown and why the chosen one cannot be used."""
    described = {field["name"]: field for field in fields(Landscapes)}
    picked = widgets.select(
        f"{OWNER}.function",
        NAMES,
        t("controls.landscape"),
        described["function"]["help"],
        on_change=lambda: _set_start(None),
    )
    value: dict[str, Any] = {"function": picked}
    values = widgets.kept()
    if picked == "formula":
        if not values.get(f"{OWNER}.formula"):
            widgets.put(f"{OWNER}.formula", EXAMPLE)
        value["formula"] = widgets.widget(
            st.text_input,
            f"{OWNER}.formula",
            t("controls.formula-height"),
            EXAMPLE,
            t("controls.formula-hint"),
            max_chars=200,
            placeholder=EXAMPLE,
        )
        said = st.empty()  # an error in a formula is shown where it was typed
        steps: list[Any] = [1, 2, 3, 5, 10, 20, 50, 100]
        value["reach"] = widgets.scale(
            f"{OWNER}.reach",
            steps,
            described["reach"]["default"],
            t("controls.reach"),
            described["reach"]["help"],
        )
    else:
        st.caption(FUNCTIONS[picked].about)
    value |= {name: values.get(f"{OWNER}.{name}") for name in ("start_x", "start_y")}
    try:
        dataset = Landscapes.model_validate(value)
        dataset.check()
    except (BadInput, ValidationError) as error:
        sentence = _plainly(error)
        if picked != "formula":
            return shown, sentence
        said.warning(sentence, icon=":material/info:")
        return shown, ""
    if dataset.start is not None:
        x, y = dataset.start
        st.button(
            t("controls.start", x=f"{x:.3g}", y=f"{y:.3g}"),
            icon=":material/close:",
            type="tertiary",
            on_click=_set_start,
            args=(None,),
            help=t("controls.start-hint"),
        )
    return dataset, None


def _plainly(error: BadInput | ValidationError) -> str:
    """Return in one sentence what is wrong with a landscape; for a formula, the position too."""
    inner: Any = error
    if isinstance(error, ValidationError):
        causes = (entry.get("ctx", {}).get("error") for entry in error.errors())
        inner = next((cause for cause in causes if cause is not None), None)
    if not isinstance(inner, BadInput):
        return plain(str(error))
    wanted = inner.wanted if isinstance(inner, Misread) and inner.place else inner.allowed
    sentence = t("controls.formula-bad", allowed=plain(f"{wanted[:1].lower()}{wanted[1:]}"))
    if not isinstance(inner, Misread) or not inner.place:
        return sentence
    text, at = str(inner.value), inner.place - 1
    return (
        sentence
        + " "
        + t(
            "controls.formula-here",
            before=plain(text[:at].lstrip()),
            after=plain(text[at:].rstrip()),
        )
    )


def _set_start(start: tuple[float, float] | None) -> None:
    for name, value in zip(("start_x", "start_y"), start or (None, None), strict=True):
        widgets.kept()[f"{OWNER}.{name}"] = value


def _lanes(dataset: Landscapes) -> list[dict[str, Any]]:
    """Draw the lanes, with every method that can run on the landscape, and settings that
    suit it.
    """

    def suggested(cls: type[Optimizer]) -> dict[str, Any]:
        return suggested_settings(dataset, cls)

    controls.renew_suggestions(
        dataset.model_dump_json(include={"function", "formula", "reach"}), suggested
    )
    return controls.draw_lanes(
        [cls for cls in OPTIMIZERS if can_walk(dataset, cls)],
        suggested,
        leave_out=("batch",),
        opening=t("controls.method-search"),
    )


def can_walk(dataset: Landscapes, cls: type[Optimizer]) -> bool:
    """Return whether a method with its defaults can run on a landscape."""
    network = Point().build_for(dataset)
    problem = Problem(network.dimension, 1, 1, network.layers, "height", dataset.kind)
    return cls.model_validate(suggested_settings(dataset, cls)).refusal(problem) is None
