"""What is made of members that failed: their ranks, their weights, their places, and the plateaus
on which nobody is better.
"""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.errors import NothingLeft
from engine.experiment.model import Experiment
from engine.optimizers import OPTIMIZERS
from engine.optimizers.common.ensemble import Sums, collapsed, factorised
from engine.optimizers.common.estimators import averaged, slope
from engine.optimizers.common.finite_losses import finite_losses
from engine.optimizers.common.recombination_weights import (
    by_rank,
    flat,
    positive_log_weights,
    recombined,
    snes_utilities,
    widened,
)
from engine.optimizers.common.survivors import ABSURD, copies, enough, redrawn, surviving
from engine.race.race import Race
from engine.random.rng import Rng
from tests.engine.support.races import ends_well, on_formula, on_moons

# The mechanism.


def test_failed_members_draw_nothing_and_the_others_share_their_weights_as_if_they_were_all() -> (
    None
):
    losses = torch.tensor([3.0, math.inf, 1.0, 2.0, math.inf, math.inf], dtype=torch.float64)
    weights = positive_log_weights(6)  # three that are positive
    w = recombined(losses, weights)
    assert w[[1, 4, 5]].tolist() == [0, 0, 0]
    assert w[[2, 3, 0]].tolist() == pytest.approx(weights[:3].tolist())
    fewer = recombined(
        torch.tensor([3.0, math.inf, 1.0, math.inf, math.inf, math.inf], dtype=torch.float64),
        weights,
    )
    assert fewer.tolist() == pytest.approx(
        [float(weights[1] / weights[:2].sum()), 0, float(weights[0] / weights[:2].sum()), 0, 0, 0]
    )
    u = recombined(losses, snes_utilities(6))
    assert float(u.sum()) == pytest.approx(0, abs=1e-12)
    assert (u[[1, 4, 5]] <= 0).all()
    assert recombined(torch.full((6,), math.inf), weights).tolist() == [0] * 6
    sound_losses = torch.randn(6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    assert torch.equal(recombined(sound_losses, weights), by_rank(sound_losses, weights))


def test_a_loss_that_is_no_number_or_endlessly_low_never_wins() -> None:
    oracle: Any = type(
        "Oracle",
        (),
        {"losses": lambda self, x: torch.tensor([math.nan, math.inf, -math.inf, 2.0, -1e38])},
    )()
    assert finite_losses(torch.zeros(5, 1), oracle).tolist()[:4] == [
        math.inf,
        math.inf,
        math.inf,
        2.0,
    ]
    assert finite_losses(torch.zeros(5, 1), oracle)[4] < -9e37


def test_survivors_redraw_those_that_failed() -> None:
    g = torch.zeros(4, 2, 1)
    g[1, 0], g[2, 1] = math.nan, 2 * ABSURD
    alive = surviving(g, torch.tensor([1.0, 1.0, 1.0, math.inf]))
    assert alive.tolist() == [True, False, False, False]
    with pytest.raises(NothingLeft, match="only 1 of its 4 members"):
        enough(alive)
    with pytest.raises(NothingLeft, match="none of its 4 members"):
        enough(alive & False)
    generator = torch.Generator().manual_seed(5)
    mixing = torch.randn(3, 3, generator=generator, dtype=torch.float64)
    old = torch.randn(400, 3, generator=generator, dtype=torch.float64) @ mixing + 7
    new = redrawn(old, 20_000, Rng(1, "redraw", dtype=torch.float64))
    torch.testing.assert_close(new.mean(0), old.mean(0), rtol=0, atol=0.1)
    torch.testing.assert_close(new.T.cov(), old.T.cov(), rtol=0.05, atol=0.1)
    origin = copies(torch.tensor([False, True, False, True]), Rng(2, "copies"))
    assert origin[[0, 2]].tolist() == [0, 2]
    assert set(origin[[1, 3]].tolist()) <= {0, 2}
    assert copies(torch.tensor([True, True]), Rng(2, "copies")).tolist() == [0, 1]


@pytest.mark.parametrize("form", ["loss", "discrete"])
@pytest.mark.parametrize(
    "members", [6, 40], ids=["fewer members than data", "more members than data"]
)
@pytest.mark.parametrize("samples", [100, 3], ids=["at once", "in slices"])
def test_sums_of_survivors_are_those_of_an_ensemble_of_survivors(
    monkeypatch: pytest.MonkeyPatch, form: Any, members: int, samples: int
) -> None:
    race = on_moons("eki")
    oracle, network = race.lanes[0].oracle, race.network
    monkeypatch.setattr(type(oracle), "batch_chunks", lambda self, _: slices_of(self, samples))
    u = torch.randn(
        members, network.dimension, generator=torch.Generator().manual_seed(7), dtype=torch.float32
    )
    failed = torch.zeros(members, dtype=torch.bool)
    failed[[1, 4]] = True
    alone = Sums.of(u[~failed], form, False, True, Rng(0, "x"), oracle)
    u[1, 0], u[4] = math.nan, math.inf
    found = Sums.of(u, form, False, True, Rng(0, "x"), oracle)
    assert found.alive is not None
    assert found.alive.tolist() == (~failed).tolist()
    left = found.of_survivors()
    for name in ("losses", "misfits", "cross"):
        torch.testing.assert_close(getattr(left, name), getattr(alone, name), rtol=1e-4, atol=1e-4)
    if left.gram.numel() and alone.gram.shape == left.gram.shape:
        torch.testing.assert_close(left.gram, alone.gram, rtol=1e-4, atol=1e-4)
    for name in ("centred", "residual"):
        one, other = getattr(left, name), getattr(alone, name)
        assert one is None or other is None or torch.allclose(one, other, atol=1e-5)


def slices_of(oracle: Any, samples: int) -> Any:
    x, targets = oracle.x, oracle.targets
    for first in range(0, len(targets), samples):
        oracle.x, oracle.targets = x[first : first + samples], targets[first : first + samples]
        yield len(oracle.targets) / len(targets)
    oracle.x, oracle.targets = x, targets


@pytest.mark.parametrize(
    "lane",
    [
        {"name": "eki"},
        {"name": "eki", "form": "discrete"},
        {"name": "eki", "form": "discrete", "stepping": "data-misfit"},
        {"name": "enkf"},
    ],
)
def test_an_ensemble_steps_as_its_survivors_alone_would(lane: dict[str, Any]) -> None:
    method = OPTIMIZERS.build({**lane, "population_size": 20, "batch": 0})
    race = on_moons({**lane, "population_size": 20, "batch": 0})
    state, oracle = race.lanes[0].state, race.lanes[0].oracle
    assert isinstance(state.population, Tensor)
    alone = method.init(race.theta, Rng(3, "alone"), oracle)
    failed = torch.zeros(20, dtype=torch.bool)
    failed[[0, 7, 13]] = True
    alone.population = state.population[~failed].clone()
    state.population[failed] = torch.tensor([[math.nan], [math.inf], [1e30]])
    moved, expected = (
        method.step(state, Rng(3, "step").at(1), oracle),
        method.step(alone, Rng(3, "step").at(1), oracle),
    )
    torch.testing.assert_close(moved.estimate, expected.estimate, rtol=1e-4, atol=1e-5)
    assert isinstance(moved.population, Tensor)
    assert isinstance(expected.population, Tensor)
    torch.testing.assert_close(moved.population[~failed], expected.population, rtol=1e-4, atol=1e-4)
    assert torch.isfinite(moved.population).all()
    assert moved.losses is not None
    assert moved.losses[failed].tolist() == [math.inf] * 3


def test_directions_that_tell_nothing_are_left_out_of_the_mean() -> None:
    oracle: Any = type("Oracle", (), {"losses": lambda self, x: torch.tensor([2.0])})()
    plus, minus = (
        torch.tensor([3.0, math.nan, 1e36, math.inf]),
        torch.tensor([1.0, 1.0, 1.0, math.nan]),
    )
    slopes = slope(plus, minus, 0.5, torch.zeros(4), oracle)
    assert slopes[:3].tolist() == [2.0, 2.0, 2.0], (
        "where one side failed the other and the middle tell it"
    )
    assert math.isnan(slopes[3])
    assert averaged(slopes, torch.eye(4)).tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 0])


def test_matrices_that_rounding_spoilt_are_factorised_and_others_are_not() -> None:
    spoilt_by_rounding = torch.tensor([[1e20, 1e20], [1e20, 1e20]], dtype=torch.float64)
    spoilt_by_rounding[1, 1] -= 1e4
    assert torch.isfinite(factorised(spoilt_by_rounding)).all()
    good = torch.tensor([[2.0, 0.5], [0.5, 1.0]], dtype=torch.float64)
    assert torch.equal(factorised(good), torch.linalg.cholesky(good))
    for bad in (
        [[1.0, 2.0], [2.0, 1.0]],
        [[math.nan, 0.0], [0.0, 1.0]],
        [[math.inf, 0.0], [0.0, 1.0]],
    ):
        with pytest.raises(NothingLeft):
            factorised(torch.tensor(bad, dtype=torch.float64))


def test_a_collapsed_ensemble_ends_its_lane_with_a_sentence() -> None:
    assert collapsed(0.0, torch.zeros(3))
    assert collapsed(1e-7, torch.ones(3))
    assert not collapsed(1e-5, torch.ones(3))
    for lane in (
        {"name": "eki", "randomised": False, "population_size": 8},
        {"name": "enkf", "population_size": 8},
    ):
        race = on_moons(lane)
        race.advance()
        state = race.lanes[0].state
        assert isinstance(state.population, Tensor)
        state.population.copy_(state.estimate.expand_as(state.population))
        ends_well(race)
        assert "its ensemble has collapsed" in (race.lanes[0].trouble or "")


@pytest.mark.parametrize("lane", ["enkf", "eki"])
def test_an_ensemble_that_explodes_ends_in_a_sentence(lane: str) -> None:
    network = {"name": "mlp", "hidden": [64, 64, 64, 64], "activation": "relu"}
    settings: dict[str, Any] = (
        {"gamma": 1e-6}
        if lane == "enkf"
        else {"form": "discrete", "noise": 1e-6, "step_size": 100.0}
    )
    value = {
        "dataset": "moons",
        "network": network,
        "lanes": [{"name": lane, "population_size": 5, **settings}, "adam"],
        "budget": {"currency": "evaluations", "amount": 2e4},
    }
    race = Race(Experiment.parse(value), marks=10)
    ends_well(race)
    assert race.results()[1]["trouble"] is None
    assert race.lanes[1].finished
    assert race.lanes[1].oracle.progress > 0.95, "what is left is less than a step"


# Plateaus.

STEP = "min(1,max(0,floor((abs(x-8)+abs(y-8))/3)))"


@pytest.mark.parametrize("name", ["cma-es", "sep-cma-es", "snes"])
def test_on_a_plateau_samples_spread_out_until_they_reach_its_edge(name: str) -> None:
    race = on_formula(STEP, name, x=0, y=0, amount=4e3)
    sigmas = [frame.metrics["lanes"][0]["extra"].get("sigma", 0.5) for frame in race]
    assert min(sigmas) > 1e-3
    assert max(sigmas) <= 100
    assert race.results()[0]["loss"] == 0


@pytest.mark.parametrize("name", ["cma-es", "sep-cma-es", "snes"])
def test_on_a_plateau_without_an_edge_nothing_moves_and_nothing_collapses(name: str) -> None:
    race = on_formula("0*x+1", name, amount=4e3)
    sigmas = [frame.metrics["lanes"][0]["extra"].get("sigma", 0.5) for frame in race]
    assert min(sigmas) > 1e-2
    assert max(sigmas) <= 100
    assert race.lanes[0].state.estimate.tolist() == [1, 1]


def test_flat_is_told_by_the_best_and_the_one_at_70_percent() -> None:
    assert flat(torch.tensor([1.0, 1, 1, 1, 1, 1, 1, 2, 3, 4])) == (True, False)
    assert flat(torch.tensor([1.0, 1, 1, 1, 1, 1, 2, 2, 3, 4])) == (False, False)
    assert flat(torch.tensor([1.0, 1, 1, 1])) == (True, True)
    assert flat(torch.full((4,), math.inf)) == (True, True)
    assert float(widened(torch.tensor(1.0), 0.5, 2.0)) == 2
    assert float(widened(torch.tensor(49.0), 0.5, 2.0)) == 0.5
    assert float(widened(torch.tensor(0.0), 0.5, 2.0)) == pytest.approx(1e-30)
