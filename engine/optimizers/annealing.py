"""Simulated annealing (Kirkpatrick, Gelatt and Vecchi, 1983) with many chains.

https://doi.org/10.1126/science.220.4598.671. Every chain proposes θ' = θ + s·q and accepts by the Metropolis rule (Metropolis et al., 1953, https://doi.org/10.1063/1.1699114);
all chains are proposed and judged in one batched evaluation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from engine.optimizers.base import OPTIMIZERS, Optimizer, State
from engine.optimizers.proposals import Proposal, ProposalName, propose
from engine.oracle import Oracle
from engine.rng import Rng
from engine.schedules import ScheduleName, geometric, lam_target, linear

ACCEPTANCE_MEMORY = 0.98
"""Share of the running acceptance kept from step to step."""
REHEAT_SHARE = 0.1
"""Share of the budget after which heat added by hand has fallen to a tenth of itself."""


@dataclass
class AnnealingState(State):
    """The chains. ``population`` holds θ (P, D), ``losses`` their energies L(θ).

    Attributes:
        step_sizes: (P,) s, one per chain.
        best_loss: () the lowest energy any chain has had on this batch.
        start, end: T₀ and T_min, given or calibrated.
        heat: factor on the scheduled temperature, above 1 after a reheat.
        heated_at: progress at the last reheat.
    """

    step_sizes: Tensor = None  # type: ignore[assignment]
    best_loss: Tensor = None  # type: ignore[assignment]
    start: float = 1.0
    end: float = 1e-3
    heat: float = 1.0
    heated_at: float = 0.0
    seen: float = 0.0


@OPTIMIZERS.add
class Annealing(Optimizer):
    """Metropolis chains that are cooled."""

    name = "annealing"
    label = "Simulated annealing"
    family = "Annealing"
    sees = "loss"
    paper = "Kirkpatrick, Gelatt and Vecchi 1983, https://doi.org/10.1126/science.220.4598.671"
    sentence = "Needs nothing but the loss and escapes bad valleys while it is hot; with many weights most proposals are wasted, so it is slow."

    chains: int = Field(
        16, ge=1, le=16384, description="How many independent chains walk side by side; the best one counts.", json_schema_extra={"scale": "log"}
    )
    schedule: ScheduleName = Field("geometric", description="How the temperature falls over the budget.", json_schema_extra={"label": "Cooling"})
    start_temperature: float | None = Field(
        None, gt=0, le=1e6, description="Temperature at the start; auto measures how much worse proposals make the loss.", json_schema_extra={"scale": "log"}
    )
    end_temperature: float | None = Field(
        None, gt=0, le=1e6, description="Temperature at the end; auto is cold enough that almost nothing worse is accepted.", json_schema_extra={"scale": "log"}
    )
    proposal: ProposalName = Field("sparse", description="What a proposal moves: a few random weights, or all of them.")
    share: float = Field(
        0.02,
        gt=0,
        le=1,
        description="Share of the weights a sparse proposal moves (at least one).",
        json_schema_extra={"scale": "log", "label": "Weights moved"},
    )
    step_size: float = Field(
        1.0, gt=0, le=100, description="Size of a move, in units of each layer's natural size.", json_schema_extra={"scale": "log", "advanced": True}
    )
    adapt: bool = Field(
        True, description="Adjust each chain's step size to hold the acceptance aimed at.", json_schema_extra={"label": "Adaptive step", "advanced": True}
    )
    target: float = Field(
        0.234,
        gt=0,
        lt=1,
        description="Acceptance the step size is adjusted to.",
        json_schema_extra={"step": 0.01, "label": "Acceptance aimed at", "advanced": True},
    )
    start_acceptance: float = Field(
        0.5, gt=0, lt=1, description="Acceptance of uphill moves that auto start temperature aims at.", json_schema_extra={"step": 0.01, "advanced": True}
    )

    def population_size(self) -> int:
        return self.chains * (1 if self.proposal == "sparse" else 3)

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> AnnealingState:
        population = theta.repeat(self.chains, 1)
        losses = oracle.losses(population)
        sizes = torch.full((self.chains,), self.step_size, dtype=theta.dtype, device=theta.device)
        state = AnnealingState(theta.clone(), population, losses, step_sizes=sizes, best_loss=losses.min())
        state.start, state.end = self._calibrate(state, rng, oracle)
        state.temperature = state.start
        state.plan = self.planned(state, 0.0)
        state.target = lam_target(0) if self.schedule == "adaptive" else self.target if self.adapt else None
        return state

    def step(self, state: State, rng: Rng, oracle: Oracle) -> AnnealingState:
        assert isinstance(state, AnnealingState)
        assert state.population is not None
        assert state.losses is not None
        if oracle.batch_changed:  # energies of another batch cannot be compared with new ones
            state.losses = oracle.losses(state.population)
            state.best_loss = torch.full_like(state.best_loss, math.inf)
        temperature = self._cool(state, oracle.progress)
        move = self._propose(state, rng, oracle)
        losses = oracle.losses(move.population)
        u = rng.uniform(self.chains).to(losses)
        # Accept if Δ ≤ 0 or u < exp(−Δ/T): one comparison, since u < 1. A loss that is no number is never accepted.
        accepted = u < torch.exp((state.losses - losses) / temperature)
        state.population = move.settle(accepted)
        state.losses = torch.where(accepted, losses, state.losses)
        self._remember(state, accepted)
        return state

    def _propose(self, state: AnnealingState, rng: Rng, oracle: Oracle) -> Proposal:
        assert state.population is not None
        return propose(self.proposal, state.population, state.step_sizes, oracle.scale.to(state.population), self.share, rng)

    def _cool(self, state: AnnealingState, progress: float) -> float:
        """The temperature now: the schedule's, times what is left of heat added by hand."""
        if self.schedule == "adaptive":
            # Lam's rule as commonly run: a little colder while acceptance is above its target, a little warmer while below. The factor per step is chosen so that a whole
            # budget can take T from T₀ to T_min and back several times, however many steps it holds.
            state.target = lam_target(progress)
            change = (state.start / state.end) ** (8 * max(0.0, progress - state.seen))
            if state.acceptance is not None:
                temperature = state.temperature or state.start
                state.temperature = temperature / change if state.acceptance > state.target else temperature * change
                state.temperature = min(max(state.temperature, state.end * 1e-3), state.start * 1e3)
        else:
            state.plan = self.planned(state, progress)
            assert state.plan is not None
            left = state.heat ** (0.1 ** ((progress - state.heated_at) / REHEAT_SHARE))
            state.temperature = state.plan * left
        state.seen = progress
        assert state.temperature is not None
        return state.temperature

    def _remember(self, state: AnnealingState, accepted: Tensor) -> None:
        """Best so far, running acceptance, step sizes."""
        assert state.population is not None
        assert state.losses is not None
        lowest, index = state.losses.min(0)
        rate = accepted.to(state.losses.dtype)
        both = torch.stack([lowest, state.best_loss, rate.mean()]).tolist()  # the step's one wait for the device
        if both[0] < both[1]:
            state.best_loss, state.estimate, state.estimate_loss = lowest, state.population[index].clone(), both[0]
        state.acceptance = both[2] if state.acceptance is None else ACCEPTANCE_MEMORY * state.acceptance + (1 - ACCEPTANCE_MEMORY) * both[2]
        if self.adapt:
            # Robbins–Monro on log s (Andrieu and Thoms 2008, algorithm 4), with a constant gain because the target law keeps moving as T falls.
            state.step_sizes.mul_(torch.exp(0.05 * (rate - self.target))).clamp_(1e-4 * self.step_size, 4 * self.step_size)

    def _calibrate(self, state: AnnealingState, rng: Rng, oracle: Oracle) -> tuple[float, float]:
        """T₀ and T_min from how much worse trial proposals make the loss; the trials are charged like any others.

        T₀ accepts the median uphill move with probability ``start_acceptance``; T_min is so cold that a hundredth of that move is accepted once in a hundred times.
        """
        if self.start_temperature is not None and self.end_temperature is not None:
            return self.start_temperature, self.end_temperature
        assert state.losses is not None
        rises = []
        for _ in range(max(1, 64 // self.chains)):
            move = self._propose(state, rng, oracle)
            rises.append(oracle.losses(move.population) - state.losses)
            move.settle(torch.zeros(self.chains, dtype=torch.bool, device=state.losses.device))
        rise = torch.cat(rises)
        rise = rise[torch.isfinite(rise) & (rise > 0)]
        typical = float(rise.median()) if len(rise) else 1e-3
        start = self.start_temperature or typical / -math.log(self.start_acceptance)
        end = self.end_temperature or min(start, typical / 100 / -math.log(0.01))
        return start, end

    def planned(self, state: State, progress: float) -> float | None:
        assert isinstance(state, AnnealingState)
        if self.schedule == "adaptive":
            return None
        return (geometric if self.schedule == "geometric" else linear)(state.start, state.end, progress)

    def reheat(self, state: State, factor: float) -> bool:
        assert isinstance(state, AnnealingState)
        if self.schedule == "adaptive":
            state.temperature = (state.temperature or state.start) * factor
        else:
            left = state.heat ** (0.1 ** ((state.seen - state.heated_at) / REHEAT_SHARE))
            state.heat, state.heated_at = left * factor, state.seen
        return True
