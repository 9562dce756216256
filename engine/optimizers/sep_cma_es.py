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
from pydantic import Field
from torch import Tensor

from ..kernels.gaussian_sampling import sampled, weighted
from ..kernels.row_blocks import again
from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from .base import OPTIMIZERS, Optimizer, Phase, State
from .common.cma import MAX_SIGMA, Constants, default_size, expected_length
from .common.config_fields import sigma_field
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

    batch: int = Field(
        256,
        ge=0,
        le=65536,
        description=(
            "Samples looked at in a generation, the same ones for all its networks; 0 takes all "
            "of them."
        ),
        json_schema_extra={"step": 16, "unit": "samples"},
    )
    population_size: int | None = Field(
        None,
        ge=4,
        le=16384,
        description=(
            "Networks sampled in a generation (λ); auto is 4 + 3 ln D for D weights, rounded down."
        ),
        json_schema_extra={"label": "Population", "scale": "log", "unit": "networks"},
    )
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
            state.sigma = widened(sigma, self.sigma, math.exp(0.2 + k.c_sigma / k.d_sigma))
            state.metrics["sigma"] = float(state.sigma)
            return state
        w = recombined(state.losses, weights.to(m))
        z_w, z_square_w = weighted(z, w, w, m)
        y_w, y_square_w = root * z_w, c * z_square_w
        m.add_(scale * (sigma * y_w))

        state.p_sigma = (1 - k.c_sigma) * state.p_sigma + math.sqrt(
            k.c_sigma * (2 - k.c_sigma) * k.mu_eff
        ) * z_w
        length = torch.linalg.vector_norm(state.p_sigma) / k.chi
        state.sigma = (sigma * (k.c_sigma / k.d_sigma * (length - 1)).exp()).clamp(max=MAX_SIGMA)
        if plateau:
            state.sigma = widened(state.sigma, self.sigma, math.exp(0.2 + k.c_sigma / k.d_sigma))
        h = (length < k.longest(state.n)).to(m)
        state.p_c = (1 - k.c_c) * state.p_c + h * math.sqrt(k.c_c * (2 - k.c_c) * k.mu_eff) * y_w
        keep = 1 - k.c1 - k.c_mu + k.c1 * (1 - h) * k.c_c * (2 - k.c_c)
        state.c = keep * c + k.c1 * state.p_c.square() + k.c_mu * y_square_w
        state.metrics["sigma"], state.metrics["condition"] = torch.stack(
            [state.sigma, state.c.max() / state.c.min()]
        ).tolist()
        return state

    def covariance(self, state: SepCMAESState, axes: Tensor) -> Tensor:
        return state.sigma**2 * ((axes * state.c) @ axes.T)

    def on_hyperparameter_change(self, state: SepCMAESState, field: str, value: Any) -> None:
        """σ is what was given and adapts from there; the shape learned stays."""
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
