"""What the hub keeps of every kind of message, and what a viewer who is slow or comes back gets of
it.
"""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest

from app.live import album as album_module
from app.live import hub as hub_module
from app.live.album import Album, Ledger
from app.live.hub import Hub, Viewer
from engine.messages.encoding import Message, decode, encode
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
        assert messages[-3:] == [
            {"type": "picture", "k": 4, "ballast": b""},
            {"type": "detail", "k": 4},
            {"type": "weights", "k": 4},
        ]

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
        assert [
            (message["k"], message["lane"]) for message in messages if message["type"] == "stages"
        ] == [(199, 0), (199, 1)]
        kinds = list(dict.fromkeys(message["type"] for message in messages))
        assert kinds == ["stage", "metrics", "picture", "detail", "stages", "weights", "state"]
        await job.frames(1)
        third = Viewer()
        hub.attach(third, race.token)
        assert ks(drain(third), "stages") == [], "the race has gone on since"

    play(scene)


def test_large_weights_go_to_who_asked_and_are_not_kept() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, race, job = await begun(hub, pool)
        drain(viewer)
        await job.say({"type": "weights", "k": 0, "lanes": [b"x" * 2**20]})
        await job.say({"type": "weights", "k": 1, "lanes": [b"x" * 5 * 2**20]})
        assert ks(drain(viewer), "weights") == [1]
        again = Viewer()
        hub.attach(again, race.token)
        assert ks(drain(again), "weights") == []
        await job.say({"type": "weights", "k": 2, "lanes": [b"x" * 4 * 2**20]})
        third = Viewer()
        hub.attach(third, race.token)
        assert ks(drain(third), "weights") == [2]

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
        assert len(album) <= album_module.MOST_PICTURES
        assert album.sample(2)[-1] == str(k).encode(), "the newest is always there"
    kept = [int(one) for one in album.sample(10**6)]
    assert kept[0] == 0
    assert len(kept) > album_module.MOST_PICTURES // 2
    gaps = {b - a for a, b in pairwise(kept[:-1])}
    assert len(gaps) == 1, "the past is covered evenly"
    assert len(album.sample(150)) == 150
    assert album.sample(150)[0] == b"0"


def test_an_album_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(album_module, "MOST_PICTURE_BYTES", 10_000)
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


def metrics(
    k: int,
    events: tuple[Message, ...] = (),
    finished: tuple[bool, ...] = (False, False),
    **of_last: Any,
) -> bytes:
    rows = [
        {"loss": 1 / (k + 1), "finished": one, "trouble": None, "stopped": None} for one in finished
    ]
    rows[-1].update(of_last)
    return encode({"type": "metrics", "k": k, "lanes": rows, "events": list(events)})


@pytest.mark.parametrize("seed", range(4))
def test_metrics_are_thinned_evenly_and_no_event_and_no_end_is_lost(seed: int) -> None:
    chance, ledger = random.Random(seed), Ledger(200)
    given: list[Any] = []
    ends: list[Any] = []
    done, last = [False, False], 5000
    for k in range(last):
        events = (
            [
                {"kind": "turn", "lane": 0, "step": k, "number": len(given) + i}
                for i in range(chance.choice((1, 1, 3)))
            ]
            if chance.random() < 0.02
            else []
        )
        given += events
        if k in (1234, 4001):
            done[k == 4001] = True
            ends.append(k)
        ledger.add(
            metrics(
                k, tuple(events), tuple(done), stopped="It reached its target." if done[1] else None
            )
        )
        assert len(ledger) <= 200
    kept = [decode(data) for data in ledger]
    assert [event for message in kept for event in message["events"]] == given, (
        "each once, in order"
    )
    ks = [message["k"] for message in kept]
    assert (ks[0], ks[-1]) == (0, last - 1)
    assert set(ends) <= set(ks), "the moment at which a lane ended"
    for message in kept:
        assert all(event["step"] <= message["k"] for event in message["events"])
    even = [k for k in ks[:-1] if k not in ends]
    gaps = {b - a for a, b in pairwise(even)}
    assert max(gaps) <= 2 * min(gaps)
    assert len(ledger) > 100
    assert ledger._bytes == sum(map(len, ledger))


def test_metrics_are_bounded_in_bytes_even_where_everybody_turns_knobs_all_the_time() -> None:
    ledger = Ledger(10_000, 200_000)
    for k in range(3000):
        ledger.add(metrics(k, ({"kind": "turn", "lane": 0, "step": k, "value": "x"},)))
    assert sum(len(decode(data)["events"]) for data in ledger) == 3000
    assert len(ledger) < 1500


def test_what_a_viewer_who_never_reads_is_owed_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        hub_module, "MOST_QUEUED", {"metrics": 100, "stages": 8, "problem": 8, "state": 8}
    )
    viewer, longest = Viewer(), 0
    viewer.push(encode({"type": "stage"}))
    for k in range(5000):
        viewer.push(
            metrics(
                k,
                ({"kind": "turn", "lane": 0, "step": k},) if k % 50 == 0 else (),
                (k > 3000, False),
            ),
            "metrics",
        )
        viewer.push(encode({"type": "stages", "k": k}), "stages")
        viewer.say({"type": "problem", "sentence": str(k)})
        longest = max(longest, len(viewer._queue))
    viewer.say({"type": "state", "state": "done"})
    assert longest <= 1 + 100 + 3 * 8
    messages = drain(viewer)
    assert messages[0]["type"] == "stage"
    assert messages[-1]["type"] == "state"
    told = [message for message in messages if message["type"] == "metrics"]
    assert [event["step"] for message in told for event in message["events"]] == list(
        range(0, 5000, 50)
    )
    assert ks(messages, "metrics") == sorted(ks(messages, "metrics"))
    assert {0, 3001, 4999} <= set(ks(messages, "metrics"))
    assert ks(messages, "stages")[-1] == 4999
    assert viewer.dropped > 10_000


def test_who_comes_back_to_a_long_race_gets_no_more_than_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(album_module, "MOST_METRICS", 300)

    async def scene(hub: Hub, pool: FakePool) -> None:
        _, race, job = await begun(hub, pool)
        await job.frames(2000)
        again = Viewer()
        hub.attach(again, race.token)
        found = ks(drain(again), "metrics")
        assert 150 <= len(found) <= 300
        assert (found[0], found[-1]) == (0, 1999)

    play(scene)
