"""L-BFGS against dense BFGS, scipy's L-BFGS-B, the conditions of its line search, and real data."""

from typing import Any

import numpy as np
import pytest
import scipy.optimize
import torch
from torch import Tensor

from engine.datasets import DATASETS
from engine.datasets.base import Dataset
from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.losses import LOSSES
from engine.networks import MLP
from engine.optimizers import OPTIMIZERS
from engine.optimizers.lbfgs import (
    C1,
    C2,
    LBFGS,
    LBFGSState,
    Point,
    cubic_minimum,
    inverse_hessian_product,
    look,
)
from engine.oracle import NotSeen, Oracle
from engine.race.race import Race
from engine.random.rng import Rng
from tests.engine.support.stand_ins import FunctionOracle, rosenbrock, run, scored, turned_ellipsoid
from tests.there import there

SEARCHES = ["wolfe", "armijo"]


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("pairs", [1, 2, 7])
def test_the_two_loops_are_the_dense_inverse_hessian(pairs: int) -> None:
    size = 9
    steps, g = list(numbers(pairs, size)), numbers(size, seed=1)
    hessian = numbers(size, size, seed=2)
    hessian = hessian @ hessian.T + torch.eye(size, dtype=torch.float64)
    changes = [
        hessian @ s + 0.05 * noise
        for s, noise in zip(steps, numbers(pairs, size, seed=3), strict=True)
    ]  # not quite of one quadratic, so that their order matters
    eye = torch.eye(size, dtype=torch.float64)
    h = eye * (steps[-1] @ changes[-1]) / (changes[-1] @ changes[-1])
    for s, y in zip(steps, changes, strict=True):
        rho = 1 / (y @ s)
        h = (eye - rho * torch.outer(s, y)) @ h @ (
            eye - rho * torch.outer(y, s)
        ) + rho * torch.outer(s, s)
    torch.testing.assert_close(
        inverse_hessian_product(g, steps, changes), h @ g, rtol=1e-11, atol=1e-11
    )
    torch.testing.assert_close(
        inverse_hessian_product(changes[-1], steps, changes), steps[-1], rtol=1e-10, atol=1e-10
    )  # the secant condition
    assert torch.equal(inverse_hessian_product(g, [], []), g)


def oracle_of(function: Any, dimension: int) -> Any:
    return FunctionOracle(function, dimension)


@pytest.mark.parametrize("search", SEARCHES)
def test_it_goes_down_a_turned_ellipsoid_far_faster_than_the_steepest_descent(search: Any) -> None:
    f, theta = turned_ellipsoid(10, 1e4), torch.ones(10, dtype=torch.float64)
    oracle = oracle_of(f, 10)
    state = run(LBFGS(line_search=search), oracle, theta, 60)
    assert float(f(state.estimate.unsqueeze(0))) < 1e-14 * float(f(theta.unsqueeze(0)))
    forgetful = run(Forgetful(line_search=search), oracle_of(f, 10), theta, 60)
    assert float(f(forgetful.estimate.unsqueeze(0))) > 1e-6


class Forgetful(LBFGS):
    """Steepest descent with the same line search."""

    def remember(self, state: LBFGSState, s: Tensor, y: Tensor) -> None:
        pass


@pytest.mark.parametrize("search", SEARCHES)
def test_it_ends_where_scipy_ends_in_the_banana_valley(search: Any) -> None:
    theta = torch.tensor([-1.2, 1.0, -1.2, 1.0, -1.2], dtype=torch.float64)
    oracle = oracle_of(rosenbrock, 5)
    state = run(LBFGS(line_search=search, history_size=10), oracle, theta, 100)

    def both(x: Any) -> tuple[float, Any]:
        value, gradient = oracle_of(rosenbrock, 5).gradients(torch.tensor(x).unsqueeze(0))
        return float(value[0]), gradient[0].numpy()

    theirs = scipy.optimize.minimize(
        both, theta.numpy(), jac=True, method="L-BFGS-B", options={"ftol": 1e-16, "gtol": 1e-10}
    )
    np.testing.assert_allclose(state.estimate.numpy(), theirs.x, atol=1e-6)
    assert float(rosenbrock(state.estimate.unsqueeze(0))) < 1e-18


@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0, 1e4])
def test_the_search_finds_strong_wolfe_points_whatever_the_first_length(scale: float) -> None:
    start, direction = numbers(6), numbers(6, seed=4)
    found = 0
    for function in (
        rosenbrock,
        turned_ellipsoid(6),
        lambda x: (x**2).sum(1).sqrt() + (3 * x).sin().sum(1),
    ):
        oracle = oracle_of(function, 6)
        here = look(Point(0, 0, 0, start, start), direction, 0.0, oracle)
        direction = direction if here.slope < 0 else -direction
        here = look(here, direction, 0.0, oracle)
        there = LBFGS(max_line_search_steps=40).wolfe(here, direction, scale, oracle)
        assert there is not None
        assert there.loss <= here.loss + C1 * there.t * here.slope
        assert abs(there.slope) <= C2 * abs(here.slope)
        torch.testing.assert_close(there.theta, start + there.t * direction)
        found += 1
    assert found == 3


def test_armijo_takes_the_longest_halving_that_falls_and_asks_for_the_short_ones_at_once() -> None:
    oracle = oracle_of(lambda x: 50 * x[:, 0] ** 2, 1)
    here = look(
        Point(0, 0, 0, torch.ones(1, dtype=torch.float64), torch.zeros(1)),
        -torch.ones(1, dtype=torch.float64),
        0.0,
        oracle,
    )
    oracle.judged.clear()
    there = LBFGS(line_search="armijo", max_line_search_steps=6).armijo(
        here, -torch.ones(1, dtype=torch.float64), 16.0, oracle
    )
    assert there is not None
    assert there.t == 1.0  # at 2 the loss is as high as at 0, which is not low enough
    assert [len(asked) for asked in oracle.judged] == [1, 5, 1]


def test_pairs_that_curve_down_are_left_out_and_old_ones_dropped() -> None:
    method, state = LBFGS(history_size=2), LBFGSState(torch.zeros(3))
    one = torch.eye(3, dtype=torch.float64)
    method.remember(state, one[0], -one[0])
    method.remember(state, one[0], one[1])
    method.remember(state, one[0], torch.full((3,), torch.nan, dtype=torch.float64))
    assert state.steps == []
    for i in range(3):
        method.remember(state, one[i], 2 * one[i])
    assert [int(s.argmax()) for s in state.steps] == [1, 2]


@pytest.mark.parametrize("search", SEARCHES)
def test_where_nothing_can_be_gained_it_stays_and_goes_on_paying(search: Any) -> None:
    for function in (lambda x: 0.0 * x.sum(1), lambda x: x.sum(1) * torch.nan):
        oracle = oracle_of(function, 3)
        theta = torch.ones(3, dtype=torch.float64)
        state = run(LBFGS(line_search=search, max_line_search_steps=5), oracle, theta, 3)
        assert torch.equal(state.estimate, theta)
        assert oracle.evaluations >= 3 * 3


def test_a_wall_of_nan_is_stepped_back_from() -> None:
    def walled(x: Tensor) -> Tensor:
        return torch.where(x[:, 0] > 1.5, torch.nan, (x[:, 0] - 1.4) ** 2 + x[:, 1] ** 2)

    state = run(LBFGS(), oracle_of(walled, 2), torch.tensor([-40.0, 3.0], dtype=torch.float64), 40)
    torch.testing.assert_close(
        state.estimate, torch.tensor([1.4, 0.0], dtype=torch.float64), atol=1e-6, rtol=0
    )


def test_moving_the_problem_moves_the_path() -> None:
    f, shift = turned_ellipsoid(5), torch.tensor([3.0, -2, 1, 5, 0], dtype=torch.float64)
    theta = torch.ones(5, dtype=torch.float64)
    one = run(LBFGS(), oracle_of(f, 5), theta, 8).estimate
    two = run(LBFGS(), oracle_of(lambda x: f(x - shift), 5), theta + shift, 8).estimate
    torch.testing.assert_close(two - shift, one, rtol=0, atol=1e-9)


def data_oracle(batch: int = 0, sees: Any = "gradient") -> Oracle:
    x = numbers(30, 2, seed=3)
    y = torch.randint(3, (30,), generator=torch.Generator().manual_seed(3))
    return Oracle(
        MLP(hidden=(5,)).build((2,), 3),
        LOSSES["cross-entropy"],
        Dataset(x, y, x, y, ("a", "b", "c"), "points"),
        sees,
        batch,
        seed=7,
    )


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("batch", [0, 10])
def test_every_answer_is_charged_and_the_memory_is_of_this_batch_alone(
    search: Any, batch: int
) -> None:
    oracle, paid = data_oracle(batch), []
    asked, losses = oracle.gradients, oracle.losses
    oracle.gradients = lambda population: paid.append(3 * len(population)) or asked(population)  # type: ignore[method-assign]
    oracle.losses = lambda population: paid.append(len(population)) or losses(population)  # type: ignore[method-assign]
    theta = oracle.network.init(torch.Generator().manual_seed(1), torch.float64)
    before = theta.clone()
    method, rng = LBFGS(line_search=search), Rng(0, "lane 0")
    state = method.init(theta, rng, oracle)
    assert torch.equal(state.estimate, theta)
    assert oracle.evaluations == 0
    for step in range(1, 9):
        oracle.next_batch(step)
        here = state.estimate.clone()
        on_this = float(losses(here.unsqueeze(0))[0]) if batch else 0.0
        oracle.evaluations -= len(oracle.targets) if batch else 0
        state = method.step(state, rng, oracle)
        if batch:
            assert len(state.steps) == 1
            assert state.loss is not None
            assert state.loss < on_this
            torch.testing.assert_close(state.steps[0], state.estimate - here)
    if not batch:
        assert len(state.steps) == 8
    assert oracle.evaluations == sum(paid) * len(oracle.targets)
    assert torch.equal(theta, before)
    with pytest.raises(NotSeen):
        run(LBFGS(), data_oracle(sees="loss"), theta, 1)


def test_a_full_batch_step_costs_one_gradient_when_the_first_try_will_do() -> None:
    oracle = data_oracle()
    run(LBFGS(), oracle, oracle.network.init(torch.Generator().manual_seed(1), torch.float64), 20)
    assert oracle.evaluations < 20 * 1.5 * 3 * 30


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("history_size", 0),
        ("history_size", 500),
        ("line_search", "exact"),
        ("max_line_search_steps", 1),
        ("batch", -1),
    ],
)
def test_what_is_out_of_range_is_refused_in_one_line(field: str, value: Any) -> None:
    with pytest.raises(BadInput) as caught:
        OPTIMIZERS.build({"name": "lbfgs", field: value})
    assert str(caught.value).startswith(f"optimizer.{field}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.slow  # quickly: the losses that `test_catalogue` states
@pytest.mark.parametrize(
    ("dataset", "hidden", "steps", "most_loss", "least_accuracy", "settings"),
    [
        ("digits", (32,), 60, 0.01, 0.95, {}),
        ("moons", (16, 16), 80, 1e-3, 0.99, {}),
        ("spirals", (16, 16), 200, 0.05, 0.97, {}),
        ("spirals", (16, 16), 200, 0.05, 0.97, {"search": "armijo"}),
        ("digits", (32,), 200, 0.2, 0.93, {"batch": 256}),
    ],
)
def test_it_learns_with_its_defaults(
    dataset: str,
    hidden: tuple[int, ...],
    steps: int,
    most_loss: float,
    least_accuracy: float,
    settings: dict[str, Any],
) -> None:
    samples = DATASETS.build(dataset).load(0)
    network = MLP(hidden=hidden).build(samples.shape, len(samples.classes))
    method = LBFGS(**settings)
    oracle = Oracle(network, LOSSES["cross-entropy"], samples, "gradient", method.batch)
    state = run(method, oracle, network.init(torch.Generator().manual_seed(0)), steps)
    loss, accuracy = scored(oracle, samples, state.estimate)
    assert loss < most_loss
    assert accuracy >= least_accuracy


@pytest.mark.parametrize("seed", range(3))
def test_a_fit_without_an_error_goes_on_below_what_one_plus_it_can_tell(seed: int) -> None:
    race = Race(
        Experiment.parse(
            {
                "dataset": {"name": "moons", "points": 100},
                "lanes": ["lbfgs"],
                "budget": {"currency": "evaluations", "amount": 6e4},
                "seed": seed,
            }
        ),
        pictures=False,
    )
    lane, still = race.lanes[0], 0
    while not race.finished:
        race.advance()
        still += lane.state.metrics["step length"] == 0
    assert still == 0
    assert 0 < there(race.results()[0]["loss"]) < 1e-12


def test_a_bracket_that_has_closed_ends_the_search_with_the_best_place_found() -> None:
    # x falls towards 0, where the slope of log x has no bound and a step the length of one is below
    # the least float
    race = Race(
        Experiment.parse(
            {
                "dataset": {
                    "name": "landscape",
                    "function": "formula",
                    "formula": "log(x)+y^2",
                    "start_x": 1,
                    "start_y": 1,
                },
                "lanes": ["lbfgs", {"name": "lbfgs", "line_search": "armijo"}],
                "budget": {"currency": "evaluations", "amount": 20_000},
            }
        ),
        pictures=False,
    )
    list(race)
    for row in race.results():
        assert there(row["loss"]) < 0


def place(t: float, loss: float, slope: float) -> Point:
    return Point(t, loss, slope, torch.zeros(1), torch.zeros(1))


EXTREMES = [0.0, 5e-324, 1e-310, 1e-40, 1e-8, 1.0, 1e200, 1e308, float("inf"), float("nan")]


def test_the_cubic_divides_by_nothing_whatever_the_bracket() -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(20_000):
        a, b, c, d, e, f, *signs = torch.randint(len(EXTREMES), (10,), generator=generator).tolist()
        low = place(EXTREMES[a % 7], EXTREMES[b] * (-1) ** signs[0], -EXTREMES[c])
        high = place(
            EXTREMES[d % 7], EXTREMES[e] * (-1) ** signs[1], EXTREMES[f] * (-1) ** signs[2]
        )
        t = cubic_minimum(low, high)
        assert t is None or min(low.t, high.t) < t < max(low.t, high.t), (low, high, t)


@pytest.mark.parametrize("size", [1e-23, 1.0, 1e18])
def test_the_memory_is_the_same_in_any_unit_of_the_loss(size: float) -> None:
    steps, changes, g = list(numbers(3, 9)), list(numbers(3, 9, seed=3)), numbers(9, seed=1)
    changes = [y if y @ s > 0 else -y for s, y in zip(steps, changes, strict=True)]
    single = [s.float() for s in steps]
    exact = inverse_hessian_product(g, steps, changes)
    found = inverse_hessian_product(
        (size * g).float(), single, [(size * y).float() for y in changes]
    )
    torch.testing.assert_close(found.double(), exact, rtol=1e-3, atol=1e-4)
