"""A child process that starts without running the main script again, and whose end every thread
sees.

The operating system reports the exit code of a process once. If two threads wait for one process,
the second gets the error that there is no such process, and `multiprocessing.Process` then reports
it as alive. So no thread waits for the process itself: a pipe closes when it ends, and behind a
lock one thread at a time reads the exit code.
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
"""Longest wait for the exit code of a process that has ended. It is known at once, unless this
program has told the system to ignore its children.
"""


class Child:
    """A process that ends together with this one.

    Args:
        main: the function to run, found by its name, so it must be defined in a module.
        arguments: passed to it.
        name: of the process.

    Raises:
        OSError: it could not be started.
    """

    def __init__(self, main: Callable[..., None], arguments: tuple[Any, ...], name: str) -> None:
        self._process = multiprocessing.get_context("spawn").Process(
            target=_serve, args=(main, arguments), daemon=True, name=name
        )
        self._asking = threading.Lock()
        with _spawn_clean():
            self._process.start()

    @property
    def pid(self) -> int | None:
        """Return the process id."""
        return self._process.pid

    @property
    def exitcode(self) -> int | None:
        """Return the exit code: 0 or more as the process returned it, −n for signal n; None while
        it runs, or if the system does not report it.
        """
        with self._asking:
            return self._process.exitcode

    def is_alive(self) -> bool:
        """Return whether it is still running."""
        return not self.join(0)

    def join(self, seconds: float | None = None) -> bool:
        """Wait at most ``seconds`` until it has ended, and return whether it has. Its exit code is
        known then.
        """
        if not wait([self._process.sentinel], seconds):
            return False
        with self._asking:
            until = time.monotonic() + CODE_SECONDS
            # multiprocessing reads its children's exit codes whenever it starts one, and may not
            # have stored this one yet.
            while self._process.exitcode is None and time.monotonic() < until:
                time.sleep(0.001)
        return True

    def kill(self) -> None:
        """Kill it if it is still running."""
        with self._asking:  # otherwise its process id could belong to another process by now
            if self._process.exitcode is None:
                self._process.kill()


def _serve(main: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """Run the function in the child, which may have children of its own.

    It is ended together with its parent, which is what a daemonic process is for; but such a one
    may start none, and a race in a worker may have lanes that are programs of others.
    """
    multiprocessing.current_process().daemon = False
    main(*arguments)


_starting = threading.Lock()


@contextlib.contextmanager
def _spawn_clean() -> Iterator[None]:
    """Start a process that neither runs the parent's main script again nor receives Ctrl-C.

    Spawn imports the parent's ``__main__`` in the child. Under Streamlit that is Streamlit itself,
    or the visitor's page: slow and not needed. An empty module replaces it meanwhile; the original
    one is not changed, because a page may be running in it. Ctrl-C goes to every process of the
    terminal: blocked here, it stays blocked in the child, also while the child imports PyTorch. The
    server ends its workers through the pipe.
    """
    with _starting:
        if sys.platform != "win32":
            from multiprocessing import resource_tracker

            resource_tracker.ensure_running()  # now, because starting it would lift the block again
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        main, blank = sys.modules["__main__"], types.ModuleType("__main__")
        sys.modules["__main__"] = blank
        try:
            yield
        finally:
            # Otherwise Streamlit has started another page in the meantime.
            if sys.modules["__main__"] is blank:
                sys.modules["__main__"] = main
            if sys.platform != "win32":
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
