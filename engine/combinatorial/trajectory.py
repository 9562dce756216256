"""Run one lane of a combinatorial problem and measure it at moments of its own processor time
that lie a constant factor apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..race.trajectory import Target
from .race import CombinatorialRace, gap_of

FIRST_SECONDS = 0.01
"""Processor time of the first measurement after the start."""


@dataclass
class CombinatorialTrajectory:
    """One lane's course, measurement by measurement.

    Args:
        race: a race with one lane and a budget in seconds, not yet begun.
        targets: to look for, on the loss (the price of its best solution) or the gap.
        best_known: the price that gaps are measured from; that of the instance if None.
        ratio: of the processor time at two measurements in a row, above 1.
        stop: whether to end once all targets are reached.

    Attributes:
        rows: measured values, a row for each measurement, the first before any step.
        hits: for each target, the row at which it was first met, or None.
        outcome: "target", "budget", "diverged" (without a feasible solution) or "failed", once it
            is over.
    """

    race: CombinatorialRace
    targets: Sequence[Target] = ()
    best_known: int | None = None
    ratio: float = 1.2
    stop: bool = False
    rows: list[dict[str, Any]] = field(default_factory=list)
    hits: list[dict[str, Any] | None] = field(default_factory=list)
    outcome: str = "running"

    def __post_init__(self) -> None:
        if len(self.race.lanes) != 1:
            raise ValueError("a trajectory has one lane")
        self.lane = self.race.lanes[0]
        self.hits = [None] * len(self.targets)
        known = self.race.best_known
        if self.best_known is None and known is not None:
            self.best_known = known.value

    def run(self) -> Iterator[dict[str, Any]]:
        """Run the lane to its end and yield each measurement's row."""
        due = FIRST_SECONDS
        try:
            yield self._look()
            while not self._over():
                self.race.advance_lane(self.lane)
                if self.lane.meter.seconds >= due or self.lane.finished:
                    due = max(due, self.lane.meter.seconds) * self.ratio
                    yield self._look()
        finally:
            self.race.close()

    def _over(self) -> bool:
        lane = self.lane
        if self.stop and self.targets and all(hit is not None for hit in self.hits):
            lane.finished = True
            self.outcome = "target"
        if lane.finished and self.outcome == "running":
            found = self.rows[-1]["loss"] is not None
            self.outcome = "failed" if lane.trouble else "budget" if found else "diverged"
        return lane.finished

    def _look(self) -> dict[str, Any]:
        lane, meter = self.lane, self.lane.meter
        found = self.race.best(lane)
        price = None if found is None else found[1]
        gap = None
        if price is not None and self.best_known is not None:
            gap = gap_of(price, self.best_known)
        state = lane.state
        row: dict[str, Any] = {
            "checkpoint": len(self.rows),
            "step": lane.step,
            "rounds": lane.step,
            "evaluations": meter.evaluations,
            "flops": 0,
            "core_seconds": meter.seconds,
            "seconds": meter.seconds,
            "progress": meter.progress,
            "loss": price,
            "gap": gap,
            "temperature": None if state is None else state.temperature,
            "acceptance": None if state is None else state.acceptance,
            "memory": lane.method.footprint(self.race.instance),
        }
        self.rows.append(row)
        first = self.rows[0][self.targets[0].on] if self.targets else None
        for i, target in enumerate(self.targets):
            begun = 0.0 if first is None else float(self.rows[0].get(target.on) or 0.0)
            if self.hits[i] is None and target.met(row.get(target.on), begun):
                self.hits[i] = row
        return row
