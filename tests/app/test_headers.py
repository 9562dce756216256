"""What every answer tells the browser to guard against."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from app.live.headers import FRAMES, GUARDS, Guards, policy

ROOT = Path(__file__).parents[2]


async def own(request: Request) -> Response:
    return HTMLResponse(
        "x",
        headers={
            "Content-Security-Policy": "default-src 'none'",
            "X-Frame-Options": "ALLOWALL",
            "x-other": "kept",
        },
    )


async def broken(request: Request) -> Response:
    raise RuntimeError("broken")


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


@pytest.fixture
def client() -> TestClient:
    routes = [
        Route("/", own, methods=["GET", "PUT"]),
        Route("/broken", broken),
        WebSocketRoute("/talk", talk),
    ]
    return TestClient(
        Starlette(routes=routes, middleware=[Middleware(Guards)]), raise_server_exceptions=False
    )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 200), ("PUT", "/", 200), ("POST", "/", 405), ("GET", "/nothing", 404)],
)
def test_every_answer_has_them(client: TestClient, method: str, path: str, status: int) -> None:
    found = client.request(method, path)
    assert found.status_code == status
    guards = {**GUARDS, FRAMES: "SAMEORIGIN"}
    assert {name: found.headers.get_list(name) for name in guards} == {
        name: [value] for name, value in guards.items()
    }
    assert policy() in found.headers.get_list("content-security-policy")


def test_a_policy_that_is_there_stays(client: TestClient) -> None:
    found = client.get("/")
    assert found.headers.get_list("content-security-policy") == ["default-src 'none'", policy()]
    assert found.headers["x-other"] == "kept"


def test_sockets_are_let_through(client: TestClient) -> None:
    with client.websocket_connect("/talk") as socket:
        assert socket.receive_text() == "hello"


def rules(text: str) -> dict[str, list[str]]:
    return {name: sources for name, *sources in (rule.split() for rule in text.split("; "))}


def test_no_script_of_another_host_and_none_made_of_text() -> None:
    found = rules(policy())
    assert found["default-src"] == ["'self'"]
    assert found["object-src"] == ["'none'"]
    assert not {"'unsafe-eval'", "'unsafe-inline'", "*", "data:", "https:"} & {*found["script-src"]}
    assert any(source.startswith("'sha256-") for source in found["script-src"])
    hosts = [source for sources in found.values() for source in sources if "." in source]
    assert hosts == []


def test_only_the_origins_that_are_named_may_show_it_in_a_frame() -> None:
    assert rules(policy())["frame-ancestors"] == ["'self'"]
    named = ["https://course.example.org", "http://localhost:9000"]
    assert rules(policy(named))["frame-ancestors"] == ["'self'", *named]
    app = Starlette(routes=[Route("/", own)], middleware=[Middleware(Guards, embed=named)])
    found = TestClient(app).get("/")
    assert policy(named) in found.headers.get_list("content-security-policy")
    assert all(found.headers[name] == value for name, value in GUARDS.items())
    assert found.headers["x-frame-options"] == "ALLOWALL", "none is added; it would forbid them"


def test_no_page_of_ours_writes_a_script_into_itself() -> None:
    root = Path(__file__).resolve().parents[2] / "app"
    offenders = [
        path.relative_to(root).as_posix()
        for path in sorted(root.rglob("*.py"))
        if "unsafe_allow_javascript" in path.read_text("utf-8")
    ]
    assert not offenders, f"the policy forbids it: {', '.join(offenders)}"


def test_streamlit_is_set_up_as_a_server_among_strangers_needs_it() -> None:
    """The watcher of files would hold the event loop for every page that opens; large messages
    would fill its memory.
    """
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))
    assert config["server"]["fileWatcherType"] == "none"
    assert config["server"]["maxMessageSize"] <= 2
    assert config["client"]["showErrorDetails"] == "none"
    assert config["client"]["allowedOrigins"] == []
