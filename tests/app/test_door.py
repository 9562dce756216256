"""The door: by which names a server is addressed, whose pages may talk to it, how many sockets one
address holds, and the password.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.hosting import addresses, door, login, upload_limits
from app.hosting.addresses import client as address_of
from app.hosting.addresses import host_allowed, shortened
from app.hosting.door import Door
from app.hosting.watch import Watch
from app.live import stream

PASSWORD = "open sesame"
PAGE = {"accept": "text/html"}
ROUTES = ("/", "/gallery", "/_stcore/health", "/_stcore/metrics", "/kelvin/status", "/kelvin/x.js")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Place:
    """A door with something behind it."""

    def __init__(self, base: str = "", client: str = "203.0.113.9", **options: Any) -> None:
        self.clock, self.watch = Clock(), Watch()
        self.origins: list[str] = []

        async def plain(request: Request) -> Response:
            return HTMLResponse("inside")

        async def talk(socket: WebSocket) -> None:
            self.origins.append(socket.headers["origin"])
            await socket.accept()
            with suppress(WebSocketDisconnect):
                while True:
                    await socket.send_text(await socket.receive_text())

        routes = [Route(base + path, plain, methods=["GET", "PUT", "POST"]) for path in ROUTES]
        app = Starlette(
            routes=[
                *routes,
                Route(base + door.LIVE, stream.refusal),
                WebSocketRoute(base + door.STREAM, talk),
                WebSocketRoute(base + door.LIVE, talk),
            ],
            middleware=[Middleware(Door, base=base, watch=self.watch, clock=self.clock)],
        )
        self.client = TestClient(app, client=(client, 50000), follow_redirects=False, **options)

    def refused(self, reason: str) -> float:
        return self.watch.refused.labels(reason)._value.get()

    def opens(self, path: str = door.LIVE, **headers: str) -> bool:
        headers = {"origin": "http://testserver", **headers}
        try:
            with self.client.websocket_connect(path, headers=headers) as socket:
                socket.send_text("x")
                return socket.receive_text() == "x"
        except (WebSocketDisconnect, WebSocketDenialResponse):
            return False

    def log_in(self, password: str = PASSWORD, target: str = "") -> httpx.Response:
        return self.client.post("/", data={"password": password, "next": target})


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOSTS", "ORIGINS", "PASSWORD", "SOCKETS", "EMBED"):
        monkeypatch.delenv(f"KELVIN_{name}", raising=False)
    monkeypatch.setattr(addresses, "own_name", lambda: "lab7.uni.example")


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("KELVIN_PASSWORD", PASSWORD)
    return Place()


# By which names.


@pytest.mark.parametrize(
    "host",
    [
        "localhost:8501", "LOCALHOST", "kelvin.localhost:80", "127.0.0.1:8501", "[::1]:8501", "192.168.1.20:8501", "[2001:db8::5]", "kelvin:8501", "raspberry.local",
        "host.docker.internal:8501", "nas.home.arpa", "lab7.uni.example:8501", "lab7.uni.example.", "testserver",
    ],
)  # fmt: skip
def test_names_that_no_stranger_can_have_need_no_setting(host: str) -> None:
    assert host_allowed(host)


@pytest.mark.parametrize(
    "host",
    [
        None, "", ":8501", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "1.2.3.4.5", "evil.example:8501", "user@localhost", "localhost:80:80",
        "localhost:port", "localhost/x", "[::1", "localhost evil.example", "локалхост", "evillocal.example", "a.internal.evil.example",
    ],
)  # fmt: skip
def test_other_names_are_refused(host: str | None) -> None:
    assert not host_allowed(host)


def test_names_that_are_listed_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KELVIN_HOSTS", "Kelvin.example.org, *.lab.example")
    assert host_allowed("kelvin.example.org:443")
    assert host_allowed("a.lab.example")
    assert host_allowed("b.a.lab.example")
    assert not host_allowed("lab.example")
    assert not host_allowed("elab.example")
    assert not host_allowed("example.org")
    monkeypatch.setenv("KELVIN_ORIGINS", "https://other.example")
    assert host_allowed("other.example"), "an origin that is listed has a name"
    monkeypatch.setenv("KELVIN_HOSTS", "*")
    assert host_allowed("evil.example")


def test_a_name_that_is_not_known_is_told_with_its_setting(place: Place) -> None:
    for headers in ({}, PAGE):
        found = place.client.get("/", headers={"host": "evil.example:80", **headers})
        assert found.status_code == 403
        assert "KELVIN_HOSTS=evil.example and" in found.text
        assert "inside" not in found.text
    assert not place.opens(host="evil.example", origin="http://evil.example")
    assert place.refused("host") == 3
    assert place.client.get("/_stcore/health", headers={"host": "10.evil.example"}).text == "inside"


def test_what_a_header_says_is_no_html(place: Place) -> None:
    found = place.client.get("/", headers={"host": "<b>x</b>.example", **PAGE})
    assert found.status_code == 403
    assert "<b>" not in found.text
    assert "&lt;b&gt;x&lt;/b&gt;.example" in found.text
    assert len(place.client.get("/", headers={"host": "a." * 5000}).text) < 1000


# Whose pages.


@pytest.mark.parametrize("path", [door.LIVE, door.STREAM])
def test_sockets_of_other_pages_are_refused(place: Place, path: str) -> None:
    assert place.opens(path)
    assert not place.opens(path, origin="http://evil.example")
    assert not place.opens(path, origin="null")
    assert place.refused("origin") == 2


def test_streamlit_gets_its_own_origin(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KELVIN_ORIGINS", "https://front.example")
    assert place.opens(door.STREAM, origin="https://front.example")
    assert place.origins == ["http://testserver"], "for another it would ask a stranger's machine"


def test_other_pages_change_nothing(place: Place) -> None:
    for method in ("PUT", "POST"):
        found = place.client.request(method, "/", headers={"origin": "http://evil.example"})
        assert found.status_code == 403
        assert "KELVIN_ORIGINS" in found.text
        assert place.client.request(method, "/").text == "inside"
    assert place.client.get("/", headers={"origin": "http://evil.example"}).text == "inside"


# How many.


def test_one_address_holds_so_many_sockets(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KELVIN_SOCKETS", "2")
    own = {"origin": "http://testserver"}
    connect = place.client.websocket_connect
    with connect(door.LIVE, headers=own), connect(door.STREAM, headers=own):
        assert not place.opens()
        found = place.client.get("/", headers=PAGE)
        assert found.status_code == 503
        assert "at most 2" in found.text
        assert "KELVIN_SOCKETS" in found.text
        assert "at most 2" in place.client.get(door.LIVE).json()["sentence"]
        assert place.client.get("/kelvin/x.js").text == "inside"
        assert place.watch.pages._value.get() == 1
    assert place.opens()
    assert place.client.get("/", headers=PAGE).text == "inside"
    assert place.watch.pages._value.get() == 0


def test_many_messages_to_streamlit_are_read_slowly(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        place.clock.now += seconds

    monkeypatch.setattr("app.hosting.door.asyncio.sleep", sleep)
    own = {"origin": "http://testserver"}
    with place.client.websocket_connect(door.STREAM, headers=own) as socket:
        for _ in range(250):
            socket.send_text("x")
            assert socket.receive_text() == "x", "late, but not lost"
    assert len(slept) == 2


@pytest.mark.parametrize(
    ("client", "counted", "logged"),
    [
        ("203.0.113.9", "203.0.113.9", "203.0.113.0/24"),
        ("::ffff:203.0.113.9", "203.0.113.9", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("", "", ""),
        ("testclient", "testclient", ""),
    ],
)
def test_addresses(client: str, counted: str, logged: str) -> None:
    scope: dict[str, Any] = {"client": (client, 1)}
    assert address_of(scope) == counted
    assert shortened(scope) == logged
    assert address_of({"client": None}) == ""


@pytest.mark.parametrize(
    ("allowed", "peer", "seen"),
    [
        ("", "127.0.0.1", "203.0.113.9"),
        ("", "::ffff:127.0.0.1", "203.0.113.9"),
        ("", "::1", "203.0.113.9"),
        ("", "::ffff:198.51.100.7", "198.51.100.7"),
        ("10.0.0.0/8", "::ffff:10.1.2.3", "203.0.113.9"),
        ("10.0.0.0/8", "::ffff:127.0.0.1", "127.0.0.1"),
        ("10.0.0.5, proxy", "::ffff:10.0.0.5", "203.0.113.9"),
        ("*", "::ffff:198.51.100.7", "203.0.113.9"),
    ],
)
def test_a_proxy_tells_who_asks_and_nobody_else_does(
    monkeypatch: pytest.MonkeyPatch, allowed: str, peer: str, seen: str
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", allowed)

    async def who(request: Request) -> Response:
        return HTMLResponse(address_of(request.scope))

    app = Starlette(routes=[Route("/", who)], middleware=[Middleware(Door, watch=Watch())])
    client = TestClient(app, client=(peer, 1))
    assert client.get("/", headers={"x-forwarded-for": "203.0.113.9"}).text == seen


# The password.


def test_without_the_password_nothing_is_shown(locked: Place) -> None:
    for path in ("/", "/gallery", "/kelvin/status"):
        found = locked.client.get(path, headers=PAGE)
        assert found.status_code == 401
        assert 'type="password"' in found.text
        assert "inside" not in found.text
        assert found.headers["cache-control"] == "no-store"
    for method, path in (("GET", "/kelvin/x.js"), ("PUT", "/gallery"), ("GET", "/_stcore/metrics")):
        found = locked.client.request(method, path)
        assert (found.status_code, "inside" in found.text) == (401, False)
    assert not locked.opens(door.LIVE)
    assert not locked.opens(door.STREAM)
    assert "password" in locked.client.get(door.LIVE).json()["sentence"]
    assert locked.client.get("/_stcore/health").text == "inside", "machines ask for it"


def form(text: str) -> tuple[str, str]:
    action, target = (
        re.search(r'action="([^"]*)"', text),
        re.search(r'name="next" value="([^"]*)"', text),
    )
    assert action
    assert target
    return action[1], target[1].replace("&amp;", "&")


@pytest.mark.parametrize(
    ("path", "action", "target"),
    [
        ("/", "./", ""),
        ("/?dataset=moons&seed=3", "./", "?dataset=moons&seed=3"),
        ("/gallery", "./", "gallery"),
        ("/gallery?a=%20b%3Ac", "./", "gallery?a=%20b%3Ac"),
        ("/kelvin/status", "../", "kelvin/status"),
    ],
)
def test_a_login_leads_where_it_was_asked_for(
    locked: Place, path: str, action: str, target: str
) -> None:
    assert form(locked.client.get(path, headers=PAGE).text) == (action, target)
    found = locked.log_in(target=target)
    assert found.status_code == 303
    assert found.headers["location"] == f"./{target}"


def test_a_login_opens_page_files_and_sockets(locked: Place) -> None:
    found = locked.log_in()
    cookie = found.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Lax", f"Max-Age={login.SECONDS}"} <= {*cookie.split("; ")}
    assert "Path" not in cookie
    assert "Secure" not in cookie
    assert PASSWORD not in cookie
    locked.client.cookies.set(login.COOKIE, cookie.split(";")[0].split("=", 1)[1])
    for path in ("/", "/gallery", "/kelvin/x.js", "/kelvin/status", "/_stcore/metrics"):
        assert locked.client.get(path).text == "inside"
    assert locked.opens(door.LIVE)
    assert locked.opens(door.STREAM)
    assert locked.client.get(door.LIVE).json()["sentence"] is not None, "no origin was named"


def test_over_https_the_cookie_is_for_https(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KELVIN_PASSWORD", PASSWORD)
    cookie = Place(base_url="https://testserver").log_in().headers["set-cookie"]
    assert {"Secure", "SameSite=Lax"} <= {*cookie.split("; ")}
    monkeypatch.setenv("KELVIN_EMBED", "https://course.example.org")
    cookie = Place(base_url="https://testserver").log_in().headers["set-cookie"]
    assert {"Secure", "SameSite=None", "Partitioned"} <= {*cookie.split("; ")}


@pytest.mark.parametrize(
    "value",
    ["", "in", "in.x.y", "in.aw238Q.jsOuOjld095WhI7k3MGERMEiRSI6HQ2Py5BN2yb0mbA", "a" * 9000],
)
def test_a_cookie_that_is_made_up_opens_nothing(locked: Place, value: str) -> None:
    assert (
        locked.client.get("/gallery", headers={"cookie": f"{login.COOKIE}={value}"}).status_code
        == 401
    )


def test_a_login_ends_with_the_password_and_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    value = login.cookie(PASSWORD, secure=False, framed=False).split(";")[0].split("=", 1)[1]
    assert login.is_logged_in({login.COOKIE: value}, PASSWORD)
    assert not login.is_logged_in({login.COOKIE: value}, "another one")
    monkeypatch.setattr(login, "SECONDS", -1)
    assert not login.is_logged_in({login.COOKIE: value}, PASSWORD)


@pytest.mark.parametrize(
    ("secure", "framed", "expected"),
    [
        (False, False, {"SameSite=Lax"}),
        (True, False, {"SameSite=Lax", "Secure"}),
        (True, True, {"SameSite=None", "Partitioned", "Secure"}),
        (False, True, {"SameSite=Lax"}),
    ],
)
def test_a_cookie_reaches_a_frame_only_over_https(
    secure: bool, framed: bool, expected: set[str]
) -> None:
    parts = {*login.cookie(PASSWORD, secure, framed).split("; ")[2:]}
    assert parts - {"HttpOnly"} == expected


@pytest.mark.parametrize(
    ("embed", "framed"),
    [("", False), ("https://a.example", True), ("https://a.example, http://b.example", False)],
)
def test_cookies_are_for_frames_only_where_all_pages_are_of_https(
    monkeypatch: pytest.MonkeyPatch, embed: str, framed: bool
) -> None:
    monkeypatch.setenv("KELVIN_EMBED", embed)
    assert login.framed() == framed


def test_wrong_passwords_are_told_and_slowed(locked: Place) -> None:
    for _ in range(login.WRONG_A_MINUTE):
        found = locked.log_in("wrong one", "gallery?a=1")
        assert found.status_code == 401
        assert "That is not the password" in found.text
        assert "set-cookie" not in found.headers
        assert form(found.text) == ("./", "gallery?a=1")
    found = locked.log_in()
    assert found.status_code == 429, "the right one as well: otherwise it could be guessed"
    assert "60 seconds" in found.text
    assert (
        locked.client.get(
            "/kelvin/status", headers={"authorization": f"Bearer {PASSWORD}"}
        ).status_code
        == 429
    )
    locked.clock.now += 61
    assert locked.log_in().status_code == 303
    assert locked.watch.logins.labels("wrong")._value.get() == login.WRONG_A_MINUTE
    assert locked.watch.logins.labels("right")._value.get() == 1


def test_another_address_is_not_slowed_and_memory_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    tries = login.Tries(clock)
    for _ in range(login.WRONG_A_MINUTE):
        tries.wrong("a")
    assert tries.wait("a") == 60
    assert tries.wait("b") == 0
    monkeypatch.setattr(login, "MOST_ADDRESSES", 5)
    for number in range(50):
        tries.wrong(str(number))
    assert len(tries._wrong) == 5


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example", "https://evil.example", "javascript:alert(1)", "/x", "\\\\evil.example", "a\\b", "../x", "a/../../x", "x\r\nSet-Cookie: a=b", "x y", "x" * 5000,
    ],
)  # fmt: skip
def test_a_login_leads_nowhere_else(locked: Place, target: str) -> None:
    found = locked.log_in(target=target)
    assert found.status_code == 303
    assert found.headers["location"] == "./"


def test_a_form_that_is_too_large_or_none_is_refused(locked: Place) -> None:
    assert locked.client.post("/", content=b"x" * 100_000).status_code == 413
    for content in (b"", b"\xff\xfe", b"password", b"a=1&" * 100):
        assert locked.client.post("/", content=content).status_code in (400, 401)
    other = {"origin": "http://evil.example"}
    assert locked.client.post("/", data={"password": PASSWORD}, headers=other).status_code == 403


# What only the host may see.


@pytest.mark.parametrize("path", door.HOST_ONLY[1:])
def test_figures_are_for_this_machine_alone(path: str) -> None:
    far = Place()
    assert far.client.get(path, headers={"host": "localhost"}).status_code == 403
    near = Place(client="127.0.0.1")
    for host in ("localhost:8501", "127.0.0.1", "[::1]"):
        assert near.client.get(path, headers={"host": host}).text == "inside"

    def proxied(name: str) -> int:
        headers = {"host": "localhost", name: "203.0.113.9"}
        return near.client.get(path, headers=headers).status_code

    assert {proxied(name) for name in addresses.FORWARDED} == {403}, "a proxy here lets anybody in"
    assert near.client.get(path, headers={"host": "kelvin"}).status_code == 403


def test_figures_with_a_password(locked: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def seen(kind: str, token: str) -> int:
        return locked.client.get(
            "/kelvin/status", headers={"authorization": f"{kind} {token}"}
        ).status_code

    assert seen("Bearer", PASSWORD) == 200
    assert seen("Bearer", "wrong one") == 401
    assert seen("Basic", PASSWORD) == 401
    near = Place(client="127.0.0.1")
    assert near.client.get("/kelvin/status", headers={"host": "localhost"}).status_code == 401
    token = {"authorization": f"Bearer {PASSWORD}"}
    assert locked.client.get("/gallery", headers=token).status_code == 401


def test_under_a_base_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KELVIN_PASSWORD", PASSWORD)
    place = Place("/tools/k")
    assert place.client.get("/tools/k/_stcore/health").text == "inside"
    assert form(place.client.get("/tools/k/", headers=PAGE).text) == ("./", "")
    assert form(place.client.get("/tools/k", headers=PAGE).text) == ("./k/", "")
    assert form(place.client.get("/tools/k/gallery?a=1", headers=PAGE).text) == (
        "./",
        "gallery?a=1",
    )
    assert form(place.client.get("/tools/k/kelvin/status", headers=PAGE).text)[0] == "../"
    found = place.client.post("/tools/k/", data={"password": PASSWORD, "next": "gallery"})
    assert found.headers["location"] == "./gallery"


# The end.


def test_a_server_that_ends_says_so_to_machines_and_opens_no_sockets(place: Place) -> None:
    assert place.client.get("/_stcore/health").status_code == 200
    place.watch.draining = True
    assert place.client.get("/_stcore/health").status_code == 503
    assert not place.opens()


# Files.


def put(place: Place, page: str, file: str, size: int, **headers: str) -> httpx.Response:
    sent = {"content-length": str(size), "accept": "application/json", **headers}
    return place.client.put(f"{upload_limits.PATH}{page}/{file}", content=b"", headers=sent)


def test_a_page_sends_so_many_files_and_no_more(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_limits, "MOST_FILES", 3)
    answers = [put(place, "page", str(i), 100) for i in range(4)]
    assert [one.status_code for one in answers] == [404, 404, 404, 413], "404: nobody is behind"
    assert "as many files as it may (3," in answers[-1].json()["sentence"]
    assert put(place, "another", "x", 100).status_code == 404
    assert put(place, "page", "1", 100).status_code == 404, "the same one, sent again"
    path = f"{upload_limits.PATH}page/1"
    assert place.client.delete(path).status_code == 404
    assert put(place, "page", "new", 100).status_code == 413, "it was not removed"

    async def remove(scope: Any, receive: Any, send: Any) -> None:
        await Response(status_code=204)(scope, receive, send)

    gate = Door(remove)
    headers = Headers({"content-length": "1"})
    for i in range(3):
        assert gate.uploads.refusal(f"{upload_limits.PATH}page/{i}", headers, "x") is None
    assert TestClient(gate).delete(path).status_code == 204
    assert gate.uploads.refusal(f"{upload_limits.PATH}page/new", headers, "x") is None


def test_the_files_of_a_page_have_a_size_together(place: Place) -> None:
    large = 20 * 2**20
    answers = [put(place, "page", str(i), large) for i in range(4)]
    assert [one.status_code for one in answers] == [404, 404, 404, 413]
    assert "64 MB together" in answers[-1].json()["sentence"]


@pytest.mark.parametrize("length", ["", "-5", "1e3", "²", "9" * 5000])
def test_a_file_without_a_length_is_not_taken(length: str) -> None:
    limits = upload_limits.UploadLimits()
    raw = {"content-length": length.encode().decode("latin-1")}
    why = limits.refusal(f"{upload_limits.PATH}page/x", Headers(raw), "192.0.2.1")
    assert why is not None
    assert "without its length" in why[0]
    assert why[1] == 411


def test_one_address_sends_so_many_files_in_a_minute() -> None:
    limits = upload_limits.UploadLimits()
    headers = Headers({"content-length": "5"})

    def send(page: int, address: str) -> tuple[str, int] | None:
        return limits.refusal(f"{upload_limits.PATH}{page}/x", headers, address)

    assert {send(i, "192.0.2.1") for i in range(upload_limits.MOST_A_MINUTE)} == {None}
    refused = send(1000, "192.0.2.1")
    assert refused is not None
    assert "Try again in" in refused[0]
    assert refused[1] == 429
    assert send(1001, "192.0.2.2") is None


def test_a_length_beside_chunks_says_nothing() -> None:
    limits = upload_limits.UploadLimits()
    headers = Headers({"content-length": "1", "transfer-encoding": "chunked"})
    refused = limits.refusal(f"{upload_limits.PATH}page/x", headers, "192.0.2.1")
    assert refused is not None
    assert refused[1] == 411


def test_old_http_is_a_proxys() -> None:
    """Nginx asks so unless told otherwise, and names neither itself nor the visitor."""
    scope = {"type": "http", "client": ("127.0.0.1", 1), "http_version": "1.0"}
    headers = {"host": "127.0.0.1:8501"}
    assert not addresses.is_direct_and_local(scope, headers)
    assert addresses.is_direct_and_local({**scope, "http_version": "1.1"}, headers)
