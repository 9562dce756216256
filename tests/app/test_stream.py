"""The live routes: who may connect, what may be said, what is served, and a race from the socket to
a process and back.
"""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient, WebSocketDenialResponse, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from app.hosting.addresses import origin_allowed
from app.live import stream
from app.live.bundle import ENTRIES, source, version
from app.live.hub import Hub, memory_of
from app.live.stream import routes
from engine.any_race import parse_experiment
from engine.messages.encoding import Message, decode
from engine.workers.pool import Pool
from tests.app import fake_race
from tests.app.fake_race import FakePool, experiment
from tests.engine.support.listening import PATIENCE, eventually

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = {"origin": "http://testserver"}
EXPERIMENT = experiment(fake_race.ENDLESS)


class Site:
    """The live routes and the hub behind them, without Streamlit."""

    def __init__(self, pool: Any, grace: float = 60) -> None:
        self.pool = pool

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            self.hub = Hub(pool, grace=grace)
            yield
            self.hub.close()

        self.client = TestClient(Starlette(routes=routes(lambda: self.hub), lifespan=lifespan))

    @contextmanager
    def viewer(self) -> Iterator[WebSocketTestSession]:
        with self.client.websocket_connect("/kelvin/live", headers=ORIGIN) as session:
            yield session


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site(FakePool())
    with site.client:
        yield site


def until(session: WebSocketTestSession, wanted: Callable[[Message], Any]) -> list[Message]:
    """The messages up to the first that is wanted."""
    messages = []
    while True:
        messages.append(decode(session.receive_bytes()))
        if wanted(messages[-1]):
            return messages


def problem(session: WebSocketTestSession) -> str:
    return until(session, lambda message: message["type"] == "problem")[-1]["sentence"]


def state(name: str) -> Callable[[Message], bool]:
    return lambda message: message.get("state") == name


# Who may connect.


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "http://evil.example",
        "http://testserver.evil.example",
        "http://testserver:81",
        "http://[",
        "",
    ],
)
def test_other_origins_are_refused(site: Site, origin: str | None) -> None:
    headers = {} if origin is None else {"origin": origin}
    with (
        pytest.raises((WebSocketDisconnect, WebSocketDenialResponse)),
        site.client.websocket_connect("/kelvin/live", headers=headers),
    ):
        pass


def test_origins_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert origin_allowed("https://Kelvin.example", "kelvin.example")
    assert origin_allowed("http://localhost:8501", "localhost:8501")
    assert not origin_allowed("https://lab.example", "kelvin.example")
    assert not origin_allowed("null", None)
    monkeypatch.setenv("KELVIN_ORIGINS", "https://lab.example/, https://other.example")
    assert origin_allowed("https://lab.example", "kelvin.example")
    assert not origin_allowed("http://lab.example", "kelvin.example"), "the scheme counts"
    assert not origin_allowed(None, "kelvin.example")
    monkeypatch.setenv("KELVIN_ORIGINS", "*")
    assert origin_allowed(None, "kelvin.example")


# What may be said.

MALFORMED = [
    "", "{", "null", "7", '"run"', "[]", "{}", '{"do": 7}', '{"do": ["run"]}', '{"do": "fly"}', '{"do": "run"}', '{"do": "run", "experiment": 7}',
    '{"do": "run", "experiment": []}', '{"do": "run", "experiment": {"dataset": "nowhere"}}', '{"do": "run", "experiment": {"lanes": []}}',
    '{"do": "run", "experiment": {"seed": NaN}}', '{"do": "run", "experiment": {"seed": 1e999}}', '{"do": "run", "experiment": {"budget": {"amount": -1}}}',
    '{"do": "attach"}', '{"do": "attach", "race": 7}', '{"do": "attach", "race": "guess"}', '{"do": "attach", "race": {"a": 1}}',
    '{"do": "speed"}', '{"do": "speed", "value": "fast"}', '{"do": "speed", "value": -1}', '{"do": "speed", "value": NaN}', '{"do": "speed", "value": true}',
    '{"do": "reheat"}', '{"do": "reheat", "lane": 9, "factor": 2}', '{"do": "reheat", "lane": 0, "factor": Infinity}', '{"do": "reheat", "lane": 0.5, "factor": 2}',
    '{"do": "turn"}', '{"do": "turn", "lane": 0, "field": "", "value": 1}', '{"do": "turn", "lane": 0, "field": ["learning_rate"], "value": 1}',
    '{"do": "turn", "lane": 0, "field": "learning_rate", "value": NaN}', '{"do": "turn", "lane": 0, "field": "learning_rate", "value": Infinity}',
    '{"do": "turn", "lane": 0, "field": "learning_rate", "value": [1]}', '{"do": "turn", "lane": true, "field": "learning_rate", "value": 1}',
    '{"do": "turn", "lane": 4, "field": "learning_rate", "value": 1}',
    '{"do": "weight", "lane": 0}', '{"do": "weight", "lane": 0, "index": -1, "value": 1}', '{"do": "weight", "lane": 0, "index": 1.5, "value": 1}',
    '{"do": "weight", "lane": 0, "index": 1, "value": 1e9}', '{"do": "weight", "lane": 0, "index": 1, "value": "1"}', '{"do": "points"}', '{"do": "points", "points": 7}',
    '{"do": "points", "points": "gAAA"}', '{"do": "points", "points": "' + "gAAAA" * 801 + '"}',
    '{"do": "kick"}', '{"do": "kick", "lane": 4}', '{"do": "cities", "move": 7}', '{"do": "cities", "move": [[0, 1]]}', '{"do": "cities", "add": [[1, "2"]]}',
    '{"do": "cities", "drop": [-1]}', '{"do": "cities", "drop": [2000]}', '{"do": "cities", "move": [[0.5, 1, 2]]}', '{"do": "cities", "add": [[1, 1e300]]}', '{"do": "cities", "add": [1]}',
    '{"do": "plane"}', '{"do": "plane", "kind": "flat"}', '{"do": "plane", "kind": []}',
    '{"do": "run", "experiment": {}, "then": 7}', '{"do": "run", "experiment": {}, "then": [7]}', '{"do": "run", "experiment": {}, "then": [{"do": "run"}]}',
    '{"do": "run", "experiment": {}, "then": [{"do": "speed"}]}', '{"do": "run", "experiment": {}, "then": [' + ", ".join(['{"do": "pause"}'] * 9) + "]}",
    "[" * 20000, "9" * 5000,
]  # fmt: skip


def test_malformed_messages_do_not_end_the_connection(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MOST_PER_SECOND", 10**6)
    with site.viewer() as session:
        for text in MALFORMED * 2:
            session.send_text(text)
            sentence = problem(session)
            assert "\n" not in sentence
            assert "Kelvin" not in sentence, f"{text[:60]} was not foreseen: {sentence}"
        assert len(MALFORMED) * 2 >= 64
        session.send_json({"do": "run", "experiment": EXPERIMENT})
        assert until(session, state("starting"))[-1]["race"]


def test_bad_input_is_told_by_field(site: Site) -> None:
    with site.viewer() as session:
        session.send_json(
            {"do": "run", "experiment": {"lanes": [{"name": "annealing", "population_size": 0}]}}
        )
        assert problem(session).startswith("lanes[0].population_size: 0 is not allowed; expected")
        assert not site.pool.jobs, "what is not valid is never queued"


@pytest.mark.parametrize("bad", [r"\ud800", r"\udc00x", r"\u0000"])
def test_text_that_is_none_does_not_reach_the_race(site: Site, bad: str) -> None:
    with site.viewer() as session:
        session.send_json({"do": "run", "experiment": EXPERIMENT})
        until(session, state("starting"))
        for text in (
            f'{{"do": "turn", "lane": 0, "field": "{bad}", "value": "x"}}',
            f'{{"do": "turn", "lane": 0, "field": "learning_rate", "value": "{bad}"}}',
            f'{{"do": "points", "points": "{bad}"}}',
            f'{{"do": "plane", "kind": "{bad}"}}',
            f'{{"do": "{bad}"}}',
            f'{{"do": "attach", "race": "{bad}"}}',
            f'{{"do": "run", "experiment": {{"dataset": "{bad}"}}}}',
            f'{{"do": "pause", "{bad}": 1}}',
        ):
            session.send_text(text)
            assert "is not allowed; expected text" in problem(session)
        session.send_text('{"do": "pause", "more": ' + "[" * 900 + "]" * 900 + "}")
        assert "deep" in problem(session)
        assert site.pool.jobs[-1].commands == []


def test_big_messages_are_refused(site: Site) -> None:
    with site.viewer() as session:
        session.send_text(json.dumps({"do": "pause", "ballast": "x" * stream.MOST_BYTES}))
        assert "65,536" in problem(session)
        session.send_text(
            json.dumps(
                {"do": "pause", "ballast": "é" * (stream.MOST_BYTES // 2)}, ensure_ascii=False
            )
        )
        assert "65,536" in problem(session), "bytes count, not characters"
        session.send_bytes(b"\x00")
        assert "65,536" in problem(session)


def test_a_flood_is_slowed_and_said_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST_PER_SECOND", 5)
    monkeypatch.setattr(
        stream, "time", SimpleNamespace(monotonic=lambda: 7.0)
    )  # all of it in one second
    with site.viewer() as session:
        session.send_json({"do": "run", "experiment": EXPERIMENT})
        for _ in range(12):
            session.send_json({"do": "pause"})
        assert "Too many" in problem(session)
    assert site.pool.jobs[0].asked.count("pause") < 12


def test_an_unknown_race_is_a_problem(site: Site) -> None:
    with site.viewer() as session:
        session.send_json({"do": "attach", "race": "x" * 32})
        answer = until(session, lambda message: message["type"] == "problem")[-1]
        assert answer["gone"]


def test_commands_reach_the_race_and_a_missing_lane_does_not(site: Site) -> None:
    with site.viewer() as session:
        session.send_json({"do": "run", "experiment": EXPERIMENT})
        for do in ("pause", "resume", "step"):
            session.send_json({"do": do})
        session.send_json({"do": "speed", "value": 10})
        session.send_json({"do": "reheat", "lane": 1, "factor": 10})
        session.send_json({"do": "reheat", "lane": 3, "factor": 10})
        assert problem(session) == "lane: 3 is not allowed; expected a whole number from 0 to 1"
        assert site.pool.jobs[0].asked == ["pause", "resume", "step", "speed", "reheat"]


def test_what_is_said_with_the_run_comes_before_its_first_step(site: Site) -> None:
    with site.viewer() as session:
        session.send_json(
            {
                "do": "run",
                "experiment": EXPERIMENT,
                "then": [
                    {"do": "speed", "value": 2},
                    {"do": "stages", "besides": "is not passed on"},
                ],
            }
        )
        until(session, state("starting"))
        eventually(
            lambda: site.pool.jobs[0].commands == [{"do": "speed", "value": 2}, {"do": "stages"}]
        )
        session.send_json({"do": "run", "experiment": EXPERIMENT, "then": [{"do": "turn"}]})
        problem(session)
        assert len(site.pool.jobs) == 1, "what is not valid is never queued"


def test_what_a_hand_does_reaches_the_race_as_it_was_said(site: Site) -> None:
    hands: list[Message] = [
        {"do": "stages"},
        {"do": "weights"},
        {"do": "turn", "lane": 0, "field": "step_size", "value": 0.5},
        {"do": "turn", "lane": 1, "field": "adapt", "value": False},
        {"do": "turn", "lane": 1, "field": "schedule", "value": "geometric"},
        {"do": "turn", "lane": 1, "field": "reheat_after", "value": None},
        {"do": "weight", "lane": 1, "index": 12, "value": -0.25},
        {"do": "points", "points": "gAAAA" * 800},
        {"do": "plane", "kind": "line"},
        {"do": "kick", "lane": 1},
        {"do": "cities", "move": [[3, 1.5, -2]], "drop": [0, 7], "add": [[1, 2], [3, 4]]},
    ]
    with site.viewer() as session:
        session.send_json({"do": "run", "experiment": EXPERIMENT})
        for hand in hands:
            session.send_json({**hand, "besides": "is not passed on"})
        session.send_json({"do": "weight", "lane": 2, "index": 0, "value": 1})
        assert problem(session) == "lane: 2 is not allowed; expected a whole number from 0 to 1"
        assert site.pool.jobs[0].commands == hands


def test_a_closed_page_leaves_and_a_reload_comes_back(site: Site) -> None:
    with site.viewer() as session:
        session.send_json({"do": "run", "experiment": EXPERIMENT})
        token = until(session, state("starting"))[-1]["race"]
        job = site.pool.jobs[0]
        job.tell({"type": "stage", "lanes": []})
        job.tell({"type": "state", "state": "running"})
        until(session, state("running"))
    eventually(lambda: job.asked == ["pause"])
    with site.viewer() as session:
        session.send_json({"do": "attach", "race": token})
        assert [message["type"] for message in until(session, state("running"))] == [
            "stage",
            "state",
        ]
        assert job.asked == ["pause", "resume"]


# What is served.


def test_frontend_files(site: Site) -> None:
    answer = site.client.get("/kelvin/frontend/main.js")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "no-cache"
    again = site.client.get(
        "/kelvin/frontend/main.js", headers={"if-none-match": answer.headers["etag"]}
    )
    assert again.status_code in (200, 304)
    assert (
        "immutable"
        in site.client.get("/kelvin/frontend/styles/live.css?v=abc").headers["cache-control"]
    )
    assert site.client.get("/kelvin/frontend/vendor/msgpack.js").status_code == 200
    assert (
        site.client.get(f"/kelvin/frontend/@{version()}/main.js")
        .headers["cache-control"]
        .endswith("immutable")
    )
    assert (
        site.client.get("/kelvin/frontend/@000000000000/main.js").headers["cache-control"]
        == "no-cache"
    )  # what another version says is not known


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_modules_of_a_page_in_one_file(site: Site, entry: str) -> None:
    answer = site.client.get(f"/kelvin/bundle/@{version()}/{entry}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"].endswith("immutable")
    assert answer.text == source(entry)
    plain = site.client.get(
        f"/kelvin/bundle/@{version()}/{entry}", headers={"accept-encoding": "identity"}
    )
    assert "content-encoding" not in plain.headers
    assert plain.text == answer.text


@pytest.mark.parametrize(
    "path",
    [
        "frontend/../hub.py",
        "frontend/..%2fhub.py",
        "frontend/%2e%2e/hub.py",
        "frontend/..%2f..%2f..%2fREADME.md",
        "frontend//etc/passwd",
        "frontend/%2fetc%2fpasswd",
        "bundle/@1/view.js",
        "bundle/@1/../hub.py",
        "bundle/main.js",
        "frontend/@1/../hub.py",
        "frontend/@1/..%2fhub.py",
        "frontend/main.js%00",
        "frontend/" + "a" * 5000 + ".js",
        "frontend/",
        "frontend/panels",
        "frontend/vendor/msgpack.LICENSE",
        "frontend/..%5chub.py",
        "recordings/..%2fdigits.kelvin",
        "recordings/.kelvin",
        "recordings/UPPER.kelvin",
        "recordings/nothing.kelvin",
        "recordings/a%00.kelvin",
        "recordings/a%0a.kelvin",
    ],
)
def test_nothing_else_is_served(site: Site, path: str) -> None:
    assert site.client.get(f"/kelvin/{path}").status_code == 404


def test_a_link_out_of_the_frontend_is_not_followed(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "front").mkdir()
    (tmp_path / "secret.js").write_text("secret", "utf-8")
    (tmp_path / "front" / "link.js").symlink_to(tmp_path / "secret.js")
    monkeypatch.setattr(stream, "FRONTEND", tmp_path / "front")
    assert site.client.get("/kelvin/frontend/link.js").status_code == 404


def test_plotly_once_compressed(site: Site) -> None:
    answer = site.client.get("/kelvin/plotly.min.js?v=6", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    assert b"plotly.js" in answer.content[:300]
    assert int(answer.headers["content-length"]) < len(answer.content) / 2
    plain = site.client.get("/kelvin/plotly.min.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == answer.content
    assert plain.headers["cache-control"] == "no-cache"


def test_recordings(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "first-screen.kelvin").write_bytes(gzip.compress(b"recorded"))
    monkeypatch.setattr(stream, "RECORDINGS", tmp_path)
    answer = site.client.get("/kelvin/recordings/first-screen.kelvin")
    assert gzip.decompress(answer.content) == b"recorded"
    assert "content-encoding" not in answer.headers, "the page unpacks it itself"


# All of it together.


@pytest.fixture(scope="module")
def processes() -> Iterator[Pool]:
    pool = Pool(1, main=fake_race.serve)
    yield pool
    pool.close()


def test_a_race_over_the_socket(processes: Pool) -> None:
    site = Site(processes)
    with site.client, site.viewer() as session:
        session.send_json({"do": "run", "experiment": experiment(fake_race.SHORT)})
        messages = until(session, state("done"))
        ks = [message["k"] for message in messages if message["type"] == "metrics"]
        assert ks == list(range(len(ks)))
        assert (
            next(message["type"] for message in messages if message["type"] != "state") == "stage"
        )


def test_a_worker_is_freed_after_the_grace(processes: Pool) -> None:
    site = Site(processes, grace=0.1)
    with site.client:
        with site.viewer() as session:
            session.send_json({"do": "run", "experiment": EXPERIMENT})
            token = until(session, state("running"))[-1]["race"]
            assert processes.busy == 1
        eventually(lambda: processes.busy == 0)
        with site.viewer() as session:
            session.send_json({"do": "attach", "race": token})
            messages = until(session, state("ended"))
            assert messages[0]["type"] == "stage"
            assert "no browser was watching" in messages[-1]["sentence"]


def test_a_killed_worker_is_told_over_the_socket(processes: Pool) -> None:
    site = Site(processes)
    with site.client, site.viewer() as session:
        session.send_json({"do": "run", "experiment": EXPERIMENT})
        token = until(session, state("running"))[-1]["race"]
        job = site.hub.races[token].job
        assert job is not None
        assert job.pid is not None
        os.kill(job.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        assert "kept" in until(session, state("ended"))[-1]["sentence"]
        session.send_json({"do": "run", "experiment": experiment(fake_race.SHORT)})
        until(session, state("done"))


@pytest.mark.slow
@pytest.mark.parametrize("base", ["", "tools/kelvin"])
def test_the_server_as_people_start_it(base: str, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [
        f"--server.port={port}",
        "--server.headless=true",
        "--server.fileWatcherType=none",
        *([f"--server.baseUrlPath={base}"] if base else []),
    ]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app/server.py", *options],
            cwd=ROOT,
            env={**os.environ, "KELVIN_WORKERS": "1"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    prefix = f"http://127.0.0.1:{port}/{base}".rstrip("/")

    def answers() -> bool:
        try:
            return urllib.request.urlopen(f"{prefix}/_stcore/health", timeout=60).status == 200
        except OSError:
            return False

    try:
        eventually(answers)
        with urllib.request.urlopen(f"{prefix}/kelvin/frontend/main.js", timeout=60) as answer:
            assert answer.headers["content-type"].startswith("text/javascript")
        workers = [
            child
            for child in psutil.Process(server.pid).children()
            if "spawn_main" in " ".join(child.cmdline())
        ]
        assert len(workers) == 1
    finally:
        os.killpg(server.pid, signal.SIGINT)  # as Ctrl-C
        server.wait(PATIENCE)
    eventually(lambda: not workers[0].is_running())
    assert "Traceback" not in (tmp_path / "log").read_text("utf-8")


def test_a_race_gets_as_many_threads_as_the_server_allows(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KELVIN_THREADS", "2")
    asked: list[Message] = []
    submit = site.hub.run
    monkeypatch.setattr(
        site.hub,
        "run",
        lambda viewer, value, *more, **named: (
            asked.append(value),
            submit(viewer, value, *more, **named),
        ),
    )
    with site.viewer() as session:
        session.send_text(json.dumps({"do": "run", "experiment": {**EXPERIMENT, "threads": 64}}))
        told = until(session, lambda message: message["type"] == "problem")[-1]
    assert told["passing"], "the race runs"
    assert "64 processor threads were requested; a race may use 2 here" in told["sentence"]
    assert asked[0]["threads"] == 2


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("http://testserver", True), ("https://lab.example", False), ("", False), ("x" * 9999, False)],
)
def test_a_page_may_ask_why_it_is_refused(site: Site, origin: str, allowed: bool) -> None:
    answer = site.client.get("/kelvin/live", params={"origin": origin})
    assert answer.status_code == 200
    said = answer.json()["sentence"]
    assert (said is None) == allowed
    assert ("Upgrade" in answer.json().get("unheard", "")) == allowed, "a proxy may lack it"
    if said is not None:
        assert "Host header" in said
        assert "KELVIN_ORIGINS" in said
        assert len(said) < 500


def test_memory_is_reserved_for_races_of_either_kind(site: Site) -> None:
    """Else the queue would begin solvers of many gigabytes at once."""
    routes_of_cities = {
        "instance": {"name": "random", "cities": 2000},
        "lanes": ["genetic", "fast-tsp"],
        "budget": {"currency": "seconds", "amount": 10},
    }
    for values, least in ((EXPERIMENT, 1), (routes_of_cities, 300 * 2**20)):
        with site.viewer() as session:
            session.send_json({"do": "run", "experiment": values})
            until(session, lambda message: message["type"] == "state")
        assert site.pool.jobs[-1].more["memory"] >= least
        assert memory_of(parse_experiment(values).to_json()) == site.pool.jobs[-1].more["memory"]
