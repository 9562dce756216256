"""SGD with output search: the gradient step against torch.optim, every search against a loop over
its members.
"""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from engine import evaluation
from engine.datasets import DATASETS
from engine.datasets.base import Dataset
from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.kernels import output_walk
from engine.kernels.output_walk import RULES
from engine.losses import LOSSES, CrossEntropy
from engine.networks import MLP
from engine.networks.base import pack
from engine.networks.cnn import CNN
from engine.networks.recurrent import Recurrent
from engine.networks.rere import RereCNN
from engine.networks.resnet import ResNet
from engine.networks.transformer import Transformer
from engine.networks.yegenoglu import YegenogluCNN
from engine.observation.step_trace import Listener
from engine.optimizers import hybrid
from engine.optimizers.base import OPTIMIZERS
from engine.optimizers.hybrid import Hybrid, HybridState, output_layer
from engine.oracle import Oracle
from engine.populations.output_layers import OutputLayers
from engine.race import checkpoint
from engine.race.race import Race
from engine.random.rng import Rng
from tests.engine.support.stand_ins import GivenRng
from tests.there import there

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


def found_loss(theta: Tensor, oracle: Oracle) -> float:
    """Loss of one network on the batch, not counted."""
    whole = theta.unsqueeze(0)
    return float(evaluation.losses(oracle.network, oracle.loss, whole, oracle.x, oracle.targets))


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


@pytest.mark.parametrize("chains", [1, 4])
@pytest.mark.parametrize("control", ["none", "inverted", "doubled-step", "both", "greedy"])
def test_annealing_by_hand(control: str, chains: int) -> None:
    """Chains through three levels of two tries, one chain at a time; the slips of the published
    code where they are asked for; and only improvements where that is.
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
        "population_size": chains,
    }
    knobs |= {"acceptance": "greedy"} if control == "greedy" else {"published_bugs": control}
    optimizer = Hybrid(**knobs)
    state = optimizer.init(first_weights(oracle), GivenRng(), oracle)
    twin = Twin(first_weights(oracle), 0.7)
    uphill = refused = 0
    for step in range(1, 9):
        oracle.next_batch(step)
        z, u = normals(generator, 6, chains, WIDTH), uniforms(generator, 6, chains)
        state = optimizer.step(state, GivenRng([z], [u]), oracle)
        before = twin.theta()
        twin.step(oracle)
        moved = twin.theta() - before
        layer = twin.theta()[START:]
        first = twin.loss_with(layer, oracle)
        best, best_x = first, layer
        temperatures = [0.5 * first, math.sqrt(0.5 * first * 0.002), 0.002]
        taken = 0
        for chain in range(chains):
            x, energy = layer, first
            for number in range(6):
                tried = x + 0.6 * NATURAL * z[number, chain]
                new = twin.loss_with(tried, oracle)
                chance = math.exp(-max(0.0, new - energy) / temperatures[number // 2])
                lucky = (
                    float(u[number, chain]) > chance
                    if control in ("inverted", "both")
                    else float(u[number, chain]) < chance
                ) and control != "greedy"
                if new <= energy or lucky:
                    uphill += new > energy
                    taken += 1
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
        assert state.acceptance == pytest.approx(taken / (6 * chains), abs=1e-12)
        torch.testing.assert_close(state.estimate, twin.theta(), rtol=0, atol=1e-12)
    assert uphill == 0 if control == "greedy" else uphill > 2
    assert refused > 2


def test_the_published_levels_halve_the_temperature() -> None:
    loss = torch.tensor(2.0, dtype=torch.float64)
    optimizer = Hybrid(rounds=11, initial_temperature=1024, final_temperature=2.0)
    assert optimizer.temperatures(loss, torch.arange(11)).tolist() == pytest.approx(
        [2048 / 2**level for level in range(11)]
    )
    twice = optimizer.with_hyperparameter("moves_per_temperature", 2)
    assert twice.temperatures(loss, torch.arange(4)).tolist() == pytest.approx(
        [2048, 2048, 1024, 1024]
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
        exact = 0.0
        assert torch.equal(state.estimate, theta)
        for step in range(1, 8):
            oracle.next_batch(step)
            state = optimizer.step(state, rng.at(step), oracle)
            # A gradient is 3, the features and a first output layer 1; further layers, of six
            # members and four rounds, are the share that an output layer has of the operations.
            layers = (0 if search == "annealing" else 5) + 4 * 6
            share = (WIDTH - CLASSES) / (START - HIDDEN + WIDTH - CLASSES)
            exact += 5 * (3 + 1 + layers * share)
            assert oracle.evaluations == math.floor(exact + 1e-9)
            assert oracle.spent("evaluations") == pytest.approx(exact)
            assert torch.equal(state.population[:, :START], state.estimate[:START].expand(6, -1))  # type: ignore[index]
            assert found_loss(state.estimate, oracle) == pytest.approx(
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


class Broken(CrossEntropy):
    """No number where the first output of the first sample is positive."""

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return torch.where(outputs[:, 0, 0] > 0, torch.nan, super().values(outputs, targets))


@pytest.mark.parametrize("search", ["annealing", "differential-evolution", "harmony-search"])
def test_a_layer_whose_loss_is_no_number_is_not_taken(search: str) -> None:
    oracle = oracle_on()
    oracle.loss = Broken()
    theta = first_weights(oracle)
    theta[-CLASSES] = -2  # the bias of the first output: it begins with a loss
    optimizer = Hybrid(output_optimizer=search, bandwidth=2, rounds=8, learning_rate=1e-6)
    state: HybridState = optimizer.init(theta, GivenRng(), oracle)
    missing = 0
    for step in range(1, 9):
        state = optimizer.step(state, Rng(0, "x", dtype=torch.float64).at(step), oracle)
        missing += sum(int((~one.isfinite()).sum()) for one in oracle.answers)
        oracle.answers.clear()
        assert math.isfinite(found_loss(state.estimate, oracle))
        assert math.isfinite(state.estimate_loss)  # type: ignore[arg-type]
        assert bool(state.losses.isfinite().all()) or search != "annealing"  # type: ignore[union-attr]
    assert missing > 5


def problem(network: str, loss: str, batch: int) -> Oracle:
    """A network on random samples that it can read, in float64."""
    value = {"transformer": "opticks", "characters": "opticks"}.get(network, "mnist-small")
    configs: dict[str, Any] = {
        "mlp": MLP(hidden=(7, 5)),
        "linear": MLP(hidden=()),
        "cnn": CNN(channels_1=2, channels_2=3),
        "rere-cnn": RereCNN(),
        "yegenoglu-cnn": YegenogluCNN(),
        "resnet20": ResNet(width=8, normalisation="batch"),
        "gru": Recurrent(units=5),
        "characters": Recurrent(units=5, cell="elman"),
        "transformer": Transformer(width=8, heads=2, blocks=1),
    }
    generator = torch.Generator().manual_seed(3)
    if value == "opticks":
        config = DATASETS.build(value)
        shape, classes = config.shape, len(config.classes)
        x = torch.randint(classes, (20, *shape), generator=generator).double()
    else:
        shape, classes = (1, 16, 16), 3
        x = torch.randn(20, *shape, generator=generator, dtype=torch.float64)
    y = torch.randint(classes, (20,), generator=generator)
    data = Dataset(x, y, x, y, tuple(map(str, range(classes))), "images")
    built = configs[network].build(shape, classes)
    return Oracle(built, LOSSES[loss], data, "gradient", batch, seed=7)


NETWORKS = [
    "mlp",
    "linear",
    "cnn",
    "rere-cnn",
    "yegenoglu-cnn",
    "resnet20",
    "gru",
    "characters",
    "transformer",
]


@pytest.mark.parametrize("network", NETWORKS)
def test_features_and_readout_are_the_network(network: str) -> None:
    oracle = problem(network, "cross-entropy", 0)
    net, start = oracle.network, output_layer(oracle.network.layers)
    theta = net.init(torch.Generator().manual_seed(1), torch.float64)
    blocks = theta[start:] + 0.1 * normals(torch.Generator().manual_seed(2), 3, len(theta) - start)
    whole = theta.repeat(3, 1)
    whole[:, start:] = blocks
    features = oracle.features(theta)
    assert features is not None
    outputs = net.finish(net.readout(blocks, features.values)).transpose(1, 2)
    torch.testing.assert_close(outputs, net.forward(whole, oracle.x), rtol=0, atol=1e-12)
    layers = OutputLayers(theta, blocks, features)
    assert torch.equal(layers.dense(), whole)
    torch.testing.assert_close(oracle.losses(layers), oracle.losses(whole), rtol=0, atol=1e-12)


def searched(oracle: Oracle, optimizer: Hybrid, steps: int = 3) -> list[Tensor]:
    theta = oracle.network.init(torch.Generator().manual_seed(1), torch.float64)
    rng = Rng(5, "lane 0", dtype=torch.float64)
    state, found = optimizer.init(theta, rng, oracle), []
    for step in range(1, steps + 1):
        oracle.next_batch(step)
        state = optimizer.step(state, rng.at(step), oracle)
        assert state.losses is not None
        assert state.population is not None
        judged = torch.tensor(state.estimate_loss, dtype=torch.float64)
        found += [state.estimate.clone(), state.population, state.losses, judged]
    return found


@pytest.mark.parametrize("way", ["in one pass", "try by try", "in small blocks"])
@pytest.mark.parametrize("loss", ["cross-entropy", "squared-error", "hinge"])
@pytest.mark.parametrize("network", ["mlp", "rere-cnn", "cnn", "gru"])
@pytest.mark.parametrize("search", ["annealing", "differential-evolution", "harmony-search"])
def test_it_is_the_search_that_evaluates_the_whole_network(
    search: str, network: str, loss: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reference evaluates every layer for every try."""
    if search != "annealing" and way != "in one pass":
        pytest.skip("it has one way")
    optimizer = Hybrid(
        output_optimizer=search,
        population_size=5 if search != "annealing" else 2,
        rounds=6,
        moves_per_temperature=4,
        bandwidth=0.3,
        initial_temperature=0.1,
        final_temperature=1e-3,
    )
    if way == "in small blocks":
        monkeypatch.setattr(hybrid, "BLOCK", 1)
    whole = problem(network, loss, 9)
    whole.network.readout_flops = 0
    expected = searched(whole, optimizer)
    if way == "try by try":
        monkeypatch.setattr("engine.oracle.FLOATS_AT_ONCE", 0)
    split = problem(network, loss, 9)
    for one, other in zip(searched(split, optimizer), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)
    assert split.flops < whole.flops
    assert split.evaluations < whole.evaluations
    layers = (0 if search == "annealing" else 4) + (2 * 24 if search == "annealing" else 5 * 6)
    assert whole.evaluations == 3 * 9 * (3 + 1 + layers)
    share = split.network.readout_flops / split.network.flops
    assert split.spent("evaluations") == pytest.approx(3 * 9 * (3 + 1 + layers * share))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("loss", ["cross-entropy", "squared-error"])
@pytest.mark.parametrize("activation", [None, "sigmoid"])
@pytest.mark.parametrize("chains", [1, 3])
def test_the_compiled_walk_is_the_plain_one(
    rule: str, loss: str, activation: str | None, chains: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = torch.Generator().manual_seed(8)
    sums, moves = normals(generator, chains, 4, 9), 0.3 * normals(generator, 40, chains, 4, 9)
    moves[7, 0, 0, 0] = torch.nan
    limits = -0.02 * uniforms(generator, 40, chains).log()
    targets = torch.randint(4, (9,), generator=generator)
    bend = torch.sigmoid_ if activation else (lambda sums: sums)
    outputs = bend(sums.clone())
    results = []
    for fewest in (1, 1000):
        monkeypatch.setattr(output_walk, "FEWEST", fewest)
        at = sums.clone()
        energy = LOSSES[loss].values(outputs.transpose(1, 2), targets)
        arguments = (limits, rule, LOSSES[loss], targets, activation, bend)
        losses, kept = output_walk.walk(at, moves, energy, *arguments)
        assert 0 < int(kept.sum()) < kept.numel()
        assert float(losses[7, 0]) == math.inf
        expected = LOSSES[loss].values(bend(at.clone()).transpose(1, 2), targets)
        torch.testing.assert_close(energy, expected, rtol=0, atol=1e-12)
        results.append((at, energy, losses, kept))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("currency", ["evaluations", "flops"])
def test_the_budget_cuts_a_walk_to_what_it_pays_for(currency: Any) -> None:
    oracle = problem("mlp", "cross-entropy", 9)
    net = oracle.network
    price = 9 * (net.readout_flops / net.flops if currency == "evaluations" else net.readout_flops)
    prepared = 4 * 9 if currency == "evaluations" else 9 * (2 * net.flops + net.backward)
    oracle.budget = (currency, prepared + 20.5 * 2 * price)
    optimizer = Hybrid(population_size=2, rounds=1000)
    theta = net.init(torch.Generator().manual_seed(1), torch.float64)
    rng = Rng(5, "lane 0", dtype=torch.float64)
    optimizer.step(optimizer.init(theta, rng, oracle), rng.at(1), oracle)
    assert oracle.spent(currency) == pytest.approx(prepared + 21 * 2 * price)


@pytest.mark.parametrize(
    "search",
    [
        "annealing",
        pytest.param("differential-evolution", marks=pytest.mark.slow),
        pytest.param("harmony-search", marks=pytest.mark.slow),
    ],
)
def test_it_learns_moons_from_its_defaults(search: str) -> None:
    spec = {
        "dataset": "moons",
        "lanes": [{"name": "hybrid", "output_optimizer": search}],
        "budget": {"currency": "evaluations", "amount": 1e5},
    }
    race = Race(Experiment.parse(spec), marks=1)
    while not race.finished:
        race.advance()
    result = race.results()[0]
    assert there(result["loss"]) < 0.05
    assert there(result["test_accuracy"]) >= 0.97


def test_a_part_of_an_evaluation_is_not_lost_in_a_checkpoint(tmp_path: Path) -> None:
    spec = {
        "dataset": "moons",
        "lanes": [{"name": "hybrid", "batch": 7}],
        "budget": {"currency": "evaluations", "amount": 1e5},
    }
    race = Race(Experiment.parse(spec), pictures=False)
    while not race.lanes[0].oracle.partial_flops:
        race.advance()
    again = checkpoint.load(checkpoint.save(race, tmp_path / "race"))
    for one in (race, again):
        one.advance()
    first, second = race.lanes[0].oracle, again.lanes[0].oracle
    assert second.spent("evaluations") == first.spent("evaluations")
    assert (second.flops, second.rounds) == (first.flops, first.rounds)
    assert torch.equal(race.lanes[0].state.estimate, again.lanes[0].state.estimate)


def test_a_walk_is_seen_try_by_try() -> None:
    """Slow motion shows the networks that were tried, with their losses."""
    oracle = problem("rere-cnn", "squared-error", 9)
    theta = oracle.network.init(torch.Generator().manual_seed(1), torch.float64)
    optimizer = Hybrid(population_size=2, rounds=5, moves_per_temperature=4, bandwidth=0.3)
    rng = Rng(5, "lane 0", dtype=torch.float64)
    state = optimizer.init(theta, rng, oracle)
    listener = Listener(oracle)
    with listener.listening():
        state = optimizer.step(state, rng.at(1), oracle)

    def losses(weights: Tensor) -> Tensor:
        return evaluation.losses(oracle.network, oracle.loss, weights, oracle.x, oracle.targets)

    asked = listener.asked(losses)
    assert asked is not None
    assert len(asked.points) == 1 + 1 + 2 * 5 * 4  # the gradient, where it led, and the tries
    torch.testing.assert_close(losses(asked.points), asked.values, rtol=0, atol=1e-12)


def test_bad_knobs_are_refused_in_one_line() -> None:
    evolution = {"name": "hybrid", "output_optimizer": "differential-evolution"}
    with pytest.raises(
        BadInput,
        match=r"^optimizer\.population_size: 3 is not allowed; expected at least 4 for diff[^\n]*$",
    ):
        OPTIMIZERS.build(evolution | {"population_size": 3})
    with pytest.raises(BadInput, match=r"population_size: 1 is not allowed; expected at least 4"):
        OPTIMIZERS.build({"name": "hybrid", "population_size": 1}).with_hyperparameter(
            "output_optimizer", "differential-evolution"
        )
    with pytest.raises(BadInput, match=r"published_bugs: 'inverted' is not allowed; expected none"):
        OPTIMIZERS.build({"name": "hybrid", "acceptance": "greedy", "published_bugs": "inverted"})
    with pytest.raises(
        BadInput, match=r"optimizer\.output_optimizer: 'pso' is not allowed; expected one of"
    ):
        OPTIMIZERS.build({"name": "hybrid", "output_optimizer": "pso"})
