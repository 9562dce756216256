"""What an optimizer is: hyperparameters, a first state, and one step."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import Field
from torch import Tensor

from engine.networks.base import Layer
from engine.oracle import Oracle, Sees
from engine.registry import Choice, Registry
from engine.rng import Rng


@dataclass
class State:
    """Everything an optimizer carries from step to step, and what the race shows of it.

    Methods subclass it for their own tensors. All tensors live on the race's device.

    Attributes:
        estimate: (D,) the weights the method would deploy now.
        population: (P, D) its particles, or None where it has a single network.
        losses: (P,) the particles' losses when last evaluated, or None.
        estimate_loss: loss of the estimate on the batch it was last judged on, where the method knows it.
        temperature: the current temperature, or None.
        plan: the temperature the schedule asks for now, or None.
        acceptance: share of proposals accepted lately, or None.
        target: the acceptance aimed at, or None.
        metrics: further numbers worth showing, by name (spread, step size, …).
        vectors: further rows of numbers worth showing, by name: the temperature of every replica, the swap rate of every rung.
    """

    estimate: Tensor
    population: Tensor | None = None
    losses: Tensor | None = None
    estimate_loss: float | None = None
    temperature: float | None = None
    plan: float | None = None
    acceptance: float | None = None
    target: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    vectors: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """What is known of an experiment before it runs.

    Attributes:
        dimension: D, the number of weights.
        outputs: K, the network's outputs for one sample.
        samples: training samples.
        layers: where each tensor of weights lies in the packed vector.
        loss: name of the loss.
        kind: of the dataset.
    """

    dimension: int
    outputs: int
    samples: int
    layers: tuple[Layer, ...]
    loss: str
    kind: str

    def batch_of(self, batch: int) -> int:
        """Samples in one step of a method with that batch size; 0 takes all."""
        return self.samples if batch == 0 else min(batch, self.samples)


class Optimizer(Choice):
    """A method and its hyperparameters (the pydantic fields). It holds no state; `init` makes one and `step` moves it on."""

    family: ClassVar[str]
    """Annealing, Kalman, Swarm, Gradient, …: groups the picker."""
    sees: ClassVar[Sees]
    """The most it asks of the oracle. Asking for more is an error."""
    paper: ClassVar[str]
    """Authors, year and link of the source."""
    sentence: ClassVar[str]
    """One honest sentence on when it shines and when it fails; the page shows it."""

    batch: int = Field(
        0,
        ge=0,
        le=65536,
        description="Samples looked at in one step; 0 takes all of them.",
        json_schema_extra={"step": 16, "unit": "samples", "advanced": True},
    )

    def seen(self) -> Sees:
        """What this configuration asks of the oracle: `sees`, or less."""
        return self.sees

    def refusal(self, problem: Problem) -> str | None:
        """Why it cannot run that experiment: what would be allowed and which method to take instead, as a phrase after "expected". None where it can."""
        return None

    def population_size(self) -> int:
        """Rows of D float32 numbers kept alive at once, for the memory check before a race."""
        return 1

    @abstractmethod
    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> State:
        """The first state from the shared first weights.

        Args:
            theta: (D,) first weights, the same for every lane. Must not be changed in place.
            rng: at step 0.
            oracle: its batch is drawn already; what is asked here is charged like anything else.
        """

    @abstractmethod
    def step(self, state: State, rng: Rng, oracle: Oracle) -> State:
        """One iteration on the oracle's current batch. May change the state in place and return it."""

    def planned(self, state: State, progress: float) -> float | None:
        """The temperature the schedule has in store at a share of the budget, or None where there is no such plan."""
        return None

    def reheat(self, state: State, factor: float) -> bool:
        """Multiply the temperature by a factor, by hand, while it runs. False where the method has no temperature."""
        return False


OPTIMIZERS: Registry[Optimizer] = Registry("optimizer")
