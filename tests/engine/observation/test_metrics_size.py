"""A metrics message stays small, however many chains a lane has, and says what it left out."""

from itertools import pairwise
from typing import Any

import pytest
import torch

from engine.experiment.model import Experiment
from engine.messages.encoding import decode, encode
from engine.observation.observer import VECTOR, sampled
from engine.optimizers import OPTIMIZERS
from engine.race.race import Race


@pytest.mark.parametrize("length", [1, 2, VECTOR - 1, VECTOR, VECTOR + 1, 2 * VECTOR, 1000, 16_384])
def test_an_even_choice_of_a_long_row(length: int) -> None:
    chosen = sampled(torch.arange(length)).tolist()
    assert len(chosen) == min(length, VECTOR)
    assert (chosen[0], chosen[-1]) == (0, length - 1)
    gaps = {b - a for a, b in pairwise(chosen)}
    assert not gaps or max(gaps) - min(gaps) <= 1
    if length > VECTOR:
        assert chosen == [i * (length - 1) // (VECTOR - 1) for i in range(VECTOR)], (
            "as the page reads it"
        )


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_no_method_makes_metrics_large(name: str) -> None:
    cls = OPTIMIZERS.get(name)
    crowd = next(
        (field for field in ("population_size", "pairs") if field in cls.model_fields),
        None,
    )
    lane: dict[str, Any] = {"name": name}
    if crowd is not None:
        lane[crowd] = 700
    race = Race(
        Experiment.parse(
            {
                "dataset": {"name": "moons", "points": 60},
                "network": {"name": "mlp", "hidden": [2]},
                "lanes": [lane],
            }
        )
    )
    for _ in range(2):
        race.advance()
    vectors = race.lanes[0].state.vectors
    message = race.metrics(0)
    row = decode(encode(message))["lanes"][0]
    assert len(encode(message)) < 6000
    assert row["lengths"] == {
        name: len(values) for name, values in vectors.items() if len(values) > VECTOR
    }
    for vector, values in vectors.items():
        assert row["vectors"][vector].tolist() == sampled(values).tolist()
    if name in ("annealing", "parallel-tempering"):
        assert row["lengths"]["acceptance"] == 700
