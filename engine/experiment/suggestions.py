"""Default settings for landscapes, and for weights of ±1, used where the user has set none.

A network's weights have a natural scale and its losses are of the order of one; a landscape may be
a thousand wide and a thousand high. Methods that scale their steps by the oracle's own unit need no
adjustment; those with an absolute step do. Populations are smaller than on networks, so that single
points can be seen.

Chains on a network of ±1 weights flip one weight at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ..datasets.base import DatasetConfig
from ..datasets.landscape import Landscapes
from ..landscapes.benchmark_functions import Landscape
from ..networks import Binary, NetworkConfig
from ..optimizers import OPTIMIZERS, Optimizer
from ..registry import fields

STRIDE = 0.004
"""Step length, as a share of the landscape's size, for methods whose step does not depend on the
gradient's size.
"""
WARMTH = 0.02
"""Initial temperature, as a share of the typical height of the landscape above its minimum."""
DIGITS = 2

NORMALISED = frozenset({"adam", "adamw", "rmsprop", "adagrad", "signsgd", "rprop", "multistart"})
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
"""Hyperparameters for the population size, and values small enough to see single points."""
SETTLED: dict[str, dict[str, Any]] = {
    "eki": {"init_std": 0.3},
    "adamw": {"weight_decay": 0.0},
    "annealing": {"population_size": 16},
    "parallel-tempering": {"population_size": 12},
    "spsa": {"alpha": 0.602, "gamma": 0.101},
}
"""Settings of single methods. An ensemble spread over half the landscape cannot converge into a
valley, and weight decay towards 0 means nothing if no coordinate 0 is special. More chains find
more valleys, and a loss is cheap there; SPSA decays as in its paper. The defaults of these three
methods are chosen for networks (README).
"""


FLIPS: dict[str, Any] = {"proposal": "flip", "block_fraction": 1e-6}
"""Settings of Metropolis chains on a network of ±1 weights: one weight flips, however few there
are."""


def suggest(dataset: DatasetConfig | None, lane: Any, network: NetworkConfig | None = None) -> Any:
    """Return a lane as JSON values, with suggestions for the dataset and the network where the lane
    sets nothing. Everything else is unchanged.
    """
    if not isinstance(dataset, Landscapes) and not isinstance(network, Binary):
        return lane
    value = {"name": lane} if isinstance(lane, str) else lane
    if not isinstance(value, Mapping) or value.get("name") not in OPTIMIZERS:
        return lane
    method = OPTIMIZERS.get(value["name"])
    given = {method.current(str(field)) for field in value}
    suggested = suggested_settings(dataset, method, network)
    if value.get("proposal", "flip") != "flip":  # another one moves its usual share of the weights
        suggested = {name: entry for name, entry in suggested.items() if name not in FLIPS}
    return {name: entry for name, entry in suggested.items() if name not in given} | dict(value)


def suggested_settings(
    dataset: DatasetConfig | None, cls: type[Optimizer], network: NetworkConfig | None = None
) -> dict[str, Any]:
    """Return field → value for the fields of a method whose defaults do not suit that dataset or
    that network.
    """
    if isinstance(dataset, Landscapes):
        return dict(_on_landscape(dataset.landscape(), cls))
    return dict(FLIPS) if isinstance(network, Binary) and "proposal" in cls.model_fields else {}


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
    """Round the value and clip it to the field's range."""
    return min(
        max(float(f"{value:.{DIGITS}g}"), field.get("minimum", 0)), field.get("maximum", value)
    )
