"""CoolMomentum: simulated annealing by cooling the momentum (Borysenko and Byshkin, 2021).

https://doi.org/10.1038/s41598-021-90144-3, https://arxiv.org/abs/2005.14605. Heavy-ball steps Δ
follow the law of a Langevin equation whose friction grows: the ball loses its heat slowly and
settles in a deep place.

ρ_n = max(0, 1 − (1 − ρ₀)/αⁿ),  α = (1 − ρ₀)^{1/S},     Δ ← ρ_n Δ − η (1 + ρ_n)/2 · g,     θ ← θ + Δ

S is the number of steps planned, so with progress p = n/S of the budget 1/αⁿ = (1 − ρ₀)^{−p} and ρ
= 1 − (1 − ρ₀)^{1−p}, from ρ₀ down to 0. The temperature shown is the mean squared step of a weight,
‖Δ‖²/D; it is what the method cools. Two controls change nothing but the course of ρ: "constant"
keeps ρ₀ and is SGD with momentum at the rate η (1 + ρ₀)/2; "demon" is decaying momentum (Chen,
Wolfe, Li and Kyrillidis, 2019, https://arxiv.org/abs/1910.04952), ρ = ρ₀ (1 − p) / ((1 − ρ₀) + ρ₀
(1 − p)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from .base import OPTIMIZERS, Phase
from .common.config_fields import learning_rate_field
from .common.estimators import Estimated
from .common.heat import HeatedState, add_heat, warmth

RATE = 0.01
"""η as published, for the gradient itself."""


@dataclass(kw_only=True)
class CoolMomentumState(HeatedState):
    """One network, ``estimate`` θ, in motion.

    Attributes:
        delta: Δ (D,), the last step.
    """

    delta: Tensor


def update(theta: Tensor, delta: Tensor, g: Tensor, *, rho: float, eta: float) -> None:
    """Move θ and its last step Δ by the gradient g, (D,) each, in place."""
    delta.mul_(rho).add_(g, alpha=-eta * (1 + rho) / 2)  # Δ ← ρ Δ − η (1 + ρ)/2 g
    theta.add_(delta)  # θ ← θ + Δ


@OPTIMIZERS.add
class CoolMomentum(Estimated[CoolMomentumState]):
    """A heavy ball whose momentum is cooled away."""

    name = "coolmomentum"
    label = "CoolMomentum"
    family = "Langevin"
    paper = "Borysenko and Byshkin 2021, https://doi.org/10.1038/s41598-021-90144-3"
    sentence = (
        "Roams far while its momentum is hot and settles gently as that is cooled, so it needs "
        "to know its budget beforehand; "
        "cut short, it is left half cooled, and its gradient may be guessed from losses alone, "
        "at the price of slower steps."
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
            "Cool",
            (
                "The share of the last step that lives on is read off the plan: less and less as "
                "the budget is spent."
            ),
            "answered",
        ),
        Phase(
            "Roll",
            "The weights move by that share of their last step and a push down the slope.",
            "moved",
        ),
    )

    formerly = renamed(rate="learning_rate")

    learning_rate: float | None = learning_rate_field(
        None,
        "How far a gradient of 1 pushes (η); auto is 0.01 as published, and less where the "
        "gradient is guessed from few directions.",
        lowest=1e-07,
        highest=100,
    )
    momentum: float = Field(
        0.99,
        ge=0,
        le=0.9999,
        description="Share of the last step that is kept at the start (ρ₀).",
        json_schema_extra={"live": True, "step": 0.01},
    )
    schedule: Literal["cool", "demon", "constant"] = Field(
        "cool",
        description=(
            "How the momentum falls over the budget: as published, as in Demon (late and fast), "
            "or not at all."
        ),
        json_schema_extra={"label": "Cooling"},
    )

    def memory_rows(self) -> int:
        return 2 + self.rows()

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> CoolMomentumState:
        return CoolMomentumState(theta.clone(), temperature=0.0, delta=torch.zeros_like(theta))

    def step(self, state: CoolMomentumState, rng: Rng, oracle: Oracle) -> CoolMomentumState:
        theta, delta = state.estimate, state.delta
        state.seen = oracle.progress
        rho = self.rho(state.seen, warmth(state, state.seen))
        eta = self.learning_rate or RATE * self.step_size_factor(theta.numel(), oracle)
        g = self.gradient(theta, rng, oracle)[1]
        update(theta, delta, g, rho=rho, eta=eta)
        state.metrics["momentum"] = rho
        state.temperature = float(delta.square().mean())
        return state

    def rho(self, progress: float, heat: float = 1.0) -> float:
        """Return ρ at a share of the budget.

        Noise of a given size keeps a ball of momentum ρ at a temperature proportional to (1 + ρ)/(1
        − ρ), nearly 2/(1 − ρ): heat divides 1 − ρ.
        """
        left, kept = 1 - progress, self.momentum
        if self.schedule == "cool":
            lost = (1 - kept) ** left
        elif self.schedule == "demon":
            lost = (1 - kept) / ((1 - kept) + kept * left)  # 1 − ρ₀ (1 − p)/((1 − ρ₀) + ρ₀ (1 − p))
        else:
            lost = 1 - kept
        return min(1.0, max(0.0, 1 - lost / heat))

    def reheat(self, state: CoolMomentumState, factor: float) -> bool:
        add_heat(state, factor)
        return True
