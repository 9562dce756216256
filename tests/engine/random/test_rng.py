"""Random numbers addressed by (seed, stream, step): what `Rng` promises, said directly."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from engine.random.hashed_seed import hashed_seed
from engine.random.noise_table import Law, block_of
from engine.random.random_rows import RandomRows
from engine.random.rng import LARGE, Rng

ROOT = Path(__file__).resolve().parents[3]
FEW, MIN_NUMEL = 1000, LARGE + 1000
"""Counts of numbers that are drawn by PyTorch's generator, and block by block from the table."""
DRAWS: dict[str, Callable[[Rng], Tensor]] = {
    "few normal": lambda rng: rng.normal(FEW),
    "few uniform": lambda rng: rng.uniform(FEW),
    "many normal": lambda rng: rng.normal(MIN_NUMEL),
    "many uniform": lambda rng: rng.uniform(MIN_NUMEL),
    "integers": lambda rng: rng.integers(1000, FEW),
    "permutation": lambda rng: rng.permutation(FEW),
}
FLOATS = [name for name in DRAWS if name.split()[-1] in ("normal", "uniform")]
SURE = 1e-6
"""Fixed seeds give fixed p-values, so none flickers; a wrong law of so many numbers is far below
this one.
"""


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def close_to_independent(one: Tensor, two: Tensor) -> bool:
    """Whether two draws, and all shifts of one against the other, are uncorrelated: no shift's
    correlation may exceed six standard deviations.
    """
    a, b = (np.asarray(x, dtype=np.float64) - float(x.double().mean()) for x in (one, two))
    a, b = a / a.std(), b / b.std()
    size = 2 * len(a)
    shifted = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)
    return bool(np.abs(shifted).max() < 6 * math.sqrt(len(a)))


@pytest.mark.parametrize("name", DRAWS)
def test_a_step_gives_the_same_numbers_in_any_order_of_asking(name: str) -> None:
    draw = DRAWS[name]
    forward = {step: draw(Rng(3, "lane 0").at(step)) for step in range(5)}
    rng = Rng(3, "lane 0")
    for step in (4, 0, 2, 2, 1, 3):
        rng.at(step)
        if step == 2:
            rng.normal(7), rng.integers(5, 3)
            rng.at(step)
        assert torch.equal(draw(rng), forward[step]), step


def test_a_new_generator_stands_at_the_first_step() -> None:
    assert torch.equal(Rng(3, "lane 0").normal(FEW), Rng(3, "lane 0").at(0).normal(FEW))


@pytest.mark.parametrize("name", DRAWS)
def test_another_seed_lane_or_step_gives_other_numbers(name: str) -> None:
    draw = DRAWS[name]
    first = draw(Rng(3, "lane 0").at(1))
    others = [Rng(4, "lane 0").at(1), Rng(3, "lane 1").at(1), Rng(3, "lane 0").at(2)]
    # Addresses that look alike when their parts are run together.
    others += [Rng(31, "lane 0").at(1), Rng(3, "lane 01").at(1), Rng(3, "lane 0").at(11)]
    for rng in others:
        assert (draw(rng) != first).double().mean() > 0.9


def test_parts_of_an_address_are_kept_apart() -> None:
    addresses: list[tuple[int | str, ...]] = [
        (1, "lane", 23),
        (12, "lane", 3),
        (1, "lane2", 3),
        ("1lane", 23),
        (1, "lane 23"),
        (1, "lane", 2, 3),
    ]
    seeds = [hashed_seed(*address) for address in addresses]
    assert len({*seeds}) == len(addresses)
    assert all(0 <= seed < 2**63 for seed in seeds)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("name", DRAWS)
def test_numbers_do_not_depend_on_the_thread_count(name: str, count: int) -> None:
    with threads(1):
        one = DRAWS[name](Rng(3, "lane 0").at(5))
    with threads(count):
        assert torch.equal(DRAWS[name](Rng(3, "lane 0").at(5)), one)


def test_another_process_with_other_threads_gives_the_same_numbers() -> None:
    code = (
        "import sys, torch; torch.set_num_threads(2); torch.manual_seed(9)\n"
        "from tests.engine.random.test_rng import fingerprints\nprint(fingerprints())"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == fingerprints()


def fingerprints() -> str:
    """Two numbers of every draw, to the last digit: the last one, and a sum in fixed order."""
    drawn = [draw(Rng(3, "lane 0").at(2)) for draw in DRAWS.values()]
    return " ".join(f"{float(x[-1]).hex()} {math.fsum(x.double().tolist()).hex()}" for x in drawn)


def test_the_programs_own_random_numbers_neither_matter_nor_change() -> None:
    torch.manual_seed(1)
    one = [draw(Rng(3, "lane 0")) for draw in DRAWS.values()]
    after = torch.rand(3)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(3), after), "PyTorch's own generator was moved on"
    assert all(
        torch.equal(draw(Rng(3, "lane 0")), x) for draw, x in zip(DRAWS.values(), one, strict=True)
    )


@pytest.mark.parametrize("size", [10_000, MIN_NUMEL])
@pytest.mark.parametrize("law", ["normal", "uniform"])
def test_streams_are_no_shifted_copies_of_one_another(law: str, size: int) -> None:
    draws = [
        getattr(rng, law)(size)
        for rng in (
            Rng(3, "lane 0").at(1),
            Rng(3, "lane 1").at(1),
            Rng(3, "lane 0").at(2),
            Rng(4, "lane 0").at(1),
        )
    ]
    for i, one in enumerate(draws):
        for two in draws[:i]:
            if size < LARGE:
                assert close_to_independent(one, two)
            else:
                # Sums of stretches of one table share numbers at some shift: never at none, where
                # two lanes would move alike.
                assert abs(float(torch.corrcoef(torch.stack([one, two]))[0, 1])) < 6 / size**0.5
    shifted = torch.roll(draws[0], 7)
    assert not close_to_independent(draws[0], shifted), "the check sees a copy"


def test_two_draws_of_one_step_are_independent() -> None:
    rng = Rng(3, "lane 0").at(1)
    one, two = rng.normal(10_000), rng.normal(10_000)
    assert close_to_independent(one, two)
    many = [rng.normal(MIN_NUMEL) for _ in range(2)]
    assert abs(float(torch.corrcoef(torch.stack(many))[0, 1])) < 6 / MIN_NUMEL**0.5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", FLOATS)
def test_laws_are_right(name: str, dtype: torch.dtype) -> None:
    x = DRAWS[name](Rng(11, "lane 0", dtype=dtype).at(1))
    assert x.dtype == dtype
    numbers = x.double().numpy()
    if "normal" in name:
        law, moments = stats.norm, (0.0, 1.0, 0.0, 3.0)
        assert numbers.min() < -2.5
        assert numbers.max() > 2.5
    else:
        law, moments = stats.uniform, (0.5, 1 / 12, 0.0, 9 / 5)
        assert numbers.min() >= 0
        assert numbers.max() < 1
    assert stats.kstest(numbers, law.cdf).pvalue > SURE
    centred = (numbers - numbers.mean()) / numbers.std()
    found = (numbers.mean(), numbers.var(), (centred**3).mean(), (centred**4).mean())
    # Six standard deviations of each moment of so many normal numbers; the uniform's are smaller.
    spread = 6 / math.sqrt(len(numbers)) * np.sqrt([1, 2, 6, 24])
    for one, two, most in zip(found, moments, spread, strict=True):
        assert abs(one - two) < most
    lagged = np.corrcoef(numbers[1:], numbers[:-1])[0, 1]
    assert abs(lagged) < 6 / math.sqrt(len(numbers))


def test_the_laws_are_the_same_over_steps() -> None:
    first = [float(Rng(5, "lane 0").at(step).uniform(1)) for step in range(3000)]
    assert stats.kstest(first, stats.uniform.cdf).pvalue > SURE
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 6 / math.sqrt(len(first))
    lanes = [float(Rng(5, f"lane {lane}").uniform(1)) for lane in range(3000)]
    assert stats.kstest(lanes, stats.uniform.cdf).pvalue > SURE


@pytest.mark.parametrize("high", [1, 2, 3, 1000, 2**40])
def test_integers_are_below_their_bound_and_even(high: int) -> None:
    x = Rng(2, "lane 0").integers(high, 20_000)
    assert (x.dtype, x.shape) == (torch.int64, (20_000,))
    assert int(x.min()) >= 0
    assert int(x.max()) < high
    if high == 1000:
        counts = torch.bincount(x, minlength=high).numpy()
        assert stats.chisquare(counts).pvalue > SURE
    if high <= 3:
        assert {*x.tolist()} == {*range(high)}
    if high == 2**40:
        assert stats.kstest(x.double().numpy() / high, stats.uniform.cdf).pvalue > SURE


def test_a_permutation_has_every_number_once_and_all_are_as_likely() -> None:
    rng = Rng(2, "lane 0")
    assert sorted(rng.permutation(FEW).tolist()) == [*range(FEW)]
    counts: dict[tuple[int, ...], int] = {}
    for step in range(2400):
        order = tuple(rng.at(step).permutation(4).tolist())
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 24
    assert stats.chisquare([*counts.values()]).pvalue > SURE


def test_a_shape_is_a_shape() -> None:
    for size in (FEW, MIN_NUMEL):
        flat = Rng(2, "lane 0").normal(size)
        assert torch.equal(Rng(2, "lane 0").uniform(4, 5).flatten(), Rng(2, "lane 0").uniform(20))
        assert flat.shape == (size,)
    assert Rng(2, "lane 0").normal().shape == ()
    assert Rng(2, "lane 0").normal(0, 5).shape == (0, 5)


WIDTH, COUNT = 900, 2000
"""Of a population that is drawn block by block: 291 members in a block."""


def rows(law: Law, dtype: torch.dtype, count: int = COUNT, width: int = WIDTH) -> RandomRows:
    drawn = Rng(8, "lane 0", dtype=dtype).at(3).rows(law, count, width)
    assert drawn.whole is None, "so many are drawn block by block"
    return drawn


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("law", ["normal", "uniform"])
def test_a_rows_numbers_do_not_depend_on_where_a_block_of_rows_begins(
    law: Law, dtype: torch.dtype
) -> None:
    drawn = rows(law, dtype)
    whole = drawn[0:COUNT].clone()
    assert (whole.dtype, whole.shape) == (dtype, (COUNT, WIDTH))
    for first, last in ((0, 1), (1, 2), (290, 292), (291, 582), (100, 1700), (1999, 2000)):
        assert torch.equal(drawn[first:last], whole[first:last]), (first, last)
    for size in (1, 7, 291, 1000):  # whatever order the blocks of rows come in
        for first in reversed(range(0, 1200, size)):
            last = min(first + size, COUNT)
            assert torch.equal(drawn[first:last], whole[first:last]), (first, last)
    again = rows(law, dtype)
    assert torch.equal(again[0:COUNT], whole)
    test = stats.norm.cdf if law == "normal" else stats.uniform.cdf
    assert stats.kstest(whole[::7].flatten().double().numpy(), test).pvalue > SURE


@pytest.mark.parametrize("law", ["normal", "uniform"])
def test_a_row_does_not_depend_on_how_many_come_after_it(law: Law) -> None:
    few, many = rows(law, torch.float32, 500), rows(law, torch.float32, COUNT)
    assert few.members * 2 < COUNT
    assert torch.equal(few[0:500].clone(), many[0:500])


@pytest.mark.parametrize("law", ["normal", "uniform"])
def test_members_of_a_population_are_uncorrelated(law: Law) -> None:
    whole = rows(law, torch.float64, 1200, 4000)[0:1200]
    products = torch.corrcoef(whole[:600]).fill_diagonal_(0).abs()
    assert float(products.max()) < 7 / math.sqrt(4000), "of 180,000 pairs"


@pytest.mark.parametrize("law", ["normal", "uniform"])
def test_float32_and_float64_draw_the_same_members(law: Law) -> None:
    """From the table: the wider type has the same numbers, not rounded to the narrower one."""
    single, double = (rows(law, dtype)[0:COUNT].clone() for dtype in (torch.float32, torch.float64))
    gap = (single.double() - double).abs()
    if law == "uniform":  # 1 and 0 are neighbours
        gap = torch.minimum(gap, 1 - gap)
    assert float(gap.max()) < 1e-6


def test_few_rows_are_drawn_in_one_piece() -> None:
    drawn = Rng(8, "lane 0").at(3).rows("normal", 10, 30)
    assert drawn.whole is not None
    assert torch.equal(drawn[2:5], Rng(8, "lane 0").at(3).normal(10, 30)[2:5])
    assert 10 * 30 < LARGE <= block_of(torch.device("cpu"))
