"""Observe a race on a combinatorial problem: stage, metrics, pictures. Charged to no lane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..messages.encoding import Message
from .instance import Integers
from .moves import FEWEST_KICKED
from .routes_instance import DEPOT

if TYPE_CHECKING:
    from .race import CombinatorialRace, Lane

VERSION = 2
"""Version of the stage; networks and landscapes have version 1."""
PLAN_POINTS = 40
PRESENT = 5000
"""With more cities than this pictures hold the shortest tours alone."""
BOUNDED = 1000
"""With more cities than this the stage has no bound: it would hold the race up for longer than half
a second. The results have it."""
MOST_SHOWN = 256
"""Most edges of a move that are sent."""
EDGES = ("tour", "routes")
"""Kinds of instances whose solutions are made of edges."""
KNOBS = ("turn", "reheat")
"""Interventions that may change the planned temperatures."""


def edges_of(solution: Integers, instance: Any) -> set[int]:
    """Return the edges of a round trip, or of routes, as numbers, the same in both directions."""
    one = solution.astype(np.int64)
    if instance.kind == "routes":
        one = np.concatenate([[DEPOT], np.where(one < 0, DEPOT, one)])
    other = np.roll(one, -1)
    low, high = np.minimum(one, other), np.maximum(one, other)
    return set((low * instance.size + high)[low != high].tolist())


class Observer:
    """Compute the messages about a race.

    Args:
        race: the race; its lanes must exist already.
    """

    def __init__(self, race: CombinatorialRace) -> None:
        self.race = race
        self.reference: set[int] | None = None
        self._bound: int | None = None
        self._bounded = False
        self.watch()

    def watch(self) -> None:
        """Compare tours with the known answer of the present instance."""
        instance = self.race.instance
        answer = instance.answer if instance.kind in EDGES else None
        self.reference = None if answer is None else edges_of(answer, instance)
        self._bound, self._bounded = None, False

    def bound(self, most: int | None = None) -> int | None:
        """Return a price that no solution of the present instance is below, or None: for tours
        computed when it is first asked for, else what a lane has proved.

        Args:
            most: number of cities beyond which it is not computed.
        """
        instance = self.race.instance
        if (
            not self._bounded
            and instance.kind == "tour"
            and (most is None or instance.size <= most)
        ):
            from .bounds import lower_bound

            self._bound, self._bounded = lower_bound(self.race.problem), True
            known = self.race.best_known
            if known is not None and self._bound is not None and known.value < self._bound:
                self.race.best_known = None  # it is that of another instance of this name
        return self.proved() if instance.kind != "tour" else self._bound

    def proved(self) -> int | None:
        """Return the best bound that a lane has proved; None if none has."""
        states = (lane.state for lane in self.race.lanes)
        bounds = [one.bound for one in states if one is not None and one.bound is not None]
        return max(bounds, default=None)

    def stage(self) -> Message:
        """Return what does not change during the race."""
        race, instance = self.race, self.race.instance
        budget, bound = race.experiment.budget, self.bound(BOUNDED)
        return {
            "type": "stage",
            "version": VERSION,
            "experiment": race.experiment.to_json(),
            "device": "cpu",
            "budget": {"currency": budget.currency, "amount": budget.amount},
            "lanes": [
                {
                    "index": lane.index,
                    "optimizer": lane.method.name,
                    "label": race.names[lane.index],
                    "method": lane.method.label,
                    "family": lane.method.family,
                    "sees": lane.method.sees,
                    "sentence": lane.method.sentence,
                    "plan": self._plan(lane),
                    "stages": [
                        {"name": phase.name, "line": phase.line, "shows": phase.shows}
                        for phase in lane.method.phases
                    ],
                    "knobs": lane.method.knobs(),
                    "population": lane.method.solutions,
                    "kicks": lane.method.kicks
                    and (instance.kind != "tour" or instance.size >= FEWEST_KICKED),
                }
                for lane in race.lanes
            ],
            "data": instance.stage()
            | {
                "known": None if race.best_known is None else race.best_known.to_json(),
                "bound": bound,
            },
        }

    @staticmethod
    def _plan(lane: Lane) -> list[float] | None:
        """Return the planned temperatures at equal shares of the budget."""
        state = lane.state
        if state is None:
            return None
        planned = [
            lane.method.planned_temperature(state, i / PLAN_POINTS) for i in range(PLAN_POINTS + 1)
        ]
        return None if None in planned else [float(one) for one in planned if one is not None]

    def metrics(self, k: int) -> Message:
        """Return counters, lengths and temperatures of every lane, and the interventions since the
        last call.
        """
        race = self.race
        events, race.events = race.events, []
        found = [race.best(lane) for lane in race.lanes]
        lengths = [one[1] for one in found if one is not None]
        reference = self._reference(min(lengths, default=None))
        shared = self.reference
        if shared is None and lengths and race.instance.kind in EDGES:
            best = min((one for one in found if one is not None), key=lambda one: one[1])[0]
            shared = edges_of(best, race.instance)
        rows = [
            self._lane_metrics(lane, one, reference, shared)
            for lane, one in zip(race.lanes, found, strict=True)
        ]
        for at in sorted({event["lane"] for event in events if event["kind"] in KNOBS}):
            plan = self._plan(race.lanes[at])
            if plan is not None:
                rows[at]["planned"] = plan
        return {
            "type": "metrics",
            "k": k,
            "clock": race.clock,
            "lanes": rows,
            "events": events,
            "reference": reference,
            "bound": self.proved(),
        }

    def _reference(self, best: int | None) -> Message | None:
        """Return the length that gaps are measured from."""
        known = self.race.best_known
        if known is not None and (best is None or best >= known.value):
            kind = "optimum" if known.proven else "best known"
            return {"value": known.value, "kind": kind}
        return None if best is None else {"value": best, "kind": "best of this race"}

    def _lane_metrics(
        self,
        lane: Lane,
        found: tuple[Integers, int] | None,
        reference: Message | None,
        shared: set[int] | None,
    ) -> Message:
        state, meter = lane.state, lane.meter
        length = None if found is None else found[1]
        gap = None
        if reference is not None and length is not None:
            from .race import gap_of

            gap = gap_of(length, int(reference["value"]))
        share = None
        if found is not None and shared is not None and len(found[0]) > 2:
            edges = edges_of(found[0], self.race.instance)
            share = len(edges & shared) / max(1, len(edges))
        vectors: dict[str, Any] = {} if state is None else state.vectors
        return {
            "step": lane.step,
            "evaluations": meter.evaluations,
            "moves": meter.moves,
            "accepted": meter.accepted,
            "seconds": meter.seconds,
            "progress": 1.0
            if lane.finished and lane.trouble is None and lane.stopped is None
            else meter.progress,
            "memory": lane.method.footprint(self.race.instance),
            "loss": length,
            "current": None if state is None else state.current,
            "gap": gap,
            "violation": 0 if state is None else state.violation,
            "shared": share,
            "temperature": None if state is None else state.temperature,
            "plan": None if state is None else state.plan,
            "acceptance": None if state is None else state.acceptance,
            "target": None if state is None else state.target,
            "finished": lane.finished,
            "trouble": lane.trouble,
            "stopped": lane.stopped,
            "note": lane.note,
            "extra": {} if state is None else dict(state.metrics),
            "vectors": vectors,
            "lengths": {},
        }

    def picture(self, k: int) -> Message:
        """Return the tours of every lane, in the instance's numbers, and its ``band``, (m, 2) on
        the map, if it has one.
        """
        race = self.race
        rows: list[Message] = []
        for lane in race.lanes:
            found = race.best(lane)
            small = race.instance.size <= PRESENT
            rows.append(
                {
                    "best": None if found is None else found[0],
                    "current": race.present(lane) if small else None,
                }
            )
            if lane.state is not None and lane.state.band is not None:
                rows[-1]["band"] = lane.state.band
        return {"type": "picture", "k": k, "lanes": rows}

    def move_message(
        self, lane: Lane, before: Integers | None, after: Integers | None, rise: int, k: int
    ) -> Message:
        """Return what a step in slow motion changed.

        Args:
            lane: that took it.
            before: its solution before.
            after: the one after it, or after what it proposed.
            rise: by how much the energy of that is higher.
            k: number of the frame after the step.

        Returns:
            The message ``move`` with the edges ``removed`` and ``added``, (m, 2) numbers of
            cities, at most `MOST_SHOWN` of each, and ``rise``.
        """
        removed = added = np.empty((0, 2), np.int32)
        instance = self.race.instance
        if before is not None and after is not None and instance.kind in EDGES:
            old, new = edges_of(before, instance), edges_of(after, instance)
            removed, added = (
                np.array(
                    [divmod(edge, instance.size) for edge in sorted(edges)[:MOST_SHOWN]], np.int32
                )
                for edges in (old - new, new - old)
            )
        return {
            "type": "move",
            "k": k,
            "lane": lane.index,
            "step": lane.step,
            "removed": removed.reshape(-1, 2),
            "added": added.reshape(-1, 2),
            "rise": rise,
        }
