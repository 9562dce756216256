"""Kelvin's engine: training networks with and without gradients, under equal budgets.

    from engine import Experiment, Race

    budget = {"currency": "evaluations", "amount": 1e6}
    lanes = ["annealing", "adam"]
    race = Race(Experiment.parse({"dataset": "moons", "lanes": lanes, "budget": budget}))
    for frame in race:
        print(frame.metrics["lanes"][0]["loss"])

Installed with pip the package is called ``kelvin``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .catalogue import catalogue
    from .errors import BadInput
    from .experiment.model import Experiment
    from .messages.recording import Recording
    from .race.interventions import parse_events
    from .race.race import Race
    from .race.seed_races import SeedRaces

__version__ = "0.3.0"
__all__ = [
    "BadInput",
    "Experiment",
    "Race",
    "Recording",
    "SeedRaces",
    "__version__",
    "catalogue",
    "parse_events",
]

_HOME = {
    "BadInput": "errors",
    "Experiment": "experiment.model",
    "Race": "race.race",
    "Recording": "messages.recording",
    "SeedRaces": "race.seed_races",
    "catalogue": "catalogue",
    "parse_events": "race.interventions",
}


def __getattr__(name: str) -> Any:
    # Imported on first use, so that a submodule can be imported without the rest (and its import
    # time).
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
