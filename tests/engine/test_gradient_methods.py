"""SGD and Adam against torch.optim, step by step, in float64."""

from typing import Any

import pytest
import torch

from engine.datasets.base import Dataset
from engine.experiment import Experiment
from engine.losses import LOSSES
from engine.networks import MLP
from engine.optimizers.adam import Adam
from engine.optimizers.sgd import SGD
from engine.oracle import Oracle
from engine.race import Race
from engine.rng import Rng
from tests.engine.helpers import FunctionOracle, rosenbrock, run

PAIRS: list[tuple[Any, type[torch.optim.Optimizer], dict[str, Any]]] = [
    (SGD(rate=0.05, momentum=0), torch.optim.SGD, {"lr": 0.05}),
    (SGD(rate=0.05, momentum=0.9), torch.optim.SGD, {"lr": 0.05, "momentum": 0.9}),
    (SGD(rate=0.05, momentum=0.8, dampening=0.3, weight_decay=0.01), torch.optim.SGD, {"lr": 0.05, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.01}),
    (Adam(rate=0.02), torch.optim.Adam, {"lr": 0.02}),
    (
        Adam(rate=0.02, beta1=0.8, beta2=0.9, epsilon=1e-4, weight_decay=0.1),
        torch.optim.Adam,
        {"lr": 0.02, "betas": (0.8, 0.9), "eps": 1e-4, "weight_decay": 0.1},
    ),
]


@pytest.mark.parametrize(("ours", "theirs", "options"), PAIRS)
def test_thirty_steps_agree_with_torch_optim(ours: Any, theirs: type[torch.optim.Optimizer], options: dict[str, Any]) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(60, 2, generator=generator, dtype=torch.float64)
    y = (x[:, 0] * x[:, 1] > 0).long()
    network = MLP(hidden=(6,)).build((2,), 2)
    oracle = Oracle(network, LOSSES["cross-entropy"], Dataset(x, y, x, y, ("a", "b"), "points"), "gradient", batch=20, seed=1)
    theta = network.init(generator, torch.float64)
    state = ours.init(theta, Rng(0, "x"), oracle)
    weights = theta.clone().requires_grad_()
    reference = theirs([weights], **options)  # type: ignore[call-arg]
    for step in range(1, 31):
        oracle.draw(step)
        state = ours.step(state, Rng(0, "x"), oracle)
        reference.zero_grad()
        torch.nn.functional.cross_entropy(network.forward(weights.unsqueeze(0), oracle.x)[0], oracle.targets).backward()
        reference.step()
        torch.testing.assert_close(state.estimate, weights.detach(), rtol=0, atol=1e-13)
    assert oracle.evaluations == 30 * 20 * 3
    assert not torch.equal(theta, state.estimate)  # and the shared first weights were left alone


@pytest.mark.parametrize(("optimizer", "goal"), [(SGD(rate=1e-3, momentum=0.9), 1e-2), (Adam(rate=0.02), 1e-2)])
def test_they_walk_down_the_banana_valley(optimizer: Any, goal: float) -> None:
    start = torch.tensor([-1.0, 1.0], dtype=torch.float64)
    state = run(optimizer, FunctionOracle(rosenbrock, 2), start, 3000)
    assert float(rosenbrock(state.estimate.unsqueeze(0))) < goal


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_they_learn_digits_from_their_defaults(name: str) -> None:
    race = Race(Experiment.parse({"dataset": "digits", "lanes": [name], "budget": {"currency": "evaluations", "amount": 3e5}}), marks=1, pictures=False)
    list(race)
    assert race.results()[0]["test_accuracy"] >= 0.95
