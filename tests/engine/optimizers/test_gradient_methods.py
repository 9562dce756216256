"""SGD, Nesterov, Adam and AdamW against torch.optim, in double precision, and on real data."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.datasets import DATASETS
from engine.datasets.base import Dataset
from engine.errors import BadInput
from engine.losses import LOSSES
from engine.networks import MLP
from engine.optimizers import OPTIMIZERS, Optimizer, State
from engine.optimizers.adamw import AdamW
from engine.optimizers.nesterov import Nesterov
from engine.oracle import NotSeen, Oracle, Sees
from engine.random.rng import Rng
from tests.engine.support.stand_ins import Passes, scored

STEPS = 20
NAMES = ["sgd", Nesterov.name, "adam", AdamW.name]


def oracle_on(batch: int = 8, sees: Sees = "gradient") -> Oracle:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(30, 2, generator=generator, dtype=torch.float64)
    y = torch.randint(3, (30,), generator=generator)
    return Oracle(
        MLP(hidden=(5,)).build((2,), 3),
        LOSSES["cross-entropy"],
        Dataset(x, y, x, y, ("a", "b", "c"), "points"),
        sees,
        batch,
        seed=7,
    )


def first_weights(oracle: Oracle) -> Tensor:
    return oracle.network.init(torch.Generator().manual_seed(1), torch.float64)


def run(method: Optimizer, oracle: Oracle, steps: int, theta: Tensor) -> State:
    rng = Rng(0, "lane 0", dtype=theta.dtype)
    state = method.init(theta, rng, oracle)
    for step in range(1, steps + 1):
        oracle.next_batch(step)
        state = method.step(state, rng.at(step), oracle)
    return state


def path(method: Optimizer, theta: Tensor) -> Tensor:
    """Where the method goes from there: (STEPS, D)."""
    oracle, rng, places = oracle_on(), Rng(0, "lane 0"), []
    state = method.init(theta, rng, oracle)
    for step in range(1, STEPS + 1):
        oracle.next_batch(step)
        state = method.step(state, rng.at(step), oracle)
        places.append(state.estimate.clone())
    return torch.stack(places)


def torch_path(kind: type[torch.optim.Optimizer], theta: Tensor, **settings: Any) -> Tensor:
    """Where torch's own optimizer takes torch's own layers on the same batches: (STEPS, D)."""
    oracle = oracle_on()
    model = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    nn.utils.vector_to_parameters(
        theta.clone(), model.parameters()
    )  # torch keeps views of what it is given
    optimizer = kind(model.parameters(), **settings)
    places = []
    for step in range(1, STEPS + 1):
        oracle.next_batch(step)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(oracle.x), oracle.targets).backward()
        optimizer.step()
        places.append(nn.utils.parameters_to_vector(model.parameters()).detach().clone())
    return torch.stack(places)


@pytest.mark.parametrize(
    ("settings", "theirs"),
    [
        ({}, {"lr": 0.1, "momentum": 0.9}),
        ({"learning_rate": 0.5, "momentum": 0.0}, {"lr": 0.5}),
        (
            {"learning_rate": 0.3, "momentum": 0.8, "dampening": 0.4},
            {"lr": 0.3, "momentum": 0.8, "dampening": 0.4},
        ),
        ({"momentum": 0.0, "weight_decay": 0.05}, {"lr": 0.1, "weight_decay": 0.05}),
        (
            {"learning_rate": 0.2, "momentum": 0.95, "dampening": 0.1, "weight_decay": 0.01},
            {"lr": 0.2, "momentum": 0.95, "dampening": 0.1, "weight_decay": 0.01},
        ),
    ],
    ids=str,
)
def test_sgd_is_torchs(settings: dict[str, Any], theirs: dict[str, Any]) -> None:
    theta = first_weights(oracle_on())
    ours, expected = (
        path(OPTIMIZERS.build({"name": "sgd", **settings}), theta),
        torch_path(torch.optim.SGD, theta, **theirs),
    )
    assert (expected[-1] - theta).norm() > 0.3
    torch.testing.assert_close(ours, expected, rtol=0, atol=2e-14)


@pytest.mark.parametrize(
    ("settings", "theirs"),
    [
        ({}, {"lr": 0.01}),
        (
            {"learning_rate": 0.05, "beta1": 0.7, "beta2": 0.95, "epsilon": 1e-3},
            {"lr": 0.05, "betas": (0.7, 0.95), "eps": 1e-3},
        ),
        ({"weight_decay": 0.1}, {"lr": 0.01, "weight_decay": 0.1}),
    ],
    ids=str,
)
def test_adam_is_torchs(settings: dict[str, Any], theirs: dict[str, Any]) -> None:
    theta = first_weights(oracle_on())
    ours, expected = (
        path(OPTIMIZERS.build({"name": "adam", **settings}), theta),
        torch_path(torch.optim.Adam, theta, **theirs),
    )
    assert (expected[-1] - theta).norm() > 0.3
    torch.testing.assert_close(ours, expected, rtol=0, atol=2e-13)


@pytest.mark.parametrize(
    ("settings", "theirs"),
    [
        ({}, {"lr": 0.1, "momentum": 0.9}),
        ({"learning_rate": 0.3, "momentum": 0.6}, {"lr": 0.3, "momentum": 0.6}),
        (
            {"learning_rate": 0.05, "momentum": 0.99, "weight_decay": 0.02},
            {"lr": 0.05, "momentum": 0.99, "weight_decay": 0.02},
        ),
    ],
    ids=str,
)
def test_nesterov_is_torchs(settings: dict[str, Any], theirs: dict[str, Any]) -> None:
    theta = first_weights(oracle_on())
    ours, expected = (
        path(OPTIMIZERS.build({"name": "nesterov", **settings}), theta),
        torch_path(torch.optim.SGD, theta, nesterov=True, **theirs),
    )
    assert (
        expected - torch_path(torch.optim.SGD, theta, **theirs)
    ).abs().max() > 0.03  # it is not plain momentum
    torch.testing.assert_close(ours, expected, rtol=0, atol=2e-14)


@pytest.mark.parametrize(
    ("settings", "theirs"),
    [
        ({}, {"lr": 0.01}),
        ({"weight_decay": 0.0}, {"lr": 0.01, "weight_decay": 0.0}),
        (
            {
                "learning_rate": 0.05,
                "weight_decay": 0.3,
                "beta1": 0.7,
                "beta2": 0.95,
                "epsilon": 1e-3,
            },
            {"lr": 0.05, "weight_decay": 0.3, "betas": (0.7, 0.95), "eps": 1e-3},
        ),
    ],
    ids=str,
)
def test_adamw_is_torchs(settings: dict[str, Any], theirs: dict[str, Any]) -> None:
    theta = first_weights(oracle_on())
    ours, expected = (
        path(OPTIMIZERS.build({"name": "adamw", **settings}), theta),
        torch_path(torch.optim.AdamW, theta, **theirs),
    )
    coupled = torch_path(torch.optim.Adam, theta, **{"weight_decay": 0.01, **theirs})
    assert bool(theirs.get("weight_decay", 1)) == bool(
        (expected - coupled).abs().max() > 1e-4
    )  # it is not Adam with a decay in its gradient
    torch.testing.assert_close(ours, expected, rtol=0, atol=2e-13)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("batch", [0, 8])
def test_they_ask_for_one_gradient_a_step_and_pay_three_for_it(name: str, batch: int) -> None:
    oracle = oracle_on(batch)
    passes = Passes(oracle.network)
    run(OPTIMIZERS.build(name), oracle, 6, first_weights(oracle))
    assert passes.count == 6 * (batch or 30)
    assert oracle.evaluations == 3 * passes.count
    with pytest.raises(NotSeen):
        run(OPTIMIZERS.build(name), oracle_on(sees="loss"), 1, first_weights(oracle))


@pytest.mark.parametrize("name", NAMES)
def test_they_start_at_the_first_weights_and_leave_them_alone(name: str) -> None:
    oracle = oracle_on()
    theta = first_weights(oracle)
    before = theta.clone()
    assert torch.equal(run(OPTIMIZERS.build(name), oracle, 0, theta).estimate, theta)
    assert oracle.evaluations == 0
    one, two = (run(OPTIMIZERS.build(name), oracle_on(), 10, theta).estimate for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(one, theta)
    assert torch.equal(theta, before)


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("sgd", "learning_rate", 0),
        ("sgd", "momentum", 1),
        ("sgd", "dampening", 2),
        ("sgd", "weight_decay", -1),
        ("adam", "learning_rate", 0),
        ("adam", "beta2", 1),
        ("adam", "epsilon", 0),
        ("nesterov", "momentum", 0),
        ("nesterov", "dampening", 0.1),
        ("adamw", "weight_decay", 2),
    ],
)
def test_what_is_out_of_range_is_refused_in_one_line(name: str, field: str, value: Any) -> None:
    with pytest.raises(BadInput) as caught:
        OPTIMIZERS.build({"name": name, field: value})
    assert str(caught.value).startswith(f"optimizer.{field}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow  # quickly: the losses that `test_catalogue` states
@pytest.mark.parametrize(
    ("dataset", "hidden", "steps", "most_loss", "least_accuracy"),
    [
        ("digits", (32,), 600, 0.05, 0.96),
        ("moons", (16, 16), 600, 0.02, 0.99),
        ("spirals", (16, 16), 3000, 0.1, 0.97),
    ],
)
def test_they_learn_with_their_defaults(
    name: str,
    dataset: str,
    hidden: tuple[int, ...],
    steps: int,
    most_loss: float,
    least_accuracy: float,
) -> None:
    samples = DATASETS.build(dataset).load(0)
    network = MLP(hidden=hidden).build(samples.shape, len(samples.classes))
    method = OPTIMIZERS.build(name)
    oracle = Oracle(network, LOSSES["cross-entropy"], samples, "gradient", method.batch)
    theta = run(method, oracle, steps, network.init(torch.Generator().manual_seed(0))).estimate
    loss, accuracy = scored(oracle, samples, theta)
    assert loss < most_loss
    assert accuracy >= least_accuracy
