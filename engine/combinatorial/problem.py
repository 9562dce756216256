"""What methods ask of a problem of any kind."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .instance import Integers
from .meter import Meter

Whole = NDArray[np.int64]
NOTHING = 2**62
"""The price of a solution where there is none yet."""


class Chain(Protocol):
    """A solution that is changed by random moves, each kept or not by its price.

    Attributes:
        numbers: counters, see `kernels.counters`: the energy of the present solution (its price,
            and what its violations are charged), the lowest price of a feasible one so far
            (`NOTHING` before the first), distances read, moves proposed, moves made.
        best: the feasible solution of the lowest price. Several chains may share it.
    """

    numbers: Whole
    best: Integers

    @property
    def present(self) -> Integers:
        """Return the present solution."""

    @property
    def violation(self) -> int:
        """Return by how much the present solution breaks its constraints."""

    def walk(
        self,
        rule: tuple[float, float],
        count: int,
        sums: NDArray[np.float64],
        state: NDArray[np.uint64],
    ) -> None:
        """Propose ``count`` moves.

        Args:
            rule: temperature and shape of the acceptance rule, see `kernels.tours.anneal`.
            count: how many.
            sums: (2,) gets Σ(E − E₀) and Σ(E − E₀)² over the proposals.
            state: (1,) of the random numbers.
        """

    def kick(self, seed: int) -> bool:
        """Make one large random change. Returns False if there is none of this kind."""


class Problem(Protocol):
    """An instance, prepared for the methods.

    Attributes:
        instance: what it was made of.
        size: its number of cities, customers, rows or planes.
        unit: of temperatures, in units of price: what a typical move changes.
        cooling: usual first and last temperature of annealing, in that unit.
        ladder: usual hottest and coldest temperature of tempering, in that unit.
    """

    instance: Any
    size: int
    cooling: tuple[float, float]
    ladder: tuple[float, float]

    @property
    def unit(self) -> float:
        """Return the unit of temperatures."""

    def first(self, start: str, seed: int) -> tuple[Integers, int]:
        """Return the solution that all lanes start from, and how many reads it cost to find."""

    def price(self, solution: Integers) -> int:
        """Return the energy of a solution."""

    def chain(self, solution: Integers, neighbours: int, meter: Meter) -> Chain:
        """Return a chain that begins at a solution, and charge what preparing it costs."""

    def outward(self, solution: Integers) -> Integers:
        """Return a solution in the instance's numbers, as a new array."""

    def inward(self, solution: Integers) -> Integers:
        """Return a solution of the instance's numbers in the problem's own, as a new array."""


def problem_of(instance: Any) -> Any:
    """Return an instance as methods see it."""
    match instance.kind:
        case "tour":
            from .tour_problem import TourProblem

            return TourProblem(instance)
        case "routes":
            from .routes_problem import RoutesProblem

            return RoutesProblem(instance)
        case "pairing":
            from .pairing_problem import PairingProblem

            return PairingProblem(instance)
        case "landing":
            from .landing_problem import LandingProblem

            return LandingProblem(instance)
    raise ValueError(f"no problem of the kind {instance.kind}")
