"""The optical digits of the UCI repository (Alpaydin and Kaynak 1998), which ship with Kelvin."""

from __future__ import annotations

from .base import DATASETS, Dataset, DatasetConfig
from .bundled import shipped

DIGITS = tuple("0123456789")


@DATASETS.add
class Digits(DatasetConfig):
    """Digits of 8×8 pixels, 1,437 for training and 360 for testing, with a fixed split."""

    name = "digits"
    label = "Digits 8×8"
    kind = "images"
    shape = (1, 8, 8)
    classes = DIGITS
    sentence = "1,797 handwritten digits of 8 × 8 pixels, small enough for every method."
    about = (
        "1,797 handwritten digits of 8 × 8 pixels (Alpaydin and Kaynak 1998, UCI; CC BY 4.0). "
        "Small enough for every method."
    )

    def load(self, seed: int) -> Dataset:
        return shipped(self.name, self.classes)

    def sizes(self) -> tuple[int, int]:
        return 1437, 360
