"""Serve the live view without Streamlit, engine or workers.

A page mounts it as Streamlit does, and a WebSocket sends a made-up race.

    python -m tests.app.live_fake [--port 8600]

The address chooses what is seen:
``/?kind=images&lanes=4&theme=dark&sidebar=1&autostart=1&recording=1``. In the page,
``fake.rerun({…})`` is another run of the script with other data, ``fake.seeds`` what went back to
Python, ``fake.unmount()`` the end. ``/break`` closes all sockets, ``/forget`` forgets all races as
well: a server that was restarted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import json
import secrets
import struct
from typing import Any

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.live import stream
from app.live.mount import still
from engine.messages.encoding import Message, encode
from tests.app.live_tale import FRAMES, RATE, Tale, experiment

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Kelvin, faked</title>
<style>
  html, body { margin: 0; background: var(--st-background-color); font-family: var(--st-font); }
  :root { --st-background-color: #fbfaf7; --st-text-color: #1c1a18; --st-primary-color: #d9532c; --st-font: "Source Sans Pro", system-ui, sans-serif; }
  :root.dark { --st-background-color: #161412; --st-text-color: #f3eee6; color-scheme: dark; }
  .stApp { display: flex; } aside { flex: 0 0 300px; background: #8882; height: 100vh; } main { flex: 1; min-width: 0; }
</style>
<div class="stApp">SIDEBAR<main><div data-testid="stMainBlockContainer"><div id="component"></div></div></main></div>
<script type="module">
  const DATA = __DATA__;
  const parentElement = document.getElementById("component");
  document.documentElement.classList.toggle("dark", __DARK__);
  const { mount, unmount } = await import(`/kelvin/bundle/@${DATA.version}/main.js`);
  window.fake = {
    data: DATA, seeds: [],
    rerun(change = {}) {
      this.data = { ...this.data, ...change };
      mount({ data: this.data, parentElement, setStateValue: (name, value) => {
        this.seeds.push(value); // Python answers with another run of the script, which has the new seed, or the points drawn
        const change = name === "points" ? { dataset: { name: "drawn", points: value } } : name === "view" ? {} : { [name]: value };
        setTimeout(() => this.rerun({ experiment: { ...this.data.experiment, ...change } }), 100);
      } });
    },
    theme(dark) { document.documentElement.classList.toggle("dark", dark); this.rerun(); },
    unmount: () => unmount(parentElement),
  };
  window.fake.rerun();
</script>"""


class Telling:
    """One tale told to whoever holds its token: plays, pauses, steps."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        self.token = secrets.token_urlsafe(24)
        self.tale = Tale(wanted)
        self.messages: list[bytes] = [encode(self.tale.stage())]
        self.events: list[Message] = []
        self.k = 0
        self.rate: float = RATE
        self.running = True
        self.advance()

    def advance(self) -> None:
        """The next frame."""
        events, self.events = self.events, []
        self.messages += [
            encode(self.tale.metrics(self.k, events)),
            encode(self.tale.picture(self.k)),
        ]
        if self.k % 20 == 0:
            self.messages.append(encode(self.tale.detail(self.k)))
        self.k += 1

    @property
    def state(self) -> Message:
        return {
            "type": "state",
            "state": "done" if self.k == FRAMES else "running" if self.running else "paused",
            "race": self.token,
        }

    def command(self, do: str, command: Message) -> None:
        """Pause, resume, step, speed, reheat."""
        if do in ("pause", "resume"):
            self.running = do == "resume"
            if do == "pause":
                self.messages.append(encode(self.tale.detail(self.k - 1)))
        elif do == "step" and self.k < FRAMES:
            self.running = False
            self.advance()
        elif do == "stages" and self.k < FRAMES:
            self.running = False
            self.messages += [
                encode(self.tale.stages(self.k, lane)) for lane in range(len(self.tale.lanes))
            ]
            self.advance()
        elif do == "turn" and command["field"] == "share" and command["value"] > 0.9:
            self.messages.append(
                encode(
                    {
                        "type": "problem",
                        "passing": True,
                        "sentence": f"share: {command['value']} is not allowed; expected at most 0.9",
                    }
                )
            )
        elif do == "turn":
            self.events.append(
                {
                    "kind": do,
                    "lane": command["lane"],
                    "step": 10 * self.k,
                    "field": command["field"],
                    "value": command["value"],
                }
            )
            if not self.running:
                self.advance()
        elif do == "speed":
            self.rate = min(RATE, command["value"]) or RATE
        elif do == "reheat":
            left = np.arange(FRAMES) >= self.k
            self.tale.heated = self.tale.heated + left * np.exp(
                -np.maximum(0, np.arange(FRAMES) - self.k) / 30
            )
            self.events.append(
                {
                    "lane": command["lane"],
                    "kind": "reheat",
                    "step": 10 * self.k,
                    "value": command["factor"],
                }
            )
        elif do == "weight":
            self.tale.put[command["lane"], command["index"]] = command["value"]
            self.events.append(
                {
                    "kind": do,
                    "lane": command["lane"],
                    "step": 10 * self.k,
                    "index": command["index"],
                    "value": command["value"],
                }
            )
            if not self.running:
                self.messages.append(encode(self.tale.picture(self.k - 1)))
        elif do == "plane":
            self.tale.plane = command["kind"]
            if not self.running:
                self.messages.append(encode(self.tale.picture(self.k - 1)))
        elif do == "points" and self.k < FRAMES:
            self.events.append(
                {
                    "kind": do,
                    "steps": [10 * self.k] * len(self.tale.lanes),
                    "value": command["points"],
                }
            )
            if not self.running:
                self.advance()


class Teller:
    """The server's side: tales by token, open sockets."""

    def __init__(self) -> None:
        self.tales: dict[str, Telling] = {}
        self.sockets: set[WebSocket] = set()

    async def live(self, socket: WebSocket) -> None:
        """One viewer."""
        await socket.accept()
        self.sockets.add(socket)
        sender: asyncio.Task[None] | None = None
        try:
            while True:
                command = json.loads(await socket.receive_text())
                do = command["do"]
                if do in ("run", "attach"):
                    told = (
                        self.tales.get(command["race"])
                        if do == "attach"
                        else Telling(command["experiment"])
                    )
                    if told is None:
                        await socket.send_bytes(
                            encode(
                                {
                                    "type": "problem",
                                    "sentence": (
                                        "That race no longer exists; press Run to start it again."
                                    ),
                                    "gone": True,
                                }
                            )
                        )
                        continue
                    self.tales[told.token] = told
                    if sender:
                        sender.cancel()
                    sender = asyncio.create_task(self._tell(socket, told))
                    current = told
                else:
                    current.command(do, command)
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            self.sockets.discard(socket)
            if sender:
                sender.cancel()

    async def _tell(self, socket: WebSocket, told: Telling) -> None:
        sent = 0
        state: Message = {}
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while True:
                if told.state != state:
                    state = told.state
                    await socket.send_bytes(encode(state))
                for message in told.messages[sent:]:
                    await socket.send_bytes(message)
                sent = len(told.messages)
                await asyncio.sleep(1 / told.rate)
                if told.running and told.k < FRAMES:
                    told.advance()

    async def hang_up(self, request: Request) -> Response:
        """Close all sockets; forget the races, too."""
        if request.url.path == "/forget":
            self.tales.clear()
        for socket in list(self.sockets):
            await socket.close(1012)
        return PlainTextResponse("done")


async def page(request: Request) -> Response:
    """The page around the view."""
    ask = request.query_params
    wanted = experiment(
        ask.get("kind", "points"), int(ask.get("lanes", 2)), int(ask.get("seed", 0))
    )
    recording = (
        f"/kelvin/recordings/{ask.get('kind', 'points')}-{ask.get('lanes', 2)}.kelvin"
        if "recording" in ask
        else None
    )
    data = {
        **still(),
        "experiment": wanted,
        "recording": recording,
        "autostart": "autostart" in ask,
        "base": "",
    }
    sidebar = "<aside></aside>" if "sidebar" in ask else ""
    filled = (
        PAGE.replace("SIDEBAR", sidebar)
        .replace("__DATA__", json.dumps(data, default=list))
        .replace("__DARK__", json.dumps(ask.get("theme") == "dark"))
    )
    return HTMLResponse(filled)


async def recording(request: Request) -> Response:
    """A whole tale as a recording."""
    kind, lanes = request.path_params["name"].rsplit("-", 1)
    tale = Tale(experiment(kind, int(lanes)))
    messages = [encode(tale.stage())] + [
        encode(message)
        for k in range(0, FRAMES, 2)
        for message in (
            tale.metrics(k, []),
            tale.picture(k),
            *([tale.detail(k)] if k % 20 == 0 else []),
        )
    ]
    body = gzip.compress(
        b"".join(struct.pack("<I", len(message)) + message for message in messages), 3
    )
    return Response(body, media_type="application/octet-stream")


def build() -> Starlette:
    """The whole fake."""
    teller = Teller()
    return Starlette(
        routes=[
            Route("/", page),
            Route("/break", teller.hang_up),
            Route("/forget", teller.hang_up),
            Route("/kelvin/bundle/@{version}/{entry:path}", stream.bundled),
            Route("/kelvin/frontend/@{version}/{path:path}", stream.frontend),
            Route("/kelvin/frontend/{path:path}", stream.frontend),
            Route("/kelvin/plotly.min.js", stream.plotly),
            Route("/kelvin/replay-shell.html", stream.replay_shell),
            Route("/kelvin/recordings/{name}.kelvin", recording),
            WebSocketRoute("/kelvin/live", teller.live),
        ]
    )


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--port", type=int, default=8600)
    uvicorn.run(build(), host="127.0.0.1", port=parser.parse_args().port, log_level="warning")


if __name__ == "__main__":
    main()
