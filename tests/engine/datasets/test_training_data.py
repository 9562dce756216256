"""Which samples are trained on: fewer, some classes, wrong labels, a validation set, rotated."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from engine.datasets import DATASETS
from engine.datasets.training_data import TrainingData, rotated
from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.experiment.query_string import from_flat, to_flat
from engine.race.race import Race

DIGITS = DATASETS.build("digits").load(0)


def rows(x: torch.Tensor) -> set[tuple[float, ...]]:
    """Samples as a set."""
    return {tuple(row) for row in x.flatten(1).tolist()}


def test_by_default_nothing_is_changed() -> None:
    assert TrainingData().apply(DIGITS, 3) is DIGITS


def test_a_validation_set_is_taken_from_the_training_samples_and_from_nowhere_else() -> None:
    data = TrainingData(validation=0.2).apply(DIGITS, 3)
    n = len(DIGITS.y_train)
    assert (len(data.y_valid), len(data.y_train)) == (n // 5, n - n // 5)
    assert rows(data.x_train) | rows(data.x_valid) == rows(DIGITS.x_train)
    assert data.x_test is DIGITS.x_test
    again, other = (TrainingData(validation=0.2).apply(DIGITS, seed) for seed in (3, 4))
    assert torch.equal(again.x_valid, data.x_valid)
    assert not torch.equal(other.x_valid, data.x_valid)
    # fewer samples leave the validation set as it is
    fewer = TrainingData(validation=0.2, samples=100).apply(DIGITS, 3)
    assert torch.equal(fewer.x_valid, data.x_valid)
    assert len(fewer.y_train) == 100
    assert rows(fewer.x_train) <= rows(data.x_train)


def test_wrong_labels_are_as_many_as_stated_and_never_right() -> None:
    data = TrainingData(label_noise=0.3, validation=0.2).apply(DIGITS, 5)
    clean = TrainingData(validation=0.2).apply(DIGITS, 5)
    assert torch.equal(data.x_train, clean.x_train)
    wrong = data.y_train != clean.y_train
    assert int(wrong.sum()) == round(0.3 * len(clean.y_train))
    assert torch.equal(data.y_valid, clean.y_valid)
    assert torch.equal(data.y_test, clean.y_test)
    # each of the other classes is about equally likely
    shift = (data.y_train[wrong] - clean.y_train[wrong]) % 10
    counts = torch.bincount(shift, minlength=10)
    assert counts[0] == 0
    assert counts[1:].min() > 0.5 * counts[1:].float().mean()


def test_some_classes_only_in_training_and_test() -> None:
    data = TrainingData(classes=(7, 2)).apply(DIGITS, 0)
    assert set(data.y_train.tolist()) == set(data.y_test.tolist()) == {2, 7}
    assert len(data.y_train) == int(((DIGITS.y_train == 2) | (DIGITS.y_train == 7)).sum())
    noisy = TrainingData(classes=(7, 2), label_noise=1.0).apply(DIGITS, 0)
    assert torch.equal(noisy.y_train, torch.where(data.y_train == 2, 7, 2))


def test_pictures_are_rotated_counter_clockwise() -> None:
    picture = torch.zeros(1, 1, 5, 5)
    picture[0, 0, 2, 4] = 1.0  # right of the centre
    up = torch.zeros(1, 1, 5, 5)
    up[0, 0, 0, 2] = 1.0
    torch.testing.assert_close(rotated(picture, 90), up, atol=1e-5, rtol=0)
    generator = torch.Generator().manual_seed(0)
    random = torch.rand(3, 1, 8, 8, generator=generator)
    torch.testing.assert_close(rotated(random, 180), random.flip(2, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(rotated(random, 0), random, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("dataset", "training", "field"),
    [
        ("digits", {"classes": [0, 10]}, "training.classes"),
        ("sinc", {"classes": [0]}, "training.classes"),
        ("sinc", {"label_noise": 0.1}, "training.label_noise"),
        ("moons", {"rotation": 10}, "training.rotation"),
        ("digits", {"samples": 1_000_000}, "training.samples"),
        ("landscape", {"samples": 10}, "training"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_name(
    dataset: str, training: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadInput) as error:
        Race(Experiment.parse({"dataset": dataset, "training": training, "lanes": ["annealing"]}))
    assert error.value.field == field


def test_it_is_in_links_and_json_only_where_it_is_not_the_default() -> None:
    plain = Experiment.parse({"dataset": "digits"})
    assert "training" not in plain.to_json()
    assert not any(key.startswith(("training", "start")) for key in to_flat(plain))
    value = {
        "dataset": "digits",
        "training": {"samples": 100, "label_noise": 0.3, "classes": [1, 2, 3]},
        "start": {"law": "normal", "sigma": 0.5},
    }
    experiment = Experiment.parse(value)
    assert Experiment.parse(experiment.to_json()) == experiment
    flat = to_flat(experiment)
    assert flat["training.classes"] == "1,2,3"
    assert flat["start.sigma"] == "0.5"
    assert from_flat(flat) == experiment
    with pytest.raises(BadInput, match=r"training\.label_noise"):
        from_flat({"training.label_noise": "2"})


def test_methods_know_how_many_samples_there_are() -> None:
    race = Race(
        Experiment.parse(
            {
                "dataset": "digits",
                "training": {"samples": 64},
                "lanes": [{"name": "adam", "batch": 100}],
                "budget": {"currency": "evaluations", "amount": 1000},
            }
        )
    )
    race.advance()
    assert race.lanes[0].oracle.evaluations == 3 * 64
