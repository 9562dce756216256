"""Hands on the data, the particles and the plane, in the running app."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SHOTS
from tests.browser.walk import (
    LONG,
    Open,
    count,
    enlarged,
    goes_on,
    look,
    running,
    steps,
    told,
    wait_for,
)

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

SPOT = """(() => { const p = v.board.panel('weights'), c = p.last.picture.lanes[x[0]].cloud.data, { x: across, y: up } = p._place(), b = p.chart.element.getBoundingClientRect();
           return [b.left + across(c[2 * x[1]]), b.top + up(c[2 * x[1] + 1])]; })()"""
"""Where on the page a lane's particle is."""
CANVAS = "[data-plot=network] figure canvas"
DRAWN = """(() => { const { sheet, moment } = v.board.panel('network').drawPointer, [x0, x1, y0, y1] = moment.stage.data.points.extent, p = sheet.points.at(-1),
            b = v.root.querySelector('[data-plot=network] figure canvas').getBoundingClientRect();
            return [b.left + ((p.x - x0) / (x1 - x0)) * b.width, b.bottom - ((p.y - y0) / (y1 - y0)) * b.height]; })()"""
"""Where on the page the point is that was drawn last."""


def pause(page: Page) -> None:
    """Pause, and wait for what the race says when it stands."""
    page.get_by_test_id("run").click()
    wait_for(page, state="paused", detailed=True, drawn=True)


def spread_out(page: Page, lane: int) -> int:
    """A particle with no other one near it."""
    script = """(() => { const c = v.board.panel('weights').last.picture.lanes[x].cloud.data; let [best, most] = [0, -1];
                for (let i = 0; i < c.length; i += 2) { let near = Infinity;
                  for (let j = 0; j < c.length; j += 2) if (i !== j) near = Math.min(near, Math.hypot(c[i] - c[j], c[i + 1] - c[j + 1]));
                  if (near > most) [best, most] = [i / 2, near]; }
                return best; })()"""
    return int(look(page, script, lane))


def painted(page: Page, selector: str) -> int:
    """How many different colours a canvas has, up to a hundred."""
    script = """(() => { const c = document.querySelector(x), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data, s = new Set();
                for (let i = 0; i < d.length && s.size < 100; i += 4) s.add((d[i] << 16) | (d[i + 1] << 8) | d[i + 2]); return s.size; })()"""
    return int(look(page, script, selector))


@pytest.mark.slow
def test_particle_cloud(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    pause(page)
    one = spread_out(page, 0)
    page.mouse.move(*look(page, SPOT, [0, one]))
    tip = page.get_by_test_id("particle-tip")
    expect(tip).to_contain_text(f"particle {one + 1} · loss")
    step = steps(page)[0]
    expect(tip).to_contain_text(f"as of step {step:,}")
    assert painted(page, "[data-testid=particle-tip] canvas") > 20, "its own decision map"
    page.screenshot(path=SHOTS / "particle-light.png")
    page.mouse.click(*look(page, SPOT, [0, one]))
    pin = page.get_by_test_id("particle-pin")
    expect(pin).to_be_visible()
    assert look(page, "v.panelApi.follow") == {"lane": 0, "particle": one}
    page.get_by_test_id("run").click()
    expect(pin).not_to_contain_text(f"as of step {step:,}")
    goes_on(page, 2)
    assert look(page, "v.board.panel('weights').particles.seen.length") > 1  # its trail
    page.keyboard.press("Escape")
    expect(pin).to_be_hidden()


@pytest.mark.slow
def test_particle_cloud_by_keys(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    pause(page)
    page.locator("[data-plot=weights]").focus()
    before = steps(page)
    page.keyboard.press("ArrowRight")
    losses = look(page, "[...v.board.panel('weights').last.picture.lanes[0].cloud_loss.data]")
    best = min(range(len(losses)), key=losses.__getitem__)
    expect(page.get_by_test_id("particle-tip")).to_contain_text(f"particle {best + 1} ·")
    page.keyboard.press("End")
    worst = look(page, "v.board.panel('weights').particles.looked.particle")
    assert losses[worst] == max(losses)
    page.keyboard.press("Enter")
    assert look(page, "v.panelApi.follow") == {"lane": 0, "particle": worst}
    page.get_by_test_id("let-go").click()
    assert look(page, "v.panelApi.follow") is None
    page.wait_for_timeout(300)
    assert steps(page) == before, "the arrows have taken no step"


@pytest.mark.slow
def test_own_data_drawn_while_the_race_runs(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    race = told(page, "runs")
    page.get_by_test_id("draw").click()
    enlarged(page, "network")
    box = page.locator(CANVAS).first.bounding_box()
    assert box is not None
    page.get_by_test_id("draw-class-1").click()
    page.mouse.click(box["x"] + 8, box["y"] + 8)
    wait_for(page, events=1)
    points = "v.board.panel('network').drawPointer.sheet.points.length"
    assert look(page, points) == 401
    # A point that is dragged takes the race along while it moves.
    left, top = look(page, DRAWN)
    page.mouse.move(left, top)
    page.mouse.down()
    for i in range(1, 4):
        known = count(page, "events")
        page.mouse.move(left + 8 * i, top)
        wait_for(page, events=known + 1)  # while the button is down
    page.mouse.up()
    assert look(page, points) == 401
    page.wait_for_function(
        "() => { const q = new URL(location.href).searchParams; return q.get('dataset') === "
        "'drawn' && (q.get('dataset.points') ?? '').length === 401 * 5; }"
    )
    page.screenshot(path=SHOTS / "draw-light.png")
    page.mouse.click(*look(page, DRAWN), button="right")
    assert look(page, points) == 400
    page.keyboard.press("Control+z")
    assert look(page, points) == 401
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("draw")).to_be_visible()
    enlarged(page, None)
    wait_for(page, state="running", stale=False)
    assert told(page, "runs") == race, "it is the same race all along"
    assert told(page, "dataset") == "drawn"


@pytest.mark.slow
def test_drawing_with_a_finger(open_page: Open) -> None:
    page = open_page(LONG, **PHONE)
    running(page)
    page.get_by_test_id("draw").tap()
    page.locator(CANVAS).first.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    box = page.locator(CANVAS).first.bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + 6, box["y"] + 6)
    wait_for(page, events=1)
    points = "v.board.panel('network').drawPointer.sheet.points.length"
    assert look(page, points) == 401
    wait_for(page, dataset="drawn", stale=False)  # the address has it, and the page stands still
    page.get_by_test_id("draw-erase").tap()
    page.touchscreen.tap(*look(page, DRAWN))
    wait_for(page, events=2)
    assert look(page, points) == 400
    page.screenshot(path=SHOTS / "draw-phone.png")


@pytest.mark.slow
def test_on_a_phone_the_sidebar_makes_way_for_the_race(open_page: Open) -> None:
    page = open_page("", **PHONE)
    sidebar = page.get_by_test_id("stSidebar")
    closed, opened = ("data-collapsed", "true"), ("data-collapsed", "false")
    page.get_by_test_id("stExpandSidebarButton").tap()
    expect(sidebar).to_have_attribute(*opened)
    sidebar.get_by_role("button", name="Guided experiments").tap()
    page.get_by_role("dialog").get_by_role("button", name="Run it").first.tap()
    wait_for(page, source="live")
    expect(sidebar).to_have_attribute(*closed)
    page.get_by_test_id("stExpandSidebarButton").tap()
    expect(sidebar).to_have_attribute(*opened)
    sidebar.get_by_role("radio", name="CMA-ES").tap()
    page.wait_for_function("location.search.includes('lanes=cma-es')")
    expect(sidebar).to_have_attribute(*opened)  # there may be more to be set
    sidebar.get_by_role("button", name="Show me one step").first.tap()
    expect(sidebar).to_have_attribute(*closed)


@pytest.mark.slow
def test_decision_map_live_per_lane(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    pixels = f"[...document.querySelectorAll('{CANVAS}')].map((canvas) => canvas.toDataURL())"
    before = page.evaluate(pixels)
    assert len(before) == 2
    goes_on(page, 8)
    page.wait_for_function(f"(x) => ({pixels}).every((one, i) => one !== x[i])", arg=before)
    page.wait_for_function(f"new Set({pixels}).size === 2")


def test_decision_map_of_images_is_a_wall_or_a_confusion_matrix(open_page: Open) -> None:
    page = open_page("?dataset=digits&lanes=adam,eki&seconds=300&seed=3")
    running(page)
    expect(page.locator("[data-testid=panel-network] figcaption span").first).to_contain_text(
        "of 40 right"
    )
    page.get_by_test_id("network-confusion").click()
    expect(page.locator("[data-testid=panel-network] figcaption span").first).to_contain_text(
        "right · step"
    )
    counted = (
        "v.board.panel('network').last.detail.lanes.map((lane) => "
        "[...lane.confusion.data].reduce((a, b) => a + b, 0))"
    )
    assert all(total > 100 for total in look(page, counted))
    assert painted(page, CANVAS) > 20
    page.screenshot(path=SHOTS / "confusion-light.png")
    page.get_by_test_id("network-answers").click()
    expect(page.locator("[data-testid=panel-network] figcaption span").first).to_contain_text(
        "of 40 right"
    )


@pytest.mark.slow
def test_the_plane_is_chosen_while_the_race_runs(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    plane = page.get_by_test_id("plane")
    for kind, words in {
        "random": "random plane (filter-normalised)",
        "line": "start–best",
        "pca": "main plane (PCA)",
    }.items():
        plane.select_option(kind)
        expect(plane.locator(f"option[value={kind}]")).to_contain_text(f"{words}, ")
        assert look(page, "v.board.panel('weights').last.picture.plane.kind") == kind
        assert plane.input_value() == kind
    recorded = open_page().get_by_test_id("plane")
    expect(recorded).to_be_disabled()
    assert "while a race runs" in (recorded.get_attribute("title") or "")
