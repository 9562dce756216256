"""A gradient step, then a search of the output layer (Rere, Fanany and Arymurthy, 2015 and 2016).

https://doi.org/10.1016/j.procs.2015.12.114 and https://doi.org/10.1155/2016/1537325. On every
mini-batch one step of plain SGD moves all weights,

θ ← θ − α ∇L(θ),

then a search without gradients improves the output layer x on the same mini-batch, every other
layer frozen:

annealing               x' = x + ε z, kept if Δ ≤ 0 or u < exp(−Δ/T); T falls by the same factor
                        from level to level, from 1000 L to 10⁻⁸
differential evolution  v_i = x_a + F (x_b − x_c), each weight taken from v_i with probability CR
                        and from x_i otherwise; the better of both stays
harmony search          each weight from a random harmony in memory with probability HMCR, then
                        moved by bw z with probability PAR, or else drawn at random; the better
                        replace the worst

The search starts from the layer the gradient step left and that layer competes, so the best it
hands back is never worse on the mini-batch. The published annealing is one chain of 19 tries at
each of 38 levels (T halved each time); here a few chains walk side by side through a few levels,
for a step that costs some hundred forward passes per gradient never gets far on a budget. The code
the authors published keeps uphill moves when u > exp(−Δ/T), the test upside down, and applies the
gradient a second time after the search; both are here as controls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from ..networks.base import Layer
from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from .base import OPTIMIZERS, Optimizer, Stage, State
from .common.config_fields import batch_field, learning_rate_field
from .common.finite_losses import finite_losses


@dataclass(kw_only=True)
class HybridState(State):
    """One network, ``estimate`` θ. ``population`` (P, D) holds what the last search ended with: θ
    but for the output layer.
    """


@OPTIMIZERS.add
class Hybrid(Optimizer[HybridState]):
    """SGD on all weights and a search on the last layer."""

    name = "hybrid"
    label = "SGD with output search"
    family = "Annealing"
    sees = "gradient"
    paper = (
        "Rere, Fanany and Arymurthy 2015, https://doi.org/10.1016/j.procs.2015.12.114; 2016, "
        "https://doi.org/10.1155/2016/1537325"
    )
    sentence = (
        "Every step is at least as good as SGD's on its own mini-batch; but the search costs "
        "several gradients and fits that one mini-batch, "
        "so for the same evaluations plain SGD is usually ahead."
    )
    stages = (
        Stage(
            "Descend", "One step down the gradient of this mini-batch moves all weights.", "asked"
        ),
        Stage(
            "Search",
            (
                "Every other layer frozen, several output layers are tried side by side, round "
                "after round."
            ),
            "asked",
        ),
        Stage(
            "Judge",
            "Their losses on the same mini-batch decide which tries the search goes on from.",
            "answered",
        ),
        Stage(
            "Keep the best",
            "The best output layer seen, the gradient step's own included, goes into the network.",
            "moved",
        ),
    )
    sampled = True

    formerly = renamed(
        chains="population_size",
        rate="learning_rate",
        start_temperature="initial_temperature",
        end_temperature="final_temperature",
        noise="bandwidth",
        search="output_optimizer",
        tries="moves_per_temperature",
        crossover="crossover_rate",
        weight="differential_weight",
        memory="memory_considering_rate",
        pitch="pitch_adjusting_rate",
        control="published_bugs",
    )

    batch: int = batch_field(50, step=10)
    learning_rate: float = learning_rate_field(
        0.3,
        "How far a gradient step goes for a gradient of 1 (α); 1 as published, for sigmoids and "
        "squared error.",
        lowest=1e-06,
        highest=1000,
    )
    output_optimizer: Literal["annealing", "differential-evolution", "harmony-search"] = Field(
        "annealing",
        description="How the output layer is searched.",
        json_schema_extra={"live": True},
    )
    population_size: int = Field(
        4,
        ge=4,
        le=4096,
        description="Output layers that walk, evolve or are remembered side by side.",
        json_schema_extra={"scale": "log", "label": "Population"},
    )
    rounds: int = Field(
        3,
        ge=0,
        le=10_000,
        description=(
            "Rounds of the search after every gradient step: levels of temperature, or "
            "generations. 0 is plain SGD, 38 levels as published."
        ),
        json_schema_extra={"live": True, "scale": "log"},
    )
    moves_per_temperature: int = Field(
        1,
        ge=1,
        le=1000,
        description="Tries at each level of temperature, one after the other; 19 as published.",
        json_schema_extra={"live": True, "scale": "log", "advanced": True},
    )
    bandwidth: float = Field(
        0.05,
        ge=1e-6,
        le=100,
        description=(
            "Size of the search's moves (ε, bw) in units of the output layer's natural size, "
            "1/√inputs; about 0.007 as published."
        ),
        json_schema_extra={"live": True, "scale": "log"},
    )
    initial_temperature: float = Field(
        1000.0,
        ge=1e-12,
        le=1e6,
        description="Temperature of the first level, in units of the mini-batch's loss.",
        json_schema_extra={
            "label": "Start temperature",
            "live": True,
            "scale": "log",
            "advanced": True,
        },
    )
    final_temperature: float = Field(
        1e-8,
        ge=1e-12,
        le=1e6,
        description="Temperature of the last level.",
        json_schema_extra={
            "label": "End temperature",
            "live": True,
            "scale": "log",
            "advanced": True,
        },
    )
    differential_weight: float = Field(
        0.8,
        ge=0,
        le=2,
        description="How much of a difference differential evolution adds (F).",
        json_schema_extra={"live": True, "step": 0.05, "advanced": True},
    )
    crossover_rate: float = Field(
        0.9,
        ge=0,
        le=1,
        description="Chance that a weight comes from the mutant (CR).",
        json_schema_extra={"live": True, "step": 0.05, "advanced": True},
    )
    memory_considering_rate: float = Field(
        0.9,
        ge=0,
        le=1,
        description="Chance that a weight comes from the harmony memory (HMCR).",
        json_schema_extra={"live": True, "step": 0.05, "advanced": True},
    )
    pitch_adjusting_rate: float = Field(
        0.3,
        ge=0,
        le=1,
        description="Chance that a remembered weight is moved a little (PAR).",
        json_schema_extra={"live": True, "step": 0.05, "advanced": True},
    )
    published_bugs: Literal["none", "inverted", "doubled-step", "both"] = Field(
        "none",
        description=(
            "Slips of the published code, to measure them: uphill moves judged upside down, the "
            "gradient applied twice."
        ),
        json_schema_extra={"advanced": True},
    )

    def memory_rows(self) -> int:
        return 3 * self.population_size + 2

    def asked(self) -> int:
        return self.population_size

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> HybridState:
        return HybridState(theta.clone())

    def step(self, state: HybridState, rng: Rng, oracle: Oracle) -> HybridState:
        theta = state.estimate
        gradient = oracle.gradients(theta.unsqueeze(0))[1][0]
        theta.add_(gradient, alpha=-self.learning_rate)
        if self.rounds:
            self.improve(state, output_layer(oracle.network.layers), rng, oracle)
        else:  # also where the search was turned off by hand
            state.population = state.losses = state.acceptance = state.estimate_loss = None
        if self.published_bugs in ("doubled-step", "both"):
            theta.add_(
                gradient, alpha=-self.learning_rate
            )  # stale: it was taken where θ no longer is
            state.estimate_loss = None
        return state

    def improve(self, state: HybridState, start: int, rng: Rng, oracle: Oracle) -> None:
        """Search the output layer, the weights from ``start`` on; the best one seen goes into the
        estimate.
        """
        theta = state.estimate
        width = theta.numel() - start
        sizes = self.bandwidth * oracle.init_scale.to(theta)[start:]
        whole = theta.repeat(self.population_size, 1)

        def losses(x: Tensor) -> Tensor:
            whole[:, start:] = x
            return finite_losses(whole, oracle)

        x = whole[:, start:].clone()
        if (
            self.output_optimizer != "annealing"
        ):  # these need members that differ; one stays as the gradient step left it
            x[1:] += sizes * rng.normal(self.population_size - 1, width).to(theta)
        energy = (
            losses(x)
            if self.output_optimizer != "annealing"
            else finite_losses(theta.unsqueeze(0), oracle).expand(self.population_size)
        )
        first, best, best_x = energy[0], *lowest(energy, x)
        kept = torch.zeros_like(first)
        rounds = 0
        for number in range(
            self.rounds
            * (self.moves_per_temperature if self.output_optimizer == "annealing" else 1)
        ):
            if oracle.progress >= 1:  # the budget ends here, not when the rounds do
                break
            rounds += 1
            if self.output_optimizer == "annealing":
                tried = x + sizes * rng.normal(self.population_size, width).to(theta)
                new = losses(tried)
                keep = self.keep(
                    new - energy,
                    self.temperature(first, number // self.moves_per_temperature),
                    rng.uniform(self.population_size).to(theta),
                )
            elif self.output_optimizer == "differential-evolution":
                tried = self.mutants(x, rng)
                new = losses(tried)
                keep = (new <= energy) & (new < torch.inf)
            else:
                tried = self.harmonies(x, theta[start:], sizes, rng)
                new = losses(tried)
                # The better half of old and new is the new memory: with one new harmony this is
                # "replaces the worst if better".
                order = torch.cat([energy, new]).argsort(stable=True)[: self.population_size]
                kept += (order >= self.population_size).to(energy).mean()
                x, energy = torch.cat([x, tried])[order], torch.cat([energy, new])[order]
            if self.output_optimizer != "harmony-search":
                kept += keep.to(energy).mean()
                x, energy = torch.where(keep.unsqueeze(1), tried, x), torch.where(keep, new, energy)
            now, now_x = lowest(energy, x)
            best, best_x = (
                torch.where(now < best, now, best),
                torch.where(now < best, now_x, best_x),
            )
        theta[start:] = best_x
        whole[:, start:] = x
        state.population, state.losses = whole, energy
        state.estimate_loss, state.acceptance, state.metrics["gain"] = torch.stack(
            [best, kept / max(1, rounds), first - best]
        ).tolist()

    def temperature(self, loss: Tensor, level: int) -> Tensor:
        """T of a level: from T₀ L to T_min by equal factors; a single level is at T_min. (log₂(T₀
        L/T_min) + 1 levels halve it each time.)
        """
        hot, share = (
            self.initial_temperature * loss.abs(),
            level / (self.rounds - 1) if self.rounds > 1 else 1.0,
        )
        return hot ** (1 - share) * self.final_temperature**share

    def keep(self, rise: Tensor, temperature: Tensor, u: Tensor) -> Tensor:
        """Metropolis' rule on rises (P,), or the published code's: uphill if u > exp(−Δ/T)."""
        chance = torch.exp(-rise / temperature)
        return (rise <= 0) | (
            u > chance if self.published_bugs in ("inverted", "both") else u < chance
        )

    def mutants(self, x: Tensor, rng: Rng) -> Tensor:
        """rand/1/bin: of (P, n) members (P, n) trials."""
        members, width = x.shape
        # Three others, all different: the smallest three of a row of random numbers in which the
        # member's own is infinite.
        order = rng.uniform(members, members).to(x).fill_diagonal_(torch.inf).argsort(1)
        a, b, c = x[order[:, 0]], x[order[:, 1]], x[order[:, 2]]
        cross = rng.uniform(members, width).to(x) < self.crossover_rate
        cross.scatter_(
            1, rng.integers(width, members, 1), True
        )  # at least one weight is the mutant's
        return torch.where(cross, a + self.differential_weight * (b - c), x)

    def harmonies(self, x: Tensor, centre: Tensor, sizes: Tensor, rng: Rng) -> Tensor:
        """As many new harmonies as the memory (P, n) holds. Drawn anew means about the layer the
        gradient step left (n,), twice as far as pitches move.
        """
        members, width = x.shape
        remembered = x.gather(0, rng.integers(members, members, width))
        u, z = rng.uniform(2, members, width).to(x), rng.normal(members, width).to(x)
        remembered = torch.where(
            u[1] < self.pitch_adjusting_rate, remembered + sizes * z, remembered
        )
        return torch.where(u[0] < self.memory_considering_rate, remembered, centre + 2 * sizes * z)


def output_layer(layers: tuple[Layer, ...]) -> int:
    """Where the output layer begins in the packed weights: its last weight matrix, and the bias
    after it where there is one.
    """
    name = layers[-1].name.rpartition(".")[0]
    return next(layer.start for layer in layers if layer.name.rpartition(".")[0] == name)


def lowest(energy: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """The least energy () of (P,), and whose it is: (n,) of (P, n)."""
    value, index = energy.min(0)
    return value, x[index]
