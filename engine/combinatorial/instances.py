"""Instances by name: drawn from a seed, laid out so that the optimum is known, shipped, or
one's own.
"""

from __future__ import annotations

import csv
import math
import random
import re
from abc import abstractmethod
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar
from zipfile import BadZipFile

import numpy as np
from pydantic import Field, model_validator

from ..errors import BadInput
from ..registry import Config, Registry
from ..uploads import store
from ..uploads.limits import named
from ..uploads.store import UploadInfo
from .instance import MAX_EDITABLE, Floats, Integers, Known, TourInstance, bytes_of_map
from .landing_instance import LandingInstance, bytes_of_planes
from .landing_stream import landing_stream
from .pairing_instance import PairingInstance
from .places import EARTHLY, off_the_earth, on_earth, plain, planar
from .reading.cities import with_solution, with_tour
from .reading.kept import FILE, kept
from .reading.vrplib import with_vehicles
from .routes_instance import DEPOT, RoutesInstance
from .timetable import PLACES, timetable

FIELD = "instance"
"""The key of an experiment's JSON values that holds its instance."""
SIDE = 1_000_000
"""Side of the square that drawn cities are in; distances are rounded to whole numbers, so a large
one loses little.
"""
SPREAD = 0.12
"""Standard deviation of a single cluster, in sides of the square; n clusters are √n times
narrower.
"""
SPACING = 1000
"""Distance of neighbours in the grid."""
TOWN = 20_000
"""Side of the square of deliveries, in metres."""
HEAVIEST = 100
"""Largest demand of a drawn customer; all whole numbers from 1 are as likely."""
AIRPORTS = Path(__file__).parent / "data" / "airports.csv"
MOST_AIRPORTS = 100
MOST_RUNWAYS = 10
MOST_DAYS = 2**20
"""Bytes that all days of a timetable's crews take at most: 0.55 MB with 200 legs and 2 spokes."""
NUMBER = re.compile(r"[+-]?(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][+-]?\d{1,2})?", re.ASCII)
"""A coordinate of one's own: no NaN, no infinity, nothing that only Python reads."""


class InstanceConfig(Config):
    """An instance by name, with its settings. Its size is known without loading it."""

    sentence: ClassVar[str] = ""
    """What it is, in one plain sentence, for a list to choose from."""
    about: ClassVar[str]
    """One line: what it is and where it is from."""
    problem: ClassVar[str] = "tour"
    """Its kind of problem; of a file, the kind is known when it is loaded."""
    needs_file: ClassVar[bool] = False
    """Whether it needs a file: then it is left out where instances are listed to choose from."""

    @property
    def title(self) -> str:
        """Return the label of the instance with its settings."""
        return self.label

    @abstractmethod
    def load(self) -> Any:
        """Make the instance, or read it.

        Raises:
            BadInput: its file is no longer there.
        """

    @abstractmethod
    def size(self) -> int:
        """Return the number of cities, or of what else is counted in its problem.

        Raises:
            BadInput: its file is no longer there.
        """

    def footprint(self) -> int:
        """Return the bytes that the instance takes while it is worked on, approximately, without
        loading it.

        Raises:
            BadInput: its file is no longer there.
        """
        return bytes_of_map(self.size())

    def check(self) -> None:
        """Check what can only be known outside of the settings.

        Raises:
            BadInput: its file is not there.
        """

    def notes(self) -> tuple[str, ...]:
        """Return what was left out or guessed as it was read, one sentence each."""
        return ()


INSTANCES: Registry[InstanceConfig] = Registry("instance")


def _uniform(count: int, *address: int | str) -> Floats:
    """Return numbers in [0, 1) that depend on the address alone.

    Python's own generator, unlike NumPy's, promises the same numbers in all versions; an instance
    of a link must stay the same.
    """
    draw = random.Random("\x1f".join(map(str, address))).random
    return np.array([draw() for _ in range(count)])


class Drawn(InstanceConfig):
    """The base of instances of random cities."""

    cities: int = Field(
        200,
        ge=1,
        le=100_000,
        description="How many cities there are.",
        json_schema_extra={"scale": "log"},
    )
    seed: int = Field(
        0, ge=0, le=2**31 - 1, description="Another number gives other cities of the same kind."
    )

    @property
    def title(self) -> str:
        return f"{self.cities:,} {self.label.lower()}, seed {self.seed}"

    @abstractmethod
    def place(self) -> Floats:
        """Return places (n, 2) in a square of side 1, or a little beyond it."""

    def load(self) -> TourInstance:
        points = np.round(SIDE * self.place())
        return TourInstance(
            f"{self.name}{self.cities}-{self.seed}", self.title, "EUC_2D", points, points
        )

    def size(self) -> int:
        return self.cities


@INSTANCES.add
class RandomCities(Drawn):
    """Cities anywhere in a square, each place as likely as the other."""

    name = "random"
    label = "Random cities"
    sentence = "Cities strewn evenly over a square, from a few to a hundred thousand."
    about = (
        "Uniform in a square; drawn from the seed. The best tour through many (n on an area A) is "
        "about 0.7124 √(n A) long."
    )

    def place(self) -> Floats:
        return _uniform(2 * self.cities, self.name, self.seed).reshape(-1, 2)


@INSTANCES.add
class Clusters(Drawn):
    """Cities in clusters, normally distributed around centres that are anywhere in a square."""

    name = "clustered"
    label = "Clustered cities"
    sentence = "Cities in clusters: short ways within, a few long ones between."
    about = (
        "Normal around centres that are uniform in a square; drawn from the seed. Harder than "
        "random ones for methods that look at near neighbours only."
    )

    clusters: int = Field(8, ge=1, le=100, description="How many clusters there are.")

    @property
    def title(self) -> str:
        many = "cluster" if self.clusters == 1 else "clusters"
        return f"{self.cities:,} cities in {self.clusters} {many}, seed {self.seed}"

    def place(self) -> Floats:
        address = (self.name, self.clusters, self.seed)
        centres = _uniform(2 * self.clusters, *address, "centres").reshape(-1, 2)
        which, radius, angle = _uniform(3 * self.cities, *address, "cities").reshape(-1, 3).T
        # Two normal numbers from two uniform ones (Box and Muller, 1958).
        away = np.sqrt(-2 * np.log(1 - radius)) * SPREAD / math.sqrt(self.clusters)
        turn = 2 * np.pi * angle
        offset = np.column_stack([away * np.cos(turn), away * np.sin(turn)])
        return centres[(which * self.clusters).astype(np.int64)] + offset


@INSTANCES.add
class Grid(InstanceConfig):
    """Cities at all crossings of a square grid, whose shortest tours are known, and many."""

    name = "grid"
    label = "Grid"
    sentence = "The crossings of a grid: very many shortest tours, all of a known length."
    about = (
        "All points of a square grid. With an even side every step is one square long; with an odd "
        "one a tour needs one diagonal."
    )

    side: int = Field(
        14, ge=2, le=300, description="Cities along a side; there are as many rows of them."
    )

    @property
    def title(self) -> str:
        return f"Grid of {self.side} × {self.side} cities"

    def load(self) -> TourInstance:
        row, column = np.divmod(np.arange(self.size()), self.side)
        points = np.column_stack([column, row]).astype(np.float64) * SPACING
        steps, odd = self.size(), self.side % 2
        # Neighbours are of two colours, as on a chessboard, so a closed way of an odd number of
        # steps must once go to a city of the same colour, and the next is a diagonal away.
        value = (steps - odd) * SPACING + odd * int(math.sqrt(2) * SPACING + 0.5)
        return TourInstance(
            f"grid{self.side}",
            self.title,
            "EUC_2D",
            points,
            points,
            known=Known(value, True, "arithmetic"),
            answer=_round_the_grid(self.side),
        )

    def size(self) -> int:
        return self.side**2


def _round_the_grid(side: int) -> Integers:
    """Return a shortest tour of a grid whose cities are numbered row by row."""
    inner, odd = range(1, side), side % 2
    cells: list[tuple[int, int]] = [(0, 0)]
    for row in range(side - 2 * odd):
        cells += [(row, column) for column in (inner if row % 2 == 0 else reversed(inner))]
    if odd:  # the last two rows, up and down, back to the second column
        for place, column in enumerate(reversed(inner)):
            pair = [(side - 2, column), (side - 1, column)]
            cells += pair if place % 2 == 0 else pair[::-1]
    cells += [(row, 0) for row in range(side - 1, 0, -1)]
    return np.array([row * side + column for row, column in cells], np.int32)


@INSTANCES.add
class Circle(InstanceConfig):
    """Cities at equal distances on a circle, whose only shortest tour goes round it."""

    name = "circle"
    label = "Circle"
    sentence = "Cities on a circle: the eye sees the best tour at once, a method has to find it."
    about = "Equal steps on a circle. Going round is the best tour, and no other is as short."

    cities: int = Field(
        60,
        ge=3,
        le=2000,
        description="How many cities there are.",
        json_schema_extra={"scale": "log"},
    )

    @property
    def title(self) -> str:
        return f"{self.cities:,} cities on a circle"

    def load(self) -> TourInstance:
        # In random order, so that no method finds the tour in the numbers.
        order = np.argsort(_uniform(self.cities, self.name), kind="stable")
        turn = 2 * np.pi * order / self.cities
        points = np.round(SIDE / 2 * (1 + np.column_stack([np.cos(turn), np.sin(turn)])))
        answer = np.argsort(order, kind="stable").astype(np.int32)
        sides = points[answer] - np.roll(points[answer], -1, 0)
        value = int((np.sqrt((sides**2).sum(1)) + 0.5).astype(np.int64).sum())
        # Uncrossing a tour shortens it until it goes round, lastly by about two of its sides.
        # That is more than rounding can hide: half a unit for each of up to 2,000 cities.
        return TourInstance(
            f"circle{self.cities}",
            self.title,
            "EUC_2D",
            points,
            points,
            known=Known(value, True, "geometry"),
            answer=answer,
        )

    def size(self) -> int:
        return self.cities


@INSTANCES.add
class Airports(InstanceConfig):
    """The busiest airports of the world, with great circles between them."""

    name = "airports"
    label = "Airports"
    sentence = "The busiest airports of the world, and the shortest flight round all of them."
    about = (
        "About the order of passengers in 2023; places from airportsdata (MIT). Distances are "
        "along great circles of a sphere."
    )

    cities: int = Field(
        MOST_AIRPORTS, ge=5, le=MOST_AIRPORTS, description="How many of them, the busiest first."
    )

    @property
    def title(self) -> str:
        return f"The {self.cities} busiest airports"

    def load(self) -> TourInstance:
        with AIRPORTS.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))[: self.cities]
        return on_earth(
            f"airports{self.cities}",
            self.title,
            np.array([[float(row["lon"]), float(row["lat"])] for row in rows]),
            tuple(f"{row['city']} ({row['code']})" for row in rows),
        )

    def size(self) -> int:
        return self.cities


@INSTANCES.add
class Deliveries(InstanceConfig):
    """Customers of a depot, and vehicles that do not hold what all of them take."""

    name = "deliveries"
    label = "Deliveries"
    problem = "routes"
    sentence = "Customers in a town, served from a depot by vehicles that hold only so much."
    about = (
        "Uniform in a square of 20 km around the depot, with demands from 1 to 100; drawn from the "
        "seed. Distances are straight, in metres."
    )

    customers: int = Field(
        100,
        ge=10,
        le=1000,
        description="How many customers there are.",
        json_schema_extra={"scale": "log"},
    )
    stops: int = Field(
        10, ge=3, le=100, description="How many customers of a usual demand fill a vehicle."
    )
    vehicles: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="The most vehicles there may be. Empty: as many as the shortest routes need.",
        json_schema_extra={"advanced": True},
    )
    seed: int = Field(
        0, ge=0, le=2**31 - 1, description="Another number gives other customers of the same kind."
    )

    @property
    def title(self) -> str:
        return f"{self.customers:,} deliveries, seed {self.seed}"

    def load(self) -> RoutesInstance:
        drawn = _uniform(3 * self.customers, self.name, self.seed).reshape(-1, 3)
        points = np.round(TOWN * np.vstack([[0.5, 0.5], drawn[:, :2]]))
        demand = np.concatenate([[0], 1 + np.floor(HEAVIEST * drawn[:, 2])]).astype(np.int32)
        assert demand[DEPOT] == 0
        capacity = max(HEAVIEST, self.stops * (HEAVIEST + 1) // 2)
        found = RoutesInstance(
            f"{self.name}{self.customers}-{self.seed}",
            self.title,
            "EUC_2D",
            points,
            points,
            demand,
            capacity,
            unit="km",
            scale=0.001,
        )
        return limited(found, self.vehicles)

    def size(self) -> int:
        return self.customers + 1


def limited(instance: RoutesInstance, vehicles: int | None) -> RoutesInstance:
    """Return an instance with at most so many vehicles; None leaves it as it is.

    Raises:
        BadInput: they are fewer than the demands fill.
    """
    if vehicles is None:
        return instance
    if vehicles < instance.fewest:
        raise BadInput(
            f"{FIELD}.vehicles",
            vehicles,
            f"at least {instance.fewest:,} vehicles, which the demands of {instance.name} fill",
        )
    return with_vehicles(instance, vehicles)


def decode_cities(text: str, geographic: bool) -> Floats:
    """Return the coordinates (n, 2) of a text: "x,y;x,y;…".

    Raises:
        BadInput: the text is not in that format, or holds no city, too many, or one that is not on
            the Earth; the field is ``cities``.
    """
    entries = text.split(";")
    if not text.strip() or len(entries) > MAX_EDITABLE:
        count = len(entries) if text.strip() else 0
        raise BadInput("cities", f"{count:,} cities", f"1 to {MAX_EDITABLE:,} cities as x,y;x,y;…")
    found = []
    for number, entry in enumerate(entries, 1):
        parts = [part.strip() for part in entry.split(",")]
        if len(parts) != 2 or not all(map(NUMBER.fullmatch, parts)):
            raise BadInput("cities", entry, f"two numbers as city {number:,}, as in 12.5,-3")
        found.append([float(part) for part in parts])
    places = np.array(found)
    wrong = off_the_earth(places) if geographic else []
    if wrong:
        city, why = wrong[0]
        raise BadInput("cities", entries[city], f"{EARTHLY} (city {city + 1:,} has {why})")
    if not geographic and planar("", "", places, finest=1) is None:
        raise BadInput("cities", "these cities", "cities at most 2,147,483,646 apart")
    return places


def encode_cities(places: Floats) -> str:
    """Return the text of cities (n, 2), for `decode_cities`."""
    return ";".join(
        ",".join(plain(value) for value in place) for place in np.round(places, 6).tolist()
    )


@INSTANCES.add
class OwnCities(InstanceConfig):
    """Cities that somebody typed, drew or moved, stored in the link itself."""

    name = "own"
    label = "Your own cities"
    sentence = "Cities of your own, drawn on the map or typed; stored in the link."
    about = (
        "Cities of your own, stored in the link. In the plane, distances are measured to a "
        "thousandth of the unit; on the Earth to a metre, along great circles."
    )

    cities: str = Field(
        "0,0;4,0;6,3;4,6;0,6;2,3",
        max_length=100_000,
        description=(
            f"The cities as x,y;x,y;…, up to {MAX_EDITABLE:,} of them; on the Earth longitude and "
            f"latitude in degrees."
        ),
        json_schema_extra={"advanced": True},
    )
    geographic: bool = Field(
        False, description="Whether they are places on the Earth instead of in a plane."
    )

    @model_validator(mode="after")
    def _readable(self) -> OwnCities:
        decode_cities(self.cities, self.geographic)
        return self

    @classmethod
    def of(cls, instance: TourInstance) -> OwnCities:
        """Return the cities of an instance that can be edited, as they stand."""
        geographic = instance.geographic
        places = instance.places * (1.0 if geographic else instance.scale)
        return cls(cities=encode_cities(places), geographic=geographic)

    @property
    def title(self) -> str:
        size = self.size()
        return f"{size:,} {'city' if size == 1 else 'cities'} of your own"

    def load(self) -> TourInstance:
        places = decode_cities(self.cities, self.geographic)
        if self.geographic:
            return on_earth(self.name, self.title, places)
        found = planar(self.name, self.title, places)
        assert found is not None  # `decode_cities` has seen to that
        return found

    def size(self) -> int:
        return self.cities.count(";") + 1


@INSTANCES.add
class Timetable(InstanceConfig):
    """A day's flights between a hub and its spokes, for which crews are looked for."""

    name = "timetable"
    label = "Crews for a timetable"
    problem = "pairing"
    sentence = (
        "A day of flights out of a hub, each to be flown by one crew, for the fewest paid hours. "
        "A crew is paid from its first departure to its last landing, and an hour besides."
    )
    about = (
        "Made from the seed. A crew flies legs one after another, from the hub and home within 10 "
        "hours, with at least 40 minutes between two legs; all such days are listed, and days that "
        "share no leg are to cover all of them (crew pairing, a set partitioning problem)."
    )

    legs: int = Field(
        100,
        ge=60,
        le=200,
        multiple_of=2,
        description="How many flights there are, half of them out of the hub.",
    )
    spokes: int = Field(
        6, ge=2, le=len(PLACES) - 1, description="How many places are flown to from the hub."
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Another number gives other flights.")

    @property
    def title(self) -> str:
        return f"{self.legs} flights to {self.spokes} places, seed {self.seed}"

    def load(self) -> PairingInstance:
        name = f"{self.name}{self.legs}-{self.spokes}-{self.seed}"
        return timetable(name, self.title, self.legs, self.spokes, self.seed)

    def size(self) -> int:
        return self.legs

    def footprint(self) -> int:
        return MOST_DAYS


@INSTANCES.add
class Landings(InstanceConfig):
    """Planes that come faster than the runways can take them."""

    name = "landings"
    label = "Planes that land"
    sentence = "A stream of planes: who lands when, and on which runway, as near as may be to plan."
    about = (
        "Drawn from the seed. Every plane has a window, a target and prices of a second before and "
        "after it; wakes keep any two landings on a runway apart (aircraft landing)."
    )
    problem = "landing"

    planes: int = Field(40, ge=2, le=500, description="How many planes there are.")
    runways: int = Field(1, ge=1, le=MOST_RUNWAYS, description="How many runways there are.")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Another number gives other planes.")

    @property
    def title(self) -> str:
        runways = "1 runway" if self.runways == 1 else f"{self.runways} runways"
        return f"{self.planes} planes on {runways}, seed {self.seed}"

    def load(self) -> LandingInstance:
        name = f"{self.name}{self.planes}-{self.runways}-{self.seed}"
        return landing_stream(name, self.title, self.planes, self.runways, self.seed)

    def size(self) -> int:
        return self.planes

    def footprint(self) -> int:
        return bytes_of_planes(self.planes)


@lru_cache(maxsize=64)
def _info(token: str) -> UploadInfo:
    # Cached, so that a race that began while the file existed can continue.
    return CityFile(token=token).file()


@lru_cache(maxsize=2)
def _read(token: str) -> Any:
    info = CityFile(token=token).file()
    try:
        return kept(store.store_folder() / info.token)
    except (OSError, ValueError, KeyError, BadZipFile):
        raise BadInput(
            f"{FIELD}.token", token, "the token of a stored file; upload the file again"
        ) from None


@INSTANCES.add
class CityFile(InstanceConfig):
    """The problem in a file: of TSPLIB or the OR-Library, or a table of cities."""

    name = "file"
    label = "Your own file"
    sentence = "Cities of a file: of TSPLIB or CVRPLIB, or a table with x and y or lat and lon."
    about = (
        "A file of TSPLIB (.tsp, .atsp) or CVRPLIB (.vrp), a CSV table with a row for every city, "
        "or a problem of the OR-Library (set partitioning, aircraft landing). It is stored on the "
        "server."
    )
    needs_file = True

    token: str = Field(
        "",
        max_length=64,
        description="Identifies an uploaded file.",
        json_schema_extra={"advanced": True},
    )
    vehicles: int | None = Field(
        None,
        ge=1,
        le=100_000,
        description="The most vehicles there may be, for a file with demands. Empty: as the file "
        "says, or any number.",
        json_schema_extra={"advanced": True},
    )
    runways: int | None = Field(
        None,
        ge=1,
        le=MOST_RUNWAYS,
        description="How many runways there are, for a file of planes that land; 1 if not given.",
        json_schema_extra={"advanced": True},
    )

    @property
    def title(self) -> str:
        try:
            return f"{self.label} ({_info(self.token).name})"
        except BadInput:  # it is no longer in the store
            return self.label

    def file(self) -> UploadInfo:
        """Return the description of the file.

        Raises:
            BadInput: no file is chosen, it is no longer in the store, or it was read as samples.
        """
        if not self.token:
            raise BadInput(
                f"{FIELD}.token",
                self.token,
                "a file: upload one in the page, or give its path with --set instance.file=PATH",
            )
        info = store.find(self.token, f"{FIELD}.token")
        if info.kind != "cities":
            raise BadInput(f"{FIELD}.token", info.name, "a file that was read as cities")
        return info

    def check(self) -> None:
        self.file()

    def notes(self) -> tuple[str, ...]:
        return _info(self.token).notes

    def load(self) -> Any:
        found = _read(self.token)
        for name, kind, what in (
            ("vehicles", "routes", "a file with demands of customers (.vrp)"),
            ("runways", "landing", "a file of planes that land"),
        ):
            given = getattr(self, name)
            if given is not None and found.kind != kind:
                raise BadInput(f"{FIELD}.{name}", given, what)
        if isinstance(found, RoutesInstance):
            return limited(found, self.vehicles)
        return found if self.runways is None else found.on(self.runways)

    def size(self) -> int:
        return _info(self.token).rows

    def footprint(self) -> int:
        # its kind is known when it is loaded; what is kept of it, and as much again twice for what
        # is made of that, holds for rosters and for distances of all pairs
        size = self.size()
        try:
            stored = (store.store_folder() / self.token / FILE).stat().st_size
        except OSError:
            stored = 0
        return bytes_of_map(size) + 3 * stored


def of_path(path: str) -> UploadInfo:
    """Store a file of cities of this machine, with the tour that lies beside it as NAME.opt.tour,
    or the routes as NAME.sol: for the command line and notebooks, never for input from a page.

    Raises:
        BadInput: one of them cannot be read.
    """
    field = f"{FIELD}.file"
    data, place = store.bytes_of(path, field), Path(path).expanduser()
    routes = place.suffix.lower() == ".vrp"
    tour = place.with_suffix(".sol" if routes else ".opt.tour")
    if (routes or place.suffix.lower() in (".tsp", ".atsp")) and tour.is_file():
        join = with_solution if routes else with_tour
        try:
            data = join(data, place.name, store.bytes_of(str(tour), field), tour.name)
        except BadInput as error:
            given = path if error.value == named(place.name) else tour.name
            raise BadInput(field, given, error.allowed) from None
    return store.of_bytes(data, path, field, "cities")


def with_token(value: dict[str, Any], local_files: bool) -> dict[str, Any]:
    """Return an experiment's JSON values with the token of a file in place of its path.

    Args:
        value: the JSON values, with the instance as ``instance``.
        local_files: whether ``instance.file``, a path on this machine, may be given: yes on the
            command line and in a notebook, never in input from a page, a link or a socket.

    Raises:
        BadInput: a path where none is allowed, or to a file that cannot be used.
    """
    given = value.get(FIELD)
    if not isinstance(given, Mapping) or "file" not in given or given.get("name") != CityFile.name:
        return value
    rest = {key: entry for key, entry in given.items() if key != "file"}
    if not local_files:
        raise BadInput(
            f"{FIELD}.file",
            given["file"],
            "an uploaded file; a path is read from the command line and in a notebook only",
        )
    return {**value, FIELD: {**rest, "token": of_path(str(given["file"])).token}}
