"""The first minute: what a newcomer reads and presses, with the clicks counted."""

from __future__ import annotations

from itertools import groupby

import pytest
from playwright.sync_api import Page, expect

from app import link
from app.presets import presets
from tests.browser.conftest import SHOTS
from tests.browser.walk import Open, count, look, wait_for

pytestmark = pytest.mark.browser

WALKED = presets()[1:10]
"""From networks to landscapes and back."""

COUNT = "window.clicks = 0; addEventListener('click', (e) => e.isTrusted && window.clicks++, true)"


def counted(page: Page) -> int:
    """Return how often was clicked on this page since `COUNT` was evaluated."""
    return int(page.evaluate("window.clicks"))


def test_the_first_visit_asks_a_question_and_ends_with_what_was_seen(open_page: Open) -> None:
    page = open_page()
    story = page.get_by_test_id("question")
    expect(story).to_contain_text("Can a network learn without gradients?")
    expect(story).to_contain_text("Simulated annealing sees only how wrong the network is")
    expect(story).to_contain_text(presets()[0].watch)
    wait_for(page, playing=True, frames=3)
    height = story.bounding_box()
    page.get_by_test_id("scrub").press("End")
    expect(story).to_contain_text("of unseen data")
    expect(story).to_contain_text(presets()[0].lesson)
    assert height is not None
    after = story.bounding_box()
    assert after is not None
    assert after["height"] == pytest.approx(height["height"], abs=1), "nothing jumps"


AROUND_REHEATING = """(() => {
    const told = v.player.history.metrics;
    const at = told.findIndex(({ events }) => events.some(({ kind }) => kind === "reheat"));
    const heat = (all) => all.map(({ lanes }) => lanes[0].temperature);
    return [heat(told.slice(0, at)).at(-1), Math.max(...heat(told.slice(at)))];
})()"""
"""The first lane's temperature before the race was reheated, and the highest from then on."""


def test_a_student_finds_out_what_temperature_does_in_four_clicks(open_page: Open) -> None:
    page = open_page()
    wait_for(page, ready=True, frames=3)
    page.evaluate(COUNT)
    page.locator('[data-term="temperature"]').first.click()
    expect(page.get_by_test_id("term")).to_contain_text("how readily something worse is accepted")
    page.get_by_test_id("more-temperature").click()
    expect(page.get_by_test_id("panel-temperature")).to_be_visible()
    page.get_by_test_id("run").click()
    wait_for(page, source="live", pictures=4)
    page.get_by_test_id("reheat").click()
    wait_for(page, events=1)
    wait_for(page, frames=count(page, "frames") + 1)
    before, after = look(page, AROUND_REHEATING)
    assert after > 1.5 * before  # ten times; it cools again at once, on a slow machine unseen
    assert counted(page) <= 4
    page.screenshot(path=SHOTS / "task-student.png")


@pytest.mark.slow
def test_questions_are_walked_through_with_one_button(open_page: Open) -> None:
    page = open_page()
    story = page.get_by_test_id("question")
    for preset in WALKED:
        page.get_by_test_id("question-next").click()
        expect(story).to_contain_text(preset.title)
        flat = preset.experiment().to_json()
        raced = flat["dataset"].get("function", flat["dataset"]["name"])
        wait_for(page, source="live", frames=1, dataset=raced)
        expect(story.locator("em")).to_be_empty()
    pages = [page for page, _ in groupby(preset.page for preset in WALKED)]
    assert pages == [link.EXPLORE, link.LANDSCAPES, link.EXPLORE]


def test_one_step_is_shown_from_the_question(open_page: Open) -> None:
    page = open_page()
    wait_for(page, ready=True, frames=3)
    page.get_by_test_id("question-step").click()
    expect(page.get_by_test_id("stages")).to_be_visible()
    now = page.get_by_test_id("stages-0").locator("[aria-current=step]")
    expect(now).to_contain_text("1")
    expect(page.locator('[data-panel="weights"]')).to_be_visible()
    expect(page.locator('[data-panel="loss"]')).to_be_hidden()
    page.get_by_test_id("slow-next").click()
    expect(now).to_contain_text("2")
    page.get_by_test_id("question-step").click()
    expect(now).to_contain_text("1")
    expect(page.locator('[data-panel="loss"]')).to_be_hidden()
    page.keyboard.press("m")
    expect(page.locator('[data-panel="loss"]')).to_be_visible()
    expect(page.get_by_test_id("stages")).to_be_hidden()


@pytest.mark.slow
def test_terms_are_explained_on_hover_and_on_focus(open_page: Open) -> None:
    page = open_page(viewport={"width": 1440, "height": 900})
    wait_for(page, ready=True, frames=3)
    expect(page.locator('[data-plot="weights"]')).to_be_visible()
    expect(page.locator('[data-panel="weights"] .kv-note')).to_contain_text("PCA")
    tip = page.get_by_test_id("term")
    terms = page.locator("[data-term]:visible")
    named = set(terms.evaluate_all("(all) => all.map((one) => one.dataset.term)"))
    assert {"sees-loss", "sees-gradient", "loss", "accuracy", "evaluations", "pca"} <= named
    for name in sorted(named):
        page.locator(f'[data-term="{name}"]:visible').first.hover()
        expect(tip).to_be_visible()
        box = tip.bounding_box()
        assert box is not None
        size = page.viewport_size
        assert size is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size["width"]
        assert box["y"] + box["height"] <= size["height"]
        page.mouse.move(1, 1)
        expect(tip).to_be_hidden()
    page.get_by_test_id("run").focus()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement?.dataset.term ?? ''"):
            break
    expect(tip).to_be_visible()
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()


@pytest.mark.slow
@pytest.mark.parametrize(
    "lanes", ["annealing", "annealing,adam", "pso,eki,adam", "pso,cma-es,annealing,adam"]
)
@pytest.mark.parametrize(
    ("width", "height"), [(1280, 720), (1440, 900), (1920, 1080), (820, 1180), (390, 844)]
)
def test_the_board_fits_at_every_size(open_page: Open, lanes: str, width: int, height: int) -> None:
    page = open_page(
        f"?dataset=moons&lanes={lanes}&seconds=300", viewport={"width": width, "height": height}
    )
    wait_for(page, pictures=3)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # maps are squares, numbers are whole, the toolbar is one row
    maps = page.locator("[data-plot=network] canvas").evaluate_all(
        "(all) => all.map((one) => [one.clientWidth, one.clientHeight])"
    )
    assert len(maps) == lanes.count(",") + 1
    assert all(abs(wide - tall) <= 1 and wide >= 90 for wide, tall in maps), maps
    cut = page.locator(".kv-values b").evaluate_all(
        "(all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"
    )
    assert cut == []
    small = page.evaluate(
        "[...document.querySelectorAll('.kelvin *')].filter((one) => one.offsetParent && [...one.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) && parseFloat(getComputedStyle(one).fontSize) < 10.9).map((one) => one.className + ' ' + one.textContent)"
    )
    assert small == []
    if width > 820:
        tops = page.locator(".kv-transport > *:visible, .kv-menu > *:visible").evaluate_all(
            "(all) => all.map((one) => Math.round(one.getBoundingClientRect().top + one.getBoundingClientRect().height / 2))"
        )
        assert max(tops) - min(tops) <= 3, tops
        bottom = page.locator(".kv-bottom").bounding_box()
        assert bottom is not None
        assert bottom["y"] + bottom["height"] <= height + 1
    page.screenshot(path=SHOTS / f"board-{lanes.count(',') + 1}-{width}.png")
