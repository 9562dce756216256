"""The gallery as a Streamlit component: gives the browser what it needs to show the recordings that
it stores itself.

Recordings belong to the visitor and stay in their browser; the server knows only those that ship
with Kelvin (/kelvin/recordings.json).
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from app.live.component import Component
from app.live.mount import still
from app.palette import LANES, RECORDINGS, SYMBOLS
from app.present import playlist
from app.text import t

DASHES = ("solid", "9px,4px", "2px,3px", "11px,3px,2px,3px")
"""Dash styles of the lanes, in a chart where the colour shows the recording."""
MOST = len(RECORDINGS)
"""Largest number of recordings in one comparison."""
METHODS = MOST * len(LANES)
"""Largest number of methods in one comparison: every lane another one."""

_component = Component("kelvin_gallery", "gallery/main.js", t("gallery.did-not-load"))


def chart() -> go.Figure:
    """Return the empty chart of every lane of every compared recording: trace ``lanes × recording +
    lane``. Colours distinguish recordings, dashes and markers distinguish lanes.
    """
    traces = [
        go.Scatter(
            x=[],
            y=[],
            mode="lines+markers",
            visible=False,
            line={"color": colour, "width": 2, "dash": dash},
            marker={"color": colour, "symbol": symbol, "size": 8, "maxdisplayed": 9},
        )
        for colour in RECORDINGS
        for dash, symbol in zip(DASHES, SYMBOLS, strict=True)
    ]
    figure = go.Figure(traces, _layout())
    return figure.update_layout(xaxis={"rangemode": "tozero"}, yaxis={"type": "log"})


def time_chart() -> go.Figure:
    """Return the empty chart of what runs spent until a target: one trace a method, one row each,
    then the trace of their expected running times.
    """
    runs = {"size": 10, "line": {"width": 2}}
    expected = {"size": 22, "line": {"width": 3}}
    traces = [
        go.Scatter(
            x=[],
            y=[],
            mode="markers",
            marker=marker,
            hovertemplate="%{text}<extra></extra>",
            cliponaxis=False,
        )
        for marker in [runs] * METHODS + [expected]
    ]
    figure = go.Figure(traces, _layout())
    return figure.update_layout(
        margin={"l": 14, "r": 18},
        xaxis={"type": "log"},
        yaxis={"fixedrange": True, "automargin": False},
    )


def share_chart() -> go.Figure:
    """Return the empty chart of the share of targets reached: a step line for each method, as many
    dotted lines from its end to its name, then the trace of the ends.
    """
    steps = [
        go.Scatter(
            x=[],
            y=[],
            mode="lines",
            visible=False,
            line={"width": 2.5, "shape": "hv", "dash": DASHES[method // len(RECORDINGS)]},
            hovertemplate="%{text}<extra></extra>",
        )
        for method in range(METHODS)
    ]
    leads = [
        go.Scatter(
            x=[],
            y=[],
            mode="lines",
            visible=False,
            line={"width": 1.5, "dash": "1.5px,3px"},
            hoverinfo="skip",
        )
        for _ in range(METHODS)
    ]
    ends = go.Scatter(
        x=[],
        y=[],
        mode="markers",
        hoverinfo="skip",
        cliponaxis=False,
        marker={"symbol": "x-thin-open", "size": 9, "line": {"width": 2}},
    )
    figure = go.Figure([*steps, *leads, ends], _layout())
    return figure.update_layout(xaxis={"type": "log"}, yaxis={"fixedrange": True})


def _layout() -> dict[str, Any]:
    """Return what the gallery's charts have in common."""
    clear = "rgba(0,0,0,0)"
    axis: dict[str, Any] = {
        "showline": False,
        "zeroline": False,
        "ticks": "",
        "automargin": True,
        "title": {"standoff": 6, "font": {"size": 12}},
    }
    return {
        "uirevision": "kelvin",
        "paper_bgcolor": clear,
        "plot_bgcolor": clear,
        "showlegend": False,
        "margin": {"l": 54, "r": 14, "t": 8, "b": 42},
        "font": {"size": 12},
        "hovermode": "closest",
        "hoverdistance": 30,
        "hoverlabel": {"align": "left", "namelength": -1},
        "dragmode": "zoom",
        "xaxis": {**axis, "title": {**axis["title"], "text": t("gallery.seconds")}},
        "yaxis": axis,
    }


def gallery(*, key: str) -> Any:
    """Draw the gallery.

    Args:
        key: the component's key, the same in every run.
    """
    shared = {
        name: value
        for name, value in still().items()
        if name in ("palette", "version", "plotly", "text", "cold")
    }
    data = {
        **shared,
        "figure": chart().to_plotly_json(),
        "figures": {
            "time": time_chart().to_plotly_json(),
            "share": share_chart().to_plotly_json(),
        },
        "dashes": list(DASHES),
        "lanes": len(LANES),
        "playlist": [entry.model_dump(mode="json") for entry in playlist()],
    }
    return _component(key=key, data=data)
