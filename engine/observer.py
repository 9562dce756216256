"""What one moment of a race looks like: its stage, metrics and pictures.

What is computed here is for people's eyes and is charged to no lane. The work in one call is bounded whatever the network, and depends only on what was observed before, so
the same moments observed give the same frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from engine import evaluate
from engine.answers import Answers
from engine.frames import VERSION, Message
from engine.ground import Ground
from engine.landscape import Plane, exact_plane, loss_grid, pca_plane, random_plane
from engine.networks import PointNetwork
from engine.rng import Rng

if TYPE_CHECKING:
    from engine.race import Lane, Race

CLOUD_SIZE = 256
PATH_FLOATS = 8 * 2**20
FIT_POINTS = 32
SCORE_FLOPS = 6e7
"""Work of scoring one lane in one frame; a larger set is then judged by a fixed probe of it. A lane that has finished is scored on everything."""
GRID_FLOPS = 4e8
GRID_SAMPLES = 128
WINDOW_MARGIN = 0.18
SLOPE_SAMPLES = 64
"""Samples on which the agreement of a step with −∇L is measured."""
PLAN_POINTS = 40


class Trajectory:
    """Where one lane's estimate has been: at most ``most`` snapshots, thinned evenly when full."""

    def __init__(self, most: int) -> None:
        self.most, self.every, self.seen = most, 1, 0
        self.points: list[Tensor] = []

    def add(self, theta: Tensor) -> None:
        if self.seen % self.every == 0:
            self.points.append(theta.clone())
        self.seen += 1
        if len(self.points) >= self.most:
            self.points = self.points[::2]
            self.every *= 2

    def spread_out(self, n: int) -> list[Tensor]:
        """About n snapshots, evenly spaced, the last among them."""
        stride = max(1, -(-len(self.points) // n))
        return self.points[::-1][::stride]


class Observer:
    """Looks at a race.

    Args:
        race: the race looked at; it must have its lanes already.
    """

    def __init__(self, race: Race) -> None:
        self.race = race
        data, dimension = race.dataset, race.network.dimension
        most = int(min(128, max(16, PATH_FLOATS // dimension)))
        self.trajectories = [Trajectory(most) for _ in race.lanes]
        self.final: dict[int, tuple[float, float, float, float]] = {}
        self.ground = Ground(race.network.landscape) if isinstance(race.network, PointNetwork) else None
        self.plane: Plane = exact_plane(race.theta) if self.ground else random_plane(race.theta, race.experiment.seed)
        self.plane_id, self.landscape_id, self.pictures, self.next_fit = 0, 0, 0, 2
        self.window: list[float] | None = None
        self.landscape: Message | None = None
        # A fixed probe of the samples where the whole set would cost too much to score in every frame.
        order = Rng(0, "probe").permutation(len(data.y_train)).to(data.y_train.device)
        held_out = Rng(0, "wall").permutation(len(data.y_test)).to(data.y_test.device)
        most = max(64, int(SCORE_FLOPS / race.network.flops))
        train, test = order[:most], held_out[:most]
        self.probed = (len(train), len(test))
        self.probe = (torch.cat([data.x_train[train], data.x_test[test]]), torch.cat([data.y_train[train], data.y_test[test]]))
        grid = order[:GRID_SAMPLES]
        self.grid_data = (data.x_train[grid], data.y_train[grid])
        self.grid_side = int(min(23, max(7, (GRID_FLOPS / (len(grid) * race.network.flops)) ** 0.5)))
        self.answers = Answers(race.network, data)
        self.slope_data = (data.x_train[order[:SLOPE_SAMPLES]], data.y_train[order[:SLOPE_SAMPLES]])

    def stage(self) -> Message:
        """What does not change during the race."""
        race, data = self.race, self.race.dataset
        about: dict[str, Any] = {
            "name": race.experiment.dataset.name,
            "label": race.experiment.dataset.label,
            "kind": data.kind,
            "classes": list(data.classes),
            "shape": list(data.shape),
            "samples": [len(data.y_train), len(data.y_test)],
            "probe": list(self.probed),
        }
        about |= self.answers.stage() | (self.ground.stage() if self.ground else {})
        return {
            "type": "stage",
            "version": VERSION,
            "experiment": race.experiment.to_json(),
            "network": race.experiment.network.label,
            "device": race.device.type,
            "dimension": race.network.dimension,
            "budget": {"currency": race.experiment.budget.currency, "amount": race.experiment.budget.amount},
            "lanes": [
                {
                    "index": lane.index,
                    "optimizer": lane.optimizer.name,
                    "label": lane.optimizer.label,
                    "family": lane.optimizer.family,
                    "sees": lane.optimizer.seen(),
                    "sentence": lane.optimizer.sentence,
                    "plan": self._plan(lane),
                    "population": 1 if lane.state.population is None else len(lane.state.population),
                }
                for lane in race.lanes
            ],
            "data": about,
        }

    @staticmethod
    def _plan(lane: Lane) -> list[float] | None:
        """The temperatures in store at even shares of the budget."""
        temperatures = [lane.optimizer.planned(lane.state, i / PLAN_POINTS) for i in range(PLAN_POINTS + 1)]
        return None if None in temperatures else [float(t) for t in temperatures if t is not None]

    def metrics(self, k: int) -> Message:
        """Counters, scores and temperatures of every lane, and what was done by hand since the last call."""
        race = self.race
        events, race.events = race.events, []
        return {"type": "metrics", "k": k, "clock": race.clock, "lanes": [self._lane_metrics(lane) for lane in race.lanes], "events": events}

    def _lane_metrics(self, lane: Lane) -> Message:
        race, state, oracle = self.race, lane.state, lane.oracle
        if lane.finished and lane.index not in self.final:
            self.final[lane.index] = race.score(lane)
        loss, accuracy, test_loss, test_accuracy = self.final.get(lane.index) or evaluate.scores(
            race.network, race.loss, state.estimate, *self.probe, self.probed[0]
        )
        race.check(lane, loss)
        return {
            "step": lane.step,
            "evaluations": oracle.evaluations,
            "flops": oracle.flops,
            "seconds": oracle.seconds,
            "progress": oracle.progress,
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
            "agreement": self._agreement(lane),
            "extra": dict(state.metrics),
            "vectors": {name: values.float().cpu() for name, values in state.vectors.items()},
        }

    def _agreement(self, lane: Lane) -> float | None:
        """Cosine of the last watched step with −∇L on a fixed probe of the samples; None where the estimate stood still. Charged to nobody."""
        move, lane.move, lane.watched = lane.move, None, True
        if move is None or not bool(move[1].any()):
            return None
        slope = evaluate.gradient(self.race.network, self.race.loss, move[0], *self.slope_data)
        return float(-functional.cosine_similarity(move[1], slope, dim=0)) if bool(slope.any()) else None

    def picture(self, k: int) -> Message:
        """Where the weights are and what the networks say, complete in itself."""
        race = self.race
        clouds = [self._cloud(lane) for lane in race.lanes]
        for trajectory, lane in zip(self.trajectories, race.lanes, strict=True):
            if lane.trouble is None:
                trajectory.add(lane.state.estimate)
        self.pictures += 1
        if self.pictures >= self.next_fit and not self.ground:
            # The plane is fitted again ever more rarely: often while it still changes, hardly ever when people have settled into it.
            self.next_fit = max(self.pictures + 1, int(self.pictures * 1.5))
            self._fit()
        paths = [
            self.plane.project(torch.stack([*trajectory.points, lane.state.estimate])) for trajectory, lane in zip(self.trajectories, race.lanes, strict=True)
        ]
        drawn = [None if cloud is None else self.plane.project(cloud[0]) for cloud in clouds]
        if self.ground:
            self.window, self.landscape = self.ground.frame([path[-1:] for path in paths], [cloud for cloud in drawn if cloud is not None])
        else:
            self._frame_window([*paths, *(cloud for cloud in drawn if cloud is not None)])
        assert self.window is not None
        lanes = []
        for lane, path, dots, cloud in zip(race.lanes, paths, drawn, clouds, strict=True):
            lanes.append(
                {
                    "path": path,
                    "estimate": path[-1].tolist(),
                    "off_plane": self.plane.off_plane(lane.state.estimate),
                    "cloud": dots,
                    "cloud_loss": None if cloud is None else cloud[1],
                    **self.answers.of(lane.state.estimate),
                }
            )
        x, y = self.window[:2], self.window[2:]
        plane = {"id": self.plane_id, "kind": self.plane.kind, "explained": self.plane.explained, "x": x, "y": y}
        return {"type": "picture", "k": k, "plane": plane, "landscape": self.landscape, "lanes": lanes}

    def _cloud(self, lane: Lane) -> tuple[Tensor, Tensor | None] | None:
        """An even choice of at most `CLOUD_SIZE` particles, with their losses."""
        population, losses = lane.state.population, lane.state.losses
        if population is None or not bool(torch.isfinite(population).all()):
            return None
        chosen = torch.linspace(0, len(population) - 1, min(CLOUD_SIZE, len(population)), device=population.device).long()
        return population[chosen], None if losses is None else losses[chosen]

    def _fit(self) -> None:
        points = [point for trajectory in self.trajectories for point in trajectory.spread_out(FIT_POINTS)]
        plane = pca_plane(torch.stack(points), self.race.theta, self.plane if self.plane.kind == "pca" else None)
        if plane is not None:
            self.plane, self.window = plane, None
            self.plane_id += 1

    def _frame_window(self, clouds: list[Tensor]) -> None:
        """Keep the window while everything fits in it and fills it; else frame what there is, and draw the landscape there."""
        points = torch.cat(clouds)
        points = points[torch.isfinite(points).all(1)]
        low, high = points.min(0).values, points.max(0).values
        half = ((high - low) / 2).clamp(min=max(0.05, 0.2 * float((high - low).max())))
        centre = (low + high) / 2
        if self.window is not None:
            x0, x1, y0, y1 = self.window
            fits = bool(low[0] >= x0 and high[0] <= x1 and low[1] >= y0 and high[1] <= y1)
            if fits and float((2 * half[0]) / (x1 - x0)) > 0.3:
                return
        reach = half * (1 + 2 * WINDOW_MARGIN)
        low, high = centre - reach, centre + reach
        self.window = [float(low[0]), float(high[0]), float(low[1]), float(high[1])]
        x_range, y_range = (self.window[0], self.window[1]), (self.window[2], self.window[3])
        grid = loss_grid(self.race.network, self.race.loss, self.plane, x_range, y_range, self.grid_side, *self.grid_data)
        self.landscape_id += 1
        self.landscape = {"id": self.landscape_id, "x": list(x_range), "y": list(y_range), "z": grid.cpu()}
