"""What an optimizer is: hyperparameters, a first state, one step, what one step is in words, and
what a visitor may change in between.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, Self

import torch
from pydantic import Field, ValidationError
from torch import Tensor
from typing_extensions import TypeVar

from ..errors import BadInput, explain
from ..kernels import row_blocks
from ..networks.base import Layer
from ..oracle import Oracle, Sees
from ..populations import chunks
from ..random.rng import Rng
from ..registry import Config, Registry, fields

FLOAT, DOUBLE = 4, 8
"""Bytes of a number."""
HELPERS = 5
"""Rows of D numbers that a step needs besides: a gradient, a scale, a difference."""
STRIPS = 8
"""Arrays of the size of a strip (`engine.kernels.row_blocks`) that an update works on."""


Shows = Literal["asked", "answered", "moved", "improved", "resampled", "swapped", "reshaped"]
"""What there are pictures of, see `Phase`."""


@dataclass(frozen=True)
class Phase:
    """A part of one step, for people who watch it in slow motion.

    Attributes:
        name: one or two words.
        line: what happens, in one plain line that is exact for this very method.
        shows: what a picture of it shows: "asked", the points the oracle was asked about;
            "answered", the same with their losses; "moved", the particles (or the estimate, where
            there are none that stay) after the step; "improved", which points are new bests, and
            the estimate; "resampled", which members died and which were copied; "swapped", which
            replicas traded temperatures; "reshaped", the distribution before and after.
        of: which part of that, "" for all of it. Of what was asked: "here", where the step begins;
            "tries", everywhere else; "first", the first of those. Of what moved: the weights that
            the method has marked by that name (`Oracle.mark`), or, with "respread", those that
            came after "updated".
    """

    name: str
    line: str
    shows: Shows
    of: Literal["", "here", "first", "tries", "descended", "updated", "respread"] = ""


@dataclass(frozen=True)
class Asked:
    """What a step asked the oracle about, or an even choice of it: for `Optimizer.accepted_rows`.

    Attributes:
        points: (m, D).
        values: (m,) the losses there.
        rows: (m,) int64, each one's row in its question.
    """

    points: Tensor
    values: Tensor
    rows: Tensor


REGAINED = 1.1
"""How many times as long steps may be after one that was kept."""


@dataclass
class State:
    """Everything an optimizer carries from step to step, and what the race shows of it.

    Methods subclass it for their own tensors. All tensors live on the race's device.

    Attributes:
        estimate: (D,) the weights the method would deploy now.
        population: (P, D) its particles, or None where it has a single network.
        losses: (P,) the particles' losses when last evaluated, or None.
        estimate_loss: loss of the estimate on the batch it was last judged on, where the method
            knows it.
        temperature: the current temperature, or None.
        plan: the temperature the schedule asks for now, or None.
        acceptance: share of proposals accepted lately, or None.
        target: the acceptance aimed at, or None.
        metrics: further numbers worth showing that a step finds anyway, by name (step size, σ, …);
            for others see `Optimizer.diagnostics`.
        vectors: further rows of numbers worth showing, by name: the temperature of every replica,
            the swap rate of every rung.
        stale: whether losses kept from earlier steps belong to other weights or other samples,
            because the visitor changed them; `losses_stale` asks for it.
        undone: steps taken back, because no loss was finite where they led.
        pace: share of its step size that a method takes. Each undone step halves it, else the
            next one would lead to the same place; every other step lets it grow again, up to 1.
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
    stale: bool = False
    undone: int = 0
    pace: float = 1.0

    def undo(self) -> None:
        """Count a step that is taken back, and make the next ones shorter."""
        self.undone, self.pace = self.undone + 1, self.pace / 2

    def keep(self) -> None:
        """Let the steps grow again after one that led to a finite loss."""
        self.pace = min(1.0, self.pace * REGAINED)


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
        inputs: numbers of one sample.
        peak_activations: the most activations one sample has alive in a layer.
        activations: how many one sample leaves on its way through.
        binary: whether only the signs of weights count.
        device: kind of the device that it runs on, "cpu" or "cuda".
    """

    dimension: int
    outputs: int
    samples: int
    layers: tuple[Layer, ...]
    loss: str
    kind: str
    inputs: int = 0
    peak_activations: int = 0
    activations: int = 0
    binary: bool = False
    device: str = "cpu"

    def batch_of(self, batch: int) -> int:
        """Return the samples in one step of a method with that batch size; 0 takes all."""
        return self.samples if batch == 0 else min(batch, self.samples)


S = TypeVar("S", bound=State, default=Any)
"""The state of one method."""


class Optimizer(Config, Generic[S]):
    """A method and its hyperparameters (the pydantic fields). It holds no state; `init` makes one
    and `step` moves it on.
    """

    family: ClassVar[str]
    """Annealing, Kalman, Swarm, Gradient, …: groups the picker."""
    sees: ClassVar[Sees]
    """The most it asks of the oracle. Asking for more is an error."""
    paper: ClassVar[str]
    """Authors, year and link of the source."""
    sentence: ClassVar[str]
    """One honest sentence on when it shines and when it fails; the page shows it."""
    phases: ClassVar[tuple[Phase, ...]]
    """One step in words: two to five parts, in order."""
    selects: ClassVar[bool] = False
    """Whether it only compares losses, each with one other or for the best, so that a member that
    was not judged may count as infinitely bad. Its last step is then cut to the members that the
    budget pays for."""
    sampled: ClassVar[bool] = False
    """Whether its population is merely this step's samples, so that what moves is the estimate
    alone."""

    batch: int = Field(
        0,
        ge=0,
        le=65536,
        description="Samples looked at in one step; 0 takes all of them.",
        json_schema_extra={"step": 16, "unit": "samples", "advanced": True},
    )

    def required_oracle(self) -> Sees:
        """Return what this configuration asks of the oracle: `sees`, or less."""
        return self.sees

    def refusal(self, problem: Problem) -> str | None:
        """Return why it cannot run that experiment, as a phrase after "expected": what would be
        allowed, and which method to take instead. None if it can.
        """
        return None

    def memory_rows(self) -> int:
        """Return how many rows of D float32 numbers it keeps at once."""
        return 1

    def footprint(self, problem: Problem) -> int:
        """Estimate the bytes of its largest moment, for the memory check before a race: what it
        keeps, what it asks about, and what answering takes.

        A little more than it is, rather than less. Methods that make something larger than that of
        their rows (a Jacobian, a matrix of all pairs of members) add it.
        """
        rows = self.memory_rows()
        strips = (
            STRIPS * min(rows * problem.dimension, row_blocks.numbers_of(problem.device))
            if self.required_oracle() in ("loss", "outputs")
            else 0
        )
        return FLOAT * ((rows + HELPERS) * problem.dimension + strips + self._answering(problem))

    def asked(self) -> int:
        """Return the most members that it asks about in one question."""
        return 1 if self.required_oracle() in ("gradient", "jacobian") else self.memory_rows()

    def _answering(self, problem: Problem) -> int:
        """Estimate how many numbers one answer of the oracle takes beside the population, by what
        this configuration asks for.
        """
        batch, asked = problem.batch_of(self.batch), self.asked()
        samples = 2 * batch * problem.inputs  # a mini-batch is a copy
        at_once = 4 * min(
            asked * batch * problem.peak_activations,
            max(chunks.floats_at_once(problem.device), 64 * problem.peak_activations),
        )
        outputs = 4 * asked * batch * problem.outputs if self.required_oracle() == "outputs" else 0
        through = (
            {"gradient": 6, "jvp": 4 * asked, "jacobian": 6}.get(self.required_oracle(), 0)
            * batch
            * problem.activations
        )
        # The signs of ±1 weights change with every direction, and are made for each.
        signs = (
            10 * asked * problem.dimension
            if problem.binary and self.required_oracle() == "jvp"
            else 0
        )
        return samples + at_once + outputs + through + signs

    @abstractmethod
    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> S:
        """Return the first state.

        Args:
            theta: (D,) first weights, the same for every lane. Must not be changed in place.
            rng: at step 0.
            oracle: its batch is drawn already; what is asked here is charged like anything else.
        """

    @abstractmethod
    def step(self, state: S, rng: Rng, oracle: Oracle) -> S:
        """Advance by one iteration on the oracle's current batch. May change the state in place and
        return it.
        """

    def planned_temperature(self, state: S, progress: float) -> float | None:
        """Return the temperature that the schedule plans for a share of the budget; None where
        there is no plan.
        """
        return None

    def reheat(self, state: S, factor: float) -> bool:
        """Multiply the temperature by a factor, for the visitor, while it runs. False where the
        method has no temperature.
        """
        return False

    def knobs(self) -> list[dict[str, Any]]:
        """Return the fields that may be turned while it runs: those marked ``live``, which `step`
        reads afresh (or `on_hyperparameter_change` takes in) and which change no tensor's shape.

        A field may carry a ``knob``, its label while it runs ("σ" of "First σ"), and a ``metric``,
        the name of the number in `State.metrics` that tells what the method has since made of it by
        itself.

        Returns:
            As `registry.fields` describes them, with ``value``, what it was set to last, for
            ``default``, and ``metric`` where there is one.
        """
        knobs = []
        for entry in fields(type(self)):
            if entry.pop("live", False):
                extra = type(self).model_fields[entry["name"]].json_schema_extra
                assert isinstance(extra, dict)
                del entry["default"]
                entry["value"], entry["label"] = (
                    getattr(self, entry["name"]),
                    extra.get("knob", entry["label"]),
                )
                knobs.append(entry | ({"metric": extra["metric"]} if "metric" in extra else {}))
        return knobs

    def with_hyperparameter(self, field: str, value: Any) -> Self:
        """Return a copy with another value of a hyperparameter. `on_hyperparameter_change`, called
        on the copy, then adapts the state.

        Raises:
            BadInput: the field may not be turned while it runs, or the value is out of its range.
        """
        live, field = [knob["name"] for knob in self.knobs()], type(self).current(field)
        if field not in live:
            raise BadInput(
                str(field), value, f"a knob that may be turned while it runs: {', '.join(live)}"
            )
        try:
            return type(self).model_validate(self.model_dump(exclude_unset=True) | {field: value})
        except ValidationError as error:
            raise explain(error) from None

    def on_hyperparameter_change(self, state: S, field: str, value: Any) -> None:
        """Take a turned knob into the state, where the method keeps it there. Called on the new
        optimizer, with the value as validated.
        """

    def set_weight(self, state: S, index: int, value: float) -> None:
        """Set one weight of the estimate, for the visitor.

        All that the method remembers as weights (particles, means, bests) moves along by the same
        difference, so that it goes on from there and no memory draws it back. Losses remembered
        from before are `stale` and evaluated again, at the usual charge, where the next step
        compares with them.

        Args:
            state: of the method; gets new tensors, none is changed in place.
            index: of the weight in the packed vector.
            value: what it shall be.

        Raises:
            BadInput: there is no such weight, or the value is no number.
        """
        if (
            isinstance(index, bool)
            or not isinstance(index, int)
            or not 0 <= index < state.estimate.numel()
        ):
            raise BadInput(
                "index", index, f"the number of a weight, from 0 to {state.estimate.numel() - 1:,}"
            )
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            raise BadInput("value", value, "a finite number")
        greatest = torch.finfo(state.estimate.dtype).max
        if abs(value) > greatest:
            raise BadInput("value", value, f"a number from −{greatest:.3g} to {greatest:.3g}")
        difference = value - float(state.estimate[index])
        state.estimate = state.estimate.clone()
        state.estimate[index] = value
        state.population = (
            None if state.population is None else shifted(state.population, index, difference)
        )
        self.shift_memory(state, index, difference)
        state.estimate_loss, state.stale = None, True

    def shift_memory(self, state: S, index: int, difference: float) -> None:
        """Move the weights that only this method remembers, as `set_weight` moves the others."""

    def diagnostics(self, state: S) -> dict[str, float]:
        """Measure what is shown of a population and no step needs, by name; asked for when a frame
        is due.
        """
        return {}

    def before(self, state: S) -> Tensor | None:
        """Return the weights (D,) before the last step, where `way_back` says there is a way."""
        return None

    def way_back(self, state: S) -> bool:
        """Return whether it can go back to where it was before its last step, and will where
        nothing it asks about has a finite loss.
        """
        return False

    def reevaluated(self, state: S) -> tuple[Tensor, ...]:
        """Return the rows of weights, (…, D) each, that a step evaluates again only because their
        losses are `losses_stale`: they are not what this step tries.
        """
        return (
            (state.estimate.unsqueeze(0),)
            if state.population is None
            else (state.estimate.unsqueeze(0), state.population)
        )

    def accepted_rows(self, state: S, asked: Asked) -> Tensor | None:
        """Return which of the points asked about in the last step were accepted, (m,) bool; None
        where the method accepts them all, mixes them, or its state does not tell.
        """
        return None

    def covariance(self, state: S, axes: Tensor) -> Tensor | None:
        """Return how the distribution that the next samples come from spreads along axes (2, D), in
        units of each layer's natural size: (2, 2). None where no such distribution is learned.
        """
        return None


def shifted(weights: Tensor, index: int, difference: float) -> Tensor:
    """Return weights (…, D) with a difference added to one of them, as a new tensor."""
    weights = weights.clone()
    weights[..., index] += difference
    return weights


def same_rows(weights: Tensor | None, asked: Asked) -> Tensor | None:
    """Return which of the points asked about are now the very row of the weights (P, D) they were
    asked for: (m,) bool; None without any weights.
    """
    return (
        None
        if weights is None
        else (weights[asked.rows.clamp(max=len(weights) - 1)] == asked.points).all(1)
    )


def losses_stale(state: State, oracle: Oracle) -> bool:
    """Return whether losses kept from earlier steps cannot be compared with new ones, because the
    mini-batch is another one (the luckiest batch would win for ever) or the visitor changed weights
    or samples. To be asked once a step.
    """
    stale, state.stale = state.stale, False
    return stale or oracle.batch_changed


OPTIMIZERS: Registry[Optimizer] = Registry("optimizer")
