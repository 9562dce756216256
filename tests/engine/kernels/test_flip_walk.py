"""Chains of single flips: the compiled loop against evaluating every tried network as a whole."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from engine.kernels import flip_walk
from engine.losses import LOSSES
from engine.networks.binary import BinaryNetwork


def walked(
    network: BinaryNetwork, x: Tensor, chosen: Tensor, limits: Tensor, loss: str, most: float
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor, tuple[int, int] | None]]:
    generator = torch.Generator().manual_seed(3)
    samples = torch.rand(40, network.sizes[0], generator=generator).to(x)
    ready = network.prepare(samples)
    x, targets = x.clone(), torch.arange(40) % network.sizes[-1]
    sums = network.sums(x, ready)
    answer = flip_walk.walk(
        x,
        chosen,
        limits,
        sums,
        ready,
        LOSSES[loss],
        targets,
        lambda tried: network.evaluate(tried, ready),
        most,
    )
    return x, answer


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("loss", ["margin", "hinge", "zero-one", "cross-entropy"])
@pytest.mark.parametrize("hidden", [(), (7,), (8, 5), (6, 5, 4)], ids=str)
def test_the_loop_walks_as_whole_networks_do(
    hidden: tuple[int, ...], loss: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit in single precision where a loss is a whole number over the number of samples;
    weights of any size and of 0, the same weight tried many times.
    """
    network = BinaryNetwork((9, *hidden, 4), 16, 0.5)
    generator = torch.Generator().manual_seed(1)
    x = torch.stack([network.init(generator, dtype) for _ in range(3)])
    x[0, 3], x[1] = 0.0, x[1] * 0.3
    chosen = torch.randint(network.dimension, (150, 3), generator=generator)
    chosen[::7, 0] = 3
    limits = 0.2 * torch.rand(150, 3, generator=generator, dtype=dtype)
    there, (first, losses, kept, counted) = walked(network, x, chosen, limits, loss, torch.inf)
    monkeypatch.setattr(flip_walk, "KNOWN_LOSSES", {})
    expected, (start, others, taken, whole) = walked(network, x, chosen, limits, loss, torch.inf)
    assert whole is None
    assert counted is not None
    assert counted[0] == 450
    assert torch.equal(kept, taken)
    assert torch.equal(there, expected)
    if loss == "cross-entropy" or dtype is torch.float64:
        exact = 1e-5 if dtype is torch.float32 else 1e-12
        torch.testing.assert_close(losses, others, rtol=exact, atol=exact)
        torch.testing.assert_close(first, start, rtol=exact, atol=exact)
    else:
        assert torch.equal(losses, others)
        assert torch.equal(first, start)
    assert 20 < int(kept.sum()) < 450


def test_operations_are_those_of_the_products_that_change() -> None:
    """Against a count in plain loops: a flip adds once to its neuron's sum for every sample, and a
    neuron that answers otherwise once to every sum above it.
    """
    network = BinaryNetwork((9, 8, 5, 4), 16, 0.5)
    generator = torch.Generator().manual_seed(1)
    x = network.init(generator).unsqueeze(0)
    chosen = torch.randint(network.dimension, (60, 1), generator=generator)
    limits = torch.full((60, 1), -1.0)  # only what does not rise is kept
    _, (_, _, kept, counted) = walked(network, x, chosen, limits, "margin", torch.inf)
    ready = network.prepare(torch.rand(40, 9, generator=torch.Generator().manual_seed(3)))
    here, expected = x.clone(), 0
    for weight, keep in zip(chosen[:, 0].tolist(), kept[:, 0].tolist(), strict=True):
        tried = here.clone()
        tried[0, weight] *= -1
        expected += 2 * 40
        before = [one.clone() >= 0 for one in network.sums(here, ready)]
        after = [one.clone() >= 0 for one in network.sums(tried, ready)]
        for layer, above in ((0, 5), (1, 4)):
            expected += 2 * above * int((before[layer] != after[layer]).sum())
        here = tried if keep else here
    assert counted == (60, expected)


def test_a_chain_stops_where_its_operations_are_spent_and_does_not_depend_on_the_others() -> None:
    network = BinaryNetwork((9, 8, 4), 16, 0.5)
    generator = torch.Generator().manual_seed(1)
    x = torch.stack([network.init(generator) for _ in range(3)])
    chosen = torch.randint(network.dimension, (100, 3), generator=generator)
    limits = 0.2 * torch.rand(100, 3, generator=generator)
    all_of_them, (_, losses, kept, counted) = walked(network, x, chosen, limits, "margin", 2000.0)
    assert counted is not None
    made = torch.isfinite(losses)
    assert counted[0] == int(made.sum()) < 100
    assert not bool(kept[~made].any())
    alone, (_, mine, _, _) = walked(network, x[2:], chosen[:, 2:], limits[:, 2:], "margin", 2000.0)
    assert torch.equal(alone[0], all_of_them[2])
    assert torch.equal(mine[:, 0], losses[:, 2])
    _, (_, _, _, least) = walked(network, x, chosen, limits, "margin", 0.0)
    assert least is not None
    assert least[0] == 3
