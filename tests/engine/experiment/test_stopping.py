"""Lanes that end early: by a rule they were given, or because their loss is no number any more."""

import json
import math
from typing import Any

import pytest
import torch

from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.experiment.query_string import from_flat, to_flat
from engine.experiment.stopping import BestSoFar, Divergence, LaneCheck, StopRules
from engine.messages.encoding import decode, encode
from engine.optimizers import OPTIMIZERS, State
from engine.race.race import CHECKS, Race
from tests.there import there


def race_of(*lanes: Any, marks: int = 50, amount: float = 3e5, **rest: Any) -> Race:
    value = {
        "dataset": {"name": "moons", "points": 100},
        "network": {"name": "mlp", "hidden": [8]},
        "lanes": lanes,
    }
    return Race(
        Experiment.parse(value | {"budget": {"currency": "evaluations", "amount": amount}} | rest),
        marks=marks,
    )


def test_no_rule_is_the_default_and_every_lane_spends_its_budget() -> None:
    race = race_of("adam", amount=5e4)
    last = list(race)[-1].metrics["lanes"][0]
    assert race.experiment.stop == StopRules() == StopRules(target=None, patience=None)
    assert (last["progress"], last["stopped"]) == (1, None)


def test_a_lane_stops_at_the_first_check_at_which_it_has_reached_the_target() -> None:
    free = [frame.metrics["lanes"][0] for frame in race_of("adam", marks=CHECKS)]
    first = next(row for row in free if row["loss"] <= 0.1)
    race = race_of(
        "adam", {"name": "sgd", "learning_rate": 1e-6}, stop={"target": 0.1}, marks=CHECKS
    )
    rows = [frame.metrics["lanes"] for frame in race]
    ended = next(row[0] for row in rows if row[0]["finished"])
    assert ended["step"] == first["step"]
    assert ended["stopped"] == f"Adam reached the target loss 0.1 at step {ended['step']:,}."
    assert (
        ended["loss"]
        <= 0.1
        < next(row for row in reversed(free) if row["step"] < ended["step"])["loss"]
    )
    assert 0 < ended["progress"] < 1
    assert rows[-1][0] | {"agreement": 0} == ended | {"agreement": 0}, (
        "a lane that has ended stands still"
    )
    assert rows[-1][1]["progress"] == 1, "the others go on"
    assert rows[-1][1]["stopped"] is None
    assert [row["stopped"] for row in race.results()] == [ended["stopped"], None]
    again = [
        frame.metrics["lanes"][0]["stopped"]
        for frame in race_of("adam", {"name": "sgd", "learning_rate": 1e-6}, stop={"target": 0.1})
    ]
    assert again[-1] == ended["stopped"]


def test_a_lane_without_patience_left_stops() -> None:
    race = race_of({"name": "sgd", "learning_rate": 1e-6}, "adam", stop={"patience": 0.2})
    rows = [frame.metrics["lanes"] for frame in race]
    ended = next(row[0] for row in rows if row[0]["finished"])
    assert 0.2 <= ended["progress"] <= 0.2 + 2 / 50
    assert "has not improved by 0.1 % for 20% of the budget" in ended["stopped"]
    assert rows[-1][1]["step"] > 0


def test_what_counts_as_an_improvement() -> None:
    rules = StopRules(patience=0.1)
    best, why = rules.judge("It", 5, 1.0, 0.2, None)
    assert (best, why) == (BestSoFar(5, 1.0, 0.2, 1.0), None)
    assert rules.judge("It", 6, 0.9991, 0.25, best) == (best, None), "too little"
    assert rules.judge("It", 6, 0.9989, 0.25, best) == (BestSoFar(6, 0.9989, 0.25, 1.0), None)
    assert rules.judge("It", 9, 0.9991, 0.3, best)[1] is not None
    for unit in (1.0, 2.0**-30, 2.0**40):
        for lift in (0.0, 4096.0, -4096.0):
            height = [unit * (lift + value) for value in (10.0, 2.0, 2.0 - 2**-7, 2.0 - 2**-6)]
            start, _ = rules.judge("It", 0, height[0], 0.0, None, lowest=None)
            assert (
                rules.judge("It", 1, height[0] - unit * 2**-20, 0.1, start, lowest=None)[0].step
                == 1
            ), "nothing was gained yet"
            best, _ = rules.judge("It", 5, height[1], 0.2, start, lowest=None)
            assert best == BestSoFar(5, height[1], 0.2, height[0])
            assert rules.judge("It", 6, height[2], 0.25, best, lowest=None)[0] == best, (
                "less than 0.1 % of 8 units"
            )
            assert rules.judge("It", 6, height[3], 0.25, best, lowest=None)[0] == BestSoFar(
                6, height[3], 0.25, height[0]
            )
            _, why = rules.judge("It", 9, height[2], 0.3, best, lowest=None)
            assert why is not None
            assert "has not improved by 0.1 % of its earlier decrease for 10% of the budget" in why
    assert (
        StopRules(target=-2).judge("It", 1234, -2.0, 0.5, None)[1]
        == "It reached the target loss -2 at step 1,234."
    )


@pytest.mark.parametrize("method", ["adam", "annealing", "cma-es", "pso"])
def test_lifting_a_landscape_changes_nothing_about_when_a_lane_stops(method: str) -> None:
    ended = []
    for lift, unit in ((0, 1), (1024, 1), (-1024, 1), (0, 16)):
        # heights in steps of 2^-9, which single precision holds at 1024 as well
        formula = f"{unit}*(floor(512*(min(x^2+3*y^2+x*y,400)))/512+{lift})"
        lane: Any = {"name": "sgd", "learning_rate": 0.05} if method == "adam" else method
        if method == "adam":
            formula = f"{unit}*(x^2+3*y^2+{lift})"
            lane = {"name": "adam", "learning_rate": 0.125}
        value = {
            "dataset": {
                "name": "landscape",
                "function": "formula",
                "formula": formula,
                "start_x": 8,
                "start_y": 7,
                "reach": 16,
            },
            "lanes": [lane],
            "budget": {"currency": "evaluations", "amount": 6000},
            "stop": {"patience": 0.2},
        }
        race = Race(Experiment.parse(value), marks=100, pictures=False)
        row = list(race)[-1].metrics["lanes"][0]
        ended.append((row["step"], row["stopped"] is not None))
    assert ended[0][1], "it was stopped"
    if method == "adam":  # its slopes are found to single precision of the ground's own height
        assert (
            max(step for step, _ in ended) - min(step for step, _ in ended)
            <= 0.02 * ended[0][0] + 60
        )
    else:
        assert len(set(ended)) == 1, ended


def test_a_change_by_hand_begins_patience_anew() -> None:
    race = race_of({"name": "sgd", "learning_rate": 1e-6}, stop={"patience": 0.2})
    for frame in race:
        if frame.k == 8:
            race.set_hyperparameter(0, "learning_rate", 1e-6)
    ended = race.metrics(0)["lanes"][0]
    assert 0.36 <= ended["progress"] <= 0.42


def test_rules_travel_with_the_experiment() -> None:
    flat = {"dataset": "moons", "stop.target": "0.05", "stop.patience": "0.25"}
    experiment = from_flat(flat)
    assert experiment.stop == StopRules(target=0.05, patience=0.25)
    assert from_flat(to_flat(experiment)) == experiment
    assert Experiment.parse(json.loads(json.dumps(experiment.to_json()))) == experiment
    assert from_flat({"stop.target": "none"}, experiment.to_json()).stop == StopRules(patience=0.25)
    assert not [key for key in to_flat(Experiment()) if key.startswith("stop")]
    for bad, sentence in (
        ({"stop.target": "low"}, "stop.target: 'low' is not allowed; expected a number"),
        ({"stop.patience": "0"}, "stop.patience: 0.0 is not allowed; expected at least 0.001"),
        ({"stop.patience": "1.5"}, "stop.patience: 1.5 is not allowed; expected at most 1"),
        ({"stop.never": "1"}, "stop.never: '1' is not allowed; expected one of dataset"),
    ):
        with pytest.raises(BadInput) as caught:
            from_flat(bad)
        assert str(caught.value).startswith(sentence)


# Divergence.


def finite(value: Any) -> bool:
    """Whether every number anywhere in a message is one."""
    if isinstance(value, dict):
        return all(finite(entry) for entry in value.values())
    if isinstance(value, list):
        return all(finite(entry) for entry in value)
    if isinstance(value, torch.Tensor):
        return bool(torch.isfinite(value.float()).all())
    return not isinstance(value, float) or math.isfinite(value)


def breaking(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    at: int,
    tells: bool,
    weights: int = 10**6,
    value: float = math.nan,
) -> None:
    """Make a method's weights no numbers at a step; a method that ``tells`` knows its loss."""
    cls = OPTIMIZERS.get(name)
    step = cls.step

    def broken(self: Any, state: State, rng: Any, oracle: Any) -> State:
        state = step(self, state, rng, oracle)
        state.metrics["taken"] = state.metrics.get("taken", 0.0) + 1
        if state.metrics["taken"] >= at:
            state.estimate = state.estimate.clone()
            state.estimate[:weights] = value
            state.estimate_loss = value if tells else None
        return state

    monkeypatch.setattr(cls, "step", broken)


@pytest.mark.parametrize(
    "tells", [True, False], ids=["the method knows its loss", "nobody knows before it is looked at"]
)
def test_divergence_is_told_exactly_and_the_last_good_moment_is_kept(
    monkeypatch: pytest.MonkeyPatch, tells: bool
) -> None:
    breaking(monkeypatch, "sgd", at=123, tells=tells)
    race = race_of("sgd", "adam", amount=2e5, marks=CHECKS)
    frames = list(race)
    rows = [frame.metrics["lanes"][0] for frame in frames]
    good = [row for row in rows if row["trouble"] is None][-1]
    bad = next(row for row in rows if row["trouble"] is not None)
    assert good["step"] < 123 <= bad["step"]
    when = "at step 123" if tells else f"between steps {good['step']} and {bad['step']}"
    assert bad["trouble"] == (
        f"SGD with momentum diverged: its loss and 42 of 42 weights were NaN {when}. "
        f"The last good moment, step {good['step']} with loss {good['loss']:.3g}, is kept. A "
        f"smaller step size usually helps."
    )
    assert rows[-1] | {"agreement": 0} == bad | {"agreement": 0}, (
        "a lane that has ended stands still"
    )
    assert bad["finished"]
    assert bad["loss"] == pytest.approx(good["loss"], rel=1e-4), "all the samples are in the probe"
    assert bad["test_accuracy"] == pytest.approx(good["test_accuracy"])
    assert all(finite(frame.metrics) and finite(frame.picture) for frame in frames)
    assert finite(race.detail(0))
    assert finite(race.weights(0))
    json.dumps(race.results(), allow_nan=False)
    assert race.results()[0]["loss"] == pytest.approx(good["loss"], rel=1e-4)
    assert rows[-1]["step"] == bad["step"]
    assert frames[-1].metrics["lanes"][1]["progress"] == 1, "the others go on"
    assert decode(encode(frames[-1].metrics))["lanes"][0]["loss"] is not None


def test_the_sentence_says_what_was_no_number() -> None:
    good = LaneCheck(120, torch.zeros(1), 0.4123)
    kept = "The last good moment, step 120 with loss 0.412, is kept."
    assert Divergence(131, math.nan, 354, 0, 354).sentence("It", good, True, "Rest.") == (
        f"It diverged: its loss and 354 of 354 weights were NaN at step 131. {kept} Rest."
    )
    assert (
        "its loss was infinite, although all of its 9 weights were finite, between steps 120 "
        "and 131."
    ) in Divergence(131, math.inf, 0, 0, 9).sentence("It", good, False)
    assert "its loss and 3 of 9 weights were infinite at step 131" in Divergence(
        131, math.inf, 0, 3, 9
    ).sentence("It", good, True)
    assert "its loss was NaN and 5 of 9 weights were NaN or infinite at step 131" in Divergence(
        131, math.nan, 2, 3, 9
    ).sentence("It", good, True)
    assert "NaN at step 121." in Divergence(121, math.nan, 9, 0, 9).sentence("It", good, False), (
        "one step since the good moment: that one"
    )
    assert (
        Divergence(131, -math.inf, 0, 0, 2)
        .sentence("It", LaneCheck(0, torch.zeros(1)), True)
        .endswith("The last good moment, step 0, is kept.")
    )
    assert Divergence.of(
        3, math.inf, torch.tensor([1.0, math.nan, -math.inf, math.inf])
    ) == Divergence(3, math.inf, 1, 2, 4)


def test_a_bad_batch_that_is_got_over_is_no_divergence(monkeypatch: pytest.MonkeyPatch) -> None:
    cls = OPTIMIZERS.get("sgd")
    step = cls.step

    def shaky(self: Any, state: State, rng: Any, oracle: Any) -> State:
        state = step(self, state, rng, oracle)
        state.estimate_loss = math.inf
        return state

    monkeypatch.setattr(cls, "step", shaky)
    race = race_of("sgd", amount=5e4)
    last = list(race)[-1].metrics["lanes"][0]
    assert last["trouble"] is None
    assert last["progress"] == 1


def test_results_of_a_race_nobody_looked_at_are_numbers_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    breaking(monkeypatch, "sgd", at=3, tells=False)
    race = race_of("sgd", amount=1e4)
    while not race.finished:
        race.advance()
    row = race.results()[0]
    assert math.isfinite(there(row["loss"]))
    assert "The last good moment, step 2 with loss" in there(row["trouble"])


# What a lane keeps in memory.


def test_memory_is_the_bytes_of_a_states_tensors() -> None:
    race = race_of("sgd", "adam", {"name": "annealing", "population_size": 8})
    sgd, adam, annealing = (row["memory"] for row in race.metrics(0)["lanes"])
    assert adam == 3 * 42 * 4, "θ, m and v"
    assert 42 * 4 <= sgd <= 2 * 42 * 4
    assert annealing >= 8 * 42 * 4
    assert [row["memory"] for row in race.results()] == [sgd, adam, annealing]
