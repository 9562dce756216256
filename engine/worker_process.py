"""The inside of a worker process: wait for a race, run it, look at it some thirteen times a second, obey.

Looking must not slow training down: the time spent on metrics and pictures is kept to a small share of the whole by looking less often where it is dear.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections import deque
from multiprocessing.connection import Connection
from statistics import median

from engine.errors import BadInput
from engine.frames import Message, encode

log = logging.getLogger(__name__)

LOOK_SECONDS = 1 / 13
LOOK_SECONDS_MOST = 2.0
LOOK_SHARE = 0.048
"""The most of the time spent on looking, in the long run."""
LOOKS_REMEMBERED = 15
POLL_SECONDS = 0.004
COMMANDS_AT_ONCE = 100


class _Cancelled(Exception):
    """The race is to end now."""


class _Gone(Exception):
    """The server is gone: nobody is left to race for."""


def serve(connection: Connection, threads: int) -> None:
    """Run races until told to exit or the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's business; it closes the pipe
    parent = os.getppid()
    import torch

    torch.set_num_threads(threads)
    _warm_up()
    while True:
        try:
            command = connection.recv()
        except (EOFError, OSError):
            return
        if command.get("do") == "exit" or os.getppid() != parent:
            return
        if command.get("do") == "race":
            _race(connection, command["experiment"])


def _warm_up() -> None:
    """Import everything and run a few steps, so that the first visitor's race starts at once."""
    from engine.experiment import Experiment
    from engine.race import Race

    spec = {
        "dataset": {"name": "moons", "points": 40},
        "lanes": ["annealing", "eki", "pso", "adam"],
        "budget": {"currency": "evaluations", "amount": 100},
        "device": "cpu",
    }
    for frame in Race(Experiment.parse(spec), marks=1):
        encode(frame.metrics)


def _race(connection: Connection, experiment: Message) -> None:
    """One race, from its first frame to the message that it is over."""
    from engine.experiment import Experiment

    state: Message = {"type": "state", "state": "ended", "sentence": "The race was stopped."}
    try:
        _Drive(connection, Experiment.parse(experiment)).run()
        state = {"type": "state", "state": "done"}
    except _Cancelled:
        pass
    except BadInput as error:
        state = {"type": "problem", "sentence": str(error)}
    except _Gone:
        raise SystemExit(0) from None
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "alloc" not in str(error) and "out of memory" not in str(error):
            log.exception("a race failed")
            state["sentence"] = "The race stopped on an error inside Kelvin, which is in the server's log. What was recorded up to here is kept."
        else:
            state["sentence"] = "The race ran out of memory. What was recorded up to here is kept; a smaller population, batch or network will fit."
    except Exception:
        log.exception("a race failed")
        state["sentence"] = "The race stopped on an error inside Kelvin, which is in the server's log. What was recorded up to here is kept."
    try:
        _send(connection, state)
    except _Gone:
        raise SystemExit(0) from None


def _send(connection: Connection, message: Message) -> None:
    """What the message is, for the pool, and its bytes, for everybody else."""
    data = encode(message)
    try:
        connection.send({key: message[key] for key in ("type", "state", "k") if key in message})
        connection.send_bytes(data)
    except OSError:
        raise _Gone from None


class _Drive:
    """A race at the wheel: turns, looks and commands."""

    def __init__(self, connection: Connection, experiment: object) -> None:
        from engine.experiment import Experiment
        from engine.race import Race

        assert isinstance(experiment, Experiment)
        self.connection = connection
        self.race = Race(experiment)
        self.k = 0
        self.speed = 0.0
        self.paused = False
        self.steps_due = 0
        self.looked_at = -1.0
        self.costs: deque[float] = deque(maxlen=LOOKS_REMEMBERED)

    def run(self) -> None:
        race = self.race
        _send(self.connection, race.stage())
        self._look()
        _send(self.connection, {"type": "state", "state": "running"})
        self._obey()  # what was asked for while the race waited in the queue
        polled = paced = time.perf_counter()
        fewest = 0
        while not race.finished:
            now = time.perf_counter()
            if now - polled >= POLL_SECONDS or self.paused:
                self._obey(wait=self.paused and not self.steps_due)
                polled = now = time.perf_counter()
            if self.paused and not self.steps_due:
                continue
            if self.steps_due:
                self._single_step()
                continue
            if self.speed:
                # Lanes take turns as ever; the slowest lane's steps set the pace.
                fewest = min(lane.step for lane in race.lanes if not lane.finished)
                wait = paced + 1 / self.speed - now
                if wait > 0:
                    self._obey(seconds=min(wait, 0.05))
                    continue
                paced = max(paced + 1 / self.speed, now - 1 / self.speed)
                while not race.finished and min((lane.step for lane in race.lanes if not lane.finished), default=fewest + 1) <= fewest:
                    race.advance()
            else:
                race.advance()
            if self._may_look():
                self._look()
        self._look()

    def _single_step(self) -> None:
        """One step of every lane that still runs, then a frame."""
        self.steps_due -= 1
        goals = {lane.index: lane.step + 1 for lane in self.race.lanes if not lane.finished}
        for index, goal in goals.items():
            lane = self.race.lanes[index]
            while lane.step < goal and not lane.finished:
                self.race.advance_lane(lane)
        self._look()

    def _may_look(self) -> bool:
        """Some thirteen times a second, or less often where looking is dear. The median forgives the rare look that draws a new landscape."""
        since = time.perf_counter() - self.looked_at
        return since >= LOOK_SECONDS and (since >= LOOK_SECONDS_MOST or len(self.costs) < 3 or since >= median(self.costs) / LOOK_SHARE)

    def _look(self) -> None:
        """Send a frame."""
        # Processor time, not time of day: on a busy machine a look takes longer without costing training more.
        start = time.process_time()
        _send(self.connection, self.race.metrics(self.k))
        _send(self.connection, self.race.picture(self.k))
        self.k += 1
        self.looked_at = time.perf_counter()
        self.costs.append(time.process_time() - start)

    def _obey(self, wait: bool = False, seconds: float = 0.0) -> None:
        """Do what was asked for since the last time; ``wait`` blocks until there is something."""
        for _ in range(COMMANDS_AT_ONCE):  # a flood of commands must not keep the race from its steps
            try:
                if not (wait or self.connection.poll(seconds)):
                    return
                command = self.connection.recv()
            except (EOFError, OSError):
                raise _Gone from None
            wait, seconds = False, 0.0
            match command.get("do"):
                case "cancel":
                    raise _Cancelled
                case "exit":
                    raise _Gone
                case "pause":
                    self._set_paused(True)
                case "resume":
                    self._set_paused(False)
                case "step":
                    self._set_paused(True)
                    self.steps_due += 1
                case "speed":
                    self.speed = max(0.0, float(command.get("value") or 0))
                case "reheat":
                    self.race.reheat(int(command["lane"]), float(command["factor"]))

    def _set_paused(self, paused: bool) -> None:
        if paused != self.paused:
            self.paused = paused
            if paused:
                self._look()  # what is on the screen is then exactly where the race stands
            _send(self.connection, {"type": "state", "state": "paused" if paused else "running"})
