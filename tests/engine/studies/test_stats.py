"""Statistics: against tables computed by hand, against other libraries, and for their coverage."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats as scipy_stats

from engine.studies import stats


def test_expected_running_time_counts_what_failed_runs_spent() -> None:
    # 100 + 300 + 1000 + 1000 evaluations for two successes
    assert stats.expected_running_time([100, 300, 1000, 1000], [1, 1, 0, 0]) == 1200
    assert stats.expected_running_time([100, 300], [1, 1]) == 200
    assert stats.expected_running_time([100, 300], [0, 0]) == math.inf


def test_a_target_that_was_seldom_reached_has_no_upper_end() -> None:
    rare = stats.expected_running_time_interval([10, 100, 100, 100, 100], [1, 0, 0, 0, 0])
    assert (rare.value, rare.high) == (410, math.inf)
    never = stats.expected_running_time_interval([100, 200], [0, 0])
    # both fail with a probability of 5 % where each reaches it with 1 − √0.05; spent over that
    assert never == pytest.approx((math.inf, 150 / (1 - 0.05**0.5), math.inf))
    assert stats.expected_running_time_interval([7], [1]) == (7, 0, math.inf)
    assert stats.expected_running_time_interval([7, 7, 7], [1, 1, 1]) == (7, 7, 7)


def test_costs_that_hardly_differ_but_for_one_have_an_interval() -> None:
    """Measured seconds can be like that: some resamples then have almost no error."""
    near = [0.3643580709256001, 0.3643580709257471, 0.3643580709257634, 0.3643580709255534]
    found = stats.expected_running_time_interval([*near, 1.2394393279763616], [1] * 5)
    assert 0 <= found.low <= found.value <= found.high
    assert found.value == pytest.approx(np.mean([*near, 1.2394393279763616]))


def test_the_median_of_censored_costs_is_kaplan_and_meiers() -> None:
    # Five runs, the last two censored at 50: S falls to 4/5, 3/5, 2/5 at 10, 20, 30.
    found = stats.censored_median([10, 20, 30, 50, 50], [1, 1, 1, 0, 0])
    assert found.value == 30
    # A run censored early leaves fewer at risk: S = 4/5 at 10, then 3/5·… = 0.8·2/3, 0.8·1/3
    found = stats.censored_median([10, 15, 15, 20, 30], [1, 0, 0, 1, 1])
    assert found.value == 20
    assert stats.censored_median([10, 50, 50], [1, 0, 0]).value == math.inf
    # The order statistics of a sign test: with ten runs the 2nd and the 9th at 90 %.
    ten = stats.censored_median(range(1, 11), [1] * 10)
    assert (ten.low, ten.high) == (2, 9)
    assert scipy_stats.binom.cdf(1, 10, 0.5) < 0.05 < scipy_stats.binom.cdf(2, 10, 0.5)


def test_bca_is_scipys_and_holds_for_samples_without_spread() -> None:
    sample = np.array([2.0, 3, 5, 8, 13, 21, 34])
    found = stats.bca(sample, np.mean)
    theirs = scipy_stats.bootstrap(
        (sample,), np.mean, confidence_level=0.9, n_resamples=9999, rng=np.random.default_rng(5)
    ).confidence_interval
    assert found.value == sample.mean()
    assert found.low == pytest.approx(theirs.low, rel=0.05)
    assert found.high == pytest.approx(theirs.high, rel=0.05)
    assert stats.bca([4, 4, 4]) == (4, 4, 4)
    assert stats.bca([4]) == (4, -math.inf, math.inf)


def test_paired_ratios_are_of_the_same_seeds() -> None:
    costs = np.array([10.0, 20, 40, 80, 160])
    found = stats.paired_ratio(costs, [1] * 5, 2 * costs, [1] * 5)
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))
    assert (found.wins, found.losses, found.seeds) == (5, 0, 5)
    assert found.p == pytest.approx(2 * 0.5**5)
    logs = np.log([1.5, 2.0, 3.0, 1.2, 2.5])
    found = stats.paired_ratio(np.exp(logs), [1] * 5, np.ones(5), [1] * 5)
    mean, spread = logs.mean(), logs.std(ddof=1) / math.sqrt(5)
    half = scipy_stats.t.ppf(0.95, 4) * spread
    assert (found.low, found.high) == pytest.approx((math.exp(mean - half), math.exp(mean + half)))


def test_where_one_never_reaches_the_target_the_ratio_is_bounded_on_one_side() -> None:
    found = stats.paired_ratio([10] * 5, [1] * 5, [99] * 5, [0] * 5)
    assert (found.value, found.high, found.wins) == (0, 0, 5)
    found = stats.paired_ratio([99] * 5, [0] * 5, [99] * 5, [0] * 5)
    assert math.isnan(found.value)
    # a run that was ended before it had spent as much as the other needed says nothing
    found = stats.paired_ratio([50] * 5, [1] * 5, [30] * 5, [0] * 5)
    assert math.isnan(found.value)
    assert (found.wins, found.losses) == (0, 0)
    # one seed each way, the rest ties: nothing is told apart
    found = stats.paired_ratio([5, 9, 9], [1, 0, 0], [9, 5, 9], [0, 1, 0])
    assert (found.wins, found.losses, found.p) == (1, 1, 1)


def test_slopes_are_exponents() -> None:
    x = np.repeat([10.0, 100, 1000], 4)
    seeds = np.tile(np.arange(4), 3)
    exact = stats.log_slope(x, 3 * x**0.5, seeds)
    assert exact.value == pytest.approx(0.5)
    assert exact.low == pytest.approx(0.5) == exact.cluster_high
    assert math.exp(exact.intercept) == pytest.approx(3)
    noisy = x * np.exp(np.random.default_rng(0).normal(0, 0.3, 12))
    found = stats.log_slope(x, noisy, seeds)
    theirs = scipy_stats.linregress(np.log(x), np.log(noisy))
    half = scipy_stats.t.ppf(0.95, 10) * theirs.stderr
    assert (found.low, found.high) == pytest.approx((theirs.slope - half, theirs.slope + half))


def test_profiles_and_holm_by_their_definitions() -> None:
    profile = stats.performance_profile(
        {"a": [1, 10, math.inf, math.inf], "b": [2, 5, 7, math.inf]}, [1, 2, 1000]
    )
    assert profile["a"].tolist() == pytest.approx([1 / 3, 2 / 3, 2 / 3])
    assert profile["b"].tolist() == pytest.approx([2 / 3, 1, 1])
    # Holm 1979: 4·0.005, 3·0.01, max(0.03, 2·0.03), max(0.06, 1·0.04)
    assert stats.holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert stats.holm([0.9, 0.8]).tolist() == [1, 1]


def test_seeds_needed_follow_the_formula() -> None:
    logs = [0.0, 0.2, -0.2, 0.4, -0.4]
    expected = (1.64 + 0.84) ** 2 * np.var(logs, ddof=1) / math.log(1.25) ** 2
    assert stats.seeds_needed(logs) == math.ceil(expected)
    assert stats.seeds_needed([1.0]) is None


def _covered(draw: Callable[[np.random.Generator], bool], repeats: int = 2000) -> float:
    rng = np.random.default_rng(2026)
    return float(np.mean([draw(rng) for _ in range(repeats)]))


def _ert_all_reached(rng: np.random.Generator) -> bool:
    costs = rng.lognormal(0, 0.5, 10)
    return stats.expected_running_time_interval(costs, [1] * 10).covers(math.exp(0.125))


def _ert_censored(rng: np.random.Generator) -> bool:
    # exponential costs cut at 2: the expected running time is 1 whatever the cut
    costs = rng.exponential(1, 10)
    return stats.expected_running_time_interval(np.minimum(costs, 2), costs < 2).covers(1.0)


def _ratio(rng: np.random.Generator) -> bool:
    common = rng.lognormal(0, 1.0, 10)
    a, b = common * rng.lognormal(0, 0.4, 10), common * rng.lognormal(0.3, 0.4, 10)
    found = stats.paired_ratio(a, [1] * 10, b, [1] * 10)
    return found.low <= math.exp(-0.3) <= found.high


def _slope(rng: np.random.Generator) -> bool:
    x = np.repeat([10.0, 100, 1000], 10)
    y = x * rng.lognormal(0, 0.3, 30)
    fit = scipy_stats.linregress(np.log(x), np.log(y))
    half = scipy_stats.t.ppf(0.95, 28) * fit.stderr
    return bool(abs(fit.slope - 1) <= half)


@pytest.mark.parametrize("draw", [_ert_all_reached, _ert_censored, _ratio, _slope])
def test_intervals_of_ninety_percent_cover_86_to_94_with_ten_seeds(
    draw: Callable[[np.random.Generator], bool],
) -> None:
    assert 0.86 <= _covered(draw) <= 0.94


@pytest.mark.slow
def test_bca_of_a_mean_covers_86_to_94_from_twenty_seeds() -> None:
    def draw(rng: np.random.Generator) -> bool:
        return stats.bca(rng.lognormal(0, 0.5, 20)).covers(math.exp(0.125))

    assert 0.86 <= _covered(draw, 1000) <= 0.94


def test_costs_that_are_not_counted_have_no_interval() -> None:
    assert stats.expected_running_time_interval([0, 0, 0], [True, True, False]) == (0, 0, 0)
