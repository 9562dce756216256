"""Ensemble Kalman inversion: the ensemble-space form against the textbook one, and the subspace property."""

import pytest
import torch

from engine.errors import BadInput
from engine.experiment import Experiment
from engine.losses import LOSSES
from engine.optimizers import OPTIMIZERS
from engine.optimizers.eki import EKI, EKIState
from engine.race import Race
from engine.rng import Rng
from tests.engine.helpers import FunctionOracle, GivenRng, run

J, D, B, K = 9, 14, 5, 3


@pytest.fixture
def oracle() -> FunctionOracle:
    """A nonlinear map from D weights to B·K outputs."""
    generator = torch.Generator().manual_seed(1)
    a = torch.randn(D, B * K, generator=generator, dtype=torch.float64)
    oracle = FunctionOracle(lambda u: (u**2).sum(1), D, outputs=lambda u: torch.tanh(u @ a).reshape(len(u), B, K))
    oracle.targets = torch.randint(K, (B,), generator=generator)
    oracle.loss = LOSSES["cross-entropy"]
    return oracle


def ensemble() -> torch.Tensor:
    return torch.randn(J, D, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def test_the_kalman_step_agrees_with_the_dense_formula(oracle: FunctionOracle) -> None:
    """C^ug (C^gg + Γ/h)⁻¹ with the full BK×BK and D×BK matrices written out."""
    optimizer = EKI(ensemble=J, form="discrete", noise=0.7, step_size=0.5, randomised=False)
    u = ensemble()
    z = torch.randn(J, B * K, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    g = oracle.outputs(u)
    ours = optimizer.kalman(u, g, oracle, GivenRng([z]))  # type: ignore[arg-type]
    flat = g.reshape(J, -1)
    y = torch.nn.functional.one_hot(oracle.targets, K).double().flatten()
    gamma = 0.7 / 0.5
    c_ug = (u - u.mean(0)).T @ (flat - flat.mean(0)) / J
    c_gg = (flat - flat.mean(0)).T @ (flat - flat.mean(0)) / J
    gain = c_ug @ torch.linalg.inv(c_gg + gamma * torch.eye(B * K, dtype=torch.float64))
    dense = torch.stack([u[j] + gain @ (y + gamma**0.5 * z[j] - flat[j]) for j in range(J)])
    torch.testing.assert_close(ours, dense, rtol=0, atol=1e-12)


@pytest.mark.parametrize("loss", list(LOSSES))
def test_the_loss_step_agrees_with_its_double_loop(oracle: FunctionOracle, loss: str) -> None:
    oracle.loss = LOSSES[loss]
    u = ensemble()
    g = oracle.outputs(u)
    ours = EKI(ensemble=J, step_size=1.7).move(u, g, oracle)  # type: ignore[arg-type]
    at = g.detach().clone().requires_grad_()
    # The loss's own slope, by torch: B times the slope of the mean over the batch.
    slope = torch.autograd.grad(oracle.loss.values(at, oracle.targets).sum() * B, at)[0]
    d = torch.stack([torch.stack([((g[k] - g.mean(0)) * slope[j]).sum() / J for k in range(J)]) for j in range(J)])
    h = 1.7 / (float((d**2).sum()) ** 0.5 + 0.5)
    loop = torch.stack([u[j] - h * sum(d[j, k] * (u[k] - u.mean(0)) for k in range(J)) for j in range(J)])
    torch.testing.assert_close(ours, loop, rtol=0, atol=1e-12)


def outside(population: torch.Tensor, start: torch.Tensor) -> float:
    """How far the members lie outside the span of the start's departures from its mean."""
    basis = torch.linalg.svd(start - start.mean(0), full_matrices=False)[2][: J - 1]
    rest = population - start.mean(0)
    return float((rest - rest @ basis.T @ basis).norm() / rest.norm())


@pytest.mark.parametrize("form", ["loss", "discrete"])
@pytest.mark.parametrize("momentum", ["none", "nesterov"])
def test_without_respreading_the_ensemble_never_leaves_the_span_of_its_start(oracle: FunctionOracle, form: str, momentum: str) -> None:
    theta = torch.zeros(D, dtype=torch.float64)
    start = run(EKI(ensemble=J, randomised=False), oracle, theta, 0).population
    state = run(EKI(ensemble=J, form=form, momentum=momentum, randomised=False, step_size=0.5), oracle, theta, 30)  # type: ignore[arg-type]
    assert float((state.population - start).norm()) > 0.1
    assert outside(state.population, start) < 1e-10
    free = run(EKI(ensemble=J, form=form, momentum=momentum, randomised=True, respread_every=5, step_size=0.5), oracle, theta, 30)  # type: ignore[arg-type]
    assert outside(free.population, start) > 0.05


def test_the_ensemble_starts_about_the_shared_weights_exactly() -> None:
    theta = torch.linspace(-1, 1, D, dtype=torch.float64)
    oracle = FunctionOracle(lambda u: (u**2).sum(1), D)
    state = EKI(ensemble=50).init(theta, Rng(0, "x", dtype=torch.float64), oracle)  # type: ignore[arg-type]
    assert torch.equal(state.estimate, theta)
    torch.testing.assert_close(state.population.mean(0), theta, rtol=0, atol=1e-14)  # type: ignore[union-attr]
    assert float(state.population.std()) > 0.5  # type: ignore[union-attr]


def test_a_linear_problem_goes_to_least_squares() -> None:
    """With exact observations and a full-rank ensemble the mean approaches the least-squares solution."""
    generator = torch.Generator().manual_seed(4)
    a = torch.randn(4, 8 * 2, generator=generator, dtype=torch.float64)
    oracle = FunctionOracle(lambda u: (u**2).sum(1), 4, outputs=lambda u: (u @ a).reshape(len(u), 8, 2))
    oracle.targets = torch.randint(2, (8,), generator=generator)
    state = run(EKI(ensemble=400, form="discrete", noise=0.05, randomised=False, step_size=1.0), oracle, torch.zeros(4, dtype=torch.float64), 60)
    y = torch.nn.functional.one_hot(oracle.targets, 2).double().flatten()
    solution = torch.linalg.lstsq(a.T, y.unsqueeze(1)).solution.squeeze()
    torch.testing.assert_close(state.estimate, solution, rtol=0, atol=0.02)


def test_nesterov_looks_ahead_from_where_it_is_going(oracle: FunctionOracle) -> None:
    optimizer = EKI(ensemble=J, momentum="nesterov", randomised=False)
    u, before = ensemble(), ensemble() - 0.1
    state = EKIState(u.mean(0), u, previous=before, n=9)
    optimizer.step(state, GivenRng(), oracle)  # type: ignore[arg-type]
    torch.testing.assert_close(oracle.judged[-1], u + 0.7 * (u - before), rtol=0, atol=1e-14)  # 1 − 3/10
    torch.testing.assert_close(state.previous, u)


def test_it_learns_digits_without_a_derivative() -> None:
    race = Race(Experiment.parse({"dataset": "digits", "lanes": ["eki"], "budget": {"currency": "evaluations", "amount": 5e6}}), marks=1, pictures=False)
    list(race)
    assert race.results()[0]["test_accuracy"] >= 0.93
    assert race.lanes[0].oracle.evaluations == (race.lanes[0].step) * 256 * 64


def test_bad_knobs_are_refused_in_one_line() -> None:
    with pytest.raises(BadInput, match=r"optimizer\.ensemble: 0 is not allowed; expected at least 4"):
        OPTIMIZERS.build({"name": "eki", "ensemble": 0})
