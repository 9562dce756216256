"""One step of a lane in slow motion: what it asked, what the oracle answered, what moved.

The step is taken as always. A listener at the oracle's doors copies some of the points that go in
and hands every answer on untouched, so the weights are bitwise those of a step that nobody watched,
and so are the counters; the time that listening takes is not counted. What else is computed here is
for people's eyes and is charged to no lane.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .. import evaluation
from ..messages.encoding import Message
from ..optimizers.base import Asked
from ..oracle import Oracle

if TYPE_CHECKING:
    from ..race.lane import Lane
    from ..race.race import Race

MOST = 256
"""Points shown of one stage."""
SEGMENT = 0.1
"""How much of a direction is drawn where a slope along it was asked for."""


def step_with_stages(race: Race, lane: Lane, k: int) -> Message:
    """Take one step of a lane and tell of its parts.

    Args:
        race: the lane's.
        lane: moved on by one step, as `Race.advance_lane` does.
        k: number of the frame that the step leads to.

    Returns:
        The message ``stages``, an entry for each of `Optimizer.stages`. ``points`` (m, 2) lie in
        the plane of the last picture; of what was asked and of what moved there are at most `MOST`,
        evenly chosen. ``values`` (m,) are losses on the step's own mini-batch. ``accepted`` (m,)
        says which of the points asked about were taken, and with what moved, which rows are such
        points. What does not exist, or is no number any more, is None.
    """
    with race.settled():
        return _step_with_stages(race, lane, k)


def _step_with_stages(race: Race, lane: Lane, k: int) -> Message:
    shown = dict.fromkeys(("asked", "answered", "moved"), _stage(race.observer.plane.project, None))
    with race.minding(lane, "while it was watched in slow motion"):
        listener = Listener(lane.oracle, lane.optimizer.known(lane.state))
        with listener.listening():
            race.advance_lane(lane)
        lane.oracle.seconds -= listener.seconds
        if lane.trouble is None:
            shown = _shown(race, lane, listener)
    return {
        "type": "stages",
        "k": k,
        "lane": lane.index,
        "step": lane.step,
        "stages": [dict(shown[stage.shows]) for stage in lane.optimizer.stages],
    }


def _shown(race: Race, lane: Lane, listener: Listener) -> dict[str, Message]:
    """What each kind of stage shows of the step just taken."""
    oracle, state, plane = lane.oracle, lane.state, race.observer.plane

    def losses(weights: Tensor) -> Tensor:
        return evaluation.losses(oracle.network, oracle.loss, weights, oracle.x, oracle.targets)

    asked = listener.asked(losses)
    taken = None if asked is None else lane.optimizer.taken(state, asked)
    here = (
        state.estimate.unsqueeze(0)
        if state.population is None or lane.optimizer.sampled
        else thinned(state.population)
    )
    return {
        "asked": _stage(plane.project, None if asked is None else asked.points),
        "answered": _stage(
            plane.project, *((None,) if asked is None else (asked.points, asked.values, taken))
        ),
        "moved": _stage(plane.project, here, losses(here), _moved(here, asked, taken)),
    }


def _stage(
    project: Callable[[Tensor], Tensor],
    points: Tensor | None,
    values: Tensor | None = None,
    accepted: Tensor | None = None,
) -> Message:
    if points is None or not bool(torch.isfinite(points).all()):
        return {"points": None, "values": None, "accepted": None}
    return {
        "points": project(points).float().cpu(),
        "values": None if values is None else values.float().cpu(),
        "accepted": None if accepted is None else accepted.to(torch.uint8).cpu(),
    }


def _moved(here: Tensor, asked: Asked | None, taken: Tensor | None) -> Tensor | None:
    """Which rows of what moved are points that were taken, (m,) bool; None unless every row is the
    one that tried the point of the same row.
    """
    if asked is None or taken is None or here.shape != asked.points.shape:
        return None
    return taken if torch.equal(here[taken], asked.points[taken]) else None


def thinned(rows: Tensor) -> Tensor:
    """At most `MOST` rows (n, …): all, or every second, or every fourth, …"""
    every = 1
    while -(-len(rows) // every) > MOST:
        every *= 2
    return rows[::every]


class Listener:
    """Notes what is asked during one step: every point while there are at most `MOST`, then every
    second one, every fourth, and so on.

    Args:
        oracle: listened to.
        known: rows of weights (…, D) that may be judged anew: no question of this step, unless
            nothing else is asked.

    Attributes:
        seconds: what listening itself took.
    """

    def __init__(self, oracle: Oracle, known: tuple[Tensor, ...] = ()) -> None:
        self.oracle, self.seconds = oracle, 0.0
        self._known = [(len(rows), thinned(rows).clone()) for rows in known]
        self._again: Asked | None = None
        self._every, self._heard = 1, 0
        self._points: list[Tensor] = []
        self._values: list[Tensor] = []
        self._rows: list[Tensor] = []

    def asked(self, losses: Callable[[Tensor], Tensor]) -> Asked | None:
        """All that was noted, the losses (m,) that no answer told taken from ``losses``; None where
        nothing was asked.
        """
        if not self._points:
            return self._again
        points, values = torch.cat(self._points), torch.cat(self._values)
        # An answer of slopes or of a Jacobian holds no loss: those places are looked at for free.
        untold = torch.isnan(values)
        values[untold] = losses(points[untold]).to(values)
        return Asked(points, values, torch.cat(self._rows))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Stand at the oracle's doors while inside."""
        doors: dict[str, Callable[..., None]] = {
            "losses": self._losses,
            "outputs": self._outputs,
            "gradients": self._gradients,
            "jvp": self._jvp,
            "jacobian": self._jacobian,
        }
        own = {door: vars(self.oracle)[door] for door in doors if door in vars(self.oracle)}
        for door, note in doors.items():
            setattr(self.oracle, door, self._listened(getattr(self.oracle, door), note))
        try:
            yield
        finally:
            for door in doors:
                delattr(self.oracle, door)
            vars(self.oracle).update(own)

    def _listened(self, ask: Callable[..., Any], note: Callable[..., None]) -> Callable[..., Any]:
        def asked(*question: Tensor) -> Any:
            answer = ask(*question)
            since = time.perf_counter()
            with torch.no_grad():
                note(answer, *question)
            self.seconds += time.perf_counter() - since
            return answer

        return asked

    def _losses(self, answer: Tensor, population: Tensor) -> None:
        if any(
            len(population) == size and torch.equal(thinned(population), rows)
            for size, rows in self._known
        ):
            points = thinned(population).clone()
            self._again = Asked(
                points, thinned(answer).clone(), torch.arange(len(points), device=points.device)
            )
        else:
            self._note(population, lambda rows: answer[rows])

    def _outputs(self, answer: Tensor, population: Tensor) -> None:
        self._note(
            population, lambda rows: self.oracle.loss.values(answer[rows], self.oracle.targets)
        )

    def _gradients(self, answer: tuple[Tensor, Tensor], population: Tensor) -> None:
        self._note(population, lambda rows: answer[0][rows])

    def _jvp(self, answer: Tensor, theta: Tensor, directions: Tensor) -> None:
        self._note(torch.cat([theta.unsqueeze(0), theta + SEGMENT * directions[: MOST - 1]]))

    def _jacobian(self, answer: Tensor, theta: Tensor) -> None:
        if not self._points or not torch.equal(
            self._points[-1][-1], theta
        ):  # mostly its outputs were asked for there just before
            self._note(theta.unsqueeze(0))

    def _note(self, points: Tensor, answer: Callable[[Tensor], Tensor] | None = None) -> None:
        """Copy some of the points (n, D) of a question; ``answer`` tells the losses (m,) of the
        rows (m,) chosen.
        """
        rows = torch.arange(
            -self._heard % self._every, len(points), self._every, device=points.device
        )
        self._heard += len(points)
        if len(rows) == 0:
            return
        chosen = points[rows].detach()
        self._points.append(chosen)
        self._values.append(
            torch.full_like(chosen[:, 0], torch.nan) if answer is None else answer(rows).to(chosen)
        )
        self._rows.append(rows)
        while sum(len(part) for part in self._rows) > MOST:
            self._every *= 2
            for kept in (self._points, self._values, self._rows):
                kept[:] = [torch.cat(kept)[::2].clone()]
