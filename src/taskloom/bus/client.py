"""Reaching a Redis or Valkey: where it is, and a client for it."""

import asyncio
from typing import Protocol

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from taskloom.bus import shared

REDIS_ERRORS = (OSError, TimeoutError, RedisError)
"""What a Redis that is away raises."""


class Place(Protocol):
    """Where the Redis is."""

    async def url(self) -> str:
        """The address with the server's own credentials; one that we run is started for it."""

    async def close(self) -> None:
        """Nobody needs it any more."""


class Elsewhere:
    """A Redis that somebody else runs."""

    def __init__(self, url: str) -> None:
        self._url = url.replace("valkey", "redis", 1) if url.startswith("valkey") else url

    async def url(self) -> str:
        """The address it was given."""
        return self._url

    async def close(self) -> None:
        """It is not ours to stop."""


def connect(url: str) -> Redis:
    """A client that gives up on a silent server, and leaves trying again to its caller."""
    return Redis.from_url(
        url,
        socket_connect_timeout=shared.BEAT_S,
        socket_timeout=2 * shared.BEAT_S,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )


async def let_go(client: Redis | PubSub) -> None:
    """Close its connections, whatever state they are in."""
    try:
        async with asyncio.timeout(1):
            await client.aclose()
    except REDIS_ERRORS:
        return
