"""Handle Ctrl-C between two steps: the signal is noted at once, and obeyed when no step is
incomplete.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self


class Interrupt:
    """Delay SIGINT and SIGTERM inside a block; a second signal raises KeyboardInterrupt at once.

    Signals reach only the main thread: in other threads this does nothing.

    Args:
        noted: called when the first signal comes. It must only set a flag.
        signals: the signals to delay.
        echo: for so many seconds after the first signal others are the same one, passed on.

    Attributes:
        signal: the first that came, or None.
    """

    def __init__(
        self,
        noted: Callable[[], None] = lambda: None,
        signals: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM),
        echo: float = 0.0,
    ) -> None:
        self.noted, self.signals, self._echo = noted, signals, echo
        self._noted_at = 0.0
        self.signal: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            # A signal that is ignored stays ignored: shells start background jobs like that, and
            # Ctrl-C is not meant for them.
            heard = [one for one in self.signals if signal.getsignal(one) is not signal.SIG_IGN]
            self._before = {one: signal.signal(one, self._note) for one in heard}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler if handler is not None else signal.SIG_DFL)

    def _note(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.signal is not None:
            if now - self._noted_at < self._echo:
                return
            raise KeyboardInterrupt
        self.signal, self._noted_at = signal.Signals(number), now
        self.noted()


@contextmanager
def held_back(noted: Callable[[], None]) -> Iterator[None]:
    """Delay Ctrl-C unless the caller already handles it, and raise it at the end of the block."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    with Interrupt(noted, (signal.SIGINT,)) as interrupt:
        yield
    if interrupt.signal is not None:
        raise KeyboardInterrupt
