"""A race: lanes that start from the same weights and share one budget.

The lane furthest behind in the chosen currency moves next, so at every moment all lanes have spent
the same to within one step, whatever a step costs each of them.
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
from ..errors import BadInput, NothingLeft
from ..experiment.lane_names import lane_names
from ..experiment.model import Experiment, pick_device
from ..experiment.stopping import Divergence, LaneCheck, Start
from ..losses import get_loss
from ..messages.encoding import Frame, Message
from ..observation.observer import Observer
from ..optimizers import Optimizer, State
from ..oracle import Oracle
from ..populations import chunks
from ..random.rng import Rng
from ..system import arithmetic, ranks
from ..system.ranks import RankLost
from .apply import Interventions
from .failures import OUTSIDE, cause_of, gentler
from .first_weights import first_weights
from .interventions import Event
from .iteration import FrameIteration
from .lane import Lane, knows_anything
from .results import LaneResult, result_of
from .warm_up import warm_up

log = logging.getLogger(__name__)
CHECKS = 200
"""How often a lane's loss is checked over its budget, at equal shares: whether it is finite, and
whether a stop rule applies. Fixed, like `check_due`, so that what ends a lane does not depend on
how often it is looked at.
"""
CHECK_BITS = 4
"""A lane is also checked after each of its first 16 steps, and then 8 times while its steps double:
under a large budget equal shares are far apart."""
BARREN = 5
"""Checks in a row without any finite loss, among all that a lane evaluated or remembers, after
which it is ended.
"""

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def at_work(
    method: Callable[Concatenate[Any, Given], Answer],
) -> Callable[Concatenate[Any, Given], Answer]:
    """Run a method with the race's own number of threads and precision."""

    @wraps(method)
    def inside(race: Any, /, *given: Given.args, **named: Given.kwargs) -> Answer:
        with race.settled():
            return method(race, *given, **named)

    return inside


def check_due(step: int) -> bool:
    """Return whether a lane is checked after so many steps, whatever its budget: where all binary
    digits but the first four are 0.
    """
    return step % (1 << max(0, step.bit_length() - CHECK_BITS)) == 0


def advised(lane: Lane, note: str | None) -> str | None:
    """Add the usual remedy for the lane's method to a note."""
    return None if note is None else f"{note} {gentler(lane.optimizer)}".rstrip()


class Race(FrameIteration):
    """Run an experiment, headless or in a worker.

    Args:
        experiment: what to run.
        marks: how many frames iterating yields after the first, at equal shares of the budget.
        pictures: whether those frames have pictures.
        events: interventions of an earlier run, to be repeated; see `engine.race.interventions` for
            when.

    Raises:
        BadInput: the data or the device is not available, an event does not fit this race, or the
            experiment has several seeds, which `SeedRaces` runs.

    Attributes:
        began: the experiment as it was given. ``experiment`` follows the interventions.
        events: interventions since the last metrics, as messages.
        names: labels of the lanes, all different.
        done: all interventions so far, as JSON values.
        k: the number of the last frame that iterating yielded, −1 before the first.
        closed: whether that frame was the end of the race.
        before_evaluation: called with a lane whenever it calls its oracle, to observe a long step.

    Iterating runs the whole race; iterating again continues after the last frame. Ctrl-C waits for
    the end of a step.

    With a budget in evaluations or FLOPs the same experiment yields the same frames every time on
    the same machine, except the wall-clock fields ``clock`` and ``seconds``: independent of the
    machine's load, of the number of cores this process may use, and of earlier PyTorch settings.
    While a race runs it sets the number of threads, and full float32 precision, for the whole
    process; the earlier settings are restored when it yields a frame or a method returns.
    """

    def __init__(
        self,
        experiment: Experiment,
        marks: int = 200,
        pictures: bool = True,
        events: Iterable[Event] = (),
    ) -> None:
        if experiment.seeds > 1:
            raise BadInput(
                "seeds", experiment.seeds, "1 for a Race; engine.SeedRaces runs several seeds"
            )
        self.began = self.experiment = experiment
        self.marks, self.with_pictures = marks, pictures
        self.device = pick_device(experiment.device)
        self.ranks = ranks.joined()
        with self.settled():
            self._begin(events)

    def _begin(self, events: Iterable[Event]) -> None:
        experiment = self.experiment
        self.dataset = experiment.load().to(self.device)
        self.network = experiment.network.build_for(experiment.dataset)
        self.loss = get_loss(experiment.loss)
        # The initial weights are drawn on the CPU, so they are the same on every device.
        self.theta = first_weights(experiment.start, self.network, experiment.seed).to(self.device)
        self.names = lane_names(experiment.lanes)
        self.events: list[Message] = []
        self.done: list[Message] = []
        self.before_evaluation: Callable[[Lane], None] = lambda lane: None
        self.lanes = [
            self._line_up(index, optimizer) for index, optimizer in enumerate(experiment.lanes)
        ]
        self.observer = Observer(self)
        self.hands = Interventions(self, events)
        self.k, self.closed, self._interrupted = -1, False, False
        for lane in self.lanes:
            self.check(lane)

    def _line_up(self, index: int, optimizer: Optimizer) -> Lane:
        oracle, rng = self._oracle(optimizer), self._rng(index)
        budget = self.experiment.budget
        lane = Lane(
            index,
            optimizer,
            oracle,
            rng,
            State(self.theta.clone()),
            LaneCheck(0, self.theta.clone()),
        )
        oracle.before_evaluation = lambda: self.before_evaluation(lane)
        with self.minding(lane, "while it was set up"):
            warm_up(
                optimizer,
                self.theta,
                self._rng(index),
                lambda: self._oracle(optimizer),
                self._precision,
            )
            with self._precision(), oracle.timed():
                lane.state = optimizer.init(self.theta, rng, oracle)
            lane.finished = (
                budget.currency != "seconds" and oracle.spent(budget.currency) >= budget.amount
            )
            if lane.finished:
                lane.note = (
                    f"{self.names[index]} took no step: the whole budget went into preparing, "
                    f"such as evaluating its first members or finding its first temperature."
                )
        return lane

    def _oracle(self, optimizer: Optimizer) -> Oracle:
        budget = self.experiment.budget
        return Oracle(
            self.network,
            self.loss,
            self.dataset,
            optimizer.required_oracle(),
            optimizer.batch,
            self.experiment.seed,
            (budget.currency, budget.amount),
            optimizer.selects,
            self.ranks,
        )

    def _rng(self, index: int) -> Rng:
        """Return a lane's random number generator. Two lanes of one method differ, and a method has
        the same numbers in any position and against any other method.
        """
        lanes = self.experiment.lanes
        return Rng(
            self.experiment.seed,
            f"lane {sum(lane.name == lanes[index].name for lane in lanes[:index])}",
            self.device,
        )

    def settled(self) -> AbstractContextManager[None]:
        """Run the block with the experiment's number of threads, and in full float32 precision
        unless another is requested.
        """
        return arithmetic.settled(self.experiment.threads, self.device)

    def _precision(self) -> AbstractContextManager[None]:
        """Run the block in the experiment's precision. What is shown of a lane is computed in
        float32.
        """
        return chunks.precision(self.experiment.precision)

    def interrupt(self) -> None:
        if self.ranks is None:
            super().interrupt()
        else:  # all ranks end after the same step
            self.ranks.leaving = True

    @property
    def clock(self) -> float:
        """Return the seconds of training so far, all lanes together, without observation and
        pauses.
        """
        return sum(lane.oracle.seconds for lane in self.lanes)

    @property
    def finished(self) -> bool:
        return all(lane.finished for lane in self.lanes)

    @property
    def running(self) -> list[Lane]:
        """Return the lanes that still run."""
        return [lane for lane in self.lanes if not lane.finished]

    @property
    def followed(self) -> Race:
        """Return the race whose pictures are shown: this one."""
        return self

    @property
    def torn(self) -> bool:
        """Return whether an exception left a step incomplete."""
        return any(lane.torn for lane in self.lanes)

    @property
    def given(self) -> list[Event]:
        """Return the interventions to be repeated."""
        return self.hands.given

    @property
    def progress(self) -> float:
        """Return the share of the budget spent by the lane furthest behind, in [0, 1]."""
        return min((lane.oracle.progress for lane in self.lanes if not lane.finished), default=1.0)

    @at_work
    def advance(self) -> int:
        """Take one step of the lane furthest behind.

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
        """Take one step of that lane, even if another lane is next (stepping by hand moves every
        lane by one). An exception in it ends only this lane.
        """
        if lane.torn:
            raise RuntimeError(
                f"step {lane.step:,} of {lane.optimizer.label} was left incomplete; the race "
                f"cannot continue from there"
            )
        self.hands.before_step(lane)
        if not lane.finished:  # otherwise a repeated intervention has ended it
            lane.step += 1
            share = math.floor(lane.oracle.progress * CHECKS)
            with self.minding(lane):
                self._step(lane)
            if (
                lane.finished
                or check_due(lane.step)
                or math.floor(lane.oracle.progress * CHECKS) > share
                or (lane.divergence is not None and lane.divergence.step == lane.step)
            ):
                self.check(lane)
            if self.ranks is not None and self.ranks.ending:
                super().interrupt()

    def _step(self, lane: Lane) -> None:
        spent = lane.oracle.spent(self.experiment.budget.currency)
        before = lane.state.estimate.clone() if lane.watched else None
        try:
            with self._precision(), lane.oracle.timed():
                lane.oracle.next_batch(lane.step)
                lane.state = lane.optimizer.step(lane.state, lane.rng.at(lane.step), lane.oracle)
        except BaseException:  # already counted, perhaps already moved
            lane.torn = True
            raise
        if before is not None:
            lane.watched, lane.move = False, (before, lane.state.estimate - before)
        known = lane.state.estimate_loss
        if known is not None and lane.divergence is None and not math.isfinite(known):
            lane.divergence = Divergence.of(lane.step, known, lane.state.estimate)
        budget = self.experiment.budget
        now = lane.oracle.spent(budget.currency)
        # Steps of a known cost: the next one is not taken if it would leave the lane further from
        # its budget than it is now. A step that can be cut to the rest of the budget always fits.
        half = 0.0 if budget.currency == "seconds" or lane.oracle.cuts else (now - spent) / 2
        if now >= budget.amount - half:
            lane.finished = True

    def check(self, lane: Lane) -> None:
        """Judge a lane by the loss that a frame would show now."""
        with self.minding(lane, "while it was looked at"):
            if self.judge(lane, self.observer.score(lane)[0]):
                self.observer.forget(lane)

    def judge(self, lane: Lane, loss: float) -> bool:
        """Check a lane's loss: end the lane if it is not finite, or if a stop rule applies.

        A lane that diverged gets back the estimate of its last finite check.

        Returns:
            Whether it has just ended, or got back an earlier estimate.
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
            lost = loss == -math.inf or not knows_anything(lane, loss)  # nothing is below −∞
            if lost or not bool(torch.isfinite(lane.state.estimate).all()):
                self._end_diverged(lane, loss)
                return True
            self._outside_the_domain(lane)
            return lane.finished
        lane.good, lane.divergence = LaneCheck(lane.step, lane.state.estimate.clone(), loss), None
        if lane.barren >= BARREN:
            self.end(
                lane,
                (
                    f"{label} ended at step {lane.step:,}: none of the losses it evaluated was "
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

    def _end_diverged(self, lane: Lane, loss: float) -> None:
        """End a lane whose loss is not finite, and give it the estimate of its last finite check
        back.
        """
        exact = lane.divergence is not None
        divergence = lane.divergence or Divergence.of(lane.step, loss, lane.state.estimate)
        lane.divergence = divergence
        outside = self.network.partial and math.isnan(divergence.loss)
        lane.trouble = divergence.sentence(
            self.names[lane.index],
            lane.good,
            exact,
            OUTSIDE if outside else gentler(lane.optimizer),
            outside,
        )
        lane.state.estimate, lane.finished, lane.note = lane.good.estimate.clone(), True, None

    def _outside_the_domain(self, lane: Lane) -> None:
        """Note that a lane's estimate is outside the domain, while members that it is made of are
        inside and may bring it back; a lane that ends there gets its last good estimate back.
        """
        label = self.names[lane.index]
        lane.note = (
            f"At step {lane.step:,} the loss of {label} is not finite, but other points "
            f"that it evaluates have a finite loss."
        )
        if lane.finished and not self._taken_back(lane, label):
            lane.note = (
                f"{label}'s last step, {lane.step:,}, led to a loss that is not finite. "
                f"{lane.good.kept}"
            )
            lane.state.estimate, lane.good = (
                lane.good.estimate.clone(),
                LaneCheck(lane.step, lane.good.estimate, lane.good.loss),
            )

    def _taken_back(self, lane: Lane, label: str) -> bool:
        """Undo the last step of a finished lane, as its next step would. Returns False if there is
        no finite loss to return to.
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
        lane.good = LaneCheck(lane.step, before.clone(), loss)
        lane.note = advised(lane, self._undone(lane, label))
        return True

    @staticmethod
    def _undone(lane: Lane, label: str) -> str:
        return (
            f"{label} undid {lane.state.undone:,} of {lane.step:,} steps, because they led to no "
            f"finite loss. The steps after them were shorter."
        )

    def remark(self, lane: Lane, label: str, loss: float, progress: float) -> str | None:
        """Return a remark on a lane besides its numbers: that it is worse than at its start, or has
        undone steps.
        """
        note = None if lane.start is None else lane.start.note(label, loss, progress, lane.finished)
        if note is None and lane.state.undone:
            note = self._undone(lane, label)
        return advised(lane, note)

    @contextmanager
    def minding(self, lane: Lane, when: str = "") -> Iterator[None]:
        """End only this lane if an exception is raised in the block. Bad input and interrupts are
        passed on.

        Args:
            lane: the lane at work.
            when: what it was doing, if not a step: "while it was set up".
        """
        try:
            yield
        except BadInput:
            raise
        except Exception as error:
            if self.ranks is not None and not isinstance(error, NothingLeft):
                # The others may not have met it, and would wait for this one.
                cause = cause_of(error, lane.optimizer)
                raise RankLost(f"rank {self.ranks.number}: {cause.words}") from error
            self.fail(lane, error, when)

    def fail(self, lane: Lane, error: Exception, when: str = "") -> None:
        """End a lane because of an exception. Its state may be incomplete or out of memory, so only
        its counters and the last finite estimate are kept.
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
        """End a failed lane at its last finite check, and free the memory of its population."""
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
    def unrepeated(self) -> list[str]:
        """Return why interventions that were to be repeated were not, one sentence each."""
        return self.hands.unrepeated()

    def reheat(self, lane: int, factor: float) -> bool:
        """Multiply a lane's temperature; the next metrics record it.

        Returns:
            False if the lane's method has no temperature.
        """
        return self.hands.reheat(lane, factor)

    @at_work
    def set_hyperparameter(self, lane: int, field: str, value: Any) -> None:
        """Change a hyperparameter of a lane's method from the next step on; the next metrics record
        it.

        Raises:
            BadInput: the lane has finished, the field cannot be changed while it runs, or the value
                is out of its range.
        """
        self.hands.set_hyperparameter(lane, field, value)

    @at_work
    def put_weight(self, lane: int, index: int, value: float) -> None:
        """Set one weight of a lane's estimate. The state of its method moves with it, and the next
        metrics record it.

        Raises:
            BadInput: the lane has finished, there is no such weight, or the value is not a number.
        """
        self.hands.put_weight(lane, index, value)

    @at_work
    def set_points(self, text: str) -> None:
        """Replace the training points of every lane, in the format of `engine.datasets.hand_drawn`;
        the next metrics record it.

        Raises:
            BadInput: the text is not in that format, or the race has no points, or is over.
            CannotRun: a lane's method cannot run with this number of points.
        """
        self.hands.set_points(text)

    @at_work
    def stage(self) -> Message:
        """Return the message with all that does not change during the race."""
        return self.observer.stage()

    @at_work
    def metrics(self, k: int, closely: bool = True) -> Message:
        """Return the counters and losses now, as frame k's message; with ``closely``, also the
        agreement of steps with −∇L.
        """
        return self.observer.metrics(k, closely)

    @at_work
    def picture(self, k: int) -> Message:
        """Return the positions of the weights now, as frame k's message."""
        return self.observer.picture(k)

    @at_work
    def detail(self, k: int) -> Message:
        """Return the details for a closer look, as a message beside frame k."""
        return self.observer.detail(k)

    def last_messages(self, k: int) -> list[Message]:
        """Return what follows the last frame: nothing, with one seed."""
        return []

    def weights(self, k: int) -> Message:
        """Return every lane's estimate, as a message beside frame k."""
        return {
            "type": "weights",
            "k": k,
            "steps": [lane.step for lane in self.lanes],
            "lanes": [lane.state.estimate for lane in self.lanes],
        }

    def step_in_phases(self, lane: Lane, k: int) -> Message:
        """Take one step of that lane and return the message that shows its phases."""
        from ..observation.step_trace import step_with_stages

        return step_with_stages(self.followed, lane, k)

    def hold(self, still: bool) -> None:
        """Do nothing: no lane has anything running outside this process."""

    def close(self) -> None:
        """Do nothing: no lane has anything running outside this process."""

    @at_work
    def frame(self, k: int, closely: bool = True) -> Frame:
        """Return metrics and, if wanted, a picture of the same moment."""
        metrics = self.metrics(k, closely)
        before = self.troubles
        picture = self.picture(k) if self.with_pictures else None
        # Computing a lane's picture ended it: the frame must show that too.
        if self.troubles != before:
            metrics = {**self.metrics(k, closely), "events": metrics["events"]}
        return Frame(k, metrics, picture)

    @property
    def troubles(self) -> int:
        """Return how many lanes have failed."""
        return sum(lane.trouble is not None for lane in self.lanes)

    @at_work
    def score(self, lane: Lane) -> evaluation.Scores:
        """Return loss and accuracy of a lane's estimate on all training samples, then on all test
        samples.
        """
        data = self.dataset
        x, y = torch.cat([data.x_train, data.x_test]), torch.cat([data.y_train, data.y_test])
        return evaluation.scores(
            self.network, self.loss, lane.state.estimate.unsqueeze(0), x, y, len(data.y_train)
        )[0]

    @at_work
    def results(self) -> list[LaneResult]:
        """Return every lane's results, evaluated on all samples, as JSON values."""
        return [result_of(self, lane) for lane in self.lanes]
