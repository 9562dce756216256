"""The gallery as a Streamlit component: hands the browser what it needs to show the recordings it
keeps itself.

Recordings are the visitor's own and stay in their browser; the server knows only those that ship
with Kelvin (/kelvin/recordings.json).
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from app.live.component import Component
from app.live.mount import still
from app.palette import LANES, RECORDINGS, SYMBOLS
from app.text import t

DASHES = ("solid", "9px,4px", "2px,3px", "11px,3px,2px,3px")
"""Of the lanes, in a chart where the colour says which recording a line is of."""
MOST = len(RECORDINGS)
"""Recordings in one comparison."""

_component = Component("kelvin_gallery", "gallery/main.js", t("gallery.did-not-load"))


def chart() -> go.Figure:
    """Lines of every lane of every compared recording, empty: trace ``lanes × recording + lane``,
    told apart by colour between and by dash and marker within recordings.
    """
    clear = "rgba(0,0,0,0)"
    axis: dict[str, Any] = {
        "showline": False,
        "zeroline": False,
        "ticks": "",
        "automargin": True,
        "title": {"standoff": 6, "font": {"size": 12}},
    }
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
    layout = {
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
        "xaxis": {
            **axis,
            "rangemode": "tozero",
            "title": {"text": t("gallery.seconds"), "standoff": 6},
        },
        "yaxis": {**axis, "type": "log"},
    }
    return go.Figure(traces, layout)


def gallery(*, key: str) -> Any:
    """Draw the gallery.

    Args:
        key: the component's key, the same in every run.
    """
    shared = {
        name: value
        for name, value in still().items()
        if name in ("palette", "version", "plotly", "text")
    }
    data = {
        **shared,
        "figure": chart().to_plotly_json(),
        "dashes": list(DASHES),
        "lanes": len(LANES),
    }
    return _component(key=key, data=data)
