"""Strips of a population, their random numbers and sums, and each method's step by strips against
the same step in one piece.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from engine.kernels import compiled as kernels
from engine.kernels import row_blocks, scratch
from engine.kernels.compiled import MIN_NUMEL
from engine.kernels.gaussian_sampling import sampled, weighted
from engine.kernels.harmony_search import sparse
from engine.kernels.row_blocks import Sum, again, gather_rows, replace, rows_of
from engine.kernels.spread import distance
from engine.optimizers import OPTIMIZERS
from engine.populations.base import PopulationSubset, dense
from engine.random import noise_table
from engine.random.random_rows import RandomRows
from engine.random.rng import LARGE, Rng
from tests.engine.support.stand_ins import FunctionOracle

WIDTH = 2**13
MEMBERS = LARGE // WIDTH + 5


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strips of seven members."""
    monkeypatch.setattr(row_blocks, "STRIP", {"cpu": 7 * WIDTH + 1})
    monkeypatch.setattr(row_blocks, "NARROW", 1000)
    monkeypatch.setattr(row_blocks, "MIN_NUMEL", 1000)
    monkeypatch.setattr(kernels, "MIN_NUMEL", 1000)


@pytest.mark.parametrize("shape", [(1, 10), (20, WIDTH), (3, 2**20), (1481, 354), (5000, 354)])
def test_strips_cover_every_row_once(shape: tuple[int, int]) -> None:
    x = torch.zeros(1, 1).expand(shape)
    found = list(row_blocks.row_blocks(x))
    assert [i for strip in found for i in range(strip.start, strip.stop)] == list(range(shape[0]))
    assert all(strip.stop - strip.start <= rows_of(shape[1], x.device) for strip in found)
    part = [
        i
        for strip in row_blocks.row_blocks(x, slice(0, shape[0] // 2))
        for i in range(strip.start, strip.stop)
    ]
    assert part == list(range(shape[0] // 2))


@pytest.mark.parametrize("law", ["normal", "uniform"])
def test_few_numbers_are_those_drawn_at_once(law: Any) -> None:
    drawn, expected = Rng(4, "x").rows(law, 12, 30), getattr(Rng(4, "x"), law)(12, 30)
    assert torch.equal(drawn[slice(0, 12)], expected)
    assert torch.equal(drawn[slice(3, 7)], expected[3:7])
    out = torch.empty(4, 30, dtype=torch.float64)
    assert torch.equal(drawn.into(out, slice(3, 7)).float(), expected[3:7])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("law", ["normal", "uniform"])
def test_many_numbers_come_again_and_follow_their_law(law: Any, dtype: torch.dtype) -> None:
    def whole(rng: Rng) -> Tensor:
        drawn = rng.rows(law, MEMBERS, WIDTH)
        assert drawn.whole is None
        return torch.cat(
            [drawn[slice(start, min(start + 9, MEMBERS))].clone() for start in range(0, MEMBERS, 9)]
        )

    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = whole(Rng(4, "x", dtype=dtype))
        torch.set_num_threads(3)
        assert torch.equal(whole(Rng(4, "x", dtype=dtype)), one)
    finally:
        torch.set_num_threads(threads)
    drawn = Rng(4, "x", dtype=dtype).rows(law, MEMBERS, WIDTH)
    third, first = drawn[slice(18, 27)].clone(), drawn[slice(0, 9)].clone()
    assert torch.equal(third, one[18:27])
    assert torch.equal(first, one[:9])
    assert drawn.members * WIDTH <= noise_table.STRETCH
    assert torch.equal(
        drawn[slice(5, MEMBERS)], one[5:]
    )  # across the ends of blocks, and from within one
    table, places, members = drawn.stretches(one)
    starts = places[torch.arange(MEMBERS) // members] + (
        torch.arange(MEMBERS) % members * WIDTH
    ).unsqueeze(1)
    read = torch.stack([table[a : a + WIDTH] + table[b : b + WIDTH] for a, b in starts.tolist()])
    assert torch.equal(read.frac() if law == "uniform" else read, one)
    assert torch.equal(drawn.into(torch.empty_like(third), slice(18, 27)), third)
    assert one.dtype == dtype
    numbers = one.flatten().double().sort().values
    ordered = torch.special.ndtr(numbers) if law == "normal" else numbers
    assert (
        float((ordered - torch.arange(1, len(ordered) + 1) / len(ordered)).abs().max())
        < 2 / len(ordered) ** 0.5
    )
    others = [
        whole(Rng(4, "x", dtype=dtype).at(1)),
        whole(Rng(4, "y", dtype=dtype)),
        whole(Rng(5, "x", dtype=dtype)),
    ]
    apart = torch.corrcoef(torch.cat([one, *others])[:, :].double()) - torch.eye(
        4 * MEMBERS, dtype=torch.float64
    )
    assert float(apart.abs().max()) < 6 / WIDTH**0.5
    if law == "uniform":
        assert 0 <= float(one.min()) < float(one.max()) < 1


@pytest.mark.parametrize(
    ("count", "width"),
    [(16384, 100), (4000, 354), (256, 50_890), (40, 200_001), (30, 400_000), (20_000, 64)],
)
def test_no_two_members_read_the_same_number_at_the_same_weight(count: int, width: int) -> None:
    """They would be correlated by ½: of a draw of 16,384 members of 100 weights one in five had
    such a pair.
    """
    for seed in range(40):
        drawn = Rng(seed, "x").rows("normal", count, width)
        _, places, members = drawn.stretches(torch.empty(0))
        starts = places.repeat_interleave(members, 0)[:count] + (
            torch.arange(count) % members * width
        ).unsqueeze(1)
        assert len(starts.unique()) == starts.numel()
        assert 0 <= int(starts.min()) <= int(starts.max()) + width <= noise_table.TABLE


@pytest.mark.parametrize(("count", "width"), [(3000, 354), (700, 3001), (6, 400_003), (5, 700_000)])
def test_nor_do_those_of_a_draw_in_one_piece(
    count: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        noise_table, "numbers", lambda law, dtype: torch.arange(noise_table.TABLE, dtype=dtype)
    )
    for seed in range(3):
        sums = noise_table.fill(torch.empty(count, width, dtype=torch.float64), seed)
        size, apart = (
            noise_table.block_of(sums.device),
            sums[:, 1:] - sums[:, :-1] == 2,
        )  # within a stretch, and within a member
        assert float(apart.double().mean()) > 0.999
        pairs = [
            (
                block,
                which,
                (place - block * size) % width if width <= noise_table.STRETCH else place,
            )
            for block in range(-(-count * width // size))
            for which, place in enumerate(noise_table.places(seed, block, size, width)[0])
        ]
        assert len({place for _, _, place in pairs}) == len(pairs)


def test_where_stretches_begin_is_spread_evenly() -> None:
    """Over the table, and over the weights: for every seed elsewhere, with no bond between a
    block's two or those of neighbouring blocks.
    """
    found = torch.tensor(
        [
            noise_table.places(seed, block, 2**18, 3000)[0]
            for seed in range(400)
            for block in range(5)
        ],
        dtype=torch.float64,
    ).view(400, 5, 2)
    room = noise_table.TABLE - 2**18
    for column in found.view(400, 10).T:
        ordered = column.sort().values / room
        assert float((ordered - torch.arange(1, 401) / 400).abs().max()) < 2 / 400**0.5
    apart = torch.corrcoef(found.view(400, 10).T) - torch.eye(10, dtype=torch.float64)
    assert float(apart.abs().max()) < 4.5 / 400**0.5


def test_two_kinds_of_numbers_of_one_step_differ() -> None:
    rng = Rng(4, "x")
    one, two = (rng.rows("uniform", MEMBERS, WIDTH)[slice(0, 3)].clone() for _ in range(2))
    assert abs(float(torch.corrcoef(torch.stack([one.flatten(), two.flatten()]))[0, 1])) < 0.03


def test_rows_are_gathered_replaced_and_added_up(narrow: None) -> None:
    generator = torch.Generator().manual_seed(1)
    x, by = (torch.randn(30, WIDTH, generator=generator, dtype=torch.float64) for _ in range(2))
    rows = torch.randint(30, (50,), generator=generator)
    assert torch.equal(gather_rows(x, rows, "test"), x[rows])
    chosen, origin, before = (
        torch.rand(30, generator=generator) < 0.5,
        torch.randint(30, (30,), generator=generator),
        x.clone(),
    )
    replace(x, chosen, by)
    assert torch.equal(x, torch.where(chosen.unsqueeze(1), by, before))
    replace(x, chosen, by, origin)
    assert torch.equal(x, torch.where(chosen.unsqueeze(1), by[origin], before))
    plain, weighted, weights = (
        Sum("a", 30, x),
        Sum("b", 30, x),
        torch.randn(30, generator=generator, dtype=torch.float64),
    )
    for strip in reversed(list(row_blocks.row_blocks(x))):
        plain.add(x[strip])
        weighted.add(x[strip], weights[strip])
    torch.testing.assert_close(plain.value(), x.sum(0), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(weighted.value(), weights @ x, rtol=1e-12, atol=1e-12)
    some = PopulationSubset(x, rows)
    assert torch.equal(dense(some), x[rows])
    assert torch.equal(some[3:9], x[rows[3:9]])
    assert (len(some), some.shape) == (50, (50, WIDTH))


def test_memory_is_used_again_where_it_fits() -> None:
    x = torch.zeros(3, 5)
    assert again(x, (3, 5), x[0]) is x
    for other in (
        None,
        x.T.contiguous().T,
        x.double(),
        x[:2],
        PopulationSubset(x, torch.arange(3)),
    ):
        found = again(other, (3, 5), x[0])  # type: ignore[arg-type]
        assert found is not other
        assert (found.shape, found.dtype) == ((3, 5), x.dtype)


@pytest.mark.parametrize("offset", [0.0, 1.0, 300.0])
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_the_spread_is_the_members_distance_from_their_mean(
    dtype: torch.dtype, close: float, offset: float
) -> None:
    generator = torch.Generator().manual_seed(2)
    x = (torch.randn(MEMBERS, WIDTH, generator=generator, dtype=torch.float64) * 0.3 + offset).to(
        dtype
    )
    assert x.numel() >= MIN_NUMEL
    expected = float(x.double().var(0, correction=0).sum().sqrt())
    assert float(distance(x)) == pytest.approx(expected, rel=close)
    few = x[:, :50]
    assert float(distance(few)) == float(few.var(0, correction=0).sum().sqrt())


@pytest.mark.parametrize("share", [1e-4, 0.02, 0.6, 1.0])
def test_sparse_places_are_each_as_likely_and_independent(share: float) -> None:
    rng, count = Rng(3, "x"), 200_000
    places = sparse(count, share, rng)
    assert bool((places.diff() > 0).all())
    assert 0 <= int(places.min()) <= int(places.max()) < count
    assert abs(len(places) - count * share) <= 5 * (count * share * (1 - share)) ** 0.5
    if share < 1:
        halves = torch.tensor(
            [float((places < count // 2).sum()), float((places >= count // 2).sum())]
        )
        assert float((halves - halves.mean()).abs().max()) <= 5 * (count * share) ** 0.5 + 1
        together = float((places.diff() == 1).float().mean())
        assert together == pytest.approx(share, abs=5 * (share / len(places)) ** 0.5 + 1e-3)
    assert len(sparse(count, 0.0, rng)) == 0


SETTINGS: list[dict[str, Any]] = [
    {"name": "pso"}, {"name": "pso", "topology": "ring"}, {"name": "differential-evolution"}, {"name": "differential-evolution", "strategy": "rand/1/bin"},
    {"name": "genetic", "elite": 3}, {"name": "genetic", "crossover": "uniform"}, {"name": "genetic", "crossover": "one-point"}, {"name": "cbo", "group": 5},
    {"name": "cbo", "group": 0}, {"name": "cbo", "group": 11, "diffusion": "isotropic", "sigma": 0.01}, {"name": "snes"}, {"name": "snes", "antithetic": True}, {"name": "sep-cma-es"},
    {"name": "random-search", "centre": "best"},
]  # fmt: skip


@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 2e-4), (torch.float64, 1e-11)])
@pytest.mark.parametrize(
    "settings", SETTINGS, ids=lambda settings: "-".join(map(str, settings.values()))
)
def test_a_step_by_strips_and_kernels_is_the_step_in_one_piece(
    settings: dict[str, Any], dtype: torch.dtype, close: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = OPTIMIZERS.build({**settings, "population_size": MEMBERS})
    fit, tabled, ends = kernels.fit, RandomRows.tabled, []
    for strip, fused in ((2**40, False), (7 * WIDTH + 1, False), (7 * WIDTH + 1, True)):
        monkeypatch.setattr(row_blocks, "STRIP", {"cpu": strip})
        monkeypatch.setattr(kernels, "fit", fit if fused else lambda *arrays: False)
        monkeypatch.setattr(RandomRows, "tabled", tabled if fused else False)
        scratch.release()
        oracle: Any = FunctionOracle(lambda x: (x - 0.3).square().double().sum(1).to(x), WIDTH)
        oracle.init_scale = torch.full((WIDTH,), WIDTH**-0.5, dtype=torch.float64)
        theta = torch.linspace(-1, 1, WIDTH, dtype=torch.float64).to(dtype)
        rng = Rng(6, "lane 0", dtype=dtype)
        state = method.init(theta, rng, oracle)
        for step in range(1, 3):
            state = method.step(state, rng.at(step), oracle)
        ends.append(state)
    scratch.release()
    one = ends[0]
    assert isinstance(one.population, Tensor)
    assert one.population.numel() >= LARGE
    for other in ends[1:]:
        torch.testing.assert_close(other.population, one.population, rtol=close, atol=close)
        torch.testing.assert_close(other.estimate, one.estimate, rtol=close, atol=close)
        assert other.metrics == pytest.approx(one.metrics, rel=close)
    assert not torch.equal(one.population[0], one.population[-1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_many_harmonies_are_improvised_by_the_rules(dtype: torch.dtype) -> None:
    method: Any = OPTIMIZERS.build(
        {
            "name": "harmony-search",
            "memory_size": 12,
            "new_harmonies": MEMBERS,
            "memory_considering_rate": 0.9,
            "pitch_adjusting_rate": 0.4,
            "bandwidth": 0.01,
            "bounds": 1.0,
        }
    )
    oracle: Any = FunctionOracle(lambda x: x.square().sum(1), WIDTH)
    rng = Rng(6, "lane 0", dtype=dtype)
    state = method.init(torch.zeros(WIDTH, dtype=dtype), rng, oracle)
    memory, losses = state.population.clone(), state.losses.clone()
    new = method.improvise(state, 0.01, rng.at(1), oracle).clone()
    away = (new.unsqueeze(0) - memory.unsqueeze(1)).abs()
    nearest, whose = away.min(0)
    assert float((nearest == 0).double().mean()) == pytest.approx(0.9 * 0.6, abs=0.03)
    near = (nearest > 0) & (nearest <= 0.01)
    assert float(near.double().mean()) == pytest.approx(0.9 * 0.4 + 0.1 * 12 * 0.02 / 2, abs=0.03)
    assert float(nearest[near].mean()) == pytest.approx(0.005, rel=0.1)
    # how far a note is moved does not depend on the harmony it is from
    moved = [(near & (whose == i)).double().mean() for i in range(12)]
    assert max(moved) - min(moved) < 0.01
    assert [float(nearest[near & (whose == i)].mean()) for i in range(12)] == pytest.approx(
        [0.005] * 12, rel=0.1
    )
    assert float(new.abs().max()) <= 1
    remembered = torch.where(nearest == 0, whose, -1)
    shares = torch.stack([(remembered == i).double().mean() for i in range(12)]) / (0.9 * 0.6)
    assert float((shares - 1 / 12).abs().max()) < 0.005
    assert float(
        (remembered[:, 1:] == remembered[:, :-1])[
            (remembered[:, 1:] >= 0) & (remembered[:, :-1] >= 0)
        ]
        .double()
        .mean()
    ) == pytest.approx(1 / 12, abs=0.01)
    before = memory.clone()
    state = method.step(state, rng.at(1), oracle)
    both, order = torch.cat([losses, oracle.losses(new)]).sort(stable=True)
    now = state.losses.argsort(stable=True)
    assert torch.equal(state.population[now], torch.cat([before, new])[order[:12]])
    assert torch.equal(state.losses[now], both[:12])
    stayed = [i for i in order[:12].tolist() if i < 12]
    assert torch.equal(state.population[stayed], before[stayed])
    oracle.batch_changed = True
    oracle.function = lambda x: (x - 0.2).square().sum(1)
    before = state.population.clone()
    state = method.step(state, rng.at(2), oracle)
    assert torch.equal(oracle.losses(state.population), state.losses)
    kept = (state.population.unsqueeze(1) == before.unsqueeze(0)).all(2).any(1)
    assert 0 < int(kept.sum()) <= 12


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_samples_and_their_sums_are_those_of_numbers_written_out(
    mirrored: bool, dtype: torch.dtype, close: float
) -> None:
    """Also of an odd number of mirrored samples, of which the last one stands alone; whatever the
    number of threads, to the last bit.
    """
    count, drawn = (
        (2 * MEMBERS - 1 if mirrored else MEMBERS),
        Rng(4, "x", dtype=dtype).rows("normal", MEMBERS, WIDTH),
    )
    generator = torch.Generator().manual_seed(1)
    mean, deviation = torch.randn(2, WIDTH, generator=generator, dtype=torch.float64).to(dtype)
    u, v = torch.randn(2, MEMBERS, generator=generator, dtype=torch.float64).to(dtype)
    u[::3], v[::3], v[1] = 0, 0, 0
    z, found, threads = drawn[slice(0, MEMBERS)].clone(), [], torch.get_num_threads()
    try:
        for some in (1, 2, 3):
            torch.set_num_threads(some)
            found.append(
                (
                    sampled(
                        torch.full((count, WIDTH), torch.nan, dtype=dtype),
                        drawn,
                        mean,
                        deviation,
                        mirrored,
                    ),
                    *weighted(drawn, u, v, mean),
                )
            )
    finally:
        torch.set_num_threads(threads)
    for others in found[1:]:
        assert all(map(torch.equal, others, found[0]))
    step = z * deviation
    whole = torch.cat([mean + step, mean - step])[:count]
    for one, expected in zip(found[0], (whole, u @ z, v @ z.square()), strict=True):
        torch.testing.assert_close(one, expected, rtol=close, atol=20 * close)
