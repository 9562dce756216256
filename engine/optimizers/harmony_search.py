"""Harmony search (Geem, Kim and Loganathan, 2001).

https://doi.org/10.1177/003754970107600201. A memory holds the best H networks ("harmonies") so far. A new one is improvised weight by weight ("note by note"):

x_j = m_j + bw_j (2 u − 1) with probability HMCR · PAR      from a random harmony m of the memory, its pitch adjusted
x_j = m_j                  with probability HMCR (1 − PAR)  from a random harmony m of the memory
x_j ~ U(lowest_j, highest_j) otherwise

and replaces the worst of the memory where it is better. Every note comes from a harmony drawn anew, so a new harmony has as many parents as there are. Here Q are improvised from
the same memory and judged in one batched evaluation; letting them replace the worst one after the other leaves the best H of old and new, whatever the order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from math import prod

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from engine.evaluator import blocks
from engine.evaluator.strips import gathered, replace, strips
from engine.evaluator.workspace import buffer
from engine.optimizers.base import OPTIMIZERS, Asked, Optimizer, Stage, State, outdated, shifted
from engine.optimizers.judge import judge
from engine.optimizers.spread import Spread, distance
from engine.oracle import Oracle
from engine.rng import LARGE, Rng

PICKS = 2**21
"""Entries of the table of random choices, 8 MiB."""


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
        return 2 * self.memory + self.improvised  # the memory, where it is put in order on another batch, and the new ones

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> HarmonySearchState:
        memory = rng.uniform(self.memory, theta.numel()).to(theta).mul_(2).sub_(1).mul_(self.reach(oracle, theta)).add_(theta)
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
        spread = self.remember(memory, new, kept, losses is state.losses)
        state.losses, state.estimate = both[: self.memory], memory[0].clone()
        shown = torch.stack([both[0], spread.value(), (kept >= self.memory).to(both).sum()]).tolist()  # the step's one wait for the device
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

    def remember(self, memory: Tensor, new: Tensor, kept: Tensor, ordered: bool) -> Spread:
        """Make the memory (H, D) those rows (H,) of it and of the new (Q, D) after it that are to be kept, best first, in place.

        Args:
            memory: of harmonies.
            new: harmonies improvised, in memory of no other use.
            kept: which to keep.
            ordered: whether those kept of the memory stay in the order they are in: then none moves up, and from the last one up each can be moved where it belongs.

        Returns:
            How far the new memory is spread out.
        """
        spread = Spread(memory, memory[0].clone())
        if not spread.many:
            memory.copy_(torch.cat([memory, new])[kept])
            return spread
        target = memory if ordered else buffer("remembered", tuple(memory.shape), memory)
        for strip in reversed(list(strips(memory))):
            rows = kept[strip]
            harmonies = gathered(memory, rows.clamp(max=len(memory) - 1), "remembered strip")
            replace(harmonies, rows >= len(memory), new, (rows - len(memory)).clamp(min=0))
            target[strip] = harmonies
            spread.add(harmonies)
        if not ordered:
            memory.copy_(target)
        return spread

    def improvise(self, state: HarmonySearchState, bandwidth: float, rng: Rng, oracle: Oracle) -> Tensor:
        """New harmonies (Q, D), if they are many in a buffer."""
        memory = state.population
        assert memory is not None
        shape = self.improvised, memory.shape[1]
        low, high = state.centre - self.reach(oracle, memory), state.centre + self.reach(oracle, memory)
        width = bandwidth * oracle.scale.to(memory)
        if prod(shape) >= LARGE and memory.device.type != "mps":
            return self.improvise_many(memory, width, low, high, rng)
        remembered = memory.gather(0, rng.integers(len(memory), *shape).to(memory.device))
        # One number decides between the three: below HMCR·PAR adjusted, below HMCR remembered, else anything.
        choice = rng.uniform(*shape).to(memory)
        value = rng.uniform(*shape).to(memory)
        adjusted = (remembered + width * (2 * value - 1)).clamp(low, high)
        notes = torch.where(choice < self.considering * self.adjusting, adjusted, remembered)
        return torch.where(choice < self.considering, notes, low + (high - low) * value)

    def improvise_many(self, memory: Tensor, width: Tensor, low: Tensor, high: Tensor, rng: Rng) -> Tensor:
        """The same by some weights of all harmonies at a time, with a third of the random numbers.

        Whose note is taken, a whole number for every weight of every new harmony, is read off a table (`picks`) from a random place on. One uniform number u says whether a note
        is adjusted, u < PAR, and how far, 1 − 2u/PAR. Which notes are anything instead is not decided note by note: the distances between them are geometric. A note remembered
        from outside the range, which is there only where a hand made it narrower, is brought back into it.

        Args:
            memory: (H, D).
            width: (D,) how far a note is adjusted at most.
            low: (D,) the least every weight may be.
            high: (D,) the most.
            rng: where chance comes from.

        Returns:
            (Q, D), in a buffer.
        """
        size, dimension = memory.shape
        new, seed = buffer("improvised", (self.improvised, dimension), memory), rng.key()
        columns = max(1, min(dimension, PICKS // 4 // max(size, self.improvised)))
        table, share = picks(size, columns, memory.device), self.adjusting
        starts = rng.integers(PICKS - self.improvised * columns, -(-dimension // columns)).tolist()
        for number, start in enumerate(starts):
            first = min(number * columns, dimension - columns)  # the last ones begin where they have room, and some notes are played twice
            part = slice(first, first + columns)
            # In the table the weights begin anew every so many places, wherever in it one starts: so those remembered are turned by as many.
            turned, turn = buffer("remembered notes", (size, columns), memory), start % columns
            turned[:, turn:], turned[:, :turn] = memory[:, first : first + columns - turn], memory[:, first + columns - turn : first + columns]
            notes = buffer("notes", (self.improvised, columns), memory)
            torch.index_select(turned.view(-1), 0, table[start : start + notes.numel()], out=notes.view(-1))
            if share > 0:
                u = blocks.fill(buffer("drawn uniform", tuple(notes.shape), memory), seed, "uniform", number, notes.numel())
                adjusted = torch.nn.functional.threshold(u.mul_(-2 / share).add_(1), -1, 0, inplace=True)
                notes.addcmul_(adjusted, width[part])
            torch.clamp(notes, low[part], high[part], out=new[:, part])
            places = sparse(notes.numel(), 1 - self.considering, rng).to(memory.device)
            rows, column = places // columns, places % columns + first
            new[rows, column] = low[column] + (high - low)[column] * rng.uniform(len(places)).to(memory)
        return new

    def reach(self, oracle: Oracle, like: Tensor) -> Tensor:
        """How far every weight may go from the first ones: (D,)."""
        return self.range * oracle.scale.to(like)


@lru_cache(maxsize=2)
def picks(size: int, columns: int, device: torch.device) -> Tensor:
    """For the weights of new harmonies, so many of each: where in as many weights of a memory (H, columns) to take them from, each row as likely: (`PICKS`,) int32."""
    numbers = np.random.Generator(np.random.PCG64DXSM(3)).integers(size, size=PICKS, dtype=np.int32)
    return torch.from_numpy(numbers * np.int32(columns) + np.arange(PICKS, dtype=np.int32) % np.int32(columns)).to(device)


def sparse(count: int, share: float, rng: Rng) -> Tensor:
    """Which of so many things happen, each by itself with probability ``share``, as their numbers in order, int64: the gaps between them are geometric."""
    if share <= 0:
        return torch.empty(0, dtype=torch.long)
    most = math.ceil(count * share + 8 * math.sqrt(count * share)) + 16
    u = rng.uniform(most).double()
    gaps = torch.ones_like(u) if share >= 1 else (torch.log1p(-u) / math.log1p(-share)).floor_().add_(1)
    numbers = gaps.cumsum(0).long() - 1
    return numbers[numbers < count]
