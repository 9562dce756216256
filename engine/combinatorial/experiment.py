"""A race of methods on one combinatorial problem, before it is run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from ..errors import BadInput, CannotRun, explain
from ..experiment.lanes import MAX_SEED, lane_entries, whole_number
from ..registry import Fields
from ..system.input_checks import check
from ..system.machine import memory_limit
from .instances import INSTANCES, InstanceConfig, with_token
from .meter import Budget
from .methods import METHODS, Method

GREEDY_FROM = 5000
"""Instances of more cities start from a greedy tour unless another start is asked for."""


class Outline(NamedTuple):
    """What is known of an instance before it is loaded, as methods ask for it to tell how much
    memory they need.

    Attributes:
        size: its number of cities, or of what else is counted.
        memory: bytes that it takes.
    """

    size: int
    memory: int

    def footprint(self) -> int:
        """Return the bytes that it takes."""
        return self.memory


class StopRules(Fields):
    """When a lane may end before its budget is spent."""

    gap: float | None = Field(
        None,
        ge=0,
        le=1000,
        description=(
            "A lane ends when its answer is at most this share above the best known, such as 0.01. "
            "Empty: no such rule."
        ),
        json_schema_extra={"label": "Target gap"},
    )
    length: int | None = Field(
        None,
        ge=0,
        le=10**15,
        description="A lane ends when its answer is at most this long or dear. Empty: no such "
        "rule.",
        json_schema_extra={"label": "Target length"},
    )


class CombinatorialExperiment(BaseModel):
    """A race before it is run.

    ``instance`` and the lanes may be given as names, as ``{"name": …, field: …}`` or as objects
    already built. Use `parse` for input from outside: it raises `BadInput`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    instance: SerializeAsAny[InstanceConfig] = Field(
        default_factory=lambda: INSTANCES.build("airports"), validate_default=True
    )
    lanes: tuple[SerializeAsAny[Method], ...] = Field(
        default_factory=lambda: ("annealing", "iterated"), validate_default=True
    )
    budget: Budget = Field(Budget(), description="What every lane may spend.")
    stop: StopRules = Field(StopRules(), description="When a lane may end early.")
    start: Literal["auto", "random", "greedy"] = Field(
        "auto",
        description=(
            "The tour that all lanes start from: random, or greedy (short edges first). Auto is "
            "random up to 5,000 cities."
        ),
    )
    seed: int = Field(0, ge=0, le=MAX_SEED, description="Sets all random numbers.")

    @property
    def seeds(self) -> int:
        """Return the number of seeds raced at once: one."""
        return 1

    @field_validator("instance", mode="before")
    @classmethod
    def _instance(cls, value: Any) -> InstanceConfig:
        instance = INSTANCES.build(value)
        instance.check()
        return instance

    @field_validator("seed", mode="before")
    @classmethod
    def _number(cls, value: Any, info: ValidationInfo) -> Any:
        return whole_number(value, info)

    @field_validator("lanes", mode="before")
    @classmethod
    def _lanes(cls, value: Any) -> tuple[Method, ...]:
        entries = lane_entries(value, "methods", METHODS.names())
        return tuple(METHODS.build(entry, f"lanes[{i}]") for i, entry in enumerate(entries))

    @model_validator(mode="after")
    def _can_run(self) -> CombinatorialExperiment:
        for i, lane in enumerate(self.lanes):
            if lane.outside and self.budget.currency != "seconds":
                raise CannotRun(
                    f"lanes[{i}]",
                    lane.name,
                    "a budget in seconds: the evaluations of a program of others cannot be counted",
                )
        return self

    def fits(self, instance: Any) -> None:
        """Check that every lane can run on the loaded instance, and that all fit in memory.

        Raises:
            CannotRun: a lane cannot.
        """
        for i, lane in enumerate(self.lanes):
            refusal = lane.refusal(instance)
            if refusal is not None:
                raise CannotRun(f"lanes[{i}]", lane.name, refusal)
        room = memory_limit("cpu")
        shared = instance.footprint()
        needed = [lane.footprint(instance) for lane in self.lanes]
        if shared + sum(needed) > room:
            each = max(1, (shared + sum(needed)) // max(1, instance.size))
            raise CannotRun(
                "instance",
                f"{instance.size:,} {instance.things} = {(shared + sum(needed)) / 2**30:.1f} GiB",
                f"at most about {int(room // each):,} {instance.things}, which fit in "
                f"{room / 2**30:.1f} GiB here with these methods",
            )

    def memory(self) -> int:
        """Return how many bytes the instance and the methods of all lanes use, approximately, with
        the processes of solvers of others.

        Raises:
            BadInput: the instance's file is no longer there.
        """
        outline: Any = Outline(self.instance.size(), self.instance.footprint())
        return int(outline.footprint() + sum(lane.footprint(outline) for lane in self.lanes))

    @classmethod
    def parse(cls, value: Any, local_files: bool = False) -> CombinatorialExperiment:
        """Return an experiment from JSON values.

        Args:
            value: the JSON values.
            local_files: whether ``instance.file``, a path on this machine, may be given instead of
                the token of a file: on the command line and in a notebook, never in input from a
                page, a link or a socket.

        Raises:
            BadInput: the first error, in one line.
        """
        if isinstance(value, CombinatorialExperiment):
            return value
        if not isinstance(value, Mapping):
            raise BadInput(
                "experiment",
                value,
                "an object with instance, lanes, budget, stop, start and seed",
            )
        check(value)
        try:
            return cls.model_validate(with_token(dict(value), local_files))
        except ValidationError as error:
            raise explain(error) from None

    def to_json(self) -> dict[str, Any]:
        """Return JSON values from which `parse` builds this experiment again."""
        return {
            "instance": self.instance.to_json(),
            "lanes": [lane.to_json() for lane in self.lanes],
            "budget": self.budget.model_dump(),
            "stop": self.stop.model_dump(),
            "start": self.start,
            "seed": self.seed,
        }
