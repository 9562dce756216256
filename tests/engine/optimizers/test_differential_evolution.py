"""Differential evolution against scipy's, with scipy's own random choices, and against it in
evaluations spent.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize._differentialevolution import DifferentialEvolutionSolver
from torch import Tensor

from engine.datasets import DATASETS
from engine.errors import BadInput
from engine.losses import LOSSES
from engine.networks import MLP
from engine.optimizers import OPTIMIZERS
from engine.optimizers.differential_evolution import DifferentialEvolution, others
from engine.oracle import Oracle
from engine.random.rng import Rng
from tests.engine.support.stand_ins import (
    FunctionOracle,
    GivenRng,
    Passes,
    points,
    rosenbrock,
    run,
    scored,
    turned_ellipsoid,
)

# Scipy works between bounds, in units of them: a power of two, so that going there and back rounds
# nothing
BOX = 64.0
STRATEGIES = {"rand/1/bin": ("rand1bin", 3), "best/1/bin": ("best1bin", 2)}


def ranks(chosen: np.ndarray) -> list[np.ndarray]:
    """The numbers from which `others` makes these choices (k, P): of each, its rank among the
    members not taken before it.
    """
    size = chosen.shape[1]
    numbers = []
    for k in range(len(chosen)):
        left = [[m for m in range(size) if m != i and m not in chosen[:k, i]] for i in range(size)]
        numbers.append(np.array([left[i].index(chosen[k, i]) for i in range(size)]))
    return numbers


@pytest.mark.parametrize("f", [turned_ellipsoid(6), rosenbrock])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_generation_is_scipys(strategy: Any, f: Callable[[Tensor], Tensor]) -> None:
    size, dimension, differ = 9, 6, np.random.default_rng(4)
    ours = DifferentialEvolution(
        population_size=size,
        strategy=strategy,
        differential_weight=0.7,
        dither=0,
        crossover_rate=0.8,
    )
    oracle = FunctionOracle(f, dimension)
    state: Any = ours.init(
        torch.full((dimension,), 0.5, dtype=torch.float64), Rng(1, "x", dtype=torch.float64), oracle
    )
    name, needed = STRATEGIES[strategy]
    scipys = DifferentialEvolutionSolver(
        lambda x: float(f(torch.from_numpy(x).unsqueeze(0))[0]),
        [(-BOX, BOX)] * dimension,
        strategy=name,
        mutation=0.7,
        recombination=0.8,
        updating="deferred",
        init=state.population.numpy().copy(),
        polish=False,
    )
    back = list(
        range(size)
        # Scipy keeps its best member in place 0 by swapping: which member of ours lies in each of
        # its
        # places
    )
    promote = scipys._promote_lowest_energy

    def noted() -> None:
        best = int(scipys.population_energies.argmin())
        back[0], back[best] = back[best], back[0]
        promote()

    scipys._promote_lowest_energy = noted
    scipys.population_energies = state.losses.numpy().copy()
    noted()
    accepted = 0
    for _ in range(10):
        where = np.argsort(back)
        chosen = np.stack(
            [differ.permutation([m for m in range(size) if m != i])[:5] for i in range(size)]
        )  # of ours
        j, r = differ.integers(dimension, size=size), differ.uniform(size=(size, dimension))

        class Given:
            def randint(
                self, *args: Any, numbers: np.ndarray = j[back], **kwargs: Any
            ) -> np.ndarray:
                return numbers

            def uniform(self, size: Any = None, numbers: np.ndarray = r[back]) -> np.ndarray:
                assert size == numbers.shape
                return numbers

        scipys.random_number_generator = Given()
        samples = {where[i]: np.array([where[m] for m in chosen[i]]) for i in range(size)}
        scipys._select_samples = lambda candidate, number, samples=samples: samples[int(candidate)][
            :number
        ]
        next(scipys)
        before = state.losses.clone()
        integers = [*ranks(chosen.T[:needed]), j]
        state = ours.step(state, GivenRng(uniforms=[r], integers=integers), oracle)
        accepted += int((state.losses != before).sum())
        np.testing.assert_allclose(
            state.population.numpy()[back], scipys.population * 2 * BOX - BOX, rtol=0, atol=1e-13
        )
        np.testing.assert_allclose(
            state.losses.numpy()[back], scipys.population_energies, rtol=1e-11
        )
        np.testing.assert_allclose(state.estimate.numpy(), scipys.x, rtol=0, atol=1e-13)
    assert 10 < accepted < 90


def test_others_are_distinct_and_all_equally_likely() -> None:
    rng, counts = Rng(0, "x"), torch.zeros(6, 6, 6)
    for _ in range(4000):
        a, b, c = others(6, 3, rng)
        rows = torch.stack([torch.arange(6), a, b, c]).sort(0).values
        assert (rows[1:] > rows[:-1]).all()
        counts[torch.arange(6), a, b] += 1
    for i in range(6):
        allowed = counts[i][
            torch.tensor([[a != i and b != i and a != b for b in range(6)] for a in range(6)])
        ]
        assert len(allowed) == 20
        assert (allowed - 200).abs().max() < 5 * 200**0.5


def budget_to(
    target: float, f: Callable[[Tensor], Tensor], dimension: int, seed: int, scipys: bool
) -> int:
    """Evaluations until the best is below the target, from the same kind of start."""
    size = 30
    start = torch.full((dimension,), -1.0, dtype=torch.float64)
    if not scipys:
        oracle, rng = FunctionOracle(f, dimension), Rng(seed, "lane 0", dtype=torch.float64)
        ours = DifferentialEvolution(
            population_size=size,
            strategy="rand/1/bin",
            differential_weight=0.6,
            dither=0,
            crossover_rate=0.9,
        )
        state: Any = ours.init(start, rng, oracle)
        for step in range(1, 300):
            if state.losses.min() < target:
                break
            state = ours.step(state, rng.at(step), oracle)
        return oracle.evaluations
    numbers = np.random.default_rng(seed)
    init = start.numpy() + numbers.standard_normal((size, dimension))
    init[0] = start
    solver = DifferentialEvolutionSolver(
        lambda x: f(torch.from_numpy(np.ascontiguousarray(x.T))).numpy(),
        [(-BOX, BOX)] * dimension,
        strategy="rand1bin",
        mutation=0.6,
        recombination=0.9,
        updating="deferred",
        vectorized=True,
        init=init,
        polish=False,
        rng=numbers,
    )
    generations = 1
    while next(solver)[1] >= target and generations < 300:
        generations += 1
    return size * (generations + 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("f", "dimension"), [(turned_ellipsoid(5), 5), (rosenbrock, 2)]
)  # in more dimensions the banana has a second minimum
def test_it_needs_as_many_evaluations_as_scipy(
    f: Callable[[Tensor], Tensor], dimension: int
) -> None:
    ours, theirs = (
        np.median([budget_to(1e-6, f, dimension, seed, scipys) for seed in range(31)])
        for scipys in (False, True)
    )
    assert theirs / 1.3 < ours < theirs * 1.3


THETA = torch.tensor([-1.0, 0.5, 2.0, 0.0, -0.5], dtype=torch.float64)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_moving_the_problem_moves_the_population_and_only_comparisons_matter(strategy: Any) -> None:
    method, shift = (
        DifferentialEvolution(population_size=12, strategy=strategy, dither=0.3),
        torch.linspace(-7, 4, 5, dtype=torch.float64),
    )
    plain = run(method, FunctionOracle(rosenbrock, 5), THETA, 25)
    moved = run(method, FunctionOracle(lambda x: rosenbrock(x - shift), 5), THETA + shift, 25)
    torch.testing.assert_close(moved.population - shift, plain.population, rtol=0, atol=1e-9)
    bent = run(method, FunctionOracle(lambda x: rosenbrock(x).sqrt().log1p(), 5), THETA, 25)
    assert torch.equal(bent.population, plain.population)
    assert not torch.equal(
        plain.population, run(method, FunctionOracle(rosenbrock, 5), THETA, 24).population
    )


def test_dither_draws_the_weight_between_its_bounds() -> None:
    method = DifferentialEvolution(
        population_size=5,
        strategy="best/1/bin",
        differential_weight=0.5,
        dither=0.4,
        crossover_rate=1.0,
    )
    oracle = FunctionOracle(rosenbrock, 5)
    state: Any = method.init(THETA, Rng(0, "x", dtype=torch.float64), oracle)
    x, best = state.population.clone(), state.losses.argmin()
    chosen = np.array([[1, 2, 3, 4, 0], [2, 3, 4, 0, 1]])
    given = GivenRng(
        uniforms=[[0.25], torch.zeros(5, 5)],
        integers=[*ranks(chosen), torch.zeros(5, dtype=torch.long)],
    )
    method.step(state, given, oracle)
    torch.testing.assert_close(
        oracle.judged[-1], x[best] + 0.6 * (x[chosen[0]] - x[chosen[1]]), rtol=1e-14, atol=1e-14
    )


def test_at_least_one_weight_is_the_mutants() -> None:
    oracle = FunctionOracle(rosenbrock, 5)
    state = run(DifferentialEvolution(population_size=8, crossover_rate=0.0), oracle, THETA, 0)
    x = state.population.clone()
    DifferentialEvolution(population_size=8, crossover_rate=0.0).step(
        state, Rng(3, "x", dtype=torch.float64), oracle
    )
    assert ((oracle.judged[-1] != x).sum(1) == 1).all()


def test_a_tie_is_taken_so_that_plateaus_are_crossed() -> None:
    oracle = FunctionOracle(lambda x: torch.zeros(len(x), dtype=x.dtype), 5)
    before = run(DifferentialEvolution(population_size=8), oracle, THETA, 0).population.clone()
    state = run(DifferentialEvolution(population_size=8), oracle, THETA, 1)
    assert (state.population != before).any(1).all()
    assert state.metrics["success"] == 1


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("f", [turned_ellipsoid(3, 1e6), lambda x: rosenbrock(x + 1)])
def test_it_finds_the_minimum_of_problems_that_are_no_sphere(
    f: Callable[[Tensor], Tensor], strategy: Any
) -> None:
    state = run(
        DifferentialEvolution(population_size=30, strategy=strategy, differential_weight=0.7),
        FunctionOracle(f, 3),
        THETA[:3],
        400,
    )
    assert state.estimate_loss < 1e-12
    assert state.estimate_loss == float(f(state.estimate.unsqueeze(0))[0])
    assert state.estimate.abs().max() < 1e-5


def test_a_loss_that_is_no_number_is_never_the_best() -> None:
    def broken(x: Tensor) -> Tensor:
        return torch.where(x[:, 0] > 0.5, torch.nan, rosenbrock(x))

    state = run(DifferentialEvolution(population_size=20), FunctionOracle(broken, 5), THETA, 60)
    assert state.estimate_loss == float(broken(state.estimate.unsqueeze(0))[0]) < 10


@pytest.mark.parametrize("batch", [0, 16])
def test_every_answer_is_charged_and_members_are_judged_anew_on_a_new_batch(batch: int) -> None:
    oracle, theta = points(batch)
    passes = Passes(oracle.network)
    before = theta.clone()
    method = DifferentialEvolution(population_size=10)
    state = run(method, oracle, theta, 6)
    assert (
        oracle.evaluations
        == passes.count
        == 10 * len(oracle.targets) * (1 + 6 * (2 if batch else 1))
    )
    torch.testing.assert_close(oracle.losses(state.population), state.losses)
    assert torch.equal(theta, before)
    again = points(batch)[0]
    assert torch.equal(run(method, again, theta, 6).population, state.population)
    start = run(method, again, theta, 0)
    assert torch.equal(start.estimate, theta)
    assert torch.equal(start.population[0], theta)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("population_size", 4),
        ("strategy", "rand/2/bin"),
        ("differential_weight", -0.1),
        ("differential_weight", 2.5),
        ("crossover_rate", 1.1),
        ("dither", 2),
        ("init_std", 0),
        ("batch", -1),
    ],
)
def test_what_is_out_of_range_is_refused_in_one_line(field: str, value: Any) -> None:
    with pytest.raises(BadInput) as caught:
        OPTIMIZERS.build({"name": "differential-evolution", field: value})
    assert str(caught.value).startswith(f"optimizer.{field}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.slow  # quickly: the losses that `test_catalogue` states
@pytest.mark.parametrize(
    ("dataset", "hidden", "steps", "most_loss", "least_accuracy"),
    [("moons", (16, 16), 150, 0.1, 0.96), ("digits", (32,), 40, 2.0, 0.3)],
)
def test_it_learns_with_its_defaults(
    dataset: str, hidden: tuple[int, ...], steps: int, most_loss: float, least_accuracy: float
) -> None:
    samples = DATASETS.build(dataset).load(0)
    network = MLP(hidden=hidden).build(samples.shape, len(samples.classes))
    oracle = Oracle(
        network, LOSSES["cross-entropy"], samples, "loss", DifferentialEvolution().batch
    )
    theta = run(
        DifferentialEvolution(), oracle, network.init(torch.Generator().manual_seed(0)), steps
    ).estimate
    loss, accuracy = scored(oracle, samples, theta)
    assert loss < most_loss
    assert accuracy >= least_accuracy
