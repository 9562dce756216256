"""What walks through the live view have in common: asking it, and waiting for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

Open = Callable[..., Page]
"""Opens a page at an address: the fixture `open_page`."""
SIX = "&panels=loss,weights,network,temperature,agreement,chains"
"""Six panels, all equally large."""
LONG = f"?dataset=moons&lanes=annealing,adam&seconds=300&seed=3{SIX}"
SHORT = f"?dataset=moons&lanes=annealing,adam&evaluations=2e6&seed=3{SIX}"
STEPS_A_SECOND = 200
_SAID = "const v = window.__kelvin?.view; const last = v?.player.history.metrics.at(-1);"


def look(page: Page, script: str, argument: Any = None) -> Any:
    """A value of the live view, ``v``, and of its last metrics, ``last``; ``x`` is the argument."""
    return page.evaluate(f"(x) => {{ {_SAID} return ({script}); }}", argument)


def wait(page: Page, script: str, argument: Any = None) -> None:
    """Until a condition on them holds."""
    page.wait_for_function(f"(x) => {{ {_SAID} return v && ({script}); }}", arg=argument)


def raced(page: Page, script: str, argument: Any = None) -> None:
    """Until it holds of a race that is run, not a recorded one."""
    wait(page, f"last && v.player.source === 'live' && ({script})", argument)


def running(page: Page) -> None:
    """Until a race runs and has been seen some times; from then on it leaves the page a core to
    draw on.
    """
    page.locator('.kelvin[data-state="running"][data-source="live"]').wait_for()
    page.wait_for_function("Number(document.querySelector('.kelvin').dataset.pictures) > 2")
    look(page, "v.transport.speed || v.command({ do: 'speed', value: x })", STEPS_A_SECOND)
