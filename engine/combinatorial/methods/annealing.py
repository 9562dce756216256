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

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import Field

from ...errors import BadInput
from ...schedules import PLANNED, ScheduleName
from ..instance import Integers
from ..meter import CURRENT, LOWEST, Meter
from . import moves
from .base import (
    METHODS,
    OverNeighbours,
    Phase,
    Repair,
    State,
    Stream,
    places,
    proposals,
    started,
)
from .cooling import Cooling, held

if TYPE_CHECKING:
    from ..tour_problem import TourProblem


@dataclass(kw_only=True)
class AnnealingState(State):
    """One tour and its temperature.

    Attributes:
        tour, pos: the present tour, and where every city stands in it.
        best: the shortest so far.
        near: (n, K) near cities.
        cooling: the temperature.
        length: lowest length at the last look, to see whether it has improved.
    """

    tour: Integers
    pos: Integers
    best: Integers
    near: Integers
    cooling: Cooling


@METHODS.add
class Annealing(OverNeighbours[AnnealingState]):
    """One tour that is changed at random and cooled."""

    name = "annealing"
    label = "Simulated annealing"
    family = "Annealing"
    paper = "Kirkpatrick, Gelatt and Vecchi 1983, https://doi.org/10.1126/science.220.4598.671"
    sentence = (
        "Simple, needs no gradient and no geometry beyond near cities, and comes within a per cent "
        "of the optimum; the last tenth of a per cent takes it very long."
    )
    phases = (
        Phase("Propose", "Two edges, or a short stretch of cities, are chosen to be changed."),
        Phase("Judge", "Four or six distances tell how much longer or shorter the tour would be."),
        Phase(
            "Accept or not",
            "A shorter tour is kept; a longer one by chance, the rarer the colder it is.",
        ),
    )

    schedule: ScheduleName = Field(
        "geometric",
        description="How the temperature falls over the budget.",
        json_schema_extra={"label": "Cooling"},
    )
    initial_temperature: float = Field(
        0.7,
        gt=0,
        le=1000,
        description="Temperature at the start, in mean distances to the five nearest cities.",
        json_schema_extra={"label": "Start temperature", "live": True, "scale": "log"},
    )
    final_temperature: float = Field(
        0.04,
        gt=0,
        le=1000,
        description="Temperature at the end, in mean distances to the five nearest cities.",
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

    def begin(
        self, problem: TourProblem, tour: Integers, meter: Meter, stream: Stream
    ) -> AnnealingState:
        unit = problem.spacing
        start, end = held(self.initial_temperature * unit), held(self.final_temperature * unit)
        meter.read(problem.size)
        state = AnnealingState(
            tour=tour.copy(),
            pos=places(tour),
            best=tour.copy(),
            near=self.near(problem, meter),
            cooling=Cooling(start, end, start),
        )
        started(state.numbers, problem.length(tour))
        self._show(state)
        return state

    def step(
        self,
        state: AnnealingState,
        problem: TourProblem,
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
        moves.anneal(
            problem,
            state.tour,
            state.pos,
            state.near,
            rule,
            state.only or proposals(problem.size),
            state.best,
            state.numbers,
            sums,
            stream.state(number),
        )
        cooling.listen(length, *meter.take(state.numbers), sums)
        if state.numbers[LOWEST] < lowest:
            cooling.record_at = progress
        self._show(state)

    def _show(self, state: AnnealingState) -> None:
        cooling = state.cooling
        state.temperature, state.plan = cooling.temperature, cooling.plan
        state.acceptance, state.target = cooling.heard, cooling.target

    def edited(
        self,
        state: AnnealingState,
        problem: TourProblem,
        repair: Repair,
        meter: Meter,
        stream: Stream,
    ) -> AnnealingState:
        after = self.begin(problem, repair(state.tour), meter, stream)
        after.cooling = state.cooling
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

    def kick(
        self, state: AnnealingState, problem: TourProblem, stream: Stream, number: int
    ) -> bool:
        seed = stream.at(number, "kick")
        return moves.kick(problem, state.tour, state.pos, state.numbers, seed)

    def on_setting_change(self, state: AnnealingState, problem: TourProblem, name: str) -> None:
        unit = problem.spacing
        if name == "initial_temperature":
            state.cooling.start = held(self.initial_temperature * unit)
        elif name == "final_temperature":
            state.cooling.end = held(self.final_temperature * unit)

    def with_setting(self, name: str, value: Any) -> Self:
        if value is None and name in ("initial_temperature", "final_temperature"):
            raise BadInput(name, None, "a temperature above 0")
        return super().with_setting(name, value)
