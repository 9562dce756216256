"""What walks through the pages have in common: asking them, and waiting for them.

Walks wait for the attributes by which a page says how it stands (ARCHITECTURE.md names them) and
for what a person sees, never for fields inside; those are read when the waiting is over.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Frame, Page, expect

Open = Callable[..., Page]
"""Opens a page at an address: the fixture `open_page`."""
SIX = "&panels=loss,weights,network,temperature,agreement,chains"
"""Six panels, all equally large."""
LONG = f"?dataset=moons&lanes=annealing,adam&seconds=300&seed=3{SIX}"
SHORT = f"?dataset=moons&lanes=annealing,adam&evaluations=2e6&seed=3{SIX}"
STEPS_A_SECOND = 200
VIEW, GALLERY, STAGE = ".kelvin", ".kelvin-gallery", ".kv-present"
"""The roots of the live view, the gallery and the stage."""
_SAID = "const v = window.__kelvin?.view; const last = v?.player.history.metrics.at(-1);"
_HOLDS = """({ root, exact, least }) => {
    const says = (name) => document.querySelector(root)?.getAttribute(`data-${name}`);
    return Object.entries(exact).every(([name, texts]) => texts.includes(says(name)))
        && Object.entries(least).every(([name, number]) => Number(says(name) ?? NaN) >= number);
}"""


def eventually(holds: Callable[[], bool], page: Page) -> None:
    """Wait until a condition holds that the page does not tell by its attributes."""
    from tests.browser.conftest import PATIENCE  # which imports this module

    deadline = time.monotonic() + PATIENCE / 1000
    while not holds():
        assert time.monotonic() < deadline, "it never held"
        page.wait_for_timeout(50)


def look(page: Page, script: str, argument: Any = None) -> Any:
    """A value of the live view, ``v``, and of its last metrics, ``last``; ``x`` is the argument."""
    return page.evaluate(f"(x) => {{ {_SAID} return ({script}); }}", argument)


def wait_for(
    page: Page | Frame, root: str = VIEW, /, **wanted: str | bool | int | tuple[str, ...]
) -> None:
    """Wait until the attributes of a page's root say so at one moment: a text just so, one of
    several texts, or a number that is as large or larger.
    """
    exact: dict[str, tuple[str, ...]] = {}
    least: dict[str, int] = {}
    for name, value in wanted.items():
        if isinstance(value, bool):
            exact[name] = (str(value).lower(),)
        elif isinstance(value, int):
            least[name] = value
        else:
            exact[name] = (value,) if isinstance(value, str) else value
    page.wait_for_function(_HOLDS, arg={"root": root, "exact": exact, "least": least})


def told(page: Page, name: str) -> str:
    """What the live view says of itself in one of its attributes."""
    return page.locator(VIEW).get_attribute(f"data-{name}") or ""


def count(page: Page, name: str) -> int:
    """The number that the live view says in one of its attributes."""
    return int(told(page, name))


def steps(page: Page) -> list[int]:
    """The steps of every lane, as of the newest frame."""
    return [int(step) for step in told(page, "steps").split(",")]


def ready(page: Page | Frame, root: str = VIEW) -> None:
    """Wait until a page stands."""
    wait_for(page, root, ready=True)


def wait_for_state(page: Page, *states: str) -> None:
    """Wait until the race of the live view is in one of these states."""
    wait_for(page, state=states)


def goes_on(page: Page, frames: int = 1) -> None:
    """Wait until so many frames more of the race are there."""
    wait_for(page, frames=count(page, "frames") + frames)


def stepped(page: Page, least: list[int]) -> None:
    """Wait until every lane has taken so many steps of a race that is run."""
    wait_for(page, source="live")
    page.wait_for_function(
        "([root, least]) => { const said = document.querySelector(root)?.dataset.steps;"
        " const steps = said ? said.split(',') : [];"
        " return least.every((step, i) => Number(steps[i]) >= step); }",
        arg=[VIEW, least],
    )


def moves(page: Page) -> None:
    """Wait until every lane of the race on the screen has taken another step."""
    stepped(page, [step + 1 for step in steps(page)])


def running(page: Page) -> None:
    """Wait until a race runs and has been seen some times; from then on it leaves the page a core
    to draw on.
    """
    wait_for(page, state="running", source="live", pictures=3)
    look(page, "v.transport.speed || v.command({ do: 'speed', value: x })", STEPS_A_SECOND)


def run(page: Page) -> None:
    """Press Run and wait for the first pictures of the new race."""
    before = count(page, "runs")
    page.get_by_test_id("run").click()
    wait_for(page, runs=before + 1, source="live", pictures=3)


def linked(page: Page, **entries: str) -> None:
    """Wait until the address says so."""
    page.wait_for_function(
        "(x) => { const q = new URL(location.href).searchParams; return "
        "Object.entries(x).every(([key, value]) => q.get(key) === value); }",
        arg=entries,
    )


def enlarged(page: Page, panel: str | None) -> None:
    """Wait until a panel fills the board, or none does."""
    whole = page.locator("[data-do=enlarge][aria-pressed=true]")
    expect(whole).to_have_count(0 if panel is None else 1)
    if panel is not None:
        expect(page.get_by_test_id(f"enlarge-{panel}")).to_have_attribute("aria-pressed", "true")


def points(page: Page, panel: str, least: dict[int, int]) -> None:
    """Wait until traces of a chart, by their numbers, have so many points or more."""
    page.wait_for_function(
        "([panel, least]) => { const plot = document.querySelector(`[data-plot=${panel}]`);"
        " const said = plot?.dataset.points?.split(',') ?? [];"
        " return Object.entries(least).every(([at, number]) => Number(said[at] ?? 0) >= number); }",
        arg=[panel, least],
    )
