"""Simulated annealing: the Metropolis rule to the last digit, the stationary law, honest bookkeeping."""

import math

import pytest
import torch
from scipy import stats

from engine.errors import BadInput
from engine.experiment import Experiment
from engine.optimizers import OPTIMIZERS
from engine.optimizers.annealing import Annealing
from engine.race import Race
from engine.rng import Rng
from tests.engine.helpers import FunctionOracle, GivenRng, random_search, rosenbrock, run, turned_ellipsoid

FIXED = {"start_temperature": 1.0, "end_temperature": 1.0, "adapt": False}


@pytest.mark.parametrize("proposal", ["gaussian", "sparse"])
def test_one_step_is_the_metropolis_rule(proposal: str) -> None:
    """Against the rule written out for one chain at a time, with the same random numbers, in float64."""
    generator = torch.Generator().manual_seed(0)
    chains, dimension = 7, 6
    function = turned_ellipsoid(dimension)
    optimizer = Annealing(chains=chains, proposal=proposal, share=0.5, step_size=0.3, **FIXED)  # type: ignore[arg-type]
    theta = torch.randn(dimension, generator=generator, dtype=torch.float64)
    oracle = FunctionOracle(function, dimension)
    oracle.scale = torch.rand(dimension, generator=generator, dtype=torch.float64) + 0.5
    state = optimizer.init(theta, GivenRng(), oracle)  # type: ignore[arg-type]
    moved = dimension if proposal == "gaussian" else 3
    for _ in range(20):
        z = torch.randn(chains, moved, generator=generator, dtype=torch.float64)
        u = torch.rand(chains, generator=generator, dtype=torch.float64)
        chosen = torch.stack([torch.randperm(dimension, generator=generator)[:moved] for _ in range(chains)])
        before = state.population.clone()
        state = optimizer.step(state, GivenRng([z], [u], [chosen]), oracle)  # type: ignore[arg-type]
        for i in range(chains):
            proposed = before[i].clone()
            places = range(dimension) if proposal == "gaussian" else chosen[i].tolist()
            for place, number in zip(places, z[i].tolist(), strict=True):
                proposed[place] += 0.3 * float(oracle.scale[place]) * number
            rise = float(function(proposed.unsqueeze(0))) - float(function(before[i].unsqueeze(0)))
            expected = proposed if rise <= 0 or float(u[i]) < math.exp(-rise / 1.0) else before[i]
            torch.testing.assert_close(state.population[i], expected, rtol=0, atol=1e-12)
        torch.testing.assert_close(state.losses, function(state.population), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("proposal", ["gaussian", "sparse"])
def test_at_a_fixed_temperature_the_chains_follow_boltzmanns_law(proposal: str) -> None:
    """On a quadratic loss with curvatures λ the stationary law exp(−L/T) is normal with variance T/λ along each axis."""
    chains, temperature = 3000, 0.5
    curvature = torch.tensor([1.0, 4.0], dtype=torch.float64)
    oracle = FunctionOracle(lambda x: 0.5 * (x**2 * curvature).sum(1), 2)
    optimizer = Annealing(chains=chains, proposal=proposal, share=0.5, start_temperature=temperature, end_temperature=temperature, adapt=False, step_size=1.0)  # type: ignore[arg-type]
    state = run(optimizer, oracle, torch.zeros(2, dtype=torch.float64), 250)
    for axis in range(2):
        width = math.sqrt(temperature / float(curvature[axis]))
        assert stats.kstest(state.population[:, axis].numpy(), stats.norm(scale=width).cdf).pvalue > 0.01
    # L/T is then a χ² with two degrees of freedom, halved: exponential.
    assert stats.kstest((state.losses / temperature).numpy(), stats.expon.cdf).pvalue > 0.01


def test_the_law_test_can_fail() -> None:
    """The same check sees a temperature that is a quarter off."""
    oracle = FunctionOracle(lambda x: 0.5 * (x**2).sum(1), 2)
    state = run(
        Annealing(chains=3000, proposal="gaussian", start_temperature=0.5, end_temperature=0.5, adapt=False), oracle, torch.zeros(2, dtype=torch.float64), 250
    )
    assert stats.kstest((state.losses / 0.4).numpy(), stats.expon.cdf).pvalue < 1e-4


def test_incumbents_are_judged_again_only_when_the_batch_changed() -> None:
    oracle = FunctionOracle(turned_ellipsoid(4), 4)
    optimizer = Annealing(chains=5, **FIXED)  # type: ignore[arg-type]
    rng = Rng(0, "x", dtype=torch.float64)
    state = optimizer.init(torch.ones(4, dtype=torch.float64), rng, oracle)  # type: ignore[arg-type]
    asked = oracle.evaluations
    state = optimizer.step(state, rng.at(1), oracle)  # type: ignore[arg-type]
    assert oracle.evaluations == asked + 5
    oracle.batch_changed = True
    oracle.function = lambda x: 100 + (x**2).sum(1)  # another batch: another loss
    before = state.population.clone()
    state = optimizer.step(state, rng.at(2), oracle)  # type: ignore[arg-type]
    assert oracle.evaluations == asked + 15
    torch.testing.assert_close(oracle.judged[-2], before)
    torch.testing.assert_close(state.losses, oracle.function(state.population))


@pytest.mark.parametrize("problem", ["ellipsoid", "rosenbrock"])
def test_it_beats_random_search_on_hard_problems(problem: str) -> None:
    function = turned_ellipsoid(10) if problem == "ellipsoid" else rosenbrock
    start = torch.full((10,), 2.0, dtype=torch.float64)
    total = 40_000
    oracle = FunctionOracle(function, 10, total)
    state = run(Annealing(chains=4, proposal="gaussian", step_size=0.3), oracle, start, 100_000)
    floor = min(random_search(function, start, total, spread) for spread in (0.3, 1.0, 3.0))
    assert float(function(state.estimate.unsqueeze(0))) < floor / 5


def test_moving_the_problem_moves_the_run() -> None:
    shift = torch.linspace(-3, 3, 5, dtype=torch.float64)
    function = turned_ellipsoid(5)
    one = run(Annealing(chains=4, proposal="gaussian", **FIXED), FunctionOracle(function, 5), torch.ones(5, dtype=torch.float64), 100)  # type: ignore[arg-type]
    two = run(Annealing(chains=4, proposal="gaussian", **FIXED), FunctionOracle(lambda x: function(x - shift), 5), 1 + shift, 100)  # type: ignore[arg-type]
    torch.testing.assert_close(two.population - shift, one.population, rtol=0, atol=1e-9)


def test_a_loss_that_is_no_number_is_never_accepted() -> None:
    oracle = FunctionOracle(lambda x: torch.where((x == 1).all(1), torch.zeros(len(x), dtype=x.dtype), torch.nan), 3)
    state = run(Annealing(chains=6, **FIXED), oracle, torch.ones(3, dtype=torch.float64), 20)  # type: ignore[arg-type]
    assert torch.equal(state.population, torch.ones(6, 3, dtype=torch.float64))
    assert float(state.best_loss) == 0


def test_the_estimate_is_the_best_ever_seen() -> None:
    function = turned_ellipsoid(4)
    oracle = FunctionOracle(function, 4)
    state = run(Annealing(chains=8, proposal="gaussian", start_temperature=50, end_temperature=50), oracle, torch.ones(4, dtype=torch.float64), 200)
    # Proposals judged lower were all accepted, so the lowest loss ever judged is the estimate's.
    lowest = min(float(function(judged).min()) for judged in oracle.judged)
    assert float(function(state.estimate.unsqueeze(0))) == pytest.approx(lowest, rel=1e-12)
    assert state.estimate_loss == pytest.approx(lowest, rel=1e-12)


@pytest.mark.parametrize("schedule", ["geometric", "linear"])
def test_the_temperature_follows_its_plan_and_reheating_fades(schedule: str) -> None:
    oracle = FunctionOracle(turned_ellipsoid(4), 4)
    optimizer = Annealing(chains=2, schedule=schedule, start_temperature=4.0, end_temperature=0.01)  # type: ignore[arg-type]
    rng = Rng(0, "x", dtype=torch.float64)
    state = optimizer.init(torch.ones(4, dtype=torch.float64), rng, oracle)  # type: ignore[arg-type]
    seen = {}
    for k in range(101):
        oracle.progress = k / 100
        if k == 50:
            assert optimizer.reheat(state, 10.0)
        state = optimizer.step(state, rng.at(k), oracle)  # type: ignore[arg-type]
        seen[k] = (state.temperature, state.plan)
    expected = 4.0 * (0.01 / 4) ** 0.3 if schedule == "geometric" else 4.0 + (0.01 - 4.0) * 0.3
    assert seen[30] == (pytest.approx(expected), pytest.approx(expected))
    assert seen[50][0] == pytest.approx(10 * seen[50][1], rel=0.5)
    assert seen[52][0] > 2 * seen[52][1]
    assert seen[90][0] == pytest.approx(seen[90][1], rel=0.01)
    assert seen[100][0] == pytest.approx(0.01, rel=0.01)


def test_the_adaptive_schedule_follows_its_acceptance() -> None:
    oracle = FunctionOracle(turned_ellipsoid(10), 10, 60_000)
    optimizer = Annealing(chains=8, schedule="adaptive", proposal="gaussian", adapt=False, step_size=0.2)
    rng = Rng(0, "x", dtype=torch.float64)
    state = optimizer.init(torch.ones(10, dtype=torch.float64), rng, oracle)  # type: ignore[arg-type]
    kept = []
    step = 0
    while oracle.progress < 0.65:
        step += 1
        state = optimizer.step(state, rng.at(step), oracle)  # type: ignore[arg-type]
        if oracle.progress > 0.4:
            kept.append(state.acceptance)
    assert state.plan is None
    assert state.target == pytest.approx(0.44)
    assert sum(kept) / len(kept) == pytest.approx(0.44, abs=0.08)


def test_step_sizes_adapt_to_the_acceptance_aimed_at() -> None:
    oracle = FunctionOracle(turned_ellipsoid(20), 20)
    state = run(
        Annealing(chains=16, proposal="gaussian", start_temperature=1, end_temperature=1, target=0.3), oracle, torch.ones(20, dtype=torch.float64), 1500
    )
    assert state.acceptance == pytest.approx(0.3, abs=0.05)
    assert float(state.step_sizes.max()) < 0.5


def test_calibration_accepts_what_it_says_on_a_real_network() -> None:
    spec = {
        "dataset": "moons",
        "lanes": [{"name": "annealing", "chains": 32, "adapt": False, "start_acceptance": 0.5}],
        "budget": {"currency": "evaluations", "amount": 1e9},
    }
    race = Race(Experiment.parse(spec))
    lane = race.lanes[0]
    spent = lane.oracle.evaluations
    assert spent == 400 * 32 * (1 + 2)  # the trials were charged
    for _ in range(30):
        race.advance()
    # Half of the uphill moves and all of the others.
    assert 0.5 < lane.state.acceptance < 0.95  # type: ignore[operator]


def test_it_learns_moons_from_its_defaults() -> None:
    race = Race(Experiment.parse({"dataset": "moons", "lanes": ["annealing"], "budget": {"currency": "evaluations", "amount": 1e7}}), marks=1)
    list(race)
    assert race.results()[0]["test_accuracy"] >= 0.97


def test_bad_knobs_are_refused_in_one_line() -> None:
    with pytest.raises(BadInput, match=r"optimizer\.chains: -1 is not allowed; expected at least 1"):
        OPTIMIZERS.build({"name": "annealing", "chains": -1})
    with pytest.raises(BadInput, match=r"optimizer\.start_temperature: 0 is not allowed; expected more than 0"):
        OPTIMIZERS.build({"name": "annealing", "start_temperature": 0})
    with pytest.raises(BadInput, match=r"optimizer\.schedule: 'warm' is not allowed; expected one of 'geometric', 'linear' or 'adaptive'"):
        OPTIMIZERS.build({"name": "annealing", "schedule": "warm"})
