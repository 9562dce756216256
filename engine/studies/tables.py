"""The three tables of a study, as Parquet files: checkpoints, runs and summary.

They can be analysed again without Kelvin. `checkpoints` has one row per seed × lane × measurement,
`runs` one per run, `summary` one per case × lane × variant × quantity, with its interval.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import BadInput
from ..system.output_files import appearing
from . import stats
from .plan import Run, case_name, cases_of, run_of, seeds_of
from .runner import chosen_settings, first_runs, result, seeds_in
from .study import SHIPPED, Size, Study

CURRENCIES = ("evaluations", "core_seconds", "rounds")
SCORES = (
    "loss",
    "accuracy",
    "valid_accuracy",
    "test_loss",
    "test_accuracy",
    "averaged_test_accuracy",
    "other_accuracy",
    "distance",
    "density",
    "cosine",
    "over_theory",
    "rank",
    "residual",
    "gap",
)
MEASUREMENT_COLUMNS = (
    "checkpoint",
    "step",
    "rounds",
    "evaluations",
    "flops",
    "core_seconds",
    "progress",
    "temperature",
    "acceptance",
    *SCORES,
)
LABELS = (
    "study",
    "size",
    "case",
    "lane",
    "variant",
    "trial",
    "seed",
    "along",
    "dimension",
    "samples",
    "key",
)
TABLES = ("checkpoints", "runs", "summary")


def results_of(study: Study, size: Size, out: Path) -> list[dict[str, Any]]:
    """Return the results of all runs of a study that are finished, of every seed that is there:
    default and tuned settings, and the trials. A setting that tuning chose and that is the default
    appears as both.
    """
    seeds = seeds_in(out)
    once: dict[tuple[str, ...], dict[str, Any]] = {}
    for run in [*first_runs(study, size, seeds, {}), *tuned_runs(study, size, out, seeds)]:
        if (value := result(out, run)) is not None:
            once.setdefault((value["case"], value["lane"], value["variant"], value["key"]), value)
    return [{**value, "hits": between_looks(value)} for value in once.values()]


def between_looks(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what a run spent until each target, interpolated between the two looks that it was
    reached between: along the logarithm of a loss, or along an accuracy, on the logarithm of the
    cost. Looks are a factor of 1.2 apart, so that without this runs that differ cost the same.
    """
    return [_between(value["rows"], hit) for hit in value["hits"]]


def _between(rows: Sequence[Mapping[str, Any]], hit: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(hit)
    at = next((i for i, row in enumerate(rows) if row["evaluations"] == hit["evaluations"]), 0)
    if not hit["reached"] or at == 0:
        return found
    before, after, on, goal = rows[at - 1], rows[at], hit["on"], float(hit["goal"])
    first, last = (math.nan if row.get(on) is None else float(row[on]) for row in (before, after))
    if not (math.isfinite(first) and math.isfinite(last)) or first == last:
        return found
    if first > 0 and last > 0 and goal > 0 and not on.endswith("accuracy"):
        first, last, goal = math.log(first), math.log(last), math.log(goal)
    share = min(max((goal - first) / (last - first), 0.0), 1.0)
    for name in (*CURRENCIES, "flops", "step"):
        low, high = before.get(name), after.get(name)
        if low and high:
            found[name] = float(f"{low ** (1 - share) * high**share:.6g}")
    return found


def tuned_runs(
    study: Study,
    size: Size,
    out: Path,
    seeds: int | None = None,
    only: dict[str, str] | None = None,
) -> list[Run]:
    """Return the runs of the settings that tuning chose, on fresh seeds."""
    chosen = chosen_settings(study, size, out, only)
    return [
        run_of(study, size, case, varied, lane, variant, seed)
        for case, varied in cases_of(study, size)
        for lane in study.lanes_of(case)
        if (variant := chosen.get((case_name(case, varied), lane.id))) is not None
        for seed in range(seeds_of(study, size, case, lane) if seeds is None else seeds)
    ]


def measurement_rows(results: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one row per run and measurement."""
    return [
        {
            **{name: value[name] for name in LABELS},
            **{name: row.get(name) for name in MEASUREMENT_COLUMNS},
            "outcome": value["outcome"] if row is value["rows"][-1] else "running",
        }
        for value in results
        for row in value["rows"]
    ]


def run_rows(results: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one row per run, with its experiment, what it spent until each target, and the machine
    it ran on.
    """
    rows = []
    for value in results:
        last = value["rows"][-1] if value["rows"] else {}
        rows.append(
            {
                **{name: value[name] for name in LABELS},
                "outcome": value["outcome"],
                "trouble": value["trouble"],
                "experiment": json.dumps(value["experiment"], sort_keys=True),
                "hits": json.dumps(value["hits"]),
                **{
                    name: last.get(name)
                    for name in ("evaluations", "core_seconds", "rounds", "step")
                },
                **{name: last.get(name) for name in SCORES},
                "machine": json.dumps(value["machine"], sort_keys=True),
            }
        )
    return rows


def summary_rows(results: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one row per case × lane × variant × quantity, over seeds.

    A quantity is the cost until a target (``evaluations to loss 0.3``: expected running time and
    censored median) or a score at the end (median with a BCa interval from ten seeds on, else with
    the lowest and the highest).
    """
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for value in results:
        if not value["variant"].startswith("trial"):
            groups.setdefault((value["case"], value["lane"], value["variant"]), []).append(value)
    rows = []
    for (case, lane, variant), members in groups.items():
        first = members[0]
        about = {
            "study": first["study"],
            "size": first["size"],
            "case": case,
            "lane": lane,
            "variant": variant,
            "along": first["along"],
            "dimension": first["dimension"],
            "setting": json.dumps(first["experiment"]["lanes"][0], sort_keys=True),
            "n": len(members),
            "diverged": sum(one["outcome"] in ("diverged", "failed", "refused") for one in members),
        }
        rows += [{**about, **row} for row in _costs(members)]
        rows += [{**about, **row} for row in _scores(members)]
    return rows


def _costs(members: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    complete = [one for one in members if one["hits"]]
    for number in range(len(complete[0]["hits"]) if complete else 0):
        hits = [one["hits"][number] for one in complete]
        for currency in CURRENCIES:
            costs = [float(hit[currency] or 0) for hit in hits]
            reached = [bool(hit["reached"]) for hit in hits]
            ert = stats.expected_running_time_interval(costs, reached)
            median = stats.censored_median(costs, reached)
            rows.append(
                {
                    "metric": currency,
                    "target": number,
                    "goal": hits[0]["goal"],
                    "on": hits[0]["on"],
                    "reached": sum(reached),
                    "value": ert.value,
                    "low": ert.low,
                    "high": ert.high,
                    "median": median.value,
                    "interval": "bootstrap-t" if all(reached) else "delta method",
                }
            )
    return rows


def _scores(members: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for name in SCORES:
        values = [
            float(one["rows"][-1][name])
            for one in members
            if one["rows"] and one["rows"][-1].get(name) is not None
        ]
        if not values:
            continue
        spread = score_interval(values)
        rows.append(
            {
                "metric": name,
                "target": None,
                "goal": None,
                "on": None,
                "reached": len(values),
                "value": spread.value,
                "low": spread.low,
                "high": spread.high,
                "median": spread.value,
                "interval": "BCa" if len(values) >= ENOUGH else "lowest and highest",
            }
        )
    return rows


ENOUGH = 10
"""Seeds from which on a score's interval is a bootstrap's; with fewer the extremes are shown."""


def score_interval(values: Sequence[float]) -> stats.Interval:
    """Return the median of scores with its interval, or with the extremes if there are few."""
    import numpy as np

    if len(values) >= ENOUGH:
        return stats.bca(values, np.median)
    ordered = sorted(values)
    return stats.Interval(float(np.median(ordered)), ordered[0], ordered[-1])


def write(folder: Path, study: Study, size: Size, out: Path) -> None:
    """Write the three tables into a folder, from all rows of the study in ``out``."""
    results = results_of(study, size, out)
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (
        ("checkpoints", measurement_rows(results)),
        ("runs", run_rows(results)),
        ("summary", summary_rows(results)),
    ):
        with appearing(folder / f"{name}.parquet") as part:
            pq.write_table(_table(rows), part, compression="zstd", compression_level=19)


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    """Return rows as a table. Numbers are float64 (float32 where they are measured scores), so that
    a column has one type whatever it has in it.
    """
    columns: dict[str, Any] = {}
    for name in dict.fromkeys(key for row in rows for key in row):
        values = [row.get(name) for row in rows]
        if any(isinstance(value, str) for value in values):
            columns[name] = pa.array(values, pa.string()).dictionary_encode()
        elif name in ("seed", "trial", "checkpoint", "step", "n", "reached", "diverged", "target"):
            columns[name] = pa.array([None if v is None else int(v) for v in values], pa.int64())
        elif name in MEASUREMENT_COLUMNS and name not in ("evaluations", "flops", "rounds"):
            columns[name] = pa.array([_number(v) for v in values], pa.float32())
        else:
            columns[name] = pa.array([_number(v) for v in values], pa.float64())
    return pa.table(columns)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def read(folder: Path, name: str) -> list[dict[str, Any]]:
    """Return the rows of a table.

    Raises:
        BadInput: it is not there, or damaged.
    """
    path = folder / f"{name}.parquet"
    if not os.path.exists(path):
        raise BadInput("study", str(path), "a table that `study run` has written")
    try:
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowException):
        raise BadInput("study", str(path), "a table as `study run` wrote it") from None
    return rows


def finite(number: float | None) -> bool:
    """Return whether a number is there and finite."""
    return number is not None and math.isfinite(number)


def _write_small(table: pa.Table, path: Path) -> None:
    """Write a table with as few bytes as there are: the low bits of measured scores are zero, and
    the bytes of numbers stand apart, so that they can be compressed.
    """
    floats = []
    for at, (name, kind) in enumerate(zip(table.column_names, table.schema.types, strict=True)):
        if kind == pa.float32():
            column = table[name].combine_chunks()
            missing = np.array(column.is_null())
            bits = np.asarray(column.fill_null(0), np.float32).view(np.uint32)
            short = ((bits + 0x80) & 0xFFFFFF00).astype(np.uint32).view(np.float32)
            table = table.set_column(at, name, pa.array(short, pa.float32(), mask=missing))
            floats.append(name)
        elif kind == pa.float64():
            floats.append(name)
    pq.write_table(
        table,
        path,
        compression="zstd",
        compression_level=19,
        use_dictionary=[name for name in table.column_names if name not in floats],
        use_byte_stream_split=floats,
    )


def ship(folder: Path, name: str) -> int:
    """Copy a study's tables to the folder that ships, and return their size in bytes.

    Of the tuning only the runs' ends are kept, not their courses, and scores along courses have 15
    bits instead of 24 (an error of one part in 60,000 at most).
    """
    target = SHIPPED / name
    target.mkdir(parents=True, exist_ok=True)
    total = 0
    for table in TABLES:
        rows = read(folder, table)
        if table == "checkpoints":
            rows = [row for row in rows if not row["variant"].startswith("trial")]
        columns = _table(rows)
        with appearing(target / f"{table}.parquet") as part:
            if table == "checkpoints":
                _write_small(columns, part)
            else:
                pq.write_table(columns, part, compression="zstd", compression_level=19)
        total += (target / f"{table}.parquet").stat().st_size
    return total
