"""The Plotly figures of the live view: one pure function per panel, layout and empty traces.

The browser mounts each figure once and then only changes the data of its traces, so a trace's index
in its figure is part of the interface to `live/frontend/panels`.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from app.palette import DASHES, LANDSCAPE, LANES, SYMBOLS
from app.text import t

LANE_COUNT = len(LANES)
CLEAR = "rgba(0,0,0,0)"
HEADS: dict[str, Any] = {"size": 9, "opacity": 1, "color": list(LANES), "symbol": list(SYMBOLS)}


def _layout(**extra: Any) -> dict[str, Any]:
    """Return the layout shared by all panels: transparent, few lines, a constant ``uirevision`` so
    that every change keeps the zoom.
    """
    return {
        "uirevision": "kelvin",
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "showlegend": False,
        "margin": {"l": 50, "r": 12, "t": 6, "b": 37},
        "font": {"size": 12},
        # the view itself shows the values of all charts at the moment under the pointer
        "hovermode": False,
        "dragmode": "zoom",
        **extra,
    }


def _axis(**extra: Any) -> dict[str, Any]:
    return {
        "showline": False,
        "zeroline": False,
        "ticks": "",
        "automargin": False,
        "title": {"standoff": 4, "font": {"size": 12}},
        **extra,
    }


def loss() -> go.Figure:
    """Return the chart of loss or accuracy over the currency: train and test of every lane, then
    one trace with the lanes' markers, at the heads of their lines and along them.
    """
    traces: list[Any] = []
    for colour in LANES:
        traces.append(
            go.Scatter(
                x=[], y=[], mode="lines", line={"color": colour, "width": 2}, hoverinfo="skip"
            )
        )
        traces.append(
            go.Scatter(
                x=[],
                y=[],
                mode="lines",
                line={"color": colour, "width": 1.4, "dash": "dot"},
                hoverinfo="skip",
            )
        )
    traces.append(go.Scatter(x=[], y=[], mode="markers", marker=HEADS, hoverinfo="skip"))
    return go.Figure(
        traces,
        _layout(
            xaxis=_axis(title={"text": t("live.seconds"), "standoff": 4}, rangemode="tozero"),
            yaxis=_axis(type="log"),
        ),
    )


def weights() -> go.Figure:
    """Return the plane through weight space with the landscape. The browser paints start, paths,
    clouds and estimates over it in every frame.
    """
    traces: list[Any] = [
        go.Contour(
            x=[],
            y=[],
            z=[],
            colorscale=[list(stop) for stop in LANDSCAPE],
            showscale=False,
            ncontours=14,
            contours={"coloring": "fill"},
            line={"width": 0.6, "color": "rgba(120,105,90,0.35)", "smoothing": 1.0},
            hoverinfo="skip",
        ),
    ]
    return go.Figure(
        traces,
        _layout(
            margin={"l": 36, "r": 8, "t": 4, "b": 24},
            xaxis=_axis(showgrid=False, nticks=6, range=[-1, 1]),
            yaxis=_axis(showgrid=False, nticks=6, range=[-1, 1]),
        ),
    )


def temperature() -> go.Figure:
    """Return the charts of temperature, step size and acceptance, each in a box of its own over one
    time axis, as far as the race has them.

    Per lane: planned temperature, actual temperature, acceptance, target acceptance, step size.
    """
    traces: list[Any] = []
    for colour, symbol in zip(LANES, SYMBOLS, strict=True):
        traces.append(
            go.Scatter(
                x=[],
                y=[],
                mode="lines",
                line={"color": "#9a9088", "width": 1.6, "dash": "dash"},
                hoverinfo="skip",
            )
        )
        dots = {
            "size": 5,
            "color": colour,
            "symbol": symbol,
            "colorscale": [[0, colour], [1, colour]],
        }
        traces.append(go.Scatter(x=[], y=[], mode="markers", marker=dots, hoverinfo="skip"))
        traces.append(
            go.Scatter(
                x=[],
                y=[],
                yaxis="y2",
                mode="lines",
                line={"color": colour, "width": 1.6},
                hoverinfo="skip",
            )
        )
        traces.append(
            go.Scatter(
                x=[],
                y=[],
                yaxis="y2",
                mode="lines",
                line={"color": colour, "width": 1.2, "dash": "dot"},
                hoverinfo="skip",
            )
        )
        traces.append(
            go.Scatter(
                x=[],
                y=[],
                yaxis="y3",
                mode="lines",
                line={"color": colour, "width": 2},
                hoverinfo="skip",
            )
        )
    log = {"type": "log"}
    # Names are inside the boxes, at the right: their curves fall, and low boxes have no room for
    # names along their axes.
    name = {
        "xref": "paper",
        "yref": "paper",
        "x": 1,
        "y": 1,
        "xanchor": "right",
        "yanchor": "top",
        "showarrow": False,
        "font": {"size": 12},
    }
    return go.Figure(
        traces,
        _layout(
            margin={"l": 60, "r": 12, "t": 6, "b": 37},
            xaxis=_axis(
                title={"text": t("live.seconds"), "standoff": 4},
                rangemode="tozero",
                anchor="free",
                position=0,
            ),
            yaxis=_axis(**log, domain=[0.42, 1]),
            yaxis2=_axis(
                domain=[0, 0.32],
                range=[0, 1.04],
                tickmode="array",
                tickvals=[0, 0.5, 1],
                ticktext=["0", "50 %", "100 %"],
            ),
            yaxis3=_axis(**log, visible=False, domain=[0, 0.01]),
            annotations=[
                {**name, "text": t(f"temperature.{box}")}
                for box in ("temperature", "step", "accepted")
            ],
        ),
    )


def agreement() -> go.Figure:
    """Return the chart of the cosine of steps with −∇L over the currency: for every lane the single
    values, faint, and their running median; then one trace with the lanes' markers.

    The first shape is the range of random directions, the first annotation says what zero means:
    the browser fills in both, because it knows the number of weights.
    """
    traces: list[Any] = []
    for colour, symbol in zip(LANES, SYMBOLS, strict=True):
        dots = {"size": 3.5, "color": colour, "symbol": symbol, "line": {"width": 0}}
        traces.append(
            go.Scatter(x=[], y=[], mode="markers", marker=dots, opacity=0.28, hoverinfo="skip")
        )
        traces.append(
            go.Scatter(
                x=[], y=[], mode="lines", line={"color": colour, "width": 2}, hoverinfo="skip"
            )
        )
    traces.append(go.Scatter(x=[], y=[], mode="markers", marker=HEADS, hoverinfo="skip"))
    band = {
        "type": "rect",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": 0,
        "y1": 0,
        "layer": "below",
        "line": {"width": 0},
        "fillcolor": "#9a9088",
        "opacity": 0.16,
    }
    hint = {
        "xref": "paper",
        "x": 1,
        "xanchor": "right",
        "yref": "paper",
        "y": 0,
        "yanchor": "bottom",
        "yshift": -1,
        "text": "",
        "showarrow": False,
        "font": {"size": 12},
    }
    return go.Figure(
        traces,
        _layout(
            xaxis=_axis(title={"text": t("live.seconds"), "standoff": 4}, rangemode="tozero"),
            yaxis={
                **_axis(range=[-0.2, 1.05], tickmode="array", tickformat=".1~f"),
                "zeroline": True,
                "zerolinewidth": 1.2,
            },
            shapes=[band],
            annotations=[hint],
        ),
    )


def chains() -> go.Figure:
    """Return the chart of a population: its losses as a histogram, or its temperatures, or its
    spread over the currency.

    For every lane an outline, a line that may have markers, and single dots; then one trace with
    the estimates. The annotations, left and right, name estimates outside the axis.
    """
    traces: list[Any] = []
    for colour, symbol, dash in zip(LANES, SYMBOLS, DASHES, strict=True):
        line = {"color": colour, "width": 1.6, "dash": dash}
        traces.append(
            go.Scatter(
                x=[],
                y=[],
                mode="lines",
                line={**line, "shape": "hv"},
                fill="tozeroy",
                hoverinfo="skip",
            )
        )
        traces.append(
            go.Scatter(
                x=[],
                y=[],
                mode="lines",
                line={"color": colour, "width": 2},
                marker={"size": 5, "color": colour, "symbol": symbol},
            )
        )
        traces.append(
            go.Scatter(
                x=[],
                y=[],
                mode="markers",
                marker={"size": 5, "color": colour, "symbol": f"{symbol}-open"},
                opacity=0.8,
            )
        )
    edge = {
        "xref": "paper",
        "yref": "paper",
        "y": 1,
        "yanchor": "top",
        "text": "",
        "showarrow": False,
        "font": {"size": 12},
    }
    heads = {
        "size": 11,
        "color": list(LANES),
        "symbol": list(SYMBOLS),
        "line": {"width": 1.5, "color": "#ffffff"},
    }
    traces.append(
        go.Scatter(x=[], y=[], mode="markers", marker=heads, cliponaxis=False, hoverinfo="skip")
    )
    return go.Figure(
        traces,
        _layout(
            xaxis=_axis(
                title={
                    "text": t("panels.chains-loss-axis", one=t("panels.chains-network")),
                    "standoff": 4,
                },
                tickangle=0,
                exponentformat="power",
            ),
            yaxis=_axis(rangemode="tozero", exponentformat="power"),
            annotations=[{**edge, "x": 0, "xanchor": "left"}, {**edge, "x": 1, "xanchor": "right"}],
        ),
    )


def trail() -> go.Figure:
    """Return a chart of one line with dots for every lane, then one trace with the lanes' heads:
    how alike tours are, and the replicas of tempering.
    """
    traces: list[Any] = [
        go.Scatter(
            x=[],
            y=[],
            mode="lines+markers",
            opacity=0.75,
            line={"color": colour, "width": 1.2},
            marker={"size": 4.5, "color": colour, "symbol": symbol},
            hoverinfo="skip",
        )
        for colour, symbol in zip(LANES, SYMBOLS, strict=True)
    ]
    traces.append(go.Scatter(x=[], y=[], mode="markers", marker=HEADS, hoverinfo="skip"))
    return go.Figure(
        traces,
        _layout(
            xaxis=_axis(),
            yaxis=_axis(),
        ),
    )


def relief() -> go.Figure:
    """Return a landscape in three dimensions: its surface, then for every lane path, cloud and
    estimate, then the start and the known minima.
    """
    traces: list[Any] = [
        go.Surface(
            x=[],
            y=[],
            z=[],
            colorscale=[list(stop) for stop in LANDSCAPE],
            showscale=False,
            hoverinfo="skip",
            contours={
                "z": {
                    "show": True,
                    "start": 0.05,
                    "end": 1,
                    "size": 0.05,
                    "color": "rgba(90,75,60,0.35)",
                    "width": 1,
                    "highlight": False,
                }
            },
            lighting={
                "ambient": 0.62,
                "diffuse": 0.7,
                "specular": 0.06,
                "roughness": 0.9,
                "fresnel": 0.05,
            },
            lightposition={"x": -800, "y": 900, "z": 2200},
        )
    ]
    for colour, symbol in zip(LANES, SYMBOLS, strict=True):
        # Plotly has no triangle markers in three dimensions.
        shape = {"triangle-up": "cross"}.get(symbol, symbol)
        traces.append(
            go.Scatter3d(
                x=[], y=[], z=[], mode="lines", line={"color": colour, "width": 5}, hoverinfo="skip"
            )
        )
        traces.append(
            go.Scatter3d(
                x=[],
                y=[],
                z=[],
                mode="markers",
                marker={"size": 3.5, "color": colour, "symbol": shape},
                hoverinfo="skip",
            )
        )
        traces.append(
            go.Scatter3d(
                x=[],
                y=[],
                z=[],
                mode="lines+markers",
                line={"color": colour, "width": 4},
                marker={
                    "size": [1, 9],
                    "color": colour,
                    "symbol": shape,
                    "line": {"color": "#ffffff", "width": 1.5},
                },
                hoverinfo="skip",
            )
        )
    traces.append(
        go.Scatter3d(
            x=[],
            y=[],
            z=[],
            mode="markers",
            marker={"size": 4, "color": "#1a1a1a", "symbol": ["x"]},
            hoverinfo="skip",
        )
    )
    bare = {
        "showgrid": False,
        "zeroline": False,
        "showbackground": False,
        "showspikes": False,
        "title": {"text": ""},
        "nticks": 5,
    }
    return go.Figure(
        traces,
        _layout(
            margin={"l": 0, "r": 0, "t": 0, "b": 0},
            scene={
                "xaxis": bare,
                "yaxis": bare,
                "zaxis": {**bare, "visible": False, "range": [-0.02, 1.55]},
                "aspectmode": "manual",
                "aspectratio": {"x": 1.3, "y": 1.3, "z": 0.56},
                "camera": {
                    "eye": {"x": -0.88, "y": -1.24, "z": 1.3},
                    "center": {"x": 0, "y": 0, "z": -0.16},
                },
                "dragmode": "turntable",
            },
        ),
    )


PANELS = {
    "loss": loss,
    "weights": weights,
    "temperature": temperature,
    "agreement": agreement,
    "chains": chains,
    "relief": relief,
    "gap": loss,
    "alike": trail,
    "replicas": trail,
}


def figures() -> dict[str, Any]:
    """Return all figures as JSON values, by panel."""
    return {name: make().to_plotly_json() for name, make in PANELS.items()}
