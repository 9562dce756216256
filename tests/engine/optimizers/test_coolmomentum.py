"""CoolMomentum against torch's heavy ball and its own recurrence written out."""

from typing import Any

import pytest
import torch
from torch import Tensor

from engine.datasets import DATASETS
from engine.errors import BadInput
from engine.losses import LOSSES
from engine.networks import MLP
from engine.optimizers import OPTIMIZERS
from engine.optimizers.common.estimators import estimate
from engine.optimizers.coolmomentum import CoolMomentum
from engine.oracle import Oracle
from engine.random.rng import Rng
from tests.engine.optimizers.test_gradient_methods import (
    STEPS,
    first_weights,
    oracle_on,
    path,
    torch_path,
)
from tests.engine.support.stand_ins import FunctionOracle, rosenbrock, run, scored, turned_ellipsoid

START = torch.tensor([-1.2, 1.0, 0.5, 0.8], dtype=torch.float64)


@pytest.mark.parametrize(("rate", "momentum"), [(0.1, 0.9), (0.05, 0.0), (0.02, 0.99)])
def test_with_constant_momentum_it_is_torchs_sgd(rate: float, momentum: float) -> None:
    """Δ = −lr·b: torch multiplies its momentum b by the rate, here the rate is in Δ already. For a
    rate that stays the same both say the same.
    """
    theta = first_weights(oracle_on())
    ours = path(
        CoolMomentum(learning_rate=rate, momentum=momentum, schedule="constant", batch=8), theta
    )
    expected = torch_path(torch.optim.SGD, theta, lr=rate * (1 + momentum) / 2, momentum=momentum)
    assert (expected[-1] - theta).norm() > 0.1
    torch.testing.assert_close(ours, expected, rtol=0, atol=2e-14)


def test_the_cooled_recurrence_is_the_papers() -> None:
    """S steps of the published loop, with its α and its powers, plain Python floats."""
    planned, eta, rho0 = 40, 2e-3, 0.95
    oracle = FunctionOracle(
        rosenbrock, 4, total=3 * planned
    )  # a gradient is charged 3, so that progress is n/S
    theta, rng = START.clone(), Rng(0, "x", dtype=torch.float64)
    method = CoolMomentum(learning_rate=eta, momentum=rho0)
    state = method.init(theta, rng, oracle)
    alpha = (1 - rho0) ** (1 / planned)
    x, delta = START.tolist(), [0.0] * 4
    for n in range(planned):
        rho = max(0.0, 1 - (1 - rho0) / alpha**n)
        g = torch.func.grad(lambda at: rosenbrock(at.unsqueeze(0))[0])(
            torch.tensor(x, dtype=torch.float64)
        ).tolist()
        delta = [rho * d - eta * (1 + rho) / 2 * slope for d, slope in zip(delta, g, strict=True)]
        x = [a + d for a, d in zip(x, delta, strict=True)]
        assert oracle.progress == pytest.approx(n / planned)
        state = method.step(state, rng.at(n), oracle)
        torch.testing.assert_close(
            state.estimate, torch.tensor(x, dtype=torch.float64), rtol=1e-11, atol=1e-11
        )
        assert state.temperature == pytest.approx(sum(d * d for d in delta) / 4, rel=1e-9)
        assert state.metrics["momentum"] == pytest.approx(rho, abs=1e-12)
    assert (torch.tensor(x) - START).norm() > 0.1


def test_demon_is_the_decay_of_its_paper() -> None:
    method, beta0, total = CoolMomentum(momentum=0.9, schedule="demon"), 0.9, 50
    for t in range(total + 1):
        left = 1 - t / total
        assert method.rho(t / total) == pytest.approx(
            beta0 * left / ((1 - beta0) + beta0 * left), abs=1e-14
        )


@pytest.mark.parametrize(("schedule", "end"), [("cool", 0.0), ("demon", 0.0), ("constant", 0.99)])
def test_momentum_falls_from_its_start_to_its_end(schedule: Any, end: float) -> None:
    rhos = [CoolMomentum(schedule=schedule).rho(i / 20) for i in range(21)]
    assert rhos[0] == pytest.approx(0.99, abs=1e-15)
    assert rhos[-1] == pytest.approx(end, abs=1e-15)
    assert rhos == sorted(rhos, reverse=True)


def test_without_a_budget_the_momentum_stays() -> None:
    state = run(CoolMomentum(learning_rate=1e-3), FunctionOracle(rosenbrock, 4), START, 30)
    assert state.metrics["momentum"] == pytest.approx(0.99)


def test_reheating_warms_and_wears_off() -> None:
    method, oracle, rng = (
        CoolMomentum(learning_rate=1e-4),
        FunctionOracle(rosenbrock, 4),
        Rng(0, "x", dtype=torch.float64),
    )
    state = method.init(START, rng, oracle)
    rhos = []
    for progress in (0.5, 0.5, 0.55, 0.6, 0.9):
        oracle.progress = progress
        state = method.step(state, rng, oracle)
        rhos.append(state.metrics["momentum"])
        if len(rhos) == 1:
            assert method.reheat(state, 10.0)
    assert rhos[0] == pytest.approx(0.9)
    assert rhos[1] == pytest.approx(0.99)  # 1 − ρ divided by 10
    for rho, progress, heat in zip(
        rhos[2:], (0.55, 0.6, 0.9), (10**0.1**0.5, 10**0.1, 10**1e-4), strict=True
    ):
        assert 1 - rho == pytest.approx(0.01 ** (1 - progress) / heat)


@pytest.mark.parametrize("source", ["forward-gradient", "spsa", "es"])
def test_any_gradient_drives_the_same_recurrence(source: Any) -> None:
    oracle, twin = FunctionOracle(rosenbrock, 4), FunctionOracle(rosenbrock, 4)
    method, rng, again = (
        CoolMomentum(source=source, directions=3, learning_rate=1e-5, schedule="constant"),
        Rng(0, "x", dtype=torch.float64),
        Rng(0, "x", dtype=torch.float64),
    )
    state, x, delta = (
        method.init(START, rng, oracle),
        START.clone(),
        torch.zeros(4, dtype=torch.float64),
    )
    for n in range(10):
        delta = (
            0.99 * delta
            - 1e-5 * 1.99 / 2 * estimate(source, x, 3, method.radius, again.at(n), twin)[1]
        )
        x = x + delta
        state = method.step(state, rng.at(n), oracle)
        torch.testing.assert_close(state.estimate, x, rtol=1e-12, atol=1e-12)
    assert (x - START).norm() > 1e-3


@pytest.mark.parametrize(
    ("source", "sees"),
    [("backprop", "gradient"), ("forward-gradient", "jvp"), ("spsa", "loss"), ("es", "loss")],
)
def test_it_says_what_it_sees_and_pays_for_it(source: Any, sees: str) -> None:
    method = CoolMomentum(source=source, directions=5, batch=8)
    assert CoolMomentum.sees == "gradient"
    assert method.required_oracle() == sees
    oracle = oracle_on(8, method.required_oracle())
    run(method, oracle, first_weights(oracle), 6)
    assert oracle.evaluations == 6 * 8 * {"backprop": 3, "forward-gradient": 15}.get(source, 10)


@pytest.mark.parametrize(
    ("function", "rate", "low"),
    [(turned_ellipsoid(4, 100.0), 0.005, 1e-5), (rosenbrock, 2e-4, 0.1)],
    ids=["ellipsoid", "rosenbrock"],
)
@pytest.mark.parametrize("source", ["backprop", "es"])
def test_it_goes_down_turned_and_curved_valleys(
    function: Any, rate: float, low: float, source: Any
) -> None:
    steps = 1500
    oracle = FunctionOracle(function, 4, total=steps * (3 if source == "backprop" else 40))
    method = CoolMomentum(learning_rate=rate, source=source, directions=20, radius=1e-3)
    state = run(method, oracle, START, steps)
    assert oracle.progress == 1
    assert float(function(state.estimate.unsqueeze(0))[0]) < low


def test_moving_the_problem_moves_the_run() -> None:
    shift = torch.linspace(-3, 3, 4, dtype=torch.float64)
    one = run(
        CoolMomentum(learning_rate=1e-5, source="spsa"), FunctionOracle(rosenbrock, 4), START, 50
    ).estimate
    two = run(
        CoolMomentum(learning_rate=1e-5, source="spsa"),
        FunctionOracle(lambda x: rosenbrock(x - shift), 4),
        START + shift,
        50,
    ).estimate
    torch.testing.assert_close(two - shift, one, rtol=0, atol=1e-9)


def test_it_starts_at_the_first_weights_and_leaves_them_alone() -> None:
    oracle = oracle_on()
    theta = first_weights(oracle)
    before = theta.clone()
    assert torch.equal(run(CoolMomentum(), oracle, theta, 0).estimate, theta)
    one, two = (
        run(CoolMomentum(source="es"), oracle_on(sees="loss"), theta, STEPS).estimate
        for _ in range(2)
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, theta)
    assert torch.equal(theta, before)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("learning_rate", 0),
        ("momentum", 1),
        ("schedule", "warm"),
        ("source", "oracle"),
        ("directions", 0),
        ("radius", 0),
    ],
)
def test_what_is_out_of_range_is_refused_in_one_line(field: str, value: Any) -> None:
    with pytest.raises(BadInput) as caught:
        OPTIMIZERS.build({"name": "coolmomentum", field: value})
    assert str(caught.value).startswith(f"optimizer.{field}: ")


def trained(
    method: Any, dataset: str, hidden: tuple[int, ...], evaluations: float
) -> tuple[float, float, Tensor]:
    """(training loss, test accuracy) at the end of a budget, and the weights."""
    samples = DATASETS.build(dataset).load(0)
    network = MLP(hidden=hidden).build(samples.shape, len(samples.classes))
    oracle = Oracle(
        network,
        LOSSES["cross-entropy"],
        samples,
        method.required_oracle(),
        method.batch,
        0,
        ("evaluations", evaluations),
    )
    theta = run(method, oracle, network.init(torch.Generator().manual_seed(0)), 10**9).estimate
    return *scored(oracle, samples, theta), theta


@pytest.mark.slow  # quickly: the losses that `test_catalogue` states
@pytest.mark.parametrize(
    ("settings", "dataset", "evaluations", "most_loss", "least_accuracy"),
    [
        ({}, "moons", 2e5, 0.1, 0.97),
        ({}, "digits", 8e4, 0.4, 0.9),
        ({"source": "es"}, "moons", 4e6, 0.24, 0.9),
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
        CoolMomentum(**settings), dataset, (16, 16) if dataset == "moons" else (32,), evaluations
    )
    assert loss < most_loss
    assert accuracy >= least_accuracy
