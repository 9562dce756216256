"""How a lane stands, in numbers: what the command line prints and a comparison keeps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import evaluation
from ..observation.observer import memory_of
from .lane import Lane

if TYPE_CHECKING:
    from .race import Race


def result_of(race: Race, lane: Lane) -> dict[str, Any]:
    """A lane's scores on all samples, its counters and what there is to say of it, as JSON
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
        "memory": memory_of(lane.state),
        "steps": lane.step,
        "trouble": lane.trouble,
        "stopped": lane.stopped,
        "note": lane.note,
    }


def _scores(race: Race, lane: Lane) -> evaluation.Scores:
    """A lane's scores, judged; no numbers where even those of its last good estimate cannot be
    found.
    """
    for _ in range(
        3
    ):  # judged, or failing to be scored, it may be given back its last good estimate
        with race.minding(lane, "while it was scored"):
            scores = race.score(lane)
            if not (
                lane.finished and race.judge(lane, scores[0])
            ):  # in the middle of a race this is no look that a rule may end a lane by
                return scores
    return math.nan, math.nan, math.nan, math.nan
