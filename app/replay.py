"""Write a race, or a playlist of several, as one HTML file that plays offline, from any folder.

    python -m app.replay RECORDING.kelvin [-o FILE.html]

The shell holds all that the live view needs: its modules in one file, as a `data:` URL in an import
map; its style sheets; plotly.js, gzipped; figures, colours and texts. A recording and its
description fill three gaps, here or in the browser (frontend/export/replay.js does the same). The
page's own content security policy forbids all connections: nothing in a recording can run as a
script or reach a server.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import re
import sys
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import click
import plotly

from app.figures import figures
from app.live import bundle
from app.live.bundle import FRONTEND
from app.live.mount import cold_methods
from app.palette import palette
from app.text import LANGUAGE, catalogue, t
from engine.errors import BadInput
from engine.messages.encoding import Message
from engine.messages.recording import SUFFIX, Recording
from engine.system.input_checks import check

COASTLINE = Path(__file__).resolve().parents[1] / "assets" / "coastline.json"
ICON = Path(__file__).resolve().parents[1] / "assets" / "icon.svg"
ENTRY = "replay/main.js"
STYLES = ("styles/live.css", "styles/replay.css", "styles/present.css")

_STYLE = re.compile(r"""@import\s+(?:url\()?\s*["']([^"']+)["']\s*\)?\s*;""")
_GAP = re.compile(r"__KELVIN_(TITLE|ABOUT|RECORDING)__")

_PAGE = """<!doctype html>
<html lang="$language">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="$policy">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="$description">
<title>__KELVIN_TITLE__</title>
<link rel="icon" href="$icon">
<style>
$style
</style>
<script>$check</script>
<script type="importmap">$map</script>
</head>
<body>
<main id="kelvin"></main>
<noscript><p class="kv-replay-said">$quiet</p></noscript>
<script type="application/json" id="kelvin-data">$data</script>
<script type="application/json" id="kelvin-about">__KELVIN_ABOUT__</script>
<script type="text/plain" id="kelvin-plotly">$plotly</script>
<script type="text/plain" id="kelvin-recording">__KELVIN_RECORDING__</script>
<script type="module">$start</script>
</body>
</html>
"""

_CHECK = """if (!window.DecompressionStream || !window.HTMLScriptElement.supports
    || !HTMLScriptElement.supports("importmap"))
  addEventListener("DOMContentLoaded", function () {
    document.getElementById("kelvin").textContent = $sentence;
  });"""
_START = 'import { open } from "kelvin"; open();'


def style(name: str) -> str:
    """Return a style sheet with its imports in place."""
    path = FRONTEND / name
    return _STYLE.sub(
        lambda match: style((path.parent / match[1]).resolve().relative_to(FRONTEND).as_posix()),
        path.read_text("utf-8"),
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _json(value: Any) -> str:
    """Return JSON that is safe inside a script tag."""
    return json.dumps(value, default=list, ensure_ascii=False, separators=(",", ":")).replace(
        "<", "\\u003c"
    )


def _policy(scripts: tuple[str, ...]) -> str:
    """Return the content security policy: only the page's own scripts, by their digests, its
    modules, and what it creates itself. No connections.
    """
    digests = " ".join(
        f"'sha256-{_base64(hashlib.sha256(script.encode()).digest())}'" for script in scripts
    )
    return (
        f"default-src 'none'; script-src {digests} data: blob:; style-src 'unsafe-inline'; "
        f"img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


@lru_cache(maxsize=1)
def shell() -> str:
    """Return the replay without a race, with three gaps to fill (see `fill`)."""
    plot = (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_bytes()
    check = _CHECK.replace("$sentence", _json(t("export.replay-old")))
    importmap = _json(
        {
            "imports": {
                "kelvin": f"data:text/javascript;base64,{_base64(bundle.source(ENTRY).encode())}"
            }
        }
    )
    parts = {
        "language": LANGUAGE,
        "policy": _policy((check, importmap, _START)),
        "description": html.escape(t("export.replay-about")),
        "icon": f"data:image/svg+xml;base64,{_base64(ICON.read_bytes())}",
        "style": "\n".join(style(name) for name in STYLES).replace("</", "<\\/"),
        "check": check,
        "map": importmap,
        "quiet": html.escape(t("export.replay-no-script")),
        "data": _json(
            {
                "figures": figures(),
                "palette": palette(),
                "text": catalogue(),
                "cold": cold_methods(),
                "version": "",
                "plotly": plotly.__version__,
            }
        ),
        "plotly": _base64(gzip.compress(plot, 9, mtime=0)),
        "start": _START,
    }
    return re.sub(r"\$(\w+)", lambda match: parts[match[1]], _PAGE)


@lru_cache(maxsize=1)
def packed_shell() -> bytes:
    """Return the shell, gzipped once."""
    return gzip.compress(shell().encode(), 6)


def title_of(stage: Message) -> str:
    """Return the race in one line: "Two spirals: Simulated annealing vs Adam"."""
    data = stage["data"]
    return t(
        "gallery.default-name",
        data=(data.get("landscape") or data)["label"],
        lanes=t("gallery.vs").join(str(lane["label"]) for lane in stage["lanes"]),
    )


def fill(about: Mapping[str, Any], *recordings: bytes) -> str:
    """Return the whole page.

    Args:
        about: ``title``; ``date`` (as in 2026-11-24) of the day it was ``raced`` (true) or saved
            (false); ``view``: how it is shown (panels, large, x, y); ``coastline`` if it is on the
            Earth. Of a playlist also ``slides``, ``files`` (the names of its recordings) and
            ``methods`` (those of their lanes).
        recordings: the bytes of a recording file; of a playlist, of several.
    """
    parts = {
        "TITLE": html.escape(str(about["title"])),
        "ABOUT": _json(dict(about)),
        "RECORDING": "\n".join(map(_base64, recordings)),
    }
    return _GAP.sub(lambda match: parts[match[1]], shell())


def coastline_of(stage: Message) -> dict[str, Any]:
    """Return the coastline as a part of ``about`` if a race is on the Earth, otherwise nothing."""
    if not stage["data"].get("geographic") or not COASTLINE.is_file():
        return {}
    return {"coastline": json.loads(COASTLINE.read_text("utf-8"))}


def write(source: Path, target: Path) -> Path:
    """Write a replay of a recording file.

    Raises:
        BadInput: the file is not a recording, or the replay cannot be written.
    """
    recording = Recording.read(source)
    try:
        title = title_of(recording.stage)
    except (KeyError, TypeError, AttributeError):
        raise BadInput("recording", str(source), "a recording that says what was raced") from None
    about = {"title": title, "date": date.today().isoformat(), "raced": False, "view": {}}
    page = fill(about | coastline_of(recording.stage), source.read_bytes())
    try:
        target.write_text(page, "utf-8", newline="\n")
    except OSError as error:
        raise BadInput(
            "--output", str(target), f"a file that can be written ({error.strerror})"
        ) from None
    return target


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("recording")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="The page's file; left out, the recording's name with .html, in this folder.",
)
def main(recording: str, output: str | None) -> None:
    """Make one HTML file of RECORDING.kelvin that plays offline."""
    source = Path(recording)
    try:
        check([recording, output], "argument")
        target = write(
            source, Path(output) if output else Path(source.name.removesuffix(SUFFIX) + ".html")
        )
    except BadInput as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    click.echo(f"{target}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(prog_name="python -m app.replay")
