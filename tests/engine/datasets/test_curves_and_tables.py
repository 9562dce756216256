"""Curves to be met and the table of flowers; what networks say about them."""

import math

import pytest
import torch

from engine.datasets import DATASETS
from engine.experiment.model import Experiment
from engine.messages.encoding import decode, encode
from engine.networks import MLP
from engine.observation.predictions import CURVE_POINTS, MAP_SIDE, Predictions
from engine.race.race import Race


def test_the_curves_are_what_they_say() -> None:
    sinc, step = DATASETS.build("sinc").load(0), DATASETS.build("step").load(0)
    for x, y in zip(sinc.x_train[:, 0].tolist(), sinc.y_train.tolist(), strict=True):
        assert y == pytest.approx(math.sin(10 * x) / (10 * x) if x else 1.0, abs=1e-6)
    assert torch.equal(step.y_train, torch.where(step.x_train[:, 0] < 0, -1.0, 1.0))
    for data in (sinc, step):
        assert not set(data.x_train.flatten().tolist()) & set(data.x_test.flatten().tolist())
        assert data.x_train.abs().max() == 1


def test_noise_is_drawn_from_the_seed_and_spares_the_test() -> None:
    noisy = DATASETS.build({"name": "sinc", "noise": 0.2})
    clean = DATASETS.build("sinc").load(0)
    assert torch.equal(noisy.load(5).y_train, noisy.load(5).y_train)
    assert not torch.equal(noisy.load(5).y_train, noisy.load(6).y_train)
    assert torch.equal(noisy.load(5).y_test, clean.y_test)
    assert float((noisy.load(5).y_train - clean.y_train).std()) == pytest.approx(0.2, rel=0.25)


def test_iris_is_all_150_flowers_standardised() -> None:
    iris = DATASETS.build("iris").load(0)
    labels = torch.cat([iris.y_train, iris.y_test])
    assert labels.bincount().tolist() == [50, 50, 50]
    torch.testing.assert_close(iris.x_train.mean(0), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(iris.x_train.std(0), torch.ones(4), atol=1e-5, rtol=0)
    from sklearn.datasets import load_iris

    x = torch.cat([iris.x_train, iris.x_test]).double()
    theirs = torch.from_numpy(load_iris().data)
    scaled = (theirs - theirs.mean(0)) / theirs.std(0)
    torch.testing.assert_close(
        (x - x.mean(0)) / x.std(0),
        scaled[torch.cdist((x - x.mean(0)) / x.std(0), scaled).argmin(1)],
        atol=1e-4,
        rtol=0,
    )


def test_a_map_of_three_classes_is_the_networks_answer_on_the_drawn_plane() -> None:
    iris = DATASETS.build("iris").load(0)
    network = MLP(hidden=(5,)).build((4,), 3)
    theta = 3 * network.init(torch.Generator().manual_seed(0))
    answers = Predictions(network, iris)
    drawn = answers.stage()["points"]
    x0, x1, y0, y1 = drawn["extent"]
    assert x1 - x0 == pytest.approx(y1 - y0)
    assert bool(
        ((drawn["x"] >= torch.tensor([x0, y0])) & (drawn["x"] <= torch.tensor([x1, y1]))).all()
    )
    areas = answers.of(theta.unsqueeze(0))[0]["areas"]
    assert areas.shape == (2, MAP_SIDE, MAP_SIDE)
    row, column = 7, 31
    spot = torch.tensor(
        [x0 + (x1 - x0) * column / (MAP_SIDE - 1), y0 + (y1 - y0) * row / (MAP_SIDE - 1)]
    )
    outputs = network.forward(
        theta.unsqueeze(0), (answers.centre + spot @ answers.axes).unsqueeze(0)
    )[0, 0].softmax(-1)
    assert int(areas[0, row, column]) == int(outputs.argmax())
    assert int(areas[1, row, column]) == pytest.approx(255 * float(outputs.max()), abs=1)
    # The plane is the one along which the flowers differ most: no other pair of directions keeps
    # more of their variance.
    kept = ((iris.x_train - answers.centre) @ answers.axes.T).var(0).sum()
    values = torch.linalg.eigvalsh(iris.x_train.T.cov())
    assert float(kept) == pytest.approx(float(values[-2:].sum()), rel=1e-4)


def test_a_curve_is_the_networks_output_and_frames_carry_it_with_null_accuracy() -> None:
    race = Race(
        Experiment.parse(
            {
                "dataset": "sinc",
                "lanes": ["annealing", "adam"],
                "budget": {"currency": "evaluations", "amount": 20_000},
            }
        ),
        marks=2,
    )
    frame = list(race)[-1]
    stage, metrics, picture = (
        decode(encode(message)) for message in (race.stage(), frame.metrics, frame.picture or {})
    )
    assert stage["data"]["kind"] == "curve"
    assert len(picture["lanes"][0]["curve"]) == CURVE_POINTS
    expected = race.network.forward(
        race.lanes[1].state.estimate.unsqueeze(0),
        torch.from_numpy(stage["data"]["curve"]["at"].copy()).unsqueeze(1),
    )[0, :, 0]
    torch.testing.assert_close(torch.from_numpy(picture["lanes"][1]["curve"].copy()), expected)
    assert metrics["lanes"][0]["accuracy"] is None
    assert metrics["lanes"][0]["loss"] > 0
    assert race.results()[0]["test_accuracy"] is None
