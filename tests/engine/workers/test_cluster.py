"""Races as actors of a Ray cluster: on two machines (two of Ray's nodes with a core each, on this
machine), where one dies now and then.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.errors import BadInput
from engine.messages.encoding import Message
from engine.workers import cluster
from engine.workers.cluster import ActorLine, ClusterPool
from engine.workers.pool import Job, Pool
from tests.engine.support.listening import Listener, alive, eventually

WITH_RAY = importlib.util.find_spec("ray") is not None
STORE = 80 * 2**20


def test_without_the_setting_races_run_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KELVIN_RAY", raising=False)
    cluster.connect()
    here = object()
    monkeypatch.setattr(cluster, "Pool", lambda: here)
    assert cluster.open_pool() is here


def test_an_address_where_nobody_answers_is_refused_in_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: name if name == "ray" else find(name)
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # it does not listen
        address = f"127.0.0.1:{free.getsockname()[1]}"
        monkeypatch.setenv("KELVIN_RAY", address)
        with pytest.raises(BadInput, match=r"KELVIN_RAY: '127.*ray start --head.*refused") as found:
            cluster.connect()
    assert len(str(found.value).splitlines()) == 1


def test_an_actors_line_keeps_order_and_tells_when_it_ends() -> None:
    line = ActorLine()
    assert not line.poll()
    assert not line.poll(0.001)
    for number in range(3):
        line.put({"do": "pause", "race": number})
    assert [line.recv()["race"] for _ in range(3)] == [0, 1, 2]
    assert line.taken(0.0) == ([], True)
    for number in range(2):
        line.send({"race": number})
        line.send_bytes(bytes([number]))
    assert line.taken(0.0) == ([({"race": 0}, b"\0"), ({"race": 1}, b"\1")], True)
    line.send_bytes(b"last")
    line.end()
    assert line.taken(0.0) == ([({"race": 1}, b"last")], False)


def value(seed: int, amount: float) -> Message:
    return {
        "dataset": {"name": "moons", "points": 40},
        "lanes": ["annealing", "eki", "snes", "adam"],
        "budget": {"currency": "evaluations", "amount": amount},
        "seed": seed,
    }


def outcome(listener: Listener) -> tuple[Any, Any]:
    """What must be the same wherever a race runs: its last weights, losses and counters."""
    weights, metrics = listener.of("weights")[-1], listener.of("metrics")[-1]
    counters = ("step", "evaluations", "flops", "loss", "test_loss")
    return (
        [lane.tolist() for lane in weights["lanes"]],
        [[lane[name] for name in counters] for lane in metrics["lanes"]],
    )


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[Any]:
    """A cluster of two nodes with one core each."""
    if not WITH_RAY:
        pytest.skip("Ray is not installed: pip install -r requirements-cluster.txt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        import ray
        from ray.cluster_utils import Cluster

        node: dict[str, Any] = {"num_cpus": 1, "object_store_memory": STORE}
        nodes = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
        second = nodes.add_node(**node)
        patch.setenv("KELVIN_RAY", nodes.address)
        yield SimpleNamespace(nodes=nodes, second=second, node=node)
        ray.shutdown()
        nodes.shutdown()


@pytest.fixture
def pool(two_nodes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ClusterPool]:
    monkeypatch.setenv("KELVIN_STORE", str(tmp_path))
    before = signal.getsignal(signal.SIGTERM)
    pool = cluster.open_pool()
    assert isinstance(pool, ClusterPool)
    assert signal.getsignal(signal.SIGTERM) is before
    eventually(lambda: all(pool._is_up(worker) for worker in pool._workers))
    yield pool
    pool.close()
    assert not list(tmp_path.glob(".seen-*"))


@pytest.fixture(scope="module")
def alone() -> Iterator[Pool]:
    """The pool of this machine, to compare with."""
    pool = Pool(1)
    yield pool
    pool.close()


def begun(pool: Pool, seed: int, amount: float, keep: Path | None = None) -> tuple[Job, Listener]:
    listener = Listener()
    return pool.submit(value(seed, amount), listener, keep=keep), listener


@pytest.mark.slow
def test_races_run_on_both_machines_and_are_those_of_this_machine(
    pool: ClusterPool, alone: Pool
) -> None:
    races = [begun(pool, seed, 4e5) for seed in range(4)]
    processes = [worker.process for worker in pool._workers]
    assert len({process.node for process in processes}) == 2  # type: ignore[attr-defined]
    assert {job.pid for job, _ in races} == {process.pid for process in processes}
    for _, listener in races:
        listener.state("done")
    for seed, (_, listener) in enumerate(races):
        _, beside = begun(alone, seed, 4e5)
        beside.state("done")
        assert outcome(listener) == outcome(beside)
    assert pool.busy == pool.waiting == 0


@pytest.mark.slow
def test_commands_reach_a_race(pool: ClusterPool) -> None:
    listener = Listener()
    job = pool.submit(value(0, 1e9), listener, paused=True)
    listener.state("paused")
    job.command({"do": "step"})
    listener.wait(lambda m: m["type"] == "metrics" and m["lanes"][0]["step"] == 1)
    job.command({"do": "turn", "lane": 0, "field": "nonsense", "value": 1})
    assert listener.wait(lambda m: m["type"] == "problem")["passing"]
    job.command({"do": "cancel"})
    assert listener.state("ended")["calm"]
    eventually(lambda: job.over and pool.busy == 0)


@pytest.mark.slow
def test_a_race_whose_actor_is_killed_goes_on(
    pool: ClusterPool, alone: Pool, tmp_path: Path
) -> None:
    keep = tmp_path / "race.checkpoint"
    job, listener = begun(pool, 7, 6e5, keep)
    listener.wait(lambda m: m["type"] == "metrics" and m["lanes"][0]["step"] > 0)
    eventually(lambda: keep.is_file() or job.over)
    assert not job.over, "the race is too short for this test"
    pid = job.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    listener.wait(lambda m: m["type"] == "resumed")
    listener.state("done")
    assert not alive(pid)
    _, beside = begun(alone, 7, 6e5)
    beside.state("done")
    assert outcome(listener) == outcome(beside)


@pytest.mark.slow
def test_races_of_a_machine_that_is_gone_go_on_on_another(
    two_nodes: Any, pool: ClusterPool, tmp_path: Path
) -> None:
    keeps = [tmp_path / f"{seed}.checkpoint" for seed in range(2)]
    races = [begun(pool, seed, 1e9, keep) for seed, keep in enumerate(keeps)]
    for keep in keeps:
        eventually(keep.is_file)
    try:
        two_nodes.nodes.remove_node(two_nodes.second)
        eventually(lambda: any(listener.of("resumed") for _, listener in races))
        eventually(lambda: len({job.pid for job, _ in races}) == 1)
    finally:
        two_nodes.second = two_nodes.nodes.add_node(**two_nodes.node)
    for job, listener in races:
        job.command({"do": "cancel"})
        assert listener.state("ended")["calm"]
    eventually(lambda: all(pool._is_up(worker) for worker in pool._workers))


@pytest.mark.slow
def test_a_folder_that_a_machine_does_not_see_is_told(
    two_nodes: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("KELVIN_STORE", str(tmp_path / "races"))
    monkeypatch.setattr(cluster, "_marker", lambda: tmp_path / "elsewhere" / ".seen")
    pool = ClusterPool(1)
    eventually(lambda: all(pool._is_up(worker) for worker in pool._workers))
    pool.close()
    assert "does not see the folder" in caplog.text
    assert "KELVIN_STORE" in caplog.text
