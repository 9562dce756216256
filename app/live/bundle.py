"""Bundle the frontend's modules into one file: a browser that requests eighty files waits for the
last of them, and the server is busy while Streamlit starts.

Every module becomes a function that is run when it is first used, and returns the module's exports.
The modules follow rules so that this needs little knowledge of JavaScript: imports and exports
begin their line, exported variables are never reassigned, and no two modules import each other.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path, PurePosixPath

FRONTEND = Path(__file__).resolve().parent / "frontend"
ENTRIES = ("main.js", "dataset_picker/main.js", "present/main.js", "gallery/main.js")
"""The modules that pages import."""

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
    """Return the version of the frontend's files, twelve digits: part of their URL, so that a
    browser may cache them for ever.
    """
    digest = hashlib.sha256()
    for path in sorted(FRONTEND.rglob("*.*")):
        digest.update(path.relative_to(FRONTEND).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@lru_cache(maxsize=len(ENTRIES))
def bundle(entry: str) -> bytes:
    """Return a module with all its static and dynamic imports as one module, gzipped.

    Args:
        entry: its path below the frontend.

    It exports what the module exports, and ``use``, which returns the exports of any module in it,
    for debugging.
    """
    return gzip.compress(source(entry).encode(), 6)


def source(entry: str) -> str:
    """Return the same as text."""
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
    """Return the modules that a module imports, its exports ("name" or "name: its internal name"),
    and the rest of its text.
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
