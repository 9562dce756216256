"""Lanes that do worse than at their start, and settings at the ends of their ranges: each works or
ends in a sentence.
"""

import random
from typing import Any

import pytest

from engine.errors import BadInput
from engine.optimizers import OPTIMIZERS
from engine.registry import fields
from tests.engine.support.races import ends_well, on_formula, on_moons

# A lane that does worse than at its start.


@pytest.mark.parametrize(
    "lane", [{"name": "mezo"}, {"name": "sgd", "learning_rate": 1.05, "momentum": 0.0}]
)
def test_a_lane_that_does_worse_than_at_its_start_is_told_so(lane: dict[str, Any]) -> None:
    race = on_formula(
        "floor(abs(x))+floor(abs(y))" if lane["name"] == "mezo" else "x^2+y^2",
        lane,
        x=4,
        y=4,
        amount=2000 if lane["name"] == "mezo" else 300,
        marks=40,
    )
    rows = [frame.metrics["lanes"][0] for frame in race]
    start, last = rows[0]["loss"], rows[-1]
    assert last["loss"] > start
    assert last["trouble"] is None
    assert (
        f"ended worse than at the start: its loss is {last['loss']:.4g} and was {start:.4g} at "
        f"its start."
    ) in last["note"]
    assert any(row["note"] and "is worse than at the start" in row["note"] for row in rows[:-1]), (
        "while it goes on, too"
    )
    assert race.results()[0]["note"] == last["note"]
    fine = on_formula("x^2+y^2", {"name": "sgd", "learning_rate": 0.1, "momentum": 0.0}, x=4, y=4)
    assert [frame.metrics["lanes"][0]["note"] for frame in fine] == [None] * 11


# Settings at the ends of their ranges.


def extreme(name: str, draw: random.Random) -> dict[str, Any]:
    """A method with some of its numbers at an end of their range, as little as it takes of what
    costs time.
    """
    lane: dict[str, Any] = {"name": name}
    for entry in fields(OPTIMIZERS.get(name)):
        numbers = [
            entry[end] for end in ("minimum", "maximum") if isinstance(entry.get(end), int | float)
        ]
        if entry["type"] == "float" and numbers and draw.random() < 0.5:
            lane[entry["name"]] = draw.choice(numbers)
        elif entry["type"] == "int" and len(numbers) == 2 and draw.random() < 0.5:
            lane[entry["name"]] = min(
                max(numbers), max(min(numbers), draw.choice((min(numbers), 8)))
            )
        elif entry["type"] == "bool":
            lane[entry["name"]] = draw.random() < 0.5
        elif entry.get("options") and draw.random() < 0.7:
            lane[entry["name"]] = draw.choice(entry["options"])
    return lane


TEMPERED = ("annealing", "parallel-tempering", "population-annealing")


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))]
)
@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_settings_at_the_ends_of_their_ranges_work_or_end_in_a_sentence(
    name: str, seed: int
) -> None:
    draw = random.Random(f"{name} {seed}")
    for formula in ("x^2+y^2", "10^30*1000000*(x^2+y^2)", "sqrt(x)+y^2"):
        lane = extreme(name, draw)
        if name in TEMPERED:
            lane |= {
                "final_temperature": draw.choice((5e-324, 1e-300, 1e-46, 1e6)),
                "initial_temperature": draw.choice((None, 5e-324, 1e-46, 1e6)),
            }
        try:
            race = (
                on_formula(formula, lane, amount=300, marks=5)
                if name != "levenberg-marquardt"
                else on_moons(lane, 3e3)
            )
        except BadInput:
            continue
        for number in range(6):
            if race.lanes[0].finished:
                break
            race.advance()
            live = [
                knob
                for knob in race.lanes[0].optimizer.knobs()
                if knob["type"] == "float" and "minimum" in knob
            ]
            if number == 2 and live and not race.lanes[0].finished:
                knob = draw.choice(live)
                race.set_hyperparameter(
                    0,
                    knob["name"],
                    draw.choice(
                        [knob[end] for end in ("minimum", "maximum") if knob.get(end) is not None]
                    ),
                )
            if number == 3 and not race.lanes[0].finished:
                race.put_weight(0, 0, 1e6)
            if number == 4:
                race.reheat(0, draw.choice((1e-300, 1e300)))
        ends_well(race)


def test_a_step_size_turned_from_the_widest_to_the_narrowest_while_it_runs() -> None:
    for name in ("cma-es", "sep-cma-es", "snes"):
        race = on_formula("10^30*1000000*(x^2+y^2)", {"name": name, "sigma": 100.0}, amount=600)
        for value in (1e-4, 100.0, 1e-4):
            for _ in range(5):
                race.advance()
            race.set_hyperparameter(0, "sigma", value)
        race.put_weight(0, 0, 10.0)
        ends_well(race)
        assert race.lanes[0].trouble is None
