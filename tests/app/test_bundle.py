"""A page's modules in one file."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from app.live import bundle
from tests.node import NODE

MODULES = {
    "main.js": """/** The door. */

import { double as twice, ONE } from "./tools/number.js";
import {
  hello,
} from "./words.js";

export async function later() {
  const { shout } = await import("./words.js");
  return shout("x");
}
/** A type that tells of import("./nowhere.js"). @param {import("./nowhere.js").Nothing} _x */
export function mount(_x) {
  return `${hello} ${twice(ONE)}`;
}
export class View {}
export const MOST = 3;
""",
    "tools/number.js": (
        'import { hello } from "../words.js";\nexport const ONE = hello.length - 4;\nexport '
        "function double(x) {\n  return 2 * x;\n}\n"
    ),
    "words.js": (
        'const greeting = "hello";\nlet times = 0;\nfunction loud(x) { times += 1; return '
        "x.toUpperCase() + times; }\nexport { greeting as hello, loud as shout };\n"
    ),
}


@pytest.fixture
def front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in MODULES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.setattr(bundle, "FRONTEND", tmp_path)
    return tmp_path


def test_a_bundle_does_what_its_modules_do(front: Path) -> None:
    (front / "bundle.mjs").write_text(bundle.source("main.js"), "utf-8")
    (front / "package.json").write_text('{"type": "module"}', "utf-8")
    told = """import * as all from "./NAME";
      console.log(Object.keys(all).filter((name) => name !== "use").sort().join(), all.mount(), await all.later(), await all.later(), typeof all.View, all.MOST);"""
    found = []
    for name in ("main.js", "bundle.mjs"):
        (front / "told.mjs").write_text(told.replace("NAME", name), "utf-8")
        found.append(
            subprocess.run(
                [NODE, "told.mjs"],
                cwd=front,
                capture_output=True,
                text=True,
                check=True,
                timeout=300,
            ).stdout
        )
    assert "use" in (front / "bundle.mjs").read_text("utf-8").splitlines()[-2]
    assert found == ["MOST,View,later,mount hello 2 X1 X2 function 3\n"] * 2


@pytest.mark.parametrize(
    "line",
    [
        "export default 3;",
        'import everything from "./words.js";',
        'import * as words from "./words.js";',
        'import "./words.js";',
        'export * from "./words.js";',
    ],
)
def test_what_the_modules_do_not_do_is_not_passed_over(front: Path, line: str) -> None:
    (front / "main.js").write_text(f"{line}\n", "utf-8")
    with pytest.raises(
        ValueError, match=r"^main\.js: .* is not how Kelvin's modules import and export$"
    ):
        bundle.source("main.js")


@pytest.mark.parametrize("entry", bundle.ENTRIES)
def test_every_module_a_page_needs_is_in_its_bundle_once(entry: str) -> None:
    text = bundle.source(entry)
    made = re.findall(r'^makers\["([^"]+)"\] = ', text, re.MULTILINE)
    assert len(made) == len(set(made))
    assert set(re.findall(r'\buse\("([^"]+)"\)', text)) == set(made)
    assert entry in made
    assert text.splitlines()[-1].startswith("export const { mount, unmount")


def test_no_two_modules_import_each_other() -> None:
    """A module that is still being made has nothing to give yet."""
    done: set[str] = set()

    def visit(path: str, above: tuple[str, ...]) -> None:
        assert path not in above, f"{' → '.join((*above, path))}"
        if path not in done:
            done.add(path)
            for match in re.finditer(
                r'^import [^;]*? from "(\.[^"]+)";',
                (bundle.FRONTEND / path).read_text("utf-8"),
                re.MULTILINE,
            ):
                visit(
                    (bundle.FRONTEND / path)
                    .parent.joinpath(match[1])
                    .resolve()
                    .relative_to(bundle.FRONTEND)
                    .as_posix(),
                    (*above, path),
                )

    for entry in bundle.ENTRIES:
        visit(entry, ())
    assert len(done) > 60


def test_the_version_is_another_when_any_file_is(front: Path) -> None:
    def version() -> str:
        bundle.version.cache_clear()
        return bundle.version()

    try:
        first = version()
        assert re.fullmatch(r"[0-9a-f]{12}", first)
        assert version() == first
        (front / "live.css").write_text("a { color: red }", "utf-8")
        second = version()
        (front / "live.css").rename(front / "other.css")
        assert len({first, second, version()}) == 3
    finally:
        bundle.version.cache_clear()
