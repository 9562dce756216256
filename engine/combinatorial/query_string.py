"""The flat form of experiments on combinatorial problems: one text per key, shared by links and the
command line.

    instance=random  instance.cities=200  lanes=annealing,iterated  annealing.schedule=cosine
    seconds=10  stop.gap=0.01  start=greedy  seed=7

A lane's fields are addressed by its method, or by its number (``lane2.neighbours``) if two lanes
share one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import BadInput
from ..flat_values import number, read_value, settings_of, whole_number, write_value
from ..registry import Config
from ..system.input_checks import check
from .experiment import CombinatorialExperiment, StopRules
from .instances import INSTANCES
from .meter import CURRENCIES
from .methods import METHODS

STOPS = tuple(f"stop.{name}" for name in StopRules.model_fields)
TOP = ("instance", "lanes", *CURRENCIES, "start", "seed")


def to_flat(experiment: CombinatorialExperiment) -> dict[str, str]:
    """Return the experiment as texts: names always, settings only if they differ from their
    defaults.
    """
    lanes = [lane.name for lane in experiment.lanes]
    flat = {"instance": experiment.instance.name, "lanes": ",".join(lanes)}
    flat[experiment.budget.currency] = write_value(experiment.budget.amount)
    flat |= {
        f"stop.{name}": write_value(value)
        for name, value in experiment.stop.model_dump().items()
        if value is not None
    }
    if experiment.start != "auto":
        flat["start"] = experiment.start
    flat["seed"] = str(experiment.seed)
    flat |= settings_of("instance", experiment.instance)
    for i, lane in enumerate(experiment.lanes):
        owner = lane.name if lanes.count(lane.name) == 1 else f"lane{i + 1}"
        flat |= settings_of(owner, lane)
    return flat


def from_flat(
    flat: Mapping[str, str], base: Mapping[str, Any] | None = None, local_files: bool = False
) -> CombinatorialExperiment:
    """Return the experiment that the texts describe.

    Args:
        flat: the texts by key.
        base: JSON values that they change; the defaults if None.
        local_files: see `CombinatorialExperiment.parse`.

    Raises:
        BadInput: the first key that is unknown or whose value does not fit.
    """
    check(flat)
    value: dict[str, Any] = {} if base is None else dict(base)
    if "instance" in flat:
        value["instance"] = {"name": INSTANCES.get(flat["instance"], "instance").name}
    if "lanes" in flat:
        value["lanes"] = [
            {"name": METHODS.get(name.strip(), "lanes").name} for name in flat["lanes"].split(",")
        ]
    if "start" in flat:
        value["start"] = flat["start"]
    if "seed" in flat:
        value["seed"] = whole_number("seed", flat["seed"])
    given = [currency for currency in CURRENCIES if currency in flat]
    if len(given) > 1:
        raise BadInput(given[1], flat[given[1]], f"one budget only ({given[0]} is given too)")
    if given:
        value["budget"] = {"currency": given[0], "amount": number(given[0], flat[given[0]])}
    stop = {
        key.removeprefix("stop."): None
        if text == "none"
        else read_value(StopRules, key.removeprefix("stop."), text, key)
        for key, text in flat.items()
        if key in STOPS
    }
    if stop:
        base_stop = value.get("stop") or {}
        if not isinstance(base_stop, Mapping):
            raise BadInput("stop", base_stop, f"an object with {', '.join(StopRules.model_fields)}")
        value["stop"] = {**base_stop, **stop}
    value.setdefault("instance", {"name": "airports"})
    value["instance"] = _object(value["instance"])
    value["lanes"] = lanes_of(value)
    for key, text in flat.items():
        if key not in TOP and key not in STOPS:
            _set(value, key, text)
    return CombinatorialExperiment.parse(value, local_files)


def lanes_of(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the lanes among an experiment's JSON values, each as an object; the usual ones if
    there are none.

    Raises:
        BadInput: they are no list.
    """
    lanes = value.get("lanes", ["annealing", "iterated"])
    if isinstance(lanes, str | Mapping) or not isinstance(lanes, Iterable):
        raise BadInput("lanes", lanes, f"a list of methods ({', '.join(METHODS.names())})")
    return [_object(lane) for lane in lanes]


def _object(choice: Any) -> dict[str, Any]:
    return dict(choice) if isinstance(choice, Mapping) else {"name": choice}


def _set(value: dict[str, Any], key: str, text: str) -> None:
    """Set the value of one dotted key."""
    owner, _, field = key.partition(".")
    lanes: list[dict[str, Any]] = value["lanes"]
    names = [lane.get("name") for lane in lanes]
    places = {"instance": value["instance"]}
    places |= {f"lane{i + 1}": lane for i, lane in enumerate(lanes)}
    places |= {
        str(name): lane for name, lane in zip(names, lanes, strict=True) if names.count(name) == 1
    }
    if not field or owner not in places:
        raise BadInput(
            key,
            text,
            f"one of {', '.join((*TOP, *STOPS))}, or "
            f"{', '.join(f'{place}.FIELD' for place in places)}",
        )
    registry: Any = INSTANCES if owner == "instance" else METHODS
    cls: type[Config] = registry.get(places[owner].get("name"), owner)
    if owner == "instance" and field == "file" and INSTANCES.get(cls.name).needs_file:
        places[owner][field] = text
        return
    field = cls.current(field)
    if field not in cls.model_fields:
        raise BadInput(
            key, text, f"one of {', '.join(f'{owner}.{name}' for name in cls.model_fields)}"
        )
    parsed = read_value(cls, field, text, key)
    try:
        registry.build({"name": cls.name, field: parsed}, owner)
    except BadInput as error:
        named = error.field.replace(f"{owner}.{field}", key, 1)
        raise BadInput(named, error.value, error.allowed) from None
    places[owner][field] = parsed
