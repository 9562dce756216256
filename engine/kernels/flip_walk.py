"""Chains of networks of ±1 weights that flip one weight after the other, from sums that are known.

A flip changes one neuron's sums, and what lies above only for the samples whose sign it changes.
With the sums of every layer kept for every sample, a try therefore costs about as much as there are
samples, not as much as the network has weights. All sums are whole numbers, so nothing is lost
however long a chain walks. A compiled loop goes through all tries of a chain; evaluating every
tried network as a whole gives the same, and is what it is tested against.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ..losses import CrossEntropy, Hinge, Loss, Margin, ZeroOne
from .compiled import TYPES, Array, kernel
from .losses import values
from .output_walk import finite

KNOWN_LOSSES: dict[type[Loss], int] = {Hinge: 0, Margin: 0, CrossEntropy: 1, ZeroOne: 2}


def walk(
    x: Tensor,
    chosen: Tensor,
    limits: Tensor,
    sums: list[Tensor],
    ready: Tensor,
    loss: Loss,
    targets: Tensor,
    evaluate: Callable[[Tensor], Tensor],
    most: float = math.inf,
) -> tuple[Tensor, Tensor, Tensor, tuple[int, int] | None]:
    """Try flips of every chain one after the other; a try is kept if its rise is Δ ≤ 0 or Δ < the
    limit.

    Args:
        x: θ (P, D), where the chains stand, of which only the signs count; changed in place.
        chosen: (b, P) int64, the weight that each try negates.
        limits: (b, P).
        sums: of every layer for the chains as they stand, (P, out, B) each.
        ready: (in, B) what the first layer reads.
        loss: which.
        targets: (B,) classes or numbers.
        evaluate: gives the outputs (P, K, B) of networks (P, D).
        most: operations after which the loop makes no further tries of a chain; at least one.

    Returns:
        Losses of the chains as they stood (P,) and of the tries (b, P), infinite where they are not
            finite and of tries that were not made; which were kept, (b, P); and how many tries
            the loop made with how many operations, or None where every tried network was evaluated
            as a whole.
    """
    energy = finite(values(loss, sums[-1].clone(), targets))
    first = energy.clone()
    if type(loss) in KNOWN_LOSSES and x.device.type == "cpu" and x.dtype in TYPES:
        losses = torch.full(limits.T.shape, torch.inf, dtype=x.dtype)
        kept = torch.zeros(limits.T.shape, dtype=torch.bool)
        tries, made = torch.zeros(2, len(x), dtype=torch.int64)
        none, (*below, outputs) = sums[0][:, :0], sums
        own = outputs.gather(1, targets.expand(len(x), 1, -1))
        flip_chains(
            len(x),
            x,
            chosen.T.contiguous(),
            limits.T.contiguous(),
            (below[0] if below else none).contiguous(),
            torch.cat(below[1:] or [none], 1).transpose(1, 2).contiguous(),
            outputs.scatter(1, targets.expand(len(x), 1, -1), -torch.inf),
            own.squeeze(1),
            ready.contiguous(),
            torch.tensor([len(ready), *(one.shape[1] for one in sums)]),
            targets.contiguous(),
            energy,
            KNOWN_LOSSES[type(loss)],
            float(getattr(loss, "kappa", 0.0)),
            most,
            losses,
            kept,
            tries,
            made,
        )
        return first, losses.T, kept.T, (int(tries.sum()), int(made.sum()))
    found, taken = [], []
    for picked, limit in zip(chosen.unsqueeze(2), limits, strict=True):
        before = x.gather(1, picked)
        new = finite(values(loss, evaluate(x.scatter_(1, picked, -before)).clone(), targets))
        rise = new - energy
        keep = (rise <= 0) | (rise < limit)
        x.scatter_(1, picked, torch.where(keep.unsqueeze(1), -before, before))
        energy = torch.where(keep, new, energy)
        found.append(new)
        taken.append(keep)
    return first, torch.stack(found), torch.stack(taken), None


@kernel(
    (
        "T[:, ::1], int64[:, ::1], T[:, ::1], T[:, :, ::1], T[:, :, ::1], T[:, :, ::1], "
        "T[:, ::1], T[:, ::1], int64[::1], int64[::1], T[::1], int64, float64, float64, "
        "T[:, ::1], boolean[:, ::1], int64[::1], int64[::1]"
    ),
    "x",
    "lowest",
    "middle",
    "rivals",
    "own",
    "energy",
    "losses",
    "kept",
    "tries",
    "made",
)
def flip_chains(
    first: int,
    last: int,
    x: Array,
    chosen: Array,
    limits: Array,
    lowest: Array,
    middle: Array,
    rivals: Array,
    own: Array,
    ready: Array,
    sizes: Array,
    classes: Array,
    energy: Array,
    loss: int,
    kappa: float,
    most: float,
    losses: Array,
    kept: Array,
    tries: Array,
    made: Array,
) -> None:
    """Walk some chains.

    A try lists the samples at which something changes above the flipped weight, `at`, and
    works out their outputs; all that is kept changes only where the try is.

    Args:
        first: chain.
        last: chain, not included.
        x: θ (P, D).
        chosen: (P, b).
        limits: (P, b).
        lowest: sums of the first hidden layer (P, out, B).
        middle: sums of the other hidden layers side by side (P, B, U).
        rivals: outputs (P, K, B), −∞ for the target's.
        own: outputs of the targets (P, B).
        ready: (in, B).
        sizes: inputs, hidden layers, outputs; `top` is the number of the output layer.
        classes: (B,).
        energy: (P,) losses where the chains stand.
        loss: 0 hinge and margin, 1 cross-entropy, 2 share of errors.
        kappa: of the margin.
        most: operations after which a chain makes no further try.
        losses: (P, b) of the tries.
        kept: (P, b).
        tries: (P,) how many were made.
        made: (P,) operations of their products.
    """
    top, batch, width = len(sizes) - 2, ready.shape[1], middle.shape[2]
    outputs = sizes[top + 1]
    one, two = x.dtype.type(1), x.dtype.type(2)
    start = np.zeros(top + 2, np.int64)  # of a layer in the packed weights
    place = np.zeros(top + 2, np.int64)  # of a layer in the sums of the middle ones
    for layer in range(top + 1):
        start[layer + 1] = start[layer] + sizes[layer] * sizes[layer + 1]
        place[layer + 1] = place[layer] + (sizes[layer + 1] if 0 < layer < top else 0)
    # Signs of the weights by the neuron they come from, as they are added.
    signs = np.empty(start[top + 1], x.dtype)
    at, by, row = np.empty(batch, np.int64), np.empty(batch, x.dtype), np.empty(batch, x.dtype)
    out, mine = np.empty((outputs, batch), x.dtype), np.empty(batch, x.dtype)
    largest, between = np.empty(batch, x.dtype), np.empty((batch, width), x.dtype)
    cost, costs = np.empty(batch), np.empty(batch)
    for p in range(first, last):
        weights, bottom, sums, others, targets = x[p], lowest[p], middle[p], rivals[p], own[p]
        for layer in range(top + 1):
            for o in range(sizes[layer + 1]):
                for i in range(sizes[layer]):
                    plus = weights[start[layer] + o * sizes[layer] + i] >= 0
                    signs[start[layer] + i * sizes[layer + 1] + o] = one if plus else -one
        total = 0.0
        for t in range(-1, chosen.shape[1]):  # the first time for the losses of all samples
            weight, layer, o, i, change, count = 0, top, 0, 0, two - two, 0
            if t > 0 and made[p] >= most:
                break
            if t >= 0:
                weight, layer = chosen[p, t], 0
                tries[p] += 1
                while weight >= start[layer + 1]:
                    layer += 1
                o, i = divmod(weight - start[layer], sizes[layer])
                if weights[weight] != 0:  # 0 counts as +1, and so does −0
                    change = -two if weights[weight] > 0 else two
                made[p] += 2 * batch
            # By how much neuron o's sum changes.
            if layer == 0:
                for j in range(batch):
                    row[j] = change * ready[i, j]
            elif layer == 1:
                for j in range(batch):
                    row[j] = change if bottom[i, j] >= 0 else -change
            else:
                for j in range(batch):
                    row[j] = change if sums[j, place[layer - 1] + i] >= 0 else -change
            # Its new sums, and the samples at which it gives another answer: at, by how much.
            if layer == top:
                count = batch
            elif layer == 0:
                old = bottom[o]
                for j in range(batch):
                    row[j] += old[j]
                for j in range(batch):
                    at[count] = j
                    count += (row[j] >= 0) != (old[j] >= 0)
            else:
                for j in range(batch):
                    then = sums[j, place[layer] + o]
                    row[j] += then
                    at[count] = j
                    count += (row[j] >= 0) != (then >= 0)
            # The outputs there.
            if layer == top:
                for k in range(outputs):
                    for j in range(batch):
                        out[k, j] = others[k, j]
                for j in range(batch):
                    out[o, j] += row[j]
                    mine[j] = targets[j] + (row[j] if classes[j] == o else two - two)
            elif layer == top - 1:
                column = start[top] + o * outputs
                for n in range(count):
                    by[n] = two if row[at[n]] >= 0 else -two
                    mine[n] = targets[at[n]] + by[n] * signs[column + classes[at[n]]]
                for k in range(outputs):
                    for n in range(count):
                        out[k, n] = others[k, at[n]] + by[n] * signs[column + k]
                made[p] += 2 * outputs * count
            else:
                for n in range(count):
                    j = at[n]
                    now, then = between[n], sums[j]
                    for k in range(width):
                        now[k] = then[k]
                    for k in range(outputs):
                        out[k, n] = others[k, j]
                    mine[n] = targets[j]
                    if layer > 0:
                        now[place[layer] + o] = row[j]
                    for above in range(layer + 1, top + 1):
                        size, to = sizes[above + 1], place[above]
                        for q in range(sizes[above]):
                            if above == layer + 1:
                                if q != o:
                                    continue
                                plus = row[j] >= 0
                            else:
                                plus = now[place[above - 1] + q] >= 0
                                if plus == (then[place[above - 1] + q] >= 0):
                                    continue
                            turn, column = two if plus else -two, start[above] + q * size
                            made[p] += 2 * size
                            if above < top:
                                for k in range(size):
                                    now[to + k] += turn * signs[column + k]
                            else:
                                for k in range(size):
                                    out[k, n] += turn * signs[column + k]
                                mine[n] += turn * signs[column + classes[j]]
            # Their losses.
            for n in range(count):
                largest[n] = out[0, n]
            for k in range(1, outputs):
                for n in range(count):
                    largest[n] = out[k, n] if out[k, n] > largest[n] else largest[n]
            if loss == 0:
                for n in range(count):
                    missed = kappa + largest[n] - mine[n]
                    cost[n] = missed if missed > 0 else 0.0
            elif loss == 1:
                for n in range(count):
                    high, rest = np.float64(max(largest[n], mine[n])), 0.0
                    for k in range(outputs):
                        rest += np.exp(out[k, n] - high)
                    lead = high - mine[n]
                    cost[n] = lead + np.log1p(rest + np.expm1(-lead))
            else:
                for n in range(count):
                    cost[n] = 1.0 if largest[n] > mine[n] else 0.0
                    if largest[n] == mine[n]:  # of equal outputs the first one counts
                        for k in range(classes[n if layer == top else at[n]]):
                            if out[k, n] == mine[n]:
                                cost[n] = 1.0
            fresh = 0.0
            if layer == top:
                for n in range(count):
                    fresh += cost[n]
            else:
                fresh = total
                for n in range(count):
                    fresh += cost[n] - costs[at[n]]
            if t >= 0:
                losses[p, t] = fresh / batch
                rise = losses[p, t] - energy[p]
                keep = rise <= 0 or rise < limits[p, t]
                kept[p, t] = keep
                if not keep:
                    continue
                energy[p] = losses[p, t]
                weights[weight] = -weights[weight]
                if change != 0:
                    signs[start[layer] + i * sizes[layer + 1] + o] *= -one
            total = fresh
            if layer == top:
                for j in range(batch):
                    others[o, j], targets[j], costs[j] = out[o, j], mine[j], cost[j]
                continue
            if layer == 0:
                for j in range(batch):
                    bottom[o, j] = row[j]
            else:
                for j in range(batch):
                    sums[j, place[layer] + o] = row[j]
            for n in range(count):
                targets[at[n]], costs[at[n]] = mine[n], cost[n]
            for k in range(outputs):
                for n in range(count):
                    others[k, at[n]] = out[k, n]
            if layer < top - 1:
                for n in range(count):
                    for k in range(width):
                        sums[at[n], k] = between[n, k]
