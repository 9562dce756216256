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

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ..kernels import compiled
from ..kernels.compiled import COLUMNS, Array, Kernel, kernel
from ..kernels.row_blocks import copied, gathered, replace, strips
from ..kernels.scratch import buffer
from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from .base import OPTIMIZERS, Asked, Optimizer, Stage, State, outdated, same_rows
from .common.finite_losses import judge
from .common.spread import departures, distance


@dataclass(kw_only=True)
class DifferentialEvolutionState(State):
    """The population x (P, D) and its losses; ``estimate`` is the best member. Nothing else is
    carried.
    """

    population: Tensor
    losses: Tensor


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
    stages = (
        Stage(
            "Mutate",
            (
                "Each member gets a trial: a base network plus a scaled difference of two "
                "others, mixed with the member."
            ),
            "asked",
        ),
        Stage("Judge", "Every trial's loss is compared with its member's.", "answered"),
        Stage(
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

    batch: int = Field(
        256,
        ge=0,
        le=65536,
        description=(
            "Samples looked at in one step; 0 takes all of them. On mini-batches every member is "
            "judged anew each step, which doubles the cost."
        ),
        json_schema_extra={"step": 16, "unit": "samples"},
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
            "F is drawn anew every generation, up to this much above the difference weight; 0 "
            "keeps it constant."
        ),
        json_schema_extra={"live": True, "step": 0.01, "advanced": True},
    )
    init_std: float = Field(
        1.0,
        ge=1e-3,
        le=100,
        description=(
            "How far from the first weights the population starts (standard deviation), in units "
            "of each layer's natural size, 1/√inputs."
        ),
        json_schema_extra={"scale": "log", "label": "Start spread", "advanced": True},
    )

    def loops(self) -> tuple[Kernel, ...]:
        return (crossed, copied, departures)

    def memory_rows(self) -> int:
        return self.population_size * 2  # x and the trials

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> DifferentialEvolutionState:
        x = (
            rng.normal(self.population_size, theta.numel())
            .to(theta)
            .mul_(self.init_std * oracle.scale.to(theta))
            .add_(theta)
        )
        x[0] = theta  # the shared first weights are one of the population
        losses = judge(x, oracle)
        state = DifferentialEvolutionState(theta.clone(), population=x, losses=losses)
        state.estimate_loss = float(losses[0])
        return state

    def step(
        self, state: DifferentialEvolutionState, rng: Rng, oracle: Oracle
    ) -> DifferentialEvolutionState:
        x = state.population
        if outdated(
            state, oracle
        ):  # losses on different batches cannot be compared: the luckiest batch would win for ever
            state.losses = judge(x, oracle)
        trials = self.trials(x, state.losses, rng)
        losses = judge(trials, oracle)
        better = (losses <= state.losses) & (
            losses < torch.inf
        )  # a tie is taken, so that the population drifts across plateaus; a failed trial never is
        replace(x, better, trials)
        state.losses = torch.where(better, losses, state.losses)
        lowest, index = state.losses.min(0)
        state.estimate = x[index].clone()
        shown = torch.stack(
            [lowest, better.to(x).mean()]
        ).tolist()  # the step's one wait for the device
        state.estimate_loss, state.metrics["success"] = shown
        return state

    def diagnostics(self, state: DifferentialEvolutionState) -> dict[str, float]:
        return {} if state.population is None else {"spread": float(distance(state.population))}

    def taken(self, state: DifferentialEvolutionState, asked: Asked) -> Tensor | None:
        """The trials that took their member's place."""
        return same_rows(state.population, asked)

    def trials(self, x: Tensor, losses: Tensor, rng: Rng) -> Tensor:
        """Trials u (P, D) of a population (P, D) with its losses (P,), in a buffer."""
        size, dimension = x.shape
        weight: float | Tensor = self.differential_weight
        if self.dither:
            weight = weight + self.dither * rng.uniform(1).to(x)
        drawn = others(size, 3 if self.strategy == "rand/1/bin" else 2, rng).to(x.device)
        *a, b, c = drawn
        best = x[losses.argmin()]
        j = rng.integers(dimension, size).to(x.device).unsqueeze(1)
        r = rng.rows("uniform", size, dimension)
        trials = buffer("trials", (size, dimension), x)
        if compiled.fit(x) and r.tabled:
            base, parents = (
                (x, drawn)
                if a
                else (best.unsqueeze(0), torch.cat([drawn.new_zeros(1, size), drawn]))
            )
            crossed(
                dimension,
                x,
                base,
                parents,
                j.squeeze(1),
                *r.stretches(x),
                float(weight),
                self.crossover_rate,
                trials,
                grain=COLUMNS,
            )
            return trials
        for strip in strips(x):
            mutants = (
                gathered(x, b[strip], "mutants").sub_(gathered(x, c[strip], "others")).mul_(weight)
            )
            mutants.add_(gathered(x, a[0][strip], "others") if a else best)
            # Which weights are the mutant's, as 0 and 1: between such ends linear interpolation is
            # a choice, and a quicker one than by bool.
            mixed = r[strip].to(x).lt_(self.crossover_rate).scatter_(1, j[strip], 1.0)
            torch.lerp(x[strip], mutants, mixed, out=trials[strip])
        return trials


@kernel(
    (
        "T[:, ::1], T[:, ::1], int64[:, ::1], int64[::1], T[::1], int64[:, ::1], int64, T, T, "
        "T[:, ::1]"
    ),
    "trials",
)
def crossed(
    first: int,
    last: int,
    x: Array,
    base: Array,
    parents: Array,
    j: Array,
    table: Array,
    places: Array,
    members: int,
    weight: Array,
    rate: Array,
    trials: Array,
) -> None:
    """Write `DifferentialEvolution.trials`, some columns at a time: of all members a core's own
    cache holds them.

    ``parents`` (3, P) are the rows a of ``base`` and b, c of the population x; r is read off the
    table.
    """
    for start in range(first, last, COLUMNS):
        stop = min(start + COLUMNS, last)
        for i in range(len(x)):
            a, b, c = (
                base[parents[0, i], start:stop],
                x[parents[1, i], start:stop],
                x[parents[2, i], start:stop],
            )
            own, trial, block, skipped = (
                x[i, start:stop],
                trials[i, start:stop],
                i // members,
                i % members * x.shape[1] + start,
            )
            one, two = table[places[block, 0] + skipped :], table[places[block, 1] + skipped :]
            for k in range(len(trial)):
                r = one[k] + two[k]
                mutant, same = a[k] + weight * (b[k] - c[k]), own[k]
                trial[k] = mutant if r - np.trunc(r) < rate else same
            if start <= j[i] < stop:
                k = j[i] - start
                trial[k] = a[k] + weight * (b[k] - c[k])


def others(size: int, count: int, rng: Rng) -> Tensor:
    """For every member 0…size−1, ``count`` distinct other members, all choices equally likely:
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
