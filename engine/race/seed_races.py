"""A race repeated over several seeds at once.

There is one `Race` for each seed s, s + 1, …, s + n − 1, exactly the one that an experiment of this
seed alone has. The race furthest behind moves next, so at every moment all lanes of all seeds have
spent the same to within one step.

One of them is followed: stage, pictures and details are of this seed, and so are the rows of its
metrics. The metrics hold a block with the numbers of all seeds besides.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

import numpy as np

from ..errors import BadInput
from ..experiment.model import Experiment, one_seed
from ..messages.encoding import Frame, Message
from ..system import arithmetic
from .interrupt import held_back
from .interventions import Event, of_seed
from .lane import Lane
from .race import Race
from .results import SUMMARISED, LaneSummary, Quartiles, SeedResult, Summarised
from .seed_statistics import QUARTILES, quantile, wins

FIELDS = (
    "step",
    "evaluations",
    "flops",
    "seconds",
    "progress",
    "loss",
    "accuracy",
    "test_loss",
    "test_accuracy",
    "temperature",
    "acceptance",
    "state",
)
"""What the block holds of every lane of every seed; ``state`` is one of `RUNNING` to `FAILED`."""
RUNNING, FINISHED, STOPPED, FAILED = range(4)
HIGHER_IS_BETTER = ("accuracy", "test_accuracy")


def state_of(row: Message) -> int:
    """Return how a lane stands, from its row in metrics."""
    if row["trouble"] is not None:
        return FAILED
    if row["stopped"] is not None:
        return STOPPED
    return FINISHED if row["finished"] else RUNNING


class SeedRaces:
    """Run an experiment with several seeds; what a `Race` can do, for all of them.

    Args:
        experiment: what to run.
        marks: how many frames iterating yields after the first, at equal shares of the budget.
        pictures: whether those frames have pictures, of the followed seed.
        events: interventions of an earlier run, to be repeated. One with a ``seed`` is repeated
            there, others in every seed.
        races: one for each seed, from a checkpoint, instead of new ones.

    Raises:
        BadInput: as for a `Race`, or an event is of a seed that is not raced.

    Attributes:
        races: one for each seed, in order.
        place: of the followed seed, from 0.
        began: the experiment as it was given.
        k: the number of the last frame that iterating yielded, −1 before the first.
        closed: whether that frame was the end of the race.
        table: (seeds, lanes, `FIELDS`) float64, NaN for what does not exist: the block as it was
            last computed.
        untold: interventions since the last frame, each with its seed.

    With a budget in evaluations or FLOPs iterating looks at every seed's race at the same moments
    as a `Race` of this seed would be, so the numbers are the same bit for bit, and the frames have
    the numbers and the pictures of the followed seed's. After this one has ended, frames go on
    until all seeds have.
    """

    def __init__(
        self,
        experiment: Experiment,
        marks: int = 200,
        pictures: bool = True,
        events: Iterable[Event] = (),
        races: list[Race] | None = None,
    ) -> None:
        self.began, self.marks, self.place = experiment, marks, 0
        self.given = list(events)
        for i, event in enumerate(self.given):
            if event.seed is not None and event.seed >= experiment.seeds:
                raise BadInput(
                    f"events[{i}].seed",
                    event.seed,
                    f"a whole number from 0 to {experiment.seeds - 1}",
                )
        self.races = races or [
            Race(
                one_seed(experiment, place),
                marks,
                pictures and place == self.place,
                of_seed(self.given, place),
            )
            for place in range(experiment.seeds)
        ]
        self._pictures = pictures
        lanes = len(experiment.lanes)
        self.table = np.full((len(self.races), lanes, len(FIELDS)), np.nan)
        self.untold: list[Message] = []
        self.k, self.closed, self._interrupted = -1, False, False
        self._queue: list[tuple[float, int]] = [(-1.0, place) for place in range(len(self.races))]

    @property
    def followed(self) -> Race:
        """Return the race of the followed seed."""
        return self.races[self.place]

    @property
    def experiment(self) -> Experiment:
        """Return the experiment as it stands in the followed seed."""
        return self.followed.experiment.model_copy(
            update={"seed": self.began.seed, "seeds": self.began.seeds}
        )

    @property
    def lanes(self) -> list[Lane]:
        """Return the lanes of the followed seed."""
        return self.followed.lanes

    @property
    def running(self) -> list[Lane]:
        """Return the lanes of all seeds that still run."""
        return [lane for race in self.races for lane in race.running]

    @property
    def finished(self) -> bool:
        return all(race.finished for race in self.races)

    @property
    def torn(self) -> bool:
        """Return whether an exception left a step incomplete."""
        return any(race.torn for race in self.races)

    @property
    def progress(self) -> float:
        """Return the share of the budget spent by the lane furthest behind in any seed."""
        return min(race.progress for race in self.races)

    @property
    def clock(self) -> float:
        """Return the seconds of training so far, all lanes of all seeds together."""
        return sum(race.clock for race in self.races)

    @property
    def device(self) -> Any:
        return self.followed.device

    @property
    def network(self) -> Any:
        return self.followed.network

    @property
    def names(self) -> list[str]:
        return self.followed.names

    @property
    def observer(self) -> Any:
        return self.followed.observer

    @property
    def done(self) -> list[Message]:
        """Return all interventions so far, seed by seed, as JSON values."""
        return [
            {**event, "seed": place} for place, race in enumerate(self.races) for event in race.done
        ]

    def unrepeated(self) -> list[str]:
        """Return why interventions that were to be repeated were not, one sentence each."""
        return [
            f"seed {self.began.seed + place}: {sentence}"
            for place, race in enumerate(self.races)
            for sentence in race.unrepeated()
        ]

    @property
    def troubles(self) -> int:
        """Return how many lanes have failed, over all seeds."""
        return sum(race.troubles for race in self.races)

    @property
    def with_pictures(self) -> bool:
        return self._pictures

    @with_pictures.setter
    def with_pictures(self, wanted: bool) -> None:
        self._pictures = wanted
        for place, race in enumerate(self.races):
            race.with_pictures = wanted and place == self.place

    @property
    def before_evaluation(self) -> Callable[[Lane], None]:
        """Return what is called with a lane whenever it calls its oracle in a long step."""
        return self.followed.before_evaluation

    @before_evaluation.setter
    def before_evaluation(self, call: Callable[[Lane], None]) -> None:
        for race in self.races:
            race.before_evaluation = call

    def settled(self) -> AbstractContextManager[None]:
        """Run the block with the experiment's number of threads and precision."""
        return arithmetic.settled(self.began.threads, self.device)

    def follow(self, place: int) -> None:
        """Follow another seed from now on: frames and details are of its race.

        Raises:
            BadInput: there is no such seed.
        """
        if (
            isinstance(place, bool)
            or not isinstance(place, int)
            or not 0 <= place < len(self.races)
        ):
            raise BadInput("seed", place, f"a whole number from 0 to {len(self.races) - 1}")
        before, self.place = self.followed, place
        self.with_pictures = self._pictures
        if self.followed is not before:
            self._share_plane(before, self.followed)

    @staticmethod
    def _share_plane(before: Race, race: Race) -> None:
        """Choose the same kind of plane for another seed, fitted with its next picture."""
        if not race.observer.view.ground:
            race.observer.view.choose(before.observer.view.wanted)

    def _next(self) -> int | None:
        """Return the place of the race that moves next: with the lane that has spent least. None at
        the end.
        """
        currency = self.began.budget.currency
        # What a lane has spent only grows, so an entry can only be too low: it is corrected when it
        # comes to the front.
        while self._queue:
            told, place = self._queue[0]
            spent = min(
                (lane.oracle.spent(currency) for lane in self.races[place].running), default=None
            )
            if spent is None:
                heapq.heappop(self._queue)
            elif spent != told:
                heapq.heapreplace(self._queue, (float(spent), place))
            else:
                return place
        return None

    def advance(self) -> int:
        """Take one step of the lane furthest behind, in the seed furthest behind.

        Returns:
            The place of this seed.

        Raises:
            RuntimeError: the race is over.
        """
        place = self._next()
        if place is None:
            raise RuntimeError("the race is over")
        self.races[place].advance()
        return place

    def advance_lane(self, lane: Lane) -> None:
        """Take one step of a lane of any seed."""
        owner = next(race for race in self.races if any(one is lane for one in race.lanes))
        owner.advance_lane(lane)

    def reheat(self, lane: int, factor: float) -> bool:
        """Multiply a lane's temperature in every seed.

        Returns:
            False if the lane's method has no temperature.
        """
        reheated = [race.reheat(lane, factor) for race in self.races]
        return any(reheated)

    def set_hyperparameter(self, lane: int, field: str, value: Any) -> None:
        """Change a hyperparameter in every seed in which the lane still runs; see `Race`."""
        self._everywhere(lambda race: race.set_hyperparameter(lane, field, value))

    def put_weight(self, lane: int, index: int, value: float) -> None:
        """Set one weight in every seed in which the lane still runs; see `Race`."""
        self._everywhere(lambda race: race.put_weight(lane, index, value))

    def set_points(self, text: str) -> None:
        """Replace the training points of every seed that still runs; see `Race`."""
        self._everywhere(lambda race: race.set_points(text))

    def _everywhere(self, act: Callable[[Race], None]) -> None:
        """Do it in every seed. Raises `BadInput` only if it is possible in none."""
        refused: list[BadInput] = []
        for race in [self.followed, *(one for one in self.races if one is not self.followed)]:
            try:
                act(race)
            except BadInput as error:
                refused.append(error)
        if len(refused) == len(self.races):
            raise refused[0]

    def stage(self) -> Message:
        """Return what does not change during the race, of the followed seed."""
        return {**self.followed.stage(), "experiment": self.experiment.to_json()}

    def detail(self, k: int) -> Message:
        """Return the followed seed's details, as a message beside frame k."""
        return {**self.followed.detail(k), "seed": self.place}

    def weights(self, k: int) -> Message:
        """Return the followed seed's estimates, as a message beside frame k."""
        return {**self.followed.weights(k), "seed": self.place}

    def seed_message(self, place: int, k: int, last: bool = False) -> Message:
        """Return what a stage tells differently of a seed.

        Args:
            place: of the seed.
            k: of the last frame.
            last: whether to add the seed's metrics, picture, detail and weights of this moment, so
                that every seed can be looked at when the race is over.
        """
        race = self.races[place]
        with race.settled():
            stage = race.stage()
            moment = None
            if last:
                before, race.with_pictures = race.with_pictures, True
                if race is not self.followed:
                    self._share_plane(self.followed, race)
                frame = race.frame(k)
                race.with_pictures = before
                self._take(place, frame.metrics)
                moment = {
                    "lanes": frame.metrics["lanes"],
                    "picture": frame.picture,
                    "detail": race.detail(k),
                    "weights": race.weights(k),
                }
        return {
            "type": "seed",
            "k": k,
            "seed": place,
            "data": stage["data"],
            "plans": [lane["plan"] for lane in stage["lanes"]],
            "last": moment,
        }

    def last_messages(self, k: int) -> list[Message]:
        """Return what follows the last frame: the last moment of every seed."""
        return [self.seed_message(place, k, last=True) for place in range(len(self.races))]

    def _take(self, place: int, metrics: Message) -> None:
        """Keep a race's metrics for the block, and its events for the next frame."""
        self.untold += [{**event, "seed": place} for event in metrics["events"]]
        for lane, row in enumerate(metrics["lanes"]):
            told = {**row, "state": state_of(row)}
            self.table[place, lane] = [
                math.nan if told[name] is None else told[name] for name in FIELDS
            ]

    def _look(self, place: int, k: int) -> None:
        """Observe a race that is not followed."""
        race = self.races[place]
        self._take(place, race.metrics(k, closely=False))
        race.observer.view.note(
            [lane.state.estimate for lane in race.lanes],
            [lane.trouble is None for lane in race.lanes],
        )

    def look_at_others(self, k: int) -> None:
        """Observe all seeds that are not followed now, for the block of frame k."""
        with self.settled():
            for place in range(len(self.races)):
                if place != self.place:
                    self._look(place, k)

    def frame(self, k: int, closely: bool = True, everyone: bool = True) -> Frame:
        """Return metrics and, if wanted, a picture of the followed seed.

        Args:
            k: number of the frame.
            closely: see `Race.metrics`; only of the followed seed.
            everyone: whether to send the block; `look_at_others` brings it up to date.
        """
        return self._combined(self.followed.frame(k, closely), everyone)

    def _combined(self, frame: Frame, everyone: bool) -> Frame:
        self._take(self.place, frame.metrics)
        events, self.untold = self.untold, []
        # The followed seed's first: these are the ones that are shown.
        events.sort(key=lambda event: event["seed"] != self.place)
        block: Message = {"followed": self.place}
        if everyone:
            block |= {
                "fields": list(FIELDS),
                "values": self.table.copy(),
                "troubles": self._first_troubles(),
                "reasons": self._reasons(),
            }
        metrics = {**frame.metrics, "clock": self.clock, "events": events, "seeds": block}
        picture = frame.picture and {**frame.picture, "seed": self.place}
        return Frame(frame.k, metrics, picture)

    def _first_troubles(self) -> list[str | None]:
        """Return for each lane why it failed in the first seed in which it did, or None."""
        found: list[str | None] = []
        for lane in range(len(self.began.lanes)):
            told = (
                f"Seed {self.began.seed + place}: {race.lanes[lane].trouble}"
                for place, race in enumerate(self.races)
                if race.lanes[lane].trouble is not None
            )
            found.append(next(told, None))
        return found

    def _reasons(self) -> list[list[Any]]:
        """Return why lanes failed or were stopped: [place of the seed, lane, sentence] each."""
        return [
            [place, number, reason]
            for place, race in enumerate(self.races)
            for number, lane in enumerate(race.lanes)
            if (reason := lane.trouble if lane.trouble is not None else lane.stopped) is not None
        ]

    def step_in_phases(self, lane: Lane, k: int) -> Message:
        """Take one step of that lane and return the message that shows its phases."""
        from ..observation.step_trace import step_with_stages

        return step_with_stages(self.followed, lane, k)

    def hold(self, still: bool) -> None:
        """Do nothing: no lane has anything running outside this process."""

    def close(self) -> None:
        """Do nothing: no lane has anything running outside this process."""

    def interrupt(self) -> None:
        """End the iteration after the current step. Iterating again continues from there."""
        self._interrupted = True

    def __iter__(self) -> Iterator[Frame]:
        while True:
            with self.settled():
                for place, race in enumerate(self.races):
                    if place != self.place and race.due():
                        self._frame_of(place)
            if self._due():
                yield self._next_frame()
            if self.finished and self.closed:
                return
            try:
                with held_back(self.interrupt), self.settled():
                    while not (self._interrupted or self.finished):
                        place = self.advance()
                        if self.races[place].due() or self._due():
                            break
            except KeyboardInterrupt:
                self._interrupted = False
                raise
            if self._interrupted:
                self._interrupted = False
                return

    def _frame_of(self, place: int) -> None:
        """Take the frame that is due of a race that is not followed."""
        race = self.races[place]
        self._take(place, race.next_frame().metrics)
        if self._pictures:
            race.observer.view.note(
                [lane.state.estimate for lane in race.lanes],
                [lane.trouble is None for lane in race.lanes],
            )

    def _due(self) -> bool:
        """Return whether a frame is due: the followed seed's when all others have come as far; once
        it has ended, at the marks of the others, and at their end.
        """
        if self.finished:
            return not self.closed
        if self.k < 0:
            return True
        if not self.followed.closed and self.followed.due():
            return (
                self.progress >= (self.k + 1) / self.marks
                if self.followed.finished
                else self._next() == self.place
            )
        return self.followed.closed and self.progress >= (self.k + 1) / self.marks

    def _next_frame(self) -> Frame:
        """Return the frame that is due."""
        with self.settled():
            if self.followed.due() and self.followed.k == self.k:
                frame = self.followed.next_frame()
            else:
                # Races that ended with their last frames leave this one for the end of all.
                k = self.k + 1
                if self.k >= 0 and not self.finished:
                    k = max(k, math.floor(self.progress * self.marks))
                frame = self.followed.frame(k)
                self.followed.k, self.followed.closed = k, self.followed.finished
            combined = self._combined(frame, everyone=True)
        self.k, self.closed = frame.k, self.finished
        return combined

    def seed_results(self) -> list[SeedResult]:
        """Return the results of every seed, as JSON values."""
        return [
            {"seed": self.began.seed + place, "lanes": race.results()}
            for place, race in enumerate(self.races)
        ]


def summary_of(results: Sequence[SeedResult]) -> list[LaneSummary]:
    """Return each lane's medians and quartiles over the seeds, the seeds it wins, and in how many
    it failed, as JSON values.

    Args:
        results: as `SeedRaces.seed_results` returns them.
    """
    won = wins([[row["loss"] for row in one["lanes"]] for one in results])
    summary = []
    for lane, first in enumerate(results[0]["lanes"]):
        rows = [one["lanes"][lane] for one in results]
        entry: dict[str, Any] = {
            "optimizer": first["optimizer"],
            "label": first["label"],
            **{name: _quartiles(name, [row[name] for row in rows]) for name in SUMMARISED},
            "wins": won[lane],
            "of": len(results),
            "failed": sum(row["trouble"] is not None for row in rows),
        }
        summary.append(cast(LaneSummary, entry))
    return summary


def _quartiles(name: Summarised, values: Sequence[float | None]) -> Quartiles | None:
    """Return a number's median and quartiles over the seeds; None if no seed has it."""
    if all(value is None for value in values):
        return None
    worst = -math.inf if name in HIGHER_IS_BETTER else math.inf
    low, median, high = (quantile(values, share, worst) for share in QUARTILES)
    return {"median": median, "quartiles": [low, high]}


def race_of(
    experiment: Experiment,
    marks: int = 200,
    pictures: bool = True,
    events: Iterable[Event] = (),
) -> Race | SeedRaces:
    """Return the race of an experiment: of one seed, or of several."""
    if experiment.seeds > 1:
        return SeedRaces(experiment, marks, pictures, events)
    return Race(experiment, marks, pictures, of_seed(events, 0))
