"""Races by token: their history, who watches them, and what becomes of them when nobody does.

Everything here runs on the server's event loop; what the pool's threads say is handed over to it. A race is known only by an unguessable token.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from typing import Any

from engine.frames import Message, encode
from engine.workers import Job, Pool

log = logging.getLogger(__name__)

GRACE_SECONDS = 90.0
KEEP_SECONDS = 900.0
MOST_RACES = 64
MOST_PICTURES, MOST_PICTURE_BYTES = 600, 48 * 2**20
SENT_PICTURES = 150


class Viewer:
    """One open page. Metrics wait for it, however slow it is; of pictures only the newest does."""

    def __init__(self) -> None:
        self.race: LiveRace | None = None
        self._queue: deque[bytes] = deque()
        self._picture: bytes | None = None
        self._something = asyncio.Event()
        self.dropped = 0

    def push(self, data: bytes, picture: bool = False) -> None:
        """Queue a message; a picture takes the place of one not yet sent."""
        if picture:
            self.dropped += self._picture is not None
            self._picture = data
        else:
            self._queue.append(data)
        self._something.set()

    def say(self, message: Message) -> None:
        self.push(encode(message))

    async def next(self) -> bytes:
        """The next message to send, waiting for one; metrics before pictures."""
        while not self._queue and self._picture is None:
            self._something.clear()
            await self._something.wait()
        if self._queue:
            return self._queue.popleft()
        data, self._picture = self._picture, None
        assert data is not None
        return data

    def clear(self) -> None:
        """Forget what was queued (another race begins)."""
        self._queue.clear()
        self._picture = None


class LiveRace:
    """A race and its history.

    Attributes:
        token: the only name it is known by.
        paused_by_leaving: whether it stands still because nobody watches, not because somebody wanted it to.
    """

    def __init__(self, token: str) -> None:
        self.token = token
        self.job: Job | None = None
        self.stage: bytes | None = None
        self.metrics: list[bytes] = []
        self.pictures: list[bytes] = []
        self.state: Message = {"type": "state", "state": "starting"}
        self.viewers: set[Viewer] = set()
        self.paused_by_leaving = False
        self.timer: asyncio.TimerHandle | None = None

    @property
    def running(self) -> bool:
        return self.job is not None and not self.job.over

    def keep(self, about: Message, data: bytes) -> None:
        """Into the history: all metrics; pictures thinned evenly when they grow too many, the first and the newest always there."""
        if about["type"] == "stage":
            self.stage = data
        elif about["type"] == "metrics":
            self.metrics.append(data)
        elif about["type"] == "picture":
            self.pictures.append(data)
            if len(self.pictures) > MOST_PICTURES or sum(map(len, self.pictures[-1:])) * len(self.pictures) > MOST_PICTURE_BYTES:
                self.pictures = self.pictures[:-1:2] + self.pictures[-1:]

    def tell_state(self, **extra: Any) -> Message:
        return {**self.state, "race": self.token, **extra}


class Hub:
    """All live races of a server.

    Args:
        pool: the processes that run them.
        grace: seconds a race without viewers keeps its process.
        keep: seconds the history of a race without viewers is kept after that.
    """

    def __init__(self, pool: Pool, grace: float = GRACE_SECONDS, keep: float = KEEP_SECONDS) -> None:
        self.pool, self.grace, self.keep = pool, grace, keep
        self.races: dict[str, LiveRace] = {}
        self._loop = asyncio.get_running_loop()

    def run(self, viewer: Viewer, experiment: Message) -> LiveRace:
        """Start a race for a viewer; the one they watched before is stopped if nobody else watches it.

        Args:
            viewer: who asked for it.
            experiment: JSON values, validated already.
        """
        before = viewer.race
        self._part(viewer)
        if before is not None and not before.viewers:
            self._end(before)
        race = LiveRace(secrets.token_urlsafe(24))
        self.races[race.token] = race
        self._forget_oldest()
        viewer.clear()
        self._join(viewer, race)
        viewer.say(race.tell_state())
        race.job = self.pool.submit(experiment, lambda about, data: self._hand_over(race, about, data))
        return race

    def attach(self, viewer: Viewer, token: str) -> bool:
        """Show a viewer a race from its first frame to now, and go on if it stood still only because nobody watched.

        Returns:
            False where there is no such race (any more).
        """
        race = self.races.get(token)
        if race is None:
            return False
        self._part(viewer)
        viewer.clear()
        self._join(viewer, race)
        if race.stage is not None:
            viewer.push(race.stage)
        for data in race.metrics:
            viewer.push(data)
        stride = max(1, len(race.pictures) // SENT_PICTURES)
        for data in race.pictures[::-1][::stride][::-1]:
            viewer.push(data)
        if race.paused_by_leaving and race.running:
            race.paused_by_leaving = False
            assert race.job is not None
            race.job.command({"do": "resume"})
        viewer.say(race.tell_state())
        return True

    def leave(self, viewer: Viewer) -> None:
        """A viewer's page is gone. The race they were the last to watch stands still at once."""
        self._part(viewer)

    def command(self, viewer: Viewer, command: Message) -> None:
        """Pass a command on to the viewer's race."""
        if viewer.race is not None and viewer.race.job is not None:
            viewer.race.job.command(command)

    def close(self) -> None:
        """Let go of every race."""
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
            if race.state["state"] != "paused":
                race.paused_by_leaving = True
                assert race.job is not None
                race.job.command({"do": "pause"})
            race.timer = self._loop.call_later(self.grace, self._grace_over, race)
        else:
            race.timer = self._loop.call_later(self.keep, self._forget, race)

    def _grace_over(self, race: LiveRace) -> None:
        race.timer = self._loop.call_later(self.keep, self._forget, race)
        if race.running:
            assert race.job is not None
            race.job.command({"do": "cancel"})

    def _end(self, race: LiveRace) -> None:
        """Stop and forget a race that its only viewer has replaced by another."""
        if race.running:
            assert race.job is not None
            race.job.command({"do": "cancel"})
        self._forget(race)

    def _forget(self, race: LiveRace) -> None:
        if race.timer is not None:
            race.timer.cancel()
        self.races.pop(race.token, None)

    def _forget_oldest(self) -> None:
        """Keep the number of histories bounded: the oldest race that nobody watches goes first."""
        idle = [race for race in self.races.values() if not race.viewers and not race.running]
        for race in idle[: max(0, len(self.races) - MOST_RACES)]:
            self._forget(race)

    def _hand_over(self, race: LiveRace, about: Message, data: bytes) -> None:
        """From a thread of the pool to the event loop."""
        try:
            self._loop.call_soon_threadsafe(self._receive, race, about, data)
        except RuntimeError:
            log.debug("the server is closing; a message of a race is dropped")

    def _receive(self, race: LiveRace, about: Message, data: bytes) -> None:
        if about["type"] == "state":
            self._receive_state(race, data)
            return
        if about["type"] == "problem":
            race.state = {"type": "state", "state": "ended"}
        race.keep(about, data)
        for viewer in race.viewers:
            viewer.push(data, picture=about["type"] == "picture")

    def _receive_state(self, race: LiveRace, data: bytes) -> None:
        from engine.frames import decode

        race.state = decode(data)
        if race.paused_by_leaving and race.state["state"] == "ended":
            race.state["sentence"] = "The race was stopped because nobody watched it. What was recorded is kept; press Run to race again."
        for viewer in race.viewers:
            viewer.say(race.tell_state())
