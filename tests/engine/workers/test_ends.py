"""Worker processes: every way a race, a process or the pool can end, and what the others notice of
it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from engine.errors import BadInput
from engine.messages.encoding import Message
from engine.workers import pool as workers
from engine.workers.pool import Pool, default_size
from tests.app import fake_race
from tests.app.fake_race import experiment
from tests.engine.support.listening import PATIENCE, Listener, Start, alive, eventually

ROOT = Path(__file__).resolve().parents[3]


def test_cancel_frees_the_worker(pool: Pool, start: Start) -> None:
    (first, heard), _ = start(fake_race.ENDLESS), start(fake_race.ENDLESS)
    heard.state("running")
    pid = first.pid
    first.command({"do": "cancel"})
    assert heard.state("ended")["sentence"] == "The race was stopped."
    assert first.over
    first.command({"do": "cancel"})  # once more harms nobody
    _, heard_third = start(fake_race.SHORT)
    heard_third.state("running")
    assert pid in {worker.process.pid for worker in pool._workers}, "the same process goes on"
    heard_third.state("done")


def test_a_command_at_the_very_end_harms_nobody(start: Start) -> None:
    failures = []
    for _ in range(10):
        job, heard = start(fake_race.SHORT)
        while not job.over:
            try:
                job.command({"do": "speed", "value": 0})
            except Exception as error:
                failures.append(error)
            time.sleep(0.0005)
        job.command({"do": "cancel"})
        heard.state("done")
    assert not failures


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_killed_worker_ends_its_race_only(pool: Pool, start: Start) -> None:
    (first, heard), (_, heard_second) = start(fake_race.ENDLESS), start(fake_race.ENDLESS)
    _, heard_third = start(fake_race.SHORT)
    heard.wait(lambda message: message["type"] == "picture")
    heard_second.state("running")
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    sentence = heard.state("ended")["sentence"]
    assert "killed" in sentence
    assert "kept" in sentence
    assert first.over
    heard_third.state("done")  # in the replacement
    assert len(pool._workers) == 2
    at = len(heard_second.messages)
    heard_second.wait(lambda message: message["type"] == "picture", after=at)


@pytest.mark.parametrize("seed", [fake_race.NO_MEMORY, fake_race.NO_TORCH_MEMORY])
def test_out_of_memory_is_a_sentence(start: Start, seed: int) -> None:
    _, heard = start(seed)
    sentence = heard.state("ended")["sentence"]
    assert "out of memory" in sentence
    assert "kept" in sentence
    _, after = start(fake_race.SHORT)
    after.state("done")


def test_a_failure_inside_is_a_sentence(start: Start) -> None:
    _, heard = start(fake_race.BROKEN)
    sentence = heard.state("ended")["sentence"]
    assert "error" in sentence
    assert "ZeroDivisionError" not in sentence


def test_a_refusal_inside_is_a_problem(start: Start) -> None:
    job, heard = start(fake_race.BAD)
    assert heard.wait(lambda message: message["type"] == "problem")["sentence"].startswith(
        "seed: 105 is not allowed"
    )
    eventually(lambda: job.over)
    _, after = start(fake_race.SHORT)
    after.state("done")


def test_a_listener_that_fails_harms_nobody(pool: Pool, start: Start) -> None:
    def broken(about: Message, data: bytes) -> None:
        raise ValueError("a listener's mistake")

    job = pool.submit(experiment(fake_race.SHORT), broken)
    eventually(lambda: job.over)
    _, heard = start(fake_race.SHORT)
    heard.state("done")


def test_workers_know_nothing_of_the_page(start: Start) -> None:
    _, heard = start(fake_race.TELLTALE)
    assert heard.wait(lambda message: message["type"] == "stage")["heavy"] == []


UNGUARDED = """
import queue, sys
import streamlit
from engine.messages.encoding import decode
from engine.workers.pool import Pool
from tests.app import fake_race
heard = queue.Queue()
pool = Pool(1, main=fake_race.serve)
pool.submit(fake_race.experiment(fake_race.TELLTALE), lambda about, data: heard.put(decode(data)))
while (message := heard.get(timeout=300))["type"] != "stage":
    pass
pool.close()
print("heavy:", message["heavy"])
"""


@pytest.mark.slow
def test_workers_do_not_run_the_main_script_again(tmp_path: Path) -> None:
    # As under `streamlit run`: a main script that imports streamlit and starts a pool, with no
    # guard at all.
    script = tmp_path / "server.py"
    script.write_text(UNGUARDED, "utf-8")
    done = subprocess.run(
        [sys.executable, script],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.stdout == "heavy: []\n", done.stderr


def test_spawning_leaves_the_main_module_alone(pool: Pool, start: Start) -> None:
    main = sys.modules["__main__"]
    before = dict(main.__dict__)
    missing = threading.Event()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            if before.keys() - main.__dict__.keys():
                missing.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    second = Pool(1, main=fake_race.serve)
    stop.set()
    watcher.join()
    second.close()
    assert not missing.is_set(), "a script that runs meanwhile would miss its __file__"
    assert sys.modules["__main__"] is main


@pytest.mark.slow
def test_a_stuck_race_is_killed_when_it_does_not_stop() -> None:
    with_little_patience = Pool(1, main=fake_race.serve, patience=0.3, at_once=1)
    heard, after = Listener(), Listener()
    job = with_little_patience.submit(experiment(fake_race.STUCK), heard)
    heard.wait(lambda message: message["type"] == "picture")
    job.command({"do": "cancel"})
    assert heard.state("ended")["sentence"] == "The race was stopped."
    with_little_patience.submit(experiment(fake_race.SHORT), after)
    after.state("done")
    with_little_patience.close()


@pytest.mark.slow
def test_a_worker_that_cannot_start_is_not_tried_without_pause(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(workers, "RETRY_SECONDS", 0.5)
    hopeless = Pool(1, main=fake_race.stillborn)
    wait = hopeless._closing.wait
    monkeypatch.setattr(
        hopeless._closing,
        "wait",
        lambda seconds: waits.append(seconds) or wait(0 if len(waits) < 4 else 3600),
    )
    first = hopeless._workers[0].process
    eventually(lambda: len(waits) >= 4)
    assert waits[:4] == [0.5, 1, 2, 4], (
        "a moment passes before the next try, and a longer one each time"
    )
    assert not hopeless._workers
    hopeless.close()
    assert not first.is_alive()


def test_closing_leaves_no_process_and_tells_everybody() -> None:
    pool = Pool(1, main=fake_race.serve, at_once=1)
    running, waiting = Listener(), Listener()
    pool.submit(experiment(fake_race.ENDLESS), running)
    pool.submit(experiment(fake_race.ENDLESS), waiting)
    running.state("running")
    processes = [worker.process for worker in pool._workers]
    pool.close()
    assert not any(process.is_alive() for process in processes)
    running.state("ended")
    waiting.state("ended")
    pool.close()
    with pytest.raises(RuntimeError):
        pool.submit(experiment(fake_race.SHORT), Listener())


ORPHANAGE = """
import sys, time
from engine.workers.pool import Pool
from tests.app import fake_race
started = []
def heard(about, data):
    started.append(about)
if __name__ == "__main__":
    pool = Pool(2, main=fake_race.serve)
    job = pool.submit(fake_race.experiment(fake_race.ENDLESS), heard)
    print(*(worker.process.pid for worker in pool._workers), flush=True)
    if sys.argv[1] == "later":
        while not any(about.get("state") == "running" for about in started):
            time.sleep(0.01)
    print("go", flush=True)
    time.sleep(0 if sys.argv[2] == "exit" else 3600)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    ("when", "how"),
    [("later", "exit"), ("later", "SIGKILL"), ("early", "SIGINT"), ("later", "SIGINT")],
)
def test_no_orphans_and_quiet_workers(tmp_path: Path, when: str, how: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(ORPHANAGE, "utf-8")
    parent = subprocess.Popen(
        [sys.executable, script, when, how],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert parent.stdout is not None
    pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(pids) == 2
    assert parent.stdout.readline().strip() == "go"
    if how == "SIGINT":
        os.killpg(parent.pid, signal.SIGINT)  # as Ctrl-C in a terminal: to the whole group
    elif how == "SIGKILL":
        parent.kill()
    _, errors = parent.communicate(timeout=PATIENCE)
    eventually(lambda: not any(alive(pid) for pid in pids))
    if how == "SIGINT":
        assert errors.count("Traceback") == 1, errors  # the script's own; the workers are silent


def test_size_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KELVIN_WORKERS", "3")
    assert default_size() == 3
    monkeypatch.delenv("KELVIN_WORKERS")
    assert 2 <= default_size() <= 8
    for nonsense in ("0", "-1", "many", "1e3", "1000"):
        monkeypatch.setenv("KELVIN_WORKERS", nonsense)
        with pytest.raises(BadInput, match="KELVIN_WORKERS"):
            default_size()
