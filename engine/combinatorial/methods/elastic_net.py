"""Elastic net (Durbin and Willshaw 1987, https://doi.org/10.1038/326689a0).

A closed rubber band of M points y_j lies among the cities x_i. Its energy is

E = −α K Σ_i ln Σ_j exp(−|x_i − y_j|² / 2K²) + β/2 Σ_j |y_{j+1} − y_j|²

and it follows the gradient, Δy_j = −K ∂E/∂y_j (equation 1):

Δy_j = α Σ_i w_ij (x_i − y_j) + β K (y_{j+1} − 2 y_j + y_{j−1}),

where w_ij is the share of point j in the sum for city i. While K falls, from a fifth of the map's
side, every city draws a point of the band to itself. So there is a gradient, of a stand-in built
out of the map: the places where the map draws the cities, not their distances, which count only for
the length of the tour that is read off the band.

Each city is looked at from each point of the band at every iteration: n M reads. The tour that is
read off costs n more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...errors import BadInput
from ..instance import Floats, Integers, TourInstance
from ..kernels.counters import ACCEPTED, CURRENT, LOWEST, MOVES
from ..meter import Meter
from .base import METHODS, Method, Phase, Repair, State, Stream, shortest, started

if TYPE_CHECKING:
    from ..tour_problem import TourProblem

MOST_CITIES = 2000
"""An iteration of more cities takes longer than a tenth of a second."""
DISTANCES = 20_000
"""Distances from cities to points of the band in one step, approximately."""
BLOCK = 100_000
"""Distances that are computed at once."""
RADIUS, TREMBLE = 0.1, 0.001
"""The band at first: the radius of a circle around the middle of the cities, and the standard
deviation of its points from it, in sides of the map."""
LONGEST = 1.9
"""A step moves a point by at most this share of the way to where it pulls and is pulled; from 2 on
it would swing farther and farther."""


@dataclass(kw_only=True)
class ElasticState(State):
    """The band.

    Attributes:
        tour, best: the tour read off last, and the shortest.
        cities: (n, 2) in the square of side 1.
        points: (M, 2) of the band, there.
        seen: the share of the budget spent at the last step.
    """

    tour: Integers
    best: Integers
    cities: Floats
    points: Floats


@METHODS.add
class ElasticNet(Method[ElasticState]):
    """A rubber band that cities pull at."""

    name = "elastic-net"
    label = "Elastic net"
    family = "Relaxation"
    sees = "map"
    paper = "Durbin and Willshaw 1987, https://doi.org/10.1038/326689a0"
    sentence = (
        "A gradient works here because someone built a smooth stand-in out of the map: near the "
        "optimum with fifty cities; with more the band is drawn into the wrong folds."
    )
    phases = (
        Phase("Pull", "Every city pulls at the points of the band, the near ones most."),
        Phase("Tighten", "Every point is pulled towards the two beside it."),
        Phase("Read", "The cities are visited in the order in which the band passes them."),
    )

    alpha: float = Field(
        0.2,
        gt=0,
        le=2,
        description="How strongly cities pull, α.",
        json_schema_extra={"label": "Pull of the cities α", "live": True, "scale": "log"},
    )
    beta: float = Field(
        2.0,
        gt=0,
        le=20,
        description="How tight the band is, β.",
        json_schema_extra={"label": "Tension of the band β", "live": True, "scale": "log"},
    )
    initial_scale: float = Field(
        0.2,
        gt=0,
        le=1,
        description="How far a city pulls at the start, K, in sides of the map.",
        json_schema_extra={"label": "Start reach K", "live": True, "scale": "log"},
    )
    final_scale: float = Field(
        0.01,
        ge=1e-4,
        le=1,
        description="How far a city pulls at the end, K, in sides of the map.",
        json_schema_extra={"label": "End reach K", "live": True, "scale": "log"},
    )
    points: float = Field(
        2.5,
        ge=1,
        le=10,
        description="How many points the band has for each city.",
        json_schema_extra={"label": "Points for each city", "advanced": True},
    )

    def refusal(self, instance: Any) -> str | None:
        if instance.kind == "tour" and instance.size > MOST_CITIES:
            return f"an instance of at most {MOST_CITIES:,} cities; `iterated` takes more"
        return super().refusal(instance)

    def footprint(self, instance: TourInstance) -> int:
        return int(50 * instance.size * (1 + self.points) + 64 * BLOCK)

    def scale(self, progress: float) -> float:
        """Return K at a share of the budget; it falls geometrically."""
        return float(self.initial_scale * (self.final_scale / self.initial_scale) ** progress)

    def planned_temperature(self, state: ElasticState, progress: float) -> float | None:
        return self.scale(progress)

    def begin(
        self, problem: TourProblem, tour: Integers, meter: Meter, stream: Stream
    ) -> ElasticState:
        cities, _, _ = square(problem.instance)
        count = max(3, round(self.points * problem.size))
        turn = 2 * np.pi * np.arange(count) / count
        circle = RADIUS * np.stack([np.cos(turn), np.sin(turn)], 1)
        tremble = np.random.default_rng(stream.at(0)).normal(0, TREMBLE, circle.shape)
        state = ElasticState(
            tour=tour.copy(),
            best=tour.copy(),
            cities=cities,
            points=cities.mean(0) + circle + tremble,
            temperature=self.scale(0),
            plan=self.scale(0),
        )
        started(state.numbers, problem.length(tour))
        meter.read(problem.size)
        self._show(state, problem.instance)
        return state

    def step(
        self,
        state: ElasticState,
        problem: TourProblem,
        meter: Meter,
        stream: Stream,
        number: int,
    ) -> None:
        n, count = problem.size, len(state.points)
        scale = self.scale(meter.progress)
        iterations = 1 if state.only else max(1, DISTANCES // (n * count))
        for _ in range(iterations):
            before = state.points
            pull, nearest, heaviest = force(state.cities, before, scale, self.alpha, self.beta)
            reach = self.alpha * heaviest + 4 * self.beta * scale
            state.points = before + min(1.0, LONGEST / reach) * pull
        state.tour = read_off(state.cities, before, nearest)
        length = problem.length(state.tour)
        meter.read(iterations * n * count + n)
        state.numbers[MOVES] += iterations
        state.numbers[ACCEPTED] += iterations
        meter.take(state.numbers)
        state.numbers[CURRENT] = length
        if length < state.numbers[LOWEST]:
            state.numbers[LOWEST] = length
            state.best = state.tour
        state.temperature = state.plan = scale
        self._show(state, problem.instance)

    @staticmethod
    def _show(state: ElasticState, instance: TourInstance) -> None:
        _, low, side = square(instance)
        apart = np.diff(state.points, axis=0, append=state.points[:1])
        state.metrics["band"] = float(np.hypot(*apart.T).sum())
        state.band = (low + state.points * side).astype(np.float32)

    def edited(
        self,
        state: ElasticState,
        problem: TourProblem,
        repair: Repair,
        meter: Meter,
        stream: Stream,
    ) -> ElasticState:
        band = state.band
        assert band is not None
        tour = shortest(problem, repair([state.best, state.tour]), meter)
        after = self.begin(problem, tour, meter, stream)
        # the band stays where it is; with more cities or fewer it has other points along the way
        cities, low, side = square(problem.instance)
        at = np.arange(len(after.points)) * len(band) / len(after.points)
        around = np.arange(len(band) + 1)
        closed = (np.concatenate([band, band[:1]]) - low) / side
        after.points = np.stack([np.interp(at, around, closed[:, axis]) for axis in (0, 1)], 1)
        after.cities = cities
        after.temperature, after.plan = state.temperature, state.plan
        self._show(after, problem.instance)
        return after

    def with_setting(self, name: str, value: Any) -> Self:
        if value is None:
            raise BadInput(name, None, "a number above 0")
        return super().with_setting(name, value)


def square(instance: TourInstance) -> tuple[Floats, Floats, Floats]:
    """Return the cities (n, 2) in a square of side 1, as the map draws them, and the lower left
    corner and the sides (2,) that the square has there.

    Degrees of longitude count as long as they are in the middle latitude of the cities.
    """
    places = instance.places
    low = places.min(0)
    stretch = np.ones(2)
    if instance.geographic:
        middle = (places[:, 1].min() + places[:, 1].max()) / 2
        stretch[0] = max(0.01, float(np.cos(np.radians(middle))))
    side = float(((places.max(0) - low) * stretch).max()) or 1.0
    return (places - low) * stretch / side, low, side / stretch


def energy(cities: Floats, points: Floats, scale: float, alpha: float, beta: float) -> float:
    """Return the energy E of a band.

    Args:
        cities: (n, 2).
        points: (M, 2) of the band.
        scale: K.
        alpha: of the pull.
        beta: of the tension.
    """
    apart = ((cities[:, None] - points[None]) ** 2).sum(2) / (2 * scale * scale)
    least = apart.min(1)
    logs = np.log(np.exp(least[:, None] - apart).sum(1)) - least
    stretched = ((np.roll(points, -1, 0) - points) ** 2).sum()
    return float(-alpha * scale * logs.sum() + beta / 2 * stretched)


def force(
    cities: Floats, points: Floats, scale: float, alpha: float, beta: float
) -> tuple[Floats, NDArray[np.int64], float]:
    """Return −K ∂E/∂y, see `energy`.

    Returns:
        the force (M, 2); the nearest point to each city (n,); and the largest Σ_i w_ij of a point.
    """
    pull, weight = np.zeros_like(points), np.zeros(len(points))
    nearest = np.empty(len(cities), np.int64)
    rows = max(1, BLOCK // len(points))
    for start in range(0, len(cities), rows):
        here = cities[start : start + rows]
        right = here[:, 0:1] - points[None, :, 0]
        up = here[:, 1:2] - points[None, :, 1]
        share = right * right
        share += up * up
        closest = share.argmin(1)
        nearest[start : start + rows] = closest
        share -= share[np.arange(len(here)), closest][:, None]  # else all may be 0
        share *= -0.5 / (scale * scale)
        np.exp(share, out=share)
        share /= share.sum(1)[:, None]
        weight += share.sum(0)
        right *= share
        up *= share
        pull[:, 0] += right.sum(0)
        pull[:, 1] += up.sum(0)
    beside = np.roll(points, 1, 0) + np.roll(points, -1, 0) - 2 * points
    return alpha * pull + beta * scale * beside, nearest, float(weight.max())


def read_off(cities: Floats, points: Floats, nearest: NDArray[np.int64]) -> Integers:
    """Return the cities in the order in which the band passes them: by their nearest point, and
    beside the same point by how far along the band they lie.
    """
    along = np.roll(points, -1, 0)[nearest] - points[nearest - 1]
    past = ((cities - points[nearest]) * along).sum(1)
    return np.lexsort((past, nearest)).astype(np.int32)
