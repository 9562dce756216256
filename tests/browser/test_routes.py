"""The routes page in a real browser: a race on a map, and hands on its cities."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SHOTS
from tests.browser.walk import Open, count, goes_on, look, ready, running, told, wait_for

pytestmark = pytest.mark.browser

LONG = "?instance=random&instance.cities=60&lanes=annealing,tempering&seconds=300&seed=3"
"""Typed at the front door, as every link is: it leads to the routes."""
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
SPOT = """(() => { const p = v.board.panel('map'), c = p.canvases[0], f = p._fit(c),
          g = p._survey().places, b = c.getBoundingClientRect();
          return [b.left + f.left(g.u[x]), b.top + f.top(g.v[x])]; })()"""
"""Where on the page a city is."""
LONELY = """(() => { const p = v.board.panel('map'), f = p._fit(p.canvases[0]), g = p._survey().places;
            let [best, most] = [0, -1];
            for (let i = 0; i < g.u.length; i++) { let near = Infinity;
              for (let j = 0; j < g.u.length; j++)
                if (i !== j) near = Math.min(near, Math.hypot(g.u[i] - g.u[j], g.v[i] - g.v[j]));
              if (near > most) [best, most] = [i, near]; }
            return best; })()"""
"""A city with no other one near it."""
EMPTY = """(() => { const p = v.board.panel('map'), c = p.canvases[0], f = p._fit(c),
           g = p._survey().places, b = c.getBoundingClientRect(); let [at, most] = [null, -1];
           for (let x = 30; x < b.width - 30; x += 7) for (let y = 30; y < b.height - 30; y += 7) {
             let near = Infinity;
             for (let i = 0; i < g.u.length; i++)
               near = Math.min(near, Math.hypot(f.left(g.u[i]) - x, f.top(g.v[i]) - y));
             if (near > most) [at, most] = [[b.left + x, b.top + y], near]; }
           return at; })()"""
"""A place on the page as far from every city as there is."""
EDITS = "v.player.history.events.filter((event) => event.kind === 'cities')"
SIZE = "v.board.panel('map').cities.x.length"


def cities(page: Page, number: int) -> None:
    """Wait until both lanes have a tour of so many cities on the map."""
    wait_for(page, cities=str(number), parts=f"{number},{number}")


def drag(page: Page, city: int, across: float, down: float) -> None:
    x, y = look(page, SPOT, city)
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 6):
        page.mouse.move(x + across * step / 5, y + down * step / 5)
    page.mouse.up()


def test_a_race_on_a_map_whose_cities_are_moved_added_and_dropped(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    assert "/routes?" in page.url
    assert told(page, "layout") == "tour"
    cities(page, 60)
    card = page.get_by_test_id("card-0-loss")
    expect(card).not_to_have_text("–")

    city = look(page, LONELY)
    before = look(page, f"[v.board.panel('map').cities.x[{city}], last.reference.value]")
    drag(page, city, 40, -30)
    wait_for(page, events=1)
    assert look(page, f"v.board.panel('map').cities.x[{city}]") > before[0]
    goes_on(page, 2)
    assert look(page, "last.reference.kind") == "best of this race"
    # the controls and the address follow
    page.wait_for_url("**instance=own**")
    wait_for(page, dataset="own", stale=False)

    page.mouse.click(*look(page, EMPTY))
    cities(page, 61)
    page.mouse.click(*look(page, SPOT, look(page, LONELY)), button="right")
    cities(page, 60)

    canvas = page.get_by_test_id("map-0")
    canvas.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Delete")
    cities(page, 59)

    done = count(page, "events")
    page.get_by_test_id("reheat").click()
    wait_for(page, events=done + 2)  # one of each lane
    page.get_by_test_id("kick-0").click()
    wait_for(page, events=done + 3)
    kinds = look(page, "v.player.history.events.map((one) => one.kind)")
    assert {"reheat", "kick"} <= set(kinds)
    page.screenshot(path=SHOTS / "routes-light.png")

    edits, token = look(page, f"{EDITS}.length"), look(page, "v.race")
    page.reload()
    ready(page)
    wait_for(page, race="yes", source="live", events=len(kinds))
    assert look(page, "v.race") == token
    assert look(page, f"{EDITS}.length") == edits
    cities(page, 59)


def test_a_map_before_the_race_is_drawn_by_hand_and_then_raced(open_page: Open) -> None:
    page = open_page("routes")
    wait_for(page, source="recording", frames=1, stale=False)
    page.get_by_test_id("stSidebar").get_by_role("combobox").nth(1).click()
    page.get_by_role("option", name="Your own cities").click()
    page.get_by_test_id("stSidebar").locator("textarea").first.wait_for()
    page.locator(".kelvin[data-preview]").wait_for()
    wait_for(page, cities="12", parts="")
    expect(page.locator("canvas[data-testid^=map-]")).to_have_count(1)
    page.mouse.click(*look(page, EMPTY))
    wait_for(page, cities="13")
    page.wait_for_function("decodeURIComponent(location.search).split(';').length === 13")
    page.get_by_test_id("run").click()
    wait_for(page, source="live", frames=1)
    cities(page, 13)
    assert look(page, "last.lanes.every((lane) => lane.loss > 0)")


@pytest.mark.slow
def test_on_a_phone_the_maps_fit_and_a_finger_moves_a_city(open_page: Open) -> None:
    page = open_page(LONG, **PHONE)
    running(page)
    cities(page, 60)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    box = page.get_by_test_id("map-0").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    page.get_by_test_id("map-0").scroll_into_view_if_needed()
    city = look(page, LONELY)
    x, y = look(page, SPOT, city)
    touch = page.context.new_cdp_session(page)
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        ("touchMove", [{"x": x + 20, "y": y + 10}]),
        ("touchMove", [{"x": x + 30, "y": y + 25}]),
        ("touchEnd", []),
    ):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    wait_for(page, events=1)
    assert look(page, f"{EDITS}[0].move.length") == 1
    page.screenshot(path=SHOTS / "routes-phone.png")


@pytest.mark.slow
def test_moved_cities_are_told_to_be_ones_own_and_are_taken_back(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    cities(page, 60)
    city = look(page, LONELY)
    place = f"v.board.panel('map').cities.x[{city}]"
    before = look(page, place)
    drag(page, city, 40, -30)
    page.wait_for_url("**instance=own**")
    expect(page.get_by_test_id("cities-changed")).to_contain_text("your own cities")
    assert look(page, place) != before
    page.get_by_test_id("cities-undo").click()
    page.wait_for_url("**instance=random**lanes=annealing%2Ctempering**")
    expect(page.get_by_test_id("cities-changed")).to_be_hidden()
    goes_on(page, 2)
    assert look(page, place) == before


@pytest.mark.slow
def test_one_proposed_move_is_drawn_part_by_part_and_back(open_page: Open) -> None:
    page = open_page("routes")
    wait_for(page, source="recording", frames=1, stale=False)
    page.get_by_test_id("question-step").click()
    now = page.get_by_test_id("stages-0").locator("[aria-current=step]")
    numbers = page.get_by_test_id("stages-0").locator(".kv-stage-numbers")
    expect(now).to_contain_text("Propose")
    expect(numbers).to_contain_text("edges would go")
    page.get_by_test_id("slow-next").click()
    expect(numbers).to_contain_text("km")
    page.get_by_test_id("slow-next").click()
    expect(numbers).to_contain_text(re.compile("kept|not made"))
    page.get_by_test_id("slow-back").click()
    expect(now).to_contain_text("Judge")
    page.screenshot(path=SHOTS / "routes-step.png")
    page.get_by_test_id("slow-leave").click()
    running(page)


PROBLEMS = {"Delivery routes": "routes", "Crew rosters": "pairing", "Runways": "landing"}


@pytest.mark.slow
def test_routes_rosters_and_runways_are_picked_raced_and_drawn(open_page: Open) -> None:
    page = open_page("routes")
    root = page.locator(".kelvin")
    wait_for(page, source="recording", frames=1, stale=False)
    for name, kind in PROBLEMS.items():
        page.get_by_test_id("stSidebar").get_by_role("combobox").first.click()
        page.get_by_role("option", name=name).click()
        # before its race the panel shows what it will be of
        page.locator(f'.kelvin[data-preview][data-answer="{kind}"]').wait_for()
        page.get_by_test_id("run").click()
        wait_for(page, answer=kind, source="live")
        page.wait_for_function(
            "(kind) => { const told = document.querySelector('.kelvin').dataset;"
            " return told.answer === kind && !('preview' in told) && told.parts"
            " && told.parts.split(',').every((count) => Number(count) > 0); }",
            arg=kind,
        )
        assert len((root.get_attribute("data-parts") or "").split(",")) == 2
        expect(page.get_by_test_id("card-0-loss")).not_to_have_text("–")
        pixels = page.get_by_test_id("map-0").evaluate(
            "(c) => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
            " const seen = new Set(); for (let i = 0; i < d.length; i += 4)"
            " if (d[i + 3]) seen.add(`${d[i] >> 4} ${d[i + 1] >> 4} ${d[i + 2] >> 4}`);"
            " return seen.size; }"
        )
        assert pixels > 8, "a picture in colours"
        page.get_by_test_id("answer-present").click()
        expect(page.get_by_test_id("answer-present")).to_have_attribute("aria-pressed", "true")
        page.screenshot(path=SHOTS / f"routes-{kind}.png")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
