"""A race: lanes that start from the very same weights and share one budget.

Whoever is furthest behind in the chosen currency moves next, so at every moment the lanes have spent the same to within one step, whatever a step costs each of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine import evaluate
from engine.experiment import Experiment, pick_device
from engine.frames import Frame, Message
from engine.losses import get_loss
from engine.observer import Observer
from engine.optimizers import Optimizer, State
from engine.oracle import Oracle
from engine.rng import Rng, hashed_seed


@dataclass
class Lane:
    """One optimizer at work.

    Attributes:
        index: its place in the experiment.
        step: steps taken.
        finished: whether its budget is spent or it cannot go on.
        trouble: why it cannot go on, in words, or None.
        watched: whether the next step's move is to be kept for the observer.
        move: (weights before, step taken), both (D,), of the last watched step.
    """

    index: int
    optimizer: Optimizer
    oracle: Oracle
    rng: Rng
    state: State
    step: int = 0
    finished: bool = False
    trouble: str | None = None
    watched: bool = True
    move: tuple[Tensor, Tensor] | None = None


class Race:
    """Runs an experiment, headless or driven by a worker.

    Args:
        experiment: what to run.
        marks: how many frames iterating gives after the first, at equal shares of the budget.
        pictures: whether those frames carry pictures.

    Raises:
        BadInput: the data is not here, or the device is not.

    Iterating runs the whole race. With a budget in evaluations or FLOPs the same experiment gives the same frames every time on the same machine, but for the wall-clock fields
    ``clock`` and ``seconds``.
    """

    def __init__(self, experiment: Experiment, marks: int = 200, pictures: bool = True) -> None:
        self.experiment, self.marks, self.with_pictures = experiment, marks, pictures
        self.device = pick_device(experiment.device)
        self.dataset = experiment.dataset.load(experiment.seed).to(self.device)
        self.network = experiment.network.build_for(experiment.dataset)
        self.loss = get_loss(experiment.loss)
        # The first weights are drawn on the CPU, so every device starts from the same ones.
        self.theta = self.network.init(torch.Generator().manual_seed(hashed_seed(experiment.seed, "first weights"))).to(self.device)
        self.events: list[Message] = []
        self.lanes = [self._line_up(index, optimizer) for index, optimizer in enumerate(experiment.lanes)]
        self.observer = Observer(self)

    def _line_up(self, index: int, optimizer: Optimizer) -> Lane:
        budget = self.experiment.budget
        oracle = Oracle(self.network, self.loss, self.dataset, optimizer.seen(), optimizer.batch, self.experiment.seed, (budget.currency, budget.amount))
        rng = Rng(self.experiment.seed, f"lane {index}", self.device)
        with oracle.working():
            state = optimizer.init(self.theta, rng, oracle)
        return Lane(index, optimizer, oracle, rng, state)

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

    def advance_lane(self, lane: Lane) -> None:
        """One step of that lane, whoever's turn it is (a visitor stepping by hand moves every lane by one)."""
        lane.step += 1
        before = lane.state.estimate.clone() if lane.watched else None
        with lane.oracle.working():
            lane.oracle.draw(lane.step)
            lane.state = lane.optimizer.step(lane.state, lane.rng.at(lane.step), lane.oracle)
        if before is not None:
            lane.watched, lane.move = False, (before, lane.state.estimate - before)
        if lane.oracle.spent(self.experiment.budget.currency) >= self.experiment.budget.amount:
            lane.finished = True

    def check(self, lane: Lane, loss: float) -> None:
        """Take a lane out of the race when its loss is no number any more. Called when the loss is looked at anyway."""
        if lane.trouble is None and not math.isfinite(loss):
            what = "NaN" if math.isnan(loss) else "infinite"
            lane.trouble = f"{lane.optimizer.label} diverged: its loss was {what} at step {lane.step:,}. A smaller step size usually helps."
            if loss == -math.inf:
                lane.trouble = f"{lane.optimizer.label} fell without end: there is no lowest point where it went."
            lane.finished = True

    def reheat(self, lane: int, factor: float) -> bool:
        """Multiply a lane's temperature by hand; the next metrics tell of it.

        Returns:
            False where the lane's method has no temperature.
        """
        one = self.lanes[lane]
        done = one.optimizer.reheat(one.state, factor)
        if done:
            self.events.append({"lane": lane, "kind": "reheat", "step": one.step, "value": factor})
        return done

    def stage(self) -> Message:
        """What does not change during the race, as a message."""
        return self.observer.stage()

    def metrics(self, k: int) -> Message:
        """Counters and scores now, as frame k's message."""
        return self.observer.metrics(k)

    def picture(self, k: int) -> Message:
        """Where the weights are now, as frame k's message."""
        return self.observer.picture(k)

    def __iter__(self) -> Iterator[Frame]:
        k = 0
        yield self._frame(k)
        while not self.finished:
            self.advance()
            if self.progress >= (k + 1) / self.marks or self.finished:
                k = max(k + 1, math.floor(self.progress * self.marks)) if not self.finished else k + 1
                yield self._frame(k)

    def _frame(self, k: int) -> Frame:
        metrics = self.metrics(k)
        return Frame(k, metrics, self.picture(k) if self.with_pictures else None)

    def score(self, lane: Lane) -> tuple[float, float, float, float]:
        """Loss and accuracy of a lane's estimate on all training samples, then on all test samples."""
        data = self.dataset
        x, y = torch.cat([data.x_train, data.x_test]), torch.cat([data.y_train, data.y_test])
        return evaluate.scores(self.network, self.loss, lane.state.estimate, x, y, len(data.y_train))

    def results(self) -> list[dict[str, Any]]:
        """How every lane stands, scored on all samples, as JSON values."""
        rows = []
        for lane in self.lanes:
            loss, accuracy, test_loss, test_accuracy = self.score(lane)
            rows.append(
                {
                    "optimizer": lane.optimizer.name,
                    "loss": loss if math.isfinite(loss) else None,
                    "accuracy": accuracy if math.isfinite(accuracy) else None,
                    "test_loss": test_loss if math.isfinite(test_loss) else None,
                    "test_accuracy": test_accuracy if math.isfinite(test_accuracy) else None,
                    "evaluations": lane.oracle.evaluations,
                    "flops": lane.oracle.flops,
                    "seconds": lane.oracle.seconds,
                    "steps": lane.step,
                    "trouble": lane.trouble,
                }
            )
        return rows
