"""A playlist of one's own: tick recordings, order them, say what to look at, present them; take
them elsewhere as a file and as a page that plays offline.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Dialog, FilePayload, Page, expect

from tests.browser.conftest import PATIENCE, SHOTS
from tests.browser.test_gallery import bring, card, gallery
from tests.browser.test_present import look, stands, there
from tests.browser.walk import Open, eventually, ready

pytestmark = pytest.mark.browser

RACES = ("Monday", "Tuesday", "Wednesday")
MOST_CLICKS = 12


class Hand:
    """Counts what is clicked."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks = page, 0

    def click(self, name: str, place: int = 0) -> None:
        self.page.get_by_test_id(name).nth(place).click()
        self.clicks += 1

    def tick(self, name: str) -> None:
        card(self.page, name).get_by_test_id("compare").check()
        self.clicks += 1


def three(open_page: Open, **options: Any) -> Page:
    """The gallery with three recordings of one's own."""
    page = gallery(open_page, **options)
    bring(page, *RACES)
    expect(page.get_by_test_id("group-yours").get_by_test_id("card")).to_have_count(3)
    return page


def edited(page: Page) -> Page:
    """A playlist of all three in the editor."""
    hand = Hand(page)
    for name in RACES:
        hand.tick(name)
    hand.click("present-these")
    expect(page.get_by_test_id("slide")).to_have_count(3)
    return page


def names(page: Page) -> list[str]:
    return page.get_by_test_id("slide").locator(".kt-what b").all_inner_texts()


@pytest.mark.slow
def test_three_recordings_are_on_the_stage_with_own_captions_in_twelve_clicks(
    open_page: Open,
) -> None:
    page = three(open_page)
    hand = Hand(page)
    for name in RACES:
        hand.tick(name)
    hand.click("present-these")
    hand.click("slide-down")  # Monday after Tuesday
    assert names(page) == ["Tuesday", "Monday", "Wednesday"]
    for place in range(3):
        hand.click("slide-caption", place)
        page.keyboard.type(f"Caption {place + 1}")
    page.screenshot(path=SHOTS / "playlist-editor.png")
    hand.click("playlist-start")
    assert hand.clicks <= MOST_CLICKS
    for place, name in enumerate(["Tuesday", "Monday", "Wednesday"]):
        there(page, name)
        expect(page.get_by_test_id("present-caption")).to_have_text(f"Caption {place + 1}")
        page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("present-title")).to_have_text("Wednesday")
    page.screenshot(path=SHOTS / "playlist-stage.png")
    page.keyboard.press("Escape")
    page.wait_for_url("**/gallery*")
    expect(page.get_by_test_id("playlist-editor")).to_be_visible()
    assert names(page) == ["Tuesday", "Monday", "Wednesday"]
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("playlist")).to_have_count(1)


@pytest.mark.slow
def test_slides_are_moved_by_drag_by_keys_and_taken_out_and_back(open_page: Open) -> None:
    page = edited(three(open_page))
    grip = page.get_by_test_id("slide-grip").first
    grip.focus()
    page.keyboard.press("ArrowDown")
    assert names(page) == ["Tuesday", "Monday", "Wednesday"]
    page.keyboard.press("ArrowDown")  # the handle kept the focus
    assert names(page) == ["Tuesday", "Wednesday", "Monday"]
    box = page.get_by_test_id("slide-grip").nth(2).bounding_box()
    top = page.get_by_test_id("slide").first.bounding_box()
    assert box
    assert top
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 8, top["y"] + 4, steps=8)
    page.mouse.up()
    assert names(page) == ["Monday", "Tuesday", "Wednesday"]
    page.get_by_test_id("slide-delete").nth(1).click()
    assert names(page) == ["Monday", "Wednesday"]
    page.get_by_test_id("playlist-editor").get_by_test_id("undo").click()
    assert names(page) == ["Monday", "Tuesday", "Wednesday"]
    page.get_by_test_id("slide-more").first.click()
    for name in ("cost", "loss", "weights", "network"):
        page.get_by_test_id(f"slide-panel-{name}").first.click()
    expect(page.get_by_test_id("slide-panel-chains").first).to_be_disabled()
    page.get_by_test_id("slide-pace").first.select_option("2")
    page.get_by_test_id("playlist-start").click()
    there(page, "Monday")
    assert look(page, "[p.live.board.arrangement.shown.join(), p.entry.pace]") == [
        "cost,loss,weights,network",
        2,
    ]


@pytest.mark.slow
def test_unsaved_changes_and_a_deleted_playlist_come_back(open_page: Open) -> None:
    page = edited(three(open_page))
    page.get_by_test_id("slide-title").first.fill("Own title")
    page.get_by_test_id("playlist-close").click()
    expect(page.get_by_test_id("playlist")).to_have_count(0)
    page.get_by_test_id("undo").click()
    expect(page.get_by_test_id("slide-title").first).to_have_value("Own title")
    page.get_by_test_id("playlist-save").click()
    page.get_by_test_id("playlist-close").click()
    expect(page.get_by_test_id("undo")).to_have_count(0)
    page.get_by_test_id("playlists-delete").click()
    expect(page.get_by_test_id("playlist")).to_have_count(0)
    page.get_by_test_id("undo").click()
    expect(page.get_by_test_id("playlist")).to_have_count(1)


@pytest.mark.slow
def test_a_slide_without_its_recording_says_so_and_waits(open_page: Open) -> None:
    page = edited(three(open_page))
    page.get_by_test_id("playlist-save").click()
    page.get_by_test_id("playlist-close").click()
    card(page, "Monday").get_by_test_id("delete").click()
    page.get_by_test_id("playlists-edit").click()
    expect(page.get_by_test_id("slide").first).to_contain_text("not in this browser")
    page.get_by_test_id("playlist-start").click()
    expect(page.locator(".kp-said")).to_contain_text("“Monday” is not here any more")
    page.wait_for_timeout(4000)
    assert look(page, "p.clock.at") == 0
    page.keyboard.press("ArrowRight")
    there(page, "Tuesday")


@pytest.mark.slow
def test_a_method_has_one_colour_on_every_slide_and_the_link_is_a_code(open_page: Open) -> None:
    page = gallery(open_page)
    for name in ("Gradients fail too", "On a small problem", "Same start"):
        card(page, name).get_by_test_id("compare").check()
    page.get_by_test_id("present-these").click()
    page.get_by_test_id("playlist-start").click()
    found: dict[str, set[str]] = {}
    for title in ("Gradients fail too", "On a small problem", "Same start"):
        expect(page.get_by_test_id("present-title")).to_contain_text(title)
        stands(page)
        lanes = look(
            page,
            "p.live.session.history.stage.lanes.map((lane, i) => [lane.optimizer, "
            "p.live.board.colours[i]])",
        )
        assert len({colour for _, colour in lanes}) == len(lanes)
        for method, colour in lanes:
            found.setdefault(method, set()).add(colour)
        page.keyboard.press("q")
        box = page.get_by_test_id("present-link-box")
        expect(box.locator("svg path")).to_have_count(1)
        assert "?recording=" in box.locator("input").input_value()
        page.keyboard.press("Escape")
        expect(box).to_be_hidden()
        page.keyboard.press("ArrowRight")
    assert {method: len(colours) for method, colours in found.items() if method != "sgd"} == {
        method: 1 for method in found if method != "sgd"
    }
    assert len(found["sgd"]) == 2  # two lanes of one race


@pytest.mark.slow
def test_unsaved_changes_are_not_lost_with_the_tab_or_the_page(open_page: Open) -> None:
    page = edited(three(open_page))
    page.get_by_test_id("slide-title").first.fill("Not kept yet")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.close(run_before_unload=True)
    eventually(lambda: asked == ["beforeunload"], page)
    assert not page.is_closed()
    page.get_by_test_id("playlist-save").click()
    expect(page.get_by_test_id("playlist-editor")).to_contain_text("My playlist")
    page.get_by_test_id("slide-title").first.fill("Kept on the way back")
    # as Back does where another page of Kelvin was before
    page.evaluate("document.querySelector('[data-testid=stSidebarNavLink]').click()")
    ready(page)
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Gallery").click()
    page.get_by_test_id("playlists-edit").first.click()
    expect(page.get_by_test_id("slide-title").first).to_have_value("Kept on the way back")
    assert asked == ["beforeunload"]


@pytest.mark.slow
def test_a_file_brings_it_elsewhere_and_a_page_plays_it_offline(
    open_page: Open, tmp_path: Path
) -> None:
    page = edited(three(open_page))
    page.get_by_test_id("slide-title").first.fill("First of all")
    paths = {}
    for what, ending in (("file", ".kelvin-playlist"), ("page", ".html")):
        with page.expect_download() as download:
            page.get_by_test_id(f"playlist-{what}").click()
        assert download.value.suggested_filename == f"My playlist{ending}"
        paths[what] = tmp_path / download.value.suggested_filename
        download.value.save_as(paths[what])
    assert len(json.loads(paths["file"].read_text("utf-8"))["recordings"]) == 3
    # another browser
    other = gallery(open_page)
    other.get_by_test_id("import-file").set_input_files(paths["file"])
    expect(other.get_by_test_id("playlist")).to_have_count(1)
    expect(other.get_by_test_id("group-yours").get_by_test_id("card")).to_have_count(3)
    other.get_by_test_id("playlists-start").click()
    there(other, "First of all")
    other.keyboard.press("Escape")
    other.wait_for_url("**/gallery*")
    # no server at all
    alone = other.context.browser
    assert alone
    context = alone.new_context(bypass_csp=True)
    try:
        context.set_offline(True)
        offline = context.new_page()
        offline.set_default_timeout(PATIENCE)
        said: list[str] = []
        offline.on("console", lambda message: said.append(message.text))
        offline.on("pageerror", lambda error: said.append(str(error)))
        offline.goto(paths["page"].as_uri())
        there(offline, "First of all")
        offline.keyboard.press("ArrowRight")
        there(offline, "Tuesday")
        offline.keyboard.press("Escape")
        expect(offline.get_by_test_id("present-title")).to_have_text("Tuesday")
        expect(offline.get_by_test_id("present-link")).to_have_count(0)
        offline.screenshot(path=SHOTS / "playlist-offline.png")
        assert said == []
    finally:
        context.close()


@pytest.mark.slow
def test_a_file_that_is_no_playlist_is_refused_in_one_line(open_page: Open) -> None:
    page = gallery(open_page)
    for name, content, line in (
        ("notes.json", b'{"a": 1}', "is not a Kelvin playlist. Allowed are .kelvin-playlist files"),
        ("x.kelvin-playlist", b"\x00\x01", "is not a Kelvin playlist"),
        (
            "y.kelvin-playlist",
            b'{"kelvin": "playlist", "version": 1, "name": "y", "slides": []}',
            "A playlist has 1 to 40 slides.",
        ),
    ):
        page.get_by_test_id("import-file").set_input_files(
            FilePayload(name=name, mimeType="application/json", buffer=content)
        )
        expect(page.get_by_test_id("notice").last).to_contain_text(line)
    expect(page.get_by_test_id("playlist")).to_have_count(0)


@pytest.mark.slow
def test_on_a_phone_the_editor_fits(open_page: Open) -> None:
    page = edited(three(open_page, viewport={"width": 390, "height": 844}))
    editor = page.get_by_test_id("playlist-editor")
    assert editor.evaluate("(one) => one.scrollWidth <= one.clientWidth")
    for name in ("playlist-start", "playlist-save", "playlist-close", "slide-down"):
        expect(page.get_by_test_id(name).first).to_be_in_viewport()
    page.screenshot(path=SHOTS / "playlist-phone.png")
