"""sep-CMA-ES, CMA-ES with a diagonal covariance (Ros and Hansen, 2008).

https://doi.org/10.1007/978-3-540-87700-4_30. The rules are those of CMA-ES (Hansen 2016,
https://arxiv.org/abs/1604.00772) with C kept diagonal, so memory and time grow with D rather than
D², and with D fewer numbers to learn C may learn faster. Ros and Hansen multiply all of its rate,
c_cov, by (D + 2)/3; here, as in the package cmaes (https://github.com/CyberAgentAILab/cmaes), only
c_μ is: c₁ stays that of the full matrix. Only the better half has weights.

x_i = m + σ y_i,     y_i = √C ⊙ z_i,     z_i ~ N(0, I),     i = 1…λ, sorted by loss
m ← m + σ y_w,     y_w = Σ_i w_i y_i
p_σ ← (1 − c_σ) p_σ + √(c_σ(2 − c_σ)μ_eff) y_w/√C,     σ ← σ exp(c_σ/d_σ (‖p_σ‖/E‖N(0, I)‖ − 1))
p_c ← (1 − c_c) p_c + h_σ √(c_c(2 − c_c)μ_eff) y_w
C ← (1 − c₁ − c_μ + c₁(1 − h_σ)c_c(2 − c_c)) C + c₁ p_c² + c_μ Σ_i w_i y_i²

Where the best loss equals that at 70 % of the ranks σ is multiplied by exp(0.2 + c_σ/d_σ) (Hansen
2016, appendix B.3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..kernels.gaussian_sampling import sampled, weighted
from ..kernels.row_blocks import again
from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from .base import OPTIMIZERS, Optimizer, Phase, State
from .common.cma import Constants, default_size, expected_length, path, step_size
from .common.config_fields import generation_batch_field, generation_size_field, sigma_field
from .common.finite_losses import finite_losses
from .common.recombination_weights import (
    effective,
    flat,
    positive_log_weights,
    recombined,
    widened,
)


@dataclass(kw_only=True)
class SepCMAESState(State):
    """The Gaussian: ``estimate`` is its mean m, ``population`` this step's samples (λ, D). All else
    is in units of each layer's natural size.

    Attributes:
        sigma: () σ, the step size of all.
        c: (D,) C, the variances.
        p_sigma, p_c: (D,) the evolution paths of σ and of C.
        n: generations.
    """

    sigma: Tensor
    c: Tensor
    p_sigma: Tensor
    p_c: Tensor
    n: int = 0


def update(
    m: Tensor,
    sigma: Tensor,
    c: Tensor,
    p_sigma: Tensor,
    p_c: Tensor,
    z_w: Tensor,
    z_square_w: Tensor,
    root: Tensor,
    scale: Tensor,
    n: int,
    k: Constants,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Move the Gaussian to the samples of generation n, as the equations of Hansen (2016) say where
    C is diagonal.

    Args:
        m: (D,) mean, in place.
        sigma: () σ.
        c: (D,) C.
        p_sigma: (D,) path of σ.
        p_c: (D,) path of C.
        z_w: (D,) Σ_i w_i z_i.
        z_square_w: (D,) Σ_i w_i z_i².
        root: (D,) √C.
        scale: (D,) each weight's natural size; m is the only one not measured in it.
        n: number of the generation, from 1.
        k: the learning rates.

    Returns:
        The next σ, C, p_σ and p_c.
    """
    y_w, y_square_w = root * z_w, c * z_square_w  # eq. 41
    m.add_(scale * (sigma * y_w))  # eq. 42
    p_sigma = path(p_sigma, z_w, k.c_sigma, k.mu_eff)  # eq. 43: C^{−½} y_w = z_w
    sigma, length = step_size(sigma, p_sigma, k)  # eq. 44
    h = (length < k.longest(n)).to(m)
    p_c = path(p_c, y_w, k.c_c, k.mu_eff, h)  # eq. 45
    keep = 1 - k.c1 - k.c_mu + k.c1 * (1 - h) * k.c_c * (2 - k.c_c)
    c = keep * c + k.c1 * p_c.square() + k.c_mu * y_square_w  # eq. 47, its diagonal
    return sigma, c, p_sigma, p_c


@OPTIMIZERS.add
class SepCMAES(Optimizer[SepCMAESState]):
    """A Gaussian with a learned variance for every weight."""

    name = "sep-cma-es"
    label = "sep-CMA-ES"
    family = "Evolution"
    sees = "loss"
    paper = "Ros and Hansen 2008, https://doi.org/10.1007/978-3-540-87700-4_30"
    sentence = (
        "CMA-ES for many weights: learns a scale for each in time that grows only with their "
        "number; "
        "blind to how weights act together, it is slow in valleys that do not run along an axis."
    )
    phases = (
        Phase(
            "Sample",
            (
                "Networks are drawn about the mean, each weight with a learned spread of its "
                "own, times σ."
            ),
            "asked",
        ),
        Phase(
            "Rank",
            "The losses are put in order; the better half gets weights, the best the largest.",
            "answered",
        ),
        Phase("Move the mean", "The mean moves to the weighted mean of the better half.", "moved"),
        Phase(
            "Reshape",
            (
                "Each weight's spread learns from the better half and the mean's path; long "
                "straight paths raise σ."
            ),
            "reshaped",
        ),
    )
    sampled = True

    formerly = renamed(population="population_size")

    batch: int = generation_batch_field()
    population_size: int | None = generation_size_field(16384)
    sigma: float = sigma_field(0.5, "First step size (σ)")

    def memory_rows(self) -> int:
        # The samples; what they were drawn from is drawn twice instead of kept.
        return (self.population_size or 64) + 12

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> SepCMAESState:
        zeros = torch.zeros_like(theta)
        return SepCMAESState(
            theta.clone(),
            sigma=theta.new_tensor(self.sigma),
            c=torch.ones_like(theta),
            p_sigma=zeros,
            p_c=zeros.clone(),
        )

    def step(self, state: SepCMAESState, rng: Rng, oracle: Oracle) -> SepCMAESState:
        m, sigma, c, dimension = state.estimate, state.sigma, state.c, state.estimate.numel()
        size = self.population_size or default_size(dimension)
        weights = positive_log_weights(size)
        k = constants(effective(weights), dimension)
        state.n += 1

        scale = oracle.init_scale.to(m)
        z, root = rng.rows("normal", size, dimension), c.sqrt()
        state.population = sampled(
            again(state.population, (size, dimension), m), z, m, scale * (sigma * root)
        )
        state.losses = finite_losses(state.population, oracle)
        plateau, nothing = flat(state.losses)
        if nothing:  # equal losses say nothing of where to go nor of the shape
            state.sigma = widened(sigma, self.sigma, k.widening)
            state.metrics["sigma"] = float(state.sigma)
            return state
        w = recombined(state.losses, weights.to(m))
        z_w, z_square_w = weighted(z, w, w, m)
        state.sigma, state.c, state.p_sigma, state.p_c = update(
            m,
            sigma,
            c,
            state.p_sigma,
            state.p_c,
            z_w,
            z_square_w,
            root,
            scale,
            state.n,
            k,
        )
        if plateau:
            state.sigma = widened(state.sigma, self.sigma, k.widening)
        state.metrics["sigma"], state.metrics["condition"] = torch.stack(
            [state.sigma, state.c.max() / state.c.min()]
        ).tolist()
        return state

    def covariance(self, state: SepCMAESState, axes: Tensor) -> Tensor:
        return state.sigma**2 * ((axes * state.c) @ axes.T)

    def on_hyperparameter_change(self, state: SepCMAESState, field: str, value: Any) -> None:
        """Set σ to what was given; it adapts from there, and the shape learned stays."""
        if field == "sigma":
            state.sigma = torch.full_like(state.sigma, value)


def constants(mu_eff: float, dimension: int) -> Constants:
    """Return the rates for a diagonal C: those of the full matrix, but c_μ times (D + 2)/3. Ros and
    Hansen (2008) raise c₁ as much; the package cmaes does not, and this follows it.
    """
    c_sigma = (mu_eff + 2) / (dimension + mu_eff + 3)
    d_sigma = 1 + 2 * max(0.0, math.sqrt((mu_eff - 1) / (dimension + 1)) - 1) + c_sigma
    c1 = 2 / ((dimension + 1.3) ** 2 + mu_eff)
    full = 2 / mu_eff / (dimension + math.sqrt(2)) ** 2 + (1 - 1 / mu_eff) * min(
        1.0, (2 * mu_eff - 1) / ((dimension + 2) ** 2 + mu_eff)
    )
    # With a few weights and a large population the rates would add up to more than 1, and C to less
    # than nothing.
    c_mu = min(1 - c1, (dimension + 2) / 3 * full)
    return Constants(
        mu_eff,
        c_sigma,
        d_sigma,
        4 / (dimension + 4),
        c1,
        c_mu,
        expected_length(dimension),
        dimension,
    )
