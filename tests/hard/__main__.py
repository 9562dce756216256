"""Run the suite under conditions that other machines have: one core, others who keep all cores
busy, tests in random order, a cache of another size.

    python -m tests.hard                          all runs, one after the other
    python -m tests.hard one-core --seed 7        one of them, in the order that seed gives
    python -m tests.hard engine-one-core -- -x    what follows the dashes is pytest's

Kelvin's own code reads no cache size. The odd sizes are for what might: Python code is told them
wherever Linux would tell (see `site/sitecustomize.py`), and the C library takes them for its copies
(``GLIBC_TUNABLES``).
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
KIB, MIB = 2**10, 2**20
BUSY = "import os, sys\nwhile os.getppid() == int(sys.argv[1]):\n    sum(range(1_000_000))"
"""A process that keeps a core busy for as long as its parent lives."""
PATIENCE = 30


@dataclass(frozen=True)
class Run:
    """The suite once, under some conditions.

    Attributes:
        says: what the conditions are.
        cache: bytes of shared cache, or None where the system does not tell.
        one_core: held to one core.
        busy: processes beside it that never rest.
        pace: how many times as long a race's steps seem to take.
        tests: files and folders.
    """

    says: str
    cache: int | None
    one_core: bool = False
    busy: int = 0
    pace: int = 1
    tests: tuple[str, ...] = ("tests",)


ENGINE = ("tests/engine", "tests/test_house.py")
RUNS = {
    "one-core": Run("one core, a cache of 512 KiB", 512 * KIB, one_core=True),
    "busy": Run("beside two processes that never rest, a cache of 512 MiB", 512 * MIB, busy=2),
    "no-cache": Run(
        (
            "a system that tells of no cache, and is a thousand times as slow by its clock; "
            "without the browser"
        ),
        None,
        pace=1000,
        tests=(*ENGINE, "tests/app"),
    ),
    "engine-one-core": Run(
        "the engine's tests on one core, a cache of 32 MiB", 32 * MIB, one_core=True, tests=ENGINE
    ),
    "engine-small-cache": Run(
        "the engine's tests with a cache of 512 KiB", 512 * KIB, tests=ENGINE
    ),
}
ALL = ("one-core", "busy", "no-cache")


@contextmanager
def described(run: Run) -> Iterator[dict[str, str]]:
    """Make a folder that describes the cache as Linux does; the environment that leads to it."""
    with tempfile.TemporaryDirectory(prefix="kelvin-hard-") as folder:
        told = {
            "HARD_FOLDER": folder,
            "HARD_CACHE": "none" if run.cache is None else str(run.cache),
        }
        if run.cache is not None:
            levels = [
                ("1", "Data", "32K"),
                ("1", "Instruction", "32K"),
                ("2", "Unified", "512K"),
                ("3", "Unified", f"{run.cache // KIB}K"),
            ]
            for index, (level, kind, size) in enumerate(levels):
                place = Path(folder, "cache", f"index{index}")
                place.mkdir(parents=True)
                for name, value in (("level", level), ("type", kind), ("size", size)):
                    (place / name).write_text(f"{value}\n", "utf-8")
            told["GLIBC_TUNABLES"] = f"glibc.cpu.x86_shared_cache_size={run.cache}"
        if run.pace != 1:
            told["HARD_CLOCK"] = str(run.pace)
        if run.one_core and not hasattr(os, "sched_setaffinity"):
            told |= {"HARD_CORES": "1", "OMP_NUM_THREADS": "1"}
        yield {
            **os.environ,
            **told,
            "PYTHONPATH": os.pathsep.join(
                [str(Path(__file__).parent / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
            ),
        }


@contextmanager
def cores_held(run: Run) -> Iterator[None]:
    """Hold this process and all it starts to one core where the run asks for it, and let go
    afterwards.
    """
    if not run.one_core:
        yield
    elif hasattr(os, "sched_setaffinity"):
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(before)})
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)
    else:
        print(
            (
                "This system holds no process to a core: one is told of instead, and PyTorch has "
                "one thread."
            ),
            flush=True,
        )
        yield


@contextmanager
def others(count: int) -> Iterator[None]:
    """Keep so many cores busy meanwhile."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        while len(started) < count:
            started.append(
                subprocess.Popen(
                    [sys.executable, "-c", BUSY, str(os.getpid())], stdin=subprocess.DEVNULL
                )
            )
        yield
        if any(process.poll() is not None for process in started):
            raise SystemExit("A process that was to keep a core busy ended: this run says nothing.")
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait()


def stop() -> None:
    """End every process that was started, also one whose start was cut short by a signal."""
    family = psutil.Process().children(recursive=True)
    for end in (psutil.Process.terminate, psutil.Process.kill):
        for one in family:
            with suppress(psutil.NoSuchProcess):
                end(one)
        family = psutil.wait_procs(family, PATIENCE)[1]


def go(run: Run, seed: int, options: list[str]) -> int:
    """Run pytest under those conditions; its exit status."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-m",
        "not slow",
        "-n",
        "auto",
        "--random-order-bucket=module",
        f"--random-order-seed={seed}",
        *options,
        *run.tests,
    ]
    with described(run) as environment, others(run.busy), cores_held(run):
        process = None
        try:
            process = subprocess.Popen(command, cwd=ROOT, env=environment)
            return process.wait()
        finally:
            if process is None or process.poll() is None:
                stop()


def spent() -> float:
    """Seconds of processor time that ended processes have taken."""
    return sum(os.times()[2:4])


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.hard",
        description="Run the suite under conditions that other machines have.",
    )
    parser.add_argument(
        "runs",
        nargs="*",
        metavar="RUN",
        help=f"some of {', '.join(RUNS)}; {', '.join(ALL)} where none is named",
    )
    parser.add_argument(
        "--seed", type=int, help="of the order of the tests; drawn where none is given"
    )
    given = sys.argv[1:]
    at = given.index("--") if "--" in given else len(given)
    asked = parser.parse_args(given[:at])
    if unknown := [name for name in asked.runs if name not in RUNS]:
        parser.error(f"no such run: {', '.join(unknown)}; there are {', '.join(RUNS)}")
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(143)
    )  # so that whatever was started is stopped
    seed = asked.seed if asked.seed is not None else random.randrange(10**6)
    told, failed = [], 0
    try:
        for name in asked.runs or ALL:
            run = RUNS[name]
            print(f"\n=== {name}: {run.says}; random order, seed {seed}", flush=True)
            since, before = time.monotonic(), spent()
            status = go(run, seed, given[at + 1 :])
            failed += status != 0
            told.append(
                f"{'passed' if status == 0 else f'FAILED ({status})':12} {name:20} seed "
                f"{seed}, {time.monotonic() - since:.0f} s, {spent() - before:.0f} s of "
                f"processor time"
            )
    except KeyboardInterrupt:
        told.append("interrupted")
        failed += 1
    print("\n" + "\n".join(told), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
