"""Solvers of others as lanes: the reference that methods are measured against.

Each works in a process of its own, and its seconds are the processor time of that process. What it
looks at cannot be counted, so it needs a budget in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from .. import checks
from ..instance import Integers
from ..kernels.counters import CURRENT, LOWEST
from ..meter import Meter
from ..outside.process import Solver, as_tour
from .base import METHODS, Method, Phase, Repair, State, Stream

if TYPE_CHECKING:
    from ..tour_problem import TourProblem

SPARE = 0.02
"""Seconds by which a solver may overrun its budget before it is ended."""
OVERRUN = 3.0
"""How many times its budget, and a second, a solver may take that does not end by itself."""


@dataclass(kw_only=True)
class OutsideState(State):
    """A solver that runs.

    Attributes:
        solver: its process.
        before: seconds that the lane had spent when it was started.
    """

    solver: Solver
    before: float = 0.0

    @property
    def seconds(self) -> float:
        """Return the seconds that the lane has spent."""
        return self.before + self.solver.seconds


class Outside(Method[OutsideState]):
    """The base of such lanes."""

    family = "Outside"
    sees = "model"
    outside = True
    package: ClassVar[str]
    """What is imported."""
    module: ClassVar[str]
    """The module of `..outside` that runs it."""
    install: ClassVar[str]
    """How to get it."""
    most: ClassVar[int]
    """The most cities that it is given."""
    phases: ClassVar[tuple[Phase, ...]] = (
        Phase("Search", "Another program searches in a process of its own."),
    )

    def refusal(self, instance: Any) -> str | None:
        if instance.kind not in self.solves:
            return super().refusal(instance)
        if find_spec(self.package) is None:
            return f"the package {self.package}, which is not installed: {self.install}"
        if instance.size > self.most:
            able = "iterated" if instance.kind == "tour" else "annealing"
            return (
                f"at most {self.most:,} {instance.things} for {self.name}; {able} takes any number"
            )
        return super().refusal(instance)

    def footprint(self, instance: Any) -> int:
        return int(200 * 2**20 + 40 * instance.size**2)

    def begin(
        self, problem: TourProblem, tour: Integers, meter: Meter, stream: Stream
    ) -> OutsideState:
        seconds = max(0.05, meter.budget.amount - meter.seconds)
        seed = stream.at(0, "solver") % 2**31
        solver = Solver(self.module, problem.instance, seconds, seed)
        return OutsideState(solver=solver, before=meter.seconds)

    def step(
        self,
        state: OutsideState,
        problem: TourProblem,
        meter: Meter,
        stream: Stream,
        number: int,
    ) -> None:
        solver, budget = state.solver, meter.budget.amount
        for message in solver.wait():
            if message[0] == "tour":
                self._take(state, problem, as_tour(message[1]))
            elif message[0] == "bound":
                state.bound = max(message[1], state.bound or message[1])
            elif message[0] == "infeasible":
                state.note = f"{self.label} proved that no answer exists."
            elif message[0] == "note":
                state.note = message[1]
            elif message[0] == "failed":
                solver.close()
                raise ArithmeticError(f"{self.label} failed: {message[1]}")
        meter.seconds = max(meter.seconds, state.seconds)
        if solver.over:
            state.over = True
            if state.best is None and state.note is None:
                raise ArithmeticError(f"{self.label} ended without an answer")
        elif self.streams and state.best is not None and meter.seconds > budget + SPARE:
            solver.close()
            state.over = True
        elif meter.seconds > OVERRUN * budget + 1:
            solver.close()
            raise ArithmeticError(f"{self.label} went on when its budget was long spent")

    def _take(self, state: OutsideState, problem: TourProblem, tour: Integers) -> None:
        """Keep a tour if it is one and shorter than those before."""
        wrong = checks.check(problem.instance, tour)
        if wrong:
            what = "a tour" if problem.instance.kind == "tour" else "a solution"
            state.note = f"{self.label} gave {what} that is none: {wrong[0]}."
            return
        length = checks.length(problem.instance, tour)
        state.tour, state.numbers[CURRENT] = problem.inward(tour), length
        if state.best is None or length < state.numbers[LOWEST]:
            state.best, state.numbers[LOWEST] = state.tour, length

    def edited(
        self,
        state: OutsideState,
        problem: TourProblem,
        repair: Repair,
        meter: Meter,
        stream: Stream,
    ) -> OutsideState:
        """Begin anew: such a program cannot be told of other cities."""
        meter.seconds = max(meter.seconds, state.seconds)
        state.solver.close()
        after = self.begin(problem, problem.random_tour(0), meter, stream)
        if state.best is not None:
            [tour] = repair([state.best])
            after.best = after.tour = tour
            after.numbers[CURRENT] = after.numbers[LOWEST] = problem.length(tour)
        after.note = f"{self.label} began anew when the cities were changed."
        return after

    def hold(self, state: OutsideState, still: bool) -> None:
        if still:
            state.solver.stop()
        else:
            state.solver.go_on()

    def close(self, state: OutsideState) -> None:
        state.solver.close()


@METHODS.add
class FastTsp(Outside):
    """fast-tsp, the reference."""

    name = "fast-tsp"
    label = "fast-tsp"
    paper = "Mulder 2026, https://github.com/shmulvad/fast-tsp"
    sentence = (
        "A local search in Rust, near the optimum within seconds; it says nothing until its time "
        "is over."
    )
    package = "fast_tsp"
    module = "fast_tsp"
    install = "pip install fast-tsp"
    most = 5000


@METHODS.add
class OrTools(Outside):
    """OR-Tools' routing solver."""

    name = "or-tools"
    label = "OR-Tools routing"
    paper = "Perron and Furnon, https://developers.google.com/optimization"
    sentence = (
        "Made for routes with many constraints, which it has room for; on a plain round trip "
        "simpler methods are ahead."
    )
    package = "ortools"
    module = "or_tools"
    install = "make opponents"
    most = 3000
    streams = True
    solves = ("tour", "routes")


@METHODS.add
class PyVrp(Outside):
    """PyVRP's solver of vehicle routing problems."""

    name = "pyvrp"
    label = "PyVRP"
    paper = "Wouda, Lan and Kool 2024, https://doi.org/10.1287/ijoc.2023.0055"
    sentence = (
        "Iterated local search in C++ made for vehicle routes: the reference, near the best known "
        "routes within seconds."
    )
    package = "pyvrp"
    module = "pyvrp"
    install = "make opponents"
    most = 3000
    streams = True
    solves = ("routes",)


@METHODS.add
class Highs(Outside):
    """HiGHS, which proves its answers."""

    name = "highs"
    proves = True
    label = "HiGHS"
    paper = "Huangfu and Hall 2018, https://doi.org/10.1007/s12532-017-0130-5"
    sentence = (
        "Branch and bound on linear programs: where it ends, its answer is proved to be the best, "
        "or that there is none. It wins wherever the instance is not too large for that."
    )
    solves = ("pairing",)
    phases = (
        Phase("Relax", "Columns may be taken in part: a linear program, which bounds the price."),
        Phase("Branch", "A column is taken in one branch and left out in the other."),
        Phase("Bound", "A branch that cannot be cheaper than the best answer is cut off."),
    )
    package = "highspy"
    module = "highs"
    install = "pip install highspy"
    most = 20_000
    streams = True

    def footprint(self, instance: Any) -> int:
        return int(100 * 2**20 + 20 * instance.footprint())
