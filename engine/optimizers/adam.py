"""Adam (Kingma and Ba, 2015).

https://arxiv.org/abs/1412.6980, algorithm 1. The conventions are those of `torch.optim.Adam`: ε is
added after the bias correction, and weight decay goes into the gradient.

g ← ∇L(θ) + λ θ,     m ← β₁ m + (1 − β₁) g,     v ← β₂ v + (1 − β₂) g²
m̂ = m / (1 − β₁ⁿ),     v̂ = v / (1 − β₂ⁿ),     θ ← θ − η m̂ / (√v̂ + ε)

AdamW is the same step with a decay of its own, θ ← (1 − η λ) θ, in place of the one in the
gradient: see adamw.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from .base import OPTIMIZERS, Optimizer, Phase, State
from .common.adam_moments import denominator, follow
from .common.config_fields import (
    batch_field,
    beta1_field,
    beta2_field,
    epsilon_field,
    learning_rate_field,
)


@dataclass(kw_only=True)
class AdamState(State):
    """One network, ``estimate`` θ, and the moments of its gradient.

    Attributes:
        m, v: running means of the gradient and of its square, both (D,).
        n: steps taken.
    """

    m: Tensor
    v: Tensor
    n: int = 0


def update(
    theta: Tensor,
    m: Tensor,
    v: Tensor,
    g: Tensor,
    n: int,
    *,
    eta: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    lam: float,
    decoupled: bool,
) -> None:
    """Move θ and the moments m and v by the gradient g, (D,) each, in step n: all in place."""
    if decoupled:
        theta.mul_(1 - eta * lam)  # θ ← (1 − η λ) θ: Loshchilov and Hutter, algorithm 2
    elif lam:
        g.add_(theta, alpha=lam)  # g ← g + λ θ
    follow(m, v, g, beta1=beta1, beta2=beta2)  # Kingma and Ba, algorithm 1, as the rest
    root = denominator(v, n, beta2=beta2, epsilon=epsilon)  # √v̂ + ε
    theta.addcdiv_(m, root, value=-eta / (1 - beta1**n))  # θ ← θ − η m̂ / (√v̂ + ε)


@OPTIMIZERS.add
class Adam(Optimizer[AdamState]):
    """Steps along the running mean of the gradient, each weight's by the measure of its own
    gradient's size.
    """

    name = "adam"
    label = "Adam"
    family = "Gradient"
    sees = "gradient"
    paper = "Kingma and Ba 2015, https://arxiv.org/abs/1412.6980"
    sentence = (
        "Fast on almost everything that has a gradient, with hardly any tuning; lost where the "
        "gradient is zero or misleads."
    )
    phases: ClassVar[tuple[Phase, ...]] = (
        Phase(
            "Gradient",
            "Backpropagation gives the gradient of the mini-batch's loss where the network stands.",
            "asked",
        ),
        Phase(
            "Moments",
            "Every weight updates its running means of the gradient and of the gradient's square.",
            "answered",
        ),
        Phase(
            "Step",
            (
                "Every weight moves by the first mean over the root of the second: about one "
                "step size while signs agree."
            ),
            "moved",
        ),
    )
    decoupled: ClassVar[bool] = False
    """Whether weight decay shrinks the weights themselves and stays out of the gradient and its
    moments."""

    formerly = renamed(rate="learning_rate")

    batch: int = batch_field(64)
    learning_rate: float = learning_rate_field(
        0.01,
        "How far a weight moves in a step while its gradient keeps its sign (η).",
        lowest=1e-06,
        highest=10,
    )
    weight_decay: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Pull of every weight towards zero, added to the gradient (λ).",
        json_schema_extra={"live": True, "step": 0.0001, "advanced": True},
    )
    beta1: float = beta1_field("gradient")
    beta2: float = beta2_field("gradient")
    epsilon: float = epsilon_field("gradient")

    def memory_rows(self) -> int:
        return 5  # θ, m, v, the gradient and the denominator

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> AdamState:
        return AdamState(theta.clone(), m=torch.zeros_like(theta), v=torch.zeros_like(theta))

    def step(self, state: AdamState, rng: Rng, oracle: Oracle) -> AdamState:
        g = oracle.gradients(state.estimate.unsqueeze(0))[1][0]
        state.n += 1
        update(
            state.estimate,
            state.m,
            state.v,
            g,
            state.n,
            eta=self.learning_rate,
            beta1=self.beta1,
            beta2=self.beta2,
            epsilon=self.epsilon,
            lam=self.weight_decay,
            decoupled=self.decoupled,
        )
        return state
