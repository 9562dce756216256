"""Record a race while it runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from .encoding import Frame, Message, decode, encode
from .recording import Recording

DETAILS = 20
"""Number of details in a recording, at equal shares of the budget."""


class Recorded(Protocol):
    """What is asked of a race to record it."""

    marks: int
    k: int

    @property
    def finished(self) -> bool:
        """Whether the race is over."""

    def stage(self) -> Message:
        """Return the first message."""

    def detail(self, k: int) -> Message:
        """Return the details of frame k."""

    def last_messages(self, k: int) -> list[Message]:
        """Return what follows the last frame."""

    def weights(self, k: int) -> Message:
        """Return what every lane has found."""


class Recorder:
    """Collect the messages of a race.

    Args:
        race: before its first frame, or restored from a checkpoint.
        messages: collected before that checkpoint.
    """

    def __init__(self, race: Recorded, messages: Iterable[bytes] | None = None) -> None:
        self.race = race
        self.messages = [encode(race.stage())] if messages is None else list(messages)
        details = (decode(data) for data in reversed(self.messages))
        last = next((message["k"] for message in details if message["type"] == "detail"), None)
        self._next_detail = 0 if last is None else last + race.marks // DETAILS

    def add(self, frame: Frame) -> None:
        """Add a frame, and its detail if one is due; with the last frame of several seeds, the last
        moment of each.
        """
        self.messages.append(encode(frame.metrics))
        if frame.picture is not None:
            self.messages.append(encode(frame.picture))
        if frame.k >= self._next_detail or self.race.finished:
            self.messages.append(encode(self.race.detail(frame.k)))
            self._next_detail = frame.k + self.race.marks // DETAILS
        if self.race.finished:
            self.messages += [encode(one) for one in self.race.last_messages(frame.k)]

    def recording(self) -> Recording:
        """Return the recording up to the last frame, with the present weights."""
        return Recording([*self.messages, encode(self.race.weights(max(0, self.race.k)))])
