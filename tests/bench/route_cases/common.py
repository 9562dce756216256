"""Race methods on a file or an instance, and compare what they found with a bar."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from engine.combinatorial.experiment import CombinatorialExperiment
from engine.combinatorial.instances import of_path
from engine.combinatorial.race import CombinatorialRace
from engine.errors import CannotRun

Row = dict[str, Any]
SEEDS = range(5)


def data(*parts: str) -> Path | None:
    """Return a file of KELVIN_DATA, or None if it is not there."""
    folder = os.environ.get("KELVIN_DATA")
    path = Path(folder or "", "combinatorial", *parts)
    return path if folder and path.exists() else None


def race(
    instance: Path | dict[str, Any],
    lanes: Iterable[Any],
    seconds: float,
    seed: int = 0,
    **more: Any,
) -> list[dict[str, Any]]:
    """Return the results of one race; lanes take turns, each on its own processor time."""
    if isinstance(instance, Path):
        instance = {"name": "file", "token": of_path(str(instance)).token}
    one = CombinatorialRace(
        CombinatorialExperiment.parse(
            {
                "instance": instance,
                "lanes": list(lanes),
                "budget": {"currency": "seconds", "amount": seconds},
                "seed": seed,
            }
            | more
        ),
        marks=1,
        pictures=False,
    )
    try:
        while not one.finished:
            one.advance()
        return [dict(row) for row in one.results()]
    finally:
        one.close()


def beside(
    name: str, instance: Path | dict[str, Any] | None, lanes: Iterable[str], seconds: float
) -> Row:
    """Return a row without a bar: lanes beside each other in one race, without those that are not
    installed.
    """
    if instance is None:
        return missing(name, "–")
    there, left_out = [], []
    for lane in lanes:
        try:
            race(instance, [lane], 0.05)
            there.append(lane)
        except CannotRun:
            left_out.append(lane)
    results = race(instance, there, seconds)
    lowest = min(one["best"] for one in results if one["best"] is not None)
    told = [
        f"{one['method']} {100 * gap:.3f} % in {one['seconds']:.1f} s"
        for one in results
        if (gap := one["gap"] if one["gap"] is not None else one["best"] / lowest - 1) is not None
    ]
    told += [f"{lane} not installed" for lane in left_out]
    return {"row": name, "bar": "–", "value": None, "met": None, "detail": "; ".join(told)}


def missing(name: str, bar: str) -> Row:
    """Return the row of a file that is not there."""
    return {"row": name, "bar": bar, "value": None, "met": None, "detail": "no file: KELVIN_DATA"}


def gaps(
    name: str,
    file: Path | None,
    lane: Any,
    seconds: float,
    bar: str,
    holds: Callable[[list[float]], bool],
    seeds: Iterable[int] = SEEDS,
    **more: Any,
) -> Row:
    """Return a row that judges the gaps of several seeds, in per cent."""
    if file is None:
        return missing(name, bar)
    found, times = [], []
    for seed in seeds:
        result = race(file, [lane], seconds, seed, **more)[0]
        found.append(100 * result["gap"] if result["gap"] is not None else float("inf"))
        times.append(result["seconds"])
    return {
        "row": name,
        "bar": bar,
        "value": round(statistics.median(found), 4),
        "met": holds(found),
        "detail": "gaps in %: "
        + ", ".join(f"{gap:.3g}" for gap in found)
        + f"; median {statistics.median(times):.2f} s",
    }


def all_at_most(bound: float) -> Callable[[list[float]], bool]:
    """Return whether every gap is at most so many per cent."""
    return lambda found: max(found) <= bound


def optimum_in(count: int, bound: float = float("inf")) -> Callable[[list[float]], bool]:
    """Return whether so many seeds found the optimum and none is further than ``bound`` per
    cent.
    """
    return lambda found: sum(gap <= 0 for gap in found) >= count and max(found) <= bound
