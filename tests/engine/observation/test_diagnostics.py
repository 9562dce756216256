"""Details are what each particle says by itself, what NumPy counts of mistakes and weights, and
work that is bounded.
"""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.experiment.model import Experiment
from engine.messages.encoding import decode, encode
from engine.networks import MLP
from engine.networks.base import pack
from engine.observation import diagnostics, observer
from engine.observation.diagnostics import histograms
from engine.observation.predictions import MAP_ODDS
from engine.race.race import Race
from tests.engine.support.stand_ins import Passes


def race(dataset: Any, lanes: list[Any], steps: int = 3, **rest: Any) -> Race:
    """A race after a few steps of every lane, looked at once."""
    one = Race(Experiment.parse({"dataset": dataset, "lanes": lanes, **rest}))
    for lane in one.lanes:
        for _ in range(steps):
            one.advance_lane(lane)
    return one


def looked_at(one: Race, k: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    """Picture and detail of a moment, as they arrive."""
    return decode(encode(one.picture(k))), decode(encode(one.observer.detail(k)))


def particle_of(one: Race, dot: np.ndarray[Any, Any]) -> Tensor:
    """The particle of the first lane that a dot of its cloud stands for, looked up by where it
    lies.
    """
    population = one.lanes[0].state.population
    assert population is not None
    places = one.observer.plane.project(population)
    distances = (places - torch.from_numpy(dot.copy())).norm(dim=1)
    assert float(distances.min()) < 1e-4
    return population[int(distances.argmin())]


def square(one: Race, side: int) -> Tensor:
    """Inputs on a grid of the drawn square, rows from the low end, written out."""
    x0, x1, y0, y1 = one.stage()["data"]["points"]["extent"]
    places = [
        [x0 + (x1 - x0) * column / (side - 1), y0 + (y1 - y0) * row / (side - 1)]
        for row in range(side)
        for column in range(side)
    ]
    return torch.tensor(places)


def test_every_dot_of_a_cloud_has_its_own_decision_map() -> None:
    one = race("moons", [{"name": "pso", "population_size": 300}, "adam"])
    picture, message = looked_at(one, 7)
    assert message["type"] == "detail"
    assert message["k"] == 7
    assert message["steps"] == [3, 3]
    maps, cloud = message["lanes"][0]["members"]["maps"], picture["lanes"][0]["cloud"]
    assert maps.dtype == np.uint8
    assert maps.shape == (256, 16, 16)
    assert len(cloud) == 256
    inputs = square(one, 16)
    for i in (0, 1, 100, 255):
        outputs = one.network.forward(particle_of(one, cloud[i]).unsqueeze(0), inputs)[0]
        odds = (outputs[:, 1] - outputs[:, 0]).clamp(-MAP_ODDS, MAP_ODDS).reshape(16, 16)
        np.testing.assert_allclose(maps[i], (odds / MAP_ODDS * 127.5 + 127.5).numpy(), atol=0.51)
    assert len({one_map.tobytes() for one_map in maps}) > 200
    assert message["lanes"][1]["members"] is None


def test_members_of_three_classes_say_which_and_how_sure() -> None:
    one = race("iris", ["eki"])
    picture, message = looked_at(one)
    given, cloud = message["lanes"][0]["members"]["areas"], picture["lanes"][0]["cloud"]
    assert given.shape == (len(cloud), 2, 16, 16)
    inputs = one.observer.answers.centre + square(one, 16) @ one.observer.answers.axes
    for i in (0, len(cloud) - 1):
        outputs = one.network.forward(particle_of(one, cloud[i]).unsqueeze(0), inputs)[0].softmax(
            -1
        )
        top = outputs.sort(-1).values
        clear = (top[:, -1] - top[:, -2] > 1e-4).numpy()
        assert (given[i, 0].ravel() == outputs.argmax(-1).numpy())[clear].all()
        np.testing.assert_allclose(given[i, 1].ravel(), 255 * top[:, -1].numpy(), atol=0.51)


def test_members_of_a_curve_reach_from_edge_to_edge() -> None:
    one = race("sinc", ["eki"])
    picture, message = looked_at(one)
    curves, cloud = message["lanes"][0]["members"]["curves"], picture["lanes"][0]["cloud"]
    at = one.stage()["data"]["curve"]["at"]
    inputs = torch.from_numpy(
        np.linspace(float(at[0]), float(at[-1]), 40, dtype=np.float32)
    ).unsqueeze(1)
    assert curves.shape == (len(cloud), 40)
    for i in (0, len(cloud) - 1):
        np.testing.assert_allclose(
            curves[i],
            one.network.forward(particle_of(one, cloud[i]).unsqueeze(0), inputs)[0, :, 0],
            atol=1e-4,
        )
    assert message["lanes"][0]["confusion"] is None


def test_members_answer_on_the_wall_of_images() -> None:
    one = race("digits", ["pso"])
    picture, message = looked_at(one)
    predicted, cloud = message["lanes"][0]["members"]["predicted"], picture["lanes"][0]["cloud"]
    wall = one.dataset.x_test[one.observer.answers.wall]
    assert torch.equal(
        (wall.mean(1) * 255).round().to(torch.uint8), one.stage()["data"]["wall"]["images"]
    )
    assert predicted.shape == (len(cloud), len(wall))
    for i in (0, len(cloud) - 1):
        assert (
            predicted[i].tolist()
            == one.network.forward(particle_of(one, cloud[i]).unsqueeze(0), wall)[0]
            .argmax(-1)
            .tolist()
        )


def test_a_place_in_a_landscape_has_nothing_more_to_say() -> None:
    one = race("landscape", ["pso"])
    message = looked_at(one)[1]
    assert message["lanes"][0]["members"] is None
    assert message["lanes"][0]["confusion"] is None
    assert message["lanes"][0]["histograms"]["counts"].shape == (2, 32)


def test_only_the_first_particles_are_asked_where_all_would_cost_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = race("moons", [{"name": "pso", "population_size": 20}])
    everyone = one.observer.detail(0)["lanes"][0]["members"]["maps"]
    assert len(everyone) == 20
    price = one.network.flops * 16 * 16
    passes = Passes(one.network)
    monkeypatch.setattr(diagnostics, "DETAIL_FLOPS", 7.5 * price)
    population = one.lanes[0].state.population
    assert population is not None
    first = diagnostics.members(one.observer.answers, population)
    assert first is not None
    torch.testing.assert_close(first["maps"], everyone[:7], atol=1, rtol=0)
    assert passes.count == 7 * 16 * 16
    monkeypatch.setattr(diagnostics, "DETAIL_FLOPS", 0.5 * price)
    assert one.observer.detail(0)["lanes"][0]["members"] is None


@pytest.mark.parametrize("dataset", ["moons", "iris", "digits"])
def test_confusion_is_counted_as_numpy_counts_and_agrees_with_the_accuracy_shown(
    dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observer, "SCORE_FLOPS", 0)  # the probe is then 64 samples of either set
    one = race(dataset, ["adam"], budget={"currency": "evaluations", "amount": 1e9}, steps=20)
    data, lane = one.dataset, one.lanes[0]
    for finished in (False, True):
        lane.finished = finished
        shown = one.metrics(0)["lanes"][0]["test_accuracy"]
        matrix = looked_at(one)[1]["lanes"][0]["confusion"]
        assert matrix.dtype == np.int32
        x, y = (
            (data.x_test, data.y_test)
            if finished
            else (
                one.observer.probe[0][one.observer.probed[0] :],
                one.observer.probe[1][one.observer.probed[0] :],
            )
        )
        assert len(y) == (len(data.y_test) if finished else min(64, len(data.y_test)))
        answers = one.network.forward(lane.state.estimate.unsqueeze(0), x)[0].argmax(-1)
        expected = np.zeros((len(data.classes), len(data.classes)), dtype=int)
        np.add.at(expected, (y.numpy(), answers.numpy()), 1)
        assert matrix.tolist() == expected.tolist()
        assert np.trace(matrix) / matrix.sum() == pytest.approx(shown, abs=1e-6)


def test_confusion_at_the_end_is_counted_once_for_every_final_score() -> None:
    one = race("moons", ["adam"])
    lane = one.lanes[0]
    lane.finished = True
    one.metrics(0)
    first = one.observer.detail(0)["lanes"][0]["confusion"]
    assert one.observer.detail(1)["lanes"][0]["confusion"] is first
    lane.state.estimate = -lane.state.estimate
    one.observer.final.clear()  # as when a hand has changed the network
    one.metrics(1)
    assert one.observer.detail(2)["lanes"][0]["confusion"].tolist() != first.tolist()


def test_histograms_are_numpys() -> None:
    network = MLP(hidden=(30, 20)).build((2,), 3)
    theta = network.init(torch.Generator().manual_seed(0)) ** 3
    given = histograms(network.layers, theta)
    assert given["counts"].shape == (len(network.layers), 32)
    for i, layer in enumerate(network.layers):
        weights = theta[layer.start : layer.stop].double().numpy()
        counts, edges = np.histogram(weights, 32)
        assert given["counts"][i].tolist() == counts.tolist()
        assert (given["low"][i], given["high"][i]) == (edges[0], edges[-1])


def test_histograms_leave_out_what_is_no_number() -> None:
    layers = pack([("0.weight", (2, 3), 3), ("0.bias", (2,), 3), ("1.weight", (3,), 3)])
    theta = torch.tensor(
        [1.0, torch.nan, 2.0, torch.inf, 5.0, -torch.inf, torch.nan, torch.nan, 4.0, 4.0, 4.0]
    )
    message = decode(encode(histograms(layers, theta) | {"type": "histograms"}))
    assert message["counts"][0].tolist() == np.histogram([1.0, 2.0, 5.0], 32)[0].tolist()
    assert message["counts"][1].sum() == 0
    counts, edges = np.histogram([4.0, 4.0, 4.0], 32)
    assert message["counts"][2].tolist() == counts.tolist()
    assert message["low"] == [1.0, None, edges[0]]
    assert message["high"] == [5.0, None, edges[-1]]


def test_a_population_that_is_no_place_has_no_members_and_everything_can_still_be_sent() -> None:
    one = race("moons", ["pso", "adam"])
    population = one.lanes[0].state.population
    assert population is not None
    population[:, 0] = torch.nan
    one.lanes[1].state.estimate[:] = torch.nan
    message = looked_at(one)[1]
    assert message["lanes"][0]["members"] is None
    assert message["lanes"][1]["histograms"]["low"] == [None] * len(one.network.layers)
    assert message["lanes"][1]["confusion"].sum() == len(one.dataset.y_test)


def test_looking_closely_changes_nothing_and_is_charged_to_nobody() -> None:
    runs = []
    for closely in (False, True):
        one = Race(
            Experiment.parse(
                {
                    "dataset": "moons",
                    "lanes": ["annealing", "pso", "adam"],
                    "budget": {"currency": "evaluations", "amount": 1e6},
                }
            )
        )
        for k in range(30):
            one.advance_lane(one.lanes[k % 3])
            if closely:
                one.observer.detail(k)
        runs.append(
            [
                (lane.state.estimate.tolist(), lane.oracle.evaluations, lane.oracle.flops)
                for lane in one.lanes
            ]
        )
    assert runs[0] == runs[1]
