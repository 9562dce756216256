"""Where a gradient comes from: backpropagation, or guesses along random directions v_1 … v_m.

Forward gradient (Baydin et al., 2022, https://arxiv.org/abs/2202.08587):
    g = (1/m) Σ (∇L·v_i) v_i,                                  v_i ~ N(0, I)
SPSA (Spall, 1992, https://doi.org/10.1109/9.119632):
    g = (1/m) Σ (L(θ + c v_i) − L(θ − c v_i)) / (2c) · 1/v_i,    v_i ~ {−1, 1}^D
Evolution strategy (Nesterov and Spokoiny, 2017, https://doi.org/10.1007/s10208-015-9296-2;
Salimans et al., 2017):
    g = (1/m) Σ (L(θ + σ v_i) − L(θ − σ v_i)) / (2σ) · v_i,      v_i ~ N(0, I)

All three are right on average (SPSA and ES up to O(radius²)), and noisy: E‖g‖² = (1 + (D + 1)/m)
‖∇L‖² with normal directions, (D + 1)/m of it noise. Steps must be smaller than with the true
gradient, by `step_size_factor`. The radius c = σ is a plain distance in every weight, the same for
all, as in the papers: scaling the directions by each layer's natural size would only add noise to
the gradient.
"""

from __future__ import annotations

from typing import Generic, Literal

import torch
from pydantic import Field
from torch import Tensor

from ...oracle import Oracle, Sees
from ...populations.antithetic import AntitheticPopulation
from ...populations.noise import DenseNoise
from ...random.rng import Rng
from ..base import Optimizer, S
from .config_fields import batch_field
from .survivors import usable

Source = Literal["backprop", "forward-gradient", "spsa", "es"]
SEES: dict[Source, Sees] = {
    "backprop": "gradient",
    "forward-gradient": "jvp",
    "spsa": "loss",
    "es": "loss",
}
"""Gradient source → what it asks of the oracle."""
ROWS: dict[Source, int] = {"backprop": 0, "forward-gradient": 2, "spsa": 1, "es": 1}
"""Rows of D numbers that each direction keeps alive: itself, and the point it is differentiated at;
mirrored probes are never written out."""


def estimate(
    source: Source, theta: Tensor, directions: int, radius: float, rng: Rng, oracle: Oracle
) -> tuple[Tensor | None, Tensor]:
    """Estimate the gradient at θ by one question to the oracle.

    Args:
        source: where it comes from.
        theta: (D,).
        directions: m; backpropagation needs none.
        radius: c or σ, how far SPSA and ES look to either side.
        rng: where the directions come from.
        oracle: asked once.

    Returns:
        The loss at θ, (), where the answer holds it (exactly for backprop, up to O(radius²) for
        SPSA and ES), and the gradient (D,): 0 where no direction tells anything.
    """
    if source == "backprop":
        losses, gradients = oracle.gradients(theta.unsqueeze(0))
        return losses[0], gradients[0]
    shape = (directions, theta.numel())
    if source == "forward-gradient":
        v = rng.normal(*shape).to(theta)
        return None, averaged(oracle.jvp(theta, v), v)
    v = (
        rng.integers(2, *shape).to(theta).mul_(2).sub_(1)
        if source == "spsa"
        else rng.normal(*shape).to(theta)
    )
    loss, slopes = two_point(theta, v, radius, oracle)
    return loss, averaged(slopes, v)  # for signs 1/v = v


def two_point(
    theta: Tensor, v: Tensor, radius: float, oracle: Oracle
) -> tuple[Tensor | None, Tensor]:
    """Return what the probes θ ± radius·v tell along directions v (m, D).

    Returns:
        Their mean loss, (), without those that failed; None where no direction tells anything. And
        the slopes (L(θ + radius·v) − L(θ − radius·v)) / (2·radius), (m,).
    """
    plus, minus = oracle.losses(AntitheticPopulation(theta, DenseNoise(v), radius)).chunk(2)
    slopes = slope(plus, minus, radius, theta, oracle)
    if bool(usable(slopes).all()):
        return (plus.mean() + minus.mean()) / 2, slopes
    told = torch.cat([plus, minus])
    return told[usable(told)].mean() if bool(usable(slopes).any()) else None, slopes


def slope(plus: Tensor, minus: Tensor, radius: float, theta: Tensor, oracle: Oracle) -> Tensor:
    """Return the slopes (plus − minus) / (2·radius), (m,), from the losses to either side of θ
    (D,).

    Where one side failed (`survivors`) the other tells the slope from the loss at θ, which is then
    asked for, too. A direction that tells nothing has the slope NaN.
    """
    right, left = usable(plus), usable(minus)
    if bool((right & left).all()):
        return (plus - minus) / (2 * radius)
    if bool((right | left).any()):
        here = oracle.losses(theta.unsqueeze(0))[0]
        here = torch.where(usable(here), here, torch.nan)
        return torch.where(
            right & left,
            plus - minus,
            torch.where(right, 2 * (plus - here), torch.where(left, 2 * (here - minus), torch.nan)),
        ) / (2 * radius)
    return torch.full_like(plus, torch.nan)


def averaged(slopes: Tensor, v: Tensor) -> Tensor:
    """Average the gradient (D,) that slopes (m,) along directions v (m, D) tell; those that tell
    nothing are left out, and it is 0 where all are.
    """
    told = usable(slopes)
    if bool(told.all()):
        return slopes @ v / len(v)
    return torch.where(told, slopes, 0.0) @ v / max(1, int(told.sum()))


def step_size_factor(directions: int, dimension: int, numbers: bool = False) -> float:
    """Return how much smaller a step must be with a gradient guessed from m directions than with
    the gradient itself: 8 m/(m + D + 1), at most 1, or without the 8.

    m/(m + D + 1) is the factor that brings the guess closest to the gradient, and the safe one when
    all directions are equally curved (Nesterov and Spokoiny step by 1/(4 L (D + 4)) for m = 1). A
    classifier's loss is curved in few directions, and there 8 times as much is still a third of
    what breaks down (found on moons, spirals and digits). Errors in numbers to be met go on bending
    however good the fit, so there the safe factor it is (found on sinc, where twice as much breaks
    down).
    """
    return min(1.0, (1 if numbers else 8) * directions / (directions + dimension + 1))


def is_regression(oracle: Oracle) -> bool:
    """Return whether the targets are numbers to be met, not classes (nor the lowest point of a
    landscape).
    """
    return oracle.targets.is_floating_point() and oracle.loss.name != "height"


class Estimated(Optimizer[S], Generic[S]):
    """A method that follows a gradient and lets one choose where it comes from."""

    sees = "gradient"

    batch: int = batch_field(64)
    source: Source = Field(
        "backprop",
        description=(
            "Where the gradient comes from: backpropagation, forward derivatives along random "
            "directions, or only losses at random points (SPSA: signs, ES: bell-shaped)."
        ),
        json_schema_extra={"label": "Gradient from"},
    )
    directions: int = Field(
        16,
        ge=1,
        le=16384,
        description=(
            "Random directions looked along in one step, where the gradient is not "
            "backpropagated: more of them, less noise, more work."
        ),
        json_schema_extra={"scale": "log"},
    )
    radius: float = Field(
        0.01,
        ge=1e-6,
        le=10,
        description=(
            "How far SPSA and ES look to either side, in every weight alike: wide smooths the "
            "landscape, too small drowns in rounding."
        ),
        json_schema_extra={"live": True, "scale": "log", "advanced": True},
    )

    def required_oracle(self) -> Sees:
        return SEES[self.source]

    def asked(self) -> int:
        return 1 if self.source == "backprop" else 2 * self.directions

    def rows(self) -> int:
        """Return the rows of D numbers alive while the gradient is found, itself included."""
        return 1 + self.directions * ROWS[self.source]

    def step_size_factor(self, dimension: int, oracle: Oracle) -> float:
        """Return the factor on the step size that the gradient's noise and the kind of loss ask
        for.
        """
        return (
            1.0
            if self.source == "backprop"
            else step_size_factor(self.directions, dimension, is_regression(oracle))
        )

    def gradient(self, theta: Tensor, rng: Rng, oracle: Oracle) -> tuple[Tensor | None, Tensor]:
        """Estimate the gradient at θ (D,) with these settings, as `estimate` does."""
        return estimate(self.source, theta, self.directions, self.radius, rng, oracle)
