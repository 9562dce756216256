"""A proxy that cuts a prefix off, as Jupyter's and code-server's do, and notes what is asked for
outside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading

HEAD_BYTES = 64 * 1024


class StrippingProxy:
    """Listens on a free port; every connection is of one request, or of one socket.

    Args:
        port: of the server behind it.
        prefix: what it cuts off, such as "/proxy/8501".

    Attributes:
        outside: the paths that were asked for outside the prefix.
    """

    def __init__(self, port: int, prefix: str) -> None:
        self.behind, self.prefix = port, prefix
        self.outside: list[str] = []
        self.port = 0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait()

    @property
    def address(self) -> str:
        return f"http://localhost:{self.port}{self.prefix}"

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, limit=HEAD_BYTES)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *headers = head[:-4].split("\r\n")
            method, target, version = line.split(" ")
            if not target.startswith(f"{self.prefix}/"):
                self.outside.append(target)
                writer.write(
                    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )
                await writer.drain()
            else:
                if "upgrade: websocket" not in head.lower():
                    headers = [one for one in headers if not one.lower().startswith("connection:")]
                    headers.append("Connection: close")
                lines = [f"{method} {target[len(self.prefix) :]} {version}", *headers, "", ""]
                there, away = await asyncio.open_connection("127.0.0.1", self.behind)
                away.write("\r\n".join(lines).encode("latin-1"))
                await asyncio.gather(_pass(reader, away), _pass(there, writer))
        writer.close()


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(HEAD_BYTES):
            sink.write(data)
            await sink.drain()
    with contextlib.suppress(OSError):
        sink.close()
