"""Statistics of runs with several seeds: pure functions of arrays.

A cost is what a run spent until it reached its target: evaluations, core seconds, rounds. A run
that did not reach it is censored at what it spent: it is never left out, and never counted as if it
had reached the target there. Intervals are two-sided at `LEVEL`; several comparisons at once are
corrected with `holm`.

Sources: expected running time, Hansen et al. 2021, https://doi.org/10.1080/10556788.2020.1808977;
BCa, Efron 1987, https://doi.org/10.1080/01621459.1987.10478410; performance profiles, Dolan and
Moré 2002, https://doi.org/10.1007/s101070100263; Holm 1979, https://www.jstor.org/stable/4615733.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

LEVEL = 0.90
RESAMPLES = 2000
UNREACHED = 0.05
"""Share of resamples without any success from which the upper end of an expected running time is
infinite.
"""
MARGIN = 1.25
"""Costs within this factor of each other count as equal."""

Floats = NDArray[np.float64]


class Interval(NamedTuple):
    """An estimate with the ends of its interval; an end may be infinite."""

    value: float
    low: float
    high: float

    def covers(self, number: float) -> bool:
        """Return whether the number lies in the interval."""
        return self.low <= number <= self.high


def _generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def expected_running_time(costs: ArrayLike, reached: ArrayLike) -> float:
    """Return the sum of all costs, of failed runs too, over the number of runs that reached the
    target; infinite if none did.
    """
    spent, hit = np.asarray(costs, float), np.asarray(reached, bool)
    return float(spent.sum() / hit.sum()) if hit.any() else math.inf


def expected_running_time_interval(
    costs: ArrayLike, reached: ArrayLike, level: float = LEVEL, seed: int = 0
) -> Interval:
    """Return the expected running time with an interval on its logarithm: a bootstrap-t interval
    if all runs reached the target, else Student's with the delta method's error.

    Where more than `UNREACHED` of the resamples have no run that reached the target, the upper end
    is infinite. A single run gets no interval (0 to infinity).
    """
    spent, hit = np.asarray(costs, float), np.asarray(reached, bool)
    value = expected_running_time(spent, hit)
    n = len(spent)
    if not math.isfinite(value):
        # Of n runs none reached it: with this probability or more each of them would have to fail.
        most = 1 - ((1 - level) / 2) ** (1 / n)
        return Interval(math.inf, float(spent.mean()) / most, math.inf)
    if value == 0:  # a cost that is not counted, such as the evaluations of another program
        return Interval(0.0, 0.0, 0.0)
    if n < 2:
        return Interval(value, 0.0, math.inf)
    here, error = math.log(value), float(_log_error(spent, hit))
    if error == 0:
        return Interval(value, value, value)
    chosen = _generator(seed).integers(n, size=(RESAMPLES, n))
    none = float((~hit[chosen].any(1)).mean())
    if hit.all():
        logs = np.log(spent[chosen].mean(1))
        errors = _log_error(spent[chosen], hit[chosen])
        t = (logs - here)[errors > 0] / errors[errors > 0]
        low, high = np.quantile(t, [(1 - level) / 2, (1 + level) / 2])
    else:  # few failures make resamples without any, whose error is far too small: Student's law
        low, high = stats.t.ppf([(1 - level) / 2, (1 + level) / 2], n - 1)
    ends = _exp(here - high * error), _exp(here - low * error)
    return Interval(value, ends[0], math.inf if none > UNREACHED else ends[1])


def _log_error(spent: Floats, hit: NDArray[np.bool_]) -> Floats:
    """Return standard errors of log(Σ spent / Σ hit) by the delta method: (…, n) → (…)."""
    mean, share = spent.mean(-1, keepdims=True), hit.mean(-1, keepdims=True)
    influence = spent / mean - hit / share
    return np.asarray(influence.std(-1, ddof=1) / math.sqrt(spent.shape[-1]))


def censored_median(costs: ArrayLike, reached: ArrayLike, level: float = LEVEL) -> Interval:
    """Return the Kaplan–Meier median of costs, with an interval from the order statistics.

    Infinite where fewer than half of the runs reached the target. The interval is that of a
    sign test: its ends are costs of runs, infinite where such a run was censored; with few runs it
    is as wide as they allow.
    """
    spent, hit = np.asarray(costs, float), np.asarray(reached, bool)
    curve = stats.ecdf(stats.CensoredData.right_censored(spent, ~hit)).cdf
    above = curve.probabilities >= 0.5 - 1e-12
    value = float(curve.quantiles[above][0]) if above.any() else math.inf
    ordered = np.sort(np.where(hit, spent, math.inf))
    n = len(ordered)
    k = int(stats.binom.ppf((1 - level) / 2, n, 0.5))
    while k > 0 and stats.binom.cdf(k - 1, n, 0.5) > (1 - level) / 2:
        k -= 1
    if k == 0:
        return Interval(value, 0.0, math.inf)
    return Interval(value, float(ordered[k - 1]), float(ordered[n - k]))


def bca(
    values: ArrayLike,
    statistic: Callable[..., NDArray[np.float64] | float] = np.mean,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """Return a statistic with its bias-corrected and accelerated bootstrap interval (Efron 1987).

    Args:
        values: (n,) one number a seed.
        statistic: of an array along ``axis``.
        level: of the interval.
        seed: of the resampling.
    """
    sample = np.asarray(values, float)
    value = float(statistic(sample, axis=-1))
    if len(sample) < 2:
        return Interval(value, -math.inf, math.inf)
    if np.ptp(sample) == 0:
        return Interval(value, value, value)
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # it is looked for below
        found = stats.bootstrap(
            (sample,),
            statistic,
            confidence_level=level,
            n_resamples=RESAMPLES,
            method="BCa",
            rng=_generator(seed),
            vectorized=True,
        ).confidence_interval
    low, high = float(found.low), float(found.high)
    if math.isnan(low) or math.isnan(high):  # resamples that hardly differ
        low, high = float(sample.min()), float(sample.max())
    return Interval(value, low, high)


class Ratio(NamedTuple):
    """How many times one method's cost is another's, over seeds that both ran.

    Attributes:
        value: the geometric mean of the ratios; infinite or 0 where only one of them ever reached
            the target; NaN where neither did.
        low, high: its interval.
        p: of the paired sign test that neither is cheaper; a seed on which neither reached the
            target is a tie and does not count.
        wins, losses: seeds on which the first is cheaper, or dearer.
        seeds: seeds compared.
    """

    value: float
    low: float
    high: float
    p: float
    wins: int
    losses: int
    seeds: int


def paired_ratio(
    cost: ArrayLike,
    reached: ArrayLike,
    other_cost: ArrayLike,
    other_reached: ArrayLike,
    level: float = LEVEL,
) -> Ratio:
    """Compare two methods seed by seed: (n,) costs and outcomes each, in the same order of seeds.

    The interval is Student's, on the logarithm of the ratios, when both reached the target on every
    seed. If a run is censored its ratio is only bounded on one side, so the interval is that of the
    sign test, whose ends are ratios of seeds. A run that did not reach the target counts as dearer
    only where it had spent as much as the other needed; where it was ended before, nothing is known
    of the pair, and it is left out.
    """
    a, hit_a = np.asarray(cost, float), np.asarray(reached, bool)
    b, hit_b = np.asarray(other_cost, float), np.asarray(other_reached, bool)
    n = len(a)
    both = hit_a & hit_b
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(a) - np.log(b)
    cheaper, dearer = hit_a & ~hit_b & (b >= a), hit_b & ~hit_a & (a >= b)
    logs = np.where(both, logs, np.where(cheaper, -math.inf, np.where(dearer, math.inf, math.nan)))
    wins, losses = int((logs < 0).sum()), int((logs > 0).sum())
    p = float(stats.binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0
    known = logs[~np.isnan(logs)]
    if not len(known):
        return Ratio(math.nan, 0.0, math.inf, 1.0, 0, 0, n)
    if both.all():
        value, low, high = mean_interval(logs, level)
    else:
        value = float(np.median(known)) if np.isfinite(known).all() else _middle(known)
        low, high = _order_interval(np.sort(known), level)
    return Ratio(_exp(value), _exp(low), _exp(high), p, wins, losses, n)


def mean_interval(values: ArrayLike, level: float = LEVEL) -> Interval:
    """Return the mean of (n,) numbers with Student's interval."""
    sample = np.asarray(values, float)
    n, mean = len(sample), float(np.mean(sample))
    if n < 2:
        return Interval(mean, -math.inf, math.inf)
    half = float(stats.t.ppf((1 + level) / 2, n - 1) * sample.std(ddof=1) / math.sqrt(n))
    return Interval(mean, mean - half, mean + half)


def _middle(values: Floats) -> float:
    """Return the median of numbers that may be infinite; of two in the middle the finite one, or
    the first.
    """
    ordered = np.sort(values)
    low, high = float(ordered[(len(ordered) - 1) // 2]), float(ordered[len(ordered) // 2])
    if math.isinf(low) or math.isinf(high):
        return low if not math.isinf(low) else high
    return (low + high) / 2


def _order_interval(ordered: Floats, level: float) -> tuple[float, float]:
    n, k = len(ordered), 0
    while stats.binom.cdf(k, n, 0.5) <= (1 - level) / 2:
        k += 1
    return (-math.inf, math.inf) if k == 0 else (float(ordered[k - 1]), float(ordered[n - k]))


def _exp(number: float) -> float:
    return math.inf if number > 700 else math.exp(number)


def seeds_needed(logs: ArrayLike, margin: float = MARGIN) -> int | None:
    """Return how many seeds would tell a ratio of ``margin`` from 1, for log ratios that vary like
    these: n ≈ (1.64 + 0.84)² s² / log² margin; None for fewer than two.
    """
    sample = np.asarray(logs, float)
    if len(sample) < 2:
        return None
    return math.ceil((1.64 + 0.84) ** 2 * sample.var(ddof=1) / math.log(margin) ** 2)


class Slope(NamedTuple):
    """An exponent: the slope of log y on log x.

    Attributes:
        value: by least squares.
        low, high: Student's interval.
        cluster_low, cluster_high: the same when whole seeds are resampled.
        intercept: the value of log y at log x = 0.
    """

    value: float
    low: float
    high: float
    cluster_low: float
    cluster_high: float
    intercept: float


def log_slope(
    x: ArrayLike, y: ArrayLike, clusters: ArrayLike, level: float = LEVEL, seed: int = 0
) -> Slope:
    """Fit log y = a + b log x, with Student's interval of b and one from resampling clusters.

    Args:
        x: (n,) positive numbers.
        y: (n,) positive numbers.
        clusters: (n,) the seed of each point.
        level: of the intervals.
        seed: of the resampling.
    """
    u, v = np.log(np.asarray(x, float)), np.log(np.asarray(y, float))
    names, where = np.unique(np.asarray(clusters), return_inverse=True)
    fit = stats.linregress(u, v)
    half = float(stats.t.ppf((1 + level) / 2, len(u) - 2) * fit.stderr) if len(u) > 2 else math.inf
    groups = [np.flatnonzero(where == i) for i in range(len(names))]
    rng, slopes = _generator(seed), []
    for _ in range(RESAMPLES // 4):
        rows = np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))])
        if np.ptp(u[rows]) > 0:
            slopes.append(float(np.polyfit(u[rows], v[rows], 1)[0]))
    ends = np.array([-math.inf, math.inf])
    if len(groups) > 1:
        ends = np.quantile(slopes, [(1 - level) / 2, (1 + level) / 2])
    value = float(fit.slope)
    return Slope(
        value, value - half, value + half, float(ends[0]), float(ends[1]), float(fit.intercept)
    )


def performance_profile(costs: Mapping[str, ArrayLike], factors: ArrayLike) -> dict[str, Floats]:
    """Return, for each method, the share of cases on which its cost is within a factor of the best
    method's. Cases that nobody solved are left out.

    Args:
        costs: method → (cases,) costs, infinite where the target was not reached.
        factors: (m,) factors ≥ 1.
    """
    table = np.array([np.asarray(one, float) for one in costs.values()])
    table = table[:, np.isfinite(table).any(0)]
    if not table.shape[1]:
        return {name: np.zeros(len(np.asarray(factors))) for name in costs}
    ratio = table / table.min(0)
    within = ratio[:, :, None] <= np.asarray(factors, float) * (1 + 1e-12)
    return dict(zip(costs, within.mean(1), strict=True))


def holm(p_values: ArrayLike) -> Floats:
    """Return p-values adjusted for several comparisons by Holm's step-down procedure."""
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    factors = len(p) - np.arange(len(p))
    adjusted = np.minimum(1.0, np.maximum.accumulate(p[order] * factors))
    result = np.empty_like(p)
    result[order] = adjusted
    return result
