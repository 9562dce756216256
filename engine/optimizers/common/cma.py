"""Learning rates and update rules that CMA-ES and its separable form share, in the symbols and with
the equation numbers of the tutorial (Hansen 2016, https://arxiv.org/abs/1604.00772).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

MAX_SIGMA = 1e30
"""On a flat loss σ walks at random; it is kept where single precision can hold it."""


def default_size(dimension: int) -> int:
    """Return λ = 4 + ⌊3 ln D⌋ (eq. 48)."""
    return 4 + math.floor(3 * math.log(dimension))


def expected_length(dimension: int) -> float:
    """Return E‖N(0, I)‖ in D dimensions, to the order the tutorial gives."""
    return math.sqrt(dimension) * (1 - 1 / (4 * dimension) + 1 / (21 * dimension**2))


@dataclass(frozen=True)
class Constants:
    """Learning rates of a generation, in the tutorial's symbols; ``chi`` is E‖N(0, I)‖."""

    mu_eff: float
    c_sigma: float
    d_sigma: float
    c_c: float
    c1: float
    c_mu: float
    chi: float
    dimension: int

    def longest(self, n: int) -> float:
        """Return the longest p_σ, in units of its expected length, at which generation n lets p_c
        follow (h_σ = 1): a longer one means σ is about to grow, which C need not learn.
        """
        return (1.4 + 2 / (self.dimension + 1)) * math.sqrt(1 - (1 - self.c_sigma) ** (2 * n))

    @property
    def widening(self) -> float:
        """Return the factor on σ on a plateau (appendix B.3)."""
        return math.exp(0.2 + self.c_sigma / self.d_sigma)


def path(p: Tensor, y: Tensor, c: float, mu_eff: float, h: Tensor | float = 1.0) -> Tensor:
    """Return an evolution path p (D,) led on by a step y (D,), or let fade where h is 0."""
    return (1 - c) * p + h * math.sqrt(c * (2 - c) * mu_eff) * y  # eqs. 43 and 45


def step_size(sigma: Tensor, p_sigma: Tensor, k: Constants) -> tuple[Tensor, Tensor]:
    """Return the next σ, (), and ‖p_σ‖ in units of its expected length, ()."""
    length = torch.linalg.vector_norm(p_sigma) / k.chi
    sigma = (sigma * (k.c_sigma / k.d_sigma * (length - 1)).exp()).clamp(max=MAX_SIGMA)  # eq. 44
    return sigma, length
