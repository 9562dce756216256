"""Symmetric proposals for Metropolis chains, made for all chains at once.

Every weight moves in units of its layer's natural size, so one step size serves all layers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from engine.rng import Rng

ProposalName = Literal["sparse", "gaussian"]


@dataclass
class Proposal:
    """A move of every chain.

    Attributes:
        population: (P, D) the chains after the move, to be judged.
        settle: takes (P,) bool, which chains keep the move, and returns the population after the decision. To be called once.
    """

    population: Tensor
    settle: Callable[[Tensor], Tensor]


def propose(kind: ProposalName, population: Tensor, sizes: Tensor, scale: Tensor, share: float, rng: Rng) -> Proposal:
    """A move of that kind: θ' = θ + s·q.

    Args:
        kind: "sparse" or "gaussian".
        population: (P, D); a sparse proposal changes it in place until it is settled.
        sizes: (P,) step sizes s.
        scale: (D,) natural size of each weight.
        share: share of the weights a sparse proposal moves.
        rng: where q comes from.
    """
    if kind == "gaussian":
        moved = rng.normal(*population.shape).to(population).mul_(scale).mul_(sizes.unsqueeze(1)).add_(population)
        return Proposal(moved, lambda keep: torch.where(keep.unsqueeze(1), moved, population))
    members, dimension = population.shape
    count = max(1, round(share * dimension))
    # Only the chosen weights are drawn, moved and, where the move is refused, put back: P·k numbers instead of P·D. A weight chosen twice moves once, by one of its two draws.
    chosen = rng.integers(dimension, members, count)
    before = population.gather(1, chosen)
    population.scatter_(1, chosen, before + rng.normal(members, count).to(population) * scale[chosen] * sizes.unsqueeze(1))

    def settle(keep: Tensor) -> Tensor:
        after = population.gather(1, chosen)
        return population.scatter_(1, chosen, torch.where(keep.unsqueeze(1), after, before))

    return Proposal(population, settle)
