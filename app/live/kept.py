"""The races that a server keeps, for whoever has their tokens: how they stand, and what is done
with them.

Having a race's token is the right to it, having the one that lets others watch it is the right to
see it; without either nothing is listed. Tokens are in the bodies of requests, never in addresses,
which browsers and proxies write down.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.hosting.addresses import client, origin_allowed, shortened
from app.hosting.door import Refused
from app.hosting.watch import WATCH
from app.live.hub import Hub
from app.storage.index import Row
from app.storage.store import Store
from app.text import t
from app.visitors import COOKIE, Rate, by_cookie
from engine.errors import BadInput, shorten
from engine.messages.encoding import Message, decode
from engine.messages.recording import Recording
from engine.system.input_checks import check

log = logging.getLogger(__name__)

MOST_ASKED = 50
"""Races that are asked about at once; a browser remembers no more."""
MOST_BYTES = 16 * 1024
MOST_TOKEN = 100
MOST_PINNED = 5
"""Races that a visitor may pin."""
PINNED_SHARE = 0.5
"""Share of the room for races that pinned ones may take, of all visitors together: without a limit
nobody else's race could be kept."""
MOST_A_MINUTE = 300
"""Requests of one address."""
PACKED_AT_ONCE = 2
FRAMES = ("metrics", "picture", "detail")
NEVER_KEPT = {"Cache-Control": "no-store"}

Answer = Callable[["Kept", Request, Any], Awaitable[Response]]


class Kept:
    """The routes for kept races.

    Args:
        hub: returns the server's hub, which exists once the server has started.
    """

    def __init__(self, hub: Callable[[], Hub]) -> None:
        self.hub = hub
        self.rate = Rate(MOST_A_MINUTE)
        self._packing = asyncio.Semaphore(PACKED_AT_ONCE)

    def route(self, path: str, answer: Answer) -> Route:
        """Return a route: whatever is wrong with a request is told in one sentence."""

        async def endpoint(request: Request) -> Response:
            try:
                return await answer(self, request, await self._asked(request))
            except Refused as refused:
                WATCH.refuse(refused.reason, client=shortened(request.scope))
                return _said(refused.sentence, refused.status)
            except BadInput as error:
                return _said(str(error), 400)
            except ClientDisconnect:
                return Response(status_code=400)
            except Exception:
                log.exception("a request for a kept race failed")
                return _said(t("server.failed"), 500)

        return Route(path, endpoint, methods=["POST"])

    async def _asked(self, request: Request) -> Any:
        """Return what a request says, as JSON values.

        Raises:
            Refused: it comes from another page, or too many do.
            BadInput: it is too long, or no JSON.
        """
        origin = request.headers.get("origin")
        if not origin_allowed(origin, request.headers.get("host")):
            raise Refused("origin", t("server.address", origin=shorten(origin or "")))
        if wait := self.rate.wait(client(request.scope)):
            raise Refused("rate", t("kept.too-many", seconds=math.ceil(wait)), 429)
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MOST_BYTES:
                raise Refused("size", t("server.too-long", most=f"{MOST_BYTES:,}"), 413)
        try:
            asked = json.loads(body)
        except (ValueError, RecursionError):
            raise BadInput("body", body.decode("utf-8", "replace"), t("server.json")) from None
        check(asked)
        return asked

    @property
    def store(self) -> Store | None:
        return self.hub().store

    def row(self, asked: Any, own: bool = True) -> tuple[Store, Row]:
        """Return where the race is kept whose token is in a request, and what the index has of it.

        Args:
            asked: the request.
            own: whether only its owner may do what is asked for.

        Raises:
            BadInput: there is no token in it.
            Refused: no such race is kept, or it is somebody else's.
        """
        token = _checked(asked.get("token") if isinstance(asked, dict) else None, "token")
        store, found = self.store, self.hub().kept(token)
        if store is None or found is None:
            raise Refused("gone", t("kept.gone"), 404)
        row, owns = found
        if own and not owns:
            raise Refused("owner", t("kept.not-yours"))
        return store, row

    async def listed(self, request: Request, asked: Any) -> Response:
        """Tell how races stand, those that are kept of the ones whose tokens are given."""
        if not isinstance(asked, list) or len(asked) > MOST_ASKED:
            raise BadInput("body", _kind(asked), t("kept.tokens", most=MOST_ASKED))
        found: dict[str, tuple[str, Row, bool]] = {}
        for i, token in enumerate(asked):
            kept = self.hub().kept(_checked(token, f"body[{i}]"))
            # Who has both tokens of a race, for it was asked for in two tabs, sees it once.
            if kept is not None and (kept[1] or kept[0].token not in found):
                found[kept[0].token] = token, Row(**vars(kept[0])), kept[1]
        store = self.store
        if store is None:
            return _answered({"keeps": False, "races": []})
        now = {token: self.hub().results(token) for token in found}

        def look() -> tuple[dict[str, list[Message]], dict[str, int]]:
            return store.results_of(found), {token: store.size(token) for token in found}

        results, sizes = await asyncio.to_thread(look)
        races = [
            {
                "token": token,
                "own": own,
                "experiment": row.experiment,
                "state": row.state,
                "created": row.created,
                "used": row.used,
                "results": [
                    {name: _finite(value) for name, value in lane.items()}
                    for lane in now[row.token] or results[row.token]
                ],
                "bytes": sizes[row.token],
                "pinned": row.pinned,
            }
            for token, row, own in found.values()
        ]
        return _answered({"keeps": True, "races": races})

    async def pin(self, request: Request, asked: Any) -> Response:
        """Keep a race whatever room others need, or do so no longer."""
        store, row = self.row(asked)
        pinned = asked.get("pinned")
        if not isinstance(pinned, bool):
            raise BadInput("pinned", pinned, t("kept.yes-or-no"))
        visitor = by_cookie(request.cookies.get(COOKIE, "")) or ""
        if pinned and not row.pinned:
            others = [one for one in store.rows.values() if one.pinned]
            if sum(one.pinned_by == visitor for one in others) >= MOST_PINNED:
                raise Refused("pins", t("kept.most-pinned", most=MOST_PINNED), 409)
            taken = sum(store.size(one.token) for one in (*others, row))
            if taken > PINNED_SHARE * store.quota:
                raise Refused("pins", t("kept.pins-full"), 409)
        row.pinned, row.pinned_by = pinned, visitor if pinned else ""
        store.save(row)
        return _answered({"pinned": pinned})

    async def delete(self, request: Request, asked: Any) -> Response:
        """Remove a race, unless others asked for it too."""
        _, row = self.row(asked)
        if not row.shared:
            self.hub().delete(row.token)
        return _answered({"deleted": not row.shared})

    async def recording(self, request: Request, asked: Any) -> Response:
        """Serve a race as a recording."""
        _, row = self.row(asked, own=False)
        async with self._packing:
            messages = await self.hub().history(row.token)
            data = await asyncio.to_thread(packed, messages)
        if data is None:
            raise Refused("empty", t("kept.nothing-yet"), 409)
        return Response(data, media_type="application/octet-stream", headers=NEVER_KEPT)


def routes(hub: Callable[[], Hub], base: str = "") -> list[BaseRoute]:
    """Return the routes for kept races.

    Args:
        hub: returns the server's hub, which exists once the server has started.
        base: the server's base path, such as "/tools", or "".
    """
    kept = Kept(hub)
    return [
        kept.route(base + "/kelvin/kept.json", Kept.listed),
        kept.route(base + "/kelvin/kept/pin", Kept.pin),
        kept.route(base + "/kelvin/kept/delete", Kept.delete),
        kept.route(base + "/kelvin/kept/recording", Kept.recording),
    ]


def packed(messages: list[bytes]) -> bytes | None:
    """Return a history as a recording, its messages in the order in which a browser writes them;
    None if it shows nothing yet.
    """
    frames: list[tuple[int, int, bytes]] = []
    others: list[tuple[str, bytes]] = []
    for data in messages:
        message = decode(data)
        kind = message["type"]
        if kind in FRAMES:
            frames.append((message["k"], FRAMES.index(kind), data))
        else:
            others.append((kind, data))
    if not others or others[0][0] != "stage" or not frames:
        return None
    frames.sort(key=lambda one: one[:2])
    ends = sorted(others[1:], key=lambda one: one[0])  # seeds, then weights
    ordered = [others[0][1], *(data for _, _, data in frames), *(data for _, data in ends)]
    return Recording(ordered).packed()


def _checked(token: Any, field: str) -> str:
    if not isinstance(token, str) or not 0 < len(token) <= MOST_TOKEN:
        raise BadInput(field, _kind(token), t("kept.token", most=MOST_TOKEN))
    return token


def _kind(value: Any) -> str:
    """Return what a value is, for a message: what it holds may be long, or a token."""
    return type(value).__name__


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _answered(values: Any) -> Response:
    return JSONResponse(values, headers=NEVER_KEPT)


def _said(sentence: str, status: int) -> Response:
    return JSONResponse({"sentence": sentence}, status, NEVER_KEPT)
