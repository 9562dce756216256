"""The house itself: the tree is the one that is described, modules have docstrings, pins are exact."""

from __future__ import annotations

import ast
import io
import keyword
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(path for room in ("app", "engine") for path in (ROOT / room).rglob("*.py"))
OURS = {"app", "engine", "tests"}

FORBIDDEN = {"engine": ("tests",), "app": ("tests",), "app/live": ("app.pages",)}
"""What a folder must not know of, besides what import-linter holds (see pyproject.toml)."""

WILDCARD = re.compile(r"\bone (?:\w+ )?file per\b")
"""Said of a folder whose modules are not named one by one."""
PROSE = 25
"""The column in which descriptions begin in the tree of ARCHITECTURE.md."""

CARRIED = {
    "pydantic_core": "pydantic",
    "urllib3": "requests",
    "PIL": "pillow",
    "typing_extensions": "pydantic",
}
"""Modules that a pinned package brings itself and pins closely enough, or that are called otherwise
than their package."""


WALKS = sorted(
    [
        *(ROOT / "tests" / "browser").glob("*.py"),
        *(ROOT / "tests" / name for name in ("bench/live.py", "tools/pictures.py")),
    ]
)
"""What drives the pages in a browser."""
WAITS = {"wait_for_function", "wait", "until", "poll"}
"""Calls that wait until a script says so."""
INSIDE = re.compile(r"\b__(?:kelvin|present|gallery)\b|\bview\.|\b[pv]\.|\blast\.")
"""Fields inside a page, as scripts name them. What waits for them holds the page to the names it has
inside; attributes and what a person sees stay."""


HANDED = ast.Constant("v. of a caller")
"""What a function is given; as a script of a wait it may be anything."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """The line and the full name of all that a module imports, at its top or in a function,
    relative names made whole.
    """
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join((*base, *([node.module] if node.module else ())))
            for alias in node.names:
                yield node.lineno, f"{origin}.{alias.name}"


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def pins(name: str) -> dict[str, str]:
    """The packages of a requirements file and what is said of each; a line that names no exact
    version fails.
    """
    found = {}
    for number, raw in enumerate((ROOT / name).read_text("utf-8").splitlines(), 1):
        line = raw.split("#")[0].strip()
        if not line or line.startswith("-r "):
            continue
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9][A-Za-z0-9.]*)", line)
        assert match, f"{name}:{number}: {line!r} is not pinned as name==version"
        found[match[1].lower().replace("_", "-")] = match[2]
    return found


@pytest.mark.parametrize("room", FORBIDDEN)
def test_arrows_only_point_down(room: str) -> None:
    offenders = [
        f"{name_of(path)}:{line} imports {module}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for line, module in imports(path)
        if any(within(module, package) for package in FORBIDDEN[room])
    ]
    assert not offenders, f"{room} must not know of {', '.join(FORBIDDEN[room])}: " + "; ".join(
        offenders
    )


def test_modules_say_what_they_are() -> None:
    assert MODULES, "no module was found"
    texts = {name_of(path): path.read_text("utf-8") for path in MODULES}
    offenders = [
        name
        for name, text in texts.items()
        if text.strip() and not ast.get_docstring(ast.parse(text))
    ]
    assert not offenders, "no docstring: " + ", ".join(offenders)


def test_requirements_are_pinned_once() -> None:
    run, dev = pins("requirements.txt"), pins("requirements-dev.txt")
    assert run, "requirements.txt pins nothing"
    assert not run.keys() & dev.keys(), f"pinned in both files: {sorted(run.keys() & dev.keys())}"


def test_what_is_imported_is_pinned() -> None:
    pinned = pins("requirements.txt")
    for optional in ("requirements-opponents.txt", "requirements-cluster.txt"):
        pinned |= pins(optional)
    offenders = []
    for path in MODULES:
        for line, module in imports(path):
            top = module.split(".")[0]
            if (
                top not in OURS | sys.stdlib_module_names
                and CARRIED.get(top, top).replace("_", "-") not in pinned
            ):
                offenders.append(f"{name_of(path)}:{line} imports {top}")
    assert not offenders, "not in requirements.txt: " + "; ".join(offenders)


def test_no_number_depends_on_the_machines_caches() -> None:
    """Sizes of chunks and strips follow fixed rules: the same race gives the same numbers whatever
    cache a machine has. (The runner of studies notes the processor's name beside its results.)
    """
    asks = re.compile(r"/sys/devices|CACHE_SIZE|cpuinfo|lscpu|l[123]_cache", re.IGNORECASE)
    offenders = [
        name_of(path)
        for path in MODULES
        if path.name != "runner.py" and asks.search(path.read_text("utf-8"))
    ]
    assert not offenders, f"they ask how large a cache is: {', '.join(offenders)}"


def described() -> dict[str, str]:
    """Folder → all that the tree in ARCHITECTURE.md says of it: its own line and those of what is
    in it.
    """
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    block = text.split("## Folders")[1].split("```")[1].strip("\n")
    said: dict[str, str] = {}
    above: list[str] = []  # the folders that a line stands in
    told: list[str] = []  # those that the line before it tells of
    for line in block.splitlines():
        depth = len(line) - len(line.lstrip())
        if depth < PROSE - 1:
            del above[depth // 2 :]
            head = line.strip().split("   ")[0] if "   " in line.strip() else line.strip()
            folders = ["/".join([*above, one[:-1]]) for one in head.split() if one.endswith("/")]
            told = ["/".join(above), *folders]
            above.extend(folder.rsplit("/", 1)[-1] for folder in folders[:1])
        for folder in told:
            said[folder] = f"{said.get(folder, '')}\n{line.strip()}"
    return said


def test_what_the_tree_names_is_there() -> None:
    said = described()
    assert {"engine", "engine/race", "app/live", "app/live/frontend"} <= said.keys()
    missing = [folder for folder in said if not (ROOT / folder).is_dir()]
    for folder, text in said.items():
        if folder.split("/")[0] in ("app", "engine"):
            places = [ROOT / folder, (ROOT / folder).parent, *(ROOT / folder).glob("*/")]
            missing += [
                f"{folder}/{name}"
                for name in re.findall(r"\w+\.py\b", text)
                if not any((place / name).is_file() for place in places)
            ]
    assert not missing, f"named in ARCHITECTURE.md and not there: {', '.join(missing)}"


def test_what_is_there_is_named_in_the_tree() -> None:
    said = described()
    missing = []
    for room in ("app", "engine"):
        for path in sorted((ROOT / room).rglob("*")):
            folder = path.parent.relative_to(ROOT).as_posix()
            module = path.suffix == ".py" and path.name != "__init__.py"
            hidden = {"__pycache__", "node_modules"} & {*path.parts}
            hidden |= {"results"} & {*path.parent.parts}  # a folder of tables for each study
            if hidden or not (module or path.is_dir()):
                continue
            if folder.startswith("app/live/frontend/"):  # the front end's own test holds those
                continue
            text = said.get(folder, "")
            known = re.search(rf"(?<!\w){re.escape(path.stem)}(?!\w)", text)
            if not known and not WILDCARD.search(text):
                missing.append(name_of(path))
    assert not missing, f"not named in the tree of ARCHITECTURE.md: {', '.join(missing)}"


SMALLEST = 11
"""Pixels of a letter, on the page and on a canvas."""
LETTERS = re.compile(r"(?:font-size:|font = `|\bfont:)[^;`]*?(?:clamp\()?\b(\d+(?:\.\d+)?)px")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("font-size: 10.5px;", "10.5"),
        ("font-size: clamp(9px, 2cqi, 12px);", "9"),
        ("paint.font = `600 10px ${theme.font}`;", "10"),
        ("font: 600 8px sans-serif;", "8"),
    ],
)
def test_small_letters_are_found(text: str, size: str) -> None:
    found = LETTERS.search(text)
    assert found
    assert found[1] == size


def test_no_letter_is_smaller_than_can_be_read() -> None:
    files = [path for path in (ROOT / "app").rglob("*") if path.suffix in (".css", ".js")]
    files = [path for path in files if "vendor" not in path.parts]
    assert len(files) > 100
    small = [
        f"{name_of(path)}: {found[0]}"
        for path in files
        for found in LETTERS.finditer(path.read_text(encoding="utf-8"))
        if float(found[1]) < SMALLEST
    ]
    assert not small, f"smaller than {SMALLEST}px: {', '.join(small)}"


def assigned(node: ast.AST) -> dict[str, list[ast.expr]]:
    """Name → the values that a module or a function gives it, outside of other functions."""
    found: dict[str, list[ast.expr]] = {}
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Assign | ast.AnnAssign) and child.value is not None:
            targets = child.targets if isinstance(child, ast.Assign) else [child.target]
            for name in (one for target in targets for one in ast.walk(target)):
                if isinstance(name, ast.Name):
                    found.setdefault(name.id, []).append(child.value)
        elif not isinstance(child, ast.FunctionDef | ast.ClassDef):
            for name_id, values in assigned(child).items():
                found.setdefault(name_id, []).extend(values)
    return found


def texts(node: ast.expr, names: dict[str, list[ast.expr]]) -> Iterator[str]:
    """All texts in an expression, those of the names in it too."""
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value
        elif isinstance(one, ast.Name):
            others = {name: values for name, values in names.items() if name != one.id}
            for value in names.get(one.id, []):
                yield from texts(value, others)


def waits_inside(node: ast.AST, names: dict[str, list[ast.expr]]) -> Iterator[tuple[int, str]]:
    """The line and the script of every wait that asks for a field inside a page, or whose script is
    whatever its caller says.
    """
    if isinstance(node, ast.Module | ast.FunctionDef):
        given: dict[str, list[ast.expr]] = {}
        if isinstance(node, ast.FunctionDef):
            given = {one.arg: [HANDED] for one in ast.walk(node.args) if isinstance(one, ast.arg)}
        names = {**names, **given, **assigned(node)}
    asked: list[ast.expr] = []
    if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in WAITS:
        asked = node.args if isinstance(node.func, ast.Attribute) else node.args[1:]
    elif isinstance(node, ast.While):
        asked = [node.test]
    for one in asked:
        for script in texts(one, names):
            handed = script == HANDED.value and isinstance(node, ast.While)  # a loop's own business
            if INSIDE.search(script) and not handed:
                yield one.lineno, script
    for child in ast.iter_child_nodes(node):
        yield from waits_inside(child, names)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("page.wait_for_function('window.__kelvin?.race')", 1),
        (
            "READY = {'a': 'x', 'b': 'window.__gallery.page'}\npage.wait_for_function(READY[name])",
            1,
        ),
        ("def f(page):\n    seen = f'({x}).y'\n    x = 'v.run'\n    wait(page, seen)", 1),
        ("while not page.evaluate('window.__present'): pass", 1),
        ("def f(page, script):\n    page.wait_for_function(f'() => {script}')", 1),
        ("def f():\n    x = 'v.run'\ndef g(page):\n    x = 'a'\n    page.wait_for_function(x)", 0),
        ("wait_for(page, state='done')\nlook(page, 'v.run')", 0),
        ("page.wait_for_function('document.querySelector(\"a\").dataset.ready')", 0),
    ],
)
def test_a_wait_for_a_field_inside_is_found(text: str, found: int) -> None:
    assert len(list(waits_inside(ast.parse(text), {}))) == found


def test_walks_wait_for_what_the_page_says_of_itself() -> None:
    offenders = [
        f"{name_of(path)}:{line}: {script}"
        for path in WALKS
        for line, script in waits_inside(ast.parse(path.read_text("utf-8")), {})
    ]
    assert not offenders, "they wait for fields inside the page:\n" + "\n".join(offenders)


def test_what_methods_share_imports_no_method() -> None:
    """The contract in pyproject.toml names the methods it is about; a new one is held as well."""
    folder = ROOT / "engine" / "optimizers"
    methods = {path.stem for path in folder.glob("*.py")} - {"__init__", "base"}
    assert len(methods) >= 30
    for path in [folder / "base.py", *(folder / "common").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                named = {(node.module or "").split(".")[0], *(one.name for one in node.names)}
                assert not named & methods, f"{path.name} imports {named & methods}"


KEYWORDS = set(keyword.kwlist)
CONDITIONS = {"if", "elif", "while", "and", "or", "not"}
MARKS = ("# fmt:", "# noqa", "# type:")
"""Comments that tools read; they stand where these want them."""


def misplaced_comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of every comment that stands on a line of its own inside the
    brackets of a condition or a call, or behind a bracket that closes at the beginning of a line:
    that is where a formatter puts what did not fit, far from what it is about.
    """
    opened: list[bool] = []  # whether each open bracket is a condition's or a call's
    before, begins = "", True
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and not token.string.startswith(MARKS):
            own = not token.line[: token.start[1]].strip()
            closes = token.line.lstrip()[:1] in set(")]}")
            if closes or (own and opened and opened[-1]):
                yield token.start[0], token.string
        if token.type in (tokenize.COMMENT, tokenize.NL):
            continue
        if token.type == tokenize.OP and token.string in "([{":
            name = before.isidentifier() and (before not in KEYWORDS or before in CONDITIONS)
            called = name or before in (")", "]")
            opened.append(token.string != "{" and not begins and called)
        elif token.type == tokenize.OP and token.string in ")]}":
            opened.pop()
        begins = token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
        before = token.string


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("if (\n    a\n    # why\n):\n    pass\n", 1),
        ("call(\n    a,\n    # why\n)\n", 1),
        ("call(\n    a\n)  # why\n", 1),
        ("if (\n    a\n):  # why\n    pass\n", 1),
        ("rows[\n    :0\n    # why\n]\n", 1),
        ("call(\n    a,  # what it is\n)\n", 0),
        ("table = {\n    # why\n    1: 2,\n}\n", 0),
        ("table = [\n    # why\n    1,\n]\n", 0),
        ("# why\nif a:\n    # why\n    call(a)  # why\n", 0),
        ("rows = (\n    1\n)  # fmt: skip\n", 0),
    ],
)
def test_misplaced_comments_are_found(text: str, found: int) -> None:
    assert len(list(misplaced_comments(text))) == found


def test_comments_stand_above_what_they_are_about() -> None:
    offenders = [
        f"{name_of(path)}:{line}: {comment}"
        for path in MODULES
        for line, comment in misplaced_comments(path.read_text("utf-8"))
    ]
    assert not offenders, "put each above its statement:\n" + "\n".join(offenders)


VERBS = re.compile(
    r"(?:Adapt|Add|Advance|Append|Apply|Ask|Assign|Average|Begin|Believe|Build|"
    r"Calibrate|Change|Charge|Check|Choose|Clamp|Clear|Compare|Compile|Compute|"
    r"Connect|Continue|Convert|Convolve|Copy|Count|Create|Cross|Decide|Delay|Delete|"
    r"Divide|Do|Download|Draw|Empty|Encode|End|Enlarge|Estimate|Evaluate|Exchange|"
    r"Exit|Export|Fill|Find|Fit|Flip|Follow|Forget|Form|Format|Free|Give|Go|Group|"
    r"Handle|Import|Improve|Improvise|Iterate|Join|Judge|Keep|Kick|Kill|Leave|"
    r"Lengthen|Let|Limit|Link|List|Listen|Load|Make|Mark|Measure|Meet|Move|Multiply|"
    r"Mutate|Name|Normalise|Note|Observe|Open|Order|Parse|Pass|Place|Prepare|Print|"
    r"Propose|Put|Queue|Raise|Read|Receive|Record|Reduce|Refuse|Register|Reject|"
    r"Remove|Repeat|Replace|Report|Resample|Reserve|Restore|Return|Rotate|Round|Run|"
    r"Say|Scale|Search|Send|Set|Shorten|Shrink|Solve|Sort|Split|Start|Store|Swap|"
    r"Take|Tell|Time|Train|Try|Turn|Undo|Update|Use|Wait|Walk|Write|Yield)\b"
)
"""First words of the docstrings of functions: what they do, in the field's words. Add to them."""
TITLES = {"engine/cli/main.py:cli"}
"""What --help prints first begins with the program's name."""


def test_docstrings_begin_with_a_verb() -> None:
    offenders = []
    for path in (ROOT / "engine").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            text = ast.get_docstring(node)
            if f"{name_of(path)}:{node.name}" in TITLES:
                continue
            if text and not VERBS.match(text):
                offenders.append(f"{name_of(path)}:{node.lineno}: {text.splitlines()[0]}")
    assert not offenders, "they do not say what is done:\n" + "\n".join(offenders)
