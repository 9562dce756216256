"""Problems in which only the number of weights changes."""

from __future__ import annotations

import pytest
import torch

from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.race.race import Race
from engine.studies.measure import effective_rank


def experiment(dataset: dict[str, object], **more: object) -> Experiment:
    return Experiment.parse({"dataset": dataset, "lanes": ["annealing"], **more})


def test_every_weight_of_the_bowl_matters_alike() -> None:
    for weights in (10, 50):
        found = effective_rank(experiment({"name": "bowl", "weights": weights}), {"probes": 4})
        assert found["rank"] == pytest.approx(weights, rel=1e-3)


def test_random_features_bend_in_few_directions_however_many_there_are() -> None:
    ranks = [
        effective_rank(
            experiment({"name": "features", "features": n}, network={"name": "mlp", "hidden": []}),
            {"probes": 64},
        )
        for n in (100, 3000)
    ]
    traces = [one["trace"] for one in ranks]
    assert ranks[1]["rank"] < 8
    assert traces[1] == pytest.approx(traces[0], rel=0.3)


def test_features_are_those_of_a_gaussian_kernel() -> None:
    data = experiment(
        {"name": "features", "features": 50_000, "points": 10},
        network={"name": "mlp", "hidden": []},
    ).load()
    kernel = data.x_train @ data.x_train.T
    torch.testing.assert_close(kernel.diagonal(), torch.ones(10), atol=0.03, rtol=0)
    assert float(kernel.min()) > -0.03
    assert float(kernel.max()) < 1.03


def test_the_bowl_has_its_own_network_and_no_other() -> None:
    race = Race(experiment({"name": "bowl", "weights": 7}), pictures=False)
    assert race.network.dimension == 7
    with pytest.raises(BadInput, match="bowl on bowl"):
        experiment({"name": "bowl"}, network="mlp")
    with pytest.raises(BadInput, match="bowl belongs"):
        experiment({"name": "digits"}, network="bowl")
