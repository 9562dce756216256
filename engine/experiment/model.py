"""The experiment: everything needed to repeat a race.

It is validated once, on input. It is exchanged as JSON (files, the socket) and as a flat mapping of
texts (links, the command line's ``--set``); both give the same experiment.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import torch
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

from ..datasets import DATASETS, Dataset, DatasetConfig
from ..datasets.training_data import TrainingData
from ..errors import BadInput, CannotRun, explain
from ..losses import HEIGHT, LOSSES, get_loss
from ..networks import MLP, NETWORKS, Binary, Network, NetworkConfig, Transformer
from ..optimizers import OPTIMIZERS, Optimizer
from ..optimizers.base import FLOAT, Problem
from ..oracle import Currency
from ..populations.chunks import Precision
from ..registry import Fields
from ..system.arithmetic import MOST_THREADS
from ..system.input_checks import check
from ..system.machine import memory_limit
from ..uploads.store import of_path
from .lanes import MAX_SEED, lane_entries, whole_number
from .start import Start
from .stopping import StopRules
from .suggestions import suggest

SUGGESTED_HIDDEN: dict[str, tuple[int, ...]] = {
    "points": (16, 16),
    "images": (32,),
    "curve": (20,),
    "table": (8,),
}
"""Default hidden layers of an MLP, by kind of data."""

SUGGESTED_LOSS: dict[str, str] = {
    "points": "cross-entropy",
    "images": "cross-entropy",
    "curve": "squared-error",
    "table": "cross-entropy",
    "text": "cross-entropy",
    "function": "height",
}
"""Default loss, by kind of data."""

NETWORK_LOSS: dict[str, str] = {Binary.name: "margin"}
"""Default loss of a network on classes, if it is not the data's."""

SUGGESTED_NETWORK: dict[str, str] = {"text": Transformer.name}
"""Default network by kind of data, if it is not an MLP."""

MAX_AMOUNT: dict[Currency, float] = {"seconds": 86_400, "evaluations": 1e15, "flops": 1e21}
DEFAULT_AMOUNT: dict[Currency, float] = {"seconds": 30, "evaluations": 1e7, "flops": 1e12}
MAX_SEEDS = 16


def suggested_network(dataset: DatasetConfig | type[DatasetConfig] | None) -> str:
    """Return the name of the default network of a dataset."""
    if dataset is None:
        return MLP.name
    return dataset.only_network or SUGGESTED_NETWORK.get(dataset.kind, MLP.name)


def suggested_loss(kind: str, network: str | None) -> str:
    """Return the name of the default loss on a kind of data, with a network."""
    usual = SUGGESTED_LOSS[kind]
    return NETWORK_LOSS.get(network or "", usual) if usual == "cross-entropy" else usual


class Budget(Fields):
    """The budget of every lane."""

    currency: Currency = Field(
        "seconds",
        description="The unit of the budget: seconds of each lane's own time, "
        "evaluations, or FLOPs: "
        "the matrix products "
        "inside the networks and of the methods themselves; random numbers and "
        "sums are not counted, and a landscape's derivative counts as two evaluations.",
    )
    amount: float = Field(30.0, gt=0, description="The budget of each lane, in that unit.")

    @model_validator(mode="after")
    def _within_reason(self) -> Budget:
        if self.amount > MAX_AMOUNT[self.currency]:
            raise BadInput(
                "amount", self.amount, f"at most {MAX_AMOUNT[self.currency]:g} {self.currency}"
            )
        return self


SUGGESTED_BUDGET: dict[str, Budget] = {"function": Budget(currency="evaluations", amount=3000)}
"""Default budget by kind of data, if it is not the usual one."""


class Experiment(BaseModel):
    """A race before it is run.

    ``dataset``, ``network`` and the lanes may be given as names, as ``{"name": …, field: …}`` or as
    objects already built. Use `parse` for input from outside: it raises `BadInput`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    dataset: SerializeAsAny[DatasetConfig] = Field(
        default_factory=lambda: DATASETS.build("spirals"), validate_default=True
    )
    network: SerializeAsAny[NetworkConfig] = Field(
        default_factory=lambda: "", validate_default=True
    )
    loss: str = Field(
        "",
        validate_default=True,
        description="The function that every lane minimises; the default depends on the data.",
    )
    lanes: tuple[SerializeAsAny[Optimizer], ...] = Field(
        default_factory=lambda: ("annealing", "adam"), validate_default=True
    )
    budget: Budget = Field(default_factory=lambda: None, validate_default=True)
    stop: StopRules = Field(
        StopRules(), description="When a lane may end before its budget is spent."
    )
    seed: int = Field(
        0,
        ge=0,
        le=MAX_SEED,
        description="Sets the initial weights, the data and all random numbers.",
    )
    seeds: int = Field(
        1,
        ge=1,
        le=MAX_SEEDS,
        description="How many seeds are raced at once, from the seed upwards. Curves are then "
        "medians with quartiles; the race takes so many times as long.",
    )
    training: TrainingData = Field(
        TrainingData(), description="Which of the training samples are used, and how altered."
    )
    start: Start = Field(Start(), description="Where every lane starts.")
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Precision = Field(
        "float32",
        description="How populations are multiplied with their inputs: float32, tf32 (10 "
        "bits, where a "
        "GPU has it) or bf16 (8 bits). Losses are float32 always, "
        "and methods that compare them one by one multiply in float32 too.",
    )
    threads: int = Field(
        1,
        ge=1,
        le=MOST_THREADS,
        description="Processor threads that work on each step. With more of them large "
        "populations are "
        "faster; results with another number differ in their last digits, "
        "and races may then develop differently.",
    )

    @field_validator("dataset", mode="before")
    @classmethod
    def _dataset(cls, value: Any) -> DatasetConfig:
        dataset = DATASETS.build(value)
        dataset.check()
        return dataset

    @field_validator("network", mode="before")
    @classmethod
    def _network(cls, value: Any, info: ValidationInfo) -> NetworkConfig:
        dataset = info.data.get("dataset")
        if isinstance(value, str):
            value = {"name": value or suggested_network(dataset)}
        if (
            isinstance(value, dict)
            and value.get("name") == MLP.name
            and "hidden" not in value
            and dataset is not None
        ):
            value = {**value, "hidden": SUGGESTED_HIDDEN.get(dataset.kind, ())}
        network = NETWORKS.build(value)
        if dataset is not None and dataset.only_network not in (None, network.name):
            raise BadInput("network", network.name, f"{dataset.only_network} on {dataset.name}")
        if dataset is not None and dataset.kind == "text" and "text" not in network.kinds:
            raise BadInput(
                "network",
                network.name,
                (
                    f"one that reads characters on {dataset.name}: "
                    f"{', '.join(cls.name for cls in NETWORKS if 'text' in cls.kinds)}"
                ),
            )
        return network

    @field_validator("loss")
    @classmethod
    def _loss(cls, value: str, info: ValidationInfo) -> str:
        dataset = info.data.get("dataset")
        if dataset is None:  # its own error is reported instead
            return value
        network = info.data.get("network")
        name = None if network is None else network.name
        loss = get_loss(value or suggested_loss(dataset.kind, name))
        if (loss.name == HEIGHT) != (dataset.kind == "function"):
            raise BadInput(
                "loss",
                loss.name,
                f"{HEIGHT} on {dataset.name}"
                if dataset.kind == "function"
                else f"one of {', '.join(LOSSES)}",
            )
        if dataset.kind == "curve" and not loss.numbers:
            raise BadInput(
                "loss",
                loss.name,
                (
                    f"one for numbers on {dataset.name}: "
                    f"{', '.join(one.name for one in LOSSES.values() if one.numbers)}"
                ),
            )
        return loss.name

    @field_validator("seed", "seeds", "threads", mode="before")
    @classmethod
    def _number(cls, value: Any, info: ValidationInfo) -> Any:
        return whole_number(value, info)

    @field_validator("lanes", mode="before")
    @classmethod
    def _lanes(cls, value: Any, info: ValidationInfo) -> tuple[Optimizer, ...]:
        entries = lane_entries(value, "optimizers", OPTIMIZERS.names())
        return tuple(
            OPTIMIZERS.build(
                suggest(info.data.get("dataset"), entry, info.data.get("network")), f"lanes[{i}]"
            )
            for i, entry in enumerate(entries)
        )

    @field_validator("budget", mode="before")
    @classmethod
    def _budget(cls, value: Any, info: ValidationInfo) -> Any:
        dataset = info.data.get("dataset")
        return (
            SUGGESTED_BUDGET.get(dataset.kind if dataset is not None else "", Budget())
            if value is None
            else value
        )

    @model_validator(mode="after")
    def _can_run(self) -> Experiment:
        network = self.network.build_for(self.dataset)
        problem = problem_of(self.dataset, network, self.loss, self.training, self.device)
        for i, lane in enumerate(self.lanes):
            refusal = lane.refusal(problem)
            if refusal is None and network.batch_dependent and lane.required_oracle() == "jacobian":
                refusal = (
                    "a network that answers every sample by itself "
                    "(network.normalisation=group), or the method lbfgs"
                )
            if refusal is not None:
                raise CannotRun(f"lanes[{i}]", lane.name, refusal)
        target, lowest = self.stop.target, get_loss(self.loss).lowest
        if target is not None and lowest is not None and target < lowest:
            raise BadInput("stop.target", target, f"at least {lowest:g}, as no loss is lower")
        if self.seed + self.seeds - 1 > MAX_SEED:
            raise BadInput(
                "seeds", self.seeds, f"at most {MAX_SEED - self.seed + 1} from seed {self.seed} on"
            )
        self._fits(problem)
        return self

    def unused(self) -> list[str]:
        """Return what is set and does nothing in this race, a sentence each. It is no error: files
        and links of earlier versions hold such settings.
        """
        sentences = [*self.dataset.unused(), *self.start.unused()]
        if getattr(self.dataset, "start", None) is not None and self.start.law != "usual":
            sentences.append(
                f"dataset.start_x and start_y are not used: start.law={self.start.law} says where "
                f"lanes start."
            )
        return sentences

    def memory(self) -> int:
        """Return how many bytes the methods of all lanes and seeds use, approximately."""
        network = self.network.build_for(self.dataset)
        problem = problem_of(self.dataset, network, self.loss, self.training, self.device)
        return self.seeds * sum(lane.footprint(problem) for lane in self.lanes)

    def _fits(self, problem: Problem) -> None:
        """Reject lanes that do not fit into memory together, with every seed's; the error names
        the seeds where fewer of them fit, otherwise the largest lane.
        """
        room = memory_limit(self.device)
        needed = [lane.footprint(problem) for lane in self.lanes]
        if sum(needed) * self.seeds <= room:
            return
        if sum(needed) <= room:
            raise CannotRun(
                "seeds",
                f"{self.seeds} seeds of {sum(needed) / 2**30:.1f} GiB each",
                f"at most {int(room // sum(needed))} seeds, which fit in {room / 2**30:.1f} GiB "
                f"here together, or a smaller population, batch or network",
            )
        i = max(range(len(needed)), key=needed.__getitem__)
        lane, left = self.lanes[i], room - sum(needed) + needed[i]
        rows, each = lane.memory_rows(), problem.dimension * FLOAT
        value = (
            f"{lane.name}: {rows:,} × {problem.dimension:,} weights"
            if 2 * rows * each > needed[i]
            else f"{lane.name} with {problem.dimension:,} weights"
        )
        value += f" = {needed[i] / 2**30:.1f} GiB"
        allowed = (
            f"methods that fit in {room / 2**30:.1f} GiB here together: a smaller population, "
            f"batch or network"
        )
        if 2 * rows * each > needed[i]:
            most = max(0, int((left - (needed[i] - rows * each)) // each))
            allowed = (
                f"a population that fits in {max(0, left) / 2**30:.1f} GiB here (at most "
                f"{most:,} networks of this size), or a smaller network"
            )
            if most < 2:  # not even the smallest population fits
                allowed = (
                    f"a smaller network and population: not even two networks of this size fit "
                    f"in {room / 2**30:.1f} GiB here beside what the method itself takes"
                )
        if len(needed) > 1:
            allowed += (
                f"; all lanes together would take {sum(needed) / 2**30:.1f} of "
                f"{room / 2**30:.1f} GiB"
            )
        raise CannotRun(f"lanes[{i}]", value, allowed)

    @classmethod
    def parse(cls, value: Any, local_files: bool = False) -> Experiment:
        """Return an experiment from JSON values.

        Args:
            value: the JSON values.
            local_files: whether ``dataset.file``, a path on this machine, may be given instead of
                the token of a file: yes on the command line and in a notebook, never in input from
                a page, a link or a socket. The file is imported at once, and the experiment has its
                token.

        Raises:
            BadInput: the first error, in one line.
        """
        if isinstance(value, Experiment):
            return value
        if not isinstance(value, Mapping):
            raise BadInput(
                "experiment",
                value,
                (
                    "an object with dataset, network, loss, lanes, budget, stop, seed, seeds, "
                    "training, start, device, precision and threads"
                ),
            )
        check(value)
        start = value.get("start")
        if not local_files and isinstance(start, Mapping) and start.get("file") is not None:
            raise BadInput(
                "start.file",
                start["file"],
                "none; a path is read from the command line and in a notebook only",
            )
        try:
            return cls.model_validate(with_token(dict(value), local_files))
        except ValidationError as error:
            raise explain(error) from None

    def to_json(self) -> dict[str, Any]:
        """Return JSON values from which `parse` builds this experiment again. A single seed is not
        written as a number of seeds, so earlier versions read it.
        """
        return {
            "dataset": self.dataset.to_json(),
            "network": self.network.to_json(),
            "loss": self.loss,
            "lanes": [lane.to_json() for lane in self.lanes],
            "budget": self.budget.model_dump(),
            "stop": self.stop.model_dump(),
            "seed": self.seed,
            **({"seeds": self.seeds} if self.seeds > 1 else {}),
            **self._unusual(),
            "device": self.device,
            "precision": self.precision,
            "threads": self.threads,
        }

    def _unusual(self) -> dict[str, Any]:
        """Return the groups of settings that are left out of JSON while they are at their
        defaults.
        """
        groups = {"training": self.training, "start": self.start}
        return {
            name: group.model_dump(mode="json", exclude_defaults=True)
            for name, group in groups.items()
            if group != type(group)()
        }

    def load(self) -> Dataset:
        """Load the samples that this experiment trains on, on the CPU.

        Raises:
            BadInput: they are not available, or the options of `training` do not fit them.
        """
        return self.training.apply(self.dataset.load(self.seed), self.seed)


def one_seed(experiment: Experiment, place: int) -> Experiment:
    """Return the experiment of one of its seeds, by its place from 0, as a race of that seed."""
    return experiment.model_copy(update={"seed": experiment.seed + place, "seeds": 1})


def with_token(value: dict[str, Any], local_files: bool) -> dict[str, Any]:
    """Return an experiment's JSON values with a file's token in place of its path.

    Raises:
        BadInput: a path where none is allowed, or to a file that cannot be used.
    """
    dataset = value.get("dataset")
    if (
        not isinstance(dataset, Mapping)
        or "file" not in dataset
        or dataset.get("name") not in DATASETS
        or not DATASETS.get(dataset["name"]).needs_file
    ):
        return value
    rest = {key: entry for key, entry in dataset.items() if key != "file"}
    if not local_files:
        raise BadInput(
            "dataset.file",
            dataset["file"],
            "an uploaded file; a path is read from the command line and in a notebook only",
        )
    return {**value, "dataset": {**rest, "token": of_path(str(dataset["file"])).token}}


def problem_of(
    dataset: DatasetConfig,
    network: Network,
    loss: str,
    training: TrainingData | None = None,
    device: str = "cpu",
) -> Problem:
    """Return the facts about an experiment that methods need before it runs."""
    inputs, activations = math.prod(dataset.shape), network.activations
    return Problem(
        network.dimension,
        len(dataset.classes),
        (training or TrainingData()).size(dataset.sizes()[0], len(dataset.classes)),
        network.layers,
        loss,
        dataset.kind,
        inputs,
        network.peak_activations,
        activations,
        network.binary,
        pick_device(device).type if device == "auto" else device,
    )


def pick_device(name: str) -> torch.device:
    """Return the device of that name; "auto" uses cuda, then mps, then cpu.

    Raises:
        CannotRun: this machine does not have the device.
    """
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, there in present.items() if there))
    if not present[name]:
        raise CannotRun(
            "device",
            name,
            (
                f"one that is here: auto, "
                f"{', '.join(kind for kind, there in present.items() if there)}"
            ),
        )
    return torch.device(name)
