"""What contenders took, side by side: timed in turns, as a row of a table and as a bar of a
figure.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PAUSE = 0.05
"""Seconds between two timings, for threads that still wait for work to go to sleep."""


@dataclass
class Row:
    """One line of the table.

    Attributes:
        name: for ``--only``.
        what: was measured.
        ours, theirs: medians, in ``unit``; theirs by contender.
        value: what the bar is about.
        bar: what it shall be, and ``met`` whether it is; None where it could not be judged.
        notes: what else is to be known.
    """

    name: str
    what: str
    value: str = "–"
    bar: str = ""
    met: bool | None = None
    ours: float | None = None
    theirs: dict[str, float] = field(default_factory=dict)
    unit: str = "ms"
    notes: str = ""


def timed(contenders: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Median milliseconds of each, taken in turns after one round to warm up."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, run in contenders.items():
            time.sleep(PAUSE)
            since = time.perf_counter()
            run()
            if turn:
                times[name].append(1e3 * (time.perf_counter() - since))
    return {name: statistics.median(values) for name, values in times.items()}


def compared(row: Row, contenders: dict[str, Callable[[], Any]], bar: float, rounds: int) -> Row:
    """A row of ours, the first contender, against the best of the others."""
    times = timed(contenders, rounds)
    ours, *others = times
    row.ours, row.theirs = times[ours], {name: times[name] for name in others}
    row.bar = f"≥ {bar:g}×"
    if others:
        ratio = min(row.theirs.values()) / row.ours
        row.value, row.met = f"{ratio:.2f}×", ratio >= bar
    else:
        row.value = "not compared"
    return row


def figure(rows: list[Row], path: str) -> None:
    """Ratios to ours as bars, one group per row that has contenders."""
    import plotly.graph_objects as go

    chosen = [row for row in rows if row.theirs and row.ours and row.unit == "ms"]
    chart = go.Figure()
    for contender in dict.fromkeys(name for row in chosen for name in row.theirs):
        at = [row for row in chosen if contender in row.theirs]
        chart.add_bar(
            name=contender,
            x=[row.name for row in at],
            y=[row.theirs[contender] / (row.ours or 1) for row in at],
            text=[f"{row.theirs[contender]:.0f} ms" for row in at],
            hovertext=[row.what for row in at],
        )
    chart.add_hline(y=1, annotation_text="Kelvin")
    chart.update_layout(
        title="Time of the others, as a multiple of Kelvin's",
        yaxis={"title": "× Kelvin's time", "type": "log"},
        template="plotly_white",
        barmode="group",
    )
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    chart.write_html(path, include_plotlyjs=True)
