"""Planes are orthonormal, hold what they say they hold, and stay still."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.losses import LOSSES
from engine.networks import MLP
from engine.networks.base import pack
from engine.observation.planes import (
    filter_normalised,
    line_plane,
    loss_grid,
    pca_plane,
    random_plane,
)


def cloud(n: int = 20, d: int = 50, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    scales = torch.tensor([5.0, 3.0] + [0.1] * (d - 2))
    turn = torch.linalg.qr(torch.randn(d, d, generator=generator))[0]
    return (torch.randn(n, d, generator=generator) * scales) @ turn


def test_pca_plane_agrees_with_the_svd() -> None:
    points = cloud()
    plane = pca_plane(points, points[0])
    assert plane is not None
    torch.testing.assert_close(plane.axes @ plane.axes.T, torch.eye(2), atol=1e-5, rtol=0)
    vectors = torch.linalg.svd(points - points.mean(0))[2]
    # The same plane, whatever the signs and order of its axes.
    torch.testing.assert_close(
        plane.axes.T @ plane.axes, vectors[:2].T @ vectors[:2], atol=1e-4, rtol=0
    )
    torch.testing.assert_close(plane.project(points[:1]), torch.zeros(1, 2), atol=1e-4, rtol=0)


def test_off_plane_distance_and_projection_make_up_the_whole() -> None:
    points = cloud()
    plane = pca_plane(points, points[0])
    assert plane is not None
    inside = plane.project(points) + plane.shift
    for point, coordinates, off in zip(points, inside, plane.off_plane(points), strict=True):
        assert float(off) ** 2 + float(coordinates @ coordinates) == pytest.approx(
            float((point - plane.origin).square().sum()), rel=1e-3
        )
    corners = torch.tensor([[0.0, 0.0], [1.0, -2.0]])
    torch.testing.assert_close(plane.project(plane.points(corners)), corners, atol=1e-4, rtol=0)
    assert float(plane.off_plane(plane.points(corners)).max()) < 1e-3


def test_a_new_fit_turns_as_little_as_it_can() -> None:
    points = cloud(60)
    before = pca_plane(points[:40], points[0])
    assert before is not None
    after = pca_plane(points, points[0], before)
    assert after is not None
    assert float((after.axes * before.axes).sum(1).min()) > 0.95


def test_points_on_a_line_span_no_plane() -> None:
    line = torch.linspace(0, 1, 10).unsqueeze(1) * torch.ones(5)
    assert pca_plane(line, line[0]) is None
    assert pca_plane(line[:1], line[0]) is None
    # From the start to the best there is a line, but nothing beside it.
    assert line_plane(line, line[0], line[-1]) is None
    assert line_plane(cloud(), line[0][0] * torch.ones(50), line[0][0] * torch.ones(50)) is None


def test_filter_normalisation_by_hand() -> None:
    layers = pack([("0.weight", (2, 2), 2), ("0.bias", (2,), 2), ("1.weight", (1, 1, 1, 2), 2)])
    weights = torch.tensor([3.0, 4.0, 0.0, 2.0, 7.0, 7.0, 0.6, 0.8])
    direction = torch.tensor([0.0, 2.0, 1.0, 0.0, 5.0, 5.0, 3.0, 4.0])
    # The neurons' weights are 5, 2 and 1 long, the direction's parts 2, 1 and 5; biases do not
    # move.
    expected = torch.tensor([0.0, 5.0, 2.0, 0.0, 0.0, 0.0, 0.6, 0.8])
    torch.testing.assert_close(filter_normalised(direction, weights, layers), expected)
    dead = torch.cat([torch.zeros(2), weights[2:]])
    torch.testing.assert_close(
        filter_normalised(direction, dead, layers), torch.cat([torch.zeros(2), expected[2:]])
    )


def test_a_random_plane_holds_two_filter_normalised_directions_about_its_centre() -> None:
    network = MLP(hidden=(4, 3)).build((2,), 2)
    theta, centre = (network.init(torch.Generator().manual_seed(seed)) for seed in (0, 1))
    plane = random_plane(network.layers, centre, theta, 5)
    torch.testing.assert_close(plane.axes @ plane.axes.T, torch.eye(2), atol=1e-5, rtol=0)
    assert float(plane.off_plane(centre.unsqueeze(0))) == pytest.approx(0, abs=1e-5)
    torch.testing.assert_close(
        plane.project(theta.unsqueeze(0)), torch.zeros(1, 2), atol=1e-5, rtol=0
    )
    # A step along the first axis by the plane's reach moves every neuron by as much as its weights
    # are long, and no bias.
    step = plane.axes[0] * plane.reach
    for layer in network.layers:
        moved, own = (vector[layer.start : layer.stop] for vector in (step, centre))
        if layer.name.endswith("bias"):
            assert float(moved.abs().max()) < 1e-6
        else:
            torch.testing.assert_close(
                moved.reshape(layer.shape).norm(dim=1),
                own.reshape(layer.shape).norm(dim=1),
                atol=1e-5,
                rtol=1e-5,
            )
    # Another seed, other directions.
    assert (
        float((random_plane(network.layers, centre, theta, 6).axes @ plane.axes.T).abs().max())
        < 0.9
    )


def test_the_line_runs_from_the_start_to_the_best_and_shows_most_of_the_rest() -> None:
    points = cloud(40)
    theta, best = points[0], points[-1]
    plane = line_plane(points, theta, best)
    assert plane is not None
    torch.testing.assert_close(plane.axes @ plane.axes.T, torch.eye(2), atol=1e-5, rtol=0)
    ends = torch.stack([theta, best])
    length = float((best - theta).norm())
    torch.testing.assert_close(
        plane.project(ends), torch.tensor([[0.0, 0.0], [length, 0.0]]), atol=1e-3, rtol=0
    )
    assert float(plane.off_plane(ends).max()) < 1e-3
    x = ((best - theta) / length).double().numpy()
    rest = (points - points.mean(0)).double().numpy()
    rest -= np.outer(rest @ x, x)
    assert abs(np.linalg.svd(rest)[2][0] @ plane.axes[1].double().numpy()) == pytest.approx(
        1, abs=1e-5
    )
    # The next plane keeps its side.
    mirrored = replace(plane, axes=plane.axes * torch.tensor([[1.0], [-1.0]]))
    for before in (plane, mirrored):
        after = line_plane(points, theta, best, before)
        assert after is not None
        torch.testing.assert_close(after.axes, before.axes, atol=1e-4, rtol=0)


def test_the_grid_is_the_loss_at_its_points() -> None:
    network, loss = MLP(hidden=(4,)).build((2,), 2), LOSSES["cross-entropy"]
    generator = torch.Generator().manual_seed(0)
    theta, x = network.init(generator), torch.randn(30, 2, generator=generator)
    y = (x[:, 0] > 0).long()
    plane = random_plane(network.layers, theta, theta, 0)
    grid = loss_grid(network, loss, plane, (-1.0, 3.0), (-2.0, 2.0), 5, x, y)
    for row, b in enumerate(torch.linspace(-2, 2, 5)):
        for column, a in enumerate(torch.linspace(-1, 3, 5)):
            point = plane.points(torch.tensor([[float(a), float(b)]]))
            assert float(grid[row, column]) == pytest.approx(
                float(loss.values(network.forward(point, x), y)), abs=1e-5
            )
