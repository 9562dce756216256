"""The predictions of a network as they are drawn: a decision map, a fitted curve, or labels on a
grid of samples; and the data drawn beside them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .. import evaluation
from ..datasets.base import Dataset
from ..messages.encoding import Message
from ..networks.base import Network
from ..random.rng import Rng

MAP_SIDE = 40
MAP_ODDS = 8.0
"""Log-odds at which the colours of a map saturate."""
WALL_SIZE = 40
CURVE_POINTS = 160
MEMBER_SIDE, MEMBER_POINTS = 16, 40
"""Side of the map, and number of points of the curve, for one particle of a population."""
MOST_POINTS = 5000
"""Largest number of training points that are drawn."""
AXES_SAMPLES = 2000
"""Largest number of training samples used to find the axes of a drawing."""
MARGIN = 1.12
"""Width of the drawn square relative to the data."""


def odds_map(outputs: Tensor) -> Tensor:
    """Encode outputs of two classes (…, 2) as bytes (…): the log-odds of class 1 from −`MAP_ODDS`
    (0) to `MAP_ODDS` (255).

    Log-odds and not probabilities, because log-odds vary slowly: the browser can interpolate a
    smooth boundary between the points of a coarse grid.
    """
    odds = (outputs[..., 1] - outputs[..., 0]).nan_to_num(0.0).clamp(-MAP_ODDS, MAP_ODDS)
    return ((odds / MAP_ODDS + 1) * 127.5).round().to(torch.uint8)


def areas(outputs: Tensor) -> Tensor:
    """Encode outputs of several classes (…, n, K) as bytes (…, 2, n): the class and its probability
    (0 to 255).
    """
    sure, predicted = outputs.nan_to_num(0.0).softmax(-1).max(-1)
    return torch.stack([predicted.to(torch.uint8), (sure * 255).round().to(torch.uint8)], -2)


class Predictions:
    """Compute the predictions of the networks of a race, for drawing.

    Args:
        network: the network of every lane.
        data: on the device used.
    """

    def __init__(self, network: Network, data: Dataset) -> None:
        self.network, self.data = network, data
        self.wall = Rng(0, "wall").permutation(len(data.y_test))[:WALL_SIZE].to(data.y_test.device)
        self.spots: Tensor | None = None
        """Inputs (G·G or G, *shape) of the map or curve."""
        self.coarse: Tensor | None = None
        """Fewer inputs, for the many members of a population; both reach from edge to edge."""
        self.extent: tuple[float, float, float, float] | None = None
        if data.kind in ("points", "table"):
            self._lay_plane()
        elif data.kind == "curve":
            self._lay_line()

    def _lay_line(self) -> None:
        """Choose the line along which a curve is drawn: the only input, or the direction of largest
        variance of several.
        """
        x = self.data.x_train
        self.centre, self.axes = torch.zeros_like(x[0]), torch.ones(1, 1).to(x)
        if x.shape[1] > 1:
            self.centre, self.axes = x.mean(0), self._principal(1)
        along = self._drawn(x)[:, 0]
        ends = float(along.min()), float(along.max())
        self.at, coarse = (torch.linspace(*ends, n).to(x) for n in (CURVE_POINTS, MEMBER_POINTS))
        self.spots, self.coarse = (
            self.centre + at.unsqueeze(1) @ self.axes for at in (self.at, coarse)
        )

    def _principal(self, count: int) -> Tensor:
        """Return the first principal components of the training inputs: (count, F)."""
        x = self.data.x_train[:AXES_SAMPLES]
        axes = torch.linalg.svd((x - x.mean(0)).cpu().double(), full_matrices=False)[2][:count]
        # The sign of a component is arbitrary: fix it.
        return torch.where(axes.sum(1, keepdim=True) < 0, -axes, axes).to(x)

    def _lay_plane(self) -> None:
        """Choose the plane in which the data are drawn: their own, or that of the first two
        principal components.
        """
        x = self.data.x_train
        self.centre, self.axes = torch.zeros_like(x[0]), torch.eye(2, x.shape[1]).to(x)
        if x.shape[1] > 2:
            self.centre, self.axes = x.mean(0), self._principal(2)
        points = torch.cat([self._drawn(x), self._drawn(self.data.x_test)])
        low, high = points.min(0).values, points.max(0).values
        centre, half = (low + high) / 2, float((high - low).max()) / 2 * MARGIN
        x0, y0 = (centre - half).tolist()
        self.extent = (x0, x0 + 2 * half, y0, y0 + 2 * half)
        self.spots, self.coarse = self._grid(MAP_SIDE), self._grid(MEMBER_SIDE)

    def _grid(self, side: int) -> Tensor:
        """Return inputs (side², F) on an even grid of the drawn square, row 0 at the low end."""
        assert self.extent is not None
        x0, x1, y0, y1 = self.extent
        places = torch.cartesian_prod(
            torch.linspace(y0, y1, side), torch.linspace(x0, x1, side)
        ).flip(1)
        return self.centre + places.to(self.data.x_train) @ self.axes

    def _drawn(self, x: Tensor) -> Tensor:
        """Return the coordinates of samples (N, F) in the plane: (N, 2)."""
        return (x - self.centre) @ self.axes.T

    def stage(self) -> dict[str, Any]:
        """Return the data as they are drawn, which do not change during a race."""
        data = self.data
        if data.kind in ("points", "table"):
            return {
                "points": {
                    "x": self._drawn(data.x_train[:MOST_POINTS]),
                    "y": data.y_train[:MOST_POINTS].to(torch.uint8),
                    "extent": list(self.extent or ()),
                }
            }
        if data.kind == "curve":
            x, y = data.x_train[:MOST_POINTS], data.y_train[:MOST_POINTS]
            return {"curve": {"x": self._drawn(x)[:, 0], "y": y, "at": self.at}}
        if data.kind == "text":
            return {
                "text": {
                    "pieces": data.x_test[self.wall].to(torch.uint8),
                    "next": data.y_test[self.wall].to(torch.uint8),
                }
            }
        if data.kind == "images":
            images = (data.x_test[self.wall].mean(1) * 255).round().to(torch.uint8)
            return {"wall": {"images": images, "labels": data.y_test[self.wall].to(torch.uint8)}}
        return {}

    def of(self, population: Tensor, known: Tensor | None = None) -> list[Message]:
        """Return the predictions of every network (P, D): ``map`` (two classes), ``areas`` (more
        classes), ``curve`` or ``wall`` (a grid of samples).

        Args:
            population: the networks.
            known: their outputs at ``spots`` (P, n, K), if already computed.
        """
        found: dict[str, Tensor | list[Message]] = {}
        if self.data.kind == "curve":
            found["curve"] = self._outputs(population, self.spots, known)[..., 0]
        elif self.data.kind in ("points", "table"):
            outputs = self._outputs(population, self.spots, known)
            if outputs.shape[2] == 2:
                found["map"] = odds_map(outputs).unflatten(1, (MAP_SIDE, MAP_SIDE))
            else:
                found["areas"] = areas(outputs).unflatten(2, (MAP_SIDE, MAP_SIDE))
        elif self.data.kind in ("images", "text"):
            outputs = self._outputs(population, self.data.x_test[self.wall]).softmax(-1)
            confidence, predicted = outputs.max(-1)
            walls = zip(predicted.to(torch.uint8), confidence.nan_to_num(0.0), strict=True)
            found["wall"] = [{"predicted": classes, "confidence": sure} for classes, sure in walls]
        names = ("map", "areas", "curve", "wall")
        return [
            {name: found[name][i] if name in found else None for name in names}
            for i in range(len(population))
        ]

    def _outputs(self, population: Tensor, x: Tensor | None, known: Tensor | None = None) -> Tensor:
        assert x is not None
        return evaluation.outputs(self.network, population, x) if known is None else known
