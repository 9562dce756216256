"""What a frame tells of one lane, with types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class LaneMoment:
    """One lane at one moment. What does not exist is None.

    Attributes:
        step: steps taken.
        evaluations, flops, seconds: what it has spent.
        progress: share of its budget that it has spent.
        loss, accuracy: of its estimate on the training samples. On a combinatorial problem the loss
            is the price of the best answer that keeps all rules.
        test_loss, test_accuracy: of its estimate on the test samples.
        temperature, acceptance: of methods that have them.
        gap, moves: of combinatorial problems: by what share the best answer is above the best known
            one, and how many moves were tried.
        finished: whether it has ended.
        trouble: why it failed.
        stopped: the stop rule that ended it.
        note: what is worth a word though it goes on or ended well.
        extra: the method's own numbers by name, such as "spread".
    """

    step: int = 0
    evaluations: float = 0
    flops: float = 0
    seconds: float = 0
    progress: float = 0
    loss: float | None = None
    accuracy: float | None = None
    test_loss: float | None = None
    test_accuracy: float | None = None
    temperature: float | None = None
    acceptance: float | None = None
    gap: float | None = None
    moves: int | None = None
    finished: bool = False
    trouble: str | None = None
    stopped: str | None = None
    note: str | None = None
    extra: Mapping[str, float | None] = field(default_factory=dict)

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> LaneMoment:
        """Return a lane's row of a metrics message."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in row.items() if name in known})
