"""Read files of the OR-Library (Beasley 1990, https://doi.org/10.1057/jors.1990.166): set
partitioning, and aircraft landing in two layouts.

A file is a row of numbers, whatever lines it is broken into; nothing in it says what the numbers
are. So it is read by the letter: as many as were announced, each within its bounds, none left over.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...uploads.limits import named, refuse
from ..instance import Integers
from ..known import published_pairing
from ..landing_instance import LandingInstance
from ..pairing_instance import PairingInstance

MAX_ROWS, MAX_COLUMNS, MAX_ENTRIES = 20_000, 1_000_000, 10_000_000
MAX_PLANES = 1000
LATEST = 10**8
"""The latest time, in the smallest unit of the file."""
LARGEST = 10**9
"""The largest number of a file."""
COUNTED = 2**60
"""The largest price of an answer, bare rows included."""
DECIMALS = 6
"""Most decimals of a number; prices are whole numbers of the smallest of them."""
HEAD = re.compile(r"[ \t]*\d{1,9}[ \t]+\d{1,9}(?:\.\d*)?[ \t]*")
"""The first line: how many there are of two things, or of planes and a freeze time."""
WRITTEN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)

Whole = NDArray[np.int64]


def is_orlib(text: str) -> bool:
    """Return whether a text is meant to be such a file: its first line is two numbers, the
    first a whole one, and its lines are not all as long, as those of a table are.
    """
    lines = [line for line in text.split("\n", 2000)[:2000] if line.strip()]
    if not lines or not HEAD.fullmatch(lines[0]):
        return bool(lines) and len(lines) == 1 and HEAD.match(lines[0]) is not None
    if len(lines) == 1:
        return False
    return len({len(line.split()) for line in lines}) > 1


class Refused(Exception):
    """A file that does not follow a layout.

    Args:
        place: of the number at which it does not.
        allowed: what would be there.
    """

    def __init__(self, place: int, allowed: str) -> None:
        super().__init__(allowed)
        self.place, self.allowed = place, allowed


class Numbers:
    """The numbers of a file, taken one after another.

    Args:
        text: the file.
        name: its name, for messages.

    Raises:
        BadInput: it has something else in it.
    """

    def __init__(self, text: str, name: str) -> None:
        self.text, self.name = text, name
        self.words = text.split()
        self.place = 0
        try:
            self.values = np.array(self.words, np.float64)
        except ValueError:
            self.values = np.empty(0)
        if len(self.values) != len(self.words) or not (np.abs(self.values) <= LARGEST).all():
            self._refuse_word()
        if "_" in text or not text.isascii():  # Python reads 1_000, and digits of other scripts
            self._refuse_word()

    def _refuse_word(self) -> None:
        for place, word in enumerate(self.words):
            if not WRITTEN.fullmatch(word) or abs(float(word)) > LARGEST:
                raise refuse(
                    self.name,
                    f"numbers of at most {LARGEST:,} ({self.where(place)} has “{named(word)}”)",
                )
        raise refuse(self.name, f"numbers of at most {LARGEST:,}")

    def where(self, place: int) -> str:
        """Return the line of a number, in words."""
        if place >= len(self.words):
            return "the end of the file"
        seen = 0
        for number, line in enumerate(self.text.split("\n"), 1):
            seen += len(line.split())
            if place < seen:
                return f"line {number:,}"
        return "the end of the file"

    def take(self, count: int, what: str) -> NDArray[np.float64]:
        """Return the next numbers.

        Raises:
            Refused: there are fewer.
        """
        if self.place + count > len(self.words):
            raise Refused(len(self.words), f"{what} (the file ends before)")
        self.place += count
        return self.values[self.place - count : self.place]

    def whole(self, what: str, least: int, most: int) -> int:
        """Return the next number, a whole one within bounds.

        Raises:
            Refused: it is none.
        """
        value = float(self.take(1, what)[0])
        if value != int(value) or not least <= value <= most:
            raise Refused(
                self.place - 1,
                f"{what}, a whole number from {least:,} to {most:,} "
                f"({self.where(self.place - 1)} has {named(self.words[self.place - 1])})",
            )
        return int(value)

    def end(self) -> None:
        """Check that no number is left.

        Raises:
            Refused: there are more.
        """
        left = len(self.words) - self.place
        if left:
            raise Refused(
                self.place, f"no more numbers ({left:,} are left, from {self.where(self.place)} on)"
            )


def read_orlib(text: str, name: str) -> Any:
    """Read a file of the OR-Library.

    Args:
        text: the file, with line ends of one kind.
        name: its name, from which the instance has its own.

    Raises:
        BadInput: it follows no layout that is known; the field is ``file``.
    """
    numbers = Numbers(text, name)
    found: dict[str, Refused] = {}
    for read in LAYOUTS:
        numbers.place = 0
        try:
            return read(numbers, name)
        except Refused as error:
            found[read.__name__] = error
    raise refuse(name, found[_meant(numbers.values, found["pairing"].place)].allowed)


def _meant(values: NDArray[np.float64], pairing_until: int) -> str:
    """Return which layout a file was meant to have that follows none.

    Args:
        values: all of its numbers.
        pairing_until: the place up to which it was one of set partitioning.
    """
    planes = int(values[0]) if len(values) else 0
    fits = len(values) == 2 + planes * (6 + planes)
    first_column = 4 + values[3] if len(values) > 5 else 0
    window = len(values) > 5 and values[3] <= values[4] <= values[5]
    if not fits and (_ends_with_columns(values) or not (window and pairing_until < first_column)):
        return "pairing"
    if fits and planes > 1:  # what stands for no plane behind itself is the same for all
        diagonal = values[2 + 6 * planes :: planes + 1]
        if (diagonal == diagonal[0]).all():
            return "planes_first"
    return "landing"


def _ends_with_columns(values: NDArray[np.float64]) -> bool:
    """Return whether the numbers end where their columns do, each as long as it says, if they are a
    set partitioning problem.
    """
    if len(values) < 2 or not 0 <= values[1] <= MAX_COLUMNS:
        return False
    place = 2
    for _ in range(int(values[1])):
        if place + 1 >= len(values) or values[place + 1] < 0:
            return False
        place += 2 + int(values[place + 1])
    return place == len(values)


def pairing(numbers: Numbers, name: str) -> PairingInstance:
    """Read a set partitioning problem: the numbers of rows and columns, then for every column its
    cost, how many rows it covers, and which.

    Raises:
        Refused: the numbers are none.
    """
    rows = numbers.whole("a number of rows", 1, MAX_ROWS)
    columns = numbers.whole("a number of columns", 1, MAX_COLUMNS)
    values = numbers.values
    starts = np.zeros(columns + 1, np.int32)
    at = np.empty(columns, np.int64)
    entries: list[NDArray[np.float64]] = []
    for column in range(columns):
        which = f"column {column + 1:,} of {columns:,}"
        at[column] = numbers.place
        cost = float(numbers.take(1, f"the cost of {which}")[0])
        if cost < 0:
            line = numbers.where(numbers.place - 1)
            raise Refused(
                numbers.place - 1, f"costs of at least 0 ({line} has {cost:g} for {which})"
            )
        count = numbers.whole(f"how many rows {which} covers", 0, rows)
        mine = numbers.take(count, f"{count:,} rows of {which}")
        if not ((mine >= 1) & (mine <= rows) & (mine == np.floor(mine))).all():
            bad = int(np.flatnonzero((mine < 1) | (mine > rows) | (mine != np.floor(mine)))[0])
            place = numbers.place - count + bad
            raise Refused(
                place,
                f"rows from 1 to {rows:,} ({numbers.where(place)} has "
                f"{named(numbers.words[place])} in {which})",
            )
        if len(np.unique(mine)) < count:
            raise Refused(
                numbers.place - 1,
                f"every row once in a column ({numbers.where(numbers.place - 1)}: {which} has one "
                "twice)",
            )
        entries.append(mine)
        if starts[column] + count > MAX_ENTRIES:
            raise Refused(numbers.place, f"at most {MAX_ENTRIES:,} entries")
        starts[column + 1] = starts[column] + count
    numbers.end()
    which_rows: Integers = (np.concatenate(entries) - 1).astype(np.int32)
    bare = np.flatnonzero(np.bincount(which_rows, minlength=rows) == 0)
    if len(bare):
        raise Refused(numbers.place, f"a column for every row (none covers row {bare[0] + 1:,})")
    costs, scale = whole_numbers(values[at], [numbers.words[place] for place in at.tolist()])
    if int(costs.max(initial=0)) > COUNTED // rows:
        raise Refused(numbers.place, "costs whose sum can be counted (these are too large)")
    title = named(PurePath(name).stem) or "pairing"
    return PairingInstance(
        title,
        f"{title}: {rows:,} rows, {columns:,} columns",
        rows,
        starts,
        which_rows,
        costs,
        known=published_pairing(title, rows, columns, int(costs.sum())),
        scale=scale,
    )


def whole_numbers(values: NDArray[np.float64], words: list[str]) -> tuple[Whole, float]:
    """Return numbers as multiples of a power of ten, and that power: the largest of which all of
    them are multiples, at most 1.

    Raises:
        Refused: there are more than six decimals.
    """
    if (values == np.floor(values)).all():
        return values.astype(np.int64), 1.0
    decimals = 0
    for word in {word for word in words if "." in word or "e" in word.lower()}:
        try:
            exponent = Decimal(word).normalize().as_tuple().exponent
        except InvalidOperation:  # not reached: the words are numbers
            exponent = 0
        decimals = max(decimals, -int(exponent))
    if decimals > DECIMALS:
        raise Refused(0, f"numbers with at most {DECIMALS} decimals")
    return np.rint(values * 10**decimals).astype(np.int64), 10.0**-decimals


def landing(numbers: Numbers, name: str) -> LandingInstance:
    """Read a problem of aircraft landing in the OR-Library's own layout: the numbers of planes and
    of the freeze time, then every plane with its row of separations.

    Raises:
        Refused: the numbers are none.
    """
    planes = _planes_of(numbers)
    own, rows, at = [], [], []
    for plane in range(planes):
        at.append(numbers.place)
        own.append(numbers.take(6, f"six numbers of plane {plane + 1:,} of {planes:,}"))
        rows.append(numbers.take(planes, f"{planes:,} separations of plane {plane + 1:,}"))
    return _landing(numbers, name, np.array(own), np.array(rows), at, at, 6)


def planes_first(numbers: Numbers, name: str) -> LandingInstance:
    """Read a problem of aircraft landing whose planes all come first, then all separations.

    Raises:
        Refused: the numbers are none.
    """
    planes = _planes_of(numbers)
    own, rows, at, beside = [], [], [], []
    for plane in range(planes):
        at.append(numbers.place)
        own.append(numbers.take(6, f"six numbers of plane {plane + 1:,} of {planes:,}"))
    for plane in range(planes):
        beside.append(numbers.place)
        rows.append(numbers.take(planes, f"{planes:,} separations of plane {plane + 1:,}"))
    return _landing(numbers, name, np.array(own), np.array(rows), at, beside, 0)


def _planes_of(numbers: Numbers) -> int:
    """Return the number of planes; the freeze time behind it means nothing here."""
    planes = numbers.whole("a number of planes", 1, MAX_PLANES)
    numbers.take(1, "a freeze time")
    return planes


def _landing(
    numbers: Numbers,
    name: str,
    own: NDArray[np.float64],
    rows: NDArray[np.float64],
    at: list[int],
    beside: list[int],
    skip: int,
) -> LandingInstance:
    """Return the instance, after all of its numbers were checked.

    Args:
        numbers: of the file.
        name: of the file.
        own: (n, 6) appearance, earliest, target, latest, and what a unit of time before and after
            the target costs.
        rows: (n, n) separations.
        at: where each plane's numbers begin.
        beside: where each plane's row begins, after other numbers.
        skip: how many those are.
    """
    size = len(own)
    apart = ~np.eye(size, dtype=np.bool_)
    bad = np.argwhere((rows < 0) & apart)
    if len(bad):
        plane, other = bad[0].tolist()
        place = beside[plane] + skip + other
        raise Refused(
            place,
            f"separations of at least 0 ({numbers.where(place)} has {rows[plane, other]:g})",
        )
    for plane in range(size):
        _appears, earliest, target, latest, before, after = own[plane].tolist()
        line = numbers.where(at[plane])
        if not earliest <= target <= latest:
            raise Refused(
                at[plane] + 3,
                f"earliest ≤ target ≤ latest ({line} has {earliest:g}, {target:g}, {latest:g} for "
                f"plane {plane + 1:,})",
            )
        if before < 0 or after < 0:
            raise Refused(
                at[plane] + 5,
                f"penalties of at least 0 ({line} has {min(before, after):g} for plane "
                f"{plane + 1:,})",
            )
    numbers.end()
    words = numbers.words
    money, scale = whole_numbers(
        own[:, 4:].ravel(), [words[place + k] for place in at for k in (4, 5)]
    )
    entries = np.where(apart, rows, 0.0)
    listed = [words[place + k] for place in at for k in (1, 2, 3)]
    listed += [words[place + skip + k] for place in beside for k in range(size)]
    times, tick = whole_numbers(np.concatenate([own[:, 1:4].ravel(), entries.ravel()]), listed)
    if int(times.max(initial=0)) > LATEST or int(times.min(initial=0)) < -LATEST:
        raise Refused(at[0], f"times of at most {LATEST:,} of their smallest unit")
    widest = int(np.ptp(times[: 3 * size])) + size * int(times[3 * size :].max(initial=0))
    if widest > 2**30 or int(money.max(initial=0)) * (size + 5) * widest * size > 2**60:
        raise Refused(
            at[0], "penalties and times whose product can be counted (these are too large)"
        )
    windows = np.ascontiguousarray(times[: 3 * size].reshape(size, 3).T)
    prices = np.ascontiguousarray(money.reshape(size, 2).T)
    title = named(PurePath(name).stem) or "landing"
    found = LandingInstance(
        title,
        f"{title}: {size:,} planes",
        windows[0],
        windows[1],
        windows[2],
        prices[0],
        prices[1],
        times[3 * size :].reshape(size, size).astype(np.int32),
        scale=scale * tick,
        time_scale=tick,
    )
    return found.on(1)


LAYOUTS: tuple[Callable[[Numbers, str], Any], ...] = (pairing, landing, planes_first)
"""All of them are tried: a file that follows one by the letter does not follow another."""
