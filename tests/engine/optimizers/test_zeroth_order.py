"""Finite differences, SPSA, MeZO, forward gradients and random search against their formulas
written out, and on real data.
"""

from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import grad

from engine.errors import BadInput
from engine.optimizers import OPTIMIZERS, Optimizer, finite_differences, mezo
from engine.optimizers.common.estimators import estimate
from engine.optimizers.finite_differences import FiniteDifferences
from engine.optimizers.forward_gradient import ForwardGradient
from engine.optimizers.mezo import MeZO
from engine.optimizers.random_search import RandomSearch
from engine.optimizers.spsa import SPSA
from engine.random.rng import Rng
from tests.engine.optimizers.test_coolmomentum import trained
from tests.engine.optimizers.test_gradient_methods import first_weights, oracle_on
from tests.engine.support.stand_ins import (
    FunctionOracle,
    GivenRng,
    Passes,
    rosenbrock,
    run,
    turned_ellipsoid,
)

START = torch.tensor([0.5, 0.2, -0.3, 0.4], dtype=torch.float64)
NAMES = ["finite-differences", "spsa", "mezo", "forward-gradient", "random-search"]


def randomness() -> Rng:
    return Rng(0, "x", dtype=torch.float64)


def slope_at(x: Tensor) -> Tensor:
    return grad(lambda y: rosenbrock(y.unsqueeze(0))[0])(x)


def height(x: Tensor) -> float:
    return float(rosenbrock(x.unsqueeze(0))[0])


# Finite differences


def test_central_differences_are_the_gradient_to_second_order() -> None:
    """All weights, one step at η = 1: the step is the gradient up to O(h²)."""
    errors = []
    for h in (0.02, 0.01):
        method = FiniteDifferences(coordinates=0, learning_rate=1.0, perturbation=h)
        state = run(method, FunctionOracle(lambda x: (rosenbrock(x) / 10).sin(), 4), START, 1)
        truth = grad(lambda x: (rosenbrock(x.unsqueeze(0))[0] / 10).sin())(START)
        errors.append(float((START - state.estimate - truth).norm()))
    assert errors[0] < 0.02**2 * 1000
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.05)


def test_on_a_quadratic_central_differences_are_exact() -> None:
    f = turned_ellipsoid(7, 50.0)
    x = theta = torch.linspace(-1, 1, 7, dtype=torch.float64)
    for _ in range(10):
        x = x - 0.01 * grad(lambda y: f(y.unsqueeze(0))[0])(x)
    state = run(
        FiniteDifferences(coordinates=0, learning_rate=0.01, perturbation=0.3),
        FunctionOracle(f, 7),
        theta,
        10,
    )
    torch.testing.assert_close(state.estimate, x, rtol=1e-12, atol=1e-12)


def test_a_choice_moves_only_the_chosen_weights_as_far_as_all_would() -> None:
    rng, twin, moved = randomness(), randomness(), set()
    method, oracle = (
        FiniteDifferences(coordinates=2, learning_rate=1e-3, perturbation=1e-4),
        FunctionOracle(rosenbrock, 4),
    )
    state, x = method.init(START, rng, oracle), START.clone()
    for step in range(12):
        chosen = twin.at(step).permutation(4)[:2]
        moved |= set(chosen.tolist())
        x[chosen] -= 1e-3 * slope_at(x)[chosen]
        state = method.step(state, rng.at(step), oracle)
        torch.testing.assert_close(state.estimate, x, rtol=0, atol=1e-7)
        assert oracle.judged[-1].shape == (4, 4)
    assert moved == {0, 1, 2, 3}


def test_many_weights_are_judged_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    f, theta = turned_ellipsoid(11), torch.linspace(-1, 1, 11, dtype=torch.float64)
    whole = run(
        FiniteDifferences(coordinates=0, learning_rate=1e-4), FunctionOracle(f, 11), theta, 3
    ).estimate
    monkeypatch.setattr(finite_differences, "ROWS", 8)
    oracle = FunctionOracle(f, 11)
    pieces = run(FiniteDifferences(coordinates=0, learning_rate=1e-4), oracle, theta, 3).estimate
    torch.testing.assert_close(pieces, whole, rtol=1e-13, atol=1e-13)
    assert [len(judged) for judged in oracle.judged] == [8, 8, 6] * 3
    assert (
        FiniteDifferences(coordinates=0).memory_rows()
        == FiniteDifferences(coordinates=999).memory_rows()
        == 11
    )


# SPSA


@pytest.mark.parametrize("directions", [1, 3])
def test_spsa_is_spalls_recurrence(directions: int) -> None:
    """With Spall's own a, A and c, the number of steps known to him and read off the budget
    here.
    """
    steps, a_spall, c = 50, 2e-3, 0.05
    stability = 0.1 * steps
    first = a_spall / (stability + 1) ** 0.602
    method, oracle = (
        SPSA(learning_rate=first, perturbation=c, directions=directions, alpha=0.602, gamma=0.101),
        FunctionOracle(rosenbrock, 4, total=steps * 2 * directions),
    )
    generator, theta = torch.Generator().manual_seed(0), START.clone()
    state = method.init(START, GivenRng(), oracle)
    for k in range(steps):
        bits = torch.randint(2, (directions, 4), generator=generator)
        a_k, c_k = a_spall / (stability + k + 1) ** 0.602, c / (k + 1) ** 0.101
        guess = torch.zeros(4, dtype=torch.float64)
        for row in bits:
            delta = 2 * row.double() - 1
            guess += (
                (height(theta + c_k * delta) - height(theta - c_k * delta))
                / (2 * c_k * delta)
                / directions
            )
        theta = theta - a_k * guess
        state = method.step(state, GivenRng(integers=[bits]), oracle)
        torch.testing.assert_close(state.estimate, theta, rtol=1e-10, atol=1e-10)
        assert state.metrics["step size"] == pytest.approx(a_k, rel=1e-9)
        assert state.metrics["radius"] == pytest.approx(c_k, rel=1e-12)
    assert oracle.progress == 1
    assert (theta - START).norm() > 0.1


def test_spsas_gains_mean_the_same_however_long_the_run() -> None:
    spsa = SPSA(learning_rate=1.0, alpha=0.602, gamma=0.101)
    ends = [spsa.gains(steps, 1.0, 10)[0] for steps in (1000, 100_000)]
    assert ends == pytest.approx([11**-0.602] * 2, rel=1e-2)
    assert spsa.gains(0, 0.0, 10)[0] == 1.0
    assert spsa.gains(1000, 0.0, 10)[0] == pytest.approx(
        (1001 / 2001) ** 0.602
    )  # no budget: as of 10,000 steps planned
    assert SPSA(learning_rate=1.0, perturbation=0.05).gains(1000, 0.5, 10) == (1.0, 0.05), (
        "by default both stay as they are"
    )


# MeZO


def test_a_mezo_step_is_a_two_point_step_along_the_same_z() -> None:
    """Against θ − η ĝ with the ES guess from the very same normal numbers, several steps, one
    direction and three.
    """
    for directions in (1, 3):
        method, oracle, generator = (
            MeZO(learning_rate=1e-4, epsilon=1e-3, directions=directions),
            FunctionOracle(rosenbrock, 4),
            torch.Generator().manual_seed(0),
        )
        state, theta = method.init(START, GivenRng(), oracle), START.clone()
        for _ in range(10):
            z = torch.randn(directions, 4, generator=generator, dtype=torch.float64)
            theta = (
                theta
                - 1e-4
                * estimate(
                    "es", theta, directions, 1e-3, GivenRng([z]), FunctionOracle(rosenbrock, 4)
                )[1]
            )
            draws = [row for row in z for _ in range(3)] + list(z)
            state = method.step(state, GivenRng(draws), oracle)
            torch.testing.assert_close(state.estimate, theta, rtol=0, atol=1e-11)
        assert (theta - START).norm() > 1e-2


def test_mezo_draws_the_same_z_again_and_puts_the_weights_back() -> None:
    """On a flat loss nothing may move, but for rounding; the probes lie ε z to either side, z
    normal and another one for every direction and step.
    """
    theta = torch.linspace(-1, 1, 3000)
    oracle = FunctionOracle(lambda x: torch.zeros(len(x)), 3000)
    state = run(MeZO(directions=2, epsilon=0.01), oracle, theta, 5)
    assert float((state.estimate - theta).abs().max()) < 5 * 2 * 3 * torch.finfo(torch.float32).eps
    zs = []
    for plus, minus in zip(oracle.judged[::2], oracle.judged[1::2], strict=True):
        z = ((plus - minus) / 0.02)[0]
        torch.testing.assert_close((plus + minus)[0] / 2, theta, rtol=0, atol=1e-5)
        assert float(z.std()) == pytest.approx(1, rel=0.05)
        zs.append(z)
    assert len(zs) == 10
    alike = torch.corrcoef(torch.stack(zs)) - torch.eye(10)
    assert float(alike.abs().max()) < 0.1


def test_mezo_keeps_nothing_but_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """One network alive, moved in place; no more than a piece of z is ever drawn; nothing of z is
    left in the state.
    """
    monkeypatch.setattr(mezo, "PIECE", 7)
    drawn: list[int] = []
    normal = Rng.normal

    def spy(self: Rng, *shape: int) -> Tensor:
        drawn.append(torch.Size(shape).numel())
        return normal(self, *shape)

    monkeypatch.setattr(Rng, "normal", spy)
    method, oracle, theta = (
        MeZO(directions=2, learning_rate=1e-4),
        FunctionOracle(turned_ellipsoid(20), 20),
        torch.ones(20, dtype=torch.float64),
    )
    state = method.init(theta, randomness(), oracle)
    place = state.estimate.data_ptr()
    for step in range(3):
        state = method.step(state, randomness().at(step), oracle)
    assert state.estimate.data_ptr() == place
    assert not torch.equal(state.estimate, theta)
    assert drawn == [7, 7, 6] * (4 * 2 * 3)
    assert {len(judged) for judged in oracle.judged} == {1}
    assert [
        field.name for field in fields(state) if isinstance(getattr(state, field.name), Tensor)
    ] == ["estimate"]
    assert state.metrics == state.vectors == {}
    assert method.memory_rows() == 1


# Forward gradient


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_forward_gradients_are_descent_along_exact_slopes(momentum: float) -> None:
    method, oracle, generator = (
        ForwardGradient(learning_rate=1e-5, momentum=momentum, directions=3),
        FunctionOracle(rosenbrock, 4),
        torch.Generator().manual_seed(0),
    )
    state, theta, b = (
        method.init(START, GivenRng(), oracle),
        START.clone(),
        torch.zeros(4, dtype=torch.float64),
    )
    for _ in range(15):
        v = torch.randn(3, 4, generator=generator, dtype=torch.float64)
        g = sum((slope_at(theta) @ row) * row for row in v) / 3
        b = momentum * b + g
        theta = theta - 1e-5 * b
        state = method.step(state, GivenRng([v]), oracle)
        torch.testing.assert_close(state.estimate, theta, rtol=1e-12, atol=1e-12)
    assert (theta - START).norm() > 1e-3


# Random search


@pytest.mark.parametrize("centre", ["start", "best"])
def test_random_search_keeps_the_best_of_all_it_has_seen(centre: Any) -> None:
    oracle, generator = FunctionOracle(rosenbrock, 4), torch.Generator().manual_seed(0)
    oracle.init_scale = torch.tensor([0.5, 1.0, 2.0, 1.0], dtype=torch.float64)
    method = RandomSearch(population_size=5, sigma=0.3, centre=centre)
    state, best = method.init(START, GivenRng(), oracle), START.clone()
    improved = 0
    for _ in range(30):
        z = torch.randn(5, 4, generator=generator, dtype=torch.float64)
        about = START if centre == "start" else best
        for row in z:
            x = about + 0.3 * oracle.init_scale * row
            if height(x) < height(best):
                best, improved = x, improved + 1
        state = method.step(state, GivenRng([z]), oracle)
        torch.testing.assert_close(state.estimate, best, rtol=0, atol=1e-14)
        assert state.estimate_loss == pytest.approx(height(best), rel=1e-12)
    assert improved >= 3


def test_on_another_batch_the_best_is_judged_anew() -> None:
    oracle, rng = FunctionOracle(rosenbrock, 4), randomness()
    method = RandomSearch(population_size=6, sigma=0.1)
    state = method.init(START, rng, oracle)
    oracle.batch_changed, oracle.function = True, lambda x: 1000 + rosenbrock(x)
    state = method.step(state, rng, oracle)
    assert len(oracle.judged[-1]) == 7
    assert state.estimate_loss == pytest.approx(1000 + height(state.estimate))
    oracle.batch_changed = False
    state = method.step(state, rng, oracle)
    assert len(oracle.judged[-1]) == 6


def test_random_search_compares_only() -> None:
    plain = run(
        RandomSearch(population_size=8, centre="best"), FunctionOracle(rosenbrock, 4), START, 30
    ).estimate
    bent = run(
        RandomSearch(population_size=8, centre="best"),
        FunctionOracle(lambda x: rosenbrock(x).log1p(), 4),
        START,
        30,
    ).estimate
    assert torch.equal(plain, bent)


def test_random_search_never_keeps_what_has_no_loss() -> None:
    oracle = FunctionOracle(lambda x: torch.where((x == START).all(1), 5.0, torch.nan), 4)
    assert torch.equal(run(RandomSearch(population_size=8), oracle, START, 10).estimate, START)


# All of them


@pytest.mark.slow
@pytest.mark.parametrize("problem", ["ellipsoid", "rosenbrock"])
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("finite-differences", {"coordinates": 2, "radius": 1e-3}),
        ("spsa", {"directions": 2, "radius": 1e-2}),
        ("mezo", {"directions": 2}),
        ("forward-gradient", {"directions": 2}),
    ],
)
def test_they_beat_random_search_on_turned_and_curved_valleys(
    problem: str, name: str, settings: dict[str, Any]
) -> None:
    function = turned_ellipsoid(6, 100.0) if problem == "ellipsoid" else rosenbrock
    start, total = torch.full((6,), 0.3, dtype=torch.float64), 6_000
    floor = min(
        float(
            function(
                run(
                    RandomSearch(population_size=100, sigma=s),
                    FunctionOracle(function, 6, total),
                    start,
                    10**6,
                ).estimate.unsqueeze(0)
            )
        )
        for s in (0.1, 0.5)
    )
    rate = (0.012 if problem == "ellipsoid" else 1.2e-3) / (
        1 if name == "finite-differences" else 4
    )
    method = OPTIMIZERS.build(
        {"name": name, "learning_rate": rate * (2 if name == "spsa" else 1), **settings}
    )
    state = run(method, FunctionOracle(function, 6, total), start, 10**6)
    assert float(function(state.estimate.unsqueeze(0))) < floor / 2


@pytest.mark.parametrize("name", NAMES)
def test_moving_the_problem_moves_the_run(name: str) -> None:
    shift = torch.linspace(-3, 3, 4, dtype=torch.float64)
    method = OPTIMIZERS.build(
        {"name": name, **({} if name == "random-search" else {"learning_rate": 1e-4})}
    )
    one = run(method, FunctionOracle(rosenbrock, 4), START, 30).estimate
    two = run(
        method, FunctionOracle(lambda x: rosenbrock(x - shift), 4), START + shift, 30
    ).estimate
    torch.testing.assert_close(two - shift, one, rtol=0, atol=1e-8)
    assert not torch.equal(one, START)


@pytest.mark.parametrize(
    ("settings", "members"),
    [
        ({"name": "finite-differences", "coordinates": 4}, 8),
        ({"name": "spsa", "directions": 3}, 6),
        ({"name": "mezo", "directions": 2}, 4),
        ({"name": "forward-gradient", "directions": 3}, 9),
        ({"name": "random-search", "population_size": 7, "batch": 8}, 8),
        ({"name": "random-search", "population_size": 7}, 7),
    ],
    ids=str,
)
def test_every_answer_is_charged_and_a_run_can_be_repeated(
    settings: dict[str, Any], members: int
) -> None:
    method: Optimizer = OPTIMIZERS.build(
        {"batch": 8, **settings} if settings["name"] != "random-search" else settings
    )
    oracle = oracle_on(method.batch, method.required_oracle())
    theta = first_weights(oracle)
    passes = Passes(oracle.network)
    before = theta.clone()
    assert torch.equal(run(method, oracle, theta, 0).estimate, theta)
    begun = oracle.evaluations
    assert begun == (len(oracle.targets) if settings["name"] == "random-search" else 0)
    one = run(method, oracle, theta, 5).estimate
    assert oracle.evaluations == 2 * begun + 5 * members * len(oracle.targets)
    assert oracle.evaluations == passes.count * (3 if settings["name"] == "forward-gradient" else 1)
    assert torch.equal(
        one, run(method, oracle_on(method.batch, method.required_oracle()), theta, 5).estimate
    )
    assert torch.equal(theta, before)


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("finite-differences", "coordinates", -1),
        ("finite-differences", "perturbation", 0),
        ("spsa", "directions", 0),
        ("spsa", "alpha", 2),
        ("spsa", "stability", -1),
        ("mezo", "learning_rate", 0),
        ("mezo", "epsilon", 100),
        ("forward-gradient", "momentum", 1),
        ("forward-gradient", "directions", 0),
        ("random-search", "population_size", 0),
        ("random-search", "centre", "edge"),
        ("random-search", "sigma", 0),
    ],
)
def test_what_is_out_of_range_is_refused_in_one_line(name: str, field: str, value: Any) -> None:
    with pytest.raises(BadInput) as caught:
        OPTIMIZERS.build({"name": name, field: value})
    assert str(caught.value).startswith(f"optimizer.{field}: ")


@pytest.mark.slow  # quickly: the losses that `test_catalogue` states
@pytest.mark.parametrize(
    ("name", "dataset", "evaluations", "most_loss", "least_accuracy"),
    [
        ("spsa", "moons", 2e6, 0.1, 0.96),
        ("spsa", "digits", 1.5e6, 0.9, 0.82),
        ("forward-gradient", "moons", 2e6, 0.1, 0.96),
        ("finite-differences", "moons", 3e6, 0.15, 0.95),
        ("finite-differences", "digits", 1.5e6, 1.4, 0.75),
        pytest.param("mezo", "moons", 1.5e6, 0.2, 0.93, marks=pytest.mark.slow),
        pytest.param("mezo", "digits", 8e5, 0.9, 0.82, marks=pytest.mark.slow),
        pytest.param("forward-gradient", "digits", 2e6, 0.8, 0.85, marks=pytest.mark.slow),
    ],
)
def test_they_learn_with_their_defaults(
    name: str, dataset: str, evaluations: float, most_loss: float, least_accuracy: float
) -> None:
    loss, accuracy, _ = trained(
        OPTIMIZERS.build(name), dataset, (16, 16) if dataset == "moons" else (32,), evaluations
    )
    assert loss < most_loss
    assert accuracy >= least_accuracy


def test_random_search_is_a_floor_and_local_search_lies_above_it() -> None:
    pure = trained(RandomSearch(), "moons", (16, 16), 1e6)[0]
    local = trained(RandomSearch(centre="best"), "moons", (16, 16), 1e6)[0]
    assert 0.3 < pure < 0.6
    assert local < 0.27
