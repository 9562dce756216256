"""Run one lane and measure it on all samples, at moments that lie a constant factor apart.

A race that is drawn is looked at at equal shares of its budget. A method that needs a thousandth of
the budget would then be measured far too late, so here the measurements are a constant factor apart
in evaluations, and a target is looked for at each of them. What measuring costs is charged to no
method.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from .. import evaluation
from ..observation.observer import memory_of
from ..registry import Fields
from .race import Race

Measure = Literal[
    "loss", "accuracy", "valid_loss", "valid_accuracy", "test_loss", "test_accuracy", "gap"
]


class Target(Fields):
    """A value to be reached: at most, for a loss; at least, for an accuracy."""

    on: Measure = "loss"
    value: float | None = Field(None, description="The value itself.")
    share_of_first: float | None = Field(
        None, gt=0, lt=1, description="Instead of the value: a share of the first weights' loss."
    )

    def at(self, first: float) -> float:
        """Return the value to reach, given the measure at the first weights."""
        if self.value is not None:
            return self.value
        return first * float(self.share_of_first or 0)

    def met(self, measured: float | None, first: float) -> bool:
        """Return whether a measured value reaches the target."""
        if measured is None or not math.isfinite(measured):
            return False
        goal = self.at(first)
        return measured >= goal if self.on.endswith("accuracy") else measured <= goal


@dataclass
class Trajectory:
    """One lane's course, measurement by measurement.

    Args:
        race: a race with one lane, not yet begun.
        targets: to look for.
        ratio: of the evaluations at two measurements in a row, above 1.
        average: decay of an exponential moving average of the weights, which is scored beside them;
            0 for none. It is measured, and charged to no method.
        stop: whether to end once all targets are reached.
        core_seconds: processor time after which the lane is ended, as if its budget were spent.
        other: further samples (x, y) to score on, such as an earlier task's.

    Attributes:
        rows: measured values, a row for each measurement, the first before any step.
        hits: for each target, the row at which it was first met, or None.
        outcome: "target", "budget", "time", "diverged" or "failed", once it is over.
    """

    race: Race
    targets: Sequence[Target] = ()
    ratio: float = 1.2
    average: float = 0.0
    stop: bool = False
    core_seconds: float = math.inf
    other: tuple[Tensor, Tensor] | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    hits: list[dict[str, Any] | None] = field(default_factory=list)
    outcome: str = "running"

    def __post_init__(self) -> None:
        if len(self.race.lanes) != 1:
            raise ValueError("a trajectory has one lane")
        self.lane = self.race.lanes[0]
        self.start = self.race.theta.clone()
        self.mean = self.start.clone()
        self.hits = [None] * len(self.targets)

    def run(self) -> Iterator[dict[str, Any]]:
        """Run the lane to its end and yield each measurement's row."""
        lane, oracle, due = self.lane, self.lane.oracle, 0.0
        with self.race.settled():
            yield self._look()
            while not self._over():
                self.race.advance_lane(lane)
                if self.average:
                    self.mean.lerp_(lane.state.estimate, 1 - self.average)
                if oracle.core_seconds >= self.core_seconds and not lane.finished:
                    self.outcome, lane.finished = "time", True
                    self.race.check(lane)
                if oracle.evaluations >= due or lane.finished:
                    due = max(oracle.evaluations * self.ratio, oracle.evaluations + 1)
                    yield self._look()

    def _over(self) -> bool:
        lane = self.lane
        if self.stop and self.targets and all(hit is not None for hit in self.hits):
            lane.finished = True
            self.outcome = "target"
        if lane.finished and self.outcome == "running":
            finite = math.isfinite(self.rows[-1]["loss"])
            self.outcome = "budget" if not lane.trouble else "failed" if finite else "diverged"
        return lane.finished

    def _look(self) -> dict[str, Any]:
        lane, oracle = self.lane, self.lane.oracle
        measured = self._scores(lane.state.estimate)
        if lane.trouble is not None and lane.divergence is not None:
            # The lane was given back earlier weights, which it did not reach by itself.
            measured = dict.fromkeys(measured, math.nan)
        moved = lane.state.estimate - self.start
        row: dict[str, Any] = {
            "checkpoint": len(self.rows),
            "step": lane.step,
            "rounds": oracle.rounds,
            "evaluations": oracle.evaluations,
            "flops": oracle.flops,
            "core_seconds": oracle.core_seconds,
            "seconds": oracle.seconds,
            "progress": oracle.progress,
            **measured,
            "temperature": lane.state.temperature,
            "acceptance": lane.state.acceptance,
            "distance": float(torch.linalg.vector_norm(moved)),
            "density": float((moved.abs() > 1e-6 * (1 + self.start.abs())).float().mean()),
            "memory": memory_of(lane.state),
        }
        if self.average and self.rows:
            averaged = self._scores(self.mean)
            row |= {f"averaged_{name}": value for name, value in averaged.items()}
        self.rows.append(row)
        first = self.rows[0]
        for i, target in enumerate(self.targets):
            if self.hits[i] is None and target.met(row.get(target.on), first[target.on]):
                self.hits[i] = row
        return row

    def _scores(self, theta: Tensor) -> dict[str, float]:
        """Return losses and accuracies of weights (D,) on training, validation and test samples."""
        data, network, loss = self.race.dataset, self.race.network, self.race.loss
        parts = {"": (data.x_train, data.y_train), "test_": (data.x_test, data.y_test)}
        if len(data.y_valid):
            parts["valid_"] = (data.x_valid, data.y_valid)
        if self.other is not None:
            parts["other_"] = self.other
        found: dict[str, float] = {}
        for name, (x, y) in parts.items():
            outputs = evaluation.outputs(network, theta.unsqueeze(0), x)
            values = evaluation.scored(loss, outputs, y, len(y))[0]
            found[f"{name}loss"], found[f"{name}accuracy"] = values[0], values[1]
        return found
