"""A lane of a race: one optimizer at work, and what is known of how it does."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..experiment.stopping import Best, Moment, Start, Wreck
from ..optimizers import Optimizer, State
from ..oracle import Oracle
from ..random.rng import Rng


@dataclass
class Lane:
    """One optimizer at work.

    Attributes:
        index: its place in the experiment.
        step: steps taken.
        finished: whether its budget is spent or it cannot go on.
        trouble: why it cannot go on, in words, or None.
        stopped: the rule that ended it, in words, or None.
        note: what is worth a word though it goes on or has ended well, or None.
        start: what its loss is measured against for the note.
        barren: looks in a row at which nothing it knows was finite.
        good: the last moment it was looked at and its loss was a number; what is left of it should
            it diverge.
        wreck: what was no number any more at the first step at which the method itself met such a
            loss, or None.
        best: the lowest loss looked at, for the stop rules.
        points: the points drawn by hand that it trains on, as a text, where they are not those the
            race began with.
        watched: whether the next step's move is to be kept for the observer.
        move: (weights before, step taken), both (D,), of the last watched step.
        torn: whether something left a step of its before the step was done.
    """

    index: int
    optimizer: Optimizer
    oracle: Oracle
    rng: Rng
    state: State
    good: Moment
    step: int = 0
    finished: bool = False
    trouble: str | None = None
    stopped: str | None = None
    note: str | None = None
    start: Start | None = None
    barren: int = 0
    wreck: Wreck | None = None
    best: Best | None = None
    points: str | None = None
    watched: bool = True
    move: tuple[Tensor, Tensor] | None = None
    torn: bool = False


def knows_anything(lane: Lane, loss: float) -> bool:
    """Whether a lane has anything finite to go on from: among its members' losses, among what it
    was answered lately, or its own estimate's loss.

    Args:
        lane: looked at.
        loss: of its estimate. A method that asks for nothing but gradients there knows nothing
            else; one that asks for losses elsewhere, and has yet to, may still find something.
    """
    state, answers = lane.state, [answer for answer in lane.oracle.answers if answer.numel()]
    if not answers and state.losses is None:
        return math.isfinite(loss) or lane.optimizer.seen() in ("loss", "outputs")
    if state.estimate_loss is not None and math.isfinite(state.estimate_loss):
        return True
    if lane.optimizer.way_back(state):
        return True
    told = answers if state.losses is None else [state.losses, *answers]
    return any(bool(torch.isfinite(one).any()) for one in told)
