"""Explain why a lane cannot continue: from the exception to a sentence, a suggestion, and whether
it is an error in the program.

An exception of any kind ends only the lane in which it was raised. A visitor reads one sentence;
the traceback of a programming error goes to the log.
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
"""Messages of PyTorch and NumPy for out of memory: on a CPU the allocator raises a plain
RuntimeError.
"""
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
"""Messages that mean only that numbers are too large, too small or not finite."""
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
"""Hyperparameters for the step size. The first one that a method has is the one to reduce."""
DAMPING = ("damping", "observation_noise")
"""Damping hyperparameters, for methods without a step size."""
OUTSIDE = "A start further inside, or a method that only compares values, may help."
"""The sentence for a lane that left the domain of a formula: its step size is not the cause."""
POPULATIONS = ("population_size", "pairs", "coordinates", "directions", "memory_size")
"""Hyperparameters for the number of networks evaluated in one batch."""


@dataclass(frozen=True)
class Cause:
    """The reason why a lane ended.

    Attributes:
        words: a clause, to stand behind a colon.
        advice: a sentence on what usually helps, or nothing.
        defect: whether it is an error in the program itself, to be logged.
    """

    words: str
    advice: str = ""
    defect: bool = False


def gentler(optimizer: Optimizer) -> str:
    """Return the usual remedy for a method that diverged: a sentence naming hyperparameters that it
    has.
    """
    labels, named = _labels(optimizer), list[str]()
    # SNES has both a step size and an α for its sigma; SPSA's gamma is an exponent: only these damp
    # a method.
    if optimizer.required_oracle() in ("outputs", "jacobian"):
        always = _labels(optimizer, advanced=False)  # EKI uses its noise in one variant only
        named += [f"a larger {always[name]}" for name in DAMPING if name in always][:1]
    if not named:
        named += [f"a smaller {labels[name]}" for name in STEPS if name in labels][:1]
    # Both control the distance between members.
    if optimizer.required_oracle() == "outputs" and "init_std" in labels:
        named.append(f"a smaller {labels['init_std']}")
    if not named and optimizer.batch:
        named.append(f"a larger {labels['batch']}")
    return _sentence(named, "usually helps")


def smaller(optimizer: Optimizer) -> str:
    """Return the usual remedy for a method that takes too much memory: a sentence naming
    hyperparameters that it has.
    """
    labels = _labels(optimizer)
    side_by_side = POPULATIONS if optimizer.asked() > 1 else ("history_size",)
    rows = [labels[name] for name in side_by_side if name in labels][:1]
    named = [
        f"{'fewer' if label.split()[0].endswith('s') else 'a smaller'} {label}" for label in rows
    ]
    return _sentence([*named, f"a smaller {labels['batch']}", "a smaller network"], "will fit")


def _labels(optimizer: Optimizer, advanced: bool = True) -> dict[str, str]:
    """Return the labels of a method's hyperparameters, advanced ones too, in lower case."""
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
    """Return the cause of failure for an exception raised in a lane with that method."""
    text = str(error).lower()
    helps = gentler(optimizer)
    if isinstance(error, NothingLeft):
        return Cause(str(error), error.advice or helps)
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(words in text for words in REFUSED)
    ):
        return Cause("it needs more memory than this machine has left", smaller(optimizer))
    if isinstance(error, ZeroDivisionError):
        return Cause("it divided by zero", helps)
    if isinstance(error, OverflowError):
        return Cause("a number became too large for its type", helps)
    if isinstance(error, torch.linalg.LinAlgError):  # type: ignore[attr-defined]  # documented, but not in its __all__
        return Cause(
            "a matrix could not be factorised, because it was singular or not finite",
            helps,
        )
    if isinstance(error, ArithmeticError) or (
        isinstance(error, RuntimeError | ValueError) and any(words in text for words in NUMERICAL)
    ):
        return Cause(
            ("a computation failed on numbers such as infinity, or the root of a negative number"),
            helps,
        )
    return Cause(
        f"an error inside Kelvin ({type(error).__name__}), which is in the log", defect=True
    )
