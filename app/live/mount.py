"""The live view as a Streamlit component: hands the experiment and the empty figures to the
browser.

Streamlit sends ``js=`` again with every message, so it holds no more than an import; the modules,
the style sheet and plotly.js are files under /kelvin/.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

import plotly

from app.figures import figures
from app.live.bundle import version
from app.live.component import Component
from app.palette import palette
from app.text import catalogue, t

OWN = "own:"
"""Begins the name of a recording that is kept in the visitor's own browser."""

_component = Component("kelvin_live", "main.js", t("live.did-not-load"))


@lru_cache(maxsize=1)
def still() -> dict[str, Any]:
    """What never changes while the server runs."""
    return {
        "figures": figures(),
        "palette": palette(),
        "version": version(),
        "plotly": plotly.__version__,
        "text": catalogue(),
    }


def _address(recording: str | None) -> str | None:
    """Where the browser finds a recording; one of the visitor's own by its name."""
    if recording is None or recording.startswith(OWN):
        return recording
    return f"/kelvin/recordings/{recording}.kelvin"


def live_view(
    *,
    experiment: dict[str, Any],
    recording: str | None,
    autostart: bool,
    key: str,
    on_seed: Callable[[], None],
    on_site: Callable[[], None] | None = None,
    on_start: Callable[[], None] | None = None,
    on_view: Callable[[], None] | None = None,
    on_points: Callable[[], None] | None = None,
    on_opened: Callable[[], None] | None = None,
    on_closed: Callable[[], None] | None = None,
    on_went: Callable[[], None] | None = None,
    about: str = "",
    question: dict[str, Any] | None = None,
    unread: bool = False,
    went: int = 0,
    view: dict[str, str] | None = None,
    starts: int = 0,
    named: bool = False,
    usual: str | None = None,
    layout: Literal["network", "landscape"] = "network",
    speed: int = 0,
) -> Any:
    """Draw the live view.

    Args:
        experiment: JSON values of the experiment the controls name.
        recording: name of a shipped recording to play while nothing runs, one of the visitor's own
            (``own:`` and its name in their browser), or None.
        autostart: whether a page that has no race yet starts this one by itself.
        key: the component's key, the same in every run.
        on_seed: called when a visitor asks for a new seed; the seed is in the component's state.
        on_site: called when a visitor picks another landscape; its name is in the component's
            state.
        on_start: called when a visitor picks a place to start from; [x, y] is in the component's
            state.
        on_view: called when a visitor arranges the panels or chooses another axis; what the address
            is to say of it is in the component's state.
        on_points: called when a visitor moves or draws training points; they are in the component's
            state, as the dataset `drawn` writes them.
        on_opened: called when a recording the address names is on the screen; its experiment is in
            the component's state.
        on_closed: called when a visitor closes the explanation of a question.
        on_went: called when a visitor goes back or forward in the browser; the address they are at
            is in the component's state.
        about: what would be raced, in a line.
        question: what the race was picked for: its title, why it goes as it does, and the
            experiment; None where it was not.
        unread: whether what was typed cannot be raced, so that the experiment is the one before.
        went: how often the page has followed a visitor back or forward.
        view: what the address says of the view: panels, large, x, y, at.
        named: whether the address named an experiment when the page was opened. Where it did not,
            the race that the tab watched before brings its own settings back.
        usual: name of the shipped recording that is played where the one asked for is not there.
        starts: how often the page has asked for a race by itself; one more starts the experiment
            now.
        layout: which panels there are.
        speed: steps per second at first; 0 is full speed.
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
        "speed": speed,
        "about": about,
        "question": question,
        "unread": unread,
        "went": went,
    }
    told: dict[str, Any] = {
        "on_seed_change": on_seed,
        "on_site_change": on_site,
        "on_start_change": on_start,
        "on_view_change": on_view,
        "on_points_change": on_points,
        "on_opened_change": on_opened,
        "on_closed_change": on_closed,
        "on_went_change": on_went,
    }
    return _component(
        key=key, data=data, **{name: call for name, call in told.items() if call is not None}
    )
