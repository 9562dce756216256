"""What the hub keeps of every kind of message, and what a viewer who is slow or comes back gets of it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from app.live import hub as hub_module
from app.live.hub import Album, Hub, Viewer
from tests.app.fake_race import FakePool
from tests.app.test_hub import begun, drain, ks, play


def test_a_slow_viewer_gets_the_newest_detail_and_weights_beside_the_newest_picture() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, _, job = await begun(hub, pool)
        drain(viewer)
        for k in range(5):
            await job.frames(1)
            await job.say({"type": "detail", "k": k})
            await job.say({"type": "weights", "k": k})
            await job.say({"type": "stages", "k": k})
        messages = drain(viewer)
        assert [ks(messages, kind) for kind in ("picture", "detail", "weights")] == [[4], [4], [4]]
        assert ks(messages, "metrics") == ks(messages, "stages") == list(range(5))
        assert messages[-3:] == [{"type": "picture", "k": 4, "ballast": b""}, {"type": "detail", "k": 4}, {"type": "weights", "k": 4}]

    play(scene)


def test_who_comes_back_gets_details_the_newest_weights_and_the_stages_of_the_last_step() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        _, race, job = await begun(hub, pool)
        for k in range(200):
            await job.say({"type": "stages", "k": k, "lane": 0})
            await job.say({"type": "stages", "k": k, "lane": 1})
            await job.frames(1)
            await job.say({"type": "detail", "k": k})
            await job.say({"type": "weights", "k": k})
        again = Viewer()
        hub.attach(again, race.token)
        messages = drain(again)
        details = ks(messages, "detail")
        assert hub_module.MOST_DETAILS // 2 <= len(details) <= hub_module.MOST_DETAILS
        assert (details[0], details[-1]) == (0, 199)
        assert ks(messages, "weights") == [199]
        assert [(message["k"], message["lane"]) for message in messages if message["type"] == "stages"] == [(199, 0), (199, 1)]
        kinds = list(dict.fromkeys(message["type"] for message in messages))
        assert kinds == ["stage", "metrics", "picture", "detail", "stages", "weights", "state"]
        await job.frames(1)
        third = Viewer()
        hub.attach(third, race.token)
        assert ks(drain(third), "stages") == [], "the race has gone on since"

    play(scene)


def test_a_passing_refusal_is_told_and_the_race_goes_on() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, race, job = await begun(hub, pool)
        drain(viewer)
        await job.say({"type": "problem", "passing": True, "sentence": "no such knob"})
        await job.frames(1)
        assert [message["type"] for message in drain(viewer)] == ["problem", "metrics", "picture"]
        assert race.running
        again = Viewer()
        hub.attach(again, race.token)
        messages = drain(again)
        assert "problem" not in [message["type"] for message in messages]
        assert messages[-1]["state"] == "running"

    play(scene)


def test_an_album_is_bounded_and_even() -> None:
    album = Album()
    for k in range(5000):
        album.add(str(k).encode())
        assert len(album) <= hub_module.MOST_PICTURES
        assert album.sample(2)[-1] == str(k).encode(), "the newest is always there"
    kept = [int(one) for one in album.sample(10**6)]
    assert kept[0] == 0
    assert len(kept) > hub_module.MOST_PICTURES // 2
    gaps = {b - a for a, b in pairwise(kept[:-1])}
    assert len(gaps) == 1, "the past is covered evenly"
    assert len(album.sample(150)) == 150
    assert album.sample(150)[0] == b"0"


def test_an_album_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "MOST_PICTURE_BYTES", 10_000)
    album = Album()
    for _ in range(1000):
        album.add(bytes(900))
    assert 5 <= len(album) <= 11
    for _ in range(5):
        album.add(bytes(9000))
        assert sum(map(len, album.sample(100))) <= 10_000 or len(album) == 2
    assert album._bytes == sum(map(len, album.sample(100)))


def test_details_have_an_album_of_their_own_size() -> None:
    album = Album(hub_module.MOST_DETAILS)
    for k in range(1000):
        album.add(str(k).encode())
        assert len(album) <= hub_module.MOST_DETAILS
    assert len(album) >= hub_module.MOST_DETAILS // 2
