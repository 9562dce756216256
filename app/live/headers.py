"""Security headers for every response.

A page of another origin that shows Kelvin in a frame could make its readers start races and click
buttons that they do not see; the URL of a page contains tokens of uploaded files, which other hosts
must not learn.

The policy is the strictest that Streamlit works with. It needs styles in the page (its style sheets
are made by scripts), modules from blobs (the scripts of components) and WebAssembly (the arithmetic
of its messages), but neither scripts written into the page, besides its own one, which is known by
its hash, nor ``eval``, nor anything from another host.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import streamlit
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

GUARDS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": ", ".join(
        f"{feature}=()"
        for feature in (
            "accelerometer",
            "camera",
            "display-capture",
            "geolocation",
            "gyroscope",
            "magnetometer",
            "microphone",
            "midi",
            "payment",
            "serial",
            "usb",
        )
    ),
}
"""Headers that are the same everywhere. Those features a page of Kelvin's never asks for."""
FRAMES = "X-Frame-Options"
"""For browsers that do not know the policy's rule about frames; it cannot name other origins."""
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


@lru_cache(maxsize=1)
def _own_scripts() -> list[str]:
    """Return the hashes of the scripts that Streamlit's page contains itself."""
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text("utf-8")
    return [
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in _INLINE.findall(page)
    ]


def policy(embed: Sequence[str] = ()) -> str:
    """Return the content security policy.

    Args:
        embed: origins besides its own whose pages may show Kelvin in a frame.
    """
    rules = {
        "default-src": ["'self'"],
        "script-src": ["'self'", "blob:", "'wasm-unsafe-eval'", *_own_scripts()],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:", "blob:"],
        "font-src": ["'self'", "data:"],
        "connect-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'self'", *embed],
    }
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in rules.items())


class Guards:
    """Middleware that adds these headers to every response.

    Args:
        app: the application that responds.
        embed: origins besides its own whose pages may show Kelvin in a frame.
    """

    def __init__(self, app: ASGIApp, embed: Sequence[str] = ()) -> None:
        self.app = app
        self.policy = policy(embed)
        self.guards = GUARDS if embed else {**GUARDS, FRAMES: "SAMEORIGIN"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.guards.items():
                    headers[name] = value
                # In addition to an existing one: a browser follows all of them.
                headers.append("Content-Security-Policy", self.policy)
            await send(message)

        await self.app(scope, receive, sent)
