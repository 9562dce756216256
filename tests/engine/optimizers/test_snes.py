"""SNES against its equations written out in numpy, and its invariances."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.datasets import DATASETS
from engine.errors import BadInput
from engine.losses import LOSSES
from engine.networks import MLP
from engine.optimizers import OPTIMIZERS
from engine.optimizers.snes import SNES
from engine.oracle import Oracle
from engine.random.rng import Rng
from tests.engine.support.stand_ins import (
    FunctionOracle,
    GivenRng,
    Passes,
    points,
    random_search,
    rosenbrock,
    run,
    scored,
    turned_ellipsoid,
)

D = 6


def start() -> Tensor:
    return torch.linspace(-1.5, 1.2, D, dtype=torch.float64)


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
@pytest.mark.parametrize(("antithetic", "size"), [(False, 9), (True, 8), (True, 9)])
def test_every_step_is_the_papers(antithetic: bool, size: int, schedule: Any) -> None:
    method = SNES(
        population_size=size,
        sigma=0.4,
        learning_rate=0.9,
        antithetic=antithetic,
        schedule=schedule,
        final_fraction=0.2,
    )
    oracle = FunctionOracle(rosenbrock, D)
    oracle.init_scale = torch.tensor([1.0, 0.5, 0.25, 2.0, 0.1, 1.0], dtype=torch.float64)
    scale = oracle.init_scale.numpy()
    state = method.init(start(), Rng(0, "x", dtype=torch.float64), oracle)
    mu, sigma = start().numpy() / scale, np.full(D, 0.4)
    utility = [max(0.0, math.log(size / 2 + 1) - math.log(k)) for k in range(1, size + 1)]
    utility = [u / sum(utility) - 1 / size for u in utility]
    for step in range(30):
        half = np.random.default_rng(step).normal(size=((size + 1) // 2 if antithetic else size, D))
        s = np.concatenate([half, -half])[:size] if antithetic else half
        oracle.progress = step / 30
        state = method.step(state, GivenRng([half]), oracle)
        samples = (mu + sigma * s) * scale
        np.testing.assert_allclose(state.population.numpy(), samples, rtol=0, atol=1e-12)  # type: ignore[union-attr]
        order = sorted(
            range(size), key=lambda k: float(rosenbrock(torch.from_numpy(samples[k : k + 1])))
        )
        gradient_mu, gradient_sigma = np.zeros(D), np.zeros(D)
        for rank, k in enumerate(order):
            gradient_mu += utility[rank] * s[k]
            gradient_sigma += utility[rank] * (s[k] ** 2 - 1)
        rate = {
            "constant": 0.9,
            "linear": 0.9 - (0.9 - 0.18) * step / 30,
            "cosine": 0.18 + (0.9 - 0.18) * math.cos(math.pi * step / 60) ** 2,
        }[schedule]
        mu = mu + rate * sigma * gradient_mu
        sigma = sigma * np.exp((3 + math.log(D)) / (5 * math.sqrt(D)) / 2 * gradient_sigma)
        np.testing.assert_allclose(state.estimate.numpy(), mu * scale, rtol=0, atol=1e-12)
        np.testing.assert_allclose(state.sigma.numpy(), sigma, rtol=1e-12)
    shown = {"sigma": sigma.mean(), "condition": (sigma.max() / sigma.min()) ** 2}
    shown |= {} if schedule == "constant" else {"step size": rate}
    assert state.metrics == pytest.approx(shown, rel=1e-12)
    assert state.metrics["condition"] > 2


def test_only_comparisons_matter() -> None:
    plain, bent = (
        run(SNES(population_size=10), FunctionOracle(f, D), start(), 60)
        for f in (rosenbrock, lambda x: rosenbrock(x).log1p())
    )
    assert torch.equal(plain.estimate, bent.estimate)
    assert torch.equal(plain.sigma, bent.sigma)


def test_moving_the_problem_moves_the_search_with_it() -> None:
    shift = torch.linspace(-7, 4, D, dtype=torch.float64)
    here = run(SNES(population_size=10), FunctionOracle(rosenbrock, D), start(), 60)
    there = run(
        SNES(population_size=10),
        FunctionOracle(lambda x: rosenbrock(x - shift), D),
        start() + shift,
        60,
    )
    torch.testing.assert_close(there.estimate - shift, here.estimate, rtol=0, atol=1e-9)


@pytest.mark.parametrize("antithetic", [False, True])
def test_it_learns_the_axes_scales(antithetic: bool) -> None:
    """On an ellipsoid along the axes σ becomes inversely proportional to the roots of its
    eigenvalues, and the minimum is found to many digits.
    """
    values = torch.logspace(0, 4, D, dtype=torch.float64)
    state = run(
        SNES(population_size=16, antithetic=antithetic),
        FunctionOracle(lambda x: x.square() @ values, D),
        start(),
        500,
    )
    assert float(state.estimate.square() @ values) < 1e-15
    relative = state.sigma * values.sqrt()
    assert float(relative.max() / relative.min()) < 30 < 0.5 * float(values[-1].sqrt())


@pytest.mark.parametrize(("f", "most"), [(turned_ellipsoid(10, 100), 1e-6), (rosenbrock, 5.0)])
def test_it_descends_what_is_no_sphere(f: Any, most: float) -> None:
    theta = torch.full((10,), -1.0, dtype=torch.float64)
    state = run(SNES(), FunctionOracle(f, 10), theta, 800)
    height = float(f(state.estimate.unsqueeze(0)))
    assert height < most < 0.1 * random_search(f, theta, 800 * 32, 1.0)


def test_a_flat_loss_moves_nothing_and_makes_it_look_farther() -> None:
    state = run(SNES(), FunctionOracle(lambda x: x[:, 0] * torch.nan, D), start(), 10)
    torch.testing.assert_close(state.estimate, start(), rtol=0, atol=1e-14)
    torch.testing.assert_close(
        state.sigma, torch.full_like(start(), 0.5 * math.exp(10 * 0.2)), rtol=1e-12, atol=0
    )


@pytest.mark.parametrize("batch", [0, 16])
def test_every_answer_is_charged(batch: int) -> None:
    oracle, theta = points(batch)
    passes = Passes(oracle.network)
    before = theta.clone()
    state = run(SNES(population_size=7), oracle, theta, 5)
    assert oracle.evaluations == passes.count == 5 * 7 * len(oracle.targets)
    assert torch.equal(theta, before)
    assert state.estimate.dtype == state.population.dtype == torch.float32
    assert torch.equal(run(SNES(population_size=7), oracle, theta, 5).estimate, state.estimate)
    assert not torch.equal(
        run(SNES(population_size=7), oracle, theta, 5, seed=1).estimate, state.estimate
    )
    assert torch.equal(run(SNES(), oracle, theta, 0).estimate, theta)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("population_size", 3),
        ("sigma", 0),
        ("learning_rate", 11),
        ("sigma_rate", 0),
        ("antithetic", "maybe"),
        ("batch", -1),
    ],
)
def test_what_is_out_of_range_is_refused_in_one_line(field: str, value: Any) -> None:
    with pytest.raises(BadInput) as caught:
        OPTIMIZERS.build({"name": "snes", field: value})
    assert str(caught.value).startswith(f"optimizer.{field}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.slow  # quickly: the losses that `test_catalogue` states
@pytest.mark.parametrize(
    ("dataset", "hidden", "steps", "most_loss", "least_accuracy"),
    [
        ("moons", (16, 16), 300, 0.05, 0.98),
        ("spirals", (16, 16), 800, 0.1, 0.95),
        ("digits", (32,), 250, 0.4, 0.9),
    ],
)
def test_it_learns_with_its_defaults(
    dataset: str, hidden: tuple[int, ...], steps: int, most_loss: float, least_accuracy: float
) -> None:
    samples = DATASETS.build(dataset).load(0)
    network = MLP(hidden=hidden).build(samples.shape, len(samples.classes))
    oracle = Oracle(network, LOSSES["cross-entropy"], samples, "loss", SNES().batch)
    theta = run(SNES(), oracle, network.init(torch.Generator().manual_seed(0)), steps).estimate
    loss, accuracy = scored(oracle, samples, theta)
    assert loss < most_loss
    assert accuracy >= least_accuracy
