"""Security headers for every response.

A page of another origin that shows Kelvin in a frame could make its readers start races and click
buttons that they do not see; the URL of a page contains tokens of uploaded files, which other hosts
must not learn.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FRAMES = "frame-ancestors 'self'"
GUARDS = {
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class Guards:
    """Middleware that adds these headers to every response.

    Args:
        app: the application that responds.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in GUARDS.items():
                    headers[name] = value
                headers.append(
                    "Content-Security-Policy", FRAMES
                )  # in addition to an existing one: a browser follows all of them
            await send(message)

        await self.app(scope, receive, sent)
