"""Simulated annealing: what its adaptive parts promise. Step sizes that leave Boltzmann's law as it
is, temperatures that begin and end where they shall.
"""

import math
from typing import Any

import pytest
import torch

from engine.optimizers.annealing import Annealing
from engine.random.rng import Rng
from tests.engine.support.stand_ins import (
    IN_THE_WIDE_WELL,
    FunctionOracle,
    turned_ellipsoid,
    two_wells,
)


def share_in_the_wide_well(optimizer: Any) -> float:
    """The share of time that chains at T = 1 spend there, from the 500th of 3000 steps on."""
    oracle, rng = FunctionOracle(two_wells, 1), Rng(0, "x", dtype=torch.float64)
    state = optimizer.init(torch.zeros(1, dtype=torch.float64), rng, oracle)
    inside = []
    for k in range(3000):
        state = optimizer.step(state, rng.at(k), oracle)
        if k >= 500:
            inside.append(float((state.population < 0).double().mean()))
    return sum(inside) / len(inside)


@pytest.mark.slow
@pytest.mark.parametrize("target", [0.234, 0.44])
def test_chains_that_adapt_their_steps_follow_boltzmanns_law_too(target: float) -> None:
    optimizer = Annealing(
        population_size=1500,
        initial_temperature=1.0,
        final_temperature=1.0,
        target_acceptance=target,
        step_size=2.0,
    )
    assert optimizer.adapt, "by default"
    assert share_in_the_wide_well(optimizer) == pytest.approx(IN_THE_WIDE_WELL, abs=0.006)


def test_the_gain_of_adaptation_vanishes_and_comes_back_when_the_temperature_moves() -> None:
    optimizer = Annealing(population_size=1, initial_temperature=1.0, final_temperature=1e-3)
    state = optimizer.init(
        torch.zeros(2, dtype=torch.float64),
        Rng(0, "x", dtype=torch.float64),
        FunctionOracle(turned_ellipsoid(2), 2),
    )

    def gain(temperature: float) -> float:
        state.temperature, sizes = temperature, torch.ones(1, dtype=torch.float64)
        optimizer.adjust(state, sizes, torch.ones(1, dtype=torch.float64))
        return math.log(float(sizes)) / (1 - optimizer.target_acceptance)

    gains = [gain(1.0) for _ in range(5000)]
    assert gains[0] == pytest.approx(0.05)
    for n in (
        49,
        499,
        4999,
    ):  # a power of the steps below 1: its sum grows for ever, the sum of its squares does not
        assert gains[n] == pytest.approx(0.05 * (1 + n / 50) ** (-2 / 3))
    assert gain(0.5) > 0.049, "another temperature, another law"
    falling = [gain(0.5 * 0.999**k) for k in range(2000)]
    assert falling[-1] > 0.02, "while it falls the gain stays up"


@pytest.mark.parametrize("asked", [0.2, 0.5, 0.8])
def test_the_automatic_start_temperature_accepts_uphill_moves_as_often_as_asked(
    asked: float,
) -> None:
    found = []
    for seed in range(12):
        oracle = FunctionOracle(turned_ellipsoid(10, 1e4), 10)
        optimizer = Annealing(
            population_size=16, proposal="gaussian", start_acceptance=asked, step_size=0.5
        )
        state = optimizer.init(
            torch.ones(10, dtype=torch.float64), Rng(seed, "x", dtype=torch.float64), oracle
        )
        trials = torch.ones(20_000, 10, dtype=torch.float64) + 0.5 * torch.randn(
            20_000, 10, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
        )
        rise = oracle.losses(trials) - oracle.losses(torch.ones(1, 10, dtype=torch.float64))
        found.append(float(torch.exp(-rise[rise > 0] / state.start).mean()))
    assert max(abs(share - asked) for share in found) < 0.12
    assert sum(found) / len(found) == pytest.approx(asked, abs=0.04)


@pytest.mark.parametrize("steps", [20, 100, 1000])
@pytest.mark.parametrize("growth", [0.0, -0.5, 0.9, 1.0])
def test_aarts_and_van_laarhovens_schedule_ends_at_t_min_whatever_the_spread_does(
    steps: int, growth: float
) -> None:
    """Chains in different valleys keep σ up while T falls: σ ~ T^(1 − growth)."""
    optimizer = Annealing(
        population_size=2,
        schedule="aarts-van-laarhoven",
        initial_temperature=1.0,
        final_temperature=1e-3,
    )
    state = optimizer.init(
        torch.zeros(2, dtype=torch.float64),
        Rng(0, "x", dtype=torch.float64),
        FunctionOracle(turned_ellipsoid(2), 2),
    )
    seen = []
    for k in range(steps):
        assert state.temperature is not None
        state.loss_std = 0.3 * state.temperature ** (1 - growth)
        seen.append(optimizer.cool(state, k / steps))
    assert 1e-3 <= seen[-1] <= 1e-3 * (1.2 if steps >= 100 else 2)
    half = seen[steps // 2]
    assert half > 0.05 if growth > 0 else half < 0.05, (
        "it waits where the spread stays, and hurries where it goes"
    )


@pytest.mark.slow
@pytest.mark.parametrize("steps", [60, 150, 300, 2000])
@pytest.mark.parametrize("chains", [2, 16])
def test_the_adaptive_schedule_comes_to_rest_in_short_runs_too(steps: int, chains: int) -> None:
    rises, missed = [], []
    for seed in range(4):
        oracle = FunctionOracle(turned_ellipsoid(10), 10)
        optimizer = Annealing(
            population_size=chains,
            schedule="adaptive",
            proposal="gaussian",
            step_size=0.2,
            initial_temperature=10.0,
            final_temperature=0.01,
        )
        rng = Rng(seed, "x", dtype=torch.float64)
        state = optimizer.init(torch.ones(10, dtype=torch.float64), rng, oracle)
        logs = []
        for k in range(steps):
            oracle.progress = k / steps
            state = optimizer.step(state, rng.at(k), oracle)
            if 0.3 < oracle.progress < 0.65:
                assert state.temperature is not None
                assert state.acceptance is not None
                logs.append(math.log(state.temperature))
                missed.append(abs(state.acceptance - 0.44))
        rises.append(max(logs) - min(logs))
    assert sum(rises) / 4 < math.log(60), "of ln 1000 between T₀ and T_min"
    assert sum(missed) / len(missed) < (0.15 if chains * steps > 200 else 0.25)
