"""L-BFGS: quasi-Newton steps from a short memory (Nocedal, 1980; Liu and Nocedal, 1989).

https://doi.org/10.1090/S0025-5718-1980-0572855-7 and https://doi.org/10.1007/BF01589116. From the
last m pairs of a step and the change of the gradient along it,

s_i = θ_{i+1} − θ_i,     y_i = ∇L(θ_{i+1}) − ∇L(θ_i),     ρ_i = 1 / y_iᵀs_i

the two-loop recursion gives d = −H ∇L, where H is the inverse Hessian that BFGS would have built
from H₀ = (sᵀy / yᵀy) I and those pairs; no matrix is formed. The step θ ← θ + t d is searched along
the line:

L(θ + t d) ≤ L(θ) + c₁ t ∇L(θ)ᵀd         (Armijo),                  c₁ = 10⁻⁴
|∇L(θ + t d)ᵀd| ≤ c₂ |∇L(θ)ᵀd|           (with it: strong Wolfe),     c₂ = 0.9

A pair is a fact about one function, so the memory is emptied when the mini-batch changes; a pair
without positive curvature, sᵀy ≤ ε ‖s‖ ‖y‖, is left out; and a direction along which nothing is
found is given up, with the memory, for the steepest descent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from .base import OPTIMIZERS, Asked, Optimizer, Phase, State, losses_stale
from .common.config_fields import batch_field

C1, C2 = 1e-4, 0.9
"""The constants of the Armijo and the curvature condition, as usual for quasi-Newton steps."""
FLAT = 1e-10
"""ε: the least cosine between s and y of a pair that is kept."""


@dataclass
class Point:
    """A place on the search line: t, the loss there, its slope along the line, and what they came
    from.
    """

    t: float
    loss: float
    slope: float
    theta: Tensor
    gradient: Tensor


@dataclass(kw_only=True)
class LBFGSState(State):
    """One network, ``estimate`` θ.

    Attributes:
        loss: L(θ) on the current batch; None where it is not known.
        gradient: ∇L(θ) (D,) on the current batch; None where it is not known.
        steps, changes: s and y (D,) of the pairs remembered, oldest first.
    """

    loss: float | None = None
    gradient: Tensor | None = None
    steps: list[Tensor] = field(default_factory=list)
    changes: list[Tensor] = field(default_factory=list)


@OPTIMIZERS.add
class LBFGS(Optimizer[LBFGSState]):
    """Newton-like steps from a memory of gradients."""

    name = "lbfgs"
    label = "L-BFGS"
    family = "Gradient"
    sees = "gradient"
    paper = (
        "Nocedal 1980, https://doi.org/10.1090/S0025-5718-1980-0572855-7; Liu and Nocedal 1989, "
        "https://doi.org/10.1007/BF01589116"
    )
    sentence = (
        "Learns the curvature of narrow valleys from its own steps and needs no step size, so on "
        "all samples at once it goes deep in few steps; "
        "on mini-batches it has nothing to remember, and it stays in the first local minimum it "
        "falls into."
    )
    phases = (
        Phase(
            "Direction",
            (
                "The gradient is bent by the memory of past steps into a direction towards the "
                "valley's lowest point."
            ),
            "asked",
            "here",
        ),
        Phase(
            "Search",
            "Places along that direction are tried, one after the other or side by side.",
            "asked",
            "tries",
        ),
        Phase(
            "Judge",
            (
                "A place will do where the loss has fallen enough (and, with Wolfe, its slope "
                "has flattened)."
            ),
            "answered",
            "tries",
        ),
        Phase(
            "Move",
            (
                "The weights go there, and the memory gains a pair: the step, and how the "
                "gradient changed."
            ),
            "moved",
        ),
    )

    formerly = renamed(search="line_search", tries="max_line_search_steps", history="history_size")

    batch: int = batch_field(
        0,
        "Every new mini-batch empties the memory, which leaves steepest descent with a line "
        "search.",
    )
    history_size: int = Field(
        20,
        ge=1,
        le=200,
        description=(
            "Pairs of step and gradient change that are remembered (m); more see more of the "
            "curvature."
        ),
        json_schema_extra={"scale": "log", "label": "Memory", "unit": "pairs"},
    )
    line_search: Literal["wolfe", "armijo"] = Field(
        "wolfe",
        description=(
            "When a step will do. Wolfe: the loss falls and its slope flattens; a gradient for "
            "every try. Armijo: the loss falls; shorter steps are tried all at once."
        ),
        json_schema_extra={"live": True, "label": "Line search"},
    )
    max_line_search_steps: int = Field(
        20,
        ge=2,
        le=60,
        description="Step lengths tried along a direction before it is given up.",
        json_schema_extra={"label": "Most line search steps", "live": True, "advanced": True},
    )

    def memory_rows(self) -> int:
        # the pairs, θ, its gradient, the direction, and the places and gradients of a bracket and a
        # try; Armijo holds all its shorter steps at once
        return (
            2 * self.history_size
            + 9
            + (self.max_line_search_steps if self.line_search == "armijo" else 0)
        )

    def asked(self) -> int:
        return self.max_line_search_steps if self.line_search == "armijo" else 1

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> LBFGSState:
        return LBFGSState(theta.clone())

    def step(self, state: LBFGSState, rng: Rng, oracle: Oracle) -> LBFGSState:
        # Also after the visitor moved the weights: the gradient known is that of another place.
        if losses_stale(state, oracle):
            forget(state)
        here = self.here(state, oracle)
        direction = -inverse_hessian_product(here.gradient, state.steps, state.changes)
        here.slope, size = torch.stack([here.gradient @ direction, here.gradient.norm()]).tolist()
        # With pairs of positive curvature only rounding does that; NaN counts too.
        if not here.slope < 0:
            forget(state, pairs_only=True)
            direction, here.slope = -here.gradient, -size * size
        # Without a memory t has no natural unit: begin with a step of length 1 at most.
        first = 1.0 if state.steps else 1 / max(1.0, size)
        found = (self.wolfe if self.line_search == "wolfe" else self.armijo)(
            here, direction, first, oracle
        )
        if found is None:
            forget(state, pairs_only=True)
        else:
            self.remember(state, found.theta - here.theta, found.gradient - here.gradient)
            state.estimate, state.loss, state.gradient = found.theta, found.loss, found.gradient
        state.estimate_loss = state.loss
        state.metrics = {
            "step length": found.t if found else 0.0,
            "memory": float(len(state.steps)),
            "gradient": size,
        }
        return state

    def accepted_rows(self, state: LBFGSState, asked: Asked) -> Tensor | None:
        """Return the place where the search ended."""
        return (asked.points == state.estimate).all(1)

    def here(self, state: LBFGSState, oracle: Oracle) -> Point:
        """Return the start of the line; asks for its gradient unless the last search ended here on
        this very batch.
        """
        if state.loss is None or state.gradient is None:
            values, gradients = oracle.gradients(state.estimate.unsqueeze(0))
            state.loss, state.gradient = float(values[0]), gradients[0]
        return Point(0.0, state.loss, 0.0, state.estimate, state.gradient)

    def wolfe(self, here: Point, direction: Tensor, t: float, oracle: Oracle) -> Point | None:
        """Find a place that meets both conditions, or the best that meets Armijo's after all tries;
        None without any.

        ``low`` meets Armijo's condition and still falls steeply; ``high`` breaks it, or rises.
        Between two such places there is always one that meets both, so the bracket may shrink until
        it is hit: by the cubic through both ends, kept off them (Nocedal and Wright 2006, section
        3.5). A bracket without a number between its ends, or with both ends at the same place, has
        closed, and the search is over.
        """
        low, high, best = here, None, None
        for _ in range(self.max_line_search_steps):
            there = look(here, direction, t, oracle)
            lower = falls(here, t, there.loss)
            if lower and (best is None or there.loss < best.loss):
                best = there
            if lower and abs(there.slope) <= -C2 * here.slope:
                return there
            if lower and there.slope < 0:
                low = there
            else:
                high = there
            if oracle.progress >= 1:  # the budget ends here, not when the tries do
                break
            following = 4 * t if high is None else cubic_minimum(low, high)
            if following is None or (high is not None and torch.equal(low.theta, high.theta)):
                break
            t = following
        return best

    def armijo(self, here: Point, direction: Tensor, t: float, oracle: Oracle) -> Point | None:
        """Find the first of t, t/2, t/4, … that meets Armijo's condition; None without any. The
        full step is tried alone, for it is mostly good; the others in one call.
        """
        there = look(here, direction, t, oracle)
        if falls(here, t, there.loss):
            return there
        lengths = [t * 0.5**k for k in range(1, self.max_line_search_steps)]
        losses = oracle.losses(
            here.theta + torch.tensor(lengths).to(direction).unsqueeze(1) * direction
        ).tolist()
        good = next(
            (
                length
                for length, loss in zip(lengths, losses, strict=True)
                if falls(here, length, loss)
            ),
            None,
        )
        return None if good is None else look(here, direction, good, oracle)

    def remember(self, state: LBFGSState, s: Tensor, y: Tensor) -> None:
        """Add a pair, unless the loss curves down along it; drop the oldest when there are too
        many.
        """
        unit = y.abs().amax()  # squares of changes below 1e-23 are 0 in single precision
        curvature, sizes = torch.stack([s @ (y / unit), s.norm() * (y / unit).norm()]).tolist()
        if curvature > FLAT * sizes:
            state.steps = [*state.steps, s][-self.history_size :]
            state.changes = [*state.changes, y][-self.history_size :]


def forget(state: LBFGSState, pairs_only: bool = False) -> None:
    """Empty the memory; with a new batch also the loss and the gradient at θ, which belong to the
    old one.
    """
    state.steps, state.changes = [], []
    if not pairs_only:
        state.loss = state.gradient = None


def look(here: Point, direction: Tensor, t: float, oracle: Oracle) -> Point:
    """Evaluate loss and gradient at t along the line."""
    theta = here.theta + t * direction
    values, gradients = oracle.gradients(theta.unsqueeze(0))
    loss, slope = torch.stack([values[0], gradients[0] @ direction]).tolist()
    return Point(t, loss, slope, theta, gradients[0])


def falls(here: Point, t: float, loss: float) -> bool:
    """Return whether Armijo's condition holds: the loss falls in proportion to the step. A NaN
    never does.
    """
    return loss <= here.loss + C1 * t * here.slope


def cubic_minimum(low: Point, high: Point) -> float | None:
    """Find where the cubic through both places' losses and slopes is least, at least a tenth of
    their distance off either; their middle where there is no such place.

    None where no number lies between the two.
    """
    width = high.t - low.t
    middle = low.t + width / 2
    if not min(low.t, high.t) < middle < max(low.t, high.t):
        return None
    t = middle
    chord = (high.loss - low.loss) / width
    a = low.slope + high.slope - 3 * chord
    inside = a * a - low.slope * high.slope
    if math.isfinite(inside) and inside >= 0 and math.isfinite(high.loss):
        root = math.copysign(math.sqrt(inside), width)
        below = high.slope - low.slope + 2 * root
        if below:
            t = high.t - width * (high.slope + root - a) / below
    edge = 0.1 * abs(width)
    t = min(max(t, min(low.t, high.t) + edge), max(low.t, high.t) - edge)
    return t if min(low.t, high.t) < t < max(low.t, high.t) else middle


def inverse_hessian_product(g: Tensor, steps: list[Tensor], changes: list[Tensor]) -> Tensor:
    """Return H g (D,) by the two-loop recursion (Nocedal 1980); g itself without any pair."""
    if not steps:
        return g.clone()
    q, alphas = g.clone(), []
    for s, y in zip(reversed(steps), reversed(changes), strict=True):
        alpha = (s @ q) / (y @ s)
        alphas.append(alpha)
        q -= alpha * y
    s, y = steps[-1], changes[-1]
    unit = y.abs().amax()  # squares of changes below 1e-23 are 0 in single precision
    r = q * ((s @ (y / unit)) / ((y / unit) @ (y / unit)) / unit)
    for s, y, alpha in zip(steps, changes, reversed(alphas), strict=True):
        r += s * (alpha - (y @ r) / (y @ s))
    return r
