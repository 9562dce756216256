"""Pictures from strangers become squares of bytes; odd ones are handled or left out, and it is
said.
"""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.errors import BadInput
from engine.uploads import image_squares
from engine.uploads.image_squares import Unreadable, square
from engine.uploads.images import first_pictures, read_pictures
from tests.engine.support.files import class_folders, picture, plain_picture, tarred, zipped


def saved(image: Image.Image, kind: str = "PNG", **how: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
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
    assert read_pictures(tarred(class_folders(5)), "pets.tgz", 8, "grey").squares.shape == (
        10,
        1,
        8,
        8,
    )


def test_pixels_are_those_of_the_picture() -> None:
    same = square(picture(3, (12, 12)), 12, "rgb", Counter())
    np.testing.assert_array_equal(
        same.transpose(1, 2, 0), np.asarray(Image.open(io.BytesIO(picture(3, (12, 12)))))
    )
    assert (
        square(plain_picture((200, 10, 30)), 8, "rgb", Counter())
        == np.array([200, 10, 30])[:, None, None]
    ).all()
    grey = square(plain_picture((200, 10, 30)), 8, "grey", Counter())
    assert (grey == round(0.299 * 200 + 0.587 * 10 + 0.114 * 30)).all()


def test_wide_pictures_keep_their_middle() -> None:
    pixels = np.zeros((10, 30, 3), np.uint8)
    pixels[:, 10:20] = 255
    changed: Counter[str] = Counter()
    assert (square(saved(Image.fromarray(pixels)), 10, "rgb", changed) == 255).all()
    assert changed == {"Cropped to the square in the middle": 1}


def test_folders_named_train_and_test_say_what_is_held_out() -> None:
    files = {
        f"data/{part}/{kind}/{i}.png": picture(i)
        for part in ("train", "test")
        for kind in ("cats", "dogs")
        for i in range(3 if part == "train" else 2)
    }
    found = read_pictures(zipped(files), "pets.zip", 8, "rgb")
    assert found.split
    assert found.counts() == [[3, 2], [3, 2]]
    only_test = {name.replace("train", "test"): data for name, data in files.items()}
    assert not read_pictures(zipped(only_test), "pets.zip", 8, "rgb").split, (
        "with nothing to train on the folders mean nothing"
    )


ODD = {
    "CMYK": (lambda: picture(1, mode="CMYK", kind="JPEG"), "Converted from CMYK to RGB"),
    "16 bits": (lambda: saved(Image.fromarray(np.full((20, 20), 200 * 256 + 9, np.uint16))), "Of 16 bits with numbers up to 51,209, brought to 8 bits (65,535 is white)"),
    "animated": (lambda: saved(Image.new("RGB", (20, 20), (9, 9, 9)), save_all=True, append_images=[Image.new("RGB", (20, 20))]), "Files with several images, of which the first is used"),
    "see-through": (lambda: plain_picture((0, 0, 0, 0)), "Transparent background replaced by white"),
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
            assert (pixels == 199).all()
        if name == "animated":
            assert (pixels == 9).all()
    assert [how.startswith(str(said)) for how in changed] == ([True] if said else [])


def test_a_picture_stands_as_its_camera_was_held() -> None:
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:8] = 255  # the upper half is bright
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    turned = square(
        saved(Image.fromarray(pixels), "JPEG", exif=exif, quality=95), 16, "grey", Counter()
    )
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
    monkeypatch.setattr(image_squares, "PIXELS", 399)
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
        "Left out, classes with fewer than 2 pictures: lonely.",
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
def test_archives_without_classes_are_refused_in_one_line(
    files: dict[str, bytes], why: str
) -> None:
    with pytest.raises(BadInput, match=why) as caught:
        read_pictures(zipped(files), "pets.zip", 8, "rgb")
    assert "\n" not in str(caught.value)


def test_the_copy_of_cifar_in_the_data_folder_has_its_ten_classes(kelvin_data: Path) -> None:
    path = kelvin_data / "cifar-10" / "cifar10-jpeg.tar.xz"
    if not path.exists():
        pytest.skip("no JPEG copy of CIFAR-10 here")
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


def named_folders(*folders: str, count: int = 3) -> dict[str, bytes]:
    return {
        f"{folder}/{i}.png": picture(100 * k + i)
        for k, folder in enumerate(folders)
        for i in range(count)
    }


SPLITS: dict[str, tuple[dict[str, bytes], list[str], list[list[int]], str]] = {
    "a class to test on alone": (
        named_folders("train/a", "train/b", "test/a", "test/b", "test/c"), ["a", "b"], [[3, 3], [3, 3]],
        "Left out, classes with test images but no training images: c (3 pictures).",
    ),
    "nothing to test on": (
        named_folders("train/a", "train/b", "test/unknown"), ["a", "b"], [[3, 0], [3, 0]],
        "no training images: unknown (3 pictures). No class has test images, so a fifth of every class is held out at random.",
    ),
    "a class never tested": (named_folders("Train/a", "Train/b", "Test/a"), ["a", "b"], [[3, 3], [3, 0]], "Classes without test images: b."),
    "validation": (named_folders("train/a", "train/b", "val/a", "val/b"), ["a", "b"], [[3, 3], [3, 3]], "Pictures for validation are used for testing: 6."),
    "validation and test": (
        named_folders("train/a", "train/b", "validation/a", "test/a", "test/b"), ["a", "b"], [[3, 6], [3, 3]],
        "Pictures for validation are used for testing too: 3.",
    ),
    "the other way round": (named_folders("a/train", "a/test", "b/train", "b/test"), ["a", "b"], [[3, 3], [3, 3]], ""),
    "the other way round, and a class of one part": (
        named_folders("a/train", "a/test", "b/train", "c"), ["a", "b", "c"], [[3, 3], [3, 0], [3, 0]],
        "Classes without test images: b, c. Outside the folders for training and testing, and used for training: 3 pictures.",
    ),
    "folders of one name inside those of classes": (named_folders("cats/all/images", "dogs/all/images"), ["cats", "dogs"], [[3, 0], [3, 0]], ""),
    "the same, divided": (
        named_folders("train/a/images", "train/b/images", "test/a/images", "test/b/images"), ["a", "b"], [[3, 3], [3, 3]], "",
    ),
    "pictures to test on without classes": (
        named_folders("pets_train/a", "pets_train/b", "pets_test"), ["a", "b"], [[3, 0], [3, 0]], "Left out, in no folder of a class: 3 files.",
    ),
    "some in neither": (
        named_folders("train/a", "train/b", "test/a", "test/b", "more/a"), ["a", "b"], [[6, 3], [3, 3]],
        "Outside the folders for training and testing, and used for training: 3 pictures.",
    ),
    "sets": (
        named_folders("training_set/a", "training_set/b", "testing_set/a", "testing_set/b"), ["a", "b"], [[3, 3], [3, 3]],
        "By the names of the folders, pictures are for training in training_set; for testing in testing_set.",
    ),
    "images": (
        named_folders("train-images/a", "train-images/b", "test-images/a", "test-images/b"), ["a", "b"], [[3, 3], [3, 3]],
        "for training in train-images; for testing in test-images.",
    ),
    "data": (
        named_folders("Train Data/a", "Train Data/b", "Test Data/a", "Test Data/b"), ["a", "b"], [[3, 3], [3, 3]],
        "for training in Train Data; for testing in Test Data.",
    ),
    "twice": (
        named_folders("seg_train/seg_train/a", "seg_train/seg_train/b", "seg_test/seg_test/a", "seg_test/seg_test/b"),
        ["a", "b"], [[3, 3], [3, 3]], "for training in seg_train; for testing in seg_test.",
    ),
    "held out": (named_folders("train/a", "train/b", "hold-out/a", "hold-out/b"), ["a", "b"], [[3, 3], [3, 3]], "for testing in hold-out."),
    "unseen": (named_folders("train/a", "train/b", "unseen/a", "unseen/b"), ["a", "b"], [[3, 3], [3, 3]], "for testing in unseen."),
    "years": (
        named_folders("train2017/a", "train2017/b", "val2017/a", "val2017/b"), ["a", "b"], [[3, 3], [3, 3]],
        "Pictures for validation are used for testing: 6.",
    ),
    "with the class in one name": (
        named_folders("a_train", "a_test", "b_train", "b_test"), ["a", "b"], [[3, 3], [3, 3]],
        "for training in a_train, b_train; for testing in a_test, b_test. The rest of such a name is the class.",
    ),
    "with the class in one name, by capitals": (
        named_folders("trainA", "trainB", "testA", "testB"), ["A", "B"], [[3, 3], [3, 3]], "The rest of such a name is the class.",
    ),
    "with the class in both": (
        named_folders("train/a_train", "train/b_train", "test/a_test", "test/b_test"), ["a", "b"], [[3, 3], [3, 3]], "for testing in a_test, b_test.",
    ),
    "a class of test tubes": (named_folders("test tube", "flask"), ["flask", "test tube"], [[3, 0], [3, 0]], ""),
    "a class of test tubes, divided": (
        named_folders("train/test tube", "train/flask", "test/test tube", "test/flask"), ["flask", "test tube"], [[3, 3], [3, 3]], "",
    ),
    "classes of trains and test tubes": (
        named_folders("train station", "test tube"), ["test tube", "train station"], [[3, 0], [3, 0]],
        "Trained on like the others, although the name of the folder says testing: test tube.",
    ),
    "two versions": (
        named_folders("train_old/a", "train_old/b", "test_new/a", "test_new/b"), ["a", "b"], [[6, 0], [6, 0]],
        "Trained on like the others, although the name of the folder says testing: test_new.",
    ),
    "classes called train and test": (
        named_folders("train", "test", "car"), ["car", "test", "train"], [[3, 0]] * 3,
        "Trained on like the others, although the name of the folder says testing: test.",
    ),
    "a class called train, divided": (
        named_folders("train/car", "train/train", "test/car", "test/train"), ["car", "train"], [[3, 3], [3, 3]], "",
    ),
    "a whole called test": (
        named_folders("test_data/train/a", "test_data/train/b", "test_data/test/a", "test_data/test/b"), ["a", "b"], [[3, 3], [3, 3]],
        "",
    ),
    "a class called train": (named_folders("train", "car"), ["car", "train"], [[3, 0], [3, 0]], ""),
    "nothing to train on": (named_folders("test/a", "test/b"), ["a", "b"], [[3, 0], [3, 0]], "folders for testing and none for training"),
    "colours below classes": (
        named_folders("cats/black", "dogs/black", "dogs/white"), ["black", "white"], [[6, 0], [3, 0]],
        "The class black is made of 2 folders: cats/black, dogs/black.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SPLITS)
def test_what_an_archive_says_of_training_and_testing_is_kept_or_told(name: str) -> None:
    files, classes, counts, told = SPLITS[name]
    found = read_pictures(zipped(files), "pets.zip", 8, "rgb")
    assert (list(found.classes), found.counts()) == (classes, counts)
    assert found.split == any(test for _, test in counts)
    assert told in " ".join(found.notes), found.notes
    assert bool(told) == bool(found.notes)


def test_pictures_in_train_and_test_without_classes_are_refused_with_the_reason() -> None:
    for parts in (
        ("train", "test"),
        ("data/train", "data/test"),
        ("train images", "test images"),
        ("seg_train", "seg_test"),
    ):
        files = named_folders(*parts)
        with pytest.raises(BadInput, match="6 files: in no folder of a class"):
            read_pictures(zipped(files), "pets.zip", 8, "rgb")


def test_names_stay_apart_and_accents_are_one_class() -> None:
    long = "x" * 70
    found = read_pictures(
        zipped(named_folders(f"{long}1", f"{long}2", "Käse", "Ka\u0308se")), "pets.zip", 8, "rgb"
    )
    assert len(set(found.classes)) == 3
    assert dict(zip(found.classes, found.counts(), strict=True))["Käse"] == [6, 0]


def png16(pixels: np.ndarray[tuple[int, int, int], np.dtype[np.uint16]]) -> bytes:
    """A PNG of 16 bits with 1 to 4 colours, which Pillow does not write."""
    height, width, colours = pixels.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[colours], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("colours", [1, 2, 3, 4])
@pytest.mark.parametrize("bits", [10, 12, 16])
def test_pictures_of_more_than_8_bits_are_as_bright_as_they_are_meant(
    bits: int, colours: int
) -> None:
    rng = np.random.default_rng(bits)
    top = 2**bits - 1
    pixels = [
        rng.integers(top // 4, (top // 2 if k else top) + 1, (8, 8, colours)).astype(np.uint16)
        for k in range(4)
    ]
    pixels[0][0, 0, 0] = top
    if colours in (2, 4):
        for one in pixels:
            one[..., -1] = 65535
    found = read_pictures(
        zipped({f"{'ab'[k // 2]}/{k}.png": png16(one) for k, one in enumerate(pixels)}),
        "scans.zip",
        8,
        "rgb",
    )
    for got, one in zip(found.squares, pixels, strict=True):
        meant = np.repeat(one[..., :1], 3, 2) if colours < 3 else one[..., :3]
        np.testing.assert_allclose(got.transpose(1, 2, 0), meant * (255 / top), atol=0.51)
    assert found.notes == [
        f"Of 16 bits with numbers up to {top:,}, brought to 8 bits ({top:,} is white): 4 pictures."
    ]


def test_grey_pictures_among_coloured_ones_and_turned_ones_are_told() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = saved(Image.new("RGB", (20, 20), (9, 9, 9)), "JPEG", exif=exif)
    files = {**named_folders("a", "b"), "a/grey.png": picture(9, mode="L"), "b/turned.jpg": turned}
    notes = read_pictures(zipped(files), "pets.zip", 8, "rgb").notes
    assert sorted(notes) == [
        "Grey images converted to colour: 1 picture.",
        "Rotated to the orientation of the camera: 1 picture.",
    ]
    assert read_pictures(zipped(files), "pets.zip", 8, "grey").notes == [
        "Rotated to the orientation of the camera: 1 picture."
    ]


@pytest.mark.parametrize("colours", [2, 4])
def test_transparent_pictures_of_16_bits_are_told(colours: int) -> None:
    changed: Counter[str] = Counter()
    pixels = np.full((8, 8, colours), 300, np.uint16)
    assert (square(png16(pixels), 8, "grey", changed) > 200).all()
    assert changed["16 bits with transparency, of which the upper 8 bits are used"] == 1


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({f"{i}.png": picture(i) for i in range(30)}, "; 30 files: in no folder of a class"),
        ({f"train/{i}.png": picture(i) for i in range(30)}, "; 30 files: in no folder of a class"),
        (
            {**named_folders("data/train"), "1.png": picture(), "2.txt": b"x"},
            "; 4 files: in no folder of a class; 1 file: neither PNG nor JPEG",
        ),
        ({"inner.zip": zipped(class_folders(5))}, "; 1 file: neither PNG nor JPEG"),
        ({"a/1.png": b"x"}, "; 1 file: damaged or cut off"),
    ],
)
def test_files_of_refused_archives_are_counted_once(files: dict[str, bytes], told: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_pictures(zipped(files), "pets.zip", 8, "rgb")
    assert caught.value.allowed.endswith("pictures in each" + told)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_name_met_twice_is_one_picture_the_last_of_them(kind: str) -> None:
    files = [
        *class_folders(5).items(),
        ("pets/cats/0.png", b"damaged"),
        ("pets/dogs/1.png", plain_picture((7, 7, 7))),
    ]
    files = [
        ("pets/cats/0.png", b"damaged"),
        ("pets/dogs/note.txt", b""),
        *files,
        ("pets/dogs/note.txt", b""),
    ]
    files.append(("pets/cats/0.png", plain_picture((9, 9, 9))))
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w") as file:
            for name, data in files:
                file.writestr(name, data)
    else:
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name, data in files:
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    found = read_pictures(buffer.getvalue(), "pets.zip", 8, "rgb")
    assert found.counts() == [[5, 0], [5, 0]]
    assert found.notes == [
        (
            "Names that occur more than once in the archive, of which the last file is used: "
            "3 files."
        ),
        "Left out, neither PNG nor JPEG: 1 file.",
    ]
    assert {tuple(one[:, 0, 0].tolist()) for one in found.squares} >= {(7, 7, 7), (9, 9, 9)}
    shown = first_pictures(buffer.getvalue(), "pets.zip", found)[0]
    assert {tuple(one[:, 0, 0].tolist()) for one in shown} >= {(7, 7, 7), (9, 9, 9)}


def test_classes_that_differ_in_capitals_or_hold_control_characters_are_told() -> None:
    found = read_pictures(zipped(named_folders("Cat", "cat", "dog\x07s")), "pets.zip", 8, "rgb")
    assert (found.classes, found.counts()) == (("Cat", "cat", "dog s"), [[3, 0]] * 3)
    assert found.notes == [
        "“Cat” and “cat” are 2 classes, which differ only in capital letters.",
        "Names with line breaks or control characters, which became blanks: dog s.",
    ]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_is_what_pillow_does(orientation: int) -> None:
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(Image.open(io.BytesIO(picture(4, (16, 16)))), exif=exif)
    meant = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    np.testing.assert_array_equal(square(data, 16, "rgb", Counter()).transpose(1, 2, 0), meant)


def test_an_opaque_picture_with_alpha_is_not_called_transparent() -> None:
    changed: Counter[str] = Counter()
    square(plain_picture((1, 2, 3, 255)), 8, "rgb", changed)
    assert not changed


def test_hidden_folders_hold_no_class_and_hidden_pictures_are_told() -> None:
    files = named_folders("cats", "dogs", "cats/.ipynb_checkpoints", "dogs/.ipynb_checkpoints")
    files |= {"cats/.4.png": picture(4), "cats/._1.png": b"x", ".git/config": b"x"}
    found = read_pictures(zipped(files), "pets.zip", 8, "rgb")
    assert (found.classes, found.counts()) == (("cats", "dogs"), [[3, 0], [3, 0]])
    assert found.notes == ["Left out, hidden by a point before a name: 7 files."]


def test_other_endings_of_jpeg_are_read() -> None:
    kinds = (("a", "jfif"), ("a", "JPE"), ("b", "jpg"), ("b", "jpeg"))
    files = {f"{kind}/1.{ending}": picture(3, kind="JPEG") for kind, ending in kinds}
    found = read_pictures(zipped(files), "pets.zip", 8, "rgb")
    assert (found.counts(), found.notes) == ([[2, 0], [2, 0]], [])
