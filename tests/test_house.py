"""The house itself: imports point down, modules have docstrings, pins are exact."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(path for room in ("app", "engine") for path in (ROOT / room).rglob("*.py"))
OURS = {"app", "engine", "tests"}

FORBIDDEN = {
    "engine": ("streamlit", "plotly", "app", "tests"),
    "app": ("tests",),
    "app/live": ("app.pages",),
    "engine/networks": (
        "engine.optimizers",
        "engine.oracle",
        "engine.race.race",
        "engine.observation.observer",
    ),
    "engine/datasets": (
        "engine.networks",
        "engine.optimizers",
        "engine.oracle",
        "engine.race.race",
    ),
    "engine/decoding": (
        "engine.datasets",
        "engine.registry",
        "engine.experiment.model",
        "torch",
        "streamlit",
    ),
    "engine/optimizers": (
        "engine.race.race",
        "engine.observation.observer",
        "engine.observation.planes",
        "engine.messages.recording",
        "engine.workers.pool",
        "engine.experiment.model",
    ),
}
"""What a room must not know of."""

CARRIED = {
    "pydantic_core": "pydantic",
    "urllib3": "requests",
    "PIL": "pillow",
    "typing_extensions": "pydantic",
}
"""Modules that a pinned package brings itself and pins closely enough, or that are called otherwise
than their package."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """The line and the full name of all that a module imports, at its top or in a function,
    relative names made whole.
    """
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join((*base, *([node.module] if node.module else ())))
            for alias in node.names:
                yield node.lineno, f"{origin}.{alias.name}"


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def pins(name: str) -> dict[str, str]:
    """The packages of a requirements file and what is said of each; a line that names no exact
    version fails.
    """
    found = {}
    for number, raw in enumerate((ROOT / name).read_text("utf-8").splitlines(), 1):
        line = raw.split("#")[0].strip()
        if not line or line.startswith("-r "):
            continue
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9][A-Za-z0-9.]*)", line)
        assert match, f"{name}:{number}: {line!r} is not pinned as name==version"
        found[match[1].lower().replace("_", "-")] = match[2]
    return found


@pytest.mark.parametrize("room", FORBIDDEN)
def test_arrows_only_point_down(room: str) -> None:
    offenders = [
        f"{name_of(path)}:{line} imports {module}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for line, module in imports(path)
        if any(within(module, package) for package in FORBIDDEN[room])
    ]
    assert not offenders, f"{room} must not know of {', '.join(FORBIDDEN[room])}: " + "; ".join(
        offenders
    )


def test_modules_say_what_they_are() -> None:
    assert MODULES, "no module was found"
    texts = {name_of(path): path.read_text("utf-8") for path in MODULES}
    offenders = [
        name
        for name, text in texts.items()
        if text.strip() and not ast.get_docstring(ast.parse(text))
    ]
    assert not offenders, "no docstring: " + ", ".join(offenders)


def test_requirements_are_pinned_once() -> None:
    run, dev = pins("requirements.txt"), pins("requirements-dev.txt")
    assert run, "requirements.txt pins nothing"
    assert not run.keys() & dev.keys(), f"pinned in both files: {sorted(run.keys() & dev.keys())}"


def test_what_is_imported_is_pinned() -> None:
    pinned = pins("requirements.txt")
    offenders = []
    for path in MODULES:
        for line, module in imports(path):
            top = module.split(".")[0]
            if (
                top not in OURS | sys.stdlib_module_names
                and CARRIED.get(top, top).replace("_", "-") not in pinned
            ):
                offenders.append(f"{name_of(path)}:{line} imports {top}")
    assert not offenders, "not in requirements.txt: " + "; ".join(offenders)


def test_no_number_depends_on_the_machines_caches() -> None:
    """Sizes of chunks and strips follow fixed rules: the same race gives the same numbers whatever
    cache a machine has.
    """
    asks = re.compile(r"/sys/devices|CACHE_SIZE|cpuinfo|lscpu|l[123]_cache", re.IGNORECASE)
    offenders = [name_of(path) for path in MODULES if asks.search(path.read_text("utf-8"))]
    assert not offenders, f"they ask how large a cache is: {', '.join(offenders)}"
