"""Stochastic gradient descent (Robbins and Monro, 1951) with momentum (Polyak, 1964).

https://doi.org/10.1214/aoms/1177729586 and https://doi.org/10.1016/0041-5553(64)90137-5. The
conventions are those of `torch.optim.SGD`: the first gradient enters the momentum whole, and the
step size multiplies the momentum, not the gradient.

g ← ∇L(θ) + λ θ,     b ← μ b + (1 − τ) g,     θ ← θ − η b

Nesterov's momentum is the same step along g + μ b, with τ = 0: see nesterov.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from .base import OPTIMIZERS, Optimizer, Phase, State
from .common.config_fields import batch_field, learning_rate_field


@dataclass(kw_only=True)
class SGDState(State):
    """One network, ``estimate`` θ, and its momentum.

    Attributes:
        momentum: b (D,); None before the first step, or without momentum.
    """

    momentum: Tensor | None = None


def update(
    theta: Tensor,
    b: Tensor | None,
    g: Tensor,
    *,
    eta: float,
    mu: float,
    tau: float,
    lam: float,
    nesterov: bool,
) -> Tensor | None:
    """Move θ by the gradient g, (D,) each, in place.

    Returns:
        The momentum b (D,), moved in place; b as it was where μ is 0.
    """
    if lam:
        g.add_(theta, alpha=lam)  # g ← ∇L(θ) + λ θ
    if mu:
        b = g if b is None else b.mul_(mu).add_(g, alpha=1 - tau)  # b ← μ b + (1 − τ) g
        g = torch.add(g, b, alpha=mu) if nesterov else b  # Nesterov: g + μ b
    theta.add_(g, alpha=-eta)  # θ ← θ − η b
    return b


class Descent(Optimizer[SGDState]):
    """What plain and Nesterov's momentum share: all but the direction of the step."""

    family = "Gradient"
    sees = "gradient"
    nesterov: ClassVar[bool] = False

    formerly = renamed(rate="learning_rate")

    batch: int = batch_field(64)
    learning_rate: float = learning_rate_field(
        0.1,
        "How far a step goes for a gradient of 1 (η, the learning rate).",
        lowest=1e-06,
        highest=1000,
    )
    momentum: float = Field(
        0.9,
        ge=0,
        le=0.9999,
        description="Share of the last step that is kept (μ).",
        json_schema_extra={"live": True, "step": 0.01},
    )
    weight_decay: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Pull of every weight towards zero, added to the gradient (λ).",
        json_schema_extra={"live": True, "step": 0.0001, "advanced": True},
    )

    def memory_rows(self) -> int:
        return 3  # θ, b and the gradient

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> SGDState:
        return SGDState(theta.clone())

    def step(self, state: SGDState, rng: Rng, oracle: Oracle) -> SGDState:
        state.momentum = update(
            state.estimate,
            state.momentum,
            oracle.gradients(state.estimate.unsqueeze(0))[1][0],
            eta=self.learning_rate,
            mu=self.momentum,
            tau=self.left_out(),
            lam=self.weight_decay,
            nesterov=self.nesterov,
        )
        return state

    def on_hyperparameter_change(self, state: SGDState, field: str, value: Any) -> None:
        """Forget momentum that is turned off, so that turned on again it begins with the gradient
        of that step.
        """
        if field == "momentum" and not value:
            state.momentum = None

    def left_out(self) -> float:
        """Return τ, the share of each new gradient that momentum leaves out."""
        return 0.0


@OPTIMIZERS.add
class SGD(Descent):
    """Steps down the gradient of a mini-batch, with momentum."""

    name = "sgd"
    label = "SGD with momentum"
    paper = (
        "Robbins and Monro 1951, https://doi.org/10.1214/aoms/1177729586; Polyak 1964, "
        "https://doi.org/10.1016/0041-5553(64)90137-5"
    )
    sentence = (
        "Cheap and reliable once its step size is right; slow in narrow valleys, and blind where "
        "the gradient is zero."
    )
    phases = (
        Phase(
            "Gradient",
            "Backpropagation gives the gradient of the mini-batch's loss where the network stands.",
            "asked",
        ),
        Phase("Momentum", "What is kept of the steps before is added to it.", "answered"),
        Phase("Step", "The weights move against the sum, as far as the step size says.", "moved"),
    )

    dampening: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of each new gradient that momentum leaves out (τ).",
        json_schema_extra={"live": True, "step": 0.01, "advanced": True},
    )

    def left_out(self) -> float:
        return self.dampening
