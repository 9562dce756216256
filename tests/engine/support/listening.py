"""What tests of worker processes share: somebody who listens to a race, and ways of waiting."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.messages.encoding import Message, decode
from engine.workers.pool import Job

PATIENCE = 300.0
"""Seconds to wait for what must happen; only how long a failure takes depends on it."""


class Listener:
    """Keeps the messages of a job and waits for one of a kind."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._news = threading.Condition()

    def __call__(self, about: Message, data: bytes) -> None:
        with self._news:
            self.messages.append(decode(data))
            self._news.notify_all()

    def wait(self, wanted: Callable[[Message], Any], after: int = 0) -> Message:
        """The first message from number ``after`` on that is wanted."""

        def found() -> Message | None:
            return next((message for message in self.messages[after:] if wanted(message)), None)

        with self._news:
            assert self._news.wait_for(found, PATIENCE), (
                f"never came; there were {[(m['type'], m.get('state')) for m in self.messages]}"
            )
            message = found()
            assert message is not None
            return message

    def state(self, name: str, after: int = 0) -> Message:
        return self.wait(lambda message: message.get("state") == name, after)

    def of(self, kind: str) -> list[Message]:
        return [message for message in self.messages if message["type"] == kind]


def eventually(holds: Callable[[], Any]) -> None:
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, "never came true"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return (
        "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1][:3]
        if Path("/proc").exists()
        else True
    )


Start = Callable[[int], tuple[Job, Listener]]
