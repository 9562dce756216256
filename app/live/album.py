"""Histories of a race in the hub: messages, evenly spaced over the race and bounded in size."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from engine.messages.encoding import decode, encode

MOST_PICTURES, MOST_PICTURE_BYTES = 600, 64 * 2**20
MOST_METRICS, MOST_METRIC_BYTES = 10_000, 16 * 2**20
"""Limits for one race; all of its metrics are kept for the first quarter of an hour."""


@dataclass
class Entry:
    """A message in the history.

    Attributes:
        number: how many came before it.
        data: its bytes.
        stays: whether it is never dropped.
        events: the interventions in it.
    """

    number: int
    data: bytes
    stays: bool = False
    events: list[Any] = field(default_factory=list)

    def take(self, events: list[Any]) -> None:
        """Add the events of dropped messages to this one, before its own."""
        if events:
            self.events = [*events, *self.events]
            self.data = encode({**decode(self.data), "events": self.events})


class Album:
    """The pictures of a race, or its details: the first and the newest are always included.

    Args:
        most: how many are kept; `MOST_PICTURES` by default.
        most_bytes: their total size; `MOST_PICTURE_BYTES` by default.

    When there are too many, every second one is dropped, and from then on only every second one is
    added, so that the whole race stays covered evenly.
    """

    def __init__(self, most: int | None = None, most_bytes: int | None = None) -> None:
        self.most, self.most_bytes = most or MOST_PICTURES, most_bytes or MOST_PICTURE_BYTES
        self._entries: list[Entry] = []
        self._stride, self._count, self._bytes = 1, 0, 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, data: bytes) -> None:
        """Add a message, as the newest."""
        self._keep(Entry(self._count, data))

    def _keep(self, entry: Entry) -> None:
        if (
            self._entries
            and self._entries[-1].number % self._stride
            and not self._entries[-1].stays
        ):
            dropped = self._entries.pop()  # was kept only while it was the newest
            self._bytes -= len(dropped.data)
            entry.take(dropped.events)
        self._entries.append(entry)
        self._bytes += len(entry.data)
        self._count += 1
        while (
            len(self) > 2
            and self._stride < self._count
            and (len(self) > self.most or self._bytes > self.most_bytes)
        ):
            self._stride *= 2
            self._entries = thinned(self._entries, self._stride)
            self._bytes = sum(len(one.data) for one in self._entries)

    @property
    def size(self) -> int:
        """The size of all messages together."""
        return self._bytes

    def all(self) -> list[bytes]:
        """Return all that are kept, in order."""
        return [one.data for one in self._entries]

    def since(self, k: int, events: int = 0) -> list[bytes]:
        """Return those of frame k and later ones.

        Args:
            k: the first frame that somebody missed.
            events: how many interventions they missed. Those that moved to a later message after
                they were told are not told again.
        """
        first = bisect_left(self._entries, k, key=lambda one: int(decode(one.data)["k"]))
        entries = self._entries[first:]
        known = sum(len(one.events) for one in entries) - events
        found = []
        for entry in entries:
            if known > 0 and entry.events:
                kept = entry.events[known:]
                known -= len(entry.events) - len(kept)
                found.append(encode({**decode(entry.data), "events": kept}))
            else:
                found.append(entry.data)
        return found

    def cut(self, k: int) -> None:
        """Drop the messages of frame k and later ones, which are about to come again."""
        while self._entries and decode(self._entries[-1].data)["k"] >= k:
            dropped = self._entries.pop()
            self._bytes -= len(dropped.data)
            self._count = dropped.number

    def halve(self) -> None:
        """Drop every second message, and from now on add only every second one of those that would
        be added.
        """
        if len(self) > 2:
            self._stride *= 2
            self._entries = thinned(self._entries, self._stride)
            self._bytes = sum(len(one.data) for one in self._entries)

    def sample(self, most: int) -> list[bytes]:
        """Return at most ``most`` of them (two or more), with the first and the newest."""
        return evenly(self.all(), most)


def evenly(messages: list[bytes], most: int) -> list[bytes]:
    """Return at most ``most`` of the messages (two or more), with the first and the newest."""
    last = len(messages) - 1
    if last < most:
        return messages
    return [messages[round(i * last / (most - 1))] for i in range(most)]


def thinned(entries: list[Entry], stride: int) -> list[Entry]:
    """Return those whose number is a multiple of the stride, those that stay, and the newest;
    events of the others move to the next one that is kept.
    """
    kept: list[Entry] = []
    carried: list[Any] = []
    for entry in entries:
        if entry.number % stride and not entry.stays and entry is not entries[-1]:
            carried += entry.events
        else:
            entry.take(carried)
            carried = []
            kept.append(entry)
    return kept


class Ledger(Album):
    """The metrics of a race, at most `MOST_METRICS` by default. Metrics in which a lane ends are
    never dropped, and events never are: they move to the next message that is kept.
    """

    def __init__(self, most: int | None = None, most_bytes: int | None = None) -> None:
        super().__init__(most or MOST_METRICS, most_bytes or MOST_METRIC_BYTES)
        self._ended: object = None

    def __iter__(self) -> Iterator[bytes]:
        return iter([one.data for one in self._entries])

    def event_bytes(self) -> int:
        """Return how many bytes all interventions take."""
        return sum(size_of(one.events) for one in self._entries)

    def halved(self) -> list[bytes]:
        """Return half of them: every second one, those that stay, and the newest."""
        renumbered = [replace(one, number=number) for number, one in enumerate(self._entries)]
        return [one.data for one in thinned(renumbered, 2)]

    def add(self, data: bytes) -> None:
        message = decode(data)
        before, self._ended = self._ended, ended(message)
        events = message.get("events") or []
        self._keep(
            Entry(self._count, data, before is not None and before != self._ended, list(events))
        )


def size_of(events: list[Any] | None) -> int:
    """Return how many bytes interventions take."""
    return len(encode({"type": "events", "events": events})) if events else 0


def ended(message: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return which lanes have ended, and why, from metrics."""
    return [
        tuple(lane.get(name) for name in ("finished", "trouble", "stopped"))
        for lane in message.get("lanes") or []
    ]
