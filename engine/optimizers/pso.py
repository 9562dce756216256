"""Particle swarm optimisation (Kennedy and Eberhart, 1995), with the constants of Clerc and Kennedy
(2002).

https://doi.org/10.1109/ICNN.1995.488968 and https://doi.org/10.1109/4235.985692. With φ = 4.1 the
constriction is χ = 0.729844, and the familiar constants are w = χ and c₁ = c₂ = χ φ/2 = 1.49618.

v_i ← w v_i + c₁ r₁ ⊙ (p_i − x_i) + c₂ r₂ ⊙ (g_i − x_i),     x_i ← x_i + v_i,     r₁, r₂ ~ U(0, 1)^D

p_i is the best place particle i has seen, g_i the best its neighbourhood has seen. Velocities are
clamped to ±v_max, as in the swarms of the 1990s: in a network's wide, flat outskirts nothing calls
a particle back, and without the clamp swarms in thousands of dimensions fly apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from ..kernels.pso import move_swarm
from ..kernels.row_blocks import replace
from ..kernels.spread import diameter
from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from .base import (
    OPTIMIZERS,
    Asked,
    Optimizer,
    Phase,
    State,
    losses_stale,
    same_rows,
    shifted,
)
from .common.config_fields import batch_field, init_std_field
from .common.finite_losses import finite_losses
from .common.first_population import first_population
from .common.survivors import overflowed


@dataclass(kw_only=True)
class PSOState(State):
    """The swarm: ``population`` holds the places x (P, D), ``losses`` their losses, ``estimate``
    the best place of all.

    Attributes:
        v: (P, D) velocities.
        best: (P, D) p, the best place each particle has seen.
        best_losses: (P,) their losses, always of the current batch when compared.
    """

    population: Tensor
    losses: Tensor
    v: Tensor
    best: Tensor
    best_losses: Tensor


def move(
    x: Tensor,
    v: Tensor,
    p: Tensor,
    g: Tensor,
    r1: Tensor,
    r2: Tensor,
    *,
    w: float,
    c1: float,
    c2: float,
    v_max: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Move places x with velocities v towards p and g, (P, D) each, as in section 5 of Clerc and
    Kennedy (2002), with χ multiplied into the constants. Returns the new x and v.
    """
    v = w * v + c1 * r1 * (p - x) + c2 * r2 * (g - x)  # v ← w v + c₁ r₁ (p − x) + c₂ r₂ (g − x)
    v = v if v_max is None else v.clamp(-v_max, v_max)
    return x + v, v  # x ← x + v


@OPTIMIZERS.add
class PSO(Optimizer[PSOState]):
    """A swarm drawn to the best places it has seen."""

    name = "pso"
    label = "Particle swarm"
    family = "Swarm"
    sees = "loss"
    selects = True
    paper = (
        "Kennedy and Eberhart 1995, https://doi.org/10.1109/ICNN.1995.488968; Clerc and Kennedy "
        "2002, https://doi.org/10.1109/4235.985692"
    )
    sentence = (
        "Simple, and good on up to a few thousand weights as long as its speed is limited; "
        "beyond that most of its moves are wasted, and one lucky place can draw the whole swarm "
        "in too early."
    )
    phases = (
        Phase(
            "Fly",
            (
                "Every particle flies on, drawn to the best place it knows and to the best its "
                "neighbours know."
            ),
            "asked",
        ),
        Phase("Judge", "The loss is taken where each particle has landed.", "answered"),
        Phase(
            "Remember",
            (
                "A place better than the particle's best becomes its best; the best of all is "
                "the network used."
            ),
            "improved",
        ),
    )

    formerly = renamed(particles="population_size", spread="init_std")

    batch: int = batch_field(
        0,
        "On mini-batches every remembered place is evaluated again each step: twice the cost.",
        advanced=True,
    )
    population_size: int = Field(
        64,
        ge=2,
        le=16384,
        description="How many networks fly together.",
        json_schema_extra={"label": "Particles", "scale": "log"},
    )
    topology: Literal["global", "ring"] = Field(
        "global",
        description=(
            "Whose best place draws a particle: the whole swarm's, or the best of itself and its "
            "two neighbours on a ring (slower, more patient)."
        ),
        json_schema_extra={"live": True},
    )
    inertia: float = Field(
        0.729844,
        ge=0,
        le=1.2,
        description="How much of its velocity a particle keeps (w).",
        json_schema_extra={"live": True, "step": 0.01},
    )
    cognitive: float = Field(
        1.49618,
        ge=0,
        le=4,
        description="Pull of the best place the particle itself has seen (c₁).",
        json_schema_extra={"live": True, "step": 0.01, "label": "Pull of memory"},
    )
    social: float = Field(
        1.49618,
        ge=0,
        le=4,
        description="Pull of the best place its neighbourhood has seen (c₂).",
        json_schema_extra={"live": True, "step": 0.01, "label": "Pull of the swarm"},
    )
    velocity_limit: float | None = Field(
        0.5,
        ge=1e-3,
        le=100,
        description=(
            "The most a weight may change in a step, in units of its layer's natural size, "
            "1/√inputs; none leaves it free."
        ),
        json_schema_extra={"live": True, "scale": "log"},
    )
    init_std: float = init_std_field(1.0, "the swarm starts")

    def memory_rows(self) -> int:
        return self.population_size * 3  # x, v and p

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> PSOState:
        x = first_population(theta, self.population_size, self.init_std, rng, oracle)
        losses = finite_losses(x, oracle)
        # The estimate starts as the shared first weights, like every lane's; the swarm's best takes
        # over with the first step.
        state = PSOState(
            theta.clone(),
            population=x,
            losses=losses,
            v=torch.zeros_like(x),
            best=x.clone(),
            best_losses=losses,
        )
        state.estimate_loss = float(losses[0])
        return state

    def step(self, state: PSOState, rng: Rng, oracle: Oracle) -> PSOState:
        x, v, p = state.population, state.v, state.best
        if losses_stale(state, oracle):
            state.best_losses = finite_losses(p, oracle)
        v_max = (
            None if self.velocity_limit is None else self.velocity_limit * oracle.init_scale.to(x)
        )
        move_swarm(
            move,
            x,
            v,
            p,
            self.guides(state.best_losses),
            rng.rows("uniform", *x.shape),
            rng.rows("uniform", *x.shape),
            w=self.inertia,
            c1=self.cognitive,
            c2=self.social,
            v_max=v_max,
        )
        state.losses = finite_losses(x, oracle)
        lost = overflowed(x, state.losses)
        if bool(lost.any()):  # so far away that its weights are not finite: back to its best
            x[lost], v[lost] = p[lost], 0.0
        better = state.losses < state.best_losses
        replace(p, better, x)
        state.best_losses = torch.where(better, state.losses, state.best_losses)
        lowest, index = state.best_losses.min(0)
        state.estimate = p[index].clone()
        state.estimate_loss = float(lowest)
        return state

    def diagnostics(self, state: PSOState) -> dict[str, float]:
        return {} if state.population is None else {"diameter": float(diameter(state.population))}

    def shift_memory(self, state: PSOState, index: int, difference: float) -> None:
        """Move the remembered best places along with the swarm; else they would draw it straight
        back.
        """
        state.best = shifted(state.best, index, difference)

    def reevaluated(self, state: PSOState) -> tuple[Tensor, ...]:
        return (state.best,)

    def accepted_rows(self, state: PSOState, asked: Asked) -> Tensor | None:
        """Return the places that became their particle's best; who stood still at it found no new
        one.
        """
        best = same_rows(state.best, asked)
        return None if best is None else best & (state.v[asked.rows] != 0).any(1)

    def guides(self, losses: Tensor) -> Tensor:
        """Return whose best place g each particle is drawn to, (P,): the best of the whole swarm,
        or of itself and its neighbours on a ring.
        """
        if self.topology == "global":
            return losses.argmin().expand(len(losses))
        left_self_right = torch.stack([losses.roll(1), losses, losses.roll(-1)])
        own = torch.arange(len(losses), device=losses.device)
        return (own + left_self_right.argmin(0) - 1) % len(losses)
