"""The view of a race in weight space: the plane on which everything is drawn, its visible window,
and the landscape there.

The picture should move little and show what it leaves out: the plane is fitted less and less often,
the window stays while everything fits in it, and every plane is sent with the share of the
trajectories' variance that it holds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .. import evaluation
from ..errors import BadInput
from ..losses import Loss
from ..messages.encoding import Message
from ..networks import PointNetwork
from ..networks.base import Network
from .landscape_view import Ground
from .planes import (
    Plane,
    exact_plane,
    line_plane,
    loss_grid,
    pca_plane,
    random_plane,
)

KINDS = ("pca", "random", "line")
PATH_FLOATS = 8 * 2**20
FIT_POINTS = 32
GRID_FLOPS = 4e8
GRID_SAMPLES = 128
"""The landscape is the loss on at most this many samples; every picture gives the number."""
WINDOW_MARGIN = 0.18
KEPT = ("wanted", "plane_id", "landscape_id", "pictures", "next_fit", "window", "landscape")
"""Fields that a viewpoint keeps between pictures, besides its plane and its trajectories."""


class Trajectory:
    """The path of one lane's estimate: at most ``most`` snapshots, thinned evenly when full.

    Args:
        most: how many snapshots to keep.
        about: (D,) the point about which the variance is accumulated: the initial weights.
    """

    def __init__(self, most: int, about: Tensor) -> None:
        self.most, self.about, self.every, self.seen, self.kept = most, about, 1, 0, 0
        self.rows = about.new_empty(most, about.numel())
        self.squares: list[float] = []
        self.total = torch.zeros_like(about, dtype=torch.float64)

    @property
    def points(self) -> Tensor:
        """Return the snapshots, oldest first: (n, D)."""
        return self.rows[: self.kept]

    def add(self, theta: Tensor) -> None:
        """Add the estimate (D,). Weights that are NaN or infinite are ignored."""
        self.seen += 1
        if (self.seen - 1) % self.every:
            return
        offset = (theta - self.about).double()
        square = float(offset @ offset)
        if not math.isfinite(square):
            return
        self.rows[self.kept] = theta
        self.kept += 1
        self.squares.append(square)
        self.total += offset
        if self.kept >= self.most:
            half = self.points[::2].clone()
            self.kept, self.every, self.squares = len(half), 2 * self.every, self.squares[::2]
            self.rows[: self.kept] = half
            self.total = (half.double() - self.about).sum(0)

    def keep(self) -> dict[str, Any]:
        """Return the state for `restore`."""
        return {
            "every": self.every,
            "seen": self.seen,
            "squares": list(self.squares),
            "total": self.total.clone(),
            "points": self.points.clone(),
        }

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Restore the state that `keep` returned, for the same race."""
        self.every, self.seen, self.kept = kept["every"], kept["seen"], len(kept["points"])
        self.squares, self.total = list(kept["squares"]), kept["total"].clone()
        self.rows[: self.kept] = kept["points"]

    def spread_out(self, n: int) -> Tensor:
        """Return about n snapshots, evenly spaced, with the last: (about n, D)."""
        stride = max(1, -(-self.kept // n))
        return self.points[(self.kept - 1) % stride :: stride] if self.kept else self.points


def explained(trajectories: Sequence[Trajectory], drawn: Sequence[Tensor]) -> float | None:
    """Return the share of the variance of all snapshots about their mean that their coordinates in
    a plane, (n, 2) of each trajectory, hold; None if nothing has moved.
    """
    count = sum(trajectory.kept for trajectory in trajectories)
    if count < 2:
        return None
    total = sum((trajectory.total for trajectory in trajectories[1:]), trajectories[0].total)
    spread = (
        sum(sum(trajectory.squares) for trajectory in trajectories) - float(total @ total) / count
    )
    inside = float(torch.cat(list(drawn)).var(0, correction=0).sum()) * count
    return min(1.0, inside / spread) if spread > 0 else None


def _bounds(points: Tensor) -> tuple[list[float], list[float]]:
    """Return the corners of the bounding box of points (n, 2), ignoring those that are
    not finite.
    """
    low, high = torch.stack(torch.aminmax(points, dim=0)).tolist()
    if not all(map(math.isfinite, (*low, *high))):
        points = points[torch.isfinite(points).all(1)]
        low, high = torch.stack(
            torch.aminmax(points if len(points) else points.new_zeros(1, 2), dim=0)
        ).tolist()
    return low, high


class Viewpoint:
    """The plane, the window and the landscape of one race.

    Args:
        network: of every lane.
        loss: drawn as the landscape.
        theta: (D,) the initial weights.
        seed: of the random plane.
        lanes: how many.
    """

    def __init__(self, network: Network, loss: Loss, theta: Tensor, seed: int, lanes: int) -> None:
        self.network, self.loss, self.theta, self.seed = network, loss, theta, seed
        most = int(min(128, max(16, PATH_FLOATS // theta.numel())))
        self.trajectories = [Trajectory(most, theta) for _ in range(lanes)]
        self.ground = Ground(network.landscape) if isinstance(network, PointNetwork) else None
        self.plane: Plane = (
            exact_plane(theta) if self.ground else random_plane(network.layers, theta, theta, seed)
        )
        self.wanted = "pca"
        self.plane_id, self.landscape_id, self.pictures, self.next_fit = 0, 0, 0, 2
        self.window: list[float] | None = None
        self.landscape: Message | None = None

    def watch(self, x: Tensor, y: Tensor, order: Tensor) -> None:
        """Use the loss on these samples, the first `GRID_SAMPLES` in that order, as the landscape
        from the next picture on.
        """
        chosen = order[:GRID_SAMPLES]
        self.samples = (x[chosen], y[chosen])
        self.side = int(
            min(23, max(7, (GRID_FLOPS / (len(self.samples[1]) * self.network.flops)) ** 0.5))
        )
        self.window = None

    def keep(self) -> dict[str, Any]:
        """Return the state for `restore`: tensors, numbers and texts in dicts and lists."""
        kept = {name: getattr(self, name) for name in KEPT}
        ground = self.ground and {"step": self.ground.step, "wide": self.ground.wide}
        return {
            **kept,
            "plane": vars(self.plane),
            "ground": ground,
            "trajectories": [one.keep() for one in self.trajectories],
        }

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Restore that state, so that the next picture is the one after all earlier ones."""
        for name in KEPT:
            setattr(self, name, kept[name])
        self.plane = Plane(**kept["plane"])
        if self.ground:
            self.ground.step, self.ground.wide = kept["ground"]["step"], kept["ground"]["wide"]
        for trajectory, one in zip(self.trajectories, kept["trajectories"], strict=True):
            trajectory.restore(one)

    def choose(self, kind: str) -> None:
        """Choose the plane from the next picture on.

        Args:
            kind: "pca", the principal plane of the trajectories; "random", two random
                filter-normalised directions about the lowest estimate; or "line", from the initial
                weights to the lowest estimate. Until the weights have moved, "pca" and "line" keep
                the earlier plane.

        Raises:
            BadInput: there is no such plane, or the race is on a landscape, which has only one.
        """
        if self.ground and kind != "exact":
            raise BadInput("plane", kind, "exact: a landscape has two weights, which are its plane")
        if not self.ground:
            if kind not in KINDS:
                raise BadInput("plane", kind, f"one of {', '.join(KINDS)}")
            self.wanted, self.next_fit = kind, 0

    def note(self, estimates: Sequence[Tensor], going: Sequence[bool]) -> None:
        """Add estimates to the trajectories of the lanes that are going; see `look`."""
        for trajectory, estimate, goes in zip(self.trajectories, estimates, going, strict=True):
            if goes:
                trajectory.add(estimate)

    def look(
        self, estimates: Sequence[Tensor], going: Sequence[bool], clouds: Sequence[Tensor | None]
    ) -> tuple[list[Message], Message]:
        """Return the positions of all lanes in the plane.

        Args:
            estimates: (D,) of every lane.
            going: whether to add a lane's estimate to its trajectory.
            clouds: (m, D) particles of every lane, or None.

        Returns:
            ``path`` (n, 2), which ends at the ``estimate``, distance ``off_plane`` and ``cloud``
                (m, 2) or None of every lane; and the plane, as a message.
        """
        self.note(estimates, going)
        self.pictures += 1
        if self.pictures >= self.next_fit and not self.ground:
            # The plane is fitted less and less often: often while it still changes, rarely once
            # people know their way around it.
            self.next_fit = max(self.pictures + 1, int(self.pictures * 1.5))
            self._fit(estimates)
        tracks = [self.plane.project(trajectory.points) for trajectory in self.trajectories]
        now = torch.stack(list(estimates))
        ends, off = self.plane.project(now), self.plane.off_plane(now)
        paths = [
            torch.cat([track, end.unsqueeze(0)]) for track, end in zip(tracks, ends, strict=True)
        ]
        drawn = [None if cloud is None else self.plane.project(cloud) for cloud in clouds]
        seen = [cloud for cloud in drawn if cloud is not None]
        if self.ground:
            self.window, self.landscape = self.ground.frame(list(ends.split(1)), seen)
            held: float | None = 1.0
        else:
            self._frame_window([*paths, *seen])
            held = explained(self.trajectories, tracks)
        assert self.window is not None
        lanes = [
            {"path": path, "estimate": end, "off_plane": distance, "cloud": cloud}
            for path, end, distance, cloud in zip(
                paths, ends.tolist(), off.tolist(), drawn, strict=True
            )
        ]
        return lanes, {
            "id": self.plane_id,
            "kind": self.plane.kind,
            "explained": held,
            "x": self.window[:2],
            "y": self.window[2:],
        }

    def still(self, estimates: Sequence[Tensor]) -> tuple[list[Message], Message]:
        """Return the same as `look` with the earlier plane and window, and only the estimates. Used
        if a new plane or a landscape could not be computed.
        """
        now = torch.stack(list(estimates))
        ends, off = self.plane.project(now), self.plane.off_plane(now)
        if self.window is None:
            (x0, y0), (x1, y1) = _bounds(ends)
            self.window = [x0 - 1, x1 + 1, y0 - 1, y1 + 1]
        lanes = [
            {"path": end.unsqueeze(0), "estimate": place, "off_plane": distance, "cloud": None}
            for end, place, distance in zip(ends, ends.tolist(), off.tolist(), strict=True)
        ]
        return lanes, {
            "id": self.plane_id,
            "kind": self.plane.kind,
            "explained": None,
            "x": self.window[:2],
            "y": self.window[2:],
        }

    def _fit(self, estimates: Sequence[Tensor]) -> None:
        previous = self.plane if self.plane.kind == self.wanted else None
        points = torch.cat([trajectory.spread_out(FIT_POINTS) for trajectory in self.trajectories])
        plane: Plane | None
        if self.wanted == "pca":
            plane = pca_plane(points, self.theta, previous) if len(points) else None
        elif self.wanted == "line":
            plane = (
                line_plane(points, self.theta, self._lowest(estimates), previous)
                if len(points)
                else None
            )
        else:
            plane = random_plane(
                self.network.layers, self._lowest(estimates).clone(), self.theta, self.seed
            )
        if plane is not None:
            self.plane, self.window = plane, None
            self.plane_id += 1

    def _lowest(self, estimates: Sequence[Tensor]) -> Tensor:
        """Return the estimate (D,) with the lowest loss on the landscape's samples; the initial
        weights if none is finite.
        """
        losses = evaluation.losses(
            self.network, self.loss, torch.stack(list(estimates)), *self.samples
        ).nan_to_num(torch.inf, torch.inf, torch.inf)
        best = int(losses.argmin())
        return estimates[best] if bool(losses[best] < torch.inf) else self.theta

    def _frame_window(self, clouds: list[Tensor]) -> None:
        """Keep the window while everything fits in it and fills it; otherwise fit a new one, and
        compute the landscape there.
        """
        if self.plane.reach:
            clouds = [
                *clouds,
                torch.stack(
                    [-self.plane.shift - self.plane.reach, -self.plane.shift + self.plane.reach]
                ),
            ]
        low, high = _bounds(torch.cat(clouds))
        peak_activations = max(b - a for a, b in zip(low, high, strict=True))
        half = [
            max((b - a) / 2, 0.05, 0.2 * peak_activations) for a, b in zip(low, high, strict=True)
        ]
        if self.window is not None:
            x0, x1, y0, y1 = self.window
            fits = low[0] >= x0 and high[0] <= x1 and low[1] >= y0 and high[1] <= y1
            if fits and 2 * half[0] / (x1 - x0) > 0.3:
                return
        (x0, x1), (y0, y1) = x_range, y_range = [
            (
                (a + b) / 2 - reach * (1 + 2 * WINDOW_MARGIN),
                (a + b) / 2 + reach * (1 + 2 * WINDOW_MARGIN),
            )
            for a, b, reach in zip(low, high, half, strict=True)
        ]
        self.window = [x0, x1, y0, y1]
        grid = loss_grid(
            self.network, self.loss, self.plane, x_range, y_range, self.side, *self.samples
        )
        self.landscape_id += 1
        self.landscape = {
            "id": self.landscape_id,
            "x": list(x_range),
            "y": list(y_range),
            "z": grid.cpu(),
            "samples": len(self.samples[1]),
        }
