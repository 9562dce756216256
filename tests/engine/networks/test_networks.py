"""Every batched forward path against a loop of the torch.nn module it stands for, in float64."""

from itertools import pairwise
from math import prod
from typing import Any

import pytest
import torch
from torch import nn
from torch.func import functional_call, jacrev, jvp, vmap

from engine.errors import BadInput
from engine.networks import CNN, MLP, NETWORKS
from engine.networks.base import Network


class Heaviside(nn.Module):
    """1 above 0, else 0."""

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        return torch.heaviside(h, torch.zeros((), dtype=h.dtype))


class Sign(nn.Module):
    """−1, 0 or 1."""

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        return torch.sgn(h)


ACTIVATIONS = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "heaviside": Heaviside,
    "sign": Sign,
}


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
        nn.Conv2d(shape[0], choice.channels_1, choice.kernel, padding=pad),
        act(),
        nn.MaxPool2d(2),
        nn.Conv2d(choice.channels_1, choice.channels_2, choice.kernel, padding=pad),
        act(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(features, classes),
    )


def rere_module(shape: tuple[int, ...], classes: int) -> nn.Sequential:
    rows, columns = (((side - 4) // 2 - 4) // 2 for side in shape[1:])
    return nn.Sequential(
        nn.Conv2d(shape[0], 6, 5),
        nn.Sigmoid(),
        nn.AvgPool2d(2),
        nn.Conv2d(6, 12, 5),
        nn.Sigmoid(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(12 * rows * columns, classes),
        nn.Sigmoid(),
    )


def yegenoglu_module(shape: tuple[int, ...], classes: int) -> nn.Sequential:
    rows, columns = ((side - 4) // 2 - 4 for side in shape[1:])
    return nn.Sequential(
        nn.Conv2d(shape[0], 10, 5, bias=False),
        nn.Sigmoid(),
        nn.MaxPool2d(2),
        nn.Conv2d(10, 20, 5, bias=False),
        nn.Sigmoid(),
        nn.Flatten(),
        nn.Linear(20 * rows * columns, classes, bias=False),
    )


def loop(
    network: Network, module: nn.Module, population: torch.Tensor, x: torch.Tensor
) -> torch.Tensor:
    """One member at a time through torch's own layers."""
    names = list(dict(module.named_parameters()))
    answers = []
    for theta in population:
        weights = {
            name: theta[layer.start : layer.stop].view(layer.shape)
            for name, layer in zip(names, network.layers, strict=True)
        }
        answers.append(functional_call(module.double(), weights, (x,)))
    return torch.stack(answers)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(), (5,), (7, 3), (4, 4, 4, 4, 4, 4)])
@pytest.mark.parametrize("shape", [(2,), (1, 8, 8)])
def test_mlp_equals_a_loop_of_torch_linear(
    shape: tuple[int, ...], hidden: tuple[int, ...], activation: str
) -> None:
    generator = torch.Generator().manual_seed(1)
    network = MLP(hidden=hidden, activation=activation).build(shape, 3)
    population = torch.randn(6, network.dimension, generator=generator, dtype=torch.float64)
    x = torch.randn(11, *shape, generator=generator, dtype=torch.float64)
    module = mlp_module([prod(shape), *hidden, 3], activation)
    assert network.dimension == sum(p.numel() for p in module.parameters())
    torch.testing.assert_close(
        network.forward(population, x), loop(network, module, population, x), rtol=0, atol=1e-10
    )


@pytest.mark.parametrize(
    "choice",
    [
        CNN(),
        CNN(channels_1=3, channels_2=5, kernel=5, activation="sigmoid"),
        CNN(activation="tanh"),
        CNN(activation="sign", straight_through=True),
    ],
)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 28), (1, 10, 7)])
def test_cnn_equals_a_loop_of_torch_conv2d(shape: tuple[int, ...], choice: CNN) -> None:
    generator = torch.Generator().manual_seed(2)
    network = choice.build(shape, 10)
    population = torch.randn(5, network.dimension, generator=generator, dtype=torch.float64)
    x = torch.randn(4, *shape, generator=generator, dtype=torch.float64)
    module = cnn_module(shape, 10, choice)
    assert network.dimension == sum(p.numel() for p in module.parameters())
    torch.testing.assert_close(
        network.forward(population, x), loop(network, module, population, x), rtol=0, atol=1e-10
    )


@pytest.mark.parametrize(
    ("name", "module_of"), [("rere-cnn", rere_module), ("yegenoglu-cnn", yegenoglu_module)]
)
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 17, 22)])
def test_historical_cnns_equal_a_loop_of_torch_layers(
    name: str, module_of: Any, shape: tuple[int, ...]
) -> None:
    generator = torch.Generator().manual_seed(2)
    network, module = NETWORKS.build(name).build(shape, 10), module_of(shape, 10)
    population = torch.randn(4, network.dimension, generator=generator, dtype=torch.float64)
    x = torch.rand(3, *shape, generator=generator, dtype=torch.float64)
    assert [layer.shape for layer in network.layers] == [
        tuple(p.shape) for p in module.parameters()
    ]
    answer = network.forward(population, x)
    torch.testing.assert_close(answer, loop(network, module, population, x), rtol=0, atol=1e-10)
    assert answer.std() > 0.01
    at = population.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network.forward(at, x).square().sum(), at)
    theirs = population.clone().requires_grad_()
    (expected,) = torch.autograd.grad(loop(network, module, theirs, x).square().sum(), theirs)
    torch.testing.assert_close(gradient, expected, rtol=1e-9, atol=1e-10)


def test_historical_cnns_have_the_weights_their_authors_counted() -> None:
    rere, yegenoglu = (
        NETWORKS.build(name).build((1, 28, 28), 10) for name in ("rere-cnn", "yegenoglu-cnn")
    )
    assert rere.dimension == 3898
    assert sum(layer.stop - layer.start for layer in rere.layers[-2:]) == 1930
    assert yegenoglu.dimension == 18_050
    assert rere.flops == 2 * (24 * 24 * 6 * 25 + 8 * 8 * 12 * 150 + 192 * 10)
    assert yegenoglu.flops == 2 * (24 * 24 * 10 * 25 + 8 * 8 * 20 * 250 + 1280 * 10)


def test_reres_first_weights_are_glorots() -> None:
    network = NETWORKS.build("rere-cnn").build((1, 28, 28), 10)
    tensors = network.unpack(
        network.init(torch.Generator().manual_seed(0), torch.float64).unsqueeze(0)
    )
    for weight, bound in zip(
        tensors[::2],
        [(6 / (25 + 150)) ** 0.5, (6 / (150 + 300)) ** 0.5, (6 / 202) ** 0.5],
        strict=True,
    ):
        assert 0.95 * bound < weight.abs().max() <= bound
        assert float(weight.std()) == pytest.approx(bound / 3**0.5, rel=0.1)
    assert all(not bias.any() for bias in tensors[1::2])
    again = network.init(torch.Generator().manual_seed(0), torch.float64)
    assert torch.equal(torch.cat([t.flatten() for t in tensors]), again)


def step_networks(straight_through: bool) -> list[tuple[Network, torch.Tensor]]:
    """Networks with jumps and samples for them."""
    generator = torch.Generator().manual_seed(4)
    points, images = (
        torch.randn(9, 2, generator=generator, dtype=torch.float64),
        torch.rand(5, 1, 8, 8, generator=generator, dtype=torch.float64),
    )
    return [
        *(
            (
                MLP(hidden=(6, 5), activation=name, straight_through=straight_through).build(
                    (2,), 3
                ),
                points,
            )
            for name in ("heaviside", "sign")
        ),
        *(
            (CNN(activation=name, straight_through=straight_through).build((1, 8, 8), 3), images)
            for name in ("heaviside", "sign")
        ),
    ]


def test_behind_a_jump_the_gradient_is_exactly_zero() -> None:
    for network, x in step_networks(straight_through=False):
        theta = network.init(torch.Generator().manual_seed(1), torch.float64)
        jacobian = jacrev(lambda at, n=network, x=x: n.forward(at.unsqueeze(0), x).flatten())(theta)
        assert jacobian[:, : network.layers[-2].start].abs().max() == 0
        assert jacobian[:, network.layers[-2].start :].abs().max() > 0
        at = theta.unsqueeze(0).requires_grad_()
        (gradient,) = torch.autograd.grad(network.forward(at, x).sum(), at)
        torch.testing.assert_close(gradient[0], jacobian.sum(0))


def test_straight_through_changes_the_gradient_and_nothing_forward() -> None:
    for (jumping, x), (straight, _) in zip(step_networks(False), step_networks(True), strict=True):
        theta = jumping.init(torch.Generator().manual_seed(1), torch.float64)
        assert torch.equal(
            jumping.forward(theta.unsqueeze(0), x), straight.forward(theta.unsqueeze(0), x)
        )

        def f(at: torch.Tensor, network: Network = straight, x: torch.Tensor = x) -> torch.Tensor:
            return network.forward(at.unsqueeze(0), x).flatten()

        jacobian = jacrev(f)(theta)
        assert jacobian[:, : straight.layers[-2].start].abs().max() > 0
        directions = torch.randn(
            4, len(theta), generator=torch.Generator().manual_seed(2), dtype=torch.float64
        )
        forward = vmap(lambda d, f=f, theta=theta: jvp(f, (theta,), (d,))[1])(directions)
        torch.testing.assert_close(forward, directions @ jacobian.T, rtol=1e-10, atol=1e-10)
        per_sample = vmap(
            jacrev(lambda at, one, n=straight: n.forward(at.unsqueeze(0), one.unsqueeze(0))[0, 0]),
            in_dims=(None, 0),
        )(theta, x)
        torch.testing.assert_close(per_sample.flatten(0, 1), jacobian, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("activation", ["heaviside", "sign"])
def test_the_gradient_passes_as_it_would_pass_a_straight_line_between_minus_one_and_one(
    activation: Any,
) -> None:
    network = MLP(hidden=(4,), activation=activation, straight_through=True).build((1,), 1)
    # first weights 1, biases as below: the sums are −2, −0.5, 0.5 and 2; only the two in the middle
    # let the gradient through
    theta = (
        torch.tensor([1.0, 1, 1, 1, -2.0, -0.5, 0.5, 2, 3, 5, 7, 11, 0], dtype=torch.float64)
        .unsqueeze(0)
        .requires_grad_()
    )
    (gradient,) = torch.autograd.grad(
        network.forward(theta, torch.zeros(1, 1, dtype=torch.float64)).sum(), theta
    )
    assert gradient[0, 4:8].tolist() == [0, 5, 7, 0]
    low = 0.0 if activation == "heaviside" else -1.0
    assert gradient[0, 8:12].tolist() == [low, low, 1, 1]


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
    for name, least in (("rere-cnn", 16), ("yegenoglu-cnn", 14)):
        with pytest.raises(
            BadInput, match=f"network: '{name}' is not allowed; expected an image dataset"
        ):
            NETWORKS.build(name).build((2,), 2)
        with pytest.raises(
            BadInput,
            match=(
                f"network: '{name}' is not allowed; expected an image dataset of at least "
                f"{least}×{least} pixels"
            ),
        ):
            NETWORKS.build(name).build((1, least - 1, 28), 10)
        x = torch.zeros(1, 1, least, least)
        network = NETWORKS.build(name).build((1, least, least), 10)
        assert network.forward(network.init(torch.Generator()).unsqueeze(0), x).shape == (1, 1, 10)
    with pytest.raises(BadInput, match=r"network\.kernel: 4"):
        CNN(kernel=4).build((1, 8, 8), 2)
    with pytest.raises(
        BadInput, match=r"network\.hidden\[1\]: 0 is not allowed; expected at least 1"
    ):
        NETWORKS.build({"name": "mlp", "hidden": [4, 0]})
    with pytest.raises(BadInput, match="at most 6 entries"):
        NETWORKS.build({"name": "mlp", "hidden": [4] * 7})
