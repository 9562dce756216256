"""A genetic algorithm with truncation selection (Such, Madhavan, Conti, Lehman, Stanley and Clune,
2017).

https://arxiv.org/abs/1712.06567. Every generation the T best networks are the parents; a child is a
parent plus Gaussian noise, and the best networks live on unchanged:

child = θ_parent + σ ε,     ε ~ N(0, I),     parent uniform among the best T     (their Algorithm 1)

There is no crossover in that method. Kelvin offers three to compare: every weight from either
parent (uniform), the first weights from one and the rest from the other (one-point), and every
neuron with all its incoming weights from either parent (Montana and Davis, 1989,
https://www.ijcai.org/Proceedings/89-1/Papers/122.pdf).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from ..kernels.genetic import make_children
from ..kernels.row_blocks import gather_rows
from ..kernels.spread import distance
from ..networks.base import Layer
from ..oracle import Oracle
from ..random.random_rows import RandomRows
from ..random.rng import Rng
from ..registry import renamed
from .base import OPTIMIZERS, Optimizer, Phase, State, losses_stale
from .common.config_fields import batch_field, init_std_field
from .common.finite_losses import finite_losses
from .common.first_population import first_population


@dataclass(kw_only=True)
class GeneticState(State):
    """One generation: ``population`` (P, D), ``losses`` theirs, all of one and the same batch;
    ``estimate`` is the fittest of it.

    Attributes:
        neurons: (D,) the neuron each weight flows into, for crossover of whole neurons; None
            otherwise.
    """

    population: Tensor
    losses: Tensor
    neurons: Tensor | None = None


def mutate(
    first: Tensor, second: Tensor | None, mask: Tensor | None, z: Tensor, *, sigma: Tensor
) -> Tensor:
    """Return children (n, D): copies of their first parents, or of two where the mask (n, D), 0 or
    1, mixes them, plus σ ⊙ z.
    """
    parent = first if second is None or mask is None else torch.lerp(second, first, mask)
    return parent + sigma * z


@OPTIMIZERS.add
class Genetic(Optimizer[GeneticState]):
    """The best are copied with small errors."""

    name = "genetic"
    label = "Genetic algorithm"
    family = "Evolution"
    sees = "loss"
    selects = True
    paper = (
        "Such et al. 2017, https://arxiv.org/abs/1712.06567; Montana and Davis 1989, "
        "https://www.ijcai.org/Proceedings/89-1/Papers/122.pdf"
    )
    sentence = (
        "Very simple, hard to break and indifferent to the scale of the loss; "
        "every mutation is blind, so the more weights there are the smaller the steps that still "
        "help, and progress slows down."
    )
    phases = (
        Phase(
            "Breed",
            (
                "The best networks become parents, and children are made from them with random "
                "errors added."
            ),
            "asked",
        ),
        Phase("Judge", "Every child's loss is taken.", "answered"),
        Phase(
            "Replace",
            (
                "Children and the few best of before, unchanged, are the new generation; its "
                "fittest is the network used."
            ),
            "moved",
        ),
    )

    formerly = renamed(individuals="population_size", spread="init_std", cooling="final_fraction")

    batch: int = batch_field(128, "On mini-batches the elite is evaluated again each step.")
    population_size: int = Field(
        64,
        ge=2,
        le=16384,
        description="Networks in a generation.",
        json_schema_extra={"scale": "log", "unit": "networks", "label": "Population"},
    )
    parents: int = Field(
        8,
        ge=1,
        le=16384,
        description="How many of the best may have children (T), at most all; fewer is greedier.",
        json_schema_extra={"live": True, "scale": "log", "unit": "networks"},
    )
    mutation: float = Field(
        0.3,
        ge=1e-5,
        le=10,
        description=(
            "Size of a child's random errors (σ), in units of each layer's natural size, 1/√inputs."
        ),
        json_schema_extra={"live": True, "scale": "log", "label": "Mutation size"},
    )
    crossover: Literal["none", "uniform", "one-point", "node"] = Field(
        "none",
        description=(
            "Whether a child has two parents, and what it takes from them: single weights "
            "(uniform), a first and a last part (one-point), or whole neurons (node)."
        ),
    )
    final_fraction: float = Field(
        0.1,
        ge=1e-4,
        le=1,
        description=(
            "Share of the mutation size left at the end of the budget, where only small errors "
            "still help; 1 keeps it constant, as published."
        ),
        json_schema_extra={"live": True, "scale": "log", "label": "Mutation left at the end"},
    )
    elite: int = Field(
        1,
        ge=0,
        le=1024,
        description=(
            "How many of the best live on unchanged, at most all but one; with 0 the best network "
            "can be lost."
        ),
        json_schema_extra={"advanced": True, "unit": "networks"},
    )
    init_std: float = init_std_field(0.5, "the first generation stands")

    def memory_rows(self) -> int:
        # The generation, and those of the last one that it is made from.
        return self.population_size + min(max(self.parents, self.elite), self.population_size)

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> GeneticState:
        population = first_population(theta, self.population_size, self.init_std, rng, oracle)
        losses = finite_losses(population, oracle)
        neurons = (
            neurons_of(oracle.network.layers).to(theta.device) if self.crossover == "node" else None
        )
        state = GeneticState(theta.clone(), population=population, losses=losses, neurons=neurons)
        state.estimate_loss = float(losses[0])
        state.metrics["mutation"] = self.mutation
        return state

    def step(self, state: GeneticState, rng: Rng, oracle: Oracle) -> GeneticState:
        # The last generation was judged on one batch, so its ranks are good for choosing even where
        # the batch is a new one.
        order = state.losses.argsort(stable=True)
        # Those that failed have no children and do not live on, unless all did.
        order = order[: int((state.losses < torch.inf).sum()) or None]
        population, elite = state.population, order[: min(self.elite, self.population_size - 1)]
        chosen = order[: max(self.parents, len(elite))]
        best = gather_rows(population, chosen, "best")
        sigma = self.mutation * self.final_fraction**oracle.progress
        # The new generation takes the place of the last one, of which no more than these few is
        # needed.
        population[: len(elite)], children = best[: len(elite)], population[len(elite) :]
        self.breed(
            children,
            best[: self.parents],
            sigma * oracle.init_scale.to(population),
            state.neurons,
            rng,
        )
        # The elite's losses of another batch cannot be compared with its children's.
        if losses_stale(state, oracle):
            state.losses = finite_losses(population, oracle)
        else:
            state.losses = torch.cat([state.losses[elite], finite_losses(children, oracle)])
        lowest, index = state.losses.min(0)
        state.estimate = population[index].clone()
        state.estimate_loss = float(lowest)
        state.metrics["mutation"] = sigma
        return state

    def diagnostics(self, state: GeneticState) -> dict[str, float]:
        return {} if state.population is None else {"spread": float(distance(state.population))}

    def breed(
        self, children: Tensor, parents: Tensor, deviation: Tensor, neurons: Tensor | None, rng: Rng
    ) -> None:
        """Write children (n, D) of parents (T, D), with errors of a standard deviation (D,)."""
        count, size = children.shape
        first = rng.integers(len(parents), count).to(parents.device)
        second = (
            None
            if self.crossover == "none"
            else rng.integers(len(parents), count).to(parents.device)
        )
        from_first = None if second is None else self.crossed(count, size, neurons, rng)
        errors = rng.rows("normal", count, size)
        make_children(mutate, children, parents, first, second, from_first, errors, sigma=deviation)

    def crossed(
        self, count: int, size: int, neurons: Tensor | None, rng: Rng
    ) -> Callable[[slice], Tensor]:
        """Draw which weights n children have from their first parents and not from the second: for
        a strip of them (m, D), as 1 and 0.
        """
        if self.crossover == "one-point":
            # At least one weight from either parent.
            cut = rng.integers(max(1, size - 1), count, 1) + 1
            places = torch.arange(size, device=cut.device)
            return lambda strip: places < cut[strip]
        if self.crossover == "node":
            assert neurons is not None
            drawn = rng.uniform(count, int(neurons[-1]) + 1).lt_(0.5)
            return lambda strip: drawn[strip].index_select(1, neurons.to(drawn.device))
        coins: RandomRows = rng.rows("uniform", count, size)
        return lambda strip: coins[strip].lt_(0.5)


def neurons_of(layers: Sequence[Layer]) -> Tensor:
    """Return the neuron each packed weight flows into, (D,): a layer's weights and biases of one
    output (or one feature map) are one neuron's. Numbered in order from 0.
    """
    firsts: dict[str, int] = {}
    parts, count = [], 0
    for layer in layers:
        name = layer.name.rpartition(".")[0]
        if name not in firsts:
            firsts[name], count = count, count + layer.shape[0]
        parts.append(
            (firsts[name] + torch.arange(layer.shape[0])).repeat_interleave(
                math.prod(layer.shape[1:])
            )
        )
    return torch.cat(parts)
