"""Races are fair, repeatable and honest about what they cost."""

import math
from typing import Any

import pytest
import torch

from engine.experiment.model import Experiment
from engine.messages.encoding import encode
from engine.optimizers import OPTIMIZERS
from engine.oracle import Currency
from engine.race.race import Race
from tests.there import there

CLOCK_FIELDS = ("clock", "seconds", "core_seconds")


def experiment(
    lanes: list[Any], amount: float = 2e5, currency: str = "evaluations", **rest: Any
) -> Experiment:
    return Experiment.parse(
        {
            "dataset": "moons",
            "network": {"name": "mlp", "hidden": [8]},
            "lanes": lanes,
            "budget": {"currency": currency, "amount": amount},
            **rest,
        }
    )


def without_clock(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: without_clock(entry) for key, entry in value.items() if key not in CLOCK_FIELDS
        }
    if isinstance(value, list):
        return [without_clock(entry) for entry in value]
    return value


def test_every_lane_starts_from_the_very_same_weights() -> None:
    race = Race(experiment(OPTIMIZERS.names()[:4]))
    first = race.metrics(0)["lanes"]
    for lane, row in zip(race.lanes, first, strict=True):
        assert torch.equal(lane.state.estimate, race.theta) or lane.optimizer.family in (
            "Kalman",
            "Swarm",
        )
        assert row["loss"] == pytest.approx(first[0]["loss"], rel=1e-5)


def test_the_same_experiment_gives_the_same_frames() -> None:
    runs = []
    for _ in range(2):
        frames = list(Race(experiment(["annealing", "eki", "pso", "adam"], 5e4, seed=5), marks=20))
        runs.append(
            [
                encode(without_clock(part))
                for frame in frames
                for part in (frame.metrics, frame.picture)
            ]
        )
    assert runs[0] == runs[1]
    assert len(runs[0]) >= 2 * 15
    other = list(Race(experiment(["annealing", "eki", "pso", "adam"], 5e4, seed=6), marks=20))
    assert encode(without_clock(other[-1].metrics)) != runs[0][-2]


@pytest.mark.parametrize("currency", ["evaluations", "flops"])
def test_no_lane_is_ever_ahead_by_more_than_a_step(currency: Currency) -> None:
    race = Race(
        experiment(
            ["annealing", "adam", "sgd"], 5e4 if currency == "evaluations" else 5e6, currency
        )
    )
    dearest = [0.0] * 3
    while not race.finished:
        before = [lane.oracle.spent(currency) for lane in race.lanes]
        index = race.advance()
        assert before[index] == min(
            spent
            for spent, lane in zip(before, race.lanes, strict=True)
            if not lane.finished or lane.index == index
        )
        dearest[index] = max(
            dearest[index], race.lanes[index].oracle.spent(currency) - before[index]
        )
    amount = race.experiment.budget.amount
    for lane, most in zip(race.lanes, dearest, strict=True):
        assert abs(lane.oracle.spent(currency) - amount) <= most / 2 + 1


def test_iterating_gives_frames_at_shares_of_the_budget() -> None:
    frames = list(Race(experiment(["sgd"]), marks=10, pictures=False))
    progress = [frame.metrics["lanes"][0]["progress"] for frame in frames]
    assert progress[0] < 0.1
    assert progress[-1] == 1
    assert len(frames) == 11
    assert all(abs(p - i / 10) < 0.02 for i, p in enumerate(progress))
    assert [frame.k for frame in frames] == list(range(11))
    assert all(frame.picture is None for frame in frames)


def test_looking_is_charged_to_nobody() -> None:
    race = Race(experiment(["annealing", "adam"]))
    before = [(lane.oracle.evaluations, lane.oracle.seconds) for lane in race.lanes]
    race.metrics(0)
    race.picture(0)
    assert [(lane.oracle.evaluations, lane.oracle.seconds) for lane in race.lanes] == before


def test_looking_does_not_change_the_race() -> None:
    watched, blind = (
        Race(experiment(["annealing", "eki", "adam"])),
        Race(experiment(["annealing", "eki", "adam"])),
    )
    for k in range(60):
        watched.advance()
        blind.advance()
        watched.metrics(k)
        watched.picture(k)
    for one, other in zip(watched.lanes, blind.lanes, strict=True):
        assert torch.equal(one.state.estimate, other.state.estimate)


def test_a_lane_that_diverges_is_told_and_the_others_go_on() -> None:
    race = Race(
        experiment(
            [{"name": "sgd", "learning_rate": 100.0, "momentum": 0.99}, "adam"],
            loss="squared-error",
            network={"name": "mlp", "hidden": [8], "activation": "relu"},
        ),
        marks=20,
    )
    last = list(race)[-1].metrics["lanes"]
    assert "SGD with momentum diverged: its loss " in last[0]["trouble"]
    assert " is kept." in last[0]["trouble"]
    assert last[0]["finished"]
    assert last[1]["trouble"] is None
    assert math.isfinite(last[1]["loss"])
    assert math.isfinite(there(race.results()[0]["loss"])), "the last good moment is kept"


def test_reheating_is_an_event_in_the_next_metrics() -> None:
    race = Race(experiment(["annealing", "adam"], 5e6))
    while race.lanes[0].step < 20:
        race.advance()
    before, steps = race.lanes[0].state.temperature, [lane.step for lane in race.lanes]
    assert race.reheat(0, 10.0)
    assert not race.reheat(1, 10.0)
    while race.advance() != 0:
        pass
    assert race.lanes[0].state.temperature > before * 2  # type: ignore[operator]
    assert race.metrics(1)["events"] == [
        {"kind": "reheat", "lane": 0, "step": race.lanes[0].step - 1, "steps": steps, "value": 10.0}
    ]
    assert race.metrics(2)["events"] == []


def test_a_finished_race_does_not_advance() -> None:
    race = Race(experiment(["sgd"], 100))
    race.advance()
    with pytest.raises(RuntimeError, match="over"):
        race.advance()


def test_the_agreement_is_the_cosine_of_the_step_with_the_slope_and_charged_to_nobody() -> None:
    race = Race(
        Experiment.parse(
            {
                "dataset": {"name": "moons", "points": 60},
                "lanes": ["sgd"],
                "budget": {"currency": "evaluations", "amount": 1e9},
            }
        )
    )
    lane = race.lanes[0]
    assert race.metrics(0)["lanes"][0]["agreement"] is None  # no step yet
    race.advance_lane(lane)
    before = lane.oracle.evaluations
    # The probe is all 60 samples and the first step of SGD on its batch of all 60 goes straight
    # down the slope.
    assert race.metrics(1)["lanes"][0]["agreement"] == pytest.approx(1.0, abs=1e-5)
    assert lane.oracle.evaluations == before
    for _ in range(3):
        race.advance_lane(lane)
    start, step = lane.move or (None, None)
    assert start is not None
    assert step is not None
    at = start.clone().unsqueeze(0).requires_grad_()
    data = race.dataset
    (slope,) = torch.autograd.grad(
        race.loss.values(race.network.forward(at, data.x_train), data.y_train).sum(), at
    )
    expected = float(-(step @ slope[0]) / step.norm() / slope[0].norm())
    assert race.metrics(2)["lanes"][0]["agreement"] == pytest.approx(expected, abs=1e-5)


def test_a_precision_chosen_rounds_products_but_for_those_compared_one_by_one() -> None:
    """PSO beside annealing: in bf16 the swarm's losses differ a little, the chains' and what is
    shown of anybody not by a bit.
    """
    value = {
        "dataset": "moons",
        "lanes": ["pso", "annealing"],
        "budget": {"currency": "evaluations", "amount": 1e6},
        "device": "cpu",
    }
    exact, rough = (
        Race(Experiment.parse(value)),
        Race(Experiment.parse({**value, "precision": "bf16"})),
    )
    assert Experiment.parse(rough.experiment.to_json()) == rough.experiment
    states: list[list[Any]] = [[lane.state for lane in race.lanes] for race in (exact, rough)]
    one, two = (both[0].losses.float() for both in states)
    assert 0 < float((one - two).abs().max()) < 0.1
    assert torch.equal(states[0][1].losses, states[1][1].losses)
    for _ in range(20):
        exact.advance_lane(exact.lanes[1])
        rough.advance_lane(rough.lanes[1])
    populations: list[Any] = [race.lanes[1].state.population for race in (exact, rough)]
    assert torch.equal(*populations)
    assert exact.metrics(0)["lanes"][1]["loss"] == rough.metrics(0)["lanes"][1]["loss"]
    assert (
        exact.metrics(1)["lanes"][0]["loss"] == rough.metrics(1)["lanes"][0]["loss"]
    )  # its first weights are still its estimate
