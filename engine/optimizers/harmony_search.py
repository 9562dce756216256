"""Harmony search (Geem, Kim and Loganathan, 2001).

https://doi.org/10.1177/003754970107600201. A memory holds the best H networks ("harmonies") so far. A new one is improvised weight by weight ("note by note"):

x_j = m_j + bw_j (2 u − 1) with probability HMCR · PAR      from a random harmony m of the memory, its pitch adjusted
x_j = m_j                  with probability HMCR (1 − PAR)  from a random harmony m of the memory
x_j ~ U(lowest_j, highest_j) otherwise

and replaces the worst of the memory where it is better. Every note comes from a harmony drawn anew, so a new harmony has as many parents as there are. Here Q are improvised from
the same memory and judged in one batched evaluation; letting them replace the worst one after the other leaves the best H of old and new, whatever the order.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from engine.optimizers.base import OPTIMIZERS, Asked, Optimizer, Stage, State, outdated, shifted
from engine.optimizers.eki import distance
from engine.optimizers.judge import judge
from engine.oracle import Oracle
from engine.rng import Rng


@dataclass
class HarmonySearchState(State):
    """The memory: ``population`` (H, D) and its ``losses``, best first; ``estimate`` is the best harmony.

    Attributes:
        centre: (D,) the first weights, the middle of the range of every weight.
    """

    centre: Tensor = None  # type: ignore[assignment]


@OPTIMIZERS.add
class HarmonySearch(Optimizer):
    """New networks are improvised, weight by weight, from a memory of good ones."""

    name = "harmony-search"
    label = "Harmony search"
    family = "Evolution"
    sees = "loss"
    paper = "Geem, Kim and Loganathan 2001, https://doi.org/10.1177/003754970107600201"
    sentence = (
        "Simple, and fine where every weight can be chosen by itself; it takes each from another network and so destroys what only works together, "
        "which with thousands of weights makes it slow."
    )
    stages = (
        Stage("Improvise", "New networks take each weight from a random one in memory, some moved a little, a few drawn anew.", "asked"),
        Stage("Judge", "Every new network's loss is taken.", "answered"),
        Stage("Remember", "The best of memory and new ones are the new memory; its best is the network used.", "moved"),
    )

    batch: int = Field(
        128,
        ge=0,
        le=65536,
        description="Samples looked at in one step; 0 takes all of them. On mini-batches the whole memory is judged anew each step.",
        json_schema_extra={"step": 16, "unit": "samples"},
    )
    memory: int = Field(16, ge=1, le=16384, description="How many good networks are remembered (H).", json_schema_extra={"scale": "log", "unit": "networks"})
    considering: float = Field(
        0.999,
        ge=0,
        le=1,
        description="Share of the weights taken from the memory (HMCR); the others are anything in the range, which with many weights soon ruins a network.",
        json_schema_extra={"live": True, "step": 0.001, "label": "Memory considering rate"},
    )
    adjusting: float = Field(
        0.3,
        ge=0,
        le=1,
        description="Share of those that are moved a little (PAR).",
        json_schema_extra={"live": True, "step": 0.01, "label": "Pitch adjusting rate"},
    )
    bandwidth: float = Field(
        0.5,
        ge=1e-5,
        le=10,
        description="The most such a weight is moved (bw), in units of each layer's natural size, 1/√inputs.",
        json_schema_extra={"live": True, "scale": "log"},
    )
    cooling: float = Field(
        0.1,
        ge=1e-4,
        le=1,
        description="Share of the bandwidth left at the end of the budget; 1 keeps it constant, as published.",
        json_schema_extra={"live": True, "scale": "log", "label": "Bandwidth left at the end"},
    )
    range: float = Field(
        3.0,
        ge=1e-2,
        le=1000,
        description="How far from the first weights any weight may go, in units of each layer's natural size, 1/√inputs.",
        json_schema_extra={"live": True, "scale": "log", "advanced": True},
    )
    improvised: int = Field(
        64,
        ge=1,
        le=16384,
        description="New networks in one step, all from the same memory; 1 is the published method.",
        json_schema_extra={"scale": "log", "unit": "networks", "label": "New networks per step", "advanced": True},
    )

    def population_size(self) -> int:
        return 2 * self.memory + 7 * self.improvised  # old and new memory; choices (twice as wide), two random numbers, and the notes at three stages

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> HarmonySearchState:
        memory = theta + self.reach(oracle, theta) * (2 * rng.uniform(self.memory, theta.numel()).to(theta) - 1)
        memory[0] = theta  # the shared first weights are remembered
        losses = judge(memory, oracle)
        state = HarmonySearchState(theta.clone(), memory, losses, centre=theta.clone())
        state.estimate_loss, state.metrics["spread"] = torch.stack([losses[0], distance(memory)]).tolist()
        state.metrics["bandwidth"] = self.bandwidth
        losses, order = losses.sort(stable=True)
        state.population, state.losses = memory[order], losses
        return state

    def step(self, state: State, rng: Rng, oracle: Oracle) -> HarmonySearchState:
        assert isinstance(state, HarmonySearchState)
        assert state.population is not None
        assert state.losses is not None
        memory, losses = state.population, state.losses
        if outdated(state, oracle):  # losses on different batches cannot be compared: the luckiest batch would be remembered for ever
            losses = judge(memory, oracle)
        bandwidth = self.bandwidth * self.cooling**oracle.progress
        new = self.improvise(state, bandwidth, rng, oracle)
        both, order = torch.cat([losses, judge(new, oracle)]).sort(stable=True)
        kept = order[: self.memory]
        state.population, state.losses = torch.cat([memory, new])[kept], both[: self.memory]
        state.estimate = state.population[0].clone()
        shown = torch.stack([both[0], distance(state.population), (kept >= self.memory).to(both).sum()]).tolist()  # the step's one wait for the device
        state.estimate_loss, state.metrics["spread"], state.metrics["replaced"] = shown
        state.metrics["bandwidth"] = bandwidth
        return state

    def shift(self, state: State, index: int, difference: float) -> None:
        """The range of that weight moves along with the memory, else the next adjusted note would be cut back into it."""
        assert isinstance(state, HarmonySearchState)
        state.centre = shifted(state.centre, index, difference)

    def taken(self, state: State, asked: Asked) -> Tensor | None:
        """The new harmonies that are now remembered, told by their losses."""
        return None if state.losses is None else torch.isin(asked.values, state.losses)

    def improvise(self, state: HarmonySearchState, bandwidth: float, rng: Rng, oracle: Oracle) -> Tensor:
        """New harmonies (Q, D)."""
        memory = state.population
        assert memory is not None
        shape = self.improvised, memory.shape[1]
        low, high = state.centre - self.reach(oracle, memory), state.centre + self.reach(oracle, memory)
        remembered = memory.gather(0, rng.integers(len(memory), *shape).to(memory.device))
        # One number decides between the three: below HMCR·PAR adjusted, below HMCR remembered, else anything.
        choice = rng.uniform(*shape).to(memory)
        value = rng.uniform(*shape).to(memory)
        adjusted = (remembered + bandwidth * oracle.scale.to(memory) * (2 * value - 1)).clamp(low, high)
        notes = torch.where(choice < self.considering * self.adjusting, adjusted, remembered)
        return torch.where(choice < self.considering, notes, low + (high - low) * value)

    def reach(self, oracle: Oracle, like: Tensor) -> Tensor:
        """How far every weight may go from the first ones: (D,)."""
        return self.range * oracle.scale.to(like)
