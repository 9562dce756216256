"""Metropolis chains that flip signs: the rule step by step, Boltzmann's law, what is charged."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from engine import evaluation
from engine.datasets.base import Dataset
from engine.experiment.model import Experiment
from engine.losses import LOSSES
from engine.networks import MLP, Binary
from engine.networks.base import Network
from engine.observation.step_trace import step_with_stages
from engine.optimizers import OPTIMIZERS
from engine.optimizers.annealing import Annealing
from engine.optimizers.common.metropolis import metropolis, tsallis
from engine.oracle import Oracle
from engine.race import checkpoint
from engine.race.race import Race
from engine.random.rng import Rng

ONE = 1e-6
"""Share of the weights that makes it one."""


def problem(network: Network, samples: int, loss: str = "margin") -> Oracle:
    generator = torch.Generator().manual_seed(5)
    x = torch.rand(samples, 2, generator=generator) - 0.4
    y = torch.arange(samples) % 2
    return Oracle(network, LOSSES[loss], Dataset(x, y, x, y, ("a", "b"), "table"), "loss")


def fixed(temperature: float, **settings: Any) -> Annealing:
    given = {"initial_temperature": temperature, "final_temperature": temperature}
    return Annealing(proposal="flip", **given, **settings)


@pytest.mark.parametrize("temperature", [0.5, 1e-3])
def test_a_step_is_the_metropolis_rule_flip_by_flip(temperature: float) -> None:
    """Against the rule written out for one chain at a time, with the same random numbers."""
    network = Binary(hidden=(4, 3)).build((2,), 2)
    oracle = problem(network, 9)
    optimizer = fixed(temperature, population_size=3, flips=50, block_fraction=ONE)
    theta = network.init(torch.Generator().manual_seed(1))
    state = optimizer.init(theta, Rng(0, "x"), oracle)
    best, best_loss = theta, float(state.losses[0])

    def loss(at: Tensor) -> float:
        found = evaluation.losses(network, oracle.loss, at.unsqueeze(0), oracle.x, oracle.targets)
        return float(found)

    for step in range(1, 5):
        before, counted = state.population.clone(), oracle.evaluations
        state = optimizer.step(state, Rng(0, "x").at(step), oracle)
        assert oracle.evaluations - counted == 9 * 3 * (1 + 50)
        rng = Rng(0, "x").at(step)
        chosen, u, kept = rng.integers(network.dimension, 50, 3), rng.uniform(50, 3), 0
        for chain, at in enumerate(before):
            here = loss(at)
            for weight, chance in zip(chosen[:, chain], u[:, chain].tolist(), strict=True):
                tried = at.clone()
                tried[weight] = -tried[weight]
                there = loss(tried)
                if there <= here or chance < math.exp(-(there - here) / temperature):
                    at, here, kept = tried, there, kept + 1
                    if here < best_loss:
                        best, best_loss = at, here
            assert torch.equal(state.population[chain], at)
            assert float(state.losses[chain]) == here
        assert state.estimate_loss == best_loss == loss(state.estimate)
        assert loss(best) == best_loss
        assert 0 < kept < 150
    assert state.target is None  # there is no step size to aim with


@pytest.mark.parametrize(
    ("network", "share", "flips", "temperature"),
    [
        (Binary(hidden=(2,)).build((2,), 2), ONE, 7, 0.3),
        (Binary(hidden=(2,)).build((2,), 2), 0.25, 1, 0.3),
        (Binary(hidden=()).build((2,), 2), ONE, 3, 4.0),
        (MLP(hidden=(1,)).build((2,), 2), ONE, 1, 0.05),
    ],
    ids=["compiled", "two at a time", "one layer", "real weights"],
)
def test_at_a_fixed_temperature_chains_follow_boltzmanns_law(
    network: Network, share: float, flips: int, temperature: float
) -> None:
    """By enumeration of all signs; real weights keep their sizes."""
    loss = "margin" if isinstance(network, type(Binary().build((2,), 2))) else "squared-error"
    oracle, chains = problem(network, 7, loss), 400
    optimizer = fixed(temperature, population_size=chains, flips=flips, block_fraction=share)
    theta = network.init(torch.Generator().manual_seed(1))
    state = optimizer.init(theta, Rng(0, "x"), oracle)
    signs = torch.tensor(list(product((-1.0, 1.0), repeat=network.dimension)))
    energy = evaluation.losses(
        network, oracle.loss, signs * theta.abs(), oracle.x, oracle.targets
    ).double()
    law = (-energy / temperature).softmax(0)
    assert law.max() > 4 * law.min(), "a law that says something"
    counts, powers = torch.zeros(len(signs)), 2 ** torch.arange(network.dimension - 1, -1, -1)
    steps = 200
    for step in range(1, steps + 1):
        state = optimizer.step(state, Rng(0, "x").at(step), oracle)
        if step > 50:
            places = ((state.population > 0).long() * powers).sum(1)
            counts.index_add_(0, places, torch.ones(chains))
    found = (counts / counts.sum()).double()
    chance = (law / counts.sum()).sqrt().sum() * 0.4  # expected distance of independent draws
    assert 0.5 * (found - law).abs().sum() < 0.01 + 3 * chance
    mean = float((found * energy).sum())
    assert mean == pytest.approx(float((law * energy).sum()), rel=0.03)


def test_limits_are_the_rules_solved_for_the_rise() -> None:
    u = Rng(0, "x", dtype=torch.float64).uniform(2000)
    rise = 3 * Rng(1, "x", dtype=torch.float64).uniform(2000) - 0.5
    for rule in (metropolis(0.5), tsallis(0.5, -5.0), tsallis(0.5, 0.9)):
        assert torch.equal(rule(u, rise), (rise <= 0) | (rise < rule.limits(u)))


def experiment(lanes: list[Any], amount: float, currency: str = "evaluations") -> Experiment:
    return Experiment.parse(
        {
            "dataset": "iris",
            "network": {"name": "binary", "hidden": [6]},
            "lanes": lanes,
            "budget": {"currency": currency, "amount": amount},
            "device": "cpu",
        }
    )


METHODS = ["annealing", "parallel-tempering", "population-annealing"]


@pytest.mark.parametrize("currency", ["evaluations", "flops"])
@pytest.mark.parametrize("name", METHODS)
def test_a_budget_is_met_to_within_a_network(name: str, currency: str) -> None:
    """However many flips a step has: the last one is cut."""
    amount = 1.23456e6
    race = Race(experiment([name], amount, currency), marks=4, pictures=False)
    list(race)
    oracle, chains = race.lanes[0].oracle, race.lanes[0].optimizer.population_size  # type: ignore[attr-defined]
    samples = len(oracle.targets)
    network = race.network.flops if currency == "flops" else 1
    assert abs(oracle.spent(currency) - amount) <= 2 * chains * samples * network  # type: ignore[arg-type]


@pytest.mark.parametrize("name", METHODS)
def test_a_race_repeats_wherever_the_lane_stands_and_after_a_checkpoint(
    name: str, tmp_path: Path
) -> None:
    lane = {"name": name, "flips": 9}
    alone = Race(experiment([lane], 4e5), marks=5, pictures=False)
    last = list(alone)[-1].metrics["lanes"][0]
    assert last["acceptance"] > 0
    beside = Race(experiment([{"name": "adam", "batch": 0}, lane], 4e5), marks=5, pictures=False)
    for _ in range(60):
        beside.advance()
    again = checkpoint.load(checkpoint.save(beside, tmp_path / "race.pt"))
    other = list(again)[-1].metrics["lanes"][1]
    for number in ("loss", "test_loss", "evaluations", "flops", "acceptance", "temperature"):
        assert other[number] == last[number], number
    there, here = again.lanes[1].state.population, alone.lanes[0].state.population
    assert there is not None
    assert here is not None
    assert torch.equal(there, here)


@pytest.mark.parametrize("name", METHODS)
def test_slow_motion_shows_networks_that_were_tried(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    race = Race(experiment([{"name": name, "flips": 30}], 1e9), marks=5)
    asked = {}
    real = race.lanes[0].oracle.flip

    def flip(x: Tensor, *rest: Tensor) -> Any:
        asked["walk"] = real(x, *rest)
        return asked["walk"]

    monkeypatch.setattr(race.lanes[0].oracle, "flip", flip)
    message = step_with_stages(race, race.lanes[0], 0)
    walk = asked["walk"]
    tried = walk.dense()
    losses = evaluation.losses(
        race.network,
        race.lanes[0].oracle.loss,
        tried,
        race.lanes[0].oracle.x,
        race.lanes[0].oracle.targets,
    )
    torch.testing.assert_close(losses, walk.losses.flatten())
    assert message["stages"][-1]["points"] is not None
    assert all(stage["accepted"] is None for stage in message["stages"])
    assert torch.equal(
        walk.lowest()[1],
        tried[torch.where(walk.kept, walk.losses, torch.inf).flatten().argmin()],
    )


def test_every_method_with_proposals_has_flips() -> None:
    assert [cls.name for cls in OPTIMIZERS if "proposal" in cls.model_fields] == METHODS
