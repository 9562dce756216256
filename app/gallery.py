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
from app.text import t

DASHES = ("solid", "9px,4px", "2px,3px", "11px,3px,2px,3px")
"""Dash styles of the lanes, in a chart where the colour shows the recording."""
MOST = len(RECORDINGS)
"""Largest number of recordings in one comparison."""

_component = Component("kelvin_gallery", "gallery/main.js", t("gallery.did-not-load"))


def chart() -> go.Figure:
    """Return the empty chart of every lane of every compared recording: trace ``lanes × recording +
    lane``. Colours distinguish recordings, dashes and markers distinguish lanes.
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
