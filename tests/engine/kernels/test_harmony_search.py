"""The numbers that decide where a note comes from: uniform, and independent along a harmony and
from one harmony to another.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from engine.kernels.harmony_search import hs_improvise

REMEMBERED, HARMONIES, WIDTH = 16, 128, 20_000


def uniform_numbers(keys: Tensor, threads: int = 1) -> Tensor:
    """Return the numbers behind the notes, in [0, 1): where row i of the memory holds i + ½ and all
    notes are moved by up to half of a unit, a note is the number times the rows.
    """
    memory = (torch.arange(REMEMBERED) + 0.5).repeat(WIDTH, 1).T.contiguous()
    new = torch.empty(len(keys), WIDTH)
    edge, half = torch.full((WIDTH,), 1e9), torch.full((WIDTH,), 0.5)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        hs_improvise(WIDTH, new, memory, keys, 1.0, 2.0, half, -edge, edge, grain=256)
    finally:
        torch.set_num_threads(before)
    whole = new.floor()
    return (whole + 1 - (new - whole)) / REMEMBERED  # it is moved down where u is large


@pytest.mark.parametrize("drawn", [True, False], ids=["keys drawn", "keys that follow one another"])
def test_notes_are_uniform_and_independent(drawn: bool) -> None:
    generator = torch.Generator().manual_seed(3)
    keys = (
        torch.randint(2**32, (HARMONIES, 2), generator=generator)
        if drawn
        else torch.arange(2 * HARMONIES).view(-1, 2)
    )
    u = uniform_numbers(keys.to(torch.uint32)).double()
    assert 0 <= float(u.min()) < 1e-5
    assert 1 - 1e-5 < float(u.max()) <= 1
    expected = u.numel() / 256
    counts = torch.histc(u, 256, 0, 1)
    # 255 degrees of freedom, of which the deviation is 22.6
    assert float((counts - expected).square().sum() / expected) < 255 + 5 * 22.6
    z = (u - 0.5) * 12**0.5
    for lag in (1, 2, 3, 8, 16, 64, 256, 1024):
        along = (z[:, lag:] * z[:, :-lag]).mean() * (HARMONIES * (WIDTH - lag)) ** 0.5
        assert abs(float(along)) < 5, f"{lag} columns apart"
    across = torch.corrcoef(z).triu(1)[torch.triu_indices(HARMONIES, HARMONIES, 1).unbind()]
    assert float(across.abs().max()) * WIDTH**0.5 < 5.5
    assert float(across.std()) * WIDTH**0.5 == pytest.approx(1, abs=0.05)


def test_notes_are_the_same_with_any_number_of_threads() -> None:
    keys = torch.randint(2**32, (HARMONIES, 2)).to(torch.uint32)
    alone = uniform_numbers(keys)
    assert all(torch.equal(uniform_numbers(keys, threads), alone) for threads in (2, 3, 7))
