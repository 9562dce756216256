"""Who comes in: one middleware before everything else, for pages, files and sockets alike.

Streamlit has checks of its own, which do not cover Kelvin's routes; and its check of a socket's
origin asks another machine for the address of this one. So both sockets are checked here.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from math import ceil
from typing import Any
from urllib.parse import parse_qs, quote

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.hosting import login, pages, upload_limits
from app.hosting.addresses import (
    client,
    host_allowed,
    is_direct_and_local,
    origin_allowed,
    proxies,
    shortened,
)
from app.hosting.watch import WATCH, Watch, tell
from app.text import t
from engine.system import settings

HEALTH = "/_stcore/health"
STREAM = "/_stcore/stream"
LIVE = "/kelvin/live"
HOST_ONLY = ("/kelvin/metrics", "/kelvin/status", "/_stcore/metrics")
SAFE = ("GET", "HEAD", "OPTIONS")
FORM_BYTES = 16_384
MOST_SHOWN = 200
"""Characters of a header in a sentence."""
MESSAGES_A_SECOND = 100
"""Messages that a page may send Streamlit; more are read later. A person's hands make some ten."""


class Refused(Exception):
    """Raised for a request that is not answered.

    Args:
        reason: a word for the log.
        sentence: what the person reads.
        status: of the response.
    """

    def __init__(self, reason: str, sentence: str, status: int = 403) -> None:
        super().__init__(sentence)
        self.reason, self.sentence, self.status = reason, sentence, status


class Door:
    """Middleware that lets in who may come in.

    Args:
        app: the application behind it.
        base: the server's base path, such as "/tools", or "".
        watch: counts what is refused.
        clock: seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        base: str = "",
        watch: Watch = WATCH,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.app, self.base, self.watch, self._clock = app, base, watch, clock
        self.tries = login.Tries(clock)
        self.sockets: Counter[str] = Counter()
        self.uploads = upload_limits.UploadLimits()
        self._behind_proxies: Any = ProxyHeadersMiddleware(self._come, trusted_hosts=proxies())  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._behind_proxies(scope, receive, send)

    async def _come(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        path = scope["path"].removeprefix(self.base)
        try:
            if path == HEALTH and scope["type"] == "http":
                # asked by machines, under any name; it tells nothing else
                await self._health(scope, receive, send)
            elif scope["type"] == "http":
                await self._http(path, scope, receive, send)
            else:
                await self._socket(path, scope, receive, send)
        except Refused as refused:
            self.watch.refuse(refused.reason, client=shortened(scope))
            if scope["type"] == "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1008})  # to the browser: 403
            else:
                await _told(scope, refused)(scope, receive, send)

    async def _health(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.watch.draining:
            await PlainTextResponse("ending", 503)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _known(self, headers: Headers) -> None:
        """Check by which name the server is addressed.

        Raises:
            Refused: it is none of its own.
        """
        host = headers.get("host")
        if not host_allowed(host):
            name = (host or "").rsplit(":", 1)[0][:MOST_SHOWN]
            sentence = t("hosting.host", host=name) if name else t("hosting.host-none")
            raise Refused("host", sentence)

    async def _http(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        self._known(headers)
        origin = headers.get("origin")
        if (
            scope["method"] not in SAFE
            and origin is not None
            and not origin_allowed(origin, headers.get("host"))
        ):
            raise Refused("origin", t("hosting.origin", origin=origin[:MOST_SHOWN]))
        password = settings.password()
        inside = password is None or login.is_logged_in(HTTPConnection(scope).cookies, password)
        if password is not None and scope["method"] == "POST" and path in ("", "/"):
            await (await self._enter(Request(scope, receive), password))(scope, receive, send)
            return
        if path in HOST_ONLY:
            inside = self._is_host(scope, headers, password, inside)
        if not inside and path != LIVE:  # which tells, over HTTP, why a socket is refused
            if _wants_page(scope, headers):
                await self._ask(scope, path)(scope, receive, send)
                return
            raise Refused("login", t("hosting.locked"), 401)
        if path.startswith(upload_limits.PATH):
            if scope["method"] == "PUT":
                refusal = self.uploads.refusal(path, headers, client(scope))
                if refusal is not None:
                    raise Refused("uploads", *refusal)
            elif scope["method"] == "DELETE":
                send = self._noting(path, send)
        if _wants_page(scope, headers) and self.sockets[client(scope)] >= settings.sockets():
            raise Refused("sockets", t("hosting.sockets", most=settings.sockets()), 503)
        await self.app({**scope, "kelvin.why": self._why_not(scope, inside)}, receive, send)

    def _noting(self, path: str, send: Send) -> Send:
        """Return a `send` that takes note of a file when Streamlit says that it is removed."""

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 300:
                self.uploads.removed(path)
            await send(message)

        return noting

    def _why_not(self, scope: Scope, inside: bool) -> str | None:
        """Return why this client's sockets are refused, for who asks at the socket's path."""
        if not inside:
            return t("hosting.locked")
        if self.sockets[client(scope)] >= settings.sockets():
            return t("hosting.sockets", most=settings.sockets())
        return None

    def _is_host(self, scope: Scope, headers: Headers, password: str | None, inside: bool) -> bool:
        """Return whether a request may read the host's figures: with a password, if it is logged in
        or has the password as a bearer token; without one, if it comes from this machine.

        Raises:
            Refused: it is somebody else, or the token is wrong.
        """
        if password is None:
            if not is_direct_and_local(scope, headers):
                raise Refused("host-only", t("hosting.host-only"))
            return True
        kind, _, given = headers.get("authorization", "").partition(" ")
        if not inside and kind.lower() == "bearer":
            self._check(scope, given.strip(), password)
            return True
        return inside

    def _check(self, scope: Scope, given: str, password: str) -> None:
        """Check a password.

        Raises:
            Refused: it is wrong, or too many wrong ones came before it.
        """
        address = client(scope)
        wait = self.tries.wait(address)
        if wait > 0:
            raise Refused("tries", t("hosting.slowly", seconds=ceil(wait)), 429)
        if not login.is_right(given, password):
            self.tries.wrong(address)
            self.watch.logins.labels("wrong").inc()
            raise Refused("password", t("hosting.wrong"), 401)

    def _ask(self, scope: Scope, path: str, sentence: str = "", status: int = 401) -> Response:
        """Return the page that asks for the password, from any page of the server."""
        depth = path.count("/") - 1
        query = scope["query_string"].decode("latin-1")
        target = quote(path.lstrip("/")) + (f"?{query}" if query else "")
        action = "../" * depth if depth > 0 else "./"
        if not path:  # the base path without its slash
            action = f"./{self.base.rsplit('/', 1)[-1]}/"
        return HTMLResponse(pages.login(action, target, sentence), status, _NEVER_KEPT)

    async def _enter(self, request: Request, password: str) -> Response:
        """Take a password from the form and let the visitor in."""
        try:
            form = parse_qs((await _body(request)).decode("utf-8", "replace"), max_num_fields=8)
        except ValueError:
            raise Refused("size", t("hosting.wrong"), 400) from None
        given, target = (form.get(name, [""])[0] for name in ("password", "next"))
        target = login.target(target)
        try:
            self._check(request.scope, given, password)
        except Refused as refused:
            self.watch.refuse(refused.reason, client=shortened(request.scope))
            return HTMLResponse(
                pages.login("./", target, refused.sentence), refused.status, _NEVER_KEPT
            )
        self.watch.logins.labels("right").inc()
        tell("logged in", client=shortened(request.scope))
        secure = request.url.scheme == "https"
        return Response(
            status_code=303,
            headers={
                "Location": f"./{quote(target, safe='/?&=%+:,;@!$()*~-._')}",
                "Set-Cookie": login.cookie(password, secure, login.framed()),
                **_NEVER_KEPT,
            },
        )

    async def _socket(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        self._known(headers)
        origin = headers.get("origin")
        if not origin_allowed(origin, headers.get("host")):
            raise Refused("origin", t("hosting.origin", origin=(origin or "")[:MOST_SHOWN]))
        password = settings.password()
        if password is not None and not login.is_logged_in(HTTPConnection(scope).cookies, password):
            raise Refused("login", t("hosting.locked"))
        if self.watch.draining:
            raise Refused("ending", t("hosting.ending"))
        address = client(scope)
        if self.sockets[address] >= settings.sockets():
            raise Refused("sockets", t("hosting.sockets", most=settings.sockets()))
        self.sockets[address] += 1
        page = path == STREAM
        if page:
            scope = {**scope, "headers": _as_own(scope["headers"], headers.get("host", ""))}
            receive = self._paced(receive)
            self.watch.pages.inc()
            tell("page opened", client=shortened(scope))
        try:
            await self.app(scope, receive, send)
        finally:
            self.sockets[address] -= 1
            if not self.sockets[address]:
                del self.sockets[address]
            if page:
                self.watch.pages.dec()

    def _paced(self, receive: Receive) -> Receive:
        """Read messages no faster than a page may send them."""
        second, count = 0, 0

        async def paced() -> Message:
            nonlocal second, count
            message = await receive()
            now = int(self._clock())
            second, count = (now, 1) if now != second else (second, count + 1)
            if count > MESSAGES_A_SECOND:
                await asyncio.sleep(1)
            return message

        return paced


_NEVER_KEPT = {"Cache-Control": "no-store"}


def _wants_page(scope: Scope, headers: Headers) -> bool:
    return scope["method"] in ("GET", "HEAD") and "text/html" in headers.get("accept", "")


def _as_own(raw: list[tuple[bytes, bytes]], host: str) -> list[tuple[bytes, bytes]]:
    """Return the headers with the server's own origin, which Streamlit need not look up."""
    kept = [(name, value) for name, value in raw if name != b"origin"]
    return [*kept, (b"origin", f"http://{host}".encode("latin-1"))]


def _told(scope: Scope, refused: Refused) -> Response:
    """Return a refusal as who asked can read it."""
    headers: dict[str, str] = dict(_NEVER_KEPT)
    accept = Headers(scope=scope).get("accept", "")
    if "text/html" in accept:
        return HTMLResponse(pages.refusal(refused.sentence), refused.status, headers)
    if scope["path"].endswith(".json") or "json" in accept:
        return JSONResponse({"sentence": refused.sentence}, refused.status, headers)
    return PlainTextResponse(refused.sentence + "\n", refused.status, headers)


async def _body(request: Request) -> bytes:
    """Return the body of a small form.

    Raises:
        Refused: it is larger.
    """
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > FORM_BYTES:
            raise Refused("size", t("hosting.wrong"), 413)
        parts.append(part)
    return b"".join(parts)
