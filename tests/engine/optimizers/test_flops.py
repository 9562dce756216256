"""The method's own arithmetic, as it is charged in FLOPs, beside an independent count of the matrix
products that are really made.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from engine.experiment.model import Experiment
from engine.losses import get_loss
from engine.optimizers import OPTIMIZERS
from engine.optimizers.levenberg_marquardt import System
from engine.oracle import Oracle
from engine.populations.antithetic import AntitheticPopulation
from engine.populations.noise import DenseNoise, LowRankNoise, Noise, Part, SeededNoise
from engine.race import checkpoint
from engine.race.race import Race
from engine.random.rng import Rng
from tests.engine.support.stand_ins import FunctionOracle
from tests.engine.support.unchecked import unchecked

TOLERANCE = 0.35
"""Of what is charged beside what is counted: small systems, vectors and factorisations are told
apart in neither."""


def counted(lane: Any, size: int, outputs: int) -> tuple[float, float]:
    """What three steps are charged, and the products counted in them, on a problem whose own answer
    needs none.
    """

    def answers(x: Tensor) -> Tensor:
        return torch.stack([(x * (k + 1)).sin().sum(1) for k in range(outputs)], 1).unsqueeze(1)

    oracle = FunctionOracle(lambda x: (x**2).sum(1), size, outputs=answers)
    oracle.loss, oracle.targets = get_loss("squared-error"), torch.zeros(1, dtype=torch.long)
    optimizer, rng = OPTIMIZERS.build(lane), Rng(0, "x", dtype=torch.float64)
    state = optimizer.init(torch.ones(size, dtype=torch.float64), rng, oracle)
    oracle.flops = 0
    with FlopCounterMode(display=False) as counter:
        for step in range(1, 4):
            state = optimizer.step(state, rng.at(step), oracle)
    return oracle.flops, counter.get_total_flops()


@pytest.mark.parametrize(
    "lane",
    [
        {"name": "eki", "population_size": 60},
        {"name": "enkf", "population_size": 60},
        {"name": "cma-es", "population_size": 40, "decompose_every": 1000},
    ],
    ids=lambda lane: lane["name"],
)
@pytest.mark.parametrize("size", [80, 300])
def test_products_are_charged_as_they_are_counted(lane: Any, size: int) -> None:
    charged, found = counted(lane, size, 10)
    if lane["name"] == "cma-es":
        found += (
            3 * 2 * (40 + 1) * size**2
        )  # the covariance is updated in place, by a product that the counter does not know
    assert found > 1e5
    assert charged == pytest.approx(found, rel=TOLERANCE)


@pytest.mark.parametrize(("rows", "weights"), [(60, 200), (200, 60)])
def test_the_systems_of_levenberg_and_marquardt_are_charged(rows: int, weights: int) -> None:
    j, r = torch.randn(rows, weights, dtype=torch.float64), torch.randn(rows, dtype=torch.float64)
    with FlopCounterMode(display=False) as forming:
        system = System(j, r)
    assert system.flops == pytest.approx(forming.get_total_flops(), rel=0.02)
    size = min(rows, weights)
    assert size**3 / 3 < system.solving < size**3 / 3 + 4 * rows * weights


def test_a_step_of_levenberg_and_marquardt_costs_far_more_than_its_passes() -> None:
    """Charged for its passes alone it got 250 times the arithmetic of the others."""
    value = {
        "dataset": "digits",
        "lanes": ["levenberg-marquardt"],
        "budget": {"currency": "evaluations", "amount": 4000},
    }
    race = Race(Experiment.parse(value), pictures=False)
    race.advance()
    oracle = race.lanes[0].oracle
    passes = oracle.evaluations * race.network.flops
    rows = 64 * 10
    assert oracle.flops - passes > 2 * rows**2 * race.network.dimension
    assert oracle.flops > 10 * passes


def test_evaluations_are_as_they_were() -> None:
    """One for a sample and a network, three for a gradient, whatever operations that takes."""
    for name in ("eki", "enkf", "cma-es", "adam", "openai-es", "low-rank-es"):
        value = {
            "dataset": "moons",
            "network": {"name": "mlp", "hidden": [4]},
            "lanes": [{"name": name, "batch": 0}],
            "budget": {"currency": "evaluations", "amount": 100_000},
        }
        race = Race(Experiment.parse(value), pictures=False)
        race.advance()
        oracle, samples = race.lanes[0].oracle, len(race.dataset.y_train)
        price = 3 if name == "adam" else 1
        asked = {"cma-es": race.lanes[0].optimizer.asked()}.get(name, 0)
        assert oracle.evaluations % (samples * price) == 0
        assert oracle.evaluations >= samples * price * max(1, asked // 40)


NETWORKS_TRIED: dict[str, tuple[str, Any]] = {
    "mlp": ("digits", {"name": "mlp", "hidden": [32, 16]}),
    "linear": ("digits", {"name": "mlp", "hidden": []}),
    "cnn": ("digits", "cnn"),
    "rere-cnn": ("mnist-small", "rere-cnn"),
    "yegenoglu-cnn": ("mnist-small", "yegenoglu-cnn"),
    "resnet20": ("mnist-small", {"name": "resnet20", "width": 8}),
    "gru": ("digits", "recurrent"),
    "elman": ("digits", {"name": "recurrent", "cell": "elman"}),
    "characters": ("opticks", "recurrent"),
    "transformer": ("opticks", "transformer"),
}
CONVOLUTIONS = ("cnn", "rere-cnn", "yegenoglu-cnn", "resnet20")
"""Of those PyTorch's counter takes the groups of a pass back for more than they are: one member
only."""


def oracle_of(dataset: str, network: Any, sees: Any, batch: int = 8) -> Oracle:
    value = {"dataset": dataset, "network": network, "lanes": ["adam"]}
    experiment = Experiment.parse(value)
    built = experiment.network.build_for(experiment.dataset)
    samples = experiment.dataset.load(0)
    return Oracle(built, get_loss(experiment.loss), samples, sees, batch, seed=1)


def members(oracle: Oracle, count: int) -> Tensor:
    generators = [torch.Generator().manual_seed(seed) for seed in range(count)]
    return torch.stack([oracle.network.init(generator) for generator in generators])


def charged_and_counted(oracle: Oracle, ask: Callable[[], Any]) -> tuple[int, int]:
    """What a question is charged, and the products that PyTorch's own counter sees."""
    before = oracle.flops
    with FlopCounterMode(display=False) as counter:
        ask()
    return oracle.flops - before, counter.get_total_flops()


@pytest.mark.parametrize("question", ["losses", "outputs", "gradients", "jvp", "jacobian"])
@pytest.mark.parametrize("name", NETWORKS_TRIED)
def test_what_is_asked_is_charged_as_it_is_counted(name: str, question: str) -> None:
    sees = {"losses": "loss", "gradients": "gradient"}.get(question, question)
    oracle = oracle_of(*NETWORKS_TRIED[name], sees)
    back = question in ("gradients", "jacobian", "jvp")
    population = members(oracle, 1 if name in CONVOLUTIONS and back else 3)
    asks = {
        "jvp": lambda: oracle.jvp(population[0], population),
        "jacobian": lambda: oracle.jacobian(population[0]),
    }
    if name in CONVOLUTIONS and question == "jacobian":
        pytest.skip("counted by samples that are groups")
    ask = asks.get(question, lambda: getattr(oracle, question)(population))
    charged, found = charged_and_counted(oracle, ask)
    assert found > 0
    assert charged == pytest.approx(found, rel=1e-9)


def mirrored(oracle: Oracle, kind: str, pairs: int = 6) -> AntitheticPopulation:
    theta, generator = members(oracle, 1)[0], torch.Generator().manual_seed(5)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    if kind == "full":
        noise: Noise = DenseNoise(normal(pairs, len(theta)))
    elif kind == "regenerated":
        noise = SeededNoise(3, pairs, theta)
    else:
        rank, parts = int(kind), list[Part]()
        for layer in oracle.network.layers:
            size, rows = layer.stop - layer.start, layer.shape[0]
            thin = (normal(pairs, rows, rank), normal(pairs, size // rows, rank))
            parts.append((normal(pairs, size),) if len(layer.shape) == 1 else thin)
        noise = LowRankNoise(parts, rank)
    return AntitheticPopulation(theta, noise, 0.1)


@pytest.mark.parametrize("kind", ["full", "regenerated", "1", "2", "5"])
@pytest.mark.parametrize("name", ["mlp", "linear", "gru"])
def test_mirrored_pairs_are_charged_what_they_share_once(name: str, kind: str) -> None:
    oracle = oracle_of(*NETWORKS_TRIED[name], "loss")
    asked = mirrored(oracle, kind)
    charged, found = charged_and_counted(oracle, lambda: oracle.losses(asked))
    plain = len(asked) * 8 * oracle.network.flops
    if name == "gru":  # no way of its own: members are written out, factors multiplied for it
        assert charged == plain
        return
    if kind == "1":  # a product with a single column is one of numbers, which are not counted
        outputs = [layer.shape[0] for layer in oracle.network.layers if len(layer.shape) > 1]
        found += 8 * 2 * (6 * outputs[0] + 12 * sum(outputs[1:]))
    assert charged == found
    assert charged < plain
    assert oracle.evaluations == len(asked) * 8


def test_thin_noise_costs_a_fraction() -> None:
    oracle = oracle_of("digits", "mlp", "loss", batch=256)
    plain = 80 * 256 * oracle.network.flops
    shares = []
    for kind in ("full", "1"):
        asked = mirrored(oracle, kind, pairs=40)
        shares.append(charged_and_counted(oracle, partial(oracle.losses, asked))[0] / plain)
    assert shares[0] == pytest.approx(1 / 1.7, rel=0.1)
    assert shares[1] == pytest.approx(1 / 5.5, rel=0.1)


@pytest.mark.parametrize("proposal", ["layer", "sparse"])
@pytest.mark.parametrize("method", ["annealing", "parallel-tempering", "population-annealing"])
def test_proposals_that_change_one_layer_are_charged_from_there_up(
    method: str, proposal: str
) -> None:
    lane = {"name": method, "population_size": 4, "batch": 0, "proposal": proposal}
    value = {
        "dataset": {"name": "moons", "points": 40},
        "network": {"name": "mlp", "hidden": [8, 8]},
        "lanes": [lane],
        "budget": {"currency": "evaluations", "amount": 1e6},
    }
    race = unchecked(Race(Experiment.parse(value), pictures=False))
    oracle = race.lanes[0].oracle
    for _ in range(12):
        charged, found = charged_and_counted(oracle, race.advance)
        assert charged == found
    plain = oracle.evaluations * race.network.flops
    if proposal == "layer" and method != "population-annealing":
        assert oracle.flops < 0.8 * plain


STEPS = {
    "adam": ({}, 0.0),
    "sgd": ({}, 0.0),
    "lbfgs": ({"history": 4}, 0.02),
    "levenberg-marquardt": ({}, 0.02),
    "eki": ({"population_size": 100}, 0.1),
    "openai-es": ({}, 0.02),
    "low-rank-es": ({"rank": 2}, 0.05),
    "hybrid": ({}, 0.0),
    "spsa": ({}, 0.02),
    "forward-gradient": ({}, 0.01),
}
"""Methods, settings, and the share of their operations that may be of another kind than products
inside the network and those charged by `Oracle.work`."""


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_charged_as_it_is_counted(name: str) -> None:
    settings, share = STEPS[name]
    value = {
        "dataset": "digits",
        "network": {"name": "mlp", "hidden": [32]},
        "lanes": [{"name": name, **settings}],
        "budget": {"currency": "evaluations", "amount": 1e9},
    }
    race = unchecked(Race(Experiment.parse(value), pictures=False))
    oracle = race.lanes[0].oracle
    race.advance()
    charged, found = charged_and_counted(oracle, race.advance)
    # The counter knows no factorisations.
    factorised = 640**3 / 3 if name == "levenberg-marquardt" else 0
    assert charged == pytest.approx(found + factorised, rel=share or 1e-9)


@pytest.mark.parametrize("method", ["annealing", "population-annealing"])
def test_a_race_taken_up_again_is_charged_the_same(method: str, tmp_path: Path) -> None:
    """What was remembered of the chains decides what the next question takes."""
    value = {
        "dataset": {"name": "moons", "points": 40},
        "network": {"name": "mlp", "hidden": [8, 8]},
        "lanes": [{"name": method, "population_size": 4, "batch": 0, "proposal": "layer"}],
        "budget": {"currency": "flops", "amount": 1e8},
    }
    race = Race(Experiment.parse(value), pictures=False)
    for at in range(6):
        race.advance()
        again = checkpoint.load(checkpoint.save(race, tmp_path / f"race-{at}"))
        before = race.lanes[0].oracle.flops
        for one in (race, again):
            one.advance()
        assert again.lanes[0].oracle.flops == race.lanes[0].oracle.flops > before
