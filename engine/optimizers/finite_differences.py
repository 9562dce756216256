"""Finite differences: the slope along one weight after another (Kiefer and Wolfowitz, 1952).

https://doi.org/10.1214/aoms/1177729392. Central differences along the unit vectors e_i, all of them
or a fresh random choice S each step (random coordinate descent, Nesterov, 2012,
https://doi.org/10.1137/100802001):

ĝ_i = (L(θ + h e_i) − L(θ − h e_i)) / (2h)  for i ∈ S,     ĝ_i = 0  else,     θ ← θ − η ĝ

Every slope is right to O(h²), there is no noise but the mini-batch's, and a whole gradient costs 2D
losses. The slopes of a choice are not blown up by D/|S|: a weight's step is the same whichever
others move with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from .base import OPTIMIZERS, Optimizer, Phase, State
from .common.config_fields import batch_field, learning_rate_field
from .common.estimators import is_regression, slope
from .common.survivors import usable

RATES = (2.0, 0.25)
"""η for classes and for numbers to be met, where nobody chose any."""
ROWS = 512
"""Probes judged at once, two a weight: as many copies of the network are alive."""


@dataclass(kw_only=True)
class FiniteDifferencesState(State):
    """One network, ``estimate`` θ.

    Attributes:
        back: θ before the last step, to return to should no loss be a number where that led; None
            before the first step, and once returned.
    """

    back: Tensor | None = None


@OPTIMIZERS.add
class FiniteDifferences(Optimizer[FiniteDifferencesState]):
    """Every weight is nudged both ways."""

    name = "finite-differences"
    label = "Finite differences"
    family = "Zeroth order"
    sees = "loss"
    paper = (
        "Kiefer and Wolfowitz 1952, https://doi.org/10.1214/aoms/1177729392; Nesterov 2012, "
        "https://doi.org/10.1137/100802001"
    )
    sentence = (
        "The gradient without calculus, exact to many digits, and easy to trust; it costs two "
        "losses for every weight, which beyond a few thousand weights is hopeless."
    )
    phases = (
        Phase(
            "Nudge",
            (
                "One weight at a time, all or a random choice of them, is nudged a little up and "
                "a little down."
            ),
            "asked",
        ),
        Phase(
            "Slope",
            (
                "The difference of the two losses, over the distance between them, is the slope "
                "along that weight."
            ),
            "answered",
        ),
        Phase("Step", "Every weight that was nudged moves down its slope.", "moved"),
    )

    formerly = renamed(rate="learning_rate", radius="perturbation")

    batch: int = batch_field(64)
    coordinates: int = Field(
        16,
        ge=0,
        le=65536,
        description="Weights nudged and moved in one step, chosen at random; 0 takes all of them.",
        json_schema_extra={"unit": "weights", "label": "Weights a step"},
    )
    learning_rate: float | None = learning_rate_field(
        None,
        "How far a step goes for a slope of 1 (η); auto is 2 for classes, 0.25 for numbers to be "
        "met.",
        lowest=1e-06,
        highest=1000,
    )
    perturbation: float = Field(
        0.01,
        ge=1e-6,
        le=10,
        description=(
            "How far a weight is nudged to either side (h): too large misses the curve, too "
            "small drowns in rounding."
        ),
        json_schema_extra={"live": True, "scale": "log"},
    )

    def memory_rows(self) -> int:
        return 3 + min(ROWS, 2 * self.coordinates or ROWS)

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> FiniteDifferencesState:
        return FiniteDifferencesState(theta.clone())

    def step(
        self, state: FiniteDifferencesState, rng: Rng, oracle: Oracle
    ) -> FiniteDifferencesState:
        theta = state.estimate
        every = self.coordinates == 0 or self.coordinates >= theta.numel()
        chosen = (
            torch.arange(theta.numel(), device=theta.device)
            if every
            else rng.permutation(theta.numel())[: self.coordinates].to(theta.device)
        )
        slopes = torch.cat([self.slopes(theta, part, oracle) for part in chosen.split(ROWS // 2)])
        told = usable(slopes)
        if not bool(told.any()) and state.back is not None:  # no loss is finite here
            state.estimate, state.back = state.back, None
            state.undo()
            return state
        state.back = theta.clone() if bool(told.any()) else None
        theta.index_add_(
            0,
            chosen,
            torch.where(told, slopes, 0.0),
            alpha=-(self.learning_rate or RATES[is_regression(oracle)]) * state.pace,
        )
        if state.back is not None:
            state.keep()
        return state

    def shift_memory(self, state: FiniteDifferencesState, index: int, difference: float) -> None:
        """Forget the way back: there is none from weights that the visitor set."""
        state.back = None

    def before(self, state: FiniteDifferencesState) -> Tensor | None:
        return state.back if isinstance(state, FiniteDifferencesState) else None

    def way_back(self, state: FiniteDifferencesState) -> bool:
        return isinstance(state, FiniteDifferencesState) and state.back is not None

    def slopes(self, theta: Tensor, chosen: Tensor, oracle: Oracle) -> Tensor:
        """Estimate ĝ of the chosen weights (m,) by one question: (m,), NaN if it tells nothing."""
        count = len(chosen)
        probes = theta.repeat(2 * count, 1)
        row = torch.arange(count, device=theta.device)
        probes[row, chosen] += self.perturbation
        probes[row + count, chosen] -= self.perturbation
        plus, minus = oracle.losses(probes).chunk(2)
        return slope(plus, minus, self.perturbation, theta, oracle)
