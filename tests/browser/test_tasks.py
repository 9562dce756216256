"""A researcher's task with the clicks counted; a student's is in `test_first_minute`, a lecturer's in
`test_playlist`.
"""

from __future__ import annotations

import csv
import io
import random
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SHOTS
from tests.browser.walk import Open, look, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def table(path: Path) -> Path:
    """Write a table of two classes, which a line cannot separate."""
    chance = random.Random(0)
    rows = [[chance.uniform(-1, 1), chance.uniform(-1, 1)] for _ in range(300)]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["height", "width", "kind"])
    writer.writerows([*row, "in" if row[0] * row[1] > 0 else "out"] for row in rows)
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def test_a_researcher_races_three_methods_on_a_table_and_takes_the_results_as_csv(
    open_page: Open, tmp_path: Path
) -> None:
    page = open_page(viewport={"width": 1440, "height": 900})
    wait_for(page, ready=True, frames=3)
    view = page.locator(".kelvin")
    clicks = 0

    def click(locator: object) -> None:
        nonlocal clicks
        clicks += 1
        locator.click()  # type: ignore[attr-defined]

    sidebar = page.get_by_test_id("stSidebar")
    click(sidebar.get_by_role("button", name="change"))
    click(page.get_by_role("button", name="Your own data"))
    clicks += 1  # the file is picked in the system's own window
    sidebar.locator("input[type=file]").set_input_files(table(tmp_path / "kinds.csv"))
    expect(sidebar.get_by_text("kinds.csv").first).to_be_visible()
    expect(view).to_have_attribute("data-asked", re.compile(r"^own-table .*[\w-]+,[\w-]+$"))
    click(sidebar.get_by_role("button", name="Add a lane"))
    expect(view).to_have_attribute("data-asked", re.compile(r" [\w-]+,[\w-]+,[\w-]+$"))
    click(page.get_by_test_id("run"))
    wait_for(page, source="live", frames=21)
    assert look(page, "v.player.history.stage.lanes.length") == 3
    click(page.get_by_test_id("menu-export"))
    with page.expect_download() as found:
        click(page.get_by_test_id("export-csv"))
    rows = list(csv.DictReader(Path(found.value.path()).read_text("utf-8").splitlines()))
    assert len(rows) > 20
    page.screenshot(path=SHOTS / "task-researcher.png")
    assert clicks <= 10
