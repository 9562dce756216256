"""Planes through weight space, and the loss on them.

There are three planes: the one spanned by the first two principal components of the estimates so
far (Gallagher and Downs 2003; Li et al. 2018, section 7), one of random directions scaled to the
network (Li et al. 2018, section 4), and one through the initial weights and the best ones. In all
of them a unit is a unit of weight space, so distances in one picture can be compared with those in
another, and the initial weights are drawn at (0, 0).

Li, Xu, Taylor, Studer and Goldstein 2018: https://arxiv.org/abs/1712.09913.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .. import evaluation
from ..losses import Loss
from ..networks.base import Layer, Network
from ..populations import chunks
from ..random.rng import Rng


@dataclass(frozen=True)
class Plane:
    """A plane through weight space.

    Attributes:
        origin: (D,) a point of the plane.
        axes: (2, D) orthonormal directions.
        shift: (2,) subtracted from coordinates, so that the initial weights are drawn at (0, 0).
        kind: "pca", "random", "line" or "exact" (there are only two weights, which are the
            coordinates).
        reach: the distance from its origin that is always shown, in weight units.
    """

    origin: Tensor
    axes: Tensor
    shift: Tensor
    kind: str
    reach: float = 0.0

    def project(self, points: Tensor) -> Tensor:
        """Return coordinates in the plane: (n, D) → (n, 2)."""
        return (points - self.origin) @ self.axes.T - self.shift

    def off_plane(self, points: Tensor) -> Tensor:
        """Return the distances of points from the plane, in weight units: (n, D) → (n,)."""
        offsets = points - self.origin
        return torch.linalg.vector_norm(offsets - (offsets @ self.axes.T) @ self.axes, dim=1)

    def points(self, coordinates: Tensor) -> Tensor:
        """Return the weights at coordinates of the plane: (n, 2) → (n, D)."""
        return self.origin + (coordinates + self.shift) @ self.axes


def exact_plane(theta: Tensor) -> Plane:
    """Return the plane of a network with only two weights."""
    return Plane(torch.zeros_like(theta), torch.eye(2).to(theta), torch.zeros(2).to(theta), "exact")


def filter_normalised(direction: Tensor, weights: Tensor, layers: Sequence[Layer]) -> Tensor:
    """Return a direction (D,) in which the part of every neuron (or filter) has the norm of that
    neuron's weights.

    An unscaled random direction means little: where weights are large a unit step is small, and
    rescaling the neurons gives the same function but another landscape (Li et al. 2018, section 4).
    Parts with one number for each neuron, the biases, are 0, as in the authors' code by default.
    """
    scaled = torch.zeros_like(direction)
    for layer in layers:
        if len(layer.shape) > 1:
            own, given = (
                vector[layer.start : layer.stop].reshape(layer.shape[0], -1)
                for vector in (weights, direction)
            )
            length = torch.linalg.vector_norm(own, dim=1, keepdim=True) / torch.linalg.vector_norm(
                given, dim=1, keepdim=True
            ).clamp(min=1e-10)
            scaled[layer.start : layer.stop] = (given * length).flatten()
    return scaled


def random_plane(layers: Sequence[Layer], centre: Tensor, theta: Tensor, seed: int) -> Plane:
    """Return the plane of two random filter-normalised directions through a centre (D,).

    The directions are those of Li et al. (2018); the axes are an orthonormal basis of the same
    plane, the first along the first direction. A direction has the norm of the centre's weights
    without biases, and the plane is shown that far: from −1 to 1 in the authors' units.
    """
    drawn = Rng(seed, "random plane").normal(2, centre.numel()).to(centre)
    directions = torch.stack([filter_normalised(direction, centre, layers) for direction in drawn])
    axes, lengths = torch.linalg.qr(directions.T)
    axes = axes.T * torch.where(lengths.diagonal() < 0, -1.0, 1.0).to(centre).unsqueeze(1)
    return Plane(
        centre,
        axes.contiguous(),
        (theta - centre) @ axes.T,
        "random",
        float(torch.linalg.vector_norm(directions[0])),
    )


def _principal(centred: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Return the first principal directions of centred points (n, D), almost orthonormal: variances
    (n,), directions (most, D).
    """
    # The n×n Gram matrix has the same spectrum as the D×D covariance and n is small.
    gram = (centred @ centred.T).double()
    # Points so far apart that their squares overflow in single precision.
    if not bool(torch.isfinite(gram).all()):
        gram = centred.double() @ centred.double().T
    values, vectors = torch.linalg.eigh(gram)
    values, vectors = values.flip(0).clamp(min=0), vectors.flip(1)
    return values, (vectors[:, :most] / values[:most].clamp(min=1e-300).sqrt()).T.to(
        centred
    ) @ centred


def pca_plane(points: Tensor, theta: Tensor, previous: Plane | None = None) -> Plane | None:
    """Return the principal plane of points (n, D), with its axes rotated as close as possible to
    those of the previous plane.

    Returns:
        None if the points do not span a plane.
    """
    mean = points.mean(0)
    values, axes = _principal(points - mean, 2)
    if len(values) < 3 or values[1] <= 1e-7 * values[0] or values[0] <= 0:
        return None
    axes = torch.linalg.qr(axes.T)[0].T
    if previous is not None:
        # Orthogonal Procrustes: the rotation (or reflection) that moves the picture least
        # (Schönemann 1966).
        u, _, v = torch.linalg.svd(axes @ previous.axes.T)
        axes = (u @ v).T @ axes
    return Plane(mean, axes.contiguous(), (theta - mean) @ axes.T, "pca")


def line_plane(
    points: Tensor, theta: Tensor, best: Tensor, previous: Plane | None = None
) -> Plane | None:
    """Return the plane whose x axis runs from the initial weights to the best ones (D,), and whose
    y axis is the principal direction of the points (n, D) after projecting out x.

    The y axis points to the same side as the previous plane's.

    Returns:
        None if the best weights are still the initial ones, or all points are on the line.
    """
    length = torch.linalg.vector_norm(best - theta)
    if not bool(length > 0):
        return None
    x = (best - theta) / length
    centred = points - points.mean(0)
    rest = centred - (centred @ x).outer(x)
    values, directions = _principal(rest, 1)
    if values[0] <= 1e-7 * centred.square().sum():
        return None
    axes = torch.linalg.qr(torch.stack([x, directions[0]]).T)[0].T
    side = axes[1] @ (previous.axes[1] if previous is not None else directions[0])
    axes = torch.stack([x, axes[1] if side >= 0 else -axes[1]])
    return Plane(theta, axes, torch.zeros(2).to(theta), "line")


def loss_grid(
    network: Network,
    loss: Loss,
    plane: Plane,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    n: int,
    x: Tensor,
    y: Tensor,
) -> Tensor:
    """Return the loss on an n×n grid of the plane (rows are y, row 0 at the low end). The grid is
    evaluated like any population.
    """
    xs = torch.linspace(*x_range, n, device=x.device)
    ys = torch.linspace(*y_range, n, device=x.device)
    coordinates = torch.cartesian_prod(ys, xs).flip(1)
    step = chunks.chunk_members(network, len(y), x.device)
    return torch.cat(
        [
            evaluation.losses(network, loss, plane.points(part), x, y)
            for part in coordinates.split(step)
        ]
    ).reshape(n, n)
