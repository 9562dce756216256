"""The flat form of experiments: one text per key, shared by links and the command line.

    dataset=spirals  dataset.noise=0.1  network=mlp  network.hidden=16,16  lanes=annealing,adam
    annealing.population_size=32  seconds=30  stop.target=0.05  seed=7

A lane's fields are addressed by its optimizer, or by its number (``lane2.learning_rate``) if two
lanes share one. A list is written with commas, an empty one or a missing value as ``none``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from ..datasets import DATASETS
from ..datasets.training_data import TrainingData
from ..errors import BadInput
from ..flat_values import number, read_value, settings_of, whole_number, write_value
from ..networks import NETWORKS
from ..optimizers import OPTIMIZERS
from ..oracle import Currency
from ..registry import Config, Fields
from ..system.input_checks import check
from .model import SUGGESTED_HIDDEN, Experiment, suggested_loss, suggested_network
from .start import Start
from .stopping import StopRules
from .suggestions import suggested_settings

CURRENCIES: tuple[Currency, ...] = get_args(Currency)
STOPS = tuple(f"stop.{name}" for name in StopRules.model_fields)
GROUPS: dict[str, type[Fields]] = {"training": TrainingData, "start": Start}
"""Groups of settings that are addressed as ``group.field``."""
GROUPED = tuple(f"{group}.{name}" for group, cls in GROUPS.items() for name in cls.model_fields)
TOP = (
    "dataset",
    "network",
    "loss",
    "lanes",
    *CURRENCIES,
    "seed",
    "seeds",
    "device",
    "precision",
    "threads",
)


def to_flat(experiment: Experiment) -> dict[str, str]:
    """Return the experiment as texts: names always, settings only if they differ from their
    defaults.
    """
    lanes = [lane.name for lane in experiment.lanes]
    flat = {
        "dataset": experiment.dataset.name,
        "network": experiment.network.name,
        "lanes": ",".join(lanes),
    }
    if experiment.network.name == experiment.dataset.only_network:  # left out: there is no other
        del flat["network"]
    flat[experiment.budget.currency] = write_value(experiment.budget.amount)
    flat |= {
        f"stop.{name}": write_value(value)
        for name, value in experiment.stop.model_dump().items()
        if value is not None
    }
    flat["seed"] = str(experiment.seed)
    if experiment.seeds != 1:
        flat["seeds"] = str(experiment.seeds)
    for name, cls in GROUPS.items():
        group = getattr(experiment, name)
        flat |= {
            f"{name}.{field}": write_value(getattr(group, field))
            for field in cls.model_fields
            if getattr(group, field) != getattr(cls(), field)
        }
    if experiment.loss != suggested_loss(experiment.dataset.kind, experiment.network.name):
        flat["loss"] = experiment.loss
    if experiment.device != "auto":
        flat["device"] = experiment.device
    if experiment.precision != "float32":
        flat["precision"] = experiment.precision
    if experiment.threads != 1:
        flat["threads"] = str(experiment.threads)
    suggested = (
        {"hidden": SUGGESTED_HIDDEN[experiment.dataset.kind]}
        if experiment.network.name == "mlp"
        else {}
    )
    flat |= settings_of("dataset", experiment.dataset)
    flat |= settings_of("network", experiment.network, suggested)
    for i, lane in enumerate(experiment.lanes):
        flat |= settings_of(
            lane.name if lanes.count(lane.name) == 1 else f"lane{i + 1}",
            lane,
            suggested_settings(experiment.dataset, type(lane), experiment.network),
        )
    return flat


def from_flat(
    flat: Mapping[str, str], base: Mapping[str, Any] | None = None, local_files: bool = False
) -> Experiment:
    """Return the experiment that the texts describe, starting from ``base`` (JSON values) or from
    the defaults.

    Args:
        flat: the texts by key.
        base: the values that they change.
        local_files: whether ``dataset.file`` may be a path on this machine, see `Experiment.parse`.

    Raises:
        BadInput: the first key that is unknown or whose value does not fit; the field named is the
            key.
    """
    check(flat)
    value: dict[str, Any] = {} if base is None else dict(base)
    for name, registry in (("dataset", DATASETS), ("network", NETWORKS)):
        if name in flat:
            value[name] = {"name": registry.get(flat[name], name).name}
    if "lanes" in flat:
        value["lanes"] = [
            {"name": OPTIMIZERS.get(name.strip(), "lanes").name}
            for name in flat["lanes"].split(",")
        ]
    for name in ("loss", "device", "precision"):
        if name in flat:
            value[name] = flat[name]
    for name in ("seed", "seeds", "threads"):
        if name in flat:
            value[name] = whole_number(name, flat[name])
    given = [currency for currency in CURRENCIES if currency in flat]
    if len(given) > 1:
        raise BadInput(given[1], flat[given[1]], f"one budget only ({given[0]} is given too)")
    if given:
        value["budget"] = {"currency": given[0], "amount": number(given[0], flat[given[0]])}
    stop = {
        key: None if text == "none" else number(key, text)
        for key, text in flat.items()
        if key in STOPS
    }
    if stop:
        value["stop"] = {
            **value.get("stop", {}),
            **{key.removeprefix("stop."): number for key, number in stop.items()},
        }
    for key, text in flat.items():
        if key in GROUPED:
            owner, _, name = key.partition(".")
            value[owner] = {
                **value.get(owner, {}),
                name: read_value(GROUPS[owner], name, text, key),
            }
    value.setdefault("dataset", {"name": "spirals"})
    value.setdefault("lanes", [{"name": "annealing"}, {"name": "adam"}])
    value.setdefault(
        "network",
        {"name": suggested_network(DATASETS.get(_name(value["dataset"]), "dataset"))},
    )
    for name in ("dataset", "network"):
        value[name] = (
            dict(value[name]) if isinstance(value[name], Mapping) else {"name": value[name]}
        )
    value["lanes"] = [
        dict(lane) if isinstance(lane, Mapping) else {"name": lane} for lane in value["lanes"]
    ]
    given_as: dict[tuple[int, str], str] = {}
    for key, text in flat.items():
        if key not in TOP and key not in STOPS and key not in GROUPED:
            field = _set(value, key, text)
            # lane1.momentum and sgd.momentum may be the same field.
            if (other := given_as.setdefault(field, key)) != key:
                raise BadInput(
                    key, text, f"one value only ({other} is given too, and is the same setting)"
                )
    return Experiment.parse(value, local_files)


def _name(choice: Any) -> Any:
    """Return the name in the JSON values of a dataset, network or method."""
    return choice.get("name") if isinstance(choice, Mapping) else choice


def _set(value: dict[str, Any], key: str, text: str) -> tuple[int, str]:
    """Set the value of one dotted key, and return its place: which object, which field."""
    owner, _, field = key.partition(".")
    lanes: list[dict[str, Any]] = value["lanes"]
    names = [lane["name"] for lane in lanes]
    places = {"dataset": value["dataset"], "network": value["network"]}
    places |= {f"lane{i + 1}": lane for i, lane in enumerate(lanes)}
    places |= {
        name: lane for name, lane in zip(names, lanes, strict=True) if names.count(name) == 1
    }
    if not field or owner not in places:
        raise BadInput(
            key,
            text,
            (
                f"one of {', '.join((*TOP, *STOPS, *GROUPED))}, or "
                f"{', '.join(f'{place}.FIELD' for place in places)}"
            ),
        )
    registry: Any = (
        DATASETS if owner == "dataset" else NETWORKS if owner == "network" else OPTIMIZERS
    )
    cls: type[Config] = registry.get(places[owner]["name"], owner)
    if owner == "dataset" and field == "file" and DATASETS.get(cls.name).needs_file:
        places[owner][field] = text
        return id(places[owner]), field
    field = cls.current(field)
    if field not in cls.model_fields:
        raise BadInput(
            key, text, f"one of {', '.join(f'{owner}.{name}' for name in cls.model_fields)}"
        )
    parsed = read_value(cls, field, text, key)
    try:
        registry.build({"name": cls.name, field: parsed}, owner)
    except BadInput as error:  # the message names the key as it was written, also an earlier name
        named = error.field.replace(f"{owner}.{field}", key, 1)
        raise BadInput(named, error.value, error.allowed) from None
    places[owner][field] = parsed
    return id(places[owner]), field
