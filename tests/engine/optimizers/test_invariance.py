"""What must not depend on where a loss has its zero, nor on its unit: the same decisions, bit for
bit, where both are powers of two and nothing is rounded.
"""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.losses import get_loss
from engine.networks.base import pack
from engine.optimizers import OPTIMIZERS
from engine.optimizers.common.metropolis import metropolis, tsallis
from tests.engine.support.stand_ins import FunctionOracle, run, turned_ellipsoid

SIZE = 6
PLANNED: tuple[Any, ...] = tuple(
    {"name": "annealing", "schedule": schedule}
    for schedule in ("geometric", "cosine", "generalized", "adaptive")
)
RANKS = (
    *PLANNED,
    {"name": "annealing", "proposal": "cauchy", "reheat_after": 0.05},
    {"name": "parallel-tempering"},
    {"name": "pso"},
    {"name": "pso", "topology": "ring"},
    {"name": "genetic"},
    {"name": "differential-evolution"},
    {"name": "harmony-search"},
    {"name": "openai-es"},
    {"name": "low-rank-es"},
    {"name": "snes"},
    {"name": "sep-cma-es"},
    {"name": "cma-es"},
    {"name": "random-search"},
)
"""Methods that rank losses, or take their differences in units measured of the losses
themselves."""
DIFFERENCES = (
    {"name": "population-annealing"},
    {"name": "cbo"},
    {"name": "finite-differences"},
    {"name": "spsa"},
    {"name": "mezo"},
)
"""Methods that take differences in a unit of their own."""
AVERAGES = (
    {"name": "annealing", "schedule": "aarts-van-laarhoven"},
    {"name": "eki"},
    {"name": "eki", "form": "discrete"},
    {"name": "enkf"},
)
"""Methods that take means of losses or heights, which round."""


def ground(x: Tensor) -> Tensor:
    """An ellipsoid in steps of 2^-16, (P, D) → (P,): heights lifted by 2^12 are held exactly in
    double precision.
    """
    return (turned_ellipsoid(SIZE, 10)(x).clamp(max=4096.0) * 2**16).round() / 2**16


def walk(lane: Any, lift: float, unit: float) -> Any:
    """What a method does on the ground lifted, and in another unit."""

    def heights(x: Tensor) -> Tensor:
        return unit * (ground(x) + lift)

    oracle = FunctionOracle(heights, SIZE, 4000, outputs=lambda x: heights(x).reshape(-1, 1, 1))
    oracle.network = SimpleNamespace(
        hidden=(), layers=pack([("0.weight", (2, 2), 2), ("0.bias", (2,), 2)])
    )
    oracle.loss, oracle.targets = get_loss("height"), torch.zeros(1, dtype=torch.float64)
    return run(OPTIMIZERS.build(lane), oracle, torch.ones(SIZE, dtype=torch.float64), 60)


def title(lane: Any) -> str:
    return " ".join(str(value) for value in lane.values())


@pytest.mark.parametrize("lane", [*RANKS, *DIFFERENCES, *AVERAGES], ids=title)
def test_lifting_the_ground_changes_no_decision(lane: Any) -> None:
    plain = walk(lane, 0.0, 1.0)
    for lift in (4096.0, -4096.0):
        lifted = walk(lane, lift, 1.0)
        if lane in AVERAGES:
            torch.testing.assert_close(lifted.estimate, plain.estimate, rtol=1e-6, atol=1e-6)
        else:
            assert torch.equal(lifted.estimate, plain.estimate)
            if plain.population is not None:
                assert torch.equal(lifted.population, plain.population)
    assert not torch.equal(plain.estimate, torch.ones(SIZE, dtype=torch.float64)), "it did move"


@pytest.mark.parametrize("lane", RANKS, ids=title)
@pytest.mark.parametrize("unit", [2.0**-12, 2.0**9])
def test_another_unit_of_the_loss_changes_no_decision(lane: Any, unit: float) -> None:
    plain, other = walk(lane, 0.0, 1.0), walk(lane, 0.0, unit)
    assert torch.equal(other.estimate, plain.estimate)
    if plain.population is not None:
        assert torch.equal(other.population, plain.population)


@pytest.mark.parametrize("temperature", [1e-300, 1e-45, 1e-37, 1.0, 1e30])
def test_a_tie_is_kept_at_any_temperature(temperature: float) -> None:
    u, rise = torch.full((4,), 0.999), torch.tensor([0.0, -1e30, -1e-30, -torch.inf])
    for dtype in (torch.float32, torch.float64):
        for rule in (
            metropolis(temperature),
            metropolis(torch.full((4,), temperature, dtype=dtype)),
            tsallis(temperature, -5.0),
            tsallis(temperature, 0.9),
        ):
            assert rule(u.to(dtype), rise.to(dtype)).tolist() == [True] * 4
            assert not bool(
                rule(
                    u.to(dtype),
                    torch.tensor([torch.nan, torch.inf, torch.nan, torch.inf], dtype=dtype),
                ).any()
            )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["annealing", "parallel-tempering", "population-annealing"])
@pytest.mark.parametrize("end", [5e-324, 1e-300, 1e-40])
def test_chains_walk_on_a_plain_however_cold(name: str, end: float) -> None:
    """All moves are ties there, at any temperature."""
    kinds = [
        {"schedule": schedule}
        for schedule in (
            "geometric",
            "cauchy",
            "logarithmic",
            "generalized",
            "adaptive",
            "aarts-van-laarhoven",
        )
    ]
    for more in kinds if name == "annealing" else [{}]:
        for start in (1.0, 1e6, end):
            oracle = FunctionOracle(lambda x: torch.zeros(len(x)), 3, 400)
            oracle.init_scale = oracle.init_scale.float()
            optimizer = OPTIMIZERS.build(
                {
                    "name": name,
                    "population_size": 4,
                    "initial_temperature": start,
                    "final_temperature": end,
                    "adapt": False,
                    **more,
                }
            )
            state = run(optimizer, oracle, torch.ones(3), 200)
            assert state.acceptance == 1
            assert torch.isfinite(state.population).all()
