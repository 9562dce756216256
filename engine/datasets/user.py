"""The user's tables and images, identified by the token of an uploaded file
(`engine.uploads.store`).

If the file does not specify the test samples, a fifth of every class is used (of all rows, for
regression), by one fixed draw: it does not depend on the seed of a race. Inputs are standardised
with the mean and deviation of the training samples; so are regression targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ..errors import BadInput
from ..random.rng import Rng
from ..uploads.limits import FEW_NUMBERS, NAME, PICTURE_BYTES, ROWS_LEAST, SIDES
from ..uploads.store import Column, UploadInfo, find, squares, table_columns
from .base import DATASETS, Dataset, DatasetConfig, Kind, config_property

TEST_SHARE = 0.2
MOST_NUMBERS = 20_000_000
"""Largest product of rows and inputs of a table."""

Task = Literal["auto", "classes", "numbers"]
Colour = Literal["rgb", "grey"]
Indices = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


def held_out(count: int) -> int:
    """Return how many of ``count`` samples are for testing: about a fifth, at least one,
    never all.
    """
    return min(max(1, int(TEST_SHARE * count + 0.5)), count - 1)


def parted(labels: Indices, draw: str) -> tuple[Indices, Indices]:
    """Split samples into training and test, each in random order: labels (N,) → indices, of every
    label its share.
    """
    order = Rng(0, draw).permutation(len(labels)).numpy()
    test = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        own = order[labels[order] == label]
        test[own[: held_out(len(own))]] = True
    return order[~test[order]], order[test[order]]


class Own(DatasetConfig):
    """The base of datasets from uploaded files."""

    needs_file = True

    token: str = Field(
        "",
        max_length=64,
        description="Identifies an uploaded file.",
        json_schema_extra={"advanced": True},
    )

    @property
    def title(self) -> str:
        try:
            return f"{self.label} ({find(self.token).name})"
        except BadInput:  # it is no longer in the store
            return self.label

    def file(self, kind: str) -> UploadInfo:
        """Return the description of the file.

        Raises:
            BadInput: no file is chosen, it is no longer in the store, or it is of another kind.
        """
        if not self.token:
            raise BadInput(
                "dataset.token",
                self.token,
                "a file: upload one in the page, or give its path with --set dataset.file=PATH",
            )
        info = find(self.token)
        if info.kind == "cities":
            raise BadInput(
                "dataset.token", info.name, "a table or an archive of pictures, not cities"
            )
        if info.kind != kind:
            other = {"table": UserTable.name, "images": OwnImages.name}[info.kind]
            raise BadInput("dataset", self.name, f"{other} for {info.name}")
        return info


@dataclass(frozen=True)
class TablePlan:
    """Which column of a table is predicted, from which others; known without the entries.

    Attributes:
        inputs: the input columns.
        width: F, the number of inputs: one for a numeric column, one for each category.
        outputs: names of the classes, or of the one regression target.
        sizes: training and test rows.
        numbers: whether it is regression.
        notes: further information, one sentence each.
    """

    inputs: tuple[Column, ...]
    width: int
    outputs: tuple[str, ...]
    sizes: tuple[int, int]
    numbers: bool
    notes: tuple[str, ...]


def plan_table(info: UploadInfo, target: str, task: Task) -> TablePlan:
    """Return how a column of a table is predicted from the others.

    Raises:
        BadInput: there is no such column, or it cannot be predicted in that way.
    """
    names = [column.name for column in info.targets]
    if target not in names:
        out = next((column for column in info.columns if column.name == target), None)
        if out is not None:
            raise BadInput(
                "dataset.target", target, f"a column that is not left out ({target}: {out.why})"
            )
        raise BadInput(
            "dataset.target",
            target,
            f"one of the columns {', '.join(names[:20])}{' …' if len(names) > 20 else ''}",
        )
    column = info.targets[names.index(target)]
    numbers = task == "numbers" or (
        task == "auto" and column.type == "number" and not column.levels
    )
    if numbers and column.type != "number":
        raise BadInput("dataset.task", task, f"classes for {target}, which holds no numbers")
    if not numbers and not column.levels:
        raise BadInput(
            "dataset.task",
            task,
            (
                f"numbers for {target}, which has {column.distinct:,} different ones, more than "
                f"{FEW_NUMBERS}"
            ),
        )
    known = info.rows - column.missing
    if known < ROWS_LEAST:
        raise BadInput(
            "dataset.target",
            target,
            f"a column with at least {ROWS_LEAST} entries (it has {known:,})",
        )
    test = held_out(known) if numbers else sum(held_out(count) for count in column.counts)
    if not test:
        raise BadInput("dataset.target", target, "a column with more than one row of some class")
    inputs = tuple(one for one in info.targets if one is not column)
    width = sum(1 if one.type == "number" else len(one.levels) for one in inputs)
    if width * known > MOST_NUMBERS:
        raise BadInput(
            "dataset.token",
            info.name,
            (
                f"a smaller table: {known:,} rows of {width:,} inputs are more than "
                f"{MOST_NUMBERS:,} numbers"
            ),
        )
    notes = (
        [
            (
                f"Left out, with no entry in {target}: {column.missing:,} "
                f"row{'s' if column.missing > 1 else ''}."
            )
        ]
        if column.missing
        else []
    )
    if numbers:
        notes.append(
            f"{target} is standardised; always guessing its mean would give a squared error of 0.5."
        )
    return TablePlan(
        inputs,
        width,
        (target,) if numbers else column.levels,
        (known - test, test),
        numbers,
        tuple(notes),
    )


@lru_cache(maxsize=64)
def _plan(token: str, target: str, task: Task) -> TablePlan:
    # Cached, so that a race that began while the file existed can continue.
    return plan_table(UserTable(token=token, target=target, task=task).file("table"), target, task)


def inputs_of(
    plan: TablePlan, entries: dict[str, np.ndarray], rows: Indices, training: Indices
) -> Tensor:
    """Return the rows of a table as inputs (n, F) float32.

    Numbers are standardised by the training rows; a missing number is 0, the mean. A category is a
    one-hot row; a missing one is all zeros.
    """
    parts = []
    for column in plan.inputs:
        values = entries[column.name]
        if column.type == "number":
            present = values[training][np.isfinite(values[training])]
            mean, deviation = (present.mean(), present.std()) if len(present) else (0.0, 0.0)
            parts.append(
                np.nan_to_num((values[rows] - mean) / (deviation or 1.0), nan=0.0)[:, None]
            )
        else:
            parts.append(
                (values[rows][:, None] == np.arange(len(column.levels))).astype(np.float64)
            )
    return torch.from_numpy(np.concatenate(parts, 1).astype(np.float32))


@lru_cache(maxsize=2)
def _load_table(token: str, target: str, task: Task) -> Dataset:
    choice = UserTable(token=token, target=target, task=task)
    info, plan = choice.file("table"), _plan(token, target, task)
    entries = table_columns(info)
    aim = entries[target]
    known = np.flatnonzero(np.isfinite(aim) & (aim >= 0 if aim.dtype == np.int32 else True))
    labels = (
        np.zeros(len(known), np.int64)
        if plan.numbers
        else np.unique(aim[known], return_inverse=True)[1].astype(np.int64)
    )
    train, test = parted(labels, "rows of a table")
    x_train, x_test = (
        inputs_of(plan, entries, known[part], known[train]) for part in (train, test)
    )
    if plan.numbers:
        mean, deviation = aim[known[train]].mean(), aim[known[train]].std() or 1.0
        y_train, y_test = (
            torch.from_numpy(((aim[known[part]] - mean) / deviation).astype(np.float32))
            for part in (train, test)
        )
    else:
        y_train, y_test = (torch.from_numpy(labels[part]) for part in (train, test))
    return Dataset(x_train, y_train, x_test, y_test, plan.outputs, choice.kind)


@DATASETS.add
class UserTable(Own):
    """Predict one column of a table from all the others: its class, or its number."""

    name = "own-table"
    label = "Your own table"
    kind = cast(
        Kind, config_property(lambda choice: "curve" if choice.plan.numbers else "table", "table")
    )
    shape = cast(tuple[int, ...], config_property(lambda choice: (choice.plan.width,), (2,)))
    classes = cast(tuple[str, ...], config_property(lambda choice: choice.plan.outputs, ("A", "B")))
    sentence = "Predict one column of a table from the others."
    about = (
        "A table of your own: a CSV file with the names of its columns in the first line. It is "
        "stored on the server."
    )

    target: str = Field("", max_length=NAME, description="The column to predict from the others.")
    task: Task = Field(
        "auto",
        description=(
            f"Whether the column holds classes or numbers (regression); auto treats up to "
            f"{FEW_NUMBERS} different numbers as classes."
        ),
    )

    @property
    def plan(self) -> TablePlan:
        """Return which column is predicted, from which others."""
        return _plan(self.token, self.target, self.task)

    def check(self) -> None:
        plan_table(self.file("table"), self.target, self.task)

    def notes(self) -> tuple[str, ...]:
        return (*self.plan.notes, *self.file("table").notes)

    def load(self, seed: int) -> Dataset:
        return _load_table(self.token, self.target, self.task)

    def sizes(self) -> tuple[int, int]:
        return self.plan.sizes


@lru_cache(maxsize=64)
def _pictures(token: str) -> UploadInfo:
    return OwnImages(token=token).file("images")


@lru_cache(maxsize=2)
def _load_images(token: str, side: int, colour: Colour) -> Dataset:
    info = OwnImages(token=token).file("images")
    found = squares(info, side, colour)
    if info.split:
        order = Rng(0, "pictures").permutation(len(found["labels"])).numpy()
        out = found["held_out"][order]
        train, test = order[~out], order[out]
    else:
        train, test = parted(found["labels"], "pictures")

    def tensors(part: Indices) -> tuple[Tensor, Tensor]:
        return torch.from_numpy(found["squares"][part].astype(np.float32)).div_(
            255
        ), torch.from_numpy(found["labels"][part])

    return Dataset(*tensors(train), *tensors(test), info.classes, OwnImages.kind)


@DATASETS.add
class OwnImages(Own):
    """Predict which folder an image is from."""

    name = "own-images"
    label = "Your own pictures"
    kind = "images"
    shape = cast(
        tuple[int, ...],
        config_property(
            lambda choice: (3 if choice.colour == "rgb" else 1, choice.side, choice.side),
            (3, 32, 32),
        ),
    )
    classes = cast(
        tuple[str, ...], config_property(lambda choice: _pictures(choice.token).classes, ("A", "B"))
    )
    sentence = "Tell which folder an image is from."
    about = (
        "Images of your own: a zip or tar archive with one folder of PNG or JPEG files for every "
        "class. It is stored on the server."
    )

    side: int = Field(
        32,
        ge=SIDES[0],
        le=SIDES[1],
        description="Every image is resized to a square with this side.",
        json_schema_extra={"unit": "pixels", "step": 4},
    )
    colour: Colour = Field(
        "rgb", description="In colour, or in shades of grey: a third of the inputs."
    )

    def check(self) -> None:
        info = self.file("images")
        taken = info.rows * self.shape[0] * self.side**2
        if taken > PICTURE_BYTES:
            most = int((PICTURE_BYTES / info.rows / self.shape[0]) ** 0.5)
            raise BadInput("dataset.side", self.side, f"at most {most} for {info.rows:,} pictures")

    def notes(self) -> tuple[str, ...]:
        return _pictures(self.token).notes

    def load(self, seed: int) -> Dataset:
        return _load_images(self.token, self.side, self.colour)

    def sizes(self) -> tuple[int, int]:
        counts: Sequence[tuple[int, int]] = _pictures(self.token).counts
        if _pictures(self.token).split:
            return sum(train for train, _ in counts), sum(test for _, test in counts)
        test = sum(held_out(count) for count, _ in counts)
        return sum(count for count, _ in counts) - test, test
