"""A recording while its race runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .encoding import Frame, decode, encode
from .recording import Recording

if TYPE_CHECKING:
    from ..race.race import Race

DETAILS = 20
"""Details in a recording, at even shares of the budget."""


class Recorder:
    """Gathers the messages of a race.

    Args:
        race: before its first frame, or as it was when it was stopped.
        messages: what was gathered of it before it was stopped.
    """

    def __init__(self, race: Race, messages: Iterable[bytes] | None = None) -> None:
        self.race = race
        self.messages = [encode(race.stage())] if messages is None else list(messages)
        details = (decode(data) for data in reversed(self.messages))
        last = next((message["k"] for message in details if message["type"] == "detail"), None)
        self._next_detail = 0 if last is None else last + race.marks // DETAILS

    def add(self, frame: Frame) -> None:
        """Keep a frame, and the detail of it where one is due."""
        self.messages.append(encode(frame.metrics))
        if frame.picture is not None:
            self.messages.append(encode(frame.picture))
        if frame.k >= self._next_detail or self.race.finished:
            self.messages.append(encode(self.race.detail(frame.k)))
            self._next_detail = frame.k + self.race.marks // DETAILS

    def recording(self) -> Recording:
        """The race up to its last frame, with the weights as they are now."""
        return Recording([*self.messages, encode(self.race.weights(max(0, self.race.k)))])
