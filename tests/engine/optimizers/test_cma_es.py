"""CMA-ES, full and separable, against cmaes fed with our samples, and against its budgets;
invariances and limits.
"""

from typing import Any

import numpy as np
import pytest
import torch
from cmaes import CMA, SepCMA
from torch import Tensor

from engine.datasets import DATASETS
from engine.errors import BadInput
from engine.losses import LOSSES
from engine.networks import MLP
from engine.optimizers import OPTIMIZERS
from engine.optimizers.base import Problem
from engine.optimizers.cma_es import CMAES, LARGEST, constants, patience
from engine.optimizers.sep_cma_es import SepCMAES
from engine.oracle import Oracle
from engine.random.rng import Rng
from tests.engine.support.stand_ins import (
    FunctionOracle,
    Passes,
    points,
    random_search,
    rosenbrock,
    run,
    scored,
    turned_ellipsoid,
)

BOTH = pytest.mark.parametrize("method", [CMAES, SepCMAES])


def start(dimension: int = 6) -> Tensor:
    return torch.linspace(-1.5, 1.2, dimension, dtype=torch.float64)


def steep(x: Tensor) -> Tensor:
    """A slope without end: σ grows as fast as it can, and h_σ is 0 for many generations."""
    return x.sum(1)


def tell_both(
    ours: Any, reference: Any, f: Any, generations: int, scale: Tensor
) -> tuple[float, int]:
    """Feed cmaes with our samples, in its own coordinates θ/scale: the largest relative difference
    in mean, σ and C over the generations, and how often h_σ was 0.
    """
    oracle, rng = FunctionOracle(f, len(scale)), Rng(4, "x", dtype=torch.float64)
    oracle.init_scale = scale
    # Its h_σ would count a generation more than there were: after g updates ‖p_σ‖² has grown to 1 −
    # (1 − c_σ)^{2g} of its final size
    reference._g = -1
    state, worst, held = ours.init(start(), rng, oracle), 0.0, 0
    for n in range(1, generations + 1):
        before = state.p_c.clone()
        state = ours.step(state, rng.at(n), oracle)
        held += int(
            bool(before.any())
            and float(torch.linalg.vector_norm(state.p_c / before - (state.p_c / before).mean()))
            < 1e-9
        )
        reference.tell(
            list(zip((state.population / scale).numpy(), state.losses.tolist(), strict=True))
        )
        for mine, theirs in [
            (state.estimate / scale, reference.mean),
            (state.sigma, reference._sigma),
            (state.c, reference._C),
            (state.p_c, reference._pc),
        ]:
            worst = max(
                worst,
                float(np.abs(mine.numpy() - theirs).max() / max(np.abs(theirs).max(), 1e-300)),
            )
    return worst, held


@BOTH
@pytest.mark.parametrize("size", [9, 10, 30])
@pytest.mark.parametrize("f", [turned_ellipsoid(6, 1e3), rosenbrock])
def test_every_generation_is_that_of_cmaes(method: Any, size: int, f: Any) -> None:
    scale = torch.tensor([1.0, 0.5, 0.25, 2.0, 0.1, 1.0], dtype=torch.float64)
    theirs = {CMAES: CMA, SepCMAES: SepCMA}[method](
        mean=(start() / scale).numpy(), sigma=0.4, population_size=size
    )
    worst, _ = tell_both(method(population=size, sigma=0.4), theirs, f, 40, scale)
    assert worst < 1e-12


@BOTH
def test_while_the_path_is_long_the_covariance_waits_as_in_cmaes(method: Any) -> None:
    theirs = {CMAES: CMA, SepCMAES: SepCMA}[method](
        mean=start().numpy(), sigma=0.4, population_size=20
    )
    worst, held = tell_both(
        method(population=20, sigma=0.4), theirs, steep, 30, torch.ones(6, dtype=torch.float64)
    )
    assert held >= 3
    assert worst < 1e-12


def ours_to_target(method: Any, f: Any, theta: Tensor, target: float, seed: int) -> int:
    oracle, rng = FunctionOracle(f, len(theta)), Rng(seed, "x", dtype=torch.float64)
    state = method.init(theta, rng, oracle)
    for n in range(1, 3000):
        state = method.step(state, rng.at(n), oracle)
        if state.losses.min() < target:
            return oracle.evaluations
    raise AssertionError("the target was not reached")


def theirs_to_target(reference: Any, f: Any, target: float) -> int:
    for n in range(1, 3000):
        x = np.array([reference.ask() for _ in range(reference.population_size)])
        losses = f(torch.from_numpy(x)).tolist()
        if min(losses) < target:
            return n * len(x)
        reference.tell(list(zip(x, losses, strict=True)))
    raise AssertionError("the target was not reached")


@pytest.mark.slow  # quickly: the separable one's below
def test_it_takes_no_more_evaluations_than_cmaes() -> None:
    """Medians of seven runs each from the same start in ten dimensions, to a loss of a
    billionth.
    """
    theta = torch.full((10,), 1.5, dtype=torch.float64)
    for f in (turned_ellipsoid(10, 1e4), lambda x: rosenbrock(x - 1)):
        ours = np.median([ours_to_target(CMAES(), f, theta, 1e-9, seed) for seed in range(7)])
        theirs = np.median(
            [
                theirs_to_target(CMA(mean=theta.numpy().copy(), sigma=0.5, seed=seed), f, 1e-9)
                for seed in range(7)
            ]
        )
        assert theirs / 1.3 < ours < theirs * 1.3


def test_the_separable_one_takes_no_more_evaluations_than_cmaes() -> None:
    theta, values = (
        torch.full((10,), 1.5, dtype=torch.float64),
        torch.logspace(0, 4, 10, dtype=torch.float64),
    )
    ours = np.median(
        [
            ours_to_target(SepCMAES(), lambda x: x.square() @ values, theta, 1e-9, seed)
            for seed in range(7)
        ]
    )
    theirs = np.median(
        [
            theirs_to_target(
                SepCMA(mean=theta.numpy().copy(), sigma=0.5, seed=seed),
                lambda x: x.square() @ values,
                1e-9,
            )
            for seed in range(7)
        ]
    )
    assert theirs / 1.3 < ours < theirs * 1.3


@pytest.mark.slow
def test_lazy_decomposition_costs_no_evaluations() -> None:
    f, theta = turned_ellipsoid(20, 1e3), torch.full((20,), -0.5, dtype=torch.float64)
    eager, lazy = (
        np.median(
            [
                ours_to_target(CMAES(decompose_every=every), f, theta, 1e-6, seed)
                for seed in range(3)
            ]
        )
        for every in (1, 4)
    )
    assert lazy < 1.15 * eager


def test_the_covariance_becomes_the_inverse_hessian() -> None:
    f = turned_ellipsoid(6, 1e4)
    hessian = torch.func.hessian(lambda x: f(x.unsqueeze(0))[0])(start())
    state = run(CMAES(), FunctionOracle(f, 6), start(), 250)
    ratios = torch.linalg.eigvals(state.c @ hessian).real
    assert float(torch.linalg.cond(hessian)) == pytest.approx(1e4, rel=1e-6)
    assert 1e3 < state.metrics["condition"] < 1e5
    assert float(ratios.max() / ratios.min()) < 50


def test_the_separable_one_is_blind_to_rotation() -> None:
    """The documented limit, and that it still gets down: along the axes it takes far fewer
    evaluations than askew; the full one does not care.
    """
    values = torch.logspace(0, 3, 10, dtype=torch.float64)
    theta, straight, turned = (
        torch.full((10,), 1.0, dtype=torch.float64),
        lambda x: 0.5 * x.square() @ values,
        turned_ellipsoid(10, 1e3),
    )
    separable = [ours_to_target(SepCMAES(), f, theta, 1e-6, 0) for f in (straight, turned)]
    full = [ours_to_target(CMAES(), f, theta, 1e-6, 0) for f in (straight, turned)]
    assert separable[1] > 3 * separable[0]
    assert full[1] < 1.5 * full[0]


@pytest.mark.slow
def test_turning_the_coordinates_turns_the_full_one_with_them() -> None:
    """Samples are B (d ⊙ z), so exact equality cannot hold with the same z; the distribution is
    what is invariant: budgets agree.
    """
    theta = torch.full((8,), 1.0, dtype=torch.float64)
    budgets = [
        np.median(
            [
                ours_to_target(CMAES(), turned_ellipsoid(8, 1e4, turn), theta, 1e-8, seed)
                for seed in range(5)
            ]
        )
        for turn in range(3)
    ]
    assert max(budgets) < 1.25 * min(budgets)


@pytest.mark.parametrize("seed", range(2))
def test_a_large_population_sees_through_rastrigin(seed: int) -> None:
    def rastrigin(x: Tensor) -> Tensor:
        return (x.square() - 10 * torch.cos(2 * torch.pi * x) + 10).sum(1)

    theta = torch.full((5,), 3.3, dtype=torch.float64)
    large, small = (
        run(
            CMAES(population_size=size, sigma=2.0), FunctionOracle(rastrigin, 5), theta, 120, seed
        ).estimate
        for size in (100, 6)
    )
    assert float(rastrigin(large.unsqueeze(0))) < 1e-6
    assert float(rastrigin(small.unsqueeze(0))) > 0.9


def test_the_separable_one_beats_random_search_on_rosenbrock() -> None:
    theta = torch.full((10,), -1.0, dtype=torch.float64)
    state = run(SepCMAES(), FunctionOracle(rosenbrock, 10), theta, 1500)
    assert (
        float(rosenbrock(state.estimate.unsqueeze(0)))
        < 5
        < 0.1 * random_search(rosenbrock, theta, 15_000, 1.0)
    )


@BOTH
def test_only_comparisons_matter(method: Any) -> None:
    plain, bent = (
        run(method(), FunctionOracle(f, 6), start(), 60)
        for f in (rosenbrock, lambda x: rosenbrock(x).log1p())
    )
    assert torch.equal(plain.estimate, bent.estimate)
    assert torch.equal(plain.c, bent.c)


@BOTH
def test_moving_or_stretching_the_problem_moves_the_search_with_it(method: Any) -> None:
    shift, stretch = (
        torch.linspace(-7, 4, 6, dtype=torch.float64),
        torch.tensor([1.0, 0.5, 0.25, 2.0, 4.0, 1.0], dtype=torch.float64),
    )
    here = run(method(), FunctionOracle(rosenbrock, 6), start(), 60)
    moved = run(method(), FunctionOracle(lambda x: rosenbrock(x - shift), 6), start() + shift, 60)
    torch.testing.assert_close(moved.estimate - shift, here.estimate, rtol=0, atol=1e-8)
    oracle = FunctionOracle(lambda x: rosenbrock(x / stretch), 6)
    oracle.init_scale = stretch  # powers of two: exact
    stretched = run(method(), oracle, start() * stretch, 60)
    assert torch.equal(stretched.estimate / stretch, here.estimate)
    assert torch.equal(stretched.sigma, here.sigma)


def test_between_decompositions_the_axes_rest() -> None:
    method, oracle, rng = (
        CMAES(decompose_every=3),
        FunctionOracle(rosenbrock, 6),
        Rng(0, "x", dtype=torch.float64),
    )
    state, changed = method.init(start(), rng, oracle), []
    for n in range(1, 10):
        d, c = state.d.clone(), state.c.clone()
        state = method.step(state, rng.at(n), oracle)
        changed.append(not torch.equal(state.d, d))
        assert not torch.equal(state.c, c)
    assert changed == [False, False, True] * 3
    torch.testing.assert_close(
        state.b * state.d.square() @ state.b.T, state.c, rtol=1e-10, atol=1e-12
    )
    assert state.metrics["condition"] == pytest.approx(float(torch.linalg.cond(state.c)), rel=1e-8)


@pytest.mark.parametrize(
    ("size", "dimension", "expected"),
    [(10, 10, 1), (15, 40, 2), (21, 354, 16), (27, 2410, 89), (4, 50, 12)],
)
def test_decomposing_waits_until_it_matters_and_no_longer_dominates(
    size: int, dimension: int, expected: int
) -> None:
    assert patience(size, constants(size, dimension)) == expected


def test_too_many_weights_are_refused_and_the_way_out_is_named() -> None:
    def problem(dimension: int) -> Problem:
        return Problem(dimension, 10, 100, (), "cross-entropy", "points")

    assert CMAES().refusal(problem(LARGEST)) is None
    refusal = CMAES().refusal(problem(LARGEST + 1))
    assert refusal is not None
    assert "3,000 weights" in refusal
    assert "sep-cma-es" in refusal
    assert SepCMAES().refusal(problem(10**7)) is None


@BOTH
def test_a_flat_loss_leaves_finite_numbers(method: Any) -> None:
    state = run(method(), FunctionOracle(lambda x: x[:, 0] * torch.nan, 6), start(), 50)
    for tensor in (state.estimate, state.sigma, state.c):
        assert bool(torch.isfinite(tensor).all())


@BOTH
@pytest.mark.parametrize("batch", [0, 16])
def test_every_answer_is_charged(method: Any, batch: int) -> None:
    oracle, theta = points(batch)
    passes = Passes(oracle.network)
    before = theta.clone()
    state = run(method(population=7), oracle, theta, 5)
    assert oracle.evaluations == passes.count == 5 * 7 * len(oracle.targets)
    assert torch.equal(theta, before)
    assert state.estimate.dtype == state.population.dtype == torch.float32
    assert torch.equal(run(method(population=7), oracle, theta, 5).estimate, state.estimate)
    assert not torch.equal(
        run(method(population=7), oracle, theta, 5, seed=1).estimate, state.estimate
    )
    assert torch.equal(run(method(), oracle, theta, 0).estimate, theta)


def test_single_precision_networks_get_a_covariance_in_double() -> None:
    state = run(CMAES(), FunctionOracle(turned_ellipsoid(6), 6), start().float(), 150)
    assert state.c.dtype == state.b.dtype == torch.float64
    assert state.estimate.dtype == torch.float32
    assert float(turned_ellipsoid(6)(state.estimate.unsqueeze(0))) < 1e-6


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        (name, field, value)
        for name in ("cma-es", "sep-cma-es")
        for field, value in (("population_size", 3), ("sigma", 0), ("sigma", 101), ("batch", -1))
    ]
    + [("cma-es", "decompose_every", 0)],
)
def test_what_is_out_of_range_is_refused_in_one_line(name: str, field: str, value: Any) -> None:
    with pytest.raises(BadInput) as caught:
        OPTIMIZERS.build({"name": name, field: value})
    assert str(caught.value).startswith(f"optimizer.{field}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.slow  # quickly: the losses that `test_catalogue` states
@pytest.mark.parametrize(
    ("method", "dataset", "hidden", "steps", "most_loss", "least_accuracy"),
    [
        (CMAES, "moons", (16, 16), 300, 0.05, 0.98),
        (SepCMAES, "moons", (16, 16), 300, 0.05, 0.98),
        (SepCMAES, "spirals", (16, 16), 800, 0.1, 0.95),
        (SepCMAES, "digits", (32,), 300, 0.6, 0.87),
        pytest.param(CMAES, "spirals", (16, 16), 800, 0.1, 0.95, marks=pytest.mark.slow),
        pytest.param(CMAES, "digits", (32,), 100, 1.0, 0.8, marks=pytest.mark.slow),
    ],
)
def test_it_learns_with_its_defaults(
    method: Any,
    dataset: str,
    hidden: tuple[int, ...],
    steps: int,
    most_loss: float,
    least_accuracy: float,
) -> None:
    samples = DATASETS.build(dataset).load(0)
    network = MLP(hidden=hidden).build(samples.shape, len(samples.classes))
    oracle = Oracle(network, LOSSES["cross-entropy"], samples, "loss", method().batch)
    theta = run(method(), oracle, network.init(torch.Generator().manual_seed(0)), steps).estimate
    loss, accuracy = scored(oracle, samples, theta)
    assert loss < most_loss
    assert accuracy >= least_accuracy
