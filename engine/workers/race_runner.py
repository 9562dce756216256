"""One race in a worker process: steps, frames about seventeen times a second, commands.

A race is run in slices, so that several share a process: `RaceRunner.run` is a generator that
yields whenever its slice is over, or when there is nothing to do before the next command.

Observation must not slow training down: the time for metrics and pictures is kept to a small share
of the race's own time, with fewer frames if they are expensive.
"""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from ..errors import BadInput
from ..system import settings

if TYPE_CHECKING:
    from ..any_race import AnyExperiment, AnyRace
    from ..combinatorial.race import CombinatorialRace
    from ..messages.encoding import Message

log = logging.getLogger(__name__)

UNSAVED = (OSError, ValueError, RuntimeError, MemoryError, SafetensorError)
"""What may happen when a checkpoint is written, and is no reason to end the race."""

LOOK_SECONDS = 1 / 17
LOOK_SECONDS_MOST, LOOK_SHARE_MOST = 2.0, 0.2
"""A frame comes at least so often, unless it takes so large a share of the time."""
LOOK_SHARE = 0.04
"""Largest share of a race's own time spent on observation, in the long run."""
SHARED_LOOKS = 5
"""By how much that share may grow where several races share a process: each then has a part of the
time only, and would be shown too rarely.
"""
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
SLICE_SECONDS = 0.1
SAVE_SECONDS, SAVE_SHARE = 1.0, 0.02
"""A checkpoint is written so often, or less often if that would take more of a race's time."""
COMMANDS_AT_ONCE = 100
MOST_SECONDS = 86_400.0
"""How much time of a processor a race may take where the server sets no other limit."""
FOR_EVER = math.inf
CHANGES = ("reheat", "turn", "weight", "points", "plane", "follow", "kick", "cities")
"""Commands that change what is shown of a paused race."""
SHOWN_ONLY = ("weights", "copy", "pause", "resume", "speed")
"""Commands that change nothing of a race itself, so that no checkpoint is due."""


class Cancelled(Exception):
    """Raised when the race must end now."""


class TimeUp(Exception):
    """Raised when the race has taken all the time that the server allows."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"This server lets a race take {seconds:,.0f} seconds of a processor, and it has. What "
            f"was recorded up to here is kept."
        )


def _bytes(weights: Message) -> int:
    """Return the size of the tensors in a message of weights."""
    return sum(one.nbytes for one in weights["lanes"])


class RaceRunner:
    """Run one race in a worker: take steps, send frames, handle commands.

    Args:
        experiment: the race.
        send: passes a message on.
        listen: looks for commands to any race of this process and puts those to this one into
            ``inbox``.
        keep: the file of its checkpoints, or None. If it is there, the race goes on from it.
        job: whose numbers its commands have.

    Raises:
        BadInput: the race cannot run here.

    Attributes:
        inbox: commands that were not yet handled.
        neighbours: how many races with something to do share the process, this one included.
        used: seconds that this race had of the process.
        until: the time at which its slice is over.
    """

    def __init__(
        self,
        experiment: AnyExperiment,
        send: Callable[[Message], None],
        listen: Callable[[], None] = lambda: None,
        keep: Path | None = None,
        job: str = "",
    ) -> None:
        from ..any_race import can_be_saved, race_of
        from ..race.seed_races import SeedRaces

        self.send, self.listen, self.keep = send, listen, keep
        self.inbox: deque[Message] = deque()
        self.neighbours = 1
        self.used = 0.0
        self._slice_began = time.perf_counter()
        self.until = self._slice_began + SLICE_SECONDS
        resumed = self._resumed(experiment)
        self.race, before = resumed or (race_of(experiment), {})
        if keep is not None and not can_be_saved(self.race):
            self.keep = None
            self._tell_unsaved("a solver outside runs on its own")
        self.saved_at, self.save_cost = self._slice_began, 0.0
        self._saved_used, self._saved_steps = 0.0, -1
        self._changes = self._saved_changes = 0
        self.seeds = self.race if isinstance(self.race, SeedRaces) else None
        """The race, if it has several seeds."""
        self.seeds_at, self.seeds_wait = -1e9, 0.0
        self.k = int(before.get("k", 0))
        self.job = job
        known = int(before.get("heard", 0)) if before.get("job") == job else 0
        self.last_command = self._saved_command = known
        """The number of the last command that was obeyed."""
        self._used_before = float(before.get("used", 0.0))
        self.most_seconds = settings.seconds(MOST_SECONDS)
        self.speed = float(before.get("speed", 0.0))
        self.paused = bool(before.get("paused", False))
        self._resumes = resumed is not None
        if self._resumes:  # what was just read need not be written again
            self._saved_steps = sum(lane.step for lane in self.race.lanes)
        self.steps_due: deque[bool] = deque()
        """Requested steps still to be taken, and whether to show the phases of each."""
        self.changed = self.weights_wanted = False
        self.looked_at = self.detailed_at = -1e9
        self._looked_used = self._detailed_used = -1e9
        self.wait, self.longest = 0.0, LOOK_SECONDS_MOST
        self.costs: deque[float] = deque(maxlen=LOOKS_REMEMBERED)
        self.detail_costs: deque[float] = deque(maxlen=LOOKS_REMEMBERED)

    def _resumed(self, experiment: AnyExperiment) -> tuple[AnyRace, Message] | None:
        """Return the race of the checkpoint, and how this one stood then; None if there is none.

        Raises:
            BadInput: it cannot be read, or is of another experiment. The race does not begin anew
                then: that would cost what was recorded of it.
        """
        from ..any_race import load_checkpoint

        if self.keep is None or not self.keep.is_file():
            return None
        try:
            race, before = load_checkpoint(self.keep)
        except BadInput as error:  # without the name of the file, which is the race's token
            raise BadInput("checkpoint", "of this race", error.allowed) from None
        if race.began.to_json() != experiment.to_json():
            raise BadInput("checkpoint", "of another experiment", "one of this race")
        return race, before

    def slice(self, work: Iterator[float], seconds: float) -> float | None:
        """Continue for a slice, with the race's own number of threads and precision.

        Args:
            work: what `run` returned.
            seconds: the length of the slice; a step is never interrupted.

        Returns:
            For how many seconds there is nothing to do unless a command comes; None when the race
            is over.
        """
        self._slice_began = time.perf_counter()
        self.until = self._slice_began + seconds
        try:
            with self.race.settled():
                return next(work, None)
        finally:
            self.used += time.perf_counter() - self._slice_began

    def run(self) -> Iterator[float]:
        """Run the race to its end. Yields for how many seconds there is nothing to do."""
        try:
            yield from self._run()
        finally:
            self.race.close()

    @property
    def own_time(self) -> float:
        """Return the seconds that this race had of the process up to now."""
        return self.used + time.perf_counter() - self._slice_began

    def _run(self) -> Iterator[float]:
        race = self.race
        if self._resumes:
            self.send({"type": "resumed", "k": self.k})
        self.send(race.stage())
        self._look(closely=self.paused)
        if self.paused:
            race.hold(True)
        self.send({"type": "state", "state": "paused" if self.paused else "running"})
        self._obey()  # commands sent while the race waited in the queue
        polled = paced = time.perf_counter()
        fewest = 0
        while not race.finished:
            now = time.perf_counter()
            if now - polled >= POLL_SECONDS or self.inbox:
                self.listen()
                self._obey()
                polled = now = time.perf_counter()
            if self.paused and not self.steps_due:
                self._save_if_due(at_once=True)
                yield FOR_EVER
                continue
            if now >= self.until:
                if self._used_before + self.own_time > self.most_seconds:
                    raise TimeUp(self.most_seconds)
                self._save_if_due()
                yield 0.0
            if self.steps_due:
                self._single_step()
                continue
            if self.speed:
                # Lanes take turns as always; the slowest lane's steps set the pace.
                fewest = min(lane.step for lane in race.running)
                wait = paced + 1 / self.speed - now
                if wait > 0:
                    self._save_if_due()
                    yield min(wait, 0.05)
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
            self.send(message)

    def _save_if_due(self, at_once: bool = False) -> None:
        """Write a checkpoint, about every second, if anything has changed since the last.

        Args:
            at_once: without waiting for that second.
        """
        if self.keep is None:
            return
        steps = sum(lane.step for lane in self.race.lanes)
        if (steps, self._changes) == (self._saved_steps, self._saved_changes):
            return
        now = time.perf_counter()
        own = self.own_time - self._saved_used
        if not at_once and (
            now - self.saved_at < SAVE_SECONDS or own < self.save_cost / SAVE_SHARE
        ):
            return
        start = time.process_time()
        self._save(self.keep)
        self.save_cost = time.process_time() - start
        self.saved_at, self._saved_used = now, self.own_time
        self._saved_steps, self._saved_changes = steps, self._changes
        if self.keep is not None and self.last_command > self._saved_command:
            self._saved_command = self.last_command
            self.send({"type": "saved", "heard": self.last_command})

    def _save(self, path: Path) -> None:
        """Write a checkpoint; if that fails, tell why and try no more."""
        try:
            self._write(path)
        except UNSAVED as error:
            log.warning("a race is not saved: %s", getattr(error, "strerror", None) or error)
            self.keep = None
            self._tell_unsaved(getattr(error, "strerror", None) or str(error) or "no memory")

    def _tell_unsaved(self, why: str) -> None:
        self.send(
            {
                "type": "problem",
                "passing": True,
                "unsaved": True,
                "sentence": (
                    f"This race cannot be saved ({why}). It goes on, but would be lost if the "
                    f"server were stopped."
                ),
            }
        )

    def _copy(self, path: Path) -> None:
        """Write a checkpoint to another file, from which a copy of the race can go on."""
        done = True
        try:
            self._write(path)
        except UNSAVED as error:
            log.warning("a race is not copied: %s", getattr(error, "strerror", None) or error)
            done = False
        self.send({"type": "copied", "k": self.k, "to": str(path), "done": done})

    def _write(self, path: Path) -> None:
        from ..any_race import state_of
        from ..system import checkpoint_file

        how = {
            "k": self.k,
            "speed": self.speed,
            "paused": self.paused,
            "heard": self.last_command,
            "job": self.job,
            "used": self._used_before + self.own_time,
        }
        checkpoint_file.write(path, {**state_of(self.race), "runner": how})

    def _single_step(self) -> None:
        """Take one step of every lane that still runs, with its phases if requested, then send a
        frame.
        """
        in_stages = self.steps_due.popleft()
        followed: Any = self.race.followed
        for lane in self.race.running:
            if in_stages and any(lane is one for one in followed.lanes):
                self.send(followed.step_in_phases(lane, self.k))
            else:
                self.race.advance_lane(lane)  # type: ignore[arg-type]  # a lane of this race
        self._look(closely=not self.steps_due)

    def _may_look(self) -> bool:
        """Return whether a frame is due: about seventeen times a second, or less often if frames
        are expensive.
        """
        since = time.perf_counter() - self.looked_at
        if since < LOOK_SECONDS:
            return False
        own, neighbours = self.own_time - self._looked_used, self.neighbours
        return (
            own >= self.wait / min(neighbours, SHARED_LOOKS) or since >= self.longest * neighbours
        )

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
        self.send(frame.metrics)
        if frame.picture is not None:
            self.send(frame.picture)
        self.k += 1
        self.changed = False
        self.looked_at, self._looked_used = time.perf_counter(), self.own_time
        self.costs.append(time.process_time() - start)
        # The median ignores the rare frame that computes a new landscape.
        if len(self.costs) >= 3:
            cost = median(self.costs)
            self.wait = cost / (LOOK_SHARE - DETAIL_SHARE)
            self.longest = max(LOOK_SECONDS_MOST, cost / LOOK_SHARE_MOST)
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
        own = self.own_time - self._detailed_used
        share = DETAIL_SHARE * min(self.neighbours, SHARED_LOOKS)
        if since >= DETAIL_SECONDS and (
            not self.detail_costs or own >= median(self.detail_costs) / share
        ):
            self._detail()

    def _detail(self) -> None:
        """Send the detail of the newest frame."""
        start = time.process_time()
        self.send(self.race.detail(self.k - 1))
        self.detailed_at, self._detailed_used = time.perf_counter(), self.own_time
        self.detail_costs.append(time.process_time() - start)

    def _send_weights(self, unasked: bool = False) -> None:
        """Send every lane's weights; without a request only if they are few."""
        from ..combinatorial.race import CombinatorialRace

        if unasked and isinstance(self.race, CombinatorialRace):
            return  # its pictures hold the tours
        weights = self.race.weights(self.k - 1)
        if not unasked or _bytes(weights) <= WEIGHTS_BYTES:
            self.send(weights)

    def _obey(self) -> None:
        """Handle the commands since the last time."""
        for _ in range(COMMANDS_AT_ONCE):  # many commands must not keep the race from its steps
            if not self.inbox:
                break
            command = self.inbox.popleft()
            number = command.pop("number", None)
            if number is not None and number <= self.last_command:
                continue  # it is in the checkpoint that this race goes on from
            try:
                self._do(command)
            except BadInput as error:  # reported, and the race continues
                self.send({"type": "problem", "passing": True, "sentence": str(error)})
            self.last_command = self.last_command if number is None else number
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
                raise Cancelled
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
                self.send(self.seeds.seed_message(self.seeds.place, self.k))
                self.looked_at = -1e9
            case "weights":
                self.weights_wanted = True
            case "copy":
                self._copy(Path(command["to"]))
        self._changes += do not in SHOWN_ONLY
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
                # So that the screen shows exactly the race's present state.
                self._look(closely=True)
            self.send({"type": "state", "state": "paused" if paused else "running"})
