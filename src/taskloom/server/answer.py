"""Answers on their way out: whole ones in two messages, streams until the caller goes away."""

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

from taskloom.dialects.operation import Response, Stream

log = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_BODILESS: Final = frozenset({204, 304})


class Caller:
    """The other end of one request: whether it is still there."""

    __slots__ = ("_receive", "_watch")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._watch: asyncio.Task[None] | None = None

    async def gone(self) -> None:
        """Return when the caller went away; to be asked after the body was read."""
        if self._watch is None:
            self._watch = asyncio.create_task(self._until_gone())
        await asyncio.shield(self._watch)

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue

    def leave(self) -> None:
        """Watch no longer."""
        if self._watch is not None:
            self._watch.cancel()


async def send_response(send: Send, response: Response, extra: Mapping[str, str]) -> None:
    """Send a whole answer."""
    body = response.body
    status = response.status
    headers = _headers(response.headers, extra)
    if body or status not in _BODILESS:
        headers.append((b"content-type", _name(response.content_type)))
        headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def send_stream(send: Send, stream: Stream, extra: Mapping[str, str], caller: Caller) -> None:
    """Send an answer in pieces; the iterator is closed at the end, also when the caller goes away."""
    headers = _headers(stream.headers, extra)
    headers.append((b"content-type", _name(stream.content_type)))
    headers.append((b"cache-control", b"no-cache"))
    headers.append((b"x-accel-buffering", b"no"))
    await send({"type": "http.response.start", "status": stream.status, "headers": headers})
    pump = asyncio.create_task(_pump(send, stream.chunks))
    gone = asyncio.create_task(caller.gone())
    try:
        await asyncio.wait({pump, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (pump, gone):
            task.cancel()
        outcomes = await asyncio.gather(pump, gone, return_exceptions=True)
        close = getattr(stream.chunks, "aclose", None)
        if close is not None:
            with contextlib.suppress(Exception):
                await close()
    if isinstance(outcomes[0], Exception):
        log.error("a stream broke off", exc_info=outcomes[0])
        return
    await send({"type": "http.response.body", "body": b""})


async def _pump(send: Send, chunks: AsyncIterator[bytes]) -> None:
    async for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})


def _headers(first: Mapping[str, str], second: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    found = [(_name(name), _text(value)) for name, value in second.items()]
    if first:
        found.extend((_name(name), _text(value)) for name, value in first.items())
    return found


def _text(value: str) -> bytes:
    """A header's bytes: what could end the line or cannot be sent is left out."""
    if not value.isprintable():
        value = "".join(character for character in value if character.isprintable())
    return value.encode("latin-1", "replace")


_name = functools.lru_cache(256)(_text)
"""Names and media types come back again and again."""
