"""Routes of vehicles as linked rings, and the moves that change them: relocation and exchange of
customers (Waters 1987; Savelsbergh 1992), 2-opt within a route (Croes 1958), and tails exchanged
between two, 2-opt* (Potvin and Rousseau 1995). Distances are the same in both directions.

Nodes below n are the places of the instance, of which 0 is the depot and never used; node n + v is
the depot in the ring of vehicle v, so an empty route is a node linked to itself. Of every node
``links`` has the one before and after it, its route, and its place in it; ``carried`` is what the
vehicle has delivered once it leaves it.

Overload is allowed and charged: energy = distance + ⌈price · overload / 1024⌉, a whole number, in
which overload is summed over the routes. What a look at a distance costs is counted: 4 for a 2-opt
or 2-opt* proposal, 6 for a relocation, 8 for an exchange.
"""

from __future__ import annotations

import numpy as np

from .acceptance import add_energy, kept, steepest
from .counters import ACCEPTED, CURRENT, LOWEST, MOVES, READS
from .distance import distance
from .jit import inner, kernel
from .random_bits import advanced, scrambled

BEFORE, AFTER, ROUTE, PLACE = range(4)
"""Columns of ``links``."""
DISTANCE, OVERLOAD, FEASIBLE, TURN = range(4)
"""Places in ``books``: the length of the present routes, by how much they exceed the capacity,
proposals made while they did not, and whose turn it is of the kinds of moves."""
PARTS = 10
"""The price of a unit of overload is in units of 2^−PARTS, so that it need not be whole."""
SEGMENT = 3
"""Most customers that a relocation takes along."""


@inner
def charge(overload, price):
    """Return what overload costs, rounded up."""
    return (overload * price + (1 << PARTS) - 1) >> PARTS


@inner
def link(links, node, column):
    """Return an entry of ``links``."""
    return np.int64(links[np.uint64(node), np.uint64(column)])


@inner
def place(node, n):
    """Return the place of the instance where a node lies."""
    return node if node < n else np.int64(0)


@inner
def join(a, b, links):
    """Let b follow a."""
    links[a, AFTER] = b
    links[b, BEFORE] = a


@inner
def flip(first, last, links):
    """Turn the nodes of a path round, each for itself; its ends are still to be joined."""
    node = first
    while True:
        after = np.int64(links[node, AFTER])
        links[node, AFTER] = links[node, BEFORE]
        links[node, BEFORE] = after
        if node == last:
            return
        node = after


@inner
def count(v, n, links, carried, loads, demand):
    """Write route, place and load of every node of a route again."""
    depot = n + v
    node, k, load = np.int64(links[depot, AFTER]), 1, np.int64(0)
    while node != depot:
        load += demand[node]
        links[node, ROUTE] = v
        links[node, PLACE] = k
        carried[node] = load
        node = np.int64(links[node, AFTER])
        k += 1
    loads[v] = load


@inner
def turn_round(x, y, links):
    """Turn the path between two nodes of one route round, each of which is left by an edge that
    goes: a 2-opt move.
    """
    if links[x, PLACE] > links[y, PLACE]:
        x, y = y, x
    first, after = np.int64(links[x, AFTER]), np.int64(links[y, AFTER])
    flip(first, y, links)
    join(x, y, links)
    join(first, after, links)


@inner
def heads(x, y, r, s, n, links):
    """Join the head of route r, up to x, with that of s, up to y; and the two tails."""
    home, other = n + r, n + s
    b, d = np.int64(links[x, AFTER]), np.int64(links[y, AFTER])
    first, last = np.int64(links[other, AFTER]), np.int64(links[home, BEFORE])
    if y != other:
        flip(first, y, links)
    if b != home:
        flip(b, last, links)
    if y != other:
        join(x, y, links)
        join(first, home, links)
    else:
        join(x, home, links)
    if b != home:
        join(other, last, links)
        join(b, d, links)
    else:
        join(other, d, links)


@inner
def tails(x, y, r, s, n, links):
    """Exchange what follows x in route r and y in route s."""
    home, other = n + r, n + s
    b, d = np.int64(links[x, AFTER]), np.int64(links[y, AFTER])
    last, end = np.int64(links[home, BEFORE]), np.int64(links[other, BEFORE])
    if d != other:
        join(x, d, links)
        join(end, home, links)
    else:
        join(x, home, links)
    if b != home:
        join(y, b, links)
        join(last, other, links)
    else:
        join(y, other, links)


@inner
def relocate(a, last, side, c, e, beside, links):
    """Move the path that begins at a and leads to the given side, up to ``last``, between c and e,
    a beside c. Sides are `BEFORE` or `AFTER`; e lies on the side ``beside`` of c.
    """
    low, high = (a, last) if side == AFTER else (last, a)
    join(np.int64(links[low, BEFORE]), np.int64(links[high, AFTER]), links)
    if side != beside:
        flip(low, high, links)
    if beside == AFTER:
        join(c, a, links)
        join(last, e, links)
    else:
        join(e, last, links)
        join(a, c, links)


@inner
def exchange(a, d, links):
    """Let two customers that are not neighbours change places."""
    p, q = np.int64(links[a, BEFORE]), np.int64(links[a, AFTER])
    u, w = np.int64(links[d, BEFORE]), np.int64(links[d, AFTER])
    join(p, d, links)
    join(d, q, links)
    join(u, a, links)
    join(a, w, links)


@inner
def write(n, links, loads, flat):
    """Write the routes into ``flat``, with −1 between two vehicles."""
    at, vehicles = 0, len(loads)
    for v in range(vehicles):
        if v:
            flat[at] = -1
            at += 1
        node = np.int64(links[n + v, AFTER])
        while node != n + v:
            flat[at] = node
            at += 1
            node = np.int64(links[node, AFTER])


@kernel("void(int32[:,::1], int64[::1], int32[::1])")
def written(links, loads, flat):
    """Write the routes into ``flat`` (n − 1 + vehicles − 1,), with −1 between two vehicles."""
    write(len(links) - len(loads), links, loads, flat)


@kernel("void(int32[::1], int64[::1], int32[:,::1], int64[::1], int64[::1])")
def laid(flat, demand, links, carried, loads):
    """Link the nodes as in a row of customers with −1 between two vehicles.

    Args:
        flat: the row; it has every customer once.
        demand: (n,) of every place.
        links: (n + vehicles, 4) gets the rings.
        carried: (n + vehicles,) gets what is delivered up to every node.
        loads: (vehicles,) gets the sum of every route.
    """
    n, vehicles = len(demand), len(loads)
    for v in range(vehicles):
        join(n + v, n + v, links)
        links[n + v, ROUTE] = v
        links[n + v, PLACE] = 0
        carried[n + v] = 0
    v = 0
    for k in range(len(flat)):
        if flat[k] < 0:
            v += 1
        else:
            node = np.int64(flat[k])
            join(np.int64(links[n + v, BEFORE]), node, links)
            join(node, n + v, links)
    for v in range(vehicles):
        count(v, n, links, carried, loads, demand)


@kernel("int64(int32[::1], int64, float64[:,::1], int32[:,::1])")
def routes_length(flat, metric, points, matrix):
    """Return the length of all routes of a row of customers with −1 between two vehicles."""
    total, last = np.int64(0), np.int64(0)
    for k in range(len(flat)):
        stop = max(np.int64(flat[k]), np.int64(0))
        total += distance(last, stop, metric, points, matrix)
        last = stop
    return total + distance(last, np.int64(0), metric, points, matrix)


@kernel(
    "void(int32[:,::1], int64[::1], int64[::1], int64[::1], int64, int64, float64[:,::1],"
    " int32[:,::1], int32[:,::1], int64, float64, float64, int64, int32[::1], int64[::1],"
    " int64[::1], float64[::1], uint64[::1])"
)
def anneal(
    links,
    carried,
    loads,
    demand,
    capacity,
    metric,
    points,
    matrix,
    near,
    price,
    temperature,
    shape,
    proposals,
    best,
    numbers,
    books,
    sums,
    state,
):
    """Make so many proposals at one temperature, and keep each by the Metropolis rule, see
    `tours.anneal`. A proposal brings a customer beside one that is near, or beside the depot: half
    are relocations, a quarter exchanges, a quarter 2-opt or 2-opt*.

    Args:
        links, carried, loads: of the present routes; changed in place.
        demand: (n,) of every place.
        capacity: what a vehicle holds.
        metric, points, matrix: see `distance`.
        near: (n, K) the places that a customer may be joined to; 0 is the depot of any vehicle.
        price: of a unit of overload, in units of 2^−PARTS.
        temperature, shape, proposals, sums, state: see `tours.anneal`.
        best: (n − 1 + vehicles − 1,) the shortest feasible routes; changed in place.
        numbers: see `counters`.
        books: see `DISTANCE` and what follows.
    """
    n, width, vehicles = len(demand), near.shape[1], len(loads)
    length, overload, turn = books[DISTANCE], books[OVERLOAD], books[TURN]
    fee = charge(overload, price)
    first_energy, lowest = length + fee, numbers[LOWEST]
    reads, accepted, feasible = 0, 0, 0
    standing = False
    sums[:] = 0.0
    since = 0
    limit = steepest(temperature, shape)
    x = state[0]
    for proposal in range(proposals):
        x = advanced(x)
        bits = scrambled(x)
        a = 1 + np.int64(((bits >> np.uint64(40)) * np.uint64(n - 1)) >> np.uint64(24))
        k = (((bits >> np.uint64(24)) & np.uint64(0xFFFF)) * np.uint64(width)) >> np.uint64(16)
        c = np.int64(near[np.uint64(a), k])
        if c == 0:
            x = advanced(x)
            v = ((scrambled(x) >> np.uint64(32)) * np.uint64(vehicles)) >> np.uint64(32)
            c = n + np.int64(v)
        side = np.int64((bits >> np.uint64(23)) & np.uint64(1))
        beside = np.int64((bits >> np.uint64(22)) & np.uint64(1))
        r, s = link(links, a, ROUTE), link(links, c, ROUTE)
        kind = (proposal + turn) & 3
        last, b, d, left, y = a, a, a, a, c
        moved = np.int64(0)  # load that route r loses
        if kind & 1 == 0:
            wanted = np.int64(
                (((bits >> np.uint64(12)) & np.uint64(0x3FF)) * np.uint64(SEGMENT)) >> np.uint64(10)
            )
            e = link(links, c, beside)
            taken = a == e
            moved = demand[np.uint64(a)]
            for _ in range(wanted):
                following = link(links, last, side)
                if following >= n:
                    break  # the route ends; it takes what there is
                last = following
                taken |= last == c
                taken |= last == e
                moved += demand[np.uint64(last)]
            if taken:
                continue
            p, q = link(links, a, 1 - side), link(links, last, side)
            d = e
            pc, pe, pp, pq = place(c, n), place(e, n), place(p, n), place(q, n)
            rise = (
                distance(pp, pq, metric, points, matrix)
                + distance(pc, a, metric, points, matrix)
                + distance(last, pe, metric, points, matrix)
                - distance(pp, a, metric, points, matrix)
                - distance(last, pq, metric, points, matrix)
                - distance(pc, pe, metric, points, matrix)
            )
            reads += 6
        elif kind == 1:
            b = link(links, a, side)
            # of two routes the heads may be joined, or the tails exchanged
            crossed = beside == 1 and r != s
            d = link(links, c, 1 - side if crossed else side)
            if b == c or a == d or (b >= n and c >= n):
                continue
            pb, pc, pd = place(b, n), place(c, n), place(d, n)
            rise = (
                distance(a, pc, metric, points, matrix)
                + distance(pb, pd, metric, points, matrix)
                - distance(a, pb, metric, points, matrix)
                - distance(pc, pd, metric, points, matrix)
            )
            reads += 4
            # the edges that go follow these two
            left = a if side == AFTER else b
            y = (d if side == AFTER else c) if crossed else (c if side == AFTER else d)
            if r != s:
                given = loads[s] - carried[y] if crossed else carried[y]
                moved = loads[r] - carried[left] - given
        else:
            d = link(links, c, side)
            p, q = link(links, a, BEFORE), link(links, a, AFTER)
            beside_each_other = p == d
            beside_each_other |= q == d
            if d >= n or d == a or beside_each_other:
                continue
            u, w = link(links, d, BEFORE), link(links, d, AFTER)
            moved = demand[np.uint64(a)] - demand[np.uint64(d)]
            s = link(links, d, ROUTE)
            pp, pq, pu, pw = place(p, n), place(q, n), place(u, n), place(w, n)
            rise = (
                distance(pu, a, metric, points, matrix)
                + distance(a, pw, metric, points, matrix)
                + distance(pp, d, metric, points, matrix)
                + distance(d, pq, metric, points, matrix)
                - distance(pp, a, metric, points, matrix)
                - distance(a, pq, metric, points, matrix)
                - distance(pu, d, metric, points, matrix)
                - distance(d, pw, metric, points, matrix)
            )
            reads += 8
        if rise - fee > limit:
            continue  # even if no overload were left
        over, toll = overload, fee
        if r != s:
            one, other = loads[r], loads[s]
            over += (
                max(np.int64(0), one - moved - capacity)
                + max(np.int64(0), other + moved - capacity)
                - max(np.int64(0), one - capacity)
                - max(np.int64(0), other - capacity)
            )
            toll = charge(over, price)
        change = rise + toll - fee
        if change > 0:
            if change > limit:
                continue
            x = advanced(x)
            if not kept(change, temperature, shape, scrambled(x)):
                continue
        record = over == 0 and length + rise < lowest
        if standing and not record:
            write(n, links, loads, best)
            standing = False
        add_energy(sums, float(length + fee - first_energy), proposal - since)
        feasible += proposal - since if overload == 0 else 0
        since = proposal
        if kind & 1 == 0:
            relocate(a, last, side, c, d, beside, links)
        elif kind == 3:
            exchange(a, d, links)
        elif r == s:
            turn_round(left, y, links)
        elif beside == 1:
            tails(left, y, r, s, n, links)
        else:
            heads(left, y, r, s, n, links)
        count(r, n, links, carried, loads, demand)
        if r != s:
            count(s, n, links, carried, loads, demand)
        length += rise
        overload, fee = over, toll
        accepted += 1
        if record:
            lowest, standing = length, True
    add_energy(sums, float(length + fee - first_energy), proposals - since)
    feasible += proposals - since if overload == 0 else 0
    if standing:
        write(n, links, loads, best)
    books[DISTANCE], books[OVERLOAD] = length, overload
    books[FEASIBLE] += feasible
    books[TURN] = (turn + proposals) & 3
    numbers[CURRENT], numbers[LOWEST] = length + fee, lowest
    numbers[READS] += reads
    numbers[MOVES] += proposals
    numbers[ACCEPTED] += accepted
    state[0] = x
