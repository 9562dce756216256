"""What a method for combinatorial problems is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError
from typing_extensions import TypeVar

from ...errors import BadInput, explain
from ...random.hashed_seed import hashed_seed
from ...registry import Config, Registry, fields
from ..instance import Integers, TourInstance
from ..kernels.counters import ACCEPTED, CURRENT, LOWEST
from ..meter import Meter

if TYPE_CHECKING:
    from ..problem import Problem
    from ..tour_problem import TourProblem

Sees = Literal["price", "delta", "map", "relaxation", "model"]
"""What a method may look at: prices of whole solutions; what a move changes; distances and near
cities themselves; a smooth stand-in for the length, and its gradient; the whole mathematical
model."""

SHORTEST_STEP, LONGEST_STEP, STEP_PER_CITY = 2_000, 100_000, 20
"""Moves proposed in one step: so many for each city, between these bounds."""


class Phase(NamedTuple):
    """A part of one step, in words.

    Attributes:
        name: two or three words.
        line: what happens in it, one sentence.
        shows: what slow motion shows of it.
    """

    name: str
    line: str
    shows: str = ""


class Stream:
    """Random numbers of one lane, addressed by its step.

    Args:
        seed: the experiment's seed.
        lane: the lane's address.
    """

    def __init__(self, seed: int, lane: str) -> None:
        self.seed, self.lane = seed, lane

    def at(self, step: int, purpose: str = "") -> int:
        """Return a seed for a purpose within a step."""
        return hashed_seed(self.seed, self.lane, step, purpose)

    def state(self, step: int, purpose: str = "") -> NDArray[np.uint64]:
        """Return the state (1,) from which a kernel makes its random numbers; it is never 0."""
        return np.array([self.at(step, purpose) | 1], np.uint64)


@dataclass(kw_only=True)
class State:
    """What a method carries from step to step.

    Attributes:
        tour: (n,) the present solution, or None if there is none.
        best: (n,) the shortest tour so far, or None before the first.
        numbers: counters, see `kernels.counters`.
        temperature: the present temperature, or None.
        plan: the temperature that the schedule asks for now, or None.
        acceptance: share of moves accepted lately, or None.
        target: the acceptance aimed at, or None.
        metrics: further numbers worth showing, by name.
        vectors: further rows of numbers worth showing, by name.
        only: how many moves to propose in a step of slow motion; None for the usual number.
        violation: by how much the present solution breaks its constraints.
        bound: what no solution is cheaper than, as was proved; None if nothing was.
        over: whether the method has nothing left to do.
        note: a remark for the page, or None.
        band: (m, 2) a closed line that the map draws besides the tours, or None.
    """

    tour: Integers | None = None
    best: Integers | None = None
    numbers: NDArray[np.int64] = field(default_factory=lambda: np.zeros(ACCEPTED + 1, np.int64))
    temperature: float | None = None
    plan: float | None = None
    acceptance: float | None = None
    target: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    vectors: dict[str, NDArray[Any]] = field(default_factory=dict)
    only: int | None = None
    violation: int = 0
    bound: int | None = None
    over: bool = False
    note: str | None = None
    band: NDArray[np.float32] | None = None

    @property
    def current(self) -> int | None:
        """Return the length of the present solution."""
        return None if self.tour is None else int(self.numbers[CURRENT])

    @property
    def lowest(self) -> int | None:
        """Return the length of the shortest tour so far."""
        return None if self.best is None else int(self.numbers[LOWEST])


S = TypeVar("S", bound=State, default=Any)
Repair = Callable[[Sequence[Integers]], list[Integers]]
"""Takes tours of the cities before an edit and returns each as one of the cities after it."""


class Method(Config, Generic[S]):
    """A method and its settings (the pydantic fields). It holds no state."""

    family: ClassVar[str]
    """Groups the picker: "Annealing", "Local search", …"""
    sees: ClassVar[Sees]
    paper: ClassVar[str]
    """Authors, year and link of the source."""
    sentence: ClassVar[str]
    """One honest sentence on when it shines and when it fails."""
    phases: ClassVar[tuple[Phase, ...]]
    """One step in words, in order."""
    solves: ClassVar[tuple[str, ...]] = ("tour",)
    """Kinds of instances that it runs on."""
    least: ClassVar[int] = 4
    """The fewest cities that it runs on."""
    directed: ClassVar[bool] = False
    """Whether it can run where distances depend on the direction."""
    outside: ClassVar[bool] = False
    """Whether a program of others does the work, whose evaluations cannot be counted."""
    proves: ClassVar[bool] = False
    """Whether it proves its answer, so that it goes on where an answer is known to be the best."""
    streams: ClassVar[bool] = False
    """Whether such a program may be stopped while others catch up."""

    def refusal(self, instance: Any) -> str | None:
        """Return why it cannot run on an instance: what would be allowed, as a phrase after
        "expected". None if it can.
        """
        if instance.kind not in self.solves:
            able = ", ".join(cls.name for cls in METHODS if instance.kind in cls.solves)
            return f"a method for this kind of problem: {able}"
        if instance.kind != "tour":
            return None
        if instance.size > 3 and instance.size < self.least:
            return f"an instance of at least {self.least} cities for {self.name}"
        if not self.directed and not instance.symmetric:
            able = ", ".join(cls.name for cls in METHODS if cls.directed)
            return f"a method for distances that depend on the direction: {able}"
        return None

    def footprint(self, instance: Any) -> int:
        """Return the bytes that its state takes, approximately."""
        return 40 * instance.size

    @property
    def solutions(self) -> int:
        """Return how many solutions it works on at once."""
        return 1

    @abstractmethod
    def begin(self, problem: TourProblem, tour: Integers, meter: Meter, stream: Stream) -> S:
        """Return the first state.

        Args:
            problem: the instance; of at least 4 cities.
            tour: (n,) the tour that all lanes start from. Must not be changed in place.
            meter: gets what this costs.
            stream: the lane's random numbers.
        """

    @abstractmethod
    def step(
        self, state: S, problem: TourProblem, meter: Meter, stream: Stream, number: int
    ) -> None:
        """Take one step; changes the state in place.

        Args:
            state: of the method.
            problem: the instance.
            meter: tells how much of the budget is spent, and gets what the step costs.
            stream: the lane's random numbers.
            number: of the step, from 1.
        """

    @abstractmethod
    def edited(
        self, state: S, problem: TourProblem, repair: Repair, meter: Meter, stream: Stream
    ) -> S:
        """Return the state after cities were moved, added or dropped. The best tour is repaired
        too, and stays the best unless another that the method has is shorter now.

        Args:
            state: before; it may be changed.
            problem: with the new cities.
            repair: takes any tours of the old cities to those of the new ones.
            meter: gets what this costs.
            stream: the lane's random numbers.
        """

    def planned_temperature(self, state: S, progress: float) -> float | None:
        """Return the temperature planned at a share of the budget, or None without a plan."""
        return None

    def reheat(self, state: S, factor: float) -> bool:
        """Multiply the temperature by a factor. Returns False if the method has none."""
        return False

    def kick(self, state: S, problem: TourProblem, stream: Stream, number: int) -> bool:
        """Make one large random change, of a tour a double bridge. Returns False, and changes
        nothing, if the method has no present solution or there is too little of it.
        """
        return False

    def foresee(self, state: S, stream: Stream, number: int) -> tuple[Integers, int] | None:
        """Return the solution after the one move that a step of slow motion will propose, accepted
        or not, and by how much longer it is; None where that cannot be told.

        Args:
            state: before the step.
            stream: of random numbers.
            number: of the step.
        """
        return None

    def chance(self, state: S, rise: int) -> float:
        """Return the probability with which a foreseen move of that rise was accepted."""
        return 1.0 if rise <= 0 else 0.0

    @property
    def kicks(self) -> bool:
        """Return whether it has a solution that can be kicked."""
        return type(self).kick is not Method.kick

    def on_setting_change(self, state: S, problem: TourProblem, name: str) -> None:
        """Take a setting changed during the race into the state. Called on the new method."""

    def hold(self, state: S, still: bool) -> None:
        """Let what runs outside this process wait, or go on."""

    def close(self, state: S) -> None:
        """End what runs outside this process."""

    def knobs(self) -> list[dict[str, Any]]:
        """Return the fields that may be changed while it runs, as `registry.fields` describes
        them, with ``value`` for ``default``.
        """
        found = []
        for entry in fields(type(self)):
            if entry.pop("live", False):
                del entry["default"]
                found.append(entry | {"value": getattr(self, entry["name"])})
        return found

    def with_setting(self, name: str, value: Any) -> Self:
        """Return a copy with another value of a setting.

        Raises:
            BadInput: it may not be changed while it runs, or the value is out of its range.
        """
        live, name = [knob["name"] for knob in self.knobs()], type(self).current(name)
        if name not in live:
            raise BadInput(
                name, value, f"a setting that may be changed while it runs: {', '.join(live)}"
            )
        try:
            return type(self).model_validate(self.model_dump(exclude_unset=True) | {name: value})
        except ValidationError as error:
            raise explain(error) from None


METHODS: Registry[Method[Any]] = Registry("method")


class OverNeighbours(Method[S], Generic[S]):
    """The base of methods that join cities to near ones."""

    sees = "map"
    directed = True

    neighbours: int = Field(
        8,
        ge=3,
        le=100,
        description="How many near cities a city may be joined to.",
        json_schema_extra={"advanced": True, "label": "Near cities"},
    )

    def footprint(self, instance: TourInstance) -> int:
        return instance.size * (4 * self.neighbours + 40)

    def near(self, problem: TourProblem, meter: Meter) -> Integers:
        """Return the near cities (n, K), and charge the lane for looking at them once."""
        near = problem.neighbours(self.neighbours)
        meter.read(near.size)
        return near


def proposals(size: int) -> int:
    """Return how many moves one step proposes, so that it takes about a millisecond."""
    return min(LONGEST_STEP, max(SHORTEST_STEP, STEP_PER_CITY * size))


def places(tour: Integers) -> Integers:
    """Return where every city stands in a tour."""
    pos = np.empty(len(tour), np.int32)
    pos[tour] = np.arange(len(tour), dtype=np.int32)
    return pos


def started(numbers: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Set the counters for a first tour of that length, and return them."""
    numbers[:] = 0
    numbers[CURRENT] = numbers[LOWEST] = length
    return numbers


def shortest(problem: Problem, tours: Sequence[Integers], meter: Meter) -> Integers:
    """Return the shortest of some tours, and charge the lane for measuring them."""
    meter.read(len(tours) * problem.size)
    return min(tours, key=problem.price)


def keep(
    problem: Problem,
    tour: Integers,
    best: Integers,
    numbers: NDArray[np.int64],
    meter: Meter,
) -> None:
    """Take a tour for the best if it is shorter, and charge the lane for measuring it.

    Args:
        problem: the instance.
        tour: (n,) a tour.
        best: (n,) the shortest so far; changed in place.
        numbers: counters; the length of the shortest is changed.
        meter: of the lane.
    """
    meter.read(problem.size)
    length = problem.price(tour)
    if length < numbers[LOWEST]:
        best[:], numbers[LOWEST] = tour, length
