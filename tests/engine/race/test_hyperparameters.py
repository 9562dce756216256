"""Knobs turned and weights set by hand while a method runs, for every method of the catalogue."""

from __future__ import annotations

import copy
import math
from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import Tensor

from engine import evaluation
from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.optimizers import OPTIMIZERS, Optimizer, State
from engine.optimizers.base import Phase
from engine.race.lane import Lane
from engine.race.race import Race
from tests.engine.observation.test_step_trace import race_of
from tests.engine.support.stand_ins import FunctionOracle, GivenRng

NAMES = OPTIMIZERS.names()
LIVE = [(name, knob["name"]) for name in NAMES for knob in OPTIMIZERS.build(name).knobs()]

ACTIVE: dict[tuple[str, str], dict[str, Any]] = {
    **{
        (name, "visiting_q"): {"proposal": "visiting"}
        for name in ("annealing", "parallel-tempering", "population-annealing")
    },
    ("annealing", "reheat_factor"): {
        "reheat_after": 0.001,
        "initial_temperature": 1e-3,
        "final_temperature": 1e-3,
    },
    ("annealing", "acceptance_q"): {
        "schedule": "generalized",
        "initial_temperature": 2,
        "final_temperature": 1,
    },
    ("hybrid", "differential_weight"): {"output_optimizer": "differential-evolution"},
    ("hybrid", "crossover_rate"): {"output_optimizer": "differential-evolution"},
    ("hybrid", "memory_considering_rate"): {"output_optimizer": "harmony-search"},
    ("hybrid", "pitch_adjusting_rate"): {"output_optimizer": "harmony-search"},
    ("openai-es", "final_fraction"): {"schedule": "cosine"},
    ("low-rank-es", "final_fraction"): {"schedule": "linear"},
    ("snes", "final_fraction"): {"schedule": "cosine"},
    ("spsa", "stability"): {"alpha": 0.602},
    ("coolmomentum", "radius"): {"source": "es"},
    ("langevin", "radius"): {"source": "es"},
    ("langevin", "momentum"): {"dynamics": "underdamped"},
    ("eki", "init_std"): {"respread_every": 2},
    ("eki", "momentum_share"): {"acceleration": "constant"},
    ("eki", "observation_noise"): {"form": "discrete"},
    ("levenberg-marquardt", "min_damping"): {"batch": 16, "min_damping": 1.0},
    ("levenberg-marquardt", "damping_increase"): {
        "batch": 16,
        "damping": 1e-10,
        "min_damping": 1e-10,
    },
}
"""Settings with which a knob is connected to anything: by default it belongs to an alternative that
is not chosen."""

SOON = {("annealing", "reheat_after"): 0.001, ("annealing", "reheat_factor"): 1e6}
"""Values to turn to, where another would tell only after these few steps."""


def lane_of(race: Race) -> Lane:
    return race.lanes[0]


def walk(race: Race, steps: int) -> State:
    for _ in range(steps):
        race.advance_lane(lane_of(race))
    return lane_of(race).state


def set_hyperparameter(race: Race, field: str, value: Any) -> None:
    lane = lane_of(race)
    lane.optimizer = lane.optimizer.with_hyperparameter(field, value)
    lane.optimizer.on_hyperparameter_change(lane.state, field, getattr(lane.optimizer, field))


def other(knob: dict[str, Any]) -> Any:
    """Another value that is allowed, far enough from the present one to matter within three
    steps.
    """
    value, low, high = knob["value"], knob.get("minimum", -math.inf), knob.get("maximum", math.inf)
    if "options" in knob:
        return next(option for option in knob["options"] if option != value)
    if knob["type"] == "boolean":
        return not value
    if knob["type"] == "integer":
        return max(low, min(high, (value or 0) + 1))
    if value is None:
        return min(high, 0.7)
    if knob.get("scale") == "log":
        return value * 30 if value * 30 <= high else value / 30
    return (value + (high if high - value > value - low else low)) / 2


def tensors(state: State) -> dict[str, Tensor]:
    return {
        field.name: value
        for field in fields(state)
        if isinstance(value := getattr(state, field.name), Tensor)
    }


def spent(name: str, settings: dict[str, Any]) -> float:
    """What six steps cost twice over: a budget that is half spent by then, so that plans have moved
    on.
    """
    race = race_of(name, settings)
    walk(race, 6)
    return 2.0 * lane_of(race).oracle.evaluations


@pytest.mark.parametrize(("name", "field"), LIVE)
def test_every_knob_may_be_turned_in_the_middle(name: str, field: str) -> None:
    settings = ACTIVE.get((name, field), {})
    budget = spent(name, settings)
    untouched = walk(race_of(name, settings, budget), 6)
    race = race_of(name, settings, budget)
    before = {key: value.shape for key, value in tensors(walk(race, 3)).items()}
    knob = next(knob for knob in lane_of(race).optimizer.knobs() if knob["name"] == field)
    value = SOON.get((name, field), other(knob))
    set_hyperparameter(race, field, value)
    after = tensors(walk(race, 3))
    assert {key: value.shape for key, value in after.items() if key in before} == before
    assert all(
        bool(torch.isfinite(after[key]).all()) for key in ("estimate", "population") if key in after
    )
    assert getattr(lane_of(race).optimizer, field) == value
    if knob["type"] == "number":
        same = [
            torch.equal(after[key], tensors(untouched)[key])
            for key in ("estimate", "population")
            if key in after
        ]
        assert not all(same), "turning it changed nothing"


@pytest.mark.parametrize("name", NAMES)
def test_every_method_has_a_knob_and_refuses_what_is_none(name: str) -> None:
    optimizer = OPTIMIZERS.build(name)
    knobs = optimizer.knobs()
    assert knobs
    for knob in knobs:
        assert {"name", "label", "type", "help", "value"} <= knob.keys()
        assert "default" not in knob
        assert knob["value"] == getattr(optimizer, knob["name"])
        if knob["type"] in ("number", "integer"):
            assert knob["minimum"] < knob["maximum"]
    live = [knob["name"] for knob in knobs]
    still = sorted(set(type(optimizer).model_fields) - set(live))
    assert "batch" in still
    for field in [*still, "no such field"]:
        with pytest.raises(BadInput) as refused:
            optimizer.with_hyperparameter(field, 1)
        line = str(refused.value)
        assert line.startswith(f"{field}: 1 is not allowed")
        assert "\n" not in line
        assert all(one in line for one in live)


@pytest.mark.parametrize("name", NAMES)
def test_a_value_out_of_range_is_refused_with_one_line(name: str) -> None:
    optimizer = OPTIMIZERS.build(name)
    for knob in optimizer.knobs():
        for value in ("warmer", [1], math.nan, math.inf, -1e12, 1e12):
            with pytest.raises(BadInput) as refused:
                optimizer.with_hyperparameter(knob["name"], value)
            assert str(refused.value).startswith(f"{knob['name']}: "), str(refused.value)
            assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", NAMES)
def test_every_method_explains_its_step(name: str) -> None:
    cls = OPTIMIZERS.get(name)
    assert 2 <= len(cls.phases) <= 5
    assert all(isinstance(phase, Phase) for phase in cls.phases)
    assert len({phase.name for phase in cls.phases}) == len(cls.phases)
    shows = [phase.shows for phase in cls.phases]
    assert "asked" in shows
    asked = shows.index("asked")
    assert all(one in ("moved", "resampled") for one in shows[:asked])
    order = ["asked", "answered", "moved", "improved", "swapped", "reshaped"]
    after = [order.index(one) for one in shows[asked:]]
    assert after == sorted(after), (
        "a point is asked about before it is answered, and answered before anything moves"
    )
    assert after[-1] >= 2
    for phase in cls.phases:
        assert 0 < len(phase.name) <= 20
        assert 20 <= len(phase.line) <= 110
        assert phase.line.endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_looking_at_the_knobs_changes_nothing(name: str) -> None:
    race = race_of(name)
    state = walk(race, 2)
    before = copy.deepcopy(state)
    first = lane_of(race).optimizer.knobs()
    first[0]["value"] = "something else"
    assert lane_of(race).optimizer.knobs()[0]["value"] != "something else"
    for field in fields(state):
        one, two = getattr(before, field.name), getattr(state, field.name)
        if isinstance(one, Tensor):
            assert torch.equal(one, two), field.name
        elif isinstance(one, list):
            torch.testing.assert_close(one, two, rtol=0, atol=0, equal_nan=True)
        elif field.name not in ("vectors", "steps", "changes"):
            assert one == two, field.name


LEAPS = {
    "levenberg-marquardt": "its step solves for all weights at once and may go anywhere",
    "lbfgs": "its first step after the memory is emptied is as long as the gradient is steep",
}
"""Methods whose single step can be as long as the difference set by hand."""


@pytest.mark.parametrize("name", NAMES)
def test_a_weight_set_by_hand_is_where_it_goes_on_from(name: str) -> None:
    race = race_of(name)
    state = walk(race, 3)
    index, old = 5, float(state.estimate[5])
    estimate, population = (
        state.estimate,
        None if state.population is None else state.population.clone(),
    )
    rest = estimate.clone()
    lane_of(race).optimizer.set_weight(state, index, old + 40.0)
    assert float(state.estimate[index]) == pytest.approx(old + 40.0)
    assert torch.equal(estimate, rest), "whoever holds the old estimate keeps it"
    rest[index] = state.estimate[index]
    assert torch.equal(state.estimate, rest), "no other weight moves"
    if population is not None:
        assert state.population is not None
        moved = state.population - population
        assert torch.allclose(moved[:, index], torch.tensor(40.0), atol=1e-4)
        assert float(moved.abs().sum(0).sort().values[-2]) == 0
    walk(race, 1)
    assert bool(torch.isfinite(lane_of(race).state.estimate).all())
    if name not in LEAPS:
        assert float(lane_of(race).state.estimate[index]) > old + 20, "it jumped back"
    after = walk(race, 3)
    assert bool(torch.isfinite(after.estimate).all())
    if name not in LEAPS:
        assert float(after.estimate[index]) > old + 10, "it was drawn back"


def test_losses_remembered_from_before_are_judged_anew() -> None:
    for name in (
        "annealing",
        "parallel-tempering",
        "population-annealing",
        "differential-evolution",
        "harmony-search",
        "genetic",
        "pso",
        "random-search",
    ):
        race = race_of(name, {"batch": 0})
        lane = lane_of(race)
        state: Any = walk(race, 3)
        usual = -lane.oracle.evaluations + (walk(race, 1), lane.oracle.evaluations)[1]
        state = lane.state
        lane.optimizer.set_weight(state, 3, 2.5)
        assert state.stale
        before = lane.oracle.evaluations
        state = walk(race, 1)
        assert not state.stale
        assert lane.oracle.evaluations - before >= usual, name
        if name != "genetic":  # which judges its children alone, and then its elite too
            assert lane.oracle.evaluations - before > usual, name
        weights, told = (
            (state.best, state.best_losses) if name == "pso" else (state.population, state.losses)
        )
        true = evaluation.losses(
            race.network, race.loss, weights, lane.oracle.x, lane.oracle.targets
        )
        assert torch.allclose(told, true, rtol=1e-4, atol=1e-6), name
        best = float(
            evaluation.losses(
                race.network,
                race.loss,
                state.estimate.unsqueeze(0),
                lane.oracle.x,
                lane.oracle.targets,
            )[0]
        )
        assert state.estimate_loss == pytest.approx(best, rel=1e-4), name
        before = lane.oracle.evaluations
        walk(race, 1)
        assert lane.oracle.evaluations - before == usual, f"{name} judges them anew once only"


@pytest.mark.parametrize(
    ("index", "value"),
    [
        (-1, 0.0),
        (10_000, 0.0),
        (True, 0.0),
        (0.5, 0.0),
        (0, math.nan),
        (0, math.inf),
        (0, "1"),
        (0, None),
    ],
)
def test_no_such_weight_and_no_such_number(index: Any, value: Any) -> None:
    race = race_of("adam")
    with pytest.raises(BadInput) as refused:
        lane_of(race).optimizer.set_weight(lane_of(race).state, index, value)
    assert "\n" not in str(refused.value)


def test_temperatures_of_the_plan_follow_the_hand() -> None:
    race = race_of("annealing", budget=1e6)
    walk(race, 2)
    set_hyperparameter(race, "initial_temperature", 3.0)
    set_hyperparameter(race, "final_temperature", 0.3)
    state = walk(race, 1)
    progress = state.seen  # type: ignore[attr-defined]
    assert state.temperature == pytest.approx(3.0 * 0.1**progress)
    set_hyperparameter(race, "final_temperature", 3)
    assert lane_of(race).optimizer.planned_temperature(state, 0.5) == pytest.approx(3.0)
    with pytest.raises(BadInput, match="before the first step only"):
        lane_of(race).optimizer.with_hyperparameter("final_temperature", None)


def test_adaptive_cooling_still_cools_when_one_temperature_is_turned_past_the_other() -> None:
    race = race_of(
        "annealing",
        {"schedule": "adaptive", "initial_temperature": 1.0, "final_temperature": 1e-3},
        budget=1e5,
    )
    walk(race, 3)
    set_hyperparameter(race, "initial_temperature", 1e-5)
    state: Any = lane_of(race).state
    for _ in range(10):
        hot, accepted = state.temperature, state.acceptance
        state = walk(race, 1)
        assert (state.temperature < hot) == (accepted > state.target)


def test_a_step_size_that_adapts_is_set_and_goes_on_from_there() -> None:
    race = race_of("annealing")
    walk(race, 5)
    set_hyperparameter(race, "adapt", False)
    set_hyperparameter(race, "step_size", 0.25)
    state: Any = walk(race, 3)
    assert state.target is None
    assert torch.equal(state.step_sizes, torch.full((4,), 0.25))
    set_hyperparameter(race, "adapt", True)
    set_hyperparameter(race, "target_acceptance", 0.4)
    state = walk(race, 1)
    assert state.target == 0.4
    assert bool(((state.step_sizes / 0.25).log().abs() <= 0.05).all())
    assert not bool((state.step_sizes == 0.25).any())


def test_sigma_is_set_and_the_shape_learned_stays() -> None:
    for name in ("snes", "sep-cma-es", "cma-es"):
        race = race_of(name)
        state: Any = walk(race, 5)
        shape = state.sigma / state.sigma.mean() if name == "snes" else state.c.clone()
        set_hyperparameter(race, "sigma", 0.07)
        assert float(state.sigma.mean()) == pytest.approx(0.07)
        assert torch.allclose(state.sigma / 0.07 if name == "snes" else state.c, shape)
        knob = lane_of(race).optimizer.knobs()[0]
        assert (knob["label"], knob["metric"], knob["value"]) == ("σ", "sigma", 0.07)
        assert walk(race, 1).metrics["sigma"] == pytest.approx(0.07, rel=0.5)


def test_damping_is_set_at_once() -> None:
    race = race_of("levenberg-marquardt", {"batch": 0})
    walk(race, 2)
    set_hyperparameter(race, "damping", 1e4)
    assert walk(race, 1).metrics["damping"] >= 1e4


def test_an_underdamped_ball_keeps_its_velocity_when_the_step_size_is_turned() -> None:
    """Two steps on L = ½‖θ‖² by hand: velocity u/√η, so u is four times as long with sixteen times
    the η; nothing else is different.
    """
    theta, mu = torch.tensor([1.0, -2.0], dtype=torch.float64), 0.9
    oracle: Any = FunctionOracle(lambda x: 0.5 * x.square().sum(1), 2)
    optimizer = OPTIMIZERS.build(
        {
            "name": "langevin",
            "dynamics": "underdamped",
            "learning_rate": 0.01,
            "momentum": mu,
            "batch": 0,
        }
    )
    state: Any = optimizer.init(theta, GivenRng(), oracle)
    zeros = [[0.0, 0.0]]
    state = optimizer.step(state, GivenRng(normals=zeros), oracle)
    u = -0.005 * theta
    x = theta + u / 2 + mu * u / 2
    u = mu * u
    assert torch.allclose(state.estimate, x)
    optimizer = optimizer.with_hyperparameter("learning_rate", 0.16)
    state = optimizer.step(state, GivenRng(normals=zeros), oracle)
    u = 4 * u - 0.16 * x
    assert torch.allclose(state.estimate, x + u / 2 + mu * u / 2)


def test_momentum_turned_on_begins_at_rest_and_turned_off_is_forgotten() -> None:
    race = race_of("forward-gradient", {"learning_rate": 0.1})
    assert walk(race, 2).momentum is None  # type: ignore[attr-defined]
    set_hyperparameter(race, "momentum", 0.5)
    state: Any = walk(race, 1)
    first = state.momentum.clone()
    state = walk(race, 1)
    assert bool(state.momentum.any())
    assert not torch.equal(state.momentum, first)
    race = race_of("sgd", {"momentum": 0.9})
    walk(race, 2)
    set_hyperparameter(race, "momentum", 0.0)
    assert walk(race, 1).momentum is None  # type: ignore[attr-defined]
    set_hyperparameter(race, "momentum", 0.9)
    before = lane_of(race).state.estimate.clone()
    state = walk(race, 1)
    sgd: Any = lane_of(race).optimizer
    assert torch.allclose(state.estimate, before - sgd.learning_rate * state.momentum)


def test_a_search_turned_off_leaves_no_old_cloud() -> None:
    race = race_of("hybrid")
    assert walk(race, 1).population is not None
    set_hyperparameter(race, "rounds", 0)
    assert walk(race, 1).population is None


def test_a_copy_remembers_what_was_chosen_and_the_first_stays_as_it_is() -> None:
    first: Optimizer = OPTIMIZERS.build({"name": "adam", "learning_rate": 0.02})
    copied = first.with_hyperparameter("beta1", 0.5).with_hyperparameter("learning_rate", 3)
    assert (first.to_json()["beta1"], first.to_json()["learning_rate"]) == (0.9, 0.02)
    assert copied.to_json() == {**first.to_json(), "beta1": 0.5, "learning_rate": 3.0}
    assert copied.model_fields_set == {"learning_rate", "beta1"}


@pytest.mark.parametrize("name", ["annealing", "parallel-tempering", "population-annealing"])
def test_the_temperatures_in_store_are_told_anew_where_a_hand_changed_them(name: str) -> None:
    race = Race(
        Experiment.parse(
            {
                "dataset": "moons",
                "lanes": [name, "adam"],
                "budget": {"currency": "evaluations", "amount": 1e6},
            }
        )
    )
    before = race.stage()["lanes"][0]["plan"]
    assert "planned" not in race.metrics(0)["lanes"][0]
    if before is None:
        pytest.skip("its temperatures stand still")
    race.set_hyperparameter(0, "initial_temperature", 7.0)
    rows = race.metrics(1)["lanes"]
    assert len(rows[0]["planned"]) == len(before)
    assert rows[0]["planned"][0] == pytest.approx(7.0)
    assert "planned" not in rows[1]
    assert "planned" not in race.metrics(2)["lanes"][0]
