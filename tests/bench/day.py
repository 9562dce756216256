"""An eight-hour race of four lanes, simulated: what it comes to hold, and where.

    python -m tests.bench.day [--json] [--hours 8] [--steps 1000000] [--idle 500] [--browser]
        [--without-hub]

The hub and a store get the messages that such a race sends, 17 frames a second, as fast as they take
them: those of a short race, with their numbers and clock moved on. One viewer reads everything, one
never reads, one has a hidden tab that is looked at once an hour, and every half hour somebody
reloads the page. Once an hour something is done by hand, and the memory of this process is read.
Then a race of two lanes takes so many cheap steps as in a worker process; so many idle sockets are
opened on a server; with --browser, a page keeps the same frames and its heap is read.
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import msgpack
import psutil
from tqdm import tqdm
from websockets.asyncio.client import connect

from engine.system import environment

environment.prepare()  # before torch

from app.live.hub import Hub, Viewer
from app.storage.store import Store
from engine.experiment.model import Experiment
from engine.messages.encoding import Message, decode, encode
from engine.race.race import Race
from tests.app.fake_race import FakeJob, FakePool
from tests.bench import machine

FRAMES = 17
"""A second."""
DETAIL_EVERY = 2 * FRAMES
FLUSH_EVERY = 200
TEMPLATES = 40
"""Frames of the short race."""
EXPERIMENT = {
    "dataset": "spirals",
    "lanes": ["annealing", "adam", "pso", "eki"],
    "budget": {"currency": "evaluations", "amount": 10**9},
}
CHEAP = {
    "dataset": {"name": "landscape", "function": "rastrigin"},
    "lanes": ["annealing", "random-search"],
    "budget": {"currency": "evaluations", "amount": 10**12},
}
BARS = {
    "hub_growth": 0.05,
    "history_megabytes": 96.0,
    "owed_megabytes": 48.0,
    "reload_megabytes": 32.0,
    "file_megabytes": 256.0,
    "events_lost": 0.0,
    "worker_growth": 0.05,
    "idle_kilobytes_each": 100.0,
    "page_growth": 0.05,
}


def short_race() -> tuple[Message, list[tuple[Message, Message]], Message]:
    """Return a stage, the metrics and pictures of some frames, and a detail, as MessagePack reads
    them.
    """
    race = Race(Experiment.parse(EXPERIMENT))
    again = lambda message: msgpack.unpackb(encode(message))  # noqa: E731
    frames = []
    with race.settled():
        stage = again(race.stage())
        for k in range(TEMPLATES):
            for _ in range(20):
                race.advance()
            frame = race.frame(k)
            assert frame.picture is not None
            frames.append((again(frame.metrics), again(frame.picture)))
        detail = again(race.detail(TEMPLATES - 1))
    race.close()
    return stage, frames, detail


def day(hours: float) -> Iterator[list[tuple[Message, bytes]]]:
    """Yield the messages of every frame, with what the pool tells of them."""
    stage, frames, detail = short_race()
    total = int(hours * 3600 * FRAMES)
    yield [({"type": "stage"}, msgpack.packb(stage))]
    for k in range(total):
        metrics, picture = frames[k % len(frames)]
        metrics["k"] = picture["k"] = k
        metrics["clock"] = k / FRAMES
        for lane in metrics["lanes"]:
            lane["step"], lane["seconds"], lane["progress"] = 20 * k, k / FRAMES, k / total
        by_hand = k % (3600 * FRAMES) == 1800 * FRAMES
        event = {"kind": "reheat", "lane": 0, "step": 20 * k, "steps": [20 * k] * 4, "value": 2.0}
        metrics["events"] = [event] if by_hand else []
        told = [
            ({"type": "metrics", "k": k}, msgpack.packb(metrics)),
            ({"type": "picture", "k": k}, msgpack.packb(picture)),
        ]
        if k % DETAIL_EVERY == 0:
            detail["k"] = k
            told.append(({"type": "detail", "k": k}, msgpack.packb(detail)))
        yield told


def megabytes() -> float:
    """Return what this process takes."""
    gc.collect()
    return psutil.Process().memory_full_info().uss / 1e6


async def taken(viewer: Viewer) -> list[bytes]:
    """Return all that is queued for a viewer."""
    found = []
    while viewer.behind:
        found.append(await viewer.next())
    return found


async def hub_day(hours: float, folder: Path, quiet: bool) -> dict[str, Any]:
    """Simulate the race, and return what grew."""
    pool, store = FakePool(), Store(folder)
    hub = Hub(pool, store=store)  # type: ignore[arg-type]
    reader, silent, hidden = (Viewer() for _ in range(3))
    race = hub.run(reader, EXPERIMENT)
    job: FakeJob = pool.jobs[-1]
    for viewer in (silent, hidden):
        hub.attach(viewer, race.token)
    hub.look(hidden, False)
    hour = 3600 * FRAMES
    memory: list[float] = []
    history: list[float] = []
    owed: list[float] = []
    reloads: list[float] = []
    files: list[float] = []
    caught_up: list[float] = []
    sent = done = 0
    rounds = tqdm(day(hours), total=int(hours * hour), disable=quiet, file=sys.stderr)
    for k, messages in enumerate(rounds):
        for about, data in messages:
            job._on_message(about, data)
        await asyncio.sleep(0)
        if k % FLUSH_EVERY == 0:  # a day's frames come faster here than a disk takes them
            store.flush()
        sent += sum(map(len, await taken(reader)))
        if k % (hour // 2) == hour // 2 - 1:
            again = Viewer()
            hub.attach(again, race.token)
            reloads.append(sum(map(len, await taken(again))) / 1e6)
            hub.leave(again)
        if k % hour == hour - 1:
            hub.look(hidden, True)
            caught_up.append(sum(map(len, await taken(hidden))) / 1e6)
            hub.look(hidden, False)
            store.flush()
            memory.append(megabytes())
            history.append(race.size / 1e6)
            owed.append(sum(len(data) for _, data in silent._queue) / 1e6)
            files.append(store.path(race.token).stat().st_size / 1e6)
            done += 1
    events = [event for data in race.metrics for event in decode(data)["events"]]
    hub.close()
    store.close()
    return {
        "hours": hours,
        "read_gigabytes": sent / 1e9,
        "hub_megabytes": [round(one, 1) for one in memory],
        "hub_growth": memory[-1] / memory[min(1, len(memory) - 1)] - 1,
        "history_megabytes": max(history),
        "owed_megabytes": max(owed),
        "caught_up_megabytes": max(caught_up),
        "reload_megabytes": max(reloads),
        "file_megabytes": max(files),
        "events_lost": done - len(events),
    }


def worker_day(steps: int, quiet: bool) -> dict[str, Any]:
    """Take so many steps of a race, with a frame now and then, and return what grew."""
    race = Race(Experiment.parse(CHEAP))
    memory = []
    with race.settled():
        for step in tqdm(range(steps), disable=quiet, file=sys.stderr):
            race.advance()
            if step % 100 == 0:
                frame = race.frame(step // 100)
                encode(frame.metrics)
            if step % (steps // 8) == steps // 8 - 1:
                memory.append(megabytes())
    race.close()
    return {
        "steps": steps,
        "worker_megabytes": [round(one, 1) for one in memory],
        "worker_growth": memory[-1] / memory[1] - 1,
    }


async def idle_sockets(port: int, pid: int, count: int) -> dict[str, Any]:
    """Open sockets that say nothing, and return what one costs."""
    address, origin = f"ws://localhost:{port}/kelvin/live", f"http://localhost:{port}"
    server = psutil.Process(pid)
    async with AsyncExitStack() as stack:

        async def more(some: int) -> float:
            for _ in range(some):
                await stack.enter_async_context(connect(address, origin=origin))  # type: ignore[arg-type]
            await asyncio.sleep(1)
            return float(server.memory_full_info().uss)

        before = await more(10)
        after = await more(count)
        opened = server.num_fds()
    for _ in range(100):
        if server.num_fds() < opened - count + 20:
            break
        await asyncio.sleep(0.1)
    return {
        "idle_sockets": count,
        "idle_kilobytes_each": (after - before) / count / 1e3,
        "descriptors_open": opened,
        "descriptors_after": server.num_fds(),
    }


def idle(count: int) -> dict[str, Any]:
    """Measure idle sockets on a server of its own."""
    from tests.browser.conftest import Server

    server = Server(KELVIN_STORE="off", KELVIN_SOCKETS=str(count + 100))
    try:
        return asyncio.run(idle_sockets(server.port, server.process.pid, count))
    finally:
        server.stop()


KEEP = """async ({ address, texts, from, to }) => {
    const { History } = await import(address);
    const history = (window.kept ??= new History());
    const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
    const { decode } = await import(address.replace("history.js", "messages.js"));
    const frames = (window.frames_ ??= texts.map((one) => one.map(bytes)));
    for (let k = from; k < to; k++)
        for (const template of frames[k % frames.length]) {
            const data = template.slice();
            const message = decode(data);
            if (message.k !== undefined) message.k = k;
            history.add(message, data);
        }
    return [history.metrics.length, history.pictures.length];
}"""


def page_day(hours: float, quiet: bool) -> dict[str, Any]:
    """Let a page keep the frames, a share of them at a time, and return what its heap takes."""
    from base64 import b64encode

    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import Server, launch

    frames = list(islice(day(1), 1, TEMPLATES + 1))
    texts = [[b64encode(data).decode() for _, data in messages] for messages in frames]
    total, parts = int(hours * 3600 * FRAMES), 16
    heap, kept = [], [0, 0]
    server = Server(KELVIN_STORE="off")
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            page = browser.new_page()
            page.goto(f"{server.address}/kelvin/recordings.json")
            client = page.context.new_cdp_session(page)
            for part in tqdm(range(parts), disable=quiet, file=sys.stderr):
                step = total // parts
                kept = page.evaluate(
                    KEEP,
                    {
                        "address": f"{server.address}/kelvin/frontend/data/history.js",
                        "texts": texts,
                        "from": part * step,
                        "to": (part + 1) * step,
                    },
                )
                client.send("HeapProfiler.collectGarbage")
                used = client.send("Runtime.getHeapUsage")
                heap.append((used["usedSize"] + used.get("backingStorageSize", 0)) / 1e6)
            browser.close()
    finally:
        server.stop()
    return {
        "page_megabytes": [round(one, 1) for one in heap[1::2]],
        "page_growth": heap[-1] / max(heap[:4]) - 1,
        "page_metrics": kept[0],
        "page_pictures": kept[1],
    }


def main() -> None:
    """Print the table, or JSON; exit with 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--hours", type=float, default=8.0, help="of the race, at least 1")
    parser.add_argument("--steps", type=int, default=10**6, help="of a race in a worker; 0: none")
    parser.add_argument("--idle", type=int, default=500, help="sockets; 0: none")
    parser.add_argument("--without-hub", action="store_true", help="leave out the hub's day")
    parser.add_argument("--browser", action="store_true", help="measure a page, too")
    asked = parser.parse_args()
    rates = machine.measure()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="kelvin-day-") as folder:
        if not asked.without_hub:
            figures |= asyncio.run(hub_day(asked.hours, Path(folder) / "races", asked.json))
    if asked.steps:
        figures |= worker_day(asked.steps, asked.json)
    if asked.idle:
        figures |= idle(asked.idle)
    if asked.browser:
        figures |= page_day(asked.hours, asked.json)
    missed = [name for name, bar in BARS.items() if figures.get(name, 0.0) > bar]
    if asked.json:
        print(json.dumps({**figures, "missed": missed, "machine": rates.to_json()}))
        sys.exit(bool(missed))
    print(rates)
    for name, value in figures.items():
        bar = BARS.get(name)
        said = "" if bar is None else f"<= {bar:g}  {'MISSED' if name in missed else 'met'}"
        print(f"{name:24} {value if isinstance(value, list) else f'{value:10.3f}'}  {said}")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
