"""Parallel tempering: swaps by hand, and what they must leave as it is."""

import math
from typing import Any

import pytest
import torch
from scipy import stats
from torch import Tensor

from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.optimizers.base import OPTIMIZERS
from engine.optimizers.parallel_tempering import ParallelTempering, ParallelTemperingState
from engine.race.race import Race
from engine.random.rng import Rng
from tests.engine.support.stand_ins import (
    IN_THE_WIDE_WELL,
    FunctionOracle,
    GivenRng,
    random_search,
    rosenbrock,
    run,
    turned_ellipsoid,
    two_wells,
)
from tests.there import there


def bowl(x: Tensor) -> Tensor:
    """Two weights, so that L/T is exponential by Boltzmann's law."""
    return 0.5 * (x**2 * torch.tensor([1.0, 4.0], dtype=x.dtype)).sum(1)


def lawful(state: ParallelTemperingState, ladder: Tensor, factor: float = 1.0) -> list[float]:
    """How well the losses of the cold and of the hot half fit Boltzmann's law at their
    temperatures.
    """
    assert state.losses is not None
    scaled = (state.losses / (factor * ladder[state.rung]))[state.rung.argsort()]
    return [float(stats.kstest(half.numpy(), stats.expon.cdf).pvalue) for half in scaled.chunk(2)]


def test_steps_by_hand() -> None:
    """Three steps of five replicas, moves and both kinds of swaps, one replica and one pair at a
    time.
    """
    generator = torch.Generator().manual_seed(2)
    function = turned_ellipsoid(3, 10)
    optimizer = ParallelTempering(
        population_size=5,
        proposal="gaussian",
        initial_temperature=8.0,
        final_temperature=0.5,
        adapt=False,
        step_size=0.4,
    )
    oracle = FunctionOracle(function, 3)
    state = optimizer.init(torch.ones(3, dtype=torch.float64), GivenRng(), oracle)
    temperatures = [0.5 * 16 ** (i / 4) for i in range(5)]
    at = {rung: torch.ones(3, dtype=torch.float64) for rung in range(5)}  # who stands on each rung
    name = {rung: rung for rung in range(5)}
    swapped = 0
    for round_ in range(6):
        z = torch.randn(5, 3, generator=generator, dtype=torch.float64)
        u = torch.rand(5, generator=generator, dtype=torch.float64)
        v = torch.rand(2, generator=generator, dtype=torch.float64)
        state = optimizer.step(state, GivenRng([z], [u, v]), oracle)
        energy = {}
        for rung in range(5):
            old, new = at[rung], at[rung] + 0.4 * z[name[rung]]
            energies = function(torch.stack([old, new])).tolist()
            keep = float(u[name[rung]]) < min(
                1.0, math.exp(min(0.0, (energies[0] - energies[1]) / temperatures[rung]))
            )
            at[rung], energy[rung] = (new, energies[1]) if keep else (old, energies[0])
        for number, i in enumerate(range(round_ % 2, 4, 2)):
            j = i + 1
            if float(v[number]) < min(
                1.0,
                math.exp(
                    min(0.0, (1 / temperatures[i] - 1 / temperatures[j]) * (energy[i] - energy[j]))
                ),
            ):
                at[i], at[j], name[i], name[j] = at[j], at[i], name[j], name[i]
                swapped += 1
        for rung in range(5):
            assert int(state.rung[name[rung]]) == rung
            torch.testing.assert_close(state.population[name[rung]], at[rung], rtol=0, atol=1e-12)
            assert float(state.vectors["temperature"][name[rung]]) == pytest.approx(
                temperatures[rung]
            )
    assert 2 < swapped < 12
    assert state.temperature == 0.5


def test_swaps_alone_leave_every_law_as_it_is() -> None:
    """Replicas drawn from Boltzmann's law at 2,000 rungs, then 300 rounds of swaps and not one
    move.
    """
    size = 2000
    optimizer = ParallelTempering(
        population_size=size, initial_temperature=20.0, final_temperature=0.1
    )
    state = optimizer.init(
        torch.zeros(2, dtype=torch.float64),
        Rng(0, "x", dtype=torch.float64),
        FunctionOracle(bowl, 2),
    )
    ladder = optimizer.ladder(state, 0.0)
    z = torch.randn(size, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    state.population = (
        z * (ladder.unsqueeze(1) / torch.tensor([1.0, 4.0], dtype=torch.float64)).sqrt()
    )
    state.losses = bowl(state.population)
    assert min(lawful(state, ladder)) > 0.01
    rng = Rng(5, "swaps", dtype=torch.float64)
    for step in range(300):
        optimizer.swap(state, ladder, rng.at(step))
    assert float((state.rung - torch.arange(size)).abs().double().mean()) > 5  # they did travel
    assert torch.equal(state.rung.sort().values, torch.arange(size))
    assert min(lawful(state, ladder)) > 0.01
    assert max(lawful(state, ladder, 0.8)) < 1e-4  # the check sees a wrong temperature


def test_moves_and_swaps_together_follow_boltzmanns_law() -> None:
    optimizer = ParallelTempering(
        population_size=3000,
        proposal="gaussian",
        initial_temperature=2.0,
        final_temperature=0.3,
        adapt=False,
    )
    state = run(optimizer, FunctionOracle(bowl, 2), torch.zeros(2, dtype=torch.float64), 150)
    assert min(lawful(state, optimizer.ladder(state, 0.0))) > 0.01


def test_two_replicas_and_rare_swaps() -> None:
    optimizer = ParallelTempering(
        population_size=2, swap_every=3, initial_temperature=1.0, final_temperature=0.1
    )
    state = run(
        optimizer, FunctionOracle(turned_ellipsoid(4), 4), torch.ones(4, dtype=torch.float64), 31
    )
    assert (state.moves, state.swaps) == (31, 10)
    assert {name: len(row) for name, row in state.vectors.items()} == {
        "temperature": 2,
        "swap rate": 1,
        "acceptance": 2,
    }


def test_the_swap_rate_is_the_share_of_swaps() -> None:
    """On a flat loss every swap is taken: the running rate nears 1."""
    optimizer = ParallelTempering(population_size=4, initial_temperature=1.0, final_temperature=0.1)
    state = run(
        optimizer,
        FunctionOracle(lambda x: torch.zeros(len(x), dtype=x.dtype), 2),
        torch.ones(2, dtype=torch.float64),
        400,
    )
    assert state.metrics["swap rate"] == pytest.approx(1 - 0.98**200, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("problem", ["ellipsoid", "rosenbrock"])
def test_it_beats_random_search_on_hard_problems(problem: str) -> None:
    function = turned_ellipsoid(10) if problem == "ellipsoid" else rosenbrock
    start = torch.full((10,), 2.0, dtype=torch.float64)
    total = 20_000
    state = run(
        ParallelTempering(population_size=8, proposal="gaussian", step_size=0.3),
        FunctionOracle(function, 10, total),
        start,
        100_000,
    )
    floor = min(random_search(function, start, total, spread) for spread in (0.3, 1.0, 3.0))
    assert float(function(state.estimate.unsqueeze(0))) < floor / 3


def test_bookkeeping() -> None:
    """Evaluations, first weights, batches, the same seed."""
    function = turned_ellipsoid(4)
    theta = torch.ones(4, dtype=torch.float64)
    runs = []
    for _ in range(2):
        oracle = FunctionOracle(function, 4)
        state = run(ParallelTempering(population_size=6), oracle, theta, 50)
        assert (
            oracle.evaluations == sum(len(judged) for judged in oracle.judged) == 6 * (1 + 10 + 50)
        )  # 64 trials or a few less calibrate
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
    ParallelTempering(population_size=6).step(state, Rng(0, "x", dtype=torch.float64), oracle)
    assert oracle.evaluations == before + 12


def test_reheating_warms_the_whole_ladder_and_fades() -> None:
    optimizer = ParallelTempering(population_size=4, initial_temperature=1.0, final_temperature=0.1)
    oracle = FunctionOracle(turned_ellipsoid(3), 3)
    rng = Rng(0, "x", dtype=torch.float64)
    state = optimizer.init(torch.ones(3, dtype=torch.float64), rng, oracle)
    assert optimizer.reheat(state, 5.0)
    state = optimizer.step(state, rng.at(1), oracle)
    assert state.temperature == pytest.approx(0.5)
    oracle.progress = 0.5
    state = optimizer.step(state, rng.at(2), oracle)
    assert state.temperature == pytest.approx(0.1, rel=0.01)


def test_it_learns_moons_from_its_defaults() -> None:
    race = Race(
        Experiment.parse(
            {
                "dataset": "moons",
                "lanes": ["parallel-tempering"],
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
    with pytest.raises(
        BadInput, match=r"optimizer\.population_size: 1 is not allowed; expected at least 2"
    ):
        OPTIMIZERS.build({"name": "parallel-tempering", "population_size": 1})
    with pytest.raises(
        BadInput, match=r"optimizer\.swap_every: 0 is not allowed; expected at least 1"
    ):
        OPTIMIZERS.build({"name": "parallel-tempering", "swap_every": 0})


def test_replicas_that_adapt_their_steps_follow_boltzmanns_law_at_the_cold_end() -> None:
    def coldest(state: Any) -> int:
        return int((state.rung == 0).nonzero()[0, 0])

    optimizer = ParallelTempering(
        population_size=4, initial_temperature=8.0, final_temperature=1.0, step_size=2.0
    )
    oracle, rng = FunctionOracle(two_wells, 1), Rng(0, "x", dtype=torch.float64)
    state = optimizer.init(torch.zeros(1, dtype=torch.float64), rng, oracle)
    inside = 0
    for k in range(5000):
        state = optimizer.step(state, rng.at(k), oracle)
        inside += k >= 1000 and bool(state.population[coldest(state), 0] < 0)
    assert inside / 4000 == pytest.approx(IN_THE_WIDE_WELL, abs=0.05)
    assert state.age == 5000, "the ladder stands still, so the gain vanishes"
