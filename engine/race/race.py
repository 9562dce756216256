"""A race: lanes that start from the very same weights and share one budget.

Whoever is furthest behind in the chosen currency moves next, so at every moment the lanes have
spent the same to within one step, whatever a step costs each of them.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import torch

from .. import evaluation
from ..errors import BadInput
from ..experiment.lane_names import lane_names
from ..experiment.model import Experiment, pick_device
from ..experiment.stopping import Moment, Start, Wreck
from ..losses import get_loss
from ..messages.encoding import Frame, Message
from ..observation.observer import Observer
from ..optimizers import Optimizer, State
from ..oracle import Oracle
from ..random.rng import Rng, hashed_seed
from ..system import arithmetic
from .apply import Hands
from .failures import OUTSIDE, cause_of, gentler
from .interrupt import held_back
from .interventions import Event
from .lane import Lane, knows_anything
from .results import result_of
from .warm_up import warm_up

log = logging.getLogger(__name__)
BARREN = 5
"""Looks in a row at which nothing that a lane had asked about or remembers was finite, after which
it is ended."""

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def at_work(
    method: Callable[Concatenate[Any, Given], Answer],
) -> Callable[Concatenate[Any, Given], Answer]:
    """Let a method of a race work with the race's own number of threads and exactness."""

    @wraps(method)
    def inside(race: Any, /, *given: Given.args, **named: Given.kwargs) -> Answer:
        with race.settled():
            return method(race, *given, **named)

    return inside


def advised(lane: Lane, note: str | None) -> str | None:
    """Add to a note what usually helps the lane's method."""
    return None if note is None else f"{note} {gentler(lane.optimizer)}".rstrip()


class Race:
    """Runs an experiment, headless or driven by a worker.

    Args:
        experiment: what to run.
        marks: how many frames iterating gives after the first, at equal shares of the budget.
        pictures: whether those frames carry pictures.
        events: what was done by hand when it was run before, to be done again; see
            `engine.race.interventions` for when.

    Raises:
        BadInput: the data is not here, or the device is not, or an event is not of this race.

    Attributes:
        began: the experiment as it was given. ``experiment`` follows what is done by hand.
        events: what was done by hand since the last metrics, as messages.
        names: what the lanes are called, no two alike.
        done: all that was done by hand so far, as JSON values.
        k: the number of the last frame that iterating gave, −1 before the first.
        closed: whether that frame was of the race's end.
        heard: called with a lane whenever it asks its oracle, for who watches a long step.

    Iterating runs the whole race; iterating once more goes on behind the last frame that was given.
    Ctrl-C waits for the end of a step.

    With a budget in evaluations or FLOPs the same experiment gives the same frames every time on
    the same machine, but for the wall-clock fields ``clock`` and ``seconds``: whatever else the
    machine does, however many cores this process may use, and whatever PyTorch was told before.
    While a race works it sets the number of threads, and float32 that is float32, for the whole
    process; what was set before holds again when it hands back a frame or a method returns.
    """

    def __init__(
        self,
        experiment: Experiment,
        marks: int = 200,
        pictures: bool = True,
        events: Iterable[Event] = (),
    ) -> None:
        self.began = self.experiment = experiment
        self.marks, self.with_pictures = marks, pictures
        self.device = pick_device(experiment.device)
        with self.settled():
            self._begin(events)

    def _begin(self, events: Iterable[Event]) -> None:
        experiment = self.experiment
        self.dataset = experiment.dataset.load(experiment.seed).to(self.device)
        self.network = experiment.network.build_for(experiment.dataset)
        self.loss = get_loss(experiment.loss)
        # The first weights are drawn on the CPU, so every device starts from the same ones.
        self.theta = self.network.init(
            torch.Generator().manual_seed(hashed_seed(experiment.seed, "first weights"))
        ).to(self.device)
        self.names = lane_names(experiment.lanes)
        self.events: list[Message] = []
        self.done: list[Message] = []
        self.heard: Callable[[Lane], None] = lambda lane: None
        self.lanes = [
            self._line_up(index, optimizer) for index, optimizer in enumerate(experiment.lanes)
        ]
        self.observer = Observer(self)
        self.hands = Hands(self, events)
        self.k, self.closed, self._interrupted = -1, False, False

    def _line_up(self, index: int, optimizer: Optimizer) -> Lane:
        oracle, rng = self._oracle(optimizer), self._rng(index)
        budget = self.experiment.budget
        lane = Lane(
            index, optimizer, oracle, rng, State(self.theta.clone()), Moment(0, self.theta.clone())
        )
        oracle.heard = lambda: self.heard(lane)
        with self.minding(lane, "while it was set up"):
            warm_up(
                optimizer,
                self.theta,
                self._rng(index),
                lambda: self._oracle(optimizer),
                self._precision,
            )
            with self._precision(), oracle.working():
                lane.state = optimizer.init(self.theta, rng, oracle)
            lane.finished = (
                budget.currency != "seconds" and oracle.spent(budget.currency) >= budget.amount
            )
            if lane.finished:
                lane.note = (
                    f"{self.names[index]} took no step: the whole budget went into preparing, "
                    f"such as judging its first members or finding its first temperature."
                )
        return lane

    def _oracle(self, optimizer: Optimizer) -> Oracle:
        budget = self.experiment.budget
        return Oracle(
            self.network,
            self.loss,
            self.dataset,
            optimizer.seen(),
            optimizer.batch,
            self.experiment.seed,
            (budget.currency, budget.amount),
            optimizer.selects,
        )

    def _rng(self, index: int) -> Rng:
        """The random numbers of a lane. Two lanes of one method differ, and a method has the same
        ones wherever it stands and whatever it races against.
        """
        lanes = self.experiment.lanes
        return Rng(
            self.experiment.seed,
            f"lane {sum(lane.name == lanes[index].name for lane in lanes[:index])}",
            self.device,
        )

    def settled(self) -> AbstractContextManager[None]:
        """Inside, this process works with the experiment's number of threads, and in float32
        wherever nothing else is asked for.
        """
        return arithmetic.settled(self.experiment.threads, self.device)

    def _precision(self) -> AbstractContextManager[None]:
        """That of the experiment, inside; what is shown of a lane is found in float32."""
        return evaluation.precision(self.experiment.precision)

    @property
    def clock(self) -> float:
        """Seconds of training so far, all lanes together; looking and pauses left out."""
        return sum(lane.oracle.seconds for lane in self.lanes)

    @property
    def finished(self) -> bool:
        return all(lane.finished for lane in self.lanes)

    @property
    def progress(self) -> float:
        """The share of the budget spent by the lane furthest behind, in [0, 1]."""
        return min((lane.oracle.progress for lane in self.lanes if not lane.finished), default=1.0)

    @at_work
    def advance(self) -> int:
        """One step of the lane furthest behind.

        Returns:
            Its index.

        Raises:
            RuntimeError: the race is over.
        """
        currency = self.experiment.budget.currency
        waiting = [lane for lane in self.lanes if not lane.finished]
        if not waiting:
            raise RuntimeError("the race is over")
        lane = min(waiting, key=lambda one: one.oracle.spent(currency))
        self.advance_lane(lane)
        return lane.index

    @at_work
    def advance_lane(self, lane: Lane) -> None:
        """One step of that lane, whoever's turn it is (a visitor stepping by hand moves every lane
        by one). Whatever is raised in it ends the lane, and no other.
        """
        if lane.torn:
            raise RuntimeError(
                f"step {lane.step:,} of {lane.optimizer.label} was left half done; the race "
                f"cannot go on from there"
            )
        self.hands.before_step(lane)
        if not lane.finished:  # else what was done again by hand has ended it
            lane.step += 1
            with self.minding(lane):
                self._step(lane)

    def _step(self, lane: Lane) -> None:
        spent = lane.oracle.spent(self.experiment.budget.currency)
        before = lane.state.estimate.clone() if lane.watched else None
        try:
            with self._precision(), lane.oracle.working():
                lane.oracle.draw(lane.step)
                lane.state = lane.optimizer.step(lane.state, lane.rng.at(lane.step), lane.oracle)
        except BaseException:  # counted and charged already, perhaps moved already
            lane.torn = True
            raise
        if before is not None:
            lane.watched, lane.move = False, (before, lane.state.estimate - before)
        known = lane.state.estimate_loss
        if known is not None and lane.wreck is None and not math.isfinite(known):
            lane.wreck = Wreck.of(lane.step, known, lane.state.estimate)
        budget = self.experiment.budget
        now = lane.oracle.spent(budget.currency)
        # Steps of a known price: the next is not taken where it would leave the lane further from
        # its budget than it is now. A step that is cut to what is left always fits.
        half = 0.0 if budget.currency == "seconds" or lane.oracle.cuts else (now - spent) / 2
        if now >= budget.amount - half:
            lane.finished = True

    def judge(self, lane: Lane, loss: float) -> bool:
        """Called with the loss that is looked at: end the lane when it is no number any more, or
        when a stop rule says so.

        A lane that diverged is given back the estimate of its last good moment.

        Returns:
            Whether it has just ended, or was given back an earlier estimate.
        """
        if (
            lane.trouble is not None
            or lane.stopped is not None
            or (lane.finished and lane.step == lane.good.step)
        ):
            return False
        if lane.step != lane.good.step:
            lane.barren = 0 if knows_anything(lane, loss) else lane.barren + 1
        label, progress = self.names[lane.index], lane.oracle.progress
        if not math.isfinite(loss):
            if not knows_anything(lane, loss) or not bool(
                torch.isfinite(lane.state.estimate).all()
            ):
                wreck = lane.wreck or Wreck.of(lane.step, loss, lane.state.estimate)
                outside = self.network.partial and math.isnan(wreck.loss)
                lane.trouble = wreck.sentence(
                    label,
                    lane.good,
                    lane.wreck is not None,
                    OUTSIDE if outside else gentler(lane.optimizer),
                    outside,
                )
                lane.state.estimate, lane.finished, lane.note = (
                    lane.good.estimate.clone(),
                    True,
                    None,
                )
                return True
            # The estimate is outside, while members that it is made of are inside and may bring it
            # back.
            lane.note = (
                f"{label} stands at step {lane.step:,} where the loss is no number, while others "
                f"that it asks about have one."
            )
            if lane.finished and not self._taken_back(lane, label):
                lane.note = (
                    f"{label}'s last step, {lane.step:,}, led where the loss is not finite. "
                    f"{lane.good.kept}"
                )
                lane.state.estimate, lane.good = (
                    lane.good.estimate.clone(),
                    Moment(lane.step, lane.good.estimate, lane.good.loss),
                )
            return lane.finished
        lane.good, lane.wreck = Moment(lane.step, lane.state.estimate.clone(), loss), None
        if lane.barren >= BARREN:
            self.end(
                lane,
                (
                    f"{label} ended at step {lane.step:,}: none of the losses it asked for was "
                    f"finite. {lane.good.kept}"
                ),
            )
            return True
        lane.start = (
            Start(lane.step, loss, progress)
            if lane.start is None
            else lane.start.later(loss, progress)
        )
        lane.note = self.remark(lane, label, loss, progress)
        if not lane.finished:
            lane.best, lane.stopped = self.experiment.stop.judge(
                label, lane.step, loss, progress, lane.best, self.loss.lowest
            )
            if lane.stopped is not None:
                lane.finished = True
                lane.note = self.remark(lane, label, loss, progress)
        return lane.stopped is not None

    def _taken_back(self, lane: Lane, label: str) -> bool:
        """Take back the last step of a finished lane, as its next one would; False where it has no
        way back to a finite loss.
        """
        before, after = lane.optimizer.before(lane.state), lane.state.estimate
        if before is None:
            return False
        lane.state.estimate = before.clone()
        loss = self.score(lane)[0]
        if loss is None or not math.isfinite(loss):
            lane.state.estimate = after
            return False
        lane.state.undone += 1
        lane.good = Moment(lane.step, before.clone(), loss)
        lane.note = advised(lane, self._undone(lane, label))
        return True

    @staticmethod
    def _undone(lane: Lane, label: str) -> str:
        return (
            f"{label} took back {lane.state.undone:,} of {lane.step:,} steps: no loss was finite "
            f"where they led. The steps after them were shorter."
        )

    def remark(self, lane: Lane, label: str, loss: float, progress: float) -> str | None:
        """Return what is worth saying of a lane beside its numbers: that it is worse than it
        began, or has undone steps.
        """
        note = None if lane.start is None else lane.start.note(label, loss, progress, lane.finished)
        if note is None and lane.state.undone:
            note = self._undone(lane, label)
        return advised(lane, note)

    @contextmanager
    def minding(self, lane: Lane, when: str = "") -> Iterator[None]:
        """Let an exception raised inside end this lane alone; what is bad input, or an interrupt,
        goes its way.

        Args:
            lane: whose work is done inside.
            when: what that is, where it is not a step: "while it was set up".
        """
        try:
            yield
        except BadInput:
            raise
        except Exception as error:
            self.fail(lane, error, when)

    def fail(self, lane: Lane, error: Exception, when: str = "") -> None:
        """End a lane by an exception. Its state may be half a step on, or what there was no memory
        for: of it the numbers stay and the last good estimate.
        """
        if lane.trouble is not None:
            return
        cause, place = (
            cause_of(error, lane.optimizer),
            f"{self.names[lane.index]} ended at step {lane.step:,}{when and f', {when}'}",
        )
        if cause.defect:
            log.error("%s", place, exc_info=error)
        self.end(lane, f"{place}: {cause.words}. {lane.good.kept} {cause.advice}".rstrip())

    def end(self, lane: Lane, trouble: str) -> None:
        """End a lane in trouble, at its last good moment. The memory of its population is given
        back to the others.
        """
        state = lane.state
        told = {
            name: getattr(state, name) for name in ("temperature", "plan", "acceptance", "target")
        }
        lane.state = State(
            lane.good.estimate.clone(),
            metrics={name: value for name, value in state.metrics.items() if math.isfinite(value)},
            **told,
        )
        lane.oracle.release()
        lane.trouble, lane.finished, lane.torn, lane.note, lane.move = (
            trouble,
            True,
            False,
            None,
            None,
        )
        if hasattr(self, "observer"):
            self.observer.forget(lane)

    @at_work
    def reheat(self, lane: int, factor: float) -> bool:
        """Multiply a lane's temperature by hand; the next metrics tell of it.

        Returns:
            False where the lane's method has no temperature.
        """
        return self.hands.reheat(lane, factor)

    @at_work
    def turn(self, lane: int, field: str, value: Any) -> None:
        """Turn a knob of a lane's method by hand; it holds from the next step on, and the next
        metrics tell of it.

        Raises:
            BadInput: the lane has finished, the field may not be turned while it runs, or the value
                is out of its range.
        """
        self.hands.turn(lane, field, value)

    @at_work
    def put_weight(self, lane: int, index: int, value: float) -> None:
        """Set one weight of a lane's estimate by hand, all that its method remembers moving along;
        the next metrics tell of it.

        Raises:
            BadInput: the lane has finished, there is no such weight, or the value is no number.
        """
        self.hands.put_weight(lane, index, value)

    @at_work
    def set_points(self, text: str) -> None:
        """Replace the training points of every lane by hand, as `engine.datasets.hand_drawn` writes
        them; the next metrics tell of it.

        Raises:
            BadInput: the text is no such points, or the race is not about points, or is over.
            CannotRun: a lane's method cannot run with so many.
        """
        self.hands.set_points(text)

    @at_work
    def stage(self) -> Message:
        """What does not change during the race, as a message."""
        return self.observer.stage()

    @at_work
    def metrics(self, k: int, closely: bool = True) -> Message:
        """Counters and scores now, as frame k's message; closely, with how steps agree with −∇L."""
        return self.observer.metrics(k, closely)

    @at_work
    def picture(self, k: int) -> Message:
        """Where the weights are now, as frame k's message."""
        return self.observer.picture(k)

    @at_work
    def detail(self, k: int) -> Message:
        """What one may look at more closely, as a message beside frame k."""
        return self.observer.detail(k)

    def weights(self, k: int) -> Message:
        """Every lane's estimate, as a message beside frame k."""
        return {
            "type": "weights",
            "k": k,
            "steps": [lane.step for lane in self.lanes],
            "lanes": [lane.state.estimate for lane in self.lanes],
        }

    def interrupt(self) -> None:
        """End the iteration after the step being taken. Iterating again goes on from there."""
        self._interrupted = True

    def __iter__(self) -> Iterator[Frame]:
        while True:
            if self._due():
                k = self.k + 1
                if self.k >= 0 and not self.finished:
                    k = max(k, math.floor(self.progress * self.marks))
                frame = self.frame(k)
                self.k, self.closed = k, self.finished
                yield frame
            if self.finished:
                return
            try:
                with held_back(self.interrupt), self.settled():  # once for many steps
                    while not (self._interrupted or self.finished or self._due()):
                        self.advance()
            except KeyboardInterrupt:
                self._interrupted = False
                raise
            if self._interrupted:
                self._interrupted = False
                return

    def _due(self) -> bool:
        """Whether iterating gives a frame before it takes another step."""
        if self.finished:
            return not self.closed
        return self.k < 0 or self.progress >= (self.k + 1) / self.marks

    @at_work
    def frame(self, k: int, closely: bool = True) -> Frame:
        """Metrics and, where they are wanted, a picture of one and the same moment."""
        metrics = self.metrics(k, closely)
        before = self.troubles
        picture = self.picture(k) if self.with_pictures else None
        if (
            self.troubles != before
        ):  # what was to be drawn of a lane ended it: the frame tells that, too
            metrics = {**self.metrics(k, closely), "events": metrics["events"]}
        return Frame(k, metrics, picture)

    @property
    def troubles(self) -> int:
        """How many lanes have ended in trouble."""
        return sum(lane.trouble is not None for lane in self.lanes)

    @at_work
    def score(self, lane: Lane) -> evaluation.Scores:
        """Loss and accuracy of a lane's estimate on all training samples, then on all test
        samples.
        """
        data = self.dataset
        x, y = torch.cat([data.x_train, data.x_test]), torch.cat([data.y_train, data.y_test])
        return evaluation.scores(
            self.network, self.loss, lane.state.estimate.unsqueeze(0), x, y, len(data.y_train)
        )[0]

    @at_work
    def results(self) -> list[dict[str, Any]]:
        """How every lane stands, scored on all samples, as JSON values."""
        return [result_of(self, lane) for lane in self.lanes]
