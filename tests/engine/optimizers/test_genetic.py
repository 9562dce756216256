"""The genetic algorithm against its description in plain loops, and its invariances."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.datasets import DATASETS
from engine.errors import BadInput
from engine.losses import LOSSES
from engine.networks import CNN, MLP
from engine.optimizers import OPTIMIZERS
from engine.optimizers.genetic import Genetic, neurons_of
from engine.oracle import Oracle
from engine.random.rng import Rng
from tests.engine.support.stand_ins import (
    FunctionOracle,
    GivenRng,
    Passes,
    points,
    random_search,
    rosenbrock,
    run,
    scored,
    turned_ellipsoid,
)

THETA = torch.tensor([-1.0, 0.5, 2.0, 0.0, -0.5], dtype=torch.float64)


@pytest.mark.parametrize("crossover", ["none", "uniform", "one-point"])
@pytest.mark.parametrize("elite", [0, 1, 3])
def test_every_generation_is_the_description_in_loops(crossover: Any, elite: int) -> None:
    size, dimension, best = 9, 5, 4
    ga = Genetic(
        population_size=size,
        parents=best,
        mutation=0.3,
        final_fraction=0.25,
        crossover=crossover,
        elite=elite,
    )
    oracle, generator = FunctionOracle(rosenbrock, dimension), torch.Generator().manual_seed(6)
    oracle.init_scale = torch.linspace(0.5, 2, dimension, dtype=torch.float64)
    state: Any = ga.init(THETA, Rng(0, "x", dtype=torch.float64), oracle)
    for generation in range(6):
        oracle.progress = generation / 10
        old, losses, count = state.population.clone(), state.losses.tolist(), size - elite
        first, second = (torch.randint(best, (count,), generator=generator) for _ in range(2))
        cut = torch.randint(dimension - 1, (count, 1), generator=generator)
        coin = torch.rand(count, dimension, generator=generator, dtype=torch.float64)
        z = torch.randn(count, dimension, generator=generator, dtype=torch.float64)
        integers = {"none": [first], "uniform": [first, second], "one-point": [first, second, cut]}[
            crossover
        ]
        given = GivenRng(
            normals=[z], uniforms=[coin] if crossover == "uniform" else [], integers=integers
        )
        state = ga.step(state, given, oracle)
        ranked = sorted(range(size), key=lambda i: losses[i])
        expected = [old[i].tolist() for i in ranked[:elite]]
        for c in range(count):
            mother, father = old[ranked[first[c]]], old[ranked[second[c]]]
            child = []
            for j in range(dimension):
                from_mother = crossover == "none" or (
                    float(coin[c, j]) < 0.5 if crossover == "uniform" else j <= int(cut[c])
                )
                gene = mother[j] if from_mother else father[j]
                child.append(
                    float(gene)
                    + 0.3 * 0.25**oracle.progress * float(oracle.init_scale[j]) * float(z[c, j])
                )
            expected.append(child)
        torch.testing.assert_close(
            state.population, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-15 * 4
        )
        assert torch.equal(state.losses, rosenbrock(state.population))
        assert torch.equal(state.estimate, state.population[state.losses.argmin()])
        assert state.estimate_loss == float(state.losses.min())
        assert len(oracle.judged[-1]) == count  # the elite is not judged again on the same batch


@pytest.mark.parametrize(
    "network", [MLP(hidden=(4, 3)).build((2,), 2), CNN().build((1, 8, 8), 3)], ids=["mlp", "cnn"]
)
def test_crossover_of_neurons_keeps_their_incoming_weights_together(network: Any) -> None:
    neurons = neurons_of(network.layers)
    tensors = dict(
        zip(
            [layer.name for layer in network.layers],
            [part[0] for part in network.unpack(neurons.unsqueeze(0))],
            strict=True,
        )
    )
    seen: list[int] = []
    for name, weight in tensors.items():
        if name.endswith("weight"):
            bias = tensors[name.replace("weight", "bias")]
            for row, number in zip(weight.flatten(1), bias.tolist(), strict=True):
                assert row.tolist() == [number] * len(row)
            seen += bias.tolist()
    assert sorted(seen) == list(range(len(seen)))
    ga = Genetic(crossover="node", parents=2)
    parents = torch.stack([torch.zeros(network.dimension), torch.ones(network.dimension)])
    children = torch.empty(40, network.dimension)
    ga.breed(children, parents, torch.zeros(network.dimension), neurons, Rng(0, "x"))
    for child in children:
        genes = [set(child[neurons == number].tolist()) for number in seen]
        assert all(len(gene) == 1 for gene in genes)
    shares = torch.stack([(children[:, neurons == number][:, 0]) for number in seen]).mean()
    assert float(shares) == pytest.approx(0.5, abs=0.15)
    assert any(0 < float(child.mean()) < 1 for child in children)


def test_only_crossover_of_neurons_needs_a_network() -> None:
    for crossover in ("none", "uniform", "one-point"):
        assert (
            run(Genetic(crossover=crossover), FunctionOracle(rosenbrock, 5), THETA, 2).neurons
            is None
        )
    oracle, theta = points(0)
    state = run(Genetic(crossover="node", population_size=8), oracle, theta, 3)
    assert len(state.neurons) == len(theta)


@pytest.mark.parametrize("crossover", ["none", "uniform"])
def test_moving_the_problem_moves_the_generation_and_only_comparisons_matter(
    crossover: Any,
) -> None:
    ga, shift = (
        Genetic(population_size=12, crossover=crossover),
        torch.linspace(-7, 4, 5, dtype=torch.float64),
    )
    plain = run(ga, FunctionOracle(rosenbrock, 5), THETA, 25)
    moved = run(ga, FunctionOracle(lambda x: rosenbrock(x - shift), 5), THETA + shift, 25)
    torch.testing.assert_close(moved.population - shift, plain.population, rtol=0, atol=1e-9)
    bent = run(ga, FunctionOracle(lambda x: rosenbrock(x).sqrt().log1p(), 5), THETA, 25)
    assert torch.equal(bent.population, plain.population)


@pytest.mark.parametrize("crossover", ["none", "one-point"])
@pytest.mark.parametrize(
    ("f", "most"), [(turned_ellipsoid(5), 1e-3), (lambda x: rosenbrock(x + 1), 2.0)]
)
def test_it_comes_near_the_minimum_of_problems_that_are_no_sphere(
    f: Callable[[Tensor], Tensor], most: float, crossover: Any
) -> None:
    ga, total = Genetic(crossover=crossover, final_fraction=1e-3), 64 * 300
    state = run(ga, FunctionOracle(f, 5, total=total), THETA, 1000)
    assert state.estimate_loss < most < random_search(f, THETA, total, 1.0)
    assert state.estimate_loss == float(f(state.estimate.unsqueeze(0))[0])


def test_with_an_elite_the_best_never_gets_worse_on_all_samples() -> None:
    ga, oracle, rng = (
        Genetic(population_size=10, mutation=1.0, final_fraction=1.0),
        FunctionOracle(rosenbrock, 5),
        Rng(0, "x", dtype=torch.float64),
    )
    state: Any = ga.init(THETA, rng, oracle)
    heights = [float(state.losses.min())]
    for step in range(1, 100):
        state = ga.step(state, rng.at(step), oracle)
        heights.append(state.estimate_loss)
    assert heights == sorted(heights, reverse=True)
    assert heights[-1] < heights[0]


def test_a_loss_that_is_no_number_is_never_the_best() -> None:
    def broken(x: Tensor) -> Tensor:
        return torch.where(x[:, 0] > 0.5, torch.nan, rosenbrock(x))

    state = run(Genetic(population_size=20), FunctionOracle(broken, 5), THETA, 40)
    assert math.isfinite(state.estimate_loss)
    assert state.estimate_loss == float(broken(state.estimate.unsqueeze(0))[0])


@pytest.mark.parametrize(("batch", "judged"), [(0, 8), (16, 10)])
def test_every_answer_is_charged_and_the_elite_is_judged_anew_on_a_new_batch(
    batch: int, judged: int
) -> None:
    oracle, theta = points(batch)
    passes = Passes(oracle.network)
    before = theta.clone()
    ga = Genetic(population_size=10, elite=2, parents=3)
    state = run(ga, oracle, theta, 6)
    assert oracle.evaluations == passes.count == len(oracle.targets) * (10 + 6 * judged)
    torch.testing.assert_close(oracle.losses(state.population), state.losses)
    assert torch.equal(theta, before)
    assert torch.equal(run(ga, points(batch)[0], theta, 6).population, state.population)
    start = run(ga, points(batch)[0], theta, 0)
    assert torch.equal(start.estimate, theta)
    assert torch.equal(start.population[0], theta)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("population_size", 1),
        ("parents", 0),
        ("mutation", 0),
        ("crossover", "two-point"),
        ("elite", -1),
        ("final_fraction", 0),
        ("init_std", 0),
        ("batch", -1),
    ],
)
def test_what_is_out_of_range_is_refused_in_one_line(field: str, value: Any) -> None:
    with pytest.raises(BadInput) as caught:
        OPTIMIZERS.build({"name": "genetic", field: value})
    assert str(caught.value).startswith(f"optimizer.{field}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.slow  # quickly: the losses that `test_catalogue` states
@pytest.mark.parametrize(
    ("dataset", "hidden", "evaluations", "most_loss", "least_accuracy"),
    [("moons", (16, 16), 1e6, 0.1, 0.97), ("digits", (32,), 2e6, 0.6, 0.85)],
)
def test_it_learns_with_its_defaults(
    dataset: str,
    hidden: tuple[int, ...],
    evaluations: float,
    most_loss: float,
    least_accuracy: float,
) -> None:
    samples = DATASETS.build(dataset).load(0)
    network = MLP(hidden=hidden).build(samples.shape, len(samples.classes))
    oracle = Oracle(
        network,
        LOSSES["cross-entropy"],
        samples,
        "loss",
        Genetic().batch,
        0,
        ("evaluations", evaluations),
    )
    theta = run(Genetic(), oracle, network.init(torch.Generator().manual_seed(0)), 10_000).estimate
    loss, accuracy = scored(oracle, samples, theta)
    assert loss < most_loss
    assert accuracy >= least_accuracy
