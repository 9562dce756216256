"""Add preload links to Streamlit's page, so that the browser loads the live view's files in
parallel with Streamlit, and a script that says why the page stays empty, if it does.

Without them the browser would find the modules only when the page's script has run, and plotly.js
and the first recording only from the modules.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import plotly
import streamlit
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.live.bundle import version

ENTRY, SHEET = "main.js", "styles/live.css"
EMPTY_PAGE = "core/empty_page.js"
"""Says why the page stays empty, if it does."""
PICKER_ENTRY, PICKER_SHEET = "dataset_picker/main.js", "styles/dataset_picker.css"
FIRST_RECORDING = "first-screen"
"""The recording that plays until the visitor presses Run."""
HEAD_ENDS = b"</head>"
WIDGETS = (
    "BidiComponent",
    "Button",
    "ButtonGroup",
    "NumberInput",
    "Selectbox",
    "Slider",
    "TextField",
)
"""Streamlit's elements on the page: without links their modules, too, would be loaded only after
its script has run.
"""
_IMPORTED = re.compile(r'(?:\bfrom|\bimport)\s*"\./([\w.-]+\.js)"')


@lru_cache(maxsize=1)
def widgets() -> list[str]:
    """Return the files below Streamlit's static/js that those elements need besides what its page
    loads at once; none if Streamlit has other names for them.
    """
    folder = Path(streamlit.__file__).parent / "static" / "static" / "js"
    page = (folder.parents[1] / "index.html").read_text("utf-8")
    found: list[str] = []
    waiting = [path.name for name in WIDGETS for path in sorted(folder.glob(f"{name}.*.js"))]
    while waiting:
        name = waiting.pop()
        if name not in found and name not in page and (folder / name).is_file():
            found.append(name)
            waiting += _IMPORTED.findall((folder / name).read_text("utf-8"))
    return found


@lru_cache(maxsize=4)
def links(base: str, recording: bool) -> bytes:
    """Return the links, as HTML.

    Args:
        base: where Kelvin's files are: ".", beside a page whose URL ends with a slash, or the
            server's base path.
        recording: whether the first recording will be shown.
    """
    found = [
        # low: nothing is shown without Streamlit's own files
        *(
            (
                f'<link rel="modulepreload" href="{base}/kelvin/bundle/@{version()}/{entry}" '
                f'fetchpriority="low">'
                f'<link rel="preload" as="style" '
                f'href="{base}/kelvin/frontend/@{version()}/{sheet}" fetchpriority="low">'
            )
            for entry, sheet in ((ENTRY, SHEET), (PICKER_ENTRY, PICKER_SHEET))
        ),
        *(
            (
                f'<link rel="modulepreload" href="{base}/static/js/{name}" crossorigin '
                f'fetchpriority="low">'
            )
            for name in widgets()
        ),
        (
            f'<link rel="preload" as="script" '
            f'href="{base}/kelvin/plotly.min.js?v={plotly.__version__}" fetchpriority="low">'
        ),
    ]
    if recording:
        found.append(
            f'<link rel="preload" as="fetch" crossorigin="anonymous" '
            f'href="{base}/kelvin/recordings/{FIRST_RECORDING}.kelvin" fetchpriority="low">'
        )
    found.append(
        f'<script type="module" src="{base}/kelvin/frontend/@{version()}/{EMPTY_PAGE}"></script>'
    )
    return "".join(found).encode()


class Preload:
    """Middleware that adds the links to the explorer's page.

    Args:
        app: the application that responds.
        base: the server's base path, such as "/tools", or "".
    """

    def __init__(self, app: ASGIApp, base: str = "") -> None:
        self.app, self.base = app, base

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["method"] != "GET"
            or scope["path"] not in (self.base, f"{self.base}/")
        ):
            await self.app(scope, receive, send)
            return
        started: Message | None = None
        body: list[bytes] = []

        async def sent(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                if message["status"] == 200 and MutableHeaders(raw=message["headers"]).get(
                    "content-type", ""
                ).startswith("text/html"):
                    started = message  # held back, because its length will change
                    return
            elif started is not None and message["type"] == "http.response.body":
                body.append(message.get("body", b""))
                if message.get("more_body"):
                    return
                page = b"".join(body).replace(
                    HEAD_ENDS,
                    links(
                        "." if scope["path"].endswith("/") else self.base, not scope["query_string"]
                    )
                    + HEAD_ENDS,
                    1,
                )
                headers = MutableHeaders(raw=started["headers"])
                headers["content-length"] = str(len(page))
                for tag in ("etag", "last-modified"):  # those of the file, which no longer apply
                    del headers[tag]
                await send(started)
                message = {"type": "http.response.body", "body": page}
            await send(message)

        # Range and conditional requests apply to the file and not to this page.
        plain = {b"range", b"if-none-match", b"if-modified-since", b"accept-encoding"}
        await self.app(
            {
                **scope,
                "headers": [(name, value) for name, value in scope["headers"] if name not in plain],
            },
            receive,
            sent,
        )
