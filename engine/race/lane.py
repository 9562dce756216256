"""A lane of a race: one optimizer, its counters and its status."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..experiment.stopping import BestSoFar, Divergence, LaneCheck, Start
from ..optimizers import Optimizer, State
from ..oracle import Oracle
from ..random.rng import Rng


@dataclass
class Lane:
    """One optimizer in a race.

    Attributes:
        index: its number in the experiment.
        step: steps taken.
        finished: whether its budget is spent or it cannot continue.
        trouble: why it cannot continue, as a sentence, or None.
        stopped: the rule that ended it, as a sentence, or None.
        note: a remark although it continues or ended well, or None.
        start: the loss that the note compares with.
        barren: number of checks in a row without any finite loss.
        good: the last check with a finite loss, restored if the lane diverges.
        divergence: the first non-finite loss that the method itself met, with its step, or None.
        best: the lowest loss at a check, for the stop rules.
        points: the hand-drawn points that it trains on, as a text, if they are not those the race
            started with.
        watched: whether to keep the next step's move for the observer.
        move: (weights before, step taken), both (D,), of the last watched step.
        torn: whether an exception left a step incomplete.
    """

    index: int
    optimizer: Optimizer
    oracle: Oracle
    rng: Rng
    state: State
    good: LaneCheck
    step: int = 0
    finished: bool = False
    trouble: str | None = None
    stopped: str | None = None
    note: str | None = None
    start: Start | None = None
    barren: int = 0
    divergence: Divergence | None = None
    best: BestSoFar | None = None
    points: str | None = None
    watched: bool = True
    move: tuple[Tensor, Tensor] | None = None
    torn: bool = False


def knows_anything(lane: Lane, loss: float) -> bool:
    """Return whether a lane has any finite loss to continue from: among its members' losses, its
    latest evaluations, or its own estimate's loss.

    Args:
        lane: the lane.
        loss: of its estimate. A method that only evaluates gradients there has nothing else; one
            that evaluates losses at other points, and has not done so yet, may still find a finite
            one.
    """
    state, answers = lane.state, [answer for answer in lane.oracle.answers if answer.numel()]
    if not answers and state.losses is None:
        return math.isfinite(loss) or lane.optimizer.required_oracle() in ("loss", "outputs")
    if state.estimate_loss is not None and math.isfinite(state.estimate_loss):
        return True
    if lane.optimizer.way_back(state):
        return True
    told = answers if state.losses is None else [state.losses, *answers]
    return any(bool(torch.isfinite(one).any()) for one in told)
