"""Files of weights: other programs read them, and the networks in them are the race's."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from engine import evaluation
from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.observation import weights_file
from engine.race.race import Race


def race_of(dataset: str, network: object) -> Race:
    value = {
        "dataset": dataset,
        "network": network,
        "lanes": ["adam", {"name": "pso", "population_size": 8}],
        "budget": {"currency": "evaluations", "amount": 2e4},
    }
    race = Race(Experiment.parse(value))
    while not race.finished:
        race.advance()
    return race


@pytest.mark.parametrize(
    ("dataset", "network"),
    [
        ("moons", {"name": "mlp", "hidden": [8, 4]}),
        ("digits", "cnn"),
        ("digits", {"name": "mlp", "hidden": []}),
    ],
)
def test_loaded_weights_are_as_accurate_as_the_race_was(
    dataset: str, network: object, tmp_path: Path
) -> None:
    race = race_of(dataset, network)
    found = weights_file.load(weights_file.save(race, tmp_path / "race.safetensors"))
    assert found.experiment == race.experiment
    assert found.steps == [lane.step for lane in race.lanes]
    data = found.experiment.dataset.load(found.experiment.seed)
    for theta, lane, row in zip(found.lanes, race.lanes, race.results(), strict=True):
        assert torch.equal(theta, lane.state.estimate)
        answer = evaluation.outputs(found.network, theta.unsqueeze(0), data.x_test)[0].argmax(-1)
        assert float((answer == data.y_test).float().mean()) == pytest.approx(
            row["test_accuracy"], abs=1e-6
        )
    assert [path.name for path in tmp_path.iterdir()] == ["race.safetensors"]


def test_another_program_finds_tensors_by_name_and_shape(tmp_path: Path) -> None:
    race = race_of("moons", {"name": "mlp", "hidden": [8]})
    tensors = load_file(weights_file.save(race, tmp_path / "race.safetensors"))
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == {
        f"lane{lane}.{name}": shape
        for lane in (0, 1)
        for name, shape in (
            ("layer0.weight", (8, 2)),
            ("layer0.bias", (8,)),
            ("layer1.weight", (2, 8)),
            ("layer1.bias", (2,)),
        )
    }
    x = race.dataset.x_test
    by_hand = (
        torch.tanh(x @ tensors["lane1.layer0.weight"].T + tensors["lane1.layer0.bias"])
        @ tensors["lane1.layer1.weight"].T
        + tensors["lane1.layer1.bias"]
    )
    assert torch.allclose(
        by_hand, race.network.forward(race.lanes[1].state.estimate.unsqueeze(0), x)[0], atol=1e-5
    )
    with safe_open(tmp_path / "race.safetensors", framework="pt") as file:
        assert Experiment.parse(json.loads(file.metadata()["experiment"])) == race.experiment


def test_what_is_no_file_of_weights_is_refused_in_one_line(tmp_path: Path) -> None:
    race = race_of("moons", {"name": "mlp", "hidden": [8]})
    whole = weights_file.save(race, tmp_path / "whole")
    with safe_open(whole, framework="pt") as file:
        about = file.metadata()
    (tmp_path / "text").write_bytes(b"no weights at all")
    (tmp_path / "cut").write_bytes(whole.read_bytes()[:-40])
    save_file({"a": torch.zeros(2)}, tmp_path / "stranger")
    save_file({"a": torch.zeros(2)}, tmp_path / "hollow", metadata=about)
    save_file(
        {name: tensor.flatten() for name, tensor in load_file(whole).items()},
        tmp_path / "flat",
        metadata=about,
    )
    for bad in ("text", "cut", "stranger", "hollow", "flat", "nowhere"):
        with pytest.raises(BadInput) as caught:
            weights_file.load(tmp_path / bad)
        assert str(caught.value).startswith("weights: ")
        assert "\n" not in str(caught.value)
