"""What is shown of a population and no step needs: measured when a frame is due, and only then."""

from __future__ import annotations

import copy
import dataclasses
import math

import pytest
import torch

from engine import Experiment, Race
from engine.optimizers import OPTIMIZERS
from engine.optimizers.base import Optimizer, State

METHODS = {
    "differential-evolution": "spread",
    "genetic": "spread",
    "harmony-search": "spread",
    "cbo": "spread",
    "pso": "diameter",
}


def race_of(name: str) -> Race:
    lane = {"name": name, "batch": 16}
    budget = {"currency": "evaluations", "amount": 40_000}
    network = {"name": "mlp", "hidden": [3]}
    value = {
        "dataset": "moons",
        "network": network,
        "lanes": [lane],
        "budget": budget,
        "device": "cpu",
    }
    return Race(Experiment.parse(value), marks=4, pictures=False)


def test_those_are_all_the_methods_that_have_some() -> None:
    own = {
        name
        for name in OPTIMIZERS.names()
        if type(OPTIMIZERS.build({"name": name})).diagnostics is not Optimizer.diagnostics
    }
    assert own == set(METHODS)


@pytest.mark.parametrize(("name", "number"), METHODS.items())
def test_they_are_measured_once_a_frame_and_change_nothing(
    name: str, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    method, found = type(OPTIMIZERS.build({"name": name})), []
    plain = method.diagnostics

    def measured(self: Optimizer, state: State) -> dict[str, float]:
        before = copy.deepcopy(state)
        found.append(plain(self, state))
        for one in dataclasses.fields(state):
            old, new = getattr(before, one.name), getattr(state, one.name)
            assert (
                torch.equal(old, new)
                if isinstance(old, torch.Tensor)
                else old == new or old is None
            )
        return found[-1]

    monkeypatch.setattr(method, "diagnostics", measured)
    race = race_of(name)
    frames = list(race)
    assert race.lanes[0].step > len(frames) > 3
    assert [frame.metrics["lanes"][0]["extra"][number] for frame in frames] == [
        one[number] for one in found
    ]
    assert all(math.isfinite(one[number]) and one[number] > 0 for one in found)
    population = race.lanes[0].state.population
    assert population is not None
    distances = torch.cdist(population.double(), population.double())
    expected = float((distances.square().sum() / 2).sqrt()) / len(population)
    if number == "spread":
        assert found[-1][number] == pytest.approx(expected, rel=1e-4)
    else:
        assert (
            float(distances.max()) / 2 <= found[-1][number] <= float(distances.max()) * (1 + 1e-5)
        )
