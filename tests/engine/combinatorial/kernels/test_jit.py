"""Kept loops are compiled again when any file of kernels has changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from engine.combinatorial.kernels import jit
from engine.combinatorial.kernels.__main__ import alone

HOME = Path(jit.__file__).parent
FIRST = 'INSIDE, WAITING, all_wanted = "LOOPS_COMPILE", [], lambda: True\n'
CALLER = """from .jit import kernel
from .called import twice

@kernel("int64(int64)")
def four_times(x):
    return twice(twice(x))
"""
CALLED = """from .jit import inner

@inner
def twice(x):
    return x * 2
"""


def test_a_change_in_a_called_file_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "loops"
    folder.mkdir()
    (folder / "__init__.py").write_text(FIRST)
    shutil.copy(HOME / "jit.py", folder / "jit.py")
    (folder / "caller.py").write_text(CALLER)

    def answer(called: str) -> str:
        (folder / "called.py").write_text(called)
        program = "from loops.caller import four_times; print(four_times(5))"
        return subprocess.run(
            [sys.executable, "-B", "-c", program],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    assert answer(CALLED) == "20"
    assert list((folder / "__pycache__").glob("*.nbi")), "nothing is kept"
    assert answer(CALLED.replace("x * 2", "x * 3")) == "45"


def test_what_is_not_kept_yet_is_told_and_compiled_by_a_process_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "one" / "two" / "loops"  # as deep as the engine's
    folder.mkdir(parents=True)
    for package in (folder.parent.parent, folder.parent):
        (package / "__init__.py").write_text("")
    (folder / "__init__.py").write_text(FIRST)
    shutil.copy(HOME / "jit.py", folder / "jit.py")
    (folder / "called.py").write_text(CALLED)
    (folder / "caller.py").write_text(CALLER)
    (folder / "__main__.py").write_text("from . import caller; print('apart', flush=True)")
    program = (
        "from one.two import loops; loops.WAITING.append(lambda: print('waits', flush=True));"
        "from one.two.loops.caller import four_times;"
        "print(four_times(5), sum(four_times.stats.cache_hits.values()))"
    )

    def said() -> list[str]:
        command = [sys.executable, "-B", "-c", program]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    assert said() == ["waits", "apart", "20 1"], "this one only loads it"
    assert said() == ["20 1"]


def test_the_lock_touches_nothing_that_a_link_in_its_place_points_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with alone():
        pass
    (lock,) = tmp_path.iterdir()
    lock.unlink()
    other = tmp_path / "other"
    other.write_text("kept")
    lock.symlink_to(other)
    with alone():
        pass
    assert other.read_text() == "kept"
