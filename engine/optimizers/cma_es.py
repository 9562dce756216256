"""CMA-ES, the covariance matrix adaptation evolution strategy, with active weights (Hansen, 2016,
"The CMA Evolution Strategy: A Tutorial").

https://arxiv.org/abs/1604.00772, equations 38 to 58. A Gaussian N(m, σ²C) moves to the best of its
samples and learns from them which directions pay (C) and how far to go (σ); with active weights it
learns from the worst, too.

x_i = m + σ y_i,     y_i = B (d ⊙ z_i),     z_i ~ N(0, I),     C = B diag(d²) Bᵀ,
i = 1…λ, sorted by loss
m ← m + σ y_w,     y_w = Σ_{i≤μ} w_i y_i
p_σ ← (1 − c_σ) p_σ + √(c_σ(2 − c_σ)μ_eff) C^{−½} y_w,     σ ← σ exp(c_σ/d_σ (‖p_σ‖/E‖N(0, I)‖ − 1))
p_c ← (1 − c_c) p_c + h_σ √(c_c(2 − c_c)μ_eff) y_w
C ← (1 + c₁(1 − h_σ)c_c(2 − c_c) − c₁ − c_μ Σ_i w_i) C + c₁ p_c p_cᵀ + c_μ Σ_i w_i° y_i y_iᵀ,
w_i° = w_i, or w_i D/‖C^{−½} y_i‖² where w_i < 0

Where the best loss equals that at 70 % of the ranks σ is multiplied by exp(0.2 + c_σ/d_σ) (appendix
B.3); where all are equal nothing else is learnt of them.

C^{−½} y = B z, so no inverse is needed. C is kept in double precision and decomposed only now and
then: in between it hardly changes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from ..errors import NothingLeft
from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from .base import DOUBLE, OPTIMIZERS, Optimizer, Phase, Problem, State
from .common.cma import Constants, default_size, expected_length, path, step_size
from .common.config_fields import generation_batch_field, generation_size_field, sigma_field
from .common.finite_losses import finite_losses
from .common.recombination_weights import (
    active_weights,
    effective,
    flat,
    log_weights,
    recombined,
    widened,
)

LARGEST = 3000
"""The most weights it takes on: one decomposition takes about 15 ms for 350 weights, 3.5 s for
2,400 and 6.5 s for 3,000 on a processor core, and more cubically."""
EPSILON = 1e-8
"""Stands in for an eigenvalue that rounding made negative, and keeps a division from zero."""


@dataclass(kw_only=True)
class CMAESState(State):
    """The Gaussian: ``estimate`` is its mean m, ``population`` this generation's samples (λ, D).
    All else is in double precision and in units of each layer's natural size.

    Attributes:
        sigma: () σ, the step size of all.
        c: (D, D) C, the covariance.
        b, d: (D, D), (D,) eigenvectors (columns) of C and the roots of its eigenvalues, when last
            decomposed.
        p_sigma, p_c: (D,) the evolution paths of σ and of C.
        n: generations.
    """

    sigma: Tensor
    c: Tensor
    b: Tensor
    d: Tensor
    p_sigma: Tensor
    p_c: Tensor
    n: int = 0


def update(
    m: Tensor,
    sigma: Tensor,
    c: Tensor,
    p_sigma: Tensor,
    p_c: Tensor,
    z: Tensor,
    y: Tensor,
    w: Tensor,
    w_mean: Tensor,
    b: Tensor,
    scale: Tensor,
    n: int,
    total: Tensor,
    k: Constants,
) -> tuple[Tensor, Tensor, Tensor]:
    """Move the Gaussian to the samples of generation n, as the equations of Hansen (2016) say.

    Args:
        m: (D,) mean, in place.
        sigma: () σ.
        c: (D, D) C, in place.
        p_sigma: (D,) path of σ.
        p_c: (D,) path of C.
        z: (λ, D) standard normal numbers.
        y: (λ, D) steps B (d ⊙ z).
        w: (λ,) weights of all samples, negative ones too.
        w_mean: (λ,) their positive part.
        b: (D, D) eigenvectors of C.
        scale: (D,) each weight's natural size; m is the only one not measured in it.
        n: number of the generation, from 1.
        total: () sum of the weights of all ranks.
        k: the learning rates.

    Returns:
        The next σ, p_σ and p_c.
    """
    y_w = w_mean @ y  # eq. 41
    m.add_((scale * (sigma * y_w)).to(m))  # eq. 42
    p_sigma = path(p_sigma, b @ (w_mean @ z), k.c_sigma, k.mu_eff)  # eq. 43: C^{−½} y_w = B z_w
    sigma, length = step_size(sigma, p_sigma, k)  # eq. 44
    h = (length < k.longest(n)).to(b)
    p_c = path(p_c, y_w, k.c_c, k.mu_eff, h)  # eq. 45
    w_circle = torch.where(w < 0, w * len(c) / (z.square().sum(1) + EPSILON), w)  # eq. 46
    keep = 1 + k.c1 * (1 - h) * k.c_c * (2 - k.c_c) - k.c1 - k.c_mu * total
    rows = torch.cat([y, p_c.unsqueeze(0)])
    shares = torch.cat([k.c_mu * w_circle, w.new_full((1,), k.c1)])
    c.mul_(keep).addmm_(rows.T * shares, rows)  # eq. 47
    return sigma, p_sigma, p_c


@OPTIMIZERS.add
class CMAES(Optimizer[CMAESState]):
    """A Gaussian that learns its own covariance."""

    name = "cma-es"
    label = "CMA-ES"
    family = "Evolution"
    sees = "loss"
    paper = "Hansen 2016, https://arxiv.org/abs/1604.00772"
    sentence = (
        "The strongest known method without gradients for up to some hundred weights, along "
        "crooked valleys too; "
        "its matrix has D² numbers to learn, so with thousands of weights it has hardly begun "
        "when others are done."
    )
    phases = (
        Phase(
            "Sample",
            (
                "Networks are drawn about the mean from a bell-shaped cloud, stretched and "
                "turned as learned so far."
            ),
            "asked",
        ),
        Phase(
            "Rank",
            (
                "The losses are put in order: the better half gets positive weights, the worse "
                "half negative ones."
            ),
            "answered",
        ),
        Phase("Move the mean", "The mean moves to the weighted mean of the better half.", "moved"),
        Phase(
            "Reshape",
            (
                "The cloud stretches along steps that paid and shrinks along those that did not; "
                "straight paths raise σ."
            ),
            "reshaped",
        ),
    )
    sampled = True

    formerly = renamed(population="population_size")

    batch: int = generation_batch_field()
    population_size: int | None = generation_size_field(4096)
    sigma: float = sigma_field(0.5, "First step size (σ)")
    decompose_every: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description=(
            "Generations between two decompositions of the covariance, its costliest part; auto "
            "waits until it has changed enough, and longer with many weights."
        ),
        json_schema_extra={
            "live": True,
            "scale": "log",
            "unit": "generations",
            "label": "Decompose every",
            "advanced": True,
        },
    )

    def refusal(self, problem: Problem) -> str | None:
        if problem.dimension <= LARGEST:
            return None
        return (
            f"at most {LARGEST:,} weights, as its covariance matrix has a row and a column for "
            f"each; this network has {problem.dimension:,}: take sep-cma-es"
        )

    def memory_rows(self) -> int:
        # The samples, z and y, the latter two in double precision.
        return 6 * (self.population_size or 64)

    def footprint(self, problem: Problem) -> int:
        """Add C, B and what decomposing takes."""
        return super().footprint(problem) + 8 * DOUBLE * problem.dimension**2

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> CMAESState:
        wide = torch.float32 if theta.device.type == "mps" else torch.float64  # mps has no doubles
        ones = torch.ones(theta.numel(), dtype=wide, device=theta.device)
        paths = [torch.zeros_like(ones) for _ in range(2)]
        return CMAESState(
            theta.clone(),
            sigma=self.sigma * ones[0],
            c=torch.diag(ones),
            b=torch.diag(ones),
            d=ones,
            p_sigma=paths[0],
            p_c=paths[1],
        )

    def step(self, state: CMAESState, rng: Rng, oracle: Oracle) -> CMAESState:
        m, sigma, b, dimension = state.estimate, state.sigma, state.b, state.estimate.numel()
        size = self.population_size or default_size(dimension)
        k = constants(size, dimension)
        weights = active_weights(size, dimension, k.c1, k.c_mu).to(b)
        state.n += 1

        scale = oracle.init_scale.to(b)
        z = rng.normal(size, dimension).to(b)
        y = (z * state.d) @ b.T
        oracle.work(2.0 * size * dimension**2)
        state.population = m + (scale * (sigma * y)).to(m)
        state.losses = finite_losses(state.population, oracle)
        plateau, nothing = flat(state.losses)
        if nothing:  # equal losses say nothing of where to go nor of the shape
            state.sigma = widened(sigma, self.sigma, k.widening)
            state.metrics["sigma"] = float(state.sigma)
            return state
        state.sigma, state.p_sigma, state.p_c = update(
            m,
            sigma,
            state.c,
            state.p_sigma,
            state.p_c,
            z,
            y,
            recombined(state.losses, weights),
            recombined(state.losses, weights.clamp(min=0)),
            b,
            scale,
            state.n,
            weights.sum(),
            k,
        )
        if plateau:
            state.sigma = widened(state.sigma, self.sigma, k.widening)
        oracle.work(2.0 * (size + 2) * dimension**2)

        if state.n % (self.decompose_every or patience(size, k)) == 0:
            # All eigenvalues and eigenvectors of a symmetric matrix (Golub and Van Loan 2013,
            # section 8.3).
            oracle.work(9.0 * dimension**3)
            self.decompose(state)
        state.metrics["sigma"], state.metrics["condition"] = torch.stack(
            [state.sigma, (state.d.max() / state.d.min()).square()]
        ).tolist()
        return state

    @staticmethod
    def decompose(state: CMAESState) -> None:
        """Find B and d of C. A C with numbers that are not finite is put back to what it was when
        last decomposed.
        """
        for _ in range(2):
            try:
                if bool(torch.isfinite(state.c).all()):
                    values, b = torch.linalg.eigh(state.c)
                    state.b, state.d = b, torch.where(values < 0, EPSILON, values).sqrt()
                    return
            except RuntimeError:  # LAPACK did not converge
                pass
            state.c = (state.b * state.d.square()) @ state.b.T
            state.p_c = torch.zeros_like(state.p_c)
        raise NothingLeft("its covariance could not be decomposed")

    def covariance(self, state: CMAESState, axes: Tensor) -> Tensor:
        return state.sigma**2 * (axes.to(state.c) @ state.c @ axes.to(state.c).T)

    def on_hyperparameter_change(self, state: CMAESState, field: str, value: Any) -> None:
        """Set σ to what was given; it adapts from there, and the shape learned stays."""
        if field == "sigma":
            state.sigma = torch.full_like(state.sigma, value)


def patience(size: int, k: Constants) -> int:
    """Return the generations between two decompositions.

    At least 1/(10 D (c₁ + c_μ)), in which C changes by about a tenth of what would matter (Hansen
    2016, appendix B.2), and at least D/λ, so that the D³ of decomposing costs no more than the λD²
    of every generation's sampling and learning. The latter is ours: it matters for networks, not
    for the dozens of variables CMA-ES is mostly run on.
    """
    return max(1, math.floor(1 / (10 * k.dimension * (k.c1 + k.c_mu))), k.dimension // size)


def constants(size: int, dimension: int) -> Constants:
    """Return the rates for λ samples in D dimensions (Hansen 2016, table 1)."""
    mu_eff = effective(log_weights(size)[: size // 2])
    c_sigma = (mu_eff + 2) / (dimension + mu_eff + 5)
    d_sigma = 1 + 2 * max(0.0, math.sqrt((mu_eff - 1) / (dimension + 1)) - 1) + c_sigma
    c_c = (4 + mu_eff / dimension) / (dimension + 4 + 2 * mu_eff / dimension)
    c1 = 2 / ((dimension + 1.3) ** 2 + mu_eff)
    c_mu = min(1 - c1 - EPSILON, 2 * (mu_eff - 2 + 1 / mu_eff) / ((dimension + 2) ** 2 + mu_eff))
    return Constants(mu_eff, c_sigma, d_sigma, c_c, c1, c_mu, expected_length(dimension), dimension)
