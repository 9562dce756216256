"""Statistics over seeds, against NumPy."""

import math
from typing import cast

import numpy as np
import pytest

from engine.race.results import SeedResult
from engine.race.seed_races import summary_of
from engine.race.seed_statistics import quantile, wins
from tests.there import there


def test_quantiles_are_those_of_numpy() -> None:
    random = np.random.default_rng()
    for _ in range(200):
        values = random.normal(size=random.integers(1, 17)).tolist()
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            found = quantile(values, share)
            assert found == pytest.approx(np.quantile(values, share), rel=1e-12, abs=1e-15)


def test_a_missing_value_is_the_worst_one() -> None:
    assert quantile([1.0, None, 2.0], 0.5) == 2.0
    assert quantile([1.0, math.nan, 2.0], 1.0) is None
    assert quantile([0.5, None, 0.9], 0.5, worst=-math.inf) == 0.5
    assert quantile([1.0, None, None], 0.5) is None
    assert quantile([1.0, 2.0, 3.0, None], 0.5) == 2.5
    assert quantile([1.0, 2.0, None, None], 0.5) is None
    assert quantile([], 0.5) is None


def test_wins_are_counted_as_numpy_counts_them() -> None:
    random = np.random.default_rng()
    for _ in range(200):
        losses = random.integers(0, 4, size=(random.integers(1, 17), random.integers(2, 5)))
        best = losses == losses.min(1, keepdims=True)
        expected = (best & (best.sum(1, keepdims=True) == 1)).sum(0)
        assert wins(losses.astype(float).tolist()) == expected.tolist()


def test_a_loss_that_does_not_exist_never_wins() -> None:
    assert wins([[None, 1.0], [math.nan, math.inf], [2.0, None]]) == [1, 1]
    assert wins([[1.0], [2.0]]) == [0]
    assert wins([]) == []


def test_a_summary_has_medians_quartiles_and_wins() -> None:
    random = np.random.default_rng()
    losses = random.random((7, 2))
    names = ("accuracy", "test_loss", "test_accuracy", "evaluations", "flops", "seconds", "steps")
    results = [
        {
            "seed": seed,
            "lanes": [
                {
                    "optimizer": name,
                    "label": name,
                    "trouble": None,
                    **dict.fromkeys(names, 1.0),
                    "loss": loss,
                    "accuracy": None,
                }
                for name, loss in zip(("adam", "pso"), row, strict=True)
            ],
        }
        for seed, row in enumerate(losses.tolist())
    ]
    for lane, told in enumerate(summary_of(cast(list[SeedResult], results))):
        assert there(told["loss"])["median"] == pytest.approx(np.median(losses[:, lane]))
        expected = np.quantile(losses[:, lane], [0.25, 0.75])
        assert there(told["loss"])["quartiles"] == pytest.approx(expected.tolist())
        assert told["accuracy"] is None
        assert told["wins"] == int((losses.argmin(1) == lane).sum())
        assert (told["of"], told["failed"]) == (7, 0)
