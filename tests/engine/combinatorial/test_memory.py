"""What a race is said to need before it is loaded, held to what the loaded instance says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.combinatorial import instances
from engine.combinatorial.experiment import CombinatorialExperiment
from engine.errors import BadInput
from engine.uploads.store import store
from tests.engine.combinatorial.reading.test_orlib import SPP
from tests.engine.combinatorial.reading.test_tsplib import explicit

SHIPPED: list[dict[str, Any]] = [
    {"name": "random", "cities": 1000},
    {"name": "random", "cities": 20_000},
    {"name": "airports"},
    {"name": "deliveries", "customers": 1000},
    {"name": "timetable", "legs": 200, "spokes": 2},
    {"name": "landings", "planes": 500},
]


def experiment(instance: dict[str, Any], **more: Any) -> CombinatorialExperiment:
    value = {"instance": instance, "lanes": ["annealing", "tempering"]} | more
    return CombinatorialExperiment.parse(value)


def loaded(one: CombinatorialExperiment) -> int:
    """What the loaded instance and the lanes on it say together."""
    instance = one.instance.load()
    return int(instance.footprint() + sum(lane.footprint(instance) for lane in one.lanes))


@pytest.mark.parametrize("instance", SHIPPED, ids=lambda one: f"{one['name']}")
def test_what_is_told_before_is_what_the_instance_says(instance: dict[str, Any]) -> None:
    one = experiment(instance)
    assert loaded(one) <= one.memory() <= 2 * loaded(one) + 2**20


def test_files_are_told_by_what_is_kept_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KELVIN_UPLOADS", str(tmp_path))
    whole = explicit("FULL_MATRIX", 40, "\n".join(" ".join(["7"] * 40) for _ in range(40)))
    for text, name in ((whole, "whole.tsp"), (SPP, "small.txt"), ("x,y\n0,0\n3,4\n", "two.csv")):
        token = store(text.encode(), name, purpose="cities").token
        one = experiment({"name": "file", "token": token})
        assert loaded(one) <= one.memory() <= 4 * loaded(one) + 2**20
    instances._info.cache_clear()
    for file in (tmp_path / token).iterdir():
        file.unlink()
    with pytest.raises(BadInput):
        one.memory()


def test_processes_of_solvers_count() -> None:
    budget = {"currency": "seconds", "amount": 5}
    alone = experiment({"name": "random", "cities": 1000}, lanes=["annealing"], budget=budget)
    beside = experiment(
        {"name": "random", "cities": 1000}, lanes=["annealing", "fast-tsp"], budget=budget
    )
    assert beside.memory() - alone.memory() > 200 * 2**20
