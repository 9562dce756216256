"""Any module as a network: against the module itself, and as a reference for the paths of our
own.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from engine import evaluation
from engine.datasets import DATASETS
from engine.losses import LOSSES
from engine.networks import CNN, MLP
from engine.networks.base import Network
from engine.networks.torch_module import ModuleNetwork
from engine.optimizers import OPTIMIZERS
from engine.oracle import Oracle
from tests.engine.networks.test_networks import cnn_module, loop, mlp_module
from tests.engine.support.stand_ins import run, scored


def given(network: Network, members: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.stack([network.init(generator, torch.float64) for _ in range(members)])


def test_a_population_of_a_module_is_a_loop_over_it() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(3))
            self.one, self.two, self.norm = nn.Linear(3, 4), nn.Linear(3, 4), nn.LayerNorm(4)

        def forward(self, x: Tensor) -> Tensor:
            return self.norm(self.one(x * self.scale) * torch.sigmoid(self.two(x)))

    module = Gated().double()
    x = torch.randn(6, 3, dtype=torch.float64)
    network = ModuleNetwork(module, x)
    assert [layer.name for layer in network.layers] == [
        name for name, _ in module.named_parameters()
    ]
    torch.testing.assert_close(network.forward(network.theta().unsqueeze(0), x)[0], module(x))
    population = given(network, 5)
    torch.testing.assert_close(
        evaluation.outputs(network, population, x), loop(network, module, population, x)
    )
    assert network.flops == 2 * 2 * 3 * 4
    assert network.peak_activations == 4


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_our_own_paths_are_vmaps(kind: str) -> None:
    shape = (1, 8, 8)
    choice = CNN(channels_1=3, channels_2=4)
    network, module = (
        (MLP(hidden=(9, 5)).build(shape, 4), mlp_module([64, 9, 5, 4], "tanh"))
        if kind == "mlp"
        else (choice.build(shape, 4), cnn_module(shape, 4, choice))
    )
    x = torch.randn(7, *shape, dtype=torch.float64)
    general = ModuleNetwork(module.double(), x)
    assert general.dimension == network.dimension
    assert [layer.fan_in for layer in general.layers] == [layer.fan_in for layer in network.layers]
    assert general.flops == network.flops
    population = given(network, 6)
    torch.testing.assert_close(
        evaluation.outputs(network, population, x),
        evaluation.outputs(general, population, x),
        rtol=0,
        atol=1e-10,
    )


def test_methods_learn_a_module() -> None:
    samples = DATASETS.build("moons").load(0)
    network = ModuleNetwork(
        nn.Sequential(nn.Linear(2, 16), nn.GELU(), nn.Linear(16, 2)), samples.x_train
    )
    for name, steps in (("openai-es", 300), ("adam", 400)):
        method = OPTIMIZERS.build(name)
        oracle = Oracle(
            network, LOSSES["cross-entropy"], samples, method.required_oracle(), method.batch
        )
        state = run(method, oracle, network.init(torch.Generator().manual_seed(0)), steps)
        assert scored(oracle, samples, state.estimate)[0] < 0.2


def test_what_would_be_done_member_by_member_is_an_error() -> None:
    class Slow(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(4))

        def forward(self, x: Tensor) -> Tensor:
            return torch.histc(x @ self.weight, 3, 0.0, 1.0).unsqueeze(0)

    network = ModuleNetwork(Slow(), torch.rand(5, 4))
    with pytest.raises((UserWarning, RuntimeError)):
        network.forward(torch.rand(3, 4), torch.rand(5, 4))
