"""Make the small datasets that ship in this folder.

    KELVIN_DATA=/folder/with/mnist/and/fashion-mnist python -m tests.tools.make_datasets

The subsets are chosen by a fixed seed, so the same files come out every time. Needs scikit-learn
for the digits and Iris.
"""

from __future__ import annotations

import io
import os
import sys
import zipfile
from pathlib import Path

import numpy as np

from engine.datasets.bundled import DATA
from engine.datasets.idx import read_idx
from engine.datasets.mnist import FILES

SEED = 0
PER_CLASS = {"train": 500, "test": 100}


def save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """An npz file whose bytes depend on the arrays alone (NumPy's own writer stamps the time)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
            file.writestr(
                zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)),
                buffer.getvalue(),
                zipfile.ZIP_DEFLATED,
                9,
            )
    print(f"{path}: {path.stat().st_size:,} bytes")


def digits() -> dict[str, np.ndarray]:
    """The 8×8 digits, 360 of them held out; pixels 0…16 become bytes."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(SEED).permutation(len(y))
    images = np.rint(x.reshape(-1, 8, 8) * 255 / 16).astype(np.uint8)[order]
    labels = y.astype(np.uint8)[order]
    return {
        "x_train": images[:1437],
        "y_train": labels[:1437],
        "x_test": images[1437:],
        "y_test": labels[1437:],
    }


def iris() -> dict[str, np.ndarray]:
    """Fisher's flowers in centimetres, 50 of them held out."""
    from sklearn.datasets import load_iris

    x, y = load_iris(return_X_y=True)
    order = np.random.default_rng(SEED).permutation(len(y))
    measures, labels = x.astype(np.float32)[order], y.astype(np.uint8)[order]
    return {
        "x_train": measures[:100],
        "y_train": labels[:100],
        "x_test": measures[100:],
        "y_test": labels[100:],
    }


def subset(folder: Path) -> dict[str, np.ndarray]:
    """The same number of every class, in the files' own order."""
    arrays = {
        key: read_idx(
            next(path for path in (folder / stem, folder / f"{stem}.gz") if path.exists())
        )
        for key, stem in FILES.items()
    }
    rng = np.random.default_rng(SEED)
    chosen: dict[str, np.ndarray] = {}
    for part, count in PER_CLASS.items():
        labels = arrays[f"y_{part}"]
        rows = np.sort(
            np.concatenate(
                [rng.choice(np.flatnonzero(labels == c), count, replace=False) for c in range(10)]
            )
        )
        chosen |= {f"x_{part}": arrays[f"x_{part}"][rows], f"y_{part}": labels[rows]}
    return chosen


def main() -> None:
    """Write the files."""
    data = os.environ.get("KELVIN_DATA")
    if not data:
        sys.exit(
            "KELVIN_DATA: not set; expected the folder that holds mnist/ and fashion-mnist/ "
            "with the standard idx files"
        )
    save(DATA / "digits.npz", digits())
    save(DATA / "iris.npz", iris())
    for name in ("mnist", "fashion-mnist"):
        save(DATA / f"{name}-small.npz", subset(Path(data) / name))


if __name__ == "__main__":
    main()
