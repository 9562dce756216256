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

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ..errors import BadInput, explain
from ..messages.recording import SUFFIX, Recording
from ..system.input_checks import check, from_json

MOST_EVENTS = 100_000
_NEVER = 2**62


class _Event(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    steps: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """Steps that every lane had taken. An event of one lane may leave it out: then only that lane's
    own step counts.
    """
    seed: int | None = Field(None, ge=0)
    """Of a race of several seeds, the place of the seed whose steps these are, from 0."""

    def to_json(self) -> dict[str, Any]:
        """Return the event as JSON values, as in metrics and files."""
        value = self.model_dump(mode="json")
        if value["seed"] is None:
            del value["seed"]
        return {"kind": value.pop("kind"), **value}


class _LaneEvent(_Event):
    lane: int = Field(ge=0)
    step: int = Field(ge=0)
    """Steps that this lane had taken."""


class Reheat(_LaneEvent):
    """A temperature multiplied by a factor."""

    kind: Literal["reheat"] = "reheat"
    value: float


class SetHyperparameter(_LaneEvent):
    """A hyperparameter changed."""

    kind: Literal["turn"] = "turn"
    field: str
    value: bool | int | float | str | None


class SetWeight(_LaneEvent):
    """One weight of the estimate set."""

    kind: Literal["weight"] = "weight"
    index: int = Field(ge=0)
    value: float


class Points(_Event):
    """All training points replaced, in the format of `engine.datasets.hand_drawn`."""

    kind: Literal["points"] = "points"
    value: str


Event = Reheat | SetHyperparameter | SetWeight | Points
KINDS = ("reheat", "turn", "weight", "points")
_EVENTS: TypeAdapter[list[Event]] = TypeAdapter(list[Annotated[Event, Field(discriminator="kind")]])


def parse_events(value: Any) -> list[Event]:
    """Read events from JSON values: a list of them, or an object with such a list as ``events``
    (for example the output of the command line).

    Raises:
        BadInput: the first error, in one line.
    """
    if isinstance(value, dict) and "events" in value:
        value = value["events"]
    if not isinstance(value, list | tuple) or len(value) > MOST_EVENTS:
        raise BadInput(
            "events",
            value,
            f"a list of at most {MOST_EVENTS:,} events, or an object with such a list",
        )
    check(value, "events", numbers=True)
    for i, one in enumerate(value):
        kind = one.get("kind") if isinstance(one, dict) else getattr(one, "kind", None)
        if not isinstance(kind, str) or kind not in KINDS:
            raise BadInput(
                f"events[{i}]", one, f"an event with kind: {', '.join(KINDS[:-1])} or {KINDS[-1]}"
            )
    try:
        return _EVENTS.validate_python(
            [one.to_json() if isinstance(one, _Event) else one for one in value]
        )
    except ValidationError as error:
        raise explain(error, ("events",)) from None


def of_seed(events: Iterable[Event], place: int) -> list[Event]:
    """Return the events of one seed, by its place from 0, as a race of that seed takes them. Events
    without a seed belong to every seed.
    """
    return [
        event.model_copy(update={"seed": None}) for event in events if event.seed in (None, place)
    ]


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
        for i, event in enumerate(events):
            if not isinstance(event, Points) and event.lane >= lanes:
                raise BadInput(
                    f"events[{i}].lane", event.lane, f"a whole number from 0 to {lanes - 1}"
                )
            if len(event.steps) != lanes and (event.steps or isinstance(event, Points)):
                raise BadInput(
                    f"events[{i}].steps", list(event.steps), f"{lanes} numbers, one for each lane"
                )
            self.waiting.append(
                (event, set(range(lanes)) if isinstance(event, Points) else {event.lane})
            )

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
