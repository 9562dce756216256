"""A race in the middle, saved and taken up again.

Every random number is addressed by (seed, lane, step) and every mini-batch by its step, so the
optimizers' states and the counters are all there is to keep of the race itself; besides, which
frame came last and what its pictures were drawn from, so that the frames go on as well. The file is
a plain mapping of tensors and numbers, read without unpickling anything else. A population that is
nowhere written out is not written out here either.
"""

from __future__ import annotations

import hashlib
import io
import math
import pickle
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..datasets.hand_drawn import Drawn
from ..errors import BadInput
from ..experiment.model import Experiment
from ..experiment.stopping import Best, Moment, Start, Wreck
from ..optimizers import OPTIMIZERS, State
from ..populations import plain_values
from ..system.output_files import appearing
from .checkpoint_checks import check
from .interventions import Script, parse_events
from .race import Race

VERSION = 3
READ = (1, 2, 3)
"""Versions that are read: the first knew nothing of frames, the second nothing of checksums."""
HEAD = b"Kelvin race\r\n"
"""First bytes of a file since version 3; after them the SHA-256 of all that follows."""
COUNTERS = ("evaluations", "flops", "seconds")
TOLD = ("step", "finished", "trouble", "stopped")
ADDED = ("note", "barren")
"""Told, too, but not by snapshots that are older."""
STATE_ADDED = {"undone": 0, "pace": 1.0}
"""Fields of a method's state that older snapshots lack: nothing was undone."""
ARCHIVE = b"PK"
"""First bytes of what `torch.save` writes: of a file older than the checksum, or after it."""


def take(race: Race) -> dict[str, Any]:
    """The race as it stands between two steps: tensors, numbers and texts in dicts and lists. The
    tensors are the race's own, not copies.

    Raises:
        RuntimeError: a step was left half done.
    """
    torn = next((lane for lane in race.lanes if lane.torn), None)
    if torn is not None:
        raise RuntimeError(
            f"step {torn.step:,} of {torn.optimizer.label} was left half done; there is no "
            f"race between two steps to be kept"
        )
    lanes = []
    for lane in race.lanes:
        state = {
            field.name: plain_values.packed(getattr(lane.state, field.name))
            for field in fields(lane.state)
        }
        counters = {name: getattr(lane.oracle, name) for name in COUNTERS}
        told = {name: getattr(lane, name) for name in (*TOLD, *ADDED)}
        by_hand = {
            "optimizer": lane.optimizer.to_json(),
            "points": lane.points,
            "renewed": lane.oracle.renewed,
        }
        by_hand["remembers"] = lane.oracle.remembers(lane.state.population)
        looked_at: dict[str, Any] = {
            "good": vars(lane.good),
            "watched": lane.watched,
            "move": lane.move,
        }
        looked_at |= {
            name: getattr(lane, name) and vars(getattr(lane, name))
            for name in ("best", "wreck", "start")
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


def put(race: Race, snapshot: Mapping[str, Any]) -> None:
    """Bring a new race of the same experiment to where the snapshot was taken; knobs, points and
    events that were changed by hand included.
    """
    hands, events = race.hands, snapshot["events"]
    if snapshot["dataset"] != race.began.dataset.to_json():
        hands.look_at(Drawn.of(snapshot["dataset"]["points"], snapshot["dataset"]["groups"]))
    for lane, saved in zip(race.lanes, snapshot["lanes"], strict=True):
        if saved["points"] is not None:
            hands.train_on(lane, Drawn.of(saved["points"], len(race.experiment.dataset.classes)))
        hands.replace(lane, OPTIMIZERS.build(saved["optimizer"]))
        failed = lane.trouble  # there was no memory for it this time, say
        if saved["trouble"] is not None and saved["state"].keys() == {
            field.name for field in fields(State)
        }:
            lane.state = State(
                lane.state.estimate
            )  # it had failed, and this is what was left of it
        for name, value in saved["state"].items():
            setattr(lane.state, name, plain_values.unpacked(value))
        for name in COUNTERS:
            setattr(lane.oracle, name, saved[name])
        for name in (*TOLD, *(name for name in ADDED if name in saved)):
            setattr(lane, name, saved[name])
        lane.start = Start(**saved["start"]) if saved.get("start") else None
        if failed is not None:
            lane.trouble, lane.finished = saved["trouble"] or failed, True
        lane.oracle.renewed = saved["renewed"]
        if saved.get("remembers") and isinstance(lane.state.population, Tensor):
            lane.oracle.remember(lane.state.population, saved["remembers"])
        lane.good = Moment(**saved["good"])
        lane.best, lane.wreck = (
            saved["best"] and Best(**saved["best"]),
            saved["wreck"] and Wreck(**saved["wreck"]),
        )
        if snapshot["version"] > 1:
            lane.watched, lane.move = saved["watched"], saved["move"]
    race.done, race.events = list(events["done"]), list(events["untold"])
    hands.given = parse_events(events["given"])
    hands.script = Script(
        parse_events([entry["event"] for entry in events["waiting"]]), len(race.lanes)
    )
    for (_, left), entry in zip(hands.script.waiting, events["waiting"], strict=True):
        left.intersection_update(entry["lanes"])
    if snapshot["version"] > 1:
        race.k, race.closed = snapshot["frames"]["k"], snapshot["frames"]["closed"]
        race.observer.view.restore(snapshot["frames"]["view"])
    else:  # the frames up to here were given; their pictures begin again
        race.k, race.closed = math.floor(race.progress * race.marks), race.finished


def save(race: Race, path: Path, frames: Iterable[bytes] | None = None) -> Path:
    """Write a snapshot, whole or not at all.

    Args:
        race: between two steps.
        path: the file.
        frames: messages that belong to it, such as a recording so far: `load_with` gives them back.

    Raises:
        BadInput: the file cannot be written.
    """
    kept = take(race)
    if frames is not None:
        kept["messages"] = [torch.frombuffer(bytearray(one), dtype=torch.uint8) for one in frames]
    content = io.BytesIO()
    torch.save(kept, content)
    try:
        with appearing(path) as part, part.open("wb") as file:
            file.write(HEAD + hashlib.sha256(content.getbuffer()).digest())
            file.write(content.getbuffer())
    except OSError as error:
        raise BadInput(
            "snapshot", str(path), f"a file that can be written ({error.strerror})"
        ) from None
    return path


def load(path: Path) -> Race:
    """The race in a snapshot file, ready to go on.

    Raises:
        BadInput: the file is no snapshot, or its experiment cannot run here.
    """
    return load_with(path)[0]


def load_with(path: Path) -> tuple[Race, list[bytes] | None]:
    """The same, and the messages that were saved with it; None where none were.

    Raises:
        BadInput: the file is no snapshot, or its experiment cannot run here.
    """
    content = b""
    try:
        content, sound = _content(path)
        snapshot = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        experiment, version = snapshot["experiment"], snapshot["version"]
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
    ):  # all that torch says of a file that is none of its own
        cut = content.startswith(ARCHIVE) and "is cut off or damaged"
        raise BadInput(
            "snapshot", str(path), f"a snapshot of a race (this file {cut or 'is of another kind'})"
        ) from None
    if version not in READ:
        newer = isinstance(version, int) and version > VERSION
        raise BadInput(
            "snapshot.version",
            version,
            f"{READ[0]} to {VERSION}" + (" (a newer Kelvin made this one)" if newer else ""),
        )
    if version >= 3 and not sound:
        raise BadInput("snapshot", str(path), "a snapshot of a race (the file is damaged)")
    frames: dict[str, Any] = (
        snapshot.get("frames", {}) if version > 1 else {"marks": 200, "pictures": True}
    )
    try:
        race = Race(
            Experiment.parse(experiment), marks=frames["marks"], pictures=frames["pictures"]
        )
        for one in snapshot["lanes"]:
            one["state"] = STATE_ADDED | one["state"]
        check(snapshot, race)
        put(
            race,
            _moved(
                {name: value for name, value in snapshot.items() if name != "messages"}, race.device
            ),
        )
        messages = (
            [bytes(one.numpy()) for one in snapshot["messages"]] if "messages" in snapshot else None
        )
    except BadInput:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        raise BadInput(
            "snapshot", str(path), "a snapshot of a race by this version of Kelvin"
        ) from None
    return race, messages


def _content(path: Path) -> tuple[bytes, bool]:
    """What a file holds, and whether its checksum vouches for it; older files have none.

    Raises:
        BadInput: the checksum is another one.
    """
    data = path.read_bytes()
    if not data.startswith(HEAD):
        return data, False
    start = len(HEAD) + hashlib.sha256().digest_size
    if hashlib.sha256(memoryview(data)[start:]).digest() != data[len(HEAD) : start]:
        raise BadInput(
            "snapshot", str(path), "a snapshot of a race (the file is damaged or cut off)"
        )
    return data[start:], True


def _moved(value: Any, device: torch.device) -> Any:
    """The same values with every tensor on that device."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: _moved(entry, device) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_moved(entry, device) for entry in value)
    return value
