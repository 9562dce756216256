"""Settings that suit a landscape, where nobody chose any.

A network's weights have a natural size and its losses are of the order of one; a landscape may be a
thousand wide and a thousand high. Methods that scale their steps by the oracle's own unit need no
help; those with an absolute step do. Populations are smaller than on networks, so that single
points can be told apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ..datasets.base import DatasetChoice
from ..datasets.landscape import Landscapes
from ..landscapes.benchmark_functions import Landscape
from ..optimizers import OPTIMIZERS, Optimizer
from ..registry import fields

STRIDE = 0.004
"""How far methods whose step does not depend on the slope's size go in one step, as a share of the
landscape's size."""
WARMTH = 0.02
"""Temperature at the start, as a share of how high the ground mostly rises above its lowest
point."""
DIGITS = 2

NORMALISED = frozenset({"adam", "adamw", "rmsprop", "adagrad", "signsgd", "rprop"})
PLAIN = frozenset(
    {
        "sgd",
        "nesterov",
        "coolmomentum",
        "finite-differences",
        "forward-gradient",
        "hybrid",
        "langevin",
        "mezo",
        "spsa",
    }
)
CROWDS = {"population_size": 24, "new_harmonies": 24, "pairs": 12}
"""Fields that say how many points a method looks at in one step, and how many are enough to see."""
SETTLED: dict[str, dict[str, Any]] = {
    "eki": {"init_std": 0.3},
    "adamw": {"weight_decay": 0.0},
    "annealing": {"population_size": 16},
    "parallel-tempering": {"population_size": 12},
    "spsa": {"alpha": 0.602, "gamma": 0.101},
}
"""Settings of single methods: an ensemble spread over half the ground cannot settle in a valley,
and where nothing is nought there is nothing to decay to. More chains find more valleys, and a loss
costs nothing there; SPSA settles as its paper has it. The defaults of these three are chosen for
networks (README)."""


def suggest(dataset: DatasetChoice | None, lane: Any) -> Any:
    """A lane as JSON values, with what is suggested for the dataset where it says nothing; anything
    else is left as it is.
    """
    if not isinstance(dataset, Landscapes):
        return lane
    value = {"name": lane} if isinstance(lane, str) else lane
    if not isinstance(value, Mapping) or value.get("name") not in OPTIMIZERS:
        return lane
    method = OPTIMIZERS.get(value["name"])
    given = {method.current(str(field)) for field in value}
    suggested = suggested_settings(dataset, method).items()
    return {field: setting for field, setting in suggested if field not in given} | dict(value)


def suggested_settings(dataset: DatasetChoice, cls: type[Optimizer]) -> dict[str, Any]:
    """Field → value, for the fields of a method that are better set otherwise than by their
    defaults on that dataset.
    """
    return dict(_on_landscape(dataset.landscape(), cls)) if isinstance(dataset, Landscapes) else {}


@lru_cache(maxsize=512)
def _on_landscape(landscape: Landscape, cls: type[Optimizer]) -> tuple[tuple[str, Any], ...]:
    found: dict[str, Any] = dict(SETTLED.get(cls.name, {}))
    described = {field["name"]: field for field in fields(cls)}
    for name in CROWDS.keys() & described.keys():
        if (
            described[name]["type"] == "integer"
            and (described[name]["default"] or 0) > CROWDS[name]
        ):
            found[name] = max(CROWDS[name], int(described[name].get("minimum", 1)))
    if cls.name == "langevin":
        found["initial_temperature"] = _within(
            described["initial_temperature"], WARMTH * landscape.rise
        )
    if "learning_rate" in described:
        rate = None
        if cls.name in NORMALISED:
            rate = STRIDE * sum(landscape.size) / 2
        elif cls.name in PLAIN:
            rate = 0.3 / landscape.stiffness if landscape.stiffness > 0 else None
        if rate is not None:
            found["learning_rate"] = _within(described["learning_rate"], rate)
    return tuple(found.items())


def _within(field: Mapping[str, Any], value: float) -> float:
    """The value, rounded, within the field's range."""
    return min(
        max(float(f"{value:.{DIGITS}g}"), field.get("minimum", 0)), field.get("maximum", value)
    )
