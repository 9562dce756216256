"""A pool of processes that run races.

A pool keeps a few warm processes (PyTorch and the engine already imported). Each runs several races
in turns, so that every visitor's race moves; a race waits in the queue only while there is no
memory for it. A job sends its messages back as bytes. If a process dies, it is replaced, and its
races go on from their last checkpoints; without one, or if the same race was at work when its
process died several times in a row, a race ends with a sentence.

Four errors are excluded by design: a command cannot overtake the race it is meant for (both go to
the worker's own list under the pool's lock); a worker that does not read cannot block its callers
(a separate thread sends); a slow listener cannot block a worker (another thread always reads); and
a process that has ended never counts as alive (see `engine.system.child_process`).
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import logging
import math
import multiprocessing
import os
import queue
import secrets
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, MutableSequence
from pathlib import Path
from typing import Any, Protocol

from ..errors import BadInput
from ..messages.encoding import Message, encode
from ..system import settings
from ..system.child_process import Child
from .worker import AT_WORK, BEAT, SINCE

log = logging.getLogger(__name__)

OnMessage = Callable[[Message, bytes], None]
"""Called with (type and state of the message, its bytes) from a thread of the pool. It must not
block.
"""

Main = Callable[[Any, MutableSequence[float]], None]
"""The function that a process runs, given its end of the pipe and what it shows of itself. Found by
its name in the process, so it must be defined in a module.
"""

PATIENCE_SECONDS = 10.0
"""Time for a cancelled race to end between two steps; then its process is killed."""
ADDRESS = ("lane", "field", "index", "to")
"""What tells commands of one kind apart."""
MOST_REMEMBERED = 100
"""Number of commands kept for a race that waits in the queue."""
MOST_SENT = 1000
"""Number of commands kept between two checkpoints; a race with more of them is not moved."""
CLOSE_SECONDS = 1.0
AT_ONCE = 32
"""Races that one process runs in turns."""
SHARE_OF_MEMORY = 0.8
"""The part of the free memory that races may reserve together."""
MOST_CRASHES = 2
"""So often may a process die while one race is at work, without a new checkpoint in between."""
WATCH_SECONDS = 1.0
WAIT_SECONDS, WAIT_SHARE = 10.0, 0.2
"""By how much an estimate of a wait must have changed to be told again."""
SILENT_SECONDS = 30.0
"""A process that gives no sign of life for so long is killed."""
MOVE_SECONDS = 5.0
"""A step that takes so long keeps its process from other races: they go on in another one."""
TELL_SECONDS = (10.0, 40.0, 160.0)
"""When a visitor is told that a step takes long."""
START_SECONDS = 120.0
"""The longest that a process may take before its first sign of life."""
STEP_SECONDS = 600.0
"""The longest that a race may keep its process from the others; then the process is killed."""
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


def devices_of_races() -> list[str]:
    """Return the GPUs that processes are spread over: those that ``KELVIN_DEVICE`` names, or all
    that are there. Empty where races run on the processor.

    Raises:
        BadInput: one of them is not there.
    """
    import torch

    there = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    asked = settings.devices()
    if asked is None or asked == ["cpu"]:
        return there if asked is None else []
    found = ["cuda:0" if one == "cuda" else one for one in asked]
    missing = next((one for one in found if one not in there), None)
    if missing is not None:
        raise BadInput(
            "KELVIN_DEVICE", missing, f"a device that is there: {', '.join(['cpu', *there])}"
        )
    return found


class Job:
    """A race in the pool.

    Attributes:
        experiment: JSON values.
        memory: bytes reserved for it.
        keep: the file of its checkpoints, or None.
        place: 0 when it runs or is over, n when it is n-th in the queue.
        over: whether it has ended, for any reason.
    """

    def __init__(
        self,
        pool: Pool,
        number: int,
        experiment: Message,
        on_message: OnMessage,
        memory: int,
        keep: Path | None,
        paused: bool,
    ) -> None:
        self.experiment, self.place, self.over = experiment, 0, False
        self._wait: float | None = None
        """How long it was last told to be in the queue for."""
        self.memory, self.keep = memory, keep
        self._number = number
        self._pool, self._on_message = pool, on_message
        self._worker: _Worker | None = None
        self._waiting: dict[str, Message] = {"pause": {"do": "pause"}} if paused else {}
        self._pace: dict[str, Message] = {}
        """Whether it is paused, and its speed, as last asked for: after a crash they hold again."""
        self._sent: dict[int, Message] = {}
        """Commands by number that its last checkpoint does not know of: where it goes on from that
        checkpoint they are sent again, and it obeys those that it has not heard of."""
        self._numbers = itertools.count(1)
        self._name = secrets.token_hex(8)
        """By which a checkpoint tells whose numbers it holds: a race goes on as another job after
        its server was stopped, or as a copy.
        """
        self._cancelled = self._spoke = self._unsaved = False
        self._crashes = 0
        self._checkpoint: float | None = None
        """When the checkpoint was written that the last crash went back to."""
        self._begun = time.monotonic()
        self._progress = 0.0
        self._told = 0
        """How often its visitors were told that the present step takes long."""

    @property
    def pid(self) -> int | None:
        """Return the id of the process it runs in, or None."""
        worker = self._worker
        return worker.process.pid if worker else None

    def command(self, command: Message) -> None:
        """Send any command of a race, or "cancel". While the job is queued, commands are remembered
        and a cancel removes it from the queue. Never blocks.
        """
        self._pool._command(self, command)

    def _note_pace(self, command: Message) -> None:
        match command["do"]:
            case "pause" | "step" | "stages":
                self._pace["pause"] = {"do": "pause"}
            case "resume" | "speed" as do:
                self._pace["pause" if do == "resume" else do] = command

    def _number_of(self, command: Message) -> Message:
        """Return a command as it is sent: with its number, by which it is remembered."""
        number = next(self._numbers)
        if self.keep is not None and not self._unsaved and self._remembers:
            self._sent[number] = command
        return {**command, "race": self._number, "number": number}

    @property
    def _remembers(self) -> bool:
        """Return whether it knows all commands that its checkpoint does not know of."""
        return len(self._sent) <= MOST_SENT

    def _forget_sent(self, last: int) -> None:
        """Forget the commands that are in a checkpoint."""
        self._sent = {number: one for number, one in self._sent.items() if number > last}

    def _left(self) -> float:
        """Return for how many more seconds it will run, at the pace so far."""
        if self._progress <= 0:
            return float("inf")
        return (time.monotonic() - self._begun) * (1 - self._progress) / self._progress

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
                    *(str(command[name]) for name in ADDRESS if name in command),
                ]
            )
        )
        self._waiting.pop(slot, None)
        self._waiting[slot] = command
        if len(self._waiting) > MOST_REMEMBERED:
            del self._waiting[next(iter(self._waiting))]


class Line(Protocol):
    """The server's end of what it and a process say to each other: a pipe, or its stand-in."""

    def send(self, obj: Any, /) -> None: ...
    def recv(self) -> Any: ...
    def recv_bytes(self) -> bytes: ...


class Process(Protocol):
    """A process that can be waited for and killed; see `engine.system.child_process.Child`."""

    @property
    def pid(self) -> int | None: ...
    @property
    def exitcode(self) -> int | None: ...
    def is_alive(self) -> bool: ...
    def join(self, seconds: float | None = None) -> bool: ...
    def kill(self) -> None: ...


class _Worker:
    """One process, with a thread that reads from it and one that writes to it.

    Attributes:
        jobs: the races it runs, by number.
        leaving: bytes of those that go on elsewhere and that it still holds, by number.
        board: what it shows of itself, see `engine.workers.worker.BEAT`.
        device: the GPU of its races, or None.
        stuck: why it was killed, if it was for what a race did, as a clause.
    """

    def __init__(self, pool: Pool) -> None:
        self.connection, self.board, self.process = pool._start()
        self.jobs: dict[int, Job] = {}
        self.leaving: dict[int, int] = {}
        self.spoke, self.began = False, time.monotonic()
        self.stuck: str | None = None
        self._pool = pool
        self._orders: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        if pool.devices:
            taken = [one.device for one in pool._workers]
            self.device: str | None = min(pool.devices, key=taken.count)
            self._orders.put({"do": "device", "device": self.device})
        else:
            self.device = None
        threading.Thread(target=self._read, daemon=True, name="kelvin-reader").start()
        threading.Thread(target=self._write, daemon=True, name="kelvin-writer").start()

    @property
    def at_work(self) -> tuple[int, float]:
        """Return the number of the race that is at work, −1 for none, and for how many seconds."""
        return int(self.board[AT_WORK]), time.monotonic() - self.board[SINCE]

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


def _receive(connection: Line) -> tuple[Message, bytes]:
    """Receive a message from a process: its type and state, then its bytes."""
    about: Message = connection.recv()
    return about, connection.recv_bytes()


class Pool:
    """A few warm processes and a queue.

    Args:
        size: races at once; see `default_size`.
        main: the function that the processes run; `engine.workers.worker.serve` by default.
        patience: seconds for a cancelled race to end by itself before its process is killed.
        at_once: races that one process runs in turns.
        memory: bytes that races may reserve together; most of what is free by default.
    """

    def __init__(
        self,
        size: int | None = None,
        main: Main | None = None,
        patience: float = PATIENCE_SECONDS,
        at_once: int = AT_ONCE,
        memory: float | None = None,
    ) -> None:
        from ..system import machine
        from .worker import serve

        self.size, self.at_once = default_size() if size is None else size, at_once
        machine.share_among(self.size)
        self.memory = SHARE_OF_MEMORY * machine.free_memory() if memory is None else memory
        self._main, self._patience = main or serve, patience
        self._numbers = itertools.count()
        self._lock = threading.RLock()
        self._queue: deque[Job] = deque()
        self._closing = threading.Event()
        # If the pool is not closed, the interpreter ends the processes when it exits itself: they
        # must not be replaced then. What is registered last is called first.
        atexit.register(self._closing.set)
        self._failed_starts = 0
        self.devices = self._devices()
        self._workers: list[_Worker] = []
        self._leaving: list[_Worker] = []
        """Processes told to exit. Everyone who closes the pool waits for them, also during another
        call of `close`.
        """
        with self._lock:
            for _ in range(self.size):
                self._workers.append(_Worker(self))
        threading.Thread(target=self._watch, daemon=True, name="kelvin-watch").start()

    def submit(
        self,
        experiment: Message,
        on_message: OnMessage,
        memory: int = 0,
        keep: Path | None = None,
        paused: bool = False,
    ) -> Job:
        """Queue a race. Its messages come in order.

        Args:
            experiment: JSON values, already validated.
            on_message: see `OnMessage`.
            memory: bytes that it needs.
            keep: the file that its checkpoints are written to. If there is one, the race goes on
                from it.
            paused: whether it waits before its first step.

        Raises:
            RuntimeError: the pool is closed.
        """
        if self._closing.is_set():
            raise RuntimeError("the pool is closed")
        job = Job(self, next(self._numbers), experiment, on_message, memory, keep, paused)
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
            jobs = [job for worker in workers for job in worker.jobs.values()] + list(self._queue)
            self._queue.clear()
            for worker in workers:
                worker.jobs = {}
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
        """Return the number of races running now."""
        with self._lock:
            return sum(len(worker.jobs) for worker in self._workers)

    @property
    def waiting(self) -> int:
        """Return the number of races in the queue."""
        with self._lock:
            return len(self._queue)

    def _start(self) -> tuple[Line, MutableSequence[float], Process]:
        """Start a process, and return the line to it, what it shows of itself, and the process.

        Raises:
            OSError: it could not be started.
        """
        connection, theirs = multiprocessing.Pipe()
        board: MutableSequence[float] = multiprocessing.get_context("spawn").RawArray("d", 3)
        board[AT_WORK] = -1.0
        try:
            return connection, board, Child(self._main, (theirs, board), "kelvin-worker")
        finally:
            theirs.close()

    def _is_up(self, worker: _Worker) -> bool:
        """Return whether a process has started, or will within seconds."""
        return True

    def _devices(self) -> list[str]:
        """Return the GPUs of this machine that its processes are spread over."""
        return devices_of_races()

    # From here on: call with the lock held, so that messages and orders keep the order of events.

    def _assign(self) -> None:
        """Give waiting jobs to processes, as far as there is room, and report the new places in the
        queue.
        """
        with self._lock:
            waiting, self._queue = self._queue, deque()
            for job in waiting:
                # Nobody is overtaken, except by who needs no less than all the memory.
                alone = all(one.memory > self.memory for one in self._queue)
                worker = self._roomiest(job) if alone else None
                if worker is None:
                    self._queue.append(job)
                else:
                    self._hand_over(job, worker)
            self._tell_places()

    def _tell_places(self) -> None:
        """Tell those in the queue their place, and how long they will wait, if that has changed."""
        for place, job in enumerate(list(self._queue), start=1):
            if job.over:
                continue
            wait = self.wait(place)
            if job.place == place and not _differs(wait, job._wait):
                continue
            job.place, job._wait = place, wait
            job._tell(
                {"type": "state", "state": "queued", "place": place}
                | ({} if wait is None else {"seconds": math.ceil(wait)})
            )

    def wait(self, place: int) -> float | None:
        """Return in how many seconds so many of the running races will be over, at their present
        pace; None if that cannot be told.
        """
        with self._lock:
            left = sorted(job._left() for worker in self._workers for job in worker.jobs.values())
        if place > len(left) or left[place - 1] == float("inf"):
            return None
        return left[place - 1]

    def _roomiest(self, job: Job) -> _Worker | None:
        """Return the process that has the fewest races, and none in a long step; None if there is
        no room for one more. One that has not started comes last.
        """
        jobs = [one for worker in self._workers for one in worker.jobs.values() if one is not job]
        taken = sum(one.memory for one in jobs)
        taken += sum(sum(worker.leaving.values()) for worker in self._workers)
        if jobs and taken + job.memory > self.memory:
            return None
        free = [worker for worker in self._workers if len(worker.jobs) < self.at_once]

        def load(worker: _Worker) -> tuple[bool, bool, int]:
            return not self._is_up(worker), _in_long_step(worker), len(worker.jobs)

        return min(free, key=load, default=None)

    def _hand_over(self, job: Job, worker: _Worker) -> None:
        """Let a process begin a race, or go on with it."""
        worker.jobs[job._number] = job
        job._worker, job.place, job._told = worker, 0, 0
        job._begun, job._progress = time.monotonic(), 0.0
        job._tell({"type": "state", "state": "starting"})
        order: Message = {"do": "race", "race": job._number, "experiment": job.experiment}
        if job.keep is not None:
            order |= {"keep": str(job.keep), "job": job._name}
        worker.send(order)
        for command in job._pace.values():
            worker.send({**command, "race": job._number})
        for number, command in job._sent.items():
            worker.send({**command, "race": job._number, "number": number})
        for command in job._waiting.values():
            worker.send(job._number_of(command))
            job._note_pace(command)
        job._waiting = {}

    def _command(self, job: Job, command: Message) -> None:
        with self._lock:
            if job.over:
                return
            cancel = command.get("do") == "cancel"
            if job._worker is not None:
                job._worker.send(job._number_of(command))
                job._note_pace(command)
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
                if job._worker is not worker or job.over:
                    return
                number, _ = worker.at_work
                if number == job._number or number not in worker.jobs:
                    worker.process.kill()
                else:  # it waits behind another race's step; its process drops it when it reads on
                    worker.jobs.pop(job._number, None)
                    self._end(job, _ended("The race was stopped.", calm=True))
                    self._assign()

        timer = threading.Timer(self._patience, kill)
        timer.daemon = True
        timer.start()

    def _end(self, job: Job, message: Message, data: bytes | None = None) -> None:
        """Send the last message of a job."""
        job.over, job.place, job._worker = True, 0, None
        job._tell(message, data)

    def _said(self, worker: _Worker, about: Message, data: bytes) -> None:
        """Handle a message that a process has sent about one of its races."""
        number = about.pop("race")
        job = worker.jobs.get(number)
        if job is None:  # it was ended meanwhile, or goes on elsewhere
            if _is_last(about):
                with self._lock:
                    if worker.leaving.pop(number, None) is not None:
                        self._assign()
            return
        if about["type"] == "saved":
            with self._lock:
                job._forget_sent(about["heard"])
            return
        if about["type"] == "copied":
            with self._lock:
                job._sent = {
                    one: command
                    for one, command in job._sent.items()
                    if command["do"] != "copy" or command["to"] != about["to"]
                }
        job._progress = about.pop("progress", job._progress)
        job._spoke = job._spoke or about["type"] == "metrics"
        job._unsaved = job._unsaved or bool(about.get("unsaved"))
        if not _is_last(about):
            job._tell(about, data)
            return
        with self._lock:
            self._failed_starts = 0
            if worker.jobs.pop(job._number, None) is not None:
                self._end(job, about, data)
            self._assign()

    def _watch(self) -> None:
        """Tell visitors of steps that take long, and kill processes that do not answer."""
        while not self._closing.is_set():
            time.sleep(WATCH_SECONDS)
            with self._lock:
                for worker in self._workers:
                    self._look_at(worker)
                self._tell_places()

    def _look_at(self, worker: _Worker) -> None:
        began = time.monotonic() - worker.began
        if not worker.jobs or (not worker.board[BEAT] and began < START_SECONDS):
            return
        number, seconds = worker.at_work
        silent = time.monotonic() - (worker.board[BEAT] or worker.began)
        for job in worker.jobs.values():
            slow = silent if silent > TELL_SECONDS[0] else seconds if job._number == number else 0.0
            told = sum(slow >= limit for limit in TELL_SECONDS)
            if told > job._told:
                what = "Its process does not answer" if slow == silent else "One step takes long"
                job._tell(
                    {
                        "type": "problem",
                        "passing": True,
                        "sentence": f"{what}: {slow:,.0f} seconds so far.",
                    }
                )
            job._told = told
        if number >= 0 and seconds > MOVE_SECONDS and len(worker.jobs) > 1:
            self._move_others(worker, number)
        if silent > SILENT_SECONDS:
            worker.stuck = f"gave no sign of life for {silent:,.0f} seconds"
            worker.process.kill()
        elif number >= 0 and seconds > STEP_SECONDS:
            worker.stuck = f"was {seconds:,.0f} seconds in one step"
            worker.process.kill()

    def _move_others(self, worker: _Worker, number: int) -> None:
        """Let the other races of a process that is in a long step go on elsewhere, from their
        checkpoints: those that can, as far as there are processes with time for them.

        Args:
            worker: the process.
            number: of the race whose step it is.
        """
        for job in list(worker.jobs.values()):
            if job._number == number or job._cancelled or not self._may_move(job):
                continue
            other = self._roomiest(job)
            if other is None or other is worker or not self._is_up(other) or _in_long_step(other):
                return
            # Until its process reads on, it holds what it held.
            worker.leaving[job._number] = worker.jobs.pop(job._number).memory
            worker.send({"do": "cancel", "race": job._number})  # what it says of that is not heard
            job._worker = None
            self._hand_over(job, other)

    def _may_move(self, job: Job) -> bool:
        """Return whether a race can be taken from its process without losing what was told."""
        if job.keep is None or job._unsaved or not job._remembers:
            return False
        return not job._spoke or job.keep.is_file()

    def _died(self, worker: _Worker) -> None:
        """Handle the end of a process: let its races go on from their checkpoints, or end them with
        a sentence, and start a new process.
        """
        with self._lock:
            if worker not in self._workers or self._closing.is_set():
                return
            self._workers.remove(worker)
            jobs, worker.jobs = list(worker.jobs.values()), {}
            code, at_work = worker.process.exitcode, worker.at_work[0]
            if jobs:
                log.warning("the process of %s races ended with exit code %s", len(jobs), code)
            else:
                log.warning("an idle process ended with exit code %s", code)
            resumed = [job for job in jobs if self._goes_on(job, job._number == at_work)]
            for job in jobs:
                if job in resumed:
                    job._worker = None
                elif job._cancelled:
                    self._end(job, _ended("The race was stopped.", calm=True))
                else:
                    self._end(job, _ended(_exit_reason(code, worker.stuck)))
            self._queue.extendleft(reversed(resumed))
            self._failed_starts = 0 if worker.spoke else self._failed_starts + 1
            wait = (
                min(RETRY_SECONDS_MOST, RETRY_SECONDS * 2 ** min(16, self._failed_starts - 1))
                if self._failed_starts
                else 0.0
            )
            if self._workers:
                self._assign()
        self._replace(wait)

    def _goes_on(self, job: Job, was_at_work: bool) -> bool:
        """Return whether a race whose process has died goes on from its checkpoint. One that was at
        work then may be the reason: it does so only a few times without getting any further.
        """
        if job._cancelled or job.keep is None:
            return False
        try:
            written = job.keep.stat().st_mtime
        except OSError:  # no checkpoint yet: from its start, if nothing of it was told
            job._crashes += was_at_work
            return not job._spoke and job._crashes <= MOST_CRASHES
        if written != job._checkpoint:
            job._crashes, job._checkpoint = 0, written
        job._crashes += was_at_work
        return job._crashes <= MOST_CRASHES

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


def _is_last(about: Message) -> bool:
    """Return whether a message is the last of its race."""
    failed = about["type"] == "problem" and not about.get("passing")
    return failed or about.get("state") in ("done", "ended")


def _in_long_step(worker: _Worker) -> bool:
    number, seconds = worker.at_work
    return number >= 0 and seconds > WATCH_SECONDS


def _differs(wait: float | None, told: float | None) -> bool:
    """Return whether an estimate of a wait is another one than was told."""
    if wait is None or told is None:
        return wait is not told
    return abs(wait - told) > max(WAIT_SECONDS, WAIT_SHARE * told)


def _ended(sentence: str, **more: Any) -> Message:
    return {"type": "state", "state": "ended", "sentence": sentence, **more}


def _exit_reason(code: int | None, stuck: str | None) -> str:
    """Return why a process ended, as a sentence for the people watching its race."""
    if stuck is not None:
        why = f"{stuck} and was stopped"
    elif code == -9:  # SIGKILL, which Windows does not have
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
