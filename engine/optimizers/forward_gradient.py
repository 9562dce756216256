"""Forward gradients (Baydin, Pearlmutter, Syme, Wood and Torr, 2022).

https://arxiv.org/abs/2202.08587, algorithm 1. One forward pass that carries a tangent along gives
the loss's exact derivative along a random direction v, without any backward pass; along v by that
much points down the gradient on average.

g = (1/m) Σ (∇L(θ)·v_i) v_i,  v_i ~ N(0, I),     b ← μ b + g,     θ ← θ − η b
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from .base import OPTIMIZERS, Optimizer, Phase, State
from .common.config_fields import batch_field, learning_rate_field
from .common.estimators import ROWS, estimate, is_regression, step_size_factor


@dataclass(kw_only=True)
class ForwardGradientState(State):
    """One network, ``estimate`` θ.

    Attributes:
        momentum: b (D,); None without momentum.
    """

    momentum: Tensor | None = None


def update(theta: Tensor, b: Tensor | None, g: Tensor, *, eta: float, mu: float) -> None:
    """Move θ and its momentum b, where there is one, by the gradient g, (D,) each, in place."""
    step = g if b is None else b.mul_(mu).add_(g)  # b ← μ b + g
    theta.add_(step, alpha=-eta)  # θ ← θ − η b


@OPTIMIZERS.add
class ForwardGradient(Optimizer[ForwardGradientState]):
    """Gradient descent without the backward pass."""

    name = "forward-gradient"
    label = "Forward gradient"
    family = "Zeroth order"
    sees = "jvp"
    paper = "Baydin, Pearlmutter, Syme, Wood and Torr 2022, https://arxiv.org/abs/2202.08587"
    sentence = (
        "Exact slopes along random directions and no backward pass to store; "
        "one direction tells little of thousands of weights, so the more weights, the smaller "
        "its steps must be."
    )
    phases = (
        Phase("Look", "From where the network stands, random directions are drawn.", "asked"),
        Phase(
            "Slope",
            (
                "One forward pass that carries a direction along gives the loss's exact slope in "
                "it; no backward pass."
            ),
            "answered",
        ),
        Phase(
            "Step",
            (
                "The directions, each weighed by its slope, average to a guess of the gradient; "
                "the step goes down it."
            ),
            "moved",
        ),
    )

    formerly = renamed(rate="learning_rate")

    batch: int = batch_field(64)
    directions: int = Field(
        16,
        ge=1,
        le=16384,
        description=(
            "Random directions looked along in one step (m): more of them, less noise, more work."
        ),
        json_schema_extra={"scale": "log"},
    )
    learning_rate: float | None = learning_rate_field(
        None,
        "How far a step goes for a gradient of 1 (η); auto is 8 m/(m + D + 1) for m directions and "
        "D weights, at most 1, and for numbers to be met without the 8; all times 1 − μ.",
        lowest=1e-07,
        highest=1000,
    )
    momentum: float = Field(
        0.0,
        ge=0,
        le=0.9999,
        description="Share of the last step that is kept (μ).",
        json_schema_extra={"live": True, "step": 0.01},
    )

    def memory_rows(self) -> int:
        return 3 + self.directions * ROWS["forward-gradient"]

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> ForwardGradientState:
        return ForwardGradientState(
            theta.clone(), momentum=torch.zeros_like(theta) if self.momentum else None
        )

    def step(self, state: ForwardGradientState, rng: Rng, oracle: Oracle) -> ForwardGradientState:
        theta, b = state.estimate, state.momentum
        g = estimate("forward-gradient", theta, self.directions, 0.0, rng, oracle)[1]
        eta = self.learning_rate or (1 - self.momentum) * step_size_factor(
            self.directions, theta.numel(), is_regression(oracle)
        )
        update(theta, b, g, eta=eta, mu=self.momentum)
        return state

    def on_hyperparameter_change(self, state: ForwardGradientState, field: str, value: Any) -> None:
        """Start momentum at rest when it is turned on."""
        if field == "momentum" and state.momentum is None and value:
            state.momentum = torch.zeros_like(state.estimate)
