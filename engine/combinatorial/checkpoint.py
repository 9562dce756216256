"""Save a race on a combinatorial problem between two steps, and continue it later.

The same kind of file as that of a race of networks, see `engine.system.checkpoint_file`. Every
random number is addressed by (seed, lane, step), so the methods' states and the counters are all
there is. What a solver of others has in mind cannot be saved: a race with such a lane has no
checkpoint.
"""

from __future__ import annotations

import importlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BadInput
from ..system import checkpoint_file
from .experiment import CombinatorialExperiment
from .instance import Known
from .interventions import parse_events
from .landing_problem import LandingProblem
from .methods import METHODS
from .pairing_problem import PairingProblem
from .problem import problem_of
from .race import CombinatorialRace
from .routes_problem import RoutesProblem
from .tour_problem import TourProblem

VERSION = 5
HOME = __package__ + "."
"""Only objects of classes of these modules are written and made again."""
STATE_RENAMED = {"heard": "recent_acceptance", "spread": "length_std"}
"""Fields of a method's state that older checkpoints call otherwise, and their names now."""
PROBLEMS = (TourProblem, RoutesProblem, PairingProblem, LandingProblem)
TOLD = ("step", "finished", "trouble", "stopped", "note", "torn")
COUNTERS = ("evaluations", "moves", "accepted", "seconds")


def can_be_saved(race: CombinatorialRace) -> bool:
    """Return whether a race can be saved: no solver of others is at work in it."""
    return not any(lane.method.outside for lane in race.lanes)


def take(race: CombinatorialRace) -> dict[str, Any]:
    """Return the state of a race between two steps: arrays, numbers and texts in dicts and lists.

    Raises:
        ValueError: a solver of others is at work in it.
    """
    if not can_be_saved(race):
        raise ValueError("what a program outside has found so far cannot be saved")
    objects = _Objects()
    edited = race.instance is not race.loaded
    return {
        "version": VERSION,
        "experiment": race.began.to_json(),
        "instance": (
            {"places": race.instance.places, "names": race.instance.names} if edited else None
        ),
        "known": None if race.best_known is None else asdict(race.best_known),
        "lanes": [
            {name: getattr(lane, name) for name in TOLD}
            | {
                "method": lane.method.to_json(),
                "meter": {name: getattr(lane.meter, name) for name in COUNTERS},
                "state": objects.packed(lane.state),
                "last": lane.last,
            }
            for lane in race.lanes
        ],
        "events": {
            "done": race.done,
            "untold": race.events,
            "given": [event.to_json() for event in race.hands.given],
            "waiting": [event.to_json() for event in race.hands.waiting],
        },
        "frames": {
            "marks": race.marks,
            "pictures": race.with_pictures,
            "k": race.k,
            "closed": race.closed,
        },
    }


def restored(kept: dict[str, Any]) -> CombinatorialRace:
    """Return the race of a saved state, ready to continue.

    Raises:
        BadInput: its experiment cannot run here.
        ValueError: a value in it is of another kind (also LookupError, TypeError, AttributeError).
    """
    frames, events = kept["frames"], kept["events"]
    race = CombinatorialRace(
        CombinatorialExperiment.parse(kept["experiment"]), frames["marks"], frames["pictures"]
    )
    if kept["instance"] is not None:
        race.instance = race.instance.at(kept["instance"]["places"], kept["instance"]["names"])
        race.problem = problem_of(race.instance)
        race.observer.watch()
    race.best_known = None if kept["known"] is None else Known(**kept["known"])
    objects = _Made(race.problem)
    for lane, saved in zip(race.lanes, kept["lanes"], strict=True):
        for name in TOLD:
            setattr(lane, name, saved[name])
        lane.method = METHODS.build(saved["method"])
        for name in COUNTERS:
            setattr(lane.meter, name, saved["meter"][name])
        lane.state, lane.last = objects.value(saved["state"]), saved["last"]
    race.experiment = race.experiment.model_copy(
        update={"lanes": tuple(lane.method for lane in race.lanes)}
    )
    race.done, race.events = list(events["done"]), list(events["untold"])
    race.hands.given = parse_events(events["given"])
    race.hands.waiting = parse_events(events["waiting"])
    race.k, race.closed = frames["k"], frames["closed"]
    return race


def save(race: CombinatorialRace, path: Path) -> Path:
    """Write a checkpoint. The file is written completely or not at all.

    Raises:
        BadInput: the file cannot be written.
        ValueError: a solver of others is at work in the race.
    """
    try:
        return checkpoint_file.write(path, take(race))
    except OSError as error:
        raise BadInput(
            "snapshot", str(path), f"a file that can be written ({error.strerror})"
        ) from None


class _Objects:
    """Objects as plain values, each once."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}

    def packed(self, value: Any) -> Any:
        if isinstance(value, PROBLEMS):
            return {"problem": True}
        if isinstance(value, np.random.Generator):
            return {"generator": value.bit_generator.state}
        if isinstance(value, list):
            return {"list": [self.packed(one) for one in value]}
        if isinstance(value, tuple):
            return {"tuple": [self.packed(one) for one in value]}
        if isinstance(value, dict):
            return {"dict": [[key, self.packed(one)] for key, one in value.items()]}
        if not type(value).__module__.startswith(HOME):
            return {"value": value}
        if id(value) in self._numbers:
            return {"same": self._numbers[id(value)]}
        number = self._numbers[id(value)] = len(self._numbers)
        kind = type(value)
        held = {name: self.packed(one) for name, one in vars(value).items()}
        return {"class": f"{kind.__module__}:{kind.__qualname__}", "number": number, "held": held}


class _Made:
    """Plain values as objects again.

    Args:
        problem: the one that all of them belong to.
    """

    def __init__(self, problem: Any) -> None:
        self.problem = problem
        self._objects: dict[int, Any] = {}

    def value(self, kept: Any) -> Any:
        if "class" in kept:
            module, _, name = kept["class"].partition(":")
            kind = getattr(importlib.import_module(module), name) if _known(module) else None
            if not isinstance(kind, type) or kind.__module__ != module:
                raise ValueError(f"no class of states: {kept['class']}")
            made: Any = object.__new__(kind)
            self._objects[kept["number"]] = made
            for field, one in kept["held"].items():
                object.__setattr__(made, STATE_RENAMED.get(field, field), self.value(one))
            return made
        ((what, inside),) = kept.items()
        match what:
            case "value":
                return inside
            case "problem":
                return self.problem
            case "same":
                return self._objects[inside]
            case "list":
                return [self.value(one) for one in inside]
            case "tuple":
                return tuple(self.value(one) for one in inside)
            case "dict":
                return {key: self.value(one) for key, one in inside}
            case "generator":
                generator = np.random.default_rng()
                generator.bit_generator.state = inside
                return generator
        raise ValueError(f"a value of an unknown kind, {what}")


def _known(module: str) -> bool:
    return module.startswith(HOME) and all(part.isidentifier() for part in module.split("."))
