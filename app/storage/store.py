"""Keep races on the disk.

What the hub tells is written by a thread of its own, within a fraction of a second, so that a
server that is killed loses no more than that.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import queue
import sqlite3
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from app.storage import frames
from app.storage.frames import FrameFile
from app.storage.index import Index, Row
from app.text import t
from engine.errors import BadInput
from engine.messages.encoding import Message

log = logging.getLogger(__name__)

MOST_OPEN = 100
"""Files of frames that are open at once."""
MOST_WAITING = 64 * 2**20
"""Bytes that wait to be written on a slow disk before pictures are left out for now, see `behind`.
At four times as much a race is no longer kept: memory must not grow because a disk stands still."""
QUOTA = 4 * 2**30
MOST_KEPT = 500
"""Races of one visitor."""
EVICT_SECONDS = 5.0
PART_SECONDS = 600.0
"""How long nothing is added to a file that nobody writes any more."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
SUFFIXES = (".frames", ".checkpoint", frames.DAMAGED)
"""Of the files of a race."""
SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

T = TypeVar("T")
Troubled = Callable[[str, str], None]
"""Called, from any thread, with the token of a race that is no longer kept, and why: "full", "slow"
or "failed"."""


class Store:
    """Races on the disk.

    Args:
        folder: for the index and the files.
        quota: bytes that races may take together. Those of whoever keeps most go first, the one
            used longest ago before the others, but none that is pinned or goes on.
        each: races of one visitor.
        troubled: see `Troubled`.

    Raises:
        BadInput: the folder cannot be used, another server uses it, or a newer Kelvin wrote it.
    """

    def __init__(
        self,
        folder: Path,
        quota: int = QUOTA,
        troubled: Troubled = lambda token, why: None,
        each: int = MOST_KEPT,
    ) -> None:
        self.folder, self.quota, self.each, self.troubled = folder, quota, each, troubled
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(folder)
        except OSError as error:
            raise BadInput(
                "KELVIN_STORE", str(folder), t("hosting.store-unwritable", why=error.strerror)
            ) from None
        try:
            self._index = Index(folder / "races.sqlite")
            found = self._index.rows()
        except (sqlite3.DatabaseError, ValueError) as error:
            os.close(self._lock)
            if isinstance(error, BadInput):
                raise
            raise BadInput(
                "KELVIN_STORE", str(folder), t("hosting.index-foreign", why=error)
            ) from None
        self.rows: dict[str, Row] = {row.token: row for row in found}
        """All kept races by token, the one used longest ago first. Of the thread that uses the
        store; the writing thread has copies."""
        self._orders: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._files: OrderedDict[str, FrameFile] = OrderedDict()
        self._given_up: set[str] = set()
        self._waiting = 0
        """Bytes that are not written yet."""
        self._counting = threading.Lock()
        self._evicted_at = 0.0
        self._closed = False
        self._sweep()
        self._thread = threading.Thread(target=self._work, daemon=True, name="kelvin-store")
        self._thread.start()

    def path(self, token: str) -> Path:
        """Return the file of a race's frames."""
        return self.folder / f"{_safe(token)}.frames"

    def checkpoint(self, token: str) -> Path:
        """Return the file of a race's checkpoint."""
        return self.folder / f"{_safe(token)}.checkpoint"

    def add(self, row: Row) -> None:
        """Keep a new race."""
        row.created = row.used = time.time()
        self.rows[row.token] = row
        self.save(row)

    def save(self, row: Row) -> None:
        """Write what is known of a race, also of one of which nothing else can be written."""
        copy = Row(**vars(row))
        self._do(row.token, lambda: self._index.put(copy), always=True)

    @property
    def behind(self) -> bool:
        """Whether so much waits to be written that only what is small should be added."""
        return self._waiting > MOST_WAITING

    def append(self, token: str, messages: Iterable[bytes]) -> None:
        """Add messages to a race's file."""
        self._write(token, list(messages), self._append)

    def rewrite(self, token: str, messages: Iterable[bytes]) -> None:
        """Replace a race's file by these messages."""
        self._write(token, list(messages), self._rewrite)

    def _write(
        self, token: str, messages: list[bytes], work: Callable[[str, list[bytes]], None]
    ) -> None:
        size = sum(map(len, messages))
        if self._waiting + size > 4 * MOST_WAITING:
            if token not in self._given_up:
                self._given_up.add(token)
                self.troubled(token, "slow")
            return
        self._count(size)

        def written() -> None:
            try:
                work(token, messages)
            finally:
                self._count(-size)

        self._do(token, written, otherwise=lambda: self._count(-size))

    def _count(self, size: int) -> None:
        with self._counting:
            self._waiting += size

    def put_results(self, token: str, labels: list[str], metrics: Message) -> None:
        """Keep the last numbers of every lane."""
        self._do(token, lambda: self._index.put_results(token, labels, metrics))

    def read(self, token: str) -> list[bytes]:
        """Return the messages of a race, with all that was told before; wait for that.

        Raises:
            BadInput: a newer Kelvin wrote them.
        """

        def read() -> list[bytes]:
            self._close(token)  # the file is replaced if a part of it is damaged
            try:
                return frames.read(self.path(token))
            except FileNotFoundError:
                return []
            except OSError as error:
                log.warning("a kept race cannot be read: %s", error)
                return []

        return self._ask(read)

    def results_of(self, tokens: Iterable[str]) -> dict[str, list[Message]]:
        """Return the last numbers of every lane of races, by token; wait for them."""
        asked = list(tokens)

        def read() -> dict[str, list[Message]]:
            try:
                return {token: self._index.results(token) for token in asked}
            except sqlite3.Error as error:
                log.warning("results of kept races cannot be read: %s", error)
                return {token: [] for token in asked}

        return self._ask(read)

    def _ask(self, work: Callable[[], T]) -> T:
        """Let the writing thread do something, and return what comes of it: the index is used by
        one thread at a time, and a file that is being written is not read.
        """
        answer: Future[T] = Future()
        if self._closed:
            raise RuntimeError("the store is closed")

        def answered() -> None:
            try:
                answer.set_result(work())
            except BaseException as error:
                answer.set_exception(error)

        self._orders.put(answered)
        return answer.result()

    def size(self, token: str) -> int:
        """Return how many bytes a race takes on the disk."""
        size = 0
        for path in (self.path(token), self.checkpoint(token)):
            with contextlib.suppress(FileNotFoundError):
                size += path.stat().st_size
        return size

    def let_go(self, token: str) -> None:
        """Close the file of a race that is no longer in memory."""
        self._do(token, lambda: self._close(token))

    def drop_checkpoint(self, token: str) -> None:
        """Remove the checkpoint of a race that is over, and close its file."""

        def drop() -> None:
            self._close(token)
            self.checkpoint(token).unlink(missing_ok=True)

        self._do(token, drop, always=True)

    def remove(self, token: str) -> None:
        """Remove a race."""
        self.rows.pop(token, None)
        self._do(token, lambda: self._remove(token), always=True)

    def evict(self, live: Iterable[str]) -> list[str]:
        """Remove races until the others fit the limits, and return them.

        Args:
            live: tokens of races that go on.
        """
        now = time.monotonic()
        if now - self._evicted_at < EVICT_SECONDS:
            return []
        self._evicted_at = now
        sizes = _sizes(self.folder)
        for token, row in self.rows.items():
            row.bytes = sizes.get(token, 0)
        kept, gone = set(live), []
        free = [row for row in self.rows.values() if not row.pinned and row.token not in kept]
        free.sort(key=lambda row: row.used)
        count = Counter(row.owner for row in self.rows.values())
        for row in free:
            if row.owner and count[row.owner] > self.each:
                count[row.owner] -= 1
                gone.append(row)
        # Whoever keeps most makes room first: nobody's races are pushed out by another's.
        total, held = sum(sizes.values()), Counter[str]()
        for row in self.rows.values():
            held[row.owner] += row.bytes
        for row in gone:
            total, held[row.owner] = total - row.bytes, held[row.owner] - row.bytes
        left = [row for row in free if row not in gone]
        while total > self.quota and left:
            # Among equals the one used longest ago.
            row = max(left, key=lambda one: held[one.owner])
            left.remove(row)
            gone.append(row)
            total, held[row.owner] = total - row.bytes, held[row.owner] - row.bytes
        for row in gone:
            self.remove(row.token)
        return [row.token for row in gone]

    def flush(self) -> None:
        """Wait until all that was told is written."""
        self._ask(lambda: None)

    def close(self) -> None:
        """Write all that was told, and close the files."""
        self._closed = True
        self._orders.put(None)
        self._thread.join()
        while not self._orders.empty():  # asked for at the last moment
            if (work := self._orders.get()) is not None:
                work()
        for file in self._files.values():
            file.close()
        self._index.close()
        os.close(self._lock)

    # From here on: of the writing thread.

    def _do(
        self,
        token: str,
        work: Callable[[], None],
        always: bool = False,
        otherwise: Callable[[], None] = lambda: None,
    ) -> None:
        def careful() -> None:
            # What could not be written can be removed: that is what makes room on a full disk.
            known = token in self._given_up
            if known and not always:
                otherwise()
                return
            try:
                work()
            except Exception as error:
                self._given_up.add(token)
                full = isinstance(error, OSError) and error.errno in FULL
                full = full or "full" in str(error)  # as SQLite tells it
                if not full and not known:
                    log.exception("a race is not kept")
                if not known:
                    self.troubled(token, "full" if full else "failed")

        self._orders.put(careful)

    def _work(self) -> None:
        while (work := self._orders.get()) is not None:
            work()

    def _append(self, token: str, messages: list[bytes]) -> None:
        file = self._files.get(token)
        if file is None:
            file = self._files[token] = FrameFile(self.path(token))
            while len(self._files) > MOST_OPEN:
                self._files.popitem(last=False)[1].close()
        self._files.move_to_end(token)
        file.add(messages)

    def _rewrite(self, token: str, messages: list[bytes]) -> None:
        self._close(token)
        frames.write(self.path(token), messages)

    def _remove(self, token: str) -> None:
        self._close(token)
        self._index.remove(token)
        for path in (self.path(token), self.checkpoint(token)):
            path.unlink(missing_ok=True)
        self.path(token).with_suffix(frames.DAMAGED).unlink(missing_ok=True)

    def _close(self, token: str) -> None:
        file = self._files.pop(token, None)
        if file is not None:
            file.close()

    def _sweep(self) -> None:
        """Remove files that belong to no race: of one that was removed when the server died. An
        index that is new, or was lost, is no reason to remove any.
        """
        if not self.rows:
            return
        for path in self.folder.iterdir():
            orphan = path.suffix in SUFFIXES and path.stem not in self.rows
            if orphan or path.suffix == ".part":
                path.unlink(missing_ok=True)


def _sizes(folder: Path) -> dict[str, int]:
    """Return how many bytes the files of every race take, and files that are being written. One of
    those that nothing is added to any more is of a process that was killed: it is removed.
    """
    sizes: dict[str, int] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            stem, _, kind = entry.name.rpartition(".")
            with contextlib.suppress(FileNotFoundError):
                if f".{kind}" in SUFFIXES:
                    sizes[stem] = sizes.get(stem, 0) + entry.stat().st_size
                elif kind == "part" and time.time() - entry.stat().st_mtime > PART_SECONDS:
                    os.unlink(entry.path)
                elif kind == "part":
                    sizes[stem] = entry.stat().st_size
    return sizes


def _safe(token: str) -> str:
    """Return a token that is the name of a file, whoever made it up."""
    if not token or not SAFE.issuperset(token) or len(token) > 100:
        raise ValueError("not a token")
    return token


def _locked(folder: Path) -> int:
    """Lock a folder for this server, and return the file that holds the lock.

    Raises:
        BadInput: another server has it.
        OSError: it cannot be written.
    """
    file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        import fcntl
    except ImportError:  # Windows: nobody else is expected there
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise BadInput("KELVIN_STORE", str(folder), t("hosting.store-taken")) from None
    return file
