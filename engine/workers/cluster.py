"""Races on other machines: a pool whose processes are actors of a Ray cluster (``KELVIN_RAY``).

An actor hosts the same loop as a process of this machine does (`engine.workers.worker.Worker`), so
turns, checkpoints, crashes and the watchdog are the same; the death of an actor is that of a
process. Its messages come back as one stream, which also carries its signs of life, for it shares
no memory with the server; commands go to it as calls, in order.

Checkpoints do not travel through the server: a race writes its own where the server reads it, in a
folder that all machines share. Uploaded files and full data sets must be in such folders anyway; a
checkpoint of some hundred MB a second would take the line that all viewers share; and what is on
the disk outlives the server. A race on a machine that does not share the folder runs, and would be
lost with its actor: `ClusterPool` says so in the log.

Ray is imported only where it is used: Kelvin works without it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import secrets
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, MutableSequence
from pathlib import Path
from typing import Any

from ..errors import BadInput, one_line
from ..messages.encoding import Message
from ..system import environment, settings
from .pool import (
    AT_ONCE,
    PATIENCE_SECONDS,
    SHARE_OF_MEMORY,
    Job,
    Line,
    Main,
    Pool,
    Process,
    _Worker,
)
from .worker import AT_WORK, BEAT, BEAT_SECONDS, SINCE, Gone, work

log = logging.getLogger(__name__)

Batch = tuple[int, float, list[tuple[Message, bytes]]]
"""What an actor tells at once: the race at work and for how many seconds, and its messages."""

ANSWER_SECONDS = 10.0
"""Time for a cluster's address to take a connection."""
MOST_UNSENT = 256
"""Messages that wait for the server; then races wait, as they do for a full pipe."""
SHARED = (
    "KELVIN_CACHE",
    "KELVIN_DATA",
    "KELVIN_DEVICE",
    "KELVIN_MEMORY",
    "KELVIN_THREADS",
    "KELVIN_UPLOADS",
)
"""Settings of the server that its actors have too."""
LATE_SECONDS = 5.0
"""A race goes to another actor if its own has not started for so long."""


def connect() -> None:
    """Connect to the cluster that ``KELVIN_RAY`` names; nothing happens if it is not set, or once
    connected.

    Raises:
        BadInput: Ray is not installed, or no cluster answers.
    """
    address = settings.ray()
    if address is None:
        return
    allowed = "the address of a Ray cluster that runs (`ray start --head` starts one)"
    if address != "auto":
        name, _, port = address.rpartition(":")
        try:  # Ray itself would try for minutes, and then end this process
            socket.create_connection((name.strip("[]"), int(port)), ANSWER_SECONDS).close()
        except OSError as error:
            why = error.strerror or "it does not answer"
            raise BadInput("KELVIN_RAY", address, f"{allowed}; {why}") from None
    # Ray takes over SIGTERM, on which the server lets races end.
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    try:
        import ray

        if not ray.is_initialized():
            ray.init(address=address, logging_level=logging.ERROR, namespace="kelvin")
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        log.info("no cluster: %s", error)
        raise BadInput("KELVIN_RAY", address, allowed) from None
    finally:
        if main and before is not None:
            signal.signal(signal.SIGTERM, before)


def open_pool() -> Pool:
    """Return the pool that the settings ask for: on this machine, or on a cluster.

    Raises:
        BadInput: a setting is not allowed, or no cluster answers.
    """
    return Pool() if settings.ray() is None else ClusterPool()


class ActorLine:
    """The actor's end of what it and the server say to each other; stands for a pipe."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._orders: deque[Message] = deque()
        self._about: Message = {}
        self._out: queue.Queue[tuple[Message, bytes] | None] = queue.Queue(MOST_UNSENT)

    def put(self, order: Message) -> None:
        """Take an order from the server."""
        with self._news:
            self._orders.append(order)
            self._news.notify()

    def poll(self, seconds: float | None = 0.0) -> bool:
        """Wait at most so long for an order; for ever if that is None."""
        if not self._orders and seconds != 0.0:
            with self._news:
                self._news.wait_for(lambda: self._orders, seconds)
        return bool(self._orders)

    def recv(self) -> Message:
        """Return the next order."""
        self.poll(None)
        return self._orders.popleft()

    def send(self, about: Message) -> None:
        """Note what the next message is about."""
        self._about = about

    def send_bytes(self, data: bytes) -> None:
        """Send a message; wait while too many are unsent."""
        self._out.put((self._about, data))

    def end(self) -> None:
        """Tell that no message follows."""
        self._out.put(None)

    def taken(self, seconds: float) -> tuple[list[tuple[Message, bytes]], bool]:
        """Wait at most so long for messages, and return those that there are and whether others may
        follow.
        """
        messages = []
        with contextlib.suppress(queue.Empty):
            message = self._out.get(timeout=seconds)
            while message is not None:
                messages.append(message)
                message = self._out.get_nowait()
            return messages, False
        return messages, True


class Host:
    """What an actor is: a worker's loop in a thread, and its line to the server.

    Args:
        main: the loop.
        given: environment variables of the server.
        races: how many actors may run on this machine.
    """

    def __init__(self, main: Main, given: dict[str, str], races: int) -> None:
        os.environ.update(given)
        environment.prepare()
        from ..system import machine

        machine.share_among(races)
        self._main, self._line = main, ActorLine()
        self._board: MutableSequence[float] = [0.0, -1.0, 0.0]

    def about(self, shared: str | None) -> tuple[int, str, bool]:
        """Return the id of this process, that of its machine, and whether it sees a file of the
        server.
        """
        import ray

        node = ray.get_runtime_context().get_node_id()
        return os.getpid(), node, shared is None or Path(shared).is_file()

    def order(self, order: Message) -> None:
        """Take an order."""
        self._line.put(order)

    def talk(self) -> Iterator[Batch]:
        """Run races, and yield what they say; at least a sign of life every half second."""
        threading.Thread(target=self._work, daemon=True).start()
        more = True
        while more:
            messages, more = self._line.taken(BEAT_SECONDS)
            at_work, since = int(self._board[AT_WORK]), self._board[SINCE]
            yield at_work, time.monotonic() - since, messages

    def _work(self) -> None:
        try:
            with contextlib.suppress(Gone):
                self._main(self._line, self._board)
        except BaseException:
            log.exception("a worker ended")
        self._line.end()


class ActorProcess:
    """An actor, as the pool sees a process."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self.pid: int | None = None
        self.node = ""
        self.exitcode: int | None = None
        self.over = threading.Event()

    def is_alive(self) -> bool:
        """Return whether it has not ended."""
        return not self.over.is_set()

    def join(self, seconds: float | None = None) -> bool:
        """Wait at most so long until it has ended, and return whether it has."""
        return self.over.wait(seconds)

    def kill(self) -> None:
        """Kill it."""
        import ray

        with contextlib.suppress(Exception):  # it is gone, or the cluster is
            ray.kill(self.actor)


class ServerLine:
    """The server's end: what an actor says, message by message.

    Args:
        process: the actor.
        board: what it shows of itself, kept as it tells.
        shared: a file of the server that its machine should see, or None.
    """

    def __init__(
        self, process: ActorProcess, board: MutableSequence[float], shared: Path | None
    ) -> None:
        self._process, self._board, self._shared = process, board, shared
        self._data = b""
        self._messages: deque[tuple[Message, bytes]] = deque()
        self._batches: Any = process.actor.talk.options(
            num_returns="streaming", concurrency_group="talk"
        ).remote()
        self.up = False

    def send(self, obj: Message, /) -> None:
        """Send an order; the order of calls is kept."""
        try:
            self._process.actor.order.options(concurrency_group="orders").remote(obj)
        except Exception as error:  # of any kind of Ray's: the thread that reads learns it too
            raise OSError(str(error)) from None

    def recv(self) -> Message:
        """Return the next message's type and state.

        Raises:
            EOFError: the actor has ended.
        """
        import ray

        try:
            if not self.up:
                self._begin()
            while not self._messages:
                at_work, seconds, messages = ray.get(next(self._batches))
                now = time.monotonic()
                self._board[BEAT], self._board[SINCE] = now, now - seconds
                self._board[AT_WORK] = at_work
                self._messages.extend(messages)
        except Exception as error:
            if not isinstance(error, StopIteration):
                log.warning("an actor ended: %s", one_line(str(error)))
            self._process.kill()
            self._process.over.set()
            raise EOFError from None
        about, self._data = self._messages.popleft()
        return about

    def recv_bytes(self) -> bytes:
        """Return the bytes of that message."""
        return self._data

    def _begin(self) -> None:
        """Wait until the actor runs."""
        import ray

        actor, shared = self._process.actor, self._shared
        self._process.pid, self._process.node, sees = ray.get(
            actor.about.options(concurrency_group="orders").remote(
                None if shared is None else str(shared)
            )
        )
        if not sees and shared is not None:
            log.warning(
                "machine %s does not see the folder %s: races there are lost if their process "
                "ends; KELVIN_STORE must name a folder that all machines of the cluster share",
                self._process.node,
                shared.parent,
            )
        self._board[BEAT], self.up = time.monotonic(), True


class ClusterPool(Pool):
    """A pool whose processes are actors of the Ray cluster that ``KELVIN_RAY`` names, each with a
    processor core of its own, spread over its machines; where ``KELVIN_DEVICE`` names a GPU, they
    share the cluster's.

    Args:
        size: actors; ``KELVIN_WORKERS`` by default, else one for every core of the cluster.
        main: the function that they run; `engine.workers.worker.work` by default.
        patience, at_once, memory: see `engine.workers.pool.Pool`; the memory is that of all
            machines.

    Raises:
        BadInput: no cluster answers.
    """

    def __init__(
        self,
        size: int | None = None,
        main: Main | None = None,
        patience: float = PATIENCE_SECONDS,
        at_once: int = AT_ONCE,
        memory: float | None = None,
    ) -> None:
        connect()
        import ray

        there = ray.cluster_resources()
        cores = max(1, int(there.get("CPU", 1)))
        size = settings.workers() or cores if size is None else size
        wants_gpu = settings.devices() not in (None, ["cpu"])
        self._gpus = min(1.0, there.get("GPU", 0.0) / size) if wants_gpu else 0.0
        self._machines = max(1, sum(node["Alive"] for node in ray.nodes()))
        self._marker = _marker()
        memory = SHARE_OF_MEMORY * float(there.get("memory", 0.0)) if memory is None else memory
        super().__init__(size, main or work, patience, at_once, memory)

    def close(self) -> None:
        super().close()
        if self._marker is not None:
            self._marker.unlink(missing_ok=True)

    def _start(self) -> tuple[Line, MutableSequence[float], Process]:
        import ray

        races = -(-self.size // self._machines)
        given = {name: os.environ[name] for name in SHARED if name in os.environ}
        remote: Any = ray.remote
        actor = remote(
            num_cpus=1,
            num_gpus=self._gpus,  # Ray lets an actor see no other
            max_restarts=0,
            scheduling_strategy="SPREAD",
            concurrency_groups={"orders": 1, "talk": 1},
        )(Host)
        process = ActorProcess(actor.remote(self._main, given, races))
        board: MutableSequence[float] = [0.0, -1.0, 0.0]
        return ServerLine(process, board, self._marker), board, process

    def _devices(self) -> list[str]:
        return []

    def _is_up(self, worker: _Worker) -> bool:
        return isinstance(worker.connection, ServerLine) and worker.connection.up

    def _look_at(self, worker: _Worker) -> None:
        if self._is_up(worker):
            super()._look_at(worker)
            return
        # A machine may be gone, and with it the core that this actor waits for.
        late = [job for job in worker.jobs.values() if self._is_late(job)]
        if not late or not any(self._is_up(one) for one in self._workers):
            return
        for job in late:
            del worker.jobs[job._number]
            worker.send({"do": "cancel", "race": job._number})
            # Under another number, for the actor may yet begin it and tell of its end.
            job._number, job._worker = next(self._numbers), None
        self._queue.extendleft(reversed(late))
        self._assign()

    @staticmethod
    def _is_late(job: Job) -> bool:
        return time.monotonic() - job._begun > LATE_SECONDS


def _marker() -> Path | None:
    """Return a new, empty file in the folder of kept races, by which machines tell whether they see
    that folder; None if races are not kept.
    """
    folder = settings.store()
    if folder is None:
        return None
    path = folder / f".seen-{secrets.token_hex(8)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError:
        return None
    return path
