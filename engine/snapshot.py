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

from engine.datasets.drawn import Drawn
from engine.errors import BadInput
from engine.evaluator.unwritten import dense
from engine.events import Script, parse_events
from engine.experiment import Experiment
from engine.optimizers import OPTIMIZERS
from engine.race import Race
from engine.stops import Best, Moment, Wreck

VERSION = 1
COUNTERS = ("evaluations", "flops", "seconds")
TOLD = ("step", "finished", "trouble", "stopped")


def take(race: Race) -> dict[str, Any]:
    """The race as it stands between two steps: tensors, numbers and texts in dicts and lists. The tensors are the race's own, not copies."""
    lanes = []
    for lane in race.lanes:
        state = {field.name: dense(getattr(lane.state, field.name)) for field in fields(lane.state)}
        counters = {name: getattr(lane.oracle, name) for name in COUNTERS}
        told = {name: getattr(lane, name) for name in TOLD}
        by_hand = {"optimizer": lane.optimizer.to_json(), "points": lane.points, "renewed": lane.oracle.renewed}
        looked_at = {"good": vars(lane.good), "best": lane.best and vars(lane.best), "wreck": lane.wreck and vars(lane.wreck)}
        lanes.append({"state": state, **told, **counters, **by_hand, **looked_at})
    events = {
        "done": race.done,
        "untold": race.events,
        "given": [event.to_json() for event in race.hands.given],
        "waiting": [{"event": event.to_json(), "lanes": sorted(left)} for event, left in race.hands.script.waiting],
    }
    return {"version": VERSION, "experiment": race.began.to_json(), "dataset": race.experiment.dataset.to_json(), "lanes": lanes, "events": events}


def put(race: Race, snapshot: Mapping[str, Any]) -> None:
    """Bring a new race of the same experiment to where the snapshot was taken; knobs, points and events that were changed by hand included."""
    hands, events = race.hands, snapshot["events"]
    if snapshot["dataset"] != race.began.dataset.to_json():
        hands.look_at(Drawn.of(snapshot["dataset"]["points"], snapshot["dataset"]["groups"]))
    for lane, saved in zip(race.lanes, snapshot["lanes"], strict=True):
        if saved["points"] is not None:
            hands.train_on(lane, Drawn.of(saved["points"], len(race.experiment.dataset.classes)))
        hands.replace(lane, OPTIMIZERS.build(saved["optimizer"]))
        for name, value in saved["state"].items():
            setattr(lane.state, name, value)
        for name in COUNTERS:
            setattr(lane.oracle, name, saved[name])
        for name in TOLD:
            setattr(lane, name, saved[name])
        lane.oracle.renewed = saved["renewed"]
        lane.good = Moment(**saved["good"])
        lane.best, lane.wreck = saved["best"] and Best(**saved["best"]), saved["wreck"] and Wreck(**saved["wreck"])
    race.done, race.events = list(events["done"]), list(events["untold"])
    hands.given = parse_events(events["given"])
    hands.script = Script(parse_events([entry["event"] for entry in events["waiting"]]), len(race.lanes))
    for (_, left), entry in zip(hands.script.waiting, events["waiting"], strict=True):
        left.intersection_update(entry["lanes"])


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
    try:
        put(race, _moved(snapshot, race.device))
    except (KeyError, TypeError):
        raise BadInput("snapshot", str(path), "a snapshot of a race by this version of Kelvin") from None
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
