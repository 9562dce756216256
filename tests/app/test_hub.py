"""The hub: histories, viewers, leaving and coming back. The pool and the clock are stand-ins, so
nothing here takes time or depends on it.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

import pytest

from app.live import hub as hub_module
from app.live.hub import Hub, LiveRace, ServerBusy, Viewer
from engine.errors import BadInput
from engine.messages.encoding import Message, decode
from tests.app.fake_race import FakeJob, FakePool

EXPERIMENT: Message = {"lanes": ["annealing", "adam"]}


def drain(viewer: Viewer) -> list[Message]:
    """All that waits to be sent to a viewer."""
    messages = []
    while viewer._queue or viewer._newest:
        step = viewer.next()
        with pytest.raises(StopIteration) as stop:
            step.send(None)
        messages.append(decode(stop.value.value))
    return messages


def ks(messages: list[Message], kind: str) -> list[int]:
    return [message["k"] for message in messages if message["type"] == kind]


class OwnTime(asyncio.SelectorEventLoop):
    """An event loop whose clock moves on by itself to what is due next as soon as nothing else is
    to be done: no scene waits, and each is played the same way every time.
    """

    def __init__(self) -> None:
        self.now = 0.0
        selector = selectors.DefaultSelector()
        look = selector.select

        def select(timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            ready = look(0 if timeout else timeout)
            if timeout and not ready:
                self.now += timeout
            return ready

        selector.select = select  # type: ignore[method-assign]
        super().__init__(selector)

    def time(self) -> float:
        return self.now

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> Any:
        """Do at once what a thread would do: the clock would leap ahead of the thread."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


Scene = Callable[[Hub, FakePool], Coroutine[Any, Any, None]]


def play(scene: Scene, grace: float = 60, keep: float = 60) -> None:
    """Run a scene on an event loop with a clock of its own and a fresh hub."""

    async def main() -> None:
        pool = FakePool()
        hub = Hub(pool, grace=grace, keep=keep)  # type: ignore[arg-type]
        await scene(hub, pool)
        hub.close()

    with asyncio.Runner(loop_factory=OwnTime) as runner:
        runner.run(main())


async def begun(hub: Hub, pool: FakePool) -> tuple[Viewer, LiveRace, FakeJob]:
    viewer = Viewer()
    race = hub.run(viewer, EXPERIMENT)
    job = pool.jobs[-1]
    await job.begin()
    return viewer, race, job


def test_a_slow_viewer_misses_pictures_never_metrics() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, _, job = await begun(hub, pool)
        drain(viewer)
        await job.frames(50)
        messages = drain(viewer)
        assert ks(messages, "metrics") == list(range(50))
        assert ks(messages, "picture") == [49]
        assert viewer.dropped == 49

    play(scene)


def test_next_waits_for_something() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, _, job = await begun(hub, pool)
        drain(viewer)
        waiting = asyncio.create_task(viewer.next())
        await asyncio.sleep(0)
        assert not waiting.done()
        await job.frames(1)
        assert decode(await asyncio.wait_for(waiting, 1))["type"] == "metrics"

    play(scene)


def test_who_comes_back_sees_it_from_the_start() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, race, job = await begun(hub, pool)
        await job.frames(400)
        hub.leave(viewer)
        again = Viewer()
        assert hub.attach(again, race.token)
        messages = drain(again)
        assert messages[0]["type"] == "stage"
        assert ks(messages, "metrics") == list(range(400))
        pictures = ks(messages, "picture")
        assert len(pictures) <= hub_module.SENT_PICTURES
        assert pictures[0] == 0
        assert pictures[-1] == 399
        assert max(b - a for a, b in pairwise(pictures)) <= 4, "evenly spaced"
        assert messages[-1]["type"] == "state"
        assert messages[-1]["race"] == race.token
        await job.frames(1)
        assert ks(drain(again), "metrics") == [400]

    play(scene)


def test_a_second_viewer_sees_the_same() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, race, job = await begun(hub, pool)
        second = Viewer()
        hub.attach(second, race.token)
        drain(viewer), drain(second)
        await job.frames(3)
        assert drain(viewer) == drain(second) != []
        hub.leave(viewer)
        assert job.asked == [], "somebody still watches"
        hub.leave(second)
        assert job.asked == ["pause"]

    play(scene)


def test_leaving_pauses_at_once_and_coming_back_resumes() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, race, job = await begun(hub, pool)
        hub.leave(viewer)
        assert job.asked == ["pause"]
        await job.say({"type": "state", "state": "paused"})
        hub.attach(Viewer(), race.token)
        assert job.asked == ["pause", "resume"]

    play(scene)


@pytest.mark.parametrize("heard", [True, False], ids=["after the answer", "before the answer"])
@pytest.mark.parametrize("how", ["pause", "step", "stages"])
def test_what_its_visitor_paused_stays_paused(heard: bool, how: str) -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, race, job = await begun(hub, pool)
        hub.command(viewer, {"do": how})
        if heard:
            await job.say({"type": "state", "state": "paused"})
        hub.leave(viewer)
        again = Viewer()
        hub.attach(again, race.token)
        assert job.asked == [how]
        hub.command(again, {"do": "resume"})
        hub.leave(again)
        hub.attach(Viewer(), race.token)
        assert job.asked == [how, "resume", "pause", "resume"]

    play(scene)


def test_leaving_again_before_the_worker_has_answered_pauses_again() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, race, job = await begun(hub, pool)
        hub.leave(viewer)
        await job.say({"type": "state", "state": "paused"})
        again = Viewer()
        hub.attach(again, race.token)
        hub.leave(again)  # the state last heard of is still "paused"
        assert job.asked == ["pause", "resume", "pause"]
        hub.attach(Viewer(), race.token)
        assert job.asked[-1] == "resume"

    play(scene)


def test_after_the_grace_the_worker_is_freed_and_the_history_stays() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, race, job = await begun(hub, pool)
        await job.frames(2)
        hub.leave(viewer)
        await asyncio.sleep(29)
        assert job.asked == ["pause"]
        await asyncio.sleep(2)
        assert job.asked == ["pause", "cancel"]
        await job.say({"type": "state", "state": "ended", "sentence": "The race was stopped."})
        again = Viewer()
        assert hub.attach(again, race.token)
        messages = drain(again)
        assert ks(messages, "metrics") == [0, 1]
        assert messages[-1]["state"] == "ended"
        assert "no browser was watching" in messages[-1]["sentence"]
        assert "resume" not in job.asked

    play(scene, grace=30)


@pytest.mark.parametrize(
    ("waiting", "place", "freed"),
    [(0, 0, False), (1, 0, True), (1, 1, False)],
    ids=["nobody waits", "somebody waits", "it waits itself"],
)
def test_the_grace_is_short_for_a_race_in_the_way_of_others(
    monkeypatch: pytest.MonkeyPatch, waiting: int, place: int, freed: bool
) -> None:
    monkeypatch.setattr(hub_module, "SHORT_GRACE_SECONDS", 5)

    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, _, job = await begun(hub, pool)
        pool.waiting, job.place = waiting, place
        hub.leave(viewer)
        await asyncio.sleep(6)
        assert ("cancel" in job.asked) == freed
        job.place, pool.waiting = 0, 1  # it has got a process meanwhile, and somebody else waits
        await asyncio.sleep(6)
        assert "cancel" in job.asked

    play(scene)


def test_a_crash_while_nobody_watches_is_not_called_a_lack_of_viewers() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, race, job = await begun(hub, pool)
        hub.leave(viewer)
        await job.say({"type": "state", "state": "ended", "sentence": "The process was killed."})
        again = Viewer()
        hub.attach(again, race.token)
        assert drain(again)[-1]["sentence"] == "The process was killed."

    play(scene)


def test_coming_back_within_the_grace_stops_the_clock() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, race, job = await begun(hub, pool)
        hub.leave(viewer)
        hub.attach(Viewer(), race.token)
        await asyncio.sleep(3600)
        assert "cancel" not in job.asked
        assert race.token in hub.races

    play(scene, grace=30, keep=30)


def test_the_history_is_dropped_in_the_end() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, race, job = await begun(hub, pool)
        await job.say({"type": "state", "state": "done"})
        hub.leave(viewer)
        await asyncio.sleep(29)
        assert race.token in hub.races
        await asyncio.sleep(2)
        assert not hub.attach(Viewer(), race.token)
        assert not hub.races
        assert not hub._watched
        assert job.asked == [], "a race that is over gets no commands"

    play(scene, keep=30)


def test_a_new_race_takes_the_place_of_the_old_one() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, old, job = await begun(hub, pool)
        await job.frames(3)
        new = hub.run(viewer, EXPERIMENT)
        assert job.asked[-1] == "cancel"
        await job.frames(3)  # what the old one still says goes nowhere
        messages = drain(viewer)
        assert [message["race"] for message in messages] == [new.token]
        assert list(hub.races) == [new.token]
        assert old.token != new.token
        assert len(new.token) >= 32

    play(scene)


def test_a_new_race_leaves_the_old_one_to_those_who_watch_it() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, race, job = await begun(hub, pool)
        hub.attach(Viewer(), race.token)
        hub.run(viewer, EXPERIMENT)
        assert job.asked == []

    play(scene)


def test_a_refusal_in_the_worker_ends_the_race() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, race, job = await begun(hub, pool)
        drain(viewer)
        await job.say({"type": "problem", "sentence": "no such data"})
        assert [message["type"] for message in drain(viewer)] == ["problem", "state"]
        again = Viewer()
        hub.attach(again, race.token)
        last = drain(again)[-1]
        assert (last["state"], last["sentence"]) == ("ended", "no such data")

    play(scene)


def test_commands_reach_the_job_and_impossible_lanes_do_not() -> None:
    async def scene(hub: Hub, pool: FakePool) -> None:
        viewer, _, job = await begun(hub, pool)
        hub.command(viewer, {"do": "speed", "value": 3})
        hub.command(viewer, {"do": "reheat", "lane": 1, "factor": 2})
        for lane in (2, -1, 0.5):
            for do in ("reheat", "turn", "weight"):
                with pytest.raises(BadInput, match="lane"):
                    hub.command(viewer, {"do": do, "lane": lane})
        hub.command(viewer, {"do": "turn", "lane": 0, "field": "learning_rate", "value": 1})
        assert job.asked == ["speed", "reheat", "turn"]
        hub.command(Viewer(), {"do": "pause"})  # who watches nothing commands nothing

    play(scene)


def test_the_number_of_races_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "MOST_RACES", 3)

    async def scene(hub: Hub, pool: FakePool) -> None:
        (over_unwatched, _, job_a), (over, b, job_b), (unwatched, c, job_c) = [
            await begun(hub, pool) for _ in range(3)
        ]
        await job_a.say({"type": "state", "state": "done"})
        await job_b.say({"type": "state", "state": "done"})
        hub.leave(over_unwatched)
        hub.leave(unwatched)
        _, d, job_d = await begun(hub, pool)
        assert list(hub.races) == [b.token, c.token, d.token], "first what is over and unwatched"
        _, e, _ = await begun(hub, pool)
        assert list(hub.races) == [c.token, d.token, e.token], "then what is over"
        hub.leave(over)
        _, f, _ = await begun(hub, pool)
        assert list(hub.races) == [d.token, e.token, f.token], "then what nobody watches"
        assert job_c.asked == ["pause", "cancel"]
        viewer = Viewer()
        with pytest.raises(ServerBusy, match="full"):
            hub.run(viewer, EXPERIMENT)
        assert viewer.race is None
        assert job_d.asked == [], "nobody loses a race they watch"

    play(scene)
