"""What is done to a race by hand, so that a race can be repeated with it.

An event notes where it fell: ``steps``, how many steps every lane had taken. Done again, it takes
effect just before the first step that would carry a lane beyond that. A race that takes its steps
in the same order (any race with a budget in evaluations or FLOPs that nobody stepped by hand) is
then repeated exactly, frame by frame. Where the order is another one, each lane still meets every
event after the same step of its own as before: an event of one lane waits until that lane has taken
the step, and new points come to every lane at its own step.
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
    """Steps every lane had taken. In an event of one lane it may be left out: then only that lane's
    own step counts."""

    def to_json(self) -> dict[str, Any]:
        """The event as it stands in metrics and files, as JSON values."""
        value = self.model_dump(mode="json")
        return {"kind": value.pop("kind"), **value}


class _LaneEvent(_Event):
    lane: int = Field(ge=0)
    step: int = Field(ge=0)
    """Steps that lane had taken."""


class Reheat(_LaneEvent):
    """A temperature multiplied."""

    kind: Literal["reheat"] = "reheat"
    value: float


class Turn(_LaneEvent):
    """A knob turned."""

    kind: Literal["turn"] = "turn"
    field: str
    value: bool | int | float | str | None


class Weight(_LaneEvent):
    """One weight of the estimate set."""

    kind: Literal["weight"] = "weight"
    index: int = Field(ge=0)
    value: float


class Points(_Event):
    """All training points replaced, as `engine.datasets.hand_drawn` writes them."""

    kind: Literal["points"] = "points"
    value: str


Event = Reheat | Turn | Weight | Points
KINDS = ("reheat", "turn", "weight", "points")
_EVENTS: TypeAdapter[list[Event]] = TypeAdapter(list[Annotated[Event, Field(discriminator="kind")]])


def parse_events(value: Any) -> list[Event]:
    """Events from JSON values: a list of them, or an object that holds such a list as ``events``
    (what the command line prints, say).

    Raises:
        BadInput: the first thing that is wrong, in one line.
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


def events_of(recording: Recording) -> list[Event]:
    """All that was done by hand in a recorded race, in order.

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
    """The events in a JSON file or in a recording.

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


class Script:
    """Events that are still to come.

    Args:
        events: in the order in which they were done.
        lanes: how many lanes the race has.

    Raises:
        BadInput: an event names a lane there is not.
    """

    def __init__(self, events: Iterable[Event], lanes: int) -> None:
        self.waiting: list[tuple[Event, set[int]]] = []
        """Each with the lanes it has yet to come to."""
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
        """What is to be done before a step, and to which lanes; it is struck off.

        Args:
            steps: taken by every lane so far.
            lane: which of them is about to take its next.

        Returns:
            Events, each with the lanes it comes to now and whether these are the first.
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
