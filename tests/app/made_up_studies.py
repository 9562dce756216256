"""Results of studies that nobody measured: the rows of every run, drawn from a seed, in the files
that a runner writes, and from them the tables through the engine's own writer.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine.studies import runner, tables
from engine.studies.plan import Run
from engine.studies.study import Lane, Size, Study

COSTS = {
    "gradient": 1e4,
    "outputs": 4e5,
    "two losses": 6e5,
    "population": 9e5,
    "one loss": 4e6,
    "none": 1e6,
}
"""Evaluations to the last target, about."""
MACHINE = {"processor": "a made-up processor", "cores": 2, "system": "Linux", "gflops": 90.0}


def write(
    study: Study,
    folder: Path,
    out: Path,
    seeds: int = 2,
    never: Iterable[str] = (),
    size: Size = "small",
) -> None:
    """Write the three tables of a study.

    Args:
        study: whose runs are made up.
        folder: for its tables.
        out: for the rows that they are written from.
        seeds: how many.
        never: lanes that do not reach any target.
        size: how large the study is made.
    """
    lanes = {lane.id: lane for lane in study.lane}
    never = frozenset(never)
    for run in runner.first_runs(study, size, seeds, {}):
        keep(out, run, lanes[run.lane], never)
    for run in tables.tuned_runs(study, size, out, seeds):
        keep(out, run, lanes[run.lane], never)
    tables.write(folder, study, size, out)


def keep(out: Path, run: Run, lane: Lane, never: frozenset[str]) -> None:
    """Write the rows of a run, unless they are there."""
    path = runner.row_file(out, run.key)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_value(run, lane, never)), encoding="utf-8")


def _value(run: Run, lane: Lane, never: frozenset[str]) -> dict[str, Any]:
    draw = random.Random(run.key)
    slow = 1.0 if lane.sees == "gradient" else run.dimension**0.5 / 30
    costs = COSTS[lane.sees] * slow * draw.uniform(0.8, 1.25)
    reached = lane.id not in never
    spent = {
        "evaluations": costs,
        "core_seconds": costs / 2e6,
        "rounds": max(1.0, costs / 3e4),
        "flops": costs * 1e3,
        "step": 100,
    }
    accuracy = min(0.999, 0.95 - 0.02 * len(lane.sees) / 4 + draw.uniform(-0.01, 0.01))
    last = {
        "checkpoint": 1,
        **spent,
        "progress": 1.0,
        "loss": 0.3 * draw.uniform(0.5, 2),
        "accuracy": accuracy,
        "valid_accuracy": accuracy,
        "test_loss": 0.4,
        "test_accuracy": accuracy - 0.01,
        "averaged_test_accuracy": accuracy if lane.average else None,
        "other_accuracy": accuracy - 0.2 if run.other else None,
        **(
            {"cosine": run.dimension**-0.5, "over_theory": draw.uniform(0.95, 1.05)}
            if lane.probe == "agreement"
            else {}
        ),
        **({"rank": draw.uniform(2, 4)} if lane.probe == "effective-rank" else {}),
        **({"residual": 1e-6 * draw.uniform(1, 2)} if lane.probe == "span-residual" else {}),
    }
    first = {**last, "checkpoint": 0, "loss": 2.3, "evaluations": 0, "core_seconds": 0}
    return {
        **{name: getattr(run, name) for name in tables.LABELS if name != "key"},
        "key": run.key,
        "probe": run.probe,
        "experiment": run.experiment,
        "outcome": "target" if run.targets and reached else "budget",
        "trouble": None,
        "rows": [first, last],
        "hits": [
            {
                "on": target.get("on", "loss"),
                "goal": target.get("value") or 2.3 * target.get("share_of_first", 1),
                "reached": reached,
                **{name: cost * share for name, cost in spent.items()},
            }
            for target, share in zip(run.targets, (0.5, 1.0), strict=False)
        ],
        "wall_seconds": costs / 1e6,
        "machine": MACHINE,
    }
