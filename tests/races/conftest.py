"""Two servers over one PostgreSQL, and the means to hold one of them still at a chosen point."""

import asyncio
from collections import deque

import asyncpg
import pytest

from taskloom.core.keys import KeyMaker
from taskloom.engine.batch import Environment
from taskloom.engine.outcome import Accepted
from taskloom.engine.submission import Submission
from taskloom.engine.transaction import PUT_BACK, BatchResult, run
from taskloom.ports.store import Save, TransientError
from taskloom.store.postgres.store import PostgresStore
from taskloom.views.deliveries import DELIVERIES
from tests.model.runner import CountingTokens
from tests.model.toyflow import KIND, TOYS, ToyFlow, project

WAIT_S = 30
NOW = 1_750_000_000_000


class Held:
    """A store that stops each batch before one kind of request until it is let go."""

    def __init__(self):
        self.kind = None
        self.reached = asyncio.Event()
        self.go = asyncio.Event()

    def before(self, kind):
        self.kind, self.reached, self.go = kind, asyncio.Event(), asyncio.Event()

    async def passes(self, request):
        if self.kind is not None and isinstance(request, self.kind):
            self.kind = None
            self.reached.set()
            async with asyncio.timeout(WAIT_S):
                await self.go.wait()


class RacingServer:
    """A server's batches on the shared database, with the writer's rules for trying again."""

    def __init__(self, url, number):
        self.store = PostgresStore(url)
        self.number = number
        self.held = Held()
        self.works = deque()
        self.futures = {}
        self.now = NOW
        self.restarts = 0
        self.turned_away = asyncio.Event()
        self.deadlocks = 0

    async def open(self):
        self.loop = asyncio.get_running_loop()
        await self.store.open((TOYS, DELIVERIES))
        node, last_key = await self.store.lease_node(self.now)
        keys = KeyMaker(node, last_key)
        self.environment = Environment(keys, node, CountingTokens(), {KIND: ToyFlow()}, {KIND: project}, {})
        self.store.start(self)
        for writer in self.store._writers:
            writer._steps = self._holding(writer._steps)

    def _holding(self, steps):
        """The driver's own steps, with a stop before the request that is held."""

        async def held(session, work):
            answer = session.answer

            async def stopping(request):
                await self.held.passes(request)
                return await answer(request)

            session.answer = stopping
            return await steps(session, work)

        return held

    async def close(self):
        await self.store.close()

    async def batch(self, *commands, follow_up=0) -> BatchResult:
        """One batch to its commit; restarted and put back as the writer does."""
        submissions = [
            one if isinstance(one, Submission) else Submission(one, follow_up=follow_up) for one in commands
        ]
        known = []
        for _ in range(200):
            try:
                result = await self.once(submissions, known)
            except TransientError as error:
                self.restarts += 1
                self.turned_away.set()
                self.deadlocks += "deadlock" in str(error)
                continue
            if any(outcome is PUT_BACK for outcome in result.outcomes):
                self.turned_away.set()
                continue
            return result
        raise AssertionError("the batch never got through")

    async def once(self, submissions, known=None) -> BatchResult:
        """One try of a batch."""
        future = self.loop.create_future()
        work = run(self.environment, submissions, self.now, known)
        self.futures[id(work)] = future
        self.works.append(work)
        self.store.kick()
        async with asyncio.timeout(WAIT_S):
            return await future

    async def do(self, command, **rest):
        """One command; its outcome."""
        return (await self.batch(command, **rest)).outcomes[0]

    async def reply(self, command):
        outcome = await self.do(command)
        assert isinstance(outcome, Accepted), outcome
        return outcome.reply

    def next(self):
        return self.works.popleft() if self.works else None

    def done(self, work, result):
        self.futures.pop(id(work)).set_result(result)

    def failed(self, work, error):
        self.futures.pop(id(work)).set_exception(error)


@pytest.fixture
async def servers(database):
    pair = [RacingServer(database, number) for number in range(2)]
    for server in pair:
        await server.open()
    yield pair
    for server in pair:
        await server.close()
    assert sum(server.deadlocks for server in pair) == 0


@pytest.fixture
async def waits_for_lock(database):
    """Until some transaction of the database waits for a lock: the other one is really in its way."""
    connection = await asyncpg.connect(database)

    async def until():
        async with asyncio.timeout(WAIT_S):
            while not await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ):
                continue

    yield until
    await connection.close()


@pytest.fixture
def race(servers, waits_for_lock):
    """`first` is held before it saves, `second` runs into it; both outcomes, first's first."""

    async def arranged(first, second, *, blocks):
        one, two = servers
        one.held.before(Save)
        running = asyncio.create_task(one.batch(first))
        async with asyncio.timeout(WAIT_S):
            await one.held.reached.wait()
        meeting = asyncio.create_task(two.batch(second))
        if blocks:
            await waits_for_lock()
        else:
            await meeting
        one.held.go.set()
        a, b = await running, await meeting
        return a.outcomes[0], b.outcomes[0]

    return arranged
