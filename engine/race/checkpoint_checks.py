"""Check that a snapshot fits its race: exactly the expected keys, every value of its kind and in
its range, every tensor of the shape the race has.

A file may have been edited, or written by another version. What does not fit is rejected before any
of it is put into the race.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from torch import Tensor

from ..experiment.stopping import BestSoFar, Divergence, LaneCheck, Start
from ..optimizers import State
from ..populations import plain_values
from ..populations.base import Population

if TYPE_CHECKING:
    from .lane import Lane
    from .race import Race

Count = Annotated[int, Field(ge=0)]
MOST_MARKS = 1_000_000
OPEN = ConfigDict(arbitrary_types_allowed=True, strict=True)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)


class _Lane(_Strict):
    """The saved fields of a lane. Fields that older versions did not save have a default."""

    state: dict[str, Any]
    step: Count
    finished: bool
    trouble: str | None
    stopped: str | None
    note: str | None = None
    barren: Count = 0
    evaluations: Count
    flops: Count
    partial_flops: Count = 0
    seconds: float = Field(ge=0, allow_inf_nan=False)
    core_seconds: float = Field(0.0, ge=0, allow_inf_nan=False)
    rounds: Count = 0
    optimizer: dict[str, Any]
    points: str | None
    renewed: bool
    remembers: Literal["held", "missed"] | None = None
    good: dict[str, Any]
    best: dict[str, Any] | None
    wreck: dict[str, Any] | None
    start: dict[str, Any] | None = None
    watched: bool = True
    move: tuple[Tensor, Tensor] | None = None


class _Waiting(_Strict):
    event: dict[str, Any]
    lanes: list[Count]


class _Events(_Strict):
    done: list[dict[str, Any]]
    untold: list[dict[str, Any]]
    given: list[dict[str, Any]]
    waiting: list[_Waiting]


class _Frames(_Strict):
    marks: int = Field(ge=1, le=MOST_MARKS)
    pictures: bool
    k: int = Field(ge=-1, le=MOST_MARKS)
    closed: bool
    view: dict[str, Any]


class _Snapshot(_Strict):
    version: int
    experiment: dict[str, Any]
    dataset: dict[str, Any]
    lanes: list[_Lane]
    events: _Events
    frames: _Frames | None = None
    messages: list[bytes] | list[Tensor] | None = None


def check(snapshot: Mapping[str, Any], race: Race) -> None:
    """Raise if a snapshot does not fit the race.

    Args:
        snapshot: the mapping that was read.
        race: a new race of the same experiment.

    Raises:
        ValueError: the first thing that does not fit.
    """
    whole = _Snapshot.model_validate(dict(snapshot))
    _need(len(whole.lanes) == len(race.lanes), "another number of lanes")
    _need(whole.version == 1 or whole.frames is not None, "no frames")
    for lane, saved, raw in zip(race.lanes, whole.lanes, snapshot["lanes"], strict=True):
        _need(whole.version == 1 or {"watched", "move"} <= raw.keys(), "no move")
        _check_lane(lane, saved)
    if whole.frames is not None:
        _need(whole.frames.k <= whole.frames.marks, "a frame beyond the last")
        _check_view(whole.frames.view, race)


def _need(fits: bool, what: str) -> None:
    if not fits:
        raise ValueError(what)


def _like(saved: Any, fresh: Tensor, what: str) -> None:
    """Return whether two tensors have the same kind of numbers and the same shape."""
    _need(
        isinstance(saved, Tensor) and saved.dtype == fresh.dtype and saved.shape == fresh.shape,
        what,
    )


def _check_lane(lane: Lane, saved: _Lane) -> None:
    fresh = lane.state
    # Otherwise it is out of memory this time, and its state is not the one its method creates.
    if lane.trouble is None:
        plain = saved.trouble is not None and saved.state.keys() == {
            one.name for one in fields(State)
        }
        _check_state(
            saved.state,
            State(fresh.estimate) if plain else fresh,
            exact=saved.points is None and saved.optimizer == lane.optimizer.to_json(),
        )
    for found, cls in (
        (saved.good, LaneCheck),
        (saved.best, BestSoFar),
        (saved.wreck, Divergence),
        (saved.start, Start),
    ):
        if found is not None:
            _check_fields(found, cls)
            _need(found["step"] >= 0, "a step below 0")
    for one in (saved.good["estimate"], *(saved.move or ())):
        _like(one, fresh.estimate, "weights of another shape")


def _check_state(saved: Mapping[str, Any], fresh: State, exact: bool) -> None:
    """Check the fields of a method's state. After a change of hyperparameters or points the number
    of rows may differ.
    """
    values = {name: plain_values.unpacked(value) for name, value in saved.items()}
    _check_fields(values, type(fresh))
    _like(values["estimate"], fresh.estimate, "weights of another shape")
    for one in fields(fresh):
        value, known = values[one.name], getattr(fresh, one.name)
        if isinstance(value, Tensor | Population) and isinstance(known, Tensor | Population):
            _need(value.dtype == known.dtype and len(value.shape) == len(known.shape), one.name)
            _need(not exact or tuple(value.shape) == tuple(known.shape), one.name)
    if values["population"] is not None:
        _need(
            len(values["population"].shape) == 2
            and values["population"].shape[1] == len(fresh.estimate),
            "members of another length",
        )


def _check_fields(values: Mapping[str, Any], cls: type) -> None:
    """Check that a dataclass has exactly its fields, each of the declared kind."""
    hints = get_type_hints(cls)
    declared = {one.name: hints[one.name] for one in fields(cls)}
    _need(values.keys() == declared.keys(), "other fields")
    for name, hint in declared.items():
        value = values[name]
        if isinstance(value, Population):  # a placeholder for a tensor
            continue
        TypeAdapter(hint, config=OPEN).validate_python(value)


def _check_view(kept: Mapping[str, Any], race: Race) -> None:
    """Check the state that pictures continue from."""
    view = race.observer.view
    fresh = view.keep()
    _need(kept.keys() == fresh.keys(), "other parts of the view")
    for name, known in fresh.items():
        if isinstance(known, int | str) and not isinstance(known, bool):
            _need(type(kept[name]) is type(known), name)
    _need(kept["plane"].keys() == fresh["plane"].keys(), "another plane")
    for name, known in fresh["plane"].items():
        if isinstance(known, Tensor):
            _like(kept["plane"][name], known, "a plane of another shape")
    _need(len(kept["trajectories"]) == len(view.trajectories), "another number of trajectories")
    for one, known, trajectory in zip(
        kept["trajectories"], fresh["trajectories"], view.trajectories, strict=True
    ):
        _need(one.keys() == known.keys(), "another trajectory")
        points, squares = one["points"], one["squares"]
        _like(one["total"], known["total"], "a trajectory of another shape")
        _need(
            isinstance(points, Tensor)
            and points.dtype == known["points"].dtype
            and points.shape[1:] == known["points"].shape[1:],
            "points",
        )
        _need(len(points) <= trajectory.most and len(squares) == len(points), "too many points")
        _need(
            all(isinstance(entry, float) and math.isfinite(entry) for entry in squares), "squares"
        )
        _need(
            type(one["every"]) is int
            and one["every"] >= 1
            and type(one["seen"]) is int
            and one["seen"] >= 0,
            "a count",
        )
