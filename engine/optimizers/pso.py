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

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ..kernels import compiled
from ..kernels.compiled import Array, Kernel, kernel
from ..kernels.row_blocks import copied, gathered, replace, strips
from ..kernels.scratch import buffer
from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from .base import (
    OPTIMIZERS,
    Asked,
    Optimizer,
    Stage,
    State,
    outdated,
    same_rows,
    shifted,
)
from .common.finite_losses import judge


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
    stages = (
        Stage(
            "Fly",
            (
                "Every particle flies on, drawn to the best place it knows and to the best its "
                "neighbours know."
            ),
            "asked",
        ),
        Stage("Judge", "The loss is taken where each particle has landed.", "answered"),
        Stage(
            "Remember",
            (
                "A place better than the particle's best becomes its best; the best of all is "
                "the network used."
            ),
            "moved",
        ),
    )

    formerly = renamed(particles="population_size", spread="init_std")

    batch: int = Field(
        0,
        ge=0,
        le=65536,
        description=(
            "Samples looked at in one step; 0 takes all of them. On mini-batches every "
            "remembered place is judged anew each step, which doubles the cost."
        ),
        json_schema_extra={"step": 16, "unit": "samples", "advanced": True},
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
    init_std: float = Field(
        1.0,
        ge=1e-3,
        le=100,
        description=(
            "How far from the first weights the swarm starts (standard deviation), in units of "
            "each layer's natural size, 1/√inputs."
        ),
        json_schema_extra={"scale": "log", "label": "Start spread", "advanced": True},
    )

    def loops(self) -> tuple[Kernel, ...]:
        return (flown, away, copied)

    def memory_rows(self) -> int:
        return self.population_size * 3  # x, v and p

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> PSOState:
        x = (
            rng.normal(self.population_size, theta.numel())
            .to(theta)
            .mul_(self.init_std * oracle.scale.to(theta))
            .add_(theta)
        )
        x[0] = theta  # the shared first weights are one of the swarm
        losses = judge(x, oracle)
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
        if outdated(
            state, oracle
        ):  # losses on different batches cannot be compared: the luckiest batch would win for ever
            state.best_losses = judge(p, oracle)
        strayed = self.fly(x, v, p, self.guides(state.best_losses), rng, oracle)
        lost = ~torch.isfinite(strayed)
        if bool(lost.any()):  # flown so far that its place is no number: back to its best, at rest
            x[lost], v[lost], strayed[lost] = p[lost], 0.0, 0.0
        state.losses = judge(x, oracle)
        better = state.losses < state.best_losses
        replace(p, better, x)
        state.best_losses = torch.where(better, state.losses, state.best_losses)
        lowest, index = state.best_losses.min(0)
        state.estimate = p[index].clone()
        state.estimate_loss = float(lowest)
        return state

    def diagnostics(self, state: PSOState) -> dict[str, float]:
        return {} if state.population is None else {"diameter": float(diameter(state.population))}

    def shift(self, state: PSOState, index: int, difference: float) -> None:
        """The best places remembered move along with the swarm and are judged anew, else they would
        draw it straight back.
        """
        state.best = shifted(state.best, index, difference)

    def known(self, state: PSOState) -> tuple[Tensor, ...]:
        return (state.best,)

    def taken(self, state: PSOState, asked: Asked) -> Tensor | None:
        """The places that became their particle's best."""
        return same_rows(state.best, asked)

    def fly(
        self, x: Tensor, v: Tensor, p: Tensor, guides: Tensor, rng: Rng, oracle: Oracle
    ) -> Tensor:
        """New velocities v and places x (P, D), in place; ``guides`` (P,) tells whose best place
        draws whom.

        Returns:
            How far every particle was from the place that draws it, (P,).
        """
        memory, swarm = rng.rows("uniform", *x.shape), rng.rows("uniform", *x.shape)
        limit = None if self.velocity_limit is None else self.velocity_limit * oracle.scale.to(x)
        lowest, strayed = None if limit is None else -limit, x.new_empty(len(x))
        if compiled.fit(x, v, p) and memory.tabled:
            bound = x.new_full((x.shape[1],), torch.inf) if limit is None else limit
            (table, own, members), (_, others, _) = memory.stretches(x), swarm.stretches(x)
            flown(
                len(x),
                x,
                v,
                p,
                guides.contiguous(),
                table,
                own,
                others,
                members,
                bound,
                self.inertia,
                self.cognitive,
                self.social,
                strayed,
            )
            return strayed
        for strip in strips(x):
            at, speed, own = x[strip], v[strip], p[strip]
            pull = buffer("pull", tuple(at.shape), at)
            speed.mul_(self.inertia)
            speed.add_(torch.sub(own, at, out=pull).mul_(memory[strip].to(x).mul_(self.cognitive)))
            torch.linalg.vector_norm(
                torch.sub(self.drawn_to(p, guides, strip), at, out=pull), dim=1, out=strayed[strip]
            )
            speed.add_(pull.mul_(swarm[strip].to(x).mul_(self.social)))
            if limit is not None:
                torch.clamp(speed, lowest, limit, out=speed)
            at.add_(speed)
        return strayed

    def guides(self, losses: Tensor) -> Tensor:
        """Whose best place g each particle is drawn to, (P,): the best of the whole swarm, or of
        itself and its neighbours on a ring.
        """
        if self.topology == "global":
            return losses.argmin().expand(len(losses))
        left_self_right = torch.stack([losses.roll(1), losses, losses.roll(-1)])
        own = torch.arange(len(losses), device=losses.device)
        return (own + left_self_right.argmin(0) - 1) % len(losses)

    def drawn_to(self, p: Tensor, guides: Tensor, strip: slice) -> Tensor:
        """Those places, of the particles of a strip: (1, D) for the whole swarm, (m, D) on a
        ring.
        """
        return p[guides[:1]] if self.topology == "global" else gathered(p, guides[strip], "guides")


@kernel(
    (
        "T[:, ::1], T[:, ::1], T[:, ::1], int64[::1], T[::1], int64[:, ::1], int64[:, ::1], "
        "int64, T[::1], T, T, T, T[::1]"
    ),
    "x",
    "v",
    "strayed",
)
def flown(
    first: int,
    last: int,
    x: Array,
    v: Array,
    p: Array,
    guides: Array,
    table: Array,
    own: Array,
    others: Array,
    members: int,
    limit: Array,
    inertia: Array,
    cognitive: Array,
    social: Array,
    strayed: Array,
) -> None:
    """`PSO.fly` of some particles; where their r₁ and r₂ are read off the table, ``own`` and
    ``others`` tell.
    """
    for i in range(first, last):
        block, row = i // members, i % members * x.shape[1]
        a, b, c, d = (
            table[own[block, 0] + row :],
            table[own[block, 1] + row :],
            table[others[block, 0] + row :],
            table[others[block, 1] + row :],
        )
        at, speed, best, guide, total = x[i], v[i], p[i], p[guides[i]], x.dtype.type(0)
        for j in range(len(at)):
            memory, swarm, away = a[j] + b[j], c[j] + d[j], guide[j] - at[j]
            memory, swarm = memory - np.trunc(memory), swarm - np.trunc(swarm)
            total += away * away
            moved = (
                inertia * speed[j] + cognitive * memory * (best[j] - at[j]) + social * swarm * away
            )
            if moved > limit[j]:
                moved = limit[j]
            elif moved < -limit[j]:
                moved = -limit[j]
            speed[j] = moved
            at[j] += moved
        strayed[i] = total ** x.dtype.type(0.5)


def diameter(x: Tensor) -> Tensor:
    """Measure the distance across the swarm (P, D), (): from the particle farthest from the centre
    to the one farthest from it.

    It is at least half the true diameter and at most all of it.
    """
    return distances(x, x[distances(x, x.mean(0)).argmax()]).max()


def distances(x: Tensor, place: Tensor) -> Tensor:
    """How far members (P, D) are from a place (D,): (P,)."""
    if compiled.fit(x, place):
        apart = x.new_empty(len(x))
        away(len(x), x, place, apart)
        return apart
    return torch.cat(
        [
            torch.linalg.vector_norm(
                torch.sub(x[strip], place, out=buffer("pull", tuple(x[strip].shape), x)), dim=1
            )
            for strip in strips(x)
        ]
    )


@kernel("T[:, ::1], T[::1], T[::1]", "apart")
def away(first: int, last: int, x: Array, place: Array, apart: Array) -> None:
    """How far members (m, D) are from a place (D,)."""
    for i in range(first, last):
        total = x.dtype.type(0)
        for j in range(x.shape[1]):
            departure = x[i, j] - place[j]
            total += departure * departure
        apart[i] = total ** x.dtype.type(0.5)
