"""Networks of ±1 weights against plain loops, and what their gradients are."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.func import jacrev, jvp, vmap

from engine import evaluation
from engine.experiment import query_string
from engine.experiment.model import Experiment
from engine.networks.binary import Binary, BinaryNetwork
from engine.optimizers import OPTIMIZERS
from engine.race.race import Race


def plain(network: BinaryNetwork, theta: Tensor, sample: Tensor) -> list[float]:
    """One network on one sample, number by number."""
    h = [
        float(round((value - network.middle) * network.levels))
        for value in sample.flatten().tolist()
    ]
    at = 0
    for layer, (inputs, outputs) in enumerate(
        zip(network.sizes[:-1], network.sizes[1:], strict=True)
    ):
        if layer:
            h = [1.0 if value >= 0 else -1.0 for value in h]
        sums = []
        for _ in range(outputs):
            weights = theta[at : at + inputs].tolist()
            sums.append(
                sum(value if w >= 0 else -value for w, value in zip(weights, h, strict=True))
            )
            at += inputs
        h = sums
    assert at == network.dimension
    return h


@pytest.mark.parametrize("hidden", [(), (5,), (6, 4, 3)], ids=str)
@pytest.mark.parametrize("levels", [2, 16])
def test_outputs_are_those_of_a_plain_loop(hidden: tuple[int, ...], levels: int) -> None:
    generator = torch.Generator().manual_seed(1)
    network = Binary(hidden=hidden, levels=levels).build((1, 3, 4), 3)
    population = torch.randn(5, network.dimension, generator=generator, dtype=torch.float64)
    population[0, :4], population[1] = 0.0, -0.0
    x = torch.randn(7, 1, 3, 4, generator=generator, dtype=torch.float64)
    expected = torch.tensor(
        [[plain(network, theta, one) for one in x] for theta in population], dtype=torch.float64
    )
    assert torch.equal(network.forward(population, x), expected)
    assert torch.equal(evaluation.outputs(network, population, x), expected)
    single = evaluation.outputs(network, population.float(), x.float())
    assert torch.equal(single.double(), expected)
    assert network.flops == 2 * network.dimension


def test_first_weights_are_random_signs() -> None:
    network = Binary(hidden=(32,)).build((1, 8, 8), 10)
    assert network.dimension == 2368
    theta = network.init(torch.Generator().manual_seed(0))
    assert torch.equal(theta.abs(), torch.ones(2368))
    assert abs(float(theta.mean())) < 0.1
    assert torch.equal(theta, network.init(torch.Generator().manual_seed(0)))
    assert all(layer.fan_in == 1 for layer in network.layers)  # what methods call a natural step


def test_without_straight_through_every_gradient_is_zero() -> None:
    x = torch.rand(9, 1, 3, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    network = Binary(hidden=(5, 4)).build((1, 3, 4), 3)
    theta = network.init(torch.Generator().manual_seed(1), torch.float64)
    assert jacrev(lambda at: network.forward(at.unsqueeze(0), x).flatten())(theta).abs().max() == 0


def test_straight_through_changes_the_gradient_and_nothing_forward() -> None:
    """Weights pass it as they are; a neuron does where its sum is within its natural size."""
    x = torch.rand(9, 1, 3, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    jumping = Binary(hidden=(5, 4)).build((1, 3, 4), 3)
    straight = Binary(hidden=(5, 4), straight_through=True).build((1, 3, 4), 3)
    theta = 0.4 * jumping.init(torch.Generator().manual_seed(1), torch.float64)
    assert torch.equal(
        jumping.forward(theta.unsqueeze(0), x), straight.forward(theta.unsqueeze(0), x)
    )

    def f(at: Tensor) -> Tensor:
        return straight.forward(at.unsqueeze(0), x).flatten()

    def lines(at: Tensor) -> Tensor:
        """The straight lines that signs are taken for, about the sums there are."""
        sums = [one[0].double() for one in straight.sums(theta.unsqueeze(0), straight.prepare(x))]
        sums = [one.clone() for one in sums]
        h, start = straight.prepare(x), 0
        for layer, (inputs, outputs) in enumerate(
            zip(straight.sizes[:-1], straight.sizes[1:], strict=True)
        ):
            block = at[start : start + inputs * outputs].view(outputs, inputs)
            signs = torch.where(theta[start : start + inputs * outputs] >= 0, 1.0, -1.0)
            weights = signs.view(outputs, inputs) + block - block.detach()
            start += inputs * outputs
            if layer:
                window = straight.sizes[layer - 1] ** 0.5 * (
                    straight.levels / 2 if layer == 1 else 1
                )
                inside = (sums[layer - 1].abs() <= window).double()
                known = torch.where(sums[layer - 1] >= 0, 1.0, -1.0)
                h = known + inside * (h - h.detach()) / window
            h = weights @ h
        return h.T.flatten()

    jacobian = jacrev(f)(theta)
    at = theta.clone().requires_grad_()
    rows = [torch.autograd.grad(one, at, retain_graph=True)[0] for one in lines(at)]
    torch.testing.assert_close(jacobian, torch.stack(rows))
    assert (jacobian.abs().max(0).values > 0).double().mean() > 0.5
    directions = torch.randn(
        4, len(theta), generator=torch.Generator().manual_seed(2), dtype=torch.float64
    )
    forward = vmap(lambda d: jvp(f, (theta,), (d,))[1])(directions)
    torch.testing.assert_close(forward, directions @ jacobian.T)


def experiment(lanes: list[object], straight: bool = False, **more: object) -> Experiment:
    network = {"name": "binary", "hidden": [6], "straight_through": straight}
    value = {"dataset": "iris", "network": network, "lanes": lanes, "device": "cpu"}
    budget = {"currency": "evaluations", "amount": 1e5}
    return Experiment.parse(value | {"budget": budget} | more)


def test_chains_flip_single_weights_unless_told_otherwise() -> None:
    found = experiment(
        [
            "annealing",
            {"name": "parallel-tempering", "proposal": "sparse"},
            {"name": "annealing", "block_fraction": 0.1},
            "adam",
        ]
    )
    told = [(lane.proposal, lane.block_fraction) for lane in found.lanes[:3]]  # type: ignore[attr-defined]
    assert told == [("flip", 1e-6), ("sparse", 0.02), ("flip", 0.1)]
    assert found.loss == "margin"
    flat = query_string.to_flat(found)
    assert "loss" not in flat
    assert "lane1.proposal" not in flat
    assert flat["parallel-tempering.proposal"] == "sparse"
    assert query_string.from_flat(flat) == found
    usual = experiment(["annealing"], network="mlp").lanes[0]
    assert usual.proposal == "sparse"  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_every_method_runs_on_it_and_all_panels_are_drawn(name: str) -> None:
    loss = "cross-entropy" if name == "levenberg-marquardt" else "margin"
    race = Race(experiment([name], straight=True, seed=3, loss=loss), marks=3)
    frames = list(race)
    assert race.lanes[0].trouble is None
    assert frames[-1].picture is not None
    assert torch.isfinite(race.lanes[0].state.estimate).all()


def test_adam_stands_still_without_straight_through_and_learns_with_it() -> None:
    for straight in (False, True):
        race = Race(experiment([{"name": "adam", "batch": 0}], straight), marks=2, pictures=False)
        first, *_, last = list(race)
        moved = first.metrics["lanes"][0]["loss"] - last.metrics["lanes"][0]["loss"]
        assert moved > 0.5 if straight else moved == 0
