"""A gradient step, then a search of the output layer (Rere, Fanany and Arymurthy, 2015 and 2016).

https://doi.org/10.1016/j.procs.2015.12.114 and https://doi.org/10.1155/2016/1537325. On every
mini-batch one step of plain SGD moves all weights,

θ ← θ − α ∇L(θ),

then a search without gradients improves the output layer x on the same mini-batch, every other
layer frozen:

annealing               x' = x + ε z, kept if Δ ≤ 0 or u < exp(−Δ/T); T falls by the same factor
                        from level to level, from 1000 L to 10⁻⁸. Greedily, as a control: kept only
                        if Δ < 0
differential evolution  v_i = x_a + F (x_b − x_c), each weight taken from v_i with probability CR
                        and from x_i otherwise; the better of both stays
harmony search          each weight from a random harmony in memory with probability HMCR, then
                        moved by bw z with probability PAR, or else drawn at random; the better
                        replace the worst

The search starts from the layer the gradient step left and that layer competes, so the best it
hands back is never worse on the mini-batch. What the output layer reads is computed once a step:
its sums o are linear in x, so a try of annealing costs the product of these features f with z,
o' = o + ε f z. The published annealing is one chain of 19 tries at each of 38 levels (T halved each
time); by default a few chains walk side by side through a few levels. The code
the authors published keeps uphill moves when u > exp(−Δ/T), the test upside down, and applies the
gradient a second time after the search; both are here as controls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from ..errors import BadInput
from ..kernels.chunking import FLOATS_AT_ONCE
from ..networks.base import Layer
from ..oracle import Oracle
from ..populations.output_layers import OutputLayers
from ..random.rng import Rng
from ..registry import renamed
from .base import FLOAT, OPTIMIZERS, Optimizer, Phase, Problem, State
from .common.config_fields import batch_field, learning_rate_field
from .common.finite_losses import finite_losses
from .differential_evolution import trial

BLOCK = 2**19
"""Numbers of the tries that are drawn at once, and of the outputs they change."""


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
        "Every step is at least as good as SGD's on its own mini-batch; but the search fits that "
        "one mini-batch, and its many tries take time: in the same seconds plain SGD is usually "
        "ahead."
    )
    phases = (
        Phase(
            "Descend",
            "One step down the gradient of this mini-batch moves all weights.",
            "moved",
            "descended",
        ),
        Phase(
            "Search",
            (
                "Every other layer is frozen and computed once; output layers are tried, round "
                "after round."
            ),
            "asked",
            "tries",
        ),
        Phase(
            "Judge",
            "Their losses on the same mini-batch decide which tries the search goes on from.",
            "answered",
            "tries",
        ),
        Phase(
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
        ge=1,
        le=4096,
        description=(
            "Output layers that walk, evolve or are remembered side by side; 1 as published for "
            "annealing, at least 4 for differential evolution."
        ),
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
    acceptance: Literal["metropolis", "greedy"] = Field(
        "metropolis",
        description=(
            "Which tries annealing keeps: by Metropolis' rule, uphill ones too while it is hot; or "
            "greedily, only improvements."
        ),
        json_schema_extra={"live": True, "advanced": True},
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

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.output_optimizer == "differential-evolution" and self.population_size < 4:
            raise BadInput(
                "population_size",
                self.population_size,
                "at least 4 for differential evolution, which mixes three others",
            )
        if self.acceptance == "greedy" and self.published_bugs in ("inverted", "both"):
            raise BadInput(
                "published_bugs",
                self.published_bugs,
                "none or doubled-step with greedy acceptance, which judges no uphill move",
            )
        return self

    def memory_rows(self) -> int:
        return 3 * self.population_size + 2

    def footprint(self, problem: Problem) -> int:
        width = problem.dimension - output_layer(problem.layers)
        batch, sums = problem.batch_of(self.batch), FLOATS_AT_ONCE
        features = batch * max(1, width // problem.outputs)
        block = 4 * max(BLOCK, self.population_size * width)
        return super().footprint(problem) + FLOAT * (features + 8 * sums + block)

    def asked(self) -> int:
        return self.population_size

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> HybridState:
        return HybridState(theta.clone())

    def step(self, state: HybridState, rng: Rng, oracle: Oracle) -> HybridState:
        theta = state.estimate
        gradient = oracle.gradients(theta.unsqueeze(0))[1][0]
        theta.add_(gradient, alpha=-self.learning_rate)
        oracle.mark("descended", theta)
        if not self.rounds:  # also where the search was turned off while it runs
            state.population = state.losses = state.acceptance = state.estimate_loss = None
        elif self.output_optimizer == "annealing":
            self.anneal(state, output_layer(oracle.network.layers), rng, oracle)
        else:
            self.evolve(state, output_layer(oracle.network.layers), rng, oracle)
        if self.published_bugs in ("doubled-step", "both"):
            # Stale: it was taken where θ no longer is.
            theta.add_(gradient, alpha=-self.learning_rate)
            state.estimate_loss = None
        return state

    def anneal(self, state: HybridState, start: int, rng: Rng, oracle: Oracle) -> None:
        """Walk through output layers, the weights from ``start`` on; the best one seen goes into
        the estimate.
        """
        theta, members = state.estimate, self.population_size
        walk = oracle.begin_walk(theta, start, members)
        first, best_x = walk.energy[0].clone(), walk.x[0]
        best = first
        sizes = self.bandwidth * oracle.init_scale.to(theta)[start:]
        total, done, kept = self.rounds * self.moves_per_temperature, 0, torch.zeros_like(first)
        outputs = oracle.network.layers[-1].shape[0] * len(oracle.targets)
        most = max(1, BLOCK // (members * max(len(sizes), outputs)))
        block = -(-total // -(-total // most))  # about equal blocks
        # Tries are drawn and multiplied with the features block by block: none depends on what
        # those before it led to.
        while done < total and oracle.progress < 1:  # else the budget ends here
            tries = min(block, total - done)
            moves = rng.normal(tries, members, len(sizes)).to(theta).mul_(sizes)
            u = rng.uniform(tries, members).to(theta)
            numbers = torch.arange(done, done + tries, device=theta.device)
            limits = -self.temperatures(first, numbers).unsqueeze(1) * u.log()
            before = walk.x
            losses, taken = oracle.walk(walk, moves, limits, self.rule)
            done += len(taken)
            kept = kept + taken.to(theta).mean(1).sum()
            # Where the best chain stood after its best try: it kept that try and some before it.
            value, at = torch.where(taken, losses, torch.inf).flatten().min(0)
            at_try, chain = at // members, at % members
            until = torch.arange(len(taken), device=theta.device) <= at_try
            along = (taken[:, chain] & until).unsqueeze(1).to(theta)
            there = before[chain] + (along * moves[: len(taken), chain]).sum(0)
            best, best_x = (
                torch.where(value < best, value, best),
                torch.where(value < best, there, best_x),
            )
        self.finish(state, start, walk.x, walk.energy, (first, best, best_x), kept / max(1, done))

    def evolve(self, state: HybridState, start: int, rng: Rng, oracle: Oracle) -> None:
        """Improve output layers generation by generation; the best one seen goes into the
        estimate.
        """
        theta, members = state.estimate, self.population_size
        sizes = self.bandwidth * oracle.init_scale.to(theta)[start:]
        features = oracle.features(theta)

        def losses(blocks: Tensor) -> Tensor:
            return finite_losses(OutputLayers(theta, blocks, features), oracle)

        x = theta[start:].repeat(members, 1)
        # These need members that differ; one stays as the gradient step left it.
        x[1:] += sizes * rng.normal(members - 1, len(sizes)).to(theta)
        energy = losses(x)
        first, best, best_x = energy[0], *lowest(energy, x)
        kept, rounds = torch.zeros_like(first), 0
        for _ in range(self.rounds):
            if oracle.progress >= 1:  # the budget ends here, not when the rounds do
                break
            rounds += 1
            if self.output_optimizer == "differential-evolution":
                tried = self.mutants(x, rng)
                new = losses(tried)
                keep = (new <= energy) & (new < torch.inf)
                kept += keep.to(energy).mean()
                x, energy = torch.where(keep.unsqueeze(1), tried, x), torch.where(keep, new, energy)
            else:
                tried = self.harmonies(x, theta[start:], sizes, rng)
                new = losses(tried)
                # The better half of old and new is the new memory: with one new harmony this is
                # "replaces the worst if better".
                order = torch.cat([energy, new]).argsort(stable=True)[:members]
                kept += (order >= members).to(energy).mean()
                x, energy = torch.cat([x, tried])[order], torch.cat([energy, new])[order]
            now, now_x = lowest(energy, x)
            best, best_x = (
                torch.where(now < best, now, best),
                torch.where(now < best, now_x, best_x),
            )
        self.finish(state, start, x, energy, (first, best, best_x), kept / max(1, rounds))

    def finish(
        self,
        state: HybridState,
        start: int,
        x: Tensor,
        energy: Tensor,
        found: tuple[Tensor, Tensor, Tensor],
        acceptance: Tensor,
    ) -> None:
        """Put the best output layer into the estimate, and the last ones into the population.

        Args:
            state: of the method.
            start: where the output layer begins.
            x: the last output layers (P, n).
            energy: their losses (P,).
            found: the first loss, the best, and its output layer (n,).
            acceptance: share of the tries that were kept.
        """
        first, best, best_x = found
        state.estimate[start:] = best_x
        state.population = state.estimate.repeat(len(x), 1)
        state.population[:, start:] = x
        state.losses = energy
        state.estimate_loss, state.acceptance, state.metrics["gain"] = torch.stack(
            [best, acceptance, first - best]
        ).tolist()

    def temperatures(self, loss: Tensor, numbers: Tensor) -> Tensor:
        """Return T of tries by their numbers from 0, (b,): from T₀ L to T_min by equal factors from
        level to level; a single level is at T_min. (log₂(T₀ L/T_min) + 1 levels halve it each
        time.)
        """
        levels = torch.div(numbers, self.moves_per_temperature, rounding_mode="floor")
        share = (
            levels.to(loss) / (self.rounds - 1)
            if self.rounds > 1
            else torch.ones_like(levels, dtype=loss.dtype)
        )
        return (self.initial_temperature * loss.abs()) ** (1 - share) * (
            self.final_temperature**share
        )

    @property
    def rule(self) -> str:
        """Return the rule by which a try is kept, of `engine.kernels.output_walk.RULES`. Its limits
        are −T ln u: u < exp(−Δ/T) is Δ < −T ln u.
        """
        if self.acceptance == "greedy":
            return "greedy"
        return "inverted" if self.published_bugs in ("inverted", "both") else "metropolis"

    def mutants(self, x: Tensor, rng: Rng) -> Tensor:
        """Make trials (P, n) of members (P, n) by rand/1/bin."""
        members, width = x.shape
        # Three others, all different: the smallest three of a row of random numbers in which the
        # member's own is infinite.
        order = rng.uniform(members, members).to(x).fill_diagonal_(torch.inf).argsort(1)
        a, b, c = x[order[:, 0]], x[order[:, 1]], x[order[:, 2]]
        r, j = rng.uniform(members, width).to(x), rng.integers(width, members, 1)
        return trial(x, a, b, c, r, j[:, 0], F=self.differential_weight, CR=self.crossover_rate)

    def harmonies(self, x: Tensor, centre: Tensor, sizes: Tensor, rng: Rng) -> Tensor:
        """Improvise as many new harmonies as the memory (P, n) holds. A note drawn at random lies
        about the layer the gradient step left (n,), twice as far as pitches move.
        """
        members, width = x.shape
        remembered = x.gather(0, rng.integers(members, members, width))
        u, z = rng.uniform(2, members, width).to(x), rng.normal(members, width).to(x)
        remembered = torch.where(
            u[1] < self.pitch_adjusting_rate, remembered + sizes * z, remembered
        )
        return torch.where(u[0] < self.memory_considering_rate, remembered, centre + 2 * sizes * z)


def output_layer(layers: tuple[Layer, ...]) -> int:
    """Return where the output layer begins in the packed weights: its last weight matrix, and the
    bias after it where there is one.
    """
    name = layers[-1].name.rpartition(".")[0]
    return next(layer.start for layer in layers if layer.name.rpartition(".")[0] == name)


def lowest(energy: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the least energy () of (P,), and whose it is: (n,) of (P, n)."""
    value, index = energy.min(0)
    return value, x[index]
