"""Evaluating a population on samples, in chunks that fit the cache.

Used by the oracle (which charges for it) and by the observer (which does not).
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.losses import Loss, accuracy
from engine.networks.base import Network

CHUNK_FLOATS = {"cpu": 2**20, "cuda": 2**27, "mps": 2**25}
"""Activations alive at once in a layer, per kind of device: about a core's cache on the CPU, a fraction of memory elsewhere."""


def chunk_members(network: Network, samples: int, device: torch.device) -> int:
    """How many members to evaluate at once on that many samples."""
    return max(1, CHUNK_FLOATS.get(device.type, 2**20) // max(1, network.widest * samples))


@torch.no_grad()
def outputs(network: Network, population: Tensor, x: Tensor) -> Tensor:
    """(P, D), (B, *shape) → (P, B, K)."""
    size = chunk_members(network, x.shape[0], population.device)
    if population.shape[0] <= size:
        return network.forward(population, x)
    return torch.cat([network.forward(part, x) for part in population.split(size)])


@torch.no_grad()
def losses(network: Network, loss: Loss, population: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """(P, D), (B, *shape), (B,) → (P,). Outputs of one chunk at a time, so memory does not grow with P."""
    size = chunk_members(network, x.shape[0], population.device)
    if population.shape[0] <= size:
        return loss.values(network.forward(population, x), y)
    return torch.cat([loss.values(network.forward(part, x), y) for part in population.split(size)])


def gradient(network: Network, loss: Loss, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """∇L of one network: (D,), (B, *shape), (B,) → (D,). For looking only; optimizers ask the oracle."""
    with torch.enable_grad():
        at = theta.detach().clone().unsqueeze(0).requires_grad_()
        return torch.autograd.grad(loss.values(network.forward(at, x), y).sum(), at)[0][0]


@torch.no_grad()
def scores(network: Network, loss: Loss, theta: Tensor, x: Tensor, y: Tensor, first: int) -> tuple[float, float, float, float]:
    """Loss and accuracy of one network (D,) on the first samples, and on the rest, in one pass: (loss, accuracy, loss of the rest, accuracy of the rest)."""
    step = max(1, CHUNK_FLOATS.get(theta.device.type, 2**20) // network.widest)
    answer = torch.cat([network.forward(theta.unsqueeze(0), part) for part in x.split(step)], 1)
    parts = [(answer[:, :first], y[:first]), (answer[:, first:], y[first:])]
    values = torch.stack([value[0].float() for outputs_, targets in parts for value in (loss.values(outputs_, targets), accuracy(outputs_, targets))])
    one, two, three, four = values.tolist()
    return one, two, three, four
