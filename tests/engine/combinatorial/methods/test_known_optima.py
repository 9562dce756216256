"""On files of TSPLIB with known optima: none is undercut, and methods come as near as they should."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.combinatorial import checks
from engine.combinatorial.experiment import CombinatorialExperiment
from engine.combinatorial.instances import of_path
from engine.combinatorial.race import CombinatorialRace
from tests.there import there


@pytest.fixture
def tsplib(kelvin_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = kelvin_data / "combinatorial" / "tsplib"
    if not folder.is_dir():
        pytest.skip("no files of TSPLIB here")
    monkeypatch.setenv("KELVIN_CACHE", str(tmp_path))
    return folder


def rows(file: Path, lanes: list[Any], evaluations: float, seed: int = 0) -> list[dict[str, Any]]:
    token = of_path(str(file)).token
    one = CombinatorialRace(
        CombinatorialExperiment.parse(
            {
                "instance": {"name": "file", "token": token},
                "lanes": lanes,
                "budget": {"currency": "evaluations", "amount": evaluations},
                "seed": seed,
            }
        ),
        marks=1,
    )
    for _ in one:
        pass
    for lane, row in zip(one.lanes, one.results(), strict=True):
        found = one.best(lane)
        assert found is not None
        assert there(row["best"]) == checks.length(one.instance, found[0]) >= there(row["known"])
    return [dict(row) for row in one.results()]


@pytest.mark.parametrize(
    "name", ["burma14", "gr17", "ulysses22", "bays29", "att48", "eil51", "berlin52", "kroA100"]
)
def test_small_instances_are_solved(tsplib: Path, name: str) -> None:
    lanes = ["annealing", "tempering", "iterated"]
    for row in rows(tsplib / f"{name}.tsp", lanes, 3e7):
        assert row["gap"] == 0, row["method"]


@pytest.mark.parametrize(
    ("name", "evaluations", "gaps"),
    [
        ("ch150", 1e8, {"annealing": 0.012, "tempering": 0.006, "iterated": 0.004}),
        ("a280", 2e8, {"annealing": 0.006, "tempering": 0.008, "iterated": 0.004}),
        ("pcb442", 2e8, {"annealing": 0.012, "iterated": 0.012}),
    ],
)
def test_larger_instances_are_nearly_solved(
    tsplib: Path, name: str, evaluations: float, gaps: dict[str, float]
) -> None:
    for row in rows(tsplib / f"{name}.tsp", list(gaps), evaluations):
        assert row["gap"] <= gaps[row["method"]], row["method"]
