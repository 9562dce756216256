"""Points drawn by hand: written into the experiment and read again as the very same."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from app.link import read_link, write_link
from engine.datasets import DATASETS
from engine.datasets.hand_drawn import (
    ALPHABET,
    MOST_POINTS,
    HandDrawn,
    decode_points,
    encode_points,
)
from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.experiment.query_string import from_flat, to_flat
from engine.race.race import Race

TOY = ["spirals", "moons", "circles", "xor", "checkerboard"]


def some(n: int, classes: int = 3, spread: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(n)
    return spread * torch.randn(n, 2, generator=generator), torch.randint(
        classes, (n,), generator=generator
    )


def by_the_letter(text: str) -> list[tuple[float, float, int]]:
    """What a text says, read character by character as the docstring tells."""
    worth = [ALPHABET.index(character) for character in text]
    return [
        (
            (64 * worth[i] + worth[i + 1]) / 256 - 8,
            (64 * worth[i + 2] + worth[i + 3]) / 256 - 8,
            worth[i + 4],
        )
        for i in range(0, len(worth), 5)
    ]


def test_points_are_written_as_the_format_says() -> None:
    assert (
        encode_points(
            torch.tensor([[0.0, -8.0], [8.0, 1 / 256], [0.5, -0.5], [-99.0, 99.0]]),
            torch.tensor([0, 2, 1, 0]),
        )
        == "gAAAA__gBCiAeABAA__A"
    )
    x, y = some(200)
    text = encode_points(x, y)
    read = by_the_letter(text)
    assert np.allclose([(a, b) for a, b, _ in read], x, atol=0.5 / 256 + 1e-6)
    assert [label for _, _, label in read] == y.tolist()
    points, labels = decode_points(text)
    assert [
        (*point, label) for point, label in zip(points.tolist(), labels.tolist(), strict=True)
    ] == read
    assert (points.dtype, labels.dtype) == (torch.float32, torch.int64)


def test_points_read_and_written_again_are_the_very_same() -> None:
    text = encode_points(*some(MOST_POINTS, spread=3.0))
    assert encode_points(*decode_points(text)) == text


@pytest.mark.parametrize("name", TOY)
def test_the_square_is_wide_enough_for_every_toy_dataset_at_its_noisiest(name: str) -> None:
    data = DATASETS.build({"name": name, "points": MOST_POINTS, "noise": 1.0}).load(0)
    x, y = decode_points(encode_points(data.x_train, data.y_train))
    assert float((x - data.x_train).abs().max()) <= 0.5 / 256 + 1e-6
    assert torch.equal(y, data.y_train)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "points: None is not allowed; expected a text of 5 characters a point"),
        (7, "points: 7 is not allowed"),
        ("gAAA", "points: 'gAAA' is not allowed; expected a text of 5 characters a point"),
        ("", "points: '0 points' is not allowed; expected 4 to 800 points"),
        ("gAAAA" * 3, "points: '3 points' is not allowed"),
        ("gAAAA" * 801, "points: '801 points' is not allowed"),
        ("gAA+A" * 4, "points: '+' is not allowed; expected only the characters A to Z"),
        ("gAAAä" * 4, "points: 'ä' is not allowed"),
        ("gAAAD" * 4, "points: 'class 3' is not allowed; expected classes 0 to 2 only"),
    ],
)
def test_garbage_is_refused_in_one_line(text: Any, sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        decode_points(text)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)
    with pytest.raises(BadInput) as caught:
        Experiment.parse({"dataset": {"name": "drawn", "points": text}})
    assert caught.value.field == "dataset.points"


def test_the_dataset_has_as_many_classes_as_it_says() -> None:
    text = encode_points(*some(30, 3))
    three = Experiment.parse({"dataset": {"name": "drawn", "groups": 3, "points": text}})
    assert three.dataset.classes == ("A", "B", "C")
    assert three.network.build_for(three.dataset).layers[-1].shape == (3,)
    assert HandDrawn.classes == ("A", "B") == HandDrawn().classes
    with pytest.raises(
        BadInput, match=r"^dataset\.points: 'class 2' is not allowed; expected classes 0 to 1 only$"
    ):
        Experiment.parse({"dataset": {"name": "drawn", "points": text}})
    race = Race(
        Experiment.parse(
            {
                **three.to_json(),
                "lanes": ["adam"],
                "budget": {"currency": "evaluations", "amount": 2e4},
            }
        ),
        marks=2,
    )
    assert math.isfinite(list(race)[-1].metrics["lanes"][0]["loss"])
    assert race.picture(9)["lanes"][0]["areas"].shape[0] == 2


def test_all_points_are_trained_on_and_are_the_test_set_too() -> None:
    data = HandDrawn().load(5)
    assert torch.equal(data.x_train, data.x_test)
    assert torch.equal(data.y_train, data.y_test)
    assert (len(data.y_train), len(data.y_test)) == HandDrawn().sizes() == (40, 40)
    assert data.y_train.bincount().tolist() == [20, 20]
    assert "test set is the same" in HandDrawn.about
    one = torch.cdist(data.x_train, data.x_train).fill_diagonal_(torch.inf).argmin(1)
    assert torch.equal(data.y_train[one], data.y_train), "two arcs, apart"
    line = torch.linalg.lstsq(
        torch.cat([data.x_train, torch.ones(40, 1)], 1), data.y_train.float().unsqueeze(1) * 2 - 1
    ).solution
    right = (
        ((torch.cat([data.x_train, torch.ones(40, 1)], 1) @ line).squeeze() > 0)
        .long()
        .eq(data.y_train)
    )
    assert float(right.float().mean()) < 1, "and no line parts them"


def test_a_link_holds_as_many_points_as_there_may_be() -> None:
    text = encode_points(*some(MOST_POINTS, 2))
    experiment = Experiment.parse({"dataset": {"name": "drawn", "points": text}})
    assert from_flat(to_flat(experiment)) == experiment
    found, complaint = read_link(write_link(experiment))
    assert complaint is None
    assert found == experiment
    _, complaint = read_link({"dataset": "drawn", "dataset.points": text + "A" * 500})
    assert complaint is not None
    _, complaint = read_link({"dataset": "spirals", "network.hidden": "1," * 400})
    assert complaint is not None
    assert "at most 400 characters" in complaint
