"""One check for every network: what the oracle answers through each of its doors is what
differentiating a loop of torch's own layers gives.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import jacrev

from engine import evaluation
from engine.datasets.base import Dataset, Kind
from engine.losses import LOSSES
from engine.networks.base import Network
from engine.oracle import Oracle, Sees

Reference = Callable[[Tensor, Tensor], Tensor]
"""Outputs of one member: (D,), (B, *shape) → (B, K)."""


def every_door_agrees(
    network: Network,
    reference: Reference,
    x: Tensor,
    kind: Kind,
    members: int = 3,
    atol: float = 1e-9,
    spread: float = 0.3,
) -> None:
    """Outputs, losses, gradients, directional derivatives and the Jacobian in float64, of first
    weights and of others around them.
    """
    generator = torch.Generator().manual_seed(3)
    theta = network.init(generator, torch.float64)
    population = theta + spread * torch.randn(
        members, network.dimension, generator=generator, dtype=torch.float64
    )
    classes = network.layers[-1].shape[0]
    y = torch.arange(len(x)) % classes
    data = Dataset(x, y, x, y, tuple(map(str, range(classes))), kind)

    def ask(sees: Sees) -> Oracle:
        return Oracle(network, LOSSES["cross-entropy"], data, sees)

    def loss(at: Tensor) -> Tensor:
        return torch.nn.functional.cross_entropy(reference(at, x), y)

    theirs = torch.stack([reference(member, x) for member in population])
    assert theirs.std() > 0.01
    torch.testing.assert_close(network.forward(population, x), theirs, rtol=0, atol=atol)
    torch.testing.assert_close(ask("outputs").outputs(population), theirs, rtol=0, atol=atol)
    torch.testing.assert_close(
        evaluation.outputs(network, population.float(), x.float()).double(),
        theirs,
        rtol=0,
        atol=1e-3,
    )
    values, gradients = ask("gradient").gradients(population)
    rows = []
    for member in population:
        at = member.clone().requires_grad_()
        rows.append(torch.autograd.grad(loss(at), at)[0])
    torch.testing.assert_close(
        values, torch.stack([loss(member) for member in population]), rtol=0, atol=atol
    )
    torch.testing.assert_close(gradients, torch.stack(rows), rtol=0, atol=atol)
    directions = torch.randn(2, network.dimension, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(
        ask("jvp").jvp(population[0], directions), directions @ rows[0], rtol=0, atol=atol * 100
    )
    if not network.batch_dependent:
        jacobian = ask("jacobian").jacobian(population[0])
        expected = jacrev(lambda at: network.forward(at.unsqueeze(0), x)[0].flatten())(
            population[0]
        )
        torch.testing.assert_close(jacobian, expected, rtol=0, atol=atol)
