"""What watching costs: the live view's speed, and the training's with and without a viewer.

    python -m tests.bench.live [--json] [--rounds 5] [--seconds 6]

A server and a headless browser on this machine; the same experiment watched in the page and run
headless in a process, in turns, so that both meet the same machine; its rates stand above the
figures. Training speed is steps of both lanes per second of wall time. The bars are the explorer's
own: at least 15 drawn frames/s, one mount per chart, no blank frame, Run to first new frame within
0.5 s, page to first moving picture within 3 s, training at 95 % or more of headless speed. They are
for the four panels they were set for; six are measured beside them.
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import time
from itertools import pairwise
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from engine.system import environment

environment.prepare()  # before torch

from engine.experiment.model import Experiment
from tests.bench import machine
from tests.browser.conftest import Server, launch
from tests.browser.walk import count, wait_for, wait_for_state

QUERY = "?dataset=spirals&lanes=annealing,adam&seconds=600&seed=0"
BARS = {
    "drawn_per_second": (">=", 15),
    "mounts_per_chart": ("==", 1),
    "blanks": ("==", 0),
    "run_to_frame_ms": ("<=", 500),
    "page_to_picture_ms": ("<=", 3000),
    "speed_kept": (">=", 0.95),
}
WARM_UP = 3.0
OPENED = 5
FOUR = ["loss", "weights", "network", "temperature"]
SIX = [*FOUR, "agreement", "chains"]


def headless(seconds: float) -> float:
    """Measure the steps per second of the same race without a viewer."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_headless, (seconds,))


def _headless(seconds: float) -> float:
    from engine.experiment.model import Experiment
    from engine.race.race import Race

    race = Race(Experiment.parse({"budget": {"currency": "seconds", "amount": 600}}))

    def drive(until: float) -> int:
        before = sum(lane.step for lane in race.lanes)
        while time.perf_counter() < until:
            race.advance()
        return sum(lane.step for lane in race.lanes) - before

    drive(time.perf_counter() + WARM_UP)
    start = time.perf_counter()
    return drive(start + seconds) / (time.perf_counter() - start)


STATE = """() => { const { stats, view } = window.__kelvin; const last = view.player.history.metrics.at(-1);
  return { at: performance.now(), drawn: stats.drawn, drawMs: stats.drawMs, blanks: stats.blanks, mounts: stats.mounts, received: view.received.pictures,
           steps: last.lanes.reduce((sum, lane) => sum + lane.step, 0), run: view.firstFrameAt - view.runAt, first: stats.firstDrawnAt }; }"""


def watched(page: Page, seconds: float, panels: list[str]) -> dict[str, Any]:
    """One race watched in these panels: frames drawn, steps taken."""
    page.evaluate("(shown) => window.__kelvin.view.board.arrange({ shown, large: null })", panels)
    runs = count(page, "runs")
    page.get_by_test_id("reset").click()
    wait_for(page, runs=runs + 1, state="running", pictures=3)
    page.wait_for_timeout(WARM_UP * 1000)
    before = page.evaluate(STATE)
    page.wait_for_timeout(seconds * 1000)
    after = page.evaluate(STATE)
    page.get_by_test_id("run").click()  # pause: the headless turn has the machine to itself
    wait_for_state(page, "paused")
    wall = (after["at"] - before["at"]) / 1000
    drawn = after["drawn"] - before["drawn"]
    return {
        "drawn_per_second": drawn / wall,
        "received_per_second": (after["received"] - before["received"]) / wall,
        "draw_ms": (after["drawMs"] - before["drawMs"]) / max(1, drawn),
        "steps_per_second": (after["steps"] - before["steps"]) / wall,
        "run_to_frame_ms": after["run"],
        "blanks": after["blanks"],
        "mounts": after["mounts"],
        "page_to_picture_ms": after["first"],
    }


def opened(browser: Browser, address: str) -> float:
    """From opening the page, by a browser that was never there, to its first moving picture, in
    ms.
    """
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(address)
    wait_for(page, ready=True, moment=1)
    found = page.evaluate("window.__kelvin.stats.firstDrawnAt")
    page.wait_for_timeout(1500)  # until nothing is left to be done for it
    context.close()
    return float(found)


def measure(rounds: int, seconds: float) -> dict[str, Any]:
    """All figures."""
    server = Server(KELVIN_WORKERS="2")
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            time.sleep(12)  # the workers warm up
            first, *others = (opened(browser, server.address) for _ in range(1 + OPENED))
            page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
            page.set_default_timeout(60_000)
            page.goto(
                server.address + QUERY.replace("seconds=600", "seconds=599")
            )  # not the default: no recording
            wait_for(page, ready=True, pictures=3)
            watching, six, alone = [], [], [headless(seconds)]
            for _ in range(rounds):
                watching.append(watched(page, seconds, FOUR))
                six.append(watched(page, seconds, SIX))
                alone.append(headless(seconds))
            browser.close()
    finally:
        server.stop()
    middle = {
        key: statistics.median(one[key] for one in watching)
        for key in ("drawn_per_second", "received_per_second", "draw_ms", "steps_per_second")
    }
    last = watching[-1]
    # What a machine gives drifts: every round is compared with what was there before it and after
    # it.
    unwatched = [statistics.mean(pair) for pair in pairwise(alone)]
    return {
        **middle,
        "headless_steps_per_second": statistics.median(alone),
        "speed_kept": statistics.median(
            one["steps_per_second"] / other for one, other in zip(watching, unwatched, strict=True)
        ),
        "six_panels_drawn_per_second": statistics.median(one["drawn_per_second"] for one in six),
        "six_panels_speed_kept": statistics.median(
            one["steps_per_second"] / other for one, other in zip(six, unwatched, strict=True)
        ),
        "run_to_frame_ms": statistics.median(one["run_to_frame_ms"] for one in watching),
        "page_to_picture_ms": statistics.median(others),
        "servers_first_page_ms": first,
        "mounts_per_chart": max(last["mounts"].values()),
        "blanks": last["blanks"],
        "rounds": rounds,
        "seconds": seconds,
        "cores": os.cpu_count(),
        "threads": Experiment().threads,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0)
    options = parser.parse_args()
    found = machine.measure()
    if not options.json:
        print(found, flush=True)
    figures = measure(options.rounds, options.seconds)
    met = {
        name: {">=": figures[name] >= bar, "<=": figures[name] <= bar, "==": figures[name] == bar}[
            how
        ]
        for name, (how, bar) in BARS.items()
    }
    if options.json:
        print(json.dumps({**figures, "bars_met": met, "machine": found.to_json()}))
        return
    for name, value in figures.items():
        bar = (
            f"   bar {BARS[name][0]} {BARS[name][1]}: {'met' if met[name] else 'MISSED'}"
            if name in BARS
            else ""
        )
        print(f"{name:<28}{value:>12.3f}{bar}")


if __name__ == "__main__":
    main()
