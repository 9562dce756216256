"""Rank shaping, shared by the evolution strategies: losses become weights by their order alone.

What is made of the losses depends on nothing but their order, so a monotone transform of the loss
(its logarithm, say) changes nothing, and neither does one terrible sample. Rank 1 is the lowest
loss. Members with equal losses share the weights of the ranks they hold together: otherwise their
place in memory would decide.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

WIDEST = 100.0
"""How many times the first step size samples spread out on a plateau before they begin again."""


def by_rank(losses: Tensor, weights: Tensor) -> Tensor:
    """Give every member (P,) the weight of its rank, ``weights`` (P,) from the lowest loss on; ties
    share the mean of their ranks' weights.
    """
    weights = weights.to(losses.device)
    ordered = losses.sort().values
    first, after = (torch.searchsorted(ordered, losses, side=side) for side in ("left", "right"))
    sums = torch.cat([weights.new_zeros(1), weights.cumsum(0)])
    return torch.where(
        after - first == 1, weights[first], (sums[after] - sums[first]) / (after - first)
    )


def centred_ranks(losses: Tensor) -> Tensor:
    """Return ranks from −½ at the lowest loss to ½ at the highest, evenly (Salimans et al. 2017),
    so that the sum over members is 0: (P,) → (P,).
    """
    return by_rank(losses, torch.linspace(-0.5, 0.5, len(losses), dtype=losses.dtype))


def recombined(losses: Tensor, weights: Tensor) -> Tensor:
    """Assign recombination weights by rank, as `by_rank` does, to members of which some may have
    failed; members with infinite losses get no positive weight.

    A failed member draws nothing: the positive weights are shared by the others, as if these were
    all, and it keeps its part of the negative ones. Nobody has a weight where all have failed.
    """
    shared, failed = by_rank(losses, weights), torch.isinf(losses)
    if not bool(failed.any()):
        return shared
    if bool(failed.all()):
        return torch.zeros_like(shared)
    drawn = by_rank(losses, weights.clamp(min=0)).masked_fill_(failed, 0.0)
    return drawn * (weights.clamp(min=0).sum() / drawn.sum()) + by_rank(
        losses, weights.clamp(max=0)
    )


def flat(losses: Tensor) -> tuple[bool, bool]:
    """Return whether the best of the losses (P,) is no better than the one at 70 % of the ranks
    (Hansen 2016, appendix B.3), and whether all are equal.
    """
    ordered = losses.sort().values
    lowest, most, highest = ordered[[0, math.ceil(0.7 * len(losses)) - 1, -1]].tolist()
    return lowest == most, lowest == highest


def widened(sigma: Tensor, first: float, factor: float) -> Tensor:
    """Enlarge step sizes on a plateau by a factor, so that samples come to reach its edge (Hansen
    2016, appendix B.3).

    On a plateau without an edge they would grow for ever; from `WIDEST` times the first step size
    on they begin again with that.

    Args:
        sigma: () or (D,).
        first: what their mean was at the start.
        factor: above 1.
    """
    wider = (sigma * factor).clamp(min=1e-30)
    return torch.where(wider.mean() > WIDEST * first, wider * (first / wider.mean()), wider)


def snes_utilities(size: int) -> Tensor:
    """Return utilities u_k = max(0, ln(λ/2 + 1) − ln k) / Σ_j max(0, ln(λ/2 + 1) − ln j) − 1/λ for
    ranks k = 1…λ: (λ,), with sum 0.
    """
    k = torch.arange(1, size + 1, dtype=torch.float64)
    u = (math.log(size / 2 + 1) - k.log()).clamp(min=0)
    return u / u.sum() - 1 / size


def effective(weights: Tensor) -> float:
    """Return μ_eff = (Σ w)² / Σ w²: how many equally weighted members carry as much information."""
    return float(weights.sum() ** 2 / weights.square().sum())


def positive_log_weights(size: int) -> Tensor:
    """Return w_i ∝ ln(μ + 1) − ln i for the best μ = ⌊λ/2⌋ of λ members, 0 for the rest: (λ,), with
    sum 1.
    """
    i = torch.arange(1, size + 1, dtype=torch.float64)
    w = (math.log(size // 2 + 1) - i.log()).clamp(min=0)
    return w / w.sum()


def log_weights(size: int) -> Tensor:
    """Return w'_i = ln((λ + 1)/2) − ln i for ranks i = 1…λ: positive for the better half, negative
    for the worse (Hansen 2016, eq. 49).
    """
    return math.log((size + 1) / 2) - torch.arange(1, size + 1, dtype=torch.float64).log()


def active_weights(size: int, dimension: int, c1: float, c_mu: float) -> Tensor:
    """Return the weights of CMA-ES (λ,) (Hansen 2016, eqs. 49 to 53): the positive add up to 1, the
    negative to −min(α_μ⁻, α_μeff⁻, α_posdef⁻), which keeps C positive definite.
    """
    w = log_weights(size)
    better, worse = w[: size // 2], w[size // 2 :]
    alpha = min(
        1 + c1 / c_mu,
        1 + 2 * effective(worse) / (effective(better) + 2),
        (1 - c1 - c_mu) / (dimension * c_mu),
    )
    return torch.where(w >= 0, w / w.clamp(min=0).sum(), alpha * w / w.clamp(max=0).sum().abs())
