"""The MNIST family: a small subset that ships with Kelvin, and the full sets from the standard idx
files.

The full sets are searched in ``KELVIN_DATA`` and in the cache (``KELVIN_CACHE``, else the
platform's own), and downloaded into the cache if they are in neither.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import platformdirs

from ..errors import BadInput, NotFetched
from ..system import settings
from .base import DATASETS, Dataset, DatasetConfig
from .bundled import image_dataset, shipped
from .digits import DIGITS
from .download import DownloadFailed, fetch, why_not
from .idx import read_idx

FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
CLOTHES = (
    "T-shirt",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def cache_folder() -> Path:
    """Return the folder for downloads."""
    return settings.cache() or Path(platformdirs.user_cache_dir("kelvin"))


@lru_cache(maxsize=2)
def _from_idx(folder: Path, classes: tuple[str, ...]) -> Dataset:
    arrays = {}
    for key, stem in FILES.items():
        path = next(path for path in (folder / stem, folder / f"{stem}.gz") if path.exists())
        arrays[key] = read_idx(path)
        if arrays[key].ndim != (3 if key.startswith("x") else 1):
            raise BadInput(
                "dataset",
                str(path),
                "an idx file of " + ("images" if key.startswith("x") else "labels"),
            )
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if not len(x) or x.shape[1:] != (28, 28) or len(x) != len(y) or y.max() >= len(classes):
            raise BadInput(
                "dataset",
                str(folder),
                (
                    f"28×28 images (at least one) with as many labels from 0 to "
                    f"{len(classes) - 1} in its {part}ing files"
                ),
            )
    return image_dataset(arrays, classes)


class Images(DatasetConfig):
    """The base of the MNIST family."""

    kind = "images"
    shape = (1, 28, 28)


class Small(Images):
    """A subset that ships with Kelvin."""

    def load(self, seed: int) -> Dataset:
        return shipped(self.name, self.classes)

    def sizes(self) -> tuple[int, int]:
        return 5000, 1000


@DATASETS.add
class MnistSmall(Small):
    """500 training and 100 test images of every digit."""

    name = "mnist-small"
    label = "MNIST (5,000)"
    classes = DIGITS
    sentence = "5,000 handwritten digits of 28 × 28 pixels, and 1,000 to test; ships with Kelvin."
    about = (
        "5,000 of MNIST's handwritten digits, 1,000 for testing (LeCun, Cortes and Burges; CC "
        "BY-SA 3.0). Ships with Kelvin."
    )


@DATASETS.add
class FashionMnistSmall(Small):
    """500 training and 100 test images of every kind of clothing."""

    name = "fashion-mnist-small"
    label = "Fashion-MNIST (5,000)"
    classes = CLOTHES
    sentence = "5,000 pictures of clothes of 28 × 28 pixels, and 1,000 to test; ships with Kelvin."
    about = (
        "5,000 of Zalando's pictures of clothes, 1,000 for testing (Xiao, Rasul and Vollgraf "
        "2017; MIT). Ships with Kelvin."
    )


class FullMNIST(Images):
    """A full set, from the standard idx files."""

    mirrors: ClassVar[tuple[str, ...]]
    checksums: ClassVar[dict[str, str]]
    """sha256 of the unpacked files, by `FILES` key: mirrors pack the same bytes in different
    ways."""

    def load(self, seed: int) -> Dataset:
        for folder in self.folders():
            if all(
                (folder / stem).exists() or (folder / f"{stem}.gz").exists()
                for stem in FILES.values()
            ):
                return _from_idx(folder, self.classes)
        folder = self.folders()[-1]
        try:
            for key, stem in FILES.items():
                fetch(self.mirrors, f"{stem}.gz", self.checksums[key], folder)
        except (DownloadFailed, OSError) as error:
            raise NotFetched(
                self.name,
                self.label,
                why_not(error),
                f"the four files {FILES['x_train']}.gz …",
                f"{self.name}-small",
                DATASETS.get(f"{self.name}-small").label,
            ) from None
        return _from_idx(folder, self.classes)

    def folders(self) -> list[Path]:
        """Return the folders that may hold the files; the last one is for downloads."""
        data = settings.data()
        return ([data / self.name] if data else []) + [cache_folder() / self.name]

    def sizes(self) -> tuple[int, int]:
        return 60_000, 10_000


@DATASETS.add
class Mnist(FullMNIST):
    """The full MNIST."""

    name = "mnist"
    label = "MNIST"
    classes = DIGITS
    sentence = "All 70,000 handwritten digits; downloaded on first use (11 MB)."
    about = (
        "All 60,000 + 10,000 handwritten digits (LeCun, Cortes and Burges; CC BY-SA 3.0). "
        "Downloaded on first use (11 MB)."
    )
    mirrors = (
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://storage.googleapis.com/cvdf-datasets/mnist",
    )
    checksums: ClassVar[dict[str, str]] = {
        "x_train": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "y_train": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "x_test": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "y_test": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    }


@DATASETS.add
class FashionMnist(FullMNIST):
    """The full Fashion-MNIST."""

    name = "fashion-mnist"
    label = "Fashion-MNIST"
    classes = CLOTHES
    sentence = "All 70,000 pictures of clothes; downloaded on first use (31 MB)."
    about = (
        "All 60,000 + 10,000 pictures of clothes (Xiao, Rasul and Vollgraf 2017; MIT). "
        "Downloaded on first use (31 MB)."
    )
    mirrors = (
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    )
    checksums: ClassVar[dict[str, str]] = {
        "x_train": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "y_train": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "x_test": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "y_test": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    }
