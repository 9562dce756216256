"""Read compared races as a benchmark: time to target and share of targets reached, in a real
browser, with races made for it.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, expect

from engine import Experiment, Race
from engine.messages.encoding import decode
from engine.messages.recorder import Recorder
from tests.browser.conftest import SHOTS
from tests.browser.test_gallery import card, come_back, compared, gallery

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
SEEDS = (0, 1, 2)
CURRENCIES = ("evaluations", "seconds", "flops")


@cache
def race(seed: int, hidden: int = 4, amount: float = 20_000) -> tuple[bytes, list[dict[str, Any]]]:
    """Return a short race of two methods as a file, and its metrics."""
    experiment = Experiment.parse(
        {
            "dataset": "moons",
            "network": {"name": "mlp", "hidden": [hidden]},
            "lanes": ["adam", "spsa"],
            "budget": {"currency": "evaluations", "amount": amount},
            "seed": seed,
        }
    )
    running = Race(experiment)
    recorder = Recorder(running)
    for frame in running:
        recorder.add(frame)
    messages = [decode(data) for data in recorder.messages]
    metrics = [message for message in messages if message["type"] == "metrics"]
    with TemporaryDirectory() as folder:
        path = recorder.recording().write(Path(folder) / "race.kelvin")
        return path.read_bytes(), metrics


def bring(page: Page, *races: tuple[str, bytes]) -> None:
    """Import races under names and compare them."""
    page.get_by_test_id("import-file").set_input_files(
        [
            FilePayload(name=f"{name}.kelvin", mimeType="application/octet-stream", buffer=data)
            for name, data in races
        ]
    )
    expect(page.get_by_test_id("group-yours").get_by_test_id("card")).to_have_count(len(races))
    for name, _ in races:
        card(page, name).get_by_test_id("compare").check()


def drawn(page: Page, view: str) -> None:
    """Wait until the chart of a view shows what the table has."""
    page.get_by_test_id(f"view-{view}").click()
    compared(page, page.locator("[data-testid=compare]:checked").count(), f"{view}-chart")
    expect(page.get_by_test_id("fixed-results")).to_be_visible()


def exported(page: Page) -> list[dict[str, str]]:
    with page.expect_download() as coming:
        page.get_by_test_id("fixed-csv").click()
    return list(csv.DictReader(io.StringIO(Path(coming.value.path()).read_text("utf-8"))))


def expected(lane: int, measure: str, currency: str, target: float) -> tuple[int, float, float]:
    """Return how many of a lane's races reached a target, their ERT and their median."""
    costs, spent = [], 0.0
    for seed in SEEDS:
        rows = [message["lanes"][lane] for message in race(seed)[1]]
        good = [
            row[currency]
            for row in rows
            if (row[measure] <= target if measure.endswith("loss") else row[measure] >= target)
        ]
        spent += good[0] if good else rows[-1][currency]
        costs += good[:1]
    ordered = sorted(costs) + [math.inf] * (len(SEEDS) - len(costs))
    return len(costs), spent / len(costs) if costs else math.inf, ordered[1]


def check_times(page: Page, measure: str, currency: str, target: float) -> None:
    """Hold the exported numbers to those of the races themselves."""
    rows = exported(page)
    assert [row["method"] for row in rows] == ["Adam", "SPSA"]
    for lane, row in enumerate(rows):
        assert (row["quantity"], row["currency"]) == (measure, currency)
        assert float(row["target"]) == target
        reached, ert, median = expected(lane, measure, currency, target)
        assert (int(row["runs"]), int(row["reached"])) == (3, reached)
        assert float(row["expected_running_time"]) == pytest.approx(ert, rel=1e-12)
        assert float(row["median"]) == pytest.approx(median, rel=1e-12)
        expect(page.get_by_test_id("fixed-results").locator("tbody tr").nth(lane)).to_contain_text(
            f"{reached} of 3"
        )


def set_target(page: Page, text: str) -> None:
    page.get_by_test_id("target").fill(text)
    page.get_by_test_id("target").press("Enter")


@pytest.mark.slow
def test_races_are_read_as_a_benchmark(open_page: Open) -> None:
    page = gallery(open_page)
    bring(page, *((f"Mine {seed}", race(seed)[0]) for seed in SEEDS))
    drawn(page, "time")
    page.get_by_test_id("measure-loss").click()
    page.get_by_test_id("currency-evaluations").click()
    usual = float(page.get_by_test_id("target").input_value())
    check_times(page, "loss", "evaluations", usual)
    both = sum(expected(lane, "loss", "evaluations", usual)[0] for lane in (0, 1))
    assert 3 <= both < 6, "about half of the runs reach the target that is there at first"
    marks = page.evaluate(
        "document.querySelector('[data-testid=time-chart]').data.slice(0, 2)"
        ".map((t) => t.marker.symbol)"
    )
    assert [len(symbols) for symbols in marks] == [3, 3]
    assert sum("open" not in symbol for symbols in marks for symbol in symbols) == both

    set_target(page, "0.5")
    for currency in CURRENCIES:
        page.get_by_test_id(f"currency-{currency}").click()
        check_times(page, "loss", currency, 0.5)
    set_target(page, "1e-9")
    check_times(page, "loss", "flops", 1e-9)
    expect(page.get_by_test_id("fixed-results")).to_contain_text("∞")
    set_target(page, "low")
    expect(page.get_by_test_id("target-wrong")).to_contain_text("“low” is no number")
    check_times(page, "loss", "flops", 1e-9)
    page.get_by_test_id("target-slider").press("Home")
    expect(page.get_by_test_id("target-wrong")).to_be_hidden()
    expect(page.get_by_test_id("fixed-results")).to_contain_text("3 of 3")
    page.get_by_test_id("target-reset").click()
    assert float(page.get_by_test_id("target").input_value()) == usual
    page.get_by_test_id("measure-test_accuracy").click()
    set_target(page, "80")
    check_times(page, "test_accuracy", "flops", 0.8)
    set_target(page, "101")
    expect(page.get_by_test_id("target-wrong")).to_contain_text("0 to 100")

    drawn(page, "share")
    page.get_by_test_id("measure-loss").click()
    page.get_by_test_id("currency-evaluations").click()
    rows = exported(page)
    assert {row["method"] for row in rows} == {"Adam", "SPSA"}
    losses = [[m["lanes"][lane]["loss"] for m in race(s)[1]] for s in SEEDS for lane in (0, 1)]
    worst, best = max(one[0] for one in losses), min(map(min, losses))
    targets = [worst * (best / worst) ** (i / 30) for i in range(30)] + [best]
    for lane, method in enumerate(("Adam", "SPSA")):
        last = [row for row in rows if row["method"] == method][-1]
        pairs = [
            any(m["lanes"][lane]["loss"] <= target * (1 + 1e-12) for m in race(seed)[1])
            for seed in SEEDS
            for target in targets
        ]
        assert float(last["share"]) == pytest.approx(sum(pairs) / len(pairs), rel=1e-12)
        assert float(last["cost"]) == max(
            race(seed)[1][-1]["lanes"][lane]["evaluations"] for seed in SEEDS
        )
    shares = [float(row["share"]) for row in rows if row["method"] == "Adam"]
    assert shares == sorted(shares)
    labels = page.evaluate(
        "document.querySelector('[data-testid=share-chart]').layout.annotations.map((a) => a.text)"
    )
    assert [label.split()[-1] for label in labels] == ["Adam", "SPSA"]

    come_back(page)  # the tab remembers the view
    expect(page.get_by_test_id("view-share")).to_have_attribute("aria-selected", "true")
    page.get_by_test_id("view-share").press("Home")
    expect(page.get_by_test_id("view-curves")).to_be_focused()
    expect(page.get_by_test_id("results")).to_be_visible()
    expect(page.get_by_test_id("fixed")).to_be_hidden()


@pytest.mark.slow
def test_problems_are_not_mixed(open_page: Open) -> None:
    page = gallery(open_page)
    bring(
        page,
        ("Four hidden", race(0)[0]),
        ("Again", race(0)[0]),
        ("Five hidden", race(0, hidden=5)[0]),
    )
    drawn(page, "time")
    expect(page.get_by_test_id("problems-differ")).to_contain_text("differ in network (hidden)")
    options = page.get_by_test_id("problem").locator("option")
    assert [text.rsplit(" · ", 1)[1] for text in options.all_inner_texts()] == [
        "hidden 4: 2 of 3 recordings",
        "hidden 5: 1 of 3 recordings",
    ]
    expect(page.get_by_test_id("fixed-results")).to_contain_text("of 2")
    expect(page.get_by_test_id("fixed-note")).to_contain_text("2 repeat another one")
    page.get_by_test_id("problem").select_option(index=1)
    expect(page.get_by_test_id("fixed-results")).to_contain_text("of 1")
    expect(page.get_by_test_id("fixed-note")).not_to_contain_text("repeat")
    for name in ("Four hidden", "Again"):
        card(page, name).get_by_test_id("compare").uncheck()
    expect(page.get_by_test_id("problems-differ")).to_be_hidden()
    expect(page.get_by_test_id("problem")).to_be_hidden()


@pytest.mark.slow
def test_what_has_no_accuracy_says_so(open_page: Open) -> None:
    page = gallery(open_page)
    for name in ("quenched", "many-dimples"):
        page.locator(f"[data-key={name}]").get_by_test_id("compare").check()
    drawn(page, "share")
    expect(page.get_by_test_id("fixed-results").locator("tbody tr")).to_have_count(4)
    page.get_by_test_id("measure-accuracy").click()
    expect(page.get_by_test_id("fixed-nothing")).to_contain_text("no accuracy")
    expect(page.get_by_test_id("fixed-results")).to_be_hidden()
    page.get_by_test_id("measure-loss").click()
    expect(page.get_by_test_id("fixed-results")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("light", {}),
        ("dark", {"color_scheme": "dark"}),
        ("phone", {"viewport": {"width": 390, "height": 844}}),
    ],
)
def test_nothing_is_cut_off_or_tiny(open_page: Open, name: str, options: dict[str, Any]) -> None:
    page = gallery(open_page, **options)
    page.locator("[data-key=quenched]").get_by_test_id("compare").check()
    page.locator("[data-key=many-dimples]").get_by_test_id("compare").check()
    for view in ("time", "share"):
        drawn(page, view)
        page.get_by_test_id("compare-area").scroll_into_view_if_needed()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        outside = page.evaluate(
            """(view) => {
                const chart = document.querySelector(`[data-testid=${view}-chart]`);
                const box = chart.getBoundingClientRect();
                return [...chart.querySelectorAll('text')].filter((one) => one.textContent.trim()).flatMap((one) => {
                    const at = one.getBoundingClientRect();
                    const fine = at.left >= box.left - 1 && at.right <= box.right + 1 && at.top >= box.top - 1
                        && at.bottom <= box.bottom + 1 && parseFloat(getComputedStyle(one).fontSize) >= 11;
                    return fine ? [] : [one.textContent];
                });
            }""",
            view,
        )
        assert outside == []
        tiny = page.evaluate(
            "[...document.querySelectorAll('[data-testid=fixed] *')].filter((one) => "
            "one.checkVisibility() && [...one.childNodes].some((n) => n.nodeType === 3 && "
            "n.textContent.trim()) && parseFloat(getComputedStyle(one).fontSize) < 11)"
            ".map((one) => one.textContent)"
        )
        assert tiny == []
        page.screenshot(path=SHOTS / f"target-{view}-{name}.png")
