"""The ensemble's sums over slices of the data against all at once, and its mixing against the plain
product.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from engine.datasets import DATASETS
from engine.losses import LOSSES
from engine.networks import MLP
from engine.optimizers.common import ensemble
from engine.optimizers.common.ensemble import Sums, mixed
from engine.optimizers.eki import EKI
from engine.oracle import Oracle
from engine.random.rng import Rng


def oracle_on(batch: int = 0, seed: int = 0) -> Oracle:
    samples = DATASETS.build({"name": "moons", "points": 200}).load(seed)
    samples = replace(samples, x_train=samples.x_train.double(), x_test=samples.x_test.double())
    return Oracle(
        MLP(hidden=(5,)).build(samples.shape, 2), LOSSES["cross-entropy"], samples, "outputs", batch
    )


@pytest.mark.parametrize("batch", [0, 50])
def test_slices_are_the_batch_bit_by_bit_and_charged_as_one(batch: int) -> None:
    oracle = oracle_on(batch)
    oracle.next_batch(1)
    x, y = oracle.x, oracle.targets
    u = torch.randn(
        3, oracle.network.dimension, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    whole, price = oracle.outputs(u), oracle.evaluations
    shares, parts, targets = [], [], []
    for share in oracle.batch_chunks(17):
        shares.append(share)
        parts.append(oracle.outputs(u))
        targets.append(oracle.targets)
    assert oracle.evaluations == 2 * price
    assert sum(shares) == pytest.approx(1)
    assert max(map(len, targets)) == 17
    assert torch.equal(torch.cat(targets), y)
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=0, atol=1e-13)
    for _ in oracle.batch_chunks(17):
        break
    assert oracle.x is x
    assert oracle.targets is y


@pytest.mark.parametrize(
    ("form", "perturb"), [("loss", False), ("discrete", False), ("discrete", True)]
)
def test_sums_over_slices_are_the_sums(
    form: Any, perturb: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    oracle, found = oracle_on(), []
    u = torch.randn(
        6, oracle.network.dimension, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    g = oracle.outputs(u)
    centred = (g - g.mean(0)).flatten(1)
    for size in (ensemble.OUTPUT_BYTES, 6 * 8 * 16 * 25):
        monkeypatch.setattr(ensemble, "OUTPUT_BYTES", size)
        found.append(Sums.of(u, form, perturb, True, Rng(0, "x", dtype=torch.float64), oracle))
    for sums in found:
        assert sums.data == g[0].numel()
        torch.testing.assert_close(
            sums.losses, oracle.loss.values(g, oracle.targets), rtol=0, atol=1e-12
        )
        torch.testing.assert_close(sums.gram, centred @ centred.T, rtol=1e-12, atol=1e-12)
        slope = (
            oracle.loss.derivative(g, oracle.targets)
            if form == "loss"
            else torch.nn.functional.one_hot(oracle.targets, 2) - g
        )
        torch.testing.assert_close(sums.cross, slope.flatten(1) @ centred.T, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(
            sums.misfits, slope.flatten(1).square().sum(1), rtol=1e-12, atol=1e-12
        )
        assert (sums.noise is not None) == perturb
    if perturb:
        assert found[0].noise is not None
        assert found[0].noise.shape == (6, 6)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"form": "discrete"},
        {"form": "discrete", "stepping": "data-misfit"},
        {"momentum": "nesterov", "expand": 4},
    ],
)
def test_a_race_over_slices_is_the_race(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    method, ends = (
        EKI(population_size=12, batch=0, randomised=False, respread_every=4, **settings),
        [],
    )
    for size in (ensemble.OUTPUT_BYTES, 12 * 8 * 16 * 30):
        monkeypatch.setattr(ensemble, "OUTPUT_BYTES", size)
        oracle = oracle_on()
        state = method.init(
            oracle.network.init(torch.Generator().manual_seed(0), torch.float64),
            Rng(0, "x", dtype=torch.float64),
            oracle,
        )
        for step in range(1, 9):
            state = method.step(state, Rng(0, "x", dtype=torch.float64).at(step), oracle)
        ends.append((state, oracle.evaluations))
    (one, price), (two, same) = ends
    assert price == same
    torch.testing.assert_close(one.population, two.population, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(one.estimate, one.population.mean(0), rtol=0, atol=1e-12)
    assert two.metrics == pytest.approx(one.metrics, rel=1e-6)


@pytest.mark.parametrize("columns", [64, 100, 5000])
@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_mixing_in_place_is_the_plain_product(
    columns: int, dtype: torch.dtype, close: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = torch.Generator().manual_seed(1)
    u, w = (
        torch.randn(7, 333, generator=generator, dtype=torch.float64),
        torch.randn(7, 7, generator=generator, dtype=torch.float64),
    )
    expected = u + w @ (u - u.mean(0))
    monkeypatch.setattr(ensemble, "COLUMN_BYTES", columns * 7 * u.to(dtype).element_size())
    u = u.to(dtype)
    mean, spread = mixed(u, w.to(dtype))
    torch.testing.assert_close(u.double(), expected, rtol=close, atol=close)
    torch.testing.assert_close(mean.double(), expected.mean(0), rtol=close, atol=close)
    torch.testing.assert_close(
        spread.double(), expected.var(0, correction=0).sum().sqrt(), rtol=close, atol=close
    )
