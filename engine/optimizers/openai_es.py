"""The evolution strategy of OpenAI (Salimans, Ho, Chen, Sidor and Sutskever, 2017).

https://arxiv.org/abs/1703.03864, algorithm 1 with the paper's antithetic sampling, rank shaping,
weight decay and Adam. The loss, blurred by Gaussian noise, has a gradient that needs no derivative:
noise that made things worse points uphill.

θ_i± = θ ± σ ε_i,     ε_i ~ N(0, I),     i = 1…n
g = 1/(2n) Σ_i (r_i⁺ − r_i⁻) ε_i + λ θ,
r the centred ranks of all 2n losses, from −½ (best) to ½ (worst)
θ ← Adam(θ, g), its step size η falling over the budget where a schedule says so

As in the published code g is not divided by σ: with ranks for losses its size means nothing, and
Adam does away with it. All of it happens in units of each layer's natural size 1/√fan_in, θ = s ⊙
z: noise, decay and step act on z.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from pydantic import Field
from torch import Tensor

from ..kernels.compiled import MIN_NUMEL
from ..kernels.row_blocks import again
from ..oracle import Oracle
from ..populations.antithetic import AntitheticPopulation
from ..populations.noise import KEPT_BYTES, DenseNoise, Noise, SeededNoise
from ..random.rng import Rng
from ..registry import renamed
from ..schedules import share_left
from .base import OPTIMIZERS, Optimizer, Phase, State, shifted
from .common.adam_moments import denominator, follow
from .common.config_fields import (
    RateSchedule,
    batch_field,
    beta1_field,
    beta2_field,
    epsilon_field,
    final_rate_field,
    learning_rate_field,
    rate_schedule_field,
)
from .common.finite_losses import finite_losses
from .common.recombination_weights import centred_ranks


@dataclass(kw_only=True)
class OpenAIESState(State):
    """One network, ``estimate`` θ, and Adam's moments; ``population`` stands for the 2n samples,
    first all of θ + σε, then all of θ − σε, as `AntitheticPopulation` pairs that are written
    out when they are observed.

    Attributes:
        m, v: running means of the estimated gradient and of its square, both (D,).
        n: steps taken.
    """

    m: Tensor
    v: Tensor
    n: int = 0


def gradient(noise: Noise, plus: Tensor, minus: Tensor) -> Tensor:
    """Estimate the gradient (D,) from the centred ranks r⁺ and r⁻ of n pairs, (n,) each."""
    return noise.combine(plus - minus).div_(2 * len(plus))  # g = 1/(2n) Σ_i (r_i⁺ − r_i⁻) ε_i


def update(
    theta: Tensor,
    m: Tensor,
    v: Tensor,
    g: Tensor,
    n: int,
    s: Tensor,
    *,
    eta: float,
    share: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    lam: float,
) -> None:
    """Move θ = s ⊙ z and the moments of g, (D,) each, by a share of Adam's step n in z: in
    place.
    """
    if lam:
        g.add_(theta / s, alpha=lam)  # g ← g + λ z
    follow(m, v, g, beta1=beta1, beta2=beta2)
    root = denominator(v, n, beta2=beta2, epsilon=epsilon)
    step = torch.div(m, root, out=root).mul_(-eta / (1 - beta1**n))  # −η m̂ / (√v̂ + ε)
    theta.add_(step.mul_(s), alpha=share)  # z ← z + share · step


@OPTIMIZERS.add
class OpenAIES(Optimizer[OpenAIESState]):
    """Descends a gradient estimated from how mirrored noise ranks."""

    name = "openai-es"
    label = "OpenAI evolution strategy"
    family = "Evolution"
    sees = "loss"
    paper = "Salimans, Ho, Chen, Sidor and Sutskever 2017, https://arxiv.org/abs/1703.03864"
    sentence = (
        "Follows a usable slope even where the loss is a staircase, and needs no tuning to the "
        "loss's scale; "
        "every step is an average over many noisy guesses, so precision costs many evaluations "
        "and all directions get the same noise."
    )
    phases = (
        Phase(
            "Shake",
            (
                "Networks are made in mirrored pairs: noise added to the weights, the same noise "
                "taken away."
            ),
            "asked",
        ),
        Phase(
            "Rank", "The losses are put in order; from here on only the ranks count.", "answered"
        ),
        Phase(
            "Step",
            (
                "Noise added up by the ranks of its pair points uphill on average; Adam steps "
                "the other way."
            ),
            "moved",
        ),
    )
    sampled = True

    formerly = renamed(rate="learning_rate")

    batch: int = batch_field(256)
    pairs: int = Field(
        32,
        ge=1,
        le=8192,
        description=(
            "Mirrored pairs of noisy networks judged in a step (n); the slope's noise falls with "
            "their square root."
        ),
        json_schema_extra={"scale": "log", "unit": "pairs", "label": "Pairs"},
    )
    sigma: float = Field(
        0.1,
        ge=1e-5,
        le=10,
        description=(
            "Size of the noise (σ), in units of each layer's natural size, 1/√inputs: more of it "
            "blurs the loss more. The paper's 0.02 is in plain weights."
        ),
        json_schema_extra={"live": True, "scale": "log", "label": "Noise σ"},
    )
    learning_rate: float = learning_rate_field(
        0.1,
        "How far a weight moves in a step while its estimated slope keeps its sign (Adam's η), in "
        "the same units. The paper takes 0.01 in plain weights.",
        lowest=1e-06,
        highest=10,
    )
    schedule: RateSchedule = rate_schedule_field()
    final_fraction: float = final_rate_field()
    weight_decay: float = Field(
        0.0,
        ge=0,
        le=1,
        description=(
            "Pull of every weight towards zero, added to the slope of the ranks (λ). The paper "
            "takes 0.005, which keeps networks from fitting the last samples."
        ),
        json_schema_extra={"live": True, "step": 0.001, "advanced": True},
    )
    beta1: float = beta1_field("slope")
    beta2: float = beta2_field("slope")
    epsilon: float = epsilon_field("slope")

    def memory_rows(self) -> int:
        return self.pairs + 8  # the noise; θ and a copy of it, m, v, g and helpers

    def asked(self) -> int:
        return 2 * self.pairs

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> OpenAIESState:
        return OpenAIESState(theta.clone(), m=torch.zeros_like(theta), v=torch.zeros_like(theta))

    def step(self, state: OpenAIESState, rng: Rng, oracle: Oracle) -> OpenAIESState:
        theta, scale = state.estimate, oracle.init_scale.to(state.estimate)
        last = state.population
        pairs = AntitheticPopulation(
            theta.clone(), self.draw(theta, state.population, rng, oracle), self.sigma, scale
        )
        state.population = cast(Tensor, pairs)
        state.losses = finite_losses(state.population, oracle)
        # The last step led where no loss is a number: back, and without its momentum.
        if isinstance(last, AntitheticPopulation) and bool(torch.isinf(state.losses).all()):
            theta.copy_(last.theta)
            state.m.zero_()
            state.undo()
            return state
        g = gradient(pairs.noise, *centred_ranks(state.losses).chunk(2))
        state.metrics["gradient norm"] = float(torch.linalg.vector_norm(g))
        share = share_left(self.schedule, self.final_fraction, oracle.progress)
        state.n += 1
        update(
            theta,
            state.m,
            state.v,
            g,
            state.n,
            scale,
            eta=self.learning_rate,
            share=state.pace * share,
            beta1=self.beta1,
            beta2=self.beta2,
            epsilon=self.epsilon,
            lam=self.weight_decay,
        )
        if self.schedule == "constant":
            state.metrics.pop("step size", None)
        else:
            state.metrics["step size"] = self.learning_rate * share
        state.keep()
        return state

    def draw(self, theta: Tensor, last: object, rng: Rng, oracle: Oracle) -> Noise:
        """Draw ε of n pairs. Where they are many, those of the last population, of no use any more,
        give their memory.
        """
        if self.pairs * theta.nbytes > KEPT_BYTES:
            return SeededNoise(rng.key(), self.pairs, torch.empty_like(theta))
        shape = self.pairs, theta.numel()
        if self.pairs * theta.numel() < MIN_NUMEL:
            return DenseNoise(rng.normal(*shape).to(theta))
        numbers = (
            last.noise.numbers
            if isinstance(last, AntitheticPopulation) and isinstance(last.noise, DenseNoise)
            else None
        )
        return DenseNoise(
            rng.rows("normal", *shape).into(again(numbers, shape, theta), slice(0, self.pairs))
        )

    def set_weight(self, state: OpenAIESState, index: int, value: float) -> None:
        pairs: Tensor | AntitheticPopulation | None = state.population
        state.population, before = None, state.estimate
        super().set_weight(state, index, value)
        if pairs is not None:
            difference = value - float(before[index])
            state.population = (
                cast(Tensor, pairs.moved(index, difference))
                if isinstance(pairs, AntitheticPopulation)
                else shifted(pairs, index, difference)
            )
