"""The method's own arithmetic, as it is charged in FLOPs, beside an independent count of the matrix products that are really made."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from engine.experiment import Experiment
from engine.losses import get_loss
from engine.optimizers import OPTIMIZERS
from engine.optimizers.levenberg_marquardt import System
from engine.race import Race
from engine.rng import Rng
from tests.engine.helpers import FunctionOracle

TOLERANCE = 0.35
"""Of what is charged beside what is counted: small systems, vectors and factorisations are told apart in neither."""


def counted(lane: Any, size: int, outputs: int) -> tuple[float, float]:
    """What three steps are charged, and the products counted in them, on a problem whose own answer needs none."""

    def answers(x: Tensor) -> Tensor:
        return torch.stack([(x * (k + 1)).sin().sum(1) for k in range(outputs)], 1).unsqueeze(1)

    oracle = FunctionOracle(lambda x: (x**2).sum(1), size, outputs=answers)
    oracle.loss, oracle.targets = get_loss("squared-error"), torch.zeros(1, dtype=torch.long)
    optimizer, rng = OPTIMIZERS.build(lane), Rng(0, "x", dtype=torch.float64)
    state = optimizer.init(torch.ones(size, dtype=torch.float64), rng, oracle)  # type: ignore[arg-type]
    oracle.flops = 0.0
    with FlopCounterMode(display=False) as counter:
        for step in range(1, 4):
            state = optimizer.step(state, rng.at(step), oracle)  # type: ignore[arg-type]
    return oracle.flops, counter.get_total_flops()


@pytest.mark.parametrize(
    "lane",
    [{"name": "eki", "ensemble": 60}, {"name": "enkf", "ensemble": 60}, {"name": "cma-es", "population": 40, "decompose_every": 1000}],
    ids=lambda lane: lane["name"],
)
@pytest.mark.parametrize("size", [80, 300])
def test_products_are_charged_as_they_are_counted(lane: Any, size: int) -> None:
    charged, found = counted(lane, size, 10)
    if lane["name"] == "cma-es":
        found += 3 * 2 * (40 + 1) * size**2  # the covariance is updated in place, by a product that the counter does not know
    assert found > 1e5
    assert charged == pytest.approx(found, rel=TOLERANCE)


@pytest.mark.parametrize(("rows", "weights"), [(60, 200), (200, 60)])
def test_the_systems_of_levenberg_and_marquardt_are_charged(rows: int, weights: int) -> None:
    j, r = torch.randn(rows, weights, dtype=torch.float64), torch.randn(rows, dtype=torch.float64)
    with FlopCounterMode(display=False) as forming:
        system = System(j, r)
    assert system.flops == pytest.approx(forming.get_total_flops(), rel=0.02)
    size = min(rows, weights)
    assert size**3 / 3 < system.solving < size**3 / 3 + 4 * rows * weights


def test_a_step_of_levenberg_and_marquardt_costs_far_more_than_its_passes() -> None:
    """Charged for its passes alone it got 250 times the arithmetic of the others."""
    value = {"dataset": "digits", "lanes": ["levenberg-marquardt"], "budget": {"currency": "evaluations", "amount": 4000}}
    race = Race(Experiment.parse(value), pictures=False)
    race.advance()
    oracle = race.lanes[0].oracle
    passes = oracle.evaluations * race.network.flops
    rows = 64 * 10
    assert oracle.flops - passes > 2 * rows**2 * race.network.dimension
    assert oracle.flops > 10 * passes


def test_evaluations_are_as_they_were() -> None:
    for name in ("eki", "enkf", "cma-es", "adam"):
        value = {"dataset": "moons", "network": {"name": "mlp", "hidden": [4]}, "lanes": [name], "budget": {"currency": "evaluations", "amount": 20_000}}
        race = Race(Experiment.parse(value), pictures=False)
        race.advance()
        oracle = race.lanes[0].oracle
        assert oracle.flops >= oracle.evaluations * race.network.flops
        assert (oracle.flops > oracle.evaluations * race.network.flops) == (name != "adam")
