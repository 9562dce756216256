"""A race that costs nothing and a pool without processes, for tests of what is around them.

`FakeRace` takes the place of `engine.race.race.Race` inside a worker process. What it does is chosen by
the experiment's seed, which needs no field of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, MutableSequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from engine.experiment.model import Experiment
from engine.messages.encoding import Frame, Message, encode

ENDLESS, SHORT, NO_MEMORY, NO_TORCH_MEMORY, BROKEN, BAD, STUCK, TELLTALE = range(100, 108)
"""What a race does: goes on for ever, takes 20 steps, runs out of memory (two ways), fails, is
refused, hangs in its first step, tells of the process it is in."""


def experiment(seed: int) -> dict[str, Any]:
    """JSON values of an experiment that behaves as that seed says, with two lanes."""
    return Experiment.parse(
        {"dataset": "moons", "lanes": ["annealing", "adam"], "seed": seed}
    ).to_json()


@dataclass
class FakeLane:
    index: int
    step: int = 0
    finished: bool = False


class FakeRace:
    """Has the doors of a race that a worker uses."""

    def __init__(
        self,
        experiment: Experiment,
        marks: int = 200,
        pictures: bool = True,
        events: Iterable[Any] = (),
    ) -> None:
        from engine.errors import BadInput

        self.seed = experiment.seed
        if self.seed == BAD:
            raise BadInput("seed", BAD, "another one")
        self.lanes = [FakeLane(0), FakeLane(1)]
        self.reheats: list[list[Any]] = []
        self.clock = 0.0
        self.troubles = 0

    @property
    def finished(self) -> bool:
        return all(lane.finished for lane in self.lanes)

    @property
    def running(self) -> list[FakeLane]:
        return [lane for lane in self.lanes if not lane.finished]

    @property
    def followed(self) -> FakeRace:
        return self

    def last_messages(self, k: int) -> list[Message]:
        return []

    def close(self) -> None:
        pass

    def hold(self, still: bool) -> None:
        pass

    def settled(self) -> AbstractContextManager[None]:
        return nullcontext()

    def advance(self) -> int:
        lane = min((lane for lane in self.lanes if not lane.finished), key=lambda one: one.step)
        self.advance_lane(lane)
        return lane.index

    def advance_lane(self, lane: FakeLane) -> None:
        if self.seed == NO_MEMORY:
            raise MemoryError
        if self.seed == NO_TORCH_MEMORY:
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"
            )
        if self.seed == BROKEN:
            raise ZeroDivisionError("a mistake")
        time.sleep(3600 if self.seed == STUCK else 0.0005)
        lane.step += 1
        lane.finished = self.seed != ENDLESS and lane.step >= 20

    def reheat(self, lane: int, factor: float) -> bool:
        self.reheats.append([self.lanes[lane].index, factor])
        return True

    def set_hyperparameter(self, lane: int, field: str, value: Any) -> None:
        from engine.errors import BadInput

        if field == "nonsense":
            raise BadInput("field", field, "a knob that may be turned while it runs")
        self.reheats.append([lane, field, value])

    def stage(self) -> Message:
        import sys

        heavy = [
            name
            for name in ("streamlit", "plotly", "app.server", "app.main")
            if name in sys.modules
        ]
        return {"type": "stage", "seed": self.seed, "heavy": heavy if self.seed == TELLTALE else []}

    def metrics(self, k: int) -> Message:
        return {
            "type": "metrics",
            "k": k,
            "clock": self.clock,
            "lanes": [
                {"step": lane.step, "finished": lane.finished, "progress": min(1, lane.step / 20)}
                for lane in self.lanes
            ],
            "events": self.reheats,
        }

    def picture(self, k: int) -> Message:
        return {"type": "picture", "k": k, "steps": [lane.step for lane in self.lanes]}

    def frame(self, k: int, closely: bool = True) -> Frame:
        return Frame(k, self.metrics(k), self.picture(k))

    def detail(self, k: int) -> Message:
        return {"type": "detail", "k": k, "steps": [lane.step for lane in self.lanes]}

    def weights(self, k: int) -> Message:
        import torch

        return {
            "type": "weights",
            "k": k,
            "steps": [lane.step for lane in self.lanes],
            "lanes": [torch.full((2,), float(lane.step)) for lane in self.lanes],
        }

    def __iter__(self) -> Iterator[Frame]:
        yield Frame(0, self.metrics(0), None)


def serve(connection: Connection, board: MutableSequence[float]) -> None:
    """The main function of a worker process whose races are fake."""
    import engine.race.race
    import engine.race.seed_races
    from engine.workers import worker

    engine.race.race.Race = FakeRace  # type: ignore[assignment, misc]
    vars(engine.race.seed_races)["Race"] = FakeRace
    worker.serve(connection, board)


def stillborn(connection: Connection, board: MutableSequence[float]) -> None:
    """The main function of a worker process that never comes to life."""
    raise SystemExit(3)


class FakeJob:
    """A job that notes its commands and says what a test makes it say."""

    def __init__(self, on_message: Callable[[Message, bytes], None]) -> None:
        self.commands: list[Message] = []
        self.over, self.place = False, 0
        self.more: dict[str, Any] = {}
        self._on_message = on_message
        self.k = 0

    def command(self, command: Message) -> None:
        self.commands.append(command)

    @property
    def asked(self) -> list[str]:
        return [command["do"] for command in self.commands]

    def tell(self, message: Message) -> None:
        """Say something, from any thread."""
        self.over = (
            self.over
            or message.get("state") in ("done", "ended")
            or (message["type"] == "problem" and not message.get("passing"))
        )
        self._on_message(
            {
                key: message[key]
                for key in ("type", "state", "k", "passing", "seed")
                if key in message
            },
            encode(message),
        )

    async def say(self, message: Message) -> None:
        """Say something, from the hub's own loop, and let it be heard."""
        self.tell(message)
        await asyncio.sleep(0)

    async def begin(self) -> None:
        await self.say({"type": "state", "state": "starting"})
        await self.say({"type": "stage", "lanes": []})
        await self.say({"type": "state", "state": "running"})

    async def frames(self, count: int, size: int = 0) -> None:
        for _ in range(count):
            await self.say({"type": "metrics", "k": self.k})
            await self.say({"type": "picture", "k": self.k, "ballast": b"x" * size})
            self.k += 1


class FakePool:
    """Keeps the jobs it is given and runs none."""

    def __init__(self) -> None:
        self.jobs: list[FakeJob] = []
        self.waiting = 0

    def submit(
        self, experiment: Message, on_message: Callable[[Message, bytes], None], **more: Any
    ) -> FakeJob:
        self.jobs.append(FakeJob(on_message))
        self.jobs[-1].more = more
        return self.jobs[-1]
