"""Read the evidence: from the map to a study and to its race, in a real browser, with results made
up for the test.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from engine.experiment.query_string import from_flat
from engine.studies.study import shipped
from tests.app import made_up_studies
from tests.browser.conftest import PATIENCE, SHOTS, Server
from tests.browser.test_accessible import RULES
from tests.browser.walk import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]  # until seen to pass on a busy machine

MADE = ("lm", "no-derivative", "span")
"""Studies with results: targets, targets that the gradient's methods miss, none."""
MAP = ".st-key-evidence-map .js-plotly-plot"
CELL = """([map, study]) => {
    const figure = document.querySelector(map), layout = figure._fullLayout;
    const box = figure.getBoundingClientRect(), points = figure.data[3];
    const i = points.customdata.findIndex((one) => one[0] === study);
    return [box.left + layout.xaxis._offset + layout.xaxis.d2p(points.x[i]),
        box.top + layout.yaxis._offset + layout.yaxis.d2p(points.y[i])];
}"""
"""Where a study's first cell is on the screen."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page of a server that shows these results."""
    root = tmp_path_factory.mktemp("evidence")
    for name in MADE:
        made_up_studies.write(
            shipped(name), root / name, root / "rows" / name, never=("adam", "annealing")
        )
    SHOTS.mkdir(exist_ok=True)
    server = Server(KELVIN_WORKERS="1", KELVIN_EVIDENCE=str(root))
    yield f"{server.address}/evidence"
    log = server.stop()
    assert "Traceback" not in log, log


def open_page(browser: Browser, address: str, width: int, height: int, theme: str) -> Page:
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    expect(page.locator(f"{MAP} .main-svg").first).to_be_visible()
    return page


def colours(page: Page) -> str:
    return str(page.evaluate(f"JSON.stringify(document.querySelector('{MAP}').data[0].z)"))


def test_from_the_map_to_a_study_and_its_race(browser: Browser, address: str) -> None:
    page = open_page(browser, address, 1440, 900, "light")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    before = colours(page)
    page.get_by_role("radio", name="Rounds").click()
    page.wait_for_function(
        # it is not there for a moment, while Streamlit draws the next one
        f"(before) => {{ const map = document.querySelector('{MAP}'); "
        "return map?.data && JSON.stringify(map.data[0].z) !== before; }",
        arg=before,
    )
    page.mouse.click(*page.evaluate(CELL, [MAP, "lm"]))
    study = page.locator(".st-key-study-lm")
    expect(study.get_by_text(shipped("lm").question)).to_be_in_viewport()
    expect(study.locator(".main-svg").first).to_be_visible()
    expect(study.get_by_text("Rounds until").first).to_be_attached()
    expect(study.locator("summary").first).to_be_focused()
    with page.expect_download() as coming:
        study.get_by_role("button", name="Summary").click()
    assert coming.value.suggested_filename == "lm-summary.parquet"
    assert Path(coming.value.path()).read_bytes()[:4] == b"PAR1"
    study.get_by_role("button", name="Run it here").click()
    wait_for(page, ready=True, state=("running", "paused", "done"))
    given = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(page.url).query))
    assert from_flat(given) == from_flat(shipped("lm").live)
    assert not errors
    page.context.close()


@pytest.mark.parametrize(
    ("theme", "width", "height"),
    [
        ("light", 1440, 900),
        *(
            pytest.param(*way, marks=pytest.mark.slow)
            for way in (("dark", 1280, 720), ("light", 390, 844), ("dark", 390, 844))
        ),
    ],
)
def test_the_page_can_be_read_by_all(
    browser: Browser, address: str, theme: str, width: int, height: int
) -> None:
    page = open_page(browser, address, width, height, theme)
    page.wait_for_timeout(1000)
    page.screenshot(path=SHOTS / f"evidence-{theme}-{width}.png")
    # without a mouse: the list of studies opens one, too
    chooser = page.locator(".st-key-evidence-study input")
    chooser.focus()
    page.keyboard.type(shipped("span").title[:12])
    page.keyboard.press("Enter")
    study = page.locator(".st-key-study-span")
    expect(study.locator(".main-svg").first).to_be_visible()
    page.wait_for_timeout(1500)
    page.screenshot(path=SHOTS / f"evidence-study-{theme}-{width}.png")
    wide = page.evaluate(
        "[document.documentElement, document.querySelector('[data-testid=stMain]')]"
        ".map((one) => one.scrollWidth - one.clientWidth)"
    )
    assert wide == [0, 0], "the page itself does not scroll sideways"
    found = Axe().run(page, context={"include": [["[data-testid=stMain]"]]}, options=RULES)
    serious = [
        f"{one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes'][:4]]}"
        for one in found.response["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert not serious, "\n".join(serious)
    page.context.close()
