"""Particle swarm: one step against pyswarms, the ring by brute force, and honest memories."""

import numpy as np
import pytest
import torch
from pyswarms.backend import create_swarm
from pyswarms.backend.operators import compute_position, compute_velocity

from engine.errors import BadInput
from engine.experiment import Experiment
from engine.optimizers import OPTIMIZERS
from engine.optimizers.pso import PSO
from engine.race import Race
from engine.rng import Rng
from tests.engine.helpers import FunctionOracle, GivenRng, random_search, rosenbrock, run, turned_ellipsoid


def test_one_step_agrees_with_pyswarms_to_the_last_digit() -> None:
    particles, dimension = 12, 7
    optimizer = PSO(particles=particles)
    oracle = FunctionOracle(turned_ellipsoid(dimension), dimension)
    state = run(optimizer, oracle, torch.ones(dimension, dtype=torch.float64), 3)
    swarm = create_swarm(n_particles=particles, dimensions=dimension, options={"w": optimizer.inertia, "c1": optimizer.cognitive, "c2": optimizer.social})
    swarm.position, swarm.velocity = state.population.numpy().copy(), state.v.numpy().copy()
    swarm.pbest_pos, swarm.best_pos = state.best.numpy().copy(), state.best[state.best_losses.argmin()].numpy().copy()
    np.random.seed(5)
    theirs = compute_velocity(swarm, clamp=None, vh=lambda velocity, *_, **__: velocity, bounds=None)
    np.random.seed(5)
    uniforms = [np.random.random_sample((particles, dimension)) for _ in range(2)]
    swarm.velocity = theirs
    position = compute_position(swarm, bounds=None, bh=None)
    state = optimizer.step(state, GivenRng(uniforms=uniforms), oracle)  # type: ignore[arg-type]
    np.testing.assert_allclose(state.v.numpy(), theirs, rtol=0, atol=1e-15)
    np.testing.assert_allclose(state.population.numpy(), position, rtol=0, atol=1e-15)


def test_on_a_ring_the_best_of_three_neighbours_guides() -> None:
    losses = torch.tensor([5.0, 1.0, 4.0, 3.0, 2.0])
    best = torch.arange(10.0).reshape(5, 2)
    guides = PSO(particles=5, topology="ring").guides(best, losses)
    for i in range(5):
        three = [(i - 1) % 5, i, (i + 1) % 5]
        assert torch.equal(guides[i], best[min(three, key=lambda j: float(losses[j]))])
    assert torch.equal(PSO(particles=5).guides(best, losses), best[1:2])


def test_memories_are_the_best_of_each_and_never_worsen() -> None:
    function = turned_ellipsoid(5)
    oracle = FunctionOracle(function, 5)
    optimizer, rng = PSO(particles=10), Rng(0, "x", dtype=torch.float64)
    state = optimizer.init(torch.ones(5, dtype=torch.float64), rng, oracle)  # type: ignore[arg-type]
    history = [state.losses.clone()]
    for step in range(1, 40):
        state = optimizer.step(state, rng.at(step), oracle)  # type: ignore[arg-type]
        history.append(state.losses.clone())
        torch.testing.assert_close(state.best_losses, torch.stack(history).min(0).values)
        torch.testing.assert_close(function(state.best), state.best_losses)
        assert float(function(state.estimate.unsqueeze(0))) == pytest.approx(float(state.best_losses.min()))
    assert oracle.evaluations == 40 * 10


def test_memories_of_another_batch_are_judged_again() -> None:
    oracle = FunctionOracle(turned_ellipsoid(5), 5)
    optimizer, rng = PSO(particles=6), Rng(0, "x", dtype=torch.float64)
    state = optimizer.init(torch.ones(5, dtype=torch.float64), rng, oracle)  # type: ignore[arg-type]
    oracle.batch_changed = True
    oracle.function = lambda x: 7 + (x**2).sum(1)
    state = optimizer.step(state, rng.at(1), oracle)  # type: ignore[arg-type]
    assert oracle.evaluations == 18
    torch.testing.assert_close(state.best_losses, oracle.function(state.best))


def test_moving_the_problem_moves_the_swarm() -> None:
    shift = torch.linspace(-3, 3, 5, dtype=torch.float64)
    function = turned_ellipsoid(5)
    one = run(PSO(particles=8), FunctionOracle(function, 5), torch.ones(5, dtype=torch.float64), 50)
    two = run(PSO(particles=8), FunctionOracle(lambda x: function(x - shift), 5), 1 + shift, 50)
    torch.testing.assert_close(two.estimate - shift, one.estimate, rtol=0, atol=1e-8)


@pytest.mark.parametrize("topology", ["global", "ring"])
@pytest.mark.parametrize("problem", ["ellipsoid", "rosenbrock"])
def test_it_beats_random_search_on_hard_problems(problem: str, topology: str) -> None:
    function = turned_ellipsoid(6) if problem == "ellipsoid" else rosenbrock
    start = torch.full((6,), 2.0, dtype=torch.float64)
    oracle = FunctionOracle(function, 6, 20_000)
    state = run(PSO(particles=40, topology=topology), oracle, start, 10_000)  # type: ignore[arg-type]
    floor = min(random_search(function, start, 20_000, spread) for spread in (0.3, 1.0, 3.0))
    assert float(function(state.estimate.unsqueeze(0))) < floor / 5


def test_it_learns_moons_from_its_defaults() -> None:
    race = Race(Experiment.parse({"dataset": "moons", "lanes": ["pso"], "budget": {"currency": "evaluations", "amount": 1e7}}), marks=1, pictures=False)
    list(race)
    assert race.results()[0]["test_accuracy"] >= 0.95


def test_bad_knobs_are_refused_in_one_line() -> None:
    with pytest.raises(BadInput, match=r"optimizer\.particles: 1 is not allowed; expected at least 2"):
        OPTIMIZERS.build({"name": "pso", "particles": 1})
