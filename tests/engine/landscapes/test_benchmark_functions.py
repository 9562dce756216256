"""The landscapes: against their formulas written anew in NumPy, at their lowest points, and as what
is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
import torch

from engine.datasets.landscape import FunctionName
from engine.errors import BadInput
from engine.landscapes.benchmark_functions import FUNCTIONS, Landscape, typed

Array = np.ndarray[Any, Any]


def _schwefel(x: Array, y: Array) -> Array:
    inside = [np.clip(at, -500, 500) for at in (x, y)]
    wall = [0.02 * np.maximum(np.abs(at) - 500, 0) ** 2 for at in (x, y)]
    return (
        2 * 418.9828872724339 - sum(at * np.sin(np.sqrt(np.abs(at))) for at in inside) + sum(wall)
    )


def _ellipsoid(x: Array, y: Array) -> Array:
    angle = np.deg2rad(30)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    matrix = turn.T @ np.diag([1.0, 100.0]) @ turn
    points = np.stack([x, y], -1)
    return np.einsum("...i,ij,...j->...", points, matrix, points)


REFERENCE: dict[str, Callable[[Array, Array], Array]] = {
    "sphere": lambda x, y: np.hypot(x, y) ** 2,
    "ellipsoid": _ellipsoid,
    "rosenbrock": lambda x, y: 100 * np.square(y - x * x) + np.square(x - 1),
    "beale": lambda x, y: sum(
        (c - x * (1 - y**n)) ** 2 for c, n in ((1.5, 1), (2.25, 2), (2.625, 3))
    ),
    "himmelblau": lambda x, y: np.square(x * x + y - 11) + np.square(x + y * y - 7),
    "camel": lambda x, y: 4 * x**2 - 2.1 * x**4 + x**6 / 3 + x * y - 4 * y**2 + 4 * y**4,
    "rastrigin": lambda x, y: sum(10 + at * at - 10 * np.cos(2 * np.pi * at) for at in (x, y)),
    "ackley": lambda x, y: (
        -20 * np.exp(-0.2 * np.sqrt((x * x + y * y) / 2))
        - np.exp((np.cos(2 * np.pi * x) + np.cos(2 * np.pi * y)) / 2)
        + 20
        + np.exp(1)
    ),
    "griewank": lambda x, y: (x * x + y * y) / 4000 - np.cos(x) * np.cos(y / np.sqrt(2)) + 1,
    "schwefel": _schwefel,
    "stairs": lambda x, y: np.floor(np.abs(x) + 0.5) ** 2 + np.floor(np.abs(y) + 0.5) ** 2,
}


def everywhere(landscape: Landscape, n: int = 2000) -> torch.Tensor:
    """Points in the rectangle and somewhat beyond."""
    x0, x1, y0, y1 = landscape.extent
    low, high = (
        torch.tensor([x0, y0], dtype=torch.float64),
        torch.tensor([x1, y1], dtype=torch.float64),
    )
    return low + (torch.rand(n, 2, dtype=torch.float64) * 1.4 - 0.2) * (high - low)


def test_every_landscape_has_a_reference_and_a_name_to_be_picked_by() -> None:
    assert set(REFERENCE) == set(FUNCTIONS)
    assert set(get_args(FunctionName)) == {*FUNCTIONS, "formula"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_heights_are_those_of_the_formula(name: str) -> None:
    points = everywhere(FUNCTIONS[name])
    expected = REFERENCE[name](*points.numpy().T)
    np.testing.assert_allclose(FUNCTIONS[name](points).numpy(), expected, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_lowest_points_are_as_low_as_said_and_nothing_is_lower(name: str) -> None:
    landscape = FUNCTIONS[name]
    assert landscape.lowest is not None
    minima = torch.tensor(landscape.minima, dtype=torch.float64)
    assert landscape(minima).tolist() == pytest.approx([landscape.lowest] * len(minima), abs=1e-9)
    assert float(landscape(everywhere(landscape, 200_000)).min()) >= landscape.lowest - 1e-9
    if name not in ("stairs", "ackley"):  # these have no slope there
        at = minima.clone().requires_grad_()
        (slope,) = torch.autograd.grad(landscape(at).sum(), at)
        assert float(slope.abs().max()) < 1e-4


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_start_is_inside_and_worth_starting_from(name: str) -> None:
    landscape = FUNCTIONS[name]
    x0, x1, y0, y1 = landscape.extent
    assert x0 < landscape.start[0] < x1
    assert y0 < landscape.start[1] < y1
    assert landscape.lowest is not None
    assert float(landscape(torch.tensor(landscape.start))) > landscape.lowest + 0.05
    assert landscape.about.endswith(".")


def test_stairs_have_no_slope_and_schwefel_has_one_even_at_nought() -> None:
    for name, expected in (("stairs", [0.0, 0.0]), ("schwefel", None)):
        at = torch.zeros(1, 2, requires_grad=True)
        (slope,) = torch.autograd.grad(FUNCTIONS[name](at).sum(), at)
        assert torch.isfinite(slope).all()
        assert expected is None or slope[0].tolist() == expected


@pytest.mark.parametrize("name", FUNCTIONS)
def test_forward_and_backward_derivatives_agree(name: str) -> None:
    landscape, points = FUNCTIONS[name], everywhere(FUNCTIONS[name], 50)
    directions = torch.randn_like(points)
    forward = torch.func.jvp(landscape, (points,), (directions,))[1]
    slopes = torch.func.vmap(torch.func.grad(landscape))(points)
    torch.testing.assert_close(forward, (slopes * directions).sum(1))


def test_a_grid_has_its_rows_along_y_from_the_low_end() -> None:
    plane = typed("x + 100*y", 2.0)
    grid = plane.grid(3)
    assert grid.tolist() == [[-202, -200, -198], [-2, 0, 2], [198, 200, 202]]
    assert plane.grid(2, (0, 1, 5, 6)).tolist() == [[500, 501], [600, 601]]


def test_stiffness_of_a_bowl_is_its_second_derivative() -> None:
    assert typed("3*x^2", 5.0).stiffness == pytest.approx(6)
    assert FUNCTIONS["ellipsoid"].stiffness == pytest.approx(math.hypot(2, 200))
    assert typed("x", 5.0).stiffness == 0
    assert FUNCTIONS["stairs"].stiffness == 0


def test_the_lowest_point_of_a_formula_is_found_where_there_is_one() -> None:
    bowl = typed("(x-1.25)^2 + (y+0.5)^2 - 3", 5.0)
    assert bowl.lowest == pytest.approx(-3, abs=1e-9)
    assert bowl.minima[0] == pytest.approx((1.25, -0.5), abs=1e-4)
    falling = typed("x - y", 5.0)
    assert falling.lowest is None
    assert falling.minima == ()
    assert typed("min(x^2 + y^2, (x-3)^2 + (y-3)^2 - 1)", 5.0).minima[0] == pytest.approx(
        (3, 3), abs=1e-4
    )


def test_a_formula_starts_where_it_has_a_value() -> None:
    half = typed("log(x) + y^2", 5.0)
    assert half.start[0] > 0
    assert math.isfinite(float(half(torch.tensor(half.start))))
    with pytest.raises(BadInput, match="a value somewhere"):
        typed("log(-1 - x^2)", 5.0)
