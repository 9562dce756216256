"""Differential evolution (Storn and Price, 1997).

https://doi.org/10.1023/A:1008202821328. Differences between members of the population are the
steps, so their size and direction adapt to the landscape by themselves:

v_i = x_a + F (x_b − x_c)                           rand/1
v_i = x_best + F (x_a − x_b)                        best/1
u_ij = v_ij if r_ij < CR or j = j_i, else x_ij      bin: at least one coordinate is the mutant's
x_i ← u_i if L(u_i) ≤ L(x_i)

a, b, c are distinct and none of them is i. All trials of a generation are made from the same
population and judged in one batched evaluation ("deferred" updating).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from ..kernels.differential_evolution import make_trials
from ..kernels.row_blocks import replace
from ..kernels.spread import distance
from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from .base import OPTIMIZERS, Asked, Optimizer, Phase, State, losses_stale, same_rows
from .common.config_fields import batch_field, init_std_field
from .common.finite_losses import finite_losses
from .common.first_population import first_population


@dataclass(kw_only=True)
class DifferentialEvolutionState(State):
    """The population x (P, D) and its losses; ``estimate`` is the best member. Nothing else is
    carried.
    """

    population: Tensor
    losses: Tensor


def trial(
    x: Tensor, a: Tensor, b: Tensor, c: Tensor, r: Tensor, j: Tensor, *, F: float, CR: float
) -> Tensor:
    """Cross members x (P, D) with the mutants a + F (b − c); weight j (P,) is the mutant's in any
    case.
    """
    crossed = (r < CR).scatter(1, j.unsqueeze(1), True)  # eq. 4 of Storn and Price
    return torch.where(crossed, a + F * (b - c), x)  # eq. 2


@OPTIMIZERS.add
class DifferentialEvolution(Optimizer[DifferentialEvolutionState]):
    """Members step by each other's differences."""

    name = "differential-evolution"
    label = "Differential evolution"
    family = "Evolution"
    sees = "loss"
    selects = True
    paper = "Storn and Price 1997, https://doi.org/10.1023/A:1008202821328"
    sentence = (
        "Superb on crooked landscapes of a few dozen weights, for its steps take on the "
        "landscape's own shape; "
        "with thousands of weights a small population spans few directions, and it needs far "
        "more steps than it is given."
    )
    phases = (
        Phase(
            "Mutate",
            (
                "Each member gets a trial: a base network plus a scaled difference of two "
                "others, mixed with the member."
            ),
            "asked",
        ),
        Phase("Judge", "Every trial's loss is compared with its member's.", "answered"),
        Phase(
            "Select",
            (
                "A trial that is no worse takes its member's place; the best member is the "
                "network used."
            ),
            "moved",
        ),
    )

    formerly = renamed(
        members="population_size",
        spread="init_std",
        weight="differential_weight",
        crossover="crossover_rate",
    )

    batch: int = batch_field(
        256, "On mini-batches every member is evaluated again each step, which doubles the cost."
    )
    population_size: int = Field(
        32,
        ge=5,
        le=16384,
        description="Networks in the population (NP).",
        json_schema_extra={"scale": "log", "unit": "networks", "label": "Population"},
    )
    strategy: Literal["rand/1/bin", "best/1/bin"] = Field(
        "best/1/bin",
        description=(
            "Where a mutant starts: at a random member (patient), or at the best one (greedy, "
            "quicker, sooner stuck)."
        ),
        json_schema_extra={"live": True},
    )
    differential_weight: float = Field(
        0.5,
        ge=0,
        le=2,
        description="How much of a difference is added (F); usually 0.5 to 0.8.",
        json_schema_extra={"live": True, "step": 0.01, "label": "Difference weight"},
    )
    crossover_rate: float = Field(
        0.9,
        ge=0,
        le=1,
        description=(
            "Share of the weights a trial takes from the mutant (CR); the others stay its parent's."
        ),
        json_schema_extra={"live": True, "step": 0.01, "label": "Crossover rate"},
    )
    dither: float = Field(
        0.3,
        ge=0,
        le=1,
        description=(
            "F is drawn again every generation, up to this much above the difference weight; 0 "
            "keeps it constant."
        ),
        json_schema_extra={"live": True, "step": 0.01, "advanced": True},
    )
    init_std: float = init_std_field(1.0, "the population starts")

    def memory_rows(self) -> int:
        return self.population_size * 2  # x and the trials

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> DifferentialEvolutionState:
        x = first_population(theta, self.population_size, self.init_std, rng, oracle)
        losses = finite_losses(x, oracle)
        state = DifferentialEvolutionState(theta.clone(), population=x, losses=losses)
        state.estimate_loss = float(losses[0])
        return state

    def step(
        self, state: DifferentialEvolutionState, rng: Rng, oracle: Oracle
    ) -> DifferentialEvolutionState:
        x = state.population
        if losses_stale(state, oracle):
            state.losses = finite_losses(x, oracle)
        trials = self.trials(x, state.losses, rng)
        losses = finite_losses(trials, oracle)
        # A tie is taken, so that the population drifts across plateaus; a failed trial never is.
        better = (losses <= state.losses) & (losses < torch.inf)
        replace(x, better, trials)
        state.losses = torch.where(better, losses, state.losses)
        lowest, index = state.losses.min(0)
        state.estimate = x[index].clone()
        # The step's one wait for the device.
        shown = torch.stack([lowest, better.to(x).mean()]).tolist()
        state.estimate_loss, state.metrics["success"] = shown
        return state

    def diagnostics(self, state: DifferentialEvolutionState) -> dict[str, float]:
        return {} if state.population is None else {"spread": float(distance(state.population))}

    def accepted_rows(self, state: DifferentialEvolutionState, asked: Asked) -> Tensor | None:
        """Return the trials that took their member's place."""
        return same_rows(state.population, asked)

    def trials(self, x: Tensor, losses: Tensor, rng: Rng) -> Tensor:
        """Make the trials u (P, D) of a population (P, D) with its losses (P,), in a buffer."""
        size, dimension = x.shape
        weight: float | Tensor = self.differential_weight
        if self.dither:
            weight = weight + self.dither * rng.uniform(1).to(x)
        drawn = others(size, 3 if self.strategy == "rand/1/bin" else 2, rng).to(x.device)
        *a, b, c = drawn
        best = x[losses.argmin()]
        j = rng.integers(dimension, size).to(x.device).unsqueeze(1)
        r = rng.rows("uniform", size, dimension)
        base = x if a else best.unsqueeze(0)
        parents = torch.stack([a[0] if a else torch.zeros_like(b), b, c])
        return make_trials(
            trial, x, base, parents, j.squeeze(1), r, F=float(weight), CR=self.crossover_rate
        )


def others(size: int, count: int, rng: Rng) -> Tensor:
    """Draw for every member 0…size−1 ``count`` distinct other members, all choices equally likely:
    (count, size).

    The kth is drawn from the size − k members not taken yet, as a rank among them; stepping over
    the taken ones in ascending order turns the rank into a member.
    """
    taken = torch.arange(size, device=rng.device).unsqueeze(0)
    for k in range(1, count + 1):
        pick = rng.integers(size - k, size)
        for lower in taken.sort(0).values:
            pick = pick + (pick >= lower)
        taken = torch.cat([taken, pick.unsqueeze(0)])
    return taken[1:]
