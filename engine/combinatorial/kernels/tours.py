"""Tours as arrays, and the moves that change them: 2-opt (Croes 1958), Or-opt (Or 1976), the double
bridge (Martin, Otto and Felten 1991), for symmetric distances.

A tour is two arrays: ``tour[k]`` is the k-th city, ``pos[city]`` where it stands. Every move is
made of 2-opt moves, each of which turns the shorter of two paths round, so any of them is undone by
the same function.

What a look at a distance costs is counted: 4 for a 2-opt proposal, 6 for an Or-opt proposal.
"""

from __future__ import annotations

import numpy as np

from .acceptance import add_energy, kept, steepest
from .counters import ACCEPTED, CURRENT, LOWEST, MOVES, READS
from .distance import distance
from .jit import called, inner, kernel
from .random_bits import advanced, below, scrambled

HEAD, COUNT, LEFT = range(3)
"""Places in ``ends``, which describes a queue: its first entry, its length, and how many cities the
last pass over all of them has left."""
SEGMENT = 3
"""Most cities that an Or-opt move takes along."""
KICK = 50
"""Most cities in each of the three segments that a double bridge permutes."""


@inner
def after(city, tour, pos):
    """Return the city after this one."""
    k = pos[city] + 1
    return tour[0] if k == len(tour) else tour[k]


@inner
def before(city, tour, pos):
    """Return the city before this one."""
    k = pos[city] - 1
    return tour[len(tour) - 1] if k < 0 else tour[k]


@inner
def copy(tour, best):
    """Write the tour into ``best``."""
    for k in range(len(tour)):
        best[k] = tour[k]


@inner
def city_at(k, tour):
    """Return the city at place k, counted on beyond either end by less than one round."""
    n = len(tour)
    k += n if k < 0 else 0
    k -= n if k >= n else 0
    return np.int64(tour[np.uint64(k)])


@called
def reverse(i, j, tour, pos):
    """Turn the path from place i to place j round, or all the rest, whichever is shorter: the round
    trip is the same.
    """
    n = len(tour)
    inside = j - i
    if inside < 0:
        inside += n
    inside += 1
    if 2 * inside > n:
        i, j = j + 1, i - 1
        if i == n:
            i = 0
        if j < 0:
            j = n - 1
        inside = n - inside
    if i <= j:
        while i < j:
            a, b = tour[i], tour[j]
            tour[i], tour[j] = b, a
            pos[b], pos[a] = i, j
            i += 1
            j -= 1
        return
    for _ in range(inside // 2):
        a, b = tour[i], tour[j]
        tour[i], tour[j] = b, a
        pos[b], pos[a] = i, j
        i += 1
        if i == n:
            i = 0
        j -= 1
        if j < 0:
            j = n - 1


@inner
def exchange(a, b, c, d, tour, pos):
    """Replace the edges (a, b) and (c, d) by (a, c) and (b, d): a 2-opt move.

    b comes after a and d after c, or b before a and d before c.
    """
    if after(a, tour, pos) == b:
        reverse(pos[b], pos[c], tour, pos)
    else:
        reverse(pos[a], pos[d], tour, pos)


@called
def insert(p, first, last, q, c, e, same, tour, pos):
    """Move the path first … last, which lies between p and q, between c and e: an Or-opt move. The
    new edges are (p, q), (c, first) and (last, e).

    Args:
        same: whether e follows c in the direction in which q follows p.
    """
    if same:
        exchange(p, first, c, e, tour, pos)
        exchange(p, c, q, last, tour, pos)
        exchange(c, last, first, e, tour, pos)
    else:
        exchange(p, first, e, c, tour, pos)
        exchange(p, e, q, last, tour, pos)


@inner
def far(i, j, n, longest):
    """Return whether two places are more than ``longest`` apart on the round trip."""
    apart = abs(i - j)
    return min(apart, n - apart) > longest


@kernel(
    "void(int32[::1], int32[::1], int64, float64[:,::1], int32[:,::1], int32[:,::1], float64,"
    " float64, int64, int64, boolean, int32[::1], int64[::1], float64[::1], uint64[::1])"
)
def anneal(
    tour,
    pos,
    metric,
    points,
    matrix,
    neighbours,
    temperature,
    shape,
    proposals,
    longest,
    every_record,
    best,
    numbers,
    sums,
    state,
):
    """Make so many proposals at one temperature, half of them 2-opt, half Or-opt, and keep each by
    the Metropolis rule, min(1, exp(−Δ/T)).

    Args:
        tour, pos: of the present solution; changed in place.
        metric, points, matrix: see `distance`.
        neighbours: (n, K) the cities that a city may be joined to.
        temperature: T, above 0.
        shape: q of the rule of Tsallis and Stariolo, [1 − (1 − q) Δ/T]^{1/(1−q)}; 1 is Metropolis'.
        proposals: how many.
        longest: no path longer than that is turned round.
        every_record: whether every new shortest tour is kept, or only the one at the end.
        best: the shortest tour; changed in place.
        numbers: see `counters`.
        sums: (2,) gets Σ(E − E₀) and Σ(E − E₀)² over the proposals, E₀ the length at the start.
        state: (1,) of the random numbers.
    """
    n, near = len(tour), neighbours.shape[1]
    current, lowest = numbers[CURRENT], numbers[LOWEST]
    first_length = current
    reads, accepted = 0, 0
    standing = False
    sums[:] = 0.0
    since = 0
    limit = steepest(temperature, shape)
    x = state[0]
    segments = min(SEGMENT, n - 3)
    short = longest >= n
    for proposal in range(proposals):
        x = advanced(x)
        bits = scrambled(x)
        a = np.int64(((bits >> np.uint64(40)) * np.uint64(n)) >> np.uint64(24))
        k = (((bits >> np.uint64(24)) & np.uint64(0xFFFF)) * np.uint64(near)) >> np.uint64(16)
        c = np.int64(neighbours[np.uint64(a), k])
        way = np.int64((bits >> np.uint64(22)) & np.uint64(2)) - 1  # 1 forward, −1 backward
        at_a, at_c = np.int64(pos[np.uint64(a)]), np.int64(pos[np.uint64(c)])
        if not short and far(at_a, at_c, n, longest):
            continue
        # 2-opt and Or-opt in turn: each leaves the law at a fixed temperature as it is
        two_opt = proposal & 1 == 0 or segments < 1
        length, same = np.int64(1), True
        if two_opt:
            b, d = city_at(at_a + way, tour), city_at(at_c + way, tour)
            p, last, q, e = a, a, a, a
            if b == c or a == d:
                continue
            rise = (
                distance(a, c, metric, points, matrix)
                + distance(b, d, metric, points, matrix)
                - distance(a, b, metric, points, matrix)
                - distance(c, d, metric, points, matrix)
            )
            reads += 4
        else:
            length = 1 + np.int64(
                (((bits >> np.uint64(12)) & np.uint64(0x3FF)) * np.uint64(segments))
                >> np.uint64(10)
            )
            beside = np.int64((bits >> np.uint64(10)) & np.uint64(2)) - 1
            same = beside == 1
            # the segment begins at a and reaches away from p
            end = at_a + way * (length - 1)
            apart = way * (at_c - at_a)
            apart += n if apart < 0 else 0
            other = apart + beside
            other += n if other < 0 else 0
            other -= n if other >= n else 0
            if apart < length or other < length:
                continue  # c or the city beside it is in the segment
            last = city_at(end, tour)
            p, q = city_at(at_a - way, tour), city_at(end + way, tour)
            e = city_at(at_c + way * beside, tour)
            b, d = a, a
            rise = (
                distance(p, q, metric, points, matrix)
                + distance(c, a, metric, points, matrix)
                + distance(last, e, metric, points, matrix)
                - distance(p, a, metric, points, matrix)
                - distance(last, q, metric, points, matrix)
                - distance(c, e, metric, points, matrix)
            )
            reads += 6
        if rise > 0:
            if rise > limit:
                continue
            x = advanced(x)
            if not kept(rise, temperature, shape, scrambled(x)):
                continue
            if standing:
                copy(tour, best)
                standing = False
        add_energy(sums, float(current - first_length), proposal - since)
        since = proposal
        if two_opt:
            exchange(a, b, c, d, tour, pos)
        else:
            insert(p, a, last, q, c, e, same, tour, pos)
        current += rise
        accepted += 1
        if every_record and current < lowest:
            lowest, standing = current, True
    add_energy(sums, float(current - first_length), proposals - since)
    if current < lowest:
        lowest, standing = current, True
    if standing:
        copy(tour, best)
    numbers[CURRENT], numbers[LOWEST] = current, lowest
    numbers[READS] += reads
    numbers[MOVES] += proposals
    numbers[ACCEPTED] += accepted
    state[0] = x


@inner
def ask_again(city, queue, waiting, ends):
    """Put a city at the end of the queue unless it waits there."""
    if waiting[city]:
        return
    waiting[city] = True
    at = ends[HEAD] + ends[COUNT]
    if at >= len(queue):
        at -= len(queue)
    queue[at] = city
    ends[COUNT] += 1


@inner
def next_in(queue, waiting, ends):
    """Take the first city off the queue."""
    city = queue[ends[HEAD]]
    ends[HEAD] += 1
    if ends[HEAD] == len(queue):
        ends[HEAD] = 0
    ends[COUNT] -= 1
    waiting[city] = False
    return city


@inner
def next_to_look_at(tour, queue, waiting, ends):
    """Take the first city off the queue, or if it is empty the next of a pass over all cities;
    −1 once all of them were looked at.
    """
    if ends[COUNT] == 0:
        if ends[LEFT] <= 0:
            return np.int32(-1)
        ends[LEFT] -= 1
        ask_again(tour[ends[LEFT]], queue, waiting, ends)
    return next_in(queue, waiting, ends)


@inner
def note(a, b, c, d, journal, noted):
    """Write a 2-opt move down, so that it can be undone."""
    if noted < len(journal):
        journal[noted, 0], journal[noted, 1] = a, b
        journal[noted, 2], journal[noted, 3] = c, d
    return noted + 1


@called
def noted_insert(p, first, last, q, c, e, same, tour, pos, journal, noted):
    """Make an Or-opt move and write down its 2-opt moves."""
    insert(p, first, last, q, c, e, same, tour, pos)
    if same:
        noted = note(p, first, c, e, journal, noted)
        noted = note(p, c, q, last, journal, noted)
        return note(c, last, first, e, journal, noted)
    noted = note(p, first, e, c, journal, noted)
    return note(p, e, q, last, journal, noted)


@called
def try_insert(first, forward, length, c, same, tour, pos, metric, points, matrix):
    """Return what moving a segment beside c would change, with its cities; no gain if it cannot.

    Args:
        first: the city of the segment that will stand beside c.
        forward: whether the segment reaches forward from there.
        length: its number of cities.
        c: a city outside of it.
        same: whether the other new neighbour follows c in that direction, or precedes it.

    Returns:
        rise, p, last, q, e; rise is 0 if the move is none.
    """
    n = len(tour)
    start = np.int64(pos[first])
    end = start + length - 1 if forward else start - length + 1
    if end >= n:
        end -= n
    elif end < 0:
        end += n
    last = tour[end]
    if forward:
        p, q = before(first, tour, pos), after(last, tour, pos)
        e = after(c, tour, pos) if same else before(c, tour, pos)
    else:
        p, q = after(first, tour, pos), before(last, tour, pos)
        e = before(c, tour, pos) if same else after(c, tour, pos)
    inside = pos[c] - start if forward else start - pos[c]
    if inside < 0:
        inside += n
    other = pos[e] - start if forward else start - pos[e]
    if other < 0:
        other += n
    if inside < length or other < length:
        return np.int64(0), p, last, q, e
    rise = (
        distance(p, q, metric, points, matrix)
        + distance(c, first, metric, points, matrix)
        + distance(last, e, metric, points, matrix)
        - distance(p, first, metric, points, matrix)
        - distance(last, q, metric, points, matrix)
        - distance(c, e, metric, points, matrix)
    )
    return rise, p, last, q, e


@called
def improve(
    a, tour, pos, metric, points, matrix, neighbours, queue, waiting, ends, journal, noted, numbers
):
    """Make the first improving move found that joins city a to a neighbour, or closes a gap at it.

    A move that shortens the tour has, begun at one of its removed edges and in one direction, a
    new edge shorter than the removed edge before it (Lin and Kernighan 1973); so only those new
    edges are looked at. An Or-opt move removes three edges, and any of them may be the one: a is an
    end of the segment, a city beside the gap, or the city that the segment leaves behind.

    Returns:
        the change of the length, 0 if there is no such move, and the number of moves noted.
    """
    n, near = len(tour), neighbours.shape[1]
    most = min(SEGMENT, n - 3)
    for side in range(2):
        forward = side == 0
        b = after(a, tour, pos) if forward else before(a, tour, pos)
        here = distance(a, b, metric, points, matrix)
        numbers[READS] += 1
        for k in range(near):
            c = np.int64(neighbours[a, k])
            there = distance(a, c, metric, points, matrix)
            numbers[READS] += 1
            if there >= here:
                break
            d = after(c, tour, pos) if forward else before(c, tour, pos)
            numbers[MOVES] += 1
            numbers[READS] += 2
            rise = (
                there
                + distance(b, d, metric, points, matrix)
                - here
                - distance(c, d, metric, points, matrix)
            )
            if rise < 0 and b != c and a != d:
                exchange(a, b, c, d, tour, pos)
                noted = note(a, b, c, d, journal, noted)
                ask_again(a, queue, waiting, ends)
                ask_again(b, queue, waiting, ends)
                ask_again(c, queue, waiting, ends)
                ask_again(d, queue, waiting, ends)
                return rise, noted
            # a is an end of a segment that moves beside c; the edge (a, b) goes
            for length in range(1, most + 1):
                for turn in range(2):
                    rise, p, last, q, e = try_insert(
                        a, not forward, length, c, turn == 0, tour, pos, metric, points, matrix
                    )
                    numbers[MOVES] += 1
                    numbers[READS] += 4
                    if rise < 0:
                        noted = noted_insert(
                            p, a, last, q, c, e, turn == 0, tour, pos, journal, noted
                        )
                        for city in (p, np.int32(a), last, q, np.int32(c), e):
                            ask_again(city, queue, waiting, ends)
                        return rise, noted
            # c is an end of a segment that moves into the gap (a, b)
            for length in range(1, most + 1):
                for turn in range(2):
                    reach = turn == 0
                    # b is the new neighbour of its other end: b follows a in the segment's own
                    # direction, or does not
                    rise, p, last, q, e = try_insert(
                        c, reach, length, a, forward == reach, tour, pos, metric, points, matrix
                    )
                    numbers[MOVES] += 1
                    numbers[READS] += 4
                    if rise < 0 and e == b:
                        noted = noted_insert(
                            p, c, last, q, a, e, forward == reach, tour, pos, journal, noted
                        )
                        for city in (p, np.int32(c), last, q, np.int32(a), e):
                            ask_again(city, queue, waiting, ends)
                        return rise, noted
        # a is left behind by a segment that began at b: the new edge (a, q) closes the gap
        last = b
        for length in range(1, most + 1):
            if length > 1:
                last = after(last, tour, pos) if forward else before(last, tour, pos)
            q = after(last, tour, pos) if forward else before(last, tour, pos)
            closing = distance(a, q, metric, points, matrix)
            opened = distance(last, q, metric, points, matrix)
            numbers[READS] += 2
            gain = here - closing + opened
            if closing >= here:
                continue
            for k in range(near):
                # the segment's far end is joined to c: it is the "first" of the move, seen from
                # there
                c = np.int64(neighbours[last, k])
                numbers[READS] += 1
                if distance(last, c, metric, points, matrix) >= gain:
                    break
                for turn in range(2):
                    rise, p, other, nothing, e = try_insert(
                        last, not forward, length, c, turn == 0, tour, pos, metric, points, matrix
                    )
                    numbers[MOVES] += 1
                    numbers[READS] += 3
                    if rise < 0:
                        noted = noted_insert(
                            p, last, other, nothing, c, e, turn == 0, tour, pos, journal, noted
                        )
                        for city in (p, last, other, nothing, np.int32(c), e):
                            ask_again(city, queue, waiting, ends)
                        return rise, noted
    return np.int64(0), noted


@kernel(
    "boolean(int32[::1], int32[::1], int64, float64[:,::1], int32[:,::1], int32[:,::1],"
    " int32[::1], boolean[::1], int64[::1], int32[:,::1], int64, int64[::1])"
)
def descend(
    tour, pos, metric, points, matrix, neighbours, queue, waiting, ends, journal, looks, numbers
):
    """Make improving moves until there is none, or until so many proposals have been judged.

    Args:
        queue, waiting, ends: the cities to look at, see `HEAD`; after the last of them every city
            is looked at once more.
        journal: (0, 4): nothing is undone.
        looks: how many proposals to judge at most, approximately.

    Returns:
        Whether the tour is a local optimum.
    """
    n = len(tour)
    last = numbers[MOVES] + looks
    while numbers[MOVES] < last:
        city = next_to_look_at(tour, queue, waiting, ends)
        if city < 0:
            return True
        rise, _ = improve(
            city,
            tour,
            pos,
            metric,
            points,
            matrix,
            neighbours,
            queue,
            waiting,
            ends,
            journal,
            0,
            numbers,
        )
        if rise < 0:
            numbers[CURRENT] += rise
            numbers[ACCEPTED] += 1
            ends[LEFT] = n
    return False


@called
def double_bridge(i, j, k, m, tour, pos, metric, points, matrix, numbers):
    """Let the three segments that end at the places j, k and m follow place i in the opposite
    order, each in its own direction: a | B | C | D | z becomes a | D | C | B | z.

    Returns:
        the change of the length, and the cities a, the first and last of B, C and D, and z.
    """
    n = len(tour)
    a, b1, b2 = tour[i], tour[(i + 1) % n], tour[j]
    c1, c2 = tour[(j + 1) % n], tour[k]
    d1, d2 = tour[(k + 1) % n], tour[m]
    z = tour[(m + 1) % n]
    rise = (
        distance(a, d1, metric, points, matrix)
        + distance(d2, c1, metric, points, matrix)
        + distance(c2, b1, metric, points, matrix)
        + distance(b2, z, metric, points, matrix)
        - distance(a, b1, metric, points, matrix)
        - distance(b2, c1, metric, points, matrix)
        - distance(c2, d1, metric, points, matrix)
        - distance(d2, z, metric, points, matrix)
    )
    numbers[READS] += 8
    numbers[MOVES] += 1
    # the whole turned round, then each segment turned back
    exchange(a, b1, d2, z, tour, pos)
    exchange(a, d2, d1, c2, tour, pos)
    exchange(d2, c2, c1, b2, tour, pos)
    exchange(c2, b2, b1, z, tour, pos)
    return rise, a, b1, b2, c1, c2, d1, d2, z


@kernel(
    "void(int32[::1], int32[::1], int64, float64[:,::1], int32[:,::1], int32[:,::1],"
    " int32[::1], boolean[::1], int64[::1], int32[:,::1], int64, float64, int32[::1], int64[::1],"
    " uint64[::1])"
)
def iterate(
    tour,
    pos,
    metric,
    points,
    matrix,
    neighbours,
    queue,
    waiting,
    ends,
    journal,
    looks,
    temperature,
    best,
    numbers,
    state,
):
    """Kick a locally optimal tour with double bridges, mend each by local search, and undo what
    made it longer (Johnson and McGeoch 1997), until so many proposals have been judged.

    Args:
        journal: (m, 4) room for the moves of one kick.
        temperature: a longer tour is kept with probability exp(−Δ/T); 0 keeps none.
        best: the shortest tour; changed in place.
    """
    n = len(tour)
    x = state[0]
    stop = numbers[MOVES] + looks
    reach = max(1, min(KICK, (n - 2) // 3))
    while numbers[MOVES] < stop:
        x = advanced(x)
        start = below(scrambled(x), n)
        x = advanced(x)
        bits = scrambled(x)
        one = 1 + np.int64(((bits >> np.uint64(48)) * np.uint64(reach)) >> np.uint64(16))
        two = 1 + np.int64(
            (((bits >> np.uint64(32)) & np.uint64(0xFFFF)) * np.uint64(reach)) >> np.uint64(16)
        )
        three = 1 + np.int64(
            (((bits >> np.uint64(16)) & np.uint64(0xFFFF)) * np.uint64(reach)) >> np.uint64(16)
        )
        rise, a, b1, b2, c1, c2, d1, d2, z = double_bridge(
            start,
            (start + one) % n,
            (start + one + two) % n,
            (start + one + two + three) % n,
            tour,
            pos,
            metric,
            points,
            matrix,
            numbers,
        )
        noted = note(a, b1, d2, z, journal, 0)
        noted = note(a, d2, d1, c2, journal, noted)
        noted = note(d2, c2, c1, b2, journal, noted)
        noted = note(c2, b2, b1, z, journal, noted)
        for city in (a, b1, b2, c1, c2, d1, d2, z):
            ask_again(city, queue, waiting, ends)
        while ends[COUNT] > 0:
            city = next_in(queue, waiting, ends)
            if noted + 3 > len(journal):
                continue  # the queue is emptied, and what was done is compared
            change, noted = improve(
                city,
                tour,
                pos,
                metric,
                points,
                matrix,
                neighbours,
                queue,
                waiting,
                ends,
                journal,
                noted,
                numbers,
            )
            rise += change
        keep = rise <= 0
        if not keep and temperature > 0.0:
            x = advanced(x)
            keep = kept(rise, temperature, 1.0, scrambled(x))
        if keep:
            if rise > 0 and numbers[CURRENT] == numbers[LOWEST]:
                # the shortest tour so far is left: it is kept as it was, by undoing and redoing
                for k in range(noted - 1, -1, -1):
                    exchange(journal[k, 0], journal[k, 2], journal[k, 1], journal[k, 3], tour, pos)
                copy(tour, best)
                for k in range(noted):
                    exchange(journal[k, 0], journal[k, 1], journal[k, 2], journal[k, 3], tour, pos)
            numbers[CURRENT] += rise
            numbers[ACCEPTED] += 1
            numbers[LOWEST] = min(numbers[LOWEST], numbers[CURRENT])
        else:
            for k in range(noted - 1, -1, -1):
                exchange(journal[k, 0], journal[k, 2], journal[k, 1], journal[k, 3], tour, pos)
    if numbers[CURRENT] == numbers[LOWEST]:
        copy(tour, best)
    state[0] = x


@kernel(
    "void(int32[::1], int32[::1], int64, float64[:,::1], int32[:,::1], int64[::1], uint64[::1])"
)
def kick(tour, pos, metric, points, matrix, numbers, state):
    """Make one double bridge with segments anywhere on the tour, as a visitor asks for it."""
    n = len(tour)
    x = state[0]
    i = j = k = m = np.int64(0)
    while not (i < j and j < k and k < m):
        x = advanced(x)
        i = below(scrambled(x), n)
        x = advanced(x)
        j = below(scrambled(x), n)
        x = advanced(x)
        k = below(scrambled(x), n)
        x = advanced(x)
        m = below(scrambled(x), n)
    state[0] = x
    rise = double_bridge(i, j, k, m, tour, pos, metric, points, matrix, numbers)[0]
    numbers[CURRENT] += rise
