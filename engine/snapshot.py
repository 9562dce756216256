"""A race in the middle, saved and taken up again.

Every random number is addressed by (seed, lane, step) and every mini-batch by its step, so the optimizers' states and the counters are all there is to keep. The file is a plain
mapping of tensors and numbers, read without unpickling anything else.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from engine.errors import BadInput
from engine.experiment import Experiment
from engine.race import Race

VERSION = 1
COUNTERS = ("evaluations", "flops", "seconds")


def take(race: Race) -> dict[str, Any]:
    """The race as it stands between two steps: tensors, numbers and texts in dicts and lists. The tensors are the race's own, not copies."""
    lanes = []
    for lane in race.lanes:
        state = {field.name: getattr(lane.state, field.name) for field in fields(lane.state)}
        counters = {name: getattr(lane.oracle, name) for name in COUNTERS}
        lanes.append({"state": state, "step": lane.step, "finished": lane.finished, "trouble": lane.trouble, **counters})
    return {"version": VERSION, "experiment": race.experiment.to_json(), "lanes": lanes}


def put(race: Race, snapshot: Mapping[str, Any]) -> None:
    """Bring a new race of the same experiment to where the snapshot was taken."""
    for lane, saved in zip(race.lanes, snapshot["lanes"], strict=True):
        for name, value in saved["state"].items():
            setattr(lane.state, name, value)
        for name in COUNTERS:
            setattr(lane.oracle, name, saved[name])
        lane.step, lane.finished, lane.trouble = saved["step"], saved["finished"], saved["trouble"]


def save(race: Race, path: Path) -> Path:
    """Write a snapshot, whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    torch.save(take(race), part)
    part.replace(path)
    return path


def load(path: Path) -> Race:
    """The race in a snapshot file, ready to go on.

    Raises:
        BadInput: the file is no snapshot, or its experiment cannot run here.
    """
    try:
        snapshot = torch.load(path, map_location="cpu", weights_only=True)
        experiment, version = snapshot["experiment"], snapshot["version"]
    except OSError as error:
        raise BadInput("snapshot", str(path), f"a readable file ({error.strerror})") from None
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError, ValueError):  # all that torch says of a file that is none of its own
        raise BadInput("snapshot", str(path), "a snapshot of a race") from None
    if version != VERSION:
        raise BadInput("snapshot.version", version, f"{VERSION}")
    race = Race(Experiment.parse(experiment))
    put(race, _moved(snapshot, race.device))
    return race


def _moved(value: Any, device: torch.device) -> Any:
    """The same values with every tensor on that device."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: _moved(entry, device) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_moved(entry, device) for entry in value)
    return value
