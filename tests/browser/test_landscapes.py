"""The landscapes page in a real browser."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SHOTS
from tests.browser.walk import (
    Open,
    count,
    goes_on,
    linked,
    look,
    points,
    running,
    told,
    wait_for,
    wait_for_state,
)

pytestmark = pytest.mark.browser

LONG = (
    "?dataset=landscape&dataset.function=rastrigin&lanes=pso,adam,annealing&evaluations=1e6&seed=3"
)
"""Typed at the front door, as every link is: it leads to the landscapes."""
MOUNTED = {"loss": 1, "weights": 1, "temperature": 1}


def click_map(page: Page, across: float, down: float) -> None:
    box = page.locator("[data-plot=weights] .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])


@pytest.mark.slow
def test_a_race_runs_on_the_map_and_the_cloud_moves(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    assert "/landscapes?" in page.url
    expect(page.get_by_test_id("site-rastrigin")).to_have_attribute("aria-pressed", "true")
    assert page.get_by_test_id("panel-network").count() == 0
    assert look(page, "v.transport.speed") == 30
    seen = """['loss', 'weights'].map((name) =>
        document.querySelector(`[data-plot=${name}] canvas`).toDataURL()).concat(
        document.querySelector('[data-testid=card-0-evaluations]').textContent)"""
    before = page.evaluate(seen)
    goes_on(page, 12)
    page.wait_for_function(f"(x) => ({seen}).every((one, i) => one !== x[i])", arg=before)
    picture = "v.player.history.pictureAt(1e9)"
    assert look(page, f"{picture}.plane.kind") == "exact"
    assert look(page, f"{picture}.lanes[0].cloud.shape") == [24, 2]
    assert look(page, "window.__kelvin.stats.mounts") == MOUNTED
    assert look(page, "window.__kelvin.stats.blanks") == 0
    bottom = page.get_by_test_id("scrub").bounding_box()
    assert bottom is not None
    assert bottom["y"] + bottom["height"] <= 900  # one screen, no scrolling
    page.screenshot(path=SHOTS / "landscapes-light.png")


@pytest.mark.slow
def test_another_landscape_starts_at_once_and_keeps_its_charts(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    page.get_by_test_id("site-himmelblau").click()
    wait_for(page, dataset="himmelblau", pictures=4)
    linked(page, **{"dataset.function": "himmelblau"})
    expect(page.get_by_test_id("site-himmelblau")).to_have_attribute("aria-pressed", "true")
    assert look(page, "window.__kelvin.stats.mounts") == MOUNTED


def test_a_click_on_the_map_starts_everybody_there(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    runs = count(page, "runs")
    for _ in range(5):  # a particle may be passing just there, and a click on it follows it
        click_map(page, 0.75, 0.25)
        page.wait_for_timeout(1000)
        if page.get_by_test_id("particle-pin").is_hidden():
            break
        page.keyboard.press("Escape")
    wait_for(page, runs=runs + 1, pictures=3)
    start = look(page, "Array.from(v.player.history.pictureAt(0).lanes[0].path.data.slice(0, 2))")
    assert start == pytest.approx([2.56, 2.56], abs=0.1)
    page.wait_for_function("new URL(location.href).searchParams.has('dataset.start_x')")


@pytest.mark.slow
def test_a_zoom_survives_updates_and_starts_nothing(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    runs = told(page, "runs")
    box = page.locator("[data-plot=weights] .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.7, steps=6)
    page.mouse.up()
    page.locator("[data-plot=weights][data-zoomed]").wait_for()
    zoom = (
        "['xaxis', 'yaxis'].map((axis) => "
        "v.root.querySelector('[data-plot=weights]').layout[axis].range.map((n) => n.toFixed(6)))"
    )
    before = look(page, zoom)
    goes_on(page, 12)
    assert look(page, zoom) == before
    page.mouse.dblclick(box["x"] + 50, box["y"] + 50)
    expect(page.locator("[data-plot=weights]")).not_to_have_attribute("data-zoomed", "")
    page.wait_for_timeout(500)
    assert told(page, "runs") == runs


@pytest.mark.slow
def test_a_typed_formula_is_raced_and_a_bad_one_is_told_in_a_friendly_line(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    page.get_by_test_id("site-formula").click()
    wait_for(page, dataset="formula", pictures=1)
    runs = count(page, "runs")
    field = page.get_by_test_id("stSidebar").get_by_role("textbox", name="Height at (x, y)")
    field.fill("(x-2)^2 + (y+1)^2 + 3")
    field.press("Enter")
    wait_for(page, runs=runs + 1, pictures=3)
    raced = "v.player.history.stage.experiment.dataset.formula"
    assert look(page, raced) == "(x-2)^2 + (y+1)^2 + 3"
    assert look(page, "v.player.history.stage.data.landscape.lowest") == pytest.approx(3, abs=1e-6)
    assert look(page, "v.player.history.stage.data.landscape.minima[0]") == pytest.approx(
        [2, -1], abs=1e-3
    )
    linked(page, **{"dataset.formula": "(x-2)^2 + (y+1)^2 + 3"})
    unread = page.locator(".kelvin.kv-unread")
    for bad in ("x^2 + (", "__import__('os')"):
        field.fill(bad)
        field.press("Enter")
        expect(page.get_by_test_id("stAlert")).to_contain_text("This formula cannot be drawn")
        expect(page.get_by_test_id("status")).to_have_text(
            "The formula cannot be read. This race uses the previous one."
        )
        expect(unread).to_have_count(1)
    field.fill("x^2 + y^2")
    field.press("Enter")
    expect(unread).to_have_count(0)
    wait_for(page, runs=runs + 2)
    assert look(page, raced) == "x^2 + y^2"
    field.fill("2(x)3")
    field.press("Enter")
    expect(unread).to_have_count(1)
    assert "Traceback" not in page.content()
    assert count(page, "runs") == runs + 2  # the race on the screen goes on


@pytest.mark.slow
def test_the_relief_draws_the_same_race_and_is_mounted_once(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    page.get_by_test_id("mode-relief").click()
    if not look(page, "v.board.panel('weights').relief.works"):
        expect(page.locator("[data-plot=relief]")).to_contain_text("has no WebGL")
        return
    points(page, "relief", {0: 100, 2: 24})
    goes_on(page, 12)
    page.get_by_test_id("mode-map").click()
    page.get_by_test_id("mode-relief").click()
    page.wait_for_timeout(500)
    assert look(page, "window.__kelvin.stats.mounts") == {**MOUNTED, "relief": 1}
    page.screenshot(path=SHOTS / "landscapes-relief.png")


@pytest.mark.slow
def test_without_webgl_a_sentence_stands_in_for_the_relief(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    page.evaluate("""() => {
        const get = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, ...rest) { return kind.startsWith("webgl") ? null : get.call(this, kind, ...rest); };
    }""")
    page.get_by_test_id("mode-relief").click()
    expect(page.locator("[data-plot=relief]")).to_contain_text("This browser has no WebGL")
    page.get_by_test_id("mode-map").click()
    goes_on(page, 4)


@pytest.mark.slow
def test_each_page_keeps_its_own_race(open_page: Open) -> None:
    page = open_page("?dataset=moons&lanes=annealing,adam&seconds=300")
    running(page)
    token = page.evaluate("sessionStorage.getItem('kelvin.race')")
    page.get_by_test_id("stSidebarNav").get_by_text("Landscapes").click()
    wait_for(page, layout="landscape", pictures=3)
    assert told(page, "dataset") == "rastrigin"
    page.get_by_test_id("stSidebarNav").get_by_text("Explore").click()
    wait_for(page, layout="network", pictures=3)
    assert told(page, "dataset") == "moons"
    assert page.evaluate("sessionStorage.getItem('kelvin.race')") == token
    assert page.evaluate("new URL(location.href).searchParams.get('dataset')") == "moons"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [("dark", {"color_scheme": "dark"}), ("phone", {"viewport": {"width": 390, "height": 844}})],
)
def test_other_eyes(open_page: Open, name: str, options: dict[str, Any]) -> None:
    page = open_page(LONG, **options)
    running(page)
    wait_for(page, pictures=13)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.screenshot(path=SHOTS / f"landscapes-{name}.png")


def test_on_a_phone_everything_stands_in_one_column_the_cards_first(open_page: Open) -> None:
    page = open_page(LONG, viewport={"width": 390, "height": 844})
    running(page)
    boxes = look(
        page,
        "['.kv-cards', '.kv-panel:not([hidden])'].map((name) => "
        "[...v.root.querySelectorAll(name)].map((one) => one.getBoundingClientRect())"
        ".filter((one) => one.height > 0).map(({ left, width, top, bottom }) => "
        "[left, width, top, bottom]))",
    )
    (cards,), panels = boxes
    assert len(panels) >= 2
    for left, width, top, _ in panels:
        assert abs(left - cards[0]) < 2
        assert abs(width - cards[1]) < 2
        assert top >= cards[3]
    assert all(below[2] >= above[3] for above, below in pairwise(panels))


@pytest.mark.slow
def test_heights_far_below_zero_keep_their_minus_on_the_axis(open_page: Open) -> None:
    page = open_page(
        "?dataset=landscape&dataset.function=formula&dataset.formula=-x^29&dataset.reach=14"
        "&lanes=annealing,pso&evaluations=2000"
    )
    wait_for_state(page, "done")
    page.wait_for_function(
        "(() => { const plot = document.querySelector('[data-plot=loss]');"
        " const ticks = [...plot.querySelectorAll('.ytick text')];"
        " return ticks.length > 2 && ticks.some((one) => one.textContent.startsWith('−'))"
        " && ticks.every((one) => one.getBoundingClientRect().left >="
        " plot.getBoundingClientRect().left); })()"
    )
