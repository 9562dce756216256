"""Observe a race: compute its stage, metrics, pictures and details.

Nothing computed here is counted for any lane. The work in one call is bounded for any network, and
depends only on earlier observations, so observing the same moments gives the same frames.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from .. import evaluation
from ..datasets.base import Dataset
from ..messages.encoding import VERSION, Message
from ..random.rng import Rng
from .diagnostics import confusion, histograms, members
from .phase_words import on_landscape
from .planes import Plane
from .predictions import Predictions
from .projection import Viewpoint

if TYPE_CHECKING:
    from ..race.lane import Lane
    from ..race.race import Race

log = logging.getLogger(__name__)
T = TypeVar("T")
UNKNOWN: evaluation.Scores = (math.nan, math.nan, math.nan, math.nan)
"""Loss and accuracy of an estimate that cannot be evaluated."""
ANSWERS = ("map", "areas", "curve", "wall")
CLOUD_SIZE = 256
VECTOR = 256
"""Largest number of entries of a vector in metrics. Of a longer one, evenly spaced entries are
sent, and its length.
"""
SMALL = 2000
"""Networks with at most this many weights send them in every picture."""
SCORE_FLOPS = 6e7
"""Limit on the FLOPs to evaluate one lane in one frame; a larger set is replaced by a fixed subset.
A lane that has finished is evaluated on all samples.
"""
SLOPE_SAMPLES = 64
"""Number of samples on which the agreement of a step with −∇L is measured."""
NOTHING: tuple[list[tuple[int, ...]], Tensor] = ([], torch.empty(0, 0))
"""Empty predictions, before the first frame."""
PLAN_POINTS = 40
REPLANS = ("turn", "reheat")
"""Interventions that may change the planned temperatures."""


def memory_of(value: Any) -> int:
    """Return the bytes of all tensors in a state. A tensor with several names counts once."""
    found: dict[int, int] = {}

    def gather(one: Any) -> None:
        if isinstance(one, Tensor):
            storage = one.untyped_storage()
            found[storage.data_ptr()] = storage.nbytes()
        elif is_dataclass(one):
            for entry in vars(one).values():
                gather(entry)
        elif isinstance(one, dict):
            for entry in one.values():
                gather(entry)
        elif isinstance(one, list | tuple):
            for entry in one:
                gather(entry)

    gather(value)
    return sum(found.values())


def sampled(values: Tensor) -> Tensor:
    """Return at most `VECTOR` of them, evenly spaced, with the first and the last: the i-th of m is
    number ⌊i (n − 1) / (m − 1)⌋ of n.
    """
    last = len(values) - 1
    if last < VECTOR:
        return values
    return values[torch.arange(VECTOR, device=values.device) * last // (VECTOR - 1)]


class Observer:
    """Compute the messages about a race.

    Args:
        race: the race; its lanes must exist already.
    """

    def __init__(self, race: Race) -> None:
        self.race = race
        self.final: dict[int, evaluation.Scores] = {}
        self.memory: list[int] = []
        self.final_confusion: dict[int, tuple[evaluation.Scores, Tensor]] = {}
        self.view = Viewpoint(
            race.network, race.loss, race.theta, race.experiment.seed, len(race.lanes)
        )
        self.answers = Predictions(race.network, race.dataset)
        self.watch(race.dataset)

    def watch(self, data: Dataset) -> None:
        """Use these samples from now on. The square in which the data are drawn does not move: a
        visitor may edit points while the race runs.
        """
        flops = self.race.network.flops
        self.final.clear()
        self.answers.data = data
        # A fixed subset of the samples, if the whole set is too expensive to evaluate in every
        # frame.
        order = Rng(0, "probe").permutation(len(data.y_train)).to(data.y_train.device)
        held_out = Rng(0, "wall").permutation(len(data.y_test)).to(data.y_test.device)
        most = max(64, int(SCORE_FLOPS / flops))
        train, test = order[:most], held_out[:most]
        self.probed = (len(train), len(test))
        self.probe = (
            torch.cat([data.x_train[train], data.x_test[test]]),
            torch.cat([data.y_train[train], data.y_test[test]]),
        )
        # The drawn predictions are computed in one pass with the losses, unless the network's
        # outputs depend on the other samples of the batch.
        spots = self.answers.spots
        self.asked = (
            self.probe[0]
            if spots is None or self.race.network.batch_dependent
            else torch.cat([self.probe[0], spots])
        )
        self.said = NOTHING
        self.slope_data = (data.x_train[order[:SLOPE_SAMPLES]], data.y_train[order[:SLOPE_SAMPLES]])
        self.view.watch(data.x_train, data.y_train, order)

    @property
    def plane(self) -> Plane:
        """Return the plane of the last picture."""
        return self.view.plane

    def choose_plane(self, kind: str) -> None:
        """Choose the plane of the next pictures: "pca", "random" or "line", see `Viewpoint.choose`.
        The race itself does not change.

        Raises:
            BadInput: there is no such plane, or the race has only one.
        """
        self.view.choose(kind)

    def stage(self) -> Message:
        """Return what does not change during the race."""
        race, data = self.race, self.race.dataset
        plans = self._each(lambda lanes: [self._plan(lane) for lane in lanes], None)
        told = on_landscape if data.kind == "function" else str
        about: dict[str, Any] = {
            "name": race.experiment.dataset.name,
            "label": race.experiment.dataset.title,
            "kind": data.kind,
            "classes": list(data.classes),
            "shape": list(data.shape),
            "samples": [len(data.y_train), len(data.y_test)],
            "probe": list(self.probed),
        }
        about |= self.answers.stage() | (self.view.ground.stage() if self.view.ground else {})
        return {
            "type": "stage",
            "version": VERSION,
            "experiment": race.experiment.to_json(),
            "network": race.experiment.network.label,
            "device": race.device.type,
            "dimension": race.network.dimension,
            "budget": {
                "currency": race.experiment.budget.currency,
                "amount": race.experiment.budget.amount,
            },
            "layers": [
                {
                    "name": layer.name,
                    "start": layer.start,
                    "stop": layer.stop,
                    "shape": list(layer.shape),
                }
                for layer in race.network.layers
            ],
            "lanes": [
                {
                    "index": lane.index,
                    "optimizer": lane.optimizer.name,
                    "label": race.names[lane.index],
                    "method": lane.optimizer.label,
                    "family": lane.optimizer.family,
                    "sees": lane.optimizer.required_oracle(),
                    "sentence": lane.optimizer.sentence,
                    "plan": plan,
                    "stages": [
                        {"name": phase.name, "line": told(phase.line), "shows": phase.shows}
                        for phase in lane.optimizer.phases
                    ],
                    "knobs": lane.optimizer.knobs(),
                    "population": 1
                    if lane.state.population is None
                    else len(lane.state.population),
                }
                for lane, plan in zip(race.lanes, plans, strict=True)
            ],
            "data": about,
        }

    @staticmethod
    def _plan(lane: Lane) -> list[float] | None:
        """Return the planned temperatures at equal shares of the budget."""
        if lane.trouble is not None:
            return None
        temperatures = [
            lane.optimizer.planned_temperature(lane.state, i / PLAN_POINTS)
            for i in range(PLAN_POINTS + 1)
        ]
        return None if None in temperatures else [float(t) for t in temperatures if t is not None]

    def metrics(self, k: int, closely: bool = True) -> Message:
        """Return counters, losses, accuracies and temperatures of every lane, and the interventions
        since the last call.

        Args:
            k: number of the frame.
            closely: whether to compare steps with −∇L, which costs as much as evaluating the lanes,
                and to measure memory; otherwise the agreement is None and the memory is the last
                value.
        """
        race = self.race
        events, race.events = race.events, []
        self.said = NOTHING
        scores = self._each(self._scores, UNKNOWN)
        agreements = self._each(self._agreements, None) if closely else [None] * len(race.lanes)
        if closely or not self.memory:
            self.memory = [memory_of(lane.state) for lane in race.lanes]
        rows = [self._told(*row) for row in zip(race.lanes, scores, agreements, strict=True)]
        for at in sorted({event["lane"] for event in events if event["kind"] in REPLANS}):
            (plan,) = self._each(lambda lanes: [self._plan(lanes[0])], None, [race.lanes[at]])
            if plan is not None:
                rows[at]["planned"] = plan
        return {"type": "metrics", "k": k, "clock": race.clock, "lanes": rows, "events": events}

    def _each(
        self,
        find: Callable[[Sequence[Lane]], list[T]],
        nothing: T,
        lanes: Sequence[Lane] | None = None,
    ) -> list[T]:
        """Compute something for every lane: for all together or, if that raises, for one after the
        other.

        A lane for which it raises ends, and is tried again with its last finite estimate.
        """
        race, lanes = self.race, self.race.lanes if lanes is None else lanes
        if len(lanes) > 1:
            try:
                return find(lanes)
            except Exception:
                log.debug("found nothing of all lanes together", exc_info=True)
        found = []
        for lane in lanes:
            one: list[T] = []
            for _ in range(2):
                with race.minding(lane, "while it was looked at"):
                    one = find([lane])
                    break
            found.append(one[0] if one else nothing)
        return found

    def forget(self, lane: Lane) -> None:
        """Forget cached results of a lane's estimate, because the estimate has changed."""
        self.final.pop(lane.index, None)

    def _told(self, lane: Lane, scores: evaluation.Scores, agreement: float | None) -> Message:
        """Return a lane's row of metrics; if that raises, the lane ends, and the row is that of its
        end.
        """
        for _ in range(2):
            with self.race.minding(lane, "while its numbers were told"):
                return self._lane_metrics(lane, scores, agreement)
        return self._lane_metrics(lane, scores, agreement)

    def _lane_metrics(
        self, lane: Lane, scores: evaluation.Scores, agreement: float | None
    ) -> Message:
        state, oracle = lane.state, lane.oracle
        loss, accuracy, test_loss, test_accuracy = scores
        vectors = {name: sampled(values).float().cpu() for name, values in state.vectors.items()}
        if lane.trouble is not None:
            vectors = {
                name: values
                for name, values in vectors.items()
                if bool(torch.isfinite(values).all())
            }
        return {
            "step": lane.step,
            "evaluations": oracle.evaluations,
            "flops": oracle.flops,
            "seconds": oracle.seconds,
            "progress": 1.0
            if lane.finished and lane.trouble is None and lane.stopped is None
            else oracle.progress,
            "memory": self.memory[lane.index],
            "loss": loss,
            "accuracy": accuracy,
            "test_loss": test_loss,
            "test_accuracy": test_accuracy,
            "temperature": state.temperature,
            "plan": state.plan,
            "acceptance": state.acceptance,
            "target": state.target,
            "finished": lane.finished,
            "trouble": lane.trouble,
            "stopped": lane.stopped,
            "note": lane.note,
            "agreement": agreement,
            "extra": lane.optimizer.diagnostics(state) | state.metrics,
            "vectors": vectors,
            "lengths": {
                name: len(values)
                for name, values in state.vectors.items()
                if name in vectors and len(values) > VECTOR
            },
        }

    def score(self, lane: Lane) -> evaluation.Scores:
        """Return a lane's losses and accuracies as its row of metrics has them."""
        if lane.finished:
            if lane.index not in self.final:
                self.final[lane.index] = self.race.score(lane)
            return self.final[lane.index]
        return evaluation.scores(
            self.race.network,
            self.race.loss,
            lane.state.estimate.unsqueeze(0),
            *self.probe,
            self.probed[0],
        )[0]

    def _scores(self, lanes: Sequence[Lane]) -> list[evaluation.Scores]:
        """Return training and test loss and accuracy: on the subset while a lane runs, all lanes in
        one pass; on all samples once it has finished.
        """
        race = self.race
        for lane in lanes:
            if lane.finished:
                self.score(lane)
        running = [lane for lane in lanes if lane.index not in self.final]
        found = dict(self.final)
        if running:
            y = self.probe[1]
            answer = evaluation.outputs(
                race.network, torch.stack([lane.state.estimate for lane in running]), self.asked
            )
            self.said = self._moment(running), answer[:, len(y) :]
            found |= zip(
                [lane.index for lane in running],
                evaluation.scored(race.loss, answer[:, : len(y)], y, self.probed[0]),
                strict=True,
            )
        return [found[lane.index] for lane in lanes]

    @staticmethod
    def _moment(lanes: Sequence[Lane]) -> list[tuple[int, ...]]:
        """Return a key for the current estimates; it stays the same until one of them moves."""
        return [
            (lane.index, lane.step, id(lane.state.estimate), lane.state.estimate._version)
            for lane in lanes
        ]

    def _agreements(self, lanes: Sequence[Lane]) -> list[float | None]:
        """Return the cosine of every lane's last watched step with −∇L on a fixed subset of the
        samples; None if the estimate did not move. Not counted for any lane.
        """
        moves = []
        for lane in lanes:
            moves.append(lane.move)
            lane.watched = True
        told = [i for i, move in enumerate(moves) if move is not None]
        found: list[float | None] = [None] * len(moves)
        if told:
            places, steps = (
                torch.stack([move[part] for move in moves if move is not None]) for part in (0, 1)
            )
            slopes = evaluation.gradients(
                self.race.network, self.race.loss, places, *self.slope_data
            )
            lengths = torch.linalg.vector_norm(torch.stack([steps, slopes]), dim=2).prod(0)
            cosines = torch.linalg.vecdot(steps, slopes) / -lengths  # undefined if either is zero
            for i, cosine in zip(told, cosines.tolist(), strict=True):
                found[i] = cosine if math.isfinite(cosine) else None
        for lane in lanes:
            lane.move = None
        return found

    def picture(self, k: int) -> Message:
        """Return the positions of the weights and the predictions of the networks. A picture is
        complete in itself.
        """
        race = self.race
        clouds = self._each(lambda lanes: [self._cloud(lane) for lane in lanes], None)
        answers = self._each(self._answers, dict.fromkeys(ANSWERS))
        estimates = [lane.state.estimate for lane in race.lanes]
        going = [lane.trouble is None for lane in race.lanes]
        clouds = [cloud if goes else None for cloud, goes in zip(clouds, going, strict=True)]
        drawn = [None if cloud is None else cloud[0] for cloud in clouds]
        try:
            places, plane = self.view.look(estimates, going, drawn)
        except Exception:
            # The plane and the landscape belong to no lane: no lane has to end because of them.
            log.exception("the plane could not be drawn")
            places, plane = self.view.still(estimates)
            clouds = [None] * len(clouds)
        small = race.network.dimension <= SMALL
        lanes = []
        for estimate, place, cloud, answer in zip(estimates, places, clouds, answers, strict=True):
            losses, weights = (
                None if cloud is None else cloud[1],
                estimate.clone() if small else None,
            )
            lanes.append({**place, "cloud_loss": losses, "weights": weights, **answer})
        return {
            "type": "picture",
            "k": k,
            "plane": plane,
            "landscape": self.view.landscape,
            "lanes": lanes,
        }

    def _answers(self, lanes: Sequence[Lane]) -> list[Message]:
        """Return the lanes' predictions as they are drawn; they were computed together with the
        losses.
        """
        moment, known = self.said
        return self.answers.of(
            torch.stack([lane.state.estimate for lane in lanes]),
            known if known.shape[1] and moment == self._moment(lanes) else None,
        )

    def detail(self, k: int) -> Message:
        """Return what is expensive to compute and to send: the predictions of a cloud's particles,
        the confusion matrix, the weights of every layer.

        Taken at the same moment as picture k, before another step, so its members are exactly the
        particles of that picture's cloud.
        """
        race = self.race

        def look(lane: Lane) -> Message:
            cloud = self._cloud(lane)
            return {
                "members": None if cloud is None else members(self.answers, cloud[0]),
                "confusion": self._confusion(lane),
                "histograms": histograms(race.network.layers, lane.state.estimate),
            }

        nothing = {
            "members": None,
            "confusion": None,
            "histograms": histograms(race.network.layers, torch.full_like(race.theta, torch.nan)),
        }
        lanes = self._each(lambda lanes: [look(lane) for lane in lanes], nothing)
        return {
            "type": "detail",
            "k": k,
            "steps": [lane.step for lane in race.lanes],
            "lanes": lanes,
        }

    def _confusion(self, lane: Lane) -> Tensor | None:
        """Use the samples of the lane's test accuracy: the subset, or all of them once it has
        finished and was evaluated on all.
        """
        network, data, estimate = self.race.network, self.race.dataset, lane.state.estimate
        if data.y_test.is_floating_point():
            return None
        final, known = self.final.get(lane.index), self.final_confusion.get(lane.index)
        if final is None:
            x, y = (part[self.probed[0] :] for part in self.probe)
            return confusion(network, estimate, x, y, len(data.classes))
        if known is None or known[0] is not final:
            known = self.final_confusion[lane.index] = (
                final,
                confusion(network, estimate, data.x_test, data.y_test, len(data.classes)),
            )
        return known[1]

    def _cloud(self, lane: Lane) -> tuple[Tensor, Tensor | None] | None:
        """Return at most `CLOUD_SIZE` evenly chosen particles with their losses. Particles with NaN
        or infinite weights are left out; a NaN loss becomes infinite.
        """
        population, losses = lane.state.population, lane.state.losses
        if population is None or lane.trouble is not None:
            return None
        chosen = torch.linspace(
            0, len(population) - 1, min(CLOUD_SIZE, len(population)), device=population.device
        ).long()
        places, heights = (
            population[chosen],
            None
            if losses is None
            else losses[chosen].nan_to_num(nan=torch.inf, posinf=torch.inf, neginf=-torch.inf),
        )
        somewhere = torch.isfinite(places).all(1)
        if not bool(somewhere.all()):
            places, heights = places[somewhere], None if heights is None else heights[somewhere]
        return (places, heights) if len(places) else None
