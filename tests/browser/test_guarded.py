"""A hosted page among strangers: their links, their frames, their messages."""

from __future__ import annotations

import contextlib
import urllib.error
import urllib.request
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from app.live.bundle import version
from app.live.headers import FRAMES, GUARDS, policy
from tests.browser.conftest import PATIENCE, Server
from tests.browser.walk import Open, ready, wait_for

HOSTILE = "![](http://h.ex/p.png) [a](//b.c) www.a.bc $x$ :red[y] :smile:"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/?dataset=moons"),
        ("GET", "/gallery"),
        ("GET", "/_stcore/health"),
        ("GET", "/favicon.png"),
        ("GET", "/nothing/here"),
        ("GET", f"/kelvin/bundle/@{version()}/main.js"),
        ("GET", "/kelvin/frontend/styles/live.css"),
        ("GET", "/kelvin/plotly.min.js"),
        ("GET", "/kelvin/recordings.json"),
        ("GET", "/kelvin/recordings/first-screen.kelvin"),
        ("GET", "/kelvin/recordings/none.kelvin"),
        ("GET", "/kelvin/replay-shell.html"),
        ("GET", "/kelvin/landscapes.json"),
        ("PUT", "/_stcore/upload_file/x/y"),
        ("GET", "/media/none.png"),
        ("POST", "/"),
    ],
)
def test_every_answer_guards_the_reader(server: Server, method: str, path: str) -> None:
    request = urllib.request.Request(
        server.address + path, method=method, data=b"x" if method != "GET" else None
    )
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            headers = answer.headers
    except urllib.error.HTTPError as error:
        headers = error.headers
    guards = {**GUARDS, FRAMES: "SAMEORIGIN"}
    assert {name: headers.get_all(name) for name in guards} == {
        name: [value] for name, value in guards.items()
    }
    assert policy() in headers.get_all("Content-Security-Policy")


def test_a_message_of_megabytes_ends_the_connection_at_once(server: Server) -> None:
    address = f"{server.address.replace('http', 'ws')}/kelvin/live"
    with connect(address, origin=Origin(server.address), max_size=None) as socket:
        with contextlib.suppress(ConnectionClosed):  # it may be ended before all is sent
            socket.send("x" * 3_000_000)
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=PATIENCE / 1000)
        # 1006 where the connection broke under what was still being sent, so that its last word was
        # not read
        assert socket.close_code in (1009, 1006)


def test_a_link_cannot_put_pictures_links_or_signs_into_the_page(open_page: Open) -> None:
    asked: list[str] = []
    page = open_page(f"?dataset={quote(HOSTILE)}", ready=False)
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_test_id("stMain").get_by_role("button", name="Details").click()
    notice = page.get_by_test_id("stPopoverBody")
    notice.wait_for()
    assert notice.locator("a, img, .katex, [role=img], strong, code").count() == 0
    assert HOSTILE.split()[0] in notice.inner_text().replace("\u2060", "")
    assert "www.a.bc $x$ :red[y]" in notice.inner_text().replace("\u2060", "")
    ready(page)
    assert not [address for address in asked if "h.ex" in address]


def test_a_strangers_page_cannot_show_kelvin_in_a_frame(
    browser: Browser, server: Server, stranger: str
) -> None:
    context = browser.new_context()
    page = context.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.goto(f"{stranger}/#{quote(f'{server.address}/?seconds=86400')}")
    page.wait_for_event("console", lambda message: "frame-ancestors" in message.text) if not any(
        "frame-ancestors" in one for one in told
    ) else None
    assert not any(
        frame.url.startswith(server.address) and frame.evaluate("Boolean(window.__kelvin)")
        for frame in page.frames[1:]
    )
    context.close()


def test_a_frame_of_its_own_starts_no_race_by_itself(open_page: Open, server: Server) -> None:
    page = open_page("_stcore/health", ready=False)
    page.evaluate(
        (
            "address => { const frame = document.createElement('iframe'); frame.width = 1200; "
            "frame.height = 800; frame.src = address; document.body.append(frame); }"
        ),
        "/?dataset=moons&seconds=2",
    )
    frame = page.frame_locator("iframe")
    frame.get_by_test_id("status").wait_for()
    inner = page.frames[1]
    wait_for(inner, begun=True, ready=True)
    wait_for(inner, race="no", state="idle")
    frame.get_by_test_id("run").click()
    wait_for(inner, race="yes")
