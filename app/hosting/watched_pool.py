"""A pool whose races are counted and logged: it stands between the hub and the pool itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from app.hosting.watch import WATCH, Watch
from engine.messages.encoding import Message

OVER = ("done", "ended")
OnMessage = Callable[[Message, bytes], None]


class WatchedPool:
    """Has everything that its pool has.

    Args:
        pool: runs the races.
        watch: counts them.
        clock: seconds.
    """

    def __init__(
        self, pool: Any, watch: Watch = WATCH, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pool, self._watch, self._clock = pool, watch, clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    def submit(self, experiment: Message, on_message: OnMessage, *rest: Any, **more: Any) -> Any:
        """Hand on a race, and listen to what is said of it."""
        started = self._clock()
        number = self._watch.race_started(experiment)
        last: float | None = None
        over = False

        def heard(about: Message, data: bytes) -> None:
            nonlocal last, over
            now, kind, state = self._clock(), about.get("type"), about.get("state")
            if kind == "metrics":
                if last is not None:
                    self._watch.frames.observe(now - last)
                last = now
            elif kind == "state" and state != "running":
                last = None  # paused or over: the time until the next frame says nothing
            failed = kind == "problem" and not about.get("passing")
            if not over and (failed or (kind == "state" and state in OVER)):
                over = True
                how = "failed" if failed else str(state)
                self._watch.race_ended(number, how, now - started)
            on_message(about, data)

        return self._pool.submit(experiment, heard, *rest, **more)
