"""Streams over two servers of one database: the worker at one, the reader at the other, a bus between."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from redis import Redis

from taskloom.bus import shared
from taskloom.core.limits import READS_KEPT_MS
from taskloom.dialects.queue import spelling
from taskloom.flows.stream import name
from tests.dialects.queue.desk import Desk
from tests.server.fixtures import serving

WAIT_S = 30


class Killed:
    def begin(self, valkey):
        valkey.kill()

    async def end(self, valkey):
        await valkey.begin()


class Emptied:
    def begin(self, valkey):
        with Redis.from_url(valkey.url) as redis:
            redis.flushall()

    async def end(self, valkey):
        pass


class Silent:
    def begin(self, valkey):
        valkey.pause()

    async def end(self, valkey):
        valkey.resume()


class Pair:
    """A desk at the server of the reader, and one at the server of the worker."""

    def __init__(self, reader, worker, store_reads):
        self.reader = reader
        self.worker = worker
        self.store_reads = store_reads

    async def hear_each_other(self):
        for desk in (self.reader, self.worker):
            await asyncio.wait_for(bus_of(desk).connected.wait(), WAIT_S)

    async def report(self, task_id, number):
        answer = await self.worker.progress(task_id, number, f"word {number}")
        assert answer.status == 200, answer.body

    async def settle(self, task_id, pieces):
        """Three frames, after which the worker's server knows of the reader; no slow poll helps any more."""
        for desk in (self.reader, self.worker):
            for duty in desk.server.engine._duties:
                duty.cancel()
        for number in range(3):  # the first look finds out who holds the task, the second asks for frames
            await self.report(task_id, number)
            assert await pieces.next() == frame(number)
        task = await self.worker.server.engine.store.task(spelling.read(task_id))
        async with asyncio.timeout(WAIT_S):
            while not bus_of(self.worker)._asked.within(name(task), READS_KEPT_MS):  # noqa: ASYNC110
                await asyncio.sleep(0)
        self.store_reads.clear()


def bus_of(desk):
    return desk.server.engine._plan.bus


def counted(store):
    """The searches of a store, as they come."""
    seen, search = [], store.search

    async def search_and_tell(query):
        seen.append(query)
        return await search(query)

    store.search = search_and_tell
    return seen


def frame(number):
    return b"id:%d\nevent:message\ndata:word %d\n\n" % (number, number)


@pytest.fixture
def bus(request):
    """The setting that names the bus: the database's own, or a Valkey."""
    return request.getfixturevalue("valkey").url if request.param == "redis" else "memory"


@pytest.fixture
async def pair(bus, database, tmp_path, monkeypatch):
    monkeypatch.setattr(shared, "BEAT_S", 0.5)
    async with AsyncExitStack() as running:
        servers = [
            await running.enter_async_context(serving(tmp_path / str(number), store=database, bus=bus))
            for number in range(2)
        ]
        key = await servers[0].key("desk")
        reader, worker = (Desk(server, key) for server in servers)
        await reader.register()
        pair = Pair(reader, worker, counted(servers[0].engine.store))
        await pair.hear_each_other()
        yield pair


@pytest.mark.parametrize("bus", ["postgres", "redis"], indirect=True)
async def test_frames_that_the_bus_brings_are_not_read_in_the_store(pair):
    async with pair.reader.streaming() as pieces:
        task_id = (await pair.worker.taken())["task_id"]
        await pair.settle(task_id, pieces)

        for number in range(3, 20):
            await pair.report(task_id, number)
            assert await pieces.next() == frame(number)

        assert pair.store_reads == []
        await pair.worker.complete(task_id)
        assert (await pieces.rest()).endswith(b"[DONE]\n\n")


@pytest.mark.parametrize("trouble", [Killed(), Emptied(), Silent()], ids=["killed", "emptied", "silent"])
@pytest.mark.parametrize("bus", ["redis"], indirect=True)
async def test_every_frame_comes_once_and_in_order_whatever_becomes_of_the_bus(pair, trouble, valkey):
    async with pair.reader.streaming() as pieces:
        task_id = (await pair.worker.taken())["task_id"]
        for number in range(4):
            await pair.report(task_id, number)
        trouble.begin(valkey)
        try:
            for number in range(4, 8):
                await pair.report(task_id, number)
            read = await pieces.next()
            while frame(7) not in read:
                read += await pieces.next()
        finally:
            await trouble.end(valkey)
        await pair.hear_each_other()
        for number in range(8, 20):
            await pair.report(task_id, number)
        await pair.worker.complete(task_id)
        read += await pieces.rest()

    assert read == b"".join(map(frame, range(20))) + b"id:20\nevent:message\ndata:[DONE]\n\n"


@pytest.mark.parametrize("bus", ["postgres", "redis"], indirect=True)
async def test_what_a_reader_missed_on_the_bus_it_reads_in_the_store(pair):
    async with pair.reader.streaming() as pieces:
        task_id = (await pair.worker.taken())["task_id"]
        await pair.settle(task_id, pieces)
        bus = bus_of(pair.worker)
        methods = bus.say, bus.publish
        bus.say = bus.publish = lambda *_: None
        await pair.report(task_id, 3)
        bus.say, bus.publish = methods
        await pair.report(task_id, 4)

        assert await pieces.next() == frame(3) + frame(4)
        assert len(pair.store_reads) == 1
