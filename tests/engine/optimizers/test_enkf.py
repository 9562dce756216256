"""The ensemble Kalman filter against filterpy's, and against its formula taken sample by sample."""

from typing import Any

import filterpy.kalman.ensemble_kalman_filter as filterpy_module
import numpy as np
import pytest
import torch
from filterpy.kalman import EnsembleKalmanFilter
from torch import Tensor

from engine.datasets import DATASETS
from engine.datasets.base import Dataset
from engine.errors import BadInput
from engine.losses import LOSSES
from engine.networks import MLP
from engine.optimizers import OPTIMIZERS
from engine.optimizers.enkf import EnKF, assimilated
from engine.oracle import NotSeen, Oracle, Sees
from engine.random.rng import Rng
from tests.engine.support.stand_ins import GivenRng, Passes, run, scored

CLASSES = 3


def oracle_on(
    hidden: tuple[int, ...] = (4,), batch: int = 0, sees: Sees = "outputs", samples: int = 12
) -> Oracle:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(samples, 2, generator=generator, dtype=torch.float64)
    y = torch.randint(CLASSES, (samples,), generator=generator)
    return Oracle(
        MLP(hidden=hidden).build((2,), CLASSES),
        LOSSES["cross-entropy"],
        Dataset(x, y, x, y, ("a", "b", "c"), "points"),
        sees,
        batch,
        seed=7,
    )


def first_weights(oracle: Oracle) -> Tensor:
    return oracle.network.init(torch.Generator().manual_seed(1), torch.float64)


def normals(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def one_by_one(u: Tensor, g: Tensor, y: Tensor, gamma: float) -> Tensor:
    """The update written out: covariances of the ensemble as it is now, outputs as they were; y (J,
    B, K).
    """
    size = len(u)
    for d in range(g.shape[1]):
        c_up = (
            sum(torch.outer(u[j] - u.mean(0), g[j, d] - g[:, d].mean(0)) for j in range(size))
            / size
        )
        c_pp = (
            sum(
                torch.outer(g[j, d] - g[:, d].mean(0), g[j, d] - g[:, d].mean(0))
                for j in range(size)
            )
            / size
        )
        gain = c_up @ torch.linalg.inv(c_pp + gamma * torch.eye(g.shape[2], dtype=u.dtype))
        u = torch.stack([u[j] + gain @ (y[j, d] - g[j, d]) for j in range(size)])
    return u


def targets(oracle: Oracle, members: int) -> Tensor:
    y = torch.zeros(len(oracle.targets), CLASSES, dtype=torch.float64)
    y[torch.arange(len(y)), oracle.targets] = 1
    return y.expand(members, -1, -1)


@pytest.mark.parametrize("perturb", [False, True])
@pytest.mark.parametrize("gamma", [0.01, 1.0])
def test_a_batch_is_filterpys_updates_one_after_the_other(
    gamma: float, perturb: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Covariances are divided by J − 1 in filterpy, by J in the paper: the same filter when γ grows
    in proportion.
    """
    oracle, size = oracle_on(batch=8), 7
    enkf, theta = (
        EnKF(population_size=size, observation_noise=gamma, perturb=perturb, height=1, inflation=0),
        first_weights(oracle_on()),
    )
    state: Any = enkf.init(theta, Rng(5, "x", dtype=torch.float64), oracle)
    g, xi = oracle.outputs(state.population), normals(size, 8, CLASSES, seed=4)
    reference = EnsembleKalmanFilter(
        theta.numpy(), np.eye(len(theta)), CLASSES, 1.0, size, lambda u: g[:, :, :], lambda u, dt: u
    )
    reference.sigmas = state.population.numpy().copy()
    reference.x = reference.sigmas.mean(0)
    for d, target in enumerate(targets(oracle, size)[0].numpy()):
        answers = iter(g[:, d].numpy())
        reference.hx = lambda u, answers=answers: next(answers)
        noise = gamma**0.5 * xi[:, d].numpy() if perturb else np.zeros((size, CLASSES))
        monkeypatch.setattr(
            filterpy_module,
            "multivariate_normal",
            lambda mean, covariance, count, noise=noise: noise,
        )
        reference.update(target, gamma * size / (size - 1))
    before = state.population.clone()
    state = enkf.step(state, GivenRng(normals=[xi]), oracle)
    assert (state.population - before).abs().max() > 0.1
    np.testing.assert_allclose(state.population.numpy(), reference.sigmas, rtol=0, atol=1e-14)
    np.testing.assert_allclose(state.estimate.numpy(), reference.x, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("size", "samples"), [(6, 5), (40, 12), (9, 200)]
)  # the last: more outputs than one solve takes
def test_many_samples_at_once_are_the_samples_one_by_one(size: int, samples: int) -> None:
    u, g, y = (
        normals(size, 15),
        normals(size, samples, CLASSES, seed=1),
        normals(size, samples, CLASSES, seed=2),
    )
    g = g + 0.3 * u[:, :CLASSES].unsqueeze(1)
    expected = one_by_one(u, g, y, 0.5)
    assert (expected - u).abs().max() > 0.5
    torch.testing.assert_close(
        u + assimilated(g, y, 0.5) @ (u - u.mean(0)), expected, rtol=1e-12, atol=1e-13
    )


def test_repeats_look_again_and_inflation_comes_after_every_update() -> None:
    oracle = oracle_on(batch=6)
    enkf = EnKF(population_size=8, observation_noise=0.3, repeats=3, inflation=0.1, height=2)
    state: Any = enkf.init(first_weights(oracle), Rng(5, "x", dtype=torch.float64), oracle)
    u = state.population.clone()
    for _ in range(3):
        u = one_by_one(u, oracle.outputs(u), 2 * targets(oracle, 8), 0.3)
        u = u.mean(0) + 1.1 * (u - u.mean(0))
    state = enkf.step(state, GivenRng(), oracle)
    torch.testing.assert_close(state.population, u, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(state.estimate, u.mean(0), rtol=1e-11, atol=1e-12)
    assert state.metrics["spread"] == pytest.approx(
        float(((u - u.mean(0)) ** 2).sum(1).mean().sqrt()), rel=1e-10
    )


def test_on_a_linear_problem_it_is_the_kalman_filter() -> None:
    """With noisy targets, and one sample a step, the ensemble stays a sample of the Gaussian
    posterior.
    """
    oracle, gamma = oracle_on(hidden=(), batch=1), 0.5
    theta, dimension = first_weights(oracle), oracle.network.dimension
    enkf, rng = (
        EnKF(population_size=4096, observation_noise=gamma, perturb=True, height=1, inflation=0),
        Rng(5, "x", dtype=torch.float64),
    )
    state: Any = enkf.init(theta, rng, oracle)
    mean, covariance = theta, torch.diag(oracle.init_scale**2)
    for step in range(1, 6):
        oracle.next_batch(step)
        h = oracle.outputs(torch.eye(dimension, dtype=torch.float64))[:, 0].T
        gain = (
            covariance
            @ h.T
            @ torch.linalg.inv(
                h @ covariance @ h.T + gamma * torch.eye(CLASSES, dtype=torch.float64)
            )
        )
        mean, covariance = (
            mean + gain @ (targets(oracle, 1)[0, 0] - h @ mean),
            covariance - gain @ h @ covariance,
        )
        state = enkf.step(state, rng.at(step), oracle)
    assert (mean - theta).norm() > 0.5
    assert (state.estimate - mean).norm() < 0.05
    assert torch.linalg.matrix_norm(
        state.population.T.cov() - covariance
    ) < 0.08 * torch.linalg.matrix_norm(covariance)


def test_small_ensembles_freeze_and_inflation_holds_against_it() -> None:
    theta = first_weights(oracle_on(hidden=(8,)))
    spreads = {}
    cases: dict[str, dict[str, Any]] = {
        "small": {"population_size": 6},
        "large": {"population_size": 200},
        "inflated": {"population_size": 6, "inflation": 0.1},
    }
    for name, settings in cases.items():
        enkf = EnKF(**({"observation_noise": 0.01, "height": 1, "inflation": 0} | settings))
        state: Any = run(enkf, oracle_on(hidden=(8,), batch=4), theta, 40)
        spreads[name] = state.metrics["spread"] / float(
            enkf.init(theta, Rng(0, "x"), oracle_on(hidden=(8,))).metrics["spread"]
        )
    assert 5 * spreads["small"] < 0.05 < spreads["large"]
    assert spreads["inflated"] > 2 * spreads["small"]


def test_the_ensemble_never_leaves_its_span_and_moves_with_the_problem() -> None:
    oracle = oracle_on(hidden=(8,), batch=6)
    theta, enkf = first_weights(oracle), EnKF(population_size=10)
    start: Any = enkf.init(theta, Rng(0, "lane 0", dtype=torch.float64), oracle)
    basis = torch.linalg.qr((start.population - theta)[:-1].T).Q
    departure = run(enkf, oracle, theta, 30).population - theta
    assert departure.norm() > 1
    assert (departure - departure @ basis @ basis.T).norm() < 1e-10
    ask, shift = oracle.network.evaluate, normals(len(theta), seed=9)
    oracle.network.evaluate = lambda population, ready: ask(population - shift, ready)  # type: ignore[method-assign]
    torch.testing.assert_close(
        run(enkf, oracle, theta + shift, 30).population - theta - shift,
        departure,
        rtol=0,
        atol=1e-8,
    )


def test_it_starts_at_the_first_weights_spread_by_each_layers_size() -> None:
    oracle = oracle_on(hidden=(40,))
    theta = first_weights(oracle)
    state: Any = EnKF(population_size=400, init_std=0.5).init(
        theta, Rng(0, "x", dtype=torch.float64), oracle
    )
    assert torch.equal(state.estimate, theta)
    torch.testing.assert_close(state.population.mean(0), theta, rtol=0, atol=1e-14)
    for layer in oracle.network.layers:
        assert float(
            (state.population - theta)[:, layer.start : layer.stop].std()
        ) == pytest.approx(0.5 * layer.fan_in**-0.5, rel=0.1)
    assert oracle.evaluations == 0


@pytest.mark.parametrize(("batch", "repeats"), [(0, 1), (5, 3)])
def test_it_asks_for_outputs_alone_and_every_answer_is_charged(batch: int, repeats: int) -> None:
    oracle = oracle_on(batch=batch)
    theta = first_weights(oracle)
    passes = Passes(oracle.network)
    before = theta.clone()
    enkf = EnKF(population_size=9, repeats=repeats)
    state = run(enkf, oracle, theta, 6)
    assert oracle.evaluations == passes.count == 6 * 9 * repeats * (batch or 12)
    assert torch.equal(theta, before)
    assert torch.equal(run(enkf, oracle_on(batch=batch), theta, 6).population, state.population)
    with pytest.raises(NotSeen):
        run(enkf, oracle_on(sees="loss"), theta, 1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("population_size", 1),
        ("population_size", 20_000),
        ("observation_noise", 0),
        ("init_std", -1),
        ("inflation", -0.1),
        ("inflation", 2),
        ("height", 0),
        ("repeats", 0),
        ("batch", -1),
    ],
)
def test_what_is_out_of_range_is_refused_in_one_line(field: str, value: Any) -> None:
    with pytest.raises(BadInput) as caught:
        OPTIMIZERS.build({"name": "enkf", field: value})
    assert str(caught.value).startswith(f"optimizer.{field}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.slow  # quickly: the losses that `test_catalogue` states
@pytest.mark.parametrize(
    ("dataset", "hidden", "steps", "most_loss", "least_accuracy"),
    [("moons", (16, 16), 60, 0.1, 0.97), ("digits", (32,), 60, 1.0, 0.85)],
)
def test_it_learns_with_its_defaults(
    dataset: str, hidden: tuple[int, ...], steps: int, most_loss: float, least_accuracy: float
) -> None:
    samples = DATASETS.build(dataset).load(0)
    network = MLP(hidden=hidden).build(samples.shape, len(samples.classes))
    oracle = Oracle(network, LOSSES["cross-entropy"], samples, "outputs", EnKF().batch)
    theta = run(EnKF(), oracle, network.init(torch.Generator().manual_seed(0)), steps).estimate
    loss, accuracy = scored(oracle, samples, theta)
    assert loss < most_loss
    assert accuracy >= least_accuracy
