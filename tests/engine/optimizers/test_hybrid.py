"""SGD with output search: the gradient step against torch.optim, every search against a loop over
its members.
"""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from engine.datasets.base import Dataset
from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.losses import LOSSES
from engine.networks import MLP
from engine.networks.base import pack
from engine.optimizers.base import OPTIMIZERS
from engine.optimizers.hybrid import Hybrid, HybridState, output_layer
from engine.oracle import Oracle
from engine.race.race import Race
from engine.random.rng import Rng
from tests.engine.support.stand_ins import GivenRng

CLASSES, HIDDEN = 3, 4
START = 2 * HIDDEN + HIDDEN  # where the output layer begins
WIDTH = HIDDEN * CLASSES + CLASSES
NATURAL = HIDDEN**-0.5


def oracle_on(batch: int = 0, loss: str = "cross-entropy") -> Oracle:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(12, 2, generator=generator, dtype=torch.float64)
    y = torch.randint(CLASSES, (12,), generator=generator)
    data = Dataset(x, y, x, y, ("a", "b", "c"), "points")
    return Oracle(
        MLP(hidden=(HIDDEN,), activation="sigmoid").build((2,), CLASSES),
        LOSSES[loss],
        data,
        "gradient",
        batch,
        seed=7,
    )


def first_weights(oracle: Oracle) -> Tensor:
    return oracle.network.init(torch.Generator().manual_seed(1), torch.float64)


class Twin:
    """The same network in plain torch, and plain torch's SGD on it."""

    def __init__(self, theta: Tensor, rate: float) -> None:
        self.net = torch.nn.Sequential(
            torch.nn.Linear(2, HIDDEN), torch.nn.Sigmoid(), torch.nn.Linear(HIDDEN, CLASSES)
        ).double()
        torch.nn.utils.vector_to_parameters(theta, self.net.parameters())
        self.sgd = torch.optim.SGD(self.net.parameters(), lr=rate)

    def theta(self) -> Tensor:
        return torch.nn.utils.parameters_to_vector(self.net.parameters()).detach().clone()

    def step(self, oracle: Oracle) -> None:
        self.sgd.zero_grad()
        functional.cross_entropy(self.net(oracle.x), oracle.targets).backward()
        self.sgd.step()

    @torch.no_grad()
    def loss_with(self, x: Tensor, oracle: Oracle) -> float:
        """Loss with another output layer, every other layer as it is."""
        features = torch.sigmoid(self.net[0](oracle.x))
        weight, bias = x[: HIDDEN * CLASSES].reshape(CLASSES, HIDDEN), x[HIDDEN * CLASSES :]
        return float(functional.cross_entropy(features @ weight.T + bias, oracle.targets))

    def put(self, x: Tensor) -> None:
        torch.nn.utils.vector_to_parameters(
            torch.cat([self.theta()[:START], x]), self.net.parameters()
        )


def normals(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def uniforms(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def test_without_a_search_it_is_torchs_sgd() -> None:
    oracle = oracle_on(batch=5)
    optimizer = Hybrid(rounds=0, learning_rate=0.7)
    state = optimizer.init(first_weights(oracle), GivenRng(), oracle)
    twin = Twin(first_weights(oracle), 0.7)
    for step in range(1, 12):
        oracle.next_batch(step)
        state = optimizer.step(state, GivenRng(), oracle)
        twin.step(oracle)
        torch.testing.assert_close(state.estimate, twin.theta(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("control", ["none", "inverted", "doubled-step", "both"])
def test_annealing_by_hand(control: str) -> None:
    """Four chains through three levels of two tries, one chain at a time; and the slips of the
    published code where they are asked for.
    """
    generator = torch.Generator().manual_seed(4)
    oracle = oracle_on(batch=5)
    knobs: dict[str, Any] = {
        "learning_rate": 0.7,
        "noise": 0.6,
        "rounds": 3,
        "tries": 2,
        "initial_temperature": 0.5,
        "final_temperature": 0.002,
    }
    optimizer = Hybrid(published_bugs=control, **knobs)
    state = optimizer.init(first_weights(oracle), GivenRng(), oracle)
    twin = Twin(first_weights(oracle), 0.7)
    uphill = refused = 0
    for step in range(1, 6):
        oracle.next_batch(step)
        z, u = normals(generator, 6, 4, WIDTH), uniforms(generator, 6, 4)
        state = optimizer.step(state, GivenRng(list(z), list(u)), oracle)
        before = twin.theta()
        twin.step(oracle)
        moved = twin.theta() - before
        layer = twin.theta()[START:]
        first = twin.loss_with(layer, oracle)
        best, best_x = first, layer
        temperatures = [0.5 * first, math.sqrt(0.5 * first * 0.002), 0.002]
        for chain in range(4):
            x, energy = layer, first
            for number in range(6):
                tried = x + 0.6 * NATURAL * z[number, chain]
                new = twin.loss_with(tried, oracle)
                chance = math.exp(-max(0.0, new - energy) / temperatures[number // 2])
                lucky = (
                    float(u[number, chain]) > chance
                    if control in ("inverted", "both")
                    else float(u[number, chain]) < chance
                )
                if new <= energy or lucky:
                    uphill += new > energy
                    x, energy = tried, new
                else:
                    refused += 1
                if energy < best:
                    best, best_x = energy, x
            torch.testing.assert_close(state.population[chain, START:], x, rtol=0, atol=1e-12)  # type: ignore[index]
            assert float(state.losses[chain]) == pytest.approx(energy, abs=1e-12)  # type: ignore[index]
        twin.put(best_x)
        if control in ("doubled-step", "both"):
            torch.nn.utils.vector_to_parameters(twin.theta() + moved, twin.net.parameters())
        else:
            assert state.estimate_loss == pytest.approx(best, abs=1e-12)
        assert state.metrics["gain"] == pytest.approx(first - best, abs=1e-12)
        torch.testing.assert_close(state.estimate, twin.theta(), rtol=0, atol=1e-12)
    assert uphill > 5
    assert refused > 5


def test_the_published_levels_halve_the_temperature() -> None:
    loss = torch.tensor(2.0, dtype=torch.float64)
    optimizer = Hybrid(rounds=11, initial_temperature=1024, final_temperature=2.0)
    assert [float(optimizer.temperature(loss, level)) for level in range(11)] == pytest.approx(
        [2048 / 2**level for level in range(11)]
    )


def test_differential_evolution_by_hand() -> None:
    generator = torch.Generator().manual_seed(5)
    oracle = oracle_on()
    optimizer = Hybrid(
        output_optimizer="differential-evolution",
        learning_rate=0.7,
        bandwidth=0.6,
        rounds=3,
        population_size=5,
        differential_weight=0.7,
        crossover_rate=0.6,
    )
    state = optimizer.init(first_weights(oracle), GivenRng(), oracle)
    twin = Twin(first_weights(oracle), 0.7)
    replaced = 0
    for step in range(1, 4):
        oracle.next_batch(step)
        z = normals(generator, 4, WIDTH)
        order, cross = uniforms(generator, 3, 5, 5), uniforms(generator, 3, 5, WIDTH)
        forced = torch.randint(WIDTH, (3, 5, 1), generator=generator)
        given = [numbers for pair in zip(order, cross, strict=True) for numbers in pair]
        state = optimizer.step(state, GivenRng([z], given, list(forced)), oracle)
        twin.step(oracle)
        layer = twin.theta()[START:]
        x = [layer, *(layer + 0.6 * NATURAL * row for row in z)]
        for generation in range(3):
            trials = []
            for i in range(5):
                a, b, c = sorted(
                    (k for k in range(5) if k != i), key=lambda k: float(order[generation, i, k])
                )[:3]
                mutant = x[a] + 0.7 * (x[b] - x[c])
                trials.append(
                    torch.stack(
                        [
                            mutant[j]
                            if float(cross[generation, i, j]) < 0.6
                            or j == int(forced[generation, i])
                            else x[i][j]
                            for j in range(WIDTH)
                        ]
                    )
                )
            for i in range(5):
                if twin.loss_with(trials[i], oracle) <= twin.loss_with(x[i], oracle):
                    x[i] = trials[i]
                    replaced += 1
        torch.testing.assert_close(state.population[:, START:], torch.stack(x), rtol=0, atol=1e-12)  # type: ignore[index]
        twin.put(min(x, key=lambda one: twin.loss_with(one, oracle)))
        torch.testing.assert_close(state.estimate, twin.theta(), rtol=0, atol=1e-12)
    assert 5 < replaced < 40


def test_harmony_search_by_hand() -> None:
    generator = torch.Generator().manual_seed(6)
    oracle = oracle_on()
    optimizer = Hybrid(
        output_optimizer="harmony-search",
        learning_rate=0.7,
        bandwidth=0.6,
        rounds=3,
        population_size=4,
        memory_considering_rate=0.8,
        pitch_adjusting_rate=0.4,
    )
    state = optimizer.init(first_weights(oracle), GivenRng(), oracle)
    twin = Twin(first_weights(oracle), 0.7)
    for step in range(1, 4):
        oracle.next_batch(step)
        z, bends = normals(generator, 3, WIDTH), normals(generator, 3, 4, WIDTH)
        origin, u = (
            torch.randint(4, (3, 4, WIDTH), generator=generator),
            uniforms(generator, 3, 2, 4, WIDTH),
        )
        state = optimizer.step(state, GivenRng([z, *bends], list(u), list(origin)), oracle)
        twin.step(oracle)
        layer = twin.theta()[START:]
        x = [layer, *(layer + 0.6 * NATURAL * row for row in z)]
        for number in range(3):
            tried = []
            for i in range(4):
                note = []
                for j in range(WIDTH):
                    bend = 0.6 * NATURAL * bends[number, i, j]
                    if float(u[number, 0, i, j]) < 0.8:
                        note.append(
                            x[int(origin[number, i, j])][j]
                            + (bend if float(u[number, 1, i, j]) < 0.4 else 0)
                        )
                    else:
                        note.append(layer[j] + 2 * bend)
                tried.append(torch.stack(note))
            x = sorted(x + tried, key=lambda one: twin.loss_with(one, oracle))[:4]
        torch.testing.assert_close(state.population[:, START:], torch.stack(x), rtol=0, atol=1e-12)  # type: ignore[index]
        twin.put(x[0])
        torch.testing.assert_close(state.estimate, twin.theta(), rtol=0, atol=1e-12)


def test_mutants_come_from_three_others() -> None:
    """With F = 0 and CR = 1 a trial is another member whole, never the member itself."""
    optimizer = Hybrid(
        output_optimizer="differential-evolution", differential_weight=0, crossover_rate=1
    )
    members = torch.arange(6, dtype=torch.float64).unsqueeze(1).expand(6, 3)
    for step in range(20):
        trials = optimizer.mutants(members, Rng(0, "x", dtype=torch.float64).at(step))
        assert bool((trials != members).all())


@pytest.mark.parametrize("search", ["annealing", "differential-evolution", "harmony-search"])
def test_bookkeeping(search: str) -> None:
    """Evaluations, frozen features, first weights, the best on the batch, the same seed."""
    ends = []
    for _ in range(2):
        oracle = oracle_on(batch=5)
        theta = first_weights(oracle)
        optimizer = Hybrid(output_optimizer=search, population_size=6, rounds=4)
        rng = Rng(5, "lane 0", dtype=torch.float64)
        state = optimizer.init(theta, rng, oracle)
        assert torch.equal(state.estimate, theta)
        for step in range(1, 8):
            oracle.next_batch(step)
            spent = oracle.evaluations
            state = optimizer.step(state, rng.at(step), oracle)
            # A gradient is 3; annealing judges the one layer all chains start from, the others all
            # six members.
            assert oracle.evaluations - spent == 5 * (
                3 + (1 if search == "annealing" else 6) + 4 * 6
            )
            assert torch.equal(state.population[:, :START], state.estimate[:START].expand(6, -1))  # type: ignore[index]
            assert float(oracle.losses(state.estimate.unsqueeze(0))) == pytest.approx(
                state.estimate_loss, abs=1e-12
            )
            assert state.metrics["gain"] >= 0
        assert torch.equal(theta, first_weights(oracle))
        ends.append(state.estimate)
    assert torch.equal(*ends)


def test_the_output_layer_may_have_no_bias() -> None:
    assert (
        output_layer(
            pack(
                [
                    ("0.weight", (4, 2), 2),
                    ("0.bias", (4,), 2),
                    ("1.weight", (3, 4), 4),
                    ("1.bias", (3,), 4),
                ]
            )
        )
        == 12
    )
    assert output_layer(pack([("0.weight", (4, 2), 2), ("1.weight", (3, 4), 4)])) == 8
    assert output_layer(pack([("0.weight", (3, 2), 2), ("0.bias", (3,), 2)])) == 0


def test_a_layer_whose_loss_is_no_number_is_not_taken() -> None:
    oracle = oracle_on()
    state: HybridState = Hybrid(bandwidth=0.5).init(first_weights(oracle), GivenRng(), oracle)
    real = oracle.losses
    oracle.losses = lambda population: torch.where(  # type: ignore[method-assign]
        torch.arange(len(population)) % 2 == 1, torch.nan, real(population)
    )
    for step in range(1, 5):
        state = Hybrid(bandwidth=0.5).step(state, Rng(0, "x", dtype=torch.float64).at(step), oracle)
        assert math.isfinite(float(real(state.estimate.unsqueeze(0))))
        assert math.isfinite(state.estimate_loss)  # type: ignore[arg-type]


@pytest.mark.parametrize("search", ["annealing", "differential-evolution", "harmony-search"])
def test_it_learns_moons_from_its_defaults(search: str) -> None:
    spec = {
        "dataset": "moons",
        "lanes": [{"name": "hybrid", "output_optimizer": search}],
        "budget": {"currency": "evaluations", "amount": 3e5},
    }
    race = Race(Experiment.parse(spec), marks=1)
    while not race.finished:
        race.advance()
    result = race.results()[0]
    assert result["loss"] < 0.05
    assert result["test_accuracy"] >= 0.97


def test_bad_knobs_are_refused_in_one_line() -> None:
    with pytest.raises(
        BadInput, match=r"optimizer\.population_size: 3 is not allowed; expected at least 4"
    ):
        OPTIMIZERS.build({"name": "hybrid", "population_size": 3})
    with pytest.raises(
        BadInput, match=r"optimizer\.output_optimizer: 'pso' is not allowed; expected one of"
    ):
        OPTIMIZERS.build({"name": "hybrid", "output_optimizer": "pso"})
