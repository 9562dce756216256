"""The verdict of a study: the first rule of its file that holds, with its numbers filled in.

Sentences and rules ask the study's tables through a few functions. A number in a verdict is never
typed, so that prose cannot drift from data.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import BadInput
from . import stats
from .formula import evaluate
from .study import Study

PLACE = re.compile(r"\{([^{}]+)\}")
SHARES = ("accuracy", "density")
GAP = "gap"
"""A score that is a share too, the smaller the better, and often so small that a tenth of a per
cent counts."""


@dataclass(frozen=True)
class Figure:
    """A number with its interval, as rules compare it and sentences show it."""

    value: float
    low: float
    high: float
    kind: str = "number"
    n: int = 0
    reached: int = 0

    def __str__(self) -> str:
        if self.kind == "share":
            one = lambda x: f"{100 * x:.1f}"  # noqa: E731
            return f"{one(self.value)} % [{one(self.low)}, {one(self.high)}]"
        if self.kind == GAP:
            one = lambda x: f"{100 * x:.2g}" if abs(x) < 0.995 else f"{100 * x:.0f}"  # noqa: E731
            return f"{one(self.value)} % [{one(self.low)}, {one(self.high)}]"
        if self.kind == "points":
            return f"{100 * self.value:+.1f} points [{100 * self.low:+.1f}, {100 * self.high:+.1f}]"
        if self.kind == "slope" and math.isnan(self.value):
            return f"unknown ({self.reached} of {self.n} runs reached the target)"
        if self.kind == "slope":
            return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"
        if self.kind == "cost" and not math.isfinite(self.value):
            return f"never reached (0 of {self.n} runs)"
        if self.kind == "ratio":
            return f"{number(self.value)} times [{number(self.low)}, {number(self.high)}]"
        return f"{number(self.value)} [{number(self.low)}, {number(self.high)}]"


def number(value: float) -> str:
    """Return a number with three significant digits, as people write it."""
    if math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return "∞"
    if value == 0:
        return "0"
    size = abs(value)
    if 0.01 <= size < 1000:
        return f"{value:.3g}"
    if 1000 <= size < 1e5:
        return f"{float(f'{value:.3g}'):,.0f}"
    digits, _, power = f"{value:.2e}".partition("e")
    raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{float(digits):g}·10{raised}"


class Facts:
    """What the tables of a study say, as functions for rules and sentences.

    Args:
        study: the study.
        runs: rows of its table ``runs``.
        variant: "default", "tuned" or "best": tuned where there is one.
    """

    def __init__(self, study: Study, runs: Sequence[Mapping[str, Any]]) -> None:
        self.study = study
        self.runs = [{**row, "hits": json.loads(row["hits"])} for row in runs]
        self.variants: dict[tuple[str, str], set[str]] = {}
        for row in self.runs:
            self.variants.setdefault((row["case"], row["lane"]), set()).add(row["variant"])

    def functions(self) -> dict[str, Any]:
        """Return the functions that rules and sentences may use."""
        return {
            "cost": self.cost,
            "score": self.score,
            "ratio": self.ratio,
            "gain": self.gain,
            "slope": self.slope,
            "reached": self.reached,
            "solved": self.solved,
            "rung": self.rung,
            "name": self.name,
            "share_diverged": self.share_diverged,
        }

    def _rows(self, case: str, lane: str, variant: str) -> list[dict[str, Any]]:
        known = self.variants.get((case, lane))
        if known is None:
            raise BadInput("verdict", f"{case}, {lane}", "a case and a lane with results")
        if variant == "best":
            variant = "tuned" if "tuned" in known else "default"
        if variant == "default" and "default" not in known:
            variant = self._rung(case, lane)
        return sorted(
            (
                row
                for row in self.runs
                if (row["case"], row["lane"], row["variant"]) == (case, lane, variant)
            ),
            key=lambda row: row["seed"],
        )

    def _rung(self, case: str, lane: str) -> str:
        """Return the cheapest rung of a ladder of budgets on which two thirds of the runs reached
        the last target; the highest rung if there is none.
        """
        rungs = sorted(
            (one for one in self.variants[case, lane] if one.startswith("×")),
            key=lambda one: float(one.lstrip("× ")),
        )
        for rung in rungs:
            rows = [
                row
                for row in self.runs
                if (row["case"], row["lane"], row["variant"]) == (case, lane, rung)
            ]
            if rows and sum(_hit(row)[1] for row in rows) >= 2 / 3 * len(rows):
                return rung
        if not rungs:
            raise BadInput("verdict", f"{case}, {lane}", "a lane with results")
        return rungs[-1]

    def rung(self, case: str, lane: str) -> str:
        """Return the factor of the budget that a ladder's cost is stated for."""
        return self._rung(case, lane)

    def cost(
        self,
        case: str,
        lane: str,
        currency: str = "evaluations",
        variant: str = "best",
        target: int = -1,
    ) -> Figure:
        """Return the expected running time until a target."""
        hits = [_hit(row, currency, target) for row in self._rows(case, lane, variant)]
        costs, reached = [hit[0] for hit in hits], [hit[1] for hit in hits]
        found = stats.expected_running_time_interval(costs, reached)
        return Figure(*found, "cost", len(hits), sum(reached))

    def reached(self, case: str, lane: str, variant: str = "best", target: int = -1) -> float:
        """Return the share of runs that reached a target."""
        hits = [_hit(row, "evaluations", target) for row in self._rows(case, lane, variant)]
        return sum(hit[1] for hit in hits) / len(hits)

    def solved(self, case: str, lane: str, variant: str = "best", target: int = -1) -> str:
        """Return how many runs reached a target, as people write it: "2 of 10"."""
        hits = [_hit(row, "evaluations", target) for row in self._rows(case, lane, variant)]
        return f"{sum(hit[1] for hit in hits)} of {len(hits)}"

    def score(
        self,
        case: str,
        lane: str,
        metric: str = "",
        variant: str = "best",
        reached_only: bool = False,
    ) -> Figure:
        """Return a score at the end of the runs, or of those alone that reached the last target:
        the median, with its interval.
        """
        from .tables import score_interval

        metric = metric or self.study.metric
        values = [
            float(row[metric])
            for row in self._rows(case, lane, variant)
            if row.get(metric) is not None and math.isfinite(row[metric])
            if not reached_only or _hit(row)[1]
        ]
        if not values:
            return Figure(math.nan, math.nan, math.nan)
        kind = "share" if metric.endswith(SHARES) else GAP if metric == GAP else "number"
        return Figure(*score_interval(values), kind, len(values), len(values))

    def ratio(
        self,
        case: str,
        lane: str,
        against: str,
        currency: str = "evaluations",
        variant: str = "best",
        target: int = -1,
        level: float = stats.LEVEL,
    ) -> Figure:
        """Return how many times one lane's cost is another's, seed by seed."""
        hits = self._paired_hits(case, lane, against, currency, variant, target)
        found = stats.paired_ratio(
            [a[0] for a, _ in hits],
            [a[1] for a, _ in hits],
            [b[0] for _, b in hits],
            [b[1] for _, b in hits],
            level,
        )
        return Figure(found.value, found.low, found.high, "ratio", found.seeds, found.wins)

    def seeds_needed(
        self,
        case: str,
        lane: str,
        against: str,
        currency: str = "evaluations",
        variant: str = "best",
        target: int = -1,
    ) -> int | None:
        """Return how many seeds would tell two costs apart that differ by `stats.MARGIN`, for
        ratios that vary like those of the seeds on which both reached the target.
        """
        hits = self._paired_hits(case, lane, against, currency, variant, target)
        return stats.seeds_needed(
            [math.log(a[0] / b[0]) for a, b in hits if a[1] and b[1] and a[0] > 0 and b[0] > 0]
        )

    def _paired_hits(
        self, case: str, lane: str, against: str, currency: str, variant: str, target: int
    ) -> list[tuple[tuple[float, bool], tuple[float, bool]]]:
        """Return what two lanes spent until a target and whether they reached it, by seed."""
        return [
            (_hit(a, currency, target), _hit(b, currency, target))
            for a, b in self.paired(case, lane, against, variant)
        ]

    def gain(
        self,
        case: str,
        lane: str,
        against: str,
        metric: str = "",
        variant: str = "best",
        reached_only: bool = False,
    ) -> Figure:
        """Return how far one lane's score is above another's, seed by seed; of those seeds alone
        with which both reached the last target, if so wanted.
        """
        metric = metric or self.study.metric
        values = [
            a[metric] - b[metric]
            for a, b in self.paired(case, lane, against, variant)
            if a.get(metric) is not None and b.get(metric) is not None
            if not reached_only or (_hit(a)[1] and _hit(b)[1])
        ]
        kind = "points" if metric.endswith((*SHARES, GAP)) else "number"
        if not values:
            return Figure(math.nan, math.nan, math.nan, kind)
        return Figure(*stats.mean_interval(values), kind, len(values), len(values))

    def paired(
        self, case: str, lane: str, against: str, variant: str = "best"
    ) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Return the runs of two lanes, paired by seed."""
        other = {row["seed"]: row for row in self._rows(case, against, variant)}
        return [
            (row, other[row["seed"]])
            for row in self._rows(case, lane, variant)
            if row["seed"] in other
        ]

    def slope(
        self,
        family: str,
        lane: str,
        metric: str = "evaluations",
        variant: str = "best",
        target: int = -1,
        least: float = 0.0,
    ) -> Figure:
        """Return the exponent of a cost, or of a score, along the values that a case varies.

        Args:
            family: id of the case.
            lane: id of the lane.
            metric: a currency or a score.
            variant: which settings.
            target: which of the targets a cost is until; nine tenths of the runs must reach it.
            least: the smallest of the values that counts.
        """
        cases = [
            case for case, name in self.variants if name == lane and case.split("/")[0] == family
        ]
        x, y, seeds, total = [], [], [], 0
        for case in cases:
            for row in self._rows(case, lane, variant):
                if row["along"] < least:
                    continue
                total += 1
                if metric in ("evaluations", "core_seconds", "rounds"):
                    value, known = _hit(row, metric, target)
                    if metric == "evaluations" and self._queries(family):
                        value /= row["samples"]
                else:
                    value, known = row.get(metric) or math.nan, row.get(metric) is not None
                if known and value > 0:
                    x.append(row["along"])
                    y.append(value)
                    seeds.append(row["seed"])
        if len(set(x)) < 2 or len(x) < 0.9 * total or len(x) < 3:
            return Figure(math.nan, -math.inf, math.inf, "slope", total, len(x))
        found = stats.log_slope(x, y, seeds)
        return Figure(found.value, found.low, found.high, "slope", total, len(x))

    def _queries(self, family: str) -> bool:
        return any(case.id == family and case.queries for case in self.study.case)

    def name(self, lane: str) -> str:
        """Return the title of a lane."""
        return next(one.title for one in self.study.lane if one.id == lane)

    def share_diverged(self, case: str, lane: str, variant: str = "best") -> float:
        """Return the share of runs whose loss stopped being finite."""
        rows = self._rows(case, lane, variant)
        return sum(row["outcome"] in ("diverged", "failed") for row in rows) / len(rows)


def _hit(
    row: Mapping[str, Any], currency: str = "evaluations", target: int = -1
) -> tuple[float, bool]:
    """Return (cost, whether the target was reached)."""
    if not row["hits"]:
        return float(row.get(currency) or 0), False
    hit = row["hits"][target]
    return float(hit[currency] or 0), bool(hit["reached"])


def filled(sentence: str, facts: Facts) -> str:
    """Return a sentence with every ``{formula}`` replaced by its value.

    Raises:
        BadInput: a formula cannot be computed.
    """

    def shown(match: re.Match[str]) -> str:
        value = evaluate_figure(match[1], facts)
        if isinstance(value, Figure):
            return str(value)
        if isinstance(value, float):
            return number(value)
        return str(value)

    return PLACE.sub(shown, sentence)


def evaluate_figure(text: str, facts: Facts) -> Any:
    """Return what a formula about a study's results gives."""
    return evaluate(text, facts.functions(), "verdict")


def verdict(study: Study, runs: Sequence[Mapping[str, Any]]) -> str:
    """Return the verdict: the sentence of the first rule that holds.

    Raises:
        BadInput: a rule or its sentence cannot be computed from these results, or none holds.
    """
    facts = Facts(study, runs)
    for rule in study.verdict:
        if evaluate_figure(rule.when, facts):
            return filled(rule.say, facts)
    raise BadInput("verdict", study.id, "a last rule that always holds, when = 'true'")
