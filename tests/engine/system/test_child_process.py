"""A process of its own: all threads agree on whether it has ended, and how, however slowly the one
that was told gets round to saying so.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.system.child_process import Child
from engine.workers.pool import Pool
from tests.app import fake_race
from tests.app.fake_race import experiment
from tests.engine.support.listening import PATIENCE, Listener, eventually

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="waitpid")


@pytest.fixture
def slow_to_note(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, int]]:
    """The system tells one thread how a process ended, and that one is held up before it can note
    it: others who ask meanwhile are told that there is no such process.
    """
    ask = os.waitpid

    def slowly(pid: int, flags: int) -> tuple[int, int]:
        told = ask(pid, flags)
        if told[0]:
            time.sleep(0.3)
        return told

    monkeypatch.setattr(os, "waitpid", slowly)
    return slowly


@pytest.fixture
def others_ask() -> Iterator[None]:
    """Other threads of this program start processes all the time, as somebody's library may:
    multiprocessing then asks how each of its children is.
    """
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.001):
            multiprocessing.active_children()

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    yield
    over.set()
    for thread in threads:
        thread.join()


def all_at_once(do: Callable[[], Any], threads: int = 6) -> list[Any]:
    """What so many threads found that did the same at the same time."""
    found: list[Any] = []
    together = threading.Barrier(threads)

    def one() -> None:
        together.wait()
        found.append(do())

    waiting = [threading.Thread(target=one) for _ in range(threads)]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join(PATIENCE)
    return found


@pytest.mark.usefixtures("slow_to_note")
def test_all_who_wait_for_a_process_find_it_ended_and_know_how() -> None:
    child = Child(sys.exit, (3,), "short-lived")
    assert (
        all_at_once(lambda: (child.join(PATIENCE), child.is_alive(), child.exitcode))
        == [(True, False, 3)] * 6
    )


@pytest.mark.usefixtures("slow_to_note", "others_ask")
def test_it_does_not_matter_that_others_asked_first() -> None:
    child = Child(sys.exit, (3,), "short-lived")
    assert (
        all_at_once(lambda: (child.join(PATIENCE), child.is_alive(), child.exitcode))
        == [(True, False, 3)] * 6
    )


def test_one_that_lives_is_alive_until_it_is_killed() -> None:
    child = Child(time.sleep, (3600,), "sleeper")
    assert child.is_alive()
    assert not child.join(0.01)
    assert child.exitcode is None
    assert (
        all_at_once(lambda: (child.kill(), child.join(PATIENCE), child.exitcode))
        == [(None, True, -signal.SIGKILL)] * 6
    )
    child.kill()  # once more harms nobody


def test_where_the_system_forgets_its_children_the_end_is_seen_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.system.child_process.CODE_SECONDS", 0.01)
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        child = Child(sys.exit, (3,), "short-lived")
        assert child.join(PATIENCE)
        assert not child.is_alive()
        assert child.exitcode is None
        child.kill()
    finally:
        signal.signal(signal.SIGCHLD, before)


@pytest.mark.slow
@pytest.mark.usefixtures("slow_to_note")
def test_a_pool_that_is_closed_leaves_nobody_alive_when_many_close_it() -> None:
    pool = Pool(2, main=fake_race.serve)
    running = Listener()
    pool.submit(experiment(fake_race.ENDLESS), running)
    running.state("running")
    processes = [worker.process for worker in pool._workers]
    assert (
        all_at_once(lambda: (pool.close(), [process.is_alive() for process in processes])[1])
        == [[False, False]] * 6
    )
    assert all(process.exitcode is not None for process in processes)


@pytest.mark.slow
@pytest.mark.usefixtures("slow_to_note")
def test_a_pool_may_be_closed_by_its_listener() -> None:
    pool = Pool(1, main=fake_race.serve)
    closed = threading.Event()

    def close(about: dict[str, Any], data: bytes) -> None:
        if about.get("state") == "running":
            pool.close()
            closed.set()

    process = pool._workers[0].process
    pool.submit(experiment(fake_race.ENDLESS), close)
    assert closed.wait(PATIENCE), "the thread that reads does not wait for itself"
    assert not process.is_alive()


@pytest.mark.usefixtures("slow_to_note", "others_ask")
def test_a_race_whose_process_was_killed_is_told_so(caplog: pytest.LogCaptureFixture) -> None:
    pool = Pool(1, main=fake_race.serve)
    heard = Listener()
    job = pool.submit(experiment(fake_race.ENDLESS), heard)
    heard.state("running")
    assert job.pid is not None
    os.kill(job.pid, signal.SIGKILL)
    assert "was killed" in heard.state("ended")["sentence"]
    eventually(lambda: len(pool._workers) == 1)
    pool.close()


def _has_a_child(told: Any) -> None:
    grandchild = Child(os._exit, (7,), "grandchild")
    grandchild.join(PATIENCE)
    told.send(grandchild.exitcode)


def test_a_child_may_have_children_of_its_own() -> None:
    ours, theirs = multiprocessing.get_context("spawn").Pipe(duplex=False)
    child = Child(_has_a_child, (theirs,), "child")
    theirs.close()
    assert ours.poll(PATIENCE)
    assert ours.recv() == 7
    assert child.join(PATIENCE)
