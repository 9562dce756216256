"""Stand-ins for tests: an oracle on a plain function, and random numbers given beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from engine import evaluation
from engine.datasets import DATASETS
from engine.datasets.base import Dataset
from engine.losses import LOSSES
from engine.networks import MLP
from engine.networks.base import Network
from engine.oracle import Oracle
from engine.populations.base import Population, dense
from engine.random.rng import Rng


class FunctionOracle(Oracle):
    """An oracle whose loss is a function of the weights, (P, D) → (P,). Counts members judged.

    It has no network, no samples and no memory: what a method may ask is answered here.

    Attributes:
        judged: populations asked about, copied.
        progress: share of the budget spent; a test may set it, or give ``total`` members for it to
            follow.
    """

    def __init__(
        self,
        function: Callable[[Tensor], Tensor],
        dimension: int,
        total: int = 0,
        outputs: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.function, self.total, self._outputs = function, total, outputs
        self.init_scale = torch.ones(dimension, dtype=torch.float64)
        self.evaluations, self.progress, self.batch_changed = 0, 0.0, False
        self.flops = 0  # the method's own
        self.judged: list[Tensor] = []
        self.loss = LOSSES["squared-error"]
        self.targets = torch.zeros(1, dtype=torch.long)
        self.batch = 0
        self.network: Any = SimpleNamespace(hidden=(), layers=())  # nothing to remember

    @property
    def progress(self) -> float:
        return self._progress

    @progress.setter
    def progress(self, value: float) -> None:
        self._progress = value

    def losses(self, population: Tensor | Population) -> Tensor:
        written = dense(population)
        assert isinstance(written, Tensor)
        self._count(written)
        return self.function(written)

    def batch_chunks(self, samples: int) -> Iterator[float]:
        yield 1.0

    def outputs(self, population: Tensor) -> Tensor:
        assert self._outputs is not None
        self._count(population)
        return self._outputs(population)

    def gradients(self, population: Tensor) -> tuple[Tensor, Tensor]:
        self._count(population, 3)
        at = population.detach().clone().requires_grad_()
        values = self.function(at)
        return values.detach(), torch.autograd.grad(values.sum(), at)[0]

    def jvp(self, theta: Tensor, directions: Tensor) -> Tensor:
        self._count(directions, 3)
        return torch.func.jvp(
            self.function, (theta.expand_as(directions).contiguous(),), (directions,)
        )[1]

    def jacobian(self, theta: Tensor) -> Tensor:
        assert self._outputs is not None
        outputs = self._outputs
        return torch.func.jacrev(lambda at: outputs(at.unsqueeze(0)).flatten())(theta)

    def next_batch(self, step: int) -> None:
        pass

    def work(self, flops: float) -> None:
        self.flops += round(flops)

    def _count(self, population: Tensor, price: int = 1) -> None:
        self.judged.append(population.clone())
        self.evaluations += price * len(population)
        if self.total:
            self.progress = min(1.0, self.evaluations / self.total)


class GivenRng(Rng):
    """Random numbers from lists, in the order asked for; each must have the shape asked for."""

    def __init__(
        self,
        normals: Iterable[Any] = (),
        uniforms: Iterable[Any] = (),
        integers: Iterable[Any] = (),
    ) -> None:
        super().__init__(0, "given", dtype=torch.float64)
        self._given = {
            "normal": list(normals),
            "uniform": list(uniforms),
            "integers": list(integers),
        }

    def _next(self, kind: str, shape: tuple[int, ...]) -> Tensor:
        value = torch.as_tensor(self._given[kind].pop(0))
        assert value.shape == torch.Size(shape), (
            f"{kind}: given {tuple(value.shape)}, asked for {shape}"
        )
        return value.clone()

    def normal(self, *shape: int) -> Tensor:
        return self._next("normal", shape)

    def uniform(self, *shape: int) -> Tensor:
        return self._next("uniform", shape)

    def integers(self, high: int, *shape: int) -> Tensor:
        return self._next("integers", shape)


def turned_ellipsoid(
    dimension: int, condition: float = 1e3, seed: int = 0
) -> Callable[[Tensor], Tensor]:
    """½ xᵀ Qᵀ Λ Q x with a random rotation Q and eigenvalues from 1 to ``condition``."""
    generator = torch.Generator().manual_seed(seed)
    turn = torch.linalg.qr(
        torch.randn(dimension, dimension, generator=generator, dtype=torch.float64)
    )[0]
    values = torch.logspace(
        0, torch.log10(torch.tensor(condition)).item(), dimension, dtype=torch.float64
    )
    return lambda x: 0.5 * ((x @ turn.to(x).T) ** 2 * values.to(x)).sum(1)


def rosenbrock(x: Tensor) -> Tensor:
    """The banana valley; 0 at (1, …, 1)."""
    return (100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2).sum(1)


def two_wells(x: Tensor) -> Tensor:
    """A wide well and a narrow one, (P, 1) → (P,): step sizes that follow a chain's own last moves
    differ between them.
    """
    return torch.where(x[:, 0] < 0, 0.5 * x[:, 0] ** 2, 0.5 * (x[:, 0] / 0.5125) ** 2)


IN_THE_WIDE_WELL = 1 / 1.5125
"""P(x < 0): the wells' widths are as 1 to 0.5125."""


def run(optimizer: Any, oracle: Any, theta: Tensor, steps: int, seed: int = 0) -> Any:
    """A few steps, as a race takes them."""
    rng = Rng(seed, "lane 0", dtype=theta.dtype)
    state = optimizer.init(theta, rng, oracle)
    for step in range(1, steps + 1):
        if oracle.progress >= 1:
            break
        oracle.next_batch(step)
        state = optimizer.step(state, rng.at(step), oracle)
    return state


def random_search(
    function: Callable[[Tensor], Tensor],
    theta: Tensor,
    evaluations: int,
    spread: float,
    seed: int = 0,
) -> float:
    """The best of that many points about the start: the floor any method must beat."""
    points = theta + spread * torch.randn(
        evaluations, len(theta), generator=torch.Generator().manual_seed(seed), dtype=theta.dtype
    )
    return float(function(points).min())


def scored(oracle: Oracle, samples: Dataset, theta: Tensor) -> tuple[float, float]:
    """(training loss, test accuracy) of one network."""
    x, y = (
        torch.cat([samples.x_train, samples.x_test]),
        torch.cat([samples.y_train, samples.y_test]),
    )
    loss, _, _, accuracy = evaluation.scores(
        oracle.network, oracle.loss, theta.unsqueeze(0), x, y, len(samples.y_train)
    )[0]
    return loss, accuracy


def points(batch: int) -> tuple[Oracle, Tensor]:
    """A real problem that is quickly judged, 60 moons and 22 weights, for methods that see the
    loss; and first weights (D,).
    """
    samples = DATASETS.build({"name": "moons", "points": 60}).load(0)
    network = MLP(hidden=(4,)).build(samples.shape, 2)
    return Oracle(network, LOSSES["cross-entropy"], samples, "loss", batch), network.init(
        torch.Generator().manual_seed(0)
    )


class Passes:
    """Counts the samples that really go through a network from now on, once for every member,
    whichever way they go.

    Args:
        network: watched.
        heard: called with the members and the samples of every pass, besides.
        parts: called with the members, the samples and the share of the network's operations where
            only the output layer is evaluated, or all below it.
    """

    def __init__(
        self,
        network: Network,
        heard: Callable[[int, int], None] = lambda members, samples: None,
        parts: Callable[[int, int, float], None] = lambda members, samples, share: None,
    ) -> None:
        self.count, self.heard, self.inside = 0, heard, False
        forward, fast, mirrored = network.forward, network.evaluate, network.mirrored
        network.forward = lambda population, x: self._pass(forward, population, x, at=1)  # type: ignore[method-assign]
        network.evaluate = lambda population, ready: self._pass(fast, population, ready, at=2)  # type: ignore[method-assign]
        network.mirrored = lambda *question: self._pass(mirrored, *question, at=2)  # type: ignore[method-assign]
        below, readout = network.features, network.readout
        share = network.readout_flops / network.flops

        def features(theta: Tensor, ready: Any) -> Tensor:
            answer = below(theta, ready)
            parts(1, answer.shape[1], 1 - share)
            return answer

        def read_out(blocks: Tensor, features: Tensor) -> Tensor:
            parts(len(blocks), features.shape[1], share)
            return readout(blocks, features)

        network.features, network.readout = features, read_out  # type: ignore[method-assign]

    def _pass(self, way: Callable[..., Tensor], *question: Any, at: int) -> Tensor:
        if self.inside:  # a way that goes on by another
            return way(*question)
        self.inside = True
        try:
            answer = way(*question)
        finally:
            self.inside = False
        self.count += answer.shape[0] * answer.shape[at]
        self.heard(answer.shape[0], answer.shape[at])
        return answer
