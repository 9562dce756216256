"""The same experiment gives the same bits: whatever PyTorch was told before, wherever the method
stands, whoever looks, wherever it was interrupted, whatever else runs.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from engine import Experiment, Race
from engine.errors import BadInput
from engine.experiment.query_string import from_flat, to_flat
from engine.optimizers import OPTIMIZERS
from engine.system import environment
from tests.engine.support.repeating import CNN, MLP, drive, lane_of, outcome, race_of, resumed

STEPS = 4
FEW = ["cma-es", "lbfgs", "eki", "levenberg-marquardt", "adam", "annealing"]
"""Methods whose sums are long enough for threads to share."""


@contextmanager
def told(threads: int) -> Iterator[None]:
    """Inside, PyTorch was told to use so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def other(method: str) -> dict[str, Any]:
    """Somebody to race against."""
    return {"name": "sgd" if method == "adam" else "adam"}


def tried(
    problem: dict[str, Any], lane: dict[str, Any], rival: dict[str, Any], folder: Path
) -> None:
    with told(1):
        expected = outcome(drive(race_of(problem, [lane, rival]), STEPS), 0)
    with told(2):
        race = drive(race_of(problem, [rival, lane]), STEPS, looked=True)
        assert outcome(race, 1) == expected, "two threads, the second lane, looked at"
        assert torch.get_num_threads() == 2
    at = random.Random(f"{lane} {problem}").randrange(STEPS)
    race = resumed(drive(race_of(problem, [lane]), at), folder)
    assert outcome(drive(race, STEPS - at), 0) == expected, f"alone, and resumed at step {at}"


@pytest.mark.parametrize("method", OPTIMIZERS.names())
def test_every_method_gives_the_same_bits(method: str, tmp_path: Path) -> None:
    tried(MLP, lane_of(method), other(method), tmp_path)


@pytest.mark.parametrize("method", ["openai-es", "annealing", "adam"])
def test_convolutions_give_the_same_bits(method: str, tmp_path: Path) -> None:
    tried(CNN, lane_of(method) | {"batch": 40}, other(method), tmp_path)


def test_two_lanes_of_one_method_have_numbers_of_their_own() -> None:
    race = drive(race_of(MLP, [lane_of("pso"), lane_of("pso")]), 1)
    assert outcome(race, 0) != outcome(race, 1)


@pytest.mark.parametrize("method", ["cma-es", "lbfgs", "eki", "pso"])
def test_two_threads_give_the_same_bits_again_and_beside_other_work(method: str) -> None:
    lane = lane_of(method) | ({"population_size": 150} if method == "pso" else {})
    with told(1):
        expected = outcome(drive(race_of(MLP, [lane], threads=2), 2), 0)
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            sum(range(2000))

    busy = threading.Thread(target=work)
    busy.start()
    try:
        with told(3):
            assert outcome(drive(race_of(MLP, [lane], threads=2), 2), 0) == expected
    finally:
        stop.set()
        busy.join()


def processes(
    threads: int, methods: list[str], *environments: dict[str, str]
) -> list[dict[str, Any]]:
    """What came of these races in processes with those environments, the first of which may use all
    cores, and the others one.
    """
    command = [sys.executable, "-m", "tests.engine.support.repeating", str(threads), "2", *methods]
    pinned = [command, *([one_core(command)] * (len(environments) - 1))]
    running = [
        subprocess.Popen(line, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)
        for line, environment in zip(pinned, environments, strict=True)
    ]
    return [json.loads(one.communicate()[0]) for one in running]


def one_core(command: list[str]) -> list[str]:
    """The command, with one core to run on where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        return command
    start = (
        "import os, sys; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    return [command[0], "-c", start, *command]


ONE = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
MIN_NUMEL = {
    "OMP_NUM_THREADS": "4",
    "MKL_NUM_THREADS": "3",
    "OMP_DYNAMIC": "true",
    "MKL_DYNAMIC": "TRUE",
}


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_processes_that_differ_give_the_same_bits(threads: int) -> None:
    """Two threads on one core too, where the libraries would rather take one."""
    one, two = processes(threads, FEW, ONE, MIN_NUMEL)
    assert one == two


@pytest.mark.slow
def test_what_mkl_and_aten_are_told_changes_nothing() -> None:
    """MKL_CBWR alone gave other last digits, as does ATEN_CPU_CAPABILITY."""
    command = [sys.executable, "-m", "engine", "run", "--dataset", "digits", "--json"]
    command += ["--optimizer", "annealing", "--versus", "adam", "--evaluations", "2e4"]
    bare = {name: text for name, text in os.environ.items() if name not in environment.UNWANTED}
    odd = {"OMP_DYNAMIC": "true", "OMP_NUM_THREADS": "garbage"}
    found = []
    for more in ({}, {"MKL_CBWR": "COMPATIBLE"} | odd, {"ATEN_CPU_CAPABILITY": "default"}):
        done = subprocess.run(command, env=bare | more, capture_output=True, text=True, check=True)
        lanes = json.loads(done.stdout)["lanes"]
        found.append([{**lane, "seconds": 0, "core_seconds": 0} for lane in lanes])
        for name in environment.UNWANTED:
            assert (f"{name}={more.get(name)} is ignored" in done.stderr) == (name in more)
    assert found[0] == found[1] == found[2]


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_processes_that_differ_give_the_same_bits_whatever_the_method(threads: int) -> None:
    one, two = processes(threads, OPTIMIZERS.names(), MIN_NUMEL, ONE)
    assert one == two


def test_more_threads_than_the_system_allows_are_refused() -> None:
    start = (
        "from engine import Race\nfrom engine.experiment.model import "
        "Experiment\nRace(Experiment.parse({'dataset': 'moons', 'threads': 2}))"
    )
    found = subprocess.run(
        [sys.executable, "-c", start],
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1
    assert (
        "CannotRun: threads: 2 is not allowed; expected at most 1 here (OMP_THREAD_LIMIT)"
        in found.stderr.replace("engine.errors.", "")
    )


@pytest.mark.parametrize(
    "value", [0, -1, 257, 1.5, "many", None, True, [2], float("nan"), 1e300, ""]
)
def test_a_nonsensical_number_of_threads_is_refused(value: Any) -> None:
    with pytest.raises(BadInput, match=r"^threads: .*expected .*(whole|least|most|finite)"):
        Experiment.parse({"dataset": "moons", "threads": value})


def test_threads_travel_everywhere() -> None:
    experiment = Experiment.parse({"dataset": "moons", "threads": 3})
    assert Experiment.parse(experiment.to_json()) == experiment
    assert to_flat(experiment)["threads"] == "3"
    assert from_flat(to_flat(experiment)) == experiment
    assert Race(experiment).stage()["experiment"]["threads"] == 3
    assert "threads" not in to_flat(Experiment.parse({"dataset": "moons"}))
    old = {key: value for key, value in experiment.to_json().items() if key != "threads"}
    assert Experiment.parse(old).threads == 1


def test_a_race_works_with_its_own_threads_and_leaves_the_callers() -> None:
    race = race_of(MLP, [lane_of("adam")], threads=2)
    seen: list[int] = []
    step = type(race.lanes[0].optimizer).step
    with told(3), pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            type(race.lanes[0].optimizer),
            "step",
            lambda *given: seen.append(torch.get_num_threads()) or step(*given),
        )
        frames = iter(race)
        next(frames)
        assert torch.get_num_threads() == 3
        next(frames)
        assert torch.get_num_threads() == 3
        patch.setattr(type(race.lanes[0].optimizer), "step", lambda *given: 1 / 0)
        race.advance()
        assert race.lanes[0].trouble, "the step failed"
        assert torch.get_num_threads() == 3
    assert set(seen) == {2}
