"""The part of a landscape that is drawn under a race: first its own rectangle on a fine grid, and a
wider one on a coarse grid when a lane leaves it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..landscapes.benchmark_functions import Extent, Landscape
from ..messages.encoding import Message

SIDE, WIDE_SIDE = 181, 81
WIDER = (1.0, 1.5, 2.25, 3.0)
"""Factors by which the view can grow; points beyond the largest are not visible."""
MIDDLE = 0.1
"""Fraction of a cloud at either end that may be outside without making the view wider."""


class Ground:
    """The view of one race's landscape.

    Args:
        landscape: the function.
    """

    def __init__(self, landscape: Landscape) -> None:
        self.landscape, self.step = landscape, 0
        self.wide: Message | None = None

    def stage(self) -> dict[str, Any]:
        """Return what does not change during the race: the function values and the known minima."""
        one = self.landscape
        about = {
            "name": one.name,
            "label": one.label,
            "about": one.about,
            "extent": list(one.extent),
            "minima": [list(point) for point in one.minima],
        }
        return {"landscape": {**about, "lowest": one.lowest, "z": one.grid(SIDE)}}

    def frame(
        self, estimates: list[Tensor], clouds: list[Tensor]
    ) -> tuple[list[float], Message | None]:
        """Return the view that contains all estimates (1, 2) and the central part of every cloud
        (n, 2): [x from, x to, y from, y to], and its function values if they are not those of the
        stage.

        The view only ever grows, and in few steps.
        """
        points = [
            *estimates,
            *(
                cloud.quantile(torch.tensor([MIDDLE, 1 - MIDDLE]).to(cloud), dim=0)
                for cloud in clouds
                if len(cloud)
            ),
        ]
        seen = torch.cat(points).cpu()
        seen = seen[torch.isfinite(seen).all(1)]
        before = self.step
        while self.step < len(WIDER) - 1 and not self._holds(seen):
            self.step += 1
        x0, x1, y0, y1 = self._view()
        if self.step != before:
            heights = self.landscape.grid(WIDE_SIDE, (x0, x1, y0, y1))
            self.wide = {
                "id": self.step,
                "x": [x0, x1],
                "y": [y0, y1],
                "z": heights,
                "samples": None,
            }
        return [x0, x1, y0, y1], self.wide

    def _view(self) -> Extent:
        x0, x1, y0, y1 = self.landscape.extent
        more_x, more_y = ((WIDER[self.step] - 1) * size / 2 for size in (x1 - x0, y1 - y0))
        return x0 - more_x, x1 + more_x, y0 - more_y, y1 + more_y

    def _holds(self, points: Tensor) -> bool:
        x0, x1, y0, y1 = self._view()
        x, y = points[:, 0], points[:, 1]
        return bool(((x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)).all())
