"""The live routes: the WebSocket and the files that the browser needs.

Streamlit's own origin and size checks do not apply to these routes, so they have their own.
Commands are JSON texts of at most 64 KiB; responses are MessagePack.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import logging
import math
import re
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from app import replay, thumbnails
from app.allowance import within
from app.hosting.addresses import client, origin_allowed, shortened
from app.hosting.watch import WATCH
from app.live import bundle, kept
from app.live.bundle import FRONTEND
from app.live.hub import Hub, ServerBusy, Viewer, reserved
from app.live.shipped import shipped
from app.text import t
from app.visitors import COOKIE, by_cookie
from engine.any_race import parse_experiment
from engine.combinatorial.instance import MAX_EDITABLE
from engine.datasets.hand_drawn import decode_points
from engine.errors import BadInput
from engine.experiment.lanes import MAX_LANES
from engine.experiment.model import MAX_SEEDS
from engine.landscapes.benchmark_functions import FUNCTIONS
from engine.messages.encoding import Message
from engine.observation.projection import KINDS
from engine.system.input_checks import check

log = logging.getLogger(__name__)

RECORDINGS = Path(__file__).resolve().parents[2] / "assets" / "recordings"
MOST_BYTES = 64 * 1024
MOST_PER_SECOND = 50
MOST_AT_ONCE = 8
MOST_ORIGIN = 200
SITE_SIDE = 56
"""Grid size of a landscape's thumbnail."""
COMMANDS = ("pause", "resume", "step", "stages", "weights", "cancel")
MOST_INDEX = 10**9
MOST_WEIGHT = 1e6
MOST_COORDINATE = 1e12
TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".json": "application/json",
}
FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
ALWAYS_ASK = {"Cache-Control": "no-cache"}


def routes(hub: Callable[[], Hub], base: str = "") -> list[BaseRoute]:
    """Return the routes under /kelvin/.

    Args:
        hub: returns the server's hub, which exists once the server has started.
        base: the server's base path, such as "/tools", or "".
    """

    async def live(socket: WebSocket) -> None:
        await serve(socket, hub())

    return [
        WebSocketRoute(base + "/kelvin/live", live),
        Route(base + "/kelvin/live", refusal),
        Route(base + "/kelvin/bundle/@{version}/{entry:path}", bundled),
        Route(base + "/kelvin/frontend/@{version}/{path:path}", frontend),
        Route(base + "/kelvin/frontend/{path:path}", frontend),
        Route(base + "/kelvin/plotly.min.js", plotly),
        Route(base + "/kelvin/landscapes.json", landscapes),
        Route(base + "/kelvin/coastline.json", coastline),
        Route(base + "/kelvin/replay-shell.html", replay_shell),
        Route(base + "/kelvin/thumbnails/{name}", thumbnail),
        Route(base + "/kelvin/recordings.json", recordings),
        Route(base + "/kelvin/recordings/{name}.kelvin", recording),
        *kept.routes(hub, base),
    ]


async def refusal(request: Request) -> Response:
    """Return why pages of an origin may not open the socket; the browser itself gives no reason."""
    if why := request.scope.get("kelvin.why"):  # the door's reason
        return JSONResponse({"sentence": why})
    origin = request.query_params.get("origin", "")[:MOST_ORIGIN]
    if origin_allowed(origin, request.headers.get("host")):
        # Who asks all the same has a proxy in front that passes on no sockets.
        return JSONResponse({"sentence": None, "unheard": t("hosting.unheard")})
    return JSONResponse({"sentence": t("server.address", origin=origin)})


async def serve(socket: WebSocket, hub: Hub) -> None:
    """Serve one viewer's connection until it closes."""
    if not origin_allowed(socket.headers.get("origin"), socket.headers.get("host")):
        await socket.close(1008)
        return
    await socket.accept()
    viewer = Viewer(by_cookie(socket.cookies.get(COOKIE, "")) or "", client(socket.scope))
    WATCH.audience.add(viewer)
    WATCH.viewers.inc()
    sender = asyncio.create_task(_send(socket, viewer))
    try:
        await _listen(socket, hub, viewer)
    except WebSocketDisconnect:
        pass
    finally:
        sender.cancel()
        hub.leave(viewer)
        WATCH.audience.discard(viewer)
        WATCH.viewers.dec()
        WATCH.dropped.inc(viewer.dropped)
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await sender
        if (
            socket.client_state == WebSocketState.CONNECTED
            and socket.application_state == WebSocketState.CONNECTED
        ):
            with contextlib.suppress(RuntimeError):
                await socket.close()


async def _send(socket: WebSocket, viewer: Viewer) -> None:
    """Send the queued messages one after the other. A slow viewer misses pictures, nothing else."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            data = await viewer.next()
            await socket.send_bytes(data)
            WATCH.sent.inc()
            WATCH.sent_bytes.inc(len(data))


async def _listen(socket: WebSocket, hub: Hub, viewer: Viewer) -> None:
    second, count = 0, 0
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        now = int(time.monotonic())
        second, count = (now, 1) if now != second else (second, count + 1)
        WATCH.commands.inc()
        if count > MOST_PER_SECOND:
            WATCH.refuse("rate", client=shortened(socket.scope))
            viewer.say({"type": "problem", "sentence": t("server.too-many", most=MOST_PER_SECOND)})
            await asyncio.sleep(1)
        elif text is None or len(text.encode("utf-8", "replace")) > MOST_BYTES:
            WATCH.refuse("size", client=shortened(socket.scope))
            viewer.say(
                {"type": "problem", "sentence": t("server.too-long", most=f"{MOST_BYTES:,}")}
            )
        else:
            await obey(hub, viewer, text)


class Ending(Exception):
    """Raised when the server is about to end and starts no more races."""

    def __init__(self) -> None:
        super().__init__(t("hosting.ending"))


async def obey(hub: Hub, viewer: Viewer, text: str) -> None:
    """Handle one command. An error is reported to the viewer in one sentence, and the connection
    stays open.
    """
    try:
        await _obey(hub, viewer, text)
    except (BadInput, ServerBusy, Ending) as error:
        if not isinstance(error, BadInput):
            WATCH.refuse("ending" if isinstance(error, Ending) else "full")
        viewer.say({"type": "problem", "sentence": str(error)})
    except Exception:
        log.exception("a command failed")
        viewer.say({"type": "problem", "sentence": t("server.failed")})


async def _obey(hub: Hub, viewer: Viewer, text: str) -> None:
    try:
        command: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise BadInput("command", text, t("server.json")) from None
    check(command)
    do = command.get("do") if isinstance(command, dict) else None
    if do == "run":
        if WATCH.draining:
            raise Ending
        experiment, fewer = within(parse_experiment(command.get("experiment")))
        then = command.get("then", [])
        if not isinstance(then, list) or len(then) > MOST_AT_ONCE:
            raise BadInput("then", then, t("server.commands", most=MOST_AT_ONCE))
        asked = [_command(one) for one in then]
        memory = reserved(experiment)
        link = command.get("link") is True
        values = experiment.to_json()
        if link and not asked:
            await hub.load_same(viewer, values)
        hub.run(viewer, values, memory, plain=not asked, link=link)
        if fewer is not None:
            viewer.say({"type": "problem", "passing": True, "sentence": fewer})
        for one in asked:
            hub.command(viewer, one)
    elif do == "attach":
        token = command.get("race")
        if isinstance(token, str):
            await hub.load(token)
        if not isinstance(token, str) or not hub.attach(viewer, token):
            viewer.say({"type": "problem", "sentence": t("server.gone"), "gone": True})
    elif do == "look":
        seen = command.get("seen")
        if not isinstance(seen, bool):
            raise BadInput("seen", seen, t("server.one-of", names="true, false"))
        hub.look(viewer, seen)
    else:
        hub.command(viewer, _command(command, "run", "attach", "look"))


def _command(command: Any, *others: str) -> Message:
    """Return a command for a race.

    Raises:
        BadInput: it is not valid; ``others`` lists further allowed commands for the message.
    """
    do = command.get("do") if isinstance(command, dict) else None
    if do in COMMANDS:
        return {"do": do}
    if do == "speed":
        return {"do": do, "value": _number(command, "value", 0, 1e6)}
    if isinstance(do, str) and do in VALIDATED:
        return {"do": do, **VALIDATED[do](command)}
    raise BadInput(
        "do", do, t("server.one-of", names=", ".join((*others, *COMMANDS, "speed", *VALIDATED)))
    )


def _reheat(command: Message) -> Message:
    return {
        "lane": _whole(command, "lane", MAX_LANES - 1),
        "factor": _number(command, "factor", 1e-3, 1e3),
    }


def _turn(command: Message) -> Message:
    """Validate a hyperparameter and its value; which ones exist, and their ranges, is checked by
    the race.
    """
    field, value = command.get("field"), command.get("value")
    if not isinstance(field, str) or not 0 < len(field) <= 60:
        raise BadInput("field", field, t("server.knob"))
    fits = (
        value is None
        or (isinstance(value, str) and len(value) <= 100)
        or (isinstance(value, int | float) and abs(value) <= 1e15)
    )
    if not fits:
        raise BadInput("value", value, t("server.worth"))
    return {"lane": _whole(command, "lane", MAX_LANES - 1), "field": field, "value": value}


def _weight(command: Message) -> Message:
    index = _whole(command, "index", MOST_INDEX)
    return {
        "lane": _whole(command, "lane", MAX_LANES - 1),
        "index": index,
        "value": _number(command, "value", -MOST_WEIGHT, MOST_WEIGHT),
    }


def _points(command: Message) -> Message:
    decode_points(command.get("points"))
    return {"points": command["points"]}


def _plane(command: Message) -> Message:
    if command.get("kind") not in KINDS:
        raise BadInput("kind", command.get("kind"), t("server.one-of", names=", ".join(KINDS)))
    return {"kind": command["kind"]}


def _follow(command: Message) -> Message:
    return {"seed": _whole(command, "seed", MAX_SEEDS - 1)}


def _kick(command: Message) -> Message:
    return {"lane": _whole(command, "lane", MAX_LANES - 1)}


def _cities(command: Message) -> Message:
    """Validate the form of an edit of cities; which cities there are is checked by the race."""
    rows: dict[str, list[Any]] = {}
    for name in ("move", "drop", "add"):
        found = command.get(name) or []
        if not isinstance(found, list) or len(found) > MAX_EDITABLE:
            raise BadInput(name, found, t("server.cities", most=MAX_EDITABLE))
        rows[name] = found
    for name, length in (("move", 3), ("add", 2)):
        for row in rows[name]:
            if not isinstance(row, list) or len(row) != length:
                raise BadInput(name, row, t(f"server.{name}"))
            for value in row[-2:]:
                _number({name: value}, name, -MOST_COORDINATE, MOST_COORDINATE)
    for name, city in (
        *(("move", row[0]) for row in rows["move"]),
        *(("drop", one) for one in rows["drop"]),
    ):
        _whole({name: city}, name, MAX_EDITABLE - 1)
    return rows


VALIDATED: dict[str, Callable[[Message], Message]] = {
    "reheat": _reheat,
    "turn": _turn,
    "weight": _weight,
    "points": _points,
    "plane": _plane,
    "follow": _follow,
    "kick": _kick,
    "cities": _cities,
}
"""Commands for a race: functions that return the command to pass on, or raise `BadInput`."""


def _number(command: dict[str, Any], name: str, low: float, high: float) -> float:
    value = command.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise BadInput(name, value, t("server.number", low=f"{low:g}", high=f"{high:g}"))
    return value


def _whole(command: dict[str, Any], name: str, high: int) -> int:
    value = command.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= high:
        raise BadInput(name, value, t("server.whole-number", high=high))
    return value


async def frontend(request: Request) -> Response:
    """Serve an ES module, a style sheet or an icon of the live view."""
    try:
        path = (FRONTEND / request.path_params["path"]).resolve()
        found = path.is_relative_to(FRONTEND) and path.suffix in TYPES and path.is_file()
    except (OSError, ValueError):  # a name that is too long for a file, or has a zero byte
        found = False
    if not found:
        return PlainTextResponse("not found", 404)
    return FileResponse(path, media_type=TYPES[path.suffix], headers=_caching(request))


async def bundled(request: Request) -> Response:
    """Serve a page's modules in one file."""
    entry = request.path_params["entry"]
    if entry not in bundle.ENTRIES:
        return PlainTextResponse("not found", 404)
    return await _packed(
        request, await asyncio.to_thread(bundle.bundle, entry), "text/javascript", _caching(request)
    )


def _caching(request: Request) -> dict[str, str]:
    """Return caching headers: a URL with a version (``@…``, ``?v=``) never changes its content; any
    other is revalidated each time (and mostly answered "not modified").
    """
    return (
        FOREVER
        if request.query_params.get("v") or request.path_params.get("version") == bundle.version()
        else ALWAYS_ASK
    )


async def _packed(request: Request, body: bytes, kind: str, headers: dict[str, str]) -> Response:
    """Serve gzipped content, unpacked for clients that cannot read gzip."""
    headers = {"Vary": "Accept-Encoding", **headers}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
    else:
        body = await asyncio.to_thread(gzip.decompress, body)
    return Response(body, media_type=kind, headers=headers)


@lru_cache(maxsize=1)
def packed_plotly() -> bytes:
    """Return plotly.js as the plotly package ships it, gzipped once."""
    import plotly

    return gzip.compress(
        (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_bytes(), 6
    )


async def plotly(request: Request) -> Response:
    """Serve plotly.js."""
    return await _packed(
        request, await asyncio.to_thread(packed_plotly), "text/javascript", _caching(request)
    )


@lru_cache(maxsize=1)
def _landscapes() -> bytes:
    """Return a thumbnail of every known landscape: values as bytes, 0 the lowest, row 0 at the low
    end of y.
    """
    sites = []
    for one in FUNCTIONS.values():
        heights = one.grid(SITE_SIDE).double()
        low, high = (
            one.lowest if one.lowest is not None else float(heights.min()),
            float(heights.quantile(0.99)),
        )
        share = ((heights - low) / (high - low)).clamp(0, 1)
        # As on the map: half of the area has the lower half of the colours, or a landscape with
        # steep edges would look flat inside.
        level = share ** min(1.0, max(0.12, math.log(0.5) / math.log(float(share.median()))))
        sites.append(
            {
                "name": one.name,
                "label": one.label,
                "about": one.about,
                "side": SITE_SIDE,
                "z": (level * 255).round().int().flatten().tolist(),
            }
        )
    return gzip.compress(json.dumps(sites, ensure_ascii=False, separators=(",", ":")).encode(), 6)


async def landscapes(request: Request) -> Response:
    """Serve the thumbnails of the landscapes."""
    return await _packed(
        request, await asyncio.to_thread(_landscapes), "application/json", _caching(request)
    )


@lru_cache(maxsize=1)
def _coastline() -> bytes:
    """Return the coastline of the Earth as JSON, gzipped: lines of longitudes and latitudes."""
    if not replay.COASTLINE.is_file():
        return gzip.compress(b"[]")
    return gzip.compress(replay.COASTLINE.read_bytes(), 6)


async def coastline(request: Request) -> Response:
    """Serve the coastline that maps of places on the Earth are drawn over."""
    return await _packed(
        request, await asyncio.to_thread(_coastline), "application/json", _caching(request)
    )


async def thumbnail(request: Request) -> Response:
    """Serve the thumbnail of a dataset."""
    name = request.path_params["name"]
    if name not in thumbnails.thumbnails().values():
        return PlainTextResponse("not found", 404)
    path = thumbnails.FOLDER / name
    return FileResponse(path, media_type=TYPES[path.suffix], headers=_caching(request))


async def recordings(request: Request) -> Response:
    """Serve the summaries of the recordings that ship with Kelvin."""
    body = json.dumps(await asyncio.to_thread(shipped), ensure_ascii=False, separators=(",", ":"))
    return Response(body, media_type="application/json", headers=ALWAYS_ASK)


async def replay_shell(request: Request) -> Response:
    """Serve the page of a replay; the browser puts a recording into it."""
    return await _packed(
        request, await asyncio.to_thread(replay.packed_shell), "text/html", ALWAYS_ASK
    )


async def recording(request: Request) -> Response:
    """Serve a recording that ships with Kelvin. The file is already gzip and is sent unchanged."""
    name = request.path_params["name"]
    path = RECORDINGS / f"{name}.kelvin"
    if not re.fullmatch(r"[a-z0-9-]{1,80}", name) or not path.is_file():
        return PlainTextResponse("not found", 404)
    return FileResponse(path, media_type="application/octet-stream", headers=ALWAYS_ASK)
