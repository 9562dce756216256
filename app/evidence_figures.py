"""The figures of the page Evidence: the map, costs over a varied size, and values per method.

Pure functions of what the tables say. Row names stand above their rows and not beside them, so that
the same figure fits a wide screen and a phone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.palette import FACTORS, FACTORS_ON_DARK, RECORDINGS, RECORDINGS_ON_DARK
from app.text import t
from engine.race.trajectory import Target
from engine.studies import stats
from engine.studies.report import COLUMNS, COMBINATORIAL, Cell
from engine.studies.study import Seen
from engine.studies.verdict import GAP, SHARES, number

CLEAR = "rgba(0,0,0,0)"
FAR = 3.0
"""Decades of the factor at which the map's colour ends."""
NAME_HEIGHT, CELL_HEIGHT, HEAD = 19, 48, 26
"""Of the map, in pixels: a row's name, its cells, the columns' names."""
LINE = 12
"""Characters in a line of a cell: what fits a fifth of a phone's width."""
GRADIENT = "gradient"
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x")
DASHES = ("solid", "dash", "dot", "dashdot")


@dataclass(frozen=True)
class Paper:
    """What figures are drawn on.

    Attributes:
        ink, muted, grid, blank: colours of text, of lesser text, of grid lines, and of a cell
            whose target was not reached.
        factors: colours from factor 1 to the largest.
        lanes: colours of what methods see, and of controls.
    """

    ink: str
    muted: str
    grid: str
    blank: str
    factors: tuple[tuple[float, str], ...]
    lanes: tuple[str, ...]


LIGHT = Paper("#1a1a1a", "#665f57", "#e5e0d8", "#ffffff", FACTORS, RECORDINGS)
DARK = Paper("#f2ede6", "#b5aca2", "#3a352f", "#161412", FACTORS_ON_DARK, RECORDINGS_ON_DARK)


@dataclass(frozen=True)
class Point:
    """One value with its interval.

    Attributes:
        name: of the method.
        sees: what it sees of the problem.
        control: whether it is a control.
        tuned: whether its settings were tuned.
        value, low, high: infinite where the target was never reached.
        reached, n: runs that reached it, of how many.
        along: where it lies on the axis of a varied size.
    """

    name: str
    sees: str
    control: bool
    tuned: bool
    value: float
    low: float
    high: float
    reached: int
    n: int
    along: float = 0.0


def paper(dark: bool) -> Paper:
    """Return the colours of a theme."""
    return DARK if dark else LIGHT


def _layout(on: Paper, **extra: Any) -> dict[str, Any]:
    return {
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "font": {"size": 12, "color": on.ink},
        "dragmode": False,
        "hovermode": "closest",
        "hoverlabel": {"align": "left", "namelength": -1, "font": {"size": 12}},
        **extra,
    }


def _axis(on: Paper, **extra: Any) -> dict[str, Any]:
    return {
        "showline": False,
        "zeroline": False,
        "ticks": "",
        "gridcolor": on.grid,
        "fixedrange": True,
        "tickfont": {"size": 11, "color": on.ink},
        **extra,
    }


# The map


def times(factor: float) -> str:
    """Return a factor as the map shows it: 1×, 2.4×, 59×, 1,230×."""
    if factor < 1.005:
        return "1×"
    return f"{factor:.2g}×" if factor < 99.5 else f"{number(factor)}×"


def colour_of(factor: float, on: Paper) -> str:
    """Return the colour of a factor, between the stops of the scale."""
    place = min(math.log10(max(factor, 1.0)) / FAR, 1.0)
    (start, first), (end, second) = next(
        pair
        for pair in zip(on.factors, on.factors[1:], strict=False)
        if pair[0][0] <= place <= pair[1][0]
    )
    share = (place - start) / (end - start)
    mixed = [
        round(a + share * (b - a)) for a, b in zip(_channels(first), _channels(second), strict=True)
    ]
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def text_on(colour: str) -> str:
    """Return black or white, whichever is easier to read on a colour."""
    return "#000000" if contrast("#000000", colour) >= contrast("#ffffff", colour) else "#ffffff"


def contrast(a: str, b: str) -> float:
    """Return the contrast of two colours, from 1 to 21 (WCAG 2.1, relative luminance)."""
    lighter, darker = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _channels(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


def _luminance(colour: str) -> float:
    linear = [
        c / 12.92 if (c := channel / 255) <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for channel in _channels(colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def short(title: str) -> str:
    """Return a method's name in at most two short lines."""
    words = title.split(",")[0].replace("–", "– ").split(" ")
    lines = [""]
    for word in words:
        joined = f"{lines[-1]}{'' if lines[-1].endswith('–') else ' '}{word}".strip()
        if len(joined) <= LINE or not lines[-1]:
            lines[-1] = joined
        else:
            lines.append(word)
    return "<br>".join(lines[:2])


def rows_of(cells: Sequence[Cell]) -> list[str]:
    """Return the situations of the map, in their order."""
    return list(dict.fromkeys(cell.situation for cell in cells))


def heading(situation: str, cells: Sequence[Cell]) -> str:
    """Return the head of a situation's row: its name, and what costs are counted until."""
    name = situation[:1].upper() + situation[1:]
    target = next((cell.target for cell in cells if cell.situation == situation), None)
    return name if target is None else t("evidence.heading", situation=name, goal=goal(target))


def goal(target: Target) -> str:
    """Return a target in words."""
    measure = t(f"evidence.metric-{target.on}").lower()
    if target.value is None:
        part = f"{100 * float(target.share_of_first or 0):g} %"
        return t("evidence.goal-share", measure=measure, value=part)
    at_least = target.on.endswith(SHARES)
    percent = at_least or target.on == GAP
    value = f"{100 * target.value:g} %" if percent else f"{target.value:g}"
    return t(
        "evidence.goal-least" if at_least else "evidence.goal-most", measure=measure, value=value
    )


def unclear(cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells of rows whose best two cannot be distinguished by their seeds: these two."""
    found = []
    for situation in rows_of(cells):
        row = sorted((c for c in cells if c.situation == situation), key=lambda c: c.value)
        if row[0].told_apart is False:
            found += row[:2]
    return found


def columns_of(cells: Sequence[Cell]) -> tuple[Seen, ...]:
    """Return the columns of a map: those of combinatorial problems if its cells are of such."""
    return COMBINATORIAL if any(cell.column in COMBINATORIAL for cell in cells) else COLUMNS


def map_height(cells: Sequence[Cell]) -> int:
    """Return the map's height in pixels."""
    return HEAD + len(rows_of(cells)) * (NAME_HEIGHT + CELL_HEIGHT) + 6


def the_map(cells: Sequence[Cell], dark: bool = False) -> go.Figure:
    """Return the map: situations × what a method sees.

    Trace 0 has the colours, 1 the hatching, 2 the dots, 3 a point for each cell, to be pointed at
    and clicked; its ``customdata`` begins with the study.
    """
    on, columns = paper(dark), columns_of(cells)
    situations = rows_of(cells)
    place = {situation: i for i, situation in enumerate(situations)}
    full = NAME_HEIGHT + CELL_HEIGHT
    middle = {name: i * full + NAME_HEIGHT + CELL_HEIGHT / 2 for name, i in place.items()}
    z: list[list[float | None]] = []
    edges = [0.0]
    for situation in situations:
        own = {c.column: c for c in cells if c.situation == situation and math.isfinite(c.factor)}
        z.append([None] * len(columns))
        z.append([math.log10(own[column].factor) if column in own else None for column in columns])
        edges += [edges[-1] + NAME_HEIGHT, edges[-1] + full]
    hatched = unclear(cells)
    wins = [
        cell for cell in cells if cell.factor == 1 and cell.column != GRADIENT and cell.reached > 0
    ]
    at = [columns.index(cell.column) for cell in cells]
    traces = [
        go.Heatmap(
            x=[i - 0.5 for i in range(len(columns) + 1)],
            y=edges,
            z=z,
            zmin=0,
            zmax=FAR,
            colorscale=[list(stop) for stop in on.factors],
            showscale=False,
            xgap=3,
            hoverinfo="skip",
        ),
        go.Bar(
            x=[columns.index(cell.column) for cell in hatched],
            base=[middle[cell.situation] - CELL_HEIGHT / 2 for cell in hatched],
            y=[CELL_HEIGHT] * len(hatched),
            width=0.98,
            marker={
                "color": CLEAR,
                "line": {"width": 0},
                "pattern": {
                    "shape": "/",
                    "fgcolor": [text_on(colour_of(cell.factor, on)) for cell in hatched],
                    "fgopacity": 0.45,
                    "bgcolor": CLEAR,
                    "size": 9,
                    "solidity": 0.12,
                },
            },
            hoverinfo="skip",
        ),
        go.Scatter(
            x=[columns.index(cell.column) + 0.42 for cell in wins],
            y=[middle[cell.situation] - CELL_HEIGHT / 2 + 9 for cell in wins],
            mode="markers",
            marker={
                "size": 9,
                "color": [text_on(colour_of(cell.factor, on)) for cell in wins],
                "opacity": 1,
            },
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
            hoverinfo="skip",
        ),
        go.Scatter(
            x=at,
            y=[middle[cell.situation] for cell in cells],
            mode="markers",
            marker={"size": CELL_HEIGHT, "symbol": "square", "opacity": 0},
            selected={"marker": {"opacity": 0}},
            unselected={"marker": {"opacity": 0}},
            customdata=[[cell.study, cell.case, cell.lane] for cell in cells],
            hovertext=[_said(cell) for cell in cells],
            hovertemplate="%{hovertext}<extra></extra>",
        ),
    ]
    return go.Figure(
        traces,
        _layout(
            on,
            height=map_height(cells),
            margin={"l": 2, "r": 2, "t": HEAD, "b": 6},
            showlegend=False,
            clickmode="event+select",
            hoverdistance=-1,
            xaxis=_axis(
                on,
                side="top",
                showgrid=False,
                range=[-0.5, len(columns) - 0.5],
                tickvals=list(range(len(columns))),
                ticktext=[t(f"evidence.sees-{column.replace(' ', '-')}") for column in columns],
            ),
            yaxis=_axis(on, visible=False, range=[edges[-1], 0]),
            shapes=[_frame(cell, middle[cell.situation], on) for cell in cells if _blank(cell)],
            annotations=[
                *(
                    _row_name(heading(name, cells), middle[name] - CELL_HEIGHT / 2, on)
                    for name in situations
                ),
                *(_words(cell, middle[cell.situation], on) for cell in cells),
            ],
        ),
    )


def profile(cells: Sequence[Cell], dark: bool = False) -> go.Figure:
    """Return the performance profile of the map (Dolan and Moré, 2002): for each column the share
    of the situations in which it was tried, and somebody reached the target, where its cost is
    within a factor of the best column's.
    """
    on = paper(dark)
    factors = np.geomspace(1, 10**FAR, 181)
    solved = {cell.situation for cell in cells if math.isfinite(cell.factor)}
    traces = []
    for i, column in enumerate(columns_of(cells)):
        own = [c.factor for c in cells if c.column == column and c.situation in solved]
        if not own:
            continue
        costs = {column: own, "best": [1.0] * len(own)}
        traces.append(
            go.Scatter(
                x=factors,
                y=100 * stats.performance_profile(costs, factors)[column],
                mode="lines",
                name=t(
                    "evidence.profile-name",
                    sees=t(f"evidence.sees-{column.replace(' ', '-')}"),
                    n=len(own),
                ),
                line={
                    "color": on.lanes[i % len(on.lanes)],
                    "width": 2.4,
                    "dash": DASHES[i % len(DASHES)],
                    "shape": "hv",
                },
                hovertemplate="%{y:.0f} % ≤ %{x:.3~g} ×<extra>%{fullData.name}</extra>",
            )
        )
    return go.Figure(
        traces,
        _layout(
            on,
            height=380,
            margin={"l": 58, "r": 12, "t": 12, "b": 50},
            showlegend=True,
            legend={"orientation": "h", "y": -0.22, "yanchor": "top", "x": 0, "font": {"size": 12}},
            xaxis=_axis(
                on,
                type="log",
                range=[0, FAR],
                dtick=1,
                title={"text": t("evidence.profile-x"), "font": {"size": 12}, "standoff": 8},
            ),
            yaxis=_axis(on, range=[0, 103], ticksuffix=" %"),
        ),
    )


def _blank(cell: Cell) -> bool:
    return not math.isfinite(cell.factor)


def _frame(cell: Cell, middle: float, on: Paper) -> dict[str, Any]:
    column = columns_of([cell]).index(cell.column)
    return {
        "type": "rect",
        "x0": column - 0.49,
        "x1": column + 0.49,
        "y0": middle - CELL_HEIGHT / 2,
        "y1": middle + CELL_HEIGHT / 2,
        "fillcolor": on.blank,
        "line": {"color": on.muted, "width": 1, "dash": "dot"},
        "layer": "below",
    }


def _row_name(name: str, top: float, on: Paper) -> dict[str, Any]:
    return {
        "text": f"<b>{name}</b>",
        "x": -0.5,
        "y": top,
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 12, "color": on.ink},
    }


def _words(cell: Cell, middle: float, on: Paper) -> dict[str, Any]:
    if _blank(cell):
        text, colour = f"{short(cell.title)}<br>{t('evidence.not-reached')}", on.ink
    else:
        text = f"{short(cell.title)}<br><b>{times(cell.factor)}</b>"
        colour = text_on(colour_of(cell.factor, on))
    return {
        "text": text,
        "x": columns_of([cell]).index(cell.column),
        "y": middle,
        "showarrow": False,
        "font": {"size": 11, "color": colour},
    }


def _said(cell: Cell) -> str:
    """Return a cell in words, for the box beside the pointer."""
    lines = [f"<b>{cell.title}</b>", heading(cell.situation, [cell])]
    if _blank(cell):
        lines.append(t("evidence.cell-never", n=cell.n))
    else:
        lines += [
            t(
                "evidence.cell-cost",
                value=number(cell.value),
                low=number(cell.low),
                high=number(cell.high),
            ),
            t("evidence.cell-reached", reached=cell.reached, n=cell.n),
        ]
    if cell.told_apart is False and cell.needed is not None and cell.needed > cell.n:
        lines.append(t("evidence.cell-needed", seeds=cell.needed))
    lines.append(t("evidence.cell-open"))
    return "<br>".join(lines)


# Figures of one study

ROW = 46
"""Height of a method's row, in pixels."""


def colours(points: Sequence[Point], on: Paper) -> dict[str, str]:
    """Return each method's colour: one for each way of seeing where they differ in it, otherwise
    one for each method. Controls are grey.
    """
    own = [point for point in points if not point.control]
    if len({point.sees for point in own}) > 1:
        hue = {point.name: on.lanes[_rank(point)] for point in own}
    else:
        names = dict.fromkeys(point.name for point in own)
        hue = {name: on.lanes[i % len(on.lanes)] for i, name in enumerate(names)}
    return {point.name: hue.get(point.name, on.muted) for point in points}


def _rank(point: Point) -> int:
    """Return the place of what a method sees among the map's columns."""
    order: list[str] = [*COLUMNS, "none"]
    return order.index(point.sees)


def _bounds(points: Sequence[Point], log: bool) -> tuple[float, float]:
    """Return the ends of an axis that shows all finite values and ends of intervals."""
    known = [
        value
        for point in points
        if math.isfinite(point.value)
        for value in (point.value, point.low, point.high)
        if math.isfinite(value) and (value > 0 or not log)
    ]
    if not known:
        return (1.0, 10.0) if log else (0.0, 1.0)
    least, most = min(known), max(known)
    if log:
        decades = max(math.log10(most / least), 0.2)
        return least / 10 ** (0.08 * decades), most * 10 ** (0.12 * decades)
    room = 0.06 * (most - least or abs(most) or 1.0)
    return least - room, most + room


def dots(points: Sequence[Point], log: bool, share: bool, dark: bool = False) -> go.Figure:
    """Return one row per method with its value and interval.

    Trace 0 has the values from default settings (rings), 1 those from tuned settings (filled).

    Args:
        points: in the order of their rows; a method may have two, default and tuned.
        log: whether the axis is logarithmic.
        share: whether values are shares, drawn in percent.
        dark: for the dark theme.
    """
    on = paper(dark)
    names = list(dict.fromkeys(point.name for point in points))
    hue = colours(points, on)
    left, right = _bounds(points, log)
    scale = 100.0 if share else 1.0
    traces = []
    for tuned in (False, True):
        own = [p for p in points if p.tuned == tuned and math.isfinite(p.value)]
        traces.append(
            go.Scatter(
                x=[scale * p.value for p in own],
                y=[names.index(p.name) + (0.08 if tuned else 0.32) for p in own],
                mode="markers",
                name=t("evidence.tuned" if tuned else "evidence.default"),
                marker={
                    "size": 10,
                    "symbol": ["diamond" if p.control else "circle" for p in own]
                    if tuned
                    else ["diamond-open" if p.control else "circle-open" for p in own],
                    "color": [hue[p.name] for p in own],
                    "line": {"width": 2},
                },
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": [scale * (min(p.high, right) - p.value) for p in own],
                    "arrayminus": [scale * (p.value - max(p.low, left)) for p in own],
                    "color": on.muted,
                    "thickness": 1.4,
                    "width": 4,
                },
                hovertext=[_point_said(p, share) for p in own],
                hovertemplate="%{hovertext}<extra></extra>",
            )
        )
    ends = [math.log10(left), math.log10(right)] if log else [scale * left, scale * right]
    return go.Figure(
        traces,
        _layout(
            on,
            height=len(names) * ROW + 40,
            margin={"l": 4, "r": 14, "t": 4, "b": 32},
            showlegend=False,
            xaxis=_axis(
                on,
                type="log" if log else "linear",
                range=ends,
                nticks=6,
                **({"ticksuffix": " %"} if share else {}),
                **(_decades(ends) if log else {}),
            ),
            yaxis=_axis(on, showticklabels=False, showgrid=False, range=[len(names) - 0.5, -0.55]),
            shapes=[
                {
                    "type": "line",
                    "xref": "paper",
                    "x0": 0,
                    "x1": 1,
                    "y0": i + 0.5,
                    "y1": i + 0.5,
                    "line": {"color": on.grid, "width": 1},
                }
                for i in range(len(names) - 1)
            ],
            annotations=[_method(name, i, points, on) for i, name in enumerate(names)],
        ),
    )


def _decades(ends: Sequence[float]) -> dict[str, Any]:
    """Return where a logarithmic axis has ticks: at powers of ten, if it has two of them."""
    span = ends[1] - ends[0]
    if math.floor(ends[1]) - math.ceil(ends[0]) < 1:
        return {"exponentformat": "power", "dtick": "D1" if span < 0.8 else "D2"}
    return {"exponentformat": "power", "dtick": max(1, math.ceil(span / 6))}


def _method(name: str, row: int, points: Sequence[Point], on: Paper) -> dict[str, Any]:
    own = [point for point in points if point.name == name]
    text = name
    if own[0].control:
        text += f" · {t('evidence.control')}"
    counts = {point.tuned: (point.reached, point.n) for point in own}
    if any(reached < n for reached, n in counts.values()):
        if len(set(counts.values())) == 1:
            said = t("evidence.reached-of", reached=own[0].reached, n=own[0].n)
        else:
            said = ", ".join(
                t(
                    "evidence.reached-with",
                    settings=t("evidence.tuned" if tuned else "evidence.default"),
                    reached=reached,
                    n=n,
                )
                for tuned, (reached, n) in counts.items()
            )
        text += f" · <i>{said}</i>"
    return {
        "text": text,
        "xref": "paper",
        "x": 0,
        "y": row - 0.3,
        "xanchor": "left",
        "showarrow": False,
        "font": {"size": 12, "color": on.ink},
    }


def _point_said(point: Point, share: bool) -> str:
    shown = percent if share else number
    lines = [
        f"<b>{point.name}</b> ({t('evidence.tuned' if point.tuned else 'evidence.default')})",
        f"{shown(point.value)} [{shown(point.low)}, {shown(point.high)}]",
    ]
    if point.reached < point.n:
        lines.append(t("evidence.cell-reached", reached=point.reached, n=point.n))
    return "<br>".join(lines)


def percent(value: float) -> str:
    """Return a share in percent with one digit after the point."""
    return "–" if math.isnan(value) else f"{100 * value:.1f} %"


def lines(
    points: Sequence[Point],
    along: str,
    log: bool = True,
    share: bool = False,
    dark: bool = False,
) -> go.Figure:
    """Return one line per method over a varied size, with intervals.

    A size at which a method never reached the target is marked at the upper edge.

    Args:
        points: of all methods and sizes.
        along: title of the horizontal axis, which is logarithmic.
        log: whether the vertical one is logarithmic, too.
        share: whether values are shares, drawn in percent.
        dark: for the dark theme.
    """
    on = paper(dark)
    hue = colours(points, on)
    low, high = _bounds(points, log)
    scale = 100.0 if share else 1.0
    traces = []
    used: dict[str, int] = {}
    for name in dict.fromkeys(point.name for point in points):
        own = sorted((p for p in points if p.name == name), key=lambda p: p.along)
        known = [p for p in own if math.isfinite(p.value)]
        before = used[hue[name]] = used.get(hue[name], -1) + 1
        symbol = SYMBOLS[list(hue).index(name) % len(SYMBOLS)]
        look: dict[str, Any] = {"color": hue[name], "symbol": symbol, "size": 9}
        traces.append(
            go.Scatter(
                x=[p.along for p in known],
                y=[scale * p.value for p in known],
                mode="lines+markers",
                name=name,
                legendgroup=name,
                line={
                    "color": hue[name],
                    "width": 2,
                    "dash": DASHES[before % len(DASHES)],
                },
                marker=look,
                error_y={
                    "type": "data",
                    "symmetric": False,
                    "array": [scale * (min(p.high, high) - p.value) for p in known],
                    "arrayminus": [scale * (p.value - max(p.low, low)) for p in known],
                    "color": hue[name],
                    "thickness": 1.4,
                    "width": 4,
                },
                hovertext=[_point_said(p, share) for p in known],
                hovertemplate="%{hovertext}<br>%{x:,}<extra></extra>",
            )
        )
        missed = [p for p in own if not math.isfinite(p.value)]
        if missed:
            traces.append(
                go.Scatter(
                    x=[p.along for p in missed],
                    y=[scale * high] * len(missed),
                    mode="markers",
                    name=t("evidence.line-never", name=name),
                    legendgroup=name,
                    marker={**look, "symbol": "triangle-up-open", "line": {"width": 2}},
                    cliponaxis=False,
                    hovertext=[t("evidence.cell-never", n=p.n) for p in missed],
                    hovertemplate=f"<b>{name}</b><br>%{{hovertext}}<br>%{{x:,}}<extra></extra>",
                )
            )
    ends = [math.log10(low), math.log10(high)] if log else [scale * low, scale * high]
    ranged = [math.log10(p.along) for p in points if p.along > 0] or [0.0, 1.0]
    room = 0.06 * (max(ranged) - min(ranged) or 1.0)
    return go.Figure(
        traces,
        _layout(
            on,
            height=440 + 10 * len(traces),
            margin={"l": 58, "r": 12, "t": 12, "b": 50},
            showlegend=True,
            legend={
                "orientation": "h",
                "y": -0.2,
                "yanchor": "top",
                "x": 0,
                "font": {"size": 12},
            },
            xaxis=_axis(
                on,
                type="log",
                range=[min(ranged) - room, max(ranged) + room],
                title={"text": along, "font": {"size": 12}, "standoff": 8},
                exponentformat="power",
                dtick=1,
            ),
            yaxis=_axis(
                on,
                type="log" if log else "linear",
                range=ends,
                **({"ticksuffix": " %"} if share else {}),
                **(_decades(ends) if log else {}),
            ),
        ),
    )


def as_json(figure: go.Figure) -> Mapping[str, Any]:
    """Return a figure as JSON values, without Plotly's own template."""
    value: dict[str, Any] = figure.to_plotly_json()
    value["layout"] = {name: one for name, one in value["layout"].items() if name != "template"}
    return value
