"""The low-rank evolution strategy: its factors against dense noise, plain loops, the law of its
noise, and the true gradient.
"""

from math import prod
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR

from engine.datasets import DATASETS
from engine.errors import BadInput
from engine.losses import LOSSES
from engine.networks import MLP
from engine.networks.base import pack
from engine.optimizers import OPTIMIZERS
from engine.optimizers.low_rank_es import TABLED, LowRankES, normal
from engine.oracle import Oracle
from engine.populations.base import dense
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

LAYERS = pack(
    [
        ("0.weight", (4, 3), 3),
        ("0.bias", (4,), 3),
        ("1.weight", (2, 4, 2, 2), 16),
        ("1.bias", (2,), 16),
    ]
)
D = LAYERS[-1].stop


def oracle_on(f: Any, layers: Any = LAYERS) -> FunctionOracle:
    oracle = FunctionOracle(f, layers[-1].stop)
    oracle.network = SimpleNamespace(layers=layers)
    return oracle


def start(dimension: int = D) -> Tensor:
    return torch.linspace(-1.5, 1.2, dimension, dtype=torch.float64)


def randomness() -> Rng:
    return Rng(3, "x", dtype=torch.float64)


@pytest.mark.parametrize(("rank", "schedule"), [(1, "constant"), (3, "constant"), (1, "cosine")])
def test_every_step_is_the_papers_with_torchs_adam(rank: int, schedule: Any) -> None:
    """A plain loop over members and layers, a dense E for each; the kernel counts as a matrix of 2
    outputs and 16 inputs.
    """
    method = LowRankES(
        pairs=5,
        rank=rank,
        sigma=0.3,
        learning_rate=0.1,
        weight_decay=0.02,
        schedule=schedule,
        final_fraction=0.3,
    )
    oracle = oracle_on(rosenbrock)
    oracle.init_scale = torch.linspace(0.5, 2, D, dtype=torch.float64)
    state = method.init(start(), randomness(), oracle)
    z = (start() / oracle.init_scale).requires_grad_()
    adam = torch.optim.Adam([z], lr=0.1)
    rates = CosineAnnealingLR(adam, 8, eta_min=0.1 if schedule == "constant" else 0.03)
    shapes = [(4, rank), (3, rank), (4,), (2, rank), (16, rank), (2,)]
    for step in range(8):
        generator = torch.Generator().manual_seed(step)
        given = [
            torch.randn(5, *shape, generator=generator, dtype=torch.float64) for shape in shapes
        ]
        noise = []
        for i in range(5):
            a0, b0, bias0, a1, b1, bias1 = (numbers[i] for numbers in given)
            first, second = (
                sum(torch.outer(a[:, r], b[:, r]) for r in range(rank)) / rank**0.5
                for a, b in ((a0, b0), (a1, b1))
            )
            noise.append(torch.cat([first.flatten(), bias0, second.flatten(), bias1]))
        oracle.progress = step / 8
        state = method.step(state, GivenRng(given), oracle)
        at = z.detach()
        samples = [(at + 0.3 * e) * oracle.init_scale for e in noise] + [
            (at - 0.3 * e) * oracle.init_scale for e in noise
        ]
        torch.testing.assert_close(
            dense(state.population), torch.stack(samples), rtol=0, atol=1e-12
        )
        heights = [float(rosenbrock(sample.unsqueeze(0))) for sample in samples]
        shaped = [sorted(heights).index(height) / 9 - 0.5 for height in heights]
        z.grad = sum((shaped[i] - shaped[5 + i]) * noise[i] for i in range(5)) / 10 + 0.02 * at
        adam.step()
        rates.step()
        torch.testing.assert_close(
            state.estimate, z.detach() * oracle.init_scale, rtol=0, atol=1e-12
        )


@pytest.mark.parametrize("rank", [1, 2, 7])
def test_the_sum_through_the_factors_is_the_sum_of_dense_noise(rank: int) -> None:
    method, oracle = LowRankES(pairs=11, rank=rank), oracle_on(rosenbrock)
    noise = method.draw(start(), None, randomness(), oracle)
    weights = torch.randn(11, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(
        noise.combine(weights), weights @ noise.chosen(torch.arange(11)), rtol=0, atol=1e-13
    )
    matrices = noise.chosen(torch.arange(11))[:, LAYERS[2].start : LAYERS[2].stop].reshape(
        11, 2, 16
    )
    assert torch.linalg.matrix_rank(matrices).tolist() == [min(rank, 2)] * 11


@pytest.mark.parametrize("rank", [1, 4])
def test_noise_has_mean_zero_and_covariance_one(rank: int) -> None:
    method = LowRankES(pairs=8192, rank=rank)
    e = torch.cat(
        [
            method.draw(start(), None, randomness().at(step), oracle_on(rosenbrock)).chosen(
                torch.arange(8192)
            )
            for step in range(4)
        ]
    )
    assert float(e.mean(0).abs().max()) < 0.03
    assert float((e.T.cov() - torch.eye(D)).abs().max()) < 0.1
    # It is not Gaussian, though: a product of two normal numbers has a fourth moment of 9, a mean
    # of r such products 3 + 6/r; biases have a full Gaussian's 3.
    assert float((e[:, :12] ** 4).mean()) == pytest.approx(3 + 6 / rank, rel=0.1)
    assert float((e[:, 12:16] ** 4).mean()) == pytest.approx(3, rel=0.1)


def test_large_factors_from_the_table_are_normal_and_independent() -> None:
    shape = 128, 784, 1
    assert prod(shape) >= TABLED
    numbers = normal(torch.empty(0, dtype=torch.float64), Rng(3, "x"), *shape)[:, :, 0]
    assert abs(float(numbers.mean())) < 5 / prod(shape) ** 0.5
    assert abs(float(numbers.square().mean()) - 1) < 5 * (2 / prod(shape)) ** 0.5
    # Correlations of 128 rows of 784 numbers: the largest of 8,128 is below 5.5 deviations.
    correlations = (numbers @ numbers.T / 784).fill_diagonal_(0)
    assert float(correlations.abs().max()) < 5.5 / 784**0.5
    again = normal(torch.empty(0, dtype=torch.float64), Rng(3, "x"), *shape)[:, :, 0]
    assert torch.equal(numbers, again)


@pytest.mark.parametrize("rank", [1, 4])
def test_over_many_directions_it_points_along_the_gradient(rank: int) -> None:
    f = turned_ellipsoid(D, 10)
    truth = oracle_on(f).gradients(start().unsqueeze(0))[1][0]

    def slope(pairs: int) -> Tensor:
        method, oracle = LowRankES(pairs=pairs, rank=rank, sigma=0.01), oracle_on(f)
        return method.step(method.init(start(), randomness(), oracle), randomness(), oracle).m

    assert float(torch.cosine_similarity(slope(8192), truth, dim=0)) > 0.98
    assert float(torch.cosine_similarity(slope(16), truth, dim=0)) < 0.9


def test_its_step_has_a_high_rank_though_its_noise_has_not() -> None:
    layers = pack([("0.weight", (8, 8), 8)])
    method, oracle = LowRankES(pairs=16), oracle_on(rosenbrock, layers)
    state = method.step(method.init(start(64), randomness(), oracle), randomness(), oracle)
    assert int(torch.linalg.matrix_rank(state.m.reshape(8, 8))) == 8


def test_only_comparisons_matter_and_moving_the_problem_moves_the_search() -> None:
    method, shift = LowRankES(pairs=8), torch.linspace(-7, 4, D, dtype=torch.float64)
    plain = run(method, oracle_on(rosenbrock), start(), 30)
    assert torch.equal(
        run(method, oracle_on(lambda x: rosenbrock(x).log1p()), start(), 30).estimate,
        plain.estimate,
    )
    moved = run(method, oracle_on(lambda x: rosenbrock(x - shift)), start() + shift, 30)
    torch.testing.assert_close(moved.estimate - shift, plain.estimate, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("f", "most"), [(turned_ellipsoid(12, 100), 0.5), (rosenbrock, 12.0)])
def test_it_descends_what_is_no_sphere(f: Any, most: float) -> None:
    layers, theta = pack([("0.weight", (3, 4), 4)]), torch.full((12,), -1.0, dtype=torch.float64)
    state = run(LowRankES(pairs=16, learning_rate=0.02), oracle_on(f, layers), theta, 500)
    assert (
        float(f(state.estimate.unsqueeze(0))) < most < 0.1 * random_search(f, theta, 500 * 32, 1.0)
    )


@pytest.mark.parametrize("batch", [0, 16])
def test_every_answer_is_charged(batch: int) -> None:
    oracle, theta = points(batch)
    passes = Passes(oracle.network)
    before = theta.clone()
    state = run(LowRankES(pairs=6, rank=2), oracle, theta, 5)
    assert oracle.evaluations == passes.count == 5 * 12 * len(oracle.targets)
    assert torch.equal(theta, before)
    assert state.estimate.dtype == state.population.dtype == torch.float32
    assert torch.equal(run(LowRankES(pairs=6, rank=2), oracle, theta, 5).estimate, state.estimate)
    assert not torch.equal(
        run(LowRankES(pairs=6, rank=2), oracle, theta, 5, seed=1).estimate, state.estimate
    )
    assert torch.equal(run(LowRankES(), oracle, theta, 0).estimate, theta)


@pytest.mark.parametrize(
    ("field", "value"),
    [("rank", 0), ("rank", 65), ("pairs", 0), ("sigma", 0), ("learning_rate", 11), ("batch", -1)],
)
def test_what_is_out_of_range_is_refused_in_one_line(field: str, value: Any) -> None:
    with pytest.raises(BadInput) as caught:
        OPTIMIZERS.build({"name": "low-rank-es", field: value})
    assert str(caught.value).startswith(f"optimizer.{field}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.slow  # quickly: the losses that `test_catalogue` states
@pytest.mark.parametrize(
    ("dataset", "hidden", "steps", "most_loss", "least_accuracy"),
    [("moons", (16, 16), 200, 0.1, 0.97), ("digits", (32,), 150, 0.5, 0.88)],
)
def test_it_learns_with_its_defaults(
    dataset: str, hidden: tuple[int, ...], steps: int, most_loss: float, least_accuracy: float
) -> None:
    samples = DATASETS.build(dataset).load(0)
    network = MLP(hidden=hidden).build(samples.shape, len(samples.classes))
    oracle = Oracle(network, LOSSES["cross-entropy"], samples, "loss", LowRankES().batch)
    theta = run(LowRankES(), oracle, network.init(torch.Generator().manual_seed(0)), steps).estimate
    loss, accuracy = scored(oracle, samples, theta)
    assert loss < most_loss
    assert accuracy >= least_accuracy
