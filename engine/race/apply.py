"""Apply user interventions to a running race: reheat, change a hyperparameter, set a weight,
replace the training points; and repeat recorded ones.

Every intervention is recorded as an event, so that a recording contains it and the race can be
repeated with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..datasets.hand_drawn import HandDrawn
from ..errors import BadInput, CannotRun
from ..experiment.model import problem_of
from .interventions import Event, InterventionQueue, Points, Reheat, SetHyperparameter, SetWeight

if TYPE_CHECKING:
    from .lane import Lane
    from .race import Race


class Interventions:
    """Apply interventions to one race. `Race` has a method for each of these.

    Args:
        race: the race, with its lanes and its observer.
        events: recorded interventions to repeat.

    Raises:
        BadInput: an event does not fit this race.

    Attributes:
        given: all interventions to repeat; ``script`` holds those still to come.
        missed: why interventions were not repeated, one sentence each.
    """

    def __init__(self, race: Race, events: Iterable[Event]) -> None:
        self.race = race
        self.given = list(events)
        self.script = InterventionQueue(self.given, len(race.lanes))
        self.missed: list[str] = []

    def reheat(self, lane: int, factor: float) -> bool:
        """Multiply a lane's temperature. Returns False if the method has no temperature.

        Raises:
            BadInput: the factor is not a number above 0, or there is no such lane.
        """
        if (
            isinstance(factor, bool)
            or not isinstance(factor, int | float)
            or not 0 < factor < math.inf
        ):
            raise BadInput("factor", factor, "a number above 0")
        one = self._there(lane)
        if one.trouble is not None:
            return False
        with self.race.minding(one, "when it was reheated"):
            if not one.optimizer.reheat(one.state, factor):
                return False
        self._note(Reheat(lane=lane, step=one.step, steps=self._steps(), value=factor), [one])
        return True

    def set_hyperparameter(self, lane: int, field: str, value: Any) -> None:
        """Change a hyperparameter; see `Race.set_hyperparameter`."""
        one = self._running(lane)
        field = type(one.optimizer).current(field)
        optimizer = one.optimizer.with_hyperparameter(field, value)
        self.replace(one, optimizer)
        with self.race.minding(one, f"when its {field.replace('_', ' ')} was changed"):
            optimizer.on_hyperparameter_change(one.state, field, getattr(optimizer, field))
        self._note(
            SetHyperparameter(
                lane=lane,
                step=one.step,
                steps=self._steps(),
                field=field,
                value=optimizer.to_json()[field],
            ),
            [one],
        )

    def replace(self, lane: Lane, optimizer: Any) -> None:
        """Give a lane's method other hyperparameters, in the race's experiment too."""
        race = self.race
        lane.optimizer = optimizer
        race.experiment = race.experiment.model_copy(
            update={"lanes": tuple(one.optimizer for one in race.lanes)}
        )

    def put_weight(self, lane: int, index: int, value: float) -> None:
        """Set one weight; see `Race.put_weight`."""
        one = self._running(lane)
        with self.race.minding(one, "when one of its weights was set"):
            one.optimizer.set_weight(one.state, index, value)
        one.start = None
        self._note(
            SetWeight(lane=lane, step=one.step, steps=self._steps(), index=index, value=value),
            [one],
        )

    def set_points(self, text: str) -> None:
        """Replace the training points; see `Race.set_points`."""
        race = self.race
        old = race.experiment.dataset
        if old.kind != "points":
            raise BadInput("points", old.name, "a race on a dataset of points")
        if race.finished:
            raise BadInput("points", "a race that is over", "a race that still runs")
        drawn = HandDrawn.of(text, len(old.classes))
        race.experiment.training.apply(drawn.load(race.experiment.seed), race.experiment.seed)
        problem = problem_of(drawn, race.network, race.experiment.loss, race.experiment.training)
        for lane in race.lanes:
            if not lane.finished and (refusal := lane.optimizer.refusal(problem)) is not None:
                raise CannotRun(
                    "points", f"{drawn.sizes()[0]} points for {lane.optimizer.name}", refusal
                )
        self.look_at(drawn)
        for lane in race.lanes:
            self.train_on(lane, drawn)
        self._note(Points(steps=self._steps(), value=text), race.lanes)

    def look_at(self, drawn: HandDrawn) -> None:
        """Evaluate every lane on these points from now on, and update the race's experiment."""
        race = self.race
        race.experiment = race.experiment.model_copy(update={"dataset": drawn})
        race.dataset = race.experiment.load().to(race.device)
        race.observer.watch(race.dataset)

    def train_on(self, lane: Lane, drawn: HandDrawn) -> None:
        """Train a lane on these points from its next step on. Its weights and counters do not
        change.
        """
        race = self.race
        with race.minding(lane, "when its points were changed"):
            lane.oracle.set_dataset(
                race.experiment.model_copy(update={"dataset": drawn}).load().to(race.device)
            )
        lane.state.stale, lane.points, lane.start = True, drawn.points, None

    def before_step(self, lane: Lane) -> None:
        """Repeat the interventions that are due before that lane's next step. One that does not fit
        this race is left out and told: the lanes have done nothing wrong.
        """
        if not self.script:
            return
        for event, due, first in self.script.due(self._steps(), lane.index):
            try:
                self._again(event, [self.race.lanes[i] for i in due], first)
            except BadInput as error:
                self.missed.append(f"{_called(event)}: {error}")

    def _again(self, event: Event, lanes: list[Lane], first: bool) -> None:
        """Repeat an intervention on these lanes.

        Raises:
            BadInput: it does not fit this race.
        """
        match event:
            case Points():
                self._points_again(event, lanes, first)
            case _ if lanes[0].finished:
                self.missed.append(f"{_called(event)}: the lane had ended before")
            case Reheat():
                self.reheat(event.lane, event.value)
            case SetHyperparameter():
                self.set_hyperparameter(event.lane, event.field, event.value)
            case SetWeight():
                self.put_weight(event.lane, event.index, event.value)

    def unrepeated(self) -> list[str]:
        """Return why interventions were not repeated, one sentence each; of a race that is over,
        those that never came due too.
        """
        late = [f"{_called(event)}: the race was over before" for event, _ in self.script.waiting]
        return self.missed + (late if self.race.finished else [])

    def _points_again(self, event: Points, lanes: list[Lane], first: bool) -> None:
        """Replace the points of those lanes. Once the first lane has them, all lanes are evaluated
        on them.
        """
        race = self.race
        if race.experiment.dataset.kind != "points":
            raise BadInput("events", "points", "a race on a dataset of points")
        drawn = HandDrawn.of(event.value, len(race.experiment.dataset.classes))
        if first:
            self.look_at(drawn)
            self._note(event, race.lanes)
        for lane in lanes:
            self.train_on(lane, drawn)

    def _there(self, index: int) -> Lane:
        """Return the lane of that number."""
        lanes = self.race.lanes
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(lanes):
            raise BadInput("lane", index, f"a whole number from 0 to {len(lanes) - 1}")
        return lanes[index]

    def _running(self, index: int) -> Lane:
        """Return the lane of that number. Only a lane that still runs can be changed."""
        lane = self._there(index)
        if lane.finished:
            raise BadInput("lane", index, "a lane that still runs")
        return lane

    def _steps(self) -> tuple[int, ...]:
        return tuple(lane.step for lane in self.race.lanes)

    def _note(self, event: Event, lanes: Iterable[Lane]) -> None:
        """Record an event for the next metrics. Patience starts again for the lanes that it
        changed, from the loss that they have now.
        """
        self.race.events.append(event.to_json())
        self.race.done.append(event.to_json())
        for lane in lanes:
            lane.best = None
            self.race.check(lane)


def _called(event: Event) -> str:
    """Return which intervention it is, in words."""
    where = "" if isinstance(event, Points) else f" of lane {event.lane} at step {event.step:,}"
    return f"{event.kind}{where}"
