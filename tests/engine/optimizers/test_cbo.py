"""Consensus-based optimisation against CBXpy, both noises, and its invariances."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from cbx.dynamics import CBO as Reference
from cbx.scheduler import bisection_solve, eff_sample_size_gap
from torch import Tensor

from engine.datasets import DATASETS
from engine.errors import BadInput
from engine.losses import LOSSES
from engine.networks import MLP
from engine.optimizers import OPTIMIZERS
from engine.optimizers.base import Problem
from engine.optimizers.cbo import CBO, alpha_of_share, shares
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

THETA = torch.tensor([-1.0, 0.5, 2.0, 0.0, -0.5], dtype=torch.float64)


def consensus(x: Tensor, losses: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Return the consensus v̄ (D,) of places (m, D) with losses (m,), and their weights in it."""
    weights = shares(losses, alpha)
    return weights @ x, weights


class Given(GivenRng):
    """Given orders besides."""

    def __init__(self, orders: list[Tensor], **given: Any) -> None:
        super().__init__(**given)
        self.orders = orders

    def permutation(self, n: int) -> Tensor:
        order = self.orders.pop(0)
        assert len(order) == n
        return order


@pytest.mark.parametrize("group", [0, 4])
@pytest.mark.parametrize("noise", ["isotropic", "anisotropic"])
@pytest.mark.parametrize("f", [turned_ellipsoid(5), rosenbrock])
def test_every_step_is_cbxpys(f: Callable[[Tensor], Tensor], noise: Any, group: int) -> None:
    """With groups of 4 in 12, one step of ours is three of its steps, each moving the particles of
    one batch.
    """
    size, at_once = 12, group or 12
    cbo = CBO(
        population_size=size,
        group=group,
        diffusion=noise,
        sigma=0.7,
        drift=1.3,
        alpha=0.002,
        doublings=0,
    )
    oracle, numbers = FunctionOracle(f, 5), np.random.default_rng(3)
    state: Any = cbo.init(THETA, Rng(0, "x", dtype=torch.float64), oracle)
    drawn: list[np.ndarray] = []
    theirs = Reference(
        lambda x: f(torch.from_numpy(x[0])).numpy()[None],
        f_dim="3D",
        check_f_dims=False,
        x=state.population.numpy().copy(),
        noise=noise,
        sigma=0.7,
        lamda=1.3,
        alpha=0.002,
        dt=0.1,
        sampler=lambda size: drawn.pop(0).reshape(size),
        batch_args={"size": at_once},
        verbosity=0,
    )
    for _ in range(8):
        order, z = numbers.permutation(size), numbers.standard_normal((size // at_once, at_once, 5))
        drawn.extend(z)
        theirs.x[0] = (
            state.population.numpy()
        )  # each step is compared by itself: differences in the last digit grow from step to step
        if group:
            theirs.indices = order[None]
        for _ in range(size // at_once):
            theirs.step()
        given = Given([torch.from_numpy(order)], normals=[z.reshape(size, 5)])
        before = state.population.clone()
        state = cbo.step(state, given, oracle)
        assert (state.population - before).abs().max() > 1e-3
        size_of = max(1.0, float(state.population.abs().max()))
        np.testing.assert_allclose(
            state.population.numpy(), theirs.x[0], rtol=0, atol=2e-15 * size_of
        )
        if not group:
            np.testing.assert_allclose(
                state.estimate.numpy(), theirs.consensus[0, 0], rtol=0, atol=2e-15 * size_of
            )


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("spread", [1e-6, 0.01, 30.0])
def test_alpha_follows_the_effective_sample_size(share: float, spread: float) -> None:
    """CBXpy solves the same equation by bisection."""
    losses = 2.3 + spread * torch.rand(
        100, generator=torch.Generator().manual_seed(2), dtype=torch.float64
    )
    theirs = bisection_solve(
        eff_sample_size_gap(losses.numpy()[None], share),
        np.zeros(1),
        np.full(1, 1e4 / spread),
        max_it=200,
        thresh=1e-10,
    )
    ours = alpha_of_share(losses, share)
    assert ours == pytest.approx(float(theirs[0]), rel=1e-6)
    counted = 1 / float((consensus(losses.unsqueeze(1), losses, ours)[1] ** 2).sum())
    assert counted == pytest.approx(100 * share, rel=1e-6)
    # It hangs neither on the losses' unit nor on members that failed.
    failed = torch.cat([losses, torch.full((7,), torch.inf, dtype=torch.float64)])
    assert alpha_of_share(failed, share) == pytest.approx(ours, rel=1e-12)
    assert alpha_of_share(5 * losses, share) == pytest.approx(ours / 5, rel=1e-6)


def test_alpha_where_no_share_can_be_had() -> None:
    equal = torch.full((9,), 0.3, dtype=torch.float64)
    assert alpha_of_share(equal, 0.5) == 0
    assert alpha_of_share(torch.full((9,), torch.inf, dtype=torch.float64), 0.5) == 0
    tied = torch.tensor([0.1, 0.1, 0.1, 0.2], dtype=torch.float64)
    alpha = alpha_of_share(tied, 0.1)
    assert math.isfinite(alpha)
    assert consensus(tied.unsqueeze(1), tied, alpha)[1].tolist() == pytest.approx(
        [1 / 3, 1 / 3, 1 / 3, 0]
    )


def test_a_step_with_an_effective_share_is_one_with_that_alpha() -> None:
    z = torch.randn(12, 5, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    oracle, states = FunctionOracle(rosenbrock, 5), []
    first: Any = CBO(population_size=12, group=0).init(
        THETA, Rng(0, "x", dtype=torch.float64), oracle
    )
    alpha = alpha_of_share(rosenbrock(first.population), 0.25)
    for settings in ({"effective_share": 0.25}, {"alpha": alpha}):
        cbo = CBO(population_size=12, group=0, **settings)
        state: Any = cbo.init(THETA, Rng(0, "x", dtype=torch.float64), oracle)
        state = cbo.step(state, GivenRng(normals=[z.clone()]), oracle)
        assert state.metrics["effective sample size"] == pytest.approx(3, rel=1e-6)
        states.append(state)
    torch.testing.assert_close(states[0].population, states[1].population, rtol=0, atol=1e-12)
    torch.testing.assert_close(states[0].estimate, states[1].estimate, rtol=0, atol=1e-12)


def test_the_estimate_is_the_consensus_of_all_that_were_judged() -> None:
    oracle, cbo = FunctionOracle(rosenbrock, 5), CBO(population_size=11, group=4, alpha=0.01)
    state: Any = cbo.init(THETA, Rng(0, "x", dtype=torch.float64), oracle)
    x, order = (
        state.population.clone(),
        torch.randperm(11, generator=torch.Generator().manual_seed(1)),
    )
    state = cbo.step(
        state, Given([order], normals=[torch.randn(8, 5, dtype=torch.float64)]), oracle
    )
    judged, resting = order[:8], order[8:]
    weights = torch.tensor(
        [math.exp(-0.01 * float(value)) for value in rosenbrock(x[judged])], dtype=torch.float64
    )
    torch.testing.assert_close(
        state.estimate,
        sum(w * row for w, row in zip(weights, x[judged], strict=True)) / weights.sum(),
        rtol=1e-13,
        atol=1e-13,
    )
    assert torch.equal(state.population[resting], x[resting])
    assert torch.isinf(state.losses[resting]).all()
    assert torch.equal(state.losses[judged], rosenbrock(x[judged]))


def test_consensus_is_stable_whatever_alpha_and_the_losses_are() -> None:
    x, losses = (
        torch.eye(3, dtype=torch.float64),
        torch.tensor([1e4, 1e4 + 1e-9, 3e4], dtype=torch.float64),
    )
    assert torch.equal(consensus(x, losses, 1e12)[0], x[0])
    assert consensus(x.float(), losses.float(), 1e39)[1].tolist() == [0.5, 0.5, 0]
    torch.testing.assert_close(
        consensus(x, losses, 0.0)[1], torch.full((3,), 1 / 3, dtype=torch.float64)
    )
    assert consensus(x, torch.tensor([math.inf, 2, math.inf], dtype=torch.float64), 50)[
        1
    ].tolist() == [0, 1, 0]
    torch.testing.assert_close(
        consensus(x, torch.full((3,), math.inf, dtype=torch.float64), 50)[1],
        torch.full((3,), 1 / 3, dtype=torch.float64),
    )
    torch.testing.assert_close(
        consensus(x, losses - 7e3, 1e-4)[1], consensus(x, losses, 1e-4)[1], rtol=1e-9, atol=0
    )


def test_alpha_doubles_and_the_noise_cools_with_the_budget() -> None:
    oracle, cbo = (
        FunctionOracle(rosenbrock, 5),
        CBO(population_size=6, group=0, alpha=30, doublings=4, sigma=0.8, final_fraction=0.25),
    )
    for oracle.progress, alpha, sigma in ((0.0, 30, 0.8), (0.5, 120, 0.4), (1.0, 480, 0.2)):
        state: Any = cbo.init(THETA, Rng(0, "x", dtype=torch.float64), oracle)
        x, z = (
            state.population.clone(),
            torch.randn(6, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64),
        )
        state = cbo.step(state, GivenRng(normals=[z]), oracle)
        v = consensus(x, rosenbrock(x), alpha)[0]
        torch.testing.assert_close(
            state.population,
            x - 0.1 * (x - v) + sigma * 0.1**0.5 * (x - v) * z,
            rtol=1e-13,
            atol=1e-13,
        )
        assert (state.metrics["alpha"], state.metrics["noise"]) == pytest.approx((alpha, sigma))
        if sigma == 0.8:
            weights = consensus(x, rosenbrock(x), alpha)[1]
            assert state.metrics["effective sample size"] == pytest.approx(
                1 / float((weights**2).sum())
            )


@pytest.mark.parametrize("noise", ["isotropic", "anisotropic"])
def test_moving_the_problem_moves_the_particles_and_raising_it_changes_nothing(noise: Any) -> None:
    cbo, shift = (
        CBO(population_size=20, diffusion=noise, sigma=0.6),
        torch.linspace(-7, 4, 5, dtype=torch.float64),
    )
    plain = run(cbo, FunctionOracle(rosenbrock, 5), THETA, 25)
    moved = run(cbo, FunctionOracle(lambda x: rosenbrock(x - shift), 5), THETA + shift, 25)
    torch.testing.assert_close(moved.population - shift, plain.population, rtol=0, atol=1e-9)
    raised = run(cbo, FunctionOracle(lambda x: rosenbrock(x) + 64, 5), THETA, 25)
    torch.testing.assert_close(raised.population, plain.population, rtol=0, atol=1e-7)


def test_isotropic_noise_alone_does_not_care_how_the_problem_is_turned() -> None:
    turn = torch.linalg.qr(
        torch.randn(5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    ).Q
    f, z = (
        turned_ellipsoid(5),
        torch.randn(30, 12, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64),
    )

    def turned(x: Tensor, matrix: Tensor) -> Tensor:
        return f(x @ matrix.T - 1)

    gaps = {}
    for noise in ("isotropic", "anisotropic"):
        cbo = CBO(population_size=12, group=0, diffusion=noise, sigma=0.6)
        start = torch.randn(12, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        start[0] = 0
        ends = []
        for matrix in (torch.eye(5, dtype=torch.float64), turn):
            oracle: Any = FunctionOracle(partial(turned, matrix=matrix), 5)
            state: Any = cbo.init(
                torch.zeros(5, dtype=torch.float64), GivenRng(normals=[start @ matrix]), oracle
            )
            for numbers in z:
                state = cbo.step(state, GivenRng(normals=[numbers @ matrix]), oracle)
            ends.append(state.population @ matrix.T)
        gaps[noise] = float((ends[0] - ends[1]).abs().max())
    assert gaps["isotropic"] < 1e-9 < 1e-3 < gaps["anisotropic"]


def rastrigin(x: Tensor) -> Tensor:
    """A bowl full of holes; 0 at (1, …, 1)."""
    return ((x - 1) ** 2 - torch.cos(2 * torch.pi * (x - 1)) + 1).sum(1)


@pytest.mark.parametrize(("f", "most"), [(turned_ellipsoid(5, 10), 0.05), (rastrigin, 0.05)])
@pytest.mark.parametrize("noise", ["isotropic", "anisotropic"])
def test_it_finds_the_minimum_of_problems_that_are_no_sphere(
    f: Callable[[Tensor], Tensor], most: float, noise: Any
) -> None:
    sigma = {"isotropic": 0.7, "anisotropic": 1.2}[noise]
    cbo = CBO(
        population_size=100, group=0, diffusion=noise, sigma=sigma, init_std=2, final_fraction=0.5
    )
    state = run(cbo, FunctionOracle(f, 5, total=100 * 300), THETA, 300)
    assert float(f(state.estimate.unsqueeze(0))[0]) < most < random_search(f, THETA, 100 * 300, 2.0)


def test_isotropic_noise_is_refused_where_it_would_explode() -> None:
    def problem(dimension: int) -> Problem:
        return Problem(dimension, 2, 100, (), "cross-entropy", "points")

    assert CBO().refusal(problem(10**6)) is None
    assert CBO(diffusion="isotropic", sigma=0.4).refusal(problem(50)) is None
    said = CBO(diffusion="isotropic", sigma=1.0).refusal(problem(354))
    assert said is not None
    assert said.startswith("anisotropic noise")
    assert "\n" not in said


def test_a_loss_that_is_no_number_does_not_spread() -> None:
    def broken(x: Tensor) -> Tensor:
        return torch.where(x[:, 0] > 0.5, torch.nan, rosenbrock(x))

    state = run(CBO(population_size=30), FunctionOracle(broken, 5), THETA, 40)
    assert bool(torch.isfinite(state.population).all())
    assert math.isfinite(float(broken(state.estimate.unsqueeze(0))[0]))


@pytest.mark.parametrize("batch", [0, 16])
def test_every_answer_is_charged_and_the_same_seed_gives_the_same_swarm(batch: int) -> None:
    oracle, theta = points(batch)
    passes = Passes(oracle.network)
    before = theta.clone()
    cbo = CBO(population_size=11, group=4)
    state = run(cbo, oracle, theta, 6)
    assert oracle.evaluations == passes.count == 6 * 8 * len(oracle.targets)
    assert torch.equal(theta, before)
    assert torch.equal(run(cbo, points(batch)[0], theta, 6).population, state.population)
    start = run(cbo, points(batch)[0], theta, 0)
    assert torch.equal(start.estimate, theta)
    assert torch.equal(start.population[0], theta)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("population_size", 1),
        ("group", -1),
        ("alpha", -1),
        ("sigma", 11),
        ("final_fraction", 2),
        ("diffusion", "pink"),
        ("time_step", 0),
        ("drift", -1),
        ("init_std", 0),
    ],
)
def test_what_is_out_of_range_is_refused_in_one_line(field: str, value: Any) -> None:
    with pytest.raises(BadInput) as caught:
        OPTIMIZERS.build({"name": "cbo", field: value})
    assert str(caught.value).startswith(f"optimizer.{field}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.slow  # quickly: the losses that `test_catalogue` states
@pytest.mark.parametrize(
    ("dataset", "hidden", "evaluations", "most_loss", "least_accuracy"),
    [("moons", (16, 16), 2e6, 0.15, 0.95), ("digits", (32,), 3e6, 1.5, 0.5)],
)
def test_it_learns_with_its_defaults(
    dataset: str,
    hidden: tuple[int, ...],
    evaluations: float,
    most_loss: float,
    least_accuracy: float,
) -> None:
    samples = DATASETS.build(dataset).load(0)
    network = MLP(hidden=hidden).build(samples.shape, len(samples.classes))
    oracle = Oracle(
        network,
        LOSSES["cross-entropy"],
        samples,
        "loss",
        CBO().batch,
        0,
        ("evaluations", evaluations),
    )
    theta = run(CBO(), oracle, network.init(torch.Generator().manual_seed(0)), 10_000).estimate
    loss, accuracy = scored(oracle, samples, theta)
    assert loss < most_loss
    assert accuracy >= least_accuracy
