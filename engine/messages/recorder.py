"""Record a race while it runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ..errors import BadInput
from .encoding import Frame, Message, decode, encode
from .recording import MAX_MESSAGE, MAX_TOTAL, Recording

DETAILS = 20
"""Number of details in a recording, at equal shares of the budget."""


class Recorded(Protocol):
    """What is asked of a race to record it."""

    marks: int
    k: int

    @property
    def finished(self) -> bool:
        """Return whether the race is over."""

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

    Attributes:
        left_out: what the recording lacks because no reader would take it, a sentence each.
    """

    def __init__(self, race: Recorded, messages: Iterable[bytes] | None = None) -> None:
        self.race, self.left_out = race, list[str]()
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
            for one in self.race.last_messages(frame.k):
                data = encode(one)
                if len(data) > MAX_MESSAGE and one.get("last"):
                    self._leave_out(f"the final weights of seed {one['seed']}", len(data))
                    data = encode({**one, "last": {**one["last"], "weights": None}})
                self.messages.append(data)

    def recording(self) -> Recording:
        """Return the recording up to the last frame, with the present weights.

        Raises:
            BadInput: its messages are too many for any reader.
        """
        weights = encode(self.race.weights(max(0, self.race.k)))
        if len(weights) > MAX_MESSAGE:
            self._leave_out("the weights", len(weights))
        messages = [*self.messages, *([weights] if len(weights) <= MAX_MESSAGE else [])]
        total = sum(map(len, messages))
        if total > MAX_TOTAL:
            raise BadInput(
                "recording",
                f"{total / 2**20:,.0f} MiB of messages",
                f"at most {MAX_TOTAL // 2**20}: fewer seeds, or a smaller network",
            )
        return Recording(messages)

    def _leave_out(self, what: str, size: int) -> None:
        self.left_out.append(
            f"the recording is without {what}, {size / 2**20:,.0f} MiB; a message has at most "
            f"{MAX_MESSAGE // 2**20}. --weights keeps them in a file of their own"
        )
