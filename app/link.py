"""The experiment in the page's link.

The link holds the experiment in the form of `engine.experiment.query_string`, one query parameter
per key, so it can be read, typed and shared. Parameters that belong to the page and not to the
experiment are not changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.allowance import within
from app.experiments import AnyExperiment
from app.text import t
from app.uploads import why
from app.widgets import DETAILS
from engine.combinatorial import query_string as combinatorial
from engine.combinatorial.experiment import CombinatorialExperiment
from engine.combinatorial.methods import METHODS
from engine.datasets.hand_drawn import CHARACTERS, MOST_POINTS
from engine.datasets.landscape import Landscapes
from engine.errors import BadInput
from engine.experiment.lanes import MAX_LANES
from engine.experiment.model import Experiment
from engine.experiment.query_string import TOP, from_flat, to_flat
from engine.optimizers import OPTIMIZERS

VIEW_KEYS = ("panels", "large", "x", "y")
"""Parameters of the live view: the visible panels and their order, the enlarged one, the currency
of all time axes, loss or accuracy.
"""
MOMENT_KEYS = ("recording", "at", "watch")
"""A recorded race to show instead, and its moment, as a share of the budget; or somebody's race to
watch while it runs."""
PAGE_KEYS = frozenset(
    {
        *("embed", "embed_options", "present", "kiosk", "playlist", "own-playlist", "first"),
        "talk",  # what own-playlist was called before
        *VIEW_KEYS,
        *MOMENT_KEYS,
    }
)
"""Parameters of the page itself."""
EXPLORE, LANDSCAPES, ROUTES = "pages/explore.py", "pages/landscapes.py", "pages/routes.py"
KEPT_BY = {LANDSCAPES: "landscapes", ROUTES: "routes"}
"""Session keys of what pages other than the first keep."""
MAX_KEYS, MAX_TEXT, MOST_TOLD = 80, 400, 8
ONE_LINE = 240
"""Characters of Markdown up to which what is wrong with a link is told in the same line."""
CHOSEN = ("dataset", "network", "instance")
"""Parameters that choose the object to which other parameters belong."""
SHOWN = "address shown"
"""Session key of the last link written by the page."""
CITIES = "instance.cities"
MOST_CITY_CHARACTERS = 12_000
"""Longest text of cities in a link; servers refuse much longer ones."""
LONGER = {
    "dataset.points": CHARACTERS * MOST_POINTS + 100,
    CITIES: MOST_CITY_CHARACTERS + len(CITIES),
}
"""Keys that may be longer: drawn points and cities."""


@dataclass(frozen=True)
class Grammar:
    """How a kind of experiment is written as parameters.

    Attributes:
        subject: the parameter that says what is raced on.
        first: parameters that decide which others exist, and so are read before them.
        read: returns the experiment of parameters, or raises `BadInput`.
        write: returns the parameters of an experiment.
        methods: the methods of its lanes.
    """

    subject: str
    first: tuple[str, ...]
    read: Callable[[Mapping[str, str]], Any]
    write: Callable[[Any], dict[str, str]]
    methods: Any


NETWORKS = Grammar("dataset", TOP, from_flat, to_flat, OPTIMIZERS)
TOURS = Grammar(
    "instance", combinatorial.TOP, combinatorial.from_flat, combinatorial.to_flat, METHODS
)


def grammar_of(experiment: AnyExperiment) -> Grammar:
    """Return how an experiment is written."""
    return TOURS if isinstance(experiment, CombinatorialExperiment) else NETWORKS


def kept(page: str) -> bool:
    """Return whether this session has drawn a page with a live view."""
    state = st.session_state.get(KEPT_BY[page], {}) if page in KEPT_BY else st.session_state
    return "experiment" in state


def read_link(
    parameters: Mapping[str, str], usual: AnyExperiment | None = None
) -> tuple[Any, str | None]:
    """Return the experiment of a link.

    Args:
        parameters: of the link.
        usual: the experiment of a link without parameters, whose kind the link's is too; None is
            the default experiment of the kind that the link names.

    Returns:
        The experiment of all valid parameters, and None or what `app.widgets.notice` shows: a
        sentence, then what is wrong with each of the invalid ones.
    """
    if usual is None:
        usual = CombinatorialExperiment() if "instance" in parameters else Experiment()
    grammar = grammar_of(usual)
    flat = {key: text for key, text in parameters.items() if key not in PAGE_KEYS}
    if not flat:
        return usual, None
    if len(flat) > MAX_KEYS:
        many = BadInput(
            "address", t("pages.parameters", count=len(flat)), t("pages.at-most", most=MAX_KEYS)
        )
        return usual, _told("pages.bad-address", [why(many)])
    base = {grammar.subject: getattr(usual, grammar.subject).name}
    refused = [error for key, text in flat.items() if (error := _too_long(key, text)) is not None]
    try:
        if refused:
            raise refused[0]
        experiment, fewer = within(grammar.read({**base, **flat}))
        unused = experiment.unused() if isinstance(experiment, Experiment) else []
        if unused:
            fewer = _told("pages.left-out", unused if fewer is None else [*unused, fewer])
        return experiment, fewer
    except BadInput:
        known = {key: text for key, text in flat.items() if _too_long(key, text) is None}
        taken, others = usable(known, base, grammar)
    refused += others
    if {**base, **taken} == base:  # only on the page where it belongs
        experiment, fewer = usual, None
    else:
        experiment, fewer = within(grammar.read({**base, **taken}))
    lines = [why(error) for error in refused[:MOST_TOLD]]
    if len(refused) > MOST_TOLD:
        lines.append(t("pages.more-left-out", count=len(refused) - MOST_TOLD))
    headline = "pages.left-out" if {**base, **taken} != base else "pages.bad-address"
    return experiment, _told(headline, lines if fewer is None else [*lines, fewer])


def _told(headline: str, lines: list[str]) -> str:
    """Return one sentence on a link, and its details where they make more than a line."""
    sentences = [line if line.endswith(".") else f"{line}." for line in lines]
    said = t(headline)
    if len(sentences) == 1 and len(said) + len(sentences[0]) <= ONE_LINE:
        return f"{said} {sentences[0]}"
    return said + DETAILS + "\n".join(f"- {sentence}" for sentence in sentences)


def _too_long(key: str, text: str) -> BadInput | None:
    """Return why a parameter is too long to be read, or None."""
    most = LONGER.get(key, MAX_TEXT)
    if len(key) + len(text) <= most:
        return None
    return BadInput(key[:40], text, t("pages.at-most-characters", most=most))


def usable(
    flat: Mapping[str, str], base: Mapping[str, str], grammar: Grammar = NETWORKS
) -> tuple[dict[str, str], list[BadInput]]:
    """Return as many parameters of a link as are valid together, and why each of the others is not.

    Args:
        flat: the parameters.
        base: parameters that apply if the link does not set them.
        grammar: how they are read.
    """
    taken: dict[str, str] = {}
    refused: list[BadInput] = []
    gone: set[str] = set()
    """Parameters whose choice is invalid: their fields would be those of another one."""

    def fit(more: Mapping[str, str]) -> BadInput | None:
        try:
            grammar.read({**base, **taken, **more})
        except BadInput as error:
            return error
        taken.update(more)
        return None

    def take(key: str, text: str, told: BadInput | None = None) -> bool:
        error = fit({key: text})
        if error is not None:
            refused.append(told or error)
        return error is None

    # Choices come first: they decide which fields exist.
    places = [
        *(key for key in grammar.first if key in flat),
        *(key.partition(".")[0] for key in flat),
    ]
    for place in dict.fromkeys(places):
        group = {key: text for key, text in flat.items() if key.partition(".")[0] == place}
        if place == "lanes" and place in group:
            gone |= _take_lanes(group.pop(place), taken, take, grammar)
        # Some fields are only valid together, such as a file and its column.
        if place not in gone and fit(group) is not None:
            wrong: dict[str, BadInput] = {}
            for key in sorted(group, key=lambda one: one != place):
                error = None if place in gone else fit({key: group[key]})
                if error is not None:
                    wrong[key] = error
                    gone |= {key} & {*CHOSEN}
            # A parameter is not to blame if only an invalid other one is missing.
            refused += [
                error for key, error in wrong.items() if error.field not in {*wrong} - {key}
            ]
    return taken, refused


def _take_lanes(
    text: str,
    taken: Mapping[str, str],
    take: Callable[[str, str, BadInput | None], bool],
    grammar: Grammar,
) -> set[str]:
    """Set the lanes that can be run, in their order.

    Returns:
        The lane numbers whose fields would belong to another lane, or to none.
    """
    lanes = [name.strip() for name in text.split(",")]
    gone: set[str] = set()
    if len(lanes) > MAX_LANES:
        gone |= {*lanes[MAX_LANES:]} - {*lanes[:MAX_LANES]}
        take("lanes", text, None)
        lanes = lanes[:MAX_LANES]
    for name in lanes:
        before = taken.get("lanes")
        told = None if name in grammar.methods else BadInput("lanes", name, t("pages.known-method"))
        if not take("lanes", name if before is None else f"{before},{name}", told):
            gone |= {name} - {*(before or "").split(",")}
            gone |= {f"lane{place + 1}" for place in range(MAX_LANES)}
    return gone


def names(parameters: Mapping[str, str]) -> bool:
    """Return whether a link sets anything of an experiment."""
    return bool(set(parameters) - PAGE_KEYS)


def page_of(parameters: Mapping[str, str]) -> str:
    """Return the page for a link, whatever page it was typed for."""
    if "instance" in parameters:
        return ROUTES
    return LANDSCAPES if parameters.get("dataset") == Landscapes.name else EXPLORE


def write_link(experiment: AnyExperiment) -> dict[str, str]:
    """Return the query parameters of an experiment. Cities of one's own are left out if a link
    cannot hold so many.
    """
    flat = grammar_of(experiment).write(experiment)
    if len(flat.get(CITIES, "")) > MOST_CITY_CHARACTERS:
        del flat[CITIES]
    return flat


def view_of(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return what a link sets of the live view and of its moment."""
    return {
        key: parameters[key][:MAX_TEXT] for key in (*VIEW_KEYS, *MOMENT_KEYS) if key in parameters
    }


def show(
    experiment: AnyExperiment, view: Mapping[str, str] | None = None, came: bool = False
) -> None:
    """Write the experiment into the page's link, and keep the page's own parameters.

    Args:
        experiment: of the controls.
        view: the link's parameters of the live view; None keeps them.
        came: whether the experiment came from the link, which then stays as it is: writing it again
            would remove the browser's way forward.
    """
    ours = (*VIEW_KEYS, *MOMENT_KEYS)
    kept = {
        key: text
        for key, text in st.query_params.to_dict().items()
        if key in PAGE_KEYS and not (view is not None and key in ours)
    }
    wanted = (
        write_link(experiment)
        | kept
        | {key: text for key, text in (view or {}).items() if key in ours}
    )
    there = st.query_params.to_dict()
    # The page does not write the same link again over another one: the visitor has gone back, and
    # the page is about to follow.
    if (
        not came
        and there != wanted
        and (wanted != st.session_state.get(SHOWN) or not set(there) - PAGE_KEYS)
    ):
        st.query_params.from_dict(wanted)
    st.session_state[SHOWN] = wanted
