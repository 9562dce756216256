"""What a method says it takes is what a real step takes, lanes are added up, and a container's
limit is seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from engine.errors import CannotRun
from engine.experiment.model import Experiment, problem_of
from engine.kernels import chunking, row_blocks
from engine.networks import NETWORKS
from engine.optimizers import OPTIMIZERS
from engine.optimizers.base import FLOAT, STRIPS
from engine.race.race import Race
from engine.random import noise_table
from engine.system import machine
from tests.engine.support.live_memory import peak_of

CROWDS = ("population_size", "pairs", "memory_size", "directions")
EVALUATOR = 64 * 2**20
"""What evaluating may hold at once is stated at its most, whatever it chooses here."""
SHAPES: dict[str, tuple[Any, list[int], int, int]] = {
    "many weights": ("digits", [256], 64, 0),
    "many members": ({"name": "moons", "points": 400}, [16], 0, 1500),
    "many outputs": ("digits", [64], 512, 100),
    "few of all": ({"name": "moons", "points": 60}, [4], 0, 0),
}
GIB = 2**30


def experiment(dataset: Any, network: Any, *lanes: Any) -> Experiment:
    budget = {"currency": "evaluations", "amount": 1e12}
    return Experiment.parse(
        {"dataset": dataset, "network": network, "lanes": lanes, "budget": budget, "device": "cpu"}
    )


def lane_of(name: str, batch: int, crowd: int) -> dict[str, Any]:
    fields = OPTIMIZERS.get(name).model_fields
    own = next((field for field in CROWDS if field in fields), None)
    return {
        "name": name,
        "batch": batch,
        **({own: crowd} if crowd and own and name != "mezo" else {}),
        **({"history": 3} if name == "lbfgs" else {}),
    }


def check(found: Experiment) -> None:
    for law in ("normal", "uniform"):
        noise_table.numbers(law, torch.float32)  # made once, whoever asks first
    race = Race(found, pictures=False)
    peak, stated = (
        peak_of(race),
        found.lanes[0].footprint(problem_of(found.dataset, race.network, found.loss)),
    )
    assert peak <= stated, f"it takes {peak / 2**20:.2f} MiB and states {stated / 2**20:.2f}"
    assert stated <= 6 * peak + EVALUATOR, (
        f"it takes {peak / 2**20:.2f} MiB and states {stated / 2**20:.2f}"
    )


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_a_method_takes_what_it_states(name: str, shape: str) -> None:
    dataset, hidden, batch, crowd = SHAPES[shape]
    batch = min(batch, 128) if name == "levenberg-marquardt" else batch  # that it be quick
    if name == "cma-es" and dataset == "digits":
        hidden = [16]  # it takes no more weights than that
    check(experiment(dataset, {"name": "mlp", "hidden": hidden}, lane_of(name, batch, crowd)))


@pytest.mark.parametrize(
    "lane",
    [
        {"name": "eki", "form": "discrete"},
        {"name": "eki", "form": "discrete", "perturb": True, "population_size": 400},
        {"name": "eki", "acceleration": "nesterov"},
        {"name": "enkf", "perturb": True},
        {"name": "lbfgs", "line_search": "armijo", "history_size": 3},
        {"name": "coolmomentum", "source": "spsa"},
        {"name": "langevin", "source": "forward-gradient"},
        {"name": "annealing", "proposal": "gaussian"},
    ],
    ids=lambda lane: " ".join(map(str, lane.values())),
)
def test_settings_that_take_more_say_so(lane: dict[str, Any]) -> None:
    check(experiment("digits", {"name": "mlp", "hidden": [64]}, lane))


@pytest.mark.slow
@pytest.mark.parametrize(
    "network",
    [one.name for one in NETWORKS if "images" in one.kinds and one.name not in ("mlp", "resnet20")],
)
@pytest.mark.parametrize("name", ["adam", "pso", "forward-gradient"])
def test_on_other_networks_too(network: str, name: str) -> None:
    found = experiment("mnist-small", network, {"name": name, "batch": 32})
    race = Race(found, pictures=False)
    assert peak_of(race, 2) <= found.lanes[0].footprint(
        problem_of(found.dataset, race.network, found.loss)
    )


@pytest.mark.parametrize(
    ("lane", "dataset", "least"),
    [
        ({"name": "eki", "population_size": 16_384}, "moons", 2 * GIB),
        ({"name": "enkf", "population_size": 16_384}, "moons", 2 * GIB),
        ({"name": "levenberg-marquardt", "batch": 700}, "mnist-small", 2.2 * GIB),
        ({"name": "forward-gradient", "directions": 2048, "batch": 0}, "digits", 1 * GIB),
        ({"name": "lbfgs", "history_size": 100, "batch": 64}, "mnist-small", 0.01 * GIB),
    ],
)
def test_what_is_large_is_stated_and_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, lane: dict[str, Any], dataset: str, least: float
) -> None:
    monkeypatch.setenv("KELVIN_MEMORY", "1000")
    found = experiment(dataset, "mlp", lane)
    network = found.network.build_for(found.dataset)
    assert found.lanes[0].footprint(problem_of(found.dataset, network, found.loss)) >= least
    monkeypatch.setenv("KELVIN_MEMORY", str(least / GIB))
    with pytest.raises(
        CannotRun, match=rf"^lanes\[0\]: '{lane['name']}.*GiB' is not allowed; expected .*GiB here"
    ):
        experiment(dataset, "mlp", lane)


def test_a_gpu_holds_larger_chunks_and_strips() -> None:
    found = experiment("digits", {"name": "mlp", "hidden": [64]}, lane_of("pso", 0, 15_000))
    network = found.network.build_for(found.dataset)
    sizes = [
        found.lanes[0].footprint(problem_of(found.dataset, network, found.loss, None, device))
        for device in ("cpu", "cuda")
    ]
    chunk = chunking.ELSEWHERE - chunking.FLOATS_AT_ONCE
    strip = row_blocks.ELSEWHERE - row_blocks.STRIP["cpu"]
    assert sizes[1] - sizes[0] == FLOAT * (4 * chunk + STRIPS * strip)


def test_lanes_are_added_up_and_the_largest_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KELVIN_MEMORY", "1000")
    network = {"name": "mlp", "hidden": [512]}
    large, small = (
        {"name": "pso", "population_size": 500},
        {"name": "annealing", "population_size": 400},
    )
    found = experiment("mnist-small", network, small, large, small)
    problem = problem_of(found.dataset, found.network.build_for(found.dataset), found.loss)
    taken = [lane.footprint(problem) for lane in found.lanes]
    monkeypatch.setenv("KELVIN_MEMORY", str(1.01 * sum(taken) / GIB))
    assert experiment("mnist-small", network, small, large, small) == found
    monkeypatch.setenv("KELVIN_MEMORY", str(0.99 * sum(taken) / GIB))
    for lane in (small, large):
        experiment("mnist-small", network, lane)
    with pytest.raises(CannotRun) as caught:
        experiment("mnist-small", network, small, large, small)
    said = str(caught.value)
    assert said.startswith("lanes[1]: 'pso: 1,500 × 407,050 weights = ")
    assert re.search(r"; all lanes together would take \d\.\d of \d\.\d GiB$", said)
    # The advice holds: with that many rows it fits.
    most = (
        int(advice[1].replace(",", ""))
        if (advice := re.search(r"at most ([\d,]+) networks", said))
        else 0
    )
    assert most
    experiment("mnist-small", network, small, {**large, "population_size": most // 3 - 1}, small)


def group(folder: Path, **files: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / name.replace("__", ".")).write_text(f"{value}\n")


def test_a_container_of_either_kind_is_seen(tmp_path: Path) -> None:
    own = tmp_path / "own"
    groups = tmp_path / "groups"
    assert machine.container_room(groups, own) is None, "no such files: no such system"
    own.write_text("0::/app/worker\n")
    assert machine.container_room(groups, own) is None
    group(groups / "app" / "worker", memory__max="max", memory__current=5)
    assert machine.container_room(groups, own) is None, "no limit"
    group(
        groups / "app",
        memory__max=4 * GIB,
        memory__current=3 * GIB,
        memory__stat=f"anon 7\ninactive_file {GIB}",
    )
    assert machine.container_room(groups, own) == 2 * GIB, (
        "the limit of a group outside, without what only keeps files at hand"
    )
    group(groups / "app" / "worker", memory__max=GIB, memory__current=GIB // 4)
    assert machine.container_room(groups, own) == GIB * 3 // 4, "the tighter of the two"
    own.write_text("0::/../host/name\n")
    group(groups, memory__max=3 * GIB, memory__current=4 * GIB)
    assert machine.container_room(groups, own) == 0, (
        "in a container its own group is the root; over its limit nothing is left"
    )


def test_the_first_version_of_control_groups_is_read_too(tmp_path: Path) -> None:
    own, groups = tmp_path / "own", tmp_path / "groups"
    own.write_text("12:cpu,cpuacct:/docker/1\n9:memory:/docker/1\n1:name=systemd:/docker/1\n")
    group(groups / "memory", memory__limit_in_bytes=2**63 - 4096, memory__usage_in_bytes=9)
    assert machine.container_room(groups, own) is None
    group(
        groups / "memory" / "docker" / "1",
        memory__limit_in_bytes=2 * GIB,
        memory__usage_in_bytes=GIB,
        memory__stat=f"total_inactive_file {GIB // 2}",
    )
    assert machine.container_room(groups, own) == 3 * GIB // 2


def test_what_may_be_taken_is_a_share_of_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KELVIN_MEMORY", raising=False)
    monkeypatch.setattr(machine, "_races", 1)
    monkeypatch.setattr(machine, "container_room", lambda: GIB)
    assert machine.memory_limit("cpu") <= GIB / 2
    monkeypatch.setattr(
        psutil, "virtual_memory", lambda: type("Free", (), {"available": 64 * GIB})()
    )
    assert machine.memory_limit("cpu") == GIB / 2
    machine.share_among(8)
    assert machine.memory_limit("cpu") == GIB / 8
    monkeypatch.setattr(machine, "container_room", lambda: None)
    assert machine.memory_limit("cpu") == 8 * GIB


@pytest.mark.parametrize("name", ["eki", "enkf", "annealing", "pso", "cma-es", "genetic"])
def test_no_room_is_told_without_a_population_that_nobody_can_choose(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for none or one, "at most 0 networks of this size" was no advice."""
    value = {"dataset": "moons", "network": {"name": "mlp", "hidden": [100]}, "lanes": [name]}
    told: list[str] = []
    for room in (1e-5, 1e-4, 3e-4, 1e-3, 2e-3):
        monkeypatch.setenv("KELVIN_MEMORY", f"{room:f}")
        with suppress_and_keep(told):
            Experiment.parse(value)
    assert told
    assert not [line for line in told if re.search("at most [01] ", line) or "smaller" not in line]


@contextmanager
def suppress_and_keep(told: list[str]) -> Iterator[None]:
    """Keep what is refused inside, as it is told."""
    try:
        yield
    except CannotRun as error:
        told.append(str(error))
