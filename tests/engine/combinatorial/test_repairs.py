"""Tours after an edit: what stayed keeps its order, new cities go where they cost least."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from engine.combinatorial.instance import Integers, TourInstance
from engine.combinatorial.repairs import Repairs
from engine.combinatorial.tour_problem import TourProblem

from .support import instance, measured, race


def plain(tour: Integers, kept: list[int], problem: TourProblem) -> list[int]:
    """The same by trying every place of every city, whole tours measured."""
    order = [kept.index(city) for city in tour.tolist() if city in kept]
    for city in range(len(kept), problem.size):
        if not order:
            order = [city]
            continue
        places = [(*order[: k + 1], city, *order[k + 1 :]) for k in range(len(order))]
        best = min(range(len(order)), key=lambda k: (measured(problem, places[k]), order[k]))
        order = list(places[best])
    return order


def cycle(order: list[int]) -> list[int]:
    start = order.index(0)
    return order[start:] + order[:start]


@pytest.mark.parametrize("side", [1000, 4])  # on a small one many places cost the same
@pytest.mark.parametrize("gone", [[], [0, 3], [1, 2, 4, 5], list(range(7))])
def test_new_cities_go_where_the_plain_rule_puts_them(side: int, gone: list[int]) -> None:
    rng = np.random.default_rng(side)
    before, kept = 7, [city for city in range(7) if city not in gone]
    after = instance(len(kept) + 6, seed=len(gone), side=side)
    problem = TourProblem(after)
    tours = [rng.permutation(before).astype(np.int32) for _ in range(70)]
    repaired = Repairs(kept, before, after)(tours)
    for tour, found in zip(tours, repaired, strict=True):
        assert cycle(found.tolist()) == cycle(plain(tour, kept, problem))
        assert found.dtype == np.int32


def test_what_stayed_keeps_its_order() -> None:
    tour = np.array([4, 2, 0, 3, 1], np.int32)
    assert Repairs([0, 1, 4], 5, instance(3))([tour, tour])[1].tolist() == [2, 0, 1]


def test_a_repaired_tour_is_nobody_elses() -> None:
    tour = np.arange(4, dtype=np.int32)
    repairs = Repairs([0, 1, 2, 3], 4, instance(5))
    one, other = repairs([tour, tour])
    one[:] = 0
    assert sorted(other.tolist()) == sorted(repairs([tour])[0].tolist()) == [0, 1, 2, 3, 4]


def test_all_cities_may_be_replaced() -> None:
    one = race(["annealing", "iterated"], cities=9)
    places = np.random.default_rng(1).random((12, 2)) * 1e6
    one.set_cities(drop=list(range(9)), add=places.tolist())
    assert one.instance.size == 12
    assert one.troubles == 0


def test_many_new_cities_take_few_calls() -> None:
    """Trying all places one by one is a hundred million calls, and minutes."""
    one = race(["tempering", "tempering", "tempering", "annealing"], cities=200, amount=1e9)
    for _ in range(400):
        one.advance()
    places = np.random.default_rng(2).random((1800, 2)) * 1e6
    calls = 0

    def counts(frame: Any, event: str, what: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")
        if calls > 1_000_000:
            raise AssertionError("too many calls")

    sys.setprofile(counts)
    try:
        one.set_cities(add=places.tolist())
    finally:
        sys.setprofile(None)
    assert one.troubles == 0
    assert one.instance.size == 2000


def test_places_on_the_earth_are_measured_round_it() -> None:
    degrees = np.array([[179.0, 0], [-179, 0], [0, 0], [0, 10]])
    earth = TourInstance("e", "e", "GREAT_CIRCLE", degrees, degrees, geographic=True)
    # beside the places across the date line, not beside Africa
    added = earth.at(np.vstack([degrees, [[-178.0, 0]]]))
    tour = np.array([0, 1, 3, 2], np.int32)
    [found] = Repairs([0, 1, 2, 3], 4, added)([tour])
    assert cycle(found.tolist()) == [0, 1, 4, 3, 2]
