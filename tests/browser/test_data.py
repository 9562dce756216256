"""What is learned: a dataset picked by its thumbnail, and points painted with a brush."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import SHOTS
from tests.browser.test_touch import PHONE
from tests.browser.walk import LONG, Open, linked, look, run, running, told, wait_for

pytestmark = pytest.mark.browser


def pressed(page: Page) -> str:
    """The thumbnail of the row that is outlined."""
    row = page.get_by_test_id("dataset-picker").locator(".kd-row [aria-pressed=true]")
    expect(row).to_have_count(1)
    return row.get_attribute("data-name") or ""


def square(page: Page) -> tuple[Locator, dict[str, float]]:
    """The large square's dialog, and where its canvas is."""
    dialog = page.get_by_test_id("draw-square")
    expect(dialog).to_be_visible()
    box: Any = page.get_by_test_id("square-canvas").bounding_box()
    return dialog, box


def stroke(page: Page, box: dict[str, float], start: tuple[float, float], end: Any) -> None:
    """Press, drag and let go, in shares of the square."""
    page.mouse.move(box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + end[0] * box["width"], box["y"] + end[1] * box["height"], steps=10)
    page.mouse.up()


def count(page: Page) -> int:
    """How many points the square says it has."""
    return int(page.get_by_test_id("square-note").inner_text().split(" ")[0])


def points_of(page: Page) -> str:
    return parse_qs(urlsplit(page.url).query).get("dataset.points", [""])[0]


def test_a_dataset_is_picked_by_its_thumbnail(open_page: Open) -> None:
    page = open_page()
    expect(page.get_by_test_id("dataset-name")).to_have_text("Two spirals")
    assert pressed(page) == "spirals"
    for image in page.get_by_test_id("dataset-picker").locator("img").all():
        image.evaluate("(image) => image.decode()")  # fails if it is none
    page.get_by_test_id("dataset-moons").click()
    assert pressed(page) == "moons"
    linked(page, dataset="moons")
    expect(page.get_by_test_id("dataset-size")).to_have_text("400 points")
    page.get_by_test_id("dataset-change").click()
    every = page.get_by_test_id("all-datasets")
    expect(every.get_by_role("heading", level=3)).to_have_text(
        ["Points", "Curves", "Tables", "Pictures", "Text", "Your own"]
    )
    expect(every.get_by_test_id("all-moons")).to_have_attribute("aria-pressed", "true")
    page.screenshot(path=SHOTS / "all-datasets.png")
    every.get_by_test_id("all-iris").click()
    expect(every).to_be_hidden()
    linked(page, dataset="iris")
    assert pressed(page) == "iris"
    expect(page.get_by_test_id("dataset-size")).to_have_text("100 rows")
    run(page)
    assert told(page, "dataset") == "iris"
    page.go_back()
    linked(page, dataset="moons")
    expect(page.get_by_test_id("dataset-name")).to_have_text("Moons")


def test_datasets_are_picked_by_keys(open_page: Open) -> None:
    page = open_page()
    page.get_by_test_id("dataset-spirals").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    linked(page, dataset="moons")
    expect(page.get_by_test_id("dataset-moons")).to_be_focused()
    assert told(page, "source") == "recording", "the key has started no race"
    page.get_by_test_id("dataset-change").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("all-moons")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("dataset-change")).to_be_focused()
    linked(page, dataset="moons")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("all-moons")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_test_id("all-circles")).to_be_focused()
    page.keyboard.press("Enter")
    linked(page, dataset="circles")
    expect(page.get_by_test_id("dataset-change")).to_be_focused()


@pytest.mark.slow
def test_points_are_painted_and_raced(open_page: Open) -> None:
    page = open_page()
    page.get_by_test_id("dataset-change").click()
    page.get_by_test_id("all-drawn").click()
    dialog, box = square(page)
    assert box["width"] > 600, "it is large"
    expect(dialog.get_by_test_id("draw-class-0")).to_have_attribute("aria-pressed", "true")
    page.get_by_test_id("square-clear").click()
    assert count(page) == 0
    expect(page.get_by_test_id("square-use")).to_be_disabled()
    stroke(page, box, (0.2, 0.2), (0.7, 0.2))
    painted = count(page)
    assert painted > 20, "one stroke paints many points"
    page.get_by_test_id("square-many").click()
    dialog.get_by_test_id("draw-class-2").click()
    stroke(page, box, (0.2, 0.8), (0.7, 0.8))
    both = count(page)
    assert both > painted + 30
    page.screenshot(path=SHOTS / "draw-square.png")
    dialog.get_by_test_id("draw-erase").click()
    stroke(page, box, (0.1, 0.8), (0.8, 0.8))
    assert count(page) == painted, "the eraser takes the stroke away"
    page.get_by_test_id("square-undo").click()
    assert count(page) == both
    dialog.get_by_test_id("draw-class-0").click()
    page.get_by_test_id("square-one").click()
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    assert count(page) == both + 1
    page.get_by_test_id("square-use").click()
    expect(dialog).to_be_hidden()
    linked(page, dataset="drawn", **{"dataset.groups": "3"})
    assert len(points_of(page)) == 5 * (both + 1)
    expect(page.get_by_test_id("dataset-size")).to_have_text(f"{both + 1} points")
    assert pressed(page) == "drawn"
    run(page)
    assert look(page, "v.player.history.stage.data.points.y.data.length") == both + 1
    assert look(page, "v.player.history.stage.data.classes") == ["A", "B", "C"]


@pytest.mark.slow
def test_what_is_cancelled_changes_nothing(open_page: Open) -> None:
    page = open_page("?dataset=drawn")
    running(page)
    before = page.url
    page.get_by_test_id("dataset-draw").click()
    dialog, box = square(page)
    stroke(page, box, (0.2, 0.2), (0.7, 0.2))
    page.get_by_test_id("square-cancel").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_test_id("dataset-draw")).to_be_focused()
    page.get_by_test_id("dataset-draw").click()
    assert count(page) == 40
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert page.url == before
    assert (told(page, "stale"), told(page, "state")) == ("false", "running")


@pytest.mark.slow
def test_points_are_painted_by_keys_for_the_next_race(open_page: Open) -> None:
    page = open_page()
    wait_for(page, source="recording", moment=4)
    page.get_by_test_id("draw").focus()
    page.keyboard.press("Enter")
    dialog, _ = square(page)
    assert count(page) == 400, "the points that are seen are there"
    page.get_by_test_id("square-clear").click()
    page.get_by_test_id("square-one").click()
    page.get_by_test_id("square-canvas").focus()
    for brush in "1212":
        page.keyboard.press(brush)
        page.keyboard.press("Enter")
        for _ in range(6):
            page.keyboard.press("ArrowLeft" if brush == "1" else "ArrowUp")
    assert count(page) == 4
    page.keyboard.press("Enter")
    page.keyboard.press("Delete")
    assert count(page) == 4
    page.keyboard.press("Control+z")
    assert count(page) == 5
    page.keyboard.press("Control+z")
    assert count(page) == 4
    page.get_by_test_id("square-use").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("[data-testid=panel-network] .kv-note")).to_have_text(
        "your points, for the next race"
    )
    linked(page, dataset="drawn")
    run(page)
    assert look(page, "[...v.player.history.stage.data.points.y.data]") == [0, 1, 0, 1]


@pytest.mark.slow
def test_a_race_that_runs_learns_what_was_painted(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    race = told(page, "runs")
    page.get_by_test_id("draw").click()
    page.get_by_test_id("draw-large").click()
    dialog, box = square(page)
    expect(dialog.get_by_test_id("draw-class-2")).to_have_count(0)  # it keeps its classes
    dialog.get_by_test_id("draw-class-1").click()
    stroke(page, box, (0.1, 0.1), (0.5, 0.1))
    painted = count(page)
    page.get_by_test_id("square-use").click()
    wait_for(page, events=1, dataset="drawn")
    assert look(page, "v.player.history.events.at(-1).value.length") == 5 * painted
    page.keyboard.press("Escape")
    wait_for(page, source="live", state="running", stale=False)
    assert told(page, "runs") == race, "it is the same race all along"
    linked(page, dataset="drawn")


@pytest.mark.slow
def test_picking_and_painting_with_a_finger(open_page: Open) -> None:
    page = open_page(**PHONE)
    page.get_by_test_id("stExpandSidebarButton").tap()
    page.get_by_test_id("dataset-change").tap()
    page.get_by_test_id("all-drawn").tap()
    _, box = square(page)
    assert box["width"] > 320
    page.get_by_test_id("square-one").tap()
    before = count(page)
    page.touchscreen.tap(box["x"] + 20, box["y"] + 20)
    assert count(page) == before + 1
    page.screenshot(path=SHOTS / "draw-square-phone.png")
    page.get_by_test_id("square-use").tap()
    linked(page, dataset="drawn")
    assert len(points_of(page)) == 5 * (before + 1)
