"""Prepare an instance of set partitioning for the methods: which columns cover a row, what a bare
row costs, first packings.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import kernels
from .instance import Integers
from .kernels.counters import CURRENT, LOWEST
from .kernels.packing import BARE
from .meter import Meter
from .pairing_instance import PairingInstance
from .problem import NOTHING

PENALTY = 2.0
"""What a bare row costs at least, in units of temperature: dearer rows freeze the packing, cheaper
ones are left bare."""
WINDOW = 5_000
"""Proposals between two looks at how many of them met a complete cover; with more rows 20 for
each."""
OFTEN = 0.4
"""Share of proposals that meet a complete cover above which bare rows become cheaper again."""
RAISE, LOWER = 1.2, 0.85
"""Factors on the price of a bare row, as on that of overload in `routes_problem`."""
COLD = 2.5
"""A price of so many temperatures leaves few rows bare by chance."""
ROOF = 1.2
"""The highest price of a bare row, in costs of the dearest column: there nothing moves any more."""
KICKED = 0.3
"""Share of the columns that a kick takes out."""


class PairingProblem:
    """An instance as the methods see it. A solution is a packing: columns none of which share a
    row, as one array, the column that covers each row, or −1; rows that it leaves bare are its
    violation. Outside, it is the numbers of its columns.

    Args:
        instance: the instance.

    Attributes:
        cooling, ladder: see `problem.Problem`; hot, since every move throws something out.
        row_starts, row_columns: the columns of row r are
            ``row_columns[row_starts[r]:row_starts[r + 1]]``.
        spacing: median of the columns' cost per row, the unit of temperatures.
        penalty: what a bare row costs at first, and at least.
        roof: what a bare row costs at most.
    """

    cooling = (2.0, 0.5)
    ladder = (2.0, 0.5)

    def __init__(self, instance: PairingInstance) -> None:
        kernels.compile_all()
        self.instance = instance
        self.size = instance.rows
        sizes = np.diff(instance.starts)
        self.row_starts = np.zeros(self.size + 1, np.int32)
        self.row_starts[1:] = np.cumsum(np.bincount(instance.entries, minlength=self.size))
        columns = np.repeat(np.arange(instance.columns, dtype=np.int32), sizes)
        self.row_columns = columns[np.argsort(instance.entries, kind="stable")]
        some = sizes > 0
        each = instance.costs[some] / sizes[some]
        self.spacing = (float(np.median(each)) if each.size else 0.0) or 1.0
        self.penalty = max(1, round(PENALTY * self.spacing))
        self.roof = max(self.penalty, ROOF * float(instance.costs.max(initial=0)))

    @property
    def unit(self) -> float:
        """Return the unit of temperatures."""
        return self.spacing

    def first(self, start: str, seed: int) -> tuple[Integers, int]:
        """Return a packing to which no column can be added, and how many entries it cost to look
        at: of columns in random order, or, if greedy, of those that cost least a row first.
        """
        instance = self.instance
        sizes = np.diff(instance.starts)
        if start == "random":
            order = np.random.default_rng(seed).permutation(instance.columns)
        else:
            order = np.argsort(instance.costs / np.maximum(sizes, 1), kind="stable")
        owner = np.full(self.size, -1, np.int32)
        reads = 0
        for column in order.tolist():
            rows = instance.rows_of(column)
            reads += len(rows)
            if (owner[rows] < 0).all():
                owner[rows] = column
        return owner, reads

    def price(self, solution: Integers, penalty: int | None = None) -> int:
        """Return the energy of a packing: the costs of its columns, and of the rows it leaves
        bare, at what they cost at first or at another price.
        """
        bare = int((solution < 0).sum()) * (self.penalty if penalty is None else penalty)
        return int(self.instance.costs[self.outward(solution)].sum()) + bare

    def chain(self, solution: Integers, neighbours: int, meter: Meter) -> PairingChain:
        """Return a chain that begins at a packing."""
        meter.read(self.size)
        return PairingChain(self, solution)

    def outward(self, solution: Integers) -> Integers:
        """Return the columns of a packing, in ascending order."""
        found = np.unique(solution)
        return found[found >= 0].astype(np.int32)

    def inward(self, solution: Integers) -> Integers:
        """Return a packing of those columns."""
        owner = np.full(self.size, -1, np.int32)
        for column in solution.tolist():
            owner[self.instance.rows_of(column)] = column
        return owner


class PairingChain:
    """A packing that is changed by putting columns in; see `problem.Chain`.

    What a bare row costs rises while none of the packings met is complete, for where a row is in
    dear columns only it would be left bare for ever.

    Args:
        problem: the instance.
        solution: the packing that it begins at.

    Attributes:
        factor: what a bare row costs now, in prices at first.
        since, whole: proposals since the last look at that price, and how many of them met a
            complete cover.
    """

    # not set in __init__, so that a chain that an earlier version saved has them too
    factor = 1.0
    since = whole = 0

    def __init__(self, problem: PairingProblem, solution: Integers) -> None:
        self.problem = problem
        rows = problem.size
        self.owner, self.best = solution.astype(np.int32), solution.astype(np.int32)
        bare = np.flatnonzero(solution < 0).astype(np.int32)
        self.bare, self.place = np.zeros(rows, np.int32), np.full(rows, -1, np.int32)
        self.bare[: len(bare)] = bare
        self.place[bare] = np.arange(len(bare), dtype=np.int32)
        self.room = np.array([len(bare), 0], np.int64)
        self.seen = np.zeros(problem.instance.columns, np.int64)
        energy = problem.price(self.owner)
        self.numbers = np.array([energy, NOTHING if len(bare) else energy, 0, 0, 0], np.int64)

    @property
    def present(self) -> Integers:
        """Return the present packing."""
        return self.owner

    @property
    def violation(self) -> int:
        """Return how many rows are bare."""
        return int(self.room[BARE])

    @property
    def penalty(self) -> int:
        """Return what a bare row costs now."""
        return round(self.problem.penalty * self.factor)

    def walk(
        self,
        rule: tuple[float, float],
        count: int,
        sums: NDArray[np.float64],
        state: NDArray[np.uint64],
    ) -> None:
        """Propose ``count`` moves; see `problem.Chain.walk`."""
        problem, instance = self.problem, self.problem.instance
        self.whole += kernels.packing.anneal(
            instance.starts,
            instance.entries,
            instance.costs,
            problem.row_starts,
            problem.row_columns,
            self.penalty,
            *rule,
            count,
            self.owner,
            self.bare,
            self.place,
            self.seen,
            self.room,
            self.best,
            self.numbers,
            sums,
            state,
        )
        self.since += count
        if self.since >= max(WINDOW, 20 * problem.size):
            self._follow(rule[0])
            self.since = self.whole = 0

    def _follow(self, temperature: float) -> None:
        """Adapt what a bare row costs to how many of the packings met were complete."""
        before, problem = self.penalty, self.problem
        # Heat leaves rows bare at any price: that tells something only where no cover is known yet.
        telling = self.numbers[LOWEST] == NOTHING or before > COLD * temperature
        if self.whole == 0 and telling:
            # At the roof a packing rests that no move leaves: it is thawed.
            self.factor = self.factor * RAISE if before < problem.roof else 1.0
        elif self.whole > OFTEN * self.since:
            self.factor = max(1.0, self.factor * LOWER)
        if self.penalty != before:
            self.numbers[CURRENT] = problem.price(self.owner, self.penalty)

    def kick(self, seed: int) -> bool:
        """Take random columns out."""
        columns = self.problem.outward(self.owner)
        if len(columns) == 0:
            return False
        count = max(1, round(KICKED * len(columns)))
        instance = self.problem.instance
        for column in np.random.default_rng(seed).permutation(columns)[:count].tolist():
            kernels.packing.remove(
                instance.starts,
                instance.entries,
                column,
                self.owner,
                self.bare,
                self.place,
                self.room,
            )
        self.numbers[CURRENT] = self.problem.price(self.owner, self.penalty)
        return True
