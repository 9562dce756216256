"""Planes through weight space, and the loss on them.

The plane of a race is spanned by the first two principal components of where the estimates have been (Gallagher and Downs 2003; Li et al. 2018, section 7). It is honest about
what it leaves out: the share of the trajectories' variance it explains, and how far each estimate lies off it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine import evaluate
from engine.losses import Loss
from engine.networks.base import Network
from engine.rng import Rng


@dataclass(frozen=True)
class Plane:
    """A plane through weight space.

    Attributes:
        origin: (D,) a point of the plane.
        axes: (2, D) orthonormal directions.
        shift: (2,) subtracted from coordinates, so that the first weights are drawn at (0, 0).
        kind: "pca", "random" (before there is a trajectory) or "exact" (there are only two weights, which are the coordinates).
        explained: the share of the trajectories' variance about their mean that the plane holds, or None.
    """

    origin: Tensor
    axes: Tensor
    shift: Tensor
    kind: str
    explained: float | None

    def project(self, points: Tensor) -> Tensor:
        """Coordinates in the plane: (n, D) → (n, 2)."""
        return (points - self.origin) @ self.axes.T - self.shift

    def off_plane(self, point: Tensor) -> float:
        """Distance of a point (D,) from the plane, in weight units."""
        offset = point - self.origin
        return float(torch.linalg.vector_norm(offset - (offset @ self.axes.T) @ self.axes))

    def points(self, coordinates: Tensor) -> Tensor:
        """Weights at coordinates of the plane: (n, 2) → (n, D)."""
        return self.origin + (coordinates + self.shift) @ self.axes


def exact_plane(theta: Tensor) -> Plane:
    """The plane that two weights are."""
    return Plane(torch.zeros_like(theta), torch.eye(2).to(theta), torch.zeros(2).to(theta), "exact", 1.0)


def random_plane(theta: Tensor, seed: int) -> Plane:
    """A random plane through the first weights, until there is a trajectory to fit."""
    axes = torch.linalg.qr(Rng(seed, "random plane").normal(theta.numel(), 2))[0].T.to(theta)
    return Plane(theta, axes.contiguous(), torch.zeros(2).to(theta), "random", None)


def pca_plane(points: Tensor, theta: Tensor, previous: Plane | None = None) -> Plane | None:
    """The principal plane of points (n, D), with its axes turned as close to the previous plane's as they go.

    Returns:
        None where the points do not span a plane.
    """
    mean = points.mean(0)
    centred = points - mean
    # The n×n Gram matrix has the same spectrum as the D×D covariance and n is small.
    gram = (centred @ centred.T).double()
    values, vectors = torch.linalg.eigh(gram)
    values, vectors = values.flip(0).clamp(min=0), vectors.flip(1)
    if len(values) < 3 or values[1] <= 1e-7 * values[0] or values[0] <= 0:
        return None
    axes = (vectors[:, :2] / values[:2].sqrt()).T.to(points) @ centred
    axes = torch.linalg.qr(axes.T)[0].T
    if previous is not None:
        # Orthogonal Procrustes: the turn (or flip) that leaves the picture as still as it can be (Schönemann 1966).
        u, _, v = torch.linalg.svd(axes @ previous.axes.T)
        axes = (u @ v).T @ axes
    explained = float(values[:2].sum() / values.sum())
    return Plane(mean, axes.contiguous(), (theta - mean) @ axes.T, "pca", explained)


def loss_grid(network: Network, loss: Loss, plane: Plane, x_range: tuple[float, float], y_range: tuple[float, float], n: int, x: Tensor, y: Tensor) -> Tensor:
    """The loss on an n×n grid of the plane (rows are y, row 0 at the low end): a grid of weights is just a population."""
    xs = torch.linspace(*x_range, n, device=x.device)
    ys = torch.linspace(*y_range, n, device=x.device)
    coordinates = torch.cartesian_prod(ys, xs).flip(1)
    step = evaluate.chunk_members(network, len(y), x.device)
    return torch.cat([evaluate.losses(network, loss, plane.points(part), x, y) for part in coordinates.split(step)]).reshape(n, n)
