"""Archives from strangers: what is in them is read in memory, and everything wicked is refused in
one line.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable

import pytest

from engine.errors import BadInput
from engine.uploads import archive, limits
from engine.uploads.archive import entries
from tests.engine.support.files import tarred, zipped

FILES = {"a/one.txt": b"one", "b/two.txt": b"two" * 1000, "three.txt": b""}


def read(data: bytes) -> dict[str, bytes]:
    return {"/".join(entry.parts): entry.data for entry in entries(data, "given.zip")}


@pytest.mark.parametrize(
    "pack",
    [
        lambda: zipped(FILES),
        lambda: zipped(FILES, zipfile.ZIP_STORED),
        lambda: zipped(FILES, zipfile.ZIP_LZMA),
        lambda: tarred(FILES, "w"),
        lambda: tarred(FILES, "w:gz"),
        lambda: tarred(FILES, "w:bz2"),
        lambda: tarred(FILES, "w:xz"),
    ],
)
def test_all_files_of_every_kind_of_archive(pack: Callable[[], bytes]) -> None:
    assert read(pack()) == FILES


def test_folders_and_windows_names_are_understood() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("pets/", b"")
        file.writestr("./pets/cats/1.png", b"x")
    assert read(buffer.getvalue()) == {"pets/cats/1.png": b"x"}
    entry = tarfile.TarInfo("pets\\cats\\1.png")
    assert next(entries(tarred({}, "w", (entry,)), "a.tar")).parts == ("pets", "cats", "1.png")


def symlink(name: str = "link", kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, "/etc/passwd"
    return entry


def zip_symlink() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        entry = zipfile.ZipInfo("link.png")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(entry, "/etc/passwd")
    return buffer.getvalue()


def encrypted() -> bytes:
    data = bytearray(zipped({"a/1.png": b"secret"}))
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flag in both headers
        at = data.index(magic) + place
        data[at : at + 2] = struct.pack("<H", 1)
    return bytes(data)


def lying() -> bytes:
    """A zip whose directory says that a file of five million zeros has three."""
    data = bytearray(zipped({"a/1.png": bytes(5_000_000)}))
    for magic, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(magic) + place
        data[at : at + 4] = struct.pack("<I", 3)
    return bytes(data)


WICKED: list[tuple[str, Callable[[], bytes], str]] = [
    ("up", lambda: zipped({"a/../../b.png": b"x"}), "names stay inside it"),
    ("absolute", lambda: zipped({"/etc/passwd": b"x"}), "names stay inside it"),
    ("drive", lambda: zipped({"C:/b.png": b"x"}), "names stay inside it"),
    ("windows up", lambda: tarred({"..\\b.png": b"x"}), "names stay inside it"),
    ("tar up", lambda: tarred({"../b.png": b"x"}), "names stay inside it"),
    ("zip symlink", zip_symlink, "without links or devices"),
    ("tar symlink", lambda: tarred({}, "w:gz", (symlink(),)), "without links or devices"),
    (
        "tar hard link",
        lambda: tarred({}, "w", (symlink(kind=tarfile.LNKTYPE),)),
        "without links or devices",
    ),
    (
        "tar device",
        lambda: tarred({}, "w", (symlink(kind=tarfile.CHRTYPE),)),
        "without links or devices",
    ),
    (
        "tar pipe",
        lambda: tarred({}, "w", (symlink(kind=tarfile.FIFOTYPE),)),
        "without links or devices",
    ),
    ("encrypted", encrypted, "without a password"),
    (
        "zip bomb",
        lambda: zipped({f"a/{i}.png": bytes(3_000_000) for i in range(5)}),
        "unpacks to at most",
    ),
    ("lying zip", lying, "given.zip"),
    ("gz bomb", lambda: tarred({"a/1.png": bytes(40_000_000)}, "w:gz"), "unpacks to at most"),
    (
        "bz2 bomb",
        lambda: bz2.compress(tarred({"a/1.png": bytes(40_000_000)}, "w")),
        "unpacks to at most",
    ),
    (
        "xz bomb",
        lambda: lzma.compress(tarred({"a/1.png": bytes(40_000_000)}, "w")),
        "unpacks to at most",
    ),
    ("cut zip", lambda: zipped(FILES)[:-30], "a whole, readable zip or tar archive"),
    ("cut tar", lambda: tarred(FILES)[:-30], "a whole, readable zip or tar archive"),
    (
        "gz of no tar",
        lambda: gzip.compress(b"hello" * 1000),
        "a whole, readable zip or tar archive",
    ),
    ("no archive", lambda: b"hello", "a zip or tar archive"),
]


@pytest.mark.parametrize(
    ("make", "why"), [(make, why) for _, make, why in WICKED], ids=[name for name, _, _ in WICKED]
)
def test_wicked_and_broken_archives_are_refused_in_one_line(
    make: Callable[[], bytes], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "ENTRIES", 100)
    with pytest.raises(BadInput, match=why) as caught:
        read(make())
    assert "\n" not in str(caught.value)
    assert caught.value.field == "file"


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_too_many_entries_are_refused(
    pack: Callable[[dict[str, bytes]], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "ENTRIES", 50)
    assert len(read(pack({f"a/{i}": b"" for i in range(50)}))) == 50
    with pytest.raises(BadInput, match="at most 50 files"):
        read(pack({f"a/{i}": b"" for i in range(51)}))


def test_a_tar_that_promises_more_than_it_has_is_cut_off() -> None:
    data = tarred({"a/1.png": bytes(5000)}, "w")
    with pytest.raises(BadInput, match="a whole"):
        read(data[:2048])


def test_an_endless_stream_of_zeros_is_an_empty_archive_and_is_not_read_to_its_end() -> None:
    assert read(gzip.compress(bytes(50_000_000), 1)) == {}


def test_names_are_made_fit_to_be_shown() -> None:
    assert limits.named("a\nb\0c  <script>") == "a b c ‹script›"
    assert len(limits.named("x" * 100)) == limits.NAME
    assert limits.named("größe 5 µm") == "größe 5 µm"


def unmarked(names: list[str], encoding: str) -> bytes:
    """A zip whose names are in an encoding that it does not tell, as macOS and old Windows write
    them.
    """
    stand_ins = {
        f"{i:04}".encode() + b"#" * (len(name.encode(encoding)) - 4): name.encode(encoding)
        for i, name in enumerate(names)
    }
    data = zipped({one.decode(): b"x" for one in stand_ins})
    for stand_in, name in stand_ins.items():
        data = data.replace(stand_in, name)
    return data


@pytest.mark.parametrize(
    ("names", "encoding", "told"),
    [
        (["Käse/1.png", "日本語/犬.png"], "utf-8", None),
        (["Ka\u0308se/1.png"], "utf-8", None),
        (["Käse/1.png", "Wölfe/2.png"], "cp437", "Western Windows (cp437)"),
        (["犬/1.png", "猫/いぬ.png"], "cp932", "Japanese Windows (cp932)"),
        (["カタカナ/1.png"], "cp932", "Japanese Windows (cp932)"),
    ],
)
def test_names_that_do_not_tell_their_encoding_are_read_right(
    names: list[str], encoding: str, told: str | None
) -> None:
    notes: list[str] = []
    assert [
        "/".join(entry.parts) for entry in entries(unmarked(names, encoding), "given.zip", notes)
    ] == names
    assert (told in notes[0]) if told else notes == []
    if encoding != "utf-8":
        buffer = io.BytesIO()
        with tarfile.open(
            fileobj=buffer, mode="w", encoding=encoding, format=tarfile.GNU_FORMAT
        ) as archive:
            for name in names:
                archive.addfile(tarfile.TarInfo(name))
        assert ["/".join(entry.parts) for entry in entries(buffer.getvalue(), "given.tar")] == names
