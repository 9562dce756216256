"""A hosted page as people meet it: the policy for scripts on every page, the password, a frame in a
course's page, the status page, the end of a server.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import PATIENCE, SHOTS, Server
from tests.browser.test_accessible import RULES
from tests.browser.walk import GALLERY, STAGE, VIEW, ready, wait_for

pytestmark = pytest.mark.browser

OPEN = Callable[..., Page]
PASSWORD = "open sesame"
NOTED = """window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
    window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));"""
PAGES = {
    "": VIEW,
    "?dataset=digits&lanes=snes,adam&panels=loss,weights,network,temperature,agreement,chains,layers,cost": VIEW,
    "landscapes": VIEW,
    "routes": VIEW,
    "evidence": "",
    "gallery": GALLERY,
    "?present=1": STAGE,
}
"""Path → the root that says when the page stands; the evidence is Streamlit's and has none."""
SCHEMES = {"light": (1280, 800), "dark": (1280, 800), "phone": (390, 844)}


@pytest.fixture(scope="module")
def locked() -> Iterator[Server]:
    server = Server(KELVIN_WORKERS="1", KELVIN_PASSWORD=PASSWORD)
    yield server
    log = server.stop()
    assert "Traceback" not in log, log
    assert PASSWORD not in log


@pytest.fixture(scope="module")
def embedded(stranger: str) -> Iterator[Server]:
    server = Server(KELVIN_WORKERS="1", KELVIN_EMBED=f"https://course.example.org, {stranger}")
    yield server
    assert "Traceback" not in server.stop()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
def test_no_page_breaks_the_policy(context: BrowserContext, server: Server, path: str) -> None:
    context.add_init_script(NOTED)
    page = context.new_page()
    answer = page.goto(f"{server.address}/{path}")
    assert answer is not None
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    if PAGES[path]:
        ready(page, PAGES[path])
    else:
        page.locator(".st-key-evidence-map .main-svg").first.wait_for()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.violations") == []


def test_the_policy_is_in_force(context: BrowserContext, server: Server) -> None:
    context.add_init_script(NOTED)
    page = context.new_page()
    page.goto(server.address)
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.injected = 1";
            document.head.append(script);
            new Image().src = "http://192.0.2.1/p.png";
        }"""
    )
    page.wait_for_function("window.violations.length >= 2")
    found = " ".join(page.evaluate("window.violations"))
    assert "script-src" in found
    assert "img-src http://192.0.2.1/p.png" in found
    assert page.evaluate("window.injected") is None


@pytest.mark.slow
def test_the_password_opens_the_page_that_was_asked_for(
    context: BrowserContext, locked: Server
) -> None:
    page = context.new_page()
    link = f"{locked.address}/?dataset=circles&lanes=annealing,adam&seed=5"
    page.goto(link)
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type("wrong one")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not the password")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Enter").click()
    wait_for(page, race="yes")  # which the link starts
    query = urlsplit(page.url).query
    assert "dataset=circles" in query
    assert "seed=5" in query
    page.goto(f"{locked.address}/kelvin/status")
    expect(page.get_by_role("row", name="open pages")).to_be_visible()
    cookies: Any = {cookie["name"]: cookie for cookie in context.cookies()}
    assert cookies["kelvin_login"]["httpOnly"]
    other = context.browser.new_context()  # type: ignore[union-attr]
    stranger = other.new_page()
    stranger.goto(f"{locked.address}/kelvin/status")
    expect(stranger.get_by_label("Password")).to_be_visible()
    assert (
        stranger.evaluate(
            """() => new Promise((done) => {
            const socket = new WebSocket(`ws://${location.host}/kelvin/live`);
            socket.onopen = () => done("open");
            socket.onerror = () => done("refused");
        })"""
        )
        == "refused"
    )
    other.close()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_pages_for_people_are_readable(browser: Browser, locked: Server, scheme: str) -> None:
    width, height = SCHEMES[scheme]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()

    def look(name: str) -> None:
        page.screenshot(path=SHOTS / f"hosting-{name}-{scheme}.png")
        found = Axe().run(page, options=RULES)
        assert not found.response["violations"], found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

    page.goto(f"{locked.address}/gallery")
    look("login")
    page.get_by_label("Password").fill("wrong one")
    page.get_by_role("button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look("wrong")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button").click()
    page.wait_for_url("**/gallery")
    page.goto(f"{locked.address}/kelvin/status")
    look("status")
    context.set_extra_http_headers({"Origin": "http://evil.example"})
    page.route("**/refused", lambda route: route.fulfill(body=_refusal(), content_type="text/html"))
    page.goto(f"{locked.address}/refused")
    look("refused")
    context.close()


def _refusal() -> str:
    from app.hosting import pages
    from app.text import t

    return pages.refusal(t("hosting.host", host="kelvin.example.org"))


@pytest.mark.slow
def test_a_course_shows_kelvin_in_a_frame_and_a_click_starts_the_race(
    context: BrowserContext, embedded: Server, stranger: str
) -> None:
    page = context.new_page()
    page.goto(f"{stranger}/#{quote(f'{embedded.address}/?dataset=moons&seconds=2')}")
    frame = page.frame_locator("iframe")
    frame.get_by_test_id("status").wait_for()
    inner = page.frames[1]
    wait_for(inner, begun=True, ready=True)
    wait_for(inner, race="no", state="idle")
    frame.get_by_test_id("run").click()
    wait_for(inner, race="yes")
    other = stranger.replace("127.0.0.1", "localhost")  # an origin that is not named
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.goto(f"{other}/#{quote(embedded.address)}")
    while not any("frame-ancestors" in one for one in told):
        page.wait_for_timeout(50)
    assert not any(
        one.url.startswith(embedded.address) and one.evaluate("Boolean(window.__kelvin)")
        for one in page.frames[1:]
    )


@pytest.mark.slow
def test_a_server_that_is_asked_to_end_tells_its_viewers(context: BrowserContext) -> None:
    server = Server(KELVIN_WORKERS="1", KELVIN_DRAIN="1")
    page = context.new_page()
    page.goto(f"{server.address}/?dataset=moons&lanes=annealing,adam&seconds=3600&seed=3")
    wait_for(page, race="yes", state="running")
    page.evaluate(
        """() => { window.heard = []; new MutationObserver(() => window.heard.push(
            document.querySelector('.kelvin').innerText)).observe(
            document.querySelector('.kelvin'), { subtree: true, childList: true,
            characterData: true }); }"""
    )
    server.process.send_signal(signal.SIGTERM)
    page.wait_for_function("window.heard.some((text) => text.includes('The server ends now'))")
    server.process.wait(timeout=PATIENCE / 1000)
    log = server.stop()
    assert server.process.returncode == 0, log
    assert "Traceback" not in log
    assert "ending signal=SIGTERM races=1" in log
    expect(page.locator(".kelvin")).to_be_visible()
