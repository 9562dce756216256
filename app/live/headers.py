"""What every answer tells the browser to guard against.

A page of another origin that shows Kelvin in a frame could have its readers start races and press
buttons they do not see; the address of a page names uploaded files, which no other host needs to
learn.
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
    """Middleware that puts them into every answer, whoever gives it.

    Args:
        app: what answers.
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
                )  # beside one that is there: a browser obeys them all
            await send(message)

        await self.app(scope, receive, sent)
