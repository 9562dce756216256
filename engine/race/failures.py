"""Why a lane cannot go on, in words: what was raised while it worked, and whose fault that is.

An exception of any kind ends the lane in which it was raised and no other. A visitor reads one
sentence; of a defect the developer finds the traceback in the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ..errors import NothingLeft
from ..registry import fields

if TYPE_CHECKING:
    from ..optimizers.base import Optimizer

REFUSED = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "allocator",
    "failed to allocate",
    "invalid buffer size",
)
"""What PyTorch and NumPy write where memory is refused: a CPU's allocator raises a plain
RuntimeError."""
NUMERICAL = (
    "singular",
    "positive-definite",
    "positive definite",
    "ill-conditioned",
    "converge",
    "math domain",
    "math range",
    "non-finite",
    "inf, nan",
    "infinity",
    "overflow",
)
"""What is written where numbers are too large, too small or not finite, and nothing else is
wrong."""
STEPS = (
    "learning_rate",
    "step_size",
    "time_step",
    "velocity_limit",
    "sigma",
    "mutation",
    "bandwidth",
    "differential_weight",
    "init_std",
)
"""Fields that say how far a method moves, the first one of a method being the one to turn."""
DAMPING = ("damping", "observation_noise")
"""Fields that hold a method back, in those that have no step size."""
OUTSIDE = "A start further inside, or a method that only compares heights, may help."
"""What to say to a lane that went where a formula has no value: the size of its steps is not to
blame."""
POPULATIONS = ("population_size", "pairs", "coordinates", "directions", "memory_size")
"""Fields that say how many networks a method asks about side by side."""


@dataclass(frozen=True)
class Cause:
    """What ended a lane.

    Attributes:
        words: a clause, to stand behind a colon.
        advice: a sentence on what usually helps, or nothing.
        defect: whether it is the program's own fault, to be logged.
    """

    words: str
    advice: str = ""
    defect: bool = False


def gentler(optimizer: Optimizer) -> str:
    """Return what usually helps a method that diverged: a sentence naming fields that it has."""
    labels, named = _labels(optimizer), list[str]()
    # SNES has both a pace and a sigma's α; SPSA's gamma is an exponent: only these hold a method
    # back.
    if optimizer.seen() in ("outputs", "jacobian"):
        always = _labels(optimizer, advanced=False)  # EKI's noise counts in one of its forms only
        named += [f"a larger {always[name]}" for name in DAMPING if name in always][:1]
    if not named:
        named += [f"a smaller {labels[name]}" for name in STEPS if name in labels][:1]
    if (
        optimizer.seen() == "outputs" and "init_std" in labels
    ):  # both decide how far members are apart
        named.append(f"a smaller {labels['init_std']}")
    if not named and optimizer.batch:
        named.append(f"a larger {labels['batch']}")
    return _sentence(named, "usually helps")


def smaller(optimizer: Optimizer) -> str:
    """Return what makes a method take less memory: a sentence naming fields that it has."""
    labels = _labels(optimizer)
    side_by_side = POPULATIONS if optimizer.asked() > 1 else ("history_size",)
    rows = [labels[name] for name in side_by_side if name in labels][:1]
    named = [
        f"{'fewer' if label.split()[0].endswith('s') else 'a smaller'} {label}" for label in rows
    ]
    return _sentence([*named, f"a smaller {labels['batch']}", "a smaller network"], "will fit")


def _labels(optimizer: Optimizer, advanced: bool = True) -> dict[str, str]:
    """Return what a method's fields, advanced ones or not, are called in a sentence."""
    return {
        entry["name"]: entry["label"][0].lower() + entry["label"][1:]
        for entry in fields(type(optimizer))
        if advanced or not entry.get("advanced")
    }


def _sentence(named: list[str], verb: str) -> str:
    if not named:
        return ""
    words = ", ".join(named[:-1]) + " or " + named[-1] if len(named) > 1 else named[0]
    return f"{words[0].upper()}{words[1:]} {verb}."


def cause_of(error: Exception, optimizer: Optimizer) -> Cause:
    """Return what an exception means for the lane of that method in which it was raised."""
    text = str(error).lower()
    helps = gentler(optimizer)
    if isinstance(error, NothingLeft):
        return Cause(str(error), error.advice or helps)
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(words in text for words in REFUSED)
    ):
        return Cause("it asked for more memory than this machine has left", smaller(optimizer))
    if isinstance(error, ZeroDivisionError):
        return Cause("it divided by zero", helps)
    if isinstance(error, OverflowError):
        return Cause("a number grew too large to be held", helps)
    if isinstance(error, torch.linalg.LinAlgError):  # type: ignore[attr-defined]  # documented, but not in its __all__
        return Cause(
            "a matrix could not be factorised, for its numbers were not finite or it was singular",
            helps,
        )
    if isinstance(error, ArithmeticError) or (
        isinstance(error, RuntimeError | ValueError) and any(words in text for words in NUMERICAL)
    ):
        return Cause(
            (
                "it met numbers that cannot be computed with, infinite ones or a root of a "
                "negative one"
            ),
            helps,
        )
    return Cause(
        f"an error inside Kelvin ({type(error).__name__}), which is in the log", defect=True
    )
