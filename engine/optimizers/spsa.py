"""Simultaneous perturbation stochastic approximation (Spall, 1992), with the gains of Spall (1998).

https://doi.org/10.1109/9.119632 and https://doi.org/10.1109/7.705889. All weights are shaken at
once, by random signs, and two losses tell the slope along that one direction.

ĝ_i = (L(θ + c_k Δ) − L(θ − c_k Δ)) / (2 c_k Δ_i),     Δ ~ {−1, 1}^D, averaged over m directions,
θ ← θ − a_k ĝ
a_k = a / (A + k + 1)^α,     c_k = c / (k + 1)^γ,
α = 0.602,  γ = 0.101 in the papers,  A = a tenth of the steps planned

The size of the first step, a₀ = a/(A + 1)^α, is what one sets here, and a_k = a₀ ((A + 1)/(A + k +
1))^α: it means the same however many steps are planned. How many those are, K, is read off the
budget, k steps having taken the share p of it: K = k/p. So a run of any length ends at a₀/11^α.

By default α = γ = 0, steps and radius as they are, which on networks does better (README, "How the
defaults were chosen").
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field
from torch import Tensor

from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from .base import OPTIMIZERS, Optimizer, Phase, State
from .common.config_fields import batch_field
from .common.estimators import ROWS, estimate, is_regression, step_size_factor

PLANNED = 10_000
"""K where there is no budget."""


@dataclass(kw_only=True)
class SPSAState(State):
    """One network, ``estimate`` θ.

    Attributes:
        k: steps taken.
        back: θ before the last step, to return to should no loss be a number where that led; None
            before the first step, and once returned.
    """

    k: int = 0
    back: Tensor | None = None


def gains(
    k: int, *, first: float, c: float, a_bar: float, alpha: float, gamma: float
) -> tuple[float, float]:
    """Return a_k and c_k after k steps (Spall 1998, its guidelines for the gain sequences).

    Args:
        k: steps taken.
        first: a₀, the size of the first step.
        c: the radius of the first step.
        a_bar: A, steps for which step sizes hardly fall.
        alpha: α.
        gamma: γ.
    """
    a_k = first * ((a_bar + 1) / (a_bar + k + 1)) ** alpha  # a / (A + k + 1)^α
    c_k = c / (k + 1) ** gamma  # c / (k + 1)^γ
    return a_k, c_k


@OPTIMIZERS.add
class SPSA(Optimizer[SPSAState]):
    """Steps along random signs, by two losses each."""

    name = "spsa"
    label = "SPSA"
    family = "Zeroth order"
    sees = "loss"
    paper = (
        "Spall 1992, https://doi.org/10.1109/9.119632; Spall 1998, https://doi.org/10.1109/7.705889"
    )
    sentence = (
        "Two losses a direction, however many weights there are, and steady under noisy losses; "
        "the slope along random directions is mostly noise in thousands of weights, so its steps "
        "are small and it is slow."
    )
    phases = (
        Phase(
            "Shake",
            (
                "All weights at once go up or down by the same small amount, signs drawn at "
                "random, and then the reverse."
            ),
            "asked",
        ),
        Phase(
            "Slope",
            (
                "The difference of each pair's losses is the slope along its signs; their mean "
                "guesses the gradient."
            ),
            "answered",
        ),
        Phase(
            "Step",
            (
                "The weights move down the guess; steps and shakes may shrink from step to step "
                "(α, γ)."
            ),
            "moved",
        ),
    )

    formerly = renamed(rate="learning_rate", radius="perturbation")

    batch: int = batch_field(64)
    directions: int = Field(
        16,
        ge=1,
        le=16384,
        description=(
            "Random directions averaged in one step (m): more of them, less noise, more work. "
            "Spall's plain method has 1."
        ),
        json_schema_extra={"scale": "log"},
    )
    learning_rate: float | None = Field(
        None,
        ge=1e-7,
        le=1000,
        description=(
            "How far the first step goes for a gradient of 1 (a₀); auto is 8 m/(m + D + 1) for m "
            "directions and D weights, at most 1, and for numbers to be met without the 8."
        ),
        json_schema_extra={"live": True, "label": "First step size", "scale": "log"},
    )
    perturbation: float = Field(
        0.03,
        ge=1e-6,
        le=10,
        description="How far the first step looks to either side, in every weight alike (c).",
        json_schema_extra={"live": True, "scale": "log", "label": "First radius"},
    )
    alpha: float = Field(
        0.0,
        ge=0,
        le=1,
        description="How fast steps shrink (α): 0 keeps them as they are; Spall takes 0.602.",
        json_schema_extra={"live": True, "step": 0.001, "label": "α", "advanced": True},
    )
    gamma: float = Field(
        0.0,
        ge=0,
        le=1,
        description="How fast the radius shrinks (γ): 0 keeps it as it is; Spall takes 0.101.",
        json_schema_extra={"live": True, "step": 0.001, "label": "γ", "advanced": True},
    )
    stability: float = Field(
        0.1,
        ge=0,
        le=10,
        description="Share of the planned steps for which step sizes hardly fall yet (A).",
        json_schema_extra={"live": True, "step": 0.01, "label": "Stability (A)", "advanced": True},
    )

    def memory_rows(self) -> int:
        return 3 + self.directions * ROWS["spsa"]

    def asked(self) -> int:
        return 2 * self.directions

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> SPSAState:
        return SPSAState(theta.clone())

    def step(self, state: SPSAState, rng: Rng, oracle: Oracle) -> SPSAState:
        theta = state.estimate
        a_k, c_k = self.gains(state.k, oracle.progress, theta.numel(), is_regression(oracle))
        loss, g = estimate("spsa", theta, self.directions, c_k, rng, oracle)
        if loss is None and state.back is not None:  # no loss is finite where the last step led
            state.estimate, state.back = state.back, None
            state.undo()
        else:
            a_k *= state.pace
            state.estimate, state.back = theta.sub(g, alpha=a_k), None if loss is None else theta
            if loss is not None:
                state.keep()
        state.k += 1
        state.metrics |= {"step size": a_k, "radius": c_k}
        return state

    def shift_memory(self, state: SPSAState, index: int, difference: float) -> None:
        """Forget the way back: there is none from weights that the visitor set."""
        state.back = None

    def before(self, state: SPSAState) -> Tensor | None:
        return state.back if isinstance(state, SPSAState) else None

    def way_back(self, state: SPSAState) -> bool:
        return isinstance(state, SPSAState) and state.back is not None

    def gains(
        self, k: int, progress: float, dimension: int, numbers: bool = False
    ) -> tuple[float, float]:
        """Return a_k and c_k after k steps that took that share of the budget."""
        planned = k / progress if progress > 0 else PLANNED
        return gains(
            k,
            first=self.learning_rate or step_size_factor(self.directions, dimension, numbers),
            c=self.perturbation,
            a_bar=self.stability * planned,
            alpha=self.alpha,
            gamma=self.gamma,
        )
