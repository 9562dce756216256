"""A race on a map that is saved and continued: as if it had never been interrupted."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from engine.any_race import load_checkpoint
from engine.combinatorial import checkpoint
from engine.combinatorial.experiment import CombinatorialExperiment
from engine.combinatorial.methods import METHODS
from engine.combinatorial.race import CombinatorialRace
from engine.errors import BadInput
from engine.messages.encoding import encode
from engine.system import checkpoint_file
from tests.engine.support.interrupting import without_clock

INSTANCES: dict[str, Any] = {
    "tour": {"name": "random", "cities": 60},
    "routes": {"name": "deliveries", "customers": 40},
    "pairing": "timetable",
    "landing": "landings",
}
CASES = [
    (kind, cls.name)
    for kind in INSTANCES
    for cls in METHODS
    if kind in cls.solves and not cls.outside
]


def race_of(kind: str, lanes: list[Any], amount: float = 4e5) -> CombinatorialRace:
    value = {
        "instance": INSTANCES[kind],
        "lanes": lanes,
        "budget": {"currency": "evaluations", "amount": amount},
        "seed": 3,
    }
    return CombinatorialRace(CombinatorialExperiment.parse(value), marks=20)


def parts(race: CombinatorialRace) -> list[bytes]:
    return [
        encode(without_clock(part))
        for frame in race
        for part in (frame.metrics, frame.picture or {"type": "none"})
    ]


def saved_and_loaded(race: CombinatorialRace, folder: Path) -> CombinatorialRace:
    again = load_checkpoint(checkpoint.save(race, folder / "race"))[0]
    assert isinstance(again, CombinatorialRace)
    return again


def interrupted(race: CombinatorialRace, at: int) -> list[bytes]:
    """What iterating gives until so many steps are taken."""
    found: list[bytes] = []
    while sum(lane.step for lane in race.lanes) < at and not race.finished:
        if race.due():
            frame = race.next_frame()
            found += [encode(without_clock(one)) for one in (frame.metrics, frame.picture or {})]
        else:
            race.advance()
    return found


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_every_method_goes_on_as_if_uninterrupted(kind: str, name: str, tmp_path: Path) -> None:
    whole = race_of(kind, [name, "annealing"])
    frames = parts(whole)
    steps = sum(lane.step for lane in whole.lanes)
    chance = random.Random(name)
    for at in {chance.randint(1, steps), steps}:
        race = race_of(kind, [name, "annealing"])
        found = interrupted(race, at)
        again = saved_and_loaded(race, tmp_path)
        assert found + parts(again) == frames, f"interrupted after {at} of {steps} steps"
        assert without_clock(again.results()) == without_clock(whole.results())


def test_what_a_visitor_did_is_saved_too(tmp_path: Path) -> None:
    def begun() -> CombinatorialRace:
        race = race_of("tour", ["annealing", "iterated"])
        interrupted(race, 6)
        race.set_cities(move=[[3, 0.5, 0.5]], drop=[7], add=[[0.1, 0.2], [0.9, 0.1]])
        race.set_hyperparameter(1, "temperature", 0.5)
        race.reheat(0, 3.0)
        interrupted(race, 12)
        return race

    one, other = begun(), saved_and_loaded(begun(), tmp_path)
    assert other.instance.size == 61
    assert other.done == one.done
    assert parts(other) == parts(one)
    assert without_clock(other.results()) == without_clock(one.results())


def test_a_race_with_a_solver_of_others_is_not_saved(tmp_path: Path) -> None:
    value = {"instance": INSTANCES["tour"], "lanes": ["annealing", "fast-tsp"]}
    race = CombinatorialRace(CombinatorialExperiment.parse(value))
    try:
        assert not checkpoint.can_be_saved(race)
        with pytest.raises(ValueError, match="a program outside"):
            checkpoint.save(race, tmp_path / "race")
    finally:
        race.close()


def test_classes_of_others_are_not_made(tmp_path: Path) -> None:
    race = race_of("tour", ["annealing"])
    kept = checkpoint.take(race)
    for name in ("os:PathLike", "engine.combinatorial.checkpoint:Path", "subprocess:Popen"):
        kept["lanes"][0]["state"]["class"] = name
        checkpoint_file.write(tmp_path / "race", kept)
        with pytest.raises(BadInput, match="a snapshot of a race by this version of Kelvin"):
            load_checkpoint(tmp_path / "race")
