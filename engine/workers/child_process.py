"""A process of its own: started without running the main script again, and ended so that every
thread agrees on it.

The system tells the exit code of a process once. Where two threads wait for one process, the second
is told that there is no such process, and `multiprocessing.Process` then says that it is alive. So
nobody here waits for the process itself: a pipe closes when it ends, and behind a lock one thread
at a time asks for the exit code.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from multiprocessing.connection import wait
from typing import Any

CODE_SECONDS = 5.0
"""At most so long is waited for the exit code of a process that has ended: it is known at once,
unless this program has told the system to forget its children."""


class Child:
    """A process that ends with this one.

    Args:
        main: what it runs, found by its name, so it must stand in a module.
        arguments: handed to it.
        name: what it is called.

    Raises:
        OSError: it could not be started.
    """

    def __init__(self, main: Callable[..., None], arguments: tuple[Any, ...], name: str) -> None:
        self._process = multiprocessing.get_context("spawn").Process(
            target=main, args=arguments, daemon=True, name=name
        )
        self._asking = threading.Lock()
        with _undisturbed():
            self._process.start()

    @property
    def pid(self) -> int | None:
        """The system's number of it."""
        return self._process.pid

    @property
    def exitcode(self) -> int | None:
        """How it ended: 0 or more as it said itself, −n by signal n; None while it runs, or where
        the system does not tell.
        """
        with self._asking:
            return self._process.exitcode

    def is_alive(self) -> bool:
        """Return whether it has not ended yet."""
        return not self.join(0)

    def join(self, seconds: float | None = None) -> bool:
        """Wait until it has ended, at most ``seconds``, and return whether it has. Its exit code is
        known then.
        """
        if not wait([self._process.sentinel], seconds):
            return False
        with self._asking:
            until = time.monotonic() + CODE_SECONDS
            # multiprocessing asks for its children's exit codes whenever it starts one, and may
            # have been told but not yet have noted it.
            while self._process.exitcode is None and time.monotonic() < until:
                time.sleep(0.001)
        return True

    def kill(self) -> None:
        """End it now, where it has not ended."""
        with self._asking:  # or its number could be another process's by now
            if self._process.exitcode is None:
                self._process.kill()


_starting = threading.Lock()


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Start a process that neither runs the parent's main script again nor hears a Ctrl-C.

    Spawn imports the parent's ``__main__`` in the child. Under Streamlit that is Streamlit itself,
    or the visitor's page: slow, and not the engine's business. An empty module stands in for it
    meanwhile; the true one is not touched, because a page may be running in it. And a Ctrl-C goes
    to every process of the terminal: blocked here, it stays blocked in the child, also while that
    still imports PyTorch. The server ends its workers through the pipe.
    """
    with _starting:
        if sys.platform != "win32":
            from multiprocessing import resource_tracker

            resource_tracker.ensure_running()  # now, since starting it would lift the block again
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        main, blank = sys.modules["__main__"], types.ModuleType("__main__")
        sys.modules["__main__"] = blank
        try:
            yield
        finally:
            if (
                sys.modules["__main__"] is blank
            ):  # else Streamlit has begun another page in the meantime
                sys.modules["__main__"] = main
            if sys.platform != "win32":
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
