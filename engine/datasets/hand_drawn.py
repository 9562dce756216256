"""Points drawn by hand, stored in the experiment itself.

Five characters are one point: two for x, two for y, one for the class. The characters are those of
base64url (RFC 4648, section 5), each worth 6 bits, the more significant one first. A coordinate is
a whole number n from 0 to 4095 and means n / 256 − 8, so the square reaches from −8 to just below
8: large enough for every 2-D dataset with maximal noise, while one grid step is less than a pixel
of the picture. Every coordinate is exact in float32, so encoding and decoding points does not
change them.
"""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from pydantic import Field, field_validator
from torch import Tensor

from ..errors import BadInput
from .base import DATASETS, Dataset, DatasetConfig

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
REACH = 8.0
"""Half the side of the square of coordinates, which is centred at 0."""
PLACES = 4096
"""Number of grid positions along each side."""
CHARACTERS = 5
"""Characters of one point."""
LEAST_POINTS, MOST_POINTS, MOST_CLASSES = 4, 800, 3
NAMES = ("A", "B", "C")

_WORTH = {character: worth for worth, character in enumerate(ALPHABET)}


def encode_points(x: Tensor, y: Tensor) -> str:
    """Encode points as a text, each at the nearest grid position.

    Args:
        x: (N, 2) finite coordinates; points outside the square move to its edge.
        y: (N,) class numbers from 0 to 2.

    Returns:
        5 N characters.
    """
    places = (
        ((x.detach().cpu().double() + REACH) * (PLACES / (2 * REACH)))
        .round()
        .clamp(0, PLACES - 1)
        .long()
    )
    rows = torch.cat([places // 64, places % 64, y.detach().cpu().long().unsqueeze(1)], 1)
    return "".join(
        ALPHABET[row[0]] + ALPHABET[row[2]] + ALPHABET[row[1]] + ALPHABET[row[3]] + ALPHABET[row[4]]
        for row in rows.tolist()
    )


def decode_points(text: Any, classes: int = MOST_CLASSES) -> tuple[Tensor, Tensor]:
    """Return the points of a text: (N, 2) float32 and (N,) int64.

    Raises:
        BadInput: the text is not in that format, or holds too few points, too many, or an unknown
            class.
    """
    if not isinstance(text, str) or len(text) % CHARACTERS:
        raise BadInput("points", text, f"a text of {CHARACTERS} characters a point")
    if not LEAST_POINTS <= len(text) // CHARACTERS <= MOST_POINTS:
        raise BadInput(
            "points", f"{len(text) // CHARACTERS} points", f"{LEAST_POINTS} to {MOST_POINTS} points"
        )
    stranger = next((character for character in text if character not in _WORTH), None)
    if stranger is not None:
        raise BadInput("points", stranger, "only the characters A to Z, a to z, 0 to 9, - and _")
    worth = torch.tensor([_WORTH[character] for character in text]).reshape(-1, CHARACTERS)
    label = worth[:, 4]
    if int(label.max()) >= classes:
        raise BadInput("points", f"class {int(label.max())}", f"classes 0 to {classes - 1} only")
    places = worth[:, 0:4:2] * 64 + worth[:, 1:4:2]
    return (places.double() * (2 * REACH / PLACES) - REACH).float(), label


def _two_arcs(points: int = 40) -> str:
    """Return the points before the user draws any: two interleaved arcs, with some noise."""
    x, y = [], []
    for i in range(points):
        label, turn = i % 2, math.pi * (i // 2 + 0.5) / (points // 2)
        radius = 0.8 + 0.06 * math.sin(5 * turn + 2 * label)
        side = 1 - 2 * label
        x.append([side * (radius * math.cos(turn) - 0.35), side * (radius * math.sin(turn) - 0.25)])
        y.append(label)
    return encode_points(torch.tensor(x), torch.tensor(y))


class _Classes:
    """The names of the classes: on an instance as many as it has, on the class the
    default number.
    """

    def __get__(self, drawn: HandDrawn | None, kind: type[HandDrawn]) -> tuple[str, ...]:
        return NAMES[: kind.model_fields["groups"].default if drawn is None else drawn.groups]


@DATASETS.add
class HandDrawn(DatasetConfig):
    """Points drawn by hand, of two or three classes. All of them are trained on, and they are the
    test set too.
    """

    name = "drawn"
    label = "Your own points"
    kind = "points"
    shape = (2,)
    classes = cast(tuple[str, ...], _Classes())
    sentence = "Points of two or three classes, painted with a brush."
    about = (
        "Points drawn by hand, stored in the link. All of them are trained on, and the test set "
        "is the same points, so it says nothing about new ones."
    )

    groups: int = Field(
        2,
        ge=2,
        le=MOST_CLASSES,
        description="How many classes the points may have.",
        json_schema_extra={"label": "Classes"},
    )
    points: str = Field(
        _two_arcs(),
        description=(
            f"The points, {CHARACTERS} characters each, {LEAST_POINTS} to {MOST_POINTS} of them; "
            f"drawn on one large square in the page."
        ),
        json_schema_extra={"advanced": True},
    )

    @field_validator("points")
    @classmethod
    def _readable(cls, value: str) -> str:
        try:
            decode_points(value)
        except BadInput as error:
            # The caller adds the name of the field.
            raise BadInput("", error.value, error.allowed) from None
        return value

    @classmethod
    def of(cls, text: Any, classes: int) -> HandDrawn:
        """Return the dataset of these points.

        Raises:
            BadInput: they are not valid points, or not of that many classes.
        """
        decode_points(text, classes)
        return cls(groups=classes, points=text)

    def check(self) -> None:
        try:
            decode_points(self.points, self.groups)
        except BadInput as error:
            raise BadInput("dataset.points", error.value, error.allowed) from None

    def load(self, seed: int) -> Dataset:
        x, y = decode_points(self.points, self.groups)
        return Dataset(x, y, x.clone(), y.clone(), self.classes, self.kind)

    def sizes(self) -> tuple[int, int]:
        return (len(self.points) // CHARACTERS,) * 2
