"""The runs under other machines' conditions: the conditions are in force, end with the run however
it ends, and what fails is told.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.engine.support.listening import PATIENCE, eventually
from tests.hard.__main__ import ALL, KIB, MIB, ROOT, RUNS, Run, cores_held, described, go, others

LOOK = """
import glob, io, os, pathlib
place = "/sys/devices/system/cpu/cpu0/cache"
try:
    print([open(f"{place}/index3/size").read().strip(), io.open(f"{place}/index3/size").read().strip(), pathlib.Path(place, "index3", "size").read_text().strip()])
    print(len(glob.glob(f"{place}/index*")), os.path.exists(place), len(list(pathlib.Path(place).glob("index*"))))
except FileNotFoundError:
    print("none", os.path.exists(place), os.path.exists("/"))
try:
    print(os.sysconf("SC_LEVEL3_CACHE_SIZE"), os.sysconf("SC_PAGE_SIZE") > 0)
except ValueError:
    print("unknown")
"""


@pytest.mark.parametrize("cache", [512 * KIB, 512 * MIB, None])
def test_every_process_is_told_of_the_other_cache(cache: int | None) -> None:
    with described(Run("", cache)) as environment:
        found = subprocess.run(
            [sys.executable, "-c", LOOK],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
    if cache is None:
        assert found == ["none False True", "unknown"]
    else:
        assert found == [str([f"{cache // KIB}K"] * 3), "4 True 4", f"{cache} True"]


def test_the_runs_are_those_that_were_promised() -> None:
    runs = [RUNS[name] for name in ALL]
    assert {run.cache for run in runs} == {512 * KIB, 512 * MIB, None}
    assert [run.one_core for run in runs].count(True) == 1
    assert max(run.busy for run in runs) == 2
    assert sum(run.tests == ("tests",) for run in runs) == 2


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system holds no process to a core"
)
def test_one_core_is_given_and_the_others_come_back() -> None:
    before = os.sched_getaffinity(0)

    def fail() -> None:
        with cores_held(Run("", None, one_core=True)):
            assert len(os.sched_getaffinity(0)) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert os.sched_getaffinity(0) == before


def test_busy_processes_end_with_the_run() -> None:
    def is_busy(one: psutil.Process) -> bool:
        try:
            return "range(1_000_000)" in " ".join(one.cmdline())
        except psutil.Error:  # a child of another test that is ending or has ended
            return False

    def busy() -> list[psutil.Process]:
        return [one for one in psutil.Process().children() if is_busy(one)]

    def interrupt() -> None:
        with others(2):
            assert len(busy()) == 2
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert busy() == []


def test_what_fails_is_told(tmp_path: Path) -> None:
    for name, line, status in (("good", "assert True", 0), ("bad", "assert False", 1)):
        file = tmp_path / f"test_{name}.py"
        file.write_text(f"def test_it():\n    {line}\n", "utf-8")
        assert (
            go(
                Run("", None, tests=(str(file),)),
                1,
                ["-q", "-n0", "--noconftest", f"--rootdir={tmp_path}", "-c", os.devnull],
            )
            == status
        )


def test_an_unknown_run_is_refused_in_a_line() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "tests.hard", "half-a-core"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 2
    assert "no such run: half-a-core; there are one-core, busy" in told.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_run_that_is_stopped_leaves_nothing_running(tmp_path: Path) -> None:
    (tmp_path / "test_endless.py").write_text(
        "import time\n\n\ndef test_it():\n    print('begun', flush=True)\n    time.sleep(3600)\n",
        "utf-8",
    )
    options = [
        "-s",
        "-n0",
        "--noconftest",
        f"--rootdir={tmp_path}",
        "-c",
        os.devnull,
        str(tmp_path / "test_endless.py"),
        "--deselect",
        "tests",
    ]
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.hard", "busy", "--", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert running.stdout is not None
    eventually(lambda: len(psutil.Process(running.pid).children()) == 3)
    family = psutil.Process(running.pid).children(recursive=True)
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=PATIENCE)
    assert running.returncode != 0
    eventually(
        lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family)
    )
