"""Genetic algorithm with edge assembly crossover (Nagata and Kobayashi 2013).

https://doi.org/10.1287/ijoc.1120.0506. A population of tours, each a local optimum reached from a
random tour. In a generation every tour is in turn parent A, the next one, in a random order, parent
B. A child is A with one AB-cycle of edges taken from B, its sub-tours joined; the best of some
children replaces A.

One step is one pair; before the first generation it shortens a tour of the population.

Which child is the best is judged by its length alone, or by what a gain of length costs in variety:

ΔL / ΔH (equation 4), where H = −Σ_e F(e)/P log(F(e)/P) (equation 3)

is the entropy of the population, F(e) how many of its P tours have an edge. With the order
crossover (Davis 1985) instead, all else alike, a child is a new tour and has to be measured whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from .. import kernels
from ..instance import Integers, TourInstance
from ..kernels.counters import CURRENT, LOWEST
from ..meter import Meter
from .base import (
    METHODS,
    OverNeighbours,
    Phase,
    Repair,
    State,
    Stream,
    places,
    proposals,
    shortest,
    started,
)
from .local_search import SearchState, beginning, descend, restart

if TYPE_CHECKING:
    from ..tour_problem import TourProblem

MOST_CITIES = 5000
"""How often each edge occurs is kept for all pairs of cities: 50 MB at most."""
PATIENCE = 20
"""Generations without a better child after which the population counts as converged."""


@dataclass(kw_only=True)
class GeneticState(State):
    """The population.

    Attributes:
        tour, best: the tour worked on last, and the shortest.
        links: (P, n, 2) the cities beside every city, in each tour.
        lengths: (P,) of the tours.
        grown: how many of them there are; the others follow before the first generation.
        growing: the next of them on its way to a local optimum.
        seeds: tours from which the next begin; after the last of them they are random.
        near: (n, K) near cities.
        counts: (n, n) how many tours have each edge.
        entropies: (P + 1,) the entropy of an edge that so many tours have.
        entropy: of the population.
        order: (P,) the tours in this generation's order.
        turn: which of them is parent A next.
        generation: begun so far.
        idle: pairs without a better child since the last one with.
        room: of the kernels, see `kernels.assembly`.
    """

    tour: Integers
    best: Integers
    pos: Integers
    links: Integers
    lengths: NDArray[np.int64]
    grown: int = 0
    growing: SearchState
    seeds: list[Integers]
    near: Integers
    counts: NDArray[np.int16]
    entropies: NDArray[np.float64]
    entropy: float = 0.0
    order: NDArray[np.int64]
    turn: int = 0
    generation: int = 0
    idle: int = 0
    room: Room


class Room:
    """Room for what the kernels work with; nothing in it is kept from pair to pair.

    Args:
        n: number of cities.
    """

    def __init__(self, n: int) -> None:
        def whole(*shape: int) -> Integers:
            return np.zeros(shape, np.int32)

        self.rest, self.left, self.seen = whole(n, 4), whole(n, 2), np.full((n, 2), -1, np.int32)
        self.active, self.place, self.path = whole(n), whole(n), whole(2 * n + 1)
        self.cycles, self.starts = whole(2 * n), whole(n + 1)
        self.rows, self.edges = whole(10, n + 1), whole(2, 4 * n, 2)
        self.tours, self.flags, self.sums = whole(2, n), np.zeros(n, np.bool_), np.zeros(1)


@METHODS.add
class Genetic(OverNeighbours[GeneticState]):
    """Tours that are crossed, by their edges."""

    name = "genetic"
    label = "Genetic algorithm"
    family = "Population"
    paper = "Nagata and Kobayashi 2013, https://doi.org/10.1287/ijoc.1120.0506"
    sentence = (
        "Finds the optimum of a thousand cities in seconds, because two good tours differ in few "
        "places that can be exchanged one by one; it needs a whole population first, and stops "
        "when all its tours are alike."
    )
    phases = (
        Phase("Pair", "Two tours are compared: the edges that they do not share form cycles."),
        Phase("Cross", "A child takes one cycle's edges from the other parent."),
        Phase("Join", "Sub-tours that this leaves are joined, the smallest first."),
        Phase("Select", "The best child replaces its parent, if it is shorter."),
    )
    least = 8
    directed = False

    population: int = Field(
        100,
        ge=4,
        le=1000,
        description="How many tours there are: 100 is quick, 300 is sure with a thousand cities.",
        json_schema_extra={"scale": "log"},
    )
    children: int = Field(
        30,
        ge=1,
        le=200,
        description="How many children a pair has at most.",
        json_schema_extra={"live": True, "scale": "log"},
    )
    crossover: Literal["eax", "ox"] = Field(
        "eax",
        description=(
            "How a child is made: edge assembly (eax), or a stretch of one parent and the order of "
            "the other (ox)."
        ),
        json_schema_extra={"live": True},
    )
    selection: Literal["greedy", "entropy"] = Field(
        "entropy",
        description=(
            "Which child is the best: the shortest (greedy), or the one that gains most for the "
            "variety that it costs (entropy)."
        ),
        json_schema_extra={"live": True},
    )
    neighbours: int = Field(
        10,
        ge=3,
        le=100,
        description="How many near cities a city may be joined to.",
        json_schema_extra={"advanced": True, "label": "Near cities"},
    )

    def refusal(self, instance: Any) -> str | None:
        if instance.kind == "tour" and instance.size > MOST_CITIES:
            return f"an instance of at most {MOST_CITIES:,} cities; `iterated` takes more"
        return super().refusal(instance)

    @property
    def solutions(self) -> int:
        return self.population

    def footprint(self, instance: TourInstance) -> int:
        n = instance.size
        return 2 * n * n + n * (8 * self.population + 4 * self.neighbours + 250)

    def begin(
        self, problem: TourProblem, tour: Integers, meter: Meter, stream: Stream
    ) -> GeneticState:
        state = self._begin(problem, tour, meter)
        started(state.numbers, problem.length(tour))
        return state

    def _begin(self, problem: TourProblem, tour: Integers, meter: Meter) -> GeneticState:
        n, count = problem.size, self.population
        meter.read(n)
        near = self.near(problem, meter)
        share = np.arange(1, count + 1) / count
        state = GeneticState(
            tour=tour.copy(),
            best=tour.copy(),
            pos=places(tour),
            links=np.empty((count, n, 2), np.int32),
            lengths=np.zeros(count, np.int64),
            growing=beginning(problem, tour, near),
            seeds=[],
            near=near,
            counts=np.zeros((n, n), np.int16),
            entropies=np.concatenate([[0.0], -share * np.log(share)]),
            order=np.arange(count),
            room=Room(n),
        )
        self._show(state)
        return state

    def step(
        self,
        state: GeneticState,
        problem: TourProblem,
        meter: Meter,
        stream: Stream,
        number: int,
    ) -> None:
        if state.grown < len(state.links):
            self._grow(state, problem, meter, stream, number)
        else:
            self._pair(state, problem, stream, number)
            meter.take(state.numbers)
            self._judge(state)
        self._show(state)

    def _grow(
        self, state: GeneticState, problem: TourProblem, meter: Meter, stream: Stream, number: int
    ) -> None:
        """Shorten the next tour of the population, and add it once it is a local optimum."""
        growing = state.growing
        done = descend(growing, problem, state.only or proposals(problem.size))
        meter.take(growing.numbers)
        state.tour, state.numbers[CURRENT] = growing.tour, growing.numbers[CURRENT]
        if growing.numbers[LOWEST] < state.numbers[LOWEST]:
            state.numbers[LOWEST] = growing.numbers[LOWEST]
            state.best[:] = growing.best
        if not done:
            return
        state.tour = growing.tour.copy()  # in growing.tour the next one begins
        _add(state, state.tour, int(growing.numbers[CURRENT]))
        if state.grown < len(state.links):
            seed = state.seeds.pop() if state.seeds else problem.random_tour(stream.at(number))
            restart(growing, problem, seed)
            meter.read(problem.size)

    def _pair(self, state: GeneticState, problem: TourProblem, stream: Stream, number: int) -> None:
        """Cross one pair, and replace its first tour by the best child."""
        if state.turn == 0:
            state.generation += 1
            rng = np.random.default_rng(stream.at(number, "order"))
            state.order = rng.permutation(len(state.order))
        one = int(state.order[state.turn])
        other = int(state.order[(state.turn + 1) % len(state.order)])
        state.turn = (state.turn + 1) % len(state.order)
        a, b, room, draws = state.links[one], state.links[other], state.room, stream.state(number)
        kernels.assembly.walk(a, state.tour, state.pos)
        children, diverse = state.only or self.children, self.selection == "entropy"
        distances = problem.metric, problem.points, problem.matrix
        if self.crossover == "eax":
            count = kernels.assembly.ab_cycles(
                a,
                b,
                room.rest,
                room.left,
                room.seen,
                room.active,
                room.place,
                room.path,
                room.cycles,
                room.starts,
                draws,
            )
            gain = kernels.assembly.assemble(
                a,
                state.tour,
                state.pos,
                *distances,
                state.near,
                room.cycles,
                room.starts,
                count,
                children,
                state.counts,
                state.entropies,
                diverse,
                room.rows,
                room.edges,
                room.flags,
                room.sums,
                state.numbers,
                draws,
            )
            if gain > 0:
                kernels.assembly.walk(a, state.tour, state.pos)
        else:
            there = np.empty_like(state.tour)
            kernels.assembly.walk(b, there, room.active)
            gain = kernels.assembly.order_crossover(
                state.tour,
                there,
                int(state.lengths[one]),
                *distances,
                children,
                state.counts,
                state.entropies,
                diverse,
                room.tours,
                room.flags,
                room.sums,
                state.numbers,
                draws,
            )
            if gain > 0:
                a[:] = links_of(state.tour)
        state.idle = 0 if gain > 0 else state.idle + 1
        state.entropy += float(room.sums[0])
        state.lengths[one] -= gain
        state.numbers[CURRENT] = state.lengths[one]
        if state.numbers[CURRENT] < state.numbers[LOWEST]:
            state.numbers[LOWEST] = state.numbers[CURRENT]
            state.best[:] = state.tour

    def _judge(self, state: GeneticState) -> None:
        """End the search once nothing can be gained from crossing."""
        size = len(state.links)
        if state.turn == 0 and (state.counts[state.tour, np.roll(state.tour, -1)] == size).all():
            state.over = True
            state.note = f"The population has converged: all {size} tours are the same."
        elif state.idle >= PATIENCE * size:
            state.over = True
            state.note = (
                f"The population has converged: {PATIENCE} generations without a better child."
            )

    def _show(self, state: GeneticState) -> None:
        lengths = state.lengths[: state.grown]
        state.metrics["generation"] = float(state.generation)
        state.metrics["tours"] = float(state.grown)
        if state.grown:
            state.metrics["mean length"] = float(lengths.mean())
            most = len(state.tour) * np.log(len(state.links))  # no two tours share an edge
            state.metrics["diversity"] = float(max(0.0, state.entropy) / most)
            state.vectors["energies"] = np.sort(lengths).astype(np.float64)

    def edited(
        self,
        state: GeneticState,
        problem: TourProblem,
        repair: Repair,
        meter: Meter,
        stream: Stream,
    ) -> GeneticState:
        # Each tour is mended by local search. Of tours that are the same one is enough: random ones
        # take the places of the others, or there would be nothing to cross.
        tours = [tour_of(one) for one in state.links[: state.grown]]
        if state.grown < len(state.links):  # of an edit before, some may still wait to be mended
            tours += [state.growing.tour, *reversed(state.seeds)]
        kept = distinct(repair([state.best, *tours]))[: self.population]
        best = shortest(problem, kept, meter)
        after = self._begin(problem, best, meter)
        after.seeds = [one for one in reversed(kept) if one is not best]
        after.generation = state.generation
        started(after.numbers, problem.length(best))
        return after


def _add(state: GeneticState, tour: Integers, length: int) -> None:
    """Add a tour to the population."""
    state.links[state.grown] = links_of(tour)
    state.lengths[state.grown] = length
    state.entropy += kernels.assembly.enter(tour, 1, state.counts, state.entropies)
    state.grown += 1


def links_of(tour: Integers) -> Integers:
    """Return the cities before and after every city, (n, 2)."""
    links = np.empty((len(tour), 2), np.int32)
    links[tour, 0], links[tour, 1] = np.roll(tour, 1), np.roll(tour, -1)
    return links


def tour_of(links: Integers) -> Integers:
    """Return a tour in order; see `kernels.assembly.walk`."""
    tour = np.empty(len(links), np.int32)
    kernels.assembly.walk(links, tour, np.empty_like(tour))
    return tour


def distinct(tours: Iterable[Integers]) -> list[Integers]:
    """Return the tours without those that are another of them, begun elsewhere or turned round."""
    found: dict[bytes, Integers] = {}
    for tour in tours:
        start = np.roll(tour, -int(np.argmin(tour)))
        if start[1] > start[-1]:
            start = np.roll(start[::-1], 1)
        found.setdefault(start.tobytes(), tour)
    return list(found.values())
