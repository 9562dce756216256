"""Small problems, and plain code that says what is right."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.combinatorial.experiment import CombinatorialExperiment
from engine.combinatorial.instance import Metric, TourInstance
from engine.combinatorial.kernels.distance import tour_length
from engine.combinatorial.methods.base import places
from engine.combinatorial.race import CombinatorialRace
from engine.combinatorial.tour_problem import TourProblem


def instance(size: int, seed: int = 0, side: int = 1000, metric: Metric = "EUC_2D") -> TourInstance:
    """Random cities; with a small side many of them coincide and many distances tie."""
    points = np.random.default_rng(seed).integers(0, side, (size, 2)).astype(float)
    return TourInstance(f"t{size}", "test", metric, points, points)


def one_way_instance(size: int, seed: int = 0) -> TourInstance:
    """Random distances that depend on the direction."""
    rng = np.random.default_rng(seed)
    matrix = rng.integers(1, 100, (size, size)).astype(np.int32)
    np.fill_diagonal(matrix, 0)
    where = rng.random((size, 2))
    return TourInstance(f"w{size}", "test", "EXPLICIT", np.empty((size, 0)), where, matrix=matrix)


def measured(problem: TourProblem, tour: Any) -> int:
    """The length of a tour, all of it."""
    order = np.ascontiguousarray(tour, dtype=np.int32)
    return int(tour_length(order, problem.metric, problem.points, problem.matrix))


def shortest(problem: TourProblem) -> int:
    """The length of the shortest tour, by trying all."""
    rest = range(1, problem.size)
    return min(measured(problem, (0, *order)) for order in itertools.permutations(rest))


def random_tour(size: int, seed: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """A tour and where each city stands in it."""
    tour = np.random.default_rng(seed).permutation(size).astype(np.int32)
    return tour, places(tour)


def counters(length: int) -> NDArray[np.int64]:
    return np.array([length, length, 0, 0, 0], np.int64)


def is_tour(tour: NDArray[np.int32], pos: NDArray[np.int32]) -> bool:
    """Whether every city is there once, and stands where it is said to."""
    n = len(tour)
    return sorted(tour.tolist()) == list(range(n)) and bool((pos[tour] == np.arange(n)).all())


def race(
    lanes: list[Any], cities: int = 60, amount: float = 2e6, seed: int = 0, **more: Any
) -> CombinatorialRace:
    """A race on random cities with a budget in evaluations."""
    marks = more.pop("marks", 10)
    events = more.pop("events", ())
    experiment = CombinatorialExperiment.parse(
        {
            "instance": {"name": "random", "cities": cities},
            "lanes": lanes,
            "budget": {"currency": "evaluations", "amount": amount},
            "seed": seed,
        }
        | more
    )
    return CombinatorialRace(experiment, marks=marks, events=events)
