"""Find what is for training and what for testing by the words in names: of the folders of an
archive (``train``, ``Test Data``, ``seg_train``, ``holdout``, ``cats_test``), and of the columns of
a table and their entries.

A name of such a word alone, or beside words like “set” and “images”, is enough. Beside other words
it is only one of two classes “test tube” and “flask”: it counts if the archive has a folder for the
other purpose with the same other words.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["train", "val", "test"]

KINDS: dict[str, Kind] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "eval", "evaluation"), "val"),
    **dict.fromkeys(("test", "testing", "holdout", "heldout", "unseen"), "test"),
}
USUAL = frozenset(
    f"{word}{end}"
    for word, ends in {
        "train": ("", "ing", "set", "_set"),
        "test": ("", "ing", "set", "_set"),
        "val": ("", "id", "idation"),
        "dev": ("",),
        "eval": ("",),
    }.items()
    for end in ends
)
"""Names in lower case whose meaning is not told."""
FILLERS = frozenset(
    f"{word}{end}" for word in ("set", "dataset", "image", "img", "folder") for end in ("", "s")
) | {"data", "split"}
"""Words that say nothing of what is in a folder of pictures."""

LETTERS = re.compile(r"[^\W\d_]+|\d+")
CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
ONE = re.compile(rf"({'|'.join(sorted(KINDS, key=len, reverse=True))})({'|'.join(FILLERS)})?")


@dataclass(frozen=True)
class Part:
    """What the name of a folder says.

    Attributes:
        kind: what its pictures are for.
        rest: the other words of the name, as they are written; empty if there are none.
        words: those of them that are no numbers, in lower case.
    """

    kind: Kind
    rest: str = ""
    words: tuple[str, ...] = ()


def part_of(name: str) -> Part | None:
    """Return what the name of a folder says by itself; None if it has no word for training or
    testing, or words for both.
    """
    kinds: set[Kind] = set()
    kept: list[str] = []
    pieces: list[tuple[int, int]] = []
    joined = False
    for start, end in _words(name):
        word = name[start:end].casefold()
        found = ONE.fullmatch(re.sub(r"[\W_]", "", word))
        if found:
            kinds.add(KINDS[found[1]])
        if found or word in FILLERS:
            joined = False
            continue
        if joined:
            pieces[-1] = (pieces[-1][0], end)
        else:
            pieces.append((start, end))
        joined = True
        if not word.isdigit():
            kept.append(word)
    if len(kinds) != 1:
        return None
    return Part(kinds.pop(), " ".join(name[start:end] for start, end in pieces), tuple(kept))


def _words(name: str) -> list[tuple[int, int]]:
    """Return where the words of a name begin and end: of “seg_train”, “trainA”, “hold-out”."""
    words: list[tuple[int, int]] = []
    for found in LETTERS.finditer(name):
        cuts = [found.start() + one.start() for one in CAPITAL.finditer(found[0])]
        for start, end in zip((found.start(), *cuts), (*cuts, found.end()), strict=True):
            held = words and name[words[-1][0] : words[-1][1]].casefold() in ("hold", "held")
            if held and name[start:end].casefold() == "out" and start - words[-1][1] <= 1:
                words[-1] = (words[-1][0], end)
            else:
                words.append((start, end))
    return words


def parts_of(above: Iterable[Sequence[str]]) -> dict[str, Part]:
    """Return the folders of an archive that are for training or testing.

    Of a folder that holds pictures itself, as in a_train, a_test, b_train, b_test, the rest of the
    name is a class; of one that holds folders, or of its counterpart, it is none, and is left out
    of the answer.

    Args:
        above: the folders above every picture.
    """
    found: dict[str, Part] = {}
    places = set(map(tuple, above))
    for name in {folder for folders in places for folder in folders}:
        part = part_of(name)
        if part:
            found[name] = part
    trained: dict[tuple[str, ...], set[bool]] = defaultdict(set)
    for part in found.values():
        trained[part.words].add(part.kind == "train")
    found = {
        name: part for name, part in found.items() if not part.rest or len(trained[part.words]) == 2
    }
    outer = {folder for folders in places for folder in folders[:-1]}
    apart = {part.words for name, part in found.items() if name in outer}
    classes = {
        found[folders[-1]].rest if folders[-1] in found else folders[-1]
        for folders in places
        if folders and folders[-1] not in outer
    } - {""}
    return {
        name: Part(part.kind) if part.words in apart or len(classes) < 2 else part
        for name, part in found.items()
    }
