"""Simulated annealing of tours (Kirkpatrick, Gelatt and Vecchi, 1983).

https://doi.org/10.1126/science.220.4598.671. One tour is changed by 2-opt moves (two edges
replaced, a path turned round) and Or-opt moves (up to three cities in a row moved elsewhere), in
turn, and a move that changes its length by Δ is kept with probability

min(1, exp(−Δ/T))

at a temperature T that falls over the budget. Moves join a city to one of its near cities only, so
at a fixed temperature the tours do not follow Boltzmann's law exactly; with all cities as near
cities they do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from ...schedules import PLANNED, ScheduleName
from ..instance import Integers
from ..kernels.counters import CURRENT, LOWEST
from ..meter import Meter
from ..problem import NOTHING, Chain
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
from .cooling import HOTTEST, METROPOLIS, Cooling, held

if TYPE_CHECKING:
    from ..problem import Problem


KINDS = ("tour", "routes", "pairing", "landing")
"""Kinds of problems whose solutions are changed by small moves."""


@dataclass(kw_only=True)
class AnnealingState(State):
    """One solution and its temperature.

    Attributes:
        chain: the solution, and its moves.
        cooling: the temperature.
    """

    chain: Chain
    cooling: Cooling


@METHODS.add
class Annealing(OverNeighbours[AnnealingState]):
    """One tour that is changed at random and cooled."""

    name = "annealing"
    label = "Simulated annealing"
    family = "Annealing"
    paper = "Kirkpatrick, Gelatt and Vecchi 1983, https://doi.org/10.1126/science.220.4598.671"
    solves = KINDS
    sentence = (
        "Simple, needs no gradient and little knowledge of the problem, and comes within a per "
        "cent of the optimum; the last tenth of a per cent takes it very long."
    )
    phases = (
        Phase("Propose", "A small change is chosen: on a map two edges, or a stretch of cities."),
        Phase("Judge", "A few prices tell how much better or worse it would make the answer."),
        Phase(
            "Accept or not",
            "What is better is kept; what is worse by chance, the rarer the colder it is.",
        ),
    )

    schedule: ScheduleName = Field(
        "geometric",
        description="How the temperature falls over the budget.",
        json_schema_extra={"label": "Cooling"},
    )
    initial_temperature: float | None = Field(
        None,
        gt=0,
        le=1000,
        description=(
            "Temperature at the start, in units of what a move typically changes: on a map, the "
            "mean distance to the five nearest cities. Auto is 0.7 there."
        ),
        json_schema_extra={"label": "Start temperature", "live": True, "scale": "log"},
    )
    final_temperature: float | None = Field(
        None,
        gt=0,
        le=1000,
        description="Temperature at the end, in the same unit. Auto is 0.04 on a map.",
        json_schema_extra={"label": "End temperature", "live": True, "scale": "log"},
    )
    reheat_after: float | None = Field(
        None,
        ge=0.001,
        le=1,
        description=(
            "Share of the budget without a shorter tour after which the temperature is kicked up; "
            "none never does."
        ),
        json_schema_extra={"live": True, "scale": "log", "advanced": True},
    )
    reheat_factor: float = Field(
        5.0,
        ge=1,
        le=1e6,
        description=(
            "How many times hotter a kick makes it; the heat fades within a tenth of the budget."
        ),
        json_schema_extra={"live": True, "scale": "log", "advanced": True},
    )

    overload: float | None = Field(
        None,
        ge=0.001,
        le=50,
        description=(
            "What a vehicle pays that carries too much, in units of the usual price of overload; "
            "for delivery routes only. Auto raises it while too few routes fit, and lowers it "
            "while almost all do."
        ),
        json_schema_extra={"label": "Price of overload", "scale": "log", "advanced": True},
    )

    def refusal(self, instance: Any) -> str | None:
        if self.overload is not None and instance.kind in self.solves and instance.kind != "routes":
            return "no price of overload (overload): only delivery routes have one"
        return super().refusal(instance)

    def begin(
        self, problem: Problem, tour: Integers, meter: Meter, stream: Stream
    ) -> AnnealingState:
        chain: Any = problem.chain(tour, self.neighbours, meter)
        if self.overload is not None:
            chain.fix(self.overload)
        start, end = self.temperatures(problem)
        state = AnnealingState(
            chain=chain, numbers=chain.numbers, cooling=Cooling(start, end, start)
        )
        self._show(state)
        return state

    def temperatures(self, problem: Problem) -> tuple[float, float]:
        """Return T₀ and T_min in units of price."""
        start, end = problem.cooling
        return (
            held((self.initial_temperature or start) * problem.unit),
            held((self.final_temperature or end) * problem.unit),
        )

    def step(
        self,
        state: AnnealingState,
        problem: Problem,
        meter: Meter,
        stream: Stream,
        number: int,
    ) -> None:
        cooling, progress = state.cooling, meter.progress
        if self.reheat_after is not None and progress - cooling.record_at >= self.reheat_after:
            cooling.reheat(self.schedule, self.reheat_factor)
            cooling.record_at = progress
        cooling.cool(self.schedule, progress)
        rule = cooling.rule(self.schedule, progress)
        length, lowest = int(state.numbers[CURRENT]), int(state.numbers[LOWEST])
        sums = np.zeros(2)
        count = state.only or proposals(problem.size)
        state.chain.walk(rule, count, sums, stream.state(number))
        cooling.listen(length, *meter.take(state.numbers), sums)
        if state.numbers[LOWEST] < lowest:
            cooling.record_at = progress
        self._show(state)

    def _show(self, state: AnnealingState) -> None:
        cooling, chain = state.cooling, state.chain
        state.tour, state.violation = chain.present, chain.violation
        state.best = chain.best if chain.numbers[LOWEST] < NOTHING else None
        state.temperature, state.plan = cooling.temperature, cooling.plan
        state.acceptance, state.target = cooling.recent_acceptance, cooling.target

    def edited(
        self,
        state: AnnealingState,
        problem: Problem,
        repair: Repair,
        meter: Meter,
        stream: Stream,
    ) -> AnnealingState:
        present, best = repair([state.chain.present, state.chain.best])
        after = self.begin(problem, present, meter, stream)
        after.cooling = state.cooling
        after.cooling.rescale(*self.temperatures(problem))
        keep(problem, best, after.chain.best, after.numbers, meter)
        self._show(after)
        return after

    def planned_temperature(self, state: AnnealingState, progress: float) -> float | None:
        if self.schedule not in PLANNED:
            return None
        return PLANNED[self.schedule](state.cooling.start, state.cooling.end, progress)

    def reheat(self, state: AnnealingState, factor: float) -> bool:
        state.cooling.reheat(self.schedule, factor)
        self._show(state)
        return True

    def kick(self, state: AnnealingState, problem: Problem, stream: Stream, number: int) -> bool:
        done = state.chain.kick(stream.at(number, "kick"))
        self._show(state)
        return done

    def foresee(
        self, state: AnnealingState, stream: Stream, number: int
    ) -> tuple[Integers, int] | None:
        chain: Any = state.chain
        if not hasattr(chain, "proposed"):  # only a tour's can be drawn
            return None
        foreseen: tuple[Integers, int] = chain.proposed((HOTTEST, METROPOLIS), stream.state(number))
        return foreseen

    def chance(self, state: AnnealingState, rise: int) -> float:
        temperature, shape = state.cooling.rule(self.schedule, state.cooling.seen)
        if rise <= 0:
            return 1.0
        if shape == METROPOLIS:
            return math.exp(-rise / temperature)
        left = 1 - (1 - shape) * rise / temperature
        return left ** (1 / (1 - shape)) if left > 0 else 0.0

    def on_setting_change(self, state: AnnealingState, problem: Problem, name: str) -> None:
        start, end = self.temperatures(problem)
        if name == "initial_temperature":
            state.cooling.start = start
        elif name == "final_temperature":
            state.cooling.end = end
