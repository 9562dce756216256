"""Describe an instance of set partitioning: crew pairing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .instance import Integers, Known, told

Whole = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PairingInstance:
    """A set partitioning problem: the cheapest columns that cover every row exactly once.

    In crew pairing a row is a leg, a flight that one crew must be on, and a column is a pairing:
    legs that one crew may fly one after another.

    Attributes:
        name: short, such as "sppnw41".
        label: as people read it.
        rows: how many rows there are.
        starts, entries: the rows of column c are ``entries[starts[c]:starts[c + 1]]``, from 0.
        costs: of every column, whole numbers of at least 0.
        places: names of places that legs begin and end at, or None where nothing is known of legs.
        leg_start, leg_end: (rows,) minutes after midnight, or None.
        leg_from, leg_to: (rows,) numbers of places, or None.
        known: the best price that is known, or None.
        answer: the columns of that price, or None.
        unit: of a cost times ``scale``, such as "h"; "" without one.
        scale: what a cost of 1 is worth in that unit.
    """

    name: str
    label: str
    rows: int
    starts: Integers
    entries: Integers
    costs: Whole
    places: tuple[str, ...] | None = None
    leg_start: Integers | None = None
    leg_end: Integers | None = None
    leg_from: Integers | None = None
    leg_to: Integers | None = None
    known: Known | None = None
    answer: Integers | None = None
    unit: str = ""
    scale: float = 1.0
    kind: Literal["pairing"] = field(default="pairing", init=False)

    things = "rows"
    """What its size counts."""
    editable = False

    @property
    def size(self) -> int:
        """Return the number of rows."""
        return self.rows

    @property
    def columns(self) -> int:
        """Return the number of columns."""
        return len(self.costs)

    def rows_of(self, column: int) -> Integers:
        """Return the rows of a column."""
        return self.entries[self.starts[column] : self.starts[column + 1]]

    def footprint(self) -> int:
        """Return the bytes that it takes while it is worked on, approximately."""
        return 12 * len(self.entries) + 24 * self.columns + 40 * self.rows

    def stage(self) -> dict[str, Any]:
        """Return what the page is told of the instance, before the race begins."""
        legs = None
        if self.places is not None:
            legs = {
                "start": self.leg_start,
                "end": self.leg_end,
                "from": self.leg_from,
                "to": self.leg_to,
            }
        return {
            "kind": self.kind,
            "name": self.name,
            "label": self.label,
            "size": self.rows,
            "rows": self.rows,
            "columns": {"starts": self.starts, "rows": self.entries, "costs": told(self.costs)},
            "places": None if self.places is None else list(self.places),
            "legs": legs,
            "editable": False,
            "answer": self.answer,
            "unit": self.unit,
            "scale": self.scale,
        }
