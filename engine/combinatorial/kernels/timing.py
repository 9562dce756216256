"""Landing times of planes in a given order, and the moves that change the order.

On one runway planes a_1, a_2, … land at times t_k with t_{k+1} ≥ t_k + s(a_k, a_{k+1}). With
u_k = t_k − Σ_{j<k} s(a_j, a_{j+1}) this is u_1 ≤ u_2 ≤ …, and each plane's price is convex and
piecewise linear in u_k: isotonic regression. It is solved by dynamic programming over the least
price F_k(u) of the first k planes with u_k ≤ u, kept by its breakpoints (Ahuja and Orlin 2001,
https://doi.org/10.1287/opre.49.5.784.10601); to minimize it pools neighbours that would violate the
order, as pool-adjacent-violators does. Because F_1, F_2, … are kept of every beginning, and the
least price of every end besides, a changed stretch is timed alone: where the times before it and
those after it are far enough apart, the parts add up.

Where separations break the triangle inequality, neighbours far enough apart do not mean that all
pairs are: these times are a lower bound then, and `spread` computes the times that all pairs allow.

Landing after the latest time is priced, not forbidden; it is the violation of a solution.
"""

from __future__ import annotations

import numpy as np

from .acceptance import add_energy, allowed
from .counters import ACCEPTED, CURRENT, LOWEST, MOVES, READS
from .jit import inner, kernel
from .random_bits import advanced, below, scrambled

EARLIEST, TARGET, LATEST, BEFORE, AFTER = range(5)
"""Columns of ``planes``."""
LATE, TRIANGLE, WIDEST = range(3)
"""Places in ``law``: price of a unit of time after the latest, whether separations obey the
triangle inequality, and the largest separation."""
LEAST, AT, FLOOR, SIZE = range(4)
"""Columns of ``heads``: F_k's minimum and where it is, the least u, how many breakpoints."""
KEPT = 48
"""Most breakpoints of a beginning that are kept; of one with more an earlier beginning is taken."""
REACH = 10
"""Most places by which a plane is moved, but for one move in eight."""
NEVER = 2**61
"""More than any price."""
STEPS = 10_000
"""Most steps of `spread`. It has never needed a hundredth of them."""


@inner
def price_at(plane, time, planes, law):
    """Return what a plane's landing at a time costs."""
    apart = time - planes[plane, TARGET]
    if apart < 0:
        return -apart * planes[plane, BEFORE]
    return apart * planes[plane, AFTER] + law[LATE] * max(0, time - planes[plane, LATEST])


@inner
def add_last(plane, offset, least, floor, low, top, planes, law, at, weight):
    """Add a plane behind the others, F_k from F_{k−1}.

    Args:
        plane: its number.
        offset: t − u of it.
        least: the minimum of F_{k−1}.
        floor: the least u.
        low: first place of the breakpoints ``at``, ascending, with their ``weight``.
        top: the place behind their last.

    Returns:
        The minimum of F_k, where it is, the least u, and the places of the breakpoints.
    """
    floor = max(floor, planes[plane, EARLIEST] - offset)
    while low < top and at[low] <= floor:
        low += 1
    for turn in range(2):
        where = planes[plane, TARGET + turn] - offset
        if where <= floor:
            continue
        k = top
        while k > low and at[k - 1] > where:
            at[k], weight[k] = at[k - 1], weight[k - 1]
            k -= 1
        at[k] = where
        if turn == 0:
            weight[k] = planes[plane, BEFORE] + planes[plane, AFTER]
        else:
            weight[k] = law[LATE]
        top += 1
    slope = planes[plane, AFTER] + law[LATE]
    here = at[top - 1] if top > low else floor
    least += price_at(plane, here + offset, planes, law)
    while slope > 0 and top > low:
        least -= slope * (here - at[top - 1])
        here = at[top - 1]
        if weight[top - 1] > slope:
            weight[top - 1] -= slope
            slope = 0
        else:
            slope -= weight[top - 1]
            top -= 1
    if slope > 0:
        least -= slope * (here - floor)
        here = floor
    return least, here, floor, low, top


@inner
def add_first(plane, offset, least, top, planes, law, at, weight):
    """Add a plane before the others.

    Args:
        plane: its number.
        offset: t − u of it.
        least: the least price of the others.
        top: how many breakpoints ``at`` there are, descending, with their ``weight``.

    Returns:
        The least price, where this plane lands then, and how many breakpoints there are.
    """
    for turn in range(2):
        where = planes[plane, TARGET + turn] - offset
        k = top
        while k > 0 and at[k - 1] < where:
            at[k], weight[k] = at[k - 1], weight[k - 1]
            k -= 1
        at[k] = where
        if turn == 0:
            weight[k] = planes[plane, BEFORE] + planes[plane, AFTER]
        else:
            weight[k] = law[LATE]
        top += 1
    slope = planes[plane, BEFORE]
    here = at[top - 1]
    target = planes[plane, TARGET] - offset
    least += slope * (target - here)  # left of its target: no breakpoint is before ``here``
    while slope > 0 and top > 0:
        least -= slope * (at[top - 1] - here)
        here = at[top - 1]
        if weight[top - 1] > slope:
            weight[top - 1] -= slope
            slope = 0
        else:
            slope -= weight[top - 1]
            top -= 1
    earliest = planes[plane, EARLIEST] - offset
    if here < earliest:
        together = np.int64(0)
        while top > 0 and at[top - 1] <= earliest:
            least += weight[top - 1] * (earliest - at[top - 1])
            together += weight[top - 1]
            top -= 1
        if together > 0:
            at[top], weight[top] = earliest, together
            top += 1
        here = earliest
    return least, here, top


@inner
def judge(
    r,
    size,
    first,
    resume,
    shift,
    limit,
    planes,
    separation,
    law,
    order,
    offsets,
    heads,
    places,
    weights,
    ends,
    at,
    weight,
    numbers,
):
    """Return the least price of a runway whose order was changed, or anything beyond ``limit`` if
    it is beyond.

    Args:
        r: the runway.
        size: its number of planes now.
        first: the first place at which the order is another.
        resume: the place from which on it is as before.
        shift: by how many places what stands there stood behind.
        limit: prices beyond this do not matter.
    """
    k = first
    while heads[r, k, SIZE] < 0:
        k -= 1
    least, here, floor = heads[r, k, LEAST], heads[r, k, AT], heads[r, k, FLOOR]
    low, top = np.int64(0), heads[r, k, SIZE]
    for i in range(top):
        at[i], weight[i] = places[r, k, i], weights[r, k, i]
    offset = offsets[r, k - 1] if k > 0 else np.int64(0)
    while True:
        further = max(k, resume) + shift
        if least + ends[r, further, 0] > limit:
            return NEVER
        if k >= resume:
            if k == size or k == 0:
                return least + ends[r, further, 0]
            gap = separation[order[r, k - 1], order[r, k]]
            if here + offset + gap <= ends[r, further, 1]:
                return least + ends[r, further, 0]
        if k > 0:
            offset += separation[order[r, k - 1], order[r, k]]
        least, here, floor, low, top = add_last(
            order[r, k], offset, least, floor, low, top, planes, law, at, weight
        )
        numbers[READS] += 1
        k += 1


@inner
def too_close(r, size, separation, law, order, times):
    """Return whether any two planes of a runway land too close to each other."""
    for i in range(size):
        for j in range(i + 1, size):
            apart = times[r, j] - times[r, i]
            if apart >= law[WIDEST]:
                break
            if apart < separation[order[r, i], order[r, j]]:
                return True
    return False


GAIN, COST, SEEN, FROM, BY, OUT, INTO, QUEUE = range(8)
"""Columns of ``nodes``: what moving a place gains or costs, whether it is reached, from which place
and by which arc, and its first arcs; the last column is the queue of the places reached."""
TAIL, HEAD, FLOW, NEXT_OUT, NEXT_INTO = range(5)
"""Columns of ``arcs``: if the tail moves, the head must."""


@inner
def closure(size, nodes, arcs):
    """Mark the places of a closure of the largest gain as `SEEN`, the smallest one, and return
    whether it gains anything: paths with room lead from gains to costs until there is none.
    """
    while True:
        first = last = 0
        for k in range(size):
            nodes[k, SEEN] = 0
            if nodes[k, GAIN] > 0:
                nodes[k, SEEN], nodes[k, FROM] = 1, -1
                nodes[last, QUEUE] = k
                last += 1
        if last == 0:
            return False
        found = np.int64(-1)
        while first < last and found < 0:
            k = nodes[first, QUEUE]
            first += 1
            if nodes[k, COST] > 0:
                found = k
                break
            arc = nodes[k, OUT]
            while arc >= 0:
                head = arcs[arc, HEAD]
                if nodes[head, SEEN] == 0:
                    nodes[head, SEEN], nodes[head, FROM], nodes[head, BY] = 1, k, arc
                    nodes[last, QUEUE] = head
                    last += 1
                arc = arcs[arc, NEXT_OUT]
            arc = nodes[k, INTO]
            while arc >= 0:
                tail = arcs[arc, TAIL]
                if arcs[arc, FLOW] > 0 and nodes[tail, SEEN] == 0:
                    nodes[tail, SEEN], nodes[tail, FROM], nodes[tail, BY] = 1, k, arc
                    nodes[last, QUEUE] = tail
                    last += 1
                arc = arcs[arc, NEXT_INTO]
        if found < 0:
            return True
        room = nodes[found, COST]
        node = found
        while nodes[node, FROM] >= 0:
            arc = nodes[node, BY]
            if arcs[arc, TAIL] == node:  # against the arc
                room = min(room, arcs[arc, FLOW])
            node = nodes[node, FROM]
        room = min(room, nodes[node, GAIN])
        nodes[node, GAIN] -= room
        nodes[found, COST] -= room
        node = found
        while nodes[node, FROM] >= 0:
            arc = nodes[node, BY]
            arcs[arc, FLOW] += -room if arcs[arc, TAIL] == node else room
            node = nodes[node, FROM]


@kernel(
    "void(int64, int64[:,::1], int32[:,::1], int64[::1], int32[:,::1], int64[::1], int64[:,::1],"
    " int64[:,::1], int64[:,::1])"
)
def spread(r, planes, separation, law, order, sizes, times, nodes, arcs):
    """Compute the cheapest times of a runway's planes, in their order, that keep all pairs apart.

    The price is a convex function of the times under bounds on differences, L♮-convex: times are
    cheapest if no set of planes that moves together by one unit, earlier or later, makes them
    cheaper (Murota 2003, Discrete Convex Analysis, theorem 7.14). The best set is a closure of
    largest gain, found by a maximum flow (Picard 1976, https://doi.org/10.1287/mnsc.22.11.1268);
    it moves until a price bends or a pair is as close as allowed.

    Args:
        r: the runway.
        times: of every place; where to begin, changed in place.
        nodes: (n, 8) room.
        arcs: (n (n − 1) / 2 + 1, 5) room.
    """
    size = sizes[r]
    for j in range(size):
        times[r, j] = max(times[r, j], planes[order[r, j], EARLIEST])
        for i in range(j):
            times[r, j] = max(times[r, j], times[r, i] + separation[order[r, i], order[r, j]])
    idle = 0
    way = -1
    for _ in range(STEPS):
        if idle == 2:
            break
        for k in range(size):
            plane, time = order[r, k], times[r, k]
            target, latest = planes[plane, TARGET], planes[plane, LATEST]
            gain = cost = np.int64(0)
            if way < 0:
                if time > target:
                    gain = planes[plane, AFTER] + (law[LATE] if time > latest else 0)
                elif time > planes[plane, EARLIEST]:
                    cost = planes[plane, BEFORE]
                else:
                    cost = np.int64(NEVER)
            elif time < target:
                gain = planes[plane, BEFORE]
            else:
                cost = planes[plane, AFTER] + (law[LATE] if time >= latest else 0)
            nodes[k, GAIN], nodes[k, COST] = gain, cost
            nodes[k, OUT] = nodes[k, INTO] = -1
        count = 0
        for i in range(size):
            for j in range(i + 1, size):
                apart = times[r, j] - times[r, i]
                if apart > law[WIDEST]:
                    break
                if apart == separation[order[r, i], order[r, j]]:
                    tail, head = (j, i) if way < 0 else (i, j)
                    arcs[count, TAIL], arcs[count, HEAD], arcs[count, FLOW] = tail, head, 0
                    arcs[count, NEXT_OUT], nodes[tail, OUT] = nodes[tail, OUT], count
                    arcs[count, NEXT_INTO], nodes[head, INTO] = nodes[head, INTO], count
                    count += 1
        better = closure(size, nodes, arcs)
        if not better:
            idle += 1
            way = -way
            continue
        idle = 0
        # how far the set may move
        far = np.int64(NEVER)
        for k in range(size):
            if nodes[k, SEEN] == 0:
                continue
            plane, time = order[r, k], times[r, k]
            if way < 0:
                if time > planes[plane, LATEST]:
                    bend = time - planes[plane, LATEST]
                elif time > planes[plane, TARGET]:
                    bend = time - planes[plane, TARGET]
                else:
                    bend = time - planes[plane, EARLIEST]
                far = min(far, bend)
                for i in range(k):
                    if nodes[i, SEEN] == 0:
                        gap = separation[order[r, i], order[r, k]]
                        far = min(far, time - times[r, i] - gap)
            else:
                if time < planes[plane, TARGET]:
                    far = min(far, planes[plane, TARGET] - time)
                elif time < planes[plane, LATEST]:
                    far = min(far, planes[plane, LATEST] - time)
                for j in range(k + 1, size):
                    if nodes[j, SEEN] == 0:
                        gap = separation[order[r, k], order[r, j]]
                        far = min(far, times[r, j] - time - gap)
        for k in range(size):
            if nodes[k, SEEN] == 1:
                times[r, k] += way * far


@kernel(
    "void(int64, int64, int64[:,::1], int32[:,::1], int64[::1], int32[:,::1], int64[::1],"
    " int64[:,::1], int64[:,:,::1], int64[:,:,::1], int64[:,:,::1], int64[:,:,::1], int64[:,::1],"
    " int64[:,::1], int64[::1], int64[::1], int64[:,::1], int64[:,::1], int64[::1])"
)
def settle(
    r,
    first,
    planes,
    separation,
    law,
    order,
    sizes,
    offsets,
    heads,
    places,
    weights,
    ends,
    times,
    prices,
    at,
    weight,
    nodes,
    arcs,
    numbers,
):
    """Time all planes of a runway, and keep what `judge` needs.

    Args:
        r: the runway.
        first: the first place at which its order is another than before.
        planes: (n, 5) earliest, target and latest time, prices before and after.
        separation: (n, n) least time from one landing to a later one.
        law: see `LATE` and what follows.
        order: (R, n) planes of every runway, ``sizes`` of them.
        offsets: (R, n) t − u of every place.
        heads, places, weights: of every beginning, see `LEAST` and what follows.
        ends: (R, n + 1, 2) of every end alone: its least price, and when its first plane lands.
        times: (R, n) of every place.
        prices: (R, 2) price and violation of every runway.
        at, weight: (2 n + 4,) room.
        nodes, arcs: room for `spread`.
        numbers: counters.
    """
    size = sizes[r]
    k = first
    while heads[r, k, SIZE] < 0:
        k -= 1
    least, here, floor = heads[r, k, LEAST], heads[r, k, AT], heads[r, k, FLOOR]
    low, top = np.int64(0), heads[r, k, SIZE]
    for i in range(top):
        at[i], weight[i] = places[r, k, i], weights[r, k, i]
    offset = offsets[r, k - 1] if k > 0 else np.int64(0)
    numbers[READS] += size - k
    while k < size:
        if k > 0:
            offset += separation[order[r, k - 1], order[r, k]]
        offsets[r, k] = offset
        least, here, floor, low, top = add_last(
            order[r, k], offset, least, floor, low, top, planes, law, at, weight
        )
        k += 1
        heads[r, k, LEAST], heads[r, k, AT], heads[r, k, FLOOR] = least, here, floor
        heads[r, k, SIZE] = top - low if top - low <= KEPT else -1
        if top - low <= KEPT:
            for i in range(low, top):
                places[r, k, i - low], weights[r, k, i - low] = at[i], weight[i]
    prices[r, 0] = least
    # times: as late as the planes behind allow, where that is cheapest
    for k in range(size - 1, -1, -1):
        here = min(here, heads[r, k + 1, AT])
        times[r, k] = here + offsets[r, k]
    ends[r, size, 0], ends[r, size, 1] = 0, 0
    least, top = np.int64(0), np.int64(0)
    for k in range(size - 1, -1, -1):
        least, here, top = add_first(
            order[r, k], offsets[r, k], least, top, planes, law, at, weight
        )
        ends[r, k, 0], ends[r, k, 1] = least, here + offsets[r, k]
    if law[TRIANGLE] == 0 and too_close(r, size, separation, law, order, times):
        spread(r, planes, separation, law, order, sizes, times, nodes, arcs)
        numbers[READS] += size
        prices[r, 0] = 0
        for k in range(size):
            prices[r, 0] += price_at(order[r, k], times[r, k], planes, law)
    late = np.int64(0)
    for k in range(size):
        late += max(np.int64(0), times[r, k] - planes[order[r, k], LATEST])
    prices[r, 1] = late


@inner
def shove(r, one, other, order):
    """Move the plane at one place of a runway to another; those between make room."""
    plane = order[r, one]
    step = 1 if other > one else -1
    k = one
    while k != other:
        order[r, k] = order[r, k + step]
        k += step
    order[r, other] = plane


@inner
def remember(runways, order, sizes, best):
    """Write the solution into ``best``: the orders of all runways, then their sizes."""
    n = np.int64(0)
    for r in range(runways):
        for k in range(sizes[r]):
            best[n] = order[r, k]
            n += 1
    for r in range(runways):
        best[n + r] = sizes[r]


@kernel(
    "void(int64[:,::1], int32[:,::1], int64[::1], int32[:,::1], int64[::1], int64[:,::1],"
    " int64[:,:,::1], int64[:,:,::1], int64[:,:,::1], int64[:,:,::1], int64[:,::1], int64[:,::1],"
    " int64[::1], int64[::1], int64[:,::1], int64[:,::1], float64, float64, int64, int32[::1],"
    " int64[::1], float64[::1], uint64[::1])"
)
def anneal(
    planes,
    separation,
    law,
    order,
    sizes,
    offsets,
    heads,
    places,
    weights,
    ends,
    times,
    prices,
    at,
    weight,
    nodes,
    arcs,
    temperature,
    shape,
    proposals,
    best,
    numbers,
    sums,
    state,
):
    """Make so many proposals at one temperature: two neighbours change places, or a plane moves to
    another place of its runway, mostly a near one, or, with several runways, to another one, about
    where its target is.

    A rise is drawn first that is still accepted; with it a proposal is refused as soon as a lower
    bound of its price shows that it is beyond.

    Args:
        temperature, shape: of the acceptance rule, see `acceptance.allowed`.
        proposals: how many.
        best: (n + R,) the cheapest solution in which no plane is late; changed in place.
        numbers: see `counters`.
        sums: (2,) gets Σ(E − E₀) and Σ(E − E₀)² over the proposals.
        state: (1,) of the random numbers.
    """
    n, runways = len(planes), len(sizes)
    x = state[0]
    first_energy = numbers[CURRENT]
    sums[:] = 0.0
    for _ in range(proposals):
        add_energy(sums, float(numbers[CURRENT] - first_energy), 1)
        numbers[MOVES] += 1
        x = advanced(x)
        bits = scrambled(x)
        one = below(bits, n)
        kind = np.int64(bits & np.uint64(0xFF))
        r = np.int64(0)
        while one >= sizes[r]:
            one -= sizes[r]
            r += 1
        x = advanced(x)
        more = allowed(scrambled(x), temperature, shape)
        limit = numbers[CURRENT] + np.int64(min(more, 1e18))
        x = advanced(x)
        bits = scrambled(x)
        if runways > 1 and kind < 96:
            r2 = below(bits, runways - 1)
            r2 += 1 if r2 >= r else 0
            plane = order[r, one]
            other = np.int64(0)
            while other < sizes[r2] and times[r2, other] < planes[plane, TARGET]:
                other += 1
            other += np.int64((bits & np.uint64(0xFF)) % np.uint64(5)) - 2
            other = max(np.int64(0), min(sizes[r2], other))
            shove(r, one, sizes[r] - 1, order)
            order[r2, sizes[r2]] = plane
            shove(r2, sizes[r2], other, order)
            sizes[r] -= 1
            sizes[r2] += 1
            rest = numbers[CURRENT] - prices[r, 0] - prices[r2, 0]
            left = judge(
                r, sizes[r], one, one, 1, limit - rest, planes, separation, law, order, offsets,
                heads, places, weights, ends, at, weight, numbers,
            )  # fmt: skip
            keep = left < NEVER
            if keep:
                right = judge(
                    r2, sizes[r2], other, other + 1, -1, limit - rest - left, planes, separation,
                    law, order, offsets, heads, places, weights, ends, at, weight, numbers,
                )  # fmt: skip
                keep = right < NEVER
            before = numbers[CURRENT]
            if keep:
                settle(
                    r, one, planes, separation, law, order, sizes, offsets, heads, places, weights,
                    ends, times, prices, at, weight, nodes, arcs, numbers,
                )  # fmt: skip
                settle(
                    r2, other, planes, separation, law, order, sizes, offsets, heads, places,
                    weights, ends, times, prices, at, weight, nodes, arcs, numbers,
                )  # fmt: skip
                numbers[CURRENT] = rest + prices[r, 0] + prices[r2, 0]
                keep = numbers[CURRENT] <= limit
            if not keep:
                shove(r2, other, sizes[r2] - 1, order)
                sizes[r] += 1
                sizes[r2] -= 1
                order[r, sizes[r] - 1] = plane
                shove(r, sizes[r] - 1, one, order)
                if numbers[CURRENT] != before:
                    settle(
                        r, one, planes, separation, law, order, sizes, offsets, heads, places,
                        weights, ends, times, prices, at, weight, nodes, arcs, numbers,
                    )  # fmt: skip
                    settle(
                        r2, other, planes, separation, law, order, sizes, offsets, heads, places,
                        weights, ends, times, prices, at, weight, nodes, arcs, numbers,
                    )  # fmt: skip
                    numbers[CURRENT] = before
                continue
        else:
            if kind & 1 == 1:
                other = one + 1
            elif kind & 6 == 0:
                other = below(bits, sizes[r])
            else:
                other = one + below(bits, 2 * REACH + 1) - REACH
            if other < 0 or other >= sizes[r] or other == one:
                continue
            shove(r, one, other, order)
            first, last = min(one, other), max(one, other)
            before = numbers[CURRENT]
            rest = before - prices[r, 0]
            found = judge(
                r, sizes[r], first, last + 1, 0, limit - rest, planes, separation, law, order,
                offsets, heads, places, weights, ends, at, weight, numbers,
            )  # fmt: skip
            if found == NEVER:
                shove(r, other, one, order)
                continue
            settle(
                r, first, planes, separation, law, order, sizes, offsets, heads, places, weights,
                ends, times, prices, at, weight, nodes, arcs, numbers,
            )  # fmt: skip
            numbers[CURRENT] = rest + prices[r, 0]
            if numbers[CURRENT] > limit:
                shove(r, other, one, order)
                settle(
                    r, first, planes, separation, law, order, sizes, offsets, heads, places,
                    weights, ends, times, prices, at, weight, nodes, arcs, numbers,
                )  # fmt: skip
                numbers[CURRENT] = before
                continue
        numbers[ACCEPTED] += 1
        if numbers[CURRENT] < numbers[LOWEST]:
            late = np.int64(0)
            for k in range(runways):
                late += prices[k, 1]
            if late == 0:
                numbers[LOWEST] = numbers[CURRENT]
                remember(runways, order, sizes, best)
    state[0] = x
