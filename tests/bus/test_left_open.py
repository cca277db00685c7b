"""Nothing is left open at a Redis, whoever connects, gives up or closes at the same time."""

import asyncio
import gc
import warnings

import pytest
from redis import Redis
from redis.asyncio.client import PubSub

from taskloom.bus.client import Elsewhere
from taskloom.bus.redis import RedisBus
from taskloom.bus.streams import RedisStreams
from tests.bus.listener import Listener


class Behind:
    """A place that tells where it is once the gate is open."""

    def __init__(self, url):
        self._url = url
        self.asked = asyncio.Semaphore(0)
        self.gate = asyncio.Event()

    async def url(self):
        self.asked.release()
        await self.gate.wait()
        return self._url

    async def close(self):
        """It is not ours."""


@pytest.fixture
async def left_open(valkey):
    """What was forgotten while it was open is told here, once the test is over."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [str(one.message) for one in told if one.category is ResourceWarning] == []


async def test_who_connects_at_the_same_time_shares_a_client(valkey, left_open):
    place = Behind(valkey.url)
    streams = RedisStreams(place)
    calls = [asyncio.create_task(streams.sign(name, 10)) for name in ("one", "two")]
    for _ in calls:
        await place.asked.acquire()
    place.gate.set()

    await asyncio.gather(*calls)
    await streams.close()

    assert await streams.signs(["one", "two"]) == {"one", "two"}
    await streams.close()


async def test_who_still_works_with_a_client_that_was_given_up_closes_it(valkey, left_open):
    streams = RedisStreams(Elsewhere(valkey.url))
    async with streams._connected() as client:
        await streams.close()
        await client.set("name", b"1")


async def test_a_bus_that_is_closed_while_it_lets_go_of_a_lost_connection(valkey, left_open, monkeypatch):
    letting_go = asyncio.Event()

    async def hangs(_):
        letting_go.set()
        await asyncio.Event().wait()

    server = Listener(RedisBus(Elsewhere(valkey.url)))
    await server.open()
    monkeypatch.setattr(PubSub, "aclose", hangs)
    with Redis.from_url(valkey.url) as client:
        client.client_kill_filter(_type="pubsub")
    await letting_go.wait()

    await server.bus.close()
