"""Levenberg–Marquardt against closed forms, the dense generalised Gauss–Newton matrix, scipy's own,
and real data.
"""

from typing import Any

import numpy as np
import pytest
import scipy.optimize
import torch
from torch import Tensor
from torch.func import hessian

from engine.datasets import DATASETS
from engine.datasets.base import Dataset
from engine.errors import BadInput
from engine.losses import LOSSES
from engine.networks import MLP
from engine.networks.base import pack
from engine.optimizers import OPTIMIZERS
from engine.optimizers.base import Problem
from engine.optimizers.levenberg_marquardt import MOST, LevenbergMarquardt, System, linearised
from engine.oracle import NotSeen, Oracle
from engine.random.rng import Rng
from tests.engine.support.stand_ins import FunctionOracle, rosenbrock, run, scored, turned_ellipsoid


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def fit(residuals: Any, dimension: int) -> Any:
    """An oracle of ½ ‖r‖² for residuals (P, D) → (P, n), as one sample with n outputs and targets
    of zero.
    """
    oracle: Any = FunctionOracle(
        lambda x: 0.5 * (residuals(x) ** 2).sum(1),
        dimension,
        outputs=lambda x: residuals(x).unsqueeze(1),
    )

    class Zero:
        name = "squared-error"

        def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
            return 0.5 * (outputs**2).sum((-1, -2))

    oracle.loss, oracle.targets = Zero(), torch.zeros(1, dtype=torch.float64)
    return oracle


@pytest.mark.parametrize("rows", [4, 6, 15])  # fewer residuals than weights, as many, more
def test_on_linear_residuals_a_step_is_the_closed_form(rows: int) -> None:
    a, b, theta = numbers(rows, 6), numbers(rows, seed=1), numbers(6, seed=2)
    oracle = fit(lambda x: x @ a.T - b, 6)
    method = LevenbergMarquardt(damping=0.3)
    rng = Rng(0, "lane 0")
    state, expected, mu = method.init(theta, rng, oracle), theta, 0.3
    for _ in range(4):
        expected = expected - torch.linalg.inv(
            a.T @ a + mu * torch.eye(6, dtype=torch.float64)
        ) @ a.T @ (a @ expected - b)
        mu /= 3  # the model is exact
        state = method.step(state, rng, oracle)
        torch.testing.assert_close(state.estimate, expected, rtol=1e-9, atol=1e-9)
    assert state.damping == pytest.approx(mu)
    assert (expected - theta).norm() > 0.3


def test_the_system_is_the_same_in_either_space() -> None:
    j, r = numbers(5, 9), numbers(5, seed=1)
    wide, tall = (
        System(j, r),
        System(
            torch.cat([j, torch.zeros(10, 9, dtype=torch.float64)]),
            torch.cat([r, torch.zeros(10, dtype=torch.float64)]),
        ),
    )
    assert wide.wide
    assert not tall.wide
    for mu in (1e-3, 1.0, 1e6):
        torch.testing.assert_close(wide.solve(mu), tall.solve(mu), rtol=1e-9, atol=1e-12)
    assert tall.solve(-1.0).isnan().all()  # a matrix that is not positive definite gives no step


def data_oracle(loss: str = "cross-entropy", batch: int = 0, sees: Any = "jacobian") -> Oracle:
    x, y = (
        numbers(12, 2, seed=3),
        torch.randint(3, (12,), generator=torch.Generator().manual_seed(3)),
    )
    return Oracle(
        MLP(hidden=(4,)).build((2,), 3),
        LOSSES[loss],
        Dataset(x, y, x, y, ("a", "b", "c"), "points"),
        sees,
        batch,
        seed=7,
    )


@pytest.mark.parametrize("loss", ["cross-entropy", "squared-error"])
def test_its_matrix_is_the_generalised_gauss_newton_of_the_mean_loss(loss: str) -> None:
    oracle = data_oracle(loss)
    theta = 3 * oracle.network.init(torch.Generator().manual_seed(1), torch.float64)
    jacobian, outputs = oracle.jacobian(theta), oracle.outputs(theta.unsqueeze(0))[0]
    j, r = linearised(loss, jacobian.clone(), outputs, oracle.targets)
    matrix = torch.zeros(len(theta), len(theta), dtype=torch.float64)
    for i, target in enumerate(oracle.targets):
        slope = jacobian[3 * i : 3 * i + 3]
        curvature = hessian(
            lambda g, y=target: oracle.loss.values(g.reshape(1, 1, 3), y.reshape(1))[0]
        )(outputs[i])
        matrix += slope.T @ curvature @ slope / 12
    torch.testing.assert_close(j.T @ j, matrix, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(
        j.T @ r, oracle.gradients(theta.unsqueeze(0))[1][0], rtol=1e-10, atol=1e-12
    )
    assert matrix.abs().max() > 1e-2


def test_sure_mistakes_do_not_break_it() -> None:
    """A probability that underflows leaves the gradient exact and the matrix finite."""
    outputs, targets = torch.tensor([[800.0, 0.0, -800.0]]), torch.tensor([2])
    jacobian = numbers(3, 7)
    j, r = linearised("cross-entropy", jacobian.clone(), outputs, targets)
    assert j.isfinite().all()
    torch.testing.assert_close(
        j.T @ r,
        jacobian.T @ torch.tensor([1.0, 0.0, -1.0], dtype=torch.float64),
        rtol=1e-9,
        atol=1e-9,
    )


def test_it_ends_where_scipy_ends() -> None:
    t = torch.linspace(0, 3, 25, dtype=torch.float64)
    y = 2.5 * torch.exp(-1.3 * t) + 0.5 + 0.05 * numbers(25)
    start = torch.tensor([1.0, 0.2, 0.0], dtype=torch.float64)

    def residuals(x: Tensor) -> Tensor:
        return x[:, :1] * torch.exp(-x[:, 1:2] * t) + x[:, 2:] - y

    state = run(LevenbergMarquardt(), fit(residuals, 3), start, 30)
    theirs = scipy.optimize.least_squares(
        lambda x: residuals(torch.tensor(x).unsqueeze(0))[0].numpy(),
        start.numpy(),
        method="lm",
        xtol=1e-15,
        ftol=1e-15,
        gtol=1e-15,
    )
    np.testing.assert_allclose(state.estimate.numpy(), theirs.x, rtol=0, atol=1e-7)
    assert state.estimate_loss == pytest.approx(theirs.cost, rel=1e-12)


def test_it_crosses_the_banana_valley_and_a_turned_ellipsoid() -> None:
    def banana(x: Tensor) -> Tensor:
        return 2**0.5 * torch.cat([10 * (x[:, 1:] - x[:, :-1] ** 2), 1 - x[:, :-1]], 1)

    state = run(
        LevenbergMarquardt(), fit(banana, 2), torch.tensor([-1.2, 1.0], dtype=torch.float64), 40
    )
    assert float(rosenbrock(state.estimate.unsqueeze(0))) < 1e-20
    values, turn = torch.logspace(0, 6, 8, dtype=torch.float64), torch.linalg.qr(numbers(8, 8)).Q
    f = turned_ellipsoid(8, 1e6)
    state = run(
        LevenbergMarquardt(),
        fit(lambda x: (x @ turn.T) * values.sqrt(), 8),
        torch.ones(8, dtype=torch.float64),
        6,
    )
    assert state.estimate_loss is not None
    assert state.estimate_loss < 1e-18 * float(f(torch.ones(1, 8, dtype=torch.float64)))


def test_moving_the_problem_moves_the_path() -> None:
    a, shift, theta = (
        numbers(7, 3),
        torch.tensor([5.0, -3, 2], dtype=torch.float64),
        torch.zeros(3, dtype=torch.float64),
    )

    def residuals(x: Tensor) -> Tensor:
        return torch.sin(x @ a.T) + 0.1 * x @ a.T

    one = run(LevenbergMarquardt(), fit(residuals, 3), theta + 1, 5).estimate
    two = run(
        LevenbergMarquardt(), fit(lambda x: residuals(x - shift), 3), theta + 1 + shift, 5
    ).estimate
    torch.testing.assert_close(two - shift, one, rtol=0, atol=1e-10)


def test_damping_rises_faster_and_faster_until_a_try_is_better() -> None:
    a = numbers(6, 2)
    oracle = fit(lambda x: x @ a.T, 2)
    answers = iter([1e9, float("nan"), float("inf"), 1e-6])
    oracle.losses = lambda population: torch.tensor([next(answers)])
    theta, method = (
        torch.ones(2, dtype=torch.float64),
        LevenbergMarquardt(damping=0.01, damping_increase=2, damping_decrease=0.25),
    )
    state = method.step(method.init(theta, Rng(0, "x"), oracle), Rng(0, "x"), oracle)
    mu = 0.01 * 2 * 4 * 8
    expected = theta - torch.linalg.solve(
        a.T @ a + mu * torch.eye(2, dtype=torch.float64), a.T @ a @ theta
    )
    torch.testing.assert_close(state.estimate, expected)
    assert state.damping == pytest.approx(mu * 0.25)
    assert state.metrics["tries"] == 4
    assert state.estimate_loss == pytest.approx(1e-6)


@pytest.mark.parametrize("answer", [1e9, float("nan")])
def test_when_no_try_is_better_nothing_is_taken(answer: float) -> None:
    oracle = fit(lambda x: torch.sin(3 * x), 2)
    asked: list[int] = []
    oracle.losses = lambda population: asked.append(len(population)) or torch.tensor([answer])
    theta, method = torch.ones(2, dtype=torch.float64), LevenbergMarquardt()
    state = method.step(method.init(theta, Rng(0, "x"), oracle), Rng(0, "x"), oracle)
    assert torch.equal(state.estimate, theta)
    assert len(asked) == 9  # 1e-3 · 2^(0, 1, 3, 6, …, 36); 2^45 is beyond 1e10
    assert state.metrics["damping"] == MOST
    assert state.damping == 1e-3  # the next step begins afresh


def nielsen(residuals: Any, x: np.ndarray, mu: float, steps: int) -> list[tuple[np.ndarray, float]]:
    """Algorithm 3.16 of Madsen, Nielsen and Tingleff (2004), written out with NumPy: where every
    step that was taken led, and μ after it.
    """
    found: list[tuple[np.ndarray, float]] = []
    nu = 2.0
    while len(found) < steps:
        at = torch.tensor(x)
        r = residuals(at.unsqueeze(0))[0].numpy()
        j = torch.func.jacrev(lambda one: residuals(one.unsqueeze(0))[0])(at).numpy()
        g = j.T @ r
        step = np.linalg.solve(j.T @ j + mu * np.eye(len(x)), -g)
        fallen = 0.5 * r @ r - 0.5 * float(
            (residuals(torch.tensor(x + step).unsqueeze(0)) ** 2).sum()
        )
        ratio = fallen / (0.5 * step @ (mu * step - g))
        if ratio > 0:
            x = x + step
            mu, nu = mu * max(1 / 3, 1 - (2 * ratio - 1) ** 3), 2.0
            found.append((x, mu))
        else:
            mu, nu = mu * nu, 2 * nu
    return found


def test_the_damping_is_nielsens() -> None:
    """On the banana valley, where steps fail and gain ratios are all over."""

    def banana(x: Tensor) -> Tensor:
        return 2**0.5 * torch.cat([10 * (x[:, 1:] - x[:, :-1] ** 2), 1 - x[:, :-1]], 1)

    theirs = nielsen(banana, np.array([-1.2, 1.0]), 1e-3, 12)
    method, oracle, theta = (
        LevenbergMarquardt(),
        fit(banana, 2),
        torch.tensor([-1.2, 1.0], dtype=torch.float64),
    )
    state, tries = method.init(theta, Rng(0, "x"), oracle), 0.0
    for x, mu in theirs:
        state = method.step(state, Rng(0, "x"), oracle)
        np.testing.assert_allclose(state.estimate.numpy(), x, rtol=1e-9, atol=1e-12)
        # A gain ratio above 1 lowers the damping no further; where the loss is nearly 0 the ratio
        # itself is rounding.
        assert state.damping == pytest.approx(mu, rel=1e-6)
        tries += state.metrics["tries"]
    assert tries > 12, "some tries failed"


@pytest.mark.parametrize("loss", ["cross-entropy", "squared-error"])
@pytest.mark.parametrize("rows", [0, 4])  # with fewer residuals than weights too
def test_what_the_linear_model_promises_is_what_it_loses(loss: str, rows: int) -> None:
    oracle = data_oracle(loss, rows)
    theta = oracle.network.init(torch.Generator().manual_seed(1), torch.float64)
    j, r = linearised(
        loss, oracle.jacobian(theta), oracle.outputs(theta.unsqueeze(0))[0], oracle.targets
    )
    system = System(j, r)
    for mu in (1e-3, 1.0, 100.0):
        delta = system.solve(mu)
        assert system.promised(delta, mu) == pytest.approx(
            float(0.5 * (r @ r - (r + j @ delta) @ (r + j @ delta))), rel=1e-6
        )


def test_on_mini_batches_the_next_batch_judges_the_step() -> None:
    oracle = data_oracle("squared-error", 4)
    method, rng = LevenbergMarquardt(batch=4), Rng(0, "x")
    theta = oracle.network.init(torch.Generator().manual_seed(1), torch.float64)
    oracle.next_batch(1)
    state = method.step(method.init(theta, rng, oracle), rng, oracle)
    after, mu, promised = state.estimate, state.damping, state.promised
    assert state.before is not None
    assert torch.equal(state.before, theta)
    assert promised > 0
    oracle.next_batch(2)
    ask = oracle.losses
    ratio = float(ask(theta.unsqueeze(0))[0] - ask(after.unsqueeze(0))[0]) / promised
    tried: list[float] = []
    solve = System.solve
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(System, "solve", lambda self, mu: tried.append(mu) or solve(self, mu))
        method.step(state, rng, oracle)
    expected = mu * (max(1 / 3, 1 - (2 * min(ratio, 1.0) - 1) ** 3) if ratio > 0 else 2)
    assert tried[0] == pytest.approx(expected)


def test_a_floor_given_by_hand_holds_on_mini_batches_alone() -> None:
    for batch, on_batches in ((6, True), (0, False)):
        oracle = data_oracle("squared-error", batch)
        method = LevenbergMarquardt(batch=batch, min_damping=0.5, damping=1e-2)
        state = run(
            method, oracle, oracle.network.init(torch.Generator().manual_seed(1), torch.float64), 3
        )
        assert (state.damping >= 0.5) == on_batches


def test_sixty_one_weights_fit_the_sinc_in_a_hundred_steps() -> None:
    """61 weights, 1-20-1: the fit that first-order methods need tens of thousands of steps for."""
    x = torch.linspace(-1, 1, 100, dtype=torch.float64).unsqueeze(1)
    y = torch.sinc(10 * x[:, 0] / torch.pi)
    network = MLP(hidden=(20,)).build((1,), 1)
    assert network.dimension == 61
    best = []
    for seed in range(3):
        oracle = Oracle(
            network, LOSSES["squared-error"], Dataset(x, y, x, y, ("y",), "curve"), "jacobian", 0
        )
        state = run(
            LevenbergMarquardt(batch=0),
            oracle,
            network.init(torch.Generator().manual_seed(seed), torch.float64),
            100,
        )
        best.append(float(oracle.losses(state.estimate.unsqueeze(0))[0]))
    assert sorted(best)[1] < 1e-5


@pytest.mark.parametrize("batch", [0, 5])
def test_every_answer_is_charged_and_the_first_weights_are_left_alone(batch: int) -> None:
    oracle, paid = data_oracle(batch=batch), []
    prices = {"losses": 1, "outputs": 1, "jacobian": 1 + 2 * 3}
    for name, price in prices.items():
        ask = getattr(oracle, name)
        setattr(oracle, name, lambda at, ask=ask, price=price: paid.append(price) or ask(at))
    theta = oracle.network.init(torch.Generator().manual_seed(1), torch.float64)
    before = theta.clone()
    assert torch.equal(run(LevenbergMarquardt(), oracle, theta, 0).estimate, theta)
    assert oracle.evaluations == 0
    one = run(LevenbergMarquardt(), oracle, theta, 6)
    assert oracle.evaluations == sum(paid) * (batch or 12)
    assert torch.equal(theta, before)
    assert torch.equal(
        one.estimate, run(LevenbergMarquardt(), data_oracle(batch=batch), theta, 6).estimate
    )
    with pytest.raises(NotSeen):
        run(LevenbergMarquardt(), data_oracle(sees="gradient"), theta, 1)


def problem(
    dimension: int, outputs: int = 10, samples: int = 1000, loss: str = "cross-entropy"
) -> Problem:
    return Problem(dimension, outputs, samples, pack([("w", (dimension,), 1)]), loss, "images")


def test_what_it_cannot_run_is_refused_with_a_way_out() -> None:
    method = LevenbergMarquardt()
    assert method.refusal(problem(2410)) is None
    assert method.refusal(problem(200_000_000 // 640)) is None
    too_big = method.refusal(problem(1_000_000))
    assert too_big is not None
    assert "at most 20 samples" in too_big
    assert "lbfgs or adam" in too_big
    assert method.refusal(problem(10**9)) == "the method lbfgs or adam"
    assert LevenbergMarquardt(batch=0).refusal(problem(2410, samples=60_000)) is not None
    for loss in ("absolute-error", "zero-one", "height"):
        assert "lbfgs" in (method.refusal(problem(100, loss=loss)) or "")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("damping", 0),
        ("min_damping", -1),
        ("damping_decrease", 1),
        ("damping_increase", 1),
        ("batch", -1),
    ],
)
def test_what_is_out_of_range_is_refused_in_one_line(field: str, value: Any) -> None:
    with pytest.raises(BadInput) as caught:
        OPTIMIZERS.build({"name": "levenberg-marquardt", field: value})
    assert str(caught.value).startswith(f"optimizer.{field}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.slow  # quickly: the losses that `test_catalogue` states
@pytest.mark.parametrize(
    ("dataset", "hidden", "steps", "most_loss", "least_accuracy", "settings"),
    [
        ("moons", (16, 16), 60, 0.05, 0.98, {}),
        ("spirals", (16, 16), 100, 0.15, 0.97, {}),
        pytest.param("spirals", (16, 16), 40, 1e-3, 0.97, {"batch": 0}, marks=pytest.mark.slow),
        pytest.param("digits", (32,), 40, 0.5, 0.85, {}, marks=pytest.mark.slow),
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
    samples = DATASETS.build(dataset).load(0)
    network = MLP(hidden=hidden).build(samples.shape, len(samples.classes))
    method = LevenbergMarquardt(**settings)
    oracle = Oracle(network, LOSSES["cross-entropy"], samples, "jacobian", method.batch)
    state = run(method, oracle, network.init(torch.Generator().manual_seed(0)), steps)
    loss, accuracy = scored(oracle, samples, state.estimate)
    assert loss < most_loss
    assert accuracy >= least_accuracy
