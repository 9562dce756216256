"""Proposals of a few weights: the compiled loops against PyTorch's operations."""

import pytest
import torch

from engine.kernels import compiled as kernels
from engine.kernels.compiled import MIN_NUMEL
from engine.optimizers.common.proposals import Shape, propose
from engine.random.rng import Rng


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    "shape", [Shape("sparse", 0.5), Shape("sparse", 0.02), Shape("cauchy", 0.1), Shape("visiting")]
)
def test_loops_move_and_restore_the_weights_that_operations_do(
    shape: Shape, threads: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the weights, drawn with replacement: many are drawn twice, and such a weight moves
    once and returns to where it was.
    """
    members, dimension = 37, 1 + MIN_NUMEL // 37
    start = Rng(1, "x").normal(members, dimension).to(dtype)
    sizes, scale = torch.linspace(0.1, 2, members, dtype=dtype), torch.rand(dimension).to(dtype)
    keep = torch.arange(members) % 3 == 0
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    found = {}
    for compiled in (True, False):
        monkeypatch.setattr(kernels, "fit", lambda *_, compiled=compiled: compiled)
        population = start.clone()
        move = propose(shape, population, sizes, scale, (), Rng(2, "y"))
        assert isinstance(move.population, torch.Tensor)
        moved = move.population.clone()
        found[compiled] = moved, move.settle(keep)
        assert torch.equal(found[compiled][1][keep], moved[keep])
        assert torch.equal(found[compiled][1][~keep], start[~keep])
        changed = (moved != start).sum(1)
        assert bool((changed <= shape.count(dimension)).all())
        assert bool((changed > 0.7 * shape.count(dimension)).all())
    exact = 1e-6 if dtype is torch.float32 else 1e-14
    for one, other in zip(found[True], found[False], strict=True):
        torch.testing.assert_close(one, other, rtol=exact, atol=exact)
