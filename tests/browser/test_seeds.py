"""A race of several seeds, from the field beside the seed to the band, the cards and the switch."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.walk import Open, look, points, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]  # until seen to pass on a busy machine

BANDS = "v.board.panel('loss').bands"
"""The traces that are bands."""
POINT = "v.frameView(v.player.moment).stage.data.points.x.data[0]"
"""A coordinate of the first training point that panels show: every seed has its own."""


def test_four_seeds_have_bands_wins_and_a_switch(open_page: Open) -> None:
    page = open_page("?dataset=moons&lanes=annealing,adam&seconds=2&seed=7&seeds=4")
    expect(page.get_by_label("Seeds", exact=True)).to_have_value("4")
    switch = page.get_by_test_id("seed-switch")
    expect(switch).to_contain_text("Seed 7")
    points(page, "loss", {0: 4})
    bands = look(page, BANDS)[:4]  # two of each lane
    points(page, "loss", dict.fromkeys(bands, 7))
    expect(page.get_by_test_id("card-0-wins")).to_contain_text("of 4")
    expect(page.get_by_test_id("card-1-wins")).to_contain_text("wins in")
    before = look(page, POINT)
    page.get_by_test_id("seed-after").click()
    expect(switch).to_contain_text("Seed 8")
    assert look(page, POINT) != before

    # At the end every seed can be shown, and the numbers over all of them stay.
    wait_for(page, state="done", drawn=True)
    shown = page.get_by_test_id("seed-shown")
    told = page.get_by_test_id("card-1-wins").inner_text()
    loss = page.get_by_test_id("card-1-loss").inner_text()
    seen = set()
    for _ in range(4):
        seen.add(look(page, POINT))
        now = shown.inner_text()
        page.get_by_test_id("seed-before").click()
        expect(shown).not_to_have_text(now)
    assert len(seen) == 4
    assert page.get_by_test_id("card-1-wins").inner_text() == told
    assert page.get_by_test_id("card-1-loss").inner_text() == loss


def test_one_seed_has_neither_switch_nor_band(open_page: Open) -> None:
    page = open_page("?dataset=moons&lanes=annealing,adam&seconds=1")
    wait_for(page, state="done", frames=1, drawn=True)
    expect(page.get_by_test_id("card-1-loss")).not_to_have_text("–")
    expect(page.get_by_test_id("seed-switch")).to_be_hidden()
    expect(page.get_by_test_id("card-0-wins")).to_be_hidden()
    assert (
        look(
            page,
            f"Math.max(...{BANDS}.map((i) => v.board.panel('loss').chart.painted[i].x.length))",
        )
        == 0
    )
