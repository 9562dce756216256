"""What a workshop meets: fifty visitors with a race each, fifty viewers of one race, fifty pages that
open while fifty watch, fifty who ask for the same.

    python -m tests.bench.visitors [--json] [--visitors 50] [--seconds 60]

A server on this machine with as many worker processes as it chooses itself; visitors are sockets in
this process, which shares the machine's cores with it, so gaps and shares are what is measured from
outside, load of the measuring included. Progress is the share of its budget that a race has spent;
Jain's index of n races is (Σx)² / (n Σx²), 1 if all have advanced alike.
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import websockets
from websockets.asyncio.client import ClientConnection, connect

from engine.system import environment

environment.prepare()  # before torch

from streamlit.web.server.starlette.starlette_app_utils import generate_xsrf_token_string

from app.visitors import COOKIE
from engine.messages.encoding import Message, decode
from tests.bench import machine
from tests.browser.conftest import Server

BARS = {
    "all_advance_s": ("<=", 5.0),
    "jain": (">=", 0.95),
    "live_gap_p95_ms": ("<=", 200.0),
    "live_frames_per_second": (">=", 10.0),
    "server_core_share": ("<=", 0.25),
    "pages_ready_s": ("<=", 5.0),
    "pages_live_gap_p95_ms": ("<=", 200.0),
    "same_races": ("==", 1),
}
LONG = 3600.0
PATIENCE = 300.0


def experiment(seed: int, seconds: float = LONG) -> Message:
    """Return a visitor's race: another one for every seed."""
    return {
        "dataset": "spirals",
        "lanes": ["annealing", "adam"],
        "budget": {"currency": "seconds", "amount": seconds},
        "seed": seed,
    }


@dataclass
class Visitor:
    """A socket to the live view, and what came over it.

    Attributes:
        asked: when the race was asked for.
        frames: when pictures came.
        moved: when the first frame came in which a lane has taken a step.
        progress: of the race, by the time it was told.
        token, watch: of the race.
    """

    asked: float = 0.0
    frames: list[float] = field(default_factory=list)
    moved: float | None = None
    progress: list[tuple[float, float]] = field(default_factory=list)
    token: str | None = None
    watch: str | None = None
    state: str = ""
    socket: ClientConnection | None = None
    bytes: int = 0

    async def listen(self, address: str, *commands: Message) -> None:
        """Send commands and read until the socket is closed."""
        origin = address.replace("ws", "http", 1).removesuffix("/kelvin/live")
        cookie = f"{COOKIE}={generate_xsrf_token_string()}"  # each is a browser of its own
        # on a busy machine it takes its time until a socket is open
        patient: Any = {
            "origin": origin,
            "max_size": None,
            "open_timeout": PATIENCE,
            "additional_headers": {"Cookie": cookie},
        }
        async with connect(address, **patient) as self.socket:
            self.asked = time.monotonic()
            for command in commands:
                await self.socket.send(json.dumps(command))
            with contextlib.suppress(websockets.ConnectionClosed):
                async for data in self.socket:
                    assert isinstance(data, bytes)
                    self.bytes += len(data)
                    self.take(decode(data))

    def take(self, message: Message) -> None:
        now = time.monotonic()
        if message["type"] == "picture":
            self.frames.append(now)
        elif message["type"] == "metrics":
            lanes = message["lanes"]
            if self.moved is None and any(lane["step"] for lane in lanes):
                self.moved = now
            self.progress.append((now, min(lane["progress"] for lane in lanes)))
        elif message["type"] == "state":
            token = message.get("race", self.token)
            if token != self.token:
                self.token, self.moved = token, None
            self.watch = message.get("watch", self.watch)
            self.state = message["state"]
        elif message["type"] == "problem":
            logging.getLogger(__name__).warning("%s", message["sentence"])


@contextlib.asynccontextmanager
async def visitors(address: str, *asks: list[Message]) -> Any:
    """Open a socket for every list of commands, all at once, and close them afterwards."""
    found = [Visitor() for _ in asks]
    tasks = [
        asyncio.create_task(one.listen(address, *commands))
        for one, commands in zip(found, asks, strict=True)
    ]
    try:
        yield found
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(holds: Any, what: str) -> None:
    """Wait until something holds."""
    limit = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > limit:
            raise SystemExit(f"never came true: {what}")
        await asyncio.sleep(0.02)


def percentile(values: list[float], share: float) -> float:
    """Return the value that this share of all is at most."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def gaps(frames: list[float]) -> list[float]:
    """Return the milliseconds between one picture and the next."""
    return [1e3 * (after - before) for before, after in pairwise(frames)]


async def own_races(address: str, count: int, seconds: float) -> dict[str, float]:
    """Let every visitor have a race of their own."""
    asks = [[{"do": "run", "experiment": experiment(seed)}] for seed in range(count)]
    async with visitors(address, *asks) as all_of_them:
        await until(lambda: all(one.moved for one in all_of_them), "every race advances")
        began = time.monotonic()
        await asyncio.sleep(seconds)
        gained = []
        for one in all_of_them:
            before = next((p for at, p in reversed(one.progress) if at <= began), 0.0)
            gained.append(one.progress[-1][1] - before)
        waits = [one.moved - one.asked for one in all_of_them]
        shown = [one for one in all_of_them if len(one.frames) > 1]
        rates = [len(one.frames) / (one.frames[-1] - one.frames[0]) for one in shown]
    return {
        "jain": sum(gained) ** 2 / (len(gained) * sum(one**2 for one in gained)),
        "first_frame_p50_s": percentile(waits, 0.5),
        "first_frame_p95_s": percentile(waits, 0.95),
        "all_advance_s": max(waits),
        "own_frames_per_second": statistics.median(rates),
    }


async def one_race(address: str, count: int, seconds: float, server: int) -> dict[str, float]:
    """Let one visitor's race be watched by others who have its link."""
    async with visitors(address, [{"do": "run", "experiment": experiment(1000)}]) as (presenter,):
        await until(lambda: presenter.watch and presenter.moved, "the presenter's race advances")
        attach = [[{"do": "attach", "race": presenter.watch}] for _ in range(count)]
        async with visitors(address, *attach) as viewers:
            await until(lambda: all(len(one.frames) > 3 for one in viewers), "all see pictures")
            for one in viewers:
                one.frames.clear()
                one.bytes = 0
            process = psutil.Process(server)
            before, began = sum(process.cpu_times()[:2]), time.monotonic()
            await asyncio.sleep(seconds)
            spent = time.monotonic() - began
            share = (sum(process.cpu_times()[:2]) - before) / spent
            found = [gap for one in viewers for gap in gaps(one.frames)]
            rate = statistics.median(len(one.frames) / spent for one in viewers)
            sent = statistics.median(one.bytes / spent for one in viewers)
    return {
        "live_gap_p50_ms": percentile(found, 0.5),
        "live_gap_p95_ms": percentile(found, 0.95),
        "live_gap_max_ms": max(found),
        "live_frames_per_second": rate,
        "live_kilobytes_per_second": sent / 1e3,
        "server_core_share": share,
    }


async def open_page(port: int) -> float:
    """Open Kelvin's page as a browser does, and return the seconds until it was drawn."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    began = time.monotonic()
    address = f"ws://localhost:{port}/_stcore/stream"
    origin: Any = f"http://localhost:{port}"
    names: Any = ["streamlit"]
    async with connect(address, origin=origin, subprotocols=names, max_size=None) as socket:
        ask = BackMsg()
        ask.rerun_script.query_string = ""
        await socket.send(ask.SerializeToString())
        async for data in socket:
            told = ForwardMsg()
            told.ParseFromString(data if isinstance(data, bytes) else data.encode())
            if told.WhichOneof("type") == "script_finished":
                return time.monotonic() - began
    raise SystemExit("a page was closed before it was drawn")


async def pages(address: str, port: int, count: int) -> dict[str, float]:
    """Open pages while others watch a race."""
    async with visitors(address, [{"do": "run", "experiment": experiment(2000)}]) as (presenter,):
        await until(lambda: presenter.watch and presenter.moved, "the presenter's race advances")
        attach = [[{"do": "attach", "race": presenter.watch}] for _ in range(count)]
        async with visitors(address, *attach) as viewers:
            await until(lambda: all(len(one.frames) > 3 for one in viewers), "all see pictures")
            await open_page(port)  # the first one after the start imports what all others share
            for one in viewers:
                one.frames.clear()
            ready = await asyncio.gather(*(open_page(port) for _ in range(count)))
            await asyncio.sleep(1.0)
            found = [gap for one in viewers for gap in gaps(one.frames)]
    return {
        "pages_ready_s": max(ready),
        "pages_ready_p50_s": percentile(list(ready), 0.5),
        "pages_live_gap_p95_ms": percentile(found, 0.95),
        "pages_live_gap_max_ms": max(found),
    }


async def same_link(address: str, count: int) -> dict[str, float]:
    """Let everybody ask for the same experiment."""
    ask = [{"do": "run", "experiment": experiment(3000)}]
    async with visitors(address, *[ask for _ in range(count)]) as all_of_them:
        await until(lambda: all(one.moved for one in all_of_them), "all see the race advance")
        # who came later knows the race by the token that only lets watch it
        return {"same_races": len({one.watch or one.token for one in all_of_them})}


def met(figures: dict[str, float]) -> dict[str, bool]:
    """Return which bars are met."""
    judged = {
        "<=": lambda value, bar: value <= bar,
        ">=": lambda value, bar: value >= bar,
        "==": lambda value, bar: value == bar,
    }
    return {
        name: judged[sign](figures[name], bar)
        for name, (sign, bar) in BARS.items()
        if name in figures
    }


async def _all(server: Server, count: int, seconds: float) -> dict[str, float]:
    port = server.port
    address = f"ws://localhost:{port}/kelvin/live"
    figures: dict[str, float] = {"visitors": count}
    figures |= await pages(address, port, count)
    figures |= await one_race(address, count, min(seconds, 20.0), server.process.pid)
    figures |= await same_link(address, count)
    figures |= await own_races(address, count, seconds)
    return figures


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0, help="over which progress is judged")
    asked = parser.parse_args()
    rates = machine.measure()
    with tempfile.TemporaryDirectory(prefix="kelvin-visitors-") as folder:
        server = Server(KELVIN_STORE=str(Path(folder) / "races"))
        try:
            figures = asyncio.run(_all(server, asked.visitors, asked.seconds))
        finally:
            log = server.stop()
    figures["tracebacks"] = log.count("Traceback")
    if asked.json:
        print(json.dumps({**figures, "met": met(figures), "machine": rates.to_json()}))
        return
    print(rates, f"; {os.cpu_count()} cores", sep="")
    good = met(figures)
    for name, value in figures.items():
        bar = BARS.get(name)
        said = "" if bar is None else f"{bar[0]} {bar[1]:g}  {'met' if good[name] else 'MISSED'}"
        print(f"{name:28} {value:10.3f}  {said}")


if __name__ == "__main__":
    main()
