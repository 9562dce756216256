"""Panels of any size: nothing collides, and no room is empty."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.walk import Open, eventually, wait_for_state

pytestmark = pytest.mark.browser

RACE = "?dataset=moons&network=mlp&lanes=annealing,adam&evaluations=200000&seed=0"
EIGHT = "&panels=loss,weights,network,temperature,agreement,chains,cost,layers"
SIZES = [(1280, 720), (1440, 900), (1920, 1080)]
CLIPPED = """() => {
  const plot = document.querySelector('[data-plot="cost"]').getBoundingClientRect();
  const text = (one) => {
    const range = document.createRange();
    range.selectNodeContents(one);
    return range.getBoundingClientRect();
  };
  const rows = [...document.querySelectorAll('[data-testid="cost-table"] tbody tr')];
  const cells = rows.map((row) => [...row.querySelectorAll('td b')].map(text));
  const collide = cells.flatMap((row) => row.slice(1).filter((box, i) => box.left < row[i].right));
  const cut = cells.flat().filter((box) => box.right > plot.right || box.bottom > plot.bottom);
  const telling = document.querySelector('[data-testid="cost-telling"]').getBoundingClientRect();
  const heads = [...document.querySelectorAll('[data-testid="cost-table"] thead th[data-measure]')]
    .filter((one) => one.scrollWidth > one.clientWidth);
  return [collide.length, cut.length, telling.bottom > plot.bottom + 1, heads.length];
}"""
EMPTY = """() => {
  const panel = document.querySelector('[data-panel="network"]').getBoundingClientRect();
  const maps = document.querySelector('[data-plot="network"] canvas').getBoundingClientRect();
  return panel.bottom - maps.bottom;
}"""


@pytest.mark.slow
def test_the_cost_so_far_collides_nowhere_as_one_of_eight(open_page: Open) -> None:
    page = open_page(RACE + EIGHT)
    wait_for_state(page, "done")
    found: dict[tuple[int, int], Any] = {}
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        eventually(lambda: page.evaluate(CLIPPED) == [0, 0, False, 0], page)
        found[width, height] = page.evaluate(CLIPPED)
    assert found == {size: [0, 0, False, 0] for size in SIZES}


@pytest.mark.slow
def test_no_room_is_empty_under_two_maps(open_page: Open) -> None:
    page = open_page(RACE)
    wait_for_state(page, "done")
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function(f"({EMPTY})() < {height / 7}")


@pytest.mark.slow
def test_a_panel_with_nothing_to_show_gives_its_place_away_and_says_why(open_page: Open) -> None:
    panels = "&panels=network,loss,temperature,chains,weights"
    page = open_page(f"?dataset=moons&lanes=sgd,adam&evaluations=100000{panels}")
    chip = page.get_by_test_id("idle-temperature")
    expect(chip).to_contain_text("have no temperature")
    expect(page.get_by_test_id("idle-chains")).to_contain_text("have a single network each")
    for name in ("temperature", "chains"):
        expect(page.get_by_test_id(f"panel-{name}")).to_be_hidden()
    # three are left, so that the predictions are large
    expect(page.locator(".kv-panels")).to_have_attribute("data-count", "3")
    expect(page.locator(".kv-panels")).to_have_attribute("data-hero", "network")
    chip.click()
    expect(page.get_by_test_id("panel-temperature")).to_be_visible()
    expect(page.get_by_test_id("panel-loss")).to_be_hidden()
    page.get_by_test_id("panel-temperature").locator("[data-do=enlarge]").click()
    # another method has something to show there: its panel comes back
    wait_for_state(page, "done")  # until then the button pauses
    page.get_by_test_id("stSidebar").get_by_role("radio", name="Simulated annealing").click()
    # the controls of the live view have it, too, a moment after the address
    expect(page.locator(".kelvin")).to_have_attribute("data-asked", re.compile("annealing"))
    page.get_by_test_id("run").click()
    expect(page.get_by_test_id("panel-temperature")).to_be_visible()
    expect(page.get_by_test_id("panel-chains")).to_be_visible()
    expect(chip).to_be_hidden()
