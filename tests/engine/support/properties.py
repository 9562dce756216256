"""Strategies for property tests: choices, and whole experiments, with settings from all over their
ranges.
"""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from engine.datasets import DATASETS, DatasetConfig
from engine.datasets.hand_drawn import encode_points
from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.networks import NETWORKS
from engine.optimizers import OPTIMIZERS
from engine.registry import Config, Registry, fields

MOST = 10_000
"""Of whole numbers: beyond it nothing new is written, and populations no longer fit in memory."""
FORMULAS = ("x^2 + 10*sin(3*y)", "|x − 1| + y²", "(x+y)(x-y)^2 + x^4", "max(x, y)**2")


def few(examples: int) -> settings:
    """So many examples, the same in every run, however slow the machine is."""
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def value_of(field: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Any value of a field, as the catalogue describes it."""
    found: st.SearchStrategy[Any]
    if "options" in field:
        found = st.sampled_from(field["options"])
    elif field["type"] == "boolean":
        found = st.booleans()
    elif field["type"] == "integer":
        least = field.get("minimum", 0)
        found = st.integers(least, max(least, min(field.get("maximum", MOST), MOST)))
    elif field["type"] == "number":
        found = st.floats(
            field.get("minimum"),
            field.get("maximum"),
            exclude_min="above" in field,
            exclude_max="below" in field,
            allow_nan=False,
            allow_infinity=False,
        )
    elif field["type"] == "array":
        least = field["item_minimum"]
        found = st.lists(st.integers(least, 64), max_size=min(3, field["max_items"])).map(tuple)
    else:
        found = st.just(field["default"])
    return st.one_of(st.none(), found) if field.get("optional") else found


@st.composite
def choices(draw: st.DrawFn, cls: type[Config], registry: Registry[Any]) -> Config:
    """A choice with some of its settings changed; those that do not go together stay as they are."""
    settled: dict[str, Any] = {}
    for field in fields(cls):
        if draw(st.booleans()):
            wish = {**settled, field["name"]: draw(value_of(field))}
            try:
                registry.build({"name": cls.name, **wish})
            except BadInput:
                continue
            settled = wish
    built: Config = registry.build({"name": cls.name, **settled})
    return built


@st.composite
def drawn_points(draw: st.DrawFn) -> dict[str, Any]:
    """Points drawn by hand, of two or three classes."""
    groups = draw(st.integers(2, 3))
    places = st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.integers(0, groups - 1))
    found = draw(st.lists(places, min_size=4, max_size=8))
    x = torch.tensor([one[:2] for one in found], dtype=torch.float32)
    y = torch.tensor([*range(groups), *(one[2] for one in found)][: len(found)])
    return {"name": "drawn", "groups": groups, "points": encode_points(x, y)}


@st.composite
def landscapes(draw: st.DrawFn) -> dict[str, Any]:
    """A landscape, typed or known, seen from anywhere."""
    value: dict[str, Any] = {"name": "landscape"}
    if draw(st.booleans()):
        value |= {"function": "formula", "formula": draw(st.sampled_from(FORMULAS))}
        value["reach"] = draw(st.floats(0.01, 1000))
    else:
        options = next(one for one in fields(DATASETS.get("landscape")) if "options" in one)
        value["function"] = draw(st.sampled_from([*options["options"]][:-1]))
    if draw(st.booleans()):
        value |= {"start_x": draw(st.floats(-1, 1)), "start_y": draw(st.floats(-1, 1))}
    return value


@st.composite
def datasets(draw: st.DrawFn, name: str) -> Any:
    """A dataset of that name that passes its own check."""
    if name == "drawn":
        return draw(drawn_points())
    if name == "landscape":
        return draw(landscapes())
    cls: type[DatasetConfig] = DATASETS.get(name)
    return draw(choices(cls, DATASETS))


@st.composite
def experiments(
    draw: st.DrawFn,
    dataset: st.SearchStrategy[Any] | None = None,
    network: str | None = None,
    method: str | None = None,
) -> Experiment:
    """An experiment that may be run, with as many of the drawn parts as go together.

    Args:
        draw: given by hypothesis.
        dataset: of these; small ones by default.
        network: of that name; one that is suggested, with other settings, by default.
        method: of the first lane; any by default.
    """
    value: dict[str, Any] = {
        "dataset": draw(datasets("moons") if dataset is None else dataset),
        "lanes": [],
    }
    names = [draw(st.sampled_from(OPTIMIZERS.names())) for _ in range(draw(st.integers(1, 3)))]
    names[0] = method or names[0]
    value["lanes"] = [choices(OPTIMIZERS.get(name), OPTIMIZERS) for name in names]
    value["lanes"] = [draw(lane) for lane in value["lanes"]]
    if network is not None:
        value["network"] = draw(choices(NETWORKS.get(network), NETWORKS))
    wishes: dict[str, st.SearchStrategy[Any]] = {
        "budget": st.one_of(
            st.fixed_dictionaries(
                {"currency": st.just("seconds"), "amount": st.floats(0.001, 86_400)}
            ),
            st.fixed_dictionaries(
                {
                    "currency": st.sampled_from(["evaluations", "flops"]),
                    "amount": st.floats(1, 1e15) | st.integers(1, 10**15),
                }
            ),
        ),
        "stop": st.fixed_dictionaries(
            {},
            optional={
                "target": st.just(0.0) | st.floats(-1e9, 1e9),
                "patience": st.floats(0.001, 1),
            },
        ),
        "seed": st.integers(0, 2**31 - 1),
        "threads": st.integers(1, 8),
        "device": st.sampled_from(["auto", "cpu"]),
        "precision": st.sampled_from(["float32", "tf32", "bf16"]),
        "loss": st.sampled_from(["cross-entropy", "squared-error", "hinge"]),
    }
    usual = draw(st.booleans())
    for name, wish in wishes.items():
        if usual or draw(st.booleans()):
            value[name] = draw(wish)
    while True:  # leave out what does not go together, until the rest does
        try:
            return Experiment.parse(value)
        except BadInput as error:
            field = error.field
            if field.startswith("lanes[") and len(value["lanes"]) > 1:
                value["lanes"].pop(int(field[6 : field.index("]")]))
            elif field.startswith("lanes["):
                value["lanes"] = [OPTIMIZERS.build("adam")]
            elif field.split(".")[0] in wishes:
                del value[field.split(".")[0]]
            elif field.startswith("network") and value.get("network") not in (None, network):
                value["network"] = network
            else:
                raise
