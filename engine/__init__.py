"""Kelvin's engine: training networks with and without gradients, under equal budgets.

from engine import Experiment, Race
race = Race(Experiment.parse({"dataset": "moons", "lanes": ["annealing", "adam"], "budget":
{"currency": "evaluations", "amount": 1e6}})) for frame in race:
    print(frame.metrics["lanes"][0]["loss"])
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

__all__ = ["BadInput", "Experiment", "Race", "Recording", "catalogue", "parse_events"]

_HOME = {
    "BadInput": "errors",
    "Experiment": "experiment.model",
    "Race": "race.race",
    "Recording": "messages.recording",
    "catalogue": "catalogue",
    "parse_events": "race.interventions",
}


def __getattr__(name: str) -> Any:
    # Looked up on first use, so that a submodule can be imported without the rest (and without
    # waiting for it).
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
