"""Harmony search against the textbook in plain loops, and its invariances."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.datasets import DATASETS
from engine.errors import BadInput
from engine.losses import LOSSES
from engine.networks import MLP
from engine.optimizers import OPTIMIZERS
from engine.optimizers.harmony_search import HarmonySearch
from engine.oracle import Oracle
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

THETA = torch.tensor([-1.0, 0.5, 2.0, 0.0, -0.5], dtype=torch.float64)


@pytest.mark.parametrize("improvised", [1, 7])
@pytest.mark.parametrize("f", [turned_ellipsoid(5), rosenbrock])
def test_every_step_is_the_textbook_in_loops(
    f: Callable[[Tensor], Tensor], improvised: int
) -> None:
    """New harmonies are made from one memory and replace its worst one after the other, each only
    if it is better.
    """
    size, considering, adjusting, bandwidth, reach = 6, 0.8, 0.4, 0.5, 2.0
    search = HarmonySearch(
        memory_size=size,
        new_harmonies=improvised,
        memory_considering_rate=considering,
        pitch_adjusting_rate=adjusting,
        bandwidth=bandwidth,
        final_fraction=0.25,
        bounds=reach,
    )
    oracle, generator = FunctionOracle(f, 5), torch.Generator().manual_seed(6)
    oracle.init_scale = torch.linspace(0.5, 2, 5, dtype=torch.float64)
    state: Any = search.init(THETA, Rng(0, "x", dtype=torch.float64), oracle)
    assert ((state.population - THETA).abs() <= reach * oracle.init_scale).all()
    kinds, replaced = {"adjusted": 0, "remembered": 0, "anything": 0, "clamped": 0}, 0
    for generation in range(30):
        oracle.progress = generation / 60
        memory = [
            (float(loss), row.tolist())
            for loss, row in zip(state.losses, state.population, strict=True)
        ]
        chosen = torch.randint(size, (improvised, 5), generator=generator)
        choice, value = (
            torch.rand(improvised, 5, generator=generator, dtype=torch.float64) for _ in range(2)
        )
        new = []
        for q in range(improvised):
            harmony = []
            for j in range(5):
                width, low, high = (
                    float(oracle.init_scale[j]),
                    *(float(THETA[j] + sign * reach * oracle.init_scale[j]) for sign in (-1, 1)),
                )
                if choice[q, j] < considering:
                    note, kind = memory[int(chosen[q, j])][1][j], "remembered"
                    if choice[q, j] < considering * adjusting:
                        free = note + bandwidth * 0.25**oracle.progress * width * (
                            2 * float(value[q, j]) - 1
                        )
                        note, kind = min(max(free, low), high), "adjusted"
                        kinds["clamped"] += note != free
                else:
                    note, kind = low + (high - low) * float(value[q, j]), "anything"
                kinds[kind] += 1
                harmony.append(note)
            new.append(harmony)
        count = 0
        for harmony in new:
            loss = float(f(torch.tensor([harmony], dtype=torch.float64))[0])
            worst = max(range(size), key=lambda i: memory[i][0])
            if loss < memory[worst][0]:
                memory[worst] = (loss, harmony)
                count += 1
        state = search.step(state, GivenRng(uniforms=[choice, value], integers=[chosen]), oracle)
        memory.sort(key=lambda entry: entry[0])
        order = state.losses.argsort(stable=True)
        torch.testing.assert_close(
            state.population[order],
            torch.tensor([row for _, row in memory], dtype=torch.float64),
            rtol=0,
            atol=1e-14,
        )
        torch.testing.assert_close(
            state.losses[order],
            torch.tensor([loss for loss, _ in memory], dtype=torch.float64),
            rtol=1e-11,
            atol=1e-12,
        )
        assert torch.equal(state.estimate, state.population[order[0]])
        assert state.metrics["replaced"] <= count
        replaced += count
    assert all(kinds.values()), kinds
    assert replaced > 5


def test_moving_the_problem_moves_the_memory_and_only_comparisons_matter() -> None:
    search, shift = (
        HarmonySearch(memory_considering_rate=0.9),
        torch.linspace(-7, 4, 5, dtype=torch.float64),
    )
    plain = run(search, FunctionOracle(rosenbrock, 5), THETA, 25)
    moved = run(search, FunctionOracle(lambda x: rosenbrock(x - shift), 5), THETA + shift, 25)
    torch.testing.assert_close(moved.population - shift, plain.population, rtol=0, atol=1e-9)
    bent = run(search, FunctionOracle(lambda x: rosenbrock(x).sqrt().log1p(), 5), THETA, 25)
    assert torch.equal(bent.population, plain.population)


@pytest.mark.parametrize("start", [10.0, -7.3, 3.0, 1.7])
def test_it_never_leaves_its_box_and_says_when_it_ends_at_the_edge(start: float) -> None:
    """The sphere's minimum is 0, and the box is 3 wide each way. From 3 the minimum is the box's
    own corner: found, but told as the edge it is.
    """
    oracle = FunctionOracle(lambda x: (x**2).sum(1), 4, total=64 * 400)
    state = run(
        HarmonySearch(memory_considering_rate=0.95, final_fraction=1e-3),
        oracle,
        torch.full((4,), start, dtype=torch.float64),
        1000,
    )
    nearest = torch.full((4,), start, dtype=torch.float64) - torch.tensor(start).clamp(-3, 3)
    torch.testing.assert_close(state.estimate, nearest, rtol=0, atol=0.05)
    for judged in oracle.judged:
        assert bool(((judged - start).abs() <= 3 + 1e-9).all())
    assert (state.metrics["share at the edge"] > 0.5) == (abs(start) >= 3)
    assert "never leaves a box about the first weights" in HarmonySearch.sentence


def rastrigin(x: Tensor) -> Tensor:
    """A bowl full of holes; 0 at (1, …, 1)."""
    return ((x - 1) ** 2 - torch.cos(2 * torch.pi * (x - 1)) + 1).sum(1)


@pytest.mark.parametrize(("f", "most"), [(turned_ellipsoid(5), 0.1), (rastrigin, 1e-3)])
def test_it_comes_near_the_minimum_of_problems_that_are_no_sphere(
    f: Callable[[Tensor], Tensor], most: float
) -> None:
    search, total = HarmonySearch(memory_considering_rate=0.95, final_fraction=1e-3), 64 * 300
    state = run(search, FunctionOracle(f, 5, total=total), THETA, 1000)
    assert state.estimate_loss < most < random_search(f, THETA, total, 1.0)
    assert state.estimate_loss == float(f(state.estimate.unsqueeze(0))[0])


def test_the_memory_only_gets_better_on_all_samples() -> None:
    search, oracle, rng = (
        HarmonySearch(memory_considering_rate=0.9),
        FunctionOracle(rosenbrock, 5),
        Rng(0, "x", dtype=torch.float64),
    )
    state: Any = search.init(THETA, rng, oracle)
    for step in range(1, 60):
        before, where = state.losses, state.population.clone()
        state = search.step(state, rng.at(step), oracle)
        assert (state.losses <= before).all()
        assert (state.losses.sort().values <= before.sort().values).all()
        stayed = (state.population == where).all(1)
        assert torch.equal(state.losses[stayed], before[stayed])
        assert int((~stayed).sum()) == state.metrics["replaced"]


def test_a_loss_that_is_no_number_is_never_the_best() -> None:
    def broken(x: Tensor) -> Tensor:
        return torch.where(x[:, 0] > 0.5, torch.nan, rosenbrock(x))

    state = run(HarmonySearch(), FunctionOracle(broken, 5), THETA, 40)
    assert math.isfinite(state.estimate_loss)
    assert state.estimate_loss == float(broken(state.estimate.unsqueeze(0))[0])


@pytest.mark.parametrize(("batch", "judged"), [(0, 7), (16, 12)])
def test_every_answer_is_charged_and_the_memory_is_judged_anew_on_a_new_batch(
    batch: int, judged: int
) -> None:
    oracle, theta = points(batch)
    passes = Passes(oracle.network)
    before = theta.clone()
    search = HarmonySearch(memory_size=5, new_harmonies=7)
    state = run(search, oracle, theta, 6)
    assert oracle.evaluations == passes.count == len(oracle.targets) * (5 + 6 * judged)
    torch.testing.assert_close(oracle.losses(state.population), state.losses)
    assert torch.equal(theta, before)
    assert torch.equal(run(search, points(batch)[0], theta, 6).population, state.population)
    start = run(search, points(batch)[0], theta, 0)
    assert torch.equal(start.estimate, theta)
    assert (start.population == theta).all(1).any()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("memory_size", 0),
        ("memory_considering_rate", 1.1),
        ("pitch_adjusting_rate", -0.1),
        ("bandwidth", 0),
        ("final_fraction", 0),
        ("bounds", 0),
        ("new_harmonies", 0),
        ("batch", -1),
    ],
)
def test_what_is_out_of_range_is_refused_in_one_line(field: str, value: Any) -> None:
    with pytest.raises(BadInput) as caught:
        OPTIMIZERS.build({"name": "harmony-search", field: value})
    assert str(caught.value).startswith(f"optimizer.{field}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.slow  # quickly: the losses that `test_catalogue` states
@pytest.mark.parametrize(
    ("dataset", "hidden", "evaluations", "most_loss", "least_accuracy"),
    [("moons", (16, 16), 1e6, 0.15, 0.96), ("digits", (32,), 2e6, 0.7, 0.85)],
)
def test_it_learns_with_its_defaults(
    dataset: str,
    hidden: tuple[int, ...],
    evaluations: float,
    most_loss: float,
    least_accuracy: float,
) -> None:
    samples = DATASETS.build(dataset).load(0)
    network = MLP(hidden=hidden).build(samples.shape, len(samples.classes))
    oracle = Oracle(
        network,
        LOSSES["cross-entropy"],
        samples,
        "loss",
        HarmonySearch().batch,
        0,
        ("evaluations", evaluations),
    )
    theta = run(
        HarmonySearch(), oracle, network.init(torch.Generator().manual_seed(0)), 10_000
    ).estimate
    loss, accuracy = scored(oracle, samples, theta)
    assert loss < most_loss
    assert accuracy >= least_accuracy
