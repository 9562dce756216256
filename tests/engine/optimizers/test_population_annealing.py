"""Population annealing: one resampling by hand, the law at the end, the free energy."""

import math

import pytest
import torch
from scipy import stats
from torch import Tensor

from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.optimizers.base import OPTIMIZERS
from engine.optimizers.population_annealing import PopulationAnnealing, settled, systematic
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


def test_a_step_by_hand() -> None:
    """Resampling and a Metropolis move of five replicas, one at a time, with the same random
    numbers.
    """
    generator = torch.Generator().manual_seed(2)
    function = turned_ellipsoid(3, 10)
    optimizer = PopulationAnnealing(
        population_size=5,
        proposal="gaussian",
        initial_temperature=4.0,
        final_temperature=0.25,
        adapt=False,
        step_size=0.4,
    )
    oracle = FunctionOracle(function, 3)
    state = optimizer.init(torch.zeros(3, dtype=torch.float64), GivenRng(), oracle)
    members = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    state.population, state.losses = members.clone(), function(members)
    state.step_sizes = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5], dtype=torch.float64)
    families, sizes, log_z, before = [0, 1, 2, 3, 4], state.step_sizes.tolist(), 0.0, 4.0
    copied = False
    for progress in (0.5, 1.0):
        oracle.progress = progress
        z = torch.randn(5, 3, generator=generator, dtype=torch.float64)
        lottery, u = (
            torch.rand(1, generator=generator, dtype=torch.float64),
            torch.rand(5, generator=generator, dtype=torch.float64),
        )
        state = optimizer.step(state, GivenRng([z], [lottery, u]), oracle)
        temperature = 4.0 * (1 / 16) ** progress
        weights = [
            math.exp(-(1 / temperature - 1 / before) * float(function(member.unsqueeze(0))))
            for member in members
        ]
        log_z += math.log(sum(weights) / 5)
        total, chosen = 0.0, []
        for index, weight in enumerate(
            weights
        ):  # replica i is drawn for every tick (k + u)/5 that falls into its part of [0, 1)
            ticks = [
                k
                for k in range(5)
                if total <= (k + float(lottery)) / 5 < total + weight / sum(weights)
            ]
            chosen += [index] * len(ticks)
            total += weight / sum(weights)
        copied |= len(set(chosen)) < 5
        copies = [
            index for place, index in enumerate(chosen) if place and chosen[place - 1] == index
        ]
        chosen = [
            place if place in chosen else copies.pop(0) for place in range(5)
        ]  # who is drawn stays where it is
        families, sizes = [families[i] for i in chosen], [sizes[i] for i in chosen]
        moved = []
        for place, index in enumerate(chosen):
            new = members[index] + sizes[place] * z[place]
            rise = float(function(new.unsqueeze(0))) - float(function(members[index].unsqueeze(0)))
            moved.append(
                new
                if rise <= 0 or float(u[place]) < math.exp(-rise / temperature)
                else members[index]
            )
        members, before = torch.stack(moved), temperature
        torch.testing.assert_close(state.population, members, rtol=0, atol=1e-12)
        torch.testing.assert_close(state.losses, function(members), rtol=1e-12, atol=1e-12)
        assert state.family.tolist() == families
        assert state.step_sizes.tolist() == sizes
        assert float(state.log_z) == pytest.approx(log_z, rel=1e-12)
        assert "log Z" not in state.metrics, "from replicas that begin at one place it is biased"
        assert state.metrics["families"] == len(set(families))
        assert state.metrics["effective population"] == pytest.approx(
            sum(weights) ** 2 / sum(w * w for w in weights), rel=1e-12
        )
    assert copied


@pytest.mark.parametrize("u", [0.0, 0.3, 0.999999])
def test_systematic_resampling_draws_as_often_as_the_weights_say(u: float) -> None:
    weights = torch.rand(50, generator=torch.Generator().manual_seed(0), dtype=torch.float64) ** 4
    weights /= weights.sum()
    counts = torch.bincount(
        systematic(weights, torch.tensor([u], dtype=torch.float64)), minlength=50
    )
    assert int(counts.sum()) == 50
    assert bool(((counts >= (50 * weights).floor()) & (counts <= (50 * weights).ceil())).all())


@pytest.mark.parametrize("moves", [0, 5])
def test_the_population_follows_boltzmanns_law_and_measures_the_free_energy(moves: int) -> None:
    """From T = 2, drawn from the law, to T = 0.5. On a bowl of D weights ln Z = const + (D/2) ln T,
    and the mean loss is (D/2) T.
    """
    size, dimension = 8000, 2
    curvature = torch.tensor([1.0, 4.0], dtype=torch.float64)

    def bowl(x: Tensor) -> Tensor:
        return 0.5 * (x**2 * curvature).sum(1)

    optimizer = PopulationAnnealing(
        population_size=size,
        proposal="gaussian",
        initial_temperature=2.0,
        final_temperature=0.5,
        schedule="lundy-mees",
        adapt=False,
        moves=max(1, moves),
    )
    oracle = FunctionOracle(bowl, dimension)
    rng = Rng(4, "lane 0", dtype=torch.float64)
    state = optimizer.init(torch.zeros(2, dtype=torch.float64), rng, oracle)
    state.population = rng.normal(size, dimension) * (2.0 / curvature).sqrt()
    state.losses = bowl(state.population)
    if moves == 0:  # resampling alone, in one stroke: copies, but by the law
        optimizer.resample(state, 1 / 0.5 - 1 / 2.0, rng.at(1))
    for k in range(1, 16 if moves else 1):
        oracle.progress = k / 15
        state = optimizer.step(state, rng.at(k), oracle)
    assert float(state.losses.mean()) == pytest.approx(0.5, rel=0.05)
    assert float(state.log_z) == pytest.approx(math.log(0.5 / 2.0), abs=0.05)
    # It is of the measure on all weights, which nobody can check in a race: it is not shown there.
    assert not any("z" in name.lower().split() for name in state.metrics)
    if moves:
        assert stats.kstest((state.losses / 0.5).numpy(), stats.expon.cdf).pvalue > 0.01
        assert (
            stats.kstest((state.losses / 0.4).numpy(), stats.expon.cdf).pvalue < 1e-4
        )  # the check sees a wrong temperature
        assert 1000 < state.metrics["families"] < size


def test_lost_replicas_die() -> None:
    optimizer = PopulationAnnealing(
        population_size=4, initial_temperature=1.0, final_temperature=0.5
    )
    state = optimizer.init(
        torch.zeros(2, dtype=torch.float64),
        Rng(0, "x", dtype=torch.float64),
        FunctionOracle(turned_ellipsoid(2), 2),
    )
    state.losses = torch.tensor([math.inf, 1.0, math.inf, 1.0], dtype=torch.float64)
    optimizer.resample(state, 0.0, Rng(0, "x", dtype=torch.float64))
    assert state.family.tolist() == [1, 1, 3, 3]
    state.losses = torch.full((4,), math.inf, dtype=torch.float64)  # nobody is better than anybody
    optimizer.resample(state, 1.0, Rng(0, "x", dtype=torch.float64))
    assert state.family.tolist() == [1, 1, 3, 3]


@pytest.mark.parametrize("schedule", PLANNED)
def test_the_temperature_follows_its_plan(schedule: str) -> None:
    optimizer = PopulationAnnealing(
        population_size=3, schedule=schedule, initial_temperature=4.0, final_temperature=0.01
    )
    oracle = FunctionOracle(turned_ellipsoid(3), 3)
    rng = Rng(0, "x", dtype=torch.float64)
    state = optimizer.init(torch.ones(3, dtype=torch.float64), rng, oracle)
    oracle.progress = 0.3
    state = optimizer.step(state, rng.at(1), oracle)
    assert state.temperature == state.plan == pytest.approx(PLANNED[schedule](4.0, 0.01, 0.3))
    optimizer.reheat(state, 3.0)
    assert optimizer.step(state, rng.at(2), oracle).temperature == pytest.approx(3 * state.plan)  # type: ignore[operator]


@pytest.mark.parametrize(
    "problem", ["ellipsoid", pytest.param("rosenbrock", marks=pytest.mark.slow)]
)
def test_it_beats_random_search_on_hard_problems(problem: str) -> None:
    function = turned_ellipsoid(10) if problem == "ellipsoid" else rosenbrock
    start = torch.full((10,), 2.0, dtype=torch.float64)
    total = 20_000
    state = run(
        PopulationAnnealing(population_size=8, proposal="gaussian", step_size=0.3),
        FunctionOracle(function, 10, total),
        start,
        100_000,
    )
    floor = min(random_search(function, start, total, spread) for spread in (0.3, 1.0, 3.0))
    assert float(function(state.estimate.unsqueeze(0))) < floor / 5


def test_bookkeeping() -> None:
    """Evaluations, first weights, batches, the best ever, the same seed."""
    function = turned_ellipsoid(4)
    theta = torch.ones(4, dtype=torch.float64)
    runs = []
    for _ in range(2):
        oracle = FunctionOracle(function, 4)
        state = run(PopulationAnnealing(population_size=6, moves=3), oracle, theta, 20)
        assert (
            oracle.evaluations
            == sum(len(judged) for judged in oracle.judged)
            == 6 * (1 + 10 + 3 * 20)
        )
        assert (
            float(function(state.estimate.unsqueeze(0)))
            == pytest.approx(state.estimate_loss)
            == pytest.approx(float(state.best_loss))
        )
        runs.append(state.population.clone())
    assert torch.equal(*runs)
    assert torch.equal(theta, torch.ones(4, dtype=torch.float64))
    oracle.batch_changed = True
    before = oracle.evaluations
    PopulationAnnealing(population_size=6).step(state, Rng(0, "x", dtype=torch.float64), oracle)
    assert oracle.evaluations == before + 12


def test_it_learns_moons_from_its_defaults() -> None:
    race = Race(
        Experiment.parse(
            {
                "dataset": "moons",
                "lanes": ["population-annealing"],
                "budget": {"currency": "evaluations", "amount": 3e6},
            }
        ),
        marks=1,
    )
    while not race.finished:
        race.advance()
    result = race.results()[0]
    assert there(result["loss"]) < 0.05
    assert there(result["test_accuracy"]) >= 0.97


def test_bad_knobs_are_refused_in_one_line() -> None:
    with pytest.raises(BadInput, match=r"optimizer\.moves: 0 is not allowed; expected at least 1"):
        OPTIMIZERS.build({"name": "population-annealing", "moves": 0})
    with pytest.raises(
        BadInput, match=r"optimizer\.schedule: 'adaptive' is not allowed; expected one of"
    ):
        OPTIMIZERS.build({"name": "population-annealing", "schedule": "adaptive"})


@pytest.mark.parametrize("seed", range(20))
def test_who_is_drawn_stays_and_copies_take_free_places(seed: int) -> None:
    drawn = torch.randint(12, (12,), generator=torch.Generator().manual_seed(seed)).sort().values
    places, stayed = settled(drawn), drawn.unique()
    assert torch.equal(places.sort().values, drawn)
    assert torch.equal(places[stayed], stayed)
