"""Evaluating a population on samples, in chunks that fit the cache.

Used by the oracle (which charges for it) and by the observer (which does not). No gradient is recorded here.
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


@torch.no_grad()
def score(network: Network, loss: Loss, theta: Tensor, x: Tensor, y: Tensor) -> tuple[float, float]:
    """(loss, accuracy) of one network (D,) on samples, in slices small enough for any network."""
    step = max(1, CHUNK_FLOATS.get(theta.device.type, 2**20) // network.widest)
    total = torch.zeros(2, dtype=torch.float64)
    for start in range(0, len(y), step):
        part = slice(start, start + step)
        answer = network.forward(theta.unsqueeze(0), x[part])
        both = torch.stack([loss.values(answer, y[part])[0], accuracy(answer, y[part])[0].to(answer.dtype)])
        total += both.double().cpu() * len(y[part])
    return float(total[0] / len(y)), float(total[1] / len(y))
