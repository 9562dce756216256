"""Live races by token: their history, their viewers, and their end without viewers.

Everything here runs on the server's event loop; messages from the pool's threads are handed over to
it. A race is only identified by an unguessable token; another token lets others watch it.

The same experiment asked for twice is one race with two viewers, until one of them changes
something: then it goes on for them as a copy. Races are kept on the disk, if there is a store: one
whose process or server died, or that nobody watched for a while, goes on from its last checkpoint
when somebody looks at it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import secrets
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any

from app.experiments import AnyExperiment
from app.live.album import MOST_METRICS, Album, Ledger, evenly, size_of
from app.storage.index import RESULTS, Row
from app.storage.store import Store
from app.text import t
from engine.any_race import parse_experiment
from engine.combinatorial.experiment import CombinatorialExperiment
from engine.errors import BadInput
from engine.messages.encoding import KINDS, NEWEST, Message, decode, encode
from engine.system import settings
from engine.system.machine import free_memory
from engine.workers.pool import Job, Pool

log = logging.getLogger(__name__)

GRACE_SECONDS = 90.0
SHORT_GRACE_SECONDS = 5.0
"""Seconds a race without viewers is kept while others wait for a process: enough for a reload."""
KEEP_SECONDS = 600.0
KEEP_SECONDS_ON_DISK = 30.0
"""As `KEEP_SECONDS`, of a race that can be read from the disk again."""
MOST_RACES = 256
MOST_EACH = 8
"""Races of one visitor that go on at once."""
MOST_OF_ONE_ADDRESS = MOST_RACES // 2
"""Races of one address that go on at once, whoever asks for them: a classroom has one address, and
cookies can be made up."""
MOST_BYTES = 2**30
"""Limit on all histories in memory together."""
MOST_BYTES_BY_HAND = 8 * 2**20
"""Limit on the changes by hand of one race, none of which is ever dropped: every one is needed to
repeat it."""
MOST_COPYING = 100
"""Commands that wait for a copy."""
PARK_SECONDS = 30.0
"""A race that is paused for so long while others wait for memory makes room."""
CHECK_SECONDS = 5.0
COMPACT_BYTES = 16 * 2**20
"""A race's file is written anew, evenly thinned as in memory, when so much was added to it."""
SENT_PICTURES = 150
MOST_MISSED_PICTURES = 60
"""Pictures that a tab is sent when it is seen again."""
MOST_DETAILS = 40
MOST_WEIGHT_BYTES = 4 * 2**20 + 2**16
"""Limit on the weights kept with a race: those that a worker sends automatically."""
MOST_QUEUED = {"metrics": MOST_METRICS + 2000, "stages": 64, "problem": 64, "state": 64, "seed": 64}
"""Messages of a kind that wait for a slow viewer. If there are more, every second one is dropped
for metrics, the oldest for others.
"""
MOST_QUEUED_BYTES = 32 * 2**20
"""Limit for metrics and stages."""
OVER = ("done", "ended")
BY_HAND = ("reheat", "turn", "weight", "kick", "points", "cities")
"""Commands that are recorded as changes by hand."""
HARMLESS = ("weights",)
"""Commands that change nothing for others who watch the same race."""
REPLACED = ("picture", "detail", "weights")
"""Messages of which a slow viewer gets only the newest: each is complete in itself."""
LEFT_OUT = ("picture", "detail")
"""Messages that are not written at once on a disk that is behind."""
NOT_UNSEEN = ("metrics", *REPLACED)
"""Messages that wait in the race's history as long as nobody sees the page."""


class ServerBusy(Exception):
    """Raised when too many races are running or waiting, with viewers, to accept one more."""

    def __init__(self) -> None:
        super().__init__(t("server.full", most=MOST_RACES))


class TooMany(ServerBusy):
    """Raised when a visitor has too many races that go on."""

    def __init__(self) -> None:
        Exception.__init__(self, t("server.too-many-races", most=settings.races(MOST_EACH)))


class TooManyHere(ServerBusy):
    """Raised when too many races go on that one address has asked for."""

    def __init__(self) -> None:
        most = settings.address_races(MOST_OF_ONE_ADDRESS)
        Exception.__init__(self, t("server.too-many-here", most=most))


class TooManyChanges(ServerBusy):
    """Raised when a race was changed by hand so often that no more is recorded."""

    def __init__(self) -> None:
        Exception.__init__(self, t("server.too-many-changes"))


class Viewer:
    """One open page. Metrics are queued for it, evenly thinned if it is too slow for them; of
    pictures, details and weights only the newest is.

    Args:
        visitor: who it is, as `app.visitors` tells visitors apart; empty if unknown.
        address: what its connection is counted by, see `app.hosting.addresses.client`.

    Attributes:
        race: what it shows.
        watches: whether it came by a link to watch, so that it can change nothing.
        joined: whether it asked for an experiment that was already being run, by somebody else. It
            never learns the token that steers their race: what it changes, it changes in a copy.
        copying: commands that wait until there is a copy of the race for them.
        seen: whether somebody can see the page. If not, frames wait in the race's history.
        missed: the first frame that it was not sent for that, by the kind of message.
        missed_events: how many interventions it was not told of for that.
    """

    def __init__(self, visitor: str = "", address: str = "") -> None:
        self.visitor, self.address = visitor, address
        self.race: LiveRace | None = None
        self.watches = self.joined = False
        self.copying: list[Message] | None = None
        self.seen = True
        self.missed: dict[str, int] = {}
        self.missed_events = 0
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

    def miss(self, message: Message) -> None:
        """Note a part of a frame that is not sent, because nobody sees the page."""
        self.missed.setdefault(message["type"], message["k"])
        self.missed_events += len(message.get("events") or [])

    @property
    def behind(self) -> bool:
        """Whether it has not been sent everything that is queued for it."""
        return bool(self._queue or self._newest)

    def clear(self) -> None:
        """Drop all queued messages (another race begins)."""
        self.missed, self.missed_events = {}, 0
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
        row: what the index has of it.
        parked: whether it waits as a checkpoint, and goes on when somebody looks at it.
        not_kept: whether it could not be written to the disk.
        resumes: whether its process is about to tell it again from a checkpoint on.
        deleted: whether it was deleted while its process still had it.
    """

    def __init__(self, row: Row) -> None:
        self.row, self.token = row, row.token
        self.lanes = len(row.experiment["lanes"])
        self.job: Job | None = None
        self.parked = self.resumes = self.not_kept = self.deleted = self.unsaved = False
        self.turn = 0
        """How often it was handed to the pool: what an earlier job still says is not heard."""
        self.paused_at: float | None = None
        self.address = ""
        """From where it was last asked for."""
        self.by_hand = 0
        """Bytes of the changes by hand that were recorded."""
        self.added = 0
        """Bytes added to its file since that was written anew."""
        self.left_out = False
        """Whether its file lacks pictures that memory has, for the disk was slow."""
        self.labels: list[str] = []
        self.last: Message | None = None
        """Its newest metrics."""
        self.indexed: Message | None = None
        """Those of which the index has the numbers."""
        self.copies: dict[str, tuple[Viewer, LiveRace]] = {}
        """Who waits for a copy of it, by the file it begins from."""
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

    @property
    def size(self) -> int:
        """The size of its history."""
        return self.metrics.size + self.pictures.size + self.details.size

    def messages(self) -> list[bytes]:
        """Return its whole history, as a file holds it."""
        return [
            *([] if self.stage is None else [self.stage]),
            *self.seeds.values(),
            *self.metrics.all(),
            *self.pictures.all(),
            *self.details.all(),
            *([] if self.weights is None else [self.weights]),
        ]

    def cut(self, k: int) -> None:
        """Forget frame k and later ones, which are about to come again."""
        for album in (self.metrics, self.pictures, self.details):
            album.cut(k)
        self.stages.clear()
        self.weights = None
        self.by_hand = self.metrics.event_bytes()

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
            # Larger ones were requested by a page, which has them now.
            self.weights = data if len(data) <= MOST_WEIGHT_BYTES else None
        elif about["type"] == "seed":
            self.seeds[about["seed"]] = data
        elif about["type"] == "stages":
            if about["k"] > self._stages_of:
                self.stages, self._stages_of = [], about["k"]
            self.stages.append(data)

    def tell_state(self, viewer: Viewer) -> Message:
        """Return how it stands, with the tokens that the viewer may know."""
        if viewer.watches:
            return {**self.state, "race": self.row.watch, "watches": True}
        if viewer.joined:
            return {**self.state, "race": join_of(self.token), "watch": self.row.watch}
        return {**self.state, "race": self.token, "watch": self.row.watch}


def join_of(token: str) -> str:
    """Return the token of a race for those who asked for the same experiment: with it they come
    back to it as who they are, and learn nothing by which they could steer it for others.
    """
    return hashlib.sha256(f"join {token}".encode()).hexdigest()[:32]


def key_of(experiment: Message) -> str:
    """Return the hash of an experiment: equal ones have the same."""
    return hashlib.sha256(json.dumps(experiment, sort_keys=True).encode()).hexdigest()


class Hub:
    """All live races of a server.

    Args:
        pool: the processes that run them.
        grace: seconds a race without viewers keeps its process.
        keep: seconds the history of a race without viewers is kept after that.
        store: where races are kept on the disk; None for nowhere.
    """

    def __init__(
        self,
        pool: Pool,
        grace: float = GRACE_SECONDS,
        keep: float = KEEP_SECONDS,
        store: Store | None = None,
    ) -> None:
        self.pool, self.grace, self.keep, self.store = pool, grace, keep, store
        self.races: dict[str, LiveRace] = {}
        self._watched: dict[str, str] = {}
        """Tokens of races by the tokens that let others watch them."""
        self._joined: dict[str, str] = {}
        """Tokens of races by the tokens of those who asked for the same; see `join_of`."""
        self._loop = asyncio.get_running_loop()
        self._check: asyncio.TimerHandle | None = None
        self._reading: dict[str, asyncio.Future[LiveRace]] = {}
        """Races that are being read from the disk."""
        if store is not None:
            for row in store.rows.values():
                self._name(row)
            store.troubled = self._not_kept
        self._check = self._loop.call_later(CHECK_SECONDS, self._look_after)

    def run(
        self,
        viewer: Viewer,
        experiment: Message,
        memory: int = 0,
        plain: bool = True,
        link: bool = False,
    ) -> LiveRace:
        """Start a race for a viewer, or show them the one that already runs this experiment; their
        previous race is stopped if it has no other viewers.

        Args:
            viewer: who started it.
            experiment: JSON values, already validated.
            memory: bytes that it needs.
            plain: whether nothing else is asked for before its first step.
            link: whether a link asks for it, so that a race which is over will do.

        Raises:
            ServerBusy: too many races are running or waiting to accept one more.
        """
        before, key = viewer.race, key_of(experiment)
        theirs = not (viewer.watches or viewer.joined)
        self._part(viewer)
        if before is not None and theirs and not before.viewers:
            self._end(before)
        same = self._same(key, before, link) if plain else None
        if same is not None:
            viewer.joined = True
            if not viewer.visitor or viewer.visitor != same.row.owner:
                same.row.shared = True
            self._show(viewer, same)
            if same.state["state"] == "done":
                viewer.say({**same.tell_state(viewer), "sentence": t("server.run-before")})
            return same
        self._make_room(viewer.visitor, viewer.address)
        race = LiveRace(self._row(viewer, experiment, key))
        race.address = viewer.address
        self._begin(race, memory)
        viewer.clear()
        self._join(viewer, race)
        viewer.say(race.tell_state(viewer))
        return race

    def _row(self, viewer: Viewer, experiment: Message, key: str) -> Row:
        row = Row(
            secrets.token_urlsafe(24), secrets.token_urlsafe(24), viewer.visitor, key, experiment
        )
        self._name(row)
        if self.store is not None:
            self.store.add(row)
        return row

    def _name(self, row: Row) -> None:
        """Let a race be found by its other tokens."""
        self._watched[row.watch] = self._joined[join_of(row.token)] = row.token

    def _unname(self, row: Row) -> None:
        self._watched.pop(row.watch, None)
        self._joined.pop(join_of(row.token), None)

    def _own(self, token: str) -> str:
        """Return the token that steers the race which any of its tokens names."""
        return self._watched.get(token) or self._joined.get(token) or token

    def _same(self, key: str, before: LiveRace | None, over: bool) -> LiveRace | None:
        """Return a race of the same experiment that was not changed by hand. The one that the
        visitor has just left is to begin anew.

        Args:
            key: of the experiment.
            before: what the visitor saw until now.
            over: whether one that is over will do, if somebody looked at it a moment ago.
        """
        if self.store is None:
            return None
        for race in self.races.values():
            goes = race.running and not race.wants_pause
            goes = goes or (over and race.state["state"] == "done")
            same = race.row.key == key and not race.row.touched_by_hand
            if same and goes and race is not before:
                return race
        return None

    async def load_same(self, viewer: Viewer, experiment: Message) -> None:
        """Bring a race of the same experiment from the disk to memory, if one is over that somebody
        looked at a moment ago: for `run` with a link.
        """
        if self.store is None:
            return
        key, recently = key_of(experiment), time.time() - self.keep
        for row in reversed(self.store.rows.values()):
            same = row.key == key and row.state == "done" and not row.touched_by_hand
            left = viewer.race is not None and row.token == viewer.race.token
            if same and row.used > recently and not left:
                with contextlib.suppress(BadInput):
                    await self.load(row.token)
                return

    def _begin(self, race: LiveRace, memory: int = 0) -> None:
        """Hand a race to the pool, which goes on from its checkpoint if there is one."""
        self.races[race.token] = race
        more: dict[str, Any] = {"memory": memory}
        if self.store is not None:
            more["keep"] = self.store.checkpoint(race.token)
        race.parked = race.unsaved = False
        race.turn += 1
        turn = race.turn
        race.job = self.pool.submit(
            race.row.experiment,
            lambda about, data: self._hand_over(race, turn, about, data),
            **more,
        )

    def _go_on(self, race: LiveRace) -> None:
        """Let a race go on that waits as a checkpoint. One of which something was recorded and no
        checkpoint is there stays as it is: beginning anew would cost the recording.
        """
        if len(race.metrics) and not self._is_saved(race):
            race.parked = False
            self._receive_state(
                race, {"type": "state", "state": "ended", "sentence": t("server.no-checkpoint")}
            )
            return
        race.state = {"type": "state", "state": "starting"}
        race.abandoned = race.paused_by_leaving = False
        race.paused_at = self._loop.time() if race.wants_pause else None
        self._begin(race, memory_of(race.row.experiment))
        assert race.job is not None
        race.job.command({"do": "pause" if race.wants_pause else "resume"})

    def attach(self, viewer: Viewer, token: str) -> bool:
        """Send a viewer a race from its first frame to now, and let it go on if it was paused only
        because it had no viewers, or waits as a checkpoint.

        Args:
            viewer: who asks.
            token: any of the race's. One that is on the disk only was brought to memory by
                `load`.

        Returns:
            False if there is no such race (any more).

        Raises:
            ServerBusy: it cannot go on, for its visitor has too many that do. It is shown.
        """
        watches, joined = token in self._watched, token in self._joined
        race = self.races.get(self._own(token))
        if race is None:
            return False
        self._part(viewer)
        viewer.watches, viewer.joined = watches, joined
        self._show(viewer, race)
        return True

    def _show(self, viewer: Viewer, race: LiveRace) -> None:
        """Make a race the viewer's, and send it from its start."""
        viewer.clear()
        self._join(viewer, race)
        if viewer.joined:  # who asked for it learns first which one it is, as of a new race
            viewer.say(race.tell_state(viewer))
        self._tell_all(viewer, race)
        if race.parked:
            guest = viewer.watches or viewer.joined
            try:
                self._make_room(race.row.owner, viewer.address, stops=not guest)
            except ServerBusy as busy:
                viewer.say(race.tell_state(viewer))
                if not guest:
                    raise
                # It is not theirs to make room for: they see it, and are told why it stands still.
                why = t("server.stands-still") if isinstance(busy, TooMany) else str(busy)
                viewer.say({"type": "problem", "passing": True, "sentence": why})
                return
            race.address = viewer.address
            self._go_on(race)
        elif race.paused_by_leaving and race.running:
            race.paused_by_leaving = False
            assert race.job is not None
            race.job.command({"do": "resume"})
        viewer.say(race.tell_state(viewer))

    def _tell_all(self, viewer: Viewer, race: LiveRace) -> None:
        """Send a viewer all that is kept of a race."""
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

    def look(self, viewer: Viewer, seen: bool) -> None:
        """Note whether somebody can see a viewer's page; if so, send what it has missed."""
        viewer.seen = seen
        if seen:
            self._catch_up(viewer)

    def _catch_up(self, viewer: Viewer) -> None:
        """Send a viewer what its race has told while nobody saw the page."""
        race, missed, events = viewer.race, viewer.missed, viewer.missed_events
        viewer.missed, viewer.missed_events = {}, 0
        if race is None or not missed:
            return
        slow = viewer.behind
        if "metrics" in missed:
            for data in race.metrics.since(missed["metrics"], events):
                viewer.push(data, "metrics")
        others = {
            "picture": evenly(race.pictures.since(missed["picture"]), MOST_MISSED_PICTURES)
            if "picture" in missed
            else [],
            "detail": race.details.since(missed["detail"])[-1:] if "detail" in missed else [],
            "weights": [race.weights] if "weights" in missed and race.weights else [],
        }
        for kind, messages in others.items():
            for data in messages[-1:] if slow else messages:
                viewer.push(data, kind if slow else "")

    async def load(self, token: str) -> None:
        """Bring a race from the disk to memory, if it is only there. It is read in a thread, for
        other races go on meanwhile.

        Args:
            token: any of the race's.

        Raises:
            BadInput: a newer Kelvin has recorded it.
            ServerBusy: there are too many races to hold one more in memory.
        """
        token = self._own(token)
        row = None if self.store is None else self.store.rows.get(token)
        if row is None or self.store is None or token in self.races:
            return
        reading = self._reading.get(token)
        if reading is None:  # otherwise somebody else has asked for it a moment ago
            reading = asyncio.ensure_future(asyncio.to_thread(self._read, self.store, row))
            self._reading[token] = reading
            reading.add_done_callback(lambda _: self._reading.pop(token))
        race = await asyncio.shield(reading)
        if token in self.races or self.store.rows.get(token) is not row:
            return  # read by another, or removed meanwhile
        race.wants_pause = row.wants_pause
        race.state = {"type": "state", "state": row.state} | (
            {} if row.sentence is None else {"sentence": row.sentence}
        )
        race.parked = row.state not in OVER
        if race.parked:  # whatever it did when it was written
            race.state = {"type": "state", "state": "paused"}
        self._make_room()
        self.races[token] = race
        race.timer = self._loop.call_later(self._keep(race), self._forget, race)

    def _read(self, store: Store, row: Row) -> LiveRace:
        """Return a race with its history from the disk; called from a thread.

        Raises:
            BadInput: a newer Kelvin has recorded it.
        """
        race = LiveRace(row)
        for data in store.read(row.token):
            message = decode(data)
            if message["type"] == "stage" and message.get("version", 1) > NEWEST:
                raise BadInput(
                    "recording.version", message["version"], f"1 to {NEWEST} {t('server.newer')}"
                )
            self._take(race, message, data)
        return race

    def kept(self, token: str) -> tuple[Row, bool] | None:
        """Return what the index has of a kept race, and whether this is its owner's token, not the
        one that lets others watch it; None if none is kept.
        """
        row = None if self.store is None else self.store.rows.get(self._own(token))
        return None if row is None else (row, row.token == token)

    async def history(self, token: str) -> list[bytes]:
        """Return the whole history of a race that is kept, as a file holds it.

        Raises:
            BadInput: a newer Kelvin has recorded it.
        """
        race = self.races.get(token)
        row = None if self.store is None else self.store.rows.get(token)
        if race is None and row is not None and self.store is not None:
            race = await asyncio.to_thread(self._read, self.store, row)
        return [] if race is None else race.messages()

    def results(self, token: str) -> list[Message] | None:
        """Return the newest numbers of every lane of a race in memory; None if there are none."""
        race = self.races.get(token)
        if race is None or race.last is None:
            return None
        lanes = race.last.get("lanes") or []
        return [
            {"label": label, **{name: row.get(name) for name in RESULTS}}
            for label, row in zip(race.labels, lanes, strict=False)
        ]

    def delete(self, token: str) -> None:
        """Remove a race from memory and from the disk, and tell those who look at it."""
        race = self.races.get(token)
        if race is None:
            row = None if self.store is None else self.store.rows.get(token)
            if row is not None:
                self._drop(LiveRace(row))
            return
        for viewer in list(race.viewers):
            self._part(viewer)
            viewer.clear()
            viewer.say({"type": "problem", "sentence": t("kept.was-deleted"), "gone": True})
        if race.running:
            assert race.job is not None
            race.deleted = True  # what its process still writes goes when it has ended
            race.job.command({"do": "cancel"})
        self._drop(race)

    def leave(self, viewer: Viewer) -> None:
        """Remove a viewer whose page is gone. A race without viewers pauses at once."""
        self._part(viewer)

    def command(self, viewer: Viewer, command: Message) -> None:
        """Send a command to the viewer's race; to a copy of it if others watch it too who did not
        come by this viewer's link.

        Raises:
            BadInput: the race has no such lane, or the viewer may only watch.
        """
        race = viewer.race
        if race is None:
            return
        do = command["do"]
        if do in ("reheat", "turn", "weight", "kick") and command["lane"] not in range(race.lanes):
            raise BadInput("lane", command["lane"], t("server.whole-number", high=race.lanes - 1))
        if viewer.watches:
            if do == "cancel":
                self._part(viewer)
                viewer.say({"type": "state", "state": "ended", "calm": True})
                return
            raise BadInput("do", do, t("server.watching"))
        if viewer.copying is not None:
            viewer.copying.append(command)
            del viewer.copying[:-MOST_COPYING]
            return
        if (viewer.joined or any(one.joined for one in race.viewers)) and do not in HARMLESS:
            if do == "cancel":
                self._part(viewer)
                viewer.say({"type": "state", "state": "ended", "calm": True})
            else:
                self._copy(viewer, race, command)
            return
        if race.parked and do == "cancel":
            race.parked = False
            self._receive_state(race, {"type": "state", "state": "ended", "calm": True})
            return
        if race.parked:
            self._make_room(race.row.owner, viewer.address)
            self._go_on(race)
        if race.job is None:
            return
        if do in BY_HAND:
            if race.by_hand > MOST_BYTES_BY_HAND:
                raise TooManyChanges
            race.row.touched_by_hand = True
            self._save(race)
        elif do in ("pause", "step", "stages", "resume"):
            self._set_pause(race, do != "resume")
        race.job.command(command)

    def _set_pause(self, race: LiveRace, paused: bool) -> None:
        race.wants_pause = race.row.wants_pause = paused
        race.paused_at = self._loop.time() if paused else None
        self._save(race)

    def _save(self, race: LiveRace) -> None:
        if self.store is not None:
            self.store.save(race.row)

    def _copy(self, viewer: Viewer, race: LiveRace, command: Message) -> None:
        """Ask for a checkpoint of the race that a copy of it begins from; commands wait for it."""
        if self.store is None or not race.running:
            return
        self._make_room(viewer.visitor, viewer.address)
        row = self._row(viewer, race.row.experiment, race.row.key)
        row.touched_by_hand = True
        race.copies[str(self.store.checkpoint(row.token))] = viewer, LiveRace(row)
        viewer.copying = [command]
        assert race.job is not None
        race.job.command({"do": "copy", "to": str(self.store.checkpoint(row.token))})

    def _copied(self, race: LiveRace, message: Message) -> None:
        """Move a viewer, and all that watch by their link, to the copy that is ready."""
        if message["to"] not in race.copies:  # given up
            made = Path(message["to"])
            if self.store is not None and made.stem not in self.store.rows:
                made.unlink(missing_ok=True)
            return
        viewer, copy = race.copies.pop(message["to"])
        commands, viewer.copying = viewer.copying or [], None
        if viewer.race is not race or not message["done"]:
            self._drop(copy)
            if viewer.race is race:
                told = {"type": "problem", "passing": True, "sentence": t("server.no-copy")}
                viewer.say(told)
            return
        for data in race.messages():
            part = decode(data)
            if part["type"] in ("stage", "seed") or part["k"] < message["k"]:
                self._take(copy, part, data)
        owner = not viewer.joined or bool(viewer.visitor and viewer.visitor == race.row.owner)
        moving = [viewer, *(one for one in race.viewers if one.watches and owner)]
        if self.store is not None:
            self.store.rewrite(copy.token, copy.messages())
        copy.address = viewer.address
        self._begin(copy, memory_of(copy.row.experiment))
        for one in moving:
            watches = one.watches
            self._part(one)
            one.watches = watches  # who came by a link to watch can do no more with the copy
            one.clear()
            self._join(one, copy)
            self._tell_all(one, copy)
            one.say(copy.tell_state(one))
        for command in commands:
            self.command(viewer, command)

    def _give_up_copies(self, race: LiveRace) -> None:
        """Tell those who wait for a copy of a race that none will come: what was asked for went
        with its process, or with the race.
        """
        for to in list(race.copies):
            self._copied(race, {"to": to, "k": 0, "done": False})

    def close(self) -> None:
        """Stop and forget every race; what is on the disk stays there."""
        if self._check is not None:
            self._check.cancel()
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
        if self.store is not None:
            race.row.used = time.time()
            self.store.save(race.row)

    def _part(self, viewer: Viewer) -> None:
        race, viewer.race = viewer.race, None
        viewer.watches = viewer.joined = False
        viewer.copying = None
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
            race.timer = self._loop.call_later(self._keep(race), self._forget, race)

    def _keep(self, race: LiveRace) -> float:
        """Return for how many seconds the history of a race without viewers is kept in memory."""
        on_disk = self.store is not None and not race.not_kept
        return min(self.keep, KEEP_SECONDS_ON_DISK) if on_disk else self.keep

    def _look_after(self) -> None:
        """Do now and then what nobody waits for: make room where others wait for memory, keep the
        histories within their limit, remove the oldest files.
        """
        self._check = self._loop.call_later(CHECK_SECONDS, self._look_after)
        now = self._loop.time()
        if self.store is not None and self.pool.waiting:
            for race in self.races.values():
                still = race.paused_at is not None and now - race.paused_at >= PARK_SECONDS
                stands = race.state["state"] == "paused" and not race.parked
                if still and race.running and stands and self._is_saved(race):
                    self._park(race)
        total = sum(race.size for race in self.races.values())
        for race in sorted(self.races.values(), key=lambda one: (bool(one.viewers), -one.size)):
            if total <= MOST_BYTES:
                break
            total -= race.size
            if race.viewers or race.running:
                race.pictures.halve()
                race.details.halve()
                total += race.size
            else:
                self._forget(race)
        for race in self.races.values():
            if race.running:
                self._index(race)
            if race.left_out and self.store is not None and not self.store.behind:
                self._rewrite(race)
        if self.store is not None:
            live = [race.token for race in self.races.values() if race.running or race.viewers]
            for token in self.store.evict(live):
                self._watched = {one: of for one, of in self._watched.items() if of != token}
                self._joined.pop(join_of(token), None)
                gone = self.races.pop(token, None)
                if gone is not None and gone.timer is not None:
                    gone.timer.cancel()

    def _is_saved(self, race: LiveRace) -> bool:
        """Return whether a race that stands still can go on from its checkpoint."""
        return (
            self.store is not None
            and not race.unsaved
            and self.store.checkpoint(race.token).is_file()
        )

    def _park(self, race: LiveRace) -> None:
        """Let a race that stands still wait as its checkpoint, which was written when it stopped,
        and give its memory to others.
        """
        assert race.job is not None
        race.parked = True
        race.job.command({"do": "cancel"})

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
        race.timer = self._loop.call_later(self._keep(race), self._forget, race)
        if race.running:
            if self._is_saved(race):
                self._park(race)
                return
            assert race.job is not None
            race.abandoned = True
            race.job.command({"do": "cancel"})

    def _end(self, race: LiveRace) -> None:
        """Stop a race, for example one that its only viewer has replaced by another. What was
        recorded of it stays on the disk.
        """
        if race.running:
            assert race.job is not None
            race.job.command({"do": "cancel"})
        self._forget(race)

    def _stop(self, race: LiveRace) -> None:
        """Take a race that nobody watches from its process, to go on later if it can."""
        if race.running and self._is_saved(race):
            self._park(race)
        else:
            self._end(race)

    def _forget(self, race: LiveRace) -> None:
        """Remove a race from memory."""
        if race.timer is not None:
            race.timer.cancel()
        self.races.pop(race.token, None)
        if self.store is None:
            self._unname(race.row)
        else:
            if race.left_out and not race.not_kept:
                self._rewrite(race)
            self.store.let_go(race.token)

    def _drop(self, race: LiveRace) -> None:
        """Remove a race from the disk too."""
        self._forget(race)
        self._unname(race.row)
        if self.store is not None:
            self.store.remove(race.token)

    def _stop_one(self, races: list[LiveRace], stops: bool, refusal: type[ServerBusy]) -> None:
        """Stop one of these races that nobody watches.

        Raises:
            ServerBusy: all are watched, or none may be stopped.
        """
        unwatched = next((race for race in races if not race.viewers), None)
        if unwatched is None or not stops:
            raise refusal
        self._stop(unwatched)

    def _make_room(self, visitor: str | None = None, address: str = "", stops: bool = True) -> None:
        """Keep the number of races bounded, of the visitor and of all: the oldest is removed first
        among those that are over and have no viewers, then those that are over, then those without
        viewers. A running race with viewers is never removed.

        Args:
            visitor: whose race is to go on; "" if that is unknown, None if none is.
            address: from where it is asked for.
            stops: whether another of the visitor's races may be stopped for it.

        Raises:
            ServerBusy: there is no room.
        """
        if visitor is not None:
            going = [race for race in self.races.values() if race.running and not race.parked]
            # Who sends no cookie is counted by address alone, as all others are too.
            own = [race for race in going if visitor and race.row.owner == visitor]
            asked = sum(
                one.visitor == visitor
                for race in self.races.values()
                for one, _ in race.copies.values()
                if visitor
            )
            here = [race for race in going if address and race.address == address]
            if len(own) + asked >= settings.races(MOST_EACH):
                self._stop_one(own, stops, TooMany)
            if len(here) >= settings.address_races(MOST_OF_ONE_ADDRESS):
                self._stop_one(here, stops, TooManyHere)
        if len(self.races) < MOST_RACES:
            return
        # Sorting is stable: the oldest first among equals.
        order = sorted(self.races.values(), key=lambda race: (race.running, bool(race.viewers)))
        if order[0].running and order[0].viewers:
            raise ServerBusy
        self._stop(order[0])

    def _hand_over(self, race: LiveRace, turn: int, about: Message, data: bytes) -> None:
        """Pass a message from a thread of the pool to the event loop."""
        try:
            self._loop.call_soon_threadsafe(self._receive, race, turn, about, data)
        except RuntimeError:
            log.debug("the server is closing; a message of a race is dropped")

    def _receive(self, race: LiveRace, turn: int, about: Message, data: bytes) -> None:
        kind = about["type"]
        if turn != race.turn or self.races.get(race.token, race) is not race:
            return  # the race goes on in another job by now
        race.unsaved = race.unsaved or bool(about.get("unsaved"))
        if kind == "copied":
            self._copied(race, decode(data))
            return
        if race.deleted:
            last = kind == "problem" and not about.get("passing")
            if last or about.get("state") in OVER:
                self._drop(race)
            return
        if kind == "state":
            self._receive_state(race, decode(data))
            return
        if kind == "resumed":  # a copy that was asked for is asked for again
            race.resumes = True
            race.cut(about["k"])
            return
        if kind == "stage" and race.stage is not None:
            self._told_again(race, data)
            return
        message = decode(data) if kind in ("stage", "metrics") else about
        self._take(race, message, data)
        self._write(race, message, data)
        for viewer in race.viewers:
            if viewer.seen or kind not in NOT_UNSEEN:
                viewer.push(data, kind)
            else:
                viewer.miss(message)
        # An error in the worker is its last message about a race.
        if kind == "problem" and not about.get("passing"):
            self._receive_state(
                race, {"type": "state", "state": "ended", "sentence": decode(data)["sentence"]}
            )

    def _take(self, race: LiveRace, message: Message, data: bytes) -> None:
        race.keep(message, data)
        if message["type"] == "stage":
            race.labels = [str(lane.get("label", "")) for lane in message.get("lanes") or []]
        elif message["type"] == "metrics":
            race.last = message
            race.by_hand += size_of(message.get("events"))

    def _told_again(self, race: LiveRace, stage: bytes) -> None:
        """Begin a race's history anew, from what is left of it: it goes on from a checkpoint, or
        from its start if there was none.
        """
        anew = not race.resumes
        if anew:
            race.cut(0)
        race.resumes, race.stage = False, stage
        self._rewrite(race)
        for viewer in race.viewers:
            viewer.clear()
            self._tell_all(viewer, race)
            viewer.say(race.tell_state(viewer))
            if anew:
                told = {"type": "problem", "passing": True, "sentence": t("server.restarted")}
                viewer.say(told)
        if anew:
            self._give_up_copies(race)

    def _write(self, race: LiveRace, message: Message, data: bytes) -> None:
        """Write a message of the recording to the disk."""
        large = message["type"] == "weights" and len(data) > MOST_WEIGHT_BYTES
        if self.store is None or large or message["type"] not in KINDS:
            return
        if self.store.behind and message["type"] in LEFT_OUT:
            race.left_out = True  # until the disk has caught up
            return
        self.store.append(race.token, [data])
        race.added += len(data)
        if race.added > max(COMPACT_BYTES, 2 * race.size):
            self._rewrite(race)

    def _rewrite(self, race: LiveRace) -> None:
        """Write a race's file anew, with what memory has of it."""
        if self.store is not None:
            self.store.rewrite(race.token, race.messages())
            race.added, race.left_out = 0, False

    def _receive_state(self, race: LiveRace, state: Message) -> None:
        if state["state"] in OVER:
            self._give_up_copies(race)
        if race.parked and state["state"] in OVER:
            race.job = None
            race.state = {"type": "state", "state": "paused"}
            return
        race.state = state
        if race.abandoned and state["state"] == "ended":
            state["sentence"] = t("server.unwatched")
        race.row.state, race.row.sentence = state["state"], state.get("sentence")
        if self.store is not None:
            self.store.save(race.row)
            self._index(race)
            if state["state"] in OVER:
                self.store.drop_checkpoint(race.token)
        for viewer in race.viewers:
            if state["state"] in OVER:  # whoever keeps it has all of it then
                self._catch_up(viewer)
            viewer.say(race.tell_state(viewer))

    def _index(self, race: LiveRace) -> None:
        """Keep the newest numbers of a race in the index."""
        if self.store is not None and race.last is not race.indexed:
            assert race.last is not None
            self.store.put_results(race.token, race.labels, race.last)
            race.indexed = race.last

    def _not_kept(self, token: str, why: str) -> None:
        """Tell the viewers of a race that it is not kept on the disk any more."""

        def tell() -> None:
            race = self.races.get(token)
            if race is not None:
                race.not_kept = True
            told = {"type": "problem", "passing": True, "sentence": t(f"server.not-kept-{why}")}
            for viewer in race.viewers if race is not None else ():
                viewer.say(told)

        try:
            self._loop.call_soon_threadsafe(tell)
        except RuntimeError:
            log.debug("the server is closing")


def memory_of(experiment: Message) -> int:
    """Return how many bytes a race needs, approximately; 0 if that is found out in its process."""
    try:
        return reserved(parse_experiment(experiment))
    except BadInput:  # its data are gone, for example; the process tells why
        return 0


def reserved(experiment: AnyExperiment) -> int:
    """Return how many bytes to reserve for a race; 0 for one on a combinatorial problem that needs
    more than there is: its process refuses it at once, and nobody has to wait behind it.
    """
    memory = experiment.memory()
    if isinstance(experiment, CombinatorialExperiment) and memory > free_memory():
        return 0
    return memory
