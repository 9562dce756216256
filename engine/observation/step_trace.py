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
from ..optimizers.base import Asked, Phase
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
DEVIATIONS = 2.0
"""Standard deviations at which the ellipse of a distribution is drawn: it holds 86 % of what is
sampled, as the plane sees it."""


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
            are such points. What does not exist, or is NaN or infinite, is None. ARCHITECTURE.md
            lists what else single phases have.
    """
    with race.settled():
        return _step_by_phases(race, lane, k)


def _step_by_phases(race: Race, lane: Lane, k: int) -> Message:
    phases = lane.optimizer.phases
    parts = [_nothing() for _ in phases]
    with race.minding(lane, "while it was watched in slow motion"):
        before = Before(race, lane)
        listener = Listener(
            lane.oracle, lane.optimizer.reevaluated(lane.state), lane.optimizer.sampled
        )
        with listener.listening():
            race.advance_lane(lane)
        lane.oracle.seconds -= listener.seconds
        lane.oracle.core_seconds -= listener.core_seconds
        if lane.trouble is None:
            pictures = Pictures(race, lane, listener, before)
            parts = [pictures.of(phase) for phase in phases]
    return {"type": "stages", "k": k, "lane": lane.index, "step": lane.step, "stages": parts}


def _nothing() -> Message:
    return {"points": None, "values": None, "accepted": None}


ABSENT: Message = {"absent": True}
"""Marks a phase that this step did not have."""


class Before:
    """What pictures need of a lane before its step.

    Attributes:
        estimate: (D,).
        places: (P, 2) where the members stand in the plane; None unless they are resampled.
        ellipse: (2, 2) half-axes of the distribution, None unless it is reshaped.
    """

    def __init__(self, race: Race, lane: Lane) -> None:
        state, plane = lane.state, race.observer.plane
        shows = {phase.shows for phase in lane.optimizer.phases}
        self.estimate = state.estimate.clone()
        self.places = (
            torch.cat([plane.project(some) for some in state.population.split(MOST)])
            if "resampled" in shows and state.population is not None
            else None
        )
        self.ellipse = half_axes(race, lane) if "reshaped" in shows else None


def half_axes(race: Race, lane: Lane) -> Tensor | None:
    """Return the half-axes (2, 2), in the plane, of the ellipse at `DEVIATIONS` standard deviations
    of a lane's distribution.
    """
    axes = race.observer.plane.axes
    covariance = lane.optimizer.covariance(lane.state, axes * lane.oracle.init_scale.to(axes))
    if covariance is None or not bool(torch.isfinite(covariance).all()):
        return None
    variances, vectors = torch.linalg.eigh(covariance.double().cpu())
    return (DEVIATIONS * variances.clamp(min=0).sqrt() * vectors).T


class Pictures:
    """What the phases of the step just taken show, asked for in their order.

    Attributes:
        here: (m, D) where the lane stands now: its members, or its estimate.
        start: (m, 2) where the last phase that moved anything left them, in the plane; None before.
    """

    def __init__(self, race: Race, lane: Lane, listener: Listener, before: Before) -> None:
        self.race, self.lane, self.before = race, lane, before
        self.plane, self.marks = race.observer.plane, listener.marks
        self.along = listener.along
        state = lane.state
        self.asked = listener.asked(self._losses)
        self.taken = None if self.asked is None else lane.optimizer.accepted_rows(state, self.asked)
        self.single = state.population is None or lane.optimizer.sampled
        self.here = (
            state.estimate.unsqueeze(0)
            if state.population is None or self.single
            else thinned(state.population)
        )
        self.start: Tensor | None = None

    def of(self, phase: Phase) -> Message:
        """Return the entry of one phase."""
        shown: dict[str, Callable[[str], Message]] = {
            "asked": self._asked,
            "answered": self._answered,
            "moved": self._moved,
            "improved": self._improved,
            "resampled": self._resampled,
            "swapped": self._swapped,
            "reshaped": self._reshaped,
        }
        return shown[phase.shows](phase.of)

    def _losses(self, weights: Tensor) -> Tensor:
        oracle = self.lane.oracle
        return evaluation.losses(oracle.network, oracle.loss, weights, oracle.x, oracle.targets)

    def _part(
        self,
        points: Tensor | None,
        values: Tensor | None = None,
        accepted: Tensor | None = None,
        more: dict[str, Any] | None = None,
    ) -> Message:
        """Return an entry with points (m, D), and with what there is of ``more``."""
        if points is None or not bool(torch.isfinite(points).all()):
            return _nothing()
        return {
            "points": self.plane.project(points).float().cpu(),
            "values": None if values is None else values.float().cpu(),
            "accepted": None if accepted is None else accepted.to(torch.uint8).cpu(),
        } | {
            name: value.float().cpu()
            if isinstance(value, Tensor) and value.is_floating_point()
            else value
            for name, value in (more or {}).items()
            if value is not None
        }

    def _chosen(self, of: str) -> tuple[Asked | None, Tensor | None]:
        """Return that part of what was asked, see `Phase.of`, and which of it was taken."""
        asked, taken = self.asked, self.taken
        if asked is None or of not in ("first", "tries"):
            return asked, taken
        elsewhere = ~(asked.points == self.before.estimate).all(1)
        if len(asked.points) > 1 and bool((asked.points[:-1] == asked.points[-1]).all(1).any()):
            elsewhere[-1] = False  # a try that helped, asked about once more
        rows = elsewhere.nonzero().flatten()[: 1 if of == "first" else None]
        if len(rows) == 0:
            return None, None
        return (
            Asked(asked.points[rows], asked.values[rows], asked.rows[rows]),
            None if taken is None else taken[rows],
        )

    def _asked(self, of: str) -> Message:
        if of == "here":
            return self._standing()
        asked, _ = self._chosen(of)
        if asked is None:
            return _nothing() | ABSENT if of else _nothing()
        return self._part(
            asked.points, more={"from": self._sources(asked), "along": self.along or None}
        )

    def _standing(self) -> Message:
        """Return the entry of a phase that asks about nothing but where the step begins."""
        asked = self.asked
        if not self.single:
            points = None if asked is None else asked.points
        else:
            points = self.before.estimate.unsqueeze(0)
        if points is None:
            return _nothing()
        known = self.single and (asked is None or not bool((asked.points == points).all(1).any()))
        return self._part(points, more={"from": self.plane.project(points), "known": known or None})

    def _sources(self, asked: Asked) -> Tensor | None:
        """Return from where each evaluated point was proposed, (m, 2), if an earlier phase has
        moved the members and each proposed one point.
        """
        population = self.lane.state.population
        if self.start is None or self.single or population is None:
            return None
        every = -(-len(population) // len(self.start))
        rows = asked.rows.cpu()
        once = len(rows.unique()) == len(rows) and not bool((rows % every).any())
        if not once or int(rows.max()) // every >= len(self.start):
            return None
        return self.start[rows // every]

    def _answered(self, of: str) -> Message:
        asked, taken = self._chosen(of)
        if asked is None:
            return _nothing() | ABSENT if of else _nothing()
        return self._part(asked.points, asked.values, taken, {"along": self.along or None})

    def _moved(self, of: str) -> Message:
        marked = self.marks.get(of)
        points = marked[0] if marked else self.here
        if points.dim() == 1:
            points = points.unsqueeze(0)
        if of == "respread":
            updated = self.marks.get("updated")
            if updated is None or torch.equal(updated[0], points):
                return _nothing() | ABSENT
        source = self.start
        if source is None and self.single:
            source = self.plane.project(self.before.estimate.unsqueeze(0)).cpu()
        same = source is not None and len(source) == len(points)
        part = self._part(
            points,
            self._losses(points),
            None if marked or of == "respread" else self._settled(points),
            {"from": source if same else None},
        )
        self.start = part["points"]
        return part

    def _settled(self, here: Tensor) -> Tensor | None:
        """Return which rows of a move are accepted points, (m,) bool; None unless every row
        evaluated the point of the same row.
        """
        asked, taken = self.asked, self.taken
        if asked is None or taken is None or here.shape != asked.points.shape:
            return None
        return taken if torch.equal(here[taken], asked.points[taken]) else None

    def _improved(self, of: str) -> Message:
        asked, taken = self._chosen(of)
        if asked is None:
            return _nothing()
        before, now = self.plane.project(
            torch.stack([self.before.estimate, self.lane.state.estimate])
        )
        return self._part(
            asked.points, asked.values, taken, {"estimate": torch.stack([before, now])}
        )

    def _resampled(self, of: str) -> Message:
        places, marked = self.before.places, self.marks.get("resampled")
        if places is None or marked is None or not bool(torch.isfinite(places).all()):
            return _nothing()
        sources = marked[0].cpu()
        places = places.float().cpu()
        rows = thinned(torch.arange(len(sources)))
        stayed = sources == torch.arange(len(sources))
        self.start = places[sources][rows]
        return {
            "points": self.start,
            "values": None,
            "accepted": None,
            "from": places[rows],
            "stayed": stayed[rows].to(torch.uint8),
            "died": int((~stayed).sum()),
            "copied": len(sources[~stayed].unique()),
            "members": len(sources),
        }

    def _swapped(self, of: str) -> Message:
        marked = self.marks.get("swapped", ())
        if len(marked) < 2:
            return _nothing() | ABSENT
        ladder, low, below, above, swapped = marked
        rows = thinned(torch.arange(len(low), device=low.device), MOST // 2)
        pairs = torch.stack([below, above], 1)[rows]
        population = self.lane.state.population
        return self._part(
            None if population is None else population[pairs.flatten()],
            more={
                "traded": swapped[rows].to(torch.uint8).cpu(),
                "temperatures": torch.stack([ladder[low], ladder[low + 1]], 1)[rows],
                "swapped": int(swapped.sum()),
                "tried": len(low),
            },
        )

    def _reshaped(self, of: str) -> Message:
        before, now = self.before.ellipse, half_axes(self.race, self.lane)
        if before is None or now is None:
            return _nothing()
        area, was = torch.linalg.det(now).abs(), torch.linalg.det(before).abs()
        centres = torch.stack([self.before.estimate, self.lane.state.estimate])
        places = self.plane.project(centres).cpu()
        return self._part(
            centres[1:],
            more={
                "from": places[:1],
                "ellipses": torch.cat([places, torch.stack([before, now]).flatten(1)], 1),
                "growth": float((area / was).sqrt()) if was > 0 else None,
            },
        )


def thinned(rows: Tensor, most: int = MOST) -> Tensor:
    """Return at most so many rows (n, …): all, or every second, or every fourth, …"""
    every = 1
    while -(-len(rows) // every) > most:
        every *= 2
    return rows[::every]


class Listener:
    """Record the points evaluated during one step: every point while there are at most `MOST`, then
    every second one, every fourth, and so on.

    Args:
        oracle: the oracle to listen to.
        known: rows of weights (…, D) that may be re-evaluated only because the batch changed; they
            are left out, unless nothing else is evaluated.
        sampled: whether a single known row may also stand before the points of a question.

    Attributes:
        seconds: the time for listening itself; core_seconds: its processor time.
        marks: by name, copies of the tensors that the method has marked last; of weights at most
            `MOST` rows.
        along: whether slopes along directions were evaluated. The points are then the directions'
            ends, and their values the slopes.
    """

    def __init__(
        self, oracle: Oracle, known: tuple[Tensor, ...] = (), sampled: bool = False
    ) -> None:
        self.oracle, self.seconds, self.core_seconds = oracle, 0.0, 0.0
        self._known = [(len(rows), thinned(rows).clone()) for rows in known]
        self._single = [rows for size, rows in self._known if size == 1 and sampled]
        self.marks: dict[str, tuple[Tensor, ...]] = {}
        self.along = False
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
        # Jacobians come without a loss: evaluate those points without counting it.
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
            "mark": self._mark,
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
        elif (
            isinstance(population, Tensor)
            and len(population) > 1
            and any(torch.equal(population[:1], rows) for rows in self._single)
        ):
            self._note(population[1:], lambda rows: answer[1:][rows])
        else:
            self._note(population, lambda rows: answer[rows])

    def _mark(self, answer: None, name: str, *tensors: Tensor) -> None:
        self.marks[name] = tuple(
            (thinned(tensor) if tensor.dim() > 1 else tensor).clone() for tensor in tensors
        )

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
        self.along = True
        self._note(theta + SEGMENT * directions[:MOST], lambda rows: answer[rows])

    def _jacobian(self, answer: Tensor, theta: Tensor) -> None:
        # Mostly its outputs were computed there just before.
        if not self._points or not torch.equal(self._points[-1][-1], theta):
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
