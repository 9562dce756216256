"""A pool of processes that run races.

A pool keeps a few warm processes (PyTorch and the engine already imported). A job waits in a fair
queue, runs in one of them, and sends its messages back as bytes. If a process dies, its race ends
with a sentence, the process is replaced, and no other race is affected.

Four errors are excluded by design: a command cannot overtake the race it is meant for (both go to
the worker's own list under the pool's lock); a worker that does not read cannot block its callers
(a separate thread sends); a slow listener cannot block a worker (another thread always reads); and
a process that has ended never counts as alive (see `engine.system.child_process`).
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection

from ..messages.encoding import Message, encode
from ..system import settings
from ..system.child_process import Child

log = logging.getLogger(__name__)

OnMessage = Callable[[Message, bytes], None]
"""Called with (type and state of the message, its bytes) from a thread of the pool. It must not
block.
"""

Main = Callable[[Connection], None]
"""The function that a process runs, given its end of the pipe. Found by its name in the process, so
it must be defined in a module.
"""

PATIENCE_SECONDS = 10.0
"""Time for a cancelled race to end between two steps; then its process is killed."""
MOST_REMEMBERED = 100
"""Number of commands kept for a race that waits in the queue."""
CLOSE_SECONDS = 1.0
RETRY_SECONDS, RETRY_SECONDS_MOST = 1.0, 60.0
"""Delay before a process is restarted if the last one died before its first message; doubles each
time.
"""


def cores() -> int:
    """Return the number of processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def most_threads() -> int:
    """Return how many processor threads a visitor's race may use: ``KELVIN_THREADS``, by default
    one for every core.

    Raises:
        BadInput: ``KELVIN_THREADS`` is not such a number.
    """
    return settings.threads() or cores()


def default_size() -> int:
    """Return how many races may run at once: ``KELVIN_WORKERS``, by default half the cores, at
    least 2 and at most 8.

    Raises:
        BadInput: ``KELVIN_WORKERS`` is not such a number.
    """
    return settings.workers() or min(8, max(2, cores() // 2))


class Job:
    """A race in the pool.

    Attributes:
        experiment: JSON values.
        place: 0 when it runs or is over, n when it is n-th in the queue.
        over: whether it has ended, for any reason.
    """

    def __init__(self, pool: Pool, experiment: Message, on_message: OnMessage) -> None:
        self.experiment, self.place, self.over = experiment, 0, False
        self._pool, self._on_message = pool, on_message
        self._worker: _Worker | None = None
        self._waiting: dict[str, Message] = {}
        self._cancelled = False

    @property
    def pid(self) -> int | None:
        """The id of the process it runs in, or None."""
        worker = self._worker
        return worker.process.pid if worker else None

    def command(self, command: Message) -> None:
        """Send any command of a race, or "cancel". While the job is queued, commands are remembered
        and a cancel removes it from the queue. Never blocks.
        """
        self._pool._command(self, command)

    def _tell(self, message: Message, data: bytes | None = None) -> None:
        """Pass a message to the listener. An error of the listener is logged and ends nothing."""
        try:
            self._on_message(message, data if data is not None else encode(message))
        except Exception:
            log.exception("a listener failed on a %s message", message.get("type"))

    def _remember(self, command: Message) -> None:
        """Keep a command until the race starts: the last one of each kind, hyperparameter and
        weight, up to a limit, so that many commands cannot fill the memory.
        """
        kind = str(command.get("do"))
        slot = (
            "pause"
            if kind == "resume"
            else " ".join(
                [
                    kind,
                    *(str(command[name]) for name in ("lane", "field", "index") if name in command),
                ]
            )
        )
        self._waiting.pop(slot, None)
        self._waiting[slot] = command
        if len(self._waiting) > MOST_REMEMBERED:
            del self._waiting[next(iter(self._waiting))]


class _Worker:
    """One process, with a thread that reads from it and one that writes to it."""

    def __init__(self, pool: Pool) -> None:
        self.connection, theirs = multiprocessing.Pipe()
        try:
            self.process = Child(pool._main, (theirs,), "kelvin-worker")
        finally:
            theirs.close()
        self.job: Job | None = None
        self.spoke = False
        self._pool = pool
        self._orders: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True, name="kelvin-reader").start()
        threading.Thread(target=self._write, daemon=True, name="kelvin-writer").start()

    def send(self, order: Message) -> None:
        """Queue a message to the process; the order is kept. The reading thread notices if the
        process has died.
        """
        self._orders.put(order)

    def _write(self) -> None:
        while (order := self._orders.get()) is not None:
            with contextlib.suppress(OSError, ValueError):
                self.connection.send(order)

    def _read(self) -> None:
        """Pass on all messages of the process until it ends."""
        while True:
            try:
                about, data = _receive(self.connection)
            except (EOFError, OSError):
                break
            self.spoke = True
            self._pool._said(self, about, data)
        if not self.process.join(CLOSE_SECONDS):  # it has closed its end but is still running
            self.process.kill()
            self.process.join()
        self._orders.put(None)
        self._pool._died(self)


def _receive(connection: Connection) -> tuple[Message, bytes]:
    """Receive a message from a process: its type and state, then its bytes."""
    about: Message = connection.recv()
    return about, connection.recv_bytes()


class Pool:
    """A few warm processes and a queue.

    Args:
        size: races at once; see `default_size`.
        main: the function that the processes run; `engine.workers.worker.serve` by default.
        patience: seconds for a cancelled race to end by itself before its process is killed.
    """

    def __init__(
        self, size: int | None = None, main: Main | None = None, patience: float = PATIENCE_SECONDS
    ) -> None:
        from ..system import machine
        from .worker import serve

        self.size = default_size() if size is None else size
        machine.share_among(self.size)
        self._main, self._patience = main or serve, patience
        self._lock = threading.RLock()
        self._queue: deque[Job] = deque()
        self._closing = threading.Event()
        # If the pool is not closed, the interpreter ends the processes when it exits itself: they
        # must not be replaced then. What is registered last is called first.
        atexit.register(self._closing.set)
        self._failed_starts = 0
        self._workers: list[_Worker] = []
        self._leaving: list[_Worker] = []
        """Processes told to exit. Everyone who closes the pool waits for them, also during another
        call of `close`.
        """
        with self._lock:
            for _ in range(self.size):
                self._workers.append(_Worker(self))

    def submit(self, experiment: Message, on_message: OnMessage) -> Job:
        """Queue a race. Its messages come in order.

        Args:
            experiment: JSON values, already validated.
            on_message: see `OnMessage`.

        Raises:
            RuntimeError: the pool is closed.
        """
        if self._closing.is_set():
            raise RuntimeError("the pool is closed")
        job = Job(self, experiment, on_message)
        with self._lock:
            self._queue.append(job)
            self._assign()
        return job

    def close(self) -> None:
        """End all processes, and with them all races; they are gone when this returns, in any
        thread.
        """
        with self._lock:
            self._closing.set()
            workers, self._workers = self._workers, []
            self._leaving += workers
            leaving = [worker.process for worker in self._leaving]
            jobs = [worker.job for worker in workers if worker.job is not None] + list(self._queue)
            self._queue.clear()
            for worker in workers:
                worker.job = None
                worker.send({"do": "exit"})
            for job in jobs:
                self._end(
                    job,
                    {
                        "type": "state",
                        "state": "ended",
                        "sentence": "The race was stopped because Kelvin was shut down.",
                    },
                )
        until = time.monotonic() + CLOSE_SECONDS
        for process in leaving:
            if not process.join(max(0.0, until - time.monotonic())):
                process.kill()
        for process in leaving:
            process.join()

    @property
    def busy(self) -> int:
        """The number of races running now."""
        with self._lock:
            return sum(worker.job is not None for worker in self._workers)

    @property
    def waiting(self) -> int:
        """The number of races in the queue."""
        with self._lock:
            return len(self._queue)

    # From here on: call with the lock held, so that messages and orders keep the order of events.

    def _assign(self) -> None:
        """Give waiting jobs to idle processes and report the new places in the queue."""
        with self._lock:
            for worker in self._workers:
                if worker.job is None and self._queue:
                    job = self._queue.popleft()
                    worker.job, job._worker, job.place = job, worker, 0
                    job._tell({"type": "state", "state": "starting"})
                    worker.send({"do": "race", "experiment": job.experiment})
                    for command in job._waiting.values():
                        worker.send(command)
            for place, job in enumerate(list(self._queue), start=1):
                if job.place != place and not job.over:
                    job.place = place
                    job._tell({"type": "state", "state": "queued", "place": place})

    def _command(self, job: Job, command: Message) -> None:
        with self._lock:
            if job.over:
                return
            cancel = command.get("do") == "cancel"
            if job._worker is not None:
                job._worker.send(command)
                if cancel and not job._cancelled:
                    job._cancelled = True
                    self._insist(job._worker, job)
            elif cancel:
                self._queue.remove(job)
                self._end(
                    job,
                    {
                        "type": "state",
                        "state": "ended",
                        "sentence": "The race was removed from the queue.",
                        "calm": True,
                    },
                )
                self._assign()
            else:
                job._remember(command)

    def _insist(self, worker: _Worker, job: Job) -> None:
        """Kill the process of a cancelled race that does not end, for example in a very
        long step.
        """

        def kill() -> None:
            with self._lock:
                if worker.job is job:
                    worker.process.kill()

        timer = threading.Timer(self._patience, kill)
        timer.daemon = True
        timer.start()

    def _end(self, job: Job, message: Message, data: bytes | None = None) -> None:
        """Send the last message of a job."""
        job.over, job.place, job._worker = True, 0, None
        job._tell(message, data)

    def _said(self, worker: _Worker, about: Message, data: bytes) -> None:
        """Handle a message that a process has sent about its race."""
        last = about.get("state") in ("done", "ended") or (
            about["type"] == "problem" and not about.get("passing")
        )
        job = worker.job
        if not last:
            if job is not None:
                job._tell(about, data)
            return
        with self._lock:
            self._failed_starts = 0
            if worker.job is not None:
                worker.job = None
                assert job is not None
                self._end(job, about, data)
            self._assign()

    def _died(self, worker: _Worker) -> None:
        """Handle the end of a process: end its race with a sentence and start a new process."""
        with self._lock:
            if worker not in self._workers or self._closing.is_set():
                return
            self._workers.remove(worker)
            job, worker.job = worker.job, None
            code = worker.process.exitcode
            if job is not None and job._cancelled:
                self._end(
                    job,
                    {
                        "type": "state",
                        "state": "ended",
                        "sentence": "The race was stopped.",
                        "calm": True,
                    },
                )
            elif job is not None:
                log.warning("the process of a race ended with exit code %s", code)
                self._end(job, {"type": "state", "state": "ended", "sentence": _exit_reason(code)})
            else:
                log.warning("an idle process ended with exit code %s", code)
            self._failed_starts = 0 if worker.spoke else self._failed_starts + 1
            wait = (
                min(RETRY_SECONDS_MOST, RETRY_SECONDS * 2 ** min(16, self._failed_starts - 1))
                if self._failed_starts
                else 0.0
            )
        self._replace(wait)

    def _replace(self, wait: float) -> None:
        """Start a process, after a delay if the last one could not start or died at once: retrying
        without a delay would overload the machine.
        """
        while not self._closing.wait(wait):
            with self._lock:
                if self._closing.is_set():
                    return
                try:
                    self._workers.append(_Worker(self))
                except OSError:
                    log.exception("no process could be started; trying again")
                    wait = min(RETRY_SECONDS_MOST, max(RETRY_SECONDS, 2 * wait))
                    continue
                self._assign()
                return


def _exit_reason(code: int | None) -> str:
    """Return why a process ended, as a sentence for the people watching its race."""
    if code == -9:  # SIGKILL, which Windows does not have
        why = "was killed, most often because the machine ran out of memory"
    elif code is not None and code < 0:
        try:
            why = f"crashed ({signal.Signals(-code).name})"
        except ValueError:
            why = f"crashed (signal {-code})"
    else:
        why = f"ended unexpectedly (exit code {'unknown' if code is None else code})"
    return (
        f"The process that ran this race {why}. What was recorded up to here is kept; press Run "
        f"to race again."
    )
