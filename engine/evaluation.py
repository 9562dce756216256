"""Evaluate a population on samples, in chunks that fit the cache.

Used by the oracle (which counts the cost) and by the observer (which does not). For a population of
any size, it needs at most `chunking.MOST_BYTES` besides its inputs and results.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

import torch
from torch import Tensor

from .kernels import chunking
from .kernels.losses import values
from .kernels.scratch import buffer
from .losses import Loss, accuracy
from .networks.base import Network
from .populations.antithetic import Mirrored
from .populations.layerwise import Chains, Memory
from .populations.lazy import Unwritten
from .system import arithmetic

CHUNK_FLOATS = {"cpu": chunking.FLOATS_AT_ONCE}
"""Activations held at once in a layer, per kind of device; `chunking.ELSEWHERE` if none
is given.
"""

MIXED = 1024
"""Largest batch evaluated in one piece by networks whose outputs depend on the whole batch (batch
normalisation).
"""

Precision = Literal["float32", "tf32", "bf16"]
_precision: ContextVar[Precision] = ContextVar("precision", default="float32")


@contextmanager
def precision(name: Precision) -> Iterator[None]:
    """Evaluate float32 networks with products of that precision inside the block; losses are always
    float32.

    "tf32" rounds the factors to 10 bits on a GPU and is float32 elsewhere; "bf16" keeps weights and
    activations to 8 bits. Either must be stated with a result: methods that compare losses one by
    one (Metropolis' rule) request "float32", and get it regardless of PyTorch's global settings.
    """
    token = _precision.set(name)
    try:
        with arithmetic.products("tf32" if name == "tf32" else "float32"):
            yield
    finally:
        _precision.reset(token)


def rounded(numbers: Tensor) -> Tensor:
    """Round numbers to the chosen precision."""
    return (
        numbers.bfloat16()
        if _precision.get() == "bf16" and numbers.dtype == torch.float32
        else numbers
    )


def chunk_members(network: Network, samples: int, device: torch.device) -> int:
    """Return how many members to evaluate at once on ``samples`` samples."""
    return max(1, _floats(device) // max(1, network.widest * samples))


def chunk_samples(network: Network, device: torch.device) -> int:
    """Return how many samples to evaluate at once, for any number of members."""
    return max(64, _floats(device) // network.widest)


def together(samples: int) -> int:
    """Return how many samples to evaluate at once if outputs depend on the whole batch: all, or
    equal parts of at most `MIXED`.
    """
    return -(-samples // -(-samples // MIXED)) if samples else 1


def _step(network: Network, x: Tensor) -> int:
    """Return the number of samples (B, *shape) per chunk."""
    return together(len(x)) if network.mixes else chunk_samples(network, x.device)


def _floats(device: torch.device) -> int:
    return CHUNK_FLOATS.get(device.type, chunking.ELSEWHERE)


Scores = tuple[float, float, float, float]
"""Loss and accuracy on some samples, loss and accuracy on others."""
Answer = tuple[slice | Tensor, slice, Tensor]
"""Members, samples and their outputs (p, K, b), in a buffer."""


def _answers(network: Network, population: Tensor | Unwritten, x: Tensor) -> Iterator[Answer]:
    """Evaluate a population chunk by chunk; the members of one chunk of samples come one after
    another.
    """
    step = _step(network, x)
    for first in range(0, len(x), step):
        part = x[first : first + step]
        ready = network.prepare(rounded(part))
        size = chunk_members(network, len(part), population.device)
        for start in range(0, len(population), size):
            answer = network.evaluate(rounded(population[start : start + size]), ready)
            yield (
                slice(start, start + size),
                slice(first, first + step),
                answer.to(population.dtype),
            )


@torch.no_grad()
def outputs(network: Network, population: Tensor, x: Tensor) -> Tensor:
    """Return the outputs of every member: (P, D), (B, *shape) → (P, B, K)."""
    result: Tensor | None = None
    for members, samples, answer in _answers(network, population, x):
        if result is None:
            result = answer.new_empty(len(population), answer.shape[1], len(x))
        result[members, :, samples] = answer
    assert result is not None, "no members or no samples"
    return result.transpose(1, 2)


def _mirrored(network: Network, asked: Mirrored, x: Tensor) -> Iterator[Answer]:
    """Evaluate mirrored pairs in the same way, with the members' numbers."""
    step, exact, at_once = _step(network, x), _precision.get() != "bf16", asked.noise.together
    for first in range(0, len(x), step):
        part = x[first : first + step]
        ready = network.prepare(rounded(part))
        centre = network.centre(asked.theta, ready) if exact else None
        most = max(
            1, chunking.MOST_BYTES // 16 // asked.theta.nbytes
        )  # rows of noise written out at a time; twice as many members
        size = max(
            at_once, min(most, chunk_members(network, len(part), asked.device)) // at_once * at_once
        )
        for start in range(0, asked.noise.rows, size):
            stop = min(asked.noise.rows, start + size)
            answer = (
                network.mirrored(asked, centre, start, stop, ready)
                if exact
                else network.evaluate(rounded(asked.pairs(start, stop)), ready)
            )
            rows = torch.arange(start, stop, device=asked.device)
            yield (
                torch.cat([rows, rows + asked.noise.rows]),
                slice(first, first + step),
                answer.to(asked.dtype),
            )


def _chains(network: Network, chains: Chains, x: Tensor, memory: Memory) -> Iterator[Answer]:
    """Evaluate chains of which each changes one layer: from that layer upward if the activations
    below are cached. The cache records the cost.
    """
    population, plain = chains.population, len(chains) * len(x) * network.flops
    if len(x) > chunk_samples(network, x.device) or not memory.fits(
        population, len(x), network.hidden
    ):
        memory.flops += plain
        yield from _answers(network, chains, x)
        return
    ready, everything = network.prepare(x), slice(0, len(x))
    size = chunk_members(network, len(x), x.device)
    if chains.moves and not memory.holds(population, x):
        if not memory.missing(population, x):
            memory.flops += plain
            yield from _answers(network, chains, x)
            return
        for _ in _chains(
            network, Chains(population), x, memory
        ):  # once, so that it holds from now on
            pass
    if not chains.moves:
        memory.flops += plain
        hidden = memory.begin(population, x, network.hidden)
        for start in range(0, len(population), size):
            part = population[start : start + size]
            keep = [one[start : start + size] for one in hidden]
            yield (
                slice(start, start + size),
                everything,
                network.upward(
                    network.unpack(part), ready.expand(len(part), *ready.shape), 0, keep
                ),
            )
        return
    chains.memory = memory
    for move in chains.moves:
        memory.flops += len(move.rows) * len(x) * network.upward_flops(move.layer)
        shapes = [(len(move.rows), width, len(x)) for width in network.hidden[move.layer :]]
        move.hidden = [
            buffer(f"moved {move.layer} {i}", shape, population) for i, shape in enumerate(shapes)
        ]
        above = [layer for layer in network.layers if layer.start >= move.weights.stop]
        moving = [
            layer
            for layer in network.layers
            if move.weights.start <= layer.start < move.weights.stop
        ]
        for start in range(0, len(move.rows), size):
            rows, block = move.rows[start : start + size], move.block[start : start + size]
            tensors = [
                block[
                    :, layer.start - move.weights.start : layer.stop - move.weights.start
                ].unflatten(1, layer.shape)
                for layer in moving
            ]
            tensors += [
                population[rows, layer.start : layer.stop].unflatten(1, layer.shape)
                for layer in above
            ]
            h = (
                memory.hidden[move.layer - 1][rows]
                if move.layer
                else ready.expand(len(rows), *ready.shape)
            )
            keep = [one[start : start + size] for one in move.hidden]
            yield rows, everything, network.upward(tensors, h, move.layer, keep)


@torch.no_grad()
def losses(
    network: Network,
    loss: Loss,
    population: Tensor | Unwritten,
    x: Tensor,
    y: Tensor,
    memory: Memory | None = None,
) -> Tensor:
    """Return the losses of every member: (P, D), (B, *shape), (B,) → (P,). With a cache, chains
    that change one layer are evaluated from there upward, and the cache records the cost.
    """
    result = torch.zeros(len(population), dtype=population.dtype, device=population.device)
    answers: Iterator[Answer]
    spent, exact = memory or Memory(), _precision.get() != "bf16"
    spent.flops = len(population) * len(x) * network.flops
    if isinstance(population, Mirrored):
        answers = _mirrored(network, population, x)
        if exact:
            spent.flops = network.mirrored_flops(population, len(x))
    elif isinstance(population, Chains) and memory is not None and exact:
        spent.flops = 0
        answers = _chains(network, population, x, memory)
    else:
        answers = _answers(network, population, x)
    for members, samples, answer in answers:
        targets = y[samples]
        part = values(loss, answer, targets)
        if len(targets) == len(y):
            result[members] = part
        else:
            result[members] += part * (len(targets) / len(y))
    return result


def gradients(network: Network, loss: Loss, population: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return ∇L of every network: (P, D), (B, *shape), (B,) → (P, D). For observation only;
    optimizers use the oracle.
    """
    with torch.enable_grad():
        at = population.detach().clone().requires_grad_()
        answer = network.forward(at, x)
        return torch.autograd.grad(
            (answer * loss.derivative(answer.detach(), y)).sum() / len(y), at
        )[0]


@torch.no_grad()
def scores(
    network: Network, loss: Loss, population: Tensor, x: Tensor, y: Tensor, first: int
) -> list[Scores]:
    """Return loss and accuracy of every network (P, D) on the first samples, and on the rest, in
    one pass.
    """
    return scored(loss, outputs(network, population, x), y, first)


def scored(loss: Loss, answer: Tensor, y: Tensor, first: int) -> list[Scores]:
    """Return the same for outputs that are known, (P, B, K)."""
    parts = [(answer[:, :first], y[:first]), (answer[:, first:], y[first:])]
    found = torch.stack(
        [
            value.float()
            for outputs_, targets in parts
            for value in (loss.values(outputs_, targets), accuracy(outputs_, targets))
        ]
    )
    return list(zip(*found.tolist(), strict=True))
