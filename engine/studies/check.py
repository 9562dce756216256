"""Compare one seed of a study, run again, with the tables that ship."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from . import tables
from .plan import Run, runs_of
from .runner import result, run_all
from .study import SHIPPED, Size, Study

FACTOR = 3.0
"""A cost agrees if it is within this factor of the shipped runs' range."""
POINTS = 0.05
"""A share agrees if it is within this distance of the shipped runs' range."""
WIDTHS = 1.0
"""Another score agrees if it is within this many widths of the shipped runs' range."""


def runs_again(study: Study, size: Size, seed: int) -> list[Run]:
    """Return the runs of the default settings with one seed, those first that others need."""
    runs = [
        run
        for run in runs_of(study, size, seed + 1)
        if run.seed == seed and not run.variant.startswith("trial")
    ]
    return sorted(runs, key=lambda run: run.needs is not None)


def differences(
    study: Study, size: Size, out: Path, seed: int, jobs: int = 1, known: Path | None = None
) -> list[str]:
    """Run the default settings with one seed, and return what disagrees, one sentence each.

    A single run is one more draw of the law that the shipped runs are from, and machines differ in
    their last digits, so it has to lie in the range of the shipped runs, widened as stated above.

    Args:
        study: what to run.
        size: "small" or "full".
        out: the folder of the study's results.
        seed: of the runs.
        jobs: processes at work at once.
        known: the folder of the tables to compare with, instead of those that ship.
    """
    runs = runs_again(study, size, seed)
    kept = frozenset(run.needs for run in runs if run.needs is not None)
    for _ in run_all(out, runs, jobs, kept):
        pass
    shipped: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for row in tables.read(known or SHIPPED / study.id, "runs"):
        shipped.setdefault((row["case"], row["lane"], row["variant"]), []).append(row)
    found = []
    for run in runs:
        here, before = result(out, run), shipped.get((run.case, run.lane, run.variant))
        if here is None or not here["rows"]:
            found.append(f"{_place(run)} has no result")
        elif before is None:
            found.append(f"{_place(run)} is not in the tables")
        else:
            found += _disagreeing(run, here, before, study.metric)
    return found


def _place(run: Run) -> str:
    return f"{run.case}, {run.lane}, seed {run.seed}"


def _disagreeing(
    run: Run, here: Mapping[str, Any], known: Iterable[Mapping[str, Any]], metric: str
) -> list[str]:
    import json

    rows = list(known)
    if here["hits"]:
        hits = [json.loads(row["hits"])[-1] for row in rows]
        costs = [hit["evaluations"] for hit in hits]
        mine = here["hits"][-1]
        low, high = min(costs) / FACTOR, max(costs) * FACTOR
        if (
            mine["reached"] != any(hit["reached"] for hit in hits)
            and len({hit["reached"] for hit in hits}) == 1
        ):
            return [f"{_place(run)}: target {'reached' if mine['reached'] else 'not reached'}"]
        if not low <= mine["evaluations"] <= high:
            return [
                f"{_place(run)}: {mine['evaluations']:.3g} evaluations to its target, "
                f"{min(costs):.3g} to {max(costs):.3g} in the tables"
            ]
        return []
    value = here["rows"][-1].get(metric)
    values = [row[metric] for row in rows if row.get(metric) is not None]
    if value is None or not values:
        return []
    share = metric.endswith(("accuracy", "density", "cosine"))
    room = POINTS if share else WIDTHS * max(max(values) - min(values), 0.1 * abs(max(values)))
    if min(values) - room <= value <= max(values) + room:
        return []
    return [
        f"{_place(run)}: {metric} {value:.4g}, {min(values):.4g} to {max(values):.4g} in the tables"
    ]
