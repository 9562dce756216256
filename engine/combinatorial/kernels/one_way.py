"""Moves of tours whose distances depend on the direction: two neighbouring stretches of cities are
exchanged, each keeping its direction (a pure 3-opt move; Kanellakis and Papadimitriou 1980).

Nothing is ever turned round, so 2-opt moves do not exist here. A proposal looks at six distances.
"""

from __future__ import annotations

import numpy as np

from .acceptance import add_energy, kept, steepest
from .counters import ACCEPTED, CURRENT, LOWEST, MOVES, READS
from .distance import distance
from .jit import called, inner, kernel
from .random_bits import advanced, below, scrambled
from .tours import COUNT, LEFT, ask_again, city_at, copy, next_in, next_to_look_at

LONGEST = 50
"""Most cities in the stretch that a proposal takes elsewhere."""
SHORT = 3
"""Most cities in the stretch that local search takes elsewhere."""


@called
def swap_stretches(start, one, two, tour, pos, room):
    """Exchange two stretches that follow each other.

    Args:
        start: place of the first city of the first stretch.
        one: its number of cities.
        two: the number of cities of the second stretch.
        room: (n,) int32, overwritten.
    """
    n = len(tour)
    for k in range(one):
        room[k] = city_at(start + k, tour)
    for k in range(two):
        place = start + k
        place -= n if place >= n else 0
        city = city_at(start + one + k, tour)
        tour[place], pos[city] = city, place
    for k in range(one):
        place = start + two + k
        place -= n if place >= n else 0
        place -= n if place >= n else 0
        city = room[k]
        tour[place], pos[city] = city, place


@called
def move(first, length, c, tour, pos, room):
    """Take ``length`` cities from ``first`` on out of the tour and put them behind c.

    The stretch in between moves the other way; it or the rest of the tour does, whichever is
    shorter.
    """
    n = len(tour)
    start, at = np.int64(pos[first]), np.int64(pos[c])
    between = at - (start + length) + 1  # cities after the stretch up to c
    between += n if between < 0 else 0
    between -= n if between >= n else 0
    rest = n - length - between  # cities after c up to the stretch
    if between <= rest:
        swap_stretches(start, length, between, tour, pos, room)
    else:
        begin = at + 1
        begin -= n if begin >= n else 0
        swap_stretches(begin, rest, length, tour, pos, room)


@inner
def change(first, length, c, tour, pos, metric, points, matrix):
    """Return what putting a stretch behind c would change, 0 if c is in it or just before it."""
    n = len(tour)
    start = np.int64(pos[first])
    apart = np.int64(pos[c]) - start
    apart += n if apart < 0 else 0
    if apart < length or apart == n - 1:
        return np.int64(0)
    last = city_at(start + length - 1, tour)
    p, q = city_at(start - 1, tour), city_at(start + length, tour)
    e = city_at(np.int64(pos[c]) + 1, tour)
    return (
        distance(p, q, metric, points, matrix)
        + distance(c, first, metric, points, matrix)
        + distance(last, e, metric, points, matrix)
        - distance(p, first, metric, points, matrix)
        - distance(last, q, metric, points, matrix)
        - distance(c, e, metric, points, matrix)
    )


@kernel(
    "void(int32[::1], int32[::1], int64, float64[:,::1], int32[:,::1], int32[:,::1], float64,"
    " float64, int64, int32[::1], int32[::1], int64[::1], float64[::1], uint64[::1])"
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
    room,
    best,
    numbers,
    sums,
    state,
):
    """Make so many proposals at one temperature; see `tours.anneal`.

    Args:
        neighbours: (n, K) the cities from which a city is reached by a short way.
        room: (n,) int32, overwritten.
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
    most = min(LONGEST, n - 2)
    for proposal in range(proposals):
        x = advanced(x)
        bits = scrambled(x)
        first = np.int64(((bits >> np.uint64(40)) * np.uint64(n)) >> np.uint64(24))
        k = (((bits >> np.uint64(24)) & np.uint64(0xFFFF)) * np.uint64(near)) >> np.uint64(16)
        c = np.int64(neighbours[np.uint64(first), k])
        # half of the stretches are of one to three cities
        short = (bits >> np.uint64(23)) & np.uint64(1) == 1
        longest = min(SHORT, most) if short else most
        length = 1 + np.int64(
            (((bits >> np.uint64(8)) & np.uint64(0x7FFF)) * np.uint64(longest)) >> np.uint64(15)
        )
        rise = change(first, length, c, tour, pos, metric, points, matrix)
        reads += 6
        if rise == 0:
            continue
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
        move(first, length, c, tour, pos, room)
        current += rise
        accepted += 1
        if current < lowest:
            lowest, standing = current, True
    add_energy(sums, float(current - first_length), proposals - since)
    if standing:
        copy(tour, best)
    numbers[CURRENT], numbers[LOWEST] = current, lowest
    numbers[READS] += reads
    numbers[MOVES] += proposals
    numbers[ACCEPTED] += accepted
    state[0] = x


@called
def improve(
    a,
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
    room,
    numbers,
):
    """Make the first improving move found that puts a city from which a is reached by a short way
    before it; see `tours.improve`.

    Returns:
        the change of the length, 0 if there is no such move, and the number of moves noted.
    """
    n, near = len(tour), neighbours.shape[1]
    p = city_at(np.int64(pos[a]) - 1, tour)
    here = distance(p, a, metric, points, matrix)
    numbers[READS] += 1
    for k in range(near):
        c = np.int64(neighbours[a, k])
        numbers[READS] += 1
        if distance(c, a, metric, points, matrix) >= here:
            break
        apart = np.int64(pos[c]) - np.int64(pos[a])
        apart += n if apart < 0 else 0
        # the stretch that begins at a goes behind c, or the one that ends at c goes before a
        for length in range(1, min(SHORT, n - 2) + 1):
            for turn in range(2):
                first, target = a, c
                if turn == 1:
                    first = city_at(np.int64(pos[c]) - length + 1, tour)
                    target = p
                numbers[MOVES] += 1
                numbers[READS] += 5
                rise = change(first, length, target, tour, pos, metric, points, matrix)
                if rise < 0:
                    last = city_at(np.int64(pos[first]) + length - 1, tour)
                    before_it = city_at(np.int64(pos[first]) - 1, tour)
                    q = city_at(np.int64(pos[last]) + 1, tour)
                    e = city_at(np.int64(pos[target]) + 1, tour)
                    if noted < len(journal):
                        journal[noted, 0], journal[noted, 1] = first, length
                        journal[noted, 2], journal[noted, 3] = before_it, 0
                    move(first, length, target, tour, pos, room)
                    for city in (first, last, before_it, q, target, e):
                        ask_again(city, queue, waiting, ends)
                    return rise, noted + 1
    return np.int64(0), noted


@kernel(
    "boolean(int32[::1], int32[::1], int64, float64[:,::1], int32[:,::1], int32[:,::1],"
    " int32[::1], boolean[::1], int64[::1], int32[:,::1], int32[::1], int64, int64[::1])"
)
def descend(
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
    room,
    looks,
    numbers,
):
    """Make improving moves until there is none, or for so many proposals; see `tours.descend`."""
    n = len(tour)
    last = numbers[MOVES] + looks
    while numbers[MOVES] < last:
        city = next_to_look_at(tour, queue, waiting, ends)
        if city < 0:
            return True
        rise, _ = improve(
            np.int64(city),
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
            room,
            numbers,
        )
        if rise < 0:
            numbers[CURRENT] += rise
            numbers[ACCEPTED] += 1
            ends[LEFT] = n
        else:
            numbers[MOVES] += 1
    return False


@kernel(
    "void(int32[::1], int32[::1], int64, float64[:,::1], int32[:,::1], int32[:,::1],"
    " int32[::1], boolean[::1], int64[::1], int32[:,::1], int32[::1], int64, float64, int32[::1],"
    " int64[::1], uint64[::1])"
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
    room,
    looks,
    temperature,
    best,
    numbers,
    state,
):
    """Kick a locally optimal tour by permuting three stretches, mend it, and undo what made it
    longer; see `tours.iterate`.
    """
    n = len(tour)
    x = state[0]
    stop = numbers[MOVES] + looks
    reach = max(1, min(LONGEST, (n - 2) // 3))
    while numbers[MOVES] < stop:
        x = advanced(x)
        start = below(scrambled(x), n)
        x = advanced(x)
        one = 1 + below(scrambled(x), reach)
        x = advanced(x)
        two = 1 + below(scrambled(x), reach)
        # a | B | C | z becomes a | C | B | z
        b1 = city_at(start + 1, tour)
        c2 = city_at(start + one + two, tour)
        rise = change(b1, one, c2, tour, pos, metric, points, matrix)
        numbers[READS] += 6
        numbers[MOVES] += 1
        a = city_at(start, tour)
        b2, c1 = city_at(start + one, tour), city_at(start + one + 1, tour)
        z = city_at(start + one + two + 1, tour)
        journal[0, 0], journal[0, 1], journal[0, 2] = b1, one, a
        move(b1, one, c2, tour, pos, room)
        noted = 1
        for city in (a, b1, b2, c1, c2, z):
            ask_again(city, queue, waiting, ends)
        while ends[COUNT] > 0:
            city = next_in(queue, waiting, ends)
            if noted >= len(journal):
                continue
            change_now, noted = improve(
                np.int64(city),
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
                room,
                numbers,
            )
            rise += change_now
        keep = rise <= 0
        if not keep and temperature > 0.0:
            x = advanced(x)
            keep = kept(rise, temperature, 1.0, scrambled(x))
        if keep:
            numbers[CURRENT] += rise
            numbers[ACCEPTED] += 1
            if numbers[CURRENT] < numbers[LOWEST]:
                numbers[LOWEST] = numbers[CURRENT]
                copy(tour, best)
        else:
            for k in range(noted - 1, -1, -1):
                move(journal[k, 0], journal[k, 1], journal[k, 2], tour, pos, room)
    state[0] = x
