"""A race stopped at any step, saved, loaded and gone on with is the race that was never stopped."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from engine.experiment.model import Experiment
from engine.optimizers import OPTIMIZERS
from engine.race import checkpoint
from engine.race.race import Race
from tests.engine.support.properties import few
from tests.engine.support.repeating import outcome

STEPS = 8
SMALL = {"population_size": 6, "batch": 10}
QUICK = [
    "adam", "annealing", "cma-es", "cbo", "coolmomentum", "differential-evolution", "eki", "genetic",
    "langevin", "lbfgs", "low-rank-es", "openai-es", "parallel-tempering", "pso", "snes", "spsa",
]  # fmt: skip


def race_of(methods: list[str], batch: int, seed: int, threads: int) -> Race:
    lanes = [
        {
            "name": name,
            **{
                field: value
                for field, value in (SMALL | {"batch": batch}).items()
                if field in OPTIMIZERS.get(name).model_fields
            },
        }
        for name in methods
    ]
    value = {
        "dataset": {"name": "moons", "points": 30},
        "network": {"name": "mlp", "hidden": [3]},
        "lanes": lanes,
        "budget": {"currency": "evaluations", "amount": 1e9},
        "device": "cpu",
        "seed": seed,
        "threads": threads,
    }
    return Race(Experiment.parse(value), pictures=False)


def advance(race: Race, steps: list[int]) -> None:
    """Take steps of the lanes of these numbers, in that order."""
    for lane in steps:
        race.advance_lane(race.lanes[lane % len(race.lanes)])


@few(12)
@given(
    methods=st.lists(st.sampled_from(QUICK), min_size=1, max_size=2),
    batch=st.sampled_from([0, 10]),
    seed=st.integers(0, 2**31 - 1),
    order=st.lists(st.integers(0, 1), min_size=1, max_size=STEPS),
    stops=st.sets(st.integers(0, STEPS), min_size=1, max_size=2),
)
def test_stopped_anywhere_and_gone_on_is_not_stopped(
    methods: list[str], batch: int, seed: int, order: list[int], stops: set[int]
) -> None:
    whole, broken = (race_of(methods, batch, seed, 1) for _ in range(2))
    advance(whole, order)
    with tempfile.TemporaryDirectory() as folder:
        since = 0
        for stop in sorted(min(stop, len(order)) for stop in stops):
            advance(broken, order[since:stop])
            broken, since = checkpoint.load(checkpoint.save(broken, Path(folder) / "race")), stop
    advance(broken, order[since:])
    for lane in range(len(whole.lanes)):
        assert outcome(broken, lane) == outcome(whole, lane), whole.lanes[lane].optimizer.name


def test_another_race_is_told_apart() -> None:
    """The comparison sees a single step too many, and another seed."""
    one, two, three = (race_of(["adam"], 0, seed, 1) for seed in (1, 1, 2))
    advance(one, [0, 0])
    advance(two, [0])
    advance(three, [0, 0])
    assert outcome(one, 0) != outcome(two, 0)
    assert outcome(one, 0) != outcome(three, 0)
