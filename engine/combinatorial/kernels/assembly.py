"""Edge assembly crossover of two tours (Nagata and Kobayashi 2013), with one AB-cycle for a child,
and the order crossover (Davis 1985).

https://doi.org/10.1287/ijoc.1120.0506. A tour is an array of links here: ``links[city]`` are the
two cities beside it. The edges of parents A and B that they do not share fall into AB-cycles, round
trips along edges of A and B in turn. A child is A with the edges of one cycle exchanged; that
leaves sub-tours, which are joined, the smallest first.

A child is never written down: what it removes and adds is a list of edges, and only the one that
replaces A is made. So a child costs what changes, not n.
"""

from __future__ import annotations

import numpy as np

from .counters import ACCEPTED, MOVES, READS
from .distance import distance
from .jit import inner, kernel
from .random_bits import advanced, below, scrambled

TINY = 1e-9
"""The least loss of entropy that a gain is divided by (ε of Nagata and Kobayashi, equation 4)."""
MANY = 10**9
"""Beyond this ticket, they are given out from 1 again."""
FEW = 32
"""Up to this many numbers are sorted by insertion."""


@kernel("void(int32[:,::1], int32[::1], int32[::1])")
def walk(links, tour, pos):
    """Write a tour down in order, and turn its links so that the first is the city before.

    Args:
        links: (n, 2) changed in place.
        tour, pos: (n,) the result: the cities in order, and where each stands.
    """
    n = len(tour)
    city, came = np.int32(0), links[0, 0]
    for k in range(n):
        tour[k], pos[city] = city, k
        onward = links[city, 1] if links[city, 0] == came else links[city, 0]
        links[city, 0], links[city, 1] = came, onward
        came, city = city, onward


@inner
def forget(city, other, kind, rest, left):
    """Remove an edge from what is left at one of its ends."""
    at = 2 * kind
    if rest[city, at] == other:
        rest[city, at] = rest[city, at + 1]
    left[city, kind] -= 1


@kernel(
    "int64(int32[:,::1], int32[:,::1], int32[:,::1], int32[:,::1], int32[:,::1], int32[::1],"
    " int32[::1], int32[::1], int32[::1], int32[::1], uint64[::1])"
)
def ab_cycles(a, b, rest, left, seen, active, place, path, cycles, starts, state):
    """Divide the edges that two tours do not share into AB-cycles, at random (Nagata and Kobayashi
    2013, section 3.1): a walk along edges of A and B in turn gives off a cycle whenever it comes
    back to a city in step.

    Args:
        a, b: (n, 2) links of the parents.
        rest, left: (n, 4), (n, 2) room for the edges left: two of A, two of B, and how many.
        seen: (n, 2) −1 everywhere, and again at the end.
        active, place: (n,) room for the cities that have edges left, and where they stand.
        path: (2n + 1,) room for the walk.
        cycles: (2n,) gets the cities of all cycles; an edge of A leads from the first to the second
            of each, an edge of B from there to the third, and one of B from the last to the first.
        starts: (n + 1,) gets where each cycle starts, and where the last one ends.
        state: (1,) of the random numbers.

    Returns:
        the number of cycles.
    """
    n = len(a)
    x = state[0]
    waiting = 0
    for city in range(n):
        left[city, 0] = left[city, 1] = 0
        for k in range(2):
            other = a[city, k]
            if other != b[city, 0] and other != b[city, 1]:
                rest[city, left[city, 0]] = other
                left[city, 0] += 1
            other = b[city, k]
            if other != a[city, 0] and other != a[city, 1]:
                rest[city, 2 + left[city, 1]] = other
                left[city, 1] += 1
        if left[city, 0] > 0:
            active[waiting], place[city] = city, waiting
            waiting += 1
    count, written = 0, 0
    starts[0] = 0
    m = np.int64(-1)  # edges walked; −1: the walk has not begun
    while waiting > 0:
        x = advanced(x)
        bits = scrambled(x)
        if m < 0:
            m = np.int64(0)
            path[0] = active[below(bits, waiting)]
            seen[path[0], 0] = 0
        kind = m & 1  # 0: an edge of A, 1: of B
        city = path[m]
        at = 2 * kind
        if left[city, kind] == 2 and (bits >> np.uint64(31)) & np.uint64(1):
            at += 1
        other = rest[city, at]
        forget(city, other, kind, rest, left)
        forget(other, city, kind, rest, left)
        for end in (city, other):
            if left[end, 0] == 0 and left[end, 1] == 0:
                waiting -= 1
                last = active[waiting]
                active[place[end]], place[last] = last, place[end]
        m += 1
        path[m] = other
        back = np.int64(seen[other, m & 1])
        if back < 0:
            seen[other, m & 1] = m
            continue
        # the walk from there to here is a cycle; it is written from an edge of A on
        odd = back & 1
        for k in range(back + odd, m):
            cycles[written] = path[k]
            written += 1
        if odd:
            cycles[written] = path[m]
            written += 1
        count += 1
        starts[count] = written
        for k in range(back + 1, m):
            seen[path[k], k & 1] = -1
        m = back
        if m == 0:
            seen[path[0], 0] = -1
            m = np.int64(-1)
    state[0] = x
    return np.int64(count)


@inner
def unlink(one, other, links):
    """Remove an edge."""
    links[one, 0 if links[one, 0] == other else 1] = -1
    links[other, 0 if links[other, 0] == one else 1] = -1


@inner
def link(one, other, links):
    """Add an edge between cities that have a free link each."""
    links[one, 0 if links[one, 0] < 0 else 1] = other
    links[other, 0 if links[other, 0] < 0 else 1] = one


@inner
def change(edges, count, length, links):
    """Make a child of its parent.

    Args:
        edges: (m, 2): first ``length`` edges that go, then as many that come, then for each two
            sub-tours that are joined two that go and two that come.
        count: m.
        length: edges of A in the AB-cycle.
        links: (n, 2) of A; changed in place.
    """
    for k in range(length):
        unlink(edges[k, 0], edges[k, 1], links)
    for k in range(length, 2 * length):
        link(edges[k, 0], edges[k, 1], links)
    for k in range(2 * length, count, 4):
        unlink(edges[k, 0], edges[k, 1], links)
        unlink(edges[k + 1, 0], edges[k + 1, 1], links)
        link(edges[k + 2, 0], edges[k + 2, 1], links)
        link(edges[k + 3, 0], edges[k + 3, 1], links)


@inner
def shift(one, other, by, counts, entropies):
    """Count an edge once more or once less in the population, and return what that changes of the
    entropy.
    """
    old = np.int64(counts[one, other])
    counts[one, other] = counts[other, one] = old + by
    return entropies[old + by] - entropies[old]


@inner
def goes(k, length):
    """Return whether the k-th edge of a child's list is one that goes."""
    return k < length or (k >= 2 * length and (k - 2 * length) & 3 < 2)


@inner
def shifted(edges, count, length, way, counts, entropies):
    """Count the edges of a child in place of its parent's (way 1), or the other way round (−1).

    Returns:
        what that changes of the entropy.
    """
    total = 0.0
    for i in range(count):
        k = i if way > 0 else count - 1 - i  # back by the same way: no count falls below 0
        by = -way if goes(k, length) else way
        total += shift(edges[k, 0], edges[k, 1], by, counts, entropies)
    return total


@inner
def count_tour(tour, by, counts, entropies):
    """Count all edges of a tour once more or once less; see `enter`."""
    total = 0.0
    last = tour[len(tour) - 1]
    for city in tour:
        total += shift(last, city, by, counts, entropies)
        last = city
    return total


@kernel("float64(int32[::1], int64, int16[:,::1], float64[::1])")
def enter(tour, by, counts, entropies):
    """Count the edges of a tour in the population (by 1) or no longer (−1).

    Args:
        counts: (n, n) how many tours have each edge; changed in place.
        entropies: (P + 1,) the entropy of an edge that so many tours have, −F/P log(F/P).

    Returns:
        what that changes of the entropy, the sum over all edges (equation 3).
    """
    return count_tour(tour, by, counts, entropies)


@inner
def sort(values, count, flags):
    """Sort whole numbers in place, all different and below the length of ``flags``, which are all
    False.
    """
    if count <= FEW:
        for k in range(1, count):
            value = values[k]
            j = k - 1
            while j >= 0 and values[j] > value:
                values[j + 1] = values[j]
                j -= 1
            values[j + 1] = value
        return
    for k in range(count):
        flags[values[k]] = True
    k = 0
    for value in range(len(flags)):
        if flags[value]:
            flags[value] = False
            values[k] = value
            k += 1


@inner
def segment_of(place, cuts, count):
    """Return which segment a place is in: the one that ends with the first cut from there on."""
    low, high = np.int64(0), np.int64(count)
    while low < high:
        middle = (low + high) >> 1
        if cuts[middle] < place:
            low = middle + 1
        else:
            high = middle
    return np.int64(0) if low == count else low


@inner
def joined(
    small, tour, pos, a, metric, points, matrix, near, cuts, count, onward, head, mark, ticket, edge
):
    """Find the best way to join a sub-tour to another: an edge of it and one that has an end among
    the near cities of one of its cities go, and two between them come (Nagata and Kobayashi 2013,
    section 3.2, step 5).

    Args:
        small: the sub-tour.
        onward, head: (m,) its segments in a list.
        mark, ticket: (n,) room; cities of the sub-tour get the ticket, a number not used before.
        edge: (4,) gets the cities x, b of the sub-tour and c, d outside: (x, b) and (c, d) go,
            (x, c) and (b, d) come.

    Returns:
        by how much the tour becomes shorter, and the distances read.
    """
    n = len(tour)
    part = np.int64(head[small])
    while part >= 0:
        last = np.int64(cuts[part])
        place = np.int64(cuts[part - 1]) + 1 if part > 0 else np.int64(cuts[count - 1]) + 1 - n
        while place <= last:
            mark[tour[place]] = ticket
            place += 1
        part = np.int64(onward[part])
    best, reads = np.int64(-(2**62)), 0
    # without a near city outside, those are looked at that A has beside its segments
    for beside in range(2):
        if beside == 1 and best > -(2**62):
            break
        part = np.int64(head[small])
        while part >= 0:
            last = np.int64(cuts[part])
            first = np.int64(cuts[part - 1]) + 1 if part > 0 else np.int64(cuts[count - 1]) + 1 - n
            place = first
            while place <= last:
                x = np.int64(tour[place])
                place += 1
                b0, b1 = np.int64(a[x, 0]), np.int64(a[x, 1])
                fresh = True
                xb0 = xb1 = np.int64(0)
                for k in range(near.shape[1] if beside == 0 else 2):
                    if beside == 0:
                        c = np.int64(near[x, k])
                    elif k == 0:
                        c = np.int64(tour[first - 1])
                    else:
                        c = np.int64(tour[last + 1 if last + 1 < n else 0])
                    if mark[c] == ticket:
                        continue
                    if fresh:
                        xb0 = distance(x, b0, metric, points, matrix)
                        xb1 = distance(x, b1, metric, points, matrix)
                        reads += 2
                        fresh = False
                    xc = distance(x, c, metric, points, matrix)
                    b0c = distance(b0, c, metric, points, matrix)
                    b1c = distance(b1, c, metric, points, matrix)
                    reads += 11
                    for side in range(2):
                        d = np.int64(a[c, side])
                        cd = distance(c, d, metric, points, matrix)
                        xd = distance(x, d, metric, points, matrix)
                        gain = xb0 + cd - xc - distance(b0, d, metric, points, matrix)
                        if gain > best:
                            best = gain
                            edge[0], edge[1], edge[2], edge[3] = x, b0, c, d
                        gain = xb1 + cd - xc - distance(b1, d, metric, points, matrix)
                        if gain > best:
                            best = gain
                            edge[0], edge[1], edge[2], edge[3] = x, b1, c, d
                        gain = xb0 + cd - xd - b0c
                        if gain > best:
                            best = gain
                            edge[0], edge[1], edge[2], edge[3] = x, b0, d, c
                        gain = xb1 + cd - xd - b1c
                        if gain > best:
                            best = gain
                            edge[0], edge[1], edge[2], edge[3] = x, b1, d, c
            part = np.int64(onward[part])
    return best, reads


@inner
def follows(place, other, n):
    """Return whether the second of two places beside each other follows the first on the tour."""
    return place + 1 == other or (place == n - 1 and other == 0)


@kernel(
    "int64(int32[:,::1], int32[::1], int32[::1], int64, float64[:,::1], int32[:,::1],"
    " int32[:,::1], int32[::1], int32[::1], int64, int64, int16[:,::1], float64[::1], boolean,"
    " int32[:,::1], int32[:,:,::1], boolean[::1], float64[::1], int64[::1], uint64[::1])"
)
def assemble(
    a,
    tour,
    pos,
    metric,
    points,
    matrix,
    near,
    cycles,
    starts,
    count,
    children,
    counts,
    entropies,
    diverse,
    room,
    edges,
    flags,
    sums,
    numbers,
    state,
):
    """Make children of a tour, each by one AB-cycle, and replace the tour by the best of them.

    Args:
        a: (n, 2) links of parent A; changed in place if a child is better.
        tour, pos: A in order, see `walk`; not changed.
        near: (n, K) near cities, over which sub-tours are joined.
        cycles, starts, count: see `ab_cycles`; ``cycles`` stays, ``starts`` too.
        children: how many to make at most.
        counts, entropies: see `enter`.
        diverse: whether the best child is the one with the largest gain of length for each unit of
            entropy that it costs (equation 4); otherwise the shortest.
        room: (10, n + 1) for whole numbers; row 9, the tickets, is kept and is zeros at first.
        edges: (2, 4n, 2) room for the edges of a child, and of the best child.
        flags: (n,) all False.
        sums: (1,) gets what the replacement changes of the entropy.
        state: (1,) of the random numbers.

    Returns:
        by how much A became shorter; 0 if no child was better.
    """
    n = len(tour)
    cuts, label, onward, at = room[0], room[1], room[2], room[3]
    head, tail, size, order = room[4], room[5], room[6], room[7]
    edge, mark = room[8], room[9]
    x = state[0]
    own, kept = edges[0], edges[1]
    if mark[n] > MANY:
        for k in range(n + 1):
            mark[k] = 0
    ticket = np.int64(mark[n])
    best_gain, best_value = np.int64(0), 0.0
    best_count = best_length = np.int64(0)
    reads = np.int64(0)
    for k in range(count):
        order[k] = k
    made = min(children, count)
    for child in range(made):
        x = advanced(x)
        pick = child + below(scrambled(x), count - child)
        chosen = np.int64(order[pick])
        order[pick] = order[child]
        order[child] = chosen
        start = np.int64(starts[chosen])
        length = (np.int64(starts[chosen + 1]) - start) >> 1
        gain = np.int64(0)
        for k in range(length):
            u, v = cycles[start + 2 * k], cycles[start + 2 * k + 1]
            w = cycles[start + 2 * k + 2] if k + 1 < length else cycles[start]
            own[k, 0], own[k, 1] = u, v
            own[length + k, 0], own[length + k, 1] = v, w
            gain += distance(u, v, metric, points, matrix) - distance(v, w, metric, points, matrix)
            # A is cut behind the one of them that comes first
            place, other = np.int64(pos[u]), np.int64(pos[v])
            cuts[k] = place if follows(place, other, n) else other
        reads += 2 * length
        sort(cuts, length, flags)
        m = 2 * length
        change(own, m, length, a)
        # the segments between the cuts, and the sub-tours that they now form
        for k in range(length):
            label[k] = -1
            first = np.int64(cuts[k - 1]) + 1 if k > 0 else np.int64(cuts[length - 1]) + 1
            at[tour[first if first < n else 0]] = k
            at[tour[cuts[k]]] = k
        parts = 0
        for k in range(length):
            if label[k] >= 0:
                continue
            head[parts], size[parts] = k, 0
            here, side = np.int64(k), 1
            while True:
                label[here] = parts
                previous = np.int64(cuts[here - 1]) if here > 0 else np.int64(cuts[length - 1]) - n
                size[parts] += cuts[here] - previous
                first = previous + 1 if previous + 1 >= 0 else previous + 1 + n
                city = np.int64(tour[cuts[here]]) if side == 1 else np.int64(tour[first])
                to = np.int64(a[city, side])
                following = np.int64(at[to])
                # a segment is left at the other end than it is entered
                side = 1 if a[to, 0] == city else 0
                if following == k:
                    onward[here], tail[parts] = -1, here
                    break
                onward[here] = following
                here = following
            parts += 1
        alive = parts
        while alive > 1:
            small = -1
            for k in range(parts):
                if size[k] > 0 and (small < 0 or size[k] < size[small]):
                    small = k
            ticket += 1
            gained, looked = joined(
                small,
                tour,
                pos,
                a,
                metric,
                points,
                matrix,
                near,
                cuts,
                length,
                onward,
                head,
                mark,
                ticket,
                edge,
            )
            gain += gained
            reads += looked
            other = np.int64(label[segment_of(pos[edge[2]], cuts, length)])
            own[m, 0], own[m, 1] = edge[0], edge[1]
            own[m + 1, 0], own[m + 1, 1] = edge[2], edge[3]
            own[m + 2, 0], own[m + 2, 1] = edge[0], edge[2]
            own[m + 3, 0], own[m + 3, 1] = edge[1], edge[3]
            unlink(edge[0], edge[1], a)
            unlink(edge[2], edge[3], a)
            link(edge[0], edge[2], a)
            link(edge[1], edge[3], a)
            m += 4
            part = np.int64(head[small])
            while part >= 0:
                label[part] = other
                part = np.int64(onward[part])
            onward[tail[other]], tail[other] = head[small], tail[small]
            size[other] += size[small]
            size[small] = 0
            alive -= 1
        if gain > 0:
            value = float(gain)
            if diverse:
                lost = -shifted(own, m, length, 1, counts, entropies)
                shifted(own, m, length, -1, counts, entropies)
                value /= max(lost, TINY)
            if value > best_value:
                best_gain, best_value, best_count, best_length = gain, value, m, length
                for k in range(m):
                    kept[k, 0], kept[k, 1] = own[k, 0], own[k, 1]
        # the links are A's again
        for k in range(m):
            if goes(k, length):
                continue
            for end in range(2):
                city = own[k, end]
                place = np.int64(pos[city])
                a[city, 0] = tour[place - 1]
                a[city, 1] = tour[place + 1 if place + 1 < n else 0]
    sums[0] = 0.0
    if best_gain > 0:
        change(kept, best_count, best_length, a)
        sums[0] = shifted(kept, best_count, best_length, 1, counts, entropies)
        numbers[ACCEPTED] += 1
    mark[n] = ticket
    numbers[READS] += reads
    numbers[MOVES] += made
    state[0] = x
    return best_gain


@inner
def cross_in_order(a, b, first, last, taken, child):
    """Write the child of the order crossover (Davis 1985): the places first … last as in A, then,
    from there on, the other cities in the order in which B has them from there on.

    Args:
        taken: (n,) all False, and again at the end.
    """
    n = len(a)
    for k in range(first, last + 1):
        child[k] = a[k]
        taken[a[k]] = True
    to = last + 1 if last + 1 < n else 0
    here = to
    for _ in range(n):
        city = b[here]
        here = here + 1 if here + 1 < n else 0
        if not taken[city]:
            child[to] = city
            to = to + 1 if to + 1 < n else 0
    for k in range(first, last + 1):
        taken[a[k]] = False


@kernel(
    "int64(int32[::1], int32[::1], int64, int64, float64[:,::1], int32[:,::1], int64,"
    " int16[:,::1], float64[::1], boolean, int32[:,::1], boolean[::1], float64[::1], int64[::1],"
    " uint64[::1])"
)
def order_crossover(
    a,
    b,
    size,
    metric,
    points,
    matrix,
    children,
    counts,
    entropies,
    diverse,
    room,
    flags,
    sums,
    numbers,
    state,
):
    """Make children of two tours by order crossover, measure each as a whole, and replace the first
    by the best of them.

    Args:
        a, b: (n,) the tours in order; a is changed in place if a child is better.
        size: the length of a.
        children: how many to make.
        counts, entropies, diverse, flags, sums, state: as in `assemble`.
        room: (2, n) room for a child and the best child.

    Returns:
        by how much A became shorter; 0 if no child was better.
    """
    n = len(a)
    x = state[0]
    own, kept = room[0], room[1]
    best_gain, best_value = np.int64(0), 0.0
    for _ in range(children):
        x = advanced(x)
        first = below(scrambled(x), n)
        x = advanced(x)
        last = below(scrambled(x), n)
        if first > last:
            first, last = last, first
        cross_in_order(a, b, first, last, flags, own)
        gain = size
        before = own[n - 1]
        for city in own:
            gain -= distance(before, city, metric, points, matrix)
            before = city
        if gain <= 0:
            continue
        value = float(gain)
        if diverse:
            lost = -count_tour(a, -1, counts, entropies) - count_tour(own, 1, counts, entropies)
            count_tour(own, -1, counts, entropies)
            count_tour(a, 1, counts, entropies)
            value /= max(lost, TINY)
        if value > best_value:
            best_gain, best_value = gain, value
            for k in range(n):
                kept[k] = own[k]
    sums[0] = 0.0
    if best_gain > 0:
        sums[0] = count_tour(a, -1, counts, entropies) + count_tour(kept, 1, counts, entropies)
        for k in range(n):
            a[k] = kept[k]
        numbers[ACCEPTED] += 1
    numbers[READS] += children * n
    numbers[MOVES] += children
    state[0] = x
    return best_gain
