"""Evaluate a population on samples, in chunks that fit the cache.

Used by the oracle (which counts the cost) and by the observer (which does not). For a population of
any size, it needs at most `chunking.MOST_BYTES` besides its inputs and results.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .kernels.losses import values
from .losses import Loss, accuracy
from .networks.base import Network
from .populations.base import Population, answers, as_population
from .populations.layerwise import ActivationCache

Scores = tuple[float, float, float, float]
"""Loss and accuracy on some samples, loss and accuracy on others."""


@torch.no_grad()
def outputs(network: Network, population: Tensor, x: Tensor) -> Tensor:
    """Return the outputs of every member: (P, D), (B, *shape) → (P, B, K)."""
    result: Tensor | None = None
    for members, samples, answer in answers(network, population, x):
        if result is None:
            result = answer.new_empty(len(population), answer.shape[1], len(x))
        result[members, :, samples] = answer
    assert result is not None, "no members or no samples"
    return result.transpose(1, 2)


@torch.no_grad()
def losses(
    network: Network,
    loss: Loss,
    population: Tensor | Population,
    x: Tensor,
    y: Tensor,
    cache: ActivationCache | None = None,
) -> Tensor:
    """Return the losses of every member: (P, D), (B, *shape), (B,) → (P,). With a cache, chains
    that change one layer are evaluated from there upward, and the cache records the cost.
    """
    population, cache = as_population(population), cache or ActivationCache()
    result = torch.zeros(len(population), dtype=population.dtype, device=population.device)
    for members, samples, answer in population.answers(network, x, cache):
        targets = y[samples]
        part = values(loss, answer, targets)
        if len(targets) == len(y):
            result[members] = part
        else:
            result[members] += part * (len(targets) / len(y))
    return result


def gradients(network: Network, loss: Loss, population: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return ∇L of every network: (P, D), (B, *shape), (B,) → (P, D). For observation only;
    optimizers use the oracle.
    """
    with torch.enable_grad():
        at = population.detach().clone().requires_grad_()
        answer = network.forward(at, x)
        return torch.autograd.grad(
            (answer * loss.derivative(answer.detach(), y)).sum() / len(y), at
        )[0]


@torch.no_grad()
def scores(
    network: Network, loss: Loss, population: Tensor, x: Tensor, y: Tensor, first: int
) -> list[Scores]:
    """Return loss and accuracy of every network (P, D) on the first samples, and on the rest, in
    one pass.
    """
    return scored(loss, outputs(network, population, x), y, first)


def scored(loss: Loss, answer: Tensor, y: Tensor, first: int) -> list[Scores]:
    """Return the same for outputs that are known, (P, B, K)."""
    parts = [(answer[:, :first], y[:first]), (answer[:, first:], y[first:])]
    found = torch.stack(
        [
            value.float()
            for outputs_, targets in parts
            for value in (loss.values(outputs_, targets), accuracy(outputs_, targets))
        ]
    )
    return list(zip(*found.tolist(), strict=True))
