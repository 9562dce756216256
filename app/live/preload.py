"""What the live view is made of is fetched while Streamlit still starts: links in the head of its page name it.

Without them the browser would learn of the modules when the page's script has run, and of plotly.js and the first recording from the modules.
"""

from __future__ import annotations

import json
from functools import lru_cache

import plotly
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.live.bundle import version

ENTRY, SHEET = "main.js", "live.css"
FIRST_RECORDING = "first-screen"
"""What plays until the visitor presses Run."""
HEAD_ENDS = b"</head>"
_WHEN_IT_WAITS = """<script>new MutationObserver((_, watch) => {
  if (!document.querySelector('[data-test-connection-state="CONNECTED"]')) return;
  watch.disconnect();
  document.head.append(Object.assign(document.createElement("script"), { src: $src }));
}).observe(document, { childList: true, subtree: true, attributeFilter: ["data-test-connection-state"] });</script>"""
"""plotly.js takes the browser most of a second to run. It does so while Streamlit, which has drawn its frame, waits for the page's script."""


@lru_cache(maxsize=4)
def links(base: str, recording: bool) -> bytes:
    """The links, as HTML.

    Args:
        base: the server's base path, such as "/tools", or nothing.
        recording: whether the first recording will be shown.
    """
    plot = f"{base}/kelvin/plotly.min.js?v={plotly.__version__}"
    found = [
        f'<link rel="modulepreload" href="{base}/kelvin/bundle/@{version()}/{ENTRY}" fetchpriority="low">',  # low: nothing is shown without Streamlit's own files
        f'<link rel="preload" as="style" href="{base}/kelvin/frontend/@{version()}/{SHEET}" fetchpriority="low">',
        f'<link rel="preload" as="script" href="{plot}" fetchpriority="low">',
        _WHEN_IT_WAITS.replace("$src", json.dumps(plot)),
    ]
    if recording:
        found.append(f'<link rel="preload" as="fetch" crossorigin="anonymous" href="{base}/kelvin/recordings/{FIRST_RECORDING}.kelvin" fetchpriority="low">')
    return "".join(found).encode()


class Preload:
    """Middleware that puts the links into the explorer's page.

    Args:
        app: what answers.
        base: the server's base path, such as "/tools", or nothing.
    """

    def __init__(self, app: ASGIApp, base: str = "") -> None:
        self.app, self.base = app, base

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] not in (self.base, f"{self.base}/"):
            await self.app(scope, receive, send)
            return
        started: Message | None = None
        body: list[bytes] = []

        async def sent(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                if message["status"] == 200 and MutableHeaders(raw=message["headers"]).get("content-type", "").startswith("text/html"):
                    started = message  # held back: its length is to change
                    return
            elif started is not None and message["type"] == "http.response.body":
                body.append(message.get("body", b""))
                if message.get("more_body"):
                    return
                page = b"".join(body).replace(HEAD_ENDS, links(self.base, not scope["query_string"]) + HEAD_ENDS, 1)
                headers = MutableHeaders(raw=started["headers"])
                headers["content-length"] = str(len(page))
                for tag in ("etag", "last-modified"):  # those of the file, which this no longer is
                    del headers[tag]
                await send(started)
                message = {"type": "http.response.body", "body": page}
            await send(message)

        # Parts of a file, or word that it has not changed, are of the file and not of this page.
        plain = {b"range", b"if-none-match", b"if-modified-since", b"accept-encoding"}
        await self.app({**scope, "headers": [(name, value) for name, value in scope["headers"] if name not in plain]}, receive, sent)
