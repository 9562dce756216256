"""Why a lane cannot go on, in words: what was raised while it worked, and whose fault that is.

An exception of any kind ends the lane in which it was raised and no other. A visitor reads one sentence; of a defect the developer finds the traceback in the log.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from engine.errors import NothingLeft

REFUSED = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory", "allocator", "failed to allocate", "invalid buffer size")
"""What PyTorch and NumPy write where memory is refused: a CPU's allocator raises a plain RuntimeError."""
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
"""What is written where numbers are too large, too small or not finite, and nothing else is wrong."""
SMALLER = "A smaller population, batch or network will fit."
GENTLER = "A smaller step size usually helps."


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


def cause_of(error: Exception) -> Cause:
    """Return what an exception means for the lane in which it was raised."""
    text = str(error).lower()
    if isinstance(error, NothingLeft):
        return Cause(str(error), error.advice)
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or (isinstance(error, RuntimeError) and any(words in text for words in REFUSED)):
        return Cause("it asked for more memory than this machine has left", SMALLER)
    if isinstance(error, ZeroDivisionError):
        return Cause("it divided by zero", GENTLER)
    if isinstance(error, OverflowError):
        return Cause("a number grew too large to be held", GENTLER)
    if isinstance(error, torch.linalg.LinAlgError):  # type: ignore[attr-defined]  # documented, but not in its __all__
        return Cause("a matrix could not be factorised, for its numbers were not finite or it was singular", GENTLER)
    if isinstance(error, ArithmeticError) or (isinstance(error, RuntimeError | ValueError) and any(words in text for words in NUMERICAL)):
        return Cause("it met numbers that cannot be computed with, infinite ones or a root of a negative one", GENTLER)
    return Cause(f"an error inside Kelvin ({type(error).__name__}), which is in the log", defect=True)
