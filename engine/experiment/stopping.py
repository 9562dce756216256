"""Why a lane ends before its budget is spent: a rule it was given, or a loss that is no number any
more; and what is worth a word while it goes on.

Both are judged when a race is looked at, on the loss that is shown then. Headless that is at fixed
marks of the budget, so the same experiment stops at the same step every time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from ..registry import Fields

IMPROVEMENT = 1e-3
"""A loss counts as better when it is below the best so far by this share of that one's distance
from the lowest loss there can be; where no lowest loss is known, as on a landscape, by this share
of all that was gained so far. Either way the rule is the same in any unit of the loss, and on a
landscape that is lifted as a whole."""
ROUNDING = 1e-9
WORSE = 1e-6
"""A loss counts as higher than another one by more than this share of the larger: single precision
holds a tenth of it."""
WORSE_FOR = 0.05
"""Share of the budget for which a lane's loss must have been above that of its start before a word
is said."""


class StopRules(Fields):
    """When a lane may end early. No rule by default: it then spends its whole budget."""

    target: float | None = Field(
        None,
        ge=-1e9,
        le=1e9,
        description=(
            "A lane that has brought the training loss down to this is done; left out, none is."
        ),
        json_schema_extra={"label": "Target loss", "scale": "log"},
    )
    patience: float | None = Field(
        None,
        ge=0.001,
        le=1,
        description=(
            "A lane that has not improved by 0.1 % of its loss (on a landscape: of the height "
            "lost so far) for this share of its budget is done; left out, none is."
        ),
        json_schema_extra={"label": "Patience", "step": 0.05, "unit": "of the budget"},
    )

    def judge(
        self,
        label: str,
        step: int,
        loss: float,
        progress: float,
        best: Best | None,
        lowest: float | None = 0.0,
    ) -> tuple[Best, str | None]:
        """One look at a lane that still runs.

        Args:
            label: of its method, for the sentence.
            step: steps taken.
            loss: what is shown, a number.
            progress: share of the budget spent.
            best: what was noted at the look before, or None at the first and after a change by
                hand.
            lowest: the lowest loss there can be, or None where it is not known.

        Returns:
            What to note now, and why the lane is to end, in words, or None.
        """
        if best is None:
            best = Best(step, loss, progress, loss)
        elif loss < best.loss - IMPROVEMENT * (
            best.gained if lowest is None else best.loss - lowest
        ):
            best = Best(step, loss, progress, best.start)
        if self.target is not None and loss <= self.target:
            return best, f"{label} reached the target loss {self.target:g} at step {step:,}."
        of = " of what was gained before" if lowest is None else ""
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
class Best:
    """The lowest loss seen of a lane that was an improvement, and when.

    Attributes:
        step: steps taken then.
        loss: that loss.
        progress: share of the budget spent then.
        start: the first loss seen, from which gains are counted; None is that loss itself.
    """

    step: int
    loss: float
    progress: float
    start: float | None = None

    @property
    def gained(self) -> float:
        """How far the loss has come down since the first look."""
        return 0.0 if self.start is None else self.start - self.loss


@dataclass(frozen=True)
class Moment:
    """A moment of a lane that was looked at.

    Attributes:
        step: steps taken.
        estimate: (D,) the weights then, a copy.
        loss: as it was shown, or None where nobody had looked yet.
    """

    step: int
    estimate: Tensor
    loss: float | None = None

    @property
    def kept(self) -> str:
        """That it is kept, as a sentence."""
        return (
            f"The last good moment, step "
            f"{self.step:,}{'' if self.loss is None else f' with loss {self.loss:.3g}'}, is kept."
        )


@dataclass(frozen=True)
class Start:
    """What a lane is measured against: the first loss that was looked at, or the first one after
    weights or samples were changed by hand.

    Attributes:
        step: steps taken then.
        loss: that loss.
        below: share of the budget spent when its loss was last not above that.
    """

    step: int
    loss: float
    below: float

    def later(self, loss: float, progress: float) -> Start:
        """The same after another look."""
        worse = loss - self.loss > WORSE * max(abs(loss), abs(self.loss))
        return self if worse else Start(self.step, self.loss, progress)

    def note(self, label: str, loss: float, progress: float, over: bool) -> str | None:
        """What to say of a lane that does worse than at its start, once it has for a while or it is
        over; else None.
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
            f"{label} {'ended' if over else 'is'} worse than it began: its loss is {loss:.4g} "
            f"and was {self.loss:.4g} {began}."
        )


@dataclass(frozen=True)
class Wreck:
    """What was no number any more, and when.

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
    def of(cls, step: int, loss: float, estimate: Tensor) -> Wreck:
        """Count what is no number in an estimate (D,)."""
        return cls(
            step,
            loss,
            int(torch.isnan(estimate).sum()),
            int(torch.isinf(estimate).sum()),
            estimate.numel(),
        )

    def sentence(
        self, label: str, good: Moment, exact: bool, advice: str = "", outside: bool = False
    ) -> str:
        """What happened, in words.

        Args:
            label: of the method.
            good: the last moment at which all was well; it is kept.
            exact: whether the method itself met the loss at this step; else it happened somewhere
                between the good moment and this step.
            advice: a sentence on what usually helps, or nothing.
            outside: whether it went where what it walks on has no value.
        """
        kept = good.kept
        when = (
            f"at step {self.step:,}"
            if exact or good.step + 1 >= self.step
            else f"between steps {good.step:,} and {self.step:,}"
        )
        if self.loss == -math.inf:
            return (
                f"{label} fell without end {when}: there is no lowest point where it went. {kept}"
            )
        if outside:
            return (
                f"{label} left the formula's domain {when}: there is no value where it went. "
                f"{kept} {advice}"
            ).rstrip()
        loss = "NaN" if math.isnan(self.loss) else "infinite"
        broken = self.nan + self.infinite
        kind = "infinite" if not self.nan else "NaN or infinite" if self.infinite else "NaN"
        weights = f"{broken:,} of {self.weights:,} weights"
        if not broken:
            what = f"its loss was {loss}, though all of its {self.weights:,} weights were numbers,"
        elif kind == loss:
            what = f"its loss and {weights} were {loss}"
        else:
            what = f"its loss was {loss} and {weights} were {kind}"
        return f"{label} diverged: {what} {when}. {kept} {advice}".rstrip()
