"""Newton's *Opticks*, which ships with Kelvin: predict the next character.

Isaac Newton, Opticks, fourth edition, London 1730: in the public domain. The file is the
transcription of Distributed Proofreaders (https://www.pgdp.net) as it ships with the sources of Go
(src/testdata), unchanged. It is read in lower case, with few punctuation marks, so that small
networks have few classes.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import cast

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ..random.rng import Rng
from .base import DATASETS, Dataset, DatasetConfig, config_property
from .bundled import DATA

ALPHABET = " abcdefghijklmnopqrstuvwxyz.,;'-"
"""All characters, in the order of the classes."""
TEST_SHARE = 0.1
"""The end of the book is held out."""
FILE = DATA / "opticks.txt"

_WRITTEN = str.maketrans(
    {"æ": "ae", "ê": "e", "û": "u", "?": ".", "!": ".", ":": ";", "_": "", "´": "'"}
)


def plain(text: str) -> str:
    """Reduce a text to the characters of `ALPHABET`: lower case, similar punctuation marks merged,
    and one space for everything else.
    """
    return re.sub(r"[^a-z.,;'-]+", " ", text.lower().translate(_WRITTEN)).strip()


@lru_cache(maxsize=1)
def book() -> Tensor:
    """Return the whole book as indices of characters, from its title on: (N,) int64."""
    text = FILE.read_text("utf-8")
    letters = np.frombuffer(plain(text[text.index("OPTICKS:") :]).encode("ascii"), np.uint8)
    numbers = np.zeros(128, np.int64)
    numbers[[ord(character) for character in ALPHABET]] = np.arange(len(ALPHABET))
    return torch.from_numpy(numbers[letters])


def read(numbers: Tensor) -> str:
    """Return the text of indices of characters (T,)."""
    return "".join(ALPHABET[int(number)] for number in numbers)


@DATASETS.add
class Opticks(DatasetConfig):
    """Pieces of the book and the character that follows each. Training pieces are from the first
    nine tenths, test pieces from the last.
    """

    name = "opticks"
    label = "Newton's Opticks (text)"
    kind = "text"
    shape = cast(tuple[int, ...], config_property(lambda choice: (choice.length,), (32,)))
    classes = tuple("␣" if character == " " else character for character in ALPHABET)
    sentence = "Predict the next character in Isaac Newton's book on light."
    about = (
        "Predict the next of 32 characters in Isaac Newton's book on light (1730, public domain). "
        "Ships with Kelvin."
    )

    length: int = Field(
        32,
        ge=4,
        le=128,
        description="Characters the network sees before it predicts the next one.",
        json_schema_extra={"scale": "log"},
    )
    samples: int = Field(
        10_000,
        ge=500,
        le=100_000,
        description=(
            "Training pieces, drawn from the seed; a fifth as many are held out for testing."
        ),
        json_schema_extra={"scale": "log"},
    )

    def load(self, seed: int) -> Dataset:
        text = book()
        cut = round(len(text) * (1 - TEST_SHARE))
        (train, test), rng = self.sizes(), Rng(seed, f"{self.name} pieces")
        x_train, y_train = self._pieces(text[:cut], train, rng)
        x_test, y_test = self._pieces(text[cut:], test, rng)
        return Dataset(x_train, y_train, x_test, y_test, self.classes, self.kind)

    def _pieces(self, text: Tensor, count: int, rng: Rng) -> tuple[Tensor, Tensor]:
        """Return pieces (count, T) float32, as all inputs, and the next characters (count,) int64;
        no two begin at the same position, if there are enough positions.
        """
        places = len(text) - self.length
        starts = rng.permutation(places)[:count] if count <= places else rng.integers(places, count)
        piece = text[starts.unsqueeze(1) + torch.arange(self.length + 1)]
        return piece[:, :-1].float(), piece[:, -1].clone()

    def sizes(self) -> tuple[int, int]:
        return self.samples, self.samples // 5
