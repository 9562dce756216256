"""Chains that move one layer at a time: what is remembered of the other layers must never show,
except in the work.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from engine import evaluation
from engine.datasets import DATASETS
from engine.losses import LOSSES
from engine.networks import CNN, MLP
from engine.networks.base import Network
from engine.optimizers.annealing import Annealing
from engine.optimizers.common import proposals
from engine.optimizers.common.metropolis import Metropolis
from engine.optimizers.parallel_tempering import ParallelTempering
from engine.optimizers.population_annealing import PopulationAnnealing
from engine.oracle import Oracle
from engine.populations import chunks
from engine.populations.layerwise import ActivationCache, LayerwisePopulation
from engine.random.rng import Rng

CHAINS = 9


def oracle_on(
    hidden: tuple[int, ...] = (6, 5), batch: int = 0, dtype: torch.dtype = torch.float64
) -> Oracle:
    samples = DATASETS.build({"name": "moons", "points": 90}).load(0)
    samples = replace(samples, x_train=samples.x_train.to(dtype), x_test=samples.x_test.to(dtype))
    return Oracle(
        MLP(hidden=hidden).build(samples.shape, 2), LOSSES["cross-entropy"], samples, "loss", batch
    )


def checked(oracle: Oracle) -> list[float]:
    """Every answer to chains is compared with that to the population written out; the largest
    differences, to be looked at.
    """
    ask, differences = oracle.losses, []

    def losses(population: Any) -> Tensor:
        answer = ask(population)
        if isinstance(population, LayerwisePopulation):
            expected = evaluation.losses(
                oracle.network, oracle.loss, population.dense(), oracle.x, oracle.targets
            )
            differences.append(float((answer - expected).abs().max()))
        return answer

    oracle.losses = losses  # type: ignore[method-assign]
    return differences


def work(network: Network) -> list[tuple[int, int]]:
    """(members, lowest layer) of every evaluation from now on."""
    upward, seen = network.forward_from, []

    def watched(
        tensors: list[Tensor], h: Tensor, first: int, keep: list[Tensor] | None = None
    ) -> Tensor:
        seen.append((len(h), first))
        return upward(tensors, h, first, keep)

    network.forward_from = watched  # type: ignore[method-assign]
    return seen


def walk(method: Metropolis, oracle: Oracle, state: Any, steps: range) -> Any:
    rng = Rng(1, "lane 0", dtype=torch.float64)
    for step in steps:
        oracle.next_batch(step)
        state = method.step(state, rng.at(step), oracle)
        true = evaluation.losses(
            oracle.network, oracle.loss, state.population, oracle.x, oracle.targets
        )
        torch.testing.assert_close(state.losses, true, rtol=0, atol=1e-12)
    return state


def begun(method: Metropolis, oracle: Oracle) -> Any:
    theta = oracle.network.init(torch.Generator().manual_seed(0), torch.float64)
    return method.init(theta, Rng(1, "lane 0", dtype=torch.float64), oracle)


@pytest.mark.parametrize("batch", [0, 32])
@pytest.mark.parametrize("hidden", [(7,), (6, 5), (4, 3, 5)])
@pytest.mark.parametrize(
    "method",
    [
        Annealing(population_size=CHAINS, proposal="layer"),
        ParallelTempering(population_size=CHAINS, proposal="layer"),
        PopulationAnnealing(population_size=CHAINS, proposal="layer"),
    ],
)
def test_losses_are_those_of_the_networks_written_out(
    method: Metropolis, hidden: tuple[int, ...], batch: int
) -> None:
    oracle = oracle_on(hidden, batch)
    differences = checked(oracle)
    before = oracle.evaluations
    state = walk(method, oracle, begun(method, oracle), range(1, 60))
    assert len(differences) > 60
    assert max(differences) < 1e-12
    assert oracle.evaluations - before == len(differences) * CHAINS * len(oracle.targets)
    assert 0 < float(state.acceptance) < 1


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    ("proposal", "share"), [("sparse", 0.01), ("sparse", 0.03), ("cauchy", 0.01), ("visiting", 0.5)]
)
def test_few_weights_are_judged_from_the_lowest_layer_up_and_nothing_else_changes(
    monkeypatch: pytest.MonkeyPatch, proposal: Any, share: float, dtype: torch.dtype
) -> None:
    method, found = Annealing(population_size=CHAINS, proposal=proposal, block_fraction=share), []
    for worth in (0.0, 2.0):
        monkeypatch.setattr(proposals, "WORTH", worth)
        monkeypatch.setattr(proposals, "WIDE", 1)
        oracle = oracle_on((4, 6, 6), dtype=dtype)
        theta = oracle.network.init(torch.Generator().manual_seed(0), dtype)
        state: Any = method.init(theta, Rng(1, "lane 0", dtype=dtype), oracle)
        seen, differences = work(oracle.network), checked(oracle)
        for step in range(1, 60):
            state = method.step(state, Rng(1, "lane 0", dtype=dtype).at(step), oracle)
        assert (len(differences) > 50) == (
            worth == 0
        )  # asked for chains, or for a population as it is
        assert max(differences, default=0.0) < (1e-12 if dtype == torch.float64 else 1e-5)
        assert any(first > 0 for _, first in seen) == (worth == 0)
        found.append((state, oracle.evaluations))
    (one, price), (other, same_price) = found
    assert price == same_price
    assert 0 < float(one.acceptance) < 1
    if dtype == torch.float64:
        torch.testing.assert_close(one.population, other.population, rtol=0, atol=1e-9)
        torch.testing.assert_close(one.losses, other.losses, rtol=0, atol=1e-9)


def test_it_is_remembered_where_that_saves_work() -> None:
    """Of 2-32-32-32-32-2 one weight lies above the second layer in two thirds of all moves; of
    2-16-16-2 seven hardly ever do.
    """
    deep, flat = MLP(hidden=(32, 32, 32, 32)).build((2,), 2), MLP(hidden=(16, 16)).build((2,), 2)
    assert deep.starts == (0, 96, 1152, 2208, 3264)
    assert proposals.worth_caching(1, deep.starts, deep.dimension)
    assert not proposals.worth_caching(7, flat.starts, flat.dimension)
    assert not proposals.worth_caching(deep.dimension, deep.starts, deep.dimension)
    visiting, wide = Annealing(proposal="visiting"), MLP(hidden=(64, 64, 64, 64)).build((2,), 2)
    oracles: list[Any] = [SimpleNamespace(network=network) for network in (wide, deep, flat)]
    assert visiting.cached_layers(oracles[0]) == wide.layers
    assert (
        visiting.cached_layers(oracles[1]) == ()
    )  # to remember costs more than to compute so little
    assert Annealing(proposal="visiting", batch=32).cached_layers(oracles[0]) == ()
    assert Annealing().cached_layers(oracles[0]) == Annealing().cached_layers(oracles[2]) == ()


def test_only_what_lies_above_the_layer_moved_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    oracle, method = oracle_on(), Annealing(population_size=CHAINS, proposal="layer")
    state = begun(method, oracle)
    monkeypatch.setattr("engine.populations.layerwise.chunk_members", lambda *_: 4)  # chunks, too
    seen, moves = work(oracle.network), []
    ask = oracle.losses
    monkeypatch.setattr(
        oracle,
        "losses",
        lambda population: (
            moves.append([(move.layer, len(move.rows)) for move in population.moves])
            or ask(population)
        ),
    )
    for step in range(1, 20):
        state = method.step(state, Rng(1, "x", dtype=torch.float64).at(step), oracle)
    for layer in range(3):
        assert (
            sum(members for members, first in seen if first == layer)
            == sum(rows for move in moves for at, rows in move if at == layer)
            > 0
        )
    assert len(moves) == 19
    assert max(members for members, _ in seen) == 4


def test_whatever_else_is_done_to_the_chains_is_noticed() -> None:
    """A knob turned, a weight put, the samples replaced: what was remembered is worth nothing, and
    after a miss or two it is found anew.
    """
    oracle, layer = oracle_on(), Annealing(population_size=CHAINS, proposal="layer")
    differences = checked(oracle)
    state = walk(layer, oracle, begun(layer, oracle), range(1, 5))
    sparse = layer.with_hyperparameter("proposal", "sparse")
    state = walk(sparse, oracle, state, range(5, 15))  # writes to the very tensor
    state = walk(layer, oracle, state, range(15, 20))
    layer.set_weight(state, 3, 1.5)
    state = walk(layer, oracle, state, range(20, 25))
    state.population.add_(0.01)
    state.stale = True
    state = walk(layer, oracle, state, range(25, 30))
    state.population = state.population.clone()  # as when it is taken up from a snapshot
    seen = work(oracle.network)
    state = walk(layer, oracle, state, range(30, 31))
    assert all(first == 0 for _, first in seen)
    walk(layer, oracle, state, range(31, 40))
    assert any(first > 0 for _, first in seen)
    assert max(differences) < 1e-12


def test_what_would_take_too_much_memory_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    population = torch.zeros(10, 3)
    assert ActivationCache.fits(population, 100, (50, 14))
    assert not ActivationCache.fits(population, 100, ())
    assert not ActivationCache.fits(population, 1_000_000, (50, 14))
    oracle, method = oracle_on(), Annealing(population_size=CHAINS, proposal="layer")
    monkeypatch.setattr("engine.populations.layerwise.MOST_BYTES", 1000)
    differences, seen = checked(oracle), work(oracle.network)
    walk(method, oracle, begun(method, oracle), range(1, 10))
    assert max(differences) < 1e-12
    assert all(first == 0 for _, first in seen)


def test_networks_that_cannot_go_on_from_a_layer_are_written_out() -> None:
    network = CNN(channels_1=2, channels_2=2).build((1, 8, 8), 3)
    samples = DATASETS.build({"name": "moons", "points": 90}).load(0)
    x, y = torch.rand(12, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(12) % 3
    oracle = Oracle(
        network, LOSSES["cross-entropy"], replace(samples, x_train=x, y_train=y), "loss"
    )
    method = Annealing(population_size=3, proposal="layer")
    state: Any = method.init(network.init(torch.Generator().manual_seed(0)), Rng(1, "x"), oracle)
    for step in range(1, 6):
        state = method.step(state, Rng(1, "x").at(step), oracle)
    torch.testing.assert_close(
        state.losses, oracle.loss.values(network.forward(state.population, x), y)
    )
    with pytest.raises(NotImplementedError, match="CNNNetwork has no layers to go on from"):
        network.forward_from([], x, 0)


@pytest.mark.parametrize("proposal", ["layer", "gaussian", "sparse"])
def test_acceptance_is_decided_in_float32_whatever_the_precision(proposal: Any) -> None:
    method, found = Annealing(population_size=CHAINS, proposal=proposal), []
    for name in ("float32", "bf16"):
        oracle = oracle_on(dtype=torch.float32)
        with chunks.precision(name):
            state: Any = method.init(
                oracle.network.init(torch.Generator().manual_seed(0)), Rng(1, "x"), oracle
            )
            for step in range(1, 10):
                state = method.step(state, Rng(1, "x").at(step), oracle)
        found.append(state.population)
    assert torch.equal(*found)
