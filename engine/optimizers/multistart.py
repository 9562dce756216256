"""Gradient descent from many starts: multistart (Rinnooy Kan and Timmer, 1987), by Adam's steps.

https://doi.org/10.1007/BF02592070, section 1: a local search from random points, and the best of
all that it found. It is what annealing and populations have to beat where a landscape has many
valleys: a gradient finds the bottom of one at once, and chance finds the valley.

x_i ← c + s·z_i,  z_i ~ N(0, I)     a start; the first one is c, the shared first weights
x_i ← Adam(x_i, ∇L(x_i))            every descent by itself, see adam.py
θ ← the best of all places ever judged

A descent is over, and another begins, when it fell in its last `patience` steps by less than a
hundredth of what it fell since its start, or where its loss is no number. That rule knows no unit
and no zero of the loss. On mini-batches it has no losses to compare, and descents go on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from ..oracle import Oracle
from ..random.rng import Rng
from .base import OPTIMIZERS, Optimizer, Phase, Problem, State, losses_stale, shifted
from .common.adam_moments import follow
from .common.config_fields import batch_field, init_std_field, learning_rate_field
from .common.finite_losses import finite_losses
from .common.first_population import drawn_about, first_population

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
"""Adam's, from its paper."""
OVER = 0.01
"""Share of its fall since the start that a descent must still make in `patience` steps."""


@dataclass(kw_only=True)
class MultistartState(State):
    """The descents: ``population`` (P, D), where each stands, and their ``losses`` where they were
    last judged, one step before; ``estimate`` is the best place of all.

    Attributes:
        centre: (D,) the first weights, about which descents start.
        best_loss: () loss of the estimate, always of the current batch when compared.
        m, v: (P, D) running means of every descent's gradient and of its square.
        n: (P,) steps of every descent since its start.
        first, lowest: (P,) its first loss and its lowest.
        mark: (P,) its lowest loss when it was last asked whether it is over.
        starts: descents begun so far.
    """

    population: Tensor
    centre: Tensor
    best_loss: Tensor
    m: Tensor
    v: Tensor
    n: Tensor
    first: Tensor
    lowest: Tensor
    mark: Tensor
    starts: int


def update(x: Tensor, m: Tensor, v: Tensor, g: Tensor, n: Tensor, *, eta: float) -> Tensor:
    """Return places x (P, D) moved by Adam's step, n (P, 1) of every descent; the moments m and v
    of the gradients g are moved in place.
    """
    follow(m, v, g, beta1=BETA1, beta2=BETA2)
    m_hat, v_hat = m / (1 - BETA1**n), v / (1 - BETA2**n)
    return x - eta * m_hat / (v_hat.sqrt() + EPSILON)


@OPTIMIZERS.add
class Multistart(Optimizer[MultistartState]):
    """Descents by Adam from many random starts; the best place found counts."""

    name = "multistart"
    label = "Adam from many starts"
    family = "Gradient"
    sees = "gradient"
    paper = "Rinnooy Kan and Timmer 1987, https://doi.org/10.1007/BF02592070"
    sentence = (
        "What has a gradient and a few valleys is solved by starting often enough; every further "
        "weight multiplies the valleys, and nothing is learned from one descent for the next."
    )
    phases = (
        Phase(
            "Gradient",
            "Backpropagation gives every descent's loss and gradient where it stands.",
            "asked",
            "here",
        ),
        Phase(
            "Keep the best",
            "A place better than all before becomes the network used.",
            "answered",
        ),
        Phase(
            "Step",
            "Every descent makes a step of Adam's; one that no longer falls starts elsewhere.",
            "moved",
        ),
    )

    batch: int = batch_field(
        0, "On mini-batches the best is evaluated again each step.", advanced=True
    )
    population_size: int = Field(
        8,
        ge=1,
        le=4096,
        description="Descents at a time (P).",
        json_schema_extra={"label": "Descents", "scale": "log", "unit": "networks"},
    )
    learning_rate: float = learning_rate_field(
        0.01,
        "How far a weight moves in a step while its gradient keeps its sign (η).",
        lowest=1e-06,
        highest=10,
    )
    patience: int = Field(
        50,
        ge=1,
        le=100_000,
        description=(
            "Steps in which a descent must still fall by a hundredth of its fall since its start; "
            "else it starts again elsewhere."
        ),
        json_schema_extra={"live": True, "scale": "log", "unit": "steps"},
    )
    init_std: float = init_std_field(1.0, "descents start")

    def memory_rows(self) -> int:
        return 6 * self.population_size + 4  # places, moments, gradients and what a step needs

    def asked(self) -> int:
        return self.population_size

    def _answering(self, problem: Problem) -> int:
        more = self.population_size - 1  # the gradients of all descents are one question
        through = 6 * problem.batch_of(self.batch) * problem.activations
        return super()._answering(problem) + more * through

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> MultistartState:
        population = first_population(theta, self.population_size, self.init_std, rng, oracle)
        each = theta.new_full((self.population_size,), math.inf)
        return MultistartState(
            theta.clone(),
            population=population,
            centre=theta.clone(),
            best_loss=each[0].clone(),
            m=torch.zeros_like(population),
            v=torch.zeros_like(population),
            n=torch.zeros_like(each),
            first=each.clone(),
            lowest=each.clone(),
            mark=each.clone(),
            starts=self.population_size,
        )

    def step(self, state: MultistartState, rng: Rng, oracle: Oracle) -> MultistartState:
        x, renewed = state.population, state.stale
        if losses_stale(state, oracle) and math.isfinite(float(state.best_loss)):
            state.best_loss = finite_losses(state.estimate.unsqueeze(0), oracle)[0]
        losses, g = oracle.gradients(x)
        losses = losses.nan_to_num(nan=math.inf, posinf=math.inf, neginf=math.inf)
        state.losses = losses
        lowest, best = losses.min(0)
        if lowest < state.best_loss:
            state.estimate, state.best_loss = x[best].clone(), lowest
        state.estimate_loss = float(state.best_loss)

        state.n += 1
        state.population = update(
            x, state.m, state.v, g, state.n.unsqueeze(1), eta=self.learning_rate
        )
        self._start_again(state, losses, renewed, rng, oracle)
        state.metrics = {"starts": float(state.starts)}
        return state

    def _start_again(
        self, state: MultistartState, losses: Tensor, renewed: bool, rng: Rng, oracle: Oracle
    ) -> None:
        """Start those descents elsewhere that are over. Where the samples were replaced, losses of
        the earlier ones say nothing: descents are judged from here on.
        """
        begins = (state.n == 1) | renewed
        state.first = torch.where(begins, losses, state.first)
        state.mark = torch.where(begins, losses, state.mark)
        state.lowest = torch.where(begins, losses, torch.minimum(state.lowest, losses))
        # Losses of different batches tell nothing about a descent.
        asked = (state.n > 1) & ((state.n - 1) % self.patience == 0) & (not oracle.batch_changed)
        still = state.mark - state.lowest > OVER * (state.first - state.lowest)
        lost = ~state.population.isfinite().all(1) | ~losses.isfinite()
        over = (asked & ~still) | lost
        state.mark = torch.where(asked, state.lowest, state.mark)
        rows = over.nonzero()[:, 0]
        if not len(rows):
            return
        state.population[rows] = drawn_about(state.centre, len(rows), self.init_std, rng, oracle)
        state.m[rows], state.v[rows], state.n[rows] = 0, 0, 0
        state.starts += len(rows)

    def shift_memory(self, state: MultistartState, index: int, difference: float) -> None:
        """Move the centre along. The best is evaluated again, and stays until a descent beats
        it.
        """
        state.centre = shifted(state.centre, index, difference)
