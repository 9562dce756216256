"""The end of a server: races may finish for a while, viewers are told, and then sockets close.

uvicorn would close all sockets at the first signal, without a word, and wait for connections
without a limit; and its process would end as if the signal had killed it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable
from typing import Any

from app.hosting.watch import WATCH, Watch, tell
from app.live.hub import Hub
from app.text import t
from engine.system import settings

log = logging.getLogger(__name__)

SECONDS = 5.0
"""How long races may go on: a container is killed ten seconds after it was asked to end."""
TOLD_SECONDS = 0.5
"""For the last messages to reach the browsers."""
CLOSE_SECONDS = 3
"""For connections to close, before they are cut."""
LOOK = 0.1
BUSY = ("queued", "starting", "running")


class Drain:
    """Ends the server when it is asked to.

    Args:
        hub: the server's hub.
        watch: its counts; says from then on that the server is about to end.
        seconds: how long running races may go on.
    """

    def __init__(self, hub: Hub, watch: Watch = WATCH, seconds: float | None = None) -> None:
        self.hub, self.watch = hub, watch
        self.seconds = settings.drain(SECONDS) if seconds is None else seconds
        self._task: asyncio.Task[None] | None = None

    def listen(self) -> bool:
        """Take the signals over from uvicorn: SIGTERM drains, SIGINT (Ctrl-C) ends without waiting
        for races, a second signal ends at once. Call it in the event loop.

        Returns:
            Whether that is possible here.
        """
        loop = asyncio.get_running_loop()
        server: Any = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
        if not hasattr(server, "should_exit"):
            return False  # another server than uvicorn, which ends in its own way
        server.config.timeout_graceful_shutdown = CLOSE_SECONDS

        def end() -> None:
            server.should_exit = True

        def asked(sign: signal.Signals) -> None:
            if self._task is not None:
                server.should_exit = server.force_exit = True
                return
            seconds = self.seconds if sign == signal.SIGTERM else 0.0
            self._task = loop.create_task(self.end(end, seconds, sign.name))

        try:
            for sign in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(sign, asked, sign)
        except (NotImplementedError, RuntimeError, ValueError):  # Windows; not the main thread
            return False
        return True

    async def end(self, then: Callable[[], Any], seconds: float, why: str) -> None:
        """Let races go on for a while, tell all viewers, then call ``then``; whatever fails."""
        self.watch.draining = True
        try:
            tell("ending", signal=why, races=self.busy(), seconds=seconds)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while self.busy():
                        await asyncio.sleep(LOOK)
            sentence = t("hosting.closing")
            viewers = list(self.watch.audience)
            for viewer in viewers:
                viewer.say({"type": "problem", "passing": True, "sentence": sentence})
            if viewers:
                await asyncio.sleep(TOLD_SECONDS)
        except Exception:
            log.exception("the server could not be drained")
        finally:
            then()

    def busy(self) -> int:
        """Return how many races with viewers are not over."""
        return sum(
            bool(race.viewers) and race.state.get("state") in BUSY
            for race in self.hub.races.values()
        )
