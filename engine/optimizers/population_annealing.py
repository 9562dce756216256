"""Population annealing (Hukushima and Iba, 2003; Machta, 2010).

https://doi.org/10.1063/1.1632130 and https://doi.org/10.1103/PhysRevE.82.026704. P replicas are
cooled together. From β = 1/T to β' the population is resampled with weights

w_j ∝ exp(−(β' − β) L_j)

so that it follows Boltzmann's law at β' too: replicas in good valleys multiply, others die.
Metropolis moves at the new temperature then make copies differ. The mean weights add up to the
change of ln Z, Z = ∫ exp(−βL) dθ, if the replicas followed the law when cooling began; here all
begin at the same weights, so no ln Z is shown. How many of the first replicas still have
descendants (families) tells whether the population was large enough.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from ..kernels.row_blocks import replace
from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from ..schedules import PLANNED, PlannedName, generalized
from .base import OPTIMIZERS, Asked, Phase
from .common.heat import warmth
from .common.metropolis import Metropolis, MetropolisState, held, metropolis


@dataclass(kw_only=True)
class PopulationAnnealingState(MetropolisState):
    """The replicas.

    Attributes:
        family: (P,) int64, which of the first replicas each descends from.
        log_z: estimate of ln Z(β) − ln Z(β₀), (), in double precision where there is one. It is
            right where the replicas followed Boltzmann's law at β₀ when cooling began, and every
            batch is the same; replicas that begin at one place do not, so it is kept for those who
            set them up and is not among the numbers shown.
    """

    family: Tensor
    log_z: Tensor


@OPTIMIZERS.add
class PopulationAnnealing(Metropolis[PopulationAnnealingState]):
    """A population that is cooled by selection as well as by moves."""

    name = "population-annealing"
    label = "Population annealing"
    paper = (
        "Hukushima and Iba 2003, https://doi.org/10.1063/1.1632130; Machta 2010, "
        "https://doi.org/10.1103/PhysRevE.82.026704"
    )
    sentence = (
        "Annealing in which good chains replace bad ones, so no evaluation is spent on hopeless "
        "valleys for long; "
        "cooled too fast, or with too few replicas, all soon descend from one and it is a single "
        "chain paid for many times."
    )
    phases = (
        Phase(
            "Resample",
            (
                "It gets colder: replicas with low losses are copied, replicas with high losses "
                "die out."
            ),
            "resampled",
        ),
        Phase(
            "Propose",
            "Every replica tries a random move of its weights, so that copies come to differ.",
            "asked",
        ),
        Phase(
            "Evaluate",
            "The loss of every tried network is compared with the loss its replica has now.",
            "answered",
        ),
        Phase(
            "Accept or not",
            (
                "Better moves are kept; worse ones by chance, the rarer the larger the rise and "
                "the lower the temperature."
            ),
            "moved",
        ),
    )

    formerly = renamed(chains="population_size")

    population_size: int = Field(
        16,
        ge=1,
        le=16384,
        description="How many replicas are cooled together.",
        json_schema_extra={"scale": "log", "label": "Replicas"},
    )
    schedule: PlannedName = Field(
        "geometric",
        description="How the temperature falls over the budget.",
        json_schema_extra={"label": "Cooling"},
    )
    moves: int = Field(
        1,
        ge=1,
        le=1000,
        description="Metropolis moves of every replica between two resamplings.",
        json_schema_extra={
            "live": True,
            "scale": "log",
            "label": "Moves per temperature",
            "advanced": True,
        },
    )

    def memory_rows(self) -> int:
        return super().memory_rows() + self.population_size  # resampling copies

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> PopulationAnnealingState:
        state = self.gather(
            PopulationAnnealingState,
            theta,
            rng,
            oracle,
            family=torch.arange(self.population_size, device=theta.device),
            log_z=torch.zeros((), dtype=wide(theta), device=theta.device),
        )
        state.temperature = state.start
        state.target = self.target_acceptance if self.adapts else None
        state.plan = self.planned_temperature(state, 0.0)
        return state

    def step(
        self, state: PopulationAnnealingState, rng: Rng, oracle: Oracle
    ) -> PopulationAnnealingState:
        self.rejudge(state, oracle)
        before, state.seen = state.temperature or state.start, oracle.progress
        state.plan = self.planned_temperature(state, state.seen)
        state.temperature = held(state.plan * warmth(state, state.seen))
        effective, chosen = self.resample(state, 1 / state.temperature - 1 / before, rng)
        oracle.mark("resampled", chosen)
        kept, made = torch.zeros_like(state.step_sizes), 0
        while made < self.moves and (made == 0 or oracle.progress < 1):  # the budget may end first
            made += 1
            moved = self.walk(state, state.step_sizes, metropolis(state.temperature), rng, oracle)
            self.adjust(state, state.step_sizes, moved)
            kept += moved
        families = torch.zeros_like(state.family).scatter_(0, state.family, 1).sum()
        state.metrics = self.track_acceptance(
            state, kept / made, {"effective population": effective, "families": families}
        )
        return state

    def resample(
        self, state: PopulationAnnealingState, change: float, rng: Rng
    ) -> tuple[Tensor, Tensor]:
        """Replace the population by P draws from itself with weights exp(−(β' − β) L).

        Args:
            state: of the replicas; changed in place.
            change: β' − β.
            rng: gives the one number that systematic resampling needs.

        Returns:
            Effective population, 1/Σ w² of the normalised weights: () at most P; and whose copy
            stands in every place now, (P,).
        """
        u = rng.uniform(1)
        logs, lowest = log_weights(state.losses.to(wide(state.losses)), change)
        state.log_z = (
            state.log_z + logs.logsumexp(0) - change * lowest - math.log(self.population_size)
        )
        weights = logs.softmax(0)
        chosen = settled(systematic(weights, u.to(weights)))
        replace(
            state.population,
            chosen != torch.arange(len(chosen), device=chosen.device),
            state.population,
            chosen,
        )
        state.losses = state.losses[chosen]
        state.family = state.family[chosen]
        state.step_sizes = state.step_sizes[chosen]
        return 1 / weights.square().sum(), chosen

    def accepted_rows(self, state: PopulationAnnealingState, asked: Asked) -> Tensor | None:
        # Of several moves the state tells only the last.
        return super().accepted_rows(state, asked) if self.moves == 1 else None

    def planned_temperature(self, state: PopulationAnnealingState, progress: float) -> float:
        if self.schedule == "generalized":
            return generalized(state.start, state.end, progress, self.visiting_q)
        return PLANNED[self.schedule](state.start, state.end, progress)


def log_weights(energies: Tensor, change: float) -> tuple[Tensor, Tensor]:
    """Return ln w_j = −(β' − β) (L_j − L_min) (P,) for a change of β, and L_min (), the lowest
    finite loss. Members without a finite loss weigh nothing; if none has one, all weigh the same.
    """
    finite = torch.isfinite(energies)
    lowest = torch.where(finite, energies, math.inf).min()
    lowest = torch.where(torch.isfinite(lowest), lowest, 0.0)
    logs = torch.where(finite, -change * (energies - lowest), -math.inf)
    return torch.where(torch.isfinite(logs).any(), logs, 0.0), lowest


def systematic(weights: Tensor, u: Tensor) -> Tensor:
    """Resample systematically: (P,) normalised weights and one uniform number (1,) → (P,) indices,
    each ⌊P w⌋ or ⌈P w⌉ times (Kitagawa 1996).
    """
    size = len(weights)
    positions = (torch.arange(size, device=weights.device).to(weights) + u) / size
    return torch.searchsorted(weights.cumsum(0), positions, right=True).clamp_(max=size - 1)


def settled(chosen: Tensor) -> Tensor:
    """Order the indices of the resampled members, (P,) ascending, so that each survivor keeps its
    row, and its copies take the rows of members that died.
    """
    places = torch.arange(len(chosen), device=chosen.device)
    free = torch.ones_like(places).scatter_(0, chosen, 0)
    again = torch.zeros_like(places)
    again[1:] = chosen[1:] == chosen[:-1]
    # Both are as many; they come first in these orders, and the members that stay come after.
    to = free.argsort(descending=True, stable=True)
    source = chosen[again.argsort(descending=True, stable=True)]
    return places.scatter(0, to, torch.where(places < free.sum(), source, to))


def wide(tensor: Tensor) -> torch.dtype:
    """Return double precision where the device has it."""
    return torch.float32 if tensor.device.type == "mps" else torch.float64
