"""Repair tours after cities were moved, dropped or added."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .instance import Integers, TourInstance
from .kernels.distance import full_matrix

BLOCK = 64
"""Tours that a new city is put into at once; more would not stay in a core's cache."""


class Repairs:
    """Take tours of the cities before an edit to tours of those after it: what stayed keeps its
    order, and each new city, one after the other, goes where it makes the tour longer by the least.
    Of places that cost the same it takes the one after the city of the lowest number.

    Tours that are the same are repaired once.

    Args:
        kept: numbers of the cities that stayed, which are now called 0, 1, …
        before: how many cities there were.
        after: the instance after the edit; new cities have the last numbers.
    """

    def __init__(self, kept: Sequence[int], before: int, after: TourInstance) -> None:
        self.number = np.full(before, -1, np.int32)
        self.number[kept] = np.arange(len(kept), dtype=np.int32)
        self.size, self.old = after.size, len(kept)
        self.apart = (
            full_matrix(after).astype(np.int64) if self.old < self.size else np.empty((0, 0))
        )
        self.found: dict[bytes, Integers] = {}

    def __call__(self, tours: Sequence[Integers]) -> list[Integers]:
        """Return each tour (n,) as one of the cities after the edit."""
        orders = [self.number[tour] for tour in tours]
        orders = [order[order >= 0] for order in orders]
        keys = [order.tobytes() for order in orders]
        new = {key: order for key, order in zip(keys, orders, strict=True) if key not in self.found}
        names, fresh = list(new), list(new.values())
        for start in range(0, len(fresh), BLOCK):
            block = self._inserted(np.stack(fresh[start : start + BLOCK]))
            self.found.update(zip(names[start : start + BLOCK], block, strict=True))
        return [self.found[key].copy() for key in keys]

    def _inserted(self, orders: Integers) -> Integers:
        """Return tours (R, m) of the cities that stayed with the new ones put in, (R, n)."""
        if self.old == self.size:
            return orders
        rows, size, apart, old = np.arange(len(orders)), self.size, self.apart, self.old
        if old == 0:  # the first new city is what the others are put beside
            orders, old = np.zeros((len(orders), 1), np.int32), 1
        # (R, n) the city after every city, and how far it is; as links, no city has to make room
        after = np.zeros((len(orders), size), np.intp)
        after[rows[:, None], orders] = np.roll(orders, -1, 1)
        gaps = np.zeros((len(orders), size), np.int64)
        gaps[:, :old] = apart[np.arange(old), after[:, :old]]
        for city in range(old, size):
            there = apart[city]
            costs = there[after[:, :city]]
            costs += there[:city]
            costs -= gaps[:, :city]
            at = costs.argmin(1)
            beyond = after[rows, at]
            after[rows, at], after[rows, city] = city, beyond
            gaps[rows, at], gaps[rows, city] = there[at], there[beyond]
        return self._walked(after, orders[:, 0])

    @staticmethod
    def _walked(after: NDArray[np.intp], begins: Integers) -> Integers:
        """Return the tours (R, n) of links, each from a city of its own."""
        tours = np.empty(after.shape, np.int32)
        rows, here = np.arange(len(after)), begins.astype(np.intp)
        for k in range(after.shape[1]):
            tours[:, k] = here
            here = after[rows, here]
        return tours
