"""Langevin dynamics against its stationary law, BAOAB written out, and real data."""

import math
from typing import Any

import pytest
import torch
from scipy import stats
from torch import Tensor

from engine.errors import BadInput
from engine.optimizers import OPTIMIZERS
from engine.optimizers.langevin import Langevin, LangevinState
from engine.random.rng import Rng
from tests.engine.optimizers.test_coolmomentum import trained
from tests.engine.optimizers.test_gradient_methods import first_weights, oracle_on
from tests.engine.support.stand_ins import (
    FunctionOracle,
    GivenRng,
    rosenbrock,
    run,
    turned_ellipsoid,
)

START = torch.tensor([-1.2, 1.0, 0.5, 0.8], dtype=torch.float64)
ANGLE = 0.6
TURN = torch.tensor(
    [[math.cos(ANGLE), -math.sin(ANGLE)], [math.sin(ANGLE), math.cos(ANGLE)]], dtype=torch.float64
)
CURVATURE = torch.tensor([1.0, 4.0], dtype=torch.float64)


def at(temperature: float, **settings: Any) -> Langevin:
    return Langevin(initial_temperature=temperature, final_temperature=temperature, **settings)


def slope_at(x: Tensor) -> Tensor:
    return torch.func.grad(lambda y: rosenbrock(y.unsqueeze(0))[0])(x)


def test_overdamped_steps_are_sgld() -> None:
    oracle, generator = FunctionOracle(rosenbrock, 4, total=60), torch.Generator().manual_seed(0)
    method = Langevin(learning_rate=1e-4, initial_temperature=0.5, final_temperature=0.005)
    state, x = method.init(START, GivenRng(), oracle), START.clone()
    for n in range(20):
        z = torch.randn(4, generator=generator, dtype=torch.float64)
        t = 0.5 * 0.01 ** (n / 20)  # a gradient is charged 3
        x = x - 1e-4 * slope_at(x) + math.sqrt(2 * 1e-4 * t) * z
        state = method.step(state, GivenRng([z]), oracle)
        torch.testing.assert_close(state.estimate, x, rtol=1e-13, atol=1e-13)
        assert state.temperature == state.plan == pytest.approx(t, rel=1e-12)
    assert (x - START).norm() > 0.1


def test_underdamped_steps_are_baoab() -> None:
    """Against the five sub-steps B, A, O, A, B of the paper with velocities and a time step, two
    gradients a step.
    """
    h, friction, t = 0.02, 3.0, 0.4
    mu = math.exp(-friction * h)
    method, oracle, generator = (
        at(t, rate=h * h, momentum=mu, dynamics="underdamped"),
        FunctionOracle(rosenbrock, 4),
        torch.Generator().manual_seed(0),
    )
    state, x, v = (
        method.init(START, GivenRng(), oracle),
        START.clone(),
        torch.zeros(4, dtype=torch.float64),
    )
    for _ in range(20):
        z = torch.randn(4, generator=generator, dtype=torch.float64)
        v = v - h / 2 * slope_at(x)
        x = x + h / 2 * v
        v = mu * v + math.sqrt(t * (1 - mu**2)) * z
        x = x + h / 2 * v
        v = v - h / 2 * slope_at(x)
        state = method.step(state, GivenRng([z]), oracle)
        torch.testing.assert_close(state.estimate, x, rtol=1e-11, atol=1e-11)
    assert (x - START).norm() > 0.1


@pytest.mark.parametrize(
    "settings",
    [{"learning_rate": 0.02}, {"learning_rate": 0.02, "momentum": 0.8, "dynamics": "underdamped"}],
    ids=["overdamped", "underdamped"],
)
def test_at_a_fixed_temperature_the_places_follow_boltzmanns_law(settings: dict[str, Any]) -> None:
    """On a quadratic with curvatures λ the law exp(−L/T) is normal with variance T/λ along each
    axis, and 2L/T is χ² with two degrees of freedom.

    Many turned quadratics of two weights each, side by side in one vector, are as many independent
    samples.
    """
    temperature, samples = 0.5, 1500
    oracle = FunctionOracle(
        lambda x: 0.5 * ((x.reshape(-1, samples, 2) @ TURN) ** 2 * CURVATURE).sum((1, 2)),
        2 * samples,
    )
    state = run(
        at(temperature, **settings), oracle, torch.zeros(2 * samples, dtype=torch.float64), 300
    )
    places = state.estimate.reshape(samples, 2) @ TURN
    for axis in range(2):
        width = math.sqrt(temperature / float(CURVATURE[axis]))
        assert stats.kstest(places[:, axis].numpy(), stats.norm(scale=width).cdf).pvalue > 0.01
    heights = 0.5 * (places**2 * CURVATURE).sum(1)
    assert stats.kstest((heights / temperature).numpy(), stats.expon.cdf).pvalue > 0.01
    assert (
        stats.kstest((heights / (temperature * 0.8)).numpy(), stats.expon.cdf).pvalue < 1e-3
    )  # and the check can fail


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_baoab_has_the_right_variance_even_with_long_steps(momentum: float) -> None:
    """The variance of BAOAB is exact on a quadratic, whatever the step; the recurrence's own
    stationary covariance is solved for here, nothing is sampled.
    """
    eta, t, lam = 0.8, 0.3, 1.7
    first = torch.tensor(
        [[1.0, 0.0], [-eta * lam, 1.0]], dtype=torch.float64
    )  # (x, u) after the kick
    drift = torch.tensor([[1.0, 0.5], [0.0, 1.0]], dtype=torch.float64)
    keep = torch.diag(torch.tensor([1.0, momentum], dtype=torch.float64))
    matrix = drift @ keep @ drift @ first
    noise = drift @ torch.tensor(
        [[0.0], [math.sqrt(eta * t * (1 - momentum**2))]], dtype=torch.float64
    )
    law = torch.zeros(2, 2, dtype=torch.float64)
    for _ in range(3000):
        law = matrix @ law @ matrix.T + noise @ noise.T
    assert float(law[0, 0]) == pytest.approx(t / lam, rel=1e-9)
    # The same matrices are the method's step.
    oracle = FunctionOracle(lambda x: 0.5 * lam * (x**2).sum(1), 1)
    method = at(t, rate=eta, momentum=momentum, dynamics="underdamped")
    state = LangevinState(
        torch.tensor([0.7], dtype=torch.float64),
        move=torch.tensor([-0.2], dtype=torch.float64),
        kicked=True,
    )
    z = torch.tensor([1.3], dtype=torch.float64)
    expected = matrix @ torch.tensor([0.7, -0.2], dtype=torch.float64) + noise[:, 0] * 1.3
    state = method.step(state, GivenRng([z]), oracle)
    assert state.move is not None
    torch.testing.assert_close(
        torch.cat([state.estimate, state.move]), expected, rtol=1e-13, atol=1e-13
    )


def test_the_thermometer_reads_the_temperature() -> None:
    oracle, rng = (
        FunctionOracle(lambda x: 0.5 * (x**2).sum(1), 400),
        Rng(0, "x", dtype=torch.float64),
    )
    method = at(0.2, rate=0.01, momentum=0.8, dynamics="underdamped")
    state, read = method.init(torch.zeros(400, dtype=torch.float64), rng, oracle), []
    for step in range(150):
        state = method.step(state, rng.at(step), oracle)
        read.append(state.metrics["measured temperature"])
    assert sum(read[50:]) / 100 == pytest.approx(0.2, rel=0.05)


@pytest.mark.parametrize("cooling", ["geometric", "linear"])
def test_it_cools_as_planned_and_can_be_reheated(cooling: Any) -> None:
    method = Langevin(
        initial_temperature=1.0, final_temperature=0.01, schedule=cooling, learning_rate=1e-5
    )
    oracle, rng = FunctionOracle(rosenbrock, 4), Rng(0, "x", dtype=torch.float64)
    state = method.init(START, rng, oracle)
    oracle.progress = 0.5
    state = method.step(state, rng, oracle)
    middle = 0.1 if cooling == "geometric" else 0.505
    assert (
        state.temperature
        == state.plan
        == method.planned_temperature(state, 0.5)
        == pytest.approx(middle)
    )
    assert method.reheat(state, 10.0)
    state = method.step(state, rng, oracle)
    assert state.temperature == pytest.approx(10 * middle)
    assert state.plan == pytest.approx(middle)
    oracle.progress = 0.6
    state = method.step(state, rng, oracle)
    assert state.temperature == pytest.approx(method.planned_temperature(state, 0.6) * 10**0.1)


@pytest.mark.slow
@pytest.mark.parametrize("dynamics", ["overdamped", "underdamped"])
@pytest.mark.parametrize(
    ("function", "rate", "low"),
    [(turned_ellipsoid(4, 100.0), 0.005, 1e-3), (rosenbrock, 5e-4, 0.6)],
    ids=["ellipsoid", "rosenbrock"],
)
def test_cooled_it_goes_down_turned_and_curved_valleys(
    function: Any, rate: float, low: float, dynamics: Any
) -> None:
    oracle = FunctionOracle(function, 4, total=4500)
    method = Langevin(
        learning_rate=rate / 4 if dynamics == "underdamped" else rate,
        dynamics=dynamics,
        initial_temperature=0.5,
        final_temperature=1e-5,
    )
    state = run(
        method, oracle, torch.zeros(4, dtype=torch.float64) + 0.1, 1500
    )  # from START the banana has a second, shallow valley
    assert float(function(state.estimate.unsqueeze(0))[0]) < low


def test_moving_the_problem_moves_the_run() -> None:
    shift = torch.linspace(-3, 3, 4, dtype=torch.float64)
    method = Langevin(learning_rate=1e-4, source="es")
    one = run(method, FunctionOracle(rosenbrock, 4), START, 50).estimate
    two = run(
        method, FunctionOracle(lambda x: rosenbrock(x - shift), 4), START + shift, 50
    ).estimate
    torch.testing.assert_close(two - shift, one, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("source", "sees"),
    [("backprop", "gradient"), ("forward-gradient", "jvp"), ("spsa", "loss"), ("es", "loss")],
)
@pytest.mark.parametrize("dynamics", ["overdamped", "underdamped"])
def test_it_says_what_it_sees_pays_for_it_and_can_be_repeated(
    source: Any, sees: str, dynamics: Any
) -> None:
    method = Langevin(source=source, directions=5, batch=8, dynamics=dynamics)
    assert method.required_oracle() == sees
    oracle = oracle_on(8, method.required_oracle())
    theta = first_weights(oracle)
    before = theta.clone()
    assert torch.equal(method.init(theta, Rng(0, "x"), oracle).estimate, theta)
    one = run(method, oracle, theta, 4).estimate
    assert oracle.evaluations == 4 * 8 * {"backprop": 3, "forward-gradient": 15}.get(source, 10)
    assert torch.equal(one, run(method, oracle_on(8, method.required_oracle()), theta, 4).estimate)
    assert not torch.equal(one, theta)
    assert torch.equal(theta, before)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("learning_rate", 0),
        ("momentum", 1),
        ("dynamics", "damp"),
        ("source", "x"),
        ("initial_temperature", 0),
        ("final_temperature", 1e7),
        ("schedule", "fast"),
    ],
)
def test_what_is_out_of_range_is_refused_in_one_line(field: str, value: Any) -> None:
    with pytest.raises(BadInput) as caught:
        OPTIMIZERS.build({"name": "langevin", field: value})
    assert str(caught.value).startswith(f"optimizer.{field}: ")


@pytest.mark.slow  # quickly: the losses that `test_catalogue` states
@pytest.mark.parametrize(
    ("settings", "dataset", "evaluations", "most_loss", "least_accuracy"),
    [
        ({}, "moons", 8e4, 0.1, 0.97),
        ({}, "digits", 8e4, 0.4, 0.9),
        ({"dynamics": "underdamped"}, "moons", 8e4, 0.1, 0.97),
        ({"source": "es"}, "moons", 2e6, 0.15, 0.95),
    ],
    ids=str,
)
def test_it_learns_with_its_defaults(
    settings: dict[str, Any],
    dataset: str,
    evaluations: float,
    most_loss: float,
    least_accuracy: float,
) -> None:
    loss, accuracy, _ = trained(
        Langevin(**settings), dataset, (16, 16) if dataset == "moons" else (32,), evaluations
    )
    assert loss < most_loss
    assert accuracy >= least_accuracy
