"""The live view as a Streamlit component: passes the experiment and the empty figures to the
browser.

Streamlit sends ``js=`` again with every message, so it holds no more than an import; the modules,
the style sheet and plotly.js are files under /kelvin/.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Literal

import plotly

from app.figures import figures
from app.live.bundle import version
from app.live.component import Component
from app.palette import palette
from app.text import catalogue, t
from engine.optimizers import OPTIMIZERS

OWN = "own:"
"""Prefix of the name of a recording that is stored in the visitor's own browser."""

_component = Component("kelvin_live", "main.js", t("live.did-not-load"))


@lru_cache(maxsize=1)
def still() -> dict[str, Any]:
    """Return the data that never change while the server runs."""
    return {
        "figures": figures(),
        "palette": palette(),
        "version": version(),
        "plotly": plotly.__version__,
        "text": catalogue(),
        "earlier": earlier_names(),
        "cold": cold_methods(),
    }


def cold_methods() -> list[str]:
    """Return the methods that use the gradient: a playlist gives them the cold colours."""
    return [method.name for method in OPTIMIZERS if method.sees in ("gradient", "jacobian")]


def earlier_names() -> dict[str, dict[str, str]]:
    """Return what hyperparameters were called in earlier versions, by method: in recordings of
    those versions they still are.
    """
    return {
        method.name: {
            old: new
            for base in reversed(method.__mro__)
            for old, new in vars(base).get("formerly", {}).items()
        }
        for method in OPTIMIZERS
    }


def _address(recording: str | None) -> str | None:
    """Return where the browser finds a recording; for one of the visitor's own, its name."""
    if recording is None or recording.startswith(OWN):
        return recording
    return f"/kelvin/recordings/{recording}.kelvin"


def live_view(
    *,
    experiment: dict[str, Any],
    recording: str | None,
    autostart: bool,
    key: str,
    hears: Mapping[str, Callable[[], None]],
    about: str = "",
    question: dict[str, Any] | None = None,
    unread: bool = False,
    went: int = 0,
    view: dict[str, str] | None = None,
    starts: int = 0,
    stepped: int = 0,
    named: bool = False,
    usual: str | None = None,
    layout: Literal["network", "landscape", "tour"] = "network",
    speed: int = 0,
    instance: dict[str, Any] | None = None,
) -> Any:
    """Draw the live view.

    Args:
        experiment: JSON values of the experiment of the controls.
        recording: name of a shipped recording to play while nothing runs, or of one of the
            visitor's own (``own:`` and its name in their browser), or None.
        autostart: whether a page that has no race yet starts this one automatically.
        key: the component's key, the same in every run.
        hears: what is called when a visitor does something; what it was is in the component's state
            under the same name: ``seed`` (a new one), ``site`` (another landscape), ``start`` (a
            starting point, [x, y]), ``view`` (the link's parameters of panels and axes), ``points``
            (training points moved or drawn, in the format of the dataset `drawn`), ``cities`` (the
            instance that they are after they were moved, added or dropped), ``opened`` (the
            experiment of the link's recording, once it is on the screen), ``closed`` (a question's
            explanation), ``went`` (back or forward in the browser, to that link), ``asked`` (the id
            of another question).
        about: the experiment in one line.
        question: the question that the race answers, as `visit.question` gives it; None for other
            races.
        unread: whether the typed formula is invalid, so that the experiment is the previous one.
        went: how often the page has followed a visitor back or forward.
        view: the link's parameters of the view: panels, large, x, y, at.
        starts: when the page last started a race by itself, in milliseconds, 0 if it never did; a
            later time starts the experiment now.
        stepped: when a visitor last asked for one step in slow motion, in milliseconds; 0 if never.
        named: whether the link had an experiment when the page was opened. If not, the race that
            the tab watched before restores its own settings.
        usual: name of the shipped recording that is played if the requested one does not exist.
        layout: the available panels.
        speed: steps per second at first; 0 is full speed.
        instance: cities of the experiment, for a map before the race, as
            `route_controls.preview` gives them.
    """
    data = {
        **still(),
        "experiment": experiment,
        "recording": _address(recording),
        "usual": _address(usual),
        "named": named,
        "autostart": autostart,
        "layout": layout,
        "view": view or {},
        "starts": starts,
        "stepped": stepped,
        "speed": speed,
        **({} if instance is None else {"instance": instance}),
        "about": about,
        "question": question,
        "unread": unread,
        "went": went,
    }
    return _component(
        key=key, data=data, **{f"on_{name}_change": call for name, call in hears.items()}
    )
