"""Files of CVRPLIB: read as other programs read them, and refused in one line where they are odd."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.combinatorial import checks
from engine.combinatorial.experiment import CombinatorialExperiment
from engine.combinatorial.instances import of_path
from engine.combinatorial.reading.cities import read_cities
from engine.combinatorial.reading.kept import keep, kept
from engine.combinatorial.reading.vrplib import (
    read_solution,
    read_vrplib,
    with_vehicles,
    write_solution,
    write_vrplib,
)
from engine.combinatorial.routes_instance import RoutesInstance
from engine.errors import BadInput

GOOD = """NAME : toy-n4-k2
COMMENT : (Min no of trucks: 2, Optimal value: 99)
TYPE : CVRP
DIMENSION : 4
EDGE_WEIGHT_TYPE : EUC_2D
CAPACITY : 10
NODE_COORD_SECTION
1 0 0
2 3 4
3 0 10
4 6 8
DEMAND_SECTION
1 0
2 4
3 5
4 6
DEPOT_SECTION
1
-1
EOF
"""


def test_a_file_is_read() -> None:
    found = read_vrplib(GOOD)
    assert (found.name, found.size, found.capacity) == ("toy-n4-k2", 4, 10)
    assert found.demand.tolist() == [0, 4, 5, 6]
    assert found.vehicles is None, "the number in its name is a hint, not a limit"
    assert found.fewest == 2
    assert found.known is None, "nor is what a comment says"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("EOF\n", ""),
        ("\n", "\r\n"),
        (" : ", ": "),
        ("DEMAND_SECTION", "DEMAND_SECTION :"),
        ("1 0 0", "1\t0.0\t0.0"),
        ("NAME", "\ufeffNAME"),
        ("DEPOT_SECTION\n1\n-1", "DEPOT_SECTION\n 1 -1"),
        ("DEPOT_SECTION\n1\n-1", "DEPOT_SECTION\n1"),
        ("CAPACITY : 10\n", ""),
        ("TYPE : CVRP\n", ""),
        ("TYPE : CVRP\n", "TYPE : CVRP\t(of somebody)\n"),
        ("CAPACITY : 10", "CAPACITY : 10\nSERVICE_TIME : 0\nDISTANCE : 999999"),
    ],
)
def test_what_real_files_do_is_read(old: str, new: str) -> None:
    text = GOOD.replace(old, new)
    if "CAPACITY" not in text:
        text = text.replace("EOF\n", "CAPACITY : 10\nEOF\n")
    found, plain = read_vrplib(text), read_vrplib(GOOD)
    assert (found.points == plain.points).all()
    assert (found.demand == plain.demand).all()
    assert found.capacity == 10


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("CAPACITY : 10\n", "", "as CAPACITY (there is no such line)"),
        ("CAPACITY : 10", "CAPACITY : 0", "line 6 has “0”"),
        ("CAPACITY : 10", "CAPACITY : 10.5", "line 6 has “10.5”"),
        ("CAPACITY : 10", "CAPACITY : -3", "line 6 has “-3”"),
        ("CAPACITY : 10", "CAPACITY : many", "line 6 has “many”"),
        ("CAPACITY : 10", "CAPACITY : 5", "line 16 has 6 for number 4"),
        ("CAPACITY : 10", "CAPACITY : 10\nCAPACITY : 11", "CAPACITY once"),
        ("CAPACITY : 10", "CAPACITY : 10\nVEHICLES : 1", "VEHICLES of at least 2"),
        ("CAPACITY : 10", "CAPACITY : 10\nDISTANCE : 20", "without a longest route"),
        ("CAPACITY : 10", "CAPACITY : 10\nDISTANCE : nan", "without a longest route"),
        ("CAPACITY : 10", "CAPACITY : 10\nSERVICE_TIME : 3", "without service times"),
        ("2 4\n3 5", "2 -4\n3 5", "line 14 has -4"),
        ("2 4\n3 5", "2 4.5\n3 5", "line 14 has 4.5"),
        ("2 4\n3 5", "2 nan\n3 5", "line 14 has “nan”"),
        ("2 4\n3 5", "3 5", "4 cities in DEMAND_SECTION"),
        ("2 4\n3 5", "2 4 4\n3 5", "1 demand in every line"),
        ("2 4\n3 5", "3 4\n3 5", "line 15 has number 3 again"),
        ("2 4\n3 5", "9 4\n3 5", "numbered 1 to 4 in DEMAND_SECTION"),
        ("1 0\n2", "1 1\n2", "no demand of the depot"),
        ("DEMAND_SECTION\n1 0\n2 4\n3 5\n4 6\n", "", "a DEMAND_SECTION (there is none)"),
        ("DEPOT_SECTION\n1\n-1\n", "", "a DEPOT_SECTION"),
        ("DEPOT_SECTION\n1\n", "DEPOT_SECTION\n1\n2\n", "one depot (there are 2"),
        ("DEPOT_SECTION\n1\n", "DEPOT_SECTION\n", "one depot (there are 0"),
        ("DEPOT_SECTION\n1\n", "DEPOT_SECTION\n9\n", "a depot numbered 1 to 4"),
        ("DEPOT_SECTION\n1\n", "DEPOT_SECTION\n1.5\n", "a depot numbered 1 to 4"),
        ("-1\nEOF", "-1\n2\nEOF", "goes on after it"),
        ("TYPE : CVRP", "TYPE : TSP", "CVRP as TYPE"),
        ("TYPE : CVRP", "TYPE : VRPTW", "CVRP as TYPE"),
        ("EUC_2D", "XRAY", "as EDGE_WEIGHT_TYPE"),
        ("DIMENSION : 4", "DIMENSION : 1", "1 to 30,000 customers and a depot"),
        ("DIMENSION : 4", "DIMENSION : 5", "5 cities in NODE_COORD_SECTION"),
        ("EOF", "TIME_WINDOW_SECTION\n1 0 1\nEOF", "without times at which"),
        ("3 0 10", "3 0 1e400", "line 10 has “1e400”"),
        ("3 0 10", "3 0 1e10", "distances up to"),
    ],
)
def test_odd_files_are_refused_with_their_line(old: str, new: str, words: str) -> None:
    assert old in GOOD
    with pytest.raises(BadInput) as caught:
        read_vrplib(GOOD.replace(old, new), "odd.vrp")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.field == "file"


def test_the_depot_comes_first_whatever_its_number() -> None:
    text = GOOD.replace("1 0\n2 4", "1 4\n2 0").replace("DEPOT_SECTION\n1", "DEPOT_SECTION\n2")
    found = read_vrplib(text)
    assert found.points.tolist() == [[3, 4], [0, 0], [0, 10], [6, 8]]
    assert found.demand.tolist() == [0, 4, 5, 6]


def test_listed_distances_are_read() -> None:
    head = GOOD.split("NODE_COORD_SECTION")[0].replace("EUC_2D", "EXPLICIT")
    rest = "DEMAND_SECTION" + GOOD.split("DEMAND_SECTION")[1]
    weights = "EDGE_WEIGHT_FORMAT : LOWER_ROW\nEDGE_WEIGHT_SECTION\n1\n2 3\n4 5 6\n"
    found = read_vrplib(head + weights + rest)
    assert found.guessed
    assert checks.length(found, [1, 2, -1, 3]) == 1 + 3 + 2 + 4 + 4
    again = read_vrplib(write_vrplib(found))
    assert found.matrix is not None
    assert again.matrix is not None
    assert np.array_equal(again.matrix, found.matrix)


def test_written_and_read_is_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    points = rng.integers(0, 100, (12, 2)).astype(float)
    demand = np.append(0, rng.integers(0, 9, 11)).astype(np.int32)
    one = RoutesInstance("some", "some label", "CEIL_2D", points, points, demand, 20, 7)
    keep(one, tmp_path)
    for other in (read_vrplib(write_vrplib(one)), kept(tmp_path)):
        assert (other.points == one.points).all()
        assert (other.demand == one.demand).all()
        for field in ("name", "label", "metric", "capacity", "vehicles", "known"):
            assert getattr(other, field) == getattr(one, field), field
    routes = np.array([3, 1, -1, 2, -1, *range(4, 12)], np.int32)
    large = RoutesInstance("l", "l", "EUC_2D", points, points, demand, 1000)
    text = write_solution(routes, checks.length(large, routes))
    assert read_solution(text, large).tolist() == routes.tolist()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is none"),
        ("Cost 3\n", "there is none"),
        ("Route #1: 1 2\n", "not visited: customer 3"),
        ("Route #1: 1 2 3\n", "over the capacity"),
        ("Route #1: 1 2\nRoute #2: 3 3\n", "more than once"),
        ("Route #1: 1 2\nRoute #2: 3 4\n", "there is no customer 4"),
        ("Route #1: 1 2\nRoute #2: x\n", "line 2 is"),
        ("Route #1: 1 -2\n", "line 1 is"),
        ("1 2\n3\n", "line 1 is"),
    ],
)
def test_odd_solutions_are_refused(text: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_solution(text, read_vrplib(GOOD), "odd.sol")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_solution_beside_a_file_is_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KELVIN_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "toy.vrp"
    file.write_text(GOOD)
    (tmp_path / "toy.sol").write_text("Route #1: 2 1\nRoute #2: 3\nCost 45\n")
    token = of_path(str(file)).token
    asked: dict[str, Any] = {"instance": {"name": "file", "token": token}, "lanes": ["annealing"]}
    found = CombinatorialExperiment.parse(asked).instance.load()
    assert found.answer.tolist() == [2, 1, -1, 3]
    assert found.known.value == checks.length(found, found.answer) == 42
    asked["instance"] = {"name": "file", "token": token, "vehicles": 1}
    with pytest.raises(BadInput, match="at least 2 vehicles"):
        CombinatorialExperiment.parse(asked).instance.load()


def test_files_are_told_apart() -> None:
    assert read_cities(GOOD.encode(), "some.txt").kind == "routes"
    assert read_cities(GOOD.encode(), "some.vrp").kind == "routes"


@pytest.mark.parametrize(("name", "value"), [("E-n22-k4", 375), ("A-n32-k5", 784)])
def test_optima_are_known(kelvin_data: Path, name: str, value: int) -> None:
    file = kelvin_data / "combinatorial" / "cvrp" / f"{name}.vrp"
    if not file.exists():
        pytest.skip("no files of CVRPLIB here")
    found = read_vrplib(file.read_text(), file.name)
    assert found.known is not None
    assert found.known.value == value
    assert with_vehicles(found, found.fewest).known == found.known
    oracle = pytest.importorskip("vrplib").read_instance(str(file))
    assert found.demand.tolist() == oracle["demand"].tolist()
    assert found.points.tolist() == oracle["node_coord"].tolist()
    assert found.capacity == oracle["capacity"]


def test_mutated_files_are_read_or_refused_in_one_line() -> None:
    rng = random.Random(4)
    marks = "0123456789 -.:\n\teE_#Xé"
    refused: list[str] = []
    for _ in range(3000):
        text = list(GOOD)
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(text))
            match rng.randrange(3):
                case 0:
                    text[at] = rng.choice(marks)
                case 1:
                    del text[at]
                case _:
                    text.insert(at, rng.choice(marks))
        try:
            found = read_vrplib("".join(text), "mutated.vrp")
        except BadInput as error:
            refused.append(str(error))
            continue
        assert found.demand[0] == 0
        assert found.demand.max() <= found.capacity
    assert len(refused) > 1000
    assert not any("\n" in one for one in refused)
