"""OpenAI's evolution strategy against plain loops with torch.optim.Adam, its gradient against the
true one, and its invariances.
"""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LinearLR

from engine.datasets import DATASETS
from engine.errors import BadInput
from engine.losses import LOSSES
from engine.networks import MLP
from engine.optimizers import OPTIMIZERS
from engine.optimizers.openai_es import OpenAIES
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


def start(dimension: int = 5) -> Tensor:
    return torch.linspace(-1.5, 1.2, dimension, dtype=torch.float64)


@pytest.mark.parametrize(
    ("decay", "schedule"),
    [(0.0, "constant"), (0.03, "constant"), (0.0, "linear"), (0.03, "cosine")],
)
def test_every_step_is_the_papers_with_torchs_adam(decay: float, schedule: Any) -> None:
    """In z = θ/s: perturb, rank all 2n, sum up, add the decay, let torch.optim.Adam step, its rate
    by torch's scheduler of that name.
    """
    method = OpenAIES(
        pairs=4,
        sigma=0.3,
        learning_rate=0.2,
        weight_decay=decay,
        beta1=0.8,
        beta2=0.95,
        epsilon=1e-3,
        schedule=schedule,
        final_fraction=0.1,
    )
    oracle = FunctionOracle(rosenbrock, 5)
    oracle.init_scale = torch.tensor([1.0, 0.5, 0.25, 2.0, 0.1], dtype=torch.float64)
    state = method.init(start(), Rng(0, "x", dtype=torch.float64), oracle)
    z = (start() / oracle.init_scale).requires_grad_()
    adam = torch.optim.Adam([z], lr=0.2, betas=(0.8, 0.95), eps=1e-3)
    rates: Any = {
        "constant": lambda: ConstantLR(adam, 1.0),
        "linear": lambda: LinearLR(adam, 1.0, 0.1, total_iters=12),
        "cosine": lambda: CosineAnnealingLR(adam, 12, eta_min=0.02),
    }[schedule]()
    for step in range(12):
        oracle.progress = step / 12
        noise = torch.randn(
            4, 5, generator=torch.Generator().manual_seed(step), dtype=torch.float64
        )
        state = method.step(state, GivenRng([noise]), oracle)
        at = z.detach()
        samples = [(at + 0.3 * e) * oracle.init_scale for e in noise] + [
            (at - 0.3 * e) * oracle.init_scale for e in noise
        ]
        torch.testing.assert_close(
            dense(state.population), torch.stack(samples), rtol=0, atol=1e-12
        )
        heights = [float(rosenbrock(sample.unsqueeze(0))) for sample in samples]
        shaped = [sorted(heights).index(height) / 7 - 0.5 for height in heights]
        gradient = sum((shaped[i] - shaped[4 + i]) * noise[i] for i in range(4)) / 8
        assert isinstance(gradient, Tensor)
        assert state.metrics["gradient norm"] == pytest.approx(float(gradient.norm()), rel=1e-12)
        z.grad = gradient + decay * at
        adam.step()
        shown = {} if schedule == "constant" else {"step size": rates.get_last_lr()[0]}
        assert {
            name: value for name, value in state.metrics.items() if name == "step size"
        } == pytest.approx(shown, rel=1e-12)
        rates.step()
        torch.testing.assert_close(
            state.estimate, z.detach() * oracle.init_scale, rtol=0, atol=1e-12
        )
    assert float((state.estimate - start()).abs().max()) > 0.1


def slope(method: OpenAIES, oracle: Any, theta: Tensor) -> Tensor:
    """The gradient estimated in one step, read off Adam's first moment."""
    state = method.init(theta, Rng(3, "x", dtype=torch.float64), oracle)
    return method.step(state, Rng(3, "x", dtype=torch.float64), oracle).m / (1 - method.beta1)


def test_over_many_directions_it_points_along_the_gradient() -> None:
    f, theta = turned_ellipsoid(12, 10), torch.linspace(-1, 1, 12, dtype=torch.float64)
    truth = FunctionOracle(f, 12).gradients(theta.unsqueeze(0))[1][0]
    few, many = (
        slope(OpenAIES(pairs=pairs, sigma=0.01), FunctionOracle(f, 12), theta)
        for pairs in (8, 8192)
    )
    assert float(torch.cosine_similarity(many, truth, dim=0)) > 0.999
    assert float(torch.cosine_similarity(few, truth, dim=0)) < 0.95


def test_only_comparisons_matter() -> None:
    plain, bent = (
        run(OpenAIES(pairs=8), FunctionOracle(f, 5), start(), 40)
        for f in (rosenbrock, lambda x: rosenbrock(x).log1p())
    )
    assert torch.equal(plain.estimate, bent.estimate)


def test_moving_the_problem_moves_the_search_with_it() -> None:
    shift = torch.linspace(-7, 4, 5, dtype=torch.float64)
    here = run(OpenAIES(pairs=8), FunctionOracle(rosenbrock, 5), start(), 40)
    there = run(
        OpenAIES(pairs=8), FunctionOracle(lambda x: rosenbrock(x - shift), 5), start() + shift, 40
    )
    torch.testing.assert_close(there.estimate - shift, here.estimate, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("f", "most"), [(turned_ellipsoid(10, 100), 0.2), (rosenbrock, 10.0)])
def test_it_descends_what_is_no_sphere(f: Any, most: float) -> None:
    theta = torch.full((10,), -1.0, dtype=torch.float64)
    state = run(OpenAIES(pairs=16, learning_rate=0.02), FunctionOracle(f, 10), theta, 500)
    height = float(f(state.estimate.unsqueeze(0)))
    assert height < most < 0.1 * random_search(f, theta, 500 * 32, 1.0)


def rastrigin(x: Tensor) -> Tensor:
    return (x.square() - 10 * torch.cos(2 * torch.pi * x) + 10).sum(1)


def test_wide_noise_blurs_small_valleys_away() -> None:
    """On Rastrigin's egg box narrow noise ends in a valley near the start; noise as wide as a
    valley sees the bowl behind them.
    """
    theta = torch.full((10,), 3.3, dtype=torch.float64)
    narrow, wide = (
        run(
            OpenAIES(pairs=64, sigma=sigma, learning_rate=0.05),
            FunctionOracle(rastrigin, 10),
            theta,
            400,
        ).estimate
        for sigma in (0.05, 0.7)
    )
    assert float(narrow.mean()) > 2.5
    assert float(wide.abs().max()) < 0.7


def test_decay_pulls_to_zero() -> None:
    free, held = (
        run(
            OpenAIES(pairs=8, weight_decay=decay),
            FunctionOracle(lambda x: -x.sum(1), 5),
            start(),
            100,
        ).estimate
        for decay in (0.0, 0.5)
    )
    assert float(free.min()) > 5
    assert float(held.abs().max()) < 2


def test_a_flat_loss_moves_nothing() -> None:
    assert torch.equal(
        run(
            OpenAIES(pairs=8), FunctionOracle(lambda x: x[:, 0] * torch.nan, 5), start(), 10
        ).estimate,
        start(),
    )


@pytest.mark.parametrize("batch", [0, 16])
def test_every_answer_is_charged(batch: int) -> None:
    oracle, theta = points(batch)
    passes = Passes(oracle.network)
    before = theta.clone()
    state = run(OpenAIES(pairs=6), oracle, theta, 5)
    assert oracle.evaluations == passes.count == 5 * 12 * len(oracle.targets)
    assert torch.equal(theta, before)
    assert state.estimate.dtype == state.population.dtype == torch.float32
    assert torch.equal(run(OpenAIES(pairs=6), oracle, theta, 5).estimate, state.estimate)
    assert not torch.equal(
        run(OpenAIES(pairs=6), oracle, theta, 5, seed=1).estimate, state.estimate
    )
    assert torch.equal(run(OpenAIES(), oracle, theta, 0).estimate, theta)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pairs", 0),
        ("sigma", 0),
        ("learning_rate", 11),
        ("weight_decay", -0.1),
        ("beta1", 1),
        ("epsilon", 0),
        ("batch", -1),
    ],
)
def test_what_is_out_of_range_is_refused_in_one_line(field: str, value: Any) -> None:
    with pytest.raises(BadInput) as caught:
        OPTIMIZERS.build({"name": "openai-es", field: value})
    assert str(caught.value).startswith(f"optimizer.{field}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.slow  # quickly: the losses that `test_catalogue` states
@pytest.mark.parametrize(
    ("dataset", "hidden", "steps", "most_loss", "least_accuracy"),
    [
        ("moons", (16, 16), 200, 0.05, 0.98),
        ("spirals", (16, 16), 500, 0.1, 0.95),
        ("digits", (32,), 200, 0.3, 0.92),
    ],
)
def test_it_learns_with_its_defaults(
    dataset: str, hidden: tuple[int, ...], steps: int, most_loss: float, least_accuracy: float
) -> None:
    samples = DATASETS.build(dataset).load(0)
    network = MLP(hidden=hidden).build(samples.shape, len(samples.classes))
    oracle = Oracle(network, LOSSES["cross-entropy"], samples, "loss", OpenAIES().batch)
    theta = run(OpenAIES(), oracle, network.init(torch.Generator().manual_seed(0)), steps).estimate
    loss, accuracy = scored(oracle, samples, theta)
    assert loss < most_loss
    assert accuracy >= least_accuracy


def test_many_numbers_are_drawn_into_the_memory_of_the_last_ones() -> None:
    method, oracle, theta = (
        OpenAIES(pairs=64),
        FunctionOracle(lambda x: (x - 0.1).square().sum(1), 2**13),
        torch.zeros(2**13),
    )
    rng: Any = Rng(0, "x")
    state = method.init(theta, rng, oracle)
    state = method.step(state, rng.at(1), oracle)
    one: Any = state.population
    first, where = one.noise.numbers.clone(), one.noise.numbers.data_ptr()
    state = method.step(state, rng.at(2), oracle)
    two: Any = state.population
    assert two.noise.numbers.data_ptr() == where
    assert (
        abs(
            float(torch.corrcoef(torch.stack([first.flatten(), two.noise.numbers.flatten()]))[0, 1])
        )
        < 0.01
    )
    other = method.step(method.init(theta, rng, oracle), rng.at(2), oracle)
    assert torch.equal(other.population.noise.numbers, two.noise.numbers)  # type: ignore[union-attr]
