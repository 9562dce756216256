"""Every registered method on every small dataset, from its defaults: it runs, counts are exact,
nothing it may not see is asked for, and it learns.
"""

import math
from typing import Any

import pytest
import torch

from engine.catalogue import catalogue
from engine.errors import CannotRun
from engine.experiment.model import Experiment
from engine.optimizers import FAMILIES, OPTIMIZERS
from engine.race.race import Race
from tests.engine.support.stand_ins import Passes
from tests.engine.support.unchecked import unchecked

NAMES = [
    "annealing",
    "parallel-tempering",
    "population-annealing",
    "hybrid",
    "coolmomentum",
    "langevin",
    "eki",
    "enkf",
    "pso",
    "cbo",
    "genetic",
    "differential-evolution",
    "harmony-search",
    "openai-es",
    "snes",
    "sep-cma-es",
    "cma-es",
    "low-rank-es",
    "finite-differences",
    "spsa",
    "mezo",
    "forward-gradient",
    "random-search",
    "sgd",
    "nesterov",
    "adam",
    "adamw",
    "lbfgs",
    "levenberg-marquardt",
    "multistart",
]
DATASETS = [
    *(
        "moons",
        "drawn",
        "sinc",
        "iris",
        "digits",
    ),  # one of every kind; the others are looked at in full only
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in ("spirals", "circles", "xor", "checkerboard", "step")
    ),
]
STEPS = 3


def race_of(name: str, dataset: Any, **more: Any) -> Race:
    return Race(
        Experiment.parse(
            {
                "dataset": dataset,
                "lanes": [name],
                "budget": {"currency": "evaluations", "amount": 1e9},
            }
            | more
        )
    )


def spy(race: Race) -> dict[str, float]:
    """Counts what really goes through the network, at the price of the door it went through."""
    oracle = unchecked(race).lanes[0].oracle
    outputs = len(race.dataset.classes)
    prices = {"losses": 1, "outputs": 1, "gradients": 3, "jvp": 3, "jacobian": 1 + 2 * outputs}
    seen: dict[str, float] = {"evaluations": 0, "price": 0}

    def counted(members: int, samples: int) -> None:
        seen["evaluations"] += members * samples * seen["price"]

    def part(members: int, samples: int, share: float) -> None:
        seen["evaluations"] += members * samples * share

    def watch(door: str, price: int) -> None:
        ask = getattr(oracle, door)

        def asked(*arguments: Any) -> Any:
            seen["price"] = price
            if (
                door == "jacobian"
            ):  # vectorised over the samples, so that the network itself sees them one by one
                seen["price"] = 0
                seen["evaluations"] += price * len(oracle.targets)
            return ask(*arguments)

        setattr(oracle, door, asked)

    for door, price in prices.items():
        watch(door, price)
    Passes(oracle.network, counted, part)
    return seen


def test_the_catalogue_is_complete() -> None:
    assert OPTIMIZERS.names() == NAMES
    assert [cls.family for cls in OPTIMIZERS] == [
        family for family, modules in FAMILIES.items() for _ in modules
    ]
    for entry in catalogue()["optimizers"]:
        assert entry["family"]
        assert entry["sees"] in ("loss", "outputs", "jvp", "gradient", "jacobian")
        assert "https://" in entry["paper"], entry["name"]
        assert entry["sentence"].endswith("."), entry["name"]
        for field in entry["fields"]:
            assert len(field["help"]) > 10, (entry["name"], field["name"])
            if field["type"] in ("number", "integer"):
                assert "minimum" in field and "maximum" in field, (entry["name"], field["name"])  # noqa: PT018


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("name", NAMES)
def test_it_runs_and_every_answer_is_counted(name: str, dataset: str) -> None:
    race = race_of(name, dataset)
    lane, theta = race.lanes[0], race.theta.clone()
    assert torch.equal(lane.state.estimate, theta), "every lane starts from the very same weights"
    before, seen = lane.oracle.evaluations, spy(race)
    for _ in range(STEPS):
        race.advance_lane(lane)
    assert seen["evaluations"] > 0
    spent = lane.oracle.spent("evaluations") - before
    assert spent == pytest.approx(seen["evaluations"], rel=1e-12)
    state = lane.state
    assert torch.equal(race.theta, theta)
    assert state.estimate.shape == theta.shape
    assert bool(torch.isfinite(state.estimate).all())
    if state.population is not None:
        assert state.population.ndim == 2
        assert state.population.shape[1] == len(theta)
        assert bool(torch.isfinite(state.population).all())
        if state.losses is not None:
            assert state.losses.shape == (len(state.population),)
    assert all(
        isinstance(value, float) and math.isfinite(value) for value in state.metrics.values()
    ), state.metrics
    metrics = race.metrics(0)["lanes"][0]
    assert math.isfinite(metrics["loss"])
    assert race.picture(0)["lanes"][0]["path"].shape[1] == 2


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_of_its_own_choosing_is_respected(name: str) -> None:
    race = race_of(name, "moons", lanes=[{"name": name, "batch": 32}])
    seen = spy(race)
    oracle = race.lanes[0].oracle
    before, chosen = oracle.evaluations, set()
    race.lanes[0].oracle.before_evaluation = lambda: chosen.add(len(oracle.targets))
    for _ in range(STEPS):
        race.advance_lane(race.lanes[0])
    assert oracle.spent("evaluations") - before == pytest.approx(seen["evaluations"], rel=1e-12)
    assert chosen == {32}


@pytest.mark.parametrize("name", NAMES)
def test_what_it_says_of_a_network_far_too_big_names_another_method(name: str) -> None:
    """A million weights: either it runs (a step is not tried here), or one line says what to take
    instead.
    """
    big = {"name": "mlp", "hidden": [1024, 1024]}
    said = None
    try:
        Experiment.parse({"dataset": "mnist-small", "network": big, "lanes": [name]})
    except CannotRun as refusal:
        said = refusal
    if said is not None:
        assert "\n" not in str(said)
        assert any(other in said.allowed for other in (*NAMES, "networks of this size")), str(said)
    assert (said is not None) or name not in ("cma-es", "levenberg-marquardt"), (
        "these two are sure not to fit"
    )


REACHED = {
    "annealing": 0.15,
    "parallel-tempering": 0.1,
    "population-annealing": 0.03,
    "hybrid": 0.01,
    "coolmomentum": 0.01,
    "langevin": 0.01,
    "eki": 0.05,
    "enkf": 0.06,
    "pso": 0.02,
    "cbo": 0.25,
    "genetic": 0.15,
    "differential-evolution": 0.05,
    "harmony-search": 0.12,
    "openai-es": 0.05,
    "snes": 0.01,
    "sep-cma-es": 0.01,
    "cma-es": 0.01,
    "low-rank-es": 0.12,
    "finite-differences": 0.32,
    "spsa": 0.32,
    "mezo": 0.08,
    "forward-gradient": 0.15,
    "random-search": 0.5,
    "sgd": 0.01,
    "nesterov": 0.01,
    "adam": 0.01,
    "adamw": 0.01,
    "lbfgs": 0.01,
    "levenberg-marquardt": 0.01,
    "multistart": 0.05,
}
"""Training loss on 100 moons after half a million evaluations from the defaults; it begins at about
0.7."""


@pytest.mark.parametrize(
    "name",
    [
        name
        if name in ("annealing", "eki", "openai-es", "cma-es", "adam")
        else pytest.param(name, marks=pytest.mark.slow)
        for name in NAMES
    ],
)
def test_the_defaults_reach_the_stated_loss(name: str) -> None:
    race = race_of(
        name, {"name": "moons", "points": 100}, budget={"currency": "evaluations", "amount": 5e5}
    )
    while not race.finished:
        race.advance()
    loss = race.results()[0]["loss"]
    assert loss is not None
    assert loss < REACHED[name] < 0.55


def test_every_chain_tells_its_own_acceptance_and_replicas_their_temperature() -> None:
    for name in ("annealing", "parallel-tempering", "population-annealing"):
        race = race_of(name, "moons")
        for _ in range(STEPS):
            race.advance_lane(race.lanes[0])
        vectors = race.metrics(0)["lanes"][0]["vectors"]
        chains = race.lanes[0].optimizer.population_size  # type: ignore[attr-defined]
        assert vectors["acceptance"].shape == (chains,)
        assert bool(((vectors["acceptance"] >= 0) & (vectors["acceptance"] <= 1)).all())
        if name == "parallel-tempering":
            assert vectors["temperature"].unique().shape == (chains,)
            assert vectors["swap rate"].shape == (chains - 1,)
