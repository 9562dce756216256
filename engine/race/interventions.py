"""User interventions on a race, recorded so that the race can be repeated with them.

An event records its time as ``steps``, the number of steps that every lane had taken. When
repeated, it takes effect just before the first step that would take a lane beyond that. A race that
takes its steps in the same order (any race with a budget in evaluations or FLOPs that was not
stepped by hand) is then repeated exactly, frame by frame. If the order differs, each lane still
gets every event after the same step of its own as before: an event of one lane waits until that
lane has taken the step, and new points reach every lane at its own step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from ..errors import BadInput
from ..messages.recording import SUFFIX, Recording
from ..system.input_checks import from_json
from . import event as common

_NEVER = 2**62


class _SeedEvent(common.TimedEvent):
    """An event, which may be that of one seed. An event of one lane may leave ``steps`` out: then
    only that lane's own step counts.
    """

    seed: int | None = Field(None, ge=0)
    """Of a race of several seeds, the place of the seed whose steps these are, from 0."""

    def to_json(self) -> dict[str, Any]:
        """Return the event as JSON values; a seed that it has not is left out."""
        value = super().to_json()
        if value["seed"] is None:
            del value["seed"]
        return value


class Reheat(common.Reheat, _SeedEvent):
    """A temperature multiplied by a factor."""


class SetHyperparameter(common.SetHyperparameter, _SeedEvent):
    """A hyperparameter changed."""


class SetWeight(common.LaneEvent, _SeedEvent):
    """One weight of the estimate set."""

    kind: Literal["weight"] = "weight"
    index: int = Field(ge=0)
    value: float


class Points(_SeedEvent):
    """All training points replaced, in the format of `engine.datasets.hand_drawn`."""

    kind: Literal["points"] = "points"
    value: str


Event = Reheat | SetHyperparameter | SetWeight | Points
KINDS = ("reheat", "turn", "weight", "points")
_EVENTS: TypeAdapter[list[Event]] = TypeAdapter(list[Annotated[Event, Field(discriminator="kind")]])


def parse_events(value: Any) -> list[Event]:
    """Read events from JSON values, see `event.validated`.

    Raises:
        BadInput: the first error, in one line.
    """
    return common.validated(value, KINDS, _EVENTS)


def of_seed(events: Iterable[Event], place: int) -> list[Event]:
    """Return the events of one seed, by its place from 0, as a race of that seed takes them. Events
    without a seed belong to every seed.
    """
    return [one.model_copy(update={"seed": None}) for one in events if one.seed in (None, place)]


def events_of(recording: Recording) -> list[Event]:
    """Return all interventions of a recorded race, in order.

    Raises:
        BadInput: the recording holds an event that Kelvin does not know.
    """
    return parse_events(
        [
            event
            for message in recording
            if message["type"] == "metrics"
            for event in message.get("events", [])
        ]
    )


def read_events(file: str) -> list[Event]:
    """Return the events in a JSON file or in a recording.

    Raises:
        BadInput: it cannot be read, or holds something else.
    """
    path = Path(file)
    if path.suffix == SUFFIX:
        return events_of(Recording.read(path))
    try:
        value = from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput("--events", file, f"a readable file ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise BadInput("--events", file, f"valid JSON ({error})") from None
    return parse_events(value)


class InterventionQueue:
    """The events that are still to come.

    Args:
        events: in the order in which they happened.
        lanes: how many lanes the race has.

    Raises:
        BadInput: an event names a lane that does not exist.
    """

    def __init__(self, events: Iterable[Event], lanes: int) -> None:
        self.waiting: list[tuple[Event, set[int]]] = []
        """Each event with the lanes that have not had it yet."""
        for i, one in enumerate(events):
            if not isinstance(one, Points):
                one.check_lane(f"events[{i}]", lanes)
            if one.steps or isinstance(one, Points):
                one.check_steps(f"events[{i}]", lanes)
            self.waiting.append((one, set(range(lanes)) if isinstance(one, Points) else {one.lane}))

    def __bool__(self) -> bool:
        return bool(self.waiting)

    def due(self, steps: Sequence[int], lane: int) -> list[tuple[Event, list[int], bool]]:
        """Remove and return the events due before this step, with the lanes they apply to.

        Args:
            steps: taken by every lane so far.
            lane: the lane that takes the next step.

        Returns:
            Events, each with the lanes it applies to now and whether these are the first.
        """
        found: list[tuple[Event, list[int], bool]] = []
        for event, left in self.waiting:
            if event.steps or isinstance(event, Points):
                fell = event.steps
            else:
                fell = tuple(event.step if i == event.lane else _NEVER for i in range(len(steps)))
            passing = steps[lane] >= fell[lane]
            lanes = [
                i for i in sorted(left) if steps[i] > fell[i] or (steps[i] == fell[i] and passing)
            ]
            if lanes:
                found.append(
                    (event, lanes, not isinstance(event, Points) or len(left) == len(steps))
                )
                left.difference_update(lanes)
        self.waiting = [(event, left) for event, left in self.waiting if left]
        return found
