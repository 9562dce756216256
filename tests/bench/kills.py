"""Kill the server and its workers again and again, and count what is lost.

    python -m tests.bench.kills [--json] [--kills 100] [--seed 0]

Four visitors race on a server of its own. After a random while the server, or one of its worker
processes, gets `kill -9`; a killed server is started again on the same folder. Every visitor comes
back with the token of their race, as an open page does. What is lost is the time of its own that a
race had spent before the kill and has not when it goes on. In the end every file is read: a recording
is corrupt if a message cannot be read, is there twice, or does not follow the one before.
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from tqdm import tqdm

from engine.system import environment

environment.prepare()  # before torch

from app.storage import frames
from engine.messages.encoding import Message, decode
from tests.bench import machine
from tests.bench.visitors import Visitor, experiment, percentile, until
from tests.browser.conftest import Server

VISITORS = 4
SHORTEST, LONGEST = 0.3, 4.0
SETTLE = 1.0
"""Seconds after which the races of a killed worker have been told again."""
BARS = {"corrupt": 0, "lost_max_s": 1.0}


class Watcher(Visitor):
    """A visitor who knows how much time of its own the race has spent.

    Attributes:
        spent: at the newest frame.
        told: how often the race was told from its start.
        after: what it had spent at the first frame after its history was told again; None before
            that frame.
    """

    def __init__(self) -> None:
        super().__init__()
        self.spent, self.told = 0.0, 0
        self.after: float | None = None
        self._history = False

    def take(self, message: Message) -> None:
        super().take(message)
        if message["type"] == "stage":
            self.told += 1
            self._history, self.after = True, None
        elif message["type"] == "state":
            self._history = False
        elif message["type"] == "metrics":
            self.spent = min(lane["seconds"] for lane in message["lanes"])
            if self.after is None and not self._history:
                self.after = self.spent

    @property
    def goes_on(self) -> bool:
        """Return whether the race runs again after it was interrupted."""
        return self.state == "running" and self.after is not None

    async def stay(self, port: int, *commands: Message) -> None:
        """Come back until the server takes the socket; then listen until it is gone."""
        while True:
            with contextlib.suppress(OSError):
                await self.listen(f"ws://localhost:{port}/kelvin/live", *commands)
                return
            await asyncio.sleep(0.1)


def workers(server: Server) -> list[psutil.Process]:
    """Return the processes that run races."""
    found = []
    for child in psutil.Process(server.process.pid).children():
        with contextlib.suppress(psutil.Error):
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


async def torture(folder: Path, kills: int, seed: int, quiet: bool) -> dict[str, float]:
    """Kill so many times, and return what was lost."""
    chance = random.Random(seed)
    server = start(folder)
    people = [Watcher() for _ in range(VISITORS)]
    tasks = [
        asyncio.create_task(one.stay(server.port, {"do": "run", "experiment": experiment(i)}))
        for i, one in enumerate(people)
    ]
    await until(lambda: all(one.moved for one in people), "every race advances")
    lost: list[float] = []
    pauses: list[float] = []
    of_server = 0
    for _ in tqdm(range(kills), disable=quiet, file=sys.stderr):
        await asyncio.sleep(chance.uniform(SHORTEST, LONGEST))
        before, told = [one.spent for one in people], [one.told for one in people]
        began = time.monotonic()
        if chance.random() < 0.5:
            of_server += 1
            old = [process.pid for process in workers(server)]
            os.kill(server.process.pid, signal.SIGKILL)
            server.process.wait()
            await asyncio.gather(*tasks, return_exceptions=True)
            await until(lambda pids=old: not any(map(psutil.pid_exists, pids)), "no orphan")
            server = await asyncio.to_thread(start, folder)
            for one in people:
                one.state, one.after = "", None
            tasks = [
                asyncio.create_task(one.stay(server.port, {"do": "attach", "race": one.token}))
                for one in people
            ]
            touched = people
        else:
            os.kill(chance.choice(workers(server)).pid, signal.SIGKILL)
            await asyncio.sleep(SETTLE)
            touched = [one for one, times in zip(people, told, strict=True) if one.told > times]
        await until(lambda those=touched: all(one.goes_on for one in those), "every race goes on")
        pauses.append(time.monotonic() - began)
        lost += [
            max(0.0, spent - (one.after or 0.0))
            for one, spent in zip(people, before, strict=True)
            if one in touched
        ]
    for one in people:
        if one.socket is not None:
            await one.socket.close()
    await asyncio.gather(*tasks, return_exceptions=True)
    log = server.stop()
    return {
        "kills": kills,
        "of_the_server": of_server,
        "interruptions": len(lost),
        "lost_p50_s": percentile(lost, 0.5),
        "lost_p95_s": percentile(lost, 0.95),
        "lost_max_s": max(lost, default=0.0),
        "back_after_p50_s": percentile(pauses, 0.5),
        "corrupt": sum(map(corrupt, sorted(folder.glob("*.frames")))),
        "recordings": len(list(folder.glob("*.frames"))),
        "tracebacks": log.count("Traceback"),
    }


def start(folder: Path) -> Server:
    """Start a server that keeps its races in a folder."""
    return Server(KELVIN_STORE=str(folder))


def corrupt(path: Path) -> bool:
    """Return whether a recording holds anything that does not belong there."""
    newest: dict[str, int] = {}
    try:
        for data in frames.read(path):
            message: dict[str, Any] = decode(data)
            kind, k = message["type"], message.get("k", -1)
            if kind in ("metrics", "picture") and k <= newest.get(kind, -1):
                return True
            newest[kind] = k
    except ValueError:
        return True
    return "stage" not in newest


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rates = machine.measure()
    with tempfile.TemporaryDirectory(prefix="kelvin-kills-") as folder:
        figures = asyncio.run(torture(Path(folder), asked.kills, asked.seed, asked.json))
    if asked.json:
        print(json.dumps({**figures, "machine": rates.to_json()}))
        return
    print(rates)
    machine.print_table(figures, BARS)


if __name__ == "__main__":
    main()
