"""Stochastic gradient descent with momentum (Polyak, 1964).

https://doi.org/10.1016/0041-5553(64)90137-5, with the semantics of `torch.optim.SGD`: the momentum buffer starts as the first gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field
from torch import Tensor

from engine.optimizers.base import OPTIMIZERS, Optimizer, State
from engine.oracle import Oracle
from engine.rng import Rng


@dataclass
class SGDState(State):
    """The momentum buffer b (D,), None before the first step."""

    buffer: Tensor | None = None


@OPTIMIZERS.add
class SGD(Optimizer):
    """Steps down the gradient, with momentum."""

    name = "sgd"
    label = "SGD with momentum"
    family = "Gradient"
    sees = "gradient"
    paper = "Robbins and Monro 1951; Polyak 1964, https://doi.org/10.1016/0041-5553(64)90137-5"
    sentence = "The plain baseline: cheap and reliable once its step size is right; slow in narrow valleys and blind where the gradient is zero."

    batch: int = Field(64, ge=0, le=65536, description="Samples looked at in one step; 0 takes all of them.", json_schema_extra={"step": 16, "unit": "samples"})
    rate: float = Field(0.1, gt=0, le=1000, description="How far a step goes for a gradient of 1.", json_schema_extra={"label": "Step size", "scale": "log"})
    momentum: float = Field(0.9, ge=0, lt=1, description="How much of the last step is kept.", json_schema_extra={"step": 0.01})
    dampening: float = Field(0.0, ge=0, le=1, description="How much of the new gradient is left out of the momentum.", json_schema_extra={"step": 0.01, "advanced": True})
    weight_decay: float = Field(0.0, ge=0, le=1, description="Pull of every weight towards zero, added to the gradient.", json_schema_extra={"step": 0.001, "advanced": True})

    def population_size(self) -> int:
        return 2

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> SGDState:
        return SGDState(theta.clone())

    def step(self, state: State, rng: Rng, oracle: Oracle) -> SGDState:
        assert isinstance(state, SGDState)
        theta = state.estimate
        g = oracle.gradients(theta.unsqueeze(0))[1][0]
        if self.weight_decay:
            g = g.add(theta, alpha=self.weight_decay)
        if self.momentum:
            # b ← μ b + (1−τ) g;  θ ← θ − η b
            state.buffer = g.clone() if state.buffer is None else state.buffer.mul_(self.momentum).add_(g, alpha=1 - self.dampening)
            g = state.buffer
        theta.add_(g, alpha=-self.rate)
        return state
