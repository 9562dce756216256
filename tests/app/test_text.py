"""What people read: every text that is asked for is there, and every text that is there is asked for by somebody."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.text import FOLDER, catalogue, t

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [path for folder in ("app", "engine") for suffix in ("*.py", "*.js") for path in sorted((ROOT / folder).rglob(suffix)) if "vendor" not in path.parts]
PLAIN = re.compile(r"""\bt\(\s*["'`]([a-z-]+\.[\w-]+)["'`]""")
ANY = re.compile(r"""["'`]([a-z-]+\.[\w-]+)["'`]""")
BUILT = re.compile(r"`([a-z-]+\.[\w-]*)\$\{")
BUILT_PYTHON = re.compile(r"""f["']([a-z-]+\.[\w-]*)\{""")


def test_every_text_asked_for_is_there() -> None:
    texts = catalogue()
    missing = {(path.name, key) for path in SOURCES for key in PLAIN.findall(path.read_text("utf-8")) if key not in texts}
    assert not missing


def test_every_text_is_asked_for() -> None:
    source = "\n".join(path.read_text("utf-8") for path in SOURCES)
    asked, begun = set(ANY.findall(source)), tuple(set(BUILT.findall(source)) | set(BUILT_PYTHON.findall(source)))
    idle = {key for key in catalogue() if key not in asked and not key.startswith(begun)}
    assert not idle


def test_a_text_is_filled_in_and_a_missing_one_is_a_defect() -> None:
    assert t("live.enlarge", number=3) == "Fill the board (3)"
    with pytest.raises(KeyError):
        t("live.enlarge", wrong=3)
    with pytest.raises(KeyError):
        t("live.no-such-text")


def test_one_file_per_area_of_plain_texts() -> None:
    for path in FOLDER.rglob("*.json"):
        assert re.fullmatch(r"[a-z-]+", path.stem)
        assert path.read_text("utf-8").endswith("}\n")
    assert all(catalogue().values())
