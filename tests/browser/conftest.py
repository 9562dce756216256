"""A real server and a real browser."""

from __future__ import annotations

import http.server
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Frame,
    Page,
    Playwright,
    TimeoutError,
    expect,
    sync_playwright,
)

from tests.browser.walk import ready as stands

ROOT = Path(__file__).resolve().parents[2]
SHOTS = Path(__file__).resolve().parent / "shots"
ARGUMENTS = [
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]
PATIENCE = 1000 * int(os.environ.get("BROWSER_PATIENCE", "300"))
"""Milliseconds to wait for what must happen; only how long a failure takes depends on it.
KELVIN_TEST_PATIENCE sets the seconds."""
expect.set_options(timeout=PATIENCE)
TRIES = 3
POLL_MS = 50

expect.set_options(timeout=PATIENCE)


def wait_for_function(
    self: Page | Frame, expression: str, *, arg: Any = None, timeout: float | None = None
) -> None:
    """Wait until a script's value is true. Playwright's own way evaluates text in the page, which
    the page's security policy forbids.
    """
    script = (
        f"async (x) => {{ let f = ({expression}); if (typeof f === 'function') f = f(x); "
        "return Boolean(await f); }"
    )
    until = time.monotonic() + (PATIENCE if timeout is None else timeout) / 1000
    while True:
        try:
            if self.evaluate(script, arg):
                return
        except Error as error:  # the page is just being left for another
            if "context was destroyed" not in str(error):
                raise
        if time.monotonic() > until:
            raise TimeoutError(f"waited in vain for {expression}" + (f" of {arg}" if arg else ""))
        self.wait_for_timeout(POLL_MS)


for kind in (Page, Frame):
    setattr(kind, "wait_for_function", wait_for_function)  # noqa: B010 (mypy: no such method)


class Server:
    """`streamlit run app/server.py` on a free port, or on one that a server had before."""

    def __init__(self, port: int = 0, /, **environment: str) -> None:
        for _ in range(TRIES):  # somebody else may take the port between the looking and the taking
            with socket.socket() as free:
                free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                free.bind(("127.0.0.1", port))
                self.port = free.getsockname()[1]
            base = environment.get("STREAMLIT_SERVER_BASE_URL_PATH", "")
            self.address = f"http://localhost:{self.port}/{base}".rstrip("/")
            command = [
                sys.executable,
                "-m",
                "streamlit",
                "run",
                "app/server.py",
                "--server.port",
                str(self.port),
                "--server.headless",
                "true",
            ]
            # A pipe that nobody reads would be full after some hundred races, and stop the server.
            self._log = tempfile.TemporaryFile()  # noqa: SIM115
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **environment},
                stdout=self._log,
                stderr=subprocess.STDOUT,
            )
            if self._answers():
                return
        pytest.fail(f"the server ended: {self._written()}")

    def _answers(self) -> bool:
        """Wait until it does, or has ended."""
        until = time.monotonic() + PATIENCE / 1000
        while self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=5).read()
                return True
            except OSError:
                assert time.monotonic() < until, "the server did not start"
                time.sleep(0.2)
        return False

    def workers(self) -> list[psutil.Process]:
        """The processes that run races, the busiest first."""
        children = [
            child
            for child in psutil.Process(self.process.pid).children()
            if "spawn_main" in " ".join(child.cmdline())
        ]
        return sorted(children, key=lambda child: -sum(child.cpu_times()[:2]))

    def _written(self) -> str:
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")

    def stop(self) -> str:
        """End the server, and return its log."""
        self.process.terminate()
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return self._written()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    SHOTS.mkdir(exist_ok=True)
    server = Server(
        KELVIN_WORKERS="3",
        KELVIN_GRACE="300",
        # On a busy machine a reload takes its time; who waits has the place of a race that was left
        # after five seconds all the same
    )
    yield server
    log = server.stop()
    assert "Traceback" not in log, log


def launch(playwright: Playwright) -> Browser:
    """The browser on the PATH, or Playwright's own."""
    found = next(
        (
            path
            for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
            if (path := shutil.which(name))
        ),
        None,
    )
    arguments = ARGUMENTS + (
        ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    )
    return playwright.chromium.launch(executable_path=found, args=arguments, timeout=PATIENCE)


@pytest.fixture(
    scope="package"
    # Not longer: an event loop of Playwright's runs in this thread as long as it is there, and
    # other
    # tests want one of their own
)
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def stranger() -> Iterator[str]:
    """The address of a page of another origin that shows Kelvin in a frame; `/#ADDRESS` says which
    of its pages.
    """

    class Frame(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = (
                b"<!doctype html><iframe width=900 "
                b"height=700></iframe><script>document.querySelector('iframe').src = "
                b"decodeURIComponent(location.hash.slice(1));</script>"
            )
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    host = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Frame)
    threading.Thread(target=host.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{host.server_port}"
    host.shutdown()
    host.server_close()


@pytest.fixture
def open_page(browser: Browser, server: Server) -> Iterator[Callable[..., Page]]:
    """Opens pages, each in a context of its own; when the test is over, none of them may have said
    an error on its console.
    """
    contexts: list[BrowserContext] = []
    said: list[str] = []

    def open_one(
        query: str = "", ready: bool = True, context: BrowserContext | None = None, **options: Any
    ) -> Page:
        if context is None:
            context = browser.new_context(
                viewport=options.pop("viewport", {"width": 1440, "height": 900}), **options
            )
            contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        # Opened at the address of a page, Streamlit looks for itself under that address first; that
        # it is not there is its own business.
        page.on(
            "console",
            lambda message: (
                said.append(message.text)
                if message.type == "error" and "/_stcore/" not in message.location["url"]
                else None
            ),
        )
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{server.address}/{query}")
        if ready:
            stands(page)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert said == [], "errors on the console"
