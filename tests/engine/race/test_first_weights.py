"""Where a race starts: a law of the first weights, or weights of an earlier race."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from scipy import stats

from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.observation.weights_file import save
from engine.race.race import Race


def race_of(start: dict[str, Any], **more: Any) -> Race:
    value = {
        "dataset": "digits",
        "network": {"name": "mlp", "hidden": [40]},
        "lanes": ["adam"],
        "start": start,
        "budget": {"currency": "evaluations", "amount": 2000},
        **more,
    }
    return Race(Experiment.parse(value, local_files=True), pictures=False)


def test_the_usual_law_is_the_networks_own() -> None:
    assert torch.equal(race_of({}).theta, race_of({"law": "usual"}).theta)


def test_normal_weights_have_the_stated_deviation() -> None:
    theta = race_of({"law": "normal", "sigma": 0.3}).theta
    assert stats.kstest(theta.numpy(), stats.norm(scale=0.3).cdf).pvalue > 0.01
    assert torch.equal(race_of({"law": "normal", "sigma": 0.6}).theta, 2 * theta)


def test_glorots_law_is_uniform_within_its_reach_and_biases_are_zero() -> None:
    race = race_of({"law": "glorot", "gain": 4.0})
    for layer in race.network.layers:
        part = race.theta[layer.start : layer.stop]
        if len(layer.shape) == 1:
            assert not part.any()
            continue
        reach = 4 * (6 / (layer.shape[0] + layer.shape[1])) ** 0.5
        assert stats.kstest(part.numpy(), stats.uniform(-reach, 2 * reach).cdf).pvalue > 0.01


def test_zeros_are_zeros() -> None:
    assert not race_of({"law": "zeros"}).theta.any()


def test_a_race_goes_on_from_the_weights_of_another(tmp_path: Path) -> None:
    first = race_of({})
    while not first.finished:
        first.advance()
    path = save(first, tmp_path / "w.safetensors")
    second = race_of({"law": "file", "file": str(path)}, lanes=["sgd", "snes"])
    assert torch.equal(second.theta, first.lanes[0].state.estimate)
    assert second.score(second.lanes[0])[0] == pytest.approx(first.score(first.lanes[0])[0])


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = save(race_of({}), tmp_path / "w.safetensors")
    for start, more, field in (
        ({"law": "file", "file": str(path), "lane": 1}, {}, "start.lane"),
        (
            {"law": "file", "file": str(path)},
            {"network": {"name": "mlp", "hidden": [41]}},
            "start.file",
        ),
        ({"law": "file", "file": str(tmp_path / "none")}, {}, "weights"),
        ({"law": "file"}, {}, "start.file"),
        ({"law": "zeros", "file": str(path)}, {}, "start.file"),
    ):
        with pytest.raises(BadInput) as error:
            race_of(start, **more)
        assert error.value.field == field


@pytest.mark.parametrize(
    ("start", "field"),
    [
        ({"sigma": 2.0}, "start.sigma"),
        ({"law": "glorot", "sigma": 2.0}, "start.sigma"),
        ({"law": "normal", "gain": 4.0}, "start.gain"),
        ({"law": "zeros", "lane": 1}, "start.lane"),
    ],
)
def test_what_another_law_would_use_is_told(start: dict[str, Any], field: str) -> None:
    (told,) = Experiment.parse({"dataset": "moons", "start": start}).unused()
    assert told.startswith(f"{field} is not used: ")
    usual = {"sigma": 1.0, "gain": 1.0, "lane": 0}
    assert Experiment.parse({"dataset": "moons", "start": usual}).unused() == []
    used = {"law": "normal", "sigma": 2.0}
    assert Experiment.parse({"dataset": "moons", "start": used}).unused() == []


def test_no_page_may_name_a_file_of_this_machine(tmp_path: Path) -> None:
    value = {"dataset": "digits", "start": {"law": "file", "file": str(tmp_path / "x")}}
    with pytest.raises(BadInput, match="command line"):
        Experiment.parse(value)
