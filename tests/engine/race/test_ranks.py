"""A race that several processes share is the race of one process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.experiment.model import Experiment
from engine.kernels.gaussian_sampling import sampled
from engine.optimizers.common.ensemble import Sums
from engine.populations import chunks
from engine.populations.antithetic import AntitheticPopulation
from engine.populations.base import Population
from engine.populations.gaussian import GaussianPopulation, drawn
from engine.populations.noise import DenseNoise, SeededNoise
from engine.race.race import Race
from engine.random.rng import Rng
from engine.system import ranks
from engine.system.ranks import Ranks
from tests.engine.support.listening import eventually
from tests.engine.support.shared_race import LARGE, RACES, SMALL

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 600.0


# --- parts of the work


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize(
    ("rows", "size", "together"), [(100, 7, 1), (100, 100, 1), (64, 16, 4), (3, 8, 4), (1, 1, 1)]
)
def test_parts_are_a_whole_without_overlap(count: int, rows: int, size: int, together: int) -> None:
    found: list[tuple[int, int]] = []
    for number in range(count):
        with chunks.part(number, count):
            found += chunks.own_rows(rows, size, together)
    assert [row for start, stop in found for row in range(start, stop)] == list(range(rows))
    assert all(start % together == 0 for start, _ in found)
    assert chunks._part.get() == (0, 1)


def populations() -> dict[str, Callable[[Tensor], Tensor | Population]]:
    rng = Rng(5, "populations")

    def pairs(theta: Tensor) -> Population:
        return AntitheticPopulation(theta, DenseNoise(rng.normal(33, len(theta))), 0.1)

    def many_pairs(theta: Tensor) -> Population:
        return AntitheticPopulation(theta, SeededNoise(17, 33, theta), 0.1)

    def samples(theta: Tensor) -> Population:
        z = rng.rows("normal", 300, len(theta))
        return GaussianPopulation(z, theta, torch.full_like(theta, 0.1), 300, 300)

    return {
        "written out": lambda theta: theta + 0.1 * rng.normal(33, len(theta)),
        "pairs": pairs,
        "pairs from seeds": many_pairs,
        "samples": samples,
    }


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("kind", populations())
def test_parts_of_losses_add_up_to_the_whole_and_are_counted_as_such(kind: str, count: int) -> None:
    race = Race(Experiment.parse({**LARGE, "lanes": ["openai-es"]}))
    population = populations()[kind](race.theta)
    whole = race._oracle(race.lanes[0].optimizer)
    expected, found = whole.losses(population), []
    for number in range(count):
        oracle = race._oracle(race.lanes[0].optimizer)
        oracle.ranks = Ranks(number, count).alone()
        found.append(oracle.losses(population))
        assert (oracle.evaluations, oracle.flops, oracle.rounds) == (
            whole.evaluations,
            whole.flops,
            whole.rounds,
        )
    assert torch.equal(torch.stack(found).sum(0), expected)
    shares = [int((part != 0).sum()) for part in found]
    assert sum(shares) == len(population)
    assert min(shares) > 0


@pytest.mark.parametrize("count", [2, 3])
def test_ensembles_add_up_sums_of_their_members_and_no_outputs(count: int) -> None:
    race = Race(Experiment.parse({**SMALL, "lanes": [{"name": "eki", "batch": 0}]}))
    u = race.theta + 0.3 * Rng(1, "ensemble").normal(20, len(race.theta))

    def sums(number: int | None) -> tuple[Sums, tuple[int, int, int]]:
        oracle = race._oracle(race.lanes[0].optimizer)
        if number is not None:
            oracle.ranks = Ranks(number, count).alone()
        found = Sums.of(u, "loss", False, True, Rng(0, "x"), oracle)
        return found, (oracle.evaluations, oracle.flops, oracle.rounds)

    whole, counters = sums(None)
    parts = [sums(number) for number in range(count)]
    assert all(one == counters for _, one in parts)
    assert all(one.data == whole.data for one, _ in parts)
    for name in ("losses", "cross", "gram", "misfits"):
        total = torch.stack([getattr(one, name) for one, _ in parts]).sum(0)
        torch.testing.assert_close(total, getattr(whole, name), rtol=1e-5, atol=1e-5)
        assert not torch.allclose(getattr(parts[0][0], name), getattr(whole, name))


# --- samples that are drawn when needed


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(("count", "width"), [(301, 1500), (50, 40_000), (40, 100)])
def test_samples_drawn_when_needed_are_those_written_out(
    count: int, width: int, mirrored: bool
) -> None:
    rng = Rng(3, "samples")
    rows = (count + 1) // 2 if mirrored else count
    z, mean, deviation = rng.rows("normal", rows, width), rng.normal(width), rng.uniform(width)
    written = sampled(torch.empty(count, width), z, mean, deviation, mirrored)
    half = rows if mirrored else count
    lazy = GaussianPopulation(z, mean, deviation, count, half)

    def same(one: Tensor, other: Tensor) -> bool:
        # The compiled loop over pairs may round a product that the one over samples does not.
        return torch.allclose(one, other, rtol=0, atol=1e-6 if mirrored else 0)

    assert same(lazy.dense(), written)
    for start, stop in ((0, 3), (half - 2, half + 2), (7, count), (5, 5)):
        assert same(lazy[start:stop], written[start:stop])
    chosen = torch.tensor([count - 1, 0, half - 1])
    assert same(lazy[chosen], written[chosen])
    assert same(lazy[torch.tensor(half - 1)], written[half - 1])
    assert same(lazy.beginning(half - 1).dense(), written[: half - 1])
    assert lazy.finite().shape == written.shape
    assert bool(lazy.finite().all())
    spread = drawn(None, z, mean, deviation, count, mirrored, spread=True)
    assert isinstance(spread, GaussianPopulation) is (count * width >= 2**18)


# --- with processes


def shared(count: int, *command: str, **more: Any) -> subprocess.Popen[str]:
    """Start a command of Python as so many ranks, or as one process without any."""
    begin = [sys.executable, "-m"]
    if count > 1:
        begin += ["torch.distributed.run", "--nproc-per-node", str(count), "--master-port", "0"]
        begin += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0", "-m"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "KELVIN_STORE": "off"}
    return subprocess.Popen(
        [*begin, *command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        **{"stderr": subprocess.PIPE, **more},
    )


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int], dict[str, Any]]:
    """What each rank of one, two and three saw of all races."""
    out = tmp_path_factory.mktemp("ranks")
    for count in (1, 2, 3):
        process = shared(count, "tests.engine.support.shared_race", str(out / str(count)))
        _, told = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, told
    return {
        (count, number): json.loads((out / f"{count}.{number}").read_text())
        for count in (1, 2, 3)
        for number in range(count)
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in RACES if name != "stopped by the clock"])
@pytest.mark.parametrize("count", [2, 3])
def test_every_frame_is_that_of_one_process(seen: Any, count: int, name: str) -> None:
    alone, together = seen[1, 0][name], seen[count, 0][name]
    assert alone["troubles"] == together["troubles"] == [None] * 4
    assert alone["rounds"] == together["rounds"]
    assert together["written"] == 0, "a rank wrote the whole population out"
    assert len(alone["frames"]) == len(together["frames"])
    lanes = RACES[name]["lanes"]
    for one, other in zip(alone["frames"], together["frames"], strict=True):
        for lane, mine, theirs in zip(lanes, one, other, strict=True):
            method = lane if isinstance(lane, str) else lane["name"]
            # Sums over the batch are added up in another order, pairs may round otherwise.
            if method != "eki" and "antithetic" not in lane:
                assert mine == theirs, method
                continue
            for counter in ("step", "evaluations", "flops"):
                assert mine[counter] == theirs[counter], method
            for loss in ("loss", "test_loss"):
                assert theirs[loss] == pytest.approx(mine[loss], rel=1e-6, abs=1e-6), method
    for mine, theirs in zip(alone["estimates"], together["estimates"], strict=True):
        assert theirs == pytest.approx(mine, rel=1e-4, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3])
def test_all_ranks_know_the_same_and_stop_after_the_same_step(seen: Any, count: int) -> None:
    for number in range(1, count):
        for name, mine in seen[count, number].items():
            of_first = seen[count, 0][name]
            for what in ("frames", "estimates", "rounds", "seconds"):
                assert mine[what] == of_first[what], (name, what)


DIGITS = ("engine", "run", "--dataset", "digits", "--optimizer", "openai-es", "--versus", "eki")


@pytest.mark.slow
def test_the_command_prints_once_and_what_one_process_prints() -> None:
    told = []
    for count in (1, 2):
        process = shared(count, *DIGITS, "--versus", "sgd", "--evaluations", "2e5", "--json")
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
        told.append((json.loads(out), err))
    (alone, _), (together, err) = told
    assert together["ranks"] == 2
    assert "SGD with momentum: computed whole by each of the 2 processes" in err
    for mine, theirs in zip(alone["lanes"], together["lanes"], strict=True):
        assert mine["evaluations"] == theirs["evaluations"]
        assert theirs["loss"] == pytest.approx(mine["loss"], rel=1e-6)
    assert alone["lanes"][0]["loss"] == together["lanes"][0]["loss"]


@contextmanager
def running(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Start a long race of two ranks, wait until it runs, and give what is told of it."""
    told = folder / "told"
    with told.open("w") as file:
        process = shared(2, *DIGITS, "--seconds", "3000", stderr=file, start_new_session=True)
    try:
        eventually(lambda: "openai-es " in told.read_text() or process.poll() is not None)
        assert process.poll() is None, told.read_text()
        yield process, told
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def children(process: subprocess.Popen[str]) -> list[int]:
    """The ids of its ranks, in order."""
    import psutil

    return sorted(one.pid for one in psutil.Process(process.pid).children())


@pytest.mark.slow
def test_a_dead_rank_ends_all_with_a_line(tmp_path: Path) -> None:
    with running(tmp_path) as (process, told):
        os.kill(children(process)[-1], signal.SIGKILL)
        out, _ = process.communicate(timeout=PATIENCE)
        err = told.read_text()
    assert process.returncode != 0
    assert out == ""
    assert err.count("stops: another rank has ended") == 1
    assert "engine/" not in err, "a traceback of Kelvin's"


@pytest.mark.slow
def test_ctrl_c_ends_all_after_the_same_step_with_the_results_so_far(tmp_path: Path) -> None:
    with running(tmp_path) as (process, told):
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to torchrun and all ranks
        out, _ = process.communicate(timeout=PATIENCE)
        err = told.read_text()
    assert process.returncode != 0
    assert out.count("openai-es") == 1
    assert "another rank" not in err
    assert "engine/" not in err, "a traceback of Kelvin's"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "line"),
    [
        (("engine", "list"), "torchrun: 'list' is not allowed; expected run"),
        ((*DIGITS, "--seeds", "3"), "seeds: 3 is not allowed; expected 1 where several"),
        (("engine", "run", "--dataset", "nosuch"), "dataset: 'nosuch' is not allowed"),
    ],
)
def test_what_ranks_cannot_do_is_refused_once(command: tuple[str, ...], line: str) -> None:
    process = shared(2, *command)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    assert err.count(line) == 1
    assert "engine/" not in err, "a traceback of Kelvin's"


def test_without_torchrun_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ranks.NEEDED:
        monkeypatch.delenv(name, raising=False)
    assert ranks.join() is None
    assert ranks.joined() is None
    assert ranks.speaks()
    assert Race(Experiment.parse({**SMALL, "lanes": ["adam"]})).lanes[0].oracle.ranks is None
