"""The code inside a worker process: wait for a race, run it, send frames about seventeen times a
second, handle commands.

Observation must not slow training down: the time for metrics and pictures is kept to a small share
of the whole, with fewer frames if they are expensive.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import time
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection
from statistics import median
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..system import environment

if TYPE_CHECKING:
    from ..any_race import AnyExperiment
    from ..combinatorial.race import CombinatorialRace
    from ..messages.encoding import Message

log = logging.getLogger(__name__)

LOOK_SECONDS = 1 / 17
LOOK_SECONDS_MOST = 2.0
LOOK_SHARE = 0.04
"""Largest share of the time spent on observation, in the long run."""
CLOSELY = 2
"""Steps are compared with −∇L in every n-th frame: as often as its curve has points to show."""
DETAIL_SHARE = 0.006
"""The part of `LOOK_SHARE` for details; metrics and pictures have the rest."""
DETAIL_SECONDS = 2.0
SEEDS_SHARE = 0.03
"""Largest share of the time spent on observing the seeds that are not followed; they are not in
every frame.
"""
SEEDS_SECONDS_MOST = 5.0
LOOKS_REMEMBERED = 15
WEIGHTS_BYTES = 4 * 2**20
"""The weights of all lanes are sent automatically if they have at most this many bytes."""
POLL_SECONDS = 0.01
"""Seconds between two checks for commands."""
COMMANDS_AT_ONCE = 100
CHANGES = ("reheat", "turn", "weight", "points", "plane", "follow", "kick", "cities")
"""Commands that change what is shown of a paused race."""


class _Cancelled(Exception):
    """Raised when the race must end now."""


class _Gone(Exception):
    """Raised when the server has closed the pipe."""


def serve(connection: Connection) -> None:
    """Run races until told to exit or the other end of the pipe is closed."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C is handled by the server, which closes the pipe
    parent = os.getppid()
    environment.prepare()
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
    from ..experiment.model import Experiment
    from ..messages.encoding import encode
    from ..race.race import Race

    spec = {
        "dataset": {"name": "moons", "points": 40},
        "lanes": ["annealing", "eki", "pso", "adam"],
        "budget": {"currency": "evaluations", "amount": 100},
        "device": "cpu",
    }
    for frame in Race(Experiment.parse(spec), marks=1):
        encode(frame.metrics)


def _race(connection: Connection, experiment: Message) -> None:
    """Run one race, from its first frame to the message that it is over."""
    from ..any_race import parse_experiment

    state: Message = {"type": "state", "state": "ended", "sentence": "The race was stopped."}
    try:
        RaceRunner(connection, parse_experiment(experiment)).run()
        state = {"type": "state", "state": "done"}
    except _Cancelled:
        state["calm"] = True
    except BadInput as error:
        state = {"type": "problem", "sentence": error.sentence}
    except _Gone:
        raise SystemExit(0) from None
    except (MemoryError, RuntimeError) as error:
        if (
            not isinstance(error, MemoryError)
            and "alloc" not in str(error)
            and "out of memory" not in str(error)
        ):
            log.exception("a race failed")
            state["sentence"] = (
                "The race stopped because of an error in Kelvin, which is in the server's log. "
                "What was recorded up to here is kept."
            )
        else:
            state["sentence"] = (
                "The race ran out of memory. What was recorded up to here is kept; a smaller "
                "population, batch or network will fit."
            )
    except Exception:
        log.exception("a race failed")
        state["sentence"] = (
            "The race stopped because of an error in Kelvin, which is in the server's log. What "
            "was recorded up to here is kept."
        )
    try:
        _send(connection, state)
    except _Gone:
        raise SystemExit(0) from None


def _send(connection: Connection, message: Message) -> None:
    """Send the type and state of a message, for the pool, and its bytes, for everyone else."""
    from ..messages.encoding import encode

    data = encode(message)
    try:
        connection.send(
            {
                key: message[key]
                for key in ("type", "state", "k", "passing", "seed")
                if key in message
            }
        )
        connection.send_bytes(data)
    except OSError:
        raise _Gone from None


def _bytes(weights: Message) -> int:
    """Return the size of the tensors in a message of weights."""
    return sum(one.nbytes for one in weights["lanes"])


def _listening(connection: Connection) -> Callable[[], bool]:
    """Return a function that checks whether a command has arrived. `Connection.poll` allocates at
    every call: twenty microseconds between two steps of a race.
    """
    if not (isinstance(connection, Connection) and hasattr(select, "poll")):
        return connection.poll
    poller = select.poll()
    poller.register(connection, select.POLLIN)
    return lambda: bool(poller.poll(0))


class RaceRunner:
    """Run one race in a worker: take steps, send frames, handle commands."""

    def __init__(self, connection: Connection, experiment: AnyExperiment) -> None:
        from ..any_race import race_of
        from ..race.seed_races import SeedRaces

        self.connection, self.heard = connection, _listening(connection)
        self.race = race_of(experiment)
        self.seeds = self.race if isinstance(self.race, SeedRaces) else None
        """The race, if it has several seeds."""
        self.seeds_at, self.seeds_wait = -1e9, 0.0
        self.k = 0
        self.speed = 0.0
        self.paused = False
        self.steps_due: deque[bool] = deque()
        """Requested steps still to be taken, and whether to show the phases of each."""
        self.changed = self.weights_wanted = False
        self.looked_at = self.detailed_at = -1e9
        self.wait = LOOK_SECONDS
        self.costs: deque[float] = deque(maxlen=LOOKS_REMEMBERED)
        self.detail_costs: deque[float] = deque(maxlen=LOOKS_REMEMBERED)

    def run(self) -> None:
        """Run the race to its end. This process does nothing else meanwhile, so the race's number
        of threads may hold throughout.
        """
        try:
            with self.race.settled():
                self._run()
        finally:
            self.race.close()

    def _run(self) -> None:
        race = self.race
        _send(self.connection, race.stage())
        self._look()
        _send(self.connection, {"type": "state", "state": "running"})
        self._obey()  # commands sent while the race waited in the queue
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
                # Lanes take turns as always; the slowest lane's steps set the pace.
                fewest = min(lane.step for lane in race.running)
                wait = paced + 1 / self.speed - now
                if wait > 0:
                    self._obey(seconds=min(wait, 0.05))
                    continue
                paced = max(paced + 1 / self.speed, now - 1 / self.speed)
                while min((lane.step for lane in race.running), default=fewest + 1) <= fewest:
                    race.advance()
            else:
                race.advance()
            if self._may_look():
                self._look()
                self._detail_if_due()
        self._look(closely=True)
        for message in race.last_messages(self.k - 1):
            if _bytes(message["last"]["weights"]) * race.began.seeds > WEIGHTS_BYTES:
                message["last"]["weights"] = None
            _send(self.connection, message)

    def _single_step(self) -> None:
        """Take one step of every lane that still runs, with its phases if requested, then send a
        frame.
        """
        in_stages = self.steps_due.popleft()
        followed: Any = self.race.followed
        for lane in self.race.running:
            if in_stages and any(lane is one for one in followed.lanes):
                _send(self.connection, followed.step_in_phases(lane, self.k))
            else:
                self.race.advance_lane(lane)  # type: ignore[arg-type]  # a lane of this race
        self._look(closely=not self.steps_due)

    def _may_look(self) -> bool:
        """Return whether a frame is due: about seventeen times a second, or less often if frames
        are expensive.
        """
        return time.perf_counter() - self.looked_at >= self.wait

    def _look(self, closely: bool = False) -> None:
        """Send a frame; with ``closely``, also the detail and the weights of the same moment, which
        there is time for while the race is paused.
        """
        # Processor time and not wall-clock time: on a busy machine a frame takes longer without
        # costing training more.
        start = time.process_time()
        near = closely or self.k % CLOSELY == 0
        if self.seeds is None:
            frame = self.race.frame(self.k, near)
        else:
            everyone = closely or time.perf_counter() - self.seeds_at >= self.seeds_wait
            if everyone:
                self._look_at_seeds()
                start = time.process_time()
            frame = self.seeds.frame(self.k, near, everyone)
        _send(self.connection, frame.metrics)
        if frame.picture is not None:
            _send(self.connection, frame.picture)
        self.k += 1
        self.changed = False
        self.looked_at = time.perf_counter()
        self.costs.append(time.process_time() - start)
        # The median ignores the rare frame that computes a new landscape.
        self.wait = min(
            LOOK_SECONDS_MOST,
            max(
                LOOK_SECONDS,
                median(self.costs) / (LOOK_SHARE - DETAIL_SHARE) if len(self.costs) >= 3 else 0.0,
            ),
        )
        if closely:
            troubles = self.race.troubles
            self._detail()
            self._send_weights(unasked=True)
            if self.race.troubles != troubles:  # observing a lane has ended it
                self._look()

    def _look_at_seeds(self) -> None:
        """Observe the seeds that are not followed, for the next frame, and choose when to do so
        again.
        """
        assert self.seeds is not None
        start = time.process_time()
        self.seeds.look_at_others(self.k)
        self.seeds_at = time.perf_counter()
        cost = (time.process_time() - start) / SEEDS_SHARE
        self.seeds_wait = min(SEEDS_SECONDS_MOST, cost)

    def _detail_if_due(self) -> None:
        """Send a detail every two seconds, or less often if it is expensive."""
        since = time.perf_counter() - self.detailed_at
        if since >= DETAIL_SECONDS and (
            not self.detail_costs or since >= median(self.detail_costs) / DETAIL_SHARE
        ):
            self._detail()

    def _detail(self) -> None:
        """Send the detail of the newest frame."""
        start = time.process_time()
        _send(self.connection, self.race.detail(self.k - 1))
        self.detailed_at = time.perf_counter()
        self.detail_costs.append(time.process_time() - start)

    def _send_weights(self, unasked: bool = False) -> None:
        """Send every lane's weights; without a request only if they are few."""
        from ..combinatorial.race import CombinatorialRace

        if unasked and isinstance(self.race, CombinatorialRace):
            return  # its pictures hold the tours
        weights = self.race.weights(self.k - 1)
        if not unasked or _bytes(weights) <= WEIGHTS_BYTES:
            _send(self.connection, weights)

    def _obey(self, wait: bool = False, seconds: float = 0.0) -> None:
        """Handle the commands since the last time; ``wait`` blocks until there is one."""
        for _ in range(COMMANDS_AT_ONCE):  # many commands must not keep the race from its steps
            try:
                if not (wait or (self.connection.poll(seconds) if seconds else self.heard())):
                    break
                command = self.connection.recv()
            except (EOFError, OSError):
                raise _Gone from None
            wait, seconds = False, 0.0
            try:
                self._do(command)
            except BadInput as error:  # reported, and the race continues
                _send(self.connection, {"type": "problem", "passing": True, "sentence": str(error)})
        if self.paused and self.changed and not self.steps_due:
            self._look(closely=True)  # so that the screen shows what was done
        if self.weights_wanted:
            self.weights_wanted = False
            self._send_weights()

    def _do(self, command: Message) -> None:
        """Handle one command.

        Raises:
            BadInput: this race cannot do that.
        """
        from ..combinatorial.race import CombinatorialRace

        race, do = self.race, command.get("do")
        match do:
            case "cancel":
                raise _Cancelled
            case "exit":
                raise _Gone
            case "pause":
                self._set_paused(True)
            case "resume":
                self._set_paused(False)
            case "step" | "stages":
                self._set_paused(True)
                self.steps_due.append(do == "stages")
            case "speed":
                self.speed = max(0.0, float(command.get("value") or 0))
            case "reheat":
                lane = int(command["lane"])
                if not race.reheat(lane, float(command["factor"])):
                    raise BadInput("lane", lane, "a lane whose method has a temperature")
            case "turn":
                race.set_hyperparameter(int(command["lane"]), command["field"], command["value"])
            case "weight":
                race.put_weight(
                    int(command["lane"]), int(command["index"]), float(command["value"])
                )
            case "points":
                race.set_points(command["points"])
            case "kick":
                self._on_map(do).kick(int(command["lane"]))
            case "cities":
                self._on_map(do).set_cities(
                    command.get("move", ()), command.get("drop", ()), command.get("add", ())
                )
            case "plane":
                if isinstance(race, CombinatorialRace):
                    raise BadInput("do", do, "a race of networks")
                race.observer.choose_plane(command["kind"])
            case "follow":
                if self.seeds is None:
                    raise BadInput("seed", command["seed"], "a race of several seeds")
                self.seeds.follow(int(command["seed"]))
                _send(self.connection, self.seeds.seed_message(self.seeds.place, self.k))
                self.looked_at = -1e9
            case "weights":
                self.weights_wanted = True
        self.changed = self.changed or do in CHANGES

    def _on_map(self, do: str) -> CombinatorialRace:
        """Return the race if its cities are on a map.

        Raises:
            BadInput: it is one of networks.
        """
        from ..combinatorial.race import CombinatorialRace

        if not isinstance(self.race, CombinatorialRace):
            raise BadInput("do", do, "a race on a map")
        return self.race

    def _set_paused(self, paused: bool) -> None:
        if paused != self.paused:
            self.paused = paused
            self.race.hold(paused)
            if paused:
                self._look(
                    closely=True
                )  # so that the screen shows exactly the race's present state
            _send(self.connection, {"type": "state", "state": "paused" if paused else "running"})
