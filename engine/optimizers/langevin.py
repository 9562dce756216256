"""Langevin dynamics: gradient descent with heat (Welling and Teh, 2011), cooled like simulated
annealing (Gelfand and Mitter, 1991).

SGLD: https://dl.acm.org/doi/10.5555/3104482.3104568; annealed: https://doi.org/10.1137/0329055. At
a fixed temperature T and small steps the weights follow the law exp(−L/T), L the mean loss.

Overdamped (Euler–Maruyama):   θ ← θ − η g + √(2ηT) z,     z ~ N(0, I)
Underdamped (BAOAB, Leimkuhler and Matthews, 2013, https://doi.org/10.1093/amrx/abs010), with unit
masses, time step h = √η, and u = h·velocity, the move of one step:
   u ← u − η g,     θ ← θ + u/2,     u ← μ u + √(ηT(1 − μ²)) z,     θ ← θ + u/2

μ = exp(−friction·h) is the share of u kept, so both read like SGD, with momentum and without. The
two half kicks that BAOAB gives at the same place, ending one step and beginning the next, are one
whole kick here; only the very first is a half. A mini-batch's gradient is itself noisy and heats:
the weights end up warmer than T by about η/2 times the variance of a weight's gradient
(overdamped). Guessed gradients are noisier still.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from ..schedules import geometric, linear
from .base import OPTIMIZERS, Phase
from .common.config_fields import learning_rate_field
from .common.estimators import Estimated
from .common.heat import HeatedState, add_heat, warmth

RATE = 0.5
"""η for the gradient itself: of one step without momentum, and of all that is left of a push with
it, η/(1 − μ)."""


@dataclass(kw_only=True)
class LangevinState(HeatedState):
    """One network, ``estimate`` θ, in a bath of heat.

    Attributes:
        move: u (D,), the move of one step; None when overdamped.
        kicked: whether the first, half kick was given.
        eta: η of the last step; None before the first, or when overdamped.
    """

    move: Tensor | None = None
    kicked: bool = False
    eta: float | None = None


def overdamped(theta: Tensor, g: Tensor, z: Tensor, *, eta: float, t: float) -> None:
    """Move θ by the gradient g and standard normal z at temperature T, (D,) each, in place."""
    theta.add_(g, alpha=-eta).add_(z, alpha=math.sqrt(2 * eta * t))  # θ ← θ − η g + √(2ηT) z


def baoab(
    theta: Tensor,
    u: Tensor,
    g: Tensor,
    z: Tensor,
    *,
    eta: float,
    t: float,
    mu: float,
    share: float,
) -> None:
    """Move θ and its move u by the gradient g and standard normal z at temperature T, (D,) each, in
    place. The letters are those of Leimkuhler and Matthews (2013); ``share`` is that of a whole
    push which is given: ½ before the first step, then 1.
    """
    u.add_(g, alpha=-eta * share)  # B, twice: u ← u − η g
    theta.add_(u, alpha=0.5)  # A: θ ← θ + u/2
    u.mul_(mu).add_(z, alpha=math.sqrt(eta * t * (1 - mu**2)))  # O: u ← μ u + √(ηT(1 − μ²)) z
    theta.add_(u, alpha=0.5)  # A: θ ← θ + u/2


@OPTIMIZERS.add
class Langevin(Estimated[LangevinState]):
    """Gradient descent that is shaken by heat."""

    name = "langevin"
    label = "Langevin dynamics"
    family = "Langevin"
    paper = (
        "Welling and Teh 2011, https://dl.acm.org/doi/10.5555/3104482.3104568; Gelfand and "
        "Mitter 1991, https://doi.org/10.1137/0329055"
    )
    sentence = (
        "While warm it samples networks instead of settling on one, and crosses ridges on the way; "
        "every weight gets its share of the heat, so with many weights it must be very cold "
        "before it is any good."
    )
    phases = (
        Phase(
            "Slope",
            (
                "The gradient is taken where the network stands, by backpropagation or guessed "
                "from random directions."
            ),
            "asked",
        ),
        Phase(
            "Heat",
            "The plan tells the temperature, and the temperature how strong the random kicks are.",
            "answered",
        ),
        Phase(
            "Move",
            (
                "The weights go down the slope and are kicked at random; an underdamped ball "
                "also rolls on."
            ),
            "moved",
        ),
    )

    formerly = renamed(
        start_temperature="initial_temperature",
        end_temperature="final_temperature",
        cooling="schedule",
        rate="learning_rate",
    )

    dynamics: Literal["overdamped", "underdamped"] = Field(
        "overdamped",
        description=(
            "Without inertia, or with: an underdamped ball keeps rolling and forgets its "
            "direction slowly."
        ),
    )
    learning_rate: float | None = learning_rate_field(
        None,
        "How far a gradient of 1 pushes (η); auto is 0.5, times 1 − momentum when underdamped, "
        "and less where the gradient is guessed from few directions.",
        lowest=1e-07,
        highest=100,
    )
    initial_temperature: float = Field(
        1e-4,
        ge=1e-12,
        le=1e6,
        description=(
            "Temperature at the start. Heat costs about half of it in mean loss for every "
            "weight: 1e-4 on 1,000 weights is 0.05."
        ),
        json_schema_extra={"label": "Start temperature", "live": True, "scale": "log"},
    )
    final_temperature: float = Field(
        1e-8,
        ge=1e-12,
        le=1e6,
        description="Temperature at the end.",
        json_schema_extra={"label": "End temperature", "live": True, "scale": "log"},
    )
    schedule: Literal["geometric", "linear"] = Field(
        "geometric",
        description="How the temperature falls over the budget.",
        json_schema_extra={"label": "Cooling"},
    )
    momentum: float = Field(
        0.9,
        ge=0,
        le=0.9999,
        description="Share of its move that an underdamped ball keeps from step to step (μ).",
        json_schema_extra={"live": True, "step": 0.01, "advanced": True},
    )

    def memory_rows(self) -> int:
        return 3 + self.rows()

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> LangevinState:
        state = LangevinState(
            theta.clone(), temperature=self.initial_temperature, plan=self.initial_temperature
        )
        if self.dynamics == "underdamped":
            state.move = torch.zeros_like(theta)
        return state

    def step(self, state: LangevinState, rng: Rng, oracle: Oracle) -> LangevinState:
        theta, u = state.estimate, state.move
        state.seen = oracle.progress
        state.plan = self.planned_temperature(state, state.seen)
        t = state.temperature = state.plan * warmth(state, state.seen)
        eta = self.step_size(theta.numel(), oracle)
        g = self.gradient(theta, rng, oracle)[1]
        z = rng.normal(theta.numel()).to(theta)
        if u is None:
            overdamped(theta, g, z, eta=eta, t=t)
            return state
        if state.eta is not None and state.eta != eta:  # turned: the velocity u/√η goes on
            u.mul_(math.sqrt(eta / state.eta))
        state.eta = eta
        share = 1.0 if state.kicked else 0.5
        baoab(theta, u, g, z, eta=eta, t=t, mu=self.momentum, share=share)
        state.kicked = True
        # Of the motion: above T where the gradient's noise heats.
        state.metrics["measured temperature"] = float(u.square().mean()) / eta
        return state

    def step_size(self, dimension: int, oracle: Oracle) -> float:
        """Return η, given or found."""
        return self.learning_rate or RATE * self.step_size_factor(dimension, oracle) * (
            1 if self.dynamics == "overdamped" else 1 - self.momentum
        )

    def planned_temperature(self, state: LangevinState, progress: float) -> float:
        return (geometric if self.schedule == "geometric" else linear)(
            self.initial_temperature, self.final_temperature, progress
        )

    def reheat(self, state: LangevinState, factor: float) -> bool:
        add_heat(state, factor)
        return True
