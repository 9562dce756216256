"""Adam (Kingma and Ba, 2015).

https://arxiv.org/abs/1412.6980, algorithm 1, with the semantics of `torch.optim.Adam`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from engine.optimizers.base import OPTIMIZERS, Optimizer, State
from engine.oracle import Oracle
from engine.rng import Rng


@dataclass
class AdamState(State):
    """The moments: m and v, both (D,)."""

    m: Tensor = None  # type: ignore[assignment]
    v: Tensor = None  # type: ignore[assignment]
    n: int = 0


@OPTIMIZERS.add
class Adam(Optimizer):
    """Steps scaled by running moments of the gradient."""

    name = "adam"
    label = "Adam"
    family = "Gradient"
    sees = "gradient"
    paper = "Kingma and Ba 2015, https://arxiv.org/abs/1412.6980"
    sentence = "The usual choice: fast on almost everything with a gradient; helpless where the gradient is zero or lies."

    batch: int = Field(64, ge=0, le=65536, description="Samples looked at in one step; 0 takes all of them.", json_schema_extra={"step": 16, "unit": "samples"})
    rate: float = Field(0.01, gt=0, le=10, description="Length of a step where the gradient is steady.", json_schema_extra={"label": "Step size", "scale": "log"})
    beta1: float = Field(0.9, ge=0, lt=1, description="How long the mean of the gradient remembers.", json_schema_extra={"step": 0.01, "label": "β₁", "advanced": True})
    beta2: float = Field(0.999, ge=0, lt=1, description="How long the gradient's size remembers.", json_schema_extra={"step": 0.001, "label": "β₂", "advanced": True})
    epsilon: float = Field(1e-8, gt=0, le=1, description="Keeps the division from blowing up.", json_schema_extra={"scale": "log", "label": "ε", "advanced": True})
    weight_decay: float = Field(0.0, ge=0, le=1, description="Pull of every weight towards zero, added to the gradient.", json_schema_extra={"step": 0.001, "advanced": True})

    def population_size(self) -> int:
        return 3

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> AdamState:
        return AdamState(theta.clone(), m=torch.zeros_like(theta), v=torch.zeros_like(theta))

    def step(self, state: State, rng: Rng, oracle: Oracle) -> AdamState:
        assert isinstance(state, AdamState)
        theta, m, v = state.estimate, state.m, state.v
        g = oracle.gradients(theta.unsqueeze(0))[1][0]
        if self.weight_decay:
            g = g.add(theta, alpha=self.weight_decay)
        state.n += 1
        # m ← β₁ m + (1−β₁) g;  v ← β₂ v + (1−β₂) g²;  θ ← θ − η m̂ / (√v̂ + ε)
        m.lerp_(g, 1 - self.beta1)
        v.mul_(self.beta2).addcmul_(g, g, value=1 - self.beta2)
        scale = (1 - self.beta2**state.n) ** 0.5
        theta.addcdiv_(m, (v.sqrt() / scale).add_(self.epsilon), value=-self.rate / (1 - self.beta1**state.n))
        return state
