"""Races that share a process: each gets its share of the time, none changes another, and all go on
when their process dies.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator, MutableSequence
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from engine import any_race
from engine.any_race import parse_experiment
from engine.combinatorial import kernels
from engine.errors import BadInput
from engine.messages.encoding import Message, decode, encode
from engine.race import race as race_module
from engine.race import seed_races
from engine.workers import pool as pools
from engine.workers import race_runner, worker
from engine.workers.pool import Job, Pool
from engine.workers.race_runner import RaceRunner
from engine.workers.worker import Worker
from tests.app import fake_race
from tests.engine.support.interrupting import without_clock
from tests.engine.support.listening import Listener, eventually

POISON = 666
"""The seed of a race that kills its process in its tenth step."""
SLOW = 777
"""The seed of a race whose every step takes three seconds."""
LONG = 2e6


def value(seed: int = 0, amount: float = 3e4, lanes: Any = ("annealing", "adam")) -> Message:
    return {
        "dataset": {"name": "moons", "points": 40},
        "lanes": list(lanes),
        "budget": {"currency": "evaluations", "amount": amount},
        "seed": seed,
    }


class Pipe:
    """Stands in for the worker's end of a pipe."""

    def __init__(self, *orders: Message) -> None:
        self.orders = deque(orders)
        self.told: list[tuple[int, Message]] = []
        self._about: Message = {}

    def poll(self, seconds: float | None = 0.0) -> bool:
        if seconds is None and not self.orders:
            raise EOFError  # nothing will ever come
        return bool(self.orders)

    def recv(self) -> Message:
        return self.orders.popleft()

    def send(self, about: Message) -> None:
        self._about = about

    def send_bytes(self, data: bytes) -> None:
        self.told.append((self._about["race"], decode(data)))

    def of(self, number: int, kind: str) -> list[Message]:
        return [
            message for race, message in self.told if race == number and message["type"] == kind
        ]


class OwnClock:
    """A clock that stands still but for what a race's steps cost."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, costs: dict[int, float]) -> None:
        self.now, self.costs = 100.0, costs
        for name in ("perf_counter", "process_time", "monotonic"):
            monkeypatch.setattr(time, name, lambda: self.now)
        clock = self

        class Costly(fake_race.FakeRace):
            torn = False

            def advance_lane(self, lane: Any) -> None:
                clock.now += clock.costs.get(self.seed, 0.001)
                lane.step += 1

        for module in (race_module, seed_races):  # imported before, or they would keep this one
            monkeypatch.setattr(module, "Race", Costly)


def shared(pipe: Pipe) -> Worker:
    return Worker(pipe, [0.0, 0.0, 0.0])  # type: ignore[arg-type]


def turns(one: Worker, count: int) -> None:
    """Let a worker give so many slices, or all until it is told to exit."""
    given, go_on = 0, one._go_on

    def counted(turn: Any, ready: int) -> None:
        nonlocal given
        given += 1
        if given > count:
            raise worker.Gone
        go_on(turn, ready)

    one._go_on = counted  # type: ignore[method-assign]
    with pytest.raises(worker.Gone):
        one.run()
    one._go_on = go_on  # type: ignore[method-assign]


def order(number: int, seed: int | None = None) -> Message:
    return {"do": "race", "race": number, "experiment": value(number if seed is None else seed)}


def steps_of(one: Worker) -> dict[int, int]:
    return {
        number: sum(lane.step for lane in turn.runner.race.lanes)
        for number, turn in one.turns.items()
    }


def test_all_races_of_a_process_advance_alike_whatever_a_step_costs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    costs = {number: 0.001 * (1 + number % 5) for number in range(25)}
    clock = OwnClock(monkeypatch, costs)
    one = shared(Pipe(*(order(number) for number in range(25))))
    began = clock.now
    turns(one, 25 * 40)
    times = [steps * costs[number] for number, steps in steps_of(one).items()]
    assert len(times) == 25
    assert sum(times) == pytest.approx(clock.now - began)
    jain = sum(times) ** 2 / (len(times) * sum(share**2 for share in times))
    assert jain > 0.99


def test_a_race_that_comes_later_neither_waits_nor_makes_up_for_what_it_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    OwnClock(monkeypatch, {})
    pipe = Pipe(order(0), order(1))
    one = shared(pipe)
    turns(one, 100)
    before = steps_of(one)
    pipe.orders.append(order(2))
    turns(one, 90)
    gained = {number: steps - before.get(number, 0) for number, steps in steps_of(one).items()}
    assert min(gained.values()) > 0.8 * max(gained.values())


def test_a_paused_race_takes_no_turn_and_makes_up_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    OwnClock(monkeypatch, {})
    pipe = Pipe(order(0), order(1), {"do": "pause", "race": 1})
    one = shared(pipe)
    turns(one, 60)
    assert steps_of(one)[1] == 0
    assert pipe.of(1, "state")[-1]["state"] == "paused"
    assert one.turns[1].due == math.inf
    before = steps_of(one)
    pipe.orders.append({"do": "resume", "race": 1})
    turns(one, 60)
    gained = [steps - before[number] for number, steps in steps_of(one).items()]
    assert min(gained) > 0.8 * max(gained)


def test_a_race_that_fails_ends_alone() -> None:
    pipe = Pipe(
        {"do": "race", "race": 0, "experiment": {**value(), "device": "cuda:99"}},
        {"do": "race", "race": 1, "experiment": value(1, LONG)},
        {"do": "race", "race": 2, "experiment": value(2, 400)},
    )
    one = shared(pipe)
    while not pipe.of(2, "state") or pipe.of(2, "state")[-1]["state"] != "done":
        turns(one, 5)
    assert pipe.of(0, "problem")[0]["sentence"].startswith("device: ")
    assert 1 in one.turns
    assert [message["state"] for message in pipe.of(2, "state")][-1] == "done"


def test_who_waits_for_loops_is_told_only_until_the_race_has_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    OwnClock(monkeypatch, {})
    pipe = Pipe(order(0))
    parse = any_race.parse_experiment

    def parsed(text: Any) -> Any:
        for tell in kernels.WAITING:
            tell()
        return parse(text)

    monkeypatch.setattr(any_race, "parse_experiment", parsed)
    turns(shared(pipe), 2)
    assert pipe.of(0, "state")[0]["sentence"] == worker.COMPILING
    assert not kernels.WAITING


METHODS = ["annealing", "eki", "cma-es", "openai-es", "harmony-search", "coolmomentum", "pso"]


def last_words(runners: list[RaceRunner], told: list[list[Message]]) -> list[bytes]:
    """Run races by turns, a few steps each, and return the last metrics of each."""
    works = [(runner, runner.run()) for runner in runners]
    while works:
        works = [(runner, work) for runner, work in works if runner.slice(work, 0.002) is not None]
    return [
        encode(without_clock(next(one for one in reversed(of) if one["type"] == "weights")))
        for of in told
    ]


def test_races_that_take_turns_are_each_the_race_it_is_alone() -> None:
    def runners(names: list[str]) -> tuple[list[RaceRunner], list[list[Message]]]:
        told: list[list[Message]] = [[] for _ in names]
        made = [
            RaceRunner(parse_experiment(value(3, 8e3, [name, "adam"])), told[i].append)
            for i, name in enumerate(names)
        ]
        return made, told

    together = last_words(*runners(METHODS))
    for name, found in zip(METHODS, together, strict=True):
        (alone,) = last_words(*runners([name]))
        assert _weights(found) == _weights(alone), name


def _weights(data: bytes) -> list[list[float]]:
    return [lane.tolist() for lane in decode(data)["lanes"]]


# --- with processes


def serve(connection: Connection, board: MutableSequence[float]) -> None:
    """The main function of a worker process with real races, one of which is poison."""
    from engine.race.race import Race

    advance = Race.advance_lane

    def poisoned(self: Any, lane: Any) -> Any:
        if self.began.seed == POISON and lane.step >= 10:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.began.seed == SLOW:
            time.sleep(3)
        return advance(self, lane)

    Race.advance_lane = poisoned  # type: ignore[method-assign]
    worker.serve(connection, board)


@pytest.fixture(scope="module")
def real() -> Iterator[Pool]:
    """One process with real races."""
    pool = Pool(1, main=serve)
    yield pool
    pool.close()


def submitted(pool: Pool, folder: Path, experiment: Message, **more: Any) -> tuple[Job, Listener]:
    heard = Listener()
    keep = folder / f"{experiment['seed']}.race"
    return pool.submit(experiment, heard, keep=keep, **more), heard


def saved(folder: Path, seed: int) -> bool:
    return (folder / f"{seed}.race").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_every_race_of_a_killed_process_goes_on_to_the_same_end(real: Pool, tmp_path: Path) -> None:
    whole = {}
    for seed in (1, 2, 3):
        _, heard = submitted(real, tmp_path, value(seed, 1.5e5))
        heard.state("done")
        whole[seed] = heard.of("weights")[-1]
        (tmp_path / f"{seed}.race").unlink(missing_ok=True)
    races = {seed: submitted(real, tmp_path, value(seed, 1.5e5)) for seed in (1, 2, 3)}
    for job, heard in races.values():
        job.command({"do": "speed", "value": 50})
        heard.state("running")
    eventually(lambda: all(saved(tmp_path, seed) for seed in races))
    pid = races[1][0].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    for seed, (job, heard) in races.items():
        resumed = heard.wait(lambda message: message["type"] == "resumed")
        job.command({"do": "speed", "value": 0})
        heard.state("done")
        at = next(i for i, one in enumerate(heard.messages) if one is resumed)
        ks = [one["k"] for one in heard.messages[at:] if one["type"] == "metrics"]
        assert ks == list(range(resumed["k"], resumed["k"] + len(ks)))
        assert resumed["k"] > 0
        ends = heard.of("weights")[-1]
        assert ends["steps"] == whole[seed]["steps"]
        assert _weights(encode(ends)) == _weights(encode(whole[seed]))
        assert job.over


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_race_that_kills_its_process_again_and_again_is_ended_and_no_other(
    real: Pool, tmp_path: Path
) -> None:
    other, heard_other = submitted(real, tmp_path, value(5, LONG))
    heard_other.state("running")
    poison, heard = submitted(real, tmp_path, value(POISON, LONG), paused=True)
    heard.state("paused")
    eventually(lambda: saved(tmp_path, POISON) and saved(tmp_path, 5))
    poison.command({"do": "resume"})
    assert "killed" in heard.state("ended")["sentence"]
    assert 1 <= len(heard.of("resumed")) <= pools.MOST_CRASHES
    at = len(heard_other.messages)
    heard_other.wait(lambda message: message["type"] == "picture", after=at)
    assert not other.over
    other.command({"do": "cancel"})
    eventually(lambda: other.over)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_process_that_hangs_is_told_of_and_replaced(
    real: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "TELL_SECONDS", (1.5, 40.0, 160.0))
    job, heard = submitted(real, tmp_path, value(6, LONG))
    eventually(lambda: saved(tmp_path, 6))
    assert job.pid is not None
    os.kill(job.pid, signal.SIGSTOP)
    problem = heard.wait(lambda message: message["type"] == "problem")
    assert problem["passing"]
    assert problem["sentence"].startswith("Its process does not answer: ")
    monkeypatch.setattr(pools, "SILENT_SECONDS", 3.0)
    at = len(heard.messages)
    heard.wait(lambda message: message["type"] == "resumed", after=at)
    monkeypatch.undo()
    job.command({"do": "cancel"})
    eventually(lambda: job.over)


def test_a_damaged_checkpoint_is_told_and_costs_no_recording(real: Pool, tmp_path: Path) -> None:
    for content in (b"", b"nonsense", b"Kelvin race\r\n" + bytes(900)):
        (tmp_path / "7.race").write_bytes(content)
        job, heard = submitted(real, tmp_path, value(7, 400))
        problem = heard.wait(lambda message: message["type"] == "problem")
        assert problem["sentence"].startswith("checkpoint: ")
        assert "7.race" not in problem["sentence"]
        assert not heard.of("stage"), "which would begin the recording anew"
        eventually(partial(getattr, job, "over"))


def test_a_resumed_race_writes_no_checkpoint_before_it_has_moved(tmp_path: Path) -> None:
    told: list[Message] = []
    path = tmp_path / "race"
    first = RaceRunner(parse_experiment(value(0, LONG)), told.append, keep=path)
    first.inbox.append({"do": "pause"})
    first.slice(first.run(), 1.0)
    path.touch()
    before = path.stat().st_mtime_ns
    again = RaceRunner(parse_experiment(value(0, LONG)), told.append, keep=path)
    again.inbox.extend([{"do": "speed", "value": 3}, {"do": "resume"}, {"do": "pause"}])
    again.slice(again.run(), 1.0)
    assert path.stat().st_mtime_ns == before


def test_a_race_that_was_hardly_begun_begins_again_elsewhere(real: Pool, tmp_path: Path) -> None:
    job, heard = submitted(real, tmp_path, value(11, 4e3))
    eventually(lambda: job.pid is not None)
    pid = job.pid
    if pid is not None and not heard.of("metrics"):
        os.kill(pid, signal.SIGKILL)
    heard.state("done")
    assert heard.of("metrics")[-1]["lanes"][0]["progress"] == 1


@pytest.mark.slow
def test_a_copy_goes_on_from_where_the_race_was(real: Pool, tmp_path: Path) -> None:
    job, heard = submitted(real, tmp_path, value(8, 4e5))
    heard.state("running")
    job.command({"do": "pause"})
    heard.state("paused")
    job.command({"do": "copy", "to": str(tmp_path / "9.race")})
    told = heard.wait(lambda message: message["type"] == "copied")
    assert told["done"]
    copy_heard = Listener()
    copy = real.submit(value(8, 4e5), copy_heard, keep=tmp_path / "9.race")
    copy_heard.state("paused")
    assert copy_heard.of("resumed")[0]["k"] == told["k"]
    for one in (job, copy):
        one.command({"do": "resume"})
    ends = [
        listener.state("done") and listener.of("weights")[-1] for listener in (heard, copy_heard)
    ]
    assert _weights(encode(ends[0])) == _weights(encode(ends[1]))


def test_a_checkpoint_that_cannot_be_written_is_told_once(tmp_path: Path) -> None:
    told: list[Message] = []
    runner = RaceRunner(
        parse_experiment(value(0, 4e3)), told.append, keep=tmp_path / "nowhere" / "race"
    )
    runner.inbox.append({"do": "pause"})
    work = runner.run()
    assert runner.slice(work, 1) == race_runner.FOR_EVER
    runner.inbox.extend([{"do": "step"}, {"do": "resume"}])
    while runner.slice(work, 1) is not None:
        pass
    problems = [one for one in told if one["type"] == "problem"]
    assert len(problems) == 1
    assert problems[0]["passing"]
    assert problems[0]["sentence"].startswith("This race cannot be saved (No such file")


def test_where_memory_is_full_a_race_waits_and_is_told_how_long() -> None:
    pool = Pool(1, main=fake_race.serve, memory=100.0)
    try:
        first, waiting, small = Listener(), Listener(), Listener()
        job = pool.submit(fake_race.experiment(fake_race.ENDLESS), first, memory=70)
        first.state("running")
        other = pool.submit(fake_race.experiment(fake_race.ENDLESS), waiting, memory=40)
        third = pool.submit(fake_race.experiment(fake_race.ENDLESS), small, memory=10)
        assert (job.place, other.place, third.place) == (0, 1, 2), "nobody overtakes"
        assert pool.waiting == 2
        job.command({"do": "cancel"})
        waiting.state("running")
        small.state("running")
        assert pool.busy == 2
        alone = Listener()
        for one in (other, third):
            one.command({"do": "cancel"})
        eventually(lambda: pool.busy == 0)
        pool.submit(fake_race.experiment(fake_race.SHORT), alone, memory=1000)
        alone.state("done")  # what fits nowhere runs alone: the experiment was checked before
    finally:
        pool.close()


def test_the_wait_is_that_of_the_race_which_ends_first(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(1, main=fake_race.stillborn)
    try:
        jobs = [Job(pool, i, {}, lambda about, data: None, 0, None, False) for i in range(3)]
        now = time.monotonic()
        for job, progress in zip(jobs, (0.5, 0.25, 0.0), strict=True):
            job._begun, job._progress = now - 10, progress
        worker_ = pool._workers[0] if pool._workers else None
        if worker_ is None:
            pytest.skip("the process has gone already")
        worker_.jobs = dict(enumerate(jobs))
        for place, part in ((1, 1.0), (2, 3.0)):  # what is left over what is done
            least = part * (time.monotonic() - now + 10)
            told = pool.wait(place)
            assert told is not None
            assert least <= told * (1 + 1e-9)
            assert told <= part * (time.monotonic() - now + 10) * (1 + 1e-9)
        assert pool.wait(3) is None
        worker_.jobs = {}
    finally:
        pool.close()


def test_processes_are_spread_over_the_gpus_that_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    monkeypatch.setenv("KELVIN_DEVICE", "cuda:2,cuda:0")
    assert pools.devices_of_races() == ["cuda:2", "cuda:0"]
    pool = Pool(3, main=fake_race.stillborn)
    try:
        assert pool.devices == ["cuda:2", "cuda:0"]
    finally:
        pool.close()
    monkeypatch.delenv("KELVIN_DEVICE")
    assert pools.devices_of_races() == ["cuda:0", "cuda:1", "cuda:2"]
    monkeypatch.setenv("KELVIN_DEVICE", "cpu")
    assert pools.devices_of_races() == []
    monkeypatch.setenv("KELVIN_DEVICE", "cuda:3")
    with pytest.raises(BadInput, match=r"KELVIN_DEVICE: 'cuda:3' .*cpu, cuda:0, cuda:1, cuda:2"):
        pools.devices_of_races()


def test_a_worker_takes_its_gpu_before_its_races(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []
    monkeypatch.setattr("torch.cuda.set_device", taken.append)
    pipe = Pipe({"do": "device", "device": "cuda:1"}, {"do": "exit"})
    turns(shared(pipe), 1)
    assert taken == ["cuda:1"]


@pytest.mark.slow
def test_races_beside_long_steps_go_on_in_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "MOVE_SECONDS", 1.0)
    pool = Pool(2, main=serve)
    try:
        one, heard = submitted(pool, tmp_path, value(1, LONG))
        two, _ = submitted(pool, tmp_path, value(2, LONG))
        eventually(lambda: saved(tmp_path, 1) and saved(tmp_path, 2))
        assert one.pid != two.pid
        before = one.pid
        slow, slow_heard = submitted(pool, tmp_path, value(SLOW, LONG))
        moved, stays = (one, two) if slow.pid == before else (two, one)
        eventually(lambda: moved.pid == stays.pid)
        assert slow.pid not in (moved.pid, None)
        told = heard if moved is one else None
        if told is not None:
            resumed = told.wait(lambda message: message["type"] == "resumed")
            told.wait(lambda m: m["type"] == "metrics" and m["k"] > resumed["k"] + 3)
        assert not slow.over, "it goes on where it is"
        assert slow_heard.state("running")
    finally:
        pool.close()


@pytest.mark.slow
def test_what_a_checkpoint_does_not_know_is_asked_again_where_a_race_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = Pool(2, main=serve)
    try:
        job, _ = submitted(pool, tmp_path, value(1, LONG))
        eventually(lambda: saved(tmp_path, 1))
        first = job._worker
        assert first is not None
        job.command({"do": "reheat", "lane": 0, "factor": 2.0})
        eventually(lambda: not job._sent)  # a checkpoint has it
        (other,) = [one for one in pool._workers if one is not first]
        sent: list[Message] = []
        monkeypatch.setattr(other, "send", sent.append)
        monkeypatch.setattr(first, "send", lambda order: None)
        job.command({"do": "pause"})
        job.command({"do": "reheat", "lane": 0, "factor": 3.0})
        with pool._lock:
            pool._move_others(first, 99)
        assert job._worker is other
        assert first.leaving.keys() == {job._number}
        assert [(one["do"], one.get("number")) for one in sent] == [
            ("race", None),
            ("pause", None),
            ("pause", 2),
            ("reheat", 3),
        ]
        pool._said(first, {"type": "state", "state": "ended", "race": job._number}, b"")
        assert not first.leaving
        assert not job.over
    finally:
        pool.close()


def test_a_race_obeys_what_its_checkpoint_does_not_know_and_nothing_twice(tmp_path: Path) -> None:
    told: list[Message] = []
    path = tmp_path / "3.race"
    runner = RaceRunner(parse_experiment(value(3)), told.append, keep=path, job="one")
    work = runner.run()
    runner.inbox.append({"do": "reheat", "lane": 0, "factor": 2.0, "number": 1})
    runner.slice(work, 0.05)
    runner._save_if_due(at_once=True)
    assert [one["heard"] for one in told if one["type"] == "saved"] == [1]
    again: list[Message] = []
    other = RaceRunner(parse_experiment(value(3)), again.append, keep=path, job="one")
    other.inbox.extend(
        {"do": "reheat", "lane": 0, "factor": float(n + 1), "number": n} for n in (1, 2)
    )
    events = len(other.race.done)
    other.slice(other.run(), 0.05)
    assert [event["value"] for event in other.race.done[events:]] == [3.0]
    assert other.last_command == 2
    stranger = RaceRunner(parse_experiment(value(3)), again.append, keep=path, job="another")
    stranger.inbox.append({"do": "reheat", "lane": 0, "factor": 5.0, "number": 1})
    events = len(stranger.race.done)
    stranger.slice(stranger.run(), 0.05)
    assert len(stranger.race.done) == events + 1, "the numbers of another job are not its own"


def test_who_needs_more_than_all_memory_holds_nobody_up(real: Pool, tmp_path: Path) -> None:
    pool = Pool(1, main=serve, memory=100.0)
    try:
        going, _ = submitted(pool, tmp_path, value(1, LONG), memory=60)
        giant, _ = submitted(pool, tmp_path, value(2, LONG), memory=1000)
        behind, _ = submitted(pool, tmp_path, value(3, LONG), memory=30)
        large, _ = submitted(pool, tmp_path, value(4, LONG), memory=90)
        last, _ = submitted(pool, tmp_path, value(5, LONG), memory=5)
        assert (going.place, giant.place, behind.place) == (0, 1, 0)
        assert (large.place, last.place) == (2, 3), "nobody overtakes one that will fit"
    finally:
        pool.close()


def test_a_race_ends_when_it_has_had_the_time_that_the_server_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KELVIN_SECONDS", "2")
    clock = OwnClock(monkeypatch, {})
    pipe = Pipe(order(0))
    one = shared(pipe)
    turns(one, 1000)
    assert clock.now < 103
    (told,) = [message for message in pipe.of(0, "state") if message["state"] == "ended"]
    assert "lets a race take 2 seconds" in told["sentence"]
    assert not one.turns


def test_what_a_race_took_before_it_was_stopped_counts(tmp_path: Path) -> None:
    written: list[Message] = []
    runner = RaceRunner(parse_experiment(value(3)), written.append, keep=tmp_path / "3.race")
    runner._used_before = 1.5
    runner._write(tmp_path / "3.race")
    again = RaceRunner(parse_experiment(value(3)), written.append, keep=tmp_path / "3.race")
    assert again._used_before >= 1.5
