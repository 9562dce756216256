"""Prepare an instance of aircraft landing for the methods: what lateness costs, first orders,
times.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import kernels
from .instance import Integers
from .kernels.counters import ACCEPTED, CURRENT
from .kernels.timing import KEPT
from .landing_instance import LandingInstance
from .meter import Meter
from .problem import NOTHING

KICKED = 8
"""Planes in a row that a kick puts in a random order."""


class LandingProblem:
    """An instance as the methods see it. A solution is the order of the planes on every runway: one
    row of numbers, the planes of the first runway in the order of their landings, then those of the
    next, then how many each has. Times follow from it; outside, it is the times of all planes, then
    their runways.

    Args:
        instance: the instance.

    Attributes:
        cooling, ladder: see `problem.Problem`.
        triangle: whether separations obey the triangle inequality, so that neighbours that are far
            enough apart are enough.
        planes, law: as `kernels.timing` takes them.
        spacing: what a landing costs that is one usual separation off its target.
    """

    cooling = (1.0, 0.02)
    ladder = (0.5, 0.02)

    def __init__(self, instance: LandingInstance) -> None:
        kernels.compile_all()
        self.instance = instance
        self.size = instance.size
        self.runways = instance.runways
        self.separation = np.ascontiguousarray(instance.separation, np.int32).copy()
        np.fill_diagonal(self.separation, 0)
        self.planes = np.ascontiguousarray(
            np.stack(
                [
                    instance.earliest,
                    instance.target,
                    instance.latest,
                    instance.before,
                    instance.after,
                ],
                1,
            ),
            np.int64,
        )
        self.triangle = obeys_triangle(self.separation)
        dearest = int(self.planes[:, 3:].max(initial=1))
        widest = int(self.separation.max(initial=0))
        # a plane in time may put all others off their targets, and must be worth it
        late = max(4, self.size) * max(1, dearest)
        self.law = np.array([late, self.triangle, widest], np.int64)
        apart = self.separation[~np.eye(self.size, dtype=np.bool_)]
        usual = float(np.median(apart)) if apart.size else 0.0
        self.spacing = max(1.0, usual) * max(1.0, float(np.median(self.planes[:, 3:])))

    @property
    def unit(self) -> float:
        """Return the unit of temperatures."""
        return self.spacing

    def first(self, start: str, seed: int) -> tuple[Integers, int]:
        """Return the planes by their targets, on the runways in turn, or in a random order."""
        if start == "random":
            order = np.random.default_rng(seed).permutation(self.size)
        else:
            order = np.lexsort((np.arange(self.size), self.instance.target))
        mine = [order[runway :: self.runways] for runway in range(self.runways)]
        return self._joined(mine), self.size

    def _joined(self, runways: list[NDArray[np.int64]]) -> Integers:
        return np.concatenate([*runways, [len(one) for one in runways]]).astype(np.int32)

    def price(self, solution: Integers) -> int:
        """Return the energy of a solution: its price, and what lateness costs."""
        return int(LandingChain(self, solution).numbers[CURRENT])

    def chain(self, solution: Integers, neighbours: int, meter: Meter) -> LandingChain:
        """Return a chain that begins at a solution."""
        meter.read(self.size)
        return LandingChain(self, solution)

    def outward(self, solution: Integers) -> Integers:
        """Return the times of all planes, then their runways."""
        timed = LandingChain(self, solution)
        found = np.empty(2 * self.size, np.int32)
        for runway, count in enumerate(timed.sizes.tolist()):
            mine = timed.order[runway, :count]
            found[mine] = timed.times[runway, :count]
            found[self.size + mine] = runway
        return found

    def inward(self, solution: Integers) -> Integers:
        """Return the order of landings of such times."""
        times, runways = solution[: self.size], solution[self.size :]
        order = self._in_turn(times)
        return self._joined([order[runways[order] == one] for one in range(self.runways)])

    def _in_turn(self, times: Integers) -> NDArray[np.int64]:
        """Return the planes by their times; of those that land at one time, each before the others
        that need not keep away from it.
        """
        order = np.lexsort((np.arange(self.size), times)).tolist()
        found: list[int] = []
        while order:
            together = [plane for plane in order if times[plane] == times[order[0]]]
            first = next(
                (plane for plane in together if not self.separation[plane, together].any()),
                order[0],
            )
            order.remove(first)
            found.append(first)
        return np.array(found, np.int64)


class LandingChain:
    """An order of landings that is changed by moving planes; see `problem.Chain`.

    Args:
        problem: the instance.
        solution: that it begins at.
    """

    def __init__(self, problem: LandingProblem, solution: Integers) -> None:
        self.problem = problem
        n, runways = problem.size, problem.runways
        self.best = solution.astype(np.int32)
        self.order = np.zeros((runways, n), np.int32)
        self.sizes = np.zeros(runways, np.int64)
        self._offsets = np.zeros((runways, n), np.int64)
        self._heads = np.full((runways, n + 1, 4), -1, np.int64)
        self._heads[:, 0] = 0, 0, -NOTHING, 0
        self._places = np.zeros((runways, n + 1, KEPT), np.int64)
        self._weights = np.zeros((runways, n + 1, KEPT), np.int64)
        self._ends = np.zeros((runways, n + 1, 2), np.int64)
        self.times = np.zeros((runways, n), np.int64)
        self.prices = np.zeros((runways, 2), np.int64)
        self._at, self._weight = np.zeros(2 * n + 4, np.int64), np.zeros(2 * n + 4, np.int64)
        pairs = 1 if problem.triangle else n * (n - 1) // 2 + 1
        self._nodes, self._arcs = np.zeros((n, 8), np.int64), np.zeros((pairs, 5), np.int64)
        self.numbers = np.zeros(ACCEPTED + 1, np.int64)
        self._put(solution)
        lowest = NOTHING if self.violation else int(self.numbers[CURRENT])
        self.numbers[:] = self.numbers[CURRENT], lowest, 0, 0, 0

    def _put(self, solution: Integers) -> None:
        """Take a solution, and time it."""
        timing: Any = kernels.timing
        n, runways = self.problem.size, self.problem.runways
        self.sizes[:] = solution[n:]
        ends = np.cumsum(self.sizes)
        for runway in range(runways):
            mine = solution[ends[runway] - self.sizes[runway] : ends[runway]]
            self.order[runway, : len(mine)] = mine
            timing.settle(runway, 0, *self._arrays(), self.numbers)
        self.numbers[CURRENT] = self.prices[:, 0].sum()

    def _arrays(self) -> tuple[Any, ...]:
        problem = self.problem
        return (
            problem.planes,
            problem.separation,
            problem.law,
            self.order,
            self.sizes,
            self._offsets,
            self._heads,
            self._places,
            self._weights,
            self._ends,
            self.times,
            self.prices,
            self._at,
            self._weight,
            self._nodes,
            self._arcs,
        )

    @property
    def present(self) -> Integers:
        """Return the present solution."""
        mine = [self.order[r, :count] for r, count in enumerate(self.sizes.tolist())]
        return np.concatenate([*mine, self.sizes]).astype(np.int32)

    @property
    def violation(self) -> int:
        """Return by how much planes are late, all together."""
        return int(self.prices[:, 1].sum())

    def walk(
        self,
        rule: tuple[float, float],
        count: int,
        sums: NDArray[np.float64],
        state: NDArray[np.uint64],
    ) -> None:
        """Propose ``count`` moves; see `problem.Chain.walk`."""
        timing: Any = kernels.timing
        timing.anneal(*self._arrays(), *rule, count, self.best, self.numbers, sums, state)

    def kick(self, seed: int) -> bool:
        """Put some planes that land after one another in a random order."""
        rng = np.random.default_rng(seed)
        runway = int(self.sizes.argmax())
        count = min(KICKED, int(self.sizes[runway]))
        if count < 2:
            return False
        present = self.present
        start = int(self.sizes[:runway].sum() + rng.integers(self.sizes[runway] - count + 1))
        present[start : start + count] = rng.permutation(present[start : start + count])
        self._put(present)
        return True


def obeys_triangle(separation: Integers) -> bool:
    """Return whether no separation is larger than two others one after the other."""
    n = len(separation)
    apart = separation.astype(np.int64)
    for middle in range(n):
        rest = np.delete(np.arange(n), middle)
        way = apart[rest, middle][:, None] + apart[middle, rest]
        # the diagonal means nothing: a plane lands once
        broken = apart[np.ix_(rest, rest)] > way
        np.fill_diagonal(broken, False)
        if broken.any():
            return False
    return True
