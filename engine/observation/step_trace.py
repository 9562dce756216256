"""Trace one step of a lane in slow motion: the points it evaluated, the oracle's results, what
moved.

The step is taken as always. A listener on the oracle's methods copies some of the inputs and
returns every result unchanged, so weights and counters are bitwise those of a step without the
listener; the time for listening is not counted. What else is computed here is only for display and
is not counted for any lane.
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
from ..populations.base import Population
from ..populations.flips import FlipWalk
from ..populations.output_layers import OutputWalk, Tries

if TYPE_CHECKING:
    from ..race.lane import Lane
    from ..race.race import Race

MOST = 256
"""Largest number of points shown in one phase."""
SEGMENT = 0.1
"""Length at which a direction is drawn whose directional derivative was computed."""


def step_with_stages(race: Race, lane: Lane, k: int) -> Message:
    """Take one step of a lane and record its phases.

    Args:
        race: the lane's.
        lane: takes one step, as in `Race.advance_lane`.
        k: number of the frame after the step.

    Returns:
        The message ``stages``, an entry for each of `Optimizer.phases`. ``points`` (m, 2) are in
            the plane of the last picture; of the evaluated points and of the moves there are at
            most `MOST`, evenly chosen. ``values`` (m,) are losses on the step's own mini-batch.
            ``accepted`` (m,) tells which evaluated points were accepted and, for a move, which rows
            are such points. What does not exist, or is NaN or infinite, is None.
    """
    with race.settled():
        return _step_by_phases(race, lane, k)


def _step_by_phases(race: Race, lane: Lane, k: int) -> Message:
    shown = dict.fromkeys(("asked", "answered", "moved"), _phase(race.observer.plane.project, None))
    with race.minding(lane, "while it was watched in slow motion"):
        listener = Listener(lane.oracle, lane.optimizer.reevaluated(lane.state))
        with listener.listening():
            race.advance_lane(lane)
        lane.oracle.seconds -= listener.seconds
        lane.oracle.core_seconds -= listener.core_seconds
        if lane.trouble is None:
            shown = _shown(race, lane, listener)
    return {
        "type": "stages",
        "k": k,
        "lane": lane.index,
        "step": lane.step,
        "stages": [dict(shown[phase.shows]) for phase in lane.optimizer.phases],
    }


def _shown(race: Race, lane: Lane, listener: Listener) -> dict[str, Message]:
    """Return what each kind of phase shows of the step just taken."""
    oracle, state, plane = lane.oracle, lane.state, race.observer.plane

    def losses(weights: Tensor) -> Tensor:
        return evaluation.losses(oracle.network, oracle.loss, weights, oracle.x, oracle.targets)

    asked = listener.asked(losses)
    taken = None if asked is None else lane.optimizer.accepted_rows(state, asked)
    here = (
        state.estimate.unsqueeze(0)
        if state.population is None or lane.optimizer.sampled
        else thinned(state.population)
    )
    return {
        "asked": _phase(plane.project, None if asked is None else asked.points),
        "answered": _phase(
            plane.project, *((None,) if asked is None else (asked.points, asked.values, taken))
        ),
        "moved": _phase(plane.project, here, losses(here), _moved(here, asked, taken)),
    }


def _phase(
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
    """Return which rows of a move are accepted points, (m,) bool; None unless every row evaluated
    the point of the same row.
    """
    if asked is None or taken is None or here.shape != asked.points.shape:
        return None
    return taken if torch.equal(here[taken], asked.points[taken]) else None


def thinned(rows: Tensor) -> Tensor:
    """Return at most `MOST` rows (n, …): all, or every second, or every fourth, …"""
    every = 1
    while -(-len(rows) // every) > MOST:
        every *= 2
    return rows[::every]


class Listener:
    """Record the points evaluated during one step: every point while there are at most `MOST`, then
    every second one, every fourth, and so on.

    Args:
        oracle: the oracle to listen to.
        known: rows of weights (…, D) that may be re-evaluated only because the batch changed; they
            are left out, unless nothing else is evaluated.

    Attributes:
        seconds: the time for listening itself; core_seconds: its processor time.
    """

    def __init__(self, oracle: Oracle, known: tuple[Tensor, ...] = ()) -> None:
        self.oracle, self.seconds, self.core_seconds = oracle, 0.0, 0.0
        self._known = [(len(rows), thinned(rows).clone()) for rows in known]
        self._again: Asked | None = None
        self._every, self._heard = 1, 0
        self._points: list[Tensor] = []
        self._values: list[Tensor] = []
        self._rows: list[Tensor] = []

    def asked(self, losses: Callable[[Tensor], Tensor]) -> Asked | None:
        """Return all recorded points and their losses (m,), with missing losses computed by
        ``losses``; None if nothing was evaluated.
        """
        if not self._points:
            return self._again
        points, values = torch.cat(self._points), torch.cat(self._values)
        # Directional derivatives and Jacobians come without a loss: evaluate those points without
        # counting it.
        untold = torch.isnan(values)
        values[untold] = losses(points[untold]).to(values)
        return Asked(points, values, torch.cat(self._rows))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to the oracle's methods inside the block."""
        doors: dict[str, Callable[..., None]] = {
            "losses": self._losses,
            "begin_walk": self._begin_walk,
            "walk": self._walk,
            "flip": self._flip,
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
        def asked(*question: Any) -> Any:
            answer = ask(*question)
            since, busy = time.perf_counter(), time.process_time()
            with torch.no_grad():
                note(answer, *question)
            self.seconds += time.perf_counter() - since
            self.core_seconds += time.process_time() - busy
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

    def _begin_walk(self, answer: OutputWalk, theta: Tensor, start: int, chains: int) -> None:
        if answer.sums is not None:  # else it was evaluated by `losses`
            self._losses(answer.energy[:1], theta.unsqueeze(0))

    def _walk(
        self, answer: tuple[Tensor, Tensor], walk: OutputWalk, moves: Tensor, *_: Any
    ) -> None:
        losses, kept = answer
        if walk.sums is not None:
            assert walk.before is not None
            tries = Tries(walk.theta, walk.before, moves[: len(kept)], kept)
            self._note(tries, lambda rows: losses.flatten()[rows])

    def _flip(self, answer: FlipWalk, *_: Any) -> None:
        self._note(answer, lambda rows: answer.losses.flatten()[rows])

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
        ):  # mostly its outputs were computed there just before
            self._note(theta.unsqueeze(0))

    def _note(
        self, points: Tensor | Population, answer: Callable[[Tensor], Tensor] | None = None
    ) -> None:
        """Copy some of the points (n, D) of an evaluation; ``answer`` gives the losses (m,) of the
        chosen rows (m,).
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
