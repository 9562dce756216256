"""Races that are shared and kept: watched by a link, copied when changed, there again after the
server was killed.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from engine.messages.recording import Recording
from tests.browser.conftest import PATIENCE, Server
from tests.browser.walk import (
    GALLERY,
    LONG,
    count,
    linked,
    look,
    moves,
    ready,
    stepped,
    steps,
    wait_for,
    wait_for_state,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Server]:
    """A server that keeps its races."""
    server = Server(KELVIN_STORE=str(tmp_path / "races"))
    yield server
    server.process.kill()


class People:
    """Visitors, each with a browser of their own."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.contexts: list[BrowserContext] = []

    def open(self, address: str) -> Page:
        context = self.browser.new_context(viewport={"width": 1440, "height": 900})
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        ready(page)
        return page


@pytest.fixture
def people(browser: Browser) -> Iterator[People]:
    found = People(browser)
    yield found
    for context in found.contexts:
        context.close()


def race_of(page: Page) -> Any:
    return look(page, "v.session.race")


def begun(page: Page) -> None:
    """Wait until the race on the screen has taken some steps."""
    stepped(page, [4])


def test_a_race_is_watched_by_a_link_and_nothing_of_it_can_be_changed(
    kept: Server, people: People
) -> None:
    owner = people.open(f"{kept.address}/{LONG}")
    begun(owner)
    owner.get_by_test_id("menu-share").click()
    expect(owner.get_by_test_id("watch-box")).to_be_hidden()
    owner.get_by_test_id("share-live").click()
    expect(owner.get_by_test_id("watch-box")).to_be_visible()
    expect(owner.get_by_test_id("link-box")).to_be_hidden()
    link = owner.get_by_test_id("watch-box").locator("input").input_value()
    assert parse_qs(urlsplit(link).query).keys() == {"watch"}
    assert race_of(owner) not in link
    owner.keyboard.press("Escape")
    pupil = people.open(link)
    begun(pupil)
    moves(pupil)
    expect(pupil.get_by_test_id("toast")).to_contain_text("watching somebody else's race")
    status = pupil.locator(".kv-status")
    expect(status).to_have_text("Somebody else's race. Running")
    expect(pupil.get_by_test_id("step")).to_be_disabled()
    expect(pupil.get_by_test_id("run")).to_have_text("Run")
    owner.get_by_test_id("run").click()
    wait_for_state(owner, "paused")
    wait_for_state(pupil, "paused")
    pupil.reload()
    expect(status).to_contain_text("Somebody else's race.")
    wait_for_state(pupil, "paused")
    owner.get_by_test_id("run").click()
    moves(pupil)
    theirs, runs = race_of(pupil), count(pupil, "runs")
    pupil.get_by_test_id("run").click()
    wait_for(pupil, runs=runs + 1, frames=1)
    expect(status).not_to_contain_text("Somebody else's race.")
    assert race_of(pupil) != theirs
    moves(pupil)
    moves(owner)


def test_one_link_opened_by_two_is_one_race_until_one_of_them_changes_it(
    kept: Server, people: People
) -> None:
    one, two = (people.open(f"{kept.address}/{LONG}") for _ in range(2))
    for page in (one, two):
        begun(page)
    same = "JSON.stringify(v.player.history.metrics.slice(0, 4))"
    assert look(one, same) == look(two, same)
    shared, seen = race_of(one), race_of(two)
    assert seen != shared, "the token that steers it stays the first one's"
    two.get_by_test_id("run").click()
    wait_for_state(two, "paused")
    assert race_of(two) != seen
    assert steps(two)[0] > 3, "it goes on from where it was"
    assert race_of(one) == shared
    moves(one)
    two.get_by_test_id("run").click()
    moves(two)


def test_a_killed_server_costs_an_open_page_no_more_than_a_pause(
    kept: Server, people: People, tmp_path: Path
) -> None:
    page = people.open(f"{kept.address}/{LONG}")
    wait_for(page, source="live", seconds=2)
    race, before = race_of(page), steps(page)
    os.kill(kept.process.pid, signal.SIGKILL)
    kept.process.wait()
    wait_for_state(page, "lost")
    again = Server(kept.port, KELVIN_STORE=str(tmp_path / "races"))
    try:
        wait_for_state(page, "running")
        stepped(page, [step + 1 for step in before])
        assert race_of(page) == race
        ks = look(page, "v.player.history.metrics.map((one) => one.k)")
        assert ks == sorted(set(ks)), "every frame once, in order"
        assert look(page, "v.player.history.metrics[0].lanes[0].step") == 0
    finally:
        log = again.stop()
    assert "Traceback" not in log


def gallery_of(page: Page, address: str) -> Page:
    page.goto(f"{address}/gallery")
    ready(page, GALLERY)
    return page


def test_a_closed_page_finds_its_race_in_the_gallery_and_goes_on(
    kept: Server, people: People
) -> None:
    first = people.open(f"{kept.address}/{LONG}")
    begun(first)
    race, context = race_of(first), first.context
    first.close()
    page = gallery_of(context.new_page(), kept.address)
    card = page.get_by_test_id("kept-race")
    expect(card).to_have_count(1)
    expect(card.locator("h3")).to_have_text("Moons: Simulated annealing vs Adam")
    expect(card.get_by_test_id("standing")).to_have_text("can go on")
    expect(card.locator("tbody tr")).to_have_count(2)
    with page.expect_download() as coming:
        card.get_by_test_id("kept-export").click()
    assert coming.value.suggested_filename == "Moons Simulated annealing vs Adam.kelvin"
    recording = Recording.read(Path(coming.value.path()))
    assert recording.experiment["seed"] == 3
    card.get_by_test_id("kept-pin").click()
    expect(card.get_by_test_id("kept-pin")).to_have_attribute("aria-pressed", "true")
    card.get_by_test_id("kept-open").click()
    ready(page)
    wait_for(page, source="live", state="running")
    assert race_of(page) == race
    moves(page)
    assert look(page, "v.player.history.metrics[0].lanes[0].step") == 0, "from its first moment on"
    linked(page, seconds="300")  # the controls have its settings
    stranger = people.open(f"{kept.address}/")
    gallery_of(stranger, kept.address)
    expect(stranger.get_by_test_id("kept-race")).to_have_count(0)
    expect(stranger.get_by_test_id("kept-empty")).to_contain_text("No race of yours")
    gallery_of(page, kept.address)
    card.get_by_test_id("kept-delete").click()
    page.keyboard.press("Escape")
    expect(card.get_by_test_id("kept-delete-yes")).to_have_count(0)
    card.get_by_test_id("kept-delete").click()
    card.get_by_test_id("kept-delete-yes").click()
    expect(page.get_by_test_id("notice")).to_contain_text("was deleted from this server")
    expect(card).to_have_count(0)
    page.reload()
    gallery_of(page, kept.address)
    expect(page.get_by_test_id("kept-empty")).to_be_visible()
    assert "Traceback" not in kept.stop()
