"""Experiments at the door: JSON and flat round trips, and one clear line for everything that is
wrong.
"""

import json

import pytest

from engine.errors import BadInput, CannotRun
from engine.experiment.model import Experiment
from engine.experiment.query_string import from_flat, to_flat

FULL = {
    "dataset": {"name": "moons", "points": 300, "noise": 0.2},
    "network": {"name": "mlp", "hidden": [8, 4], "activation": "relu"},
    "loss": "squared-error",
    "lanes": [
        {"name": "annealing", "population_size": 32},
        {"name": "eki", "population_size": 40},
        {"name": "adam"},
        {"name": "sgd"},
    ],
    "budget": {"currency": "evaluations", "amount": 1e6},
    "seed": 12,
    "device": "cpu",
}


def test_json_round_trip() -> None:
    experiment = Experiment.parse(FULL)
    text = json.dumps(experiment.to_json())
    assert Experiment.parse(json.loads(text)) == experiment
    assert Experiment.model_validate_json(text) == experiment
    assert json.loads(text)["lanes"][0]["population_size"] == 32
    assert Experiment.parse(experiment) is experiment


def test_the_default_races_annealing_against_adam_on_spirals() -> None:
    experiment = Experiment.parse({})
    assert (experiment.dataset.name, experiment.network.name) == ("spirals", "mlp")
    assert [lane.name for lane in experiment.lanes] == ["annealing", "adam"]
    assert experiment.network.hidden == (16, 16)  # type: ignore[attr-defined]
    assert Experiment.parse({"dataset": "digits"}).network.hidden == (32,)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "value",
    [
        FULL,
        {},
        {"lanes": ["adam", "adam"]},
        {"network": {"name": "mlp", "hidden": []}},
        {"dataset": "digits", "network": "cnn"},
    ],
)
def test_flat_round_trip(value: dict) -> None:  # type: ignore[type-arg]
    experiment = Experiment.parse(value)
    assert from_flat(to_flat(experiment)) == experiment


def test_two_lanes_of_one_method_are_named_by_place() -> None:
    experiment = Experiment.parse(
        {
            "lanes": [
                {"name": "annealing", "population_size": 5},
                {"name": "annealing", "population_size": 8},
            ]
        }
    )
    flat = to_flat(experiment)
    assert flat["lane1.population_size"] == "5"
    assert flat["lane2.population_size"] == "8"
    assert from_flat(flat) == experiment
    with pytest.raises(BadInput, match=r"annealing\.population_size"):
        from_flat(flat | {"annealing.population_size": "3"})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"dataset": "mnits"},
            "dataset.name: 'mnits' is not allowed; expected one of spirals, moons",
        ),
        (
            {"dataset": {"name": "moons", "noise": float("nan")}},
            "dataset.noise: nan is not allowed; expected a finite number",
        ),
        (
            {"dataset": {"name": "moons", "points": -5}},
            "dataset.points: -5 is not allowed; expected at least",
        ),
        (
            {"dataset": {"name": "moons", "colour": 1}},
            "dataset.colour: 1 is not allowed; expected no such field here",
        ),
        ({"dataset": 3}, "dataset: 3 is not allowed; expected a name or an object with a name"),
        (
            {"network": {"name": "mlp", "hidden": [0]}},
            "network.hidden[0]: 0 is not allowed; expected at least 1",
        ),
        ({"network": {"name": "mlp", "hidden": "16"}}, "network.hidden: '16' is not allowed"),
        (
            {"network": {"name": "mlp", "activation": "gelu"}},
            "network.activation: 'gelu' is not allowed; expected one of 'tanh', 'relu', 'sigmoid'",
        ),
        (
            {"dataset": "moons", "network": "cnn"},
            "network: 'cnn' is not allowed; expected an image dataset",
        ),
        ({"loss": "hinges"}, "loss: 'hinges' is not allowed; expected one of cross-entropy"),
        ({"lanes": []}, "lanes: '' is not allowed; expected at least one lane"),
        (
            {"lanes": ["adam", {"name": "sgd", "learning_rate": 1}, "adam", "adam", "adam"]},
            "lanes: 'adam,sgd,adam,adam,adam' is not allowed; expected at most 4 lanes",
        ),
        ({"lanes": "adam"}, "lanes: 'adam' is not allowed; expected a list of 1 to 4 optimizers"),
        (
            {"lanes": ["adam", {"name": "annealing", "population_size": 0}]},
            "lanes[1].population_size: 0 is not allowed; expected at least",
        ),
        (
            {"lanes": [{"name": "annealing", "population_size": 2.5}]},
            "lanes[0].population_size: 2.5 is not allowed; expected a whole number",
        ),
        (
            {"budget": {"currency": "euros", "amount": 1}},
            (
                "budget.currency: 'euros' is not allowed; expected one of 'seconds', "
                "'evaluations' or 'flops'"
            ),
        ),
        ({"budget": {"amount": 0}}, "budget.amount: 0 is not allowed; expected more than 0"),
        (
            {"budget": {"amount": float("inf")}},
            "budget.amount: inf is not allowed; expected a finite number",
        ),
        (
            {"budget": {"amount": 1e9}},
            "budget.amount: 1000000000.0 is not allowed; expected at most 86400 seconds",
        ),
        ({"seed": -1}, "seed: -1 is not allowed; expected at least 0"),
        ({"seed": "x"}, "seed: 'x' is not allowed; expected a whole number"),
        (
            {"device": "tpu"},
            "device: 'tpu' is not allowed; expected one of 'auto', 'cpu', 'cuda' or 'mps'",
        ),
        ({"nonsense": 1}, "nonsense: 1 is not allowed; expected no such field here"),
    ],
)
def test_one_clear_line_for_what_is_wrong(change: dict, sentence: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(BadInput) as caught:
        Experiment.parse(change)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_a_population_that_does_not_fit_is_refused_before_it_is_allocated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KELVIN_MEMORY", "0.001")
    with pytest.raises(
        CannotRun,
        match=(
            r"lanes\[0\].*GiB.*expected a smaller network and population: not even two networks "
            r"of this size fit in 0\.0 GiB here"
        ),
    ):
        Experiment.parse(
            {
                "dataset": "mnist-small",
                "network": {"name": "mlp", "hidden": [1024]},
                "lanes": [{"name": "annealing", "population_size": 1024}],
            }
        )


@pytest.mark.parametrize(
    ("flat", "sentence"),
    [
        ({"dataset": "mnits"}, "dataset: 'mnits' is not allowed"),
        (
            {"annealing.chans": "5"},
            "annealing.chans: '5' is not allowed; expected one of annealing.",
        ),
        (
            {"annealing.population_size": "many"},
            "annealing.population_size: 'many' is not allowed; expected a whole number",
        ),
        (
            {"eki.population_size": "5"},
            "eki.population_size: '5' is not allowed; expected one of dataset",
        ),
        ({"lanes": "adam,"}, "lanes: '' is not allowed; expected one of annealing"),
        ({"seconds": "1", "flops": "2"}, "flops: '2' is not allowed; expected one budget only"),
        ({"seconds": "soon"}, "seconds: 'soon' is not allowed; expected a number"),
        ({"seconds": "nan"}, "budget.amount: nan is not allowed; expected a finite number"),
        ({"seed": "1.5"}, "seed: '1.5' is not allowed; expected a whole number"),
        ({"hello": "world"}, "hello: 'world' is not allowed; expected one of dataset"),
        (
            {"network.hidden": "16,,16"},
            "network.hidden[1]: '' is not allowed; expected a whole number",
        ),
    ],
)
def test_flat_complaints_name_the_key(flat: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        from_flat(flat)
    assert str(caught.value).startswith(sentence)
