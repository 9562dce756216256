"""What people read: every text that is asked for is there, every text that is there is asked for by
somebody, and none stands in the code.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.text import FOLDER, catalogue, t

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    path
    for folder in ("app", "engine")
    for suffix in ("*.py", "*.js")
    for path in sorted((ROOT / folder).rglob(suffix))
    if "vendor" not in path.parts
]
PLAIN = re.compile(r"""\bt\(\s*["'`]([a-z-]+\.[\w-]+)["'`]""")
ANY = re.compile(r"""["'`]([a-z-]+\.[\w-]+)["'`]""")
BUILT = re.compile(r"`([a-z-]+\.[\w-]*)\$\{")
BUILT_PYTHON = re.compile(r"""f["']([a-z-]+\.[\w-]*)\{""")

_WORD = r"[A-Za-z][a-z’']+"
PROSE = re.compile(rf"(?<![\w$.#%/-]){_WORD} (?:a )?{_WORD}(?![\w(=/-])")
SENTENCE = re.compile(rf"(?<![\w$.#%/-]){_WORD}(?:,? (?:a )?{_WORD}){{3}}(?![\w(=/-])")

_HOLE = r"\$\{(?:[^{}`]|`(?:\\.|\$\{[^{}]*\}|[^`\\])*`|\{[^{}]*\})*\}"
JS_TOKEN = re.compile(
    r"//[^\n]*|/\*.*?\*/"
    r"|(?<=[=(,:!&|?\s])/(?![/*\s])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+/[a-z]*"
    r"""|(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|"""
    rf"`(?:\\.|{_HOLE}|[^`\\])*`)",
    re.DOTALL,
)
JS_UNSEEN = re.compile(r"(?:(?<!User)Error|querySelector(?:All)?|closest)\($")
"""What stands before a literal that nobody reads: a defect's name for the console, a selector."""
JS_SAID = re.compile(r'(?:title|aria-label|placeholder|alt)="([^"]*)"')
PYTHON_UNREAD = {"key", "icon", "description"}
"""Keywords of calls that no visitor reads."""
WIDGETS = {"knobs", "number", "pills", "scale", "select", "widget"}
"""Of app/widgets.py: their first argument is a key."""
READ_ENTRIES = {"sentence", "text", "title"}
"""Entries of a dict that reach the page."""

EXCEPTIONS = {
    "export/csv.js": "heads of columns, which programs read",
    "export/python.js": "lines of a program",
    "panels/network/text_samples.js": "names of fonts",
    "panels/chains.js swap rate": "what a method calls one of its numbers",
    "panels/temperature.js step size": "what a method calls one of its numbers",
    "evidence.py only errors are counted": "a situation, as the files of the studies call it",
    "evidence.py Results written by `study run --out`, instead of those that ship.": (
        "what a command says in a terminal"
    ),
    "evidence.py a folder with results of ": "what a command says in a terminal",
    "evidence.py python -m engine study run all --jobs 2": "a command",
    "live/shipped.py at least one moment": "for the log",
    "replay.py": "what a command says in a terminal",
}
"""Files, or single literals in them, that are not in the catalogue, and why."""


def literals(source: str) -> Iterator[str]:
    """The string literals of a JavaScript source as they are read: without what is filled in, and
    without markup, whose spoken attributes come by themselves.
    """
    for match in JS_TOKEN.finditer(source):
        literal = match["text"]
        if literal is None:
            continue
        if literal[0] == "`":
            for hole in re.findall(_HOLE, literal, re.DOTALL):
                yield from literals(hole[2:-1])
            literal = re.sub(_HOLE, "…", literal, flags=re.DOTALL)
        if JS_UNSEEN.search(source[: match.start()].rstrip()):
            continue
        yield from JS_SAID.findall(literal)
        yield from re.sub(r"<[^>]*>", "\0", literal[1:-1]).split("\0")


def prose_of_javascript(source: str) -> list[str]:
    """What reads like words to somebody."""
    return [literal for literal in literals(source) if PROSE.search(literal)]


def prose_of_python(source: str) -> list[str]:
    """Words that are handed to a widget, a chart, a refusal or a viewer, and whole sentences
    wherever they stand.
    """
    tree = ast.parse(source)
    unread: set[int] = set()
    read: list[ast.AST] = []
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Assert():  # a docstring; a defect
                unread |= {
                    id(one)
                    for one in ast.walk(
                        node if isinstance(node, ast.Expr) else node.msg or ast.Constant(None)
                    )
                }
            case ast.Call():
                name = ast.unparse(node.func)
                last = name.rsplit(".", 1)[-1]
                unread |= {
                    id(one)
                    for keyword in node.keywords
                    if keyword.arg in PYTHON_UNREAD
                    for one in ast.walk(keyword.value)
                }
                if name.startswith("log.") or last.endswith("Error"):
                    unread |= {id(one) for argument in node.args for one in ast.walk(argument)}
                elif name.startswith("st.") or last in WIDGETS:
                    read += [
                        *node.args[last in WIDGETS :],
                        *(keyword.value for keyword in node.keywords),
                    ]
                elif last == "BadInput":
                    read += node.args[2:]
            case ast.Dict():
                read += [
                    value
                    for key, value in zip(node.keys, node.values, strict=True)
                    if isinstance(key, ast.Constant) and key.value in READ_ENTRIES
                ]
    shown = {id(one) for node in read for one in ast.walk(node) if not isinstance(one, ast.Call)}
    texts = [
        one
        for one in ast.walk(tree)
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in unread
    ]
    return [
        str(one.value)
        for one in texts
        if (PROSE if id(one) in shown else SENTENCE).search(str(one.value))
    ]


def test_every_text_asked_for_is_there() -> None:
    texts = catalogue()
    missing = {
        (path.name, key)
        for path in SOURCES
        for key in PLAIN.findall(path.read_text("utf-8"))
        if key not in texts
    }
    assert not missing


def test_every_text_is_asked_for() -> None:
    source = "\n".join(path.read_text("utf-8") for path in SOURCES)
    asked, begun = (
        set(ANY.findall(source)),
        tuple(set(BUILT.findall(source)) | set(BUILT_PYTHON.findall(source))),
    )
    idle = {key for key in catalogue() if key not in asked and not key.startswith(begun)}
    assert not idle


def test_what_a_visitor_reads_stands_in_the_catalogue_alone() -> None:
    used, offenders = set(), []
    for path in (path for path in SOURCES if path.is_relative_to(ROOT / "app")):
        name = path.relative_to(ROOT / "app").as_posix().removeprefix("live/frontend/")
        for text in (prose_of_python if path.suffix == ".py" else prose_of_javascript)(
            path.read_text("utf-8")
        ):
            known = {name, f"{name} {text}"} & EXCEPTIONS.keys()
            used |= known
            if not known:
                offenders.append(f"{name}: {text!r}")
    assert not offenders, "to be moved to app/text and read with t(): " + "; ".join(offenders)
    assert used == EXCEPTIONS.keys(), f"exceptions for nothing: {EXCEPTIONS.keys() - used}"


@pytest.mark.parametrize(
    "source",
    [
        'button.title = "Type a formula";',
        "place.textContent = `${lane.label} stands at ${spot}`;",
        'const NONE = "This browser has no WebGL.";',
        'const page = () => `<p class="kv-said">${t("live.race")} and nothing else</p>`;',
        'const page = () => `<button title="Keep this race">${icon}</button>`;',
        'const said = `${t("live.race")}${right ? `, most often taken` : ""}`;',
        "// don't be led astray\nplace.ariaLabel = 'Share of it';",
    ],
)
def test_a_text_in_javascript_is_found(source: str) -> None:
    assert len(prose_of_javascript(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        'st.button("Add a lane", key="add lane")',
        'st.caption(f"{count} more methods")',
        'with st.popover("Data settings", icon=":material/tune:"):\n    pass',
        'number("stop target", "Hidden layers", 0, 0, 1, t("controls.none"))',
        'viewer.say({"type": "problem", "sentence": "Too many commands."})',
        'raise BadInput("field", field, "the name of a knob")',
        (
            'def f():\n    """Not this one, which explains."""\n    return f"This address names '
            'no experiment: {error}"'
        ),
    ],
)
def test_a_text_in_python_is_found(source: str) -> None:
    assert len(prose_of_python(source)) == 1


def test_what_nobody_reads_is_left_alone() -> None:
    unseen = (
        'throw new Error("the recording is cut off"); root.querySelector("figcaption span"); // '
        'a comment of many words\nmade.className = "kg-button kg-main";'
    )
    assert not prose_of_javascript(
        unseen
        + (
            'paint.font = `600 11px ${theme.font}`; const told = t("live.enlarge-name", { name: '
            "one });"
        )
    )
    assert not prose_of_python(
        'log.debug("the server is closing: a message is dropped")\nassert hub, "the server '
        'has not started yet"\nraise ValueError("a claim names a number")'
    )
    assert not prose_of_python(
        'st.button(t("controls.lane-add"), key="add one more lane now", '
        'icon="x")\nkept()["suggested for"] = Field(description="What it is all about.")'
    )


def test_a_text_is_filled_in_and_a_missing_one_is_a_defect() -> None:
    assert t("live.enlarge", number=3) == "Enlarge (3)"
    with pytest.raises(KeyError):
        t("live.enlarge", wrong=3)
    with pytest.raises(KeyError):
        t("live.no-such-text")


def test_one_file_per_area_of_plain_texts() -> None:
    for path in FOLDER.rglob("*.json"):
        assert re.fullmatch(r"[a-z-]+", path.stem)
        assert path.read_text("utf-8").endswith("}\n")
    assert all(catalogue().values())
