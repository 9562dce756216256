"""Count what a lane spends on a combinatorial problem."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ..errors import BadInput
from ..registry import Fields
from .kernels.counters import ACCEPTED, MOVES, READS

Currency = Literal["seconds", "evaluations"]
CURRENCIES: tuple[Currency, ...] = get_args(Currency)
MAX_AMOUNT: dict[Currency, float] = {"seconds": 86_400, "evaluations": 1e15}


class Budget(Fields):
    """The budget of every lane."""

    currency: Currency = Field(
        "seconds",
        description="The unit of the budget: seconds of processor time for each lane, or "
        "evaluations: distances looked at, 4 for a 2-opt proposal, n for a whole tour of n cities.",
    )
    amount: float = Field(10.0, gt=0, description="The budget of each lane, in that unit.")

    @model_validator(mode="after")
    def _within_reason(self) -> Budget:
        if self.amount > MAX_AMOUNT[self.currency]:
            raise BadInput(
                "amount", self.amount, f"at most {MAX_AMOUNT[self.currency]:g} {self.currency}"
            )
        return self


class Meter:
    """The counters of one lane.

    Args:
        budget: of the lane.

    Attributes:
        evaluations: distances (or other entries of the instance) looked at.
        moves: moves proposed and judged.
        accepted: moves made.
        seconds: processor time spent, without observation.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.evaluations = self.moves = self.accepted = 0
        self.seconds = 0.0

    @property
    def spent(self) -> float:
        """Return what was spent, in the budget's unit."""
        return self.seconds if self.budget.currency == "seconds" else float(self.evaluations)

    @property
    def progress(self) -> float:
        """Return the share of the budget spent, in [0, 1]."""
        return min(1.0, self.spent / self.budget.amount)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Count the processor time of this thread inside the block."""
        began = time.thread_time()
        try:
            yield
        finally:
            self.seconds += time.thread_time() - began

    def read(self, count: int) -> None:
        """Count distances looked at outside a kernel."""
        self.evaluations += count

    def take(self, numbers: NDArray[np.int64]) -> tuple[int, int]:
        """Add the counters of a kernel and set them to zero.

        Returns:
            Moves proposed and moves made.
        """
        moves, accepted = int(numbers[MOVES]), int(numbers[ACCEPTED])
        self.evaluations += int(numbers[READS])
        self.moves += moves
        self.accepted += accepted
        numbers[READS:] = 0
        return moves, accepted
