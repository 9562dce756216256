"""What a visitor did to a running race, as data: what races of networks and of combinatorial
problems have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ..errors import BadInput, explain
from ..system.input_checks import check

MOST_EVENTS = 100_000


class TimedEvent(BaseModel):
    """An event with its time."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    steps: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """Steps that every lane had taken."""

    def to_json(self) -> dict[str, Any]:
        """Return the event as JSON values, as in metrics and files."""
        value = self.model_dump(mode="json")
        return {"kind": value.pop("kind"), **value}

    def check_steps(self, field: str, lanes: int) -> None:
        """Check that it has the steps of so many lanes.

        Raises:
            BadInput: it has not; the error names ``field``.
        """
        if len(self.steps) != lanes:
            raise BadInput(
                f"{field}.steps", list(self.steps), f"{lanes} numbers, one for each lane"
            )


class LaneEvent(TimedEvent):
    """An event of one lane."""

    lane: int = Field(ge=0)
    step: int = Field(ge=0)
    """Steps that this lane had taken."""

    def check_lane(self, field: str, lanes: int) -> None:
        """Check that its lane is one of so many.

        Raises:
            BadInput: it is not; the error names ``field``.
        """
        if self.lane >= lanes:
            raise BadInput(f"{field}.lane", self.lane, f"a whole number from 0 to {lanes - 1}")


class Reheat(LaneEvent):
    """A temperature multiplied by a factor."""

    kind: Literal["reheat"] = "reheat"
    value: float


class SetHyperparameter(LaneEvent):
    """A hyperparameter changed."""

    kind: Literal["turn"] = "turn"
    field: str
    value: bool | int | float | str | None


E = TypeVar("E")


def validated(value: Any, kinds: Sequence[str], events: TypeAdapter[list[E]]) -> list[E]:
    """Return the events in JSON values: in a list of them, or in an object with such a list as
    ``events`` (for example the output of the command line).

    Args:
        value: the JSON values; events already built are taken as well.
        kinds: the kinds of events there are.
        events: makes them of JSON values.

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
        if not isinstance(kind, str) or kind not in kinds:
            raise BadInput(
                f"events[{i}]", one, f"an event with kind: {', '.join(kinds[:-1])} or {kinds[-1]}"
            )
    try:
        return events.validate_python(
            [one.to_json() if isinstance(one, TimedEvent) else one for one in value]
        )
    except ValidationError as error:
        raise explain(error, ("events",)) from None
