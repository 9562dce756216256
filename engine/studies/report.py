"""What the page, the README and the command line show of the studies, from their tables."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from ..errors import BadInput
from ..race.trajectory import Target
from . import stats, tables
from .study import SHIPPED, Case, Lane, Seen, Study, names, shipped
from .verdict import SHARES, Facts, Figure, verdict

COMBINATORIAL: tuple[Seen, ...] = ("prices", "moves", "distances", "relaxation", "model")
"""Columns of the map of combinatorial problems: what a method sees of the problem."""
COLUMNS: tuple[Seen, ...] = tuple(
    one for one in get_args(Seen) if one not in ("none", *COMBINATORIAL)
)
"""Columns of the map of networks."""
CURRENCIES = tables.CURRENCIES


@dataclass(frozen=True)
class Report:
    """A study with its results.

    Attributes:
        study: the study file.
        summary: rows of its table ``summary``.
        runs: rows of its table ``runs``.
        verdict: its sentence.
    """

    study: Study
    summary: list[dict[str, Any]]
    runs: list[dict[str, Any]]
    verdict: str

    @property
    def machine(self) -> dict[str, Any]:
        """Return what most runs were measured on; its processor names others after it."""
        machines = [json.loads(row["machine"]) for row in self.runs]
        count = Counter(one.get("processor", "?") for one in machines)
        names = [name for name, _ in count.most_common()]
        found: dict[str, Any] = next(
            one for one in machines if one.get("processor", "?") == names[0]
        )
        if len(names) > 1:
            some = sum(count[name] for name in names[1:])
            others = ", ".join(names[1:])
            found["processor"] = f"{names[0]} ({some} of {len(machines)} runs: {others})"
        return found

    @property
    def core_minutes(self) -> float:
        """Return the processor time of all runs, in minutes; one that stands under two names counts
        once.
        """
        return sum({row["key"]: row["core_seconds"] or 0 for row in self.runs}.values()) / 60

    @property
    def seeds(self) -> str:
        """Return how many seeds the reported settings have: "5", or "5–10" where the primary
        comparison has more.
        """
        count = Counter(
            (row["case"], row["lane"], row["variant"])
            for row in self.runs
            if not row["variant"].startswith("trial")
        )
        fewest, most = min(count.values()), max(count.values())
        return str(most) if fewest == most else f"{fewest}–{most}"

    @property
    def command(self) -> str:
        """Return the command that makes these results again."""
        return f"python -m engine study run {self.study.id} --size {self.runs[0]['size']}"


def report(name: str, folder: Path | None = None) -> Report:
    """Return a study with the results that ship, or with those in a folder.

    Raises:
        BadInput: there is no such study, or it has no results.
    """
    study = shipped(name)
    place = folder or SHIPPED / name
    runs = tables.read(place, "runs")
    return Report(study, tables.read(place, "summary"), runs, verdict(study, runs))


def available() -> list[str]:
    """Return the names of the studies that have results."""
    return [name for name in names() if (SHIPPED / name / "runs.parquet").exists()]


@dataclass(frozen=True)
class Cell:
    """One cell of the map: the best method of a column in a situation.

    Attributes:
        situation, column: row and column.
        study, case, lane: whose result it is.
        title: of the lane.
        value, low, high: expected running time to the target, infinite if never reached.
        reached, n: runs that reached it, of how many.
        factor: how many times the best column's cost.
        told_apart: whether the best column is told apart from the next by its seeds, at 90 % for
            the whole map; None where nothing was reached.
        target: what the costs of the row are counted until.
        needed: seeds that would tell costs of the best two apart that differ by `stats.MARGIN`,
            where these do not.
    """

    situation: str
    column: Seen
    study: str
    case: str
    lane: str
    title: str
    value: float
    low: float
    high: float
    reached: int
    n: int
    factor: float
    told_apart: bool | None
    target: Target | None = None
    needed: int | None = None


def the_map(
    reports: Iterable[Report],
    currency: str = "evaluations",
    variant: str = "tuned",
    columns: tuple[Seen, ...] = COLUMNS,
) -> list[Cell]:
    """Return the map's cells: every situation that a study's case fills × what a method sees.

    A cell has the cheapest method of its column, controls left out. A family of cases fills its
    situation with its last one, and cells without any method that was tried are left out.

    Args:
        reports: the studies with results.
        currency: "evaluations", "core_seconds" or "rounds".
        variant: "tuned" (the default setting where a lane was not tuned) or "default".
        columns: `COLUMNS` for networks, `COMBINATORIAL` for combinatorial problems.
    """
    if currency not in CURRENCIES:
        raise BadInput("currency", currency, f"one of {', '.join(CURRENCIES)}")
    rows = [
        (one, Facts(one.study, one.runs), case)
        for one in reports
        for case in one.study.case
        if case.situation is not None and case.targets
    ]
    return [
        cell
        for one, facts, case in rows
        for cell in _row(one, facts, case, currency, variant, columns, len(rows))
    ]


TARGET = 0
"""The target that the map compares: the easiest of a case, whatever came out."""


def _row(
    one: Report,
    facts: Facts,
    case: Case,
    currency: str,
    variant: str,
    columns: tuple[Seen, ...],
    rows: int,
) -> list[Cell]:
    present = list(dict.fromkeys(row["case"] for row in one.runs))
    name = [found for found in present if found.split("/")[0] == case.id][-1]
    chosen = "best" if variant == "tuned" else "default"
    best, tried = _columns(one.study, facts, case, name, currency, chosen, columns)
    if not best:
        return []
    order = sorted(best.values(), key=lambda pair: pair[1].value)
    lowest = order[0][1].value
    apart: bool | None = None
    needed: int | None = None
    if math.isfinite(lowest):
        apart = order[0][1].reached >= MAJORITY * order[0][1].n
        if len(order) > 1:
            pair = order[0][0].id, order[1][0].id
            # Bonferroni's correction: for the rows, and for the lanes that the best was picked from
            level = 1 - (1 - stats.LEVEL) / (rows * tried[order[0][0].sees])
            ratio = facts.ratio(name, *pair, currency, chosen, TARGET, level)
            apart = apart and ratio.high < 1
            if not apart:
                needed = facts.seeds_needed(name, *pair, currency, chosen, TARGET)
    return [
        Cell(
            str(case.situation),
            column,
            one.study.id,
            name,
            lane.id,
            lane.title,
            cost.value,
            cost.low,
            cost.high,
            cost.reached,
            cost.n,
            cost.value / lowest if math.isfinite(lowest) else math.inf,
            apart,
            case.targets[TARGET],
            None if cost.value != lowest else needed,
        )
        for column, (lane, cost) in best.items()
    ]


def _columns(
    study: Study,
    facts: Facts,
    case: Case,
    name: str,
    currency: str,
    variant: str,
    columns: tuple[Seen, ...],
) -> tuple[dict[Seen, tuple[Lane, Figure]], Counter[Seen]]:
    """Return the cheapest lane of each column, controls left out, and of how many it is."""
    best: dict[Seen, tuple[Lane, Figure]] = {}
    tried: Counter[Seen] = Counter()
    for lane in study.lanes_of(case):
        if lane.sees not in columns or lane.control or (name, lane.id) not in facts.variants:
            continue
        cost = facts.cost(name, lane.id, currency, variant, TARGET)
        tried[lane.sees] += 1
        known = best.get(lane.sees)
        if known is None or cost.value < known[1].value:
            best[lane.sees] = (lane, cost)
    return best, tried


MAJORITY = 0.8
"""Share of a method's runs that must reach the target for it to be told apart from the others."""


def holm_of_primaries(reports: Iterable[Report]) -> dict[str, float]:
    """Return the p-value of each study's primary comparison, adjusted by Holm's procedure for all
    of them. Comparisons of scores use the paired sign test.
    """
    found: dict[str, float] = {}
    for one in reports:
        p = primary_p(one)
        if p is not None:
            found[one.study.id] = p
    return dict(zip(found, map(float, stats.holm(list(found.values()))), strict=True))


def primary_p(one: Report) -> float | None:
    """Return the p-value of a study's primary comparison, by the paired sign test over its seeds:
    of the cases of a family each seed has one vote, that of the sum of its differences (of the
    logarithms of costs). None if it has no results.
    """
    from scipy.stats import binomtest

    facts, primary = Facts(one.study, one.runs), one.study.primary
    metric = primary_metric(one.study)
    votes: dict[int, float] = {}
    for case in dict.fromkeys(row["case"] for row in one.runs):
        if case.split("/")[0] != primary.case:
            continue
        if not {(case, primary.lane), (case, primary.against)} <= facts.variants.keys():
            continue
        for a, b in facts.paired(case, primary.lane, primary.against):
            votes[a["seed"]] = votes.get(a["seed"], 0.0) + _difference(a, b, metric)
    signs = [vote for vote in votes.values() if vote and not math.isnan(vote)]
    return float(binomtest(sum(vote < 0 for vote in signs), len(signs)).pvalue) if signs else None


def primary_metric(study: Study) -> str:
    """Return what a study's primary comparison compares: the study's score where its case has no
    target whose cost could be compared.
    """
    primary = study.primary
    targets = any(case.id == primary.case and case.targets for case in study.case)
    return primary.metric if targets or primary.metric not in CURRENCIES else study.metric


def _difference(a: Mapping[str, Any], b: Mapping[str, Any], metric: str) -> float:
    if metric in CURRENCIES:
        ends = [
            math.log(max(float(row["hits"][-1][metric]), 1e-300))
            if row["hits"][-1]["reached"]
            else math.inf
            for row in (a, b)
        ]
        return 0.0 if ends[0] == ends[1] else ends[0] - ends[1]
    # a run without a score diverged, and is behind every other
    worst = -math.inf if metric.endswith(SHARES) else math.inf
    scores = [worst if row.get(metric) is None else float(row[metric]) for row in (a, b)]
    return 0.0 if scores[0] == scores[1] else scores[0] - scores[1]
