"""The code inside a worker process: take races, give each its share of the time, pass on commands.

Races that share a process take turns: the one that has had the least time of the process goes on
next, for a slice. A race that waits for a command, or for the pace a visitor has set, takes none.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, MutableSequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..system import environment

if TYPE_CHECKING:
    from ..messages.encoding import Message
    from .race_runner import RaceRunner

log = logging.getLogger(__name__)

TOLD = ("type", "state", "k", "passing", "seed", "unsaved", "heard", "to")
"""What the pool and the hub know of a message without decoding it."""
ROUND_SECONDS = 0.25
"""In about this time every race of the process has its turn."""
SHORTEST_SLICE, LONGEST_SLICE = 0.01, 0.1
BEAT_SECONDS = 0.5
BEAT, AT_WORK, SINCE = range(3)
"""Places in what a worker shows of itself: when it last gave a sign of life, the number of the race
that is at work (−1 for none), and since when.
"""
FAILED = (
    "The race stopped because of an error in Kelvin, which is in the server's log. What was "
    "recorded up to here is kept."
)
COMPILING = "Compiling loops, once on this machine: about half a minute …"
NO_MEMORY = (
    "The race ran out of memory. What was recorded up to here is kept; a smaller population, batch "
    "or network will fit."
)


class Gone(Exception):
    """Raised when the server has closed the pipe, or wants this process to end."""


def serve(connection: Connection, board: MutableSequence[float]) -> None:
    """Run races until told to exit or the other end of the pipe is closed.

    Args:
        connection: commands come in, messages go out.
        board: shared with the server; see `BEAT`.
    """
    # Ctrl-C is handled by the server, which closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_beat, args=(board, os.getppid()), daemon=True).start()
    work(connection, board)


def work(connection: Any, board: MutableSequence[float]) -> None:
    """Do the same, in any thread of a process that is looked after by others.

    Args:
        connection: a pipe, or what stands for it.
        board: see `BEAT`.
    """
    environment.prepare()
    _warm_up()
    with contextlib.suppress(Gone):
        Worker(connection, board).run()


def _beat(board: MutableSequence[float], parent: int) -> None:
    """Give signs of life, and end this process soon after its server, even in a long step."""
    while True:
        board[BEAT] = time.monotonic()
        time.sleep(BEAT_SECONDS)
        if os.getppid() != parent:
            time.sleep(BEAT_SECONDS)  # a race between two steps ends by itself
            os._exit(0)


def _warm_up() -> None:
    """Import everything and run a few steps, so that the first visitor's race starts at once."""
    from ..experiment.model import Experiment
    from ..messages.encoding import encode
    from ..race.race import Race

    spec = {
        "dataset": {"name": "moons", "points": 40},
        "lanes": ["annealing", "eki", "pso", "adam"],
        "budget": {"currency": "evaluations", "amount": 100},
        "device": "cpu",
    }
    for frame in Race(Experiment.parse(spec), marks=1):
        encode(frame.metrics)


class Turn:
    """A race that shares the process, and when it has something to do.

    Attributes:
        number: given by the server.
        runner: of the race.
        work: what remains to be run.
        due: the time from which it has something to do.
        used: the time it had of the process, counted from that of the others when it came.
    """

    def __init__(self, number: int, runner: RaceRunner, used: float) -> None:
        self.number, self.runner, self.used = number, runner, used
        self.work: Iterator[float] = runner.run()
        self.due = -math.inf


class Worker:
    """The races of this process.

    Args:
        connection: commands come in, messages go out.
        board: shared with the server; see `BEAT`.
    """

    def __init__(self, connection: Connection, board: MutableSequence[float]) -> None:
        self.connection, self.board = connection, board
        self.turns: dict[int, Turn] = {}
        self.waiting: dict[int, Message] = {}
        """Races that were not begun yet, and the commands to them."""
        self._heard = _listening(connection)
        self._reached = 0.0
        """The time that a race had had of the process which took its turn last."""
        board[AT_WORK] = -1.0

    def run(self) -> None:
        """Run races until told to exit.

        Raises:
            Gone: the server has closed the pipe.
        """
        while True:
            now = time.perf_counter()
            if not self.waiting:
                due = min((turn.due for turn in self.turns.values()), default=math.inf)
                self.listen(max(0.0, due - now))
            else:
                self.listen()
            if self.waiting:
                self._begin(next(iter(self.waiting)))
            now = time.perf_counter()
            ready = [turn for turn in self.turns.values() if turn.due <= now]
            if ready:
                turn = min(ready, key=lambda turn: turn.used)
                self._reached = max(self._reached, turn.used)
                self._go_on(turn, len(ready))

    def listen(self, seconds: float = 0.0) -> None:
        """Take all commands that have come; wait for the first at most so long.

        Raises:
            Gone: the server has closed the pipe, or wants this process to end.
        """
        try:
            if seconds and not self.connection.poll(None if seconds == math.inf else seconds):
                return
            while self._heard():
                self._take(self.connection.recv())
        except (EOFError, OSError):
            raise Gone from None

    def _take(self, command: Message) -> None:
        if command["do"] == "exit":
            raise Gone
        if command["do"] == "device":
            import torch

            torch.cuda.set_device(command["device"])  # where a race asks for a GPU, it is this one
            return
        number = command.pop("race")
        if command["do"] == "race":
            self.waiting[number] = {**command, "commands": []}
        elif number in self.waiting:
            self.waiting[number]["commands"].append(command)
        elif number in self.turns:  # otherwise it has just ended
            turn = self.turns[number]
            turn.runner.inbox.append(command)
            if turn.due == math.inf:  # it makes up for none of the time in which it waited
                turn.used = max(turn.used, self._reached)
            turn.due = -math.inf

    def _begin(self, number: int) -> None:
        """Set up a race; the others wait meanwhile."""
        from ..any_race import parse_experiment
        from ..combinatorial import kernels
        from .race_runner import Cancelled, RaceRunner

        order = self.waiting[number]
        if "instance" in order["experiment"]:
            kernels.want_all()
        kernels.WAITING[:] = [
            lambda: self._send(
                number, {"type": "state", "state": "starting", "sentence": COMPILING}
            )
        ]

        def begin() -> None:
            if any(command["do"] == "cancel" for command in order["commands"]):
                raise Cancelled
            runner = RaceRunner(
                parse_experiment(order["experiment"]),
                self._sender(number),
                self.listen,
                Path(order["keep"]) if "keep" in order else None,
                order.get("job", ""),
            )
            turn = self.turns[number] = Turn(number, runner, self._reached)
            turn.runner.inbox.extend(order["commands"])

        try:
            with self._at_work(number):
                self._ending(number, begin)
        finally:  # what is compiled later is not what this race waits for
            kernels.WAITING.clear()
        del self.waiting[number]

    def _go_on(self, turn: Turn, ready: int) -> None:
        """Give a race its next slice."""
        runner = turn.runner
        runner.neighbours = ready
        seconds = max(SHORTEST_SLICE, min(LONGEST_SLICE, ROUND_SECONDS / ready))
        waits: float | None = None

        def go_on() -> None:
            nonlocal waits
            waits = runner.slice(turn.work, seconds)

        began = time.perf_counter()
        with self._at_work(turn.number):
            whole = self._ending(turn.number, go_on)
        now = time.perf_counter()
        turn.used += now - began
        if not whole or waits is None:
            self.turns.pop(turn.number, None)
            turn.work.close()  # type: ignore[attr-defined]  # a generator
            _release_buffers()
            if whole:
                self._send(turn.number, {"type": "state", "state": "done"})
        elif runner.inbox:
            turn.due = -math.inf
        else:
            turn.due = now + waits

    def _ending(self, number: int, work: Callable[[], None]) -> bool:
        """Do a part of a race, and tell why if that ends it.

        Returns:
            Whether it goes on.
        """
        from .race_runner import Cancelled, TimeUp

        try:
            work()
            return True
        except Gone:
            raise
        except Cancelled:
            told = _ended("The race was stopped.", calm=True)
        except TimeUp as error:
            told = _ended(str(error))
        except BadInput as error:
            told = {"type": "problem", "sentence": error.sentence}
        except (MemoryError, RuntimeError) as error:
            lacks = isinstance(error, MemoryError) or any(
                word in str(error) for word in ("alloc", "out of memory")
            )
            if not lacks:
                log.exception("a race failed")
            told = _ended(NO_MEMORY if lacks else FAILED)
        except Exception:
            log.exception("a race failed")
            told = _ended(FAILED)
        self._send(number, told)
        return False

    @contextlib.contextmanager
    def _at_work(self, number: int) -> Iterator[None]:
        self.board[SINCE], self.board[AT_WORK] = time.monotonic(), number
        try:
            yield
        finally:
            self.board[AT_WORK] = -1.0

    def _sender(self, number: int) -> Callable[[Message], None]:
        return lambda message: self._send(number, message)

    def _send(self, number: int, message: Message) -> None:
        """Send a message's race, type and state, for the pool, and its bytes, for everyone else.

        Raises:
            Gone: the server has closed the pipe.
        """
        from ..messages.encoding import encode

        about: dict[str, Any] = {key: message[key] for key in TOLD if key in message}
        if message["type"] == "metrics":
            told = [lane["progress"] for lane in message["lanes"] if not lane["finished"]]
            about["progress"] = min(told, default=1.0)
        data = encode(message)
        try:
            self.connection.send({**about, "race": number})
            self.connection.send_bytes(data)
        except OSError:
            raise Gone from None


def _release_buffers() -> None:
    """Free the scratch buffers of an ended race, whose memory the pool counts as free. Other races
    of the process allocate theirs again when they need them.
    """
    buffers = sys.modules.get(f"{str(__package__).rpartition('.')[0]}.kernels.scratch")
    if buffers is not None:
        buffers.release()


def _ended(sentence: str, **more: Any) -> Message:
    return {"type": "state", "state": "ended", "sentence": sentence, **more}


def _listening(connection: Connection) -> Callable[[], bool]:
    """Return a function that checks whether a command has arrived. `Connection.poll` allocates at
    every call: twenty microseconds between two steps of a race.
    """
    if not (isinstance(connection, Connection) and hasattr(select, "poll")):
        return connection.poll
    poller = select.poll()
    poller.register(connection, select.POLLIN)
    return lambda: bool(poller.poll(0))
