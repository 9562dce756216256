"""Compiled loops: their shares, what they tell PyTorch of what they wrote, numbers that are none,
and when they are compiled. Each method's step by them: `test_row_blocks`.
"""

from __future__ import annotations

from typing import Any

import numba
import pytest
import torch

from engine import Experiment, Race
from engine.kernels import compiled
from engine.kernels.compiled import MIN_NUMEL, Array, Kernel, fit, kernel
from engine.kernels.pso import move_swarm
from engine.kernels.row_blocks import copy_rows
from engine.kernels.spread import add_deviations
from engine.optimizers import OPTIMIZERS
from engine.optimizers.pso import move
from engine.random.rng import Rng


@kernel("T[::1], T[::1], T, int64", "x")
def counted(first: int, last: int, x: Array, by: Array, factor: Array, grain: int) -> None:
    """Add to x what each share is given; mark where a share begins that should not."""
    for i in range(first, last):
        x[i] += factor * by[i]
    if first % grain:
        x[first] = -1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize(
    ("count", "grain"), [(0, 1), (1, 1), (5, 1), (1000, 1), (1000, 64), (100, 64), (63, 64)]
)
def test_every_row_is_in_one_share(
    count: int, grain: int, threads: int, dtype: torch.dtype
) -> None:
    x, by, before = (
        torch.zeros(count, dtype=dtype),
        torch.arange(count, dtype=dtype),
        torch.get_num_threads(),
    )
    torch.set_num_threads(threads)
    try:
        counted(count, x, by, 0.5, grain, grain=grain)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(x, 0.5 * torch.arange(count, dtype=dtype))


def test_pytorch_is_told_what_was_written_to_and_what_was_not() -> None:
    x, by = torch.zeros(9), torch.ones(9)
    versions = x._version, by._version
    counted(9, x, by, 1.0, 1)
    assert x._version > versions[0]
    assert by._version == versions[1]
    with pytest.raises(ValueError, match="nothing"):
        kernel("T[::1]", "nothing")(counted.function)


def test_what_goes_wrong_in_another_thread_is_told() -> None:
    def loop(first: int, last: int, x: Any) -> None:
        if first == 2:
            raise ArithmeticError(f"at {first}")

    broken, before = Kernel(loop, "T[::1]", []), torch.get_num_threads()
    broken.loops[torch.float32] = loop
    torch.set_num_threads(2)
    try:
        with pytest.raises(ArithmeticError, match="at 2"):
            broken(10, torch.zeros(10))
    finally:
        torch.set_num_threads(before)


def test_kernels_are_for_many_numbers_row_after_row() -> None:
    x = torch.zeros(2, MIN_NUMEL // 2)
    assert fit(x)
    assert fit(x, x.clone())
    assert fit(x.double())
    assert not fit(x[:1])
    assert not fit(x.T)
    assert not fit(x.half())
    assert not fit(x, x.double())
    assert not fit(x, x[:, ::2])
    assert not fit(torch.zeros(MIN_NUMEL, 2, device="meta"))


def test_a_number_that_is_none_stays_one() -> None:
    """The clamp of a speed must not make a number of it: a swarm that diverges has to be seen
    to.
    """
    x, v = torch.zeros(64, MIN_NUMEL // 64), torch.zeros(64, MIN_NUMEL // 64)
    x[3, 5], v[4, 6], v[5, 7], v[6, 8] = torch.nan, torch.nan, torch.inf, -torch.inf
    p, rng = torch.zeros_like(x), Rng(0, "x")
    numbers = [rng.rows("uniform", *x.shape) for _ in range(2)]
    guides, limit = torch.zeros(64, dtype=torch.long), torch.full((x.shape[1],), 0.25)
    move_swarm(move, x, v, p, guides, *numbers, w=0.7, c1=1.5, c2=1.5, v_max=limit)
    assert bool(x[3, 5].isnan())
    assert bool(v[3, 5].isnan())
    assert bool(x[4, 6].isnan())
    assert [float(v[5, 7]), float(v[6, 8])] == [0.25, -0.25]
    assert int(x.isnan().sum()) == 2
    place = torch.zeros(MIN_NUMEL // 64)
    total, squares = torch.zeros_like(place), torch.zeros_like(place)
    add_deviations(len(place), x, place, total, squares)
    assert (
        total.isnan().nonzero().flatten().tolist()
        == squares.isnan().nonzero().flatten().tolist()
        == [5, 6]
    )


@pytest.mark.parametrize("method", OPTIMIZERS.names())
def test_a_race_compiles_its_loops_before_it_begins(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a lane calls in its steps was compiled while it was warmed up."""
    for kernels in compiled.ALL.values():
        for one in kernels:
            monkeypatch.setattr(one, "loops", {})
    compiling: list[str] = []
    monkeypatch.setattr(
        Kernel, "compiled", lambda self, dtype: compiling.append(self.function.__name__) or idle
    )
    monkeypatch.setattr(compiled, "fit", lambda x, *_: x.device.type == "cpu" and x.ndim == 2)
    value = {"dataset": "moons", "lanes": [method], "device": "cpu"}
    race = Race(Experiment.parse(value), pictures=False)
    known = set(compiling)
    for _ in range(5):
        race.advance()
    assert set(compiling) == known


def idle(*_: Any) -> None:
    """Stand in for a compiled loop; what it would have written is left as it was."""


def test_a_loop_is_compiled_once_and_without_a_folder_too(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    compiles = numba.njit

    def njit(types: Any = None, cache: bool = False, **options: Any) -> Any:
        compiler = compiles(types, cache=cache, **options)

        def compiled_or_not(function: Any) -> Any:
            if function is not counted.function:  # Numba compiles some of its own on the way
                return compiler(function)
            asked.append(cache)
            if cache:
                raise RuntimeError("cannot cache function: no locator available")
            return compiler(function)

        return compiler if callable(types) else compiled_or_not

    monkeypatch.setattr(numba, "njit", njit)
    monkeypatch.setattr(compiled, "ALL", {})  # others' loops, which tests before may have compiled
    fresh = Kernel(counted.function, counted.signature, ["x"])
    x = torch.zeros(4)
    fresh(4, x, torch.ones(4), 2.0, 1)
    assert torch.equal(x, torch.full((4,), 2.0))
    assert asked == [True, False]


def test_rows_are_copied_within_one_population() -> None:
    x = torch.arange(12.0).view(6, 2)
    copy_rows(2, x, x, torch.tensor([1, 4]), torch.tensor([0, 5]))
    assert x[:, 0].tolist() == [0, 0, 4, 6, 10, 10]
