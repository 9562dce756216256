"""Bars of crew pairing and of aircraft landing, on files of the OR-Library; HiGHS in the same race."""

from __future__ import annotations

import statistics
from typing import Any

from engine.combinatorial.instances import INSTANCES, of_path

from .common import SEEDS, Row, data, missing, race

ONE_RUNWAY = {1: 700, 2: 1480, 3: 820, 4: 2520, 5: 3100, 6: 24442, 7: 1550}
"""Optimum of airland1 to airland7."""


def rows(scale: float = 1.0) -> list[Row]:
    """Measure all rows.

    Args:
        scale: of every budget, below 1 for a quick look.
    """
    found = [
        *pairing("sppnw41", "annealing", 1.0 * scale, 11307, 5),
        *pairing("sppnw43", "tempering", 15.0 * scale, 8904, 4),
    ]
    for number, price in ONE_RUNWAY.items():
        found.append(landing(f"airland{number}", 1.0 * scale, price, "optimum in 1 s"))
    found.append(landing("airland9", 3.0 * scale, 561_200, "≤ 5612.0 in 3 s"))
    found.append(all_pairs("airland8", 10.0 * scale, 1950))
    return found


def all_pairs(name: str, seconds: float, price: int) -> Row:
    """Return the row of annealing on planes of which not only neighbours count: the optimum, and
    nothing below it.
    """
    bar = f"{price:,} in {seconds:g} s, never below"
    file = data("aircraft-landing", f"{name}.txt")
    if file is None:
        return missing(f"{name}, annealing", bar)
    unit = INSTANCES.build({"name": "file", "token": of_path(str(file)).token}).load().scale
    rows = [race(file, ["annealing"], seconds, seed)[0] for seed in SEEDS]
    prices = [None if row["best"] is None else round(row["best"] * unit, 2) for row in rows]
    return {
        "row": f"{name}, annealing",
        "bar": bar,
        "value": max(one or float("inf") for one in prices),
        "met": all(one == price for one in prices),
        "detail": f"prices {prices}",
    }


def pairing(name: str, lane: str, seconds: float, price: int, least: int) -> list[Row]:
    """Return the rows of a set partitioning problem: a method's, and HiGHS's beside it."""
    bar = f"{price:,} in {seconds:g} s, {least} of 5"
    file = data("set-partitioning", f"{name}.txt")
    if file is None:
        return [missing(f"{name}, {lane}", bar)]
    ours: list[dict[str, Any]] = []
    theirs: list[dict[str, Any]] = []
    for seed in SEEDS:
        one, other = race(file, [lane, "highs"], seconds, seed)
        ours.append(one)
        theirs.append(other)
    reached = sum(one["best"] == price for one in ours)
    proved = sum(other["bound"] == other["best"] == price for other in theirs)
    times = ", ".join(f"{one['seconds']:.2g}" for one in ours)
    seconds_of_highs = statistics.median(other["seconds"] for other in theirs)
    return [
        {
            "row": f"{name}, {lane}",
            "bar": bar,
            "value": reached,
            "met": reached >= least and all(one["best"] >= price for one in ours if one["best"]),
            "detail": f"seconds: {times}",
        },
        {
            "row": f"{name}, highs",
            "bar": "proved, every time",
            "value": proved,
            "met": proved == len(theirs),
            "detail": f"median {seconds_of_highs:.2f} s",
        },
    ]


def landing(name: str, seconds: float, price: int, bar: str) -> Row:
    """Return the row of annealing on a file of planes, one runway."""
    file = data("aircraft-landing", f"{name}.txt")
    if file is None:
        return missing(f"{name}, annealing", bar)
    found = [race(file, ["annealing"], seconds, seed)[0] for seed in SEEDS]
    prices = [one["best"] for one in found]
    return {
        "row": f"{name}, annealing",
        "bar": bar,
        "value": max(one or float("inf") for one in prices),
        "met": all(one is not None and one <= price for one in prices),
        "detail": f"prices {sorted(set(prices))}; "
        f"at most {max(one['seconds'] for one in found):.3f} s",
    }
