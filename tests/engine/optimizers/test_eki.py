"""Ensemble Kalman inversion against its formulas written out, the Kalman filter's own limit, and
real data.
"""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.datasets import DATASETS
from engine.datasets.base import Dataset
from engine.errors import BadInput
from engine.losses import LOSSES
from engine.networks import MLP
from engine.optimizers import OPTIMIZERS
from engine.optimizers.eki import EKI, EKIState
from engine.oracle import NotSeen, Oracle, Sees
from engine.random.rng import Rng
from tests.engine.support.stand_ins import Passes, scored

CLASSES = 3


def data(samples: int = 12) -> Dataset:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(samples, 2, generator=generator, dtype=torch.float64)
    y = torch.randint(CLASSES, (samples,), generator=generator)
    return Dataset(x, y, x, y, ("a", "b", "c"), "points")


def oracle_on(
    hidden: tuple[int, ...] = (4,),
    loss: str = "cross-entropy",
    batch: int = 0,
    sees: Sees = "outputs",
    samples: int = 12,
) -> Oracle:
    return Oracle(
        MLP(hidden=hidden).build((2,), CLASSES), LOSSES[loss], data(samples), sees, batch, seed=7
    )


def first_weights(oracle: Oracle) -> Tensor:
    return oracle.network.init(torch.Generator().manual_seed(1), torch.float64)


def randomness(stream: str = "lane 0") -> Rng:
    return Rng(5, stream, dtype=torch.float64)


class Scripted:
    """Gives the numbers it was given, in order."""

    def __init__(self, *numbers: Tensor) -> None:
        self.numbers = list(numbers)

    def normal(self, *shape: int) -> Tensor:
        given = self.numbers.pop(0)
        assert given.shape == shape
        return given.clone()


def run(eki: EKI, oracle: Oracle, steps: int, theta: Tensor | None = None) -> EKIState:
    theta = first_weights(oracle) if theta is None else theta
    rng = Rng(5, "lane 0", dtype=theta.dtype)
    state = eki.init(theta, rng, oracle)
    for step in range(1, steps + 1):
        oracle.next_batch(step)
        state = eki.step(state, rng.at(step), oracle)
    return state


def members(state: EKIState) -> Tensor:
    assert state.population is not None
    return state.population


def by_hand(u: Tensor, at: Tensor, oracle: Oracle, h0: float) -> Tensor:
    """The loss form in plain loops: members ``at`` are judged and moved."""
    g = oracle.outputs(at)
    size = len(u)
    g_mean, u_mean = sum(g) / size, sum(at) / size
    d = [[0.0] * size for _ in range(size)]
    for j in range(size):
        for k in range(size):
            slope = g[j].softmax(-1)
            if oracle.loss.name != "cross-entropy":
                slope = g[j].clone()
            for i, target in enumerate(oracle.targets.tolist()):
                slope[i, target] -= 1
            if oracle.loss.name == "absolute-error":
                slope = slope.sign()
            d[j][k] = float(((g[k] - g_mean) * slope).sum()) / size
    h = h0 / (sum(entry**2 for row in d for entry in row) ** 0.5 + 0.5)
    return torch.stack(
        [at[j] - h * sum(d[j][k] * (at[k] - u_mean) for k in range(size)) for j in range(size)]
    )


@pytest.mark.parametrize("loss", ["cross-entropy", "squared-error", "absolute-error"])
def test_loss_form_is_the_double_sum(loss: str) -> None:
    oracle = oracle_on(loss=loss, batch=8)
    eki = EKI(population_size=6, step_size=1.7)
    theta = first_weights(oracle)
    z = torch.randn(6, len(theta), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    state = eki.init(theta, Scripted(z), oracle)  # type: ignore[arg-type]
    start = members(state).clone()
    torch.testing.assert_close(
        start, theta + (z - z.mean(0)) * oracle.init_scale, rtol=1e-14, atol=1e-14
    )
    state = eki.step(state, Scripted(), oracle)  # type: ignore[arg-type]
    expected = by_hand(start, start, oracle, 1.7)
    assert (expected - start).abs().max() > 1e-2
    torch.testing.assert_close(members(state), expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(state.estimate, expected.mean(0), rtol=1e-12, atol=1e-12)
    assert state.losses is not None
    torch.testing.assert_close(
        state.losses, oracle.loss.values(oracle.outputs(start), oracle.targets)
    )
    assert state.metrics["spread"] == pytest.approx(
        float(((expected - expected.mean(0)) ** 2).sum(1).mean().sqrt()), rel=1e-12
    )


def test_nesterov_looks_ahead_by_1_minus_3_over_n() -> None:
    oracle = oracle_on()
    eki = EKI(population_size=6, acceleration="nesterov", randomised=False)
    rng = randomness()
    state = eki.init(first_weights(oracle), rng, oracle)
    u = before = members(state).clone()
    for n in range(1, 7):
        lam = max(0.0, 1 - 3 / n)
        at = u + lam * (u - before)
        before, u = u, by_hand(u, at, oracle, 2.0 * (1 + lam) / (1 + 2 * lam))
        state = eki.step(state, rng.at(n), oracle)
        torch.testing.assert_close(members(state), u, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("share", [0.9, 0.5])
def test_constant_momentum_looks_ahead_by_its_share(share: float) -> None:
    oracle = oracle_on()
    eki = EKI(population_size=6, acceleration="constant", momentum_share=share, randomised=False)
    assert EKI(acceleration="constant").momentum_share == 0.9
    rng = randomness()
    state = eki.init(first_weights(oracle), rng, oracle)
    u = before = members(state).clone()
    for n in range(1, 6):
        at = u + share * (u - before)
        before, u = u, by_hand(u, at, oracle, 2.0 * (1 + share) / (1 + 2 * share))
        state = eki.step(state, rng.at(n), oracle)
        torch.testing.assert_close(members(state), u, rtol=1e-10, atol=1e-10)


def test_momentum_begins_afresh_at_a_re_spread() -> None:
    oracle = oracle_on()
    eki = EKI(population_size=6, acceleration="nesterov", respread_every=6)
    state = run(eki, oracle, 6)
    u = members(state).clone()
    state = eki.step(state, randomness(), oracle)
    torch.testing.assert_close(members(state), by_hand(u, u, oracle, 2.0), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("perturb", [True, False])
@pytest.mark.parametrize("size", [7, 40])  # fewer members than outputs, and more
def test_discrete_form_is_the_dense_kalman_formula(size: int, perturb: bool) -> None:
    oracle = oracle_on(batch=10)
    eki = EKI(
        population_size=size, form="discrete", observation_noise=0.3, step_size=1.5, perturb=perturb
    )
    state = eki.init(first_weights(oracle), randomness(), oracle)
    u = members(state).clone()
    xi = torch.randn(
        size, 10 * CLASSES, generator=torch.Generator().manual_seed(2), dtype=torch.float64
    )
    g = oracle.outputs(u).reshape(size, -1)
    y = torch.zeros(10, CLASSES, dtype=torch.float64)
    y[torch.arange(10), oracle.targets] = 1
    gamma = torch.eye(10 * CLASSES, dtype=torch.float64) * 0.3 / 1.5
    c_ug = sum(torch.outer(u[j] - u.mean(0), g[j] - g.mean(0)) for j in range(size)) / size
    c_gg = sum(torch.outer(g[j] - g.mean(0), g[j] - g.mean(0)) for j in range(size)) / size
    gain = c_ug @ torch.linalg.inv(c_gg + gamma)
    noisy = y.flatten() + ((0.3 / 1.5) ** 0.5 * xi if perturb else 0)
    expected = torch.stack([u[j] + gain @ (noisy.expand(size, -1)[j] - g[j]) for j in range(size)])
    state = eki.step(state, Scripted(xi) if perturb else Scripted(), oracle)  # type: ignore[arg-type]
    assert (expected - u).abs().max() > 1e-2
    torch.testing.assert_close(members(state), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("noise", [0.05, 0.5, 20.0])
def test_the_data_misfit_step_is_the_papers(noise: float) -> None:
    """Iglesias and Yang (2021): h = min(max(M / 2Φ̄, √(M / 2 Var Φ)), 1 − t), and t begins again
    when the data are used up.
    """
    oracle = oracle_on()
    eki = EKI(
        population_size=7,
        form="discrete",
        stepping="data-misfit",
        observation_noise=noise,
        randomised=False,
    )
    state = eki.init(first_weights(oracle), randomness(), oracle)
    t, rounds, lengths = 0.0, 0, []
    for _ in range(12):
        u = members(state).clone()
        g = oracle.outputs(u).reshape(7, -1)
        y = torch.nn.functional.one_hot(oracle.targets, CLASSES).double().flatten()
        phi = np.array([float(((y - one) ** 2).sum()) / (2 * noise) for one in g])
        m = 12 * CLASSES
        h = min(max(m / (2 * phi.mean()), (m / (2 * phi.var())) ** 0.5), 1 - t)
        t, rounds = (t + h, rounds) if t + h < 1 else (0.0, rounds + 1)
        lengths.append(h)
        c_ug = sum(torch.outer(u[j] - u.mean(0), g[j] - g.mean(0)) for j in range(7)) / 7
        c_gg = sum(torch.outer(g[j] - g.mean(0), g[j] - g.mean(0)) for j in range(7)) / 7
        gain = c_ug @ torch.linalg.inv(c_gg + noise / h * torch.eye(m, dtype=torch.float64))
        expected = torch.stack([u[j] + gain @ (y - g[j]) for j in range(7)])
        state = eki.step(state, randomness(), oracle)
        torch.testing.assert_close(members(state), expected, rtol=1e-9, atol=1e-9)
        assert state.metrics["step size"] == pytest.approx(h, rel=1e-9)
        assert state.t == pytest.approx(t, rel=1e-9, abs=1e-12)
    assert rounds > 0
    assert (min(lengths) < 0.9) == (
        noise < 1
    )  # with little noise, and the ensemble can bear only a part of the data at once


@pytest.mark.parametrize("form", ["loss", "discrete"])
@pytest.mark.parametrize("size", [5, 60])  # fewer members than outputs, and more
def test_effective_rank_is_the_participation_ratio_of_the_spectrum(form: Any, size: int) -> None:
    oracle = oracle_on()
    eki = EKI(population_size=size, form=form)
    state = eki.init(first_weights(oracle), randomness(), oracle)
    g = oracle.outputs(members(state).clone()).reshape(size, -1)
    spectrum = torch.linalg.svdvals(g - g.mean(0)) ** 2
    state = eki.step(state, randomness(), oracle)
    assert state.metrics["effective rank"] == pytest.approx(
        float(spectrum.sum() ** 2 / (spectrum**2).sum()), rel=1e-10
    )
    assert 1 < state.metrics["effective rank"] < size - 1


@pytest.mark.parametrize("momentum", ["none", "nesterov"])
@pytest.mark.parametrize("randomised", [True, False])
def test_an_expanding_ensemble_grows_by_equal_factors_and_its_mean_stays(
    randomised: bool, momentum: Any
) -> None:
    oracle: Any = oracle_on()
    eki = EKI(
        population_size=64,
        expand=4,
        respread_every=1,
        randomised=randomised,
        acceleration=momentum,
        step_size=1e-3,
    )
    oracle.budget = ("evaluations", 1e9)
    state = eki.init(first_weights(oracle), randomness(), oracle)
    assert len(members(state)) == 4
    for share, size in ((0.25, 8), (0.5, 16), (0.75, 32), (1.0, 64)):
        oracle.evaluations = int(share * 1e9)
        kept, mean = members(state).clone(), state.estimate.clone()
        state = eki.step(state, randomness(f"lane {share}"), oracle)
        assert len(members(state)) == size
        assert (state.estimate - mean).norm() < 0.01 * (
            members(state)[-1] - mean
        ).norm()  # all the mean moved is what the small step moved it
        torch.testing.assert_close(members(state).mean(0), state.estimate)
        old_stay = bool(
            (
                (members(state)[: len(kept)] - kept).norm(dim=1) < 0.05 * (kept - mean).norm(dim=1)
            ).all()
        )
        assert old_stay != randomised
        assert (state.previous is None) == (momentum == "none")
        assert state.previous is None or state.previous.shape == members(state).shape


def test_without_a_budget_it_stays_as_small_as_it_began_and_never_exceeds_its_size() -> None:
    assert (
        len(members(run(EKI(population_size=50, expand=5, respread_every=2), oracle_on(), 6))) == 5
    )
    assert (
        len(members(run(EKI(population_size=5, expand=50, respread_every=2), oracle_on(), 6))) == 5
    )
    assert (
        len(members(run(EKI(population_size=50, expand=1, respread_every=2), oracle_on(), 6))) == 2
    )
    assert len(members(run(EKI(population_size=6), oracle_on(), 6))) == 6


def test_it_meets_numbers_as_it_meets_classes() -> None:
    x = torch.linspace(-1, 1, 30, dtype=torch.float64).unsqueeze(1)
    y = torch.sin(3 * x[:, 0])
    for form in ("loss", "discrete"):
        network = MLP(hidden=(8,)).build((1,), 1)
        oracle = Oracle(
            network, LOSSES["squared-error"], Dataset(x, y, x, y, ("y",), "curve"), "outputs", 0
        )
        theta = network.init(torch.Generator().manual_seed(1), torch.float64)
        start = float(oracle.losses(theta.unsqueeze(0))[0])
        state = run(EKI(population_size=40, form=form, observation_noise=0.1), oracle, 60, theta)
        assert float(oracle.losses(state.estimate.unsqueeze(0))[0]) < 0.1 * start


@pytest.mark.parametrize(
    "settings",
    [
        {"form": "loss"},
        {"form": "discrete", "perturb": True},
        {"form": "loss", "momentum": "nesterov"},
    ],
    ids=str,
)
def test_without_re_spreading_the_ensemble_never_leaves_its_span(settings: dict[str, Any]) -> None:
    def outside(randomised: bool) -> float:
        """The largest share of a member's departure from the first weights that lies outside the
        span of the first ensemble's departures.
        """
        oracle = oracle_on(hidden=(8,), batch=6)
        theta = first_weights(oracle)
        eki = EKI(population_size=10, randomised=randomised, **settings)
        start = members(eki.init(theta, randomness(), oracle)).clone()
        basis = torch.linalg.qr((start - start.mean(0))[:-1].T).Q
        departure = members(run(eki, oracle, 50, theta)) - start.mean(0)
        residual = departure - departure @ basis @ basis.T
        return float((residual.norm(dim=1) / departure.norm(dim=1)).max())

    assert outside(randomised=False) < 1e-10
    assert outside(randomised=True) > 0.1


def linear_problem(oracle: Oracle) -> tuple[Tensor, Tensor]:
    """A (B·K, D) and y (B·K,) of a network without hidden layers, whose outputs are A u."""
    size = oracle.network.dimension
    a = oracle.outputs(torch.eye(size, dtype=torch.float64)).reshape(size, -1).T
    return a, torch.nn.functional.one_hot(oracle.targets, CLASSES).double().flatten()


def test_on_a_linear_problem_it_is_the_kalman_filter() -> None:
    """Four steps of h = ¼ with perturbed targets assimilate the data once: the ensemble becomes a
    sample of the Gaussian posterior.
    """
    oracle = oracle_on(hidden=())
    theta = first_weights(oracle)
    a, y = linear_problem(oracle)
    prior = torch.diag(oracle.init_scale**2)
    gain = (
        prior
        @ a.T
        @ torch.linalg.inv(a @ prior @ a.T + 2.0 * torch.eye(len(y), dtype=torch.float64))
    )
    mean, covariance = theta + gain @ (y - a @ theta), prior - gain @ a @ prior
    state = run(
        EKI(
            population_size=4096,
            form="discrete",
            observation_noise=2.0,
            step_size=0.25,
            perturb=True,
            randomised=False,
        ),
        oracle,
        4,
        theta,
    )
    u = members(state)
    assert (mean - theta).norm() > 0.5
    assert (state.estimate - mean).norm() < 0.04
    assert torch.linalg.matrix_norm(u.T.cov() - covariance) < 0.06 * torch.linalg.matrix_norm(
        covariance
    )
    assert torch.linalg.matrix_norm(covariance) < 0.5 * torch.linalg.matrix_norm(prior)


@pytest.mark.parametrize("form", ["loss", "discrete"])
def test_on_a_linear_problem_it_finds_the_least_squares_fit(form: Any) -> None:
    oracle = oracle_on(hidden=(), loss="squared-error", samples=40)
    a, y = linear_problem(oracle)
    best = torch.linalg.lstsq(a, y.unsqueeze(1)).solution[:, 0]
    floor = oracle.losses(best.unsqueeze(0))[0]
    state = run(EKI(population_size=32, form=form, randomised=False), oracle, 300)
    gap = oracle.losses(torch.stack([state.estimate, first_weights(oracle)])) - floor
    assert 0 <= gap[0] < 1e-3 * gap[1]


def test_it_starts_at_the_first_weights_spread_by_each_layers_size() -> None:
    oracle = oracle_on(hidden=(40,))
    theta = first_weights(oracle)
    before = theta.clone()
    state = EKI(population_size=400, init_std=0.5).init(theta, randomness(), oracle)
    assert torch.equal(state.estimate, theta)
    torch.testing.assert_close(members(state).mean(0), theta, rtol=0, atol=1e-14)
    for layer in oracle.network.layers:
        departures = (members(state) - theta)[:, layer.start : layer.stop]
        assert float(departures.std()) == pytest.approx(0.5 * layer.fan_in**-0.5, rel=0.1)
    assert oracle.evaluations == 0
    run(EKI(population_size=8), oracle, 5, theta)
    assert torch.equal(theta, before)


@pytest.mark.parametrize(
    ("settings", "batch"),
    [({}, 0), ({"momentum": "nesterov"}, 5), ({"form": "discrete", "stepping": "data-misfit"}, 5)],
)
def test_it_asks_for_outputs_alone_once_a_step_and_every_answer_is_charged(
    settings: dict[str, Any], batch: int
) -> None:
    oracle = oracle_on(batch=batch)
    passes = Passes(oracle.network)
    run(EKI(population_size=9, respread_every=2, **settings), oracle, 6)
    assert oracle.evaluations == passes.count == 6 * 9 * (batch or 12)
    with pytest.raises(NotSeen):
        run(EKI(population_size=9), oracle_on(sees="loss"), 1)


def test_the_same_seed_gives_the_same_ensemble() -> None:
    one, two = (
        members(run(EKI(population_size=8, respread_every=3), oracle_on(batch=5), 10))
        for _ in range(2)
    )
    assert torch.equal(one, two)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("population_size", 0),
        ("population_size", 1),
        ("population_size", 20_000),
        ("step_size", 0),
        ("init_std", -1),
        ("acceleration", "heavy"),
        ("momentum_share", 1),
        ("expand", -1),
        ("stepping", "adaptive"),
        ("form", "x"),
        ("observation_noise", 0),
        ("respread_every", 0),
    ],
)
def test_what_is_out_of_range_is_refused_in_one_line(field: str, value: Any) -> None:
    with pytest.raises(BadInput) as caught:
        OPTIMIZERS.build({"name": "eki", field: value})
    assert str(caught.value).startswith(f"optimizer.{field}: ")
    assert "\n" not in str(caught.value)


def trained(
    dataset: str, hidden: tuple[int, ...], steps: int, **settings: Any
) -> tuple[float, float]:
    """(training loss, test accuracy) after so many steps from the defaults."""
    samples = DATASETS.build(dataset).load(0)
    network = MLP(hidden=hidden).build(samples.shape, len(samples.classes))
    eki = EKI(**settings)
    oracle = Oracle(network, LOSSES["cross-entropy"], samples, "outputs", eki.batch)
    theta = run(eki, oracle, steps, network.init(torch.Generator().manual_seed(0))).estimate
    return scored(oracle, samples, theta)


@pytest.mark.slow  # quickly: the losses that `test_catalogue` states
@pytest.mark.parametrize(
    ("dataset", "hidden", "steps", "most_loss", "least_accuracy", "settings"),
    [
        ("digits", (32,), 300, 0.15, 0.95, {}),
        ("moons", (16, 16), 200, 0.02, 0.99, {}),
        ("spirals", (16, 16), 500, 0.05, 0.98, {}),
        ("spirals", (16, 16), 300, 0.05, 0.98, {"momentum": "nesterov"}),
        ("spirals", (16, 16), 300, 0.1, 0.97, {"momentum": "constant"}),
        ("digits", (32,), 300, 2.0, 0.90, {"form": "discrete"}),
        (
            "digits",
            (32,),
            300,
            2.0,
            0.90,
            {"form": "discrete", "stepping": "data-misfit", "noise": 0.1},
        ),
    ],
)
def test_it_learns_with_its_defaults(
    dataset: str,
    hidden: tuple[int, ...],
    steps: int,
    most_loss: float,
    least_accuracy: float,
    settings: dict[str, Any],
) -> None:
    loss, accuracy = trained(dataset, hidden, steps, **settings)
    assert loss < most_loss
    assert accuracy >= least_accuracy
