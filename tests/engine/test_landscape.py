"""Planes are orthonormal, honest about what they leave out, and stay still."""

from itertools import pairwise

import pytest
import torch

from engine.landscape import loss_grid, pca_plane, random_plane
from engine.losses import LOSSES
from engine.networks import MLP
from engine.observer import Trajectory


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
    _, values, vectors = torch.linalg.svd(points - points.mean(0))
    assert plane.explained == pytest.approx(float((values[:2] ** 2).sum() / (values**2).sum()), abs=1e-5)
    # The same plane, whatever the signs and order of its axes.
    torch.testing.assert_close(plane.axes.T @ plane.axes, vectors[:2].T @ vectors[:2], atol=1e-4, rtol=0)
    torch.testing.assert_close(plane.project(points[:1]), torch.zeros(1, 2), atol=1e-4, rtol=0)


def test_off_plane_distance_and_projection_make_up_the_whole() -> None:
    points = cloud()
    plane = pca_plane(points, points[0])
    assert plane is not None
    inside = plane.project(points) + plane.shift
    for point, coordinates in zip(points, inside, strict=True):
        assert plane.off_plane(point) ** 2 + float(coordinates @ coordinates) == pytest.approx(float((point - plane.origin).square().sum()), rel=1e-3)
    corners = torch.tensor([[0.0, 0.0], [1.0, -2.0]])
    torch.testing.assert_close(plane.project(plane.points(corners)), corners, atol=1e-4, rtol=0)
    assert plane.off_plane(plane.points(corners)[1]) < 1e-3


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
    assert random_plane(line[0], 3).explained is None


def test_the_grid_is_the_loss_at_its_points() -> None:
    network, loss = MLP(hidden=(4,)).build((2,), 2), LOSSES["cross-entropy"]
    generator = torch.Generator().manual_seed(0)
    theta, x = network.init(generator), torch.randn(30, 2, generator=generator)
    y = (x[:, 0] > 0).long()
    plane = random_plane(theta, 0)
    grid = loss_grid(network, loss, plane, (-1.0, 3.0), (-2.0, 2.0), 5, x, y)
    for row, b in enumerate(torch.linspace(-2, 2, 5)):
        for column, a in enumerate(torch.linspace(-1, 3, 5)):
            point = plane.points(torch.tensor([[float(a), float(b)]]))
            assert float(grid[row, column]) == pytest.approx(float(loss.values(network.forward(point, x), y)), abs=1e-5)


def test_a_trajectory_thins_evenly_and_keeps_its_start() -> None:
    trajectory = Trajectory(16)
    for i in range(1000):
        trajectory.add(torch.tensor([float(i)]))
    kept = [int(point) for point in trajectory.points]
    assert 8 <= len(kept) <= 16
    assert kept[0] == 0
    gaps = {b - a for a, b in pairwise(kept)}
    assert len(gaps) == 1
