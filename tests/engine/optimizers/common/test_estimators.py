"""Guessed gradients against the gradient itself, which torch finds by its own ways."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import grad

from engine.losses import LOSSES
from engine.networks import MLP
from engine.optimizers.common.estimators import (
    ROWS,
    SEES,
    Source,
    averaged,
    estimate,
    step_size_factor,
    two_point,
)
from engine.oracle import NotSeen, Oracle
from engine.random.rng import Rng
from tests.engine.optimizers.test_gradient_methods import oracle_on
from tests.engine.support.stand_ins import FunctionOracle, GivenRng, turned_ellipsoid

DIMENSION = 6
THETA = torch.linspace(-1, 2, DIMENSION, dtype=torch.float64)
GUESSES: list[Source] = ["forward-gradient", "spsa", "es"]


ELLIPSOID = turned_ellipsoid(DIMENSION, 20.0)


def quadratic(x: Tensor) -> Tensor:
    return ELLIPSOID(x) + x @ torch.arange(DIMENSION, dtype=torch.float64)


def bent(x: Tensor) -> Tensor:
    """No polynomial: its central differences are wrong by O(radius²)."""
    return (x.sin() * torch.arange(1, DIMENSION + 1, dtype=torch.float64)).sum(1) + x.sum(
        1
    ).exp() / 50


def true_gradient(f: Any) -> Tensor:
    return grad(lambda x: f(x.unsqueeze(0))[0])(THETA)


def rademacher(*shape: int, seed: int = 0) -> Tensor:
    return torch.randint(2, shape, generator=torch.Generator().manual_seed(seed))


def test_backpropagation_is_the_gradient() -> None:
    loss, gradient = estimate(
        "backprop", THETA, 1, 0.1, GivenRng(), FunctionOracle(bent, DIMENSION)
    )
    torch.testing.assert_close(gradient, true_gradient(bent), rtol=1e-13, atol=1e-13)
    assert loss is not None
    torch.testing.assert_close(loss, bent(THETA.unsqueeze(0))[0], rtol=1e-14, atol=0)


@pytest.mark.parametrize("source", GUESSES)
def test_a_guess_is_its_sum_written_out(source: Source) -> None:
    """Direction by direction, in float64, from the same random numbers; the forward gradient from
    `torch.func.grad` instead of a tangent.
    """
    numbers = (
        rademacher(4, DIMENSION)
        if source == "spsa"
        else torch.randn(
            4, DIMENSION, generator=torch.Generator().manual_seed(1), dtype=torch.float64
        )
    )
    rng = GivenRng(integers=[numbers]) if source == "spsa" else GivenRng([numbers])
    loss, guess = estimate(source, THETA, 4, 0.3, rng, FunctionOracle(bent, DIMENSION))
    expected, heights = torch.zeros_like(THETA), []
    for row in numbers:
        v = 2 * row.double() - 1 if source == "spsa" else row
        heights += [float(bent((THETA + side * 0.3 * v).unsqueeze(0))[0]) for side in (1, -1)]
        if source == "forward-gradient":
            expected += (true_gradient(bent) @ v) * v / 4
        else:
            expected += (
                (heights[-2] - heights[-1]) / 0.6 / v / 4
                if source == "spsa"
                else (heights[-2] - heights[-1]) / 0.6 * v / 4
            )
    torch.testing.assert_close(guess, expected, rtol=1e-12, atol=1e-12)
    assert (guess - true_gradient(bent)).norm() > 0.5  # four directions are far from the gradient
    assert (loss is None) == (source == "forward-gradient")
    if loss is not None:
        assert float(loss) == pytest.approx(sum(heights) / 8, rel=1e-13)


@pytest.mark.parametrize("source", GUESSES)
def test_many_directions_give_the_gradient(source: Source) -> None:
    """On a quadratic two-point slopes are exact, so only the average over directions stands between
    guess and gradient; its error is √((D+1)/m), SPSA's a little less.
    """
    directions = 200_000
    guess = estimate(
        source,
        THETA,
        directions,
        0.5,
        Rng(0, "x", dtype=torch.float64),
        FunctionOracle(quadratic, DIMENSION),
    )[1]
    error = float((guess - true_gradient(quadratic)).norm() / true_gradient(quadratic).norm())
    assert error < 2.5 * ((DIMENSION + 1) / directions) ** 0.5
    assert error > 0.1 * ((DIMENSION + 1) / directions) ** 0.5


@pytest.mark.parametrize(
    "source", ["spsa", "es"]
)  # on a quadratic the forward gradient is the same as ES
def test_the_noise_is_as_large_as_the_theory_says(source: Source) -> None:
    """E‖g‖² = (1 + (D + 1)/m) ‖∇L‖² for normal directions, (1 + (D − 1)/m) ‖∇L‖² for signs: what
    `step_size_factor` and the sentences build on.
    """
    oracle, rng, m = FunctionOracle(quadratic, DIMENSION), Rng(0, "x", dtype=torch.float64), 3
    squares = torch.stack(
        [estimate(source, THETA, m, 0.5, rng, oracle)[1].square().sum() for _ in range(3000)]
    )
    expected = 1 + (DIMENSION - 1 if source == "spsa" else DIMENSION + 1) / m
    assert float(squares.mean() / true_gradient(quadratic).square().sum()) == pytest.approx(
        expected, rel=0.08
    )


@pytest.mark.parametrize("source", GUESSES)
def test_orthogonal_directions_give_the_gradient_to_second_order(source: Source) -> None:
    """D directions with v_i·v_j = D δ_ij: the guess is the gradient, for two-point slopes up to
    O(radius²).
    """
    if source == "spsa":  # signs are orthogonal in a Hadamard matrix
        h2 = torch.tensor([[1, 1], [1, -1]])
        numbers = (torch.kron(torch.kron(h2, h2), h2) + 1) // 2
    else:
        numbers = (
            torch.linalg.qr(
                torch.randn(8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
            ).Q
            * 8**0.5
        )
    theta = torch.linspace(-1, 1, 8, dtype=torch.float64)

    def f(x: Tensor) -> Tensor:
        return (x.sin() * torch.arange(1, 9, dtype=torch.float64)).sum(1) + (
            x[:, 0] * x[:, 1]
        ).exp()

    truth = grad(lambda x: f(x.unsqueeze(0))[0])(theta)
    errors = []
    for radius in (0.02, 0.01):
        rng = GivenRng(integers=[numbers]) if source == "spsa" else GivenRng([numbers])
        guess = estimate(source, theta, 8, radius, rng, FunctionOracle(f, 8))[1]
        errors.append(float((guess - truth).norm()))
    if source == "forward-gradient":
        assert errors[0] < 1e-13
    else:
        assert errors[0] < 0.02**2 * 20
        assert errors[0] / errors[1] == pytest.approx(4, rel=0.01)


def test_a_direction_of_which_one_side_leads_off_the_map_is_told_by_the_other_side() -> None:
    def cliff(x: Tensor) -> Tensor:
        lost = (x[:, 1].abs() > 0.05) | (x[:, 0] > 0.05)
        return torch.where(lost, torch.nan, torch.where(x[:, 2] < -0.05, torch.inf, x.sum(1)))

    v = torch.eye(3, dtype=torch.float64)
    slopes = two_point(torch.zeros(3, dtype=torch.float64), v, 0.1, FunctionOracle(cliff, 3))[1]
    torch.testing.assert_close(
        slopes, torch.tensor([1.0, torch.nan, 1.0], dtype=torch.float64), equal_nan=True
    )
    torch.testing.assert_close(
        averaged(slopes, v), torch.tensor([0.5, 0.0, 0.5], dtype=torch.float64)
    )


@pytest.mark.parametrize(
    ("source", "price"), [("backprop", 3), ("forward-gradient", 15), ("spsa", 10), ("es", 10)]
)
def test_it_asks_once_and_no_more_than_it_says(source: Source, price: int) -> None:
    oracle = oracle_on(batch=8, sees=SEES[source])
    theta = oracle.network.init(torch.Generator().manual_seed(1), torch.float64)
    before, asked = theta.clone(), []
    for question in ("losses", "gradients", "jvp"):
        real = getattr(oracle, question)
        setattr(
            oracle,
            question,
            lambda *a, real=real, question=question: asked.append(question) or real(*a),
        )
    estimate(source, theta, 5, 0.1, Rng(0, "x", dtype=torch.float64), oracle)
    assert len(asked) == 1
    assert oracle.evaluations == price * 8
    assert torch.equal(theta, before)
    if source in ("backprop", "forward-gradient"):
        with pytest.raises(NotSeen):
            estimate(
                source,
                theta,
                5,
                0.1,
                Rng(0, "x", dtype=torch.float64),
                oracle_on(batch=8, sees="loss"),
            )


def test_every_source_follows_a_networks_gradient() -> None:
    """On a real network, in float32: many directions point where backpropagation does."""
    data = oracle_on(batch=0)
    network = MLP(hidden=(5,)).build((2,), 3)
    theta = network.init(torch.Generator().manual_seed(1))
    data.x, data._x = data.x.float(), data._x.float()
    oracles = {source: Oracle.__new__(Oracle) for source in SEES}
    guesses = {}
    for source, oracle in oracles.items():
        oracle.__dict__ |= data.__dict__ | {
            "sees": SEES[source],
            "network": network,
            "loss": LOSSES["cross-entropy"],
        }
        guesses[source] = estimate(source, theta, 4000, 0.01, Rng(0, "x"), oracle)[1]
    for source in GUESSES:
        assert float(torch.cosine_similarity(guesses[source], guesses["backprop"], dim=0)) > 0.98


def test_caution_grows_with_directions_up_to_one() -> None:
    assert step_size_factor(1, 1000) == pytest.approx(8 / 1002)
    assert step_size_factor(16, 354) == pytest.approx(128 / 371)
    assert step_size_factor(500, 354) == 1.0
    assert set(ROWS) == set(SEES)
