"""Rank shaping against plain loops and against the weights of cmaes."""

import math

import numpy as np
import pytest
import torch
from cmaes import CMA, SepCMA
from torch import Tensor

from engine.optimizers.cma_es import constants
from engine.optimizers.common.finite_losses import finite_losses
from engine.optimizers.common.recombination_weights import (
    active_weights,
    by_rank,
    centred_ranks,
    effective,
    log_weights,
    positive_log_weights,
    snes_utilities,
)
from tests.engine.support.stand_ins import FunctionOracle


def tensor(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def test_every_member_gets_its_ranks_weight() -> None:
    losses = torch.randn(50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weights = torch.randn(50, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = torch.empty_like(weights)
    for rank, member in enumerate(sorted(range(50), key=lambda i: float(losses[i]))):
        expected[member] = weights[rank]
    assert torch.equal(by_rank(losses, weights), expected)


def test_equal_losses_share_the_weights_of_their_ranks() -> None:
    weights = tensor(8, 4, 2, 1, 0, -3)
    assert by_rank(tensor(5, 1, 5, 0, 5, math.inf), weights).tolist() == [1, 4, 1, 8, 1, -3]
    assert by_rank(tensor(*[math.inf] * 6), weights).tolist() == [2] * 6
    assert centred_ranks(tensor(*[0.3] * 6)).tolist() == [0] * 6


@pytest.mark.parametrize("size", [2, 7, 64])
def test_centred_ranks_go_evenly_from_minus_to_plus_a_half(size: int) -> None:
    losses = torch.randn(size, generator=torch.Generator().manual_seed(size), dtype=torch.float64)
    expected = losses.numpy().argsort().argsort() / (size - 1) - 0.5
    np.testing.assert_allclose(centred_ranks(losses).numpy(), expected, rtol=0, atol=1e-15)
    assert float(centred_ranks(losses).sum()) == pytest.approx(0, abs=1e-14)


def test_only_the_order_counts() -> None:
    losses = torch.rand(31, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    assert torch.equal(centred_ranks(losses), centred_ranks(losses.log() * 1e6))


@pytest.mark.parametrize("size", [4, 9, 40])
def test_utilities_are_those_of_the_paper(size: int) -> None:
    raw = [max(0.0, math.log(size / 2 + 1) - math.log(k)) for k in range(1, size + 1)]
    expected = [u / sum(raw) - 1 / size for u in raw]
    np.testing.assert_allclose(snes_utilities(size).numpy(), expected, rtol=0, atol=1e-16)
    assert float(snes_utilities(size).sum()) == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize("size", [4, 5, 10, 37, 400])
@pytest.mark.parametrize("dimension", [2, 10, 100])
def test_log_weights_are_those_of_cmaes(size: int, dimension: int) -> None:
    reference = CMA(mean=np.zeros(dimension), sigma=1.0, population_size=size)
    k = constants(size, dimension)
    ours = active_weights(size, dimension, k.c1, k.c_mu)
    np.testing.assert_allclose(ours.numpy(), reference._weights, rtol=1e-13, atol=1e-16)
    for name in ("mu_eff", "c_sigma", "d_sigma", "c1"):
        assert getattr(k, name) == pytest.approx(getattr(reference, f"_{name}"), rel=1e-13)
    assert (k.c_c, k.c_mu, k.chi) == pytest.approx(
        (reference._cc, reference._cmu, reference._chi_n), rel=1e-13
    )
    separable = SepCMA(mean=np.zeros(dimension), sigma=1.0, population_size=size)
    np.testing.assert_allclose(
        positive_log_weights(size)[: size // 2].numpy(), separable._weights, rtol=1e-13
    )
    assert not positive_log_weights(size)[size // 2 :].any()


def test_negative_weights_leave_the_covariance_positive_definite() -> None:
    """Of C at least 1 − c₁ − c_μ Σ w remains, from which the negative terms take at most c_μ D
    Σ|w⁻| in any direction.
    """
    for size, dimension in [(10, 3), (30, 1000), (1000, 5)]:
        k = constants(size, dimension)
        w = active_weights(size, dimension, k.c1, k.c_mu)
        assert float(w.clamp(min=0).sum()) == pytest.approx(1)
        assert w.min() < 0
        assert (
            1 - k.c1 - k.c_mu * float(w.sum()) - k.c_mu * dimension * float(-w.clamp(max=0).sum())
            > 0
        )


def test_effective_counts_equal_members() -> None:
    assert effective(torch.full((7,), 0.3, dtype=torch.float64)) == pytest.approx(7)
    assert 1 < effective(log_weights(20)[:10]) < 10


def test_a_loss_that_is_no_number_ranks_last() -> None:
    oracle = FunctionOracle(lambda x: torch.where(x[:, 0] > 1, torch.nan, x[:, 0]), 1)
    losses = finite_losses(tensor(2, -1, 0.5).unsqueeze(1), oracle)
    assert losses.tolist() == [math.inf, -1, 0.5]
    assert centred_ranks(losses).tolist() == [0.5, -0.5, 0]
