"""Run a solver of others in a process of its own, on its own processor time.

A solver is a module of this folder with `solve`. What it finds comes through a pipe; the lane takes
only what `checks` finds to be right.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
import time
from collections import deque
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

import psutil

from ...system.child_process import Child
from ..instance import Integers

WAIT_SECONDS = 0.005
"""Longest wait of a lane for news of its solver in one step."""
PATIENCE = 20.0
"""A solver that only looks at the clock is given so many times its budget on the clock, since it is
stopped while other lanes catch up; it ends when its processor time is spent."""


class News:
    """What a solver reports. Called with a solution, it sends it.

    Args:
        connection: to the lane.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __call__(self, tour: Any) -> None:
        self._connection.send(("tour", [int(city) for city in tour], time.process_time()))

    def bound(self, price: int) -> None:
        """Send what no solution is cheaper than, as the solver proved."""
        self._connection.send(("bound", int(price), time.process_time()))

    def infeasible(self) -> None:
        """Send that there is no solution, as the solver proved."""
        self._connection.send(("infeasible", time.process_time()))


def serve(connection: Connection, name: str, instance: Any, seconds: float, seed: int) -> None:
    """Solve an instance and send what is found: the code inside the process. A solver that says
    that it is ``SEEDED`` gets the seed.

    Messages are ``("ready", cpu)``, ``("tour", cities, cpu)``, ``("bound", price, cpu)``,
    ``("infeasible", cpu)``, ``("note", text, cpu)``, ``("done", cpu)`` and ``("failed", text,
    cpu)``, each with the processor seconds of this process so far at its end.
    """
    # What a solver prints must not stand among what the command line prints.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    try:
        solver = import_module(name if "." in name else f".{name}", __package__)
        solver.prepare(instance)
        connection.send(("ready", time.process_time()))
        began = time.process_time()

        def left() -> float:
            return seconds - (time.process_time() - began)

        more = {"seed": seed} if getattr(solver, "SEEDED", False) else {}
        note = solver.solve(instance, seconds, News(connection), left, **more)
        if note:
            connection.send(("note", note, time.process_time()))
        connection.send(("done", time.process_time()))
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        with contextlib.suppress(OSError):
            connection.send(("failed", " ".join(text.split())[:300], time.process_time()))


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


class Solver:
    """A solver that runs.

    Args:
        name: of its module.
        instance: what it solves.
        seconds: processor time that it may spend.
        seed: of its random numbers, if it takes one.

    Attributes:
        news: messages not yet taken.
        over: whether no more messages come.
    """

    def __init__(self, name: str, instance: Any, seconds: float, seed: int = 0) -> None:
        self.news: deque[tuple[Any, ...]] = deque()
        self.over = False
        self._arrived = threading.Event()
        self._ready: float | None = None
        self._last = 0.0
        self._stopped = False
        ours, theirs = multiprocessing.get_context("spawn").Pipe(duplex=False)
        self._child = Child(serve, (theirs, name, instance, seconds, seed), f"kelvin {name}")
        theirs.close()
        self._process = psutil.Process(self._child.pid)
        threading.Thread(target=self._read, args=(ours,), daemon=True).start()

    def _read(self, connection: Connection) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                self.news.append(connection.recv())
                self._arrived.set()
        self.over = True
        self._arrived.set()

    @property
    def pid(self) -> int | None:
        """Return the number of its process."""
        return self._child.pid

    @property
    def ready(self) -> bool:
        """Return whether it has begun: what it took to start is not counted."""
        return self._ready is not None

    @property
    def seconds(self) -> float:
        """Return the processor time that it has spent on solving."""
        if self._ready is not None and not self.over:
            with contextlib.suppress(psutil.Error):
                times = self._process.cpu_times()
                self._last = max(self._last, times.user + times.system - self._ready)
        return self._last

    def wait(self) -> list[tuple[Any, ...]]:
        """Return the messages since the last call, after waiting a little if there is none."""
        if not self.news and not self.over:
            self._arrived.wait(WAIT_SECONDS)
        self._arrived.clear()
        found = []
        while self.news:
            message = self.news.popleft()
            # exact, while what the system tells of another process may be a hundredth behind
            now = float(message[-1])
            if message[0] == "ready":
                self._ready = now
            elif self._ready is not None:
                self._last = max(self._last, now - self._ready)
            if message[0] in ("done", "failed"):
                self.over = True
            found.append(message)
        return found

    def stop(self) -> None:
        """Let it wait: others are behind, or the race is paused."""
        if not self._stopped and not self.over:
            with contextlib.suppress(psutil.Error):
                self._process.suspend()
                self._stopped = True

    def go_on(self) -> None:
        """Let it work again."""
        if self._stopped:
            with contextlib.suppress(psutil.Error):
                self._process.resume()
            self._stopped = False

    def close(self) -> None:
        """End it."""
        self.over = True
        self._child.kill()


def as_tour(cities: list[int]) -> Integers:
    """Return a solver's tour as an array."""
    import numpy as np

    return np.array(cities, dtype=np.int32)
