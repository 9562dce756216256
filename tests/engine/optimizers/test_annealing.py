"""Simulated annealing: the Metropolis rule to the last digit, the stationary law, honest
bookkeeping.
"""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.optimize._dual_annealing import VisitingDistribution
from torch import Tensor

from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.networks.base import pack
from engine.optimizers import OPTIMIZERS
from engine.optimizers.annealing import Annealing
from engine.optimizers.common.metropolis import metropolis, tsallis
from engine.optimizers.common.proposals import MAX_JUMP, Shape, propose, visit
from engine.populations.base import dense
from engine.race.race import Race
from engine.random.rng import Rng
from engine.schedules import PLANNED
from tests.engine.support.stand_ins import (
    FunctionOracle,
    GivenRng,
    random_search,
    rosenbrock,
    run,
    turned_ellipsoid,
)
from tests.there import there

FIXED = {"initial_temperature": 1.0, "final_temperature": 1.0, "adapt": False}
PROPOSALS = ["gaussian", "sparse", "layer", "cauchy", "visiting"]


def layered(oracle: FunctionOracle, *sizes: tuple[str, int]) -> FunctionOracle:
    """The oracle with a network of layers of those names and sizes, for the layer proposal."""
    oracle.network = SimpleNamespace(
        hidden=(), layers=pack([(name, (size,), 1) for name, size in sizes])
    )
    return oracle


def visits(x: Tensor, y: Tensor, temperature: float, q: float) -> Tensor:
    """Draws from the visiting distribution as scipy makes them of our normal numbers."""
    given = SimpleNamespace(normal=lambda size: torch.stack([x.flatten(), y.flatten()], 1).numpy())
    law = VisitingDistribution(np.zeros(1), np.ones(1), q, given)
    return torch.as_tensor(law.visit_fn(temperature, x.numel())).reshape(x.shape)


@pytest.mark.parametrize("proposal", PROPOSALS)
def test_one_step_is_the_metropolis_rule(proposal: str) -> None:
    """Against the rule written out for one chain at a time, with the same random numbers, in
    float64.
    """
    generator = torch.Generator().manual_seed(0)
    chains, dimension = 7, 6
    function = turned_ellipsoid(dimension)
    optimizer = Annealing(
        population_size=chains, proposal=proposal, block_fraction=0.5, step_size=0.3, **FIXED
    )
    theta = torch.randn(dimension, generator=generator, dtype=torch.float64)
    oracle = layered(
        FunctionOracle(function, dimension), ("0.weight", 3), ("0.bias", 1), ("1.weight", 2)
    )
    oracle.init_scale = torch.rand(dimension, generator=generator, dtype=torch.float64) + 0.5
    state = optimizer.init(theta, GivenRng(), oracle)
    moved = {"gaussian": dimension, "layer": dimension, "visiting": 1}.get(proposal, 3)
    taken = 0
    for _ in range(20):
        u = torch.rand(chains, generator=generator, dtype=torch.float64)
        z, other = torch.randn(2, chains, moved, generator=generator, dtype=torch.float64)
        uniform = torch.rand(chains, moved, generator=generator, dtype=torch.float64)
        chosen = torch.stack(
            [torch.randperm(dimension, generator=generator)[:moved] for _ in range(chains)]
        )
        layer = torch.randint(2, (chains,), generator=generator)
        numbers: dict[str, tuple[list[Tensor], list[Tensor], list[Tensor]]] = {
            "gaussian": ([z], [u], []),
            "sparse": ([z], [u], [chosen]),
            "layer": (
                [
                    z[layer == number][:, places]
                    for number, places in enumerate((slice(0, 4), slice(4, 6)))
                    if (layer == number).any()
                ],
                [u],
                [layer],
            ),
            "cauchy": ([], [uniform, u], [chosen]),
            "visiting": ([z, other], [u], [chosen]),
        }
        before = state.population.clone()
        state = optimizer.step(state, GivenRng(*numbers[proposal]), oracle)
        jumps = z
        if proposal == "cauchy":
            jumps = torch.as_tensor(stats.cauchy.ppf(uniform.numpy()))
        elif proposal == "visiting":
            jumps = visits(z, other, 1.0, 2.62)
        for i in range(chains):
            proposed = before[i].clone()
            places = {"gaussian": list(range(6)), "layer": [[0, 1, 2, 3], [4, 5]][layer[i]]}.get(
                proposal, chosen[i].tolist()
            )
            for j, place in enumerate(places):
                proposed[place] += (
                    0.3
                    * float(oracle.init_scale[place])
                    * float(jumps[i, place if proposal == "layer" else j])
                )
            rise = float(function(proposed.unsqueeze(0))) - float(function(before[i].unsqueeze(0)))
            expected = proposed if rise <= 0 or float(u[i]) < math.exp(-rise / 1.0) else before[i]
            taken += expected is proposed
            torch.testing.assert_close(state.population[i], expected, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(state.losses, function(state.population), rtol=1e-9, atol=1e-9)
    assert 3 < taken < 137


@pytest.mark.parametrize("proposal", PROPOSALS)
def test_at_a_fixed_temperature_the_chains_follow_boltzmanns_law(proposal: str) -> None:
    """On a quadratic loss with curvatures λ the stationary law exp(−L/T) is normal with variance
    T/λ along each axis.
    """
    chains, temperature = 3000, 0.5
    curvature = torch.tensor([1.0, 4.0], dtype=torch.float64)
    oracle = layered(
        FunctionOracle(lambda x: 0.5 * (x**2 * curvature).sum(1), 2),
        ("0.weight", 1),
        ("1.weight", 1),
    )
    optimizer = Annealing(
        population_size=chains,
        proposal=proposal,
        block_fraction=0.5,
        initial_temperature=temperature,
        final_temperature=temperature,
        adapt=False,
        step_size=1.0,
    )
    state = run(optimizer, oracle, torch.zeros(2, dtype=torch.float64), 250)
    for axis in range(2):
        width = math.sqrt(temperature / float(curvature[axis]))
        assert (
            stats.kstest(state.population[:, axis].numpy(), stats.norm(scale=width).cdf).pvalue
            > 0.01
        )
    # L/T is then a χ² with two degrees of freedom, halved: exponential.
    assert stats.kstest((state.losses / temperature).numpy(), stats.expon.cdf).pvalue > 0.01


@pytest.mark.parametrize("q", [1.1, 1.4, 5 / 3, 2.0, 2.62, 2.9])
@pytest.mark.parametrize("temperature", [0.01, 1.0, 30.0])
def test_visits_are_scipys(q: float, temperature: float) -> None:
    x, y = torch.randn(2, 1000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    q_near = q + 1e-9 if q in (1.4, 5 / 3) else q  # there scipy's own form of the constant is 0/0
    torch.testing.assert_close(
        visit(x, y, temperature, q),
        visits(x, y, temperature, q_near).clamp(-MAX_JUMP, MAX_JUMP),
        rtol=1e-6,
        atol=0,
    )


def test_visits_at_q_2_are_cauchys_law() -> None:
    x, y = torch.randn(2, 20_000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    draws = visit(x, y, 1.0, 2.0)
    width = float(draws.abs().median())
    assert stats.kstest(draws.numpy(), stats.cauchy(scale=width).cdf).pvalue > 0.01
    assert stats.kstest(draws.numpy(), stats.norm(scale=width).cdf).pvalue < 1e-6


def test_a_proposal_of_all_weights_moves_all_of_them() -> None:
    population = torch.zeros(3, 5, dtype=torch.float64)
    ones = torch.ones(5, dtype=torch.float64)
    for kind in ("sparse", "cauchy"):
        move = propose(
            Shape(kind, 1.0), population, ones[:3], ones, (), Rng(0, "x", dtype=torch.float64)
        )
        assert bool(dense(move.population).ne(0).all())
        assert torch.equal(
            move.settle(torch.tensor([True, False, True])).ne(0).sum(1), torch.tensor([5, 0, 5])
        )


def test_generalized_annealing_accepts_by_its_own_rule() -> None:
    """Schedule, jumps and acceptance of a generalized annealing step against scipy's formulas
    written out, half-way down.
    """
    generator = torch.Generator().manual_seed(3)
    function = turned_ellipsoid(4, 10)
    optimizer = Annealing(
        population_size=500,
        schedule="generalized",
        proposal="visiting",
        initial_temperature=50.0,
        final_temperature=0.5,
        adapt=False,
    )
    oracle = FunctionOracle(function, 4)
    state = optimizer.init(torch.ones(4, dtype=torch.float64), GivenRng(), oracle)
    state.population += 0.1 * torch.randn(500, 4, generator=generator, dtype=torch.float64)
    state.losses = function(state.population)
    oracle.progress = 0.5
    before = state.population.clone()
    x, y = torch.randn(2, 500, 1, generator=generator, dtype=torch.float64)
    chosen = torch.randint(4, (500, 1), generator=generator)
    u = torch.rand(500, generator=generator, dtype=torch.float64)
    state = optimizer.step(state, GivenRng([x, y], [u], [chosen]), oracle)
    steps = (1 + (2**1.62 - 1) * 100) ** (1 / 1.62) - 2
    k = steps / 2
    temperature = 50 * (2**1.62 - 1) / ((k + 2) ** 1.62 - 1)
    assert state.temperature == pytest.approx(temperature)
    proposed = before.scatter_add(1, chosen, visits(x, y, temperature / 50, 2.62))
    rise = function(proposed) - function(before)
    base = 1 - 6 * rise / (temperature / (k + 1))
    keep = (rise < 0) | (u <= torch.where(base <= 0, 0.0, base.clamp(min=0) ** (1 / 6)))
    assert 10 < int(keep.sum()) < 490
    assert bool((keep & (rise > 0)).any())
    torch.testing.assert_close(
        state.population, torch.where(keep.unsqueeze(1), proposed, before), rtol=1e-9, atol=1e-9
    )


def test_near_q_1_tsallis_rule_is_metropolis() -> None:
    u, rise = torch.rand(2, 5000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.equal(tsallis(0.5, 1 - 1e-9)(u, rise - 0.2), metropolis(0.5)(u, rise - 0.2))
    assert not bool((tsallis(0.5, -5.0)(u, rise) & (rise > 0.5 / 6)).any())


def test_the_law_test_can_fail() -> None:
    """The same check sees a temperature that is a quarter off."""
    oracle = FunctionOracle(lambda x: 0.5 * (x**2).sum(1), 2)
    state = run(
        Annealing(
            population_size=3000,
            proposal="gaussian",
            initial_temperature=0.5,
            final_temperature=0.5,
            adapt=False,
        ),
        oracle,
        torch.zeros(2, dtype=torch.float64),
        250,
    )
    assert stats.kstest((state.losses / 0.4).numpy(), stats.expon.cdf).pvalue < 1e-4


def test_incumbents_are_judged_again_only_when_the_batch_changed() -> None:
    oracle = FunctionOracle(turned_ellipsoid(4), 4)
    optimizer = Annealing(population_size=5, **FIXED)
    rng = Rng(0, "x", dtype=torch.float64)
    state = optimizer.init(torch.ones(4, dtype=torch.float64), rng, oracle)
    asked = oracle.evaluations
    state = optimizer.step(state, rng.at(1), oracle)
    assert oracle.evaluations == asked + 5
    oracle.batch_changed = True
    oracle.function = lambda x: 100 + (x**2).sum(1)  # another batch: another loss
    before = state.population.clone()
    state = optimizer.step(state, rng.at(2), oracle)
    assert oracle.evaluations == asked + 15
    torch.testing.assert_close(oracle.judged[-2], before)
    torch.testing.assert_close(state.losses, oracle.function(state.population))


@pytest.mark.slow
@pytest.mark.parametrize("problem", ["ellipsoid", "rosenbrock"])
def test_it_beats_random_search_on_hard_problems(problem: str) -> None:
    function = turned_ellipsoid(10) if problem == "ellipsoid" else rosenbrock
    start = torch.full((10,), 2.0, dtype=torch.float64)
    total = 40_000
    oracle = FunctionOracle(function, 10, total)
    state = run(
        Annealing(population_size=4, proposal="gaussian", step_size=0.3), oracle, start, 100_000
    )
    floor = min(random_search(function, start, total, spread) for spread in (0.3, 1.0, 3.0))
    assert float(function(state.estimate.unsqueeze(0))) < floor / 5


def test_moving_the_problem_moves_the_run() -> None:
    shift = torch.linspace(-3, 3, 5, dtype=torch.float64)
    function = turned_ellipsoid(5)
    one = run(
        Annealing(population_size=4, proposal="gaussian", **FIXED),
        FunctionOracle(function, 5),
        torch.ones(5, dtype=torch.float64),
        100,
    )
    two = run(
        Annealing(population_size=4, proposal="gaussian", **FIXED),
        FunctionOracle(lambda x: function(x - shift), 5),
        1 + shift,
        100,
    )
    torch.testing.assert_close(two.population - shift, one.population, rtol=0, atol=1e-9)


def test_a_loss_that_is_no_number_is_never_accepted() -> None:
    oracle = FunctionOracle(
        lambda x: torch.where((x == 1).all(1), torch.zeros(len(x), dtype=x.dtype), torch.nan), 3
    )
    state = run(
        Annealing(population_size=6, **FIXED), oracle, torch.ones(3, dtype=torch.float64), 20
    )
    assert torch.equal(state.population, torch.ones(6, 3, dtype=torch.float64))
    assert float(state.best_loss) == 0


def test_the_estimate_is_the_best_ever_seen() -> None:
    function = turned_ellipsoid(4)
    oracle = FunctionOracle(function, 4)
    state = run(
        Annealing(
            population_size=8, proposal="gaussian", initial_temperature=50, final_temperature=50
        ),
        oracle,
        torch.ones(4, dtype=torch.float64),
        200,
    )
    # Proposals judged lower were all accepted, so the lowest loss ever judged is the estimate's.
    lowest = min(float(function(judged).min()) for judged in oracle.judged)
    assert float(function(state.estimate.unsqueeze(0))) == pytest.approx(lowest, rel=1e-12)
    assert state.estimate_loss == pytest.approx(lowest, rel=1e-12)


@pytest.mark.parametrize("schedule", PLANNED)
def test_the_temperature_follows_its_plan_and_reheating_fades(schedule: str) -> None:
    oracle = FunctionOracle(turned_ellipsoid(4), 4)
    optimizer = Annealing(
        population_size=2, schedule=schedule, initial_temperature=4.0, final_temperature=0.01
    )
    rng = Rng(0, "x", dtype=torch.float64)
    state = optimizer.init(torch.ones(4, dtype=torch.float64), rng, oracle)
    seen: dict[int, Any] = {}
    for k in range(101):
        oracle.progress = k / 100
        if k == 50:
            assert optimizer.reheat(state, 10.0)
        state = optimizer.step(state, rng.at(k), oracle)
        seen[k] = (state.temperature, state.plan)
    expected = PLANNED[schedule](4.0, 0.01, 0.3)
    assert seen[30] == (pytest.approx(expected), pytest.approx(expected))
    assert seen[50][0] == pytest.approx(10 * seen[50][1], rel=0.5)
    assert seen[52][0] > 2 * seen[52][1]
    assert seen[90][0] == pytest.approx(seen[90][1], rel=0.01)
    assert seen[100][0] == pytest.approx(0.01, rel=0.01)


def test_the_adaptive_schedule_follows_its_acceptance() -> None:
    oracle = FunctionOracle(turned_ellipsoid(10), 10, 60_000)
    optimizer = Annealing(
        population_size=8, schedule="adaptive", proposal="gaussian", adapt=False, step_size=0.2
    )
    rng = Rng(0, "x", dtype=torch.float64)
    state = optimizer.init(torch.ones(10, dtype=torch.float64), rng, oracle)
    kept = []
    step = 0
    while oracle.progress < 0.65:
        step += 1
        state = optimizer.step(state, rng.at(step), oracle)
        if oracle.progress > 0.4:
            assert state.acceptance is not None
            kept.append(state.acceptance)
    assert state.plan is None
    assert state.target == pytest.approx(0.44)
    assert sum(kept) / len(kept) == pytest.approx(0.44, abs=0.08)


def test_step_sizes_stay_where_the_temperature_answers_for_the_acceptance() -> None:
    oracle = FunctionOracle(turned_ellipsoid(3), 3)
    state = run(
        Annealing(population_size=4, schedule="adaptive", step_size=0.7),
        oracle,
        torch.ones(3, dtype=torch.float64),
        20,
    )
    assert state.step_sizes.tolist() == [0.7] * 4


def test_in_a_bowl_aarts_and_van_laarhovens_schedule_is_geometric() -> None:
    """There the losses' spread is T √(D/2), so 1/T rises in proportion to itself. And it arrives at
    T_min.
    """
    oracle = FunctionOracle(turned_ellipsoid(6, 10), 6)
    optimizer = Annealing(
        population_size=100,
        schedule="aarts-van-laarhoven",
        proposal="gaussian",
        initial_temperature=2.0,
        final_temperature=0.02,
    )
    rng = Rng(0, "x", dtype=torch.float64)
    state = optimizer.init(torch.zeros(6, dtype=torch.float64), rng, oracle)
    for k in range(60):  # reach equilibrium first
        state = optimizer.step(state, rng.at(k), oracle)
    assert state.loss_std == pytest.approx(math.sqrt(3) * 2.0, rel=0.2)
    seen: dict[int, Any] = {}
    for k in range(1001):
        oracle.progress = k / 1000
        state = optimizer.step(state, rng.at(100 + k), oracle)
        seen[k] = state.temperature
    assert state.plan is None
    assert seen[10] == 2.0
    for k in (250, 500, 750):
        assert math.log(seen[k]) == pytest.approx(
            math.log(2.0 * 0.01 ** (k / 1000)), abs=0.7
        )  # of ln(2.0 / 0.02) = 4.6
    assert seen[1000] == pytest.approx(0.02, rel=0.1)


def test_a_longer_spread_of_losses_cools_slower() -> None:
    """Where the losses differ more than they did at first, the schedule of Aarts and van Laarhoven
    waits.
    """
    optimizer = Annealing(
        population_size=2,
        schedule="aarts-van-laarhoven",
        initial_temperature=1.0,
        final_temperature=0.01,
    )
    fallen = {}
    for spread in (1.0, 5.0):
        state = optimizer.init(
            torch.zeros(2, dtype=torch.float64),
            Rng(0, "x", dtype=torch.float64),
            FunctionOracle(turned_ellipsoid(2), 2),
        )
        state.seen, state.loss_std, state.reference = 0.4, spread, 1.0
        fallen[spread] = optimizer.cool(state, 0.5)
    # ln T falls by ln(T/T_min) · dp/(1 − p) · ((σ₀/T₀)/(σ/T))^(1 − p)
    assert fallen[1.0] == pytest.approx(100 ** -(0.1 / 0.5))
    assert fallen[5.0] == pytest.approx(100 ** -(0.1 / 0.5 / 5**0.5))


@pytest.mark.parametrize("schedule", ["geometric", "adaptive", "aarts-van-laarhoven"])
@pytest.mark.parametrize("by", ["steps", "share"])
def test_the_temperature_is_kicked_when_the_best_is_stuck(schedule: str, by: str) -> None:
    oracle = FunctionOracle(
        lambda x: torch.ones(len(x), dtype=x.dtype), 3
    )  # nothing is ever better
    wait = {"reheat_after_steps": 20} if by == "steps" else {"reheat_after": 0.02}
    optimizer = Annealing(
        population_size=2,
        schedule=schedule,
        initial_temperature=1.0,
        final_temperature=0.5,
        reheat_factor=7.0,
        **wait,
    )
    rng = Rng(0, "x", dtype=torch.float64)
    state = optimizer.init(torch.ones(3, dtype=torch.float64), rng, oracle)
    kicked = []
    for k in range(1, 61):
        before = state.temperature
        assert before is not None
        oracle.progress = k / 1000
        state = optimizer.step(state, rng.at(k), oracle)
        assert state.temperature is not None
        if state.temperature > 3 * before:
            kicked.append(k)
    # The first step sets the record; 20 more steps, or 0.02 of the budget, without a better one
    # make the kick, and the wait begins anew.
    assert kicked == [22, 43] if by == "steps" else kicked == [21, 41]


def test_no_kick_while_the_best_gets_better() -> None:
    oracle = FunctionOracle(turned_ellipsoid(3), 3)
    count = iter(range(10_000))
    oracle.function = lambda x: torch.full((len(x),), -float(next(count)), dtype=x.dtype)
    optimizer = Annealing(
        population_size=2, initial_temperature=1.0, final_temperature=1.0, reheat_after_steps=3
    )
    state = run(optimizer, oracle, torch.ones(3, dtype=torch.float64), 50)
    assert state.temperature == 1.0


def test_step_sizes_adapt_to_the_acceptance_aimed_at() -> None:
    oracle = FunctionOracle(turned_ellipsoid(20), 20)
    state = run(
        Annealing(
            population_size=16,
            proposal="gaussian",
            initial_temperature=1,
            final_temperature=1,
            target_acceptance=0.3,
        ),
        oracle,
        torch.ones(20, dtype=torch.float64),
        1500,
    )
    assert state.acceptance == pytest.approx(0.3, abs=0.05)
    assert float(state.step_sizes.max()) < 0.5


def test_calibration_accepts_what_it_says_on_a_real_network() -> None:
    spec = {
        "dataset": "moons",
        "lanes": [
            {"name": "annealing", "population_size": 32, "adapt": False, "start_acceptance": 0.5}
        ],
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


@pytest.mark.slow
def test_it_learns_moons_from_its_defaults() -> None:
    race = Race(
        Experiment.parse(
            {
                "dataset": "moons",
                "lanes": ["annealing"],
                "budget": {"currency": "evaluations", "amount": 3e6},
            }
        ),
        marks=1,
    )
    while not race.finished:
        race.advance()
    assert there(race.results()[0]["test_accuracy"]) >= 0.97


def test_bad_knobs_are_refused_in_one_line() -> None:
    with pytest.raises(
        BadInput, match=r"optimizer\.population_size: -1 is not allowed; expected at least 1"
    ):
        OPTIMIZERS.build({"name": "annealing", "population_size": -1})
    with pytest.raises(
        BadInput, match=r"optimizer\.initial_temperature: 0 is not allowed; expected more than 0"
    ):
        OPTIMIZERS.build({"name": "annealing", "initial_temperature": 0})
    with pytest.raises(
        BadInput,
        match=(
            r"optimizer\.schedule: 'warm' is not allowed; expected one of 'geometric', 'linear', "
            r".* or 'aarts-van-laarhoven'"
        ),
    ):
        OPTIMIZERS.build({"name": "annealing", "schedule": "warm"})
