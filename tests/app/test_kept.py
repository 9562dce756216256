"""The routes for races that a server keeps: what whoever has their tokens sees of them and may do."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.hosting.watch import Watch
from app.live import kept
from app.live.hub import Hub, LiveRace, Viewer
from app.live.stream import routes
from app.storage.store import Store
from app.text import t
from engine.messages.recording import Recording
from tests.app.fake_race import FakeJob, FakePool
from tests.app.test_fuzz import CASES, changed, cut_up
from tests.app.test_hub import EXPERIMENT, drain, ks

ORIGIN = {"origin": "http://testserver"}
LANES = [{"label": "Simulated annealing"}, {"label": "Adam"}]


class Site:
    """The routes and a hub that keeps races, whose processes say what a test makes them say."""

    def __init__(self, folder: Path | None) -> None:
        self.pool, self.folder = FakePool(), folder

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            store = None if self.folder is None else Store(self.folder)
            self.hub = Hub(self.pool, store=store)  # type: ignore[arg-type]
            yield
            self.hub.close()
            if store is not None:
                store.close()

        self.client = TestClient(Starlette(routes=routes(lambda: self.hub), lifespan=lifespan))

    @property
    def store(self) -> Store:
        assert self.hub.store is not None
        return self.hub.store

    def post(self, path: str, asked: Any, **headers: str) -> Any:
        return self.client.post(f"/kelvin/{path}", json=asked, headers={**ORIGIN, **headers})

    def listed(self, *tokens: str) -> list[Any]:
        return self.post("kept.json", list(tokens)).json()["races"]

    def do(self, work: Callable[[], Any]) -> Any:
        """Do something on the server's own loop."""
        assert self.client.portal is not None

        async def doing() -> Any:
            found = work()
            return await found if asyncio.iscoroutine(found) else found

        return self.client.portal.call(doing)

    def race(self, visitor: str = "one", frames: int = 3) -> tuple[Viewer, LiveRace, FakeJob]:
        """A race that has shown some frames."""

        async def begun() -> tuple[Viewer, LiveRace, FakeJob]:
            viewer = Viewer(visitor)
            experiment = {**EXPERIMENT, "seed": len(self.pool.jobs)}
            race = self.hub.run(viewer, experiment)
            job = self.pool.jobs[-1]
            await job.say({"type": "stage", "version": 1, "lanes": LANES, "experiment": experiment})
            await job.say({"type": "state", "state": "running"})
            for k in range(frames):
                rows = [{"step": k, "loss": 1 / (k + 1)}, {"step": k, "loss": float("inf")}]
                await job.say({"type": "metrics", "k": k, "lanes": rows, "events": []})
                await job.say({"type": "picture", "k": k})
            return viewer, race, job

        return self.do(begun)

    def say(self, job: FakeJob, message: dict[str, Any]) -> None:
        self.do(lambda: job.say(message))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(kept, "WATCH", Watch())
    site = Site(tmp_path / "races")
    with site.client:
        yield site


def test_races_are_told_to_whoever_has_their_tokens_and_no_others(site: Site) -> None:
    _, one, job = site.race()
    _, other, _ = site.race("other")
    (told,) = site.listed(one.row.watch, one.token, "made up", one.row.watch)
    assert (told["token"], told["own"]) == (one.token, True)
    assert told["experiment"] == one.row.experiment
    assert told["state"] == "running"
    assert (told["created"], told["used"]) == (one.row.created, one.row.used)
    assert told["pinned"] is False
    assert [row["label"] for row in told["results"]] == ["Simulated annealing", "Adam"]
    assert [row["loss"] for row in told["results"]] == [1 / 3, None], "no number is null"
    site.store.flush()
    assert told["bytes"] == site.store.size(one.token) > 0
    assert site.listed() == []
    site.say(job, {"type": "state", "state": "done"})
    assert [race["state"] for race in site.listed(other.token, one.token)] == ["running", "done"]


def test_they_are_told_after_a_restart_too(tmp_path: Path) -> None:
    before = Site(tmp_path)
    with before.client:
        _, race, job = before.race()
        before.say(job, {"type": "state", "state": "paused"})
    after = Site(tmp_path)
    with after.client:
        (told,) = after.listed(race.token)
        assert told["state"] == "paused"
        assert told["results"][0]["loss"] == 1 / 3
        assert after.post("kept/recording", {"token": race.token}).status_code == 200
        assert not after.hub.races, "to be told of and copied it is not begun again"


def test_numbers_of_a_race_that_goes_on_are_in_the_index_before_its_server_dies(
    site: Site,
) -> None:
    _, race, _ = site.race()
    assert site.store.results_of([race.token])[race.token] == []
    site.do(site.hub._look_after)
    assert site.store.results_of([race.token])[race.token][0]["step"] == 2


def test_a_server_that_keeps_nothing_says_so() -> None:
    site = Site(None)
    with site.client:
        _, race, _ = site.race()
        answer = site.post("kept.json", [race.token])
        assert answer.json() == {"keeps": False, "races": []}
        for path in ("pin", "delete", "recording"):
            refused = site.post(f"kept/{path}", {"token": race.token, "pinned": True})
            assert (refused.status_code, refused.json()["sentence"]) == (404, t("kept.gone"))


@pytest.mark.parametrize("path", ["kept.json", "kept/pin", "kept/delete", "kept/recording"])
def test_pages_of_other_origins_and_programs_without_one_are_refused(site: Site, path: str) -> None:
    _, race, _ = site.race()
    asked = {"token": race.token, "pinned": True}
    assert site.post(path, asked, origin="http://elsewhere.example").status_code == 403
    refused = site.client.post(f"/kelvin/{path}", json=asked)
    assert refused.status_code == 403
    assert refused.json().keys() == {"sentence"}
    assert site.client.get(f"/kelvin/{path}", headers=ORIGIN).status_code == 405
    assert site.listed(race.token)[0]["pinned"] is False


BAD: dict[str, tuple[str, bytes, str]] = {
    "no JSON": ("kept.json", b"[", "expected a JSON object"),
    "no text": ("kept.json", b"\xff\xfe[]", "expected a JSON object"),
    "no list": ("kept.json", b'{"token": "a"}', "expected a list of at most 50"),
    "too many": ("kept.json", json.dumps(["a"] * 51).encode(), "expected a list of at most 50"),
    "a number": ("kept.json", b'["a", 1]', r"body\[1\]: 'int'"),
    "no token": ("kept.json", b'[""]', "1 to 100 characters"),
    "a long token": ("kept.json", json.dumps(["a" * 101]).encode(), "1 to 100 characters"),
    "no character": ("kept.json", rb'["\ud800"]', "body|0"),
    "too long": ("kept.json", json.dumps(["a" * 400] * 50).encode(), "at most 16,384 bytes"),
    "deep": ("kept.json", b"[" * 5000 + b"]" * 5000, "expected"),
    "a list to delete": ("kept/delete", b'["a"]', "token: 'NoneType'"),
    "another's name": ("kept/recording", b'{"token": "../races"}', "not on this server"),
    "pinned how": ("kept/pin", b'{"token": "%s", "pinned": 1}', "expected true or false"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_with_a_request_is_told_in_a_sentence(
    site: Site, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    path, body, said = BAD[case]
    _, race, _ = site.race()
    body = body.replace(b"%s", race.token.encode())
    answer = site.client.post(f"/kelvin/{path}", content=body, headers=ORIGIN)
    assert 400 <= answer.status_code < 500
    sentence = answer.json()["sentence"]
    assert "\n" not in sentence
    assert re.search(said, sentence), sentence
    assert not [line for line in caplog.records if line.levelname == "ERROR"]


def test_requests_of_one_address_are_limited(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_A_MINUTE", 3)
    site.client = TestClient(Starlette(routes=routes(lambda: site.hub)))
    assert [site.post("kept.json", []).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_a_pinned_race_stays_and_a_visitor_pins_five(site: Site) -> None:
    races = [site.race()[1] for _ in range(kept.MOST_PINNED + 1)]
    pinned = [site.post("kept/pin", {"token": race.token, "pinned": True}) for race in races]
    assert [one.status_code for one in pinned] == [200] * kept.MOST_PINNED + [409]
    assert "pinned 5 races already" in pinned[-1].json()["sentence"]
    again = site.post("kept/pin", {"token": races[0].token, "pinned": True})
    assert again.status_code == 200, "it is pinned already"
    site.post("kept/pin", {"token": races[0].token, "pinned": False})
    last = site.post("kept/pin", {"token": races[-1].token, "pinned": True})
    assert last.json() == {"pinned": True}
    told = site.listed(*(race.token for race in races))
    assert [race["pinned"] for race in told] == [False, *[True] * 5]
    site.store.quota = 0
    assert site.store.evict([]) == [races[0].token]


def test_pinned_races_leave_room_for_others(site: Site) -> None:
    _, one, _ = site.race()
    site.store.flush()
    site.store.quota = site.store.size(one.token)
    refused = site.post("kept/pin", {"token": one.token, "pinned": True})
    assert (refused.status_code, refused.json()["sentence"]) == (409, t("kept.pins-full"))
    site.store.quota *= 2
    assert site.post("kept/pin", {"token": one.token, "pinned": True}).status_code == 200


def test_a_deleted_race_is_gone_from_memory_and_disk(site: Site) -> None:
    viewer, race, job = site.race()
    watcher = Viewer("two")
    site.do(lambda: site.hub.attach(watcher, race.row.watch))
    site.do(lambda: (drain(viewer), drain(watcher)))
    assert site.post("kept/delete", {"token": race.token}).json() == {"deleted": True}
    assert site.listed(race.token) == []
    assert job.asked[-1] == "cancel"
    for one in (viewer, watcher):
        (told,) = site.do(partial(drain, one))
        assert (told["gone"], told["sentence"]) == (True, t("kept.was-deleted"))
    # Its process writes a checkpoint as it stops, and may say something before.
    site.store.checkpoint(race.token).write_bytes(b"what is left")
    site.say(job, {"type": "metrics", "k": 3, "lanes": [], "events": []})
    site.say(job, {"type": "state", "state": "ended"})
    site.store.flush()
    assert not list(site.store.folder.glob(f"{race.token}*"))
    assert race.token not in {row.token for row in site.store._index.rows()}
    for token in (race.token, race.row.watch):
        assert not site.do(partial(site.hub.attach, viewer, token))
    assert site.post("kept/delete", {"token": race.token}).status_code == 404


def test_a_race_that_waits_on_the_disk_is_deleted_too(tmp_path: Path) -> None:
    before = Site(tmp_path)
    with before.client:
        _, race, _ = before.race()
    after = Site(tmp_path)
    with after.client:
        assert after.post("kept/delete", {"token": race.token}).json() == {"deleted": True}
        after.store.flush()
        assert not list(tmp_path.glob("*.frames"))
    with Site(tmp_path).client as client:
        assert client.post("/kelvin/kept.json", json=[race.token], headers=ORIGIN).json() == {
            "keeps": True,
            "races": [],
        }


def test_a_race_on_a_full_disk_can_be_deleted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _, race, job = site.race()
    site.store.flush()

    def full(*_: Any) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(site.store, "_append", full)
    site.say(job, {"type": "picture", "k": 3})
    site.store.flush()
    assert race.token in site.store._given_up
    site.post("kept/delete", {"token": race.token})
    site.store.flush()
    assert not site.store.path(race.token).exists()


def test_one_alone_cannot_delete_what_others_asked_for_too(site: Site) -> None:
    _, race, _ = site.race("one")
    again = site.do(lambda: site.hub.run(Viewer("one"), race.row.experiment))
    assert again is race
    assert not race.row.shared, "the same visitor in another tab"
    two = Viewer("two")
    assert site.do(lambda: site.hub.run(two, race.row.experiment)) is race
    messages = site.do(lambda: drain(two))
    known = messages[-1]["race"]
    assert [one["type"] for one in messages[:2]] == ["state", "stage"], (
        "which race, then what it is"
    )
    assert messages[0]["race"] == known
    (told,) = site.listed(known)
    assert (told["token"], told["own"]) == (known, False), "the token that steers it is not told"
    assert race.token not in json.dumps(told)
    for path in ("pin", "delete"):
        refused = site.post(f"kept/{path}", {"token": known, "pinned": True})
        assert (refused.status_code, refused.json()["sentence"]) == (403, t("kept.not-yours"))
    assert site.post("kept/recording", {"token": known}).status_code == 200
    assert site.post("kept/delete", {"token": race.token}).json() == {"deleted": False}
    assert [one["token"] for one in site.listed(race.token)] == [race.token]


def test_a_recording_has_what_a_browser_was_told_in_the_order_it_writes_it(
    site: Site, tmp_path: Path
) -> None:
    viewer, race, job = site.race()
    site.say(job, {"type": "weights", "k": 2, "lanes": []})
    site.say(job, {"type": "seed", "k": 2, "seed": 1, "last": None})
    site.say(job, {"type": "detail", "k": 1})
    answer = site.post("kept/recording", {"token": race.token})
    assert answer.headers["content-type"] == "application/octet-stream"
    path = tmp_path / "one.kelvin"
    path.write_bytes(answer.content)
    recording = Recording.read(path)
    kinds = [(message["type"], message.get("k")) for message in recording]
    assert kinds == [
        ("stage", None),
        ("metrics", 0),
        ("picture", 0),
        ("metrics", 1),
        ("picture", 1),
        ("detail", 1),
        ("metrics", 2),
        ("picture", 2),
        ("seed", 2),
        ("weights", 2),
    ]
    assert sorted(recording.messages) == sorted(race.messages())
    assert ks(drain(viewer), "metrics") == [0, 1, 2]


def test_a_race_that_has_shown_nothing_is_no_recording(site: Site) -> None:
    _, race, _ = site.race(frames=0)
    refused = site.post("kept/recording", {"token": race.token})
    assert (refused.status_code, refused.json()["sentence"]) == (409, t("kept.nothing-yet"))


@CASES
def test_any_request_is_answered(
    site: Site, count: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MOST_A_MINUTE", 10**9)
    client = TestClient(Starlette(routes=routes(lambda: site.hub)))
    chance = random.Random(18)
    _, race, _ = site.race()
    asked: list[tuple[str, Any]] = [
        ("kept.json", [race.token, "made-up"]),
        ("kept/pin", {"token": race.token, "pinned": True}),
        ("kept/delete", {"token": "made-up"}),
        ("kept/recording", {"token": race.token}),
    ]
    statuses: set[int] = set()
    for _ in range(count):
        path, value = chance.choice(asked)
        if chance.random() < 0.8:
            value = changed(value, chance)
        body = json.dumps(value, ensure_ascii=chance.random() < 0.5).encode("utf-8", "replace")
        if chance.random() < 0.3:
            body = cut_up(body, chance)
        answer = client.post(f"/kelvin/{path}", content=body, headers=ORIGIN)
        statuses.add(answer.status_code)
        if answer.status_code != 200:
            assert "\n" not in answer.json()["sentence"]
            assert answer.json()["sentence"] != t("server.failed"), body[:300]
    assert {200, 400, 404} <= statuses <= {200, 400, 404, 413}
    assert not [line for line in caplog.records if line.levelname == "ERROR"]
