"""Read images in folders: every folder is a class; each image becomes a small square of bytes.

The class is the folder of an image. If folders whose names say ``train`` and ``test`` are above or
below it, they specify the test images (see `part_names`).
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .archive import entries
from .image_squares import Decoded, Pixels, Unreadable, decode, scaled
from .limits import (
    CATEGORIES,
    SIDES,
    distinct_names,
    named,
    one_form,
    refuse,
    replaced,
)
from .part_names import USUAL, Part, part_of, parts_of

ENDINGS = (".png", ".jpg", ".jpeg", ".jpe", ".jfif")
JUNK = frozenset({"thumbs.db", "desktop.ini"})
"""Files that systems add to folders by themselves; left out without a note, as are hidden files
that are no pictures, whose names begin with a point.
"""
LISTED = 40
FIRST, FIRST_SIDE = 8, 48
"""How many images are kept for people to look at, and their side in pixels."""
LEAST = 2
"""Smallest number of images in a class."""


@dataclass
class Pictures:
    """The content of an archive.

    Attributes:
        classes: names, in alphabetical order.
        squares: (N, C, side, side) uint8, classes (N,) and whether each is a test image (N,), in
            the archive's order.
        split: whether the archive itself specifies the test images.
        notes: what was left out or changed, one sentence each.
        paths: the place of every image in the archive.
    """

    classes: tuple[str, ...]
    squares: Pixels
    labels: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
    held_out: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    split: bool
    notes: list[str] = field(default_factory=list)
    paths: list[tuple[str, ...]] = field(default_factory=list)

    def counts(self) -> list[list[int]]:
        """Return the [training, test] images of every class; all are training images if the archive
        does not specify.
        """
        return [
            [int(((self.labels == k) & (self.held_out == out)).sum()) for out in (False, True)]
            for k in range(len(self.classes))
        ]


def read_pictures(data: bytes, name: str, side: int, colour: str) -> Pictures:
    """Return all images of an archive as squares.

    Args:
        data: of the archive.
        name: of the archive.
        side: pixels of the squares.
        colour: "rgb" or "grey".

    Raises:
        BadInput: the archive is rejected (see `archive`), or does not hold at least two folders
            with at least two images each.
    """
    assert SIDES[0] <= side <= SIDES[1]
    decoded: list[Decoded] = []
    above: list[tuple[str, ...]] = []
    paths: list[tuple[str, ...]] = []
    changed: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    notes: list[str] = []
    found: dict[tuple[str, ...], tuple[Decoded | None, str, Counter[str]]] = {}
    twice: set[tuple[str, ...]] = set()
    hidden: set[tuple[str, ...]] = set()
    for entry in entries(data, name, notes):
        *folders, file = entry.parts or ("",)
        if file.startswith("._") or "__MACOSX" in folders or file.lower() in JUNK:
            continue
        if any(part.startswith(".") for part in entry.parts):
            if file.lower().endswith(ENDINGS):
                hidden.add(entry.parts)
            continue
        if entry.parts in found:
            twice.add(entry.parts)
        done: Counter[str] = Counter()
        try:
            if not file.lower().endswith(ENDINGS):
                raise Unreadable("neither PNG nor JPEG")
            found[entry.parts] = (decode(entry.data, side, colour, done), "", done)
        except Unreadable as error:
            found[entry.parts] = (None, str(error), done)
    for parts, (one, why, done) in found.items():
        if one is None:
            left_out[why] += 1
        else:
            decoded.append(one)
            paths.append(parts)
            above.append(tuple(one_form(folder) for folder in parts[:-1]))
            changed.update(done)
    if hidden:
        left_out["hidden by a point before a name"] = len(hidden)
    if twice:
        notes.append(
            f"Names that occur more than once in the archive, of which the last file is used: "
            f"{_many(len(twice), 'file')}."
        )
    keys, said = _placed(above, left_out, notes)
    notes += _alike({key for key in keys if key is not None})
    keys, split = _parted(keys, said, above, notes)
    sizes = Counter(key for key in keys if key is not None)
    small = sorted(one for one in sizes if sizes[one] < LEAST)
    if small:
        notes.append(f"Left out, classes with fewer than {LEAST} pictures: {_listed(small)}.")
    chosen = sorted(one for one in sizes if sizes[one] >= LEAST)
    notes += [f"Left out, {why}: {_many(count, 'file')}." for why, count in left_out.items()]
    if len(chosen) < 2:
        raise refuse(
            name,
            (
                f"an archive with a folder for every class, at least two of them, and at least "
                f"{LEAST} PNG or JPEG pictures in each{_why(left_out)}"
            ),
        )
    if len(chosen) > CATEGORIES:
        raise refuse(
            name, f"at most {CATEGORIES} classes (it has {len(chosen)} folders of pictures)"
        )
    kept = [i for i, key in enumerate(keys) if key is not None and sizes[key] >= LEAST]
    place = {key: k for k, key in enumerate(chosen)}
    squares = scaled([decoded[i] for i in kept], changed)
    grey = sum(decoded[i].grey for i in kept)
    if colour == "rgb" and 0 < grey < len(kept):
        changed["Grey images converted to colour"] += grey
    notes += [f"{how}: {_many(count, 'picture')}." for how, count in changed.items()]
    labels = np.array([place[str(keys[i])] for i in kept], np.int64)
    out = np.array([split and said[i] in ("test", "val") for i in kept], bool)
    return Pictures(
        tuple(distinct_names(chosen)),
        squares,
        labels,
        out,
        split,
        notes,
        [paths[i] for i in kept],
    )


def first_pictures(data: bytes, name: str, found: Pictures) -> tuple[Pixels, list[int]]:
    """Return a few images for people to look at, and the class of each: the first of every class,
    then the second, and so on.

    Args:
        data: of the archive.
        name: of the archive.
        found: what was read of it.
    """
    seen: Counter[int] = Counter()
    order = []
    for i, label in enumerate(found.labels.tolist()):
        order.append((seen[label], label, i))
        seen[label] += 1
    chosen = [(label, found.paths[i]) for _, label, i in sorted(order)[:FIRST]]
    wanted = {path for _, path in chosen}
    last: dict[tuple[str, ...], bytes] = {}  # of a name that occurs twice the last file counts
    for entry in entries(data, name):
        if entry.parts in wanted:
            last[entry.parts] = entry.data
    labels, decoded = [], []
    for label, path in chosen:
        with contextlib.suppress(Unreadable):  # damaged where only the larger size is read
            decoded.append(decode(last[path], FIRST_SIDE, "rgb", Counter()))
            labels.append(label)
    if not decoded:
        return np.empty((0, 3, FIRST_SIDE, FIRST_SIDE), np.uint8), []
    return scaled(decoded, Counter()), labels


def _placed(
    above: list[tuple[str, ...]], left_out: Counter[str], notes: list[str]
) -> tuple[list[str | None], list[str | None]]:
    """Return every image's class and whether it is in a folder for training or testing: ("cats",
    "train").

    The folders of classes may be inside those for training and testing, or the other way round, or
    both may be in one name: cats_train. If there are other folders of images beside one called
    "train", which holds only images, it is a class.
    """
    same = _same_inside(above)
    above = [folders[: len(folders) - same] for folders in above]
    known = parts_of(above)
    among = {folders[:-1] for folders in above if folders and folders[-1] not in known}
    parts = [tuple(known.get(folder) for folder in folders) for folders in above]
    inner = any(part for folders in parts for part in folders[:-1])
    # A class may be called train: it is beside others, inside a folder for training or testing.
    direct = [
        bool(part and part[-1] and not part[-1].rest)
        and not (any(part[:-1]) and folders[:-1] in among)
        for folders, part in zip(above, parts, strict=True)
    ]
    flat = all(straight for folders, straight in zip(above, direct, strict=True) if folders)
    outer = flat and all(len(folders) > 1 for folders in above if folders)
    divided = _divided(above, known)
    keys: list[str | None] = []
    by: list[str | None] = []
    for folders, part, straight in zip(above, parts, direct, strict=True):
        last = part[-1] if part else None
        if straight and ((outer and not inner) or (folders[:-1] in divided and not any(part[:-1]))):
            keys.append(folders[-2])
            by.append(folders[-1])
        elif not folders or (straight and (inner or flat)):
            left_out["in no folder of a class"] += 1
            keys.append(None)
            by.append(None)
        elif last and last.rest:
            keys.append(last.rest)
            by.append(folders[-1])
        else:
            keys.append(folders[-1])
            by.append(next((one for one in reversed(folders[:-1]) if one in known), None))
    # data/train/1.png: no class in the path.
    if outer and not inner and len({key for key in keys if key}) < 2:
        lost = sum(key is not None for key in keys)
        if lost:
            left_out["in no folder of a class"] += lost
        return [None] * len(keys), [None] * len(keys)
    origins: dict[str, set[str]] = {}
    for folders, key in zip(above, keys, strict=True):
        if key is not None:
            place = [folder for folder in folders[:-1] if folder not in known]
            origins.setdefault(key, set()).add(
                "/".join(place if place[-1:] == [key] else [*place, key])
            )
    for key, places in origins.items():
        if len(places) > 1:
            notes.append(
                f"The class {named(key)} is made of {len(places)} folders: "
                f"{_listed(sorted(places))}."
            )
    notes += _meant(known, above, keys, by)
    return keys, [known[folder].kind if folder is not None else None for folder in by]


def _same_inside(above: Sequence[tuple[str, ...]]) -> int:
    """Return how many innermost folders have one name for all images, as in cats/images and
    dogs/images, so that they are no classes.
    """
    same, most = 0, min(map(len, above), default=0) - 1 if len(set(above)) > 1 else 0
    while same < most:
        names = {folders[-1 - same] for folders in above}
        if len(names) > 1 or part_of(names.pop()):
            break
        same += 1
    return same


def _divided(above: Sequence[tuple[str, ...]], known: Mapping[str, Part]) -> set[tuple[str, ...]]:
    """Return the folders of classes that hold nothing but folders for training and testing, if one
    of them holds both.
    """
    inside: dict[tuple[str, ...], set[str]] = {}
    for folders in above:
        if len(folders) > 1:
            inside.setdefault(folders[:-1], set()).add(folders[-1])
    divided = {
        place: {known[name].kind == "train" for name in names}
        for place, names in inside.items()
        if all(name in known and not known[name].rest for name in names)
    }
    return set(divided) if any(len(kinds) == 2 for kinds in divided.values()) else set()


def _meant(
    known: Mapping[str, Part],
    above: Sequence[tuple[str, ...]],
    keys: Sequence[str | None],
    by: Sequence[str | None],
) -> list[str]:
    """Report which folders are for training and testing by their names, where that is not clear,
    and which are not although their names say so.

    Args:
        known: the folders for training and testing.
        above: the folders above every picture.
        keys: the class of every picture.
        by: which folder says what a picture is for.
    """
    notes = []
    used = {folder for folder in by if folder is not None}
    for_training = sorted(folder for folder in used if known[folder].kind == "train")
    for_testing = sorted(used.difference(for_training))
    if for_training and for_testing and any(one.lower() not in USUAL for one in used):
        classes = any(known[folder].rest for folder in used)
        notes.append(
            f"By the names of the folders, pictures are for training in {_listed(for_training)}; "
            f"for testing in {_listed(for_testing)}"
            f"{'. The rest of such a name is the class' if classes else ''}."
        )
    read = {name: part_of(name) for name in {folder for folders in above for folder in folders}}
    if any(part and part.kind == "train" for part in read.values()):
        astray = {
            folder
            for folders, key, told in zip(above, keys, by, strict=True)
            for folder in folders
            if key is not None and told is None and (part := read[folder]) and part.kind != "train"
        }
        if astray:
            notes.append(
                f"Trained on like the others, although the name of the folder says testing: "
                f"{_listed(sorted(astray))}."
            )
    return notes


def _alike(classes: set[str]) -> list[str]:
    """Report classes that differ only in capital letters, and names that are not shown as
    they are.
    """
    alike: dict[str, list[str]] = {}
    for one in sorted(classes):
        alike.setdefault(one.casefold(), []).append(one)
    notes = [
        (
            f"{' and '.join(f'“{named(one)}”' for one in same)} are {len(same)} classes, which "
            f"differ only in capital letters."
        )
        for same in alike.values()
        if len(same) > 1
    ]
    broken = [one for one in sorted(classes) if replaced(one)]
    if broken:
        notes.append(
            f"Names with line breaks or control characters, which became blanks: {_listed(broken)}."
        )
    return notes


def _parted(
    keys: list[str | None], said: list[str | None], above: list[tuple[str, ...]], notes: list[str]
) -> tuple[list[str | None], bool]:
    """Use the archive's own split into training and test, and report where it cannot be used."""
    parts = Counter(part or "" for key, part in zip(keys, said, strict=True) if key is not None)
    if not parts["test"] and not parts["val"]:
        return keys, False
    trained = {
        key
        for key, part in zip(keys, said, strict=True)
        if key is not None and part in ("train", None)
    }
    if not trained:
        notes.append(
            "The archive has folders for testing and none for training, so a fifth of every "
            "class is held out at random."
        )
        return keys, False
    strange = Counter(key for key in keys if key is not None and key not in trained)
    if strange:
        told = ", ".join(
            f"{named(key)} ({_many(count, 'picture')})" for key, count in sorted(strange.items())
        )
        notes.append(f"Left out, classes with test images but no training images: {told}.")
    tested = {key for key, part in zip(keys, said, strict=True) if part in ("test", "val")}
    if not trained & tested:
        notes.append("No class has test images, so a fifth of every class is held out at random.")
        return [key if key in trained else None for key in keys], False
    untested = sorted(trained - tested)
    if untested:
        notes.append(f"Classes without test images: {_listed(untested)}.")
    if parts["val"]:
        notes.append(
            f"Pictures for validation are used for testing{' too' if parts['test'] else ''}: "
            f"{parts['val']:,}."
        )
    if parts[""]:
        notes.append(
            f"Outside the folders for training and testing, and used for training: "
            f"{_many(parts[''], 'picture')}."
        )
    return [key if key in trained else None for key in keys], True


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    """Return names as a list for reading, shortened if there are very many."""
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return ", ".join(named(one) for one in names[:LISTED]) + more


def _why(left_out: Counter[str]) -> str:
    return "".join(f"; {_many(count, 'file')}: {why}" for why, count in left_out.most_common(2))


def summary(found: Pictures) -> dict[str, Any]:
    """Return the description of an archive as JSON values."""
    return {
        "kind": "images",
        "rows": len(found.labels),
        "classes": list(found.classes),
        "counts": found.counts(),
        "split": found.split,
        "notes": found.notes,
    }
