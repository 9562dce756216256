"""Compare saved runs: the gallery in a real browser, with recordings in its own IndexedDB."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import BrowserContext, FilePayload, Locator, Page, expect

from tests.browser.conftest import ROOT, SHOTS
from tests.browser.walk import GALLERY, Open, ready

pytestmark = pytest.mark.browser

FILE = ROOT / "assets" / "recordings" / "first-screen.kelvin"
BYTES = FILE.read_bytes()
SAVE = """async ([kept, name, times]) => {
    const address = performance.getEntriesByType('resource').map((entry) => entry.name).find((name) => name.endsWith('/gallery/main.js'));
    const { use } = await import(address);  // the page's own modules
    const { saveRecording } = use('data/recording_store.js');
    const { readRecording } = use('data/recording.js');
    const history = await readRecording(await (await fetch('/kelvin/recordings/first-screen.kelvin')).arrayBuffer());
    for (let i = 0; i < times; i++) await saveRecording(history, { kept, name });
}"""


def gallery(open_page: Open, context: BrowserContext | None = None, **options: Any) -> Page:
    """The gallery, reached as a visitor does: through the navigation."""
    return enter(open_page(ready=False, context=context, **options))


def enter(page: Page) -> Page:
    """From the explorer to the gallery."""
    phone = page.viewport_size is not None and page.viewport_size["width"] < 800
    if phone:
        page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_role("link", name="Gallery").click()
    ready(page, GALLERY)
    if phone:
        page.get_by_test_id("stSidebarCollapseButton").locator("button").click()
    expect(page.get_by_test_id("group-shipped").get_by_test_id("card").first).to_be_visible()
    return page


def come_back(page: Page) -> None:
    """Leave Kelvin's page altogether and come again, in the same tab."""
    page.goto(urljoin(page.url, "/"))
    enter(page)


def bring(page: Page, *names: str, content: bytes = BYTES) -> None:
    """Import the shipped recording under other names."""
    page.get_by_test_id("import-file").set_input_files(
        [
            FilePayload(name=f"{name}.kelvin", mimeType="application/octet-stream", buffer=content)
            for name in names
        ]
    )


def card(page: Page, name: str) -> Locator:
    return page.get_by_test_id("card").filter(has=page.locator("h3", has_text=name))


def yours(page: Page) -> list[str]:
    return page.get_by_test_id("group-yours").locator("h3").all_inner_texts()


def compared(page: Page, count: int, chart: str = "chart") -> None:
    """Wait until so many recordings are read and on the chart."""
    area = page.get_by_test_id("compare-area")
    expect(area).to_have_attribute("data-compared", str(count))
    expect(area.get_by_test_id(chart).locator(".main-svg").first).to_be_visible()


def lines(page: Page, script: str) -> Any:
    """Something of every line ``t`` that the chart shows."""
    return page.evaluate(
        f"[...document.querySelector('[data-testid=chart]').data].filter((t) => "
        f"t.visible).map((t) => {script})"
    )


def test_saved_runs_are_compared_in_one_chart_and_one_table(open_page: Open) -> None:
    page = gallery(open_page)
    bring(page, "Monday", "Tuesday")
    expect(page.get_by_test_id("group-yours").get_by_test_id("card")).to_have_count(2)
    card(page, "Monday").get_by_test_id("compare").check()
    card(page, "Tuesday").get_by_test_id("compare").check()
    compared(page, 2)
    assert len(lines(page, "t.name")) == 4
    assert lines(page, "t.line.color").count(lines(page, "t.line.color")[0]) == 2
    assert lines(page, "t.line.dash")[:2] == lines(page, "t.line.dash")[2:]
    assert all("Monday" in text for text in lines(page, "t.hovertemplate")[:2])
    ends = lines(page, "[t.x.at(-1), t.y.at(-1)]")
    results = page.evaluate(
        "window.__gallery.page.own[0].summary.results.map((row) => [row.seconds, row.test_loss])"
    )
    assert ends == results * 2
    page.get_by_test_id("currency-flops").click()
    page.get_by_test_id("measure-test_accuracy").click()
    assert lines(page, "[t.x.at(-1), t.y.at(-1)]")[:2] == page.evaluate(
        "window.__gallery.page.own[0].summary.results.map((row) => [row.flops, row.test_accuracy])"
    )
    expect(page.get_by_test_id("log")).to_be_disabled()
    page.get_by_test_id("measure-loss").click()
    assert page.evaluate("document.querySelector('[data-testid=chart]').layout.yaxis.type") == "log"
    page.get_by_test_id("log").uncheck()
    assert (
        page.evaluate("document.querySelector('[data-testid=chart]').layout.yaxis.type") == "linear"
    )
    page.get_by_test_id("legend-lane").first.click()
    assert len(lines(page, "t.name")) == 3
    table = page.get_by_test_id("results")
    expect(table.locator("tbody tr")).to_have_count(4)
    best = page.evaluate(
        "Math.max(...window.__gallery.page.own[0].summary.results.map((row) => row.test_accuracy))"
    )
    assert {
        text.split()[0]
        for text in table.locator("[data-best][data-column=test_accuracy]").all_inner_texts()
    } == {f"{100 * best:.1f}"}
    assert table.locator("[data-best][data-column=test_accuracy]").count() == 2
    with page.expect_download() as coming:
        page.get_by_test_id("csv").click()
    rows = list(csv.DictReader(io.StringIO(Path(coming.value.path()).read_text("utf-8"))))
    assert [(row["recording"], row["lane"]) for row in rows] == [
        (name, lane) for name in ("Monday", "Tuesday") for lane in ("Simulated annealing", "Adam")
    ]
    assert [[float(row["seconds"]), float(row["test_loss"])] for row in rows[:2]] == results
    assert page.evaluate("window.__gallery.stats.mounts.compare") == 1
    come_back(page)
    compared(page, 2)  # the tab remembers what was compared and how
    assert len(lines(page, "t.name")) == 3
    expect(page.get_by_test_id("currency-flops")).to_have_attribute("aria-pressed", "true")
    page.get_by_test_id("clear-selection").click()
    expect(page.get_by_test_id("compare-area")).to_have_attribute("data-empty", "true")
    assert page.locator("[data-testid=compare]:checked").count() == 0


@pytest.mark.slow
def test_eight_are_compared_and_a_ninth_is_refused_with_a_line(open_page: Open) -> None:
    page = gallery(open_page)
    bring(page, *(f"Race {i}" for i in range(1, 9)))
    expect(page.get_by_test_id("group-yours").get_by_test_id("card")).to_have_count(8)
    for i in range(1, 9):
        card(page, f"Race {i}").get_by_test_id("compare").check()
    compared(page, 8)
    assert len(set(lines(page, "t.line.color"))) == 8
    ninth = page.get_by_test_id("group-shipped").get_by_test_id("compare").first
    ninth.click()
    expect(ninth).not_to_be_checked()
    expect(page.get_by_test_id("notice").filter(has_text="Up to eight")).to_be_visible()
    expect(page.get_by_test_id("compared-count")).to_have_text("8 of 8")
    page.get_by_test_id("jump").click()
    expect(page.get_by_test_id("compare-area")).to_be_in_viewport()


@pytest.mark.slow
def test_search_filters_and_order(open_page: Open) -> None:
    page = gallery(open_page)
    bring(page, "Beta", "Alpha")
    expect(page.get_by_test_id("group-yours").get_by_test_id("card")).to_have_count(2)
    page.get_by_test_id("sort").select_option("name")
    assert yours(page) == ["Alpha", "Beta"]
    page.get_by_test_id("search").fill("beta")
    assert yours(page) == ["Beta"]
    expect(page.get_by_test_id("group-shipped")).to_be_hidden()
    page.get_by_test_id("search").fill("no such thing")
    expect(page.get_by_test_id("no-match")).to_have_text("No recording matches.")
    page.get_by_test_id("clear-filters").click()
    assert yours(page) == ["Alpha", "Beta"]
    expect(page.get_by_test_id("search")).to_be_focused()
    chip = page.get_by_test_id("filter-methods").locator("[data-do=adam]")
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "true")
    expect(chip).to_be_focused()
    assert yours(page) == ["Alpha", "Beta"]


@pytest.mark.slow
def test_rename_delete_undo_export_and_import_again(open_page: Open) -> None:
    page = gallery(open_page)
    bring(page, "First")
    expect(page.get_by_test_id("notice")).to_contain_text("Imported “First”.")
    card(page, "First").get_by_test_id("name").click()
    page.get_by_test_id("new-name").press("Escape")
    assert yours(page) == ["First"]
    card(page, "First").get_by_test_id("rename").click()
    page.get_by_test_id("new-name").fill("<img src=x onerror=alert(1)> & co")
    page.get_by_test_id("new-name").press("Enter")
    name = "<img src=x onerror=alert(1)> & co"
    expect(page.get_by_test_id("group-yours").locator("h3")).to_have_text(name)
    assert page.locator("[data-testid=gallery] img").count() == 0
    expect(page.get_by_test_id("group-yours").get_by_test_id("name")).to_be_focused()
    with page.expect_download() as coming:
        card(page, name).get_by_test_id("export").click()
    assert coming.value.suggested_filename.endswith(".kelvin")
    saved = Path(coming.value.path()).read_bytes()
    assert gzip.decompress(saved) == gzip.decompress(BYTES)
    card(page, name).get_by_test_id("compare").check()
    compared(page, 1)
    card(page, name).get_by_test_id("delete").click()
    expect(page.get_by_test_id("group-yours").get_by_test_id("card")).to_have_count(0)
    expect(page.get_by_test_id("group-yours")).to_contain_text("Nothing here yet.")
    expect(page.get_by_test_id("compare-area")).to_have_attribute("data-empty", "true")
    expect(page.get_by_test_id("undo")).to_be_focused()
    page.get_by_test_id("undo").click()
    expect(page.get_by_test_id("group-yours").locator("h3")).to_have_text(name)
    compared(page, 1)
    card(page, name).get_by_test_id("delete").click()
    expect(page.get_by_test_id("group-yours").get_by_test_id("card")).to_have_count(0)
    come_back(page)
    assert yours(page) == []
    bring(page, "Back again", content=saved)
    # Under the name it was given, whatever its file is called.
    expect(page.get_by_test_id("group-yours").locator("h3")).to_have_text(name)


@pytest.mark.slow
def test_recent_races_are_kept_on_request_and_the_server_tells_the_same_in_short(
    open_page: Open,
) -> None:
    page = gallery(open_page)
    page.evaluate(SAVE, [False, None, 13])
    recent = page.get_by_test_id("group-recent").get_by_test_id("card")
    expect(recent).to_have_count(12)
    recent.first.get_by_test_id("keep").click()
    expect(recent).to_have_count(11)
    expect(page.get_by_test_id("group-yours").locator("h3")).to_contain_text(
        ["Two spirals: Simulated annealing vs Adam"]
    )
    told = page.evaluate(
        """(() => {
            const { own, shipped } = window.__gallery.page;
            return [own[0], shipped.find((one) => one.key === 'first-screen')].map(({ summary, spark }) => ({ summary, spark }));
        })()"""
    )
    assert told[0] == told[1]


@pytest.mark.slow
def test_another_tab_sees_what_is_saved(open_page: Open) -> None:
    page = gallery(open_page)
    other = gallery(open_page, context=page.context)
    other.evaluate(SAVE, [True, "From the other tab", 1])
    expect(page.get_by_test_id("group-yours").locator("h3")).to_have_text("From the other tab")


@pytest.mark.slow
def test_what_is_no_recording_is_refused_and_a_dropped_one_is_taken(open_page: Open) -> None:
    page = gallery(open_page)
    bring(page, "broken", content=BYTES[:5000])
    notice = page.get_by_test_id("notice")
    expect(notice).to_contain_text("“broken.kelvin” was not imported. This recording is incomplete")
    page.evaluate(
        """async () => {
            const file = new File([await (await fetch('/kelvin/recordings/first-screen.kelvin')).arrayBuffer()], 'Dropped.kelvin');
            const transfer = new DataTransfer();
            transfer.items.add(file);
            const tell = (name) => document.querySelector('h1').dispatchEvent(new DragEvent(name, { dataTransfer: transfer, bubbles: true, cancelable: true }));
            tell('dragenter');
            window.veiled = !document.querySelector('.kg-drop').hidden;
            tell('dragover');
            tell('drop');
        }"""
    )
    assert page.evaluate("window.veiled")
    expect(page.locator(".kg-drop")).to_be_hidden()
    expect(page.get_by_test_id("group-yours").locator("h3")).to_have_text("Dropped")


@pytest.mark.slow
def test_open_leads_to_the_explorer_with_the_recording_in_the_address(open_page: Open) -> None:
    page = gallery(open_page)
    bring(page, "Mine")
    page.evaluate(
        "window.addEventListener('beforeunload', () => sessionStorage.setItem('left', '1'))"
    )
    expect(page.get_by_test_id("group-yours").get_by_test_id("card")).to_have_count(1)
    identity = page.evaluate("window.__gallery.page.own[0].id")
    with page.expect_navigation(
        url=lambda address: (
            f"recording=own%3A{identity}" in address or f"recording=own:{identity}" in address
        )
    ):
        card(page, "Mine").get_by_test_id("open").click()
    assert page.evaluate("sessionStorage.getItem('left')") == "1"


@pytest.mark.slow
def test_a_browser_that_stores_nothing_works_in_memory_and_says_so(open_page: Open) -> None:
    first = open_page()
    first.context.add_init_script(
        "Object.defineProperty(window, 'indexedDB', { get() { throw new DOMException('no', "
        "'SecurityError'); } })"
    )
    page = gallery(open_page, context=first.context)
    expect(page.locator("[data-part=warning]")).to_contain_text(
        "They are lost when this page is closed"
    )
    bring(page, "Fleeting")
    expect(page.get_by_test_id("group-yours").locator("h3")).to_have_text("Fleeting")
    assert card(page, "Fleeting").get_by_test_id("open").get_attribute("href") is None
    card(page, "Fleeting").get_by_test_id("compare").check()
    compared(page, 1)
    with page.expect_download() as coming:
        card(page, "Fleeting").get_by_test_id("export").click()
    assert gzip.decompress(Path(coming.value.path()).read_bytes()) == gzip.decompress(BYTES)


@pytest.mark.slow
def test_the_keyboard_reaches_everything(open_page: Open) -> None:
    page = gallery(open_page)
    bring(page, "Mine")
    expect(page.get_by_test_id("group-yours").get_by_test_id("card")).to_have_count(1)
    page.get_by_test_id("group-yours").get_by_test_id("name").focus()
    reached = []
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.dataset.testid"))
    assert reached == ["compare", "rename", "export", "delete", "open"]
    page.get_by_test_id("group-yours").get_by_test_id("compare").focus()
    page.keyboard.press("Space")
    compared(page, 1)
    assert page.evaluate("document.activeElement.dataset.testid") == "compare", (
        "drawing anew leaves the focus where it was"
    )
    nameless = page.evaluate(
        """[...document.querySelectorAll('.kelvin-gallery :is(button, a, input, select, [role=img])')]
            .filter((one) => !(one.getAttribute('aria-label') || one.textContent.trim() || one.closest('label'))).map((one) => one.outerHTML)"""
    )
    assert nameless == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("light", {}),
        ("dark", {"color_scheme": "dark"}),
        ("phone", {"viewport": {"width": 390, "height": 844}}),
    ],
)
def test_other_eyes(open_page: Open, name: str, options: dict[str, Any]) -> None:
    page = gallery(open_page, **options)
    bring(page, "Hot", "Cold and with a name that is far too long for any card to show whole")
    expect(page.get_by_test_id("group-yours").get_by_test_id("card")).to_have_count(2)
    for box in page.get_by_test_id("compare").all()[:4]:
        box.check()
    compared(page, min(4, page.get_by_test_id("compare").count()))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(
        "document.querySelector('.kelvin-gallery').getBoundingClientRect().right <= innerWidth"
    )
    assert page.evaluate(
        "document.querySelector('.kelvin-gallery').classList.contains('kg-dark')"
    ) == (name == "dark")
    page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
    page.screenshot(path=SHOTS / f"gallery-{name}.png")
