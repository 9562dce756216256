"""Files of one's own: taken in under a token, kept for a while, read in a process of its own, and
never by path from a page.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.link import read_link
from engine.datasets import user
from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.experiment.query_string import from_flat, to_flat
from engine.uploads import __main__ as reader
from engine.uploads import sandbox
from engine.uploads import store as upload_store
from engine.uploads.limits import NotNow
from engine.uploads.store import (
    FILE,
    INFO,
    OWNER,
    READER,
    find,
    make_room,
    store,
    store_folder,
)
from tests.engine.support.files import class_folders, flowers, zipped


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A store of the test's own."""
    monkeypatch.setenv("KELVIN_UPLOADS", str(tmp_path / "uploads"))
    caches = (user._plan, user._load_table, user._pictures, user._load_images)
    for cache in caches:
        cache.cache_clear()
    yield tmp_path / "uploads"
    for cache in caches:
        cache.cache_clear()


def test_a_table_is_looked_at_once_and_found_again_by_its_token(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = store(flowers().encode(), "C:\\Users\\me\\flowers <1>.csv")
    assert (info.kind, info.rows, info.name) == ("table", 60, "flowers ‹1›.csv")
    assert [column.name for column in info.targets] == [
        "length",
        "width",
        "colour",
        "kind",
        "price",
    ]
    assert len(info.notes) == 1
    assert find(info.token) == info
    assert sorted(path.name for path in (folder / info.token).iterdir()) == [
        "file",
        "info.json",
        "table.npz",
    ]
    monkeypatch.setattr(upload_store, "decode", lambda *_: pytest.fail("it was read again"))
    assert store(flowers().encode(), "again.csv").token == info.token
    assert [path.name for path in folder.iterdir()] == [info.token]


def test_pictures_are_looked_at_too(folder: Path) -> None:
    info = store(zipped(class_folders(6)), "pets.zip")
    assert (info.kind, info.rows, info.classes, info.counts) == (
        "images",
        12,
        ("cats", "dogs"),
        ((6, 0), (6, 0)),
    )


def test_what_is_refused_leaves_nothing_behind(folder: Path) -> None:
    refused = [
        (b"", "not empty"),
        (b"hello", "at least two columns"),
        (bytes(20 * 2**20 + 1), r"at most 20 MiB \(it has 20\.0\)"),
        (
            zipped({"[Content_Types].xml": b"x", "xl/a.xml": b"y"}),
            "not an Excel file: open it and save the table as CSV",
        ),
    ]
    for data, why in refused:
        with pytest.raises(BadInput, match=why) as caught:
            store(data, "given")
        assert str(caught.value).startswith("file: 'given' is not allowed; expected ")
        assert "\n" not in str(caught.value)
    assert list(folder.iterdir()) == []


def test_a_file_that_takes_too_long_is_given_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "SECONDS", 0.01)
    with pytest.raises(BadInput, match=r"can be read within 0\.01 seconds"):
        store(flowers().encode(), "slow.csv")
    assert list(folder.iterdir()) == []


def test_the_reader_is_told_no_secrets_and_its_death_is_a_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SECRET_KEY", "s3cret")
    (tmp_path / "engine" / "uploads").mkdir(parents=True)
    (tmp_path / "engine" / "__init__.py").touch()
    (tmp_path / "engine" / "uploads" / "__init__.py").touch()
    (tmp_path / "engine" / "uploads" / "__main__.py").write_text(
        "import os, signal\nassert 'SECRET_KEY' not in os.environ\nos.kill(os.getpid(), "
        "signal.SIGKILL)\n"
    )
    monkeypatch.setattr(sandbox, "ROOT", tmp_path)
    with pytest.raises(
        BadInput, match="a smaller or simpler file \\(it took too much memory or time\\)"
    ):
        store(flowers().encode(), "deadly.csv")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to its memory")
def test_the_reader_is_held_to_its_memory() -> None:
    code = (
        "from engine.uploads import __main__ as m\nm.limit()\ntry:\n    bytearray(2**30)\n    "
        "print('taken')\nexcept MemoryError:\n    print('refused')"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=sandbox.ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        == "refused\n"
    )


def test_the_reader_knows_nothing_of_torch() -> None:
    code = (
        "import sys\nfrom engine.uploads import __main__, archive, images, "
        "tables\nprint('torch' in sys.modules, 'streamlit' in sys.modules)"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=sandbox.ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        == "False False\n"
    )


def fake(folder: Path, number: int, size: int = 10, owner: str = "") -> str:
    token = f"{number:032x}"
    (folder / token).mkdir(parents=True)
    if owner:
        (folder / token / OWNER).write_text(owner)
    (folder / token / INFO).write_bytes(bytes(size))
    os.utime(folder / token / INFO, (number, number))
    return token


def test_the_files_not_used_for_longest_make_room(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_store, "MOST_FILES", 3)
    tokens = [fake(folder, i) for i in range(1, 6)]
    os.utime(folder / tokens[0] / INFO, (100, 100))  # used just now
    make_room(folder, tokens[1])
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [tokens[0], tokens[1], tokens[4]]
    )


def test_too_many_bytes_make_room_too_but_never_at_the_cost_of_the_newest(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_store, "MOST_BYTES", 1000)
    tokens = [fake(folder, 1, 1500), fake(folder, 2, 400), fake(folder, 3, 400)]
    make_room(folder, tokens[2])
    assert sorted(path.name for path in folder.iterdir()) == sorted(tokens[1:])
    make_room(folder, fake(folder, 4, 5000))
    assert [path.name for path in folder.iterdir()] == [f"{4:032x}"]


def test_what_was_left_half_done_is_swept_up_after_a_while(folder: Path) -> None:
    (folder / ".part-old").mkdir(parents=True)
    os.utime(folder / ".part-old", (1, 1))
    (folder / ".part-new").mkdir()
    make_room(folder, "")
    assert [path.name for path in folder.iterdir()] == [".part-new"]


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows has no owners of this kind")
def test_the_usual_store_is_this_users_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KELVIN_UPLOADS")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    folder = store_folder()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.rmdir()
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match="a folder of this user's own"):
        store_folder()


@pytest.mark.parametrize("token", ["0" * 32, "../../etc/passwd", "F" * 32, "0" * 31])
def test_a_token_that_is_not_here_is_refused_in_one_line(token: str) -> None:
    for name, more in (("own-table", {"target": "kind"}), ("own-images", {})):
        with pytest.raises(BadInput) as caught:
            Experiment.parse({"dataset": {"name": name, "token": token, **more}})
        assert str(caught.value).startswith("dataset.token: '")
        assert "the token of a stored file" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_dropped_file_is_refused_but_what_began_with_it_goes_on(folder: Path) -> None:
    info = store(flowers().encode(), "flowers.csv")
    value = {"dataset": {"name": "own-table", "token": info.token, "target": "kind"}}
    experiment = Experiment.parse(value)
    (folder / info.token / INFO).unlink()
    assert experiment.dataset.shape == (5,)
    assert to_flat(experiment)["dataset.target"] == "kind"
    with pytest.raises(BadInput, match="a stored file"):
        Experiment.parse(value)


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "flowers.csv"
    path.write_text(flowers())
    return path


def test_a_path_is_read_where_it_may_be_and_becomes_a_token(csv: Path, folder: Path) -> None:
    value = {
        "dataset": {"name": "own-table", "file": str(csv), "target": "kind"},
        "lanes": ["adam"],
    }
    experiment = Experiment.parse(value, local_files=True)
    flat = to_flat(experiment)
    assert "flowers" not in str(experiment.to_json()) + str(flat)
    assert from_flat(flat) == experiment == Experiment.parse(experiment.to_json())
    assert (
        from_flat(
            {
                "dataset": "own-table",
                "dataset.file": str(csv),
                "dataset.target": "kind",
                "lanes": "adam",
            },
            local_files=True,
        )
        == experiment
    )


def test_a_path_from_a_page_a_link_or_a_socket_is_never_read(csv: Path, folder: Path) -> None:
    said = "an uploaded file; a path is read from the command line and in a notebook only"
    with pytest.raises(BadInput, match=said) as caught:
        Experiment.parse({"dataset": {"name": "own-table", "file": str(csv), "target": "kind"}})
    assert caught.value.field == "dataset.file"
    with pytest.raises(BadInput, match=said):
        from_flat({"dataset": "own-table", "dataset.file": str(csv), "dataset.target": "kind"})
    experiment, complaint = read_link(
        {"dataset": "own-table", "dataset.file": str(csv), "dataset.target": "kind"}
    )
    assert experiment == Experiment()
    assert "choose “Your own data” among all datasets" in str(complaint)
    with pytest.raises(BadInput, match="no such field here"):
        Experiment.parse({"dataset": {"name": "moons", "file": str(csv)}}, local_files=True)
    assert not folder.exists()


def test_a_path_that_cannot_be_read_names_the_key(tmp_path: Path) -> None:
    (tmp_path / "note.csv").write_text("hello")
    for name, why in (
        ("nothing.csv", "a readable file"),
        ("note.csv", "at least two columns"),
        ("", "a readable file"),
    ):
        with pytest.raises(BadInput, match=why) as caught:
            Experiment.parse(
                {
                    "dataset": {
                        "name": "own-table",
                        "file": str(tmp_path / name) if name else str(tmp_path),
                        "target": "a",
                    }
                },
                local_files=True,
            )
        assert caught.value.field == "dataset.file"
        assert "\n" not in str(caught.value)


def test_the_command_line_races_on_a_path(csv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from engine.cli.main import main

    main(
        [
            "run",
            "--dataset",
            "own-table",
            "--set",
            f"dataset.file={csv}",
            "--set",
            "dataset.target=kind",
            "--optimizer",
            "adam",
            "--evaluations",
            "30000",
            "--json",
        ]
    )
    said = capsys.readouterr()
    result = json.loads(said.out)
    assert result["lanes"][0]["test_accuracy"] > 0.8
    assert "Missing: length (1), colour (1)." in said.err
    with pytest.raises(SystemExit) as caught:
        main(
            [
                "run",
                "--dataset",
                "own-table",
                "--set",
                f"dataset.file={csv}",
                "--set",
                "dataset.target=size",
            ]
        )
    assert caught.value.code == 2
    assert capsys.readouterr().err == (
        "dataset.target: 'size' is not allowed; expected one of the columns length, width, "
        "colour, kind, price\n"
    )


def running(
    names: list[str], most: list[int], guard: threading.Lock, name: str, hold: threading.Event
) -> None:
    with sandbox.turn(name):
        with guard:
            names.append(name)
            most.append(len(names))
        hold.wait(60)
        with guard:
            names.remove(name)


def test_few_files_are_read_at_once_and_those_that_wait_are_told_their_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    names: list[str] = []
    most: list[int] = []
    guard, hold = threading.Lock(), threading.Event()
    threads = [
        threading.Thread(target=running, args=(names, most, guard, str(i), hold)) for i in range(2)
    ]
    for thread in threads:
        thread.start()
    while len(most) < 2:
        time.sleep(0.01)
    places: list[int] = []

    def told(place: int) -> None:
        places.append(place)
        if len(places) == 3:
            hold.set()

    with sandbox.turn("third", told):
        assert len(names) < 2
    for thread in threads:
        thread.join()
    assert places[:3] == [1, 1, 1]
    assert max(most) == 2
    assert sandbox._waiting == []


def test_a_visitor_who_leaves_the_queue_leaves_no_gap(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))

    def gone(_place: int) -> None:
        raise KeyboardInterrupt

    with sandbox.turn("one"), sandbox.turn("two"):
        with pytest.raises(KeyboardInterrupt), sandbox.turn("three", gone):
            pytest.fail("three are read at once")
        monkeypatch.setattr(sandbox, "MOST_WAITING", 0)
        with (
            pytest.raises(
                NotNow,
                match="cannot be taken in now: 0 files are waiting to be read; try again later",
            ),
            sandbox.turn("four"),
        ):
            pytest.fail("it did not wait")
    monkeypatch.setattr(sandbox, "MOST_WAITING", 1)
    with sandbox.turn("one"), sandbox.turn("two"):
        assert sandbox._waiting == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the niceness of others")
def test_other_processes_readers_count_and_the_reader_gives_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import fcntl

    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    folder = tmp_path / f"kelvin-readers-{os.getuid()}"
    folder.mkdir(mode=0o700)
    places: list[int] = []
    with (folder / "0").open("ab") as one, (folder / "1").open("ab") as other:
        for file in (one, other):
            fcntl.flock(file, fcntl.LOCK_EX)

        def told(place: int) -> None:
            places.append(place)
            fcntl.flock(other, fcntl.LOCK_UN)

        with sandbox.turn("here", told):
            assert places == [1]
    code = (
        "import os\nfrom engine.uploads import __main__ as m\nbefore = "
        "os.nice(0)\nm.limit()\nprint(os.nice(0) > before or before > 9)"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=sandbox.ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        == "True\n"
    )


def test_a_full_disk_is_not_the_files_fault(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for change in (
        lambda m: m.setattr(Path, "write_bytes", full),
        lambda m: m.setattr(tempfile, "mkdtemp", full),
    ):
        with monkeypatch.context() as patch:
            change(patch)
            with pytest.raises(NotNow) as caught:
                store(flowers().encode(), "flowers.csv")
            assert str(caught.value) == (
                "file: 'flowers.csv' cannot be taken in now: the disk of the machine Kelvin "
                "runs on is full; try again later"
            )
    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        patch.setattr(reader, "limit", lambda: None)
        (folder / "f").write_bytes(flowers().encode())
        said: list[str] = []
        patch.setattr("builtins.print", said.append)
        reader.main(["look", str(folder / "f"), "flowers.csv", str(folder)])
        assert said == ['{"full": true}']
        patch.setattr(
            subprocess,
            "run",
            lambda *_, **__: subprocess.CompletedProcess([], 0, said[0].encode(), b""),
        )
        with pytest.raises(NotNow, match="the disk of the machine"):
            store(flowers().encode(), "flowers.csv")


@pytest.mark.slow
def test_the_same_file_of_two_visitors_tells_neither_of_the_other(folder: Path) -> None:
    mine = store(flowers().encode(), "salaries of ACME.csv", "me")
    theirs = store(flowers().encode(), "guess.csv", "them")
    here = store(flowers().encode(), "here.csv")
    assert (mine.name, theirs.name, here.name) == ("salaries of ACME.csv", "guess.csv", "here.csv")
    assert len({mine.token, theirs.token, here.token}) == 3
    assert store(flowers().encode(), "again.csv", "me").token == mine.token
    assert here.token == hashlib.sha256(flowers().encode()).hexdigest()[:32], (
        "a recording finds it on every machine"
    )
    assert find(mine.token) == mine, "a link opens it for whoever has the link"
    secret = folder / upload_store.SECRET
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    shutil.rmtree(folder / mine.token)
    secret.write_bytes(b"cut off")
    assert store(flowers().encode(), "again.csv", "me").token != mine.token


def left(folder: Path) -> list[int]:
    return sorted(int(path.name, 16) for path in folder.iterdir())


def test_a_visitors_many_small_files_push_out_that_visitors_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_store, "MOST_FILES", 6)
    monkeypatch.setattr(upload_store, "VISITOR_FILES", 3)
    monkeypatch.setattr(upload_store, "AGE", 1e12)
    for number in (1, 2, 3):
        fake(folder, number, owner="others")
    for number in range(10, 20):
        make_room(folder, fake(folder, number, owner="flood"))
    assert left(folder) == [1, 2, 3, 17, 18, 19]
    monkeypatch.setattr(upload_store, "MOST_FILES", 5)
    make_room(folder, fake(folder, 20, owner="flood"))
    assert left(folder) == [1, 2, 3, 19, 20]
    make_room(folder, fake(folder, 30, owner="third"))
    assert left(folder) == [2, 3, 19, 20, 30], (
        "whoever holds most makes room for one who holds nothing"
    )


@pytest.mark.slow
def test_all_that_was_made_of_a_file_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_store, "VISITOR_BYTES", 1000)
    monkeypatch.setattr(upload_store, "AGE", 1e12)
    one, two = fake(folder, 1, owner="me"), fake(folder, 2, owner="me")
    (folder / one / "squares-8-rgb.npz").write_bytes(bytes(2000))
    fake(folder, 3, 5000, owner="them")
    make_room(folder, two)
    assert left(folder) == [2, 3]
    info = store(zipped(class_folders(3)), "pets.zip", "me")
    asked: list[str] = []
    monkeypatch.setattr(upload_store, "make_room", lambda _folder, keep: asked.append(keep))
    upload_store.squares(info, 8, "grey")
    assert asked == [info.token]


@pytest.mark.slow
def test_a_visitors_file_is_kept_for_a_day_after_its_last_use(folder: Path) -> None:
    mine, here = (
        store(flowers().encode(), "flowers.csv", "me"),
        store(flowers().encode(), "flowers.csv"),
    )
    old = time.time() - upload_store.AGE - 5
    for info in (mine, here):
        os.utime(folder / info.token / INFO, (old, old))
    with pytest.raises(BadInput, match="a stored file"):
        find(mine.token)
    assert find(here.token) == here
    assert store(flowers().encode(), "new name.csv", "me").name == "new name.csv"
    os.utime(folder / mine.token / INFO, (old, old))
    make_room(folder, here.token)
    assert not (folder / mine.token).exists()


def test_what_an_older_reader_found_is_read_again(folder: Path) -> None:
    info = store(flowers().encode(), "flowers.csv")
    path = folder / info.token / INFO
    value = json.loads(path.read_text())
    assert value["reader"] == READER
    del value["reader"]
    path.write_text(json.dumps({**value, "rows": 7, "columns": value["columns"][:2]}))
    assert find(info.token) == info
    assert json.loads(path.read_text())["reader"] == READER
    path.write_text(json.dumps(value))
    (folder / info.token / FILE).write_text("hello")
    with pytest.raises(
        BadInput, match="can still be read; expected a table with at least two columns"
    ):
        find(info.token)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (
            {"[Content_Types].xml": b"x", "xl/workbook.xml": b"y"},
            "not an Excel file: open it and save the table as CSV",
        ),
        (
            {"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": b"y"},
            "not an OpenDocument file: open it and save",
        ),
        ({"Index/Document.iwa": b"x"}, "not a Numbers file: open it and export"),
        ({"a.npy": b"x"}, "not a NumPy file"),
        (
            {"data/train.csv": b"a,b", "data/test.csv": b"a,b"},
            "not an archive of tables: unpack it first",
        ),
    ],
)
def test_other_files_that_are_zips_inside_are_named(
    folder: Path, files: dict[str, bytes], why: str
) -> None:
    with pytest.raises(BadInput, match=why):
        store(zipped(files, zipfile.ZIP_STORED), "given")
    with pytest.raises(BadInput, match="not a packed text: unpack it first"):
        store(gzip.compress(flowers().encode()), "flowers.csv.gz")
