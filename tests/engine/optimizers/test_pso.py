"""The particle swarm against pyswarms, brute force and its invariances."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from pyswarms.backend import compute_pbest, compute_velocity
from pyswarms.backend.handlers import VelocityHandler
from pyswarms.backend.swarms import Swarm
from torch import Tensor

from engine.datasets import DATASETS
from engine.datasets.base import Dataset
from engine.errors import BadInput
from engine.losses import LOSSES, Loss
from engine.networks import MLP
from engine.networks.base import Network, pack
from engine.optimizers import OPTIMIZERS
from engine.optimizers.pso import PSO, PSOState
from engine.oracle import Oracle
from engine.random.rng import Rng
from tests.engine.support.stand_ins import GivenRng, Passes, points, scored


class Landscape(Network):
    """A function of the weights alone, dressed as a network with one output."""

    flops, peak_activations = 1, 1

    def __init__(self, dimension: int, f: Callable[[Tensor], Tensor]) -> None:
        self.layers, self.f = pack([("w", (dimension,), 1)]), f

    def forward(self, population: Tensor, x: Tensor) -> Tensor:
        return self.f(population).reshape(-1, 1, 1).expand(-1, len(x), 1)


class Height(Loss):
    """The output itself."""

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return outputs.squeeze(-1).mean(-1)

    def derivative(self, outputs: Tensor, targets: Tensor) -> Tensor:
        raise NotImplementedError


def oracle_on(f: Callable[[Tensor], Tensor], dimension: int = 5) -> Oracle:
    one = torch.zeros(1, 1, dtype=torch.float64), torch.zeros(1, dtype=torch.int64)
    return Oracle(Landscape(dimension, f), Height(), Dataset(*one, *one, ("a",), "points"), "loss")


ROTATION = torch.linalg.qr(
    torch.randn(5, 5, generator=torch.Generator().manual_seed(8), dtype=torch.float64)
).Q


def ellipsoid(x: Tensor) -> Tensor:
    """A rotated ellipsoid, axes 1 to 1000."""
    return ((x - 1) @ ROTATION).square() @ torch.logspace(0, 3, 5, dtype=torch.float64)


def rosenbrock(x: Tensor) -> Tensor:
    return (100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2).sum(1)


def randomness() -> Rng:
    return Rng(2, "lane 0", dtype=torch.float64)


def run(pso: PSO, oracle: Oracle, steps: int, theta: Tensor) -> PSOState:
    rng = Rng(2, "lane 0", dtype=theta.dtype)
    state = pso.init(theta, rng, oracle)
    for step in range(1, steps + 1):
        oracle.next_batch(step)
        state = pso.step(state, rng.at(step), oracle)
    return state


def places(state: PSOState) -> Tensor:
    assert state.population is not None
    return state.population


def scripted(*numbers: Tensor) -> GivenRng:
    """Gives the uniform numbers it was given, in order."""
    return GivenRng(uniforms=numbers)


@pytest.mark.parametrize("limit", [None, 0.3])
def test_every_step_is_pyswarms_step(limit: float | None) -> None:
    """With pyswarms' own random numbers, in its own order, the difference is exactly nothing."""
    pso = PSO(population_size=9, velocity_limit=limit, inertia=0.8, cognitive=1.3, social=1.9)
    oracle = oracle_on(rosenbrock)
    state = pso.init(torch.zeros(5, dtype=torch.float64), randomness(), oracle)
    swarm = Swarm(
        position=places(state).numpy().copy(),
        velocity=state.v.numpy().copy(),
        options={"w": 0.8, "c1": 1.3, "c2": 1.9},
    )
    swarm.pbest_pos, swarm.pbest_cost = swarm.position.copy(), rosenbrock(places(state)).numpy()
    clamped = 0
    for step in range(12):
        swarm.best_pos = swarm.pbest_pos[swarm.pbest_cost.argmin()]
        np.random.seed(step)
        numbers = [torch.from_numpy(np.random.uniform(0, 1, (9, 5))) for _ in range(2)]
        np.random.seed(step)
        swarm.velocity = compute_velocity(
            swarm, None if limit is None else (-limit, limit), VelocityHandler("unmodified")
        )
        swarm.position = swarm.position + swarm.velocity
        swarm.current_cost = rosenbrock(torch.from_numpy(swarm.position)).numpy()
        swarm.pbest_pos, swarm.pbest_cost = compute_pbest(swarm)
        state = pso.step(state, scripted(*numbers), oracle)
        assert np.array_equal(state.v.numpy(), swarm.velocity)
        assert np.array_equal(places(state).numpy(), swarm.position)
        assert np.array_equal(state.best.numpy(), swarm.pbest_pos)
        assert np.array_equal(state.best_losses.numpy(), swarm.pbest_cost)
        assert np.array_equal(state.estimate.numpy(), swarm.pbest_pos[swarm.pbest_cost.argmin()])
        clamped += int((np.abs(swarm.velocity) == 0.3).sum())
    assert (clamped > 0) == (limit is not None)


def test_the_ring_follows_the_best_of_three() -> None:
    pso = PSO(population_size=7, topology="ring", velocity_limit=None)
    oracle = oracle_on(rosenbrock)
    rng = randomness()
    state = pso.init(torch.zeros(5, dtype=torch.float64), rng, oracle)
    seen = set()
    for step in range(1, 8):
        x, v, p, losses = (
            places(state).clone(),
            state.v.clone(),
            state.best.clone(),
            state.best_losses.tolist(),
        )
        numbers = [
            torch.rand(
                7, 5, generator=torch.Generator().manual_seed(10 * step + i), dtype=torch.float64
            )
            for i in range(2)
        ]
        state = pso.step(state, scripted(*numbers), oracle)
        for i in range(7):
            guide = min([(i - 1) % 7, i, (i + 1) % 7], key=lambda j: losses[j])
            seen.add(guide)
            velocity = (
                0.729844 * v[i]
                + 1.49618 * numbers[0][i] * (p[i] - x[i])
                + 1.49618 * numbers[1][i] * (p[guide] - x[i])
            )
            torch.testing.assert_close(state.v[i], velocity, rtol=1e-14, atol=1e-14)
            torch.testing.assert_close(places(state)[i], x[i] + velocity, rtol=1e-14, atol=1e-14)
    assert len(seen) > 2


@pytest.mark.parametrize("topology", ["global", "ring"])
def test_moving_the_problem_moves_the_swarm_with_it(topology: Any) -> None:
    pso, theta, shift = (
        PSO(population_size=10, topology=topology),
        torch.zeros(5, dtype=torch.float64),
        torch.linspace(-7, 4, 5, dtype=torch.float64),
    )
    here = run(pso, oracle_on(rosenbrock), 25, theta)
    there = run(pso, oracle_on(lambda x: rosenbrock(x - shift)), 25, theta + shift)
    torch.testing.assert_close(places(there) - shift, places(here), rtol=0, atol=1e-9)


def test_only_comparisons_matter() -> None:
    pso, theta = PSO(population_size=10), torch.zeros(5, dtype=torch.float64)
    plain = run(pso, oracle_on(rosenbrock), 25, theta)
    bent = run(pso, oracle_on(lambda x: rosenbrock(x).log1p()), 25, theta)
    assert torch.equal(places(plain), places(bent))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("f", "height", "away"), [(ellipsoid, 1e-12, 1e-6), (rosenbrock, 0.01, 0.1)]
)  # the curved valley of the second is walked slowly
@pytest.mark.parametrize("topology", ["global", "ring"])
def test_it_finds_the_minimum_of_problems_that_are_no_sphere(
    f: Callable[[Tensor], Tensor], height: float, away: float, topology: Any
) -> None:
    state = run(
        PSO(population_size=40, topology=topology),
        oracle_on(f),
        4000,
        torch.full((5,), -1.0, dtype=torch.float64),
    )
    assert state.estimate_loss is not None
    assert state.estimate_loss < height
    assert float((state.estimate - 1).abs().max()) < away
    assert state.estimate_loss == pytest.approx(
        float(f(state.estimate.unsqueeze(0))[0]), rel=1e-6, abs=1e-28
    )


def test_the_best_never_gets_worse_on_all_samples() -> None:
    pso, oracle, rng = PSO(population_size=8), oracle_on(rosenbrock), randomness()
    state = pso.init(torch.zeros(5, dtype=torch.float64), rng, oracle)
    assert state.estimate_loss == 4.0
    heights = []
    for step in range(1, 200):
        state = pso.step(state, rng.at(step), oracle)
        heights.append(state.estimate_loss)
        assert torch.equal(state.losses, rosenbrock(places(state)))
    assert heights == sorted(heights, reverse=True)  # type: ignore[type-var]
    assert heights[-1] < 2.0  # type: ignore[operator]


def test_a_loss_that_is_no_number_is_never_the_best() -> None:
    def broken(x: Tensor) -> Tensor:
        return torch.where(x[:, 0] > 0.5, torch.nan, rosenbrock(x))

    state = run(PSO(population_size=30), oracle_on(broken), 40, torch.zeros(5, dtype=torch.float64))
    assert bool(torch.isfinite(state.estimate).all())
    assert float(broken(state.estimate.unsqueeze(0))[0]) == state.estimate_loss


def test_on_mini_batches_remembered_places_are_judged_anew() -> None:
    oracle, theta = points(16)
    pso, rng = PSO(population_size=12), Rng(2, "lane 0")
    state = pso.init(theta, rng, oracle)
    for step in range(1, 10):
        oracle.next_batch(step)
        p = state.best.clone()
        state = pso.step(state, rng.at(step), oracle)
        both = torch.stack([oracle.losses(p), oracle.losses(places(state))])
        torch.testing.assert_close(state.best_losses, both.min(0).values)
        assert torch.equal(
            state.best, torch.where((both[1] < both[0]).unsqueeze(1), places(state), p)
        )


@pytest.mark.parametrize(
    ("batch", "expected"), [(0, 60 * 12 * (1 + 5)), (16, 16 * 12 * (1 + 2 * 5))]
)
def test_every_answer_is_charged(batch: int, expected: int) -> None:
    oracle, theta = points(batch)
    passes = Passes(oracle.network)
    run(PSO(population_size=12), oracle, 5, theta)
    assert oracle.evaluations == passes.count == expected


def test_it_starts_at_the_first_weights_and_leaves_them_alone() -> None:
    oracle, theta = points(0)
    before = theta.clone()
    state = run(PSO(population_size=6), oracle, 0, theta)
    assert torch.equal(state.estimate, theta)
    assert torch.equal(places(state)[0], theta)
    assert len({tuple(row) for row in places(state).tolist()}) == 6
    assert not state.v.any()
    assert torch.equal(
        run(PSO(population_size=6), oracle, 5, theta).estimate,
        run(PSO(population_size=6), oracle, 5, theta).estimate,
    )
    assert torch.equal(theta, before)


def test_the_diameter_is_between_half_and_all_of_the_largest_distance() -> None:
    state = run(
        PSO(population_size=20), oracle_on(rosenbrock), 10, torch.zeros(5, dtype=torch.float64)
    )
    largest = float(torch.cdist(places(state), places(state)).max())
    assert (
        largest / 2
        <= PSO(population_size=20).diagnostics(state)["diameter"]
        <= largest * (1 + 1e-9)
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("population_size", 0),
        ("population_size", 1),
        ("topology", "star"),
        ("inertia", -0.1),
        ("social", 9),
        ("velocity_limit", 0),
        ("init_std", 0),
        ("batch", -1),
    ],
)
def test_what_is_out_of_range_is_refused_in_one_line(field: str, value: Any) -> None:
    with pytest.raises(BadInput) as caught:
        OPTIMIZERS.build({"name": "pso", field: value})
    assert str(caught.value).startswith(f"optimizer.{field}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.slow  # quickly: the losses that `test_catalogue` states
@pytest.mark.parametrize(
    ("dataset", "hidden", "steps", "most_loss", "least_accuracy"),
    [
        ("moons", (16, 16), 150, 0.05, 0.97),
        ("spirals", (16, 16), 500, 0.2, 0.95),
        ("digits", (32,), 200, 0.4, 0.88),
    ],
)
def test_it_learns_with_its_defaults(
    dataset: str, hidden: tuple[int, ...], steps: int, most_loss: float, least_accuracy: float
) -> None:
    samples = DATASETS.build(dataset).load(0)
    network = MLP(hidden=hidden).build(samples.shape, len(samples.classes))
    oracle = Oracle(network, LOSSES["cross-entropy"], samples, "loss", PSO().batch)
    theta = run(PSO(), oracle, steps, network.init(torch.Generator().manual_seed(0))).estimate
    loss, accuracy = scored(oracle, samples, theta)
    assert loss < most_loss
    assert accuracy >= least_accuracy
