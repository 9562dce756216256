"""Levenberg–Marquardt: damped Gauss–Newton steps (Levenberg, 1944; Marquardt, 1963), for networks
after Hagan and Menhaj (1994).

https://doi.org/10.1090/qam/10666, https://doi.org/10.1137/0111030 and
https://doi.org/10.1109/72.329697. With the residuals r of the batch and their Jacobian J,

δ = −(JᵀJ + μ I)⁻¹ Jᵀ r,     θ ← θ + δ if the loss falls,
another try from the same θ with more damping if it does not.

The damping follows the gain ratio ρ, by how much the loss fell over by how much the linear model
said it would, ½ δᵀ(μδ − Jᵀr) (Nielsen, 1999,
https://www2.imm.dtu.dk/documents/ftp/tr99/tr05_99.pdf; Madsen, Nielsen and Tingleff, 2004, eq.
2.21, https://www2.imm.dtu.dk/pubdb/edoc/imm3215.pdf):

ρ > 0:  μ ← μ max(1/3, 1 − (2ρ − 1)³),  ν ← 2          otherwise:  μ ← μ ν,  ν ← 2 ν

On mini-batches ρ of a step that was taken is found on the *next* batch: on its own batch the model
is nearly always right, and a damping that believed it would learn each batch by heart and forget
the one before. Where ρ ≤ 0 there, μ ← 2 μ; the step stays.

A step is taken only if its loss was seen to be lower: when no μ up to 10¹⁰ helps, θ stays. For
squared error r = outputs − targets. For cross-entropy JᵀJ becomes the generalised Gauss–Newton
matrix of Schraudolph (2002), https://doi.org/10.1162/08997660260028683: with p = softmax(outputs),
the loss's Hessian in the outputs is H = diag(p) − ppᵀ = RᵀR for R = (I − √p √pᵀ) diag(√p), and the
step is the one above with RJ for J and r = (p − y)/√p, for which (RJ)ᵀr = Jᵀ(p − y) is the
gradient.

Both r and J are divided by √B, so that JᵀJ and Jᵀr belong to the mean loss and μ means the same
whatever the batch. The system is solved in the smaller of the spaces of weights and of residuals,
and in double precision: forming it squares the Jacobian's condition number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from ..losses import CrossEntropy, SquaredError, wanted
from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from .base import (
    DOUBLE,
    FLOAT,
    OPTIMIZERS,
    Asked,
    Optimizer,
    Phase,
    Problem,
    State,
)
from .common.config_fields import batch_field

LEAST, MOST = 1e-15, 1e10
"""Where μ stops falling, and where a step gives up raising it."""
ROOM = 200_000_000
"""Entries of the largest Jacobian that is formed."""
TINY = 1e-12
"""Least probability that is divided by. The gradient does not depend on it."""


@dataclass(kw_only=True)
class LevenbergMarquardtState(State):
    """One network, ``estimate`` θ.

    Attributes:
        damping: μ of the next try.
        before: (D,) θ before the last step, where that step is to be judged on the next batch; else
            None.
        promised: how far the loss was to fall by that step.
    """

    damping: float = 0.0
    before: Tensor | None = None
    promised: float = 0.0


def damping_factor(ratio: float, decrease: float, increase: float) -> float:
    """Return what μ is multiplied by after a step with the gain ratio ρ (Nielsen 1999; Madsen,
    Nielsen and Tingleff 2004, eq. 2.21, with 1/3 and ν for decrease and increase). Beyond 1, where
    a step gained more than it promised, ρ counts as 1.
    """
    return max(decrease, 1 - (2 * min(ratio, 1.0) - 1) ** 3) if ratio > 0 else increase


@OPTIMIZERS.add
class LevenbergMarquardt(Optimizer[LevenbergMarquardtState]):
    """Gauss–Newton where it works, short gradient steps where it does not."""

    name = "levenberg-marquardt"
    label = "Levenberg–Marquardt"
    family = "Gradient"
    sees = "jacobian"
    paper = (
        "Levenberg 1944, https://doi.org/10.1090/qam/10666; Marquardt 1963, "
        "https://doi.org/10.1137/0111030"
    )
    sentence = (
        "On fits of a few hundred weights to all samples nothing comes close to it; its Jacobian "
        "costs a backward pass per output and its linear system grows with the square "
        "of the weights, so beyond a few thousand it is out of the race, and from small "
        "mini-batches it learns little at a time."
    )
    phases = (
        Phase(
            "Jacobian",
            (
                "How every output changes with every weight: on this batch, the network as a "
                "linear model."
            ),
            "asked",
            "here",
        ),
        Phase(
            "Solve",
            "That model's best weights are computed, with damping μ that keeps them near.",
            "asked",
            "first",
        ),
        Phase(
            "Try",
            (
                "The loss there is taken; while it has not fallen, μ is raised and a shorter "
                "step is tried."
            ),
            "answered",
            "tries",
        ),
        Phase(
            "Damp",
            (
                "The first step that helped is taken, if any. μ falls if it did what the model "
                "said, and rises if not."
            ),
            "moved",
        ),
    )

    formerly = renamed(
        least_damping="min_damping", fall="damping_decrease", rise="damping_increase"
    )

    batch: int = batch_field(64, "Time and memory grow with it.")
    damping: float = Field(
        1e-3,
        ge=1e-10,
        le=1e6,
        description=(
            "Damping at the start (μ₀): large for short, safe steps down the gradient, small for "
            "long Gauss–Newton steps. It adapts at once."
        ),
        json_schema_extra={"live": True, "metric": "damping", "scale": "log"},
    )
    min_damping: float = Field(
        1e-10,
        ge=LEAST,
        le=1e6,
        description=(
            "On mini-batches the damping never falls below this. It adapts by itself; a floor of "
            "0.01 to 0.1 holds it up by force."
        ),
        json_schema_extra={
            "live": True,
            "scale": "log",
            "label": "Least damping",
            "advanced": True,
        },
    )
    damping_decrease: float = Field(
        1 / 3,
        ge=1e-3,
        le=0.99,
        description=(
            "The least that the damping is multiplied by after a step that helped as much as the "
            "linear model said."
        ),
        json_schema_extra={"live": True, "scale": "log", "advanced": True},
    )
    damping_increase: float = Field(
        2.0,
        ge=1.01,
        le=1000,
        description=(
            "What the damping is multiplied by after a try that did not help; twice as much "
            "after the next, and so on (ν)."
        ),
        json_schema_extra={"live": True, "scale": "log", "advanced": True},
    )

    def refusal(self, problem: Problem) -> str | None:
        if problem.loss not in (SquaredError.name, CrossEntropy.name):
            return (
                f"the loss {SquaredError.name} or {CrossEntropy.name} for it, or the method lbfgs"
            )
        samples = problem.batch_of(self.batch)
        if samples * problem.outputs * problem.dimension > ROOM:
            most = ROOM // (problem.outputs * problem.dimension)
            smaller = (
                (
                    f"a batch of at most {most:,} samples on this network (its Jacobian has "
                    f"{problem.outputs} × {problem.dimension:,} entries a sample), or "
                )
                if most
                else ""
            )
            return f"{smaller}the method lbfgs or adam"
        return None

    def footprint(self, problem: Problem) -> int:
        """Add the Jacobian (B·K, D), as it comes and in double precision, and two of the smaller of
        JᵀJ and J Jᵀ.
        """
        residuals = problem.batch_of(self.batch) * problem.outputs
        smaller = min(residuals, problem.dimension)
        return (
            super().footprint(problem)
            + 4 * FLOAT * residuals * problem.dimension
            + 2 * DOUBLE * smaller**2
        )

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> LevenbergMarquardtState:
        return LevenbergMarquardtState(theta.clone(), damping=self.damping)

    def step(
        self, state: LevenbergMarquardtState, rng: Rng, oracle: Oracle
    ) -> LevenbergMarquardtState:
        theta = state.estimate
        outputs = oracle.outputs(theta.unsqueeze(0))
        before = float(oracle.loss.values(outputs, oracle.targets)[0])
        least = self.min_damping if oracle.batch_changed else LEAST
        if state.before is not None and not state.stale:  # the visitor may have moved them since
            self.damp(
                state,
                float(oracle.losses(state.before.unsqueeze(0))[0]) - before,
                state.promised,
                least,
            )
        state.before, state.stale = None, False
        system = System(
            *linearised(oracle.loss.name, oracle.jacobian(theta), outputs[0], oracle.targets)
        )
        oracle.work(system.flops)
        state.estimate_loss = before
        tries, mu, growth = 0, max(state.damping, least), self.damping_increase
        while mu <= MOST:
            tries += 1
            delta = system.solve(mu)
            oracle.work(system.solving)
            tried = theta + delta.to(theta)
            loss = float(oracle.losses(tried.unsqueeze(0))[0])
            if loss < before:  # never true of NaN
                state.estimate, state.estimate_loss, state.damping = tried, loss, mu
                promised = system.promised(delta, mu)
                if oracle.batch_changed:
                    state.before, state.promised = theta, promised
                else:
                    self.damp(state, before - loss, promised, least)
                break
            if oracle.progress >= 1:  # the budget ends here, not when the tries do
                break
            mu, growth = mu * growth, 2 * growth
        else:  # none was better, however short: nothing is taken, and the next batch starts afresh
            state.damping = self.damping
        state.metrics = {"damping": min(mu, MOST), "tries": float(tries)}
        return state

    def damp(
        self, state: LevenbergMarquardtState, gained: float, promised: float, least: float
    ) -> None:
        """Update the damping by the gain ratio of a step that was taken."""
        ratio = gained / promised if promised > 0 and math.isfinite(gained) else -1.0
        factor = damping_factor(ratio, self.damping_decrease, self.damping_increase)
        state.damping = min(max(state.damping * factor, least), MOST)

    def on_hyperparameter_change(
        self, state: LevenbergMarquardtState, field: str, value: Any
    ) -> None:
        """Set the damping to what was given, from the next try on; it adapts from there."""
        if field == "damping":
            state.damping, state.before = value, None

    def reevaluated(self, state: LevenbergMarquardtState) -> tuple[Tensor, ...]:
        """Return also the place before the last step, which is evaluated again on another batch."""
        before = () if state.before is None else (state.before.unsqueeze(0),)
        return (*super().reevaluated(state), *before)

    def accepted_rows(self, state: LevenbergMarquardtState, asked: Asked) -> Tensor | None:
        """Return the try that helped."""
        return (asked.points == state.estimate).all(1)


class System:
    """(JᵀJ + μI) δ = −Jᵀr for any μ, its matrix formed once.

    Args:
        j: (n, D) Jacobian, in double precision where the device has it.
        r: (n,) residuals.
    """

    def __init__(self, j: Tensor, r: Tensor) -> None:
        self.j, self.wide = j, j.shape[0] < j.shape[1]
        self.gram = j @ j.T if self.wide else j.T @ j  # (JᵀJ + μI)⁻¹Jᵀ = Jᵀ(JJᵀ + μI)⁻¹
        self.right = -(r if self.wide else j.T @ r)

    @property
    def flops(self) -> float:
        """Count the FLOPs of forming it: the Gram matrix, in the smaller space."""
        rows, weights = self.j.shape
        return 2.0 * rows * weights * min(rows, weights)

    @property
    def solving(self) -> float:
        """Count the FLOPs of one solution: Cholesky's factor, two triangular systems, and the way
        back to the weights.
        """
        rows, weights = self.j.shape
        size = min(rows, weights)
        return size**3 / 3 + 2.0 * size**2 + (2.0 * rows * weights if self.wide else 0.0)

    def solve(self, mu: float) -> Tensor:
        """Solve for δ (D,); not finite where rounding has cost the matrix its positive
        definiteness, which no loss can take for a success.
        """
        matrix = self.gram.clone()
        matrix.diagonal().add_(mu)
        factor, failed = torch.linalg.cholesky_ex(matrix)
        solution = torch.cholesky_solve(self.right.unsqueeze(1), factor).squeeze(1)
        solution = torch.where(failed == 0, solution, torch.nan)
        return self.j.T @ solution if self.wide else solution

    def promised(self, delta: Tensor, mu: float) -> float:
        """Return by how much the linear model's loss falls with a step δ (D,) found for μ: ½ δᵀ(μδ
        − Jᵀr).
        """
        gradient = -(self.j.T @ self.right) if self.wide else -self.right
        return float(0.5 * delta @ (mu * delta - gradient))


def linearised(
    loss: str, jacobian: Tensor, outputs: Tensor, targets: Tensor
) -> tuple[Tensor, Tensor]:
    """Return J (n, D) and r (n,), n = B·K, of the mean loss: JᵀJ is its Gauss–Newton matrix and Jᵀr
    its gradient.

    Args:
        loss: its name.
        jacobian: (B·K, D) of the outputs; may be changed in place, for it can fill much of the
            memory.
        outputs: (B, K).
        targets: (B,).
    """
    double = torch.float32 if outputs.device.type == "mps" else torch.float64  # mps has no doubles
    outputs, j = outputs.to(double), jacobian.to(double).reshape(*outputs.shape, -1)
    r = outputs - wanted(outputs, targets)
    if loss == CrossEntropy.name:
        p = outputs.softmax(-1)
        root = p.clamp_min(TINY).sqrt()
        r = (p - wanted(outputs, targets)) / root
        j.sub_(torch.einsum("bk,bkd->bd", root**2, j).unsqueeze(1)).mul_(root.unsqueeze(-1))
    size = len(outputs) ** 0.5
    return j.flatten(0, 1).div_(size), r.flatten() / size
