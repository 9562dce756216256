"""Live races by token: their history, their viewers, and their end without viewers.

Everything here runs on the server's event loop; messages from the pool's threads are handed over to
it. A race is only identified by an unguessable token.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter, deque
from typing import Any

from app.live.album import MOST_METRICS, Album, Ledger
from app.text import t
from engine.errors import BadInput
from engine.messages.encoding import Message, decode, encode
from engine.workers.pool import Job, Pool

log = logging.getLogger(__name__)

GRACE_SECONDS = 90.0
SHORT_GRACE_SECONDS = 5.0
"""Seconds a race without viewers is kept while others wait for a process: enough for a reload."""
KEEP_SECONDS = 600.0
MOST_RACES = 64
SENT_PICTURES = 150
MOST_DETAILS = 40
MOST_WEIGHT_BYTES = 4 * 2**20 + 2**16
"""Limit on the weights kept with a race: those that a worker sends automatically."""
MOST_QUEUED = {"metrics": MOST_METRICS + 2000, "stages": 64, "problem": 64, "state": 64, "seed": 64}
"""Messages of a kind that wait for a slow viewer. If there are more, every second one is dropped
for metrics, the oldest for others.
"""
MOST_QUEUED_BYTES = 32 * 2**20
"""Limit for metrics and stages."""
REPLACED = ("picture", "detail", "weights")
"""Messages of which a slow viewer gets only the newest: each is complete in itself."""


class ServerBusy(Exception):
    """Raised when too many races are running or waiting, with viewers, to accept one more."""

    def __init__(self) -> None:
        super().__init__(t("server.full", most=MOST_RACES))


class Viewer:
    """One open page. Metrics are queued for it, evenly thinned if it is too slow for them; of
    pictures, details and weights only the newest is.
    """

    def __init__(self) -> None:
        self.race: LiveRace | None = None
        self._queue: deque[tuple[str, bytes]] = deque()
        self._newest: dict[str, bytes] = {}
        self._something = asyncio.Event()
        self._waiting: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self.dropped = 0

    def push(self, data: bytes, kind: str = "") -> None:
        """Queue a message; one of a kind in `REPLACED` replaces one that is not yet sent."""
        if kind in REPLACED:
            self.dropped += self._newest.pop(kind, None) is not None
            self._newest[kind] = data
        else:
            self._queue.append((kind, data))
            self._waiting[kind] += 1
            self._bytes[kind] += len(data)
            if kind in MOST_QUEUED and (
                self._waiting[kind] > MOST_QUEUED[kind]
                or (self._bytes[kind] > MOST_QUEUED_BYTES and self._waiting[kind] > 2)
            ):
                self._shorten(kind)
        self._something.set()

    def _shorten(self, kind: str) -> None:
        """Drop half of the messages of a kind, for a viewer that does not read them."""
        own = [data for one, data in self._queue if one == kind]
        if kind == "metrics":
            ledger = Ledger(len(own), MOST_QUEUED_BYTES * 2)
            for data in own:
                ledger.add(data)
            kept = ledger.halved()
        else:
            kept = own[len(own) // 2 :]
        self.dropped += len(own) - len(kept)
        # They take the queue positions of the newest: everything sent before those must still be
        # sent before them.
        places = len(own) - len(kept)
        left, queue = iter(kept), deque[tuple[str, bytes]]()
        for one, data in self._queue:
            if one != kind:
                queue.append((one, data))
            elif places:
                places -= 1
            else:
                queue.append((kind, next(left)))
        self._queue = queue
        self._waiting[kind], self._bytes[kind] = len(kept), sum(map(len, kept))

    def say(self, message: Message) -> None:
        self.push(encode(message), message["type"] if message["type"] in MOST_QUEUED else "")

    async def next(self) -> bytes:
        """Wait for the next message to send; metrics first."""
        while not self._queue and not self._newest:
            self._something.clear()
            await self._something.wait()
        if self._queue:
            kind, data = self._queue.popleft()
            self._waiting[kind] -= 1
            self._bytes[kind] -= len(data)
            return data
        return self._newest.pop(next(iter(self._newest)))

    def clear(self) -> None:
        """Drop all queued messages (another race begins)."""
        self._queue.clear()
        self._newest.clear()
        self._waiting.clear()
        self._bytes.clear()


class LiveRace:
    """A race and its history.

    Attributes:
        token: its only identifier.
        lanes: how many it has.
        wants_pause: whether its visitor has paused it. The last command counts, not the last
            reported state, which is later.
        paused_by_leaving: whether it was paused because it has no viewer, and not by a command.
        abandoned: whether it was stopped because no viewer returned.
    """

    def __init__(self, token: str, lanes: int) -> None:
        self.token, self.lanes = token, lanes
        self.job: Job | None = None
        self.stage: bytes | None = None
        self.metrics = Ledger()
        self.pictures = Album()
        self.details = Album(MOST_DETAILS)
        self.weights: bytes | None = None
        self.seeds: dict[int, bytes] = {}
        """The newest message of every seed that was followed, or has ended."""
        self.stages: list[bytes] = []
        self._stages_of = -1
        self.state: Message = {"type": "state", "state": "starting"}
        self.viewers: set[Viewer] = set()
        self.wants_pause = self.paused_by_leaving = self.abandoned = False
        self.timer: asyncio.TimerHandle | None = None
        self.left_at = 0.0

    @property
    def running(self) -> bool:
        return self.job is not None and not self.job.over

    def keep(self, about: Message, data: bytes) -> None:
        """Add a message to the history: metrics to a `Ledger`, pictures and details to an `Album`,
        the newest weights, and the phases of the last step.
        """
        if about["type"] == "stage":
            self.stage = data
        elif about["type"] == "metrics":
            self.metrics.add(data)
            if about["k"] > self._stages_of:
                self.stages.clear()
        elif about["type"] == "picture":
            self.pictures.add(data)
        elif about["type"] == "detail":
            self.details.add(data)
        elif about["type"] == "weights":
            self.weights = (
                data if len(data) <= MOST_WEIGHT_BYTES else None
            )  # larger ones were requested by a page, which has them now
        elif about["type"] == "seed":
            self.seeds[about["seed"]] = data
        elif about["type"] == "stages":
            if about["k"] > self._stages_of:
                self.stages, self._stages_of = [], about["k"]
            self.stages.append(data)

    def tell_state(self, **extra: Any) -> Message:
        return {**self.state, "race": self.token, **extra}


class Hub:
    """All live races of a server.

    Args:
        pool: the processes that run them.
        grace: seconds a race without viewers keeps its process.
        keep: seconds the history of a race without viewers is kept after that.
    """

    def __init__(
        self, pool: Pool, grace: float = GRACE_SECONDS, keep: float = KEEP_SECONDS
    ) -> None:
        self.pool, self.grace, self.keep = pool, grace, keep
        self.races: dict[str, LiveRace] = {}
        self._loop = asyncio.get_running_loop()

    def run(self, viewer: Viewer, experiment: Message) -> LiveRace:
        """Start a race for a viewer; their previous race is stopped if it has no other viewers.

        Args:
            viewer: who started it.
            experiment: JSON values, already validated.

        Raises:
            Full: too many races are running or waiting to accept one more.
        """
        before = viewer.race
        self._part(viewer)
        if before is not None and not before.viewers:
            self._end(before)
        self._make_room()
        race = LiveRace(secrets.token_urlsafe(24), len(experiment["lanes"]))
        self.races[race.token] = race
        viewer.clear()
        self._join(viewer, race)
        viewer.say(race.tell_state())
        race.job = self.pool.submit(
            experiment, lambda about, data: self._hand_over(race, about, data)
        )
        return race

    def attach(self, viewer: Viewer, token: str) -> bool:
        """Send a viewer a race from its first frame to now, and resume it if it was paused only
        because it had no viewers.

        Returns:
            False if there is no such race (any more).
        """
        race = self.races.get(token)
        if race is None:
            return False
        self._part(viewer)
        viewer.clear()
        self._join(viewer, race)
        if race.stage is not None:
            viewer.push(race.stage)
        for data in race.seeds.values():
            viewer.push(data)
        for data in race.metrics:
            viewer.push(data, "metrics")
        for data in (
            *race.pictures.sample(SENT_PICTURES),
            *race.details.sample(MOST_DETAILS),
            *race.stages,
        ):
            viewer.push(data)
        if race.weights is not None:
            viewer.push(race.weights)
        if race.paused_by_leaving and race.running:
            race.paused_by_leaving = False
            assert race.job is not None
            race.job.command({"do": "resume"})
        viewer.say(race.tell_state())
        return True

    def leave(self, viewer: Viewer) -> None:
        """Remove a viewer whose page is gone. A race without viewers pauses at once."""
        self._part(viewer)

    def command(self, viewer: Viewer, command: Message) -> None:
        """Send a command to the viewer's race.

        Raises:
            BadInput: the race has no such lane.
        """
        race = viewer.race
        if race is None or race.job is None:
            return
        match command["do"]:
            case "pause" | "step" | "stages":
                race.wants_pause = True
            case "resume":
                race.wants_pause = False
            case "reheat" | "turn" | "weight" | "kick" if command["lane"] not in range(race.lanes):
                raise BadInput(
                    "lane", command["lane"], t("server.whole-number", high=race.lanes - 1)
                )
        race.job.command(command)

    def close(self) -> None:
        """Stop and forget every race."""
        for race in self.races.values():
            if race.timer is not None:
                race.timer.cancel()
        self.races.clear()

    def _join(self, viewer: Viewer, race: LiveRace) -> None:
        viewer.race = race
        race.viewers.add(viewer)
        if race.timer is not None:
            race.timer.cancel()
            race.timer = None

    def _part(self, viewer: Viewer) -> None:
        race, viewer.race = viewer.race, None
        if race is None:
            return
        race.viewers.discard(viewer)
        if race.viewers:
            return
        if race.running:
            if not race.wants_pause:
                race.paused_by_leaving = True
                assert race.job is not None
                race.job.command({"do": "pause"})
            race.left_at = self._loop.time()
            race.timer = self._loop.call_later(
                min(self.grace, SHORT_GRACE_SECONDS), self._short_grace_over, race
            )
        else:
            race.timer = self._loop.call_later(self.keep, self._forget, race)

    def _short_grace_over(self, race: LiveRace) -> None:
        """Stop a race without viewers if others wait for a process; otherwise, or if it holds no
        process itself, it has the rest of its grace.
        """
        left = race.left_at + self.grace - self._loop.time()
        in_the_way = race.job is not None and race.job.place == 0 and self.pool.waiting > 0
        if left <= 0 or in_the_way:
            self._grace_over(race)
        else:
            race.timer = self._loop.call_later(
                min(left, SHORT_GRACE_SECONDS), self._short_grace_over, race
            )

    def _grace_over(self, race: LiveRace) -> None:
        race.timer = self._loop.call_later(self.keep, self._forget, race)
        if race.running:
            assert race.job is not None
            race.abandoned = True
            race.job.command({"do": "cancel"})

    def _end(self, race: LiveRace) -> None:
        """Stop and forget a race, for example one that its only viewer has replaced by another."""
        if race.running:
            assert race.job is not None
            race.job.command({"do": "cancel"})
        self._forget(race)

    def _forget(self, race: LiveRace) -> None:
        if race.timer is not None:
            race.timer.cancel()
        self.races.pop(race.token, None)

    def _make_room(self) -> None:
        """Keep the number of races bounded: the oldest is removed first among those that are over
        and have no viewers, then those that are over, then those without viewers. A running race
        with viewers is never removed.
        """
        if len(self.races) < MOST_RACES:
            return
        order = sorted(
            self.races.values(), key=lambda race: (race.running, bool(race.viewers))
        )  # stable: the oldest first among equals
        if order[0].running and order[0].viewers:
            raise ServerBusy
        self._end(order[0])

    def _hand_over(self, race: LiveRace, about: Message, data: bytes) -> None:
        """Pass a message from a thread of the pool to the event loop."""
        try:
            self._loop.call_soon_threadsafe(self._receive, race, about, data)
        except RuntimeError:
            log.debug("the server is closing; a message of a race is dropped")

    def _receive(self, race: LiveRace, about: Message, data: bytes) -> None:
        if about["type"] == "state":
            self._receive_state(race, decode(data))
            return
        race.keep(about, data)
        for viewer in race.viewers:
            viewer.push(data, about["type"])
        if about["type"] == "problem" and not about.get(
            "passing"
        ):  # an error in the worker is its last message about a race
            self._receive_state(
                race, {"type": "state", "state": "ended", "sentence": decode(data)["sentence"]}
            )

    def _receive_state(self, race: LiveRace, state: Message) -> None:
        race.state = state
        if race.abandoned and state["state"] == "ended":
            state["sentence"] = t("server.unwatched")
        for viewer in race.viewers:
            viewer.say(race.tell_state())
