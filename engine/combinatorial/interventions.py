"""What a visitor did to a running race of a combinatorial problem, as data; and doing it.

An event records the steps that every lane had taken. Repeated, it takes effect before the first
step that would take a lane beyond that, so a race with a budget in evaluations is repeated exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from ..errors import BadInput, CannotRun, explain
from ..race.event import LaneEvent, Reheat, SetHyperparameter, TimedEvent, validated
from .instance import MAX_EDITABLE, Floats, TourInstance
from .places import EARTHLY, off_the_earth, widest
from .repairs import Repairs

if TYPE_CHECKING:
    from .race import CombinatorialRace, Lane

FEWEST = 4
"""Fewest cities that edits may leave in a race that runs."""
MAX_DISTANCE = 2**31 - 1
KICKABLE = {
    "tour": "a lane that changes one tour, of at least 8 cities",
    "routes": "a lane that changes one set of routes",
    "pairing": "a lane that changes one roster, with at least one crew in it",
    "landing": "a lane that changes one order of landings, of at least 2 planes",
}
"""What a kick asks for, by the kind of problem."""


class Kick(LaneEvent):
    """A solution changed by one large random change: a tour by a double bridge."""

    kind: Literal["kick"] = "kick"


class Cities(TimedEvent):
    """Cities moved, then dropped, then added; coordinates are those of the map."""

    kind: Literal["cities"] = "cities"
    move: tuple[tuple[int, float, float], ...] = ()
    drop: tuple[int, ...] = ()
    add: tuple[tuple[float, float], ...] = ()


Event = Reheat | SetHyperparameter | Kick | Cities
KINDS = ("reheat", "turn", "kick", "cities")
_EVENTS: TypeAdapter[list[Event]] = TypeAdapter(list[Annotated[Event, Field(discriminator="kind")]])


def parse_events(value: Any) -> list[Event]:
    """Read events from JSON values, see `engine.race.event.validated`.

    Raises:
        BadInput: the first error, in one line.
    """
    return validated(value, KINDS, _EVENTS)


class Interventions:
    """Apply interventions to one race, and repeat those of an earlier run.

    Args:
        race: the race, with its lanes.
        events: of an earlier run, in order.

    Raises:
        BadInput: an event does not fit this race.
    """

    def __init__(self, race: CombinatorialRace, events: Iterable[Event]) -> None:
        self.race = race
        self.given = list(events)
        self.waiting = list(self.given)
        lanes = len(race.lanes)
        for i, event in enumerate(self.given):
            if not isinstance(event, Cities):
                event.check_lane(f"events[{i}]", lanes)
            event.check_steps(f"events[{i}]", lanes)

    def before_step(self, lane: Lane) -> None:
        """Repeat the interventions that are due before that lane's next step."""
        while self.waiting and lane.step >= self.waiting[0].steps[lane.index]:
            event = self.waiting.pop(0)
            if not isinstance(event, Cities) and self.race.lanes[event.lane].finished:
                continue  # this time it ended earlier
            match event:
                case Reheat():
                    self.reheat(event.lane, event.value)
                case SetHyperparameter():
                    self.set_hyperparameter(event.lane, event.field, event.value)
                case Kick():
                    self.kick(event.lane)
                case Cities():
                    self.set_cities(event.move, event.drop, event.add)

    def reheat(self, lane: int, factor: float) -> bool:
        """Multiply a lane's temperature. Returns False if the method has none.

        Raises:
            BadInput: the factor is not a number above 0.
        """
        if (
            isinstance(factor, bool)
            or not isinstance(factor, int | float)
            or not 0 < factor < math.inf
        ):
            raise BadInput("factor", factor, "a number above 0")
        one = self._running(lane)
        if one.state is None or not one.method.reheat(one.state, factor):
            return False
        self._note(Reheat(lane=lane, step=one.step, steps=self._steps(), value=factor))
        return True

    def set_hyperparameter(self, lane: int, field: str, value: Any) -> None:
        """Change a setting of a lane's method from the next step on.

        Raises:
            BadInput: it may not be changed, or the value is out of its range.
        """
        one, race = self._running(lane), self.race
        one.method = one.method.with_setting(field, value)
        field = type(one.method).current(field)
        if one.state is not None:
            one.method.on_setting_change(one.state, race.problem, field)
        race.experiment = race.experiment.model_copy(
            update={"lanes": tuple(other.method for other in race.lanes)}
        )
        self._note(
            SetHyperparameter(
                lane=lane,
                step=one.step,
                steps=self._steps(),
                field=field,
                value=one.method.to_json()[field],
            )
        )

    def kick(self, lane: int) -> None:
        """Make one large random change of a lane's present solution: of a tour, a double bridge.

        Raises:
            BadInput: its method has no present solution, or there is too little of it.
        """
        one = self._running(lane)
        if one.state is None or not one.method.kick(
            one.state, self.race.problem, one.stream, one.step
        ):
            raise BadInput("lane", lane, KICKABLE[self.race.instance.kind])
        one.meter.take(one.state.numbers)
        self._note(Kick(lane=lane, step=one.step, steps=self._steps()))

    def set_cities(self, move: Any, drop: Any, add: Any) -> None:
        """Move cities, drop some and add others, in this order; every lane goes on from its tours.

        Args:
            move: (number, x, y) of cities that move.
            drop: numbers of cities that go.
            add: (x, y) of new cities, which get the next numbers.

        Raises:
            BadInput: an edit does not fit, or the race cannot be edited.
            CannotRun: a lane's method cannot run on what would be left.
        """
        race = self.race
        if race.finished:
            raise BadInput("cities", "a race that is over", "a race that still runs")
        if not race.instance.editable:
            raise BadInput(
                "cities",
                race.instance.name,
                f"an instance of at most {MAX_EDITABLE:,} cities with coordinates",
            )
        try:
            event = Cities(steps=self._steps(), move=move, drop=drop, add=add)
        except ValidationError as error:
            raise explain(error, ("cities",)) from None
        places, kept = edited(race.instance, event)
        after = race.instance.at(places, names_after(race.instance, kept, len(event.add)))
        for lane in race.lanes:
            refusal = None if lane.finished else lane.method.refusal(after)
            if refusal is not None:
                raise CannotRun("cities", f"{after.size} cities for {lane.method.name}", refusal)
        race.replace(after, Repairs(kept, race.instance.size, after))
        self._note(event)

    def _running(self, index: Any) -> Lane:
        lanes = self.race.lanes
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(lanes):
            raise BadInput("lane", index, f"a whole number from 0 to {len(lanes) - 1}")
        if lanes[index].finished:
            raise BadInput("lane", index, "a lane that still runs")
        return lanes[index]

    def _steps(self) -> tuple[int, ...]:
        return tuple(lane.step for lane in self.race.lanes)

    def _note(self, event: Event) -> None:
        self.race.events.append(event.to_json())
        self.race.done.append(event.to_json())


def edited(instance: TourInstance, event: Cities) -> tuple[Floats, list[int]]:
    """Return the places after an edit, and the numbers of the cities that stayed, in order.

    Raises:
        BadInput: the edit does not fit the instance.
    """
    n = instance.size
    numbers = [one for one, _, _ in event.move] + list(event.drop)
    wrong = next((one for one in numbers if not 0 <= one < n), None)
    if wrong is not None:
        raise BadInput("cities", f"city {wrong}", f"a city from 0 to {n - 1}")
    places = instance.places.copy()
    for city, x, y in event.move:
        places[city] = x, y
    gone = set(event.drop)
    kept = [city for city in range(n) if city not in gone]
    size = len(kept) + len(event.add)
    if not FEWEST <= size <= MAX_EDITABLE:
        raise BadInput("cities", f"{size} cities", f"{FEWEST} to {MAX_EDITABLE:,} cities")
    added = np.array(event.add, dtype=float).reshape(-1, 2)
    after = np.concatenate([places[kept], added])
    if instance.geographic and (off := off_the_earth(after)):
        raise BadInput("cities", off[0][1], EARTHLY)
    if not instance.geographic and widest(after, instance.metric) > MAX_DISTANCE:
        raise BadInput(
            "cities", "a city far away", f"distances of at most {MAX_DISTANCE:,} between cities"
        )
    return after, kept


def names_after(instance: TourInstance, kept: list[int], added: int) -> tuple[str, ...] | None:
    """Return the names of the cities after an edit; new ones are called by their number."""
    if instance.names is None:
        return None
    stayed = [instance.names[city] for city in kept]
    return (*stayed, *(f"City {len(stayed) + i + 1}" for i in range(added)))
