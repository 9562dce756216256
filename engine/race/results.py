"""The results of a lane: printed by the command line and kept by a comparison."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypedDict, get_args

from .. import evaluation
from ..observation.observer import memory_of
from .lane import Lane

if TYPE_CHECKING:
    from .race import Race


class LaneResult(TypedDict):
    """The results of a lane, as JSON values; None is what does not exist."""

    optimizer: str
    label: str
    loss: float | None
    accuracy: float | None
    test_loss: float | None
    test_accuracy: float | None
    spent: float
    evaluations: int
    flops: float
    seconds: float
    core_seconds: float
    rounds: int
    memory: int | None
    steps: int
    trouble: str | None
    stopped: str | None
    note: str | None


class SeedResult(TypedDict):
    """The results of one of several seeds, as JSON values."""

    seed: int
    lanes: list[LaneResult]


Summarised = Literal[
    "loss",
    "accuracy",
    "test_loss",
    "test_accuracy",
    "evaluations",
    "flops",
    "seconds",
    "steps",
]
"""Numbers of a lane that are summed up over the seeds, and compared between methods."""
SUMMARISED: tuple[Summarised, ...] = get_args(Summarised)


class Quartiles(TypedDict):
    """A number over the seeds, as JSON values; None is a quartile among seeds that failed."""

    median: float | None
    quartiles: list[float | None]


class LaneSummary(TypedDict):
    """The results of a lane over the seeds, as JSON values; None is what no seed has."""

    optimizer: str
    label: str
    loss: Quartiles | None
    accuracy: Quartiles | None
    test_loss: Quartiles | None
    test_accuracy: Quartiles | None
    evaluations: Quartiles | None
    flops: Quartiles | None
    seconds: Quartiles | None
    steps: Quartiles | None
    wins: int
    of: int
    failed: int


def result_of(race: Race, lane: Lane) -> LaneResult:
    """Return a lane's losses and accuracies on all samples, its counters and its remarks, as JSON
    values.
    """
    loss, accuracy, test_loss, test_accuracy = (
        number if math.isfinite(number) else None for number in _scores(race, lane)
    )
    return {
        "optimizer": lane.optimizer.name,
        "label": race.names[lane.index],
        "loss": loss,
        "accuracy": accuracy,
        "test_loss": test_loss,
        "test_accuracy": test_accuracy,
        "spent": lane.oracle.spent(race.experiment.budget.currency) / race.experiment.budget.amount,
        "evaluations": lane.oracle.evaluations,
        "flops": lane.oracle.flops,
        "seconds": lane.oracle.seconds,
        "core_seconds": lane.oracle.core_seconds,
        "rounds": lane.oracle.rounds,
        "memory": memory_of(lane.state),
        "steps": lane.step,
        "trouble": lane.trouble,
        "stopped": lane.stopped,
        "note": lane.note,
    }


def _scores(race: Race, lane: Lane) -> evaluation.Scores:
    """Return a lane's losses and accuracies; NaN if even those of its last finite estimate cannot
    be computed.
    """
    for _ in range(2):  # if they cannot be, the lane ends, and gets back its last finite estimate
        with race.minding(lane, "while it was scored"):
            return race.score(lane)
    return math.nan, math.nan, math.nan, math.nan
