"""Save a race between two steps, and continue it later.

Every random number is addressed by (seed, lane, step) and every mini-batch by its step, so the race
itself is saved completely by the optimizers' states and the counters. The number of the last frame
and the state that its picture was drawn from are saved too, so that the frames continue as well.
Files are safetensors, see `engine.system.checkpoint_file`; those of earlier versions were written
by PyTorch and are read without unpickling anything but tensors and numbers. A population that is
not stored in memory as a whole is not written out here either. A race of several seeds is saved as
the races of each.
"""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..datasets.hand_drawn import HandDrawn
from ..errors import BadInput
from ..experiment.model import Experiment, one_seed
from ..experiment.stopping import BestSoFar, Divergence, LaneCheck, Start
from ..optimizers import OPTIMIZERS, State
from ..populations import plain_values
from ..system import checkpoint_file
from .checkpoint_checks import check
from .interventions import InterventionQueue, parse_events
from .race import Race
from .seed_races import SeedRaces

VERSION = 3
SEEDS_VERSION = 4
READ = (1, 2, 3, 4, 5)
OF_NETWORKS = (1, 2, 3, 4)
MISFITS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""Exceptions raised by values that do not fit."""
"""Versions that can be read. Version 1 has no frames, version 2 no checksums; version 4 has several
seeds, version 5 is a race on a combinatorial problem.
"""
COUNTERS = ("evaluations", "flops", "seconds")
COUNTERS_ADDED = ("core_seconds", "rounds", "partial_flops")
"""Counters of the oracle that older snapshots lack."""
TOLD = ("step", "finished", "trouble", "stopped")
ADDED = ("note", "barren")
"""Counters that older snapshots lack."""
STATE_ADDED = {"undone": 0, "pace": 1.0}
"""Fields of a method's state that older snapshots lack; their default: no step was undone."""
STATE_RENAMED = {"heard": "recent_acceptance", "spread": "loss_std"}
"""Fields of a method's state that older snapshots call otherwise, and their names now."""
ARCHIVE = b"PK\x03\x04"
"""First bytes of what `torch.save` writes: at the start of an old file, or after the checksum."""


def take(race: Race) -> dict[str, Any]:
    """Return the state of a race between two steps: tensors, numbers and texts in dicts and lists.
    The tensors are the race's own, not copies.

    Raises:
        RuntimeError: a step is incomplete.
    """
    torn = next((lane for lane in race.lanes if lane.torn), None)
    if torn is not None:
        raise RuntimeError(
            f"step {torn.step:,} of {torn.optimizer.label} was left incomplete; there is no "
            f"race between two steps to save"
        )
    lanes = []
    for lane in race.lanes:
        state = {
            field.name: plain_values.packed(getattr(lane.state, field.name))
            for field in fields(lane.state)
        }
        counters = {name: getattr(lane.oracle, name) for name in (*COUNTERS, *COUNTERS_ADDED)}
        told = {name: getattr(lane, name) for name in (*TOLD, *ADDED)}
        by_hand = {
            "optimizer": lane.optimizer.to_json(),
            "points": lane.points,
            "renewed": lane.oracle.dataset_changed,
        }
        by_hand["remembers"] = lane.oracle.remembers(lane.state.population)
        looked_at: dict[str, Any] = {
            "good": vars(lane.good),
            "watched": lane.watched,
            "move": lane.move,
        }
        looked_at |= {
            name: known and vars(known)
            for name, known in (
                ("best", lane.best),
                ("wreck", lane.divergence),  # the name that older checkpoints use
                ("start", lane.start),
            )
        }
        lanes.append({"state": state, **told, **counters, **by_hand, **looked_at})
    events = {
        "done": race.done,
        "untold": race.events,
        "given": [event.to_json() for event in race.hands.given],
        "waiting": [
            {"event": event.to_json(), "lanes": sorted(left)}
            for event, left in race.hands.script.waiting
        ],
    }
    frames = {
        "marks": race.marks,
        "pictures": race.with_pictures,
        "k": race.k,
        "closed": race.closed,
        "view": race.observer.view.keep(),
    }
    about = {
        "version": VERSION,
        "experiment": race.began.to_json(),
        "dataset": race.experiment.dataset.to_json(),
    }
    return {**about, "lanes": lanes, "events": events, "frames": frames}


def take_seeds(race: SeedRaces) -> dict[str, Any]:
    """Return the state of a race of several seeds, as `take` does of one."""
    return {
        "version": SEEDS_VERSION,
        "experiment": race.began.to_json(),
        "races": [take(one) for one in race.races],
        "seeds": {
            "marks": race.marks,
            "pictures": race.with_pictures,
            "place": race.place,
            "k": race.k,
            "closed": race.closed,
            "table": torch.from_numpy(race.table.copy()),
            "untold": race.untold,
            "given": [event.to_json() for event in race.given],
        },
    }


def put(race: Race, snapshot: Mapping[str, Any]) -> None:
    """Restore a snapshot into a new race of the same experiment, with the hyperparameters, points
    and interventions that were changed during the race.
    """
    hands, events = race.hands, snapshot["events"]
    if snapshot["dataset"] != race.began.dataset.to_json():
        hands.look_at(HandDrawn.of(snapshot["dataset"]["points"], snapshot["dataset"]["groups"]))
    for lane, saved in zip(race.lanes, snapshot["lanes"], strict=True):
        if saved["points"] is not None:
            hands.train_on(
                lane, HandDrawn.of(saved["points"], len(race.experiment.dataset.classes))
            )
        hands.replace(lane, OPTIMIZERS.build(saved["optimizer"]))
        failed = lane.trouble  # for example, out of memory this time
        if saved["trouble"] is not None and saved["state"].keys() == {
            field.name for field in fields(State)
        }:
            lane.state = State(lane.state.estimate)  # the lane had failed, and this was kept of it
        for name, value in saved["state"].items():
            setattr(lane.state, name, plain_values.unpacked(value))
        for name in (*COUNTERS, *(name for name in COUNTERS_ADDED if name in saved)):
            setattr(lane.oracle, name, saved[name])
        for name in (*TOLD, *(name for name in ADDED if name in saved)):
            setattr(lane, name, saved[name])
        lane.start = Start(**saved["start"]) if saved.get("start") else None
        if failed is not None:
            lane.trouble, lane.finished = saved["trouble"] or failed, True
        lane.oracle.dataset_changed = saved["renewed"]
        if saved.get("remembers") and isinstance(lane.state.population, Tensor):
            lane.oracle.remember(lane.state.population, saved["remembers"])
        lane.good = LaneCheck(**saved["good"])
        lane.best, lane.divergence = (
            saved["best"] and BestSoFar(**saved["best"]),
            saved["wreck"] and Divergence(**saved["wreck"]),
        )
        if snapshot["version"] > 1:
            lane.watched, lane.move = saved["watched"], saved["move"]
    race.observer.final.clear()
    race.done, race.events = list(events["done"]), list(events["untold"])
    hands.given = parse_events(events["given"])
    hands.script = InterventionQueue(
        parse_events([entry["event"] for entry in events["waiting"]]), len(race.lanes)
    )
    for (_, left), entry in zip(hands.script.waiting, events["waiting"], strict=True):
        left.intersection_update(entry["lanes"])
    if snapshot["version"] > 1:
        race.k, race.closed = snapshot["frames"]["k"], snapshot["frames"]["closed"]
        race.observer.view.restore(snapshot["frames"]["view"])
    else:  # frames up to here were already sent; start the pictures again
        race.k, race.closed = math.floor(race.progress * race.marks), race.finished


def save(race: Race | SeedRaces, path: Path, frames: Iterable[bytes] | None = None) -> Path:
    """Write a snapshot. The file is written completely or not at all.

    Args:
        race: a race between two steps.
        path: the file.
        frames: messages to keep with it, such as the recording so far; `load_with` returns them.

    Raises:
        BadInput: the file cannot be written.
    """
    kept = take_seeds(race) if isinstance(race, SeedRaces) else take(race)
    if frames is not None:
        kept["messages"] = list(frames)
    try:
        checkpoint_file.write(path, kept)
    except OSError as error:
        raise BadInput(
            "snapshot", str(path), f"a file that can be written ({error.strerror})"
        ) from None
    return path


def load(path: Path) -> Race:
    """Return the race in a snapshot file, of one seed, ready to continue.

    Raises:
        BadInput: the file is not a snapshot, or its experiment cannot run here.
    """
    return load_with(path)[0]


def load_with(path: Path) -> tuple[Race, list[bytes] | None]:
    """Return the race in a snapshot file, of one seed, and the messages saved with it (None if
    there are none).

    Raises:
        BadInput: the file is not a snapshot, its experiment cannot run here, or has several seeds.
    """
    race, messages = load_any(path)
    if isinstance(race, SeedRaces):
        raise BadInput("snapshot", str(path), "a snapshot of a race of one seed")
    return race, messages


def load_any(path: Path) -> tuple[Race | SeedRaces, list[bytes] | None]:
    """Return the same as `load_with`, of one seed or of several.

    Raises:
        BadInput: the file is not a snapshot, or its experiment cannot run here.
    """
    snapshot = read(path)
    if snapshot["version"] not in OF_NETWORKS:
        raise BadInput("snapshot", str(path), "a snapshot of a race of networks")
    with fitting(path):
        race = restored(snapshot)
        messages = (
            [
                one if isinstance(one, bytes) else bytes(one.numpy())  # as earlier versions wrote
                for one in snapshot["messages"]
            ]
            if "messages" in snapshot
            else None
        )
    return race, messages


@contextmanager
def fitting(path: Path) -> Iterator[None]:
    """Refuse a file whose values do not fit, wherever in the block that is found out."""
    try:
        yield
    except BadInput:
        raise
    except MISFITS as error:
        if any(word in str(error) for word in ("alloc", "out of memory")):
            raise  # the file may be sound
        raise BadInput(
            "snapshot", str(path), "a snapshot of a race by this version of Kelvin"
        ) from None


def read(path: Path) -> dict[str, Any]:
    """Return the saved state in a file, of a race of any kind.

    Raises:
        BadInput: the file is not a snapshot, or was made by a newer Kelvin.
    """
    content = b""
    try:
        content, sound = _content(path)
        snapshot = (
            torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
            if content.startswith(ARCHIVE) or not sound
            else checkpoint_file.parse(content)
        )
        version = snapshot["version"]
        snapshot["experiment"]
    except BadInput:
        raise
    except OSError as error:
        raise BadInput("snapshot", str(path), f"a readable file ({error.strerror})") from None
    except (
        pickle.UnpicklingError,
        RuntimeError,
        EOFError,
        LookupError,
        AttributeError,
        TypeError,
        ValueError,
    ):
        # Torch reports a foreign file by any of these.
        cut = content.startswith(ARCHIVE) and "is cut off or damaged"
        raise BadInput(
            "snapshot", str(path), f"a snapshot of a race (this file {cut or 'is of another kind'})"
        ) from None
    if version not in READ:
        newer = isinstance(version, int) and version > READ[-1]
        raise BadInput(
            "snapshot.version",
            version,
            f"{READ[0]} to {READ[-1]}" + (" (a newer Kelvin made this one)" if newer else ""),
        )
    if version >= 3 and not sound:
        raise BadInput("snapshot", str(path), "a snapshot of a race (the file is damaged)")
    found: dict[str, Any] = snapshot
    return found


def restored(snapshot: dict[str, Any]) -> Race | SeedRaces:
    """Return the race of a saved state, of one seed or of several.

    Raises:
        BadInput: its experiment cannot run here, or a value in it does not fit the race.
    """
    return _all_seeds(snapshot) if snapshot["version"] == SEEDS_VERSION else _restored(snapshot)


def _restored(snapshot: dict[str, Any]) -> Race:
    """Return the race of one seed in a snapshot.

    Raises:
        BadInput: a value in it does not fit the race.
    """
    frames: dict[str, Any] = (
        snapshot.get("frames", {}) if snapshot["version"] > 1 else {"marks": 200, "pictures": True}
    )
    race = Race(
        Experiment.parse(snapshot["experiment"]),
        marks=frames["marks"],
        pictures=frames["pictures"],
    )
    for one in snapshot["lanes"]:
        state = {STATE_RENAMED.get(name, name): value for name, value in one["state"].items()}
        one["state"] = STATE_ADDED | state
    check(snapshot, race)
    put(
        race,
        _moved(
            {name: value for name, value in snapshot.items() if name != "messages"}, race.device
        ),
    )
    return race


def _all_seeds(snapshot: dict[str, Any]) -> SeedRaces:
    """Return the race of several seeds in a snapshot.

    Raises:
        BadInput: a value in it does not fit the race.
        ValueError: the races are not those of its seeds.
    """
    experiment, about = Experiment.parse(snapshot["experiment"]), snapshot["seeds"]
    races = [_restored(one) for one in snapshot["races"]]
    if [race.began for race in races] != [
        one_seed(experiment, place) for place in range(experiment.seeds)
    ]:
        raise ValueError("its races are of other seeds")
    race = SeedRaces(
        experiment, about["marks"], about["pictures"], parse_events(about["given"]), races
    )
    table = about["table"].numpy()
    if table.shape != race.table.shape or table.dtype != race.table.dtype:
        raise ValueError("its table has another shape")
    if about["place"] not in range(experiment.seeds):
        raise ValueError("it follows a seed that is not raced")
    race.place = about["place"]
    race.with_pictures = about["pictures"]
    race.table, race.untold = table, list(about["untold"])
    race.k, race.closed = int(about["k"]), bool(about["closed"])
    return race


def _content(path: Path) -> tuple[bytes, bool]:
    """Return the content of a file and whether a checksum confirms it. Older files have no
    checksum.

    Raises:
        BadInput: the checksum does not match.
    """
    data = path.read_bytes()
    if not checkpoint_file.is_checkpoint(data):
        return data, False
    try:
        return checkpoint_file.content(data), True
    except ValueError as error:
        raise BadInput("snapshot", str(path), f"a snapshot of a race ({error})") from None


def _moved(value: Any, device: torch.device) -> Any:
    """Return the same values with every tensor on that device."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: _moved(entry, device) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_moved(entry, device) for entry in value)
    return value
