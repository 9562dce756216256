"""A rule of whole arrays, the same some rows at a time, and its compiled loop: one result."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from engine.kernels import compiled, row_blocks, scratch
from engine.kernels.cbo import move_particles
from engine.kernels.differential_evolution import make_trials
from engine.kernels.gaussian_sampling import sampled, weighted
from engine.kernels.genetic import make_children
from engine.kernels.proposals import move_few
from engine.kernels.pso import move_swarm
from engine.kernels.spread import diameter, distance
from engine.optimizers import cbo, differential_evolution, genetic, pso
from engine.random.random_rows import RandomRows
from engine.random.rng import Rng

Result = tuple[Tensor, ...]
SHAPES = [(37, 331), (8, 2048), (301, 40), (2, 5001)]
"""Members and weights: not multiples of what a block, a share or a vector holds."""


class Case:
    """A population and the random numbers of one step."""

    def __init__(self, members: int, width: int, dtype: torch.dtype) -> None:
        self.rng = Rng(5, "lane 0", dtype=dtype)
        self.size = members, width
        self.x, self.v, self.p = (
            self.rng.normal(*self.size).to(dtype).contiguous() for _ in range(3)
        )
        self.scale = self.rng.uniform(width).to(dtype) + 0.1

    def rows(self, law: str) -> RandomRows:
        """Return random numbers for every weight."""
        return self.rng.rows(law, *self.size)  # type: ignore[arg-type]

    def whole(self, rows: RandomRows) -> Tensor:
        """Return all of them in one piece."""
        return rows.into(torch.empty_like(self.x), slice(0, self.size[0]))

    def picks(self, count: int) -> Tensor:
        """Return members drawn at random, (n,)."""
        return self.rng.integers(self.size[0], count)


def swarm(case: Case, plain: bool) -> Result:
    x, v, p, r1, r2 = case.x, case.v, case.p, case.rows("uniform"), case.rows("uniform")
    guides = case.picks(len(x))
    constants = {"w": 0.7, "c1": 1.5, "c2": 1.4, "v_max": case.scale}
    if plain:
        return pso.move(x, v, p, p[guides], case.whole(r1), case.whole(r2), **constants)  # type: ignore[arg-type]
    move_swarm(pso.move, x, v, p, guides, r1, r2, **constants)  # type: ignore[arg-type]
    return x, v


def trials(case: Case, plain: bool) -> Result:
    x, r, members = case.x, case.rows("uniform"), len(case.x)
    parents = torch.stack([case.picks(members) for _ in range(3)])
    j = case.rng.integers(x.shape[1], members)
    rule = differential_evolution.trial
    if plain:
        a, b, c = (x[rows] for rows in parents)
        return (rule(x, a, b, c, case.whole(r), j, F=0.6, CR=0.8),)
    return (make_trials(rule, x, x, parents, j, r, F=0.6, CR=0.8).clone(),)


def trials_of_the_best(case: Case, plain: bool) -> Result:
    x, r, members = case.x, case.rows("uniform"), len(case.x)
    parents = torch.stack([torch.zeros(members, dtype=torch.long)] + [case.picks(members)] * 2)
    j, best = case.rng.integers(x.shape[1], members), case.p[:1].clone()
    rule = differential_evolution.trial
    if plain:
        return (rule(x, best, x[parents[1]], x[parents[2]], case.whole(r), j, F=0.6, CR=0.1),)
    return (make_trials(rule, x, best, parents, j, r, F=0.6, CR=0.1).clone(),)


def children(case: Case, plain: bool) -> Result:
    z, first = case.rows("normal"), case.picks(len(case.x))
    if plain:
        return (genetic.mutate(case.p[first], None, None, case.whole(z), sigma=case.scale),)
    make_children(genetic.mutate, case.x, case.p, first, None, None, z, sigma=case.scale)
    return (case.x,)


def consensus(case: Case, plain: bool) -> Result:
    x, z = case.x, case.rows("normal")
    weights = torch.softmax(case.rng.normal(1, len(x)).to(x), 1)
    constants = {"drift": 0.1, "noise": 0.3, "anisotropic": True}
    if plain:
        v = weights @ x
        return cbo.move(x[None], v[None], case.whole(z)[None], **constants)[0], v  # type: ignore[arg-type]
    v = move_particles(cbo.move, x, None, weights, z, **constants)  # type: ignore[arg-type]
    return x, v.clone()


def samples(case: Case, plain: bool) -> Result:
    z, mean = case.rows("normal"), case.p[0].clone()
    if plain:
        return (mean + case.scale * case.whole(z),)
    return (sampled(case.x, z, mean, case.scale).clone(),)


def sums(case: Case, plain: bool) -> Result:
    z = case.rows("normal")
    u, v = (case.rng.normal(len(case.x)).to(case.x) for _ in range(2))
    if plain:
        whole = case.whole(z)
        return u @ whole, v @ whole.square()
    return weighted(z, u, v, case.scale)


def chains(case: Case, plain: bool) -> Result:
    members, width = case.size
    chosen = case.rng.integers(width, members, 1 + width // 3)
    jumps = case.rng.normal(*chosen.shape).to(case.x)
    sizes, keep = torch.linspace(0.1, 2, members).to(case.x), torch.arange(members) % 2 == 0
    if plain:
        moved = case.x.gather(1, chosen) + jumps * case.scale[chosen] * sizes[:, None]
        moved = case.x.scatter(1, chosen, moved)
        return moved, torch.where(keep[:, None], moved, case.x)
    withdraw = move_few(case.x, chosen, jumps, case.scale, sizes)
    return case.x.clone(), withdraw(keep)


def apart(case: Case, plain: bool) -> Result:
    if plain:
        middle = case.x.mean(0)
        far = case.x[(case.x - middle).norm(dim=1).argmax()]
        root = (case.x - middle).square().sum(1).mean().sqrt()
        return root, (case.x - far).norm(dim=1).max()
    return distance(case.x), diameter(case.x)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 2e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(
    "step",
    [swarm, trials, trials_of_the_best, children, consensus, samples, sums, chains, apart],
    ids=lambda step: step.__name__,
)
def test_plain_by_rows_and_fused_are_one(
    step: Callable[[Case, bool], Result],
    shape: tuple[int, int],
    dtype: torch.dtype,
    close: float,
    threads: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.random.rng.LARGE", 1)  # random numbers row by row, however few
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(row_blocks, "STRIP", {"cpu": 7 * shape[1] + 1})
    wanted = step(Case(*shape, dtype), True)
    used: list[object] = []
    loop = compiled.Kernel.__call__
    monkeypatch.setattr(
        compiled.Kernel,
        "__call__",
        lambda self, *given, **k: (used.append(self), loop(self, *given, **k))[1],
    )
    for fused in (False, True):
        scratch.release()
        monkeypatch.setattr(compiled, "fit", lambda *_, fused=fused: fused)
        used.clear()
        found = step(Case(*shape, dtype), False)
        assert bool(used) == fused or step is sums  # which has its loop wherever there is a table
        for one, other in zip(found, wanted, strict=True):
            torch.testing.assert_close(one, other, rtol=close, atol=close)
    scratch.release()
