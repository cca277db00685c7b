"""Wake-ups between servers over the publish and subscribe of a Redis or Valkey."""

import asyncio
import contextlib
from typing import ClassVar

from redis.asyncio.client import PubSub

from taskloom.bus.client import REDIS_ERRORS, Place, connect, let_go
from taskloom.bus.shared import CHANNEL, SharedBus
from taskloom.bus.streams import RedisStreams
from taskloom.ports.bus import Streams
from taskloom.ports.clock import Clock


class RedisBus(SharedBus):
    """Hints through a Redis the servers share."""

    interruptions: ClassVar = REDIS_ERRORS
    message_bytes: ClassVar = 256 * 1024

    def __init__(self, place: Place, clock: Clock | None = None) -> None:
        super().__init__(clock)
        self._place = place

    async def close(self) -> None:
        """Stop listening, and the Redis if it is ours."""
        await super().close()
        await self._place.close()

    def streams(self) -> Streams | None:
        """The streams of the same Redis."""
        return RedisStreams(self._place)

    async def _session(self) -> None:
        client = connect(await self._place.url())
        try:
            async with contextlib.AsyncExitStack() as ends:  # the second too when the first is cancelled
                ends.push_async_callback(let_go, client)
                listener = client.pubsub(ignore_subscribe_messages=True)
                ends.push_async_callback(let_go, listener)
                await listener.subscribe(CHANNEL)
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._listen(listener))
                    both.create_task(self._talk(lambda text: client.publish(CHANNEL, text)))
        except* self.interruptions as errors:
            raise first(errors) from None

    async def _listen(self, listener: PubSub) -> None:
        async for message in listener.listen():
            self._received(message["data"])


def first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """One error of a group that holds at least one."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
