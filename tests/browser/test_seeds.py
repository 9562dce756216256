"""A race of several seeds, from the field beside the seed to the band, the cards and the switch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]  # until seen to pass on a busy machine
Open = Callable[..., Page]

BAND = """() => { const { view } = window.__kelvin; const panel = view.board.panel("loss");
  return panel ? panel.bands.filter((i) => panel.chart.painted[i].x?.length > 6).length : 0; }"""
"""How many bands are drawn."""
FOLLOWED = "() => window.__kelvin.view.player.history.metrics.at(-1)?.seeds?.followed"
POINT = """() => { const { view } = window.__kelvin;
  const moment = view.frameView(view.player.moment); return moment.stage.data.points.x.data[0]; }"""
"""A coordinate of the first training point that panels show: every seed has its own."""


def test_four_seeds_have_bands_wins_and_a_switch(open_page: Open) -> None:
    page = open_page("?dataset=moons&lanes=annealing,adam&seconds=2&seed=7&seeds=4")
    expect(page.get_by_label("Seeds", exact=True)).to_have_value("4")
    switch = page.get_by_test_id("seed-switch")
    expect(switch).to_contain_text("Seed 7")
    page.wait_for_function(f"({BAND})() === 4")
    expect(page.get_by_test_id("card-0-wins")).to_contain_text("of 4")
    expect(page.get_by_test_id("card-1-wins")).to_contain_text("wins in")
    before = page.evaluate(POINT)
    page.get_by_test_id("seed-after").click()
    expect(switch).to_contain_text("Seed 8")
    page.wait_for_function(f"({FOLLOWED})() === 1 || window.__kelvin.view.state.state === 'done'")
    page.wait_for_function(f"({POINT})() !== {before}")

    # At the end every seed can be shown, and the numbers over all of them stay.
    page.wait_for_function("window.__kelvin.view.state.state === 'done'")
    shown = page.get_by_test_id("seed-shown")
    told = page.get_by_test_id("card-1-wins").inner_text()
    loss = page.get_by_test_id("card-1-loss").inner_text()
    seen = set()
    for _ in range(4):
        page.wait_for_function(
            "window.__kelvin.view.frameView(window.__kelvin.view.player.moment).picture !== null"
        )
        seen.add(page.evaluate(POINT))
        now = shown.inner_text()
        page.get_by_test_id("seed-before").click()
        expect(shown).not_to_have_text(now)
    assert len(seen) == 4
    assert page.get_by_test_id("card-1-wins").inner_text() == told
    assert page.get_by_test_id("card-1-loss").inner_text() == loss


def test_one_seed_has_neither_switch_nor_band(open_page: Open) -> None:
    page = open_page("?dataset=moons&lanes=annealing,adam&seconds=1")
    page.wait_for_function("window.__kelvin?.view.player.history.length > 0")
    expect(page.get_by_test_id("card-1-loss")).not_to_have_text("–")
    expect(page.get_by_test_id("seed-switch")).to_be_hidden()
    expect(page.get_by_test_id("card-0-wins")).to_be_hidden()
    assert page.evaluate(BAND) == 0
