"""Wake-ups between servers over the publish and subscribe of a Redis or Valkey."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ClassVar, Protocol

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from taskloom.bus import shared
from taskloom.bus.shared import CHANNEL, SharedBus

Connect = Callable[[str], Redis]


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


class RedisBus(SharedBus):
    """Hints through a Redis the servers share."""

    interruptions: ClassVar = (OSError, TimeoutError, RedisError)

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place

    async def close(self) -> None:
        """Stop listening, and the Redis if it is ours."""
        await super().close()
        await self.place.close()

    async def _session(self) -> None:
        client = connect(await self.place.url())
        listener = client.pubsub(ignore_subscribe_messages=True)
        try:
            await listener.subscribe(CHANNEL)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._listen(listener))
                both.create_task(self._talk(lambda text: client.publish(CHANNEL, text)))
        except* self.interruptions as errors:
            raise first(errors) from None
        finally:
            await _let_go(listener.aclose())  # type: ignore[no-untyped-call]
            await _let_go(client.aclose())

    async def _listen(self, listener: PubSub) -> None:
        async for message in listener.listen():
            self._heard(message["data"])


def connect(url: str) -> Redis:
    """A client that gives up on a silent server, and leaves trying again to its caller."""
    return Redis.from_url(
        url,
        socket_connect_timeout=shared.BEAT_S,
        socket_timeout=2 * shared.BEAT_S,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )


def first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """One error of a group that holds at least one."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _let_go(closing: Awaitable[None]) -> None:
    """Close a connection, whatever state it is in."""
    try:
        async with asyncio.timeout(1):
            await closing
    except (OSError, TimeoutError, RedisError):
        return
