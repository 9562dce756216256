"""Published optima are found by name, number of cities and type of distances."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.combinatorial.experiment import CombinatorialExperiment
from engine.combinatorial.instance import METRICS, Known, Metric
from engine.combinatorial.instances import of_path
from engine.combinatorial.known import IDENTITY, OPTIMA, ROUTES, cities, published
from engine.combinatorial.race import CombinatorialRace


@pytest.mark.parametrize(
    ("name", "size", "metric", "value"),
    [
        ("berlin52", 52, "EUC_2D", 7542),
        ("Berlin52", 52, "EUC_2D", 7542),
        ("berlin52", 51, "EUC_2D", None),
        ("berlin52", 52, "CEIL_2D", None),
        ("KROA100", 100, "EUC_2D", 21282),
        ("dsj1000", 1000, "EUC_2D", 18659688),
        ("dsj1000", 1000, "CEIL_2D", 18660188),
        ("ulysses22", 22, "GEO", 7013),
        ("kro124p", 100, "EXPLICIT", 36230),
        ("ftv33", 34, "EXPLICIT", 1286),
        ("ftv33", 33, "EXPLICIT", None),
        ("ry48p", 48, "EXPLICIT", 14422),
        ("linhp318", 318, "EUC_2D", None),
        ("airports", 100, "GREAT_CIRCLE", None),
        ("", 1, "EUC_2D", None),
    ],
)
def test_an_optimum_is_known_of_that_problem_only(
    name: str, size: int, metric: Metric, value: int | None
) -> None:
    found = published(name, size, metric)
    assert found == (None if value is None else Known(value, True, "TSPLIB"))


def test_the_table_has_all_of_tsplib() -> None:
    symmetric = {
        name for metric in METRICS if metric != "EXPLICIT" for name in OPTIMA.get(metric, {})
    }
    assert len(symmetric) == 93
    assert len(OPTIMA["EXPLICIT"]) == 17 + 27
    names = [name for values in OPTIMA.values() for name in values]
    assert sorted(name for name in names if names.count(name) > 1) == ["dsj1000", "dsj1000"]
    assert all(cities(name) > 10 for name in names)


def raced(folder: Path, name: str, size: int, **more: Any) -> CombinatorialRace:
    """A race on random cities in a small square, under a name of TSPLIB."""
    points = np.random.default_rng(0).integers(0, 100, (size, 2)).tolist()
    rows = "".join(f"{i + 1} {x} {y}\n" for i, (x, y) in enumerate(points))
    path = folder / "other.tsp"
    path.write_text(
        f"NAME: {name}\nTYPE: TSP\nDIMENSION: {size}\nEDGE_WEIGHT_TYPE: EUC_2D\n"
        f"NODE_COORD_SECTION\n{rows}EOF\n"
    )
    value = {
        "instance": {"name": "file", "token": of_path(str(path)).token},
        "lanes": ["annealing", "iterated"],
        "budget": {"currency": "evaluations", "amount": 2e5},
    }
    return CombinatorialRace(CombinatorialExperiment.parse(value | more), marks=3)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KELVIN_UPLOADS", str(tmp_path / "uploads"))
    return tmp_path


def test_other_cities_under_a_published_name_have_no_optimum(folder: Path) -> None:
    assert raced(folder, "berlin52", 52).best_known is None


def test_an_optimum_that_a_checked_tour_is_below_is_believed_no_longer(folder: Path) -> None:
    one = raced(folder, "st70", 70, stop={"gap": 0.01})
    one.best_known = Known(10_000, True, "TSPLIB")
    for _ in one:
        pass
    assert one.best_known is None
    rows = one.results()
    for row in rows:
        assert row["stopped"] is None
        assert (row["gap"], row["known"]) == (None, None)
        assert row["spent"] >= 1
    assert any("this is another instance" in (row["note"] or "") for row in rows)


def test_an_optimum_below_a_proved_bound_is_believed_no_longer(folder: Path) -> None:
    one = raced(folder, "eil76", 76)
    one.best_known = Known(5, True, "TSPLIB")
    stage = one.stage()
    assert stage["data"]["bound"] > 5
    assert stage["data"]["known"] is None


def test_fingerprints_are_of_published_problems() -> None:
    names = {name for values in OPTIMA.values() for name in values} | set(ROUTES)
    assert set(IDENTITY) <= names
    # the check values of TSPLIB's own documentation
    assert [IDENTITY[name] for name in ("pcb442", "gr666", "att532")] == [221440, 423710, 309636]
    assert published("berlin52", 52, "EUC_2D", 22205) == Known(7542, True, "TSPLIB")
    assert published("berlin52", 52, "EUC_2D", 22206) is None
    assert published("st70", 70, "EUC_2D", 22206) == Known(675, True, "TSPLIB")
