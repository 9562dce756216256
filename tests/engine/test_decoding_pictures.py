"""Pictures from strangers become squares of bytes; odd ones are handled or left out, and it is said."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.decoding import pictures
from engine.decoding.pictures import Unreadable, read_pictures, square
from engine.errors import BadInput
from tests.engine.files import class_folders, picture, plain_picture, tarred, zipped


def saved(image: Image.Image, kind: str = "PNG", **how: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)  # type: ignore[arg-type]
    return buffer.getvalue()


def test_folders_are_classes_and_every_picture_a_square() -> None:
    found = read_pictures(zipped(class_folders(5)), "pets.zip", 16, "rgb")
    assert found.classes == ("cats", "dogs")
    assert found.squares.shape == (10, 3, 16, 16)
    assert found.squares.dtype == np.uint8
    assert found.labels.tolist() == [0] * 5 + [1] * 5
    assert not found.split
    assert found.counts() == [[5, 0], [5, 0]]
    assert found.notes == []
    assert read_pictures(tarred(class_folders(5)), "pets.tgz", 8, "grey").squares.shape == (10, 1, 8, 8)


def test_pixels_are_those_of_the_picture() -> None:
    same = square(picture(3, (12, 12)), 12, "rgb", Counter())
    np.testing.assert_array_equal(same.transpose(1, 2, 0), np.asarray(Image.open(io.BytesIO(picture(3, (12, 12))))))
    assert (square(plain_picture((200, 10, 30)), 8, "rgb", Counter()) == np.array([200, 10, 30])[:, None, None]).all()
    grey = square(plain_picture((200, 10, 30)), 8, "grey", Counter())
    assert (grey == round(0.299 * 200 + 0.587 * 10 + 0.114 * 30)).all()


def test_wide_pictures_keep_their_middle() -> None:
    pixels = np.zeros((10, 30, 3), np.uint8)
    pixels[:, 10:20] = 255
    changed: Counter[str] = Counter()
    assert (square(saved(Image.fromarray(pixels)), 10, "rgb", changed) == 255).all()
    assert changed == {"Cut to the square in the middle": 1}


def test_folders_named_train_and_test_say_what_is_held_out() -> None:
    files = {f"data/{part}/{kind}/{i}.png": picture(i) for part in ("train", "test") for kind in ("cats", "dogs") for i in range(3 if part == "train" else 2)}
    found = read_pictures(zipped(files), "pets.zip", 8, "rgb")
    assert found.split
    assert found.counts() == [[3, 2], [3, 2]]
    only_test = {name.replace("train", "test"): data for name, data in files.items()}
    assert not read_pictures(zipped(only_test), "pets.zip", 8, "rgb").split, "with nothing to train on the folders mean nothing"


ODD = {
    "CMYK": (lambda: picture(1, mode="CMYK", kind="JPEG"), "Turned from the colours of print (CMYK) into RGB"),
    "16 bits": (lambda: saved(Image.fromarray(np.full((20, 20), 200 * 256 + 9, np.uint16))), "Taken with the upper 8 of 16 bits of grey"),
    "animated": (lambda: saved(Image.new("RGB", (20, 20), (9, 9, 9)), save_all=True, append_images=[Image.new("RGB", (20, 20))]), "Taken by the first of several pictures"),
    "see-through": (lambda: plain_picture((0, 0, 0, 0)), "Laid on white, being see-through"),
    "palette": (lambda: saved(Image.new("RGB", (20, 20), (200, 10, 30)).convert("P")), None),
    "black and white": (lambda: saved(Image.new("1", (20, 20), 1)), None),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_pictures_are_handled_and_told(name: str) -> None:
    make, said = ODD[name]
    changed: Counter[str] = Counter()
    for colour, channels in (("rgb", 3), ("grey", 1)):
        pixels = square(make(), 8, colour, changed)
        assert pixels.shape == (channels, 8, 8)
        if name in ("see-through", "black and white"):
            assert (pixels == 255).all()
        if name == "16 bits":
            assert (pixels == 200).all()
        if name == "animated":
            assert (pixels == 9).all()
    assert [how.startswith(str(said)) for how in changed] == ([True] if said else [])


def test_a_picture_stands_as_its_camera_was_held() -> None:
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:8] = 255  # the upper half is bright
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    turned = square(saved(Image.fromarray(pixels), "JPEG", exif=exif, quality=95), 16, "grey", Counter())
    assert turned[0, :6].max() < 30
    assert turned[0, 10:].min() > 220


BROKEN = {
    "cut off JPEG": lambda: picture(1, (60, 60), kind="JPEG")[:-200],
    "cut off PNG": lambda: picture(1, (60, 60))[:-200],
    "text": lambda: b"hello",
    "empty": lambda: b"",
    "GIF called PNG": lambda: saved(Image.new("RGB", (8, 8)), "GIF"),
    "TIFF called PNG": lambda: saved(Image.new("RGB", (8, 8)), "TIFF"),
    "postscript called PNG": lambda: saved(Image.new("RGB", (8, 8)), "EPS"),
    "head only": lambda: picture()[:30],
}


@pytest.mark.parametrize("name", BROKEN)
def test_damaged_pictures_are_told_from_whole_ones(name: str) -> None:
    with pytest.raises(Unreadable, match="damaged or cut off"):
        square(BROKEN[name](), 8, "rgb", Counter())


def test_a_picture_of_too_many_pixels_is_not_even_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "PIXELS", 399)
    data = picture()
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(Unreadable, match="million pixels"):
        square(data, 8, "rgb", Counter())


def test_what_was_left_out_is_told() -> None:
    files = {
        **class_folders(4),
        "pets/cats/cut.png": picture(1, (60, 60))[:-200],
        "pets/cats/note.txt": b"hello",
        "top.png": picture(),
        "pets/lonely/1.png": picture(),
        "__MACOSX/pets/cats/._1.png": b"x",
        "pets/cats/.DS_Store": b"x",
    }
    found = read_pictures(zipped(files), "pets.zip", 8, "rgb")
    assert found.counts() == [[4, 0], [4, 0]]
    assert sorted(found.notes) == [
        "Left out with fewer than 2 pictures: lonely.",
        "Left out, damaged or cut off: 1 file.",
        "Left out, in no folder of a class: 1 file.",
        "Left out, neither PNG nor JPEG: 1 file.",
    ]


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "a folder for every class, at least two of them"),
        (class_folders(5, ("cats",)), "at least two of them"),
        (class_folders(1), "at least 2 PNG or JPEG pictures in each"),
        ({"a/1.txt": b"x", "b/1.txt": b"x"}, "2 files: neither PNG nor JPEG"),
        (class_folders(2, tuple(f"c{i}" for i in range(51))), "at most 50 classes"),
    ],
)
def test_archives_without_classes_are_refused_in_one_line(files: dict[str, bytes], why: str) -> None:
    with pytest.raises(BadInput, match=why) as caught:
        read_pictures(zipped(files), "pets.zip", 8, "rgb")
    assert "\n" not in str(caught.value)


def test_the_copy_of_cifar_in_the_data_folder_has_its_ten_classes(kelvin_data: Path) -> None:
    path = kelvin_data / "cifar-10" / "cifar10-jpeg.tar.xz"
    if not path.exists():
        pytest.skip("no JPEG copy of CIFAR-10 here")
    import tarfile

    files: dict[str, bytes] = {}
    counts: Counter[str] = Counter()
    with tarfile.open(path) as archive:
        for member in archive:
            folder = member.name.rpartition("/")[0]
            if member.isfile() and counts[folder] < 3:
                counts[folder] += 1
                files[member.name] = archive.extractfile(member).read()  # type: ignore[union-attr]
            if len(files) == 60:
                break
    found = read_pictures(zipped(files), "cifar.zip", 32, "rgb")
    assert len(found.classes) == 10
    assert found.notes == []
