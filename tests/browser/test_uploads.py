"""Data of one's own, given to the page as a file."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SHOTS
from tests.browser.walk import Open, look, moves, stepped, wait_for
from tests.engine.support.files import class_folders, flowers, zipped

pytestmark = pytest.mark.browser


def own_data(page: Page) -> None:
    """Pick data of one's own among the datasets."""
    page.get_by_test_id("dataset-change").click()
    page.get_by_test_id("all-own").click()
    expect(page.get_by_test_id("stSidebar").get_by_text("Upload a CSV table")).to_be_visible()


def give(page: Page, name: str, content: bytes) -> None:
    """Hand a file over."""
    page.get_by_test_id("stSidebar").locator("input[type=file]").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    )


def test_a_table_of_ones_own_is_learned(open_page: Open) -> None:
    page = open_page("?seconds=3600")
    own_data(page)
    give(page, "flowers.csv", flowers(120).encode())
    sidebar = page.get_by_test_id("stSidebar")
    expect(sidebar.get_by_text("120 rows, 5 columns")).to_be_visible()
    expect(
        sidebar.get_by_text("3 classes (iris, lily, rose)")
    ).to_be_visible()  # the last column of categories is what one most likely wants to learn
    # A length and a colour are missing.
    expect(sidebar.get_by_text("Left out or changed")).to_be_visible()
    expect(sidebar.get_by_text("Missing: length (1), colour (1).")).to_be_visible()
    rows = sidebar.get_by_role("region", name="The first 5 rows, as they were read")
    expect(rows.get_by_role("row")).to_have_count(6)
    expect(rows.get_by_role("columnheader").nth(2)).to_have_text("colourcategory")
    expect(page.get_by_test_id("dataset-name")).to_have_text("flowers.csv")
    expect(page.get_by_test_id("dataset-size")).to_have_text("96 rows")
    page.get_by_test_id("run-new").click()
    wait_for(page, source="live", kind="table", pictures=4)
    assert sorted(look(page, "v.player.history.stage.data.classes")) == ["iris", "lily", "rose"]
    assert look(page, "v.player.history.stage.data.samples.reduce((a, b) => a + b)") in range(
        110, 121
    )
    # better than a guess among three
    expect(page.get_by_test_id("card-1-accuracy")).to_have_text(re.compile(r"^([6-9]\d|100)\."))
    page.screenshot(path=SHOTS / "own-table.png")
    page.reload()  # the address tells of it
    wait_for(page, source="live", kind="table", frames=1)
    stepped(page, [0, 0])


@pytest.mark.slow
def test_pictures_of_ones_own_are_learned(open_page: Open) -> None:
    page = open_page("?seconds=3600&network=mlp")
    own_data(page)
    give(page, "pets.zip", zipped(class_folders(20)))
    sidebar = page.get_by_test_id("stSidebar")
    expect(sidebar.get_by_text("40 images in 2 classes")).to_be_visible()
    expect(sidebar.locator(".kd-pictures figure")).to_have_count(8)
    for image in sidebar.locator(".kd-pictures img").all():
        assert image.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 48
    page.get_by_test_id("run-new").click()
    wait_for(page, source="live", kind="images", pictures=4)
    assert look(page, "v.player.history.stage.data.classes") == ["cats", "dogs"]
    page.screenshot(path=SHOTS / "own-pictures.png")


@pytest.mark.slow
def test_a_file_that_cannot_be_used_is_refused_in_a_sentence_and_nothing_is_lost(
    open_page: Open,
) -> None:
    page = open_page("?seconds=300&dataset=moons&lanes=annealing,adam")
    wait_for(page, source="live", pictures=4)
    own_data(page)
    give(page, "evil.zip", zipped({"../../evil.png": b"nothing"}))
    sidebar = page.get_by_test_id("stSidebar")
    told = sidebar.get_by_text("evil.zip cannot be used")
    expect(told).to_be_visible()
    assert len(told.inner_text().splitlines()) == 1
    expect(page.get_by_test_id("stException")).to_have_count(0)
    moves(page)  # what was on goes on
    give(page, "flowers.csv", flowers().encode())
    expect(told).to_have_count(0)
    expect(sidebar.get_by_text("60 rows, 5 columns")).to_be_visible()


@pytest.mark.slow
def test_run_pressed_at_once_after_an_upload_races_on_the_file(open_page: Open) -> None:
    page = open_page()
    own_data(page)
    give(page, "flowers.csv", flowers(120).encode())
    page.get_by_test_id("run").click()
    wait_for(page, source="live", kind="table", frames=1)
