"""Random search (Brooks, 1958; Rastrigin, 1963): the floor that every method must beat.

https://doi.org/10.1287/opre.6.2.244. Points are drawn about a centre, and the best ever seen is
kept:

x_i = c + s·z_i,  z_i ~ N(0, I),     θ ← the best of θ, x_1 … x_P

About the first weights it is pure random search: nothing is learned from what was seen. About the
best it is the simplest local search, a (1 + λ) evolution strategy with a fixed step. The spread s
is in units of each layer's natural size, 1/√inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from ..oracle import Oracle
from ..populations.gaussian import drawn
from ..random.rng import LARGE, Rng
from ..registry import renamed
from .base import OPTIMIZERS, Asked, Optimizer, Phase, State, losses_stale, shifted
from .common.config_fields import batch_field
from .common.finite_losses import finite_losses

SPREADS = {"start": 1.0, "best": 0.1}
"""Centre → spread where none is given."""


@dataclass(kw_only=True)
class RandomSearchState(State):
    """``population`` holds the last points drawn (P, D), ``estimate`` the best of all.

    Attributes:
        start: (D,) the first weights.
        best_loss: () loss of the estimate, always of the current batch when compared.
    """

    start: Tensor
    best_loss: Tensor


@OPTIMIZERS.add
class RandomSearch(Optimizer[RandomSearchState]):
    """Guesses, and keeps the best."""

    name = "random-search"
    label = "Random search"
    family = "Zeroth order"
    sees = "loss"
    selects = True
    paper = "Brooks 1958, https://doi.org/10.1287/opre.6.2.244"
    sentence = (
        "Learns nothing from what it has seen, so it is the floor to beat: hard to stop with "
        "three weights, hopeless with three hundred."
    )
    phases = (
        Phase(
            "Guess",
            "Networks are drawn at random about a centre: the first weights, or the best so far.",
            "asked",
        ),
        Phase("Judge", "The loss of every guess is taken.", "answered"),
        Phase(
            "Keep the best",
            (
                "If the best guess beats the best so far, it becomes the network used; all "
                "others are forgotten."
            ),
            "improved",
        ),
    )
    sampled = True

    formerly = renamed(points="population_size", spread="sigma")

    batch: int = batch_field(
        0, "On mini-batches the best is evaluated again each step.", advanced=True
    )
    population_size: int = Field(
        64,
        ge=1,
        le=16384,
        description="Networks guessed in one step.",
        json_schema_extra={"label": "Points", "scale": "log", "unit": "networks"},
    )
    centre: Literal["start", "best"] = Field(
        "start",
        description=(
            "Where guesses are made: about the first weights (pure random search), or about the "
            "best so far (local search)."
        ),
        json_schema_extra={"live": True},
    )
    sigma: float | None = Field(
        None,
        ge=1e-4,
        le=100,
        description="How far guesses lie from the centre (standard deviation), in units of "
        "each layer's "
        "natural size, 1/√inputs; "
        "auto is 1 about the first weights and 0.1 about the best.",
        json_schema_extra={"label": "Spread", "live": True, "scale": "log"},
    )

    def memory_rows(self) -> int:
        return self.population_size + 4

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> RandomSearchState:
        best_loss = finite_losses(theta.unsqueeze(0), oracle)[0]
        points = theta.expand(self.population_size, -1)
        if oracle.ranks is None:  # else nobody holds so many points
            points = points.clone()
        everywhere = points, best_loss.repeat(self.population_size)
        return RandomSearchState(
            theta.clone(),
            *everywhere,
            estimate_loss=float(best_loss),
            start=theta.clone(),
            best_loss=best_loss,
        )

    def step(self, state: RandomSearchState, rng: Rng, oracle: Oracle) -> RandomSearchState:
        theta = state.estimate
        centre = state.start if self.centre == "start" else theta
        shape = (self.population_size, theta.numel())
        deviation = (self.sigma or SPREADS[self.centre]) * oracle.init_scale.to(theta)
        x = drawn(
            state.population,
            rng.rows("normal", *shape),
            centre,
            deviation,
            self.population_size,
            spread=oracle.ranks is not None,
        )
        stale = losses_stale(state, oracle)
        # One question is quicker than two, as long as the points are quickly copied.
        if stale and x.numel() < LARGE:
            state.best_loss, losses = finite_losses(
                torch.cat([theta.unsqueeze(0), x]), oracle
            ).tensor_split([1])
            state.best_loss = state.best_loss[0]
        else:
            state.best_loss = (
                finite_losses(theta.unsqueeze(0), oracle)[0] if stale else state.best_loss
            )
            losses = finite_losses(x, oracle)
        lowest, index = losses.min(0)
        better = lowest < state.best_loss
        state.estimate = torch.where(better, x[index], theta)
        state.best_loss = torch.where(better, lowest, state.best_loss)
        state.population, state.losses = x, losses
        state.estimate_loss = float(state.best_loss)
        return state

    def shift_memory(self, state: RandomSearchState, index: int, difference: float) -> None:
        """Move the first weights along. The best is evaluated again, and stays until a guess beats
        it.
        """
        state.start = shifted(state.start, index, difference)

    def accepted_rows(self, state: RandomSearchState, asked: Asked) -> Tensor | None:
        """Return the guess that is the best now, if there was one."""
        return (asked.points == state.estimate).all(1)
