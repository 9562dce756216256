"""Optimal lengths of travelling salesman problems of TSPLIB, as its page of solutions has them, and
of vehicle routing problems of CVRPLIB.

Those of TSPLIB were all proved (pla85900, the last, in 2006). An instance is recognised by its
name, its number of cities, the type of its distances and, where `IDENTITY` has it, the length of
the tour in the order of its cities. The distances of the others are not compared: a tour shorter
than the published optimum shows that it is another instance of that name, and the race then drops
the published value.
"""

from __future__ import annotations

import re

from .instance import Known, Metric

# fmt: off
OPTIMA: dict[Metric, dict[str, int]] = {
    "EUC_2D": {
        "a280": 2579, "berlin52": 7542, "bier127": 118282, "brd14051": 469385, "ch130": 6110,
        "ch150": 6528, "d198": 15780, "d493": 35002, "d657": 48912, "d1291": 50801,
        "d1655": 62128, "d2103": 80450, "d15112": 1573084, "d18512": 645238, "dsj1000": 18659688,
        "eil51": 426, "eil76": 538, "eil101": 629, "fl417": 11861, "fl1400": 20127,
        "fl1577": 22249, "fl3795": 28772, "fnl4461": 182566, "gil262": 2378, "kroA100": 21282,
        "kroB100": 22141, "kroC100": 20749, "kroD100": 21294, "kroE100": 22068, "kroA150": 26524,
        "kroB150": 26130, "kroA200": 29368, "kroB200": 29437, "lin105": 14379, "lin318": 42029,
        "nrw1379": 56638, "p654": 34643, "pcb442": 50778, "pcb1173": 56892, "pcb3038": 137694,
        "pr76": 108159, "pr107": 44303, "pr124": 59030, "pr136": 96772, "pr144": 58537,
        "pr152": 73682, "pr226": 80369, "pr264": 49135, "pr299": 48191, "pr439": 107217,
        "pr1002": 259045, "pr2392": 378032, "rat99": 1211, "rat195": 2323, "rat575": 6773,
        "rat783": 8806, "rd100": 7910, "rd400": 15281, "rl1304": 252948, "rl1323": 270199,
        "rl1889": 316536, "rl5915": 565530, "rl5934": 556045, "rl11849": 923288, "st70": 675,
        "ts225": 126643, "tsp225": 3916, "u159": 42080, "u574": 36905, "u724": 41910,
        "u1060": 224094, "u1432": 152970, "u1817": 57201, "u2152": 64253, "u2319": 234256,
        "usa13509": 19982859, "vm1084": 239297, "vm1748": 336556,
    },
    "CEIL_2D": {
        "dsj1000": 18660188, "pla7397": 23260728, "pla33810": 66048945, "pla85900": 142382641,
    },
    "GEO": {
        "ali535": 202339, "burma14": 3323, "gr96": 55209, "gr137": 69853, "gr202": 40160,
        "gr229": 134602, "gr431": 171414, "gr666": 294358, "ulysses16": 6859, "ulysses22": 7013,
    },
    "ATT": {"att48": 10628, "att532": 27686},
    "EXPLICIT": {
        "bayg29": 1610, "bays29": 2020, "brazil58": 25395, "brg180": 1950, "dantzig42": 699,
        "fri26": 937, "gr17": 2085, "gr21": 2707, "gr24": 1272, "gr48": 5046, "gr120": 6942,
        "hk48": 11461, "pa561": 2763, "si175": 21407, "si535": 48450, "si1032": 92650,
        "swiss42": 1273,
        # asymmetric
        "br17": 39, "ft53": 6905, "ft70": 38673, "ftv33": 1286, "ftv35": 1473, "ftv38": 1530,
        "ftv44": 1613, "ftv47": 1776, "ftv55": 1608, "ftv64": 1839, "ftv70": 1950, "ftv90": 1579,
        "ftv100": 1788, "ftv110": 1958, "ftv120": 2166, "ftv130": 2307, "ftv140": 2420,
        "ftv150": 2611, "ftv160": 2683, "ftv170": 2755, "kro124p": 36230, "p43": 5620,
        "rbg323": 1326, "rbg358": 1163, "rbg403": 2465, "rbg443": 2720, "ry48p": 14422,
    },
}

IDENTITY = {
    "a280": 2808, "att48": 49840, "att532": 309636, "bays29": 5752, "berlin52": 22205,
    "burma14": 4562, "ch150": 52814, "eil51": 1308, "gr17": 4722, "gr666": 423710,
    "kroA100": 191387, "pcb442": 221440, "pr1002": 349403, "ulysses22": 12198,
    "A-n32-k5": 1927, "E-n22-k4": 494,
}
"""Lengths of the tours 1, 2, …, n, which tell problems from others of their names."""

ROUTES: dict[str, int] = {
    "A-n32-k5": 784, "A-n33-k5": 661, "A-n33-k6": 742, "A-n34-k5": 778, "A-n36-k5": 799,
    "A-n37-k5": 669, "A-n37-k6": 949, "A-n38-k5": 730, "A-n39-k5": 822, "A-n39-k6": 831,
    "A-n44-k6": 937, "A-n45-k6": 944, "A-n45-k7": 1146, "A-n46-k7": 914, "A-n48-k7": 1073,
    "A-n53-k7": 1010, "A-n54-k7": 1167, "A-n55-k9": 1073, "A-n60-k9": 1354, "A-n61-k9": 1034,
    "A-n62-k8": 1288, "A-n63-k9": 1616, "A-n63-k10": 1314, "A-n64-k9": 1401, "A-n65-k9": 1174,
    "A-n69-k9": 1159, "A-n80-k10": 1763, "E-n22-k4": 375, "E-n51-k5": 521, "E-n76-k10": 830,
    "E-n101-k8": 815, "F-n45-k4": 724, "F-n72-k4": 237, "F-n135-k7": 1162,
    "X-n101-k25": 27591, "X-n106-k14": 26362, "X-n110-k13": 14971, "X-n115-k10": 12747,
    "X-n120-k6": 13332, "X-n125-k30": 55539, "X-n129-k18": 28940, "X-n134-k13": 10916,
    "X-n139-k10": 13590, "X-n143-k7": 15700, "X-n148-k46": 43448, "X-n153-k22": 21220,
    "X-n157-k13": 16876, "X-n162-k11": 14138, "X-n167-k10": 20557, "X-n172-k51": 45607,
    "X-n176-k26": 47812, "X-n181-k23": 25569, "X-n186-k15": 24145, "X-n190-k8": 16980,
    "X-n195-k51": 44225, "X-n200-k36": 58578,
}
"""Lengths of the shortest routes of problems of CVRPLIB, all EUC_2D and proved."""
# fmt: on


def cities(name: str) -> int:
    """Return how many cities a problem of TSPLIB has: the number in its name, with two kinds of
    exceptions.
    """
    if name == "kro124p":
        return 100
    number = int(re.sub(r"\D", "", name))
    return number + 1 if name.startswith("ftv") else number  # without the depot in their names


# fmt: off
PAIRINGS: dict[str, tuple[int, int, int, int]] = {
    # rows, columns, the sum of all costs, and the optimum
    "sppnw41": (17, 197, 856404, 11307), "sppnw43": (18, 1072, 3402908, 8904),
}
"""Set partitioning problems of the OR-Library, with their proved optima (Hoffman and Padberg 1993,
https://doi.org/10.1287/mnsc.39.6.657)."""
# fmt: on


# fmt: off
LANDINGS: dict[tuple[str, int], tuple[int, int, int, bool]] = {
    # file and runways: planes, the sum of all targets, the price in hundredths, proved or not
    ("airland1", 1): (10, 1483, 70_000, True), ("airland2", 1): (15, 2695, 148_000, True),
    ("airland3", 1): (20, 4070, 82_000, True), ("airland4", 1): (20, 3552, 252_000, True),
    ("airland5", 1): (20, 3528, 310_000, True), ("airland6", 1): (30, 42284, 2_444_200, True),
    ("airland7", 1): (44, 108810, 155_000, True), ("airland9", 1): (100, 633477, 561_170, False),
    ("airland1", 2): (10, 1483, 9_000, True), ("airland1", 3): (10, 1483, 0, True),
}
"""Problems of aircraft landing of the OR-Library: optima (Beasley et al. 2000,
https://doi.org/10.1287/trsc.34.2.180.12302), and the best known price of airland9."""
# fmt: on


def published_landing(
    name: str, planes: int, runways: int, targets: int, units: int
) -> Known | None:
    """Return the best known price of a problem of aircraft landing of the OR-Library; None if there
    is no such problem.

    Args:
        name: of its file, such as "airland1", in any case.
        planes: how many it has.
        runways: how many it has.
        targets: the sum of all targets, which tells it from others of that name.
        units: how many units of price there are in one of the file's.
    """
    found = LANDINGS.get((name.lower().removesuffix("-planes-first"), runways))
    if found is None or found[:2] != (planes, targets):
        return None
    return Known(found[2] * units // 100, found[3], "OR-Library")


def published_pairing(name: str, rows: int, columns: int, costs: int) -> Known | None:
    """Return the optimum of a set partitioning problem of the OR-Library; None if there is no such
    problem.

    Args:
        name: of its file, such as "sppnw41", in any case.
        rows: how many it has.
        columns: how many it has.
        costs: the sum of all costs, which tells it from others of that name.
    """
    found = PAIRINGS.get(name.lower())
    if found is None or found[:3] != (rows, columns, costs):
        return None
    return Known(found[3], True, "OR-Library")


def published(name: str, size: int, metric: Metric, identity: int | None = None) -> Known | None:
    """Return the optimal length of a problem of TSPLIB; None if there is no such problem.

    Args:
        name: of the problem, such as "berlin52", in any case.
        size: how many cities it has.
        metric: the type of its distances.
        identity: the length of the tour through its cities in their order; None is not compared.
    """
    found = {key.lower(): (key, value) for key, value in OPTIMA.get(metric, {}).items()}
    if name.lower() not in found:
        return None
    written, value = found[name.lower()]
    if identity is not None and IDENTITY.get(written, identity) != identity:
        return None
    return Known(value, True, "TSPLIB") if cities(written) == size else None


def published_routes(
    name: str, size: int, metric: Metric, identity: int | None = None
) -> Known | None:
    """Return the optimal length of a problem of CVRPLIB; None if it is not listed here.

    Args:
        name: of the problem, such as "A-n32-k5", in any case.
        size: how many customers and depots it has: the first number in its name.
        metric: the type of its distances.
        identity: the length of the tour through all its places in their order; None is not
            compared.
    """
    found = {key.lower(): (key, value) for key, value in ROUTES.items()}
    written, value = found.get(name.lower(), (name, None))
    if identity is not None and IDENTITY.get(written, identity) != identity:
        return None
    if value is None or metric != "EUC_2D" or int(name.split("-")[1][1:]) != size:
        return None
    return Known(value, True, "CVRPLIB")
