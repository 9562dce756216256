"""Write solutions as files: tours as TSPLIB's, routes as CVRPLIB's, others as tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

import numpy as np

from .instance import Integers
from .landing_instance import LandingInstance
from .pairing_instance import PairingInstance
from .reading.tsplib import write_tour
from .reading.vrplib import write_solution


def written(instance: Any, solution: Integers, name: str, price: int) -> tuple[str, str]:
    """Return the suffix of the file for a checked solution, and its text.

    Args:
        instance: what it is of.
        solution: in the instance's numbers.
        name: of the file.
        price: of the solution.
    """
    if instance.kind == "pairing":
        return ".csv", table(roster(instance, solution))
    if instance.kind == "routes":
        return ".sol", write_solution(solution, price)
    if instance.kind == "landing":
        return ".csv", table(landings(instance, solution))
    return ".tour", write_tour(solution, name, price)


def roster(instance: PairingInstance, columns: Integers) -> Iterable[tuple[Any, ...]]:
    """Yield the rows of a table of chosen columns: of a timetable, every leg with its crew; else
    every column with its rows, both counted from 1 as in files of the OR-Library.
    """
    if instance.places is None:
        yield "column", "cost", "rows"
        for column in columns.tolist():
            rows = " ".join(str(row + 1) for row in instance.rows_of(column).tolist())
            yield column + 1, f"{instance.costs[column] * instance.scale:.10g}", rows
        return
    assert instance.leg_start is not None
    assert instance.leg_end is not None
    assert instance.leg_from is not None
    assert instance.leg_to is not None
    yield "crew", "leg", "from", "to", "start", "end"
    starts = instance.leg_start
    days = [
        sorted(instance.rows_of(column).tolist(), key=lambda leg: (starts[leg], leg))
        for column in sorted(columns.tolist())
    ]
    days.sort(key=lambda legs: starts[legs[0]])  # of one start in the order of their columns
    for crew, legs in enumerate(days, 1):
        for leg in legs:
            yield (
                crew,
                leg + 1,
                instance.places[instance.leg_from[leg]],
                instance.places[instance.leg_to[leg]],
                clock(int(instance.leg_start[leg])),
                clock(int(instance.leg_end[leg])),
            )


def landings(instance: LandingInstance, solution: Integers) -> Iterable[tuple[Any, ...]]:
    """Yield the rows of a table of landings: every plane with its runway, both counted from 1, its
    time, its target and what it costs, in the file's units and in the order of landings.
    """
    yield "plane", "runway", "time", "target", "cost"
    times, runways = solution[: instance.size], solution[instance.size :]
    for plane in np.lexsort((times, runways)).tolist():
        apart = int(times[plane]) - int(instance.target[plane])
        cost = max(apart * int(instance.after[plane]), -apart * int(instance.before[plane]))
        yield (
            plane + 1,
            int(runways[plane]) + 1,
            f"{times[plane] * instance.time_scale:.10g}",
            f"{instance.target[plane] * instance.time_scale:.10g}",
            f"{cost * instance.scale:.10g}",
        )


def clock(minutes: int) -> str:
    """Return minutes after midnight as people read them; after 24:00 it is the next day."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def table(rows: Iterable[tuple[Any, ...]]) -> str:
    """Return rows as a CSV table."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
