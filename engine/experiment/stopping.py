"""Stop a lane before its budget is spent, by a rule or because its loss is not finite; and write
the remarks on lanes that continue.

Both are checked at fixed shares of a lane's budget, whether or not anybody looks, so the same
experiment stops at the same step every time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from ..registry import Fields

IMPROVEMENT = 1e-3
"""Relative improvement that counts: a loss is better if it is below the best so far by this share
of the distance from the best to the lowest possible loss; if the lowest is unknown, as on a
landscape, by this share of the total decrease so far. Either way the rule does not depend on the
unit of the loss, nor on a constant added to a landscape.
"""
ROUNDING = 1e-9
WORSE = 1e-6
"""A loss counts as higher than another one if it is by more than this share of the larger; single
precision resolves a tenth of it.
"""
WORSE_FOR = 0.05
"""Share of the budget for which a lane's loss must stay above its initial loss before a remark
appears.
"""


class StopRules(Fields):
    """Rules for ending a lane early. By default there is none: the lane spends its whole budget."""

    target: float | None = Field(
        None,
        ge=-1e9,
        le=1e9,
        description=("A lane ends when its training loss reaches this value. Empty: no such rule."),
        json_schema_extra={"label": "Target loss", "scale": "log"},
    )
    patience: float | None = Field(
        None,
        ge=0.001,
        le=1,
        description=(
            "A lane ends when its loss has not improved by 0.1 % (on a landscape: of its decrease "
            "so far) for this share of its budget. Empty: no such rule."
        ),
        json_schema_extra={"label": "Patience", "step": 0.05, "unit": "of the budget"},
    )

    def judge(
        self,
        label: str,
        step: int,
        loss: float,
        progress: float,
        best: BestSoFar | None,
        lowest: float | None = 0.0,
    ) -> tuple[BestSoFar, str | None]:
        """Apply the rules to a lane that still runs.

        Args:
            label: of its method, for the sentence.
            step: steps taken.
            loss: what is shown, a number.
            progress: share of the budget spent.
            best: the result of the last check, or None at the first one and after an intervention.
            lowest: the lowest possible loss, or None if it is unknown.

        Returns:
            What to remember for the next check, and why the lane must end, as a sentence, or None.
        """
        if best is None:
            best = BestSoFar(step, loss, progress, loss)
        elif loss < best.loss - IMPROVEMENT * (
            best.gained if lowest is None else best.loss - lowest
        ):
            best = BestSoFar(step, loss, progress, best.start)
        if self.target is not None and loss <= self.target:
            return best, f"{label} reached the target loss {self.target:g} at step {step:,}."
        of = " of its earlier decrease" if lowest is None else ""
        if self.patience is not None and progress - best.progress >= self.patience - ROUNDING:
            return (
                best,
                (
                    f"{label} was stopped at step {step:,}: its loss, {best.loss:.4g} at step "
                    f"{best.step:,}, has not improved by 0.1 %{of} for {self.patience:.0%} of "
                    f"the budget."
                ),
            )
        return best, None


@dataclass(frozen=True)
class BestSoFar:
    """The lowest loss of a lane that was an improvement, and its time.

    Attributes:
        step: steps taken then.
        loss: that loss.
        progress: share of the budget spent then.
        start: the first loss, from which the decrease is measured; None means that loss itself.
    """

    step: int
    loss: float
    progress: float
    start: float | None = None

    @property
    def gained(self) -> float:
        """Return how far the loss has decreased since the first check."""
        return 0.0 if self.start is None else self.start - self.loss


@dataclass(frozen=True)
class LaneCheck:
    """The state of a lane at a check.

    Attributes:
        step: steps taken.
        estimate: (D,) the weights then, a copy.
        loss: as it was shown, or None before the first check.
    """

    step: int
    estimate: Tensor
    loss: float | None = None

    @property
    def kept(self) -> str:
        """Return a sentence saying that this state is kept."""
        return (
            f"The last good moment, step "
            f"{self.step:,}{'' if self.loss is None else f' with loss {self.loss:.3g}'}, is kept."
        )


@dataclass(frozen=True)
class Start:
    """The initial loss of a lane: the first one checked, or the first one after weights or samples
    were changed by the user.

    Attributes:
        step: steps taken then.
        loss: that loss.
        below: share of the budget spent when the lane's loss was last not above that.
    """

    step: int
    loss: float
    below: float

    def later(self, loss: float, progress: float) -> Start:
        """Return this after another check."""
        worse = loss - self.loss > WORSE * max(abs(loss), abs(self.loss))
        return self if worse else Start(self.step, self.loss, progress)

    def note(self, label: str, loss: float, progress: float, over: bool) -> str | None:
        """Return a remark on a lane whose loss is above its initial one, once it has been for a
        while or the lane is over; otherwise None.
        """
        if self.later(loss, progress) is not self or not (
            over or progress - self.below >= WORSE_FOR - ROUNDING
        ):
            return None
        began = (
            "at its start"
            if self.step == 0
            else f"at step {self.step:,}, when it was last changed by hand"
        )
        return (
            f"{label} {'ended' if over else 'is'} worse than at the start: its loss is {loss:.4g} "
            f"and was {self.loss:.4g} {began}."
        )


@dataclass(frozen=True)
class Divergence:
    """The first non-finite loss of a lane, and the step at which it occurred.

    Attributes:
        step: steps taken.
        loss: the loss, NaN or infinite.
        nan, infinite: how many of the weights were.
        weights: how many weights there are.
    """

    step: int
    loss: float
    nan: int
    infinite: int
    weights: int

    @classmethod
    def of(cls, step: int, loss: float, estimate: Tensor) -> Divergence:
        """Count the non-finite weights of an estimate (D,)."""
        return cls(
            step,
            loss,
            int(torch.isnan(estimate).sum()),
            int(torch.isinf(estimate).sum()),
            estimate.numel(),
        )

    def sentence(
        self, label: str, good: LaneCheck, exact: bool, advice: str = "", outside: bool = False
    ) -> str:
        """Return a sentence that describes what happened.

        Args:
            label: of the method.
            good: the last check with a finite loss; it is kept.
            exact: whether the method itself met the loss at this step; otherwise it happened
                somewhere between the good check and this step.
            advice: a sentence on what usually helps, or nothing.
            outside: whether the method left the domain of the landscape.
        """
        kept = good.kept
        when = (
            f"at step {self.step:,}"
            if exact or good.step + 1 >= self.step
            else f"between steps {good.step:,} and {self.step:,}"
        )
        if self.loss == -math.inf:
            return f"{label} diverged to −∞ {when}: the loss has no lower bound there. {kept}"
        if outside:
            return (
                f"{label} left the formula's domain {when}: the formula has no value there. "
                f"{kept} {advice}"
            ).rstrip()
        loss = "NaN" if math.isnan(self.loss) else "infinite"
        broken = self.nan + self.infinite
        kind = "infinite" if not self.nan else "NaN or infinite" if self.infinite else "NaN"
        weights = f"{broken:,} of {self.weights:,} weights"
        if not broken:
            what = f"its loss was {loss}, although all of its {self.weights:,} weights were finite,"
        elif kind == loss:
            what = f"its loss and {weights} were {loss}"
        else:
            what = f"its loss was {loss} and {weights} were {kind}"
        return f"{label} diverged: {what} {when}. {kept} {advice}".rstrip()
