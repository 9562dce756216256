"""The hub with a store: races that outlive their process, their server and their viewers; one race
for all who ask for the same; copies for those who change it; links to watch.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from app.live import hub as hub_module
from app.live.hub import Hub, LiveRace, TooMany, TooManyChanges, TooManyHere, Viewer
from app.storage.store import Store
from app.text import t
from engine.errors import BadInput
from engine.messages.encoding import Message, decode
from tests.app.fake_race import FakeJob, FakePool
from tests.app.test_hub import EXPERIMENT, OwnTime, drain, ks

Scene = Callable[[Hub, FakePool], Coroutine[Any, Any, None]]


def play(folder: Path, *scenes: Scene) -> None:
    """Run scenes one after the other, each with a server of its own on the same folder."""

    async def main(scene: Scene) -> None:
        pool, store = FakePool(), Store(folder)
        hub = Hub(pool, grace=60, keep=60, store=store)  # type: ignore[arg-type]
        try:
            await scene(hub, pool)
        finally:
            hub.close()
            store.close()

    for scene in scenes:
        with asyncio.Runner(loop_factory=OwnTime) as runner:
            runner.run(main(scene))


async def begun(
    hub: Hub, pool: FakePool, visitor: str = "one", experiment: Message = EXPERIMENT
) -> tuple[Viewer, LiveRace, FakeJob]:
    viewer = Viewer(visitor)
    race = hub.run(viewer, experiment)
    job = pool.jobs[-1]
    await job.begin()
    return viewer, race, job


async def attach(hub: Hub, viewer: Viewer, token: str) -> bool:
    """Ask for a race by its token, as a page does."""
    await hub.load(token)
    return hub.attach(viewer, token)


def save(hub: Hub, race: LiveRace) -> None:
    """Write what stands for a checkpoint, as the race's process does."""
    assert hub.store is not None
    hub.store.checkpoint(race.token).write_bytes(b"a checkpoint")


def told(viewer: Viewer, kind: str) -> list[Message]:
    return [message for message in drain(viewer) if message["type"] == kind]


def test_a_race_goes_on_after_its_server_was_stopped(tmp_path: Path) -> None:
    tokens: list[str] = []

    async def first(hub: Hub, pool: FakePool) -> None:
        _, race, job = await begun(hub, pool)
        await job.frames(30)
        save(hub, race)
        tokens.extend([race.token, race.row.watch])
        assert pool.jobs[0].more["keep"] == hub.store.checkpoint(race.token)  # type: ignore[union-attr]

    async def second(hub: Hub, pool: FakePool) -> None:
        assert not hub.races
        viewer = Viewer("one")
        assert await attach(hub, viewer, tokens[0])
        messages = drain(viewer)
        assert messages[0]["type"] == "stage"
        assert ks(messages, "metrics") == list(range(30))
        assert messages[-1]["state"] == "starting"
        job = pool.jobs[-1]
        assert job.asked == ["resume"], "it was paused only by the end of the server"
        assert job.more["keep"] == hub.store.checkpoint(tokens[0])  # type: ignore[union-attr]
        job.k = 20
        await job.say({"type": "resumed", "k": 20})
        await job.begin()
        await job.frames(15)
        messages = drain(viewer)
        assert ks(messages, "metrics") == [*range(20), *range(20, 35)]
        await job.say({"type": "state", "state": "done"})
        watcher = Viewer("other")
        assert await attach(hub, watcher, tokens[1])
        assert ks(drain(watcher), "metrics") == list(range(35))

    async def third(hub: Hub, pool: FakePool) -> None:
        viewer = Viewer("one")
        assert await attach(hub, viewer, tokens[0])
        messages = drain(viewer)
        assert ks(messages, "metrics") == list(range(35))
        assert messages[-1]["state"] == "done"
        assert not pool.jobs
        assert not await attach(hub, viewer, "made up")

    play(tmp_path, first, second, third)


def test_a_race_without_a_checkpoint_begins_anew_and_says_so(tmp_path: Path) -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, _, job = await begun(hub, pool)
        await job.frames(5)
        drain(viewer)
        await job.say({"type": "stage", "lanes": []})
        messages = drain(viewer)
        assert not ks(messages, "metrics")
        assert "restarted" in next(one for one in messages if one["type"] == "problem")["sentence"]
        job.k = 0
        await job.frames(2)
        assert ks(drain(viewer), "metrics") == [0, 1]

    play(tmp_path, scene)


def test_who_asks_for_the_same_sees_the_same_race(tmp_path: Path) -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        _, race, job = await begun(hub, pool)
        await job.frames(10)
        second = Viewer("two")
        assert hub.run(second, dict(reversed(EXPERIMENT.items()))) is race
        assert len(pool.jobs) == 1
        messages = drain(second)
        assert ks(messages, "metrics") == list(range(10))
        assert race.token not in str(messages), "the token that steers it stays its owner's"
        assert messages[-1]["watch"] == race.row.watch
        third = Viewer("three")
        assert hub.run(third, {**EXPERIMENT, "seed": 1}) is not race
        fourth = Viewer("four")
        assert hub.run(fourth, EXPERIMENT, plain=False) is not race, "it asks for more besides"
        again = hub.run(second, EXPERIMENT)
        assert again is not race, "who presses Run again wants it from the start"

    play(tmp_path, scene)


def test_a_link_that_was_raced_a_moment_ago_costs_no_race(tmp_path: Path) -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        owner, race, job = await begun(hub, pool)
        await job.frames(6)
        await job.say({"type": "state", "state": "done"})
        second = Viewer("two")
        assert hub.run(second, EXPERIMENT, link=True) is race
        messages = drain(second)
        assert ks(messages, "metrics") == list(range(6))
        assert messages[-1]["state"] == "done"
        assert "Press Run to run it again" in messages[-1]["sentence"]
        assert hub.run(second, EXPERIMENT) is not race, "who presses Run gets a race"
        await pool.jobs[-1].say({"type": "state", "state": "ended"})
        hub.leave(owner)
        await asyncio.sleep(31)
        assert race.token not in hub.races
        three = Viewer("three")
        await hub.load_same(three, EXPERIMENT)
        again = hub.run(three, EXPERIMENT, link=True)
        assert again.token == race.token, "read from the disk"
        race.row.used -= 61
        hub._forget(again)
        four = Viewer("four")
        await hub.load_same(four, EXPERIMENT)
        assert hub.run(four, EXPERIMENT, link=True).token != race.token

    play(tmp_path, scene)


def test_who_changes_a_shared_race_gets_a_copy_and_the_others_keep_theirs(tmp_path: Path) -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        owner, race, job = await begun(hub, pool)
        await job.frames(10)
        second = Viewer("two")
        hub.run(second, EXPERIMENT)
        drain(second)
        hub.command(second, {"do": "reheat", "lane": 0, "factor": 2.0})
        hub.command(second, {"do": "pause"})
        assert job.asked == ["copy"]
        await job.frames(3)
        await job.say({"type": "copied", "k": 12, "to": job.commands[0]["to"], "done": True})
        copy = second.race
        assert copy is not None
        assert copy is not race
        assert owner.race is race
        assert race.viewers == {owner}
        messages = drain(second)
        assert ks(messages, "metrics")[-12:] == list(range(12))
        assert messages[-1]["race"] == copy.token
        assert pool.jobs[-1].asked == ["reheat", "pause"]
        assert str(pool.jobs[-1].more["keep"]) == job.commands[0]["to"]
        assert ks(drain(owner), "metrics") == list(range(13))
        hub.command(owner, {"do": "pause"})
        assert job.asked == ["copy", "pause"], "nobody else watches it now"
        fifth = Viewer("five")
        hub.command(owner, {"do": "resume"})
        hub.run(fifth, {**EXPERIMENT, "seed": 3})
        strange = fifth.race
        assert strange is not None
        sixth = Viewer("six")
        assert hub.run(sixth, {**EXPERIMENT, "seed": 3}) is strange
        await pool.jobs[-1].begin()
        hub.leave(fifth)
        hub.command(sixth, {"do": "pause"})
        assert pool.jobs[-1].asked == ["copy"], "not even where its owner has left"
        third = Viewer("three")
        assert hub.run(third, EXPERIMENT) is race, "a pause that is over has changed nothing"

    play(tmp_path, scene)


def test_the_owner_takes_those_along_who_watch_by_a_link(tmp_path: Path) -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        owner, race, job = await begun(hub, pool)
        follower, other = Viewer("pupil"), Viewer("two")
        assert await attach(hub, follower, race.row.watch)
        hub.run(other, EXPERIMENT)
        hub.command(owner, {"do": "turn", "lane": 0, "field": "x", "value": 1})
        await job.say({"type": "copied", "k": 0, "to": job.commands[0]["to"], "done": True})
        assert owner.race is follower.race is not race
        assert other.race is race
        copy = owner.race
        assert copy is not None
        assert follower.watches
        assert copy.token not in str(drain(follower)), "they can still only watch"
        with pytest.raises(BadInput, match="can only be watched"):
            hub.command(follower, {"do": "pause"})

    play(tmp_path, scene)


def test_a_copy_that_fails_is_told_and_changes_nothing(tmp_path: Path) -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        _, race, job = await begun(hub, pool)
        second = Viewer("two")
        hub.run(second, EXPERIMENT)
        drain(second)
        hub.command(second, {"do": "pause"})
        await job.say({"type": "copied", "k": 0, "to": job.commands[0]["to"], "done": False})
        assert second.race is race
        assert "cannot be copied" in told(second, "problem")[0]["sentence"]
        assert len(hub.store.rows) == 1  # type: ignore[union-attr]
        hub.command(second, {"do": "cancel"})
        assert second.race is None
        assert job.asked == ["copy"]

    play(tmp_path, scene)


@pytest.mark.parametrize(
    "command",
    [
        {"do": "pause"},
        {"do": "reheat", "lane": 0, "factor": 2.0},
        {"do": "turn", "lane": 0, "field": "x", "value": 1},
        {"do": "weights"},
        {"do": "speed", "value": 3},
    ],
)
def test_who_watches_by_a_link_changes_nothing_and_learns_no_token(
    tmp_path: Path, command: Message
) -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        _, race, job = await begun(hub, pool)
        watcher = Viewer("pupil")
        assert await attach(hub, watcher, race.row.watch)
        await job.frames(3)
        await job.say({"type": "state", "state": "paused"})
        messages = drain(watcher)
        states = [one for one in messages if one["type"] == "state"]
        assert all(one["race"] == race.row.watch and one["watches"] for one in states)
        assert race.token not in str(messages)
        with pytest.raises(BadInput, match="can only be watched"):
            hub.command(watcher, command)
        hub.command(watcher, {"do": "cancel"})
        assert job.asked == []
        assert watcher.race is None

    play(tmp_path, scene)


def test_an_unwatched_race_waits_on_the_disk_and_goes_on(tmp_path: Path) -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, race, job = await begun(hub, pool)
        await job.frames(4)
        hub.leave(viewer)
        assert job.asked == ["pause"]
        save(hub, race)
        await asyncio.sleep(61)
        assert job.asked == ["pause", "cancel"]
        await job.say({"type": "state", "state": "ended", "sentence": "The race was stopped."})
        await asyncio.sleep(61)
        assert race.token not in hub.races
        again = Viewer("one")
        assert await attach(hub, again, race.token)
        assert pool.jobs[-1] is not job
        assert pool.jobs[-1].asked == ["resume"]
        assert ks(drain(again), "metrics") == list(range(4))

    play(tmp_path, scene)


def test_what_can_be_read_from_the_disk_again_is_not_kept_in_memory_for_long(
    tmp_path: Path,
) -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, race, job = await begun(hub, pool)
        other, lost, other_job = await begun(hub, pool, experiment={**EXPERIMENT, "seed": 1})
        for one in (job, other_job):
            await one.frames(3)
            await one.say({"type": "state", "state": "done"})
        hub._not_kept(lost.token, "full")
        await asyncio.sleep(0)
        drain(viewer), drain(other)
        hub.leave(viewer), hub.leave(other)
        await asyncio.sleep(hub_module.KEEP_SECONDS_ON_DISK - 1)
        assert race.token in hub.races
        await asyncio.sleep(2)
        assert list(hub.races) == [lost.token], "it is nowhere else"
        assert await attach(hub, viewer, race.token)
        messages = drain(viewer)
        assert ks(messages, "metrics") == [0, 1, 2]
        assert messages[-1]["state"] == "done"
        assert len(pool.jobs) == 2
        await asyncio.sleep(60)
        assert lost.token not in hub.races

    play(tmp_path, scene)


def test_a_race_paused_for_long_makes_room_where_others_wait(tmp_path: Path) -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, race, job = await begun(hub, pool)
        hub.command(viewer, {"do": "pause"})
        await job.say({"type": "state", "state": "paused"})
        pool.waiting = 1
        await asyncio.sleep(60)
        assert job.asked == ["pause"], "it has no checkpoint"
        pool.waiting = 0
        save(hub, race)
        await asyncio.sleep(60)
        assert job.asked == ["pause"], "nobody waits"
        pool.waiting = 1
        await asyncio.sleep(10)
        assert job.asked == ["pause", "cancel"]
        await job.say({"type": "state", "state": "ended", "sentence": "The race was stopped."})
        assert [one["state"] for one in told(viewer, "state")][-1] == "paused"
        hub.command(viewer, {"do": "resume"})
        assert pool.jobs[-1].asked == ["pause", "resume"]
        assert race.running

    play(tmp_path, scene)


def test_a_visitor_has_only_so_many_races_at_once(tmp_path: Path) -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        tabs = [
            await begun(hub, pool, experiment={**EXPERIMENT, "seed": i})
            for i in range(hub_module.MOST_EACH)
        ]
        with pytest.raises(TooMany, match="races that are still running"):
            hub.run(Viewer("one"), {**EXPERIMENT, "seed": 99})
        await begun(hub, pool, "two", {**EXPERIMENT, "seed": 99})
        hub.leave(tabs[3][0])
        assert not tabs[4][1].parked
        await begun(hub, pool, "one", {**EXPERIMENT, "seed": 100})
        assert tabs[3][2].asked == ["pause", "cancel"]
        assert not tabs[4][2].asked

    play(tmp_path, scene)


def test_histories_stay_within_their_limit_and_files_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "MOST_BYTES", 300_000)
    monkeypatch.setattr(hub_module, "COMPACT_BYTES", 100_000)

    async def scene(hub: Hub, pool: FakePool) -> None:
        races = [await begun(hub, pool, str(i), {**EXPERIMENT, "seed": i}) for i in range(3)]
        for _ in range(10):
            for _, _, job in races:
                await job.frames(20, size=2000)
            await asyncio.sleep(hub_module.CHECK_SECONDS)
        assert sum(race.size for race in hub.races.values()) < 400_000
        for _, race, _ in races:
            newest = hub.store.read(race.token)  # type: ignore[union-attr]
            assert sum(map(len, newest)) < 600_000

    play(tmp_path, scene)


def test_what_an_earlier_job_still_says_ends_nothing(tmp_path: Path) -> None:
    """Parked, looked at again before its process has obeyed: only the new job is heard."""

    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, race, job = await begun(hub, pool)
        await job.frames(4)
        save(hub, race)
        hub.leave(viewer)
        await asyncio.sleep(61)
        assert job.asked == ["pause", "cancel"]
        again = Viewer("one")
        assert await attach(hub, again, race.token)
        new = pool.jobs[-1]
        assert new is not job
        await job.say({"type": "state", "state": "ended", "sentence": "The race was stopped."})
        assert race.running
        assert race.row.state != "ended"
        hub.store.flush()  # type: ignore[union-attr]
        assert hub.store.checkpoint(race.token).is_file()  # type: ignore[union-attr]
        new.k = 4
        await new.say({"type": "resumed", "k": 4})
        await new.begin()
        await new.frames(2)
        assert ks(drain(again), "metrics")[-6:] == list(range(6))

    play(tmp_path, scene)


@pytest.mark.parametrize("by_link", [True, False])
def test_who_only_looked_on_ends_nothing_by_running_a_race_of_their_own(
    tmp_path: Path, by_link: bool
) -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        owner, race, job = await begun(hub, pool)
        await job.frames(3)
        other = Viewer("two")
        if by_link:
            await attach(hub, other, race.row.watch)
        else:
            assert hub.run(other, EXPERIMENT) is race
        hub.leave(owner)
        hub.run(other, {**EXPERIMENT, "seed": 5})
        assert job.asked == ["pause"], "it has its grace"
        assert race.running
        assert await attach(hub, Viewer("one"), race.token)
        assert job.asked == ["pause", "resume"]

    play(tmp_path, scene)


@pytest.mark.parametrize("end", ["restarted", "done"])
def test_a_copy_that_never_comes_blocks_nobody(tmp_path: Path, end: str) -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        _, race, job = await begun(hub, pool)
        await job.frames(3)
        second = Viewer("two")
        hub.run(second, EXPERIMENT)
        for _ in range(1000):
            hub.command(second, {"do": "pause"})
        assert len(second.copying or []) == hub_module.MOST_COPYING
        drain(second)
        if end == "done":
            await job.say({"type": "state", "state": "done"})
        else:
            await job.say({"type": "stage", "lanes": []})
        assert second.copying is None
        assert not race.copies
        problems = [one["sentence"] for one in told(second, "problem")]
        assert any("cannot be copied" in one for one in problems)
        assert len(hub.store.rows) == 1  # type: ignore[union-attr]

    play(tmp_path, scene)


def test_a_copy_comes_all_the_same_when_its_race_went_on_elsewhere(tmp_path: Path) -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        _, race, job = await begun(hub, pool)
        await job.frames(3)
        second = Viewer("two")
        hub.run(second, EXPERIMENT)
        hub.command(second, {"do": "pause"})
        (to,) = race.copies
        await job.say({"type": "resumed", "k": 2})
        await job.begin()
        Path(to).write_bytes(b"a checkpoint")
        await job.say({"type": "copied", "k": 2, "to": to, "done": True})
        assert second.race is not race
        assert second.race is not None
        # One that comes twice, or for nobody, leaves no file behind.
        for name in ("nobody.checkpoint", Path(to).name):
            path = Path(to).with_name(name)
            path.write_bytes(b"a checkpoint")
            await job.say({"type": "copied", "k": 2, "to": str(path), "done": True})
            assert path.exists() == (name == Path(to).name), "whose race there is keeps it"

    play(tmp_path, scene)


def test_a_race_that_cannot_go_on_keeps_its_recording(tmp_path: Path) -> None:
    tokens: list[str] = []

    async def first(hub: Hub, pool: FakePool) -> None:
        _, race, job = await begun(hub, pool)
        await job.frames(7)
        tokens.append(race.token)

    async def second(hub: Hub, pool: FakePool) -> None:
        viewer = Viewer("one")
        assert await attach(hub, viewer, tokens[0])
        messages = drain(viewer)
        assert ks(messages, "metrics") == list(range(7))
        assert messages[-1]["state"] == "ended"
        assert "no checkpoint" in messages[-1]["sentence"]
        assert not pool.jobs

    play(tmp_path, first, second, second)


def test_a_copy_counts_as_a_race_of_the_visitor(tmp_path: Path) -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        await begun(hub, pool, "owner")
        for i in range(hub_module.MOST_EACH):
            await begun(hub, pool, "two", {**EXPERIMENT, "seed": i})
        joined = Viewer("two")
        hub.run(joined, EXPERIMENT)
        with pytest.raises(TooMany):
            hub.command(joined, {"do": "pause"})
        assert joined.copying is None

    play(tmp_path, scene)


def test_a_paused_race_from_the_disk_makes_room_too(tmp_path: Path) -> None:
    tokens: list[str] = []

    async def first(hub: Hub, pool: FakePool) -> None:
        viewer, race, job = await begun(hub, pool)
        await job.frames(2)
        hub.command(viewer, {"do": "pause"})
        await job.say({"type": "state", "state": "paused"})
        save(hub, race)
        tokens.append(race.token)

    async def second(hub: Hub, pool: FakePool) -> None:
        assert await attach(hub, Viewer("one"), tokens[0])
        job = pool.jobs[-1]
        assert job.asked == ["pause"]
        await job.say({"type": "state", "state": "paused"})
        pool.waiting = 1
        await asyncio.sleep(60)
        assert job.asked == ["pause", "cancel"]

    play(tmp_path, first, second)


def test_a_race_is_read_while_others_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a disk that takes its time the server's other viewers wait for nothing."""
    tokens: list[str] = []

    async def first(hub: Hub, pool: FakePool) -> None:
        _, race, job = await begun(hub, pool)
        await job.frames(5)
        await job.say({"type": "state", "state": "done"})
        tokens.extend([race.token, race.row.watch])

    async def second() -> None:
        store = Store(tmp_path)
        hub = Hub(FakePool(), store=store)  # type: ignore[arg-type]
        read, may, reads = store.read, threading.Event(), []

        def slow(token: str) -> list[bytes]:
            reads.append(token)
            assert may.wait(300)
            return read(token)

        monkeypatch.setattr(store, "read", slow)
        asking = [asyncio.create_task(hub.load(token)) for token in (*tokens, tokens[0])]
        other = Viewer("other")
        while not reads:
            await asyncio.sleep(0.001)
        hub.run(other, {**EXPERIMENT, "seed": 7})
        assert drain(other)
        assert not any(task.done() for task in asking)
        may.set()
        await asyncio.gather(*asking)
        assert reads == [tokens[0]], "all who ask at once are served by one reading"
        assert hub.attach(Viewer("one"), tokens[0])
        # Removed while it is read: it does not come back.
        hub._forget(hub.races[tokens[0]])
        may.clear()
        asking = [asyncio.create_task(hub.load(tokens[0]))]
        while len(reads) < 2:
            await asyncio.sleep(0.001)
        hub.delete(tokens[0])
        may.set()
        await asyncio.gather(*asking)
        assert not hub.attach(Viewer("one"), tokens[0])
        hub.close()
        store.close()

    play(tmp_path, first)
    asyncio.run(second())


def test_a_race_that_nobody_takes_after_all_is_forgotten_again(tmp_path: Path) -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, race, job = await begun(hub, pool)
        await job.say({"type": "state", "state": "done"})
        hub.leave(viewer)
        await asyncio.sleep(31)
        await hub.load(race.token)
        assert race.token in hub.races
        await asyncio.sleep(31)
        assert race.token not in hub.races

    play(tmp_path, scene)


def test_a_slow_disk_gets_fewer_pictures_until_it_has_caught_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.storage.store.MOST_WAITING", 50_000)

    async def scene(hub: Hub, pool: FakePool) -> None:
        assert hub.store is not None
        _, race, job = await begun(hub, pool)
        hub.store.flush()
        may = threading.Event()
        hub.store._orders.put(lambda: may.wait(300))  # type: ignore[arg-type]
        await job.frames(40, size=2000)
        assert hub.store.behind
        assert hub.store._waiting < 100_000
        await asyncio.sleep(hub_module.CHECK_SECONDS)
        may.set()
        kept = [decode(data) for data in hub.store.read(race.token)]
        assert ks(kept, "metrics") == list(range(40))
        assert len(ks(kept, "picture")) < 40
        await asyncio.sleep(hub_module.CHECK_SECONDS)
        kept = [decode(data) for data in hub.store.read(race.token)]
        assert ks(kept, "picture") == ks(kept, "metrics") == list(range(40))

    play(tmp_path, scene)


def test_a_disk_that_stands_still_takes_no_more_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.storage.store.MOST_WAITING", 1000)

    async def scene(hub: Hub, pool: FakePool) -> None:
        assert hub.store is not None
        viewer, race, job = await begun(hub, pool)
        hub.store.flush()
        may = threading.Event()
        hub.store._orders.put(lambda: may.wait(300))  # type: ignore[arg-type]
        await job.frames(1000)
        assert hub.store._waiting <= 4000
        await asyncio.sleep(0)
        problems = [one["sentence"] for one in told(viewer, "problem")]
        assert problems == [t("server.not-kept-slow")], "said once"
        assert race.not_kept
        may.set()
        hub.store.flush()
        assert hub.store._waiting == 0
        assert len(hub.store.read(race.token)) < 1000
        assert len(race.metrics) == 1000, "who watches sees all of it"

    play(tmp_path, scene)


def test_who_joined_a_race_comes_back_to_it_as_before(tmp_path: Path) -> None:
    """After a reload, and after the server was stopped: not as one who may only watch."""
    tokens: list[str] = []

    async def first(hub: Hub, pool: FakePool) -> None:
        _, race, job = await begun(hub, pool)
        await job.frames(5)
        save(hub, race)
        second = Viewer("two")
        hub.run(second, EXPERIMENT)
        token = drain(second)[-1]["race"]
        tokens.extend([race.token, token])
        hub.leave(second)
        again = Viewer("two")
        assert await attach(hub, again, token)
        assert again.joined
        assert not again.watches
        messages = drain(again)
        assert messages[-1]["race"] == token
        assert race.token not in str(messages)
        hub.command(again, {"do": "pause"})
        assert job.asked == ["copy"], "what it changes, it changes in a copy"

    async def second(hub: Hub, pool: FakePool) -> None:
        again = Viewer("two")
        assert await attach(hub, again, tokens[1])
        assert not again.watches
        assert hub.races[tokens[0]].running, "it goes on"
        assert hub.kept(tokens[1]) == (hub.races[tokens[0]].row, False)

    play(tmp_path, first, second)


def test_parked_races_count_when_they_go_on(tmp_path: Path) -> None:
    """A visitor with many races on the disk cannot let all of them run at once."""
    tokens: list[str] = []
    most = hub_module.MOST_EACH

    async def first(hub: Hub, pool: FakePool) -> None:
        for i in range(2 * most):
            viewer, race, job = await begun(hub, pool, "one", {**EXPERIMENT, "seed": i})
            await job.frames(2)
            save(hub, race)
            tokens.append(race.token)
            hub.leave(viewer)
            await asyncio.sleep(61)

    async def second(hub: Hub, pool: FakePool) -> None:
        viewers = [Viewer("one") for _ in tokens]
        for viewer, token in zip(viewers[:most], tokens, strict=False):
            assert await attach(hub, viewer, token)
        with pytest.raises(TooMany):
            await attach(hub, viewers[most], tokens[most])
        told = drain(viewers[most])
        assert ks(told, "metrics") == [0, 1], "what was recorded is shown all the same"
        assert sum(race.running for race in hub.races.values()) == most
        with pytest.raises(TooMany):
            hub.command(viewers[most], {"do": "resume"})
        hub.leave(viewers[0])
        assert await attach(hub, viewers[-1], tokens[-1]), "one that nobody watches makes room"
        assert sum(race.running and not race.parked for race in hub.races.values()) == most

    play(tmp_path, first, second)


def test_no_address_has_all_races(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KELVIN_ADDRESS_RACES", "20")

    async def scene(hub: Hub, pool: FakePool) -> None:
        def run(visitor: str, address: str, seed: int) -> None:
            hub.run(Viewer(visitor, address), {**EXPERIMENT, "seed": seed})

        for i in range(12):
            run("", "192.0.2.1", i)
        for i in range(8):
            run(f"visitor {i}", "192.0.2.1", 200 + i)
        for visitor in ("", "a cookie made up"):
            with pytest.raises(TooManyHere, match="20 races are running"):
                run(visitor, "192.0.2.1", 300)
        run("", "192.0.2.2", 301)
        run("another", "192.0.2.2", 302)

    play(tmp_path, scene)


def test_a_guest_stops_nothing_and_is_told_why_a_race_stands_still(tmp_path: Path) -> None:
    tokens: list[list[str]] = []
    most = hub_module.MOST_EACH

    async def first(hub: Hub, pool: FakePool) -> None:
        for i in range(most + 1):
            viewer, race, job = await begun(hub, pool, "one", {**EXPERIMENT, "seed": i})
            await job.frames(2)
            save(hub, race)
            tokens.append([race.token, race.row.watch])
            hub.leave(viewer)
            await asyncio.sleep(61)

    async def second(hub: Hub, pool: FakePool) -> None:
        viewers = [Viewer("one") for _ in range(most)]
        for viewer, (token, _) in zip(viewers, tokens, strict=False):
            assert await attach(hub, viewer, token)
        hub.leave(viewers[0])
        asked = [job.asked for job in pool.jobs]
        guest = Viewer("two")
        assert await attach(hub, guest, tokens[-1][1])
        messages = drain(guest)
        assert ks(messages, "metrics") == [0, 1]
        problems = [one["sentence"] for one in messages if one["type"] == "problem"]
        assert problems == [t("server.stands-still")]
        states = [one["state"] for one in messages if one["type"] == "state"]
        assert states == ["paused"]
        assert [job.asked for job in pool.jobs] == asked, "nobody's race was stopped for it"

    play(tmp_path, first, second)


def test_changes_by_hand_are_recorded_up_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them is ever dropped, so without a limit they would fill the memory of the server,
    which would thin out the rest of the history for them again and again.
    """
    monkeypatch.setattr(hub_module, "MOST_BYTES_BY_HAND", 10_000)

    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, race, job = await begun(hub, pool)
        event = {"kind": "points", "points": [[0.5, 0.25, 1]] * 100}
        for k in range(30):
            if race.by_hand > 10_000:
                break
            hub.command(viewer, {"do": "points", "points": []})
            await job.say({"type": "metrics", "k": k, "lanes": [], "events": [event]})
        else:
            pytest.fail("there is no limit")
        assert k >= 4
        with pytest.raises(TooManyChanges, match="Press Run"):
            hub.command(viewer, {"do": "points", "points": []})
        hub.command(viewer, {"do": "pause"})
        assert job.asked[-1] == "pause", "everything else goes on"
        hub.store.flush()  # type: ignore[union-attr]
        hub._forget(race)
        await hub.load(race.token)
        assert hub.races[race.token].by_hand == race.by_hand

    play(tmp_path, scene)
