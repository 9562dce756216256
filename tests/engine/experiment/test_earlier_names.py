"""Fields that were renamed: what earlier versions wrote still opens."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.experiment.query_string import from_flat, to_flat
from engine.optimizers import OPTIMIZERS
from engine.race.race import Race
from engine.registry import fields

EARLIER = [
    (method.name, old, new)
    for method in OPTIMIZERS
    for base in reversed(method.__mro__)
    for old, new in vars(base).get("formerly", {}).items()
    if old not in method.model_fields
]


def other_value(method: str, field: str) -> Any:
    """Return a value of a field that is not its default."""
    cls = OPTIMIZERS.get(method)
    described = next(entry for entry in fields(cls) if entry["name"] == field)
    if options := described.get("options"):
        return next(one for one in options if one != described["default"])
    if described["type"] == "integer":
        return (described["default"] or 20) + 1
    low = described.get("minimum", described.get("above", 0.0))
    return ((described["default"] or 0.5) + max(low, 1e-9)) / 2


@pytest.mark.parametrize(("method", "old", "new"), EARLIER)
def test_an_earlier_name_means_the_field(method: str, old: str, new: str) -> None:
    value = other_value(method, new)
    # Isotropic noise as strong as the default is refused in so many dimensions.
    more = {"sigma": 0.01} if value == "isotropic" else {}
    lanes = [{"name": method, field: value, **more} for field in (old, new)]
    one, two = (Experiment.parse({"dataset": "digits", "lanes": [lane]}) for lane in lanes)
    assert one == two
    assert getattr(one.lanes[0], new) == value
    assert old not in one.lanes[0].to_json()
    flat = to_flat(one)
    assert from_flat(flat) == one
    link = {key.replace(f".{new}", f".{old}"): text for key, text in flat.items()}
    assert link != flat
    assert from_flat(link) == one
    with pytest.raises(BadInput, match="one value only"):
        Experiment.parse({"lanes": [{"name": method, old: value, new: value}]})
    with pytest.raises(BadInput, match=rf"{method}\.{old}: 'x' is not allowed"):
        from_flat({"lanes": method, f"{method}.{old}": "x"})


def test_every_method_was_renamed_or_has_its_names() -> None:
    assert len(EARLIER) > 60
    for method, old, new in EARLIER:
        assert new in OPTIMIZERS.get(method).model_fields, (method, old, new)


def test_an_earlier_name_takes_the_place_of_what_a_landscape_suggests() -> None:
    dataset = {"name": "landscape", "function": "rastrigin"}
    usual, few = (
        Experiment.parse({"dataset": dataset, "lanes": [lane]}).lanes[0].to_json()
        for lane in ({"name": "pso"}, {"name": "pso", "particles": 7})
    )
    assert usual["population_size"] == 24
    assert few["population_size"] == 7


def test_a_recorded_change_under_an_earlier_name_is_repeated() -> None:
    value = {"lanes": ["sgd"], "device": "cpu", "dataset": "moons"}
    races = [Race(Experiment.parse(value), pictures=False) for _ in range(2)]
    for race, name in zip(races, ("rate", "learning_rate"), strict=True):
        race.advance()
        race.set_hyperparameter(0, name, 0.3)
        race.advance()
    assert races[0].experiment == races[1].experiment
    assert races[0].lanes[0].state.estimate.equal(races[1].lanes[0].state.estimate)
