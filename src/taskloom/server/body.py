"""Bodies: counted while they are read, for what a caller says about its length proves nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, Final

from taskloom.core.limits import BODY_BYTES_PER_S_MIN, BODY_S_MAX, BODY_TIMEOUT_S, KIB
from taskloom.dialects.operation import BodyError, Refusal
from taskloom.server.request import Fields

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_SLOW: Final = Refusal(408, "timeout", "the body arrives too slowly")
_BROKEN: Final = Refusal(400, "invalid", "the caller went away before the body was complete")


class CallerGoneError(Exception):
    """The caller went away; nobody reads an answer."""


def too_large(limit_bytes: int) -> Refusal:
    """The refusal of a body beyond the limit."""
    return Refusal(413, "too_large", f"the body is larger than {limit_bytes} bytes")


def refused_by_head(fields: Fields, limit_bytes: int, media_types: frozenset[bytes]) -> Refusal | None:
    """What is wrong with a body that can be told before it is read."""
    length = fields.get(b"content-length", b"")
    if length.isdigit() and int(length[:20]) > limit_bytes:
        return too_large(limit_bytes)
    if fields.get(b"content-encoding", b"").lower() not in {b"", b"identity"}:
        return Refusal(415, "unsupported_media_type", "a body must not be compressed")
    given = fields.get(b"content-type", b"")
    if not given or given in media_types:
        return None
    if given.partition(b";")[0].strip().lower() in media_types:
        return None
    allowed = ", ".join(sorted(kind.decode() for kind in media_types))
    return Refusal(415, "unsupported_media_type", f"the body must be {allowed}")


def is_announced(fields: Fields) -> bool:
    """Whether the caller announces a body."""
    return fields.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in fields


def is_large(fields: Fields) -> bool:
    """Whether the body may be so large that an early answer had better end the connection."""
    length = fields.get(b"content-length", b"0")
    small = length.isdigit() and len(length) < 6 and int(length) <= 64 * KIB
    return not small or b"transfer-encoding" in fields


async def read(receive: Receive, limit_bytes: int) -> bytes | Refusal:
    """The whole body, or why not; reads at most one piece beyond the limit."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise CallerGoneError
    if len(body) > limit_bytes:
        return too_large(limit_bytes)
    if not message.get("more_body"):
        return body
    pieces = [body]
    try:
        pieces.extend([piece async for piece in chunks(receive, limit_bytes, len(body))])
    except BodyError as error:
        return error.refusal
    return b"".join(pieces)


async def chunks(receive: Receive, limit_bytes: int, size: int = 0) -> AsyncIterator[bytes]:
    """The body piece by piece; `size` bytes were read before. Raises `BodyError`.

    A body has a minute, and what arrives buys it more time, up to half a day, so that a large one may take
    longer but a trickle ends.
    """
    begun_s = asyncio.get_running_loop().time()
    more = True
    while more:
        try:
            allowed_s = min(BODY_TIMEOUT_S + size / BODY_BYTES_PER_S_MIN, BODY_S_MAX)
            async with asyncio.timeout_at(begun_s + allowed_s):
                message = await receive()
        except TimeoutError:
            raise BodyError(_SLOW) from None
        if message["type"] == "http.disconnect":
            raise BodyError(_BROKEN)
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit_bytes:
            raise BodyError(too_large(limit_bytes))
        more = message.get("more_body", False)
        if piece:
            yield piece
