"""Take the README's pictures of the running explorer.

    python -m tests.tools.pictures

Needs what `make test` installs: Playwright and a browser.
"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import Server, launch
from tests.browser.walk import count, wait_for

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "pictures"
SHOTS = {
    "explore-light": ("?dataset=spirals&lanes=annealing,adam&seconds=30&seed=0", "light", 9),
    "landscapes": (
        "?dataset=landscape&dataset.function=himmelblau&lanes=annealing,cma-es,pso,langevin&seed=3",
        "light",
        60,
    ),
    "routes": (
        "routes?instance=deliveries&lanes=annealing,tempering&seconds=20&seed=0",
        "light",
        8,
    ),
    "explore-dark": ("?dataset=digits&lanes=annealing,eki,pso,adam&seconds=20&seed=0", "dark", 14),
}
"""Name → address, theme, seconds of every lane's own time to wait for (or the end of the race)."""


COMPARED = ("few-weights", "many-weights", "moons-four")
"""Recordings that the picture of the gallery lays side by side."""


def gallery_and_stage(browser: Browser, server: Server) -> None:
    """The gallery with some races side by side, and a moment on the stage."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"{server.address}/gallery")
    page.wait_for_selector("[data-testid=card]")
    for name in COMPARED:
        page.locator(f'[data-testid=card][data-key="{name}"] input[type=checkbox]').check()
    page.wait_for_selector("[data-testid=gallery] .main-svg")
    page.get_by_text("Side by side:").click()
    page.wait_for_timeout(1500)
    page.screenshot(path=FOLDER / "gallery.png")
    page.goto(f"{server.address}/?present=1")
    page.wait_for_selector(".kv-present .main-svg")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(9000)
    page.screenshot(path=FOLDER / "present.png")
    print(FOLDER / "gallery.png", FOLDER / "present.png", sep="\n")
    context.close()


def wait_for_seconds(page: Page, seconds: int) -> None:
    """Wait until every lane has had so much time, or the race is over."""
    page.wait_for_function(
        "(seconds) => { const said = document.querySelector('.kelvin').dataset;"
        " return said.state === 'done' || Number(said.seconds) >= seconds; }",
        arg=seconds,
        timeout=180_000,
    )


def main() -> None:
    """Write the pictures."""
    FOLDER.mkdir(exist_ok=True)
    server = Server(KELVIN_WORKERS="2")
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            gallery_and_stage(browser, server)
            for name, (query, theme, seconds) in SHOTS.items():
                context = browser.new_context(
                    viewport={"width": 1440, "height": 900},
                    color_scheme="dark" if theme == "dark" else "light",
                )
                page = context.new_page()
                page.goto(f"{server.address}/{query}")
                wait_for(page, ready=True, begun=True, frames=1)
                before = count(page, "runs")
                page.get_by_test_id("reset").click()
                wait_for(page, source="live", runs=before + 1)
                wait_for_seconds(page, seconds)
                page.screenshot(path=FOLDER / f"{name}.png")
                print(FOLDER / f"{name}.png")
                context.close()
            browser.close()
    finally:
        server.stop()


if __name__ == "__main__":
    main()
