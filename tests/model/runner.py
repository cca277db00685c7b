"""Runs transactions of the engine on a store, one after another, with its own keys and tokens."""

import asyncio
from collections import deque

import msgspec

from taskloom.core.keys import KeyMaker
from taskloom.engine.batch import Environment
from taskloom.engine.transaction import run
from taskloom.views.deliveries import DELIVERIES
from tests.model.toyflow import KIND, TOYS, ToyFlow, project


class CountingTokens:
    """Tokens that are the same in every run."""

    def __init__(self):
        self._last = 1000

    def token(self):
        self._last += 1
        return self._last


class Runner:
    """One store with an engine's environment around it."""

    def __init__(self, store):
        self.store = store
        self.works = deque()
        self.future = None

    async def open(self):
        self.loop = asyncio.get_running_loop()
        await self.store.open((TOYS, DELIVERIES))
        node, last_key = await self.store.lease_node(0)
        self.environment = Environment(
            KeyMaker(1, last_key), node, CountingTokens(), {KIND: ToyFlow()}, {KIND: project}, {}
        )
        self.store.start(self)

    async def step(self, submissions, now):
        """One transaction; its result."""
        self.future = self.loop.create_future()
        self.works.append(run(self.environment, [msgspec.structs.replace(one) for one in submissions], now))
        self.store.kick()
        return await self.future

    def next(self):
        return self.works.popleft() if self.works else None

    def done(self, work, result):
        self.loop.call_soon_threadsafe(self.future.set_result, result)

    def failed(self, work, error):
        self.loop.call_soon_threadsafe(self.future.set_exception, error)
