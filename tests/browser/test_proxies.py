"""Kelvin where people host it: behind nginx and Caddy with the files that ship, below a path, and
behind proxies that cut the path off.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.browser.conftest import PATIENCE, ROOT, Server
from tests.browser.stripping_proxy import StrippingProxy
from tests.browser.walk import GALLERY, VIEW, ready, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FILES = ROOT / "assets" / "hosting"
BASE = "tools/kelvin"
RACE = "?dataset=moons&lanes=annealing,adam&evaluations=2e5&seed=3"
PAGES: dict[str, tuple[str, dict[str, str]]] = {
    "Landscapes": (VIEW, {"layout": "landscape"}),
    "Routes": (VIEW, {"layout": "tour"}),
    "Gallery": (GALLERY, {}),
    "Explore": (VIEW, {"layout": "network"}),
}
"""A page's name in the navigation → its root, and what that says of itself."""


def program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def below() -> Iterator[Server]:
    """A server that knows its path."""
    server = Server(KELVIN_WORKERS="1", STREAMLIT_SERVER_BASE_URL_PATH=BASE)
    yield server
    assert "Traceback" not in server.stop()


@contextmanager
def run(command: list[str], port: int) -> Iterator[None]:
    """A program that listens on a port."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    until = time.monotonic() + PATIENCE / 1000
    try:
        while True:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, process.stdout.read() if process.stdout else ""
            assert time.monotonic() < until, f"{command[0]} did not start"
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.communicate(timeout=60)


@contextmanager
def nginx(
    folder: Path, file: str, *ports: tuple[str, int], host: str, text: str = ""
) -> Iterator[int]:
    """Nginx with a file that ships: only its port, its name and where Kelvin is are others."""
    port = free_port()
    text = text or (FILES / file).read_text("utf-8")
    for old, new in (("listen 80;", f"listen 127.0.0.1:{port};"), (host, "localhost")):
        assert old in text
        text = text.replace(old, new)
    for old, number in ports:
        assert f"127.0.0.1:{old}" in text
        text = text.replace(f"127.0.0.1:{old}", f"127.0.0.1:{number}")
    places = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = folder / "whole.conf"
    whole.write_text(
        f"daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr warn;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{places}{text}\n}}\n",
        "utf-8",
    )
    command = [program("nginx"), "-p", str(folder), "-c", str(whole)]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    with run(command, port):
        yield port


@contextmanager
def caddy(folder: Path, behind: int) -> Iterator[int]:
    port = free_port()
    text = (FILES / "Caddyfile").read_text("utf-8")
    for old, new in (
        ("kelvin.example.org {", f"http://localhost:{port} {{"),
        ("127.0.0.1:8501", f"127.0.0.1:{behind}"),
    ):
        assert old in text
        text = text.replace(old, new)
    whole = folder / "Caddyfile"
    whole.write_text(f"{{\n\tadmin off\n\tauto_https off\n}}\n{text}", "utf-8")
    with run([program("caddy"), "run", "--config", str(whole), "--adapter", "caddyfile"], port):
        yield port


def walk(browser: Browser, address: str) -> None:
    """A race, all pages, and a reload of one that is not the first, with no error on the console
    and nothing that is missing.
    """
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    said: list[str] = []
    missing: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on(
        "response",
        lambda answer: (
            missing.append(f"{answer.status} {answer.url}")
            # at the address of a page Streamlit looks for itself under that address first
            if answer.status >= 400 and "/_stcore/" not in answer.url
            else None
        ),
    )
    page.goto(f"{address}/{RACE}")  # which starts it
    wait_for(page, state="done", source="live")
    for name, (root, stands) in PAGES.items():
        page.get_by_role("link", name=name, exact=True).click()
        wait_for(page, root, ready=True, **stands)
    page.get_by_role("link", name="Gallery").click()
    ready(page, GALLERY)
    page.reload()
    ready(page, GALLERY)
    assert page.url.startswith(f"{address}/gallery")
    expect(page.get_by_test_id("card").first).to_be_visible()
    context.close()
    assert said == []
    assert missing == []


def status(address: str, **headers: str) -> int:
    request = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def socket_opens(address: str, origin: str) -> bool:
    try:
        with connect(address.replace("http", "ws") + "/kelvin/live", origin=Origin(origin)):
            return True
    except InvalidStatus as error:
        if error.response.status_code != 403:
            raise
        return False


def guarded(address: str, port: int) -> None:
    """What the door refuses is refused behind a proxy, too."""
    own = f"http://localhost:{port}"
    assert socket_opens(address, own)
    assert not socket_opens(address, "http://evil.example")
    assert not socket_opens(address, f"http://localhost:{port + 1}")
    assert status(f"{address}/_stcore/health") == 200
    assert status(f"{address}/kelvin/status") == 403, "a proxy on this machine lets anybody in"


def test_behind_nginx(browser: Browser, server: Server, tmp_path: Path) -> None:
    with nginx(tmp_path, "nginx.conf", ("8501", server.port), host="kelvin.example.org") as port:
        address = f"http://localhost:{port}"
        guarded(address, port)
        assert status(address, Host="evil.example") == 403
        walk(browser, address)


def test_behind_nginx_below_a_path(
    browser: Browser, server: Server, below: Server, tmp_path: Path
) -> None:
    ports = (("8501", below.port), ("8502", server.port))
    with nginx(tmp_path, "nginx-path.conf", *ports, host="www.example.org") as port:
        for path in (BASE, "cut/kelvin"):
            address = f"http://localhost:{port}/{path}"
            guarded(address, port)
            walk(browser, address)


@pytest.mark.parametrize(
    ("headers", "sentence"),
    [
        ("", "must pass on the Host header"),
        ("proxy_set_header Host $http_host;", "needs WebSockets"),
        (
            "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;",
            "must pass on the Host header",
        ),
        ("proxy_set_header Host elsewhere.example;", "KELVIN_HOSTS=elsewhere.example"),
    ],
)
def test_a_proxy_that_lacks_something_is_told_what(
    browser: Browser, server: Server, tmp_path: Path, headers: str, sentence: str
) -> None:
    text = (FILES / "nginx.conf").read_text("utf-8")
    kept = [line for line in text.splitlines() if "proxy_set_header" not in line]
    bare = "\n".join(kept).replace(
        "proxy_pass http://kelvin;", f"proxy_pass http://kelvin; {headers}"
    )
    port_of = (("8501", server.port),)
    with nginx(tmp_path, "nginx.conf", *port_of, host="kelvin.example.org", text=bare) as port:
        context = browser.new_context()
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(f"http://localhost:{port}/")
        expect(page.get_by_text(sentence)).to_be_visible()
        context.close()


def test_behind_caddy(browser: Browser, server: Server, tmp_path: Path) -> None:
    with caddy(tmp_path, server.port) as port:
        address = f"http://localhost:{port}"
        guarded(address, port)
        walk(browser, address)


@pytest.mark.parametrize("prefix", ["/proxy/8501", "/user/ann/proxy/8501"])
def test_behind_a_proxy_that_cuts_the_path_off(
    browser: Browser, server: Server, prefix: str
) -> None:
    proxy = StrippingProxy(server.port, prefix)
    try:
        walk(browser, proxy.address)
        outside = [path for path in proxy.outside if path != "/favicon.ico"]
        assert outside == [], "all paths are relative to the page"
    finally:
        proxy.close()


def test_a_login_below_a_path_that_is_cut_off(browser: Browser) -> None:
    server = Server(KELVIN_WORKERS="1", KELVIN_PASSWORD="open sesame")
    proxy = StrippingProxy(server.port, "/user/ann/proxy/8501")
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    try:
        page.goto(f"{proxy.address}/kelvin/status")
        page.get_by_label("Password").fill("open sesame")
        page.get_by_role("button", name="Enter").click()
        expect(page.get_by_role("row", name="open pages")).to_be_visible()
        assert page.url == f"{proxy.address}/kelvin/status"
        page.goto(f"{proxy.address}/{RACE}")
        wait_for(page, race="yes")
        (cookie,) = [one for one in context.cookies() if one["name"] == "kelvin_login"]
        assert cookie["path"] == "/user/ann/proxy/8501", "other services do not get it"
        assert [path for path in proxy.outside if path != "/favicon.ico"] == []
    finally:
        context.close()
        proxy.close()
        assert "Traceback" not in server.stop()
