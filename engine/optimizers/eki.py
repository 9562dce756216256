"""Ensemble Kalman inversion (Iglesias, Law and Stuart, 2013) for training networks (Kovachki and
Stuart, 2019).

https://doi.org/10.1088/0266-5611/29/4/045001 and https://arxiv.org/abs/1808.03620. An ensemble
{u_j} of J networks with outputs G(u_j) moves by its own covariance between weights and outputs; no
derivative of the network is taken. The network deployed is the ensemble's mean ū.

Loss form, for any loss ℓ of the outputs:
    D_jk = ⟨G(u_k) − Ḡ, ∂ℓ/∂G(G(u_j), y)⟩ / J
    u_j ← u_j − h Σ_k D_jk (u_k − ū),                           h = h₀ / (‖D‖_F + ε)
Discrete form, for squared error:
    u_j ← u_j + C^ug (C^gg + Γ/h)⁻¹ (y + ξ_j − G(u_j)),         ξ_j ~ N(0, Γ/h) or 0,     h = h₀

or h from the data misfit Φ_j = ½ ‖Γ^-½ (y − G(u_j))‖² of M data (Iglesias and Yang, 2021,
https://arxiv.org/abs/2006.14980): with Φ̄ its mean over the ensemble and t the sum of the h so far,
h = min(max(M/(2Φ̄), √(M/(2 Var Φ))), 1 − t). At t = 1 the data have been used once, as a prior
becomes a posterior; then t begins again.

A step adds to a member only differences between members, so the ensemble never leaves the span of
its start (the subspace property) and J − 1 directions are all it can search. Re-spreading it about
its mean now and then, EKI(R), breaks that on purpose; so do fresh members, with which a small and
cheap ensemble may grow as the budget is spent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from ..errors import NothingLeft
from ..kernels.spread import distance
from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from .base import DOUBLE, OPTIMIZERS, Optimizer, Phase, Problem, State, shifted
from .common.config_fields import batch_field
from .common.ensemble import (
    COLLAPSED,
    Sums,
    collapsed,
    factorised,
    mixed,
    replaced,
)
from .common.first_population import centred_population

EPSILON = 0.5
"""ε in the step of the loss form: bounds h where D vanishes."""
RANK_EVERY = 10
"""Steps of the loss form between two looks at the effective rank, for which it needs one more
product of the outputs."""


@dataclass(kw_only=True)
class EKIState(State):
    """The ensemble: ``population`` holds u (J, D), ``estimate`` its mean, ``losses`` the members'
    losses where the last step evaluated them.

    Attributes:
        previous: (J, D) the ensemble one step ago, for momentum; None without.
        n: steps since momentum began, or began afresh at a re-spread.
        age: steps since the ensemble was last spread out.
        t: share of the data used since they were last begun on, in [0, 1); moved by the data-misfit
            step size alone.
    """

    population: Tensor
    previous: Tensor | None = None
    n: int = 0
    age: int = 0
    t: float = 0.0


def loss_weights(sums: Sums, *, h0: float, lam: float = 0.0) -> Tensor:
    """Return the mixing weights −h D (J, J) of the loss form: how much of every member's departure
    from the mean each member takes on.

    The 1/J of the covariance is kept inside D, so that h₀ means the same whatever the size of the
    ensemble, and ‖D‖_F ≤ 1 after scaling makes h₀ = 2 the largest step that cannot overshoot a
    quadratic. A look-ahead by λ overshoots sooner: from (1+λ)/(1+2λ) of the plain method's largest
    step.
    """
    d = sums.cross / len(sums.losses)  # D_jk = ⟨G(u_k) − Ḡ, ∂ℓ/∂G(G(u_j), y)⟩ / J
    h = h0 * (1 + lam) / (1 + 2 * lam) / (torch.linalg.matrix_norm(d) + EPSILON)
    return d.mul_(-h)  # u_j ← u_j − h Σ_k D_jk (u_k − ū)


def kalman_weights(sums: Sums, gamma: float) -> Tensor:
    """Return the Kalman-gain mixing weights (J, J) of the discrete form, for observations of
    variance γ = Γ/h.

    With G' = (G − Ḡ)/√J and U' = (u − ū)/√J (rows are members) C^gg = G'ᵀG' and C^ug = U'ᵀG', and
    C^ug (C^gg + γI)⁻¹ r = U'ᵀ (G'G'ᵀ + γI)⁻¹ G' r = U'ᵀ G' (G'ᵀG' + γI)⁻¹ r: a J×J system, however
    many outputs there are, or one of the size of the outputs where those are fewer. It is solved in
    double precision, for both products square the outputs' condition number.
    """
    size = len(sums.losses)
    factor = _factor(sums.gram / size, gamma)  # of C^gg + γI, or of its counterpart in J×J
    if sums.centred is None:
        cross = sums.cross if sums.noise is None else sums.cross + gamma**0.5 * sums.noise
        return (torch.cholesky_solve(cross.T, factor).T / size).to(sums.losses)
    assert sums.residual is not None
    residual = sums.residual if sums.noise is None else sums.residual + gamma**0.5 * sums.noise
    return (torch.cholesky_solve(residual.T, factor).T @ sums.centred.T / size).to(sums.losses)


def misfit_step(misfits: Tensor, data: int, noise: float, t: float) -> float:
    """Return the step size h of Iglesias and Yang (2021).

    Args:
        misfits: (J,) ‖y − G‖² of every member.
        data: M, how many data there are.
        noise: Γ.
        t: the sum of the steps so far.
    """
    phi = misfits.cpu().double() / (2 * noise)
    mean, variance = torch.stack([phi.mean(), phi.var(correction=0)]).clamp_min(1e-300).tolist()
    return min(max(data / (2 * mean), (data / (2 * variance)) ** 0.5), 1 - t)


@OPTIMIZERS.add
class EKI(Optimizer[EKIState]):
    """An ensemble that moves by its own covariances."""

    name = "eki"
    label = "Ensemble Kalman inversion"
    family = "Kalman"
    sees = "outputs"
    paper = "Kovachki and Stuart 2019, https://arxiv.org/abs/1808.03620"
    sentence = (
        "Trains networks of a few thousand weights in a few hundred steps, even where the "
        "gradient is zero; "
        "its covariances are as coarse as the ensemble is small, so beyond that it is slow and "
        "hungry for memory."
    )
    phases = (
        Phase(
            "Forecast",
            "Every member of the ensemble computes its outputs on the mini-batch.",
            "asked",
        ),
        Phase(
            "Gain",
            (
                "How members' outputs differ, set against what the targets ask of them, says "
                "what each takes from whom."
            ),
            "answered",
        ),
        Phase(
            "Update",
            (
                "Every member moves by a mix of all members' departures from their mean; the "
                "mean is the network used."
            ),
            "moved",
            "updated",
        ),
        Phase(
            "Re-spread",
            (
                "Every so many steps the members are spread again about their mean, to open "
                "new directions."
            ),
            "moved",
            "respread",
        ),
    )

    formerly = renamed(
        ensemble="population_size",
        noise="observation_noise",
        momentum="acceleration",
        spread="init_std",
    )

    batch: int = batch_field(64)
    population_size: int = Field(
        128,
        ge=2,
        le=16384,
        description="How many networks make up the ensemble (J).",
        json_schema_extra={"label": "Ensemble", "scale": "log", "unit": "networks"},
    )
    step_size: float = Field(
        2.0,
        ge=1e-3,
        le=100,
        description="How far the ensemble moves in a step (h₀); above 2 it tends to overshoot.",
        json_schema_extra={"live": True, "scale": "log", "label": "Step size"},
    )
    init_std: float = Field(
        1.0,
        ge=1e-3,
        le=10,
        description=(
            "How far the members stand from the first weights (standard deviation), in units of "
            "each layer's natural size, 1/√inputs."
        ),
        json_schema_extra={"label": "Spread", "live": True, "scale": "log"},
    )
    randomised: bool = Field(
        True,
        description=(
            "Spread the ensemble out again about its mean now and then, so that it can leave the "
            "directions it started with: EKI(R)."
        ),
        json_schema_extra={"live": True, "label": "Re-spread"},
    )
    acceleration: Literal["none", "nesterov", "constant"] = Field(
        "none",
        description=(
            "Look ahead along the last step before judging. Nesterov: by 1 − 3/n of it at the "
            "nth step since the last re-spread. Constant: by always the same share."
        ),
    )
    momentum_share: float = Field(
        0.9,
        ge=0,
        le=0.99,
        description="How much of the last step constant momentum looks ahead.",
        json_schema_extra={"live": True, "step": 0.01, "advanced": True},
    )
    expand: int = Field(
        0,
        ge=0,
        le=16384,
        description=(
            "How many members to start with; the ensemble then grows to its full size over the "
            "budget, fresh members about the mean. 0 starts with all of them."
        ),
        json_schema_extra={"label": "Grow from", "unit": "networks", "advanced": True},
    )
    respread_every: int = Field(
        20,
        ge=1,
        le=1_000_000,
        description=(
            "Steps between two re-spreads, or between two expansions: often keeps every "
            "direction open, seldom lets the mean profit from the ensemble's contraction."
        ),
        json_schema_extra={
            "live": True,
            "scale": "log",
            "unit": "steps",
            "label": "Re-spread every",
            "advanced": True,
        },
    )
    form: Literal["loss", "discrete"] = Field(
        "loss",
        description="Move by the slope of the loss in the outputs (any loss), or by the "
        "Kalman gain, "
        "which pulls outputs to 1 and 0 (squared error, whatever the loss shown) "
        "and heights to below the ensemble's lowest.",
        json_schema_extra={"advanced": True},
    )
    stepping: Literal["fixed", "data-misfit"] = Field(
        "fixed",
        description=(
            "How the discrete form finds h: fixed takes the step size as it is, data-misfit the "
            "longest step that the ensemble's misfit allows."
        ),
        json_schema_extra={"advanced": True},
    )
    observation_noise: float = Field(
        1.0,
        ge=1e-6,
        le=1e6,
        description=(
            "Variance of the observations (Γ) in the discrete form: more of it, smaller steps."
        ),
        json_schema_extra={"live": True, "scale": "log", "advanced": True},
    )
    perturb: bool = Field(
        False,
        description="Give every member of the discrete form its own noisy copy of the targets.",
        json_schema_extra={"live": True, "label": "Perturb targets", "advanced": True},
    )

    def memory_rows(self) -> int:
        return self.population_size * (2 if self.acceleration == "none" else 3)

    def footprint(self, problem: Problem) -> int:
        """Add what the outputs of all pairs of members give, in double precision: products, factors
        and weights.
        """
        outputs = problem.batch_of(self.batch) * problem.outputs
        return super().footprint(problem) + DOUBLE * self.population_size * (
            4 * self.population_size + (2 * outputs if self.form != "loss" else 0)
        )

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> EKIState:
        u = centred_population(theta, self.members(0.0), self.init_std, rng, oracle)
        state = EKIState(
            theta.clone(), population=u, previous=None if self.acceleration == "none" else u
        )
        state.metrics["spread"] = float(distance(u))
        return state

    def step(self, state: EKIState, rng: Rng, oracle: Oracle) -> EKIState:
        u, lam = state.population, 0.0
        if state.previous is not None:
            state.n += 1
            lam = (
                self.momentum_share
                if self.acceleration == "constant"
                else max(0.0, 1 - 3 / state.n)
            )
            state.previous, u = u, u.lerp(state.previous, -lam)  # u + λ (u − u')
        sums = Sums.of(
            u,
            self.form,
            self.perturb,
            state.age % RANK_EVERY == 0 or self.form != "loss",
            rng,
            oracle,
        )
        size, data = len(u), sums.data
        # Slopes or residuals with departures, the Gram matrix where it was asked for, Cholesky's
        # factor and its systems in the discrete form, and the mixing.
        oracle.work(
            2.0 * size**2 * data * (2 if sums.gram.numel() else 1)
            + (0 if self.form == "loss" else 7 * size**3 / 3)
            + 2.0 * size * (size + 1) * u.shape[1]
        )
        state.losses, alive, everybody, sums = sums.losses, sums.alive, u, sums.of_survivors()
        u = u if alive is None else u[alive]
        if self.form == "loss":
            weights = loss_weights(sums, h0=self.step_size, lam=lam)
        else:
            weights = kalman_weights(sums, self.observation_noise / self.discrete_step(sums, state))
        mean, spread = mixed(u, weights)
        if alive is not None:
            replaced(everybody, u, alive, rng)
            u = everybody
            if state.previous is not None:  # the new ones have no last step
                state.previous = torch.where(alive.unsqueeze(1), state.previous, u)
        state.age += 1
        if state.age >= self.respread_every:
            oracle.mark("updated", u)
            u = self.renewed(u, state, rng, oracle)
            mean, spread = u.mean(0), distance(u)
        elif not self.randomised and collapsed(float(spread), mean):
            raise NothingLeft(
                COLLAPSED.format(len(u)), "Re-spreading or a smaller step size holds against it."
            )
        state.population, state.estimate = u, mean
        numbers = {
            "spread": spread,
            **({"effective rank": effective_rank(sums.gram).to(u)} if sums.gram.numel() else {}),
        }
        state.metrics.update(
            zip(numbers, torch.stack(list(numbers.values())).tolist(), strict=True)
        )
        return state

    def shift_memory(self, state: EKIState, index: int, difference: float) -> None:
        """Move the ensemble of one step ago along, so that momentum does not take the difference
        for a step.
        """
        state.previous = (
            None if state.previous is None else shifted(state.previous, index, difference)
        )

    def members(self, progress: float) -> int:
        """Return how many members the ensemble has when that share of the budget is spent: from
        `expand` to J by equal factors.
        """
        first = (
            min(max(self.expand, 2), self.population_size) if self.expand else self.population_size
        )
        return round(first * (self.population_size / first) ** progress)

    def renewed(self, u: Tensor, state: EKIState, rng: Rng, oracle: Oracle) -> Tensor:
        """Return the ensemble after its due re-spread, or with the fresh members due, or as it is:
        (J, D) → (J', D). Its mean stays.
        """
        size, mean = max(self.members(oracle.progress), len(u)), u.mean(0)
        if self.randomised:
            u, state.n = centred_population(mean, size, self.init_std, rng, oracle), 0
            state.previous = None if self.acceleration == "none" else u
        elif size >= len(u) + 2:  # a single one could depart from the mean only by moving it
            fresh = centred_population(mean, size - len(u), self.init_std, rng, oracle)
            u = torch.cat([u, fresh])
            # The fresh have no last step.
            state.previous = None if state.previous is None else torch.cat([state.previous, fresh])
        state.age = 0
        return u

    def discrete_step(self, sums: Sums, state: EKIState) -> float:
        """Find the step size h of the discrete form, and move t on by it where the misfit does."""
        if self.stepping == "fixed":
            return self.step_size
        h = misfit_step(sums.misfits, sums.data, self.observation_noise, state.t)
        state.t = state.t + h if state.t + h < 1 else 0.0
        state.metrics["step size"] = h
        return h


def effective_rank(gram: Tensor) -> Tensor:
    """Return the participation ratio (tr K)² / tr K² of a Gram matrix K, (): n where n directions
    carry equal shares of its trace, 1 where one carries all of it, 0 for K = 0.
    """
    return gram.trace() ** 2 / gram.square().sum().clamp_min(torch.finfo(gram.dtype).tiny)


def _factor(gram: Tensor, gamma: float) -> Tensor:
    """Return the Cholesky factor of gram + γI; changes ``gram``."""
    gram.diagonal().add_(gamma)
    return factorised(gram)
