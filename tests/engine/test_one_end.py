"""However many try to end a task, and whatever happens to their transaction: one end, one call about it."""

import asyncio
from itertools import permutations

import pytest

from taskloom.bus.memory import MemoryBus
from taskloom.core.commands import Cancel, Claim, Complete, Create, Fail, Reopen, Wake
from taskloom.core.rejections import Kind, Rejection
from taskloom.engine.engine import Engine, Plan
from taskloom.engine.outcome import Accepted
from taskloom.ports.callbacks import Delivery
from taskloom.ports.clock import SystemTokens
from taskloom.ports.store import TransientError, UnavailableError
from taskloom.store.memory import MemoryData, MemoryStore
from tests.server.fixtures import TestClock

ENDERS = ("complete", "complete otherwise", "fail", "cancel", "sweep")
FAULTS = (None, RuntimeError, TransientError, UnavailableError)
"""What befalls the first commit: nothing, or something that splits, repeats or refuses the batch."""


class Silent:
    """A receiver that never answers, so that every call stays in the outbox."""

    async def deliver(self, call):
        await asyncio.Event().wait()
        return Delivery(delivered=True)

    async def close(self):
        pass


class World:
    """An engine whose store fails once, at a commit, when it is told to."""

    def __init__(self):
        self.data, self.clock = MemoryData(), TestClock()
        self.fault = None
        self.engine = Engine(
            Plan(
                store=MemoryStore(self.data, step=self._step),
                clock=self.clock,
                tokens=SystemTokens(),
                bus=MemoryBus(),
                deliverer=Silent(),
                renders={"toy": lambda task, attributes, result: (b"{}", {})},
            )
        )

    def _step(self, name):
        if name == "commit" and self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault("by order of the test")

    async def held(self):
        """A task that a worker holds, whose deadline has passed before anybody swept."""
        now = self.clock.now_ms()
        create = Create(
            tenant="t", queue="q", dialect="toy", callback="https://a.example/", expires_at=now + 1000
        )
        key = (await self.engine.submit(create)).reply
        await self.engine.claim(Claim(tenant="t", queues=(("q", -1),), worker="w", holder="h"))
        self.clock.advance(seconds=2)
        return key

    def calls(self, key):
        return [row for row in self.data.outbox.values() if row.subject == key]


@pytest.fixture
async def world():
    world = World()
    await world.engine.start()
    yield world
    await world.engine.stop()


def command(ender, key):
    who = {"key": key, "tenant": "t", "worker": "w", "by": "h"}
    return {
        "complete": Complete(result=b"1", **who),
        "complete otherwise": Complete(result=b"2", **who),
        "fail": Fail(code="e", final=True, **who),
        "cancel": Cancel(key=key, tenant="t"),
        "sweep": Wake(key=key),
    }[ender]


async def insist(engine, commands):
    """Submit them together; whoever hears that the store cannot write now comes again."""
    outcomes = await engine.submit_many(commands)
    again = [
        one
        for one, outcome in zip(commands, outcomes, strict=True)
        if isinstance(outcome, Rejection) and outcome.kind is Kind.OVERLOADED
    ]
    return [*outcomes, *(await engine.submit_many(again))]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "none" if fault is None else fault.__name__)
async def test_all_who_end_a_task_in_one_batch_cause_one_call(world, fault):
    for enders in permutations(ENDERS, 3):
        key = await world.held()
        world.fault = fault

        outcomes = await insist(world.engine, [command(ender, key) for ender in enders])

        ended = [one for one in outcomes if isinstance(one, Accepted) and not one.repeated]
        assert len(ended) == 1, enders
        assert len(world.calls(key)) == 1, enders


async def test_whoever_comes_after_the_end_causes_no_call(world):
    for first in ENDERS:
        key = await world.held()
        for ender in (first, *ENDERS):
            await world.engine.submit(command(ender, key))
        assert len(world.calls(key)) == 1, first


async def test_each_end_of_a_task_that_was_reopened_is_told(world):
    key = await world.held()
    for _ in range(2):
        await world.engine.submit(command("cancel", key))
        await world.engine.submit(Reopen(key=key, tenant="t"))
    await world.engine.submit(command("cancel", key))

    assert len({row.key for row in world.calls(key)}) == 3
