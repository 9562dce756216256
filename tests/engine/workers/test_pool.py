"""Worker processes: the queue, and what a race that runs in one can be told."""

from __future__ import annotations

import time
from itertools import groupby

import pytest

from engine.workers.pool import MOST_REMEMBERED, Pool
from tests.app import fake_race
from tests.engine.support.listening import Start, eventually


def test_a_race_goes_from_stage_to_done(start: Start) -> None:
    job, heard = start(fake_race.SHORT)
    heard.state("done")
    kinds = [message["type"] for message in heard.messages if message["type"] != "state"]
    assert kinds[:3] == ["stage", "metrics", "picture"]
    assert [message["state"] for message in heard.of("state")] == ["starting", "running", "done"]
    assert [lane["step"] for lane in heard.of("metrics")[0]["lanes"]] == [0, 0], (
        "the first frame shows the first weights"
    )
    assert heard.of("picture")[-1]["steps"] == [20, 20], "the last frame shows the end"
    ks = [message["k"] for message in heard.of("metrics")]
    assert ks == list(range(len(ks))) == [message["k"] for message in heard.of("picture")]
    assert job.over
    assert job.pid is None


def test_places_in_the_queue(start: Start) -> None:
    (first, _), _second = start(fake_race.ENDLESS), start(fake_race.ENDLESS)
    (third, heard_third), (fourth, heard_fourth), (fifth, heard_fifth) = (
        start(fake_race.ENDLESS) for _ in range(3)
    )
    assert [job.place for job in (first, third, fourth, fifth)] == [0, 1, 2, 3]
    fourth.command({"do": "cancel"})
    assert heard_fourth.state("ended")["sentence"]
    assert heard_fourth.state("ended")["calm"], "it ended because that was asked for"
    first.command({"do": "cancel"})
    heard_third.state("running")
    eventually(lambda: fifth.place == 1)
    places = [message["place"] for message in heard_fifth.of("state")]
    assert [place for place, _ in groupby(places)] == [3, 2, 1]
    states = [message["state"] for message in heard_fourth.of("state")]
    assert [state for state, _ in groupby(states)] == ["queued", "ended"]
    assert third.place == 0


def test_how_long_a_wait_will_be_is_told_again_when_that_changes(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        start(fake_race.ENDLESS)
    third, heard = start(fake_race.ENDLESS)
    pool = third._pool
    for wait in (100.0, 100.0, 110.0, 81.0, 30.0, None, 20.0):
        monkeypatch.setattr(pool, "wait", lambda place, wait=wait: wait)
        pool._tell_places()
    told = [message.get("seconds") for message in heard.of("state")]
    assert told[-4:] == [100, 30, None, 20]
    assert {message["place"] for message in heard.of("state")} == {1}


def test_what_is_asked_in_the_queue_is_remembered(start: Start) -> None:
    (first, _), _ = start(fake_race.ENDLESS), start(fake_race.ENDLESS)
    third, heard = start(fake_race.ENDLESS)
    for command in (
        {"do": "speed", "value": 5.0},
        {"do": "pause"},
        {"do": "resume"},
        {"do": "pause"},
    ):
        third.command(command)
    first.command({"do": "cancel"})
    heard.state("paused")
    assert [message["state"] for message in heard.of("state")][-1] == "paused"


def test_pause_stops_and_resume_goes_on(start: Start) -> None:
    job, heard = start(fake_race.ENDLESS)
    heard.state("running")
    job.command({"do": "pause"})
    heard.state("paused")
    stood = len(heard.messages)
    time.sleep(0.4)
    assert len(heard.messages) == stood, "a paused race is silent"
    job.command({"do": "resume"})
    heard.wait(lambda message: message["type"] == "picture", after=stood)


def test_a_paused_race_uses_no_processor(start: Start) -> None:
    psutil = pytest.importorskip("psutil")
    job, heard = start(fake_race.ENDLESS)
    job.command({"do": "pause"})
    heard.state("paused")
    process = psutil.Process(job.pid)
    before = sum(process.cpu_times()[:2])
    time.sleep(0.5)
    assert sum(process.cpu_times()[:2]) - before < 0.1


def test_step_is_one_step_of_every_lane(start: Start) -> None:
    job, heard = start(fake_race.ENDLESS)
    job.command({"do": "pause"})
    heard.state("paused")
    for _ in range(3):
        at, before = len(heard.messages), heard.of("picture")[-1]["steps"]
        job.command({"do": "step"})
        picture = heard.wait(lambda message: message["type"] == "picture", after=at)
        assert picture["steps"] == [step + 1 for step in before]
    time.sleep(0.1)
    assert heard.of("picture")[-1]["steps"] == picture["steps"], "and then it stands still"


def test_speed_holds_every_lane_back(start: Start) -> None:
    job, heard = start(fake_race.ENDLESS)
    heard.state("running")
    job.command({"do": "speed", "value": 2})
    job.command(
        {"do": "reheat", "lane": 0, "factor": 2.0}
    )  # when that has been heard of, the speed before it is in force
    before = heard.wait(lambda message: message["type"] == "metrics" and message["events"])["lanes"]
    since = time.monotonic()
    last = heard.wait(
        lambda message: (
            message["type"] == "metrics" and message["lanes"][0]["step"] >= before[0]["step"] + 3
        )
    )
    # What was heard of before the clock was started may be a step old.
    assert last["lanes"][0]["step"] - before[0]["step"] <= 2 * (time.monotonic() - since) + 2, (
        "two steps a second, not a thousand"
    )
    at = len(heard.messages)
    job.command({"do": "speed", "value": 0})
    heard.wait(
        lambda message: (
            message["type"] == "metrics"
            and message["lanes"][0]["step"] > last["lanes"][0]["step"] + 50
        ),
        after=at,
    )


def test_reheat_reaches_the_race(start: Start) -> None:
    job, heard = start(fake_race.ENDLESS)
    job.command({"do": "reheat", "lane": 1, "factor": 10.0})
    assert heard.wait(lambda message: message["type"] == "metrics" and message["events"])["events"][
        0
    ] == [1, 10.0]


def test_a_command_never_overtakes_its_race(pool: Pool, start: Start) -> None:
    # The worker takes its next race on the pool's thread while the command comes from another; the
    # order must hold all the same.
    for _ in range(30):
        blockers = [start(fake_race.SHORT) for _ in range(2)]
        job, heard = start(fake_race.ENDLESS)
        while job.place:
            time.sleep(0)
        job.command({"do": "cancel"})
        heard.state("ended")
        for _, one in blockers:
            one.state("done")


def test_what_a_race_refuses_is_told_and_it_goes_on(pool: Pool, start: Start) -> None:
    job, heard = start(fake_race.ENDLESS)
    heard.state("running")
    job.command({"do": "turn", "lane": 0, "field": "nonsense", "value": 1})
    problem = heard.wait(lambda message: message["type"] == "problem")
    assert problem["passing"]
    assert problem["sentence"].startswith("field: 'nonsense' is not allowed")
    job.command({"do": "turn", "lane": 0, "field": "learning_rate", "value": 0.5})
    assert heard.wait(lambda message: message["type"] == "metrics" and message["events"])[
        "events"
    ] == [[0, "learning_rate", 0.5]]
    assert not job.over
    assert pool.busy == 1


def test_details_come_now_and_then_and_weights_where_it_stands_still(start: Start) -> None:
    job, heard = start(fake_race.ENDLESS)
    heard.wait(lambda message: message["type"] == "detail")
    assert not heard.of("weights")
    job.command({"do": "pause"})
    heard.state("paused")
    newest = heard.of("metrics")[-1]["k"]
    assert heard.of("detail")[-1]["k"] == heard.of("weights")[-1]["k"] == newest
    steps = heard.of("weights")[-1]["steps"]
    assert [list(one) for one in heard.of("weights")[-1]["lanes"]] == [
        [step, step] for step in steps
    ]
    at = len(heard.messages)
    job.command({"do": "weights"})
    assert heard.wait(lambda message: message["type"] == "weights", after=at)["k"] == newest
    at = len(heard.messages)
    job.command({"do": "turn", "lane": 1, "field": "learning_rate", "value": 0.1})
    changed = heard.wait(lambda message: message["type"] == "weights", after=at)
    assert (changed["k"], changed["steps"]) == (newest + 1, steps), (
        "what was changed by hand is shown at once, without a step"
    )
    at = len(heard.messages)
    job.command({"do": "resume"})
    heard.wait(lambda message: message["type"] == "picture", after=at)


def test_every_knob_turned_in_the_queue_is_remembered_but_no_flood(start: Start) -> None:
    (first, _), _ = start(fake_race.ENDLESS), start(fake_race.ENDLESS)
    third, heard = start(fake_race.ENDLESS)
    for value in (1, 2):
        for lane in (0, 1):
            third.command({"do": "turn", "lane": lane, "field": "learning_rate", "value": value})
    for i in range(2 * MOST_REMEMBERED):
        third.command({"do": "turn", "lane": 0, "field": f"field{i}", "value": i})
    assert len(third._waiting) == MOST_REMEMBERED
    third.command({"do": "turn", "lane": 0, "field": "learning_rate", "value": 3})
    third.command({"do": "turn", "lane": 1, "field": "learning_rate", "value": 4})
    first.command({"do": "cancel"})
    events = heard.wait(lambda message: message["type"] == "metrics" and message["events"])[
        "events"
    ]
    assert events[-2:] == [[0, "learning_rate", 3], [1, "learning_rate", 4]]
