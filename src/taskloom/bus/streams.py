"""Streams of a Redis or Valkey that workers write to, each with a user who can do nothing else."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from redis.asyncio import Redis

from taskloom.bus.client import REDIS_ERRORS, Place, connect, let_go
from taskloom.ports.bus import Entry, StreamsError

_ALLOWED: Final = ("xadd", "ping", "auth", "hello", "select", "client|setinfo", "client|setname")
"""The commands of an admitted user: to write, and what clients send by themselves when they connect."""
_PAGE: Final = 1_000


class RedisStreams:
    """The streams of one Redis; a broken client is made anew at the next call.

    Whoever still works with a client that was given up closes it once more at the end: a closed one connects
    anew when it is asked for something.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._client: Redis | None = None

    async def admit(self, user: str, password: str, prefix: str) -> str:
        """Let a user write to streams whose names begin with this, and do nothing else; answers the URL."""
        rules = ["reset", "on", f">{password}", f"~{prefix}*", *(f"+{name}" for name in _ALLOWED)]
        async with self._connected() as client:
            await client.execute_command("ACL", "SETUSER", user, *rules)  # type: ignore[no-untyped-call]
            return _as_user(await self._place.url(), user, password)

    async def dismiss(self, user: str) -> None:
        """Let a user do nothing any more."""
        async with self._connected() as client:
            await client.execute_command("ACL", "DELUSER", user)  # type: ignore[no-untyped-call]

    async def sign(self, name: str, seconds: int) -> None:
        """Put up a sign that stands for so long."""
        async with self._connected() as client:
            await client.set(name, b"1", ex=seconds)

    async def signs(self, names: Sequence[str]) -> set[str]:
        """Those of the signs that stand."""
        if not names:
            return set()
        async with self._connected() as client:
            values = await client.mget(names)
            return {name for name, value in zip(names, values, strict=True) if value is not None}

    async def names(self, prefix: str) -> list[str]:
        """The streams whose names begin with this."""
        async with self._connected() as client:
            pages = client.scan_iter(match=f"{prefix}*", count=_PAGE, _type="stream")
            return [name.decode(errors="replace") async for name in pages]

    async def read(self, names: Sequence[str], count: int, wait_ms: int) -> Mapping[str, Sequence[Entry]]:
        """The oldest entries of each stream; waits until there is one, or the time is over."""
        async with self._connected() as client:
            found: Any = await client.xread(dict.fromkeys(names, "0-0"), count=count, block=wait_ms)
            return {
                name.decode(): [Entry(entry, fields or {}) for entry, fields in entries]
                for name, entries in found or ()
            }

    async def remove(self, name: str, entries: Sequence[bytes], keep_s: int) -> None:
        """Take entries away; a stream nobody touches goes after a while."""
        async with self._connected() as client, client.pipeline(transaction=False) as both:
            both.xdel(name, *entries)
            both.expire(name, keep_s)
            await both.execute()

    async def close(self) -> None:
        """Let go of the connections."""
        client, self._client = self._client, None
        if client is not None:
            await let_go(client)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[Redis]:
        client = None
        try:
            client = await self._open()
            yield client
        except REDIS_ERRORS as error:
            if self._client is client:
                self._client = None
            raise StreamsError(str(error) or type(error).__name__) from error
        finally:
            if client is not None and client is not self._client:
                await let_go(client)

    async def _open(self) -> Redis:
        if self._client is None:
            url = await self._place.url()
            self._client = self._client or connect(url)  # somebody else may have been quicker
        return self._client


def _as_user(url: str, user: str, password: str) -> str:
    """The address of a Redis with the credentials of somebody else."""
    there = urlsplit(url)
    return there._replace(netloc=f"{user}:{password}@{there.netloc.rpartition('@')[2]}").geturl()
