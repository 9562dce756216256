"""What earlier versions wrote still opens, and says the same as then.

In this folder: recordings and checkpoints as the versions of their time wrote them, experiments of
all methods under the names that fields had before they were renamed, and `then.json`, what each of
them said when it was new. Links state only what differs from the defaults, so of a link only what
it states is compared.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from engine import Race, Recording
from engine.any_race import load_checkpoint
from engine.combinatorial.methods.annealing import AnnealingState
from engine.combinatorial.race import CombinatorialRace
from engine.datasets import DATASETS
from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.experiment.query_string import from_flat
from engine.networks import NETWORKS
from engine.optimizers import OPTIMIZERS
from engine.race import checkpoint

OLD = Path(__file__).parent
THEN: dict[str, dict[str, Any]] = json.loads((OLD / "then.json").read_text("utf-8"))
EXPERIMENTS: list[dict[str, Any]] = json.loads((OLD / "experiments.json").read_text("utf-8"))
MOST_BYTES = 2 * 2**20


def same(now: Mapping[str, Any], then: Mapping[str, Any]) -> None:
    """Assert that an experiment says all that an older one said, whatever fields are called now."""
    for name, said in then.items():
        if name in ("dataset", "network"):
            choice(now[name], said, {"dataset": DATASETS, "network": NETWORKS}[name])
        elif name == "lanes":
            for one, old in zip(now["lanes"], said, strict=True):
                choice(one, old, OPTIMIZERS)
        elif isinstance(said, dict):
            assert {key: now[name][key] for key in said} == said
        else:
            assert now[name] == said, name


def choice(now: Mapping[str, Any], then: Mapping[str, Any], registry: Any) -> None:
    cls = registry.get(then["name"])
    for name, said in then.items():
        place = name if name == "name" else cls.current(name)
        assert now[place] == said, f"{cls.name}.{name}"


def opened(then: Mapping[str, Any]) -> None:
    """Assert that an experiment opens and that it says the same."""
    same(Experiment.parse(then).to_json(), then)


@pytest.mark.parametrize("link", THEN["links"])
def test_a_link_opens(link: str) -> None:
    same(from_flat(dict(parse_qsl(link))).to_json(), THEN["links"][link])


@pytest.mark.parametrize("then", EXPERIMENTS, ids=[one["lanes"][0]["name"] for one in EXPERIMENTS])
def test_an_experiment_opens(then: dict[str, Any]) -> None:
    opened(then)


@pytest.mark.parametrize(
    "setting",
    [
        {"start": {"law": "glorot", "sigma": 0.5}},
        {"dataset": {"name": "landscape", "function": "himmelblau", "formula": "x^2+y^2"}},
        {"dataset": {"name": "landscape", "function": "rosenbrock", "formula": "x^2+y^2"}},
        {
            "dataset": {"name": "landscape", "function": "ackley", "start_x": 1.0, "start_y": 1.0},
            "start": {"law": "normal"},
        },
    ],
    ids=str,
)
def test_an_experiment_with_settings_that_do_nothing_opens(setting: dict[str, Any]) -> None:
    opened({"lanes": [{"name": "adam"}], **setting})


@pytest.mark.parametrize("name", THEN["recordings"])
def test_a_recording_opens(name: str) -> None:
    then, recording = THEN["recordings"][name], Recording.read(OLD / f"{name}.kelvin")
    messages = list(recording)
    assert Counter(message["type"] for message in messages) == then["messages"]
    assert [lane["optimizer"] for lane in recording.stage["lanes"]] == then["lanes"]
    assert recording.stage["dimension"] == then["dimension"]
    last = [message for message in messages if message["type"] == "metrics"][-1]["lanes"]
    assert [lane["loss"] for lane in last] == then["losses"]
    assert [lane["step"] for lane in last] == then["steps"]
    assert recording.experiment == then["experiment"]
    opened(recording.experiment)


@pytest.mark.parametrize("name", THEN["checkpoints"])
def test_a_checkpoint_opens_and_its_race_goes_on(name: str) -> None:
    then = THEN["checkpoints"][name]
    race: Race = checkpoint.load(OLD / f"{name}.checkpoint")
    same(race.experiment.to_json(), then["experiment"])
    scores = race.metrics(0)["lanes"]
    for lane, score, old in zip(race.lanes, scores, then["lanes"], strict=True):
        assert (lane.step, lane.oracle.evaluations) == (old["step"], old["evaluations"])
        assert score["loss"] == pytest.approx(old["loss"], rel=1e-5)
    before = [lane.step for lane in race.lanes]
    for lane in race.lanes:
        race.advance_lane(lane)
    assert [lane.step for lane in race.lanes] == [step + 1 for step in before]
    assert [lane.trouble for lane in race.lanes] == [None] * len(race.lanes)


def test_a_checkpoint_of_a_race_on_cities_opens_and_its_race_goes_on() -> None:
    race, _ = load_checkpoint(OLD / "cities" / "before-cooling-names.checkpoint")
    assert isinstance(race, CombinatorialRace)
    coolings = []
    for lane in race.lanes[:2]:
        assert isinstance(lane.state, AnnealingState)
        coolings.append(lane.state.cooling)
    assert [one.recent_acceptance for one in coolings] == [0.4731550090316075, 0.19703184156915854]
    assert [one.length_std for one in coolings] == [2602852.5479858965, 2290211.0954875876]
    assert [lane.step for lane in race.lanes[:2]] == [13, 14]
    while not race.finished:
        race.advance()
    assert [lane.trouble for lane in race.lanes] == [None] * len(race.lanes)


@pytest.mark.parametrize("version", [1, 2])
def test_a_checkpoint_that_no_version_since_has_read_is_refused_in_a_sentence(version: int) -> None:
    with pytest.raises(BadInput, match=r"expected a snapshot of a race by this version of Kelvin$"):
        checkpoint.load(OLD / "refused" / f"version-{version}.checkpoint")


def test_every_method_and_a_few_of_each_kind_are_there() -> None:
    lanes = [lane["name"] for one in EXPERIMENTS for lane in one["lanes"]]
    assert {*lanes} <= {*OPTIMIZERS.names()}
    assert len({*lanes}) >= 29
    assert len(THEN["links"]) >= 10
    assert len(THEN["recordings"]) >= 3
    assert {path.stem for path in OLD.glob("*.kelvin")} == {*THEN["recordings"]}
    assert {path.stem for path in OLD.glob("*.checkpoint")} == {*THEN["checkpoints"]}
    assert sum(path.stat().st_size for path in OLD.rglob("*") if path.is_file()) < MOST_BYTES
