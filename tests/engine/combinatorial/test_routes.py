"""Vehicle routes: checked by plain code, found by the methods, told when they are overloaded."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from engine.combinatorial import checks
from engine.combinatorial.experiment import CombinatorialExperiment
from engine.combinatorial.instances import INSTANCES, Deliveries
from engine.combinatorial.methods import METHODS
from engine.combinatorial.observer import edges_of
from engine.combinatorial.outside import or_tools
from engine.combinatorial.race import CombinatorialRace
from engine.combinatorial.routes_instance import RoutesInstance
from engine.combinatorial.routes_problem import RoutesProblem
from engine.errors import BadInput, CannotRun
from engine.messages.encoding import encode
from tests.there import there

from .routes_support import measured, routes_instance, shortest

OURS = ["annealing", "tempering"]


class Fixed(Deliveries):
    """An instance that was made before, under the name of one that can be asked for."""

    def load(self) -> RoutesInstance:
        return MADE[self.seed]


MADE: dict[int, RoutesInstance] = {}


def race(
    instance: RoutesInstance | dict[str, Any] | None = None,
    lanes: Any = ("annealing",),
    **more: Any,
) -> CombinatorialRace:
    named = instance if isinstance(instance, dict) else {"name": "deliveries", "customers": 30}
    asked = {"instance": named, "lanes": list(lanes)}
    budget = {"currency": "evaluations", "amount": 1e6}
    experiment = CombinatorialExperiment.parse(asked | {"budget": budget} | more)
    if isinstance(instance, RoutesInstance):
        MADE[instance.size] = instance
        experiment = experiment.model_copy(update={"instance": Fixed(seed=instance.size)})
    return CombinatorialRace(experiment, marks=10)


def finished(one: CombinatorialRace) -> CombinatorialRace:
    for _ in one:
        pass
    one.close()
    return one


def test_routes_are_priced_from_the_depot_and_back() -> None:
    points = np.array([[0, 0], [3, 4], [0, 10], [6, 8]], float)
    demand = np.array([0, 1, 2, 3], np.int32)
    instance = RoutesInstance("x", "x", "EUC_2D", points, points, demand, 4)
    assert checks.length(instance, [1, 3, -1, 2]) == 5 + 5 + 10 + 10 + 10
    assert checks.length(instance, [-1, 3, 1, -1, -1, 2, -1]) == 40


@pytest.mark.parametrize(
    ("stops", "words"),
    [
        ([1, 2, -1, 3], "not visited: customer 4"),
        ([1, 2, -1, 3, 4, 4], "visited more than once: customer 4"),
        ([1, 2, -1, 3, 5], "there is no customer 5"),
        ([1, 2, 0, 3, 4], "there is no customer 0"),
        ([1, 2, -2, 3, 4], "there is no customer -2"),
        ([1, 2, 3, 4], "over the capacity of 6 by 6 in all: route 1"),
        ([1, -1, 2, -1, 3, -1, 4], "it has 4 routes, and there are 3 vehicles"),
        ([], "not visited: customer 1, 2, 3, 4"),
        ([1.0, 2.0, -1.0, 3.0, 4.0], "not a list of whole numbers"),
        ([[1, 2], [3, 4]], "not a list of whole numbers"),
    ],
)
def test_wrong_routes_are_told(stops: Any, words: str) -> None:
    points = np.arange(10, dtype=float).reshape(-1, 2)
    demand = np.array([0, 3, 3, 3, 3], np.int32)
    instance = RoutesInstance("x", "x", "EUC_2D", points, points, demand, 6, 3)
    assert not checks.check(instance, [1, 2, -1, 3, 4])
    assert any(words in phrase for phrase in checks.check(instance, stops))
    with pytest.raises(ValueError, match="no routes of x"):
        checks.length(instance, stops)


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize(
    ("customers", "capacity", "side", "vehicles"),
    [
        (1, 30, 100, None),
        (2, 12, 100, None),
        (4, 15, 5, None),
        (5, 12, 100, 5),
        (7, 20, 100, None),
        (7, 24, 3, 3),
    ],
)
def test_few_customers_are_solved(
    name: str, customers: int, capacity: int, side: int, vehicles: int | None
) -> None:
    instance = routes_instance(customers, 3 * customers, capacity, side, vehicles)
    if vehicles is not None:
        assert instance.fewest <= vehicles
    row = finished(race(instance, [name])).results()[0]
    assert row["feasible"], row["note"]
    assert row["best"] == shortest(instance)


@pytest.mark.parametrize("name", OURS)
def test_the_same_race_has_the_same_bytes(name: str) -> None:
    def told() -> list[bytes]:
        one = race(lanes=[name, name], budget={"currency": "evaluations", "amount": 4e5})
        messages = [encode(one.stage())]
        for frame in one:
            rows = [{**row, "seconds": 0} for row in frame.metrics["lanes"]]
            messages.append(encode({**frame.metrics, "clock": 0, "lanes": rows}))
            messages.append(encode(frame.picture or {}))
        return messages

    assert told() == told()


def test_results_are_checked_and_far_ahead_of_savings() -> None:
    one = finished(race(lanes=OURS, start="greedy", instance={"name": "deliveries", "seed": 3}))
    first, _ = one.problem.first("greedy", 0)
    for lane, row in zip(one.lanes, one.results(), strict=True):
        found = one.best(lane)
        assert found is not None
        assert not checks.check(one.instance, found[0])
        assert row["best"] == checks.length(one.instance, found[0]) == found[1]
        assert row["best"] < one.problem.length(first)


def test_overload_is_told_where_nothing_fits() -> None:
    """Two vehicles of 10 for three customers of 6: the sum would fit, the parts do not."""
    points = np.array([[0, 0], [1, 9], [5, 5], [9, 1]], float) * 100
    demand = np.array([0, 6, 6, 6], np.int32)
    instance = RoutesInstance("x", "x", "EUC_2D", points, points, demand, 10, 2)
    assert instance.fewest == 2
    one = finished(race(instance))
    row = one.results()[0]
    assert row["best"] is None
    assert not row["feasible"]
    assert row["violation"] == 2
    assert "over the capacity of 10 by 2 in all" in there(row["note"])
    assert one.metrics(0)["lanes"][0]["violation"] == 2


def test_methods_for_tours_are_refused_by_name() -> None:
    with pytest.raises(CannotRun, match="a method for this kind of problem: annealing"):
        race(lanes=["iterated"])


@pytest.mark.parametrize("name", ["pyvrp", "or-tools"])
def test_solvers_of_others_give_checked_routes(name: str) -> None:
    if find_spec(METHODS.get(name).package) is None:  # type: ignore[attr-defined]
        pytest.skip(f"{name} is not installed")
    budget = {"currency": "seconds", "amount": 0.5}
    solver, ours = finished(race(lanes=[name, "annealing"], budget=budget)).results()
    assert solver["feasible"], solver["note"]
    assert there(solver["best"]) <= 1.5 * there(ours["best"]), (
        "half a second is little for OR-Tools"
    )


def test_first_routes_fit() -> None:
    for seed in range(8):
        instance = routes_instance(40, seed)
        problem = RoutesProblem(instance)
        for start in ("random", "greedy"):
            routes, _ = problem.first(start, seed)
            assert not checks.check(instance, problem.outward(routes)), start
            assert problem.length(routes) == measured(instance, routes)[0]


def test_too_small_a_fleet_begins_overloaded_and_all_are_visited() -> None:
    instance = routes_instance(40, 1, vehicles=routes_instance(40, 1).fewest)
    problem = RoutesProblem(instance)
    for start in ("random", "greedy"):
        routes, _ = problem.first(start, 5)
        assert sorted(stop for stop in routes.tolist() if stop > 0) == list(range(1, 41))
        assert problem.overload(routes) == measured(instance, routes)[1]


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ([1, -1, 2, 3, -1, -1], [1, -1, 2, 3]),
        ([-1, -1, 1, 2, 3, -1], [1, 2, 3]),
        ([1, -1, -1, 2, -1, 3], [1, -1, 2, -1, 3]),
        ([-1, 3, -1, 2, -1, 1], [3, -1, 2, -1, 1]),
    ],
)
def test_empty_routes_are_left_out(inside: list[int], outside: list[int]) -> None:
    problem = RoutesProblem(routes_instance(3, 1, capacity=100, vehicles=3))
    assert problem.outward(np.array(inside, np.int32)).tolist() == outside
    back = problem.inward(np.array(outside, np.int32))
    assert len(back) == problem.size - 2 + problem.vehicles
    assert problem.outward(back).tolist() == outside


def test_edges_of_routes_meet_at_the_depot() -> None:
    instance = routes_instance(4)
    one = edges_of(np.array([1, 2, -1, 3, -1, 4]), instance)
    assert one == edges_of(np.array([4, -1, 2, 1, -1, 3]), instance)
    assert len(one) == 5, "there and back to a customer alone is one edge"


def test_slow_motion_shows_the_edges_of_a_move() -> None:
    one = race()
    for _ in range(20):
        before = one.lanes[0].state
        assert before is not None
        energy = before.current
        message = one.step_in_phases(one.lanes[0], 1)
        after = one.lanes[0].state
        assert after is not None
        assert message["rise"] == (after.current or 0) - (energy or 0)
        assert len(message["removed"]) or len(message["added"])


def test_a_kick_is_an_event_of_routes_too() -> None:
    one = race()
    for _ in range(3):
        one.advance()
    one.kick(0)
    assert one.done[-1]["kind"] == "kick"
    assert finished(one).results()[0]["feasible"]


def test_deliveries_are_drawn_from_their_seed() -> None:
    one, other = (INSTANCES.build({"name": "deliveries", "seed": 5}).load() for _ in range(2))
    assert (one.points == other.points).all()
    assert (one.demand == other.demand).all()
    assert one.size == 101
    assert one.demand[0] == 0
    assert 1 <= one.demand[1:].min() <= one.demand.max() <= one.capacity


def test_a_fleet_that_cannot_carry_all_is_refused() -> None:
    with pytest.raises(BadInput, match="at least") as caught:
        race(instance={"name": "deliveries", "vehicles": 3})
    assert caught.value.field == "instance.vehicles"


def test_the_stage_says_what_is_carried() -> None:
    one = race(instance={"name": "deliveries", "customers": 20, "vehicles": 9})
    data = one.stage()["data"]
    assert data["kind"] == "routes"
    assert data["depot"] == 0
    assert data["vehicles"] == 9
    assert len(data["demand"]) == data["size"] == 21
    assert data["demand"].dtype == np.int32


def far_apart(customers: int, vehicles: int | None = None) -> Any:
    """Customers near to the depot and far from one another: a route for each is the shortest."""
    matrix = np.full((customers + 1, customers + 1), 1000, np.int32)
    matrix[0, :] = matrix[:, 0] = 1
    np.fill_diagonal(matrix, 0)
    places = np.zeros((customers + 1, 2))
    demand = np.ones(customers + 1, np.int32)
    demand[0] = 0
    return RoutesInstance(
        "far",
        "test",
        "EXPLICIT",
        np.empty((customers + 1, 0)),
        places,
        demand,
        100,
        vehicles,
        matrix=matrix,
    )


def test_where_detours_are_shorter_there_is_a_vehicle_for_everyone() -> None:
    instance = far_apart(10)
    assert instance.most == RoutesProblem(instance).vehicles == 10
    assert far_apart(10, 3).most == 3
    assert far_apart(10, 30).most == 10
    assert routes_instance(40, 1).most == 2 * routes_instance(40, 1).fewest


@pytest.mark.parametrize("name", ["annealing", "tempering"])
def test_a_route_for_each_is_found_where_it_is_the_shortest(name: str) -> None:
    one = race(far_apart(10), [name])
    for _ in one:
        pass
    assert one.results()[0]["best"] == 20


def test_or_tools_has_a_vehicle_for_everyone_too() -> None:
    pytest.importorskip("ortools")
    found: list[Any] = []
    or_tools.solve(far_apart(6), 0.05, found.append, lambda: 1.0)
    assert min(checks.length(far_apart(6), np.array(stops)) for stops in found) == 12
