"""Where a visitor goes: back and forward, to the stage, to the gallery, to a recording, into a
queue, and what is there when they return.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, cast

import pytest
from playwright.sync_api import Browser, Page, expect
from websockets.sync.client import connect
from websockets.typing import Origin

from engine.messages.encoding import decode
from engine.workers.pool import AT_ONCE
from tests.browser.conftest import Server
from tests.browser.walk import (
    SIX,
    STAGE,
    Open,
    count,
    goes_on,
    linked,
    look,
    ready,
    told,
    wait_for,
    wait_for_state,
)

MOONS = "?dataset=moons&network=mlp&lanes=annealing%2Cadam&seconds=120&seed=0"


def running(page: Page) -> None:
    """Wait until a race runs and has some frames."""
    wait_for(page, state="running", frames=9)


def set_seed(page: Page, seed: int) -> None:
    field = page.get_by_test_id("stSidebar").get_by_role("spinbutton", name="Seed", exact=True)
    field.fill(str(seed))
    field.press("Enter")
    asked(page, seed)
    linked(page, seed=str(seed))


def asked(page: Page, seed: int) -> None:
    """Wait until the controls ask for a race with this seed."""
    expect(page.locator(".kelvin")).to_have_attribute("data-asked", re.compile(rf" {seed} "))


@pytest.mark.slow
def test_back_and_forward_change_the_page_and_not_the_address_alone(open_page: Open) -> None:
    page = open_page(MOONS)
    running(page)
    runs, race = count(page, "runs"), look(page, "v.race")
    set_seed(page, 99)
    # The race on the screen keeps its button; the new settings have one of their own.
    expect(page.get_by_test_id("run")).to_have_text("Pause")
    expect(page.get_by_test_id("run-new")).to_be_visible()
    page.go_back()
    asked(page, 0)
    wait_for(page, stale=False)
    expect(
        page.get_by_test_id("stSidebar").get_by_role("spinbutton", name="Seed", exact=True)
    ).to_have_value("0")
    expect(page.get_by_test_id("run-new")).to_be_hidden()
    page.go_forward()
    asked(page, 99)
    linked(page, seed="99")
    assert (look(page, "v.race"), told(page, "state")) == (race, "running")
    page.get_by_test_id("run-new").click()
    wait_for(page, runs=runs + 1, seed="99")
    assert look(page, "v.race") != race


@pytest.mark.slow
def test_the_stage_takes_the_race_along_and_escape_returns_to_it(open_page: Open) -> None:
    page = open_page(MOONS)
    running(page)
    race, address = look(page, "v.race"), page.url
    page.get_by_test_id("menu-present").click()
    ready(page, STAGE)
    assert told(page, "dataset") == "moons"
    assert page.locator(".kp-dots button").count() > 1, "the usual ones follow"
    page.keyboard.press("Escape")
    page.wait_for_url(address)
    wait_for(page, race="yes", source="live", frames=9)
    assert look(page, "v.race") == race
    assert page.url == address


@pytest.mark.slow
def test_an_own_recording_names_its_race_whatever_the_tab_raced_last(open_page: Open) -> None:
    page = open_page("?dataset=circles&lanes=adam&evaluations=100000")
    wait_for_state(page, "done")
    page.get_by_test_id("menu-save").click()
    expect(page.get_by_test_id("toast")).to_contain_text("Saved")
    page = open_page(MOONS, context=page.context)
    running(page)
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Gallery").click()
    expect(page.get_by_test_id("notice")).to_contain_text("pauses while you are away")
    page.get_by_test_id("card").filter(has_text="Circles").first.get_by_test_id("open").click()
    wait_for(page, ready=True, source="recording", dataset="circles", stale=False)
    linked(page, dataset="circles")
    assert look(page, "new URL(v.menu.link).searchParams.get('dataset')") == "circles"
    page.get_by_test_id("run").click()
    wait_for(page, source="live", dataset="circles")


@pytest.mark.slow
def test_a_question_keeps_its_explanation_until_it_is_closed(open_page: Open) -> None:
    page = open_page()
    page.get_by_test_id("stSidebar").get_by_role("button", name="Guided experiments").click()
    dialog = page.get_by_role("dialog")
    dialog.locator(".st-key-try-errors-counted").get_by_role("button").click()
    asked = page.get_by_test_id("question")
    expect(asked).to_contain_text("only counts errors")
    # the question's race; on a fast machine it is over at once
    wait_for(page, ready=True, source="live", frames=1)
    assert look(page, "v.player.history.stage.experiment.loss") == "zero-one"
    title = asked.locator(".kv-story-title").inner_text()
    set_seed(page, 5)
    expect(asked).to_contain_text(title)
    page.get_by_test_id("question-close").click()
    expect(asked).to_be_hidden()
    set_seed(page, 6)
    expect(asked).to_be_hidden()


@pytest.fixture(scope="module")
def full() -> Iterator[Server]:
    """A server whose only process has as many races as it takes."""
    server = Server(KELVIN_WORKERS="1")
    address, origin = f"ws://localhost:{server.port}/kelvin/live", cast("Origin", server.address)
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(connect(address, origin=origin, max_size=None))
            for _ in range(AT_ONCE)
        ]
        for seed, live in enumerate(sockets):
            experiment = {
                "dataset": "moons",
                "lanes": ["adam"],
                "budget": {"currency": "evaluations", "amount": 10**7},
                "seed": seed,
            }
            slowly = {"do": "speed", "value": 1}
            live.send(json.dumps({"do": "run", "experiment": experiment, "then": [slowly]}))
        for live in sockets:
            while decode(live.recv(decode=False)).get("state") != "running":
                pass
        yield server
    assert "Traceback" not in server.stop()


@pytest.mark.slow
def test_what_waits_for_room_is_told_without_axes_and_can_be_cancelled(
    full: Server, browser: Browser
) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"{full.address}/?dataset=circles&lanes=snes,adam&seconds=5")
    wait_for_state(page, "queued")
    box = page.get_by_test_id("waiting")
    expect(box).to_contain_text("Circles")
    expect(box).to_contain_text("SNES against Adam")
    expect(page.get_by_test_id("status")).to_contain_text("you are next, in about")
    expect(page.locator(".kv-plot").first).to_be_hidden()
    expect(page.get_by_test_id("run")).to_have_text("Waiting")
    expect(page.get_by_test_id("run")).to_be_disabled()
    page.get_by_test_id("cancel").click()
    wait_for_state(page, "ended")
    expect(page.get_by_test_id("cancel")).to_be_hidden()
    expect(page.locator(".kv-plot").first).to_be_hidden()
    expect(page.get_by_test_id("run")).to_have_text("Run")
    expect(page.get_by_test_id("status")).to_have_attribute("data-state", "over")
    context.close()


@pytest.mark.slow
def test_a_tab_nobody_sees_gets_no_frames_and_then_all_that_it_missed(open_page: Open) -> None:
    page = open_page(MOONS)
    running(page)
    # A browser without a screen hides nothing by itself.
    turn = """(state) => {
        Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(turn, "hidden")
    # what was on its way when the server heard of it
    page.wait_for_function(
        "new Promise((done) => { const count = () => document.querySelector('.kelvin').dataset.frames;"
        " const before = count(); setTimeout(() => done(count() === before), 1000); })"
    )
    before = look(page, "[v.received.metrics, v.player.history.metrics.at(-1).k]")
    page.wait_for_timeout(3000)
    assert look(page, "[v.received.metrics, v.player.history.metrics.at(-1).k]") == before
    page.evaluate(turn, "visible")
    goes_on(page, 6)
    numbers = look(page, "v.player.history.metrics.map((one) => one.k)")
    assert numbers == list(range(len(numbers)))
    pictures = look(page, "v.player.history.pictures.map((one) => one.k)")
    assert pictures == sorted(set(pictures))


@pytest.mark.slow
def test_a_finger_scrolls_the_page_past_a_chart(open_page: Open) -> None:
    page = open_page("", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    wait_for(page, frames=6)
    chart = page.locator("[data-plot=loss] .nsewdrag").first
    chart.scroll_into_view_if_needed()
    before = chart.bounding_box()
    assert before is not None
    client = page.context.new_cdp_session(page)
    x, y = before["x"] + before["width"] / 2, before["y"] + before["height"] / 2
    client.send(
        "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]}
    )
    for step in range(1, 13):
        client.send(
            "Input.dispatchTouchEvent",
            {"type": "touchMove", "touchPoints": [{"x": x, "y": y - 20 * step}]},
        )
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function(
        (
            "(y) => document.querySelector('[data-plot=loss] "
            ".nsewdrag').getBoundingClientRect().y < y - 150"
        ),
        arg=before["y"],
    )
    assert not look(page, "v.board.panel('loss').chart.zoomed")


@pytest.mark.slow
def test_a_question_is_told_to_be_starting_and_goes_with_the_visitor_who_goes_back(
    open_page: Open,
) -> None:
    page = open_page()
    wait_for(page, source="recording", frames=3)
    page.evaluate("""() => {
        const v = window.__kelvin.view;
        const told = (window.told = []);
        new MutationObserver(() => told.push([Boolean(v.waiting), v.story.get("em").textContent])).observe(v.story.place, { subtree: true, childList: true, attributes: true });
    }""")
    page.get_by_test_id("stSidebar").get_by_role("button", name="Guided experiments").click()
    page.get_by_role("dialog").get_by_role("button", name="Run it").first.click()
    expect(page.get_by_test_id("question")).to_be_visible()
    wait_for(page, source="live", frames=3)
    heard = page.evaluate("window.told.map(([, text]) => text)")
    assert any("is starting" in text for text in heard), heard
    assert not any("other settings" in text for text in heard), heard
    expect(page.get_by_test_id("question").locator("em")).to_be_empty()
    page.go_back()
    expect(page.get_by_test_id("question")).to_contain_text("Question 1 of")
    page.locator('.kelvin:is([data-stale=true], [data-source="recording"])').wait_for()


def test_no_panel_shows_axes_before_there_is_something_on_them(open_page: Open) -> None:
    page = open_page(f"?large=loss{SIX}")
    wait_for(page, frames=3)
    expect(page.locator("[data-plot=loss] .main-svg").first).to_be_visible()
    seen = look(
        page,
        """(() => {
        v.board.arrange({ ...v.board.arrangement, large: null });
        return ['temperature', 'agreement', 'chains'].map((name) => [Boolean(v.board.panel(name)), getComputedStyle(document.querySelector(`[data-plot=${name}]`)).visibility]);
    })()""",
    )
    assert seen == [[True, "hidden"]] * 3
    for name in ("temperature", "agreement", "chains"):
        expect(page.locator(f"[data-plot={name}]")).to_be_visible()


@pytest.mark.slow
def test_on_a_phone_the_replays_button_stands_beside_its_bar(open_page: Open) -> None:
    page = open_page("", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    wait_for(page, frames=6)
    expect(page.locator(".kv-edge")).to_be_visible()
    middles = """(text) => {
        document.querySelector('.kv-time').textContent = text;
        return ['.kv-line', '.kv-edge', '.kv-time', '.kv-bottom [role=group]'].map((one) => {
            const box = document.querySelector(one).getBoundingClientRect();
            return (box.top + box.bottom) / 2;
        });
    }"""
    for text in ("5.2 / 30 s · recorded", "3.20 M / 50.0 M evaluations · looking back"):
        bar, button, time, choice = page.evaluate(middles, text)
        assert abs(bar - button) < 3
        assert abs(time - choice) < 3


@pytest.mark.slow
def test_a_link_opened_where_a_race_runs_shows_its_own_race_and_a_reload_goes_back(
    open_page: Open, server: Server
) -> None:
    page = open_page(MOONS)
    running(page)
    race = look(page, "v.race")
    page.reload()
    wait_for(page, source="live", frames=9)
    assert look(page, "v.race") == race
    set_seed(page, 5)
    page.reload()
    wait_for(page, source="live", frames=9, stale=True)
    assert look(page, "v.race") == race
    page.goto(f"{server.address}/?dataset=circles&lanes=eki,adam&seconds=120&seed=4")
    wait_for(page, dataset="circles", seed="4", stale=False)
    assert look(page, "v.race") != race


@pytest.mark.slow
def test_a_race_brings_its_settings_back_where_the_address_names_none(open_page: Open) -> None:
    page = open_page(MOONS)
    running(page)
    race = look(page, "v.race")
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Landscapes").click()
    wait_for(page, layout="landscape", frames=2)
    page.reload()
    wait_for(page, layout="landscape", frames=2)
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Explore").click()
    wait_for(page, layout="network", source="live", frames=9)
    assert look(page, "v.race") == race
    wait_for(page, dataset="moons", asked="moons 0 annealing,adam", stale=False)
    linked(page, dataset="moons")
    assert look(page, "v.data.experiment.budget.amount") == 120


def test_every_page_is_one_step_on_the_way_back(open_page: Open) -> None:
    page = open_page(MOONS)
    running(page)
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Landscapes").click()
    wait_for(page, layout="landscape", frames=2)
    linked(page, dataset="landscape")
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Explore").click()
    wait_for(page, layout="network", frames=9)
    linked(page, dataset="moons")
    page.go_back()
    page.wait_for_function("location.pathname === '/landscapes' && location.search !== ''")
    wait_for(page, layout="landscape", frames=2)
    page.go_back()
    page.wait_for_function("location.pathname === '/' && location.search.includes('dataset=moons')")
    wait_for(page, layout="network", asked="moons 0 annealing,adam")


def test_a_recording_that_is_not_here_leaves_the_first_screen_and_one_message(
    open_page: Open,
) -> None:
    page = open_page("?recording=own:nope")
    wait_for(page, source="recording", frames=6)
    expect(page.get_by_test_id("status")).to_contain_text("That recording does not exist here")
    expect(page.get_by_test_id("waiting")).to_be_hidden()
    page.wait_for_function("!location.search.includes('recording')")


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 1440, 1920])
def test_four_lanes_have_whole_words_under_their_maps_and_numbers_apart(
    open_page: Open, width: int
) -> None:
    page = open_page(
        "?dataset=moons&lanes=annealing,annealing,parallel-tempering,population-annealing"
        f"&evaluations=200000{SIX}",
        viewport={"width": width, "height": 900},
    )
    wait_for_state(page, "done")
    # A word that breaks stands in two lines; so its range has two boxes.
    broken = look(
        page,
        "[...v.root.querySelectorAll('figcaption i')].flatMap((one) => "
        "[...one.firstChild.data.matchAll(/\\\\S+/g)].filter((word) => {"
        " const range = document.createRange();"
        " range.setStart(one.firstChild, word.index);"
        " range.setEnd(one.firstChild, word.index + word[0].length);"
        " return new Set([...range.getClientRects()].map((box) => box.top)).size > 1;"
        " }).map((word) => word[0]))",
    )
    assert broken == []
    # The widest number there is, in every place of a card.
    page.evaluate(
        "() => { for (const one of document.querySelectorAll('.kv-values b'))"
        " one.textContent = one.dataset.testid.endsWith('accuracy') ? '100.0\u202f%' :"
        " one.dataset.testid.endsWith('evaluations') ? '41.3\u202fM' : '4.98×10⁻¹¹'; }"
    )
    gaps: Any = look(
        page,
        "[...v.root.querySelectorAll('.kv-values')].flatMap((row) => {"
        " const spans = [...row.querySelectorAll('b')].map((one) => {"
        " const range = document.createRange(); range.selectNodeContents(one);"
        " return range.getBoundingClientRect(); });"
        " return spans.slice(1).map((box, i) => [spans[i], box])"
        ".filter(([a, b]) => Math.abs(a.top - b.top) < 4).map(([a, b]) => b.left - a.right); })",
    )
    assert gaps
    assert min(gaps) >= 2
