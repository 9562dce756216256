"""Open, run, reload and close again and again, and see what stays behind.

    python -m tests.bench.churn [--json] [--cycles 300]

A server with a store of its own. In every cycle a visitor opens the page, runs a race, reloads (a
new socket that asks for the race by its token) and closes; every third one closes while the race
goes on, and every seventh asks for two races, one after the other. Memory is what the processes have
for themselves and in no file, as the median of the readings around a moment. After the last cycle the bench waits until no race is left in a process, and counts what is
left of all the rest. Descriptors, threads and children are compared with those half-way: Streamlit
holds the last 128 pages that were closed, each with an event loop of three descriptors, so their
number grows until then.
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from tqdm import tqdm

from engine.system import environment

environment.prepare()  # before torch

from engine.messages.encoding import Message
from tests.bench import machine
from tests.bench.visitors import open_page, until, visitors
from tests.browser.conftest import Server

READ_EVERY = 5
"""Cycles from one reading of the memory to the next."""
GRACE_SECONDS = 3
SECONDS = 0.3
"""Of every lane."""
BARS = {
    "server_growth": 0.05,
    "workers_growth": 0.05,
    "descriptors_more": 8,
    "threads_more": 4,
    "children_more": 0,
    "orphans": 0,
    "zombies": 0,
    "temporary_files": 0,
    "files_of_no_race": 0,
    "checkpoints_of_races_over": 0,
    "tracebacks": 0,
}


@dataclass
class Reading:
    """What the processes of a server take.

    Attributes:
        server, workers: bytes.
        descriptors, threads: of the server.
        loops: how many of the descriptors are of event loops, three each.
        children: processes that it has started, and theirs.
        zombies: of these, ended and not taken note of.
    """

    server: int
    workers: int
    descriptors: int
    threads: int
    loops: int
    children: int
    zombies: int


def anonymous(process: psutil.Process) -> int:
    """Return how many bytes a process has that are in no file: libraries are shared with others,
    who come and go.
    """
    return sum(int(one.anonymous) for one in process.memory_maps())


def read(server: Server) -> Reading:
    """Look at a server and its processes."""
    process = psutil.Process(server.process.pid)
    children = process.children(recursive=True)
    loops = sum(
        os.readlink(entry.path).endswith("[eventpoll]")
        for entry in os.scandir(f"/proc/{process.pid}/fd")
    )
    dead = [one for one in children if one.status() == psutil.STATUS_ZOMBIE]
    return Reading(
        anonymous(process),
        sum(map(anonymous, server.workers())),
        process.num_fds(),
        process.num_threads(),
        loops,
        len(children),
        len(dead),
    )


def experiment(seed: int) -> Message:
    """Return a visitor's race, over in a moment: another one for every seed."""
    return {
        "dataset": "moons",
        "lanes": ["annealing", "adam"],
        "budget": {"currency": "seconds", "amount": SECONDS},
        "seed": seed,
    }


async def cycle(server: Server, number: int) -> None:
    """Open the page, run, reload, close."""
    address = f"ws://localhost:{server.port}/kelvin/live"
    await open_page(server.port)
    run = {"do": "run", "experiment": experiment(2 * number)}
    async with visitors(address, [run]) as (one,):
        await until(lambda: one.moved, f"the race of cycle {number} advances")
        if number % 7 == 0:
            first, run["experiment"] = one.token, experiment(2 * number + 1)
            await one.socket.send(json.dumps(run))
            what = f"the second race of cycle {number} advances"
            await until(lambda: one.token != first and one.moved, what)
    async with visitors(address, [{"do": "attach", "race": one.token}]) as (again,):
        await until(lambda: again.frames and again.state, f"race {number} is there again")
        if number % 3:
            await until(lambda: again.state in ("done", "ended"), f"race {number} is over")


def level(readings: list[Reading], name: str, share: float) -> float:
    """Return a figure at that share of the way: the median of five readings around it."""
    at = min(len(readings) - 3, max(2, round(share * (len(readings) - 1))))
    return statistics.median(getattr(one, name) for one in readings[at - 2 : at + 3])


def left_behind(store: Path, temporary: Path) -> dict[str, float]:
    """Count files that nobody will ask for again."""
    from app.storage.index import Index

    index = Index(store / "races.sqlite")
    rows = {row.token: row for row in index.rows()}
    index.close()
    files = [path for path in store.iterdir() if path.suffix in (".frames", ".checkpoint")]
    over = [
        path
        for path in files
        if path.suffix == ".checkpoint"
        and path.stem in rows
        and rows[path.stem].state in ("done", "ended")
    ]
    return {
        "races_kept": len(rows),
        "files_of_no_race": sum(path.stem not in rows for path in files)
        + len(list(store.glob("*.part"))),
        "checkpoints_of_races_over": len(over),
        "store_megabytes": sum(path.stat().st_size for path in files) / 1e6,
        "temporary_files": len(list(temporary.iterdir())),
    }


async def churn(server: Server, cycles: int, quiet: bool) -> dict[str, float]:
    """Go through so many cycles, and return what has grown."""
    readings = []
    began = time.monotonic()
    for number in tqdm(range(cycles), disable=quiet, file=sys.stderr):
        await cycle(server, number)
        if number % READ_EVERY == READ_EVERY - 1:
            readings.append(read(server))
    spent = time.monotonic() - began
    await asyncio.sleep(2 * GRACE_SECONDS)
    last = read(server)
    figures: dict[str, float] = {"cycles": cycles, "seconds": spent}
    for name in ("server", "workers"):
        before, after = level(readings, name, 0.25), level(readings, name, 1.0)
        figures[f"{name}_first_megabytes"] = getattr(readings[0], name) / 1e6
        figures[f"{name}_quarter_megabytes"] = before / 1e6
        figures[f"{name}_half_megabytes"] = level(readings, name, 0.5) / 1e6
        figures[f"{name}_end_megabytes"] = after / 1e6
        figures[f"{name}_growth"] = after / before - 1
    figures["event_loops_half"] = level(readings, "loops", 0.5)
    figures["event_loops_end"] = last.loops
    for name in ("descriptors", "threads", "children"):
        before = level(readings, name, 0.5)
        figures[f"{name}_end"] = getattr(last, name)
        figures[f"{name}_more"] = getattr(last, name) - before
    figures["zombies"] = last.zombies
    return figures


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--cycles", type=int, default=300, help="at least 270")
    asked = parser.parse_args()
    rates = machine.measure()
    with tempfile.TemporaryDirectory(prefix="kelvin-churn-") as folder:
        store, temporary = Path(folder) / "races", Path(folder) / "temporary"
        temporary.mkdir()
        server = Server(
            KELVIN_STORE=str(store), KELVIN_GRACE=str(GRACE_SECONDS), TMPDIR=str(temporary)
        )
        try:
            figures = asyncio.run(churn(server, asked.cycles, asked.json))
            children = psutil.Process(server.process.pid).children(recursive=True)
        finally:
            log = server.stop()
        _, alive = psutil.wait_procs(children, timeout=10)
        figures["orphans"] = len(alive)
        figures |= left_behind(store, temporary)
        figures["tracebacks"] = log.count("Traceback")
    if asked.json:
        print(json.dumps({**figures, "machine": rates.to_json()}))
        return
    print(rates)
    machine.print_table(figures, BARS)


if __name__ == "__main__":
    main()
