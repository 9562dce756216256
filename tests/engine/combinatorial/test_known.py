"""Published optima are found by name, number of cities and type of distances."""

from __future__ import annotations

import pytest

from engine.combinatorial.instance import METRICS, Known, Metric
from engine.combinatorial.known import OPTIMA, cities, published


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
