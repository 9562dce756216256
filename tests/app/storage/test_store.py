"""What is kept on the disk: whole after a crash at any moment, bounded, refused if it is newer."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.storage import frames
from app.storage import store as stores
from app.storage.frames import FrameFile
from app.storage.index import MIGRATIONS, Index, Row
from app.storage.store import Store
from engine.errors import BadInput
from engine.messages.encoding import encode

MESSAGES = [encode({"type": "metrics", "k": i, "text": "x" * (1 + 37 * i)}) for i in range(12)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    one = Store(tmp_path / "races")
    yield one
    one.close()


def row(name: str, **more: object) -> Row:
    return Row(name, f"w{name}", "somebody", "key", {"lanes": ["adam"]}, **more)  # type: ignore[arg-type]


def test_messages_come_back_in_order(tmp_path: Path) -> None:
    file = FrameFile(tmp_path / "one.frames")
    file.add(MESSAGES[:5])
    file.close()
    file = FrameFile(tmp_path / "one.frames")
    for message in MESSAGES[5:]:
        file.add([message])
    assert file.size == (tmp_path / "one.frames").stat().st_size
    file.close()
    assert frames.read(tmp_path / "one.frames") == MESSAGES


def test_a_torn_tail_is_cut_wherever_it_was_torn_and_what_follows_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "one.frames"
    frames.write(path, MESSAGES)
    whole = path.read_bytes()
    ends = [frames.START]
    for message in MESSAGES:
        ends.append(ends[-1] + len(frames.packed(message)))
    for length in random.Random(0).sample(range(len(whole)), 200):
        path.write_bytes(whole[:length])
        expected = MESSAGES[: max(0, sum(end <= length for end in ends) - 1)]
        assert frames.read(path) == expected
        file = FrameFile(path)
        file.add([b"after"])
        file.close()
        assert frames.read(path) == [*expected, b"after"]


def test_a_changed_byte_costs_one_message_and_a_copy_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "one.frames"
    frames.write(path, MESSAGES)
    whole = path.read_bytes()
    for at in random.Random(1).sample(range(frames.START, len(whole)), 100):
        data = bytearray(whole)
        data[at] ^= 0x40
        path.write_bytes(bytes(data))
        found = frames.read(path)
        last = at >= len(whole) - len(frames.packed(MESSAGES[-1]))
        if last:  # cut off, as one that was torn
            assert found == MESSAGES[:-1]
            continue
        assert len(found) == len(MESSAGES) - 1
        lost = next(i for i, message in enumerate(MESSAGES) if found[i : i + 1] != [message])
        assert found == MESSAGES[:lost] + MESSAGES[lost + 1 :]
        assert path.with_suffix(frames.DAMAGED).read_bytes() == bytes(data)
        assert frames.read(path) == found, "and the file is whole again"


@pytest.mark.parametrize("at", range(frames.START - 1))
def test_a_damaged_head_costs_nothing(tmp_path: Path, at: int) -> None:
    path = tmp_path / "one.frames"
    frames.write(path, MESSAGES)
    data = bytearray(path.read_bytes())
    data[at] ^= 0x40
    path.write_bytes(bytes(data))
    assert frames.read(path) == frames.read(path) == MESSAGES


def test_a_tail_of_zeros_is_no_message(tmp_path: Path) -> None:
    """As a disk may have it that lost its power."""
    path = tmp_path / "one.frames"
    frames.write(path, MESSAGES)
    path.write_bytes(path.read_bytes() + bytes(4096))
    assert frames.read(path) == MESSAGES


def test_a_file_that_was_damaged_while_it_was_open_goes_on(store: Store) -> None:
    store.add(row("a"))
    one, two, three, four = (encode({"type": "metrics", "k": k}) for k in range(4))
    store.append("a", [one, two, three])
    store.flush()
    path = store.path("a")
    path.write_bytes(path.read_bytes().replace(two, two[:-1] + b"?"))
    assert store.read("a") == [one, three]
    store.append("a", [four])
    assert store.read("a") == [one, three, four]
    store.remove("a")
    store.flush()
    assert not list(store.folder.glob("a.*"))


def test_whoever_keeps_most_makes_room_first(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "EVICT_SECONDS", 0.0)
    for i, name in enumerate("abcdefgh"):
        one = row(name)
        one.owner = "modest" if name in "ab" else "greedy"
        store.add(one)
        one.used = float(i)
        store.append(name, [bytes(1000)])
    store.flush()
    store.quota = 5500
    assert store.evict(live=[]) == ["c", "d", "e"], "a and b were used longer ago"
    store.quota, store.each = 100_000, 2
    assert store.evict(live=["f"]) == ["g"], "one of three; the one that goes on stays"


def test_a_newer_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "one.frames"
    path.write_bytes(frames.HEAD + bytes([frames.VERSION + 1]) + b"what is to come")
    with pytest.raises(BadInput, match=r"recording.version: 2 .*a newer Kelvin made this one"):
        frames.read(path)
    assert path.read_bytes().endswith(b"what is to come")


def test_what_is_kept_is_found_again(tmp_path: Path) -> None:
    one = Store(tmp_path)
    one.add(row("a"))
    one.append("a", MESSAGES[:3])
    one.append("a", MESSAGES[3:])
    kept = row("b", state="done", sentence="It ended.", touched_by_hand=True)
    one.add(kept)
    one.put_results("b", ["Adam"], {"lanes": [{"step": 3, "loss": 0.25, "seconds": 1.5}]})
    one.close()
    again = Store(tmp_path)
    assert again.read("a") == MESSAGES
    assert again.read("b") == []
    assert vars(again.rows["b"]) == vars(kept)
    assert again.rows["a"].state == "starting"
    (result,) = again.results_of(["b"])["b"]
    assert (result["label"], result["step"], result["loss"]) == ("Adam", 3, 0.25)
    assert result["flops"] is None
    again.remove("b")
    assert again.results_of(["b"])["b"] == []
    again.close()


def test_a_store_that_was_never_closed_opens_too(tmp_path: Path) -> None:
    one = Store(tmp_path)
    one.add(row("a"))
    one.append("a", MESSAGES)
    one.flush()
    os.close(one._lock)  # as the death of its process does
    again = Store(tmp_path)
    assert again.read("a") == MESSAGES
    assert list(again.rows) == ["a"]
    again.close()


def test_one_server_alone_keeps_its_races_in_a_folder(store: Store) -> None:
    with pytest.raises(BadInput, match=r"KELVIN_STORE: .*no other server"):
        Store(store.folder)


def test_an_older_index_is_taken_to_this_version(tmp_path: Path) -> None:
    path = tmp_path / "races.sqlite"
    base = sqlite3.connect(path)
    base.executescript(MIGRATIONS[1])
    base.execute(
        "INSERT INTO races (token, watch, owner, key, experiment, state, pinned, created, used) "
        "VALUES ('a', 'b', 'one', 'key', '{\"seed\": 3}', 'done', 1, 5, 6)"
    )
    base.execute("PRAGMA user_version=1")
    base.commit()
    base.close()
    for _ in range(2):
        index = Index(path)
        (found,) = index.rows()
        assert (found.token, found.experiment, found.pinned) == ("a", {"seed": 3}, True)
        assert (found.shared, found.pinned_by) == (False, "")
        index.close()


def test_a_newer_index_is_refused(tmp_path: Path) -> None:
    base = sqlite3.connect(tmp_path / "races.sqlite")
    base.execute("PRAGMA user_version=7")
    base.close()
    with pytest.raises(
        BadInput, match=r"KELVIN_STORE: .*a newer Kelvin made this one, of version 7"
    ):
        Index(tmp_path / "races.sqlite")


def test_a_file_that_is_no_index_is_refused(tmp_path: Path) -> None:
    (tmp_path / "races.sqlite").write_bytes(b"hello, this is no database at all" * 100)
    with pytest.raises(BadInput, match=r"KELVIN_STORE: .*an index of races"):
        Store(tmp_path)


@pytest.mark.parametrize("at", [4096 + 8, 2 * 4096 + 8, 3 * 4096])
def test_a_damaged_index_is_refused_in_a_line_and_can_be_taken_away(
    tmp_path: Path, at: int
) -> None:
    one = Store(tmp_path)
    for name in "abcdefgh":
        one.add(row(name))
        one.append(name, MESSAGES)
    one.close()
    path = tmp_path / "races.sqlite"
    data = bytearray(path.read_bytes())
    data[at : at + 4000] = os.urandom(min(4000, max(0, len(data) - at)))
    path.write_bytes(bytes(data))
    with contextlib.suppress(BadInput):  # and nothing else; not every page is looked at
        Store(tmp_path).close()
    path.unlink()
    for rest in tmp_path.glob("races.sqlite-*"):
        rest.unlink()
    again = Store(tmp_path)
    assert (tmp_path / "a.frames").is_file()
    again.close()


def test_files_of_no_race_are_swept(tmp_path: Path) -> None:
    one = Store(tmp_path)
    for name in ("gone.frames", "gone.checkpoint", ".abc.part"):
        (tmp_path / name).write_bytes(b"x")
    one.close()
    one = Store(tmp_path)
    assert (tmp_path / "gone.frames").exists(), "without an index nothing is removed"
    one.add(row("a"))
    one.close()
    one = Store(tmp_path)
    assert not list(tmp_path.glob("gone.*"))
    assert not list(tmp_path.glob("*.part"))
    one.close()


def test_the_oldest_go_first_but_not_those_pinned_or_at_work(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "EVICT_SECONDS", 0.0)
    for i, name in enumerate("abcdef"):
        one = row(name, pinned=name == "a")
        store.add(one)
        one.used = float(i)
        store.append(name, [bytes(1000)])
    store.flush()
    store.quota = 3500
    assert store.evict(live=["b"]) == ["c", "d", "e"]
    store.flush()
    assert sorted(store.rows) == ["a", "b", "f"]
    assert sorted(path.stem for path in store.folder.glob("*.frames")) == ["a", "b", "f"]
    assert store.evict(live=[]) == []


def test_a_full_disk_is_told_once_and_ends_nothing_else(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, str]] = []
    store.troubled = lambda token, why: told.append((token, why))
    write = FrameFile._write

    def full(self: FrameFile, data: bytes) -> None:
        if b"large" in data:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, data)

    monkeypatch.setattr(FrameFile, "_write", full)
    for name in ("a", "b"):
        store.add(row(name))
    store.append("a", [b"small"])
    store.append("a", [b"large"])
    store.append("a", [b"after"])
    store.append("b", [b"small"])
    store.flush()
    assert told == [("a", "full")]
    assert store.read("a") == [b"small"]
    assert store.read("b") == [b"small"]


@pytest.mark.parametrize("token", ["", "../x", "a/b", "a\0b", "x" * 101, "ä"])
def test_no_token_is_a_way_out_of_the_folder(store: Store, token: str) -> None:
    with pytest.raises(ValueError, match="not a token"):
        store.path(token)


def test_what_a_killed_process_was_writing_counts_and_goes_in_the_end(store: Store) -> None:
    store.add(row("a"))
    store.append("a", [bytes(1000)])
    store.flush()
    left, fresh = store.folder / ".left.part", store.folder / ".fresh.part"
    for part in (left, fresh):
        part.write_bytes(bytes(50_000))
    store.quota = 60_000
    store._evicted_at = 0.0
    assert store.evict(live=[]) == ["a"], "what is being written takes room"
    os.utime(left, (0, 0))
    store._evicted_at = 0.0
    store.evict(live=[])
    assert (left.exists(), fresh.exists()) == (False, True)


def test_a_large_damaged_file_is_read_at_once(tmp_path: Path) -> None:
    """Without a message of megabytes being tried from each of its bytes."""
    path = tmp_path / "one.frames"
    pictures = [encode({"type": "picture", "k": k, "map": bytes(2**18)}) for k in range(60)]
    frames.write(path, pictures)
    data = bytearray(path.read_bytes())
    data[frames.START + 2] ^= 0x40  # a length
    data[len(data) // 2] ^= 0x40
    path.write_bytes(bytes(data))
    records = 0
    counted = frames._record

    def record(data: bytes, at: int) -> frames.Record | None:
        nonlocal records
        records += 1
        return counted(data, at)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "_record", record)
        assert len(frames.read(path)) == 58
    assert records < 400


def test_what_cannot_be_mended_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one.frames"
    frames.write(path, MESSAGES)
    path.write_bytes(path.read_bytes()[:-1])

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "truncate", full)
    assert frames.read(path) == MESSAGES[:-1]


def test_a_race_that_is_not_kept_any_more_ends_in_the_index_all_the_same(store: Store) -> None:
    one = row("a")
    store.add(one)
    store.checkpoint("a").write_bytes(b"x")
    store.flush()
    store._given_up.add("a")
    one.state = "done"
    store.save(one)
    store.drop_checkpoint("a")
    store.flush()
    assert not store.checkpoint("a").exists()
    assert [found.state for found in store._index.rows()] == ["done"]


def test_a_closed_store_answers_at_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.close()
    with pytest.raises(RuntimeError, match="closed"):
        store.read("a")
