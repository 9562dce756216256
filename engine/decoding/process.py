"""Starting the process that reads a stranger's file, and waiting for it no longer than it may take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.decoding.limits import refuse

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60.0
"""What reading one file may take."""
KEPT = ("PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
"""All that the process is told of the environment: no secrets."""


def decode(task: str, file: Path, name: str, folder: Path, *rest: str) -> dict[str, Any]:
    """What the process found in the file; what it wrote lies in the folder.

    Args:
        task: "look" or "squares".
        file: where the bytes lie.
        name: what the file is called.
        folder: it may write here.
        rest: of "squares": side and colour.

    Raises:
        BadInput: the file is refused, or took too long, or more memory than it may.
    """
    environment = {key: os.environ[key] for key in KEPT if key in os.environ}
    environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "engine.decoding", task, str(file.resolve()), name, str(folder.resolve()), *rest]
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise refuse(name, f"a file that can be read within {SECONDS:g} seconds") from None
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        why = "it took too much memory or time" if done.returncode < 0 else "the reader gave up on it"
        raise refuse(name, f"a smaller or simpler file ({why})") from None
    if "refused" in answer:
        raise refuse(name, answer["refused"])
    return answer
