"""The frontend's modules in one file: a browser that has to ask for eighty waits for the last of
them, and the server has its hands full while Streamlit still starts.

Every module becomes a function that is run when it is first used, and gives what the module
exports. The modules are written so that little has to be known of JavaScript for that: imports and
exports begin their line, nothing exported is ever assigned anew, and no two modules import each
other.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path, PurePosixPath

FRONTEND = Path(__file__).resolve().parent / "frontend"
ENTRIES = ("main.js", "present/main.js", "gallery/main.js")
"""What pages import."""

_TYPES = re.compile(r"(?:^|(?<=[\s(\[,{]))/\*\*.*?\*/", re.DOTALL | re.MULTILINE)
_IMPORT = re.compile(r"^import\s*\{([^}]*)\}\s*from\s*\"(\.[^\"]+)\";", re.MULTILINE)
_LATER = re.compile(r"\bimport\(\"(\.[^\"]+)\"\)")
_DECLARED = re.compile(
    r"^export (?=(?:async function\*?|function\*?|class|const) ([\w$]+))", re.MULTILINE
)
_NAMED = re.compile(r"(?:^|(?<=[;}]))export ?\{([^}]*)\};?", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_START = """const makers = {}, made = {};
const use = (name) => (made[name] ??= makers[name]());
"""


@lru_cache(maxsize=1)
def version() -> str:
    """What the frontend's files are in, twelve digits: part of their address, so that a browser may
    keep them for ever.
    """
    digest = hashlib.sha256()
    for path in sorted(FRONTEND.rglob("*.*")):
        digest.update(path.relative_to(FRONTEND).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@lru_cache(maxsize=len(ENTRIES))
def bundle(entry: str) -> bytes:
    """A module with all that it imports, at once or later, as one module, gzipped.

    Args:
        entry: its path below the frontend.

    It exports what the module does, and ``use``, which gives what any module in it exports: for
    those who look into a page.
    """
    return gzip.compress(source(entry).encode(), 6)


def source(entry: str) -> str:
    """The same as text."""
    makers: dict[str, str] = {}
    exported: list[str] = []
    waiting = [entry]
    while waiting:
        path = waiting.pop()
        if path not in makers:
            needed, names, body = _taken_apart(path)
            waiting += needed
            makers[path] = (
                f"makers[{json.dumps(path)}] = () => {{\n{body.strip()}\nreturn {{ "
                f"{', '.join(names)} }};\n}};\n"
            )
            if path == entry:
                exported = [name.partition(":")[0] for name in names]
    return (
        f"{_START}{''.join(makers.values())}export {{ use }};\nexport const {{ "
        f"{', '.join(exported)} }} = use({json.dumps(entry)});\n"
    )


def _taken_apart(path: str) -> tuple[list[str], list[str], str]:
    """The modules a module imports, what it exports ("name" or "name: what it is inside"), and what
    is left of it.
    """
    needed: list[str] = []
    names: list[str] = []

    def found(relative: str) -> str:
        target = (
            (FRONTEND / path).parent.joinpath(relative).resolve().relative_to(FRONTEND).as_posix()
        )
        needed.append(target)
        return json.dumps(target)

    def imported(match: re.Match[str]) -> str:
        return f"const {{{match[1].replace(' as ', ': ')}}} = use({found(match[2])});"

    def listed(match: re.Match[str]) -> str:
        for name in filter(None, map(str.strip, match[1].split(","))):
            inside, _, outside = name.partition(" as ")
            names.append(f"{outside}: {inside}" if outside else inside)
        return ""

    def declared(match: re.Match[str]) -> str:
        names.append(match[1])
        return ""

    body = _TYPES.sub("", (FRONTEND / PurePosixPath(path)).read_text("utf-8"))
    body = _IMPORT.sub(imported, body)
    body = _LATER.sub(lambda match: f"Promise.resolve().then(() => use({found(match[1])}))", body)
    body = _NAMED.sub(listed, _DECLARED.sub(declared, body))
    left = _LEFT.search(body)
    if left:
        raise ValueError(f"{path}: {left[0]!r} is not how Kelvin's modules import and export")
    return needed, names, body
