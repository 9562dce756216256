"""A race that costs nothing, for tests of the processes and the sockets around it.

It takes the place of `engine.race.Race` inside a worker process. What it does is chosen by the experiment's seed, which needs no field of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from engine.experiment import Experiment
from engine.frames import Frame, Message

ENDLESS, SHORT, NO_MEMORY, NO_TORCH_MEMORY, BROKEN, BAD, STUCK, TELLTALE = range(100, 108)
"""What a race does: goes on for ever, takes 20 steps, runs out of memory (two ways), fails, is refused, hangs in its first step, tells of the process it is in."""


def experiment(seed: int) -> dict[str, Any]:
    """JSON values of an experiment that behaves as that seed says, with two lanes."""
    return Experiment.parse({"dataset": "moons", "lanes": ["annealing", "adam"], "seed": seed}).to_json()


@dataclass
class FakeLane:
    index: int
    step: int = 0
    finished: bool = False


class FakeRace:
    """Has the doors of a race that a worker uses."""

    def __init__(self, experiment: Experiment, marks: int = 200, pictures: bool = True) -> None:
        from engine.errors import BadInput

        self.seed = experiment.seed
        if self.seed == BAD:
            raise BadInput("seed", BAD, "another one")
        self.lanes = [FakeLane(0), FakeLane(1)]
        self.reheats: list[list[float]] = []
        self.clock = 0.0

    @property
    def finished(self) -> bool:
        return all(lane.finished for lane in self.lanes)

    def advance(self) -> int:
        lane = min((lane for lane in self.lanes if not lane.finished), key=lambda one: one.step)
        self.advance_lane(lane)
        return lane.index

    def advance_lane(self, lane: FakeLane) -> None:
        if self.seed == NO_MEMORY:
            raise MemoryError
        if self.seed == NO_TORCH_MEMORY:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory")
        if self.seed == BROKEN:
            raise ZeroDivisionError("a mistake")
        time.sleep(3600 if self.seed == STUCK else 0.0005)
        lane.step += 1
        lane.finished = self.seed != ENDLESS and lane.step >= 20

    def reheat(self, lane: int, factor: float) -> bool:
        self.reheats.append([self.lanes[lane].index, factor])
        return True

    def stage(self) -> Message:
        import sys

        heavy = [name for name in ("streamlit", "plotly", "app.server", "app.main", "__mp_main__") if name in sys.modules]
        return {"type": "stage", "seed": self.seed, "heavy": heavy if self.seed == TELLTALE else []}

    def metrics(self, k: int) -> Message:
        return {"type": "metrics", "k": k, "clock": self.clock, "lanes": [{"step": lane.step} for lane in self.lanes], "events": self.reheats}

    def picture(self, k: int) -> Message:
        return {"type": "picture", "k": k, "steps": [lane.step for lane in self.lanes]}

    def __iter__(self) -> Iterator[Frame]:
        yield Frame(0, self.metrics(0), None)


def serve(connection: Connection, threads: int) -> None:
    """The main function of a worker process whose races are fake."""
    import engine.race
    from engine import worker_process

    engine.race.Race = FakeRace  # type: ignore[assignment, misc]
    worker_process.serve(connection, threads)


def stillborn(connection: Connection, threads: int) -> None:
    """The main function of a worker process that never comes to life."""
    raise SystemExit(3)
