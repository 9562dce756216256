"""Adam from many starts: each descent against torch's Adam, the rule of starting again, and the
lowest of many valleys.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.experiment.model import Experiment
from engine.optimizers.multistart import Multistart, MultistartState
from engine.oracle import Oracle
from engine.race.race import Race
from engine.random.rng import Rng
from tests.engine.optimizers.test_gradient_methods import first_weights, oracle_on
from tests.there import there

STEPS = 12


def begun(oracle: Oracle, **settings: Any) -> tuple[Multistart, MultistartState, Rng]:
    theta = first_weights(oracle)
    method, rng = Multistart(**settings), Rng(0, "lane 0", dtype=theta.dtype)
    return method, method.init(theta, rng, oracle), rng


def moved(
    method: Multistart, state: MultistartState, rng: Rng, oracle: Oracle, steps: int
) -> list[Tensor]:
    places = []
    for step in range(1, steps + 1):
        oracle.next_batch(step)
        state = method.step(state, rng.at(step), oracle)
        places.append(state.population.clone())
    return places


def test_every_descent_is_torchs_adam() -> None:
    oracle = oracle_on(batch=0)
    method, state, rng = begun(oracle, population_size=3, learning_rate=0.03, patience=1000)
    starts = state.population.clone()
    torch.testing.assert_close(starts[0], first_weights(oracle), rtol=0, atol=0)
    assert float((starts[1] - starts[2]).norm()) > 0.1
    ours = moved(method, state, rng, oracle, STEPS)
    for i in range(3):
        theta = starts[i].clone().requires_grad_()
        theirs = torch.optim.Adam([theta], lr=0.03)
        for step in range(STEPS):
            theta.grad = oracle_on(batch=0).gradients(theta.detach().unsqueeze(0))[1][0]
            theirs.step()
            torch.testing.assert_close(ours[step][i], theta.detach(), rtol=0, atol=2e-14)


def test_starts_are_spread_as_said() -> None:
    oracle = oracle_on(batch=0)
    method, state, _ = begun(oracle, population_size=4000, init_std=0.5)
    away = (state.population[1:] - first_weights(oracle)) / oracle.init_scale
    torch.testing.assert_close(away.std(0), torch.full_like(away[0], 0.5), rtol=0.06, atol=0)
    assert float(away.mean(0).abs().max()) < 0.05
    assert method.asked() == 4000


def test_the_estimate_is_the_best_place_ever_judged() -> None:
    oracle = oracle_on(batch=0)
    method, state, rng = begun(oracle, population_size=5, learning_rate=1.0, patience=3)
    lowest = math.inf
    for step in range(1, 30):
        oracle.next_batch(step)
        places = state.population.clone()
        state = method.step(state, rng.at(step), oracle)
        judged = oracle_on(batch=0).gradients(places)[0]
        lowest = min(lowest, float(judged.min()))
        assert state.estimate_loss == pytest.approx(lowest, rel=1e-12)
        at = oracle_on(batch=0).gradients(state.estimate.unsqueeze(0))[0][0]
        assert float(at) == pytest.approx(lowest, rel=1e-12)
    assert state.starts > 5


def test_a_descent_starts_again_when_it_falls_no_more() -> None:
    """The rule, redone with plain numbers from the losses that the method saw."""
    patience, oracle = 4, oracle_on(batch=0)
    method, state, rng = begun(oracle, population_size=6, learning_rate=0.5, patience=patience)
    fallen: list[list[float]] = [[] for _ in range(6)]
    marks = [math.inf] * 6
    begun_again = 0
    for step in range(1, 120):
        oracle.next_batch(step)
        state = method.step(state, rng.at(step), oracle)
        assert state.losses is not None
        for i in range(6):
            fallen[i].append(float(state.losses[i]))
            if len(fallen[i]) == 1:
                marks[i] = fallen[i][0]
            over = False
            if len(fallen[i]) > 1 and (len(fallen[i]) - 1) % patience == 0:
                lowest = min(fallen[i])
                over = not marks[i] - lowest > 0.01 * (fallen[i][0] - lowest)
                marks[i] = lowest
            assert (int(state.n[i]) == 0) == over, (step, i)
            if over:
                begun_again += 1
                fallen[i] = []
                assert float(state.m[i].abs().max()) == float(state.v[i].max()) == 0.0
                away = (state.population[i] - first_weights(oracle)) / oracle.init_scale
                assert 0.3 < float(away.pow(2).mean().sqrt()) < 2
    assert begun_again > 3
    assert state.starts == 6 + begun_again


def test_a_descent_without_a_loss_starts_elsewhere_and_harms_no_other() -> None:
    oracle = oracle_on(batch=0)
    method, state, rng = begun(oracle, population_size=3, patience=1000)
    state.population[1] = math.nan
    state.population[2, 0] = math.inf
    oracle.next_batch(1)
    state = method.step(state, rng.at(1), oracle)
    assert state.starts == 5
    assert bool(state.population.isfinite().all())
    assert bool(state.m.isfinite().all() & state.v.isfinite().all())
    assert math.isfinite(state.estimate_loss or math.nan)
    assert state.n.tolist() == [1.0, 0.0, 0.0]


def test_on_mini_batches_the_best_is_judged_again() -> None:
    oracle = oracle_on(batch=8)
    method, state, rng = begun(oracle, population_size=2, batch=8)
    for step in (1, 2, 3):
        oracle.next_batch(step)
        before, best = oracle.evaluations, state.estimate.clone()
        state = method.step(state, rng.at(step), oracle)
        again = step > 1  # the first has nothing to compare with
        assert oracle.evaluations - before == 8 * (3 * 2 + again)
        here = oracle.losses(best.unsqueeze(0))[0]
        assert state.estimate_loss is not None
        assert state.estimate_loss <= float(here) + 1e-12


def lowest_on(function: str, lane: dict[str, Any], seed: int, evaluations: float) -> float:
    race = Race(
        Experiment.parse(
            {
                "dataset": {"name": "landscape", "function": function},
                "lanes": [lane],
                "budget": {"currency": "evaluations", "amount": evaluations},
                "seed": seed,
            }
        )
    )
    while not race.finished:
        race.advance()
    return float(there(race.results()[0]["loss"]))


def test_it_finds_lower_valleys_than_one_descent() -> None:
    for seed in (0, 1):
        many = lowest_on("rastrigin", {"name": "multistart", "patience": 20}, seed, 6000)
        one = lowest_on("rastrigin", {"name": "adam"}, seed, 6000)
        assert many < 0.6 * one, (many, one)


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_a_descent_that_falls_is_left_alone(patience: int) -> None:
    oracle = oracle_on(batch=0)
    method, state, rng = begun(oracle, population_size=1, patience=patience, learning_rate=0.01)
    moved(method, state, rng, oracle, 12)
    assert state.starts == 1


def test_new_samples_on_which_all_is_worse_end_no_descent() -> None:
    oracle = oracle_on(batch=0)
    method, state, rng = begun(oracle, population_size=2, patience=3, learning_rate=0.01)
    moved(method, state, rng, oracle, 4)
    state.lowest, state.mark = state.lowest - 100, state.mark - 100  # as the old samples had it
    state.stale = True
    moved(method, state, rng, oracle, 6)
    assert state.starts == 2
    assert bool((state.lowest > -50).all())


def test_on_mini_batches_descents_go_on() -> None:
    oracle = oracle_on(batch=8)
    method, state, rng = begun(oracle, population_size=3, batch=8, patience=1, learning_rate=1.0)
    moved(method, state, rng, oracle, 30)
    assert state.starts == 3
