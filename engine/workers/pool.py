"""Processes that run races.

A pool keeps a few warm processes (PyTorch and the engine already imported). A job waits in a fair
queue, runs in one of them, and sends its messages back as bytes. A process that dies ends its race
with a sentence, is replaced, and harms nobody else.

What must not happen, and why it does not: a command cannot overtake the race it is meant for (both
are put on the worker's own list under the pool's lock); a worker that does not read cannot hold up
who commands it (a thread of its own does the sending); a worker cannot be held up by who listens
(another thread always reads); and a process that has ended is not taken for alive (see
`engine.workers.child_process`).
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
from .child_process import Child

log = logging.getLogger(__name__)

OnMessage = Callable[[Message, bytes], None]
"""Called with (type and state of the message, its bytes) from a thread of the pool. It must not
wait for anything."""

Main = Callable[[Connection], None]
"""What a process runs, given its end of the pipe. Found by its name in the process, so it must
stand in a module."""

PATIENCE_SECONDS = 10.0
"""A race told to end has this long to do so between two steps; then its process is killed."""
MOST_REMEMBERED = 100
"""Commands kept for a race that waits in the queue."""
CLOSE_SECONDS = 1.0
RETRY_SECONDS, RETRY_SECONDS_MOST = 1.0, 60.0
"""Before a process is started again when the last one died before it said a word; doubles each
time."""


def cores() -> int:
    """Processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def most_threads() -> int:
    """Processor threads a visitor's race may use: ``KELVIN_THREADS``, else one for every core.

    Raises:
        BadInput: ``KELVIN_THREADS`` is no such number.
    """
    return settings.threads() or cores()


def default_size() -> int:
    """Races at once: ``KELVIN_WORKERS``, else half the cores, at least 2 and at most 8.

    Raises:
        BadInput: ``KELVIN_WORKERS`` is no such number.
    """
    return settings.workers() or min(8, max(2, cores() // 2))


class Job:
    """A race asked for.

    Attributes:
        experiment: JSON values.
        place: 0 when it runs or is over, n when it is n-th in the queue.
        over: whether it has ended, for whatever reason.
    """

    def __init__(self, pool: Pool, experiment: Message, on_message: OnMessage) -> None:
        self.experiment, self.place, self.over = experiment, 0, False
        self._pool, self._on_message = pool, on_message
        self._worker: _Worker | None = None
        self._waiting: dict[str, Message] = {}
        self._cancelled = False

    @property
    def pid(self) -> int | None:
        """The process it runs in, or None."""
        worker = self._worker
        return worker.process.pid if worker else None

    def command(self, command: Message) -> None:
        """Whatever a race obeys, or a cancel; while the job is queued it is remembered (a cancel
        takes it out of the queue). Never waits.
        """
        self._pool._command(self, command)

    def _tell(self, message: Message, data: bytes | None = None) -> None:
        """Hand a message to whoever listens; a listener's error is logged and ends nothing."""
        try:
            self._on_message(message, data if data is not None else encode(message))
        except Exception:
            log.exception("a listener failed on a %s message", message.get("type"))

    def _remember(self, command: Message) -> None:
        """Keep a command until the race begins: of each kind, and of each knob and weight, the
        last, and no more than so many, so that no flood of them grows.
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
    """One process, a thread that reads from it and one that writes to it."""

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
        """To the process, in this order, some time soon; one that has died is noticed by the
        reader.
        """
        self._orders.put(order)

    def _write(self) -> None:
        while (order := self._orders.get()) is not None:
            with contextlib.suppress(OSError, ValueError):
                self.connection.send(order)

    def _read(self) -> None:
        """Hand on everything the process says, until it ends."""
        while True:
            try:
                about, data = _receive(self.connection)
            except (EOFError, OSError):
                break
            self.spoke = True
            self._pool._said(self, about, data)
        if not self.process.join(CLOSE_SECONDS):  # it has closed its end and yet lives on
            self.process.kill()
            self.process.join()
        self._orders.put(None)
        self._pool._died(self)


def _receive(connection: Connection) -> tuple[Message, bytes]:
    """A message as the process sends it: what it is, then its bytes."""
    about: Message = connection.recv()
    return about, connection.recv_bytes()


class Pool:
    """A few warm processes and a queue.

    Args:
        size: races at once; see `default_size`.
        main: what the processes run; `engine.workers.worker.serve` by default.
        patience: seconds a cancelled race has to end by itself before its process is killed.
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
        # Where nobody closes it, the interpreter ends the processes as it ends itself: none is to
        # be put in their place then. What is registered last is called first.
        atexit.register(self._closing.set)
        self._stillborn = 0
        self._workers: list[_Worker] = []
        self._leaving: list[_Worker] = []
        """Told to exit: whoever closes the pool waits for them, also who closes it while another
        does."""
        with self._lock:
            for _ in range(self.size):
                self._workers.append(_Worker(self))

    def submit(self, experiment: Message, on_message: OnMessage) -> Job:
        """Queue a race. Its messages come in order.

        Args:
            experiment: JSON values, validated already.
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
        """End all processes, and with them all races; they are gone when this returns, in whichever
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
        """Races running now."""
        with self._lock:
            return sum(worker.job is not None for worker in self._workers)

    @property
    def waiting(self) -> int:
        """Races in the queue."""
        with self._lock:
            return len(self._queue)

    # From here on: with the lock held whenever jobs and workers are matched or told of it, so that
    # messages and orders keep the order of events.

    def _assign(self) -> None:
        """Give waiting jobs to idle processes and tell the rest their new places."""
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
                        "sentence": "The race was taken out of the queue.",
                        "calm": True,
                    },
                )
                self._assign()
            else:
                job._remember(command)

    def _insist(self, worker: _Worker, job: Job) -> None:
        """See to it that a cancelled race ends, even in the middle of a very long step."""

        def kill() -> None:
            with self._lock:
                if worker.job is job:
                    worker.process.kill()

        timer = threading.Timer(self._patience, kill)
        timer.daemon = True
        timer.start()

    def _end(self, job: Job, message: Message, data: bytes | None = None) -> None:
        """The last word on a job."""
        job.over, job.place, job._worker = True, 0, None
        job._tell(message, data)

    def _said(self, worker: _Worker, about: Message, data: bytes) -> None:
        """A process has sent a message of its race."""
        last = about.get("state") in ("done", "ended") or (
            about["type"] == "problem" and not about.get("passing")
        )
        job = worker.job
        if not last:
            if job is not None:
                job._tell(about, data)
            return
        with self._lock:
            self._stillborn = 0
            if worker.job is not None:
                worker.job = None
                assert job is not None
                self._end(job, about, data)
            self._assign()

    def _died(self, worker: _Worker) -> None:
        """A process has ended: end its race with a sentence and put a new process in its place."""
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
                self._end(job, {"type": "state", "state": "ended", "sentence": _obituary(code)})
            else:
                log.warning("an idle process ended with exit code %s", code)
            self._stillborn = 0 if worker.spoke else self._stillborn + 1
            wait = (
                min(RETRY_SECONDS_MOST, RETRY_SECONDS * 2 ** min(16, self._stillborn - 1))
                if self._stillborn
                else 0.0
            )
        self._replace(wait)

    def _replace(self, wait: float) -> None:
        """Start a process, after a while if need be: where one cannot start or dies at once, the
        next would too, and trying without pause would burn the machine.
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


def _obituary(code: int | None) -> str:
    """Why a process ended, for the people watching its race."""
    if code == -9:  # SIGKILL, which Windows does not name
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
