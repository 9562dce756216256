"""A race on a combinatorial problem: lanes that start from one solution and share one budget.

The lane furthest behind in the chosen currency moves next. It has the same methods as
`engine.race.race.Race`, so workers, recordings and the command line run either.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypedDict

import numpy as np

from ..errors import BadInput
from ..experiment.lane_names import lane_names
from ..messages.encoding import Frame, Message
from ..race.iteration import FrameIteration
from . import checks
from .experiment import GREEDY_FROM, CombinatorialExperiment
from .instance import Integers, Known, TourInstance
from .interventions import Event, Interventions
from .meter import Meter
from .methods.base import Method, Repair, State, Stream
from .problem import problem_of

log = logging.getLogger(__name__)
MOST_REFUSED = 2000
"""Proposals in a row that slow motion passes over until one is accepted."""
LEAD_SECONDS = 0.25
"""By how much a program outside may be ahead of the others before it has to wait."""
TINY = {"tour": 3, "routes": 2}
"""Instances of at most this many places have one solution, or two where distances depend on the
direction: there is nothing to search."""


class LaneResult(TypedDict):
    """The result of a lane, as JSON values; None is what does not exist."""

    method: str
    label: str
    best: int | None
    gap: float | None
    known: int | None
    bound: int | None
    proved_gap: float | None
    feasible: bool
    violation: int
    moves: int | None
    evaluations: int | None
    seconds: float
    steps: int
    spent: float
    stopped: str | None
    trouble: str | None
    note: str | None


@dataclass
class Lane:
    """One method in a race.

    Attributes:
        index: its number in the experiment.
        method: with its settings.
        meter: what it has spent.
        stream: its random numbers.
        state: of the method; None if there is nothing to search.
        step: steps taken.
        finished: whether it takes no more steps.
        trouble: why it cannot continue, as a sentence, or None.
        stopped: the rule that ended it, as a sentence, or None.
        note: a remark, or None.
        torn: whether an exception left a step incomplete; its state is then not used again.
        last: its best tour, in the instance's numbers, and its length, when it failed.
    """

    index: int
    method: Method
    meter: Meter
    stream: Stream
    state: State | None = None
    step: int = 0
    finished: bool = False
    trouble: str | None = None
    stopped: str | None = None
    note: str | None = None
    torn: bool = False
    last: tuple[Integers, int] | None = field(default=None, repr=False)

    @property
    def optimizer(self) -> Method:
        """Return the method, by the name that races of networks have for it."""
        return self.method


class CombinatorialRace(FrameIteration):
    """Run an experiment, headless or in a worker.

    Args:
        experiment: what to run.
        marks: how many frames iterating yields after the first, at equal shares of the budget.
        pictures: whether those frames have pictures.
        events: interventions of an earlier run, to be repeated.

    Raises:
        BadInput: the instance cannot be read, or an event does not fit this race.
        CannotRun: a method cannot run on this instance.

    Attributes are those of `engine.race.race.Race` where both have them; ``instance`` follows the
    edits of cities, ``problem`` is the instance as methods see it, ``still`` whether what runs
    outside this process waits since the race is paused.
    """

    def __init__(
        self,
        experiment: CombinatorialExperiment,
        marks: int = 200,
        pictures: bool = True,
        events: Iterable[Event] = (),
    ) -> None:
        from .observer import Observer

        self.began = self.experiment = experiment
        self.marks, self.with_pictures = marks, pictures
        self.instance = self.loaded = experiment.instance.load()
        experiment.fits(self.instance)
        self.problem: Any = problem_of(self.instance)
        self.names = lane_names(experiment.lanes)
        self.events: list[Message] = []
        self.done: list[Message] = []
        self.before_evaluation: Callable[[Any], None] = lambda lane: None
        self.k, self.closed, self._interrupted = -1, False, False
        self.still = False
        self.best_known: Known | None = self.instance.known
        tour, reads = self._first_tour()
        self.lanes = [self._line_up(index, tour, reads) for index in range(len(experiment.lanes))]
        self.observer = Observer(self)
        self.hands = Interventions(self, events)

    def _first_tour(self) -> tuple[Integers, int]:
        """Return the tour that every lane starts from, in the problem's numbers, and what it cost
        to find.
        """
        start = self.experiment.start
        if start == "auto":
            kind, size = self.instance.kind, self.instance.size
            greedy = size > GREEDY_FROM if kind == "tour" else kind == "landing"
            start = "greedy" if greedy else "random"
        return self.problem.first(start, Stream(self.experiment.seed, "start").at(0))

    def _line_up(self, index: int, tour: Integers, reads: int) -> Lane:
        lanes = self.experiment.lanes
        method = lanes[index]
        # Two lanes of one method differ, and a method has the same numbers in any position.
        twin = sum(lane.name == method.name for lane in lanes[:index])
        lane = Lane(
            index,
            method,
            Meter(self.experiment.budget),
            Stream(self.experiment.seed, f"{method.name} {twin}"),
        )
        kind = self.instance.kind
        if self.instance.size <= TINY.get(kind, 0):
            what = "one tour" if kind == "tour" else "one solution"
            lane.finished, lane.note = True, f"There is only {what}: nothing to search."
            if kind == "tour" and self.instance.size == 3 and not self.instance.symmetric:
                tour = min(tour, tour[::-1].copy(), key=self.problem.price)
                lane.note = "There are only two tours, of which this is the shorter one."
            lane.last = self.problem.outward(tour), self.problem.price(tour)
            return lane
        lane.meter.read(reads)
        with self.minding(lane, "while it was set up"), lane.meter.timed():
            lane.state = method.begin(self.problem, tour, lane.meter, lane.stream)
        lane.meter.seconds = 0.0 if lane.trouble is None else lane.meter.seconds
        if lane.meter.progress >= 1 and not lane.finished:
            lane.finished = True
            lane.note = f"{self.names[index]} took no step: preparing spent the whole budget."
        return lane

    @property
    def clock(self) -> float:
        """Return the seconds of work so far, all lanes together."""
        return sum(lane.meter.seconds for lane in self.lanes)

    @property
    def finished(self) -> bool:
        return all(lane.finished for lane in self.lanes)

    @property
    def running(self) -> list[Lane]:
        """Return the lanes that still run."""
        return [lane for lane in self.lanes if not lane.finished]

    @property
    def followed(self) -> CombinatorialRace:
        """Return the race whose pictures are shown: this one."""
        return self

    @property
    def torn(self) -> bool:
        """Return whether the race cannot continue because a step was left incomplete: never, for
        such a lane ends.
        """
        return False

    @property
    def given(self) -> list[Event]:
        """Return the interventions to be repeated."""
        return self.hands.given

    @property
    def progress(self) -> float:
        """Return the share of the budget spent by the lane furthest behind, in [0, 1]."""
        return min((lane.meter.progress for lane in self.running), default=1.0)

    @property
    def troubles(self) -> int:
        """Return how many lanes have failed."""
        return sum(lane.trouble is not None for lane in self.lanes)

    def settled(self) -> AbstractContextManager[None]:
        """Do nothing: these races set no number of threads."""
        return nullcontext()

    def advance(self) -> int:
        """Take one step of the lane furthest behind, and return its index.

        Raises:
            RuntimeError: the race is over.
        """
        waiting = self.running
        if not waiting:
            raise RuntimeError("the race is over")
        lane = min(waiting, key=lambda one: one.meter.spent)
        for other in waiting:
            if other.method.streams and other.state is not None:
                ahead = other.meter.spent - lane.meter.spent > LEAD_SECONDS
                other.method.hold(other.state, ahead)
        self.advance_lane(lane)
        return lane.index

    def advance_lane(self, lane: Lane) -> None:
        """Take one step of that lane. An exception in it ends only this lane."""
        self.hands.before_step(lane)
        if lane.finished or lane.state is None:
            return
        lane.step += 1
        with self.minding(lane):
            with nullcontext() if lane.method.outside else lane.meter.timed():
                lane.method.step(lane.state, self.problem, lane.meter, lane.stream, lane.step)
            self._after_step(lane)

    def _after_step(self, lane: Lane) -> None:
        state, meter = lane.state, lane.meter
        assert state is not None
        self._doubt_known(lane, state)
        lane.note = state.note
        self._hear_bound(lane, state)
        if lane.finished:
            return
        if state.over or (meter.progress >= 1 and not lane.method.outside):
            lane.finished = True
            return
        lowest, stop = state.lowest, self.experiment.stop
        if lowest is None:
            return
        label = self.names[lane.index]
        known = self.best_known
        if stop.length is not None and lowest <= stop.length:
            lane.stopped = f"{label} reached the target length at step {lane.step:,}."
        elif lane.method.proves:
            return
        elif known is not None and known.proven and lowest == known.value:
            lane.stopped = f"{label} found the optimum at step {lane.step:,}."
        elif stop.gap is not None and known is not None and lowest <= known.value * (1 + stop.gap):
            lane.stopped = f"{label} reached the target gap at step {lane.step:,}."
        lane.finished = lane.stopped is not None
        if lane.finished:
            lane.method.close(state)

    def _doubt_known(self, lane: Lane, state: State) -> None:
        """Believe an optimum that is published under the instance's name no longer once a checked
        solution is below it: it is that of another instance.
        """
        known, lowest = self.best_known, state.lowest
        if known is None or not known.proven or lowest is None or lowest >= known.value:
            return
        solution = self.problem.outward(state.best)
        if checks.check(self.instance, solution):
            return
        if checks.length(self.instance, solution) < known.value:
            self.best_known = None
            state.note = (
                f"{self.names[lane.index]} is below the optimum that {known.by} has under the name "
                f"{self.instance.name}, so this is another instance: of it none is known."
            )

    def _hear_bound(self, lane: Lane, state: State) -> None:
        """End a lane whose answer was proved to be the best, which all others may learn."""
        bound, lowest = state.bound, state.lowest
        if bound is None or lowest is None or lowest > bound:
            return
        label = self.names[lane.index]
        told = f"{round(lowest * self.instance.scale, 2):,.10g} {self.instance.unit}".strip()
        lane.stopped = f"{label} proved {told} optimal."
        lane.finished = True
        lane.method.close(state)
        known = self.best_known
        if known is None or not known.proven or known.value < lowest:
            self.best_known = Known(lowest, True, label)

    @contextmanager
    def minding(self, lane: Lane, when: str = "") -> Iterator[None]:
        """End only this lane if an exception is raised in the block; bad input is passed on."""
        try:
            yield
        except BadInput:
            raise
        except Exception as error:
            state = lane.state
            place = f"{self.names[lane.index]} ended at step {lane.step:,}{when and f', {when}'}"
            words = (
                "memory ran out"
                if isinstance(error, MemoryError)
                else f"{str(error) or type(error).__name__}"
                if isinstance(error, OSError | ArithmeticError)
                else "of an error in Kelvin, which is in the log"
            )
            log.error("%s", place, exc_info=error)
            if state is not None:
                lane.method.close(state)
            if state is not None and state.best is not None:
                tour = self.problem.outward(state.best)
                if not checks.check(self.instance, tour):
                    lane.last = tour, checks.length(self.instance, tour)
            lane.trouble = f"{place}: {words}."
            lane.finished, lane.state = True, None

    def best(self, lane: Lane) -> tuple[Integers, int] | None:
        """Return a lane's shortest tour, in the instance's numbers, and its length; None before
        the first.
        """
        if lane.state is None or lane.state.best is None or lane.state.lowest is None:
            return lane.last
        return self.problem.outward(lane.state.best), lane.state.lowest

    def present(self, lane: Lane) -> Integers | None:
        """Return a lane's present tour, in the instance's numbers."""
        if lane.state is None or lane.state.tour is None:
            return None
        return self.problem.outward(lane.state.tour)

    def reheat(self, lane: int, factor: float) -> bool:
        """Multiply a lane's temperature. Returns False if its method has none."""
        return self.hands.reheat(lane, factor)

    def set_hyperparameter(self, lane: int, field: str, value: Any) -> None:
        """Change a setting of a lane's method from the next step on."""
        self.hands.set_hyperparameter(lane, field, value)

    def kick(self, lane: int) -> None:
        """Change a lane's present tour by a random double bridge."""
        self.hands.kick(lane)

    def set_cities(self, move: Any = (), drop: Any = (), add: Any = ()) -> None:
        """Move, drop and add cities; see `Interventions.set_cities`."""
        self.hands.set_cities(move, drop, add)

    def put_weight(self, lane: int, index: int, value: float) -> None:
        """Refuse: a tour has no weights."""
        raise BadInput("weight", index, "a race of networks")

    def set_points(self, text: str) -> None:
        """Refuse: a tour has cities, not training points."""
        raise BadInput("points", text, "a race of networks")

    def replace(self, instance: TourInstance, repair: Repair) -> None:
        """Go on with other cities.

        Args:
            instance: the new cities; of an editable instance, which is not renumbered.
            repair: takes any tours of the old cities to those of the new ones.
        """
        self.instance, self.problem = instance, problem_of(instance)
        self.best_known = None
        for lane in self.lanes:
            if lane.finished and lane.trouble is None:
                # what ended it was true of the cities before: it goes on with what budget it has
                lane.stopped = lane.note = None
                lane.finished = (
                    lane.state is None
                    or lane.meter.progress >= 1
                    or lane.method.refusal(instance) is not None
                )
            if lane.finished:
                # its tour is none of these cities; what it had found is void
                if lane.state is not None and lane.state.best is not None:
                    lane.last = self._measured(*repair([lane.state.best]))
                    lane.state = None
                elif lane.last is not None:
                    lane.last = self._measured(*repair([lane.last[0]]))
                continue
            with self.minding(lane, "when its cities were changed"):
                assert lane.state is not None
                lane.state = lane.method.edited(
                    lane.state, self.problem, repair, lane.meter, lane.stream
                )
                if self.still:
                    lane.method.hold(lane.state, True)
        self.observer.watch()

    def _measured(self, tour: Integers) -> tuple[Integers, int]:
        return tour, checks.length(self.instance, tour)

    def stage(self) -> Message:
        """Return the message with all that does not change during the race."""
        return self.observer.stage()

    def metrics(self, k: int, closely: bool = True) -> Message:
        """Return the counters and lengths now, as frame k's message."""
        return self.observer.metrics(k)

    def picture(self, k: int) -> Message:
        """Return the tours now, as frame k's message."""
        return self.observer.picture(k)

    def detail(self, k: int) -> Message:
        """Return the details for a closer look: none."""
        return {"type": "detail", "k": k, "lanes": [{} for _ in self.lanes]}

    def last_messages(self, k: int) -> list[Message]:
        """Return what follows the last frame: nothing."""
        return []

    def weights(self, k: int) -> Message:
        """Return every lane's best tour, as a message beside frame k."""
        found = [self.best(lane) for lane in self.lanes]
        return {
            "type": "weights",
            "k": k,
            "steps": [lane.step for lane in self.lanes],
            "lanes": [np.empty(0, np.int32) if one is None else one[0] for one in found],
        }

    def step_in_phases(self, lane: Lane, k: int) -> Message:
        """Let that lane propose one move that changes something, and return the message that shows
        it, accepted or not: the edges that go and those that come. Of a method whose proposals are
        not known beforehand it is one that it makes, after proposals that it refuses.
        """
        before, accepted = self.present(lane), lane.meter.accepted
        energy = None if lane.state is None else lane.state.current
        foreseen: tuple[Integers, int] | None = None
        for _ in range(MOST_REFUSED):
            if lane.finished or lane.state is None:
                break
            state, present = lane.state, lane.state.tour
            foreseen = lane.method.foresee(state, lane.stream, lane.step + 1)
            changes = (
                foreseen is not None
                and present is not None
                and not np.array_equal(foreseen[0], present)
            )
            state.only = 1
            self.advance_lane(lane)
            state.only = None
            if changes or (foreseen is None and lane.meter.accepted != accepted):
                break
        if foreseen is not None and lane.state is not None:
            tour, rise = self.problem.outward(foreseen[0]), foreseen[1]
            told = {
                "accepted": lane.meter.accepted != accepted,
                "chance": lane.method.chance(lane.state, rise),
                "temperature": lane.state.temperature,
            }
            return self.observer.move_message(lane, before, tour, rise, k) | told
        after = None if lane.state is None else lane.state.current
        rise = 0 if energy is None or after is None else after - energy
        return self.observer.move_message(lane, before, self.present(lane), rise, k)

    def frame(self, k: int, closely: bool = True) -> Frame:
        """Return metrics and, if wanted, a picture of the same moment."""
        metrics = self.metrics(k, closely)
        return Frame(k, metrics, self.picture(k) if self.with_pictures else None)

    def hold(self, still: bool) -> None:
        """Let what lanes have running outside this process wait while the race is paused, or go
        on.
        """
        self.still = still
        for lane in self.running:
            if lane.state is not None:
                lane.method.hold(lane.state, still)

    def close(self) -> None:
        """End what lanes have running outside this process."""
        for lane in self.lanes:
            if lane.state is not None:
                lane.method.close(lane.state)

    def results(self) -> list[LaneResult]:
        """Return every lane's result as JSON values. Each tour is checked and measured again by
        code that shares nothing with the methods.
        """
        return [self._result(lane) for lane in self.lanes]

    def _result(self, lane: Lane) -> LaneResult:
        found = self.best(lane)
        present = self.present(lane)
        if found is not None:
            wrong = checks.check(self.instance, found[0])
        elif present is not None:  # the best that it has, which is no answer
            wrong = checks.check(self.instance, present) or ["it found no answer"]
        else:
            wrong = ["it found no answer"]
        best = None
        if found is not None and not wrong:
            best = checks.length(self.instance, found[0])
            if best != found[1]:  # a defect: what is true is shown
                log.error("%s counts %s, checked %s", lane.method.name, found[1], best)
                wrong = [f"its length was counted as {found[1]:,} and is {best:,}"]
        known, bound = self.best_known, self.observer.bound()
        proven = known.value if known is not None and known.proven else bound
        return {
            "method": lane.method.name,
            "label": self.names[lane.index],
            "best": best,
            "gap": None if known is None or best is None else gap_of(best, known.value),
            "known": None if known is None else known.value,
            "bound": bound,
            # at most by this share is it longer than the optimum, whoever knows that or not
            "proved_gap": None if proven is None or best is None else gap_of(best, proven),
            "feasible": not wrong,
            "violation": 0 if found is not None or lane.state is None else lane.state.violation,
            "moves": None if lane.method.outside else lane.meter.moves,
            "evaluations": None if lane.method.outside else lane.meter.evaluations,
            "seconds": lane.meter.seconds,
            "steps": lane.step,
            "spent": lane.meter.spent / lane.meter.budget.amount,
            "stopped": lane.stopped,
            "trouble": lane.trouble,
            "note": lane.note if not wrong or lane.trouble else lane.note or "; ".join(wrong),
        }


def gap_of(length: int, reference: int) -> float | None:
    """Return by what share a length exceeds a reference; 0 if both are 0, and None if only the
    reference is, since no share of nothing tells how much that is.
    """
    if reference == 0:
        return None if length else 0.0
    return (length - reference) / reference
