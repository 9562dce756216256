"""The relaxed permutation: what it relaxes, its gradient, Adam's step, and how far it gets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.combinatorial import checks
from engine.combinatorial.kernels import relaxation
from engine.combinatorial.kernels.distance import full_matrix
from engine.combinatorial.meter import Budget, Meter
from engine.combinatorial.methods.base import Stream
from engine.combinatorial.methods.sinkhorn import Sinkhorn, relaxed, shared
from engine.combinatorial.reading.tsplib import read_tsplib
from engine.combinatorial.tour_problem import TourProblem
from engine.errors import CannotRun

from ..support import instance, one_way_instance, race


@pytest.mark.parametrize("size", [1, 7, 64, 130])
def test_the_product_of_two_matrices(size: int) -> None:
    a, b = np.random.default_rng(size).normal(size=(2, size, size))
    product = np.empty((size, size))
    relaxation.multiply(a, b, product)
    assert np.allclose(product, a @ b, rtol=0, atol=1e-10)


@pytest.mark.parametrize("tau", [1.0, 0.3])
def test_the_gradient_is_that_of_the_relaxed_length(tau: float) -> None:
    """By central differences, through all divisions."""
    rng = np.random.default_rng(1)
    theta, step = rng.normal(0, 0.5, (6, 6)), 1e-6
    apart = rng.random((6, 6))
    apart += apart.T
    _, slope, _ = relaxed(theta, apart, tau)
    assert np.abs(slope).max() > 0.01
    for at in np.ndindex(theta.shape):
        there = []
        for sign in (1, -1):
            moved = theta.copy()
            moved[at] += sign * step
            there.append(relaxed(moved, apart, tau)[0])
        assert slope[at] == pytest.approx((there[0] - there[1]) / (2 * step), rel=1e-5, abs=1e-8)


def test_rows_and_columns_sum_to_one() -> None:
    theta = np.random.default_rng(0).normal(0, 1, (30, 30))
    shares, _ = shared(theta, 1.0)
    assert np.allclose(shares.sum(0), 1)
    assert np.allclose(shares.sum(1), 1, atol=1e-3)
    assert shares.min() > 0


def test_the_relaxed_length_of_a_permutation_is_the_length_of_its_tour() -> None:
    cities = instance(12, 3)
    apart = full_matrix(cities).astype(float)
    tour = np.random.default_rng(0).permutation(12)
    theta = np.zeros((12, 12))
    theta[np.arange(12), tour] = 100.0
    length, slope, shares = relaxed(theta, apart, 1.0)
    assert length == pytest.approx(checks.length(cities, tour))
    assert (shares.argmax(1) == tour).all()
    assert np.isfinite(slope).all()


def test_temperatures_far_too_low_divide_by_nothing() -> None:
    theta = np.random.default_rng(0).normal(0, 5, (20, 20))
    apart = full_matrix(instance(20)).astype(float)
    length, slope, shares = relaxed(theta, apart, 1e-3)
    assert np.isfinite(length)
    assert np.isfinite(slope).all()
    assert np.isfinite(shares).all()


def test_two_steps_are_those_of_adam() -> None:
    """Kingma and Ba 2015, algorithm 1."""
    problem = TourProblem(instance(10, 2))
    method, meter = Sinkhorn(), Meter(Budget(currency="evaluations", amount=1e9))
    state = method.begin(problem, problem.random_tour(0), meter, Stream(0, "lane"))
    theta, m, v = state.theta.copy(), np.zeros((10, 10)), np.zeros((10, 10))
    reads = meter.evaluations
    for t in (1, 2):
        tau = 1.0 * (0.1 / 1.0) ** meter.progress
        g = relaxed(theta, state.apart, tau)[1]
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        theta = theta - 0.003 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        method.step(state, problem, meter, Stream(0, "lane"), t)
        assert np.allclose(state.theta, theta, rtol=0, atol=1e-12)
        assert state.current == checks.length(problem.instance, state.tour)
    assert meter.evaluations - reads == 2 * (10 * 10 + 10)


def test_it_goes_on_from_its_tour_when_cities_change() -> None:
    one = race(["sinkhorn"], cities=20, amount=4e5)
    while one.progress < 0.5:
        one.advance()
    one.set_cities([(0, 5e5, 5e5)], [3], [(1e5, 1e5), (2e5, 2e5)])
    assert one.instance.size == 21
    for _ in one:
        pass
    row = one.results()[0]
    assert row["feasible"]
    assert row["trouble"] is None


def test_it_refuses_too_many_cities_and_directions() -> None:
    with pytest.raises(CannotRun, match=r"at most 1,000 cities.*annealing"):
        race(["sinkhorn"], cities=1001)
    assert "direction" in (Sinkhorn().refusal(one_way_instance(10)) or "")


@pytest.mark.parametrize("name", ["berlin52", "eil51"])
def test_a_permutation_has_no_slope_to_speak_of(kelvin_data: Path, name: str) -> None:
    """Far ahead of chance, far from the optimum."""
    file = kelvin_data / "combinatorial" / "tsplib" / f"{name}.tsp"
    if not file.is_file():
        pytest.skip(f"no {name} here")
    problem = TourProblem(read_tsplib(file.read_text(), name))
    known = problem.instance.known
    assert known is not None
    for seed in (0, 1):
        budget = Budget(currency="evaluations", amount=2000 * problem.size**2)
        method, meter, stream = Sinkhorn(), Meter(budget), Stream(seed, "lane")
        state = method.begin(problem, problem.random_tour(seed), meter, stream)
        number = 0
        while meter.progress < 1:
            number += 1
            method.step(state, problem, meter, stream, number)
        assert state.lowest is not None
        assert 0.05 < state.lowest / known.value - 1 < 0.6
