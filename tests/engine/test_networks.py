"""Every batched forward path against a loop of the torch.nn module it stands for, in float64."""

from itertools import pairwise
from math import prod

import pytest
import torch
from torch import nn
from torch.func import functional_call

from engine.errors import BadInput
from engine.networks import CNN, MLP, NETWORKS
from engine.networks.base import Network

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid}


def mlp_module(sizes: list[int], activation: str) -> nn.Sequential:
    parts: list[nn.Module] = [nn.Flatten()]
    for a, b in pairwise(sizes):
        parts += [nn.Linear(a, b), ACTIVATIONS[activation]()]
    return nn.Sequential(*parts[:-1])


def cnn_module(shape: tuple[int, ...], classes: int, choice: CNN) -> nn.Sequential:
    features = choice.channels_2 * (shape[1] // 2 // 2) * (shape[2] // 2 // 2)
    act = ACTIVATIONS[choice.activation]
    pad = choice.kernel // 2
    return nn.Sequential(
        nn.Conv2d(shape[0], choice.channels_1, choice.kernel, padding=pad), act(), nn.MaxPool2d(2),
        nn.Conv2d(choice.channels_1, choice.channels_2, choice.kernel, padding=pad), act(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(features, classes),
    )  # fmt: skip


def loop(network: Network, module: nn.Module, population: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """One member at a time through torch's own layers."""
    names = list(dict(module.named_parameters()))
    answers = []
    for theta in population:
        weights = {name: theta[layer.start : layer.stop].view(layer.shape) for name, layer in zip(names, network.layers, strict=True)}
        answers.append(functional_call(module.double(), weights, (x,)))
    return torch.stack(answers)


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize("hidden", [(), (5,), (7, 3), (4, 4, 4, 4, 4, 4)])
@pytest.mark.parametrize("shape", [(2,), (1, 8, 8)])
def test_mlp_equals_a_loop_of_torch_linear(shape: tuple[int, ...], hidden: tuple[int, ...], activation: str) -> None:
    generator = torch.Generator().manual_seed(1)
    network = MLP(hidden=hidden, activation=activation).build(shape, 3)
    population = torch.randn(6, network.dimension, generator=generator, dtype=torch.float64)
    x = torch.randn(11, *shape, generator=generator, dtype=torch.float64)
    module = mlp_module([prod(shape), *hidden, 3], activation)
    assert network.dimension == sum(p.numel() for p in module.parameters())
    torch.testing.assert_close(network.forward(population, x), loop(network, module, population, x), rtol=0, atol=1e-10)


@pytest.mark.parametrize("choice", [CNN(), CNN(channels_1=3, channels_2=5, kernel=5, activation="sigmoid"), CNN(activation="tanh")])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 28), (1, 10, 7)])
def test_cnn_equals_a_loop_of_torch_conv2d(shape: tuple[int, ...], choice: CNN) -> None:
    generator = torch.Generator().manual_seed(2)
    network = choice.build(shape, 10)
    population = torch.randn(5, network.dimension, generator=generator, dtype=torch.float64)
    x = torch.randn(4, *shape, generator=generator, dtype=torch.float64)
    module = cnn_module(shape, 10, choice)
    assert network.dimension == sum(p.numel() for p in module.parameters())
    torch.testing.assert_close(network.forward(population, x), loop(network, module, population, x), rtol=0, atol=1e-10)


def test_flops_count_every_multiply_add_once() -> None:
    assert MLP(hidden=(64,)).build((1, 28, 28), 10).flops == 2 * (784 * 64 + 64 * 10)
    cnn = CNN(channels_1=6, channels_2=12, kernel=5).build((1, 28, 28), 10)
    assert cnn.flops == 2 * (28 * 28 * 6 * 25 + 14 * 14 * 12 * 150 + 12 * 7 * 7 * 10)


def test_first_weights_have_the_scale_of_torch_layers() -> None:
    network = MLP(hidden=(200,)).build((100,), 10)
    theta = network.init(torch.Generator().manual_seed(0))
    first = theta[network.layers[0].start : network.layers[0].stop]
    assert first.abs().max() <= 0.1
    # U(−a, a) has standard deviation a/√3.
    assert abs(float(first.std()) - 0.1 / 3**0.5) < 0.001
    again = network.init(torch.Generator().manual_seed(0))
    assert torch.equal(theta, again)


def test_networks_that_do_not_fit_the_data_are_refused() -> None:
    with pytest.raises(BadInput, match="network: 'cnn' is not allowed; expected an image dataset"):
        CNN().build((2,), 2)
    with pytest.raises(BadInput, match=r"network\.kernel: 4"):
        CNN(kernel=4).build((1, 8, 8), 2)
    with pytest.raises(BadInput, match=r"network\.hidden\[1\]: 0 is not allowed; expected at least 1"):
        NETWORKS.build({"name": "mlp", "hidden": [4, 0]})
    with pytest.raises(BadInput, match="at most 6 entries"):
        NETWORKS.build({"name": "mlp", "hidden": [4] * 7})
