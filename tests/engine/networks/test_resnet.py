"""ResNet-20 against the same network written with torch's own layers, in float64."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from engine import evaluation
from engine.errors import BadInput, CannotRun
from engine.experiment.model import Experiment
from engine.losses import LOSSES
from engine.networks import NETWORKS, Network
from engine.populations import chunks
from engine.race.race import Race
from tests.engine.support.network_checks import every_door_agrees


class Block(nn.Module):
    """As in the paper, option A."""

    def __init__(self, before: int, after: int, norm: type[nn.Module] | None) -> None:
        super().__init__()
        self.stride, self.new = (2, after - before) if after != before else (1, 0)
        self.conv1, self.norm1 = (
            nn.Conv2d(before, after, 3, self.stride, 1, bias=False),
            norm_of(norm, after),
        )
        self.conv2, self.norm2 = nn.Conv2d(after, after, 3, 1, 1, bias=False), norm_of(norm, after)

    def forward(self, h: Tensor) -> Tensor:
        inner = self.norm2(self.conv2(functional.relu(self.norm1(self.conv1(h)))))
        if self.new:
            h = functional.pad(
                h[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.new // 2, self.new // 2)
            )
        return functional.relu(inner + h)


def norm_of(norm: type[nn.Module] | None, maps: int) -> nn.Module:
    return (
        nn.GroupNorm(8, maps) if norm is None else nn.BatchNorm2d(maps, track_running_stats=False)
    )


def module(shape: tuple[int, ...], classes: int, width: int, normalisation: str) -> nn.Sequential:
    norm = None if normalisation == "group" else nn.BatchNorm2d
    maps = [width] * 4 + [2 * width] * 3 + [4 * width] * 3
    blocks = [Block(a, b, norm) for a, b in pairwise(maps)]
    first = [nn.Conv2d(shape[0], width, 3, 1, 1, bias=False), norm_of(norm, width), nn.ReLU()]
    return nn.Sequential(
        *first, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, classes)
    )


@pytest.mark.parametrize("normalisation", ["group", "batch"])
@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 17, 18)])
def test_every_door_agrees_with_torchs_layers(shape: tuple[int, ...], normalisation: str) -> None:
    network = NETWORKS.build(
        {"name": "resnet20", "width": 8, "normalisation": normalisation}
    ).build(shape, 4)
    theirs = module(shape, 4, 8, normalisation).double()
    names = [name for name, _ in theirs.named_parameters()]
    assert [layer.shape for layer in network.layers] == [
        tuple(p.shape) for p in theirs.parameters()
    ]

    def answer(theta: Tensor, x: Tensor) -> Tensor:
        weights = {
            name: theta[layer.start : layer.stop].view(layer.shape)
            for name, layer in zip(names, network.layers, strict=True)
        }
        return functional_call(theirs, weights, (x,))

    x = torch.rand(4, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    every_door_agrees(network, answer, x, "images", members=2, atol=1e-8, spread=0.02)


def test_it_has_the_weights_and_the_work_of_the_paper() -> None:
    network = NETWORKS.build("resnet20").build((3, 32, 32), 10)
    assert network.dimension == 269_722
    assert sum(len(layer.shape) == 4 for layer in network.layers) == 19
    stages = [
        6 * 32 * 32 * 16 * 16 * 9,
        16 * 16 * 32 * 9 * (16 + 5 * 32),
        8 * 8 * 64 * 9 * (32 + 5 * 64),
    ]
    assert network.flops == 2 * (32 * 32 * 3 * 16 * 9 + sum(stages) + 64 * 10)
    assert round(network.flops / 2e6) == 41  # the 41 million multiply-adds the literature gives it


def test_first_weights_keep_the_scale_through_all_layers() -> None:
    network = NETWORKS.build("resnet20").build((3, 32, 32), 10)
    theta = network.init(torch.Generator().manual_seed(0))
    for layer in network.layers:
        values = theta[layer.start : layer.stop]
        if "norm" in layer.name:
            assert bool((values == float(layer.name.endswith("weight"))).all())
        elif len(layer.shape) == 4:
            assert float(values.std()) == pytest.approx((2 / layer.fan_in) ** 0.5, rel=0.1)
    assert 0.05 < network.forward(theta.unsqueeze(0), torch.rand(4, 3, 32, 32)).std() < 20


def batch_network() -> tuple[Network, Tensor, Tensor]:
    network = NETWORKS.build({"name": "resnet20", "width": 8, "normalisation": "batch"}).build(
        (1, 16, 16), 3
    )
    generator = torch.Generator().manual_seed(0)
    population = network.init(generator).unsqueeze(0) + 0.02 * torch.randn(
        3, network.dimension, generator=generator
    )
    return network, population, torch.rand(130, 1, 16, 16, generator=generator)


def test_a_batch_is_never_taken_apart_where_samples_hang_on_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network, population, x = batch_network()
    monkeypatch.setitem(chunks.CHUNK_FLOATS, "cpu", 1)
    whole = network.forward(population, x)
    torch.testing.assert_close(
        evaluation.outputs(network, population, x), whole, rtol=1e-4, atol=1e-4
    )
    y = torch.arange(130) % 3
    torch.testing.assert_close(
        evaluation.losses(network, LOSSES["hinge"], population, x, y),
        LOSSES["hinge"].values(whole, y),
        rtol=1e-4,
        atol=1e-4,
    )
    assert [chunks.together(n) for n in (0, 1, 1024, 1025, 3000)] == [1, 1, 1024, 513, 1000]
    # Every member is normalised by itself: alone it says the same.
    torch.testing.assert_close(
        network.forward(population[1:2], x)[0], whole[1], rtol=1e-4, atol=1e-4
    )
    assert not torch.allclose(network.forward(population, x[:5]), whole[:, :5], rtol=0.01)


def test_group_norm_says_the_same_of_a_sample_whatever_is_beside_it() -> None:
    network = NETWORKS.build({"name": "resnet20", "width": 8}).build((1, 16, 16), 3)
    theta, x = network.init(torch.Generator().manual_seed(0)).unsqueeze(0), torch.rand(7, 1, 16, 16)
    torch.testing.assert_close(
        network.forward(theta, x[:2]), network.forward(theta, x)[:, :2], rtol=1e-4, atol=1e-5
    )


def test_what_does_not_fit_is_refused_in_one_line() -> None:
    with pytest.raises(
        BadInput,
        match=(
            r"network: 'resnet20' is not allowed; expected an image dataset of at least 16×16 "
            r"pixels"
        ),
    ):
        Experiment.parse({"dataset": "digits", "network": "resnet20"})
    with pytest.raises(BadInput, match=r"network\.width: 12 is not allowed"):
        Experiment.parse({"dataset": "mnist-small", "network": {"name": "resnet20", "width": 12}})
    batch = {"name": "resnet20", "width": 8, "normalisation": "batch"}
    with pytest.raises(CannotRun) as caught:
        Experiment.parse(
            {
                "dataset": "mnist-small",
                "network": batch,
                "lanes": [{"name": "levenberg-marquardt", "batch": 8}],
            }
        )
    assert "\n" not in str(caught.value)


def test_it_races() -> None:
    value = {
        "dataset": "mnist-small",
        "network": {"name": "resnet20", "width": 8},
        "lanes": [{"name": "adam", "batch": 16}, {"name": "mezo", "batch": 16}],
    }
    race = Race(Experiment.parse({**value, "budget": {"currency": "evaluations", "amount": 1e9}}))
    start = race.theta.clone()
    for lane in race.lanes:
        race.advance_lane(lane)
        assert bool(torch.isfinite(lane.state.estimate).all())
        assert not torch.equal(lane.state.estimate, start)
