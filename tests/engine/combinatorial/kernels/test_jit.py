"""Kept loops are compiled again when any file of kernels has changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from engine.combinatorial.kernels import jit

HOME = Path(jit.__file__).parent
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
    (folder / "__init__.py").write_text("")
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
