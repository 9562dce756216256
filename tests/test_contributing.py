"""The method in CONTRIBUTING.md works as it stands there: one new file, no edit elsewhere."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def test_a_method_is_one_new_file(tmp_path: Path) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert sum(bool(line.strip()) for line in code.splitlines()) <= 40
    shutil.copytree(
        ROOT / "engine", tmp_path / "engine", ignore=shutil.ignore_patterns("__pycache__")
    )
    (tmp_path / "engine" / "optimizers" / "one_plus_one_es.py").write_text(code, "utf-8")

    def engine(*arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "engine", *arguments, "--json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    listed = engine("list")["optimizers"]
    assert isinstance(listed, list)
    family = [method["name"] for method in listed if method["family"] == "Evolution"]
    assert family[-1] == "one-plus-one-es"
    assert [method["family"] for method in listed] == sorted(
        [method["family"] for method in listed],
        key=[method["family"] for method in listed].index,
    )
    race = ("--dataset", "moons", "--optimizer", "one-plus-one-es", "--evaluations", "800000")
    (lane,) = engine("run", *race, "--set", "one-plus-one-es.sigma=0.5")["lanes"]
    assert lane["loss"] < 0.45  # 0.7 at the start
    assert lane["accuracy"] > 0.8
