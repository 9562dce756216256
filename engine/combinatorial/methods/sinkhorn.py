"""A tour as a relaxed permutation under Adam (Mena et al. 2018, https://arxiv.org/abs/1802.08665;
Sinkhorn and Knopp 1967; Kingma and Ba 2015).

P (n, n) says which city stands at which place, by shares: rows are places, columns cities, both sum
to 1. It is made of free numbers θ by dividing exp(θ/τ) by its sums, rows and columns in turn. The
relaxed length

L = Σ_k p_k D p_{k+1}ᵀ, p_k the k-th row of P, D the distances in units of their mean,

is that of a tour where P is a permutation. Its gradient is ∂L/∂p_k = (p_{k−1} + p_{k+1}) D, taken
back through every division to θ. Each step rounds P to the nearest permutation (Kuhn 1955), and
that tour counts; nothing mends it.

A step looks at all n² distances, and at n more for the length of the tour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field
from scipy.optimize import linear_sum_assignment

from .. import kernels
from ..instance import Floats, Integers, TourInstance
from ..kernels.counters import ACCEPTED, CURRENT, LOWEST, MOVES
from ..kernels.distance import full_matrix
from ..meter import Meter
from .base import METHODS, Method, Phase, Repair, State, Stream, shortest, started

if TYPE_CHECKING:
    from ..tour_problem import TourProblem

MOST_CITIES = 1000
"""A step of 1,000 cities takes a second."""
ROUNDS = 10
"""Divisions by the sums of rows and of columns."""
NOISE = 0.01
"""Standard deviation of θ at the start; without it all places would stay alike."""
LEAN = 3.0
"""By how much θ leans to a tour that is gone on from, in τ."""
LEAST = 1e-200
"""The smallest entry before the divisions: a sum of nothing cannot be divided by."""
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
"""Of Adam, as in its paper."""


@dataclass(kw_only=True)
class SinkhornState(State):
    """The free numbers and their moments.

    Attributes:
        tour, best: the tour that P is rounded to, and the shortest so far.
        apart: (n, n) distances in units of their mean.
        theta: (n, n).
        first, second: (n, n) moments of the gradient.
        steps: taken by Adam.
    """

    tour: Integers
    best: Integers
    apart: Floats
    theta: Floats
    first: Floats
    second: Floats
    steps: int = 0


@METHODS.add
class Sinkhorn(Method[SinkhornState]):
    """A permutation made smooth, and Adam on it."""

    name = "sinkhorn"
    label = "Relaxed permutation under Adam"
    family = "Relaxation"
    sees = "relaxation"
    paper = "Mena et al. 2018, https://arxiv.org/abs/1802.08665"
    sentence = (
        "What a gradient does without knowing the map: a tenth to two fifths above the optimum "
        "with fifty cities; with a hundred the relaxed tour often winds round more than once, and "
        "is up to twice as long as it need be."
    )
    phases = (
        Phase("Relax", "Every place of the tour is shared among the cities."),
        Phase("Slope", "The gradient of the relaxed length is taken, and Adam makes a step."),
        Phase("Round", "The nearest order of the cities is the tour that counts."),
    )

    learning_rate: float = Field(
        0.003,
        gt=0,
        le=10,
        description="The step size of Adam.",
        json_schema_extra={"live": True, "scale": "log"},
    )
    initial_temperature: float = Field(
        1.0,
        ge=1e-3,
        le=1000,
        description="τ at the start: how evenly places are shared among cities.",
        json_schema_extra={"label": "Start temperature τ", "live": True, "scale": "log"},
    )
    final_temperature: float = Field(
        0.1,
        ge=1e-3,
        le=1000,
        description="τ at the end of the budget.",
        json_schema_extra={"label": "End temperature τ", "live": True, "scale": "log"},
    )

    def refusal(self, instance: Any) -> str | None:
        if instance.kind == "tour" and instance.size > MOST_CITIES:
            return f"an instance of at most {MOST_CITIES:,} cities; `annealing` takes more"
        return super().refusal(instance)

    def footprint(self, instance: TourInstance) -> int:
        return 80 * instance.size**2

    def tau(self, progress: float) -> float:
        """Return τ at a share of the budget; it falls geometrically."""
        return float(
            self.initial_temperature
            * (self.final_temperature / self.initial_temperature) ** progress
        )

    def planned_temperature(self, state: SinkhornState, progress: float) -> float | None:
        return self.tau(progress)

    def begin(
        self, problem: TourProblem, tour: Integers, meter: Meter, stream: Stream
    ) -> SinkhornState:
        n = problem.size
        apart = full_matrix(problem.instance).astype(np.float64)
        theta = np.random.default_rng(stream.at(0)).normal(0, NOISE, (n, n))
        state = SinkhornState(
            tour=tour.copy(),
            best=tour.copy(),
            apart=apart / (apart.mean() or 1.0),
            theta=theta,
            first=np.zeros((n, n)),
            second=np.zeros((n, n)),
            temperature=self.tau(0),
            plan=self.tau(0),
        )
        started(state.numbers, problem.length(tour))
        meter.read(n * n + n)
        return state

    def step(
        self,
        state: SinkhornState,
        problem: TourProblem,
        meter: Meter,
        stream: Stream,
        number: int,
    ) -> None:
        n, tau = problem.size, self.tau(meter.progress)
        length, slope, shares = relaxed(state.theta, state.apart, tau)
        state.steps += 1
        state.first += (1 - BETA1) * (slope - state.first)
        state.second += (1 - BETA2) * (slope * slope - state.second)
        mean = state.first / (1 - BETA1**state.steps)
        spread = np.sqrt(state.second / (1 - BETA2**state.steps))
        state.theta -= self.learning_rate * mean / (spread + EPSILON)
        state.tour = linear_sum_assignment(shares, maximize=True)[1].astype(np.int32)
        whole = problem.length(state.tour)
        meter.read(n * n + n)
        state.numbers[MOVES] += 1
        state.numbers[ACCEPTED] += 1
        meter.take(state.numbers)
        state.numbers[CURRENT] = whole
        if whole < state.numbers[LOWEST]:
            state.numbers[LOWEST] = whole
            state.best = state.tour
        state.temperature = state.plan = tau
        state.metrics["relaxed length"] = length
        state.metrics["certainty"] = float(shares.max(1).mean())

    def edited(
        self,
        state: SinkhornState,
        problem: TourProblem,
        repair: Repair,
        meter: Meter,
        stream: Stream,
    ) -> SinkhornState:
        # places and cities are others now: θ begins anew, with a lean to the tour so far
        tour = shortest(problem, repair([state.best, state.tour]), meter)
        after = self.begin(problem, tour, meter, stream)
        after.temperature = after.plan = state.temperature
        after.theta[np.arange(len(tour)), tour] += LEAN * (state.temperature or 1.0)
        return after


def shared(theta: Floats, tau: float) -> tuple[Floats, list[Floats]]:
    """Return P (n, n), and the sums that it was divided by: of rows and of columns in turn."""
    shares = np.exp((theta - theta.max(1, keepdims=True)) / tau)
    np.maximum(shares, LEAST, out=shares)
    sums = []
    for turn in range(2 * ROUNDS):
        total = shares.sum(1 - turn % 2, keepdims=True)
        shares /= total
        sums.append(total)
    return shares, sums


def relaxed(theta: Floats, apart: Floats, tau: float) -> tuple[float, Floats, Floats]:
    """Return the relaxed length L, its gradient ∂L/∂θ (n, n), and P (n, n).

    Args:
        theta: (n, n) free numbers; rows are places, columns cities.
        apart: (n, n) distances D, the same in both directions.
        tau: τ, above 0.
    """
    shares, sums = shared(theta, tau)
    spread = np.empty_like(shares)
    kernels.relaxation.multiply(shares, apart, spread)
    length = float((spread * np.roll(shares, -1, 0)).sum())
    # ∂L/∂ln of the entries: a division by sums takes from each its share of what they have together
    slope = shares * (np.roll(spread, 1, 0) + np.roll(spread, -1, 0))
    before = shares.copy()
    for turn in range(2 * ROUNDS - 1, -1, -1):
        slope -= before * slope.sum(1 - turn % 2, keepdims=True)
        before *= sums[turn]
    return length, slope / tau, shares
