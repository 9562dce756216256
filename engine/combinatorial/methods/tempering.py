"""Parallel tempering of tours (Swendsen and Wang, 1986; Geyer, 1991).

https://doi.org/10.1103/PhysRevLett.57.2607. Replicas of the tour are changed as in simulated
annealing, each at a temperature of its own on a geometric ladder T_1 < … < T_R. After every round
neighbours on the ladder swap their temperatures with probability

min(1, exp((1/T_i − 1/T_j)(E_i − E_j)))

pairs (1, 2), (3, 4), … and pairs (2, 3), (4, 5), … in turn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...schedules import heat_left
from ..instance import Integers
from ..kernels.counters import CURRENT, LOWEST
from ..meter import Meter
from ..problem import NOTHING, Chain
from .annealing import KINDS
from .base import (
    METHODS,
    OverNeighbours,
    Phase,
    Repair,
    State,
    Stream,
    keep,
    proposals,
)
from .cooling import METROPOLIS, SMOOTHING, held

if TYPE_CHECKING:
    from ..problem import Problem

ROUND = 50
"""Moves proposed to every replica between two rounds of swaps, for each city."""


@dataclass(kw_only=True)
class TemperingState(State):
    """The replicas.

    Attributes:
        chains: the replicas; their best solution is one and the same.
        rung: (R,) where on the ladder every replica stands; 0 is the coldest.
        start, end: the hottest and the coldest temperature.
        turn: the replica that moves next.
        left: moves that it has left in this round.
        rounds: rounds of swaps made.
        rates: (R,) running acceptance of every rung.
        swap_rates: (R − 1,) running share of swaps between a rung and the next.
        heat, heated_at, seen: of a reheat, as in `cooling.Cooling`.
    """

    chains: list[Chain]
    rung: NDArray[np.int64]
    start: float
    end: float
    turn: int = 0
    left: int = 0
    rounds: int = 0
    rates: NDArray[np.float64]
    swap_rates: NDArray[np.float64]
    heat: float = 1.0
    heated_at: float = 0.0
    seen: float = 0.0


@METHODS.add
class Tempering(OverNeighbours[TemperingState]):
    """Tours on a ladder of temperatures that swap places."""

    name = "tempering"
    label = "Parallel tempering"
    family = "Annealing"
    paper = "Swendsen and Wang 1986, https://doi.org/10.1103/PhysRevLett.57.2607"
    solves = KINDS
    sentence = (
        "Keeps leaving valleys for as long as it runs, where one cooling is stuck; every replica "
        "costs as much as an annealing of its own."
    )
    phases = (
        Phase("Propose", "Every replica tries random changes of its answer."),
        Phase("Judge", "A few prices tell what each would change."),
        Phase("Accept or not", "Worse answers are kept by chance, more often on hot rungs."),
        Phase("Swap", "Neighbours on the ladder trade temperatures, by chance."),
    )

    replicas: int = Field(
        12, ge=2, le=64, description="How many tours there are, each at its own temperature."
    )
    hottest_temperature: float | None = Field(
        None,
        gt=0,
        le=1000,
        description=(
            "Temperature of the hottest rung, in units of what a move typically changes: on a map, "
            "the mean distance to the five nearest cities. Auto is 0.5 there."
        ),
        json_schema_extra={"live": True, "scale": "log"},
    )
    coldest_temperature: float | None = Field(
        None,
        gt=0,
        le=1000,
        description="Temperature of the coldest rung, in the same unit. Auto is 0.05 on a map.",
        json_schema_extra={"live": True, "scale": "log"},
    )

    @property
    def solutions(self) -> int:
        return self.replicas

    def footprint(self, instance: Any) -> int:
        return int(instance.size * (4 * self.neighbours + 12 * self.replicas + 40))

    def begin(
        self, problem: Problem, tour: Integers, meter: Meter, stream: Stream
    ) -> TemperingState:
        return self._begin(problem, [tour] * self.replicas, meter)

    def _begin(self, problem: Problem, solutions: list[Integers], meter: Meter) -> TemperingState:
        chains = [problem.chain(one, self.neighbours, meter) for one in solutions]
        shortest = min(chains, key=lambda chain: int(chain.numbers[LOWEST]))
        for chain in chains:
            chain.best = shortest.best
        start, end = self.temperatures(problem)
        state = TemperingState(
            chains=chains,
            numbers=shortest.numbers.copy(),
            rung=np.arange(len(chains)),
            start=start,
            end=end,
            left=ROUND * problem.size,
            rates=np.zeros(len(chains)),
            swap_rates=np.zeros(len(chains) - 1),
        )
        self._show(state)
        return state

    def temperatures(self, problem: Problem) -> tuple[float, float]:
        """Return the hottest and the coldest temperature in units of price."""
        hottest, coldest = problem.ladder
        return (
            held((self.hottest_temperature or hottest) * problem.unit),
            held((self.coldest_temperature or coldest) * problem.unit),
        )

    def step(
        self,
        state: TemperingState,
        problem: Problem,
        meter: Meter,
        stream: Stream,
        number: int,
    ) -> None:
        state.seen = meter.progress
        ladder, one = self.ladder(state), state.turn
        chain = state.chains[one]
        numbers = chain.numbers
        numbers[LOWEST] = state.numbers[LOWEST]
        count = min(state.left, state.only or proposals(problem.size))
        rule = float(ladder[state.rung[one]]), METROPOLIS
        chain.walk(rule, count, np.zeros(2), stream.state(number))
        state.numbers[LOWEST] = numbers[LOWEST]
        proposed, accepted = meter.take(numbers)
        rung = state.rung[one]
        news = (1 - SMOOTHING) * accepted / max(1, proposed)
        state.rates[rung] = SMOOTHING * state.rates[rung] + news
        state.left -= count
        if state.left <= 0:
            state.turn, state.left = state.turn + 1, ROUND * problem.size
            if state.turn == len(state.rung):
                state.turn = 0
                self.swap(state, ladder, np.random.default_rng(stream.at(number, "swap")))
        self._show(state)

    def ladder(self, state: TemperingState) -> NDArray[np.float64]:
        """Return T_1 < … < T_R (R,), hotter as a whole after a reheat."""
        heat = heat_left(state.heat, state.heated_at, state.seen)
        exponents = np.linspace(0, 1, len(state.rung))
        ladder = state.end * (state.start / state.end) ** exponents * heat
        return np.array([held(float(one)) for one in ladder])

    def swap(
        self, state: TemperingState, ladder: NDArray[np.float64], rng: np.random.Generator
    ) -> None:
        """Swap the temperatures of neighbours on the ladder."""
        replica = state.rung.argsort()
        for low in range(state.rounds % 2, len(ladder) - 1, 2):
            below, above = replica[low], replica[low + 1]
            exponent = (1 / ladder[low] - 1 / ladder[low + 1]) * float(
                state.chains[below].numbers[CURRENT] - state.chains[above].numbers[CURRENT]
            )
            swapped = rng.random() < math.exp(min(0.0, exponent))
            if swapped:
                state.rung[below], state.rung[above] = low + 1, low
            state.swap_rates[low] += (1 - SMOOTHING) * (swapped - state.swap_rates[low])
        state.rounds += 1

    def _show(self, state: TemperingState) -> None:
        ladder, replica = self.ladder(state), state.rung.argsort()
        coldest = state.chains[replica[0]]
        state.tour, state.violation = coldest.present, coldest.violation
        state.best = coldest.best if state.numbers[LOWEST] < NOTHING else None
        state.numbers[CURRENT] = coldest.numbers[CURRENT]
        state.temperature = float(ladder[0])
        state.acceptance = float(state.rates[0])
        state.metrics["swap rate"] = float(state.swap_rates.mean())
        state.vectors = {
            "energies": np.array([float(state.chains[i].numbers[CURRENT]) for i in replica]),
            "temperature": ladder,
            "swap rate": state.swap_rates.copy(),
        }

    def edited(
        self,
        state: TemperingState,
        problem: Problem,
        repair: Repair,
        meter: Meter,
        stream: Stream,
    ) -> TemperingState:
        *tours, best = repair([*(one.present for one in state.chains), state.chains[0].best])
        after = self._begin(problem, tours, meter)
        keep(problem, best, after.chains[0].best, after.numbers, meter)
        after.rung = state.rung
        after.heat, after.heated_at, after.seen = state.heat, state.heated_at, state.seen
        after.rates, after.swap_rates, after.rounds = state.rates, state.swap_rates, state.rounds
        self._show(after)
        return after

    def reheat(self, state: TemperingState, factor: float) -> bool:
        left = heat_left(state.heat, state.heated_at, state.seen)
        state.heat, state.heated_at = min(max(left * factor, 1e-30), 1e30), state.seen
        self._show(state)
        return True

    def kick(self, state: TemperingState, problem: Problem, stream: Stream, number: int) -> bool:
        coldest = state.chains[int(state.rung.argmin())]
        done = coldest.kick(stream.at(number, "kick"))
        state.numbers[2:] += coldest.numbers[2:]
        coldest.numbers[2:] = 0
        self._show(state)
        return done

    def on_setting_change(self, state: TemperingState, problem: Problem, name: str) -> None:
        state.start, state.end = self.temperatures(problem)
