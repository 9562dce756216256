"""What a host sees: the log, the figures, the status page."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.hosting import descriptors, health, status, watch
from app.hosting.drain import Drain
from app.hosting.watch import Lines, Watch
from app.hosting.watched_pool import WatchedPool
from app.live import stream
from app.live.hub import Hub, Viewer
from engine.messages.encoding import decode
from tests.app import fake_race
from tests.app.fake_race import FakePool, experiment

TOKEN = "fK3-aZ_09bcdEFGHijklMNOPqrstUVwx"
FILE_TOKEN = "0123456789abcdef0123456789abcdef"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Site:
    """A hub, its pool and the host's pages."""

    def __init__(self) -> None:
        self.pool, self.clock = FakePool(), Clock()
        self.watch = Watch(self.clock)

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            self.hub = Hub(WatchedPool(self.pool, self.watch, self.clock))  # type: ignore[arg-type]
            yield
            self.hub.close()

        routes = status.routes(lambda: self.hub, watch=self.watch)
        self.client = TestClient(Starlette(routes=routes, lifespan=lifespan))

    def figures(self) -> dict[str, float]:
        answer = self.client.get("/kelvin/metrics")
        assert answer.headers["content-type"].startswith("text/plain")
        return {
            " ".join([sample.name, *sample.labels.values()]): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    with site.client:
        yield site


@pytest.fixture
def events(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    log = logging.getLogger("kelvin")
    before = log.propagate, log.level
    log.propagate = True
    caplog.set_level(logging.INFO, "kelvin")
    yield caplog
    log.propagate, _ = before
    log.setLevel(before[1])


def record(message: str, **fields: Any) -> logging.LogRecord:
    made = logging.LogRecord("kelvin", logging.INFO, __file__, 1, message, (), None)
    made.fields = fields
    return made


# The log.


def test_a_line_of_json_is_one() -> None:
    line = Lines("json").format(record("refused", reason="a\nb", client="", races=0))
    assert "\n" not in line
    found = json.loads(line)
    assert found.pop("time").endswith("+00:00")
    assert found == {
        "level": "info",
        "logger": "kelvin",
        "event": "refused",
        "reason": "a\nb",
        "races": 0,
    }


def test_a_line_of_plain_words_is_one() -> None:
    line = Lines("plain").format(record("refused", reason='a\n"b" c=d', methods=["adam", "eki"]))
    assert line.endswith(r'info refused reason="a\n\"b\" c=d" methods=adam,eki')


@pytest.mark.parametrize("form", ["plain", "json"])
def test_no_token_is_logged(form: str) -> None:
    text = f"race {TOKEN}, dataset.token={FILE_TOKEN}; {TOKEN}x is none"
    try:
        raise ValueError(FILE_TOKEN)
    except ValueError:
        made = logging.LogRecord("app.x", logging.ERROR, __file__, 1, text, (), sys.exc_info())
    line = Lines(form).format(made)
    assert TOKEN not in line.replace(f"{TOKEN}x", "")
    assert FILE_TOKEN not in line
    assert "ValueError" in line
    assert ("\n" in line) == (form == "plain")
    other = logging.LogRecord("uvicorn", logging.INFO, __file__, 1, "GET /x?t=%s", (TOKEN,), None)
    assert watch._Redacted().filter(other)
    assert other.getMessage() == "GET /x?t=…"


def test_a_flood_of_refusals_does_not_fill_the_log(
    events: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    seen = Watch(clock)
    for _ in range(100):
        seen.refuse("host")
    seen.refuse("login")
    assert len(events.records) == watch.REFUSALS_A_MINUTE + 1
    assert seen.refused.labels("host")._value.get() == 100
    clock.now = 61
    seen.refuse("host")
    assert len(events.records) == watch.REFUSALS_A_MINUTE + 2


# Races.


def test_races_are_counted_and_logged(site: Site, events: pytest.LogCaptureFixture) -> None:
    viewer = Viewer()
    site.client.portal.call(site.hub.run, viewer, experiment(fake_race.ENDLESS))  # type: ignore[union-attr]
    job = site.pool.jobs[0]
    job.tell({"type": "state", "state": "running"})
    for now in (1.0, 1.3, 1.7):
        site.clock.now = now
        job.tell({"type": "metrics", "k": 0})
    assert site.figures()["kelvin_frame_seconds_count"] == 2
    assert site.figures()["kelvin_frame_seconds_sum"] == pytest.approx(0.7)
    job.tell({"type": "state", "state": "paused"})
    site.clock.now = 100
    job.tell({"type": "metrics", "k": 3})
    assert site.figures()["kelvin_frame_seconds_count"] == 2, "a pause is no slow frame"
    job.tell({"type": "problem", "passing": True, "sentence": "no"})
    assert not [name for name in site.figures() if name.startswith("kelvin_races_ended")]
    job.tell({"type": "state", "state": "done"})
    job.tell({"type": "state", "state": "done"})
    found = site.figures()
    assert found["kelvin_races_started_total"] == found["kelvin_races_ended_total done"] == 1
    # others may log something meanwhile, too
    told = {line.message: vars(line)["fields"] for line in events.records if "fields" in vars(line)}
    assert told["race started"] == {
        "race": 1,
        "problem": "moons",
        "methods": ["annealing", "adam"],
    }
    assert told["race ended"] == {"race": 1, "state": "done", "seconds": 100}
    assert not any(token in str(told) for token in site.hub.races), "a token opens its race"


def test_a_race_that_fails_is_counted_once(site: Site) -> None:
    site.client.portal.call(site.hub.run, Viewer(), experiment(fake_race.BAD))  # type: ignore[union-attr]
    site.pool.jobs[0].tell({"type": "problem", "sentence": "no"})
    assert site.figures()["kelvin_races_ended_total failed"] == 1


# The figures.


def test_the_figures_are_in_prometheus_format(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KELVIN_UPLOADS", str(tmp_path))
    (tmp_path / FILE_TOKEN).mkdir()
    (tmp_path / FILE_TOKEN / "file").write_bytes(b"x" * 1000)
    site.client.portal.call(site.hub.run, Viewer(), experiment(fake_race.ENDLESS))  # type: ignore[union-attr]
    site.pool.waiting = 3
    site.watch.refuse("host")
    found = site.figures()
    assert found["kelvin_races starting"] == 1
    assert found["kelvin_races running"] == 0
    assert found["kelvin_queue_length"] == 3
    assert found["kelvin_uploads_bytes"] == 1000
    assert found["kelvin_uploads_files"] == 1
    assert found["kelvin_refused_total host"] == 1
    assert found["kelvin_memory_bytes server"] > 10e6
    assert 0 < found["kelvin_open_fds"] <= found["kelvin_max_fds"]
    assert {"kelvin_pages", "kelvin_viewers", "kelvin_messages_sent_total"} <= found.keys()
    text = site.client.get("/kelvin/metrics").text
    assert FILE_TOKEN not in text
    assert not any(token in text for token in site.hub.races)


def test_the_status_page_tells_the_same(site: Site) -> None:
    empty = site.client.get("/kelvin/status").text
    assert "0 B" in empty
    site.client.portal.call(site.hub.run, Viewer(), experiment(fake_race.ENDLESS))  # type: ignore[union-attr]
    site.watch.refuse("<b>")
    for seconds in (0.03, 0.03, 0.03, 40):
        site.watch.frames.observe(seconds)
    text = site.client.get("/kelvin/status").text
    assert "races: starting" in text
    assert "≤ 0.05 s, &gt; 30 s" in text
    assert "refused: &lt;b&gt;" in text
    assert "<script" not in text
    assert not any(token in text for token in site.hub.races)
    site.watch.draining = True
    assert "about to end" in site.client.get("/kelvin/status").text


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(5, "5 s"), (61, "1 min"), (3_600, "1 h 0 min"), (86_400 * 3 + 7300, "3 d 2 h")],
)
def test_times(seconds: float, told: str) -> None:
    assert status.in_time(seconds) == told


@pytest.mark.parametrize(
    ("size", "told"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 KB"), (3e15, "3e+03 TB")]
)
def test_sizes(size: float, told: str) -> None:
    assert status.in_bytes(size) == told


# The end.


def test_a_server_that_ends_waits_for_races_and_tells_viewers(
    events: pytest.LogCaptureFixture,
) -> None:
    async def walk() -> None:
        seen, pool = Watch(), FakePool()
        hub = Hub(pool)  # type: ignore[arg-type]
        viewer, ended = Viewer(), asyncio.Event()
        seen.audience.add(viewer)
        hub.run(viewer, experiment(fake_race.ENDLESS))
        job = pool.jobs[0]
        await job.begin()
        drain = Drain(hub, seen, seconds=60)
        assert drain.busy() == 1
        task = asyncio.create_task(drain.end(ended.set, 60, "SIGTERM"))
        while not seen.draining:
            await asyncio.sleep(0)
        assert not ended.is_set()
        viewer.clear()
        await job.say({"type": "state", "state": "done"})
        await task
        assert ended.is_set()
        told = [decode(await viewer.next()) for _ in range(2)]
        assert [one["type"] for one in told] == ["state", "problem"]
        assert told[1]["passing"], "what is on the screen stays"
        assert "ends now" in told[1]["sentence"]
        hub.close()

    asyncio.run(walk())
    assert [line.message for line in events.records if line.name == "kelvin"] == ["ending"]


def test_a_race_that_goes_on_does_not_keep_a_server_up() -> None:
    async def walk() -> None:
        seen, pool, ended = Watch(), FakePool(), asyncio.Event()
        hub, viewer = Hub(pool), Viewer()  # type: ignore[arg-type]
        hub.run(viewer, experiment(fake_race.ENDLESS))
        await pool.jobs[0].begin()
        await Drain(hub, seen, seconds=0.01).end(ended.set, 0.01, "SIGTERM")
        assert ended.is_set()
        hub.leave(viewer)
        assert Drain(hub, seen, seconds=60).busy() == 0, "nobody watches it"
        hub.close()

    asyncio.run(walk())


def test_what_fails_while_it_ends_does_not_keep_it_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def walk() -> None:
        hub, ended = Hub(FakePool()), asyncio.Event()  # type: ignore[arg-type]
        drain = Drain(hub, Watch(), seconds=60)
        monkeypatch.setattr(drain, "busy", lambda: 1 / 0)
        await drain.end(ended.set, 60, "SIGTERM")
        assert ended.is_set()
        hub.close()

    asyncio.run(walk())


def test_a_server_that_ends_starts_no_race(monkeypatch: pytest.MonkeyPatch) -> None:
    async def walk() -> None:
        seen, pool = Watch(), FakePool()
        monkeypatch.setattr(stream, "WATCH", seen)
        hub, viewer = Hub(pool), Viewer()  # type: ignore[arg-type]
        run = json.dumps({"do": "run", "experiment": experiment(fake_race.ENDLESS)})
        seen.draining = True
        await stream.obey(hub, viewer, run)
        assert "about to end" in decode(await viewer.next())["sentence"]
        assert pool.jobs == []
        assert seen.refused.labels("ending")._value.get() == 1
        seen.draining = False
        await stream.obey(hub, viewer, run)
        assert len(pool.jobs) == 1
        hub.close()

    asyncio.run(walk())


# The rest.


def test_the_limit_of_file_descriptors_is_raised_and_never_lowered() -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
        assert descriptors.raise_limit(300) == 300
        assert descriptors.raise_limit(280) == 300
        assert 0 < descriptors.used() < 300
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    ("port", "base", "address"),
    [
        ("", "", "http://127.0.0.1:8501/_stcore/health"),
        ("80", "tools/k", "http://127.0.0.1:80/tools/k/_stcore/health"),
        (" 9000 ", "/k/", "http://127.0.0.1:9000/k/_stcore/health"),
    ],
)
def test_the_health_check_asks_where_the_server_listens(
    monkeypatch: pytest.MonkeyPatch, port: str, base: str, address: str
) -> None:
    monkeypatch.setenv("PORT", port)
    monkeypatch.setenv("STREAMLIT_SERVER_BASE_URL_PATH", base)
    assert health.address() == address


def test_the_health_check_says_why_it_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for port in ("1", "none"):
        monkeypatch.setenv("PORT", port)
        assert health.main() == 1
        assert len(capsys.readouterr().err.splitlines()) == 1
