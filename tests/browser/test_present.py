"""The stage: hide controls, present on stage; presets, lessons, prose that drives the view."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from app.present import playlist
from app.presets import presets
from tests.browser.conftest import PATIENCE, SHOTS, Server
from tests.browser.walk import STAGE, Open, count, enlarged, ready, told, wait_for
from tests.browser.walk import look as view

pytestmark = pytest.mark.browser

HALL = ViewportSize(width=1920, height=1080)
TITLES = [entry.title for entry in playlist()]


def look(page: Page, script: str) -> Any:
    """A value of the stage, ``p``."""
    return page.evaluate(f"() => {{ const p = window.__present; return ({script}); }}")


def stands(page: Page) -> None:
    """Wait until what is on the stage is drawn."""
    ready(page, STAGE)
    ready(page)


def there(page: Page, title: str) -> None:
    """Wait until the recording of that title is on the stage and drawn."""
    expect(page.get_by_test_id("present-title")).to_have_text(title)
    stands(page)
    wait_for(page, frames=21)


def stage(open_page: Open, query: str = "?present=1", **options: Any) -> Page:
    page = open_page(query, ready=False, viewport=options.pop("viewport", HALL), **options)
    stands(page)
    return page


def test_nothing_is_on_the_stage_but_the_race(open_page: Open) -> None:
    page = stage(open_page)
    there(page, TITLES[0])
    for chrome in ("stSidebar", "stHeader"):
        expect(page.get_by_test_id(chrome)).to_be_hidden()
    for control in ("run", "reset", "scrub", "currency-seconds", "enlarge-loss"):
        expect(page.get_by_test_id(control)).to_be_hidden()
    expect(page.get_by_test_id("present-caption")).to_have_text(playlist()[0].caption)
    wait_for(page, moment=count(page, "moment") + 1)
    assert look(page, "p.live.session.socket.socket") is None
    page.screenshot(path=SHOTS / "present.png")


@pytest.mark.slow
def test_letters_are_large_enough_for_a_hall(open_page: Open) -> None:
    page = stage(open_page)
    there(page, TITLES[0])
    height = """(selector) => { const one = document.querySelector(selector); const box = one.getBoundingClientRect();
        return parseFloat(getComputedStyle(one).fontSize) * (one.offsetHeight ? box.height / one.offsetHeight : 1); }"""
    assert page.evaluate(height, "[data-testid=card-0-loss]") >= 28
    assert page.evaluate(height, "[data-testid=card-1-accuracy]") >= 28
    assert page.evaluate(height, "[data-testid=present-caption]") >= 30
    assert page.evaluate(height, "[data-testid=present-title]") >= 40
    ticks = page.evaluate(
        "() => Math.min(...[...document.querySelectorAll('.kv-present .xtick "
        "text')].map((one) => parseFloat(getComputedStyle(one).fontSize)))"
    )
    assert (
        ticks
        * look(
            page,
            "p.get('.kp-scaled').getBoundingClientRect().width / p.get('.kp-scaled').offsetWidth",
        )
        >= 25
    )
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_keys_walk_the_playlist(open_page: Open) -> None:
    page = stage(open_page)
    there(page, TITLES[0])
    page.keyboard.press("ArrowRight")
    there(page, TITLES[1])
    page.keyboard.press("End")
    there(page, TITLES[-1])
    expect(page.locator(".kp-dots [aria-current]")).to_have_attribute(
        "data-testid", f"present-dot-{len(TITLES) - 1}"
    )
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("present-title")).to_have_text(TITLES[-1])
    page.keyboard.press("ArrowLeft")
    there(page, TITLES[-2])
    page.keyboard.press("Home")
    there(page, TITLES[0])


@pytest.mark.slow
def test_space_pauses_and_plays_and_a_number_shows_one_panel(open_page: Open) -> None:
    page = stage(open_page)
    there(page, TITLES[0])
    page.keyboard.press(" ")
    wait_for(page, STAGE, state="paused")
    wait_for(page, drawn=True)
    moment = count(page, "moment")
    page.wait_for_timeout(1500)
    assert count(page, "moment") == moment
    page.keyboard.press("3")
    enlarged(page, "network")
    page.keyboard.press("Escape")
    enlarged(page, None)
    page.keyboard.press("r")  # would start a race in the explorer
    page.keyboard.press(" ")
    wait_for(page, STAGE, state="playing")
    wait_for(page, moment=moment + 1)
    assert told(page, "source") == "recording"


@pytest.mark.slow
def test_escape_leads_back_to_the_explorer_with_what_was_on(open_page: Open) -> None:
    page = stage(open_page, "?present=1&playlist=digits-eki")
    there(page, "Digits, read without a derivative")
    page.keyboard.press("Escape")
    page.wait_for_url("**/?recording=digits-eki*")
    wait_for(page, dataset="digits")
    expect(page.get_by_test_id("run")).to_be_visible()


@pytest.mark.slow
def test_the_stage_needs_no_socket_and_after_its_start_no_network(
    browser: Browser, server: Server
) -> None:
    context = browser.new_context(viewport=HALL)
    opened: list[str] = []
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        context.route_web_socket(
            "**/kelvin/live", lambda socket: (opened.append(socket.url), socket.close())[-1]
        )
        page.goto(f"{server.address}/?present=1")
        stands(page)
        wait_for(page, STAGE, recordings=len({entry.recording for entry in playlist()}))
        context.set_offline(True)
        for title in TITLES[1:]:
            page.keyboard.press("ArrowRight")
            there(page, title)
        assert look(page, "p.get('.kp-said').hidden")
    finally:
        context.close()
    assert opened == []


@pytest.mark.slow
def test_an_address_chooses_the_recordings(open_page: Open) -> None:
    page = stage(open_page, "?present=1&playlist=many-dimples,nothing-like-that,steps-inside")
    there(page, "Many dimples, one lowest point")
    assert told(page, "layout") == "landscape"
    expect(page.locator(".kp-dots button")).to_have_count(2)
    page.keyboard.press("ArrowRight")
    there(page, "Where backprop stops learning")
    assert told(page, "layout") == "network"
    assert page.locator(".kelvin").count() == 1


@pytest.mark.slow
def test_a_kiosk_tells_then_shows_then_goes_on_and_waits_for_whoever_touches_it(
    open_page: Open,
) -> None:
    page = stage(open_page, "?kiosk=1&playlist=few-weights,many-weights")
    wait_for(page, STAGE, phase="card")
    expect(page.locator(".kp-card-caption")).to_have_text(
        next(entry.caption for entry in playlist() if entry.recording == "few-weights")
    )
    wait_for(page, STAGE, phase="run")
    wait_for(page, moment=6)
    page.mouse.click(900, 500)
    wait_for(page, STAGE, state="held")
    wait_for(page, drawn=True)
    moment = count(page, "moment")
    page.wait_for_timeout(1200)
    assert count(page, "moment") == moment
    page.get_by_test_id("present-play").click()
    wait_for(page, STAGE, state="playing")
    wait_for(page, moment=moment + 1)
    look(page, "(p.clock.phase = 'rest', p.clock.spent = 4)")
    there(page, "With 4,482 weights, the same guesses are noise")
    wait_for(page, STAGE, phase="run")
    look(page, "(p.clock.phase = 'rest', p.clock.spent = 4)")
    there(page, "With 12 weights, random guesses find the slope")
    page.mouse.move(10, 10)
    page.wait_for_function(
        "() => getComputedStyle(document.querySelector('.kv-present')).cursor === 'none'"
    )


@pytest.mark.slow
def test_with_reduced_motion_a_recording_stands_at_its_end(open_page: Open) -> None:
    page = stage(open_page, "?present=1&playlist=few-weights", reduced_motion="reduce")
    wait_for(page, STAGE, state="over")
    last = count(page, "frames") - 1
    wait_for(page, moment=str(last))
    page.keyboard.press(" ")
    wait_for(page, STAGE, state="playing")
    expect(page.locator(".kelvin")).not_to_have_attribute("data-moment", str(last))


@pytest.mark.slow
@pytest.mark.parametrize(
    "viewport", [{"width": 1440, "height": 900}, {"width": 390, "height": 844}]
)
def test_smaller_screens_show_it_too(open_page: Open, viewport: dict[str, int]) -> None:
    page = stage(open_page, viewport=viewport)
    there(page, TITLES[0])
    expect(page.get_by_test_id("card-0-loss")).to_be_in_viewport()
    expect(page.get_by_test_id("present-caption")).to_be_in_viewport()
    expect(page.get_by_test_id("present-on")).to_be_in_viewport()
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    page.get_by_test_id("present-on").click()
    there(page, TITLES[1])


@pytest.mark.slow
def test_a_preset_says_why_and_starts_its_race(open_page: Open) -> None:
    page = open_page()
    page.get_by_role("button", name="Guided experiments").click()
    dialog = page.get_by_role("dialog")
    preset = next(one for one in presets() if one.id == "errors-counted")
    expect(dialog.get_by_text(preset.why)).to_be_visible()
    expect(dialog.get_by_role("heading", level=3)).to_have_text(
        ["Works well", "What fails, and why", "Open questions"]
    )
    page.screenshot(path=SHOTS / "presets.png")
    dialog.locator(".st-key-try-errors-counted").get_by_role("button").click()
    expect(dialog).to_be_hidden()
    lanes = ",".join(lane.name for lane in preset.experiment().lanes)
    wait_for(page, source="live", frames=1)
    assert view(
        page,
        "(({ loss, lanes }) => [loss, lanes.map((lane) => lane.name).join()])"
        "(v.player.history.stage.experiment)",
    ) == ["zero-one", lanes]
