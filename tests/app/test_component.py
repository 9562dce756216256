"""Where a component finds Kelvin's files, whatever path the page came by."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from app.live.component import bootstrap
from tests.node import NODE

PAGES = [
    ("http://host/static/js/index.abc.js", "", ""),
    ("http://host/tools/static/js/index.abc.js", "/tools", "/tools"),
    ("http://host/cut/static/js/index.abc.js", "", "/cut"),
    ("http://host/cut/off/static/js/index.abc.js?x=1", "/tools", "/cut/off"),
    (None, "/tools", "/tools"),
]


@pytest.mark.parametrize(("script", "told", "found"), PAGES)
def test_its_files_lie_below_the_path_of_the_page_that_asks(
    script: str | None, told: str, found: str, tmp_path: Path
) -> None:
    (tmp_path / "module.mjs").write_text(
        (
            "export const mount = (component) => console.log(JSON.stringify([component.data, "
            "component.key]));\n"
        ),
        "utf-8",
    )
    code = bootstrap("main.js", "gone").replace("import(`", "asked(`")
    page = f"""
      globalThis.window = {{ location: {{ origin: "http://host" }} }};
      globalThis.document = {{ querySelector: () => ({json.dumps({"src": script} if script else None)}) }};
      globalThis.asked = (address) => (console.log(address), import("./module.mjs"));
    """
    (tmp_path / "code.mjs").write_text(code, "utf-8")
    data = json.dumps({"base": told, "version": "v", "other": 1})
    run = (
        f"{page}\nconst {{ default: mount }} = await import('./code.mjs');\nmount({{ data: "
        f"{data}, key: 'live', parentElement: {{ isConnected: true }} }});"
        f"mount({{ data: {data}, key: 'removed', parentElement: {{ isConnected: false }} }});\n"
    )
    (tmp_path / "run.mjs").write_text(run, "utf-8")
    said = subprocess.run(
        [NODE, "run.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    ).stdout.splitlines()
    assert said[0] == f"http://host{found}/kelvin/bundle/@v/main.js"
    assert [json.loads(line) for line in said if line.startswith("[")] == [
        [{"base": found, "version": "v", "other": 1}, "live"]
    ], "mounted where it is on the page, and nowhere else"
