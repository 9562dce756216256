"""The checker: the lengths that TSPLIB's document gives to test a reader by, optima, and tours that
are none.
"""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from engine.combinatorial.checks import check, distances, length
from engine.combinatorial.instance import Metric, TourInstance
from engine.combinatorial.reading.tsplib import read_tour, read_tsplib


def instance(metric: Metric, points: list[list[float]]) -> TourInstance:
    """Cities of any metric that has coordinates."""
    at = np.array(points, np.float64)
    return TourInstance("some", "some", metric, at, np.ascontiguousarray(at[:, :2]))


def one(metric: Metric, *points: list[float]) -> int:
    """The distance of two cities."""
    return int(distances(instance(metric, list(points)), [0], [1])[0])


@pytest.fixture
def tsplib(kelvin_data: Path) -> Path:
    folder = kelvin_data / "combinatorial" / "tsplib"
    if not folder.is_dir():
        pytest.skip("no files of TSPLIB here")
    return folder


@pytest.mark.parametrize(
    ("name", "expected"), [("pcb442", 221_440), ("att532", 309_636), ("gr666", 423_710)]
)
def test_the_cities_in_order_have_the_length_of_the_document(
    tsplib: Path, name: str, expected: int
) -> None:
    found = read_tsplib((tsplib / f"{name}.tsp").read_text(), f"{name}.tsp")
    assert length(found, np.arange(found.size)) == expected


@pytest.mark.parametrize("name", ["a280", "berlin52", "ch150", "eil51", "kroA100", "pcb442"])
def test_published_tours_have_the_published_length(tsplib: Path, name: str) -> None:
    found = read_tsplib((tsplib / f"{name}.tsp").read_text(), f"{name}.tsp")
    tour = read_tour((tsplib / f"{name}.opt.tour").read_text(), found.size)
    assert found.known is not None
    assert (length(found, tour), True) == (found.known.value, found.known.proven)


def shortest(found: TourInstance) -> int:
    """The optimum by dynamic programming over sets of cities (Held and Karp, 1962)."""
    size = found.size
    pairs = np.indices((size, size)).reshape(2, -1)
    apart = distances(found, *pairs).reshape(size, size)
    rest = size - 1
    best = np.full((1 << rest, rest), 2**62, np.int64)
    for city in range(rest):
        best[1 << city, city] = apart[0, city + 1]
    between = apart[1:, 1:]
    for visited in range(1, 1 << rest):
        inside = [city for city in range(rest) if visited >> city & 1]
        for city in inside if len(inside) > 1 else ():
            before = best[visited & ~(1 << city)]
            best[visited, city] = (before + between[:, city]).min()
    return int((best[-1] + apart[1:, 0]).min())


def test_the_optimum_of_burma14_is_the_published_one(tsplib: Path) -> None:
    found = read_tsplib((tsplib / "burma14.tsp").read_text(), "burma14.tsp")
    assert found.known is not None
    assert shortest(found) == found.known.value == 3323


def test_a_good_tour_of_ulysses22_has_its_published_length(tsplib: Path) -> None:
    """2-opt and moves of single cities from many starts find 7013 and nothing below."""
    found = read_tsplib((tsplib / "ulysses22.tsp").read_text(), "ulysses22.tsp")
    size = found.size
    apart = distances(found, *np.indices((size, size)).reshape(2, -1)).reshape(size, size).tolist()

    def total(tour: list[int]) -> int:
        return sum(apart[a][b] for a, b in zip(tour, tour[1:] + tour[:1], strict=True))

    rng = np.random.default_rng(0)
    best = 10**9
    for _ in range(12):
        tour = rng.permutation(size).tolist()
        now, better = total(tour), True
        while better:
            better = False
            for i, j in itertools.combinations(range(size), 2):
                for tried in (
                    tour[:i] + tour[i : j + 1][::-1] + tour[j + 1 :],
                    tour[:i] + tour[i + 1 : j + 1] + [tour[i]] + tour[j + 1 :],
                    [*tour[:i], tour[j], *tour[i:j], *tour[j + 1 :]],
                ):
                    if (cost := total(tried)) < now:
                        tour, now, better = tried, cost, True
        best = min(best, now)
    assert best == 7013
    assert found.known is not None
    assert found.known.value == 7013


@pytest.mark.parametrize(
    ("metric", "points", "expected"),
    [
        ("EUC_2D", [[0, 0], [3, 4]], 5),
        ("EUC_2D", [[0, 0], [0, 0.5]], 1),  # Python's round() would say 0
        ("EUC_2D", [[0, 0], [0, 2.5]], 3),  # and here 2
        ("EUC_2D", [[0, 0], [1, 1]], 1),
        ("CEIL_2D", [[0, 0], [1, 1]], 2),
        ("CEIL_2D", [[0, 0], [3, 4]], 5),
        ("MAN_2D", [[0, 0], [-1.2, 1.4]], 3),
        ("MAX_2D", [[0, 0], [1.4, -2.5]], 3),
        ("EUC_3D", [[0, 0, 0], [1, 2, 2]], 3),
        ("MAN_3D", [[0, 0, 0], [1, 2, 2]], 5),
        ("MAX_3D", [[0, 0, 0], [1, 2, -4]], 4),
        ("ATT", [[0, 0], [10, 0]], 4),  # sqrt(10) = 3.16: rounded to 3, which is less
        ("ATT", [[0, 0], [12, 0]], 4),  # 3.79: rounded to 4
        ("ATT", [[0, 0], [30, 10]], 10),
    ],
)
def test_distances_are_rounded_as_the_document_says(
    metric: Metric, points: list[list[float]], expected: int
) -> None:
    assert one(metric, *points) == expected
    assert one(metric, *points[::-1]) == expected


def test_minutes_of_geo_are_sixtieths_and_degrees_are_cut_off() -> None:
    # 0.45 is 45 minutes, three quarters of a degree; rounding 0.75 to 1 would read it as −15.
    quarter = math.pi / 180 * 0.75 * 6378.388
    assert one("GEO", [0.0, 0.0], [0.45, 0.0]) == int(quarter + 1)
    assert one("GEO", [0.0, 0.0], [-0.45, 0.0]) == int(quarter + 1)


def test_great_circles_are_metres_on_a_sphere() -> None:
    quarter = math.pi / 2 * 6371008.8
    assert one("GREAT_CIRCLE", [0, 0], [90, 0]) == round(quarter)
    assert one("GREAT_CIRCLE", [17, 90], [-30, 0]) == round(quarter)
    assert one("GREAT_CIRCLE", [179.5, 0], [-179.5, 0]) == round(quarter / 90)
    assert one("GREAT_CIRCLE", [0, 90], [0, -90]) == round(2 * quarter)


@pytest.mark.parametrize("metric", ["EUC_2D", "CEIL_2D", "ATT", "MAN_2D", "MAX_2D"])
def test_two_cities_in_one_place_are_nothing_apart(metric: Metric) -> None:
    assert one(metric, [3.3, 4.4], [3.3, 4.4]) == 0
    found = instance(metric, [[3.3, 4.4]])
    assert length(found, [0]) == 0
    assert length(instance(metric, [[0, 0], [30, 40]]), [1, 0]) == 2 * one(metric, [0, 0], [30, 40])


def test_geo_puts_a_kilometre_between_two_cities_in_one_place_but_none_to_itself() -> None:
    assert one("GEO", [10.3, 4.4], [10.3, 4.4]) == 1
    assert length(instance("GEO", [[10.3, 4.4]]), [0]) == 0


def test_listed_distances_are_summed_from_row_to_column() -> None:
    matrix = np.array([[0, 1, 20], [300, 0, 4000], [50000, 600000, 0]], np.int32)
    found = TourInstance(
        "asymmetric", "asymmetric", "EXPLICIT", np.zeros((3, 0)), np.zeros((3, 2)), matrix=matrix
    )
    assert length(found, [0, 1, 2]) == 1 + 4000 + 50000
    assert length(found, [2, 1, 0]) == 600000 + 300 + 20


def test_sums_do_not_end_at_32_bits() -> None:
    points = [[0.0, 0.0], [2e9, 0.0]] * 3
    assert length(instance("EUC_2D", points), range(6)) == 6 * 2_000_000_000


SIX = [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [2.0, 1.0], [1.0, 1.0], [0.0, 1.0]]


@pytest.mark.parametrize(
    ("tour", "wrong"),
    [
        ([0, 1, 2, 3, 4, 4], ["visited more than once: city 4", "not visited: city 5"]),
        ([0, 1, 2, 3, 4], ["not visited: city 5"]),
        ([0, 1, 2, 3, 4, 5, 0], ["visited more than once: city 0"]),
        (
            [0, 1, 2, 3, 4, 6],
            ["there is no city 6: they are numbered 0 to 5", "not visited: city 5"],
        ),
        (
            [0, 1, 2, 3, -1, 5],
            ["there is no city -1: they are numbered 0 to 5", "not visited: city 4"],
        ),
        ([], ["not visited: city 0, 1, 2, 3, 4 and 1 more"]),
        ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], ["it is not a list of whole numbers"]),
        ([[0, 1, 2], [3, 4, 5]], ["it is not a list of whole numbers"]),
        ([True, False], ["it is not a list of whole numbers"]),
        ([0, 1, 2, 3, 4, 2**40], ["there is no city 1099511627776: they are numbered 0 to 5", "not visited: city 5"]),
    ],
)  # fmt: skip
def test_what_is_no_tour_is_told_and_has_no_length(tour: list[int], wrong: list[str]) -> None:
    found = instance("EUC_2D", SIX)
    assert check(found, tour) == wrong
    with pytest.raises(ValueError, match="no tour of some: "):
        length(found, tour)


def test_every_mutant_of_a_tour_is_found() -> None:
    found = instance("EUC_2D", SIX)
    assert check(found, np.arange(6, dtype=np.int32)) == []
    for place, city in itertools.product(range(6), range(-1, 8)):
        tour = list(range(6))
        tour[place] = city
        assert bool(check(found, tour)) == (city != place)
    for order in itertools.permutations(range(6)):
        assert check(found, order) == []
