"""Read and write the files of CVRPLIB (Uchoa et al. 2017): .vrp and .sol.

https://doi.org/10.1016/j.ejor.2016.08.012.

A .vrp file is one of TSPLIB with demands, a capacity and a depot. How many vehicles there are is
free: the number in names and comments ("-k5", "Min no of trucks: 5") is only how many the demands
fill at least. VEHICLES, which some files have, is the most that there may be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ...uploads.limits import named, refuse
from .. import checks
from ..instance import Integers, Known
from ..known import published_routes
from ..places import plain, widest
from ..routes_instance import DEPOT, RoutesInstance
from .tsplib import (
    COORDINATES,
    DISPLAY,
    KEYWORDS,
    LINES,
    OTHER_PROBLEMS,
    WEIGHTS,
    SectionFile,
    ground,
    line_of,
    rows_of,
)

MAX_CUSTOMERS = 30_000
"""Most customers of an instance."""
MAX_DEMAND = 10**9
"""Largest demand and capacity, with which sums and prices of overload fit int64."""
DEMANDS, DEPOTS, ROUTES = "DEMAND_SECTION", "DEPOT_SECTION", "ROUTES_SECTION"
"""Sections besides those of TSPLIB. The last is ours: the customers of known routes by their number
in a .sol file, with 0 between two routes and −1 at the end.
"""
ROUTE = re.compile(r"route\s*(?:#\s*)?\d{0,9}\s*:?((?:\s+\d{1,9})*)\s*", re.IGNORECASE | re.ASCII)
REMARK = re.compile(r"(?:cost|time|distance|comment|name|no\.? of)\b.*", re.IGNORECASE | re.ASCII)


class RoutesFile(SectionFile):
    """A .vrp file taken apart."""

    what = "a file of CVRPLIB"
    words = (*KEYWORDS, "CAPACITY", "VEHICLES", "DISTANCE", "SERVICE_TIME")
    headings = (COORDINATES, DISPLAY, WEIGHTS, DEMANDS, DEPOTS, ROUTES)
    others: ClassVar[Mapping[str, str]] = {
        key: value
        for key, value in {
            **OTHER_PROBLEMS,
            "TOUR_SECTION": "one tour",
            "TIME_WINDOW_SECTION": "times at which customers are visited",
            "SERVICE_TIME_SECTION": "times that customers take",
            "PICKUP_AND_DELIVERY_SECTION": "goods that are picked up on the way",
            "BACKHAUL_SECTION": "goods that are picked up on the way",
            "VEHICLES_CAPACITY_SECTION": "vehicles that differ",
        }.items()
        if key not in (DEMANDS, DEPOTS, "CAPACITY")
    }

    def whole(self, word: str, least: int, most: int) -> int:
        """Return the value of a keyword that is a whole number."""
        value, line = self.said(word)
        wanted = f"a whole number from {least:,} to {most:,} as {word}"
        if not line:
            raise self.refused(wanted, "there is no such line")
        found = re.fullmatch(r"\+?0*(\d{1,18})(?:\.0*)?", value, re.ASCII)
        if not found or not least <= int(found[1]) <= most:
            raise self.refused(wanted, f"line {line:,} has “{named(value)}”")
        return int(found[1])


def read_vrplib(text: str, name: str = "file") -> RoutesInstance:
    """Read a capacitated vehicle routing problem.

    Args:
        text: the file.
        name: its name, such as "A-n32-k5.vrp"; for messages, and for an instance without a NAME.

    Returns:
        The instance, with the depot first, and the length of the best routes if it is published.

    Raises:
        BadInput: it is not such a file, contradicts itself, or is of a problem that is not read;
            the field is ``file``.
    """
    file = RoutesFile(text, name)
    value, line = file.said("TYPE")
    if line and value.upper().split()[:1] != ["CVRP"]:
        raise file.refused("CVRP as TYPE", f"line {line:,} has “{named(value)}”")
    file.refuse_others()
    size = file.dimension()
    if not 2 <= size <= MAX_CUSTOMERS + 1:
        raise file.refused(
            f"1 to {MAX_CUSTOMERS:,} customers and a depot",
            f"DIMENSION in line {file.said('DIMENSION')[1]:,} is {size:,}",
        )
    cities = ground(file, "CVRP")
    capacity = file.whole("CAPACITY", 1, MAX_DEMAND)
    depot = _depot(file, size)
    demand = _demand(file, size, capacity, depot)
    vehicles = file.whole("VEHICLES", 1, 10**9) if file.said("VEHICLES")[1] else None
    order = np.concatenate([[depot], np.delete(np.arange(size), depot)])
    instance = RoutesInstance(
        cities.name,
        cities.label,
        cities.metric,
        cities.points[order],
        cities.places[order],
        demand[order],
        capacity,
        matrix=None if cities.matrix is None else cities.matrix[np.ix_(order, order)],
        geographic=cities.geographic,
        guessed=cities.guessed,
        unit=cities.unit,
        scale=cities.scale,
        known=published_routes(
            cities.name, size, cities.metric, checks.length(cities, np.arange(size))
        ),
    )
    _no_limits(file, instance)
    if vehicles is not None:
        if vehicles < instance.fewest:
            raise file.refused(
                f"VEHICLES of at least {instance.fewest:,}, which the demands fill",
                f"line {file.said('VEHICLES')[1]:,} has {vehicles:,}",
            )
        instance = with_vehicles(instance, vehicles)
    if ROUTES in file.sections:
        return with_routes(instance, _listed_routes(file, instance), "the .sol file beside it")
    return instance


def _depot(file: RoutesFile, size: int) -> int:
    """Return the depot's place in the file, from 0."""
    if DEPOTS not in file.sections:
        raise file.refused(f"a {DEPOTS} with the number of the depot", "there is none")
    section = file.sections[DEPOTS]
    depots = list(section.values)
    if -1 in depots:
        end = depots.index(-1)
        if end < len(depots) - 1:
            line = section.at(end + 1)
            raise file.refused(f"{DEPOTS} to end with −1", f"line {line:,} goes on after it")
        del depots[end:]
    if len(depots) != 1:
        raise file.refused(
            "one depot",
            f"there are {len(depots)} in {DEPOTS}, which begins in line {section.line:,}",
        )
    if depots[0] not in range(1, size + 1):
        raise file.refused(
            f"a depot numbered 1 to {size:,}", f"line {section.at(0):,} has {plain(depots[0])}"
        )
    return int(depots[0]) - 1


def _demand(file: RoutesFile, size: int, capacity: int, depot: int) -> Integers:
    """Return what every place takes, in the file's order."""
    if DEMANDS not in file.sections:
        raise file.refused(f"a {DEMANDS}", "there is none")
    given = rows_of(file, DEMANDS, size, (1,), "demand")[:, 0]
    section = file.sections[DEMANDS]
    odd = np.flatnonzero((given != np.floor(given)) | (given < 0) | (given > MAX_DEMAND))
    if odd.size:
        raise file.refused(
            f"whole numbers from 0 to {MAX_DEMAND:,} as demands",
            f"line {line_of(section, int(odd[0])):,} has {plain(given[odd[0]])}",
        )
    if given[depot]:
        raise file.refused(
            "no demand of the depot",
            f"line {line_of(section, depot):,} has {plain(given[depot])}",
        )
    heavy = np.flatnonzero(given > capacity)
    if heavy.size:
        place = int(heavy[0])
        raise file.refused(
            f"demands that a vehicle of capacity {capacity:,} can carry",
            f"line {line_of(section, place):,} has {plain(given[place])} for number {place + 1:,}",
        )
    return given.astype(np.int32)


def _no_limits(file: RoutesFile, instance: RoutesInstance) -> None:
    """Refuse limits on the length of routes, unless no route can reach them."""
    value, line = file.said("SERVICE_TIME")
    if line and not re.fullmatch(r"0+(?:\.0*)?", value, re.ASCII):
        raise file.refused("a problem without service times", f"line {line:,} is SERVICE_TIME")
    value, line = file.said("DISTANCE")
    if not line:
        return
    try:
        limit = float(value)
    except ValueError:
        limit = 0.0
    if instance.matrix is None:
        farthest = widest(instance.points, instance.metric)
    else:
        farthest = float(instance.matrix.max())
    if not limit >= instance.size * farthest:  # nor if it is no number
        raise file.refused(
            "a problem without a longest route", f"line {line:,} is DISTANCE {named(value)}"
        )


def with_vehicles(instance: RoutesInstance, vehicles: int) -> RoutesInstance:
    """Return the instance with a limit on the number of routes. What is known of it stays only if
    its routes are within that limit; where they are not known, the number in its name stands for
    theirs.

    Args:
        instance: of any number of vehicles.
        vehicles: the most there may be; at least `RoutesInstance.fewest`.
    """
    if instance.answer is not None:
        routes = int((instance.answer < 0).sum()) + 1
    else:
        hint = re.search(r"-k(\d{1,6})$", instance.name, re.IGNORECASE)
        routes = int(hint[1]) if hint else vehicles + 1
    if routes <= vehicles:
        return replace(instance, vehicles=vehicles)
    return replace(instance, vehicles=vehicles, known=None, answer=None)


def with_routes(instance: RoutesInstance, routes: Integers, by: str) -> RoutesInstance:
    """Return the instance with routes that somebody has found; see `tsplib.with_answer`.

    Args:
        instance: without an answer.
        routes: feasible ones.
        by: who says so.
    """
    length, known = checks.length(instance, routes), instance.known
    if known is not None and known.value < length:
        return instance
    if known is None or known.value > length:
        known = Known(length, False, by)
    return replace(instance, known=known, answer=routes)


def _listed_routes(file: RoutesFile, instance: RoutesInstance) -> Integers:
    section = file.sections[ROUTES]
    values = np.array(section.values)
    if len(values) and values[-1] == -1:
        values = values[:-1]
    if (values != np.floor(values)).any() or (np.abs(values) > MAX_CUSTOMERS).any():
        raise file.refused("numbers of customers", f"{ROUTES} in line {section.line:,} has others")
    return _checked(instance, np.where(values == 0, -1, values).astype(np.int32), file.name)


def _checked(instance: RoutesInstance, stops: NDArray[np.int32], name: str) -> Integers:
    wrong = checks.check(instance, stops)
    if wrong:
        raise refuse(name, f"routes of {named(instance.name)} ({wrong[0]})")
    return stops


def read_solution(text: str, instance: RoutesInstance, name: str = "solution") -> Integers:
    """Read routes of a .sol file: "Route #1: 21 31 19 …", with customers numbered from 1 as in
    CVRPLIB: without the depot.

    Args:
        text: the file.
        instance: that they are of.
        name: of the file, for messages.

    Returns:
        The customers with −1 between two routes.

    Raises:
        BadInput: it is not such a file, or its routes are not feasible; the field is ``file``.
    """
    stops: list[int] = []
    for number, raw in enumerate(LINES.split(text.removeprefix("\ufeff").rstrip("\x1a")), 1):
        line = raw.strip()
        found = ROUTE.fullmatch(line)
        if found:
            customers = [int(one) for one in found[1].split()]
            stops += [-1, *customers] if stops and customers else customers
        elif line and not REMARK.fullmatch(line) and line.upper() != "EOF":
            raise refuse(
                name,
                f"a file of CVRPLIB with lines “Route #1: 3 1 2” and “Cost 784” (line {number:,} "
                f"is “{named(line)}”)",
            )
    if not stops:
        raise refuse(name, "a file of CVRPLIB with lines “Route #1: 3 1 2” (there is none)")
    return _checked(instance, np.array(stops, np.int32), name)


def section_of(routes: Iterable[int]) -> list[str]:
    """Return the lines of a section with routes, for a .vrp file."""
    return [ROUTES, " ".join(str(max(int(stop), 0)) for stop in routes), "-1"]


def write_solution(routes: Integers, length: int) -> str:
    """Write routes as a .sol file.

    Args:
        routes: customers with −1 between two routes.
        length: of all of them.
    """
    lines, number = [], 1
    for part in np.split(routes, np.flatnonzero(routes < 0)):
        customers = [str(int(stop)) for stop in part if stop >= 0]
        if customers:
            lines.append(f"Route #{number}: {' '.join(customers)}")
            number += 1
    return "\n".join([*lines, f"Cost {length}", ""])


def write_vrplib(instance: RoutesInstance) -> str:
    """Write an instance as a .vrp file, from which `read_vrplib` makes the same one again, but for
    names of customers, for which there is no place.
    """
    head = [f"NAME : {named(instance.name)}"]
    if instance.label != instance.name:
        head.append(f"COMMENT : {named(instance.label)}")
    head += [
        "TYPE : CVRP",
        f"DIMENSION : {instance.size}",
        f"EDGE_WEIGHT_TYPE : {instance.metric}",
        f"CAPACITY : {instance.capacity}",
    ]
    if instance.vehicles is not None:
        head.append(f"VEHICLES : {instance.vehicles}")
    if instance.matrix is None:
        body = [COORDINATES, *_numbered(instance.points.tolist())]
    else:
        head.append("EDGE_WEIGHT_FORMAT : FULL_MATRIX")
        body = [WEIGHTS, *(" ".join(map(str, row)) for row in instance.matrix.tolist())]
    if not instance.guessed and (instance.matrix is not None or instance.points.shape[1] == 3):
        head.append("DISPLAY_DATA_TYPE : TWOD_DISPLAY")
        body += [DISPLAY, *_numbered(instance.places.tolist())]
    body += [DEMANDS, *(f"{k} {one}" for k, one in enumerate(instance.demand.tolist(), 1))]
    return "\n".join([*head, *body, DEPOTS, str(DEPOT + 1), "-1", "EOF", ""])


def _numbered(rows: list[list[float]]) -> list[str]:
    return [" ".join([str(place), *(plain(x) for x in row)]) for place, row in enumerate(rows, 1)]
