"""Everyone: axe-core finds no serious violation on any page, light or dark, wide or on a phone; and
the pages are pictured for the eye.
"""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import SHOTS
from tests.browser.test_playlist import edited, three
from tests.browser.walk import (
    GALLERY,
    LONG,
    STAGE,
    VIEW,
    Open,
    look,
    ready,
    running,
    told,
    wait_for,
    wait_for_state,
)

pytestmark = pytest.mark.browser

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
OURS = ".kelvin, [data-testid=gallery], .kv-present, [data-testid=stSidebarUserContent]"
"""What Kelvin draws. What Streamlit puts around it is Streamlit's."""

PAGES = {
    "explore": (
        "?dataset=spirals&lanes=annealing,adam&seconds=60&panels=loss,weights,network,temperature,agreement,chains,layers,cost",
        VIEW,
    ),
    "images": ("?dataset=digits&lanes=eki,pso,adam&seconds=60", VIEW),
    "landscapes": (
        "landscapes?dataset=landscape&dataset.function=himmelblau&lanes=annealing,cma-es,pso,langevin",
        VIEW,
    ),
    "routes": ("routes", VIEW),
    "rosters": (
        "routes?instance=timetable&lanes=annealing,tempering&seconds=60&panels=map,gap,replicas,cost",
        VIEW,
    ),
    "gallery": ("gallery", GALLERY),
    "present": ("?present=1", STAGE),
}
WAYS = [
    ("light", 1440, 900),
    *(
        pytest.param(*way, marks=pytest.mark.slow)
        for way in (("dark", 1440, 900), ("light", 390, 844), ("dark", 390, 844))
    ),
]


@pytest.mark.parametrize(("theme", "width", "height"), WAYS)
@pytest.mark.parametrize(
    "name",
    [
        "explore",
        pytest.param("landscapes", marks=pytest.mark.slow),
        pytest.param("present", marks=pytest.mark.slow),
        pytest.param("images", marks=pytest.mark.slow),
        pytest.param("routes", marks=pytest.mark.slow),
        pytest.param("rosters", marks=pytest.mark.slow),
        pytest.param("gallery", marks=pytest.mark.slow),
    ],
)
def test_axe_finds_nothing_serious(
    open_page: Open, name: str, theme: str, width: int, height: int
) -> None:
    address, root = PAGES[name]
    page = open_page(
        address, ready=False, viewport={"width": width, "height": height}, color_scheme=theme
    )
    ready(page, root)
    page.wait_for_timeout(2500)
    page.screenshot(path=SHOTS / f"{name}-{theme}-{width}.png", full_page=width < 500)
    # The tree must hold still while it is looked at.
    if root == STAGE and width > 500:  # the keys are told until nobody has moved for a while
        expect(page.get_by_test_id("present-hint")).to_have_css("opacity", "0")
    if root == VIEW and told(page, "state") == "running":
        look(page, "v.command({ do: 'pause' })")
        wait_for_state(page, "paused", "done")
    nothing_serious(page, [one for one in OURS.split(", ") if page.locator(one).count()])


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_windows_of_the_data(open_page: Open, theme: str) -> None:
    page = open_page(color_scheme=theme)
    page.get_by_test_id("dataset-change").click()
    nothing_serious(page, ["[data-testid=dataset-picker]", "[data-testid=all-datasets]"])
    page.get_by_test_id("all-drawn").click()
    nothing_serious(page, ["[data-testid=draw-square]"])


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("address", ["", "routes"])
def test_axe_finds_nothing_serious_in_slow_motion(
    open_page: Open, address: str, theme: str
) -> None:
    page = open_page(address, color_scheme=theme)
    wait_for(page, frames=3)
    page.get_by_test_id("question-step").click()
    page.get_by_test_id("stages-0").locator("[aria-current=step]").wait_for()
    page.get_by_test_id("slow-next").click()
    nothing_serious(page, [VIEW])


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_what_shares_and_presents(open_page: Open, theme: str) -> None:
    page = open_page(LONG, color_scheme=theme)
    running(page)
    look(page, "v.command({ do: 'pause' })")
    wait_for_state(page, "paused")
    page.get_by_test_id("menu-share").click()
    page.get_by_test_id("link-box").wait_for()
    nothing_serious(page, [".kv-share"])
    page = open_page("?present=1", ready=False, color_scheme=theme)
    ready(page, STAGE)
    page.keyboard.press("q")
    page.get_by_test_id("link-box").wait_for()
    nothing_serious(page, ["[role=dialog]"])
    page = edited(three(open_page, color_scheme=theme))
    page.get_by_test_id("slide-more").first.click()
    nothing_serious(page, ["[data-testid=playlist-editor]"])


def nothing_serious(page: Page, places: list[str]) -> None:
    """Axe-core finds no serious violation in these parts of the page."""
    found = Axe().run(
        page,
        context={"include": [[one] for one in places]},
        options=RULES,
    )
    serious = [
        one for one in found.response["violations"] if one["impact"] in ("serious", "critical")
    ]
    assert not serious, "\n".join(
        (
            f"{one['id']}: {one['help']}: "
            f"{[node['html'][:160] + ' | ' + (node.get('failureSummary') or '')[:200] for node in one['nodes'][:4]]}"
        )
        for one in serious
    )
