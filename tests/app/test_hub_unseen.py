"""Pages that nobody sees, and readers that do not read: what they are sent, and what they cost."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from app.live import album as album_module
from app.live import hub as hub_module
from app.live import stream
from app.live.album import Album, Ledger
from app.live.hub import Hub, Viewer
from engine.messages.encoding import decode, encode
from tests.app.fake_race import FakeJob, FakePool
from tests.app.test_hub import begun, drain, ks, play


async def frames(job: FakeJob, count: int, deeds: Any = ()) -> None:
    """Say so many frames; in those with these numbers something was done by hand."""
    for _ in range(count):
        events = [{"kind": "reheat", "lane": 0, "step": job.k}] if job.k in deeds else []
        await job.say({"type": "metrics", "k": job.k, "lanes": [], "events": events})
        await job.say({"type": "picture", "k": job.k})
        job.k += 1


def test_a_page_nobody_sees_is_sent_no_frames_until_it_is_seen_again() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, _, job = await begun(hub, pool)
        other = Viewer()
        assert hub.attach(other, viewer.race.token)  # type: ignore[union-attr]
        await frames(job, 10)
        drain(viewer), drain(other)
        hub.look(viewer, False)
        await frames(job, 500, deeds={200})
        await job.say({"type": "detail", "k": 500})
        await job.say({"type": "weights", "k": 500})
        assert drain(viewer) == []
        assert ks(drain(other), "metrics") == list(range(10, 510)), "whoever looks is sent all"
        await job.say({"type": "state", "state": "paused"})
        assert [message["type"] for message in drain(viewer)] == ["state"]
        hub.look(viewer, True)
        messages = drain(viewer)
        assert ks(messages, "metrics") == list(range(10, 510))
        pictures = ks(messages, "picture")
        assert (pictures[0], pictures[-1]) == (10, 509)
        assert len(pictures) <= hub_module.MOST_MISSED_PICTURES
        assert max(b - a for a, b in pairwise(pictures)) <= 10, "evenly spaced"
        assert ks(messages, "detail") == ks(messages, "weights") == [500]
        await frames(job, 1)
        assert ks(drain(viewer), "metrics") == [510]
        hub.look(viewer, True)
        assert drain(viewer) == []

    play(scene)


def test_a_frame_whose_picture_alone_was_missed_is_not_told_twice() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, _, job = await begun(hub, pool)
        await job.say({"type": "metrics", "k": 0, "lanes": []})
        hub.look(viewer, False)
        await job.say({"type": "picture", "k": 0})
        hub.look(viewer, True)
        messages = drain(viewer)
        assert ks(messages, "metrics") == ks(messages, "picture") == [0]

    play(scene)


def test_a_race_that_ends_unseen_is_told_whole_before_its_end() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, _, job = await begun(hub, pool)
        drain(viewer)
        hub.look(viewer, False)
        await frames(job, 30)
        await job.say({"type": "state", "state": "done"})
        messages = drain(viewer)
        assert ks(messages, "metrics") == list(range(30))
        assert ks(messages, "picture") == list(range(30))
        assert [m["type"] for m in messages].index("state") == 60, "who keeps it then has all of it"

    play(scene)


@pytest.mark.parametrize("hidden_at", [95, 150, 333])
def test_what_was_done_by_hand_is_told_once_however_much_was_thinned_meanwhile(
    monkeypatch: pytest.MonkeyPatch, hidden_at: int
) -> None:
    monkeypatch.setattr(album_module, "MOST_METRICS", 50)
    deeds = {3, 90, 91, 94, 95, 149, 300, 332, 333, 901, 3000}

    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, _, job = await begun(hub, pool)
        await frames(job, hidden_at, deeds)
        messages = drain(viewer)
        hub.look(viewer, False)
        await frames(job, 3500 - hidden_at, deeds)
        hub.look(viewer, True)
        messages += drain(viewer)
        told = [m for m in messages if m["type"] == "metrics"]
        assert [event["step"] for m in told for event in m["events"]] == sorted(deeds)
        numbers = [m["k"] for m in told]
        assert numbers == sorted(set(numbers))
        assert len(numbers) <= hidden_at + 50

    play(scene)


def test_a_race_told_again_from_its_checkpoint_owes_nothing() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, _, job = await begun(hub, pool)
        await frames(job, 10)
        drain(viewer)
        hub.look(viewer, False)
        await frames(job, 10)
        await job.say({"type": "resumed", "k": 5})
        await job.say({"type": "stage", "lanes": []})
        assert ks(drain(viewer), "metrics") == list(range(5))
        job.k = 5
        await frames(job, 3)
        hub.look(viewer, True)
        assert ks(drain(viewer), "metrics") == [5, 6, 7]

    play(scene)


def test_who_neither_reads_nor_stays_is_owed_no_more_than_who_does_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(hub_module.MOST_QUEUED, "metrics", 100)

    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, _, job = await begun(hub, pool)
        for _ in range(200):
            hub.look(viewer, False)
            await frames(job, 10)
            hub.look(viewer, True)
        messages = drain(viewer)
        assert len(ks(messages, "metrics")) <= 100
        assert ks(messages, "metrics")[-1] == ks(messages, "picture")[-1] == 1999
        assert len(ks(messages, "picture")) <= 2

    play(scene)


def test_a_page_tells_whether_it_is_seen() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, _, job = await begun(hub, pool)
        drain(viewer)
        await stream.obey(hub, viewer, json.dumps({"do": "look", "seen": False}))
        await frames(job, 3)
        assert drain(viewer) == []
        assert job.asked == [], "the race itself goes on as it was"
        await stream.obey(hub, viewer, json.dumps({"do": "look", "seen": True}))
        assert ks(drain(viewer), "metrics") == [0, 1, 2]
        for wrong in (1, None, "yes"):
            await stream.obey(hub, viewer, json.dumps({"do": "look", "seen": wrong}))
            (told,) = drain(viewer)
            assert "seen" in told["sentence"]
        unknown = Viewer()
        await stream.obey(hub, unknown, json.dumps({"do": "look", "seen": True}))
        assert drain(unknown) == []

    play(scene)


def test_the_messages_of_an_album_since_a_frame() -> None:
    album, ledger = Album(8), Ledger(8)
    for k in range(3, 40):
        album.add(encode({"type": "picture", "k": k}))
        ledger.add(encode({"type": "metrics", "k": k, "events": [k]}))
    kept = [decode(data)["k"] for data in album.all()]
    for k in range(45):
        assert [decode(data)["k"] for data in album.since(k)] == [one for one in kept if one >= k]
        missed = max(0, 40 - max(k, 3))
        events = [e for data in ledger.since(k, missed) for e in decode(data)["events"]]
        assert events == list(range(max(k, 3), 40))
