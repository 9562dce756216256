"""Consensus-based optimisation (Carrillo, Jin, Li and Zhu, 2021; preprint 2019).

https://doi.org/10.1051/cocv/2020046, https://arxiv.org/abs/1909.09249; the method is Pinnau,
Totzeck, Tse and Martin's (2017, https://doi.org/10.1142/S0218202517400061). Particles drift to
their consensus, a mean in which good places weigh most, and are shaken the more the farther they
are from it:

v̄ = Σ x_i e^{−α L_i} / Σ e^{−α L_i}
x_i ← x_i − λ Δt (x_i − v̄) + σ √Δt (x_i − v̄) ⊙ z_i     anisotropic: each by its own distance
x_i ← x_i − λ Δt (x_i − v̄) + σ √Δt ‖x_i − v̄‖ z_i       isotropic: all by the whole distance
z_i ~ N(0, I)

In one step the squared distance from a resting consensus changes by the factor (1 − λΔt)² + σ²Δt,
or with isotropic noise (1 − λΔt)² + σ²ΔtD: that D is why isotropic noise is of no use to networks.
How much α = 50 tells particles apart hangs on how much their losses differ. With
``effective_share`` η the α of every step is the one at which the consensus effectively counts a
share η of the n particles judged (Carrillo, Hoffmann, Stuart and Vaes, 2022,
https://doi.org/10.1111/sapm.12470):

(Σ w_i)² / Σ w_i² = η n,     w_i = e^{−α L_i}

Consensus is formed in random groups of particles, all groups of a step being judged in one batched
evaluation; groups that disagree keep the swarm from collapsing too early. The network deployed is
the consensus of all particles judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from ..kernels.cbo import move_particles
from ..kernels.spread import distance
from ..oracle import Oracle
from ..populations.base import PopulationSubset
from ..random.rng import Rng
from ..registry import renamed
from .base import OPTIMIZERS, Optimizer, Phase, Problem, State
from .common.config_fields import batch_field, init_std_field
from .common.finite_losses import finite_losses
from .common.first_population import first_population
from .common.survivors import copies

STEEPEST = 40.0
"""Largest logarithm to the base 2 that is tried of α times the mean loss above the lowest."""
GRID, ROUNDS = 64, 6
"""Values of α tried at once, and how often the grid is refined."""


@dataclass(kw_only=True)
class CBOState(State):
    """The particles: ``population`` holds x (P, D), ``losses`` what they were at the places last
    judged, before the particles moved on; ``estimate`` is v̄.
    """

    population: Tensor


def move(
    x: Tensor, v: Tensor, z: Tensor, *, drift: float, noise: float, anisotropic: bool
) -> Tensor:
    """Move particles x (g, m, D) of g groups towards each group's consensus v̄ (g, 1, D)."""
    d = x - v
    if anisotropic:  # x − λ Δt (x − v̄) + σ √Δt (x − v̄) ⊙ z
        return torch.addcmul(x, d, noise * z - drift)
    return x + (noise * z * torch.linalg.vector_norm(d, dim=2, keepdim=True) - drift * d)


@OPTIMIZERS.add
class CBO(Optimizer[CBOState]):
    """Particles drawn to a consensus."""

    name = "cbo"
    label = "Consensus-based optimisation"
    family = "Swarm"
    sees = "loss"
    paper = "Carrillo, Jin, Li and Zhu 2019, https://arxiv.org/abs/1909.09249"
    sentence = (
        "The swarm whose convergence has been proved, for many particles; with few particles and "
        "many weights it wanders while its noise is strong, "
        "settles late as that cools, and where it agrees too early nothing moves any more."
    )
    phases = (
        Phase(
            "Judge",
            (
                "The particles are put into random groups, and the loss is taken where each one "
                "stands."
            ),
            "asked",
            "here",
        ),
        Phase(
            "Agree",
            "Each group forms its consensus: the mean of its places, low losses weighing most.",
            "answered",
        ),
        Phase(
            "Drift and shake",
            (
                "Particles drift towards their group's consensus and are shaken, the more the "
                "farther they are from it."
            ),
            "moved",
        ),
    )

    formerly = renamed(
        particles="population_size", spread="init_std", cooling="final_fraction", noise="diffusion"
    )

    batch: int = batch_field(128)
    population_size: int = Field(
        100,
        ge=2,
        le=16384,
        description="How many networks seek a consensus.",
        json_schema_extra={"label": "Particles", "scale": "log"},
    )
    group: int = Field(
        20,
        ge=0,
        le=16384,
        description=(
            "Particles that agree among themselves in one step, in random groups; 0 lets all of "
            "them agree. Small groups keep the swarm wide."
        ),
        json_schema_extra={"live": True, "unit": "particles", "label": "Particles in a group"},
    )
    alpha: float = Field(
        50.0,
        ge=0,
        le=1e9,
        description=(
            "How much more the better places weigh in the consensus at the start (α); large "
            "means the best alone."
        ),
        json_schema_extra={"live": True, "scale": "log"},
    )
    effective_share: float = Field(
        0.0,
        ge=0,
        le=0.99,
        description=(
            "Share of the particles that the consensus effectively counts (η): α is chosen for it "
            "in every step. 0 takes α and its doublings as given."
        ),
        json_schema_extra={"live": True, "step": 0.01, "advanced": True},
    )
    sigma: float = Field(
        1.4,
        ge=0,
        le=10,
        description=(
            "Strength of the noise at the start (σ). With anisotropic noise the swarm contracts "
            "by itself below about √(2λ)."
        ),
        json_schema_extra={"live": True, "step": 0.01, "label": "Noise"},
    )
    final_fraction: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Share of the noise left at the end of the budget; 1 keeps it constant.",
        json_schema_extra={"live": True, "step": 0.01, "label": "Noise left at the end"},
    )
    diffusion: Literal["anisotropic", "isotropic"] = Field(
        "anisotropic",
        description=(
            "Each weight is shaken by its own distance from the consensus, or all by the whole "
            "distance, which only works for a handful of weights."
        ),
        json_schema_extra={"label": "Kind of noise", "advanced": True},
    )
    doublings: float = Field(
        10.0,
        ge=0,
        le=100,
        description="How often α is doubled over the budget.",
        json_schema_extra={
            "live": True,
            "step": 1,
            "label": "Doublings of alpha",
            "advanced": True,
        },
    )
    drift: float = Field(
        1.0,
        ge=0,
        le=100,
        description="Pull of the consensus (λ).",
        json_schema_extra={"live": True, "step": 0.1, "advanced": True},
    )
    time_step: float = Field(
        0.1,
        ge=1e-4,
        le=1,
        description="Time in one step (Δt): longer steps are coarser.",
        json_schema_extra={"live": True, "step": 0.01, "advanced": True},
    )
    init_std: float = init_std_field(1.0, "the particles start")

    def refusal(self, problem: Problem) -> str | None:
        growth = (
            1 - self.drift * self.time_step
        ) ** 2 + self.sigma**2 * self.time_step * problem.dimension
        if self.diffusion == "anisotropic" or growth <= 2:
            return None
        return (
            f"anisotropic noise, or a weaker one: isotropic noise of {self.sigma:g} multiplies "
            f"the squared distances between {problem.dimension:,} weights "
            f"by {growth:,.1f} in every step"
        )

    def memory_rows(self) -> int:
        group = min(self.group or self.population_size, self.population_size)
        # The particles, what every group agrees on, and one group.
        return self.population_size + self.population_size // group + group

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> CBOState:
        x = first_population(theta, self.population_size, self.init_std, rng, oracle)
        return CBOState(theta.clone(), population=x)

    def step(self, state: CBOState, rng: Rng, oracle: Oracle) -> CBOState:
        x, size, progress = state.population, len(state.population), oracle.progress
        alpha = self.alpha * 2 ** (self.doublings * progress)
        sigma = self.sigma * self.final_fraction**progress
        group = size if self.group == 0 else min(self.group, size)
        # A last group that would be too small rests this time.
        order = None if group == size else rng.permutation(size).to(x.device)
        chosen = None if order is None else order[: size - size % group]
        losses = finite_losses(x if chosen is None else PopulationSubset(x, chosen), oracle)
        if self.effective_share:
            alpha = alpha_of_share(losses, self.effective_share)
        weights = shares(losses.unflatten(0, (-1, group)), alpha)
        if bool(torch.isinf(losses).any()):
            self.brought_back(x, chosen, losses, rng)
        v = move_particles(
            move,
            x,
            chosen,
            weights,
            rng.rows("normal", len(losses), x.shape[1]),
            drift=self.drift * self.time_step,
            noise=sigma * self.time_step**0.5,
            anisotropic=self.diffusion == "anisotropic",
        )
        # What all would agree on is what the groups agree on, each weighing what its particles
        # weigh among all.
        state.estimate = shares(losses, alpha).unflatten(0, (-1, group)).sum(1) @ v
        state.losses = (
            losses
            if chosen is None
            else losses.new_full((size,), torch.inf).index_copy(0, chosen, losses)
        )
        state.metrics["effective sample size"] = float(1 / weights.square().sum(1).mean())
        state.metrics["alpha"], state.metrics["noise"] = alpha, sigma
        return state

    def diagnostics(self, state: CBOState) -> dict[str, float]:
        return {} if state.population is None else {"spread": float(distance(state.population))}

    @staticmethod
    def brought_back(x: Tensor, chosen: Tensor | None, losses: Tensor, rng: Rng) -> None:
        """Put particles that failed and whose weights are not finite at the places of others that
        did not fail, in place. Such a particle would make every consensus NaN, though it weighs
        nothing in it.
        """
        rows = torch.arange(len(x), device=x.device) if chosen is None else chosen
        failed = torch.isinf(losses)
        nowhere = failed.clone()
        nowhere[failed] = ~torch.isfinite(x[rows[failed]]).all(1)
        if bool(nowhere.any()):
            others = rows[copies(failed, rng)]
            x[rows[nowhere]] = x[others[nowhere]]


def alpha_of_share(losses: Tensor, share: float) -> float:
    """Return α at which the effective sample size of losses (n,) is that share of the finite ones,
    found by refining a grid; 0 where all are equal, the steepest tried where the best alone are
    more.
    """
    finite = losses[torch.isfinite(losses)].double()
    if len(finite) < 2:
        return 0.0
    d = finite - finite.min()
    scale = float(d.mean())
    if not 0 < scale < torch.inf:
        return 0.0
    low, high = -STEEPEST, STEEPEST  # of the base-2 logarithm of α times the scale
    for _ in range(ROUNDS):
        grid = torch.linspace(low, high, GRID, dtype=d.dtype, device=d.device)
        w = torch.exp(-(2**grid).unsqueeze(1) * (d / scale))
        above = w.sum(1).square() / w.square().sum(1) > share * len(finite)
        at = int(above.sum())  # the effective sample size falls as α grows
        low, high = float(grid[max(0, at - 1)]), float(grid[min(GRID - 1, at)])
    return float(2 ** ((low + high) / 2) / scale)


def shares(losses: Tensor, alpha: float) -> Tensor:
    """Return the weights (…, m) of particles in the consensus by their losses (…, m).

    The lowest loss is taken off first, so that the largest weight is e⁰ however large α is; losses
    that are infinite weigh nothing, unless all are.
    """
    largest = torch.finfo(losses.dtype).max
    finite = losses.clamp(max=largest)
    weights = torch.exp(-min(alpha, largest) * (finite - finite.min(-1, keepdim=True).values))
    failed = torch.isinf(losses)  # with α = 0 they would weigh as much as any
    weights = torch.where(failed & ~failed.all(-1, keepdim=True), 0.0, weights)
    return weights / weights.sum(-1, keepdim=True)
