"""Describe an instance of aircraft landing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .instance import Integers, Known, told
from .known import published_landing

Whole = NDArray[np.int64]


def bytes_of_planes(size: int) -> int:
    """Return the bytes that so many planes take while they are worked on, approximately."""
    return 8 * size**2 + 200 * size


@dataclass(frozen=True, eq=False)
class LandingInstance:
    """A problem of aircraft landing (Beasley et al. 2000,
    https://doi.org/10.1287/trsc.34.2.180.12302): on which runway and when every plane lands, as
    near as possible to its target, each weighted, and far enough from the others.

    Attributes:
        name: short, such as "airland1".
        label: as people read it.
        earliest, target, latest: (n,) times; whole numbers, as all that follow.
        before, after: (n,) what a unit of time before or after the target costs.
        separation: (n, n) least time from the landing of one plane to a later one of another on the
            same runway; the diagonal means nothing.
        runways: how many there are.
        known: the best price that is known, or None.
        answer: a solution of that price, or None.
        unit: of a price times ``scale``.
        scale: what a price of 1 is worth in that unit.
        time_scale: what a time of 1 is worth in the file's unit.
        time_unit: what that unit is, such as "s"; "" where the file does not say.
    """

    name: str
    label: str
    earliest: Whole
    target: Whole
    latest: Whole
    before: Whole
    after: Whole
    separation: Integers
    runways: int = 1
    known: Known | None = None
    answer: Integers | None = None
    unit: str = ""
    scale: float = 1.0
    time_scale: float = 1.0
    time_unit: str = ""
    kind: Literal["landing"] = field(default="landing", init=False)

    things = "planes"
    """What its size counts."""
    editable = False

    @property
    def size(self) -> int:
        """Return the number of planes."""
        return len(self.target)

    def on(self, runways: int) -> LandingInstance:
        """Return the instance with another number of runways."""
        known = published_landing(
            self.name, self.size, runways, int(self.target.sum()), round(1 / self.scale)
        )
        return replace(self, runways=runways, known=known, answer=None)

    def footprint(self) -> int:
        """Return the bytes that it takes while it is worked on, approximately."""
        return bytes_of_planes(self.size)

    def stage(self) -> dict[str, Any]:
        """Return what the page is told of the instance, before the race begins. A solution is one
        row of numbers: the times of all planes, then their runways.
        """
        return {
            "kind": self.kind,
            "name": self.name,
            "label": self.label,
            "size": self.size,
            "runways": self.runways,
            "windows": told(np.stack([self.earliest, self.target, self.latest], 1)),
            "penalties": told(np.stack([self.before, self.after], 1)),
            "separation": self.separation,
            "time_scale": self.time_scale,
            "time_unit": self.time_unit,
            "editable": False,
            "answer": self.answer,
            "unit": self.unit,
            "scale": self.scale,
        }
