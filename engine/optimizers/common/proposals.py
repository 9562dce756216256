"""Symmetric proposals for Metropolis chains, made for all chains at once.

Every weight moves in units of its layer's natural size, so one step size serves all layers. A
proposal is a choice of weights and a law for how far they move:

gaussian    every weight, normal
sparse      a few random weights, normal
layer       every weight of one layer, normal; each chain draws its layer
cauchy      a few random weights, Cauchy (Szu and Hartley 1987, https://doi.org/10.1016/0375-9601(87)90796-1)
visiting    one random weight, the visiting distribution of generalized annealing (Tsallis and
            Stariolo 1996, https://doi.org/10.1016/S0378-4371(96)00271-3)
flip        a few random weights, negated; for networks of ±1 weights, where it is the smallest
            change there is. Real weights may be flipped too: they keep their sizes then

The heavier the tails, the fewer weights move: among many draws one is always enormous, and the move
is never accepted. Half of the visiting distribution's draws are beyond 16 s, a tenth beyond 20,000
s; where it is used otherwise, jumps wrap around in a box, which weights do not have.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal

import torch
from torch import Tensor

from ...kernels.proposals import move_few, replace_few
from ...networks.base import Layer
from ...populations.layerwise import LayerMove, LayerwisePopulation
from ...random.rng import Rng

ProposalName = Literal["sparse", "gaussian", "layer", "cauchy", "visiting", "flip"]
MAX_JUMP = 1e8
"""Longest jump, in units of s: the law of the visiting distribution has no variance, and numbers of
the machine have an end."""
WORTH, WIDE = 0.3, 64
"""What a proposal of few weights must save of the work of judging, and how wide the layers must be,
for it to remember what they answer: to keep that costs time, too. (Measured, one weight at a time:
64 neurons 1.1 times as fast, 256 neurons 1.2 times; 32 neurons 0.85 times.)"""


@dataclass
class Proposal:
    """A move of every chain.

    Attributes:
        population: (P, D) the chains after the move, to be judged; where what does not move is
            remembered, `LayerwisePopulation` that stand for it.
        settle: takes (P,) bool, which chains keep the move, and returns the population after the
            decision. To be called once.
    """

    population: Tensor | LayerwisePopulation
    settle: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Shape:
    """What a proposal looks like, apart from its size.

    Attributes:
        kind: which weights, and how far.
        share: share of the weights moved by the sparse, Cauchy and flip proposals.
        q, temperature: of the visiting distribution.
    """

    kind: ProposalName
    share: float = 0.02
    q: float = 2.62
    temperature: float = 1.0

    def count(self, dimension: int) -> int:
        """Return how many of D weights move, at most."""
        if self.kind in ("gaussian", "layer"):
            return dimension
        return 1 if self.kind == "visiting" else max(1, round(self.share * dimension))


def propose(
    shape: Shape,
    population: Tensor,
    sizes: Tensor,
    scale: Tensor,
    layers: tuple[Layer, ...],
    rng: Rng,
) -> Proposal:
    """Propose a move of that shape: θ' = θ + s·q.

    Args:
        shape: of the move.
        population: (P, D); a proposal that moves a few weights changes it in place until it is
            settled.
        sizes: (P,) step sizes s.
        scale: (D,) natural size of each weight.
        layers: of the network, where what they answer is remembered; the layer proposal needs them.
        rng: where q comes from.
    """
    members, dimension = population.shape
    count = shape.count(dimension)
    if shape.kind == "layer":
        chains = LayerwisePopulation(population, one_layer(population, sizes, scale, layers, rng))
        return Proposal(chains, chains.settle)
    if shape.kind == "gaussian" or (count >= dimension and shape.kind != "flip"):
        moved = (
            draws(shape, rng, members, dimension)
            .to(population)
            .mul_(scale)
            .mul_(sizes.unsqueeze(1))
            .add_(population)
        )
        return Proposal(moved, lambda keep: torch.where(keep.unsqueeze(1), moved, population))
    # Only the chosen weights are drawn, moved and, where the move is refused, put back: P·k numbers
    # instead of P·D. A weight chosen twice moves once, by one of its two draws.
    chosen = rng.integers(dimension, members, count)
    if shape.kind == "flip":
        after = -population.gather(1, chosen)
        if layers:
            flipped = LayerwisePopulation(
                population, few_weights(population, chosen, after, layers)
            )
            return Proposal(flipped, flipped.settle)
        return Proposal(population, replace_few(population, chosen, after))
    jumps = draws(shape, rng, members, count).to(population)
    if not layers:
        return Proposal(population, move_few(population, chosen, jumps, scale, sizes))
    after = population.gather(1, chosen) + jumps * scale[chosen] * sizes.unsqueeze(1)
    chains = LayerwisePopulation(population, few_weights(population, chosen, after, layers))
    return Proposal(chains, chains.settle)


def draws(shape: Shape, rng: Rng, members: int, count: int) -> Tensor:
    """Draw moves (P, k) in units of s, independent and symmetric about 0."""
    if shape.kind == "cauchy":
        return torch.tan(math.pi * (rng.uniform(members, count) - 0.5)).clamp_(-MAX_JUMP, MAX_JUMP)
    if shape.kind == "visiting":
        x, y = rng.normal(members, count), rng.normal(members, count)
        return visit(x, y, shape.temperature, shape.q)
    return rng.normal(members, count)


def visit(x: Tensor, y: Tensor, temperature: float, q: float) -> Tensor:
    """Draw from the visiting distribution g_q at a temperature, with two standard normal numbers
    for each draw: σ x / |y|^{(q−1)/(3−q)}, at most `MAX_JUMP`.

    σ = (√π (q−1)^{4−q} 2^{(q−2)/(q−1)} T^{1/(q−1)} / ((3−q) Γ(1/(q−1) − ½)))^{(q−1)/(3−q)} (Tsallis
    and Stariolo 1996; the Γ here is theirs by Euler's reflection formula). The width of g_q grows
    like T^{1/(3−q)} and its tails fall like |Δ|^{−2/(q−1)}: q → 1 is normal, q = 2 is Cauchy, and
    from q = 5/3 on there is no variance.
    """
    above = (
        math.sqrt(math.pi)
        * (q - 1) ** (4 - q)
        * 2 ** ((q - 2) / (q - 1))
        * temperature ** (1 / (q - 1))
    )
    below = (3 - q) * math.gamma(1 / (q - 1) - 0.5)
    power = (q - 1) / (3 - q)
    return (
        (x * (above / below) ** power / y.abs() ** power)
        .nan_to_num(nan=0.0)
        .clamp_(-MAX_JUMP, MAX_JUMP)
    )


def one_layer(
    population: Tensor, sizes: Tensor, scale: Tensor, layers: tuple[Layer, ...], rng: Rng
) -> list[LayerMove]:
    """Move every weight of the layer each chain draws. Only what moves is drawn, layer by layer."""
    groups = grouped(layers)
    drawn = rng.integers(len(groups), len(population))
    moves = []
    for number, group in enumerate(groups):
        rows = (drawn == number).nonzero().squeeze(1)
        weights = slice(group[0].start, group[-1].stop)
        if len(rows):
            block = rng.normal(len(rows), weights.stop - weights.start).to(population)
            block.mul_(scale[weights]).mul_(sizes[rows].unsqueeze(1)).add_(
                population[rows, weights]
            )
            moves.append(LayerMove(number, weights, rows, block))
    return moves


def few_weights(
    population: Tensor, chosen: Tensor, after: Tensor, layers: tuple[Layer, ...]
) -> list[LayerMove]:
    """Return moves of the weights chosen, (P, k) int64, to what they become, (P, k): of every chain
    all weights from the lowest layer on that has one of them.
    """
    moves, dimension = [], population.shape[1]
    lowest = chosen.min(1).values
    for number, group in enumerate(grouped(layers)):
        start, stop = group[0].start, group[-1].stop
        rows = ((lowest >= start) & (lowest < stop)).nonzero().squeeze(1)
        if len(rows):
            block = population[rows, start:].scatter_(1, chosen[rows] - start, after[rows])
            moves.append(LayerMove(number, slice(start, dimension), rows, block))
    return moves


def worth_caching(count: int, starts: tuple[int, ...], dimension: int) -> bool:
    """Return whether so much lies below the lowest of k random weights that it pays to keep the
    activations of the layers there.

    All k weights lie from layer l on with probability (1 − start_l / D)^k, which then saves the
    work of the layer below, in proportion to its weights.

    Args:
        count: k.
        starts: where the layers begin.
        dimension: D.
    """
    return (
        count < dimension
        and sum(
            (1 - above / dimension) ** count * (above - below) / dimension
            for below, above in pairwise(starts)
        )
        >= WORTH
    )


def grouped(layers: tuple[Layer, ...]) -> list[list[Layer]]:
    """Group weights and biases of a layer, "0.weight" and "0.bias"."""
    return [
        list(group) for _, group in groupby(layers, key=lambda layer: layer.name.rpartition(".")[0])
    ]
