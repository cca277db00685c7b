"""Receivers of calls that behave badly, each at a port of its own, and one that behaves well."""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from typing import Final, Self

_FLOOD: Final = b"x" * 65_536
_FLOOD_BYTES: Final = 10 * 1024**3

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Takes everything and never answers."""
    while await reader.read(65_536):
        pass


async def _deaf(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Accepts and reads nothing."""
    await asyncio.sleep(3_600)


async def _drip_head(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers a byte a second, from the first one on."""
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"z" * 3_600:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(1)


async def _drip_body(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A quick head, and then a body of a byte a second."""
    writer.write(b"HTTP/1.1 500 X\r\nContent-Length: 3600\r\n\r\n")
    for _ in range(3_600):
        writer.write(b"z")
        await writer.drain()
        await asyncio.sleep(1)


async def _flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ten gigabytes of answer."""
    writer.write(b"HTTP/1.1 500 X\r\nContent-Length: %d\r\n\r\n" % _FLOOD_BYTES)
    for _ in range(_FLOOD_BYTES // len(_FLOOD)):
        writer.write(_FLOOD)
        await writer.drain()


def _status(line: bytes) -> Serve:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 " + line + b"\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    return answer


async def _reset(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Cuts the line in the middle of the call."""
    writer.transport.abort()


MANNERS: Final[dict[str, Serve]] = {
    "silent": _silent,
    "deaf": _deaf,
    "drips its head": _drip_head,
    "drips its body": _drip_body,
    "answers 10 GB": _flood,
    "redirects": _status(b"302 Found\r\nLocation: http://169.254.169.254/"),
    "answers 500": _status(b"500 X"),
    "answers 410": _status(b"410 Gone"),
    "resets": _reset,
}


class Receivers:
    """All of them; `arrived` tells when the good one got what, by the id of what it was told of."""

    def __init__(self) -> None:
        self.urls: dict[str, str] = {}
        self.good = ""
        self.called: dict[str, int] = dict.fromkeys(MANNERS, 0)
        self.arrived: dict[str, float] = {}
        self.waiting = 0
        self.all_arrived = asyncio.Event()
        self._servers: list[asyncio.Server] = []

    async def __aenter__(self) -> Self:
        for name, serve in MANNERS.items():
            self.urls[name] = await self._listen(self._counted(name, serve))
        self.good = await self._listen(self._take)
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers:
            server.close()

    def expect(self, count: int) -> None:
        """Wait with `all_arrived` until the good one was told of so many."""
        self.waiting = count
        self.all_arrived.clear()

    async def _listen(self, serve: Serve) -> str:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self._servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"

    def _counted(self, name: str, serve: Serve) -> Serve:
        async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.called[name] += 1
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await serve(reader, writer)
            writer.close()

        return counted

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
            event = json.loads(await reader.readexactly(length))
            self.arrived.setdefault(event["data"]["id"], time.monotonic())
            if len(self.arrived) >= self.waiting:
                self.all_arrived.set()
            await _status(b"204 No Content")(reader, writer)
        writer.close()
