"""SNES, the separable natural evolution strategy (Schaul, Glasmachers and Schmidhuber, 2011).

https://doi.org/10.1145/2001576.2001692; the whole family in Wierstra, Schaul, Glasmachers, Sun,
Peters and Schmidhuber, 2014, https://jmlr.org/papers/v15/wierstra14a.html. A Gaussian with a step
size of its own for every weight climbs the natural gradient of the expected utility: the mean and
the step sizes follow the samples that ranked well.

x_k = μ + σ ⊙ s_k,     s_k ~ N(0, I),     k = 1…λ, with utilities u_k by rank
μ ← μ + η_μ σ ⊙ Σ_k u_k s_k,     σ ← σ ⊙ exp(η_σ/2 Σ_k u_k (s_k² − 1)),     η_μ = 1,
η_σ = (3 + ln D)/(5√D)

A schedule lets η_μ fall over the budget.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from ..kernels.gaussian_sampling import folded, weighted
from ..oracle import Oracle
from ..populations.gaussian import drawn
from ..random.rng import Rng
from ..registry import renamed
from ..schedules import share_left
from .base import OPTIMIZERS, Optimizer, Phase, State
from .common.config_fields import (
    RateSchedule,
    batch_field,
    final_rate_field,
    rate_schedule_field,
    sigma_field,
)
from .common.finite_losses import finite_losses
from .common.recombination_weights import flat, recombined, snes_utilities, widened

WIDENING = math.exp(0.2)
"""What step sizes are multiplied by where all losses are equal."""


@dataclass(kw_only=True)
class SNESState(State):
    """The Gaussian: ``estimate`` is its mean μ, ``population`` this step's samples (λ, D).

    Attributes:
        sigma: (D,) σ, in units of each layer's natural size.
    """

    sigma: Tensor


def update(
    mu: Tensor,
    sigma: Tensor,
    g_mu: Tensor,
    g_sigma: Tensor,
    scale: Tensor,
    *,
    eta_mu: float,
    eta_sigma: float,
) -> None:
    """Move mean and step sizes by the natural gradient, in place: (D,) each.

    Args:
        mu: μ.
        sigma: σ, in units of the scale.
        g_mu: Σ_k u_k s_k.
        g_sigma: Σ_k u_k (s_k² − 1).
        scale: each weight's natural size.
        eta_mu: η_μ.
        eta_sigma: η_σ.
    """
    mu.add_(eta_mu * scale * sigma * g_mu)  # μ ← μ + η_μ σ Σ_k u_k s_k
    sigma.mul_((eta_sigma / 2 * g_sigma).exp())  # σ ← σ exp(η_σ/2 Σ_k u_k (s_k² − 1))


@OPTIMIZERS.add
class SNES(Optimizer[SNESState]):
    """A Gaussian that follows its best samples, each weight with a step size of its own."""

    name = "snes"
    label = "SNES"
    family = "Evolution"
    sees = "loss"
    paper = "Schaul, Glasmachers and Schmidhuber 2011, https://doi.org/10.1145/2001576.2001692"
    sentence = (
        "Finds its own step sizes, cheaply even for many weights, and never minds the loss's "
        "scale; "
        "it treats weights as unrelated, so in long valleys that run askew it crawls."
    )
    phases = (
        Phase(
            "Sample",
            "Networks are drawn about the mean, each weight with a spread of its own.",
            "asked",
        ),
        Phase(
            "Rank", "The losses are put in order; from here on only the ranks count.", "answered"
        ),
        Phase(
            "Move the mean",
            (
                "The mean moves towards samples that ranked well and away from those that ranked "
                "badly."
            ),
            "moved",
        ),
        Phase(
            "Reshape",
            (
                "A weight's spread grows where well-ranked samples lay far out, and shrinks "
                "where they lay close."
            ),
            "reshaped",
        ),
    )
    sampled = True

    formerly = renamed(population="population_size", rate="learning_rate")

    batch: int = batch_field(256)
    population_size: int = Field(
        32,
        ge=4,
        le=16384,
        description="Networks sampled in a step (λ).",
        json_schema_extra={"label": "Population", "scale": "log", "unit": "networks"},
    )
    sigma: float = sigma_field(0.5, "First step size of every weight (σ)")
    learning_rate: float = Field(
        1.0,
        ge=0.01,
        le=10,
        description="How far the mean follows its samples (η_μ); 1 is the natural step.",
        json_schema_extra={"live": True, "scale": "log", "label": "Pace of the mean"},
    )
    schedule: RateSchedule = rate_schedule_field()
    final_fraction: float = final_rate_field()
    sigma_rate: float | None = Field(
        None,
        ge=1e-4,
        le=10,
        description="How quickly step sizes adapt (η_σ); auto is (3 + ln D)/(5√D) for D weights.",
        json_schema_extra={"live": True, "scale": "log", "label": "Pace of σ"},
    )
    antithetic: bool = Field(
        False,
        description=(
            "Draw samples in mirrored pairs, μ + σs and μ − σs: the mean moves with less noise, "
            "the step sizes with more."
        ),
        json_schema_extra={"live": True, "label": "Mirrored pairs", "advanced": True},
    )

    def memory_rows(self) -> int:
        # The samples; their directions are drawn twice instead of kept.
        return self.population_size + 8

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> SNESState:
        return SNESState(theta.clone(), sigma=torch.full_like(theta, self.sigma))

    def step(self, state: SNESState, rng: Rng, oracle: Oracle) -> SNESState:
        mu, sigma, scale = state.estimate, state.sigma, oracle.init_scale.to(state.estimate)
        # Mirrored pairs share a direction.
        s = rng.rows(
            "normal",
            (self.population_size + 1) // 2 if self.antithetic else self.population_size,
            len(mu),
        )
        state.population = drawn(
            state.population,
            s,
            mu,
            scale * sigma,
            self.population_size,
            self.antithetic,
            spread=oracle.ranks is not None,
        )
        state.losses = finite_losses(state.population, oracle)
        # Equal losses say nothing: as CMA-ES does on a plateau, look farther.
        if flat(state.losses)[1]:
            state.sigma = widened(sigma, self.sigma, WIDENING)
            state.metrics["sigma"] = float(state.sigma.mean())
            return state
        u = recombined(state.losses, snes_utilities(self.population_size).to(mu))
        along, squares = weighted(s, *(folded(u) if self.antithetic else (u, u)), mu)
        rate = self.learning_rate * share_left(self.schedule, self.final_fraction, oracle.progress)
        pace = self.sigma_rate or (3 + math.log(len(mu))) / (5 * math.sqrt(len(mu)))
        update(mu, sigma, along, squares - u.sum(), scale, eta_mu=rate, eta_sigma=pace)
        state.metrics["sigma"], state.metrics["condition"] = torch.stack(
            [sigma.mean(), (sigma.max() / sigma.min()).square()]
        ).tolist()
        if self.schedule == "constant":
            state.metrics.pop("step size", None)
        else:
            state.metrics["step size"] = rate
        return state

    def covariance(self, state: SNESState, axes: Tensor) -> Tensor:
        return (axes * state.sigma.square()) @ axes.T

    def on_hyperparameter_change(self, state: SNESState, field: str, value: Any) -> None:
        """Set the mean of all weights' σ to what was given; how they differ, as learned, stays."""
        if field == "sigma":
            mean = float(state.sigma.mean())
            state.sigma = (
                state.sigma * (value / mean)
                if 0 < mean < math.inf
                else torch.full_like(state.sigma, value)
            )
