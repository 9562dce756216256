"""Processes that run races.

A pool keeps a few warm processes (PyTorch and the engine already imported). A job waits in a fair queue, runs in one of them, and sends its messages back as bytes. A process
that dies ends its race with a sentence, is replaced, and harms nobody else.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from engine.frames import Message, encode

log = logging.getLogger(__name__)

OnMessage = Callable[[Message, bytes], None]
"""Called with (type and state of the message, its bytes) from a thread of the pool."""


def default_size() -> int:
    """Races at once: ``KELVIN_WORKERS``, else half the cores, at least 2 and at most 8."""
    return int(os.environ.get("KELVIN_WORKERS") or min(8, max(2, (os.cpu_count() or 2) // 2)))


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
        self._waiting: list[Message] = []

    @property
    def pid(self) -> int | None:
        """The process it runs in, or None."""
        return self._worker.process.pid if self._worker else None

    def command(self, command: Message) -> None:
        """Pause, resume, step, speed, reheat or cancel; while the job is queued it is remembered (a cancel takes it out of the queue)."""
        self._pool._command(self, command)

    def tell(self, message: Message, data: bytes | None = None) -> None:
        """Hand a message to whoever listens; a listener's error is logged and ends nothing."""
        try:
            self._on_message(message, data if data is not None else encode(message))
        except Exception:
            log.exception("a listener failed on a %s message", message.get("type"))


class _Worker:
    """One process and the thread that reads from it."""

    def __init__(self, pool: Pool, threads: int) -> None:
        from engine.worker_process import serve

        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, threads), daemon=True, name="kelvin-worker")
        with _plain_main():
            self.process.start()
        theirs.close()
        self.job: Job | None = None
        self._pool = pool
        self._sending = threading.Lock()
        threading.Thread(target=self._read, daemon=True, name="kelvin-reader").start()

    def send(self, command: Message) -> None:
        """To the process; one that has died is noticed by the reader."""
        with self._sending, contextlib.suppress(OSError, ValueError):
            self.connection.send(command)

    def _read(self) -> None:
        """Hand on everything the process says, until it ends."""
        while True:
            try:
                about, data = _receive(self.connection)
            except (EOFError, OSError):
                break
            job = self.job
            if job is not None:
                if about.get("state") in ("done", "ended") or about["type"] == "problem":
                    self._pool._finished(self)
                    job.over = True
                job.tell(about, data)
        self.process.join(5)
        self._pool._died(self)


def _receive(connection: Connection) -> tuple[Message, bytes]:
    """A message as the process sends it: what it is, then its bytes."""
    about: Message = connection.recv()
    return about, connection.recv_bytes()


@contextlib.contextmanager
def _plain_main() -> Any:
    """Keep a spawned process from running the parent's main script again.

    Spawn imports the parent's ``__main__`` in the child. Under Streamlit that is Streamlit itself, or the visitor's page: slow, and not the engine's business.
    """
    import sys

    main = sys.modules["__main__"]
    kept = {name: main.__dict__.pop(name) for name in ("__file__", "__spec__") if name in main.__dict__}
    main.__dict__["__spec__"] = None
    try:
        yield
    finally:
        main.__dict__.update(kept)


class Pool:
    """A few warm processes and a queue.

    Args:
        size: races at once; see `default_size`.
        threads: PyTorch threads of each process; the cores shared out evenly by default.
    """

    def __init__(self, size: int | None = None, threads: int | None = None) -> None:
        self.size = size or default_size()
        self.threads = threads or max(1, (os.cpu_count() or 2) // self.size)
        self._lock = threading.RLock()
        self._queue: deque[Job] = deque()
        self._closed = False
        self._workers = [_Worker(self, self.threads) for _ in range(self.size)]

    def submit(self, experiment: Message, on_message: OnMessage) -> Job:
        """Queue a race. Its messages come from a thread of the pool, in order.

        Args:
            experiment: JSON values, validated already.
            on_message: see `OnMessage`.
        """
        job = Job(self, experiment, on_message)
        with self._lock:
            self._queue.append(job)
        self._assign()
        return job

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            self._closed = True
            workers, self._workers = self._workers, []
        for worker in workers:
            worker.send({"do": "exit"})
        for worker in workers:
            worker.process.join(0.5)
            if worker.process.is_alive():
                worker.process.kill()

    @property
    def busy(self) -> int:
        """Races running now."""
        with self._lock:
            return sum(worker.job is not None for worker in self._workers)

    def _assign(self) -> None:
        """Give waiting jobs to idle processes and tell the rest their new places."""
        with self._lock:
            started = []
            for worker in self._workers:
                if worker.job is None and self._queue:
                    job = self._queue.popleft()
                    worker.job, job._worker, job.place = job, worker, 0
                    started.append((worker, job))
            moved = []
            for place, job in enumerate(self._queue, start=1):
                if job.place != place:
                    job.place = place
                    moved.append(job)
        for worker, job in started:
            job.tell({"type": "state", "state": "starting"})
            worker.send({"do": "race", "experiment": job.experiment})
            for command in job._waiting:
                worker.send(command)
        for job in moved:
            job.tell({"type": "state", "state": "queued", "place": job.place})

    def _command(self, job: Job, command: Message) -> None:
        with self._lock:
            if job.over:
                return
            worker = job._worker
            if worker is None:
                if command.get("do") != "cancel":
                    job._waiting.append(command)
                    return
                self._queue.remove(job)
                job.over, job.place = True, 0
        if worker is not None:
            worker.send(command)
            return
        job.tell({"type": "state", "state": "ended", "sentence": "The race was taken out of the queue."})
        self._assign()

    def _finished(self, worker: _Worker) -> None:
        with self._lock:
            if worker.job is not None:
                worker.job._worker = None
            worker.job = None
        self._assign()

    def _died(self, worker: _Worker) -> None:
        """A process has ended: end its race with a sentence and put a new process in its place."""
        with self._lock:
            if self._closed or worker not in self._workers:
                return
            job, worker.job = worker.job, None
            self._workers.remove(worker)
            self._workers.append(_Worker(self, self.threads))
        if job is not None:
            job.over, job._worker = True, None
            log.warning("the process of a race ended with exit code %s", worker.process.exitcode)
            job.tell({"type": "state", "state": "ended", "sentence": _obituary(worker.process.exitcode)})
        self._assign()


def _obituary(code: int | None) -> str:
    """Why a process ended, for the people watching its race."""
    if code == -signal.SIGKILL:
        why = "was killed, most often because the machine ran out of memory"
    elif code is not None and code < 0:
        why = f"crashed ({signal.Signals(-code).name})"
    else:
        why = f"ended unexpectedly (exit code {code})"
    return f"The process that ran this race {why}. What was recorded up to here is kept; press Run to race again."
