"""The oracle: the only interface from an optimizer to the problem. It counts what every evaluation
costs.

The word is the field's own: a zeroth-order oracle returns losses, a first-order one gradients
(Nemirovski and Yudin 1983). One sample through the network once is 1 evaluation. A gradient counts
3 (the forward pass and two backward-sized products), a directional derivative 3 (the primal and the
two products of its tangent), a Jacobian 1 + 2K (a forward pass and K backward passes).

Evaluations are in these units, however the result is computed, with one exception: where only the
output layer is evaluated, on features that were computed once (`features`, `walk`), a sample counts
as the share of the network's FLOPs that the output layer has, and the features as the rest. A part
of an evaluation is carried on until it is whole. FLOPs are counted as they are done:
products that the two members of a mirrored pair share count once, low-rank noise counts its
factors, a proposal that changes one layer counts the layers from there up, and a gradient counts
everything except the products back to the samples, whose derivative is not needed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor
from torch.func import jacrev, jvp, vmap

from . import evaluation
from .datasets.base import Dataset
from .kernels import flip_walk, output_walk
from .kernels.chunking import FLOATS_AT_ONCE
from .kernels.losses import values
from .losses import Loss
from .networks.base import Network
from .networks.binary import BinaryNetwork
from .populations import chunks
from .populations.base import Population, as_population
from .populations.flips import FlipWalk
from .populations.layerwise import ActivationCache, LayerwisePopulation
from .populations.output_layers import Features, OutputLayers, OutputWalk
from .random.rng import Rng
from .system.ranks import Ranks

Currency = Literal["seconds", "evaluations", "flops"]
Sees = Literal["loss", "outputs", "jvp", "gradient", "jacobian"]
"""What a method may request from the oracle: its information class, in the field's own order."""

ALLOWED: dict[Sees, frozenset[str]] = {
    "loss": frozenset({"losses"}),
    "outputs": frozenset({"losses", "outputs"}),
    "jvp": frozenset({"losses", "jvp"}),
    "gradient": frozenset({"losses", "gradients"}),
    "jacobian": frozenset({"losses", "outputs", "gradients", "jacobian"}),
}
"""The evaluations that each information class allows."""


FLIPPED_AT_ONCE = 2**21
"""Sums of chains that flip, all layers and samples, that are kept at once: 8 MiB."""

RECENT = 8
"""Number of results of earlier steps that are kept."""


class NotSeen(RuntimeError):
    """An optimizer requested more than its ``sees`` allows: an error in the optimizer, never the
    user's.
    """


class Oracle:
    """Evaluate the problem on the current mini-batch and count the cost.

    Args:
        network, loss, dataset: the problem; the dataset's tensors must be on the device used.
        sees: what the lane's optimizer declares.
        batch: samples per mini-batch; 0, or at least as many as there are, uses all of them.
        seed: of the mini-batches. Lanes with the same batch size see the same batches.
        budget: (currency, amount) of the lane, for `progress`; None leaves progress at 0.
        ranks: the processes that share the race, or None. Then this one evaluates its part of a
            population that spreads, and the sum of all parts is the answer; all else is computed
            by each of them. Counters are those of the whole.
        cut: whether an evaluation on all samples is cut to the members that the rest of the budget
            pays for: the losses of the others are infinite, and cost nothing.

    Attributes:
        evaluations: sample-forward passes counted so far, in the units above.
        partial_flops: operations of the evaluation that is not yet whole.
        flops: floating-point operations counted so far: the matrix products inside the network, and
            the method's own products and factorisations. Work proportional to the number of weights
            or activations is not counted. For a landscape it is an estimate, its derivative
            counting as two more evaluations.
        seconds: time spent in `timed` blocks so far.
        core_seconds: processor time of this process in those blocks, all threads together.
        rounds: calls of the oracle so far. One call evaluates a whole population, so on a machine
            with as many processors as members it would take as long as a single evaluation.
        batch_changed: whether the current mini-batch differs from that of the previous step.
        dataset_changed: whether the samples were replaced since the last `next_batch`.
        before_evaluation: called before every evaluation, in the thread that requests it, to
            observe a long step.
        answers: losses and slopes returned since the last `next_batch`, and some of those before,
            unchanged; the race checks whether any was finite.
    """

    ranks: Ranks | None = None

    def __init__(
        self,
        network: Network,
        loss: Loss,
        dataset: Dataset,
        sees: Sees,
        batch: int = 0,
        seed: int = 0,
        budget: tuple[Currency, float] | None = None,
        cut: bool = False,
        ranks: Ranks | None = None,
    ) -> None:
        self.ranks = ranks if ranks is not None and ranks.count > 1 else None
        self.network, self.loss, self.sees, self.budget, self._cut = (
            network,
            loss,
            sees,
            budget,
            cut,
        )
        self.evaluations, self.flops, self.seconds = 0, 0, 0.0
        self.core_seconds, self.rounds, self.partial_flops = 0.0, 0, 0
        self._since: float | None = None
        self._elapsed = 0.0
        """Seconds of the present block that all ranks know of."""
        self._cache = ActivationCache()
        self.answers: list[Tensor] = []
        self.before_evaluation: Callable[[], None] = lambda: None
        self._asked, self._seed = batch, seed
        self.set_dataset(dataset)
        self.dataset_changed = False
        self.next_batch(0)

    def set_dataset(self, dataset: Dataset) -> None:
        """Use these training samples from the next `next_batch` on. Counters continue, and the
        batch has its configured size, or all samples if there are fewer.
        """
        self._x, self._y = dataset.x_train, dataset.y_train
        self._samples = len(self._y)
        self.batch = (
            self._samples if self._asked == 0 or self._asked >= self._samples else self._asked
        )
        # Batches are drawn on the CPU on every device, so a GPU run sees the same ones.
        self._rng = Rng(self._seed, f"batches of {self.batch}")
        self._order: tuple[int, Tensor] = (-1, torch.empty(0, dtype=torch.long))
        self.x, self.targets = self._x, self._y
        self.batch_changed, self.dataset_changed = True, True

    def next_batch(self, step: int) -> None:
        """Make the mini-batch of that step the current one: consecutive slices of a new permutation
        every epoch; a last, short slice is left out.
        """
        renewed, self.dataset_changed = self.dataset_changed, False
        self.answers = self.answers[-RECENT:]
        if self.batch == self._samples:
            self.batch_changed = renewed
            return
        epoch, place = divmod(step, self._samples // self.batch)
        if self._order[0] != epoch:
            self._order = (epoch, self._rng.at(epoch).permutation(self._samples).to(self._x.device))
        chosen = self._order[1][place * self.batch : (place + 1) * self.batch]
        self.x, self.targets = self._x[chosen], self._y[chosen]
        self.batch_changed = step > 0 or renewed

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Count the time spent in the block as the lane's seconds."""
        self._since, busy = time.perf_counter(), time.process_time()
        self._elapsed, whole = 0.0, False
        try:
            yield
            # A step is over when the device has finished it, not when it was queued.
            if self._x.device.type == "cuda":
                torch.cuda.synchronize(self._x.device)
            whole = True
        finally:
            elapsed = time.perf_counter() - self._since
            self._since = None
            if self.ranks is not None and whole:
                elapsed = self.ranks.tick(elapsed)
            self.seconds += elapsed
            self._elapsed = 0.0
            self.core_seconds += time.process_time() - busy

    def spent(self, currency: Currency) -> float:
        """Return what the lane has spent up to this moment."""
        if currency == "seconds" and self.ranks is not None:
            return self.seconds + self._elapsed
        if currency == "seconds":
            return self.seconds + (
                time.perf_counter() - self._since if self._since is not None else 0.0
            )
        if currency == "flops":
            return float(self.flops)
        return self.evaluations + self.partial_flops / self.network.flops

    @property
    def progress(self) -> float:
        """Return the share of the lane's budget that is spent, in [0, 1]; schedules are functions
        of it.
        """
        if self.budget is None:
            return 0.0
        return min(1.0, self.spent(self.budget[0]) / self.budget[1])

    @cached_property
    def init_scale(self) -> Tensor:
        """Return the natural scale of each weight, 1/√fan_in of its layer: (D,). It depends only on
        the network's shape, so it costs nothing and reveals nothing of the loss.
        """
        sizes = [
            torch.full((layer.stop - layer.start,), layer.fan_in**-0.5, dtype=torch.float64)
            for layer in self.network.layers
        ]
        return torch.cat(sizes).to(self._x)

    def batch_chunks(self, samples: int) -> Iterator[float]:
        """Iterate over chunks of the current batch, with at most ``samples`` samples each. Inside
        the loop, evaluations use only that chunk. Yields the chunk's share of the batch.

        A network whose outputs depend on the whole batch gets it in one chunk.
        """
        x, targets = self.x, self.targets
        samples = len(targets) if self.network.batch_dependent else samples
        try:
            for first in range(0, len(targets), samples):
                self.x, self.targets = x[first : first + samples], targets[first : first + samples]
                yield len(self.targets) / len(targets)
        finally:
            self.x, self.targets = x, targets

    def own_chunks(self, samples: int) -> Iterator[float]:
        """Iterate over chunks of this rank's share of the current batch, as `batch_chunks` does;
        what is evaluated in them is counted as if it were the whole batch.
        """
        assert self.ranks is not None
        x, targets = self.x, self.targets
        first, last = self.ranks.part(len(targets))
        before = self.evaluations, self.flops, self.rounds
        try:
            for start in range(first, last, samples):
                stop = min(start + samples, last)
                self.x, self.targets = x[start:stop], targets[start:stop]
                yield len(self.targets) / len(targets)
        finally:
            self.x, self.targets = x, targets
        own, whole = last - first, len(targets)
        self.evaluations = before[0] + (self.evaluations - before[0]) // own * whole
        self.flops = before[1] + (self.flops - before[1]) // own * whole
        self.rounds = before[2] + -(-whole // samples)

    @property
    def splits_batch(self) -> bool:
        """Return whether ranks can have shares of the current batch."""
        return (
            self.ranks is not None
            and not self.network.batch_dependent
            and len(self.targets) >= self.ranks.count
        )

    def added(self, numbers: Tensor) -> Tensor:
        """Return the sum of every rank's numbers, (n,)."""
        if self.ranks is None:
            return numbers
        running = 0.0 if self._since is None else time.perf_counter() - self._since
        found, self._elapsed = self.ranks.added(numbers, running)
        return found

    def losses(self, population: Tensor | Population) -> Tensor:
        """Return the mean loss of every member on the current batch: (P, D) → (P,). Mirrored pairs,
        and chains of which each changes one layer, can be passed without being written out.
        """
        members = self._affordable(len(population))
        if members < len(population):
            answer = torch.full(
                (len(population),), torch.inf, dtype=population.dtype, device=population.device
            )
            if members:
                some = (
                    population.beginning(members)
                    if isinstance(population, Population)
                    else population[:members]
                )
                answer[:members] = self.losses(some)
            return answer
        part = population.evaluated(self.network) if isinstance(population, Population) else None
        self._charge("losses", population.shape[0], 1, 0, part)
        answer = self._evaluated(population)
        self.flops += self._cache.flops
        self.answers.append(answer)
        return answer

    def _evaluated(self, population: Tensor | Population) -> Tensor:
        problem = self.x, self.targets, self._cache
        spreads = len(population) > 1 and as_population(population).spreads
        if self.ranks is None or not spreads:
            return evaluation.losses(self.network, self.loss, population, *problem)
        with chunks.part(self.ranks.number, self.ranks.count):
            own = evaluation.losses(self.network, self.loss, population, *problem)
        return self.added(own)

    @torch.no_grad()
    def features(self, theta: Tensor) -> Features | None:
        """Return what the output layer of one network (D,) reads on the current batch, for
        `OutputLayers`: nothing that a method could use without asking for losses. None, and not
        counted, where the network cannot be split there.
        """
        part = self.network.flops - self.network.readout_flops
        if self.network.readout_flops == 0:
            return None
        self._charge("losses", 1, 1, part, part)
        return Features.of(self.network, theta, self.x)

    @torch.no_grad()
    def begin_walk(self, theta: Tensor, start: int, chains: int) -> OutputWalk:
        """Return chains that all stand at the output layer of one network (D,), the weights from
        ``start`` on, with its loss on the current batch. It counts as one network.
        """
        features, layer = self.features(theta), theta[start:].unsqueeze(0)
        outputs = self.network.layers[-1].shape[0]
        x, sums = layer.repeat(chains, 1), None
        if features is not None and chains * outputs * len(self.targets) <= FLOATS_AT_ONCE:
            part = self.network.readout_flops
            self._charge("losses", 1, 1, part, part)
            sums = self.network.readout(layer, features.values).repeat(chains, 1, 1)
            first = values(self.loss, self.network.finish(sums[:1].clone()), self.targets)
            self.answers.append(first)
        else:
            first = self.losses(OutputLayers(theta, layer, features))
        return OutputWalk(theta, x, output_walk.finite(first).repeat(chains), features, sums)

    @torch.no_grad()
    def walk(
        self, walk: OutputWalk, moves: Tensor, limits: Tensor, rule: str
    ) -> tuple[Tensor, Tensor]:
        """Try moves of every chain's output layer, one after the other, on the batch they began on.

        A budget in evaluations or FLOPs cuts them to those it pays for, at least one.

        Args:
            walk: the chains; they move by what they keep.
            moves: (b, P, n), added to a chain's output layer.
            limits: (b, P), what an uphill move is judged by.
            rule: of `output_walk.RULES`, which tries are kept.

        Returns:
            Losses of the tries, infinite where they are not finite, and which were kept: (b', P)
            with b' ≤ b.
        """
        part = self.network.flops if walk.features is None else self.network.readout_flops
        walk.before = walk.x
        moves = moves[: self._affordable_tries(len(walk.x), part)]
        limits = limits[: len(moves)]
        if walk.sums is not None:
            assert walk.features is not None
            activation = self.network.output_activation
            self._charge("losses", moves.shape[0] * moves.shape[1], 1, part, part)
            self.rounds += len(moves) - 1  # one try is judged after the other
            losses, kept = output_walk.walk(
                walk.sums,
                self.network.readout(moves.flatten(0, 1), walk.features.values).unflatten(
                    0, moves.shape[:2]
                ),
                walk.energy,
                limits,
                rule,
                self.loss,
                self.targets,
                None if activation is None else activation.name,
                self.network.finish,
            )
            self.answers.append(losses)
            walk.advance(moves, kept)
            return losses, kept
        found, taken = [], []
        for move, limit in zip(moves, limits, strict=True):
            tried = OutputLayers(walk.theta, walk.x + move, walk.features)
            new = output_walk.finite(self.losses(tried))
            keep = output_walk.keeps(new - walk.energy, limit, rule)
            walk.energy = torch.where(keep, new, walk.energy)
            walk.x = torch.where(keep.unsqueeze(1), tried.blocks, walk.x)
            found.append(new)
            taken.append(keep)
        return torch.stack(found), torch.stack(taken)

    @torch.no_grad()
    def flip(self, x: Tensor, chosen: Tensor, limits: Tensor) -> FlipWalk:
        """Flip weights of chains on a network of ±1 weights, one try after the other, on the
        current batch. Where the chains stand counts as one network each, and so does every try;
        as FLOPs count the products that are made.

        A budget in evaluations or FLOPs cuts the tries to those it pays for, at least one.

        Args:
            x: θ (P, D), the chains; changed in place.
            chosen: (b, P) int64, the weight that each try negates.
            limits: (b, P), a try is kept if the loss rises by Δ ≤ 0 or Δ < the limit.
        """
        network, targets, before = self.network, self.targets, x.clone()
        assert isinstance(network, BinaryNetwork)
        ready = network.prepare(self.x)
        size = max(1, FLIPPED_AT_ONCE // (sum(network.sizes[1:]) * len(targets)))
        if self.budget is not None and self.budget[0] == "evaluations":
            chosen = chosen[: self._affordable_tries(len(x), network.flops, len(x))]
        limits, most = limits[: len(chosen)], math.inf
        if self.budget is not None and self.budget[0] == "flops":
            whole = len(x) * network.flops * len(targets)
            most = max(0.0, self.budget[1] - self.flops - whole) / len(x)
        parts, tries, made = [], 0, 0
        for first in range(0, len(x), size):
            rows = slice(first, first + size)
            sums = network.sums(x[rows], ready)
            *part, counts = flip_walk.walk(
                x[rows],
                chosen[:, rows],
                limits[:, rows],
                sums,
                ready,
                self.loss,
                targets,
                lambda tried: network.evaluate(tried, ready),
                most,
            )
            parts.append(part)
            whole = part[1].numel()
            counted = counts or (whole, whole * len(targets) * network.flops)
            tries, made = tries + counted[0], made + counted[1]
        self._charge("losses", len(x), 1, network.flops)
        self._charge("losses", tries, 1, 0)
        self.rounds += len(chosen) - 1  # one try is judged after the other
        self.flops += made
        starts, losses, kept = zip(*parts, strict=True)
        walked = FlipWalk(
            before, chosen, torch.cat(starts), torch.cat(losses, 1), torch.cat(kept, 1)
        )
        self.answers.append(walked.losses)
        return walked

    def outputs(self, population: Tensor) -> Tensor:
        """Return the network's outputs on the current batch: (P, D) → (P, B, K)."""
        self._charge("outputs", population.shape[0], 1, self.network.flops)
        return evaluation.outputs(self.network, population, self.x)

    def jvp(self, theta: Tensor, directions: Tensor) -> Tensor:
        """Return the derivatives of the loss at one point along several directions, by forward-mode
        differentiation: (D,), (P, D) → (P,).
        """
        self._charge("jvp", directions.shape[0], 3, 3 * self.network.flops)
        points = theta.expand_as(directions).contiguous()
        answer = jvp(
            lambda at: self.loss.values(self.network.forward(at, self.x), self.targets),
            (points,),
            (directions,),
        )[1]
        self.answers.append(answer)
        return answer

    def gradients(self, population: Tensor) -> tuple[Tensor, Tensor]:
        """Return loss and gradient of every member: (P, D) → (P,), (P, D)."""
        self._charge(
            "gradients", population.shape[0], 3, self.network.flops + self.network.backward
        )
        with torch.enable_grad():
            at = population.detach().requires_grad_()
            values = self.loss.values(self.network.forward(at, self.x), self.targets)
            (gradient,) = torch.autograd.grad(values.sum(), at)
        return values.detach(), gradient

    def jacobian(self, theta: Tensor) -> Tensor:
        """Return the derivatives of all outputs on the current batch: (D,) → (B·K, D), samples
        outermost.
        """
        classes = self.network.layers[-1].shape[0]
        self._charge(
            "jacobian", 1, 1 + 2 * classes, self.network.flops + classes * self.network.backward
        )
        # Sample by sample, vectorised: back-propagating the whole batch for every one of its B·K
        # rows would cost B times as much.
        one = jacrev(lambda at, x: self.network.forward(at.unsqueeze(0), x.unsqueeze(0))[0, 0])
        return vmap(one, in_dims=(None, 0))(theta.detach(), self.x).flatten(0, 1)

    def work(self, flops: float) -> None:
        """Count floating-point operations of the method's own, outside the network: matrix products
        and factorisations.

        Work proportional to the number of weights (random numbers, sums, a step of Adam) is not
        counted.
        """
        self.flops += round(flops)

    def mark(self, name: str, *tensors: Tensor) -> None:
        """Do nothing; slow motion listens here to what happens within a step, for pictures of it.

        Args:
            name: of what happened.
            tensors: of what is computed anyway: weights (P, D), numbers (P,).
        """

    def remembers(self, population: Tensor | Population | None) -> Literal["held", "missed"] | None:
        """Return the state of the cache for a population on the current batch.

        "held" means that the outputs of its hidden layers are cached, "missed" that it was
        evaluated once.
        """
        if self._cache.holds(population, self.x):
            return "held"
        missed = self._cache.missed
        return (
            "missed"
            if missed is not None and missed[0] is population and missed[1] is self.x
            else None
        )

    def remember(self, population: Tensor, what: Literal["held", "missed"]) -> None:
        """Restore a new oracle's cache to the state that `remembers` returned; not counted."""
        if what == "missed":
            self._cache.note_miss(population, self.x)
        else:
            evaluation.losses(
                self.network,
                self.loss,
                LayerwisePopulation(population),
                self.x,
                self.targets,
                self._cache,
            )

    def release(self) -> None:
        """Free the cache: the lane has ended."""
        self._cache, self.answers = ActivationCache(), []

    @property
    def cuts(self) -> bool:
        """Return whether evaluations are cut to the rest of the budget, so that it is met to within
        one member. Not on mini-batches, where the members that are kept are re-evaluated.
        """
        return (
            self._cut
            and self.budget is not None
            and self.budget[0] != "seconds"
            and self.batch == self._samples
        )

    def _affordable(self, members: int) -> int:
        """Return how many of ``members`` losses the rest of the budget pays for, counting a
        last, partial one.
        """
        if not self.cuts or self.budget is None:
            return members
        currency, amount = self.budget
        price = len(self.targets) * (1 if currency == "evaluations" else self.network.flops)
        return min(members, max(0, math.ceil((amount - self.spent(currency)) / price)))

    def _affordable_tries(self, chains: int, part: int, besides: int = 0) -> int | None:
        """Return how many tries of so many chains, of ``part`` operations a sample each, the rest
        of the budget pays for, counting a last, partial one; None where it is not known. So many
        networks are evaluated ``besides``.
        """
        if self.budget is None or self.budget[0] == "seconds":
            return None
        currency, amount = self.budget
        price = chains * len(self.targets) * part
        left = (amount - self.spent(currency)) * (
            self.network.flops if currency == "evaluations" else 1
        )
        left -= besides * len(self.targets) * self.network.flops
        return max(1, math.ceil(left / price))

    def _charge(
        self, question: str, members: int, price: int, flops: int, part: int | None = None
    ) -> None:
        """Count evaluations and operations of ``members`` members on every sample of the batch.

        Args:
            question: what was requested.
            members: how many.
            price: evaluations of one member on one sample.
            flops: operations of the same.
            part: operations that an evaluation has, if only that part of the network is evaluated.
        """
        if question not in ALLOWED[self.sees]:
            raise NotSeen(
                f"a method that sees only the {self.sees} requested {question} from the oracle"
            )
        self.before_evaluation()
        self.rounds += 1
        if part is None or part == self.network.flops:
            self.evaluations += members * price * len(self.targets)
        else:
            whole, self.partial_flops = divmod(
                self.partial_flops + members * price * len(self.targets) * part, self.network.flops
            )
            self.evaluations += whole
        self.flops += members * flops * len(self.targets)
